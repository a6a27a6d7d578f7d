"""The API against the emulator: the answers are those of a service that carries requests out, or does not."""

import threading
from typing import Any

import httpx
import pytest

from schemas.errors import GaveUp, NotAuthorised
from sync.notion.answers import BlockLimit, Conflicted, Unanswered
from sync.notion.api import Api
from tests.notion_emulator import outcomes
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.faults import Outcome
from tests.notion_emulator.rates import RetryAfter
from tests.notion_emulator.transport import InProcess

TOKEN = "ntn_emulated"


class Bench:
    """An emulator with one table, and an Api that may write the title of its rows."""

    def __init__(self, *, latency_s: float = 0.0, deadline_s: float = 1e9, **settings: Any):
        self.emulator = Emulator(**settings)
        transport = InProcess(self.emulator, latency_s=latency_s)
        self.api = Api(TOKEN, transport=transport, clock=self.emulator.clock, deadline_s=deadline_s)
        self.api.guard.own(["title"])
        with self.api.guard.schema_changes():
            made = self.api.create("databases", self._database())
        self.source = made["data_sources"][0]["id"]

    def _database(self) -> dict[str, Any]:
        page = self.emulator.root_page.id
        columns = {"Name": {"title": {}}}
        return {
            "parent": {"type": "page_id", "page_id": page},
            "initial_data_source": {"properties": columns},
        }

    def create(self, name: str = "row") -> dict[str, Any]:
        parent = {"type": "data_source_id", "data_source_id": self.source}
        return self.api.create("pages", {"parent": parent, "properties": titled(name)})

    def rename(self, page_id: str, name: str) -> dict[str, Any]:
        return self.api.patch(f"pages/{page_id}", {"properties": titled(name)})

    def names(self) -> list[str]:
        return [
            "".join(text["plain_text"] for text in row["properties"]["Name"]["title"])
            for row in self.api.query(self.source, {"page_size": 100})["results"]
        ]


def titled(name: str) -> dict[str, Any]:
    return {"title": {"title": [{"text": {"content": name}}]}}


LOST = [
    outcomes.commit_then_drop(),
    outcomes.commit_then_status(502),
    outcomes.commit_then_status(500),
    outcomes.commit_then_cut(),
    outcomes.drip(),
    outcomes.hang(commits=True),
    outcomes.saved_503(with_id=False),
]


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.name)
def test_a_create_that_was_carried_out_and_lost_its_answer_is_made_once(lost: Outcome) -> None:
    bench = Bench()
    bench.emulator.faults.add(lost, method="POST", path="/v1/pages")
    with pytest.raises(Unanswered):
        bench.create()
    assert bench.names() == ["row"]


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.name)
def test_an_update_that_was_carried_out_and_lost_its_answer_is_left_to_be_looked_up(
    lost: Outcome,
) -> None:
    bench = Bench()
    page = bench.create()
    bench.emulator.faults.add(lost, method="PATCH", path=f"/v1/pages/{page['id']}")
    with pytest.raises(Unanswered):
        bench.rename(page["id"], "new")
    assert bench.names() == ["new"]


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.name)
def test_a_read_that_lost_its_answer_is_answered_in_the_end(lost: Outcome) -> None:
    bench = Bench()
    bench.create()
    bench.emulator.faults.add(lost, method="POST", path=f"/v1/data_sources/{bench.source}/query", times=2)
    assert bench.names() == ["row"]


def test_a_create_that_was_saved_names_its_page() -> None:
    bench = Bench()
    bench.emulator.faults.add(outcomes.saved_503(with_id=True), method="POST", path="/v1/pages")
    with pytest.raises(Unanswered) as lost:
        bench.create()
    assert bench.api.get(f"pages/{lost.value.committed_id}")["object"] == "page"


def test_a_full_workspace_takes_updates_and_no_new_rows() -> None:
    bench = Bench()
    page = bench.create()
    bench.emulator.ws.knobs.block_limit = 1
    with pytest.raises(BlockLimit):
        bench.create()
    bench.rename(page["id"], "new")
    assert bench.names() == ["new"]


def test_a_conflict_of_an_update_saved_nothing() -> None:
    bench = Bench()
    page = bench.create()
    bench.emulator.faults.add(outcomes.reject(409), method="PATCH", path=f"/v1/pages/{page['id']}")
    with pytest.raises(Conflicted):
        bench.rename(page["id"], "new")
    assert bench.names() == ["row"]


def test_a_revoked_token_stops_at_once() -> None:
    bench = Bench()
    bench.emulator.revoked.add(TOKEN)
    with pytest.raises(NotAuthorised):
        bench.create()


@pytest.mark.parametrize("missing", ["read", "insert", "update"])
def test_a_capability_that_is_taken_away_is_named(missing: str) -> None:
    bench = Bench()
    page = bench.create()
    bench.emulator.capabilities.remove(missing)
    request = {"read": bench.names, "insert": bench.create, "update": lambda: bench.rename(page["id"], "new")}
    with pytest.raises(NotAuthorised, match=f"{missing.capitalize()} content"):
        request[missing]()


def ask(bench: Bench, n: int, n_threads: int) -> None:
    """`n` reads of the data source, shared by the threads."""

    def work(share: int) -> None:
        for _ in range(share):
            bench.api.get(f"data_sources/{bench.source}")

    threads = [threading.Thread(target=work, args=(n // n_threads,)) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize(("rate", "most_refusals"), [(180, 1), (600, 0)])
def test_the_emulators_limits_are_learned_and_kept(rate: int, most_refusals: int, n_threads: int) -> None:
    n = 1200
    bench = Bench(rate=rate, latency_s=0.02)
    ask(bench, n, n_threads)
    refused = [entry for entry in bench.emulator.log.entries if entry.status == 429]
    assert len(refused) <= most_refusals
    assert bench.emulator.clock.monotonic() <= 1.05 * 60 * (n // rate)
    assert bench.api.gate.limit == rate


@pytest.mark.parametrize("form", list(RetryAfter))
def test_a_workspace_that_others_use_up_is_waited_for_whatever_form_the_wait_has(form: RetryAfter) -> None:
    bench = Bench(workspace_rate=50)
    bench.emulator.limiter.retry_after = form
    ask(bench, 120, 1)
    assert bench.api.gate.limit is None
    assert 120 <= bench.emulator.clock.monotonic() <= 240


def test_a_service_that_answers_nothing_is_given_up_and_can_be_asked_again() -> None:
    bench = Bench()
    bench.emulator.faults.add(outcomes.drop(), times=5)
    with pytest.raises(GaveUp):
        bench.names()
    assert bench.names() == []


def test_a_connection_that_is_refused_sends_a_create_again() -> None:
    bench = Bench()
    refusing = InProcess(bench.emulator, dropped=httpx.ConnectError)
    api = Api(TOKEN, transport=refusing, clock=bench.emulator.clock)
    api.guard.own(["title"])
    bench.api = api
    bench.emulator.faults.add(outcomes.drop(), method="POST", path="/v1/pages", times=3)
    bench.create()
    assert bench.names() == ["row"]
