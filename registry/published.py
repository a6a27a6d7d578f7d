"""Published parameter counts beside ours: equal, explained by a formula, or unexplained. Pure.

A published figure often counts something else: a multi-token-prediction module, an output head that is tied
but stored, buffers, quantization scales. Each of these has a formula in the config and the tensor table; a
difference is explained only when such values add up to it exactly.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from registry.architecture.blueprints import Architecture
from registry.architecture.components import TOWERS, Component, component_of
from registry.architecture.counts import by_component
from registry.architecture.tensors import Tensor, count_params
from sources.config_keys import text_part

MOST_PARTS = 3
"""More terms than this would explain any number."""

STORE_INV_FREQ = frozenset({"llama"})
STORE_MASKS = frozenset({"gpt2", "gptj"})
"""Types of which checkpoints are known that store these buffers."""
CORRECTED_ROUTERS = frozenset({
    "deepseek_v3", "deepseek_v32", "dots1", "ernie4_5_moe", "glm4_moe", "glm4_moe_lite", "glm4v_moe",
    "glm_moe_dsa", "kimi_k2", "kimi_k25", "minimax_m2", "nemotron_h",
})  # fmt: skip
"""Types whose routers have a correction bias whatever the config says."""


@dataclass(frozen=True, slots=True)
class Term:
    """Something a published count has that ours has not, or the other way round, with its formula.

    `group`: of several readings of one thing (the MTP module with copies or without) a count has one at most.
    `mtp`: whether the term is of a count that has the MTP module; None where that makes no difference.
    """

    what: str
    formula: str
    n_params: int
    group: str = ""
    mtp: bool | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published count beside ours. `terms` is empty when they are equal, None when nothing explains it."""

    published: int
    citation: str
    ours: int
    terms: tuple[Term, ...] | None
    rounded: bool = False

    @property
    def difference(self) -> int:
        return self.published - self.ours

    @property
    def equal(self) -> bool:
        """Equal to the unit."""
        return not self.difference

    def __str__(self) -> str:
        """One sentence, with every number."""
        if self.equal:
            return f"equal to the published {self.published:,}"
        said = f"published {self.published:,} ({self.difference:+,})"
        if self.rounded:
            return f"{said}: equal at the precision of the published figure"
        if self.terms is None:
            return f"{said}: unexplained"
        parts = " + ".join(f"{term.what} {term.formula} = {term.n_params:,}" for term in self.terms)
        return f"{said}: {parts}"


def compare(
    published: int, citation: str, ours: int, architecture: Architecture, config: Mapping[str, Any]
) -> Comparison:
    """What explains the difference between a published count and ours."""
    difference = published - ours
    if not difference:
        return Comparison(published, citation, ours, ())
    known = list(terms(architecture, config))
    for n in range(1, MOST_PARTS + 1):
        for chosen in combinations(known, n):
            if sum(term.n_params for term in chosen) == difference and _go_together(chosen):
                return Comparison(published, citation, ours, chosen)
    return Comparison(published, citation, ours, None, _is_rounding(published, ours))


def _go_together(chosen: Sequence[Term]) -> bool:
    """Whether one count can have all of these: one reading of each thing, the MTP layer in all or none."""
    groups = [term.group or term.what for term in chosen]
    with_mtp = any(term.group == "mtp" for term in chosen)
    return len(set(groups)) == len(groups) and all(term.mtp in (None, with_mtp) for term in chosen)


def _is_rounding(published: int, ours: int) -> bool:
    """Whether the figure is ours with fewer digits: 1,123,000,000 for 1,123,076,096."""
    zeros = len(str(published)) - len(str(published).rstrip("0"))
    return zeros >= 5 and round(ours, -zeros) == published


def terms(architecture: Architecture, config: Mapping[str, Any]) -> Iterator[Term]:
    """Every quantity of this model that some counts include and ours does not."""
    _, text = text_part(config)
    yield from _tied_heads(architecture)
    yield from _mtp(architecture)
    yield from _rotary(architecture)
    yield from _masks(architecture, text)
    yield from _router_bias(architecture, text)
    yield from _scales(architecture, config)
    yield from _towers(architecture)


def _product(numbers: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in numbers)


def _tied_heads(architecture: Architecture) -> Iterator[Term]:
    for tensor in architecture.tensors:
        if tensor.tied_to and component_of(tensor.name) is Component.LM_HEAD and len(tensor.shape) == 2:
            yield Term("tied output head, stored", _product(tensor.shape), math.prod(tensor.shape))


def _mtp(architecture: Architecture) -> Iterator[Term]:
    """The module alone, and with the copies of embedding and head that some checkpoints store in it."""
    n = count_params(architecture.mtp)
    if not n:
        return
    formula = f"its {sum(tensor.count for tensor in architecture.mtp):,} tensors"
    yield Term("multi-token-prediction module", formula, n, "mtp", mtp=True)
    for tensor in architecture.tensors:
        if component_of(tensor.name) is Component.EMBEDDING and len(tensor.shape) == 2:
            copies = 2 * math.prod(tensor.shape)
            what = "multi-token-prediction module with copies of embedding and head"
            yield Term(what, f"{n:,} + 2 x {_product(tensor.shape)}", n + copies, "mtp", mtp=True)
            return


