"""Block contents: what each type takes in a request and how it is given back.

Observed (recorded): paragraph, heading_1, child_page, child_database. The other types follow Notion's
published API definition: documented, not observed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.notion_emulator import problems, rich_text
from tests.notion_emulator.state import Json, Workspace

NEEDED = object()
"""The field must be in the request."""
OPTIONAL = object()
"""The field is given back only where it was written."""

_TEXT = {"rich_text": NEEDED, "color": "default"}
_HEADING = {"rich_text": NEEDED, "is_toggleable": False, "color": "default"}
_URL = {"caption": (), "url": NEEDED}
_MEDIA = {"caption": (), "type": OPTIONAL, "external": OPTIONAL, "file": OPTIONAL, "file_upload": OPTIONAL}
FIELDS: dict[str, dict[str, Any]] = {
    "embed": _URL,
    "bookmark": _URL,
    "image": _MEDIA,
    "video": _MEDIA,
    "pdf": _MEDIA,
    "file": {**_MEDIA, "name": OPTIONAL},
    "audio": _MEDIA,
    "code": {"caption": (), "rich_text": NEEDED, "language": NEEDED},
    "equation": {"expression": NEEDED},
    "divider": {},
    "breadcrumb": {},
    "tab": {},
    "table_of_contents": {"color": "default"},
    "link_to_page": {"type": OPTIONAL, "page_id": OPTIONAL, "database_id": OPTIONAL, "comment_id": OPTIONAL},
    "table_row": {"cells": NEEDED},
    "table": {"table_width": NEEDED, "has_column_header": False, "has_row_header": False},
    "column_list": {},
    "column": {"width_ratio": OPTIONAL},
    "heading_1": _HEADING,
    "heading_2": _HEADING,
    "heading_3": _HEADING,
    "heading_4": _HEADING,
    "paragraph": {"rich_text": NEEDED, "icon": None, "color": "default"},
    "bulleted_list_item": _TEXT,
    "numbered_list_item": {**_TEXT, "list_start_index": OPTIONAL, "list_format": OPTIONAL},
    "quote": _TEXT,
    "to_do": {"rich_text": NEEDED, "checked": False, "color": "default"},
    "toggle": _TEXT,
    "template": {"rich_text": NEEDED},
    "callout": {"rich_text": NEEDED, "icon": None, "color": "default"},
    "synced_block": {"synced_from": NEEDED},
}
MEDIA = frozenset({"image", "video", "pdf", "file", "audio"})
CHILDREN_NEEDED = frozenset({"table", "column_list", "column"})
PARENTS = CHILDREN_NEEDED | {
    "heading_1",
    "heading_2",
    "heading_3",
    "heading_4",
    "paragraph",
    "bulleted_list_item",
    "numbered_list_item",
    "quote",
    "to_do",
    "toggle",
    "template",
    "callout",
    "synced_block",
    "tab",
}
"""Types that may hold other blocks."""


class Limits(NamedTuple):
    """What one request may add. `levels`: of `children` below a block."""

    children: int = 100
    blocks: int = 1000
    levels: int = 2


def type_of(child: Any, place: str) -> str:
    """The type of a block in a request: said, or the one key that is a type.

    Raises the text that lists all alternatives for a block that is none of them (form observed, list
    assumed).
    """
    if not isinstance(child, Mapping):
        raise problems.should_be(place, "an object", child)
    found = [kind for kind in FIELDS if kind in child]
    said = child.get("type", found[0] if found else None)
    if len(found) != 1 or said != found[0]:
        if isinstance(said, str) and said in FIELDS and not found:
            raise problems.should_be(f"{place}.{said}", "defined")
        lines = [f"{place}.{kind} should be defined, instead was `undefined`." for kind in FIELDS]
        raise problems.validation("\n".join(["body failed validation. Fix one:", *lines]))
    problems.refuse_unknown(child, ("object", "type", found[0]), place)
    return found[0]


def read_form(kind: str, written: Any, place: str, ws: Workspace) -> Json:
    """The content under the type's name as Notion gives it back. `children` are not part of it."""
    if not isinstance(written, Mapping):
        raise problems.should_be(place, "an object", written)
    fields = FIELDS[kind]
    problems.refuse_unknown(written, (*fields, "children"), place)
    content: Json = {}
    for name, default in fields.items():
        if name in written:
            content[name] = _value(name, written[name], f"{place}.{name}", ws)
        elif default is NEEDED:
            raise problems.should_be(f"{place}.{name}", "defined")
        elif default is not OPTIONAL:
            content[name] = list(default) if default == () else default
    return _pointed(kind, content, place)


def merged(kind: str, content: Json, written: Any, place: str, ws: Workspace) -> Json:
    """The content after an update: fields that were not sent stay (documented, not observed)."""
    if not isinstance(written, Mapping):
        raise problems.should_be(place, "an object", written)
    if kind in MEDIA and {"external", "file_upload"} & set(written):
        content = {name: value for name, value in content.items() if name not in ("type", "file", "external")}
    return read_form(kind, {**content, **written}, place, ws)


BOOLEANS = ("checked", "is_toggleable", "has_column_header", "has_row_header")
TEXTS = (
    "language",
    "expression",
    "url",
    "name",
    "list_format",
    "page_id",
    "database_id",
    "comment_id",
    "type",
)
NUMBERS = ("table_width", "width_ratio", "list_start_index")
OBJECTS = ("external", "file", "file_upload", "icon", "synced_from")


def _value(name: str, value: Any, place: str, ws: Workspace) -> Any:
    if name in ("rich_text", "caption"):
        return rich_text.read_form(value, place, ws)
    if name == "cells":
        if not isinstance(value, list):
            raise problems.should_be(place, "an array", value)
        return [rich_text.read_form(cell, f"{place}[{n}]", ws) for n, cell in enumerate(value)]
    if name == "color" and value not in rich_text.TEXT_COLORS:
        raise problems.should_be(place, ", ".join(f'`"{one}"`' for one in rich_text.TEXT_COLORS), value)
    want = _wanted(name, value)
    if want is not None:
        raise problems.should_be(place, want, value)
    return value


def _wanted(name: str, value: Any) -> str | None:
    """What the value of a field should have been, or None where it is that."""
    if name in BOOLEANS and not isinstance(value, bool):
        return "a boolean or `undefined`"
    if name in TEXTS and not isinstance(value, str):
        return "a string"
    if name in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
        return "a number"
    if name in OBJECTS and not isinstance(value, dict) and not (name in OBJECTS[3:] and value is None):
        return "an object"
    return None


def _pointed(kind: str, content: Json, place: str) -> Json:
    """Files and links name their kind: `type`, then the object or id under it."""
    if kind == "link_to_page":
        return _one_of(content, ("page_id", "database_id", "comment_id"), place)
    if kind not in MEDIA:
        return content
    return _one_of(content, ("external", "file_upload", "file"), place)


def _one_of(content: Json, names: tuple[str, ...], place: str) -> Json:
    found = [name for name in names if name in content]
    if len(found) != 1:
        lines = [f"{place}.{name} should be defined, instead was `undefined`." for name in names[:2]]
        raise problems.validation("\n".join(["body failed validation. Fix one:", *lines]))
    rest = {name: value for name, value in content.items() if name not in ("type", *names)}
    return {**rest, "type": found[0], found[0]: content[found[0]]}
