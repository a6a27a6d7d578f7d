"""The recorded exchanges and the schemas of `tests/data/notion`, read once."""

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "notion"
ORIGINS = ("notion-sdk-py", "ultimate-notion")


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer; `n` is its place in the cassette."""

    n: int
    method: str
    path: str
    query: list[list[str]]
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any

    @property
    def version(self) -> str:
        return self.headers.get("notion-version", "2026-03-11")


@dataclass(frozen=True)
class Cassette:
    """The exchanges of one test of one origin, in order."""

    origin: str
    name: str
    exchanges: list[Exchange]


@cache
def cassettes() -> list[Cassette]:
    """Everything that was recorded."""
    return [
        Cassette(origin, line["name"], exchanges(line))
        for origin in ORIGINS
        for line in lines(f"{origin}.jsonl.xz")
    ]


def exchanges(line: dict[str, Any]) -> list[Exchange]:
    """The exchanges in one line of a recordings file."""
    found = []
    for one in line["interactions"]:
        request, response = one["request"], one["response"]
        method, path, query = request["method"], request["path"], request["query"]
        answer = response["status"], response["body"]
        found.append(Exchange(one["n"], method, path, query, request["headers"], request["body"], *answer))
    return found


@cache
def openapi() -> dict[str, Any]:
    """Notion's own OpenAPI document of 2026-03-15."""
    return next(lines("openapi-2026-03-15.json.xz"))


@cache
def sdk_schemas() -> dict[str, dict[str, Any]]:
    """Type name -> JSON schema, made from the types of the JavaScript SDK 5.26.0."""
    return {line["name"]: line["schema"] for line in lines("sdk-json-schema.jsonl.xz")}


def lines(name: str) -> Iterator[dict[str, Any]]:
    with lzma.open(DATA / name, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
