"""Multimodal types: what their towers need to be buildable, and the older forms of their configs."""

import random
from collections.abc import Callable
from typing import Any


def flat(rng: random.Random, config: dict[str, Any]) -> None:
    """Text keys at the top level, as in configs of 2024, or the tie only in the text part."""
    kinds(rng, config["text_config"])
    if rng.random() < 0.4:
        config |= {**config.pop("text_config"), "model_type": config["model_type"]}
    elif rng.random() < 0.3:
        config["text_config"]["tie_word_embeddings"] = rng.random() < 0.5


def kinds(rng: random.Random, text: dict[str, Any]) -> None:
    """Kinds of layers, or none given."""
    text.pop("layer_types", None)
    if rng.random() < 0.5:
        text["layer_types"] = rng.choices(
            ["full_attention", "sliding_attention"], k=text["num_hidden_layers"]
        )


def omni(rng: random.Random, config: dict[str, Any]) -> None:
    sound(config["audio_config"])
    if config["model_type"] == "qwen2_5_omni_thinker":
        kinds(rng, config["text_config"])
    head_dim(rng, config["text_config"])


def sound(audio: dict[str, Any]) -> None:
    """Widths that the heads divide."""
    audio["d_model"] = 8 * audio.get("encoder_attention_heads", 20)


def head_dim(rng: random.Random, text: dict[str, Any]) -> None:
    """A width of heads that the class does not declare, or none."""
    text.pop("head_dim", None)
    if rng.random() < 0.5:
        text["head_dim"] = rng.choice([8, 16, 32])


def deepstack(rng: random.Random, config: dict[str, Any]) -> None:
    config["vision_config"]["deepstack_visual_indexes"] = list(range(rng.randint(1, 4)))
    if config["model_type"] == "qwen3_vl_moe":
        text = config["text_config"]
        text["mlp_only_layers"] = rng.choice([None, [], [0], [1, 3]])
        text["decoder_sparse_step"] = rng.randint(1, 3)
        head_dim(rng, text)


def part(rng: random.Random, config: dict[str, Any], key: str, *types: str) -> dict[str, Any]:
    """A nested config of one of several types. It may leave out the name of the first, usual one."""
    from tests.make.variations import variation

    chosen = rng.choice(types)
    config[key] = variation(chosen, rng)
    if chosen == types[0] and rng.random() < 0.3:
        del config[key]["model_type"]
    return config[key]


def whole_patches(rng: random.Random, tower: dict[str, Any]) -> None:
    """An image of some patches and a rest."""
    tower["patch_size"] = rng.choice([7, 8, 14, 16])
    tower["image_size"] = tower["patch_size"] * rng.randint(1, 6) + rng.randint(0, 6)


def tie_in_text(rng: random.Random, config: dict[str, Any]) -> None:
    if rng.random() < 0.3:
        config["text_config"]["tie_word_embeddings"] = rng.random() < 0.5


def glm(rng: random.Random, config: dict[str, Any]) -> None:
    whole_patches(rng, config["vision_config"])
    tie_in_text(rng, config)
    head_dim(rng, config["text_config"])


def glm46v(rng: random.Random, config: dict[str, Any]) -> None:
    part(rng, config, "text_config", "glm4v_text", "glm4v_moe_text")
    whole_patches(rng, part(rng, config, "vision_config", "glm4v_vision", "glm4v_moe_vision"))


def kimi(rng: random.Random, config: dict[str, Any]) -> None:
    text = part(rng, config, "text_config", "deepseek_v3")
    text["first_k_dense_replace"] = rng.randint(0, 3)
    if rng.random() < 0.5:
        text["q_lora_rank"] = None
    if rng.random() < 0.5:
        text["model_type"] = "kimi_k2"
    config["vision_config"]["merge_kernel_size"] = [rng.randint(1, 3), rng.randint(1, 3)]


def sam(rng: random.Random, tower: dict[str, Any]) -> None:
    whole_patches(rng, tower)
    tower["output_channels"] = 8 * rng.randint(1, 8)
    tower["global_attn_indexes"] = rng.choice([[], [0, 2], [1, 3, 5]])


def got(rng: random.Random, config: dict[str, Any]) -> None:
    sam(rng, config["vision_config"])
    if rng.random() < 0.8:
        part(rng, config, "text_config", "qwen2", "llama")


def deepseek_vl(rng: random.Random, config: dict[str, Any]) -> None:
    part(rng, config, "text_config", "llama", "qwen3")
    whole_patches(rng, part(rng, config, "vision_config", "siglip_vision_model"))
    if config["model_type"] == "deepseek_vl_hybrid":
        high = part(rng, config, "high_res_vision_config", "sam_vision_model")
        sam(rng, high)
        high["global_attn_indexes"] = [1, 3]


