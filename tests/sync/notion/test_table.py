"""The table in Notion: the contract of every table, and what people, faults and other machines do to it."""

import errno
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from schemas.errors import BadSettings, GaveUp, NotAuthorised, Refused
from schemas.record import COLUMNS, Kind, ModelRecord, field_type
from sync.apply import Applied, apply_plan
from sync.base import Agreed, format_base
from sync.cells import cell_hash
from sync.notion.table import NotionTable
from sync.plan import make_plan
from sync.table import Outcome, Row, RowWrite, Table, TableRef
from tests.notion_emulator.outcomes import (
    commit_late,
    commit_then_cut,
    commit_then_drop,
    commit_then_status,
    drop,
    reject,
    saved_503,
)
from tests.notion_emulator.state import Knobs
from tests.sync.making import evidence
from tests.sync.notion.making import OPTIONS, TITLE, World, creation, outcomes, write
from tests.sync.table_contract import TableContract


class TestContract(TableContract):
    absent_id = "00000000-0000-4000-8000-000000000000"

    @pytest.fixture
    def table(self, tmp_path: Path) -> Table:
        return World(tmp_path).table()


class TestContractWithWorkers(TestContract):
    @pytest.fixture
    def table(self, tmp_path: Path) -> Table:
        return World(tmp_path).table(in_flight=3)


PAGES, PAGE, QUERY = "/v1/pages", "/v1/pages/{}", "/v1/data_sources/{}/query"
NEXT_RUN_S = 900.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def bound(world: World, **values: Any) -> Row:
    """One row as this machine made it and read it."""
    table = world.table()
    write(table, creation("a", **values))
    world.clock.advance(NEXT_RUN_S)
    (row,) = world.table().read()
    return row


def update(row: Row, base: str = "new base", expect: Any = None, **values: Any) -> RowWrite:
    return RowWrite(row.row_id, "sku:a", values, base, expect or {})


def writes(world: World) -> list[str]:
    return [one for one in world.sent() if one.endswith("/pages") or one.startswith("PATCH")]


# Where the table is


def test_a_database_of_one_data_source_is_as_good_as_its_id(world: World) -> None:
    first = world.table(data_source_id=None, database_id=world.database_id)
    write(first, creation("a"))
    assert first.requests["read"] == 2
    again = world.table(data_source_id=None, database_id=world.database_id)
    assert [row.cells["key"] for row in again.read()] == ["sku:a"]
    assert again.requests["read"] == 2  # the data source and its rows: the database is remembered
    assert again.ref == TableRef("notion", world.id, TITLE), "one table has one id, however it was named"


def test_the_id_of_a_database_in_the_place_of_its_data_source_is_followed(world: World) -> None:
    assert world.table(data_source_id=world.database_id).read() == []
    again = world.table(data_source_id=world.database_id)
    again.read()
    assert again.requests["read"] == 2


def test_a_database_of_several_data_sources_lists_them(world: World) -> None:
    other = world.person.add_data_source(world.database_id, "Other")
    with pytest.raises(BadSettings) as caught:
        world.table(data_source_id=None, database_id=world.database_id).read()
    assert f"{world.id} " in str(caught.value)
    assert f'{other} "Other"' in str(caught.value)


def test_a_table_in_the_trash_is_refused(world: World) -> None:
    world.emulator.ws.data_sources[world.id].in_trash = True
    with pytest.raises(Refused, match="the table is in Notion's trash"):
        world.table().read()


def test_the_title_is_known_without_a_request_from_the_second_run_on(world: World) -> None:
    table = world.table()
    assert table.ref.title == f"Notion data source {world.id}"
    table.read()
    again = world.table()
    assert (again.ref.title, again.url) == (TITLE, table.url)
    assert again.requests["read"] == 0


# Columns that people change


def test_a_renamed_column_is_followed_and_told_once(world: World) -> None:
    world.table().read()
    world.person.rename_column(world.id, "d_ff", "Feed-forward")
    table = world.table()
    table.read()
    assert "d_ff" in table.schema().bound
    assert table.warnings == ['column "d_ff" was renamed to "Feed-forward": followed']
    again = world.table()
    again.read()
    assert again.warnings == []


