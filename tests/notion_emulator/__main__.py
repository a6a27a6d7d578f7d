"""`python -m tests.notion_emulator`: serves an emulated workspace until it is stopped.

Prints one JSON line: base_url, token, root_page (the id of a page that the connection can see).
"""

import argparse
import json
import signal
import threading

from tests.notion_emulator.app import Emulator
from tests.notion_emulator.clock import MachineClock
from tests.notion_emulator.seeds import seed_suites
from tests.notion_emulator.server import serving
from tests.notion_emulator.state import Knobs

ANY_TOKEN = "ntn_emulated"


def main(argv: list[str] | None = None) -> None:
    options = parser().parse_args(argv)
    emulator = Emulator(
        seed=options.seed,
        clock=MachineClock(),
        rate=options.rate,
        token=options.token,
        knobs=Knobs(cap=options.cap, lag_s=options.lag),
    )
    seed_suites(emulator)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with serving(emulator, options.port) as url:
        start = {"base_url": url, "token": options.token or ANY_TOKEN, "root_page": emulator.root_page.id}
        print(json.dumps(start), flush=True)
        stopped.wait()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python -m tests.notion_emulator", description="An emulated Notion workspace."
    )
    made.add_argument("--port", type=int, default=0, help="0: a free one")
    made.add_argument("--rate", type=_budget, default=None, help="requests per minute: 180, 600 or none")
    made.add_argument("--cap", type=int, default=Knobs().cap, help="rows one query gives at most")
    made.add_argument("--lag", type=float, default=0.0, help="seconds until queries see a write")
    made.add_argument("--seed", type=int, default=0, help="the same seed makes the same ids")
    made.add_argument("--token", help="the only token that is accepted; any is without it")
    return made


def _budget(text: str) -> int | None:
    return None if text == "none" else int(text)


if __name__ == "__main__":
    main()
