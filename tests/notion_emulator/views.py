"""Views of databases and their queries.

Observed (recorded): the view object, lists, renaming, deletion and view queries of an unfiltered table.
Documented, not observed: filters, sorts, quick filters, configuration and position. Columns are kept by id;
filters and sorts show the column's name of today, and what names a column that is gone is left out (assumed).

Widgets of dashboards and linked databases are not emulated: asking for them raises NotImplementedError.
"""

from datetime import timedelta
from typing import Any

from tests.notion_emulator import data_sources, databases, filters, paging, problems, query, schema, sorts
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import DataSource, Json, Node, View, Workspace, milliseconds, normalised

TYPES = ("table", "board", "list", "calendar", "timeline", "gallery", "form", "chart", "map", "dashboard")
PLACES = ("database_id", "view_id", "create_database")
CREATE_FIELDS = (
    "data_source_id",
    "name",
    "type",
    *PLACES,
    "filter",
    "sorts",
    "quick_filters",
    "configuration",
    "position",
    "placement",
)
UPDATE_FIELDS = ("name", "filter", "sorts", "quick_filters", "configuration")
NARROWEST_COLUMN_PX = 32
QUERY_LIFE = timedelta(minutes=15)


@route("POST", "/v1/views")
def create_view(call: Call) -> Json:
    """Adds a view to a database (observed: recorded)."""
    problems.refuse_unknown(call.body, CREATE_FIELDS)
    for name in ("data_source_id", "name", "type"):
        _check_text(call.body, name)
    if call.body["type"] not in TYPES:
        types = ", ".join(f'`"{one}"`' for one in TYPES)
        raise problems.should_be("body.type", f"one of {types}", call.body["type"])
    database_id = _database_id(call)
    database = databases.shared_or_404(call, database_id)
    source = data_sources.shared_or_404(call, _uuid(call.body, "data_source_id"))
    if source.id not in database.data_sources:
        raise problems.validation(f"Data source {source.id} does not belong to database {database.id}.")
    view = new_view(call, source, call.body["name"], call.body["type"])
    _fill(call, view, source)
    _put(call, view)
    return rendered(call, view)


def new_view(call: Call, source: DataSource, name: str, type_name: str) -> View:
    """A view without filter or sorts, not yet in the workspace."""
    return View(
        id=call.ws.ids.uuid(),
        seq=call.ws.next_seq(),
        parent={"type": "database_id", "database_id": source.parent["database_id"]},
        created_time=call.now,
        last_edited_time=call.now,
        created_by=call.actor,
        last_edited_by=call.actor,
        data_source_id=source.id,
        name=name,
        type=type_name,
        configuration={"type": type_name},
    )


def _check_text(body: Json, name: str) -> None:
    value = body.get(name, problems.UNDEFINED)
    if value is problems.UNDEFINED:
        raise problems.should_be(f"body.{name}", "defined")
    if not isinstance(value, str):
        raise problems.should_be(f"body.{name}", "a string", value)


def _database_id(call: Call) -> str:
    """Exactly one place is named (documented; the texts are assumed)."""
    named = [name for name in PLACES if name in call.body]
    if not named:
        raise problems.fix_one([f"body.{name}" for name in PLACES])
    if len(named) > 1:
        raise problems.should_be(f"body.{named[1]}", "not present", call.body[named[1]])
    if named != ["database_id"]:
        raise NotImplementedError(f"the emulator makes views of databases alone, not with {named[0]}")
    return _uuid(call.body, "database_id")


def _uuid(body: Json, name: str) -> str:
    found = normalised(body[name]) if isinstance(body[name], str) else None
    if found is None:
        raise problems.should_be(f"body.{name}", "a valid uuid", body[name])
    return found


def _fill(call: Call, view: View, source: DataSource) -> None:
    """Takes over what the body says about filter, sorts, quick filters and configuration; null clears."""
    body = call.body
    filters.compiled(call, source, body.get("filter"), "body.filter")
    sorts.compiled(call, source, body.get("sorts"))
    if "filter" in body:
        view.filter = _with_ids(source, body["filter"])
    if "sorts" in body:
        view.sorts = _with_ids(source, body["sorts"])
    if "quick_filters" in body:
        view.quick_filters = _quick_filters(call, view, source)
    if "configuration" in body:
        view.configuration = _configuration(view, source, body["configuration"])


def _with_ids(source: DataSource, asked: Any) -> Any:
    """Every column named in a filter or in sorts by its id."""
    if isinstance(asked, list):
        return [_with_ids(source, one) for one in asked]
    if not isinstance(asked, dict):
        return asked
    if "property" in asked:
        return {**asked, "property": filters.column(source, asked["property"]).id}
    return {name: _with_ids(source, one) if name in filters.COMPOUNDS else one for name, one in asked.items()}


