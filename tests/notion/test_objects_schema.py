"""Columns: made, shown, renamed, retyped, removed; their options; the limits of a schema."""

from typing import Any
from urllib.parse import unquote

import pytest

from tests.notion.test_paging import new_database, new_row, ok, refusal
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json, Knobs

LETTERS = [{"name": "A", "color": "red"}, {"name": "B"}]


class Source:
    """A data source whose columns are changed."""

    def __init__(self, columns: Json | None = None, **knobs: Any):
        self.emulator = Emulator(knobs=Knobs(**knobs))
        self.database_id, self.id = new_database(self.emulator, columns)
        self.path = f"/v1/data_sources/{self.id}"

    def columns(self) -> Json:
        return ok(self.emulator, "GET", self.path)["properties"]

    def patch(self, **properties: Any) -> Json:
        return ok(self.emulator, "PATCH", self.path, {"properties": properties})["properties"]

    def refused(self, **properties: Any) -> str:
        before = self.columns()
        message = refusal(self.emulator, "PATCH", self.path, {"properties": properties})
        assert self.columns() == before
        return message


@pytest.fixture
def source() -> Source:
    return Source({"Size": {"select": {"options": LETTERS}}})


EMPTY = (
    "rich_text",
    "date",
    "people",
    "files",
    "checkbox",
    "url",
    "email",
    "phone_number",
    "created_time",
    "created_by",
    "last_edited_time",
    "last_edited_by",
    "place",
    "verification",
    "button",
)


@pytest.mark.parametrize("kind", EMPTY)
def test_a_column_without_settings_shows_an_empty_object(kind):
    made = Source({"New": {kind: {}}}).columns()["New"]
    assert made == {"id": made["id"], "name": "New", "description": None, "type": kind, kind: {}}


SETTINGS = [
    pytest.param({"number": {}}, {"format": "number"}, id="number"),
    pytest.param({"number": {"format": "dollar"}}, {"format": "dollar"}, id="dollar"),
    pytest.param({"unique_id": {}}, {"prefix": None}, id="unique_id"),
    pytest.param({"unique_id": {"prefix": "ROW"}}, {"prefix": "ROW"}, id="unique_id with prefix"),
    pytest.param({"multi_select": {}}, {"options": []}, id="multi_select"),
    pytest.param({"type": "select", "select": {"options": []}}, {"options": []}, id="type beside"),
]


@pytest.mark.parametrize(("written", "shown"), SETTINGS)
def test_a_column_shows_its_settings(source, written, shown):
    made = source.patch(New=written)["New"]
    assert made[made["type"]] == shown


def test_a_new_status_has_three_options_in_three_groups(source):
    status = source.patch(Stage={"status": {}})["Stage"]["status"]
    assert [(one["name"], one["color"]) for one in status["options"]] == [
        ("Not started", "default"),
        ("In progress", "blue"),
        ("Done", "green"),
    ]
    assert [(one["name"], one["color"]) for one in status["groups"]] == [
        ("To-do", "gray"),
        ("In progress", "blue"),
        ("Complete", "green"),
    ]
    assert [one["option_ids"] for one in status["groups"]] == [[one["id"]] for one in status["options"]]


def test_new_status_options_join_the_first_group(source):
    source.patch(Stage={"status": {}})
    names = [{"name": one} for one in ("Not started", "Done", "Late")]
    status = source.patch(Stage={"status": {"options": names}})["Stage"]["status"]
    ids = {one["name"]: one["id"] for one in status["options"]}
    assert [one["option_ids"] for one in status["groups"]] == [
        [ids["Not started"], ids["Late"]],
        [],
        [ids["Done"]],
    ]


def test_options_are_replaced_and_those_named_again_stay(source):
    before = {one["name"]: one for one in source.columns()["Size"]["select"]["options"]}
    assert (before["A"]["color"], before["B"]["color"]) == ("red", "default")
    kept = {"id": before["A"]["id"]}
    after = source.patch(Size={"select": {"options": [{"name": "C", "color": "pink"}, kept]}})
    options = after["Size"]["select"]["options"]
    assert [one["name"] for one in options] == ["C", "A"]
    assert options[1] == before["A"]


