"""The emulator: `Emulator().handle(request)` answers one HTTP request.

Order of the gates (that route and JSON come before the token was observed live): log, scripted faults, route,
size and JSON, token, version, rate limits, capabilities, path ids, handler.
"""

import hashlib
import importlib
import json
import random
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import ClassVar

from tests.notion_emulator import rich_text
from tests.notion_emulator.clock import Clock
from tests.notion_emulator.faults import Faults, Outcome
from tests.notion_emulator.gates import (
    VERSIONS,
    bearer,
    find_route,
    needs_token,
    parsed_body,
    path_ids,
    version_of,
)
from tests.notion_emulator.log import READING_POSTS, Entry, Log, bare
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.rates import Limiter
from tests.notion_emulator.routes import Call, Route
from tests.notion_emulator.state import Json, Knobs, Page, Workspace
from tests.notion_emulator.wire import Delivery, Request, Response

__all__ = ["Delivery", "Emulator", "Request", "Response"]

HANDLERS = (
    "blocks",
    "comments",
    "data_sources",
    "databases",
    "emojis",
    "files",
    "markdown",
    "meetings",
    "oauth",
    "pages",
    "query",
    "search",
    "tasks",
    "templates",
    "users",
    "views",
)
for _module in HANDLERS:
    importlib.import_module(f"tests.notion_emulator.{_module}")

HEADERS = {
    "content-type": "application/json; charset=utf-8",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
    "vary": "Accept-Encoding",
}
CAPABILITIES = ("read", "insert", "update", "users")


