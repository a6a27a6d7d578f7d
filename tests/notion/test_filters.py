"""Filters: what each condition lets through. The tables of text, number, select, files, checkbox, people and
relation are the truths that ultimate-notion's own `tests/test_query.py` asserts about the real service; the
dates are those recorded on 2026-06-27.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.notion_emulator import query
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Json, Page, Property, Workspace

NOW = datetime(2026, 6, 27, 17, 1, 20, tzinfo=UTC)
BOT = "7775f3a3-893f-43fa-b625-460c61094c78"
PERSON = "00000000-0000-4000-8000-0000000000fa"
OPTIONS = [{"id": f"id {name}", "name": name, "color": "gray"} for name in ("Backlog", "In Progress", "Done")]
GROUPS = [
    {"id": "g1", "name": "To-do", "color": "gray", "option_ids": ["id Backlog"]},
    {"id": "g2", "name": "Complete", "color": "green", "option_ids": ["id In Progress", "id Done"]},
]
COLUMNS: dict[str, Json] = {
    "title": {},
    "rich_text": {},
    "url": {},
    "email": {},
    "phone_number": {},
    "number": {},
    "checkbox": {},
    "select": {"options": OPTIONS},
    "multi_select": {"options": OPTIONS},
    "status": {"options": OPTIONS, "groups": GROUPS},
    "date": {},
    "people": {},
    "relation": {},
    "files": {},
    "unique_id": {"prefix": None},
    "created_time": {},
    "last_edited_time": {},
    "created_by": {},
    "last_edited_by": {},
    "formula": {},
}
"""One column of each type, named and identified by its type."""


class Table:
    """A data source with one column of each type; rows are known by the names they were given."""

    def __init__(self) -> None:
        self.ws = Workspace()
        self.source = DataSource(parent={"type": "database_id", "database_id": "none"}, **self._node())
        columns = {name: Property(name, name, name, dict(config)) for name, config in COLUMNS.items()}
        self.source.properties = columns
        reference = f"{{{{notion:block_property:title:{self.source.id}:{self.ws.id}}}}}"
        columns["formula"].config["expression"] = reference
        self.ws.data_sources[self.source.id] = self.source
        self.names: dict[str, str] = {}

    def _node(self) -> dict[str, Any]:
        who = {"created_by": BOT, "last_edited_by": BOT}
        times = {"created_time": NOW, "last_edited_time": NOW}
        return {"id": self.ws.ids.uuid(), "seq": self.ws.next_seq(), **who, **times}

    def add(self, row: str, **properties: Any) -> Page:
        for name in ("title", "rich_text"):
            if name in properties:
                properties[name] = [{"type": "text", "plain_text": properties[name]}]
        parent = {"type": "data_source_id", "data_source_id": self.source.id}
        page = Page(parent=parent, properties=properties, **self._node())
        self.ws.pages[page.id] = page
        self.ws.rows.setdefault(self.source.id, []).append(page.id)
        self.names[page.id] = row
        return page

    def found(self, asked: Json | None, sorts: list[Json] | None = None) -> list[str]:
        call = Call(self.ws, "POST", "", {}, [], {}, "2026-03-11", BOT, NOW)
        return [self.names[page.id] for page in query.matching(call, self.source, asked, sorts)]

    def refusal(self, asked: Any, sorts: Any = None) -> str:
        with pytest.raises(Problem) as raised:
            self.found(asked, sorts)
        assert (raised.value.status, raised.value.code) == (400, "validation_error")
        return raised.value.message


def on(column: str, **condition: Any) -> Json:
    """A filter of the column's own type."""
    return {"property": column, column: condition}


@pytest.fixture(scope="module")
def people() -> Table:
    table = Table()
    table.add("empty")
    table.add(
        "john",
        title="John",
        rich_text="John Doe",
        phone_number="123-456-7890",
        email="john.doe@example.com",
        url="https://john.doe.com",
    )
    table.add(
        "jane",
        title="Jane",
        rich_text="Jane Doe",
        phone_number="123-456-7890",
        email="jane.doe@example.com",
        url="https://jane.doe.de",
    )
    return table


