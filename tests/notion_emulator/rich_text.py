"""Rich text: the form clients write turned into the form Notion gives back, with its limits."""

from typing import Any

from tests.notion_emulator import dates, problems
from tests.notion_emulator.state import Json, RichText, Workspace

MOST_ITEMS = 100
MOST_CHARACTERS = 2000
MOST_EQUATION_CHARACTERS = 1000
STYLES = ("bold", "italic", "strikethrough", "underline", "code")
HUES = ("gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
COLORS = ("default", *HUES)
TEXT_COLORS = (*COLORS, "default_background", *(f"{hue}_background" for hue in HUES))
KINDS = ("text", "mention", "equation")
PLAIN: Json = {**dict.fromkeys(STYLES, False), "color": "default"}
"""Annotations of text without any."""


def length(text: str) -> int:
    """Characters as Notion counts them: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plain(items: RichText) -> str:
    """The text without its formatting."""
    return "".join(item.get("plain_text", "") for item in items)


def read_form(items: Any, place: str, ws: Workspace | None = None) -> RichText:
    """Write form to read form. Items of empty text vanish (assumed); `ws` resolves what is mentioned.

    Keys of the read form (`plain_text`, `href`, partial `annotations`) are let pass (observed: recorded).
    Raises for more than 100 items, 2,000 characters in a text or link, 1,000 in an equation.
    """
    if not isinstance(items, list):
        raise problems.should_be(place, "an array", items)
    if len(items) > MOST_ITEMS:
        raise problems.too_long(place, MOST_ITEMS, len(items))
    shown = [_item(item, f"{place}[{number}]", ws) for number, item in enumerate(items)]
    return [item for item in shown if item["type"] != "text" or item["plain_text"]]


def text(content: str, link: str | None = None) -> Json:
    """One item of plain text, in read form."""
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": _annotations({}, ""),
        "plain_text": content,
        "href": link,
    }


def _item(item: Any, place: str, ws: Workspace | None) -> Json:
    if not isinstance(item, dict):
        raise problems.should_be(place, "an object", item)
    kind = next((kind for kind in KINDS if item.get(kind) is not None), None)
    if kind is None:
        raise problems.fix_one([f"{place}.{kind}" for kind in KINDS])
    body = item[kind]
    if not isinstance(body, dict):
        raise problems.should_be(f"{place}.{kind}", "an object", body)
    shown = _SHOWN[kind](body, f"{place}.{kind}", ws)
    shown["annotations"] = _annotations(item.get("annotations") or {}, f"{place}.annotations")
    return {key: shown[key] for key in ("type", kind, "annotations", "plain_text", "href")}


def _text(body: Json, place: str, ws: Workspace | None) -> Json:
    content = _string(body, "content", place, MOST_CHARACTERS)
    link = body.get("link")
    url = None if link is None else _string(link, "url", f"{place}.link", MOST_CHARACTERS)
    return text(content, url)


def _equation(body: Json, place: str, ws: Workspace | None) -> Json:
    expression = _string(body, "expression", place, MOST_EQUATION_CHARACTERS)
    return {
        "type": "equation",
        "equation": {"expression": expression},
        "plain_text": expression,
        "href": None,
    }


def _string(body: Any, key: str, place: str, most: int) -> str:
    got = body.get(key, problems.UNDEFINED) if isinstance(body, dict) else problems.UNDEFINED
    if got is problems.UNDEFINED:
        raise problems.should_be(f"{place}.{key}", "defined")
    if not isinstance(got, str):
        raise problems.should_be(f"{place}.{key}", "a string", got)
    if 2 * len(got) > most and length(got) > most:
        raise problems.too_long(f"{place}.{key}", most, length(got))
    return got


def _annotations(given: Json, place: str) -> Json:
    if not given:
        return dict(PLAIN)
    color = given.get("color", "default")
    if color not in TEXT_COLORS:
        raise problems.should_be(f"{place}.color", ", ".join(f'`"{name}"`' for name in TEXT_COLORS), color)
    for style in STYLES:
        if not isinstance(given.get(style, False), bool):
            raise problems.should_be(f"{place}.{style}", "a boolean or `undefined`", given[style])
    return {**{style: given.get(style, False) for style in STYLES}, "color": color}


def _mention(body: Json, place: str, ws: Workspace | None) -> Json:
    """Mentions: of a user as a full user (observed: recorded), of the others documented, not observed."""
    kind = next((kind for kind in _MENTIONED if body.get(kind) is not None), None)
    if kind is None:
        raise problems.should_be(f"{place}.user", "defined")
    target, words, href = _MENTIONED[kind](body[kind], f"{place}.{kind}", ws)
    return {"type": "mention", "mention": {"type": kind, kind: target}, "plain_text": words, "href": href}


Mentioned = tuple[Json, str, str | None]


def _user(body: Json, place: str, ws: Workspace | None) -> Mentioned:
    user_id = _string(body, "id", place, MOST_CHARACTERS)
    if ws is None or user_id not in ws.users:
        return {"object": "user", "id": user_id}, "@Anonymous", None
    return full_user(ws, user_id), f"@{ws.users[user_id].name}", None


def _page(body: Json, place: str, ws: Workspace | None) -> Mentioned:
    page_id = _string(body, "id", place, MOST_CHARACTERS)
    page = ws.pages.get(page_id) if ws else None
    title = plain(page.properties.get("title", [])) if page else ""
    return {"id": page_id}, title or "Untitled", f"https://app.notion.com/p/{page_id.replace('-', '')}"


def _database(body: Json, place: str, ws: Workspace | None) -> Mentioned:
    database_id = _string(body, "id", place, MOST_CHARACTERS)
    database = ws.databases.get(database_id) if ws else None
    title = plain(database.title) if database else ""
    return (
        {"id": database_id},
        title or "Untitled",
        f"https://app.notion.com/p/{database_id.replace('-', '')}",
    )


def _date(body: Json, place: str, ws: Workspace | None) -> Mentioned:
    shown = dates.read_form(body, place)
    return shown, " \u2192 ".join(part for part in (shown["start"], shown["end"]) if part), None


def _template_mention(body: Json, place: str, ws: Workspace | None) -> Mentioned:
    kind = next((key for key in body if key != "type"), "template_mention_date")
    return {"type": kind, kind: body.get(kind)}, f"@{str(body.get(kind)).capitalize()}", None


def _custom_emoji(body: Json, place: str, ws: Workspace | None) -> Mentioned:
    emoji_id = _string(body, "id", place, MOST_CHARACTERS)
    known = next((one for one in ws.custom_emojis if one["id"] == emoji_id), {}) if ws else {}
    name, url = known.get("name", body.get("name", "")), known.get("url", body.get("url", ""))
    return {"id": emoji_id, "name": name, "url": url}, f":{name}:", None


def full_user(ws: Workspace, user_id: str) -> Json:
    """A user inside a property value or a mention: a bot's details are left out (observed: recorded)."""
    user = ws.users.get(user_id)
    if user is None:
        return {"object": "user", "id": user_id}
    return {
        "object": "user",
        "id": user.id,
        "name": user.name,
        "avatar_url": user.avatar_url,
        "type": user.type,
        user.type: {} if user.type == "bot" else user.details,
    }


_SHOWN = {"text": _text, "mention": _mention, "equation": _equation}
_MENTIONED = {
    "user": _user,
    "page": _page,
    "database": _database,
    "date": _date,
    "template_mention": _template_mention,
    "custom_emoji": _custom_emoji,
}
