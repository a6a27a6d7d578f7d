"""Property values of pages: the stored form shown. `writes` has the way in.

Shown values are shared with the workspace: they are for encoding, never for changing.
"""

from collections.abc import Callable
from typing import Any

from tests.notion_emulator import formula_values, options, rich_text, rollups, tables
from tests.notion_emulator.state import Json, Page, Property, Workspace, seconds_cut

MOST_REFERENCES = 25
"""A page object shows this many references of a relation or people column (documented, not observed)."""


def rendered(ws: Workspace, page: Page, prop: Property) -> Json:
    """{"id", "type", <type>: value}, all of it; a relation with `has_more` false beside."""
    kind = prop.type
    shown = {"id": tables.encoded(prop.id), "type": kind, kind: _SHOWN[kind](ws, page, prop)}
    if kind == "relation":
        shown["has_more"] = False
    return shown


def cut(full: Json) -> Json:
    """The form of a page object: at most 25 references (documented, not observed: 2 at most are recorded).

    Mentions are not cut (observed: recorded, 50 were shown).
    """
    kind = full["type"]
    if kind not in ("relation", "people") or len(full[kind]) <= MOST_REFERENCES:
        return full
    short = {**full, kind: full[kind][:MOST_REFERENCES]}
    if kind == "relation":
        short["has_more"] = True
    return short


def _list(ws: Workspace, page: Page, prop: Property) -> Any:
    return page.properties.get(prop.id) or []


def _plain(ws: Workspace, page: Page, prop: Property) -> Any:
    return page.properties.get(prop.id)


def _checkbox(ws: Workspace, page: Page, prop: Property) -> bool:
    return bool(page.properties.get(prop.id))


def _select(ws: Workspace, page: Page, prop: Property) -> Json | None:
    option_id = page.properties.get(prop.id)
    return None if option_id is None else options.shown(prop, option_id)


def _status(ws: Workspace, page: Page, prop: Property) -> Json | None:
    """A status is never empty while there are options (documented)."""
    found = _select(ws, page, prop)
    return found or options.shown(prop, options.default_status(prop))


def _multi_select(ws: Workspace, page: Page, prop: Property) -> list[Json]:
    chosen = page.properties.get(prop.id)
    if not chosen:
        return []
    shown = [options.shown(prop, option_id) for option_id in chosen]
    return [option for option in shown if option is not None]


def _people(ws: Workspace, page: Page, prop: Property) -> list[Json]:
    return [rich_text.full_user(ws, user_id) for user_id in page.properties.get(prop.id) or ()]


def _relation(ws: Workspace, page: Page, prop: Property) -> list[Json]:
    return [{"id": page_id} for page_id in page.properties.get(prop.id) or ()]


def _button(ws: Workspace, page: Page, prop: Property) -> Json:
    return {}


def _unique_id(ws: Workspace, page: Page, prop: Property) -> Json:
    return {"prefix": prop.config.get("prefix"), "number": page.properties.get(prop.id)}


def _created_time(ws: Workspace, page: Page, prop: Property) -> str:
    return seconds_cut(page.created_time)


def _last_edited_time(ws: Workspace, page: Page, prop: Property) -> str:
    return seconds_cut(page.last_edited_time)


def _created_by(ws: Workspace, page: Page, prop: Property) -> Json:
    return rich_text.full_user(ws, page.created_by)


def _last_edited_by(ws: Workspace, page: Page, prop: Property) -> Json:
    return rich_text.full_user(ws, page.last_edited_by)


def _formula(ws: Workspace, page: Page, prop: Property) -> Json:
    return formula_values.shown(ws, page, prop.config["expression"])


def _rollup(ws: Workspace, page: Page, prop: Property) -> Json:
    return rollups.shown(ws, page, prop)


_SHOWN: dict[str, Callable[[Workspace, Page, Property], Any]] = {
    "title": _list,
    "rich_text": _list,
    "number": _plain,
    "select": _select,
    "status": _status,
    "multi_select": _multi_select,
    "date": _plain,
    "people": _people,
    "relation": _relation,
    "files": _list,
    "checkbox": _checkbox,
    "url": _plain,
    "email": _plain,
    "phone_number": _plain,
    "unique_id": _unique_id,
    "place": _plain,
    "verification": _plain,
    "button": _button,
    "created_time": _created_time,
    "created_by": _created_by,
    "last_edited_time": _last_edited_time,
    "last_edited_by": _last_edited_by,
    "formula": _formula,
    "rollup": _rollup,
}
