"""BART and its relatives: the decoder alone, or both halves of a ...ForConditionalGeneration.

`architectures` says which. The decoder's layers come first in every entry: they are the language model's.
"""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, stack, tensor, tied, under, when
from registry.architecture.idioms_gpt import (
    TASK,
    bart_layer,
    divides,
    even_heads,
    layer_norm,
    squares,
    without,
)

WHOLE = "(architectures or [''])[0][-24:] == 'ForConditionalGeneration'"
LET = {**even_heads("decoder_attention_heads", "d_model"), "whole": WHOLE}
DECODER_ONLY = {
    "'For' not in (architectures or [''])[0] or architectures[0][-11:] == 'ForCausalLM'": (
        "architectures of a decoder"
    )
}
"""The check of an entry that describes the decoder alone."""


def task(heads: str = "encoder_attention_heads", d: str = "d_model") -> dict[str, str]:
    """The checks of an entry that describes both: the task, and the encoder's heads where there is one."""
    ((even, want),) = divides(heads, d).items()
    return {
        "'For' not in (architectures or [''])[0] or whole or architectures[0][-11:] == 'ForCausalLM'": (
            "architectures of a decoder or of an encoder and a decoder"
        ),
        f"not whole or {even}": want,
    }


CHECKS = {**divides("decoder_attention_heads", "d_model"), **task()}

ENCODER_LAYER = bart_layer(width="encoder_ffn_dim", cross=None)


def either(name: str, shape: str, owner: str, shared: str, tie: str = "tie_word_embeddings") -> Lines:
    """A tensor that shares `shared` in the whole model, and `owner` in the decoder alone."""
    alone = tied(name, shape, owner, tie) if owner else tensor(name, shape)
    return [*when("whole", tied(name, shape, shared)), *when("not whole", alone)]


def half(name: str, positions: str, norms: str) -> Lines:
    """Positions and the norms outside the layers, of the decoder or the encoder."""
    return under(f"model.{name}", [
        *tensor("embed_positions.weight", f"{positions}, d_model"),
        *[line for one in norms.split() for line in layer_norm(one, "d_model")],
    ])  # fmt: skip


def bart_like(
    positions: str,
    norms: str,
    bias: str | bool = True,
    head: str = "model.decoder.embed_tokens.weight",
    encoder: Lines = ENCODER_LAYER,
) -> Lines:
    """Both halves around one embedding. `norms`: those before the layers or after the last."""
    embedding, shared = "vocab_size, d_model", "model.shared.weight"
    return [
        *stack("model.decoder.layers", "decoder_layers", bart_layer(bias=bias)),
        *half("decoder", positions, norms),
        *either("model.decoder.embed_tokens.weight", embedding, "", shared),
        *either("lm_head.weight", embedding, head, shared),
        *when("whole", [
            *tensor(shared, embedding),
            *tied("model.encoder.embed_tokens.weight", embedding, shared),
            *stack("model.encoder.layers", "encoder_layers", encoder),
            *half("encoder", positions, norms),
        ]),
    ]  # fmt: skip


def prompt(name: str, layers: str) -> Lines:
    """The prompts that MVP learns for each layer, made from one table."""
    return under(name, [
        *tensor("prompt_embedding.weight", "prompt_length, d_model"),
        *linear("prompt_trans.0", "prompt_mid_dim", "d_model", True),
        *linear("prompt_trans.2", f"{layers} * 2 * d_model", "prompt_mid_dim", True),
    ])  # fmt: skip


OFFSET = "max_position_embeddings + 2"

BART = Blueprint(  # modeling_bart.py, modeling_plbart.py: position tables start at 2
    types=("bart", "plbart"),
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=bart_like(OFFSET, "layernorm_embedding"),
)

MBART = Blueprint(  # modeling_mbart.py: BART with norms before the blocks
    types=("mbart",),
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=bart_like(OFFSET, "layernorm_embedding layer_norm"),
)

MVP = Blueprint(  # modeling_mvp.py: BART; transformers makes prompts for the decoder only
    types=("mvp",),
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=[
        *bart_like(OFFSET, "layernorm_embedding"),
        *when("whole and use_prompt", [
            *prompt("model.decoder.self_attn_prompt", "decoder_layers"),
            *prompt("model.decoder.cross_attn_prompt", "decoder_layers"),
        ]),
    ],
)  # fmt: skip

