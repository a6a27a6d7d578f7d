"""The log of all requests, and counts over it."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.notion_emulator.wire import Delivery, Request, Response

READING_POSTS = ("/v1/search", "/v1/data_sources/{}/query", "/v1/views/{}/queries", "/v1/oauth/introspect")


@dataclass(slots=True)
class Entry:
    """One request. `template` has `{}` for each id; `connection` is a fingerprint of the token.

    `status` and `headers` are what the client got: None and {} when the connection was dropped.
    `true_answer` is what was carried out, whatever the client saw; None when nothing was (yet).
    """

    n: int
    method: str
    path: str
    template: str | None
    query: list[tuple[str, str]]
    raw: bytes
    time: datetime
    elapsed_s: float
    connection: str | None
    fault: str | None = None
    status: int | None = None
    headers: dict[str, str] | None = None
    true_answer: Response | None = None

    def answered(self, response: Response) -> None:
        """Notes what leaves for the client."""
        if response.delivery is not Delivery.DROP and response.status:
            self.status, self.headers = response.status, response.headers

    @property
    def kind(self) -> str:
        """`read` or `write`; queries and searches read although they are POSTs."""
        reads = self.method == "GET" or (self.method == "POST" and self.template in READING_POSTS)
        return "read" if reads else "write"

    @property
    def body(self) -> Any:
        """The JSON that was sent; None for what is none."""
        return _json(self.raw)

    @property
    def answer(self) -> Any:
        """The JSON of the true answer; None where there is none."""
        return None if self.true_answer is None else _json(self.true_answer.body)

    @property
    def carried_out(self) -> bool:
        """Whether it was done, by now."""
        return self.true_answer is not None and self.true_answer.status < 400


class Log:
    """Every request in the order of arrival, those that were dropped included."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def arrived(
        self,
        request: Request,
        template: str | None,
        time: datetime,
        elapsed_s: float,
        connection: str | None,
    ) -> Entry:
        """A new entry, without an answer yet."""
        entry = Entry(
            n=len(self.entries) + 1,
            method=request.method,
            path=request.path,
            template=template,
            query=list(request.query),
            raw=request.body,
            time=time,
            elapsed_s=elapsed_s,
            connection=connection,
        )
        self.entries.append(entry)
        return entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def clear(self) -> None:
        self.entries.clear()

    def of(self, method: str | None = None, template: str | None = None) -> list[Entry]:
        """Entries of one operation; the template's parameters may have any name."""
        wanted = None if template is None else bare(template)
        return [
            entry
            for entry in self.entries
            if (method is None or entry.method == method) and (wanted is None or entry.template == wanted)
        ]

    @property
    def reads(self) -> int:
        return sum(entry.kind == "read" for entry in self.entries)

    @property
    def writes(self) -> int:
        return sum(entry.kind == "write" for entry in self.entries)

    @property
    def limited(self) -> int:
        """How many were answered 429."""
        return sum(entry.status == 429 for entry in self.entries)

    def per_second(self) -> Counter[int]:
        """Second of the emulator's clock -> number of requests that came in it."""
        return Counter(int(entry.elapsed_s) for entry in self.entries)


def bare(template: str) -> str:
    """A template with the names of its parameters taken out."""
    return "/".join("{}" if part.startswith("{") else part for part in template.split("/"))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return None
