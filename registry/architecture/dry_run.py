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
from registry.architecture.fold import Table, fold
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
    return assemble(config, fold(table(config, where)), where)


def table(
    config: Mapping[str, Any],
    where: str,
    limits: watched.Limits | None = None,
    child: tuple[str, ...] = CHILD,
) -> Table:
    """Every single tensor: name -> its shape, and the name of the one whose storage it shares."""
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