PEGASUS = Blueprint(  # modeling_pegasus.py, modeling_blenderbot.py: norms before the blocks
    types=("pegasus", "blenderbot"),
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=bart_like("max_position_embeddings", "layer_norm"),
)

BLENDERBOT_SMALL = Blueprint(  # modeling_blenderbot_small.py
    types=("blenderbot-small",),
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=bart_like("max_position_embeddings", "layernorm_embedding"),
)

BIGBIRD_PEGASUS = Blueprint(  # modeling_bigbird_pegasus.py: sparse attention in the encoder
    types=("bigbird_pegasus",),
    let=LET,
    keys=TASK,
    checks={
        **CHECKS,
        "not whole or attention_type in ['original_full', 'block_sparse']": (
            "attention_type original_full or block_sparse"
        ),
    },
    lines=bart_like(
        "max_position_embeddings",
        "layernorm_embedding",
        "use_bias",
        "",
        [
            *under("self_attn", squares("self.query self.key self.value output", "d_model", "use_bias")),
            *without(ENCODER_LAYER, "self_attn."),
        ],
    ),
)

MARIAN = Blueprint(  # modeling_marian.py, MarianForCausalLM: positions are a fixed table
    types=("marian",),
    let={
        **even_heads("decoder_attention_heads", "d_model"),
        "decoder_vocab": "decoder_vocab_size or vocab_size",
    },
    keys=TASK,
    checks={**divides("decoder_attention_heads", "d_model"), **DECODER_ONLY},
    lines=[
        *stack("model.decoder.layers", "decoder_layers", bart_layer()),
        *half("decoder", "max_position_embeddings", ""),
        *tensor("model.decoder.embed_tokens.weight", "decoder_vocab, d_model"),
        *tied(
            "lm_head.weight",
            "decoder_vocab if tie_word_embeddings else vocab_size, d_model",
            "model.decoder.embed_tokens.weight",
        ),
    ],
)

WHISPER = Blueprint(  # modeling_whisper.py: no bias on keys; convolutions over mel bins before the encoder
    types=("whisper",),
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=[
        *stack(
            "model.decoder.layers",
            "decoder_layers",
            without(bart_layer(), "k_proj.bias"),
        ),
        *half("decoder", "max_target_positions", "layer_norm"),
        *tensor("model.decoder.embed_tokens.weight", "vocab_size, d_model"),
        *tied("proj_out.weight", "vocab_size, d_model", "model.decoder.embed_tokens.weight"),
        *when("whole", [
            *tensor("model.encoder.conv1.weight", "d_model, num_mel_bins, 3"),
            *tensor("model.encoder.conv1.bias", "d_model"),
            *tensor("model.encoder.conv2.weight", "d_model, d_model, 3"),
            *tensor("model.encoder.conv2.bias", "d_model"),
            *half("encoder", "max_source_positions", "layer_norm"),
            *stack(
                "model.encoder.layers",
                "encoder_layers",
                without(ENCODER_LAYER, "k_proj.bias"),
            ),
        ]),
    ],
)  # fmt: skip

TROCR = Blueprint(  # modeling_trocr.py: a decoder for an image encoder of another width
    types=("trocr",),
    let={
        **even_heads("decoder_attention_heads", "d_model"),
        "seen": "d_model if cross_attention_hidden_size is None else cross_attention_hidden_size",
    },
    keys=TASK,
    checks={**divides("decoder_attention_heads", "d_model"), **DECODER_ONLY},
    lines=[
        *stack("model.decoder.layers", "decoder_layers", [
            *bart_layer(cross=None),
            *under("encoder_attn", [
                *linear("k_proj", "d_model", "seen", True),
                *linear("v_proj", "d_model", "seen", True),
                *squares("q_proj out_proj", "d_model"),
            ]),
            *layer_norm("encoder_attn_layer_norm", "d_model"),
        ]),
        *tensor("model.decoder.embed_tokens.weight", "vocab_size, d_model"),
        *tensor(
            "model.decoder.embed_positions.weight",
            "max_position_embeddings + 2, d_model",
            "use_learned_position_embeddings",
        ),
        *layer_norm("model.decoder.layernorm_embedding", "d_model", affine="layernorm_embedding"),
        *tied("output_projection.weight", "vocab_size, d_model", "model.decoder.embed_tokens.weight"),
    ],
)  # fmt: skip


