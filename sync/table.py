"""What every table is to a sync: rows to read, a schema to bind to, batches to write.

A table implements `Table` and passes `tests/sync/table_contract.py`. Cells are keyed by record field, never
by column name; a column is bound by an id that survives a rename where the table has such ids.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.evidence import Scalar
from schemas.record import BASE_COLUMN, COLUMNS

BASE = "base"
"""The base among the cells of a row, where it goes by a name like a field."""
HUB = "https://huggingface.co/"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read. `cells`: the bound fields only; one that cannot be decoded is its raw text."""

    row_id: str
    cells: Mapping[str, Scalar | None]
    base: str | None


class Refusal(NamedTuple):
    """Why a column cannot take a value: what it wants, where the column is, and what to do."""

    want: str
    where: str
    fix: str


@dataclass(frozen=True, slots=True)
class Schema:
    """`bound`: field -> property id of its column, where there is one; `fingerprint` changes with them.

    `refusal` says why a column cannot take a value, or None: a table whose columns people shape has more to
    refuse than one of ours.
    """

    bound: Mapping[str, str]
    fingerprint: str
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Field -> what people call its column, where that is not the record's name for it."""
    spell: "Callable[[str, Scalar], Scalar] | None" = field(default=None, compare=False)
    """A value of a field as its column shows it, where columns hold values in other types than ours."""
    refusal: "Callable[[str, Scalar], Refusal | None] | None" = field(default=None, compare=False)

    def spelled(self, cells: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Cells by the name of their column, each as the column shows it; those without a column left out."""
        there = {field: value for field, value in cells.items() if field == BASE or field in self.bound}
        return {self._name(field): self._shown(field, value) for field, value in there.items()}

    def _name(self, field: str) -> str:
        column = BASE_COLUMN if field == BASE else COLUMNS[field]
        return self.names.get(field, column.name)

    def _shown(self, field: str, value: Scalar) -> Scalar:
        return self.spell(field, value) if self.spell else value


class TableRef(NamedTuple):
    """Which table: `kind` is local, sql or notion; `id` tells it from all others; `title` is for people."""

    kind: str
    id: str
    title: str


class Stranger(NamedTuple):
    """A column that no field is bound to. `cells(field)`: row id -> its cell read as this field, or None
    where the column's type cannot hold it.
    """

    property_id: str
    name: str
    cells: "Callable[[str], Mapping[str, Scalar | None] | None]"


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
    UNKNOWN = "unknown"
    """The answer to a create was lost: it is not sent again in this run; the next one looks and decides."""


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
    def url(self) -> str | None:
        """Where people look at it, where that is a page."""

    @property
    def requests(self) -> Mapping[str, float]:
        """How often it was asked so far: `read`, `write`, and `waited_s` spent waiting for it."""

    def schema(self) -> Schema:
        """The columns that are there, or would be created by the first write."""

    def read(self) -> list[Row]:
        """Every row, or an error: never a part of the table. Creates nothing."""

    @property
    def is_adopted(self) -> bool:
        """Whether people chose its rows: a run that names no models does not add many to them."""

    def identify(self) -> None:
        """Makes `ref` final, where it takes a question to know which table a setting means."""

    @property
    def warnings(self) -> list[str]:
        """What a person should know of the last read: columns missing or renamed, rows that stayed away."""

    @property
    def removed(self) -> frozenset[str]:
        """Case-folded keys whose rows a person took out of the table: not created again. Known after
        `read`.
        """

    def make_again(self, keys: Collection[str]) -> list[str]:
        """Forgets that people removed the rows of these keys; gives those it was so for."""

    def settle_s(self) -> float:
        """Seconds until a read shows every row that an earlier run or another host may have made; 0 when
        it does.
        """

    def wait(self, seconds: float) -> None:
        """Lets that time pass, counted among what was waited."""

    def close(self) -> None:
        """Closes its connections."""

    def write(self, batch: Sequence[RowWrite], done: Callable[[int], None]) -> list[RowResult]:
        """Writes the rows and tells `done` how many are finished. One result per row, in order."""
