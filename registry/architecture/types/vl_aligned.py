"""Decoders with a tower and a projector of their own making: Aria, Ovis2, Hunyuan-VL, ERNIE 4.5 VL."""

from collections.abc import Mapping
from typing import Any

from registry.architecture.blueprint import (
    Blueprint,
    Part,
    Scope,
    linear,
    norm,
    stack,
    tensor,
    tied,
    under,
    when,
)
from registry.architecture.config_view import ConfigView
from registry.architecture.idioms import (
    EVEN,
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    fused_experts,
    gated_mlp,
    gqa,
    router,
    two_norms,
)
from registry.architecture.idioms_vision import patches, projections
from registry.architecture.idioms_vl import (
    conv2d,
    fused_qkv,
    norms,
    square,
    text_and_head,
    text_model,
    tie_of_either,
    two_linears,
)


def most_queries(scope: Scope) -> int:
    """AriaConfig: the largest number of queries that some number of patches is given."""
    given = scope["projector_patch_to_query_dict"]
    return max(int(queries) for queries in ({1225: 128, 4900: 256} if given is None else given).values())


ARIA = Blueprint(  # modeling_aria.py: learned queries gather the patches of the tower
    types=("aria",),
    parts={"vision_config": "idefics3_vision"},
    let={"queries": most_queries, "seen": "vision_config.hidden_size", "d": "text_config.hidden_size"},
    checks={
        "seen % vision_config.num_attention_heads == 0": "hidden_size of the tower as a multiple of its heads"
    },
    lines=[
        Part("model.vision_tower", "vision_config"),
        *under("model.multi_modal_projector", [
            *tensor("query", "queries, seen"),
            *square("cross_attn.q_proj cross_attn.k_proj cross_attn.v_proj", "seen", bias=False),
            *tensor("cross_attn.multihead_attn.in_proj_weight", "3 * seen, seen"),
            *tensor("cross_attn.multihead_attn.in_proj_bias", "3 * seen"),
            *square("cross_attn.multihead_attn.out_proj cross_attn.linear", "seen"),
            *norms("cross_attn.layer_norm cross_attn.layer_norm_kv layer_norm", "seen", bias=True),
            *linear("feed_forward.linear_in", "d", "seen"),
            *linear("feed_forward.linear_out", "d", "d"),
        ]),
        *text_and_head(),
    ],
)  # fmt: skip

OVIS2_VISION = Blueprint(  # modeling_ovis2.py: a head that turns patches into words of a visual vocabulary
    types=("ovis2_vision",),
    base="",
    checks=EVEN,
    let={"words": "vocab_size - num_visual_indicator_tokens"},
    lines=[
        *under("transformer", [
            *patches("embeddings.patch_embedding"),
            *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
            *norms("embeddings.rms_norm rms_norm"),
            *stack("encoder.layers", "num_hidden_layers", [
                *under("attention", square("k_proj v_proj q_proj out_proj", bias="qkv_bias")),
                *under("ffn", gated_mlp(bias="mlp_bias")),
                *norms("rms_norm1 rms_norm2"),
            ]),
        ]),
        *linear("head_linear", "words", "hidden_size * hidden_stride * hidden_stride"),
        *norm("head_norm", "words", bias=True),
    ],
)  # fmt: skip

OVIS2 = Blueprint(  # modeling_ovis2.py: the head has the sizes at the top level, unless it is the embedding
    types=("ovis2",),
    parts={"text_config": "qwen2"},
    let={
        "head_vocab": "text_config.vocab_size if tie_word_embeddings else vocab_size",
        "head_width": "text_config.hidden_size if tie_word_embeddings else hidden_size",
    },
    lines=[
        Part("model.vision_tower", "vision_config"),
        Part("model.language_model", "text_config"),
        *tensor("model.visual_embeddings_table.weight", "vision_config.vocab_size, hidden_size"),
        *tied("lm_head.weight", "head_vocab, head_width", "model.language_model.embed_tokens.weight"),
    ],
)


def hunyuan(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """HunYuanVLConfig: text keys may stand at the top level, and the tower projects to the text's width."""
    text, tower = raw.get("text_config"), raw.get("vision_config") or {}
    if text is None:
        text = {key: value for key, value in raw.items() if key != "tie_word_embeddings"}
    if not isinstance(text, dict) or not isinstance(tower, dict):
        return raw
    width = ConfigView(text, "hunyuan_vl_text", "text_config")["hidden_size"]
    return {**raw, "text_config": text, "vision_config": {**tower, "text_hidden_size": width}}


HUNYUAN_VL_VISION = Blueprint(  # modeling_hunyuan_vl.py: convolutions merge patches, vectors around images
    types=("hunyuan_vl_vision",),
    base="",
    keys=WHOLE_HEAD_DIM,
    let={
        **FLOOR_HEADS,
        "inner": "heads * head_dim",
        "wide": "4 * hidden_size",
        "positions": "(max_image_size // patch_size) ** 2 + 1",
    },
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "positions, hidden_size"),
        *stack("layers", "num_hidden_layers", [
            *norms("layer_norm1 layer_norm2", bias=True),
            *under("self_attn", projections("o_proj", inner="inner")),
            *under("mlp", two_linears("fc1", "fc2")),
        ]),
        *under("patch_merger", [
            *tensor("image_newline", "wide"),
            *tensor("image_begin", "text_hidden_size"),
            *tensor("image_end", "text_hidden_size"),
            *tensor("image_sep", "text_hidden_size"),
            *conv2d("proj_conv", "2 * hidden_size", "hidden_size", "spatial_merge_size"),
            *conv2d("proj_out", "wide", "2 * hidden_size", "1"),
            *linear("mlp", "text_hidden_size", "wide", True),
            *norm("before_rms", "hidden_size"),
            *norm("after_rms", "text_hidden_size"),
        ]),
    ],
)  # fmt: skip

