"""Data sources: the tables of a database, made, read, changed."""

from typing import Any

from tests.notion_emulator import blocks, databases, icons, problems, rich_text, schema, tables, views
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import (
    Database,
    DataSource,
    Json,
    Node,
    Workspace,
    normalised,
    seconds_cut,
)

CREATE_FIELDS = ("parent", "properties", "title", "icon")
UPDATE_FIELDS = ("title", "icon", "properties", "in_trash", "parent")
ARCHIVED = "Can't edit block that is archived. You must unarchive the block before editing."
of_page = tables.of_page
shared_or_404 = tables.shared_or_404
BELOW_ARCHIVED = (
    "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before editing page."
)


@route("POST", "/v1/data_sources")
def create_data_source(call: Call) -> Json:
    """One more data source of a database."""
    body = call.body
    problems.refuse_unknown(body, CREATE_FIELDS)
    for name in ("parent", "properties"):
        if name not in body:
            raise problems.should_be(f"body.{name}", "defined")
    database = _parent(call, body["parent"])
    refuse_trashed(call.ws, database, None, body)
    words: Json = {
        "title": rich_text.read_form(body.get("title", []), "body.title", call.ws),
        "icon": icons.icon(call, body.get("icon")),
    }
    return rendered(call, new_data_source(call, database, body["properties"], "body.properties", words))


@route("GET", "/v1/data_sources/{data_source_id}")
def retrieve_data_source(call: Call) -> Json:
    return rendered(call, shared_or_404(call, call.ids["data_source_id"]))


@route("PATCH", "/v1/data_sources/{data_source_id}")
def update_data_source(call: Call) -> Json:
    """Changes what the body names. The only data source of a database lends it its title (recorded)."""
    body = call.body
    source = shared_or_404(call, call.ids["data_source_id"])
    problems.refuse_unknown(body, (*UPDATE_FIELDS, "archived") if call.says_archived else UPDATE_FIELDS)
    in_trash = body.get("in_trash", body.get("archived"))
    if in_trash is not None and not isinstance(in_trash, bool):
        raise problems.should_be("body.in_trash", "a boolean or `undefined`", in_trash)
    refuse_trashed(call.ws, source, in_trash, body)
    title = rich_text.read_form(body.get("title", []), "body.title", call.ws)
    icon = icons.icon(call, body.get("icon"))
    database = _parent(call, body["parent"]) if "parent" in body else None
    if "properties" in body:
        schema.update(call, source, body["properties"], "body.properties")
    _name(call, source, title if "title" in body else None)
    source.icon = icon if "icon" in body else source.icon
    source.in_trash = source.in_trash if in_trash is None else in_trash
    if database is not None:
        _move(call, source, database)
    source.last_edited_time, source.last_edited_by = call.now, call.actor
    return rendered(call, source)


def new_data_source(call: Call, database: Database, properties: Any, place: str, words: Json) -> DataSource:
    """A data source in the workspace, with a view of its own (documented). `properties` None: a title alone.

    `words`: title, description, icon, as they are stored.
    """
    source = DataSource(
        id=call.ws.ids.uuid(),
        seq=call.ws.next_seq(),
        parent={"type": "database_id", "database_id": database.id},
        created_time=call.now,
        last_edited_time=call.now,
        created_by=call.actor,
        last_edited_by=call.actor,
        **words,
    )
    call.ws.data_sources[source.id] = source
    try:
        schema.create(call, source, schema.default() if properties is None else properties, place)
    except problems.Problem:
        del call.ws.data_sources[source.id]
        raise
    database.data_sources.append(source.id)
    call.ws.rows[source.id] = []
    view = views.new_view(call, source, "Default view", "table")
    call.ws.views[view.id] = view
    return source


def rendered(call: Call, source: DataSource) -> Json:
    """The data source object, keys in Notion's order (observed: recorded)."""
    database = call.ws.databases[source.parent["database_id"]]
    shown: Json = {
        "object": "data_source",
        "id": source.id,
        "cover": source.cover,
        "icon": source.icon,
        "created_time": seconds_cut(source.created_time),
        "created_by": {"object": "user", "id": source.created_by},
        "last_edited_by": {"object": "user", "id": source.last_edited_by},
        "last_edited_time": seconds_cut(source.last_edited_time),
        "title": source.title,
        "description": source.description,
        "is_inline": database.is_inline,
        "properties": {prop.name: schema.rendered(call.ws, prop) for prop in schema.ordered(source)},
        "parent": source.parent,
        "database_parent": database.parent,
        "url": databases.url(database),
        "public_url": database.public_url,
        "in_trash": source.in_trash,
    }
    if call.says_archived:
        shown["archived"] = source.in_trash
    return shown


def refuse_trashed(ws: Workspace, node: Node, in_trash: bool | None, body: Json) -> None:
    """400 for an edit in the trash, or below something there (reported).

    Taking it out is allowed, and putting it in once more (assumed).
    """
    if any(one.in_trash for one in blocks.ancestors(ws, node)):
        raise problems.validation(BELOW_ARCHIVED)
    again = in_trash is True and not set(body) - {"in_trash", "archived"}
    if node.in_trash and in_trash is not False and not again:
        raise problems.validation(ARCHIVED)


def _parent(call: Call, given: Any) -> Database:
    if not isinstance(given, dict):
        raise problems.should_be("body.parent", "an object", given)
    wanted = given.get("database_id", problems.UNDEFINED)
    if wanted is problems.UNDEFINED:
        raise problems.should_be("body.parent.database_id", "defined")
    database_id = normalised(wanted) if isinstance(wanted, str) else None
    if database_id is None:
        raise problems.should_be("body.parent.database_id", "a valid uuid", wanted)
    return databases.shared_or_404(call, database_id)


def _name(call: Call, source: DataSource, title: list[Json] | None) -> None:
    database = call.ws.databases[source.parent["database_id"]]
    if title is None:
        return
    source.title = title
    if database.data_sources == [source.id]:
        database.title, database.last_edited_time = title, call.now


def _move(call: Call, source: DataSource, database: Database) -> None:
    """Puts the data source last in another database (observed: recorded), its views with it (assumed)."""
    before = call.ws.databases[source.parent["database_id"]]
    if before is database:
        return
    before.data_sources.remove(source.id)
    database.data_sources.append(source.id)
    source.parent = {"type": "database_id", "database_id": database.id}
    for view in call.ws.views.values():
        if view.data_source_id == source.id:
            view.parent = dict(source.parent)
