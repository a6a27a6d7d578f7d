"""Towers that see: vision encoders that multimodal types wrap. They have no output head of their own."""

from registry.architecture.blueprint import Blueprint, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import EVEN, gated_mlp
from registry.architecture.idioms_vision import TOWER, clip_layers, fc, patches, projections

POOLING_HEAD = [
    *tensor("probe", "1, 1, hidden_size"),
    *tensor("attention.in_proj_weight", "3 * hidden_size, hidden_size"),
    *tensor("attention.in_proj_bias", "3 * hidden_size"),
    *linear("attention.out_proj", "hidden_size", "hidden_size", True),
    *norm("layernorm", "hidden_size", True),
    *under("mlp", fc()),
]

SIGLIP = Blueprint(  # modeling_siglip.py: one query over all patches as head, unless switched off
    types=("siglip_vision_model",),
    base="",
    let=TOWER,
    checks=EVEN,
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
        *when("vision_use_head", under("head", POOLING_HEAD)),
    ],
)

SIGLIP2 = Blueprint(  # modeling_siglip2.py: patches come flat, positions are counted by num_patches
    types=("siglip2_vision_model",),
    base="",
    let=TOWER,
    checks=EVEN,
    lines=[
        *linear("embeddings.patch_embedding", "hidden_size", "num_channels * patch_size ** 2", True),
        *tensor("embeddings.position_embedding.weight", "num_patches, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
        *when("vision_use_head", under("head", POOLING_HEAD)),
    ],
)

IDEFICS = Blueprint(  # modeling_idefics2.py, modeling_idefics3.py, modeling_smolvlm.py: SigLIP without a head
    types=("idefics2_vision", "idefics3_vision", "smolvlm_vision"),
    base="",
    let=TOWER,
    checks=EVEN,
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
    ],
)

CLIP = Blueprint(  # modeling_clip.py: a class vector before the patches
    types=("clip_vision_model",),
    base="",
    let=TOWER,
    checks=EVEN,
    lines=[
        *tensor("embeddings.class_embedding", "hidden_size"),
        *patches("embeddings.patch_embedding", bias=False),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2 + 1, hidden_size"),
        *norm("pre_layrnorm", "hidden_size", True),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
    ],
)

PIXTRAL = Blueprint(  # modeling_pixtral.py: rotary positions in two dimensions, so none are learned
    types=("pixtral",),
    base="",
    let=TOWER,
    lines=[
        *patches("patch_conv", bias=False),
        *norm("ln_pre", "hidden_size"),
        *stack(
            "transformer.layers",
            "num_hidden_layers",
            [
                *norm("attention_norm", "hidden_size"),
                *under("feed_forward", gated_mlp()),
                *under("attention", projections("o_proj", bias=False)),
                *norm("ffn_norm", "hidden_size"),
            ],
        ),
    ],
)

ENTRIES = (SIGLIP, SIGLIP2, IDEFICS, CLIP, PIXTRAL)
