"""Layers from the tensor table: what repeats, of which kind, in which layers, with how many parameters. Pure.

A layer type is a group of tensors with the same names and shapes and the same facts: the attention of layers
0-61, the experts of layers 3-60, the norms, the embedding. Their parameters sum to the table's; nothing is
left out, and what no rule recognises is a layer type called `other`.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from registry.architecture.blueprints import Architecture
from registry.architecture.components import TOWERS, Component, component_of
from registry.architecture.tensors import LAYER, Tensor, count_params

MIXERS = frozenset({Component.ATTENTION, Component.SSM})
EXPERT_PARTS = frozenset({Component.ROUTER, Component.EXPERTS, Component.SHARED_EXPERT})
MIXER_FACTS = ("mixer", "heads", "kv_heads", "head_dim", "v_dim", "window", "chunk")
INNER_NORM = re.compile(r"(attn|attention|mixer|mamba|linear|conv|indexer|ssm|compressor)(\.\w+)*\.\w*norm")
BESIDE_MLP = re.compile(r"per_layer_|_hc\.|\b(altup|laurel)\.")
LATENT = re.compile(r"kv_a_proj|kv_b_proj|kv_lora|kv_up|wkv_a")
INDEXER = re.compile(r"\bindexer\b")


@dataclass(frozen=True, slots=True)
class LayerType:
    """Layers that are alike.

    `kind`: GQA, MLA, mamba, gated MLP, MoE, RMSNorm, ... `count`: how many there are; `layers`: in which
    layer indices, None outside the stack. `tensors`: those of all of them. `facts`: numbers of one layer.
    """

    name: str
    kind: str
    count: int
    tensors: tuple[Tensor, ...]
    layers: tuple[int, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_params(self) -> int:
        """Parameters of all layers of the type."""
        return count_params(self.tensors)

    @property
    def per_layer(self) -> int:
        """Parameters of one."""
        return self.n_params // self.count


def layer_types(architecture: Architecture) -> list[LayerType]:
    """The layer types of an architecture, in the order: mixers, MLPs, norms, embeddings, head, towers."""
    stack = architecture.layers
    inside = [t for t in architecture.tensors if stack and t.name.startswith(stack)]
    outside = [t for t in architecture.tensors if t not in set(inside)]
    width = model_width(architecture.tensors)
    mixers, mlps, norms, rest = _sorted_into_blocks(inside)
    found = [
        *_named(_mixers(mixers, architecture)),
        *_named(_mlps(mlps, architecture, width)),
        *_norms([*norms, *(t for t in outside if component_of(t.name) is Component.NORM)]),
        *_outside([t for t in outside if component_of(t.name) is not Component.NORM]),
    ]
    found += _others(rest)
    return [one for one in found if one.tensors]


def model_width(tensors: Iterable[Tensor]) -> int | None:
    """d_model: the width of the first token embedding, or of most norms of the layers where none has that
    one: a factorised embedding is projected to the width of the layers.
    """
    table = list(tensors)
    embedding = next(
        (t.shape[1] for t in table if component_of(t.name) is Component.EMBEDDING and len(t.shape) == 2), None
    )
    widths: Counter[int] = Counter()
    for tensor in table:
        is_norm = component_of(tensor.name) is Component.NORM and not INNER_NORM.search(tensor.name)
        if is_norm and tensor.layers is not None and len(tensor.shape) == 1:
            widths[tensor.shape[0]] += tensor.count
    if embedding is None or embedding in widths or not widths:
        return embedding
    return widths.most_common(1)[0][0]


Blocks = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]


def _sorted_into_blocks(inside: Sequence[Tensor]) -> Blocks:
    """A layer's tensors as mixer, MLP, norms, and what is none of these."""
    blocks: Blocks = ([], [], [], [])
    for tensor in inside:
        component = component_of(tensor.name)
        if component in MIXERS or (component is Component.NORM and INNER_NORM.search(tensor.name)):
            blocks[0].append(tensor)
        elif component is Component.MLP or component in EXPERT_PARTS:
            blocks[1].append(tensor)
        elif component is Component.NORM:
            blocks[2].append(tensor)
        else:
            blocks[3].append(tensor)
    return blocks


Group = tuple[tuple[int, ...], list[Tensor], dict[str, Any]]


