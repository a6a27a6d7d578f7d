"""Scripted faults: which request meets which outcome, and hooks that run before, after or at a time."""

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tests.notion_emulator.log import bare
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.state import Json
from tests.notion_emulator.wire import Request, Response

Path = str | re.Pattern[str]
Hook = Callable[[], None]


class Answers(Protocol):
    """What an outcome may ask of the emulator."""

    def refused(self, problem: Problem, now: datetime) -> Response: ...

    def enveloped(
        self, status: int, body: Json, now: datetime, headers: dict[str, str] | None = None
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to a request: `commits` says whether it is carried out now, `late_s` that it is later.

    `answer` makes what the client gets of the true answer (status 0 where nothing was carried out);
    `is_spoiled` says that its bytes are none the API would send.
    """

    name: str
    answer: Callable[[Answers, Response, datetime], Response]
    commits: bool = False
    late_s: float | None = None
    is_spoiled: bool = False


@dataclass(slots=True)
class Match:
    """Requests of one method and path (a template, a literal path or an expression to be found in it).

    From the `nth` on, `times` of them; None: all.
    """

    method: str | None = None
    path: Path | None = None
    nth: int = 1
    times: int | None = 1
    seen: int = 0

    def takes(self, request: Request, template: str | None) -> bool:
        """Counts a request that fits, and says whether it is one of those meant."""
        if not self._fits(request, template):
            return False
        self.seen += 1
        return self.nth <= self.seen and (self.times is None or self.seen < self.nth + self.times)

    def _fits(self, request: Request, template: str | None) -> bool:
        if self.method is not None and self.method != request.method:
            return False
        if isinstance(self.path, re.Pattern):
            return self.path.search(request.path) is not None
        return self.path is None or self.path == request.path or bare(self.path) == template


class Faults:
    """The script. Of the rules that take a request the first added wins; each counts what fits it."""

    def __init__(self) -> None:
        self._rules: list[tuple[Match, Outcome]] = []
        self._before: list[tuple[Match, Hook]] = []
        self._after: list[tuple[Match, Hook]] = []
        self._agenda: list[tuple[float, int, Hook]] = []
        self._scheduled = 0
        self._leaving: list[Hook] = []

    def add(
        self,
        outcome: Outcome,
        *,
        method: str | None = None,
        path: Path | None = None,
        nth: int = 1,
        times: int | None = 1,
    ) -> None:
        """`outcome` for the nth request (and the `times` - 1 after it) of this method and path."""
        self._rules.append((Match(method, path, nth, times), outcome))

    def before(
        self, hook: Hook, *, nth: int = 1, method: str | None = None, path: Path | None = None
    ) -> None:
        """Runs `hook` before the nth such request is carried out."""
        self._before.append((Match(method, path, nth), hook))

    def after(self, hook: Hook, *, nth: int = 1, method: str | None = None, path: Path | None = None) -> None:
        """Runs `hook` when the nth such request has been carried out, before its answer leaves."""
        self._after.append((Match(method, path, nth), hook))

    def at(self, elapsed_s: float, hook: Hook) -> None:
        """Runs `hook` at this time of the clock: before the first request that comes later."""
        self._scheduled += 1
        heapq.heappush(self._agenda, (elapsed_s, self._scheduled, hook))

    def stop(self) -> None:
        """No more faults and hooks; late commits that are under way still come."""
        self._rules, self._before, self._after = [], [], []

    def next_due(self, elapsed_s: float) -> tuple[float, Hook] | None:
        """Takes the earliest scheduled hook whose time has come."""
        if not self._agenda or self._agenda[0][0] > elapsed_s:
            return None
        due_s, _, hook = heapq.heappop(self._agenda)
        return due_s, hook

    def arrives(self, request: Request, template: str | None) -> Outcome | None:
        """Runs the hooks before it; gives its fault, if it has one."""
        self._leaving = [hook for match, hook in self._after if match.takes(request, template)]
        for hook in [hook for match, hook in self._before if match.takes(request, template)]:
            hook()
        outcomes = [outcome for match, outcome in self._rules if match.takes(request, template)]
        return outcomes[0] if outcomes else None

    def answered(self) -> None:
        """Runs the hooks after it."""
        hooks, self._leaving = self._leaving, []
        for hook in hooks:
            hook()
