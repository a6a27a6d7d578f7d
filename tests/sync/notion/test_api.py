import gzip
import json
import logging
import math
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from schemas.errors import BadSettings, GaveUp, NotAuthorised
from sync.notion import api as api_module
from sync.notion import wire
from sync.notion.answers import BlockLimit, Conflicted, Gone, Rejected, Unanswered
from sync.notion.api import Api
from sync.notion.guard import OwnedOnly
from tests.sync.notion.raw_server import answer, served
from tests.sync.notion.virtual_time import START, VirtualClock

TOKEN = "ntn_a1b2c3SECRETd4e5f6"
PAGE = "11111111-2222-4333-8444-555555555555"
SOURCE = "99999999-2222-4333-8444-555555555555"
ROW = {"parent": {"type": "data_source_id", "data_source_id": SOURCE}, "properties": {"title": {"title": []}}}
REQUEST_ID = "0aa2ad2a-1f8d-4b6c-9f2b-d6a6b4b53f3c"

Script = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def error(status: int, code: str, message: str = "What it says.", **more: Any) -> httpx.Response:
    """An error object of Notion; `headers` among `more` are headers."""
    headers = more.pop("headers", {})
    body = {
        "object": "error",
        "status": status,
        "code": code,
        "message": message,
        "request_id": REQUEST_ID,
        **more,
    }
    return httpx.Response(status, json=body, headers=headers)


def html(status: int) -> httpx.Response:
    """The page of an edge proxy."""
    headers = {
        "content-type": "text/html; charset=UTF-8",
        "cf-ray": "8f00ba4-FRA",
        "x-notion-request-id": "n-1",
    }
    return httpx.Response(
        status, content=b'<html>{"code": "unauthorized", "message": "no"}</html>', headers=headers
    )


def ok(**body: Any) -> httpx.Response:
    return httpx.Response(200, json={"object": "page", "id": PAGE, **body})


class Scripted(httpx.BaseTransport):
    """Answers with one piece of a script after the other, the last one for all that follow."""

    def __init__(self, *script: Script):
        self.requests: list[httpx.Request] = []
        self._script = list(script)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        piece = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(piece, Exception):
            raise piece
        if not isinstance(piece, httpx.Response):
            return piece(request)
        return httpx.Response(piece.status_code, headers=piece.headers, content=piece.content)


class Bench:
    """An Api on a virtual clock, and what its transport saw."""

    def __init__(self, *script: Script, **settings: Any):
        self.clock = VirtualClock()
        self.transport = Scripted(*script)
        self.guard = OwnedOnly(self.transport)
        self.guard.own(["title"])
        self.api = Api(TOKEN, transport=self.guard, clock=self.clock, **settings)

    def read(self) -> dict[str, Any]:
        return self.api.get(f"pages/{PAGE}")

    def query(self) -> dict[str, Any]:
        return self.api.query(SOURCE, {"page_size": 100})

    def patch(self) -> dict[str, Any]:
        return self.api.patch(f"pages/{PAGE}", {"properties": {"title": {"title": []}}})

    def create(self) -> dict[str, Any]:
        return self.api.create("pages", ROW)

    @property
    def n_sent(self) -> int:
        return len(self.transport.requests)


