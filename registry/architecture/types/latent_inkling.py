"""Inkling: relative logits in place of positions, short convolutions, shared experts with a score."""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, tensor, under, when
from registry.architecture.idioms import fused_experts, gated_mlp, kinds, per_layer, router, two_norms
from registry.architecture.idioms_latent import MLP_KINDS, mlp_types, untied_decoder

LET = {"experts": "n_routed_experts", "top_k": "num_experts_per_tok", "kernel": "conv_kernel_size"}
KINDS = {
    **kinds("hybrid", "hybrid_sliding"),
    "num_key_value_heads != 0 and swa_num_key_value_heads != 0": "key and value heads of at least 1",
}
EMBED_NORM = norm("model.embed_tokens.embed_norm", "hidden_size")


def sliding_heads(default: str) -> dict[str, str]:
    """`let` of a stack whose sliding layers have heads of their own."""
    return {
        "sliding": f"{default} if layer_types is None else layer_types[layer] == 'hybrid_sliding'",
        "window": "sliding_window_size if sliding else None",
        "extent": "sliding_window_size if sliding else rel_extent",
        "heads": "swa_num_attention_heads if sliding else num_attention_heads",
        "kv_heads": "swa_num_key_value_heads if sliding else num_key_value_heads",
        "head_dim": "swa_head_dim if sliding else head_dim",
    }


def attention() -> Lines:
    """Queries, keys, values, and r_proj for the relative logits."""
    return [
        *linear("q_proj", "heads * head_dim", "hidden_size"),
        *linear("k_proj", "kv_heads * head_dim", "hidden_size"),
        *linear("v_proj", "kv_heads * head_dim", "hidden_size"),
        *linear("r_proj", "heads * d_rel", "hidden_size"),
        *linear("o_proj", "hidden_size", "heads * head_dim"),
        *tensor("rel_logits_proj.proj", "d_rel, extent"),
    ]


def convolution(name: str, width: str) -> Lines:
    return tensor(f"{name}.conv1d.weight", f"{width}, 1, kernel")


SHARED = under(
    "shared_experts",
    [
        *tensor("gate_proj", "n_shared_experts, expert_width, hidden_size"),
        *tensor("up_proj", "n_shared_experts, expert_width, hidden_size"),
        *tensor("down_proj", "n_shared_experts, hidden_size, expert_width"),
    ],
)

INKLING_TEXT = Blueprint(  # modeling_inkling.py
    types=("inkling_text",),
    let={
        **LET,
        "dense_width": "intermediate_size if dense_intermediate_size is None else dense_intermediate_size",
        "expert_width": "moe_intermediate_size if dense_intermediate_size is None else intermediate_size",
    },
    keys={"dense_mlp_idx": ("i", 0), "dense_intermediate_size": ("in", None)},
    checks={**KINDS, **MLP_KINDS, **per_layer("mlp_layer_types")},
    lines=[
        *untied_decoder(
            [
                *under(
                    "self_attn",
                    [
                        *attention(),
                        *convolution("k_sconv", "kv_heads * head_dim"),
                        *convolution("v_sconv", "kv_heads * head_dim"),
                        *norm("q_norm", "head_dim"),
                        *norm("k_norm", "head_dim"),
                    ],
                ),
                *when("not is_moe", under("mlp", [*gated_mlp("dense_width"), *tensor("global_scale", "1")])),
                *when(
                    "is_moe",
                    under(
                        "mlp",
                        [
                            *router(experts="experts + n_shared_experts"),
                            *tensor("gate.global_scale", "1"),
                            *fused_experts("expert_width"),
                            *SHARED,
                        ],
                    ),
                ),
                *two_norms(),
                *convolution("attn_sconv", "hidden_size"),
                *convolution("mlp_sconv", "hidden_size"),
            ],
            let={
                **mlp_types("layer >= dense_mlp_idx"),
                **sliding_heads(
                    "((layer + 1) % 6 != 0 if local_layer_ids is None else layer in local_layer_ids)"
                ),
            },
        ),
        *EMBED_NORM,
    ],
)


def dynamic_convolution(name: str) -> Lines:
    """A convolution with weights that each position computes, added to fixed ones."""
    return [
        *tensor(f"{name}.static_weight", "kernel, kv_heads * head_dim"),
        *linear(f"{name}.weight_proj", "kv_heads * kernel", "hidden_size"),
    ]


INKLING2_TEXT = Blueprint(  # modeling_inkling2.py: attention over the outputs of blocks of layers as residual
    types=("inkling2_text",),
    let=LET,
    checks=KINDS,
    lines=[
        *untied_decoder(
            [
                *under(
                    "self_attn",
                    [
                        *attention(),
                        *linear("gate_proj", "heads * head_dim", "hidden_size"),
                        *linear("sink_proj", "heads", "hidden_size"),
                        *tensor("q_l2_clip.scale", "heads, head_dim"),
                        *tensor("rel_l2_clip.scale", "heads, d_rel"),
                        *when(
                            "sliding",
                            [
                                *convolution("k_sconv", "kv_heads * head_dim"),
                                *convolution("v_sconv", "kv_heads * head_dim"),
                            ],
                        ),
                        *when("not sliding", dynamic_convolution("k_sconv")),
                        *when("not sliding", dynamic_convolution("v_sconv")),
                    ],
                ),
                *under("mlp", [*router(), *fused_experts("moe_intermediate_size")]),
                *tensor("attention_input.query", "hidden_size", "sliding and layer > 0"),
                *tensor("attention_input.query", "3, hidden_size", "not sliding and layer > 0"),
                *tensor("mlp_input.query", "hidden_size"),
                *when("sliding", norm("input_layernorm", "hidden_size")),
                *when("not sliding", norm("q_input_layernorm", "hidden_size")),
                *when("not sliding", norm("k_input_layernorm", "hidden_size")),
                *when("not sliding", norm("v_input_layernorm", "hidden_size")),
                *norm("post_attention_layernorm", "hidden_size"),
                *convolution("post_attention_convolution", "hidden_size"),
                *convolution("post_mlp_convolution", "hidden_size"),
            ],
            let=sliding_heads("(layer + 1) % 6 != 0"),
        ),
        *EMBED_NORM,
        *tensor("model.final_input.query", "hidden_size"),
    ],
)

ENTRIES = (INKLING_TEXT, INKLING2_TEXT)