def test_another_machine_follows_a_renamed_column_by_the_bases_of_the_rows(world: World) -> None:
    table = world.table()
    ids = table.schema().bound
    base = format_base({"d_ff": Agreed(ids["d_ff"], cell_hash(5))})
    write(table, RowWrite(None, "sku:a", {"key": "sku:a", "d_ff": 5}, base, {}))
    world.person.rename_column(world.id, "d_ff", "Feed-forward")
    other = world.table("another machine")
    (row,) = other.read()
    assert row.cells["d_ff"] == 5
    assert other.schema().bound == ids


def test_a_column_made_anew_has_another_identity(world: World) -> None:
    table = world.table()
    old = table.schema().bound["d_ff"]
    table.read()
    world.person.recreate_column(world.id, "d_ff")
    again = world.table()
    again.read()
    assert again.schema().bound["d_ff"] != old
    assert again.warnings[0].startswith('column "d_ff" is not the one that was written before')


def test_a_missing_column_is_told(world: World) -> None:
    world.person.delete_column(world.id, "d_ff")
    table = world.table()
    table.read()
    assert table.warnings == [
        f"{TITLE}: no column d_ff: not compared, not written; registry doctor lists what is missing"
    ]


def test_a_pinned_column_is_written(tmp_path: Path) -> None:
    world = World(tmp_path, d_ff=None)
    mine = world.person.add_column(world.id, "My width", "number")
    table = world.table(columns={"d_ff": "My width"})
    write(table, creation("a", d_ff=5))
    assert world.cells(world.rows[0])["My width"] == 5
    assert unquote(table.schema().bound["d_ff"]) == mine


def test_columns_of_other_types_hold_the_same_values(tmp_path: Path) -> None:
    option = {"options": [{"name": "llama2"}]}
    world = World(
        tmp_path,
        vocab_size={"rich_text": {}},
        norm_eps={"rich_text": {}},
        huggingface_repo={"url": {}},
        core_model_id={"url": {}},
        model_type={"rich_text": {}},
        variant={"select": option},
    )
    values = {
        "vocab_size": 128256,
        "norm_eps": 1e-05,
        "huggingface_repo": "meta-llama/Llama-2-7b-hf",
        "core_model_id": "llama2_7b",
        "model_type": "base",
        "variant": "llama2",
    }
    table = world.table()
    write(table, creation("a", **values))
    (row,) = table.read()
    assert {name: row.cells[name] for name in values} == values
    assert world.cells(row.row_id)["HuggingFace Repo"] == "https://huggingface.co/meta-llama/Llama-2-7b-hf"


def test_a_write_makes_no_option(world: World) -> None:
    table = world.table()
    assert table.schema().refusal("model_family", "llama9") is not None  # type: ignore[misc]
    write(table, creation("a", model_family="Llama 3"))
    assert [o["name"] for o in world.person.column(world.id, "Model Family").config["options"]] == list(
        OPTIONS
    )


# Rows that people change


def test_a_row_in_the_trash_is_removed_and_told_once(world: World) -> None:
    row = bound(world)
    write(world.table(), creation("b"))
    world.person.trash(row.row_id)
    table = world.table()
    assert [one.cells["key"] for one in table.read()] == ["sku:b"]
    assert table.removed == {"sku:a"}
    assert table.warnings == [
        "sku:a: its row was removed in Notion: not made again; restore it from Notion's trash,"
        " or make a new one: registry resolve sku:a --take source"
    ]
    again = world.table()
    again.read()
    assert (again.removed, again.warnings) == ({"sku:a"}, [])
    assert again.requests["read"] == 2  # a row that is known to be gone is not asked for again


def test_a_row_that_was_restored_is_a_row_again(world: World) -> None:
    row = bound(world)
    write(world.table(), creation("b"))
    world.person.trash(row.row_id)
    world.table().read()
    world.person.restore(row.row_id)
    table = world.table()
    assert len(table.read()) == 2
    assert table.removed == frozenset()


