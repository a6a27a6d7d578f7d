"""Expressions of blueprints: a small, closed part of Python, compiled once, evaluated over a config's keys.

Blueprints are ours, configs are anybody's: an expression can only read names, count and compare. `/` is exact
division: a remainder is an error that shows both numbers, never a rounded size. `//` rounds down,
`text_config.hidden_size` reads a nested config. `*` and `**` refuse what only a hostile config could want.
"""

import ast
import math
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType
from typing import Any

ALLOWED = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.IfExp, ast.Call, ast.Attribute, ast.Subscript, ast.Slice, ast.List, ast.Tuple, ast.Dict,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


class Inexact(ArithmeticError):
    """A division that leaves a remainder."""


def exact(numerator: int, denominator: int) -> int:
    """`numerator / denominator` as a whole number. Raises Inexact where it is none."""
    quotient, remainder = divmod(numerator, denominator)
    if remainder:
        raise Inexact(f"{numerator} is not divisible by {denominator}")
    return int(quotient)


def round_up(number: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `number`."""
    return -(-number // multiple) * multiple


def subset(values: Any, allowed: Any) -> bool:
    """Whether every one of `values` is among `allowed`; null has none."""
    return all(value in allowed for value in values or [])


def times(left: Any, right: Any) -> Any:
    """`left * right`. A sequence is repeated only as often as a model can have layers.

    Raises ValueError for more: a config could ask for a list as large as memory.
    """
    if isinstance(left, (str, list, tuple)) or isinstance(right, (str, list, tuple)):
        one, many = (right, left) if isinstance(left, int) else (left, right)
        if isinstance(many, int) and len(one) * many > LONGEST:
            raise ValueError(f"a list of {len(one)} repeated {many} times")
    return left * right


def power(base: Any, exponent: Any) -> Any:
    """`base ** exponent`. Raises ValueError for an exponent that no size has."""
    if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
        raise ValueError(f"{base} ** {exponent}")
    return base**exponent


LONGEST, MAX_EXPONENT = 10_000, 64

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exact": exact,
    "power": power,
    "times": times,
    "round_up": round_up,
    "subset": subset,
    "count": lambda values, value: list(values).count(value),
    "ceil": math.ceil,
    "int": int,
    "isqrt": math.isqrt,
    "len": len,
    "max": max,
    "min": min,
    "sum": sum,
}
GLOBALS: dict[str, Any] = {"__builtins__": {}, **FUNCTIONS}
"""What every expression can call. One for all: no expression of the closed part can write to it."""


GUARDED = {ast.Div: "exact", ast.Mult: "times", ast.Pow: "power"}


class _Meaning(ast.NodeTransformer):
    """`a / b` is exact division, `text_config.hidden_size` the key of a nested config."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Subscript(node.value, ast.Constant(node.attr), ast.Load())

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        name = GUARDED.get(type(node.op))
        if name is None:
            return node
        return ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], [])


@cache
def compiled(text: str) -> CodeType:
    """The code of an expression. Raises SyntaxError for anything outside the closed part."""
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise SyntaxError(f"{text!r}: {type(node).__name__} has no place in a blueprint")
    return compile(ast.fix_missing_locations(_Meaning().visit(tree)), text, "eval")


def names(text: str) -> frozenset[str]:
    """The names an expression reads, functions left out."""
    return frozenset(compiled(text).co_names) - FUNCTIONS.keys()


def evaluate(text: str, scope: Mapping[str, Any]) -> Any:
    """The value of an expression in a scope."""
    return eval(compiled(text), GLOBALS, scope)
