"""The size rules, at both sides of each threshold."""

import pytest

from schemas.errors import BadUsage, StalePlan, TooManyChanges
from sync.gates import check_gates
from sync.plan import Plan
from sync.table import Row
from tests.sync.making import REF, base_of, plan_of, record, row


def table(n: int) -> list[Row]:
    return [row(str(i), base_of(n_layers=1), name=f"m{i}", n_layers=1) for i in range(n)]


def overwriting(n: int, rows: list[Row]) -> Plan:
    return plan_of([record(f"m{i}", n_layers=2) for i in range(n)], rows)


def check(plan: Plan, rows: list[Row], **options: object) -> None:
    check_gates(plan, rows, **{"local": False, "accept": None, "import_": False, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(("n", "of"), [(3, 10), (6, 20), (9, 9), (30, 100), (0, 10)])
def test_up_to_30_percent_of_the_rows_or_a_small_table_passes(n: int, of: int) -> None:
    check(overwriting(n, table(of)), table(of))


@pytest.mark.parametrize(("n", "of", "percent"), [(4, 10, 40), (7, 20, 35), (31, 100, 31)])
@pytest.mark.parametrize("local", [True, False])
def test_more_is_refused_with_the_numbers(n: int, of: int, percent: int, local: bool) -> None:
    plan = overwriting(n, table(of))
    with pytest.raises(TooManyChanges) as refused:
        check(plan, table(of), local=local, import_=True)
    assert str(refused.value) == (
        f"sync: {n} of {of} rows ({percent} %) would be overwritten, at most 30 % pass unasked\n"
        f"  from  {REF.title}\n  fix   read the plan with --dry-run, then add --accept {plan.digest[:8]}\n"
        "  wrote nothing"
    )


def test_the_values_of_one_column_are_measured_too() -> None:
    rows = table(10) + [row(f"e{i}", name=f"e{i}") for i in range(10)]
    check(overwriting(3, rows), rows)
    plan = overwriting(4, rows)
    with pytest.raises(TooManyChanges) as refused:
        check(plan, rows)
    assert refused.value.what == (
        'sync: 4 of 10 values of "n_layers" (40 %) would be overwritten, at most 30 % pass unasked'
    )


def test_a_column_with_fewer_than_10_values_is_not_measured() -> None:
    rows = table(9) + [row(f"e{i}", name=f"e{i}") for i in range(21)]
    check(overwriting(9, rows), rows)


def test_fills_held_cells_and_conflicts_overwrite_nothing() -> None:
    rows = [row(str(i), base_of(d_ff=2), name=f"m{i}", n_layers=1, d_ff=9) for i in range(10)]
    plan = plan_of([record(f"m{i}", n_layers=2, d_ff=2, d_hidden=4) for i in range(10)], rows)
    assert {str(cell.action) for change in plan.changes for cell in change.cells} == {
        "fill",
        "held",
        "conflict",
    }
    check(plan, rows)


def creating(n: int, rows: list[Row]) -> Plan:
    return plan_of([record(f"new{i}") for i in range(n)], rows)


@pytest.mark.parametrize(("n", "of"), [(500, 0), (20, 1), (20, 66), (21, 70), (30, 100)])
def test_new_rows_up_to_the_larger_of_20_and_30_percent_pass(n: int, of: int) -> None:
    check(creating(n, table(of)), table(of))


@pytest.mark.parametrize(("n", "of", "most"), [(21, 1, 20), (21, 66, 20), (22, 70, 21), (31, 100, 30)])
def test_more_new_rows_need_a_word(n: int, of: int, most: int) -> None:
    plan, rows = creating(n, table(of)), table(of)
    with pytest.raises(TooManyChanges) as refused:
        check(plan, rows)
    assert str(refused.value) == (
        f"sync: {n} rows would be added to {of}, at most {most} pass unasked\n  from  {REF.title}\n"
        f"  fix   read the plan with --dry-run, then add --accept {plan.digest[:8]} or --import\n"
        "  wrote nothing"
    )
    check(plan, rows, import_=True)
    check(plan, rows, local=True)
    check(plan, rows, accept=plan.digest[:8])


@pytest.mark.parametrize("digits", [8, 9, 64])
def test_the_accepted_plan_passes(digits: int) -> None:
    plan = overwriting(10, table(10))
    check(plan, table(10), accept=plan.digest[:digits])
    check(plan, table(10), accept=plan.digest[:digits].upper())


@pytest.mark.parametrize("n", [0, 10])
def test_another_plan_than_the_accepted_is_refused_whatever_its_size(n: int) -> None:
    plan = overwriting(n, table(10))
    other = "0" * 8 if not plan.digest.startswith("0") else "1" * 8
    with pytest.raises(StalePlan) as stale:
        check(plan, table(10), accept=other)
    assert str(stale.value) == (
        f"--accept {other}: the plan is {plan.digest[:8]} by now\n  from  {REF.title}\n"
        f"  fix   read the plan again, then --accept {plan.digest[:8]}\n  wrote nothing"
    )


@pytest.mark.parametrize("accept", ["", "yes", "1234567", "g" * 8, "0" * 65])
def test_what_is_no_digest_is_a_bad_flag(accept: str) -> None:
    with pytest.raises(BadUsage) as bad:
        check(overwriting(0, table(10)), table(10), accept=accept)
    assert bad.value.what == f"--accept: want at least 8 hex digits of a plan's digest, got {accept!r}"
