"""Tables of many rows in the emulator, and whole runs over them as the emulator counted them."""

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from schemas.record import COLUMNS, ModelRecord
from sync.apply import Applied, apply_plan
from sync.notion.api import Api
from sync.notion.table import NotionTable
from sync.plan import Plan, make_plan
from tests.notion_emulator.checks import impatience
from tests.notion_emulator.log import Entry
from tests.notion_emulator.rates import WINDOW_S
from tests.notion_emulator.transport import InProcess
from tests.sync.making import evidence
from tests.sync.notion.making import World

CREATE, UPDATE, REREAD = "POST /v1/pages", "PATCH /v1/pages/{}", "GET /v1/pages/{}"
SCHEMA, QUERY = "GET /v1/data_sources/{}", "POST /v1/data_sources/{}/query"
FIELDS = ("key", "model_name", "model_family", "d_hidden", "d_ff", "n_layers", "gated_mlp")
NARROW = dict.fromkeys(COLUMNS.keys() - set(FIELDS))
"""For `World`: a table of these fields alone. How many requests a run takes does not depend on columns."""


class Counted(httpx.BaseTransport):
    """Passes requests on and keeps the most that were under way at once. `pause_s`: how long each is held."""

    def __init__(self, inner: httpx.BaseTransport, pause_s: float = 0.0):
        self.most = 0
        self._inner = inner
        self._pause_s = pause_s
        self._under_way = 0
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            if self._pause_s:
                time.sleep(self._pause_s)
            return self._inner.handle_request(request)
        finally:
            with self._lock:
                self._under_way -= 1


@dataclass(frozen=True)
class Run:
    """One run, as the emulator saw it. `seconds`: by its clock. `limit`: the rate it knows at its end."""

    plan: Plan
    applied: Applied
    entries: Sequence[Entry]
    seconds: float
    most_in_flight: int
    latency_s: float
    impatient: Sequence[str]
    limit: int | None

    @property
    def asked(self) -> Counter[str]:
        """Operation -> how often it was asked for, what was refused for the rate included."""
        return Counter(f"{entry.method} {entry.template}" for entry in self.entries)

    @property
    def taken(self) -> int:
        """Requests that the service took: what the rate is counted in."""
        return len(self.entries) - self.limited

    @property
    def limited(self) -> int:
        """How many were answered 429."""
        return sum(entry.status == 429 for entry in self.entries)

    @property
    def writes(self) -> int:
        return sum(entry.kind == "write" for entry in self.entries)

    def of(self, operation: str) -> list[Entry]:
        """The requests of one operation that were carried out."""
        return [e for e in self.entries if f"{e.method} {e.template}" == operation and e.carried_out]

    def of_floor(self, rate: int) -> float:
        """How many times the window's floor the run took."""
        return self.seconds / floor_s(self.taken, rate, self.latency_s)


def floor_s(n_requests: int, rate: int, latency_s: float = 0.0) -> float:
    """Seconds that no client can be faster than: every window but the last to its end, and the rest.

    The emulator answers one request at a time, each after `latency_s`.
    """
    n_full, n_rest = divmod(n_requests - 1, rate)
    return n_full * float(WINDOW_S) + (n_rest + 1) * latency_s


def records(n: int) -> list[ModelRecord]:
    """Records with a value in each of `FIELDS`."""
    return [
        ModelRecord(
            key=f"hf:many/model-{i}",
            model_name=f"model-{i}",
            model_family="llama2",
            d_hidden=64 * (i % 99 + 1),
            d_ff=i + 1,
            n_layers=i % 80 + 1,
            gated_mlp=True,
        )
        for i in range(n)
    ]


def changed(wanted: Sequence[ModelRecord], every: int) -> tuple[list[ModelRecord], set[str]]:
    """The records with another value in every so many of them, and the keys of those."""
    moved = [
        record.model_copy(update={"d_ff": int(record.d_ff or 0) + 1_000_000}) if i % every == 0 else record
        for i, record in enumerate(wanted)
    ]
    return moved, {record.key for record in wanted[::every]}


def sync(
    world: World,
    wanted: Sequence[ModelRecord],
    *,
    in_flight: int = 3,
    latency_s: float = 0.0,
    pause_s: float = 0.0,
    carried: httpx.BaseTransport | None = None,
) -> Run:
    """One whole run of one machine, alone in the emulator's log. `carried`: another way to the emulator."""
    log = world.emulator.log
    log.clear()
    began_s = world.clock.monotonic()
    counted = Counted(carried or InProcess(world.emulator, latency_s=latency_s), pause_s)
    api = Api("ntn_test", transport=counted, clock=world.clock, deadline_s=math.inf)
    table = NotionTable(
        api, data_source_id=world.id, home=world.home / "machine", clock=world.clock, in_flight=in_flight
    )
    plan = make_plan(wanted, table.read(), table.schema(), table.ref, evidence)
    applied = apply_plan(plan, table, lambda done, total: None)
    seconds = world.clock.monotonic() - began_s
    impatient = list(impatience(world.emulator))
    return Run(plan, applied, list(log), seconds, counted.most, latency_s, impatient, api.gate.limit)


@dataclass
class Filled:
    """A table, what its rows say, and the run that made them."""

    world: World
    records: list[ModelRecord]
    first: Run


def filled(
    home: Path, n: int, *, rate: int | None = None, in_flight: int = 3, latency_s: float = 0.0
) -> Filled:
    """A table of so many rows, each of which the product made, and nobody asked anything for a while."""
    world = World(home, rate=rate, **NARROW)
    wanted = records(n)
    first = sync(world, wanted, in_flight=in_flight, latency_s=latency_s)
    later(world)
    return Filled(world, wanted, first)


def later(world: World) -> None:
    """The time between two runs: a new window, and writes that queries show for certain."""
    world.clock.advance(900)
