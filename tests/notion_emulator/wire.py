"""What goes over the wire, whoever carries it: a socket or a call in the same process."""

from dataclasses import dataclass, field
from enum import StrEnum


class Delivery(StrEnum):
    """What the carrier does with an answer."""

    WHOLE = "whole"
    DROP = "drop"
    """The connection ends without one byte of answer."""
    CUT = "cut"
    """The connection ends in the middle of the body."""
    DRIP = "drip"
    """One byte per `seconds`."""
    HANG = "hang"
    """Nothing for `seconds`, then the answer; nothing for ever when `seconds` is None."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` is as sent (percent-encoded); header names are lower case."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, and how it gets to the client. Header names are lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delivery: Delivery = Delivery.WHOLE
    seconds: float | None = None
