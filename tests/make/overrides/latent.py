"""DeepSeek-like types: what a drawn config needs to be built, and patterns that the draw does not make."""

import random
from collections.abc import Callable
from typing import Any

Config = dict[str, Any]


def sometimes(rng: random.Random, share: float = 0.5) -> bool:
    return rng.random() < share


def layers(config: Config) -> int:
    return int(config["num_hidden_layers"])


def mlp_list(rng: random.Random, config: Config) -> None:
    """mlp_layer_types, or keys of older configs, or none."""
    config.pop("mlp_layer_types", None)
    if sometimes(rng):
        config["mlp_layer_types"] = [rng.choice(["dense", "sparse"]) for _ in range(layers(config))]


def legacy_mlp(rng: random.Random, config: Config) -> None:
    mlp_list(rng, config)
    if sometimes(rng):
        config["first_k_dense_replace"] = rng.randint(0, 3)
    if sometimes(rng):
        config["moe_layer_freq"] = rng.randint(1, 3)


def attention_list(*choices: str) -> Callable[[random.Random, Config], None]:
    def drawn(rng: random.Random, config: Config) -> None:
        config.pop("layer_types", None)
        if sometimes(rng):
            config["layer_types"] = [rng.choice(choices) for _ in range(layers(config))]

    return drawn


def no_low_rank(rng: random.Random, config: Config) -> None:
    """A plain query projection."""
    if sometimes(rng, 0.4):
        config["q_lora_rank"] = None


def first_dense(rng: random.Random, config: Config) -> None:
    config["first_k_dense_replace"] = rng.randint(0, 3)


def renamed_experts(rng: random.Random, config: Config) -> None:
    if sometimes(rng, 0.3):
        config["num_experts"] = rng.choice([3, 5])


def without(*keys: str) -> Callable[[random.Random, Config], None]:
    """Leaves keys out now and then, so that the default of the class, or of a modeling file, is used."""

    def drawn(rng: random.Random, config: Config) -> None:
        for key in keys:
            if sometimes(rng, 0.3):
                config.pop(key, None)

    return drawn


def both(*draws: Callable[[random.Random, Config], None]) -> Callable[[random.Random, Config], None]:
    def drawn(rng: random.Random, config: Config) -> None:
        for draw in draws:
            draw(rng, config)

    return drawn


def indexer_schedule(rng: random.Random, config: Config) -> None:
    config.pop("indexer_types", None)
    way = rng.randint(0, 3)
    if way == 1:
        config["indexer_types"] = [rng.choice(["full", "shared"]) for _ in range(layers(config))]
    elif way == 2:
        config["index_topk_pattern"] = "".join(rng.choice("FS") for _ in range(layers(config)))
    elif way == 3:
        config["index_topk_freq"], config["index_skip_topk_offset"] = rng.randint(0, 4), rng.randint(0, 4)


def dots1(rng: random.Random, config: Config) -> None:
    first_dense(rng, config)
    if sometimes(rng, 0.9):
        config["n_routed_experts"], config["n_shared_experts"] = rng.choice([2, 4]), rng.randint(1, 2)
    else:
        config["first_k_dense_replace"] = layers(config)


def ernie(rng: random.Random, config: Config) -> None:
    config["moe_layer_start_index"] = rng.randint(0, 3)
    config["moe_layer_end_index"] = rng.randint(-1, layers(config))
    config["moe_layer_interval"] = rng.randint(1, 3)
    config["moe_num_shared_experts"] = rng.randint(0, 2)
    config["use_bias"] = sometimes(rng)


def minimax_m3(rng: random.Random, config: Config) -> None:
    mlp_list(rng, config)
    attention_list("full_attention", "minimax_m3_sparse")(rng, config)
    n = layers(config)
    if sometimes(rng):
        config["moe_layer_freq"] = [rng.randint(0, 1) for _ in range(n)]
    if sometimes(rng):
        config["sparse_attention_config"] = {
            key: value
            for key, value in {
                "sparse_num_index_heads": rng.randint(1, 4),
                "sparse_index_dim": 16,
                "sparse_attention_freq": [rng.randint(0, 1) for _ in range(n)],
            }.items()
            if sometimes(rng, 0.7)
        }


def laguna(rng: random.Random, config: Config) -> None:
    mlp_list(rng, config)
    attention_list("full_attention", "sliding_attention")(rng, config)
    config["gating"] = rng.choice([True, False, "per-head", "per-element"])
    config.pop("num_attention_heads_per_layer", None)
    if sometimes(rng):
        heads = [config["num_key_value_heads"] * rng.randint(1, 3) for _ in range(layers(config))]
        config["num_attention_heads_per_layer"] = heads
    config["moe_apply_router_weight_on_input"] = False


def mimo(rng: random.Random, config: Config) -> None:
    mlp_list(rng, config)
    attention_list("full_attention", "sliding_attention")(rng, config)
    if sometimes(rng):
        config["sliding_window_size"] = rng.randint(4, 64)
    if "layer_types" not in config and "mlp_layer_types" not in config:
        config["num_hidden_layers"] = 8


