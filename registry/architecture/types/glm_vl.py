"""GLM with images and video: GLM-4.1V, GLM-4.5V, GLM-4.6V and GLM-OCR."""

from registry.architecture.blueprint import Blueprint, Lines, Part, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import (
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    fused_experts,
    gated_mlp,
    gqa,
    router,
    two_norms,
)
from registry.architecture.idioms_vl import (
    conv2d,
    fused_gated_mlp,
    fused_qkv,
    norms,
    patches_3d,
    text_and_head,
    text_model,
    tie_of_either,
)

HEADS_WITHOUT_WIDTH = {**FLOOR_HEADS, "head_dim": "hidden_size // num_attention_heads"}
IMAGE_AND_TEXT = [Part("model.visual", "vision_config"), *text_and_head()]


def merger(width: str) -> Lines:
    """Patches that a strided convolution has merged: a projection and a gated MLP."""
    d = "out_hidden_size"
    return [
        *conv2d("downsample", d, "hidden_size", "spatial_merge_size"),
        *under(
            "merger",
            [
                *linear("proj", d, d),
                *norm("post_projection_norm", d, bias=True),
                *gated_mlp(width, d=d),
            ],
        ),
    ]


def four_norms(mixer: Lines) -> Lines:
    """GLM-4's layer: norms before and after attention and MLP, gate and up projection in one matrix."""
    return [
        *under("self_attn", mixer),
        *under("mlp", fused_gated_mlp()),
        *two_norms(),
        *norms("post_self_attn_layernorm post_mlp_layernorm"),
    ]


GLM4V_VISION = Blueprint(  # modeling_glm4v.py: learned and rotary positions; MLPs of out_hidden_size
    types=("glm4v_vision", "glm4v_moe_vision"),
    base="",
    let={"positions": "(image_size // patch_size) ** 2"},
    lines=[
        *tensor("embeddings.position_embedding.weight", "positions, hidden_size"),
        *patches_3d(bias=True),
        *stack("blocks", "depth", [
            *norms("norm1 norm2"),
            *under("attn", fused_qkv(bias="attention_bias", out_bias=False)),
            *under("mlp", gated_mlp("out_hidden_size")),
        ]),
        *merger("intermediate_size"),
        *norms("post_conv_layernorm post_layernorm"),
    ],
)  # fmt: skip

GLM_OCR_VISION = Blueprint(  # modeling_glm_ocr.py: a norm on queries and keys, rotary positions alone
    types=("glm_ocr_vision",),
    base="",
    let={"head_dim": "hidden_size // num_heads"},
    lines=[
        *patches_3d(bias=True),
        *stack("blocks", "depth", [
            *norms("norm1 norm2"),
            *under("attn", fused_qkv(bias="attention_bias", out_bias="attention_bias")),
            *under("attn", norms("q_norm k_norm", "head_dim")),
            *under("mlp", gated_mlp(bias="attention_bias")),
        ]),
        *merger("out_hidden_size * in_channels"),
        *norm("post_layernorm", "hidden_size"),
    ],
)  # fmt: skip

GLM4V_TEXT = Blueprint(  # modeling_glm4v.py
    types=("glm4v_text",),
    base="",
    let=HEADS_WITHOUT_WIDTH,
    lines=text_model(four_norms(gqa(bias=True, out_bias=False))),
)

GLM_OCR_TEXT = Blueprint(  # modeling_glm_ocr.py
    types=("glm_ocr_text",),
    base="",
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=text_model(four_norms(gqa())),
)

GLM4V_MOE_TEXT = Blueprint(  # modeling_glm4v_moe.py: the first layers dense, shared experts
    types=("glm4v_moe_text",),
    base="",
    let={
        **FLOOR_HEADS,
        "experts": "n_routed_experts",
        "top_k": "num_experts_per_tok",
        "shared": "moe_intermediate_size * n_shared_experts",
    },
    keys=WHOLE_HEAD_DIM,
    lines=text_model(
        [
            *under("self_attn", gqa(bias="attention_bias", out_bias=False)),
            *under("mlp", when("not is_moe", gated_mlp())),
            *under("mlp", when("is_moe", [
                *router(),
                *fused_experts("moe_intermediate_size"),
                *under("shared_experts", gated_mlp("shared")),
            ])),
            *two_norms(),
        ],
        let={"is_moe": "layer >= first_k_dense_replace"},
    ),
)  # fmt: skip

GLM4V = Blueprint(  # modeling_glm4v.py
    types=("glm4v", "glm4v_moe", "glm_ocr"), let={"tie_word_embeddings": tie_of_either}, lines=IMAGE_AND_TEXT
)

GLM46V = Blueprint(  # modeling_glm46v.py
    types=("glm46v", "glmga"),
    parts={"text_config": "glm4v_text", "vision_config": "glm4v_vision"},
    lines=IMAGE_AND_TEXT,
)

ENTRIES = (GLM4V_VISION, GLM_OCR_VISION, GLM4V_TEXT, GLM_OCR_TEXT, GLM4V_MOE_TEXT, GLM4V, GLM46V)
