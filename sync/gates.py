"""Size rules before a write: a plan that changes too much at once is refused until its digest is accepted."""

import re
from collections import Counter
from collections.abc import Sequence

from schemas.errors import BadUsage, StalePlan, TooManyChanges
from schemas.record import COLUMNS
from sync.cells import is_empty
from sync.changes import SHOWN_DIGITS, Plan
from sync.diff import Action
from sync.table import Row

MAX_PERCENT = 30
"""Share of rows, or of one column's values, that one run may overwrite unasked (octodns' figure)."""
MIN_ROWS = 10
"""Smaller tables and columns are not measured: a person sees them whole."""
MIN_CREATES = 20
"""New rows that any table may get at once."""


def check_gates(plan: Plan, rows: Sequence[Row], *, local: bool, accept: str | None, import_: bool) -> None:
    """Passes a plan of ordinary size, or the one that was accepted.

    `accept`: at least 8 hex digits of the digest of the plan that was approved. Raises StalePlan when this
    plan is another one, TooManyChanges with the numbers, BadUsage when `accept` is no digest.
    """
    if accept is not None:
        _check_accepted(plan, accept)
        return
    _check_overwrites(plan, rows)
    if rows and not local and not import_:
        _check_creates(plan, rows)


def _check_accepted(plan: Plan, accept: str) -> None:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{SHOWN_DIGITS},64}}", accept):
        raise BadUsage(
            f"--accept: want at least {SHOWN_DIGITS} hex digits of a plan's digest, got {accept!r}",
            fix=f"--accept {plan.short_digest}",
        )
    if not plan.digest.startswith(accept.lower()):
        raise StalePlan(
            f"--accept {accept[:SHOWN_DIGITS]}: the plan is {plan.short_digest} by now",
            where=plan.ref.title,
            fix=f"read the plan again, then --accept {plan.short_digest}",
            wrote="nothing",
        )


def _check_overwrites(plan: Plan, rows: Sequence[Row]) -> None:
    if len(rows) < MIN_ROWS:
        return
    overwritten = [
        [cell.field for cell in change.cells if cell.action is Action.UPDATE] for change in plan.changes
    ]
    _check_share(plan, sum(map(bool, overwritten)), len(rows), "rows")
    for field, count in sorted(Counter(field for fields in overwritten for field in fields).items()):
        filled = sum(1 for row in rows if not is_empty(row.cells.get(field)))
        if filled >= MIN_ROWS:
            _check_share(plan, count, filled, f'values of "{COLUMNS[field].name}"')


def _check_share(plan: Plan, count: int, total: int, of_what: str) -> None:
    if count * 100 > MAX_PERCENT * total:
        share = f"{count} of {total} {of_what} ({100 * count / total:.0f} %)"
        raise _too_many(plan, f"{share} would be overwritten, at most {MAX_PERCENT} % pass unasked")


def too_many_new(plan: Plan, rows: Sequence[Row]) -> bool:
    """Whether a plan adds more rows than pass unasked."""
    return plan.summary["add"] > _most_new(rows)


def _most_new(rows: Sequence[Row]) -> int:
    return max(MIN_CREATES, MAX_PERCENT * len(rows) // 100)


def _check_creates(plan: Plan, rows: Sequence[Row]) -> None:
    most = _most_new(rows)
    if plan.summary["add"] > most:
        what = f"{plan.summary['add']} rows would be added to {len(rows)}, at most {most} pass unasked"
        raise _too_many(plan, what, " or --import")


def _too_many(plan: Plan, what: str, also: str = "") -> TooManyChanges:
    fix = f"read the plan with --dry-run, then add --accept {plan.short_digest}{also}"
    return TooManyChanges(f"sync: {what}", where=plan.ref.title, fix=fix, wrote="nothing")
