"""`python -m tests.notion_suites.node`: the official JavaScript client and MCP server on the emulator.

Installs both with npm into a temporary folder and runs the scripts of `tests/notion_suites/node` there.
Prints what came of their checks; exit status 1 unless all passed and every answer had its right shape, or
where node or npm is missing.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.notion.shapes import Checker
from tests.notion_emulator import seeds
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Knobs
from tests.notion_suites.emulated import TOKEN, Served, emulator, served, shapes_pass

SCRIPTS = Path(__file__).parent / "node"
VERSIONS = ("2025-09-03", "2026-03-11")
LONGEST_S = 300
CAP, ROWS, BETWEEN_ROWS_S = 100, 250, 10


def main() -> int:
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        print(f"not run: {' and '.join(missing)} not found; install Node.js 20 or later")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = installed(Path(name))
        with emulator() as common:
            lines = [line for version in VERSIONS for line in run(folder, "sdk.mjs", common, version)]
            lines += run(folder, "mcp.mjs", common, VERSIONS[0])
        more_lines, checker = capped(folder)
    lines += more_lines
    for line in lines:
        print(line)
    passed = sum(": ok " in line for line in lines)
    print(f"{passed} passed, {len(lines) - passed} failed")
    shapes = shapes_pass(common.checker, checker)
    return 0 if lines and passed == len(lines) and shapes else 1


def installed(folder: Path) -> Path:
    """The folder with the scripts and the packages they use."""
    for file in SCRIPTS.iterdir():
        if file.suffix in (".mjs", ".json"):
            shutil.copy(file, folder)
    npm = [shutil.which("npm") or "npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    subprocess.run([*npm, "--ignore-scripts", "--loglevel=error"], cwd=folder, check=True, timeout=LONGEST_S)
    return folder


def run(
    folder: Path, script: str, served: Served, version: str, more: Mapping[str, str] | None = None
) -> list[str]:
    """What came of each check of a script; an end in the middle counts as a failed check."""
    environment = {
        "PATH": os.environ["PATH"],
        "NOTION_BASE_URL": served.base_url,
        "NOTION_TOKEN": served.token,
        "NOTION_ROOT_PAGE": served.root_page,
        "NOTION_VERSION": version,
    }
    status, said, complaint = ended(
        [shutil.which("node") or "node", script], folder, environment | dict(more or {})
    )
    where = f"{script} {version}"
    lines = [f"{where}: {line}" for line in said.splitlines() if line.startswith(("ok ", "failed "))]
    written = (SCRIPTS / script).read_text().count("await check(")
    if len(lines) < written or (status == 0) != all(": ok " in line for line in lines):
        reason = complaint.strip().splitlines()[-1:] or [f"exit status {status}"]
        lines.append(f"{where}: failed after {len(lines)} of {written} checks: {reason[0]}")
    return lines


def ended(command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit status, output and errors of a command; whatever it started ends with it."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complaint = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            return 1, "", f"no end after {LONGEST_S} seconds"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said, complaint


def capped(folder: Path) -> tuple[list[str], Checker]:
    """The script about the limit of one query, on rows that were made at different times; who looked on."""
    emulated = Emulator(token=TOKEN, knobs=Knobs(cap=CAP))
    _, data_source_id = seeds.database(emulated, {"Name": {"title": {}}})
    for number in range(ROWS):
        emulated.clock.sleep(BETWEEN_ROWS_S)
        seeds.row(emulated, data_source_id, {"Name": {"title": [{"text": {"content": f"Row {number}"}}]}})
    more = {"NOTION_DATA_SOURCE": data_source_id, "NOTION_ROWS": str(ROWS), "NOTION_CAP": str(CAP)}
    with served(emulated) as found:
        return run(folder, "cap.mjs", found, VERSIONS[0], more), found.checker


if __name__ == "__main__":
    sys.exit(main())
