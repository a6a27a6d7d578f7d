"""What a person or a program reads of settled models: documents for JSON, text from the same documents.
Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from registry.model import Model
from registry.published import Comparison
from schemas.errors import BadUsage
from schemas.evidence import Evidence, Scalar, Value
from schemas.record import FIELDS, UNITS, ModelRecord, field_type

Document = dict[str, Any]
UNKNOWN = "-"


def show_document(model: Model, counts: Sequence[Comparison] = ()) -> Document:
    """The record, each field's chosen value with what it overruled, and published counts."""
    ordered = [name for name in FIELDS if name in model.evidence]
    return {
        "record": model.record.model_dump(mode="json"),
        "evidence": {name: _evidence(name, model) for name in ordered},
        "published": [_count(one) for one in counts],
    }


def _count(one: Comparison) -> Document:
    """A published parameter count beside ours, with the terms that add up to the difference."""
    terms = None if one.terms is None else [asdict(term) for term in one.terms]
    return {
        "published": one.published,
        "ours": one.ours,
        "difference": one.difference,
        "equal": one.equal,
        "explained_by": terms,
        "rounded": one.rounded,
        "citation": one.citation,
    }


def _evidence(name: str, model: Model) -> Document:
    found = model.evidence[name]
    kept = getattr(model.record, name) if found.chosen else None
    return {**_chosen(found), "value": kept, "overruled": [_overruled(value) for value in found.overruled]}


def _chosen(found: Evidence) -> Document:
    """The chosen value in full; an unknown one says why."""
    if found.chosen is None:
        return {
            "value": None,
            "unit": None,
            "source": "derived",
            "where": "registry/resolve.py",
            "rule": found.why,
        }
    return found.chosen.model_dump(mode="json")


def _overruled(value: Value) -> Document:
    return {"value": value.value, "source": value.source, "where": value.where}


Counts = Mapping[str, Sequence[Comparison]]
"""Key of a model -> its published counts beside ours."""


def verify_document(models: Iterable[Model], counts: Counts | None = None) -> Document:
    """Every field on which sources disagree, of every model, and every published count that is not ours."""
    found = [
        {
            "key": model.record.key,
            "model_name": model.record.model_name,
            "field": name,
            "chosen": _chosen(model.evidence[name]),
            "overruled": [_overruled(value) for value in model.evidence[name].overruled],
        }
        for model in models
        for name in FIELDS
        if name in model.evidence and model.evidence[name].overruled
    ]
    differing = [
        {"key": key, **_count(one)} for key, ones in (counts or {}).items() for one in ones if not one.equal
    ]
    return {"disagreements": found, "published": differing}


def verify_text(models: Sequence[Model], counts: Counts | None = None) -> str:
    """The disagreements, grouped by model; the chosen value first, then each place that says otherwise. Then
    the published parameter counts.
    """
    told = "\n".join(_counts_lines(models, counts)) if counts else ""
    return "\n\n".join(part for part in (_disagreements(models), told) if part)


def _counts_lines(models: Sequence[Model], counts: Counts) -> list[str]:
    """How many published counts equal ours, and each one that does not, with what explains it."""
    ones = [one for found in counts.values() for one in found]
    if not ones:
        return []
    lines = [f"Published parameter counts: {sum(one.equal for one in ones)} of {len(ones)} equal ours."]
    for model in models:
        for one in counts.get(model.record.key, ()):
            if not one.equal:
                lines.append(f"  {model.record.key}: {one}")
                lines.append(f"    from {one.citation}")
    return lines


def _disagreements(models: Sequence[Model]) -> str:
    document = verify_document(models)["disagreements"]
    if not document:
        noun = "model" if len(models) == 1 else "models"
        return f"No disagreements: all sources say the same ({len(models)} {noun})."
    lines: list[str] = []
    for key, entries in groupby(document, key=lambda entry: entry["key"]):
        group = list(entries)
        lines += ["", f"{group[0]['model_name'] or key}  ({key})"]
        for entry in group:
            lines += _disagreement(entry)
    n_models = len({entry["key"] for entry in document})
    noun = "disagreement" if len(document) == 1 else "disagreements"
    lines += [
        "",
        f"{len(document)} {noun} in {n_models} of {len(models)} models. The first value of each is used.",
    ]
    return "\n".join(lines).lstrip("\n")


