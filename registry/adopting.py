"""Adopting a table: read it, find out which row is which model, write keys and bases, and say what is
left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from registry.adoption import Adoption, adopt, recognised
from registry.credentials import REMEMBERED
from registry.notion_setup import remember_place
from registry.pipeline import Selection, World, read_models
from schemas.errors import BadTable, RegistryError
from schemas.record import COLUMNS
from sync.plan import key_problems
from sync.render import count, escaped
from sync.table import Outcome, RowResult, Stranger, Table

SHOWN = 12


@runtime_checkable
class PeoplesTable(Table, Protocol):
    """A table whose columns people name: it may lack the registry's own, and hold ours under other names."""

    @property
    def source_id(self) -> str | None:
        """What settings may call the table from now on. Known after `read`."""

    def lacking(self) -> list[str]:
        """Names of the registry's own columns (key, base) that it lacks. Known after `read`."""

    def add_lacking(self) -> None:
        """Adds them."""

    def strangers(self) -> Sequence[Stranger]:
        """The columns that no field is bound to. Known after `read`."""

    def bind(self, field: str, property_id: str, *, remember: bool) -> None:
        """Binds a field to a column, for this run alone or from here on."""

    @property
    def missing(self) -> list[str]:
        """Names of the owned columns that it lacks. Known after `read`."""

    def note_adopted(self) -> None:
        """Keeps that people chose its rows."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was found, and what became of it. `results` is None for a dry run."""

    adoption: Adoption
    renamed: dict[str, Stranger]
    added: tuple[str, ...]
    offers_main: int
    results: tuple[RowResult, ...] | None
    problems: tuple[RegistryError, ...]
    warnings: tuple[str, ...]
    missing: tuple[str, ...] = ()
    to: str | None = None

    @property
    def unfinished(self) -> list[RowResult]:
        """The rows that were to be written and were not."""
        return [one for one in self.results or () if one.outcome is not Outcome.UPDATED]

    @property
    def exit_code(self) -> int:
        """5 while a row was not written or a key stands twice; a row that could not be placed is no error."""
        return 5 if self.unfinished or any(isinstance(one, BadTable) for one in self.problems) else 0


def run(
    world: World, selection: Selection, table: Table, *, main: bool, dry_run: bool, to: str | None = None
) -> Adopted:
    """Places the rows without a key and writes key and base of those placed, under the table's lock.

    `to`: how the table was named, for the commands that come next.
    """
    with world.locked(table):
        models, readings = read_models(world, selection)
        rows = table.read()
        adoption = adopt(rows, models)
        renamed = _renamed(table, adoption, remember=not dry_run)
        if renamed:
            rows = table.read() if not dry_run else rows
            adoption = adopt(rows, models)
        ticked = any(row.cells.get("main") is True for row in rows)
        offers = 0 if ticked else sum(bool(one.model.record.main) for one in adoption.placed)
        added = tuple(table.lacking()) if isinstance(table, PeoplesTable) and adoption.placed else ()
        results = None
        if not dry_run:
            results = _write(world, table, adoption, main=main and not ticked)
            _remember(world, table, results)
    problems = (*readings.problems, *key_problems(rows))
    warnings = (*readings.warnings, *table.warnings)
    missing = tuple(table.missing) if isinstance(table, PeoplesTable) else ()
    return Adopted(adoption, renamed, added, offers, results, problems, warnings, missing, to)


def _renamed(table: Table, adoption: Adoption, *, remember: bool) -> dict[str, Stranger]:
    """Binds the fields whose column goes by another name and says in every row what the sources say."""
    if not isinstance(table, PeoplesTable):
        return {}
    bound = table.schema().bound
    fields = [name for name, column in COLUMNS.items() if name not in bound and name != "key"]
    found = recognised(adoption.placed, fields, table.strangers())
    for field, column in found.items():
        table.bind(field, column.property_id, remember=remember)
    return found


def _remember(world: World, table: Table, results: Sequence[RowResult]) -> None:
    """The adopted table is this machine's from now on, unless it has one already."""
    home = world.settings.home.expanduser()
    if not results or not isinstance(table, PeoplesTable):
        return
    table.note_adopted()
    if table.source_id and not (home / REMEMBERED).exists():
        remember_place(home, table.source_id, None, table.url, table.ref.title)


