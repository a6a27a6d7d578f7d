"""What the conditions of filters mean: for each kind of value, condition name -> test of a cell.

Observed (recorded, or asserted by ultimate-notion's tests of the real service): what says "does not" includes
empty cells, the comparing number conditions exclude them, text ignores case, dates compare by the minute, the
ranges of dates by the day with today in every one. Assumed: `equals` of text ignores case too, a date with a
time compares with a plain day by its day in UTC, a range is taken by its start, and a week begins on Sunday.
"""

import calendar
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.notion_emulator import problems
from tests.notion_emulator.cells import Moment, moment
from tests.notion_emulator.state import Json, normalised

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks and when: what `me`, `today` and `past_week` mean."""

    now: datetime
    actor: str


Maker = Callable[[Any, str, Asking], Test]
"""From a condition's argument, its place in the body and who asks to the test; raises Problem."""


def test_of(kind: str, condition: Any, place: str, asking: Asking) -> Test:
    """The test for e.g. {"equals": 3} of kind `number`."""
    makers = KINDS[kind]
    if not isinstance(condition, dict):
        raise problems.should_be(place, "an object", condition)
    names = [name for name in condition if name in makers]
    if not names:
        raise problems.fix_one([f"{place}.{name}" for name in makers])
    strays = [name for name in condition if name != names[0]]
    if strays:
        raise problems.should_be(f"{place}.{strays[0]}", "not present", condition[strays[0]])
    name = names[0]
    return makers[name](condition[name], f"{place}.{name}", asking)


def _text(argument: Any, place: str) -> str:
    if not isinstance(argument, str):
        raise problems.should_be(place, "a string", argument)
    return argument.casefold()


def _number(argument: Any, place: str) -> float:
    if isinstance(argument, bool) or not isinstance(argument, int | float):
        raise problems.should_be(place, "a number", argument)
    return argument


def _boolean(argument: Any, place: str) -> bool:
    if not isinstance(argument, bool):
        raise problems.should_be(place, "a boolean", argument)
    return argument


def _names(argument: Any, place: str) -> set[str]:
    """One option name or, since April 2026, several: any of them counts (documented, not observed)."""
    names = argument if isinstance(argument, list) else [argument]
    for name in names:
        if not isinstance(name, str):
            raise problems.should_be(place, "a string", name)
    if len(names) > 100:
        raise problems.too_long(place, 100, len(names))
    return set(names)


def _id(argument: Any, place: str, asking: Asking) -> str:
    if argument == "me":
        return asking.actor
    wanted = normalised(argument) if isinstance(argument, str) else None
    if wanted is None:
        raise problems.should_be(place, "a valid uuid", argument)
    return wanted


def _must_be_true(argument: Any, place: str) -> None:
    if argument is not True:
        raise problems.should_be(place, "`true`", argument)


def _is_empty(argument: Any, place: str, asking: Asking) -> Test:
    _must_be_true(argument, place)
    return _nothing_in


def _is_not_empty(argument: Any, place: str, asking: Asking) -> Test:
    _must_be_true(argument, place)
    return lambda cell: not _nothing_in(cell)


def _nothing_in(cell: Any) -> bool:
    return cell is None or cell == "" or cell == []


EXISTENCE: Mapping[str, Maker] = {"is_empty": _is_empty, "is_not_empty": _is_not_empty}


def _text_maker(holds: Callable[[str, str], bool]) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        wanted = _text(argument, place)
        return lambda cell: holds(cell.casefold(), wanted)

    return make


def _number_maker(holds: Callable[[Any, Any], bool], *, with_empty: bool = False) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        wanted = _number(argument, place)
        return lambda cell: with_empty if cell is None else holds(cell, wanted)

    return make


def _checkbox_maker(holds: Callable[[bool, bool], bool]) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        wanted = _boolean(argument, place)
        return lambda cell: holds(cell, wanted)

    return make


def _option_maker(*, within: bool) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        wanted = _names(argument, place)
        return lambda cell: wanted.isdisjoint(cell) is not within

    return make


def _id_maker(*, within: bool) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        wanted = _id(argument, place, asking)
        return lambda cell: (wanted in cell) is within

    return make


def _date_maker(holds: Callable[[Any, Any], bool]) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        wanted = _asked_moment(argument, place, asking)
        return lambda cell: cell is not None and holds(*_comparable(cell, wanted))

    return make


def _comparable(cell: Moment, wanted: Moment) -> tuple[Any, Any]:
    if cell.is_day or wanted.is_day:
        return cell.day, wanted.day
    return cell.at, wanted.at


