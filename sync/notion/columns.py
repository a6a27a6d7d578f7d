"""Which column of the table in Notion is which field.

A column is known by its property id, in this order: the user's pin, what this machine remembers, what the
bases of the rows say, and only then its name. So a renamed column is followed, and one that was deleted and
made anew is seen to be another one. The title is always the property `title`. Pure.
"""

import difflib
import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import BadSettings
from schemas.evidence import Scalar
from schemas.record import BASE_COLUMN, COLUMNS, Column
from sync import cells
from sync.base import parse_base
from sync.notion.cells import (
    MAX_PIECES,
    Property,
    most_units,
    n_pieces,
    nfc,
    stored_text,
    usable_types,
    utf16_units,
)
from sync.table import BASE, Refusal, Schema

OWNED: Mapping[str, Column] = {**COLUMNS, BASE: BASE_COLUMN}
TITLE_FIELD = "model_name"
TITLE_ID = "title"
SHOWN = 3
"""Names of missing columns in a warning."""
_COMPUTED = frozenset(
    {
        "formula",
        "rollup",
        "unique_id",
        "created_time",
        "created_by",
        "last_edited_time",
        "last_edited_by",
        "button",
    }
)
Check = Callable[[Scalar], Refusal | None]


@dataclass(frozen=True, slots=True)
class Binding:
    """Field -> its column.

    `base` is among them where there is one. `unusable`: fields whose column is of a wrong type.
    """

    columns: Mapping[str, Property]
    warnings: tuple[str, ...] = ()
    unusable: frozenset[str] = frozenset()

    @property
    def missing(self) -> list[str]:
        """Names of the owned columns that are not there."""
        there = self.columns.keys() | self.unusable
        return [column.name for name, column in OWNED.items() if not column.optional and name not in there]

    @property
    def ids(self) -> frozenset[str]:
        """The property ids that may be written."""
        return frozenset(column.id for column in self.columns.values())

    def schema(self, title: str) -> Schema:
        """The table's schema. `title` names the table in refusals."""
        bound = {name: column.id for name, column in self.columns.items() if name != BASE}
        names = {n: c.name for n, c in self.columns.items() if c.name != OWNED[n].name}
        refusal = refusals(self.columns, title)
        return Schema(bound, self._fingerprint(), names=names, spell=self._spelled, refusal=refusal)

    def _spelled(self, name: str, value: Scalar) -> Scalar:
        """A number in a text column as its text, a repository in a url column as its link."""
        column = self.columns[name]
        return value if column.type in ("number", "checkbox") else stored_text(name, value, column.type)

    def _fingerprint(self) -> str:
        seen = [(name, c.id, c.type, sorted(c.options)) for name, c in sorted(self.columns.items())]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def properties(data_source: Mapping[str, Any]) -> dict[str, Property]:
    """Property id -> column, as a data source shows them."""
    found = {}
    for name, shown in data_source["properties"].items():
        options = (shown.get(shown["type"]) or {}).get("options") or ()
        by_name = {nfc(option["name"]): option["id"] for option in options}
        found[shown["id"]] = Property(shown["id"], name, shown["type"], by_name)
    return found


def agreed_ids(bases: Iterable[str | None]) -> dict[str, str]:
    """Field -> the property id that most rows were written under."""
    votes: dict[str, Counter[str]] = {}
    for base in bases:
        for name, agreed in (parse_base(base) or {}).items():
            votes.setdefault(name, Counter())[agreed.property_id] += 1
    return {name: ids.most_common(1)[0][0] for name, ids in votes.items()}


def bind(
    there: Mapping[str, Property],
    *,
    pinned: Mapping[str, str] | None = None,
    remembered: Mapping[str, tuple[str, str]] | None = None,
    agreed: Mapping[str, str] | None = None,
) -> Binding:
    """Fields to columns. `there`: property id -> column. `remembered`: field -> (property id, name then).

    Raises BadSettings for a pin of no field or of no column.
    """
    binder = _Binder(there)
    for name, wanted in (pinned or {}).items():
        binder.pin(name, wanted)
    if TITLE_ID in there:
        binder.take(TITLE_FIELD, there[TITLE_ID])
    for name, (property_id, then) in (remembered or {}).items():
        binder.follow(name, property_id, then)
    for name, property_id in (agreed or {}).items():
        binder.follow(name, property_id, None)
    for name in OWNED:
        binder.by_name(name)
    return Binding(
        {name: binder.bound[name] for name in OWNED if name in binder.bound},
        tuple(binder.warnings),
        frozenset(binder.unusable),
    )


