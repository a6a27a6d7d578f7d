"""What `registry analyze` and `registry inspect` print: documents for JSON, text and tables. Pure.

Parameter counts and their definitions: `registry.architecture.counts`.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry.architecture.blueprints import Architecture
from registry.architecture.components import TOWERS, Component, component_of
from registry.architecture.counts import count
from registry.architecture.layers import layer_types
from registry.architecture.tensors import Tensor, layer_ranges
from registry.targets import Target, printable
from schemas.errors import RegistryError

Document = dict[str, Any]
COUNTS = ("total", "text", "active", "active_no_input_embedding")
COMPONENTS = (
    "embedding", "position", "attention", "mlp", "router", "experts", "shared_expert", "ssm", "norm",
    "lm_head", "vision", "audio", "projector", "other",
)  # fmt: skip
TOLD = {
    "total": "every parameter once; tied weights once, no buffers, no MTP module",
    "text": "total without vision and audio towers and projectors",
    "active": "text with top-k of the routed experts; embeddings and head in",
    "active_no_input_embedding": "active without the input embedding; a tied one stays, as head",
    "mtp": "multi-token-prediction module, not in the total",
}
NAMED = {
    "embedding": "embeddings of tokens, token types and layers",
    "position": "learned positions",
    "lm_head": "output head",
    "other": "no rule knows these",
}
"""What a component's row adds where its name alone could be misread."""


def analysis(target: Target) -> Document:
    """One target's document."""
    found = count(target.architecture)
    components = {str(name): n for name, n in found.components.items()}
    components["embedding"] = components.get("embedding", 0) + components.pop(
        str(Component.PER_LAYER_EMBEDDING), 0
    )
    notes = [*target.notes, *found.why]
    per_layer = found.components.get(Component.PER_LAYER_EMBEDDING, 0)
    if per_layer:
        notes.append(f"embedding has {per_layer:,} of per-layer embeddings: looked up, active in full")
    notes += [
        f"{tensor.name} is {tensor.tied_to}: counted once, as {component_of(tensor.tied_to)}"
        for tensor in target.architecture.tensors
        if tensor.tied_to and component_of(tensor.name) is Component.LM_HEAD
    ]
    notes += [*target.architecture.notes, *_defaults(target.architecture)]
    unknown = {str(tower) for tower in TOWERS} if target.architecture.assumed else set()
    packed = target.architecture.stored_only
    if packed:
        unknown = set(COMPONENTS)
    return {
        "target": target.name,
        "architecture": target.architecture.model_type,
        "params": {
            **{name: getattr(found, name) for name in COUNTS},
            **{name: None if name in unknown else components.get(name, 0) for name in COMPONENTS},
            "mtp": found.mtp,
        },
        "layers": [
            {
                "name": one.name,
                "kind": one.kind,
                "facts": dict(one.facts),
                "count": one.count,
                "layers": None if one.layers is None else layer_ranges(one.layers),
                "params_per_layer": one.per_layer,
                "params": one.n_params,
            }
            for one in ([] if packed else layer_types(target.architecture))
        ],
        "notes": list(dict.fromkeys(notes)),
    }


def _defaults(architecture: Architecture) -> list[str]:
    """The numbers that are the class's own, because the config leaves them out."""
    if not architecture.defaulted:
        return []
    shown = ", ".join(f"{key} {value:,}" for key, value in sorted(architecture.defaulted.items()))
    return [f"absent from the config, so class defaults of transformers 5.23: {shown}"]


def refusal(name: str, error: RegistryError) -> Document:
    """The document of a target that cannot be analysed."""
    return {
        "target": name,
        "error": {"code": error.exit_code, "message": error.what, "where": error.where, "fix": error.fix},
    }


def json_text(documents: object) -> str:
    """One JSON document. Characters that a terminal acts on are escaped as JSON escapes them."""
    text = json.dumps(documents, indent=2, ensure_ascii=False, allow_nan=False)
    if text.isascii() and DELETE not in text:
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text).replace(
        DELETE, "\\u007f"
    )