def deepseek_ocr2(rng: random.Random, config: dict[str, Any]) -> None:
    tower, text = config["vision_config"], config["text_config"]
    sam(rng, tower["sam_config"])
    kinds(rng, tower["encoder_config"])
    head_dim(rng, tower["encoder_config"])
    if rng.random() < 0.5:
        tower["sam_config"]["downsample_channels"] = [rng.randint(8, 40), rng.randint(8, 40)]
    text["mlp_layer_types"] = rng.choices(["dense", "sparse"], k=text["num_hidden_layers"])


def phi4(rng: random.Random, config: dict[str, Any]) -> None:
    whole_patches(rng, config["vision_config"])
    audio = config["audio_config"]
    config["pad_token_id"] = None
    audio["time_reduction"] = rng.choice([2, 4, 6, 8, 10, 16])
    audio["depthwise_multiplier"] = rng.randint(1, 3)
    head_dim(rng, audio)
    head_dim(rng, config)


def aria(rng: random.Random, config: dict[str, Any]) -> None:
    whole_patches(rng, part(rng, config, "vision_config", "idefics3_vision"))
    config["text_config"].pop("head_dim", None)
    if rng.random() < 0.5:
        config["projector_patch_to_query_dict"] = {"4": rng.randint(1, 9), "16": rng.randint(1, 9)}


def ovis2(rng: random.Random, config: dict[str, Any]) -> None:
    text = part(rng, config, "text_config", "qwen2", "llama")
    tower = config["vision_config"]
    whole_patches(rng, tower)
    tower["vocab_size"] = rng.randint(20, 99)
    config["hidden_size"] = text["hidden_size"]
    config["vocab_size"] = text["vocab_size"]


def hunyuan(rng: random.Random, config: dict[str, Any]) -> None:
    tower, text = config["vision_config"], config["text_config"]
    tower["max_image_size"] = tower.get("patch_size", 16) * rng.randint(1, 5) + rng.randint(0, 5)
    head_dim(rng, tower)
    if rng.random() < 0.3:
        config["tie_word_embeddings"] = False
    if rng.random() < 0.4:
        del config["text_config"]
        config |= {**text, "model_type": "hunyuan_vl"}
        if rng.random() < 0.5:
            config["org_vocab_size"] = config.pop("vocab_size")


def ernie(rng: random.Random, config: dict[str, Any]) -> None:
    text = config["text_config"]
    spatial, time = rng.randint(2, 6), rng.randint(1, 6)
    text["head_dim"] = 2 * (2 * spatial + time)
    sections = [spatial, spatial, time]
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 5e5, "mrope_section": sections}
    text["moe_num_shared_experts"] = rng.randint(0, 2)
    if rng.random() < 0.7:
        text["moe_intermediate_size"] = [rng.randint(8, 40), rng.randint(8, 40)]
    if rng.random() < 0.7:
        text["mlp_layer_types"] = rng.choices(["dense", "sparse"], k=text["num_hidden_layers"])


def molmo2(rng: random.Random, config: dict[str, Any]) -> None:
    tower, adapter, text = config["vision_config"], config["adapter_config"], config["text_config"]
    text["qk_norm_type"] = rng.choice(["qwen3", "olmo"])
    layers = tower.get("num_hidden_layers", 25)
    picked = [rng.randint(-layers, layers - 1) for _ in range(rng.randint(1, 3))]
    adapter["vision_feature_layer"] = picked
    if rng.random() < 0.5:
        tower["image_size"] = [rng.randint(50, 99), rng.randint(50, 99)]
    if rng.random() < 0.3:
        adapter["vit_layers"] = adapter.pop("vision_feature_layer")
        tower["image_patch_size"] = rng.randint(7, 14)
        tower["image_default_input_size"] = [rng.randint(50, 99), rng.randint(50, 99)]
        if rng.random() < 0.5:
            tower["image_num_pos"] = rng.randint(4, 40)
    if rng.random() < 0.3:
        config["vit_config"] = config.pop("vision_config")


def step(rng: random.Random, config: dict[str, Any]) -> None:
    tower = config["vision_config"]
    whole_patches(rng, tower)
    tower["mlp_ratio"] = rng.choice([2.0, 4.0, 3.7])
    if rng.random() < 0.3:
        tower |= {"width": tower["hidden_size"] * 2, "layers": 3}
    step_layers(rng, config["text_config"])
    older_names(rng, config["text_config"])


