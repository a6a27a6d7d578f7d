"""sku_list: 10,000 damaged and hostile files are each read or refused, and nothing of them is run.

The files are parsed in one child process under an audit hook (which cannot be taken out again) that lets only
the event of parsing pass: no exec, import, open, process or socket. Any number of files, with any seed:

    python tests/sources/test_sku_list_mutations.py 10000 0
"""

import ast
import json
import random
import re
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "sku_list"
FILES, SEED = 10_000, 20261121
KEPT = ("arch_args_1b", "arch_args_3b", "llama3_2_quantized_models", "safety_models")
HOSTILE = (
    "__import__('os').system('touch executed')",
    "exec('import os')",
    "eval('1')",
    "open('executed', 'w')",
    "open(file='executed', mode='w')",
    "(lambda: print())()",
    "[x for x in range(9)]",
    "{**globals()}",
    "f'{open}'",
    "(y := 1)",
    "CoreModelId.__class__",
    "CoreModelId.__init__.__globals__",
    "Model.__subclasses__()",
    "all_registered_models()",
    "all_registered_models",
    "lru_cache(open)",
    "9" * 5000,
    "0x" + "f" * 5000,
    "1e400",
    "-" * 3000 + "1",
    "1" + "+1" * 3000,
    "[" * 300 + "]" * 300,
    "'a' * 10 ** 10",
    "1 // 0",
    "-'1'",
    "b'1'",
    "None",
    "True",
    "{'a': 1, 'a': 2}",
    r"'\ud800'",
    r"'\d'",
    "*[]",
    "**{}",
    "yield 1",
    "\0",
    "\ufeff",
)
LINES = (
    "import os; os.system('touch executed')",
    "from os import *",
    "@print",
    "while 1: pass",
    "class CoreModelId: pass",
    "def Model(x=open('executed', 'w')): return x",
    "global Model",
    "return",
    "# -*- coding: utf-7 -*-",
    "# +AAo-import os",
    "\tpass",
)

ATOM = re.compile(r'(\b[A-Za-z_]\w*|\b\d[\w.]*|"[^"\n]*")')
VALUE = re.compile(r'((?<==)[^=\n(]+(?=,\n)|(?<=": )[^\n{]+(?=,\n)|(?<=return )[^\n(]+\(\))')


def small(text: str) -> str:
    """The real file cut to a few functions, so that ten thousand can be parsed."""
    kept = [
        ast.get_source_segment(text, each)
        for each in ast.parse(text).body
        if isinstance(each, ast.Import | ast.ImportFrom | ast.Assign)
        or (isinstance(each, ast.FunctionDef) and each.name in KEPT)
    ]
    entry = "def all_registered_models():\n    return llama3_2_quantized_models() + safety_models()"
    return "\n\n\n".join([*filter(None, kept), entry, ""])


def flip(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chr(chance.randrange(256)) + text[at + 1 :]


def swap(text: str, chance: random.Random) -> str:
    """Two names, numbers or texts change places."""
    tokens = ATOM.split(text)
    first, second = chance.randrange(1, len(tokens), 2), chance.randrange(1, len(tokens), 2)
    tokens[first], tokens[second] = tokens[second], tokens[first]
    return "".join(tokens)


def drop(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return "".join(lines[:at] + lines[at + chance.randint(1, 3) :])


def double(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return "".join(lines[:at] + lines[at : at + chance.randint(1, 20)] + lines[at:])


def replace(text: str, chance: random.Random) -> str:
    """A value, or else a name, becomes something hostile."""
    tokens = (VALUE if chance.random() < 0.8 and VALUE.search(text) else ATOM).split(text)
    tokens[chance.randrange(1, len(tokens), 2)] = chance.choice(HOSTILE)
    return "".join(tokens)


def insert(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    return "".join([*lines[:at], indent.rstrip("\n") + chance.choice(LINES) + "\n", *lines[at:]])


MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    flip,
    swap,
    swap,
    drop,
    double,
    replace,
    replace,
)
MUTATIONS += (replace, insert)


def mutated(texts: tuple[str, str], chance: random.Random) -> tuple[str, str]:
    """Both texts, one to three times changed; the types file in one of ten changes."""
    changed = list(texts)
    for _ in range(chance.choice((1, 1, 2, 3))):
        which = int(chance.random() < 0.1)
        changed[which] = chance.choice(MUTATIONS)(changed[which] or "\n", chance)
    return changed[0], changed[1]


PARSING = ("compile", "open")
"""Events of `ast.parse`, which calls the text "<unknown>" and looks for a file of that name to quote from."""


class Guard:
    """What happens while `armed`, beside parsing."""

    def __init__(self) -> None:
        self.armed = False
        self.events: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.armed and not (event in PARSING and "<unknown>" in arguments):
            self.events.append(event)


def batch(count: int, seed: int) -> dict[str, object]:
    """Parses `count` mutations and says how each ended; `wrong` holds what was neither answer nor refusal."""
    import unicodedata  # noqa: F401  # CPython's tokenizer imports it at the first name outside ASCII

    sys.path.insert(0, str(ROOT))
    from schemas.errors import BadSource, RefusedSyntax
    from sources import sku_list, sku_parser, sku_records

    real = DATA / "llama-models-0.3.0", "sku_types.py"
    older = DATA / "older-shape", "datatypes.py"
    full, old = ((f / "sku_list.py").read_text() for f, _ in (real, older))
    types, old_types = ((f / name).read_text() for f, name in (real, older))
    chance, guard = random.Random(seed), Guard()
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    bases = [(small(full), types), (old, old_types), (full, types)]
    started = time.monotonic()
    for number in range(count):
        texts = mutated(chance.choices(bases, (70, 28, 2))[0], chance)
        guard.armed = True
        try:
            answer = sku_parser.answer(*texts)
            document = json.loads(json.dumps(answer))
            if "error" in document:
                raise sku_list._error(document["error"], {"sku_list": "sku_list.py", "types": "sku_types.py"})
            for each in sku_records.records(document, "sku_list.py"):
                sku_list.observe(each)
            end = "read"
        except BadSource as error:
            end = "refused" if isinstance(error, RefusedSyntax) else "bad"
        except BaseException:
            end = "wrong"
            guard.armed = False
            wrong.append(f"file {number} of seed {seed}: {traceback.format_exc()[-1500:]}")
        guard.armed = False
        ends[end] += 1
    return {"ends": ends, "wrong": wrong, "events": guard.events, "seconds": time.monotonic() - started}


def heard() -> list[str]:
    """What the guard hears when something is run after all."""
    guard = Guard()
    guard.armed = True
    exec(compile("open(__import__('os').devnull).close()", "file", "exec"))
    subprocess.run([sys.executable, "-c", ""], check=True)
    guard.armed = False
    return guard.events


def child(*arguments: object) -> str:
    command = [sys.executable, "-W", "ignore", __file__, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def test_no_mutation_is_run_and_each_is_read_or_refused(tmp_path: Path) -> None:
    report = json.loads(child(FILES, SEED))
    assert report["wrong"] == []
    assert report["events"] == []
    ends = report["ends"]
    assert ends.keys() == {"read", "refused", "bad"}
    assert sum(ends.values()) == FILES
    assert min(ends.values()) > FILES // 50  # every way out was taken often


def test_the_guard_hears_what_is_run() -> None:
    assert {"exec", "open", "subprocess.Popen"} <= set(json.loads(child("heard")))


if __name__ == "__main__":
    if sys.argv[1] == "heard":
        print(json.dumps(heard()))
    else:
        print(json.dumps(batch(int(sys.argv[1]), int(sys.argv[2]))))
