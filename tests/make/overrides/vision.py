"""Vision and audio: parts of several types, since a config names them itself; and layer patterns of Gemma."""

import random
from collections.abc import Callable
from typing import Any

Draw = Callable[[random.Random, dict[str, Any]], None]


def part(rng: random.Random, *types: str, least: float = 0.05) -> dict[str, Any] | None:
    """A part of one of these types; without its name where it is the first one, or none at all."""
    from tests.make.variations import variation  # not above: it imports this module

    if rng.random() < least:
        return None
    drawn = variation(rng.choice(types), rng)
    drawn.pop("pad_token_id", None)
    if drawn["model_type"] == types[0] and rng.random() < 0.3:
        del drawn["model_type"]
    return drawn


def even(config: dict[str, Any] | None) -> None:
    """Dimensions that a tower can be built with."""
    if config and "hidden_size" in config and "num_attention_heads" in config:
        config["hidden_size"] = 16 * config["num_attention_heads"]
    if config and config.get("image_size"):
        config["image_size"] += config.get("patch_size") or 32


def with_parts(vision: tuple[str, ...], text: tuple[str, ...]) -> Draw:
    def draw(rng: random.Random, config: dict[str, Any]) -> None:
        for key, types in (("vision_config", vision), ("text_config", text)):
            drawn = part(rng, *types)
            config.pop(key, None)
            if drawn is not None:
                config[key] = drawn
                drawn.pop("pad_token_id", None)
                if key == "vision_config":
                    even(drawn)
                else:
                    drawn["pad_token_id"] = 0
        if "vision_feature_layer" in config or rng.random() < 0.5:
            config["vision_feature_layer"] = rng.choice([-1, -2, 3, [-1, 2], [-2, -5, 1]])

    return draw


def pattern(rng: random.Random, config: dict[str, Any]) -> None:
    """A random pattern of layers, or the usual one."""
    config.pop("layer_types", None)
    if rng.random() < 0.6:
        kinds = ["full_attention", "sliding_attention"]
        config["layer_types"] = [rng.choice(kinds) for _ in range(config["num_hidden_layers"])]


def gemma3_text(rng: random.Random, config: dict[str, Any]) -> None:
    pattern(rng, config)
    config["sliding_window"] = rng.randint(8, 64)
    if rng.random() < 0.3:
        config["sliding_window_pattern"] = rng.randint(1, 4)


def gemma3(rng: random.Random, config: dict[str, Any]) -> None:
    with_parts(("siglip_vision_model", "clip_vision_model", "siglip2_vision_model"), ("gemma3_text",))(
        rng, config
    )
    config.pop("vision_feature_layer", None)


