"""MoE decoders: per-layer lists, absent keys, and what a nested config needs to be buildable."""

import random
from collections.abc import Callable
from typing import Any

Draw = Callable[[random.Random, dict[str, Any]], None]


def per_layer(key: str, *kinds: str, share: float = 0.5) -> Draw:
    """A list with one of these kinds per layer, in some of the configs."""

    def change(rng: random.Random, config: dict[str, Any]) -> None:
        config.pop(key, None)
        if rng.random() < share:
            config[key] = [rng.choice(kinds) for _ in range(config["num_hidden_layers"])]

    return change


def some_layers(key: str, first: int = 0) -> Draw:
    """A list of layer numbers, null, or nothing."""

    def change(rng: random.Random, config: dict[str, Any]) -> None:
        config.pop(key, None)
        if rng.random() < 0.6:
            n = config["num_hidden_layers"]
            config[key] = rng.choice([None, [], rng.sample(range(first, n + first), rng.randint(1, n))])

    return change


def sometimes_absent(*keys: str) -> Draw:
    def change(rng: random.Random, config: dict[str, Any]) -> None:
        for key in keys:
            if rng.random() < 0.5:
                config.pop(key, None)

    return change


def all_of(*changes: Draw) -> Draw:
    def change(rng: random.Random, config: dict[str, Any]) -> None:
        for one in changes:
            one(rng, config)

    return change


def llama4_text(rng: random.Random, config: dict[str, Any]) -> None:
    config["interleave_moe_layer_step"] = rng.randint(1, 3)
    if rng.random() < 0.4:
        config["no_rope_layers"] = [rng.randint(0, 1) for _ in range(config["num_hidden_layers"])]


def dbrx(rng: random.Random, config: dict[str, Any]) -> None:
    heads = config["n_heads"] = rng.choice([2, 4, 8])
    config["d_model"] = heads * rng.choice([8, 16])
    config["n_layers"] = rng.randint(2, 6)
    config["tie_word_embeddings"] = rng.random() < 0.1
    config["attn_config"] = {"rope_theta": 10000.0, "kv_n_heads": rng.choice([1, 2, heads])}
    config["ffn_config"] = {"ffn_hidden_size": 8 * rng.randint(2, 9), "moe_num_experts": rng.randint(1, 8)}
    sometimes_absent("ffn_hidden_size", "moe_num_experts")(rng, config["ffn_config"])


def granite_shared(rng: random.Random, config: dict[str, Any]) -> None:
    config["shared_intermediate_size"] = rng.choice([0, 24])
    if rng.random() < 0.3:
        del config["shared_intermediate_size"]


def cohere2_moe(rng: random.Random, config: dict[str, Any]) -> None:
    config["first_k_dense_replace"] = rng.randint(0, 2)
    config["num_shared_experts"] = rng.randint(0, 2)
    if rng.random() < 0.5:
        config["prefix_dense_intermediate_size"] = rng.choice([None, 40, 48])


def hunyuan(rng: random.Random, config: dict[str, Any]) -> None:
    config["moe_topk"] = rng.choice([1, [1] * config["num_hidden_layers"]])
    config.pop("num_experts_per_tok", None)


def zaya(rng: random.Random, config: dict[str, Any]) -> None:
    config["num_experts_per_tok"] = 1
    config["cca_time0"], config["cca_time1"] = rng.randint(1, 4), rng.randint(1, 4)
    config["sliding_window"] = 64
    config["lm_head_bias"] = rng.random() < 0.5


def doge(rng: random.Random, config: dict[str, Any]) -> None:
    config["is_moe"] = rng.random() < 0.7
    config["num_experts"] = rng.randint(1, 90)


def blt(rng: random.Random, config: dict[str, Any]) -> None:
    for key, layers in (
        ("encoder_config", 2),
        ("decoder_config", 3),
        ("global_config", 2),
        ("patcher_config", 2),
    ):
        part = config[key]
        part["num_hidden_layers"] = rng.randint(1, layers)
        sometimes_absent("num_key_value_heads")(rng, part)
        if rng.random() < 0.3:
            part["intermediate_size"] = 0
        if "cross_attn_all_layers" not in part and key in ("encoder_config", "decoder_config"):
            part["cross_attn_all_layers"] = rng.random() < 0.5
    config["encoder_hash_byte_group_vocab"] = 100
    if rng.random() < 0.5:
        config["encoder_hash_byte_group_size"] = rng.choice([[], [3], [3, 4]])
    if rng.random() < 0.3:
        config["global_config"]["hidden_size"] = config["encoder_config"]["hidden_size"] * config.get(
            "cross_attn_k", 2
        )


