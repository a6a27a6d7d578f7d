"""State-space, linear-attention and hybrid models: layer patterns, and sizes that must fit each other."""

import random
from collections.abc import Callable
from typing import Any

Config = dict[str, Any]


def _kinds(rng: random.Random, config: Config, key: str, kinds: list[str], absent: float = 0.4) -> None:
    """A random list of layer kinds under `key`, or none."""
    config.pop(key, None)
    if rng.random() >= absent:
        config[key] = [rng.choice(kinds) for _ in range(config["num_hidden_layers"])]


def _maybe(rng: random.Random, config: Config, key: str, *values: Any) -> None:
    config.pop(key, None)
    if rng.random() < 0.5:
        config[key] = rng.choice(values)


def _mamba(rng: random.Random, config: Config) -> None:
    _maybe(rng, config, "time_step_rank", "auto", 3, 7, "5")
    _maybe(rng, config, "expand", 1, 2, 3)


def _mamba2(rng: random.Random, config: Config) -> None:
    config["expand"] = rng.choice([1, 2, 3])
    config["head_dim"] = rng.choice([d for d in (4, 8, 16) if config["hidden_size"] % d == 0])
    config["num_heads"] = config["expand"] * config["hidden_size"] // config["head_dim"]


def _heads_of(rng: random.Random, config: Config, inner: int) -> None:
    heads = rng.choice([n for n in (1, 2, 4, 8, 16) if inner % n == 0])
    config["mamba_n_heads"] = heads
    _maybe(rng, config, "mamba_d_head", "auto", inner // heads)


def _jamba(rng: random.Random, config: Config) -> None:
    for name in ("attn", "expert"):
        config[f"{name}_layer_period"] = period = rng.randint(1, 4)
        config[f"{name}_layer_offset"] = rng.randrange(period)
    _maybe(rng, config, "mamba_dt_rank", "auto", 3, 9)
    _maybe(rng, config, "num_experts", 1, 2, 4)
    _maybe(rng, config, "head_dim", 8, 24)


def _bamba(rng: random.Random, config: Config) -> None:
    config["mamba_expand"] = rng.choice([1, 2, 3])
    _heads_of(rng, config, config["mamba_expand"] * config["hidden_size"])
    _maybe(rng, config, "attn_layer_indices", [], [0], [1, 2], [0, 3])
    _maybe(rng, config, "num_key_value_heads", None, 1)
    _maybe(rng, config, "head_dim", 8, 24)


def _falcon_h1(rng: random.Random, config: Config) -> None:
    _bamba(rng, config)
    config.pop("attn_layer_indices", None)
    config["mamba_d_ssm"] = rng.choice([None, 32, 48, 96])
    _heads_of(rng, config, config["mamba_d_ssm"] or config["mamba_expand"] * config["hidden_size"])
    _maybe(rng, config, "mamba_rms_norm", True, None)


def _granite(rng: random.Random, config: Config) -> None:
    _bamba(rng, config)
    config.pop("attn_layer_indices", None)
    _maybe(rng, config, "num_local_experts", 0, 3)
    _kinds(rng, config, "layer_types", ["mamba", "attention", "linear_attention", "full_attention"])


def _nemotron_h(rng: random.Random, config: Config) -> None:
    config["num_hidden_layers"] = rng.randint(1, 7)
    _kinds(rng, config, rng.choice(["layer_types", "layers_block_type"]), [
        "mamba", "attention", "linear_attention", "full_attention", "moe", "mlp",
    ], absent=0.7)  # fmt: skip
    if rng.random() < 0.6:
        config["hybrid_override_pattern"] = "".join(rng.choice("ME*-") for _ in range(rng.randint(1, 7)))
    else:
        config.pop("hybrid_override_pattern", None)
    _maybe(rng, config, "moe_latent_size", None, 16, 24)
    _maybe(rng, config, "mamba_n_groups", 1, 2)
    _maybe(rng, config, "mamba_d_conv", 3)
    _maybe(rng, config, "mamba_conv_bias", False, True)
    _maybe(rng, config, "moe_shared_expert_intermediate_size", 0, 24)


def _zamba(rng: random.Random, config: Config) -> None:
    config["num_hidden_layers"] = rng.randint(3, 9)
    config["mamba_expand"] = rng.choice([1, 2])
    config["n_mamba_heads"] = rng.choice([1, 2, 4])
    config["attn_layer_period"], config["attn_layer_offset"] = rng.randint(1, 3), rng.randint(0, 3)
    _maybe(rng, config, "mamba_dt_rank", "auto", 3, 9)
    _maybe(rng, config, "attention_head_dim", 8, 12)
    _kinds(rng, config, "layers_block_type", ["mamba", "hybrid", "linear_attention"])


def _zamba2(rng: random.Random, config: Config) -> None:
    config["num_mem_blocks"] = rng.randint(1, 3)
    config["mamba_expand"] = rng.choice([1, 2])
    config["n_mamba_heads"] = rng.choice([1, 2, 4, 8])
    config["num_hidden_layers"] = 54 if rng.random() < 0.2 else rng.randint(1, 12)
    absent = float(config["num_hidden_layers"] == 54)
    _kinds(rng, config, "layers_block_type", ["mamba", "hybrid", "linear_attention"], absent)
    _maybe(rng, config, "use_shared_attention_adapter", True)
    _maybe(rng, config, "intermediate_size", 24, 40)


def _recurrent_gemma(rng: random.Random, config: Config) -> None:
    _maybe(rng, config, "lru_width", None, 8 * config["num_attention_heads"])
    _maybe(rng, config, "num_key_value_heads", None, 1)
    _maybe(rng, config, "block_types", ["attention"], ["recurrent", "attention"], ["recurrent"])


def _xlstm(rng: random.Random, config: Config) -> None:
    _maybe(rng, config, "weight_mode", "single", "fused")
    _maybe(rng, config, "ffn_proj_factor", 1.3, 2.0, 3.1)
    _maybe(rng, config, "qk_dim_factor", 1.0, 0.3)
    _maybe(rng, config, "v_dim_factor", 0.5, 0.7)
    _maybe(rng, config, "use_bias", True)
    config["ffn_round_up_to_multiple_of"] = rng.choice([1, 8, 24])


def _lfm(rng: random.Random, config: Config) -> None:
    _maybe(rng, config, "tie_embedding", True, False)
    _maybe(rng, config, "block_ff_dim", 40, 130)
    _maybe(rng, config, "block_ffn_dim_multiplier", 1, 1.3, 0.7)
    _maybe(rng, config, "block_multiple_of", 1, 8, 24)
    _maybe(rng, config, "full_attn_idxs", [], [1], [0, 2])
    _maybe(rng, config, "head_dim", 8, 24)
    _kinds(rng, config, "layer_types", ["conv", "full_attention", "attention"])


def _lfm2_moe(rng: random.Random, config: Config) -> None:
    _lfm(rng, config)
    config["num_dense_layers"] = rng.randint(0, 3)
    _kinds(rng, config, "layer_types", ["conv", "full_attention"], absent=0.0)


def _lfm3(rng: random.Random, config: Config) -> None:
    config["pad_token_id"] = 0
    _kinds(rng, config, "layer_types", ["conv", "full_attention", "sliding_attention"])


def _olmo_hybrid(rng: random.Random, config: Config) -> None:
    config["pad_token_id"] = 0
    _maybe(rng, config, "head_dim", 8, 24)
    _kinds(rng, config, "layer_types", ["linear_attention", "mamba", "full_attention", "attention"])


def _qwen(rng: random.Random, config: Config) -> None:
    _maybe(rng, config, "full_attention_interval", 1, 2, 3)
    _maybe(rng, config, "attention_bias", True)
    _kinds(rng, config, "layer_types", ["linear_attention", "mamba", "full_attention", "attention"])


def _qwen3_next(rng: random.Random, config: Config) -> None:
    _qwen(rng, config)
    _maybe(rng, config, "num_experts", 0, 3)
    _maybe(rng, config, "mlp_only_layers", None, [0], [1, 2])
    config["decoder_sparse_step"] = rng.choice([1, 1, 2])


def _reformer(rng: random.Random, config: Config) -> None:
    config["is_decoder"] = True
    config["hidden_size"] = config["axial_pos_embds_dim"] = None
    first, second = rng.choice([8, 16]), rng.choice([8, 24])
    config |= {"axial_pos_embds_dim": [first, second], "hidden_size": first + second}
    _maybe(rng, config, "axial_pos_shape", [4, 8], [3, 5])
    _maybe(rng, config, "axial_pos_embds", False)
    _maybe(rng, config, "attn_layers", ["local"], ["lsh", "lsh"], ["lsh", "local", "local"])
    config["local_num_chunks_after"] = config["lsh_num_chunks_after"] = 0
    config["local_attn_chunk_length"] = config["lsh_attn_chunk_length"] = 64


OVERRIDES: dict[str, Callable[[random.Random, Config], None]] = {
    "mamba": _mamba,
    "falcon_mamba": _mamba,
    "mamba2": _mamba2,
    "jamba": _jamba,
    "bamba": _bamba,
    "falcon_h1": _falcon_h1,
    "granitemoehybrid": _granite,
    "nemotron_h": _nemotron_h,
    "zamba": _zamba,
    "zamba2": _zamba2,
    "recurrent_gemma": _recurrent_gemma,
    "xlstm": _xlstm,
    "lfm2": _lfm,
    "lfm2_moe": _lfm2_moe,
    "lfm3": _lfm3,
    "olmo_hybrid": _olmo_hybrid,
    "qwen3_next": _qwen3_next,
    "qwen3_5_text": _qwen,
    "qwen3_5_moe_text": _qwen,
    "reformer": _reformer,
}
