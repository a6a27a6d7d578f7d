"""A table that people shaped by hand, taken in and kept in step: nothing of theirs changes, nothing comes
twice.
"""

import json

import pytest

from schemas.record import COLUMNS, Kind, Own
from tests.conftest import Notion
from tests.registry.hand_table import N_ROWS, HandTable, build, columns, models
from tests.registry.settled import catalogue

SELECTION = [part for model in models() for part in ("--model", model.record.key)]


@pytest.fixture
def hand(notion: Notion, monkeypatch: pytest.MonkeyPatch) -> HandTable:
    table = build(notion.person)
    monkeypatch.setenv("NOTION_DATABASE_ID", table.database_id)
    return table


def cells_of(notion: Notion, table: HandTable, row_id: str) -> dict:
    """Column name -> plain value, as stored."""
    page = notion.emulator.ws.pages[row_id]
    found = {}
    for one in notion.emulator.ws.data_sources[table.data_source_id].properties.values():
        value = page.properties.get(one.id)
        if one.type in ("title", "rich_text"):
            value = "".join(item["plain_text"] for item in value or [])
        if one.type in ("select", "status"):
            value = next((o["name"] for o in one.config["options"] if o["id"] == value), None)
        found[one.name] = value
    return found


def everything(notion: Notion, table: HandTable) -> dict[str, dict]:
    return {
        row_id: cells_of(notion, table, row_id) for row_id in notion.emulator.ws.rows[table.data_source_id]
    }


def test_doctor_adopt_sync_sync(run, notion, hand):
    before = everything(notion, hand)
    assert len(before) == N_ROWS

    doctor = run("doctor")
    assert doctor.code == 5
    fixed = run("doctor", "--fix")
    assert "Registry Key" in fixed.out

    adopted = run("adopt")
    assert adopted.code == 0, adopted.err
    assert '~ column "Hidden size" is d_hidden' in adopted.out
    assert "\n? " not in adopted.out, adopted.out[adopted.out.index("\n? ") :]
    assert f"Adopted: {N_ROWS} rows. Left to you: 0." in adopted.out

    first = run("sync", *SELECTION)
    assert first.code == 5, first.err
    n_wrong = sum(1 for typed, model in both(hand) if typed.get("d_ff") not in (None, model.record.d_ff))
    assert n_wrong > 5
    assert first.out.count("  ! d_ff\n") == n_wrong
    assert f"Conflicts: {n_wrong}." in first.out

    second = run("sync", *SELECTION)
    assert second.code == 0, second.err + second.out
    assert "Plan: 0 to add, 0 to update" in second.out or second.out.startswith("No changes.")

    after = everything(notion, hand)
    assert set(after) == set(before), "a second row, or a row less"
    assert_typed_cells_stand(hand, before, after)
    assert_owned_empty_cells_are_filled(hand, before, after)
    keys = [cells["Registry Key"] for cells in after.values()]
    assert len(set(keys)) == N_ROWS
    assert {row_id: cells["Registry Key"] for row_id, cells in after.items()} == {
        row_id: model.record.key for row_id, model in hand.model_of.items()
    }


def test_adopt_brings_its_own_two_columns_where_doctor_was_not_asked_to(run, notion, hand):
    result = run("adopt")
    assert result.code == 0, result.err
    assert '+ column "Registry Key" added' in result.out
    names = [one.name for one in notion.emulator.ws.data_sources[hand.data_source_id].properties.values()]
    assert {"Registry Key", "Registry Base"} <= set(names)
    assert "d_hidden" not in names
    assert run("sync", *SELECTION).code == 5
    assert run("sync", *SELECTION).code == 0


def test_an_adopted_table_is_remembered(run, notion, hand, monkeypatch):
    run("adopt")
    monkeypatch.delenv("NOTION_DATABASE_ID")
    result = run("plan", "--family", "gpt2")
    assert "-> LLM config table (60 rows)" in result.out, result.err


def test_a_sync_before_the_adoption_makes_no_second_row(run, notion, hand):
    run("doctor", "--fix")
    result = run("sync", *SELECTION)
    assert result.code == 5
    assert "not added: a row without a key may be this model" in result.err
    assert "fix   registry adopt finds out" in result.err
    again = run("sync", *SELECTION)
    assert again.code == 0, "told once to this machine"
    assert f"{N_ROWS} models are not added: rows without a key may be them (registry adopt)" in again.err
    assert len(notion.emulator.ws.rows[hand.data_source_id]) == N_ROWS


def both(table: HandTable):
    return [(typed, table.model_of[row_id]) for row_id, typed in table.typed.items()]


