"""Recorded objects, imported into an empty workspace, are shown as they were."""

import json

import pytest

from tests.notion.comparison import Comparison, Pairs
from tests.notion.prior import be_the_bot, library, shown_objects
from tests.notion.recordings import cassettes
from tests.notion_emulator.app import Emulator, Request
from tests.notion_emulator.recorded import WORKED_OUT, Importer, forget_all

PATHS = {"database": "databases", "view": "views", "data_source": "data_sources", "page": "pages"}
LINKED = ("relation", "rollup", "formula", "people", *WORKED_OUT)


def recorded(kind: str, origin: str) -> dict[str, tuple[str, dict]]:
    """Id -> version and whole object, as first shown, of those that need no other objects."""
    found = {}
    for cassette in cassettes():
        for exchange in cassette.exchanges if cassette.origin == origin else ():
            for one in shown_objects(exchange.answer):
                if one["object"] == kind and stands_alone(one):
                    found.setdefault(one["id"], (exchange.version, one))
    return found


def stands_alone(one: dict) -> bool:
    columns = one.get("properties", {}).values()
    return not any(column["type"] in LINKED for column in columns)


def differences(version: str, one: dict, origin: str) -> list[str]:
    emulator = Emulator()
    forget_all(emulator.ws)
    importer = Importer(emulator.ws, emulator.clock.now())
    bot = next(user for user in library(origin).values() if "workspace_id" in user.get("bot", ()))
    be_the_bot(emulator, importer, bot)
    if one["object"] == "view":
        importer.data_source(bare_source(one["data_source_id"], one["parent"]["database_id"], []))
    importer.take(one)
    if one["object"] == "page":
        importer.learn_options(one)
    for source in one.get("data_sources", []):
        importer.data_source(bare_source(source["id"], one["id"], one["title"]))
    headers = {"authorization": "Bearer ntn_any", "notion-version": version}
    answer = json.loads(
        emulator.handle(Request("GET", f"/v1/{PATHS[one['object']]}/{one['id']}", [], headers)).body
    )
    comparison = Comparison(Pairs(), same_hosts=origin == "ultimate-notion")
    comparison.compare("", one | {"request_id": ""}, answer)
    return comparison.differences


def bare_source(source_id: str, database_id: str, title: list) -> dict:
    """A data source with nothing but a title column."""
    return {
        "id": source_id,
        "title": title,
        "properties": {"Name": {"id": "title", "type": "title", "title": {}}},
        "parent": {"type": "database_id", "database_id": database_id},
        "database_parent": {"type": "workspace", "workspace": True},
    }


COUNTS = {
    ("database", "notion-sdk-py"): 23,
    ("database", "ultimate-notion"): 37,
    ("view", "notion-sdk-py"): 7,
    ("data_source", "notion-sdk-py"): 18,
    ("data_source", "ultimate-notion"): 33,
    ("page", "notion-sdk-py"): 38,
    ("page", "ultimate-notion"): 59,
}


@pytest.mark.parametrize(("kind", "origin"), COUNTS)
def test_an_imported_object_is_shown_as_it_was(kind, origin):
    found = recorded(kind, origin)
    wrong = {key: differences(version, one, origin) for key, (version, one) in found.items()}
    assert {key: said for key, said in wrong.items() if said} == {}
    assert len(found) == COUNTS[kind, origin]
