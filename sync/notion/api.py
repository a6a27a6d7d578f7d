"""Notion's API as this project needs it: four calls, each of which ends in a dict or in one class of error.

notion-client builds and sends the requests; its retries are switched off, since it caps Retry-After at a
minute, knows neither 529 nor several codes of 503, and takes a query for a write. Every answer is judged
by the table in `sync.notion.answers`. The token is in the header of a request and nowhere else: not in an
error, its causes, or a log.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import httpx
import tenacity
from notion_client import Client
from notion_client.errors import HTTPResponseError, InvalidPathParameterError, RequestTimeoutError

from schemas.errors import BadSettings, GaveUp, NotAuthorised
from sync.notion import answers
from sync.notion.answers import (
    Answer,
    BadAnswer,
    BlockLimit,
    Conflicted,
    Gone,
    Kind,
    Rejected,
    Unanswered,
)
from sync.notion.gate import AGAIN, Clock, Gate, Limited, MachineClock, Waiting
from sync.notion.guard import OwnedOnly
from sync.notion.wire import Network, Whole, is_loopback

BASE_URL = "https://api.notion.com"
VERSION = "2026-03-11"
TIMEOUT_S = 65.0
"""For an answer to begin, and between its parts: the service itself gives up after 60."""
CONNECT_TIMEOUT_S = 10.0
TRIES = 5
BACKOFF = tenacity.wait_exponential_jitter(initial=1, max=30, jitter=1)
DEADLINE_S = 2700.0
LOGGER = "sync.notion.client"
TOKEN = "NOTION_TOKEN"
NEW_TOKEN = f"put the connection's token into {TOKEN}; Notion shows it under Settings, Connections"


class Effect(StrEnum):
    """What a request does, which decides what an answer to it may mean."""

    READ = "read"
    UPDATE = "update"
    CREATE = "create"


CAPABILITIES = {
    Effect.READ: "Read content",
    Effect.UPDATE: "Update content",
    Effect.CREATE: "Insert content",
}
"""As Notion's settings name them."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request to be made."""

    effect: Effect
    method: str
    path: str
    parameters: Mapping[str, Any]
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Api:
    """Requests to one Notion connection. Thread-safe; three workers at most share it.

    `transport`: what carries the requests, the network unless given; all pass `guard` before it.
    `deadline_s`: counted from now on, no request starts later; infinite for an import. `waiting` is
    told seconds and reason before a wait. Raises NotAuthorised for a token that cannot be one,
    BadSettings for a `base_url` that would show it to others.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        gate: Gate | None = None,
        deadline_s: float = DEADLINE_S,
        waiting: Waiting | None = None,
    ):
        self.gate = gate or Gate(clock)
        if waiting:
            self.gate.waiting = waiting
        self._clock = clock or MachineClock()
        self._deadline_s = self._clock.monotonic() + deadline_s
        self._sent = {"read": 0, "write": 0}
        self._counting = threading.Lock()
        token = _checked_token(token)
        self._scrubbed = _Scrub(token)
        self._base_url = _checked_url(base_url or BASE_URL)
        self.guard = transport if isinstance(transport, OwnedOnly) else OwnedOnly(transport or Network())
        self._http = httpx.Client(transport=Whole(self.guard, self._clock))
        self._client = Client(
            auth=token,
            base_url=self._base_url,
            notion_version=VERSION,
            retry=False,
            logger=_silent(),
            log_level=logging.CRITICAL,
            client=self._http,
        )
        # After the client, which sets both: to look for a machine that is not there for 65 s helps nobody.
        self._http.timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._http.headers["Accept-Encoding"] = "gzip"

    def __repr__(self) -> str:
        return f"Api({self._base_url!r})"

    @property
    def requests(self) -> Mapping[str, float]:
        """Requests made so far, retries included, and seconds spent waiting: `read`, `write`, `waited_s`."""
        with self._counting:
            return {**self._sent, "waited_s": self.gate.waited_s}

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The object or list at `path` (without /v1/). A list in `query` is repeated, None left out."""
        return self._made(Operation(Effect.READ, "GET", path, _given(query)))

    def query(self, data_source_id: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """One page of rows: a read, although it is a POST."""
        path = f"data_sources/{data_source_id}/query"
        return self._made(Operation(Effect.READ, "POST", path, _given(query), body))

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object after the update. Raises Unanswered or Conflicted where that has to be looked up."""
        return self._made(Operation(Effect.UPDATE, "PATCH", path, {}, body))

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The new object. Raises Unanswered where it may exist: such a request is never sent again."""
        return self._made(Operation(Effect.CREATE, "POST", path, {}, body))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _made(self, operation: Operation) -> dict[str, Any]:
        tries = _Tries(operation)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(tries.may_continue),
            wait=tries.wait_s,
            sleep=self.gate.rest,
        )
        answer: Answer = retrying(self._attempt, operation)
        if answer.kind is Kind.DONE:
            return dict(answer.body or {})
        raise _error(operation, answer, tries.n)

    def _attempt(self, operation: Operation) -> Answer:
        with self.gate.turn(self._deadline_s) as turn:
            sent_at = self._clock.now().timestamp()
            answer = self._exchange(operation)
            turn.is_answered = answer.kind not in (Kind.NEVER_SENT, Kind.UNKNOWN)
            if answer.kind is Kind.LIMITED:
                turn.limited = Limited(answer.retry_after_s, answer.reason or answer.code, answer.said)
        if answer.kind is not Kind.NEVER_SENT:
            with self._counting:
                self._sent["read" if operation.effect is Effect.READ else "write"] += 1
        return replace(answer, sent_at=sent_at)

    def _exchange(self, operation: Operation) -> Answer:
        answer = self._answer(operation)
        said, code, message = (
            answers.shown(self._scrubbed(text)) for text in (answer.said, answer.code, answer.message)
        )
        return replace(answer, said=said, code=code, message=message)

    def _answer(self, operation: Operation) -> Answer:
        """What one request came to. Nothing is raised here, so that no error carries another one along."""
        body = dict(operation.body) if operation.body is not None else None
        try:
            found = self._client.request(operation.path, operation.method, dict(operation.parameters), body)
        except HTTPResponseError as error:
            return answers.refusal(error.status, error.headers, error.body, self._clock.now())
        except RequestTimeoutError as error:
            return answers.failure(error.__context__)
        except (BadAnswer, RecursionError) as error:
            return Answer(Kind.UNKNOWN, str(error))
        except httpx.HTTPError as error:
            return answers.failure(error)
        except (InvalidPathParameterError, httpx.InvalidURL, ValueError) as error:
            return Answer(Kind.REJECTED, code="not_sendable", message=str(error))
        if not _is_expected(found):
            return Answer(Kind.UNKNOWN, "status 200, neither an object with an id nor a list of results")
        return Answer(Kind.DONE, body=found)


