"""Formulas: how they are given back, and what they are worth."""

import pytest

from tests.notion.test_paging import new_database, new_row, ok
from tests.notion_emulator import formulas
from tests.notion_emulator.app import Emulator

PRINTED = [
    ('prop("Name")', "{title}"),
    ('prop("Name") + "!"', '{title} + "!"'),
    (
        '50000 + dateBetween(prop("Due"), now(), "years")*1000',
        '50000 + (dateBetween({due}, now(), "years") * 1000)',
    ),
    ('if((prop("Name")=="x"), "a", ("b"))', 'if({title} == "x", "a", "b")'),
    ("or(1>2,true)", "or(1 > 2, true)"),
    ('prop("Tags").includes("Done")', '{tags}.includes("Done")'),
    ("-(1+2)*3", "-(1 + 2) * 3"),
    ('prop("Lost")', 'prop("Lost")'),
    ("= 2 *", "= 2 *"),
]
VALUES = [
    ('prop("Name")', {"type": "string", "string": "x"}),
    ('prop("Name") == "x"', {"type": "boolean", "boolean": True}),
    ('prop("Number") * 2', {"type": "number", "number": 16}),
    ('prop("Name") + prop("Number")', {"type": "string", "string": "x8"}),
    ('if(empty(prop("Due")), "none", "some")', {"type": "string", "string": "some"}),
    ('if(prop("Number") > 9, "many", "")', {"type": "string", "string": None}),
    ('prop("Tags").length()', {"type": "number", "number": 2}),
    ('prop("Tags").includes("Done")', {"type": "boolean", "boolean": False}),
    ('prop("Due")', {"type": "date", "date": {"start": "2026-07-01", "end": None, "time_zone": None}}),
    ('dateBetween(now(), prop("Due"), "days")', {"type": "number", "number": 3}),
    ('formatDate(prop("Due"), "YYYY-MM")', {"type": "string", "string": "2026-07"}),
    (
        'dateAdd(prop("Due"), 1, "months")',
        {"type": "date", "date": {"start": "2026-08-01", "end": None, "time_zone": None}},
    ),
    ('prop("Number") / 0', {"type": "number", "number": None}),
    ("sparkle(1)", {"type": "unsupported", "unsupported": {}}),
    ("= 2 *", {"type": "string", "string": None}),
]


@pytest.fixture(scope="module")
def source() -> tuple[Emulator, str]:
    emulator = Emulator()
    columns = {"Due": {"date": {}}, "Tags": {"multi_select": {}}}
    return emulator, new_database(emulator, columns)[1]


@pytest.mark.parametrize(("written", "shown"), PRINTED)
def test_an_expression_comes_back_in_notions_form(source, written, shown):
    emulator, source_id = source
    ds = emulator.ws.data_sources[source_id]
    kinds = {prop.type: prop.id for prop in ds.properties.values()}
    names = {"title": "title", "due": kinds["date"], "tags": kinds["multi_select"]}
    for name, property_id in names.items():
        reference = formulas.printed(formulas.Reference(property_id), source_id, emulator.ws.id)
        shown = shown.replace(f"{{{name}}}", reference)
    again = formulas.stored(emulator.ws, ds, written)
    assert again == shown
    assert formulas.stored(emulator.ws, ds, again) == again


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_a_formula_is_worked_out_for_its_row(source, expression, value):
    emulator, source_id = source
    column = {"Worth": {"formula": {"expression": expression}}}
    ok(emulator, "PATCH", f"/v1/data_sources/{source_id}", {"properties": column})
    row = new_row(
        emulator,
        source_id,
        "x",
        Number={"number": 8},
        Due={"date": {"start": "2026-07-01"}},
        Tags={"multi_select": [{"name": "a"}, {"name": "b"}]},
    )
    page = ok(emulator, "GET", f"/v1/pages/{row}")
    assert page["properties"]["Worth"]["formula"] == value
