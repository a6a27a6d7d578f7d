"""Layer configs and reports: ours are replaced, a person's are kept, and none is ever half."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BadSettings, GaveUp, Refused, StalePlan
from sync.document import load_plan, plan_document
from sync.files import FileAction, FileChange, FileWant, plan_files, write_atomically, write_files
from sync.plan import make_plan
from tests.sync.making import REF, SCHEMA, evidence, record

CONTENT = {
    "model_id": "a_b",
    "total_params": 6738415616,
    "eps": 1e-05,
    "name": "caf\u00e9",
    "layers": [{"n": 1}],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "layers" / "a_b.json"


def plan(path: Path, content: dict[str, Any] = CONTENT, version: str = "0.1.0") -> FileChange:
    (change,) = plan_files([FileWant(path, content)], version=version)
    return change


def run(path: Path, content: dict[str, Any] = CONTENT, version: str = "0.1.0") -> FileChange:
    (change,) = write_files([plan(path, content, version)])
    return change


def listing(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_plan_writes_nothing(path: Path) -> None:
    assert plan(path).action is FileAction.WRITTEN
    assert not path.parent.exists()


def test_a_file_is_the_content_and_who_made_it(path: Path) -> None:
    change = run(path)
    assert (change.action, change.is_new, change.problem) == (FileAction.WRITTEN, False, None)
    found = json.loads(path.read_text("utf-8"))
    made_by = found.pop("generated_by")
    assert found == CONTENT
    assert made_by["tool"] == "registry 0.1.0"
    # Second witness: sha256sum of the content with sorted keys, no spaces and the accent escaped.
    assert made_by["sha256"] == "ce46ad63b61e76dab9464ad5ac72af0f84d94c954e9349433478e0e93df2a11d"
    assert "caf\u00e9" in path.read_text("utf-8")
    assert listing(path) == ["a_b.json"]


def test_a_second_run_and_a_new_version_alone_rewrite_nothing(path: Path) -> None:
    run(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert run(path).action is FileAction.UNCHANGED
    assert run(path, version="9.9.9").action is FileAction.UNCHANGED
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_new_content_replaces_ours_and_keeps_its_mode(path: Path) -> None:
    run(path)
    path.chmod(0o640)
    assert run(path, {"total_params": 2}).action is FileAction.WRITTEN
    assert json.loads(path.read_text())["total_params"] == 2
    assert path.stat().st_mode & 0o777 == 0o640


def _changed(path: Path) -> None:
    path.write_text(path.read_text().replace("6738415616", "7"))


def _unmarked(path: Path) -> None:
    path.write_text('{"total_params": 7}')


def _half(path: Path) -> None:
    path.write_text(path.read_text()[:40])


def _list(path: Path) -> None:
    path.write_text("[]")


def _binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def _not_a_number(path: Path) -> None:
    path.write_text('{"total_params": NaN, "generated_by": {"sha256": "x"}}')


def _odd_mark(path: Path) -> None:
    path.write_text('{"total_params": 7, "generated_by": "me"}')


@pytest.mark.parametrize(
    "edit",
    [_changed, _unmarked, _half, _list, _binary, _not_a_number, _odd_mark],
    ids=lambda edit: edit.__name__,
)
def test_what_a_person_wrote_is_kept_and_ours_lands_beside_it_once(path: Path, edit: Any) -> None:
    run(path)
    edit(path)
    theirs = path.read_bytes()
    assert plan(path).action is FileAction.KEPT
    assert (path.read_bytes(), listing(path)) == (theirs, ["a_b.json"])
    first, second, third = run(path), run(path), run(path, {"total_params": 2})
    assert [change.action for change in (first, second, third)] == [FileAction.KEPT] * 3
    assert [change.is_new for change in (first, second, third)] == [True, False, True]
    assert path.read_bytes() == theirs
    assert json.loads(path.with_name("a_b.json.new").read_text())["total_params"] == 2
    assert listing(path) == ["a_b.json", "a_b.json.new"]


def test_a_file_of_a_person_that_says_the_same_is_unchanged(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps(CONTENT))
    assert run(path).action is FileAction.UNCHANGED
    assert listing(path) == ["a_b.json"]


def test_a_link_is_kept_and_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    target = tmp_path / "elsewhere.json"
    path.symlink_to(target)
    assert (run(path).action, run(path).is_new) == (FileAction.KEPT, False)
    assert not target.exists()
    assert path.is_symlink()
    assert listing(path) == ["a_b.json", "a_b.json.new"]


def test_a_folder_in_its_place_is_kept(path: Path) -> None:
    path.mkdir(parents=True)
    assert run(path).action is FileAction.KEPT
    assert path.is_dir()


def test_a_new_file_that_a_person_changed_too_is_kept(path: Path) -> None:
    run(path)
    _changed(path)
    run(path)
    beside = path.with_name("a_b.json.new")
    _changed(beside)
    theirs = beside.read_bytes()
    change = run(path)
    assert (change.action, change.is_new, beside.read_bytes()) == (FileAction.KEPT, False, theirs)
    assert str(change.problem) == (
        "a_b.json: it and a_b.json.new were both changed by hand\n"
        f"  from  {beside}\n  fix   move a_b.json.new away\n  wrote neither"
    )


def test_a_file_that_a_person_changes_after_the_plan_is_kept(path: Path) -> None:
    run(path)
    planned = plan(path, {"total_params": 2})
    assert planned.action is FileAction.WRITTEN
    _changed(path)
    theirs = path.read_bytes()
    (change,) = write_files([planned])
    assert (change.action, change.is_new, path.read_bytes()) == (FileAction.KEPT, True, theirs)


@pytest.mark.parametrize("moment", ["open", "fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "kind", "fix"),
    [
        (errno.ENOSPC, GaveUp, "make room on that disk and run again"),
        (errno.EDQUOT, GaveUp, "make room on that disk and run again"),
        (errno.EACCES, BadSettings, "make {} writable"),
        (errno.EROFS, BadSettings, "make {} writable"),
        (errno.ENAMETOOLONG, BadSettings, "give it a shorter name"),
    ],
    ids=["full", "quota", "access", "read-only", "name too long"],
)
def test_a_failing_disk_leaves_the_old_file_whole_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, number: int, kind: type, fix: str
) -> None:
    old, other = tmp_path / "old.json", tmp_path / "other.json"
    run(old)
    before = old.read_bytes()
    wants = [FileWant(old, {"total_params": 2}), FileWant(other, {"total_params": 3})]
    planned = plan_files(wants, version="0.1.0")
    with monkeypatch.context() as patched:
        fail_once(patched, moment, number)
        failed, written = write_files(planned)
    assert (failed.path, failed.action, failed.is_new) == (old, FileAction.KEPT, False)
    assert (written.path, written.action, written.problem) == (other, FileAction.WRITTEN, None)
    assert old.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["old.json", "other.json"]
    assert str(failed.problem) == (
        f"old.json: cannot write it: {os.strerror(number)}\n  from  {old}\n"
        f"  fix   {fix.format(tmp_path)}\n  wrote this file not; the table and other files as they say"
    )
    assert type(failed.problem) is kind
    assert [change.action for change in write_files(planned)] == [FileAction.WRITTEN, FileAction.UNCHANGED]


def fail_once(patched: pytest.MonkeyPatch, moment: str, number: int) -> None:
    """Makes the first call at one seam of the operating system fail."""
    owner: Any = Path if moment == "open" else os
    real = getattr(owner, moment)
    left = [OSError(number, os.strerror(number))]

    def failing(*args: Any, **options: Any) -> Any:
        if left and (moment != "open" or "x" in args):
            raise left.pop()
        return real(*args, **options)

    patched.setattr(owner, moment, failing)


def test_two_contents_for_one_path_are_refused(path: Path) -> None:
    with pytest.raises(Refused) as refused:
        plan_files([FileWant(path, {"a": 1}), FileWant(path, {"a": 2})], version="0.1.0")
    assert str(refused.value) == (
        f"a_b.json: two different contents want this file\n  from  {path}, {path}\n"
        "  fix   select the models of one of them at a time, with different folders\n  wrote nothing"
    )
    with pytest.raises(Refused):
        plan_files([FileWant(path, {}), FileWant(path.with_name("A_b.json"), {})], version="0.1.0")
    assert len(plan_files([FileWant(path, {"a": 1}), FileWant(path, {"a": 1})], version="0.1.0")) == 1


def test_changes_come_in_order_of_path(tmp_path: Path) -> None:
    wants = [FileWant(tmp_path / name, {}) for name in ("b.json", "a.json")]
    assert [change.path.name for change in plan_files(wants, version="0.1.0")] == ["a.json", "b.json"]


def test_text_is_written_whole_over_a_link_and_not_through_it(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("theirs")
    link.symlink_to(target)
    write_atomically(link, "caf\u00e9\n")
    assert (target.read_text(), link.read_bytes(), link.is_symlink()) == (
        "theirs",
        "caf\u00e9\n".encode(),
        False,
    )
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "x", "")


TEXT = "# Report\n\n| caf\u00e9 | 1 |\n"
# Second witness: sha256sum of the text above.
TEXT_HASH = "bb31b1d9284f0eb6871dda33eef2b708e231db0ec2d2d01f75c2efb4ca937d61"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "gaps" / "attention.md"


def write_text(path: Path, text: str = TEXT, version: str = "0.1.0") -> FileChange:
    (change,) = write_files(plan_files([FileWant(path, text)], version=version))
    return change


def test_a_text_says_in_its_last_line_who_made_it(page: Path) -> None:
    change = write_text(page)
    assert (change.action, change.is_new, change.problem) == (FileAction.WRITTEN, False, None)
    footer = f"<!-- generated by registry 0.1.0, sha256 {TEXT_HASH} -->"
    assert page.read_bytes() == f"{TEXT}\n{footer}\n".encode()
    assert listing(page) == ["attention.md"]


def test_the_same_text_and_a_new_version_alone_rewrite_nothing(page: Path) -> None:
    write_text(page)
    before = page.read_bytes(), page.stat().st_mtime_ns
    for version in ("0.1.0", "9.9.9"):
        assert write_text(page, version=version).action is FileAction.UNCHANGED
    assert (page.read_bytes(), page.stat().st_mtime_ns) == before


def test_a_new_text_replaces_ours(page: Path) -> None:
    write_text(page)
    assert write_text(page, "other\n").action is FileAction.WRITTEN
    assert page.read_text().startswith("other\n\n<!-- generated by registry 0.1.0, sha256 ")


@pytest.mark.parametrize("end", ["", "\n", "\n\n"], ids=["none", "one", "two"])
def test_a_text_ends_in_one_line_break_whatever_it_came_with(page: Path, end: str) -> None:
    write_text(page, "a" + end)
    assert page.read_text().startswith("a\n\n<!-- ")
    assert write_text(page, "a").action is FileAction.UNCHANGED


EDITS = {
    "a word": lambda text: text.replace("Report", "My report"),
    "a line after the footer": lambda text: text + "mine\n",
    "no footer": lambda text: text.partition("\n<!--")[0] + "more\n",
    "another hash": lambda text: text.replace(TEXT_HASH, "0" * 64),
    "nothing left": lambda _: "",
}


@pytest.mark.parametrize("edit", list(EDITS))
def test_a_text_that_a_person_changed_is_kept_and_ours_lands_beside_it(page: Path, edit: str) -> None:
    write_text(page)
    page.write_bytes(EDITS[edit](page.read_text("utf-8")).encode())
    theirs = page.read_bytes()
    first, second = write_text(page, "other\n"), write_text(page, "other\n")
    assert [(one.action, one.is_new) for one in (first, second)] == [
        (FileAction.KEPT, True),
        (FileAction.KEPT, False),
    ]
    assert page.read_bytes() == theirs
    assert page.with_name("attention.md.new").read_text().startswith("other\n\n<!-- generated by registry")
    assert listing(page) == ["attention.md", "attention.md.new"]


def test_line_ends_that_version_control_changed_are_no_edit(page: Path) -> None:
    write_text(page)
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert write_text(page).action is FileAction.UNCHANGED
    assert write_text(page, "other\n").action is FileAction.WRITTEN


def test_a_text_of_a_person_that_is_not_utf_8_is_kept(page: Path) -> None:
    page.parent.mkdir()
    page.write_bytes(b"\xff\xfe")
    assert write_text(page).action is FileAction.KEPT
    assert page.read_bytes() == b"\xff\xfe"


def test_a_text_that_quotes_a_footer_has_one_of_its_own(page: Path) -> None:
    quoted = f"see\n<!-- generated by registry 0.0.1, sha256 {'0' * 64} -->\nabove\n"
    write_text(page, quoted)
    assert page.read_text().count("<!-- generated by registry") == 2
    assert write_text(page, quoted).action is FileAction.UNCHANGED
    assert write_text(page, "other").action is FileAction.WRITTEN


def test_json_where_a_text_should_be_and_a_text_where_json_should_be_are_kept(tmp_path: Path) -> None:
    page, config = tmp_path / "a.md", tmp_path / "a.json"
    page.write_text('{"a": 1}')
    config.write_text(TEXT)
    changes = write_files(plan_files([FileWant(page, TEXT), FileWant(config, CONTENT)], version="0.1.0"))
    assert [(change.action, change.is_new) for change in changes] == [(FileAction.KEPT, True)] * 2


def test_texts_and_configs_survive_a_saved_plan(path: Path, page: Path) -> None:
    files = plan_files([FileWant(path, CONTENT), FileWant(page, TEXT)], version="0.1.0")
    made = make_plan([record()], [], SCHEMA, REF, evidence, files)
    saved = json.dumps(plan_document(made, requests={}, exit_code=2)).encode()
    loaded = load_plan(saved, "plan.json")
    assert list(loaded.files) == list(made.files) == files
    assert loaded.digest == made.digest
    assert [change.action for change in write_files(loaded.files)] == [FileAction.WRITTEN] * 2
    assert [change.action for change in plan_files([FileWant(page, TEXT)], version="0.1.0")] == [
        FileAction.UNCHANGED
    ]


def test_an_edited_text_in_a_saved_plan_is_refused(page: Path) -> None:
    files = plan_files([FileWant(page, TEXT)], version="0.1.0")
    document = plan_document(
        make_plan([record()], [], SCHEMA, REF, evidence, files), requests={}, exit_code=2
    )
    saved = json.dumps(document).replace("# Report", "# Edited").encode()
    with pytest.raises(StalePlan, match="it was edited"):
        load_plan(saved, "plan.json")


def test_a_file_in_the_place_of_the_folder_is_told_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "gaps").write_text("a file")
    change = write_text(tmp_path / "gaps" / "attention.md")
    assert (change.action, change.is_new) == (FileAction.KEPT, False)
    assert isinstance(change.problem, BadSettings)
    assert change.problem.what.startswith("attention.md: cannot write it: ")
