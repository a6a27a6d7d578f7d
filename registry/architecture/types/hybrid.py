"""Hybrids of attention and a state space or recurrence: in turn, side by side, or with one shared block."""

from registry.architecture.blueprint import Blueprint, Lines, Scope, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import (
    EVEN_HEADS,
    HEAD_DIM,
    HEADS,
    fused_experts,
    gated_mlp,
    gqa,
    kinds,
    plain_mlp,
    router,
    two_norms,
)
from registry.architecture.idioms_hybrid import (
    FULL_KINDS,
    LINEAR_KINDS,
    depthwise,
    mamba,
    mamba2,
    model,
    shared,
    where,
)

ATTENTION = where("mixer == 'attention'", HEADS)
"""Heads in the attention layers of a hybrid."""

TWO_NORMS = [*norm("input_layernorm", "hidden_size"), *norm("pre_ff_layernorm", "hidden_size")]

MAMBA = {
    "inner": "mamba_expand * hidden_size",
    "state": "mamba_d_state",
    "rank": "(hidden_size + 15) // 16 if mamba_dt_rank == 'auto' else mamba_dt_rank",
    "kernel": "mamba_d_conv",
}

JAMBA = Blueprint(  # modeling_jamba.py: Mamba, every few layers attention; experts in some layers
    types=("jamba",),
    keys=HEAD_DIM,
    let=MAMBA,
    lines=model(
        [
            *when("mixer == 'mamba'", under("mamba", [
                *mamba("mamba_proj_bias", "mamba_conv_bias"),
                *norm("dt_layernorm", "rank"),
                *norm("b_layernorm", "state"),
                *norm("c_layernorm", "state"),
            ])),
            *when("mixer == 'attention'", under("self_attn", gqa())),
            *when("not is_moe", under("feed_forward", gated_mlp())),
            *when("is_moe", under("feed_forward", [*router("router"), *fused_experts("intermediate_size")])),
            *TWO_NORMS,
        ],
        {
            "mixer": "'attention' if layer % attn_layer_period == attn_layer_offset else 'mamba'",
            **ATTENTION,
            "is_moe": "num_experts > 1 and layer % expert_layer_period == expert_layer_offset",
            **where("is_moe", {"experts": "num_experts", "top_k": "num_experts_per_tok"}),
        },
        "final_layernorm",
    ),
    checks={
        "attn_layer_offset < attn_layer_period": "attn_layer_offset below attn_layer_period",
        "expert_layer_offset < expert_layer_period": "expert_layer_offset below expert_layer_period",
    },
)  # fmt: skip

MAMBA2 = {
    "inner": "mamba_expand * hidden_size",
    "ssm_heads": "mamba_n_heads",
    "conv_dim": "inner + 2 * mamba_n_groups * mamba_d_state",
    "kernel": "mamba_d_conv",
}
MAMBA2_SIZES = {
    "inner % mamba_n_heads == 0 and mamba_d_head in ['auto', inner // mamba_n_heads]": "mamba_n_heads heads "
    "of mamba_d_head to make up the inner width"
}

BAMBA = Blueprint(  # modeling_bamba.py
    types=("bamba",),
    keys=HEAD_DIM,
    let=MAMBA2,
    lines=model(
        [
            *when("mixer == 'mamba'", under("mamba", [
                *mamba2("mamba_proj_bias", "mamba_conv_bias"),
                *norm("norm", "inner"),
            ])),
            *when("mixer == 'attention'", under("self_attn", gqa("attention_bias"))),
            *under("feed_forward", gated_mlp(bias="mlp_bias")),
            *TWO_NORMS,
        ],
        {"mixer": "'attention' if layer in (attn_layer_indices or []) else 'mamba'", **ATTENTION},
        "final_layernorm",
    ),
    checks=MAMBA2_SIZES,
)  # fmt: skip

FALCON_H1 = Blueprint(  # modeling_falcon_h1.py: attention and Mamba-2 side by side in every layer
    types=("falcon_h1",),
    keys=HEAD_DIM,
    let={
        **HEADS,
        **MAMBA2,
        "inner": "mamba_expand * hidden_size if mamba_d_ssm is None else mamba_d_ssm",
        "mixer": "'hybrid'",
    },
    lines=model(
        [
            *under("mamba", [
                *mamba2("mamba_proj_bias", "mamba_conv_bias", "projectors_bias"),
                *when("mamba_rms_norm", norm("norm", "inner")),
            ]),
            *under("self_attn", gqa("attention_bias")),
            *under("feed_forward", gated_mlp(bias="mlp_bias")),
            *TWO_NORMS,
        ],
        {},
        "final_layernorm",
    ),
    checks=MAMBA2_SIZES,
)  # fmt: skip

