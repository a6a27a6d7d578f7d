"""Columns of a data source: looked up, shown, made, changed, removed."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.notion_emulator import columns, conversions, links, options, problems, rich_text, tables
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Json, Property, Workspace

MOST_BYTES = 50 * 1024
MOST_DESCRIPTION = 280
find = tables.find
shown_id = tables.shown_id
ordered = tables.ordered
encoded = tables.encoded


def title_of(ds: DataSource) -> Property:
    """The title column."""
    return next(prop for prop in ds.properties.values() if prop.type == "title")


def rendered(ws: Workspace, prop: Property) -> Json:
    """The column as a data source shows it."""
    return {
        "id": shown_id(prop),
        "name": prop.name,
        "description": prop.description,
        "type": prop.type,
        prop.type: links.shown(ws, prop) if prop.type in ("relation", "rollup") else prop.config,
    }


def default() -> dict[str, Json]:
    """The columns of a data source for which none were given."""
    return {"Name": {"type": "title", "title": {}}}


def create(call: Call, ds: DataSource, given: Any, place: str) -> None:
    """Fills a new data source with its columns; exactly one is the title."""
    _refuse_no_object(given, place)
    kinds = [columns.kind_of(one, f"{place}.{name}") for name, one in given.items()]
    if kinds.count("title") != 1:
        raise problems.validation(
            "Title is not provided" if "title" not in kinds else "Title is provided twice"
        )
    for name, one in _titles_first(given, kinds):
        _add(call, ds, name, one, f"{place}.{name}")
    _refuse_too_large(call.ws, ds)


def update(call: Call, ds: DataSource, given: Any, place: str) -> None:
    """PATCH of `properties`: keys are names or ids; null removes, a name renames, a type's object changes.

    All or nothing: what is wrong with one column keeps the others as they were.
    """
    _refuse_no_object(given, place)
    for name, one in given.items():
        _check(ds, name, one, f"{place}.{name}")
    restore = _snapshot(call.ws, ds)
    try:
        for name, one in given.items():
            _apply(call, ds, name, one, f"{place}.{name}")
        _refuse_too_large(call.ws, ds)
    except problems.Problem:
        restore()
        raise


def _snapshot(ws: Workspace, ds: DataSource) -> Callable[[], None]:
    """Takes everything back that a PATCH may have changed before it was refused."""
    own = {key: _copy(prop) for key, prop in ds.properties.items()}
    others = {one.id: dict(one.properties) for one in ws.data_sources.values()}
    cells = {page_id: dict(ws.pages[page_id].properties) for page_id in ws.rows.get(ds.id, ())}

    def restore() -> None:
        for source_id, properties in others.items():
            ws.data_sources[source_id].properties = properties
        ds.properties = own
        for page_id, values in cells.items():
            ws.pages[page_id].properties = values

    return restore


def _titles_first(given: Json, kinds: list[str]) -> Iterable[tuple[str, Json]]:
    """Formulas and rollups after the columns that they may name."""
    rank = {"title": 0, "rollup": 2, "formula": 3}
    return [
        pair
        for _, pair in sorted(zip(kinds, given.items(), strict=True), key=lambda one: rank.get(one[0], 1))
    ]


def _copy(prop: Property) -> Property:
    return Property(prop.id, prop.name, prop.type, prop.config, prop.description)


def _refuse_no_object(given: Any, place: str) -> None:
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object", given)


def _check(ds: DataSource, name: str, one: Any, place: str) -> None:
    prop = find(ds, name)
    if one is None and prop is None:
        raise problems.validation(f"Could not find property with name or id: {name}")
    if one is None and prop is not None and prop.type == "title":
        raise problems.validation("Cannot delete the title property")
    if one is not None and not isinstance(one, dict):
        raise problems.should_be(place, "an object", one)


def _apply(call: Call, ds: DataSource, name: str, one: Json | None, place: str) -> None:
    prop = find(ds, name)
    if one is None:
        if prop is not None:
            remove(call, ds, prop)
    elif prop is None:
        _add(call, ds, name, one, place)
    else:
        _change(call, ds, prop, one, place)


def _add(call: Call, ds: DataSource, name: str, one: Json, place: str) -> Property:
    kind = columns.kind_of(one, place)
    if kind == "title" and any(prop.type == "title" for prop in ds.properties.values()):
        raise problems.validation("Cannot create a second title property")
    _refuse_taken(ds, name, None)
    prop = Property("title" if kind == "title" else tables.new_id(call.ws, ds), name, kind)
    prop.description = _description(one, place)
    prop.config = columns.config(call, ds, prop, one.get(kind), f"{place}.{kind}")
    ds.properties[prop.id] = prop
    columns.added(call, ds, prop, one.get(kind) or {})
    return prop


def remove(call: Call, ds: DataSource, prop: Property) -> None:
    """Takes a column away, and the other side of its relation. Its values are never seen again."""
    ds.properties.pop(prop.id, None)
    links.unlink(call, prop)


def _change(call: Call, ds: DataSource, prop: Property, one: Json, place: str) -> None:
    if "name" in one:
        rename(call, ds, prop, one["name"], f"{place}.name")
    if "description" in one:
        prop.description = _description(one, place)
    kind = columns.named_kind(one, place)
    if kind is None:
        problems.refuse_unknown(one, ("id", "name", "description"), place)
        return
    given = one.get(kind)
    if kind != prop.type:
        _retype(call, ds, prop, kind, given, place)
    elif kind in options.TYPES:
        options.replace(call.ws, prop, columns.checked(given, f"{place}.{kind}"), f"{place}.{kind}")
    else:
        prop.config = columns.config(call, ds, prop, given, f"{place}.{kind}", prop.config)


def rename(call: Call, ds: DataSource, prop: Property, name: Any, place: str) -> None:
    """Another name, the same id; the other side of a relation shows it too (observed: recorded)."""
    if not isinstance(name, str):
        raise problems.should_be(place, "a string", name)
    _refuse_taken(ds, name, prop)
    prop.name = name


def _retype(call: Call, ds: DataSource, prop: Property, kind: str, given: Any, place: str) -> None:
    """Another type, the same id (documented); values that have a counterpart are kept (assumed)."""
    if "title" in (kind, prop.type):
        raise problems.validation("Cannot change the type of the title property")
    before = _copy(prop)
    links.unlink(call, prop)
    prop.type = kind
    prop.config = columns.config(call, ds, prop, given, f"{place}.{kind}")
    conversions.convert(call.ws, ds, before, prop)
    columns.added(call, ds, prop, given or {})


def _refuse_taken(ds: DataSource, name: str, besides: Property | None) -> None:
    """Two columns never have one name (documented; the text is assumed)."""
    if any(prop.name == name and prop is not besides for prop in ds.properties.values()):
        raise problems.validation(f"Property with name {name} already exists.")


def _description(one: Json, place: str) -> str | None:
    text = one.get("description")
    if text is None:
        return None
    if not isinstance(text, str):
        raise problems.should_be(f"{place}.description", "a string or `null`", text)
    if rich_text.length(text) > MOST_DESCRIPTION:
        raise problems.too_long(f"{place}.description", MOST_DESCRIPTION, rich_text.length(text))
    return text or None


def _refuse_too_large(ws: Workspace, ds: DataSource) -> None:
    """50 KB for all columns; the largest is named with its id and bytes (documented; reported in part)."""
    sizes = {
        prop.id: len(json.dumps(rendered(ws, prop), ensure_ascii=False).encode("utf-8", "surrogatepass"))
        for prop in ds.properties.values()
    }
    if sum(sizes.values()) <= MOST_BYTES:
        return
    largest = max(ds.properties.values(), key=lambda prop: sizes[prop.id])
    raise problems.validation(
        "You have exceeded the maximum database property schema size. Largest property:"
        f' "{largest.name}" (id: {shown_id(largest)}, {sizes[largest.id]} bytes).'
    )
