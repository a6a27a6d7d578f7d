"""Pages and rows: made, read, changed, moved, put in the trash."""

import re
from typing import Any

from tests.notion_emulator import (
    blocks,
    data_sources,
    databases,
    icons,
    links,
    page_content,
    problems,
    property_items,
    rich_text,
    schema,
    values,
    writes,
)
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import DataSource, Json, Page, Property, Workspace, normalised, seconds_cut

CREATE_FIELDS = (
    "parent",
    "properties",
    "icon",
    "cover",
    "children",
    "content",
    "markdown",
    "template",
    "position",
    "allow_async",
)
UPDATE_FIELDS = (
    "properties",
    "icon",
    "cover",
    "is_locked",
    "template",
    "erase_content",
    "in_trash",
    "is_archived",
)
BOOLEANS = ("is_locked", "erase_content", "in_trash", "archived", "is_archived")
PARENTS = ("page_id", "data_source_id", "database_id", "workspace")
TITLE = Property("title", "title", "title")
"""The one column of a page that is no row."""
WORD_BREAKS = re.compile(r"[^A-Za-z0-9_]+")
ARCHIVED = "Can't edit block that is archived. You must unarchive the block before editing."
BELOW_ARCHIVED = (
    "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before editing page."
)


@route("POST", "/v1/pages")
def create_page(call: Call) -> Json:
    """One page, with all its content or not at all."""
    body = call.body
    problems.refuse_unknown(body, CREATE_FIELDS)
    parent = parent_of(call, body.get("parent", problems.UNDEFINED), "body.parent", PARENTS)
    _columns(call.ws.data_sources.get(parent.get("data_source_id", "")), asked_properties(call))
    page_content.check(body)
    blocks.refuse_over_limit(call.ws, 1)
    page = new_page(call, parent, body.get("properties", {}), icon=body.get("icon"), cover=body.get("cover"))
    try:
        page_content.fill(call, page, body)
    except problems.Problem:
        _forget(call.ws, page)
        raise
    return rendered(call, page, asked_properties(call))


@route("GET", "/v1/pages/{page_id}")
def retrieve_page(call: Call) -> Json:
    return rendered(call, shared_or_404(call, call.ids["page_id"]), asked_properties(call))


@route("PATCH", "/v1/pages/{page_id}")
def update_page(call: Call) -> Json:
    """Changes what the body names; the rest stays."""
    body = call.body
    page = shared_or_404(call, call.ids["page_id"])
    problems.refuse_unknown(body, (*UPDATE_FIELDS, "archived") if call.says_archived else UPDATE_FIELDS)
    for name in BOOLEANS:
        if name in body and not isinstance(body[name], bool):
            raise problems.should_be(f"body.{name}", "a boolean or `undefined`", body[name])
    in_trash = body.get("in_trash", body.get("archived"))
    refuse_trashed(call.ws, page, in_trash, body)
    _columns(data_sources.of_page(call.ws, page), asked_properties(call))
    icon, cover = icons.icon(call, body.get("icon")), icons.cover(call, body.get("cover"))
    write(call, page, body.get("properties", {}))
    page.icon = icon if "icon" in body else page.icon
    page.cover = cover if "cover" in body else page.cover
    page.is_locked = body.get("is_locked", page.is_locked)
    page.is_archived = body.get("is_archived", page.is_archived)
    if in_trash is not None and in_trash != page.in_trash:
        trash(call, page, in_trash)
    page_content.change(call, page, body)
    call.ws.touch(page, call.actor, call.now)
    return rendered(call, page, asked_properties(call))


@route("POST", "/v1/pages/{page_id}/move")
def move_page(call: Call) -> Json:
    """Puts a page under another page or in a data source (a page under a page observed: recorded).

    A row keeps the values whose columns the new data source has too, by name and type (assumed).
    """
    page = shared_or_404(call, call.ids["page_id"])
    problems.refuse_unknown(call.body, ("parent",))
    parent = parent_of(
        call, call.body.get("parent", problems.UNDEFINED), "body.parent", ("page_id", "data_source_id")
    )
    refuse_trashed(call.ws, page, None, call.body)
    target = call.ws.pages.get(parent.get("page_id", ""))
    if target is not None and page in [target, *blocks.ancestors(call.ws, target)]:
        raise problems.validation("Cannot move a page into itself or a page below it.")
    before = data_sources.of_page(call.ws, page)
    _leave(call.ws, page)
    page.parent = parent
    _keep_values(page, before, data_sources.of_page(call.ws, page))
    _enter(call, page)
    call.ws.touch(page, call.actor, call.now)
    return rendered(call, page)


@route("GET", "/v1/pages/{page_id}/properties/{prop_id}")
def retrieve_property(call: Call) -> Json:
    """One value, in full."""
    page = shared_or_404(call, call.ids["page_id"])
    wanted = call.ids["prop_id"]
    ds = data_sources.of_page(call.ws, page)
    prop = schema.find(ds, wanted) if ds else TITLE if wanted == "title" else None
    if prop is None:
        raise problems.validation(f"Could not find property with name or id: {wanted}")
    return property_items.rendered(call, page, prop)


