"""Llama, Mistral and Qwen: absent and null heads, a head_dim the class does not declare, kinds of layers."""

import random
from collections.abc import Callable
from typing import Any

Draw = Callable[[random.Random, dict[str, Any]], None]


def heads(rng: random.Random, config: dict[str, Any]) -> None:
    """Heads that the class computes, or a width that they do not divide."""
    config["pad_token_id"] = None
    if rng.random() < 0.3:
        config["head_dim"] = None
    if rng.random() < 0.3:
        config.pop("head_dim", None)
    if rng.random() < 0.3 and config["model_type"] != "mistral":
        config["num_key_value_heads"] = None
    if rng.random() < 0.3:
        config["hidden_size"] += 2


def layers(rng: random.Random, config: dict[str, Any]) -> None:
    """One kind per layer, or none given; a head_dim that may be absent, not null."""
    heads(rng, config)
    if config.get("head_dim", 0) is None:
        config["head_dim"] = rng.choice([8, 12, 16])
    config.pop("layer_types", None)
    if rng.random() < 0.6:
        both = ["full_attention", "sliding_attention", "attention"]
        config["layer_types"] = rng.choices(both, k=config["num_hidden_layers"])


OVERRIDES: dict[str, Draw] = {"llama": heads, "mistral": heads, "qwen2": layers, "qwen3": layers}
