"""Runs the README's commands for cog: every shown output is produced by the code and checked by CI.

All commands of one README share one temporary data folder, shown as `~/.local/share/llm-config-registry`;
a plan's digest depends on that folder and is shown as DIGEST.
"""

import atexit
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import cog

SHOWN_HOME = "~/.local/share/llm-config-registry"
_folder = tempfile.TemporaryDirectory(prefix="registry-readme-")


@cache
def _notion() -> dict[str, str]:
    """The emulator, started for this README and stopped with it: its address, a token and a page."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.notion_emulator", "--seed", "1"], stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.terminate)
    assert server.stdout is not None
    place = json.loads(server.stdout.readline())
    return {"NOTION_BASE_URL": place["base_url"], "NOTION_TOKEN": place["token"], "PAGE": place["root_page"]}


def notion(command: str, *, only: int | None = None) -> None:
    """Like `shell`, against an emulated Notion."""
    shell(command, only=only, extra=_notion())


def shell(command: str, *, only: int | None = None, extra: dict[str, str] | None = None) -> None:
    """Prints the command and what it prints, as a console block; `only` keeps that many lines of it."""
    home = Path(_folder.name) / ("notion" if extra else "home")
    work = Path(_folder.name) / "work"
    work.mkdir(exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "REGISTRY_", "NOTION_"))}
    env |= {
        "REGISTRY_HOME": str(home),
        "XDG_CONFIG_HOME": str(work),
        "HOME": str(work),
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }
    env |= extra or {}
    argv = [sys.executable, "-m", *(env.get(part.removeprefix("$"), part) for part in shlex.split(command))]
    env["PYTHONPATH"] = str(Path.cwd())
    done = subprocess.run(argv, capture_output=True, text=True, cwd=work, env=env, check=False)
    if done.returncode not in (0, 2):
        raise SystemExit(f"README: {command} exited with {done.returncode}: {done.stderr}")
    lines = done.stdout.replace(str(home), SHOWN_HOME).rstrip().splitlines()
    if only is not None and len(lines) > only:
        lines = [*lines[:only], "..."]
    lines = [re.sub(r"^(plan|apply) [0-9a-f]{8}$", r"\1 DIGEST", line.rstrip()) for line in lines]
    cog.outl("\n".join(["```console", f"$ {command}", *lines, "```"]))
