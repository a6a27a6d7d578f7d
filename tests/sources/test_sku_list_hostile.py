"""sku_list: files that are not what they should be are refused whole, and nothing in them is ever run."""

import signal
import sys
from pathlib import Path

import pytest

from schemas.errors import BadSource, RefusedSyntax
from sources.sku_list import Limits, Sku, observe, parse, read

FIX = "\n  fix   give an unchanged sku_list.py: pip install llama-models==0.3.0, or --sku-list PATH"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TYPES = """from enum import Enum


class CoreModelId(Enum):
    tiny = "Tiny-1B"
    small = "Small-2B"


class CheckpointQuantizationFormat(Enum):
    bf16 = "bf16"
"""
IMPORTS = "from .sku_types import CheckpointQuantizationFormat, CoreModelId, Model\n"


def listing(value: str = "1", before: str = "") -> str:
    """A list of one model with `value` as its dim, on line 4 when nothing stands before."""
    model = f'Model(core_model_id=CoreModelId.tiny,\narch_args={{"dim": {value}}})'
    return f"{IMPORTS}{before}def all_registered_models():\n    return [{model}]\n"


def read_text(text: str, types: str = TYPES, limits: Limits | None = None) -> list[Sku]:
    return parse(text, types, "sku_list.py", "sku_types.py", limits or Limits())


def test_the_listing_the_table_below_varies_is_read() -> None:
    (sku,) = read_text(listing("LAYERS * 2 - -4 // 2", "LAYERS = 8\n"))
    assert (sku.key, sku.arch_args, sku.lines["arch_args.dim"]) == ("sku:Tiny-1B", {"dim": 18}, 5)
    assert sku.quantization_format == "bf16"


LOOP = "def f():\n    return f()\n"
VALUES = {  # what stands for a dimension, what is met
    "a call of import": ("__import__('os').system('touch executed')", "a method call"),
    "a builtin": ("open('executed', 'w')", "a call of open()"),
    "a builtin with keywords": ("open(file='executed', mode='w')", "a call of open()"),
    "a called expression": ("(lambda: 1)()", "a method call"),
    "a list comprehension": ("[x for x in ()]", "a list comprehension"),
    "a set comprehension": ("{x for x in ()}", "a set comprehension"),
    "a dict comprehension": ("{x: x for x in ()}", "a dict comprehension"),
    "a generator": ("(x for x in ())", "a generator"),
    "a lambda": ("lambda: 1", "a lambda"),
    "an f-string": ("f'{1}'", "an f-string"),
    "an attribute call": ("CoreModelId.tiny.mro()", "a method call"),
    "a walrus": ("(x := 1)", "a walrus assignment"),
    "a conditional": ("1 if True else 2", "a conditional"),
    "a comparison": ("1 < 2", "a comparison"),
    "a boolean operation": ("1 or 2", "a boolean operation"),
    "a subscript": ("[1][0]", "a subscript"),
    "a tuple": ("(1, 2)", "a tuple"),
    "a set": ("{1}", "a set"),
    "an await": ("await 1", "an await"),
    "a yield": ("(yield 1)", "syntax of kind Yield"),
    "bytes": ("b'1'", "a constant of type bytes"),
    "an ellipsis": ("...", "a constant of type ellipsis"),
    "half a surrogate pair": (r"'\ud800'", "half of a surrogate pair in a text"),
    "a power": ("2 ** 2", "the operator Pow"),
    "a shift": ("1 << 2", "the operator LShift"),
    "a division by zero": ("1 // 0", "a division by zero"),
    "text times a number": ("'a' * 1000000000", "arithmetic on something other than integers"),
    "a list times a number": ("[1] * 1000000000", "arithmetic on something other than integers"),
    "arithmetic on a bool": ("True + 1", "arithmetic on something other than integers"),
    "not": ("not 1", "the operator Not"),
    "a minus before text": ("-'1'", "a minus before something other than a number"),
    "a large product": ("9999999999 * 9999999999", "an integer of 67 bits"),
    "a 4-million-bit integer": ("0x" + "f" * 1_000_000, "an integer of 4000000 bits"),
    "an unknown name": ("UNKNOWN", "the unknown name UNKNOWN"),
    "a function as a value": (
        "all_registered_models",
        "the name all_registered_models, which is no constant",
    ),
    "a recursion": ("all_registered_models()", "all_registered_models defined by itself"),
    "an argument for a function": (
        "all_registered_models(1)",
        "a call of all_registered_models() with arguments",
    ),
    "an attribute of a class": ("Model.dim", "the attribute Model.dim"),
    "an attribute of an attribute": ("CoreModelId.tiny.value", "an attribute of an expression"),
    "a key twice": ("{'a': 1, 'a': 2}", "the key 'a' twice"),
    "a key that is no text": ("{1: 2}", "a key that is no text"),
    "a spread list": ("{**[1]}", "a spread of something other than a dict"),
    "a starred number": ("[*1]", "a starred value that is no list"),
    "an argument twice": ("Model(a=1, a=2)", "the argument a twice"),
    "an argument without a name": ("Model(1)", "an argument without a name"),
    "** in a call": ("Model(**{})", "** in a call"),
    "120 terms": ("1" + " + 1" * 120, "more than 100 levels of nesting or terms of a sum"),
    "120 levels": ("-" * 120 + "1", "more than 100 levels of nesting or terms of a sum"),
}


