"""Which function answers which path, and what it is called with."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.notion_emulator.state import Json, Workspace


@dataclass(slots=True)
class Call:
    """One request that passed the gates. `ids`: path parameters, uuids with dashes; `actor`: who asks."""

    ws: Workspace
    method: str
    path: str
    ids: dict[str, str]
    query: list[tuple[str, str]]
    body: Json
    version: str
    actor: str
    now: datetime
    raw: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def says_archived(self) -> bool:
        """Whether this version shows `archived` beside `in_trash` (2025-09-03 does)."""
        return self.version < "2026-03-11"


Handler = Callable[[Call], Any]


class Route(NamedTuple):
    """One operation."""

    method: str
    pattern: re.Pattern[str]
    template: str
    handler: Handler


ROUTES: list[Route] = []
PLAIN_PARAMETERS = ("prop_id", "task_id")
"""Path parameters that are no uuids."""


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Registers the function for e.g. ("GET", "/v1/pages/{page_id}")."""
    pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + "$")

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, template, handler))
        ROUTES.sort(key=lambda one: one.template.count("{"))
        return handler

    return register
