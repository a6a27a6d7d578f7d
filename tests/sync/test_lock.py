"""The lock: one holder, named to the second, freed by the kernel."""

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.errors import BadSettings, Locked
from sync.lock import hold
from sync.table import TableRef
from tests.sync.making import REF

HOLDER = """
import sys
from pathlib import Path
from sync.lock import hold
from sync.table import TableRef
with hold(Path(sys.argv[1]), TableRef(*sys.argv[2:])):
    print("held", flush=True)
    sys.stdin.read()
"""


def clock() -> datetime:
    return datetime(2026, 11, 21, 4, 17, 3, tzinfo=UTC)


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    with (
        hold(tmp_path / "locks", REF, now=clock),
        pytest.raises(Locked) as locked,
        hold(tmp_path / "locks", REF),
    ):
        raise AssertionError("two hold it")
    (side,) = (locked.value.where,)
    assert str(locked.value) == (
        f"lock: {REF.title} is held by process {os.getpid()} on {socket.gethostname()}, "
        "since 2026-11-21T04:17:03+00:00\n"
        f"  from  {side}\n"
        "  fix   wait for it to end and run again; a lock of a dead process is free by itself\n"
        "  wrote nothing"
    )
    assert locked.value.exit_code == 8


def test_tables_do_not_share_a_lock_and_a_lock_is_free_after_its_run(tmp_path: Path) -> None:
    with hold(tmp_path, REF), hold(tmp_path, TableRef("sql", REF.id, REF.title)):
        pass
    with hold(tmp_path, REF):
        pass
    with pytest.raises(ZeroDivisionError), hold(tmp_path, REF):
        raise ZeroDivisionError
    with hold(tmp_path, REF):
        pass


def test_a_holder_that_is_not_written_yet_is_another_run(tmp_path: Path) -> None:
    with hold(tmp_path, REF):
        for side in tmp_path.glob("*.json"):
            side.write_text("{half")
        with pytest.raises(Locked, match="is held by another run\n"), hold(tmp_path, REF):
            pass


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-c", HOLDER, str(tmp_path), *REF]
    with subprocess.Popen(argv, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"held by process {child.pid} on "), hold(tmp_path, REF):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        with hold(tmp_path, REF):
            pass


def test_no_place_for_a_lock_is_a_setting_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings) as bad, hold(tmp_path / "file" / "locks", REF):
        pass
    assert str(bad.value) == (
        f"lock: cannot write in {tmp_path}/file/locks: Not a directory\n"
        "  fix   set REGISTRY_HOME to a writable folder\n  wrote nothing"
    )
