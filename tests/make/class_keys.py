"""What transformers' config classes accept and assume: `python -m tests.make.class_keys >
registry/architecture/class_keys.json`.

Needs transformers (extra `dryrun`). Per model type: every key that a blueprint could read, as
[kinds, default] (i int, b bool, f float, s str, l list, d dict, n null), the aliases of the class, and the
type of each part it wraps. Token ids, dropouts and other keys without influence on a tensor are left out.
"""

import dataclasses
import json
import re
import sys
import types
import typing
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedConfig
from transformers import __version__ as version
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from registry.architecture.types import find

KINDS = {int: "i", bool: "b", float: "f", str: "s", list: "l", tuple: "l", dict: "d", type(None): "n"}
IGNORED = re.compile(
    r".*(token_id|token_index|dropout|_eps|epsilon|initializer.*|is_encoder_decoder|_loss|_coef|logits|scale|scaling_factor|"
    r"token_ids|prob|_pdrop|_std)$|.*(token_type_ids|init_|_init)$|id2label|label2id|architectures|use_cache|"
    r"return_dict|output_(hidden_states|attentions|router_logits|scores|past|loading_info)|problem_type|transformers_version|dtype|chunk_size_feed_forward|"
    r"rope_parameters|pretraining_tp|norm_topk_prob|time_step_.*|.*softcap.*"
)


def kinds(annotation: Any) -> str:
    """One letter for each kind of value that an annotation admits; empty for one we cannot read."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return "".join(sorted({letter for part in typing.get_args(annotation) for letter in kinds(part)}))
    if origin is typing.Literal:
        return "".join(sorted({KINDS[type(value)] for value in typing.get_args(annotation)}))
    if origin is typing.Annotated:
        return kinds(typing.get_args(annotation)[0])
    plain = origin or annotation
    return KINDS.get(plain, "d" if isinstance(plain, type) and issubclass(plain, PreTrainedConfig) else "")


def keys(config_class: type) -> dict[str, list[Any]]:
    hints = typing.get_type_hints(config_class, localns={"torch": torch})
    parts = set(getattr(config_class, "sub_configs", None) or {})
    found = {}
    for field in dataclasses.fields(config_class):
        default = None if field.default is dataclasses.MISSING else field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if IGNORED.fullmatch(field.name) or field.name in parts or callable(default):
            continue
        if isinstance(default, tuple):
            default = list(default)
        found[field.name] = [kinds(hints[field.name]) or "bdfilns", default]
    return found


def entry(config_class: type) -> dict[str, Any]:
    found: dict[str, Any] = {"class": config_class.__name__, "keys": keys(config_class)}
    aliases = getattr(config_class, "attribute_map", None)
    if aliases:
        found["aliases"] = dict(sorted(aliases.items()))
    parts = getattr(config_class, "sub_configs", None)
    if parts:
        found["parts"] = {name: name_of(part, config_class, name) for name, part in sorted(parts.items())}
    return found


def name_of(part: type, parent: type, name: str) -> str | None:
    """The type of a part: its own, or parent.part for a class that is registered under none."""
    if part is AutoConfig:
        return None
    own = getattr(part, "model_type", "")
    if own and own in CONFIG_MAPPING and CONFIG_MAPPING[own] is part:
        return str(own)
    return f"{parent.model_type}.{name}"


def main() -> None:
    wanted = sorted(name for name in CONFIG_MAPPING if find(name))
    queue = [(name, CONFIG_MAPPING[name]) for name in wanted]
    found: dict[str, Any] = {}
    while queue:
        name, config_class = queue.pop()
        if name in found or not dataclasses.is_dataclass(config_class):
            continue
        found[name] = entry(config_class)
        for part, kind in (getattr(config_class, "sub_configs", None) or {}).items():
            if kind is not AutoConfig:
                queue.append((str(name_of(kind, config_class, part)), kind))
    document = {"transformers": version, "types": dict(sorted(found.items()))}
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    sys.stdout.write(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
