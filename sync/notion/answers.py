"""What became of one request: the answer's kind, and the error that a caller gets for it.

    outcome                                         read         PATCH        create
    never sent (no route, refused, no TLS)          retry        retry        retry
    429, 529                                        wait, retry  wait, retry  wait, retry
    429 public_api_request_blocked                  GaveUp       GaveUp       GaveUp
    409                                             retry        Conflicted   Unanswered
    5xx, reset, timeout, cut, HTML or bad body      retry        Unanswered   Unanswered
    400 and other refusals of the request itself    Rejected     Rejected     Rejected
    401, 403 from Notion                            NotAuthorised; BlockLimit for a full workspace
    401, 403 from elsewhere (edge, proxy)           GaveUp       GaveUp       GaveUp
    404 from Notion                                 Gone         Gone         Gone

A retry that does not help ends in GaveUp.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import httpx

from schemas.errors import NotAuthorised

MAX_SHOWN = 300
"""Characters of a text from elsewhere that an error repeats."""
BLOCKED = "public_api_request_blocked"
UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Unanswered(Exception):
    """The request may or may not have been carried out, now or within the minute the service allows itself.

    `committed_id`: the page that was created, where the answer names it. `sent_at`: UTC, seconds since 1970.
    """

    def __init__(self, said: str, *, committed_id: str | None = None, sent_at: float = 0.0):
        super().__init__(said)
        self.said = said
        self.committed_id = committed_id
        self.sent_at = sent_at


class Rejected(Exception):
    """The request itself is refused, for good: nothing was carried out."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.message = message


class Gone(Exception):
    """There is no such object, or it is not shared with the connection: the two cannot be told apart."""


class Conflicted(Exception):
    """A PATCH met another write to the same object: nothing was saved, read again before trying again."""


class BlockLimit(NotAuthorised):
    """The free workspace is full: it takes no new rows, while rows that are there can be updated."""


class BadAnswer(Exception):
    """A success whose body is not one JSON object: cut, HTML, not UTF-8, a key twice, NaN, too deep."""


class Kind(StrEnum):
    """What one attempt came to."""

    DONE = "done"
    NEVER_SENT = "never sent"
    LIMITED = "limited"
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    UNAUTHORISED = "unauthorised"
    RESTRICTED = "restricted"
    TURNED_AWAY = "turned away"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt. `said`: for a person, on one line.

    `body`: what a success gave. `code`, `message`, `additional`: of Notion's error object, where
    there is one. `retry_after_s`: None where the answer names no usable time.
    """

    kind: Kind
    said: str = ""
    body: Mapping[str, Any] | None = None
    code: str = ""
    message: str = ""
    additional: Mapping[str, Any] | None = None
    retry_after_s: float | None = None
    sent_at: float = 0.0
    """UTC, seconds since 1970."""

    @property
    def reason(self) -> str:
        """Which limit a 429 is about; empty where it does not say."""
        return _text_of(self.additional, "rate_limit_reason")

    @property
    def block_limit(self) -> str:
        """Which limit of a free workspace is reached; empty for none."""
        return _text_of(self.additional, "block_limit")

    @property
    def committed_id(self) -> str | None:
        """Id of the page that was created although the answer is an error."""
        found = _text_of(self.additional, "committed_resource_id")
        return found if UUID.fullmatch(found) else None


def loads(content: bytes) -> dict[str, Any]:
    """The one object in a UTF-8 body. Raises BadAnswer."""
    try:
        found = json.loads(
            content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
        )
    except RecursionError:
        raise BadAnswer("nested too deep") from None
    except ValueError as error:
        raise BadAnswer(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadAnswer(f"want an object, got {type(found).__name__}")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether a body says that it is JSON; the page of a proxy in between does not."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def shown(text: object) -> str:
    """A text from elsewhere on one line: unprintable characters blanked, its end cut off."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]}... ({len(line)} characters)"


def described(status: int, headers: Mapping[str, str]) -> str:
    """An answer that is not Notion's by what helps to find it: status, type, ray and request id."""
    kind = headers.get("content-type", "no content-type")
    ids = [f"{name} {headers[name]}" for name in ("cf-ray", "x-notion-request-id") if name in headers]
    return ", ".join([f"status {status}", kind, *ids])


def refusal(status: int, headers: Mapping[str, str], body: str, now: datetime) -> Answer:
    """The answer in an HTTP response that is no success. `now`: UTC, for a Retry-After that is a date."""
    error = _error_object(headers, body)
    if error is None:
        said = f"{described(status, headers)}: not an answer of Notion"
        return Answer(_kind(status, {}), said, retry_after_s=retry_after_s(headers, {}, now))
    code, message = str(error["code"]), str(error["message"])
    additional = error.get("additional_data")
    additional = additional if isinstance(additional, dict) else {}
    request_id = error.get("request_id") or headers.get("x-notion-request-id", "unknown")
    said = f"{status} {code}: {message} (request id {request_id})"
    wait_s = retry_after_s(headers, additional, now)
    answer = Answer(_kind(status, error), said, None, code, message, additional, wait_s)
    # Saved, whatever the status says: to wait and send it again would make a second one.
    return replace(answer, kind=Kind.UNKNOWN) if answer.committed_id else answer


def _error_object(headers: Mapping[str, str], body: str) -> dict[str, Any] | None:
    if not is_json(headers):
        return None
    try:
        found = loads(body.encode("utf-8"))
    except BadAnswer:
        return None
    texts = (found.get("code"), found.get("message"))
    return found if all(isinstance(text, str) for text in texts) else None


def _kind(status: int, error: Mapping[str, Any]) -> Kind:
    """408 and 425 leave open whether anything was done; so do redirects, and a 404 or 529 that is not
    Notion's.
    """
    if status == 429 or (status == 529 and error):
        reason = _text_of(error.get("additional_data"), "rate_limit_reason")
        return Kind.BLOCKED if reason == BLOCKED else Kind.LIMITED
    if status in (401, 403):
        return _denied(status) if error else Kind.TURNED_AWAY
    if status == 409:
        return Kind.CONFLICT
    if status == 404 and error:
        return Kind.GONE
    return Kind.REJECTED if 400 <= status < 500 and status not in (404, 408, 425) else Kind.UNKNOWN


def _denied(status: int) -> Kind:
    return Kind.UNAUTHORISED if status == 401 else Kind.RESTRICTED


def _text_of(additional: object, name: str) -> str:
    """One text of `additional_data`, whose values are texts or arrays of texts."""
    found = additional.get(name) if isinstance(additional, Mapping) else None
    if isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, str) else ""


def retry_after_s(headers: Mapping[str, str], additional: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds to wait, more than 0: from the header (seconds or a date), else from its copy in the body."""
    for text in (headers.get("retry-after", ""), _text_of(additional, "retry_after")):
        seconds = _seconds(text.strip(), headers.get("date"), now)
        if seconds is not None and seconds > 0:
            return seconds
    return None


def _seconds(text: str, dated: str | None, now: datetime) -> float | None:
    if SECONDS.fullmatch(text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    # Against the answer's own date where it has one: the clocks of two machines differ.
    return (until - ((_date(dated) if dated else None) or now)).total_seconds()


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""What httpx raises before a byte of the request has left. A proxy that refuses the tunnel is one of them."""


def failure(error: BaseException | None) -> Answer:
    """The answer in an exception of httpx: never sent, or unknown."""
    kind = Kind.NEVER_SENT if isinstance(error, (*NEVER_SENT, httpx.UnsupportedProtocol)) else Kind.UNKNOWN
    return Answer(kind, f"{type(error).__name__}: {error}")
