"""`registry init` as a person runs it: what is printed, what is remembered, how it ends."""

import json

import pytest

TITLE = "LLM config table"


def source_of(notion):
    (found,) = notion.emulator.ws.data_sources.values()
    return found


def described(notion, home, first):
    """What is printed of the only table."""
    source = source_of(notion)
    database = source.parent["database_id"]
    return (
        f"{first}\n\n"
        f"url             https://app.notion.com/p/{database.replace('-', '')}\n"
        f"data source     {source.id}\n"
        f"database        {database}\n"
        f"remembered in   {home / 'notion.json'}\n"
        f"other machines  NOTION_DATA_SOURCE_ID={source.id}\n"
        "next            registry sync\n"
    )


def writes(notion):
    return [entry for entry in notion.emulator.log.entries if entry.kind == "write"]


def bare(object_id):
    return object_id.replace("-", "")


@pytest.mark.parametrize(
    "form",
    [
        "{page}",
        "{bare}",
        "https://app.notion.com/p/Models-{bare}",
        "https://app.notion.com/p/{bare}?v=393abc1eedcd81629cea000cc5ac5ec7",
        "https://www.notion.so/team/My-models-{bare}?pvs=4#393abc1eedcd81629cea000cc5ac5ec7",
    ],
    ids=["id", "bare id", "link", "link of a view", "older link"],
)
def test_the_page_is_named_by_its_id_or_its_link(run, notion, registry_home, form):
    page = notion.emulator.root_page.id
    result = run("init", "--parent", form.format(page=page, bare=bare(page)))
    assert (result.code, result.err) == (0, "")
    assert result.out == described(
        notion, registry_home, f'made the table "{TITLE}": 35 columns and the view Main'
    )


def test_run_again_there_is_nothing_to_do_and_nothing_is_written(run, notion, registry_home):
    run("init", "--parent", notion.emulator.root_page.id)
    n = len(writes(notion))
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 0
    assert result.out == described(notion, registry_home, f'nothing to do: the table "{TITLE}" is complete')
    assert len(writes(notion)) == n


def test_a_half_made_table_is_completed_and_what_was_added_is_named(run, notion, registry_home):
    run("init", "--parent", notion.emulator.root_page.id)
    source = source_of(notion).id
    for column in ("d_ff", "Norm Eps"):
        notion.person.delete_column(source, column)
    notion.person.delete_option(source, "Model Type", "chat")
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.out == described(
        notion,
        registry_home,
        f'completed the table "{TITLE}"\n'
        "added    the columns d_ff, Norm Eps\n"
        "added    to Model Type the options chat",
    )


def test_as_json(run, notion):
    page = notion.emulator.root_page.id
    made = json.loads(run("init", "--parent", page, "--title", "Models", "--format", "json").out)
    source = source_of(notion)
    assert made == {
        "title": "Models",
        "url": f"https://app.notion.com/p/{bare(source.parent['database_id'])}",
        "data_source_id": source.id,
        "database_id": source.parent["database_id"],
        "made": True,
        "added": {"columns": [], "options": {}, "view": True},
        "notes": [],
    }


def test_every_value_of_the_catalogue_has_its_option(run, notion):
    run("init", "--parent", notion.emulator.root_page.id, "--optional", "attention")
    options = {
        column.name: [option["name"] for option in column.config["options"]]
        for column in source_of(notion).properties.values()
        if column.type == "select"
    }
    records = json.loads(run("list", "--format", "json").out)
    for field, name in (
        ("model_family", "Model Family"),
        ("tokenizer", "Tokenizer"),
        ("attention", "Attention"),
    ):
        assert set(options[name]) == {record[field] for record in records} - {None}
    assert set(options) == {
        "Model Family", "Model Type", "Tokenizer", "MoE Routing", "Quantization Format", "Attention",
    }  # fmt: skip


def test_optional_columns_of_the_settings_are_made_too(run, notion, registry_home):
    (registry_home.parent / "work" / "registry.toml").write_text('optional_columns = ["n_params"]\n', "utf-8")
    run("init", "--parent", notion.emulator.root_page.id, "--optional", "source")
    names = {column.name for column in source_of(notion).properties.values()}
    assert {"Parameters", "Source"} <= names
    assert "MoE Layers" not in names


def test_without_a_token_nothing_is_sent(run, notion, monkeypatch):
    monkeypatch.delenv("NOTION_TOKEN")
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 6
    assert "there is no token" in result.err
    assert notion.emulator.log.entries == []


def test_a_token_that_is_not_accepted_is_not_shown(run, notion, monkeypatch):
    monkeypatch.setenv("NOTION_TOKEN", "ntn_wrong" * 5)
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 6
    assert "ntn_wrong" not in result.out + result.err


@pytest.mark.parametrize("parent", ["Models", "393abc1e", "https://app.notion.com/p/Models", ""])
def test_what_is_no_page_is_refused_before_anything_is_sent(run, notion, parent):
    result = run("init", "--parent", parent)
    assert result.code == 3
    assert "want a 32-digit id or a Notion link" in result.err
    assert notion.emulator.log.entries == []


def test_a_title_of_nothing_is_refused(run, notion):
    result = run("init", "--parent", notion.emulator.root_page.id, "--title", " ")
    assert (result.code, result.err) == (
        3,
        "error: --title: want a title, got none\n  fix   leave --title out\n  wrote nothing\n",
    )


def test_a_page_that_is_not_shared_is_no_access(run, notion):
    notion.emulator.unshare(notion.emulator.root_page.id)
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 6
    assert "... > Connections, and add the connection that this token is of" in result.err


def test_a_stronger_setting_that_names_another_table_is_pointed_at(run, notion, monkeypatch):
    other = "0a9fafd6-2cc2-4d6b-b6f0-3797ea777421"
    monkeypatch.setenv("NOTION_DATA_SOURCE_ID", other)
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 0
    assert result.err == f"note: the environment names another table ({other}): registry sync uses that one\n"


def test_two_runs_at_once_are_one(run, notion, registry_home):
    from registry.pipeline import LOCK_FOLDER
    from sync.lock import hold
    from sync.table import TableRef

    ref = TableRef("notion", f"init {notion.emulator.root_page.id}", TITLE)
    with hold(registry_home / LOCK_FOLDER, ref):
        result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 8
    assert writes(notion) == []


def test_a_data_folder_that_cannot_be_written_makes_no_table(
    run, notion, registry_home, tmp_path, monkeypatch
):
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    monkeypatch.setenv("REGISTRY_HOME", str(blocked / "home"))
    result = run("init", "--parent", notion.emulator.root_page.id)
    assert result.code == 3
    assert writes(notion) == []
