"""Icons, covers and files: their write forms turned into what Notion gives back."""

import re
from datetime import timedelta
from typing import Any

from tests.notion_emulator import problems, rich_text
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import Json, normalised

OWN_ICON = re.compile(r"https://www\.notion\.so/icons/(?P<name>[a-z0-9-]+)_(?P<color>[a-z]+)\.svg\Z")
FILE_KINDS = ("external", "file_upload", "file")
ICON_KINDS = ("emoji", "external", "custom_emoji", "file_upload", "icon", "file")


def icon(call: Call, given: Any, place: str = "body.icon") -> Json | None:
    """The icon as shown; an address of one of Notion's own icons becomes its name and colour (recorded)."""
    if given is None:
        return None
    kind = _kind(given, ICON_KINDS, place)
    if kind == "emoji":
        return {"type": "emoji", "emoji": given["emoji"]}
    if kind == "icon":
        named = given["icon"]
        return {"type": "icon", "icon": {"name": named.get("name"), "color": named.get("color", "gray")}}
    if kind == "custom_emoji":
        return _custom_emoji(call, given["custom_emoji"], place)
    shown = file(call, given, place)
    own = OWN_ICON.match(shown.get("external", {}).get("url", ""))
    return {"type": "icon", "icon": own.groupdict()} if own else _unnamed(shown)


def cover(call: Call, given: Any, place: str = "body.cover") -> Json | None:
    """The cover as shown."""
    return None if given is None else _unnamed(file(call, given, place))


def file(call: Call, given: Any, place: str) -> Json:
    """A file: its address elsewhere, or where Notion keeps it for an hour (documented, not observed)."""
    kind = _kind(given, FILE_KINDS, place)
    body = given[kind]
    if kind == "file_upload":
        return _uploaded(call, body, f"{place}.file_upload")
    url = body.get("url", problems.UNDEFINED)
    if not isinstance(url, str):
        want = "defined" if url is problems.UNDEFINED else "a string"
        raise problems.should_be(f"{place}.{kind}.url", want, url)
    if rich_text.length(url) > rich_text.MOST_CHARACTERS:
        raise problems.too_long(f"{place}.{kind}.url", rich_text.MOST_CHARACTERS, rich_text.length(url))
    return {"type": kind, kind: dict(body)}


def _kind(given: Any, kinds: tuple[str, ...], place: str) -> str:
    if not isinstance(given, dict):
        raise problems.should_be(place, "an object or `null`", given)
    kind = next((kind for kind in kinds if given.get(kind) is not None), None)
    if kind is None:
        raise problems.fix_one([f"{place}.{kind}" for kind in kinds if kind != "file"])
    if kind != "emoji" and not isinstance(given[kind], dict):
        raise problems.should_be(f"{place}.{kind}", "an object", given[kind])
    return kind


def _unnamed(shown: Json) -> Json:
    return {key: value for key, value in shown.items() if key != "name"}


def _custom_emoji(call: Call, body: Json, place: str) -> Json:
    emoji_id = normalised(body.get("id", "")) or body.get("id")
    known = next((one for one in call.ws.custom_emojis if one["id"] == emoji_id), None)
    if known is None:
        raise problems.not_found("custom emoji", str(emoji_id), call.actor)
    shown = {key: known[key] for key in ("id", "name", "url")}
    return {"type": "custom_emoji", "custom_emoji": shown}


def _uploaded(call: Call, body: Json, place: str) -> Json:
    upload_id = normalised(body.get("id", "")) or ""
    upload = call.ws.file_uploads.get(upload_id)
    if upload is None:
        raise problems.not_found("file_upload", str(body.get("id")), call.actor)
    if upload.get("status") != "uploaded":
        raise problems.validation(f"File upload {upload_id} is not uploaded yet.")
    expires = (call.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    where = {"url": f"https://files.example.com/{upload_id}", "expiry_time": expires}
    return {"type": "file", "file": where, "name": upload.get("filename")}