@pytest.mark.parametrize(("value", "met"), VALUES.values(), ids=VALUES)
def test_a_value_outside_the_allow_list_is_refused(
    value: str, met: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedSyntax) as caught:
        read_text(listing(value))
    assert str(caught.value) == f"sku_list: want data, met {met}\n  from  sku_list.py:4{FIX}"
    assert caught.value.exit_code == 3
    assert not any(tmp_path.iterdir())


DOUBLING = "def f0():\n    return [1, 1]\n" + "".join(
    f"def f{n}():\n    return f{n - 1}() + f{n - 1}()\n" for n in range(1, 30)
)
STATEMENTS = {  # what stands on line 2 and after, the value, what is met, its line
    "a call on import": (
        "import os\nos.system('touch executed')\n",
        "1",
        "an expression that is run on import",
        3,
    ),
    "a loop on import": ("for x in ():\n    pass\n", "1", "a for loop", 2),
    "an if on import": ("if 1:\n    X = 1\n", "1", "an if statement", 2),
    "a try on import": ("try:\n    pass\nfinally:\n    pass\n", "1", "a try statement", 2),
    "a with on import": ("with 1:\n    pass\n", "1", "a with statement", 2),
    "a while on import": ("while 1:\n    pass\n", "1", "a while loop", 2),
    "a del on import": ("X = 1\ndel X\n", "1", "a del statement", 3),
    "an assertion on import": ("assert 1\n", "1", "an assertion", 2),
    "a changed constant": ("X = 1\nX += 1\n", "X", "an augmented assignment", 3),
    "a patched attribute": ("X = 1\nX.y = 2\n", "X", "an assignment to something other than one name", 3),
    "an annotation alone": ("X: int\n", "1", "an assignment to something other than one name", 2),
    "a star import": ("from os import *\n", "1", "a star import", 2),
    "a constant twice": ("X = 1\nX = 2\n", "X", "a second definition of X", 3),
    "a constant of itself": ("X = X + 1\n", "X", "X defined by itself", 2),
    "a function twice": ("def f():\n    return 1\n" * 2, "f()", "a second definition of f", 4),
    "a shadowed constructor": ("def Model():\n    return 1\n", "1", "a second definition of Model", 2),
    "a class of its own": ("class Other:\n    pass\n", "Other(a=1)", "a call of Other()", 6),
    "an import from elsewhere": ("from os import system\n", "system(command='x')", "a call of system()", 5),
    "an attribute of a module": ("import os\n", "os.sep", "the attribute os.sep", 5),
    "an async function": ("async def f():\n    return 1\n", "f()", "a call of f()", 6),
    "a function of itself": (LOOP, "f()", "f defined by itself", 3),
    "a decorator": ("@print\ndef f():\n    return 1\n", "f()", "a decorator on f()", 2),
    "a decorator with a value": (
        "@lru_cache(open)\ndef f():\n    return 1\n",
        "f()",
        "a decorator on f()",
        2,
    ),
    "a default argument": ("def f(x=print()):\n    return 1\n", "f()", "parameters of f()", 2),
    "star arguments": ("def f(*x):\n    return 1\n", "f()", "parameters of f()", 2),
    "two statements": (
        "def f():\n    print()\n    return 1\n",
        "f()",
        "statements in f() beside one return",
        3,
    ),
    "no return": ("def f():\n    pass\n", "f()", "statements in f() beside one return", 3),
    "an empty return": ("def f():\n    return\n", "f()", "statements in f() beside one return", 2),
    "a conditional body": (
        "def f():\n    if 1:\n        return 1\n",
        "f()",
        "statements in f() beside one return",
        3,
    ),
    "doubling lists": (DOUBLING, "f29()", "more than 200000 values", 3),
}