GRANITE_MOE_HYBRID = Blueprint(  # modeling_granitemoehybrid.py: a shared MLP beside the experts, if any
    types=("granitemoehybrid",),
    keys=HEAD_DIM,
    let={**MAMBA2, "experts": "num_local_experts or None", "top_k": "num_experts_per_tok"},
    lines=model(
        [
            *when("mixer == 'mamba'", under("mamba", [
                *mamba2("mamba_proj_bias", "mamba_conv_bias"),
                *norm("norm", "inner"),
            ])),
            *when("mixer == 'attention'", under("self_attn", gqa("attention_bias"))),
            *when("num_local_experts > 0", under("block_sparse_moe", [
                *router("router"), *fused_experts("intermediate_size"),
            ])),
            *linear("shared_mlp.input_linear", "2 * shared_intermediate_size", "hidden_size"),
            *linear("shared_mlp.output_linear", "hidden_size", "shared_intermediate_size"),
            *two_norms(),
        ],
        {
            "is_mamba": f"layer_types is None or layer_types[layer] in {LINEAR_KINDS}",
            "mixer": "'mamba' if is_mamba else 'attention'",
            **ATTENTION,
        },
        "norm",
    ),
    checks={**kinds(*LINEAR_KINDS, *FULL_KINDS), **MAMBA2_SIZES},
)  # fmt: skip

NEMOTRON_H = Blueprint(
    # modeling_nemotron_h.py: a layer is one mixer, one MLP or one MoE, as the pattern says. num_hidden_layers
    # is not read. Experts have no gate, and work in a latent where moe_latent_size is given.
    types=("nemotron_h",),
    keys={
        "hybrid_override_pattern": ("s", None),
        "mamba_n_groups": ("i", None),
        "mamba_d_conv": ("i", None),
        "mamba_conv_bias": ("b", None),
    },
    let={
        "kinds": "layers_block_type if layers_block_type is not None else hybrid_override_pattern "
        "if hybrid_override_pattern is not None else ['mamba', 'moe', 'attention', 'mlp']",
        "inner": "mamba_num_heads * mamba_head_dim",
        "ssm_heads": "mamba_num_heads",
        "conv_dim": "inner + 2 * (n_groups if mamba_n_groups is None else mamba_n_groups) * ssm_state_size",
        "kernel": "conv_kernel if mamba_d_conv is None else mamba_d_conv",
        "conv_bias": "use_conv_bias if mamba_conv_bias is None else mamba_conv_bias",
        "latent": "hidden_size if moe_latent_size is None else moe_latent_size",
        "shared": "moe_shared_expert_intermediate_size or intermediate_size",
    },
    lines=[
        *tensor("model.embeddings.weight", "vocab_size, hidden_size"),
        *stack("model.layers", "len(kinds)", [
            *norm("norm", "hidden_size"),
            *under("mixer", [
                *when("mixer == 'mamba'", [*mamba2("use_bias", "conv_bias"), *norm("norm", "inner")]),
                *when("mixer == 'attention'", gqa()),
                *when("kind in ['-', 'mlp']", plain_mlp("up_proj", "down_proj", bias="mlp_bias")),
                *when("is_moe", [
                    *router(),
                    *tensor("experts.up_proj", "experts, moe_intermediate_size, latent"),
                    *tensor("experts.down_proj", "experts, latent, moe_intermediate_size"),
                    *under("shared_experts", plain_mlp("up_proj", "down_proj", "shared", "mlp_bias")),
                    *when("moe_latent_size is not None", [
                        *linear("fc1_latent_proj", "latent", "hidden_size", "mlp_bias"),
                        *linear("fc2_latent_proj", "hidden_size", "latent", "mlp_bias"),
                    ]),
                ]),
            ]),
        ], {
            "kind": "kinds[layer]",
            "mixer": f"'mamba' if kind in {['M', *LINEAR_KINDS]} else "
            f"'attention' if kind in {['*', *FULL_KINDS]} else 'none'",
            **ATTENTION,
            "is_moe": "kind in ['E', 'moe']",
            **where("is_moe", {"experts": "n_routed_experts", "top_k": "num_experts_per_tok"}),
        }),
        *norm("model.norm_f", "hidden_size"),
        *linear("lm_head", "vocab_size", "hidden_size"),
    ],
    checks={
        f"subset(layers_block_type, {[*LINEAR_KINDS, *FULL_KINDS, 'moe', 'mlp']})": "layers_block_type of "
        "mamba, attention, moe or mlp",
        "layers_block_type is not None or subset(hybrid_override_pattern, ['M', 'E', '*', '-'])":
        "hybrid_override_pattern of M, E, * or -",
    },
)  # fmt: skip

