"""A table in Notion as people shape one by hand: their own columns beside ours, other titles, one column
renamed, no keys, 60 rows with gaps and two kinds of mistakes.
"""

from dataclasses import dataclass, field
from typing import Any

from registry.model import Model
from schemas.record import COLUMNS, Kind
from tests.notion_emulator.people import Person
from tests.notion_emulator.seeds import database
from tests.registry.settled import catalogue

N_ROWS = 60
RENAMED = {"d_hidden": "Hidden size"}
PEOPLE_S = {"Reviewed by": "people", "Remarks": "rich_text", "Priority": "select", "Seen on": "date"}
TYPES = {Kind.TEXT: "rich_text", Kind.SELECT: "select", Kind.NUMBER: "number", Kind.CHECKBOX: "checkbox"}
NOT_THERE = ("key",)


@dataclass
class HandTable:
    """The ids of the table, and for each row what people typed: column -> value."""

    data_source_id: str
    database_id: str
    typed: dict[str, dict[str, Any]] = field(default_factory=dict)
    model_of: dict[str, Model] = field(default_factory=dict)


def columns() -> dict[str, str]:
    """Our fields -> the names people gave their columns, the title left out."""
    ours = {
        n: c for n, c in COLUMNS.items() if not c.optional and n not in NOT_THERE and c.kind is not Kind.TITLE
    }
    return {name: RENAMED.get(name, column.name) for name, column in ours.items()}


def property_types() -> dict[str, str]:
    found = {name: TYPES[COLUMNS[field].kind] for field, name in columns().items()}
    return {**found, "HuggingFace Repo": "url", **PEOPLE_S}


def models() -> list[Model]:
    """60 models of the catalogue that a title, a core id or a repository tells apart."""
    return list(catalogue().values())[:N_ROWS]


def options(name: str, fields: dict[str, str]) -> list[dict[str, str]]:
    values = {getattr(model.record, fields[name]) for model in catalogue().values()} - {None}
    return [{"name": str(value)} for value in sorted(values)]


def build(person: Person) -> HandTable:
    """Makes the table and its rows as that person."""
    by_column = {column: field for field, column in columns().items()}
    properties: dict[str, Any] = {"Model": {"title": {}}}
    for name, type_ in property_types().items():
        config: dict[str, Any] = {}
        if type_ == "select":
            config = {"options": options(name, by_column) if name in by_column else [{"name": "High"}]}
        properties[name] = {type_: config}
    database_id, data_source_id = database(person.emulator, properties, "LLM config table")
    table = HandTable(data_source_id, database_id)
    for i, model in enumerate(models()):
        cells = row_cells(i, model)
        row_id = person.add_row(table.data_source_id, cells)
        table.typed[row_id], table.model_of[row_id] = cells, model
    return table


def row_cells(i: int, model: Model) -> dict[str, Any]:
    """What a person typed for this model: most values, every fifth cell left out, now and then a wrong
    one.
    """
    record = model.record
    cells: dict[str, Any] = {"Model": title(i, model), "Remarks": f"remark {i}", "Priority": "High"}
    for n, (name, column) in enumerate(columns().items()):
        value = getattr(record, name)
        if value is None or value is False or name in ("main", "notes"):
            continue
        if (i + n) % 5 == 0 and not (name == "huggingface_repo" and i % 3 == 0):
            continue
        cells[column] = f"https://huggingface.co/{value}" if name == "huggingface_repo" else value
    if i % 4 == 0:
        cells["Main"] = True
    if record.d_ff and i % 7 == 0:
        cells["d_ff"] = record.d_ff + 1
    if i % 6 == 0:
        cells["Notes"] = f"typed by hand {i}"
    return cells


def title(i: int, model: Model) -> str:
    """Every third title is nobody's name for the model."""
    return f"My {model.record.model_name} (row {i})" if i % 3 == 0 else str(model.record.model_name)