def test_a_row_loses_an_option_that_is_left_out(source):
    row = new_row(source.emulator, source.id, "x", Size={"select": {"name": "A"}})
    source.patch(Size={"select": {"options": [{"name": "B"}]}})
    page = ok(source.emulator, "GET", f"/v1/pages/{row}")
    assert page["properties"]["Size"]["select"] is None


def test_the_new_name_of_an_option_is_ignored_and_its_new_color_refused(source):
    option = source.columns()["Size"]["select"]["options"][0]
    renamed = source.patch(Size={"select": {"options": [{"id": option["id"], "name": "Z"}]}})
    assert renamed["Size"]["select"]["options"] == [option]
    by_name = source.refused(Size={"select": {"options": [{"name": "A", "color": "blue"}]}})
    assert by_name == "Cannot update color of select with name: A."
    by_id = source.refused(Size={"select": {"options": [{"id": option["id"], "color": "blue"}]}})
    assert by_id == f"Cannot update color of select with id: {option['id']}."


def test_a_column_that_outgrew_the_ceiling_takes_no_schema_write():
    source = Source({"Size": {"select": {"options": LETTERS}}}, option_ceiling=3)
    for name in ("C", "D"):
        new_row(source.emulator, source.id, "x", Size={"select": {"name": name}})
    assert source.refused(Size={"select": {"options": [{"name": "A"}]}}) == (
        "body failed validation: body.properties.Size.select.options.length should be \u2264 `3`,"
        " instead was `4`."
    )
    assert "Renamed" in source.patch(Size={"name": "Renamed"})


def test_a_column_keeps_its_id_when_it_is_renamed_by_name_or_id(source):
    size = source.columns()["Size"]
    assert source.patch(Size={"name": "Large"})["Large"] == {**size, "name": "Large"}
    assert source.patch(**{size["id"]: {"name": "Larger"}})["Larger"]["id"] == size["id"]
    assert source.patch(**{unquote(size["id"]): {"name": "Largest"}})["Largest"]["id"] == size["id"]
    assert source.patch(title={"name": "Model"})["Model"]["type"] == "title"


def test_a_removed_column_that_comes_back_is_a_new_one(source):
    row = new_row(source.emulator, source.id, "x", Number={"number": 8})
    before = source.columns()["Number"]["id"]
    assert "Number" not in source.patch(Number=None)
    assert source.patch(Number={"number": {}})["Number"]["id"] != before
    page = ok(source.emulator, "GET", f"/v1/pages/{row}")
    assert page["properties"]["Number"]["number"] is None


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("rich_text", "8"),
        ("url", "8"),
        ("select", "8"),
        ("multi_select", ["8"]),
        ("checkbox", False),
        ("date", None),
    ],
)
def test_another_type_keeps_the_id_and_what_it_can_of_the_values(source, kind, shown):
    row = new_row(source.emulator, source.id, "x", Number={"number": 8})
    before = source.columns()["Number"]["id"]
    assert source.patch(Number={kind: {}})["Number"]["id"] == before
    value = ok(source.emulator, "GET", f"/v1/pages/{row}")["properties"]["Number"][kind]
    if kind == "rich_text":
        value = value[0]["plain_text"]
    elif kind == "select":
        value = value["name"]
    elif kind == "multi_select":
        value = [one["name"] for one in value]
    assert value == shown


def test_an_object_without_prefix_leaves_the_prefix(source):
    source.patch(No={"unique_id": {"prefix": "ROW"}})
    assert source.patch(No={"unique_id": {}})["No"]["unique_id"] == {"prefix": "ROW"}
    assert source.patch(No={"unique_id": {"prefix": "NEW"}})["No"]["unique_id"] == {"prefix": "NEW"}


