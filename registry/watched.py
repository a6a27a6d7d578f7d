"""A child process that ends: within a time, below a memory, with everything it started."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

LOOK_S = 0.02
"""Between two looks at the child: it can take about this long times the speed of memory more than it may."""
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY", re.IGNORECASE)
"""Variables that a child does not see."""
GONE = (ProcessLookupError, PermissionError)
"""What killing says of a group without living processes; the second on macOS."""
Limit = Literal["time", "memory", "output"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may take. Memory is what is resident, watched where /proc says it."""

    time_s: float = 120
    memory_bytes: int = 2 * 2**30
    output_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. `code`: its exit code, or minus the signal; `over`: the limit it was ended for."""

    code: int
    out: bytes
    err: bytes
    over: Limit | None = None


def run(argv: Sequence[str], stdin: bytes, env: Mapping[str, str], limits: Limits) -> Ended:
    """Runs a child to its end, in a session of its own.

    `env` is added to this process's environment without its secrets. The child and what it started are killed
    when a limit is passed and when this process is interrupted. The texts pass through files without a name,
    so neither side ever waits for the other.
    """
    seen = {name: value for name, value in os.environ.items() if not SECRET.search(name)} | dict(env)
    with tempfile.TemporaryFile() as text, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        text.write(stdin)
        text.seek(0)
        child = subprocess.Popen(argv, stdin=text, stdout=out, stderr=err, env=seen, start_new_session=True)
        try:
            over = _watched(child, (out, err), limits)
        finally:
            with contextlib.suppress(*GONE):
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
        return Ended(code, _text(out, limits), _text(err, limits), over)


def _watched(child: subprocess.Popen[bytes], outputs: Sequence[IO[bytes]], limits: Limits) -> Limit | None:
    """Waits for the end of a child; the limit that was passed first, if any."""
    deadline = time.monotonic() + limits.time_s
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_S)
            return None
        if time.monotonic() > deadline:
            return "time"
        if _resident_bytes(child.pid) > limits.memory_bytes:
            return "memory"
        if any(os.fstat(output.fileno()).st_size > limits.output_bytes for output in outputs):
            return "output"


def _resident_bytes(pid: int) -> int:
    """0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _text(output: IO[bytes], limits: Limits) -> bytes:
    output.seek(0)
    return output.read(limits.output_bytes)
