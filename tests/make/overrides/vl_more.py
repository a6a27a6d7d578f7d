"""Multimodal types of more than one kind: text parts of several types, sizes that the towers take."""

import random
from collections.abc import Callable
from typing import Any

from tests.make.overrides.hybrid import OVERRIDES as OVERRIDES_OF_HYBRIDS
from tests.make.overrides.latent import OVERRIDES as OVERRIDES_OF_LATENT
from tests.make.overrides.moe import OVERRIDES as OVERRIDES_OF_MOE
from tests.make.overrides.vl import blip2, glm46v, head_dim, kinds, part, sam, tie_in_text, whole_patches

Config = dict[str, Any]


def even(tower: Config, heads: str = "num_attention_heads", default: int = 16) -> None:
    """A width that rotary positions over height and width divide."""
    tower["hidden_size"] = 16 * tower.get(heads, default)


def internvl(rng: random.Random, config: Config) -> None:
    tower = config["vision_config"]
    whole_patches(rng, tower)
    even(tower)
    tower["norm_type"] = rng.choice(["layer_norm", "rms_norm"])
    if rng.random() < 0.5:
        tower["image_size"] = [rng.randint(20, 60), rng.randint(20, 60)]
    if rng.random() < 0.3:
        tower["patch_size"] = [rng.randint(5, 9), rng.randint(5, 9)]
    text = part(rng, config, "text_config", "qwen2", "llama", "qwen3", "gpt2")
    if text.get("model_type") == "gpt2":
        config["tie_word_embeddings"] = False
    config["downsample_ratio"] = rng.choice([0.5, 0.25, 0.3, 0.1, 1.0])
    tie_in_text(rng, config)


def lfm2_vl(rng: random.Random, config: Config) -> None:
    whole_patches(rng, part(rng, config, "vision_config", "siglip2_vision_model", "siglip_vision_model"))
    text = part(rng, config, "text_config", "lfm2", "llama")
    if text.get("model_type", "lfm2") == "lfm2":
        OVERRIDES_OF_HYBRIDS["lfm2"](rng, text)
    if rng.random() < 0.3:
        config["tie_embedding"] = rng.random() < 0.5
    tie_in_text(rng, config)


def lfm3_vl(rng: random.Random, config: Config) -> None:
    tower = config["vision_config"]
    even(tower)
    tower["conv_kernel_size"] = rng.choice([3, 5])
    tower["num_key_value_heads"] = rng.choice([1, 2])
    tower.pop("layer_types", None)
    if rng.random() < 0.5:
        tower["layer_types"] = rng.choices(["conv", "full_attention"], k=tower["num_hidden_layers"])
    part(rng, config, "text_config", "lfm3", "llama").setdefault("pad_token_id", 0)
    tie_in_text(rng, config)


def video_llama_3(rng: random.Random, config: Config) -> None:
    even(config["vision_config"])
    text = part(rng, config, "text_config", "qwen2", "llama")
    if "model_type" not in text:
        kinds(rng, text)
    tie_in_text(rng, config)


def exaone(rng: random.Random, config: Config) -> None:
    even(config["vision_config"], "num_heads")
    config["vision_config"]["num_key_value_heads"] = rng.choice([1, 2])
    text = part(rng, config, "text_config", "exaone4")
    text["model_type"] = rng.choice(["exaone4", "exaone4_5_text"])
    tie_in_text(rng, config)


def paddle(rng: random.Random, config: Config) -> None:
    tower, text = config["vision_config"], config["text_config"]
    even(tower)
    whole_patches(rng, tower)
    text["num_key_value_heads"] = rng.choice([None, 1])
    text["use_bias"] = rng.choice([None, True, False])
    head_dim(rng, text)
    tie_in_text(rng, config)
    if rng.random() < 0.4:
        config |= {**config.pop("text_config"), "model_type": "paddleocr_vl"}


def instructblip(rng: random.Random, config: Config) -> None:
    blip2(rng, config)
    config["vision_config"]["qkv_bias"] = rng.random() < 0.5
    config["qformer_config"].pop("use_qformer_text_input")


def idefics(rng: random.Random, config: Config) -> None:
    tower, text = config["vision_config"], config
    tower["embed_dim"] = 8 * tower.get("num_attention_heads", 16)
    tower.pop("hidden_size", None)
    whole_patches(rng, tower)
    text["pad_token_id"] = 0
    text["cross_layer_interval"] = rng.choice([1, 2, 3])
    text["alpha_type"] = rng.choice(["float", "vector"])
    text["additional_vocab_size"] = rng.choice([0, 2])
    text["qk_layer_norms"] = rng.random() < 0.5
    text["use_resampler"] = rng.random() < 0.5
    text["perceiver_config"]["qk_layer_norms_perceiver"] = rng.random() < 0.5


