"""What a page is filled with when it is made or changed: children, markdown, a template."""

from typing import Any

from tests.notion_emulator import blocks, problems, tables
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import Block, DataSource, Json, Page, normalised

SOURCES = ("children", "content", "markdown")
TEMPLATES = ("none", "default", "template_id")
POSITIONS = ("page_start", "page_end", "after_block")


def check(body: Json) -> None:
    """At most one source of content, and a template alone (documented; the texts are assumed)."""
    named = [name for name in SOURCES if body.get(name) is not None]
    if len(named) > 1:
        raise problems.should_be(f"body.{named[1]}", "not present", body[named[1]])
    if named and (body.get("template") or {"type": "none"}).get("type") != "none":
        raise problems.should_be(f"body.{named[0]}", "not present", body[named[0]])
    if body.get("markdown") is not None and not isinstance(body["markdown"], str):
        raise problems.should_be("body.markdown", "a string", body["markdown"])


def fill(call: Call, page: Page, body: Json) -> None:
    """Puts in what the request of a new page brings along."""
    _place(call, page, body.get("position"))
    children = body.get("children", body.get("content"))
    if children:
        blocks.append(call, page.id, children)
    if body.get("markdown"):
        from tests.notion_emulator import markdown  # needs blocks whole, which needs pages

        markdown.replace(call, page, body["markdown"])
    apply_template(call, page, body.get("template"))


def change(call: Call, page: Page, body: Json) -> None:
    """PATCH: erases the content, applies a template."""
    if body.get("erase_content"):
        blocks.erase(call, page)
    apply_template(call, page, body.get("template"))


def apply_template(call: Call, page: Page, given: Any) -> None:
    """Copies the template's content, and its values where the row has none (documented, not observed).

    Notion does it after it answered; here it is there at once.
    """
    if given is None:
        return
    if not isinstance(given, dict) or given.get("type") not in TEMPLATES:
        wanted = ", ".join(f'`"{name}"`' for name in TEMPLATES)
        got = given.get("type", problems.UNDEFINED) if isinstance(given, dict) else given
        raise problems.should_be("body.template.type", wanted, got)
    ds = tables.of_page(call.ws, page)
    template_id = _template_id(ds, given)
    template = call.ws.pages.get(template_id) if template_id else None
    if template is not None:
        for key, value in template.properties.items():
            if key != "title" and page.properties.get(key) in (None, []):
                page.properties[key] = value
        page.icon, page.cover = page.icon or template.icon, page.cover or template.cover
        _copy_blocks(call, template, page.id)


def _template_id(ds: DataSource | None, given: Json) -> str | None:
    if given["type"] == "none":
        return None
    templates = ds.templates if ds else []
    if given["type"] == "default":
        found = next((one for one in templates if one["is_default"]), None)
    else:
        wanted = normalised(str(given.get("template_id", "")))
        found = next((one for one in templates if one["id"] == wanted), None)
    if found is None:
        raise problems.validation("Template not found.")
    return str(found["id"])


def _copy_blocks(call: Call, template: Page, parent_id: str) -> None:
    for block in blocks.live(call.ws, template):
        if isinstance(block, Block):
            blocks.append(call, parent_id, [{"type": block.type, block.type: block.content}])


def _place(call: Call, page: Page, position: Any) -> None:
    """Where in the parent page the new page stands (documented, not observed)."""
    if position is None:
        return
    kind = position.get("type") if isinstance(position, dict) else None
    if kind not in POSITIONS:
        raise problems.should_be("body.position.type", ", ".join(f'`"{one}"`' for one in POSITIONS), kind)
    around = call.ws.pages.get(page.parent.get("page_id", ""))
    if around is None or kind == "page_end":
        return
    order = blocks.order(call.ws, around)
    after = normalised(str((position.get("after_block") or {}).get("id", "")))
    if kind == "after_block" and after not in order:
        raise problems.validation(f"Block to insert after is not a child of the parent: {after}")
    order.remove(page.id)
    order.insert(0 if kind == "page_start" else order.index(str(after)) + 1, page.id)
