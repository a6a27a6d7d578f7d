"""The numbers of a gap report, worked from one layer's tensors and the config's keys. Pure.

FLOPs: a multiply-add is 2. Bytes: bfloat16 for weights and caches, float32 for recurrent states.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.architecture.components import Component, component_of
from registry.architecture.config_view import known_keys
from registry.architecture.layers import INDEXER, LayerType
from registry.architecture.tensors import Tensor
from registry.layer_classes import is_matrix, times

BYTES = 2
"""Bytes of one value in the worked numbers: bfloat16."""
STATE_BYTES = 4
"""Recurrent states are kept in float32."""
TENSOR_PARALLEL = 8
COPIED = re.compile(r"\b(q_a_proj|kv_a_proj\w*|q_down_proj|kv_down_proj|wq_a|wkv_a|indexer|compressor)\b")
"""Matrices without heads: down-projections to a latent, and what chooses positions. Each device has all."""
KEY_VALUE = re.compile(r"\b(k|v|kv)_proj\b")
"""Projections to keys and values; a single key head cannot be split."""
ADAPTER = re.compile(r"adapter_list\.([1-9]\d*)\.")
"""All but the first of the adapters of a shared block: each use of the block runs one of them."""
CONTEXT = 4096
"""Tokens of the worked caches."""

LOOKUPS = frozenset({Component.EMBEDDING, Component.PER_LAYER_EMBEDDING, Component.POSITION})
TABLES = re.compile(
    r"position|pos_emb|class_embed|cls_token|tile|A_log|rel_pos|latents?$|time_(decay|first|mix)"
)
"""Tensors with two dimensions that are added or looked up, not multiplied with what passes through."""
IMAGE_SIDE = re.compile(r"\b[kv]_proj\b")
"""Projections of cross attention that run over image positions."""

QK_NORM = re.compile(r"\b(q|k|query|key)_(layer)?norm\b")
SHAPED = ("MHA", "GQA", "MQA", "attention", "MoE", "hybrid")
"""Kinds whose sizes alone do not give their matrices."""

TEXT_PARTS = ("text_config", "language_config", "llm_config", "thinker_config")

INDEX = {name: (name,) for name in ("index_n_heads", "index_head_dim", "index_topk")}
"""Sizes of an indexer; every config spells them the same."""

LATENT = {
    name: (name,)
    for name in ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
}
"""Sizes of latent attention, spelled the same as well."""

KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "MLA": LATENT,
    "MLA + indexer": {**LATENT, **INDEX},
    "MoE": {"num_zero_experts": ("zero_expert_num",)},
    "mamba": {
        "state_size": ("mamba_d_state", "ssm_state_size", "state_size"),
        "num_heads": ("mamba_num_heads", "mamba_n_heads", "n_mamba_heads"),
        "head_dim": ("mamba_head_dim", "mamba_d_head", "mamba_headdim"),
        "n_groups": ("n_groups", "mamba_n_groups", "mamba_ngroups"),
        "dt_rank": ("mamba_dt_rank", "time_step_rank"),
        "chunk_size": ("chunk_size", "mamba_chunk_size"),
    },
    "linear": {
        "num_key_heads": ("linear_num_key_heads",),
        "num_value_heads": ("linear_num_value_heads",),
        "key_head_dim": ("linear_key_head_dim",),
        "value_head_dim": ("linear_value_head_dim",),
        "num_heads": ("linear_num_heads",),
        "head_dim": ("linear_head_dim",),
    },
    "vision tower": {
        "hidden_size": ("hidden_size", "embed_dim", "width"),
        "num_layers": ("num_hidden_layers", "depth", "num_layers"),
        "num_global_layers": ("num_global_layers",),
        "num_heads": ("num_attention_heads", "attention_heads", "num_heads"),
        "intermediate_size": ("intermediate_size",),
        "image_size": ("image_size",),
        "patch_size": ("patch_size",),
        "temporal_patch_size": ("temporal_patch_size",),
        "max_num_tiles": ("max_num_tiles",),
    },
    "audio tower": {
        "hidden_size": ("hidden_size", "d_model"),
        "num_layers": ("num_hidden_layers", "encoder_layers", "num_layers", "num_blocks"),
        "num_heads": ("num_attention_heads", "encoder_attention_heads", "num_heads"),
        "intermediate_size": ("intermediate_size", "encoder_ffn_dim"),
    },
}
"""Kind of layer -> constructor parameter -> the keys that spell it, first one present wins."""

FACTS = {
    "heads": "num_heads", "kv_heads": "num_kv_heads", "v_dim": "v_head_dim", "window": "sliding_window",
    "chunk": "attention_chunk_size", "experts": "num_experts", "shared_size": "shared_intermediate_size",
    "matrices": "num_projections", "dense_size": "latent_size",
}  # fmt: skip
"""What the tensor table calls a number -> what the estimator's constructors call it."""

