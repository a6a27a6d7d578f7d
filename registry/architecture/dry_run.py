"""The tensor table as transformers builds it, for a type without a blueprint or to check one.

torch and transformers run in a child process, on the meta device, offline, without tokens, and never with
code from elsewhere: see `registry/dry_run_child.py`. Needs the extra `dryrun`.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry import dry_run_child, watched
from registry.architecture.assemble import assemble
from registry.architecture.blueprints import Architecture
from registry.architecture.config_view import LARGEST, LAYER_COUNT, MAX_LAYERS, known_keys, shown
from registry.architecture.fold import Table, fold
from registry.architecture.tensors import count_params
from schemas.errors import BadModel, BadUsage, RegistryError

CHILD = (sys.executable, "-P", str(Path(dry_run_child.__file__)))
"""-P: neither a file of the working folder nor one beside the child is imported in place of a library."""
OFFLINE = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    "USE_HUB_KERNELS": "0", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
    "PYTHONIOENCODING": "utf-8",
}  # fmt: skip
INSTALL = "pip install 'llm-config-registry[dryrun]'"
HEADERS = "--tensors headers reads what the hub stores"
MAX_SHOWN = 300


def architecture(config: Mapping[str, Any], where: str) -> Architecture:
    """The tensors of a config as the installed transformers builds them, and the facts of its text layers.

    Raises BadUsage where the extra is missing, BadModel for a config that transformers does not build.
    """
    tensors = fold(table(config, where))
    if (total := count_params(tensors)) > LARGEST:
        fix = "correct the sizes in the config"
        raise _bad(f"want at most 2^53 parameters, got {total:,}", where, fix)
    return assemble(config, tensors, where)


def check_sizes(config: Mapping[str, Any], where: str, model_type: object = None) -> None:
    """Raises BadModel for sizes that a blueprint refuses too, in nested configs as well, before anything is
    built. A number that no class reads may be of any size, as an endless max_length is.
    """
    model_type = config.get("model_type", model_type)
    known = known_keys(model_type) if isinstance(model_type, str) else {}
    read = {*known.get("keys", {}), *known.get("aliases", {}), *known.get("aliases", {}).values()}
    for key, value in config.items():
        if isinstance(value, Mapping):
            check_sizes(value, f"{where}:{key}", known.get("parts", {}).get(key))
        elif type(value) is int and value > MAX_LAYERS and LAYER_COUNT.fullmatch(key):
            raise _too_large(key, f"at most {MAX_LAYERS:,} layers", value, where)
        elif type(value) is int and value > LARGEST and (key in read or not known):
            raise _too_large(key, "at most 2^53", value, where)


def _too_large(key: str, want: str, got: int, where: str) -> BadModel:
    return _bad(f"{key}: want {want}, got {shown(got)}", where, f"correct {key} in the config")


def table(
    config: Mapping[str, Any],
    where: str,
    limits: watched.Limits | None = None,
    child: tuple[str, ...] = CHILD,
) -> Table:
    """Every single tensor: name -> its shape, and the name of the one whose storage it shares."""
    check_sizes(config, where)
    limits = limits or watched.Limits()
    argv = [*child, str(limits.memory_bytes)]
    ended = watched.run(argv, json.dumps(config).encode(), OFFLINE, limits)
    if ended.over or ended.code:
        raise _failure(ended, limits, str(config.get("model_type")), where)
    try:
        rows = json.loads(ended.out)["tensors"]
        return {name: (tuple(shape), owner) for name, shape, owner in rows}
    except (ValueError, KeyError, TypeError):
        raise _bad("the process that builds the model gave no list of tensors", where) from None


def _failure(ended: watched.Ended, limits: watched.Limits, model_type: str, where: str) -> RegistryError:
    line = last_line(ended.err)
    if ended.over is None and ended.code == dry_run_child.MISSING:
        return BadUsage(f"--dry-run needs torch and transformers: {line}", where=sys.executable, fix=INSTALL)
    if ended.over is None and ended.code == dry_run_child.UNKNOWN_TYPE:
        what = f"transformers {line} builds no language model of model_type {model_type!r}"
        return _bad(what, where, f"pip install --upgrade transformers; {HEADERS}")
    return _bad(f"transformers did not build it: {_why(ended, limits, line)}", where)


def _why(ended: watched.Ended, limits: watched.Limits, line: str) -> str:
    """What ended a child early."""
    out_of_memory = re.match(r"MemoryError|.*(bad_alloc|not enough memory|can't allocate memory)", line)
    if ended.over == "memory" or (ended.over is None and out_of_memory):
        return f"it takes more than {limits.memory_bytes / 2**30:g} GiB of memory"
    if ended.over == "time":
        return f"not done after {limits.time_s:g} s"
    if ended.over == "output":
        return f"its list of tensors is longer than {limits.output_bytes / 2**20:g} MiB"
    if ended.code < 0:
        return f"the process was ended by signal {-ended.code}"
    return line or f"the process ended with code {ended.code}"


def last_line(text: bytes) -> str:
    """The last line a child printed that is not empty, in characters that are safe to show."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines()]
    line = next((line for line in reversed(lines) if line), "")
    shown = "".join(c if c.isprintable() else "?" for c in line)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."


def _bad(what: str, where: str, fix: str = f"correct the config, or {HEADERS}") -> BadModel:
    return BadModel(what, where=where, fix=fix)