@pytest.mark.parametrize("how", ["deleted", "moved"])
def test_a_row_that_left_the_table_is_removed(world: World, how: str) -> None:
    row = bound(world)
    write(world.table(), creation("b"))
    if how == "deleted":
        world.person.delete_for_good(row.row_id)
    else:
        world.person.move(row.row_id, {"type": "page_id", "page_id": world.emulator.root_page.id})
    table = world.table()
    assert [one.cells["key"] for one in table.read()] == ["sku:b"]
    assert table.removed == {"sku:a"}


def test_a_row_that_a_person_made_in_the_place_of_a_removed_one_counts(world: World) -> None:
    row = bound(world)
    world.person.add_row(world.id, {"Registry Key": "sku:a"})
    world.person.trash(row.row_id)
    table = world.table()
    assert len(table.read()) == 1
    assert table.removed == frozenset()


def test_an_empty_read_of_a_known_table_is_refused(world: World) -> None:
    row = bound(world)
    world.person.trash(row.row_id)
    with pytest.raises(Refused, match=f"{TITLE}: the read shows 0 of 1 known rows"):
        world.table().read()


def test_a_row_that_a_query_does_not_show_yet_is_asked_for_by_its_id(tmp_path: Path) -> None:
    world = World(tmp_path, knobs=Knobs(lag_s=120))
    write(world.table(), creation("a", n_layers=3), creation("b"))
    table = world.table()
    assert {row.cells["key"] for row in table.read()} == {"sku:a", "sku:b"}
    assert table.removed == frozenset()


@pytest.mark.parametrize("cell", ["sku:other", None])
def test_a_row_keeps_its_key_whatever_a_person_does_to_the_cell(world: World, cell: str | None) -> None:
    row = bound(world)
    world.person.edit(row.row_id, {"Registry Key": cell})
    table = world.table()
    assert [one.cells["key"] for one in table.read()] == ["sku:a"]
    assert len(table.warnings) == 1
    assert outcomes(write(table, creation("a"))) == ["stale"]


# Updates


def test_an_update_sends_its_cells_and_the_base_in_one_request(world: World) -> None:
    row = bound(world, n_layers=1)
    before = len(world.sent())
    assert outcomes(write(world.table(), update(row, n_layers=2))) == ["updated"]
    methods = [one.partition(" ")[0] for one in world.sent()[before:]]
    assert methods == ["GET", "GET", "PATCH"]


def test_what_stands_there_already_is_not_sent(world: World) -> None:
    row = bound(world, n_layers=1)
    before = len(writes(world))
    assert outcomes(write(world.table(), update(row, base="base of a", n_layers=1))) == ["updated"]
    assert len(writes(world)) == before


LOST = {
    "saved, then dropped": commit_then_drop(),
    "saved, then 502": commit_then_status(502),
    "saved, then cut": commit_then_cut(),
    "saved, then 503": saved_503(with_id=False),
    "dropped": drop(),
    "500": reject(500),
    "conflict": reject(409),
}


@pytest.mark.parametrize("outcome", LOST.values(), ids=LOST)
def test_an_update_whose_answer_is_lost_ends_written(world: World, outcome: Any) -> None:
    row = bound(world, n_layers=1)
    world.emulator.faults.add(outcome, method="PATCH", path=PAGE)
    assert outcomes(write(world.table(), update(row, expect={"n_layers": 1}, n_layers=2))) == ["updated"]
    assert world.cells(row.row_id)["n_layers"] == 2
    assert len([one for one in writes(world) if one.startswith("PATCH")]) == (1 if outcome.commits else 2)


def test_an_update_after_a_lost_one_never_covers_a_persons_edit(world: World) -> None:
    row = bound(world, n_layers=1)
    world.emulator.faults.add(drop(), method="PATCH", path=PAGE)
    world.emulator.faults.after(
        lambda: world.person.edit(row.row_id, {"n_layers": 9}), method="PATCH", path=PAGE
    )
    (result,) = write(world.table(), update(row, expect={"n_layers": 1}, n_layers=2))
    assert (result.outcome, result.detail) == (Outcome.STALE, "n_layers changed in the table after the plan")
    assert world.cells(row.row_id)["n_layers"] == 9


