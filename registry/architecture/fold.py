"""Single tensors folded into patterns: the inverse of `expanded`. Pure.

A number between dots is an index where its module repeats, and stays a number where it does not: the 0 and
the 2 of a Sequential are other modules, the 0 and the 1 of a list of layers are the same module again.
Folding never depends on that judgement to be right: `expanded(fold(table)) == table` for every table whose
names hold neither `{i}` nor `{j}`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from registry.architecture.tensors import INNER, LAYER, Tensor

Shape = tuple[int, ...]
Table = Mapping[str, tuple[Shape, str | None]]
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
"""An index as names spell it: 07 is part of a name."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name with its indices taken out. `layer` and `inner` are None where the name has no such index."""

    name: str
    layer: int | None = None
    inner: int | None = None

    def alike(self, other: "Pattern") -> bool:
        """Whether both names have the same indices, so that one pattern can point at the other."""
        return self.layer is not None and (self.layer, self.inner) == (other.layer, other.inner)


Group = tuple[str, Shape, str | None, str | None]
"""Pattern, shape, the owner's pattern or name, dtype: what tensors must share to be one entry."""


def fold(table: Table, dtypes: Mapping[str, str] | None = None) -> list[Tensor]:
    """The patterns of a table, in the order of their first tensors."""
    repeated = _repeated(table)
    patterns = {name: _pattern(name, repeated) for name in table}
    groups: dict[Group, dict[int | None, list[int | None]]] = defaultdict(lambda: defaultdict(list))
    for name, (shape, owner) in table.items():
        one = patterns[name]
        group = (one.name, shape, _owner(one, owner, patterns), dtypes.get(name) if dtypes else None)
        groups[group][one.layer].append(one.inner)
    return [tensor for group, found in groups.items() for tensor in _tensors(group, found)]


def _owner(one: Pattern, owner: str | None, patterns: Mapping[str, Pattern]) -> str | None:
    """The owner's pattern where it moves with the tensor's indices, else the one owner's name."""
    if owner is not None and owner in patterns and one.alike(patterns[owner]):
        return patterns[owner].name
    return owner


def _tensors(group: Group, found: Mapping[int | None, list[int | None]]) -> Iterator[Tensor]:
    """The entries of one group: `{j}` where it runs from 0 without a gap, for layers that have as many."""
    name, shape, owner, dtype = group
    runs: dict[int, list[int | None]] = defaultdict(list)
    single: dict[int | None, list[int | None]] = defaultdict(list)
    for layer, inner in found.items():
        if INNER in name and set(inner) == set(range(len(inner))):
            runs[len(inner)].append(layer)
        else:
            for j in inner:
                single[j].append(layer)
    for n, layers in runs.items():
        yield _tensor(name, shape, n, layers, owner, dtype)
    for j, layers in single.items():
        at = [text.replace(INNER, str(j)) if text else text for text in (name, owner)]
        yield _tensor(at[0] or "", shape, 1, layers, at[1], dtype)


def _tensor(
    name: str, shape: Shape, n: int, layers: Iterable[int | None], owner: str | None, dtype: str | None
) -> Tensor:
    known = sorted(i for i in layers if i is not None)
    if not known:
        return Tensor(name, shape, n, None, owner, dtype)
    whole = range(known[0], known[-1] + 1)
    return Tensor(
        name, shape, n * len(known), whole if len(whole) == len(known) else tuple(known), owner, dtype
    )


def _pattern(name: str, repeated: Set[str]) -> Pattern:
    """The first index of a repeated module is the layer, the next the index within it; a third stays."""
    steps = name.split(".")
    found: list[int] = []
    prefix = ""
    for at, step in enumerate(steps):
        is_index = prefix in repeated and INDEX.fullmatch(step)
        prefix += step + "."
        if is_index and len(found) < 2:
            steps[at] = INNER if found else LAYER
            found.append(int(step))
    return Pattern(".".join(steps), *found)


Children = dict[int, dict[str, Shape]]
"""Index -> what the child holds: the rest of the name, and the shape."""


def _repeated(table: Table) -> set[str]:
    """The modules whose numbered children repeat, by their name with its last dot."""
    modules: dict[str, Children] = defaultdict(lambda: defaultdict(dict))
    for name, (shape, _owner) in table.items():
        prefix, rest = "", name
        while rest:
            step, _, rest = rest.partition(".")
            if INDEX.fullmatch(step):
                modules[prefix][int(step)][rest] = shape
            prefix += step + "."
    return {prefix for prefix, children in modules.items() if _is_list(children)}


def _is_list(children: Children) -> bool:
    """Whether numbered children are one module again and again.

    Modules that hold modules are a list where all have a tensor of the same name, or where some have all the
    same names (layers of two kinds). Modules of a weight and a bias are one only if they are the same
    throughout: otherwise they may be the steps of a Sequential.
    """
    held = list(children.values())
    whole = max(children) == len(children) - 1
    if all(any("." in rest for rest in one) for one in held):
        kinds = {frozenset(one) for one in held}
        return bool(set(held[0]).intersection(*held[1:])) or (whole and len(kinds) < len(held))
    return whole and len(held) > 1 and all(one == held[0] for one in held)
