"""Which model types have a blueprint: `python -m tests.architectures > tests/architectures.md`.

The table and its summary are made from `tests/data/golden` and the blueprints; a test holds them together.
"""

import json
from collections import Counter
from pathlib import Path

from registry.architecture.types import find

GOLDEN = Path(__file__).parent / "data" / "golden"
HEAD = """# Architectures

Made by `python -m tests.architectures`. Witness: transformers 5.23.0 on torch 2.13.0's meta device, tensor by
tensor (names, shapes, ties); `tests/registry/architecture/test_golden.py` compares. "defaults": the config of
the type's defaults; "random": random configs; "real": real configs of the hub. Types that transformers itself
does not build from their defaults are compared on random and real configs only. A dash: refused by name, exit
code 5.
"""


def lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text("utf-8").splitlines()]


def counts(name: str) -> Counter[str]:
    return Counter(line["config"]["model_type"] for line in lines(name) if "error" not in line)


def table() -> str:
    """One row per class of each type."""
    random, real = counts("random"), counts("real")
    rows = ["| type | class | blueprint | defaults | random | real |", "|---|---|---|---|---:|---:|"]
    for line in lines("zoo"):
        name, known = line["type"], find(line["type"]) is not None
        built = "not built by transformers" if "error" in line else "equal" if known else "refused"
        drawn, found = (random[name] or "", real[name] or "") if known else ("", "")
        rows.append(f"| {name} | {line['class']} | {'yes' if known else '-'} | {built} | {drawn} | {found} |")
    return "\n".join([HEAD, *rows])


def summary() -> str:
    """Two sentences for the README."""
    zoo = lines("zoo")
    causal = {line["type"] for line in zoo if line["causal"] and "error" not in line}
    known = {name for name in causal if find(name)}
    whole = {line["type"] for line in zoo if not line["causal"] and "error" not in line}
    seen = {name for name in whole if find(name)}
    real = [line for line in lines("real") if "error" not in line]
    return (
        f"Names, shapes and ties equal what transformers 5.23 builds, for {len(known)} of the {len(causal)} "
        f"causal-LM types and {len(seen)} of the {len(whole)} image-text types that build from their "
        f"defaults, for {len(lines('random')):,} random configs of them and for {len(real)} real ones. "
        "The table: [tests/architectures.md](tests/architectures.md)."
    )


if __name__ == "__main__":
    print(table())
