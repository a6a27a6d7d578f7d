"""Latent and compressed attention beside others: linear attention, compressors, hyper-connections."""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, tensor, under, when
from registry.architecture.idioms import (
    decoder,
    fused_experts,
    gated_mlp,
    gqa,
    kinds,
    mla,
    per_layer,
    router,
    two_norms,
)
from registry.architecture.idioms_latent import (
    MLA_HEADS,
    MLP_KINDS,
    ROUTED,
    dense_or,
    indexer,
    latent_values,
    low_rank_query,
    mlp_types,
    moe,
    untied_decoder,
)

KV_HEADS = {"num_key_value_heads != 0": "num_key_value_heads of at least 1"}
FULL_OR_LINEAR = ("full_attention", "attention", "linear_attention", "mamba")


def full_where(default: str) -> dict[str, str]:
    """`let` of a stack with layers of linear attention."""
    return {
        "is_full": f"{default} if layer_types is None"
        " else layer_types[layer] in ['full_attention', 'attention']",
        "mixer": "'attention' if is_full else 'linear'",
    }


def delta_attention(*gates: Lines) -> Lines:
    """Kimi delta attention (arXiv:2510.26692): short convolution of queries, keys and values; gates."""
    width = "heads * head_dim"
    return [
        *linear("q_proj", width, "hidden_size"),
        *linear("k_proj", width, "hidden_size"),
        *linear("v_proj", width, "hidden_size"),
        *tensor("conv1d.weight", f"3 * {width}, 1, kernel"),
        *tensor("forget_gate.dt_bias", width),
        *linear("b_proj", "heads", "hidden_size"),
        *norm("o_norm", "head_dim"),
        *linear("o_proj", "hidden_size", width),
        *[line for lines in gates for line in lines],
    ]


def low_rank(first: str, second: str) -> Lines:
    return [
        *linear(first, "head_dim", "hidden_size"),
        *linear(second, "heads * head_dim", "head_dim"),
    ]


def given(legacy: str, name: str) -> str:
    """A key that released checkpoints store in linear_attn_config."""
    return f"linear_attn_config['{legacy}'] if '{legacy}' in linear_attn_config else {name}"


KIMI_LINEAR = Blueprint(  # modeling_kimi_linear.py: linear attention, latent attention in every fourth layer
    types=("kimi_linear",),
    let={
        "experts": "num_local_experts",
        "top_k": "num_experts_per_tok",
        "shared": "moe_intermediate_size * n_shared_experts",
        "linear_heads": given("num_heads", "linear_num_heads"),
        "linear_dim": given("head_dim", "linear_head_dim"),
        "kernel": given("short_conv_kernel_size", "linear_conv_kernel_dim"),
        "listed": "layer_types is None and 'full_attn_layers' in linear_attn_config"
        " and 'kda_layers' in linear_attn_config",
    },
    keys={"linear_attn_config": ("d", {}), "first_k_dense_replace": ("i", 1)},
    checks={
        **KV_HEADS,
        **MLP_KINDS,
        **kinds(*FULL_OR_LINEAR),
        **per_layer("mlp_layer_types"),
        "not listed or len(linear_attn_config['full_attn_layers']) + len(linear_attn_config['kda_layers'])"
        " == num_hidden_layers": "each layer in full_attn_layers or in kda_layers",
    },
    lines=untied_decoder(
        [
            *when("is_full", under("self_attn", mla())),
            *when(
                "not is_full",
                under(
                    "self_attn",
                    delta_attention(
                        low_rank("forget_gate.f_a_proj", "forget_gate.f_b_proj"),
                        tensor("forget_gate.A_log", "1, 1, heads, 1"),
                        low_rank("g_a_proj", "g_b_proj"),
                    ),
                ),
            ),
            *dense_or(moe()),
            *two_norms(),
        ],
        let={
            **mlp_types(),
            **full_where(
                "layer + 1 in linear_attn_config['full_attn_layers'] if listed"
                " else layer > 0 and layer % 4 == 0"
            ),
            "heads": "num_attention_heads if is_full else linear_heads",
            "kv_heads": "heads",
            "head_dim": "qk_nope_head_dim + qk_rope_head_dim if is_full else linear_dim",
            "v_dim": "v_head_dim if is_full else linear_dim",
        },
    ),
)

