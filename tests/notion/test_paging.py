"""Pages of lists and queries: sizes, cursors, expiry, the cap, the index's lag, what a long walk costs."""

import json
from typing import Any

import pytest

from tests.notion_emulator import pages, query
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json, Knobs
from tests.notion_emulator.wire import Request

HEADERS = {
    "authorization": "Bearer ntn_x",
    "notion-version": "2026-03-11",
    "content-type": "application/json",
}


def send(
    emulator: Emulator, method: str, path: str, body: Json | None = None, **parameters: Any
) -> tuple[int, Json]:
    """Status and body of one request; a list among the parameters is repeated."""
    pairs = [(k, str(one)) for k, v in parameters.items() for one in (v if isinstance(v, list) else [v])]
    content = b"" if body is None else json.dumps(body).encode()
    response = emulator.handle(Request(method, path, pairs, dict(HEADERS), content))
    return response.status, json.loads(response.body)


def ok(emulator: Emulator, method: str, path: str, body: Json | None = None, **parameters: Any) -> Json:
    status, answer = send(emulator, method, path, body, **parameters)
    assert status == 200, answer
    return answer


def refusal(emulator: Emulator, method: str, path: str, body: Json | None = None, **parameters: Any) -> str:
    status, answer = send(emulator, method, path, body, **parameters)
    assert (status, answer["code"]) == (400, "validation_error")
    return answer["message"]


def new_database(
    emulator: Emulator, properties: Json | None = None, title: str = "Models"
) -> tuple[str, str]:
    """Ids of a new database and its data source."""
    columns = {"Name": {"title": {}}, "Number": {"number": {}}} | (properties or {})
    made = ok(
        emulator,
        "POST",
        "/v1/databases",
        {
            "parent": {"type": "page_id", "page_id": emulator.root_page.id},
            "title": [{"text": {"content": title}}],
            "initial_data_source": {"properties": columns},
        },
    )
    return made["id"], made["data_sources"][0]["id"]


def new_row(emulator: Emulator, source_id: str, name: str, **properties: Any) -> str:
    body = {
        "parent": {"type": "data_source_id", "data_source_id": source_id},
        "properties": {"Name": {"title": [{"text": {"content": name}}]}, **properties},
    }
    return ok(emulator, "POST", "/v1/pages", body)["id"]


def names(answer: Json) -> list[str]:
    return [row["properties"]["Name"]["title"][0]["plain_text"] for row in answer["results"]]


class Table:
    """An emulator with one data source; its rows are named 0, 1, 2, ..."""

    def __init__(self, rows: int = 0, **knobs: Any):
        self.emulator = Emulator(knobs=Knobs(**knobs))
        self.database_id, self.source_id = new_database(self.emulator)
        self.path = f"/v1/data_sources/{self.source_id}/query"
        self.rows = [self.add(number) for number in range(rows)]

    def add(self, number: int) -> str:
        return new_row(self.emulator, self.source_id, str(number), Number={"number": number})

    def query(self, **body: Any) -> Json:
        return ok(self.emulator, "POST", self.path, body)

    def refusal(self, **body: Any) -> str:
        return refusal(self.emulator, "POST", self.path, body)

    def walk(self, **body: Any) -> list[Json]:
        answers = [self.query(**body)]
        while cursor := answers[-1]["next_cursor"]:
            answers.append(self.query(**body, start_cursor=cursor))
        return answers


def test_an_empty_query_has_the_recorded_envelope():
    answer = Table().query()
    assert answer.pop("request_id")
    assert answer == {
        "object": "list",
        "results": [],
        "next_cursor": None,
        "has_more": False,
        "type": "page_or_data_source",
        "page_or_data_source": {},
    }


def test_a_query_walks_every_row_once_newest_first():
    table = Table(rows=7)
    answers = table.walk(page_size=3)
    assert [names(answer) for answer in answers] == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert [answer["has_more"] for answer in answers] == [True, True, False]


