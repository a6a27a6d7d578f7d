"""The base text: round trip, tampering, versions and columns that are others."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.base import Agreed, agreed_hash, format_base, parse_base

BASE = {"d_ff": Agreed("d_ff / d_hidden Ratio", "0a1b2c3d"), "n_layers": Agreed("%3AUPp", "ffffffff")}
TEXT = "v1 d_ff@d_ff%20%2F%20d_hidden%20Ratio=0a1b2c3d n_layers@%253AUPp=ffffffff 8f7b6d64"

hashes = st.integers(0, 2**32 - 1).map(lambda n: f"{n:08x}")
fields = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)
bases = st.dictionaries(fields, st.builds(Agreed, st.text(st.characters()), hashes))


def signed(head: str) -> str:
    return f"{head} {zlib.crc32(head.encode()):08x}"


def test_the_text_is_what_the_docstring_says() -> None:
    assert format_base(BASE) == signed(TEXT[:-9])
    assert parse_base(signed(TEXT[:-9])) == BASE


@given(bases)
def test_a_base_comes_back_whatever_the_property_ids(base: dict[str, Agreed]) -> None:
    text = format_base(base)
    assert text.isascii()
    assert parse_base(text) == base
    assert parse_base(f" {text}\n") == base


@given(bases.filter(bool), st.data())
def test_one_changed_character_makes_it_no_base(base: dict[str, Agreed], data: st.DataObject) -> None:
    text = format_base(base)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != text[at]))
    assert parse_base(text[:at] + other + text[at + 1 :]) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "v1",
        "hello",
        signed("v2 d_ff@a=0a1b2c3d"),
        signed("v1 d_ff@a=0a1b2c3"),
        signed("v1 d_ff=0a1b2c3d"),
        signed("v1 d_ff@a=0a1b2c3d rubbish"),
        signed("v1  d_ff@a=0a1b2c3d"),
        TEXT[:-20],
    ],
)
def test_absent_damaged_or_of_another_version_is_no_base(text: str | None) -> None:
    assert parse_base(text) is None


def test_a_base_of_no_field_is_one() -> None:
    assert parse_base(format_base({})) == {}


def test_a_field_whose_column_is_another_has_no_base() -> None:
    assert agreed_hash(BASE, "n_layers", "%3AUPp") == "ffffffff"
    assert agreed_hash(BASE, "n_layers", "other") is None
    assert agreed_hash(BASE, "n_heads", "x") is None
    assert agreed_hash(None, "n_layers", "%3AUPp") is None
