"""The emulator on a socket, for suites that are not ours; every answer is held to both witnesses of shape."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.notion.shapes import Checker, checked
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.clock import MachineClock
from tests.notion_emulator.seeds import seed_suites
from tests.notion_emulator.server import serving

TOKEN = "ntn_emulated"


class Served(NamedTuple):
    """Where it answers, the one token it takes, the page that the connection can see, and who looks on."""

    base_url: str
    token: str
    root_page: str
    checker: Checker


@contextmanager
def emulator() -> Iterator[Served]:
    """A workspace on the machine's clock with what the suites take for granted."""
    emulated = Emulator(token=TOKEN, clock=MachineClock())
    seed_suites(emulated)
    with served(emulated) as found:
        yield found


@contextmanager
def served(emulated: Emulator) -> Iterator[Served]:
    """Serves an emulator until the end of the block."""
    checker = checked(emulated)
    with serving(emulated) as url:
        yield Served(url, TOKEN, emulated.root_page.id, checker)


def shapes_pass(*checkers: Checker) -> bool:
    """Whether no answer was wrong; prints what was, and how many were looked at."""
    errors = [error for checker in checkers for error in checker.errors]
    for error in dict.fromkeys(errors):
        print(f"wrong shape: {error}")
    n_seen = sum(checker.seen for checker in checkers)
    n_wrong = sum(checker.wrong for checker in checkers)
    print(f"shapes: {n_seen} answers checked, {n_wrong} wrong")
    return n_seen > 0 and not errors