TEXTS = [
    ({"is_empty": True}, "empty", "empty", "empty", "empty", "empty"),
    ({"is_not_empty": True}, *["jane john"] * 5),
    ({"equals": "John Doe"}, "", "john", "", "", ""),
    ({"does_not_equal": "John Doe"}, "jane john empty", "jane empty", *["jane john empty"] * 3),
    ({"contains": "Doe"}, "", "jane john", "", "jane john", "jane john"),
    ({"does_not_contain": "Doe"}, "jane john empty", "empty", "jane john empty", "empty", "empty"),
    ({"starts_with": "John"}, "john", "john", "", "john", ""),
    ({"ends_with": "Doe"}, "", "jane john", "", "", ""),
]
TEXT_COLUMNS = ("title", "rich_text", "phone_number", "email", "url")


@pytest.mark.parametrize("asked_as", ["own type", "rich_text"])
@pytest.mark.parametrize("place", range(5), ids=TEXT_COLUMNS)
@pytest.mark.parametrize("truths", TEXTS, ids=lambda truths: str(truths[0]))
def test_text_conditions_ignore_case_and_serve_every_text_column(people, truths, place, asked_as):
    column = TEXT_COLUMNS[place]
    condition = {"property": column, column if asked_as == "own type" else "rich_text": truths[0]}
    assert people.found(condition) == truths[1 + place].split()


