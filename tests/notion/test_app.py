"""The gates of the emulator: their order, their texts, and what every answer carries."""

import json

import httpx
import pytest

from tests.notion_emulator import gates, seeds
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.transport import InProcess
from tests.notion_emulator.wire import Request

HEADERS = {"authorization": "Bearer ntn_test", "notion-version": "2026-03-11"}
ABSENT = "7855b161-f63e-4683-b7c7-8ca6e97ee266"


def client(emulator: Emulator, **headers: str) -> httpx.Client:
    return httpx.Client(
        transport=InProcess(emulator), base_url="http://emulator/v1", headers=HEADERS | headers
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "code", "message"),
    [
        ("GET", "/nothing/here", {}, b"", 400, "invalid_request_url", "Invalid request URL."),
        ("PUT", "/users/me", HEADERS, b"", 400, "invalid_request_url", "Invalid request URL."),
        ("POST", "/pages", {}, b"{bad", 400, "invalid_json", "Error parsing JSON body."),
        ("POST", "/pages", HEADERS, b'{"a": NaN}', 400, "invalid_json", "Error parsing JSON body."),
        ("POST", "/pages", HEADERS, b'"\xff"', 400, "invalid_json", "Error parsing JSON body."),
        ("POST", "/pages", HEADERS, b"[" * 200_000, 400, "invalid_json", "Error parsing JSON body."),
        (
            "GET",
            "/users/me",
            {},
            b"",
            401,
            "unauthorized",
            'Authorization header must use the format "Bearer <token>".',
        ),
        (
            "GET",
            "/users/me",
            {"authorization": "Bearer x"},
            b"",
            400,
            "missing_version",
            "Notion-Version header failed validation: Notion-Version header should be defined, instead was"
            " `undefined`.",
        ),
        (
            "GET",
            "/users/not-an-id",
            HEADERS,
            b"",
            400,
            "validation_error",
            'path failed validation: path.user_id should be a valid uuid, instead was `"not-an-id"`.',
        ),
        (
            "GET",
            "/pages/12345678-1234-1234-1234-123456789abc",
            HEADERS,
            b"",
            400,
            "validation_error",
            "path failed validation: path.page_id should be a valid uuid, instead was"
            ' `"12345678-1234-1234-1234-123456789abc"`.',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else None,
)
def test_the_gates_refuse_in_their_order(
    method: str, path: str, headers: dict[str, str], content: bytes, status: int, code: str, message: str
) -> None:
    http = httpx.Client(transport=InProcess(Emulator()), base_url="http://emulator/v1")
    answer = http.request(method, path, headers=headers, content=content)
    body = answer.json()
    assert answer.headers["x-notion-request-id"] == body["request_id"]
    assert list(body) == ["object", "status", "code", "message", "request_id"]
    assert (answer.status_code, body["status"], body["code"], body["message"]) == (
        status,
        status,
        code,
        message,
    )


def test_a_named_token_is_the_only_one_and_stops_working_when_it_is_revoked() -> None:
    emulator = Emulator(token="ntn_right")
    right, wrong = client(emulator, authorization="Bearer ntn_right"), client(emulator)
    assert wrong.get("/users/me").json()["message"] == "API token is invalid."
    assert right.get("/users/me").status_code == 200
    emulator.revoke()
    assert right.get("/users/me").status_code == 401


def test_without_a_named_token_any_is_accepted_until_all_are_revoked() -> None:
    emulator = Emulator()
    assert client(emulator).get("/users/me").status_code == 200
    emulator.revoke("ntn_test")
    assert client(emulator).get("/users/me").status_code == 401
    assert client(emulator, authorization="Bearer other").get("/users/me").status_code == 200
    emulator.revoke()
    assert client(emulator, authorization="Bearer other").get("/users/me").status_code == 401


def test_an_absent_object_names_the_connection() -> None:
    emulator = Emulator()
    answer = client(emulator).get(f"/pages/{ABSENT}")
    assert answer.json() == {
        "object": "error",
        "status": 404,
        "code": "object_not_found",
        "message": f"Could not find page with ID: {ABSENT}. Make sure the relevant pages and databases are"
        ' shared with your integration "Emulated connection".',
        "additional_data": {"integration_id": emulator.bot.id},
        "request_id": answer.headers["x-notion-request-id"],
    }


def test_an_id_is_accepted_without_dashes() -> None:
    emulator = Emulator()
    answer = client(emulator).get(f"/pages/{emulator.root_page.id.replace('-', '').upper()}")
    assert answer.json()["id"] == emulator.root_page.id


def test_unsharing_a_page_hides_what_is_below_it() -> None:
    emulator = Emulator()
    inner = seeds.page(emulator, "inner", seeds.page(emulator, "outer"))
    emulator.unshare(emulator.root_page.id)
    assert client(emulator).get(f"/pages/{inner}").status_code == 404
    emulator.share(emulator.root_page.id)
    assert client(emulator).get(f"/pages/{inner}").status_code == 200


@pytest.mark.parametrize(
    ("capability", "method", "path"),
    [("users", "GET", "/users"), ("read", "GET", "/pages/{root}"), ("update", "PATCH", "/pages/{root}")],
)
def test_a_missing_capability_is_refused(capability: str, method: str, path: str) -> None:
    emulator = Emulator()
    emulator.capabilities.discard(capability)
    path = path.replace("{root}", emulator.root_page.id)
    answer = client(emulator).request(method, path, json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()["code"]) == (403, "restricted_resource")


def test_an_old_version_is_refused_and_says_why_for_several_data_sources() -> None:
    emulator = Emulator()
    database_id, first = seeds.database(emulator, {"Name": {"title": {}}})
    old = client(emulator, **{"notion-version": "2022-06-28"})
    assert "additional_data" not in old.get(f"/databases/{database_id}").json()
    parent = {"type": "database_id", "database_id": database_id}
    body = {"parent": parent, "properties": {"Name": {"title": {}}}}
    second = seeds.ask(emulator, "POST", "/v1/data_sources", body)["id"]
    answer = old.get(f"/databases/{database_id}").json()
    assert answer["message"] == "Databases with multiple data sources are not supported in this API version."
    assert answer["additional_data"]["child_data_source_ids"] == [first, second]


def test_an_invented_version_is_refused() -> None:
    answer = client(Emulator(), **{"notion-version": "2031-01-01"}).get("/users/me")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")


def test_a_body_past_500_kb_is_refused() -> None:
    answer = client(Emulator()).post("/search", json={"query": "x" * gates.MOST_BYTES})
    assert answer.status_code == 413


def test_a_body_that_is_no_object_is_refused() -> None:
    answer = client(Emulator()).post("/search", json=[])
    assert answer.json()["message"] == "body failed validation: body should be an object, instead was `[]`."


def test_the_same_seed_gives_the_same_answers() -> None:
    first, second, other = (client(Emulator(seed=seed)).get("/users").content for seed in (7, 7, 8))
    assert first == second != other


def test_half_a_surrogate_pair_survives() -> None:
    emulator = Emulator()
    page_id = seeds.page(emulator, "half \ud83d")
    answer = client(emulator).get(f"/pages/{page_id}")
    assert json.loads(answer.content)["properties"]["title"]["title"][0]["plain_text"] == "half \ud83d"


def test_unwatched_requests_leave_no_trace() -> None:
    emulator = Emulator(rate=1)
    seeds.page(emulator, "one")
    seeds.page(emulator, "two")
    assert len(emulator.log) == 0
    assert client(emulator).get("/users/me").status_code == 200


def test_the_log_knows_reads_from_writes_and_no_token() -> None:
    emulator = Emulator()
    _, data_source_id = seeds.database(emulator, {"Name": {"title": {}}})
    http = client(emulator)
    http.post(f"/data_sources/{data_source_id}/query", json={})
    http.get("/users/me")
    http.patch(f"/pages/{emulator.root_page.id}", json={"is_locked": False})
    assert (emulator.log.reads, emulator.log.writes, emulator.log.limited) == (2, 1, 0)
    assert [entry.status for entry in emulator.log] == [200, 200, 200]
    assert emulator.log.of("PATCH", "/v1/pages/{page_id}")[0].body == {"is_locked": False}
    assert "ntn_test" not in repr(emulator.log.entries)


@pytest.mark.parametrize("version", gates.VERSIONS)
def test_users_are_as_recorded(version: str) -> None:
    emulator = Emulator()
    http = client(emulator, **{"notion-version": version})
    bot = {
        "object": "user",
        "id": emulator.bot.id,
        "name": "Emulated connection",
        "avatar_url": None,
        "type": "bot",
        "bot": {
            "owner": {"type": "workspace", "workspace": True},
            "workspace_name": "Emulated workspace",
            "workspace_id": emulator.ws.id,
            "workspace_limits": {"max_file_upload_size_in_bytes": 5242880},
        },
    }
    for path in ("/users/me", f"/users/{emulator.bot.id}"):
        answer = http.get(path).json()
        assert answer.pop("request_id")
        assert answer == bot
    listed = http.get("/users", params={"page_size": 1}).json()
    assert list(listed) == ["object", "results", "next_cursor", "has_more", "type", "user", "request_id"]
    assert listed["has_more"]
    rest = http.get("/users", params={"start_cursor": listed["next_cursor"]}).json()
    assert rest["results"] == [bot]


def test_an_invented_cursor_of_users_is_refused() -> None:
    answer = client(Emulator()).get("/users", params={"start_cursor": "bogus"})
    assert answer.json()["message"] == "The start_cursor provided is invalid: bogus"


def test_an_absent_user_has_a_text_of_its_own() -> None:
    message = client(Emulator()).get(f"/users/{ABSENT}").json()["message"]
    assert message == (
        f"Could not find user with ID: {ABSENT}. Make sure your integration has capabilities to read user"
        " information. With those capabilities, only members and guests in the integration's workspace are"
        " visible."
    )


def test_a_handler_may_answer_another_status() -> None:
    emulator = Emulator()
    request = Request("GET", "/v1/users/me", headers=HEADERS)
    route, call = emulator._admitted(request, emulator.now())
    accepted = route._replace(handler=lambda _: (202, {"object": "async_task"}))
    assert emulator._carried_out(accepted, call).status == 202


def test_additional_data_comes_with_a_problem() -> None:
    emulator = Emulator()
    problem = Problem(429, "rate_limited", "Wait.", {"retry_after": "3"}, {"retry-after": "3"})
    answer = emulator.refused(problem, emulator.now())
    assert answer.headers["retry-after"] == "3"
    assert json.loads(answer.body)["additional_data"] == {"retry_after": "3"}
