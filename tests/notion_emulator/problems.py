"""Refusals of the API, with Notion's texts. Where a text was seen (recorded, live, reported) or is only
documented or assumed is said beside each function: `observed`, `documented`, `assumed`.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any


class Problem(Exception):
    """An answer that is not a success: status, code, message and, where there is any, additional data."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        additional: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.additional = additional
        self.headers = dict(headers or {})


def validation(message: str) -> Problem:
    """400 validation_error with this text."""
    return Problem(400, "validation_error", message)


def shown(value: object) -> str:
    """A value as Notion quotes it: JSON, or `undefined`."""
    return "`undefined`" if value is UNDEFINED else f"`{json.dumps(value, ensure_ascii=False)}`"


class _Undefined:
    pass


UNDEFINED = _Undefined()


def should_be(place: str, want: str, got: object = UNDEFINED, *, part: str = "body") -> Problem:
    """`body failed validation: body.x should be Y, instead was Z.` (observed: reported in public threads)."""
    return validation(f"{part} failed validation: {place} should be {want}, instead was {shown(got)}.")


def too_long(place: str, most: int, got: int, *, part: str = "body") -> Problem:
    """The text for arrays and strings past their limit (observed: reported in public threads)."""
    return validation(
        f"{part} failed validation: {place}.length should be \u2264 `{most}`, instead was `{got}`."
    )


def refuse_unknown(body: Mapping[str, Any], allowed: Collection[str], place: str = "body") -> None:
    """Raises for a field the operation does not have (observed: reported in public threads)."""
    for name, value in body.items():
        if name not in allowed:
            raise should_be(f"{place}.{name}", "not present", value)


def not_found(kind: str, object_id: str, integration_id: str) -> Problem:
    """404 for an object that is absent or not shared: the two cannot be told apart (observed: recorded)."""
    return Problem(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {object_id}. Make sure the relevant pages and databases are shared"
        " with your integration.",
        {"integration_id": integration_id},
    )


def fix_one(places: Collection[str], *, part: str = "body") -> Problem:
    """The text when none of several alternatives fits (observed: reported in public threads)."""
    lines = [f"{place} should be defined, instead was `undefined`." for place in places]
    return validation("\n".join([f"{part} failed validation. Fix one:", *lines]))