def blip(rng: random.Random, config: Config) -> None:
    whole_patches(rng, config["vision_config"])
    config["text_config"] |= {"is_decoder": rng.random() < 0.8, "pad_token_id": 0}
    if rng.random() < 0.3:
        config["text_config"]["tie_word_embeddings"] = rng.random() < 0.5


def docling(rng: random.Random, config: Config) -> None:
    tower, text = config["vision_config"], config["text_config"]
    text["pad_token_id"] = 0
    tower["out_hidden_size"] = text["hidden_size"] = 8 * text["num_attention_heads"] * rng.choice([1, 2])
    tower["patch_size"] = rng.choice([7, 8, 14])
    tower["scale_factor"] = rng.choice([2, 4])
    tower["image_size"] = tower["patch_size"] * 4 * rng.randint(1, 4)
    tower["deepstack_visual_indexes"] = rng.choice([None, [], [0], [0, 1]])
    tower["use_fine_route"] = rng.random() < 0.7
    text["num_key_value_heads"] = rng.choice([None, 1])
    head_dim(rng, text)
    tie_in_text(rng, config)
    if tower["use_fine_route"]:
        config["density_router_hidden_size"] = rng.choice([None, 24])


def hyperclovax(rng: random.Random, config: Config) -> None:
    part(rng, config, "vision_config", "qwen2_5_vl_vision")["out_hidden_size"] = 8 * rng.randint(1, 9)
    if rng.random() < 0.3:
        config["vision_config"]["model_type"] = "qwen2_5_vl"
    part(rng, config, "text_config", "hyperclovax", "llama")
    tie_in_text(rng, config)


def minicpm(rng: random.Random, config: Config) -> None:
    tower = config["vision_config"]
    even(tower, default=12)
    whole_patches(rng, tower)
    tower["window_kernel_size"] = [rng.randint(1, 3), rng.randint(1, 3)]
    config["merger_times"] = rng.randint(0, 3)
    OVERRIDES_OF_HYBRIDS["qwen3_5_text"](rng, part(rng, config, "text_config", "qwen3_5_text"))
    tie_in_text(rng, config)


def unlimited(rng: random.Random, config: Config) -> None:
    tower, text = config["vision_config"], config["text_config"]
    sam(rng, tower["sam_config"])
    tower["sam_config"]["downsample_channels"] = [rng.randint(8, 40), rng.randint(8, 40)]
    whole_patches(rng, tower["encoder_config"])
    text |= {"pad_token_id": 0, "first_k_dense_replace": rng.randint(0, 9)}
    text["num_key_value_heads"] = rng.choice([None, 1])
    if rng.random() < 0.5:
        text["mlp_layer_types"] = rng.choices(["dense", "sparse"], k=text["num_hidden_layers"])
    if rng.random() < 0.4:
        config["language_config"] = config.pop("text_config")
        config["sliding_window"] = 64


def inkling2(rng: random.Random, config: Config) -> None:
    tower, text = config["vision_config"], config["text_config"]
    even(tower)
    OVERRIDES_OF_LATENT["inkling2_text"](rng, text)
    tower["text_hidden_size"] = text["hidden_size"]
    tower["mlp_ratio"] = rng.choice([2.0, 3.7])


def inkling(rng: random.Random, config: Config) -> None:
    OVERRIDES_OF_LATENT["inkling_text"](rng, config["text_config"])
    tower = config["vision_config"]
    for key in ("n_layers", "num_hidden_layers"):
        tower.pop(key, None)
    tower[rng.choice(["n_layers", "num_hidden_layers"])] = rng.choice([7, 11, 13, 17, 19])
    tower |= {"patch_size": rng.choice([4, 6, 10, 14]), "temporal_patch_size": rng.choice([2, 3, 4])}


def qwen4(rng: random.Random, config: Config) -> None:
    OVERRIDES_OF_MOE["qwen4_exp_text"](rng, config["text_config"])
    config["architectures"] = ["Qwen4ExpForConditionalGeneration"]


OVERRIDES: dict[str, Callable[[random.Random, Config], None]] = {
    "internvl": internvl,
    "lfm2_vl": lfm2_vl,
    "lfm3_vl": lfm3_vl,
    "video_llama_3": video_llama_3,
    "exaone4_5": exaone,
    "paddleocr_vl": paddle,
    "qianfan_ocr": internvl,
    "instructblip": instructblip,
    "instructblipvideo": instructblip,
    "idefics": idefics,
    "blip": blip,
    "granite_docling": docling,
    "hyperclovax_vision_v2": hyperclovax,
    "glmga": glm46v,
    "minicpmv4_6": minicpm,
    "minicpmv4_7": minicpm,
    "minicpm_ocr": minicpm,
    "unlimited_ocr": unlimited,
    "inkling2": inkling2,
    "inkling_mm_model": inkling,
    "qwen4_exp": qwen4,
}
