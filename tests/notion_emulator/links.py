"""Relation and rollup columns: made, shown, tied to the other side."""

from typing import Any
from urllib.parse import unquote

from tests.notion_emulator import problems, rich_text, tables
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Json, Page, Property, Workspace, normalised

KINDS = ("single_property", "dual_property")
FUNCTIONS = (
    "count",
    "count_values",
    "empty",
    "not_empty",
    "unique",
    "show_unique",
    "percent_empty",
    "percent_not_empty",
    "sum",
    "average",
    "median",
    "min",
    "max",
    "range",
    "earliest_date",
    "latest_date",
    "date_range",
    "checked",
    "unchecked",
    "percent_checked",
    "percent_unchecked",
    "count_per_group",
    "percent_per_group",
    "show_original",
)


def relation(call: Call, body: Json, place: str, old: Json | None) -> Json:
    """The object of a relation column; `link` adds the other side of a dual one."""
    if old is not None and not body.get("data_source_id"):
        return old
    target = _target(call, body, place)
    kind = next((kind for kind in KINDS if kind in body), body.get("type"))
    if kind not in KINDS:
        raise problems.fix_one([f"{place}.{kind}" for kind in KINDS])
    if old is not None and old["data_source_id"] == target.id and old["type"] == kind:
        return old
    base = {"database_id": target.parent["database_id"], "data_source_id": target.id, "type": kind}
    return {**base, kind: {}}


def rollup(call: Call, ds: DataSource, body: Json, place: str, old: Json | None) -> Json:
    """The object of a rollup column."""
    body = {**(old or {}), **body}
    over = _named(ds, body, "relation_property", place)
    if over.type != "relation":
        raise problems.validation(f"{over.name} is expected to be relation.")
    target = call.ws.data_sources[over.config["data_source_id"]]
    what = _named(target, body, "rollup_property", place)
    function = body.get("function")
    if function not in FUNCTIONS:
        known = ", ".join(f'`"{name}"`' for name in FUNCTIONS)
        raise problems.should_be(f"{place}.function", known, body.get("function", problems.UNDEFINED))
    return {
        "rollup_property_name": what.name,
        "relation_property_name": over.name,
        "rollup_property_id": what.id,
        "relation_property_id": over.id,
        "function": function,
    }


def shown(ws: Workspace, prop: Property) -> Json:
    """The object with today's names of what it points to; a rollup's ids are not encoded (recorded)."""
    config = prop.config
    if prop.type == "rollup":
        return config
    target = ws.data_sources.get(config.get("data_source_id", ""))
    if target is None:
        return config
    kind = config["type"]
    synced = other_side(ws, prop)
    ends = (
        {"synced_property_name": synced.name, "synced_property_id": tables.shown_id(synced)} if synced else {}
    )
    base = {"database_id": target.parent["database_id"], "data_source_id": target.id, "type": kind}
    return {**base, kind: ends or config.get(kind, {})}


def other_side(ws: Workspace, prop: Property) -> Property | None:
    """The column on the other side of a dual relation."""
    if prop.type != "relation" or prop.config.get("type") != "dual_property":
        return None
    target = ws.data_sources.get(prop.config["data_source_id"])
    synced = prop.config["dual_property"].get("synced_property_id")
    return target.properties.get(unquote(synced)) if target and synced else None


def link(call: Call, ds: DataSource, prop: Property, given: Json) -> None:
    """Adds the other side of a new dual relation; its name is recorded, `synced_property_name` documented."""
    if prop.config["type"] != "dual_property":
        return
    target = call.ws.data_sources[prop.config["data_source_id"]]
    title = rich_text.plain(ds.title) or tables.UNTITLED
    wanted = (given.get("dual_property") or {}).get("synced_property_name")
    back = Property(tables.new_id(call.ws, target), wanted or f"Related to {title} ({prop.name})", "relation")
    prop.config = {**prop.config, "dual_property": _ends(back)}
    back.config = {
        "database_id": ds.parent["database_id"],
        "data_source_id": ds.id,
        "type": "dual_property",
        "dual_property": _ends(prop),
    }
    target.properties[back.id] = back
    target.last_edited_time, target.last_edited_by = call.now, call.actor


def unlink(call: Call, prop: Property) -> None:
    """Takes away the other side of a dual relation (assumed)."""
    back = other_side(call.ws, prop)
    if back is None:
        return
    target = call.ws.data_sources[prop.config["data_source_id"]]
    target.properties.pop(back.id, None)


def mirror(call: Call, page: Page, prop: Property, before: list[str], after: list[str]) -> None:
    """Writes the other side of a dual relation; its rows count as edited (assumed)."""
    back = other_side(call.ws, prop)
    if back is None:
        return
    for page_id in {*before, *after} - ({*before} & {*after}):
        other = call.ws.pages.get(page_id)
        if other is None:
            continue
        kept = [one for one in other.properties.get(back.id, []) if one != page.id]
        other.properties[back.id] = [*kept, page.id] if page_id in after else kept
        if other is not page:
            call.ws.touch(other, call.actor, call.now)


def _ends(prop: Property) -> Json:
    return {"synced_property_name": prop.name, "synced_property_id": tables.shown_id(prop)}


def _target(call: Call, body: Json, place: str) -> DataSource:
    target = body.get("data_source_id", problems.UNDEFINED)
    if target is problems.UNDEFINED:
        raise problems.should_be(f"{place}.data_source_id", "defined")
    target_id = normalised(target) if isinstance(target, str) else None
    if target_id is None:
        raise problems.should_be(f"{place}.data_source_id", "a valid uuid", target)
    return tables.shared_or_404(call, target_id)


def _named(ds: DataSource, body: Json, kind: str, place: str) -> Property:
    key: Any = body.get(f"{kind}_id") or body.get(f"{kind}_name")
    if key is None:
        raise problems.should_be(f"{place}.{kind}_name", "defined")
    found = tables.find(ds, key)
    if found is None:
        raise problems.validation(f"Could not find property with name or id: {key}")
    return found
