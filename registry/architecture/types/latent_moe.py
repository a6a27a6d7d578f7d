"""Grouped-query attention with DeepSeek's experts: fine-grained and shared ones, the first layers dense."""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, tensor, under, when
from registry.architecture.idioms import (
    FLOOR_HEADS,
    FULL_OR_SLIDING,
    WHOLE_HEAD_DIM,
    decoder,
    fused_experts,
    gated_mlp,
    gqa,
    kinds,
    per_layer,
    router,
    sliding_where,
    two_norms,
)
from registry.architecture.idioms_latent import (
    FIRST_DENSE,
    MLP_KINDS,
    ROUTED,
    dense_or,
    mlp_types,
    moe,
    next_token,
)

KV_HEADS = {"num_key_value_heads != 0": "num_key_value_heads of at least 1"}
LET = {"heads": "num_attention_heads", "kv_heads": "num_key_value_heads"}
NUM_EXPERTS = {
    "experts": "num_experts",
    "top_k": "num_experts_per_tok",
    "shared": "moe_intermediate_size * num_shared_experts",
}


def qk_norms(condition: str = "True") -> Lines:
    """A norm of each query and key head."""
    return when(condition, [*norm("q_norm", "head_dim"), *norm("k_norm", "head_dim")])


def period(key: str) -> dict[str, str]:
    """`checks` of a key that says how often a full layer comes, where no layer_types say it."""
    return {f"layer_types is not None or num_hidden_layers % {key} >= 0": f"{key} of at least 1"}


def glm(fused: bool = True) -> Lines:
    attention = [*gqa("attention_bias", out_bias=False), *qk_norms("use_qk_norm")]
    return [*under("self_attn", attention), *dense_or(moe(fused=fused)), *two_norms()]


GLM4_MOE = Blueprint(  # modeling_glm4_moe.py
    types=("glm4_moe",),
    let={**FLOOR_HEADS, **ROUTED},
    keys=WHOLE_HEAD_DIM,
    checks=KV_HEADS,
    lines=decoder(glm(), let=FIRST_DENSE),
    mtp=next_token(glm(fused=False)),
)

DOTS1 = Blueprint(  # modeling_dots1.py
    types=("dots1",),
    let={**FLOOR_HEADS, **ROUTED},
    keys=WHOLE_HEAD_DIM,
    checks={**KV_HEADS, **kinds(*FULL_OR_SLIDING)},
    lines=decoder(
        [
            *under("self_attn", gqa("attention_bias", qk_norm="head")),
            *dense_or(moe()),
            *two_norms(),
        ],
        let={
            **FIRST_DENSE,
            **sliding_where("(sliding_window is not None and layer >= max_window_layers)"),
        },
    ),
)

SOLAR_OPEN = Blueprint(  # modeling_solar_open.py: experts in all layers
    types=("solar_open",),
    let={**LET, **ROUTED},
    checks=KV_HEADS,
    lines=decoder([
        *under("self_attn", gqa("attention_bias", out_bias=False)),
        *under("mlp", moe()),
        *two_norms(),
    ]),
)  # fmt: skip

EXAONE_MOE = Blueprint(  # modeling_exaone_moe.py
    types=("exaone_moe",),
    let={**FLOOR_HEADS, **NUM_EXPERTS},
    keys=WHOLE_HEAD_DIM,
    checks={
        **KV_HEADS,
        **MLP_KINDS,
        **kinds(*FULL_OR_SLIDING),
        **per_layer("mlp_layer_types"),
        **period("sliding_window_pattern"),
    },
    lines=decoder(
        [*under("self_attn", gqa(qk_norm="head")), *dense_or(moe()), *two_norms()],
        let={**mlp_types(), **sliding_where("(layer + 1) % sliding_window_pattern != 0")},
    ),
)

HY_V3 = Blueprint(  # modeling_hy_v3.py: no shared experts means one as wide as a dense layer
    types=("hy_v3",),
    let={
        **LET,
        **NUM_EXPERTS,
        "shared": "moe_intermediate_size * num_shared_experts or intermediate_size",
    },
    checks=KV_HEADS,
    lines=decoder(
        [
            *under("self_attn", gqa("attention_bias", qk_norm="head")),
            *dense_or(moe(bias="mlp_bias"), "mlp_bias"),
            *two_norms(),
        ],
        let=mlp_types("layer >= 1"),
    ),
)

