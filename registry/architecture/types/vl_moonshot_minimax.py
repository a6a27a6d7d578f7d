"""Kimi K2.5 and MiniMax M3: large expert models with an image tower of their own."""

from collections.abc import Mapping
from typing import Any

from registry.architecture.blueprint import Blueprint, Part, linear, norm, stack, tensor, under
from registry.architecture.idioms_vl import (
    conv2d,
    norms,
    patches_3d,
    square,
    text_and_head,
    tie_of_either,
    two_linears,
)


def as_deepseek(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kimi_K25Config: a text part of kimi_k2 is one of deepseek_v3."""
    text = raw.get("text_config")
    if not isinstance(text, dict) or text.get("model_type") != "kimi_k2":
        return raw
    return {**raw, "text_config": {**text, "model_type": "deepseek_v3"}}


KIMI_K25_VISION = Blueprint(  # modeling_kimi_k25.py: positions learned in height and width, fixed in time
    types=("kimi_k25_vision",),
    base="",
    lines=[
        *conv2d("patch_embed.proj", "hidden_size", "3", "patch_size"),
        *tensor("patch_embed.pos_emb.position_embeddings", "pos_emb_height, pos_emb_width, hidden_size"),
        *stack("layers", "num_hidden_layers", [
            *norms("norm1 norm2", bias=True),
            *under("attn", square("proj q_proj k_proj v_proj")),
            *under("mlp", two_linears("fc1", "fc2")),
        ]),
        *norm("final_layernorm", "hidden_size", bias=True),
    ],
)  # fmt: skip

KIMI_K25 = Blueprint(  # modeling_kimi_k25.py
    types=("kimi_k25",),
    prepare=as_deepseek,
    parts={"text_config": "deepseek_v3"},
    let={
        "merge": "vision_config.merge_kernel_size",
        "merged": "vision_config.hidden_size * merge[0] * merge[1]",
    },
    lines=[
        Part("model.vision_tower", "vision_config"),
        *norm("model.mm_projector.pre_norm", "projection_hidden_size", bias=True),
        *linear("model.mm_projector.in_proj", "merged", "merged", True),
        *linear("model.mm_projector.out_proj", "text_config.hidden_size", "merged", True),
        *text_and_head(),
    ],
)

MINIMAX_M3_VISION = Blueprint(  # modeling_minimax_m3_vl.py: CLIP's layers, 3D patches and rotary positions
    types=("minimax_m3_vl_vision",),
    base="",
    checks={"hidden_size % num_attention_heads == 0": "hidden_size as a multiple of num_attention_heads"},
    let={"in_channels": "num_channels"},
    lines=[
        *patches_3d(name="embeddings.proj"),
        *norm("pre_layrnorm", "hidden_size", bias=True),
        *stack("layers", "num_hidden_layers", [
            *under("self_attn", square("k_proj v_proj q_proj out_proj")),
            *norms("layer_norm1 layer_norm2", bias=True),
            *under("mlp", two_linears("fc1", "fc2")),
        ]),
    ],
)  # fmt: skip

MINIMAX_M3_VL = Blueprint(  # modeling_minimax_m3_vl.py: two projections, before and after patches are merged
    types=("minimax_m3_vl",),
    let={
        "tie_word_embeddings": tie_of_either,
        "d": "text_config.hidden_size",
        "merged": "d * vision_config.spatial_merge_size ** 2",
    },
    lines=[
        Part("model.vision_tower", "vision_config"),
        *under("model.multi_modal_projector", [
            *linear("linear_1", "projector_hidden_size", "vision_config.hidden_size", True),
            *linear("linear_2", "d", "projector_hidden_size", True),
            *linear("merge_linear_1", "projector_hidden_size", "merged", True),
            *linear("merge_linear_2", "d", "projector_hidden_size", True),
        ]),
        *text_and_head(),
    ],
)  # fmt: skip

ENTRIES = (KIMI_K25_VISION, KIMI_K25, MINIMAX_M3_VISION, MINIMAX_M3_VL)