def _groups(tensors: Sequence[Tensor], facts: Mapping[int, Mapping[str, Any]]) -> list[Group]:
    """Layers with the same tensors and facts, with those tensors cut down to these layers."""
    shapes: dict[Signature, int] = {}
    members: dict[int, list[int]] = {}
    for place, tensor in enumerate(tensors):
        shapes.setdefault(_signature(tensor), place)
        for i in tensor.layers or ():
            members.setdefault(i, []).append(place)
    same = [shapes[_signature(tensor)] for tensor in tensors]
    alike: dict[tuple[Any, ...], list[int]] = {}
    for i, places in sorted(members.items()):
        known = tuple(sorted(facts.get(i, {}).items(), key=str))
        alike.setdefault((tuple(sorted(same[place] for place in places)), known), []).append(i)
    return [
        (
            tuple(layers),
            [_cut_down(tensors[place], tuple(layers)) for place in members[layers[0]]],
            dict(facts.get(layers[0], {})),
        )
        for layers in alike.values()
    ]


Signature = tuple[str, tuple[int, ...], int, bool]


def _signature(tensor: Tensor) -> Signature:
    return tensor.name, tensor.shape, tensor.per_layer, tensor.tied_to is not None


def _cut_down(tensor: Tensor, layers: tuple[int, ...]) -> Tensor:
    """The tensor in these of its layers only."""
    return replace(tensor, count=tensor.per_layer * len(layers), layers=layers)


def _mixers(tensors: Sequence[Tensor], architecture: Architecture) -> list[LayerType]:
    """Attention and what stands in its place, one type per shape and reach."""
    n = max((len(values) for values in architecture.facts.values()), default=0)
    facts = {
        i: {name: architecture.facts[name][i] for name in MIXER_FACTS if architecture.facts.get(name)}
        for i in range(n)
    }
    found = []
    for layers, group, known in _groups(tensors, facts):
        is_attention = any(component_of(t.name) is Component.ATTENTION for t in group)
        mixer = known.pop("mixer", None) or ("attention" if is_attention else "mamba")
        name, kind = _mixer_name(str(mixer), group, known, is_attention=is_attention)
        shown = {key: value for key, value in known.items() if value is not None}
        if kind.startswith("MLA"):
            shown |= _latent_ranks(group)
        found.append(LayerType(name, kind, len(layers), tuple(group), layers, shown))
    return found


def _mixer_name(
    mixer: str, group: Sequence[Tensor], facts: Mapping[str, Any], *, is_attention: bool
) -> tuple[str, str]:
    """Name and kind of a mixer."""
    if mixer not in ("attention", "cross") or not is_attention:
        return mixer, mixer
    reach = "cross" if mixer == "cross" else next((w for w in ("window", "chunk") if facts.get(w)), "")
    name = {"cross": "attention_cross", "window": "attention_sliding", "chunk": "attention_chunked"}.get(
        reach
    )
    return name or "attention_full", _sharing(group, facts)


def _sharing(group: Sequence[Tensor], facts: Mapping[str, Any]) -> str:
    """How queries share keys and values (arXiv:1911.02150, 2305.13245, 2405.04434)."""
    heads, kv_heads = facts.get("heads"), facts.get("kv_heads")
    if any(LATENT.search(t.name) for t in group):
        return "MLA + indexer" if any(INDEXER.search(t.name) for t in group) else "MLA"
    if heads is None or kv_heads is None:
        return "attention"
    if heads == kv_heads:
        return "MHA"
    return "MQA" if kv_heads == 1 else "GQA"


def _latent_ranks(group: Sequence[Tensor]) -> dict[str, int]:
    """Ranks of latent attention, from the shapes of its norms and down-projection."""
    shapes = {tensor.name.rsplit(".", 2)[-2]: tensor.shape for tensor in group if "." in tensor.name}
    found = {}
    if "q_a_layernorm" in shapes:
        found["q_lora_rank"] = shapes["q_a_layernorm"][0]
    if "kv_a_layernorm" in shapes and "kv_a_proj_with_mqa" in shapes:
        found["kv_lora_rank"] = shapes["kv_a_layernorm"][0]
        found["qk_rope_head_dim"] = shapes["kv_a_proj_with_mqa"][0] - found["kv_lora_rank"]
    return found


