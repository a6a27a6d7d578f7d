"""A table in an SQL database: a SQLite file by default, any SQLAlchemy URL otherwise.

People edit it with any SQL tool, so reading is lenient, and nothing that is not ours is ever named in a
statement: their columns and rows stay as they are. Columns are bound by name. The file and the table are
created by the first write.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from schemas.errors import BadSettings, BadTable, Refused
from schemas.evidence import Scalar
from schemas.record import BASE_COLUMN, COLUMNS, Column, field_type
from sync.cells import decode, encode, raw_text, same
from sync.sql_errors import IMMEDIATE, engine, explained, file_of, parse_url
from sync.table import Outcome, Row, RowResult, RowWrite, Schema, TableRef

NAME = "llm_config_table"
ID = "id"
BATCH_ROWS = 500
_BASE = "base"
_OWNED: Mapping[str, Column] = {**COLUMNS, _BASE: BASE_COLUMN}
_WHOLE = frozenset(name for name in COLUMNS if field_type(name) is int)


class SqlTable:
    """The table `llm_config_table` of one database.

    `url`: an SQLAlchemy URL. `optional`: fields of optional columns to create; those that are there are used
    anyway. `timeout_s`: how long to wait for another program's lock on a SQLite file. Raises BadSettings for
    a URL that cannot be used.
    """

    def __init__(self, url: str, *, optional: Sequence[str] = (), timeout_s: float = 5.0):
        self._wanted = _wanted(optional)
        parsed = parse_url(url)
        self._file = file_of(parsed)
        self._engine = engine(
            parsed, in_memory=parsed.database in (None, "", ":memory:"), timeout_s=timeout_s
        )
        self._locks_rows = parsed.get_backend_name() != "sqlite"
        self.ref = _ref(parsed)
        self.requests: dict[str, float] = {"read": 0, "write": 0, "waited_s": 0.0}

    def schema(self) -> Schema:
        """The owned columns that are there, and those that the first write would add."""
        with self._reading() as connection:
            there = _columns(connection) if connection else frozenset()
        added = {name for name in self._wanted if _OWNED[name].optional or not there}
        names = [name for name in _OWNED if name in added or _OWNED[name].name in there]
        bound = {name: _OWNED[name].name for name in names if name != _BASE}
        return Schema(bound, hashlib.sha256("\n".join(names).encode()).hexdigest()[:16])

    def read(self) -> list[Row]:
        """Every row, in order of id. A file or table that is not there has none, and is not created."""
        with self._reading() as connection:
            there = _columns(connection) if connection else frozenset()
            if not connection or not there:
                return []
            self.requests["read"] += 1
            return _select(connection, _ours(there), lambda query: query.order_by(sa.column(ID)))

    removed: frozenset[str] = frozenset()
    url: None = None
    is_adopted = False

    def identify(self) -> None:
        """Nothing to find out: a database is known by its URL."""

    @property
    def warnings(self) -> list[str]:
        """The columns that a person dropped or renamed: their fields are not compared."""
        bound = self.schema().bound
        missing = [COLUMNS[name].name for name in self._wanted if name != _BASE and name not in bound]
        return (
            [f"{self.ref.title}: no column {', '.join(missing)}: not compared, not written"]
            if missing
            else []
        )

    def make_again(self, keys: Collection[str]) -> list[str]:  # noqa: ARG002 - the protocol fixes the signature
        """None: a row that was deleted here is made again anyway."""
        return []

    def close(self) -> None:
        """Closes its connections."""
        self._engine.dispose()

    def settle_s(self) -> float:
        """0: a transaction shows what was committed."""
        return 0.0

    def wait(self, seconds: float) -> None:
        """Never called: there is nothing to wait for."""
        raise AssertionError(f"asked to wait {seconds} s")

    def prepare(self) -> None:
        """Creates the table, and the columns that an empty one lacks; optional ones are added to any.

        Raises Refused when rows exist and an owned column is missing: adding it again would hide a renamed
        one.
        """
        if self._file:
            _make_folder(self._file.parent)
        with self._writing("nothing") as connection:
            there = _columns(connection)
            if not there:
                _definition(self._wanted).create(connection)
                return
            missing = [name for name in self._wanted if _OWNED[name].name not in there]
            gone = [name for name in missing if not _OWNED[name].optional]
            if gone and connection.scalar(
                sa.select(sa.exists(sa.select(sa.column(ID)).select_from(sa.table(NAME))))
            ):
                raise self._renamed(gone[0])
            _add_columns(connection, missing)

    def write(self, batch: Sequence[RowWrite], done: Callable[[int], None]) -> list[RowResult]:
        """Writes in transactions of 500 rows, each of which is read again in it first.

        A row that moved since its `expect` is stale, one the database refuses is failed; the others are
        written.
        """
        self.prepare()
        results: list[RowResult] = []
        for start in range(0, len(batch), BATCH_ROWS):
            results += self._write_part(batch[start : start + BATCH_ROWS], len(results))
            done(len(results))
        return results

    def _write_part(self, part: Sequence[RowWrite], n_before: int) -> list[RowResult]:
        """One transaction; when the database refuses a row of it, one for each row."""
        try:
            with self._writing(f"{n_before} rows before this batch; run again for the rest") as connection:
                return self._write_rows(connection, part)
        except (IntegrityError, DataError) as error:
            if len(part) == 1:
                said = str(error.orig).strip().partition("\n")[0]
                return [RowResult(part[0].key, Outcome.FAILED, f"the database refused it: {said}")]
            return [result for write in part for result in self._write_part([write], n_before)]

    def _write_rows(self, connection: sa.Connection, part: Sequence[RowWrite]) -> list[RowResult]:
        self.requests["read"] += 1
        self.requests["write"] += 1
        ours = _ours(_columns(connection))
        there = {row.row_id: row for row in self._current(connection, ours, part)}
        keys = {str(row.cells["key"]).casefold() for row in there.values() if row.cells.get("key")}
        results = [_verdict(write, there, keys) for write in part]
        writable = [w for w, result in zip(part, results, strict=True) if result.outcome is not Outcome.STALE]
        for fields, writes in _grouped(writable).items():
            connection.execute(_statement(fields), [_parameters(write) for write in writes])
        return results

    def _current(self, connection: sa.Connection, ours: Sequence[str], part: Sequence[RowWrite]) -> list[Row]:
        """The rows of a batch as they are now, and those that have the key of one to create."""
        ids = [int(w.row_id) for w in part if w.row_id is not None and w.row_id.isdecimal()]
        keys = [write.key.lower() for write in part if write.row_id is None]
        of_batch = sa.or_(
            sa.column(ID, sa.Integer).in_(ids),
            sa.func.lower(sa.column(_OWNED["key"].name, sa.Text)).in_(keys),
        )

        def only(query: sa.Select[Any]) -> sa.Select[Any]:
            query = query.where(of_batch)
            return query.with_for_update() if self._locks_rows else query

        return _select(connection, ours, only)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection | None]:
        """One transaction, or None where the SQLite file is not there: opening it would create it."""
        if self._file and not self._file.exists():
            yield None
            return
        with explained(self.ref.title, "nothing"), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self, wrote: str) -> Iterator[sa.Connection]:
        """One transaction that has the write lock. A row the database refuses is the caller's to tell."""
        with explained(self.ref.title, wrote), self._engine.connect() as connection:
            connection = connection.execution_options(**{IMMEDIATE: True})
            with connection.begin():
                yield connection

    def _renamed(self, field: str) -> Refused:
        name = _quoted(_OWNED[field].name)
        return Refused(
            f"table: no column {name}, and there are rows: it was dropped or renamed",
            where=self.ref.title,
            fix=f"ALTER TABLE {NAME} RENAME COLUMN ... TO {name}, or ADD COLUMN {name} {_type_name(field)}",
            wrote="nothing",
        )


