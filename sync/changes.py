"""A plan as pure data: what would be written to which table, and its digest."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.errors import RegistryError
from schemas.evidence import Scalar
from sync.diff import WRITTEN, Action
from sync.files import FileAction, FileChange
from sync.table import TableRef

FORMAT = "registry-plan/1"
SUMMARY = ("add", "update", "unchanged", "held", "conflict")
SHOWN_DIGITS = 8


class Cell(NamedTuple):
    """One cell that differs. `base`: None where only its hash is known; `source`, `where`: of `desired`."""

    field: str
    action: Action
    current: Scalar | None
    desired: Scalar
    base: Scalar | None
    source: str | None
    where: str | None


class Change(NamedTuple):
    """One row that differs; `row_id` is None for one to create.

    `columns` holds the cells as one tuple for each part of a `Cell`: 10,000 new rows have 310,000 cells, and
    this way a plan is made and digested without an object for each. `row_base` is the base text the row had.
    `agreed` are the hashes of cells that equal the source although the base does not say so yet; they go with
    the row's next write.
    """

    key: str
    model_name: str | None
    row_id: str | None
    action: Action
    columns: tuple[tuple[object, ...], ...]
    row_base: str | None = None
    agreed: tuple[tuple[str, str], ...] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that differ, in the table's order."""
        return tuple(map(Cell._make, zip(*self.columns, strict=True)))

    @property
    def is_written(self) -> bool:
        """Whether apply writes this row; one with held cells and conflicts alone is left as it is."""
        return self.action is Action.ADD or not WRITTEN.isdisjoint(self.columns[1])

    @property
    def written(self) -> tuple[Cell, ...]:
        """The cells that apply writes; held ones and conflicts are not among them."""
        return tuple(cell for cell in self.cells if cell.action in WRITTEN)


def columns_of(cells: Iterable[Cell]) -> tuple[tuple[object, ...], ...]:
    """Cells in the form that a `Change` holds them."""
    return tuple(zip(*cells, strict=True)) or ((),) * len(Cell._fields)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would write. `summary` counts rows by their gravest action."""

    digest: str
    ref: TableRef
    fingerprint: str
    changes: tuple[Change, ...]
    summary: Mapping[str, int]
    problems: tuple[RegistryError, ...] = ()
    files: tuple[FileChange, ...] = ()

    @property
    def short_digest(self) -> str:
        """The digits a person types after `--accept`."""
        return self.digest[:SHOWN_DIGITS]

    @property
    def writes(self) -> int:
        """Rows and files that apply writes; 0 means that there is nothing to do."""
        rows = sum(change.is_written for change in self.changes)
        return rows + sum(change.action is FileAction.WRITTEN for change in self.files)


def build_plan(
    ref: TableRef,
    fingerprint: str,
    changes: Sequence[Change],
    summary: Mapping[str, int],
    problems: Sequence[RegistryError],
    files: Sequence[FileChange],
) -> Plan:
    """The plan, with the sha256 of everything in it: one digest, one set of changes."""
    rest = {
        "format": FORMAT,
        "table": ref,
        "schema": fingerprint,
        "summary": dict(summary),
        "problems": [(p.what, p.where, p.fix) for p in problems],
        "files": [(str(f.path), f.action, f.content) for f in files],
    }
    digest = hashlib.sha256(_canonical_json(changes))
    digest.update(_canonical_json(rest))
    return Plan(digest.hexdigest(), ref, fingerprint, tuple(changes), summary, tuple(problems), tuple(files))


def _canonical_json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