@dataclass(slots=True)
class _Binder:
    there: Mapping[str, Property]
    bound: dict[str, Property] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    named: dict[str, Property] = field(init=False)

    def __post_init__(self) -> None:
        self.named = {nfc(column.name): column for column in reversed(list(self.there.values()))}

    def take(self, name: str, column: Property) -> bool:
        """Binds a field that is still free to a column that is, or says why the column will not do."""
        if name in self.bound or name in self.unusable or name not in OWNED or column.id in self.taken:
            return False
        if column.type not in usable_types(name):
            self.unusable.add(name)
            self.warnings.append(_unusable(name, column))
            return False
        self.bound[name] = column
        self.taken.add(column.id)
        return True

    def pin(self, name: str, wanted: str) -> None:
        found = self.there.get(wanted) or self._named(wanted)
        if name not in OWNED:
            fix = f"fields with a column: {', '.join(COLUMNS)}"
            raise BadSettings(f"columns: {name}: no field with a column", fix=fix, wrote="nothing")
        if found is None:
            names = ", ".join(sorted(column.name for column in self.there.values()))
            raise BadSettings(
                f'columns: {name}: the table has no column "{wanted}"',
                fix=f"name one of: {names}",
                wrote="nothing",
            )
        if found.id in self.taken:
            other = next(one for one, column in self.bound.items() if column.id == found.id)
            raise BadSettings(
                f'columns: {name}: the column "{found.name}" is pinned for {other} already',
                fix="pin another column, or none",
                wrote="nothing",
            )
        self.take(name, found)

    def follow(self, name: str, property_id: str, then: str | None) -> None:
        """A column by its id, whatever it is called by now."""
        column = self.there.get(property_id)
        if column is None:
            self.gone.add(name)
        elif self.take(name, column):
            then = then or OWNED[name].name
            if then != column.name:
                self.warnings.append(f'column "{then}" was renamed to "{column.name}": followed')

    def by_name(self, name: str) -> None:
        column = self._named(OWNED[name].name)
        if column is not None and self.take(name, column) and name in self.gone:
            self.warnings.append(
                f'column "{column.name}" is not the one that was written before: it was deleted and made '
                "anew; what stands in it is kept, only its empty cells are filled"
            )

    def _named(self, wanted: str) -> Property | None:
        return self.named.get(nfc(wanted))


def _unusable(name: str, column: Property) -> str:
    why = "Notion computes it" if column.type in _COMPUTED else "it cannot hold the field"
    return (
        f'column "{column.name}" is of type {column.type}: {why}, so {name} is not compared and not written; '
        f"make it {' or '.join(usable_types(name)[:2])}, or pin another column for {name}"
    )


def refusals(columns: Mapping[str, Property], title: str) -> Callable[[str, Scalar], Refusal | None]:
    """`refusal` of a schema: why a column cannot take a value, or None."""
    checks = {name: _check(name, column, title) for name, column in columns.items()}

    def refusal(name: str, value: Scalar) -> Refusal | None:
        check = checks.get(name)
        return check(value) if check else None

    return refusal


def _check(name: str, column: Property, title: str) -> Check | None:
    where = f'column "{column.name}" of {title}'
    if column.type in ("select", "status"):
        return lambda value: _option_refusal(str(value), column, where)
    if column.type == "number":
        return lambda value: _number_refusal(value, where)
    if most_units(column.type):
        return lambda value: _length_refusal(stored_text(name, value, column.type), column, where)
    return None


def _number_refusal(value: Scalar, where: str) -> Refusal | None:
    want = cells.unwritable(value)
    return Refusal(want, where, "keep it in a text column: make this one rich_text") if want else None


def _length_refusal(text: str, column: Property, where: str) -> Refusal | None:
    most = most_units(column.type) or 0
    if 2 * len(text) < most:
        return None
    units = utf16_units(text)
    n_most = MAX_PIECES if column.type in ("title", "rich_text") else units
    if units <= most and n_pieces(text) <= n_most:
        return None
    want = f"text of at most {most} UTF-16 units for a column of type {column.type}, not of {units}"
    return Refusal(want, where, "shorten it at its source")


def _option_refusal(value: str, column: Property, where: str) -> Refusal | None:
    """Why a name is no option of the column, or None.

    Options are never made by a write of a row: a name that is not there is refused, the nearest one named.
    """
    if nfc(value) in column.options:
        return None
    if "," in value:
        return Refusal("an option without a comma", where, "make the column rich_text, or pin another one")
    if twin := _twin(value, column.options):
        want = f'one of the column\'s options; it has "{twin}"'
        return Refusal(want, where, f'rename the option "{twin}" to "{value}" in Notion')
    near = difflib.get_close_matches(value, column.options, n=1)
    want = "one of the column's options" + (f'; nearest is "{near[0]}"' if near else "")
    if column.type == "status":
        return Refusal(want, where, f'add the option "{value}" in Notion: options of a status are made there')
    return Refusal(want, where, f'registry doctor --fix adds the option "{value}"')


def _twin(value: str, options: Iterable[str]) -> str | None:
    """An option that people would take for the same name."""
    return next((option for option in options if folded(option) == folded(value)), None)


def folded(name: str) -> str:
    """Equal for names that people would take for the same: without case, width and extra space."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def missing_columns(title: str, names: Sequence[str]) -> list[str]:
    """What to say of owned columns that are not there."""
    if not names:
        return []
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    said = [f"{title}: no column {shown}: not compared, not written; registry doctor lists what is missing"]
    if OWNED[BASE].name in names:
        said.append(f"{title}: without {OWNED[BASE].name} this machine alone knows what was agreed")
    return said
