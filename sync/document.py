"""A plan as one JSON document, and back. A plan file is ours, whole and unedited, or it is refused."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import BadPlan, BadTable, RegistryError, StalePlan
from schemas.evidence import Scalar
from schemas.record import COLUMNS
from sync.apply import Applied
from sync.changes import FORMAT, Cell, Change, Plan, build_plan, columns_of
from sync.diff import Action
from sync.files import FileAction, FileChange
from sync.table import RowResult, TableRef

FIX = "make one with: registry plan --out FILE"


def plan_document(
    plan: Plan,
    *,
    requests: Mapping[str, float],
    exit_code: int,
    files: Sequence[FileChange] | None = None,
    applied: Applied | None = None,
) -> dict[str, Any]:
    """The JSON document of sync, plan and apply. `files`: what became of them, in place of the planned;
    `applied` adds what became of each row.
    """
    results = {} if applied is None else {"results": [_result(one) for one in applied.results]}
    return {
        "format": FORMAT,
        "digest": plan.digest,
        "table": plan.ref._asdict(),
        "schema": plan.fingerprint,
        "changes": [_change(change) for change in plan.changes],
        "files": [_file(change) for change in (plan.files if files is None else files)],
        "problems": [_problem(problem) for problem in plan.problems],
        "summary": dict(plan.summary),
        "requests": dict(requests),
        "exit_code": exit_code,
        **results,
    }


def _result(result: RowResult) -> dict[str, Any]:
    return {"key": result.key, "outcome": str(result.outcome), "detail": result.detail}


def _change(change: Change) -> dict[str, Any]:
    return {
        "key": change.key,
        "model_name": change.model_name,
        "action": str(change.action),
        "cells": [_cell(cell) for cell in change.cells],
        "row_id": change.row_id,
        "row_base": change.row_base,
        "agreed": dict(change.agreed),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "field": cell.field,
        "action": str(cell.action),
        "from": cell.current,
        "to": cell.desired,
        "base": cell.base,
        "source": cell.source,
        "where": cell.where,
    }


def _file(change: FileChange) -> dict[str, Any]:
    problem = change.problem.what if change.problem else None
    return {
        "path": str(change.path),
        "action": str(change.action),
        "content": change.content,
        "problem": problem,
    }


def _problem(problem: RegistryError) -> dict[str, Any]:
    return {"what": problem.what, "from": problem.where, "fix": problem.fix}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class _CellPart(_Strict):
    field: str
    action: Action
    current: Scalar | None = Field(alias="from")
    desired: Scalar = Field(alias="to")
    base: Scalar | None
    source: str | None
    where: str | None


class _ChangePart(_Strict):
    key: str
    model_name: str | None
    action: Action
    cells: list[_CellPart]
    row_id: str | None
    row_base: str | None
    agreed: dict[str, str]


class _TablePart(_Strict):
    kind: str
    id: str
    title: str


class _FilePart(_Strict):
    path: str
    action: FileAction
    content: dict[str, Any] | str | None
    problem: str | None


class _ProblemPart(_Strict):
    what: str
    where: str | None = Field(alias="from")
    fix: str | None


class _PlanFile(_Strict):
    format: Literal["registry-plan/1"]
    digest: str
    table: _TablePart
    fingerprint: str = Field(alias="schema")
    changes: list[_ChangePart]
    files: list[_FilePart]
    problems: list[_ProblemPart]
    summary: dict[str, int]
    requests: dict[str, float]
    exit_code: int


def load_plan(content: bytes, where: str) -> Plan:
    """The plan in a saved document. `where` names it in errors.

    Raises BadPlan when it is no plan, or of a format this version does not know; StalePlan when it was
    edited.
    """
    _check_format(content, where)
    try:
        file = _PlanFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadPlan(
            f"plan: {place}: {first['msg'].lower()}", where=where, fix=FIX, wrote="nothing"
        ) from None
    _check_fields(file, where)
    plan = build_plan(
        TableRef(file.table.kind, file.table.id, file.table.title),
        file.fingerprint,
        [_loaded(change) for change in file.changes],
        file.summary,
        [BadTable(problem.what, where=problem.where, fix=problem.fix) for problem in file.problems],
        [FileChange(Path(part.path), part.action, part.content) for part in file.files],
    )
    if plan.digest != file.digest:
        what = (
            f"plan: its content has the digest {plan.short_digest}, it says {file.digest[:8]}: it was edited"
        )
        raise StalePlan(what, where=where, fix=FIX, wrote="nothing")
    return plan


def _check_format(content: bytes, where: str) -> None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadPlan(f"plan: not JSON: {error}", where=where, fix=FIX, wrote="nothing") from None
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        what = f"plan: want format {FORMAT}, got {found!r}"
        raise BadPlan(
            what, where=where, fix="make it anew with this version: registry plan --out FILE", wrote="nothing"
        )


def _check_fields(file: _PlanFile, where: str) -> None:
    named = {cell.field for change in file.changes for cell in change.cells}
    named |= {field for change in file.changes for field in change.agreed}
    unknown = sorted(named - (COLUMNS.keys() - {"key"}))
    if unknown:
        raise BadPlan(f"plan: no column for {', '.join(unknown)}", where=where, fix=FIX, wrote="nothing")


def _loaded(part: _ChangePart) -> Change:
    cells = [Cell(c.field, c.action, c.current, c.desired, c.base, c.source, c.where) for c in part.cells]
    agreed = tuple(part.agreed.items())
    return Change(
        part.key, part.model_name, part.row_id, part.action, columns_of(cells), part.row_base, agreed
    )
