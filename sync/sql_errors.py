"""What a database says when it cannot serve, as errors a person can act on; and the engine they come from."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from schemas.errors import BadSettings, BadTable, GaveUp, NotAuthorised, RegistryError

IMMEDIATE = "registry_immediate"
"""Execution option of a connection: on SQLite its transaction takes the write lock when it begins."""

_SQLITE: dict[str, tuple[type[RegistryError], str, str]] = {
    "SQLITE_NOTADB": (
        BadSettings,
        "not a SQLite database",
        "give --to another file; this one is left as it is",
    ),
    "SQLITE_CORRUPT": (
        BadTable,
        "the file is damaged",
        "restore it from a copy, or try: sqlite3 FILE .recover",
    ),
    "SQLITE_BUSY": (
        GaveUp,
        "another program holds the file",
        "close the program that edits it and run again",
    ),
    "SQLITE_LOCKED": (
        GaveUp,
        "another program holds the file",
        "close the program that edits it and run again",
    ),
    "SQLITE_READONLY": (BadSettings, "the file cannot be written", "make the file and its folder writable"),
    "SQLITE_CANTOPEN": (
        BadSettings,
        "the file cannot be opened",
        "make it a readable file, or give --to another",
    ),
    "SQLITE_FULL": (GaveUp, "the disk is full", "make room on that disk and run again"),
    "SQLITE_IOERR": (GaveUp, "the disk failed", "check that disk and run again"),
}
_SCHEMA_FIX = "repair the table with an SQL tool, or give --to another place"


def parse_url(text: str) -> sa.URL:
    """The URL. Raises BadSettings when it is not one that SQLAlchemy knows."""
    fix = "use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
    try:
        url = sa.make_url(text)
        url.get_dialect()
    except NoSuchModuleError:
        raise BadSettings(f"table: no database is called {url.drivername!r}", where="--to", fix=fix) from None
    except (ArgumentError, ValueError):
        raise BadSettings(
            "table: want an SQLAlchemy URL, got something else", where="--to", fix=fix
        ) from None
    return url


def engine(url: sa.URL, *, in_memory: bool, timeout_s: float) -> sa.Engine:
    """An engine that keeps no connection open. Raises BadSettings when its driver is not installed."""
    is_sqlite = url.get_backend_name() == "sqlite"
    pool = StaticPool if in_memory else NullPool
    try:
        made = sa.create_engine(url, poolclass=pool, connect_args={"timeout": timeout_s} if is_sqlite else {})
    except ModuleNotFoundError as error:
        fix = f"pip install {error.name}"
        raise BadSettings(f"table: the driver {error.name} is not installed", where="--to", fix=fix) from None
    if is_sqlite:
        sa.event.listen(made, "connect", _set_up_sqlite)
        sa.event.listen(made, "begin", _begin_sqlite)
    return made


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Transactions begin where we say; text that is not UTF-8 is shown escaped instead of ending the read."""
    connection.isolation_level = None
    connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get(IMMEDIATE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def explained(place: str, wrote: str) -> Iterator[None]:
    """Turns a database's errors into ours. `place` names the table; `wrote` what was written before.

    A value that the database refuses (IntegrityError, DataError) passes: whose it is, only the caller knows.
    """
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except SQLAlchemyError as error:
        raise explain(error, place, wrote) from None


def explain(error: SQLAlchemyError, place: str, wrote: str) -> RegistryError:
    """The error: of settings, of access, for a person to repair; otherwise the other side gave up."""
    origin: Any = getattr(error, "orig", None)
    name = getattr(origin, "sqlite_errorname", None) or ""
    for prefix, (kind, what, fix) in _SQLITE.items():
        if name.startswith(prefix):
            return kind(f"table: {what}", where=place, fix=fix, wrote=wrote)
    said = str(origin or error).strip().partition("\n")[0]
    state = getattr(origin, "sqlstate", None) or ""
    if state.startswith("28") or state == "42501" or "authentication failed" in said:
        fix = "check the user, its password and its rights"
        return NotAuthorised(f"table: not let in: {said}", where=place, fix=fix, wrote=wrote)
    if name == "SQLITE_ERROR" or state.startswith("42"):
        return BadTable(f"table: {said}", where=place, fix=_SCHEMA_FIX, wrote=wrote)
    return GaveUp(
        f"table: {said}", where=place, fix="check that the database is up and run again", wrote=wrote
    )


def file_of(url: sa.URL) -> Path | None:
    """The file of a SQLite URL; None for other databases, for one in memory and for a `file:` URI."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in ("", ":memory:") or name.startswith("file:"):
        return None
    return Path(name).absolute()
