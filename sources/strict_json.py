"""JSON as this project accepts it from others: one object, no NaN, no key twice, no number that is not
exact.
"""

import json
import math
import re
from typing import Any

from schemas.errors import BadSource

MAX_EXACT_INT = 2**53
"""As in `schemas.evidence`, which would bring pydantic: `analyze` of a file has to start without it."""
MAX_JSONC_BYTES = 256 * 1024
"""json5 is written in Python and takes seconds a megabyte."""
MAX_DIGITS = 40
JSONC = "name a file with comments or trailing commas .jsonc"
JSON5_MESSAGE = re.compile(r"<string>:(?P<line>\d+) (?P<what>.+) at column (?P<column>\d+)", re.DOTALL)


class _Refused(ValueError):
    """Something valid in JSON that cannot be a fact here."""


def loads(text: bytes, where: str, *, jsonc: bool = False) -> dict[str, object]:
    """The object in `text`, with comments and trailing commas too when `jsonc`.

    Raises BadSource, naming line and column where they are known.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad(f"not UTF-8: byte 0x{text[error.start]:02x} at {error.start}", where) from None
    try:
        found = _jsonc(decoded, where) if jsonc else json.loads(decoded, **HOOKS)
        _check_text(found)
    except json.JSONDecodeError as error:
        raise _malformed(error, where) from None
    except RecursionError:
        raise _bad("nested too deep", where) from None
    except ValueError as error:
        raise _malformed_jsonc(str(error), where) from None
    if not isinstance(found, dict):
        raise _bad(f"want an object, got {_kind(found)}", where)
    return found


def _jsonc(text: str, where: str) -> object:
    import json5

    if len(text) > MAX_JSONC_BYTES:
        raise _bad(f"want at most {MAX_JSONC_BYTES} characters with comments, got {len(text)}", where)
    return json5.loads(text, **HOOKS)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _Refused(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _constant(text: str) -> object:
    raise _Refused(f"{text} is no number of JSON")


def _integer(text: str, base: int = 10) -> int:
    if base != 10:
        raise _Refused(f"want decimal integers, got {text[:MAX_DIGITS]}")
    if len(text) > MAX_DIGITS or abs(int(text)) > MAX_EXACT_INT:
        shown = text if len(text) <= MAX_DIGITS else f"{text[:12]}... of {len(text)} digits"
        raise _Refused(f"the integer {shown} is above 2^53 and not exact in a table")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"the number {text[:MAX_DIGITS]} is too large")
    return value


HOOKS: dict[str, Any] = {
    "object_pairs_hook": _object,
    "parse_constant": _constant,
    "parse_int": _integer,
    "parse_float": _float,
}


def _check_text(found: object) -> None:
    """Refuses lone surrogates, which cannot be stored or shown."""
    pending = [found]
    while pending:
        one = pending.pop()
        if isinstance(one, str) and not one.isascii() and any("\ud800" <= c <= "\udfff" for c in one):
            raise _Refused("a text holds half of a surrogate pair")
        if isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            pending += one


def _malformed(error: json.JSONDecodeError, where: str) -> BadSource:
    """A trailing comma is found here: Python 3.13 words it otherwise than 3.11, at another column."""
    text, position = error.doc, error.pos
    before = text[: position + 1].rstrip("]} \t\r\n")
    fix = None
    if before.endswith(",") and text[len(before) :].lstrip()[:1] in ("]", "}"):
        error, fix = json.JSONDecodeError("a comma before the closing bracket", text, len(before) - 1), JSONC
    elif text.startswith(("//", "/*"), position):
        fix = JSONC
    return _bad(f"not JSON: {error.msg.lower()}", f"{where}:{error.lineno}:{error.colno}", fix)


def _malformed_jsonc(message: str, where: str) -> BadSource:
    """json5 tells line and column within its message; what `HOOKS` refuse comes as a bare ValueError."""
    found = JSON5_MESSAGE.fullmatch(message)
    if found is None:
        return _bad(message, where)
    what = found["what"][:1].lower() + found["what"][1:]
    return _bad(f"not JSON with comments: {what}", f"{where}:{found['line']}:{found['column']}")


def _kind(found: object) -> str:
    return {list: "an array", str: "text", bool: "true or false", type(None): "null"}.get(
        type(found), "a number"
    )


def _bad(what: str, where: str, fix: str | None = None) -> BadSource:
    return BadSource(
        f"config: {what}", where=where, fix=fix or "mend the file, or take it from its source again"
    )
