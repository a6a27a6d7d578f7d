"""What tests and other people's suites find in a workspace, made through the API itself."""

import json
from typing import Any

from tests.notion_emulator.app import Emulator
from tests.notion_emulator.gates import VERSIONS
from tests.notion_emulator.state import Json
from tests.notion_emulator.wire import Request


def ask(emulator: Emulator, method: str, path: str, body: Json | None = None) -> Any:
    """The answer to a request of the connection, which must succeed; nothing logs or counts it."""
    request = Request(
        method,
        path,
        headers={"authorization": f"Bearer {emulator.token or 'ntn_seed'}", "notion-version": VERSIONS[-1]},
        body=b"" if body is None else json.dumps(body).encode(),
    )
    response = emulator.unwatched(request)
    answer = json.loads(response.body)
    if response.status >= 400:
        raise ValueError(f"{method} {path}: {answer['message']}")
    return answer


def database(
    emulator: Emulator, properties: Json, title: str = "Table", page_id: str | None = None
) -> tuple[str, str]:
    """A database with these columns below a page (the root page): its id and its data source's."""
    body = {
        "parent": {"type": "page_id", "page_id": page_id or emulator.root_page.id},
        "title": [{"text": {"content": title}}],
        "initial_data_source": {"properties": properties},
    }
    made = ask(emulator, "POST", "/v1/databases", body)
    return made["id"], made["data_sources"][0]["id"]


def row(emulator: Emulator, data_source_id: str, properties: Json) -> str:
    """The id of a new row."""
    parent = {"type": "data_source_id", "data_source_id": data_source_id}
    return str(ask(emulator, "POST", "/v1/pages", {"parent": parent, "properties": properties})["id"])


def page(emulator: Emulator, title: str, page_id: str | None = None) -> str:
    """The id of a new page below a page (the root page)."""
    parent = {"type": "page_id", "page_id": page_id or emulator.root_page.id}
    properties = {"title": {"title": [{"text": {"content": title}}]}}
    return str(ask(emulator, "POST", "/v1/pages", {"parent": parent, "properties": properties})["id"])


def seed_suites(emulator: Emulator) -> None:
    """What public suites take for granted beside `root_page`: a top page named Tests (ultimate-notion)."""
    emulator.top_page("Tests")