def moshi(rng: random.Random, config: dict[str, Any]) -> None:
    config.pop("depth_decoder_config", None)
    config["ffn_dim"] = 8 * rng.randint(2, 20)


def flex_olmo(rng: random.Random, config: dict[str, Any]) -> None:
    config["pad_token_id"] = None


def qwen4(rng: random.Random, config: dict[str, Any]) -> None:
    config["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}
    config |= {"indexer_n_heads": rng.randint(1, 4), "indexer_kv_heads": 1, "indexer_head_dim": 16}
    config |= {"indexer_compress_ratio": 4, "indexer_budget": 64, "hc_count": rng.randint(2, 4)}
    config |= {"ngram_size": rng.randint(2, 4), "heads_per_ngram": rng.randint(1, 3)}
    config["ngram_vocab_size_base"] = rng.choice([1, 2, 10, 97, 1000, 65537])
    layers = config["num_hidden_layers"]
    if rng.random() < 0.4:
        config["full_attention_interval"] = rng.randint(1, 3)
    if "layer_types" in config:
        kinds = config["layer_types"]
    else:
        every = config.get("full_attention_interval", 4)
        kinds = ["linear_attention" if i % every else "x" for i in range(1, layers + 1)]
    linear = [i + 1 for i, kind in enumerate(kinds) if kind in ("linear_attention", "mamba")]
    if linear and rng.random() < 0.7:
        config["ple_layer_ids"] = rng.sample(linear, rng.randint(1, len(linear))) + linear[:1]
        heads = (config["ngram_size"] - 1) * config["heads_per_ngram"]
        config["ple_embed_dim"] = heads * rng.randint(2, 9)
        config["eos_token_id"] = rng.choice([3, [3, 4]])


OVERRIDES: dict[str, Draw] = {
    "mixtral": sometimes_absent("head_dim", "num_key_value_heads"),
    "qwen2_moe": all_of(
        sometimes_absent("head_dim"),
        some_layers("mlp_only_layers"),
        per_layer("layer_types", "full_attention", "sliding_attention"),
    ),
    "qwen3_moe": all_of(sometimes_absent("head_dim"), some_layers("mlp_only_layers")),
    "llama4_text": all_of(
        llama4_text,
        some_layers("moe_layers"),
        per_layer("layer_types", "full_attention", "chunked_attention"),
    ),
    "gpt_oss": per_layer("layer_types", "full_attention", "sliding_attention"),
    "phimoe": sometimes_absent("head_dim"),
    "olmoe": sometimes_absent("head_dim"),
    "flex_olmo": all_of(sometimes_absent("head_dim"), flex_olmo),
    "granitemoe": sometimes_absent("head_dim"),
    "granitemoeshared": all_of(sometimes_absent("head_dim"), granite_shared),
    "granitemoe_swa": all_of(
        sometimes_absent("head_dim"),
        granite_shared,
        per_layer("layer_types", "full_attention", "sliding_attention"),
    ),
    "hunyuan_v1_moe": hunyuan,
    "cohere2_moe": all_of(
        cohere2_moe,
        per_layer("layer_types", "full_attention", "sliding_attention"),
        per_layer("mlp_layer_types", "dense", "sparse"),
    ),
    "aria_text": sometimes_absent("head_dim"),
    "dbrx": dbrx,
    "doge": all_of(sometimes_absent("head_dim"), doge),
    "zaya": all_of(zaya, per_layer("layer_types", "hybrid", "hybrid_sliding")),
    "blt": blt,
    "moshi": all_of(sometimes_absent("head_dim", "num_key_value_heads"), moshi),
    "qwen4_exp_text": all_of(
        per_layer("layer_types", "linear_attention", "indexed_attention", "full_attention", "mamba"), qwen4
    ),
}
