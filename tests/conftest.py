"""Every test runs without network but loopback, without the machine's settings, caches and tokens."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_home = tempfile.TemporaryDirectory(prefix="registry-tests-")
_foreign = ("HF_", "HUGGING_FACE_", "REGISTRY_", "NOTION_")
for _name in [name for name in os.environ if name.startswith(_foreign)]:
    if not _name.startswith("REGISTRY_TEST_"):
        del os.environ[_name]
os.environ |= {
    "HOME": _home.name,
    "XDG_CONFIG_HOME": f"{_home.name}/config",
    "XDG_DATA_HOME": f"{_home.name}/data",
    "XDG_CACHE_HOME": f"{_home.name}/cache",
    "HF_HOME": f"{_home.name}/hf",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_ENDPOINT": "http://127.0.0.1:9",  # nothing listens there: the hub is down
}
_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else ""
    if self.family in (socket.AF_INET, socket.AF_INET6) and host not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"a test tried to reach {host}")
    _connect(self, address)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def registry_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, an empty config folder and an empty working folder."""
    home = tmp_path / "home"
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("REGISTRY_HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(work)
    return home


@pytest.fixture
def run(registry_home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs `registry` in this process, as at a terminal that is none."""
    from registry.cli import main

    def registry(*argv: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(argv)
        printed = capsys.readouterr()
        return Result(int(ended.value.code or 0), printed.out, printed.err)

    return registry


@dataclass(frozen=True)
class Notion:
    """An emulated workspace behind a real socket, and the token that opens it."""

    emulator: Any
    person: Any
    url: str
    token: str


@pytest.fixture
def notion(registry_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notion]:
    """The emulator on loopback, in the environment of the command."""
    from tests.notion_emulator.app import Emulator
    from tests.notion_emulator.clock import Clock
    from tests.notion_emulator.people import Person
    from tests.notion_emulator.server import serving

    token = "ntn_" + "5ecret" * 7
    emulator = Emulator(token=token, clock=Clock())
    with serving(emulator) as url:
        monkeypatch.setenv("NOTION_BASE_URL", url)
        monkeypatch.setenv("NOTION_TOKEN", token)
        yield Notion(emulator, Person(emulator), url, token)
