"""GET of one property of a page: a single item, or a list of them."""

from typing import Any

from tests.notion_emulator import paging, values
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import Json, Page, Property

LISTED = ("title", "rich_text", "people", "relation")


def rendered(call: Call, page: Page, prop: Property) -> Json:
    """Title, rich text, people, relation and rollup as a list (title recorded), all others as one item."""
    full = values.rendered(call.ws, page, prop)
    if prop.type in LISTED:
        return _listing(call, page, full, full[prop.type], prop.type, {})
    if prop.type == "rollup":
        return _rollup(call, page, full)
    return {"object": "property_item", **full}


def _rollup(call: Call, page: Page, full: Json) -> Json:
    """The related cells as items beside the worked-out value (documented, not observed)."""
    cells = full["rollup"].get("array", [])
    return _listing(call, page, full, cells, "", {**full["rollup"], "array": []} if cells else full["rollup"])


def _listing(call: Call, page: Page, full: Json, parts: list[Any], kind: str, shown: Json) -> Json:
    def item(part: Any) -> Json:
        inside = {kind: part, "type": kind} if kind else part
        return {"object": "property_item", "id": full["id"], **inside}

    answer = paging.listing(call, parts, item, "property_item", source="query", key=f"{page.id}:{full['id']}")
    cursor = answer["next_cursor"]
    address = f"https://api.notion.com/v1/pages/{page.id}/properties/{full['id']}?start_cursor={cursor}"
    answer["property_item"] = {
        "id": full["id"],
        "next_url": address if cursor else None,
        "type": full["type"],
        full["type"]: shown,
    }
    return answer
