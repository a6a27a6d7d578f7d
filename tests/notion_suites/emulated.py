"""The emulator as a process of its own, for suites that are not ours."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "ntn_emulated"
STOP_S = 10


class Served(NamedTuple):
    """Where it answers, the one token it takes, and the page that the connection can see."""

    base_url: str
    token: str
    root_page: str


@contextmanager
def emulator() -> Iterator[Served]:
    """Starts `python -m tests.notion_emulator`; the process is gone at the end of the block."""
    command = [sys.executable, "-m", "tests.notion_emulator", "--token", TOKEN]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            first = process.stdout.readline() if process.stdout else ""
            if not first:
                raise SystemExit("the emulator did not start")
            yield Served(**json.loads(first))
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
