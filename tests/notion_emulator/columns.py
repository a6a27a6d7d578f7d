"""What each type of column holds: its write form checked and turned into its read form."""

from typing import Any

from tests.notion_emulator import formulas, links, options, problems
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Json, Property

EMPTY = (
    "title",
    "rich_text",
    "date",
    "people",
    "files",
    "checkbox",
    "url",
    "email",
    "phone_number",
    "created_time",
    "created_by",
    "last_edited_time",
    "last_edited_by",
    "place",
    "verification",
    "button",
)
NAMES = """
    number number_with_commas percent dollar australian_dollar canadian_dollar singapore_dollar euro pound
    yen ruble rupee won yuan real lira rupiah franc hong_kong_dollar new_zealand_dollar krona
    norwegian_krone mexican_peso rand new_taiwan_dollar danish_krone zloty baht forint koruna shekel
    chilean_peso philippine_peso dirham colombian_peso riyal ringgit leu argentine_peso uruguayan_peso
    peruvian_sol bitcoin
"""
TYPES = (*EMPTY, *options.TYPES, "number", "formula", "relation", "rollup", "unique_id")
FORMATS = frozenset(NAMES.split())


def kind_of(given: Any, place: str) -> str:
    """The type that a new column's write form is of."""
    kind = named_kind(given, place)
    if kind is None:
        raise problems.fix_one([f"{place}.{kind}" for kind in TYPES])
    return kind


def named_kind(given: Any, place: str) -> str | None:
    """The type that a column's write form names, by its object or by `type` alone."""
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object", given)
    kind = next((kind for kind in TYPES if kind in given), given.get("type"))
    if kind is not None and kind not in TYPES:
        raise problems.should_be(f"{place}.type", "a known property type", kind)
    return kind


def checked(given: Any, place: str) -> Json:
    """The object under the type's name; absent and null count as empty."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object", given)
    return given


def config(
    call: Call, ds: DataSource, prop: Property, given: Any, place: str, old: Json | None = None
) -> Json:
    """The read form of a column's object. `old`: what it was, where the column keeps its type."""
    body = checked(given, place)
    if prop.type in EMPTY:
        return {}
    if prop.type in options.TYPES:
        return options.config(call.ws, prop.type, body, place)
    return _CONFIGS[prop.type](call, ds, prop, body, place, old)


def added(call: Call, ds: DataSource, prop: Property, given: Json) -> None:
    """What follows from a new column: the other side of a relation, numbers for the rows (assumed)."""
    if prop.type == "relation":
        links.link(call, ds, prop, given)
    if prop.type == "unique_id":
        for page_id in call.ws.rows.get(ds.id, ()):
            call.ws.pages[page_id].properties[prop.id] = ds.next_unique_id
            ds.next_unique_id += 1


def _number(call: Call, ds: DataSource, prop: Property, body: Json, place: str, old: Json | None) -> Json:
    wanted = body.get("format") or (old or {}).get("format", "number")
    if not isinstance(wanted, str) or wanted not in FORMATS:
        known = ", ".join(f'`"{one}"`' for one in sorted(FORMATS))
        raise problems.should_be(f"{place}.format", f"{known}, or `undefined`", wanted)
    return {"format": wanted}


def _unique_id(call: Call, ds: DataSource, prop: Property, body: Json, place: str, old: Json | None) -> Json:
    """An object without `prefix` leaves the one there is (observed: recorded)."""
    prefix = body.get("prefix", (old or {}).get("prefix"))
    if prefix is not None and not isinstance(prefix, str):
        raise problems.should_be(f"{place}.prefix", "a string or `null`", prefix)
    return {"prefix": prefix or None}


def _formula(call: Call, ds: DataSource, prop: Property, body: Json, place: str, old: Json | None) -> Json:
    expression = body.get("expression", (old or {}).get("expression", ""))
    if not isinstance(expression, str):
        raise problems.should_be(f"{place}.expression", "a string", expression)
    return {"expression": formulas.stored(call.ws, ds, expression)}


def _relation(call: Call, ds: DataSource, prop: Property, body: Json, place: str, old: Json | None) -> Json:
    return links.relation(call, body, place, old)


def _rollup(call: Call, ds: DataSource, prop: Property, body: Json, place: str, old: Json | None) -> Json:
    return links.rollup(call, ds, body, place, old)


_CONFIGS = {
    "number": _number,
    "unique_id": _unique_id,
    "formula": _formula,
    "relation": _relation,
    "rollup": _rollup,
}
