"""Rollup values: what the related rows hold, counted or worked out.

Observed (recorded): count over nothing. The rest follows the published property reference: documented, not
observed.
"""

from collections.abc import Callable
from statistics import mean, median
from typing import Any

from tests.notion_emulator import rich_text, values
from tests.notion_emulator.state import Json, Page, Property, Workspace

EMPTY: tuple[Any, ...] = (None, "", [], {})


def shown(ws: Workspace, page: Page, prop: Property) -> Json:
    """{"type", <type>: value, "function"}; a function that is not known here gives `unsupported`."""
    function = prop.config["function"]
    cells = _cells(ws, page, prop)
    if function in ("show_original", "show_unique"):
        return {"type": "array", "array": _array(cells, function == "show_unique"), "function": function}
    if function in _DATES:
        return {"type": "date", "date": _DATES[function](_starts(cells)), "function": function}
    if function in _NUMBERS:
        return {"type": "number", "number": _NUMBERS[function](cells), "function": function}
    return {"type": "unsupported", "unsupported": {}, "function": function}


def _cells(ws: Workspace, page: Page, prop: Property) -> list[Json]:
    """One shown value per related row."""
    found: list[Json] = []
    for page_id in page.properties.get(prop.config["relation_property_id"]) or ():
        row = ws.pages.get(page_id)
        ds = ws.data_sources.get(row.parent.get("data_source_id", "")) if row else None
        column = ds.properties.get(prop.config["rollup_property_id"]) if ds else None
        if row is not None and column is not None:
            found.append(values.rendered(ws, row, column))
    return found


def _array(cells: list[Json], unique: bool) -> list[Json]:
    shown = [{"type": cell["type"], cell["type"]: cell[cell["type"]]} for cell in cells]
    return [one for n, one in enumerate(shown) if not unique or one not in shown[:n]]


def _plain(cell: Json) -> Any:
    value = cell[cell["type"]]
    if cell["type"] in ("title", "rich_text"):
        return rich_text.plain(value)
    return value.get(value["type"]) if cell["type"] == "formula" else value


def _filled(cells: list[Json]) -> list[Any]:
    return [value for value in map(_plain, cells) if value not in EMPTY]


def _numbers(cells: list[Json]) -> list[float]:
    return [one for one in _filled(cells) if isinstance(one, int | float) and not isinstance(one, bool)]


def _starts(cells: list[Json]) -> list[Json]:
    dates = [
        one if isinstance(one, dict) else {"start": one, "end": None, "time_zone": None}
        for one in _filled(cells)
    ]
    return sorted((one for one in dates if one.get("start")), key=lambda one: str(one["start"]))


def _checked(cells: list[Json]) -> int:
    return sum(_plain(cell) is True for cell in cells)


def _distinct(cells: list[Json]) -> int:
    return len({repr(value) for value in _filled(cells)})


def _of(part: int, cells: list[Json]) -> float:
    return part / len(cells) if cells else 0


def _worked_out(function: Callable[[list[float]], float]) -> Callable[[list[Json]], float | None]:
    def apply(cells: list[Json]) -> float | None:
        numbers = _numbers(cells)
        return function(numbers) if numbers else None

    return apply


_NUMBERS: dict[str, Callable[[list[Json]], float | None]] = {
    "count": len,
    "count_values": lambda cells: len(_filled(cells)),
    "empty": lambda cells: len(cells) - len(_filled(cells)),
    "not_empty": lambda cells: len(_filled(cells)),
    "unique": _distinct,
    "percent_empty": lambda cells: _of(len(cells) - len(_filled(cells)), cells),
    "percent_not_empty": lambda cells: _of(len(_filled(cells)), cells),
    "checked": _checked,
    "unchecked": lambda cells: len(cells) - _checked(cells),
    "percent_checked": lambda cells: _of(_checked(cells), cells),
    "percent_unchecked": lambda cells: _of(len(cells) - _checked(cells), cells),
    "sum": lambda cells: sum(_numbers(cells)),
    "average": _worked_out(mean),
    "median": _worked_out(median),
    "min": _worked_out(min),
    "max": _worked_out(max),
    "range": _worked_out(lambda numbers: max(numbers) - min(numbers)),
}
_DATES: dict[str, Callable[[list[Json]], Json | None]] = {
    "earliest_date": lambda dates: dates[0] if dates else None,
    "latest_date": lambda dates: dates[-1] if dates else None,
    "date_range": lambda dates: {**dates[0], "end": dates[-1]["start"]} if dates else None,
}