NOMINAL = {"MLA": ("kv_heads", "head_dim"), "MLA + indexer": ("kv_heads", "head_dim")}
"""Facts that are no parameters of a kind: latent attention has no key heads of its own."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One constructor parameter that a class for the layer needs, with its value in this model."""

    name: str
    value: int | str | bool
    origin: str


def numbers(one: LayerType, config: Mapping[str, Any]) -> dict[str, int]:
    """The worked numbers of one layer: parameters, bytes, FLOPs of its matrices, cache and state sizes."""
    matrices = sum(times(one, tensor) * tensor.size for tensor in one.tensors if _is_multiplied(tensor))
    image = sum(times(one, t) * t.size for t in one.tensors if IMAGE_SIDE.search(t.name))
    found = {
        "parameters": one.per_layer,
        "count": one.count,
        "matrix_parameters": matrices,
        "weight_bytes": one.per_layer * BYTES,
        "weight_bytes_tp": _split_bytes(one),
        "matrix_flops": 2 * matrices,
    }
    if one.name.startswith("attention_cross"):
        found |= {"matrix_parameters": matrices - image, "matrix_flops": 2 * (matrices - image)}
        found |= {"image_parameters": image, "image_flops": 2 * image}
    return found | _active(one, found) | _mixing(one, config)


def _is_multiplied(tensor: Tensor) -> bool:
    """Tied or not: a matrix that is used again is multiplied again."""
    if component_of(tensor.name) in LOOKUPS or TABLES.search(tensor.name) or ADAPTER.search(tensor.name):
        return False
    return is_matrix(tensor)


def is_copied(one: LayerType, tensor: Tensor) -> bool:
    """Whether tensor parallel attention keeps the whole matrix on every device."""
    if not one.kind.startswith(("MLA", "MHA", "GQA", "MQA", "attention")):
        return False
    alone = one.facts.get("kv_heads") == 1 and KEY_VALUE.search(tensor.name)
    return is_matrix(tensor) and bool(COPIED.search(tensor.name) or alone)


