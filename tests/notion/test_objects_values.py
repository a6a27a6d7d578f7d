"""Values of rows: what is written, what comes back, what is refused."""

from typing import Any
from urllib.parse import unquote

import pytest

from tests.notion.test_paging import new_database, ok, refusal, send
from tests.notion_emulator import rich_text
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json

NOBODY = "00000000-0000-4000-8000-0000000000aa"
PLAIN = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}
LETTERS = [{"name": "A", "color": "red"}, {"name": "B", "color": "blue"}]
COLUMNS: dict[str, Json] = {
    "Text": {"rich_text": {}},
    "Price": {"number": {"format": "dollar"}},
    "Size": {"select": {"options": LETTERS}},
    "Tags": {"multi_select": {"options": LETTERS}},
    "Stage": {"status": {}},
    "When": {"date": {}},
    "Who": {"people": {}},
    "Link": {"url": {}},
    "Mail": {"email": {}},
    "Phone": {"phone_number": {}},
    "Done": {"checkbox": {}},
    "Files": {"files": {}},
    "Where": {"place": {}},
    "No": {"unique_id": {"prefix": "ROW"}},
    "Made": {"created_time": {}},
    "Maker": {"created_by": {}},
    "Edited": {"last_edited_time": {}},
    "Editor": {"last_edited_by": {}},
    "Checked": {"verification": {}},
    "Twice": {"formula": {"expression": 'prop("Price") * 2'}},
    "Push": {"button": {}},
}


def said(text: str, **annotations: Any) -> Json:
    """A rich text item as it comes back."""
    return {
        "type": "text",
        "text": {"content": text, "link": None},
        "annotations": {**PLAIN, **annotations},
        "plain_text": text,
        "href": None,
    }


