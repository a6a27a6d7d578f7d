"""The checks that go along with every test of the emulator."""

import json

from tests.notion_emulator.app import Emulator, Request

HEADERS = {
    "authorization": "Bearer ntn_any",
    "notion-version": "2026-03-11",
    "content-type": "application/json",
}


def test_every_answer_of_every_emulator_is_checked(shapes_checked):
    for _ in range(2):
        emulator = Emulator()
        emulator.handle(Request("GET", "/v1/users/me", [], HEADERS, b""))
        emulator.handle(Request("GET", "/v1/nothing", [], HEADERS, b""))
    assert shapes_checked.seen == 4


def test_a_wrong_answer_fails_the_test(shapes_checked):
    emulator = Emulator()
    emulator.ws.users[emulator.bot.id].name = 5
    answer = emulator.handle(Request("GET", "/v1/users/me", [], HEADERS, b""))
    assert json.loads(answer.body)["name"] == 5
    assert len(shapes_checked.errors) == 2
    shapes_checked.errors.clear()
