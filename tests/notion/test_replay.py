"""The recordings, replayed on the emulator (what may differ: `replay.py`).

`replay_misses.json` lists the exchanges that are expected to differ, each with the reason. The counts are
floors: an exchange that stops passing fails, and so does a listed miss that passes now.
"""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from tests.notion import replay
from tests.notion.comparison import in_order
from tests.notion.recordings import cassettes
from tests.notion.replay import Outcome, Replay, replayed
from tests.notion_emulator import filters, pages, query, schema, search, sorts

MISSES = json.loads((Path(__file__).parent / "replay_misses.json").read_text(encoding="utf-8"))
PASSED = {  # area -> exchanges that pass at least, of how many
    "databases": (91, 91),
    "data_sources": (198, 198),
    "pages": (172, 172),
    "views": (22, 22),
    "users": (23, 23),
    "search": (60, 60),
    "blocks": (109, 109),
    "other": (8, 8),
}
SEARCHES_TOLD = 37
"""Of the 60 searches, how many take the lag of the index from the recorded answer (`replay.py`)."""
SEARCHES_UNTOLD = 24
"""How many pass when none does."""
MAIN = ("databases", "data_sources", "pages", "views", "users", "search")


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return replayed()


def test_what_differs_is_what_was_expected_to(outcomes):
    differing = {one.name: one.differences[:3] for one in outcomes if not one.passed}
    unexpected = {name: differences for name, differences in differing.items() if name not in MISSES}
    assert unexpected == {}
    assert MISSES.keys() - differing.keys() == set()


@pytest.mark.parametrize("area", PASSED)
def test_the_exchanges_of_an_area_pass(outcomes, area):
    found = Counter(one.passed for one in outcomes if one.area == area)
    passed, total = PASSED[area]
    assert found.total() == total
    assert found[True] >= passed


def test_95_of_100_exchanges_of_the_main_areas_pass(outcomes):
    found = [one.passed for one in outcomes if one.area in MAIN]
    assert len(found) == 566
    assert sum(found) / len(found) >= 0.95


def test_few_of_them_only_read_back_what_was_imported(outcomes):
    """What an exchange before the first write shows, the recording put there: it tests the form alone."""
    passed = [one for one in outcomes if one.area in MAIN and one.passed]
    assert sum(one.read_back for one in passed) <= 0.1 * len(passed)


def test_how_many_searches_are_told_the_lag_of_their_index(outcomes):
    told = [one for one in outcomes if one.lag_s > 0]
    assert {one.area for one in told} == {"search"}
    assert len(told) == SEARCHES_TOLD
    assert max(one.lag_s for one in told) <= replay.MOST_LAG_S


def searching(monkeypatch: pytest.MonkeyPatch, most_lag_s: float) -> list[Outcome]:
    """The searches, replayed with a lag of so much at most."""
    monkeypatch.setattr(replay, "MOST_LAG_S", most_lag_s)
    return [
        outcome
        for cassette in cassettes()
        if any(one.path == "/v1/search" for one in cassette.exchanges)
        for outcome in Replay(cassette).outcomes()
        if outcome.area == "search"
    ]


def test_the_searches_that_are_told_nothing_pass(monkeypatch):
    found = searching(monkeypatch, 0.0)
    assert len(found) == PASSED["search"][1]
    assert sum(one.passed for one in found) == SEARCHES_UNTOLD


def test_no_search_is_told_of_a_longer_lag_than_the_cap(monkeypatch, outcomes):
    longer = {one.name for one in outcomes if one.lag_s > 0.3}
    found = searching(monkeypatch, 0.3)
    assert max(one.lag_s for one in found) == 0.3
    assert {one.name for one in found if not one.passed} == longer
    assert len(longer) > 10


def queries(outcomes: list[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.exchange.path.endswith("/query")]


def test_every_filter_and_sort_finds_the_recorded_rows_in_the_recorded_order(outcomes):
    found = queries(outcomes)
    assert len(found) == 65
    assert sum("filter" in one.exchange.body for one in found) == 50
    assert sum("sorts" in one.exchange.body for one in found) == 4
    wrong = {
        one.name: (one.exchange.body, titles(one.exchange.answer), titles(one.answer))
        for one in found
        if titles(one.exchange.answer) != titles(one.answer)
    }
    assert wrong == {}


def titles(answer: dict) -> list[str]:
    """The rows' titles; two without one look alike."""
    found = []
    for row in answer["results"]:
        title = next(value["title"] for value in row["properties"].values() if value["type"] == "title")
        found.append("".join(item["plain_text"] for item in title))
    return found


SPOILED = {  # what is wrong -> module, name, its spoiled form, the cassette that tells
    "filters are not applied": (
        filters,
        "compiled",
        lambda _: lambda *_: bool,
        "test_query__test_date_query",
    ),
    "sorts are not applied": (
        sorts,
        "compiled",
        lambda _: lambda *_: list,
        "test_docs_py_snippets__test_db_querying",
    ),
    "the oldest row comes first": (
        query,
        "matching",
        lambda rows: lambda *of: rows(*of)[::-1],
        "test_query__test_select_query",
    ),
    "search wants the whole title": (
        search,
        "words",
        lambda _: lambda text: {text},
        "test_session__test_search_get_db",
    ),
    "times are not cut": (pages, "seconds_cut", lambda _: datetime.isoformat, "test_page__test_title_attr"),
    "columns come as they were made": (
        schema,
        "ordered",
        lambda _: lambda source: list(source.properties.values()),
        "test_schema__test_add_del_update_prop",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_emulator_is_noticed(monkeypatch, name):
    module, part, spoil, cassette_name = SPOILED[name]
    cassette = next(one for one in cassettes() if one.name == cassette_name)
    assert all(one.passed for one in Replay(cassette).outcomes())
    monkeypatch.setattr(module, part, spoil(getattr(module, part)))
    assert not all(one.passed for one in Replay(cassette).outcomes())


def test_recorded_columns_come_by_their_ids_and_the_title_last():
    """The law of order that answers of the emulator are held to is true of everything recorded."""
    found = [columns for one in cassettes() for e in one.exchanges for columns in all_columns(e.answer)]
    assert len(found) > 800
    assert all(map(in_order, found))


def all_columns(value):
    """Every `properties` object with columns or values below an answer."""
    if isinstance(value, list):
        for one in value:
            yield from all_columns(one)
    elif isinstance(value, dict):
        if isinstance(value.get("properties"), dict) and value.get("object") in ("page", "data_source"):
            yield value["properties"]
        for one in value.values():
            yield from all_columns(one)