class Table:
    """One table with a column of every type, and a way to write and read one cell."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        self.database_id, self.source_id = new_database(self.emulator, COLUMNS)
        relation = {"data_source_id": self.source_id, "type": "single_property", "single_property": {}}
        columns = {"Rows": {"relation": relation}}
        ok(self.emulator, "PATCH", f"/v1/data_sources/{self.source_id}", {"properties": columns})
        self.row = self.create({})

    def body(self, properties: Any) -> Json:
        return {"parent": {"data_source_id": self.source_id}, "properties": properties}

    def create(self, properties: Any) -> str:
        return ok(self.emulator, "POST", "/v1/pages", self.body(properties))["id"]

    def refused(self, properties: Any) -> str:
        return refusal(self.emulator, "POST", "/v1/pages", self.body(properties))

    def write(self, name: str, value: Any) -> Any:
        answer = ok(
            self.emulator, "PATCH", f"/v1/pages/{self.row}", {"properties": {name: {self.kind(name): value}}}
        )
        return answer["properties"][name][self.kind(name)]

    def read(self, name: str) -> Any:
        page = ok(self.emulator, "GET", f"/v1/pages/{self.row}")
        return page["properties"][name][self.kind(name)]

    def kind(self, name: str) -> str:
        return {"Name": "title", "Number": "number", "Rows": "relation"}.get(name) or next(
            iter(COLUMNS[name])
        )

    def options(self, name: str) -> list[Json]:
        source = ok(self.emulator, "GET", f"/v1/data_sources/{self.source_id}")
        return source["properties"][name][self.kind(name)]["options"]


@pytest.fixture
def table() -> Table:
    return Table()


def external(name: str) -> Json:
    return {"name": name, "type": "external", "external": {"url": "https://example.com/a.pdf"}}


WRITES = [
    pytest.param("Name", [{"text": {"content": "x"}}], [said("x")], id="title"),
    pytest.param("Text", [{"text": {"content": "x"}}], [said("x")], id="rich text"),
    pytest.param(
        "Text",
        [{"type": "text", "text": {"content": "x"}, "plain_text": "stale", "annotations": {"bold": True}}],
        [said("x", bold=True)],
        id="rich text given back",
    ),
    pytest.param(
        "Text",
        [{"text": {"content": "x", "link": {"url": "https://a.b"}}}],
        [
            {
                **said("x"),
                "text": {"content": "x", "link": {"url": "https://a.b"}},
                "href": "https://a.b",
            }
        ],
        id="link",
    ),
    pytest.param("Text", [{"text": {"content": ""}}], [], id="empty text"),
    pytest.param("Price", 8, 8, id="integer"),
    pytest.param("Price", 0.1, 0.1, id="float"),
    pytest.param("Price", None, None, id="no number"),
    pytest.param("When", {"start": "2026-07-01"}, ("2026-07-01", None), id="day"),
    pytest.param(
        "When",
        {"start": "2026-07-25T16:57:28.513237Z", "time_zone": "UTC"},
        ("2026-07-25T16:57:00.000+00:00", None),
        id="time in UTC",
    ),
    pytest.param(
        "When",
        {"start": "2026-06-27T17:57:32.424991", "time_zone": "Europe/London"},
        ("2026-06-27T17:57:00.000+01:00", None),
        id="time in a zone",
    ),
    pytest.param(
        "When",
        {"start": "2026-06-27T17:57:32+02:00", "end": "2026-06-28T01:02:03+02:00"},
        ("2026-06-27T17:57:00.000+02:00", "2026-06-28T01:02:00.000+02:00"),
        id="range with offset",
    ),
    pytest.param("When", None, None, id="no date"),
    pytest.param("Link", "https://example.com", "https://example.com", id="url"),
    pytest.param("Mail", "a@example.com", "a@example.com", id="email"),
    pytest.param("Phone", "+1", "+1", id="phone"),
    pytest.param("Done", True, True, id="checkbox"),
    pytest.param("Files", [external("a.pdf")], [external("a.pdf")], id="files"),
    pytest.param(
        "Where",
        {"lat": 52.52, "lon": 13.405, "address": "Berlin, Germany"},
        {
            "lat": 52.52,
            "lon": 13.405,
            "name": None,
            "address": "Berlin, Germany",
            "aws_place_id": None,
            "google_place_id": None,
        },
        id="place",
    ),
]


@pytest.mark.parametrize(("name", "written", "shown"), WRITES)
def test_a_value_comes_back_in_read_form(table, name, written, shown):
    if isinstance(shown, tuple):
        shown = {"start": shown[0], "end": shown[1], "time_zone": None}
    assert table.write(name, written) == shown
    assert table.read(name) == shown


EMPTY = {
    "Text": [],
    "Price": None,
    "Size": None,
    "Tags": [],
    "When": None,
    "Who": [],
    "Rows": [],
    "Link": None,
    "Mail": None,
    "Phone": None,
    "Done": False,
    "Files": [],
    "Where": None,
    "Push": {},
    "Name": [],
    "No": {"prefix": "ROW", "number": 1},
    "Made": "2026-07-04T09:08:00.000Z",
    "Edited": "2026-07-04T09:08:00.000Z",
    "Twice": {"type": "number", "number": None},
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_cell_that_was_never_written_has_the_empty_form_of_its_type(table, name):
    assert table.read(name) == EMPTY[name]


def test_an_empty_status_shows_its_first_option(table):
    assert table.read("Stage")["name"] == "Not started"
    assert table.write("Stage", {"name": "Done"})["name"] == "Done"
    assert table.write("Stage", None)["name"] == "Not started"


def test_makers_are_full_users_in_columns_and_partial_ones_beside(table):
    page = ok(table.emulator, "GET", f"/v1/pages/{table.row}")
    bot = table.emulator.bot
    full = {"object": "user", "id": bot.id, "name": bot.name, "avatar_url": None, "type": "bot", "bot": {}}
    assert page["properties"]["Maker"]["created_by"] == full
    assert page["properties"]["Editor"]["last_edited_by"] == full
    assert page["created_by"] == {"object": "user", "id": bot.id}


def test_people_and_relations_are_written_by_id_and_replaced_whole(table):
    person = table.emulator.person
    assert table.write("Who", [{"id": person.id, "object": "user"}])[0]["name"] == person.name
    other = table.create({})
    assert table.write("Rows", [{"id": other.replace("-", "")}, {"id": table.row}]) == [
        {"id": other},
        {"id": table.row},
    ]
    assert table.write("Rows", [{"id": table.row}]) == [{"id": table.row}]
    assert table.write("Who", []) == []


def test_an_option_is_found_by_name_or_id_and_keeps_its_color(table):
    size = table.write("Size", {"name": "A", "color": "red"})
    assert {size["name"], size["color"]} == {"A", "red"}
    assert table.write("Size", {"id": size["id"]}) == size
    assert [one["name"] for one in table.write("Tags", [{"name": "B"}, {"name": "A"}])] == ["B", "A"]
    assert table.write("Size", None) is None


def test_an_unknown_name_makes_a_new_option(table):
    made = table.write("Size", {"name": "C"})
    assert [one["name"] for one in table.options("Size")] == ["A", "B", "C"]
    assert table.write("Size", {"name": "C"}) == made
    assert len(table.options("Size")) == 3


def test_a_refused_write_leaves_no_option_behind(table):
    message = table.refused({"Size": {"select": {"name": "C"}}, "When": {"date": {"start": "2022/01/02"}}})
    assert message == (
        "body failed validation: body.properties.When.date.start should be a valid ISO 8601 date string,"
        ' instead was `"2022/01/02"`.'
    )
    assert [one["name"] for one in table.options("Size")] == ["A", "B"]


def test_a_page_shows_25_references_and_the_property_all_of_them(table):
    ids = [{"id": table.create({})} for _ in range(30)]
    assert table.write("Rows", ids) == ids[:25]
    page = ok(table.emulator, "GET", f"/v1/pages/{table.row}")
    relation = page["properties"]["Rows"]
    assert relation["has_more"] is True
    path = f"/v1/pages/{table.row}/properties/{relation['id']}"
    first = ok(table.emulator, "GET", path, page_size=20)
    assert (len(first["results"]), first["has_more"]) == (20, True)
    assert first["property_item"]["next_url"].endswith(f"?start_cursor={first['next_cursor']}")
    rest = ok(table.emulator, "GET", path, start_cursor=first["next_cursor"])
    assert [item["relation"] for item in first["results"] + rest["results"]] == ids
    assert rest["property_item"]["next_url"] is None


def test_25_references_are_not_cut(table):
    ids = [{"id": table.create({})} for _ in range(25)]
    assert table.write("Rows", ids) == ids
    assert ok(table.emulator, "GET", f"/v1/pages/{table.row}")["properties"]["Rows"]["has_more"] is False


def test_a_page_shows_25_people_and_the_property_all_of_them(table):
    people = [{"id": table.emulator.ws.new_user(f"Person {n}", bot=False).id} for n in range(26)]
    assert [one["id"] for one in table.write("Who", people)] == [one["id"] for one in people[:25]]
    who = ok(table.emulator, "GET", f"/v1/pages/{table.row}")["properties"]["Who"]
    assert "has_more" not in who
    found = ok(table.emulator, "GET", f"/v1/pages/{table.row}/properties/{who['id']}")
    assert [item["people"]["id"] for item in found["results"]] == [one["id"] for one in people]


def test_50_mentions_are_not_cut(table):
    mention = {"type": "mention", "mention": {"type": "user", "user": {"id": table.emulator.person.id}}}
    shown = table.write("Text", [mention, {"text": {"content": ", "}}] * 50)
    assert len(shown) == 100
    assert shown[0]["plain_text"] == "@Person One"
    assert shown[0]["mention"]["user"]["person"] == {"email": "person.one@example.com"}


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("Price", "number", 8),
        ("Done", "checkbox", False),
        ("Mail", "email", None),
        ("No", "unique_id", {"prefix": "ROW", "number": 1}),
        ("Made", "created_time", "2026-07-04T09:08:00.000Z"),
    ],
)
def test_the_property_of_one_value_is_one_item(table, name, kind, value):
    if name == "Price":
        table.write(name, value)
    page = ok(table.emulator, "GET", f"/v1/pages/{table.row}")
    found = page["properties"][name]
    item = ok(table.emulator, "GET", f"/v1/pages/{table.row}/properties/{found['id']}")
    item.pop("request_id")
    assert item == {"object": "property_item", "id": found["id"], "type": kind, kind: value}


def test_unique_ids_count_up_and_are_never_given_twice(table):
    second, third = table.create({}), table.create({})
    ok(table.emulator, "PATCH", f"/v1/pages/{third}", {"in_trash": True})
    numbers = [
        ok(table.emulator, "GET", f"/v1/pages/{one}")["properties"]["No"]["unique_id"]["number"]
        for one in (table.row, second, third, table.create({}))
    ]
    assert numbers == [1, 2, 3, 4]


def test_an_unknown_page_or_user_in_a_value_answers_404(table):
    for name, value in (("Rows", [{"id": NOBODY}]), ("Who", [{"id": NOBODY}])):
        body = {"properties": {name: {table.kind(name): value}}}
        status, answer = send(table.emulator, "PATCH", f"/v1/pages/{table.row}", body)
        assert (status, answer["code"]) == (404, "object_not_found")


def test_the_title_may_come_as_a_bare_array_and_under_its_id(table):
    row = table.create({"title": [{"text": {"content": "bare"}}]})
    assert rich_text.plain(table.emulator.ws.pages[row].properties["title"]) == "bare"


def test_columns_are_shown_by_id_and_the_title_last(table):
    page = ok(table.emulator, "GET", f"/v1/pages/{table.row}")
    ids = [unquote(one["id"]) for one in page["properties"].values()]
    assert ids == [*sorted(one for one in ids if one != "title"), "title"]
