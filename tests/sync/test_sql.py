"""The SQL table: the contract on SQLite and PostgreSQL, and what people do to a file of theirs."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from schemas.errors import BadSettings, BadTable, GaveUp, NotAuthorised, Refused
from schemas.record import BASE_COLUMN, COLUMNS
from sync.sql import NAME, SqlTable
from sync.sql_errors import explain
from sync.table import Outcome, RowWrite, Table
from tests.sync.making import as_person, cells, plan_for, record, stored, sync
from tests.sync.table_contract import TableContract, creation, ignore

POSTGRES = os.environ.get("REGISTRY_TEST_POSTGRES")


class TestSqliteFile(TableContract):
    @pytest.fixture
    def table(self, tmp_path: Path) -> Table:
        return SqlTable(f"sqlite:///{tmp_path}/table.sqlite")


class TestSqliteInMemory(TableContract):
    @pytest.fixture
    def table(self) -> Iterator[Table]:
        table = SqlTable("sqlite://")
        yield table
        table._engine.dispose()


@pytest.mark.skipif(not POSTGRES, reason="REGISTRY_TEST_POSTGRES names no server")
class TestPostgres(TableContract):
    @pytest.fixture
    def table(self) -> Iterator[Table]:
        table = SqlTable(str(POSTGRES))
        self._drop()
        yield table
        self._drop()

    def _drop(self) -> None:
        engine = sa.create_engine(str(POSTGRES))
        with engine.begin() as connection:
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {NAME}"))
        engine.dispose()

    def test_a_missing_column_of_an_empty_table_is_added(self, table: SqlTable) -> None:
        table.prepare()
        engine = sa.create_engine(str(POSTGRES))
        with engine.begin() as connection:
            connection.execute(sa.text(f'ALTER TABLE {NAME} DROP COLUMN "d_ff / d_hidden Ratio"'))
        engine.dispose()
        assert table.write([creation("a", d_ff_ratio=2.6875)], ignore)[0].outcome is Outcome.CREATED
        assert table.read()[0].cells["d_ff_ratio"] == 2.6875

    def test_a_value_the_server_refuses_fails_its_row_alone(self, table: SqlTable) -> None:
        results = table.write([creation("a"), creation("b", notes="nul \0"), creation("c")], ignore)
        assert [result.outcome for result in results] == [Outcome.CREATED, Outcome.FAILED, Outcome.CREATED]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "table.sqlite"


@pytest.fixture
def table(path: Path) -> SqlTable:
    return SqlTable(f"sqlite:///{path}", timeout_s=0.05)


def test_reading_a_file_that_is_not_there_creates_nothing(path: Path, table: SqlTable) -> None:
    assert (table.read(), table.warnings) == ([], [])
    assert not path.parent.exists()


def test_a_local_table_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SqlTable("sqlite:///t.db").ref == ("local", f"{tmp_path}/t.db", f"{tmp_path}/t.db")


def test_columns_are_named_and_typed_as_in_notion(path: Path, table: SqlTable) -> None:
    table.prepare()
    connection = sqlite3.connect(path)
    columns = {name: kind for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({NAME})")}
    connection.close()
    owned = [column.name for column in COLUMNS.values() if not column.optional]
    assert list(columns) == ["id", *owned, BASE_COLUMN.name]
    some = (
        "id",
        "Registry Key",
        "d_ff / d_hidden Ratio",
        "Total Params (B)",
        "n_layers",
        "Is MoE",
        "Registry Base",
    )
    assert [columns[name] for name in some] == [
        "INTEGER",
        "TEXT",
        "DOUBLE",
        "DOUBLE",
        "BIGINT",
        "BOOLEAN",
        "TEXT",
    ]


def test_the_database_itself_refuses_a_key_twice(path: Path, table: SqlTable) -> None:
    table.write([creation("a")], ignore)
    with pytest.raises(sqlite3.IntegrityError):
        as_person(path, f"INSERT INTO {NAME} (\"Registry Key\") VALUES ('sku:a')")


def test_an_optional_column_is_there_when_asked_for_and_used_when_there(path: Path, table: SqlTable) -> None:
    asking = SqlTable(f"sqlite:///{path}", optional=["n_params"])
    assert "n_params" not in table.schema().bound
    assert asking.schema().bound["n_params"] == "Parameters"
    wanted = record("a", n_params=6738415616)
    sync(table, wanted)
    assert "Parameters" not in path.read_bytes().decode("latin-1")
    assert cells(plan_for(asking, wanted)) == [("sku:a", "n_params", "fill")]
    before = asking.schema()
    sync(asking, wanted)
    assert asking.schema() == table.schema() == before
    assert [row.cells["n_params"] for row in table.read()] == [6738415616]
    assert cells(plan_for(table, wanted)) == []


def test_an_unknown_optional_column_is_refused_by_name() -> None:
    with pytest.raises(BadSettings, match="no optional column for n_layers, nothing"):
        SqlTable("sqlite://", optional=["nothing", "n_layers"])


@pytest.mark.parametrize(
    ("column", "put", "field", "read"),
    [
        ("n_layers", "'thirty-two'", "n_layers", "thirty-two"),
        ("n_layers", "' 32 '", "n_layers", 32),
        ("n_layers", "''", "n_layers", None),
        ("n_layers", "32.5", "n_layers", 32.5),
        ("n_layers", "32.0", "n_layers", 32),
        ("n_layers", "9e999", "n_layers", "inf"),
        ("n_layers", "X'ff00'", "n_layers", "\\xff\0"),
        ("Norm Eps", "'1e-5x'", "norm_eps", "1e-5x"),
        ("Norm Eps", "1", "norm_eps", 1.0),
        ("Is MoE", "1", "is_moe", True),
        ("Is MoE", "0", "is_moe", False),
        ("Is MoE", "'yes'", "is_moe", "yes"),
        ("Is MoE", "2", "is_moe", "2"),
        ("Is MoE", "''", "is_moe", None),
        ("Notes", "''", "notes", None),
        ("Notes", "12", "notes", "12"),
        ("Notes", "CAST(X'61ff' AS TEXT)", "notes", "a\\xff"),
    ],
)
def test_a_cell_of_any_tool_is_read(
    path: Path, table: SqlTable, column: str, put: str, field: str, read: object
) -> None:
    table.write([creation("a")], ignore)
    as_person(path, f'UPDATE {NAME} SET "{column}" = {put}')
    cell = table.read()[0].cells[field]
    assert cell == read
    assert type(cell) is type(read)


def test_what_is_not_ours_is_byte_equal_after_any_run(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1), record("b", n_layers=1))
    as_person(
        path,
        f'ALTER TABLE {NAME} ADD COLUMN "My, ""notes""" ',
        f'ALTER TABLE {NAME} ADD COLUMN "d_FF2" REAL',
        f'UPDATE {NAME} SET "My, ""notes""" = CAST(X\'61ff00\' AS TEXT), "d_FF2" = 3 WHERE id = 1',
        f'UPDATE {NAME} SET "My, ""notes""" = X\'00ff\', "d_FF2" = \'n/a\' WHERE id = 2',
        f'INSERT INTO {NAME} ("Model Name", "n_layers", "d_FF2") VALUES (\'my own\', \'many\', 1e300)',
    )
    notes = '"My, ""notes"""'
    query = f'SELECT id, hex({notes}), typeof({notes}), quote("d_FF2"), typeof("d_FF2") FROM {NAME}'

    def theirs() -> list[tuple[object, ...]]:
        connection = sqlite3.connect(path)
        found = connection.execute(query).fetchall()
        found += connection.execute(f'SELECT * FROM {NAME} WHERE "Registry Key" IS NULL').fetchall()
        connection.close()
        return found

    before = theirs()
    assert len(before) == 4
    applied = sync(table, record("a", n_layers=2), record("b", n_layers=3), record("c", n_layers=4))
    assert [result.outcome for result in applied.results] == [
        Outcome.UPDATED,
        Outcome.UPDATED,
        Outcome.CREATED,
    ]
    assert theirs()[:3] + theirs()[-1:] == before


