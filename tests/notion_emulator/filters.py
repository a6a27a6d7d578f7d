"""Filters of queries and views: checked against the columns once, then a test of each row."""

from collections.abc import Callable
from typing import Any

from tests.notion_emulator import cells, problems, schema
from tests.notion_emulator.cells import TEXT, Reading
from tests.notion_emulator.filter_conditions import Asking, Test, test_of
from tests.notion_emulator.routes import Call
from tests.notion_emulator.state import DataSource, Json, Page, Property

Passes = Callable[[Page], bool]

MOST_MEMBERS = 100
MOST_LEVELS = 2
COMPOUNDS = ("or", "and")
TIMESTAMPS = ("created_time", "last_edited_time")

KIND_OF = {
    "title": "text",
    "rich_text": "text",
    "number": "number",
    "checkbox": "checkbox",
    "select": "option",
    "multi_select": "options",
    "status": "option",
    "date": "date",
    "people": "ids",
    "files": "files",
    "url": "text",
    "email": "text",
    "phone_number": "text",
    "relation": "ids",
    "created_by": "ids",
    "created_time": "date",
    "last_edited_by": "ids",
    "last_edited_time": "date",
    "formula": "formula",
    "unique_id": "number",
    "rollup": "rollup",
    "verification": "verification",
}
"""Filter type -> kind of its conditions, in the order Notion names the alternatives."""

FORMULA_KINDS = {"string": "text", "checkbox": "checkbox", "number": "number", "date": "date"}
ROLLUP_KINDS = {"number": "number", "date": "date"}
QUANTIFIERS: dict[str, Callable[[list[bool]], bool]] = {
    "any": any,
    "none": lambda held: not any(held),
    "every": all,
}


def compiled(call: Call, source: DataSource, asked: Any, place: str) -> Passes:
    """The test that a filter is; None lets every row pass. Raises Problem for what it may not say."""
    if asked is None:
        return lambda page: True
    return _compiled(call, source, asked, place, 1)


def _compiled(call: Call, source: DataSource, asked: Any, place: str, level: int) -> Passes:
    if not isinstance(asked, dict):
        raise problems.should_be(place, "an object", asked)
    compound = next((name for name in COMPOUNDS if name in asked), None)
    if compound is not None:
        return _compound(call, source, asked, compound, place, level)
    if "timestamp" in asked:
        return _timestamp(call, asked, place)
    return _property(call, source, asked, place)


def _compound(call: Call, source: DataSource, asked: Json, name: str, place: str, level: int) -> Passes:
    """Two levels of `and` and `or` at most, each of at most 100 members."""
    members = asked[name]
    if level > MOST_LEVELS:
        raise problems.should_be(f"{place}.{name}", "not present", members)
    _refuse_strays(asked, (name,), place)
    if not isinstance(members, list):
        raise problems.should_be(f"{place}.{name}", "an array", members)
    if len(members) > MOST_MEMBERS:
        raise problems.too_long(f"{place}.{name}", MOST_MEMBERS, len(members))
    tests = [
        _compiled(call, source, member, f"{place}.{name}[{position}]", level + 1)
        for position, member in enumerate(members)
    ]
    if name == "and":
        return lambda page: all(test(page) for test in tests)
    return lambda page: any(test(page) for test in tests)


def _refuse_strays(asked: Json, allowed: tuple[str, ...], place: str) -> None:
    problems.refuse_unknown(asked, allowed, place)


def _timestamp(call: Call, asked: Json, place: str) -> Passes:
    name = asked["timestamp"]
    if name not in TIMESTAMPS:
        raise problems.should_be(f"{place}.timestamp", '`"created_time"` or `"last_edited_time"`', name)
    if name not in asked:
        raise problems.should_be(f"{place}.{name}", "defined")
    _refuse_strays(asked, ("timestamp", "type", name), place)
    return _on(cells.timestamp_reading(name), test_of("date", asked[name], f"{place}.{name}", _asking(call)))


