"""Creates whose answer is lost: never sent again in the same run, named, bound by a later run; never a second
row.

Each schedule is one seed: a table of a few models, several runs of one machine, and for each create one of
the fates below. `REGISTRY_TEST_SCHEDULES=100000 pytest tests/sync/notion/test_lost_creates.py` plays more of
them.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.record import ModelRecord
from sync.apply import Applied, apply_plan
from sync.notion.answers import Unanswered
from sync.notion.api import Api
from sync.notion.table import NotionTable
from sync.plan import make_plan
from sync.table import Outcome
from tests.notion_emulator import outcomes as fate
from tests.notion_emulator.faults import Outcome as Fate
from tests.notion_emulator.state import Knobs
from tests.notion_emulator.transport import InProcess
from tests.sync.notion.making import World

pytestmark = pytest.mark.usefixtures("without_waiting_for_the_disk")
N_SCHEDULES = int(os.environ.get("REGISTRY_TEST_SCHEDULES", "1000"))
N_PARTS = 4
N_RUNS = 4
LAST_RUN_AFTER_S = 1200.0
FATES: Mapping[str, Callable[[random.Random], Fate | None]] = {
    "answered": lambda rng: None,
    "dropped before": lambda rng: fate.drop(),
    "dropped after": lambda rng: fate.commit_then_drop(),
    "cut": lambda rng: fate.commit_then_cut(),
    "never answered": lambda rng: fate.hang(commits=False),
    "answered too late": lambda rng: fate.hang(commits=True),
    "500 before": lambda rng: fate.reject(500),
    "500 after": lambda rng: fate.commit_then_status(500),
    "502 after": lambda rng: fate.commit_then_status(502),
    "504 after": lambda rng: fate.commit_then_status(504),
    "saved 503": lambda rng: fate.saved_503(with_id=False),
    "saved 503 with id": lambda rng: fate.saved_503(with_id=True),
    "saved 429 with id": lambda rng: fate.saved(429, with_id=True),
    "saved 529 with id": lambda rng: fate.saved(529, with_id=True),
    "409": lambda rng: fate.reject(409),
    "carried out later": lambda rng: fate.commit_late(rng.uniform(0, 60)),
}
LOST = [name for name in FATES if name != "answered"]
EVERY_WITH_WORKERS = 4
"""Every so many schedules several requests are under way at once, as in a usual run."""


class Naive(Api):
    """What a careless client does: it sends a create again when the answer is lost."""

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        for _ in range(2):
            try:
                return super().create(path, body)
            except Unanswered:
                continue
        return super().create(path, body)


class Schedule:
    """One seed: what the sources want, what becomes of each create, and when the machine runs."""

    def __init__(self, home: Path, seed: int, kind: type[Api] = Api, in_flight: int = 1):
        self.rng = random.Random(seed)
        self.in_flight = in_flight
        self.kind = kind
        self.world = World(home / str(seed), knobs=Knobs(lag_s=self.rng.choice([0.0, 2.0, 20.0, 120.0])))
        self.world.emulator.ws.set_lag(self.world.emulator.ws.knobs.lag_s, self.world.emulator.now())
        self.records = [
            ModelRecord(key=f"sku:m{i}", model_name=f"m{i}", n_layers=i + 1)
            for i in range(self.rng.randint(1, 4))
        ]
        self.runs: list[Applied] = []

    def play(self) -> None:
        """The runs with faults, then one without."""
        for n in range(N_RUNS):
            faults = self.world.emulator.faults
            faults.stop()
            if n < N_RUNS - 1:
                for nth in range(1, len(self.records) + 3):
                    self._doom(nth)
            self.runs.append(self.run())
            self.world.clock.sleep(LAST_RUN_AFTER_S if n == N_RUNS - 2 else self.rng.uniform(1, 900))

    def run(self) -> Applied:
        """One run of the machine, as `registry sync` makes it: read, wait where it has to, read again,
        write.
        """
        table = self.table()
        plan = self.planned(table)
        if plan.summary["add"] and (left_s := table.settle_s()) > 0:
            self.world.clock.sleep(left_s)
            plan = self.planned(table)
        before = len(self.world.emulator.log)
        applied = apply_plan(plan, table, lambda done, total: None)
        self.sent = Counter(
            self._key(entry) for entry in list(self.world.emulator.log)[before:] if is_create(entry)
        )
        if self.kind is Api:
            assert all(count == 1 for count in self.sent.values()), self.sent
        return applied

    def table(self) -> NotionTable:
        world = self.world
        api = self.kind("ntn_test", transport=InProcess(world.emulator), clock=world.clock)
        return NotionTable(
            api,
            data_source_id=world.id,
            home=world.home / "machine",
            clock=world.clock,
            in_flight=self.in_flight,
        )

    def planned(self, table: NotionTable) -> Any:
        return make_plan(self.records, table.read(), table.schema(), table.ref, lambda key, field: None)

    @property
    def rows_of(self) -> Counter[str]:
        return Counter(self._stored_key(row_id) for row_id in self.world.rows)

    def _doom(self, nth: int) -> None:
        made = FATES[self.rng.choice(LOST) if self.rng.random() < 0.6 else "answered"](self.rng)
        if made is not None:
            self.world.emulator.faults.add(made, method="POST", path="/v1/pages", nth=nth)

    def _stored_key(self, row_id: str) -> str:
        return "".join(item["plain_text"] for item in self.world.cells(row_id)["Registry Key"])

    def _key(self, entry: Any) -> str:
        columns = self.world.emulator.ws.data_sources[self.world.id].properties
        key_id = next(one.id for one in columns.values() if one.name == "Registry Key")
        sent = entry.body["properties"]
        found = next(
            value for name, value in sent.items() if name in (key_id, "Registry Key") or _same(name, key_id)
        )
        return str(found["rich_text"][0]["text"]["content"])


def _same(name: str, property_id: str) -> bool:
    from urllib.parse import unquote

    return unquote(name) == property_id


def is_create(entry: Any) -> bool:
    return entry.method == "POST" and entry.path == "/v1/pages"


@pytest.mark.parametrize("part", range(N_PARTS))
def test_no_schedule_makes_a_second_row_or_loses_one(tmp_path: Path, part: int) -> None:
    unknown = 0
    for n, seed in enumerate(range(part, N_SCHEDULES, N_PARTS)):
        schedule = Schedule(tmp_path, seed, in_flight=1 if n % EVERY_WITH_WORKERS else 3)
        schedule.play()
        unknown += sum(run.counts[Outcome.UNKNOWN] for run in schedule.runs)
        assert schedule.rows_of == {record.key: 1 for record in schedule.records}, f"seed {seed}"
        assert schedule.runs[-1].counts[Outcome.UNKNOWN] == 0, f"seed {seed}"
    assert unknown > N_SCHEDULES // N_PARTS


def test_the_same_schedules_catch_a_client_that_sends_again(tmp_path: Path) -> None:
    doubled = 0
    for seed in range(60):
        schedule = Schedule(tmp_path, seed, Naive)
        schedule.play()
        doubled += any(count > 1 for count in schedule.rows_of.values())
    assert doubled > 20


@pytest.mark.parametrize("name", LOST)
def test_a_lost_create_is_sent_once_named_and_bound_by_the_next_run(tmp_path: Path, name: str) -> None:
    schedule = Schedule(tmp_path, 0)
    schedule.records = schedule.records[:1]
    made = FATES[name](random.Random(1))
    assert made is not None
    schedule.world.emulator.faults.add(made, method="POST", path="/v1/pages")
    (result,) = schedule.run().results
    assert (result.key, result.outcome) == ("sku:m0", Outcome.UNKNOWN)
    assert "not sent again: the next run looks and decides" in result.detail
    assert ("Notion says that it saved page" in result.detail) == (name.endswith("with id"))
    schedule.world.clock.sleep(300)
    again = schedule.run()
    assert again.counts[Outcome.UNKNOWN] == 0
    assert schedule.rows_of == {"sku:m0": 1}