def test_a_query_cursor_names_its_session_and_the_next_row():
    table = Table(rows=3)
    first = table.query(page_size=1)["next_cursor"]
    kind, session, row = first.split(":")
    second = table.query(page_size=1, start_cursor=first)["next_cursor"]
    assert (kind, row) == ("s", table.rows[1])
    assert second == f"s:{session}:{table.rows[0]}"


def test_a_page_may_be_shorter_than_asked():
    table = Table(rows=5, max_page_size=2)
    assert [len(answer["results"]) for answer in table.walk(page_size=100)] == [2, 2, 1]


def test_a_cursor_may_be_used_again():
    table = Table(rows=3)
    cursor = table.query(page_size=1)["next_cursor"]
    assert names(table.query(page_size=1, start_cursor=cursor)) == ["1"]
    assert names(table.query(page_size=2, start_cursor=cursor)) == ["1", "0"]


def test_rows_made_during_a_walk_are_not_in_it_and_trashed_ones_leave_it():
    table = Table(rows=4)
    first = table.query(page_size=2)
    table.add(4)
    ok(table.emulator, "PATCH", f"/v1/pages/{table.rows[1]}", {"in_trash": True})
    rest = table.query(page_size=2, start_cursor=first["next_cursor"])
    assert names(first) + names(rest) == ["3", "2", "0"]


@pytest.mark.parametrize("cursor", ["bogus", "s:no:row", "4d49987c-a64c-4ab8-916e-d9aeaffa265b"])
def test_an_invented_cursor_is_refused_with_the_reported_text(cursor):
    assert Table(rows=1).refusal(start_cursor=cursor) == f"The start_cursor provided is invalid: {cursor}"


def test_a_cursor_belongs_to_the_question_it_was_given_for():
    table = Table(rows=3)
    cursor = table.query(page_size=1)["next_cursor"]
    other = table.refusal(start_cursor=cursor, sorts=[{"property": "Name", "direction": "ascending"}])
    assert other == f"The start_cursor provided is invalid: {cursor}"


def test_a_cursor_expires_some_time_after_the_first_page():
    table = Table(rows=3, cursor_life_s=60)
    cursor = table.query(page_size=1)["next_cursor"]
    table.emulator.clock.advance(60)
    second = table.query(page_size=1, start_cursor=cursor)["next_cursor"]
    table.emulator.clock.advance(1)
    for one in (cursor, second):
        assert table.refusal(page_size=1, start_cursor=one) == f"The start_cursor provided is invalid: {one}"


def test_a_cursor_expires_after_so_many_pages():
    table = Table(rows=5, cursor_pages=2)
    second = table.query(page_size=1)["next_cursor"]
    third = table.query(page_size=1, start_cursor=second)["next_cursor"]
    assert table.refusal(page_size=1, start_cursor=third).endswith(third)
    assert names(table.query(page_size=1, start_cursor=second)) == ["3"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"page_size": 101}, "body.page_size should be \u2264 `100` or `undefined`, instead was `101`."),
        ({"page_size": "ten"}, 'body.page_size should be a number or `undefined`, instead was `"ten"`.'),
        ({"start_cursor": 1}, "body.start_cursor should be a string or `undefined`, instead was `1`."),
        (
            {"filter_properties": ["ID"]},
            'body.filter_properties should be not present, instead was `["ID"]`.',
        ),
        (
            {"result_type": "block"},
            'body.result_type should be `"page"`, `"data_source"`, or `undefined`, instead was `"block"`.',
        ),
        ({"is_archived": 1}, "body.is_archived should be a boolean or `undefined`, instead was `1`."),
        ({"filter": None}, "body.filter should be an object or `undefined`, instead was `null`."),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_a_query_body_may_not_say(body, message):
    assert Table().refusal(**body) == f"body failed validation: {message}"


def test_more_rows_than_the_cap_end_the_walk_and_every_page_says_so():
    table = Table(rows=5, cap=4)
    answers = table.walk(page_size=3)
    assert [names(answer) for answer in answers] == [["4", "3", "2"], ["1"]]
    said = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    assert [answer["request_status"] for answer in answers] == [said, said]


