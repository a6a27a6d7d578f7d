"""A table in Notion: requests, seconds of the emulator's clock at 180 requests a minute, and CPU of our side.

Beside them stand the floor of the rate's windows, the fewest requests that show all rows, and a peer: a
script on notion-client, one request at a time, that reads all rows with `collect_paginated_api`, creates what
is not there, and re-reads and writes every row that is, changed or not. Tools that keep no base work like it
(csv2notion-neo 2.2.1 does with fewer reads: 60 writes and 24 reads for 60 rows without a change). The script
waits as Retry-After says. Both carry the same rows of every column.
"""

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from notion_client import Client
from notion_client.helpers import collect_paginated_api

from schemas.record import COLUMNS, Kind, ModelRecord
from sync.notion.api import VERSION
from tests.notion_emulator.people import written
from tests.notion_emulator.transport import InProcess
from tests.sync.notion.making import OPTIONS, World, columns
from tests.sync.notion.many_rows import Run, floor_s, later, sync

RATE = 180
FEW, SOME, MANY = 60, 1_000, 10_000
PAGE_SIZE = 100

Line = Callable[[str, str, str, float], None]
Records = Sequence[ModelRecord]


class Metered(httpx.BaseTransport):
    """To the emulator and back, waiting as it says; `cpu_s`: what the emulator itself has used."""

    def __init__(self, world: World, *, obedient: bool = False):
        self.cpu_s = 0.0
        self._inner = InProcess(world.emulator)
        self._clock = world.clock
        self._obedient = obedient

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        started = time.thread_time()
        answer = self._inner.handle_request(request)
        self.cpu_s += time.thread_time() - started
        if not self._obedient or answer.status_code != 429:
            return answer
        self._clock.sleep(float(answer.headers["retry-after"]))
        return self.handle_request(request)


class Peer:
    """The script. `n` requests and `seconds` of the emulator's clock since it was made."""

    def __init__(self, world: World):
        world.emulator.log.clear()
        self._world = world
        self._began_s = world.clock.monotonic()
        self.carried = Metered(world, obedient=True)
        http = httpx.Client(transport=self.carried)
        self._client = Client(auth="ntn_peer", notion_version=VERSION, retry=False, client=http)

    def sync(self, rows: Mapping[str, Any]) -> "Peer":
        """Key -> properties: all of them written."""
        there = {_key(page): page["id"] for page in self.read()}
        for key, properties in rows.items():
            if key not in there:
                parent = {"type": "data_source_id", "data_source_id": self._world.id}
                self._client.pages.create(parent=parent, properties=properties)
            else:
                self._client.pages.retrieve(page_id=there[key])
                self._client.pages.update(page_id=there[key], properties=properties)
        return self

    def read(self) -> list[Any]:
        """Every page of the data source."""
        return collect_paginated_api(self._client.data_sources.query, data_source_id=self._world.id)

    @property
    def n(self) -> int:
        return len(self._world.emulator.log)

    @property
    def seconds(self) -> float:
        return self._world.clock.monotonic() - self._began_s


def notion(line: Line, synthetic: Callable[[int], Records]) -> None:
    """The first sync and a sync without a change, of few and of many rows."""
    records = _fitting(synthetic(MANY))
    for n in (FEW, SOME):
        with tempfile.TemporaryDirectory() as home:
            _beside_the_peer(line, Path(home), records[:n])
    with tempfile.TemporaryDirectory() as home:
        _many(line, Path(home), records)


def _beside_the_peer(line: Line, home: Path, records: Records) -> None:
    ours, theirs = World(home / "ours", rate=RATE), World(home / "theirs", rate=RATE)
    rows = _rows(records)
    for what in ("first sync", "no change"):
        run = sync(ours, records)
        peer = Peer(theirs).sync(rows)
        shown = f"script: {peer.n:,} req, {peer.seconds:,.0f} s"
        line(f"Notion, {len(records):,} rows, {what}", _requests(run), shown, len(run.entries) / peer.n)
        later(ours)
        later(theirs)


def _many(line: Line, home: Path, records: Records) -> None:
    n = len(records)
    world = World(home, rate=RATE)
    first = sync(world, records)
    floor = f"windows of {RATE} requests: {floor_s(first.taken, RATE):,.0f} s"
    line(f"Notion, {n:,} rows, first sync", _requests(first), floor, first.of_floor(RATE))
    later(world)
    metered = Metered(world)
    started = time.process_time()
    run = sync(world, records, carried=metered)
    ours_s = time.process_time() - started - metered.cpu_s
    n_pages = math.ceil(n / PAGE_SIZE)
    pages = f"pages of {PAGE_SIZE} rows: {n_pages:,} requests"
    line(f"Notion, {n:,} rows, no change", _requests(run), pages, len(run.entries) / n_pages)
    later(world)
    peer = Peer(world)
    started = time.process_time()
    peer.read()
    theirs_s = time.process_time() - started - peer.carried.cpu_s
    shown = f"collect_paginated_api alone: {theirs_s:.2f} s"
    line(f"Notion, {n:,} rows, no change, our side", f"{ours_s:.2f} s CPU", shown, ours_s / theirs_s)


def _requests(run: Run) -> str:
    return f"{len(run.entries):,} req, {run.seconds:,.0f} s"


def _fitting(records: Records) -> list[ModelRecord]:
    """The records with options that the table has."""
    options = {name: OPTIONS[0] for name, column in COLUMNS.items() if column.kind is Kind.SELECT}
    return [record.model_copy(update=options) for record in records]


def _rows(records: Records) -> dict[str, Any]:
    """Key -> properties by column name, as a request takes them."""
    types = {name: next(iter(schema)) for name, schema in columns().items()}
    return {
        record.key: {
            column.name: written(types[column.name], getattr(record, name))
            for name, column in COLUMNS.items()
        }
        for record in records
    }


def _key(page: Mapping[str, Any]) -> str:
    return "".join(item["plain_text"] for item in page["properties"][COLUMNS["key"].name]["rich_text"])
