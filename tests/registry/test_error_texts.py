"""Every way a command ends badly: the whole text a person reads, and the exit code a script sees."""

import json

import pytest

from schemas.errors import BadPlan

FIELDS_HINT = "fields: key, model_name, model_family, "

USAGE = [
    (
        ["sync", "--nope"],
        "Usage: registry sync [OPTIONS]\n"
        "Try 'registry sync --help' for help.\n\n"
        "Error: No such option '--nope'. (Did you mean one of: '--model', '--to'?)\n",
    ),
    (
        ["frob"],
        "Usage: registry [OPTIONS] COMMAND [ARGS]...\n"
        "Try 'registry --help' for help.\n\n"
        "Error: No such command 'frob'.\n",
    ),
    (
        ["sync", "--all", "--family", "llama2"],
        "error: --all: want it alone, got --family or --model too\n  fix   leave one of them out\n",
    ),
    (
        ["list", "--family", "lama2"],
        "error: family: want one of llama2, llama3_2, llama3, llama4, llama3_1, llama3_3, tinyllama, gemma2, "
        "gemma3, gpt2, safety, qwen2_5, mistral, mixtral, qwen3, deepseek_v3, phi4, gpt_oss, got 'lama2'\n"
        "  fix   --family llama2\n",
    ),
    (
        ["show", "Llama-2-7"],
        "error: model: no model is called 'Llama-2-7'\n"
        "  fix   did you mean sku:Llama-2-7b, sku:Llama-2-70b, sku:Llama-3-70B? "
        "`registry add ORG/NAME` adds one of the hub\n",
    ),
    (
        ["show", "meta-llama/Llama-3.1-405B"],
        "error: model: 'meta-llama/Llama-3.1-405B' is the name of 2 models\n"
        "  fix   give one key: sku:Llama3.1-405B:bf16-mp8, sku:Llama3.1-405B:bf16-mp16\n",
    ),
    (["list", "--where", "d_ff=abc"], "error: --where: d_ff: want int, got 'abc'\n  fix   give a number\n"),
    (
        ["list", "--where", "main=maybe"],
        "error: --where: main: want true or false, got 'maybe'\n  fix   --where main=true\n",
    ),
    (
        ["sync", "--to", "foo"],
        "error: --to: want local, notion or an SQLAlchemy URL, got 'foo'\n  fix   registry sync --to local\n",
    ),
    (
        ["sync", "--to", "foo://bar/baz"],
        "error: table: no database is called 'foo'\n"
        "  from  --to\n"
        "  fix   use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE\n",
    ),
    (
        ["list", "--config", "none.toml"],
        "error: settings: no file none.toml\n  fix   give --config or REGISTRY_CONFIG an existing file\n",
    ),
    (
        ["apply", "none.json"],
        "error: apply: cannot read the plan: No such file or directory\n"
        "  from  none.json\n"
        "  fix   make one with: registry plan --out FILE\n",
    ),
    (
        ["list", "--sku-list", "nowhere"],
        "error: sku_list: want a file or a folder, found none\n"
        "  from  nowhere\n"
        "  fix   give an unchanged sku_list.py: pip install llama-models==0.3.0, or --sku-list PATH\n",
    ),
    (
        ["plan", "--quiet", "--family", "gpt2", "--out", "no/such/folder/plan.json"],
        "error: plan: cannot write no/such/folder/plan.json: No such file or directory\n"
        "  fix   give --out a writable place\n",
    ),
    (
        ["add", "none.json"],
        "problem: config: want a readable file, met No such file or directory\n"
        "  from  none.json\n"
        "  fix   give the path of a .json or .jsonc file\n",
    ),
    (
        ["add", "meta-llama/Llama-2-7b-hf"],
        "problem: hf:meta-llama/Llama-2-7b-hf: meta-llama/Llama-2-7b-hf is already there as sku:Llama-2-7b\n"
        "  from  registry.toml\n"
        '  fix   write [models."sku:Llama-2-7b"]\n',
    ),
    (
        ["sync", "--family", "gpt2", "--accept", "zzz"],
        None,
    ),
]


@pytest.mark.parametrize(("argv", "text"), USAGE, ids=[" ".join(argv) for argv, _ in USAGE])
def test_bad_usage_ends_with_3_and_says_what_to_do(run, argv, text):
    result = run(*argv)
    assert result.code == 3
    if text is None:
        assert result.err.startswith(
            "error: --accept: want at least 8 hex digits of a plan's digest, got 'zzz'\n"
        )
    else:
        assert result.err == text


