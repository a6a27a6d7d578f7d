"""Sorts: natural order, later sorts for ties, empty cells last, the newest first where nothing decides."""

from datetime import timedelta

import pytest

from tests.notion.test_filters import NOW, Table


def by(column: str, direction: str = "ascending") -> dict[str, str]:
    return {"property": column, "direction": direction}


@pytest.fixture
def table() -> Table:
    return Table()


def test_without_sorts_the_newest_comes_first(table):
    for number in range(1, 111):
        table.add(str(number))
    assert table.found(None) == [str(number) for number in range(110, 0, -1)]
    assert table.found(None, []) == table.found(None)


def test_names_are_in_natural_order_as_recorded(table):
    """Six articles of one date, sorted by date and then by name (recorded 2026-06-27)."""
    day = {"start": "2026-06-27T17:57:00.000+01:00", "end": None, "time_zone": None}
    for number in (1, 4, 7, 10, 13, 16):
        table.add(f"Article {number}", title=f"Article {number}", date=day)
    sorts = [by("date", "descending"), by("title")]
    assert table.found(None, sorts) == [f"Article {number}" for number in (1, 4, 7, 10, 13, 16)]


def test_the_earlier_sort_wins_as_recorded(table):
    for name, day in (("Task 1", 1), ("Task 2", 2), ("Task 3", 1)):
        table.add(name, title=name, date={"start": f"2024-01-0{day}", "end": None, "time_zone": None})
    assert table.found(None, [by("date"), by("title")]) == ["Task 1", "Task 3", "Task 2"]
    assert table.found(None, [by("date"), by("title", "descending")]) == ["Task 3", "Task 1", "Task 2"]


@pytest.mark.parametrize(
    ("column", "low", "high"),
    [
        ("number", 2, 10),
        ("rich_text", "apple", "Banana"),
        ("url", "https://a.com", "https://b.com"),
        ("select", "id Backlog", "id Done"),
        ("multi_select", ["id Backlog"], ["id Done"]),
        ("date", {"start": "2026-01-01"}, {"start": "2026-01-01T00:01:00.000Z"}),
        ("unique_id", 9, 10),
        ("files", [{"name": "a"}], [{"name": "b"}]),
    ],
)
def test_empty_cells_come_last_whichever_the_direction(table, column, low, high):
    table.add("high", **{column: high})
    table.add("empty")
    table.add("low", **{column: low})
    assert table.found(None, [by(column)]) == ["low", "high", "empty"]
    assert table.found(None, [by(column, "descending")]) == ["high", "low", "empty"]


def test_options_are_in_the_order_of_the_column_not_of_the_alphabet(table):
    for name in ("In Progress", "Backlog", "Done"):
        table.add(name, select=f"id {name}")
    assert table.found(None, [by("select")]) == ["Backlog", "In Progress", "Done"]


def test_an_unchecked_box_comes_before_a_checked_one(table):
    table.add("no")
    table.add("yes", checkbox=True)
    assert table.found(None, [by("checkbox")]) == ["no", "yes"]


@pytest.mark.parametrize("form", ["timestamp", "property"])
def test_times_of_the_page_sort_by_the_minute_and_ties_keep_the_newest_first(table, form):
    for name, seconds in (("later", 120), ("a", 10), ("b", 5)):
        table.add(name).last_edited_time = NOW + timedelta(seconds=seconds)
    ascending = [{form: "last_edited_time", "direction": "ascending"}]
    assert table.found(None, ascending) == ["b", "a", "later"]


@pytest.mark.parametrize(
    ("sorts", "message"),
    [
        ([by("Colour")], "Could not find sort property with name or id: Colour"),
        (
            [{"property": "title"}],
            "body failed validation: body.sorts[0].direction should be defined, instead was `undefined`.",
        ),
        (
            [by("title", "up")],
            'body failed validation: body.sorts[0].direction should be `"ascending"` or `"descending"`,'
            ' instead was `"up"`.',
        ),
        (
            [by("title")] * 101,
            "body failed validation: body.sorts.length should be \u2264 `100`, instead was `101`.",
        ),
        ({}, "body failed validation: body.sorts should be an array or `undefined`, instead was `{}`."),
    ],
    ids=["unknown column", "no direction", "other direction", "too many", "no array"],
)
def test_refusals_of_sorts_have_their_texts(table, sorts, message):
    assert table.refusal(None, sorts) == message
