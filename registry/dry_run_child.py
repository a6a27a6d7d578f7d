"""Runs in a process of its own: builds a config on torch's meta device and prints its tensors as JSON.

Config as JSON on stdin, `{"class", "tensors": [[name, shape, name of the owner or null], ...]}` on stdout; an
exception ends it as exceptions do, its last line on stderr. Run as a file, so nothing of ours is imported.
Only classes of the installed transformers are used: what a config says of code, kernels or weights elsewhere
is dropped. No weights exist: a meta tensor has a shape and no storage.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

MISSING, UNKNOWN_TYPE = 64, 65
"""Exit codes: torch or transformers is not here or too old; transformers has no such type."""
TRANSFORMERS = 5
"""The major version whose module names blueprints share."""
DROPPED = frozenset({
    "auto_map", "trust_remote_code", "quantization_config", "use_pretrained_backbone", "attn_implementation",
    "_attn_implementation", "_attn_implementation_internal", "experts_implementation",
    "_experts_implementation", "_experts_implementation_internal",
})  # fmt: skip
"""Keys, at any depth, that name code, kernels, weights or a storage format."""
TABLES = (
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES",
)  # fmt: skip


def main() -> None:
    """argv: bytes of memory."""
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    answer = os.dup(1)
    os.dup2(2, 1)  # what libraries print is not the answer
    config = without_code(json.load(sys.stdin))
    try:
        torch, transformers = import_module("torch"), import_module("transformers")
    except ImportError as error:
        fail(MISSING, f"{error.name or 'transformers'} is not installed")
    if int(transformers.__version__.partition(".")[0]) < TRANSFORMERS:
        fail(
            MISSING,
            f"transformers {transformers.__version__} is installed, {TRANSFORMERS}.0 or newer is needed",
        )
    cap_memory(int(sys.argv[1]))
    kind, settings = chosen(config, transformers)
    with torch.device("meta"):
        model = kind(settings)
    document = {"class": kind.__name__, "tensors": table(model)}
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump(document, out, separators=(",", ":"))


def fail(code: int, line: str) -> NoReturn:
    sys.stderr.write(f"{line}\n")
    raise SystemExit(code)


def end_with(parent: int) -> None:
    """Ends this process soon after the one that started it."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def cap_memory(max_bytes: int) -> None:
    """Lets allocations fail beyond `max_bytes` resident; what libraries map and do not use is not counted.

    The parent watches too; this holds between two of its looks. Only Linux has both numbers and the limit.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return
    import resource

    lines = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
    mapped, resident = (int(lines[name].split()[0]) * 1024 for name in ("VmData", "VmRSS"))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = mapped + max(0, max_bytes - resident)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard) if hard < 0 or wanted < hard else (hard, hard))


def without_code(config: Any) -> Any:
    """The config without the keys of DROPPED, in nested configs too."""
    if isinstance(config, dict):
        return {key: without_code(value) for key, value in config.items() if key not in DROPPED}
    return [without_code(one) for one in config] if isinstance(config, list) else config


def chosen(config: Mapping[str, Any], transformers: Any) -> tuple[Any, Any]:
    """The class to build and its config object: the class the config names if it is one of its type and has a
    head, else the one of the type that has the towers the config describes.
    """
    types: Any = import_module("transformers.models.auto.configuration_auto")
    heads: Any = import_module("transformers.models.auto.modeling_auto")
    model_type = config.get("model_type")
    if model_type not in types.CONFIG_MAPPING_NAMES:
        fail(UNKNOWN_TYPE, transformers.__version__)
    settings: Any = types.CONFIG_MAPPING[model_type]
    named = (config.get("architectures") or [None])[0]
    kind: Any = getattr(transformers, named, None) if isinstance(named, str) else None
    of_this_type = getattr(kind, "config_class", None) is settings
    if of_this_type and ("For" in named or "LMHead" in named):
        return kind, settings.from_dict(dict(config))
    whole, causal, *others = (dict(getattr(heads, name, {})) for name in TABLES)
    first = [whole, causal] if config.get("vision_config") else [causal, whole]
    name = next((names[model_type] for names in (*first, *others) if model_type in names), None)
    if name is None:
        fail(UNKNOWN_TYPE, transformers.__version__)
    return getattr(transformers, name), settings.from_dict(dict(config))


def table(model: Any) -> list[tuple[str, list[int], str | None]]:
    """Parameters by name. A tied one names the first that holds the same storage."""
    first: dict[int, str] = {}
    found = []
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owner = first.setdefault(id(parameter), name)
        found.append((name, list(parameter.shape), None if owner == name else owner))
    return found


if __name__ == "__main__":
    main()
