"""Blueprints beside transformers: `python -m tests.make.compare [--random N] [--keys] TYPE|FILE|FOLDER...`

Needs the extra `dryrun`. Without a flag: the config as it is (a type means its defaults), tensor by tensor.
`--random N`: N variations of every key that a tensor could depend on. `--keys`: which keys change the table.
"""

import argparse
import os
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.architecture.blueprints import table as blueprint_table
from registry.architecture.config_view import class_keys
from registry.architecture.tensors import expanded
from schemas.errors import RegistryError, UnknownArchitecture
from tests.make import meta
from tests.make.variations import variation


def ours(config: Mapping[str, Any]) -> meta.Table:
    return expanded(blueprint_table(config, "config.json"))


def difference(config: Mapping[str, Any], theirs: meta.Table | None = None) -> list[str]:
    """What differs between the two tables, one line per tensor pattern; empty when they are equal."""
    theirs = meta.table(config) if theirs is None else theirs
    mine = ours(config)
    if mine == theirs:
        return []
    lines = []
    for word, one, other in (("only ours", mine, theirs), ("only transformers", theirs, mine)):
        lost = {name: one[name] for name in one if other.get(name) != one[name]}
        lines += [
            f"    {word:<18} {p:<60} {ls:<12} {s} {t and '= ' + t}" for p, ls, s, t in meta.folded(lost)
        ]
    return lines


def configs(target: str) -> Iterator[tuple[str, dict[str, Any]]]:
    path = Path(target)
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            config = meta.load(str(file))
            if isinstance(config, dict) and "model_type" in config:
                yield str(file), config
    else:
        yield target, meta.load(target)


def check(name: str, config: dict[str, Any]) -> str:
    """One config: equal, different, refused by us, or not built by transformers."""
    try:
        theirs = meta.table(config)
    except Exception as error:  # whatever transformers raises, the config has no witness
        return f"no witness: {type(error).__name__}: {str(error)[:100]}"
    try:
        lines = difference(config, theirs)
    except UnknownArchitecture:
        return "no blueprint"
    except (RegistryError, NameError, KeyError, SyntaxError) as error:
        return f"REFUSED {type(error).__name__}: {error}"
    return "equal" if not lines else "\n".join(["DIFFERENT", *lines[:40]])


def check_random(model_type: str, n: int, seed: int) -> str:
    """N random configs that transformers builds. The first difference is shown with its config."""
    rng, built, tried, last = random.Random(f"{model_type}-{seed}"), 0, 0, ""
    while built < n and tried < 12 * n:
        tried += 1
        config = variation(model_type, rng)
        try:
            theirs = meta.table(config)
        except Exception as error:  # a random config that transformers refuses is no witness
            last = f"{type(error).__name__}: {str(error)[:160]}"
            continue
        built += 1
        try:
            lines = difference(config, theirs)
        except (RegistryError, NameError, KeyError, SyntaxError) as error:
            return f"REFUSED at {built}: {type(error).__name__}: {error}\n    {config}"
        if lines:
            return "\n".join([f"DIFFERENT at {built}", *lines[:30], f"    {config}"])
    more = f" (last refusal by transformers: {last})" if built < n else ""
    return f"equal in {built} of {built} variations, {tried} tried{more}"


def sensitive_keys(model_type: str) -> str:
    """The keys whose value changes the table, each with one value that does."""
    base = {"model_type": model_type}
    found = []
    try:
        plain = meta.table(base)
    except Exception as error:  # no witness for the defaults
        return f"defaults do not build: {error}"
    for key, (kinds, default) in class_keys()[model_type]["keys"].items():
        for value in candidates(kinds, default):
            try:
                changed = meta.table({**base, key: value}) != plain
            except Exception as error:  # a value that does not build says so
                found.append(f"    {key} = {value!r}: {type(error).__name__} {str(error)[:80]}")
                continue
            if changed:
                found.append(f"    {key} (default {default!r}) = {value!r}")
                break
    return "\n".join(["", *found])


def candidates(kinds: str, default: Any) -> list[Any]:
    if isinstance(default, bool) or kinds in ("b", "bn"):
        return [not default]
    if isinstance(default, int):
        return [default * 2, default + 1, max(default // 2, 1), 0]
    if "i" in kinds:
        return [1, 2, 8, 64]
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keys", action="store_true")
    flags = parser.parse_args()
    worst = 0
    for target in flags.targets:
        for name, config in [("", {})] if flags.keys or flags.random else configs(target):
            if flags.keys:
                answer = sensitive_keys(target)
            elif flags.random:
                answer = check_random(target, flags.random, flags.seed)
            else:
                answer = check(name, config)
            worst |= answer.startswith(("DIFFERENT", "REFUSED"))
            print(f"{name or target}: {answer}", flush=True)
    sys.stdout.flush()
    os._exit(int(worst))


if __name__ == "__main__":
    main()