def _with_names(source: DataSource, stored: Any) -> Any:
    """The stored form as shown, or None where nothing of it is left."""
    if isinstance(stored, list):
        kept = [_with_names(source, one) for one in stored]
        return [one for one in kept if one is not None] or None
    if stored is None:
        return None
    if "property" in stored:
        prop = source.properties.get(stored["property"])
        return {**stored, "property": prop.name} if prop else None
    name = next((one for one in filters.COMPOUNDS if one in stored), None)
    if name is None:
        return stored
    members = _with_names(source, stored[name])
    return {name: members} if members else None


def _quick_filters(call: Call, view: View, source: DataSource) -> Json | None:
    asked = call.body["quick_filters"]
    if asked is None:
        return None
    if not isinstance(asked, dict):
        raise problems.should_be("body.quick_filters", "an object or `null`", asked)
    merged = dict(view.quick_filters or {})
    for named, condition in asked.items():
        prop = filters.column(source, named)
        if condition is None:
            merged.pop(prop.id, None)
            continue
        place = f"body.quick_filters.{named}"
        if not isinstance(condition, dict):
            raise problems.should_be(place, "an object", condition)
        filters.compiled(call, source, {"property": prop.id, **condition}, place)
        merged[prop.id] = condition
    return merged or None


def _configuration(view: View, source: DataSource, asked: Any) -> Json:
    """The settings given on top of those there are; null takes one away (assumed)."""
    place = "body.configuration"
    if not isinstance(asked, dict):
        raise problems.should_be(place, "an object", asked)
    if asked.get("type") != view.type:
        raise problems.should_be(f"{place}.type", f'`"{view.type}"`', asked.get("type", problems.UNDEFINED))
    columns = asked.get("properties")
    if columns is not None:
        _check_columns(source, columns, f"{place}.properties")
    merged = {**(view.configuration or {}), **asked}
    return {name: setting for name, setting in merged.items() if setting is not None}


def _check_columns(source: DataSource, columns: Any, place: str) -> None:
    if not isinstance(columns, list):
        raise problems.should_be(place, "an array", columns)
    for position, one in enumerate(columns):
        here = f"{place}[{position}]"
        if not isinstance(one, dict) or not isinstance(one.get("property_id"), str):
            raise problems.should_be(f"{here}.property_id", "defined")
        if schema.find(source, one["property_id"]) is None:
            raise problems.validation(f"Could not find property with name or id: {one['property_id']}")
        if one.get("width", NARROWEST_COLUMN_PX) < NARROWEST_COLUMN_PX:
            raise problems.should_be(f"{here}.width", f"\u2265 `{NARROWEST_COLUMN_PX}`", one["width"])


def _put(call: Call, view: View) -> None:
    """Into the tab bar: last, first or after another view (documented, not observed)."""
    position = call.body.get("position", {"type": "end"})
    kind = position.get("type") if isinstance(position, dict) else None
    if kind not in ("start", "end", "after_view"):
        raise problems.should_be("body.position.type", '`"start"`, `"end"`, or `"after_view"`', kind)
    order = list(call.ws.views.values())
    if kind == "after_view":
        before = shared_or_404(call, _uuid(position, "view_id"))
        order.insert(order.index(before) + 1, view)
    else:
        order.insert(0 if kind == "start" else len(order), view)
    call.ws.views = {one.id: one for one in order}


def shared_or_404(call: Call, view_id: str) -> View:
    """The view, or 404 where it or its database is absent or not shared."""
    view = call.ws.views.get(view_id)
    if view is None or view_id in call.ws.unshared:
        raise problems.not_found("view", view_id, call.actor)
    databases.shared_or_404(call, view.parent["database_id"])
    return view


def of_database(ws: Workspace, database_id: str) -> list[View]:
    """A database's views in the order of its tab bar."""
    return [view for view in ws.views.values() if view.parent["database_id"] == database_id]


@route("GET", "/v1/views")
def list_views(call: Call) -> Json:
    """Ids alone, of a database or a data source (observed: recorded)."""
    asked = dict(call.query)
    named = next((name for name in ("database_id", "data_source_id") if name in asked), None)
    if named is None:
        places = ["query.database_id", "query.data_source_id"]
        raise problems.fix_one(places, part="query")
    wanted = normalised(asked[named])
    if wanted is None:
        raise problems.should_be(f"query.{named}", "a valid uuid", asked[named], part="query")
    node: Node
    if named == "database_id":
        node = databases.shared_or_404(call, wanted)
        found = of_database(call.ws, node.id)
    else:
        node = data_sources.shared_or_404(call, wanted)
        found = [view for view in call.ws.views.values() if view.data_source_id == node.id]
    return paging.listing(call, found, lambda one: {"object": "view", "id": one.id}, "view", source="query")


@route("GET", "/v1/views/{view_id}")
def retrieve_view(call: Call) -> Json:
    """The whole view (observed: recorded)."""
    return rendered(call, shared_or_404(call, call.ids["view_id"]))


