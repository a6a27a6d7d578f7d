"""Layer configs of anyone's, checked: what breaks the estimator, what does not add up, what it cannot count.

`check_content` is pure; `check_file` and `check_files` read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from registry import layer_checks
from registry.estimator import LayerClass
from registry.layer_checks import Finding, Severity, error, is_count, shown, warning
from schemas.errors import BadSource
from sources import strict_json

__all__ = ["Checked", "Finding", "Severity", "check_content", "check_file", "check_files"]

TEXTS = ("model_id", "hf_model_id", "name")
MAX_BYTES = 4 * 2**20
MAX_LAYER_TYPES = 1000
ATTENTION = ("AttentionLayer", "GroupedQueryAttentionLayer", "SlidingWindowAttentionLayer")
NORM = "NormLayer"
TOTALS = ("total_params", "n_params")
SCALES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
FORMATTED = re.compile(r"(?P<whole>\d{1,15})(?:\.(?P<part>\d{1,15}))?\s?(?P<scale>[KMBT]?)", re.ASCII)
PLAIN_JSON = "take comments and trailing commas out: the estimator reads plain JSON"

Counts = Callable[[str], Sequence[int]]
"""Hub id -> the counts that are known to be right for it, the first one the total; none where unknown."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file and its findings, errors first. `n_params` is the sum of its layers, else its stated total."""

    path: Path
    findings: tuple[Finding, ...]
    n_params: int | None = None
    model_id: str | None = None

    @property
    def is_valid(self) -> bool:
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def check_file(path: Path, classes: Mapping[str, LayerClass]) -> list[Finding]:
    """What is wrong with a layer config, errors first; nothing where it is right."""
    return list(check_files([path], classes)[0].findings)


def check_files(
    paths: Iterable[Path], classes: Mapping[str, LayerClass], counts: Counts = lambda _: ()
) -> list[Checked]:
    """Each file, in the order given. Of two with one model_id the estimator could load only one: an error
    in both.
    """
    checked = [_check(path, classes, counts) for path in paths]
    by_id: dict[str, list[Path]] = {}
    for one in checked:
        if one.model_id is not None:
            by_id.setdefault(one.model_id.casefold(), []).append(one.path)
    return [_with_twin(one, by_id.get((one.model_id or "").casefold(), [])) for one in checked]


def check_content(
    content: Mapping[str, Any],
    file_name: str,
    classes: Mapping[str, LayerClass],
    counts: Counts = lambda _: (),
) -> list[Finding]:
    """What is wrong with the object in a file of this name, errors first. Pure as far as `counts` is."""
    found = [
        *_identity(content, file_name),
        *_sizes(content),
        *_layers(content, classes),
        *_names(content),
        *_sums(content),
        *_formatted(content),
        *_estimate(content, classes),
        *_plausible(content, classes),
        *_validated(content),
        *_known(content, counts),
    ]
    return sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)


def _check(path: Path, classes: Mapping[str, LayerClass], counts: Counts) -> Checked:
    try:
        content = _read(path)
    except BadSource as problem:
        place = "" if problem.where is None else problem.where.removeprefix(str(path)).lstrip(":")
        fix = PLAIN_JSON if problem.fix == strict_json.JSONC else problem.fix or "mend the file"
        where = f"line {place.replace(':', ', column ')}" if place else "file"
        return Checked(path, (error(where, problem.what.removeprefix("config: "), fix),))
    model_id = content.get("model_id")
    return Checked(
        path,
        tuple(check_content(content, path.name, classes, counts)),
        _n_params(content),
        model_id if isinstance(model_id, str) else None,
    )


def _read(path: Path) -> dict[str, object]:
    """The object in the file. Raises BadSource; a pipe or a device is not opened."""
    try:
        if path.exists() and not path.is_file():
            raise BadSource("want a regular file", where=str(path), fix="give a layer config")
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        what = f"cannot read it: {getattr(problem, 'strerror', None) or problem}"
        raise BadSource(what, where=str(path), fix="make it readable") from None
    if len(text) > MAX_BYTES:
        what = f"want at most {MAX_BYTES:,} bytes, got more"
        raise BadSource(what, where=str(path), fix="give a layer config, not weights")
    return strict_json.loads(text, str(path))


def _with_twin(checked: Checked, paths: Sequence[Path]) -> Checked:
    others = [path for path in paths if path != checked.path]
    if not others:
        return checked
    place = str(others[0])
    place = (place if place.isprintable() else ascii(place)) + (
        f" and {len(others) - 1:,} more" if others[1:] else ""
    )
    twin = error("model_id", f"also that of {place}; the estimator loads one of them", "keep one of them")
    return replace(checked, findings=(twin, *checked.findings))