def rendered(call: Call, page: Page, filter_properties: list[str] | None = None) -> Json:
    """The page object, keys in Notion's order (observed: recorded)."""
    ws = call.ws
    ds = ws.data_sources.get(page.parent.get("data_source_id", ""))
    shown: Json = {
        "object": "page",
        "id": page.id,
        "created_time": seconds_cut(page.created_time),
        "last_edited_time": seconds_cut(page.last_edited_time),
        "created_by": {"object": "user", "id": page.created_by},
        "last_edited_by": {"object": "user", "id": page.last_edited_by},
        "cover": page.cover,
        "icon": page.icon,
        "parent": _shown_parent(page, ds),
        "in_trash": page.in_trash,
        "is_archived": page.is_archived,
        "is_locked": page.is_locked,
        "properties": {
            prop.name: values.cut(values.rendered(ws, page, prop)) for prop in _columns(ds, filter_properties)
        },
        "url": url(page),
        "public_url": page.public_url,
    }
    if call.says_archived:
        shown["archived"] = page.in_trash
    return shown


def as_block(call: Call, page: Page) -> Json:
    """The page as a child_page block (observed: recorded)."""
    return {
        "object": "block",
        "id": page.id,
        "parent": _shown_parent(page, data_sources.of_page(call.ws, page)),
        "created_time": seconds_cut(page.created_time),
        "last_edited_time": seconds_cut(page.last_edited_time),
        "created_by": {"object": "user", "id": page.created_by},
        "last_edited_by": {"object": "user", "id": page.last_edited_by},
        "has_children": blocks.has_children(call.ws, page),
        "in_trash": page.in_trash,
        "type": "child_page",
        "child_page": {"title": rich_text.plain(page.properties.get("title", []))},
        **({"archived": page.in_trash} if call.says_archived else {}),
    }


def url(page: Page) -> str:
    """The page's address: words of the title's text without its mentions, then the id (recorded)."""
    title = page.properties.get("title") or ()
    text = "".join(item["plain_text"] for item in title if item["type"] != "mention")
    words = WORD_BREAKS.sub("-", text).strip("-")
    return f"https://app.notion.com/p/{words}{'-' if words else ''}{page.id.replace('-', '')}"


def new_page(
    call: Call, parent: Json, properties: Json, *, icon: Json | None = None, cover: Json | None = None
) -> Page:
    """A page in the workspace. `parent`, `properties`, `icon`, `cover` as in a request."""
    page = Page(
        id=call.ws.ids.uuid(),
        seq=call.ws.next_seq(),
        parent=parent_of(call, parent, "body.parent", PARENTS),
        created_time=call.now,
        last_edited_time=call.now,
        created_by=call.actor,
        last_edited_by=call.actor,
        icon=icons.icon(call, icon),
        cover=icons.cover(call, cover),
    )
    call.ws.pages[page.id] = page
    try:
        write(call, page, properties)
    except problems.Problem:
        del call.ws.pages[page.id]
        raise
    _enter(call, page)
    call.ws.touch(page, call.actor, call.now)
    return page


def write(call: Call, page: Page, given: Any) -> None:
    """Stores property values, all or none."""
    ds = data_sources.of_page(call.ws, page)
    columns = list(ds.properties.values()) if ds else [TITLE]
    wanted = writes.check(columns, given, "body.properties")
    configs = [prop.config for prop in columns]
    try:
        stored = [writes.stored(call, one) for one in wanted]
    except problems.Problem:
        for prop, config in zip(columns, configs, strict=True):
            prop.config = config
        raise
    for one, value in zip(wanted, stored, strict=True):
        before = page.properties.get(one.prop.id)
        page.properties[one.prop.id] = value
        if one.prop.type == "relation":
            links.mirror(call, page, one.prop, before or [], value)


def trash(call: Call, page: Page, in_trash: bool) -> None:
    """Puts a page in the trash or takes it out; the page around it counts as edited (observed: recorded)."""
    page.in_trash = in_trash
    call.ws.touch(page, call.actor, call.now)
    touch_parent(call, page.parent)


def touch_parent(call: Call, parent: Json) -> None:
    """The page around what was made or trashed counts as edited (observed: recorded)."""
    around = call.ws.pages.get(parent.get("page_id", ""))
    if around is not None:
        call.ws.touch(around, call.actor, call.now)


def shared_or_404(call: Call, page_id: str) -> Page:
    """The page, unless it is absent or not shared."""
    page = call.ws.pages.get(page_id)
    if page is None or page_id in call.ws.unshared:
        raise problems.not_found("page", page_id, call.actor)
    return page


