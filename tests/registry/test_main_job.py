"""The main job as its users run it: families, numbers, second runs, people's edits."""

import json
import sqlite3

import pytest

TABLE = "llm_config_table"

LLAMA_2 = {
    "sku:Llama-2-7b": (11008, 2.688, 32, 128, 6738415616),
    "sku:Llama-2-7b-chat": (11008, 2.688, 32, 128, 6738415616),
    "sku:Llama-2-13b": (13824, 2.7, 40, 128, 13015864320),
    "sku:Llama-2-13b-chat": (13824, 2.7, 40, 128, 13015864320),
    "sku:Llama-2-70b": (28672, 3.5, 8, 128, 68976648192),
    "sku:Llama-2-70b-chat": (28672, 3.5, 8, 128, 68976648192),
}
MAIN = {
    "sku:Llama-2-7b-chat",
    "sku:Llama-2-70b-chat",
    "sku:Llama3.1-8B-Instruct",
    "sku:Llama3.1-70B-Instruct",
    "sku:Llama3.1-405B-Instruct",
    "sku:Llama3.2-1B-Instruct",
    "sku:Llama3.2-3B-Instruct",
    "sku:Llama3.2-11B-Vision-Instruct",
    "sku:Llama3.3-70B-Instruct",
    "sku:Llama-4-Scout-17B-16E-Instruct",
    "sku:Llama-4-Maverick-17B-128E-Instruct",
    "hf:openai-community/gpt2",
    "hf:openai-community/gpt2-medium",
    "hf:openai-community/gpt2-large",
    "hf:openai-community/gpt2-xl",
}


def as_json(result):
    return json.loads(result.out)


def rows(home, columns="*", where=""):
    with sqlite3.connect(home / "table.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT {columns} FROM {TABLE} {where}")]


def edit(home, statement, *values):
    with sqlite3.connect(home / "table.sqlite") as connection:
        connection.execute(statement, values)


def test_the_first_run_fills_table_and_layer_folder_and_says_where(run, registry_home):
    result = run("sync", "--family", "llama2")
    assert result.code == 0, result.err
    found = {r["Registry Key"]: r for r in rows(registry_home)}
    assert set(found) == set(LLAMA_2)
    for key, (d_ff, ratio, n_kv_heads, head_dim, _) in LLAMA_2.items():
        row = found[key]
        assert (row["d_ff"], row["d_ff / d_hidden Ratio"], row["n_kv_heads"], row["head_dim"]) == (
            d_ff,
            ratio,
            n_kv_heads,
            head_dim,
        )
    files = sorted(path.name for path in (registry_home / "layers").iterdir())
    assert files == [
        "meta-llama_Llama-2-13b-chat-hf.json",
        "meta-llama_Llama-2-13b-hf.json",
        "meta-llama_Llama-2-70b-chat-hf.json",
        "meta-llama_Llama-2-70b-hf.json",
        "meta-llama_Llama-2-7b-chat-hf.json",
        "meta-llama_Llama-2-7b-hf.json",
    ]
    assert str(registry_home / "layers") in result.out
    assert "table.sqlite" in result.out
    assert "next " in result.out


def test_the_second_run_writes_nothing(run, registry_home):
    run("sync", "--family", "llama2")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in registry_home.rglob("*.json")}
    table = (registry_home / "table.sqlite").read_bytes()
    result = run("sync", "--family", "llama2")
    assert result.code == 0
    assert result.out.startswith("No changes.")
    assert (registry_home / "table.sqlite").read_bytes() == table
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in registry_home.rglob("*.json")} == before


def test_layer_configs_sum_to_the_models_parameters(run, registry_home):
    run("sync", "--all")
    files = sorted((registry_home / "layers").glob("*.json"))
    assert len(files) > 20
    for path in files:
        config = json.loads(path.read_text("utf-8"))
        layers = config["layer_types"] + config["unsupported_layers"]
        total = sum(layer["count"] * layer["specs"]["parameter_count"] for layer in layers)
        assert config["total_params"] == config["n_params"] == total
        assert path.name == config["hf_model_id"].replace("/", "_") + ".json"


def test_sync_writes_the_gap_reports_that_its_layer_configs_name(run, registry_home):
    run("sync", "--family", "deepseek_v3")
    folder = registry_home / "layers"
    for path in folder.glob("*.json"):
        config = json.loads(path.read_text("utf-8"))
        for layer in config["unsupported_layers"]:
            report = (folder / layer["gap_report"]).read_text("utf-8")
            assert f"{layer['specs']['parameter_count']:,}" in report
    assert len(list(folder.glob("gaps/*/attention.md"))) == 3
    assert "No changes" in run("sync", "--family", "deepseek_v3").out


def test_a_dry_run_and_a_plan_create_nothing(run, registry_home):
    assert run("sync", "--family", "llama2", "--dry-run").code == 0
    assert run("plan", "--family", "llama2", "--detailed-exitcode").code == 2
    assert not (registry_home / "table.sqlite").exists()
    assert not (registry_home / "layers").exists()


