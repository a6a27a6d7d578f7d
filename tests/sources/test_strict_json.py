"""JSON from others: what could be misread is refused, with the place where that is known."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadSource
from sources.strict_json import loads

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
AGAIN = "mend the file, or take it from its source again"
NAME_IT = "name a file with comments or trailing commas .jsonc"


def refusal(text: bytes, *, jsonc: bool = False) -> str:
    with pytest.raises(BadSource) as raised:
        loads(text, "f.json", jsonc=jsonc)
    assert raised.value.exit_code == 3
    return str(raised.value)


def expected(what: str, place: str = "", fix: str = AGAIN) -> str:
    return f"config: {what}\n  from  f.json{place}\n  fix   {fix}"


VALUES = {
    "duplicate key": (b'{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice in one object"),
    "the same key in two spellings": (b'{"a": 1, "\\u0061": 2}', "the key 'a' stands twice in one object"),
    "NaN": (b'{"a": NaN}', "NaN is no number of JSON"),
    "Infinity": (b'{"a": Infinity}', "Infinity is no number of JSON"),
    "-Infinity": (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
    "overflow": (b'{"a": 1e400}', "the number 1e400 is too large"),
    "above 2^53": (b'{"a": 9007199254740993}',
                   "the integer 9007199254740993 is above 2^53 and not exact in a table"),
    "below -2^53": (b'{"a": -9007199254740993}',
                    "the integer -9007199254740993 is above 2^53 and not exact in a table"),
    "5,000 digits": (b'{"a": ' + b"7" * 5000 + b"}",
                     "the integer 777777777777... of 5000 digits is above 2^53 and not exact in a table"),
    "half a surrogate pair": (b'{"a": "\\ud800"}', "a text holds half of a surrogate pair"),
    "half a pair in a key": (b'{"x": [{"\\udc00": 1}]}', "a text holds half of a surrogate pair"),
    "array": (b"[1]", "want an object, got an array"),
    "text": (b'"x"', "want an object, got text"),
    "null": (b"null", "want an object, got null"),
    "true": (b"true", "want an object, got true or false"),
    "number": (b"3", "want an object, got a number"),
}  # fmt: skip


@pytest.mark.parametrize("jsonc", [False, True], ids=["json", "jsonc"])
@pytest.mark.parametrize(("text", "what"), VALUES.values(), ids=VALUES)
def test_what_is_no_fact_is_refused_in_both_dialects(text, what, jsonc):
    assert refusal(text, jsonc=jsonc) == expected(what)


BYTES = {
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8: byte 0xff at 0"),
    "latin-1": (b'{"a": "\xe9"}', "not UTF-8: byte 0xe9 at 7"),
    "surrogate in UTF-8": (b'{"a": "\xed\xa0\x80"}', "not UTF-8: byte 0xed at 7"),
    "nested too deep": (b'{"a":' + b"[" * 100_000, "nested too deep"),
}


@pytest.mark.parametrize(("text", "what"), BYTES.values(), ids=BYTES)
def test_what_cannot_be_decoded_is_refused(text, what):
    assert refusal(text) == expected(what)


def test_too_deep_with_comments_is_refused_too():
    assert refusal(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", jsonc=True) == expected("nested too deep")


SYNTAX = {
    "empty": (b"", "not JSON: expecting value", ":1:1", AGAIN),
    "cut off": (b'{"a": 1,\n"b', "not JSON: unterminated string starting at", ":2:1", AGAIN),
    "two values": (b"{} {}", "not JSON: extra data", ":1:4", AGAIN),
    "html": (b"<html>", "not JSON: expecting value", ":1:1", AGAIN),
    "comment": (b'{"a": 1}\n// no', "not JSON: extra data", ":2:1", NAME_IT),
    "comment within": (b'{"a": /* no */ 1}', "not JSON: expecting value", ":1:7", NAME_IT),
    "comma at the end": (b'{"a": 1,\n}', "not JSON: a comma before the closing bracket", ":1:8", NAME_IT),
    "comma in an array": (b'{"a": [1, ]}', "not JSON: a comma before the closing bracket", ":1:9", NAME_IT),
    "such a comma in text": (b'{"a": "x,}"', "not JSON: expecting ',' delimiter", ":1:12", AGAIN),
    "hash": (b"# not JSONC either", "not JSON: expecting value", ":1:1", AGAIN),
    "hex": (b'{"a": 0x10}', "not JSON: expecting ',' delimiter", ":1:8", AGAIN),
}


@pytest.mark.parametrize(("text", "what", "place", "fix"), SYNTAX.values(), ids=SYNTAX)
def test_what_is_not_json_names_line_and_column(text, what, place, fix):
    assert refusal(text) == expected(what, place, fix)


def test_a_byte_order_mark_is_accepted():
    assert loads(b'\xef\xbb\xbf{"a": 1}', "f.json") == {"a": 1}


def test_the_largest_exact_integer_is_read():
    assert loads(b'{"a": 9007199254740992}', "f.json") == {"a": 2**53}


def test_jsonc_has_comments_trailing_commas_and_urls():
    text = b'{\n// https://x.org\n"a": "https://x.org//y", /* b */ "b": [1, 2.5,], "c": "/* kept */",\n}'
    assert loads(text, "f.jsonc", jsonc=True) == {
        "a": "https://x.org//y", "b": [1, 2.5], "c": "/* kept */",
    }  # fmt: skip


def test_jsonc_has_no_hexadecimal():
    assert refusal(b'{"a": 0x10}', jsonc=True) == expected("want decimal integers, got 0x10")


def test_jsonc_that_is_none_names_line_and_column():
    text = b'{"a": 1, // one\n "b": }'
    assert refusal(text, jsonc=True) == expected('not JSON with comments: unexpected "}"', ":2:7")


def test_jsonc_is_read_up_to_256_kibibytes():
    assert refusal(b'{"a": 1}'.ljust(256 * 1024 + 1), jsonc=True) == expected(
        "want at most 262144 characters with comments, got 262145"
    )


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.json")), ids=lambda path: path.stem)
def test_real_configs_read_as_the_standard_library_reads_them(path):
    text = path.read_bytes()
    assert loads(text, path.name) == json.loads(text)
    assert loads(text, path.name, jsonc=True) == json.loads(text)


TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(TEXT, JSON))
def test_whatever_is_exact_comes_back_as_it_was(document):
    assert loads(json.dumps(document).encode(), "f.json") == document


@given(st.binary(max_size=40))
def test_any_bytes_are_an_object_or_a_refusal(text):
    try:
        found: object = loads(text, "f.json")
    except BadSource as refused:
        found = refused.where
    assert type(found) is dict or str(found).startswith("f.json")


def test_json5_is_imported_only_for_comments():
    script = (
        "import sys; from sources.strict_json import loads; loads(b'{}', 'f'); print('json5' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout == "False\n"
