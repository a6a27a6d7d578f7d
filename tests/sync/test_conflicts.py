"""Known conflicts: reported once, until one of the two values moves."""

from pathlib import Path

import pytest

from schemas.errors import BadSettings
from sync.conflicts import new_conflicts, remember
from sync.plan import Plan
from tests.sync.making import plan_of, record, row


def conflicting(table_says: int, source_says: int, name: str = "a") -> Plan:
    return plan_of([record(name, n_layers=source_says)], [row("1", name=name, n_layers=table_says)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "known.json"


def test_a_conflict_is_new_once(path: Path) -> None:
    assert [(c.key, c.field) for c in new_conflicts(conflicting(1, 2), path)] == [("sku:a", "n_layers")]
    remember(conflicting(1, 2), path)
    assert new_conflicts(conflicting(1, 2), path) == []


@pytest.mark.parametrize(("table_says", "source_says"), [(3, 2), (1, 3)])
def test_a_value_that_moves_makes_it_new(path: Path, table_says: int, source_says: int) -> None:
    remember(conflicting(1, 2), path)
    assert len(new_conflicts(conflicting(table_says, source_says), path)) == 1


def test_a_run_over_other_models_forgets_nothing(path: Path) -> None:
    remember(conflicting(1, 2, "a"), path)
    remember(conflicting(5, 6, "b"), path)
    assert new_conflicts(conflicting(1, 2, "a"), path) == []


def test_nothing_is_written_without_something_new(path: Path) -> None:
    remember(plan_of([record("a", n_layers=1)]), path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"t": {"k": 5}}', b"\xff"])
def test_a_damaged_file_is_an_empty_one(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert len(new_conflicts(conflicting(1, 2), path)) == 1
    remember(conflicting(1, 2), path)
    assert new_conflicts(conflicting(1, 2), path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings) as bad:
        remember(conflicting(1, 2), tmp_path / "file" / "known.json")
    assert bad.value.where == f"{tmp_path}/file/known.json"
    assert bad.value.wrote == "the table, but not this file: these conflicts will be new again"
