"""The main job on a table in Notion, through the command line and a real socket."""

import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from sync.lock import hold
from sync.table import TableRef
from tests.notion_emulator import outcomes
from tests.notion_emulator.checks import key_of, live_rows

GPT2 = ("--family", "gpt2")


@pytest.fixture
def table(run, notion):
    """Id of a new table; the log of requests begins after it."""
    made = json.loads(run("init", "--parent", notion.emulator.root_page.id, "--format", "json").out)
    notion.emulator.log.clear()
    return made["data_source_id"]


def rows(notion, table):
    pages = notion.emulator.ws.pages
    return [one for one in notion.emulator.ws.rows.get(table, []) if not pages[one].in_trash]


def row_of(notion, table, key):
    """The row of this key; three workers make them in any order."""
    data_source = notion.emulator.ws.data_sources[table]
    return next(
        one.id for one in live_rows(notion.emulator, table) if key_of(data_source, one, "Registry Key") == key
    )


def requests(notion):
    return [f"{entry.method} {entry.template}" for entry in notion.emulator.log]


def test_the_first_run_writes_each_model_once_and_the_second_nothing(run, notion, table):
    first = run("sync", *GPT2)
    assert first.code == 0, first.err
    assert requests(notion) == [
        "GET /v1/data_sources/{}",
        "POST /v1/data_sources/{}/query",
        *["POST /v1/pages"] * 4,
    ]
    assert "Applied: 4 added, 0 updated, 4 layer files." in first.out
    assert "https://app.notion.com/p/" in first.out
    notion.emulator.log.clear()
    second = run("sync", *GPT2)
    assert (second.code, second.out) == (
        0,
        "No changes. 4 models match their sources and LLM config table.\n",
    )
    assert requests(notion) == ["GET /v1/data_sources/{}", "POST /v1/data_sources/{}/query"]


def test_the_plan_is_the_one_of_the_local_table(run, notion, table):
    """Same sources, same text, same digest of what is written; only the table's name differs."""

    def cells(to):
        document = json.loads(run("plan", *GPT2, "--to", to, "--format", "json").out)
        return [
            (c["key"], [(x["field"], x["to"], x["source"]) for x in c["cells"]]) for c in document["changes"]
        ]

    assert cells("notion") == cells("local")


def test_a_saved_plan_is_applied_and_refused_once_the_table_moved(run, notion, table):
    run("plan", *GPT2, "--out", "plan.json")
    assert run("apply", "plan.json").code == 0
    assert len(rows(notion, table)) == 4
    again = run("apply", "plan.json")
    assert again.code == 4
    assert "want no row with this key, got row" in again.err


def test_a_person_s_edit_is_held_and_the_source_s_change_reported(run, notion, table, registry_home):
    run("sync", *GPT2)
    notion.person.edit(
        row_of(notion, table, "hf:openai-community/gpt2"), {"n_layers": 13, "Notes": "mine", "Main": False}
    )
    result = run("sync", *GPT2)
    assert result.code == 0
    assert "? held n_layers: table 13, source 12; kept as it is in the table" in result.out
    notion.emulator.log.clear()
    assert run("sync", *GPT2).code == 0
    assert not [entry for entry in notion.emulator.log if entry.kind == "write"]


def test_one_write_for_one_changed_row_after_a_re_read(run, notion, table):
    run("sync", *GPT2)
    pinned = '[models."hf:openai-community/gpt2"]\nnorm_eps = 0.5\n'
    Path("registry.toml").write_text(pinned, "utf-8")
    notion.emulator.log.clear()
    result = run("sync", *GPT2)
    assert result.code == 0, result.err
    assert requests(notion)[2:] == ["GET /v1/pages/{}", "PATCH /v1/pages/{}"]
    assert len(notion.emulator.log.of("PATCH")[0].body["properties"]) == 2, "the cell and the base"