@pytest.mark.parametrize(("before", "value", "met", "line"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_outside_the_allow_list_is_refused(
    before: str, value: str, met: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedSyntax) as caught:
        read_text(listing(value, before))
    assert str(caught.value) == f"sku_list: want data, met {met}\n  from  sku_list.py:{line}{FIX}"
    assert caught.value.exit_code == 3
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("def f(x):\n    return [y for y in x]\n", id="a function nothing calls"),
        pytest.param("@dataclass\nclass Other:\n    x: int\n", id="a class"),
        pytest.param('"""Text."""\nimport os.path\nX: int = 1\n', id="a docstring, an import, a constant"),
        pytest.param("X = [y for y in ()]\n", id="a constant nothing uses"),
        pytest.param(
            "@functools.lru_cache(maxsize=None)\ndef f():\n    'Text.'\n    return 1\n", id="a cache"
        ),
    ],
)
def test_what_is_not_reached_is_ignored(before: str) -> None:
    assert [sku.key for sku in read_text(listing("1", before))] == ["sku:Tiny-1B"]


TOO_DEEP = "want a file that Python can parse, met too much nesting or too many terms"
MODEL = "Model(core_model_id=CoreModelId.tiny, arch_args={})"
ENTRY = IMPORTS + "def all_registered_models():\n    return "
MODELS = "want all_registered_models() to list only Model(...), met something else"
SOURCES = {  # the whole text, what is wrong, where
    "100,000 unary minus": (listing("-" * 100_000 + "1"), TOO_DEEP, ""),
    "50,000 chained +": (listing("1" + "+1" * 50_000), TOO_DEEP, ""),
    "300 brackets": (
        listing("[" * 300 + "]" * 300),
        f'want Python {PYTHON} syntax, met "too many nested parentheses"',
        ":4",
    ),
    "an indentation error": (
        listing(before=" X = 1\n"),
        f'want Python {PYTHON} syntax, met "unexpected indent"',
        ":2",
    ),
    "a NUL byte": (listing("\0"), "want text, met a NUL byte", ":4"),
    "a utf-7 cookie": (
        "# -*- coding: utf-7 -*-\n" + listing(),
        "want UTF-8, met the encoding declaration utf-7",
        ":1",
    ),
    "a cookie on line 2": (
        "\n# vim: set fileencoding=latin-1 :\n",
        "want UTF-8, met the encoding declaration latin-1",
        ":2",
    ),
    "no text": ("", "want a function all_registered_models(), met none", ""),
    "another file": ("import os\n", "want a function all_registered_models(), met none", ""),
    "a number": (f"{ENTRY}1\n", MODELS, ":2"),
    "a list of numbers": (f"{ENTRY}[1]\n", MODELS, ":2"),
    "another constructor": (f"{ENTRY}[CoreModelId()]\n", MODELS, ":2"),
    "an unknown member": (
        f"{ENTRY}[Model(\ncore_model_id=CoreModelId.gone)]\n",
        "want a member of CoreModelId, met CoreModelId.gone",
        ":4",
    ),
    "no core id": (
        f"{ENTRY}[\nModel(arch_args={{}})]\n",
        "want core_model_id=CoreModelId.NAME in Model(...), met something else",
        ":4",
    ),
    "a core id of another enum": (
        f"{ENTRY}[Model(\ncore_model_id=CheckpointQuantizationFormat.bf16)]\n",
        "want core_model_id=CoreModelId.NAME in Model(...), met something else",
        ":4",
    ),
    "a format as text": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\nquantization_format='bf16')]\n",
        "want quantization_format=CheckpointQuantizationFormat.NAME in Model(...), met something else",
        ":4",
    ),
    "a variant that is no text": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\nvariant=8)]\n",
        "want variant to be one line of text, met something else",
        ":4",
    ),
    "a variant of two lines": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\nvariant='a\\nb')]\n",
        "want variant to be one line of text, met something else",
        ":4",
    ),
    "dimensions in a list": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\narch_args=[])]\n",
        "want arch_args to be a dict, met something else",
        ":4",
    ),
    "dimensions in a constructor": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\narch_args=Model())]\n",
        "want arch_args to be a dict, met something else",
        ":4",
    ),
    "a default variant that is no bool": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\nis_default_variant=1)]\n",
        "want is_default_variant to be a bool beside a file count, met something else",
        ":4",
    ),
    "a variant to compute from no count": (
        f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\nis_default_variant=False)]\n",
        "want is_default_variant to be a bool beside a file count, met something else",
        ":4",
    ),
}


