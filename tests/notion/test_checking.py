"""The checks that go along with every test of the emulator."""

import json

import pytest

from tests.notion_emulator import bad_bytes, outcomes, rates
from tests.notion_emulator.app import Emulator, Request
from tests.notion_suites.emulated import served, shapes_pass

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


ASKED = Request("GET", "/v1/users/me", [], HEADERS, b"")


@pytest.mark.parametrize(
    ("outcome", "seen"),
    [
        (outcomes.reject(500), 1),
        (outcomes.refuse(lambda now: rates.limited(30, now)), 1),
        (outcomes.refuse(lambda now: rates.overloaded(30, now)), 1),
        (outcomes.query_unavailable(), 1),
        (outcomes.commit_then_status(502), 2),
        (outcomes.saved_503(with_id=True), 2),
        (outcomes.saved(429, with_id=True), 2),
        (outcomes.saved(529, with_id=False), 2),
        (outcomes.commit_late(5, meanwhile=outcomes.reject(504)), 1),
        (outcomes.commit_then_drop(), 1),
        (outcomes.drop(), 0),
        (outcomes.hang(5.0), 1),
        (bad_bytes.html(502), 1),
        (bad_bytes.cloudflare_403(), 0),
        (bad_bytes.empty(), 1),
        (outcomes.commit_late(5, meanwhile=bad_bytes.html(502)), 0),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_errors_that_faults_make_are_checked_but_for_spoiled_bytes(shapes_checked, outcome, seen):
    emulator = Emulator()
    emulator.faults.add(outcome)
    emulator.handle(ASKED)
    assert shapes_checked.seen == seen


def test_a_fault_with_a_wrong_error_fails_the_test(shapes_checked):
    emulator = Emulator()
    emulator.faults.add(outcomes.reject(500, additional={"a": 1}, code=5))
    emulator.handle(ASKED)
    assert len(shapes_checked.errors) == 1
    shapes_checked.errors.clear()


def test_an_outside_suite_fails_when_an_answer_is_wrong(shapes_checked, capsys):
    emulator = Emulator(token="ntn_any")
    with served(emulator) as found:
        emulator.handle(ASKED)
        assert shapes_pass(found.checker)
        assert capsys.readouterr().out == "shapes: 1 answers checked, 0 wrong\n"
        emulator.ws.users[emulator.bot.id].name = 5
        emulator.handle(ASKED)
        assert not shapes_pass(found.checker)
        assert "wrong shape: GET /v1/users/me (2026-03-11): SDK: " in capsys.readouterr().out
        assert not shapes_pass()
    shapes_checked.errors.clear()
