"""What every table is to a sync: rows to read, a schema to bind to, batches to write.

A table implements `Table` and passes `tests/sync/table_contract.py`. Cells are keyed by record field, never
by column name; a column is bound by an id that survives a rename where the table has such ids.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.evidence import Scalar


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read. `cells`: the bound fields only; one that cannot be decoded is its raw text."""

    row_id: str
    cells: Mapping[str, Scalar | None]
    base: str | None


@dataclass(frozen=True, slots=True)
class Schema:
    """`bound`: field -> property id of its column, where there is one; `fingerprint` changes with them."""

    bound: Mapping[str, str]
    fingerprint: str


class TableRef(NamedTuple):
    """Which table: `kind` is local, sql or notion; `id` tells it from all others; `title` is for people."""

    kind: str
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class RowWrite:
    """One row to create (`row_id` None) or update: the cells to set, and the base that goes with them.

    `expect`: field -> what the cell held when the plan was made; the row is written only while that is still
    so.
    """

    row_id: str | None
    key: str
    set: Mapping[str, Scalar]
    base: str
    expect: Mapping[str, Scalar | None]


class Outcome(StrEnum):
    """What became of one row."""

    CREATED = "created"
    UPDATED = "updated"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of the row with this key; `detail` says why when it was not written."""

    key: str
    outcome: Outcome
    detail: str = ""


class Table(Protocol):
    """A table that a plan can be made against and applied to."""

    @property
    def ref(self) -> TableRef:
        """Which table this is, known without asking it."""

    @property
    def requests(self) -> Mapping[str, float]:
        """How often it was asked so far: `read`, `write`, and `waited_s` spent waiting for it."""

    def schema(self) -> Schema:
        """The columns that are there, or would be created by the first write."""

    def read(self) -> list[Row]:
        """Every row, or an error: never a part of the table. Creates nothing."""

    def write(self, batch: Sequence[RowWrite], done: Callable[[int], None]) -> list[RowResult]:
        """Writes the rows and tells `done` how many are finished. One result per row, in order."""
