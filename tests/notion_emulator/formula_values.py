"""Values of formulas: those that need nothing but the row.

Observed (recorded): references, comparisons, `+` on text, if, empty, length, includes, format. The rest
follows the published formula reference. What is not known here is `unsupported`.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tests.notion_emulator import formula_dates, formulas, rich_text, tables, values
from tests.notion_emulator.formulas import Literal, Node, Reference, Unreadable
from tests.notion_emulator.state import Json, Page, Property, Workspace

TEXTS = frozenset({"title", "rich_text", "url", "email", "phone_number"})
KINDS = {
    "number": "number",
    "checkbox": "boolean",
    "date": "date",
    "created_time": "date",
    "last_edited_time": "date",
    "multi_select": "list",
    "people": "list",
    "relation": "list",
    "files": "list",
}
"""Column type -> kind of value; every other type is text."""
VALUES: dict[str, Any] = {"number": int | float, "boolean": bool, "date": dict}
EMPTY_TEXT = Literal("")


def shown(ws: Workspace, page: Page, expression: str) -> Json:
    """{"type", <type>: value}; an empty text is null, and so is what cannot be read (observed: recorded).

    What has no answer for this row, as twice an empty number, is empty (assumed).
    """
    try:
        tree = _tree(expression)
    except Unreadable:
        return {"type": "string", "string": None}
    kind, value = "list", None
    try:
        kind = _kind(ws, page, tree)
        value = _value(ws, page, tree)
    except Unreadable:
        kind = "list"
    except (TypeError, ValueError, LookupError, ArithmeticError):
        value = None
    if kind == "list":
        return {"type": "unsupported", "unsupported": {}}
    if kind == "string":
        return {"type": "string", "string": _text(value) or None}
    return {"type": kind, kind: value if isinstance(value, VALUES[kind]) else None}


@lru_cache(maxsize=1024)
def _tree(expression: str) -> Node:
    return formulas.parsed(expression)


def _kind(ws: Workspace, page: Page, node: Node) -> str:
    if isinstance(node, Literal):
        return _kind_of(node.value)
    if isinstance(node, Reference):
        prop = _column(ws, page, node)
        if prop.type == "formula":
            return shown(ws, page, prop.config["expression"])["type"]
        return KINDS.get(prop.type, "string")
    if node.name == "if":
        branches = [one for one in node.arguments[1:] if one != EMPTY_TEXT]
        return _kind(ws, page, branches[0]) if branches else "string"
    if node.name in ("min", "max", "+"):
        kinds = [_kind(ws, page, one) for one in node.arguments]
        return "string" if "string" in kinds else kinds[0]
    return _RESULTS.get(node.name, "string")


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _column(ws: Workspace, page: Page, node: Reference) -> Property:
    ds = tables.of_page(ws, page)
    prop = ds.properties.get(node.property_id) if ds else None
    if prop is None:
        raise Unreadable(node.property_id)
    return prop


def _value(ws: Workspace, page: Page, node: Node) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Reference):
        return _cell(ws, page, _column(ws, page, node))
    if node.name == "if":
        condition, then, other = node.arguments
        return _value(ws, page, then if _value(ws, page, condition) else other)
    if node.name == "now":
        return formula_dates.shown(ws.now)
    function = _FUNCTIONS.get(node.name)
    if function is None:
        raise Unreadable(node.name)
    return function(*(_value(ws, page, one) for one in node.arguments))


def _cell(ws: Workspace, page: Page, prop: Property) -> Any:
    full = values.rendered(ws, page, prop)[prop.type]
    if prop.type in ("title", "rich_text"):
        return rich_text.plain(full)
    if prop.type in ("select", "status"):
        return full["name"] if full else ""
    if prop.type == "multi_select":
        return [option["name"] for option in full]
    if prop.type in ("created_time", "last_edited_time"):
        return {"start": full, "end": None, "time_zone": None}
    if prop.type == "formula":
        return full.get(full["type"])
    if prop.type == "unique_id":
        return f"{full['prefix']}-{full['number']}" if full["prefix"] else str(full["number"])
    return full


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return str(value.get("start"))
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)


def _add(left: Any, right: Any) -> Any:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (left, right))
    return left + right if numbers else _text(left) + _text(right)


def _empty(value: Any) -> bool:
    return value in (None, "", [], 0, False)


def _number(value: Any) -> float | int | None:
    try:
        found = float(_text(value))
    except ValueError:
        return None
    return int(found) if found.is_integer() else found


def _less(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return formula_dates.moment(left) < formula_dates.moment(right)
    return bool(left < right)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **formula_dates.FUNCTIONS,
    "+": _add,
    "-": lambda left, right=None: -left if right is None else left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": math.fmod,
    "^": lambda left, right: left**right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": _less,
    ">": lambda left, right: _less(right, left),
    "<=": lambda left, right: not _less(right, left),
    ">=": lambda left, right: not _less(left, right),
    "and": lambda *all_of: all(all_of),
    "or": lambda *any_of: any(any_of),
    "!": lambda value: not value,
    "not": lambda value: not value,
    "empty": _empty,
    "length": lambda value: len(value if isinstance(value, list) else _text(value)),
    "includes": lambda values, one: one in values,
    "contains": lambda text, part: part in text,
    "format": _text,
    "concat": lambda *parts: "".join(map(_text, parts)),
    "toNumber": _number,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": lambda value: math.floor(value + 0.5),
    "sqrt": math.sqrt,
    "min": min,
    "max": max,
    "lower": str.lower,
    "upper": str.upper,
}
_RESULTS = {
    **formula_dates.RESULTS,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "and", "or", "!", "not", "empty"), "boolean"),
    **dict.fromkeys(("includes", "contains"), "boolean"),
    **dict.fromkeys(("-", "*", "/", "%", "^", "length", "toNumber", "abs", "floor", "ceil"), "number"),
    **dict.fromkeys(("round", "sqrt"), "number"),
}