HUNYUAN_VL_TEXT = Blueprint(  # modeling_hunyuan_vl.py: norms on queries and keys; head_dim must be given
    types=("hunyuan_vl_text",),
    base="",
    let={**FLOOR_HEADS, "head_dim": "head_dim"},
    lines=text_model([
        *under("self_attn", gqa(bias="attention_bias")),
        *under("self_attn", norms("query_layernorm key_layernorm", "head_dim")),
        *under("mlp", gated_mlp()),
        *two_norms(),
    ]),
)  # fmt: skip

HUNYUAN_VL = Blueprint(  # modeling_hunyuan_vl.py
    types=("hunyuan_vl",),
    prepare=hunyuan,
    let={"tie_word_embeddings": tie_of_either},
    lines=[*text_and_head(), Part("model.vision_tower", "vision_config")],
)

ERNIE_VL_VISION = Blueprint(  # modeling_ernie4_5_vl_moe.py
    types=("ernie4_5_vl_moe_vision",),
    base="",
    lines=[
        *linear("patch_embed.proj", "hidden_size", "in_channels * patch_size * patch_size"),
        *stack("blocks", "depth", [
            *norms("norm1 norm2", bias=True),
            *under("attn", fused_qkv()),
            *under("mlp", two_linears("fc1", "fc2")),
        ]),
        *norm("ln", "hidden_size", bias=True),
    ],
)  # fmt: skip

ERNIE_VL_TEXT = Blueprint(  # modeling_ernie4_5_vl_moe.py: separate experts for text and for images
    types=("ernie4_5_vl_moe_text",),
    base="",
    keys=WHOLE_HEAD_DIM,
    let={
        **FLOOR_HEADS,
        "kv_heads": "num_key_value_heads",
        "experts": "moe_num_experts",
        "top_k": "moe_k",
        "widths": "[1536, 512] if moe_intermediate_size is None else moe_intermediate_size",
    },
    lines=text_model(
        [
            *under("self_attn", gqa(bias="use_bias")),
            *under("mlp", when("not is_moe", gated_mlp(bias="use_bias"))),
            *under("mlp", when("is_moe", [
                *under("text_moe", [*router(), *fused_experts("widths[0]")]),
                *tensor("text_moe.gate.moe_statics.e_score_correction_bias", "1, experts"),
                *under("vision_moe", [*router(), *fused_experts("widths[1]")]),
                *tensor("vision_moe.gate.moe_statics.e_score_correction_bias", "1, experts"),
                *when("moe_num_shared_experts > 0", under(
                    "shared_experts", gated_mlp("(widths[0] * moe_num_shared_experts)", bias="use_bias")
                )),
            ])),
            *two_norms(),
        ],
        let={"is_moe": "layer > 0 if mlp_layer_types is None else mlp_layer_types[layer] == 'sparse'"},
    ),
)  # fmt: skip

ERNIE_VL = Blueprint(  # modeling_ernie4_5_vl_moe.py: merges patches of a frame, then of frames
    types=("ernie4_5_vl_moe",),
    let={
        "d": "text_config.hidden_size",
        "merged": "vision_config.hidden_size * vision_config.spatial_merge_size ** 2",
        "frames": "merged * vision_config.temporal_merge_size",
    },
    lines=[
        *text_and_head(),
        Part("model.vision_tower", "vision_config"),
        *under("model.resampler_model", [
            *linear("spatial_linear.fc1", "merged", "merged", True),
            *linear("temporal_linear.fc1", "merged", "frames", True),
            *square("spatial_linear.fc2 temporal_linear.fc2", "merged"),
            *norms("spatial_linear.ln temporal_linear.ln", "merged", bias=True),
            *linear("mlp", "d", "merged", True),
            *norm("after_norm", "d"),
        ]),
    ],
)  # fmt: skip

ENTRIES = (
    ARIA, OVIS2_VISION, OVIS2, HUNYUAN_VL_VISION, HUNYUAN_VL_TEXT, HUNYUAN_VL, ERNIE_VL_VISION, ERNIE_VL_TEXT,
    ERNIE_VL,
)  # fmt: skip
