"""Multimodal types of more than one kind: text parts of several types, sizes that the towers take."""

import random
from collections.abc import Callable
from typing import Any

from tests.make.overrides.vl import head_dim, kinds, part, tie_in_text, whole_patches

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
    from tests.make.overrides.hybrid import OVERRIDES as hybrid

    whole_patches(rng, part(rng, config, "vision_config", "siglip2_vision_model", "siglip_vision_model"))
    text = part(rng, config, "text_config", "lfm2", "llama")
    if text.get("model_type", "lfm2") == "lfm2":
        hybrid["lfm2"](rng, text)
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


OVERRIDES: dict[str, Callable[[random.Random, Config], None]] = {
    "internvl": internvl,
    "lfm2_vl": lfm2_vl,
    "lfm3_vl": lfm3_vl,
    "video_llama_3": video_llama_3,
    "exaone4_5": exaone,
    "paddleocr_vl": paddle,
}