OPERATIONS = ("read", "query", "patch", "create")
READS = ("read", "query")
TROUBLE = [
    pytest.param(error(500, "internal_server_error"), id="500"),
    pytest.param(error(502, "bad_gateway"), id="502 of an unknown code"),
    pytest.param(html(502), id="502 HTML"),
    pytest.param(error(503, "service_unavailable"), id="503"),
    pytest.param(error(503, "database_connection_unavailable"), id="503 of an unknown code"),
    pytest.param(error(504, "gateway_timeout"), id="504"),
    pytest.param(html(520), id="520"),
    pytest.param(html(404), id="404 HTML"),
    pytest.param(httpx.Response(302, headers={"location": "https://portal.example/"}), id="redirect"),
    pytest.param(httpx.Response(302, headers={"location": "http://[/"}), id="redirect to nowhere"),
    pytest.param(httpx.RemoteProtocolError("Server disconnected without sending a response."), id="reset"),
    pytest.param(httpx.ReadError("[Errno 104] Connection reset by peer"), id="reset by peer"),
    pytest.param(httpx.WriteError("[Errno 32] Broken pipe"), id="broken pipe"),
    pytest.param(httpx.ReadTimeout("The read operation timed out"), id="timeout"),
    pytest.param(httpx.WriteTimeout("The write operation timed out"), id="write timeout"),
    pytest.param(html(200), id="200 HTML"),
    pytest.param(
        httpx.Response(200, content=b'{"id": "1', headers={"content-type": "application/json"}), id="cut"
    ),
    pytest.param(httpx.Response(200, content=b"", headers={"content-type": "application/json"}), id="empty"),
    pytest.param(httpx.Response(200, content=b'{"id": "1"}'), id="no content-type"),
    pytest.param(httpx.Response(200, json=[1]), id="an array"),
    pytest.param(
        httpx.Response(200, content=b'{"a": 1, "a": 2}', headers={"content-type": "application/json"}),
        id="key twice",
    ),
    pytest.param(
        httpx.Response(200, content=b'{"a": NaN}', headers={"content-type": "application/json"}), id="NaN"
    ),
    pytest.param(
        httpx.Response(200, content=b'{"a": 1e999}', headers={"content-type": "application/json"}), id="1e999"
    ),
    pytest.param(
        httpx.Response(200, content=b'{"a": "\xff"}', headers={"content-type": "application/json"}),
        id="not UTF-8",
    ),
    pytest.param(
        httpx.Response(200, content=b'{"a": ' * 50_000, headers={"content-type": "application/json"}),
        id="too deep",
    ),
    pytest.param(
        httpx.Response(500, content=b'{"a": ' * 50_000, headers={"content-type": "application/json"}),
        id="error too deep",
    ),
    pytest.param(
        httpx.Response(503, content=b"x", headers={"content-type": "application/json; charset=hex"}),
        id="odd charset",
    ),
]


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("operation", READS)
def test_a_read_in_trouble_is_tried_again(operation: str, trouble: Script) -> None:
    bench = Bench(trouble, trouble, ok())
    assert getattr(bench, operation)()["id"] == PAGE
    assert bench.n_sent == 3
    assert bench.api.requests["read"] == 3


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("operation", READS)
def test_a_read_gives_up_after_five_tries(operation: str, trouble: Script) -> None:
    bench = Bench(trouble)
    with pytest.raises(GaveUp, match="tried 5 times"):
        getattr(bench, operation)()
    assert bench.n_sent == 5
    waits = bench.clock.slept
    assert [low <= wait <= low + 1 for low, wait in zip((1, 2, 4, 8), waits, strict=True)] == [True] * 4


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("operation", ["patch", "create"])
def test_a_write_in_trouble_is_unanswered_and_never_sent_again(operation: str, trouble: Script) -> None:
    bench = Bench(trouble, ok())
    bench.clock.sleep(12)
    with pytest.raises(Unanswered) as lost:
        getattr(bench, operation)()
    assert bench.n_sent == 1
    assert lost.value.said
    assert lost.value.committed_id is None
    assert lost.value.sent_at == START.timestamp() + 12