@pytest.fixture(scope="module")
def numbers() -> Table:
    table = Table()
    table.add("empty")
    for number in (1, 2, 42):
        table.add(str(number), number=number, unique_id=number)
    return table


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"is_empty": True}, "empty"),
        ({"is_not_empty": True}, "42 2 1"),
        ({"equals": 42}, "42"),
        ({"equals": 42.0}, "42"),
        ({"does_not_equal": 42}, "2 1 empty"),
        ({"greater_than": 1}, "42 2"),
        ({"greater_than_or_equal_to": 1}, "42 2 1"),
        ({"less_than": 42}, "2 1"),
        ({"less_than_or_equal_to": 42}, "42 2 1"),
        ({"greater_than": -1}, "42 2 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize("column", ["number", "unique_id"])
def test_number_conditions_skip_empty_cells_but_does_not_equal_keeps_them(numbers, column, condition, found):
    assert numbers.found(on(column, **condition)) == found.split()


@pytest.fixture(scope="module")
def tasks() -> Table:
    table = Table()
    table.add("empty")
    done, ongoing, backlog = "id Done", "id In Progress", "id Backlog"
    table.add("done", select=done, status=done, multi_select=[done, ongoing])
    table.add("ongoing", select=ongoing, status=ongoing, multi_select=[backlog, ongoing])
    table.add("backlog", select=backlog, status=backlog, multi_select=[backlog])
    return table


@pytest.mark.parametrize(
    ("column", "condition", "found"),
    [
        ("select", {"is_empty": True}, "empty"),
        ("select", {"is_not_empty": True}, "backlog ongoing done"),
        ("select", {"equals": "Done"}, "done"),
        ("select", {"does_not_equal": "Done"}, "backlog ongoing empty"),
        ("select", {"equals": ["Done", "Backlog"]}, "backlog done"),
        ("select", {"does_not_equal": ["Done", "Backlog"]}, "ongoing empty"),
        ("select", {"equals": "Nobody made this"}, ""),
        ("multi_select", {"is_empty": True}, "empty"),
        ("multi_select", {"is_not_empty": True}, "backlog ongoing done"),
        ("multi_select", {"contains": "Done"}, "done"),
        ("multi_select", {"does_not_contain": "Done"}, "backlog ongoing empty"),
        ("multi_select", {"contains": ["Done", "Backlog"]}, "backlog ongoing done"),
        ("multi_select", {"does_not_contain": ["Done", "Backlog"]}, "empty"),
        ("status", {"equals": "Done"}, "done"),
        ("status", {"equals": "Complete"}, "ongoing done"),
        ("status", {"does_not_equal": "Complete"}, "backlog empty"),
        ("status", {"equals": ["To-do", "Done"]}, "backlog done empty"),
        ("status", {"is_empty": True}, ""),
    ],
    ids=str,
)
def test_options_are_asked_by_name_and_statuses_by_group_too(tasks, column, condition, found):
    assert tasks.found(on(column, **condition)) == found.split()


@pytest.fixture(scope="module")
def mixed() -> Table:
    table = Table()
    table.add("empty", created_by=PERSON)
    person = table.add("person", people=[PERSON])
    person.created_by = PERSON
    table.add("fan", relation=[person.id])
    table.add(
        "files", files=[{"name": "image", "type": "external", "external": {"url": "https://e.com/i.png"}}]
    )
    table.add("check", checkbox=True)
    return table


@pytest.mark.parametrize(
    ("column", "condition", "found"),
    [
        ("files", {"is_empty": True}, "check fan person empty"),
        ("files", {"is_not_empty": True}, "files"),
        ("checkbox", {"equals": True}, "check"),
        ("checkbox", {"equals": False}, "files fan person empty"),
        ("checkbox", {"does_not_equal": False}, "check"),
        ("checkbox", {"does_not_equal": True}, "files fan person empty"),
        ("people", {"is_empty": True}, "check files fan empty"),
        ("people", {"is_not_empty": True}, "person"),
        ("people", {"contains": PERSON}, "person"),
        ("people", {"contains": PERSON.replace("-", "")}, "person"),
        ("people", {"does_not_contain": PERSON}, "check files fan empty"),
        ("people", {"contains": "me"}, ""),
        ("created_by", {"contains": PERSON}, "person"),
        ("created_by", {"contains": "me"}, "check files fan empty"),
        ("last_edited_by", {"contains": "me"}, "check files fan person empty"),
        ("relation", {"is_empty": True}, "check files person empty"),
        ("relation", {"is_not_empty": True}, "fan"),
    ],
    ids=str,
)
def test_files_checkboxes_people_and_relations(mixed, column, condition, found):
    assert mixed.found(on(column, **condition)) == found.split()


def test_a_relation_is_asked_by_the_id_of_the_page_it_leads_to(mixed):
    [person] = (page_id for page_id, name in mixed.names.items() if name == "person")
    assert mixed.found(on("relation", contains=person)) == ["fan"]
    assert mixed.found(on("relation", does_not_contain=person)) == ["check", "files", "person", "empty"]


DATES = {
    "no_date": None,
    "this_week": "2026-06-27T18:01:00.000+01:00",
    "past_week": "2026-06-20T18:01:00.000+01:00",
    "past_month": "2026-05-27T18:01:00.000+01:00",
    "past_year": "2025-06-27T18:01:00.000+01:00",
    "next_week": "2026-07-04T18:01:00.000+01:00",
    "next_month": "2026-07-27T18:01:00.000+01:00",
    "next_year": "2027-06-27T18:01:00.000+01:00",
}
ASKED = "2026-06-27T18:01:15.377824+01:00"
PAST = "past_year past_month past_week"
NEXT = "next_year next_month next_week"


@pytest.fixture(scope="module")
def dates() -> Table:
    table = Table()
    for name, start in DATES.items():
        table.add(name, date=start and {"start": start, "end": None, "time_zone": None})
    return table


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"is_empty": True}, "no_date"),
        ({"is_not_empty": True}, f"{NEXT} {PAST} this_week"),
        ({"equals": ASKED}, "this_week"),
        ({"before": ASKED}, PAST),
        ({"on_or_before": ASKED}, f"{PAST} this_week"),
        ({"after": ASKED}, NEXT),
        ({"on_or_after": ASKED}, f"{NEXT} this_week"),
        ({"this_week": {}}, "this_week"),
        ({"past_week": {}}, "past_week this_week"),
        ({"past_month": {}}, "past_month past_week this_week"),
        ({"past_year": {}}, f"{PAST} this_week"),
        ({"next_week": {}}, "next_week this_week"),
        ({"next_month": {}}, "next_month next_week this_week"),
        ({"next_year": {}}, f"{NEXT} this_week"),
        ({"equals": "2026-06-27"}, "this_week"),
        ({"equals": "2026-06-27T17:01:00Z"}, "this_week"),
        ({"equals": "2026-06-27T17:01"}, "this_week"),
        ({"equals": "2026-06-27T17:02:00Z"}, ""),
        ({"equals": "today"}, "this_week"),
        ({"equals": "one_week_ago"}, "past_week"),
        ({"equals": "one_month_from_now"}, "next_month"),
        ({"after": "tomorrow"}, NEXT),
        ({"before": "yesterday"}, PAST),
    ],
    ids=str,
)
def test_dates_compare_by_the_minute_and_ranges_by_the_day(dates, condition, found):
    assert dates.found(on("date", **condition)) == found.split()


def test_a_day_without_a_time_equals_every_minute_of_it():
    table = Table()
    table.add("day", date={"start": "2026-06-27", "end": None, "time_zone": None})
    assert table.found(on("date", equals="2026-06-27T23:59:00Z")) == ["day"]
    assert table.found(on("date", before="2026-06-27T23:59:00Z")) == []
    assert table.found(on("date", after="2026-06-26")) == ["day"]


