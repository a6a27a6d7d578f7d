"""Layer configs for the performance estimator: its eight classes where they fit, gap reports where they do
not. Pure.

`layer_types` holds what the estimator can build, `unsupported_layers` the rest in the same shape: an unknown
class in `layer_types` breaks the whole model there. Every `parameter_count` is the truth; where the
estimator's own count of a layer differs, `validation_notes` says by how much. There is no class for the
output head: an EmbeddingLayer with count 2 holds both matrices of an untied model, one named
`output_head` the matrix of a head that has other rows or a bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.architecture.blueprints import Architecture
from registry.architecture.components import Component, component_of
from registry.architecture.layers import LayerType, layer_types, model_width
from registry.architecture.tensors import Tensor
from registry.catalogue import model_id
from registry.estimator import own_params
from registry.layer_classes import Layer, fitted, gap, split
from registry.published import Comparison
from schemas.record import ModelRecord

if TYPE_CHECKING:
    from registry.model import Model


@dataclass(frozen=True, slots=True)
class Built:
    """A layer config, the layer types it stands on, and the comparisons with published counts."""

    content: Layer
    supported: Sequence[LayerType]
    unsupported: Sequence[LayerType]
    compared: Sequence[Comparison]


def build(model: "Model", compared: Sequence[Comparison], *, all_layers: bool = False) -> Built | None:
    """The layer config of a model, or None where its total or its tensors are not known.

    Raises AssertionError when the layers do not sum to the model's parameters: such a file is never written.
    """
    record, architecture = model.record, model.architecture
    repo = record.config_repo or record.huggingface_repo or record.key.partition(":")[2]
    if architecture is None or not record.n_params:
        return None
    width = model_width(architecture.tensors)
    parts = _named_apart([part for one in layer_types(architecture) for part in split(one, width)])
    supported, unsupported = _head_in_embedding([(one, fitted(one, width)) for one in parts])
    layers = [layer for _, layer in supported]
    others = [gap(one, model_id(repo), width) for one in unsupported]
    total = sum(layer["count"] * layer["specs"]["parameter_count"] for layer in (*layers, *others))
    if total != record.n_params:
        raise AssertionError(f"{record.key}: layers sum to {total}, the tensor table to {record.n_params}")
    content = _document(record, repo, layers, others, compared, all_layers=all_layers)
    content |= {name: value for name, value in _sizes(architecture).items() if content[name] is None}
    return Built(content, [one for one, _ in supported], unsupported, compared)


def _sizes(architecture: Architecture) -> dict[str, int | None]:
    """Width, layers and vocabulary from the tensor table, where no key of the config says them."""
    indices = {
        i for tensor in architecture.tensors if _in_stack(tensor, architecture) for i in tensor.layers or ()
    }
    rows = next(
        (
            t.shape[0]
            for t in architecture.tensors
            if component_of(t.name) is Component.EMBEDDING and len(t.shape) == 2
        ),
        None,
    )
    width = model_width(architecture.tensors)
    return {"hidden_size": width, "num_layers": len(indices) or None, "vocab_size": rows}


def _in_stack(tensor: Tensor, architecture: Architecture) -> bool:
    return architecture.layers is not None and tensor.name.startswith(architecture.layers)


def _named_apart(parts: Sequence[LayerType]) -> list[LayerType]:
    """Names that are there once: a dense MLP beside experts is the feedforward where there is no other."""
    taken = {one.name for one in parts}
    found: dict[str, LayerType] = {}
    for one in _merged(parts):
        wanted = one.name
        if wanted == "feedforward_shared" and "feedforward" not in taken:
            wanted = "feedforward"
        names = (wanted, *(f"{wanted}_{n}" for n in range(2, len(parts) + 2)))
        name = next(name for name in names if name not in found)
        found[name] = replace(one, name=name)
    return list(found.values())


def _merged(parts: Sequence[LayerType]) -> list[LayerType]:
    """Parts that were taken from different layers and are alike, as one layer type."""
    found: dict[tuple[object, ...], LayerType] = {}
    for one in parts:
        shapes = tuple((tensor.name, tensor.shape, tensor.per_layer) for tensor in one.tensors)
        alike = (one.name, one.kind, shapes, tuple(sorted(map(str, one.facts.items()))))
        other = found.get(alike)
        found[alike] = one if other is None else _both(other, one)
    return list(found.values())


def _both(one: LayerType, other: LayerType) -> LayerType:
    """One layer type of the layers of two that have the same tensors."""
    layers = tuple(sorted({*(one.layers or ()), *(other.layers or ())}))
    pairs = zip(one.tensors, other.tensors, strict=True)
    tensors = tuple(replace(a, count=a.count + b.count, layers=layers) for a, b in pairs)
    return replace(one, count=one.count + other.count, tensors=tensors, layers=layers)


Fitted = tuple[LayerType, Layer]


def _head_in_embedding(
    parts: Sequence[tuple[LayerType, Layer | None]],
) -> tuple[list[Fitted], list[LayerType]]:
    """Layers with a class and those without. An output head of the embedding's shape adds to its count."""
    supported = [(one, layer) for one, layer in parts if layer is not None]
    embedding = next((layer for _, layer in supported if layer["name"] == "embedding"), None)
    head = next((layer for _, layer in supported if layer["name"] == "output_head"), None)
    if embedding and head and embedding["specs"] == head["specs"]:
        embedding["count"] += 1
        supported = [(one, layer) for one, layer in supported if layer is not head]
    return supported, [one for one, layer in parts if layer is None]


