"""`registry doctor`: every fault is named with its fix, and --fix adds and takes nothing away."""

import json
from datetime import UTC, datetime

import pytest

from registry import notion_setup
from sync.notion.api import Api
from sync.notion.guard import OwnedOnly
from sync.notion.journal import Journal
from sync.notion.rows import bare_id
from tests.notion_emulator import outcomes
from tests.notion_emulator.transport import InProcess
from tests.registry import hand_table
from tests.registry.settled import catalogue

WELL = """\
token    ok       connection "Emulated connection" in "Emulated workspace"
table    ok       "LLM config table" {url}
columns  ok       all 33 are there
registry ok       Registry Key, Registry Base are there
options  ok       every value the catalogue has can be written
view     ok       Main is there
rate     ok       not learned yet: the first run starts at 180 a minute
"""

ILL = """\
token    ok       connection "Emulated connection" in "Emulated workspace"
table    ok       "LLM config table" {url}
columns  problem  missing: d_ff, Multiple Of
         fix      registry doctor --fix adds it
columns  problem  no column "Vocab Size", but "vocab size"
         fix      rename it to "Vocab Size" in Notion, or under [notion.columns]: vocab_size = "vocab size"
columns  problem  "Gated MLP" is of type number, want checkbox: gated_mlp is not compared, not written
         fix      change its type in Notion, or rename it and run --fix
registry problem  missing: Registry Base
         fix      registry doctor --fix adds it
options  problem  Model Family lacks llama2
         fix      registry doctor --fix adds it
options  problem  Model Type has "Base" for "base"
         fix      rename that option to "base" in Notion
view     problem  no view Main
         fix      registry doctor --fix adds it
rate     ok       not learned yet: the first run starts at 180 a minute
"""

MENDED = """
added    the columns d_ff, Multiple Of, Registry Base
added    to Model Family the options llama2
added    the view Main

left to you:
columns  problem  no column "Vocab Size", but "vocab size"
         fix      rename it to "Vocab Size" in Notion, or under [notion.columns]: vocab_size = "vocab size"
columns  problem  "Gated MLP" is of type number, want checkbox: gated_mlp is not compared, not written
         fix      change its type in Notion, or rename it and run --fix
options  problem  Model Type has "Base" for "base"
         fix      rename that option to "base" in Notion
"""


@pytest.fixture
def table(notion, registry_home):
    """A whole table, as init makes it."""
    guard = OwnedOnly(InProcess(notion.emulator))
    api = Api(notion.token, transport=guard, clock=notion.emulator.clock)
    options = notion_setup.options_of(model.record for model in catalogue().values())
    wish = notion_setup.wish(notion.emulator.root_page.id, "LLM config table", (), options)
    with guard.schema_changes():
        notion_setup.init(api, registry_home, wish)
    return json.loads((registry_home / "notion.json").read_text("utf-8"))


def break_it(notion, table, home):
    """Every kind of fault, on a machine that remembers nothing of the columns."""
    source = table["data_source_id"]
    for column in ("d_ff", "Multiple Of", "Registry Base"):
        notion.person.delete_column(source, column)
    notion.person.rename_column(source, "Vocab Size", "vocab size")
    notion.person.retype_column(source, "Gated MLP", "number")
    notion.person.delete_option(source, "Model Family", "llama2")
    notion.person.rename_option(source, "Model Type", "base", "Base")
    views = notion.emulator.ws.views
    del views[next(view.id for view in views.values() if view.name == "Main")]
    for path in (home / "notion").iterdir():
        path.unlink()


def check_of(result, name):
    return next(one for one in json.loads(result.out)["checks"] if one["check"] == name)


def writes(notion):
    return [entry for entry in notion.emulator.log.entries if entry.kind == "write"]


def test_a_table_that_is_well(run, table, notion):
    n = len(writes(notion))
    result = run("doctor")
    assert (result.code, result.err) == (0, "")
    assert result.out == WELL.format(url=table["url"])
    assert len(writes(notion)) == n


def test_every_fault_is_named_with_its_fix_and_nothing_is_written(run, table, notion, registry_home):
    break_it(notion, table, registry_home)
    n = len(writes(notion))
    result = run("doctor")
    assert (result.code, result.err) == (5, "")
    assert result.out == ILL.format(url=table["url"])
    assert len(writes(notion)) == n


def test_fix_shows_first_then_adds_and_leaves_the_rest_to_people(run, table, notion, registry_home):
    break_it(notion, table, registry_home)
    result = run("doctor", "--fix")
    assert (result.code, result.err) == (5, "")
    assert result.out == ILL.format(url=table["url"]) + MENDED


