"""The workspace's custom emojis: people upload them, the API lists them."""

from tests.notion_emulator import paging
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json


@route("GET", "/v1/custom_emojis")
def list_custom_emojis(call: Call) -> Json:
    """All, or those of exactly this name. No empty `custom_emoji` stands beside them.

    Observed (recorded by notion-sdk-py in a cassette that is not in `tests/data/notion`, so nothing is
    replayed).
    """
    name = dict(call.query).get("name")
    found = [emoji for emoji in call.ws.custom_emojis if name is None or emoji["name"] == name]
    part, next_cursor = paging.page_of(call, found, source="query")
    return {
        "object": "list",
        "type": "custom_emoji",
        "results": list(part),
        "has_more": next_cursor is not None,
        "next_cursor": next_cursor,
    }