def test_a_lost_create_is_named_and_the_next_run_binds_it(run, notion, table, monkeypatch):
    notion.emulator.faults.add(outcomes.saved_503(with_id=True), method="POST", path="/v1/pages")
    first = run("sync", *GPT2, "--format", "json")
    assert first.code == 5
    unknown = [one for one in json.loads(first.out)["results"] if one["outcome"] == "unknown"]
    assert len(unknown) == 1
    assert f"problem: {unknown[0]['key']}: not known whether the row was made" in first.err
    assert len(rows(notion, table)) == 4
    second = run("sync", *GPT2)
    assert (second.code, second.out[:11]) == (0, "No changes.")
    assert len(rows(notion, table)) == 4


def test_another_run_holds_the_table_and_nothing_is_asked(run, notion, table, registry_home):
    with hold(registry_home / "locks", TableRef("notion", table, "LLM config table")):
        result = run("sync", *GPT2)
    assert result.code == 8
    assert "is held by process" in result.err
    assert len(notion.emulator.log) == 0


def test_a_row_that_a_person_trashed_stays_away_until_it_is_named(run, notion, table):
    run("sync", *GPT2)
    trashed = row_of(notion, table, "hf:openai-community/gpt2")
    notion.person.trash(trashed)
    result = run("sync", *GPT2)
    assert (result.code, len(rows(notion, table))) == (0, 3)
    assert "its row was removed in Notion: not made again" in result.err
    assert "removed in Notion" not in run("sync", *GPT2).err
    resolved = run("resolve", "gpt2", "--take", "source")
    assert "the next registry sync makes its row again" in resolved.err
    assert run("sync", *GPT2).code == 0
    assert len(rows(notion, table)) == 4


def test_a_missing_option_leaves_that_cell_alone_and_is_never_made(run, notion, table):
    notion.person.delete_option(table, "Tokenizer", "BPE")
    result = run("sync", *GPT2)
    assert result.code == 5
    assert "tokenizer: want one of the column's options" in result.err
    assert 'registry doctor --fix adds the option "BPE"' in result.err
    assert len(rows(notion, table)) == 4
    options = notion.person.column(table, "Tokenizer").config["options"]
    assert "BPE" not in [option["name"] for option in options]
    assert run("doctor", "--fix").code == 0
    assert run("sync", *GPT2).code == 0
    assert run("sync", *GPT2).out.startswith("No changes.")


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (lambda e: e.revoke(), 6, "the token is not accepted"),
        (lambda e: e.capabilities.discard("insert"), 6, "needs the capability 'Insert content'"),
        (lambda e: e.unshare(next(iter(e.ws.databases))), 6, "no such table"),
    ],
    ids=["revoked", "may not insert", "unshared"],
)
def test_without_access_nothing_is_written_and_the_code_is_6(run, notion, table, fault, code, said):
    fault(notion.emulator)
    result = run("sync", *GPT2)
    assert (result.code, len(rows(notion, table))) == (code, 0)
    assert said in result.err
    assert "wrote" in result.err


def test_a_server_that_is_down_ends_with_7_and_the_way_on(run, notion, table, monkeypatch):
    monkeypatch.setattr("sync.notion.gate.MachineClock.sleep", lambda self, seconds: None)
    notion.emulator.faults.add(outcomes.reject(502), path="/v1/data_sources/{}", times=None)
    result = run("sync", *GPT2)
    assert result.code == 7
    assert "gives no usable answer, tried 5 times" in result.err


def test_the_token_is_in_no_output_file_log_or_repr(run, notion, table, registry_home, caplog, monkeypatch):
    monkeypatch.setenv("REGISTRY_DEBUG", "1")
    monkeypatch.setattr("sync.notion.gate.MachineClock.sleep", lambda self, seconds: None)
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def remember(*argv):
        result = run(*argv)
        seen.extend((result.out, result.err))
        return result

    for argv in ALL_COMMANDS:
        remember(*argv)
    echo = outcomes.reject(400, message=f"Bearer {notion.token} is not welcome, {notion.token}")
    for fault in (
        echo,
        outcomes.reject(500),
        outcomes.commit_then_cut(),
        outcomes.drop(),
        outcomes.reject(409),
    ):
        notion.emulator.faults.add(fault, method="POST", path="/v1/pages")
        notion.emulator.faults.add(fault, method="GET", path="/v1/data_sources/{}")
        remember("sync", "--family", "qwen3")
    notion.emulator.revoke()
    for argv in ALL_COMMANDS:
        assert remember(*argv).code != 1
    from registry.cli import common

    world = common.world(None)
    table_ = world.table("notion")
    seen += [
        repr(world),
        repr(world.settings.place()),
        repr(table_),
        repr(vars(table_)),
        repr(vars(vars(table_)["_api"])),
    ]
    table_.close()
    files = [
        path.read_bytes()
        for path in (*registry_home.rglob("*"), *registry_home.parent.rglob("work/*"))
        if path.is_file()
    ]
    assert len(files) > 5
    for text in (*seen, caplog.text, *files):
        content = text if isinstance(text, bytes) else text.encode()
        assert notion.token.encode() not in content
    assert os.environ["NOTION_TOKEN"] == notion.token


