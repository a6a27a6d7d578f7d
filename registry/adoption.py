"""Adoption: which rows of a table that people made are which models. Pure.

A row is placed by the first of hub repository, core id with variant, and title that names one model for it
and one row for the model; a row that another of the three contradicts is left to a person. Nothing is matched
by likeness.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from registry.model import Model
from schemas.evidence import Scalar
from schemas.record import COLUMNS, Kind, Own
from sync.base import Agreed, format_base
from sync.cells import cell_hash, is_empty, same
from sync.table import Row, RowWrite, Schema, Stranger


class Placed(NamedTuple):
    """A row and the model it is. `by` says how it was known; `differing`: fields whose cell is another
    value.
    """

    row: Row
    model: Model
    by: str
    agreeing: tuple[str, ...]
    differing: tuple[str, ...]
    empty: tuple[str, ...]


class Unplaced(NamedTuple):
    """A row that stays as it is, and why."""

    row: Row
    why: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """What adopting a table would do. `keyed`: rows that have their key already."""

    placed: tuple[Placed, ...]
    unplaced: tuple[Unplaced, ...]
    keyed: int

    def writes(self, schema: Schema, *, main: bool = False) -> list[RowWrite]:
        """One write per placed row: the key, the base of every cell that agrees, and Main where asked for."""
        return [_write(one, schema, main=main) for one in self.placed]


Names = Callable[[Model], Iterable[Hashable]]


class Way(NamedTuple):
    """One way to know a row: what the row says, and what a model answers to."""

    said: str
    of_row: Callable[[Row], Hashable | None]
    of_model: Names


def adopt(rows: Sequence[Row], models: Sequence[Model]) -> Adoption:
    """Places the rows that have no key among the models that have no row.

    In rounds: when all other rows of one repository are placed, the last model of it is told by the
    repository.
    """
    taken = {_folded(row.cells.get("key")) for row in rows} - {None}
    free_rows = [row for row in rows if _folded(row.cells.get("key")) is None]
    free_models = [model for model in models if model.record.key.casefold() not in taken]
    says = [_matches(way, free_rows, free_models) for way in WAYS]
    placed: dict[str, Placed] = {}
    while found := _round(free_rows, free_models, placed, says):
        placed |= found
    unplaced = [Unplaced(row, _why_not(row, says, placed)) for row in free_rows if row.row_id not in placed]
    return Adoption(
        tuple(placed[row.row_id] for row in free_rows if row.row_id in placed),
        tuple(unplaced),
        len(rows) - len(free_rows),
    )


def _round(
    rows: Sequence[Row], models: Sequence[Model], placed: Mapping[str, Placed], says: "Sequence[Found]"
) -> dict[str, Placed]:
    """The rows that can be placed now, each at a model of its own."""
    done = {one.model.record.key for one in placed.values()}
    rows = [row for row in rows if row.row_id not in placed]
    models = [model for model in models if model.record.key not in done]
    unique = [_unique(_matches(way, rows, models)) for way in WAYS]
    found = [one for row in rows if (one := _told(row, unique, says))]
    keys = [one.model.record.key for one in found]
    return {one.row.row_id: one for one in found if keys.count(one.model.record.key) == 1}


def claimed(rows: Sequence[Row], models: Sequence[Model]) -> dict[str, Row]:
    """Case-folded key -> a row without a key that may be this model by any of the ways, unique or not.

    Making a row for such a model could make a second one.
    """
    free = {row.row_id: row for row in rows if _folded(row.cells.get("key")) is None}
    if not free:
        return {}
    found = [_matches(way, list(free.values()), models) for way in WAYS]
    return {
        model.record.key.casefold(): free[row_id]
        for matches in found
        for row_id, named in matches.items()
        for model in named
    }


Found = Mapping[str, Sequence[Model]]


def _matches(way: Way, rows: Sequence[Row], models: Sequence[Model]) -> dict[str, list[Model]]:
    """Row id -> the models that answer to what the row says; a row that says nothing is not in it."""
    named: dict[Hashable, list[Model]] = {}
    for model in models:
        for name in dict.fromkeys(way.of_model(model)):
            named.setdefault(name, []).append(model)
    return {row.row_id: named.get(said, []) for row in rows if (said := way.of_row(row)) is not None}


def _unique(found: Found) -> dict[str, Model]:
    """The rows that name one model which no other row names this way."""
    single = {row_id: models[0] for row_id, models in found.items() if len(models) == 1}
    keys = [model.record.key for model in single.values()]
    return {row_id: model for row_id, model in single.items() if keys.count(model.record.key) == 1}


def _told(row: Row, unique: Sequence[Mapping[str, Model]], says: Sequence[Found]) -> Placed | None:
    """The row at the model that the surest way tells, unless another way tells of other models."""
    for way, found in zip(WAYS, unique, strict=True):
        if model := found.get(row.row_id):
            return None if _against(row, model, says) else _placed(row, model, way.said)
    return None


def _against(row: Row, model: Model, says: Sequence[Found]) -> str | None:
    """What another way says of the row, where that is not this model."""
    for way, found in zip(WAYS, says, strict=True):
        named = found.get(row.row_id)
        if named and model not in named:
            return f"{way.said} says {_keys(named)}"
    return None


def _why_not(row: Row, says: Sequence[Found], placed: Mapping[str, Placed]) -> str:
    told = [(way, found.get(row.row_id, ())) for way, found in zip(WAYS, says, strict=True)]
    for way, models in told:
        against = _against(row, models[0], says) if len(models) == 1 else None
        if against:
            return f"{way.said} says {models[0].record.key}, {against}"
    elsewhere = {one.model.record.key for one in placed.values()}
    for way, models in told:
        if len(models) > 1:
            return f"{way.said} fits {len(models)} models: {_keys(models)}"
        if models:
            other = "which another row is" if models[0].record.key in elsewhere else "as another row does"
            return f"{way.said} says {models[0].record.key}, {other}"
    return f"no model without a row has this {', '.join(way.said for way in WAYS)}"


def _keys(models: Sequence[Model]) -> str:
    keys = [model.record.key for model in models]
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _placed(row: Row, model: Model, by: str) -> Placed:
    """How each known value of the model stands to the row's cell; a cell is agreed, different or empty."""
    groups: dict[str, list[str]] = {"agreeing": [], "differing": [], "empty": []}
    for field, value in model.record.model_dump().items():
        if value is None or field not in row.cells or COLUMNS[field].own is not Own.SHARED:
            continue
        cell = row.cells[field]
        kind = "agreeing" if same(cell, value) else "empty" if is_empty(cell) else "differing"
        groups[kind].append(field)
    return Placed(row, model, by, *(tuple(names) for names in groups.values()))


