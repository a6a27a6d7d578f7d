"""Scripted faults: what the client gets, what was carried out; people who edit meanwhile; the invariants."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from tests.notion_emulator import bad_bytes, checks, outcomes, seeds
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.faults import Outcome
from tests.notion_emulator.people import Person
from tests.notion_emulator.transport import InProcess

COLUMNS = {
    "Name": {"title": {}},
    "Key": {"rich_text": {}},
    "Layers": {"number": {}},
    "Kind": {"select": {"options": [{"name": "dense"}, {"name": "moe"}]}},
    "Tags": {"multi_select": {"options": [{"name": "old"}]}},
    "Main": {"checkbox": {}},
}


class World:
    """An emulator with one table, a client of it, and a person."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        self.database_id, self.data_source_id = seeds.database(self.emulator, COLUMNS)
        headers = {"authorization": "Bearer ntn_secret", "notion-version": "2026-03-11"}
        self.http = httpx.Client(
            transport=InProcess(self.emulator), base_url="http://emulator/v1", headers=headers, timeout=30
        )
        self.person = Person(self.emulator)

    def create(self, key: str) -> httpx.Response:
        parent = {"type": "data_source_id", "data_source_id": self.data_source_id}
        text = [{"text": {"content": key}}]
        return self.http.post(
            "/pages",
            json={"parent": parent, "properties": {"Name": {"title": text}, "Key": {"rich_text": text}}},
        )

    def titles(self) -> list[str]:
        answer = self.http.post(f"/data_sources/{self.data_source_id}/query", json={})
        return [row["properties"]["Name"]["title"][0]["plain_text"] for row in answer.json()["results"]]

    def cells(self, row_id: str) -> dict[str, object]:
        properties = self.http.get(f"/pages/{row_id}").json()["properties"]
        return {name: shown[shown["type"]] for name, shown in properties.items()}

    def breaches(self, **more: object) -> list[str]:
        given = {"owned": ["Name", "Key"], "key": "Key", "data_source_id": self.data_source_id} | more
        return checks.breaches(self.emulator, **given)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("outcome", "error", "rows"),
    [
        (outcomes.drop(), httpx.RemoteProtocolError, []),
        (outcomes.commit_then_drop(), httpx.RemoteProtocolError, ["a"]),
        (outcomes.commit_then_cut(), httpx.RemoteProtocolError, ["a"]),
        (outcomes.hang(), httpx.ReadTimeout, []),
        (outcomes.hang(commits=True), httpx.ReadTimeout, ["a"]),
        (outcomes.hang(31), httpx.ReadTimeout, ["a"]),
        (outcomes.drip(30), httpx.ReadTimeout, ["a"]),
    ],
    ids=lambda value: value.name if isinstance(value, Outcome) else None,
)
def test_a_broken_connection_says_nothing_about_the_write(
    world: World, outcome: Outcome, error: type[Exception], rows: list[str]
) -> None:
    world.emulator.faults.add(outcome, method="POST", path="/v1/pages")
    with pytest.raises(error):
        world.create("a")
    assert world.titles() == rows
    assert world.emulator.log.entries[0].fault == outcome.name


@pytest.mark.parametrize(
    ("outcome", "status", "code", "rows"),
    [
        (outcomes.reject(409), 409, "conflict_error", []),
        (outcomes.reject(503), 503, "service_unavailable", []),
        (outcomes.reject(400, message="Told so."), 400, "validation_error", []),
        (outcomes.commit_then_status(500), 500, "internal_server_error", ["a"]),
        (outcomes.commit_then_status(502), 502, "bad_gateway", ["a"]),
        (outcomes.commit_then_status(504), 504, "gateway_timeout", ["a"]),
        (outcomes.saved_503(with_id=False), 503, "service_unavailable", ["a"]),
        (outcomes.saved_503(with_id=True), 503, "service_unavailable", ["a"]),
        (outcomes.saved(429, with_id=True), 429, "rate_limited", ["a"]),
        (outcomes.saved(529, with_id=True), 529, "service_overload", ["a"]),
    ],
    ids=lambda value: value.name if isinstance(value, Outcome) else None,
)
def test_an_error_may_come_before_or_after_the_write(
    world: World, outcome: Outcome, status: int, code: str, rows: list[str]
) -> None:
    world.emulator.faults.add(outcome, method="POST", path="/v1/pages")
    answer = world.create("a")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.titles() == rows