def longcat(rng: random.Random, config: Config) -> None:
    if sometimes(rng, 0.3):
        config["num_hidden_layers"] = rng.randint(2, 9)
    if sometimes(rng, 0.3):
        config["zero_expert_num"] = 0
    config["router_bias"] = sometimes(rng)


def kimi(rng: random.Random, config: Config) -> None:
    config["pad_token_id"] = 0
    no_low_rank(rng, config)
    mlp_list(rng, config)
    attention_list("full_attention", "linear_attention", "mamba", "attention")(rng, config)
    if sometimes(rng):
        config["first_k_dense_replace"] = rng.randint(0, 3)
    if sometimes(rng, 0.7):
        numbers = list(range(1, layers(config) + 1))
        full = [n for n in numbers if sometimes(rng)]
        written = {
            "head_dim": 24,
            "num_heads": rng.randint(1, 4),
            "short_conv_kernel_size": rng.randint(2, 5),
            "full_attn_layers": full,
            "kda_layers": [n for n in numbers if n not in full],
        }
        config["linear_attn_config"] = {key: written[key] for key in written if sometimes(rng, 0.8)}


def bailing(rng: random.Random, config: Config) -> None:
    config["pad_token_id"] = 0
    mlp_list(rng, config)
    first_dense(rng, config)
    attention_list("full_attention", "linear_attention")(rng, config)
    config["layer_group_size"] = rng.randint(1, 4)


def hy_v4(rng: random.Random, config: Config) -> None:
    config["pad_token_id"] = 0
    mlp_list(rng, config)
    config.pop("indexer_types", None)
    if sometimes(rng):
        config["indexer_types"] = [rng.choice(["full", "shared"]) for _ in range(layers(config))]


def deepseek_v4(rng: random.Random, config: Config) -> None:
    long, sparse = "heavily_compressed_attention", "compressed_sparse_attention"
    attention_list("sliding_attention", long, sparse)(rng, config)
    config.pop("mlp_layer_types", None)
    config["o_groups"] = rng.choice([1, 2])
    n = layers(config)
    if sometimes(rng):
        config["compress_ratios"] = [rng.choice([0, 4, 128]) for _ in range(n + rng.randint(0, 1))]
    if sometimes(rng):
        config["mlp_layer_types"] = [rng.choice(["moe", "hash_moe"]) for _ in range(n)]
    config.pop("compress_rates", None)
    if sometimes(rng):
        config["compress_rates"] = {sparse: rng.randint(2, 5), long: rng.randint(6, 9)}
    if sometimes(rng, 0.3):
        config["compress_rate_csa"] = 3
    if sometimes(rng, 0.3):
        config["compress_rate_hca"] = 11


def inkling(rng: random.Random, config: Config) -> None:
    mlp_list(rng, config)
    attention_list("hybrid", "hybrid_sliding")(rng, config)
    config.pop("local_layer_ids", None)
    if sometimes(rng):
        config["local_layer_ids"] = [n for n in range(layers(config)) if sometimes(rng)]
    if sometimes(rng):
        config["dense_mlp_idx"] = rng.randint(0, 3)
    config.pop("dense_intermediate_size", None)
    if sometimes(rng):
        config["dense_intermediate_size"] = 40


def dots3_text(rng: random.Random, config: Config) -> None:
    mlp_list(rng, config)
    attention_list("full_attention", "indexed_attention", "sliding_attention")(rng, config)
    n = layers(config)
    config["pad_token_id"] = 0
    config["n_group"] = config["topk_group"] = 1
    config["n_routed_experts"], config["num_experts_per_tok"] = 4, 2
    config["num_key_value_heads"] = config["num_attention_heads"]
    config["index_head_dim"], config["qk_rope_head_dim"] = 64, 8 * rng.randint(1, 3)
    config["q_lora_rank"] = 8 * rng.randint(1, 5)
    for key in [key for key in config if key.startswith("swa_")]:
        config.pop(key)
    config.pop("per_layer_config", None)
    config.pop("use_dsa", None)
    if sometimes(rng):
        config["use_dsa"] = sometimes(rng)
    if sometimes(rng):
        config["use_sliding_window"] = sometimes(rng)
    if sometimes(rng):
        heads, nope, rope = rng.choice([2, 4]), 8 * rng.randint(1, 3), 8 * rng.randint(1, 2)
        sizes = {
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "q_lora_rank": 24,
            "kv_lora_rank": 40,
        }
        sizes |= {"head_dim": nope + rope, "qk_nope_head_dim": nope, "v_head_dim": 16}
        if "layer_types" in config and sometimes(rng):
            sizes["qk_rope_head_dim"] = rope
            sliding = [i for i, kind in enumerate(config["layer_types"]) if kind == "sliding_attention"]
            config["per_layer_config"] = {f"{i:02}": dict(sizes) for i in sliding}
        else:
            config |= {f"swa_{key}": value for key, value in sizes.items()}
    config["moe_layer_freq"] = rng.choice([1, 2, [rng.randint(0, 1) for _ in range(n)]])
    config["first_k_dense_replace"] = rng.randint(0, 2)
    config.pop("moe_shared_expert_intermediate_size", None)
    if sometimes(rng):
        config["moe_shared_expert_intermediate_size"] = 48


