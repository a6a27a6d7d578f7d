"""Structural signatures: two bodies with the same signature pass or fail the same schemas.

A signature keeps what the schemas can see (keys, types, enum members, lengths around their limits, formats)
and forgets the rest, so most answers of a test run are recognised without validating them again.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

LENGTHS = ("minLength", "maxLength", "minItems", "maxItems")
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
OPEN_MAPS = ("properties", "quick_filters")
"""Objects whose keys are a user's own: only the shapes of their values count."""
UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")

MOST_KEPT = 50_000

Signature = Any


class Structure:
    """Signatures as fine as these schema documents can tell bodies apart."""

    def __init__(self, documents: list[Any]):
        self.words: set[str] = set()
        self.lengths: set[int] = {0, 1}
        self.bounds: set[float] = {0, 1}
        for document in documents:
            self._learn(document)
        self._lengths = sorted({edge for length in self.lengths for edge in (length, length + 1)})
        self._bounds = sorted(self.bounds)
        self._flat: dict[Any, tuple[Signature, Any]] = {}

    def _learn(self, schema: Any) -> None:
        if isinstance(schema, list):
            for one in schema:
                self._learn(one)
        if not isinstance(schema, dict):
            return
        for key, value in schema.items():
            if key in LENGTHS and isinstance(value, int):
                self.lengths.add(value)
            elif key in BOUNDS and isinstance(value, int | float):
                self.bounds.add(value)
            elif key in ("enum", "const"):
                members = value if isinstance(value, list) else [value]
                self.words.update(one for one in members if isinstance(one, str))
            self._learn(value)

    def reduced(self, body: Any, key: str = "") -> tuple[Signature, Any]:
        """The signature, and a smaller body with the same one: members that look alike are kept once."""
        if isinstance(body, dict):
            return self._reduced_flat(body, key)
        if isinstance(body, list):
            return self._reduced_list(body)
        return self._scalar(body), body

    def _reduced_flat(self, body: dict[str, Any], key: str) -> tuple[Signature, Any]:
        """Objects without further ones inside come often and alike: each is looked at once."""
        try:
            known = tuple(body.items()), tuple(map(type, body.values())), key in OPEN_MAPS
            found = self._flat.get(known)
        except TypeError:
            return self._reduced_object(body, key)
        if found is None:
            if len(self._flat) >= MOST_KEPT:
                self._flat.clear()
            found = self._flat[known] = self._reduced_object(body, key)
        return found

    def _reduced_object(self, body: dict[str, Any], key: str) -> tuple[Signature, Any]:
        parts = {name: self.reduced(value, name) for name, value in body.items()}
        if key in OPEN_MAPS:
            kept = {signature: name for name, (signature, _) in reversed(parts.items())}
            return frozenset(kept), {name: parts[name][1] for name in sorted(kept.values())}
        signature = frozenset((name, part[0]) for name, part in parts.items())
        return ("object", signature), {name: part[1] for name, part in parts.items()}

    def _reduced_list(self, body: list[Any]) -> tuple[Signature, Any]:
        parts = [self.reduced(value) for value in body]
        signature = ("list", self._length(len(body)), frozenset(part[0] for part in parts))
        if len(body) > 100:
            return signature, [part[1] for part in parts]
        return signature, list(dict(parts).values())

    def _scalar(self, value: Any) -> Signature:
        if isinstance(value, str):
            if value in self.words:
                return value
            return ("string", self._length(len(value)), form(value))
        if isinstance(value, bool) or value is None:
            return value
        whole = float(value).is_integer()
        return ("number", whole, *(bisect_right(self._bounds, value + side) for side in (0, -1e-9)))

    def _length(self, length: int) -> int:
        return bisect_right(self._lengths, length)


def form(value: str) -> str:
    """Which of the formats the schemas name a string has."""
    if UUID.fullmatch(value):
        return "uuid"
    return "time" if TIME.fullmatch(value) else ""


def members(schema: Any) -> Iterator[Any]:
    """Every object of a JSON document."""
    if isinstance(schema, list):
        for one in schema:
            yield from members(one)
    elif isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from members(value)
