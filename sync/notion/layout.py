"""The layout of the table in Notion: its columns, their formats, options and descriptions, and the view Main.

Pure: requests are made from it and answers compared with it, none are sent. Which column is which field is
decided in `sync.notion.columns`; a column of nearly the right name is suggested, never taken.
"""

import ast
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from schemas.record import Kind, ModelRecord, Own
from sync.notion.cells import nfc, usable_types
from sync.notion.columns import OWNED, TITLE_FIELD, Binding, folded
from sync.table import BASE

Json = dict[str, Any]
Options = Mapping[str, Sequence[str]]
"""Field of a select column -> the names the catalogue's models need, in their order."""

TITLE = "LLM config table"
ABOUT = (
    "LLM configurations with evidence, kept in step with their sources by `registry sync`. "
    "A cell you change is kept; columns you add are never touched."
)
VIEW = "Main"
MAX_OPTIONS = 100
"""Options one schema write may carry (developers.notion.com, request limits)."""
MAX_DESCRIPTION = 280

LARGE = ("tokens", "params")
"""Units whose numbers are read more easily with commas: 131,072."""

WIDTHS = {Kind.TITLE: 280, Kind.TEXT: 200, Kind.SELECT: 150, Kind.NUMBER: 120, Kind.CHECKBOX: 100}
"""Pixels."""

BASE_ABOUT = "What was last agreed with the sources: how your edits are told from theirs."
HANDS_OFF = "Written by registry sync: leave it as it is."


def wanted(optional: Iterable[str] = ()) -> tuple[str, ...]:
    """The fields whose columns a table should have: all but the optional ones not asked for."""
    asked = set(optional)
    return tuple(field for field, column in OWNED.items() if not column.optional or field in asked)


@cache
def description(field: str) -> str | None:
    """What a person reads of a column: the field's docstring, and the unit it does not say; or None."""
    column = OWNED[field]
    about = BASE_ABOUT if field == BASE else _docstrings().get(field, "")
    unit = f"Unit: {column.unit}." if column.unit and column.unit not in about else None
    owner = HANDS_OFF if column.own is Own.MACHINE else None
    return " ".join(part for part in (about, unit, owner) if part)[:MAX_DESCRIPTION] or None


