"""Cells: what counts as the same, and both ways through the codec."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.evidence import Scalar
from schemas.record import Kind
from sync.cells import all_writable, cell_hash, decode, encode, is_empty, same, unwritable

exact_ints = st.integers(min_value=-(2**53), max_value=2**53)
floats = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
scalars = st.one_of(st.none(), st.booleans(), exact_ints, floats, texts)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (5, 5.0, True),
        (-0.0, 0, True),
        (0.1 + 0.2, 0.3, False),
        (1e-05, 9.999999747378752e-06, False),
        (2**53, float(2**53), True),
        (0, None, False),
        (0, False, False),
        (1, True, False),
        (False, None, True),
        ("", None, True),
        (" ", None, False),
        ("5", 5, False),
        ("caf\u00e9", "cafe\u0301", True),
        ("Llama", "llama", False),
        ("\ud800", "\ud801", False),
    ],
    ids=repr,
)
def test_cells_are_the_same_when_they_mean_the_same(left: Scalar, right: Scalar, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal
    assert (cell_hash(left) == cell_hash(right)) is equal


@pytest.mark.parametrize(
    ("value", "empty"), [(None, True), ("", True), (False, True), (0, False), (" ", False)]
)
def test_an_unticked_box_is_empty_and_a_zero_is_not(value: Scalar, empty: bool) -> None:
    assert is_empty(value) is empty


@given(scalars)
def test_a_hash_is_8_hex_digits(value: Scalar | None) -> None:
    assert len(cell_hash(value)) == 8
    int(cell_hash(value), 16)


def test_hashes_stay_what_they_are() -> None:
    r"""They lie in the tables of users: a new form would make every row a conflict.

    The values are what gzip stores as CRC-32 of `b1`, `n4096.0`, `n1e-05`, `tllama2` and `tcaf\u00e9`.
    """
    values = [None, True, 4096, 1e-05, "llama2", "caf\u00e9"]
    assert [cell_hash(value) for value in values] == [
        "00000000", "47cc1be0", "f8340272", "aae57eed", "d11bbd58", "7ffe5bdc",
    ]  # fmt: skip


@given(exact_ints)
def test_whole_numbers_come_back(value: int) -> None:
    assert decode(encode(value, Kind.NUMBER, whole=True), Kind.NUMBER, whole=True) == value
    assert decode(float(value), Kind.NUMBER, whole=True) == value


@given(floats.filter(lambda value: abs(value) < 2**63))
def test_numbers_come_back(value: float) -> None:
    assert decode(encode(value, Kind.NUMBER), Kind.NUMBER) == value


@given(st.booleans())
def test_boxes_come_back(value: bool) -> None:
    assert decode(encode(value, Kind.CHECKBOX), Kind.CHECKBOX) is value
    assert decode(int(value), Kind.CHECKBOX) is value


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.TITLE, Kind.SELECT])
@given(value=texts)
def test_text_comes_back(kind: Kind, value: str) -> None:
    assert decode(encode(value, kind), kind) == value
    assert same(value, unicodedata.normalize("NFD", value))


@pytest.mark.parametrize(
    ("raw", "kind", "whole", "cell"),
    [
        (Decimal("32"), Kind.NUMBER, True, 32),
        (Decimal("32"), Kind.NUMBER, False, 32.0),
        (Decimal("NaN"), Kind.NUMBER, False, "NaN"),
        (Decimal("1e400"), Kind.NUMBER, False, "1E+400"),
        (float("nan"), Kind.NUMBER, False, "nan"),
        (True, Kind.NUMBER, True, "True"),
        (1.5, Kind.NUMBER, True, 1.5),
        (2**70, Kind.NUMBER, True, str(2**70)),
        (1.0, Kind.CHECKBOX, False, "1.0"),
        pytest.param(memoryview(b"a\xff"), Kind.TEXT, False, "a\\xff", id="memoryview"),
        (7, Kind.TEXT, False, "7"),
    ],
    ids=repr,
)
def test_what_fits_its_column_badly_is_raw_text(raw: object, kind: Kind, whole: bool, cell: Scalar) -> None:
    assert decode(raw, kind, whole=whole) == cell
    assert type(decode(raw, kind, whole=whole)) is type(cell)


@pytest.mark.parametrize(
    ("value", "kind", "whole"),
    [
        (1, Kind.CHECKBOX, False),
        (True, Kind.NUMBER, True),
        ("5", Kind.NUMBER, True),
        (1.5, Kind.NUMBER, True),
        (5, Kind.TEXT, False),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_not_stored(value: Scalar, kind: Kind, whole: bool) -> None:
    with pytest.raises(ValueError, match=r"want .*, got"):
        encode(value, kind, whole=whole)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (2**53, None),
        (2**53 + 1, "an integer up to 2^53 = 9007199254740992"),
        (-(2**53) - 1, "an integer up to 2^53 = 9007199254740992"),
        (float("inf"), "a finite number"),
        (float("nan"), "a finite number"),
        (1e300, None),
        ("caf\u00e9", None),
        ("a\0b", "text without U+0000"),
        ("\udc80", "text without U+DC80"),
        (True, None),
    ],
    ids=ascii,
)
def test_what_no_table_holds_exactly_is_told(value: Scalar, want: str | None) -> None:
    assert unwritable(value) == want


@given(st.lists(st.one_of(st.booleans(), st.integers(), st.floats(), st.text(st.characters()))))
def test_the_quick_look_at_a_row_misses_nothing(values: list[Scalar]) -> None:
    assert not all_writable(values) or all(unwritable(value) is None for value in values)


def test_the_quick_look_passes_an_ordinary_row() -> None:
    assert all_writable(["Llama-2-7b", 32, 1e-05, False, 2**40])
