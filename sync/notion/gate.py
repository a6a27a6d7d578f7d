"""The gate: one for all workers. Every request passes it, and all waiting is done in it.

The service gives each connection a budget of requests per window of 60 seconds, 180 or 600 by plan, which
may be spent in one burst; and each workspace one of unknown size
(developers.notion.com/reference/request-limits). Where its window begins is not known, so the gate counts
over the last 60 seconds, a request from its answer on: then no window of the service's, wherever it
begins, holds more than the budget.

A budget that is not known is taken for 180. When 180 are spent, one request is let through alone:
answered, the budget is 600; refused, it is 180 and not asked again. An answer is no proof when the
service's window began among the 180; then 600 is refused later and 180 is learned, at the price of as
many refusals as requests were in flight. A refusal below 180 says that others spend the same budget: it
changes nothing but the pause.
"""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from schemas.errors import GaveUp

WINDOW_S = 60.0
MARGIN_S = 0.5
"""For clocks that do not run alike."""
SMALL, LARGE = 180, 600
PATIENCE_S = 300.0
"""A budget of 180 remembered from an earlier run is doubted after so much waiting: plans are upgraded."""
CONNECTION_LIMIT = ("public_api_request_rate_limit", "rate_limited")
"""What is about the connection's own budget: the reason given, or the code of an answer that gives none."""
BACKOFF_S = (1.0, 60.0)
TOLD_S = 1.0
"""Shorter waits are not worth telling anybody."""
RESOLUTION_S = 1e-6
AGAIN = "run the same command again: it goes on where this one stopped"

Waiting = Callable[[float, str], None]


class Clock(Protocol):
    """Time as it is asked for and let pass."""

    def now(self) -> datetime:
        """Wall time in UTC, for people."""

    def monotonic(self) -> float:
        """Seconds that never jump, for waiting."""

    def sleep(self, seconds: float) -> None:
        """Lets so much time pass."""