def dots3_vision(rng: random.Random, config: Config) -> None:
    n = layers(config)
    config["head_dim"] = None
    config["adapter_in_dim"] = config["hidden_size"]
    config["adapter_merge_size"] = config["spatial_merge_size"] = rng.choice([2, 3])
    config["mlp_bias"] = False
    config.pop("mlp_layer_types", None)
    config.pop("per_layer_config", None)
    if sometimes(rng):
        config["pyramid_num_routed"] = [rng.choice([-1, 0, 2, 4]) for _ in range(n)]
    else:
        config.pop("pyramid_num_routed", None)
        config["mlp_layer_types"] = [rng.choice(["dense", "sparse"]) for _ in range(n)]
        config["per_layer_config"] = {
            str(i): {"num_local_experts": 2 * i + 2} for i in range(n) if sometimes(rng)
        }
    for key in ("embed_dim", "num_heads", "use_bias", "capacity_factor"):
        config.pop(key, None)
    if sometimes(rng):
        config["embed_dim"], config["num_heads"] = (
            config.pop("hidden_size"),
            config.pop("num_attention_heads"),
        )
        config["use_bias"] = sometimes(rng)


def dots3_audio(rng: random.Random, config: Config) -> None:
    for key in ("whisper_config", "whisper_adapter_in_dim", "whisper_adapter_out_dim", "adapter_output_size"):
        config.pop(key, None)
    config["head_dim"] = None
    config["adapter_input_size"] = config["hidden_size"]
    if sometimes(rng):
        config["whisper_config"] = {
            "d_model": config.pop("hidden_size"),
            "encoder_attention_heads": config.pop("num_attention_heads"),
            "encoder_layers": rng.randint(1, 4),
            "encoder_ffn_dim": 72,
            "num_mel_bins": rng.choice([40, 80]),
        }


def dots3(rng: random.Random, config: Config) -> None:
    """The language model in text_config, or its keys on top."""
    inner = config["text_config"]
    dots3_text(rng, inner)
    dots3_vision(rng, config["vision_config"])
    dots3_audio(rng, config["audio_config"])
    width = inner["hidden_size"]
    config["vision_config"]["adapter_out_dim"] = width
    config["audio_config"][rng.choice(["adapter_out_dim", "whisper_adapter_out_dim"])] = width
    parts = ("text_config", "vision_config", "audio_config")
    kept = {key: config[key] for key in (*parts, "model_type", "tie_word_embeddings") if key in config}
    config.clear()
    config |= kept
    config["architectures"] = ["Dots3NoteForConditionalGeneration"]
    if sometimes(rng):
        flat = config.pop("text_config")
        flat.pop("model_type", None)
        flat.pop("tie_word_embeddings", None)
        config |= {key: value for key, value in flat.items() if key not in config}


SLIDING = attention_list("full_attention", "sliding_attention", "attention")

OVERRIDES: dict[str, Callable[[random.Random, Config], None]] = {
    "deepseek_v2": both(no_low_rank, first_dense),
    "deepseek_v3": both(no_low_rank, first_dense),
    "mistral4": both(no_low_rank, first_dense),
    "glm4_moe_lite": both(no_low_rank, mlp_list),
    "deepseek_v32": both(mlp_list, first_dense, renamed_experts),
    "glm_moe_dsa": both(mlp_list, first_dense, renamed_experts, indexer_schedule),
    "axk1": legacy_mlp,
    "axk2": legacy_mlp,
    "longcat_flash": longcat,
    "glm4_moe": both(first_dense, without("head_dim")),
    "dots1": both(dots1, without("head_dim"), SLIDING),
    "exaone_moe": both(mlp_list, first_dense, without("head_dim"), SLIDING),
    "hy_v3": mlp_list,
    "ernie4_5_moe": both(ernie, without("head_dim")),
    "afmoe": SLIDING,
    "minimax_m3_vl_text": minimax_m3,
    "mimo_v2_flash": mimo,
    "laguna": laguna,
    "kolibri1": SLIDING,
    "dots3_note_text": dots3_text,
    "dots3_note": dots3,
    "kimi_linear": kimi,
    "bailing_hybrid": bailing,
    "minimax": attention_list("full_attention", "linear_attention", "mamba"),
    "hy_v4": hy_v4,
    "deepseek_v4": deepseek_v4,
    "inkling_text": inkling,
    "inkling2_text": attention_list("hybrid", "hybrid_sliding"),
}