def test_a_condition_on_an_unknown_field_lists_the_fields(run):
    result = run("list", "--where", "foo=1")
    assert result.code == 3
    assert result.err.startswith(f"error: --where: want FIELD=VALUE, got 'foo=1'\n  fix   {FIELDS_HINT}")


SETTINGS = [
    (
        "x = ",
        "error: settings: not TOML: Invalid value (at end of document)\n"
        "  from  registry.toml\n  fix   mend that line\n",
    ),
    (
        "x = 1\n",
        "error: settings: x: extra inputs are not permitted\n"
        "  from  registry.toml\n"
        "  fix   known settings: home, to, sku_list, optional_columns, models, notion\n",
    ),
    (
        '[models."hf:a/b"]\nd_ff = "x"\n',
        "error: hf:a/b: d_ff: want int, got 'x'\n"
        "  from  registry.toml\n"
        '  fix   set d_ff under [models."hf:a/b"] in registry.toml\n',
    ),
    (
        '[models."hf:a/b"]\nd_f = 1\n',
        "error: hf:a/b: d_f: no such setting or field\n  from  registry.toml\n  fix   did you mean d_ff?\n",
    ),
    (
        '[models."hf:meta-llama/Llama-2-7b-hf"]\n',
        "error: hf:meta-llama/Llama-2-7b-hf: meta-llama/Llama-2-7b-hf is already there as sku:Llama-2-7b\n"
        "  from  registry.toml\n"
        '  fix   write [models."sku:Llama-2-7b"]\n',
    ),
    (
        'optional_columns = ["colour"]\n',
        None,
    ),
]


@pytest.mark.parametrize(("toml", "text"), SETTINGS, ids=[toml.strip() for toml, _ in SETTINGS])
def test_bad_settings_end_with_3_and_name_file_and_key(run, registry_home, toml, text):
    (registry_home.parent / "work" / "registry.toml").write_text(toml, "utf-8")
    result = run("plan", "--family", "gpt2")
    assert result.code == 3
    if text is None:
        assert result.err.startswith("error: optional_columns: no optional column for colour\n")
    else:
        assert result.err == text


def test_a_table_in_notion_without_a_token_ends_with_6_and_is_never_a_local_one(
    run, registry_home, monkeypatch
):
    monkeypatch.setenv("NOTION_DATA_SOURCE_ID", "0" * 32)
    result = run("sync", "--family", "llama2")
    assert result.code == 6
    assert result.err == (
        "error: notion: the table is in Notion and there is no token\n"
        "  from  the environment\n"
        "  fix   set NOTION_TOKEN, or NOTION_TOKEN_FILE to a file that holds it; for the local table say"
        " --to local\n"
        "  wrote nothing\n"
    )
    assert not registry_home.exists()


def test_notion_without_the_id_of_a_table_is_refused_and_the_token_is_not_shown(
    run, registry_home, monkeypatch
):
    monkeypatch.setenv("NOTION_TOKEN", "ntn_never_shown")
    result = run("sync", "--family", "llama2", "--to", "notion")
    assert result.code == 3
    assert result.err == (
        "error: sync: no setting names the table in Notion\n"
        "  from  the environment, [notion] in registry.toml, notion.json\n"
        "  fix   registry init --parent PAGE makes one; for one that exists set NOTION_DATABASE_ID to"
        " its link, then registry adopt\n"
        "  wrote nothing\n"
    )
    assert not registry_home.exists()


def test_a_token_without_an_id_stays_local_and_says_so_without_the_token(run, monkeypatch):
    monkeypatch.setenv("NOTION_TOKEN", "ntn_never_shown")
    result = run("sync", "--family", "gpt2")
    assert result.code == 0
    assert result.err == "NOTION_TOKEN is set but no table id: the local table is used\n"
    assert "ntn_never_shown" not in result.out


def test_a_file_that_is_no_database_is_left_as_it_is(run, registry_home):
    registry_home.mkdir()
    (registry_home / "table.sqlite").write_text("my notes\n", "utf-8")
    result = run("sync", "--family", "gpt2")
    assert result.code == 3
    assert result.err == (
        "error: table: not a SQLite database\n"
        f"  from  {registry_home}/table.sqlite\n"
        "  fix   give --to another file; this one is left as it is\n"
        "  wrote nothing\n"
    )
    assert (registry_home / "table.sqlite").read_text("utf-8") == "my notes\n"


@pytest.fixture
def saved_plan(run, tmp_path):
    path = tmp_path / "plan.json"
    run("plan", "--family", "gpt2", "--out", str(path))
    return path


def edited(path, change):
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")
    return str(path)