ERNIE4_5_MOE = Blueprint(  # modeling_ernie4_5_moe.py: the router's correction is a parameter
    types=("ernie4_5_moe",),
    let={
        **FLOOR_HEADS,
        "kv_heads": "num_key_value_heads",
        "experts": "moe_num_experts",
        "top_k": "moe_k",
        "shared": "moe_intermediate_size * moe_num_shared_experts",
        "last": "num_hidden_layers - 1 if moe_layer_end_index == -1 else moe_layer_end_index",
    },
    keys={**WHOLE_HEAD_DIM, "moe_layer_end_index": ("ifn", -1)},
    checks=KV_HEADS,
    lines=[
        *decoder(
            [
                *under("self_attn", gqa("use_bias")),
                *dense_or(
                    [
                        *router(),
                        *tensor("gate.moe_statics.e_score_correction_bias", "1, experts"),
                        *fused_experts("moe_intermediate_size"),
                        *when(
                            "moe_num_shared_experts", under("shared_experts", gated_mlp("shared", "use_bias"))
                        ),
                    ],
                    "use_bias",
                ),
                *two_norms(),
            ],
            let={
                "is_moe": "(layer + 1) % moe_layer_interval == 0 and moe_layer_start_index <= layer <= last",
            },
        ),
        *tensor("lm_head.bias", "vocab_size", "use_bias"),
    ],
)

AFMOE = Blueprint(  # modeling_afmoe.py: gated attention, norms before and after each block
    types=("afmoe",),
    let={**FLOOR_HEADS, **NUM_EXPERTS, "head_dim": "head_dim"},
    checks={**KV_HEADS, **kinds(*FULL_OR_SLIDING), **period("global_attn_every_n_layers")},
    lines=decoder(
        [
            *under("self_attn", gqa("attention_bias", qk_norm="head")),
            *linear("self_attn.gate_proj", "heads * head_dim", "hidden_size"),
            *dense_or(
                [
                    *router("router.gate"),
                    *fused_experts("moe_intermediate_size"),
                    *under("shared_experts", gated_mlp("shared")),
                    *tensor("expert_bias", "experts"),
                ]
            ),
            *two_norms(),
            *norm("pre_mlp_layernorm", "hidden_size"),
            *norm("post_mlp_layernorm", "hidden_size"),
        ],
        let={
            "is_moe": "layer >= num_dense_layers",
            **sliding_where("(layer + 1) % global_attn_every_n_layers != 0"),
        },
    ),
)

MINIMAX_M2 = Blueprint(  # modeling_minimax_m2.py: experts in all layers, one norm over all heads
    types=("minimax_m2",),
    let={**LET, "experts": "num_local_experts", "top_k": "num_experts_per_tok"},
    checks=KV_HEADS,
    lines=decoder([
        *under("self_attn", gqa(qk_norm="all")),
        *under("mlp", [*router(), *fused_experts("intermediate_size")]),
        *two_norms(),
    ]),
)  # fmt: skip


def fused_mlp(width: str) -> Lines:
    return [
        *linear("gate_up_proj", f"2 * {width}", "hidden_size"),
        *linear("down_proj", "hidden_size", width),
    ]


def legacy(key: str, name: str) -> str:
    """A key that released checkpoints store in sparse_attention_config."""
    return f"sparse['{key}'] if '{key}' in sparse else {name}"


MINIMAX_M3_TEXT = (
    Blueprint(  # modeling_minimax_m3_vl.py: in sparse layers an indexer picks blocks of positions
        types=("minimax_m3_vl_text",),
        let={
            **LET,
            "experts": "num_local_experts",
            "top_k": "num_experts_per_tok",
            "sparse": "sparse_attention_config or {}",
            "index_heads": legacy("sparse_num_index_heads", "index_n_heads"),
            "index_dim": legacy("sparse_index_dim", "index_head_dim"),
            "sparse_layers": legacy("sparse_attention_freq", "None"),
        },
        keys={"sparse_attention_config": ("dn", None), "moe_layer_freq": ("ln", None)},
        checks={
            **KV_HEADS,
            **MLP_KINDS,
            **kinds("full_attention", "attention", "minimax_m3_sparse"),
            **per_layer("mlp_layer_types", "moe_layer_freq", "sparse_layers"),
        },
        lines=decoder(
            [
                *under("self_attn", gqa(qk_norm="head")),
                *when(
                    "indexes",
                    under(
                        "self_attn.indexer",
                        [
                            *linear("q_proj", "index_heads * index_dim", "hidden_size"),
                            *linear("k_proj", "index_dim", "hidden_size"),
                            *norm("q_norm", "index_dim"),
                            *norm("k_norm", "index_dim"),
                        ],
                    ),
                ),
                *when("not is_moe", under("mlp", fused_mlp("dense_intermediate_size"))),
                *when(
                    "is_moe",
                    under(
                        "mlp",
                        [
                            *router(),
                            *fused_experts("intermediate_size"),
                            *under("shared_experts", fused_mlp("shared_intermediate_size")),
                        ],
                    ),
                ),
                *two_norms(),
            ],
            let={
                **mlp_types("(moe_layer_freq is None or moe_layer_freq[layer])"),
                "indexes": "layer_types[layer] == 'minimax_m3_sparse' if layer_types is not None"
                " else sparse_layers is not None and sparse_layers[layer]",
            },
        ),
    )
)

