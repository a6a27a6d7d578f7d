"""One cell in Notion's forms: a property value to write, a property object as read.

The codec is that of the type a column really has, so a number may stand in a text column and still comes back
as the number it was. Sizes are counted as Notion counts them, in UTF-16 units.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.evidence import Scalar
from schemas.record import COLUMNS, Kind, field_type
from sync import cells
from sync.table import BASE, HUB

KEY = "key"
REPO = "huggingface_repo"
_HUB_ADDRESS = re.compile(r"https?://(www\.)?huggingface\.co/")

MAX_PIECE = 2_000
"""UTF-16 units of one rich text item."""
MAX_PIECES = 100
MAX_URL = 2_000
_MOST = {"title": MAX_PIECE * MAX_PIECES, "rich_text": MAX_PIECE * MAX_PIECES, "url": MAX_URL}
_TEXTS = frozenset({"title", "rich_text"})
_CHOICES = frozenset({"select", "status"})

TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.TITLE: ("title",),
    Kind.TEXT: ("rich_text", "url", "select", "email", "phone_number"),
    Kind.SELECT: ("select", "status", "rich_text"),
    Kind.NUMBER: ("number", "rich_text"),
    Kind.CHECKBOX: ("checkbox",),
}
"""What a column may be for each kind of field, the best type first."""

_MAX_STORED_INT = 2**63
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?(e[+-]?[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Property:
    """A column as the data source shows it. `options`: name in NFC -> option id, of a select or a status."""

    id: str
    name: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)


def kind_of(name: str) -> Kind:
    """What a field, or the base, holds."""
    return Kind.TEXT if name == BASE else COLUMNS[name].kind


def usable_types(name: str) -> tuple[str, ...]:
    """The column types a field may live in; key and base, which are compared whole, in text alone."""
    return ("rich_text",) if name in (KEY, BASE) else TYPES[kind_of(name)]


def utf16_units(text: str) -> int:
    """Length as Notion counts it."""
    return len(text) if text.isascii() else len(text) + sum(c > "\uffff" for c in text)


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most 2,000 UTF-16 units, cut between code points."""
    start = units = 0
    for i, c in enumerate(text):
        size = 2 if c > "\uffff" else 1
        if units + size > MAX_PIECE:
            yield text[start:i]
            start, units = i, 0
        units += size
    if start < len(text):
        yield text[start:]


def n_pieces(text: str) -> int:
    """How many rich text items the text takes."""
    return 1 if utf16_units(text) <= MAX_PIECE else sum(1 for _ in pieces(text))


def most_units(type_: str) -> int | None:
    """Longest text that a column of this type takes, in UTF-16 units; None where length does not matter."""
    return 200 if type_ in ("email", "phone_number") else _MOST.get(type_)


def nfc(text: str) -> str:
    """The form in which names of options are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def encode(name: str, value: Scalar, column: Property) -> dict[str, Any]:
    """The property value to send, `{type: ...}`. An option goes by its id, so that none is ever made.

    Raises ValueError for a value of another type than the field's, KeyError for an option that is not there:
    both are refused before a write.
    """
    stored = cells.encode(value, kind_of(name), whole=_is_whole(name))
    if column.type in ("number", "checkbox"):
        return {column.type: stored}
    text = stored_text(name, stored, column.type)
    if column.type in _TEXTS:
        return {column.type: [{"text": {"content": piece}} for piece in pieces(text)]}
    if column.type in _CHOICES:
        return {column.type: {"id": column.options[nfc(text)]} if text else None}
    return {column.type: text or None}


def stored_text(name: str, value: Scalar, type_: str) -> str:
    """A value as the text of a column: a number in full, a repository as its address in a url column."""
    text = value if isinstance(value, str) else repr(value)
    return HUB + text if name == REPO and type_ == "url" and text else text


def decode(name: str, shown: Mapping[str, Any]) -> Scalar | None:
    """What a property object of a page says; one that fits the field badly is its raw text."""
    type_ = shown.get("type")
    raw = shown.get(type_) if isinstance(type_, str) else None
    read = _READERS.get(str(type_), cells.raw_text)
    value = read(raw) if raw is not None else None
    if value is None or value == "":
        return None
    return _meant(name, value, str(type_))


def _meant(name: str, value: object, type_: str) -> Scalar:
    kind = kind_of(name)
    if kind is Kind.NUMBER:
        return _number(value, whole=_is_whole(name))
    if kind is Kind.CHECKBOX:
        return value if isinstance(value, bool) else cells.raw_text(value)
    text = cells.raw_text(value)
    return _HUB_ADDRESS.sub("", text, count=1) if name == REPO and type_ == "url" and _at_hub(text) else text


def _at_hub(text: str) -> bool:
    address = _HUB_ADDRESS.match(text)
    return address is not None and address.end() < len(text)


def _is_whole(name: str) -> bool:
    return name != BASE and field_type(name) is int


def _number(value: object, *, whole: bool) -> Scalar:
    if isinstance(value, str):
        return _written_number(value, whole=whole)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return cells.raw_text(value)
    return _exact(value, whole=whole)


def _written_number(text: str, *, whole: bool) -> Scalar:
    """A number in a text column. "128,256" or "7B" stays text: what a person meant is not guessed."""
    if _INTEGER.fullmatch(text):
        return _exact(int(text), whole=whole)
    return _exact(float(text), whole=whole) if _DECIMAL.fullmatch(text) else text


def _exact(value: float, *, whole: bool) -> Scalar:
    if isinstance(value, int):
        fits = -_MAX_STORED_INT < value < _MAX_STORED_INT
        return (value if whole else float(value)) if fits else cells.raw_text(value)
    if not math.isfinite(value):
        return cells.raw_text(value)
    is_integer = whole and abs(value) < _MAX_STORED_INT and value == int(value)
    return int(value) if is_integer else value


def plain_text(items: object) -> str:
    """A rich text array as the text people see."""
    if not isinstance(items, list):
        return cells.raw_text(items)
    return "".join(_plain(piece) for piece in items)


def _plain(piece: object) -> str:
    found = piece.get("plain_text") if isinstance(piece, Mapping) else None
    return found if isinstance(found, str) else ""


def _option_name(option: object) -> object:
    return option.get("name") if isinstance(option, Mapping) else option


def _as_it_is(raw: object) -> object:
    return raw


_READERS: Mapping[str, Callable[[Any], object]] = {
    "title": plain_text,
    "rich_text": plain_text,
    "select": _option_name,
    "status": _option_name,
    "number": _as_it_is,
    "checkbox": _as_it_is,
    "url": _as_it_is,
    "email": _as_it_is,
    "phone_number": _as_it_is,
}
