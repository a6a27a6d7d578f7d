"""What must be true of all requests and of the rows at the end: `assert not breaches(...)`."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import unquote

from tests.notion_emulator import rich_text, schema
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.log import Entry
from tests.notion_emulator.state import DataSource, Page

PAGE_WRITES = (("POST", "/v1/pages"), ("PATCH", "/v1/pages/{}"))
TRASH_FIELDS = ("in_trash", "archived", "is_archived", "erase_content")


def breaches(
    emulator: Emulator,
    *,
    owned: Collection[str],
    key: str | None = None,
    data_source_id: str | None = None,
    secrets: Collection[str] = (),
    texts: Iterable[str | bytes] = (),
) -> list[str]:
    """Every rule that was broken, in words.

    `owned`: names and ids of the columns a client may write. `key`: the column in which no two live rows of
    the data source may be equal. `secrets` may be in none of `texts` and in no path or body that was sent.
    """
    found = list(foreign_columns(emulator, owned))
    found += removed_columns(emulator)
    found += trashings(emulator)
    found += searches(emulator)
    found += impatience(emulator)
    found += leaks(emulator, secrets, texts)
    if key is not None and data_source_id is not None:
        found += twins(emulator, data_source_id, key)
    return found


def foreign_columns(emulator: Emulator, owned: Collection[str]) -> Iterator[str]:
    """Page writes that name a column which is not owned."""
    for entry in emulator.log:
        if (entry.method, entry.template) in PAGE_WRITES:
            for name in _properties(entry):
                if name not in owned and unquote(name) not in owned:
                    yield f"{_where(entry)} writes the column {name!r}"


def removed_columns(emulator: Emulator) -> Iterator[str]:
    """Schema writes that remove a column."""
    for entry in emulator.log.of("PATCH", "/v1/data_sources/{}"):
        for name, column in _properties(entry).items():
            if column is None:
                yield f"{_where(entry)} removes the column {name!r}"


def trashings(emulator: Emulator) -> Iterator[str]:
    """Requests that trash, restore, archive or empty something."""
    for entry in emulator.log:
        fields = [name for name in TRASH_FIELDS if name in _body(entry)]
        if fields and entry.kind == "write":
            yield f"{_where(entry)} sends {', '.join(fields)}"
        if entry.method == "DELETE" and entry.template == "/v1/blocks/{}":
            yield f"{_where(entry)} deletes"


def searches(emulator: Emulator) -> Iterator[str]:
    """Look-ups by search, which is fuzzy and lags."""
    for entry in emulator.log.of("POST", "/v1/search"):
        yield f"{_where(entry)} searches"


def impatience(emulator: Emulator) -> Iterator[str]:
    """Requests sent before the time that an earlier refusal of the same connection named in Retry-After."""
    wait_until: dict[str | None, float] = {}
    for entry in emulator.log:
        if entry.elapsed_s < wait_until.get(entry.connection, 0.0):
            yield f"{_where(entry)} comes before Retry-After is over"
        seconds = (entry.headers or {}).get("retry-after", "")
        if seconds.isdigit():
            until_s = entry.elapsed_s + int(seconds)
            wait_until[entry.connection] = max(until_s, wait_until.get(entry.connection, 0.0))


def leaks(emulator: Emulator, secrets: Collection[str], texts: Iterable[str | bytes]) -> Iterator[str]:
    """Secrets in a text, a path or a body."""
    shown = [
        (f"text {n}", text.encode() if isinstance(text, str) else text) for n, text in enumerate(texts, 1)
    ]
    shown += [(_where(entry), entry.path.encode() + entry.raw) for entry in emulator.log]
    for place, text in shown:
        if any(secret.encode() in text for secret in secrets):
            yield f"{place} shows a secret"


def twins(emulator: Emulator, data_source_id: str, key: str) -> Iterator[str]:
    """Keys that more than one live row has. A column that is gone has no keys."""
    ds = emulator.ws.data_sources[data_source_id]
    counts = Counter(key_of(ds, page, key) for page in live_rows(emulator, data_source_id))
    for value, n_rows in counts.items():
        if value and n_rows > 1:
            yield f"{n_rows} rows have the key {value!r}"


def live_rows(emulator: Emulator, data_source_id: str) -> list[Page]:
    """Rows that are neither in the trash nor archived."""
    pages = [emulator.ws.pages[row_id] for row_id in emulator.ws.rows.get(data_source_id, [])]
    return [page for page in pages if not page.in_trash and not page.is_archived]


def key_of(ds: DataSource, page: Page, key: str) -> str:
    """The text of a row's key cell; empty where there is none."""
    prop = schema.find(ds, key)
    value = None if prop is None else page.properties.get(prop.id)
    return rich_text.plain(value) if isinstance(value, list) else str("" if value is None else value)


def _body(entry: Entry) -> dict[str, object]:
    return entry.body if isinstance(entry.body, dict) else {}


def _properties(entry: Entry) -> dict[str, object]:
    given = _body(entry).get("properties")
    return given if isinstance(given, dict) else {}


def _where(entry: Entry) -> str:
    return f"request {entry.n}, {entry.method} {entry.path}"
