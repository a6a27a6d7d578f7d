"""Defaults of transformers' config classes:
`python -m tests.make.class_defaults > sources/class_defaults.json`.

Needs transformers (extra `dryrun`), not torch. Per model type: the class, the defaults of the keys we read,
the type of its text part where it wraps one, whether its MLP is gated, whether num_key_value_heads follows
the query heads, and whether the class fills in experts. How many experts and which towers is left out: a
class that can have them does not say that this model has.
"""

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)

from sources.config_keys import EXPERTS
from sources.hf_config import DEFAULTED

GATE = re.compile(r"gate_proj|gate_up_proj|self\.w3\b|GatingMLP\(")
TEXT_PARTS = {"text_config", "llm_config", "language_config"}
COMMENT = re.compile(r"#.*")
PLAIN = re.compile(r"self\.(fc1|c_fc|dense_h_to_4h|up_proj|fc_in)\b")


def gated(config_class: type) -> bool | None:
    """By the names of the linear layers in the modeling file; None where they tell nothing."""
    folder = Path(sys.modules[config_class.__module__].__file__ or "").parent
    sources = [COMMENT.sub("", path.read_text("utf-8")) for path in folder.glob("modeling_*.py")]
    if any(GATE.search(source) for source in sources):
        return True
    return False if any(PLAIN.search(source) for source in sources) else None


def defaults(config_class: type) -> dict[str, Any]:
    """Plain defaults of the fields we read; None and computed ones are no defaults."""
    found = {}
    for field in dataclasses.fields(config_class):
        value = field.default
        if field.name in DEFAULTED and isinstance(value, bool | int | float) and value is not None:
            found[field.name] = value
    theta = _rope_theta(config_class)
    if theta is not None:
        found["rope_theta"] = theta
    return found


def _rope_theta(config_class: type) -> float | None:
    try:
        rope = getattr(config_class(), "rope_parameters", None)
    except Exception:  # a class whose defaults do not build has none
        return None
    if isinstance(rope, dict):
        rope = rope.get("full_attention", rope)
        value = rope.get("rope_theta") if isinstance(rope, dict) else None
        return float(value) if isinstance(value, int | float) else None
    return None


def kv_heads_follow(config_class: type) -> bool:
    """Whether num_key_value_heads becomes the number of query heads when it is absent."""
    names = {field.name: field.default for field in dataclasses.fields(config_class)}
    if names.get("num_key_value_heads", 0) is not None:
        return False
    try:
        return bool(config_class(hidden_size=96, num_attention_heads=6).num_key_value_heads == 6)
    except Exception:  # a class that takes no such shape says nothing
        return False


def entry(model_type: str) -> dict[str, Any]:
    config_class = CONFIG_MAPPING[model_type]
    text = (getattr(config_class, "sub_configs", None) or {}).get("text_config")
    found: dict[str, Any] = {"class": config_class.__name__}
    if text is not None and getattr(text, "model_type", ""):
        found["text"] = text.model_type
    if dataclasses.is_dataclass(config_class):
        found["defaults"] = defaults(config_class)
        if kv_heads_follow(config_class):
            found["kv_heads_follow"] = True
    is_gated = gated(config_class)
    tower = parts(config_class) & TEXT_PARTS if is_gated else parts(config_class)
    if is_gated is not None and not tower:
        found["gated"] = is_gated
    if fills_in_experts(config_class):
        found["experts"] = True
    return found


def parts(config_class: type) -> set[str]:
    """The models a config wraps. A gate is the text model's if that is not one of them; two plain matrices
    may always be those of a tower.
    """
    return set(getattr(config_class, "sub_configs", None) or {}) - {"attn_config", "ffn_config"}


def fills_in_experts(config_class: type) -> bool:
    """Whether a file without any expert key still gets experts from the class."""
    if not dataclasses.is_dataclass(config_class):
        return False
    counts = [field.default for field in dataclasses.fields(config_class) if field.name in EXPERTS]
    return any(type(count) is int and count > 1 for count in counts)


def main() -> None:
    wanted = {*MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES}
    types = sorted(wanted & set(CONFIG_MAPPING_NAMES))
    found = {model_type: entry(model_type) for model_type in types}
    texts = {e["text"] for e in found.values() if "text" in e} - set(found)
    found |= {
        model_type: entry(model_type) for model_type in sorted(texts) if model_type in CONFIG_MAPPING_NAMES
    }
    document = {"transformers": transformers.__version__, "types": dict(sorted(found.items()))}
    json.dump(document, sys.stdout, separators=(",", ":"), sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