BAILING_HYBRID = Blueprint(  # modeling_bailing_hybrid.py: as Kimi Linear, with gates of full rank
    types=("bailing_hybrid",),
    let={
        "heads": "num_attention_heads",
        "kv_heads": "heads",
        "experts": "num_local_experts",
        "top_k": "num_experts_per_tok",
        "shared": "moe_intermediate_size * n_shared_experts",
        "kernel": "short_conv_kernel_size",
    },
    checks={**KV_HEADS, **MLP_KINDS, **kinds(*FULL_OR_LINEAR), **per_layer("mlp_layer_types")},
    lines=untied_decoder(
        [
            *when(
                "is_full",
                under(
                    "self_attn",
                    [
                        *linear("q_proj", "heads * head_dim", "hidden_size"),
                        *latent_values(),
                        *linear("g_proj", "heads", "hidden_size"),
                    ],
                ),
            ),
            *when(
                "not is_full",
                under(
                    "self_attn",
                    delta_attention(
                        linear("forget_gate.f_proj", "heads * head_dim", "hidden_size"),
                        tensor("forget_gate.A_log", "heads"),
                        linear("g_proj", "heads * head_dim", "hidden_size"),
                    ),
                ),
            ),
            *dense_or(moe()),
            *two_norms(),
        ],
        let={
            **mlp_types(),
            **full_where("(layer + 1) % layer_group_size == 0"),
            "head_dim": "qk_nope_head_dim + qk_rope_head_dim if is_full else head_dim",
            "v_dim": "v_head_dim if is_full else head_dim",
        },
    ),
)

MINIMAX = Blueprint(  # modeling_minimax.py: lightning attention in every second layer
    types=("minimax",),
    let={
        "heads": "num_attention_heads",
        "head_dim": "head_dim or hidden_size // num_attention_heads",
        "experts": "num_local_experts",
        "top_k": "num_experts_per_tok",
    },
    checks={**KV_HEADS, **kinds(*FULL_OR_LINEAR)},
    lines=decoder(
        [
            *when("is_full", under("self_attn", gqa())),
            *when(
                "not is_full",
                under(
                    "self_attn",
                    [
                        *norm("norm", "heads * head_dim"),
                        *linear("qkv_proj", "3 * heads * head_dim", "hidden_size"),
                        *linear("out_proj", "hidden_size", "heads * head_dim"),
                        *linear("output_gate", "heads * head_dim", "hidden_size"),
                    ],
                ),
            ),
            *under("mlp", [*router(), *fused_experts("intermediate_size")]),
            *two_norms(),
        ],
        let={
            **full_where("(layer + 1) % 2 != 0"),
            "kv_heads": "num_key_value_heads if is_full else heads",
            "window": "sliding_window if is_full else None",
        },
    ),
)


def hyper_connection(name: str, size: str, scales: int) -> Lines:
    """Mixing of the hc_mult residual streams before and after a block (arXiv:2409.19606)."""
    return under(
        name,
        [
            *tensor("fn", f"{size}, hc_mult * hidden_size"),
            *tensor("base", size),
            *tensor("scale", str(scales)),
        ],
    )


HYPER_HEAD = under(
    "model.hc_head",
    [
        *tensor("hc_fn", "hc_mult, hc_mult * hidden_size"),
        *tensor("hc_base", "hc_mult"),
        *tensor("hc_scale", "1"),
    ],
)

HY_V4 = Blueprint(  # modeling_hy_v4.py: sparse latent attention with gate and sinks, hyper-connections
    types=("hy_v4",),
    let={**MLA_HEADS, **ROUTED},
    checks={
        **MLP_KINDS,
        **per_layer("layer_types", "mlp_layer_types"),
        "subset(indexer_types, ['full', 'shared'])": "indexer_types of full or shared",
    },
    lines=[
        *decoder(
            [
                *under("self_attn", [*low_rank_query(), *latent_values(), *when("indexes", indexer())]),
                *linear("self_attn.gate_proj", "heads * v_head_dim", "hidden_size"),
                *tensor("self_attn.sinks", "heads"),
                *dense_or(moe()),
                *two_norms(),
                *hyper_connection("attn_hc", "2 * hc_mult", 2),
                *hyper_connection("ffn_hc", "2 * hc_mult", 2),
            ],
            let={
                **mlp_types("layer >= 1"),
                "indexes": "layer == 0 or (layer - 1) % 4 == 0 if indexer_types is None"
                " else indexer_types[layer] != 'shared'",
            },
        ),
        *HYPER_HEAD,
    ],
)

CSA, HCA, SLIDING = "compressed_sparse_attention", "heavily_compressed_attention", "sliding_attention"


