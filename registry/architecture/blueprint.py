"""Blueprints: what tensors a config describes, written as the list of them. Pure; no torch.

An entry is data: names, shapes as expressions in the config's own keys, and the condition under which a
tensor exists. The functions here only put lines together (`linear` is a weight and its bias, `stack` repeats
lines for each layer); nothing in an entry may depend on a model's id or on a total. Names and shapes are
those of transformers 5.23, and the tests hold each entry equal to what transformers builds.

`let` gives a name to an expression, computed when it is needed; in `let={"x": "x or 2 * y"}` the inner x is
the config's own key. Inside a stack, `layer` is the index and the stack's own `let` is computed per layer.

Names that mean the same in every entry, read by the analysis of layers:
    heads, kv_heads, head_dim    query heads, key and value heads, width of a head; per layer or for all
    v_dim                        width of a value head where it is not head_dim
    mixer                        what mixes positions in a layer: "attention" unless it says "mamba", ...
    window, chunk                positions a sliding or chunked layer sees; null for all
    experts, top_k               routed experts of a MoE layer, and how many a token uses
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from registry.architecture.config_view import LARGEST, MAX_LAYERS, ConfigView, shown
from registry.architecture.expressions import Inexact, evaluate, names
from registry.architecture.tensors import INNER, LAYER, Tensor, count_params
from schemas.errors import BadModel

NAMED = re.compile(r"\{(\w\w+)\}")
"""A `let` in the name of an owner: `model.layers.{owner}.mlp`, where another layer's index is computed."""

NO_VALUE = (TypeError, ArithmeticError, LookupError, ValueError)
"""What evaluation over somebody's config may raise. A name that is nowhere (NameError) is our mistake."""

