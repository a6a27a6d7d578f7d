from typing import Any

import httpx
import pytest

from sync.notion.guard import OwnedOnly

ID = "11111111-2222-4333-8444-555555555555"
BARE = ID.replace("-", "")
BASE = "https://api.notion.com/v1/"
OWNED = ("title", "%5ChEf", "abcd")
IN_SOURCE = {"type": "data_source_id", "data_source_id": ID}
NUMBER = {"number": 8}


class Recorder(httpx.BaseTransport):
    """What came through."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json={})

    def close(self) -> None:
        self.is_closed = True


def guarded() -> tuple[OwnedOnly, Recorder]:
    recorder = Recorder()
    guard = OwnedOnly(recorder)
    guard.own(OWNED)
    return guard, recorder


def passes(guard: OwnedOnly, recorder: Recorder, method: str, path: str, body: Any = None) -> bool:
    """Whether a request reaches the other side. Refused, it has not."""
    before = len(recorder.requests)
    request = httpx.Request(method, path if "://" in path else BASE + path, json=body)
    try:
        guard.handle_request(request)
    except AssertionError:
        assert len(recorder.requests) == before
        return False
    assert len(recorder.requests) == before + 1
    return True


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "users/me"),
        ("GET", f"pages/{ID}"),
        ("GET", f"pages/{BARE}?filter_properties=abcd"),
        ("GET", f"pages/{ID}/properties/%5ChEf?page_size=100"),
        ("GET", f"databases/{ID}"),
        ("GET", f"data_sources/{ID}"),
        ("POST", f"data_sources/{ID}/query"),
        ("GET", f"views?data_source_id={ID}"),
        ("GET", f"views/{ID}"),
        ("GET", f"blocks/{ID}/children?page_size=100"),
        ("GET", f"http://127.0.0.1:8799/some/prefix/v1/pages/{ID}"),
    ],
)
def test_reads_pass(method: str, path: str) -> None:
    guard, recorder = guarded()
    assert passes(guard, recorder, method, path, {} if method == "POST" else None)


ANY_TIME = [
    ("DELETE", f"blocks/{ID}"),
    ("DELETE", f"pages/{ID}"),
    ("DELETE", f"views/{ID}"),
    ("PATCH", f"blocks/{ID}"),
    ("PATCH", f"blocks/{ID}/children"),
    ("PATCH", f"pages/{ID}/markdown"),
    ("POST", f"pages/{ID}/move"),
    ("POST", "comments"),
    ("POST", "search"),
    ("POST", "data_sources"),
    ("POST", "file_uploads"),
    ("POST", "oauth/token"),
    ("GET", "users"),
    ("PUT", f"pages/{ID}"),
    ("POST", f"pages/{ID}"),
    ("GET", f"pages/{ID}%2F..%2Fusers"),
    ("GET", f"pages/{ID}/"),
    ("GET", "pages/not-an-id"),
    ("GET", f"data_sources/{ID}%0A"),
    ("GET", f"https://api.notion.com/v2/pages/{ID}"),
]


@pytest.mark.parametrize("is_init", [False, True], ids=["sync", "init"])
@pytest.mark.parametrize(("method", "path"), ANY_TIME)
def test_nothing_is_deleted_moved_or_written_elsewhere(method: str, path: str, is_init: bool) -> None:
    guard, recorder = guarded()
    body = None if method in ("GET", "DELETE") else {}
    if is_init:
        with guard.schema_changes():
            assert not passes(guard, recorder, method, path, body)
    assert not passes(guard, recorder, method, path, body)


def test_a_row_is_written_in_owned_columns() -> None:
    guard, recorder = guarded()
    values = dict.fromkeys(OWNED, NUMBER)
    assert passes(guard, recorder, "PATCH", f"pages/{ID}", {"properties": values})
    assert passes(guard, recorder, "POST", "pages", {"parent": IN_SOURCE, "properties": values})
    assert passes(guard, recorder, "POST", "pages", {"parent": {"data_source_id": ID}, "properties": values})


@pytest.mark.parametrize("name", ["wxyz", "Notes", "", "Title", "\\hEf", "abcd "])
def test_a_column_that_is_not_ours_is_never_written(name: str) -> None:
    guard, recorder = guarded()
    values = {"abcd": NUMBER, name: NUMBER}
    assert not passes(guard, recorder, "PATCH", f"pages/{ID}", {"properties": values})
    assert not passes(guard, recorder, "POST", "pages", {"parent": IN_SOURCE, "properties": values})


def test_no_column_is_ours_before_it_is_said() -> None:
    recorder = Recorder()
    guard = OwnedOnly(recorder)
    update = {"properties": {"title": {"title": []}}}
    assert not passes(guard, recorder, "PATCH", f"pages/{ID}", update)
    guard.own(["title"])
    assert passes(guard, recorder, "PATCH", f"pages/{ID}", update)
    guard.own([])
    assert not passes(guard, recorder, "PATCH", f"pages/{ID}", update)


@pytest.mark.parametrize(
    "more",
    [
        {"in_trash": True},
        {"in_trash": False},
        {"archived": False},
        {"is_archived": True},
        {"is_locked": True},
        {"icon": None},
        {"cover": None},
        {"children": []},
        {"template": {"type": "default"}},
        {"erase_content": True},
        {"allow_async": True},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_row_write_carries_nothing_but_values(more: dict[str, Any]) -> None:
    guard, recorder = guarded()
    values = {"properties": {"abcd": NUMBER}}
    assert not passes(guard, recorder, "PATCH", f"pages/{ID}", {**values, **more})
    assert not passes(guard, recorder, "POST", "pages", {**values, "parent": IN_SOURCE, **more})


def test_an_update_does_not_move_a_row() -> None:
    guard, recorder = guarded()
    body = {"properties": {"abcd": NUMBER}, "parent": IN_SOURCE}
    assert not passes(guard, recorder, "PATCH", f"pages/{ID}", body)


@pytest.mark.parametrize(
    "parent",
    [{"page_id": ID}, {"workspace": True}, {"database_id": ID}, {**IN_SOURCE, "page_id": ID}, {}, None, ID],
    ids=str,
)
def test_a_row_is_created_in_a_data_source_only(parent: object) -> None:
    guard, recorder = guarded()
    body = {"parent": parent, "properties": {"abcd": NUMBER}}
    assert not passes(guard, recorder, "POST", "pages", body)


@pytest.mark.parametrize(
    "body", [[], "x", 7, None, {}, {"properties": None}, {"properties": ["abcd"]}], ids=str
)
def test_a_row_write_of_another_shape_is_refused(body: object) -> None:
    guard, recorder = guarded()
    assert not passes(guard, recorder, "PATCH", f"pages/{ID}", body)


SCHEMA_WRITES = [
    ("POST", "databases", {"parent": {"page_id": ID}, "initial_data_source": {"properties": {}}}),
    ("PATCH", f"databases/{ID}", {"title": []}),
    ("PATCH", f"data_sources/{ID}", {"properties": {"Layers": {"number": {}}}}),
    ("POST", "views", {"name": "Main"}),
    ("PATCH", f"views/{ID}", {"configuration": {}}),
]


@pytest.mark.parametrize(("method", "path", "body"), SCHEMA_WRITES)
def test_columns_and_views_change_only_while_a_schema_may(
    method: str, path: str, body: dict[str, Any]
) -> None:
    guard, recorder = guarded()
    assert not passes(guard, recorder, method, path, body)
    with guard.schema_changes():
        with guard.schema_changes():
            pass
        assert passes(guard, recorder, method, path, body)
    assert not passes(guard, recorder, method, path, body)


def test_a_failed_schema_change_closes_the_door_behind_it() -> None:
    guard, recorder = guarded()
    with pytest.raises(ZeroDivisionError), guard.schema_changes():
        raise ZeroDivisionError
    assert not passes(guard, recorder, *SCHEMA_WRITES[0])


@pytest.mark.parametrize(
    "body",
    [
        {"in_trash": True},
        {"is_locked": False},
        {"parent": {"page_id": ID}},
        {"properties": {"Layers": None}},
        {"properties": {"Layers": {"number": {}}, "abcd": None}},
    ],
    ids=str,
)
def test_a_schema_loses_no_column_and_stays_where_it_is(body: dict[str, Any]) -> None:
    guard, recorder = guarded()
    with guard.schema_changes():
        assert not passes(guard, recorder, "PATCH", f"data_sources/{ID}", body)


def test_rows_stay_guarded_while_the_schema_changes() -> None:
    guard, recorder = guarded()
    with guard.schema_changes():
        assert not passes(guard, recorder, "PATCH", f"pages/{ID}", {"properties": {"wxyz": NUMBER}})


def test_a_refusal_names_the_request_and_what_is_wrong_with_it() -> None:
    guard, _ = guarded()
    request = httpx.Request(
        "PATCH", f"{BASE}pages/{ID}", json={"properties": {"wxyz": NUMBER, "efgh": NUMBER}}
    )
    with pytest.raises(AssertionError) as refused:
        guard.handle_request(request)
    assert str(refused.value) == f"PATCH pages/{ID}: columns that are not ours: efgh, wxyz"


def test_what_is_wrapped_is_closed_with_it() -> None:
    guard, recorder = guarded()
    guard.close()
    assert recorder.is_closed