def test_as_many_rows_as_the_cap_are_complete():
    assert "request_status" not in Table(rows=4, cap=4).query()


def test_a_query_sees_a_write_only_after_the_lag_and_a_read_by_id_at_once():
    table = Table(rows=1)
    table.emulator.ws.set_lag(0.5, table.emulator.clock.now())
    made = table.add(1)
    ok(table.emulator, "PATCH", f"/v1/pages/{table.rows[0]}", {"properties": {"Number": {"number": 7}}})
    seven = {"property": "Number", "number": {"equals": 7}}
    assert names(table.query()) == ["0"]
    assert names(table.query(filter=seven)) == []
    assert ok(table.emulator, "GET", f"/v1/pages/{made}")["id"] == made
    table.emulator.clock.advance(0.5)
    assert names(table.query()) == ["1", "0"]
    assert names(table.query(filter=seven)) == ["0"]


def test_result_types_and_archived_rows():
    table = Table(rows=2)
    table.emulator.ws.pages[table.rows[0]].is_archived = True
    assert names(table.query()) == ["1"]
    assert names(table.query(is_archived=True)) == ["0"]
    assert names(table.query(result_type="page")) == ["1"]
    assert table.query(result_type="data_source")["results"] == []


def test_filter_properties_leave_the_columns_asked_for():
    table = Table(rows=1)
    row = ok(table.emulator, "POST", table.path, {}, filter_properties=["Number", "title"])["results"][0]
    assert set(row["properties"]) == {"Name", "Number"}
    row = ok(table.emulator, "POST", table.path, {}, filter_properties="Number")["results"][0]
    assert set(row["properties"]) == {"Number"}


def test_cursors_elsewhere_are_the_next_objects_own_id():
    emulator = Emulator()
    users = ok(emulator, "GET", "/v1/users", page_size=1)
    rest = ok(emulator, "GET", "/v1/users", page_size=1, start_cursor=users["next_cursor"])
    assert rest["results"][0]["id"] == users["next_cursor"]
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("/v1/users", {"start_cursor": "bogus"}, "The start_cursor provided is invalid: bogus"),
        (
            "/v1/blocks/{root}/children",
            {"start_cursor": "bogus"},
            "query failed validation: query.start_cursor should be a valid uuid or `undefined`,"
            ' instead was `"bogus"`.',
        ),
        (
            "/v1/users",
            {"page_size": 101},
            "query failed validation: query.page_size should be \u2264 `100` or `undefined`,"
            " instead was `101`.",
        ),
    ],
)
def test_refusals_of_lists_have_the_reported_texts(path, parameters, message):
    emulator = Emulator()
    assert refusal(emulator, "GET", path.format(root=emulator.root_page.id), **parameters) == message


def test_a_walk_of_ten_thousand_rows_orders_once_and_shows_each_row_once(monkeypatch):
    table = Table(rows=1)
    template = table.emulator.ws.pages[table.rows[0]]
    for number in range(1, 10_000):
        call = query_call(table)
        title = {"title": [{"text": {"content": str(number)}}]}
        pages.new_page(call, dict(template.parent), {"Name": title})
    counts = {"ordered": 0, "shown": 0}
    for module, name, key in ((query, "matching", "ordered"), (pages, "rendered", "shown")):
        monkeypatch.setattr(module, name, counted(getattr(module, name), counts, key))
    answers = table.walk(page_size=100, sorts=[{"property": "Name", "direction": "ascending"}])
    assert (len(answers), counts) == (100, {"ordered": 1, "shown": 10_000})


def query_call(table: Table) -> Any:
    from tests.notion_emulator.routes import Call

    emulator = table.emulator
    return Call(emulator.ws, "POST", "", {}, [], {}, "2026-03-11", emulator.bot.id, emulator.clock.now())


def counted(function: Any, counts: dict[str, int], key: str) -> Any:
    def wrapper(*args: Any) -> Any:
        counts[key] += 1
        return function(*args)

    return wrapper