def _mlps(tensors: Sequence[Tensor], architecture: Architecture, width: int | None) -> list[LayerType]:
    """Feed-forward layers: dense ones by shape, MoE ones with their router and shared expert."""
    found = []
    facts = {
        i: {name: architecture.facts[name][i] for name in ("experts", "top_k")}
        for i in range(len(architecture.facts.get("experts", ())))
    }
    for layers, group, known in _groups(tensors, {}):
        if any(component_of(t.name) is Component.EXPERTS for t in group):
            known |= facts.get(layers[0], {})
            found.append(_moe(layers, group, known, width))
        else:
            shape = mlp_shape([t for t in group if not BESIDE_MLP.search(t.name)], width)
            kind = {3: "gated MLP", 2: "MLP"}.get(shape.get("matrices", 0), "MLP")
            found.append(LayerType("feedforward", kind, len(layers), tuple(group), layers, shape))
    return found


def _moe(
    layers: tuple[int, ...], group: list[Tensor], known: Mapping[str, Any], width: int | None
) -> LayerType:
    """A MoE layer. `intermediate_size` is the width of one routed expert, `shared_size` of the shared one."""
    experts = known.get("experts")
    routed = [t for t in group if component_of(t.name) is Component.EXPERTS]
    shared = [t for t in group if component_of(t.name) is Component.SHARED_EXPERT]
    dense = [t for t in group if component_of(t.name) is Component.MLP]
    one = [_one_expert(t, experts) for t in routed] if experts else []
    facts = {**known, **mlp_shape([t for t in one if t], width)}
    if shared:
        facts["shared_size"] = mlp_shape(shared, width).get("intermediate_size")
    if dense:
        facts["dense_size"] = mlp_shape(dense, width).get("intermediate_size")
    return LayerType("moe", "MoE", len(layers), tuple(group), layers, facts)


