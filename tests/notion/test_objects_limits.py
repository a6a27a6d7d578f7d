"""Limits and refusals of values and texts, each in Notion's words."""

import pytest

from tests.notion.test_objects_values import Table
from tests.notion.test_paging import ok, refusal, send
from tests.notion_emulator import rich_text

IN = "body failed validation: body.properties."
LONG = "x" * 2001
FACE = "\U0001f600"


@pytest.fixture
def table() -> Table:
    return Table()


def text(content: str) -> list[dict]:
    return [{"text": {"content": content}}]


REFUSED = [
    pytest.param({"Colour": {"number": 1}}, "Colour is not a property that exists.", id="unknown column"),
    pytest.param({"Text": {"number": 1}}, "Text is expected to be rich_text.", id="another type"),
    pytest.param({"Text": {"rich_text": 1}}, "Text is expected to be rich_text.", id="another kind of value"),
    pytest.param(
        {"Text": {"number": 1}, "Files": {"url": "https://a.b"}, "Colour": {"number": 1}},
        "Text is expected to be rich_text. Files is expected to be files."
        " Colour is not a property that exists.",
        id="several, a sentence each",
    ),
    pytest.param({"Price": {"number": "8"}}, "Price is expected to be number.", id="number as text"),
    pytest.param({"Price": {"number": True}}, "Price is expected to be number.", id="number as boolean"),
    pytest.param({"Done": {"checkbox": 1}}, "Done is expected to be checkbox.", id="checkbox as number"),
    pytest.param(
        {"Twice": {"formula": {}}},
        IN + "Twice.formula should be not present, instead was `{}`.",
        id="read-only",
    ),
    pytest.param(
        {"Text": {"rich_text": text(LONG)}},
        IN + "Text.rich_text[0].text.content.length should be \u2264 `2000`, instead was `2001`.",
        id="long text",
    ),
    pytest.param(
        {"Text": {"rich_text": text(FACE * 1001)}},
        IN + "Text.rich_text[0].text.content.length should be \u2264 `2000`, instead was `2002`.",
        id="long text in UTF-16",
    ),
    pytest.param(
        {"Text": {"rich_text": text("x") * 101}},
        IN + "Text.rich_text.length should be \u2264 `100`, instead was `101`.",
        id="many texts",
    ),
    pytest.param(
        {"Text": {"rich_text": [{"equation": {"expression": "x" * 1001}}]}},
        IN + "Text.rich_text[0].equation.expression.length should be \u2264 `1000`, instead was `1001`.",
        id="long equation",
    ),
    pytest.param(
        {"Text": {"rich_text": [{"text": {"content": "x", "link": {"url": LONG}}}]}},
        IN + "Text.rich_text[0].text.link.url.length should be \u2264 `2000`, instead was `2001`.",
        id="long link",
    ),
    pytest.param(
        {"Text": {"rich_text": [{"text": {}}]}},
        IN + "Text.rich_text[0].text.content should be defined, instead was `undefined`.",
        id="no content",
    ),
    pytest.param(
        {"Text": {"rich_text": [{}]}},
        "body failed validation. Fix one:\n"
        "body.properties.Text.rich_text[0].text should be defined, instead was `undefined`.\n"
        "body.properties.Text.rich_text[0].mention should be defined, instead was `undefined`.\n"
        "body.properties.Text.rich_text[0].equation should be defined, instead was `undefined`.",
        id="no kind of text",
    ),
    pytest.param(
        {"Tags": {"multi_select": [{"name": f"t{n}"} for n in range(101)]}},
        IN + "Tags.multi_select.length should be \u2264 `100`, instead was `101`.",
        id="many options",
    ),
    pytest.param(
        {"Size": {"select": {"name": "High, really"}}},
        "Invalid select option, commas not allowed: High, really",
        id="comma in select",
    ),
    pytest.param(
        {"Tags": {"multi_select": [{"name": "a,b"}]}},
        "Invalid select option, commas not allowed: a,b",
        id="comma in multi_select",
    ),
    pytest.param(
        {"Size": {"select": {}}},
        "body failed validation. Fix one:\n"
        "body.properties.Size.select.id should be defined, instead was `undefined`.\n"
        "body.properties.Size.select.name should be defined, instead was `undefined`.",
        id="option without name",
    ),
    pytest.param(
        {"Size": {"select": {"id": "no-status"}}},
        '`"no-status"` is an invalid select option.',
        id="option id",
    ),
    pytest.param(
        {"Stage": {"status": {"name": "Lost"}}},
        'Invalid status option. Status option "Lost" does not exist".',
        id="unknown status",
    ),
    pytest.param(
        {"Link": {"url": ""}},
        IN + "Link.url.length should be \u2265 `1`, instead was `0`.",
        id="empty url",
    ),
    pytest.param(
        {"Link": {"url": LONG}},
        IN + "Link.url.length should be \u2264 `2000`, instead was `2001`.",
        id="long url",
    ),
    pytest.param(
        {"Mail": {"email": LONG[:201]}},
        IN + "Mail.email.length should be \u2264 `200`, instead was `201`.",
        id="long email",
    ),
    pytest.param(
        {"When": {"date": {"start": "2026-13-01"}}},
        IN + 'When.date.start should be a valid ISO 8601 date string, instead was `"2026-13-01"`.',
        id="no such day",
    ),
    pytest.param(
        {"When": {"date": {}}},
        IN + "When.date.start should be defined, instead was `undefined`.",
        id="date without start",
    ),
    pytest.param(
        {"Where": {"place": {"lat": 1}}},
        IN + "Where.place.lon should be a number, instead was `undefined`.",
        id="place without longitude",
    ),
]


@pytest.mark.parametrize(("properties", "message"), REFUSED)
def test_a_value_past_its_limit_is_refused_in_these_words(table, properties, message):
    rows = len(table.emulator.ws.rows[table.source_id])
    assert table.refused(properties) == message
    assert len(table.emulator.ws.rows[table.source_id]) == rows


@pytest.mark.parametrize(
    "content", ["x" * 2000, FACE * 1000], ids=["2,000 characters", "1,000 outside the basic plane"]
)
def test_a_text_at_the_limit_is_taken(table, content):
    assert rich_text.plain(table.write("Text", text(content))) == content


def test_a_field_that_the_operation_does_not_have_is_refused(table):
    body = {**table.body({}), "colour": "red"}
    assert refusal(table.emulator, "POST", "/v1/pages", body) == (
        'body failed validation: body.colour should be not present, instead was `"red"`.'
    )
    assert refusal(table.emulator, "PATCH", f"/v1/pages/{table.row}", {"archived": True}) == (
        "body failed validation: body.archived should be not present, instead was `true`."
    )


def test_a_free_workspace_out_of_blocks_takes_no_row(table):
    ws = table.emulator.ws
    ws.knobs.block_limit = len(ws.pages) + len(ws.blocks) + len(ws.databases)
    status, answer = send(table.emulator, "POST", "/v1/pages", table.body({}))
    assert (status, answer["code"]) == (403, "restricted_resource")
    assert answer["additional_data"] == {"block_limit": "block_creation"}
    ok(table.emulator, "PATCH", f"/v1/pages/{table.row}", {"properties": {"Price": {"number": 1}}})
