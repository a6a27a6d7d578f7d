"""The main path: read sources -> resolve -> derive -> diff -> plan -> apply -> write layer configs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import registry
from registry.adoption import claimed
from registry.catalogue import Catalogue, Entry
from registry.gap_report import GAPS, gap_reports
from registry.gather import Readings, gather
from registry.layer_file import build
from registry.model import Model, settle
from registry.published import Comparison, compare
from registry.settings import Settings, destination
from schemas.errors import BadTable, Locked, Refused, RegistryError
from schemas.evidence import Value
from sources import snapshot
from sources.hub import Hub
from sync.apply import Applied, apply_plan
from sync.cells import cell_hash
from sync.conflicts import Conflict, new_conflicts, remember, unseen
from sync.files import FileChange, FileWant, plan_files, write_files
from sync.gates import check_gates, too_many_new
from sync.lock import hold
from sync.mcp import mcp_document
from sync.plan import Plan, check_fresh, make_plan
from sync.table import Outcome as RowOutcome
from sync.table import Row, RowResult, Table

TABLE_FILE = "table.sqlite"
LAYER_FOLDER = "layers"
LOCK_FOLDER = "locks"
CONFLICT_FILE = "known-conflicts.json"
MOST_WAITED_S = 900
"""Longest wait for another machine that is adding rows: no row is made while its own may not show yet."""


class Screen(Protocol):
    """Where progress goes; off a terminal nowhere."""

    def step(self, name: str) -> Callable[[int, int], None]: ...

    def waiting(self, seconds: float, why: str) -> None: ...

    @property
    def at_terminal(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command was asked for."""

    families: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    everything: bool = False
    refresh: bool = False
    sku_list: Path | None = None

    @property
    def typed(self) -> bool:
        """Whether a person named families or models."""
        return bool(self.families or self.models)


