"""Random configs of a model type: every key that a tensor could depend on takes another value.

A config of the type's defaults, made small, with dimensions, switches and layer patterns drawn anew. Not
every one can be built: the caller asks transformers and draws again. `OVERRIDES` holds what a type needs to
be buildable at all; it never holds what a blueprint should find out by itself.
"""

import pkgutil
import random
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from registry.architecture.config_view import class_keys
from registry.architecture.types import find
from tests.make import overrides

Draw = Callable[[random.Random, dict[str, Any]], Any]

HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads")
WIDTHS = ("hidden_size", "d_model", "n_embd", "embedding_size")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers")
FFN = (
    "intermediate_size", "n_inner", "ffn_dim", "decoder_ffn_dim", "moe_intermediate_size", "ffn_hidden_size",
    "shared_expert_intermediate_size", "intermediate_size_mlp", "shared_intermediate_size",
)  # fmt: skip
EXPERTS = ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts")
TOP_K = ("num_experts_per_tok", "moe_topk", "moe_k", "moe_top_k", "top_k_experts", "num_experts_per_token")
KINDS = ("full_attention", "sliding_attention", "linear_attention", "chunked_attention", "conv", "mamba")

OVERRIDES: dict[str, Callable[[random.Random, dict[str, Any]], None]] = {}
"""Model type -> changes a drawn config in place so that transformers can build it."""
for module in pkgutil.iter_modules(overrides.__path__):
    OVERRIDES |= import_module(f"{overrides.__name__}.{module.name}").OVERRIDES


def variation(model_type: str, rng: random.Random) -> dict[str, Any]:
    """One random config."""
    known = class_keys()[model_type]
    config: dict[str, Any] = {"model_type": model_type}
    blueprint = find(model_type)
    config |= drawn({**known["keys"], **(blueprint.keys if blueprint else {})}, rng)
    for key, part in known.get("parts", {}).items():
        if part in class_keys():
            config[key] = (
                {**variation(part, rng)} if "." not in part else drawn(class_keys()[part]["keys"], rng)
            )
    if model_type in OVERRIDES:
        OVERRIDES[model_type](rng, config)
    return config


def drawn(keys: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """A value for each key that says a size, a count or a switch; the others keep their default."""
    heads = rng.choice([2, 4, 8])
    head_dim = rng.choice([8, 16, 32])
    layers = rng.randint(2, 7)
    experts = rng.choice([2, 4, 8])
    special: dict[str, Any] = {}
    special |= dict.fromkeys(HEADS, heads)
    special |= dict.fromkeys(KV_HEADS, rng.choice([h for h in (1, 2, 4, 8) if heads % h == 0]))
    special |= dict.fromkeys(WIDTHS, heads * head_dim * rng.choice([1, 2]))
    special |= dict.fromkeys(LAYERS, layers)
    special |= dict.fromkeys(EXPERTS, experts)
    special |= dict.fromkeys(TOP_K, rng.randint(1, experts))
    special |= {
        "vocab_size": rng.randint(50, 500),
        "head_dim": head_dim,
        "max_position_embeddings": rng.randint(32, 99),
    }
    config: dict[str, Any] = {}
    for key, (kinds, default) in keys.items():
        value = special.get(key, _drawn(key, kinds, default, layers, rng))
        if key in FFN:
            value = 8 * rng.randint(2, 20)
        if "n" in kinds and default is None and key != "head_dim" and rng.random() < 0.5:
            continue
        if value is not None:
            config[key] = value
    return config


def _drawn(key: str, kinds: str, default: Any, layers: int, rng: random.Random) -> Any:
    """Another value of the same kind; None keeps the default."""
    if key == "tie_word_embeddings":
        return rng.random() < 0.5
    if isinstance(default, bool):
        return (not default) if rng.random() < 0.25 else None
    if isinstance(default, int) and "i" in kinds:
        if default >= 16:
            return 8 * rng.randint(1, max(2, min(default, 256) // 8))
        return rng.randint(1, max(2, default)) if rng.random() < 0.5 and default else None
    return None
