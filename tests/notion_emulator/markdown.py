"""A page's content as markdown, read and edited.

Observed (recorded): the answers, inserting at the end, the 202 of `allow_async`. The other edits are
documented, not observed; texts of refusals are assumed. An edit of the text changes the blocks whose text
changed, and no others.
"""

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import count
from typing import Any

from tests.notion_emulator import blocks, databases, markdown_text, pages, problems, tasks
from tests.notion_emulator.block_types import Limits
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Block, Database, Json, Node, Page

ANY_SIZE = Limits(children=10_000, blocks=10_000, levels=100)
OPERATION = "PATCH /v1/pages/:page_id/markdown"


@route("GET", "/v1/pages/{page_id}/markdown")
def retrieve_markdown(call: Call) -> Json:
    return rendered(call, blocks.found(call, call.ids["page_id"]))


@route("PATCH", "/v1/pages/{page_id}/markdown")
def update_markdown(call: Call) -> Json | tuple[int, Json]:
    page = blocks.found(call, call.ids["page_id"])
    kind = call.body.get("type")
    if not isinstance(kind, str) or kind not in EDITS:
        names = ", ".join(f'`"{name}"`' for name in EDITS)
        raise problems.should_be("body.type", names, kind)
    problems.refuse_unknown(call.body, ("type", "allow_async", kind))
    if not isinstance(call.body.get(kind), dict):
        raise problems.should_be(f"body.{kind}", "defined")
    blocks.refuse_trashed(call.ws, page)

    def run() -> Json:
        edit = call.body[kind]
        text = EDITS[kind](_text(call, page), edit)
        replace(call, page, text, may_delete=edit.get("allow_deleting_content", False))
        return rendered(call, page)

    return tasks.start(call, OPERATION, run) if call.body.get("allow_async") else run()


def rendered(call: Call, page: Node) -> Json:
    """The page_markdown object. Blocks without a form of their own are named by id."""
    unknown = [one.id for one in _below(call, page) if isinstance(one, Block) and _own(one, 1) is None]
    return {
        "object": "page_markdown",
        "id": page.id,
        "markdown": _text(call, page),
        "truncated": False,
        "unknown_block_ids": unknown[:100],
    }


def replace(call: Call, page: Node, markdown: str, *, may_delete: bool = False) -> None:
    """Makes the content of a page or block this text. Blocks whose text is in it stay, in their order."""
    nodes = blocks.live(call.ws, page)
    old, new = _lines(call, page), markdown_text.chunks(markdown)
    changes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    gone = [node for tag, i, j, *_ in changes if tag != "equal" for node in nodes[i:j]]
    if not may_delete and any(isinstance(node, Page | Database) for node in gone):
        raise problems.validation(
            "This would delete child pages or databases. Set allow_deleting_content to true to allow it."
        )
    for tag, i, _, k, m in reversed(changes):
        if tag != "equal" and m > k:
            children = [markdown_text.block(chunk) for chunk in new[k:m]]
            blocks.append(call, page.id, children, _after(nodes[i - 1] if i else None), ANY_SIZE)
    for node in gone:
        blocks.set_trash(call, node, True)


def _after(node: Node | None) -> Json:
    """The position after a block, or before all."""
    return {"type": "start"} if node is None else {"type": "after_block", "after_block": {"id": node.id}}


def _text(call: Call, page: Node) -> str:
    return "\n".join(_lines(call, page))


def _lines(call: Call, parent: Node) -> list[str]:
    """The text of each block that stands directly in a page or block, its own blocks indented below it."""
    lines, numbers = [], count(1)
    for node in blocks.live(call.ws, parent):
        numbered = isinstance(node, Block) and node.type == "numbered_list_item"
        numbers = numbers if numbered else count(1)
        own = _shown(call, node, next(numbers) if numbered else 1)
        inside = _text(call, node) if isinstance(node, Block) else ""
        lines.append(own + "".join(f"\n\t{line}" for line in inside.split("\n") if inside))
    return lines


def _shown(call: Call, node: Node, number: int) -> str:
    address = f"https://app.notion.com/p/{node.id.replace('-', '')}"
    if isinstance(node, Block):
        return _own(node, number) or f'<unknown url="{address}" alt="{node.type}"/>'
    if isinstance(node, Database):
        title = databases.as_block(call, node)["child_database"]["title"]
        return f'<database url="{address}">{title}</database>'
    assert isinstance(node, Page)
    return f'<page url="{address}">{pages.as_block(call, node)["child_page"]["title"]}</page>'


def _own(block: Block, number: int) -> str | None:
    return markdown_text.written(block.type, block.content, number)


def _below(call: Call, parent: Node) -> list[Node]:
    inside = blocks.live(call.ws, parent)
    return [
        one for node in inside for one in [node, *(_below(call, node) if isinstance(node, Block) else [])]
    ]


def _insert(text: str, edit: Json) -> str:
    content = _string(edit, "content", "insert_content")
    if "after" in edit:
        after = _string(edit, "after", "insert_content")
        end = _selected(text, after, "insert_content.after").end()
        end = len(text) if text.find("\n", end) < 0 else text.find("\n", end)
        return f"{text[:end]}\n{content}\n{text[end:]}"
    at_start = edit.get("position") == {"type": "start"}
    return f"{content}\n{text}" if at_start else f"{text}\n{content}"


def _replace(text: str, edit: Json) -> str:
    return _string(edit, "new_str", "replace_content")


def _replace_range(text: str, edit: Json) -> str:
    content = _string(edit, "content", "replace_content_range")
    selection = _string(edit, "content_range", "replace_content_range")
    match = _selected(text, selection, "replace_content_range.content_range")
    return text[: match.start()] + content + text[match.end() :]


def _update(text: str, edit: Json) -> str:
    updates = edit.get("content_updates")
    if not isinstance(updates, list):
        raise problems.should_be("body.update_content.content_updates", "defined")
    for number, one in enumerate(updates):
        place = f"update_content.content_updates[{number}]"
        old, new = _string(one, "old_str", place), _string(one, "new_str", place)
        if not old or old not in text:
            raise problems.validation(f"body.{place}.old_str was not found in the page: {old}")
        if text.count(old) > 1 and not one.get("replace_all_matches"):
            raise problems.validation(f"body.{place}.old_str has several matches in the page: {old}")
        text = text.replace(old, new)
    return text


def _selected(text: str, selection: str, place: str) -> re.Match[str]:
    """The range that `start text...end text` names."""
    start, dots, end = selection.partition("...")
    pattern = re.escape(start) + (f".*?{re.escape(end)}" if dots else "")
    match = re.search(pattern, text, re.DOTALL)
    if match is None:
        raise problems.validation(f"body.{place} was not found in the page: {selection}")
    return match


def _string(edit: Any, name: str, place: str) -> str:
    if not isinstance(edit, dict):
        raise problems.should_be(f"body.{place}", "an object", edit)
    if not isinstance(edit.get(name), str):
        raise problems.should_be(f"body.{place}.{name}", "a string", edit.get(name, problems.UNDEFINED))
    return str(edit[name])


EDITS: dict[str, Callable[[str, Json], str]] = {
    "insert_content": _insert,
    "replace_content": _replace,
    "replace_content_range": _replace_range,
    "update_content": _update,
}
