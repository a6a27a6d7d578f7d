"""Lists given out page by page: page sizes, cursors and the envelope around the results.

Two kinds of cursor. Everywhere the next object's own uuid (observed: recorded for block children); in query
and search results `s:<session>:<uuid>`, where the session keeps the order of the first page. A session that
has expired answers like an invented cursor (observed: reported in public threads, which also say that these
cursors are bound to their session since April 2026).
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from tests.notion_emulator import problems
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import Json, normalised

T = TypeVar("T")
Source = Literal["body", "query"]

MOST_RESULTS = 100
MOST_SESSIONS = 200


def listing(
    call: Call,
    objects: Sequence[T],
    show: Callable[[T], Json],
    type_name: str,
    *,
    source: Source,
    key: str = "",
) -> Json:
    """One page of `objects` in Notion's envelope; only the part that is given out is shown.

    `source` says where page_size and start_cursor come from. `key` names the list when its objects have no
    ids of their own (the items of a property).
    """
    part, next_cursor = page_of(call, objects, source=source, key=key)
    return envelope([show(one) for one in part], next_cursor, type_name)


def envelope(results: list[Json], next_cursor: str | None, type_name: str) -> Json:
    """The list object (observed: recorded)."""
    return {
        "object": "list",
        "results": results,
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
        "type": type_name,
        type_name: {},
    }


def page_of(
    call: Call, objects: Sequence[T], *, source: Source, key: str = ""
) -> tuple[Sequence[T], str | None]:
    """The objects of this page and the cursor of the next one."""
    size = page_size(call, source)
    cursor = start_cursor(call, source)
    start = 0 if cursor is None else _position(objects, cursor, key)
    end = start + size
    more = end < len(objects)
    return objects[start:end], _id_of(objects[end], end, key) if more else None


def _position(objects: Sequence[Any], cursor: str, key: str) -> int:
    wanted = normalised(cursor)
    for position, one in enumerate(objects):
        if wanted is not None and _id_of(one, position, key) == wanted:
            return position
    raise invalid_cursor(cursor)


def _id_of(one: Any, position: int, key: str) -> str:
    found = one.get("id") if isinstance(one, Mapping) else getattr(one, "id", None)
    if not key and isinstance(found, str) and normalised(found):
        return found
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}:{position}"))


def page_size(call: Call, source: Source) -> int:
    """How many results this page has at most: asked for, 100 at most, and never more than the knob allows."""
    return min(_asked_size(call, source), call.ws.knobs.max_page_size)


def _asked_size(call: Call, source: Source) -> int:
    asked = _given(call, source, "page_size")
    if asked is None:
        return MOST_RESULTS
    if source == "query":
        asked = _number(asked)
    place = f"{source}.page_size"
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise problems.should_be(place, "a number or `undefined`", asked, part=source)
    if asked > MOST_RESULTS:
        raise problems.should_be(place, f"\u2264 `{MOST_RESULTS}` or `undefined`", asked, part=source)
    if asked < 1 or asked != int(asked):
        raise problems.should_be(place, "\u2265 `1` or `undefined`", asked, part=source)
    return int(asked)


def _number(text: Any) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def start_cursor(call: Call, source: Source) -> str | None:
    """The cursor asked for. Lists under /v1/users and bodies take any text, other paths only uuids.

    Observed: reported in public threads, with both texts.
    """
    cursor = _given(call, source, "start_cursor")
    if cursor is None:
        return None
    place = f"{source}.start_cursor"
    if not isinstance(cursor, str):
        raise problems.should_be(place, "a string or `undefined`", cursor, part=source)
    takes_any_text = source == "body" or call.path.startswith("/v1/users")
    if not takes_any_text and normalised(cursor) is None:
        raise problems.should_be(place, "a valid uuid or `undefined`", cursor, part=source)
    return cursor


def _given(call: Call, source: Source, name: str) -> Any:
    """The last value of a query parameter, or the body's field; a null cursor is none."""
    if source == "query":
        return dict(call.query).get(name)
    if name not in call.body or (name == "start_cursor" and call.body[name] is None):
        return None
    value = call.body[name]
    if value is None:
        raise problems.should_be(f"body.{name}", "a number or `undefined`", None)
    return value


def invalid_cursor(cursor: str) -> problems.Problem:
    """For a cursor that was never given out or has expired (observed: reported in public threads)."""
    return problems.validation(f"The start_cursor provided is invalid: {cursor}")


@dataclass(slots=True)
class Session:
    """The order of results as the first page found it, and the cursors given out so far."""

    id: str
    ids: list[str]
    asked: str
    started: datetime
    capped: bool = False
    given: dict[str, int] = field(default_factory=dict)
    """Cursor -> position of the first result of its page."""


def session_for(call: Call, order: Callable[[], tuple[list[str], bool]]) -> tuple[Session, int]:
    """The session and position a query or search goes on with; `order` is called for a first page alone.

    `order` gives all ids in order and whether the cap cut some off. A cursor belongs to the question it was
    given for: another filter, sort or query refuses it (assumed).
    """
    cursor = start_cursor(call, "body")
    if cursor is None:
        ids, capped = order()
        return Session(call.ws.ids.uuid(), ids, _asked(call), call.now, capped), 0
    session = call.ws.cursor_sessions.get(_session_id(cursor))
    if session is None or cursor not in session.given or session.asked != _asked(call):
        raise invalid_cursor(cursor)
    if _has_expired(call, session, cursor):
        raise invalid_cursor(cursor)
    return session, session.given[cursor]


def _session_id(cursor: str) -> str:
    parts = cursor.split(":")
    return parts[1] if len(parts) == 3 and parts[0] == "s" else ""


def _asked(call: Call) -> str:
    question = {name: value for name, value in call.body.items() if name not in ("start_cursor", "page_size")}
    return json.dumps([call.path, question], sort_keys=True)


def _has_expired(call: Call, session: Session, cursor: str) -> bool:
    """By the knobs: so many seconds after the first page, or so many pages (no figure is published)."""
    knobs = call.ws.knobs
    age_s = (call.now - session.started).total_seconds()
    if knobs.cursor_life_s is not None and age_s > knobs.cursor_life_s:
        return True
    pages_before = list(session.given).index(cursor) + 1
    return knobs.cursor_pages is not None and pages_before >= knobs.cursor_pages


def session_page(call: Call, session: Session, start: int) -> tuple[list[str], str | None]:
    """The ids of this page and the cursor of the next."""
    end = start + page_size(call, "body")
    if end >= len(session.ids):
        return session.ids[start:], None
    cursor = f"s:{session.id}:{session.ids[end]}"
    session.given.setdefault(cursor, end)
    _remember(call, session)
    return session.ids[start:end], cursor


def _remember(call: Call, session: Session) -> None:
    sessions = call.ws.cursor_sessions
    sessions[session.id] = session
    while len(sessions) > MOST_SESSIONS:
        del sessions[next(iter(sessions))]