def assert_typed_cells_stand(table: HandTable, before: dict, after: dict) -> None:
    """What a person typed, and what their own columns hold, is byte for byte what it was."""
    ours = {*columns().values(), "Model", "Registry Key", "Registry Base"}
    for row_id, cells in before.items():
        typed = table.typed[row_id]
        for name, value in cells.items():
            if name in typed or name not in ours:
                assert after[row_id][name] == value, (row_id, name)
        assert after[row_id]["Main"] == cells["Main"]
        assert after[row_id]["Notes"] == cells["Notes"]


def assert_owned_empty_cells_are_filled(table: HandTable, before: dict, after: dict) -> None:
    filled = 0
    for row_id, model in table.model_of.items():
        for field, name in columns().items():
            value = getattr(model.record, field)
            if COLUMNS[field].own is not Own.SHARED or value is None or name in table.typed[row_id]:
                continue
            wanted = f"https://huggingface.co/{value}" if field == "huggingface_repo" else value
            found = after[row_id][name]
            if COLUMNS[field].kind is Kind.CHECKBOX:
                found = bool(found)
            assert found == wanted, (model.record.key, field)
            filled += before[row_id][name] in (None, "", False)
    assert filled > 200


def test_no_request_named_a_column_of_theirs(run, notion, hand):
    for argv in (("doctor", "--fix"), ("adopt",), ("sync", *SELECTION)):
        run(*argv)
    properties = notion.emulator.ws.data_sources[hand.data_source_id].properties
    owned = {*columns().values(), "Registry Key", "Registry Base"}
    theirs = {one.id for one in properties.values() if one.name not in owned}
    theirs |= {one.name for one in properties.values() if one.name not in owned}
    writes = [
        entry for entry in notion.emulator.log if entry.path.startswith("/v1/pages") and entry.kind == "write"
    ]
    assert len(writes) >= 2 * N_ROWS
    for entry in writes:
        assert set(entry.body) <= {"parent", "properties"}
        assert not set(entry.body["properties"]) & theirs


def test_a_dry_adoption_shows_everything_and_writes_nothing(run, notion, hand):
    run("doctor", "--fix")
    before = everything(notion, hand)
    result = run("adopt", "--dry-run", "--format", "json")
    document = json.loads(result.out)
    assert len(document["placed"]) == N_ROWS
    assert document["renamed"] == {"d_hidden": "Hidden size"}
    assert document["results"] is None
    assert everything(notion, hand) == before


def test_a_column_renamed_after_adoption_is_followed(run, notion, hand):
    for argv in (("doctor", "--fix"), ("adopt",), ("sync", *SELECTION), ("sync", *SELECTION)):
        run(*argv)
    notion.person.rename_column(hand.data_source_id, "n_layers", "Depth")
    result = run("sync", *SELECTION)
    assert result.code == 0, result.err
    assert 'column "n_layers" was renamed to "Depth": followed' in result.err
    assert "Plan: 0 to add, 0 to update" in result.out or result.out.startswith("No changes.")


def test_another_machine_follows_the_renamed_column_by_the_rows_themselves(
    run, notion, hand, monkeypatch, tmp_path
):
    for argv in (("doctor", "--fix"), ("adopt",), ("sync", *SELECTION)):
        run(*argv)
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path / "another machine"))
    result = run("plan", *SELECTION, "--format", "json")
    document = json.loads(result.out)
    assert (document["summary"]["add"], document["summary"]["update"]) == (0, 0), result.err


def state_files(home):
    return {path: path.read_bytes() for path in home.rglob("*.json")}


def test_a_dry_adoption_binds_nothing_for_the_next_run(run, notion, hand, registry_home):
    run("doctor", "--fix")
    run("plan", *SELECTION)
    before = state_files(registry_home)
    assert '~ column "Hidden size" is d_hidden' in run("adopt", "--dry-run").out
    assert state_files(registry_home) == before


def test_the_plain_commands_fill_an_adopted_table_and_leave_many_new_models_to_a_person(run, notion, hand):
    before = everything(notion, hand)
    for argv in (("doctor", "--fix"), ("adopt",)):
        run(*argv)
    first = run("sync")
    assert first.code == 5, first.err
    n_left = len(catalogue()) - N_ROWS
    assert f"warning: {n_left} models have no row in this table and are left out" in first.err
    after = everything(notion, hand)
    assert set(after) == set(before)
    assert_typed_cells_stand(hand, before, after)
    assert_owned_empty_cells_are_filled(hand, before, after)
    assert f"{n_left} models have no row" in run("plan").err
    last = run("sync")
    assert last.code == 0, last.err
    assert run("sync", "--import").code == 0
    assert len(everything(notion, hand)) == len(catalogue())


def test_without_its_token_an_adopted_table_is_refused_and_never_replaced(run, notion, hand, monkeypatch):
    run("adopt")
    monkeypatch.delenv("NOTION_DATABASE_ID")
    monkeypatch.delenv("NOTION_TOKEN")
    result = run("sync", "--family", "llama2")
    assert result.code == 6
    assert "notion.json" in result.err