def _is_expected(found: Mapping[str, Any]) -> bool:
    """Whether an answer has what every answer of Notion has: an id, or results and whether there are more."""
    if isinstance(found.get("id"), str):
        return True
    return isinstance(found.get("results"), list) and isinstance(found.get("has_more"), bool)


class _Tries:
    """How often one operation was tried. Refusals for the rate do not count: the gate bounds them."""

    def __init__(self, operation: Operation):
        self.n = 0
        self._operation = operation

    def may_continue(self, answer: Answer) -> bool:
        """Whether another attempt is right."""
        if answer.kind is Kind.LIMITED:
            return True
        self.n += 1
        again = {Kind.NEVER_SENT}
        if self._operation.effect is Effect.READ:
            again |= {Kind.CONFLICT, Kind.UNKNOWN}
        return answer.kind in again and self.n < TRIES

    def wait_s(self, state: tenacity.RetryCallState) -> float:
        """1, 2, 4, 8 s and jitter; nothing after a refusal for the rate, since the gate does that waiting."""
        answer: Answer = state.outcome.result() if state.outcome else Answer(Kind.UNKNOWN)
        return 0.0 if answer.kind is Kind.LIMITED else BACKOFF(state)


class _Scrub:
    """Takes the token out of a text: an answer may quote the request."""

    def __init__(self, token: str):
        self._token = token

    def __call__(self, text: str) -> str:
        return text.replace(self._token, "(token)")


