"""Rate limits: a budget per connection and one for the workspace, each per window of 60 seconds."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from math import ceil

from tests.notion_emulator.problems import Problem

WINDOW_S = 60
CONNECTION = "public_api_request_rate_limit"
SPACE = "public_api_space_request_rate_limit"


class RetryAfter(StrEnum):
    """What a refusal says about waiting."""

    SECONDS = "seconds"
    ABSENT = "absent"
    GARBAGE = "garbage"
    DATE = "date"


@dataclass(slots=True)
class Window:
    """A budget that may be spent in one burst. The window starts with its first request."""

    budget: int | None
    length_s: float = WINDOW_S
    started_s: float | None = None
    spent: int = 0

    def wait_s(self, now_s: float) -> int:
        """0 if there is budget left, else whole seconds until there is."""
        if self.budget is None:
            return 0
        if self.started_s is None or now_s >= self.started_s + self.length_s:
            self.started_s, self.spent = None, 0
        if self.spent < self.budget:
            return 0
        assert self.started_s is not None
        return max(1, ceil(self.started_s + self.length_s - now_s))

    def spend(self, now_s: float) -> None:
        """One request that was let through."""
        if self.started_s is None:
            self.started_s = now_s
        self.spent += 1


@dataclass(slots=True)
class Limiter:
    """`rate`: 180 per connection on Free and Plus, 600 on Business and Enterprise; None for no limit.

    Documented, not observed. The workspace's budget is not published. A refused request spends nothing
    (assumed).
    """

    rate: int | None = None
    workspace_rate: int | None = None
    retry_after: RetryAfter = RetryAfter.SECONDS
    connections: dict[str, Window] = field(default_factory=dict)
    workspace: Window = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = Window(self.workspace_rate)

    def pass_or_refuse(self, connection: str, now_s: float, now: datetime) -> None:
        """Spends one request of both budgets; raises 429 when either is empty."""
        window = self.connections.setdefault(connection, Window(self.rate))
        if wait_s := window.wait_s(now_s):
            raise limited(wait_s, now, CONNECTION, self.retry_after)
        if wait_s := self.workspace.wait_s(now_s):
            raise limited(wait_s, now, SPACE, self.retry_after)
        window.spend(now_s)
        self.workspace.spend(now_s)


def limited(
    wait_s: int, now: datetime, reason: str = CONNECTION, retry_after: RetryAfter = RetryAfter.SECONDS
) -> Problem:
    """429 (documented, not observed)."""
    message = "You have been rate limited. Please try again in a few minutes."
    additional = {"rate_limit_reason": reason, "retry_after": str(wait_s)}
    return Problem(429, "rate_limited", message, additional, _header(wait_s, now, retry_after))


def overloaded(wait_s: int, now: datetime, retry_after: RetryAfter = RetryAfter.SECONDS) -> Problem:
    """529 (documented, not observed; its message is assumed)."""
    message = "Notion is overloaded. Please try again later."
    additional = {"retry_after": str(wait_s)}
    return Problem(529, "service_overload", message, additional, _header(wait_s, now, retry_after))


def _header(wait_s: int, now: datetime, retry_after: RetryAfter) -> dict[str, str]:
    match retry_after:
        case RetryAfter.SECONDS:
            return {"retry-after": str(wait_s)}
        case RetryAfter.DATE:
            return {"retry-after": format_datetime(now + timedelta(seconds=wait_s), usegmt=True)}
        case RetryAfter.GARBAGE:
            return {"retry-after": "soon"}
        case RetryAfter.ABSENT:
            return {}
