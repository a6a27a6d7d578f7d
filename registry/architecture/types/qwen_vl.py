"""Qwen with images, video and sound: Qwen2-VL to Qwen3.5, and the thinkers of Qwen-Omni."""

from registry.architecture.blueprint import Blueprint, Lines, Part, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import (
    EVEN_HEADS,
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    fused_experts,
    gated_mlp,
    gqa,
    router,
    two_norms,
)
from registry.architecture.idioms_vl import (
    LAYER_KINDS,
    QWEN2_LAYER,
    QWEN2_WINDOW,
    conv2d,
    fused_qkv,
    norms,
    patches_3d,
    square,
    text_and_head,
    text_model,
    tie_of_either,
    two_linears,
    where_absent,
    whisper_layer,
)

MERGED = {"merged": "hidden_size * spatial_merge_size ** 2"}
QWEN3_LAYER = [
    *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
    *under("mlp", when("not is_moe", gated_mlp())),
    *under("mlp", when("is_moe", [*router(), *fused_experts("moe_intermediate_size")])),
    *two_norms(),
]
IS_MOE = {
    "is_moe": "layer not in (mlp_only_layers or []) and experts > 0"
    " and (layer + 1) % decoder_sparse_step == 0"
}


def merger(norm_name: str, first: str, second: str, out: str, width: str, bias: bool = True) -> Lines:
    """Some patches become one token: a norm of `width`, and two linears over all of them."""
    return [
        *norm(norm_name, width, bias),
        *linear(first, "merged", "merged", True),
        *linear(second, out, "merged", True),
    ]


def qwen2_5_tower(attention: Lines) -> Lines:
    """The tower of Qwen2.5-VL around its attention."""
    return [
        *patches_3d(),
        *stack(
            "blocks",
            "depth",
            [*norms("norm1 norm2"), *under("attn", attention), *under("mlp", gated_mlp(bias=True))],
        ),
        *under("merger", merger("ln_q", "mlp.0", "mlp.2", "out_hidden_size", "hidden_size", bias=False)),
    ]


QWEN3_PATCHES = [*patches_3d(bias=True), *tensor("pos_embed.weight", "num_position_embeddings, hidden_size")]
QWEN3_BLOCKS = stack(
    "blocks",
    "depth",
    [
        *norms("norm1 norm2", bias=True),
        *under("attn", fused_qkv()),
        *under("mlp", two_linears("linear_fc1", "linear_fc2")),
    ],
)
QWEN3_MERGER = ("norm", "linear_fc1", "linear_fc2", "out_hidden_size")
OMNI_MERGER = ("ln_q", "mlp.0", "mlp.2", "out_hidden_size")
IMAGE_AND_TEXT = [Part("model.visual", "vision_config"), *text_and_head()]
SOUND_IMAGE_AND_TEXT = [Part("model.audio_tower", "audio_config"), *IMAGE_AND_TEXT]
OUTPUT_DIM = {"output_dim": ("i", 3584)}
AUDIO_CHECKS = {
    "d_model % encoder_attention_heads == 0": "d_model as a multiple of encoder_attention_heads",
    "d_model % 2 == 0": "an even d_model",
}


# Towers.

QWEN2_VL_VISION = Blueprint(  # modeling_qwen2_vl.py: 3D patches, rotary positions, 2x2 patches are one token
    types=("qwen2_vl_vision",),
    base="",
    let={"merged": "embed_dim * spatial_merge_size ** 2", "mlp_width": "embed_dim * mlp_ratio"},
    lines=[
        *patches_3d(width="embed_dim"),
        *stack("blocks", "depth", [
            *norms("norm1 norm2", "embed_dim", bias=True),
            *under("attn", fused_qkv("embed_dim")),
            *under("mlp", two_linears("fc1", "fc2", "mlp_width", "embed_dim")),
        ]),
        *under("merger", merger("ln_q", "mlp.0", "mlp.2", "hidden_size", "embed_dim")),
    ],
)  # fmt: skip

QWEN2_5_VL_VISION = Blueprint(  # modeling_qwen2_5_vl.py: RMSNorm, gated MLP
    types=("qwen2_5_vl_vision",),
    base="",
    let=MERGED,
    lines=qwen2_5_tower(fused_qkv()),
)

QWEN2_5_OMNI_VISION = Blueprint(  # modeling_qwen2_5_omni.py: the same with q, k and v apart
    types=("qwen2_5_omni_vision_encoder",),
    base="",
    let=MERGED,
    lines=qwen2_5_tower(square("q k v proj")),
)

QWEN3_VL_VISION = Blueprint(  # modeling_qwen3_vl.py: learned positions, features of some layers join the text
    types=("qwen3_vl_vision", "qwen3_vl_moe_vision"),
    base="",
    let=MERGED,
    lines=[
        *QWEN3_PATCHES,
        *QWEN3_BLOCKS,
        *under("merger", merger(*QWEN3_MERGER, "hidden_size")),
        *stack("deepstack_merger_list", "len(deepstack_visual_indexes)", merger(*QWEN3_MERGER, "merged")),
    ],
)

QWEN3_5_VISION = Blueprint(  # modeling_qwen3_5.py: Qwen3-VL's without those features
    types=("qwen3_5_vision", "qwen3_5_moe_vision", "qwen4_exp_vision"),
    base="",
    let=MERGED,
    lines=[*QWEN3_PATCHES, *QWEN3_BLOCKS, *under("merger", merger(*QWEN3_MERGER, "hidden_size"))],
)