def prophet_layer(width: str, decoder: bool) -> Lines:
    """A layer of ProphetNet; in the decoder with relative positions and cross attention."""
    cross = squares("cross_attn.key_proj cross_attn.value_proj cross_attn.query_proj cross_attn.out_proj")
    return [
        *under("self_attn", squares("key_proj value_proj query_proj out_proj")),
        *layer_norm("self_attn_layer_norm"),
        *linear("feed_forward.intermediate", width, "hidden_size", True),
        *linear("feed_forward.output", "hidden_size", width, True),
        *layer_norm("feed_forward_layer_norm"),
        *(when("add_cross_attention", [*cross, *layer_norm("cross_attn_layer_norm")]) if decoder else []),
        *(
            linear("self_attn.relative_pos_embeddings", "num_buckets * heads", "hidden_size", True)
            if decoder
            else []
        ),
    ]


def prophet_half(name: str) -> Lines:
    """Embeddings of the decoder or the encoder, the words shared by both."""
    return [
        *tied(
            f"prophetnet.{name}.word_embeddings.weight",
            "vocab_size, hidden_size",
            "prophetnet.word_embeddings.weight",
        ),
        *tensor(
            f"prophetnet.{name}.position_embeddings.weight",
            "max_position_embeddings, hidden_size",
        ),
        *layer_norm(f"prophetnet.{name}.embeddings_layer_norm"),
    ]


PROPHETNET = Blueprint(  # modeling_prophetnet.py: predicts the next ngram tokens at once (arXiv:2001.04063)
    types=("prophetnet",),
    base="prophetnet.",
    let={**even_heads("num_decoder_attention_heads"), "whole": WHOLE},
    keys=TASK,
    checks={**divides("num_decoder_attention_heads"), **task("num_encoder_attention_heads", "hidden_size")},
    lines=[
        *stack("prophetnet.decoder.layers", "num_decoder_layers", prophet_layer("decoder_ffn_dim", True)),
        *tensor("prophetnet.word_embeddings.weight", "vocab_size, hidden_size"),
        *prophet_half("decoder"),
        *tensor("prophetnet.decoder.ngram_embeddings.weight", "ngram, hidden_size"),
        *when("whole", [
            *stack(
                "prophetnet.encoder.layers", "num_encoder_layers", prophet_layer("encoder_ffn_dim", False)
            ),
            *prophet_half("encoder"),
        ]),
        *tied("lm_head.weight", "vocab_size, hidden_size", "prophetnet.word_embeddings.weight"),
    ],
)  # fmt: skip


def musicgen(cross: str | None) -> Lines:
    """A decoder over codebooks of audio: an embedding and a head for each."""
    return [
        *stack(
            "model.decoder.layers",
            "num_hidden_layers",
            bart_layer("hidden_size", "ffn_dim", cross, False, False),
        ),
        *norm("model.decoder.layer_norm", "hidden_size", bias=True),
        *stack(
            "model.decoder.embed_tokens", "num_codebooks", tensor("weight", "vocab_size + 1, hidden_size")
        ),
        *stack("lm_heads", "num_codebooks", tensor("weight", "vocab_size, hidden_size")),
    ]


MUSICGEN_DECODER = Blueprint(  # modeling_musicgen.py, MusicgenForCausalLM
    types=("musicgen_decoder",),
    let=even_heads(),
    checks={**divides(), "audio_channels in [1, 2]": "audio_channels 1 or 2"},
    lines=musicgen("True"),
)

MUSICGEN_MELODY_DECODER = Blueprint(  # modeling_musicgen_melody.py: text and melody as a prefix
    types=("musicgen_melody_decoder",),
    let=even_heads(),
    checks={**divides(), "audio_channels in [1, 2]": "audio_channels 1 or 2"},
    lines=musicgen(None),
)

ENTRIES = (
    BART, MBART, MVP, PEGASUS, BLENDERBOT_SMALL, BIGBIRD_PEGASUS, MARIAN, WHISPER, TROCR, PROPHETNET,
    MUSICGEN_DECODER, MUSICGEN_MELODY_DECODER,
)  # fmt: skip
