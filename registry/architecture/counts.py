"""Parameter counts of a tensor table, each with its definition. Pure.

total                        every parameter once: tied weights once, no buffers, no MTP module, towers in
text                         total without vision and audio towers and their projectors
active                       text, with top_k of the routed experts of each MoE layer; embedding and head in
active_no_input_embedding    active without the input embedding, which is a lookup; a matrix that is also
                             the output head (tied) stays. Tables of tokens and token types are the input
                             embedding; learned positions and per-layer embeddings stay in
mtp                          the multi-token-prediction module, its own tensors only
stored                       what the hub reports; not computed here
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.architecture.blueprints import Architecture
from registry.architecture.components import TOWERS, Component, component_of
from registry.architecture.tensors import Tensor, count_params

DEFINITIONS = {
    "n_params": "sum over the tensor table: tied weights once, no buffers, no MTP module, towers included",
    "n_params_text": "n_params without vision and audio towers and their projectors",
    "n_active_params": "text tensors, top-k of the routed experts, embedding and output head included",
    "n_params_mtp": "tensors of the multi-token-prediction module, copies of embedding and head left out",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What a table counts. A value that cannot be known without guessing is None, and `why` says so."""

    total: int | None
    text: int | None
    active: int | None
    active_no_input_embedding: int | None
    components: Mapping[Component, int]
    mtp: int = 0
    why: tuple[str, ...] = ()


def by_component(tensors: Iterable[Tensor]) -> dict[Component, int]:
    """Parameters per component, those that are there."""
    counts: Counter[Component] = Counter()
    for tensor in tensors:
        if tensor.n_params:
            counts[component_of(tensor.name)] += tensor.n_params
    return dict(counts)


def count(architecture: Architecture) -> Counts:
    """All counts of an architecture."""
    components = by_component(architecture.tensors)
    if architecture.stored_only:
        return Counts(None, None, None, None, components, count_params(architecture.mtp))
    text = sum(n for component, n in components.items() if component not in TOWERS)
    idle, why = _idle(architecture)
    active = None if idle is None else text - idle
    lookup = _lookup(architecture.tensors)
    reasons = [*why, *(f"{name} has no blueprint: the total is not known" for name in architecture.refused)]
    reasons += [f"{name} is not in the config: the total is not known" for name in architecture.assumed]
    whole = not architecture.refused and not architecture.assumed
    return Counts(
        text + sum(components.get(tower, 0) for tower in TOWERS) if whole else None,
        text,
        active,
        None if active is None else active - lookup,
        components,
        count_params(architecture.mtp),
        tuple(reasons),
    )


def _lookup(tensors: Sequence[Tensor]) -> int:
    """Parameters of the input embedding, unless it is the output head as well."""
    shared = {tensor.tied_to for tensor in tensors if tensor.tied_to}
    return sum(
        tensor.n_params
        for tensor in tensors
        if component_of(tensor.name) is Component.EMBEDDING and tensor.name not in shared
    )


def _idle(architecture: Architecture) -> tuple[int | None, list[str]]:
    """Parameters of the experts a token does not use; None where experts or top-k are not known."""
    idle = 0
    for tensor in architecture.tensors:
        if component_of(tensor.name) is not Component.EXPERTS:
            continue
        for layer in tensor.layers or ():
            experts, top_k = (_fact(architecture, name, layer) for name in ("experts", "top_k"))
            if not experts or not top_k or top_k > experts:
                return None, [f"{tensor.name}: how many of its experts a token uses is not known"]
            per_layer = tensor.n_params // len(tensor.layers or ())
            idle += per_layer - per_layer * top_k // _slices(tensor, experts)
    return idle, []


def _slices(tensor: Tensor, experts: int) -> int:
    """How many experts a tensor holds: a fused one may have slices for experts that compute nothing."""
    return tensor.shape[0] if len(tensor.shape) == 3 and tensor.shape[0] > experts else experts


def _fact(architecture: Architecture, name: str, layer: int) -> int | None:
    values = architecture.facts.get(name, ())
    value = values[layer] if layer < len(values) else None
    return value if type(value) is int else None
