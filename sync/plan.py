"""The plan: records against rows, cell by cell. Pure; nothing here is written or read anywhere.

Most rows of a table equal their record. They are told by comparing two tuples; base, evidence and hashes are
looked at only for cells that differ.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from schemas.errors import BadModel, BadTable, BadValue, Refused, RegistryError, StalePlan
from schemas.evidence import Scalar, Value
from schemas.record import COLUMNS, ModelRecord, Own
from sync.base import Base, agreed_hash, parse_base
from sync.cells import all_writable, cell_hash, same, unwritable
from sync.changes import SUMMARY, Cell, Change, Plan, build_plan, columns_of
from sync.diff import WRITTEN, Action, classify
from sync.document import load_plan, plan_document
from sync.files import FileChange
from sync.table import Row, Schema, TableRef

__all__ = ["Cell", "Change", "Plan", "check_fresh", "load_plan", "make_plan", "plan_document"]

Evidence = Callable[[str, str], Value | None]
Cells = tuple[Scalar | None, ...]
Getter = Callable[[Mapping[str, object]], Cells]


def make_plan(
    records: Iterable[ModelRecord],
    rows: Sequence[Row],
    schema: Schema,
    ref: TableRef,
    evidence: Evidence,
    files: Sequence[FileChange] = (),
) -> Plan:
    """What would make the table say what the records say, held and conflicting cells listed.

    `evidence(key, field)` gives the value behind a field. Rows without a key and rows no record asks for are
    left alone; a key on two rows is refused and becomes a problem, the others go on. Raises Refused when rows
    exist and the table has no key column.
    """
    if rows and "key" not in schema.bound:
        raise Refused(
            f'{ref.title}: no column "{COLUMNS["key"].name}", so no row can be told from another',
            fix=f'registry adopt adds it to a table people made; or name a column "{COLUMNS["key"].name}"',
            wrote="nothing",
        )
    found, problems = _by_key(rows)
    planner = _Planner(schema, evidence)
    for record in records:
        planner.add(record, found)
    planner.changes.sort(key=lambda change: natural(change.model_name or change.key))
    return build_plan(
        ref, schema.fingerprint, planner.changes, planner.summary, problems + planner.problems, files
    )


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which 7b comes before 13b and 70b."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if i % 2 else (1, 0, part) for i, part in enumerate(parts) if part]


def _by_key(rows: Sequence[Row]) -> tuple[dict[str, list[Row]], list[RegistryError]]:
    """Rows by case-folded key, and a problem for each key that stands on several."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        key = row.cells.get("key")
        if key is not None:
            found.setdefault(str(key).casefold(), []).append(row)
    problems: list[RegistryError] = [
        BadTable(
            f"{several[0].cells['key']}: want one row with this key, got rows {_ids(several)}",
            where=f'column "{COLUMNS["key"].name}"',
            fix="keep the key on one of them and clear it on the others",
            wrote="nothing to these rows",
        )
        for several in found.values()
        if len(several) > 1
    ]
    return found, problems


def key_problems(rows: Sequence[Row]) -> list[RegistryError]:
    """One for each key that stands on several rows."""
    return _by_key(rows)[1]


def _ids(rows: Sequence[Row]) -> str:
    return ", ".join(row.row_id for row in rows)


