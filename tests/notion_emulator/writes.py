"""Values that a client writes: which columns they are for, whether they fit, and what is stored of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.notion_emulator import dates, icons, options, problems, rich_text, tables
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import Json, Property, normalised

MOST_ITEMS = 100
MOST_CHARACTERS = {"url": 2000, "email": 200, "phone_number": 200}
WRITABLE = (
    "title",
    "rich_text",
    "number",
    "url",
    "select",
    "multi_select",
    "people",
    "email",
    "phone_number",
    "date",
    "checkbox",
    "relation",
    "files",
    "status",
    "place",
    "verification",
)


class Write(NamedTuple):
    """A value for a column, not yet stored."""

    prop: Property
    value: Any
    place: str


def check(columns: list[Property], given: Any, place: str) -> list[Write]:
    """Finds the column of each value. All that is wrong is said in one text, a sentence each (reported).

    A value's object under its type's name counts; `type`, `id`, `has_more` beside it are let pass (recorded).
    The title may come as a bare array (recorded).
    """
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object", given)
    by_key = _by_key(columns)
    found: list[Write] = []
    wrong: list[str] = []
    for name, value in given.items():
        prop = by_key.get(name)
        if prop is None:
            wrong.append(f"{name} is not a property that exists.")
        elif not _fits(prop, value, f"{place}.{name}"):
            wrong.append(f"{prop.name} is expected to be {prop.type}.")
        else:
            found.append(_write(prop, value, f"{place}.{name}"))
    if wrong:
        raise problems.validation(" ".join(wrong))
    return found


def stored(call: Call, write: Write) -> Any:
    """What the workspace keeps of a value; None and [] where it is emptied."""
    kind = write.prop.type
    place = f"{write.place}.{kind}"
    if kind in _LISTS:
        return _LISTS[kind](call, write.prop, _array(write.value, place), place)
    return _SINGLES[kind](call, write.prop, write.value, place)


def _by_key(columns: list[Property]) -> dict[str, Property]:
    from_id = {prop.id: prop for prop in columns}
    from_id.update({tables.encoded(prop.id): prop for prop in columns})
    return {**from_id, **{prop.name: prop for prop in columns}}


def _fits(prop: Property, value: Any, place: str) -> bool:
    if isinstance(value, list):
        return prop.type == "title"
    if not isinstance(value, dict):
        raise problems.should_be(place, "an object", value)
    if prop.type in value:
        return _right_kind(prop.type, value[prop.type])
    named = next((kind for kind in WRITABLE if kind in value), value.get("type"))
    if named is None:
        raise problems.fix_one([f"{place}.{kind}" for kind in WRITABLE])
    return False


def _right_kind(kind: str, value: Any) -> bool:
    """Whether the value is of the column's kind at all (reported: the same sentence as for another type)."""
    wanted = _KINDS.get(kind)
    if wanted is None:
        return True
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, wanted)


def _write(prop: Property, value: Any, place: str) -> Write:
    if prop.type not in WRITABLE:
        raise problems.should_be(f"{place}.{prop.type}", "not present", value[prop.type])
    return Write(prop, value if isinstance(value, list) else value[prop.type], place)