QWEN3_OMNI_VISION = Blueprint(  # modeling_qwen3_omni_moe.py: Qwen3-VL's under older names
    types=("qwen3_omni_moe_vision_encoder",),
    base="",
    let=MERGED,
    lines=[
        *stack("merger_list", "len(deepstack_visual_indexes)", merger(*OMNI_MERGER, "merged")),
        *QWEN3_PATCHES,
        *QWEN3_BLOCKS,
        *under("merger", merger(*OMNI_MERGER, "hidden_size")),
    ],
)

QWEN2_5_OMNI_AUDIO = Blueprint(  # modeling_qwen2_5_omni.py: Whisper's encoder
    types=("qwen2_5_omni_audio_encoder",),
    base="",
    checks=AUDIO_CHECKS,
    keys=OUTPUT_DIM,
    lines=[
        *tensor("conv1.weight", "d_model, num_mel_bins, 3"),
        *tensor("conv1.bias", "d_model"),
        *tensor("conv2.weight", "d_model, d_model, 3"),
        *tensor("conv2.bias", "d_model"),
        *tensor("audio_bos_eos_token.weight", "2, output_dim"),
        *stack("layers", "encoder_layers", whisper_layer()),
        *norm("ln_post", "d_model", bias=True),
        *linear("proj", "output_dim", "d_model", True),
    ],
)

QWEN3_OMNI_AUDIO = Blueprint(  # modeling_qwen3_omni_moe.py: the spectrogram as an image, halved three times
    types=("qwen3_omni_moe_audio_encoder",),
    base="",
    checks=AUDIO_CHECKS,
    keys=OUTPUT_DIM,
    let={"bands": "(((num_mel_bins + 1) // 2 + 1) // 2 + 1) // 2"},
    lines=[
        *stack("layers", "encoder_layers", whisper_layer(key_bias=True)),
        *norm("ln_post", "d_model", bias=True),
        *conv2d("conv2d1", "downsample_hidden_size", "1", "3"),
        *conv2d("conv2d2", "downsample_hidden_size", "downsample_hidden_size", "3"),
        *conv2d("conv2d3", "downsample_hidden_size", "downsample_hidden_size", "3"),
        *linear("conv_out", "d_model", "downsample_hidden_size * bands"),
        *linear("proj1", "d_model", "d_model", True),
        *linear("proj2", "output_dim", "d_model", True),
    ],
)

# Text parts.

QWEN2_VL_TEXT = Blueprint(  # modeling_qwen2_vl.py
    types=("qwen2_vl_text", "qwen2_5_vl_text"),
    base="",
    let=EVEN_HEADS,
    checks=LAYER_KINDS,
    lines=text_model(QWEN2_LAYER, let=QWEN2_WINDOW),
)

QWEN2_5_OMNI_TEXT = Blueprint(  # modeling_qwen2_5_omni.py
    types=("qwen2_5_omni_text",),
    base="",
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks=LAYER_KINDS,
    lines=text_model(QWEN2_LAYER, let=QWEN2_WINDOW),
)

QWEN3_VL_TEXT = Blueprint(  # modeling_qwen3_vl.py: a norm on each query and key head
    types=("qwen3_vl_text",),
    base="",
    let={**FLOOR_HEADS, "is_moe": "False"},
    lines=text_model(QWEN3_LAYER),
)

QWEN3_VL_MOE_TEXT = Blueprint(  # modeling_qwen3_vl_moe.py
    types=("qwen3_vl_moe_text", "qwen3_omni_moe_text"),
    base="",
    let={**FLOOR_HEADS, "experts": "num_experts", "top_k": "num_experts_per_tok"},
    keys=WHOLE_HEAD_DIM,
    lines=text_model(QWEN3_LAYER, let=IS_MOE),
)

# Models.

QWEN2_VL = Blueprint(  # modeling_qwen2_vl.py; configs of 2024 have the text keys at the top level
    types=("qwen2_vl", "qwen2_5_vl"),
    let={"tie_word_embeddings": tie_of_either},
    prepare=where_absent(text_config=None),
    lines=IMAGE_AND_TEXT,
)

QWEN3_VL = Blueprint(types=("qwen3_vl", "qwen3_vl_moe"), lines=IMAGE_AND_TEXT)  # modeling_qwen3_vl.py

QWEN3_5 = Blueprint(  # modeling_qwen3_5.py
    types=("qwen3_5", "qwen3_5_moe", "qwen4_exp"), causal="text_config", lines=IMAGE_AND_TEXT
)

OMNI_THINKER = (
    Blueprint(  # modeling_qwen2_5_omni.py, modeling_qwen3_omni_moe.py: what understands, not the voice
        types=("qwen2_5_omni_thinker", "qwen3_omni_moe_thinker"), lines=SOUND_IMAGE_AND_TEXT
    )
)

ENTRIES = (
    QWEN2_VL_VISION, QWEN2_5_VL_VISION, QWEN2_5_OMNI_VISION, QWEN3_VL_VISION, QWEN3_5_VISION,
    QWEN3_OMNI_VISION, QWEN2_5_OMNI_AUDIO, QWEN3_OMNI_AUDIO, QWEN2_VL_TEXT, QWEN2_5_OMNI_TEXT,
    QWEN3_VL_TEXT, QWEN3_VL_MOE_TEXT, QWEN2_VL, QWEN3_VL, QWEN3_5, OMNI_THINKER,
)  # fmt: skip
