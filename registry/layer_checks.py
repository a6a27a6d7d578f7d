"""What is wrong with one layer of a layer config, judged by the estimator's class for it. Pure."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeGuard

from registry.estimator import LayerClass, counted

MAX_COUNT = 100_000
"""No model has more layers; a larger number is a slip."""
STANDARD_NAMES = ("attention", "feedforward", "norm", "embedding")
"""The names that the estimator's own file validator accepts."""
METADATA = ("layer_idx", "parameter_count", "input_dim", "output_dim")
"""Specs that are documented as metadata: no class has to take them."""
TAKEN_TWICE = ("dtype", "parallelism")
CHOICES: Mapping[str, tuple[int, ...]] = {"num_projections": (2, 3)}
"""Specs of which the constructors accept these values alone."""
SQUARE_OUTPUT = ("AttentionLayer", "GroupedQueryAttentionLayer")
NAMES_SHOWN = 6
TEXT_SHOWN = 60
NO_LAYER = "list it under unsupported_layers"


class Severity(StrEnum):
    """An error makes the file wrong or breaks the estimator; a warning is for a person to judge."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `where` is a JSON path, or a place in the file that is no JSON."""

    severity: Severity
    where: str
    text: str
    fix: str


def error(where: str, text: str, fix: str) -> Finding:
    """A finding that makes the file invalid."""
    return Finding(Severity.ERROR, where, text, fix)


def warning(where: str, text: str, fix: str) -> Finding:
    """A finding that leaves it valid."""
    return Finding(Severity.WARNING, where, text, fix)


