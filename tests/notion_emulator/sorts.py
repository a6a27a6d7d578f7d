"""Sorts of queries and views: by columns or by a page's own times, the earlier sort before the later.

Names and other texts are in natural order, so that "Article 4" is before "Article 10" (observed: recorded).
Empty cells come last, whichever the direction (observed: reported in a public thread). Assumed, since no
recording shows them: options are in the order of the column, and ties keep the newest first.
"""

import re
from collections.abc import Callable
from typing import Any

from tests.notion_emulator import cells, problems, schema
from tests.notion_emulator.cells import TEXT, Moment
from tests.notion_emulator.filters import TIMESTAMPS
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Json, Page, Property, Workspace

Key = Callable[[Page], Any]
"""Gives what to order by, or None for an empty cell."""
Order = Callable[[list[Page]], list[Page]]

MOST_SORTS = 100
DIRECTIONS = ("ascending", "descending")


def compiled(call: Call, source: DataSource, asked: Any, place: str = "body.sorts") -> Order:
    """The function that puts rows in order; None and [] leave them as they are."""
    if asked is None:
        return list
    if not isinstance(asked, list):
        raise problems.should_be(place, "an array or `undefined`", asked)
    if len(asked) > MOST_SORTS:
        raise problems.too_long(place, MOST_SORTS, len(asked))
    steps = [_step(call.ws, source, sort, f"{place}[{position}]") for position, sort in enumerate(asked)]

    def order(rows: list[Page]) -> list[Page]:
        for key, descending in reversed(steps):
            rows = _sorted(rows, key, descending)
        return rows

    return order


def _sorted(rows: list[Page], key: Key, descending: bool) -> list[Page]:
    keyed = [(key(row), row) for row in rows]
    filled = [pair for pair in keyed if pair[0] is not None]
    filled.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in filled] + [row for found, row in keyed if found is None]


def _step(ws: Workspace, source: DataSource, sort: Any, place: str) -> tuple[Key, bool]:
    if not isinstance(sort, dict):
        raise problems.should_be(place, "an object", sort)
    by = next((name for name in ("property", "timestamp") if name in sort), None)
    if by is None:
        raise problems.fix_one([f"{place}.property", f"{place}.timestamp"])
    problems.refuse_unknown(sort, (by, "direction"), place)
    return _key(ws, source, by, sort[by], place), _is_descending(sort, place)


def _is_descending(sort: Json, place: str) -> bool:
    direction = sort.get("direction", problems.UNDEFINED)
    if direction is problems.UNDEFINED:
        raise problems.should_be(f"{place}.direction", "defined")
    if direction not in DIRECTIONS:
        raise problems.should_be(f"{place}.direction", '`"ascending"` or `"descending"`', direction)
    return bool(direction == "descending")


def _key(ws: Workspace, source: DataSource, by: str, named: Any, place: str) -> Key:
    if by == "timestamp":
        if named not in TIMESTAMPS:
            raise problems.should_be(f"{place}.timestamp", '`"created_time"` or `"last_edited_time"`', named)
        return _reader(cells.timestamp_reading(named), _moment_key)
    if not isinstance(named, str):
        raise problems.should_be(f"{place}.property", "a string", named)
    prop = schema.find(source, named)
    if prop is None:
        raise problems.validation(f"Could not find sort property with name or id: {named}")
    return _reader(cells.reading(ws, prop), _comparable(ws, prop))


def _reader(read: cells.Reading, comparable: Callable[[Any], Any]) -> Key:
    return lambda page: comparable(read(page))


def _comparable(ws: Workspace, prop: Property) -> Callable[[Any], Any]:
    """From a cell of this column to what orders it."""
    if prop.type in TEXT:
        return natural
    if prop.type in ("select", "status", "multi_select"):
        return _option_key(prop)
    if prop.type in ("people", "created_by", "last_edited_by"):
        return lambda ids: _first_text([_user_name(ws, one) for one in ids])
    if prop.type == "relation":
        return lambda ids: _first_text([_title(ws, one) for one in ids])
    if prop.type == "files":
        return lambda files: _first_text([one.get("name", "") for one in files])
    if prop.type in ("formula", "rollup"):
        return _shown_key
    if prop.type in ("date", "created_time", "last_edited_time"):
        return _moment_key
    return _plain_key


def natural(text: str) -> tuple[tuple[bool, int, str], ...] | None:
    """Text in natural order: runs of digits count as numbers, case does not count; None for no text."""
    if not text:
        return None
    parts = re.split(r"(\d+)", text.casefold())
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part)


def _first_text(texts: list[str]) -> Any:
    return natural(texts[0]) if texts else None


def _option_key(prop: Property) -> Callable[[list[str]], Any]:
    places = {option["name"]: place for place, option in enumerate(prop.config.get("options", []))}
    return lambda names: places.get(names[0]) if names else None


def _user_name(ws: Workspace, user_id: str) -> str:
    user = ws.users.get(user_id)
    return (user.name if user else None) or ""


def _title(ws: Workspace, page_id: str) -> str:
    page = ws.pages.get(page_id)
    return cells.from_shown("title", page.properties.get("title")) if page else ""


def _moment_key(cell: Moment | None) -> Any:
    return cell.at if cell else None


def _plain_key(cell: Any) -> Any:
    return cell


def _shown_key(cell: Json) -> Any:
    """A formula's or rollup's result; arrays by their first element (assumed)."""
    type_name = cell["type"]
    if type_name == "array":
        first = cell["array"][:1]
        return _shown_key(first[0]) if first else None
    value = cells.from_shown("checkbox" if type_name == "boolean" else type_name, cell.get(type_name))
    if isinstance(value, Moment):
        return _moment_key(value)
    return natural(value) if isinstance(value, str) else value