MIMO_V2_FLASH = Blueprint(  # modeling_mimo_v2_flash.py: sliding layers have twice the key heads, and sinks
    types=("mimo_v2_flash",),
    let={
        "heads": "num_attention_heads",
        "v_dim": "v_head_dim",
        "experts": "n_routed_experts",
        "top_k": "num_experts_per_tok",
        "reach": "sliding_window if sliding_window_size is None else sliding_window_size + 1",
    },
    keys={"sliding_window_size": ("in", None)},
    checks={**KV_HEADS, **MLP_KINDS, **kinds(*FULL_OR_SLIDING), **per_layer("mlp_layer_types")},
    lines=decoder(
        [
            *under(
                "self_attn",
                [
                    *linear("q_proj", "heads * head_dim", "hidden_size", "attention_bias"),
                    *linear("k_proj", "kv_heads * head_dim", "hidden_size", "attention_bias"),
                    *linear("v_proj", "kv_heads * v_dim", "hidden_size", "attention_bias"),
                    *linear("o_proj", "hidden_size", "heads * v_dim"),
                    *tensor("sinks", "heads", "sliding"),
                ],
            ),
            *dense_or([*router(), *fused_experts("moe_intermediate_size")]),
            *two_norms(),
        ],
        let={
            **mlp_types("layer >= 1"),
            **sliding_where("(layer != 0 and (layer + 1) % 6 != 0)"),
            "window": "reach if sliding else None",
            "kv_heads": "2 * num_key_value_heads if sliding else num_key_value_heads",
        },
    ),
)

LAGUNA = Blueprint(  # modeling_laguna.py: heads differ per layer; the output has a gate per head or per value
    types=("laguna",),
    let={
        "kv_heads": "num_key_value_heads",
        "experts": "num_experts",
        "top_k": "num_experts_per_tok",
        "per_head": "gating is True or gating == 'per-head'",
    },
    checks={
        **KV_HEADS,
        **MLP_KINDS,
        **kinds(*FULL_OR_SLIDING),
        **per_layer("mlp_layer_types", "num_attention_heads_per_layer"),
        "not moe_apply_router_weight_on_input": "moe_apply_router_weight_on_input false",
    },
    lines=decoder(
        [
            *under("self_attn", gqa("attention_bias", qk_norm="head")),
            *linear("self_attn.g_proj", "heads if per_head else heads * head_dim", "hidden_size"),
            *dense_or(
                [*moe("shared_expert_intermediate_size"), *tensor("gate.e_score_correction_bias", "experts")]
            ),
            *two_norms(),
        ],
        let={
            **mlp_types("layer >= 1"),
            **sliding_where("False"),
            "heads": "num_attention_heads if num_attention_heads_per_layer is None"
            " else num_attention_heads_per_layer[layer]",
        },
    ),
)

KOLIBRI1 = Blueprint(  # modeling_kolibri1.py: experts in all layers, norms before and after each block
    types=("kolibri1",),
    let={**LET, "experts": "num_experts", "top_k": "num_experts_per_tok"},
    checks={
        **KV_HEADS,
        **kinds(*FULL_OR_SLIDING),
        "sliding_window or (layer_types is not None and 'sliding_attention' not in layer_types)": (
            "sliding_window of at least 1"
        ),
    },
    lines=decoder(
        [
            *under("self_attn", gqa(qk_norm="head")),
            *under("mlp", moe("shared_expert_intermediate_size")),
            *two_norms(),
            *norm("post_self_attn_layernorm", "hidden_size"),
            *norm("post_mlp_layernorm", "hidden_size"),
        ],
        let=sliding_where("(layer + 1) % 5 != 0"),
    ),
)

ENTRIES = (
    GLM4_MOE, DOTS1, SOLAR_OPEN, EXAONE_MOE, HY_V3, ERNIE4_5_MOE, AFMOE, MINIMAX_M2, MINIMAX_M3_TEXT,
    MIMO_V2_FLASH, LAGUNA, KOLIBRI1,
)  # fmt: skip
