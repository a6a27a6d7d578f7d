"""The command line against recorded answers of Notion, with vcrpy: nothing is sent that was not recorded.

After an intended change of what is sent: `python -m tests.make.notion_cassettes`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.make import notion_cassettes as made
from tests.make.notion_scrubbing import REQUEST_HEADERS, RESPONSE_HEADERS, Scrubber, suspicious
from tests.notion_emulator import rich_text
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.server import serving
from tests.notion_emulator.wire import Request

CASSETTES = Path(__file__).parents[1] / "sync" / "notion" / "cassettes"
FOLDERS = sorted(path for path in CASSETTES.iterdir() if path.is_dir())
FILES = sorted(CASSETTES.rglob("*.json"))

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")


def interactions(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["interactions"]


def played(folder: Path) -> Iterator[tuple[list, list, list, range]]:
    """Of each cassette: what came of its commands, now and then; the order of its requests, now and then."""
    for path in (folder / f"{name}.json" for name in made.NAMES):
        runs, order = made.replay(path)
        yield runs, made.header_of(path)["runs"], order, range(len(interactions(path)))


def edited(folder: Path, to: Path, name: str, edit) -> Path:
    """A copy of a folder, one cassette of which was changed."""
    for path in folder.glob("*.json"):
        cassette = json.loads(path.read_text("utf-8"))
        if path.stem == name:
            edit(cassette)
        (to / path.name).write_text(json.dumps(cassette), "utf-8")
    return to


def test_the_cassettes_of_the_emulator_are_there():
    assert {path.stem for path in (CASSETTES / "emulator").iterdir()} == set(made.NAMES)


@each_folder
def test_the_recorded_requests_are_sent_in_the_recorded_order_and_come_to_the_same(folder):
    with made.machine(), made.one_at_a_time():
        for runs, recorded, order, all_of_them in played(folder):
            assert runs == recorded
            assert order == list(all_of_them)


@each_folder
def test_with_three_requests_in_flight_the_same_are_sent(folder):
    with made.machine():
        for runs, recorded, order, all_of_them in played(folder):
            assert runs == recorded
            assert sorted(order) == list(all_of_them)


@each_folder
def test_what_the_three_runs_do(folder):
    first, no_op, update = (made.header_of(folder / f"{name}.json")["runs"] for name in made.NAMES)
    assert first[0]["made"]
    sums = {"add": 0, "update": 0, "unchanged": 0, "held": 0, "conflict": 0}
    assert [run["summary"] for run in (first[1], no_op[0], update[0])] == [
        sums | {"add": 4},
        sums | {"unchanged": 4},
        sums | {"update": 1, "unchanged": 3},
    ]
    assert [run["requests"]["write"] for run in (first[1], no_op[0], update[0])] == [4, 0, 1]
    assert {run["exit_code"] for run in (*first, *no_op, *update)} == {0}


def other_value(cassette):
    cassette["recorded"]["settings"] = cassette["recorded"]["settings"].replace("1e-6", "1e-7")


@pytest.mark.parametrize(
    ("name", "edit"),
    [("update", other_value), ("no-op-sync", lambda cassette: cassette["interactions"].pop())],
    ids=["another value", "one request more"],
)
def test_a_request_that_was_not_recorded_is_refused(tmp_path, name, edit):
    folder = edited(CASSETTES / "emulator", tmp_path, name, edit)
    with made.machine(), pytest.raises(CannotOverwriteExistingCassetteException):
        list(played(folder))


def test_recording_again_gives_the_same_bytes(tmp_path):
    emulator, place = made.emulated()
    with serving(emulator) as url:
        made.record(tmp_path, replace(place, base_url=url))
    for name in made.NAMES:
        kept = CASSETTES / "emulator" / f"{name}.json"
        was, installed = made.header_of(kept)["notion_client"], version("notion-client")
        expected = kept.read_text("utf-8").replace(f'client":"{was}"', f'client":"{installed}"')
        assert (tmp_path / kept.name).read_text("utf-8") == expected, "python -m tests.make.notion_cassettes"


@each_file
def test_a_cassette_holds_no_secret_and_names_nobody(path):
    text = path.read_text("utf-8")
    assert list(suspicious(text)) == []
    assert made.TOKEN not in text
    for one in interactions(path):
        assert set(one["request"]["headers"]) <= set(REQUEST_HEADERS)
        assert set(one["response"]["headers"]) <= set(RESPONSE_HEADERS)
        assert one["request"]["uri"].startswith("https://api.notion.com/v1/")


@each_file
def test_plain_vcrpy_reads_it(path):
    with vcr.use_cassette(str(path), serializer="json", record_mode="none") as cassette:
        assert len(cassette) == len(interactions(path))


@each_file
def test_a_cassette_says_what_it_was_recorded_against(path):
    header = made.header_of(path)
    assert header["against"] == path.parent.name
    assert header["against"] in ("emulator", "service")
    assert header["date"] >= "2026-07-04"
    assert header["notion_client"]
    sent = {version for one in interactions(path) for version in one["request"]["headers"]["notion-version"]}
    assert sent == {header["notion_version"]}


@pytest.mark.parametrize(
    "text",
    ["ntn_abc", "Bearer x", "set-cookie", "User-Agent", "erika@firma.de", "https://s3/x?X-Amz-Signature=1"],
)
def test_what_must_not_be_in_a_cassette_is_seen(text):
    assert list(suspicious(f'{{"string":"{text}"}}'))


@pytest.fixture
def private() -> Emulator:
    """A workspace as people have them: names, pictures, and more than our table on the page."""
    emulator, _ = made.emulated()
    page = emulator.root_page
    page.properties["title"] = [rich_text.text("Erika's plans")]
    picture = "https://s3.example.org/c.png?X-Amz-Signature=0badc0de"
    page.cover = {"type": "file", "file": {"url": picture, "expiry_time": "2026-11-21T13:00:00.000Z"}}
    block = {"paragraph": {"rich_text": [{"text": {"content": "the salaries of 2027"}}]}}
    table = {
        "parent": {"type": "page_id", "page_id": page.id},
        "title": [{"text": {"content": "Customers"}}],
        "initial_data_source": {"properties": {"Name": {"title": {}}}},
    }
    for request in (
        Request("PATCH", f"/v1/blocks/{page.id}/children", body=json.dumps({"children": [block]}).encode()),
        Request("POST", "/v1/databases", body=json.dumps(table).encode()),
    ):
        assert emulator.unwatched(request, emulator.person.id).status == 200
    return emulator


def test_of_a_workspace_of_people_nothing_private_is_kept_and_the_replay_is_the_same(tmp_path, private):
    title = "LLM config table recorded 2026-11-21 12:00:00"
    place = made.Place("service", made.TOKEN, private.root_page.id, title, "2026-11-21")
    with serving(private) as url:
        paths = made.make(replace(place, base_url=url), tmp_path / "service")
    answered = b"".join(entry.true_answer.body for entry in private.log.entries if entry.true_answer).decode()
    kept = "".join(path.read_text("utf-8") for path in paths)
    people = [private.person.id, private.bot.id]
    for secret in [*people, "Erika", "salaries", "Customers", "0badc0de"]:
        assert secret in answered
        assert secret not in kept
    assert list(suspicious(kept)) == []
    with made.machine(), made.one_at_a_time():
        for runs, recorded, order, all_of_them in played(tmp_path / "service"):
            assert runs == recorded
            assert order == list(all_of_them)


def scrubbed(body) -> dict:
    recorded = [{"response": {"body": {"string": json.dumps(body)}}}]
    (one,) = Scrubber("p", "T").interactions(recorded)
    return json.loads(one["response"]["body"]["string"])


ERIKA = "393abc1e-edcd-8162-9cea-000cc5ac5ec7"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        pytest.param(
            {
                "object": "user",
                "id": ERIKA,
                "name": "Erika",
                "avatar_url": "https://x/y",
                "type": "person",
                "person": {"email": "erika@firma.de"},
            },
            {
                "object": "user",
                "id": "00000000-0000-4000-8000-000000000001",
                "name": "User 1",
                "avatar_url": None,
                "type": "person",
                "person": {"email": "user-1@example.com"},
            },
            id="a person",
        ),
        pytest.param(
            {"bot": {"workspace_name": "Firma", "workspace_id": ERIKA}},
            {"bot": {"workspace_name": "Workspace", "workspace_id": "00000000-0000-4000-8000-00000000ffff"}},
            id="a workspace",
        ),
        pytest.param(
            {"by": {"object": "user", "id": ERIKA}, "additional_data": {"integration_id": ERIKA}},
            {
                "by": {"object": "user", "id": "00000000-0000-4000-8000-000000000001"},
                "additional_data": {"integration_id": "00000000-0000-4000-8000-000000000001"},
            },
            id="an id that does not say whose it is",
        ),
        pytest.param(
            {"message": 'Share it with your integration "Erika\'s bot". Ask erika@firma.de'},
            {"message": 'Share it with your integration "Connection". Ask someone@example.com'},
            id="the text of an error",
        ),
        pytest.param(
            {"url": "https://prod-files-secure.s3.amazonaws.com/a/b?X-Amz-Signature=1&x=2"},
            {"url": "https://example.com/signed"},
            id="a signed link",
        ),
        pytest.param(
            {"url": "https://www.notion.so/firma/Plans-393abc1eedcd81629cea000cc5ac5ec7?v=1a&pvs=4"},
            {"url": "https://app.notion.com/p/393abc1eedcd81629cea000cc5ac5ec7?v=1a"},
            id="a link with workspace and title",
        ),
    ],
)
def test_people_workspaces_and_links_get_stand_ins(body, kept):
    assert scrubbed(body) == kept


def test_a_recording_with_the_token_in_it_is_not_written(tmp_path):
    keeper = made.Cassette(made.Place("emulator", made.TOKEN, "p", "T", "2026-07-04"))
    answer = {"request": {}, "response": {"body": {"string": json.dumps({"message": made.TOKEN})}}}
    with pytest.raises(AssertionError, match="the token is in the recording"):
        keeper.serialize({"version": 1, "interactions": [answer]})


@pytest.mark.parametrize(
    ("environment", "parent", "said"),
    [
        ({}, "393abc1eedcd81629cea000cc5ac5ec7", "set NOTION_TOKEN, unset NOTION_BASE_URL"),
        (
            {"NOTION_TOKEN": made.TOKEN, "NOTION_BASE_URL": "http://127.0.0.1:9"},
            "393abc1eedcd81629cea000cc5ac5ec7",
            "set NOTION_TOKEN, unset NOTION_BASE_URL",
        ),
        ({"NOTION_TOKEN": made.TOKEN}, "Plans", "want a 32-digit id or a Notion link"),
    ],
    ids=["no token", "an emulator", "no page"],
)
def test_the_service_is_recorded_only_when_it_is_meant(monkeypatch, tmp_path, environment, parent, said):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=said):
        made.main(["--parent", parent, "--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_the_service_gets_a_table_of_its_own(monkeypatch):
    monkeypatch.setenv("NOTION_TOKEN", made.TOKEN)
    place = made.place_of("https://app.notion.com/p/Plans-393abc1eedcd81629cea000cc5ac5ec7")
    assert (place.against, place.parent, place.base_url) == ("service", ERIKA, None)
    assert place.title.startswith("LLM config table recorded 20")