@pytest.mark.parametrize(("key", "expected"), LLAMA_2.items(), ids=LLAMA_2)
def test_llama_2_records_are_exact(run, key, expected):
    record = as_json(run("show", key, "--format", "json"))["record"]
    assert (
        record["d_ff"],
        record["d_ff_ratio"],
        record["n_kv_heads"],
        record["head_dim"],
        record["n_params"],
    ) == expected
    assert record["tokenizer"] == "Llama 2 Tokenizer"
    assert record["rope_theta"] == 10000


def test_show_keeps_what_was_overruled_with_its_line(run):
    document = as_json(run("show", "Llama-2-7b-chat", "--format", "json"))
    record, evidence = document["record"], document["evidence"]
    assert (record["max_context_size"], record["main"], record["model_type"]) == (4096, True, "chat")
    for field, value in (("d_ff", 14336), ("n_kv_heads", 8), ("rope_theta", 500000)):
        overruled = [o for o in evidence[field]["overruled"] if o["source"] == "sku_list"]
        assert [o["value"] for o in overruled] == [value]
        assert overruled[0]["where"].startswith("llama-models 0.3.0:llama_models/sku_list.py:")
        assert overruled[0]["where"].rpartition(":")[2].isdigit()


def test_multiple_of_of_70b_chat_is_unknown_and_listed_by_verify(run):
    assert as_json(run("show", "Llama-2-70b-chat", "--format", "json"))["record"]["multiple_of"] in (
        None,
        4096,
    )
    found = as_json(run("verify", "--family", "llama2", "--format", "json"))["disagreements"]
    assert [
        d["overruled"][0]["value"]
        for d in found
        if d["key"] == "sku:Llama-2-70b-chat" and d["field"] == "multiple_of"
    ] == [256]


def test_list_main_is_the_users_list(run):
    assert {record["key"] for record in as_json(run("list", "--main", "--format", "json"))} == MAIN


def test_the_ratios_of_the_skus_outside_llama_2(run):
    families = [f"--family={f}" for f in ("llama3", "llama3_1", "llama3_2", "llama3_3", "safety")]
    ratios = [
        r["d_ff_ratio"]
        for r in as_json(run("list", *families, "--format", "json"))
        if r["key"] != "sku:Llama-Guard-4-12B"
    ]
    assert {ratio: ratios.count(ratio) for ratio in set(ratios)} == {
        2.667: 4,
        3.125: 1,
        3.25: 6,
        3.5: 17,
        4.0: 5,
    }


@pytest.mark.parametrize(
    ("name", "shown", "n_params"),
    [
        ("gpt2", "GPT-2", 124439808),
        ("gpt2-medium", "GPT-2 Medium", 354823168),
        ("gpt2-large", "GPT-2 Large", 774030080),
        ("gpt2-xl", "GPT-2 XL", 1557611200),
    ],
)
def test_gpt2_is_right(run, name, shown, n_params):
    r = as_json(run("show", f"openai-community/{name}", "--format", "json"))["record"]
    assert (r["model_name"], r["model_type"], r["n_params"]) == (shown, "base", n_params)
    assert (r["max_context_size"], r["vocab_size"], r["head_dim"], r["norm_eps"]) == (1024, 50257, 64, 1e-05)
    assert (r["d_ff"], r["d_ff_ratio"], r["gated_mlp"]) == (4 * r["d_hidden"], 4.0, False)
    assert r["notes"] == "Learned positional embeddings (no RoPE)"
    assert r["tokenizer"] == "BPE"


def test_a_persons_edit_is_held_and_main_and_foreign_columns_are_never_touched(run, registry_home):
    run("sync", "--family", "llama2")
    edit(registry_home, f"ALTER TABLE {TABLE} ADD COLUMN mine BLOB")
    edit(registry_home, f"UPDATE {TABLE} SET mine = x'00ff', Main = 1 - Main, d_ff = 12000")
    before = rows(registry_home)
    result = run("sync", "--family", "llama2", "--format", "json")
    assert result.code == 0
    assert as_json(result)["summary"] == {"add": 0, "update": 0, "unchanged": 0, "held": 6, "conflict": 0}
    assert rows(registry_home) == before


def pin(registry_home, text):
    (registry_home.parent / "work" / "registry.toml").write_text(text, "utf-8")


def test_a_source_change_updates_the_cell(run, registry_home):
    run("sync", "--model", "sku:Llama-2-7b")
    pin(registry_home, '[models."sku:Llama-2-7b"]\nmax_context_size = 2048\n')
    result = run("sync", "--model", "sku:Llama-2-7b", "--format", "json")
    assert result.code == 0
    cells = as_json(result)["changes"][0]["cells"]
    assert [(c["field"], c["action"], c["from"], c["to"], c["source"]) for c in cells] == [
        ("max_context_size", "update", 4096, 2048, "user")
    ]
    assert rows(registry_home, '"Max Context Size"') == [{"Max Context Size": 2048}]


