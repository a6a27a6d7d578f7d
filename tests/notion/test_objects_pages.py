"""Pages, databases and data sources: made, shown, changed, moved, put in the trash."""

from typing import Any

import pytest

from tests.notion.test_paging import HEADERS, new_database, new_row, ok, refusal, send
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json

ARCHIVED = "Can't edit block that is archived. You must unarchive the block before editing."
BELOW = (
    "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before editing page."
)
NOBODY = "00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def page(emulator: Emulator, title: str = "Page", **body: Any) -> Json:
    parent = {"page_id": emulator.root_page.id}
    properties = {"title": [{"text": {"content": title}}]}
    return ok(emulator, "POST", "/v1/pages", {"parent": parent, "properties": properties, **body})


def words(items: list[Json]) -> str:
    return "".join(item["plain_text"] for item in items)


ADDRESSES = {
    "Test 2026-07-04 11:09:50.814033": "Test-2026-07-04-11-09-50-814033-",
    "My new page created by obj_api": "My-new-page-created-by-obj_api-",
    "T-shirt": "T-shirt-",
    "Who is the best programmer? ;-) ": "Who-is-the-best-programmer-",
    "": "",
}


@pytest.mark.parametrize("title", ADDRESSES)
def test_the_address_of_a_page_holds_the_words_of_its_title(emulator, title):
    made = page(emulator, title)
    assert made["url"] == f"https://app.notion.com/p/{ADDRESSES[title]}{made['id'].replace('-', '')}"


@pytest.mark.parametrize(("version", "archived"), [("2025-09-03", True), ("2026-03-11", False)])
def test_only_the_older_version_says_archived(emulator, version, archived, monkeypatch):
    monkeypatch.setitem(HEADERS, "notion-version", version)
    made = page(emulator)
    database_id, source_id = new_database(emulator)
    shown = [
        made,
        ok(emulator, "GET", f"/v1/databases/{database_id}"),
        ok(emulator, "GET", f"/v1/data_sources/{source_id}"),
    ]
    assert ["archived" in one for one in shown] == [archived] * 3


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"type": "emoji", "emoji": "\U0001f525"}, {"type": "emoji", "emoji": "\U0001f525"}),
        (
            {"external": {"url": "https://www.notion.so/icons/snake_purple.svg"}},
            {"type": "icon", "icon": {"name": "snake", "color": "purple"}},
        ),
        (
            {"external": {"url": "https://example.com/a.png"}},
            {"type": "external", "external": {"url": "https://example.com/a.png"}},
        ),
        (None, None),
    ],
)
def test_an_icon_comes_back_as_notion_shows_it(emulator, given, shown):
    made = page(emulator, icon={"emoji": "\U0001f40d"})
    assert made["icon"] == {"type": "emoji", "emoji": "\U0001f40d"}
    assert ok(emulator, "PATCH", f"/v1/pages/{made['id']}", {"icon": given})["icon"] == shown


def test_a_page_comes_with_its_children_or_not_at_all(emulator):
    child = {"paragraph": {"rich_text": [{"text": {"content": "x"}}]}}
    made = page(emulator, children=[child])
    assert len(ok(emulator, "GET", f"/v1/blocks/{made['id']}/children")["results"]) == 1
    pages_before = len(emulator.ws.pages)
    body = {"parent": {"page_id": emulator.root_page.id}, "properties": {}, "children": [child, {"x": {}}]}
    assert send(emulator, "POST", "/v1/pages", body)[0] == 400
    assert len(emulator.ws.pages) == pages_before


def test_erasing_content_leaves_the_page(emulator):
    made = page(emulator, children=[{"divider": {}}])
    ok(emulator, "PATCH", f"/v1/pages/{made['id']}", {"erase_content": True})
    assert ok(emulator, "GET", f"/v1/blocks/{made['id']}/children")["results"] == []


def test_what_is_in_the_trash_takes_no_edit_until_it_is_taken_out(emulator):
    _, source_id = new_database(emulator)
    path = f"/v1/pages/{new_row(emulator, source_id, 'x')}"
    edit = {"properties": {"Number": {"number": 1}}}
    assert ok(emulator, "PATCH", path, {"in_trash": True})["in_trash"] is True
    assert refusal(emulator, "PATCH", path, edit) == ARCHIVED
    assert ok(emulator, "GET", path)["in_trash"] is True
    assert ok(emulator, "PATCH", path, {"in_trash": True})["in_trash"] is True
    assert ok(emulator, "PATCH", path, {"in_trash": False, **edit})["in_trash"] is False


