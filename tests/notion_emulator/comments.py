"""Comments on pages and blocks, in discussions.

Observed (recorded by notion-sdk-py in cassettes that are not in `tests/data/notion`, so nothing is replayed),
but for attachments: documented, not observed.
"""

from typing import Any

from tests.notion_emulator import blocks, markdown_text, paging, problems, rich_text
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json, Page, Workspace, normalised, seconds_cut


@route("POST", "/v1/comments")
def create_comment(call: Call) -> Json:
    problems.refuse_unknown(
        call.body, ("parent", "discussion_id", "rich_text", "markdown", "attachments", "display_name")
    )
    parent, discussion_id = _thread(call)
    comment: Json = {
        "object": "comment",
        "id": call.ws.ids.uuid(),
        "parent": parent,
        "discussion_id": discussion_id,
        "created_time": seconds_cut(call.now),
        "last_edited_time": seconds_cut(call.now),
        "created_by": {"object": "user", "id": call.actor},
        "rich_text": _text(call),
        "display_name": _display_name(call),
    }
    call.ws.comments[comment["id"]] = comment
    return comment


@route("GET", "/v1/comments")
def list_comments(call: Call) -> Json:
    """Open comments of a page or block alone, not of what stands inside it, oldest first."""
    asked = dict(call.query).get("block_id")
    if asked is None:
        raise problems.should_be("query.block_id", "defined", part="query")
    node = blocks.found(call, _uuid(asked, "query.block_id", "query"))
    found = [one for one in call.ws.comments.values() if one["parent"][one["parent"]["type"]] == node.id]
    return paging.listing(call, found, dict, "comment", source="query")


@route("GET", "/v1/comments/{comment_id}")
def retrieve_comment(call: Call) -> Json:
    return dict(_found(call))


@route("PATCH", "/v1/comments/{comment_id}")
def update_comment(call: Call) -> Json:
    comment = _found(call)
    problems.refuse_unknown(call.body, ("rich_text", "markdown"))
    comment["rich_text"] = _text(call)
    comment["last_edited_time"] = seconds_cut(call.now)
    return dict(comment)


@route("DELETE", "/v1/comments/{comment_id}")
def delete_comment(call: Call) -> Json:
    comment = _found(call)
    del call.ws.comments[comment["id"]]
    return dict(comment)


def _found(call: Call) -> Json:
    comment_id = call.ids["comment_id"]
    comment = call.ws.comments.get(comment_id)
    if comment is None or _hidden(call.ws, comment):
        raise problems.not_found("comment", comment_id, call.actor)
    return comment


def _hidden(ws: Workspace, comment: Json) -> bool:
    node = blocks.find(ws, comment["parent"][comment["parent"]["type"]])
    return node is None or any(one.id in ws.unshared for one in [node, *blocks.ancestors(ws, node)])


def _thread(call: Call) -> tuple[Json, str]:
    """Where the comment goes: a new discussion of the parent, or the one that was named."""
    parent, discussion_id = call.body.get("parent"), call.body.get("discussion_id")
    if (parent is None) == (discussion_id is None):
        raise problems.validation(
            "body failed validation. Fix one:\nbody.parent should be defined, instead was `undefined`.\n"
            "body.discussion_id should be defined, instead was `undefined`."
        )
    if discussion_id is not None:
        discussion_id = _uuid(discussion_id, "body.discussion_id", "body")
        found = [one for one in call.ws.comments.values() if one["discussion_id"] == discussion_id]
        if not found:
            raise problems.not_found("discussion", discussion_id, call.actor)
        return found[0]["parent"], discussion_id
    if not isinstance(parent, dict):
        raise problems.should_be("body.parent", "an object", parent)
    kind = next((name for name in ("page_id", "block_id") if name in parent), None)
    if kind is None:
        raise problems.should_be("body.parent.page_id", "defined")
    node = blocks.found(call, _uuid(parent[kind], f"body.parent.{kind}", "body"))
    kind = "page_id" if isinstance(node, Page) else "block_id"
    return {"type": kind, kind: node.id}, call.ws.ids.uuid()


def _uuid(written: Any, place: str, part: str) -> str:
    found = normalised(written) if isinstance(written, str) else None
    if found is None:
        raise problems.should_be(place, "a valid uuid", written, part=part)
    return found


def _text(call: Call) -> list[Json]:
    """The rich text of the body, or its inline markdown."""
    body = call.body
    if isinstance(body.get("markdown"), str):
        return rich_text.read_form(markdown_text.items(body["markdown"]), "body.markdown", call.ws)
    if "rich_text" not in body:
        raise problems.should_be("body.rich_text", "defined")
    return rich_text.read_form(body["rich_text"], "body.rich_text", call.ws)


def _display_name(call: Call) -> Json:
    asked = call.body.get("display_name", {"type": "integration"})
    match asked:
        case {"type": "custom", "custom": {"name": str(name)}} if name:
            return {"type": "custom", "resolved_name": name}
        case {"type": "integration" | "user" as kind}:
            return {"type": kind, "resolved_name": call.ws.users[call.actor].name}
    kinds = '`"integration"`, `"user"`, or `"custom"`'
    raise problems.should_be("body.display_name.type", kinds, asked)
