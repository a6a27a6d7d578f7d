"""Dense decoders: layer kinds, absent heads, token ids inside small vocabularies."""

import random
from collections.abc import Callable
from typing import Any


def pad(rng: random.Random, config: dict[str, Any]) -> None:
    """A padding token that the drawn vocabulary has, and sometimes a head_dim the class does not declare."""
    config["pad_token_id"] = rng.choice([None, 1])
    if rng.random() < 0.3:
        config["head_dim"] = rng.choice([8, 12, 16])


def slides(rng: random.Random, config: dict[str, Any]) -> None:
    """Layer kinds as a list, or absent."""
    pad(rng, config)
    config.pop("layer_types", None)
    if rng.random() < 0.6:
        both = ["full_attention", "sliding_attention"]
        config["layer_types"] = rng.choices(both, k=config.get("num_hidden_layers", 2))


def no_rope(rng: random.Random, config: dict[str, Any]) -> None:
    """Layers without rotary positions as a list, one longer than needed, or every few."""
    slides(rng, config)
    config["no_rope_layer_interval"] = rng.randint(1, 4)
    if rng.random() < 0.5:
        config["no_rope_layers"] = rng.choices([0, 1], k=config.get("num_hidden_layers", 2) + 1)


def exaone4(rng: random.Random, config: dict[str, Any]) -> None:
    """A pattern as letters beside a list of kinds; no window at all."""
    slides(rng, config)
    if "layer_types" in config and rng.random() < 0.5:
        config |= rng.choice([{"sliding_window_pattern": "LLLG"}, {"sliding_window": None}])


def own_head_dim(rng: random.Random, config: dict[str, Any]) -> None:
    """A class that needs head_dim in the config."""
    slides(rng, config)
    config["head_dim"] = rng.choice([8, 12, 16])
    if config["model_type"] == "hunyuan_v1_dense":
        config.pop("layer_types", None)


def cohere2(rng: random.Random, config: dict[str, Any]) -> None:
    slides(rng, config)
    config["sliding_window_pattern"] = rng.randint(1, 5)


def null_head_dim(rng: random.Random, config: dict[str, Any]) -> None:
    """A head_dim or key and value heads that are null: the class computes them."""
    pad(rng, config)
    if rng.random() < 0.3:
        config["head_dim"] = None
    if rng.random() < 0.3 and config["model_type"] not in ("nemotron", "starcoder2"):
        config["num_key_value_heads"] = None


def same_bias(rng: random.Random, config: dict[str, Any]) -> None:
    """InternLM3 wants one setting for every bias, under its own names or those of Llama."""
    null_head_dim(rng, config)
    biased = rng.random() < 0.5
    config["attention_bias"] = config["mlp_bias"] = biased
    if rng.random() < 0.5:
        del config["attention_bias"], config["mlp_bias"]
        config["qkv_bias"] = config["bias"] = biased


OVERRIDES: dict[str, Callable[[random.Random, dict[str, Any]], None]] = {
    **dict.fromkeys(
        (
            "gemma",
            "phi3",
            "phi",
            "cohere",
            "olmo2",
            "olmo",
            "stablelm",
            "granite",
            "ministral3",
            "glm",
            "glm4",
        ),
        pad,
    ),
    **dict.fromkeys(("gemma2", "olmo3"), slides),
    **dict.fromkeys(("starcoder2", "seed_oss", "iquestcoder", "nemotron", "ernie4_5"), null_head_dim),
    **dict.fromkeys(("hunyuan_v1_dense", "ministral"), own_head_dim),
    "cohere2": cohere2,
    "smollm3": no_rope,
    "exaone4": exaone4,
    "internlm3": same_bias,
}
