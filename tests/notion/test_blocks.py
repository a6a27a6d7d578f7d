"""Blocks: appended, listed, edited, put in the trash, and what is refused."""

from typing import Any

import pytest

from tests.notion.test_paging import HEADERS, new_database, new_row, ok, refusal, send
from tests.notion_emulator import seeds
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json

ARCHIVED = "Can't edit block that is archived. You must unarchive the block before editing."
BELOW_ARCHIVED = (
    "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before editing page."
)


def paragraph(text: str, *children: Json) -> Json:
    content: Json = {"rich_text": [{"text": {"content": text}}] if text else []}
    return {"paragraph": content | ({"children": list(children)} if children else {})}


def text_of(block: Json) -> str:
    return "".join(item["plain_text"] for item in block[block["type"]]["rich_text"])


class Content:
    """An emulator and one page of it."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        self.page = self.emulator.root_page.id
        self.children = f"/v1/blocks/{self.page}/children"

    def append(self, *blocks: Json, under: str | None = None, **more: Any) -> list[Json]:
        path = f"/v1/blocks/{under or self.page}/children"
        return ok(self.emulator, "PATCH", path, {"children": list(blocks), **more})["results"]

    def refused(self, *blocks: Json, **more: Any) -> str:
        return refusal(self.emulator, "PATCH", self.children, {"children": list(blocks), **more})

    def listed(self, under: str | None = None) -> list[Json]:
        return ok(self.emulator, "GET", f"/v1/blocks/{under or self.page}/children")["results"]

    def texts(self) -> list[str]:
        return [text_of(block) for block in self.listed()]


@pytest.fixture
def content() -> Content:
    return Content()


def test_a_paragraph_is_shown_key_by_key_as_recorded(content):
    (block,) = content.append(paragraph("paragraph 0"))
    bot = {"object": "user", "id": content.emulator.bot.id}
    styles = dict.fromkeys(("bold", "italic", "strikethrough", "underline", "code"), False)
    item = {
        "type": "text",
        "text": {"content": "paragraph 0", "link": None},
        "annotations": styles | {"color": "default"},
        "plain_text": "paragraph 0",
        "href": None,
    }
    assert list(block.items()) == [
        ("object", "block"),
        ("id", block["id"]),
        ("parent", {"type": "page_id", "page_id": content.page}),
        ("created_time", "2026-07-04T09:08:00.000Z"),
        ("last_edited_time", "2026-07-04T09:08:00.000Z"),
        ("created_by", bot),
        ("last_edited_by", bot),
        ("has_children", False),
        ("in_trash", False),
        ("type", "paragraph"),
        ("paragraph", {"rich_text": [item], "icon": None, "color": "default"}),
    ]


def test_archived_stands_beside_in_trash_at_the_older_version_alone(content, monkeypatch):
    block_id = content.append(paragraph("a"))[0]["id"]
    assert "archived" not in ok(content.emulator, "GET", f"/v1/blocks/{block_id}")
    monkeypatch.setitem(HEADERS, "notion-version", "2025-09-03")
    assert ok(content.emulator, "DELETE", f"/v1/blocks/{block_id}")["archived"] is True
    assert ok(content.emulator, "PATCH", f"/v1/blocks/{block_id}", {"archived": False})["in_trash"] is False


def test_blocks_go_last_first_or_after_another(content):
    middle = content.append(paragraph("a"), paragraph("c"))[0]["id"]
    content.append(paragraph("b"), position={"type": "after_block", "after_block": {"id": middle}})
    content.append(paragraph("first"), position={"type": "start"})
    content.append(paragraph("last"), position={"type": "end"})
    assert content.texts() == ["first", "a", "b", "c", "last"]


def test_after_is_the_older_versions_word_for_a_position(content, monkeypatch):
    first = content.append(paragraph("a"), paragraph("c"))[0]["id"]
    assert content.refused(paragraph("b"), after=first).endswith(
        f'should be not present, instead was `"{first}"`.'
    )
    monkeypatch.setitem(HEADERS, "notion-version", "2025-09-03")
    content.append(paragraph("b"), after=first.replace("-", ""))
    assert content.texts() == ["a", "b", "c"]


def test_a_position_after_a_block_of_another_page_is_refused(content):
    other = seeds.page(content.emulator, "Other")
    elsewhere = content.append(paragraph("x"), under=other)[0]["id"]
    position = {"type": "after_block", "after_block": {"id": elsewhere}}
    assert "is not a child of the parent" in content.refused(paragraph("b"), position=position)


def test_two_levels_below_a_block_fit_in_one_request_and_a_third_does_not(content):
    deep = paragraph("a", paragraph("b", paragraph("c")))
    (top,) = content.append(deep)
    (below,) = content.listed(top["id"])
    assert (top["has_children"], text_of(below), below["has_children"]) == (True, "b", True)
    assert below["parent"] == {"type": "block_id", "block_id": top["id"]}
    assert content.refused(paragraph("z", deep)).startswith(
        "body failed validation: body.children[0].paragraph.children[0].paragraph.children[0].paragraph"
        ".children should be not present"
    )


def test_rows_and_columns_may_not_be_left_out(content):
    table = {"table": {"table_width": 1}}
    assert "body.children[0].table.children should be defined" in content.refused(table)
    row = {"table_row": {"cells": [[{"text": {"content": "1"}}]]}}
    (made,) = content.append({"table": {"table_width": 1, "children": [row]}})
    assert made["table"] == {"table_width": 1, "has_column_header": False, "has_row_header": False}
    assert content.listed(made["id"])[0]["table_row"]["cells"][0][0]["plain_text"] == "1"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "paragraph"}, "body failed validation: body.children[0].paragraph should be defined"),
        ({"fancy": {}}, "body failed validation. Fix one:\nbody.children[0].embed should be defined"),
        ({**paragraph("a"), "archived": False}, "body.children[0].archived should be not present"),
        ({"paragraph": {}}, "body.children[0].paragraph.rich_text should be defined"),
        (
            {"paragraph": {"rich_text": [], "size": 1}},
            "body.children[0].paragraph.size should be not present",
        ),
        (
            {"divider": {"children": [paragraph("a")]}},
            "body.children[0].divider.children should be not present",
        ),
        (paragraph("x" * 2001), "text.content.length should be \u2264 `2000`, instead was `2001`."),
        ("text", 'body.children[0] should be an object, instead was `"text"`.'),
    ],
    ids=[
        "no content",
        "unknown type",
        "stray field",
        "no text",
        "stray content",
        "no parent",
        "long",
        "no object",
    ],
)
def test_a_block_of_the_wrong_form_is_refused_and_nothing_is_added(content, block, message):
    assert message in content.refused(paragraph("fine"), block).replace("children[1]", "children[0]")
    assert content.listed() == []


def test_a_hundred_children_and_a_thousand_blocks_are_the_most(content):
    assert content.refused(*[paragraph("a")] * 101) == (
        "body failed validation: body.children.length should be \u2264 `100`, instead was `101`."
    )
    group = paragraph("a", *[paragraph("b")] * 99)
    assert len(content.append(*[group] * 10)) == 10
    assert "instead was `1100`" in content.refused(*[group] * 11)


def test_appending_without_children_is_refused(content):
    assert refusal(content.emulator, "PATCH", content.children, {}) == (
        "body failed validation: body.children should be defined, instead was `undefined`."
    )


def test_an_edit_changes_what_it_names_and_keeps_the_type(content):
    to_do = {"to_do": {"rich_text": [{"text": {"content": "a"}}], "checked": True}}
    path = f"/v1/blocks/{content.append(to_do)[0]['id']}"
    content.emulator.clock.advance(120)
    changed = ok(content.emulator, "PATCH", path, {"to_do": {"rich_text": [{"text": {"content": "b"}}]}})
    assert (text_of(changed), changed["to_do"]["checked"]) == ("b", True)
    assert changed["last_edited_time"] == "2026-07-04T09:10:00.000Z"
    assert content.emulator.root_page.last_edited_time == content.emulator.clock.now()
    message = refusal(content.emulator, "PATCH", path, {"heading_1": {"rich_text": []}})
    assert message == "Expected block type to_do in request body"


def test_a_block_in_the_trash_is_not_listed_not_editable_and_can_be_restored(content):
    kept, gone = (block["id"] for block in content.append(paragraph("kept"), paragraph("gone")))
    path = f"/v1/blocks/{gone}"
    assert ok(content.emulator, "DELETE", path)["in_trash"] is True
    assert [block["id"] for block in content.listed()] == [kept]
    assert ok(content.emulator, "GET", path)["in_trash"] is True
    for method, body in (("PATCH", paragraph("new")), ("DELETE", None)):
        assert refusal(content.emulator, method, path, body) == ARCHIVED
    assert refusal(content.emulator, "PATCH", f"{path}/children", {"children": [paragraph("x")]}) == ARCHIVED
    assert ok(content.emulator, "PATCH", path, {"in_trash": False})["in_trash"] is False
    assert content.texts() == ["kept", "gone"]


def test_what_stands_in_a_trashed_page_is_not_editable(content):
    block_id = content.append(paragraph("a"))[0]["id"]
    ok(content.emulator, "DELETE", f"/v1/blocks/{content.page}")
    for body in (paragraph("b"), {"in_trash": False}, {"in_trash": True}):
        assert refusal(content.emulator, "PATCH", f"/v1/blocks/{block_id}", body) == BELOW_ARCHIVED


def test_pages_databases_and_rows_are_blocks_too(content):
    page_id = seeds.page(content.emulator, "A page")
    database_id, source_id = new_database(content.emulator, title="A database")
    row_id = new_row(content.emulator, source_id, "A row")
    content.append(paragraph("text"))
    shown = [(one["type"], one["id"]) for one in content.listed()]
    assert shown[:2] == [("child_page", page_id), ("child_database", database_id)]
    assert [kind for kind, _ in shown] == ["child_page", "child_database", "paragraph"]
    assert ok(content.emulator, "GET", f"/v1/blocks/{page_id}")["child_page"] == {"title": "A page"}
    for object_id in (row_id, page_id, database_id):
        assert ok(content.emulator, "DELETE", f"/v1/blocks/{object_id}")["in_trash"] is True
    assert ok(content.emulator, "GET", f"/v1/pages/{row_id}")["in_trash"] is True
    assert [one["type"] for one in content.listed()] == ["paragraph"]
    assert (
        ok(content.emulator, "PATCH", f"/v1/blocks/{database_id}", {"in_trash": False})["in_trash"] is False
    )


def test_a_database_and_a_divider_take_no_children(content):
    database_id, _ = new_database(content.emulator)
    divider = content.append({"divider": {}})[0]["id"]
    for object_id in (database_id, divider):
        body = {"children": [paragraph("a")]}
        message = refusal(content.emulator, "PATCH", f"/v1/blocks/{object_id}/children", body)
        assert message == "Block does not support children."


def test_a_block_of_a_page_that_is_not_shared_cannot_be_found(content):
    page_id = seeds.page(content.emulator, "Hidden")
    block_id = content.append(paragraph("a"), under=page_id)[0]["id"]
    content.emulator.unshare(page_id)
    status, answer = send(content.emulator, "GET", f"/v1/blocks/{block_id}")
    assert (status, answer["code"]) == (404, "object_not_found")
    assert answer["message"].startswith(f"Could not find block with ID: {block_id}.")


def test_the_list_is_paged_by_the_next_blocks_id(content):
    ids = [block["id"] for block in content.append(*[paragraph(str(number)) for number in range(5)])]
    first = ok(content.emulator, "GET", content.children, page_size=2)
    assert first["next_cursor"] == ids[2]
    rest = ok(content.emulator, "GET", content.children, start_cursor=ids[2])
    assert [block["id"] for block in rest["results"]] == ids[2:]
    message = refusal(content.emulator, "GET", content.children, start_cursor="bogus")
    assert message.startswith(
        "query failed validation: query.start_cursor should be a valid uuid or `undefined`"
    )


def test_a_used_up_free_workspace_takes_no_more_blocks_and_no_more_rows(content):
    _, source_id = new_database(content.emulator)
    content.emulator.ws.knobs.block_limit = len(content.emulator.ws.pages) + 2
    content.append(paragraph("the last one"))
    parent = {"type": "data_source_id", "data_source_id": source_id}
    for method, path, body in (
        ("PATCH", content.children, {"children": [paragraph("too much")]}),
        ("POST", "/v1/pages", {"parent": parent, "properties": {}}),
    ):
        status, answer = send(content.emulator, method, path, body)
        assert (status, answer["code"]) == (403, "restricted_resource")
        assert answer["additional_data"] == {"block_limit": "block_creation"}
    assert [one["type"] for one in content.listed()] == ["child_database", "paragraph"]