@dataclass(slots=True)
class Outcome:
    """What a run found and did. `exit_code` is the gravest of what happened."""

    plan: Plan
    applied: Applied | None = None
    files: Sequence[FileChange] = ()
    problems: list[RegistryError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    read_from: dict[str, int] = field(default_factory=dict)
    n_models: int = 0
    url: str | None = None
    maybes: Sequence[Conflict] = ()
    rows: Sequence[Row] = ()
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """What a run stands on: settings, catalogue, hub, screen."""

    settings: Settings
    catalogue: Catalogue
    hub: Hub
    screen: Screen

    def table(self, to: str | None, *, patient: bool = False) -> Table:
        """The table of this run; a local one is a SQLite file in the data folder. Nothing is created yet.

        `patient`: an import may take as long as Notion's limits make it take.
        """
        where = destination(to, self.settings)
        if where == "notion":
            from registry.notion_place import notion_table

            return notion_table(self, patient=patient)
        from sync.sql import SqlTable

        if where == "local":
            where = f"sqlite:///{self.settings.home.expanduser() / TABLE_FILE}"
        return SqlTable(where, optional=self.settings.optional_columns)

    @property
    def layer_folder(self) -> Path:
        return self.settings.home.expanduser() / LAYER_FOLDER

    @property
    def conflict_file(self) -> Path:
        return self.settings.home.expanduser() / CONFLICT_FILE

    def waited_out(self, table: Table) -> bool:
        """Waits until creates of an earlier run or another host must have shown, if any may be under way.

        True when it waited: the table has to be read again before anything is created.
        """
        left_s = table.settle_s()
        if left_s <= 0:
            return False
        if table.requests["waited_s"] > MOST_WAITED_S:
            raise Locked(
                f"{table.ref.title}: another machine has been adding rows for {MOST_WAITED_S // 60} minutes",
                fix="run again when it is done; one machine should be the writer",
                wrote="nothing",
            )
        self.screen.waiting(left_s, "another run's new rows may not be visible yet")
        table.wait(left_s)
        return True

    @contextmanager
    def locked(self, table: Table) -> Iterator[None]:
        """One run at a time per table, by whatever id the settings name it."""
        folder = self.settings.home.expanduser() / LOCK_FOLDER
        with ExitStack() as locks:
            named = table.ref
            locks.enter_context(hold(folder, named))
            table.identify()
            if table.ref.id != named.id:
                locks.enter_context(hold(folder, table.ref))
            yield


def read_models(world: World, selection: Selection) -> tuple[list[Model], Readings]:
    """The selected models, settled, and what could not be read."""
    entries = world.catalogue.select(selection.families, selection.models, selection.everything)
    return settled(world, entries, refresh=selection.refresh, sku_path=selection.sku_list)


def settled(
    world: World, entries: Sequence[Entry], *, refresh: bool = False, sku_path: Path | None = None
) -> tuple[list[Model], Readings]:
    """These models, settled, and what could not be read."""
    readings = gather(
        entries,
        hub=world.hub,
        sku_path=sku_path or world.settings.sku_list,
        refresh=refresh,
        progress=world.screen.step("reading the hub"),
    )
    models = [
        settle(e, readings.observations[e.key]) for e in entries if readings.observations[e.key] or e.pins
    ]
    readings.problems.extend(problem for model in models for problem in model.problems)
    return models, readings


def plan_sync(world: World, selection: Selection, table: Table, *, bulk: bool = False) -> Outcome:
    """The difference between the sources and the table. Writes nothing. `bulk`: as in `sync`."""
    models, readings = read_models(world, selection)
    outcome = _planned(world, models, readings, table)
    return outcome if bulk else _without_many_new(world, models, readings, table, outcome)


def _planned(
    world: World,
    models: Sequence[Model],
    readings: Readings,
    table: Table,
    rows: Sequence[Row] | None = None,
) -> Outcome:
    """The plan for these models; `rows` where they were read a moment ago."""
    rows, schema = table.read() if rows is None else rows, table.schema()
    evidence = {model.record.key: model for model in models}

    def why(key: str, name: str) -> Value | None:
        found = evidence[key].evidence.get(name)
        return found.chosen if found else None

    files = plan_files(layer_wants(world, models), version=registry.__version__)
    maybe = claimed(rows, models)
    left_out = {*table.removed, *maybe}
    present = {str(row.cells.get("key")).casefold() for row in rows}
    wanted = [
        record
        for record in (model.record for model in models)
        if (key := record.key.casefold()) in present or key not in left_out
    ]
    plan = make_plan(wanted, rows, schema, table.ref, why, files)
    unadopted = {key: row for key, row in maybe.items() if key not in present}
    keys = {model.record.key.casefold(): model.record.key for model in models}
    maybes = [Conflict(keys[key], "row", cell_hash(row.row_id)) for key, row in unadopted.items()]
    is_known = not unseen(table.ref.id, maybes, world.conflict_file)
    problems, warnings = [*readings.problems, *plan.problems], [*readings.warnings, *table.warnings]
    if unadopted and is_known:
        warnings.append(
            f"{len(unadopted)} models are not added: rows without a key may be them (registry adopt)"
        )
    else:
        problems += [_unadopted(keys[key], row) for key, row in unadopted.items()]
    outcome = Outcome(plan, None, plan.files, problems, warnings, dict(readings.read_from))
    outcome.n_models, outcome.rows, outcome.url, outcome.maybes = len(models), rows, table.url, maybes
    outcome.exit_code = _exit_code(world, outcome)
    return outcome


def sync(
    world: World, selection: Selection, table: Table, *, accept: str | None = None, bulk: bool = False
) -> Outcome:
    """Plan and apply under the table's lock.

    `bulk`: many new rows may come at once; a person at a terminal who named what they want may do so too.
    """
    with world.locked(table):
        models, readings = read_models(world, selection)
        outcome = _planned(world, models, readings, table)
        while outcome.plan.summary["add"] and world.waited_out(table):
            outcome = _planned(world, models, readings, table)
        bulk = bulk or (selection.typed and world.screen.at_terminal)
        if not bulk and accept is None:
            outcome = _without_many_new(world, models, readings, table, outcome)
        check_gates(outcome.plan, outcome.rows, local=table.ref.kind == "local", accept=accept, import_=bulk)
        return _write(world, outcome, table)


def _without_many_new(
    world: World, models: Sequence[Model], readings: Readings, table: Table, outcome: Outcome
) -> Outcome:
    """The run without rows for models that have none, where people chose the rows and they would be many."""
    if not table.is_adopted or not too_many_new(outcome.plan, outcome.rows):
        return outcome
    left = {change.key for change in outcome.plan.changes if change.row_id is None}
    there = [model for model in models if model.record.key not in left]
    readings.warnings.append(
        f"{len(left)} models have no row in this table and are left out: registry sync --import adds all of"
        " them, --family or --model some"
    )
    return _planned(world, there, readings, table, outcome.rows)


def apply(world: World, plan: Plan, table: Table) -> Outcome:
    """A plan made earlier, if the table is still what it was then and its files go to our own folder."""
    _check_paths(plan, world.layer_folder)
    with world.locked(table):
        rows = table.read()
        while plan.summary["add"] and world.waited_out(table):
            rows = table.read()
        check_fresh(plan, rows, table.schema(), table.ref)
        outcome = Outcome(plan, None, plan.files, list(plan.problems), rows=rows)
        outcome.n_models = sum(plan.summary.values())
        return _write(world, outcome, table)


def _write(world: World, outcome: Outcome, table: Table) -> Outcome:
    outcome.applied = apply_plan(outcome.plan, table, world.screen.step("writing rows"))
    outcome.files = write_files(outcome.plan.files)
    outcome.problems += [change.problem for change in outcome.files if change.problem]
    outcome.problems += [
        _unknown(result) for result in outcome.applied.unfinished if result.outcome is RowOutcome.UNKNOWN
    ]
    outcome.exit_code = _exit_code(world, outcome)
    remember(outcome.plan, world.conflict_file, outcome.maybes)
    return outcome


def mcp_calls(outcome: Outcome, table: Table) -> dict[str, object]:
    """The plan as calls of Notion's MCP server; its columns under the names that the table gives them."""
    return mcp_document(outcome.plan, table.schema())


def _unadopted(key: str, row: Row) -> RegistryError:
    """A model that a row without a key may already be: no second row is made."""
    title = row.cells.get("model_name") or f"row {row.row_id}"
    return BadTable(
        f"{key}: not added: a row without a key may be this model",
        where=f'row "{title}"',
        fix="registry adopt finds out; if it cannot, type the key into Registry Key of that row, or trash it",
        wrote="nothing to this row",
    )


def _unknown(result: RowResult) -> RegistryError:
    """A create without an answer, by its key: a person may look, the next run decides."""
    return BadTable(
        f"{result.key}: not known whether the row was made: {result.detail}",
        fix="run again: the next run looks for the row first and creates it only if it is not there",
    )


def layer_wants(world: World, models: Sequence[Model]) -> list[FileWant]:
    """A layer config for each config repository whose total is known, made once for all models that share it,
    and the gap reports it names.
    """
    shared: dict[str, list[Model]] = {}
    for model in models:
        if model.record.config_repo and model.record.layer_config:
            shared.setdefault(model.record.config_repo, []).append(model)
    wants = []
    for group in shared.values():
        comparisons = {one.citation: one for model in group for one in compared(model)}
        for built in filter(None, (build(model, list(comparisons.values())) for model in group)):
            wants.append(FileWant(world.layer_folder / str(group[0].record.layer_config), built.content))
            wants += [
                FileWant(world.layer_folder / path, text)
                for path, text in gap_reports(group[0], built).items()
            ]
    return wants


def compared(model: Model) -> list[Comparison]:
    """The published counts of a model beside ours."""
    if model.architecture is None or model.config is None or not model.record.n_params:
        return []
    return [
        compare(one.n_params, one.citation, model.record.n_params, model.architecture, model.config)
        for one in snapshot.read().published(model.record.key)
    ]


def _check_paths(plan: Plan, folder: Path) -> None:
    """A plan is a file that anyone may have written: it writes layer configs and gap reports into the layer
    folder only.
    """
    foreign = [change.path for change in plan.files if not _is_ours(change.path, folder)]
    if foreign:
        raise Refused(
            f"plan: {foreign[0]} is not in the layer folder",
            where=str(folder),
            fix="make the plan with the REGISTRY_HOME it is applied with: registry plan --out FILE",
            wrote="nothing",
        )


def _is_ours(path: Path, folder: Path) -> bool:
    """FOLDER/NAME.json, or FOLDER/gaps/NAME/LAYER.md."""
    if ".." in path.parts:
        return False
    if path.suffix == ".json":
        return path.parent == folder
    return path.suffix == ".md" and path.parent.parent == folder / GAPS


def _exit_code(world: World, outcome: Outcome) -> int:
    """The gravest: not authorised, the other side gave up, bad input, a person is needed, done."""
    codes = {problem.exit_code for problem in outcome.problems}
    if new_conflicts(outcome.plan, world.conflict_file) or any(change.is_new for change in outcome.files):
        codes.add(5)
    if outcome.applied and outcome.applied.unfinished:
        codes.add(5)
    return next((code for code in (6, 7, 3, 5) if code in codes), 0)


def entry_of(world: World, name: str) -> Entry:
    """The one model a person named."""
    return world.catalogue.one(name)
