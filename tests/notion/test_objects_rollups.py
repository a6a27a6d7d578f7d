"""Rollups: what a function makes of the cells of related rows."""

import pytest

from tests.notion.test_paging import new_database, new_row, ok
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json

COLUMNS: dict[str, Json] = {"Price": {"number": {}}, "Done": {"checkbox": {}}, "When": {"date": {}}}
ITEMS: tuple[Json, ...] = (
    {"Price": {"number": 4}, "Done": {"checkbox": True}, "When": {"date": {"start": "2026-03-02"}}},
    {"Price": {"number": 1}, "When": {"date": {"start": "2026-03-01"}}},
    {"Price": {"number": 4}, "When": {"date": {"start": "2026-03-09"}}},
    {"Done": {"checkbox": True}},
)


class Boxes:
    """A table of boxes whose rollups are about the items they are related to."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        _, self.items_id = new_database(self.emulator, COLUMNS, title="Items")
        _, self.id = new_database(self.emulator)
        relation = {"data_source_id": self.items_id, "type": "single_property", "single_property": {}}
        self.patch({"Items": {"relation": relation}})
        self.items = [
            new_row(self.emulator, self.items_id, f"item {n}", **one) for n, one in enumerate(ITEMS)
        ]

    def patch(self, properties: Json) -> None:
        ok(self.emulator, "PATCH", f"/v1/data_sources/{self.id}", {"properties": properties})

    def rolled_up(self, column: str, function: str, items: list[str]) -> Json:
        """The rollup of a new box with these items."""
        rollup = {"relation_property_name": "Items", "rollup_property_name": column, "function": function}
        self.patch({"Rollup": {"rollup": rollup}})
        box = new_row(self.emulator, self.id, "box", Items={"relation": [{"id": one} for one in items]})
        return ok(self.emulator, "GET", f"/v1/pages/{box}")["properties"]["Rollup"]["rollup"]


@pytest.fixture
def boxes() -> Boxes:
    return Boxes()


def day(start: str, end: str | None = None) -> Json:
    return {"start": start, "end": end, "time_zone": None}


@pytest.mark.parametrize(
    ("column", "function", "value"),
    [
        ("Price", "count", 4),
        ("Price", "count_values", 3),
        ("Price", "empty", 1),
        ("Price", "not_empty", 3),
        ("Price", "unique", 2),
        ("Price", "percent_empty", 0.25),
        ("Price", "percent_not_empty", 0.75),
        ("Price", "sum", 9),
        ("Price", "average", 3),
        ("Price", "median", 4),
        ("Price", "min", 1),
        ("Price", "max", 4),
        ("Price", "range", 3),
        ("Done", "checked", 2),
        ("Done", "unchecked", 2),
        ("Done", "percent_checked", 0.5),
        ("Done", "percent_unchecked", 0.5),
        ("When", "earliest_date", day("2026-03-01")),
        ("When", "latest_date", day("2026-03-09")),
        ("When", "date_range", day("2026-03-01", "2026-03-09")),
    ],
)
def test_a_function_works_on_the_cells_of_the_related_rows(boxes, column, function, value):
    kind = "date" if isinstance(value, dict) else "number"
    assert boxes.rolled_up(column, function, boxes.items) == {
        "type": kind,
        kind: value,
        "function": function,
    }


@pytest.mark.parametrize(
    ("function", "values"), [("show_original", [4, 1, 4, None]), ("show_unique", [4, 1, None])]
)
def test_the_cells_are_shown_in_the_order_of_the_relation(boxes, function, values):
    shown = boxes.rolled_up("Price", function, boxes.items)
    assert shown["array"] == [{"type": "number", "number": value} for value in values]
    back = boxes.rolled_up("Price", function, boxes.items[:2][::-1])
    assert [one["number"] for one in back["array"]] == [1, 4]


def test_only_related_rows_count_and_none_is_nothing(boxes):
    assert boxes.rolled_up("Price", "sum", boxes.items[:2])["number"] == 5
    assert boxes.rolled_up("Price", "count", [])["number"] == 0
    assert boxes.rolled_up("Price", "average", [])["number"] is None
    assert boxes.rolled_up("When", "earliest_date", [])["date"] is None


def test_a_rollup_follows_the_cells(boxes):
    rolled_up = boxes.rolled_up("Price", "sum", boxes.items)
    assert rolled_up["number"] == 9
    change = {"properties": {"Price": {"number": 10}}}
    ok(boxes.emulator, "PATCH", f"/v1/pages/{boxes.items[1]}", change)
    assert boxes.rolled_up("Price", "sum", boxes.items)["number"] == 18