def test_a_dual_relation_has_a_column_on_the_other_side():
    source = Source()
    _, other_id = new_database(source.emulator, title="Items")
    relation = {"data_source_id": other_id, "type": "dual_property", "dual_property": {}}
    ours = source.patch(Items={"relation": relation})["Items"]
    other = f"/v1/data_sources/{other_id}"
    theirs = ok(source.emulator, "GET", other)["properties"]["Related to Models (Items)"]
    assert theirs["relation"] == {
        "database_id": source.database_id,
        "data_source_id": source.id,
        "type": "dual_property",
        "dual_property": {"synced_property_name": "Items", "synced_property_id": ours["id"]},
    }
    ok(source.emulator, "PATCH", other, {"properties": {theirs["id"]: {"name": "Models"}}})
    shown = source.columns()["Items"]["relation"]["dual_property"]
    assert shown == {"synced_property_name": "Models", "synced_property_id": theirs["id"]}
    item = new_row(source.emulator, other_id, "item")
    row = new_row(source.emulator, source.id, "row", Items={"relation": [{"id": item}]})
    page = ok(source.emulator, "GET", f"/v1/pages/{item}")
    assert page["properties"]["Models"]["relation"] == [{"id": row}]
    ok(source.emulator, "PATCH", f"/v1/pages/{row}", {"properties": {"Items": {"relation": []}}})
    page = ok(source.emulator, "GET", f"/v1/pages/{item}")
    assert page["properties"]["Models"]["relation"] == []
    source.patch(Items=None)
    assert list(ok(source.emulator, "GET", other)["properties"]) == ["Number", "Name"]


def test_a_rollup_counts_and_sums_related_rows():
    source = Source()
    relation = {"data_source_id": source.id, "type": "single_property", "single_property": {}}
    source.patch(Parts={"relation": relation})
    rollup = {"relation_property_name": "Parts", "rollup_property_name": "Number"}
    for function in ("count", "sum", "average", "show_original", "count_per_group"):
        source.patch(**{function: {"rollup": {**rollup, "function": function}}})
    parts = [new_row(source.emulator, source.id, "x", Number={"number": n}) for n in (1, 2)]
    ids = [{"id": one} for one in parts]
    row = new_row(source.emulator, source.id, "y", Parts={"relation": ids})
    shown = ok(source.emulator, "GET", f"/v1/pages/{row}")["properties"]
    assert shown["count"]["rollup"] == {"type": "number", "number": 2, "function": "count"}
    assert shown["sum"]["rollup"]["number"] == 3
    assert shown["average"]["rollup"]["number"] == 1.5
    assert shown["show_original"]["rollup"]["array"] == [
        {"type": "number", "number": 1},
        {"type": "number", "number": 2},
    ]
    assert shown["count_per_group"]["rollup"]["type"] == "unsupported"


REFUSED = [
    pytest.param({"Lost": None}, "Could not find property with name or id: Lost", id="unknown column"),
    pytest.param({"Name": None}, "Cannot delete the title property", id="title removed"),
    pytest.param(
        {"Name": {"number": {}}}, "Cannot change the type of the title property", id="title retyped"
    ),
    pytest.param({"Size": {"name": "Number"}}, "Property with name Number already exists.", id="name taken"),
    pytest.param(
        {"Number": None, "Size": {"select": {"options": [{"name": "a,b"}]}}},
        "Invalid select option, commas not allowed: a,b",
        id="comma, and nothing else changes",
    ),
    pytest.param(
        {"New": {"select": {"options": [{"name": f"o{n}"} for n in range(101)]}}},
        "body failed validation: body.properties.New.select.options.length should be \u2264 `100`,"
        " instead was `101`.",
        id="101 options",
    ),
    pytest.param(
        {"Size": {"description": "x" * 281}},
        "body failed validation: body.properties.Size.description.length should be \u2264 `280`,"
        " instead was `281`.",
        id="long description",
    ),
    pytest.param(
        {"New": {"type": "colour"}},
        "body failed validation: body.properties.New.type should be a known property type,"
        ' instead was `"colour"`.',
        id="unknown type",
    ),
]


@pytest.mark.parametrize(("properties", "message"), REFUSED)
def test_a_refused_change_changes_nothing(source, properties, message):
    assert source.refused(**properties) == message


def test_a_schema_holds_50_kb_and_the_largest_column_is_named(source):
    options = [{"name": f"{n:03} {'x' * 90}"} for n in range(100)]
    for name in ("One", "Two"):
        source.patch(**{name: {"select": {"options": options}}})
    message = source.refused(Three={"multi_select": {"options": options}})
    assert message.startswith(
        'You have exceeded the maximum database property schema size. Largest property: "Three" (id: '
    )
    assert "Three" not in source.columns()


def test_a_source_without_title_is_refused(source):
    body = {"parent": {"database_id": source.database_id}, "properties": {"Number": {"number": {}}}}
    assert refusal(source.emulator, "POST", "/v1/data_sources", body) == "Title is not provided"
    assert len(source.emulator.ws.data_sources) == 1
