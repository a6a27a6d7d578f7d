"""The last stop before the network: nothing leaves but what this project may send.

A request that is not in the tables below is a bug of ours: it raises AssertionError and is never sent.
Rows are only created in a data source and updated in columns we own; nothing is trashed, moved, locked or
deleted.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from sync.notion.wire import Network

ID = r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"
READS = (
    ("GET", "users/me"),
    ("GET", f"pages/{ID}"),
    ("GET", f"pages/{ID}/properties/[^/?#]+"),
    ("GET", f"databases/{ID}"),
    ("GET", f"data_sources/{ID}"),
    ("POST", f"data_sources/{ID}/query"),
    ("GET", "views"),
    ("GET", f"views/{ID}"),
    ("GET", f"blocks/{ID}/children"),
)
ROW_WRITES = (("POST", "pages"), ("PATCH", f"pages/{ID}"))
SCHEMA_WRITES = (
    ("POST", "databases"),
    ("PATCH", f"databases/{ID}"),
    ("PATCH", f"data_sources/{ID}"),
    ("POST", "views"),
    ("PATCH", f"views/{ID}"),
)
TRASHING = ("in_trash", "archived", "is_archived", "erase_content", "is_locked")


class OwnedOnly(httpx.BaseTransport):
    """Carries what may be sent to `inner` (the network unless given) and refuses the rest.

    Row writes may name no column before `own` was told which are ours.
    """

    def __init__(self, inner: httpx.BaseTransport | None = None):
        self._inner = inner or Network()
        self._owned: frozenset[str] = frozenset()
        self._schema_changes = 0

    def own(self, property_ids: Iterable[str]) -> None:
        """Sets the columns that row writes may name, by the ids they name them by."""
        self._owned = frozenset(property_ids)

    @contextmanager
    def schema_changes(self) -> Iterator[None]:
        """Lets databases, data sources and views be made and changed: for `init` and `doctor`."""
        self._schema_changes += 1
        try:
            yield
        finally:
            self._schema_changes -= 1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._check(request)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()

    def _check(self, request: httpx.Request) -> None:
        path = request.url.raw_path.decode("ascii").partition("?")[0].rpartition("/v1/")[2]
        if _is_in(READS, request.method, path):
            return
        named = f"{request.method} {path}"
        if _is_in(ROW_WRITES, request.method, path):
            self._check_row(named, _body(named, request))
        elif self._schema_changes and _is_in(SCHEMA_WRITES, request.method, path):
            _check_schema(named, _body(named, request))
        else:
            raise AssertionError(f"{named}: not a request of ours")

    def _check_row(self, named: str, body: Mapping[str, Any]) -> None:
        is_new = named.startswith("POST")
        allowed = {"parent", "properties"} if is_new else {"properties"}
        _refuse(named, body.keys() ^ allowed, "keys")
        parent = body.get("parent", {})
        if is_new and (not isinstance(parent, dict) or parent.keys() - {"type"} != {"data_source_id"}):
            raise AssertionError(f"{named}: a row belongs to a data source, not to {parent!r}")
        if not isinstance(body["properties"], dict):
            raise AssertionError(f"{named}: want an object of properties")
        _refuse(named, body["properties"].keys() - self._owned, "columns that are not ours")


def _check_schema(named: str, body: Mapping[str, Any]) -> None:
    """A schema may grow and be described; nothing in it is removed, and nothing moves."""
    _refuse(named, body.keys() & set(TRASHING), "keys")
    if named.startswith("PATCH"):
        _refuse(named, body.keys() & {"parent"}, "keys")
    columns = body.get("properties") or {}
    _refuse(named, {name for name, column in columns.items() if column is None}, "removed columns")


def _refuse(named: str, found: Iterable[str], what: str) -> None:
    if names := sorted(found):
        raise AssertionError(f"{named}: {what}: {', '.join(names)}")


def _body(named: str, request: httpx.Request) -> dict[str, Any]:
    found = json.loads(request.read() or b"null")
    if not isinstance(found, dict):
        raise AssertionError(f"{named}: want an object")
    return found


def _is_in(table: Iterable[tuple[str, str]], method: str, path: str) -> bool:
    return any(method == allowed and re.fullmatch(pattern, path) for allowed, pattern in table)
