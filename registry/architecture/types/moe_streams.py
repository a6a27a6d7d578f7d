"""Decoders of bytes and of speech tokens: BLT, and the text model of Moshi."""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, stack, tensor, tied, under, when
from registry.architecture.idioms import HEADS, gated_mlp, gqa, two_norms


def blocks(prefix: str, part: str) -> Lines:
    """The layers of one of BLT's four transformers, sized by its own nested config."""
    return stack(
        f"{prefix}.layers",
        f"{part}.num_hidden_layers",
        [*under("self_attn", gqa()), *under("mlp", gated_mlp("width")), *two_norms()],
        let=sizes(part),
    )


def crossings(prefix: str, part: str) -> Lines:
    """Cross attention between bytes and patches, in every layer or in one."""
    return stack(
        f"{prefix}.cross_attn_layers",
        f"{part}.num_hidden_layers if {part}.cross_attn_all_layers else 1",
        [*gqa(), *norm("q_norm", "hidden_size"), *norm("k_norm", "hidden_size")],
        let={**sizes(part), "mixer": "'cross'"},
    )


def sizes(part: str) -> dict[str, str]:
    return {
        "hidden_size": f"{part}.hidden_size",
        "heads": f"{part}.num_attention_heads",
        "kv_heads": f"{part}.num_key_value_heads or {part}.num_attention_heads",
        "head_dim": "hidden_size // heads",
        "width": f"{part}.intermediate_size or 8 * {part}.hidden_size // 3",
    }


BLT = Blueprint(  # modeling_blt.py: bytes in patches; two small models around a large one, one more cuts
    types=("blt",),
    let={
        "bytes_in": "encoder_config.hidden_size",
        "bytes_out": "decoder_config.hidden_size",
        "patch": "global_config.hidden_size",
        "tables": "len(encoder_hash_byte_group_size or [3, 4, 5, 6, 7, 8])",
        "vocab_in": "vocab_size if tie_word_embeddings else encoder_config.vocab_size",
        "embed_in": "bytes_out if tie_word_embeddings else bytes_in",
    },
    lines=[
        *blocks("model.global_transformer", "global_config"),
        *when("bytes_in * cross_attn_k != patch", linear(
            "model.global_transformer.token_embedding_projection", "patch", "bytes_in * cross_attn_k"
        )),
        *under("model.local_encoder", [
            *tensor("embed_tokens.weight", "vocab_in, embed_in"),
            *linear("patch_embedding_projection", "bytes_in * encoder_config.cross_attn_k", "bytes_in"),
        ]),
        *blocks("model.local_encoder", "encoder_config"),
        *crossings("model.local_encoder", "encoder_config"),
        *linear(
            "model.local_decoder.patch_embedding_projection",
            "bytes_out * decoder_config.cross_attn_k",
            "decoder_config.hidden_size_global",
        ),
        *blocks("model.local_decoder", "decoder_config"),
        *crossings("model.local_decoder", "decoder_config"),
        *norm("model.local_decoder.norm", "bytes_out"),
        *tensor(
            "model.encoder_hash_tok_embedding.weight",
            "encoder_hash_byte_group_vocab * encoder_hash_byte_group_nb_functions * tables, bytes_in",
        ),
        *when("patch_in_forward", [
            *blocks("model.patcher", "patcher_config"),
            *linear("model.patcher.embed_tokens", "patcher_config.vocab_size", "patcher_config.hidden_size"),
            *norm("model.patcher.norm", "patcher_config.hidden_size"),
            *linear("model.patcher.lm_head", "patcher_config.vocab_size", "patcher_config.hidden_size"),
        ]),
        *tied("lm_head.weight", "vocab_size, bytes_out", "model.local_encoder.embed_tokens.weight"),
    ],
)  # fmt: skip

MOSHI = Blueprint(  # modeling_moshi.py, MoshiForCausalLM: without depth decoder and audio codec
    types=("moshi",),
    let={**HEADS, "window": "sliding_window"},
    keys={"architectures": ("ln", None)},
    checks={
        "not architectures or architectures[0] == 'MoshiForCausalLM'": "architectures of MoshiForCausalLM",
        "hidden_size % heads == 0": "hidden_size divisible by num_attention_heads",
        "ffn_dim % 2 == 0": "an even ffn_dim",
    },
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size + 1, hidden_size"),
        *stack("model.layers", "num_hidden_layers", [
            *under("self_attn", [
                *linear("q_proj.linear", "heads * head_dim", "hidden_size"),
                *linear("k_proj.linear", "kv_heads * head_dim", "hidden_size"),
                *linear("v_proj.linear", "kv_heads * head_dim", "hidden_size"),
                *linear("o_proj.linear", "hidden_size", "heads * head_dim"),
            ]),
            *linear("mlp.fc1", "ffn_dim", "hidden_size"),
            *linear("mlp.fc2", "hidden_size", "ffn_dim / 2"),
            *two_norms(),
        ]),
        *norm("model.norm", "hidden_size"),
        *linear("lm_head", "vocab_size", "hidden_size"),
    ],
)  # fmt: skip

ENTRIES = (BLT, MOSHI)
