"""One run at a time per table on this machine: a file lock that the kernel frees when its holder dies."""

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import BadSettings, Locked
from sync.table import TableRef


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def hold(folder: Path, ref: TableRef, *, now: Callable[[], datetime] = _now) -> Iterator[None]:
    """Holds the table's lock for the length of a `with`.

    Raises Locked at once, naming the holder, when another run has it; BadSettings when there is no place for
    the lock.
    """
    name = hashlib.sha256(f"{ref.kind} {ref.id}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    holder = folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise _locked(ref, holder) from None
    except OSError as error:
        what = f"lock: cannot write in {folder}: {error.strerror or error}"
        raise BadSettings(what, fix="set REGISTRY_HOME to a writable folder", wrote="nothing") from None
    try:
        _write_holder(holder, now())
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _write_holder(path: Path, started: datetime) -> None:
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": started.isoformat(timespec="seconds"),
    }
    path.write_text(json.dumps(content), "utf-8")


def _locked(ref: TableRef, holder: Path) -> Locked:
    try:
        found = json.loads(holder.read_text("utf-8"))
        who = f"process {found['pid']} on {found['host']}, since {found['started']}"
    except (OSError, ValueError, KeyError, TypeError):  # just taken or just freed
        who = "another run"
    fix = "wait for it to end and run again; a lock of a dead process is free by itself"
    return Locked(f"lock: {ref.title} is held by {who}", where=str(holder), fix=fix, wrote="nothing")
