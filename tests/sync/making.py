"""Records, rows and tables that the tests of `sync` stand on."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from schemas.evidence import Scalar, Value
from schemas.record import COLUMNS, ModelRecord
from sync.apply import Applied, apply_plan
from sync.base import Agreed, format_base
from sync.cells import cell_hash
from sync.plan import Plan, make_plan
from sync.sql import SqlTable
from sync.table import Row, Schema, TableRef

REF = TableRef("local", "/data/table.sqlite", "/data/table.sqlite")
SCHEMA = Schema({name: column.name for name, column in COLUMNS.items() if not column.optional}, "f00d")
WHERE = "meta-llama/Llama-2-7b-hf@01c7f73:config.json"


def evidence(key: str, field: str) -> Value | None:
    return Value(value=0, source="hf_config", where=f"{WHERE}#{field}")


def record(name: str = "Llama-2-7b", **values: Any) -> ModelRecord:
    return ModelRecord(**{"key": f"sku:{name}", "model_name": name, **values})


def base_of(**values: Scalar) -> str:
    return format_base({name: Agreed(SCHEMA.bound[name], cell_hash(value)) for name, value in values.items()})


def row(row_id: str, base: str | None = None, name: str = "Llama-2-7b", **cells: Any) -> Row:
    empty = dict.fromkeys(SCHEMA.bound)
    return Row(row_id, {**empty, "key": f"sku:{name}", "model_name": name, **cells}, base)


def plan_of(records: Sequence[ModelRecord], rows: Sequence[Row] = (), schema: Schema = SCHEMA) -> Plan:
    return make_plan(records, rows, schema, REF, evidence)


def sync(table: SqlTable, *records: ModelRecord) -> Applied:
    """One whole run against a table."""
    return apply_plan(plan_for(table, *records), table, lambda done, total: None)


def plan_for(table: SqlTable, *records: ModelRecord) -> Plan:
    return make_plan(records, table.read(), table.schema(), table.ref, evidence)


def cells(plan: Plan) -> list[tuple[str, str, str]]:
    """(key, field, action) of every cell of a plan."""
    return [(change.key, cell.field, str(cell.action)) for change in plan.changes for cell in change.cells]


def as_person(path: Path, *statements: str) -> None:
    """Edits the file as a person does, with another program."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def stored(path: Path, *columns: str) -> list[Mapping[str, tuple[object, str]]]:
    """What lies in these columns: the value as it is and SQLite's type of it."""
    wanted = ", ".join(f'"{name}", typeof("{name}")' for name in columns)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT {wanted} FROM llm_config_table ORDER BY id").fetchall()
    return [{name: (line[2 * i], line[2 * i + 1]) for i, name in enumerate(columns)} for line in found]
