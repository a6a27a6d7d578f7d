"""Replays recorded exchanges on the emulator: the same requests in order, the answers compared key by key.

Recorded ids stand for the emulator's and the other way round: the first time two ids meet in the same place
they are paired, and from then on they must meet again. Only these differ freely: ids not paired yet, times of
creation and edits (their form must agree), request ids, cursors, and ids in urls. `ultimate-notion` replaced
the host of urls before it published: there `www.notion.so/` and `app.notion.com/p/` are one.

What a cassette shows but did not make existed before: it is imported as the cassette first shows it. Three
inputs that answers tell but requests do not are taken from there too: the time, whether the token was a good
one (a 401), and how far search lags behind, for what is new as for what is in the trash. That lag is
`MOST_LAG_S` at most, and `Outcome.lag_s` says where one was taken: such a search witnesses form and order,
not when an index learns of a page. The answers are held to both witnesses of shape as well.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.notion.comparison import Comparison, Pairs
from tests.notion.prior import imported, prior_objects
from tests.notion.recordings import Cassette, Exchange, cassettes
from tests.notion.shapes import checked
from tests.notion_emulator.app import Emulator, Request
from tests.notion_emulator.clock import Clock
from tests.notion_emulator.recorded import time_of
from tests.notion_emulator.state import Workspace

TICK = timedelta(milliseconds=50)
TOKEN = "recorded"
MOST_LAG_S = 60.0
"""A search that shows less than its index would know a minute later is wrong, whatever was recorded."""
AREAS = ("databases", "data_sources", "pages", "views", "users", "search", "blocks")
TIMED = ("created_time", "last_edited_time")


class SetClock(Clock):
    """A clock that is set; it never goes back."""

    def __init__(self, start: datetime):
        super().__init__(start)

    def set(self, time: datetime) -> None:
        self.sleep((time - self.now()).total_seconds())


@dataclass(frozen=True)
class Outcome:
    """What came of one exchange. `read_back`: it shows only what was imported. `lag_s`: how far its search
    lagged behind, by the recorded answer.
    """

    cassette: str
    exchange: Exchange
    differences: tuple[str, ...]
    read_back: bool
    answer: Any
    lag_s: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.cassette}#{self.exchange.n}"

    @property
    def area(self) -> str:
        part = self.exchange.path.split("/")[2]
        return part if part in AREAS else "other"

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass
class Replay:
    """One cassette on an emulator of its own."""

    cassette: Cassette
    pairs: Pairs = field(default_factory=Pairs)
    written: bool = False

    def __post_init__(self) -> None:
        self.clock = SetClock(start_of(self.cassette))
        self.emulator = Emulator(clock=self.clock, token=TOKEN)
        self.checker = checked(self.emulator)
        self.prior = prior_objects(self.cassette)
        imported(self.emulator, self.cassette, self.prior, self.clock.now())
        self.pairs.seconds = self.prior.second_users
        for object_id in all_ids(self.emulator.ws) - self.pairs.seconds.keys():
            self.pairs.meet(object_id, object_id)

    def outcomes(self) -> Iterator[Outcome]:
        """Every exchange in order."""
        for exchange in self.cassette.exchanges:
            yield self.outcome(exchange)

    def outcome(self, exchange: Exchange) -> Outcome:
        """Sends one request and compares what comes back."""
        self._prepare(exchange)
        self.written = self.written or (exchange.status < 300 and self._writes(exchange))
        response = self.emulator.handle(self._request(exchange))
        answer = json.loads(response.body)
        comparison = Comparison(self.pairs, same_hosts=self.cassette.origin == "ultimate-notion")
        if response.status != exchange.status:
            said = answer.get("message", "")
            comparison.differences.append(f"status {exchange.status} became {response.status}: {said}")
        else:
            comparison.compare("", exchange.answer, answer)
        self.clock.sleep(answer.get("poll_after_seconds", 0))  # the recorded client waited as it was told
        differences = (*comparison.differences, *self.checker.errors)
        self.checker.errors.clear()
        lag_s = self.emulator.ws.knobs.search_lag_s if exchange.path == "/v1/search" else 0.0
        return Outcome(self.cassette.name, exchange, differences, not self.written, answer, lag_s)

    @staticmethod
    def _writes(exchange: Exchange) -> bool:
        reads = exchange.method == "GET" or exchange.path.endswith(("/query", "/search", "/queries"))
        return not reads

    def _request(self, exchange: Exchange) -> Request:
        headers = dict(exchange.headers)
        token = TOKEN if exchange.status != 401 else "another"
        headers["authorization"] = f"Bearer {token}"
        body = b"" if exchange.body is None else json.dumps(self.pairs.request(exchange.body)).encode()
        query = [(name, self.pairs.request(value)) for name, value in exchange.query]
        return Request(exchange.method, self.pairs.path(exchange.path), query, headers, body)

    def _prepare(self, exchange: Exchange) -> None:
        """Sets the clock, and for a search what its index has seen."""
        self.clock.set(self.clock.now() + TICK)
        if self._writes(exchange) and (time := time_in(exchange.answer)) is not None:
            self.clock.set(time)
        if exchange.path == "/v1/search":
            self._set_search_lag(exchange)
            self.emulator.ws.still_found -= set(self.prior.gone_before(exchange.n))

    def _set_search_lag(self, exchange: Exchange) -> None:
        """So long that what the recorded search had not found yet is not found yet."""
        shown = {self.pairs.there.get(one["id"], one["id"]) for one in exchange.answer["results"]}
        ws, now = self.emulator.ws, self.clock.now()
        nodes = [*ws.pages.values(), *ws.data_sources.values()]
        ages = {one.id: now - one.created_time for one in nodes if self.pairs.is_made(one.id)}
        hidden = [age for object_id, age in ages.items() if object_id not in shown]
        found = [age for object_id, age in ages.items() if object_id in shown]
        lag = min([max(hidden) + TICK, *found]) if hidden else timedelta()
        ws.knobs.search_lag_s = min(lag.total_seconds(), MOST_LAG_S)


def all_ids(ws: Workspace) -> set[str]:
    """Ids of everything in a workspace, and its own."""
    kinds = (ws.users, ws.pages, ws.databases, ws.data_sources, ws.blocks, ws.views)
    return {ws.id, *(object_id for kind in kinds for object_id in kind)}


def start_of(cassette: Cassette) -> datetime:
    """The time of the first write that tells one, or of the last edit anything shows."""
    for exchange in cassette.exchanges:
        if Replay._writes(exchange) and (time := time_in(exchange.answer)) is not None:
            return time
    times = [time for one in cassette.exchanges for time in all_times(one.answer)]
    return max(times, default=Clock().now()) + timedelta(minutes=1)


def time_in(answer: Any) -> datetime | None:
    """When the object of an answer was last edited."""
    if isinstance(answer, dict) and answer.get("object") != "list" and "last_edited_time" in answer:
        return time_of(answer["last_edited_time"])
    return None


def all_times(answer: Any) -> Iterator[datetime]:
    """Every time of creation or edit below an answer."""
    if isinstance(answer, list):
        for one in answer:
            yield from all_times(one)
    elif isinstance(answer, dict):
        for key, value in answer.items():
            if key in TIMED and isinstance(value, str):
                yield time_of(value)
            else:
                yield from all_times(value)


def replayed() -> list[Outcome]:
    """The outcomes of everything that was recorded."""
    return [outcome for cassette in cassettes() for outcome in Replay(cassette).outcomes()]