def _error(operation: Operation, answer: Answer, n_tries: int) -> Exception:
    """The error of an answer that is no success."""
    match answer.kind:
        case Kind.REJECTED:
            return Rejected(answer.code, answer.message or answer.said)
        case Kind.GONE:
            return Gone(answer.said)
        case Kind.UNAUTHORISED:
            return NotAuthorised("Notion: the token is not accepted", where=answer.said, fix=NEW_TOKEN)
        case Kind.RESTRICTED:
            return _restricted(operation, answer)
        case Kind.BLOCKED | Kind.TURNED_AWAY | Kind.NEVER_SENT:
            return _gave_up(operation, answer, n_tries)
        case Kind.CONFLICT if operation.effect is Effect.UPDATE:
            return Conflicted(answer.said)
        case _ if operation.effect is Effect.READ:
            return _gave_up(operation, answer, n_tries)
        case _:
            return Unanswered(answer.said, committed_id=answer.committed_id, sent_at=answer.sent_at)


def _gave_up(operation: Operation, answer: Answer, n_tries: int) -> GaveUp:
    if answer.kind is Kind.BLOCKED:
        return GaveUp(
            "Notion: it has blocked the requests of this connection, and says not to repeat them",
            where=answer.said,
            fix="ask Notion's support, naming the request id, before running again",
        )
    if answer.kind is Kind.TURNED_AWAY:
        return GaveUp(
            f"Notion: {operation} was turned away on its way by a proxy or firewall, not by Notion",
            where=answer.said,
            fix=f"let the network pass requests to Notion, then {AGAIN}",
        )
    failed = "cannot be reached" if answer.kind is Kind.NEVER_SENT else "gives no usable answer"
    return GaveUp(f"Notion: {operation} {failed}, tried {n_tries} times", where=answer.said, fix=AGAIN)


def _restricted(operation: Operation, answer: Answer) -> NotAuthorised:
    if answer.block_limit:
        return BlockLimit(
            "Notion: the workspace has reached the limit of its plan and takes no new rows",
            where=answer.said,
            fix="upgrade the workspace's plan, or make room in it; rows that are there are still updated",
        )
    needed = CAPABILITIES[operation.effect]
    return NotAuthorised(
        f"Notion: the connection may not do this: {operation} needs the capability {needed!r}",
        where=answer.said,
        fix=f"tick {needed!r} in the connection's settings in Notion",
    )


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _silent() -> logging.Logger:
    """A logger for notion-client that says nothing: its lines quote answers, and ours say the same."""
    logger = logging.getLogger(LOGGER)
    logger.disabled = True
    return logger


def _checked_token(token: str) -> str:
    """The token as it goes into a header. h11 quotes a header that it refuses in its error."""
    token = token.strip()
    if token and all("!" <= c <= "~" for c in token):
        return token
    found = "is empty" if not token else "holds a space or a character that no token has"
    raise NotAuthorised(f"Notion: the token {found}", where=TOKEN, fix=NEW_TOKEN, wrote="nothing")


def _checked_url(base_url: str) -> str:
    """The service's address: https, or plain http to this machine (an emulator)."""
    try:
        url = httpx.URL(base_url.strip())
    except (httpx.InvalidURL, ValueError):
        raise _bad_url("is no address") from None
    if url.userinfo or url.query or url.fragment:
        raise _bad_url("holds more than scheme, host, port and path")
    if not url.host or url.scheme not in ("https", "http"):
        raise _bad_url("is not https://HOST")
    if url.scheme == "http" and not is_loopback(url.host):
        raise _bad_url(f"would send the token unencrypted to {answers.shown(url.host)}")
    return str(url).rstrip("/").removesuffix("/v1")


def _bad_url(why: str) -> BadSettings:
    return BadSettings(
        f"settings: the address of Notion's API {why}",
        where="NOTION_BASE_URL",
        fix="unset it; an emulator on this machine is http://127.0.0.1:PORT",
        wrote="nothing",
    )