def test_an_edit_and_a_source_change_are_a_conflict_kept_and_told_once(run, registry_home):
    run("sync", "--model", "sku:Llama-2-7b")
    edit(registry_home, f'UPDATE {TABLE} SET "Max Context Size" = 1000')
    pin(registry_home, '[models."sku:Llama-2-7b"]\nmax_context_size = 2048\n')
    result = run("sync", "--model", "sku:Llama-2-7b", "--format", "json")
    assert result.code == 5
    assert as_json(result)["summary"]["conflict"] == 1
    assert rows(registry_home, '"Max Context Size"') == [{"Max Context Size": 1000}]
    again = run("sync", "--model", "sku:Llama-2-7b", "--format", "json")
    assert (again.code, as_json(again)["summary"]["conflict"]) == (0, 1)


def test_a_saved_plan_is_applied_once_and_refused_when_the_table_moved(run, registry_home, tmp_path):
    plan = str(tmp_path / "plan.json")
    assert run("plan", "--family", "llama2", "--out", plan).code == 0
    run("sync", "--model", "sku:Llama-2-7b")
    result = run("apply", plan)
    assert result.code == 4
    assert len(rows(registry_home)) == 1
    assert run("plan", "--family", "llama2", "--out", plan).code == 0
    assert run("apply", plan).code == 0
    assert len(rows(registry_home)) == 6
    assert len(list((registry_home / "layers").iterdir())) == 6


def test_a_persons_change_of_a_layer_config_is_kept(run, registry_home):
    run("sync", "--model", "sku:Llama-2-7b")
    path = registry_home / "layers" / "meta-llama_Llama-2-7b-hf.json"
    edited = path.read_text("utf-8").replace("11008", "11009")
    path.write_text(edited, "utf-8")
    assert run("sync", "--model", "sku:Llama-2-7b").code == 5
    assert path.read_text("utf-8") == edited
    beside = json.loads((path.parent / (path.name + ".new")).read_text("utf-8"))
    assert beside["total_params"] == 6738415616


def test_every_catalogue_model_syncs_without_network_and_the_second_run_has_nothing_to_do(run, registry_home):
    first = run("sync", "--all", "--format", "json")
    assert first.code == 0, first.err
    assert len(rows(registry_home)) >= 60
    assert run("sync", "--all").out.startswith("No changes.")


def test_the_json_of_a_run_has_the_shape_that_others_rely_on(run, registry_home):
    document = as_json(run("sync", "--model", "sku:Llama-2-7b", "--format", "json"))
    assert document["table"]["kind"] == "local"
    assert document["table"]["id"] == str(registry_home / "table.sqlite")
    assert set(document["changes"][0]) >= {"key", "model_name", "action", "cells"}
    cell = next(c for c in document["changes"][0]["cells"] if c["field"] == "d_ff")
    assert {k: cell[k] for k in ("field", "action", "from", "to", "base", "source")} == {
        "field": "d_ff",
        "action": "add",
        "from": None,
        "to": 11008,
        "base": None,
        "source": "snapshot",
    }
    assert cell["where"].startswith("meta-llama/Llama-2-7b-hf:config.json#intermediate_size")
    assert [(f["path"], f["action"]) for f in document["files"]] == [
        (str(registry_home / "layers" / "meta-llama_Llama-2-7b-hf.json"), "written")
    ]
    assert document["summary"] == {"add": 1, "update": 0, "unchanged": 0, "held": 0, "conflict": 0}
    assert set(document["requests"]) == {"read", "write", "waited_s"}
    assert document["exit_code"] == 0


def test_a_plan_printed_as_json_can_be_applied(run, registry_home, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(run("plan", "--family", "llama2", "--format", "json").out, "utf-8")
    result = run("apply", str(path), "--format", "json")
    assert result.code == 0, result.err
    assert as_json(result)["digest"] == json.loads(path.read_text("utf-8"))["digest"]
    assert len(rows(registry_home)) == 6


def test_optional_columns_are_made_only_on_request(run, registry_home):
    run("sync", "--model", "sku:Llama-2-7b")
    assert "Parameters" not in rows(registry_home)[0]
    pin(registry_home, 'optional_columns = ["n_params"]\n')
    assert run("sync", "--model", "sku:Llama-2-7b").code == 0
    assert rows(registry_home, "Parameters") == [{"Parameters": 6738415616}]
    pin(registry_home, "")
    assert run("sync", "--model", "sku:Llama-2-7b").out.startswith("No changes.")


def test_a_mass_overwrite_is_refused_until_it_is_accepted(run, registry_home):
    run("sync", "--family", "llama3_1")
    text = "".join(f'[models."{row["Registry Key"]}"]\nvocab_size = 1\n' for row in rows(registry_home))
    pin(registry_home, text)
    before = rows(registry_home)
    refused = run("sync", "--family", "llama3_1")
    assert refused.code == 4
    assert rows(registry_home) == before
    digest = refused.err.partition("--accept ")[2].split()[0]
    assert run("sync", "--family", "llama3_1", "--accept", digest).code == 0
    assert rows(registry_home, '"Vocab Size"') == [{"Vocab Size": 1}] * 10
