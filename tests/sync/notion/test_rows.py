"""Reading: every row or an error, through caps, dying cursors, slow pages and what people do meanwhile."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.errors import GaveUp, NotAuthorised, Refused
from sync.notion.api import Api
from sync.notion.cells import Property
from sync.notion.rows import MAX_SHOWN, Reader, keyed, row_of
from sync.table import Row
from tests.notion_emulator.clock import Clock
from tests.notion_emulator.outcomes import query_unavailable, reject
from tests.notion_emulator.state import Knobs
from tests.sync.notion.making import TITLE, World, creation, write

QUERY = "/v1/data_sources/{}/query"
ID = "00000000-0000-4000-8000-000000000001"


def filled(tmp_path: Path, n: int, per_minute: int = 1000, **knobs: Any) -> World:
    """A table with so many rows, made by a person, so many in each minute."""
    world = World(tmp_path, knobs=Knobs(**knobs))
    for i in range(n):
        if i % per_minute == 0:
            world.clock.advance(60)
        world.person.add_row(world.id, {"Model Name": f"m{i}", "Registry Key": f"sku:m{i}", "n_layers": i})
    return world


def layers(rows: list[Row]) -> list[Any]:
    """In order: rows of one minute come in any."""
    return sorted(row.cells["n_layers"] for row in rows)


def queries(world: World) -> list[dict[str, Any]]:
    return [entry.body for entry in world.emulator.log.of("POST", QUERY)]


@pytest.mark.parametrize(("n", "n_requests"), [(0, 2), (60, 2), (100, 2), (101, 3), (1000, 11)])
def test_a_read_costs_one_request_and_one_per_hundred_rows(tmp_path: Path, n: int, n_requests: int) -> None:
    table = filled(tmp_path, n).table()
    assert layers(table.read()) == list(range(n))
    table.schema()
    assert dict(table.requests) == {"read": n_requests, "write": 0, "waited_s": 0}


def test_more_rows_than_one_query_shows_are_read_in_windows(tmp_path: Path) -> None:
    world = filled(tmp_path, 230, per_minute=7, cap=50)
    assert layers(world.table().read()) == list(range(230))


def test_more_rows_of_one_minute_than_a_query_shows_are_refused(tmp_path: Path) -> None:
    table = filled(tmp_path, 120, per_minute=60, cap=50).table()
    with pytest.raises(Refused, match=f"{TITLE}: Notion shows 50 rows and no way to the others"):
        table.read()


def test_a_cursor_that_dies_once_costs_a_read_and_no_row(tmp_path: Path) -> None:
    world = filled(tmp_path, 250)
    refused = reject(400, message="The start_cursor provided is invalid: x")
    world.emulator.faults.add(refused, path=QUERY, nth=3)
    assert layers(world.table().read()) == list(range(250))
    assert len(queries(world)) == 6


def test_cursors_that_always_die_end_the_run_and_give_no_part(tmp_path: Path) -> None:
    table = filled(tmp_path, 250, cursor_pages=1).table()
    with pytest.raises(GaveUp, match="the read is not complete: Notion refused its own cursor in 3 reads"):
        table.read()


def test_pages_that_take_too_long_are_asked_for_smaller(tmp_path: Path) -> None:
    world = filled(tmp_path, 130)
    world.emulator.faults.add(reject(504), path=QUERY, times=10)
    assert layers(world.table().read()) == list(range(130))
    assert [body["page_size"] for body in queries(world)] == [100] * 5 + [50] * 5 + [25] * 6


def test_pages_that_always_take_too_long_end_the_run(tmp_path: Path) -> None:
    world = filled(tmp_path, 3)
    world.emulator.faults.add(query_unavailable(), path=QUERY, times=None)
    with pytest.raises(GaveUp):
        world.table().read()
    assert [body["page_size"] for body in queries(world)] == [100] * 5 + [50] * 5 + [25] * 5


def test_trouble_of_another_kind_does_not_make_pages_smaller(tmp_path: Path) -> None:
    world = filled(tmp_path, 3)
    world.emulator.faults.add(reject(500), path=QUERY, times=None)
    with pytest.raises(GaveUp):
        world.table().read()
    assert len(queries(world)) == 5


def test_rows_in_the_trash_are_no_rows(tmp_path: Path) -> None:
    world = filled(tmp_path, 3)
    world.person.trash(world.rows[1])
    assert layers(world.table().read()) == [0, 2]


def test_a_row_added_between_two_pages_is_read_once(tmp_path: Path) -> None:
    world = filled(tmp_path, 150)
    late = {"Model Name": "late", "Registry Key": "sku:late", "n_layers": 150}
    world.emulator.faults.before(lambda: world.person.add_row(world.id, late), path=QUERY, nth=2)
    found = world.table().read()
    assert len({row.row_id for row in found}) == len(found)
    assert set(layers(found)) >= set(range(150))


def test_long_text_is_read_whole(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = "".join(f"{i:04} " for i in range(12_000)) + "\U0001f5fc" * 2500
    write(world.table(), creation("a", source=text))
    (row,) = world.table().read()
    assert row.cells["source"] == text
    assert len(text) > MAX_SHOWN * 2000


def test_a_table_that_is_not_shared_is_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    world = filled(tmp_path, 3)
    world.emulator.unshare(world.database_id)
    with pytest.raises(NotAuthorised, match="Notion shows no such table to this connection"):
        world.table().read()


def reader(answer: Callable[[httpx.Request], Any]) -> Reader:
    """Reads from a service that answers as scripted."""

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=answer(request))

    return Reader(Api("ntn_test", transport=httpx.MockTransport(respond), clock=Clock()), ID, TITLE)


def page(n: int, **changed: Any) -> dict[str, Any]:
    return {
        "object": "page",
        "id": f"00000000-0000-4000-8000-{n:012}",
        "in_trash": False,
        "created_time": "2026-07-04T09:08:00.000Z",
        "parent": {"type": "data_source_id", "data_source_id": ID},
        "properties": {},
        **changed,
    }


def listed(*results: Any, **changed: Any) -> dict[str, Any]:
    return {"object": "list", "results": results, "has_more": False, "next_cursor": None, **changed}


@pytest.mark.parametrize("cursor", [None, "same"])
def test_more_rows_without_a_way_to_them_end_the_run(cursor: str | None) -> None:
    with pytest.raises(GaveUp, match="Notion says that there is more after"):
        reader(lambda request: listed(page(1), has_more=True, next_cursor=cursor)).all()


def test_what_is_no_row_of_the_table_is_left_out() -> None:
    found = reader(
        lambda request: listed(
            page(1),
            page(2, object="data_source"),
            page(3, parent={"type": "data_source_id", "data_source_id": ID.replace("1", "2")}),
            page(4, in_trash=True),
            page(5, parent={"type": "data_source_id", "data_source_id": ID.replace("-", "")}),
        )
    ).all()
    assert list(found) == [page(1)["id"], page(5)["id"]]


def test_a_page_without_properties_is_asked_for_by_its_id() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.method == "GET":
            return page(1, properties={"x": {}})
        bare = page(1)
        del bare["properties"]
        return listed(bare)

    assert reader(answer).all()[page(1)["id"]]["properties"] == {"x": {}}


def test_a_page_that_never_has_properties_ends_the_run() -> None:
    bare = page(1)
    del bare["properties"]
    answers = reader(lambda request: bare if request.method == "GET" else listed(bare))
    with pytest.raises(GaveUp, match="without its properties"):
        answers.all()


def test_the_first_incomplete_page_is_not_forgotten() -> None:
    """`request_status` may stand on any page; the last one says nothing of it."""
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> Any:
        sent.append(json.loads(request.content))
        if "filter" in sent[-1]:
            return listed(page(2, created_time="2026-07-04T09:10:00.000Z"), page(3))
        if "start_cursor" in sent[-1]:
            return listed(page(2, created_time="2026-07-04T09:10:00.000Z"))
        return listed(page(1), has_more=True, next_cursor="c", request_status={"type": "incomplete"})

    assert len(reader(answer).all()) == 3
    assert sent[-1]["filter"] == {
        "timestamp": "created_time",
        "created_time": {"on_or_after": "2026-07-04T09:10:00.000Z"},
    }


def row(row_id: str, key: str | None) -> Row:
    return Row(row_id, {"key": key}, None)


def keys(rows: list[Row], known: dict[str, str]) -> list[Any]:
    return [one.cells["key"] for one in keyed(rows, known).rows]


@pytest.mark.parametrize("cell", ["sku:other", None])
def test_a_row_keeps_its_key_though_the_cell_was_edited_or_cleared(cell: str | None) -> None:
    found = keyed([row("1", cell)], {"sku:a": "1"})
    assert [one.cells["key"] for one in found.rows] == ["sku:a"]
    assert found.warnings == [f'row "1": its key was sku:a, the cell says "{cell or ""}"; taken as sku:a']


def test_the_case_of_a_key_cell_is_no_edit() -> None:
    assert keyed([row("1", "SKU:A")], {"sku:a": "1"}).warnings == []


def test_a_key_that_another_row_carries_by_now_is_that_rows() -> None:
    assert keys([row("1", None), row("2", "sku:A")], {"sku:a": "1"}) == [None, "sku:A"]


def test_a_key_on_two_rows_is_bound_to_neither() -> None:
    found = keyed([row("1", "sku:a"), row("2", "SKU:a"), row("3", "sku:b")], {})
    assert found.pages == {"sku:b": "3"}
    assert found.keys == {"sku:a", "sku:b"}


TEXT = Property("abcd", "Notes", "rich_text")


def shown(*texts: str, **changed: Any) -> dict[str, Any]:
    pieces = [{"plain_text": text} for text in texts]
    return {"Notes": {"id": "abcd", "type": "rich_text", "rich_text": pieces, **changed}}


def items(*texts: str, **changed: Any) -> dict[str, Any]:
    found = [{"type": "rich_text", "rich_text": {"plain_text": text}} for text in texts]
    return listed(*found, **changed)


def test_text_of_many_items_is_read_to_its_end() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> Any:
        asked.append(request.url.params.get("start_cursor", ""))
        return items("c") if asked[-1] else items("a", "b", has_more=True, next_cursor="next")

    cut = page(1, properties=shown(*"x" * 25))
    assert row_of(reader(answer).completed(cut, [TEXT]), {"notes": TEXT}).cells == {"notes": "abc"}
    assert asked == ["", "next"]


@pytest.mark.parametrize(("properties", "n_asked"), [(shown("a"), 0), (shown("a", has_more=True), 1)])
def test_only_text_that_is_cut_is_asked_for(properties: dict[str, Any], n_asked: int) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> Any:
        asked.append(request.url.path)
        return items("a")

    reader(answer).completed(page(1, properties=properties), [TEXT])
    assert asked == [f"/v1/pages/{page(1)['id']}/properties/abcd"] * n_asked


def test_text_that_says_there_is_more_and_not_where_ends_the_run() -> None:
    answers = reader(lambda request: items("a", has_more=True, next_cursor="same"))
    with pytest.raises(GaveUp, match="has more text and not where"):
        answers.completed(page(1, properties=shown("a", has_more=True)), [TEXT])


def test_a_query_that_notion_refuses_is_no_dead_cursor(tmp_path: Path) -> None:
    world = filled(tmp_path, 3)
    world.emulator.faults.add(reject(400, message="sorts is not wanted."), path=QUERY, times=None)
    with pytest.raises(Refused, match=f"{TITLE}: Notion refused the query: sorts is not wanted."):
        world.table().read()
    assert len(queries(world)) == 1


def test_a_table_that_goes_away_while_it_is_read_is_told(tmp_path: Path) -> None:
    world = filled(tmp_path, 150)
    world.emulator.faults.add(reject(404), path=QUERY, nth=2)
    with pytest.raises(NotAuthorised, match="Notion shows no such table"):
        world.table().read()


@pytest.mark.parametrize("page_id", ["", "987654", "../users/me"])
def test_an_id_that_is_none_is_never_asked_for(page_id: str) -> None:
    def answer(request: httpx.Request) -> Any:
        raise AssertionError(request.url)

    assert reader(answer).locate(page_id) is None