def test_a_row_of_a_trashed_database_takes_no_edit(emulator):
    database_id, source_id = new_database(emulator)
    row = new_row(emulator, source_id, "x")
    ok(emulator, "PATCH", f"/v1/databases/{database_id}", {"in_trash": True})
    assert refusal(emulator, "PATCH", f"/v1/pages/{row}", {"properties": {}}) == BELOW
    body = {"parent": {"data_source_id": source_id}, "properties": {}}
    assert refusal(emulator, "POST", "/v1/pages", body) == ARCHIVED
    schema = {"properties": {"New": {"number": {}}}}
    assert refusal(emulator, "PATCH", f"/v1/data_sources/{source_id}", schema) == BELOW
    ok(emulator, "PATCH", f"/v1/databases/{database_id}", {"in_trash": False})
    ok(emulator, "PATCH", f"/v1/pages/{row}", {"properties": {}})


def test_the_page_around_counts_as_edited_when_something_is_made_or_trashed_in_it(emulator):
    root = f"/v1/pages/{emulator.root_page.id}"
    for change in (lambda: page(emulator), lambda: new_database(emulator)):
        emulator.clock.advance(60)
        change()
        edited = ok(emulator, "GET", root)
        assert edited["last_edited_time"] == emulator.clock.now().strftime("%Y-%m-%dT%H:%M:00.000Z")
        assert edited["last_edited_by"]["id"] == emulator.bot.id


@pytest.mark.parametrize(
    ("kind", "path", "name"),
    [
        ("pages", "/v1/pages/{}", "page"),
        ("databases", "/v1/databases/{}", "database"),
        ("data_sources", "/v1/data_sources/{}", "data_source"),
    ],
)
def test_what_is_absent_and_what_is_not_shared_cannot_be_told_apart(emulator, kind, path, name):
    database_id, source_id = new_database(emulator)
    there = {"pages": page(emulator)["id"], "databases": database_id, "data_sources": source_id}[kind]
    emulator.unshare(there)
    for object_id in (there, NOBODY):
        status, answer = send(emulator, "GET", path.format(object_id))
        assert (status, answer["code"]) == (404, "object_not_found")
        assert answer["message"] == (
            f"Could not find {name} with ID: {object_id}. Make sure the relevant pages and databases are"
            ' shared with your integration "Emulated connection".'
        )
        assert answer["additional_data"] == {"integration_id": emulator.bot.id}


def test_filter_properties_shows_these_columns_alone(emulator):
    _, source_id = new_database(emulator)
    path = f"/v1/pages/{new_row(emulator, source_id, 'x')}"
    assert list(ok(emulator, "GET", path, filter_properties=["title"])["properties"]) == ["Name"]
    both = ok(emulator, "GET", path, filter_properties=["Number", "Name"])["properties"]
    assert list(both) == ["Number", "Name"]


def test_a_database_stands_for_its_only_data_source(emulator):
    database_id, source_id = new_database(emulator)
    body: Json = {"parent": {"database_id": database_id}, "properties": {}}
    row = ok(emulator, "POST", "/v1/pages", body)
    assert row["parent"] == {
        "type": "data_source_id",
        "data_source_id": source_id,
        "database_id": database_id,
    }
    second = {"parent": {"database_id": database_id}, "properties": {"Name": {"title": {}}}}
    ok(emulator, "POST", "/v1/data_sources", second)
    assert "2 data sources" in refusal(emulator, "POST", "/v1/pages", body)


def test_a_page_moves_with_its_id_and_keeps_what_the_new_place_can_hold(emulator):
    _, one = new_database(emulator, {"Text": {"rich_text": {}}})
    _, two = new_database(emulator, {"Text": {"rich_text": {}}})
    row = new_row(emulator, one, "x", Text={"rich_text": [{"text": {"content": "kept"}}]})
    moved = ok(emulator, "POST", f"/v1/pages/{row}/move", {"parent": {"data_source_id": two}})
    assert (moved["id"], moved["parent"]["data_source_id"]) == (row, two)
    assert words(moved["properties"]["Text"]["rich_text"]) == "kept"
    assert (emulator.ws.rows[one], emulator.ws.rows[two]) == ([], [row])
    under = ok(emulator, "POST", f"/v1/pages/{row}/move", {"parent": {"page_id": emulator.root_page.id}})
    assert list(under["properties"]) == ["title"]
    inside = page(emulator, parent={"page_id": row})
    message = refusal(emulator, "POST", f"/v1/pages/{row}/move", {"parent": {"page_id": inside["id"]}})
    assert message == "Cannot move a page into itself or a page below it."


