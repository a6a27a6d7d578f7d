"""Apply: what is written is the plan, a second run writes nothing, and a person's change is kept."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.record import COLUMNS, Kind, ModelRecord, Own, field_type
from sync.apply import Applied, apply_plan, write_of
from sync.base import Agreed, format_base, parse_base
from sync.cells import cell_hash
from sync.changes import Cell, Change, columns_of
from sync.diff import Action
from sync.plan import plan_document
from sync.sql import NAME, SqlTable
from sync.table import Outcome, Row, RowResult, RowWrite, Schema, TableRef
from tests.sync.making import (
    REF,
    SCHEMA,
    as_person,
    cells,
    plan_for,
    plan_of,
    record,
    row,
    stored,
    sync,
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.sqlite"


@pytest.fixture
def table(path: Path) -> SqlTable:
    return SqlTable(f"sqlite:///{path}")


def test_a_second_run_writes_nothing(table: SqlTable) -> None:
    records = [record("a", n_layers=1, is_moe=False, main=True), record("b", norm_eps=1e-05, notes="n")]
    assert [r.outcome for r in sync(table, *records).results] == [Outcome.CREATED, Outcome.CREATED]
    assert cells(plan_for(table, *records)) == []
    assert sync(table, *records).results == ()


def test_a_source_s_change_is_written_and_a_person_s_is_held(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1, n_heads=1))
    as_person(path, f"UPDATE {NAME} SET n_heads = 99")
    assert cells(plan_for(table, record("a", n_layers=1, n_heads=1))) == [("sku:a", "n_heads", "held")]
    (result,) = sync(table, record("a", n_layers=2, n_heads=1)).results
    assert result.outcome is Outcome.UPDATED
    assert stored(path, "n_layers", "n_heads") == [{"n_layers": (2, "integer"), "n_heads": (99, "integer")}]
    assert cells(plan_for(table, record("a", n_layers=2, n_heads=1))) == [("sku:a", "n_heads", "held")]


def test_what_both_changed_is_a_conflict_until_a_person_settles_it(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1, n_heads=1))
    as_person(path, f"UPDATE {NAME} SET n_layers = 50")
    assert sync(table, record("a", n_layers=2, n_heads=3)).unfinished == ()
    assert stored(path, "n_layers", "n_heads") == [{"n_layers": (50, "integer"), "n_heads": (3, "integer")}]
    assert cells(plan_for(table, record("a", n_layers=2, n_heads=3))) == [("sku:a", "n_layers", "conflict")]
    as_person(path, f"UPDATE {NAME} SET n_layers = 2")
    assert cells(plan_for(table, record("a", n_layers=2, n_heads=3))) == []


def test_a_cleared_cell_stays_cleared(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1, is_moe=True))
    as_person(path, f'UPDATE {NAME} SET n_layers = NULL, "Is MoE" = 0')
    assert cells(plan_for(table, record("a", n_layers=1, is_moe=True))) == [
        ("sku:a", "n_layers", "held"),
        ("sku:a", "is_moe", "held"),
    ]


def test_main_and_notes_are_the_person_s_after_creation(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1, main=True, notes="ours"))
    as_person(path, f'UPDATE {NAME} SET "Main" = 0, "Notes" = NULL, "Model Name" = \'my llama\'')
    sync(table, record("a", n_layers=2, main=True, notes="newer"))
    found = stored(path, "n_layers", "Main", "Notes", "Model Name")
    assert found == [
        {
            "n_layers": (2, "integer"),
            "Main": (0, "integer"),
            "Notes": (None, "null"),
            "Model Name": ("my llama", "text"),
        }
    ]


def test_a_damaged_base_makes_a_conflict_and_never_an_overwrite(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1))
    as_person(path, f"UPDATE {NAME} SET \"Registry Base\" = replace(\"Registry Base\", 'v1 ', 'v1  ')")
    assert cells(plan_for(table, record("a", n_layers=2))) == [("sku:a", "n_layers", "conflict")]


def test_a_row_that_moved_after_the_plan_is_not_written(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1, n_heads=1), record("b", n_layers=1))
    plan = plan_for(table, record("a", n_layers=2, n_heads=2), record("b", n_layers=2))
    as_person(path, f"UPDATE {NAME} SET n_heads = 7 WHERE id = 1")
    applied = apply_plan(plan, table, lambda done, total: None)
    assert [(r.key, r.outcome, r.detail) for r in applied.results] == [
        ("sku:a", Outcome.STALE, "n_heads changed in the table after the plan"),
        ("sku:b", Outcome.UPDATED, ""),
    ]
    assert [r.key for r in applied.unfinished] == ["sku:a"]
    assert (applied.counts[Outcome.UPDATED], applied.counts[Outcome.FAILED]) == (1, 0)
    assert [line["n_layers"][0] for line in stored(path, "n_layers")] == [1, 2]


def test_a_plan_of_held_cells_asks_the_table_for_no_write(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1))
    as_person(path, f"UPDATE {NAME} SET n_layers = 7")
    before = path.read_bytes()
    applied = sync(table, record("a", n_layers=1))
    assert (applied.results, path.read_bytes()) == ((), before)


def test_progress_counts_rows(table: SqlTable) -> None:
    seen: list[tuple[int, int]] = []
    records = [record(f"m{i}") for i in range(501)]
    apply_plan(plan_for(table, *records), table, lambda done, total: seen.append((done, total)))
    assert seen == [(500, 501), (501, 501)]


def test_the_base_keeps_what_is_not_written_and_what_this_version_does_not_know() -> None:
    old = {
        "n_layers": Agreed("n_layers", cell_hash(1)),
        "n_heads": Agreed("n_heads", cell_hash(1)),
        "n_kv_heads": Agreed("a column of old", cell_hash(1)),
        "d_future": Agreed("x y", "0a1b2c3d"),
    }
    here = row("1", format_base(old), n_layers=1, n_heads=5, n_kv_heads=5, d_ff=4)
    (change,) = plan_of([record(n_layers=2, n_heads=1, n_kv_heads=2, d_ff=4)], [here]).changes
    write = write_of(change, SCHEMA, change.row_base)
    assert (write.row_id, write.key, write.set, write.expect) == (
        "1",
        "sku:Llama-2-7b",
        {"n_layers": 2},
        {"n_layers": 1},
    )
    assert parse_base(write.base) == {
        **old, "n_layers": Agreed("n_layers", cell_hash(2)), "d_ff": Agreed("d_ff", cell_hash(4)),
    }  # fmt: skip


def test_a_new_row_is_written_with_its_key_and_the_base_of_shared_cells_alone() -> None:
    (change,) = plan_of([record("a", n_layers=1, main=True, notes="n")]).changes
    write = write_of(change, SCHEMA, None)
    assert write.set == {"key": "sku:a", "model_name": "a", "n_layers": 1, "main": True, "notes": "n"}
    assert parse_base(write.base) == {"n_layers": Agreed("n_layers", cell_hash(1))}


class Recording:
    """A table that notes what it is asked to write."""

    def __init__(self) -> None:
        self.ref: TableRef = REF
        self.requests: Mapping[str, float] = {"read": 0, "write": 0, "waited_s": 0.0}
        self.writes: list[RowWrite] = []

    def schema(self) -> Schema:
        return SCHEMA

    def read(self) -> list[Row]:
        return []

    def write(self, batch: Sequence[RowWrite], done: Callable[[int], None]) -> list[RowResult]:
        self.writes += batch
        return [RowResult(write.key, Outcome.UPDATED) for write in batch]


@pytest.mark.parametrize(
    ("row_id", "field", "value"),
    [
        ("1", "My column", "x"),
        (None, "base", "x"),
        ("1", "n_params", 1),
        ("1", "key", "sku:b"),
        ("1", "n_layers", None),
    ],
)
def test_what_is_not_ours_stops_before_the_table_is_asked(row_id: str | None, field: str, value: Any) -> None:
    plan = plan_of([record("a", n_layers=1)])
    cell = Cell(field, Action.UPDATE, None, value, None, None, None)
    bad = Change("sku:a", "a", row_id, Action.UPDATE, columns_of([cell]))
    forged = type(plan)(plan.digest, REF, "f", (plan.changes[0], bad), plan.summary)
    table = Recording()
    with pytest.raises(AssertionError, match="not ours to write"):
        apply_plan(forged, table, lambda done, total: None)
    assert table.writes == []


def test_what_it_took_is_told(table: SqlTable) -> None:
    table.prepare()
    assert sync(table, record("a")).requests == {"read": 2, "write": 1, "waited_s": 0.0}
    assert Applied((), {}).unfinished == ()


# Any table, any person, any source: a run is followed by one that writes nothing.

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.one_of(st.integers(0, 3), st.integers(-(2**53), 2**53)),
    float: st.one_of(
        st.sampled_from([0.0, -0.0, 1e-05, 3.0]), st.floats(allow_nan=False, allow_infinity=False)
    ),
    str: st.one_of(st.sampled_from(["a", "caf\u00e9", "cafe\u0301"]), TEXTS),
}
FIELDS = [
    "model_family",
    "variant",
    "d_ff",
    "n_layers",
    "norm_eps",
    "is_moe",
    "rope_theta",
    "main",
    "notes",
    "n_params",
]
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"key": st.sampled_from(["sku:a", "SKU:A", "hf:b/c", "file:d", "\u00df"])},
        optional={"model_name": TEXTS, **{name: VALUES[field_type(name)] for name in FIELDS}},
    ),
    max_size=4,
    unique_by=lambda values: values["key"].casefold(),
).map(lambda found: [ModelRecord.model_validate(values) for values in found])
Edits = list[tuple[int, str, object]]
EDITS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(FIELDS[:-1]),
        st.one_of(st.none(), st.integers(0, 5), st.floats(allow_nan=False), TEXTS, st.binary(max_size=3)),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(first=RECORDS, edits=EDITS, second=RECORDS, more=EDITS)
def test_after_a_run_the_plan_is_empty_and_a_person_s_cells_are_kept(
    first: list[Any], edits: Edits, second: list[Any], more: Edits
) -> None:
    name = f"file:{uuid4().hex}?mode=memory&cache=shared"
    with closing(sqlite3.connect(name, uri=True, isolation_level=None)) as person:
        table = SqlTable(f"sqlite:///{name}&uri=true", optional=["n_params"])
        table.prepare()
        _check_runs(table, person, first, edits, second, more)


def _check_runs(
    table: SqlTable,
    person: sqlite3.Connection,
    first: list[Any],
    edits: Edits,
    second: list[Any],
    more: Edits,
) -> None:
    sync(table, *first)
    assert plan_for(table, *first).writes == 0
    for records, changes in ((second, edits), (first, more)):
        for row_id, field, value in changes:
            person.execute(f'UPDATE {NAME} SET "{COLUMNS[field].name}" = ? WHERE id = ?', (value, row_id))
        before = {found.row_id: found for found in table.read()}
        plan = plan_for(table, *records)
        written = {(c.row_id, cell.field) for c in plan.changes for cell in c.written}
        for change in plan.changes:
            if change.row_id is not None:
                _check_written(change, before[change.row_id])
        applied = apply_plan(plan, table, lambda done, total: None)
        assert applied.unfinished == ()
        after = {found.row_id: found for found in table.read()}
        kept = [(i, name) for i, found in before.items() for name in found.cells if (i, name) not in written]
        assert [after[i].cells[name] for i, name in kept] == [before[i].cells[name] for i, name in kept]
        assert plan_for(table, *records).writes == 0


def _check_written(change: Change, before: Row) -> None:
    """Whatever is overwritten was last written by us: its hash stands in the base."""
    base = parse_base(before.base) or {}
    for cell in change.written:
        if cell.action is Action.UPDATE and COLUMNS[cell.field].own is Own.SHARED:
            assert base[cell.field].hash == cell_hash(before.cells[cell.field])
        assert COLUMNS[cell.field].own is not Own.FILL
        assert not (COLUMNS[cell.field].kind is Kind.CHECKBOX and cell.action is Action.FILL and cell.current)


def test_the_document_of_a_run_has_its_requests(table: SqlTable) -> None:
    plan = plan_for(table, record("a"))
    applied = apply_plan(plan, table, lambda done, total: None)
    assert plan_document(plan, requests=applied.requests, exit_code=0)["requests"]["write"] == 1
