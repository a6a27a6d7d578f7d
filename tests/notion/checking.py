"""The fixture that holds every answer of every emulator of a test to both witnesses of shape.

A folder's tests get it by importing it in their conftest.py.
"""

import pytest

from tests.notion.shapes import Checker
from tests.notion_emulator.app import Emulator


@pytest.fixture(autouse=True)
def shapes_checked(monkeypatch):
    """The checker of this test; a wrong answer fails the test at its end, wherever it was asked for."""
    checker = Checker()
    monkeypatch.setattr(Emulator, "watchers", [*Emulator.watchers, checker])
    yield checker
    assert not checker.errors, "\n".join(dict.fromkeys(checker.errors))
