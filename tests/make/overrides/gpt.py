"""GPT-2 and its time: old spellings, layer patterns, sizes that must divide each other."""

import random
from collections.abc import Callable
from typing import Any


def n_embed(rng: random.Random, config: dict[str, Any]) -> None:
    """The old spelling of hidden_size wins over it."""
    if rng.random() < 0.3:
        config["n_embed"] = config["hidden_size"] * 2


def falcon(rng: random.Random, config: dict[str, Any]) -> None:
    n_embed(rng, config)
    for key, values in {
        "new_decoder_architecture": [None, False, True, True],
        "multi_query": [None, False, True],
        "parallel_attn": [None, False, True, True],
        "bias": [None, False, True],
        "alibi": [False, True],
        "num_ln_in_parallel_attn": [None, 1, 2],
        "num_kv_heads": [None, 1, 2],
        "ffn_hidden_size": [None, 72],
    }.items():
        config[key] = rng.choice(values)
        if rng.random() < 0.2:
            del config[key]


def gpt_neo(rng: random.Random, config: dict[str, Any]) -> None:
    if rng.random() < 0.2:
        config["num_layers"] = 24
        return
    config["attention_types"] = [
        [rng.choice([["global", "local"], ["global"], ["local", "local", "global"]]), rng.randint(1, 3)]
        for _ in range(rng.randint(1, 2))
    ]
    config["num_layers"] = sum(len(kinds) * n for kinds, n in config["attention_types"])


def opt(rng: random.Random, config: dict[str, Any]) -> None:
    config["word_embed_proj_dim"] = rng.choice([None, config["hidden_size"], 24])
    config["vocab_size"] = rng.choice([64, 91])


def xlnet(rng: random.Random, config: dict[str, Any]) -> None:
    config["d_head"] = rng.choice([None, 0, config["d_model"] // config["n_head"]])


def xlm(rng: random.Random, config: dict[str, Any]) -> None:
    heads = rng.choice([2, 4])
    config |= {"n_heads": heads, "emb_dim": heads * 16, "n_langs": rng.randint(1, 4)}


def encoder(rng: random.Random, config: dict[str, Any]) -> None:
    """As a decoder, with cross attention or without, or as the encoder it is."""
    config["is_decoder"] = rng.random() < 0.7
    config["add_cross_attention"] = config["is_decoder"] and rng.random() < 0.5
    config["architectures"] = rng.choice([None, ["SomeForCausalLM"]])


def big_bird(rng: random.Random, config: dict[str, Any]) -> None:
    encoder(rng, config)
    config["attention_type"] = rng.choice(["original_full", "block_sparse"])
    config["use_bias"] = rng.random() < 0.5


def two_widths(rng: random.Random, config: dict[str, Any]) -> None:
    """Embeddings as wide as the layers, or not; a width that the heads do not divide is allowed here."""
    encoder(rng, config)
    config["hidden_size"] += rng.choice([0, 0, 2])
    config["embedding_size"] = rng.choice([config["hidden_size"], 24])


def rembert(rng: random.Random, config: dict[str, Any]) -> None:
    encoder(rng, config)
    if rng.random() < 0.7:
        config["output_embedding_size"] = 8 * rng.randint(1, 9)


def xmod(rng: random.Random, config: dict[str, Any]) -> None:
    encoder(rng, config)
    config["languages"] = rng.sample(["en_XX", "de_DE", "zh_TW", "am_ET", "vi_VN"], rng.randint(0, 5))
    config["adapter_reduction_factor"] = rng.randint(1, 5)
    for key in ("pre_norm", "adapter_layer_norm"):
        config[key] = rng.random() < 0.5


def git(rng: random.Random, config: dict[str, Any]) -> None:
    config["num_image_with_embedding"] = rng.choice([None, 1, 6])
    patch = rng.choice([2, 4])
    config["vision_config"] |= {
        "patch_size": patch,
        "image_size": patch * rng.randint(2, 5) + rng.choice([0, 1]),
    }
    if rng.random() < 0.1:
        del config["vision_config"]


SEQ2SEQ = {
    "bart": "Bart", "plbart": "PLBart", "mbart": "MBart", "mvp": "Mvp", "pegasus": "Pegasus",
    "blenderbot": "Blenderbot", "blenderbot-small": "BlenderbotSmall", "bigbird_pegasus": "BigBirdPegasus",
    "whisper": "Whisper", "prophetnet": "ProphetNet",
}  # fmt: skip


def seq2seq(rng: random.Random, config: dict[str, Any]) -> None:
    """The decoder alone, or both halves, of different depth and width."""
    name = SEQ2SEQ[config["model_type"]]
    suffix = rng.choice(["ForConditionalGeneration", "ForConditionalGeneration", "ForCausalLM", ""])
    if suffix:
        config["architectures"] = [name + suffix]
    for key in ("encoder_attention_heads", "num_encoder_attention_heads", "num_decoder_attention_heads"):
        if key in config:
            config[key] = rng.choice([2, 4])
    for key in ("encoder_layers", "num_encoder_layers", "num_decoder_layers"):
        if key in config:
            config[key] = rng.randint(1, 4)
    for key in ("use_prompt", "use_bias"):
        if rng.random() < 0.5:
            config[key] = rng.random() < 0.5
    if config["model_type"] == "whisper":
        config |= {"pad_token_id": 3, "max_source_positions": rng.randint(8, 40)}
    config["attention_type"] = rng.choice(["original_full", "block_sparse"])


def marian(rng: random.Random, config: dict[str, Any]) -> None:
    config["decoder_vocab_size"] = rng.choice([None, 0, config["vocab_size"], 31])
    config["pad_token_id"] = 3


def trocr(rng: random.Random, config: dict[str, Any]) -> None:
    config["cross_attention_hidden_size"] = rng.choice([None, 24, 40])
    for key in ("layernorm_embedding", "use_learned_position_embeddings"):
        config[key] = rng.random() < 0.5


def musicgen(rng: random.Random, config: dict[str, Any]) -> None:
    name = "MusicgenMelody" if "melody" in config["model_type"] else "Musicgen"
    config |= {"architectures": [f"{name}ForCausalLM"], "audio_channels": rng.randint(1, 2)}


OVERRIDES: dict[str, Callable[[random.Random, dict[str, Any]], None]] = {
    "bloom": n_embed,
    "falcon": falcon,
    "gpt_neo": gpt_neo,
    "opt": opt,
    "xlnet": xlnet,
    "xlm": xlm,
    **dict.fromkeys(
        [
            "bert", "bert-generation", "camembert", "data2vec-text", "ernie", "megatron-bert", "roberta",
            "roberta-prelayernorm", "roc_bert", "xlm-roberta", "xlm-roberta-xl",
        ],
        encoder,
    ),
    "big_bird": big_bird,
    "electra": two_widths,
    "roformer": two_widths,
    "rembert": rembert,
    "xmod": xmod,
    "git": git,
    **dict.fromkeys(SEQ2SEQ, seq2seq),
    "marian": marian,
    "trocr": trocr,
    "musicgen_decoder": musicgen,
    "musicgen_melody_decoder": musicgen,
}  # fmt: skip
