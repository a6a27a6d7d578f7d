"""Text of configs and citations in markdown: one line, no cell, tag or code span of its own. Pure."""

import unicodedata
from collections.abc import Iterable

LONGEST = 300
"""Characters of one foreign text; more is no name, no key and no citation."""

ESCAPES = str.maketrans(
    {"|": "\\|", "<": "&lt;", ">": "&gt;", "`": "'", "[": "\\[", "]": "\\]", "\\": "\\\\"}
)


def plain(text: object) -> str:
    """Foreign text as one line that markdown shows as it is."""
    return _line(text).translate(ESCAPES)


def code(text: object) -> str:
    """Foreign text as a code span that stays in its table cell."""
    return "`" + _line(text).replace("`", "'").replace("|", "\\|") + "`"


def row(cells: Iterable[object]) -> str:
    """One row of a table; its cells are markdown already."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _line(text: object) -> str:
    """Without line breaks and control characters, and no longer than a person reads."""
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in str(text))
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