ALL_COMMANDS = (
    ("init", "--parent", "0" * 32),
    ("doctor",),
    ("doctor", "--fix", "--format", "json"),
    ("plan", *GPT2, "--out", "plan.json"),
    ("plan", *GPT2, "--format", "mcp"),
    ("sync", *GPT2),
    ("sync", *GPT2, "--format", "json"),
    ("apply", "plan.json"),
    ("adopt",),
    ("resolve", "--all", "--take", "table"),
)


@pytest.mark.parametrize("holder", ["data source", "database"])
def test_one_table_has_one_lock_however_it_is_named(run, notion, table, registry_home, monkeypatch, holder):
    database = notion.emulator.ws.data_sources[table].parent["database_id"]
    monkeypatch.setenv("NOTION_DATABASE_ID", database)
    assert run("plan", *GPT2).code == 0  # from here on it is known which data source the database has
    if holder == "database":
        monkeypatch.delenv("NOTION_DATABASE_ID")
        monkeypatch.setenv("NOTION_DATA_SOURCE_ID", table)
    notion.emulator.log.clear()
    with hold(registry_home / "locks", TableRef("notion", table, "LLM config table")):
        assert run("sync", *GPT2).code == 8
    assert len(notion.emulator.log) == 0


def test_the_first_run_by_the_database_s_id_holds_the_lock_of_its_data_source_too(
    run, notion, table, registry_home, monkeypatch
):
    monkeypatch.setenv("NOTION_DATABASE_ID", notion.emulator.ws.data_sources[table].parent["database_id"])
    with hold(registry_home / "locks", TableRef("notion", table, "LLM config table")):
        assert run("sync", *GPT2).code == 8
    assert requests(notion) == ["GET /v1/databases/{}"]


def test_calls_for_an_agent_name_the_data_source_and_fit_the_columns(run, notion, table, monkeypatch):
    notion.person.retype_column(table, "n_layers", "rich_text")
    monkeypatch.setenv("NOTION_DATABASE_ID", notion.emulator.ws.data_sources[table].parent["database_id"])
    (call,) = json.loads(run("plan", *GPT2, "--format", "mcp").out)["calls"]
    assert call["arguments"]["parent"] == {"data_source_id": table}
    assert {page["properties"]["n_layers"] for page in call["arguments"]["pages"]} == {"12", "24", "36", "48"}


@pytest.mark.parametrize("status", [429, 529, 503, 400])
def test_a_create_that_was_saved_is_never_sent_again_whatever_status_says_so(run, notion, table, status):
    notion.emulator.faults.add(saved(status), method="POST", path="/v1/pages")
    assert run("sync", *GPT2).code == 5
    assert len(notion.emulator.log.of("POST", "/v1/pages")) == 4
    assert run("sync", *GPT2).out.startswith("No changes.")
    assert len(rows(notion, table)) == 4


def saved(status):
    """Carried out, and answered with this status and the id of what was made."""
    usual = outcomes.saved_503(with_id=True)

    def answer(emulator, true_answer, now):
        body = json.loads(usual.answer(emulator, true_answer, now).body) | {"status": status}
        return replace(true_answer, status=status, body=json.dumps(body).encode())

    return replace(usual, answer=answer)


def test_an_optional_column_that_is_none_is_refused(run, notion, table):
    Path("registry.toml").write_text('optional_columns = ["nope"]\n', "utf-8")
    result = run("plan", *GPT2)
    assert result.code == 3
    assert "optional columns: no such field: nope" in result.err
