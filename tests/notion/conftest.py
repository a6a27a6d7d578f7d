"""Every answer of every emulator that these tests make is checked."""

from tests.notion.checking import shapes_checked

__all__ = ["shapes_checked"]
