"""`registry resolve`: a person settles cells, one or many, and they stay settled."""

import json
import sqlite3

import pytest

KEY = "sku:Llama-2-7b"


@pytest.fixture
def table(run, registry_home):
    """A synced table in which a person changed d_ff (held) and, without a base, n_layers (conflict)."""
    run("sync", "--family", "llama2")

    def edit(statement, *values):
        with sqlite3.connect(registry_home / "table.sqlite") as connection:
            return connection.execute(statement, values).fetchall()

    edit('UPDATE llm_config_table SET n_layers = 31, d_ff = 7 WHERE "Registry Key" = ?', KEY)
    edit('UPDATE llm_config_table SET "Registry Base" = NULL WHERE "Registry Key" = ?', KEY)
    assert run("sync", "--family", "llama2").code == 5
    return edit


def cells(table):
    return table('SELECT n_layers, d_ff FROM llm_config_table WHERE "Registry Key" = ?', KEY)[0]


def test_taking_the_table_s_value_keeps_it_and_ends_the_conflict(run, table):
    result = run("resolve", KEY, "--field", "n_layers", "--take", "table")
    assert (result.code, result.err) == (0, "")
    assert "? held n_layers: table 31, source 32; kept as it is in the table" in result.out
    assert result.out.endswith("Settled: 1 row; 1 cell kept as in the table, no longer reported.\n")
    assert cells(table) == (31, 7)
    plan = json.loads(run("plan", "--family", "llama2", "--format", "json").out)
    (change,) = plan["changes"]
    assert [(cell["field"], cell["action"]) for cell in change["cells"]] == [
        ("d_ff", "conflict"),
        ("n_layers", "held"),
    ]


def test_taking_the_source_s_value_writes_it_even_over_a_held_cell(run, table):
    run("resolve", KEY, "--take", "table")
    result = run("resolve", KEY, "--field", "d_ff", "--take", "source")
    assert result.code == 0
    assert "d_ff  7 -> 11,008" in result.out
    assert cells(table) == (31, 11008)
    assert run("resolve", KEY, "--take", "source").code == 0
    assert cells(table) == (32, 11008)
    assert run("sync", "--family", "llama2").out.startswith("No changes.")


def test_what_is_held_is_given_up_only_by_naming_its_model_or_field(run, table):
    run("resolve", KEY, "--take", "table")
    assert run("resolve", "--all", "--take", "source").out.startswith("Nothing to settle")
    assert cells(table) == (31, 7)
    run("resolve", "--family", "llama2", "--field", "n_layers", "--take", "source")
    assert cells(table) == (32, 7)


def test_a_dry_run_writes_nothing(run, table):
    result = run("resolve", "--family", "llama2", "--take", "source", "--dry-run")
    assert result.out.endswith("2 cells to settle. Nothing written.\n")
    assert cells(table) == (31, 7)


def test_json_gives_the_plan_s_form_with_the_results(run, table):
    document = json.loads(run("resolve", KEY, "--take", "source", "--format", "json").out)
    assert document["results"] == [{"key": KEY, "outcome": "updated", "detail": ""}]
    assert {cell["field"]: (cell["from"], cell["to"]) for cell in document["changes"][0]["cells"]} == {
        "d_ff": (7, 11008),
        "n_layers": (31, 32),
    }


def test_nothing_to_settle_is_said_and_is_no_error(run):
    run("sync", "--family", "gpt2")
    result = run("resolve", "--all", "--take", "source")
    assert (result.code, result.out) == (0, "Nothing to settle: no such cell differs.\n")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--take", "source"), "error: resolve: want to know which cells\n"),
        ((KEY,), "Missing option '--take'"),
        ((KEY, "--take", "source", "--field", "colour"), "error: --field: no such field: 'colour'\n"),
        ((KEY, "--take", "source", "--field", "key"), "error: --field: no such field: 'key'\n"),
        (("no-such-model", "--take", "source"), "error: model: no model is called 'no-such-model'\n"),
    ],
    ids=["no cells", "no decision", "no field", "the key", "no model"],
)
def test_what_cannot_be_settled_is_refused(run, argv, said):
    result = run("resolve", *argv)
    assert result.code == 3
    assert said in result.err
