"""Databases: containers of data sources, made, read, changed."""

from typing import Any

from tests.notion_emulator import blocks, data_sources, icons, pages, problems, rich_text, tables
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Database, Json, RichText, milliseconds, seconds_cut

CREATE_FIELDS = ("parent", "title", "description", "is_inline", "initial_data_source", "icon", "cover")
UPDATE_FIELDS = ("parent", "title", "description", "is_inline", "icon", "cover", "in_trash", "is_locked")
BOOLEANS = ("is_inline", "in_trash", "archived", "is_locked")
PARENTS = ("page_id", "workspace")


@route("POST", "/v1/databases")
def create_database(call: Call) -> Json:
    """A database with one data source and one view."""
    body = call.body
    problems.refuse_unknown(body, CREATE_FIELDS)
    _check_booleans(body)
    parent = pages.parent_of(call, body.get("parent", problems.UNDEFINED), "body.parent", PARENTS)
    blocks.refuse_over_limit(call.ws, 1)
    database = _new(call, parent, body)
    first = body.get("initial_data_source", {})
    if not isinstance(first, dict):
        raise problems.should_be("body.initial_data_source", "an object", first)
    problems.refuse_unknown(first, ("properties",), "body.initial_data_source")
    words: Json = {"title": database.title, "description": database.description, "icon": database.icon}
    call.ws.databases[database.id] = database
    try:
        data_sources.new_data_source(
            call, database, first.get("properties"), "body.initial_data_source.properties", words
        )
    except problems.Problem:
        del call.ws.databases[database.id]
        raise
    around = call.ws.pages.get(parent.get("page_id", ""))
    if around is not None:
        around.children.append(database.id)
    pages.touch_parent(call, parent)
    return rendered(call, database)


@route("GET", "/v1/databases/{database_id}")
def retrieve_database(call: Call) -> Json:
    return rendered(call, shared_or_404(call, call.ids["database_id"]))


@route("PATCH", "/v1/databases/{database_id}")
def update_database(call: Call) -> Json:
    """Changes what the body names. A database's only data source bears its title and description (recorded).

    `last_edited_time` stays as it is (observed: recorded).
    """
    body = call.body
    database = shared_or_404(call, call.ids["database_id"])
    problems.refuse_unknown(body, (*UPDATE_FIELDS, "archived") if call.says_archived else UPDATE_FIELDS)
    _check_booleans(body)
    in_trash = body.get("in_trash", body.get("archived"))
    data_sources.refuse_trashed(call.ws, database, in_trash, body)
    _move(call, database, body)
    _set_words(call, database, body)
    database.is_inline = body.get("is_inline", database.is_inline)
    database.is_locked = body.get("is_locked", database.is_locked)
    if in_trash is not None and in_trash != database.in_trash:
        database.in_trash = in_trash
        pages.touch_parent(call, database.parent)
    return rendered(call, database)


def rendered(call: Call, database: Database) -> Json:
    """The database object, keys in Notion's order (observed: recorded)."""
    sources = [call.ws.data_sources[one] for one in database.data_sources]
    shown: Json = {
        "object": "database",
        "id": database.id,
        "title": title(call, database),
        "description": database.description,
        "parent": database.parent,
        "is_inline": database.is_inline,
        "in_trash": database.in_trash,
        "is_locked": database.is_locked,
        "created_time": milliseconds(database.created_time),
        "last_edited_time": milliseconds(database.last_edited_time),
        "data_sources": [
            {"id": one.id, "name": rich_text.plain(one.title) or tables.UNTITLED}
            for one in sources
            if not one.in_trash
        ],
        "icon": database.icon,
        "cover": database.cover,
        "url": url(database),
        "public_url": database.public_url,
    }
    if call.says_archived:
        shown["archived"] = database.in_trash
    return shown


def as_block(call: Call, database: Database) -> Json:
    """The database as a child_database block (observed: recorded)."""
    return {
        "object": "block",
        "id": database.id,
        "parent": database.parent,
        "created_time": seconds_cut(database.created_time),
        "last_edited_time": seconds_cut(database.last_edited_time),
        "created_by": {"object": "user", "id": database.created_by},
        "last_edited_by": {"object": "user", "id": database.last_edited_by},
        "has_children": False,
        "in_trash": database.in_trash,
        "type": "child_database",
        "child_database": {"title": rich_text.plain(title(call, database))},
        **({"archived": database.in_trash} if call.says_archived else {}),
    }


def title(call: Call, database: Database) -> RichText:
    """The title; an untitled database says so (observed: recorded)."""
    return database.title or [rich_text.text(tables.UNTITLED)]


def url(database: Database) -> str:
    """The address of a database and its data sources (observed: recorded)."""
    return f"https://app.notion.com/p/{database.id.replace('-', '')}"


def shared_or_404(call: Call, database_id: str) -> Database:
    """The database, unless it is absent or not shared."""
    database = call.ws.databases.get(database_id)
    if database is None or database_id in call.ws.unshared:
        raise problems.not_found("database", database_id, call.actor)
    return database


def _new(call: Call, parent: Json, body: Json) -> Database:
    return Database(
        id=call.ws.ids.uuid(),
        seq=call.ws.next_seq(),
        parent=parent,
        created_time=call.now,
        last_edited_time=call.now,
        created_by=call.actor,
        last_edited_by=call.actor,
        icon=icons.icon(call, body.get("icon")),
        cover=icons.cover(call, body.get("cover")),
        title=rich_text.read_form(body.get("title", []), "body.title", call.ws),
        description=rich_text.read_form(body.get("description", []), "body.description", call.ws),
        is_inline=body.get("is_inline", False),
    )


def _set_words(call: Call, database: Database, body: Json) -> None:
    only = database.data_sources[0] if len(database.data_sources) == 1 else ""
    source = call.ws.data_sources.get(only)
    new: dict[str, Any] = {
        name: rich_text.read_form(body[name], f"body.{name}", call.ws)
        for name in ("title", "description")
        if name in body
    }
    if "icon" in body:
        new["icon"] = icons.icon(call, body["icon"])
    if "cover" in body:
        database.cover = icons.cover(call, body["cover"])
    for name, value in new.items():
        setattr(database, name, value)
        if source is not None:
            setattr(source, name, value)


def _move(call: Call, database: Database, body: Json) -> None:
    if "parent" not in body:
        return
    parent = pages.parent_of(call, body["parent"], "body.parent", PARENTS)
    before = call.ws.pages.get(database.parent.get("page_id", ""))
    after = call.ws.pages.get(parent.get("page_id", ""))
    if before is not None and database.id in before.children:
        before.children.remove(database.id)
    if after is not None:
        after.children.append(database.id)
    database.parent = parent


def _check_booleans(body: Json) -> None:
    for name in BOOLEANS:
        if name in body and not isinstance(body[name], bool):
            raise problems.should_be(f"body.{name}", "a boolean or `undefined`", body[name])
