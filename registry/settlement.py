"""Settlement: what a person decides about cells that differ, for one cell or many."""

from dataclasses import replace

from registry.pipeline import Outcome, Selection, World, plan_sync
from schemas.errors import BadUsage
from schemas.record import COLUMNS
from sync.apply import Applied, write_of
from sync.cells import cell_hash
from sync.changes import Change, Plan, build_plan, columns_of
from sync.conflicts import remember
from sync.diff import Action
from sync.table import RowWrite, Table

TABLE, SOURCE = "table", "source"


def check_field(field: str | None) -> None:
    """Raises BadUsage for a name that is no column of the record."""
    if field is not None and (field not in COLUMNS or field == "key"):
        raise BadUsage(
            f"--field: no such field: {field!r}",
            fix="`registry list --format json` shows the names of the fields",
        )


def resolve(
    world: World, selection: Selection, table: Table, *, field: str | None, take: str, dry_run: bool
) -> Outcome:
    """Settles the differing cells of the selected models for good.

    `take` table: the source's value becomes the base, so the cell is held from then on and no longer
    reported.
    `take` source: the source's value is written over the cell. Only cells that still hold what was read are
    settled.
    """
    check_field(field)
    with world.locked(table):
        outcome = plan_sync(world, replace(selection, everything=not selection.typed), table)
        held = outcome.plan.summary["held"]
        outcome.plan = _restricted(outcome.plan, field, take, _settled_by(take, selection, field))
        outcome.files = ()
        if held and not outcome.plan.changes:
            outcome.warnings.append(f"{held} rows have held cells: the table's value stands there already")
        outcome.exit_code = max((problem.exit_code for problem in outcome.plan.problems), default=0)
        if dry_run:
            return outcome
        again = table.make_again(_named(world, selection)) if take == SOURCE else []
        outcome.warnings += [f"{key}: the next registry sync makes its row again" for key in again]
        writes = [_write(change, table, take) for change in outcome.plan.changes]
        step = world.screen.step("writing rows")
        results = table.write(writes, lambda done: step(done, len(writes))) if writes else []
        outcome.applied = Applied(tuple(results), dict(table.requests))
        if outcome.applied.unfinished:
            outcome.exit_code = 5
        else:
            remember(outcome.plan, world.conflict_file)
        return outcome


def _named(world: World, selection: Selection) -> list[str]:
    """The models that were named one by one: a whole family's removed rows are not made again by the way."""
    return [world.catalogue.one(name).key for name in selection.models]


def _settled_by(take: str, selection: Selection, field: str | None) -> tuple[Action, ...]:
    """The cells a decision is about. A held cell is a person's: only a model or field named by name gives
    it up.
    """
    if take == SOURCE and (selection.models or field):
        return Action.CONFLICT, Action.HELD
    return (Action.CONFLICT,)


def _restricted(plan: Plan, field: str | None, take: str, settled: tuple[Action, ...]) -> Plan:
    """The plan with the cells that are settled alone; those the source wins are updates."""
    changes = [one for change in plan.changes if (one := _settled(change, field, take, settled))]
    action = "update" if take == SOURCE else "held"
    summary = {**dict.fromkeys(plan.summary, 0), action: len(changes)}
    return build_plan(plan.ref, plan.fingerprint, changes, summary, plan.problems, ())


def _settled(change: Change, field: str | None, take: str, settled: tuple[Action, ...]) -> Change | None:
    becomes = Action.UPDATE if take == SOURCE else Action.HELD
    cells = [
        cell._replace(action=becomes)
        for cell in change.cells
        if cell.action in settled and field in (None, cell.field)
    ]
    if not cells:
        return None
    agreed = tuple((cell.field, cell_hash(cell.desired)) for cell in cells) if take == TABLE else ()
    return change._replace(action=becomes, columns=columns_of(cells), agreed=agreed)


def _write(change: Change, table: Table, take: str) -> RowWrite:
    """The write of one row. For the table's values it sets the base alone, while the cells are what they
    were.
    """
    write = write_of(change, table.schema(), change.row_base)
    expect = {cell.field: cell.current for cell in change.cells}
    return write if take == SOURCE else replace(write, expect=expect)