ZAMBA_HEADS = where("mixer == 'hybrid'", {
    "heads": "num_attention_heads",
    "kv_heads": HEADS["kv_heads"],
    "head_dim": "attention_head_dim or 2 * hidden_size / num_attention_heads",
})  # fmt: skip


def _hybrid_layers(scope: Scope) -> list[int]:
    return [i for i, kind in enumerate(scope["kinds"]) if kind == "hybrid"]


def _zamba_attention(adapters: Lines) -> Lines:
    """Attention over the hidden state beside the embedding, hence of twice the width."""
    return [
        *linear("q_proj", "heads * head_dim", "attention_width"),
        *linear("k_proj", "kv_heads * head_dim", "attention_width"),
        *linear("v_proj", "kv_heads * head_dim", "attention_width"),
        *linear("o_proj", "hidden_size", "heads * head_dim"),
        *adapters,
    ]


def _zamba_layer(mamba_mixer: Lines, name: str, block: Lines) -> Lines:
    """A Mamba layer; in a hybrid layer, the shared block before it."""
    decoder = [*norm("input_layernorm", "hidden_size"), *under("mamba", mamba_mixer)]
    return [
        *when("mixer == 'mamba'", decoder),
        *when("mixer == 'hybrid'", [
            *under("mamba_decoder", decoder),
            *linear("linear", "hidden_size", "hidden_size"),
            *shared(name, block, "model.layers.{owner}", "tie_word_embeddings and layer != owner"),
        ]),
    ]  # fmt: skip


ZAMBA_KINDS = ["hybrid", *LINEAR_KINDS]

ZAMBA = Blueprint(  # modeling_zamba.py: hybrid layers share one attention block; Mamba has heads
    types=("zamba",),
    let={
        **MAMBA,
        "kinds": "layers_block_type or []",
        "hybrids": _hybrid_layers,
        "attention_width": "attention_hidden_size or 2 * hidden_size",
        "part": "inner / n_mamba_heads",
    },
    lines=model(
        _zamba_layer(
            [
                *tensor("x_proj_weight", "n_mamba_heads, rank + 2 * state, part"),
                *tensor("dt_proj_weight", "n_mamba_heads, part, rank"),
                *tensor("dt_proj_bias", "n_mamba_heads, part"),
                *tensor("A_log", "n_mamba_heads, part, state"),
                *tensor("D", "n_mamba_heads, part"),
                *depthwise("conv1d", "inner", "kernel", "mamba_conv_bias"),
                *linear("in_proj", "2 * inner", "hidden_size", "mamba_proj_bias"),
                *linear("out_proj", "hidden_size", "inner", "mamba_proj_bias"),
            ],
            "shared_transf",
            [
                *under("self_attn", _zamba_attention([])),
                *under("feed_forward", gated_mlp()),
                *norm("input_layernorm", "attention_width"),
                *norm("pre_ff_layernorm", "hidden_size"),
            ],
        ),
        {
            "periodic": "layer == 2 or layer > 2 and (layer - 3) % attn_layer_period == attn_layer_offset",
            "is_hybrid": "periodic if layers_block_type is None else layers_block_type[layer] == 'hybrid'",
            "mixer": "'hybrid' if is_hybrid else 'mamba'",
            "owner": "2 if layers_block_type is None else hybrids[0]",
            **ZAMBA_HEADS,
        },
        "final_layernorm",
    ),
    checks={
        **kinds(*ZAMBA_KINDS, key="layers_block_type"),
        "layers_block_type is not None or num_hidden_layers >= 3": "num_hidden_layers of at least 3",
    },
)  # fmt: skip

ADAPTERS = 32
"""Hybrid layers a Zamba2 may have: their adapters are numbered through all of them."""


def _zamba2_adapters(name: str, out: str, into: str) -> Lines:
    """A low-rank adapter for each hybrid layer that uses this block, every num_mem_blocks-th of them."""
    return [
        line
        for n in range(ADAPTERS)
        for line in when(f"{n} < count(kinds, 'hybrid') and {n} % num_mem_blocks == block", [
            *linear(f"{name}_adapter_list.{n}.0", "adapter_rank", into),
            *linear(f"{name}_adapter_list.{n}.1", out, "adapter_rank"),
        ])
    ]  # fmt: skip