def test_a_503_may_name_what_it_saved(world: World) -> None:
    world.emulator.faults.add(outcomes.saved_503(with_id=True), method="POST", path="/v1/pages")
    additional = world.create("a").json()["additional_data"]
    assert world.http.get(f"/pages/{additional['committed_resource_id']}").status_code == 200
    assert additional["retry_guidance"][1] == "Do not repeat the write."


def test_a_write_that_is_refused_is_not_called_saved(world: World) -> None:
    world.emulator.faults.add(outcomes.saved_503(with_id=True), method="POST", path="/v1/pages")
    assert world.http.post("/pages", json={}).status_code == 400


def test_a_slow_answer_comes_within_the_timeout(world: World) -> None:
    world.emulator.faults.add(outcomes.hang(29), method="POST", path="/v1/pages")
    world.emulator.faults.add(outcomes.drip(0.01), method="POST", path="/v1/pages", nth=2)
    before_s = world.emulator.clock.monotonic()
    assert world.create("a").status_code == 200
    assert world.emulator.clock.monotonic() == before_s + 29
    answer = world.create("b")
    assert answer.json()["object"] == "page"
    assert world.emulator.clock.monotonic() == pytest.approx(before_s + 29 + 0.01 * len(answer.content))


def test_a_late_write_is_seen_only_when_it_is_carried_out(world: World) -> None:
    world.emulator.faults.add(outcomes.commit_late(60), method="POST", path="/v1/pages")
    with pytest.raises(httpx.RemoteProtocolError):
        world.create("a")
    assert world.titles() == []
    world.emulator.clock.sleep(59)
    assert world.titles() == []
    assert not world.emulator.log.entries[0].carried_out
    world.emulator.clock.sleep(100)
    assert world.titles() == ["a"]
    row = world.emulator.ws.pages[world.emulator.log.entries[0].answer["id"]]
    assert (row.created_time - world.emulator.log.entries[0].time).total_seconds() == 60


def test_a_late_write_may_have_been_answered_504(world: World) -> None:
    world.emulator.faults.add(outcomes.commit_late(5, outcomes.reject(504)), method="POST", path="/v1/pages")
    assert world.create("a").status_code == 504
    world.emulator.clock.sleep(5)
    assert world.titles() == ["a"]


def test_a_late_write_that_would_have_been_refused_never_comes(world: World) -> None:
    world.emulator.faults.add(outcomes.commit_late(5), method="POST", path="/v1/pages")
    world.emulator.revoke()
    with pytest.raises(httpx.RemoteProtocolError):
        world.create("a")
    world.emulator.revoked.clear()
    world.emulator.clock.sleep(6)
    assert world.titles() == []


def test_a_dropped_connection_may_be_one_that_never_was() -> None:
    emulator = Emulator()
    emulator.faults.add(outcomes.drop())
    http = httpx.Client(transport=InProcess(emulator, dropped=httpx.ConnectError), base_url="http://x")
    with pytest.raises(httpx.ConnectError):
        http.get("/v1/users/me")


@pytest.mark.parametrize(
    ("path", "nth", "times", "refused"),
    [
        ("/v1/pages", 2, 1, [2]),
        ("/v1/pages", 2, 2, [2, 3]),
        ("/v1/pages", 3, None, [3, 4]),
        (re.compile("pag"), 1, 1, [1]),
        ("/v1/pages/{page_id}", 1, None, []),
        (None, 4, 1, [4]),
    ],
)
def test_a_fault_meets_the_nth_request_that_fits(
    world: World, path: str | re.Pattern[str] | None, nth: int, times: int | None, refused: list[int]
) -> None:
    world.emulator.faults.add(outcomes.reject(503), method="POST", path=path, nth=nth, times=times)
    statuses = [world.create(str(n)).status_code for n in (1, 2, 3, 4)]
    assert [n for n, status in enumerate(statuses, 1) if status == 503] == refused


def test_faults_stop(world: World) -> None:
    world.emulator.faults.add(outcomes.reject(503), times=None)
    assert world.create("a").status_code == 503
    world.emulator.faults.stop()
    assert world.create("a").status_code == 200


def test_a_query_may_be_unavailable(world: World) -> None:
    world.emulator.faults.add(outcomes.query_unavailable(), path="/v1/data_sources/{id}/query")
    answer = world.http.post(f"/data_sources/{world.data_source_id}/query", json={})
    assert answer.status_code == 503
    assert answer.json()["additional_data"]["endpoint_name"] == "public_queryDataSource"


