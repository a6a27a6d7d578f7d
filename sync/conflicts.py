"""Conflicts, and rows that may be a model, that this machine has shown: a cron job reports each of them once.

A JSON file: table id -> key -> field -> hashes of the table's and the source's value. It is a cache: without
it, or with a damaged one, every conflict is new again.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from schemas.errors import BadSettings
from sync.cells import cell_hash
from sync.changes import Plan
from sync.diff import Action
from sync.files import write_atomically

_Known = dict[str, dict[str, dict[str, str]]]
_KNOWN = TypeAdapter(_Known)


class Conflict(NamedTuple):
    """One cell in conflict; `hashes` changes when the table's or the source's value does."""

    key: str
    field: str
    hashes: str


def new_conflicts(plan: Plan, path: Path) -> list[Conflict]:
    """The conflicts of a plan that this machine has not seen in this form."""
    return unseen(plan.ref.id, _conflicts(plan), path)


def unseen(table_id: str, found: Iterable[Conflict], path: Path) -> list[Conflict]:
    """Those of these that this machine has not seen in this form."""
    known = _read(path).get(table_id, {})
    return [c for c in found if known.get(c.key.casefold(), {}).get(c.field) != c.hashes]


def remember(plan: Plan, path: Path, also: Sequence[Conflict] = ()) -> None:
    """Makes the conflicts of a plan, and `also` these, known. Raises BadSettings when the file cannot be
    written.
    """
    if not unseen(plan.ref.id, [*_conflicts(plan), *also], path):
        return
    known = _read(path)
    of_table = known.setdefault(plan.ref.id, {})
    for conflict in (*_conflicts(plan), *also):
        of_table.setdefault(conflict.key.casefold(), {})[conflict.field] = conflict.hashes
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(known, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise BadSettings(
            f"known conflicts: cannot write the file: {error.strerror or error}",
            where=str(path),
            fix=f"make {path.parent} writable",
            wrote="the table, but not this file: these conflicts will be new again",
        ) from None


def _conflicts(plan: Plan) -> Iterator[Conflict]:
    for change in plan.changes:
        for cell in change.cells:
            if cell.action is Action.CONFLICT:
                yield Conflict(change.key, cell.field, f"{cell_hash(cell.current)} {cell_hash(cell.desired)}")


def _read(path: Path) -> _Known:
    try:
        return _KNOWN.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}
