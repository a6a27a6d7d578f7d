"""How long a read proves nothing: a create may be carried out, or be seen, long after it was sent. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sync.base import parse_base
from sync.notion.journal import Remembered
from sync.table import Row

QUARANTINE = timedelta(seconds=210)
"""A write may still be carried out for 60 s, and not be seen by a query for 150 s more."""
_MINUTE = timedelta(minutes=1)
"""What times of pages are cut to."""

Page = Mapping[str, Any]


def foreign_until(
    pages: Collection[Page], rows: Collection[Row], state: Remembered, now: datetime
) -> datetime | None:
    """When the quarantine of another machine's last write ends; None without one.

    `rows`: those of `pages`, in order. A write is taken to be at the end of its minute.
    """
    bots = _bots(pages, rows, state)
    edits = [
        (edited, row.base)
        for page, row in zip(pages, rows, strict=True)
        if (edited := _edited(page)) > now - QUARANTINE - _MINUTE
        and _user(page, "last_edited_by") in bots
        and _is_foreign(page["id"], edited, state)
    ]
    edits.sort(key=lambda edit: edit[0], reverse=True)
    latest = next((edited for edited, base in edits if parse_base(base) is not None), None)
    return latest + _MINUTE + QUARANTINE if latest else None


def _bots(pages: Collection[Page], rows: Collection[Row], state: Remembered) -> set[str | None]:
    """The user we write as, where an answer said so; else those who created rows that carry a base."""
    if state.bot is not None:
        return {state.bot}
    return {_user(page, "created_by") for page, row in zip(pages, rows, strict=True) if row.base}


def _is_foreign(page_id: str, edited: datetime, state: Remembered) -> bool:
    """Whether an edit is none of ours: it is later, or its row is one that this machine does not know."""
    ours = state.last_write and state.last_write.replace(second=0, microsecond=0)
    return ours is None or edited > ours or (edited == ours and page_id not in state.pages.values())


def _edited(page: Page) -> datetime:
    return datetime.fromisoformat(page["last_edited_time"])


def _user(page: Page, who: str) -> str | None:
    return (page.get(who) or {}).get("id")