class Emulator:
    """One workspace, one connection to it (`bot`), and everything a test can turn.

    `token`: the only one accepted; None accepts any that is not empty. Handlers return the body of a 200, or
    another status and its body.
    """

    watchers: ClassVar[list[Callable[[Request, Response], None]]] = []
    """Told of every request that arrives and of its true answer; of a scripted fault's answer as well, where
    that is a whole answer of the API (neither spoiled bytes nor a broken delivery).
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        rate: int | None = None,
        workspace_rate: int | None = None,
        token: str | None = None,
        knobs: Knobs | None = None,
    ):
        self.clock = clock or Clock()
        self.ws = Workspace(seed, knobs)
        self.limiter = Limiter(rate, workspace_rate)
        self.faults = Faults()
        self.log = Log()
        self.token = token
        self.revoked: set[str] = set()
        self.capabilities = set(CAPABILITIES)
        self.lock = threading.RLock()
        self.observers: list[Callable[[Request, Response], None]] = list(self.watchers)
        """As `watchers`, for this emulator alone."""
        self._request_ids = random.Random(f"request ids {seed}")
        self._acting_at: datetime | None = None
        self.person = self.ws.new_user("Person One", bot=False)
        self.bot = self.ws.new_user("Emulated connection", bot=True)
        self.root_page = self.top_page("Root page")

    def now(self) -> datetime:
        """The clock's time, or the time for which a late event was scheduled while it takes place."""
        return self._acting_at or self.clock.now()

    def top_page(self, title: str) -> Page:
        """A new page of the workspace that the connection can see."""
        now, person = self.now(), self.person.id
        page = Page(
            id=self.ws.ids.uuid(),
            seq=self.ws.next_seq(),
            parent={"type": "workspace", "workspace": True},
            created_time=now,
            last_edited_time=now,
            created_by=person,
            last_edited_by=person,
            properties={"title": [rich_text.text(title)]},
        )
        self.ws.pages[page.id] = page
        return page

    def handle(self, request: Request) -> Response:
        """The answer to one request, faults included. Requests are answered one at a time."""
        with self.lock:
            self.settle()
            found = find_route(request)
            template = bare(found[0].template) if found else None
            entry = self._logged(request, template)
            fault = self.faults.arrives(request, template)
            response = self._through(request, fault, entry)
            entry.answered(response)
            self.faults.answered()
            return response

    def unwatched(self, request: Request, actor: str | None = None) -> Response:
        """The answer to a request made as `actor` (the connection): everything is shared with it, nothing is
        counted, logged or broken.
        """
        with self.lock:
            unshared, self.ws.unshared = self.ws.unshared, set()
            try:
                route, call = self._called(request, self.now(), VERSIONS[-1], actor or self.bot.id)
                return self._carried_out(route, call)
            except Problem as problem:
                return self.refused(problem, self.now())
            finally:
                self.ws.unshared = unshared | self.ws.unshared

    def settle(self) -> None:
        """What was scheduled and is due takes place: late commits and hooks, each at its own time."""
        while (due := self.faults.next_due(self.clock.monotonic())) is not None:
            elapsed_s, hook = due
            self._acting_at = self.clock.now() - timedelta(seconds=self.clock.monotonic() - elapsed_s)
            try:
                hook()
            finally:
                self._acting_at = None

    def revoke(self, token: str | None = None) -> None:
        """From here on this token (or the one that was named at the start, or every token) answers 401."""
        self.revoked.add(token or self.token or "*")

    def unshare(self, object_id: str) -> None:
        """The object and everything below it answer 404 from here on."""
        self.ws.unshared |= below(self.ws, object_id)

    def share(self, object_id: str) -> None:
        """Takes `unshare` back."""
        self.ws.unshared -= below(self.ws, object_id)

    def enveloped(
        self, status: int, body: Json, now: datetime, headers: dict[str, str] | None = None
    ) -> Response:
        """A JSON answer with its request id, which the list of templates alone lacks (observed: recorded)."""
        request_id = str(uuid.UUID(int=self._request_ids.getrandbits(128), version=4))
        own = {"x-notion-request-id": request_id, "date": format_datetime(now, usegmt=True)}
        named = body if "templates" in body else body | {"request_id": request_id}
        return Response(status, HEADERS | own | (headers or {}), encoded(named))

    def refused(self, problem: Problem, now: datetime) -> Response:
        """An error; a 404 names the connection (observed: recorded)."""
        message = problem.message
        if message.endswith("with your integration."):
            message = f'{message[:-1]} "{self.bot.name}".'
        body: Json = {"object": "error", "status": problem.status, "code": problem.code, "message": message}
        if problem.additional is not None:
            body["additional_data"] = dict(problem.additional)
        return self.enveloped(problem.status, body, now, problem.headers)

    def _logged(self, request: Request, template: str | None) -> Entry:
        """The log knows tokens by a fingerprint alone."""
        token = bearer(request)
        connection = None if token is None else hashlib.sha256(token.encode()).hexdigest()[:12]
        return self.log.arrived(request, template, self.now(), self.clock.monotonic(), connection)

    def _through(self, request: Request, fault: Outcome | None, entry: Entry) -> Response:
        now = self.now()
        if fault is None:
            return self._answered(request, entry, now)
        entry.fault = fault.name
        if fault.late_s is not None:
            self._carry_out_late(request, entry, fault.late_s)
        true_answer = self._answered(request, entry, now) if fault.commits else Response(0)
        response = fault.answer(self, true_answer, now)
        if response is not true_answer and response.delivery is Delivery.WHOLE and not fault.is_spoiled:
            self._tell(request, response)
        return response

    def _answered(self, request: Request, entry: Entry, now: datetime) -> Response:
        """The true answer, whatever becomes of it."""
        try:
            route, call = self._admitted(request, now)
            response = self._carried_out(route, call)
        except Problem as problem:
            response = self.refused(problem, now)
        return self._noted(request, entry, response)

    def _noted(self, request: Request, entry: Entry, response: Response) -> Response:
        entry.true_answer = response
        self._tell(request, response)
        return response

    def _tell(self, request: Request, response: Response) -> None:
        for observe in self.observers:
            observe(request, response)

    def _carry_out_late(self, request: Request, entry: Entry, late_s: float) -> None:
        """The request passes the gates now and changes the workspace later; a refused one never does."""
        try:
            route, call = self._admitted(request, self.now())
        except Problem:
            return

        def commit() -> None:
            call.now = self.now()
            try:
                response = self._carried_out(route, call)
            except Problem as problem:
                response = self.refused(problem, call.now)
            self._noted(request, entry, response)

        self.faults.at(self.clock.monotonic() + late_s, commit)

    def _admitted(self, request: Request, now: datetime) -> tuple[Route, Call]:
        route, parameters = routed(request)
        parsed_body(request)
        version = ""
        if needs_token(route):
            token = self._token_of(request)
            version = version_of(request, self.ws, parameters)
            self.limiter.pass_or_refuse(token, self.clock.monotonic(), now)
            self._refuse_incapable(route)
        return self._called(request, now, version, self.bot.id)

    def _called(self, request: Request, now: datetime, version: str, actor: str) -> tuple[Route, Call]:
        route, parameters = routed(request)
        return route, Call(
            ws=self.ws,
            method=request.method,
            path=request.path,
            ids=path_ids(parameters),
            query=request.query,
            body=parsed_body(request),
            version=version,
            actor=actor,
            now=now,
            raw=request.body,
            headers=request.headers,
        )

    def _carried_out(self, route: Route, call: Call) -> Response:
        self.ws.now = call.now
        answer = route.handler(call)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return self.enveloped(status, body, call.now)

    def _token_of(self, request: Request) -> str:
        token = bearer(request)
        if token is None:
            message = 'Authorization header must use the format "Bearer <token>".'
            raise Problem(401, "unauthorized", message)
        if self.revoked & {token, "*"} or (self.token is not None and token != self.token):
            raise Problem(401, "unauthorized", "API token is invalid.")
        return token

    def _refuse_incapable(self, route: Route) -> None:
        """403 where the connection lacks a capability (text observed: reported in public threads)."""
        if needed_capability(route) not in self.capabilities:
            raise Problem(403, "restricted_resource", "Insufficient permissions for this endpoint.")


def routed(request: Request) -> tuple[Route, dict[str, str]]:
    """The operation and its path parameters; raises for what nobody answers (observed: recorded)."""
    found = find_route(request)
    if found is None:
        raise Problem(400, "invalid_request_url", "Invalid request URL.")
    return found


def needed_capability(route: Route) -> str:
    """Which capability an operation takes (documented, not observed)."""
    template = bare(route.template)
    if template.startswith("/v1/users") and template != "/v1/users/me":
        return "users"
    if route.method == "GET" or template in READING_POSTS:
        return "read"
    return "insert" if route.method == "POST" or template == "/v1/blocks/{}/children" else "update"


def encoded(body: Json) -> bytes:
    """JSON in UTF-8; text that has no UTF-8 form (half of a surrogate pair) goes as an escape."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def below(ws: Workspace, object_id: str) -> set[str]:
    """Ids of an object and of everything that lies in it."""
    nodes = [*ws.pages.values(), *ws.databases.values(), *ws.data_sources.values(), *ws.blocks.values()]
    found, waiting = set(), [object_id]
    while waiting:
        parent = waiting.pop()
        found.add(parent)
        waiting += [node.id for node in nodes if node.parent.get(node.parent.get("type", "")) == parent]
    return found
