"""A config as its class reads it: aliases, defaults, strict kinds, short errors, one type at a time."""

import json
from pathlib import Path

import pytest

from registry.architecture import config_view
from registry.architecture.config_view import ConfigView, class_keys, known_keys, shown
from schemas.errors import BadModel

FILE = Path(config_view.__file__).with_name("class_keys.json")


def test_the_entry_of_each_type_is_that_of_the_whole_document():
    whole = json.loads(FILE.read_text("utf-8"))["types"]
    assert class_keys() == whole
    assert len(whole) > 150
    assert [name for name in whole if known_keys(name) != whole[name]] == []


@pytest.mark.parametrize(
    "name", ["", "nope", "keys", "parts", "hidden_size", '"', "\\", "l.ama", "\x1b", "{"]
)
def test_a_name_that_is_no_type_has_no_entry(name):
    assert known_keys(name) == {}


def test_absent_keys_have_the_default_of_the_class_and_present_ones_their_own():
    view = ConfigView({"hidden_size": 64}, "llama", "f")
    assert (view["hidden_size"], view["num_hidden_layers"], view["num_key_value_heads"]) == (64, 32, None)
    with pytest.raises(KeyError):
        view["no_such_key"]


def test_both_spellings_of_an_alias_mean_one_key():
    assert ConfigView({"n_embd": 48}, "gpt2", "f")["hidden_size"] == 48
    assert ConfigView({"hidden_size": 48}, "gpt2", "f")["n_embd"] == 48


def test_an_alias_wins_over_the_name_itself_as_transformers_sets_it_last():
    assert ConfigView({"hidden_size": 48, "n_embd": 64}, "gpt2", "f")["n_embd"] == 48


def test_numbers_left_to_the_class_are_told_by_their_path():
    view = ConfigView({"text_config": {"hidden_size": 64}}, "gemma3", "f")
    assert view["text_config"]["hidden_size"] == 64
    assert view["text_config"]["num_attention_heads"] == 8
    assert view.defaulted == {"text_config.num_attention_heads": 8}


@pytest.mark.parametrize(
    ("key", "value", "want", "got"),
    [
        ("hidden_size", "4096", "int >= 0", "'4096'"),
        ("hidden_size", True, "int >= 0", "True"),
        ("hidden_size", 4096.0, "int >= 0", "4096.0"),
        ("hidden_size", -1, "int >= 0", "-1"),
        ("hidden_size", [4096], "int >= 0", "[4096]"),
        ("hidden_size", {"a": 1}, "int >= 0", "{'a': 1}"),
        ("hidden_size", 2**53 + 1, "int >= 0", str(2**53 + 1)),
        ("hidden_size", "\x1b[31m", "int >= 0", "'\\x1b[31m'"),
        ("num_hidden_layers", 10**12, "at most 10,000 layers", "1000000000000"),
        ("attention_bias", 1, "true or false", "1"),
        ("attention_bias", "yes", "true or false", "'yes'"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_place(key, value, want, got):
    with pytest.raises(BadModel) as raised:
        ConfigView({key: value}, "llama", "some.json")[key]
    text = str(raised.value)
    assert text.startswith(f"{key}: want {want}")
    assert text.endswith(f", got {got}\n  from  some.json\n  fix   correct {key} in the config")


def test_a_part_is_read_as_its_type_and_its_place_is_named():
    view = ConfigView({"text_config": {"hidden_size": "x"}}, "llama4", "f")
    part = view["text_config"]
    assert (part.model_type, part.where) == ("llama4_text", "f:text_config")
    with pytest.raises(BadModel, match="hidden_size"):
        part["hidden_size"]


@pytest.mark.parametrize("nested", [[], "siglip", 3, True], ids=repr)
def test_a_part_that_is_no_object_is_refused(nested):
    with pytest.raises(BadModel) as raised:
        ConfigView({"vision_config": nested}, "llama4", "f")["vision_config"]
    assert str(raised.value) == (
        f"vision_config: want object, got {nested!r}\n  from  f\n  fix   correct vision_config in the config"
    )


def test_a_value_is_shown_short_however_long_or_deep():
    deep = nested = []
    for _ in range(100_000):
        nested.append([])
        nested = nested[0]
    assert len(shown(deep)) < 40
    assert len(shown(["full_attention"] * 10**6)) < 120
    assert len(shown("x" * 10**6)) < 80
    assert len(shown({str(i): i for i in range(1000)})) < 80
    while nested is not deep and deep:  # taken apart, or freeing it recurses
        deep = deep.pop()