def test_a_run_with_nothing_to_do_leaves_the_file_byte_equal(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1))
    before = path.read_bytes()
    assert sync(table, record("a", n_layers=1)).results == ()
    assert path.read_bytes() == before


def test_a_column_a_person_renamed_is_not_added_again(path: Path, table: SqlTable) -> None:
    sync(table, record("a", n_layers=1, d_ff=2))
    as_person(path, f'ALTER TABLE {NAME} RENAME COLUMN "d_ff" TO "FFN width"')
    assert "d_ff" not in table.schema().bound
    assert table.warnings == [f"{table.ref.title}: no column d_ff: not compared, not written"]
    assert cells(plan_for(table, record("a", n_layers=1, d_ff=3))) == []
    with pytest.raises(Refused) as refused:
        sync(table, record("a", n_layers=2, d_ff=3))
    assert str(refused.value) == (
        'table: no column "d_ff", and there are rows: it was dropped or renamed\n'
        f"  from  {path}\n"
        f'  fix   ALTER TABLE {NAME} RENAME COLUMN ... TO "d_ff", or ADD COLUMN "d_ff" BIGINT\n'
        "  wrote nothing"
    )
    assert stored(path, "n_layers", "FFN width") == [
        {"n_layers": (1, "integer"), "FFN width": (2, "integer")}
    ]