@pytest.mark.parametrize(("text", "what", "place"), SOURCES.values(), ids=SOURCES)
def test_a_file_that_is_no_list_is_refused(text: str, what: str, place: str) -> None:
    with pytest.raises(BadSource) as caught:
        read_text(text)
    assert str(caught.value) == f"sku_list: {what}\n  from  sku_list.py{place}{FIX}"
    assert (type(caught.value), caught.value.exit_code) == (BadSource, 3)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="template strings are syntax since 3.14")
def test_the_syntax_of_a_newer_python_is_refused() -> None:
    with pytest.raises(BadSource) as caught:
        read_text(listing(before="X = t'{1}'\n"))
    assert str(caught.value) == (
        f'sku_list: want Python {PYTHON} syntax, met "invalid syntax"\n  from  sku_list.py:2{FIX}'
    )


def test_two_records_of_one_key_name_both_lines() -> None:
    text = f"{ENTRY}[\n{MODEL},\nModel(core_model_id=CoreModelId.small, arch_args={{}}),\n{MODEL}]\n"
    with pytest.raises(BadSource) as caught:
        read_text(text)
    assert str(caught.value) == (
        f"sku_list: want one record of Tiny-1B, met two\n  from  sku_list.py:4 and sku_list.py:6{FIX}"
    )


def test_keys_that_differ_in_case_alone_are_one() -> None:
    with pytest.raises(BadSource, match="want one record of TINY-1b, met two"):
        read_text(
            f"{ENTRY}[{MODEL}, {MODEL.replace('tiny', 'small')}]\n", TYPES.replace("Small-2B", "TINY-1b")
        )


@pytest.mark.parametrize(
    ("types", "kind", "text"),
    [
        pytest.param(
            TYPES + "class CoreModelId(Enum):\n    tiny = 'Other'\n",
            RefusedSyntax,
            "sku_list: want data, met a second definition of CoreModelId\n  from  sku_types.py:11",
            id="an enum twice",
        ),
        pytest.param(
            TYPES.replace("small =", "tiny ="),
            RefusedSyntax,
            "sku_list: want data, met a second definition of CoreModelId.tiny\n  from  sku_types.py:6",
            id="a member twice",
        ),
        pytest.param(
            TYPES.replace("Small-2B", r"a\nb"),
            BadSource,
            "sku_list: want CoreModelId.small to be one line of text, met 'a\\nb'\n  from  sku_types.py:6",
            id="a value of two lines",
        ),
        pytest.param(
            "import enum\n",
            RefusedSyntax,
            "sku_list: want data, met the attribute CoreModelId.tiny\n  from  sku_list.py:3",
            id="no enum",
        ),
        pytest.param(
            TYPES.replace('"Tiny-1B"', "open('executed', 'w')"),
            BadSource,
            "sku_list: want a member of CoreModelId, met CoreModelId.tiny\n  from  sku_list.py:3",
            id="a member that is computed",
        ),
        pytest.param(
            "(" * 100_000,
            BadSource,
            f'sku_list: want Python {PYTHON} syntax, met "too many nested parentheses"'
            "\n  from  sku_types.py:1",
            id="nesting",
        ),
    ],
)
def test_a_types_file_that_is_none_is_refused(types: str, kind: type[BadSource], text: str) -> None:
    with pytest.raises(BadSource) as caught:
        read_text(listing(), types)
    assert str(caught.value) == text + FIX
    assert (type(caught.value), caught.value.exit_code) == (kind, 3)