@pytest.mark.parametrize("name", ["created_time", "last_edited_time"])
def test_timestamps_and_columns_of_the_same_name_say_the_same(dates, name):
    later, earlier = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
    for form in ({"timestamp": name}, {"property": name}):
        assert len(dates.found({**form, name: {"on_or_before": later.isoformat()}})) == 8
        assert dates.found({**form, name: {"on_or_before": earlier.isoformat()}}) == []
        assert len(dates.found({**form, name: {"this_week": {}}})) == 8
        assert dates.found({**form, name: {"is_empty": True}}) == []
        assert len(dates.found({**form, name: {"equals": (NOW + timedelta(seconds=30)).isoformat()}})) == 8


def test_compounds_nest_two_levels_and_hold_a_hundred_members(numbers):
    one, two = on("number", equals=1), on("number", equals=2)
    assert numbers.found({"or": [one, two]}) == ["2", "1"]
    assert numbers.found({"and": [one, two]}) == []
    assert numbers.found({"and": [{"or": [one, two]}, on("number", less_than=2)]}) == ["1"]
    assert numbers.found({"or": [one] * 100}) == ["1"]
    assert numbers.found({"and": []}) == ["42", "2", "1", "empty"]


def test_formulas_are_asked_by_the_type_of_their_result(people):
    assert people.found({"property": "formula", "formula": {"string": {"equals": "John"}}}) == ["john"]
    assert people.found({"property": "formula", "formula": {"number": {"equals": 1}}}) == []


MISMATCH = (
    "The property type in the database does not match the property type of the filter provided:"
    " database property"
)
INVALID = "body failed validation: body.filter"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"property": "Colour", "select": {"equals": "A"}},
            "Could not find property with name or id: Colour",
        ),
        (
            {"property": "number", "rich_text": {"equals": "A"}},
            f"{MISMATCH} number does not match filter rich_text",
        ),
        (
            {"property": "status", "select": {"equals": "A"}},
            f"{MISMATCH} status does not match filter select",
        ),
        (
            {"or": [on("number", equals=1)] * 124},
            f"{INVALID}.or.length should be \u2264 `100`, instead was `124`.",
        ),
        (
            {"and": [{"or": [{"and": [on("number", equals=1)]}]}]},
            f'{INVALID}.and[0].or[0].and should be not present, instead was `[{{"property": "number",'
            ' "number": {"equals": 1}}]`.',
        ),
        (
            on("number", equals="1"),
            f'{INVALID}.number.equals should be a number, instead was `"1"`.',
        ),
        (
            on("checkbox", equals=1),
            f"{INVALID}.checkbox.equals should be a boolean, instead was `1`.",
        ),
        (
            on("number", is_empty=False),
            f"{INVALID}.number.is_empty should be `true`, instead was `false`.",
        ),
        (
            on("date", equals="soon"),
            f'{INVALID}.date.equals should be a valid ISO 8601 date string, instead was `"soon"`.',
        ),
        (
            on("people", contains="somebody"),
            f'{INVALID}.people.contains should be a valid uuid, instead was `"somebody"`.',
        ),
        (
            {"property": "number", "number": {"equals": 1}, "colour": 1},
            f"{INVALID}.colour should be not present, instead was `1`.",
        ),
        (
            {"number": {"equals": 1}},
            f"{INVALID}.property should be defined, instead was `undefined`.",
        ),
        (
            on("checkbox", contains=True),
            "body failed validation. Fix one:\n"
            "body.filter.checkbox.equals should be defined, instead was `undefined`.\n"
            "body.filter.checkbox.does_not_equal should be defined, instead was `undefined`.",
        ),
    ],
    ids=lambda one: str(one)[:60],
)
def test_refusals_of_filters_have_their_texts(mixed, asked, message):
    assert mixed.refusal(asked) == message


def test_a_filter_of_no_type_is_told_all_of_them_in_the_reported_order(mixed):
    lines = mixed.refusal({"property": "rich_text", "text": {"equals": "a"}}).splitlines()
    assert lines[0] == "body failed validation. Fix one:"
    named = [line.removeprefix("body.filter.").split()[0] for line in lines[1:]]
    assert named[:8] == ["or", "and", "title", "rich_text", "number", "checkbox", "select", "multi_select"]
    assert {line.split(" should ")[1] for line in lines[1:]} == {"be defined, instead was `undefined`."}


def test_a_wrong_filter_is_refused_where_there_are_no_rows_too():
    assert Table().refusal({"property": "Colour", "select": {"equals": "A"}}).endswith("Colour")
