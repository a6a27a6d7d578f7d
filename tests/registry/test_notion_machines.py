"""Two machines, lost memory, missing columns, wrong pins: what the table itself has to make up for."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.notion_emulator.checks import key_of, live_rows
from tests.registry.settled import catalogue

GPT2 = ("--family", "gpt2")
KEY = "hf:openai-community/gpt2"


@pytest.fixture
def table(run, notion):
    made = json.loads(run("init", "--parent", notion.emulator.root_page.id, "--format", "json").out)
    notion.emulator.log.clear()
    return made["data_source_id"]


@pytest.fixture
def hours(notion, monkeypatch):
    """The machine's clock is the emulator's: what one sleeps, passes for all."""
    clock = notion.emulator.clock
    for name in ("now", "monotonic", "sleep"):
        monkeypatch.setattr(
            f"sync.notion.gate.MachineClock.{name}", lambda self, *args, n=name: getattr(clock, n)(*args)
        )
    return clock


def keys(notion, table):
    data_source = notion.emulator.ws.data_sources[table]
    return Counter(key_of(data_source, one, "Registry Key") for one in live_rows(notion.emulator, table))


def row_of(notion, table, key=KEY):
    data_source = notion.emulator.ws.data_sources[table]
    return next(
        o.id for o in live_rows(notion.emulator, table) if key_of(data_source, o, "Registry Key") == key
    )


def elsewhere(monkeypatch, tmp_path, table, name="another machine"):
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path / name))
    monkeypatch.setenv("NOTION_DATA_SOURCE_ID", table)


def test_another_machine_waits_for_rows_that_may_not_show_yet(
    run, notion, table, hours, monkeypatch, tmp_path
):
    notion.emulator.ws.set_lag(120, notion.emulator.now())
    run("sync", *GPT2)
    hours.sleep(150)
    run("sync", "--family", "tinyllama")
    elsewhere(monkeypatch, tmp_path, table)
    result = run("sync", "--family", "gpt2", "--family", "tinyllama")
    assert result.code == 0, result.err
    assert "another run's new rows may not be visible yet" in result.err
    hours.sleep(600)
    assert set(keys(notion, table).values()) == {1}
    assert len(keys(notion, table)) == 6


def test_a_machine_that_never_stops_adding_rows_is_not_raced(
    run, notion, table, hours, monkeypatch, tmp_path
):
    run("sync", *GPT2)
    row = row_of(notion, table)
    page = notion.emulator.ws.pages[row]

    def go_on():
        notion.emulator.ws.touch(page, notion.emulator.bot.id, notion.emulator.now())

    for n in range(1, 40):
        notion.emulator.faults.before(go_on, nth=n, path="/v1/data_sources/{}/query")
    elsewhere(monkeypatch, tmp_path, table)
    before = keys(notion, table)
    result = run("sync", "--family", "tinyllama")
    assert result.code == 8
    assert "another machine has been adding rows for 15 minutes" in result.err
    assert keys(notion, table) == before


def test_without_the_base_column_this_machine_remembers_what_was_agreed(run, notion, table):
    notion.person.delete_column(table, "Registry Base")
    assert run("sync", *GPT2).code == 0
    notion.person.edit(row_of(notion, table), {"d_ff": None, "n_layers": 13})
    result = run("sync", *GPT2)
    assert result.code == 0, result.out
    assert "? held d_ff: table (empty), source 3,072" in result.out
    assert "? held n_layers: table 13, source 12" in result.out
    assert "without Registry Base this machine alone knows what was agreed" in result.err
    Path("registry.toml").write_text(f'[models."{KEY}"]\nnorm_eps = 0.5\n', "utf-8")
    assert run("sync", *GPT2).code == 0
    assert run("sync", *GPT2).code == 0
    stored = notion.emulator.ws.pages[row_of(notion, table)].properties
    assert stored.get(notion.person.column(table, "d_ff").id) is None
    assert stored[notion.person.column(table, "Norm Eps").id] == 0.5


def test_a_pin_that_is_taken_back_leaves_nothing_behind(run, notion, table):
    Path("registry.toml").write_text('[notion.columns]\nn_layers = "n_heads"\n', "utf-8")
    run("sync", *GPT2, "--dry-run")
    Path("registry.toml").unlink()
    assert run("sync", *GPT2).code == 0
    stored = notion.emulator.ws.pages[row_of(notion, table)].properties
    record = catalogue()[KEY].record
    for name in ("n_layers", "n_heads"):
        assert stored[notion.person.column(table, name).id] == getattr(record, name)


def test_a_database_in_the_trash_stops_the_run_at_the_first_row(run, notion, table):
    notion.person.trash_database(notion.emulator.ws.data_sources[table].parent["database_id"])
    result = run("sync", *GPT2)
    assert result.code == 4
    assert "the table is in Notion's trash" in result.err
    writes = [entry for entry in notion.emulator.log if entry.kind == "write"]
    assert len(writes) <= 3, "those in flight"


def test_a_key_that_stands_twice_ends_resolve_and_adopt_with_5(run, notion, table):
    run("sync", *GPT2)
    notion.person.duplicate(row_of(notion, table))
    for argv in (("resolve", "--all", "--take", "source"), ("adopt",)):
        result = run(*argv)
        assert result.code == 5
        assert f"{KEY}: want one row with this key, got rows" in result.err


def test_two_keys_that_a_person_swapped_do_not_move_the_rows(run, notion, table):
    run("sync", *GPT2)
    small, large = row_of(notion, table), row_of(notion, table, "hf:openai-community/gpt2-xl")
    notion.person.edit(small, {"Registry Key": "hf:openai-community/gpt2-xl"})
    notion.person.edit(large, {"Registry Key": KEY})
    before = dict(notion.emulator.ws.pages[small].properties)
    result = run("sync", *GPT2)
    assert "its key was hf:openai-community/gpt2" in result.err
    assert notion.emulator.ws.pages[small].properties == before


def test_a_renamed_table_is_found_by_init_from_another_machine(run, notion, table, monkeypatch, tmp_path):
    data_source = notion.emulator.ws.data_sources[table]
    database = notion.emulator.ws.databases[data_source.parent["database_id"]]
    for one in (database, data_source):
        one.title[0]["text"]["content"] = one.title[0]["plain_text"] = "Models"
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path / "another machine"))
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 0, result.err
    assert 'nothing to do: the table "Models" is complete' in result.out
    assert len(notion.emulator.ws.databases) == 1


def test_init_makes_no_table_beside_the_one_that_a_setting_names(run, notion, table, monkeypatch):
    monkeypatch.setenv("NOTION_DATA_SOURCE_ID", table)
    result = run("init", "--parent", notion.emulator.root_page.id, "--title", "Another")
    assert result.code == 4
    assert "init: the environment names a table that is there: LLM config table" in result.err
    assert len(notion.emulator.ws.databases) == 1


def test_rows_that_were_all_trashed_are_made_anew_after_the_named_files_are_removed(
    run, notion, table, registry_home, hours
):
    run("sync", *GPT2)
    for key in list(keys(notion, table)):
        notion.person.trash(row_of(notion, table, key))
    hours.sleep(600)
    refused = run("sync", *GPT2)
    assert refused.code == 4
    assert "the read shows 0 of 4 known rows" in refused.err
    for path in (registry_home / "notion").glob(f"{table.replace('-', '')}.*"):
        assert path.name in refused.err
        path.unlink()
    assert run("sync", *GPT2).code == 0
    assert len(keys(notion, table)) == 4


def test_the_hint_for_a_local_table_names_it(run, notion, table, registry_home):
    import sqlite3

    run("sync", *GPT2, "--to", "local")
    with sqlite3.connect(registry_home / "table.sqlite") as connection:
        connection.execute('UPDATE llm_config_table SET n_layers = 7, "Registry Base" = NULL')
    result = run("sync", *GPT2, "--to", "local")
    assert f"registry resolve {KEY} --field n_layers --take table, or --take source --to local" in result.out
