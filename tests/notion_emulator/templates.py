"""GET /v1/data_sources/{data_source_id}/templates: the page templates of a data source."""

from tests.notion_emulator import data_sources, paging
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json


@route("GET", "/v1/data_sources/{data_source_id}/templates")
def list_templates(call: Call) -> Json:
    """Three keys and no list object (observed: recorded, empty); `name` finds part of one (documented)."""
    source = data_sources.shared_or_404(call, call.ids["data_source_id"])
    part = dict(call.query).get("name", "").casefold()
    found = [one for one in source.templates if part in one["name"].casefold()]
    shown, next_cursor = paging.page_of(call, found, source="query")
    return {
        "templates": [{name: one[name] for name in ("id", "name", "is_default")} for one in shown],
        "has_more": next_cursor is not None,
        "next_cursor": next_cursor,
    }