def _wanted(optional: Sequence[str]) -> list[str]:
    """The fields whose columns are created, in the table's order, the base last."""
    known = [name for name, column in COLUMNS.items() if column.optional]
    unknown = sorted(set(optional) - set(known))
    if unknown:
        what = f"optional_columns: no optional column for {', '.join(unknown)}"
        raise BadSettings(what, fix=f"optional columns: {', '.join(known)}")
    return [name for name, column in _OWNED.items() if not column.optional or name in optional]


def _ref(url: sa.URL) -> TableRef:
    """A local file by its path; another database without user, password and options."""
    if path := file_of(url):
        return TableRef("local", str(path), str(path))
    if url.get_backend_name() == "sqlite":
        name = url.database or ":memory:"
        return TableRef("local", name, name)
    place = sa.URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
    return TableRef("sql", str(place), str(place))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"table: cannot create the folder: {error.strerror or error}"
        fix = "set REGISTRY_HOME to a writable folder"
        raise BadSettings(what, where=str(folder), fix=fix, wrote="nothing") from None


def _columns(connection: sa.Connection) -> frozenset[str]:
    """Names of the columns that are there, none without a table. Raises BadTable for one without row ids."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(NAME):
        return frozenset()
    names = frozenset(column["name"] for column in inspector.get_columns(NAME))
    if ID not in names:
        fix = f"rename {NAME} and run again: it is then created anew"
        raise BadTable(f'table: {NAME} has no column "{ID}"', fix=fix, wrote="nothing")
    return names


def _ours(there: frozenset[str]) -> list[str]:
    return [name for name, column in _OWNED.items() if column.name in there]


def _definition(names: Sequence[str]) -> sa.Table:
    columns = [sa.Column(_OWNED[name].name, _sql_type(name), unique=name == "key") for name in names]
    return sa.Table(NAME, sa.MetaData(), sa.Column(ID, sa.Integer, primary_key=True), *columns)


def _add_columns(connection: sa.Connection, names: Sequence[str]) -> None:
    for name in names:
        column = f"{_quoted(_OWNED[name].name)} {_type_name(name)}"
        connection.execute(sa.text(f"ALTER TABLE {NAME} ADD COLUMN {column}"))
    if "key" in names:
        key = _quoted(_OWNED["key"].name)
        connection.execute(sa.text(f"CREATE UNIQUE INDEX {NAME}_key ON {NAME} ({key})"))


def _sql_type(field: str) -> sa.types.TypeEngine[Any]:
    types: dict[type, sa.types.TypeEngine[Any]] = {
        int: sa.BigInteger(),
        float: sa.Double(),
        bool: sa.Boolean(),
    }
    return sa.Text() if field == _BASE else types.get(field_type(field), sa.Text())


def _type_name(field: str) -> str:
    return "DOUBLE PRECISION" if isinstance(_sql_type(field), sa.Double) else str(_sql_type(field))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _select(
    connection: sa.Connection, ours: Sequence[str], only: Callable[[sa.Select[Any]], sa.Select[Any]]
) -> list[Row]:
    """Rows of our columns alone. The columns are untyped here: what is stored comes as it is."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(_OWNED[name].name) for name in ours]
    query = sa.select(sa.column(ID), *columns).select_from(sa.table(NAME))
    return [_row(ours, stored) for stored in connection.execute(only(query))]


