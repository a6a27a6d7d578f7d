"""Cells in Notion's forms:

what is written comes back, whatever the column's type; what does not fit is shown.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.evidence import MAX_EXACT_INT, Scalar
from schemas.record import COLUMNS, Kind, field_type
from sync.cells import same
from sync.notion.cells import Property, decode, encode, n_pieces, pieces, usable_types, utf16_units
from sync.table import BASE

OPTIONS = {"llama2": "id-1", "caf\u00e9": "id-2"}


def column(type_: str, **options: str) -> Property:
    return Property("abcd", "Column", type_, options or OPTIONS)


def as_read(written: dict[str, Any]) -> dict[str, Any]:
    """A property value as Notion shows it again (retrieve a page):

    rich text in full, an option with its name.
    """
    ((type_, value),) = written.items()
    if type_ in ("title", "rich_text"):
        value = [{**piece, "type": "text", "plain_text": piece["text"]["content"]} for piece in value]
    if type_ in ("select", "status") and value:
        (name,) = [name for name, option in OPTIONS.items() if option == value["id"]]
        value = {"id": value["id"], "name": name, "color": "default"}
    return {"id": "abcd", "type": type_, type_: value}


def shown(type_: str, value: object) -> dict[str, Any]:
    return {"id": "abcd", "type": type_, type_: value}


def texts(max_size: int = 300) -> st.SearchStrategy[str]:
    """Any text Notion can hold:

    no lone surrogates, but pairs of them, combining marks and control characters.
    """
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(
        st.one_of(characters, st.sampled_from("e\u0301\u00e9\U0001f5fc\U0001d7d8")), max_size=max_size
    )


INTEGERS = st.integers(-MAX_EXACT_INT, MAX_EXACT_INT)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(text=texts().filter(bool), name=st.sampled_from(["notes", "core_model_id", "huggingface_repo", BASE]))
@pytest.mark.parametrize("type_", ["rich_text", "url", "email", "phone_number"])
def test_text_comes_back_as_it_was(type_: str, name: str, text: str) -> None:
    assert decode(name, as_read(encode(name, text, column(type_)))) == text


@given(text=texts(5000).filter(bool))
def test_a_title_comes_back_as_it_was(text: str) -> None:
    assert decode("model_name", as_read(encode("model_name", text, column("title")))) == text


@given(number=INTEGERS)
@pytest.mark.parametrize("type_", ["number", "rich_text"])
def test_an_integer_comes_back_as_an_integer(type_: str, number: int) -> None:
    back = decode("vocab_size", as_read(encode("vocab_size", number, column(type_))))
    assert (back, type(back)) == (number, int)


@given(number=NUMBERS)
@pytest.mark.parametrize("type_", ["number", "rich_text"])
def test_a_float_comes_back_exactly(type_: str, number: float) -> None:
    back = decode("norm_eps", as_read(encode("norm_eps", number, column(type_))))
    assert (back, type(back)) == (number, float)


@pytest.mark.parametrize("name", [name for name, one in COLUMNS.items() if one.kind is Kind.CHECKBOX])
@pytest.mark.parametrize("value", [True, False])
def test_a_box_comes_back(name: str, value: bool) -> None:
    assert decode(name, as_read(encode(name, value, column("checkbox")))) is value


@pytest.mark.parametrize("type_", ["select", "status"])
def test_an_option_is_sent_by_its_id_and_read_by_its_name(type_: str) -> None:
    sent = encode("model_family", "llama2", column(type_))
    assert sent == {type_: {"id": "id-1"}}
    assert decode("model_family", as_read(sent)) == "llama2"


def test_an_option_is_found_in_either_unicode_form() -> None:
    assert encode("model_family", "cafe\u0301", column("select")) == {"select": {"id": "id-2"}}


def test_an_option_that_is_not_there_is_never_sent() -> None:
    with pytest.raises(KeyError):
        encode("model_family", "llama9", column("select"))


def test_every_field_has_a_type_it_comes_back_from() -> None:
    samples: dict[type, Scalar] = {int: 32, float: 0.5, bool: True, str: "llama2"}
    for name in COLUMNS:
        for type_ in usable_types(name):
            value = samples[field_type(name)]
            assert same(decode(name, as_read(encode(name, value, column(type_)))), value), (name, type_)


@given(text=st.text(st.sampled_from("a\u00e9\U0001f5fc"), min_size=1, max_size=9000))
def test_pieces_are_short_enough_and_make_the_text_again(text: str) -> None:
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert all(len(piece.encode("utf-16-le")) // 2 <= 2000 for piece in cut)
    assert len(cut) == n_pieces(text)


@given(text=texts())
def test_length_is_counted_in_utf16_units(text: str) -> None:
    assert utf16_units(text) == len(text.encode("utf-16-le")) // 2


def test_a_pair_of_surrogates_is_not_cut_in_two() -> None:
    assert [len(piece) for piece in pieces("a" * 1999 + "\U0001f5fc" + "b")] == [1999, 2]


def test_an_integer_is_sent_as_one() -> None:
    assert repr(encode("n_layers", 32, column("number"))) == "{'number': 32}"
    assert repr(encode("vocab_size", 5, column("rich_text"))["rich_text"][0]["text"]["content"]) == "'5'"


def test_a_repository_is_an_address_in_a_url_column_and_plain_text_elsewhere() -> None:
    sent = encode("huggingface_repo", "meta-llama/Llama-2-7b-hf", column("url"))
    assert sent == {"url": "https://huggingface.co/meta-llama/Llama-2-7b-hf"}
    sent = encode("huggingface_repo", "meta-llama/Llama-2-7b-hf", column("rich_text"))
    assert sent["rich_text"][0]["text"]["content"] == "meta-llama/Llama-2-7b-hf"


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("https://huggingface.co/openai-community/gpt2", "openai-community/gpt2"),
        ("http://www.huggingface.co/openai-community/gpt2", "openai-community/gpt2"),
        ("openai-community/gpt2", "openai-community/gpt2"),
        ("https://example.org/gpt2", "https://example.org/gpt2"),
        ("https://huggingface.co/", "https://huggingface.co/"),
    ],
)
def test_a_repository_is_read_from_what_people_put_in_a_url_column(address: str, meant: str) -> None:
    assert decode("huggingface_repo", shown("url", address)) == meant


@pytest.mark.parametrize(
    ("name", "type_", "raw", "meant"),
    [
        ("n_layers", "number", 5.0, 5),
        ("n_layers", "number", 5, 5),
        ("rope_theta", "number", 10000, 10000.0),
        ("n_layers", "number", 5.5, 5.5),
        ("n_layers", "rich_text", [{"plain_text": "5"}], 5),
        ("n_layers", "rich_text", [{"plain_text": "5.0"}], 5),
        ("n_layers", "rich_text", [{"plain_text": "128,256"}], "128,256"),
        ("n_layers", "rich_text", [{"plain_text": "7B"}], "7B"),
        ("n_layers", "rich_text", [{"plain_text": "nan"}], "nan"),
        ("n_layers", "number", float("inf"), "inf"),
        ("n_layers", "number", 10**30, str(10**30)),
        ("n_layers", "number", True, "True"),
        ("is_moe", "checkbox", "yes", "yes"),
        ("notes", "rich_text", [{"plain_text": "a"}, {"plain_text": "b"}], "ab"),
        ("notes", "url", 5, "5"),
        ("model_family", "select", {"id": "x", "name": "llama2"}, "llama2"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_people_put_in_a_cell_is_read_leniently(
    name: str, type_: str, raw: object, meant: Scalar
) -> None:
    back = decode(name, shown(type_, raw))
    assert (back, type(back)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("name", "type_", "raw"),
    [
        ("n_layers", "number", None),
        ("model_family", "select", None),
        ("notes", "rich_text", []),
        ("model_name", "title", []),
        ("huggingface_repo", "url", None),
        ("huggingface_repo", "url", ""),
    ],
)
def test_an_empty_cell_is_none(name: str, type_: str, raw: object) -> None:
    assert decode(name, shown(type_, raw)) is None


def test_a_column_that_the_page_does_not_show_is_empty() -> None:
    assert decode("notes", {}) is None


@pytest.mark.parametrize(
    ("name", "value"), [("n_layers", "32"), ("n_layers", 1.5), ("is_moe", 1), ("notes", 5)]
)
def test_a_value_of_another_type_is_a_bug(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="want"):
        encode(name, value, column(usable_types(name)[0]))


def test_key_and_base_live_in_text_alone() -> None:
    assert usable_types("key") == usable_types(BASE) == ("rich_text",)
