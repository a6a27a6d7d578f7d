"""What transformers itself builds from a config, on torch's meta device: `python -m tests.make.meta
TYPE|FILE`.

The witness of every blueprint. Needs the extra `dryrun`. Remote code is never run, weights are never read.
`table` answers {expanded tensor name: (shape, name of the tensor whose storage it shares or None)}.
"""

import contextlib
import copy
import io
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers.models.auto import modeling_auto  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES  # noqa: E402

from registry.architecture.tensors import layer_ranges  # noqa: E402

transformers.logging.set_verbosity_error()
logging.disable(logging.WARNING)

CAUSAL = dict(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
CONDITIONAL = dict(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
OTHER = {
    **modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    **modeling_auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
}
DROPPED = ("quantization_config", "auto_map")
Table = dict[str, tuple[tuple[int, ...], str | None]]


def class_name(config: Mapping[str, Any]) -> str:
    """The class a checkpoint of this config is loaded with: its own `architectures` where that is a class of
    its type, else the one of its type that has its towers, else the one for text.
    """
    named = (config.get("architectures") or [None])[0]
    model_type = config["model_type"]
    kind = getattr(transformers, named, None) if named else None
    own = CONFIG_MAPPING[model_type]
    text = (getattr(own, "sub_configs", None) or {}).get("text_config")
    if kind and ("For" in named or "LMHead" in named) and kind.config_class in (own, text):
        return str(named)
    return str(CONDITIONAL.get(model_type) or CAUSAL.get(model_type) or OTHER[model_type])


def build(config: Mapping[str, Any]) -> torch.nn.Module:
    """The model of a raw config.json on the meta device."""
    plain = {key: copy.deepcopy(value) for key, value in config.items() if key not in DROPPED}
    settings = CONFIG_MAPPING[plain["model_type"]].from_dict(plain)
    kind = getattr(transformers, class_name(config))
    if kind.config_class is (getattr(settings, "sub_configs", None) or {}).get("text_config"):
        settings = settings.get_text_config()
    with torch.device("meta"), quiet():
        return kind(settings)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def table_of(model: torch.nn.Module) -> Table:
    """Parameters by name. A tied one names the first that holds the same storage."""
    first: dict[int, str] = {}
    found: Table = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owner = first.setdefault(id(parameter), name)
        found[name] = (tuple(parameter.shape), None if owner == name else owner)
    return found


def table(config: Mapping[str, Any]) -> Table:
    return table_of(build(config))


def folded(found: Table) -> list[tuple[str, str, str, str]]:
    """(pattern, layers, shape, tied to) for reading: numbers between dots become {i}, {j}."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, (shape, tied) in found.items():
        numbers = re.findall(r"\.(\d+)(?=\.|$)", name)
        letters = iter("ijkl")
        pattern = re.sub(r"\.(\d+)(?=\.|$)", lambda m: ".{" + next(letters) + "}", name)  # noqa: B023
        groups.setdefault((pattern, str(list(shape)), tied or ""), []).append(":".join(numbers))
    return [(pattern, _ranges(layers), shape, tied) for (pattern, shape, tied), layers in groups.items()]


def _ranges(layers: list[str]) -> str:
    if not all(layer.isdigit() for layer in layers):
        return f"x{len(layers)} {layers[0]}..{layers[-1]}"
    return layer_ranges(sorted(map(int, layers)))


def load(target: str) -> dict[str, Any]:
    """A config by its file, or the defaults of a model type."""
    if Path(target).is_file():
        return json.loads(Path(target).read_text("utf-8"))
    if target not in CONFIG_MAPPING_NAMES:
        raise SystemExit(f"{target}: no file and no model type of transformers {transformers.__version__}")
    return {"model_type": target}


def main() -> None:
    for target in sys.argv[1:]:
        config = load(target)
        found = table(config)
        total = sum(torch.Size(shape).numel() for shape, tied in found.values() if not tied)
        print(f"{target}  {class_name(config)}  {len(found)} tensors  {total:,} parameters")
        for pattern, layers, shape, tied in folded(found):
            print(f"  {pattern:<64} {layers:<12} {shape}" + (f"  = {tied}" if tied else ""))


if __name__ == "__main__":
    main()
