"""Mixture of experts in other places: in attention, as rows of a table, behind a router that is an MLP."""

from registry.architecture.blueprint import Blueprint, linear, norm, tensor, under, when
from registry.architecture.idioms import (
    HEADS,
    WHOLE_HEAD_DIM,
    decoder,
    fused_experts,
    gated_mlp,
    gqa,
    kinds,
    router,
    two_norms,
)
from registry.architecture.idioms_moe import LOCAL_EXPERTS, OWN_EXPERTS

JETMOE = Blueprint(  # modeling_jetmoe.py: experts of attention have queries of their own, one key for all
    types=("jetmoe",),
    let={
        **LOCAL_EXPERTS,
        "heads": "num_key_value_heads * num_experts_per_tok",
        "kv_heads": "num_key_value_heads",
        "head_dim": "kv_channels",
        "width": "kv_channels * num_key_value_heads",
    },
    checks={"top_k <= experts": "num_experts_per_tok of at most num_local_experts"},
    lines=decoder([
        *under("self_attention.experts", [
            *tensor("bias", "hidden_size"),
            *tensor("input_linear.weight", "experts, width, hidden_size"),
            *tensor("output_linear.weight", "experts, hidden_size, width"),
            *router("router.layer"),
        ]),
        *linear("self_attention.kv_proj", "2 * width", "hidden_size"),
        *under("mlp", [
            *tensor("bias", "hidden_size"),
            *tensor("input_linear.weight", "experts, 2 * intermediate_size, hidden_size"),
            *tensor("output_linear.weight", "experts, hidden_size, intermediate_size"),
            *router("router.layer"),
        ]),
        *two_norms(),
    ]),
)  # fmt: skip

DOGE = Blueprint(  # modeling_doge.py: a mask made from the values; experts of one row, by product keys
    types=("doge",),
    let={
        **HEADS,
        "experts": "num_experts if is_moe else None",
        "top_k": "num_experts_per_tok if is_moe else None",
        "window": "sliding_window",
    },
    keys=WHOLE_HEAD_DIM,
    lines=decoder([
        *under("self_attn", [
            *gqa(bias="attention_bias", qk_norm="head"),
            *tensor("A", "kv_heads"),
            *linear("dt_proj", "kv_heads", "kv_heads * head_dim", "attention_bias"),
        ]),
        *under("mlp", gated_mlp(bias="mlp_bias")),
        *under("mlp", when("is_moe", [
            *linear("router_gate", "2 * isqrt(experts)", "hidden_size"),
            *tensor("down_embed.weight", "experts, hidden_size"),
            *tensor("up_embed.weight", "experts, hidden_size"),
        ])),
        *two_norms(),
        *tensor("input_residual", "hidden_size"),
        *tensor("post_attention_residual", "hidden_size"),
    ]),
)  # fmt: skip

RESIDUAL_SCALE = [
    *tensor("hidden_states_scale", "hidden_size"),
    *tensor("hidden_states_bias", "hidden_size"),
    *tensor("residual_scale", "hidden_size"),
    *tensor("residual_bias", "hidden_size"),
]

ZAYA = Blueprint(  # modeling_zaya.py: compressed convolutional attention; the router may choose no expert
    types=("zaya",),
    let={
        **HEADS,
        **OWN_EXPERTS,
        "head_dim": "head_dim",
        "q": "heads * head_dim",
        "kv": "kv_heads * head_dim",
    },
    checks={
        **kinds("hybrid", "hybrid_sliding"),
        "top_k == 1": "num_experts_per_tok of 1",
        "heads % kv_heads == 0": "num_attention_heads divisible by num_key_value_heads",
        "sliding_window is not None or 'hybrid_sliding' not in (layer_types or [])": "sliding_window",
    },
    lines=[
        *decoder(
            [
                *under("self_attn.qkv_proj", [
                    *linear("q_proj", "q", "hidden_size", "attention_bias"),
                    *linear("k_proj", "kv", "hidden_size", "attention_bias"),
                    *linear("v_proj_current", "kv // 2", "hidden_size", "attention_bias"),
                    *linear("v_proj_delayed", "kv // 2", "hidden_size", "attention_bias"),
                    *tensor("conv_qk_depthwise.weight", "q + kv, 1, cca_time0"),
                    *tensor("conv_qk_depthwise.bias", "q + kv"),
                    *tensor("conv_qk_grouped.weight", "q + kv, head_dim, cca_time1"),
                    *tensor("conv_qk_grouped.bias", "q + kv"),
                ]),
                *tensor("self_attn.qk_norm.temp", "kv_heads"),
                *linear("self_attn.o_proj", "hidden_size", "q", "attention_bias"),
                *under("mlp.gate", [
                    *linear("down_proj", "router_hidden_size", "hidden_size", bias=True),
                    *tensor("router_states_scale", "router_hidden_size", "layer != 0"),
                    *norm("router_mlp.norm", "router_hidden_size"),
                    *linear("router_mlp.fc1", "router_hidden_size", "router_hidden_size", bias=True),
                    *linear("router_mlp.fc2", "router_hidden_size", "router_hidden_size", bias=True),
                    *linear("router_mlp.out_proj", "experts + 1", "router_hidden_size"),
                ]),
                *under("mlp", fused_experts("moe_intermediate_size")),
                *two_norms(),
                *under("post_attention_residual_scale", RESIDUAL_SCALE),
                *under("post_mlp_residual_scale", RESIDUAL_SCALE),
            ],
            let={
                "sliding": "layer_types is not None and layer_types[layer] == 'hybrid_sliding'",
                "window": "sliding_window if sliding else None",
            },
        ),
        *tensor("model.input_hidden_states_scale", "hidden_size"),
        *tensor("model.input_hidden_states_bias", "hidden_size"),
        *tensor("lm_head.bias", "vocab_size", "lm_head_bias"),
    ],
)  # fmt: skip

ENTRIES = (JETMOE, DOGE, ZAYA)