def shown(value: object) -> str:
    """A value of the file in a message: on one line and short, and never deep."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value[: TEXT_SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}..."


def is_count(value: object, low: int = 1) -> TypeGuard[int]:
    """Whether it is an integer of at least `low`; true and false are none."""
    return type(value) is int and value >= low


def number(holder: Mapping[str, Any], key: str, where: str, high: int | None = None) -> Iterator[Finding]:
    """An error unless the key holds an integer from 1 to `high`."""
    want = "want an integer >= 1" if high is None else f"want an integer from 1 to {high:,}"
    if key not in holder:
        yield error(where, f"missing; {want}", f"write {key}")
    elif not is_count(holder[key]) or (high is not None and holder[key] > high):
        yield error(where, f"{want}, got {shown(holder[key])}", f"mend {key}")


def text(holder: Mapping[str, Any], key: str, where: str) -> Iterator[Finding]:
    """An error unless the key holds text that is not blank."""
    if key not in holder:
        yield error(where, "missing; want text", f"write {key}")
    elif not isinstance(holder[key], str) or not holder[key].strip():
        yield error(where, f"want text, got {shown(holder[key])}", f"mend {key}")


def listed(names: Collection[str]) -> str:
    """Names in a message, the first few of many."""
    some = [
        name if len(name) <= TEXT_SHOWN else f"{name[:TEXT_SHOWN]}..." for name in list(names)[:NAMES_SHOWN]
    ]
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(name if name.isprintable() else ascii(name) for name in some) + more


def check_supported(layer: object, where: str, classes: Mapping[str, LayerClass]) -> Iterator[Finding]:
    """Findings of an entry of `layer_types`, which the estimator builds."""
    if not isinstance(layer, dict):
        yield error(where, f"want an object, got {shown(layer)}", "write name, class, count and specs")
        return
    yield from _shape(layer, where)
    if isinstance(layer.get("name"), str) and layer["name"].strip() and layer["name"] not in STANDARD_NAMES:
        yield warning(
            f"{where}.name",
            f"{shown(layer['name'])} loads, but the estimator's own file validator refuses it",
            f"it accepts {', '.join(STANDARD_NAMES)}; keep the name where there are several of a kind",
        )
    known = class_of(layer, classes)
    if isinstance(layer.get("class"), str):
        yield from _class(layer, known, f"{where}.class", classes)
    if known and isinstance(layer.get("specs"), dict):
        yield from _specs(layer["specs"], known, f"{where}.specs")
        yield from _own_count(layer, known, f"{where}.specs.parameter_count")
    if known and "parallelism" in layer:
        yield from _parallelism(layer["parallelism"], known, f"{where}.parallelism")


def check_unsupported(layer: object, where: str) -> Iterator[Finding]:
    """Findings of an entry of `unsupported_layers`, which the estimator does not read."""
    if not isinstance(layer, dict):
        yield error(where, f"want an object, got {shown(layer)}", "write name, class, count and specs")
        return
    yield from _shape(layer, where)
    if layer.get("supported") is not False:
        got = f"got {shown(layer['supported'])}" if "supported" in layer else "it is missing"
        yield error(f"{where}.supported", f"want false, {got}", "write supported: false")
    if not isinstance(layer.get("gap_report"), str) or not layer["gap_report"].strip():
        got = f"got {shown(layer['gap_report'])}" if "gap_report" in layer else "it is missing"
        fix = "write gap_report: what is missing in the estimator, or where that is described"
        yield error(f"{where}.gap_report", f"want text, {got}", fix)


def class_of(layer: object, classes: Mapping[str, LayerClass]) -> LayerClass | None:
    """The class a layer names, where there is one."""
    name = layer.get("class") if isinstance(layer, dict) else None
    return classes.get(name) if isinstance(name, str) else None


def count_of(layer: object) -> int | None:
    """How many layers an entry stands for, where it says so and that can be."""
    count = layer.get("count") if isinstance(layer, dict) else None
    return count if is_count(count) and count <= MAX_COUNT else None


def stated_params(layer: object) -> int | None:
    """count x parameter_count, where both are there."""
    if not isinstance(layer, dict) or not isinstance(layer.get("specs"), dict):
        return None
    count, n_params = count_of(layer), layer["specs"].get("parameter_count")
    return count * n_params if count and is_count(n_params, 0) else None


def estimated_params(layer: object, classes: Mapping[str, LayerClass]) -> int | None:
    """count x what the class counts by itself, where its formula is known and its specs are in order."""
    known, count = class_of(layer, classes), count_of(layer)
    if known is None or count is None or not isinstance(layer, dict):
        return None
    own = _own_params(layer, known)
    return None if own is None else count * own


def _own_params(layer: Mapping[str, Any], known: LayerClass) -> int | None:
    specs = layer.get("specs")
    if not isinstance(specs, dict):
        return None
    if any(finding.severity is Severity.ERROR for finding in _typed(specs, known, "")):
        return None
    return counted(known, specs)


def _shape(layer: Mapping[str, Any], where: str) -> Iterator[Finding]:
    """What the two lists have in common."""
    yield from text(layer, "name", f"{where}.name")
    yield from text(layer, "class", f"{where}.class")
    yield from number(layer, "count", f"{where}.count", MAX_COUNT)
    if "supported" in layer and not isinstance(layer["supported"], bool):
        yield error(
            f"{where}.supported", f"want true or false, got {shown(layer['supported'])}", "mend supported"
        )
    specs = layer.get("specs")
    if not isinstance(specs, dict):
        got = f"want an object, got {shown(specs)}" if "specs" in layer else "missing; want an object"
        yield error(f"{where}.specs", got, "write the specs of the layer")
        return
    if "parameter_count" in specs and not is_count(specs["parameter_count"], 0):
        got = shown(specs["parameter_count"])
        yield error(
            f"{where}.specs.parameter_count", f"want an integer >= 0, got {got}", "mend parameter_count"
        )


def _class(
    layer: Mapping[str, Any], known: LayerClass | None, where: str, classes: Mapping[str, LayerClass]
) -> Iterator[Finding]:
    unsupported = layer.get("supported") is False
    name = shown(layer["class"])
    if known and unsupported:
        yield warning(
            where,
            f"the estimator does not read supported: it counts this layer as a {known.name}",
            f"{NO_LAYER} unless {known.name} is right",
        )
    if known:
        return
    if unsupported:
        what = f"the estimator has no class {name} and fails for the whole model, supported: false or not"
        yield error(where, what, NO_LAYER)
        return
    near = difflib.get_close_matches(layer["class"][:TEXT_SHOWN], list(classes), n=2)
    guess = f"did you mean {' or '.join(near)}? If not, " if near else ""
    what = f"the estimator has no class {name} and fails for the whole model"
    yield error(where, what, f"{guess}{NO_LAYER}")


def _specs(specs: Mapping[str, Any], known: LayerClass, where: str) -> Iterator[Finding]:
    for name in TAKEN_TWICE:
        if name in specs:
            what = f"the estimator passes {name} itself and fails with a TypeError on a second one"
            yield error(f"{where}.{name}", what, f"take {name} out of specs")
    spare = [name for name in specs if name not in (*known.specs, *METADATA, *TAKEN_TWICE)]
    for name in known.required:
        if name not in specs:
            near = difflib.get_close_matches(name, [other[:TEXT_SHOWN] for other in spare[:100]], n=1)
            fix = f"rename {near[0]} to {name}" if near else f"write {name} into specs"
            yield error(f"{where}.{name}", f"missing; {known.name} requires it", fix)
    yield from _typed(specs, known, where)
    if spare:
        what = f"{known.name} ignores {listed(spare)}"
        yield warning(where, what, f"it takes {', '.join(known.specs)}")
    yield from _consistent(specs, known, where)


def _typed(specs: Mapping[str, Any], known: LayerClass, where: str) -> Iterator[Finding]:
    """Errors of the specs that are there and that the class takes."""
    for name in known.required:
        if name in specs and not is_count(specs[name]):
            yield error(f"{where}.{name}", f"want an integer >= 1, got {shown(specs[name])}", f"mend {name}")
    for name, default in known.optional.items():
        want = _wanted(name, default, specs[name]) if name in specs else None
        if want:
            yield error(f"{where}.{name}", f"want {want}, got {shown(specs[name])}", f"mend {name}")


def _wanted(name: str, default: object, value: object) -> str | None:
    """What an optional spec has to be, judged by its default, or None where it is that."""
    if name in CHOICES:
        fits = type(value) is int and value in CHOICES[name]
        return None if fits else " or ".join(map(str, CHOICES[name]))
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        return None if is_count(value, 0) else "an integer >= 0"
    if default is None:
        return None if value is None or is_count(value) else "null or an integer >= 1"
    return None


def _consistent(specs: Mapping[str, Any], known: LayerClass, where: str) -> Iterator[Finding]:
    """Specs that contradict each other."""
    given = {name: value for name, value in specs.items() if name in known.specs and is_count(value)}
    heads_name = "num_query_heads" if "num_query_heads" in known.specs else "num_heads"
    heads, n_kv_heads = given.get(heads_name), given.get("num_kv_heads")
    if heads and n_kv_heads and heads % n_kv_heads:
        what = f"{heads_name} {heads:,} is no multiple of num_kv_heads {n_kv_heads:,}"
        yield error(f"{where}.num_kv_heads", what, f"mend {heads_name} or num_kv_heads")
    if given.get("top_k", 0) > given.get("num_experts", given.get("top_k", 0)):
        what = f"top_k {given['top_k']:,} is above num_experts {given['num_experts']:,}"
        yield error(f"{where}.top_k", f"{what}; the estimator refuses that", "mend top_k or num_experts")
    if known.name in SQUARE_OUTPUT and {heads_name, "head_dim", "hidden_size"} <= given.keys():
        yield from _square(given, known, where)


def _square(given: Mapping[str, int], known: LayerClass, where: str) -> Iterator[Finding]:
    width = given["num_heads"] * given["head_dim"]
    if width != given["hidden_size"]:
        yield warning(
            f"{where}.head_dim",
            f"num_heads x head_dim is {width:,}, hidden_size {given['hidden_size']:,}:"
            f" {known.name} counts the output projection as if they were equal",
            "use SlidingWindowAttentionLayer with sliding_window null",
        )


def _own_count(layer: Mapping[str, Any], known: LayerClass, where: str) -> Iterator[Finding]:
    """Where the class counts otherwise than the file says."""
    specs, stated, own = layer["specs"], stated_params(layer), _own_params(layer, known)
    if stated is None or own is None or own == specs["parameter_count"]:
        return
    each = own - specs["parameter_count"]
    if "num_projections" in known.optional and "num_projections" not in specs:
        fix = (
            f"write num_projections, {known.optional['num_projections']} where it is missing and 3 when gated"
        )
    else:
        fix = "mend parameter_count or the specs; say in validation_notes what the class has no place for"
    yield warning(
        where,
        f"{known.name} itself counts {own:,}, parameter_count says {specs['parameter_count']:,}:"
        f" {each:+,} a layer, {each * layer['count']:+,} in all",
        fix,
    )


def _parallelism(found: object, known: LayerClass, where: str) -> Iterator[Finding]:
    """Strategies as a list of names, or as an object of name -> degree."""
    if not isinstance(found, dict | list) or not all(isinstance(name, str) for name in found):
        yield error(
            where, f"want an object of strategies, got {shown(found)}", "write tensor_parallel: 8, say"
        )
        return
    unknown = [name for name in found if known.parallelism and name not in known.parallelism]
    if unknown:
        what = f"{known.name} does not know {listed(unknown)}; the estimator refuses it"
        yield error(where, what, f"it knows {', '.join(known.parallelism)}")
    degrees = found if isinstance(found, dict) else {}
    for name, degree in degrees.items():
        if name not in unknown and not is_count(degree):
            yield error(f"{where}.{listed([name])}", f"want an integer >= 1, got {shown(degree)}", "mend it")
