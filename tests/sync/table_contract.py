"""What every table has to do. A subclass gives `table`, an empty table that nothing has been written to."""

from typing import Any

import pytest

from schemas.record import COLUMNS
from sync.table import Outcome, Row, RowWrite, Table

VALUES = {
    "key": "sku:Llama-2-7b",
    "model_name": "Llama-2-7b",
    "model_family": "llama2",
    "huggingface_repo": "meta-llama/Llama-2-7b-hf",
    "n_layers": 32,
    "norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "vocab_size": 2**53,
    "is_moe": False,
    "gated_mlp": True,
    "notes": "caf\u00e9 \u4e2d\u6587 \U0001d7d8 'quoted' % ; --",
}


def creation(name: str, **values: Any) -> RowWrite:
    return RowWrite(
        None, f"sku:{name}", {"key": f"sku:{name}", "model_name": name, **values}, f"base of {name}", {}
    )


def ignore(done: int) -> None:
    pass


class TableContract:
    """Inherit it under a name that pytest collects.

    `absent_id`: of no row, in the form of this table's ids.
    """

    absent_id = "987654"

    @pytest.fixture
    def table(self) -> Table:
        raise NotImplementedError

    def test_it_is_named_without_being_asked(self, table: Table) -> None:
        assert all(table.ref)
        assert set(table.requests) == {"read", "write", "waited_s"}

    def test_an_empty_table_has_no_rows_and_every_owned_column(self, table: Table) -> None:
        assert table.read() == []
        assert set(table.schema().bound) >= {name for name, column in COLUMNS.items() if not column.optional}

    def test_property_ids_are_different(self, table: Table) -> None:
        ids = list(table.schema().bound.values())
        assert len(set(ids)) == len(ids)

    def test_the_fingerprint_is_the_same_before_and_after_a_write(self, table: Table) -> None:
        before = table.schema()
        table.write([creation("a")], ignore)
        assert table.schema() == before

    def test_what_was_written_is_read_again(self, table: Table) -> None:
        (result,) = table.write([RowWrite(None, VALUES["key"], VALUES, "v1 base", {})], ignore)  # type: ignore[arg-type]
        assert (result.key, result.outcome) == (VALUES["key"], Outcome.CREATED)
        (found,) = table.read()
        assert {name: found.cells[name] for name in VALUES} == VALUES
        assert [type(found.cells[name]) for name in VALUES] == [type(value) for value in VALUES.values()]
        assert found.base == "v1 base"

    def test_a_cell_that_was_not_written_is_empty(self, table: Table) -> None:
        table.write([creation("a")], ignore)
        (found,) = table.read()
        assert found.cells["n_layers"] is None
        assert not found.cells["is_moe"]

    def test_an_update_sets_its_cells_and_the_base_and_no_other(self, table: Table) -> None:
        found = self._created(table, n_layers=1, n_heads=2)
        update = RowWrite(found.row_id, "sku:a", {"n_layers": 3}, "new base", {"n_layers": 1})
        (result,) = table.write([update], ignore)
        assert result.outcome is Outcome.UPDATED
        (after,) = table.read()
        assert after.cells == {**found.cells, "n_layers": 3}
        assert (after.row_id, after.base) == (found.row_id, "new base")

    def test_a_row_whose_cell_moved_is_stale_and_not_written(self, table: Table) -> None:
        found = self._created(table, n_layers=1, n_heads=2)
        update = RowWrite(found.row_id, "sku:a", {"n_heads": 9}, "new base", {"n_layers": 7, "n_heads": 2})
        (result,) = table.write([update], ignore)
        assert result.outcome is Outcome.STALE
        assert "n_layers" in result.detail
        assert table.read() == [found]

    def test_a_row_that_is_gone_is_stale(self, table: Table) -> None:
        self._created(table)
        (result,) = table.write([RowWrite(self.absent_id, "sku:b", {"n_layers": 3}, "b", {})], ignore)
        assert result.outcome is Outcome.STALE

    def test_a_key_that_came_after_the_plan_is_not_created_twice(self, table: Table) -> None:
        found = self._created(table)
        (result,) = table.write([creation("A", n_layers=5)], ignore)
        assert result.outcome is Outcome.STALE
        assert table.read() == [found]

    def test_each_row_has_one_result_in_order_and_progress_ends_at_the_last(self, table: Table) -> None:
        steps: list[int] = []
        batch = [creation(f"m{i}", n_layers=i) for i in range(1101)]
        results = table.write(batch, steps.append)
        assert [result.key for result in results] == [write.key for write in batch]
        assert {result.outcome for result in results} == {Outcome.CREATED}
        assert steps == sorted(steps)
        assert steps[-1] == 1101
        assert {found.cells["n_layers"] for found in table.read()} == set(range(1101))

    def test_a_stale_row_does_not_stop_the_others(self, table: Table) -> None:
        found = self._created(table, n_layers=1)
        stale = RowWrite(found.row_id, "sku:a", {"n_layers": 3}, "b", {"n_layers": 2})
        results = table.write([creation("b"), stale, creation("c")], ignore)
        assert [result.outcome for result in results] == [Outcome.CREATED, Outcome.STALE, Outcome.CREATED]

    def _created(self, table: Table, **values: Any) -> Row:
        table.write([creation("a", **values)], ignore)
        (found,) = table.read()
        return found
