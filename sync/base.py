"""The base of a row: the last agreed values, kept in the row itself as one line of text.

    v1 d_ff@abcd=1f2e3d4c n_layers@%3AUPp=0a1b2c3d 9f8e7d6c

One `field@property=hash` each (hash: 8 hex digits of the canonical cell), then the CRC-32 of all that
precedes it. Property ids are percent-quoted. Fields that this version does not know are kept when the line is
written anew, so an older version on another host takes nothing away. A line that is damaged is no base: a
cell that differs is then a conflict, never overwritten.
"""

import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

VERSION = "v1"
_ENTRY = re.compile(r"(?<= )([^ @=]+)@([^ @=]*)=([0-9a-f]{8})(?= |$)")


class Agreed(NamedTuple):
    """The property a field was bound to when it was last written, and the hash of the value."""

    property_id: str
    hash: str


Base = Mapping[str, Agreed]


def parse_base(text: str | None) -> dict[str, Agreed] | None:
    """Field -> what was agreed, or None when the text is absent, damaged or of another version."""
    head, _, crc = (text or "").strip().rpartition(" ")
    version, *entries = head.split(" ")
    if version != VERSION or crc != _crc(head):
        return None
    found = _ENTRY.findall(head)
    if len(found) != len(entries):
        return None
    return {field: Agreed(_unquoted(property_id), agreed) for field, property_id, agreed in found}


def format_base(base: Base) -> str:
    """The text of a base. `parse_base` of it gives the same base."""
    entries = [f"{field}@{_quoted(agreed.property_id)}={agreed.hash}" for field, agreed in base.items()]
    head = " ".join([VERSION, *entries])
    return f"{head} {_crc(head)}"


def agreed_hash(base: Base | None, field: str, property_id: str) -> str | None:
    """The hash a field was last agreed at; None without a base, or when its column is another one by now."""
    agreed = base.get(field) if base else None
    return agreed.hash if agreed and agreed.property_id == property_id else None


@lru_cache(maxsize=1024)
def _quoted(property_id: str) -> str:
    return quote(property_id, safe="", errors="surrogatepass")


@lru_cache(maxsize=1024)
def _unquoted(text: str) -> str:
    return unquote(text, errors="surrogatepass")


def _crc(head: str) -> str:
    return f"{zlib.crc32(head.encode('utf-8', 'surrogatepass')):08x}"