def _write(one: Placed, schema: Schema, *, main: bool) -> RowWrite:
    record = one.model.record.model_dump()
    agreed = {field: Agreed(schema.bound[field], cell_hash(record[field])) for field in one.agreeing}
    values: dict[str, Scalar] = {"key": one.model.record.key}
    expect: dict[str, Scalar | None] = {"key": one.row.cells.get("key")}
    if main and one.model.record.main and "main" in schema.bound:
        values["main"], expect["main"] = True, one.row.cells.get("main")
    return RowWrite(one.row.row_id, one.model.record.key, values, format_base(agreed), expect)


def _folded(value: Scalar | None) -> str | None:
    """Text for comparison: without case and outer space; None for an empty cell."""
    text = str(value).strip().casefold() if value is not None else ""
    return text or None


def _repo(row: Row) -> Hashable | None:
    return _folded(row.cells.get("huggingface_repo"))


def _core(row: Row) -> Hashable | None:
    """Core id with variant; without one, an empty Variant says nothing, and the core id stands for all."""
    core = _folded(row.cells.get("core_model_id"))
    return (core, _folded(row.cells.get("variant"))) if core else None


def _title(row: Row) -> Hashable | None:
    return _folded(row.cells.get("model_name"))


def _repos_of(model: Model) -> Iterable[Hashable]:
    repos = (*model.entry.repos, model.record.huggingface_repo, model.record.config_repo)
    return [repo.casefold() for repo in repos if repo]


def _core_of(model: Model) -> Iterable[Hashable]:
    record = model.record
    core = _folded(record.core_model_id)
    return [(core, _folded(record.variant)), (core, None)] if core else []


def _titles_of(model: Model) -> Iterable[Hashable]:
    entry = model.entry
    names = (model.record.model_name, entry.name, entry.key, entry.short_key, *entry.own_repos)
    return [name.strip().casefold() for name in names if name]


WAYS = (
    Way("HuggingFace Repo", _repo, _repos_of),
    Way("Core Model ID and Variant", _core, _core_of),
    Way("title", _title, _titles_of),
)


MIN_ROWS, MIN_DISTINCT, MIN_SHARE = 3, 2, 2 / 3
"""Rows that have to agree, different values among them, and the share of the rows whose value the sources
know, before a column is taken for a renamed one.
"""


def recognised(
    placed: Sequence[Placed], fields: Iterable[str], strangers: Sequence[Stranger]
) -> dict[str, Stranger]:
    """Field -> the column of another name that says what the sources say, where it is the only one.

    A column whose cells fit two fields is left, also where the other one has its column: in models without
    grouped heads n_heads and n_kv_heads say the same. Ticked boxes are too easily alike: a checkbox is never
    recognised.
    """
    wanted = set(fields)
    fits = {one.property_id: [name for name in COLUMNS if _fits(name, one, placed)] for one in strangers}
    claims = [names[0] for names in fits.values() if len(names) == 1]
    return {
        names[0]: one
        for one in strangers
        if len(names := fits[one.property_id]) == 1 and names[0] in wanted and claims.count(names[0]) == 1
    }


def _fits(field: str, column: Stranger, placed: Sequence[Placed]) -> bool:
    if COLUMNS[field].own is not Own.SHARED or COLUMNS[field].kind is Kind.CHECKBOX:
        return False
    cells = column.cells(field)
    if cells is None:
        return False
    pairs = [(cells.get(one.row.row_id), getattr(one.model.record, field)) for one in placed]
    known = [(cell, value) for cell, value in pairs if not is_empty(cell) and value is not None]
    distinct = {cell_hash(value) for _, value in known}
    if len(known) < MIN_SHARE * sum(value is not None for _, value in pairs):
        return False
    return len(known) >= MIN_ROWS and len(distinct) >= MIN_DISTINCT and all(same(*pair) for pair in known)