def test_an_edited_plan_ends_with_4(run, saved_plan):
    result = run("apply", edited(saved_plan, lambda d: d["changes"][0]["cells"][0].update(to="GPT-9")))
    assert result.code == 4
    assert "it was edited" in result.err
    assert result.err.endswith("  fix   make one with: registry plan --out FILE\n  wrote nothing\n")


def test_a_plan_of_another_format_ends_with_3(run, saved_plan):
    result = run("apply", edited(saved_plan, lambda d: d.update(format="registry-plan/9")))
    assert result.code == BadPlan.exit_code == 3
    assert result.err == (
        "error: plan: want format registry-plan/1, got 'registry-plan/9'\n"
        f"  from  {saved_plan}\n"
        "  fix   make it anew with this version: registry plan --out FILE\n"
        "  wrote nothing\n"
    )


def test_a_plan_that_writes_files_elsewhere_is_refused(run, registry_home, tmp_path):
    from sync.changes import build_plan
    from sync.document import load_plan, plan_document

    path = tmp_path / "plan.json"
    run("plan", "--model", "sku:Llama-2-7b", "--out", str(path))
    document = json.loads(path.read_text("utf-8"))
    plan = load_plan(path.read_bytes(), "plan")
    moved = [f.__class__(tmp_path / "elsewhere.json", f.action, f.content) for f in plan.files]
    forged = build_plan(plan.ref, plan.fingerprint, plan.changes, plan.summary, plan.problems, moved)
    path.write_text(json.dumps(plan_document(forged, requests=document["requests"], exit_code=0)), "utf-8")
    result = run("apply", str(path))
    assert result.code == 4
    assert result.err == (
        f"error: plan: {tmp_path}/elsewhere.json is not in the layer folder\n"
        f"  from  {registry_home}/layers\n"
        "  fix   make the plan with the REGISTRY_HOME it is applied with: registry plan --out FILE\n"
        "  wrote nothing\n"
    )
    assert not (tmp_path / "elsewhere.json").exists()


def test_a_second_run_on_the_same_table_ends_with_8_and_names_the_holder(run, registry_home):
    from sync.lock import hold
    from sync.sql import SqlTable

    table = SqlTable(f"sqlite:///{registry_home}/table.sqlite")
    with hold(registry_home / "locks", table.ref):
        result = run("sync", "--family", "gpt2")
    assert result.code == 8
    assert result.err.startswith(f"error: lock: {registry_home}/table.sqlite is held by process ")


def test_a_hub_that_is_down_ends_with_7_and_known_facts_are_used(run):
    result = run("list", "--refresh", "--model", "openai-community/gpt2", "--format", "json")
    assert result.code == 7
    assert json.loads(result.out)[0]["n_params"] == 124439808
    assert "hub: no connection" in result.err
    assert "1 of 1 models: the hub gave no config; cached facts or those of " in result.err


def test_a_bug_is_one_line_without_a_traceback(run, monkeypatch, capsys):
    from registry.cli import _report_bug

    _report_bug(ValueError, ValueError("boom"), None)
    assert capsys.readouterr().err == (
        "error: a bug in registry: ValueError: boom\n"
        "  fix   run again with REGISTRY_DEBUG=1 and report the traceback\n"
    )


def test_a_bad_value_of_a_local_config_is_a_problem_and_the_rest_goes_on(run, registry_home, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8.5}), "utf-8"
    )
    assert run("add", str(path)).code == 0
    result = run("list", "--model", "file:mine", "--format", "json")
    assert result.code == 5
    record = json.loads(result.out)[0]
    assert (record["d_hidden"], record["n_heads"]) == (64, None)
    assert result.err == (
        "problem: file:mine: n_heads: want int >= 1, got 8.5\n"
        f"  from  {path}#num_attention_heads\n"
        '  fix   set n_heads under [models."file:mine"] in registry.toml\n'
    )


def test_models_that_share_a_problem_are_named_under_it(capsys):
    from registry.cli.common import report_problems
    from schemas.errors import HubDown

    shared = [HubDown(f"org/m{i}: not asked", where=f"hub/m{i}", fix="later") for i in range(9)]
    report_problems([*shared, HubDown("org/x: no connection", where="hub/x", fix="later")])
    assert capsys.readouterr().err == (
        "problem: org/m0: not asked\n"
        "  from  hub/m0\n"
        "  fix   later\n"
        "  also  org/m1, org/m2, org/m3, org/m4, org/m5, org/m6, and 2 more\n"
        "problem: org/x: no connection\n"
        "  from  hub/x\n"
        "  fix   later\n"
    )