DELETE = "\x7f"


def analysis_text(documents: Sequence[Document]) -> str:
    """One target: counts, components with their share, layers. Several: a line each, to compare."""
    shown = [document for document in documents if "error" not in document]
    if len(documents) == 1:
        return "".join(map(_report, shown))
    return _side_by_side(shown) if shown else ""


def _side_by_side(documents: Sequence[Document]) -> str:
    """The counts of several targets, a line each, and what the columns mean."""
    rows = [
        [printable(d["target"]), printable(d["architecture"]), *(_n(d["params"][name]) for name in COUNTS)]
        for d in documents
    ]
    heads = ["target", "architecture", "total", "text", "active", "without input embedding"]
    wide = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    ]
    told = [f"{head}: {TOLD[name]}" for head, name in zip(heads[2:], COUNTS, strict=True)]
    return "\n".join([*lines, "", "parameters", *told])


def _report(document: Document) -> str:
    params = document["params"]
    lines = [f"{printable(document['target'])}  ({printable(document['architecture'])})", ""]
    lines.append(f"  {'count':<26}{'parameters':>20}")
    for name in (*COUNTS, "mtp"):
        if name != "mtp" or params["mtp"]:
            lines.append(f"  {name.replace('_', ' '):<26}{_n(params[name]):>20}  {TOLD[name]}")
    if any(params[name] for name in COMPONENTS):
        lines += ["", f"  {'component':<26}{'parameters':>20}  share"]
    total = params["total"] or sum(params[name] or 0 for name in COMPONENTS) or 1
    lines += [
        f"  {name.replace('_', ' '):<26}{_n(params[name]):>20}  {100 * params[name] / total:5.1f} %"
        f"  {NAMED.get(name, '')}".rstrip()
        for name in COMPONENTS
        if params[name]
    ]
    if document["layers"]:
        lines += ["", f"  {'layer':<26}{'parameters':>20}  count x each"]
    lines += [_layer(one) for one in document["layers"]]
    if document["notes"]:
        lines += ["", *(f"  note: {printable(note)}" for note in document["notes"])]
    return "\n".join(lines)


def _layer(one: Mapping[str, Any]) -> str:
    where = f"  layers {one['layers']}" if one["layers"] else ""
    kind = "" if one["kind"] == one["name"] else f"  {one['kind']}"
    reach = {"window": "sliding", "chunk": "chunks of"}
    kind += "".join(
        f", {word} {one['facts'][name]:,}" for name, word in reach.items() if one["facts"].get(name)
    )
    each = f"{one['count']} x {one['params_per_layer']:,}"
    return f"  {one['name']:<26}{_n(one['params']):>20}  {each}{kind}{where}"