def test_an_empty_table_gets_the_columns_it_lacks(path: Path, table: SqlTable) -> None:
    path.parent.mkdir()
    as_person(path, f"CREATE TABLE {NAME} (id INTEGER PRIMARY KEY, mine TEXT)")
    table.write([creation("a", d_ff_ratio=2.5)], ignore)
    assert table.read()[0].cells["d_ff_ratio"] == 2.5
    with pytest.raises(sqlite3.IntegrityError):
        as_person(path, f"INSERT INTO {NAME} (\"Registry Key\") VALUES ('sku:a')")


def test_a_table_without_row_ids_is_for_a_person(path: Path, table: SqlTable) -> None:
    path.parent.mkdir()
    as_person(path, f'CREATE TABLE {NAME} ("Registry Key" TEXT)')
    with pytest.raises(BadTable) as bad:
        table.read()
    assert str(bad.value) == (
        f'table: {NAME} has no column "id"\n  fix   rename {NAME} and run again: it is then created anew\n'
        "  wrote nothing"
    )


def test_a_row_the_database_refuses_fails_alone(path: Path, table: SqlTable) -> None:
    table.write([creation("a")], ignore)
    as_person(
        path,
        f"CREATE TRIGGER no BEFORE INSERT ON {NAME} WHEN NEW.n_layers = 13 "
        "BEGIN SELECT RAISE(ABORT, 'unlucky'); END",
    )
    results = table.write([creation("b"), creation("c", n_layers=13), creation("d")], ignore)
    assert [(r.key, r.outcome, r.detail) for r in results] == [
        ("sku:b", Outcome.CREATED, ""),
        ("sku:c", Outcome.FAILED, "the database refused it: unlucky"),
        ("sku:d", Outcome.CREATED, ""),
    ]
    assert [row.cells["key"] for row in table.read()] == ["sku:a", "sku:b", "sku:d"]


