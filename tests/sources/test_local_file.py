"""A config on this machine: read strictly, without pydantic; a Llama without a name is completed."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import BadSource, RegistryError
from sources.local_file import LLAMA_STYLE, MAX_BYTES, completed, read

BARE = dict.fromkeys(LLAMA_STYLE, 64)


def test_reading_a_file_imports_no_pydantic():
    code = "import sources.local_file, sys; print(sorted({'pydantic', 'rich', 'json5'} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert ended.stdout == "[]\n"


HOSTILE = {
    "nan": ('{"hidden_size": NaN}', "config: NaN is no number of JSON"),
    "infinity": ('{"a": -Infinity}', "config: -Infinity is no number of JSON"),
    "overflow": ('{"a": 1e999}', "config: the number 1e999 is too large"),
    "huge int": (
        f'{{"a": {10**30}}}',
        f"config: the integer {10**30} is above 2^53 and not exact in a table",
    ),
    "digits": (
        f'{{"a": {"9" * 5000}}}',
        "config: the integer 999999999999... of 5000 digits is above 2^53 and not exact in a table",
    ),
    "twice": ('{"a": 1, "a": 2}', "config: the key 'a' stands twice in one object"),
    "twice within": (
        '{"a": {"\\u001b": 1, "\\u001b": 2}}',
        "config: the key '\\x1b' stands twice in one object",
    ),
    "deep lists": ("[" * 100_000 + "]" * 100_000, "config: nested too deep"),
    "deep objects": ('{"a":' * 100_000 + "1" + "}" * 100_000, "config: nested too deep"),
    "a list": ("[1]", "config: want an object, got an array"),
    "a text": ('"llama"', "config: want an object, got text"),
    "null": ("null", "config: want an object, got null"),
    "empty": ("", "config: not JSON: expecting value"),
    "cut off": ('{"a": ', "config: not JSON: expecting value"),
    "half a pair": ('{"a": "\\ud800"}', "config: a text holds half of a surrogate pair"),
}


@pytest.mark.parametrize(("text", "what"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_config_is_refused_with_place_and_fix(tmp_path, text, what):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(BadSource) as raised:
        read(path)
    assert raised.value.what == what
    assert (raised.value.where or "").startswith(str(path))
    assert raised.value.fix


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(BadSource, match="not UTF-8: byte 0xff at 7"):
        read(path)


@pytest.mark.parametrize(
    ("name", "met"),
    [
        ("nope.json", "No such file or directory"),
        (".", "Is a directory"),
        ("a" * 5000, "File name too long"),
        ("a\0b", "embedded null byte"),
    ],
    ids=["missing", "a folder", "too long", "a NUL"],
)
def test_a_path_that_cannot_be_read_says_why(name, met):
    with pytest.raises(BadSource) as raised:
        read(Path(name))
    assert raised.value.what == f"config: want a readable file, met {met}"
    assert raised.value.fix == "give the path of a .json or .jsonc file"


def test_no_more_is_read_than_a_config_can_be(tmp_path):
    path = tmp_path / "model.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 10**9)
    with pytest.raises(BadSource, match="want at most 4194304 bytes, met more"):
        read(path)


def test_comments_belong_in_jsonc(tmp_path):
    for suffix in ("json", "jsonc"):
        (tmp_path / f"c.{suffix}").write_text('{"a": 1, /* why */}')
    assert read(tmp_path / "c.jsonc") == {"a": 1}
    with pytest.raises(RegistryError):
        read(tmp_path / "c.json")


def test_a_decoder_without_a_type_is_read_as_llama_and_says_so():
    assert completed(BARE, "f") == (
        {**BARE, "model_type": "llama"},
        ("no model_type: read as a Llama-style decoder",),
    )


@pytest.mark.parametrize("config", [{"model_type": "gpt2"}, {"text_config": {"hidden_size": 8}}], ids=str)
def test_a_config_that_says_what_it_is_stays_as_it_is(config):
    assert completed(config, "f") == (config, ())


def test_an_object_that_is_no_config_names_what_is_missing():
    with pytest.raises(BadSource) as raised:
        completed({"hidden_size": 8, "vocab_size": 9, "intermediate_size": 7}, "f.json")
    assert str(raised.value) == (
        "config: no model_type, and no num_hidden_layers, num_attention_heads\n"
        "  from  f.json\n"
        "  fix   name the model_type, or give the fields of a Llama-style decoder"
    )