def test_an_unknown_argument_is_a_note_and_no_error() -> None:
    (sku,) = read_text(f"{ENTRY}[Model(core_model_id=CoreModelId.tiny,\nmodel_shape={{}})]\n")
    assert observe(sku).notes == (
        "sku_list.py:3: no arch_args, so the dimensions are unknown",
        "sku_list.py:4: unknown argument model_shape ignored",
    )


# Files as bytes


def written(folder: Path, content: bytes) -> Path:
    (folder / "sku_types.py").write_text(TYPES)
    (folder / "sku_list.py").write_bytes(content)
    return folder / "sku_list.py"


def test_a_file_above_one_mebibyte_is_not_parsed(tmp_path: Path) -> None:
    path = written(tmp_path, listing().encode() + b"#" * 10_000_000)
    with pytest.raises(BadSource) as caught:
        read(path)
    assert str(caught.value) == f"sku_list: want at most 1048576 bytes, met more\n  from  {path}{FIX}"
    assert caught.value.exit_code == 3


def test_a_file_of_one_mebibyte_is_parsed(tmp_path: Path) -> None:
    text = listing().encode()
    assert len(read(written(tmp_path, text + b"#" * (2**20 - len(text))))) == 1


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, b"\xef\xbb\xbf" + listing().encode()))) == 1


@pytest.mark.parametrize(
    ("content", "met"),
    [(b"\xff\xfe", "byte 0xff at 0"), (b"# caf\xe9\n", "byte 0xe9 at 5")],
    ids=["utf-16", "latin-1"],
)
def test_other_encodings_are_refused(content: bytes, met: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(BadSource) as caught:
        read(path)
    assert str(caught.value) == f"sku_list: want UTF-8, met {met}\n  from  {path}{FIX}"


def test_a_types_file_is_named_when_it_is_the_bad_one(tmp_path: Path) -> None:
    path = written(tmp_path, listing().encode())
    (tmp_path / "sku_types.py").write_bytes(b"\xff")
    with pytest.raises(BadSource) as caught:
        read(path)
    assert caught.value.where == str(tmp_path / "sku_types.py")


# What a child may do to its parent: nothing


def test_a_file_that_needs_too_much_memory_is_refused() -> None:
    text = listing("[" + "[]," * 300_000 + "]")
    with pytest.raises(BadSource) as caught:
        read_text(text, limits=Limits(memory_bytes=100 * 2**20))
    assert str(caught.value) == f"sku_list: {TOO_DEEP}\n  from  sku_list.py{FIX}"


ENDS = {
    "a crash": (f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})", f"signal {int(signal.SIGSEGV)}"),
    "the limit of CPU time": (f"import os; os.kill(os.getpid(), {int(signal.SIGXCPU)})", "none in 1 s"),
    "a child that sleeps": ("import time; time.sleep(60)", "none in 1 s"),
    "an exit": ("raise SystemExit(7)", "exit code 7"),
}


@pytest.mark.parametrize(("program", "met"), ENDS.values(), ids=ENDS)
def test_a_child_that_ends_without_an_answer_is_an_error(program: str, met: str) -> None:
    parser = (sys.executable, "-I", "-S", "-c", program)
    with pytest.raises(BadSource) as caught:
        parse(listing(), TYPES, "sku_list.py", "sku_types.py", Limits(seconds=1), parser)
    assert str(caught.value) == (
        f"sku_list: want an answer of the parser, met {met}\n  from  sku_list.py{FIX}"
    )
    assert caught.value.exit_code == 3


def test_a_child_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="met No such file or directory on starting it"):
        parse(listing(), TYPES, "sku_list.py", "sku_types.py", Limits(), (str(tmp_path / "python"),))
