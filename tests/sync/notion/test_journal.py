"""The journal: what was begun is known after any end of a run, and what is damaged counts as not there."""

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import GaveUp
from sync.notion import journal as journal_module
from sync.notion.journal import Journal, remember_source, source_of

NOW = datetime(2026, 7, 4, 9, 8, 1, 250000, tzinfo=UTC)
ID = "0f0e0d0c0b0a4908870605040302010f"


def full_disk(*args: object, **kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def journal(home: Path) -> Journal:
    return Journal(home, ID)


def test_what_is_saved_is_there_again(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.state.pages["sku:a"] = "page-1"
    first.state.columns["d_ff"] = ("%3AUPp", "d_ff")
    first.state.rate_limit = 600
    first.state.last_write = NOW
    first.state.removed.add("sku:b")
    first.save()
    again = journal(tmp_path)
    assert again.state == first.state
    assert again.warnings == []


def test_a_state_that_did_not_change_is_not_written(tmp_path: Path) -> None:
    journal(tmp_path).save()
    assert not (tmp_path / "notion").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pages": 5}', b"\xff\x00"])
def test_a_damaged_state_counts_as_empty_and_is_told(tmp_path: Path, content: bytes) -> None:
    first = journal(tmp_path)
    first.state.title = "x"
    first.save()
    first.path.write_bytes(content)
    again = journal(tmp_path)
    assert again.state.title is None
    assert [str(first.path) in warning for warning in again.warnings] == [True]


def test_a_state_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.path.parent.mkdir()
    first.path.write_text('{"title": "x", "lineage": 5}')
    again = journal(tmp_path)
    assert (again.state.title, again.warnings) == ("x", [])


def test_a_state_that_cannot_be_written_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.replace", full_disk)
    first = journal(tmp_path)
    first.state.title = "x"
    first.save()
    assert first.warnings == [f"journal: cannot write {first.path}: No space left on device"]


def test_an_intent_survives_the_end_of_the_run(tmp_path: Path) -> None:
    intent = journal(tmp_path).intend("sku:a", NOW)
    assert journal(tmp_path).open_intents() == [intent]


def test_an_intent_is_on_the_disk_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    first = journal(tmp_path)
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(first.intents_path.read_bytes()))
    first.intend("sku:a", NOW)
    assert [b"sku:a" in content for content in synced] == [True, True], "the file, then its folder"
    first.intend("sku:b", NOW)
    assert len(synced) == 3


def test_a_line_that_was_cut_by_a_full_disk_does_not_swallow_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = journal(tmp_path)
    intent = first.intend("sku:a", NOW)
    whole = journal_module._checked

    def half(line: dict[str, Any], *, after_torn: bool) -> bytes:
        with first.intents_path.open("ab") as file:
            file.write(whole(line, after_torn=after_torn)[:20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(journal_module, "_checked", half)
        first.close(intent, "00000000-0000-4000-8000-000000000000")
    second = first.intend("sku:b", NOW)
    assert second in journal(tmp_path).open_intents()


def test_a_create_that_is_over_is_not_open_and_its_page_is_known(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.close(first.intend("sku:a", NOW), "page-1")
    first.close(first.intend("sku:b", NOW), None)
    again = journal(tmp_path)  # the state was never saved: the run died
    assert again.open_intents() == []
    assert again.state.pages == {"sku:a": "page-1"}


def test_the_page_that_notion_named_is_kept_with_the_intent(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.committed(first.intend("sku:a", NOW), "page-1")
    (intent,) = journal(tmp_path).open_intents()
    assert (intent.key, intent.page_id, intent.sent_at) == ("sku:a", "page-1", NOW)


def test_intents_come_oldest_first(tmp_path: Path) -> None:
    first = journal(tmp_path)
    for i, key in enumerate(["c", "a", "b"]):
        first.intend(key, NOW - timedelta(seconds=i))
    assert [intent.key for intent in first.open_intents()] == ["b", "a", "c"]


@pytest.mark.parametrize("n_lost", range(1, 60, 7))
def test_a_torn_last_line_is_left_out_and_the_next_one_is_whole(tmp_path: Path, n_lost: int) -> None:
    first = journal(tmp_path)
    first.intend("sku:a", NOW)
    first.intend("sku:b", NOW)
    content = first.intents_path.read_bytes()
    first.intents_path.write_bytes(content[:-n_lost])
    torn = journal(tmp_path)
    kept = [intent.key for intent in torn.open_intents()]
    assert kept[0] == "sku:a"
    assert len(kept) + len(torn.warnings) == 2
    torn.intend("sku:c", NOW + timedelta(seconds=1))
    assert [intent.key for intent in journal(tmp_path).open_intents()] == [*kept, "sku:c"]


def test_a_line_that_was_changed_is_left_out(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.intend("sku:a", NOW)
    first.intents_path.write_bytes(first.intents_path.read_bytes().replace(b"sku:a", b"sku:b"))
    again = journal(tmp_path)
    assert again.open_intents() == []
    assert len(again.warnings) == 1


def test_no_intent_without_a_place_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(GaveUp, match="cannot note that sku:a is to be created: No space left"):
        journal(tmp_path).intend("sku:a", NOW)


def test_a_line_that_the_next_run_can_do_without_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = journal(tmp_path)
    intent = first.intend("sku:a", NOW)
    monkeypatch.setattr(Path, "open", full_disk)
    first.close(intent, "page-1")
    assert first.open_intents() == []
    assert len(first.warnings) == 1


def test_intents_that_cannot_be_read_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / "notion" / f"{ID}.intents").mkdir(parents=True)
    with pytest.raises(GaveUp, match="cannot read which creates are open"):
        journal(tmp_path)


def test_lines_are_dropped_when_every_create_is_over_and_saved(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.close(first.intend("sku:a", NOW), "page-1")
    first.tidy()
    assert not first.intents_path.exists()
    assert journal(tmp_path).state.pages == {"sku:a": "page-1"}


def test_lines_are_kept_while_a_create_is_open(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.intend("sku:a", NOW)
    first.tidy()
    assert len(journal(tmp_path).open_intents()) == 1


def test_the_data_source_of_a_database_is_remembered(tmp_path: Path) -> None:
    assert source_of(tmp_path, "db") is None
    remember_source(tmp_path, "db", "ds")
    remember_source(tmp_path, "db2", "ds2")
    assert (source_of(tmp_path, "db"), source_of(tmp_path, "db2")) == ("ds", "ds2")