class _Planner:
    """Collects the changes of one plan; what is the same for every record is worked out once."""

    def __init__(self, schema: Schema, evidence: Evidence):
        self.evidence = evidence
        self.bound = schema.bound
        self.refusal = schema.refusal
        self.known = [name for name in COLUMNS if name in schema.bound and name != "key"]
        self.compared = [name for name in self.known if COLUMNS[name].own is not Own.FILL]
        self.wanted = _getter(self.compared)
        self.all_wanted = _getter(self.known)
        self.changes: list[Change] = []
        self.problems: list[RegistryError] = []
        self.summary = dict.fromkeys(SUMMARY, 0)
        self._seen: set[str] = set()

    def add(self, record: ModelRecord, found: Mapping[str, Sequence[Row]]) -> None:
        """Plans one record against the row that has its key."""
        key = record.key.casefold()
        if key in self._seen:
            fix = "list the model once"
            self.problems.append(
                BadModel(f"{record.key}: two models carry this key", fix=fix, wrote="the first")
            )
            return
        self._seen.add(key)
        rows = found.get(key, ())
        if len(rows) > 1:
            return
        change = self._change(record, rows[0]) if rows else self._creation(record)
        if change is None:
            self.summary["unchanged"] += 1
        else:
            self.changes.append(change)
            self.summary["update" if change.action is Action.FILL else change.action] += 1

    def _creation(self, record: ModelRecord) -> Change:
        key, evidence = record.key, self.evidence
        wanted = zip(self.known, self.all_wanted(record.__dict__), strict=True)
        known = [(name, value) for name, value in wanted if value is not None and value != ""]
        if self.refusal or not all_writable([value for _, value in known]):
            known = [(name, value) for name, value in known if self._writable(key, name, value)]
        fields, values = zip(*known, strict=True) if known else ((), ())
        reasons = [evidence(key, name) for name in fields]
        sources = tuple([why.source if why else None for why in reasons])
        wheres = tuple([why.where if why else None for why in reasons])
        nothing = (None,) * len(fields)
        columns = (fields, (Action.ADD,) * len(fields), nothing, values, nothing, sources, wheres)
        return Change(key, record.model_name, None, Action.ADD, columns)

    def _change(self, record: ModelRecord, row: Row) -> Change | None:
        """The change of an existing row, or None where every known value stands in it already."""
        wanted, current = self.wanted(record.__dict__), tuple(map(row.cells.get, self.compared))
        if wanted == current:
            return None
        base = parse_base(row.base)
        cells = list(self._differing(record.key, wanted, current, base))
        if not cells:
            return None
        gravest = max((cell.action for cell in cells), key=_GRAVITY.__getitem__)
        is_written = any(cell.action in WRITTEN for cell in cells)
        agreed = self._newly_agreed(wanted, current, base) if is_written else ()
        return Change(record.key, record.model_name, row.row_id, gravest, columns_of(cells), row.base, agreed)

    def _differing(self, key: str, wanted: Cells, current: Cells, base: Base | None) -> Iterator[Cell]:
        for name, desired, now in zip(self.compared, wanted, current, strict=True):
            if desired is None or desired == now:
                continue
            agreed = agreed_hash(base, name, self.bound[name])
            action = classify(desired, now, agreed, COLUMNS[name].own)
            if action is not Action.UNCHANGED and self._writable(key, name, desired, action):
                why = self.evidence(key, name)
                source, where = (why.source, why.where) if why else (None, None)
                yield Cell(name, action, now, desired, _known_base(agreed, now, desired), source, where)

    def _newly_agreed(self, wanted: Cells, current: Cells, base: Base | None) -> tuple[tuple[str, str], ...]:
        """Hashes of cells that equal the source while the base says otherwise or nothing."""
        found = []
        for name, desired, now in zip(self.compared, wanted, current, strict=True):
            if desired is None or COLUMNS[name].own is not Own.SHARED or not same(desired, now):
                continue
            equal = cell_hash(desired)
            if agreed_hash(base, name, self.bound[name]) != equal:
                found.append((name, equal))
        return tuple(found)

    def _writable(self, key: str, name: str, value: Scalar, action: Action = Action.ADD) -> bool:
        """Whether the cell can hold the value; a problem is noted when it cannot."""
        if want := unwritable(value):
            why = self.evidence(key, name)
            where = why.where if why else "record"
            self.problems.append(BadValue(key, name, want=want, got=value, where=where))
            return False
        refused = self.refusal(name, value) if self.refusal and action in WRITTEN else None
        if refused:
            self.problems.append(
                BadValue(key, name, want=refused.want, got=value, where=refused.where, fix=refused.fix)
            )
        return refused is None


def _known_base(agreed: str | None, *values: Scalar | None) -> Scalar | None:
    """The value that was agreed, where one of these is it; its hash alone says nothing to a person."""
    return next((value for value in values if agreed and cell_hash(value) == agreed), None)


_GRAVITY = {action: gravity for gravity, action in enumerate(Action)}
"""unchanged < add < fill < update < held < conflict."""


def _getter(names: Sequence[str]) -> Getter:
    """The values of these fields as a tuple, for any number of them."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)  # type: ignore[misc]


def check_fresh(plan: Plan, rows: Sequence[Row], schema: Schema, ref: TableRef) -> None:
    """Raises StalePlan, naming the first difference, unless the table is what it was for the plan."""
    if (ref.kind, ref.id) != (plan.ref.kind, plan.ref.id):
        raise _stale(f"want the table {plan.ref.title}, got {ref.title}", ref, f"give --to {plan.ref.id}")
    if schema.fingerprint != plan.fingerprint:
        raise _stale("the columns of the table are not what they were", ref)
    found, _ = _by_key(rows)
    for change in plan.changes:
        _check_row(change, found.get(change.key.casefold(), []), ref)


def _check_row(change: Change, rows: Sequence[Row], ref: TableRef) -> None:
    ids = [row.row_id for row in rows]
    wanted = [] if change.row_id is None else [change.row_id]
    if ids != wanted:
        raise _stale(f"{change.key}: want {_rows(wanted)} with this key, got {_rows(ids)}", ref)
    for row in rows:
        for cell in change.cells:
            now = row.cells.get(cell.field)
            if not same(now, cell.current):
                raise _stale(
                    f"{change.key}: {cell.field}: want {cell.current!r} as planned, got {now!r}", ref
                )
        if row.base != change.row_base:
            raise _stale(f"{change.key}: the row was written by another run since", ref)


def _rows(ids: Sequence[str]) -> str:
    return f"row {', '.join(ids)}" if ids else "no row"


def _stale(
    what: str, ref: TableRef, fix: str = "make a new plan with: registry plan --out FILE"
) -> StalePlan:
    return StalePlan(f"plan: {what}", where=ref.title, fix=fix, wrote="nothing")
