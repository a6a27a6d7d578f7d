"""Dates inside formulas: worked out in UTC (assumed: Notion uses the reader's zone)."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.notion_emulator import dates
from tests.notion_emulator.state import Json

FIXED = {
    "weeks": timedelta(weeks=1),
    "days": timedelta(days=1),
    "hours": timedelta(hours=1),
    "minutes": timedelta(minutes=1),
    "seconds": timedelta(seconds=1),
}
MONTHS = {"years": 12, "quarters": 3, "months": 1}
FORMAT = re.compile(r"YYYY|YY|Y|MMMM|MMM|MM|M|DD|D|WW|W|HH|H|mm|m")
FORMATS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda at: f"{at.year:04d}",
    "YY": lambda at: f"{at.year % 100:02d}",
    "Y": lambda at: str(at.year),
    "MMMM": lambda at: at.strftime("%B"),
    "MMM": lambda at: at.strftime("%b"),
    "MM": lambda at: f"{at.month:02d}",
    "M": lambda at: str(at.month),
    "DD": lambda at: f"{at.day:02d}",
    "D": lambda at: str(at.day),
    "WW": lambda at: f"{at.isocalendar().week:02d}",
    "W": lambda at: str(at.isocalendar().week),
    "HH": lambda at: f"{at.hour:02d}",
    "H": lambda at: str(at.hour),
    "mm": lambda at: f"{at.minute:02d}",
    "m": lambda at: str(at.minute),
}


def moment(value: Json) -> datetime:
    """When a date begins."""
    at = datetime.fromisoformat(value["start"])
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def shown(at: datetime) -> Json:
    """A moment as a date value."""
    return {"start": dates.cut(at), "end": None, "time_zone": None}


def between(later: Json | None, earlier: Json | None, unit: str) -> int | None:
    """Whole units from the second date to the first, towards zero; nothing where a date is missing."""
    if later is None or earlier is None:
        return None
    first, second = moment(earlier), moment(later)
    if unit in FIXED:
        return int((second - first) / FIXED[unit])
    sign = 1 if second >= first else -1
    start, end = min(first, second), max(first, second)
    months = (end.year - start.year) * 12 + end.month - start.month
    months -= _moved(start, months) > end
    return sign * (months // MONTHS[unit])


def add(value: Json | None, amount: float, unit: str) -> Json | None:
    """The date so many units later; a day stays a day when days or more are added."""
    if value is None:
        return None
    at = moment(value)
    later = at + FIXED[unit] * amount if unit in FIXED else _moved(at, int(amount) * MONTHS[unit])
    if dates.DAY.match(value["start"]) and unit not in ("hours", "minutes", "seconds"):
        return {"start": later.date().isoformat(), "end": None, "time_zone": None}
    return shown(later)


def formatted(value: Json | None, form: str) -> str:
    """The date in the form of its letters, e.g. YYYY-MM-DD."""
    if value is None:
        return ""
    at = moment(value)
    return FORMAT.sub(lambda match: FORMATS[match[0]](at), form)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dateBetween": between,
    "dateAdd": add,
    "dateSubtract": lambda value, amount, unit: add(value, -amount, unit),
    "formatDate": formatted,
    "year": lambda value: moment(value).year,
    "month": lambda value: moment(value).month,
    "date": lambda value: moment(value).day,
    "day": lambda value: moment(value).isoweekday(),
    "hour": lambda value: moment(value).hour,
    "minute": lambda value: moment(value).minute,
}
RESULTS = {
    **dict.fromkeys(("dateBetween", "year", "month", "date", "day", "hour", "minute"), "number"),
    **dict.fromkeys(("dateAdd", "dateSubtract", "now"), "date"),
}


def _moved(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))
