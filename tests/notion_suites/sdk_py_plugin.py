"""pytest plugin: what the official Python client's own tests need from outside, given against the emulator.

The tests come without fixtures of their own. Here are those fixtures: clients that talk to `NOTION_BASE_URL`
with `NOTION_TOKEN`, and objects made through the API below the page `NOTION_ROOT_PAGE`, new for each test.
Recording is off: the `vcr` mark means nothing. Async tests run to their end in an event loop of their own. No
other machine can be reached. Which tests tried, and what came of each test, goes to the file `SUITE_RESULTS`.
"""

import asyncio
import inspect
import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from notion_client import AsyncClient, Client
from notion_client.client import ClientOptions

BASE_URL = os.environ["NOTION_BASE_URL"]
TOKEN = os.environ["NOTION_TOKEN"]
HERE = ("127.0.0.1", "localhost", "::1", None)
PART = b"A" * (10 * 1024 * 1024)

outcomes: dict[str, str] = {}
outside: set[str] = set()
running: list[str] = []


def point_at(base_url: str) -> None:
    """From here on clients made without a base url use this one."""
    made = ClientOptions.__init__

    def initialise(self: ClientOptions, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **{"base_url": base_url, **kwargs})

    ClientOptions.__init__ = initialise  # type: ignore[method-assign]


def stay_here() -> None:
    """From here on names of other machines are not looked up; who asks is remembered."""
    looked_up = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in HERE:
            outside.update(running)
            raise socket.gaierror(socket.EAI_FAIL, f"{name} is not this machine")
        return looked_up(host, *args, **kwargs)

    socket.getaddrinfo = look_up


def pytest_configure(config: pytest.Config) -> None:
    for mark in ("vcr", "timeout", "asyncio"):
        config.addinivalue_line("markers", f"{mark}: of no effect here")
    point_at(BASE_URL)
    stay_here()


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test to its end; others are left to pytest."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    given, taken = pyfuncitem.funcargs, inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: given[name] for name in taken if name in given}))
    return True


def pytest_runtest_logstart(nodeid: str) -> None:
    running[:] = [nodeid]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    results = {"outcomes": outcomes, "outside": sorted(outside)}
    Path(os.environ["SUITE_RESULTS"]).write_text(json.dumps(results))


class Mocker:
    """The two names of a mocking fixture that the tests use; `stop` takes the patches back."""

    Mock = mock.Mock

    def __init__(self) -> None:
        self.patch = SimpleNamespace(object=self._object)
        self._patches: list[Any] = []

    def _object(self, target: object, name: str, **kwargs: Any) -> Any:
        patch = mock.patch.object(target, name, **kwargs)
        self._patches.append(patch)
        return patch.start()

    def stop(self) -> None:
        for patch in reversed(self._patches):
            patch.stop()


@pytest.fixture
def mocker() -> Iterator[Mocker]:
    mocker = Mocker()
    yield mocker
    mocker.stop()


@pytest.fixture
def vcr_cassette() -> SimpleNamespace:
    """A cassette that has answers: nothing is recorded, so no test has to wait for a far index."""
    return SimpleNamespace(responses=["played"])


@pytest.fixture
def token() -> str:
    return TOKEN


@pytest.fixture
def client(token: str) -> Iterator[Client]:
    with Client({"auth": token}) as client:
        yield client


@pytest.fixture
def async_client(token: str) -> AsyncClient:
    """Its connections end with the loop of the test that opened them."""
    return AsyncClient({"auth": token})


@pytest.fixture
def parent_page_id() -> str:
    return os.environ["NOTION_ROOT_PAGE"]


def titled(text: str) -> dict[str, Any]:
    return {"title": [{"text": {"content": text}}]}


@pytest.fixture
def page_id(client: Client, parent_page_id: str) -> Iterator[str]:
    page = client.pages.create(parent={"page_id": parent_page_id}, properties=titled("A page"), children=[])
    yield page["id"]
    client.blocks.delete(block_id=page["id"])


