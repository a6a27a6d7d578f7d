"""Data sources and their columns looked up: what both columns and pages build on."""

from functools import lru_cache
from urllib.parse import quote, unquote

from tests.notion_emulator import problems
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Page, Property, Workspace

UNTITLED = "New database"
"""What a database without a title is called (observed: recorded)."""
LENGTH_OF_ID = 4
"""Characters of a column's id; `title`, `verification` and `verification_owner` are longer."""


def of_page(ws: Workspace, page: Page) -> DataSource | None:
    """The data source that the page is a row of."""
    return ws.data_sources.get(page.parent.get("data_source_id", ""))


def shared_or_404(call: Call, data_source_id: str) -> DataSource:
    """The data source, unless it is absent or not shared."""
    source = call.ws.data_sources.get(data_source_id)
    if source is None or data_source_id in call.ws.unshared:
        raise problems.not_found("data_source", data_source_id, call.actor)
    return source


@lru_cache(maxsize=100_000)
def encoded(property_id: str) -> str:
    """An id as answers show it: URL-encoded (observed: recorded)."""
    return quote(property_id, safe="!~*'()")


def shown_id(prop: Property) -> str:
    """The column's id, URL-encoded."""
    return encoded(prop.id)


def find(ds: DataSource, name_or_id: str) -> Property | None:
    """The column with this name, or this id, URL-encoded or not."""
    found = ds.properties.get(name_or_id)
    for prop in ds.properties.values():
        if prop.name == name_or_id:
            return prop
        if encoded(prop.id) == name_or_id:
            found = prop
    return found or ds.properties.get(unquote(name_or_id))


def ordered(ds: DataSource) -> list[Property]:
    """Columns as answers show them: by decoded id, those with words for ids last (observed: recorded)."""
    return sorted(ds.properties.values(), key=lambda prop: (len(prop.id) > LENGTH_OF_ID, prop.id))


def new_id(ws: Workspace, ds: DataSource) -> str:
    """An id that no column of this data source has."""
    while (made := ws.ids.short()) in ds.properties:
        pass
    return made
