"""The emulator on a real socket: keep-alive, bodies, broken connections, and the command line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests.notion_emulator import outcomes
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.clock import MachineClock
from tests.notion_emulator.server import serving

HEADERS = {"authorization": "Bearer ntn_test", "notion-version": "2026-03-11"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(clock=MachineClock())


@pytest.fixture
def http(emulator: Emulator) -> Iterator[httpx.Client]:
    with serving(emulator) as url, httpx.Client(base_url=f"{url}/v1", headers=HEADERS, timeout=0.5) as made:
        yield made


def test_a_connection_is_kept_and_answers_are_as_in_process(emulator: Emulator) -> None:
    with serving(emulator) as url:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
        sockets = set()
        for _ in range(3):
            connection.request("GET", "/v1/users/me", headers=HEADERS)
            answer = connection.getresponse()
            assert json.loads(answer.read())["id"] == emulator.bot.id
            sockets.add(connection.sock)
        connection.close()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-notion-request-id"]
    assert len(sockets) == 1


def test_bodies_come_whole_or_in_chunks(http: httpx.Client) -> None:
    body = json.dumps({"query": "Root", "page_size": 1}).encode()
    headers = {"content-type": "application/json"}
    whole = http.post("/search", content=body, headers=headers)
    chunked = http.post("/search", content=iter([body[:7], body[7:]]), headers=headers)
    assert whole.status_code == chunked.status_code == 200
    assert whole.json()["results"] == chunked.json()["results"]


def test_a_chunk_without_a_size_is_refused(emulator: Emulator) -> None:
    with (
        serving(emulator) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw,
    ):
        raw.sendall(b"POST /v1/search HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
        assert b" 400 " in raw.recv(100)


def test_long_answers_are_packed_for_those_who_take_it(emulator: Emulator, http: httpx.Client) -> None:
    for n in range(20):
        emulator.ws.new_user(f"Person {n}", bot=False)
    packed = http.get("/users")
    plain = http.get("/users", headers={"accept-encoding": "identity"})
    short = http.get("/users/me")
    assert [answer.headers.get("content-encoding") for answer in (packed, plain, short)] == [
        "gzip",
        None,
        None,
    ]
    assert packed.json()["results"] == plain.json()["results"]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (outcomes.drop(), httpx.RemoteProtocolError),
        (outcomes.commit_then_cut(), httpx.RemoteProtocolError),
        (outcomes.hang(), httpx.ReadTimeout),
        (outcomes.hang(30), httpx.ReadTimeout),
        (outcomes.drip(30), httpx.ReadTimeout),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_broken_connections_break(
    emulator: Emulator, http: httpx.Client, outcome: outcomes.Outcome, error: type[Exception]
) -> None:
    emulator.faults.add(outcome)
    with pytest.raises(error):
        http.get("/users/me")
    assert http.get("/users/me").status_code == 200


def test_slow_answers_arrive(emulator: Emulator, http: httpx.Client) -> None:
    emulator.faults.add(outcomes.hang(0.1))
    emulator.faults.add(outcomes.drip(0.0001), nth=2)
    assert [http.get("/users/me").json()["id"] for _ in range(2)] == [emulator.bot.id] * 2


def test_only_this_machine_is_served(emulator: Emulator) -> None:
    with serving(emulator) as url:
        assert url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_one_line_and_stops_cleanly(number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.notion_emulator",
        "--rate",
        "600",
        "--token",
        "ntn_named",
        "--seed",
        "3",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    start = json.loads(process.stdout.readline())
    assert list(start) == ["base_url", "token", "root_page"]
    headers = HEADERS | {"authorization": f"Bearer {start['token']}"}
    answer = httpx.get(f"{start['base_url']}/v1/pages/{start['root_page']}", headers=headers)
    assert answer.json()["id"] == start["root_page"] == Emulator(seed=3).root_page.id
    assert httpx.get(f"{start['base_url']}/v1/users/me", headers=HEADERS).status_code == 401
    process.send_signal(number)
    began_s = time.monotonic()
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert time.monotonic() - began_s < 5