def gemma4_text(rng: random.Random, config: dict[str, Any]) -> None:
    pattern(rng, config)
    config["use_bidirectional_attention"] = rng.choice([None, "all", "vision"])
    n = config["num_hidden_layers"]
    config["num_kv_shared_layers"] = rng.choice([0, 0, 1, n // 2])
    config["hidden_size_per_layer_input"] = rng.choice([0, 8, 16])
    config["attention_k_eq_v"] = rng.random() < 0.4
    config["use_double_wide_mlp"] = rng.random() < 0.5
    if rng.random() < 0.7:
        config["global_head_dim"] = rng.choice([16, 32, 64])
    if rng.random() < 0.6:
        config["num_global_key_value_heads"] = rng.choice([None, 1, 2])
    config.pop("per_layer_config", None)
    if rng.random() < 0.3:
        own = [{"head_dim": 16}, {"num_key_value_heads": 1}, {"head_dim": 64, "num_key_value_heads": 2}]
        config["per_layer_config"] = {
            str(i).zfill(2): rng.choice(own) for i in range(n) if rng.random() < 0.6
        }
    config["enable_moe_block"] = rng.random() < 0.4
    if config["enable_moe_block"]:
        config |= {"num_experts": rng.choice([2, 4]), "moe_intermediate_size": 24, "top_k_experts": 1}


def gemma4_unified_text(rng: random.Random, config: dict[str, Any]) -> None:
    gemma4_text(rng, config)
    for key in ("enable_moe_block", "num_experts", "moe_intermediate_size", "top_k_experts"):
        config.pop(key, None)
    config.pop("hidden_size_per_layer_input", None)


def gemma4(rng: random.Random, config: dict[str, Any]) -> None:
    for key in ("vision_config", "audio_config"):
        chance = rng.random()
        if chance < 0.25:
            config[key] = None
        elif chance < 0.4:
            del config[key]
        elif rng.random() < 0.3:
            config[key].pop("audio_embed_dim", None)
            config[key]["output_proj_dims"] = rng.choice([24, 40])


def gemma4_audio(rng: random.Random, config: dict[str, Any]) -> None:
    config["subsampling_conv_channels"] = [rng.choice([6, 16]), rng.choice([8, 10])]
    config["hidden_size"] = 16 * config["num_attention_heads"] + rng.choice([0, 0, 2])
    if rng.random() < 0.5:
        config["output_proj_dims"] = rng.choice([24, 40])


def gemma4_vision(rng: random.Random, config: dict[str, Any]) -> None:
    config["head_dim"] = rng.choice([8, 16, 64])


def gemma3n_text(rng: random.Random, config: dict[str, Any]) -> None:
    n = config["num_hidden_layers"] = rng.randint(2, 12)
    pattern(rng, config)
    config["num_kv_shared_layers"] = rng.choice([0, 0, 1, n // 2])
    config["altup_num_inputs"] = rng.randint(1, 4)
    config["altup_active_idx"] = 0
    config.pop("activation_sparsity_pattern", None)
    if rng.random() < 0.4:
        config["intermediate_size"] = [8 * rng.randint(2, 9) for _ in range(n)]
    if rng.random() < 0.3:
        config["activation_sparsity_pattern"] = [0.0] * n


def mllama_text(rng: random.Random, config: dict[str, Any]) -> None:
    config["pad_token_id"] = 0
    n = config["num_hidden_layers"]
    config.pop("cross_attention_layers", None)
    if rng.random() < 0.8:
        config["cross_attention_layers"] = sorted(rng.sample(range(n), rng.randint(0, n)))


def mllama_vision(rng: random.Random, config: dict[str, Any]) -> None:
    config["max_num_tiles"] = 4
    config.pop("num_attention_heads", None)
    if rng.random() < 0.5:
        config["supported_aspect_ratios"] = [[1, i + 1] for i in range(rng.randint(1, 5))]
        config["max_num_tiles"] = rng.randint(1, 6)


def idefics2(rng: random.Random, config: dict[str, Any]) -> None:
    with_parts(("idefics2_vision",), ("mistral", "llama"))(rng, config)
    config.pop("vision_feature_layer", None)
    if "perceiver_config" in config:
        config["perceiver_config"]["num_key_value_heads"] = rng.choice([1, 2])
        config["perceiver_config"]["resampler_n_heads"] = rng.choice([2, 4])


def idefics3(rng: random.Random, config: dict[str, Any]) -> None:
    with_parts((config["model_type"] + "_vision",), ("llama", "mistral", "qwen2"))(rng, config)
    config.pop("vision_feature_layer", None)


def vision(rng: random.Random, config: dict[str, Any]) -> None:
    even(config)


TEXTS = ("llama", "mistral", "qwen2", "gpt2")
CLIPS = ("clip_vision_model", "siglip_vision_model", "pixtral")


def llava_next_video(rng: random.Random, config: dict[str, Any]) -> None:
    with_parts(CLIPS, TEXTS)(rng, config)
    config["spatial_pool_mode"] = rng.choice(["average", "max", "conv", "conv"])
    if rng.random() < 0.3:
        config["spatial_pool_out_channels"] = 24


def fast_vlm(rng: random.Random, config: dict[str, Any]) -> None:
    with_parts(("clip_vision_model", "siglip_vision_model"), ("qwen2", "llama"))(rng, config)
    config.setdefault("vision_config", {})["model_type"] = rng.choice(["clip_vision_model", "pixtral"])
    config["vision_feature_layer"] = -1


def aya_vision(rng: random.Random, config: dict[str, Any]) -> None:
    with_parts(("siglip_vision_model", "clip_vision_model"), ("cohere2", "llama"))(rng, config)
    config["vision_feature_layer"] = -1
    if rng.random() < 0.5:
        config["alignment_intermediate_size"] = rng.choice([32, 41])


OVERRIDES: dict[str, Draw] = {
    "gemma3_text": gemma3_text,
    "gemma3": gemma3,
    "shieldgemma2": gemma3,
    "gemma3n_text": gemma3n_text,
    "gemma4": gemma4,
    "gemma4_unified": gemma4,
    "gemma4_text": gemma4_text,
    "gemma4_unified_text": gemma4_unified_text,
    "gemma4_audio": gemma4_audio,
    "gemma4_vision": gemma4_vision,
    "idefics2_vision": vision,
    "idefics3_vision": vision,
    "smolvlm_vision": vision,
    "mllama_text_model": mllama_text,
    "mllama_vision_model": mllama_vision,
    "llava": with_parts(CLIPS, TEXTS),
    "llava_next": with_parts(CLIPS, TEXTS),
    "llava_next_video": llava_next_video,
    "llava_onevision": with_parts(("siglip_vision_model", "clip_vision_model"), ("qwen2", "llama")),
    "vipllava": with_parts(CLIPS, TEXTS),
    "video_llava": with_parts(CLIPS, TEXTS),
    "mistral3": with_parts(("pixtral", "siglip_vision_model"), ("mistral", "llama", "qwen2")),
    "lighton_ocr": with_parts(("pixtral", "siglip_vision_model"), ("qwen3", "llama")),
    "paligemma": with_parts(("siglip_vision_model", "clip_vision_model"), ("gemma", "gemma2", "gemma3_text")),
    "aya_vision": aya_vision,
    "cohere2_vision": with_parts(("siglip_vision_model", "clip_vision_model"), ("cohere2", "llama")),
    "fast_vlm": fast_vlm,
    "idefics2": idefics2,
    "idefics3": idefics3,
    "smolvlm": idefics3,
}
"""Model type -> changes a drawn config in place."""