def step_layers(rng: random.Random, text: dict[str, Any]) -> None:
    n, more = text["num_hidden_layers"], rng.choice([0, 0, 2])
    text |= {"pad_token_id": 1, "num_nextn_predict_layers": more}
    for key in ("layer_types", "mlp_layer_types", "swiglu_limits", "swiglu_limits_shared"):
        text.pop(key, None)
    if rng.random() < 0.7:
        text["layer_types"] = rng.choices(["full_attention", "sliding_attention"], k=n + more)
    if rng.random() < 0.4:
        text["mlp_layer_types"] = rng.choices(["dense", "sparse"], k=n + more)
    elif rng.random() < 0.7:
        text["moe_layers_enum"] = rng.choice(["0,2", "1, 3,", [1, 2], []])


def older_names(rng: random.Random, text: dict[str, Any]) -> None:
    if rng.random() < 0.5:
        text["num_sliding_attention_heads"] = 2 * text["num_attention_heads"]
    elif rng.random() < 0.5:
        text["attention_other_setting"] = {"num_attention_heads": 3 * text["num_attention_heads"]}
    if rng.random() < 0.3:
        text["num_attention_groups"] = 1
    if rng.random() < 0.3:
        text["moe_num_experts"] = 6
    if rng.random() < 0.3:
        text["gating"] = rng.choice([True, "per-head", "full"])


def vqgan(rng: random.Random, codes: dict[str, Any]) -> None:
    codes["base_channels"] = 32 * rng.randint(1, 3)
    codes["channel_multiplier"] = [rng.randint(1, 3) for _ in range(rng.randint(1, 4))]
    codes["num_res_blocks"] = rng.randint(1, 3)


def chameleon(rng: random.Random, config: dict[str, Any]) -> None:
    config["vocabulary_map"] = {"<image>": 1}
    codes = config["vq_config"]
    vqgan(rng, codes)
    codes["attn_type"] = rng.choice(["vanilla", "none"])
    codes["resolution"] = rng.choice([32, 33, 64])
    codes["attn_resolutions"] = rng.choice([None, [16], [32, 8], [64, 4]])


def emu3(rng: random.Random, config: dict[str, Any]) -> None:
    config["architectures"] = ["Emu3ForConditionalGeneration"]
    config["vocabulary_map"] = {"<image>": 1, "<|extra_200|>": 2}
    codes, text = config["vq_config"], config["text_config"]
    vqgan(rng, codes)
    codes["attn_resolutions"] = rng.choice([[], [0], [1, 3], [2]])
    codes["temporal_downsample_factor"] = rng.choice([1, 2, 4, 6, 8])
    text |= {"pad_token_id": 1, "attention_bias": rng.random() < 0.3, "mlp_bias": rng.random() < 0.3}
    head_dim(rng, text)


def janus(rng: random.Random, config: dict[str, Any]) -> None:
    part(rng, config, "text_config", "llama", "qwen2")
    vqgan(rng, config["vq_config"])
    tower = config["vision_config"]
    whole_patches(rng, tower)
    tower["mlp_ratio"] = rng.choice([2, 4.0, 3.7])


def kosmos2(rng: random.Random, config: dict[str, Any]) -> None:
    text = config["text_config"]
    whole_patches(rng, config["vision_config"])
    text |= {"embed_dim": 16 * text["attention_heads"], "layers": rng.randint(1, 5)}


def blip2(rng: random.Random, config: dict[str, Any]) -> None:
    whole_patches(rng, config["vision_config"])
    text = part(rng, config, "text_config", "opt", "llama")
    text["pad_token_id"] = 1
    config["qformer_config"]["use_qformer_text_input"] = rng.random() < 0.5


OVERRIDES: dict[str, Callable[[random.Random, dict[str, Any]], None]] = {
    "qwen2_vl": flat,
    "qwen2_5_vl": flat,
    "qwen3_vl": deepstack,
    "qwen3_vl_moe": deepstack,
    "glm4v": glm,
    "glm4v_moe": glm,
    "glm_ocr": glm,
    "glm46v": glm46v,
    "phi4_multimodal": phi4,
    "aria": aria,
    "ovis2": ovis2,
    "hunyuan_vl": hunyuan,
    "ernie4_5_vl_moe": ernie,
    "molmo2": molmo2,
    "step3p7": step,
    "chameleon": chameleon,
    "emu3": emu3,
    "janus": janus,
    "kosmos-2": kosmos2,
    "blip-2": blip2,
    "got_ocr2": got,
    "pp_chart2table": got,
    "deepseek_vl": deepseek_vl,
    "deepseek_vl_hybrid": deepseek_vl,
    "deepseek_ocr2": deepseek_ocr2,
    "kimi_k25": kimi,
    "qwen2_5_omni_thinker": omni,
    "qwen3_omni_moe_thinker": omni,
}
