"""Every answer that an emulator gives here passes both witnesses of shape."""

from tests.notion.checking import shapes_checked

__all__ = ["shapes_checked"]