def refuse_trashed(ws: Workspace, page: Page, in_trash: bool | None, body: Json) -> None:
    """400 for an edit in the trash, or below something there (reported).

    Taking a page out is allowed, and putting it in once more (assumed).
    """
    if any(one.in_trash for one in blocks.ancestors(ws, page)):
        raise problems.validation(BELOW_ARCHIVED)
    again = in_trash is True and not set(body) - {"in_trash", "archived"}
    if page.in_trash and in_trash is not False and not again:
        raise problems.validation(ARCHIVED)


def parent_of(call: Call, given: Any, place: str, kinds: tuple[str, ...]) -> Json:
    """The parent in stored form. A database with one data source stands for it (documented)."""
    if given is problems.UNDEFINED:
        raise problems.should_be(place, "defined")
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object", given)
    kind = next((kind for kind in kinds if given.get(kind) is not None), None)
    if kind is None:
        raise problems.fix_one([f"{place}.{kind}" for kind in kinds])
    if kind == "workspace":
        return {"type": "workspace", "workspace": True}
    parent_id = normalised(given[kind]) if isinstance(given[kind], str) else None
    if parent_id is None:
        raise problems.should_be(f"{place}.{kind}", "a valid uuid", given[kind])
    if kind == "page_id":
        _refuse_trashed_parent(call.ws, shared_or_404(call, parent_id))
        return {"type": "page_id", "page_id": parent_id}
    return _row_parent(call, kind, parent_id)


def _row_parent(call: Call, kind: str, parent_id: str) -> Json:
    if kind == "database_id" and parent_id not in call.ws.data_sources:
        sources = databases.shared_or_404(call, parent_id).data_sources
        if len(sources) != 1:
            raise problems.validation(
                f"Database with ID {parent_id} has {len(sources)} data sources: name one as data_source_id."
            )
        parent_id = sources[0]
    ds = data_sources.shared_or_404(call, parent_id)
    _refuse_trashed_parent(call.ws, ds)
    return {"type": "data_source_id", "data_source_id": ds.id, "database_id": ds.parent["database_id"]}


def _refuse_trashed_parent(ws: Workspace, parent: Page | DataSource) -> None:
    if any(one.in_trash for one in [parent, *blocks.ancestors(ws, parent)]):
        raise problems.validation(ARCHIVED)


def _shown_parent(page: Page, ds: DataSource | None) -> Json:
    """A row's parent names the database too (observed: recorded)."""
    return page.parent if ds is None else {**page.parent, "database_id": ds.parent["database_id"]}


def asked_properties(call: Call) -> list[str] | None:
    """What the query's `filter_properties` names, however it is repeated."""
    return [value for name, value in call.query if name.startswith("filter_properties")] or None


def _columns(ds: DataSource | None, wanted: list[str] | None) -> list[Property]:
    """The columns to show; one that is asked for and not there is refused (assumed)."""
    columns = [TITLE] if ds is None else schema.ordered(ds)
    if wanted is None:
        return columns
    names = set(wanted)
    shown = [prop for prop in columns if names & {prop.name, prop.id, schema.shown_id(prop)}]
    if len(shown) < len(names):
        known = {key for prop in columns for key in (prop.name, prop.id, schema.shown_id(prop))}
        for name in wanted:
            if name not in known:
                raise problems.validation(f"Could not find property with name or id: {name}")
    return shown


def _enter(call: Call, page: Page) -> None:
    """Lists the page where it now belongs; a new row gets its number."""
    ds = data_sources.of_page(call.ws, page)
    if ds is None:
        around = call.ws.pages.get(page.parent.get("page_id", ""))
        if around is not None:
            around.children.append(page.id)
            call.ws.touch(around, call.actor, call.now)
        return
    call.ws.rows.setdefault(ds.id, []).append(page.id)
    for prop in ds.properties.values():
        if prop.type == "unique_id":
            page.properties[prop.id] = ds.next_unique_id
            ds.next_unique_id += 1


def _leave(ws: Workspace, page: Page) -> None:
    rows = ws.rows.get(page.parent.get("data_source_id", ""), [])
    around = ws.pages.get(page.parent.get("page_id", ""))
    for listed in (rows, around.children if around else []):
        if page.id in listed:
            listed.remove(page.id)


def _forget(ws: Workspace, page: Page) -> None:
    _leave(ws, page)
    ws.pages.pop(page.id, None)


def _keep_values(page: Page, before: DataSource | None, after: DataSource | None) -> None:
    old = page.properties
    page.properties = {"title": old.get("title", [])}
    if before is None or after is None:
        return
    theirs = {(prop.name, prop.type): prop.id for prop in after.properties.values()}
    for prop in before.properties.values():
        new_id = theirs.get((prop.name, prop.type))
        plain = prop.type not in ("select", "multi_select", "status", "relation", "unique_id")
        if new_id is not None and plain and prop.id in old:
            page.properties[new_id] = old[prop.id]
