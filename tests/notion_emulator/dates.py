"""Dates: the form clients write turned into the form Notion gives back, cut to the minute."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.notion_emulator import problems
from tests.notion_emulator.state import Json

DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?\Z")


def read_form(given: Any, place: str) -> Json:
    """{start, end, time_zone}. A zone's name becomes an offset and `time_zone` null (observed: recorded)."""
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object", given)
    if given.get("start") is None:
        raise problems.should_be(f"{place}.start", "defined", given.get("start", problems.UNDEFINED))
    zone = _zone(given.get("time_zone"), f"{place}.time_zone")
    end = given.get("end")
    return {
        "start": _moment(given["start"], zone, f"{place}.start"),
        "end": None if end is None else _moment(end, zone, f"{place}.end"),
        "time_zone": None,
    }


def cut(moment: datetime) -> str:
    """A date-time as property values show it: minutes, and the offset it was written with."""
    offset = moment.strftime("%z") or "+0000"
    return f"{moment.strftime('%Y-%m-%dT%H:%M')}:00.000{offset[:3]}:{offset[3:5]}"


def _moment(given: Any, zone: ZoneInfo | None, place: str) -> str:
    """A day as it is; a date-time cut. Without offset and zone it counts as UTC (assumed)."""
    if isinstance(given, str) and DAY.match(given) and _is_day(given):
        return given
    if not isinstance(given, str) or not TIME.match(given):
        raise _bad(given, place)
    try:
        moment = datetime.fromisoformat(given.replace(",", "."))
    except ValueError:
        raise _bad(given, place) from None
    if zone is not None:
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    return cut(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _is_day(given: str) -> bool:
    try:
        date.fromisoformat(given)
    except ValueError:
        return False
    return True


def _bad(given: Any, place: str) -> problems.Problem:
    """Observed: reported in public threads."""
    return problems.should_be(place, "a valid ISO 8601 date string", given)


def _zone(name: Any, place: str) -> ZoneInfo | None:
    if name is None:
        return None
    zone = _named(name) if isinstance(name, str) else None
    if zone is None:
        raise problems.should_be(place, "a valid time zone", name)
    return zone


@lru_cache(maxsize=128)
def _named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None
