"""Search and templates. The order and the matches of the table are those recorded on 2026-06-24 to 27."""

import pytest

from tests.notion.test_paging import new_database, new_row, ok, refusal
from tests.notion_emulator.app import Emulator

TITLES = ("All Properties DB", "Contacts DB", "Wiki DB", "Customer DB for max relation items")


@pytest.fixture
def emulator() -> Emulator:
    made = Emulator()
    for title in TITLES:
        new_database(made, title=title)
        made.clock.advance(60)
    return made


def found(emulator: Emulator, kind: str = "data_source", **body: object) -> list[str]:
    asked = {"filter": {"property": "object", "value": kind}, **body}
    answer = ok(emulator, "POST", "/v1/search", asked)
    titles = []
    for one in answer["results"]:
        assert one["object"] == kind
        parts = one["title"] if kind == "data_source" else one["properties"]["Name"]["title"]
        titles.append("".join(part["plain_text"] for part in parts))
    return titles


def test_one_word_in_common_is_enough_and_the_last_edited_comes_first(emulator):
    assert found(emulator, query="Contacts DB") == list(reversed(TITLES))
    assert found(emulator, query="contact") == ["Contacts DB"]
    assert found(emulator, query="This should have no results") == []


def test_an_empty_question_finds_everything_shared(emulator):
    assert len(found(emulator)) == 4
    root = ok(emulator, "POST", "/v1/search", {"filter": {"property": "object", "value": "page"}})
    assert [page["id"] for page in root["results"]] == [emulator.root_page.id]


def test_sorting_by_relevance_counts_words(emulator):
    by_words = found(emulator, query="Contacts DB", sort={"property": "relevance"})
    assert by_words[0] == "Contacts DB"
    ascending = {"timestamp": "last_edited_time", "direction": "ascending"}
    assert found(emulator, query="DB", sort=ascending) == list(TITLES)


def test_rows_are_pages_and_are_found_by_their_titles_alone():
    emulator = Emulator()
    source_id = new_database(emulator, {"Note": {"rich_text": {}}})[1]
    new_row(emulator, source_id, "Mistral 7B", Note={"rich_text": [{"text": {"content": "Llama"}}]})
    assert found(emulator, "page", query="mistral") == ["Mistral 7B"]
    assert found(emulator, "page", query="llama") == []


def test_the_trash_is_a_filter_of_its_own(emulator):
    source_id = new_database(emulator, title="Old DB")[1]
    row = new_row(emulator, source_id, "Old row")
    ok(emulator, "PATCH", f"/v1/pages/{row}", {"in_trash": True})
    assert found(emulator, "page", query="old") == []
    in_trash = {"property": "object", "value": "page", "in_trash": True}
    assert found(emulator, "page", query="old", filter=in_trash) == ["Old row"]


def test_what_is_not_shared_is_not_found(emulator):
    source_id = new_database(emulator, title="Secret DB")[1]
    new_row(emulator, source_id, "Secret row")
    emulator.unshare(source_id)
    assert found(emulator, query="secret") == []
    assert found(emulator, "page", query="secret") == []


def test_a_new_object_is_found_after_the_lag_and_a_trashed_one_until_it_has_passed(emulator):
    emulator.ws.knobs.search_lag_s = 10
    source_id = new_database(emulator, title="Late DB")[1]
    row = new_row(emulator, source_id, "Late row")
    assert found(emulator, query="late") == found(emulator, "page", query="late") == []
    emulator.clock.advance(10)
    assert found(emulator, query="late") == ["Late DB"]
    assert found(emulator, "page", query="late") == ["Late row"]
    ok(emulator, "PATCH", f"/v1/pages/{row}", {"in_trash": True})
    assert found(emulator, "page", query="late") == ["Late row"]
    emulator.clock.advance(10)
    assert found(emulator, "page", query="late") == []


def test_a_trashed_database_leaves_the_search_unless_it_is_among_those_still_found(emulator):
    database_id, source_id = new_database(emulator, title="Old DB")
    ok(emulator, "PATCH", f"/v1/databases/{database_id}", {"in_trash": True})
    assert found(emulator, query="old") == []
    emulator.ws.still_found.add(source_id)
    assert found(emulator, query="old") == ["Old DB"]


def test_a_search_goes_on_where_its_cursor_says(emulator):
    body = {"filter": {"property": "object", "value": "data_source"}, "page_size": 3}
    first = ok(emulator, "POST", "/v1/search", body)
    rest = ok(emulator, "POST", "/v1/search", {**body, "start_cursor": first["next_cursor"]})
    assert (len(first["results"]), len(rest["results"]), rest["has_more"]) == (3, 1, False)
    assert refusal(emulator, "POST", "/v1/search", {"start_cursor": "bogus"}) == (
        "The start_cursor provided is invalid: bogus"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"sort": {"timestamp": "created_time", "direction": "ascending"}},
            'body.sort.timestamp should be "last_edited_time" when sorting by timestamp.',
        ),
        (
            {"page_size": "ten"},
            'body failed validation: body.page_size should be a number or `undefined`, instead was `"ten"`.',
        ),
        (
            {"filter": {"property": "object", "value": "database"}},
            'body failed validation: body.filter.value should be `"page"` or `"data_source"`,'
            ' instead was `"database"`.',
        ),
    ],
    ids=["sort", "page size", "kind"],
)
def test_refusals_of_searches_have_their_texts(emulator, body, message):
    assert refusal(emulator, "POST", "/v1/search", body) == message


def test_templates_come_in_three_keys_and_by_part_of_the_name(emulator):
    source_id = new_database(emulator)[1]
    path = f"/v1/data_sources/{source_id}/templates"
    templates = [
        {"id": emulator.ws.ids.uuid(), "name": name, "is_default": name == "Task"} for name in ("Task", "Bug")
    ]
    assert ok(emulator, "GET", path) == {"templates": [], "has_more": False, "next_cursor": None}
    emulator.ws.data_sources[source_id].templates = templates
    assert ok(emulator, "GET", path)["templates"] == templates
    assert ok(emulator, "GET", path, name="bu")["templates"] == templates[1:]
    assert ok(emulator, "GET", path, page_size=1)["next_cursor"] == templates[1]["id"]