class MachineClock:
    """The machine's own time. `wake` ends every sleep, those to come as well."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wake(self) -> None:
        self._woken.set()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._woken.wait(seconds)


@dataclass(frozen=True, slots=True)
class Limited:
    """An answer 429 or 529. `wait_s`: what it asks for, None where it names no usable time. `reason`: the
    limit it names, or its code.
    """

    wait_s: float | None
    reason: str
    said: str


class Wait(NamedTuple):
    """For how long no request may start, and why. `asked`: the answer that asked for it, if one did."""

    seconds: float
    why: str
    asked: Limited | None = None


@dataclass(slots=True)
class Turn:
    """One request let through after `n_before` others in its window. Whoever sends it says how it went."""

    n_before: int
    is_probe: bool
    is_answered: bool = False
    """Whether the service took the request, whatever it answered."""
    limited: Limited | None = None


class Gate:
    """Lets requests through as fast as the budget allows, and none during a pause. Thread-safe.

    `waiting` is told seconds and reason before a wait. The clock sleeps only while no request is in flight
    and every other thread stands before the gate, so that threads never move a virtual clock together.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        limit: int | None = None,
        waiting: Waiting | None = None,
        chance: random.Random | None = None,
    ):
        self.waited_s = 0.0
        self.waiting = waiting
        self._clock = clock or MachineClock()
        self._chance = chance or random.Random()
        self._turnstile = threading.Lock()
        self._state = threading.Condition()
        self._answered: deque[float] = deque()
        self._in_flight = 0
        self._pause: tuple[float, Limited] | None = None
        self._strikes = 0
        self._stopped = False
        self.limit = limit

    @property
    def limit(self) -> int | None:
        """Requests per window as far as is known: 180, 600, or None. Kept between runs by the caller."""
        return self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self._limit = limit if limit in (SMALL, LARGE) else None
        self._is_settled = False
        self._window_waited_s = 0.0

    @contextmanager
    def turn(self, deadline_s: float) -> Iterator[Turn]:
        """One request, from when it may start until it is answered. `deadline_s`: as `monotonic` counts.

        Raises GaveUp, naming when to come back, where it could only start after the deadline.
        """
        turn = self._enter(deadline_s)
        try:
            yield turn
        finally:
            self._leave(turn)

    def stop(self) -> None:
        """Lets no further request through, and ends the wait of those before the gate: a person wants to
        stop.
        """
        self._stopped = True
        if isinstance(self._clock, MachineClock):
            self._clock.wake()

    def rest(self, seconds: float) -> None:
        """Waits before another attempt. Nobody else starts meanwhile: the service is in trouble."""
        until_s = self._clock.monotonic() + seconds
        with self._turnstile, self._state:
            self._drain()
            left_s = until_s - self._clock.monotonic()
            if left_s > 0:
                self._sleep(Wait(left_s, "Notion does not answer as it should"))

    def _enter(self, deadline_s: float) -> Turn:
        with self._turnstile, self._state:
            if self._wait() or self._is_full():
                self._drain()
            while wait := self._wait():
                self._check(deadline_s, wait)
                self._sleep(wait)
                self._window_waited_s += 0.0 if wait.asked else wait.seconds
            self._check(deadline_s)
            return self._admit()

    def _drain(self) -> None:
        self._state.wait_for(lambda: not self._in_flight)

    def _wait(self) -> Wait | None:
        """What stands in the way of a request that would go alone."""
        now = self._clock.monotonic()
        if self._pause and self._pause[0] - now > RESOLUTION_S:
            return Wait(self._pause[0] - now, "Notion asks to wait", self._pause[1])
        if not self._answered or not self._is_full() or self._may_probe():
            return None
        return Wait(
            self._answered[0] + WINDOW_S + MARGIN_S - now, f"Notion takes {self._budget} requests a minute"
        )

    @property
    def _budget(self) -> int:
        return self._limit or SMALL

    def _is_full(self) -> bool:
        return self._used() >= self._budget

    def _used(self) -> int:
        """Requests of the last window: those in flight, and those answered less than a window ago."""
        oldest = self._clock.monotonic() - WINDOW_S - MARGIN_S + RESOLUTION_S
        while self._answered and self._answered[0] <= oldest:
            self._answered.popleft()
        return len(self._answered) + self._in_flight

    def _may_probe(self) -> bool:
        doubted = self._limit == SMALL and self._window_waited_s >= PATIENCE_S
        return not self._is_settled and (self._limit is None or doubted)

    def _check(self, deadline_s: float, wait: Wait | None = None) -> None:
        """Raises GaveUp when the run was stopped, the deadline is over, or it comes before the end of a
        wait.
        """
        if self._stopped:
            raise GaveUp("Notion: the run was stopped", fix=AGAIN)
        seconds = wait.seconds if wait else 0.0
        if self._clock.monotonic() + seconds <= deadline_s:
            return
        if wait is None or wait.asked is None:
            raise GaveUp("Notion: this run has used up its time", where=wait and wait.why, fix=AGAIN)
        at = self._clock.now() + timedelta(seconds=math.ceil(seconds))
        raise GaveUp(
            f"Notion: asks to wait {math.ceil(seconds)} s, which is longer than this run may last",
            where=wait.asked.said,
            fix=f"run the same command again after {at:%Y-%m-%d %H:%M:%S} UTC",
        )

    def _sleep(self, wait: Wait) -> None:
        if self.waiting and wait.seconds >= TOLD_S:
            self.waiting(wait.seconds, wait.why)
        self._clock.sleep(wait.seconds)
        self.waited_s += wait.seconds

    def _admit(self) -> Turn:
        used = self._used()
        turn = Turn(used, is_probe=used >= self._budget)
        self._in_flight += 1
        return turn

    def _leave(self, turn: Turn) -> None:
        with self._state:
            self._in_flight -= 1
            if turn.limited:
                self._refused(turn, turn.limited)
            else:
                self._taken(turn)
            self._state.notify_all()

    def _taken(self, turn: Turn) -> None:
        self._answered.append(self._clock.monotonic())
        if turn.is_answered:
            self._strikes = 0
            if turn.is_probe:
                self._limit = LARGE

    def _refused(self, turn: Turn, limited: Limited) -> None:
        """A refused request spends nothing."""
        if limited.reason in CONNECTION_LIMIT and turn.n_before >= SMALL:
            self._limit, self._is_settled = SMALL, True
        now = self._clock.monotonic()
        paused_until = self._pause[0] if self._pause else now
        until_s = now + (self._backoff_s(paused_until <= now) if limited.wait_s is None else limited.wait_s)
        if until_s >= paused_until:
            self._pause = (until_s, limited)

    def _backoff_s(self, is_new: bool) -> float:
        """Longer with each refusal in a row that names no time; those of one burst count once."""
        if not is_new:
            return 0.0
        self._strikes += 1
        low, high = BACKOFF_S
        return self._chance.uniform(low, min(high, low * 2**self._strikes))
