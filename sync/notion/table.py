"""The table in Notion: a data source that people edit while we do."""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from schemas.errors import BadSettings, GaveUp, Refused, RegistryError
from sync.notion import layout
from sync.notion.answers import Conflicted, Gone, Rejected, Unanswered
from sync.notion.api import Api
from sync.notion.cells import KEY, Property, plain_text
from sync.notion.columns import OWNED, TITLE_FIELD, Binding, agreed_ids, bind, missing_columns, properties
from sync.notion.gate import Clock, MachineClock
from sync.notion.journal import Journal, remember_source, source_of
from sync.notion.quarantine import QUARANTINE, foreign_until
from sync.notion.rows import (
    PAGE_SIZES,
    Json,
    Keyed,
    Reader,
    bare_id,
    base_texts,
    keyed,
    not_shared,
    row_of,
    stranger,
)
from sync.notion.writes import Writer
from sync.table import BASE, Row, RowResult, RowWrite, Schema, Stranger, TableRef


class NotionTable:
    """One data source of Notion.

    `data_source_id`, or `database_id` of a database with one data source. `home`: folder of the journal.
    `columns`: field -> name or property id of the column a user pinned. `in_flight`: requests at once while
    writing. `reading` is told rows read, and in all as far as they are known.

    After `read`: `removed` holds the case-folded keys whose rows people removed, `warnings` what a person
    should know of columns and rows.
    """

    def __init__(
        self,
        api: Api,
        *,
        data_source_id: str | None,
        database_id: str | None = None,
        home: Path,
        columns: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        in_flight: int = 3,
        reading: Callable[[int, int], None] = lambda _, __: None,
    ):
        self._api = api
        self._reading = reading
        self._home = home
        self._pinned = dict(columns or {})
        self._clock = clock or MachineClock()
        self._in_flight = in_flight
        self._configured = data_source_id or database_id or ""
        self._source_id = source_of(home, bare_id(self._configured)) or data_source_id
        self._journal = Journal(home, bare_id(self._source_id)) if self._source_id else None
        self._there: dict[str, Property] | None = None
        self._binding: Binding | None = None
        self._live: set[str] = set()
        self._foreign_until: datetime | None = None
        self._parent_id: str | None = None
        self._told: dict[str, None] = {}
        self._waited_s = 0.0
        self.removed: frozenset[str] = frozenset()
        if self._journal and self._journal.state.rate_limit:
            api.gate.limit = self._journal.state.rate_limit

    @property
    def ref(self) -> TableRef:
        title = self._journal.state.title if self._journal else None
        known = self._source_id or self._configured
        return TableRef("notion", known, title or f"Notion data source {known}")

    @property
    def requests(self) -> Mapping[str, float]:
        sent = self._api.requests
        return {**sent, "waited_s": sent["waited_s"] + self._waited_s}

    @property
    def source_id(self) -> str | None:
        """Id of the data source, as far as it is known."""
        return self._source_id

    @property
    def url(self) -> str | None:
        """Where people see the table, as far as it was read before."""
        return self._journal.state.url if self._journal else None

    @property
    def warnings(self) -> list[str]:
        """What a person should know: of columns, of rows that were removed, of a damaged journal."""
        told = missing_columns(self.ref.title, self._binding.missing if self._binding else [])
        return [*told, *self._told, *(self._journal.warnings if self._journal else ())]

    def schema(self) -> Schema:
        """The columns as the last read found them; without one they are asked for."""
        return self._bound().schema(self.ref.title)

    def read(self) -> list[Row]:
        """Every row, oldest first.

        Raises what `Reader.all` raises, and Refused for a table in the trash or a read that Notion refuses.
        """
        try:
            return self._read()
        except Rejected as no:
            what = f"{self.ref.title}: Notion refused the read: {no.message}"
            raise Refused(what, fix="registry doctor looks at the table", wrote="nothing") from None
        except RegistryError as error:
            error.wrote = error.wrote or "nothing"
            raise

    def _read(self) -> list[Row]:
        self._ask_columns()
        journal, reader = self._opened(), self._reader()
        asked_at = self._clock.now()
        pages = reader.all()
        self._reading(len(pages), len(pages))
        binding = self._bind(pages.values())
        self._check_not_empty(pages)
        self._settle_committed(pages)
        absent = self._fetch_absent(pages)
        rows = [self._row(page, binding) for page in pages.values()]
        self._foreign_until = foreign_until(pages.values(), rows, journal.state, self._clock.now())
        found = keyed(rows, journal.state.pages)
        self._settle_intents(found, asked_at)
        self._note_removed(absent, found)
        self._tell(found.warnings)
        _learn(journal.state.pages, found.pages)
        self._live = found.keys
        self._save()
        return found.rows if BASE in binding.columns else [self._with_own_base(row) for row in found.rows]

    def _with_own_base(self, row: Row) -> Row:
        """The row with the base that this machine keeps, as the table has no column for it."""
        return replace(row, base=self._opened().state.bases.get(str(row.cells.get(KEY)).casefold()))

    def settle_s(self) -> float:
        """Seconds until a read can prove that a row is not there; 0 when the last one could.

        A create may still be carried out, or not be seen yet, for 210 s after it was sent: our own whose
        answer was lost, or another machine's.
        """
        now = self._clock.now()
        until = [intent.sent_at + QUARANTINE for intent in self._opened().open_intents()]
        until += [self._foreign_until] if self._foreign_until else []
        return max(0.0, max(((moment - now).total_seconds() for moment in until), default=0.0))

    def wait(self, seconds: float) -> None:
        """Lets that time pass, counted among what was waited."""
        self._clock.sleep(seconds)
        self._waited_s += seconds

    def write(self, batch: Sequence[RowWrite], done: Callable[[int], None]) -> list[RowResult]:
        """Updates and creates rows, at most `in_flight` requests at a time.

        Raises NotAuthorised and GaveUp, saying how many rows were written, when the requests in flight are
        over.
        """
        columns, journal = self._bound().columns, self._opened()
        source = str(self._source_id)
        writer = Writer(
            self._api, self._reader(), journal, columns, source, self._live, self._clock, self._check_database
        )
        journal.tidy()
        try:
            return writer.run(batch, done, self._in_flight)
        finally:
            self._save()

    def close(self) -> None:
        """Closes its connections."""
        self._api.close()

    def make_again(self, keys: Collection[str]) -> list[str]:
        """Forgets that people removed the rows of these keys; gives those it was so for."""
        journal = self._opened()
        wanted = {key.casefold() for key in keys} & journal.state.removed
        found = [key for key in journal.state.pages if key.casefold() in wanted]
        for key in found:
            journal.forget(key)
        self.removed -= wanted
        self._save()
        return found

    def lacking(self) -> list[str]:
        """Names of the columns for key and base, as far as the table lacks them."""
        return [OWNED[name].name for name in (KEY, BASE) if name not in self._bound().columns]

    def add_lacking(self) -> None:
        """Adds the columns for key and base. Raises GaveUp when they are not there afterwards."""
        names = [name for name in (KEY, BASE) if name not in self._bound().columns]
        with self._api.guard.schema_changes():
            try:
                self._api.patch(f"data_sources/{self._source_id}", {"properties": layout.columns(names, {})})
            except (Unanswered, Conflicted):  # the next reading tells
                self._api.gate.rest(1)
            except Rejected as no:
                fix = "add them in Notion, as columns of type text"
                what = (
                    f"{self.ref.title}: Notion refused the columns {', '.join(self.lacking())}: {no.message}"
                )
                raise Refused(what, fix=fix, wrote="nothing") from None
        self._ask_columns()
        self._bind([])
        if self.lacking():
            what = f"{self.ref.title}: the columns {', '.join(self.lacking())} were sent and are not there"
            raise GaveUp(what, fix="run again", wrote="nothing")

    def strangers(self) -> list[Stranger]:
        """The columns that no field is bound to. Reads the rows once more."""
        pages = list(self._reader().all().values())
        known, there = self._bound().ids, self._there or {}
        return [stranger(column, pages) for column in there.values() if column.id not in known]

    def bind(self, field: str, property_id: str, *, remember: bool) -> None:
        """Binds a field to a column for this run, or from here on: bases of rows written tell other
        machines.
        """
        column = (self._there or {})[property_id]
        self._opened().state.columns[field] = (column.id, column.name)
        self._bind([])
        if remember:
            self._save()

    def identify(self) -> None:
        """Finds out which data source the configured database has, where no earlier run did."""
        if self._source_id is None:
            self._use(self._only_source(self._configured))

    @property
    def is_adopted(self) -> bool:
        """Whether people chose its rows before this machine wrote to it."""
        return self._journal is not None and self._journal.state.is_adopted

    @property
    def missing(self) -> list[str]:
        """Names of the owned columns that are not there."""
        return self._bound().missing

    def note_adopted(self) -> None:
        """Keeps that people chose its rows."""
        self._opened().state.is_adopted = True
        self._save()

    def _bound(self) -> Binding:
        if self._binding is None:
            self._ask_columns()
            return self._bind([])
        return self._binding

    def _opened(self) -> Journal:
        if self._journal is None:
            self._ask_columns()
        assert self._journal is not None
        return self._journal

    def _reader(self) -> Reader:
        return Reader(self._api, str(self._source_id), self.ref.title, self._seen)

    def _seen(self, n: int) -> None:
        """A full page was read: there may be more rows than this machine knows."""
        if n >= PAGE_SIZES[0]:
            self._reading(n, max(n + 1, len(self._opened().state.pages)))

    def _ask_columns(self) -> None:
        """One request: the data source, its title and its columns."""
        found = self._data_source()
        if found.get("in_trash") or found.get("archived"):
            raise self._trashed()
        self._parent_id = (found.get("parent") or {}).get("database_id")
        self._there = properties(found)
        state = self._opened().state
        state.title = plain_text(found.get("title") or []) or state.title
        state.url = found.get("url") or state.url

    def _check_database(self) -> None:
        """Raises Refused when the database lies in the trash: its data source may not say so."""
        if self._parent_id is None:
            return
        try:
            found = self._api.get(f"databases/{self._parent_id}")
        except (Gone, Rejected):
            return
        if found.get("in_trash") or found.get("archived"):
            raise self._trashed()

    def _trashed(self) -> Refused:
        fix = "restore it in Notion, or give another NOTION_DATA_SOURCE_ID"
        return Refused(f"{self.ref.title}: the table is in Notion's trash", fix=fix)

    def _data_source(self) -> Json:
        """The data source; where the id is that of a database, its only one."""
        if self._source_id is None:
            self._use(self._only_source(self._configured))
        try:
            return self._api.get(f"data_sources/{self._source_id}")
        except Gone:
            if self._source_id != self._configured:
                raise not_shared(self.ref.title) from None
        self._use(self._only_source(self._configured))
        return self._api.get(f"data_sources/{self._source_id}")

    def _use(self, source_id: str) -> None:
        self._source_id = source_id
        self._journal = Journal(self._home, bare_id(source_id))
        try:
            remember_source(self._home, bare_id(self._configured), source_id)
        except OSError as error:
            self._journal.warnings.append(f"journal: cannot write in {self._home}: {error.strerror or error}")

    def _only_source(self, database_id: str) -> str:
        try:
            database = self._api.get(f"databases/{database_id}")
        except (Gone, Rejected):
            raise not_shared(self.ref.title) from None
        sources = database["data_sources"]
        if len(sources) == 1:
            return str(sources[0]["id"])
        names = ", ".join(f'{source["id"]} "{source["name"]}"' for source in sources) or "none"
        raise BadSettings(
            f"want a database with one data source, got {len(sources)}",
            where=f'database {database_id} "{plain_text(database.get("title") or [])}"',
            fix=f"set NOTION_DATA_SOURCE_ID to one of: {names}",
            wrote="nothing",
        )

    def _bind(self, pages: Iterable[Json]) -> Binding:
        """Fields to columns; only from here on may they be written."""
        assert self._there is not None
        state, there = self._opened().state, self._there
        remembered = {name: (column_id, then) for name, (column_id, then) in state.columns.items()}
        self._binding = bind(there, pinned=self._pinned, remembered=remembered)
        base = self._binding.columns.get(BASE)
        if base is not None and not self._settled(self._binding, remembered):
            agreed = agreed_ids(base_texts(pages, base))
            self._binding = bind(there, pinned=self._pinned, remembered=remembered, agreed=agreed)
        state.columns |= {
            name: (column.id, column.name)
            for name, column in self._binding.columns.items()
            if name not in self._pinned  # a pin that is taken back leaves nothing behind
        }
        self._tell(self._binding.warnings)
        self._api.guard.own(self._binding.ids)
        return self._binding

    def _settled(self, binding: Binding, remembered: Mapping[str, object]) -> bool:
        """Whether every column is known without asking the rows' bases."""
        by_id = remembered.keys() | self._pinned.keys() | {TITLE_FIELD}
        return not binding.missing and binding.columns.keys() <= by_id

    def _tell(self, warnings: Iterable[str]) -> None:
        """Once, though a run may read twice."""
        self._told |= dict.fromkeys(warnings)

    def _row(self, page: Json, binding: Binding) -> Row:
        return row_of(self._reader().completed(page, binding.columns.values()), binding.columns)

    def _check_not_empty(self, pages: Mapping[str, Json]) -> None:
        """Rows that were written a moment ago may not be seen yet; they are asked for by id."""
        journal = self._opened()
        state = journal.state
        known = [key for key in state.pages if key.casefold() not in state.removed]
        is_fresh = state.last_write is not None and self._clock.now() - state.last_write < QUARANTINE
        if known and not pages and not is_fresh:
            raise Refused(
                f"{self.ref.title}: the read shows 0 of {len(known)} known rows",
                where=str(journal.path),
                fix="see in Notion whether the rows are there; if they are to be made anew, remove"
                f" {journal.path} and {journal.intents_path.name} beside it",
                wrote="nothing",
            )

    def _settle_committed(self, pages: dict[str, Json]) -> None:
        """Binds the creates that Notion said it saved, by the id it gave."""
        for intent in self._opened().open_intents():
            if intent.page_id is None:
                continue
            page = pages.get(intent.page_id) or self._reader().locate(intent.page_id)
            if page is not None:
                self._opened().close(intent, page["id"])

    def _fetch_absent(self, pages: dict[str, Json]) -> dict[str, str]:
        """Adds the known rows that the query did not show.

        Gives those that are no rows any more, key -> page id.
        """
        state, reader = self._opened().state, self._reader()
        gone = {}
        for key, page_id in state.pages.items():
            if page_id in pages:
                continue
            page = None if key.casefold() in state.removed else reader.locate(page_id)
            if page is not None and reader.is_row(page):
                pages[page["id"]] = page
            else:
                gone[key] = page_id
        return gone

    def _settle_intents(self, found: Keyed, asked_at: datetime) -> None:
        """Closes the creates whose row is there, and those that were never saved."""
        by_key = {key.casefold(): page_id for key, page_id in found.pages.items()}
        for intent in self._opened().open_intents():
            if intent.key.casefold() in found.keys:
                self._opened().close(intent, by_key.get(intent.key.casefold()))
            elif asked_at >= intent.sent_at + QUARANTINE:
                self._opened().close(intent, None)

    def _note_removed(self, absent: Mapping[str, str], found: Keyed) -> None:
        """Keys that people removed are not created again; each is told once."""
        state = self._opened().state
        gone = {key.casefold(): key for key in absent if key.casefold() not in found.keys}
        self._tell(
            f"{gone[folded]}: its row was removed in Notion: not made again; restore it from Notion's trash,"
            f" or make a new one: registry resolve {shlex.quote(gone[folded])} --take source"
            for folded in sorted(gone.keys() - state.removed)
        )
        self.removed = frozenset(gone)
        state.removed = set(gone)

    def _save(self) -> None:
        journal = self._opened()
        journal.state.rate_limit = self._api.gate.limit
        journal.save()


def _learn(known: dict[str, str], found: Mapping[str, str]) -> None:
    """Takes over the keys of a read in the place of the same keys in another case."""
    folded = {key.casefold(): key for key in known}
    for key, page_id in found.items():
        known.pop(folded.get(key.casefold(), key), None)
        known[key] = page_id