def test_a_new_database_has_one_data_source_and_one_view(emulator):
    body = {"parent": {"type": "page_id", "page_id": emulator.root_page.id}}
    database = ok(emulator, "POST", "/v1/databases", body)
    (source,) = database["data_sources"]
    assert (words(database["title"]), source["name"]) == ("New database", "New database")
    shown = ok(emulator, "GET", f"/v1/data_sources/{source['id']}")
    assert shown["title"] == []
    assert [one["type"] for one in shown["properties"].values()] == ["title"]
    (view,) = emulator.ws.views.values()
    assert (view.name, view.type, view.data_source_id) == ("Default view", "table", source["id"])


def test_the_only_data_source_shares_title_and_description_with_its_database(emulator):
    database_id, source_id = new_database(emulator)
    title = {"title": [{"text": {"content": "New"}}], "description": [{"text": {"content": "About"}}]}
    ok(emulator, "PATCH", f"/v1/databases/{database_id}", title)
    shown = ok(emulator, "GET", f"/v1/data_sources/{source_id}")
    assert (words(shown["title"]), words(shown["description"])) == ("New", "About")
    ok(emulator, "PATCH", f"/v1/data_sources/{source_id}", {"title": [{"text": {"content": "Newer"}}]})
    assert words(ok(emulator, "GET", f"/v1/databases/{database_id}")["title"]) == "Newer"


def test_a_data_source_moves_to_another_database(emulator):
    one, source_id = new_database(emulator)
    two, other_id = new_database(emulator)
    body = {"parent": {"type": "database_id", "database_id": two}}
    moved = ok(emulator, "PATCH", f"/v1/data_sources/{source_id}", body)
    assert moved["parent"]["database_id"] == two
    listed = [
        [s["id"] for s in ok(emulator, "GET", f"/v1/databases/{d}")["data_sources"]] for d in (one, two)
    ]
    assert listed == [[], [other_id, source_id]]


REFUSED = [
    pytest.param(
        "POST",
        "/v1/pages",
        {"properties": {}},
        "body failed validation: body.parent should be defined, instead was `undefined`.",
        id="page without parent",
    ),
    pytest.param(
        "POST",
        "/v1/pages",
        {"parent": {"page_id": "x"}},
        'body failed validation: body.parent.page_id should be a valid uuid, instead was `"x"`.',
        id="parent that is no uuid",
    ),
    pytest.param(
        "POST",
        "/v1/databases",
        {"parent": {"type": "workspace", "workspace": True}, "properties": {}},
        "body failed validation: body.properties should be not present, instead was `{}`.",
        id="columns beside the initial data source",
    ),
    pytest.param(
        "POST",
        "/v1/data_sources",
        {"properties": {}},
        "body failed validation: body.parent should be defined, instead was `undefined`.",
        id="data source without parent",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "message"), REFUSED)
def test_a_body_that_does_not_fit_is_refused(emulator, method, path, body, message):
    assert refusal(emulator, method, path, body) == message


def test_a_template_brings_its_values_and_content_along(emulator):
    _, source_id = new_database(emulator)
    template = new_row(emulator, source_id, "template", Number={"number": 8})
    ok(emulator, "PATCH", f"/v1/blocks/{template}/children", {"children": [{"divider": {}}]})
    source = emulator.ws.data_sources[source_id]
    source.templates = [{"id": template, "name": "Template", "is_default": True}]
    for asked in ({"type": "default"}, {"type": "template_id", "template_id": template}):
        body = {"parent": {"data_source_id": source_id}, "properties": {}, "template": asked}
        row = ok(emulator, "POST", "/v1/pages", body)
        assert row["properties"]["Number"]["number"] == 8
        children = ok(emulator, "GET", f"/v1/blocks/{row['id']}/children")["results"]
        assert [child["type"] for child in children] == ["divider"]
    body = {"parent": {"data_source_id": source_id}, "properties": {}, "template": {"type": "none"}}
    assert ok(emulator, "POST", "/v1/pages", body)["properties"]["Number"]["number"] is None


def test_markdown_becomes_content(emulator):
    made = page(emulator, markdown="# Title\nText")
    children = ok(emulator, "GET", f"/v1/blocks/{made['id']}/children")["results"]
    assert [child["type"] for child in children] == ["heading_1", "paragraph"]


def test_a_new_page_stands_where_it_was_asked_for(emulator):
    first, last = page(emulator)["id"], page(emulator)["id"]
    body = {"type": "after_block", "after_block": {"id": first}}
    middle = page(emulator, position=body)["id"]
    top = page(emulator, position={"type": "page_start"})["id"]
    listed = ok(emulator, "GET", f"/v1/blocks/{emulator.root_page.id}/children")["results"]
    assert [child["id"] for child in listed] == [top, first, middle, last]