def strict(answer: httpx.Response) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

    def no_constant(name: str) -> None:
        raise ValueError(name)

    return json.loads(answer.content.decode(), object_pairs_hook=once, parse_constant=no_constant)


@pytest.mark.parametrize(
    "make",
    [
        bad_bytes.html,
        bad_bytes.invalid_utf8,
        bad_bytes.byte_order_mark,
        bad_bytes.duplicate_keys,
        bad_bytes.not_a_number,
        bad_bytes.deep_array,
        bad_bytes.empty,
    ],
)
def test_bad_bytes_are_no_json(world: World, make: Callable[[], Outcome]) -> None:
    world.emulator.faults.add(make(), method="POST", path="/v1/pages")
    answer = world.create("a")
    assert answer.status_code == 200
    with pytest.raises((ValueError, RecursionError)):
        strict(answer)
    assert world.titles() == ["a"]


def test_a_small_answer_may_unpack_to_a_large_one(world: World) -> None:
    world.emulator.faults.add(bad_bytes.gzip_bomb(8 << 20), times=2)
    with world.http.stream("GET", "/users/me") as answer:
        assert sum(len(chunk) for chunk in answer.iter_raw()) < 64 << 10
        assert int(answer.headers["content-length"]) < 64 << 10
    assert len(world.http.get("/users/me").content) == (8 << 20) + 2


def test_other_bodies(world: World) -> None:
    changed = (bad_bytes.wrong_content_type(), bad_bytes.json_null(), bad_bytes.cloudflare_403())
    for nth, outcome in enumerate(changed, 1):
        world.emulator.faults.add(outcome, nth=nth)
    named, null, blocked = (world.http.get("/users/me") for _ in range(3))
    assert (named.headers["content-type"], named.json()["object"]) == ("text/plain", "user")
    assert null.json() is None
    assert (blocked.status_code, blocked.headers["cf-ray"][-4:]) == (403, "-TXL")
    assert "x-notion-request-id" not in blocked.headers


def test_a_person_edits_between_two_requests_as_a_person(world: World) -> None:
    row_id = world.create("a").json()["id"]
    world.emulator.faults.before(
        lambda: world.person.edit(
            row_id, {"Layers": 32, "Kind": "moe", "Tags": ["old", "new"], "Main": True}
        ),
        method="GET",
        path="/v1/pages/{page_id}",
    )
    page = world.http.get(f"/pages/{row_id}").json()
    assert page["last_edited_by"]["id"] == world.person.user.id
    assert page["created_by"]["id"] == world.emulator.bot.id
    cells = world.cells(row_id)
    assert (cells["Layers"], cells["Main"], cells["Kind"]["name"]) == (32, True, "moe")  # type: ignore[index]
    assert [tag["name"] for tag in cells["Tags"]] == ["old", "new"]  # type: ignore[attr-defined]
    world.person.edit(row_id, {"Layers": None, "Kind": None, "Tags": None, "Name": None})
    assert [world.cells(row_id)[name] for name in ("Layers", "Kind", "Tags", "Name")] == [None, None, [], []]


def test_a_hook_after_a_request_does_not_change_its_answer(world: World) -> None:
    world.emulator.faults.after(lambda: world.person.add_row(world.data_source_id, {"Name": "theirs"}), nth=2)
    world.create("a")
    assert world.titles() == ["a"]
    assert sorted(world.titles()) == ["a", "theirs"]


def test_a_person_acts_at_a_time_of_the_clock(world: World) -> None:
    start = world.emulator.clock.now()
    world.emulator.faults.at(10, lambda: world.person.add_row(world.data_source_id, {"Name": "theirs"}))
    world.emulator.clock.sleep(9)
    assert world.titles() == []
    world.emulator.clock.sleep(300)
    assert world.titles() == ["theirs"]
    row = world.emulator.ws.pages[world.emulator.ws.rows[world.data_source_id][0]]
    assert (row.created_time - start).total_seconds() == 10


