"""Pages as markdown: the text of blocks, the blocks of a text, and edits that leave the rest alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notion.test_paging import ok, refusal, send
from tests.notion_emulator import markdown_text, rich_text, seeds
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json

TEXT = """# Title
Some **bold**, *italic*, ***both***, ~~gone~~, `code` and a [link](https://example.com)
- one
\t- below
\t\tdeeper
1. first
2. second
> quoted
- [x] done
- [ ] open
```python
def f():

\treturn "**"
```
---
### Third"""


class Written:
    """An emulator and one empty page of it."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        self.page = self.emulator.root_page.id
        self.path = f"/v1/pages/{self.page}/markdown"

    def read(self) -> str:
        return str(ok(self.emulator, "GET", self.path)["markdown"])

    def edit(self, kind: str, **edit: object) -> str:
        return str(ok(self.emulator, "PATCH", self.path, {"type": kind, kind: edit})["markdown"])

    def refused(self, kind: str, **edit: object) -> str:
        return refusal(self.emulator, "PATCH", self.path, {"type": kind, kind: edit})

    def blocks(self) -> list[Json]:
        return ok(self.emulator, "GET", f"/v1/blocks/{self.page}/children")["results"]


@pytest.fixture
def written() -> Written:
    return Written()


def test_an_empty_page_is_shown_as_recorded(written):
    answer = ok(written.emulator, "GET", written.path)
    assert answer.pop("request_id")
    assert answer == {
        "object": "page_markdown",
        "id": written.page,
        "markdown": "",
        "truncated": False,
        "unknown_block_ids": [],
    }


def test_empty_lines_between_blocks_are_not_given_back_as_recorded(written):
    content = "## New Section\n\nHello from markdown."
    assert written.edit("insert_content", content=content) == "## New Section\nHello from markdown."


def test_every_kind_of_block_survives_the_way_there_and_back(written):
    assert written.edit("replace_content", new_str=TEXT) == TEXT
    assert [block["type"] for block in written.blocks()] == [
        "heading_1",
        "paragraph",
        "bulleted_list_item",
        "numbered_list_item",
        "numbered_list_item",
        "quote",
        "to_do",
        "to_do",
        "code",
        "divider",
        "heading_3",
    ]


def test_an_edit_keeps_the_blocks_whose_text_stays(written):
    written.edit("replace_content", new_str=TEXT)
    before = {block["id"] for block in written.blocks()}
    updates = [{"old_str": "> quoted", "new_str": "> said\n\nand done"}]
    changed = written.edit("update_content", content_updates=updates)
    assert changed == TEXT.replace("> quoted", "> said\nand done")
    after = {block["id"] for block in written.blocks()}
    assert (len(before - after), len(after - before)) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "edit", "text"),
    [
        ("insert_content", {"content": "x"}, "a\nb\nc\nx"),
        ("insert_content", {"content": "x", "position": {"type": "start"}}, "x\na\nb\nc"),
        ("insert_content", {"content": "x", "after": "a...b"}, "a\nb\nx\nc"),
        ("replace_content_range", {"content": "x", "content_range": "a...b"}, "x\nc"),
        ("replace_content", {"new_str": "x"}, "x"),
        ("update_content", {"content_updates": [{"old_str": "b\n", "new_str": ""}]}, "a\nc"),
    ],
    ids=["at the end", "at the start", "after", "a range", "all", "update"],
)
def test_edits(written, kind, edit, text):
    written.edit("insert_content", content="a\nb\nc")
    assert written.edit(kind, **edit) == text == written.read()


def test_an_edit_that_does_not_find_its_place_is_refused_and_changes_nothing(written):
    written.edit("insert_content", content="a\na")
    for updates in ([{"old_str": "b", "new_str": "c"}], [{"old_str": "a", "new_str": "c"}]):
        assert "content_updates[0].old_str" in written.refused("update_content", content_updates=updates)
    assert "was not found" in written.refused("insert_content", content="x", after="zzz")
    assert written.read() == "a\na"
    updates = [{"old_str": "a", "new_str": "c", "replace_all_matches": True}]
    assert written.edit("update_content", content_updates=updates) == "c\nc"


def test_child_pages_stay_unless_their_deletion_is_allowed(written):
    page_id = seeds.page(written.emulator, "Below")
    assert written.read() == f'<page url="https://app.notion.com/p/{page_id.replace("-", "")}">Below</page>'
    assert "allow_deleting_content" in written.refused("replace_content", new_str="x")
    assert written.edit("replace_content", new_str=f"x\n{written.read()}\ny").count("Below") == 1
    assert written.edit("replace_content", new_str="x", allow_deleting_content=True) == "x"
    assert ok(written.emulator, "GET", f"/v1/pages/{page_id}")["in_trash"] is True


def test_blocks_without_a_form_of_their_own_are_named(written):
    children = [{"embed": {"url": "https://example.com"}}]
    path = f"/v1/blocks/{written.page}/children"
    block_id = ok(written.emulator, "PATCH", path, {"children": children})["results"][0]["id"]
    answer = ok(written.emulator, "GET", written.path)
    assert answer["unknown_block_ids"] == [block_id]
    assert 'alt="embed"' in written.edit("insert_content", content="x")


def test_an_asynchronous_edit_is_answered_202_and_its_task_succeeds_later(written):
    body = {"type": "insert_content", "insert_content": {"content": "x"}, "allow_async": True}
    status, queued = send(written.emulator, "PATCH", written.path, body)
    assert (status, queued["status"], queued["poll_after_seconds"]) == (202, "queued", 2)
    assert queued["operation"] == {"surface": "rest", "name": "PATCH /v1/pages/:page_id/markdown"}
    path = f"/v1/async_tasks/{queued['id']}"
    assert ok(written.emulator, "GET", path)["status"] == "queued"
    written.emulator.clock.advance(2)
    done = ok(written.emulator, "GET", path)
    assert (done["status"], done["result"]["markdown"]) == ("succeeded", "x")
    assert "poll_after_seconds" not in done


def test_an_asynchronous_edit_that_cannot_be_done_fails_in_its_task(written):
    edit = {"content": "x", "after": "zzz"}
    body = {"type": "insert_content", "insert_content": edit, "allow_async": True}
    _, queued = send(written.emulator, "PATCH", written.path, body)
    written.emulator.clock.advance(2)
    done = ok(written.emulator, "GET", f"/v1/async_tasks/{queued['id']}")
    assert (done["status"], done["error"]["code"]) == ("failed", "validation_error")


@given(st.text(alphabet="ab *_~`[](){}<>|^$\\\n#-1.", max_size=40))
def test_any_text_survives_as_markdown(text):
    stored = rich_text.read_form([{"text": {"content": text}}], "body")
    again = rich_text.read_form(markdown_text.items(markdown_text.inline(stored)), "body")
    assert rich_text.plain(again) == text
