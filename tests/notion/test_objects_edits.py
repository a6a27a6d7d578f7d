"""Who edited what and when, on either side of a relation; numbers of rows; columns kept by their ids."""

from typing import Any

import pytest

from tests.notion.test_paging import new_database, new_row, ok
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.people import Person
from tests.notion_emulator.state import Json, Knobs

BEFORE = "2026-07-04T09:08:00.000Z"
AFTER = "2026-07-04T09:13:00.000Z"
MARKED = {"checkbox": {"equals": True}}


class Table:
    """A table whose columns tell of edits, and a row that is five minutes old."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        self.person = Person(self.emulator)
        columns = {"Edited": {"last_edited_time": {}}, "Editor": {"last_edited_by": {}}}
        self.database_id, self.id = new_database(self.emulator, columns)
        self.row = new_row(self.emulator, self.id, "row")
        self.emulator.clock.advance(300)

    def get(self, page_id: str) -> Json:
        return ok(self.emulator, "GET", f"/v1/pages/{page_id}")

    def edit(self, page_id: str, **properties: Any) -> None:
        ok(self.emulator, "PATCH", f"/v1/pages/{page_id}", {"properties": properties})

    def patch(self, properties: Json) -> Json:
        path = f"/v1/data_sources/{self.id}"
        return ok(self.emulator, "PATCH", path, {"properties": properties})["properties"]

    def edits(self, page_id: str) -> tuple[str, str]:
        """When and by whom the page was edited last, which its columns say as well."""
        page = self.get(page_id)
        cells = page["properties"]
        assert cells["Edited"]["last_edited_time"] == page["last_edited_time"]
        assert cells["Editor"]["last_edited_by"]["id"] == page["last_edited_by"]["id"]
        assert (page["created_time"], page["created_by"]["id"]) == (BEFORE, self.emulator.bot.id)
        return page["last_edited_time"], page["last_edited_by"]["id"]


@pytest.fixture
def table() -> Table:
    return Table()


def test_a_row_that_nobody_touched_keeps_its_time_and_editor(table):
    table.person.add_row(table.id, {"Name": "another"})
    assert table.edits(table.row) == (BEFORE, table.emulator.bot.id)


def test_an_edit_by_the_connection_and_by_a_person_say_whose_and_when(table):
    table.edit(table.row, Number={"number": 1})
    assert table.edits(table.row) == (AFTER, table.emulator.bot.id)
    table.emulator.clock.advance(60)
    table.person.edit(table.row, {"Number": 2})
    assert table.edits(table.row) == ("2026-07-04T09:14:00.000Z", table.person.user.id)


@pytest.mark.parametrize("in_trash", [True, False])
def test_the_trash_counts_as_an_edit(table, in_trash):
    if not in_trash:
        table.person.trash(table.row)
    ok(table.emulator, "PATCH", f"/v1/pages/{table.row}", {"in_trash": in_trash})
    assert table.edits(table.row) == (AFTER, table.emulator.bot.id)


def test_queries_see_an_edit_when_the_lag_is_over():
    emulator = Emulator(knobs=Knobs(lag_s=20.0))
    _, source_id = new_database(emulator)
    row = new_row(emulator, source_id, "row", Number={"number": 1})
    emulator.clock.advance(60)
    ok(emulator, "PATCH", f"/v1/pages/{row}", {"properties": {"Number": {"number": 2}}})
    seen = []
    for wait_s in (0, 19, 2):
        emulator.clock.advance(wait_s)
        [found] = ok(emulator, "POST", f"/v1/data_sources/{source_id}/query", {})["results"]
        seen.append((found["properties"]["Number"]["number"], found["last_edited_time"]))
    assert seen == [(1, BEFORE), (1, BEFORE), (2, "2026-07-04T09:09:00.000Z")]


def test_a_dual_relation_is_written_on_both_sides_and_both_rows_count_as_edited(table):
    relation = {"data_source_id": table.id, "type": "dual_property"}
    ends = {"synced_property_name": "Parent"}
    table.patch({"Parts": {"relation": {**relation, "dual_property": ends}}})
    kept, moved = new_row(table.emulator, table.id, "kept"), new_row(table.emulator, table.id, "moved")
    table.edit(table.row, Parts={"relation": [{"id": kept}, {"id": moved}]})

    def parents(row_id: str) -> list[str]:
        return [one["id"] for one in table.get(row_id)["properties"]["Parent"]["relation"]]

    assert [parents(one) for one in (kept, moved)] == [[table.row], [table.row]]
    table.emulator.clock.advance(60)
    table.person.edit(table.row, {"Parts": [kept]})
    assert [parents(one) for one in (kept, moved)] == [[table.row], []]
    untouched, touched = table.get(kept), table.get(moved)
    assert (untouched["last_edited_time"], untouched["last_edited_by"]["id"]) == (
        AFTER,
        table.emulator.bot.id,
    )
    assert touched["last_edited_time"] == "2026-07-04T09:14:00.000Z"
    assert touched["last_edited_by"]["id"] == table.person.user.id
    table.edit(moved, Parent={"relation": [{"id": table.row}]})
    parts = table.get(table.row)["properties"]["Parts"]["relation"]
    assert [one["id"] for one in parts] == [kept, moved]


def test_a_number_column_that_comes_later_counts_the_rows_there_are_in_order(table):
    rows = [table.row, *(new_row(table.emulator, table.id, name) for name in "ab")]
    table.patch({"No": {"unique_id": {"prefix": "ROW"}}})
    rows += [new_row(table.emulator, table.id, "c"), table.person.add_row(table.id, {"Name": "d"})]
    rows += [table.person.duplicate(rows[0]), new_row(table.emulator, table.id, "e")]
    shown = [table.get(one)["properties"]["No"]["unique_id"] for one in rows]
    assert shown == [{"prefix": "ROW", "number": n} for n in range(1, 8)]
    table.patch({"No": {"unique_id": {"prefix": "NEW"}}})
    assert table.get(rows[1])["properties"]["No"]["unique_id"] == {"prefix": "NEW", "number": 2}


def test_numbers_of_two_tables_do_not_meet(table):
    number = {"No": {"unique_id": {}}}
    _, other_id = new_database(table.emulator, number)
    table.patch(number)
    for source_id, expected in ((other_id, 1), (table.id, 2), (other_id, 2)):
        row = new_row(table.emulator, source_id, "x")
        assert table.get(row)["properties"]["No"]["unique_id"] == {"prefix": None, "number": expected}


@pytest.mark.parametrize("by_id", [True, False])
def test_a_view_keeps_its_columns_by_id_however_they_were_named(table, by_id):
    column = table.patch({"Main": {"checkbox": {}}})["Main"]
    name = column["id"] if by_id else "Main"
    place = {"database_id": table.database_id, "data_source_id": table.id, "type": "table", "name": "Main"}
    body = {
        **place,
        "filter": {"or": [{"property": name, **MARKED}]},
        "sorts": [{"property": name, "direction": "ascending"}],
        "quick_filters": {name: MARKED},
    }
    view = ok(table.emulator, "POST", "/v1/views", body)
    for shown_name in ("Main", "Chosen"):
        table.patch({column["id"]: {"name": shown_name}})
        shown = ok(table.emulator, "GET", f"/v1/views/{view['id']}")
        assert shown["filter"] == {"or": [{"property": shown_name, **MARKED}]}
        assert shown["sorts"] == [{"property": shown_name, "direction": "ascending"}]
        assert shown["quick_filters"] == {shown_name: MARKED}
    table.patch({"Chosen": None, "Main": {"checkbox": {}}})
    shown = ok(table.emulator, "GET", f"/v1/views/{view['id']}")
    assert [shown[part] for part in ("filter", "sorts", "quick_filters")] == [None, None, None]