def _n(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def analysis_csv(documents: Iterable[Document]) -> str:
    """One row per target, one column per count and component."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["target", "architecture", *COUNTS, *COMPONENTS, "mtp", "error"])
    for document in documents:
        params = document.get("params", {})
        row = [params.get(name) for name in (*COUNTS, *COMPONENTS, "mtp")]
        error = document.get("error", {}).get("message", "")
        names = (document["target"], document.get("architecture", ""))
        writer.writerow([*map(printable, names), *row, printable(error)])
    return out.getvalue().rstrip("\n")


def analysis_md(documents: Sequence[Document]) -> str:
    """A table with a column per target."""
    shown = [document for document in documents if "error" not in document]
    rows = [name for name in (*COUNTS, *COMPONENTS, "mtp") if any(d["params"].get(name) for d in shown)]
    lines = ["| parameters | " + " | ".join(_md(d["target"]) for d in shown) + " |"]
    lines.append("|---|" + "---:|" * len(shown))
    for name in rows:
        cells = " | ".join(_n(d["params"].get(name)) for d in shown)
        lines.append(f"| {name.replace('_', ' ')} | {cells} |")
    return "\n".join(lines)


def _md(text: str) -> str:
    """A text in a cell: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", printable(text))


# The tensor table itself.


def dtype_of(config: Mapping[str, Any]) -> str | None:
    """The dtype a config states, as torch names it; None where it states none."""
    for part in (config, config.get("text_config")):
        if isinstance(part, dict):
            named = part.get("dtype") or part.get("torch_dtype")
            if isinstance(named, str):
                return named.removeprefix("torch.")
    return None


def inspection(target: Target) -> list[Document]:
    """The tensor table, patterns kept."""
    stated = dtype_of(target.config)
    return [
        {
            "name": tensor.name,
            "shape": list(tensor.shape),
            "dtype": tensor.dtype or stated,
            "count": tensor.count,
            "layers": None if tensor.layers is None else layer_ranges(tensor.layers),
            "tied_to": tensor.tied_to,
        }
        for tensor in target.architecture.tensors
    ]


def inspection_csv(target: Target) -> str:
    """One line per tensor: kind (param, or tied where it shares another's storage), name, shape, dtype."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["kind", "name", "shape", "dtype"])
    for row in listed(target.architecture.tensors, dtype_of(target.config)):
        writer.writerow(row)
    return out.getvalue().rstrip("\n")


def listed(tensors: Iterable[Tensor], stated: str | None) -> Iterable[tuple[str, str, tuple[int, ...], str]]:
    """(kind, name, shape, dtype) of every single tensor; an unknown dtype is an empty text."""
    for tensor in in_layer_order(tensors):
        dtype = tensor.dtype or (f"torch.{stated}" if stated else "")
        kind = "tied" if tensor.tied_to else "param"
        for name in tensor.names():
            yield kind, name, tensor.shape, dtype


def in_layer_order(tensors: Iterable[Tensor]) -> Iterable[Tensor]:
    """The patterns of a stack taken apart, so that all tensors of layer 0 come before those of layer 1."""
    from dataclasses import replace
    from itertools import groupby

    def stack(tensor: Tensor) -> str:
        return tensor.name.partition("{i}")[0] if tensor.layers is not None else ""

    for prefix, group in groupby(tensors, key=stack):
        members = list(group)
        if not prefix:
            yield from members
            continue
        for i in sorted({i for tensor in members for i in tensor.layers or ()}):
            for tensor in members:
                if i in (tensor.layers or ()):
                    yield replace(tensor, count=tensor.per_layer, layers=(i,))


def inspection_text(target: Target) -> str:
    """The patterns, aligned."""
    tensors = target.architecture.tensors
    wide = max(len(tensor.name) for tensor in tensors)
    shapes = [" x ".join(map(str, tensor.shape)) or "scalar" for tensor in tensors]
    long = max(map(len, shapes))
    lines = [f"{printable(target.name)}  ({printable(target.architecture.model_type)})", ""]
    for tensor, shape in zip(tensors, shapes, strict=True):
        layers = f"layers {layer_ranges(tensor.layers)}" if tensor.layers is not None else ""
        tied = f"= {tensor.tied_to}" if tensor.tied_to else ""
        many = f"{tensor.count} x" if tensor.count > 1 else ""
        dtype = f"{tensor.dtype} " if tensor.dtype else ""
        lines.append(f"{many:>8} {tensor.name:<{wide}}  {shape:<{long}}  {dtype}{layers} {tied}".rstrip())
    n = sum(tensor.count for tensor in tensors)
    total = sum(tensor.n_params for tensor in tensors)
    stated = dtype_of(target.config)
    dtype = f", {printable(stated)} unless said otherwise" if stated else ", no dtype in the config"
    counted = "stored values" if target.architecture.stored_only else "parameters"
    return "\n".join([*lines, "", f"{n:,} tensors, {total:,} {counted}{dtype}"])
