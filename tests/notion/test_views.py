"""Views: made, listed, changed, deleted and queried."""

from typing import Any

import pytest

from tests.notion.test_paging import new_database, new_row, ok, refusal, send
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json

MAIN = {"property": "Main", "checkbox": {"equals": True}}


class Models:
    """A database of models with a column of marks; Mistral and Llama are marked."""

    def __init__(self) -> None:
        self.emulator = Emulator()
        self.database_id, self.source_id = new_database(self.emulator, {"Main": {"checkbox": {}}})
        self.rows = {
            name: new_row(self.emulator, self.source_id, name, Main={"checkbox": name != "Qwen"})
            for name in ("Mistral", "Qwen", "Llama")
        }

    def create(self, **body: Any) -> Json:
        return ok(self.emulator, "POST", "/v1/views", self.body(**body))

    def body(self, **body: Any) -> Json:
        place = {"database_id": self.database_id, "data_source_id": self.source_id}
        return {**place, "name": "Main", "type": "table", **body}

    def listed(self, **asked: str) -> list[str]:
        answer = ok(self.emulator, "GET", "/v1/views", **(asked or {"database_id": self.database_id}))
        return [one["id"] for one in answer["results"]]

    def update(self, view: Json, body: Json) -> Json:
        return ok(self.emulator, "PATCH", f"/v1/views/{view['id']}", body)

    def patch_columns(self, properties: Json) -> None:
        ok(self.emulator, "PATCH", f"/v1/data_sources/{self.source_id}", {"properties": properties})


@pytest.fixture
def models() -> Models:
    return Models()


def test_a_new_view_is_shown_key_by_key_as_recorded(models):
    view = models.create(name="Test View")
    bot = {"object": "user", "id": models.emulator.bot.id}
    time = "2026-07-04T09:08:00.000+00:00"
    assert view.pop("request_id")
    assert list(view.items()) == [
        ("object", "view"),
        ("id", view["id"]),
        ("parent", {"type": "database_id", "database_id": models.database_id}),
        ("data_source_id", models.source_id),
        ("name", "Test View"),
        ("type", "table"),
        ("created_time", time),
        ("created_by", bot),
        ("last_edited_time", time),
        ("last_edited_by", bot),
        ("url", f"https://app.notion.com/p/{models.database_id}?v={view['id']}".replace("-", "")),
        ("filter", None),
        ("sorts", None),
        ("quick_filters", None),
        ("configuration", {"type": "table"}),
    ]
    again = ok(models.emulator, "GET", f"/v1/views/{view['id']}")
    assert again.pop("request_id")
    assert again == view


def test_a_new_database_has_one_view_and_lists_give_ids_alone(models):
    [default] = models.listed()
    assert ok(models.emulator, "GET", f"/v1/views/{default}")["name"] == "Default view"
    made = models.create()["id"]
    assert models.listed() == [default, made]
    assert models.listed(data_source_id=models.source_id) == [default, made]
    answer = ok(models.emulator, "GET", "/v1/views", database_id=models.database_id, page_size=1)
    assert answer["results"] == [{"object": "view", "id": default}]
    assert (answer["type"], answer["view"], answer["next_cursor"]) == ("view", {}, made)


def test_two_views_may_have_one_name(models):
    assert models.create()["name"] == models.create()["name"]
    assert len(models.listed()) == 3


def test_filter_sorts_and_configuration_are_given_back(models):
    sorts = [{"property": "Name", "direction": "ascending"}]
    columns = [{"property_id": "title", "visible": True, "width": 300}]
    configuration = {"type": "table", "properties": columns, "frozen_column_index": 1, "wrap_cells": False}
    quick = {"Number": {"number": {"equals": 1}}}
    view = models.create(filter=MAIN, sorts=sorts, configuration=configuration, quick_filters=quick)
    shown = {name: view[name] for name in ("filter", "sorts", "configuration", "quick_filters")}
    assert shown == {
        "filter": MAIN,
        "sorts": sorts,
        "configuration": configuration,
        "quick_filters": quick,
    }


def test_a_view_follows_a_renamed_column_and_lets_go_of_a_removed_one(models):
    view = models.create(filter={"and": [MAIN, {"property": "Number", "number": {"is_empty": True}}]})
    models.patch_columns({"Main": {"name": "Chosen"}})
    shown = ok(models.emulator, "GET", f"/v1/views/{view['id']}")
    assert shown["filter"]["and"][0] == {"property": "Chosen", "checkbox": {"equals": True}}
    models.patch_columns({"Chosen": None})
    shown = ok(models.emulator, "GET", f"/v1/views/{view['id']}")
    assert shown["filter"] == {"and": [{"property": "Number", "number": {"is_empty": True}}]}
    models.patch_columns({"Number": None})
    assert ok(models.emulator, "GET", f"/v1/views/{view['id']}")["filter"] is None


def test_an_update_changes_what_it_names_and_null_clears(models):
    view = models.create(filter=MAIN, configuration={"type": "table", "wrap_cells": True})
    models.emulator.clock.advance(2)
    renamed = models.update(view, {"name": "Updated View"})
    assert (renamed["name"], renamed["filter"]) == ("Updated View", MAIN)
    assert renamed["last_edited_time"] == "2026-07-04T09:08:02.000+00:00"
    assert models.update(view, {"filter": None})["filter"] is None
    configured = models.update(view, {"configuration": {"type": "table", "frozen_column_index": 1}})
    assert configured["configuration"] == {"type": "table", "wrap_cells": True, "frozen_column_index": 1}


