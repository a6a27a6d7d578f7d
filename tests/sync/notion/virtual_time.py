"""A clock that a test owns and several threads may use, and services that keep a budget by it."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Protocol

from sync.notion.gate import Gate, Limited

START = datetime(2026, 7, 4, 9, 8, tzinfo=UTC)
CONNECTION = "public_api_request_rate_limit"


class VirtualClock:
    """Moves when somebody sleeps; keeps each sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._elapsed_s = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        return self._elapsed_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self.slept.append(seconds)
            self._elapsed_s += seconds

    def pass_by(self, seconds: float) -> None:
        """Time that a service takes."""
        with self._lock:
            self._elapsed_s += seconds


class Window(Protocol):
    """How a service counts."""

    def wait_s(self, now: float) -> float:
        """0 when one more request is within the budget, which it then is part of."""


@dataclass
class FixedWindow:
    """60 seconds from the first request on, or from `phase_s` past a full minute."""

    budget: int
    phase_s: float | None = None
    began_s: float = -1e9
    spent: int = 0

    def wait_s(self, now: float) -> float:
        if now >= self.began_s + 60:
            self.began_s = now if self.phase_s is None else now - (now - self.phase_s) % 60
            self.spent = 0
        if self.spent >= self.budget:
            return self.began_s + 60 - now
        self.spent += 1
        return 0.0


@dataclass
class RollingWindow:
    """Any 60 seconds."""

    budget: int
    taken: deque[float] = field(default_factory=deque)

    def wait_s(self, now: float) -> float:
        while self.taken and self.taken[0] <= now - 60:
            self.taken.popleft()
        if len(self.taken) >= self.budget:
            return self.taken[0] + 60 - now
        self.taken.append(now)
        return 0.0


class Service:
    """Takes requests through a gate, each of which needs `latency_s`, half of it to get there."""

    def __init__(
        self, clock: VirtualClock, window: Window, *, latency_s: float = 0.05, reason: str = CONNECTION
    ):
        self.window = window
        self.refusals: list[float] = []
        self.taken: list[float] = []
        self.started: list[float] = []
        self.pauses: list[tuple[float, float]] = []
        self._clock = clock
        self._latency_s = latency_s
        self._reason = reason
        self._lock = threading.Lock()

    def ask(self, gate: Gate, deadline_s: float = 1e9) -> bool:
        """One request; whether it was taken."""
        with gate.turn(deadline_s) as turn:
            self.started.append(self._clock.monotonic())
            with self._lock:
                self._clock.pass_by(self._latency_s / 2)
                wait_s = self.window.wait_s(self._clock.monotonic())
                self._clock.pass_by(self._latency_s / 2)
                turn.is_answered = True
                if wait_s:
                    turn.limited = self._refuse(wait_s)
                else:
                    self.taken.append(self._clock.monotonic())
        return not wait_s

    def _refuse(self, wait_s: float) -> Limited:
        now = self._clock.monotonic()
        self.refusals.append(now)
        self.pauses.append((now, now + ceil(wait_s)))
        return Limited(ceil(wait_s), self._reason, "429 rate_limited: slow down (request id r)")

    def ask_all(self, gate: Gate, n: int, *, n_threads: int = 1) -> None:
        """`n` requests that are taken, however often they have to be asked."""
        left = iter(range(n))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    if next(left, None) is None:
                        return
                while not self.ask(gate):
                    pass

        threads = [threading.Thread(target=work) for _ in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def started_in_a_pause(self) -> list[float]:
        """Requests that started although the service had asked to wait."""
        return [at for at in self.started for since, until in self.pauses if since < at < until - 1e-6]
