"""`python -m tests.notion_suites.sdk_py`: the official Python client's own tests, unchanged, on the emulator.

Fetches the source distribution of notion-client, checks that it is the published one, starts the emulator and
runs the tests with `sdk_py_plugin`, which gives them the fixtures they take for granted. Prints what came of
them; exit status 1 unless each test passed or is one of `NEED_INTERNET` and every answer had its right shape.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.notion_suites.emulated import Served, emulator, shapes_pass

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "notion-client==3.1.0"
SHA256 = "516e31326f855ec34559289b57be4e27ad656062f51f594c8f4ee3a608ee333d"
NEED_INTERNET = ("test_api_http_response_error", "test_api_async_request_bad_request_error")
"""They ask a page of another machine for a status."""
TEST = re.compile(r"^(?:async )?def test_", re.MULTILINE)
LONGEST_S = 600


class Count(NamedTuple):
    """Names of tests by what came of them; `written`: how many there are in the source."""

    passed: list[str]
    failed: list[str]
    need_internet: list[str]
    written: int

    @property
    def is_good(self) -> bool:
        return not self.failed and len(self.passed) + len(self.need_internet) == self.written

    def line(self) -> str:
        names = f" ({', '.join(self.need_internet)})" if self.need_internet else ""
        numbers = f"{len(self.passed)} passed, {len(self.failed)} failed"
        return f"{numbers}, {len(self.need_internet)} need the internet{names}"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        source = unpacked(fetched(Path(folder)), Path(folder) / "source")
        with emulator() as served:
            count = counted(run(source, served, Path(folder)), source)
    for name in count.failed:
        print(f"failed: {name}")
    print(f"{PACKAGE}, {count.written} tests: {count.line()}")
    shapes = shapes_pass(served.checker)
    return 0 if count.is_good and shapes else 1


def fetched(folder: Path) -> Path:
    """The source distribution, from the package index that pip is set to use."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--no-binary", ":all:", "--dest", str(folder), PACKAGE],
        check=True,
        timeout=LONGEST_S,
    )
    archive = next(folder.glob("*.tar.gz"))
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{archive.name}: want sha256 {SHA256}, got {found}")
    return archive


def unpacked(archive: Path, folder: Path) -> Path:
    """The folder of the source. Members that would leave it are refused."""
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    return next(folder.iterdir())


def run(source: Path, served: Served, folder: Path) -> dict[str, Any]:
    """What came of each test. No plugin is loaded but ours, no settings but none."""
    settings, results = folder / "pytest.ini", folder / "results.json"
    settings.write_text("[pytest]\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | {
        "NOTION_BASE_URL": served.base_url,
        "NOTION_TOKEN": served.token,
        "NOTION_ROOT_PAGE": served.root_page,
        "SUITE_RESULTS": str(results),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)]),
    }
    pytest = [sys.executable, "-m", "pytest", "--quiet", "--tb=short", "-c", str(settings)]
    plugins = ["-p", "tests.notion_suites.sdk_py_plugin", "-p", "no:cacheprovider"]
    subprocess.run(
        [*pytest, *plugins, "--rootdir", str(source), str(source / "tests")],
        cwd=source,
        env=environment,
        check=False,
        timeout=LONGEST_S,
    )
    found: dict[str, Any] = json.loads(results.read_text())
    return found


def counted(results: dict[str, Any], source: Path) -> Count:
    """A failed test needs the internet when it is known for that and did ask for another machine."""
    count = Count(
        [], [], [], sum(len(TEST.findall(one.read_text())) for one in (source / "tests").glob("*.py"))
    )
    for test, outcome in results["outcomes"].items():
        name = test.rpartition("::")[2]
        if outcome == "passed":
            count.passed.append(name)
        elif name in NEED_INTERNET and test in results["outside"]:
            count.need_internet.append(name)
        else:
            count.failed.append(name)
    return count


if __name__ == "__main__":
    sys.exit(main())