def test_a_person_changes_the_columns(world: World) -> None:
    person, ds = world.person, world.data_source_id
    row_id = world.create("a").json()["id"]
    person.edit(row_id, {"Kind": "dense", "Tags": ["old"], "Layers": 7})
    key_id = person.column(ds, "Key").id
    person.rename_column(ds, "Key", "Schlüssel")
    person.rename_column(ds, "Name", "Titel")
    person.delete_column(ds, "Main")
    person.retype_column(ds, "Layers", "rich_text")
    person.rename_option(ds, "Kind", "dense", "thick")
    person.recolour_option(ds, "Kind", "thick", "red")
    person.add_option(ds, "Kind", "hybrid", "blue")
    person.delete_option(ds, "Tags", "old")
    schema = world.http.get(f"/data_sources/{ds}").json()["properties"]
    assert set(schema) == {"Titel", "Schlüssel", "Layers", "Kind", "Tags"}
    assert person.column(ds, "Schlüssel").id == key_id
    assert schema["Layers"]["type"] == "rich_text"
    options = [(option["name"], option["color"]) for option in schema["Kind"]["select"]["options"]]
    assert options[0] == ("thick", "red")
    assert options[-1] == ("hybrid", "blue")
    cells = world.cells(row_id)
    assert cells["Kind"]["name"] == "thick"  # type: ignore[index]
    assert cells["Tags"] == []
    assert person.recreate_column(ds, "Schlüssel") != key_id
    assert world.cells(row_id)["Schlüssel"] == []


def test_a_person_moves_rows_about(world: World) -> None:
    person = world.person
    first, second = (world.create(key).json()["id"] for key in "ab")
    twin = person.duplicate(first)
    assert sorted(world.titles()) == ["a", "a (1)", "b"]
    assert world.breaches() == ["2 rows have the key 'a'"]
    person.trash(twin)
    assert sorted(world.titles()) == ["a", "b"]
    assert world.breaches() == []
    person.restore(twin)
    person.delete_for_good(twin)
    assert world.http.get(f"/pages/{twin}").status_code == 404
    other = person.add_data_source(world.database_id, "Other", COLUMNS)
    person.move(second, {"type": "data_source_id", "data_source_id": other})
    assert world.titles() == ["a"]
    person.lock(first)
    person.lock_database(world.database_id)
    assert world.http.get(f"/pages/{first}").json()["is_locked"]
    person.move_database(world.database_id, seeds.page(world.emulator, "Elsewhere"))
    assert world.http.get(f"/databases/{world.database_id}").json()["is_locked"]
    person.trash_database(world.database_id)
    assert world.http.get(f"/databases/{world.database_id}").json()["in_trash"]


def test_what_a_person_does_is_not_in_the_log_and_breaks_no_rule(world: World) -> None:
    world.emulator.unshare(world.database_id)
    row_id = world.person.add_row(world.data_source_id, {"Name": "a", "Layers": 3})
    world.person.trash(row_id)
    assert len(world.emulator.log) == 0
    assert world.breaches() == []
    assert world.http.get(f"/data_sources/{world.data_source_id}").status_code == 404


def test_each_rule_is_checked(world: World) -> None:
    row_id = world.create("a").json()["id"]
    world.create("a")
    path = f"/pages/{row_id}"
    world.http.patch(path, json={"properties": {"Layers": {"number": 3}}})
    world.http.patch(path, json={"in_trash": False})
    world.http.delete(f"/blocks/{seeds.page(world.emulator, 'other')}")
    world.http.patch(f"/data_sources/{world.data_source_id}", json={"properties": {"Main": None}})
    world.http.post("/search", json={"query": "ntn_secret"})
    found = world.breaches(secrets=["ntn_secret"], texts=["fine", b"token=ntn_secret"])
    assert [re.sub(r"[0-9a-f-]{36}", "ID", breach) for breach in found] == [
        "request 3, PATCH /v1/pages/ID writes the column 'Layers'",
        "request 6, PATCH /v1/data_sources/ID removes the column 'Main'",
        "request 4, PATCH /v1/pages/ID sends in_trash",
        "request 5, DELETE /v1/blocks/ID deletes",
        "request 7, POST /v1/search searches",
        "text 2 shows a secret",
        "request 7, POST /v1/search shows a secret",
        "2 rows have the key 'a'",
    ]


def test_a_client_that_does_not_wait_is_found_out() -> None:
    world = World()
    world.emulator.limiter.rate = 1
    for pause_s in (0, 0, 59, 1):
        world.emulator.clock.sleep(pause_s)
        world.http.get("/users/me")
    assert world.breaches() == ["request 3, GET /v1/users/me comes before Retry-After is over"]
