"""Expressions: exact arithmetic over names, and nothing else of Python."""

import pytest

from registry.architecture.expressions import GLOBALS, Inexact, compiled, evaluate, names


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("heads * head_dim", 512),
        ("hidden / heads", 64),
        ("hidden // 3", 170),
        ("round_up(hidden, 100)", 600),
        ("part.width + 1", 8),
        ("kinds[1:]", ["b", "a"]),
        ("count(kinds, 'a')", 2),
        ("subset(kinds, ['a', 'b']) and not subset(kinds, ['a'])", True),
        ("absent or hidden if absent is None else 0", 512),
        ("isqrt(hidden * 2) ** 2", 1024),
        ("['a'] * 3", ["a", "a", "a"]),
        ("2 ** -1", 0.5),
    ],
)
def test_an_expression_counts_and_compares(text, value):
    scope = {
        "heads": 8, "head_dim": 64, "hidden": 512, "kinds": ["a", "b", "a"], "absent": None,
        "part": {"width": 7},
    }  # fmt: skip
    assert evaluate(text, scope) == value


def test_division_is_exact_or_says_both_numbers():
    with pytest.raises(Inexact) as raised:
        evaluate("a / b", {"a": 10, "b": 3})
    assert str(raised.value) == "10 is not divisible by 3"


@pytest.mark.parametrize(
    "text",
    ["[x for x in y]", "lambda: 1", "(a := 1)", "f'{a}'", "{*a}", "await a", "f(*a)", "f(a=1)"],
)
def test_the_rest_of_python_has_no_place(text):
    with pytest.raises(SyntaxError):
        compiled(text)


@pytest.mark.parametrize("name", ["open", "__import__", "eval", "print", "getattr"])
def test_no_builtin_is_reachable(name):
    with pytest.raises(NameError):
        evaluate(f"{name}(1)", {})
    assert GLOBALS["__builtins__"] == {}


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("a * b", {"a": "x" * 100, "b": 2**53}),
        ("a * b", {"a": 2**53, "b": [0]}),
        ("a ** b", {"a": 10, "b": 2**53}),
        ("a ** b", {"a": 10, "b": -(2**53)}),
    ],
    ids=["a string repeated", "a list repeated", "a power", "a root"],
)
def test_what_would_fill_the_memory_is_no_value(text, scope):
    with pytest.raises(ValueError, match=r"repeated|\*\*"):
        evaluate(text, scope)


def test_the_names_read_are_those_of_the_config():
    assert names("max(heads, 1) * part.width ** 2 / round_up(d, 8)") == {"heads", "part", "d"}