Lets = Mapping[str, "str | Callable[[Scope], Any]"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A repeated module: its index in names, how often, and what is computed per index."""

    count: str
    let: Lets = field(default_factory=dict)
    index: str = LAYER


@dataclass(frozen=True, slots=True)
class Line:
    """One tensor pattern of an entry. `shape` has one expression per dimension, `when` all conditions."""

    name: str
    shape: tuple[str, ...]
    when: tuple[str, ...] = ()
    tied_to: str | None = None
    tied_when: str = "True"
    stacks: tuple[Stack, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A model inside a model: the lines of another type's entry, read from the nested config `key`.

    Lines whose name begins with that entry's `base` (the model without its head) get `prefix` in its place;
    the others are left out. `whole` takes all of them, head included, behind `prefix`.
    """

    prefix: str
    key: str
    when: str = "True"
    whole: bool = False


Lines = list["Line | Part"]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How the configs of some model types become tensors.

    `base` is the prefix that the model without its head has. `checks` are what transformers itself refuses:
    condition -> what is wanted. `causal` names the part that a ...ForCausalLM class of a multimodal type
    builds. `keys` declares keys that only the modeling file knows: name -> (kinds, default). `parts` gives
    the type of a nested config that names none, `part_defaults` what the outer class fills into it, `prepare`
    does to the file what the class's `__post_init__` does and no expression can: moved or renamed keys. `mtp`
    are the lines of the multi-token-prediction module as the hub stores it, which transformers leaves out.
    """

    types: tuple[str, ...]
    lines: Sequence["Line | Part"]
    let: Lets = field(default_factory=dict)
    base: str = "model."
    checks: Mapping[str, str] = field(default_factory=dict)
    causal: str | None = None
    keys: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    part_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    mtp: Sequence[Line] = ()


# Writing entries.


def tensor(name: str, shape: str, when: str | None = None) -> Lines:
    """One tensor. `shape`: its dimensions, separated by commas outside parentheses."""
    return [Line(name, split(shape), (when,) if when else ())]


def linear(name: str, out: str, into: str, bias: str | bool = False) -> Lines:
    """nn.Linear: weight `[out, into]` and, where `bias` says so, bias `[out]`."""
    return [*tensor(f"{name}.weight", f"{out}, {into}"), *_bias(name, out, bias)]


def conv1d(name: str, into: str, out: str, bias: str | bool = True) -> Lines:
    """The transposed linear of GPT-2: weight `[into, out]`, bias `[out]`."""
    return [*tensor(f"{name}.weight", f"{into}, {out}"), *_bias(name, out, bias)]


def norm(name: str, size: str, bias: str | bool = False) -> Lines:
    """RMSNorm or LayerNorm: weight `[size]` and, where `bias` says so, bias `[size]`."""
    return [*tensor(f"{name}.weight", size), *_bias(name, size, bias)]


def _bias(name: str, size: str, bias: str | bool) -> Lines:
    if bias is False:
        return []
    return tensor(f"{name}.bias", size, None if bias is True else bias)


def tied(name: str, shape: str, to: str, when: str = "tie_word_embeddings") -> Lines:
    """A tensor that shares the storage of another one, where `when` holds."""
    return [Line(name, split(shape), (), to, when)]


def under(prefix: str, lines: Lines) -> Lines:
    """The lines, each name behind `prefix` and a dot."""
    return [
        replace(one, prefix=f"{prefix}.{one.prefix}")
        if isinstance(one, Part)
        else replace(one, name=f"{prefix}.{one.name}")
        for one in lines
    ]


def when(condition: str, lines: Lines) -> Lines:
    """The lines, where a condition holds."""
    return [
        replace(one, when=f"({condition}) and ({one.when})")
        if isinstance(one, Part)
        else replace(one, when=(condition, *one.when))
        for one in lines
    ]


def stack(prefix: str, count: str, lines: Lines, let: Lets | None = None, index: str = LAYER) -> Lines:
    """The lines once for each layer, as `prefix.{i}.name`. A second stack inside has index `{j}`."""
    level = Stack(count, let or {}, index)
    repeated: Lines = []
    for one in under(f"{prefix}.{index}", lines):
        if isinstance(one, Part):
            raise TypeError(f"{one.prefix}: a part cannot be repeated")
        repeated.append(replace(one, stacks=(level, *one.stacks)))
    return repeated


def split(shape: str) -> tuple[str, ...]:
    """Dimensions at the commas outside parentheses; an empty shape is a scalar."""
    found, depth, current = [], 0, ""
    for letter in shape:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            found.append(current.strip())
            current = ""
        else:
            current += letter
    return tuple([*found, current.strip()] if current.strip() else found)


# Reading configs.


class Scope(Mapping[str, Any]):
    """Names an expression can read: what `let` computes, then the config's keys. Each is computed once."""

    def __init__(self, config: ConfigView, let: Lets, outer: "Scope | None" = None, layer: int | None = None):
        self.config, self._let, self._outer = config, let, outer
        self._known: dict[str, Any] = {} if layer is None else {"layer": layer}
        self._open: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        if name not in self._let or name in self._open:
            return self._outer[name] if self._outer is not None else self.config[name]
        self._open.add(name)
        try:
            rule = self._let[name]
            value = self._called(rule, name) if callable(rule) else self.value(rule, name)
        finally:
            self._open.discard(name)
        self._known[name] = value
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or the default where nothing defines it."""
        try:
            return self[name]
        except KeyError:
            return default

    def value(self, text: str, purpose: str) -> Any:
        """An expression's value. Raises BadModel, with the values it read, where it has none."""
        try:
            return evaluate(text, self)
        except NO_VALUE as error:
            raise self._bad(text, purpose, error) from error

    def _called(self, rule: "Callable[[Scope], Any]", name: str) -> Any:
        """What a rule computes that no expression can. Raises BadModel where the config gives it no value."""
        try:
            return rule(self)
        except (*NO_VALUE, AttributeError) as error:
            raise BadModel(
                f"{name}: the keys it is computed from have values of another kind",
                where=self.config.where,
                fix="compare the config with the model's own",
            ) from error

    def _bad(self, text: str, purpose: str, error: Exception) -> BadModel:
        read = {name: self.get(name) for name in sorted(names(text))}
        values = ", ".join(f"{name} {shown(value)}" for name, value in read.items())
        why = str(error) if isinstance(error, Inexact) else "no such size exists"
        if isinstance(error, ZeroDivisionError):
            why = "a division by zero"
        return BadModel(
            f"{purpose}: {text}: {why} ({values})",
            where=self.config.where,
            fix=f"correct {' or '.join(read) or 'the config'}",
        )

    def size(self, text: str, purpose: str) -> int:
        """A dimension: a whole number of at least 1. Raises BadModel."""
        found = self.value(text, purpose)
        if type(found) is int and 0 < found <= LARGEST:
            return found
        values = ", ".join(f"{name} {shown(self.get(name))}" for name in sorted(names(text)))
        raise BadModel(
            f"{purpose}: {text}: want a size of at least 1, got {shown(found)} ({values})",
            where=self.config.where,
            fix=f"correct {' or '.join(sorted(names(text)))} in the config",
        )

    def __iter__(self) -> Any:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


Found = Callable[[str], Blueprint | None]


def tensors(
    blueprint: Blueprint, config: ConfigView, find: Found, refused: list[str] | None = None
) -> list[Tensor]:
    """The tensor table of a config. Raises BadModel where a key has no value that can be built.

    A part whose type has no blueprint raises UnknownArchitecture, or is named in `refused` and left out.
    """
    scope = scope_of(blueprint, config)
    for condition, want in blueprint.checks.items():
        if not scope.value(condition, want):
            read = sorted(names(condition))
            got = ", ".join(f"{name} {shown(scope.get(name))}" for name in read)
            fix = f"correct {' or '.join(read)} in the config"
            raise BadModel(f"want {want}, got {got}", where=config.where, fix=fix)
    found: list[Tensor] = []
    levels = Levels(scope)
    for one in blueprint.lines:
        if isinstance(one, Line):
            found += _line(one, levels)
        elif scope.value(one.when, one.prefix):
            found += _part(one, scope.config, find, refused)
    if (total := count_params(found)) > LARGEST:
        what = f"want at most 2^53 parameters, got {total:,}"
        raise BadModel(what, where=config.where, fix="correct the sizes in the config")
    return found


ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function")
WITH_PARAMETERS = ("prelu", "xielu")
"""Activations that add tensors of their own (transformers activations.py)."""

NESTED = ("text_config", "vision_config", "audio_config", "language_config", "llm_config")


def check_all_read(config: ConfigView, blueprint: Blueprint) -> None:
    """Refuses what changes tensors and this entry would pass over: parts and per-layer settings it does not
    know, kinds of layers for another number of layers.
    """
    for key in (*NESTED, "per_layer_config"):
        if config.raw.get(key) and key not in config.parts and key not in blueprint.keys:
            want = f"none in a {config.model_type} config: it would not be read"
            raise config.bad(key, want, config.raw[key])
    for key in ACTIVATIONS:
        if config.raw.get(key) in WITH_PARAMETERS and not _has_activation(blueprint):
            raise config.bad(key, "an activation without parameters of its own", config.raw[key])
    kinds, layers = config.raw.get("layer_types"), config.raw.get("num_hidden_layers")
    if isinstance(kinds, list) and type(layers) is int and len(kinds) != layers:
        raise config.bad("layer_types", f"a list of num_hidden_layers = {layers}", f"{len(kinds)} entries")


def _has_activation(blueprint: Blueprint) -> bool:
    return any(isinstance(one, Line) and ".act_fn." in one.name for one in blueprint.lines)


def scope_of(blueprint: Blueprint, config: ConfigView) -> Scope:
    """The names a blueprint's expressions see in a config."""
    declared = ConfigView(
        blueprint.prepare(config.raw) if blueprint.prepare else config.raw,
        config.model_type,
        config.where,
        extra=blueprint.keys,
        parts=blueprint.parts,
        part_defaults=blueprint.part_defaults,
        defaulted=config.defaulted,
        path=config.path,
    )
    return Scope(declared, blueprint.let)


def _part(part: Part, config: ConfigView, find: Found, refused: list[str] | None) -> list[Tensor]:
    inner = config.part(part.key)
    blueprint = find(inner.model_type)
    if blueprint is None:
        if refused is None:
            raise no_blueprint(inner)
        refused.append(f"{part.key} ({inner.model_type})")
        return []
    built = tensors(blueprint, inner, find, refused)
    base = "" if part.whole else blueprint.base

    def renamed(name: str) -> str:
        return f"{part.prefix}.{name.removeprefix(base)}"

    return [
        replace(one, name=renamed(one.name), tied_to=renamed(one.tied_to) if one.tied_to else None)
        for one in built
        if one.name.startswith(base)
    ]


def no_blueprint(config: ConfigView) -> BadModel:
    """The refusal of an architecture that is not described here."""
    from schemas.errors import UnknownArchitecture

    return UnknownArchitecture(
        f"no blueprint for model_type {config.model_type[:80]!r}: its tensors are not known here",
        where=config.where,
        fix="--tensors dry-run builds it with transformers (pip install 'llm-config-registry[dryrun]'); "
        "--tensors headers reads what the hub stores",
    )


class Levels:
    """The scopes of each stack's layers, and where conditions hold, made once per stack and config."""

    def __init__(self, scope: Scope):
        self.outer = scope
        self._made: dict[int, list[Scope]] = {}
        self._where: dict[tuple[int, tuple[str, ...]], list[int]] = {}

    def layers(self, level: Stack) -> list[Scope]:
        """One scope per layer. Raises BadModel for a count that no model has."""
        if id(level) not in self._made:
            count = self.outer.value(level.count, level.count)
            if type(count) is not int or not 0 <= count <= MAX_LAYERS:
                raise BadModel(
                    f"{level.count}: want at most {MAX_LAYERS:,} layers, got {shown(count)}",
                    where=self.outer.config.where,
                    fix=f"correct {level.count} in the config",
                )
            self._made[id(level)] = [Scope(self.outer.config, level.let, self.outer, i) for i in range(count)]
        return self._made[id(level)]

    def where(self, line: Line) -> list[int]:
        """The layers that have a line's tensor. Lines of one module share their conditions."""
        key = id(line.stacks[0]), line.when
        if key not in self._where:
            scopes = self.layers(line.stacks[0])
            self._where[key] = [i for i, scope in enumerate(scopes) if _exists(line, scope)]
        return self._where[key]


def _line(line: Line, levels: Levels) -> list[Tensor]:
    """A line's tensors: one pattern for all layers of the same shape."""
    if not line.stacks:
        made = _made(line, levels.outer)
        return [made] if made else []
    scopes = levels.layers(line.stacks[0])
    if not _depends_on_layer(line, [*_sizes(line), *line.when]):
        first = _made(line, scopes[0]) if scopes else None
        return [_repeated(first, range(len(scopes)))] if first else []
    where = levels.where(line)
    if not _depends_on_layer(line, _sizes(line)):
        return [_repeated(_sized(line, scopes[where[0]]), tuple(where))] if where else []
    groups: dict[Tensor, list[int]] = {}
    for i in where:
        groups.setdefault(_sized(line, scopes[i]), []).append(i)
    return [_repeated(one, tuple(layers)) for one, layers in groups.items()]


def _repeated(one: Tensor, layers: "range | tuple[int, ...]") -> Tensor:
    return replace(one, count=one.count * len(layers), layers=layers)


def _made(line: Line, scope: Scope) -> Tensor | None:
    """The tensor of one layer, or None where a condition does not hold."""
    return _sized(line, scope) if _exists(line, scope) else None


def _exists(line: Line, scope: Scope) -> bool:
    return all(scope.value(condition, line.name) for condition in line.when)


def _sized(line: Line, scope: Scope) -> Tensor:
    """The tensor of one layer, its conditions aside."""
    inner = line.stacks[1:]
    count = scope.size(inner[0].count, line.name) if inner else 1
    shape = tuple(scope.size(text, line.name) for text in line.shape)
    owner = line.tied_to if line.tied_to and scope.value(line.tied_when, line.name) else None
    if owner:
        owner = NAMED.sub(lambda found: str(scope[found[1]]), owner)
    return Tensor(line.name, shape, count, None, owner)


def _sizes(line: Line) -> list[str]:
    """The expressions of a line that say what its tensor is like, not whether there is one."""
    tie = [line.tied_when, *NAMED.findall(line.tied_to)] if line.tied_to else []
    return [*line.shape, *tie, *(inner.count for inner in line.stacks[1:])]


def _depends_on_layer(line: Line, expressions: Sequence[str]) -> bool:
    """Whether any of a line's expressions can differ from layer to layer."""
    local = {"layer", *line.stacks[0].let}
    return any(names(text) & local for text in expressions)


def mtp_tensors(blueprint: Blueprint, config: ConfigView) -> list[Tensor]:
    """The tensors of the multi-token-prediction module that the hub stores; empty where there is none."""
    levels = Levels(scope_of(blueprint, config))
    return [one for line in blueprint.mtp for one in _line(line, levels)]


__all__ = [
    "INNER", "LAYER", "MAX_LAYERS", "Blueprint", "Levels", "Line", "Lines", "Part", "Scope", "conv1d",
    "linear", "norm", "split", "stack", "tensor", "tensors", "tied", "under", "when",
]  # fmt: skip
