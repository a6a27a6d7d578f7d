"""A plan as calls of Notion's MCP server."""

import pytest

from schemas.errors import BadUsage
from sync.apply import write_of
from sync.base import parse_base
from sync.changes import Plan
from sync.mcp import mcp_document
from sync.plan import make_plan
from sync.table import Schema, TableRef
from tests.sync.making import SCHEMA, base_of, evidence, record, row

NOTION = TableRef("notion", "0a9fafd6-2cc2-4d6b-b6f0-3797ea777421", "LLM config table")


def plan(records, rows=(), schema: Schema = SCHEMA, ref: TableRef = NOTION) -> Plan:
    return make_plan(records, rows, schema, ref, evidence)


def test_a_new_row_is_a_page_with_boxes_as_words_and_numbers_as_numbers():
    made = plan([record(n_layers=32, gated_mlp=True, is_moe=False, norm_eps=1e-05)])
    (call,) = mcp_document(made, SCHEMA)["calls"]
    assert call["tool"] == "notion-create-pages"
    assert call["arguments"]["parent"] == {"data_source_id": NOTION.id}
    (page,) = call["arguments"]["pages"]
    base = page["properties"].pop("Registry Base")
    assert page["properties"] == {
        "Registry Key": "sku:Llama-2-7b",
        "Model Name": "Llama-2-7b",
        "n_layers": 32,
        "Gated MLP": "__YES__",
        "Is MoE": "__NO__",
        "Norm Eps": 1e-05,
    }
    assert set(parse_base(base)) == {"n_layers", "gated_mlp", "is_moe", "norm_eps"}


def test_it_is_the_same_plan_as_apply_writes():
    rows = [row("p1", base_of(n_layers=1, n_heads=5), n_layers=1, n_heads=7, vocab_size=9)]
    made = plan([record(n_layers=32, n_heads=5, vocab_size=10, d_ff=11008)], rows)
    (call,) = mcp_document(made, SCHEMA)["calls"]
    written = write_of(made.changes[0], SCHEMA, rows[0].base)
    assert call == {
        "tool": "notion-update-page",
        "arguments": {
            "page_id": "p1",
            "command": "update_properties",
            "properties": {"d_ff": 11008, "n_layers": 32, "Registry Base": written.base},
        },
    }
    assert set(written.set) == {"n_layers", "d_ff"}


def test_new_rows_go_a_hundred_to_a_call_and_before_the_updates():
    rows = [row("p", base_of(n_layers=1), "old", n_layers=1)]
    records = [record(f"m{i}", n_layers=2) for i in range(205)] + [record("old", n_layers=3)]
    calls = mcp_document(plan(records, rows), SCHEMA)["calls"]
    assert [len(call["arguments"].get("pages", [])) for call in calls] == [100, 100, 5, 0]


def test_columns_go_by_the_table_s_names_and_those_the_server_keeps_for_itself_are_marked():
    schema = Schema(
        SCHEMA.bound,
        "x",
        names={"d_ff": "URL", "n_layers": "Depth", "base": "Agreed"},
        spell=lambda field, value: (
            f"https://huggingface.co/{value}" if field == "huggingface_repo" else value
        ),
    )
    made = plan([record(d_ff=1, n_layers=2, huggingface_repo="a/b")], schema=schema)
    (call,) = mcp_document(made, schema)["calls"]
    properties = call["arguments"]["pages"][0]["properties"]
    assert properties["userDefined:URL"] == 1
    assert properties["Depth"] == 2
    assert properties["HuggingFace Repo"] == "https://huggingface.co/a/b"
    assert "Agreed" in properties


def test_a_plan_for_another_table_is_refused_since_it_does_not_know_notion_s_rows():
    local = TableRef("local", "/t.sqlite", "/t.sqlite")
    with pytest.raises(BadUsage) as refused:
        mcp_document(plan([record(n_layers=2)], ref=local), SCHEMA)
    assert str(refused.value) == (
        "plan: the calls go to a table in Notion, and this plan is for /t.sqlite\n"
        "  fix   registry plan --to notion --format mcp"
    )


def test_a_plan_without_writes_has_no_calls():
    rows = [row("p", base_of(n_layers=1), n_layers=2)]
    document = mcp_document(plan([record(n_layers=3)], rows), SCHEMA)
    assert (document["calls"], document["summary"]["conflict"]) == ([], 1)