@cache
def _docstrings() -> dict[str, str]:
    """Field -> its docstring on one line, read from the source of ModelRecord."""
    body = ast.parse(inspect.getsource(ModelRecord)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, said in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(said, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(said.value, ast.Constant)
            found[field.target.id] = _one_line(str(said.value.value))
    return found


def _one_line(text: str) -> str:
    """Without line breaks and code marks; a word that was broken at its hyphen is whole again."""
    return " ".join(re.sub(r"(?<=\w)-\n\s*", "-", text).replace("`", "").split())


def column(field: str, options: Options) -> Json:
    """The write form of a column, for a new table or a new column."""
    best = usable_types(field)[0]
    form: Json = {"type": best, best: _details(field, options)}
    if about := description(field):
        form["description"] = about
    return form


def _details(field: str, options: Options) -> Json:
    kind = OWNED[field].kind
    if kind is Kind.NUMBER:
        return {"format": "number_with_commas" if OWNED[field].unit in LARGE else "number"}
    if kind is Kind.SELECT:
        return {"options": [{"name": name} for name in fitting(options.get(field, ())).add]}
    return {}


def columns(fields: Iterable[str], options: Options) -> Json:
    """Column name -> write form, as `properties` of a new table or of a schema update."""
    return {OWNED[field].name: column(field, options) for field in fields}


def missing(binding: Binding, fields: Iterable[str]) -> list[str]:
    """Those of `fields` that have no column, not even one of a wrong type."""
    return [field for field in fields if field not in binding.columns and field not in binding.unusable]


def near_names(data_source: Json, binding: Binding, fields: Iterable[str]) -> dict[str, str]:
    """Field without a column -> a free column of nearly its name: other case, spaces or underscores."""
    taken = {OWNED[field].name for field in binding.unusable}
    free = [
        name
        for name, shown in data_source["properties"].items()
        if shown["id"] not in binding.ids and name not in taken
    ]
    there = {_letters(name): name for name in free}
    near = {field: there.get(_letters(OWNED[field].name)) for field in fields}
    return {field: name for field, name in near.items() if name}


def addable(data_source: Json, binding: Binding, fields: Iterable[str]) -> list[str]:
    """The fields whose column can be added: not the title, and not where one of nearly its name is free."""
    lacking = missing(binding, fields)
    near = near_names(data_source, binding, lacking)
    return [field for field in lacking if field not in near and field != TITLE_FIELD]


class Fitting(NamedTuple):
    """Options a column lacks. `left_out`: those it cannot take; `twins`: wanted -> a near one there."""

    add: list[str]
    left_out: list[str]
    twins: dict[str, str]


def fitting(names: Iterable[str], there: Sequence[str] = ()) -> Fitting:
    """Which options to add to those `there`: no twin of one, none with a comma, 100 in all."""
    known, alike = {nfc(name) for name in there}, {folded(name): name for name in there}
    new = [name for name in dict.fromkeys(names) if nfc(name) not in known]
    twins = {name: alike[folded(name)] for name in new if folded(name) in alike}
    able = [name for name in new if name not in twins and "," not in name]
    add = able[: max(0, MAX_OPTIONS - len(there))]
    return Fitting(add, [name for name in new if name not in twins and name not in add], twins)


def missing_options(binding: Binding, options: Options) -> dict[str, Fitting]:
    """Field -> the options its column lacks; only fields that lack any. A status takes none from here."""
    found = {}
    for field, names in options.items():
        column = binding.columns.get(field)
        if column is None or column.type not in ("select", "status"):
            continue
        fit = fitting(names, list(column.options))
        if column.type == "status":
            fit = Fitting([], [*fit.add, *fit.left_out], fit.twins)
        if any(fit):
            found[field] = fit
    return found


def with_options(shown: Json, names: Iterable[str]) -> Json:
    """The write form that adds options to a select column: all that were read, then the new ones.

    A list replaces the old one, so an option left out would be taken from every row that has it.
    """
    kept = [
        {key: value for key, value in one.items() if value is not None} for one in shown["select"]["options"]
    ]
    return {"select": {"options": [*kept, *({"name": name} for name in names)]}}


def new_options(data_source: Json, binding: Binding, options: Options) -> Json:
    """Property id -> write form, for every select column that can take more of the options."""
    by_id = {shown["id"]: shown for shown in data_source["properties"].values()}
    ids = {field: binding.columns[field].id for field in binding.columns}
    return {
        ids[field]: with_options(by_id[ids[field]], fit.add)
        for field, fit in missing_options(binding, options).items()
        if fit.add
    }


def main_view(data_source: Json, binding: Binding) -> Json:
    """The request that makes the view Main: rows ticked Main, by name. Wants the column Main."""
    return {
        "database_id": data_source["parent"]["database_id"],
        "data_source_id": data_source["id"],
        "name": VIEW,
        "type": "table",
        "filter": {"property": binding.columns["main"].id, "checkbox": {"equals": True}},
        "sorts": [{"property": binding.columns[TITLE_FIELD].id, "direction": "ascending"}],
        "configuration": arrangement(binding),
    }


def arrangement(binding: Binding) -> Json:
    """How a table view shows our columns: the name first and in sight, the machine's last and hidden."""
    ids = {field: column.id for field, column in binding.columns.items()}
    shown = [field for field in ids if OWNED[field].own is not Own.MACHINE]
    hidden = [field for field in ids if OWNED[field].own is Own.MACHINE]
    return {
        "type": "table",
        "properties": [
            *({"property_id": ids[f], "visible": True, "width": WIDTHS[OWNED[f].kind]} for f in shown),
            *({"property_id": ids[f], "visible": False} for f in hidden),
        ],
        "frozen_column_index": 1,
        "wrap_cells": False,
    }


def is_main_view(view: Json) -> bool:
    """Whether a view is the one called Main, whatever a person made of its filter since."""
    return view.get("name") == VIEW


def _letters(name: str) -> str:
    """What is left of a name without case, width, spaces and punctuation."""
    return "".join(c for c in folded(name) if c.isalnum())
