"""Rows written to Notion: one request per row, and the truth about each.

An update is one PATCH of absolute values, after a re-read of its row: when its answer is lost, the row tells.
A create has no such guard: it is noted on the disk before it is sent, and when its answer is lost it is not
sent again in this run.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from schemas.errors import RegistryError
from schemas.evidence import Scalar
from sync.cells import same
from sync.notion.answers import BlockLimit, Conflicted, Gone, Rejected, Unanswered
from sync.notion.api import Api
from sync.notion.cells import Property, encode
from sync.notion.gate import Clock
from sync.notion.journal import Journal
from sync.notion.rows import Json, Reader, row_of
from sync.table import BASE, Outcome, Row, RowResult, RowWrite

MAX_TRIES = 4
"""Of one update: the first, and three after an answer that was lost or a conflict."""


class Writer:
    """Writes rows to one data source.

    `live`: case-folded keys of the rows that are there; grows with each create. `on_refused` is called when
    Notion refuses a row, and raises where that is true of every row.
    """

    def __init__(
        self,
        api: Api,
        reader: Reader,
        journal: Journal,
        columns: Mapping[str, Property],
        data_source_id: str,
        live: set[str],
        clock: Clock,
        on_refused: Callable[[], None],
    ):
        self._api = api
        self._on_refused = on_refused
        self._reader = reader
        self._journal = journal
        self._columns = columns
        self._parent = {"type": "data_source_id", "data_source_id": data_source_id}
        self._live = live
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._block_limit: str | None = None
        self._looking = threading.Lock()
        self._has_looked = False

    def run(self, batch: Sequence[RowWrite], done: Callable[[int], None], in_flight: int) -> list[RowResult]:
        """One result per row, in order. What ends the run is raised when the requests in flight are over."""
        results: dict[int, RowResult] = {}
        stopped: RegistryError | None = None
        for i, outcome in self._outcomes(batch, in_flight):
            if isinstance(outcome, RegistryError):
                stopped = stopped or outcome
            elif outcome is not None:
                results[i] = outcome
                done(len(results))
        if stopped is not None:
            stopped.wrote = _wrote(results.values(), len(batch))
            raise stopped
        return [results[i] for i in range(len(batch))]

    def _outcomes(
        self, batch: Sequence[RowWrite], in_flight: int
    ) -> Iterator[tuple[int, RowResult | RegistryError | None]]:
        """Each row's place and what became of it, as they end; None for one that was not begun."""
        if in_flight == 1:
            yield from ((i, self._one(write)) for i, write in enumerate(batch))
            return
        with ThreadPoolExecutor(in_flight, thread_name_prefix="notion") as pool:
            places: dict[Future[RowResult | RegistryError | None], int] = {
                pool.submit(self._one, write): i for i, write in enumerate(batch)
            }
            try:
                for future in as_completed(places):
                    yield places[future], future.result()
            except BaseException:
                self._api.gate.stop()  # a worker may stand before the gate for a minute and more
                raise
            finally:
                self._stop.set()  # an interrupted run ends with the requests in flight, not with all of them

    def _one(self, write: RowWrite) -> RowResult | RegistryError | None:
        if self._stop.is_set():
            return None
        try:
            result = self._create(write) if write.row_id is None else self._update(write, write.row_id)
            if BASE not in self._columns and result.outcome in (Outcome.CREATED, Outcome.UPDATED):
                with self._lock:
                    self._journal.state.bases[write.key.casefold()] = write.base
            return result
        except RegistryError as error:
            self._stop.set()
            return error

    def _update(self, write: RowWrite, page_id: str) -> RowResult:
        """Re-read, check, send.

        Again from the re-read when the answer is lost or Notion reports a conflict.
        """
        body = {"properties": self._properties(write)}
        trouble = ""
        for n in range(MAX_TRIES):
            if n:
                self._clock.sleep(random.uniform(0.2, 1.0) * 2**n)
            if verdict := self._verdict(write, self._reader.locate(page_id)):
                return verdict
            try:
                answer = self._api.patch(f"pages/{page_id}", body)
            except (Unanswered, Conflicted) as error:
                trouble = str(error)
                continue
            except Rejected as error:
                self._look_once()
                return RowResult(write.key, Outcome.FAILED, f"Notion refused it: {error.message}")
            except Gone:
                return _stale(write, "the row is gone since the plan")
            self._written(answer)
            return RowResult(write.key, Outcome.UPDATED)
        return RowResult(write.key, Outcome.FAILED, f"not written in {MAX_TRIES} tries: {trouble}")

    def _verdict(self, write: RowWrite, page: Json | None) -> RowResult | None:
        """What is known without sending: the row says it already, or it may not be written any more."""
        if page is None:
            return _stale(write, "the row is gone since the plan")
        if not self._reader.is_row(page):
            return _stale(write, "the row was moved to the trash or to another table after the plan")
        row = row_of(self._reader.completed(page, self._columns.values()), self._columns)
        if self._says(row, write):
            return RowResult(write.key, Outcome.UPDATED)
        moved = [name for name, value in write.expect.items() if not same(row.cells.get(name), value)]
        return _stale(write, f"{', '.join(moved)} changed in the table after the plan") if moved else None

    def _says(self, row: Row, write: RowWrite) -> bool:
        base_is_same = row.base == write.base or BASE not in self._columns
        return base_is_same and all(same(row.cells.get(name), value) for name, value in write.set.items())

    def _create(self, write: RowWrite) -> RowResult:
        refused = self._claim(write.key)
        if refused is not None:
            return RowResult(write.key, *refused)
        body = {"parent": self._parent, "properties": self._properties(write)}
        intent = self._journal.intend(write.key, self._clock.now())
        try:
            page = self._api.create("pages", body)
        except Unanswered as lost:
            if lost.committed_id:
                self._journal.committed(intent, lost.committed_id)
            return RowResult(write.key, Outcome.UNKNOWN, _unknown(lost))
        except (Rejected, Gone, RegistryError) as error:
            self._journal.close(intent, None)
            self._release(write.key)
            return self._not_created(write, error)
        self._journal.close(intent, page["id"])
        self._written(page)
        return RowResult(write.key, Outcome.CREATED)

    def _claim(self, key: str) -> tuple[Outcome, str] | None:
        """Why this key is not to be created, or None; two rows of one key are never begun."""
        with self._lock:
            if key.casefold() in self._live:
                return Outcome.STALE, "a row with this key came after the plan"
            if self._block_limit:
                return Outcome.FAILED, self._block_limit
            self._live.add(key.casefold())
            return None

    def _release(self, key: str) -> None:
        with self._lock:
            self._live.discard(key.casefold())

    def _not_created(self, write: RowWrite, error: Exception) -> RowResult:
        if isinstance(error, Gone):
            return _stale(write, "the table is gone, or not shared with this connection any more")
        if isinstance(error, BlockLimit):
            self._block_limit = f"the workspace's plan takes no more rows: {error}"
            return RowResult(write.key, Outcome.FAILED, self._block_limit)
        if isinstance(error, Rejected):
            self._look_once()
            return RowResult(write.key, Outcome.FAILED, f"Notion refused it: {error.message}")
        raise error

    def _properties(self, write: RowWrite) -> dict[str, Any]:
        """Property id -> value, of the cells to set and the base."""
        values: dict[str, Scalar] = {**write.set, BASE: write.base}
        there = ((name, value, self._columns.get(name)) for name, value in values.items())
        return {column.id: encode(name, value, column) for name, value, column in there if column is not None}

    def _look_once(self) -> None:
        """Asks about the whole table at the first refusal of a run; the other workers wait for the answer."""
        with self._looking:
            if self._has_looked:
                return
            self._has_looked = True
            try:
                self._on_refused()
            except RegistryError:
                self._stop.set()
                raise

    def _written(self, page: Json) -> None:
        state = self._journal.state
        with self._lock:
            state.last_write = self._clock.now()
            state.bot = (page.get("last_edited_by") or {}).get("id") or state.bot


def _stale(write: RowWrite, why: str) -> RowResult:
    return RowResult(write.key, Outcome.STALE, why)


def _unknown(lost: Unanswered) -> str:
    saved = f"; Notion says that it saved page {lost.committed_id}" if lost.committed_id else ""
    return f"the answer was lost ({lost.said}){saved}; not sent again: the next run looks and decides"


def _wrote(results: Any, n_all: int) -> str:
    n = sum(result.outcome in (Outcome.CREATED, Outcome.UPDATED) for result in results)
    unknown = [result.key for result in results if result.outcome is Outcome.UNKNOWN]
    lost = f"; not known of {', '.join(unknown)}" if unknown else ""
    return f"{n} of {n_all} rows{lost}; run again for the rest"