@pytest.mark.parametrize("status", [409, 500])
def test_an_update_that_never_gets_through_is_tried_four_times(world: World, status: int) -> None:
    row = bound(world, n_layers=1)
    world.emulator.faults.add(reject(status), method="PATCH", path=PAGE, times=None)
    (result,) = write(world.table(), update(row, n_layers=2))
    assert result.outcome is Outcome.FAILED
    assert "not written in 4 tries" in result.detail
    assert len([one for one in world.sent() if one.startswith("PATCH")]) == 4


def test_an_update_that_notion_refuses_fails_with_its_words_and_the_others_go_on(world: World) -> None:
    row = bound(world, n_layers=1)
    world.emulator.faults.add(
        reject(400, message="n_layers is expected to be text."), method="PATCH", path=PAGE
    )
    results = write(world.table(), update(row, n_layers=2), update(row, n_layers=3))
    assert outcomes(results) == ["failed", "updated"]
    assert "n_layers is expected to be text." in results[0].detail


@pytest.mark.parametrize("how", ["trashed", "deleted", "moved"])
def test_an_update_of_a_row_that_left_is_stale(world: World, how: str) -> None:
    row = bound(world)
    leave = {
        "trashed": lambda: world.person.trash(row.row_id),
        "deleted": lambda: world.person.delete_for_good(row.row_id),
        "moved": lambda: world.person.move(
            row.row_id, {"type": "page_id", "page_id": world.emulator.root_page.id}
        ),
    }
    leave[how]()
    before = len(writes(world))
    assert outcomes(write(world.table(), update(row, n_layers=2))) == ["stale"]
    assert len(writes(world)) == before


# Creates


@pytest.mark.parametrize(
    "outcome",
    [
        commit_then_drop(),
        commit_then_status(504),
        commit_then_cut(),
        saved_503(with_id=True),
        drop(),
        reject(500),
    ],
    ids=lambda outcome: outcome.name,
)
def test_a_create_whose_answer_is_lost_is_unknown_and_never_sent_again(world: World, outcome: Any) -> None:
    world.emulator.faults.add(outcome, method="POST", path=PAGES)
    table = world.table()
    results = write(table, creation("a"), creation("b"), creation("a"))
    assert outcomes(results) == ["unknown", "created", "stale"]
    assert "the next run looks and decides" in results[0].detail
    assert len(writes(world)) == 2


def test_an_unknown_create_that_was_saved_is_found_by_the_next_run(world: World) -> None:
    world.emulator.faults.add(commit_then_drop(), method="POST", path=PAGES)
    write(world.table(), creation("a"))
    table = world.table()
    assert [row.cells["key"] for row in table.read()] == ["sku:a"]
    assert table.settle_s() == 0
    assert outcomes(write(table, creation("a"))) == ["stale"]


def test_an_unknown_create_is_not_decided_before_its_time(world: World) -> None:
    world.emulator.faults.add(commit_late(50), method="POST", path=PAGES)
    write(world.table(), creation("a"))
    world.clock.advance(10)
    table = world.table()
    assert table.read() == []
    assert table.settle_s() == pytest.approx(200)
    table.wait(table.settle_s())
    assert [row.cells["key"] for row in table.read()] == ["sku:a"]
    assert table.settle_s() == 0
    assert table.requests["waited_s"] == pytest.approx(200)


def test_a_create_that_was_never_saved_is_made_after_its_time(world: World) -> None:
    world.emulator.faults.add(drop(), method="POST", path=PAGES)
    write(world.table(), creation("a"))
    world.clock.advance(211)
    table = world.table()
    assert (table.read(), table.settle_s()) == ([], 0)
    assert outcomes(write(table, creation("a"))) == ["created"]
    assert len(world.rows) == 1


def test_a_create_that_notion_says_it_saved_is_bound_by_its_id_before_a_query_shows_it(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, knobs=Knobs(lag_s=120))
    world.emulator.faults.add(saved_503(with_id=True), method="POST", path=PAGES)
    write(world.table(), creation("a"), creation("b"))
    table = world.table()
    assert {row.cells["key"] for row in table.read()} == {"sku:a", "sku:b"}
    assert table.settle_s() == 0