def _asked_moment(argument: Any, place: str, asking: Asking) -> Moment:
    if not isinstance(argument, str):
        raise problems.should_be(place, "a string", argument)
    if argument in RELATIVE_DAYS:
        day = RELATIVE_DAYS[argument](asking.now.astimezone(UTC).date())
        return moment(day.isoformat())
    try:
        return moment(argument)
    except ValueError:
        raise problems.should_be(place, "a valid ISO 8601 date string", argument) from None


def months_from(day: date, months: int) -> date:
    """The same day so many months away, or the last of that month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


RELATIVE_DAYS: Mapping[str, Callable[[date], date]] = {
    "today": lambda day: day,
    "tomorrow": lambda day: day + timedelta(days=1),
    "yesterday": lambda day: day - timedelta(days=1),
    "one_week_ago": lambda day: day - timedelta(days=7),
    "one_week_from_now": lambda day: day + timedelta(days=7),
    "one_month_ago": lambda day: months_from(day, -1),
    "one_month_from_now": lambda day: months_from(day, 1),
}


def _this_week(day: date) -> tuple[date, date]:
    sunday = day - timedelta(days=(day.weekday() + 1) % 7)
    return sunday, sunday + timedelta(days=6)


def _range_maker(days: Callable[[date], tuple[date, date]]) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        if argument != {}:
            raise problems.should_be(place, "an empty object", argument)
        first, last = days(asking.now.astimezone(UTC).date())
        return lambda cell: cell is not None and first <= cell.day <= last

    return make


def _verification_maker(*, within: bool) -> Maker:
    def make(argument: Any, place: str, asking: Asking) -> Test:
        states = ("verified", "expired", "none")
        if argument not in states:
            raise problems.should_be(place, '`"verified"`, `"expired"`, or `"none"`', argument)
        return lambda cell: (_state(cell) == argument) is within

    return make


def _state(cell: Json | None) -> str:
    state = (cell or {}).get("state", "unverified")
    return "none" if state == "unverified" else str(state)


TEXT: Mapping[str, Maker] = {
    "equals": _text_maker(operator.eq),
    "does_not_equal": _text_maker(operator.ne),
    "contains": _text_maker(operator.contains),
    "does_not_contain": _text_maker(lambda cell, wanted: wanted not in cell),
    "starts_with": _text_maker(str.startswith),
    "ends_with": _text_maker(str.endswith),
    **EXISTENCE,
}
NUMBER: Mapping[str, Maker] = {
    "equals": _number_maker(operator.eq),
    "does_not_equal": _number_maker(operator.ne, with_empty=True),
    "greater_than": _number_maker(operator.gt),
    "less_than": _number_maker(operator.lt),
    "greater_than_or_equal_to": _number_maker(operator.ge),
    "less_than_or_equal_to": _number_maker(operator.le),
    **EXISTENCE,
}
DATE: Mapping[str, Maker] = {
    "equals": _date_maker(operator.eq),
    "before": _date_maker(operator.lt),
    "after": _date_maker(operator.gt),
    "on_or_before": _date_maker(operator.le),
    "on_or_after": _date_maker(operator.ge),
    "this_week": _range_maker(_this_week),
    "past_week": _range_maker(lambda day: (day - timedelta(days=7), day)),
    "past_month": _range_maker(lambda day: (months_from(day, -1), day)),
    "past_year": _range_maker(lambda day: (months_from(day, -12), day)),
    "next_week": _range_maker(lambda day: (day, day + timedelta(days=7))),
    "next_month": _range_maker(lambda day: (day, months_from(day, 1))),
    "next_year": _range_maker(lambda day: (day, months_from(day, 12))),
    **EXISTENCE,
}
KINDS: Mapping[str, Mapping[str, Maker]] = {
    "text": TEXT,
    "number": NUMBER,
    "checkbox": {"equals": _checkbox_maker(operator.eq), "does_not_equal": _checkbox_maker(operator.ne)},
    "option": {
        "equals": _option_maker(within=True),
        "does_not_equal": _option_maker(within=False),
        **EXISTENCE,
    },
    "options": {
        "contains": _option_maker(within=True),
        "does_not_contain": _option_maker(within=False),
        **EXISTENCE,
    },
    "date": DATE,
    "ids": {"contains": _id_maker(within=True), "does_not_contain": _id_maker(within=False), **EXISTENCE},
    "files": EXISTENCE,
    "verification": {
        "status": _verification_maker(within=True),
        "does_not_equal": _verification_maker(within=False),
    },
}
