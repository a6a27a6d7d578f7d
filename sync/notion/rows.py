"""The rows of a data source: all of them, or an error.

A part of a table is never handed on: from a missing row a sync concludes that it has to be created. One query
gives 10,000 rows at most and says so in `request_status`; the rest is read in windows of `created_time`,
which Notion cuts to the minute, so windows overlap and rows are told apart by id.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.errors import GaveUp, NotAuthorised, Refused
from schemas.evidence import Scalar
from sync.notion.answers import UUID, Gone, Rejected
from sync.notion.api import Api
from sync.notion.cells import KEY, Property, decode, plain_text, usable_types
from sync.table import BASE, Row, Stranger

Json = dict[str, Any]
PAGE_SIZES = (100, 50, 25)
"""Rows asked for at once; fewer when Notion takes too long over them."""
MAX_READS = 3
MAX_PAGES = 10_000
MAX_SHOWN = 25
"""Rich text items that a page object shows at most (developers.notion.com, retrieve a page)."""
_TOO_SLOW = re.compile(r"(status )?50[34]\b|\w*Timeout\b")
"""How an error begins to tell of an answer that took Notion too long."""
_SORTS = [{"timestamp": "created_time", "direction": "ascending"}]
_TEXTS = ("title", "rich_text")


class _CursorRefused(Exception):
    """The read has to be begun again: the cursor it stood at is no longer accepted."""


class Reader:
    """Reads the rows of one data source. `title` names it in errors; `seen` is told how many were read."""

    def __init__(
        self, api: Api, data_source_id: str, title: str, seen: Callable[[int], None] = lambda _: None
    ):
        self._api = api
        self._seen = seen
        self._id = data_source_id
        self._title = title
        self._sizes = list(PAGE_SIZES)

    def all(self) -> dict[str, Json]:
        """Page id -> page, oldest minute first: every row that is neither trashed nor of another data source.

        Raises GaveUp when the read does not come to its end, Refused when Notion cannot show all rows.
        """
        for _ in range(MAX_READS):
            try:
                return self._windows()
            except _CursorRefused:
                continue
        raise self._gave_up(f"Notion refused its own cursor in {MAX_READS} reads")

    def locate(self, page_id: str) -> Json | None:
        """The page, asked for by its id; None where there is none. It may be trashed or moved."""
        if not UUID.fullmatch(page_id):
            return None
        try:
            return self._api.get(f"pages/{page_id}")
        except Gone:
            return None

    def is_row(self, page: Mapping[str, Any]) -> bool:
        """Whether this is a live row of the data source."""
        trashed = page.get("in_trash") or page.get("archived")
        return page.get("object") == "page" and not trashed and parent_source(page) == bare_id(self._id)

    def _windows(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        since: str | None = None
        while True:
            results, is_whole = self._pass(since)
            found |= {page["id"]: page for page in map(self._with_properties, results) if self.is_row(page)}
            if is_whole:
                return found
            last = max((page["created_time"] for page in results if "created_time" in page), default=None)
            if last is None or last == since:
                raise Refused(
                    f"{self._title}: Notion shows {len(found)} rows and no way to the others",
                    where=f"rows created at {last}" if last else None,
                    fix="move rows to another table, so that fewer of them were created in one minute",
                    wrote="nothing",
                )
            since = last

    def _pass(self, since: str | None) -> tuple[list[Json], bool]:
        """What one query shows, and whether that is all there is."""
        results: list[Json] = []
        cursors: set[str | None] = {None}
        cursor, is_whole = None, True
        while len(cursors) <= MAX_PAGES:
            answer = self._query(since, cursor)
            results += map(_slim, answer["results"])
            self._seen(len(results))
            is_whole = is_whole and (answer.get("request_status") or {}).get("type") != "incomplete"
            if not answer["has_more"]:
                return results, is_whole
            cursor = answer.get("next_cursor")
            if cursor in cursors:
                break
            cursors.add(cursor)
        raise self._gave_up(f"Notion says that there is more after {len(results)} rows and not where")

    def _query(self, since: str | None, cursor: str | None) -> Json:
        body: Json = {"page_size": self._sizes[0], "sorts": _SORTS}
        if since:
            body["filter"] = {"timestamp": "created_time", "created_time": {"on_or_after": since}}
        if cursor:
            body["start_cursor"] = cursor
        try:
            return self._api.query(self._id, body)
        except Rejected as refused:
            if cursor:
                raise _CursorRefused from None
            raise Refused(
                f"{self._title}: Notion refused the query: {refused.message}", wrote="nothing"
            ) from None
        except Gone:
            raise not_shared(self._title) from None
        except GaveUp as error:
            if len(self._sizes) == 1 or not _TOO_SLOW.match(error.where or ""):
                raise
            self._sizes.pop(0)
            return self._query(since, cursor)

    def _with_properties(self, page: Json) -> Json:
        """The page; one that came without its properties is asked for by id."""
        if page.get("object") != "page" or "properties" in page:
            return page
        whole = self.locate(page["id"])
        if whole is not None and "properties" not in whole:
            raise self._gave_up(f"Notion shows page {page['id']} without its properties")
        return whole or {}

    def completed(self, page: Json, columns: Iterable[Property]) -> Json:
        """The page with the whole text of these columns, where the page object shows only its beginning."""
        short = [shown for shown in _of(page, columns) if _is_cut(shown)]
        for shown in short:
            shown[shown["type"]] = list(self._items(page["id"], shown["id"], shown["type"]))
            shown.pop("has_more", None)
        return page

    def _items(self, page_id: str, property_id: str, type_: str) -> Iterator[Json]:
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            start = {"start_cursor": cursor} if cursor else {}
            answer = self._api.get(f"pages/{page_id}/properties/{property_id}", page_size=100, **start)
            yield from (one[type_] for one in answer["results"])
            if not answer["has_more"]:
                return
            cursor = answer.get("next_cursor")
            if not cursor or cursor in seen:
                raise self._gave_up(f"Notion says that page {page_id} has more text and not where")
            seen.add(cursor)

    def _gave_up(self, why: str) -> GaveUp:
        return GaveUp(f"{self._title}: the read is not complete: {why}", fix="run again", wrote="nothing")


def not_shared(title: str) -> NotAuthorised:
    """404 for the whole table: Notion answers alike for one that is gone and one that is not shared."""
    return NotAuthorised(
        f"{title}: Notion shows no such table to this connection",
        fix="share the table with the connection (... > Connections), or correct NOTION_DATA_SOURCE_ID",
        wrote="nothing",
    )


def bare_id(object_id: str) -> str:
    """An id without dashes, in which form two of them are compared."""
    return object_id.replace("-", "").lower()


def parent_source(page: Mapping[str, Any]) -> str | None:
    """The data source a page is a row of, None for a page that is none."""
    found = (page.get("parent") or {}).get("data_source_id")
    return bare_id(found) if found else None


def _of(page: Mapping[str, Any], columns: Iterable[Property]) -> Iterator[Json]:
    wanted = {column.id for column in columns}
    return (shown for shown in page["properties"].values() if shown["id"] in wanted)


def _is_cut(shown: Mapping[str, Any]) -> bool:
    if shown["type"] not in _TEXTS:
        return False
    return bool(shown.get("has_more")) or len(shown[shown["type"]] or ()) >= MAX_SHOWN


def _slim(page: Json) -> Json:
    """The page without what no one reads: of a text its plain text alone, where the page shows it whole.

    A row of 36 columns takes 18 KB this way, 27 KB as it comes, and a table may have tens of thousands.
    """
    for name in ("icon", "cover", "url", "public_url"):
        page.pop(name, None)
    for shown in page.get("properties", {}).values():
        if shown["type"] in _TEXTS and shown[shown["type"]] and not _is_cut(shown):
            shown[shown["type"]] = [{"plain_text": plain_text(shown[shown["type"]])}]
    return page


def base_texts(pages: Iterable[Mapping[str, Any]], column: Property) -> Iterator[str]:
    """The base of each page, as far as the page object shows it."""
    for page in pages:
        for shown in _of(page, [column]):
            yield plain_text(shown.get("rich_text") or [])


def row_of(page: Mapping[str, Any], columns: Mapping[str, Property]) -> Row:
    """The row of a page: the bound fields, and its base."""
    by_id = {shown["id"]: shown for shown in page["properties"].values()}
    found = {name: decode(name, by_id.get(column.id, {})) for name, column in columns.items()}
    base = found.pop(BASE, None)
    return Row(page["id"], found, None if base is None else str(base))


def stranger(column: Property, pages: Sequence[Json]) -> Stranger:
    """A column that no field is bound to, with its cells on these pages."""
    shown: list[tuple[str, Json]] = [
        (page["id"], next((one for one in page["properties"].values() if one["id"] == column.id), {}))
        for page in pages
    ]

    def cells(name: str) -> dict[str, Scalar | None] | None:
        if column.type not in usable_types(name):
            return None
        return {row_id: decode(name, value) for row_id, value in shown}

    return Stranger(column.id, column.name, cells)


@dataclass(frozen=True, slots=True)
class Keyed:
    """Rows under the keys they are known by. `pages`: key -> page id, of keys that stand on one row."""

    rows: list[Row]
    pages: Mapping[str, str]
    warnings: list[str] = field(default_factory=list)

    @property
    def keys(self) -> set[str]:
        """The case-folded keys of all rows."""
        return {str(row.cells[KEY]).casefold() for row in self.rows if row.cells.get(KEY) is not None}


def keyed(rows: Iterable[Row], known: Mapping[str, str]) -> Keyed:
    """Rows with the key of the page they stand on, though a person edited or cleared the key cell.

    `known`: key -> page id. A key that was cleared here and typed on another row has moved there.
    """
    rows = list(rows)
    carried = {str(row.cells.get(KEY)).casefold() for row in rows if row.cells.get(KEY) is not None}
    bound = {page_id: key for key, page_id in known.items()}
    found, warnings = [], []
    for row in rows:
        key, cell = bound.get(row.row_id), row.cells.get(KEY)
        is_edited = key is not None and KEY in row.cells and str(cell or "").casefold() != key.casefold()
        if is_edited and (cell or key.casefold() not in carried):  # type: ignore[union-attr]
            title = row.cells.get("model_name") or row.row_id
            warnings.append(f'row "{title}": its key was {key}, the cell says "{cell or ""}"; taken as {key}')
            row = replace(row, cells={**row.cells, KEY: key})
        found.append(row)
    return Keyed(found, _single(found), warnings)


def _single(rows: Iterable[Row]) -> dict[str, str]:
    with_key = [(str(row.cells[KEY]), row.row_id) for row in rows if row.cells.get(KEY) is not None]
    counts = Counter(key.casefold() for key, _ in with_key)
    return {key: row_id for key, row_id in with_key if counts[key.casefold()] == 1}