def _identity(content: Mapping[str, Any], file_name: str) -> Iterator[Finding]:
    for key in TEXTS:
        yield from layer_checks.text(content, key, key)
    stem = file_name.removesuffix(".json")
    if stem == file_name:
        what = f"want a name that ends in .json, got {shown(file_name)}; the estimator looks for no other"
        yield error("file", what, "rename the file")
    if isinstance(content.get("model_id"), str) and content["model_id"] != stem:
        what = f"want the file's name without .json, {shown(stem)}, got {shown(content['model_id'])}"
        yield error("model_id", what, "mend model_id or rename the file")


def _sizes(content: Mapping[str, Any]) -> Iterator[Finding]:
    yield from layer_checks.number(content, "hidden_size", "hidden_size")
    yield from layer_checks.number(content, "num_layers", "num_layers", layer_checks.MAX_COUNT)
    yield from layer_checks.number(content, "vocab_size", "vocab_size")
    for key in TOTALS:
        if key in content and not is_count(content[key]):
            what = f"want an integer >= 1, got {shown(content[key])}"
            more = "; the estimator lists no model at all then" if key == "total_params" else ""
            yield error(key, what + more, f"mend {key}")
    if "total_params" not in content:
        yield warning("total_params", "missing; nothing to compare the layers with", "write total_params")


def _layers(content: Mapping[str, Any], classes: Mapping[str, LayerClass]) -> Iterator[Finding]:
    if "layer_types" not in content:
        yield error("layer_types", "missing; want a list of layers", "write layer_types")
    for key in ("layer_types", "unsupported_layers"):
        if key in content and not isinstance(content[key], list):
            yield error(key, f"want a list of layers, got {shown(content[key])}", f"mend {key}")
        if isinstance(content.get(key), list) and len(content[key]) > MAX_LAYER_TYPES:
            what = f"want at most {MAX_LAYER_TYPES:,} layers, got {len(content[key]):,}; none was checked"
            yield error(key, what, "give each kind of layer once, with its count")
    if content.get("layer_types") == []:
        yield error("layer_types", "want at least one layer, got none", "write the layers")
    for index, layer in enumerate(_listed(content, "layer_types")):
        yield from layer_checks.check_supported(layer, f"layer_types[{index}]", classes)
        yield from _same_size(content, layer, f"layer_types[{index}]")
    for index, layer in enumerate(_listed(content, "unsupported_layers")):
        yield from layer_checks.check_unsupported(layer, f"unsupported_layers[{index}]")


def _listed(content: Mapping[str, Any], key: str) -> list[Any]:
    """The layers of a list that is one; nothing of a list that is too long."""
    found = content.get(key)
    return found if isinstance(found, list) and len(found) <= MAX_LAYER_TYPES else []