@pytest.mark.parametrize(
    "refused",
    [
        httpx.ConnectError("[Errno -2] Name or service not known"),
        httpx.ConnectTimeout("timed out"),
        httpx.PoolTimeout("no connection"),
        httpx.ProxyError("407 Proxy Authentication Required"),
    ],
    ids=lambda refused: type(refused).__name__,
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_was_never_sent_is_tried_again_whatever_it_is(operation: str, refused: Script) -> None:
    bench = Bench(refused, refused, ok())
    assert getattr(bench, operation)()["id"] == PAGE
    bench = Bench(refused)
    with pytest.raises(GaveUp, match="cannot be reached, tried 5 times"):
        getattr(bench, operation)()
    assert bench.n_sent == 5
    assert sum(bench.api.requests[name] for name in ("read", "write")) == 0


LIMITED = [
    pytest.param(error(429, "rate_limited", headers={"retry-after": "7"}), id="429"),
    pytest.param(error(529, "service_overload", headers={"retry-after": "7"}), id="529"),
    pytest.param(
        httpx.Response(429, content=b"slow down", headers={"retry-after": "7"}), id="429 of the edge"
    ),
]


@pytest.mark.parametrize("limited", LIMITED)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_limited_request_waits_as_asked_however_often(operation: str, limited: httpx.Response) -> None:
    bench = Bench(*[limited] * 7, ok())
    assert getattr(bench, operation)()["id"] == PAGE
    assert bench.n_sent == 8
    assert bench.clock.slept == [pytest.approx(7)] * 7
    assert bench.api.requests["waited_s"] == pytest.approx(49)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_storm_of_refusals_ends_at_the_deadline_with_one_request_per_wait(operation: str) -> None:
    bench = Bench(error(429, "rate_limited", headers={"retry-after": "60"}), deadline_s=600)
    with pytest.raises(GaveUp, match="asks to wait 60 s"):
        getattr(bench, operation)()
    assert bench.n_sent == 11
    assert bench.clock.monotonic() <= 600


RETRY_AFTER = [
    pytest.param({"retry-after": "3"}, 3, 3, id="seconds"),
    pytest.param({"retry-after": "2.5"}, 2.5, 2.5, id="fraction"),
    pytest.param({"retry-after": "Sat, 04 Jul 2026 09:08:20 GMT"}, 20, 20, id="date"),
    pytest.param(
        {"retry-after": "Sat, 04 Jul 2026 10:00:20 GMT", "date": "Sat, 04 Jul 2026 10:00:00 GMT"}, 20, 20,
        id="date against the answer's own",
    ),
    pytest.param({}, 1, 60, id="absent"),
    pytest.param({"retry-after": "soon"}, 1, 60, id="garbage"),
    pytest.param({"retry-after": "-5"}, 1, 60, id="negative"),
    pytest.param({"retry-after": "0"}, 1, 60, id="zero"),
    pytest.param({"retry-after": "Sat, 04 Jul 2020 09:08:20 GMT"}, 1, 60, id="date gone by"),
    pytest.param({"retry-after": "Sat, 99 Jul 2026 99:08:20 GMT"}, 1, 60, id="date that is none"),
    pytest.param({"retry-after": "inf"}, 1, 60, id="inf"),
    pytest.param({"retry-after": "nan"}, 1, 60, id="nan"),
    pytest.param({"retry-after": "1e3"}, 1, 60, id="exponent"),
    pytest.param({"retry-after": "9" * 400}, 1, 60, id="400 digits"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "least_s", "most_s"), RETRY_AFTER)
def test_every_form_of_retry_after_leads_to_a_wait(
    headers: dict[str, str], least_s: float, most_s: float
) -> None:
    bench = Bench(error(429, "rate_limited", headers=headers), ok())
    bench.read()
    assert least_s - 1e-6 <= bench.clock.monotonic() <= most_s + 1e-6


def test_the_copy_of_retry_after_in_the_body_counts_where_the_header_is_lost() -> None:
    bench = Bench(error(429, "rate_limited", additional_data={"retry_after": "90"}), ok())
    bench.read()
    assert bench.clock.monotonic() == pytest.approx(90)


@pytest.mark.parametrize(("deadline_s", "is_obeyed"), [(math.inf, True), (3601, True), (2700, False)])
def test_an_hour_is_waited_for_or_given_up(deadline_s: float, is_obeyed: bool) -> None:
    limited = error(429, "rate_limited", headers={"retry-after": "3600"})
    bench = Bench(limited, ok(), deadline_s=deadline_s)
    if is_obeyed:
        bench.create()
        assert bench.clock.monotonic() == pytest.approx(3600)
        return
    with pytest.raises(GaveUp, match="asks to wait 3600 s") as gave_up:
        bench.create()
    assert gave_up.value.fix == "run the same command again after 2026-07-04 10:08:00 UTC"
    assert bench.clock.monotonic() == 0


@pytest.mark.parametrize("reason", ["public_api_request_blocked", ["public_api_request_blocked"]])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_blocked_connection_is_left_alone(operation: str, reason: object) -> None:
    bench = Bench(error(429, "rate_limited", additional_data={"rate_limit_reason": reason}))
    with pytest.raises(GaveUp, match="has blocked"):
        getattr(bench, operation)()
    assert bench.n_sent == 1
    assert not bench.clock.slept


def test_a_conflict_is_read_again_told_of_an_update_and_unknown_of_a_create() -> None:
    conflict = error(409, "conflict_error", "Conflict occurred while saving. Please try again.")
    assert Bench(conflict, ok()).read()["id"] == PAGE
    for operation, expected in (("patch", Conflicted), ("create", Unanswered)):
        bench = Bench(conflict, ok())
        with pytest.raises(expected, match="Conflict occurred"):
            getattr(bench, operation)()
        assert bench.n_sent == 1


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("status", "code"), [(400, "validation_error"), (400, "invalid_json"), (413, "payload_too_large")]
)
def test_a_refused_request_is_final(operation: str, status: int, code: str) -> None:
    bench = Bench(error(status, code, "body failed validation"))
    with pytest.raises(Rejected) as rejected:
        getattr(bench, operation)()
    assert (rejected.value.code, rejected.value.message) == (code, "body failed validation")
    assert bench.n_sent == 1