def _array(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise problems.should_be(place, "an array", value)
    if len(value) > MOST_ITEMS:
        raise problems.too_long(place, MOST_ITEMS, len(value))
    return value


def _as_it_is(call: Call, prop: Property, value: Any, place: str) -> Any:
    return value


def _rich_text(call: Call, prop: Property, value: list[Any], place: str) -> Any:
    return rich_text.read_form(value, place, call.ws)


def _text(call: Call, prop: Property, value: Any, place: str) -> str | None:
    """Text of url, email and phone columns; an empty one is refused (documented; the text is assumed)."""
    if value is None:
        return None
    most, got = MOST_CHARACTERS[prop.type], rich_text.length(value)
    if got > most:
        raise problems.too_long(place, most, got)
    if got == 0:
        raise problems.validation(
            f"body failed validation: {place}.length should be \u2265 `1`, instead was `0`."
        )
    return value


def _date(call: Call, prop: Property, value: Any, place: str) -> Json | None:
    return None if value is None else dates.read_form(value, place)


def _select(call: Call, prop: Property, value: Any, place: str) -> str | None:
    return None if value is None else options.pick(call.ws, prop, value, place)


def _multi_select(call: Call, prop: Property, value: list[Any], place: str) -> list[str]:
    chosen = [
        options.pick(call.ws, prop, _object(one, f"{place}[{number}]"), f"{place}[{number}]")
        for number, one in enumerate(value)
    ]
    return list(dict.fromkeys(chosen))


def _object(one: Any, place: str) -> Json:
    if not isinstance(one, dict):
        raise problems.should_be(place, "an object", one)
    return one


def _ids(value: list[Any], place: str) -> list[str]:
    found: list[str] = []
    for number, one in enumerate(value):
        given = _object(one, f"{place}[{number}]").get("id", problems.UNDEFINED)
        if given is problems.UNDEFINED:
            raise problems.should_be(f"{place}[{number}].id", "defined")
        known = normalised(given) if isinstance(given, str) else None
        if known is None:
            raise problems.should_be(f"{place}[{number}].id", "a valid uuid", given)
        found.append(known)
    return list(dict.fromkeys(found))


def _people(call: Call, prop: Property, value: list[Any], place: str) -> list[str]:
    """Users of the workspace; another id is refused (assumed)."""
    ids = _ids(value, place)
    for user_id in ids:
        if user_id not in call.ws.users:
            raise problems.not_found("user", user_id, call.actor)
    return ids


def _relation(call: Call, prop: Property, value: list[Any], place: str) -> list[str]:
    """Pages that the connection sees; another id answers 404 (documented)."""
    ids = _ids(value, place)
    for page_id in ids:
        if page_id not in call.ws.pages or page_id in call.ws.unshared:
            raise problems.not_found("page", page_id, call.actor)
    return ids


def _files(call: Call, prop: Property, value: list[Any], place: str) -> list[Json]:
    return [_file(call, _object(one, f"{place}[{n}]"), f"{place}[{n}]") for n, one in enumerate(value)]


def _file(call: Call, one: Json, place: str) -> Json:
    """A file by its address, uploaded, or given back as it was read."""
    shown = icons.file(call, one, place)
    name = one.get("name") or shown.get("name")
    if name is None:
        raise problems.should_be(f"{place}.name", "defined")
    if rich_text.length(name) > MOST_ITEMS:
        raise problems.too_long(f"{place}.name", MOST_ITEMS, rich_text.length(name))
    return {**shown, "name": name}


def _place(call: Call, prop: Property, value: Any, place: str) -> Json | None:
    """All six keys come back (observed: recorded)."""
    if value is None:
        return None
    for key in ("lat", "lon"):
        if isinstance(value.get(key), bool) or not isinstance(value.get(key), int | float):
            raise problems.should_be(f"{place}.{key}", "a number", value.get(key, problems.UNDEFINED))
    known = ("lat", "lon", "name", "address", "aws_place_id", "google_place_id")
    return {key: value.get(key) for key in known}


def _verification(call: Call, prop: Property, value: Any, place: str) -> Json | None:
    """Documented, not observed: verified by the connection, unverified by nobody."""
    if value is None or value.get("state") == "unverified":
        return {"state": "unverified", "date": None, "verified_by": None}
    if value.get("state") != "verified":
        raise problems.should_be(f"{place}.state", '`"verified"` or `"unverified"`', value.get("state"))
    until = value.get("date") or {"start": call.now.date().isoformat(), "end": None}
    by = rich_text.full_user(call.ws, call.actor)
    return {"state": "verified", "date": dates.read_form(until, f"{place}.date"), "verified_by": by}


Store = Callable[[Call, Property, Any, str], Any]
_LISTS: dict[str, Store] = {
    "title": _rich_text,
    "rich_text": _rich_text,
    "multi_select": _multi_select,
    "people": _people,
    "relation": _relation,
    "files": _files,
}
_SINGLES: dict[str, Store] = {
    "number": _as_it_is,
    "checkbox": _as_it_is,
    "url": _text,
    "email": _text,
    "phone_number": _text,
    "date": _date,
    "select": _select,
    "status": _select,
    "place": _place,
    "verification": _verification,
}
_NONE = type(None)
_KINDS: dict[str, Any] = {
    "title": list,
    "rich_text": list,
    "multi_select": list,
    "people": list,
    "relation": list,
    "files": list,
    "number": int | float | _NONE,
    "checkbox": bool,
    "url": str | _NONE,
    "email": str | _NONE,
    "phone_number": str | _NONE,
    "date": dict | _NONE,
    "select": dict | _NONE,
    "status": dict | _NONE,
    "place": dict | _NONE,
    "verification": dict | _NONE,
}
