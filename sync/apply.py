"""Apply: the cells of a plan to the table, one write per changed row, its base in the same write."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.evidence import Scalar
from schemas.record import COLUMNS, Own
from sync.base import Agreed, format_base, parse_base
from sync.cells import cell_hash
from sync.changes import Change, Plan
from sync.table import Outcome, RowResult, RowWrite, Schema, Table


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each row that was to be written, in the plan's order, and what it took."""

    results: tuple[RowResult, ...]
    requests: Mapping[str, float]

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many rows each outcome had; 0 where none."""
        return Counter(result.outcome for result in self.results)

    @property
    def unfinished(self) -> tuple[RowResult, ...]:
        """The rows that were not written."""
        return tuple(r for r in self.results if r.outcome not in (Outcome.CREATED, Outcome.UPDATED))


def apply_plan(plan: Plan, table: Table, progress: Callable[[int, int], None]) -> Applied:
    """Writes what the plan says and nothing else; `progress` gets (rows done, rows in all).

    Held cells and conflicts are not sent. Nothing is deleted or cleared. A row whose cells moved since the
    plan is stale and not written. Raises what the table raises when it gives up.
    """
    schema = table.schema()
    writes = [write_of(change, schema, change.row_base) for change in plan.changes if change.is_written]
    results = table.write(writes, lambda done: progress(done, len(writes))) if writes else []
    return Applied(tuple(results), dict(table.requests))


def write_of(change: Change, schema: Schema, base: str | None) -> RowWrite:
    """The write of one row. `base`: the text the row has; what is not written keeps its entries."""
    written = change.written
    values: dict[str, Scalar] = {cell.field: cell.desired for cell in written}
    expect: dict[str, Scalar | None] = {cell.field: cell.current for cell in written}
    _assert_owned(change.key, values, schema)
    agreed = dict(parse_base(base) or {})
    for field, now in change.agreed:
        agreed[field] = Agreed(schema.bound[field], now)
    for field, value in values.items():
        if COLUMNS[field].own is Own.SHARED:
            agreed[field] = Agreed(schema.bound[field], cell_hash(value))
    if change.row_id is None:
        values = {"key": change.key, **values}
    return RowWrite(change.row_id, change.key, values, format_base(agreed), expect)


def _assert_owned(key: str, values: Mapping[str, Scalar | None], schema: Schema) -> None:
    """Stops a bug before the socket: only our own columns, bound, never cleared, never the key."""
    foreign = values.keys() - (COLUMNS.keys() & schema.bound.keys() - {"key"})
    if foreign or None in values.values():
        raise AssertionError(f"{key}: not ours to write: {sorted(foreign) or 'an empty value'}")
