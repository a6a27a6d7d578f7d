"""Values of a column that changes its type: kept where the new type has a counterpart (assumed)."""

from collections.abc import Callable
from typing import Any

from tests.notion_emulator import options, rich_text, values
from tests.notion_emulator.state import DataSource, Page, Property, Workspace

TEXTS = ("url", "email", "phone_number")


def convert(ws: Workspace, ds: DataSource, before: Property, after: Property) -> None:
    """Rewrites the column's value in every row."""
    for page_id in ws.rows.get(ds.id, ()):
        page = ws.pages[page_id]
        words = as_text(ws, page, before)
        page.properties.pop(after.id, None)
        value = _KEPT[after.type](ws, after, words) if words and after.type in _KEPT else None
        if value is not None:
            page.properties[after.id] = value


def as_text(ws: Workspace, page: Page, prop: Property) -> str:
    """A stored value in words; empty for what has none."""
    value: Any = page.properties.get(prop.id)
    if value is None:
        return ""
    if prop.type in ("title", "rich_text"):
        return rich_text.plain(value)
    if prop.type in (*options.TYPES, "people", "relation", "files"):
        return _names(values.rendered(ws, page, prop)[prop.type])
    if prop.type == "date":
        return str(value["start"])
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)


def _names(shown: Any) -> str:
    listed = shown if isinstance(shown, list) else [shown] if shown else []
    return ", ".join(str(one.get("name")) for one in listed if one.get("name"))


def _number(ws: Workspace, prop: Property, words: str) -> int | float | None:
    try:
        found = float(words)
    except ValueError:
        return None
    return int(found) if found.is_integer() else found


def _select(ws: Workspace, prop: Property, words: str) -> str:
    return options.pick(ws, prop, {"name": words.split(", ")[0].replace(",", "")}, prop.name)


def _multi_select(ws: Workspace, prop: Property, words: str) -> list[str]:
    names = dict.fromkeys(name.replace(",", "") for name in words.split(", ") if name)
    return [options.pick(ws, prop, {"name": name}, prop.name) for name in names]


_KEPT: dict[str, Callable[[Workspace, Property, str], Any]] = {
    "rich_text": lambda ws, prop, words: [rich_text.text(words[: rich_text.MOST_CHARACTERS])],
    "number": _number,
    "select": _select,
    "multi_select": _multi_select,
    **{kind: lambda ws, prop, words: words for kind in TEXTS},
}