def paragraph(client: Client, page_id: str, *items: dict[str, Any]) -> str:
    """The id of a new paragraph of these rich text items."""
    children = [{"paragraph": {"rich_text": list(items)}}]
    added = client.blocks.children.append(block_id=page_id, children=children)
    return str(added["results"][0]["id"])


@pytest.fixture
def block_id(client: Client, page_id: str) -> str:
    return paragraph(client, page_id, {"text": {"content": "A paragraph."}})


@pytest.fixture
def text_block_id(block_id: str) -> str:
    return block_id


@pytest.fixture
def equation_block_id(client: Client, page_id: str) -> str:
    return paragraph(client, page_id, {"type": "equation", "equation": {"expression": "a^2"}})


@pytest.fixture
def mention_block_id(client: Client, page_id: str) -> str:
    mention = {"type": "date", "date": {"start": "2026-07-04"}}
    return paragraph(client, page_id, {"type": "mention", "mention": mention})


@pytest.fixture
def comment_id(client: Client, page_id: str) -> str:
    text = [{"text": {"content": "A comment."}}]
    return str(client.comments.create(parent={"page_id": page_id}, rich_text=text)["id"])


@pytest.fixture
def database(client: Client, page_id: str) -> dict[str, Any]:
    made: dict[str, Any] = client.databases.create(
        parent={"type": "page_id", "page_id": page_id},
        title=[{"type": "text", "text": {"content": "A database"}}],
        initial_data_source={"properties": {"Name": {"title": {}}, "Done": {"checkbox": {}}}},
    )
    return made


@pytest.fixture
def database_id(database: dict[str, Any]) -> str:
    return str(database["id"])


@pytest.fixture
def data_source_id(client: Client, database: dict[str, Any]) -> str:
    """A data source of three rows."""
    found = str(database["data_sources"][0]["id"])
    parent = {"type": "data_source_id", "data_source_id": found}
    for number in range(3):
        name = {"Name": {"title": [{"text": {"content": f"Row {number}"}}]}}
        client.pages.create(parent=parent, properties=name)
    return found


@pytest.fixture
def async_test_data_source(data_source_id: str) -> str:
    return data_source_id


@pytest.fixture
def view_id(client: Client, database_id: str, data_source_id: str) -> str:
    view = client.views.create(
        database_id=database_id, data_source_id=data_source_id, name="A view", type="table"
    )
    return str(view["id"])


@pytest.fixture
def multiple_test_pages(client: Client, page_id: str, request: pytest.FixtureRequest) -> list[str]:
    """Five pages whose title is the name of the test."""
    parent = {"page_id": page_id}
    pages = [client.pages.create(parent=parent, properties=titled(request.node.name)) for _ in range(5)]
    return [page["id"] for page in pages]


@pytest.fixture
def async_multiple_test_pages(multiple_test_pages: list[str]) -> list[str]:
    return multiple_test_pages


@pytest.fixture
def pending_single_file_upload_id(client: Client) -> str:
    upload = client.file_uploads.create(
        mode="single_part", filename="test_file_small.txt", content_type="text/plain"
    )
    return str(upload["id"])


@pytest.fixture
def single_file_upload_id(client: Client, pending_single_file_upload_id: str) -> str:
    client.file_uploads.send(file_upload_id=pending_single_file_upload_id, file=part_file(b"small"))
    return pending_single_file_upload_id


@pytest.fixture
def pending_multi_file_upload_id(client: Client) -> str:
    upload = client.file_uploads.create(
        mode="multi_part", filename="test_file_multi.txt", content_type="text/plain", number_of_parts=3
    )
    return str(upload["id"])


@pytest.fixture
def part_uploaded_file_upload_id(client: Client, pending_multi_file_upload_id: str) -> str:
    """An upload of which all parts are there and which is not completed."""
    upload_id = pending_multi_file_upload_id
    for number in ("1", "2", "3"):
        client.file_uploads.send(file_upload_id=upload_id, file=part_file(PART), part_number=number)
    return upload_id


@pytest.fixture
def setup_file_uploads_ids(
    pending_single_file_upload_id: str, pending_multi_file_upload_id: str
) -> list[str]:
    return [pending_single_file_upload_id, pending_multi_file_upload_id]


def part_file(content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = "part.txt"
    return file