def test_fix_changes_nothing_that_was_there(run, table, notion, registry_home):
    break_it(notion, table, registry_home)
    notion.person.add_column(table["data_source_id"], "Mine", "select", {"options": [{"name": "x"}]})
    before = shown_columns(notion)
    run("doctor", "--fix")
    after = shown_columns(notion)
    family = next(id_ for id_, one in before.items() if one[0] == "Model Family")
    kept = {option["name"]: option for option in after[family][2]["options"]}
    assert [kept[option["name"]] for option in before[family][2]["options"]] == before[family][2]["options"]
    del before[family], after[family]
    assert {id_: after.get(id_) for id_ in before} == before


def shown_columns(notion):
    import copy

    (source,) = notion.emulator.ws.data_sources.values()
    columns = source.properties.items()
    return {id_: (one.name, one.type, copy.deepcopy(one.config), one.description) for id_, one in columns}


def test_fix_that_leaves_nothing_to_do_ends_well(run, table, notion):
    notion.person.delete_column(table["data_source_id"], "d_ff")
    result = run("doctor", "--fix")
    assert result.code == 0
    assert result.out.endswith("\nadded    the columns d_ff\nwell     nothing is left to do\n")
    assert run("doctor").code == 0


def test_fix_of_a_whole_table_sends_no_write(run, table, notion):
    n = len(writes(notion))
    result = run("doctor", "--fix")
    assert (result.code, result.out) == (0, WELL.format(url=table["url"]))
    assert len(writes(notion)) == n


def test_optional_columns_are_missed_only_when_they_are_asked_for(run, table, registry_home):
    assert run("doctor").code == 0
    (registry_home.parent / "work" / "registry.toml").write_text('optional_columns = ["n_params"]\n', "utf-8")
    result = run("doctor", "--format", "json")
    assert check_of(result, "columns")["said"] == "missing: Parameters"
    assert run("doctor", "--fix").code == 0


def test_a_renamed_column_is_followed_and_said(run, table, notion):
    notion.person.rename_column(table["data_source_id"], "d_ff", "Feed-forward")
    result = run("doctor")
    assert result.code == 0
    assert 'columns  note     "d_ff" is called "Feed-forward" here: followed\n' in result.out


def test_a_pinned_column_is_the_one(run, table, notion, registry_home):
    notion.person.rename_column(table["data_source_id"], "d_ff", "FFN")
    for path in (registry_home / "notion").iterdir():
        path.unlink()
    assert check_of(run("doctor", "--format", "json"), "columns")["said"] == "missing: d_ff"
    (registry_home.parent / "work" / "registry.toml").write_text('[notion.columns]\nd_ff = "FFN"\n', "utf-8")
    assert run("doctor").code == 0


def test_as_json(run, table, notion):
    notion.person.delete_column(table["data_source_id"], "d_ff")
    found = json.loads(run("doctor", "--format", "json").out)
    assert found["exit_code"] == 5
    assert found["added"] is None
    assert [one["check"] for one in found["checks"]] == [
        "token", "table", "columns", "registry", "options", "view", "rate",
    ]  # fmt: skip
    assert found["checks"][2] == {
        "check": "columns",
        "state": "problem",
        "said": "missing: d_ff",
        "fix": "registry doctor --fix adds it",
    }
    mended = json.loads(run("doctor", "--fix", "--format", "json").out)
    assert mended["added"] == {"columns": ["d_ff"], "options": {}, "view": False}
    assert mended["exit_code"] == 0


def test_without_a_token(run, table, monkeypatch):
    monkeypatch.delenv("NOTION_TOKEN")
    result = run("doctor")
    assert result.code == 6
    assert "NOTION_TOKEN" in result.err


def test_a_token_that_is_not_accepted_is_the_only_finding(run, table, notion):
    notion.emulator.revoke()
    result = run("doctor", "--format", "json")
    assert result.code == 6
    assert [(one["check"], one["state"]) for one in json.loads(result.out)["checks"]] == [
        ("token", "problem")
    ]
    assert notion.token not in result.out + result.err


def test_a_table_that_is_not_shared_is_no_access(run, table, notion):
    notion.emulator.unshare(table["database_id"])
    result = run("doctor", "--format", "json")
    assert result.code == 6
    found = check_of(result, "table")
    assert found["state"] == "problem"
    assert found["said"].startswith(f"{table['data_source_id']} (")
    assert found["said"].endswith(") is no table, or not shared")
    assert "Connections" in found["fix"]


def test_no_setting_names_a_table(run, notion):
    result = run("doctor")
    assert result.code == 5
    assert result.out.endswith(
        "table    problem  no setting names a table\n"
        "         fix      registry init --parent PAGE makes a table; for one that exists"
        " set NOTION_DATA_SOURCE_ID\n"
    )