def test_two_writers_at_once_make_one_row_of_one_key(path: Path) -> None:
    tables = [SqlTable(f"sqlite:///{path}", timeout_s=20) for _ in range(4)]
    tables[0].prepare()
    outcomes: list[Outcome] = []

    def write(table: SqlTable) -> None:
        outcomes.extend(r.outcome for r in table.write([creation(f"m{i}") for i in range(50)], ignore))

    threads = [threading.Thread(target=write, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [Outcome.CREATED] * 50 + [Outcome.STALE] * 150
    assert len(tables[0].read()) == 50


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, table: SqlTable) -> None:
    path.parent.mkdir()
    path.write_text("model,d_ff\n" * 200)
    for attempt in (table.read, table.prepare):
        with pytest.raises(BadSettings) as bad:
            attempt()
        assert str(bad.value) == (
            f"table: not a SQLite database\n  from  {path}\n"
            "  fix   give --to another file; this one is left as it is\n  wrote nothing"
        )
    assert path.read_text() == "model,d_ff\n" * 200


def test_a_damaged_file_is_for_a_person(path: Path, table: SqlTable) -> None:
    table.write([creation(f"m{i}", notes="x" * 200) for i in range(300)], ignore)
    content = bytearray(path.read_bytes())
    content[4096 : len(content)] = b"\xaa" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(BadTable, match="table: the file is damaged"):
        table.read()


def test_a_file_another_program_holds_is_given_up_for_now(path: Path, table: SqlTable) -> None:
    table.prepare()
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(GaveUp) as gave_up:
        table.write([creation("a")], ignore)
    other.close()
    assert str(gave_up.value) == (
        f"table: another program holds the file\n  from  {path}\n"
        "  fix   close the program that edits it and run again\n  wrote nothing"
    )


def test_a_write_that_stops_halfway_says_how_far_it_came(path: Path, table: SqlTable) -> None:
    table.prepare()
    others: list[sqlite3.Connection] = []

    def hold(done: int) -> None:
        others.append(sqlite3.connect(path))
        others[-1].execute("BEGIN IMMEDIATE")

    with pytest.raises(GaveUp) as gave_up:
        table.write([creation(f"m{i}") for i in range(700)], hold)
    others[0].close()
    assert gave_up.value.wrote == "500 rows before this batch; run again for the rest"
    assert len(table.read()) == 500


def test_a_file_that_cannot_be_written_is_still_read(path: Path, table: SqlTable) -> None:
    table.write([creation("a")], ignore)
    read_only = SqlTable(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert len(read_only.read()) == 1
    with pytest.raises(BadSettings, match="table: the file cannot be written"):
        read_only.write([creation("b")], ignore)


def test_a_folder_that_cannot_be_made_or_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings) as bad:
        SqlTable(f"sqlite:///{tmp_path}/file/table.sqlite").prepare()
    assert bad.value.where == f"{tmp_path}/file"
    with pytest.raises(BadSettings, match="table: the file cannot be opened"):
        SqlTable(f"sqlite:///{tmp_path}").read()


def test_a_full_disk_is_given_up_for_now(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "full.db")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(sqlite3.OperationalError) as full:
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
    error = explain(sa.exc.OperationalError("INSERT", {}, full.value), "here", "nothing")
    assert (type(error), error.what) == (GaveUp, "table: the disk is full")


class Answer(Exception):
    """A server's error as a driver raises it."""

    def __init__(self, text: str, sqlstate: str | None = None):
        super().__init__(text)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer("connection refused\nIs the server running?"), GaveUp),
        (Answer('FATAL:  password authentication failed for user "x"'), NotAuthorised),
        (Answer("permission denied for table", "42501"), NotAuthorised),
        (Answer("invalid authorization", "28000"), NotAuthorised),
        (Answer('column "d_ff" does not exist', "42703"), BadTable),
        (Answer("terminating connection", "57P01"), GaveUp),
    ],
    ids=str,
)
def test_a_server_s_error_says_who_can_act(answer: Answer, kind: type) -> None:
    error = explain(sa.exc.OperationalError("SELECT", {}, answer), "postgresql://host/db", "nothing")
    assert type(error) is kind
    assert error.what.endswith(str(answer).partition("\n")[0])


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("notion", "table: want an SQLAlchemy URL, got something else"),
        ("nosuchdb://host/x", "table: no database is called 'nosuchdb'"),
        ("oracle+oracledb://host/x", "table: the driver oracledb is not installed"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, what: str) -> None:
    with pytest.raises(BadSettings) as bad:
        SqlTable(url)
    assert bad.value.what == what


def test_a_password_is_in_no_name_of_the_table() -> None:
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    assert psycopg
    table = SqlTable("postgresql+psycopg://me:secret@db.example:5433/models?sslmode=require")
    assert table.ref == ("sql", "postgresql://db.example:5433/models", "postgresql://db.example:5433/models")


def test_an_update_by_a_row_id_of_another_kind_of_table_is_stale(table: SqlTable) -> None:
    table.write([creation("a")], ignore)
    write = RowWrite("1b2c-page-id", "sku:a", {"n_layers": 1}, "b", {})
    assert table.write([write], ignore)[0].outcome is Outcome.STALE


def test_statements_are_counted(table: SqlTable) -> None:
    table.read()
    assert table.requests == {"read": 0, "write": 0, "waited_s": 0.0}
    table.write([creation(f"m{i}") for i in range(501)], ignore)
    table.read()
    assert table.requests == {"read": 3, "write": 2, "waited_s": 0.0}
