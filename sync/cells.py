"""One form of a cell for all comparisons: numbers as doubles, text in NFC, an unticked box is empty."""

import math
import unicodedata
import zlib
from collections.abc import Sequence
from decimal import Decimal

from schemas.evidence import MAX_EXACT_INT, Scalar
from schemas.record import Kind

EMPTY = ""
_MAX_STORED_INT = 2**63


def canonical(value: Scalar | None) -> str:
    """Text that is equal for cells that mean the same: 5 and 5.0, -0.0 and 0, an unticked box and no box."""
    if value is None or value is False or value == "":
        return EMPTY
    if value is True:
        return "b1"
    if isinstance(value, str):
        return "t" + (value if value.isascii() else unicodedata.normalize("NFC", value))
    return f"n{float(value) + 0.0!r}"  # + 0.0 turns -0.0 into 0.0


def same(left: Scalar | None, right: Scalar | None) -> bool:
    """Whether two cells mean the same."""
    return canonical(left) == canonical(right)


def is_empty(value: Scalar | None) -> bool:
    """Whether nothing would be lost by writing here. An unticked box is empty, a 0 is not."""
    return canonical(value) == EMPTY


def cell_hash(value: Scalar | None) -> str:
    """CRC-32 of the canonical form as 8 hex digits: what the base remembers of a cell."""
    return f"{zlib.crc32(canonical(value).encode('utf-8', 'surrogatepass')):08x}"


def unwritable(value: Scalar) -> str | None:
    """What is wanted instead of a value that no table can hold exactly; None for a good one."""
    if isinstance(value, str):
        return None if value.isascii() and "\0" not in value else _unwritable_text(value)
    if isinstance(value, float):
        return None if math.isfinite(value) else "a finite number"
    return None if -MAX_EXACT_INT <= value <= MAX_EXACT_INT else f"an integer up to 2^53 = {MAX_EXACT_INT}"


def all_writable(values: Sequence[Scalar]) -> bool:
    """A quick look at a whole row: false means that `unwritable` has to be asked for each value."""
    text = "".join([value for value in values if type(value) is str])
    numbers: list[float] = [value for value in values if type(value) is not str]  # type: ignore[misc]
    return (
        text.isascii() and "\0" not in text and sum(map(abs, numbers)) <= MAX_EXACT_INT
    )  # NaN is <= nothing


def _unwritable_text(value: str) -> str | None:
    bad = next((c for c in value if c == "\0" or "\ud800" <= c <= "\udfff"), None)
    return f"text without U+{ord(bad):04X}" if bad is not None else None


def encode(value: Scalar, kind: Kind, *, whole: bool = False) -> Scalar:
    """What is stored for a value. `whole`: the field is an integer.

    Raises ValueError for a value of another type: such a value is a bug, not a reading.
    """
    if kind is Kind.CHECKBOX:
        if type(value) is not bool:
            raise ValueError(f"want a bool for a checkbox, got {value!r}")
        return value
    if kind is Kind.NUMBER:
        if isinstance(value, bool | str) or (whole and value != int(value)):
            raise ValueError(f"want {'an integer' if whole else 'a number'}, got {value!r}")
        return int(value) if whole else float(value)
    if not isinstance(value, str):
        raise ValueError(f"want text, got {value!r}")
    return value


def decode(raw: object, kind: Kind, *, whole: bool = False) -> Scalar | None:
    """What a stored value means. People edit with any tool: what fits the column badly is its raw text."""
    if raw is None or raw == "":
        return None
    if kind is Kind.CHECKBOX:
        return bool(raw) if isinstance(raw, int) and raw in (0, 1) else raw_text(raw)
    if kind is Kind.NUMBER:
        return _number(raw, whole)
    return raw_text(raw)


def _number(raw: object, whole: bool) -> Scalar:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return raw_text(raw)
    if not math.isfinite(raw) or not -_MAX_STORED_INT < raw < _MAX_STORED_INT:
        return raw_text(raw)
    if isinstance(raw, int):
        return raw
    return int(raw) if whole and raw == int(raw) else float(raw)


def raw_text(raw: object) -> str:
    """Any stored value as text; bytes that are not UTF-8 are shown escaped."""
    if isinstance(raw, bytes | memoryview):
        return bytes(raw).decode("utf-8", "backslashreplace")
    return str(raw)