def test_a_refusal_that_is_no_json_says_what_it_is() -> None:
    with pytest.raises(Rejected, match=r"status 413, text/html; charset=UTF-8, cf-ray 8f00ba4-FRA"):
        Bench(html(413)).create()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_not_there_is_gone(operation: str) -> None:
    bench = Bench(error(404, "object_not_found", f"Could not find page with ID: {PAGE}."))
    with pytest.raises(Gone, match="Could not find page"):
        getattr(bench, operation)()
    assert bench.n_sent == 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_token_that_is_not_accepted_stops_at_once(operation: str) -> None:
    bench = Bench(error(401, "unauthorized", "API token is invalid."))
    with pytest.raises(NotAuthorised) as refused:
        getattr(bench, operation)()
    assert str(refused.value) == (
        "Notion: the token is not accepted\n"
        f"  from  401 unauthorized: API token is invalid. (request id {REQUEST_ID})\n"
        "  fix   put the connection's token into NOTION_TOKEN; Notion shows it under Settings, Connections"
    )
    assert bench.n_sent == 1


@pytest.mark.parametrize(
    ("operation", "capability"),
    [("read", "Read"), ("query", "Read"), ("patch", "Update"), ("create", "Insert")],
)
def test_a_missing_capability_is_named(operation: str, capability: str) -> None:
    bench = Bench(error(403, "restricted_resource", "Insufficient permissions for this endpoint."))
    with pytest.raises(NotAuthorised, match=f"needs the capability '{capability} content'") as refused:
        getattr(bench, operation)()
    assert not isinstance(refused.value, BlockLimit)


def test_a_full_workspace_is_told_from_a_missing_capability() -> None:
    full = error(
        403, "restricted_resource", "All blocks used.", additional_data={"block_limit": "block_creation"}
    )
    with pytest.raises(BlockLimit, match="takes no new rows") as refused:
        Bench(full).create()
    assert "All blocks used." in str(refused.value)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_page_of_the_edge_is_not_a_missing_permission(operation: str, status: int) -> None:
    bench = Bench(html(status))
    with pytest.raises(GaveUp, match="not by Notion") as gave_up:
        getattr(bench, operation)()
    assert gave_up.value.where == (
        f"status {status}, text/html; charset=UTF-8, cf-ray 8f00ba4-FRA, x-notion-request-id n-1:"
        " not an answer of Notion"
    )
    assert bench.n_sent == 1


def test_a_page_of_the_edge_is_never_read_as_an_error_of_notion() -> None:
    page = httpx.Response(
        403, content=error(403, "restricted_resource").content, headers={"content-type": "text/html"}
    )
    with pytest.raises(GaveUp):
        Bench(page).read()


@pytest.mark.parametrize("given", [PAGE, [PAGE], PAGE.replace("-", "")])
def test_the_page_that_a_503_says_was_saved_is_named(given: object) -> None:
    saved = error(503, "service_unavailable", additional_data={"committed_resource_id": given})
    with pytest.raises(Unanswered) as lost:
        Bench(saved).create()
    assert lost.value.committed_id is not None
    assert lost.value.committed_id.replace("-", "") == PAGE.replace("-", "")