def _row(ours: Sequence[str], stored: Sequence[Any]) -> Row:
    row_id, *values = stored
    cells = {
        name: decode(value, COLUMNS[name].kind, whole=name in _WHOLE)
        for name, value in zip(ours, values, strict=True)
        if name != _BASE
    }
    base = values[-1] if _BASE in ours else None
    return Row(str(row_id), cells, None if base is None else raw_text(base))


def _verdict(write: RowWrite, there: Mapping[str, Row], keys: set[str]) -> RowResult:
    """Whether a row may be written, judged by what it holds in this transaction."""
    if write.row_id is None:
        if write.key.casefold() in keys:
            return RowResult(write.key, Outcome.STALE, "a row with this key came after the plan")
        return RowResult(write.key, Outcome.CREATED)
    row = there.get(write.row_id)
    if row is None:
        return RowResult(write.key, Outcome.STALE, "the row is gone since the plan")
    moved = [name for name, value in write.expect.items() if not same(row.cells.get(name), value)]
    if moved:
        return RowResult(write.key, Outcome.STALE, f"{', '.join(moved)} changed in the table after the plan")
    return RowResult(write.key, Outcome.UPDATED)


def _grouped(writes: Sequence[RowWrite]) -> dict[tuple[bool, tuple[str, ...]], list[RowWrite]]:
    """Writes that one statement serves: all creating or all updating, with the same fields."""
    groups: dict[tuple[bool, tuple[str, ...]], list[RowWrite]] = {}
    for write in writes:
        groups.setdefault((write.row_id is None, tuple(write.set)), []).append(write)
    return groups


def _statement(group: tuple[bool, tuple[str, ...]]) -> sa.Insert | sa.Update:
    creates, fields = group
    table = sa.table(NAME, sa.column(ID), *(sa.column(_OWNED[name].name) for name in (*fields, _BASE)))
    values: dict[str, sa.BindParameter[Any]] = {
        _OWNED[name].name: sa.bindparam(f"new_{name}") for name in (*fields, _BASE)
    }
    if creates:
        return sa.insert(table).values(values)
    return sa.update(table).where(table.c[ID] == sa.bindparam("row")).values(values)


def _parameters(write: RowWrite) -> dict[str, Scalar]:
    stored = {
        f"new_{name}": encode(v, COLUMNS[name].kind, whole=name in _WHOLE) for name, v in write.set.items()
    }
    row = {} if write.row_id is None else {"row": int(write.row_id)}
    return {**stored, "new_base": write.base, **row}
