"""Where token and ids come from, and that the token stays there."""

import json
import os
from pathlib import Path

import pytest

from registry.credentials import Token, notion_place, object_id, take_hub_token
from schemas.errors import BadSettings

SECRET = "ntn_a_token_that_is_never_shown"
ID = "0a9fafd6-2cc2-4d6b-b6f0-3797ea777421"
OTHER = "ddfd95bd-109a-4ac6-955c-90541cc53d5e"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return tmp_path


def place(home: Path = Path("home"), **settings: str):
    return notion_place(home, settings)


def remember(path: Path, **ids: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ids), "utf-8")


def test_without_any_setting_there_is_neither_token_nor_id():
    found = place()
    assert (found.token, found.base_url, found.has_id) == (None, None, False)


def test_the_environment_outranks_every_file(work, monkeypatch):
    Path(".env").write_text(f"NOTION_TOKEN=other\nNOTION_DATA_SOURCE_ID={OTHER}\n", "utf-8")
    monkeypatch.setenv("NOTION_TOKEN", SECRET)
    monkeypatch.setenv("NOTION_DATA_SOURCE_ID", ID)
    found = place(data_source_id=OTHER)
    assert found.token.reveal() == SECRET
    assert (found.data_source_id, found.where) == (ID, "the environment")


def test_ids_are_looked_for_in_registry_toml_then_what_init_wrote_then_the_user_s_file(work):
    user = work / "user" / ".config" / "notion" / "config.json"
    remember(user, database_id=OTHER)
    assert (place(work / "home").database_id, place(work / "home").where) == (OTHER, str(user))
    remember(work / "home" / "notion.json", data_source_id=ID)
    assert place(work / "home").data_source_id == ID
    stated = place(work / "home", database_id=OTHER)
    assert (stated.data_source_id, stated.database_id) == (None, OTHER)


def test_a_token_file_is_read_and_an_env_file_gives_token_address_and_id(work, monkeypatch):
    Path(".env").write_text(
        f'NOTION_TOKEN="{SECRET}"\nNOTION_BASE_URL=http://127.0.0.1:1\nNOTION_DATABASE_ID={ID}\nOTHER=1\n',
        "utf-8",
    )
    Path(".env").chmod(0o600)
    found = place()
    assert (found.token.reveal(), found.base_url, found.database_id) == (SECRET, "http://127.0.0.1:1", ID)
    assert found.warnings == ()
    Path(".env").unlink()
    file = work / "token"
    file.write_text(SECRET + "\n", "utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("NOTION_TOKEN_FILE", str(file))
    assert place().token.reveal() == SECRET


def test_systemd_s_credential_is_found(work, monkeypatch):
    (work / "credentials").mkdir()
    (work / "credentials" / "notion_token").write_text(SECRET, "utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(work / "credentials"))
    assert place().token.reveal() == SECRET


def test_an_address_in_a_foreign_folder_never_gets_your_token(monkeypatch):
    Path(".env").write_text("NOTION_BASE_URL=https://example.com\n", "utf-8")
    monkeypatch.setenv("NOTION_TOKEN", SECRET)
    assert place().base_url is None
    monkeypatch.setenv("NOTION_BASE_URL", "http://127.0.0.1:1")
    assert place().base_url == "http://127.0.0.1:1"


def test_an_address_in_a_foreign_folder_never_gets_the_token_of_a_file(work, monkeypatch):
    Path(".env").write_text("NOTION_BASE_URL=https://example.com\n", "utf-8")
    file = work / "token"
    file.write_text(SECRET, "utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("NOTION_TOKEN_FILE", str(file))
    assert (place().token.reveal(), place().base_url) == (SECRET, None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_file_that_others_can_read_is_refused(work, monkeypatch, mode):
    file = work / "token"
    file.write_text(SECRET, "utf-8")
    file.chmod(mode)
    monkeypatch.setenv("NOTION_TOKEN_FILE", str(file))
    with pytest.raises(BadSettings) as refused:
        place()
    assert str(refused.value) == (
        f"notion: others on this machine can read the token file\n  from  {file}\n  fix   chmod 600 {file}\n"
        "  wrote nothing"
    )


def test_an_env_file_that_others_can_read_is_used_and_said():
    Path(".env").write_text(f"NOTION_TOKEN={SECRET}\n", "utf-8")
    Path(".env").chmod(0o644)
    (warning,) = place().warnings
    assert warning == ".env: others on this machine can read the token in it: chmod 600 .env"


@pytest.mark.parametrize("content", ["", "two words", "x" * 5000], ids=["empty", "words", "huge"])
def test_a_token_file_without_a_token_alone_is_refused_without_its_content(work, monkeypatch, content):
    file = work / "token"
    file.write_text(content, "utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("NOTION_TOKEN_FILE", str(file))
    with pytest.raises(BadSettings, match="want the token alone") as refused:
        place()
    assert not content or content not in str(refused.value)


def test_a_missing_token_file_and_a_damaged_id_file_are_refused(work, monkeypatch):
    monkeypatch.setenv("NOTION_TOKEN_FILE", str(work / "nowhere"))
    with pytest.raises(BadSettings, match="cannot read the token file: No such file"):
        place()
    monkeypatch.delenv("NOTION_TOKEN_FILE")
    (work / "home").mkdir()
    (work / "home" / "notion.json").write_text("{half", "utf-8")
    with pytest.raises(BadSettings, match="cannot read the ids"):
        place(work / "home")


def test_a_token_shows_itself_to_nobody():
    token = Token(SECRET, "NOTION_TOKEN")
    assert SECRET not in f"{token} {token!r} {[token]} {token.__class__}"
    assert not hasattr(token, "__dict__")


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.replace("-", ""),
        f"  {ID}\n",
        "https://app.notion.com/p/LLM-config-table-0a9fafd62cc24d6bb6f03797ea777421",
        "https://www.notion.so/team/LLM-config-table-0a9fafd62cc24d6bb6f03797ea777421?v=393abc1eedcd81629cea000cc5ac5ec7&pvs=4",
        "https://team.notion.site/0a9fafd62cc24d6bb6f03797ea777421#section",
    ],
)
def test_an_id_is_taken_from_an_id_or_a_link(text):
    assert object_id(text, "x") == ID


@pytest.mark.parametrize("text", ["", "table", "0a9f", "https://app.notion.com/p/Table", ID + "0"])
def test_what_is_no_id_is_refused_with_its_place(text):
    with pytest.raises(BadSettings) as refused:
        object_id(text, "NOTION_DATABASE_ID")
    assert "from  NOTION_DATABASE_ID" in str(refused.value)


def test_the_hub_s_token_in_an_env_file_is_taken_unless_one_is_set(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "mine")
    Path(".env").write_text("HF_TOKEN=theirs\nHF_ENDPOINT=https://example.com\n", "utf-8")
    take_hub_token()
    assert os.environ["HF_TOKEN"] == "mine"
    monkeypatch.setenv("HF_TOKEN", "")
    endpoint = os.environ.get("HF_ENDPOINT")
    take_hub_token()
    assert os.environ["HF_TOKEN"] == "theirs"
    assert os.environ.get("HF_ENDPOINT") == endpoint, "an address of a foreign folder is never taken"
