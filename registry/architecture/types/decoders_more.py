"""Less common dense decoders, each near Llama but for a norm, an activation, a gate or a name."""

from collections.abc import Mapping
from typing import Any

from registry.architecture.blueprint import Blueprint, Part, linear, norm, stack, tensor, tied, under, when
from registry.architecture.idioms import (
    EVEN,
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    decoder,
    fused_experts,
    gated_mlp,
    gqa,
    kinds,
    mla,
    plain_mlp,
    router,
    sliding_where,
    two_norms,
)
from registry.architecture.idioms_latent import MLA_HEADS
from registry.architecture.idioms_moe import OWN_EXPERTS
from registry.architecture.idioms_vl import square, text_and_head, whisper_layer

MULTI_HEAD = {
    "heads": "num_attention_heads",
    "kv_heads": "num_attention_heads",
    "head_dim": "hidden_size / num_attention_heads",
}
FULL_OR_SLIDING = kinds("full_attention", "sliding_attention")

APERTUS = Blueprint(  # modeling_apertus.py: no gate; xIELU has two learned numbers (arXiv:2411.13010)
    types=("apertus",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=decoder([
        *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
        *under("mlp", plain_mlp("up_proj", "down_proj", bias=False)),
        *tensor("mlp.act_fn.alpha_p", "1", "hidden_act == 'xielu'"),
        *tensor("mlp.act_fn.alpha_n", "1", "hidden_act == 'xielu'"),
        *norm("attention_layernorm", "hidden_size"),
        *norm("feedforward_layernorm", "hidden_size"),
    ]),
)  # fmt: skip

ARCEE = Blueprint(  # modeling_arcee.py: no gate, squared ReLU
    types=("arcee",),
    let=FLOOR_HEADS,
    checks=EVEN,
    lines=decoder([
        *under("self_attn", gqa(bias="attention_bias")),
        *under("mlp", plain_mlp("up_proj", "down_proj", bias="mlp_bias")),
        *two_norms(),
    ]),
)  # fmt: skip

BITNET = Blueprint(  # modeling_bitnet.py: a norm before each output projection (arXiv:2402.17764)
    types=("bitnet",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=decoder([
        *under("self_attn", gqa(bias="attention_bias")),
        *norm("self_attn.attn_sub_norm", "hidden_size"),
        *under("mlp", gated_mlp()),
        *norm("mlp.ffn_sub_norm", "intermediate_size"),
        *two_norms(),
    ]),
)  # fmt: skip

CWM = Blueprint(  # modeling_cwm.py: every fourth layer full, the others sliding
    types=("cwm",),
    let=FLOOR_HEADS,
    checks={**EVEN, **FULL_OR_SLIDING, "sliding_window > 0": "sliding_window of at least 1"},
    lines=decoder(
        [*under("self_attn", gqa()), *under("mlp", gated_mlp(bias="mlp_bias")), *two_norms()],
        let=sliding_where("layer % 4 != 0"),
    ),
)

DIFFLLAMA = Blueprint(  # modeling_diffllama.py: the difference of two attentions (arXiv:2410.05258)
    types=("diffllama",),
    let=FLOOR_HEADS,
    checks={
        "kv_heads % 2 == 0": "an even number of key and value heads",
        "attention_dropout <= 0": "attention_dropout 0",
    },
    keys={"attention_dropout": ("fi", 0.0)},
    lines=decoder([
        *under("self_attn", [
            *gqa(bias="attention_bias"),
            *[line for name in ("q1", "k1", "q2", "k2") for line in tensor(f"lambda_{name}", "head_dim")],
        ]),
        *under("mlp", gated_mlp()),
        *two_norms(),
    ]),
)  # fmt: skip

GRANITE_SWA = Blueprint(  # modeling_granite_swa.py: a sink per query head, every fourth layer full
    types=("granite_swa",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks=FULL_OR_SLIDING,
    lines=decoder(
        [
            *under("self_attn", [*gqa(bias="attention_bias"), *tensor("sinks", "heads")]),
            *under("mlp", gated_mlp(bias="mlp_bias")),
            *two_norms(),
        ],
        let=sliding_where("layer % 4 != 0"),
    ),
)

HELIUM = Blueprint(  # modeling_helium.py: a square output projection without a bias
    types=("helium",),
    let=FLOOR_HEADS,
    lines=decoder([
        *under("self_attn", [
            *linear("q_proj", "heads * head_dim", "hidden_size", "attention_bias"),
            *linear("k_proj", "kv_heads * head_dim", "hidden_size", "attention_bias"),
            *linear("v_proj", "kv_heads * head_dim", "hidden_size", "attention_bias"),
            *linear("o_proj", "hidden_size", "hidden_size"),
        ]),
        *under("mlp", gated_mlp(bias="mlp_bias")),
        *two_norms(),
    ]),
)  # fmt: skip

HYPERCLOVAX = Blueprint(  # modeling_hyperclovax.py: with use_post_norm, a norm after each block too
    types=("hyperclovax",),
    let=FLOOR_HEADS,
    checks=EVEN,
    lines=decoder([
        *under("self_attn", gqa(bias="attention_bias")),
        *under("mlp", gated_mlp(bias="mlp_bias")),
        *two_norms(),
        *when("use_post_norm", [*norm("post_norm1", "hidden_size"), *norm("post_norm2", "hidden_size")]),
    ]),
)  # fmt: skip

JAIS2 = Blueprint(  # modeling_jais2.py: LayerNorm with bias, no gate, squared ReLU
    types=("jais2",),
    let=FLOOR_HEADS,
    checks=EVEN,
    lines=[
        *decoder([
            *under("self_attn", gqa(bias="attention_bias")),
            *under("mlp", plain_mlp("up_proj", "down_proj", bias="mlp_bias")),
            *two_norms(bias=True),
        ]),
        *tensor("model.norm.bias", "hidden_size"),
    ],
)  # fmt: skip

MELLUM = Blueprint(  # modeling_mellum.py: Qwen3's layer; mlp_layer_types says which have experts
    types=("mellum",),
    let={**FLOOR_HEADS, **OWN_EXPERTS},
    checks={
        **FULL_OR_SLIDING,
        **kinds("dense", "sparse", key="mlp_layer_types"),
        "(num_mtp_layers or 0) <= 1": "num_mtp_layers of at most 1",
    },
    lines=decoder(
        [
            *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
            *under("mlp", when("not is_moe", gated_mlp())),
            *under("mlp", when("is_moe", [*router(), *fused_experts("moe_intermediate_size")])),
            *two_norms(),
        ],
        let={
            "is_moe": "mlp_layer_types is None or mlp_layer_types[layer] == 'sparse'",
            **sliding_where("False"),
        },
    ),
)

LATENT = {"num_key_value_heads != 0": "num_key_value_heads of at least 1"}

MINICPM3 = Blueprint(  # modeling_minicpm3.py: latent attention with a dense MLP
    types=("minicpm3",),
    let={
        **MLA_HEADS,
        "v_head_dim": "hidden_size // num_attention_heads if v_head_dim is None else v_head_dim",
    },
    checks={**EVEN, **LATENT},
    lines=decoder([*under("self_attn", mla()), *under("mlp", gated_mlp(bias="mlp_bias")), *two_norms()]),
)

YOUTU = Blueprint(  # modeling_youtu.py: latent attention with a dense MLP
    types=("youtu",),
    let=MLA_HEADS,
    checks=LATENT,
    lines=decoder([*under("self_attn", mla()), *under("mlp", gated_mlp()), *two_norms()]),
)

NANOCHAT = Blueprint(  # modeling_nanochat.py: norms without weights, squared ReLU
    types=("nanochat",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("model.layers", "num_hidden_layers", [
            *under("self_attn", gqa(bias="attention_bias")),
            *under("mlp", plain_mlp("fc1", "fc2", bias=False)),
        ]),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
    ],
)  # fmt: skip

PERSIMMON = Blueprint(  # modeling_persimmon.py: query, key and value in one, a norm on each head
    types=("persimmon",),
    let=MULTI_HEAD,
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("model.layers", "num_hidden_layers", [
            *under("self_attn", [
                *linear("query_key_value", "3 * hidden_size", "hidden_size", bias=True),
                *linear("dense", "hidden_size", "heads * head_dim", bias=True),
                *when("qk_layernorm", norm("q_layernorm", "head_dim", bias=True)),
                *when("qk_layernorm", norm("k_layernorm", "head_dim", bias=True)),
            ]),
            *under("mlp", plain_mlp("dense_h_to_4h", "dense_4h_to_h")),
            *two_norms(bias=True),
        ]),
        *norm("model.final_layernorm", "hidden_size", bias=True),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
    ],
)  # fmt: skip

FUYU_TEXT = (
    "vocab_size", "max_position_embeddings", "hidden_size", "intermediate_size", "num_hidden_layers",
    "num_attention_heads", "hidden_act", "qk_layernorm",
)  # fmt: skip


def nested_text(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Fuyu file whose text keys stand beside the others has them in a text_config, as its class does it."""
    if raw.get("text_config") is not None:
        return raw
    return {**raw, "text_config": {key: raw[key] for key in FUYU_TEXT if key in raw}}


FUYU = Blueprint(  # modeling_fuyu.py: patches go through one linear into a Persimmon, no vision tower
    types=("fuyu",),
    parts={"text_config": "persimmon"},
    prepare=nested_text,
    lines=[
        *text_and_head(),
        *linear(
            "model.vision_embed_tokens", "text_config.hidden_size", "patch_size ** 2 * num_channels", True
        ),
    ],
)

VAULTGEMMA = Blueprint(  # modeling_vaultgemma.py: Gemma 2 without the norms behind its blocks
    types=("vaultgemma",),
    let=FLOOR_HEADS,
    checks={**EVEN, **FULL_OR_SLIDING, "query_pre_attn_scalar > 0": "query_pre_attn_scalar of at least 1"},
    lines=decoder(
        [
            *under("self_attn", gqa(bias="attention_bias")),
            *under("mlp", gated_mlp()),
            *norm("input_layernorm", "hidden_size"),
            *norm("pre_feedforward_layernorm", "hidden_size"),
        ],
        let=sliding_where("layer % 2 == 0"),
    ),
)

MODERNBERT_DECODER = Blueprint(  # modeling_modernbert_decoder.py: local_attention counts both sides
    types=("modernbert-decoder",),
    let=MULTI_HEAD,
    keys={"global_attn_every_n_layers": ("i", 3)},
    checks={**FULL_OR_SLIDING, "local_attention": "a local_attention of at least 1"},
    lines=[
        *tensor("model.embeddings.tok_embeddings.weight", "vocab_size, hidden_size"),
        *norm("model.embeddings.norm", "hidden_size", "norm_bias"),
        *stack("model.layers", "num_hidden_layers", [
            *when("layer > 0", norm("attn_norm", "hidden_size", "norm_bias")),
            *under("attn", square("q_proj k_proj v_proj Wo", bias="attention_bias")),
            *norm("mlp_norm", "hidden_size", "norm_bias"),
            *linear("mlp.Wi", "2 * intermediate_size", "hidden_size", "mlp_bias"),
            *linear("mlp.Wo", "hidden_size", "intermediate_size", "mlp_bias"),
        ], let=sliding_where("layer % global_attn_every_n_layers != 0", "local_attention // 2")),
        *norm("model.final_norm", "hidden_size", "norm_bias"),
        *linear("lm_head.dense", "hidden_size", "hidden_size", "classifier_bias"),
        *norm("lm_head.norm", "hidden_size", "norm_bias"),
        *tied("decoder.weight", "vocab_size, hidden_size", "model.embeddings.tok_embeddings.weight"),
        *tensor("decoder.bias", "vocab_size", "decoder_bias"),
    ],
)  # fmt: skip

HRM_LAYER = [
    *under("self_attn", gqa(bias="attention_bias")),
    *linear("self_attn.gate_proj", "heads * head_dim", "hidden_size", "attention_bias"),
    *under("mlp", gated_mlp(bias="mlp_bias")),
]

HRM_TEXT = Blueprint(  # modeling_hrm_text.py: two stacks, run over and over; gated attention, no norm weights
    types=("hrm_text",),
    let={
        "heads": "num_attention_heads",
        "kv_heads": "num_attention_heads",
        "per_stack": "num_hidden_layers if num_layers_per_stack is None else num_layers_per_stack",
    },
    checks=EVEN,
    lines=[
        *tensor("model.z_L_init", "hidden_size"),
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("model.L_module.layers", "per_stack", HRM_LAYER),
        *stack("model.H_module.layers", "per_stack", HRM_LAYER),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
    ],
)

FLINT = Blueprint(  # modeling_flint.py: sinks, an ungated shared expert; each fourth layer and the last full
    types=("flint",),
    let={**FLOOR_HEADS, **OWN_EXPERTS, "dense": "[0, 1] if mlp_only_layers is None else mlp_only_layers"},
    checks=FULL_OR_SLIDING,
    lines=decoder(
        [
            *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
            *tensor("self_attn.sinks", "heads"),
            *under("mlp", when("not is_moe", gated_mlp())),
            *under("mlp", when("is_moe", [
                *router(),
                *fused_experts("moe_intermediate_size"),
                *under("shared_expert", gated_mlp("shared_expert_intermediate_size")),
            ])),
            *two_norms(),
        ],
        let={
            "is_moe": "layer not in dense and experts > 0 and (layer + 1) % decoder_sparse_step == 0",
            **sliding_where("layer >= 2 and layer % 4 != 1 and layer != num_hidden_layers - 1"),
        },
    ),
)  # fmt: skip

COHERE_COMPASS_TEXT = Blueprint(  # modeling_cohere_compass.py: attention and MLP in parallel behind one norm
    types=("cohere_compass_text",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks=FULL_OR_SLIDING,
    lines=decoder(let=sliding_where("False"), layer=[
        *under("self_attn", gqa(bias="attention_bias")),
        *under("mlp", gated_mlp()),
        *norm("input_layernorm", "hidden_size"),
    ]),
)  # fmt: skip

BEAM = Blueprint(  # modeling_beam.py: gated attention, norms around blocks; each sixth and last layer full
    types=("beam",),
    let={**FLOOR_HEADS, **OWN_EXPERTS},
    checks={
        **FULL_OR_SLIDING,
        **kinds("dense", "sparse", key="mlp_layer_types"),
        "heads % kv_heads == 0": "num_attention_heads divisible by num_key_value_heads",
    },
    lines=decoder(
        [
            *under("self_attn", [
                *gqa(bias="attention_bias", qk_norm="head"),
                *linear("gate_proj", "heads * head_dim", "hidden_size"),
                *tensor("gate_bias", "heads"),
            ]),
            *under("mlp", when("not is_moe", gated_mlp())),
            *under("mlp", when("is_moe", [*router(), *fused_experts("moe_intermediate_size")])),
            *two_norms(),
            *norm("pre_feedforward_layernorm", "hidden_size"),
            *norm("post_feedforward_layernorm", "hidden_size"),
        ],
        let={
            "is_moe": "layer >= 3 if mlp_layer_types is None else mlp_layer_types[layer] == 'sparse'",
            **sliding_where("(layer + 1) % 6 != 0 and layer != num_hidden_layers - 1"),
        },
    ),
)  # fmt: skip

MOSS_AUDIO = Blueprint(  # modeling_moss_transcribe_diarize.py: the encoder of Whisper
    types=("moss_transcribe_diarize_audio",),
    base="",
    let=MULTI_HEAD,
    checks=EVEN,
    lines=[
        *tensor("conv1.weight", "hidden_size, num_mel_bins, 3"),
        *tensor("conv1.bias", "hidden_size"),
        *tensor("conv2.weight", "hidden_size, hidden_size, 3"),
        *tensor("conv2.bias", "hidden_size"),
        *tensor("embed_positions.weight", "max_source_positions, hidden_size"),
        *stack("layers", "num_hidden_layers", whisper_layer("hidden_size", "intermediate_size")),
        *norm("layer_norm", "hidden_size", bias=True),
    ],
)

MOSS = Blueprint(  # modeling_moss_transcribe_diarize.py: frames of Whisper, a few at a time, into Qwen3
    types=("moss_transcribe_diarize",),
    parts={"text_config": "qwen3"},
    part_defaults={"text_config": {
        "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8,
    }},
    let={"d": "text_config.hidden_size"},
    lines=[
        *text_and_head(),
        Part("model.audio_tower", "audio_config"),
        *under("model.multi_modal_projector", [
            *linear("linear_1", "d", "audio_config.hidden_size * audio_merge_size", "projector_bias"),
            *linear("linear_2", "d", "d", "projector_bias"),
            *norm("norm", "d", bias=True),
        ]),
    ],
)  # fmt: skip

ENTRIES = (
    APERTUS, ARCEE, BITNET, CWM, DIFFLLAMA, GRANITE_SWA, HELIUM, HYPERCLOVAX, JAIS2, MELLUM, MINICPM3, YOUTU,
    NANOCHAT, PERSIMMON, VAULTGEMMA, MODERNBERT_DECODER, HRM_TEXT, FLINT, COHERE_COMPASS_TEXT, BEAM, FUYU,
    MOSS_AUDIO, MOSS,
)  # fmt: skip
