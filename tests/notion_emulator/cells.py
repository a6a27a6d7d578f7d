"""What filters and sorts compare: a row's value in a column as plain Python.

title, rich_text, url, email, phone_number   str, "" when empty
number, unique_id                            int, float or None
checkbox                                     bool
select, status, multi_select                 names of the options in order; a status adds its group's name
date, created_time, last_edited_time         Moment or None
people, relation, created_by, last_edited_by list of ids
files                                        list of file objects
formula, rollup, verification                the object as Notion shows it
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tests.notion_emulator import options, values
from tests.notion_emulator.state import Json, Page, Property, Workspace

Reading = Callable[[Page], Any]

TEXT = ("title", "rich_text", "url", "email", "phone_number")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a minute of one, in UTC: what is written with seconds is stored and compared without them."""

    at: datetime
    is_day: bool

    @property
    def day(self) -> date:
        """The day in UTC."""
        return self.at.date()


def moment(text: str) -> Moment:
    """Reads an ISO 8601 date or date-time; without an offset it is UTC (documented). Raises ValueError."""
    read = datetime.fromisoformat(text)
    at = read if read.tzinfo else read.replace(tzinfo=UTC)
    return minute_of(at, is_day=len(text) == len("2026-01-01"))


def minute_of(at: datetime, *, is_day: bool = False) -> Moment:
    """The moment cut to its minute."""
    return Moment(at.astimezone(UTC).replace(second=0, microsecond=0), is_day)


def reading(ws: Workspace, prop: Property) -> Reading:
    """The function that gives a row's value in this column."""
    if prop.type in ("select", "status", "multi_select"):
        return _option_reading(prop)
    if prop.type in _OF_PAGE:
        return _OF_PAGE[prop.type]
    if prop.type in ("formula", "rollup", "verification"):
        return lambda page: values.rendered(ws, page, prop)[prop.type]
    return lambda page: from_shown(prop.type, page.properties.get(prop.id))


def from_shown(type_name: str, value: Any) -> Any:
    """A value in the form Notion shows it (an element of a rollup, or stored that way) as plain Python."""
    if type_name in ("title", "rich_text"):
        return "".join(item.get("plain_text", "") for item in value or [])
    if type_name in TEXT or type_name == "string":
        return value or ""
    if type_name in ("date", "created_time", "last_edited_time"):
        return _moment_shown(value)
    if type_name == "checkbox":
        return bool(value)
    if type_name in ("select", "status"):
        return [value["name"]] if value else []
    if type_name == "multi_select":
        return [option["name"] for option in value or []]
    if type_name == "unique_id" and isinstance(value, dict):
        return value["number"]
    if type_name in ("people", "relation"):
        return [one["id"] if isinstance(one, dict) else one for one in value or []]
    return value or [] if type_name == "files" else value


def _moment_shown(value: str | Json | None) -> Moment | None:
    text = value["start"] if isinstance(value, dict) else value
    return moment(text) if text else None


_OF_PAGE: dict[str, Reading] = {
    "created_time": lambda page: minute_of(page.created_time),
    "last_edited_time": lambda page: minute_of(page.last_edited_time),
    "created_by": lambda page: [page.created_by],
    "last_edited_by": lambda page: [page.last_edited_by],
}


def timestamp_reading(name: str) -> Reading:
    """A page's own created_time or last_edited_time, whatever columns there are."""
    return _OF_PAGE[name]


def _option_reading(prop: Property) -> Reading:
    labels = _labels(prop)
    if prop.type == "multi_select":
        return lambda page: [labels[one][0] for one in page.properties.get(prop.id) or [] if one in labels]
    default = (options.default_status(prop) if prop.type == "status" else None) or ""
    return lambda page: labels.get(page.properties.get(prop.id) or default, [])


def _labels(prop: Property) -> dict[str, list[str]]:
    """Option id -> its name, and the name of its group where there are groups."""
    labels = {option["id"]: [option["name"]] for option in prop.config.get("options", [])}
    for group in prop.config.get("groups", []):
        for option_id in group["option_ids"]:
            labels.setdefault(option_id, []).append(group["name"])
    return labels
