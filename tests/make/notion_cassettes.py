"""Recordings of the traffic between the command line and Notion, as vcrpy cassettes.

    python -m tests.make.notion_cassettes                  against the emulator: the same bytes each time
    python -m tests.make.notion_cassettes --parent PAGE    against Notion itself

The second needs NOTION_TOKEN, a page that the token's connection may edit, and NOTION_BASE_URL unset. It
makes a new table under that page, named after the time, writes four rows and changes one cell. It trashes
nothing: the table is left for you to look at. Cassettes of the emulator are in `cassettes/emulator`, those of
the service in `cassettes/service`; the tests replay both.

Three cassettes, of one machine, in turn: `first-sync` (init, then sync), `no-op-sync`, and `update` (one
value pinned in registry.toml). The header `recorded` says against what, when and with which versions it was
recorded, and what came of each command; vcrpy itself passes over it. Rows are written one at a time, so that
the order is the same each time. What is kept is in `tests.make.notion_scrubbing`.
"""

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import vcr
from vcr.request import Request

from tests.make.notion_scrubbing import REQUEST_HEADERS, RESPONSE_HEADERS, Scrubber, kept_headers
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.clock import START, Clock
from tests.notion_emulator.server import serving

Json = dict[str, Any]

OUT = Path("tests/sync/notion/cassettes")
API = "https://api.notion.com"
NAMES = ("first-sync", "no-op-sync", "update")
SYNC = ["sync", "--family", "gpt2", "--format", "json"]
PIN = '[models."hf:openai-community/gpt2"]\nnorm_eps = 1e-6\n'
TITLE = "LLM config table"
TOKEN = "ntn_" + "5ecret" * 7
FOREIGN = ("HF_", "HUGGING_FACE_", "NOTION_", "REGISTRY_", "XDG_")
SETTLING_S = 10.0
"""Between commands against the service, so that queries see what was written."""
COMPARED = ("format", "table", "schema", "changes", "problems", "summary")
"""Of a plan. Its files, and its own digest that counts them in, depend on more than on Notion's answers."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is recorded. `against`: emulator or service; `parent`: id of the page the table goes on."""

    against: str
    token: str
    parent: str
    title: str
    date: str
    base_url: str | None = None
    settling_s: float = 0.0

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the command."""
        address = {"NOTION_BASE_URL": self.base_url} if self.base_url else {}
        return {"NOTION_TOKEN": self.token, **address}


@dataclass(slots=True)
class Cassette:
    """Serializer of one cassette: header first, then one interaction a line. Writes no token, ever."""

    place: Place
    header: Json = field(default_factory=dict)

    def serialize(self, cassette: Json) -> str:
        scrubber = Scrubber(self.place.parent, self.place.title)
        lines = [_compact(one) for one in scrubber.interactions(cassette["interactions"])]
        text = (
            f'{{"recorded":{_compact(self.header)},\n"version":{cassette["version"]},\n"interactions":[\n'
            + ",\n".join(lines)
            + "\n]}\n"
        )
        if self.place.token in text:
            raise AssertionError("the token is in the recording")
        return text

    @staticmethod
    def deserialize(text: str) -> Json:
        return dict(json.loads(text))


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def emulated() -> tuple[Emulator, Place]:
    """A seeded workspace whose clock stands still."""
    emulator = Emulator(token=TOKEN, clock=Clock(START))
    return emulator, Place("emulator", TOKEN, emulator.root_page.id, TITLE, f"{START:%Y-%m-%d}")


def record(folder: Path, place: Place) -> None:
    """Records the three cassettes into a folder that has none."""
    init = ["init", "--parent", place.parent, "--title", place.title, "--format", "json"]
    plays = {"first-sync": ([init, SYNC], ""), "no-op-sync": ([SYNC], ""), "update": ([SYNC], PIN)}
    with machine(place.environment), one_at_a_time():
        for name in NAMES:
            time.sleep(place.settling_s)
            commands, settings = plays[name]
            keeper = Cassette(place, _header(place, settings))
            with recorder(keeper).use_cassette(str(folder / f"{name}.json"), record_mode="new_episodes"):
                keeper.header["runs"] = [*_runs(commands, settings, place.settling_s)]


def replay(path: Path) -> tuple[list[Json], list[int]]:
    """What comes of the commands of a cassette, on the machine of `machine`, and which of its interactions
    were used, in the order of use. A request that is not in it is refused by vcrpy.
    """
    header = header_of(path)
    place = Place("cassette", TOKEN, header["parent"], header["title"], header["date"])
    tape = recorder(Cassette(place)).use_cassette(str(path), record_mode="none")
    with mock.patch.dict(os.environ, place.environment), tape as cassette:
        runs = list(_runs([run["command"] for run in header["runs"]], header["settings"]))
        return runs, list(cassette.play_counts)


def header_of(path: Path) -> Json:
    """What a cassette says of itself."""
    return dict(json.loads(path.read_text("utf-8"))["recorded"])


def recorder(keeper: Cassette) -> vcr.VCR:
    """vcrpy as it records and replays here: addressed to the service, few headers, bodies equal as JSON."""
    made = vcr.VCR(
        serializer="lines",
        match_on=("method", "scheme", "host", "port", "path", "query", "headers", "json"),
        before_record_request=_kept_request,
        before_record_response=_kept_response,
        decode_compressed_response=True,
    )
    made.register_serializer("lines", keeper)
    made.register_matcher("json", _json_equal)
    return made


@contextmanager
def machine(environment: Mapping[str, str] | None = None) -> Iterator[Path]:
    """A machine with nothing on it: empty home, data and working folder, no settings, no hub.

    The data folder is named relative to the working folder, so that no path of this machine is in a plan.
    """
    ours = {
        "REGISTRY_HOME": "data",
        "HF_ENDPOINT": "http://127.0.0.1:9",  # nothing listens there
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        ours |= {"HOME": folder, "HF_HOME": f"{folder}/hf", **(environment or {})}
        with mock.patch.dict(os.environ, {**kept, **ours}, clear=True):
            yield Path(folder)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """One request in flight instead of three."""
    from sync.notion import table

    with mock.patch.object(table, "NotionTable", partial(table.NotionTable, in_flight=1)):
        yield


def _runs(commands: Sequence[list[str]], settings: str, settling_s: float = 0.0) -> Iterator[Json]:
    Path("registry.toml").write_text(settings, "utf-8")
    for command in commands:
        yield {"command": command, **_outcome(*_run(command))}
        time.sleep(settling_s)


def _run(command: list[str]) -> tuple[int, str, str]:
    """Exit code and what was printed by `registry`."""
    from registry.cli import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(command)
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("registry came to no end")


def _outcome(code: int, out: str, err: str) -> Json:
    """What of a command has to be the same when it is replayed."""
    if not out:
        return {"exit_code": code, "said": err}
    document = json.loads(out)
    if "summary" not in document:
        return {"exit_code": code, "made": document["made"], "data_source_id": document["data_source_id"]}
    plan = {name: document[name] for name in COMPARED}
    return {
        "exit_code": code,
        "plan": hashlib.sha256(_compact(plan).encode()).hexdigest(),
        "summary": document["summary"],
        "requests": {kind: document["requests"][kind] for kind in ("read", "write")},
    }


def _header(place: Place, settings: str) -> Json:
    from sync.notion.api import VERSION

    return {
        "against": place.against,
        "date": place.date,
        "notion_version": VERSION,
        "notion_client": version("notion-client"),
        "parent": place.parent,
        "title": place.title,
        "settings": settings,
    }


def _kept_request(request: Request) -> Request:
    request.uri = re.sub(r"^https?://[^/]+", API, request.uri)
    request.headers = kept_headers(request.headers, REQUEST_HEADERS)
    return request


def _kept_response(response: Json) -> Json:
    return {**response, "headers": kept_headers(response["headers"], RESPONSE_HEADERS)}


def _json_equal(one: Request, other: Request) -> None:
    """Equal as JSON, whatever the order of names; 1, 1.0 and true are three things."""
    bodies = [json.dumps(json.loads(each.body or b"null"), sort_keys=True) for each in (one, other)]
    assert bodies[0] == bodies[1], "other body"


def place_of(parent: str) -> Place:
    """The service, with the token of the environment. Exits for settings that would record something else."""
    from registry.credentials import object_id
    from schemas.errors import BadSettings

    token = os.environ.get("NOTION_TOKEN", "").strip()
    if not token or os.environ.get("NOTION_BASE_URL"):
        raise SystemExit("--parent records against Notion itself: set NOTION_TOKEN, unset NOTION_BASE_URL")
    try:
        page = object_id(parent, "--parent")
    except BadSettings as error:
        raise SystemExit(str(error)) from None
    now = datetime.now(UTC)
    title = f"{TITLE} recorded {now:%Y-%m-%d %H:%M:%S}"
    return Place("service", token, page, title, f"{now:%Y-%m-%d}", settling_s=SETTLING_S)


def make(place: Place, out: Path) -> list[Path]:
    """Records, and only then replaces the cassettes in `out`, if every command ended well."""
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder), place)
        made = [Path(folder) / f"{name}.json" for name in NAMES]
        ended = [run for path in made for run in header_of(path)["runs"]]
        if failed := next((run for run in ended if run["exit_code"]), None):
            raise SystemExit(f"not recorded: {json.dumps(failed)}")
        out.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(path, out / path.name)) for path in made]


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m tests.make.notion_cassettes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parent", metavar="PAGE", help="page in Notion under which a new table is made")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of the cassettes (default: {OUT})")
    options = parser.parse_args(argv)
    out = options.out.absolute()
    if options.parent:
        made = make(place_of(options.parent), out / "service")
    else:
        emulator, place = emulated()
        with serving(emulator) as url:
            made = make(replace(place, base_url=url), out / "emulator")
    for path in made:
        print(f"{path}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
