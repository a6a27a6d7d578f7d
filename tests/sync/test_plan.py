"""The plan: which rows, cells, order and digest; and whether the world is still the same."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import Refused, StalePlan
from schemas.evidence import Value
from schemas.record import COLUMNS, field_type
from sync.base import parse_base
from sync.changes import Plan
from sync.diff import Action
from sync.files import FileAction, FileChange
from sync.plan import check_fresh, make_plan, natural
from sync.table import Row, Schema, TableRef
from tests.sync.making import REF, SCHEMA, WHERE, base_of, cells, evidence, plan_of, record, row

FILE = Path("/data/layers/a.json")


def test_a_new_model_is_a_row_of_its_known_values() -> None:
    plan = plan_of([record("a", n_layers=32, is_moe=False, notes="", main=True)])
    (change,) = plan.changes
    assert (change.key, change.model_name, change.row_id, change.action) == ("sku:a", "a", None, "add")
    assert change.cells[1] == ("n_layers", "add", None, 32, None, "hf_config", f"{WHERE}#n_layers")
    assert [(cell.field, cell.desired) for cell in change.cells] == [
        ("model_name", "a"), ("n_layers", 32), ("is_moe", False), ("main", True),
    ]  # fmt: skip
    assert plan.summary == {"add": 1, "update": 0, "unchanged": 0, "held": 0, "conflict": 0}


def test_a_model_of_which_only_the_key_is_known_is_still_a_row() -> None:
    plan = plan_of([record("a", model_name=None)])
    assert (plan.changes[0].cells, plan.writes) == ((), 1)


def test_a_row_that_says_the_same_is_no_change() -> None:
    plan = plan_of(
        [
            record(
                n_layers=32,
                norm_eps=1e-05,
                rope_theta=1e4,
                is_moe=False,
                notes="new note",
                variant="caf\u00e9",
            )
        ],
        [
            row(
                "1",
                n_layers=32.0,
                norm_eps=1e-05,
                rope_theta=10000,
                is_moe=None,
                notes="mine",
                variant="cafe\u0301",
            )
        ],
    )
    assert (plan.changes, plan.summary["unchanged"], plan.writes) == ((), 1, 0)


def test_keys_are_compared_case_folded_and_never_rewritten() -> None:
    plan = plan_of([record("llama-2-7B", model_name="x", n_layers=1)], [row("1", key="SKU:Llama-2-7b")])
    assert cells(plan) == [("sku:llama-2-7B", "n_layers", "fill")]


def test_rows_without_a_key_or_without_a_record_are_left_alone() -> None:
    rows = [row("1", key=None, n_layers=5), row("2", name="own", n_layers=6)]
    assert cells(plan_of([record("a", model_name=None)], rows)) == []
    assert plan_of([], rows).changes == ()


def test_a_silent_source_never_clears_a_cell() -> None:
    plan = plan_of([record()], [row("1", base_of(n_layers=32), n_layers=32, notes="n")])
    assert plan.changes == ()


def test_each_action_has_its_cell() -> None:
    base = base_of(n_layers=1, n_heads=1, n_kv_heads=1, d_ff=1)
    wanted = record(n_layers=2, n_heads=1, n_kv_heads=2, d_ff=1, d_hidden=9, vocab_size=3)
    here = row("7", base, n_layers=1, n_heads=5, n_kv_heads=3, d_ff=1, vocab_size=4)
    (change,) = plan_of([wanted], [here]).changes
    assert [(c.field, str(c.action), c.current, c.desired, c.base) for c in change.cells] == [
        ("d_hidden", "fill", None, 9, None),
        ("n_layers", "update", 1, 2, 1),
        ("n_heads", "held", 5, 1, 1),
        ("n_kv_heads", "conflict", 3, 2, None),
        ("vocab_size", "conflict", 4, 3, None),
    ]
    assert (change.row_id, change.action, change.row_base) == ("7", "conflict", base)


@pytest.mark.parametrize(
    ("wanted", "here", "base", "counted"),
    [
        ({"n_layers": 2}, {}, {}, "update"),
        ({"n_layers": 2}, {"n_layers": 1}, {"n_layers": 1}, "update"),
        ({"n_layers": 2}, {"n_layers": 1}, {"n_layers": 2}, "held"),
        ({"n_layers": 2}, {"n_layers": 1}, {}, "conflict"),
        ({"n_layers": 2, "d_ff": 2}, {"n_layers": 1, "d_ff": 1}, {"n_layers": 1, "d_ff": 2}, "held"),
        ({"n_layers": 2, "d_ff": 2}, {"n_layers": 1, "d_ff": 1}, {"n_layers": 1}, "conflict"),
        ({"n_layers": 2}, {"n_layers": 2}, {}, "unchanged"),
    ],
)
def test_a_row_counts_by_its_gravest_action(wanted: dict, here: dict, base: dict, counted: str) -> None:  # type: ignore[type-arg]
    plan = plan_of([record(**wanted)], [row("1", base_of(**base), **here)])
    assert {name for name, count in plan.summary.items() if count} == {counted}
    assert sum(plan.summary.values()) == 1


def test_what_the_person_has_after_creation_is_theirs() -> None:
    plan = plan_of(
        [record(main=True, notes="n", model_name="new name")], [row("1", model_name="mine", main=False)]
    )
    assert plan.changes == ()


def test_only_columns_the_table_has_are_planned() -> None:
    schema = Schema({"key": "k", "n_layers": "l"}, "x")
    wanted = record(n_layers=2, d_ff=3, n_params=7)
    assert cells(plan_of([wanted], [], schema)) == [("sku:Llama-2-7b", "n_layers", "add")]
    here = Row("1", {"key": "sku:Llama-2-7b", "n_layers": None}, None)
    assert cells(plan_of([wanted], [here], schema)) == [("sku:Llama-2-7b", "n_layers", "fill")]
    assert (
        plan_of([wanted], [Row("1", {"key": "sku:Llama-2-7b"}, None)], Schema({"key": "k"}, "x")).changes
        == ()
    )


def test_a_column_bound_to_another_property_has_no_base() -> None:
    schema = Schema({**SCHEMA.bound, "n_layers": "other"}, "x")
    plan = plan_of([record(n_layers=2)], [row("1", base_of(n_layers=1), n_layers=1)], schema)
    assert cells(plan) == [("sku:Llama-2-7b", "n_layers", "conflict")]


def test_rows_without_a_key_column_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        plan_of([record()], [Row("1", {"n_layers": 3}, None)], Schema({"n_layers": "l"}, "x"))
    assert str(refused.value) == (
        f'{REF.title}: no column "Registry Key", so no row can be told from another\n'
        '  fix   registry adopt adds it to a table people made; or name a column "Registry Key"\n'
        "  wrote nothing"
    )


def test_a_key_on_two_rows_is_refused_and_the_others_go_on() -> None:
    rows = [row("4", name="a"), row("9", key="SKU:A"), row("5", name="b")]
    plan = plan_of([record("a", n_layers=1), record("b", n_layers=1)], rows)
    assert cells(plan) == [("sku:b", "n_layers", "fill")]
    (problem,) = plan.problems
    assert str(problem) == (
        'sku:a: want one row with this key, got rows 4, 9\n  from  column "Registry Key"\n'
        "  fix   keep the key on one of them and clear it on the others\n  wrote nothing to these rows"
    )
    assert problem.exit_code == 5


def test_two_records_of_one_key_write_once() -> None:
    plan = plan_of([record("a", n_layers=1), record("A", n_layers=2)])
    assert [change.key for change in plan.changes] == ["sku:a"]
    assert [str(problem) for problem in plan.problems] == [
        "sku:A: two models carry this key\n  fix   list the model once\n  wrote the first"
    ]


@pytest.mark.parametrize("rows", [[], [row("1")]], ids=["new row", "old row"])
@pytest.mark.parametrize(
    ("field", "value", "want"),
    [
        ("vocab_size", 2**53 + 1, "an integer up to 2^53 = 9007199254740992"),
        ("norm_eps", float("inf"), "a finite number"),
        ("variant", "a\0b", "text without U+0000"),
    ],
)
def test_a_value_no_table_holds_is_left_out_and_told(
    rows: list[Row], field: str, value: object, want: str
) -> None:
    plan = plan_of([record(**{"n_layers": 2, field: value})], rows)  # type: ignore[arg-type]
    assert {name for _, name, _ in cells(plan)} - {"model_name"} == {"n_layers"}
    (problem,) = plan.problems
    assert problem.what == f"sku:Llama-2-7b: {field}: want {want}, got {value!r}"
    assert (problem.where, problem.exit_code) == (f"{WHERE}#{field}", 5)


def test_changes_come_in_natural_order() -> None:
    names = ["Llama-2-70b", "Llama-2-7b", "GPT-2", "llama-2-13b", "Llama-3.1-8B", "9m"]
    plan = plan_of([record(name) for name in names])
    assert [change.model_name for change in plan.changes] == [
        "9m", "GPT-2", "Llama-2-7b", "llama-2-13b", "Llama-2-70b", "Llama-3.1-8B",
    ]  # fmt: skip
    assert natural("a10") < natural("a10b") < natural("a11")


def test_a_value_without_evidence_is_planned_without_a_source() -> None:
    plan = make_plan([record("a", n_layers=1)], [], SCHEMA, REF, lambda key, field: None)
    assert {(cell.source, cell.where) for cell in plan.changes[0].cells} == {(None, None)}


def test_evidence_and_base_are_asked_only_for_cells_that_differ() -> None:
    asked: list[tuple[str, str]] = []

    def why(key: str, field: str) -> Value | None:
        asked.append((key, field))
        return evidence(key, field)

    records = [record("a", n_layers=1, d_ff=2), record("b", n_layers=1, d_ff=2)]
    rows = [row("1", name="a", n_layers=1, d_ff=2), row("2", name="b", n_layers=1, d_ff=3)]
    make_plan(records, rows, SCHEMA, REF, why)
    assert asked == [("sku:b", "d_ff")]


def test_cells_that_agree_go_into_the_base_with_the_next_write() -> None:
    here = row("1", base_of(n_heads=1), n_layers=1, n_heads=3, d_ff=4)
    (change,) = plan_of([record(n_layers=1, n_heads=3, d_ff=4, d_hidden=5)], [here]).changes
    assert [field for field, _ in change.agreed] == ["d_ff", "n_layers", "n_heads"]
    assert parse_base(base_of(n_layers=1, n_heads=3, d_ff=4)) == {
        field: (SCHEMA.bound[field], agreed)
        for field, agreed in [change.agreed[1], change.agreed[2], change.agreed[0]]
    }


def test_the_digest_is_that_of_the_content() -> None:
    wanted, here = [record("a", n_layers=2)], [row("1", name="a", n_layers=1)]
    digest = plan_of(wanted, here).digest
    assert digest == plan_of(wanted, here).digest
    assert len(digest) == 64
    others = [
        plan_of([record("a", n_layers=3)], here),
        plan_of(wanted, [row("1", name="a", n_layers=4)]),
        plan_of(wanted, [row("2", name="a", n_layers=1)]),
        plan_of(wanted, [row("1", base_of(n_layers=9), name="a", n_layers=1)]),
        plan_of(wanted, here, Schema(SCHEMA.bound, "other")),
        make_plan(wanted, here, SCHEMA, TableRef("local", "/other", "/other"), evidence),
        make_plan(wanted, here, SCHEMA, REF, lambda key, field: None),
        make_plan(wanted, here, SCHEMA, REF, evidence, [FileChange(FILE, FileAction.WRITTEN, {"a": 1})]),
        plan_of([record("a", n_layers=2), record("b")], here),
        plan_of(wanted, [*here, row("3", name="c"), row("4", name="c")]),
    ]
    assert len({digest, *(plan.digest for plan in others)}) == 1 + len(others)


def test_writes_counts_rows_and_files() -> None:
    files = [FileChange(FILE, action, {}) for action in FileAction]
    rows = [row("1", name="a", n_layers=1), row("2", base_of(n_layers=2), name="b", n_layers=5)]
    plan = make_plan(
        [record("a", n_layers=2), record("b", n_layers=2), record("c")], rows, SCHEMA, REF, evidence, files
    )
    assert {str(change.action) for change in plan.changes} == {"conflict", "held", "add"}
    assert plan.writes == 2


WANTED = [record("a", n_layers=2, d_ff=5), record("b")]


def here(**cells: object) -> Row:
    return row("1", base_of(n_layers=1), **{"name": "a", "n_layers": 1, "d_ff": 7, **cells})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change_of", "what"),
    [
        (lambda: ([here(n_layers=3)], SCHEMA, REF), "sku:a: n_layers: want 1 as planned, got 3"),
        (lambda: ([here(d_ff=5)], SCHEMA, REF), "sku:a: d_ff: want 7 as planned, got 5"),
        (lambda: ([], SCHEMA, REF), "sku:a: want row 1 with this key, got no row"),
        (
            lambda: ([dataclasses.replace(here(), row_id="2")], SCHEMA, REF),
            "sku:a: want row 1 with this key, got row 2",
        ),
        (
            lambda: ([here(), row("8", key="SKU:B")], SCHEMA, REF),
            "sku:b: want no row with this key, got row 8",
        ),
        (
            lambda: ([here(), row("8", name="a")], SCHEMA, REF),
            "sku:a: want row 1 with this key, got row 1, 8",
        ),
        (
            lambda: ([dataclasses.replace(here(), base=None)], SCHEMA, REF),
            "sku:a: the row was written by another run since",
        ),
        (
            lambda: ([here()], Schema(SCHEMA.bound, "new"), REF),
            "the columns of the table are not what they were",
        ),
        (lambda: ([here()], SCHEMA, TableRef("local", "/x", "/x")), f"want the table {REF.title}, got /x"),
    ],
)
def test_a_plan_is_refused_when_the_world_moved(
    change_of: Callable[[], tuple[list[Row], Schema, TableRef]], what: str
) -> None:
    plan = plan_of(WANTED, [here()])
    assert {change.action for change in plan.changes} == {Action.CONFLICT, Action.ADD}
    with pytest.raises(StalePlan) as stale:
        check_fresh(plan, *change_of())
    assert (stale.value.what, stale.value.wrote) == (f"plan: {what}", "nothing")


def test_a_plan_is_fresh_when_only_other_cells_and_rows_moved() -> None:
    plan: Plan = plan_of(WANTED, [here()])
    check_fresh(plan, [here(notes="new", vocab_size=1), row("5", name="other")], SCHEMA, REF)


def test_every_column_of_the_record_is_planned() -> None:
    values = {"str": "text", "int": 3, "float": 2.5, "bool": True}
    filled = {
        name: values[field_type(name).__name__] for name in COLUMNS if name not in ("key", "model_name")
    }
    schema = Schema({name: column.name for name, column in COLUMNS.items()}, "x")
    (change,) = plan_of([record("a", **filled)], [], schema).changes
    assert [cell.field for cell in change.cells] == [name for name in COLUMNS if name != "key"]