def test_a_create_is_noted_on_the_disk_before_it_is_sent(world: World) -> None:
    seen: list[str] = []
    journals = world.home / "machine" / "notion"
    world.emulator.faults.before(
        lambda: seen.extend(path.read_text() for path in journals.glob("*.intents")),
        method="POST",
        path=PAGES,
    )
    write(world.table(), creation("a"))
    assert ["sku:a" in text for text in seen] == [True]


def test_no_room_for_the_note_means_no_create(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    table = world.table()
    table.read()

    def full_disk(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(GaveUp, match="No space left on device"):
        write(table, creation("a"))
    assert world.rows == []


def test_a_create_that_notion_refuses_fails_and_leaves_nothing_open(world: World) -> None:
    world.emulator.faults.add(reject(400, message="Notes is not a property."), method="POST", path=PAGES)
    table = world.table()
    results = write(table, creation("a"), creation("b"))
    assert outcomes(results) == ["failed", "created"]
    assert "Notes is not a property." in results[0].detail
    assert table.settle_s() == 0


def test_a_full_workspace_takes_no_rows_and_updates_go_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    row = bound(world, n_layers=1)
    full = reject(403, additional={"block_limit": "block_creation"})
    world.emulator.faults.add(full, method="POST", path=PAGES, times=None)
    table = world.table()
    results = write(table, creation("b"), creation("c"), update(row, n_layers=2))
    assert outcomes(results) == ["failed", "failed", "updated"]
    assert "the workspace's plan takes no more rows" in results[1].detail
    assert len([one for one in world.sent() if one.startswith("POST /v1/pages")]) == 2


# A run that ends early


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_token_that_is_revoked_ends_the_run_and_says_what_was_written(world: World, in_flight: int) -> None:
    table = world.table(in_flight=in_flight)
    table.read()
    world.emulator.faults.after(world.emulator.revoke, method="POST", path=PAGES, nth=5)
    with pytest.raises(NotAuthorised) as caught:
        write(table, *(creation(f"m{i}") for i in range(20)))
    assert caught.value.wrote == f"{len(world.rows)} of 20 rows; run again for the rest"
    assert len(world.rows) == 5
    assert len([one for one in world.sent() if one.startswith("POST /v1/pages")]) <= 5 + in_flight


def test_the_next_run_goes_on_where_one_ended(world: World) -> None:
    table = world.table()
    table.read()
    world.emulator.faults.add(reject(403), method="POST", path=PAGES, nth=3, times=1)
    with pytest.raises(NotAuthorised):
        write(table, *(creation(f"m{i}") for i in range(5)))
    again = world.table()
    assert len(again.read()) == 2
    assert again.settle_s() == 0
    results = write(again, *(creation(f"m{i}") for i in range(5)))
    assert outcomes(results) == ["stale", "stale", "created", "created", "created"]


@pytest.mark.parametrize("in_flight", [1, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_killed_while_it_creates_leaves_one_row_each(
    world: World, when: str, in_flight: int
) -> None:
    def kill() -> None:
        raise KeyboardInterrupt

    getattr(world.emulator.faults, when)(kill, method="POST", path=PAGES, nth=3)
    batch = [creation(f"m{i}") for i in range(6)]
    with pytest.raises(KeyboardInterrupt):
        write(world.table(in_flight=in_flight), *batch)
    table = world.table(in_flight=in_flight)
    table.read()
    if table.settle_s():
        table.wait(table.settle_s())
        table.read()
    assert table.settle_s() == 0
    write(table, *batch)
    assert sorted(str(row.cells["key"]) for row in table.read()) == [f"sku:m{i}" for i in range(6)]


def test_progress_never_goes_back_with_several_workers(world: World) -> None:
    steps: list[int] = []
    world.table(in_flight=3).write([creation(f"m{i}") for i in range(30)], steps.append)
    assert steps == list(range(1, 31))


# Whole runs


def full_record(name: str = "a") -> ModelRecord:
    """A record that has a value for every column."""
    samples: dict[type, Any] = {
        int: 2**53,
        float: 9.999999747378752e-06,
        bool: True,
        str: "caf\u00e9 \U0001d7d8",
    }
    values = {field: samples[field_type(field)] for field in COLUMNS}
    chosen = {field: "llama2" for field, column in COLUMNS.items() if column.kind is Kind.SELECT}
    return ModelRecord(**{**values, **chosen, "key": f"sku:{name}", "model_name": name})


def run(table: NotionTable, *records: ModelRecord) -> Applied:
    plan = make_plan(records, table.read(), table.schema(), table.ref, evidence)
    return apply_plan(plan, table, lambda done, total: None)


IN_TEXT = {
    name: {"rich_text": {}} for name, column in COLUMNS.items() if column.kind in (Kind.NUMBER, Kind.SELECT)
}
AS_LINKS = {"huggingface_repo": {"url": {}}, "core_model_id": {"url": {}}}


@pytest.mark.parametrize("changed", [{}, IN_TEXT, AS_LINKS], ids=["usual columns", "in text", "links"])
def test_after_a_run_there_is_nothing_to_do(tmp_path: Path, changed: dict[str, Any]) -> None:
    world = World(tmp_path, **changed)
    assert run(world.table(), full_record()).counts[Outcome.CREATED] == 1
    again = world.table()
    assert run(again, full_record()).results == ()
    assert again.requests["write"] == 0


def test_a_value_that_is_no_option_is_a_problem_of_its_cell_and_makes_none(world: World) -> None:
    table = world.table()
    record = full_record().model_copy(update={"model_family": "LLAMA2"})
    plan = make_plan([record], table.read(), table.schema(), table.ref, evidence)
    apply_plan(plan, table, lambda done, total: None)
    (problem,) = plan.problems
    assert problem.fix == 'rename the option "llama2" to "LLAMA2" in Notion'
    assert world.cells(world.rows[0])["n_layers"] == 2**53
    assert "Model Family" not in world.cells(world.rows[0])


def test_columns_of_people_are_never_touched(world: World) -> None:
    world.person.add_column(world.id, "Mine", "rich_text")
    run(world.table(), full_record())
    world.person.edit(world.rows[0], {"Mine": "kept"})
    run(world.table(), full_record().model_copy(update={"d_ff": 7}))
    assert world.cells(world.rows[0])["d_ff"] == 7
    assert world.cells(world.rows[0])["Mine"][0]["plain_text"] == "kept"


# Other machines


def test_a_row_that_another_machine_just_made_holds_up_creates(world: World) -> None:
    write(world.table("another machine"), RowWrite(None, "sku:x", {"key": "sku:x"}, format_base({}), {}))
    world.clock.advance(30)
    table = world.table()
    table.read()
    assert table.settle_s() == 240  # from the end of the minute, which is all that a page tells
    table.wait(table.settle_s())
    table.read()
    assert table.settle_s() == 0


def test_our_own_last_write_holds_up_nothing(world: World) -> None:
    table = world.table()
    write(table, RowWrite(None, "sku:x", {"key": "sku:x"}, format_base({}), {}))
    again = world.table()
    again.read()
    assert again.settle_s() == 0


def test_a_persons_edit_holds_up_nothing(world: World) -> None:
    write(world.table(), RowWrite(None, "sku:x", {"key": "sku:x"}, format_base({}), {}))
    world.clock.advance(NEXT_RUN_S)
    world.person.edit(world.rows[0], {"n_layers": 5})
    for machine in ("machine", "another machine"):
        table = world.table(machine)
        table.read()
        assert table.settle_s() == 0


def test_another_machine_starts_from_the_rows_alone(world: World) -> None:
    row = bound(world, n_layers=1)
    other = world.table("another machine")
    assert other.read() == [row]
    assert (other.removed, other.warnings) == (frozenset(), [])


def test_the_speed_that_was_learned_is_remembered(world: World) -> None:
    first = world.table()
    first._api.gate.limit = 600
    first.read()
    again = world.table()
    assert again._api.gate.limit == 600
