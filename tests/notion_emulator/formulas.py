"""Formula expressions: read, and written back as Notion does.

`prop("Name")` comes back as `{{notion:block_property:<id>:<data source>:<workspace>}}`, operators with a
space on either side and operands that are operations themselves in parentheses (observed: recorded). What
cannot be read is kept as it was written, and is an empty text (observed: recorded).
"""

import re
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.notion_emulator import tables
from tests.notion_emulator.state import DataSource, Workspace

REFERENCE = re.compile(r"\{\{notion:block_property:(?P<id>[^:}]+):(?P<source>[^:}]+):(?P<space>[^:}]+)\}\}")
TOKEN = re.compile(
    r"\s*(?:(?P<reference>\{\{notion:[^}]*\}\})|(?P<number>\d+(?:\.\d+)?)|(?P<string>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|[-+*/%^<>(),.!?:]))"
)
LEVELS = (("or",), ("and",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"), ("^",))


class Unreadable(Exception):
    """The expression is not one that is understood here."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, true or false."""

    value: Any


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of the row, by id."""

    property_id: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator and what it is applied to. `form`: call, method (after a dot) or sign."""

    name: str
    arguments: tuple["Node", ...]
    form: str = "call"


Node = Literal | Reference | Apply


def stored(ws: Workspace, ds: DataSource, expression: str) -> str:
    """The expression as a data source gives it back."""
    try:
        return printed(parsed(expression, ds), ds.id, ws.id)
    except Unreadable:
        return expression


def parsed(expression: str, ds: DataSource | None = None) -> Node:
    """The tree of an expression; `ds` resolves prop("Name"). Raises Unreadable."""
    reader = _Reader(_tokens(expression), ds)
    tree = reader.operation(0)
    if reader.here() is not None:
        raise Unreadable(expression)
    return tree


def printed(node: Node, source_id: str, space_id: str) -> str:
    """The expression in Notion's own form."""

    def show(node: Node) -> str:
        if isinstance(node, Literal):
            return _literal(node.value)
        if isinstance(node, Reference):
            return f"{{{{notion:block_property:{tables.encoded(node.property_id)}:{source_id}:{space_id}}}}}"
        if node.form == "sign":
            *left, right = map(operand, node.arguments)
            return f"{left[0]} {node.name} {right}" if left else f"{node.name}{right}"
        if node.form == "method":
            return f"{operand(node.arguments[0])}.{node.name}({', '.join(map(show, node.arguments[1:]))})"
        return f"{node.name}({', '.join(map(show, node.arguments))})"

    def operand(node: Node) -> str:
        text = show(node)
        operation = isinstance(node, Apply) and node.form == "sign" and len(node.arguments) == 2
        return f"({text})" if operation else text

    return show(node)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position, end = 0, len(expression.rstrip())
    while position < end:
        match = TOKEN.match(expression, position)
        if match is None or match.lastgroup is None:
            raise Unreadable(expression)
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Reader:
    """Reads tokens by descent, weakest operator first."""

    def __init__(self, tokens: list[tuple[str, str]], ds: DataSource | None):
        self.tokens = tokens
        self.ds = ds
        self.position = 0

    def here(self) -> str | None:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else None

    def take(self) -> tuple[str, str]:
        if self.position >= len(self.tokens):
            self.refuse()
        self.position += 1
        return self.tokens[self.position - 1]

    def expect(self, sign: str) -> None:
        if self.take()[1] != sign:
            self.refuse()

    def refuse(self) -> NoReturn:
        raise Unreadable(str(self.tokens))

    def operation(self, level: int) -> Node:
        if level == len(LEVELS):
            return self.unary()
        node = self.operation(level + 1)
        while (sign := self.here()) in LEVELS[level]:
            self.take()
            node = Apply(str(sign), (node, self.operation(level + 1)), "sign")
        return node

    def unary(self) -> Node:
        sign = self.here()
        if sign in ("-", "!", "not"):
            self.take()
            inside = self.unary()
            if sign == "-" and isinstance(inside, Literal) and isinstance(inside.value, int | float):
                return Literal(-inside.value)
            return Apply("!" if sign == "not" else str(sign), (inside,), "sign")
        node = self.primary()
        while self.here() == ".":
            self.take()
            node = Apply(self.take()[1], (node, *self.arguments()), "method")
        return node

    def primary(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Literal(float(text) if "." in text else int(text))
        if kind == "string":
            return Literal(re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "reference":
            return self.reference(text)
        if text == "(":
            node = self.operation(0)
            self.expect(")")
            return node
        if kind != "word":
            self.refuse()
        return self.word(text)

    def word(self, name: str) -> Node:
        if name in ("true", "false"):
            return Literal(name == "true")
        if self.here() != "(":
            self.refuse()
        arguments = self.arguments()
        return self.column(arguments) if name == "prop" else Apply(name, arguments)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        found: list[Node] = []
        while self.here() != ")":
            found.append(self.operation(0))
            if self.here() != ")":
                self.expect(",")
        self.take()
        return tuple(found)

    def column(self, arguments: tuple[Node, ...]) -> Node:
        if len(arguments) != 1 or not isinstance(arguments[0], Literal) or self.ds is None:
            self.refuse()
        prop = tables.find(self.ds, str(arguments[0].value))
        if prop is None:
            self.refuse()
        return Reference(prop.id)

    def reference(self, text: str) -> Node:
        match = REFERENCE.match(text)
        if match is None:
            self.refuse()
        return Reference(unquote(match["id"]))
