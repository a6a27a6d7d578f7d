"""Less common dense decoders: layer patterns, absent keys, and what a class refuses."""

import random
from collections.abc import Callable
from typing import Any

from tests.make.overrides.moe import all_of, per_layer, some_layers, sometimes_absent

Draw = Callable[[random.Random, dict[str, Any]], None]
SLIDING = per_layer("layer_types", "full_attention", "sliding_attention")


def sometimes_head_dim(rng: random.Random, config: dict[str, Any]) -> None:
    """A head_dim in the file of a class that does not declare it."""
    config.pop("head_dim", None)
    if rng.random() < 0.3:
        config["head_dim"] = rng.choice([8, 16, 24])


def uneven(rng: random.Random, config: dict[str, Any]) -> None:
    """A hidden_size that num_attention_heads may not divide."""
    if rng.random() < 0.3:
        config["hidden_size"] += 2


def even_kv(rng: random.Random, config: dict[str, Any]) -> None:
    config["num_attention_heads"] = 8
    config["num_key_value_heads"] = rng.choice([None, 2, 4, 8])


def act(rng: random.Random, config: dict[str, Any]) -> None:
    config["hidden_act"] = rng.choice(["xielu", "silu"])


def sometimes_null(*keys: str) -> Draw:
    def change(rng: random.Random, config: dict[str, Any]) -> None:
        for key in keys:
            if rng.random() < 0.4:
                config[key] = None

    return change


def modernbert(rng: random.Random, config: dict[str, Any]) -> None:
    config["pad_token_id"] = 0
    if rng.random() < 0.5:
        config["global_attn_every_n_layers"] = rng.randint(1, 4)


def hrm(rng: random.Random, config: dict[str, Any]) -> None:
    config.pop("num_layers_per_stack", None)
    if rng.random() < 0.5:
        config["num_layers_per_stack"] = rng.choice([None, 1, 2, 3])


def per_kind(rng: random.Random, config: dict[str, Any]) -> None:
    """Rope parameters by kind of layer, without which the class builds nothing."""
    one = {"rope_type": "default", "rope_theta": 10000.0}
    config["rope_parameters"] = {"full_attention": one, "sliding_attention": one}


def more_layers(rng: random.Random, config: dict[str, Any]) -> None:
    if "layer_types" not in config and "mlp_layer_types" not in config:
        config["num_hidden_layers"] = rng.randint(1, 9)


def fuyu(rng: random.Random, config: dict[str, Any]) -> None:
    """The text keys nested or beside the others."""
    text = {
        "vocab_size": rng.randint(50, 500),
        "hidden_size": 8 * rng.randint(1, 16),
        "intermediate_size": 8 * rng.randint(2, 20),
        "num_hidden_layers": rng.randint(1, 5),
        "num_attention_heads": rng.choice([1, 2, 4]),
        "qk_layernorm": rng.random() < 0.5,
    }
    sometimes_absent("vocab_size", "intermediate_size", "qk_layernorm")(rng, text)
    config["patch_size"] = rng.randint(1, 30)
    config.pop("text_config", None)
    if rng.random() < 0.5:
        config |= text
        return
    config["text_config"] = text | rng.choice([{}, {"model_type": "persimmon"}])
    if rng.random() < 0.5:
        config["text_config"]["tie_word_embeddings"] = rng.random() < 0.5


def moss(rng: random.Random, config: dict[str, Any]) -> None:
    """The text part nested, partly or wholly absent."""
    config.pop("text_config", None)
    if rng.random() < 0.8:
        heads = rng.choice([2, 4])
        text = {
            "vocab_size": rng.randint(50, 500),
            "hidden_size": heads * 8,
            "intermediate_size": 8 * rng.randint(2, 20),
            "num_hidden_layers": rng.randint(1, 5),
            "num_attention_heads": heads,
            "num_key_value_heads": rng.choice([1, 2]),
            "head_dim": rng.choice([8, 16]),
            "tie_word_embeddings": rng.random() < 0.5,
        }
        sometimes_absent("head_dim", "intermediate_size", "tie_word_embeddings")(rng, text)
        config["text_config"] = text | rng.choice([{}, {"model_type": "qwen3"}])


OVERRIDES: dict[str, Draw] = {
    "apertus": all_of(sometimes_head_dim, uneven, act),
    "arcee": all_of(sometimes_absent("head_dim", "num_key_value_heads"), uneven),
    "bitnet": all_of(sometimes_head_dim, uneven),
    "cwm": all_of(SLIDING, sometimes_absent("head_dim", "num_key_value_heads", "num_attention_heads")),
    "diffllama": all_of(even_kv, sometimes_absent("head_dim", "num_key_value_heads"), uneven),
    "granite_swa": all_of(SLIDING, sometimes_head_dim),
    "helium": sometimes_absent("head_dim", "num_key_value_heads"),
    "hyperclovax": all_of(sometimes_absent("head_dim", "num_key_value_heads"), uneven),
    "mellum": all_of(
        SLIDING,
        per_layer("mlp_layer_types", "dense", "sparse"),
        sometimes_absent("head_dim", "num_mtp_layers"),
    ),
    "minicpm3": all_of(sometimes_null("q_lora_rank", "v_head_dim", "num_key_value_heads"), uneven),
    "youtu": all_of(sometimes_null("q_lora_rank"), uneven),
    "nanochat": all_of(sometimes_head_dim, uneven),
    "persimmon": uneven,
    "vaultgemma": all_of(SLIDING, uneven, sometimes_absent("head_dim", "num_key_value_heads")),
    "modernbert-decoder": all_of(SLIDING, uneven, modernbert),
    "hrm_text": all_of(hrm, uneven),
    "flint": all_of(SLIDING, some_layers("mlp_only_layers"), sometimes_absent("head_dim", "num_experts")),
    "cohere_compass_text": all_of(SLIDING, sometimes_head_dim, per_kind),
    "beam": all_of(
        SLIDING, per_layer("mlp_layer_types", "dense", "sparse"), sometimes_absent("head_dim"), more_layers
    ),
    "fuyu": fuyu,
    "moss_transcribe_diarize": moss,
    "jais2": all_of(sometimes_absent("head_dim", "num_key_value_heads"), uneven),
}