def _write(world: World, table: Table, adoption: Adoption, *, main: bool) -> tuple[RowResult, ...]:
    if not adoption.placed:
        return ()
    if isinstance(table, PeoplesTable) and table.lacking():
        table.add_lacking()
    writes = adoption.writes(table.schema(), main=main)
    step = world.screen.step("adopting rows")
    return tuple(table.write(writes, lambda done: step(done, len(writes))))


def adoption_document(adopted: Adopted, table: Table) -> dict[str, Any]:
    """The JSON document of `registry adopt`."""
    return {
        "table": table.ref._asdict(),
        "placed": [
            {
                "key": one.model.record.key,
                "row_id": one.row.row_id,
                "title": one.row.cells.get("model_name"),
                "by": one.by,
                "agreeing": list(one.agreeing),
                "differing": {
                    field: {"table": one.row.cells[field], "source": getattr(one.model.record, field)}
                    for field in one.differing
                },
                "empty": list(one.empty),
            }
            for one in adopted.adoption.placed
        ],
        "unplaced": [
            {"row_id": one.row.row_id, "title": one.row.cells.get("model_name"), "why": one.why}
            for one in adopted.adoption.unplaced
        ],
        "renamed": {field: column.name for field, column in adopted.renamed.items()},
        "columns_added": list(adopted.added),
        "adopted_before": adopted.adoption.keyed,
        "results": None
        if adopted.results is None
        else [{"key": one.key, "outcome": str(one.outcome), "detail": one.detail} for one in adopted.results],
        "requests": dict(table.requests),
        "exit_code": adopted.exit_code,
    }


def adoption_text(adopted: Adopted, table: Table, *, full: bool) -> str:
    """What was placed and how, what was not and why, and what to do next."""
    adoption = adopted.adoption
    n_rows = len(adoption.placed) + len(adoption.unplaced) + adoption.keyed
    lines = [f"{escaped(table.ref.title)}: {len(adoption.placed)} of {n_rows} rows recognised"]
    if adoption.keyed:
        lines.append(f"= {adoption.keyed} have their key already")
    lines += [
        f'~ column "{escaped(column.name)}" is {field}: it says what the sources say in every row'
        for field, column in adopted.renamed.items()
    ]
    verb = "added" if adopted.results is not None else "to add"
    lines += [f'+ column "{name}" {verb}' for name in adopted.added]
    most = len(adoption.placed) if full else SHOWN
    lines += [_placed_line(one) for one in adoption.placed[:most]]
    if len(adoption.placed) > most:
        lines.append(f"  ... {len(adoption.placed) - most} more rows (--full)")
    lines += [f"? {_title(one.row)}: {escaped(one.why)}" for one in adoption.unplaced]
    lines += [f"! {one.key}: {one.outcome}: {escaped(one.detail)}" for one in adopted.unfinished]
    return "\n".join([*lines, *_last_lines(adopted)])


def _title(row: Any) -> str:
    title = row.cells.get("model_name")
    return f'"{escaped(str(title))}"' if title else f"row {row.row_id}, without a title"


def _placed_line(one: Any) -> str:
    counts = f"cells: {len(one.agreeing)} agree, {len(one.differing)} differ, {len(one.empty)} empty"
    return f"+ {one.model.record.key:<40} {_title(one.row)} by {one.by}: {counts}"


def _last_lines(adopted: Adopted) -> list[str]:
    lines = [""]
    if adopted.results is None:
        lines.append(f"{count(len(adopted.adoption.placed), 'row')} to adopt. Nothing written.")
    else:
        done = len(adopted.results) - len(adopted.unfinished)
        lines.append(f"Adopted: {count(done, 'row')}. Left to you: {len(adopted.adoption.unplaced)}.")
    if adopted.adoption.unplaced:
        lines.append(
            "a row left to you gets its model by typing the key into Registry Key; it may also stay as it is"
        )
    if adopted.offers_main and adopted.results is None:
        lines.append(f"no row is ticked Main: --main ticks {adopted.offers_main} representative models")
    if adopted.missing and adopted.results is not None:
        lines.append(
            f"{count(len(adopted.missing), 'column')} missing: registry doctor --fix adds what it lists"
        )
    step = "registry adopt" if adopted.results is None else "registry sync --dry-run, then registry sync"
    return [*lines, f"next  {step}{_to(adopted)}"]


def _to(adopted: Adopted) -> str:
    return f" --to {adopted.to}" if adopted.to else ""
