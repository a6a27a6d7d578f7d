"""Time for the emulator: a clock that a test owns, or the machine's."""

import time
from datetime import UTC, datetime, timedelta

START = datetime(2026, 7, 4, 9, 8, 0, tzinfo=UTC)


class Clock:
    """A virtual clock: it moves when somebody sleeps on it or advances it, never by itself."""

    def __init__(self, start: datetime = START):
        self._start = start
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Wall time in UTC."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_s

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` pass at once."""
        self._elapsed_s += max(0.0, seconds)

    advance = sleep


class MachineClock(Clock):
    """The machine's own time, for the HTTP server."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    advance = sleep
