"""Layer configs as files: written whole or not at all, and never over what a person changed.

A file carries `generated_by`: the tool, and the hash of the rest of its content. While that hash holds, the
file is ours to replace. A file whose hash does not hold, or that has none, is a person's: it is kept and ours
lands beside it as `.new`. The tool's version alone rewrites nothing.
"""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from schemas.errors import BadSettings, GaveUp, Refused, RegistryError

MARK = "generated_by"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class FileAction(StrEnum):
    """What is done with a file; `kept` is left as it is, with ours beside it."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class FileWant:
    """A file that should be there with this content."""

    path: Path
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileChange:
    """What is to be done, or was done, with one file.

    `content` is the whole document, None where nothing is to be written. `is_new`: a `.new` file was written
    beside it in this run. `problem`: why it could not be written; what was there before is still there.
    """

    path: Path
    action: FileAction
    content: dict[str, Any] | None = None
    is_new: bool = False
    problem: RegistryError | None = None


def plan_files(wants: Iterable[FileWant], *, version: str) -> list[FileChange]:
    """What would be done with each file, in order of path. Raises Refused when two contents want one path."""
    changes = []
    for want in _one_per_path(wants):
        content = _marked(want.content, version)
        action = _decide(want.path, content)
        changes.append(FileChange(want.path, action, None if action is FileAction.UNCHANGED else content))
    return sorted(changes, key=lambda change: change.path)


def write_files(changes: Sequence[FileChange]) -> list[FileChange]:
    """Writes them and tells what became of each; a file that cannot be written is that file's problem alone.

    Each is looked at again first: one that a person changed since the plan is kept.
    """
    return [_write(change) for change in changes]


def write_atomically(path: Path, text: str) -> None:
    """Old content or new, never half: temporary file beside it, fsync, rename, fsync of the folder.

    A link at `path` is replaced, not followed. Raises OSError; no temporary file is left then.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.is_file() and not path.is_symlink():
            temporary.chmod(path.stat().st_mode & 0o777)
        os.replace(temporary, path)  # noqa: PTH105 - the one call that tests make fail
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename survive a power loss, where folders can be opened at all."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one_per_path(wants: Iterable[FileWant]) -> list[FileWant]:
    """Paths compare case-folded: on a disk that is blind to case they are one file."""
    found: dict[str, FileWant] = {}
    for want in wants:
        other = found.setdefault(str(want.path).casefold(), want)
        if other != want:
            raise Refused(
                f"layer config {want.path.name}: two different contents want this file",
                where=f"{want.path}, {other.path}",
                fix="select the models of one of them at a time, with different folders",
                wrote="nothing",
            )
    return list(found.values())


def _marked(content: Mapping[str, Any], version: str) -> dict[str, Any]:
    rest = _unmarked(content)
    return {**rest, MARK: {"tool": f"registry {version}", "sha256": _hash(rest)}}


def _unmarked(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != MARK}


def _hash(rest: Mapping[str, Any]) -> str:
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _decide(path: Path, content: Mapping[str, Any]) -> FileAction:
    if path.is_symlink():
        return FileAction.KEPT
    if not path.exists():
        return FileAction.WRITTEN
    there = _read(path)
    if there is None:
        return FileAction.KEPT
    if _unmarked(there) == _unmarked(content):
        return FileAction.UNCHANGED
    return FileAction.WRITTEN if _is_intact(there) else FileAction.KEPT


def _read(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None where there is none to be had."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _is_intact(content: Mapping[str, Any]) -> bool:
    """Whether we wrote it and nobody changed it since."""
    mark = content.get(MARK)
    try:
        return isinstance(mark, dict) and mark.get("sha256") == _hash(_unmarked(content))
    except ValueError:  # NaN, which we never write
        return False


def _write(change: FileChange) -> FileChange:
    if change.content is None:
        return change
    try:
        action = _decide(change.path, change.content)
        if action is FileAction.KEPT:
            return replace(change, action=action, is_new=_write_beside(change.path, change.content))
        if action is FileAction.WRITTEN:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(change.path, _text(change.content))
        return replace(change, action=action)
    except OSError as error:
        return replace(change, action=FileAction.KEPT, problem=_problem(change.path, error))
    except RegistryError as problem:
        return replace(change, action=FileAction.KEPT, problem=problem)


def _write_beside(path: Path, content: Mapping[str, Any]) -> bool:
    """Ours as `NAME.new`, unless it is there already. Raises Refused when a person changed that file too."""
    beside = path.with_name(path.name + ".new")
    action = _decide(beside, content)
    if action is FileAction.KEPT:
        raise Refused(
            f"layer config {path.name}: it and {beside.name} were both changed by hand",
            where=str(beside),
            fix=f"move {beside.name} away",
            wrote="neither",
        )
    if action is FileAction.WRITTEN:
        write_atomically(beside, _text(content))
    return action is FileAction.WRITTEN


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _problem(path: Path, error: OSError) -> RegistryError:
    what = f"layer config {path.name}: cannot write it: {error.strerror or error}"
    wrote = "this file not; the table and other files as they say"
    if error.errno in _FULL:
        return GaveUp(what, where=str(path), fix="make room on that disk and run again", wrote=wrote)
    return BadSettings(what, where=str(path), fix=f"make {path.parent} writable", wrote=wrote)