def _everything(content: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Every layer of both lists, with its JSON path."""
    return [
        (f"{key}[{index}]", layer)
        for key in ("layer_types", "unsupported_layers")
        for index, layer in enumerate(_listed(content, key))
    ]


def _same_size(content: Mapping[str, Any], layer: object, where: str) -> Iterator[Finding]:
    """Sizes of a layer that are not those of the model. Layers with names of their own may have others."""
    if not isinstance(layer, dict) or layer.get("name") not in layer_checks.STANDARD_NAMES:
        return
    specs = layer.get("specs")
    for key in ("hidden_size", "vocab_size"):
        wanted, got = content.get(key), specs.get(key) if isinstance(specs, dict) else None
        if is_count(wanted) and is_count(got) and wanted != got:
            what = f"{got:,} is not the model's {key}, {wanted:,}"
            yield warning(
                f"{where}.specs.{key}", what, f"mend one of them unless the layer has another {key}"
            )


def _names(content: Mapping[str, Any]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for where, layer in _everything(content):
        name = layer.get("name") if isinstance(layer, dict) else None
        if not isinstance(name, str):
            continue
        if first.setdefault(name, where) != where:
            what = f"{shown(name)} is the name of {first[name]} too"
            more = "; the estimator refuses the file" if where.startswith("layer_types") else ""
            yield error(f"{where}.name", what + more, "give every layer a name of its own")


def _sums(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Layers against the stated totals, and these against each other."""
    total = _sum_of_layers(content)
    for key in TOTALS:
        stated = content.get(key)
        if total is None or not is_count(stated) or stated == total:
            continue
        what = f"the layers sum to {total:,}, {key} says {stated:,}: {stated - total:+,}"
        yield error(key, what, f"write {total} if the layers are right, else mend count or parameter_count")
    stated, n_params = content.get("total_params"), content.get("n_params")
    if total is None and is_count(stated) and is_count(n_params) and stated != n_params:
        what = f"n_params says {n_params:,}, total_params {stated:,}: {n_params - stated:+,}"
        yield error("n_params", what, "mend one of them")


def _sum_of_layers(content: Mapping[str, Any]) -> int | None:
    """Sum of count x parameter_count over both lists, where every layer has both."""
    stated = [layer_checks.stated_params(layer) for _, layer in _everything(content)]
    known = [n for n in stated if n is not None]
    return sum(known) if known and len(known) == len(stated) else None


def _n_params(content: Mapping[str, Any]) -> int | None:
    total = _sum_of_layers(content)
    if total is not None:
        return total
    return next((content[key] for key in TOTALS if is_count(content.get(key))), None)


def _formatted(content: Mapping[str, Any]) -> Iterator[Finding]:
    """total_params_formatted is total_params, rounded to the digits it shows."""
    found, total, where = (
        content.get("total_params_formatted"),
        content.get("total_params"),
        "total_params_formatted",
    )
    if found is None:
        return
    parts = FORMATTED.fullmatch(found.strip()) if isinstance(found, str) else None
    if parts is None:
        yield warning(where, f"want a number like 69.5B, got {shown(found)}", "mend it")
    elif is_count(total):
        places = len(parts["part"] or "")
        scale = SCALES[parts["scale"]]
        digits = Decimal(f"{parts['whole']}.{parts['part'] or 0}")
        if abs(digits * scale - Decimal(str(total))) * 2 * 10**places > scale:
            right = f"{Decimal(str(total)) / scale:.{places}f}{parts['scale']}"
            yield warning(where, f"total_params is {total:,}, this says {shown(found)}", f"write {right}")


def _estimate(content: Mapping[str, Any], classes: Mapping[str, LayerClass]) -> Iterator[Finding]:
    """What the estimator makes of the whole model, where that is another number than the stated one."""
    own = [layer_checks.estimated_params(layer, classes) for layer in _listed(content, "layer_types")]
    counted = [n for n in own if n is not None]
    total = _n_params(content)
    if not counted or len(counted) != len(own) or total is None or sum(counted) == total:
        return
    yield warning(
        "layer_types",
        f"the estimator itself counts {sum(counted):,} parameters for this model, the file says {total:,}:"
        f" {sum(counted) - total:+,} ({100 * (sum(counted) - total) / total:+.2f} %)",
        "see the layers it counts otherwise; memory and times are estimated with its own count",
    )


def _plausible(content: Mapping[str, Any], classes: Mapping[str, LayerClass]) -> Iterator[Finding]:
    """Counts that no decoder of num_layers layers has."""
    n_layers = content.get("num_layers")
    if not is_count(n_layers):
        return
    n_attention, n_norms = _count_of(content, ATTENTION), _count_of(content, (NORM,))
    if n_attention > n_layers:
        what = f"{n_attention:,} attention layers, but num_layers is {n_layers:,}"
        yield warning("num_layers", what, "mend num_layers or the counts")
    if 0 < n_norms <= n_layers and not _listed(content, "unsupported_layers") and NORM in classes:
        usual = 2 * n_layers + 1
        what = f"{n_norms:,} norms for {n_layers:,} layers leave none for the end"
        fix = f"most decoders have two a layer and a final one: count {usual}, {usual - n_norms} more"
        yield warning("layer_types", what, fix)


def _count_of(content: Mapping[str, Any], names: Sequence[str]) -> int:
    layers = [layer for layer in _listed(content, "layer_types") if isinstance(layer, dict)]
    return sum(layer_checks.count_of(layer) or 0 for layer in layers if layer.get("class") in names)


def _validated(content: Mapping[str, Any]) -> Iterator[Finding]:
    """A model that the estimator cannot hold whole is not validated for it."""
    validated = content.get("validated", False)
    if not isinstance(validated, bool):
        yield error("validated", f"want true or false, got {shown(validated)}", "mend validated")
    n_unsupported = len(_listed(content, "unsupported_layers")) + sum(
        isinstance(layer, dict) and layer.get("supported") is False
        for layer in _listed(content, "layer_types")
    )
    if validated is True and n_unsupported:
        noun = "layer is" if n_unsupported == 1 else "layers are"
        yield error("validated", f"true, but {n_unsupported} {noun} unsupported", "write validated: false")


def _known(content: Mapping[str, Any], counts: Counts) -> Iterator[Finding]:
    """A stated total against the count that is known of that model; a wrong one cannot be validated."""
    repo, total = content.get("hf_model_id"), content.get("total_params")
    if not isinstance(repo, str) or not is_count(total):
        return
    right = counts(repo)
    if not right or total in right:
        return
    severity = Severity.ERROR if content.get("validated") is True else Severity.WARNING
    claim = ", yet validated is true" if severity is Severity.ERROR else ""
    what = f"{repo} has {right[0]:,} parameters, total_params says {total:,}: {total - right[0]:+,}{claim}"
    yield Finding(severity, "total_params", what, f"take the layers from registry build {repo}")