def test_quick_filters_are_taken_back_one_by_one(models):
    quick = {"Number": {"number": {"equals": 1}}, "Main": {"checkbox": {"equals": True}}}
    view = models.create(quick_filters=quick)
    assert models.update(view, {"quick_filters": {"Number": None}})["quick_filters"] == {
        "Main": quick["Main"]
    }
    assert models.update(view, {"quick_filters": None})["quick_filters"] is None


def test_a_view_takes_its_place_in_the_tab_bar(models):
    [default] = models.listed()
    last = models.create(position={"type": "end"})["id"]
    first = models.create(position={"type": "start"})["id"]
    middle = models.create(position={"type": "after_view", "view_id": default})["id"]
    assert models.listed() == [first, default, middle, last]


def test_deleting_a_view_gives_its_stub_and_the_last_one_stays(models):
    view = models.create()
    [default, _] = models.listed()
    stub = ok(models.emulator, "DELETE", f"/v1/views/{view['id']}")
    assert stub.pop("request_id")
    parent = {"type": "database_id", "database_id": models.database_id}
    assert stub == {"object": "view", "id": view["id"], "parent": parent, "type": "table"}
    status, answer = send(models.emulator, "GET", f"/v1/views/{view['id']}")
    assert (status, answer["code"]) == (404, "object_not_found")
    refusal(models.emulator, "DELETE", f"/v1/views/{default}")
    assert models.listed() == [default]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"filter": {"property": "Colour", "checkbox": {"equals": True}}},
            "Could not find property with name or id: Colour",
        ),
        (
            {"sorts": [{"property": "Colour", "direction": "ascending"}]},
            "Could not find sort property with name or id: Colour",
        ),
        (
            {"configuration": {"type": "table", "properties": [{"property_id": "Colour"}]}},
            "Could not find property with name or id: Colour",
        ),
        (
            {"configuration": {"type": "table", "properties": [{"property_id": "title", "width": 31}]}},
            "body failed validation: body.configuration.properties[0].width should be \u2265 `32`,"
            " instead was `31`.",
        ),
        (
            {"configuration": {"type": "board"}},
            'body failed validation: body.configuration.type should be `"table"`, instead was `"board"`.',
        ),
        ({"colour": 1}, "body failed validation: body.colour should be not present, instead was `1`."),
        ({"name": 1}, "body failed validation: body.name should be a string, instead was `1`."),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_refusals_of_views_have_their_texts(models, body, message):
    assert refusal(models.emulator, "POST", "/v1/views", models.body(**body)) == message
    assert len(models.listed()) == 1


def test_an_unknown_database_or_view_is_not_found(models):
    unknown = "990580d4-6b24-4e1c-b53b-c3ae1bebb6b9"
    assert send(models.emulator, "GET", "/v1/views", database_id=unknown)[0] == 404
    assert send(models.emulator, "PATCH", f"/v1/views/{unknown}", {"name": "A"})[0] == 404
    assert send(models.emulator, "POST", "/v1/views", models.body(database_id=unknown))[0] == 404


def run(models: Models, view: Json, **body: Any) -> Json:
    return ok(models.emulator, "POST", f"/v1/views/{view['id']}/queries", body)


def test_a_view_query_gives_the_rows_of_the_view_for_a_quarter_of_an_hour(models):
    view = models.create(filter=MAIN, sorts=[{"property": "Name", "direction": "ascending"}])
    answer = run(models, view, page_size=1)
    path = f"/v1/views/{view['id']}/queries/{answer['id']}"
    assert (answer["object"], answer["view_id"], answer["total_count"]) == ("view_query", view["id"], 2)
    assert answer["expires_at"] == "2026-07-04T09:23:00.000+00:00"
    assert answer["results"] == [{"object": "page", "id": models.rows["Llama"]}]
    rest = ok(models.emulator, "GET", path, start_cursor=answer["next_cursor"])
    assert rest["results"] == [{"object": "page", "id": models.rows["Mistral"]}]
    assert (rest["object"], rest["type"], rest["page"], rest["has_more"]) == ("list", "page", {}, False)
    models.emulator.clock.advance(15 * 60)
    assert send(models.emulator, "GET", path)[0] == 404


def test_a_view_query_without_rows_is_shown_as_recorded(models):
    view = models.create(filter={"property": "Number", "number": {"equals": 1}})
    answer = run(models, view)
    assert answer.pop("request_id")
    assert answer == {
        "object": "view_query",
        "id": answer["id"],
        "view_id": view["id"],
        "expires_at": "2026-07-04T09:23:00.000+00:00",
        "total_count": 0,
        "results": [],
        "next_cursor": None,
        "has_more": False,
    }


def test_a_view_query_is_forgotten_when_deleted(models):
    view = models.create()
    made = run(models, view)["id"]
    path = f"/v1/views/{view['id']}/queries/{made}"
    answer = ok(models.emulator, "DELETE", path)
    assert answer.pop("request_id")
    assert answer == {"object": "view_query", "id": made, "deleted": True}
    assert send(models.emulator, "GET", path)[0] == 404


def test_a_view_query_past_the_cap_says_that_rows_are_missing(models):
    models.emulator.ws.knobs.cap = 2
    view = models.create()
    answer = run(models, view)
    said = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    assert (answer["total_count"], answer["request_status"]) == (2, said)
    page = ok(models.emulator, "GET", f"/v1/views/{view['id']}/queries/{answer['id']}")
    assert page["request_status"] == said
