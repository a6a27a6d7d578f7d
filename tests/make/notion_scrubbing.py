"""What of a recorded conversation with Notion may be kept: nothing that tells who or where it was.

Headers are kept by name. In answers, users become stand-ins, counted in the order they appear, and the page
that the table was made on loses its title, its picture and whatever else stands on it. Ids of pages, tables,
columns and options stay: requests name them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

REQUEST_HEADERS = ("content-type", "notion-version")
RESPONSE_HEADERS = ("content-type", "date", "retry-after")
SIGNED = "https://example.com/signed"
_SIGNATURE = re.compile(r"https?://\S*(?:x-amz-|signature=|notion-static\.com|file\.notion\.so)\S*", re.I)
_EMAIL = re.compile(r"[\w.+-]+@(?!example\.com\b)[\w-]+(?:\.[\w-]+)+")
_CONNECTION = re.compile(r'integration "[^"]*"')
_HEX_ID = re.compile(r"([0-9a-f]{32})$")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORKSPACE = {"workspace_id": "00000000-0000-4000-8000-00000000ffff", "workspace_name": "Workspace"}
_NO_TITLE = {"title": {"id": "title", "type": "title", "title": []}}


class Scrubber:
    """Scrubs the answers of one recording. `parent`: id of the page the table is on; `title`: the table's."""

    def __init__(self, parent: str, title: str):
        self._parent = parent
        self._title = title
        self._stand_ins: dict[str, str] = {}

    def interactions(self, recorded: list[Json]) -> list[Json]:
        """The same requests and answers, scrubbed. Bodies of answers become compact JSON."""
        for one in recorded:
            self._answer(one["response"]["body"])
        for one in recorded:
            self._replace_ids(one["response"]["body"])
        return recorded

    def _answer(self, body: Json) -> None:
        try:
            found = json.loads(body["string"])
        except ValueError:
            body["string"] = self._text(body["string"])
            return
        body["string"] = json.dumps(self._kept(found), ensure_ascii=False, separators=(",", ":"))

    def _replace_ids(self, body: Json) -> None:
        """A user's id can also stand where nothing says that it is one, as in the details of an error."""
        body["string"] = _UUID.sub(lambda found: self._stand_ins.get(found[0], found[0]), body["string"])

    def _kept(self, node: Any, key: str = "") -> Any:
        if isinstance(node, dict):
            return {name: self._kept(value, name) for name, value in self._object(node).items()}
        if isinstance(node, list):
            return [self._kept(one) for one in node if self._is_ours(one)]
        if not isinstance(node, str):
            return node
        return _page_url(node) if key in ("url", "public_url") else self._text(node)

    def _object(self, node: Json) -> Json:
        node = {name: _WORKSPACE.get(name, value) for name, value in node.items()}
        if node.get("object") == "user":
            return self._user(node)
        if node.get("object") == "page" and node.get("id") == self._parent:
            return {**node, "properties": _NO_TITLE, "icon": None, "cover": None}
        return node

    def _user(self, user: Json) -> Json:
        real = user["id"]
        n = len(self._stand_ins) + 1
        stand_in = self._stand_ins.setdefault(real, f"00000000-0000-4000-8000-{n:012d}")
        number = int(stand_in[-12:])
        shown = {"id": stand_in, "name": f"User {number}", "avatar_url": None}
        kept = {name: shown.get(name, value) for name, value in user.items()}
        if "email" in kept.get("person", {}):
            kept["person"] = {**kept["person"], "email": f"user-{number}@example.com"}
        return kept

    def _is_ours(self, node: Any) -> bool:
        """Of what stands on the page, only the table of the recording is kept."""
        if not isinstance(node, dict) or node.get("object") != "block":
            return True
        return bool(node.get("child_database", {}).get("title") == self._title)

    def _text(self, text: str) -> str:
        text = _SIGNATURE.sub(SIGNED, text)
        return _EMAIL.sub("someone@example.com", _CONNECTION.sub('integration "Connection"', text))


def kept_headers(headers: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The headers of these names, in this order, whatever their case was."""
    given = {name.lower(): value for name, value in headers.items()}
    return {name: given[name] for name in names if name in given}


def suspicious(text: str) -> Iterator[str]:
    """What a cassette must not hold: names of secrets and of headers that identify, e-mails, signed links."""
    words = r"ntn_|secret_|bearer|cookie|authorization|user-agent|cf-ray|x-amz-"
    yield from (found[0] for found in re.finditer(words, text, re.I))
    yield from (found[0] for found in _EMAIL.finditer(text))


def _page_url(url: str) -> str:
    """The link without the title and the workspace that are written in it."""
    parts = urlsplit(url)
    found = _HEX_ID.search(parts.path.replace("-", ""))
    if not found or "notion." not in parts.netloc:
        return _SIGNATURE.sub(SIGNED, url)
    view = parse_qs(parts.query).get("v")
    return f"https://app.notion.com/p/{found[1]}" + (f"?v={view[0]}" if view else "")