def _document(
    record: ModelRecord,
    repo: str,
    layers: list[Layer],
    others: list[Layer],
    compared: Sequence[Comparison],
    *,
    all_layers: bool,
) -> Layer:
    return {
        "model_id": model_id(repo),
        "hf_model_id": repo,
        "name": repo.rpartition("/")[2].replace("-", " "),
        "hidden_size": record.d_hidden,
        "num_layers": record.n_layers,
        "vocab_size": record.vocab_size,
        "total_params": record.n_params,
        "n_params": record.n_params,
        "total_params_formatted": formatted(int(record.n_params or 0)),
        "layer_types": [*layers, *others] if all_layers else layers,
        "unsupported_layers": [] if all_layers else others,
        "validated": not others and any(one.terms is not None for one in compared),
        "validation_notes": " ".join(_notes(record, layers, others, compared)),
        "validation_sources": [one.citation for one in compared],
    }


def formatted(n_params: int) -> str:
    """8.0B, 671.0B, 124.4M: one decimal in the largest unit below it."""
    for unit, size in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if n_params >= size:
            return f"{n_params / size:.1f}{unit}"
    return str(n_params)


def _notes(
    record: ModelRecord, layers: list[Layer], others: list[Layer], compared: Sequence[Comparison]
) -> list[str]:
    notes = [f"Layers sum to {record.n_params:,} parameters, each counted once."]
    if any(layer["name"] == "embedding" and layer["count"] == 2 for layer in layers):
        notes.append("embedding has count 2: input embedding and output head.")
    if any(layer["name"] == "output_head" for layer in layers):
        notes.append("output_head is an EmbeddingLayer: its parameters and memory count, its FLOPs do not.")
    notes += [note for layer in layers if (note := own_count_note(layer))]
    notes += [
        f"{layer['name']} attends within chunks of {layer['specs']['sliding_window']:,} positions: the "
        "window of its class is an upper bound."
        for layer in layers
        if layer["name"].startswith("attention_chunked")
    ]
    notes += [
        f"{layer['name']} ({layer['count']} x {layer['specs']['parameter_count']:,}) has no class: "
        f"see {layer['gap_report']}."
        for layer in others
    ]
    notes += [f"Count: {one}." for one in compared] or ["No published count was at hand to compare with."]
    return notes


def own_count_note(layer: Layer) -> str | None:
    """Where the estimator's own count of a layer is not the truth: by how much, a layer and in all."""
    counted = own_params(layer["class"], layer["specs"])
    difference = counted - layer["specs"]["parameter_count"]
    if not difference:
        return None
    return (
        f"{layer['class']} itself counts {counted:,} for {layer['name']}: {difference:+,} a layer, "
        f"{difference * layer['count']:+,} in all."
    )
