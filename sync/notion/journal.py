"""What this machine remembers of one table in Notion, and the creates it has begun.

Two files of one data source in the folder `notion`: `ID.json` is a cache (which page has which key, which
column is which field, how fast Notion may be asked), written whole and atomically; a damaged one counts as
empty. `ID.intents` has one checksummed line for each create before it is sent and one after: a create whose
answer was lost is known to the next run, whatever ended this one. No line on the disk, no request.
"""

import json
import os
import secrets
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.errors import GaveUp
from sync.files import write_atomically

FOLDER = "notion"
SOURCES = "databases.json"
_SOURCES = TypeAdapter(dict[str, str])


class Remembered(BaseModel):
    """The content of the state file. `pages`: key -> page id. `columns`: field -> (property id, name).

    `last_write`: when this machine last wrote. `bot`: the user id under which it wrote. `removed`: keys whose
    rows people removed and that were shown already. `bases`: case-folded key -> base, of a table without a
    column for it.
    """

    model_config = ConfigDict(extra="ignore")

    title: str | None = None
    url: str | None = None
    pages: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, tuple[str, str]] = Field(default_factory=dict)
    rate_limit: int | None = None
    last_write: AwareDatetime | None = None
    bot: str | None = None
    removed: set[str] = Field(default_factory=set)
    is_adopted: bool = False
    bases: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was begun. `page_id`: what Notion said it saved although its answer was an error."""

    id: str
    key: str
    sent_at: datetime
    page_id: str | None = None


class Journal:
    """Memory and intents of one data source. `warnings` says what of them could not be read or written."""

    def __init__(self, home: Path, data_source_id: str):
        self.path = home / FOLDER / f"{data_source_id}.json"
        self.intents_path = self.path.with_suffix(".intents")
        self.warnings: list[str] = []
        self.state = self._read_state()
        self._saved = self.state.model_copy(deep=True)
        self._lock = threading.Lock()
        self._is_torn = False
        self._open = self._read_intents()

    def save(self) -> None:
        """Writes the state if it changed.

        A disk that refuses it is a warning: nothing in it is irreplaceable.
        """
        if self.state == self._saved:
            return
        content = self.state.model_dump(mode="json")
        content["removed"] = sorted(content["removed"])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, json.dumps(content, indent=1) + "\n")
            self._saved = self.state.model_copy(deep=True)
        except OSError as error:
            self.warnings.append(f"journal: cannot write {self.path}: {error.strerror or error}")

    def open_intents(self) -> list[Intent]:
        """The creates whose fate is not known, oldest first."""
        with self._lock:
            return sorted(self._open.values(), key=lambda intent: intent.sent_at)

    def intend(self, key: str, sent_at: datetime) -> Intent:
        """Notes a create on the disk before it is sent.

        Raises GaveUp when the disk does not take the line.
        """
        intent = Intent(secrets.token_hex(6), key, sent_at)
        line = {"intent": intent.id, "key": key, "sent_at": sent_at.isoformat()}
        with self._lock:
            try:
                self._append(line, durable=True)
            except OSError as error:
                raise GaveUp(
                    f"journal: cannot note that {key} is to be created: {error.strerror or error}",
                    where=str(self.intents_path),
                    fix="make room or make it writable, then run again",
                ) from None
            self._open[intent.id] = intent
        return intent

    def committed(self, intent: Intent, page_id: str) -> None:
        """Notes the page that Notion says it saved, although it answered with an error."""
        with self._lock:
            self._open[intent.id] = replace(intent, page_id=page_id)
            self._note({"committed": intent.id, "page": page_id})

    def close(self, intent: Intent, page_id: str | None) -> None:
        """The fate of a create is known: the page it made, or None when nothing was saved."""
        with self._lock:
            self._open.pop(intent.id, None)
            self._note({"done": intent.id, "page": page_id})
            if page_id is not None:
                self.state.pages[intent.key] = page_id

    def forget(self, key: str) -> None:
        """Which page the key was on, so that a new row may be made for it."""
        with self._lock:
            self.state.pages.pop(key, None)
            self.state.removed.discard(key.casefold())
            if self.intents_path.exists():  # its lines would bring the page back
                self._note({"forgotten": key})

    def tidy(self) -> None:
        """Drops the lines of creates that are over. Only for the one run that holds the table's lock."""
        if self._open or not self.intents_path.exists():
            return
        self.save()
        if self.state == self._saved:
            self.intents_path.unlink(missing_ok=True)

    def _note(self, line: dict[str, Any]) -> None:
        """A line that the next run could do without: it would find the row itself."""
        try:
            self._append(line, durable=False)
        except OSError as error:
            self.warnings.append(f"journal: cannot write {self.intents_path}: {error.strerror or error}")

    def _append(self, line: dict[str, Any], *, durable: bool) -> None:
        is_new = not self.intents_path.exists()
        self.intents_path.parent.mkdir(parents=True, exist_ok=True)
        with self.intents_path.open("ab") as file:
            start, self._is_torn = (
                self._is_torn,
                True,
            )  # until the whole line is out, the last one may be half
            file.write(_checked(line, after_torn=start))
            file.flush()
            self._is_torn = False
            if durable:
                os.fsync(file.fileno())
        if is_new and durable:
            _sync_folder(self.intents_path.parent)

    def _read_state(self) -> Remembered:
        try:
            return Remembered.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValidationError):
            self.warnings.append(f"journal: {self.path} cannot be read and counts as empty")
            return Remembered()

    def _read_intents(self) -> dict[str, Intent]:
        found: dict[str, Intent] = {}
        for line in self._lines():
            try:
                self._follow(line, found)
            except (KeyError, ValueError, TypeError):
                self.warnings.append(
                    f"journal: a line of {self.intents_path} is of another version; left out"
                )
        return found

    def _follow(self, line: dict[str, Any], found: dict[str, Intent]) -> None:
        """What one line says of the creates before it."""
        if "intent" in line:
            sent_at = datetime.fromisoformat(line["sent_at"])
            found[line["intent"]] = Intent(line["intent"], line["key"], sent_at)
        elif "forgotten" in line:
            self.state.pages.pop(line["forgotten"], None)
        elif "committed" in line:
            found[line["committed"]] = replace(found[line["committed"]], page_id=line["page"])
        elif (intent := found.pop(line["done"], None)) and line["page"]:
            self.state.pages[intent.key] = line["page"]

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            content = self.intents_path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise GaveUp(
                f"journal: cannot read which creates are open: {error.strerror or error}",
                where=str(self.intents_path),
                fix="make it readable, then run again",
                wrote="nothing",
            ) from None
        self._is_torn = bool(content) and not content.endswith(b"\n")
        for text in content.splitlines():
            line = _unchecked(text)
            if line is None:
                self.warnings.append(f"journal: a damaged line of {self.intents_path} was left out")
            else:
                yield line


def source_of(home: Path, database_id: str) -> str | None:
    """The one data source of a database, as an earlier run found it."""
    return _sources(home).get(database_id)


def remember_source(home: Path, database_id: str, data_source_id: str) -> None:
    """Spares later runs the question. Raises OSError."""
    path = home / FOLDER / SOURCES
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({**_sources(home), database_id: data_source_id}, indent=1) + "\n")


def _sources(home: Path) -> dict[str, str]:
    try:
        return _SOURCES.validate_json((home / FOLDER / SOURCES).read_bytes())
    except (OSError, ValidationError):
        return {}


def _sync_folder(folder: Path) -> None:
    """Has the folder's entry for a new file on the disk, where the system can do that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _checked(line: dict[str, Any], *, after_torn: bool) -> bytes:
    """A line with its checksum; on a line of its own though a run died while writing the last one."""
    content = json.dumps(line).encode()
    start = b"\n" if after_torn else b""
    return start + b"%08x %s\n" % (zlib.crc32(content), content)


def _unchecked(line: bytes) -> dict[str, Any] | None:
    checksum, _, content = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(content):
        return None
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