def _split_bytes(one: LayerType) -> int:
    """Weights per device, matrices split over 8; vectors and matrices without heads are copied."""
    size = 0
    for tensor in one.tensors:
        per_layer = times(one, tensor) * tensor.size * (0 if tensor.tied_to else 1)
        whole = is_copied(one, tensor) or not is_matrix(tensor)
        size += per_layer if whole else -(-per_layer // TENSOR_PARALLEL)
    return size * BYTES


def _active(one: LayerType, found: Mapping[str, int]) -> dict[str, int]:
    """Of the experts only top_k run: their matrices are multiplied, the others are memory alone."""
    experts, top_k = one.facts.get("experts"), one.facts.get("top_k")
    if one.kind != "MoE" or not experts or not top_k:
        return {}
    active = found["matrix_parameters"]
    for tensor in one.tensors:
        if component_of(tensor.name) is Component.EXPERTS and _is_multiplied(tensor):
            # A fused tensor may have slices for experts that compute nothing: its own length counts.
            slices = tensor.shape[0] if len(tensor.shape) == 3 else experts
            routed = times(one, tensor) * tensor.size
            active -= routed - routed * top_k // slices
    return {"matrix_parameters": active, "matrix_flops": 2 * active}


def _mixing(one: LayerType, config: Mapping[str, Any]) -> dict[str, int]:
    """What mixing positions costs and keeps: values cached per position, or a state, and FLOPs."""
    if one.kind == "MLA":
        return _latent(one)
    if one.kind == "MLA + indexer":
        return _indexed(one, _latent(one), config)
    if one.kind == "hybrid":
        return _heads(one) | _recurrent(one, config)
    if one.kind in ("mamba", "mamba2", "ssm", "linear", "conv"):
        return _recurrent(one, config)
    if one.kind in ("MHA", "GQA", "MQA"):
        return _compressed(one, _heads(one), config)
    return _patches(one, config) if one.kind == "vision tower" else {}


def _heads(one: LayerType) -> dict[str, int]:
    """Attention over cached keys and values; none are cached where an earlier layer's are attended to."""
    heads, kv_heads, head_dim = (one.facts.get(name) for name in ("heads", "kv_heads", "head_dim"))
    if not heads or not kv_heads or not head_dim:
        return {}
    v_dim, shapes = one.facts.get("v_dim") or head_dim, _shapes(one)
    found = {"flops_per_position": 2 * heads * (head_dim + v_dim)}
    if {"k_proj", "v_proj", "qkv_proj", "kv_proj"}.isdisjoint(shapes):
        return found
    # One projection of kv_heads x head_dim rows: the keys are the values, kept once.
    once = shapes.get("kv_proj", (0,))[0] == kv_heads * head_dim
    return found | {"cache_per_position": kv_heads * (head_dim if once else head_dim + v_dim)}


def _indexed(one: LayerType, found: dict[str, int], config: Mapping[str, Any]) -> dict[str, int]:
    """An indexer scores every position, attention runs over the index_topk best (DeepSeek-V3.2-Exp, 2.1)."""
    known = {parameter.name: parameter.value for parameter in constructor(one, None, config)}
    heads, width, top_k = (known.get(name) for name in ("index_n_heads", "index_head_dim", "index_topk"))
    if type(heads) is not int or type(width) is not int or type(top_k) is not int:
        return found
    more = {name: found[name] + width for name in ("cache_per_position", "cache_expanded") if name in found}
    return found | more | {"index_flops": 2 * heads * width, "index_topk": top_k, "index_cache": width}


def _compressed(one: LayerType, found: dict[str, int], config: Mapping[str, Any]) -> dict[str, int]:
    """A compressor keeps one entry per `compress_ratio` positions, and its indexer one key beside it."""
    ratio = compress_ratio(one)
    if not ratio:
        return found
    more = {"compress_ratio": ratio, **_indexed(one, {}, config)}
    if not any(INDEXER.search(tensor.name) for tensor in one.tensors):
        return found | {"compress_ratio": ratio}
    return found | more


def compress_ratio(one: LayerType) -> int | None:
    """Positions per compressed entry: the rows of the compressor's bias by position, None without one."""
    return next((t.shape[0] for t in one.tensors if t.name.endswith("compressor.position_bias")), None)


def attended_flops(facts: Mapping[str, int], n: int) -> int:
    """FLOPs of scores and values of one query over n positions, with those of the indexer."""
    entries = n // facts.get("compress_ratio", 1)
    chosen = min(entries, facts.get("index_topk", entries))
    return facts["flops_per_position"] * chosen + facts.get("index_flops", 0) * entries


def _latent(one: LayerType) -> dict[str, int]:
    """Latent attention caches the latent and the rotary key; scores run over heads, or over the latent."""
    shapes = _shapes(one)
    heads, head_dim = one.facts.get("heads"), one.facts.get("head_dim")
    latent, rank = shapes.get("kv_a_proj_with_mqa"), one.facts.get("kv_lora_rank")
    found = {"cache_per_position": latent[0]} if latent else {}
    if heads and head_dim:
        expanded = heads * (head_dim + (one.facts.get("v_dim") or head_dim))
        found |= {"cache_expanded": expanded, "flops_per_position": 2 * expanded}
        if latent and rank:
            found["flops_per_position_absorbed"] = 2 * heads * (latent[0] + rank)
    return found


def _recurrent(one: LayerType, config: Mapping[str, Any]) -> dict[str, int]:
    """The state of a recurrence, and the inputs its convolution keeps."""
    known = {parameter.name: parameter.value for parameter in constructor(one, None, config)}
    found = {}
    if "conv_kernel" in known and "conv_channels" in known:
        found["conv_state"] = int(known["conv_channels"]) * (int(known["conv_kernel"]) - 1)
    wanted = (
        ("num_value_heads", "key_head_dim", "value_head_dim")
        if one.kind == "linear"
        else ("inner_size", "state_size")
    )
    sizes = [known.get(name) for name in wanted]
    if one.kind != "conv" and all(type(size) is int for size in sizes):
        found["state"] = math.prod(int(size) for size in sizes if size)
        found["state_flops"] = (8 if one.kind == "linear" else 6) * found["state"]
    return found


def _patches(one: LayerType, config: Mapping[str, Any]) -> dict[str, int]:
    known = {parameter.name: parameter.value for parameter in constructor(one, None, config)}
    image, patch = known.get("image_size"), known.get("patch_size")
    if type(image) is int and type(patch) is int and image >= patch:
        return {"patches": (image // patch) ** 2}
    return {}


def constructor(one: LayerType, width: int | None, config: Mapping[str, Any]) -> list[Parameter]:
    """What a class for the layer has to be told, with this model's values and where each is from."""
    found: dict[str, Parameter] = {}
    if width and one.layers is not None:
        found["hidden_size"] = Parameter("hidden_size", width, "width of the layers")
    parameters = (*_from_facts(one), *_from_shapes(one), *_from_keys(one, config), *_from_matrices(one))
    for parameter in parameters:
        found.setdefault(parameter.name, parameter)
    return list(found.values())


def _from_facts(one: LayerType) -> Iterator[Parameter]:
    for name, value in one.facts.items():
        told = name not in ("towers", "bias_params", *NOMINAL.get(one.kind, ()))
        if told and type(value) in (int, str, bool):
            yield Parameter(FACTS.get(name, name), value, "layer facts")
    if ratio := compress_ratio(one):
        yield Parameter("compress_ratio", ratio, "shape of position_bias")
    if one.kind.startswith("MLA") and type(one.facts.get("head_dim")) is int:
        yield Parameter("qk_head_dim", one.facts["head_dim"], "layer facts")


def _shapes(one: LayerType) -> dict[str, tuple[int, ...]]:
    """Module name -> shape of its weight; the first of several."""
    found: dict[str, tuple[int, ...]] = {}
    for tensor in one.tensors:
        if not tensor.name.endswith(".bias"):
            found.setdefault(tensor.name.removesuffix(".weight").rpartition(".")[2], tensor.shape)
    return found


def _from_shapes(one: LayerType) -> Iterator[Parameter]:
    """Sizes that only the tensors say: convolutions, inner widths, the ends of a projector."""
    if one.kind in ("mamba", "mamba2", "ssm", "linear", "conv", "recurrent", "hybrid"):
        yield from _convolution(one)
    if one.kind in ("projector", "output head"):
        matrices = [tensor for tensor in one.tensors if len(tensor.shape) == 2]
        if matrices:
            yield Parameter("input_dim", matrices[0].shape[1], f"shape of {_last(matrices[0])}")
            yield Parameter("output_dim", matrices[-1].shape[0], f"shape of {_last(matrices[-1])}")
            yield Parameter("num_projections", sum(t.count for t in matrices), "tensor table")
        yield _bias(one.tensors)


def _from_matrices(one: LayerType) -> Iterator[Parameter]:
    """Every matrix where no rule of sizes is known, and whether projections have biases."""
    if one.kind in SHAPED and not one.name.startswith("attention_cross"):
        for tensor in filter(is_matrix, one.tensors):
            shape = " x ".join(f"{n:,}" for n in tensor.shape)
            yield Parameter(f"{_last(tensor)}_shape", shape, "tensor table")
    if one.layers is not None:
        projections = [t for t in one.tensors if component_of(t.name) is not Component.NORM]
        yield _bias(projections)
    if one.kind in ("MHA", "GQA", "MQA", "attention", "hybrid"):
        yield Parameter("qk_norm", any(QK_NORM.search(t.name) for t in one.tensors), "tensor table")


def _bias(tensors: Iterable[Tensor]) -> Parameter:
    """Which modules have a bias, or false: that of a convolution says nothing of the projections."""
    named = dict.fromkeys(_last(tensor) for tensor in tensors if tensor.name.endswith("bias"))
    return Parameter("has_bias", ", ".join(named) or False, "tensor table")


def _convolution(one: LayerType) -> Iterator[Parameter]:
    shapes = _shapes(one)
    out = next((shapes[name] for name in ("out_proj", "o_proj", "linear_out") if name in shapes), None)
    if out and len(out) == 2:
        yield Parameter("inner_size", out[1], "shape of the output projection")
    for tensor in one.tensors:
        if len(tensor.shape) == 3 and tensor.shape[1] == 1:
            yield Parameter("conv_channels", tensor.shape[0], f"shape of {_last(tensor)}")
            yield Parameter("conv_kernel", tensor.shape[2], f"shape of {_last(tensor)}")
            return


def _last(tensor: Tensor) -> str:
    """The module of a tensor."""
    return tensor.name.removesuffix(".weight").removesuffix(".bias").rpartition(".")[2]


def _from_keys(one: LayerType, config: Mapping[str, Any]) -> Iterator[Parameter]:
    """Keys of the config, or of its class where they are absent; only whole numbers are sizes."""
    kind = "mamba" if one.kind in ("mamba2", "ssm", "hybrid") else one.kind
    tower = {"vision tower": ("vision", "visual"), "audio tower": ("audio",)}.get(kind)
    part, place = _part(config, tower)
    defaults = known_keys(str(part.get("model_type"))).get("keys", {})
    wanted = dict(KEYS.get(kind, {}))
    if compress_ratio(one):
        wanted["sliding_window"] = ("sliding_window",)
        wanted |= INDEX if any(INDEXER.search(tensor.name) for tensor in one.tensors) else {}
    for name, spellings in wanted.items():
        for key in spellings:
            value = part[key] if key in part else defaults.get(key, (None, None))[1]
            if type(value) is int and value > 0:
                origin = f"{place}{key}" if key in part else f"{place}{key}, default of the class"
                yield Parameter(name, value, origin)
                break


def _part(config: Mapping[str, Any], tower: tuple[str, ...] | None) -> tuple[Mapping[str, Any], str]:
    """The part of a config that describes the text, or a tower, and its path."""
    for key, value in config.items():
        wanted = any(word in key for word in tower) if tower else key in TEXT_PARTS
        if wanted and isinstance(value, dict):
            return value, f"{key}."
    return ({}, "") if tower else (config, "")