@pytest.mark.parametrize("given", [None, "", "page", 7, [], f"{PAGE}/x", {"id": PAGE}])
def test_a_saved_page_without_a_proper_id_is_not_named(given: object) -> None:
    saved = error(503, "service_unavailable", additional_data={"committed_resource_id": given})
    with pytest.raises(Unanswered) as lost:
        Bench(saved).create()
    assert lost.value.committed_id is None


def test_a_body_that_cannot_be_sent_is_rejected_unsent() -> None:
    bench = Bench(ok())
    with pytest.raises(Rejected) as rejected:
        bench.api.query(SOURCE, {"filter": "\ud800"})
    assert rejected.value.code == "not_sendable"
    with pytest.raises(Rejected):
        bench.api.query(SOURCE, {"filter": math.nan})
    with pytest.raises(Rejected):
        bench.api.get(f"pages/{PAGE}/properties/a..b")
    assert bench.n_sent == 0


def test_requests_go_out_as_notion_expects_them() -> None:
    bench = Bench(ok())
    bench.api.get(f"pages/{PAGE}", filter_properties=["title", "%5ChEf"], start_cursor=None)
    bench.query()
    get, query = bench.transport.requests
    assert (
        str(get.url)
        == f"https://api.notion.com/v1/pages/{PAGE}?filter_properties=title&filter_properties=%255ChEf"
    )
    assert get.headers["authorization"] == f"Bearer {TOKEN}"
    assert get.headers["notion-version"] == "2026-03-11"
    assert get.headers["accept-encoding"] == "gzip"
    assert query.method == "POST"
    assert json.loads(query.content) == {"page_size": 100}
    assert query.extensions["timeout"] == {"connect": 10.0, "read": 65.0, "write": 65.0, "pool": 65.0}


def test_numbers_arrive_as_the_doubles_they_are() -> None:
    content = b'{"id": "x", "int": 9007199254740991, "small": 9.999999747378752e-06, "minus": -0.5}'
    headers = {"content-type": "application/json; charset=utf-8"}
    found = Bench(httpx.Response(200, content=content, headers=headers)).read()
    assert found == {"id": "x", "int": 2**53 - 1, "small": 9.999999747378752e-06, "minus": -0.5}
    assert isinstance(found["int"], int)


def test_requests_are_counted_by_what_they_do() -> None:
    bench = Bench(ok())
    bench.read(), bench.query(), bench.patch(), bench.create()
    assert bench.api.requests == {"read": 2, "write": 2, "waited_s": 0.0}


def test_waits_are_told() -> None:
    told: list[tuple[float, str]] = []
    Bench(
        error(429, "rate_limited", headers={"retry-after": "9"}),
        ok(),
        waiting=lambda s, why: told.append((s, why)),
    ).read()
    assert told == [(9.0, "Notion asks to wait")]


# The token


