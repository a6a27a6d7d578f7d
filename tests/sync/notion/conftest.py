"""Every answer that an emulator gives here passes both witnesses of shape."""

import os

import pytest

from tests.notion.checking import shapes_checked

__all__ = ["shapes_checked", "without_waiting_for_the_disk"]


@pytest.fixture
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine loses its power in a simulation that flushes ten thousand lines."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