def _attention_adapters() -> Lines:
    names = ("linear_q", "linear_k", "linear_v")
    lines = [line for name in names for line in _zamba2_adapters(name, "attention_width", "attention_width")]
    return when("use_shared_attention_adapter", lines)


ZAMBA2 = Blueprint(  # modeling_zamba2.py: a few attention blocks in turn, each use with adapters
    types=("zamba2",),
    let={
        "kinds": "layers_block_type if layers_block_type is not None else "
        "['mamba'] + (['mamba'] * 5 + ['hybrid']) * 7 + ['mamba'] * 4 + ['hybrid'] + ['mamba'] * 3 "
        "+ ['hybrid'] + ['mamba'] * 2",
        "hybrids": _hybrid_layers,
        "attention_width": "2 * hidden_size",
        "width": "intermediate_size or 4 * hidden_size",
        "inner": "mamba_expand * hidden_size",
        "ssm_heads": "n_mamba_heads",
        "conv_dim": "inner + 2 * mamba_ngroups * mamba_d_state",
        "kernel": "mamba_d_conv",
    },
    lines=model(
        _zamba_layer(
            [*mamba2("add_bias_linear", True), *norm("norm", "inner")],
            "shared_transformer",
            [
                *under("self_attn", _zamba_attention(_attention_adapters())),
                *under("feed_forward", [
                    *linear("gate_up_proj", "2 * width", "hidden_size", "add_bias_linear"),
                    *linear("down_proj", "hidden_size", "width", "add_bias_linear"),
                    *_zamba2_adapters("gate_up_proj", "2 * width", "hidden_size"),
                ]),
                *norm("input_layernorm", "attention_width"),
                *norm("pre_ff_layernorm", "hidden_size"),
            ],
        ),
        {
            "mixer": "'hybrid' if kinds[layer] == 'hybrid' else 'mamba'",
            "block": "count(kinds[:layer], 'hybrid') % num_mem_blocks",
            "owner": "hybrids[block]",
            **ZAMBA_HEADS,
            **where("mixer == 'hybrid'", {"head_dim": "2 * hidden_size / num_attention_heads"}),
        },
        "final_layernorm",
    ),
    checks={
        **kinds(*ZAMBA_KINDS, key="kinds"),
        f"count(kinds, 'hybrid') <= {ADAPTERS}": f"at most {ADAPTERS} hybrid layers",
    },
)  # fmt: skip

RECURRENT_GEMMA = Blueprint(  # modeling_recurrent_gemma.py: Griffin (arXiv:2402.19427)
    types=("recurrent_gemma",),
    let={
        "lru": "hidden_size if lru_width is None else lru_width",
        "part": "lru / num_attention_heads",
    },
    lines=model(
        [
            *norm("temporal_pre_norm", "hidden_size"),
            *under("temporal_block", [
                *when("mixer == 'attention'", gqa("attention_bias", out_bias=True)),
                *when("mixer == 'recurrent'", [
                    *linear("linear_y", "lru", "hidden_size", bias=True),
                    *linear("linear_x", "lru", "hidden_size", bias=True),
                    *linear("linear_out", "hidden_size", "lru", bias=True),
                    *depthwise("conv_1d", "lru", "conv1d_width", bias=True),
                    *tensor("rg_lru.recurrent_param", "lru"),
                    *tensor("rg_lru.input_gate_weight", "num_attention_heads, part, part"),
                    *tensor("rg_lru.input_gate_bias", "num_attention_heads, part"),
                    *tensor("rg_lru.recurrent_gate_weight", "num_attention_heads, part, part"),
                    *tensor("rg_lru.recurrent_gate_bias", "num_attention_heads, part"),
                ]),
            ]),
            *norm("channel_pre_norm", "hidden_size"),
            *under("mlp_block", gated_mlp("intermediate_size // 2", bias=True)),
        ],
        {
            "mixer": "'recurrent' if block_types[layer % len(block_types)] == 'recurrent' else 'attention'",
            **where("mixer == 'attention'", {**EVEN_HEADS, "window": "attention_window_size"}),
        },
        "final_norm",
    ),
    checks={
        "(num_key_value_heads or 0) <= num_attention_heads": "num_key_value_heads up to num_attention_heads",
        "subset(block_types, ['recurrent', 'attention'])": "block_types of recurrent or attention",
    },
)  # fmt: skip

ENTRIES = (
    JAMBA, BAMBA, FALCON_H1, GRANITE_MOE_HYBRID, NEMOTRON_H, ZAMBA, ZAMBA2, RECURRENT_GEMMA,
)  # fmt: skip