@route("PATCH", "/v1/views/{view_id}")
def update_view(call: Call) -> Json:
    """Changes what is given, never type, data source or place (name observed, the rest documented)."""
    view = shared_or_404(call, call.ids["view_id"])
    problems.refuse_unknown(call.body, UPDATE_FIELDS)
    if "name" in call.body:
        _check_text(call.body, "name")
    _refuse_timestamp_sorts(call.body.get("sorts"))
    _fill(call, view, call.ws.data_sources[view.data_source_id])
    view.name = call.body.get("name", view.name)
    view.last_edited_time, view.last_edited_by = call.now, call.actor
    return rendered(call, view)


def _refuse_timestamp_sorts(asked: Any) -> None:
    """An update takes sorts by columns alone (documented, not observed)."""
    for position, sort in enumerate(asked if isinstance(asked, list) else []):
        if isinstance(sort, dict) and "property" not in sort:
            raise problems.should_be(f"body.sorts[{position}].property", "defined")


@route("DELETE", "/v1/views/{view_id}")
def delete_view(call: Call) -> Json:
    """Takes a view away; a database keeps its last one (refusal documented, its text assumed)."""
    view = shared_or_404(call, call.ids["view_id"])
    if len(of_database(call.ws, view.parent["database_id"])) == 1:
        raise problems.validation("Cannot delete the last view of a database.")
    del call.ws.views[view.id]
    return {"object": "view", "id": view.id, "parent": dict(view.parent), "type": view.type}


def rendered(call: Call, view: View) -> Json:
    """The view object, key by key as recorded."""
    source = call.ws.data_sources[view.data_source_id]
    database_id = view.parent["database_id"]
    return {
        "object": "view",
        "id": view.id,
        "parent": dict(view.parent),
        "data_source_id": view.data_source_id,
        "name": view.name,
        "type": view.type,
        "created_time": milliseconds(view.created_time),
        "created_by": {"object": "user", "id": view.created_by},
        "last_edited_time": milliseconds(view.last_edited_time),
        "last_edited_by": {"object": "user", "id": view.last_edited_by},
        "url": f"https://app.notion.com/p/{database_id.replace('-', '')}?v={view.id.replace('-', '')}",
        "filter": _with_names(source, view.filter),
        "sorts": _with_names(source, view.sorts),
        "quick_filters": _shown_quick_filters(source, view),
        "configuration": view.configuration,
    }


def _shown_quick_filters(source: DataSource, view: View) -> Json | None:
    stored = view.quick_filters or {}
    shown = {source.properties[one].name: stored[one] for one in stored if one in source.properties}
    return shown or None


@route("POST", "/v1/views/{view_id}/queries")
def create_view_query(call: Call) -> Json:
    """Runs the view once and keeps the order for 15 minutes (observed: recorded, without rows)."""
    view = shared_or_404(call, call.ids["view_id"])
    problems.refuse_unknown(call.body, ("page_size",))
    source = call.ws.data_sources[view.data_source_id]
    rows = query.matching(call, source, _with_names(source, view.filter), _with_names(source, view.sorts))
    cap = call.ws.knobs.cap
    kept: Json = {
        "id": call.ws.ids.uuid(),
        "view_id": view.id,
        "expires_at": call.now + QUERY_LIFE,
        "ids": [row.id for row in rows[:cap]],
        "capped": len(rows) > cap,
    }
    call.ws.view_queries[kept["id"]] = kept
    references = [_reference(one) for one in kept["ids"]]
    shown, next_cursor = paging.page_of(call, references, source="body")
    return {
        "object": "view_query",
        "id": kept["id"],
        "view_id": view.id,
        "expires_at": milliseconds(kept["expires_at"]),
        "total_count": len(references),
        "results": list(shown),
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
        **_status(kept),
    }


def _reference(page_id: str) -> Json:
    return {"object": "page", "id": page_id}


def _status(kept: Json) -> Json:
    """What says that rows are missing, on every page (documented, not observed)."""
    return {"request_status": dict(query.INCOMPLETE)} if kept["capped"] else {}


def _kept(call: Call) -> Json:
    view = shared_or_404(call, call.ids["view_id"])
    kept = call.ws.view_queries.get(call.ids["query_id"])
    if kept is None or kept["view_id"] != view.id or kept["expires_at"] <= call.now:
        raise problems.not_found("view query", call.ids["query_id"], call.actor)
    return kept


@route("GET", "/v1/views/{view_id}/queries/{query_id}")
def view_query_results(call: Call) -> Json:
    """One page of the kept order; 404 once it has expired (text and status assumed)."""
    kept = _kept(call)
    references = [_reference(one) for one in kept["ids"]]
    return {**paging.listing(call, references, dict, "page", source="query"), **_status(kept)}


@route("DELETE", "/v1/views/{view_id}/queries/{query_id}")
def delete_view_query(call: Call) -> Json:
    """Forgets the order (observed: recorded)."""
    kept = _kept(call)
    del call.ws.view_queries[kept["id"]]
    return {"object": "view_query", "id": kept["id"], "deleted": True}