def _rotary(architecture: Architecture) -> Iterator[Term]:
    """Early Llama checkpoints store inv_freq, head_dim / 2 values a layer."""
    widths = architecture.facts.get("head_dim", ()) if architecture.model_type in STORE_INV_FREQ else ()
    if widths and all(type(width) is int for width in widths):
        stored = sum(width // 2 for width in widths)
        yield Term("stored rotary inv_freq, a buffer", f"{len(widths)} x {widths[0] // 2}", stored)


def _masks(architecture: Architecture, config: Mapping[str, Any]) -> Iterator[Term]:
    """GPT-2 checkpoints store each layer's causal mask."""
    if architecture.model_type not in STORE_MASKS:
        return
    layers, context = config.get("n_layer"), config.get("n_ctx") or config.get("n_positions")
    if type(layers) is int and type(context) is int:
        yield Term("stored causal masks, buffers", _product((layers, context, context)), layers * context**2)


def _corrects_router(architecture: Architecture, config: Mapping[str, Any]) -> bool:
    """Whether the router has that bias: the config says so, or the type always has it."""
    said = config.get("topk_method") == "noaux_tc" or config.get("scoring_func") == "sigmoid"
    return said or config.get("use_routing_bias") is True or architecture.model_type in CORRECTED_ROUTERS


def _router_bias(architecture: Architecture, config: Mapping[str, Any]) -> Iterator[Term]:
    """Sigmoid routers have a correction bias per expert: a stored tensor on the hub, a buffer in memory."""
    if not _corrects_router(architecture, config):
        return
    experts = architecture.facts.get("experts", ())
    moe = [n for i, n in enumerate(experts) if type(n) is int and _is_moe(architecture, i)]
    if not moe:
        return
    what, group = "router correction bias, a buffer", "router bias"
    yield Term(what, f"{len(moe):,} x {moe[0]:,}", sum(moe), group, mtp=False)
    if architecture.mtp:
        formula = f"({len(moe):,} + 1) x {moe[0]:,}"
        yield Term(f"{what}, MTP layer included", formula, sum(moe) + moe[0], group, mtp=True)


def _is_moe(architecture: Architecture, layer: int) -> bool:
    return any(
        component_of(tensor.name) is Component.EXPERTS and layer in (tensor.layers or ())
        for tensor in architecture.tensors
    )


def _scales(architecture: Architecture, config: Mapping[str, Any]) -> Iterator[Term]:
    """Scales that quantized checkpoints store beside the weights."""
    quantization = config.get("quantization_config")
    if not isinstance(quantization, dict):
        return
    block = quantization.get("weight_block_size")
    if isinstance(block, list) and len(block) == 2 and all(type(n) is int and n > 0 for n in block):
        rows, columns = block
        main, mtp = (
            sum(_blocks(tensor, rows, columns) for tensor in tensors)
            for tensors in (architecture.tensors, architecture.mtp)
        )
        formula = f"one per {rows} x {columns} block"
        yield Term("FP8 scales", formula, main, "scales", mtp=False)
        if mtp:
            yield Term("FP8 scales, MTP layer included", formula, main + mtp, "scales", mtp=True)
    if quantization.get("quant_method") == "mxfp4":
        experts = by_component(architecture.tensors).get(Component.EXPERTS, 0)
        packed = sum(
            t.n_params
            for t in architecture.tensors
            if component_of(t.name) is Component.EXPERTS and len(t.shape) == 3
        )
        if experts and packed % 32 == 0:
            yield Term("MXFP4 scales, one per 32 expert weights", f"{packed:,} / 32", packed // 32)


PLAIN = frozenset({
    Component.EMBEDDING, Component.LM_HEAD, Component.NORM, Component.ROUTER, Component.POSITION,
    *TOWERS,
})  # fmt: skip
"""What a block-quantized checkpoint leaves as it is."""


def _blocks(tensor: Tensor, rows: int, columns: int) -> int:
    if component_of(tensor.name) in PLAIN or len(tensor.shape) < 2 or "eh_proj" in tensor.name:
        return 0
    *experts, out, into = tensor.shape
    halves = 2 if "gate_up_proj" in tensor.name else 1
    one = halves * -(-(out // halves) // rows) * -(-into // columns)
    return tensor.count * math.prod(experts) * one


def _towers(architecture: Architecture) -> Iterator[Term]:
    """A figure may be of the text model alone."""
    found = by_component(architecture.tensors)
    n = sum(found.get(tower, 0) for tower in TOWERS)
    if n:
        yield Term("towers and projectors, not in the published figure", "less their tensors", -n)