def _disagreement(entry: Document) -> list[str]:
    chosen = entry["chosen"]
    head = f"  {entry['field']:<20} {shown(chosen['value']):>14}  {chosen['source']}  {chosen['where']}"
    lines = [head + (f"  ({chosen['rule']})" if chosen["rule"] else "")]
    lines += [f"  {'':<20} {shown(o['value']):>14}  {o['source']}  {o['where']}" for o in entry["overruled"]]
    return lines


def show_text(model: Model, counts: Sequence[Comparison] = ()) -> str:
    """Field, value, unit and source, one line each; overruled values, rules, then published counts."""
    lines = [f"{model.record.model_name or model.record.key}  ({model.record.key})", ""]
    for name in FIELDS:
        if name in model.evidence:
            lines += _show_lines(name, model)
    unknown = [name for name in FIELDS if getattr(model.record, name) is None]
    lines += ["", "unknown: " + (", ".join(unknown) or "nothing")]
    lines += [f"published count: {one}; {one.citation}" for one in counts]
    lines += [f"note: {note}" for note in model.notes]
    return "\n".join(lines)


def _show_lines(name: str, model: Model) -> list[str]:
    entry = _evidence(name, model)
    unit = entry["unit"] or UNITS.get(name, "")
    lines = [
        f"{name:<20} {shown(entry['value']):>26} {unit:<9} {entry['source']:<10} {entry['where']}".rstrip()
    ]
    if entry["rule"]:
        lines.append(f"{'':<21}{'':>26} {'':<9} rule       {entry['rule']}")
    lines += [
        f"{'':<20} {shown(o['value']):>26} {'':<9} overruled  {o['source']}: {o['where']}"
        for o in entry["overruled"]
    ]
    return lines


def shown(value: Scalar | None) -> str:
    """A value as a person reads it: thousands separators, yes and no, a dash for unknown; controls
    escaped.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{int(value):,}" if value.is_integer() else repr(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)


COLUMNS: tuple[str, ...] = (
    "model_name",
    "model_family",
    "model_type",
    "n_layers",
    "d_hidden",
    "d_ff",
    "n_heads",
    "n_kv_heads",
)
COLUMNS += ("head_dim", "vocab_size", "max_context_size", "total_params_b", "main")


def list_text(records: Sequence[ModelRecord]) -> str:
    """A table of the fields a person compares, right-aligned numbers, unknown as a dash."""
    if not records:
        return "No model matches."
    rows = [[shown(getattr(record, name)) for name in COLUMNS] for record in records]
    widths = [max(len(name), *(len(row[i]) for row in rows)) for i, name in enumerate(COLUMNS)]
    numeric = [field_type(name) in (int, float) for name in COLUMNS]
    body = [_aligned(row, widths, numeric) for row in [list(COLUMNS), *rows]]
    count = "1 model" if len(records) == 1 else f"{len(records)} models"
    return "\n".join([*body, "", f"{count}. total_params_b is in billions; a dash is unknown."])


def _aligned(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = [f"{c:>{w}}" if right else f"{c:<{w}}" for c, w, right in zip(row, widths, numeric, strict=True)]
    return "  ".join(cells).rstrip()


def conditions(given: Sequence[str]) -> dict[str, Scalar]:
    """`FIELD=VALUE` options as typed values. Raises BadUsage for an unknown field or a value of another
    type.
    """
    return dict(_condition(text) for text in given)


def _condition(text: str) -> tuple[str, Scalar]:
    name, sign, value = text.partition("=")
    if not sign or name not in FIELDS:
        raise BadUsage(f"--where: want FIELD=VALUE, got {text!r}", fix=f"fields: {', '.join(FIELDS)}")
    want = field_type(name)
    if want is bool:
        if value.lower() not in ("true", "false"):
            raise BadUsage(f"--where: {name}: want true or false, got {value!r}", fix=f"--where {name}=true")
        return name, value.lower() == "true"
    try:
        return name, want(value)
    except ValueError:
        raise BadUsage(f"--where: {name}: want {want.__name__}, got {value!r}", fix="give a number") from None


def matches(record: ModelRecord, wanted: Mapping[str, Scalar]) -> bool:
    """Whether the record has all these values. An unknown value equals nothing."""
    return all(getattr(record, name) == value for name, value in wanted.items())
