"""Outcomes for `Faults.add`: refusals, broken connections, lost answers, late commits.

That a write can be saved and answered with an error is documented; the texts of 500, 502 and 504 are assumed.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tests.notion_emulator.faults import Answers, Outcome
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.state import Json
from tests.notion_emulator.wire import Delivery, Response

USUAL = {
    400: ("validation_error", "Unsaved transactions: Unrecognized error."),
    401: ("unauthorized", "API token is invalid."),
    403: ("restricted_resource", "Insufficient permissions for this endpoint."),
    404: ("object_not_found", "Could not find the object."),
    409: ("conflict_error", "Conflict occurred while saving. Please try again."),
    429: ("rate_limited", "You have been rate limited. Please try again in a few minutes."),
    500: ("internal_server_error", "An unexpected error occurred."),
    502: ("bad_gateway", "Bad gateway."),
    503: ("service_unavailable", "Service unavailable, please try again later."),
    504: ("gateway_timeout", "Notion timed out while attempting to complete this request."),
    529: ("service_overload", "Notion is overloaded. Please try again later."),
}
SAVED = (
    "The change was saved, but the response could not be built in time. Read the object again instead of"
    " repeating the write."
)
QUERY_UNAVAILABLE = (
    "Public API data source query is temporarily unavailable due to backend datastore timeouts. Retry with"
    " exponential backoff; if retries continue to fail, reduce page_size or narrow filters/sorts."
)


def problem(
    status: int, code: str | None = None, message: str | None = None, additional: Json | None = None
) -> Problem:
    """An error of this status with its usual code and text, unless others are given."""
    usual_code, usual_message = USUAL[status]
    return Problem(status, code or usual_code, message or usual_message, additional)


def reject(
    status: int, code: str | None = None, message: str | None = None, additional: Json | None = None
) -> Outcome:
    """This error; nothing is carried out."""
    return refuse(lambda now: problem(status, code, message, additional), name=f"reject {status}")


def refuse(make: Callable[[datetime], Problem], name: str = "refuse") -> Outcome:
    """The error made for the time of the request, e.g. `lambda now: rates.limited(30, now)`."""
    return Outcome(name, lambda emulator, true_answer, now: emulator.refused(make(now), now))


def drop() -> Outcome:
    """The connection ends before anything is carried out."""
    return Outcome("drop", _delivered(Delivery.DROP))


def commit_then_drop() -> Outcome:
    """Carried out; the connection ends without an answer."""
    return Outcome("commit then drop", _delivered(Delivery.DROP), commits=True)


def commit_then_status(status: int, code: str | None = None, message: str | None = None) -> Outcome:
    """Carried out; the answer is an error (500, 502, 504)."""
    refused = reject(status, code, message)
    return Outcome(f"commit then {status}", refused.answer, commits=True)


def commit_then_cut() -> Outcome:
    """Carried out; the connection ends in the middle of the body."""
    return Outcome("commit then cut", _delivered(Delivery.CUT), commits=True)


def commit_late(after_s: float, meanwhile: Outcome | None = None) -> Outcome:
    """Carried out `after_s` later; the answer now is that of `meanwhile`, a drop unless said otherwise."""
    meanwhile = meanwhile or drop()
    name = f"commit late, {meanwhile.name}"
    return Outcome(name, meanwhile.answer, late_s=after_s, is_spoiled=meanwhile.is_spoiled)


def drip(byte_s: float = 1.0) -> Outcome:
    """Carried out; the answer comes one byte per `byte_s`."""
    return Outcome("drip", _delivered(Delivery.DRIP, byte_s), commits=True)


def hang(seconds: float | None = None, *, commits: bool = False) -> Outcome:
    """No answer for ever; with `seconds` (carried out at once) the true answer, so late."""
    commits = commits or seconds is not None
    return Outcome("hang", _delivered(Delivery.HANG, seconds), commits=commits)


def saved(status: int = 503, code: str | None = None, *, with_id: bool) -> Outcome:
    """Carried out, answered with an error, with the id of what was created if so wanted.

    Documented, not observed, for 503; assumed for any other status.
    """

    def answer(emulator: Answers, true_answer: Response, now: datetime) -> Response:
        if true_answer.status >= 400:
            return true_answer
        additional: Json = {
            "from": "publicApi.pageObjectPointerToPageObject.beforePreload",
            "elapsed_ms": "55012",
            "deadline_ms": "55000",
            "retry_guidance": [
                "Read the object again to confirm the saved change.",
                "Do not repeat the write.",
            ],
        }
        if with_id:
            additional["committed_resource_id"] = json.loads(true_answer.body)["id"]
        return emulator.refused(problem(status, code, SAVED, additional), now)

    return Outcome(f"saved {status}", answer, commits=True)


def saved_503(*, with_id: bool) -> Outcome:
    """The documented answer of a write that was saved (documented, not observed)."""
    return saved(503, with_id=with_id)


def query_unavailable() -> Outcome:
    """503 of a query whose store does not answer (documented, not observed)."""
    guidance = ["Use exponential backoff with jitter", "Reduce page_size", "Narrow query filters/sorts"]
    additional = {
        "endpoint_name": "public_queryDataSource",
        "notion_error_name": "PgPoolWaitConnectionTimeout",
        "retry_guidance": guidance,
    }
    return reject(503, message=QUERY_UNAVAILABLE, additional=additional)


def _delivered(
    delivery: Delivery, seconds: float | None = None
) -> Callable[[Answers, Response, datetime], Response]:
    return lambda emulator, true_answer, now: replace(true_answer, delivery=delivery, seconds=seconds)