def _one_expert(tensor: Tensor, experts: int) -> Tensor | None:
    """One expert's share of a tensor: its slice of a fused one, or the tensor itself. A fused tensor may have
    slices for experts that compute nothing, so that its first dimension is not the number of experts.
    """
    fused = len(tensor.shape) == 3 and tensor.per_layer == 1
    if fused or (len(tensor.shape) > 1 and tensor.shape[0] == experts):
        return replace(tensor, shape=tensor.shape[1:])
    if len(tensor.shape) == 2 and tensor.shape[0] % experts == 0 and tensor.per_layer == 1:
        return replace(tensor, shape=(tensor.shape[0] // experts, tensor.shape[1]))
    return tensor


def mlp_shape(group: Sequence[Tensor], width: int | None) -> dict[str, Any]:
    """`intermediate_size` and `matrices` (2, or 3 when gated) of an MLP, found where they give its weights
    exactly; nothing when no width does.
    """
    weights = [t for t in group if len(t.shape) == 2]
    total = sum(math.prod(t.shape) for t in weights)
    bias = sum(math.prod(t.shape) for t in group if len(t.shape) == 1)
    for tensor in weights:
        for size in {
            d for d in tensor.shape if width in tensor.shape and (d != width or len(set(tensor.shape)) == 1)
        }:
            for matrices in (3, 2):
                if width and total == matrices * width * size:
                    return {"intermediate_size": size, "matrices": matrices, "bias_params": bias}
    return {}


def _named(found: list[LayerType]) -> list[LayerType]:
    """One attention is called attention; several keep what tells them apart."""
    mixers = [one for one in found if one.name.startswith("attention_")]
    if len(mixers) == 1 and mixers[0].name != "attention_cross":
        found = [replace(one, name="attention") if one is mixers[0] else one for one in found]
    shown: list[LayerType] = []
    for one in found:
        alike = [other for other in found if other.name == one.name]
        name = one.name if len(alike) == 1 else _apart(one, alike)
        taken = {other.name for other in shown}
        names = (name, *(f"{name}_{n}" for n in range(2, len(found) + 2)))
        shown.append(replace(one, name=next(free for free in names if free not in taken)))
    return shown


def _apart(one: LayerType, alike: Sequence[LayerType]) -> str:
    """The name of one of several that are alike: with its size, or without keys of its own, or its part."""
    if not one.n_params:
        return f"{one.name}_tied"
    sizes = [other.facts.get("intermediate_size") or other.facts.get("head_dim") for other in alike]
    size = sizes[alike.index(one)]
    if size and sizes.count(size) == 1:
        return f"{one.name}_{size}"
    mine = _modules(one)
    theirs = [_modules(other) for other in alike if other is not one]
    if "k_proj" not in mine and any("k_proj" in other for other in theirs):
        return f"{one.name}_shared_kv"
    own = [
        module
        for module in mine
        if not re.search("norm|[kv]_proj", module) and any(module not in other for other in theirs)
    ]
    return f"{one.name}_{own[0]}" if own else one.name


def _modules(one: LayerType) -> dict[str, None]:
    """The names of a layer's modules, outer ones first, in order."""
    paths = (tensor.name.partition(LAYER + ".")[2].split(".")[:-1] for tensor in one.tensors)
    return dict.fromkeys(module for path in paths for module in path)


def _norms(tensors: Sequence[Tensor]) -> list[LayerType]:
    """Norms by size and bias. The most frequent is called norm, the others carry their size."""
    modules: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        if tensor.n_params:
            modules.setdefault(tensor.name.rpartition(".")[0] + str(tensor.layers), []).append(tensor)
    alike: dict[tuple[int, bool], list[Tensor]] = {}
    for group in modules.values():
        size = next(
            (math.prod(t.shape) for t in group if t.name.endswith(".weight")), math.prod(group[0].shape)
        )
        alike.setdefault((size, any(t.name.endswith(".bias") for t in group)), []).extend(group)
    found = []
    order = sorted(alike, key=lambda key: -count_params(alike[key]))
    for size, has_bias in order:
        group = alike[size, has_bias]
        name = "norm" if (size, has_bias) == order[0] else f"norm_{size}" + ("_bias" if has_bias else "")
        count = sum(t.count for t in group if not t.name.endswith(".bias")) or sum(t.count for t in group)
        kind = "LayerNorm" if has_bias else "norm without bias"
        found.append(LayerType(name, kind, count, tuple(group), None, {"size": size, "has_bias": has_bias}))
    return found


OUTSIDE: dict[Component, tuple[str, str]] = {
    Component.EMBEDDING: ("embedding", "embedding"),
    Component.PER_LAYER_EMBEDDING: ("embedding_per_layer", "per-layer embedding"),
    Component.POSITION: ("embedding_position", "learned positions"),
    Component.LM_HEAD: ("output_head", "output head"),
    Component.VISION: ("vision_tower", "vision tower"),
    Component.AUDIO: ("audio_tower", "audio tower"),
    Component.PROJECTOR: ("projector", "projector"),
}


def _outside(tensors: Sequence[Tensor]) -> list[LayerType]:
    """What stands outside the stack, one type per component."""
    found = []
    for component, (name, kind) in OUTSIDE.items():
        group = tuple(t for t in tensors if component_of(t.name) is component and t.n_params)
        if group:
            facts = {"towers": True} if component in TOWERS else {}
            found.append(LayerType(name, kind, 1, group, None, facts))
    rest = [t for t in tensors if component_of(t.name) not in OUTSIDE and t.n_params]
    return [*found, *_others(rest)]


def _others(tensors: Sequence[Tensor]) -> list[LayerType]:
    """What no rule above took, under the name of its module, or of its component where that has several:
    nothing is left out.
    """
    by_name: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        component = component_of(tensor.name)
        name = OUTSIDE.get(component, (str(component), ""))[0]
        suffix = "_in_layers" if LAYER in tensor.name else "" if component is Component.OTHER else "_outside"
        by_name.setdefault(f"{name}{suffix}", []).append(tensor)
    found: list[LayerType] = []
    for name, group in by_name.items():
        shown = _module_name(group) or name
        if shown in by_name or any(one.name == shown for one in found):
            shown = name
        found.append(LayerType(shown, name, 1, tuple(group)))
    return found


def _module_name(group: Sequence[Tensor]) -> str | None:
    """The one module that holds all these tensors, None where there are several or it is an index."""
    modules = {tensor.name.rpartition(".")[0].rpartition(".")[2] for tensor in group}
    name = modules.pop().lower()
    return name if not modules and re.fullmatch(r"[a-z]\w+", name) else None
