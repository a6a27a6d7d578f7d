"""The three-way table, all of it, for every kind of column."""

from itertools import product

import pytest

from schemas.evidence import Scalar
from schemas.record import Own
from sync.cells import cell_hash
from sync.diff import Action, classify

KINDS: dict[str, tuple[Scalar, Scalar, Scalar]] = {
    "title": ("Llama-2-7b", "Llama 2 7B", "llama"),
    "text": ("a", "b", "caf\u00e9"),
    "select": ("llama2", "llama3", "safety"),
    "number": (4096, 11008, 0),
    "float": (1e-05, 1e-06, 2.5),
}
TABLE = [  # D, C, B as letters; None is unknown, empty, no base
    (None, None, None, "unchanged"),
    (None, "x", None, "unchanged"),
    (None, "x", "x", "unchanged"),
    (None, "x", "y", "unchanged"),
    ("x", "x", None, "unchanged"),
    ("x", "x", "x", "unchanged"),
    ("x", "x", "y", "unchanged"),
    ("x", "y", "y", "update"),
    ("x", "y", "x", "held"),
    ("x", None, "x", "held"),
    ("x", "y", "z", "conflict"),
    ("x", None, "z", "conflict"),
    ("x", None, None, "fill"),
    ("x", "y", None, "conflict"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("d", "c", "b", "action"), TABLE)
def test_a_shared_cell(kind: str, d: str | None, c: str | None, b: str | None, action: str) -> None:
    value = dict(zip("xyz", KINDS[kind], strict=True)).__getitem__
    base = cell_hash(value(b)) if b else None
    assert classify(value(d) if d else None, value(c) if c else None, base) == action


@pytest.mark.parametrize(
    ("d", "c", "b", "action"),
    [
        (None, True, False, "unchanged"),
        (True, True, None, "unchanged"),
        (False, False, True, "unchanged"),
        (False, None, None, "unchanged"),
        (True, False, None, "fill"),
        (True, None, None, "fill"),
        (False, True, None, "conflict"),
        (True, False, False, "update"),
        (True, None, False, "fill"),
        (False, True, True, "update"),
        (True, False, True, "held"),
        (False, True, False, "held"),
    ],
)
def test_a_shared_box(d: bool | None, c: bool | None, b: bool | None, action: str) -> None:
    assert classify(d, c, None if b is None else cell_hash(b)) == action


def test_raw_text_in_a_number_column_is_a_person_s() -> None:
    assert classify(4096, "about 4k", None) is Action.CONFLICT
    assert classify(4096, "about 4k", cell_hash(4096)) is Action.HELD
    assert classify(8192, "about 4k", cell_hash(4096)) is Action.CONFLICT


@pytest.mark.parametrize(
    ("desired", "current", "base"), list(product(["x", None], ["x", "y", None], ["x", "y", None]))
)
def test_a_fill_cell_of_an_existing_row_is_never_touched(
    desired: str | None, current: str | None, base: str | None
) -> None:
    assert classify(desired, current, cell_hash(base) if base else None, Own.FILL) is Action.UNCHANGED


@pytest.mark.parametrize("base", ["x", "y", "z", None])
@pytest.mark.parametrize(
    ("desired", "current", "action"),
    [("x", "y", "update"), ("x", None, "fill"), ("x", "x", "unchanged"), (None, "y", "unchanged")],
)
def test_a_machine_cell_follows_the_source(
    desired: str | None, current: str | None, base: str | None, action: str
) -> None:
    assert classify(desired, current, cell_hash(base) if base else None, Own.MACHINE) == action
