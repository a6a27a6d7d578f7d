"""A plan after an apply is empty, for every value of every field in every type of column that can hold it.

1,000 generated tables here; `REGISTRY_TEST_ROUND_TRIPS=10000 pytest tests/sync/notion/test_round_trip.py`
makes 10,000.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.evidence import MAX_EXACT_INT, Value
from schemas.record import COLUMNS, Kind, ModelRecord, field_type
from sync.apply import apply_plan
from sync.cells import same
from sync.notion.cells import usable_types
from sync.notion.table import NotionTable
from sync.plan import Plan, make_plan
from sync.table import Outcome
from tests.sync.notion.making import World

pytestmark = pytest.mark.usefixtures("without_waiting_for_the_disk")
N_TABLES = int(os.environ.get("REGISTRY_TEST_ROUND_TRIPS", "1000"))
WHY = Value(value=0, source="hf_config", where="a/b@c:config.json")
OPTIONAL = [name for name, column in COLUMNS.items() if column.optional]
N_PARTS = 4
"""Of the tables, each a test of its own, so that they are made side by side."""
MADE_BY_NAME = ("select", "status")
"""Columns whose cells are options: those of the generated values are made with the column."""

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
long_text = st.integers(1990, 4100).map(lambda n: "a\U0001d7d8" * (n // 2))
option_names = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P"], exclude_characters=",\0"),
    min_size=1,
    max_size=30,
)
whole = st.integers(-MAX_EXACT_INT, MAX_EXACT_INT)
real = st.floats(allow_nan=False, allow_infinity=False)
repos = st.from_regex(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,12}[A-Za-z0-9]/[A-Za-z0-9][A-Za-z0-9_.-]{0,20}[A-Za-z0-9]", fullmatch=True
)


def values(name: str) -> st.SearchStrategy[Any]:
    """Values of a field of the record."""
    kind, type_ = COLUMNS[name].kind, field_type(name)
    if name == "huggingface_repo":
        return repos | words
    if kind is Kind.SELECT:
        return option_names
    if type_ is str:
        return words | long_text
    return {int: whole, float: real | whole.map(float), bool: st.booleans()}[type_]


FIELDS = {name: st.none() | values(name) for name in COLUMNS if name != "key"}


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, str], list[dict[str, Any]], list[dict[str, Any]]]:
    """Field -> type of its column; up to five records; the same models with other values."""
    types = {name: draw(st.sampled_from(sorted(usable_types(name)))) for name in COLUMNS}
    n_rows = draw(st.integers(1, 5))
    chosen = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=8, unique=True))

    def records() -> list[dict[str, Any]]:
        return [{name: draw(FIELDS[name]) for name in chosen} for _ in range(n_rows)]

    return types, records(), records()


def schema_of(name: str, type_: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    """The schema of one column; one of options has those that the records need."""
    if type_ not in MADE_BY_NAME:
        return {type_: {}}
    wanted = {str(one[name]) for one in records if one.get(name) is not None and fits_an_option(one[name])}
    return {type_: {"options": [{"name": one} for one in sorted(wanted)]}}


def fits_an_option(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and "," not in value and value == value.strip()


def models(records: list[dict[str, Any]]) -> list[ModelRecord]:
    return [ModelRecord(key=f"sku:m{i}", **values) for i, values in enumerate(records)]


def planned(table: NotionTable, records: list[ModelRecord]) -> Plan:
    rows = table.read()
    return make_plan(records, rows, table.schema(), table.ref, lambda key, field: WHY)


def written(table: NotionTable, records: list[ModelRecord]) -> Plan:
    """A whole run; every row it plans is written."""
    plan = planned(table, records)
    applied = apply_plan(plan, table, lambda done, total: None)
    assert {one.outcome for one in applied.results} <= {Outcome.CREATED, Outcome.UPDATED}, applied.unfinished
    return plan


@pytest.mark.parametrize("part", range(N_PARTS))
@settings(
    max_examples=N_TABLES // N_PARTS,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(cases())
def test_a_plan_after_an_apply_is_empty(
    part: int,
    case: tuple[dict[str, str], list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    types, first, second = case
    changed = dict.fromkeys(COLUMNS) | {
        name: schema_of(name, type_, first + second)
        for name, type_ in types.items()
        if name in first[0] or name in ("key", "model_name")
    }
    with tempfile.TemporaryDirectory() as home:
        world = World(Path(home), **changed)
        plan = written(world.table(), models(first))
        again = planned(world.table(), models(first))
        assert again.changes == (), [change.cells for change in again.changes]
        assert_said(world, models(first), refused(plan))
        later = written(world.table(), models(second))
        assert [
            change for change in planned(world.table(), models(second)).changes if change.is_written
        ] == []
        assert {
            cell.field for change in later.changes for cell in change.cells if cell.action == "conflict"
        } <= {name for name, type_ in types.items() if type_ == "status"}, (
            "an empty status shows its default option, which nobody agreed to"
        )
        assert len(world.rows) == len(first)


def refused(plan: Plan) -> set[tuple[str, str]]:
    """(key, field) of the values that a column cannot take; each is a problem, and nothing else is left
    out.
    """
    return {(problem.model, problem.field) for problem in plan.problems}  # type: ignore[attr-defined]


def assert_said(world: World, records: list[ModelRecord], left_out: set[tuple[str, str]]) -> None:
    """Another machine reads what the records say, cell by cell."""
    rows = {str(row.cells["key"]): row.cells for row in world.table("another").read()}
    for record in records:
        for name, value in record.model_dump().items():
            if name in COLUMNS and value is not None and (record.key, name) not in left_out:
                assert same(rows[record.key][name], value), (record.key, name, value)
