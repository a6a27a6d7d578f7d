"""Where the Notion table is and what opens it: token, address, ids. The token shows itself to nobody.

Looked for, first one wins: the environment, the file named by NOTION_TOKEN_FILE, `notion_token` in systemd's
CREDENTIALS_DIRECTORY, `.env` in the working folder. An address in `.env` counts only beside a token in the
same file: a foreign folder must not send your token elsewhere.
"""

import json
import os
import re
import stat
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import BadSettings, NotAuthorised

TOKEN = "NOTION_TOKEN"
TOKEN_FILE = "NOTION_TOKEN_FILE"
BASE_URL = "NOTION_BASE_URL"
ID_NAMES = ("NOTION_DATA_SOURCE_ID", "NOTION_DATABASE_ID")
ENV_FILE = Path(".env")
REMEMBERED = "notion.json"
"""File in the data folder that `init` and `adopt` write: data_source_id, database_id, url, title."""
_ID_FORM = "a 32-digit id or a Notion link"
_FOLDER_NAMES = ("notion_token", "NOTION_TOKEN")


class Token:
    """A secret that only `reveal` gives away."""

    __slots__ = ("_text", "where")

    def __init__(self, text: str, where: str):
        self._text = text
        self.where = where

    def reveal(self) -> str:
        """The token itself, for the request header alone."""
        return self._text

    def __repr__(self) -> str:
        return f"Token(from {self.where})"


@dataclass(frozen=True, slots=True)
class Place:
    """A table in Notion: how to get in, and which one. `where` says what named the id."""

    token: Token | None
    base_url: str | None
    data_source_id: str | None
    database_id: str | None
    where: str
    warnings: tuple[str, ...] = field(default=())

    @property
    def has_id(self) -> bool:
        """Whether any setting names a table."""
        return bool(self.data_source_id or self.database_id)


def notion_place(home: Path, settings: Mapping[str, str]) -> Place:
    """Token and ids as the settings have them. `settings`: the `[notion]` table of registry.toml.

    Raises BadSettings for an id that is none, or a credential file that others can read.
    """
    environment, said = _environment()
    token, base_url = _token(environment)
    source, database, where = next(
        _ids(environment, settings, home),
        (None, None, "the environment, [notion] in registry.toml, notion.json"),
    )
    return Place(token, base_url, source, database, where, tuple(said))


def take_hub_token() -> None:
    """HF_TOKEN of `.env` into the environment, where huggingface_hub looks for it; one that is set stays."""
    token = _env_file().get("HF_TOKEN")
    if token and not os.environ.get("HF_TOKEN"):
        os.environ["HF_TOKEN"] = token


def need_token(place: Place) -> Token:
    """The token, or NotAuthorised: a table in Notion is never replaced by a local one."""
    if place.token is None:
        raise NotAuthorised(
            "notion: the table is in Notion and there is no token",
            where=place.where,
            fix=f"set {TOKEN}, or {TOKEN_FILE} to a file that holds it; for the local table say --to local",
            wrote="nothing",
        )
    return place.token


def object_id(text: str, where: str) -> str:
    """The dashed uuid in an id or a Notion link (the page's, not the view's after `?v=`).

    Raises BadSettings for anything else.
    """
    path = text.strip().partition("?")[0].partition("#")[0].rstrip("/")
    found = re.search(r"([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$", path)
    if not found:
        shown = text if len(text) <= 80 else f"{text[:60]}..."
        raise BadSettings(
            f"notion: want {_ID_FORM}, got {shown!r}", where=where, fix="copy the link of the page in Notion"
        )
    return str(uuid.UUID(found[1]))


def _environment() -> tuple[dict[str, str], list[str]]:
    """The environment with what `.env` adds to it, and what to say about that file."""
    mine = dict(os.environ)
    notions = {name: value for name, value in _env_file().items() if name.startswith("NOTION_")}
    added = {name: value for name, value in notions.items() if not mine.get(name)}
    if mine.get(TOKEN):
        added.pop(BASE_URL, None)
    said = []
    if TOKEN in added and _open_to_others(ENV_FILE):
        said.append(f"{ENV_FILE}: others on this machine can read the token in it: chmod 600 {ENV_FILE}")
    return {**mine, **added}, said


def _env_file() -> dict[str, str]:
    if not ENV_FILE.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        found = dotenv_values(ENV_FILE, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        fix = "make it readable UTF-8 text, one NAME=value a line"
        raise BadSettings(f"settings: cannot read {ENV_FILE}: {error}", fix=fix) from None
    return {name: value for name, value in found.items() if value}


def _token(environment: Mapping[str, str]) -> tuple[Token | None, str | None]:
    """The token and the address that goes with it. Space around a pasted token is taken off."""
    base_url = environment.get(BASE_URL) or None
    if text := environment.get(TOKEN, "").strip():
        return Token(text, TOKEN if os.environ.get(TOKEN) else str(ENV_FILE)), base_url
    path = _token_file(environment)
    if path is None:
        return None, base_url
    secret = _secret(path, named=bool(environment.get(TOKEN_FILE)))
    return Token(secret, str(path)), os.environ.get(BASE_URL) or None


def _token_file(environment: Mapping[str, str]) -> Path | None:
    if named := environment.get(TOKEN_FILE):
        return Path(named).expanduser()
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    candidates = [Path(folder) / name for name in _FOLDER_NAMES] if folder else []
    return next((path for path in candidates if path.is_file()), None)


def _secret(path: Path, *, named: bool) -> str:
    """The one line of a credential file. Raises BadSettings when it is missing, empty or, where a person
    named it, open to others: systemd keeps its folder to itself.
    """
    try:
        with path.open("rb") as file:
            text = file.read(4097).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        fix = "give it the token alone, readable by you"
        raise BadSettings(f"notion: cannot read the token file: {said}", where=str(path), fix=fix) from None
    if not text or len(text.split()) > 1 or len(text) > 4096:
        raise BadSettings(
            "notion: want the token alone in the token file",
            where=str(path),
            fix="write the token as its one line",
        )
    if named and _open_to_others(path):
        what = "notion: others on this machine can read the token file"
        raise BadSettings(what, where=str(path), fix=f"chmod 600 {path}", wrote="nothing")
    return text


def _open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


Ids = tuple[str | None, str | None, str]


def _ids(environment: Mapping[str, str], settings: Mapping[str, str], home: Path) -> Iterator[Ids]:
    """(data source id, database id, what named them), the surest place first."""
    remembered, user = home / REMEMBERED, Path.home() / ".config" / "notion" / "config.json"
    places: list[tuple[str, Mapping[str, Any]]] = [
        (
            "the environment",
            {name.removeprefix("NOTION_").lower(): environment.get(name) for name in ID_NAMES},
        ),
        ("[notion] in registry.toml", settings),
        (str(remembered), _json_file(remembered)),
        (str(user), _json_file(user)),
    ]
    for where, names in places:
        source, database = (_id_in(names, name, where) for name in ("data_source_id", "database_id"))
        if source or database:
            yield source, database, where


def _id_in(names: Mapping[str, Any], name: str, where: str) -> str | None:
    value = names.get(name)
    return object_id(str(value), f"{name} in {where}") if value else None


def _json_file(path: Path) -> Mapping[str, Any]:
    """A JSON object, or nothing where there is no file. Raises BadSettings for a damaged one."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        fix = "mend it, or take it away and name the table by NOTION_DATA_SOURCE_ID"
        raise BadSettings(f"notion: cannot read the ids: {error}", where=str(path), fix=fix) from None
    return found if isinstance(found, dict) else {}