def compressor(width: str, rate: str) -> Lines:
    """Keys made of `rate` positions each."""
    return [
        *linear("kv_proj", width, "hidden_size"),
        *linear("gate_proj", width, "hidden_size"),
        *tensor("position_bias", f"{rate}, {width}"),
    ]


DEEPSEEK_V4 = Blueprint(  # modeling_deepseek_v4.py: one shared key and value head over compressed positions,
    # a low-rank output projection in groups, hyper-connections; the first routers choose experts by token
    types=("deepseek_v4",),
    let={
        "heads": "num_attention_heads",
        "kv_heads": "1",
        "experts": "n_routed_experts",
        "top_k": "num_experts_per_tok",
        "width": "moe_intermediate_size",
        "rates": f"{{'{CSA}': 4, '{HCA}': 128}} if compress_rates is None else compress_rates",
        "csa_rate": f"compress_rate_csa or (rates['{CSA}'] if '{CSA}' in rates else None)",
        "hca_rate": f"compress_rate_hca or (rates['{HCA}'] if '{HCA}' in rates else None)",
    },
    keys={
        "compress_ratios": ("ln", None),
        "compress_rate_csa": ("in", None),
        "compress_rate_hca": ("in", None),
    },
    checks={
        f"subset(layer_types, ['{CSA}', '{HCA}', '{SLIDING}'])": f"layer_types of {CSA}, {HCA} or {SLIDING}",
        "subset(mlp_layer_types, ['hash_moe', 'moe'])": "mlp_layer_types of hash_moe or moe",
        "subset(compress_ratios, [0, 4, 128])": "compress_ratios of 0, 4 or 128",
        **{
            f"{key} is None or len({key}) >= num_hidden_layers": f"{key} with a value for each layer"
            for key in ("layer_types", "mlp_layer_types", "compress_ratios")
        },
    },
    lines=[
        *decoder(
            [
                *under(
                    "self_attn",
                    [
                        *linear("q_a_proj", "q_lora_rank", "hidden_size"),
                        *norm("q_a_norm", "q_lora_rank"),
                        *linear("q_b_proj", "heads * head_dim", "q_lora_rank"),
                        *linear("kv_proj", "head_dim", "hidden_size"),
                        *norm("kv_norm", "head_dim"),
                        *linear("o_a_proj", "o_groups * o_lora_rank", "heads * head_dim // o_groups"),
                        *linear("o_b_proj", "hidden_size", "o_groups * o_lora_rank"),
                        *tensor("sinks", "heads"),
                        *when(
                            f"kind != '{SLIDING}'",
                            under(
                                "compressor",
                                [*compressor("overlap * head_dim", "rate"), *norm("kv_norm", "head_dim")],
                            ),
                        ),
                        *when(
                            f"kind == '{CSA}'",
                            under(
                                "compressor.indexer",
                                [
                                    *compressor("2 * index_head_dim", "rate"),
                                    *norm("kv_norm", "index_head_dim"),
                                    *linear("q_b_proj", "index_n_heads * index_head_dim", "q_lora_rank"),
                                    *linear("scorer.weights_proj", "index_n_heads", "hidden_size"),
                                ],
                            ),
                        ),
                    ],
                ),
                *under(
                    "mlp",
                    [
                        *router(),
                        *fused_experts("width"),
                        *under("shared_experts", gated_mlp("width", "mlp_bias")),
                    ],
                ),
                *two_norms(),
                *hyper_connection("attn_hc", "(2 + hc_mult) * hc_mult", 3),
                *hyper_connection("ffn_hc", "(2 + hc_mult) * hc_mult", 3),
            ],
            let={
                "default": f"'{CSA}' if layer > 2 and layer % 2 else '{HCA}'",
                "ratio": "compress_ratios[layer]",
                "by_ratio": f"'{CSA}' if ratio == 4 else '{HCA}' if ratio == 128 else '{SLIDING}'",
                "kind": "layer_types[layer] if layer_types is not None"
                " else default if compress_ratios is None else by_ratio",
                "window": f"sliding_window if kind == '{SLIDING}' else None",
                "overlap": f"2 if kind == '{CSA}' else 1",
                "rate": f"csa_rate if kind == '{CSA}' else hca_rate",
            },
        ),
        *HYPER_HEAD,
    ],
)

ENTRIES = (KIMI_LINEAR, BAILING_HYBRID, MINIMAX, HY_V4, DEEPSEEK_V4)