def _property(call: Call, source: DataSource, asked: Json, place: str) -> Passes:
    types = [name for name in asked if name in KIND_OF]
    if not types:
        raise problems.fix_one([f"{place}.{name}" for name in (*COMPOUNDS, *KIND_OF, "timestamp")])
    type_name = types[0]
    _refuse_strays(asked, ("property", "type", type_name), place)
    named = asked.get("property", problems.UNDEFINED)
    if not isinstance(named, str):
        raise problems.should_be(
            f"{place}.property", "defined" if "property" not in asked else "a string", named
        )
    test = _test(type_name, asked[type_name], f"{place}.{type_name}", _asking(call))
    prop = column(source, named)
    _check_type(prop, type_name)
    return _on(cells.reading(call.ws, prop), test)


def column(source: DataSource, named: str) -> Property:
    """The column of this name or id (observed: reported in public threads)."""
    prop = schema.find(source, named)
    if prop is None:
        raise problems.validation(f"Could not find property with name or id: {named}")
    return prop


def _check_type(prop: Property, type_name: str) -> None:
    """The text types stand for one another (observed: recorded); for others the text is reported."""
    if prop.type == type_name or (prop.type in TEXT and type_name in TEXT):
        return
    raise problems.validation(
        "The property type in the database does not match the property type of the filter provided:"
        f" database property {prop.type} does not match filter {type_name}"
    )


def _asking(call: Call) -> Asking:
    return Asking(call.now, call.actor)


def _on(read: Reading, test: Test) -> Passes:
    return lambda page: test(read(page))


def _test(type_name: str, condition: Any, place: str, asking: Asking) -> Test:
    kind = KIND_OF[type_name]
    if kind == "formula":
        return _formula(condition, place, asking)
    if kind == "rollup":
        return _rollup(condition, place, asking)
    return test_of(kind, condition, place, asking)


def _only_key(condition: Any, keys: tuple[str, ...], place: str) -> str:
    if not isinstance(condition, dict):
        raise problems.should_be(place, "an object", condition)
    named = next((name for name in keys if name in condition), None)
    if named is None:
        raise problems.fix_one([f"{place}.{name}" for name in keys])
    _refuse_strays(condition, (named,), place)
    return named


def _formula(condition: Any, place: str, asking: Asking) -> Test:
    """A formula's result of another type than asked for does not pass (assumed)."""
    named = _only_key(condition, tuple(FORMULA_KINDS), place)
    test = test_of(FORMULA_KINDS[named], condition[named], f"{place}.{named}", asking)
    type_name = "boolean" if named == "checkbox" else named

    def passes(cell: Json) -> bool:
        if cell["type"] != type_name:
            return False
        return test(cells.from_shown("checkbox" if named == "checkbox" else type_name, cell[type_name]))

    return passes


def _rollup(condition: Any, place: str, asking: Asking) -> Test:
    named = _only_key(condition, (*QUANTIFIERS, *ROLLUP_KINDS), place)
    if named in QUANTIFIERS:
        return _quantified(named, condition[named], f"{place}.{named}", asking)
    test = test_of(ROLLUP_KINDS[named], condition[named], f"{place}.{named}", asking)
    return lambda cell: cell["type"] == named and test(cells.from_shown(named, cell[named]))


def _quantified(quantifier: str, condition: Any, place: str, asking: Asking) -> Test:
    """Documented, not observed: `any`, `every` or `none` of the values the rollup shows."""
    type_name = _only_key(condition, tuple(KIND_OF), place)
    test = _test(type_name, condition[type_name], f"{place}.{type_name}", asking)
    holds = QUANTIFIERS[quantifier]

    def passes(cell: Json) -> bool:
        if cell["type"] != "array":
            return False
        return holds([test(_element(element)) for element in cell["array"]])

    return passes


def _element(element: Json) -> Any:
    type_name = element["type"]
    return cells.from_shown(type_name, element[type_name])
