"""Budgets per window, for a connection and for the workspace, and what a refusal says about waiting."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.notion_emulator import outcomes, rates
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.rates import RetryAfter
from tests.notion_emulator.transport import InProcess

NOW = datetime(2026, 7, 4, 9, 8, tzinfo=UTC)


def client(emulator: Emulator, token: str = "ntn_one") -> httpx.Client:
    headers = {"authorization": f"Bearer {token}", "notion-version": "2026-03-11"}
    return httpx.Client(transport=InProcess(emulator), base_url="http://emulator/v1", headers=headers)


def statuses(http: httpx.Client, n: int) -> list[int]:
    return [http.get("/users/me").status_code for _ in range(n)]


@pytest.mark.parametrize("rate", [180, 600])
def test_a_budget_may_be_spent_in_one_burst_and_comes_back_whole(rate: int) -> None:
    emulator = Emulator(rate=rate)
    http = client(emulator)
    assert statuses(http, rate) == [200] * rate
    refused = http.get("/users/me")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["message"] == "You have been rate limited. Please try again in a few minutes."
    assert refused.json()["additional_data"] == {
        "rate_limit_reason": "public_api_request_rate_limit",
        "retry_after": "60",
    }
    emulator.clock.sleep(60)
    assert statuses(http, rate + 1) == [200] * rate + [429]
    assert emulator.log.limited == 2


def test_no_rate_is_no_limit() -> None:
    assert set(statuses(client(Emulator()), 1000)) == {200}


def test_the_window_starts_with_its_first_request() -> None:
    emulator = Emulator(rate=2)
    http = client(emulator)
    emulator.clock.sleep(59)
    assert statuses(http, 1) == [200]
    emulator.clock.sleep(30.5)
    assert statuses(http, 1) == [200]
    assert http.get("/users/me").headers["retry-after"] == "30"
    emulator.clock.sleep(29.4)
    assert http.get("/users/me").headers["retry-after"] == "1"
    emulator.clock.sleep(0.1)
    assert statuses(http, 3) == [200, 200, 429]


def test_waiting_for_retry_after_is_always_enough() -> None:
    emulator = Emulator(rate=1)
    http = client(emulator)
    for pause_s in (0.1, 7.3, 59.999):
        http.get("/users/me")
        emulator.clock.sleep(pause_s)
        refused = http.get("/users/me")
        emulator.clock.sleep(int(refused.headers["retry-after"]))
        assert http.get("/users/me").status_code == 200
        emulator.clock.sleep(60)


def test_connections_have_budgets_of_their_own_and_share_the_workspace_one() -> None:
    emulator = Emulator(rate=3, workspace_rate=5)
    one, two = client(emulator, "ntn_one"), client(emulator, "ntn_two")
    assert statuses(one, 4) == [200, 200, 200, 429]
    assert statuses(two, 2) == [200, 200]
    refused = two.get("/users/me").json()
    assert refused["additional_data"]["rate_limit_reason"] == "public_api_space_request_rate_limit"


def test_requests_that_never_pass_the_token_spend_nothing() -> None:
    emulator = Emulator(rate=1, token="ntn_one")
    assert client(emulator, "wrong").get("/users/me").status_code == 401
    assert client(emulator).get("/invalid").status_code == 400
    assert statuses(client(emulator), 2) == [200, 429]


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (RetryAfter.SECONDS, "60"),
        (RetryAfter.ABSENT, None),
        (RetryAfter.GARBAGE, "soon"),
        (RetryAfter.DATE, "Sat, 04 Jul 2026 09:09:00 GMT"),
    ],
)
def test_retry_after_may_have_any_form(retry_after: RetryAfter, header: str | None) -> None:
    emulator = Emulator(rate=1)
    emulator.limiter.retry_after = retry_after
    http = client(emulator)
    http.get("/users/me")
    assert http.get("/users/me").headers.get("retry-after") == header


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [(rates.limited, 429, "rate_limited"), (rates.overloaded, 529, "service_overload")],
)
def test_a_scripted_refusal_may_ask_for_an_hour(make: object, status: int, code: str) -> None:
    emulator = Emulator()
    emulator.faults.add(outcomes.refuse(lambda now: make(3600, now)))  # type: ignore[operator]
    http = client(emulator)
    refused = http.get("/users/me")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["retry-after"] == refused.json()["additional_data"]["retry_after"] == "3600"
    assert http.get("/users/me").status_code == 200


def test_requests_per_second_are_counted() -> None:
    emulator = Emulator()
    http = httpx.Client(
        transport=InProcess(emulator, latency_s=0.25),
        base_url="http://emulator/v1",
        headers={"authorization": "Bearer x", "notion-version": "2026-03-11"},
    )
    statuses(http, 8)
    assert emulator.log.per_second() == {0: 3, 1: 4, 2: 1}


def test_a_window_without_a_budget_never_waits() -> None:
    assert rates.Window(None).wait_s(1e9) == 0
    assert rates.limited(5, NOW).additional == {
        "rate_limit_reason": "public_api_request_rate_limit",
        "retry_after": "5",
    }