def everything_about(error: BaseException | None) -> Iterator[str]:
    """Text and form of an error, of its arguments and of all that it came from."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield from everything_about(error.__cause__)
        error = error.__context__


ECHO = f"you sent Bearer {TOKEN}"
FAILURES = [
    *TROUBLE,
    *LIMITED,
    pytest.param(error(400, "validation_error", ECHO), id="400 echo"),
    pytest.param(error(401, "unauthorized", ECHO), id="401 echo"),
    pytest.param(
        error(403, "restricted_resource", ECHO, additional_data={"block_limit": ECHO}), id="403 echo"
    ),
    pytest.param(error(404, "object_not_found", ECHO), id="404 echo"),
    pytest.param(error(409, TOKEN, ECHO), id="409 echo"),
    pytest.param(error(500, "internal_server_error", ECHO), id="500 echo"),
    pytest.param(httpx.ConnectError(ECHO), id="connect echo"),
    pytest.param(httpx.ReadTimeout(ECHO), id="timeout echo"),
    pytest.param(httpx.Response(502, headers={"content-type": ECHO, "cf-ray": ECHO}), id="header echo"),
    pytest.param(httpx.Response(200, headers={"content-type": ECHO, "cf-ray": ECHO}), id="200 header echo"),
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_token_is_in_no_error_no_cause_and_no_log(
    operation: str, failure: Script, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("", "notion_client", "httpx", "httpcore", "sync.notion.client"):
        caplog.set_level(logging.DEBUG, logger=name)
    bench = Bench(failure, deadline_s=100)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of whatever class
        getattr(bench, operation)()
    said = list(everything_about(raised.value))
    said += [record.getMessage() + repr(record.args) for record in caplog.records]
    said += [repr(bench.api), str(bench.api), repr(vars(bench.api)), *capfd.readouterr()]
    assert not [text for text in said if TOKEN in text]
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None


def test_an_echoed_token_is_replaced_and_the_rest_is_kept() -> None:
    with pytest.raises(Rejected) as rejected:
        Bench(error(400, "validation_error", ECHO)).create()
    assert rejected.value.message == "you sent Bearer (token)"


def test_texts_from_elsewhere_are_shown_on_one_short_line() -> None:
    with pytest.raises(Rejected) as rejected:
        Bench(error(400, "validation_error", "a\nb\x1b[31m\u202e" + "x" * 5000)).create()
    assert rejected.value.message.startswith("a b [31m xxx")
    assert len(rejected.value.message) < 350


@pytest.mark.parametrize("token", ["", "  \n", "ntn_a b", "ntn_\u00e9", "ntn_\x00", "ntn_a\nX: y"])
def test_what_cannot_be_a_token_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(NotAuthorised) as refused:
        Api(token)
    assert not token.strip() or token not in "".join(everything_about(refused.value))


def test_a_line_end_after_the_token_is_not_part_of_it() -> None:
    transport = Scripted(ok())
    Api(f"{TOKEN}\n", transport=transport).get("users/me")
    assert transport.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


# Where to


@pytest.mark.parametrize(
    "url",
    [
        "http://api.notion.com",
        "http://192.168.0.7:8799",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "api.notion.com",
        "https://",
        "https://user:pass@api.notion.com",
        "https://api.notion.com?x=1",
        "http://[::1",
        "https://a:b:c",
    ],
)
def test_the_token_goes_nowhere_in_plain_text(url: str) -> None:
    with pytest.raises(BadSettings) as refused:
        Api(TOKEN, base_url=url)
    assert "pass" not in str(refused.value)
    assert refused.value.where == "NOTION_BASE_URL"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://127.0.0.1:8799", "http://127.0.0.1:8799/v1/users/me"),
        ("http://localhost:8799/", "http://localhost:8799/v1/users/me"),
        ("http://[::1]:8799", "http://[::1]:8799/v1/users/me"),
        ("https://notion.example/api", "https://notion.example/api/v1/users/me"),
        ("https://api.notion.com/v1/", "https://api.notion.com/v1/users/me"),
    ],
)
def test_an_emulator_on_this_machine_and_any_https_address_are_allowed(url: str, asked: str) -> None:
    transport = Scripted(ok())
    Api(TOKEN, base_url=url, transport=transport).get("users/me")
    assert str(transport.requests[0].url) == asked


def test_a_request_that_is_not_ours_is_refused_although_no_guard_was_given() -> None:
    transport = Scripted(ok())
    with pytest.raises(AssertionError, match="not a request of ours"):
        Api(TOKEN, transport=transport).get("search")
    assert not transport.requests


def test_the_next_request_goes_out_after_one_that_was_refused() -> None:
    bench = Bench(ok())
    with pytest.raises(AssertionError):
        bench.api.create("databases", {})
    assert bench.read()["id"] == PAGE


# On a real socket

BODY = json.dumps({"object": "user", "id": PAGE}).encode()


def test_a_whole_answer_is_read_from_the_network() -> None:
    with served(answer(BODY)) as server:
        assert Api(TOKEN, base_url=server.url).get("users/me")["id"] == PAGE
        assert f"authorization: bearer {TOKEN}".lower().encode() in server.seen[0].lower()


def test_a_compressed_answer_is_read() -> None:
    with served(
        answer(gzip.compress(BODY), "200 OK", "application/json", "content-encoding: gzip")
    ) as server:
        assert Api(TOKEN, base_url=server.url).get("users/me")["id"] == PAGE


def test_connections_are_closed_with_the_api() -> None:
    with served(answer(BODY).replace(b"connection: close\r\n", b"")) as server:
        api = Api(TOKEN, base_url=server.url)
        api.get("users/me")
        api.close()
        with pytest.raises(RuntimeError, match="closed"):
            api.get("users/me")


CUT = answer(BODY)[:-5]
BOMB = answer(gzip.compress(b" " * 3_000_000), "200 OK", "application/json", "content-encoding: gzip")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "disconnected", id="closed at once"),
        pytest.param(CUT, "peer closed connection", id="cut"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "RemoteProtocolError", id="another protocol"),
        pytest.param(BOMB, "more than 1 MiB", id="a bomb"),
        pytest.param(answer(b"x" * 2**21), "more than 1 MiB", id="too large"),
        pytest.param(
            answer(b"1234", "200 OK", "application/json", "content-encoding: br"),
            "not asked for",
            id="encoding",
        ),
        pytest.param(
            answer(b"1234", "200 OK", "application/json", "content-encoding: gzip, gzip"),
            "not asked",
            id="twice",
        ),
        pytest.param(
            answer(b"1234", "200 OK", "application/json", "content-encoding: gzip"),
            "DecodingError",
            id="not gzip",
        ),
        pytest.param(
            answer(b"", "307 Temporary Redirect", "text/html", "location: /v1/users/me"), "307", id="307"
        ),
    ],
)
def test_a_broken_answer_from_the_network_leaves_a_create_unanswered(
    content: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_BODY_BYTES", 2**20)
    with served(content) as server:
        api = Api(TOKEN, base_url=server.url)
        api.guard.own(["title"])
        with pytest.raises(Unanswered, match=said):
            api.create("pages", ROW)
        assert len(server.seen) == 1


@pytest.mark.parametrize("n_ahead", [0, len(CUT) - 20], ids=["from the first byte", "in the body"])
def test_an_answer_that_drips_ends(n_ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WALL_S", 0.4)
    with served(answer(BODY + b" " * 400), byte_s=0.002 if n_ahead else 0.05) as server:
        api = Api(TOKEN, base_url=server.url)
        api.guard.own(["title"])
        began = time.monotonic()
        with pytest.raises(Unanswered, match=r"timed out|no whole answer"):
            api.create("pages", ROW)
        assert time.monotonic() - began < 2


def test_a_drip_on_a_virtual_clock_ends_too() -> None:
    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(10_000):
                clock.sleep(1)
                yield b" "

    clock = VirtualClock()
    transport = Scripted(
        lambda _: httpx.Response(200, headers={"content-type": "application/json"}, stream=Drip())
    )
    api = Api(TOKEN, transport=transport, clock=clock)
    api.guard.own(["title"])
    with pytest.raises(Unanswered, match="no whole answer within 120 s"):
        api.create("pages", ROW)
    assert 120 <= clock.monotonic() <= 122


def test_a_port_where_nobody_listens_gives_up_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    api = Api(TOKEN, base_url=f"http://127.0.0.1:{port}", clock=VirtualClock())
    with pytest.raises(GaveUp, match="GET users/me cannot be reached, tried 5 times") as gave_up:
        api.get("users/me")
    assert "Connection refused" in str(gave_up.value)


def test_a_proxy_is_not_shown_what_goes_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(answer(BODY)) as proxy, served(answer(BODY)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        Api(TOKEN, base_url=server.url).get("users/me")
        assert len(server.seen) == 1
        assert not proxy.seen


def test_a_proxy_of_the_environment_is_used_and_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(GaveUp, match="cannot be reached"):
            Api(TOKEN, clock=VirtualClock()).get("users/me")
        assert proxy.seen[0].startswith(b"CONNECT api.notion.com:443 HTTP/1.1")
        assert TOKEN.encode() not in b"".join(proxy.seen)


@pytest.mark.parametrize("proxy", ["socks5://u:hunter2@127.0.0.1:9", "gopher://u:hunter2@127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(BadSettings, match="proxy or certificate settings") as refused:
        Api(TOKEN).get("users/me")
    assert "hunter2" not in "".join(everything_about(refused.value))


def test_plain_http_to_another_machine_is_never_sent() -> None:
    with pytest.raises(AssertionError, match="plain http"):
        wire.Network().handle_request(httpx.Request("GET", "http://192.0.2.1/v1/users/me"))


def test_no_line_is_printed_twice_or_at_all(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        with pytest.raises(Rejected):
            Bench(error(400, "validation_error")).read()
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("notion_client").handlers
    assert logging.getLogger(api_module.LOGGER).disabled