def test_a_table_in_the_trash(run, table, notion):
    notion.person.trash_database(table["database_id"])
    result = run("doctor", "--fix", "--format", "json")
    assert result.code == 5
    assert check_of(result, "table")["said"].endswith("is in the trash")
    assert json.loads(result.out)["added"] is None


@pytest.mark.parametrize("name", ["NOTION_DATA_SOURCE_ID", "NOTION_DATABASE_ID"])
def test_the_id_of_the_database_will_do(run, table, monkeypatch, name):
    monkeypatch.setenv(name, table["database_id"])
    assert run("doctor").code == 0


def test_a_database_of_several_data_sources_needs_one_of_them_named(run, table, notion, monkeypatch):
    first = table["data_source_id"]
    second = notion.person.add_data_source(table["database_id"], "Second")
    monkeypatch.setenv("NOTION_DATABASE_ID", table["database_id"])
    result = run("doctor", "--format", "json")
    assert result.code == 5
    assert check_of(result, "table") == {
        "check": "table",
        "state": "problem",
        "said": f'the database has 2 data sources: {first} ("LLM config table"), {second} ("Second")',
        "fix": "set NOTION_DATA_SOURCE_ID to one of them",
    }
    monkeypatch.delenv("NOTION_DATABASE_ID")
    result = run("doctor")
    assert result.code == 0
    said = f"its database has 2 data sources; {first} is the one in use"
    assert f"table    note     {said}\n" in result.out


def test_creates_whose_answers_were_lost_and_the_learned_rate_are_shown(run, table, registry_home):
    journal = Journal(registry_home, bare_id(table["data_source_id"]))
    journal.intend("hf:Qwen/Qwen3-8B", datetime(2026, 7, 4, 9, 8, tzinfo=UTC))
    journal.state.rate_limit = 600
    journal.save()
    result = run("doctor")
    assert result.code == 0
    assert result.out.endswith(
        "rows     note     the answer to making hf:Qwen/Qwen3-8B was lost at 2026-07-04 09:08:00 UTC\n"
        "         fix      the next registry sync looks for it and decides\n"
        "rate     ok       600 requests a minute\n"
    )


def test_a_column_that_lacks_more_options_than_fit(run, table, notion):
    for n in range(90):
        notion.person.add_option(table["data_source_id"], "Model Family", f"mine {n}")
    notion.person.delete_option(table["data_source_id"], "Model Family", "llama2")
    result = run("doctor", "--format", "json")
    assert result.code == 5
    found = check_of(result, "options")
    assert found["said"] == "Model Family lacks llama2"
    assert found["fix"].startswith("add them in Notion")


def test_notion_that_refuses_a_change_is_quoted(run, table, notion):
    notion.person.delete_column(table["data_source_id"], "d_ff")
    too_large = outcomes.reject(400, "validation_error", "The schema is too large.")
    notion.emulator.faults.add(too_large, method="PATCH", path="/v1/data_sources/{id}")
    result = run("doctor", "--fix")
    assert result.code == 4
    assert "the columns were refused: The schema is too large." in result.err


def test_a_sync_that_holds_the_table_is_waited_for(run, table, notion, registry_home):
    from registry.pipeline import LOCK_FOLDER
    from sync.lock import hold
    from sync.table import TableRef

    notion.person.delete_column(table["data_source_id"], "d_ff")
    with hold(registry_home / LOCK_FOLDER, TableRef("notion", table["data_source_id"], "t")):
        assert run("doctor").code == 5
        assert run("doctor", "--fix").code == 8


def test_a_table_that_people_made_gets_the_registry_columns_first_and_the_rest_once_it_is_adopted(
    run, notion, monkeypatch
):
    hand = hand_table.build(notion.person)
    notion.person.rename_column(hand.data_source_id, "Variant", "Kind of SKU")
    monkeypatch.setenv("NOTION_DATABASE_ID", hand.database_id)
    before, rows = shown_columns(notion), [page.properties for page in notion.emulator.ws.pages.values()]
    result = run("doctor", "--fix", "--format", "json")
    assert result.code == 5, "the column that seems to be missing may be one of another name"
    assert check_of(result, "columns")["fix"].startswith("registry adopt knows columns of another name")
    assert json.loads(result.out)["added"] == {
        "columns": ["Registry Key", "Registry Base"],
        "options": {},
        "view": True,
    }
    after = shown_columns(notion)
    assert {id_: after[id_] for id_ in before} == before
    assert [page.properties for page in notion.emulator.ws.pages.values()] == rows
    assert run("adopt").code == 0
    result = run("doctor", "--fix", "--format", "json")
    added = json.loads(result.out)["added"]
    assert result.code == 0, result.out
    assert added is None or "d_hidden" not in added["columns"], "adopting knew it under its other name"
