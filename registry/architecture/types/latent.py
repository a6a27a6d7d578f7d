"""Latent attention (MLA, arXiv:2405.04434): DeepSeek and the models built like it."""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import decoder, gated_mlp, mla, per_layer, two_norms
from registry.architecture.idioms_latent import (
    FIRST_DENSE,
    MLA_HEADS,
    MLP_KINDS,
    ROUTED,
    dense_or,
    indexer,
    latent_values,
    low_rank_query,
    mlp_types,
    moe,
    next_token,
)
from registry.architecture.tensors import INNER

LET = {**MLA_HEADS, **ROUTED}
ANY_HEADS = {"num_key_value_heads != 0": "num_key_value_heads of at least 1"}
NEXT_TOKEN = {"num_nextn_predict_layers": ("in", 0)}


def deepseek(attention: Lines, fused: bool = True) -> Lines:
    """One layer: attention, then a plain MLP or experts."""
    return [*under("self_attn", attention), *dense_or(moe(fused=fused)), *two_norms()]


SPARSE = [*low_rank_query(), *latent_values(), *indexer()]

DEEPSEEK_V2 = Blueprint(  # modeling_deepseek_v2.py
    types=("deepseek_v2",),
    let=LET,
    checks={
        **ANY_HEADS,
        "hidden_size % num_attention_heads == 0": "a hidden_size that num_attention_heads divides",
    },
    lines=decoder(
        [*under("self_attn", mla()), *dense_or(moe(bias="mlp_bias"), "mlp_bias"), *two_norms()],
        let=FIRST_DENSE,
    ),
)

DEEPSEEK_V3 = Blueprint(  # modeling_deepseek_v3.py: latent attention, the first layers dense, shared experts
    types=("deepseek_v3",),
    let=LET,
    checks=ANY_HEADS,
    lines=decoder(deepseek(mla()), let=FIRST_DENSE),
    mtp=next_token(deepseek(mla(), fused=False)),
)

MISTRAL4 = Blueprint(  # modeling_mistral4.py
    types=("mistral4",),
    let=LET,
    checks=ANY_HEADS,
    lines=decoder(deepseek(mla()), let=FIRST_DENSE),
)

GLM4_MOE_LITE = Blueprint(  # modeling_glm4_moe_lite.py
    types=("glm4_moe_lite",),
    let=LET,
    checks=ANY_HEADS,
    lines=decoder(deepseek(mla()), let=mlp_types("layer >= 1")),
)

RENAMED = {
    **LET,
    "experts": "n_routed_experts if num_experts is None else num_experts",
}
"""`let` of classes that take num_experts in place of n_routed_experts."""

DEEPSEEK_V32 = Blueprint(  # modeling_deepseek_v32.py: an indexer in each layer
    types=("deepseek_v32",),
    let=RENAMED,
    keys={**NEXT_TOKEN, "num_experts": ("in", None)},
    checks={**ANY_HEADS, **MLP_KINDS, **per_layer("layer_types", "mlp_layer_types")},
    lines=decoder(deepseek(SPARSE), let=mlp_types()),
    mtp=next_token(deepseek(SPARSE, fused=False)),
)

GLM_MOE_DSA = Blueprint(  # modeling_glm_moe_dsa.py: layers without an indexer use the choice of one before
    types=("glm_moe_dsa",),
    let={
        **RENAMED,
        "freq": "max(index_topk_freq, 1)",
        "given": "indexer_types if indexer_types is not None else index_topk_pattern",
    },
    keys={
        **NEXT_TOKEN,
        "num_experts": ("in", None),
        "index_topk_pattern": ("sln", None),
        "index_topk_freq": ("i", 1),
        "index_skip_topk_offset": ("i", 2),
    },
    checks={
        **ANY_HEADS,
        **MLP_KINDS,
        **per_layer("layer_types", "mlp_layer_types"),
        "subset(given, ['full', 'shared', 'F', 'S'])": "indexer_types of full or shared",
    },
    lines=decoder(
        deepseek([*low_rank_query(), *latent_values(), *when("indexes", indexer())]),
        let={
            **mlp_types(),
            "indexes": "max(layer - index_skip_topk_offset + 1, 0) % freq == 0 if given is None"
            " else given[layer] in ['full', 'F']",
        },
    ),
    mtp=next_token(deepseek(SPARSE, fused=False)),
)

PERIODIC = mlp_types("layer >= first_k_dense_replace and layer % moe_layer_freq == 0")
PERIODIC_KEYS = {"first_k_dense_replace": ("i", 1), "moe_layer_freq": ("i", 1)}

AXK1 = Blueprint(  # modeling_axk1.py: a norm after the experts
    types=("axk1",),
    let=LET,
    keys=PERIODIC_KEYS,
    checks=ANY_HEADS,
    lines=decoder(
        [
            *under("self_attn", [*low_rank_query(), *latent_values()]),
            *dense_or([*moe(), *norm("post_mlp_layernorm", "hidden_size")]),
            *two_norms(),
        ],
        let=PERIODIC,
    ),
)


def gated_norm(name: str) -> Lines:
    """A norm with a gate of low rank beside it."""
    return under(
        name,
        [
            *norm("norm", "hidden_size"),
            *linear("mlp.fc1", "gated_norm_rank", "hidden_size"),
            *linear("mlp.fc2", "hidden_size", "gated_norm_rank"),
        ],
    )


AXK2 = Blueprint(  # modeling_axk2.py: one projection for queries and the output's gate; gated norms; indexer
    types=("axk2",),
    let=LET,
    keys=PERIODIC_KEYS,
    checks={
        **ANY_HEADS,
        **MLP_KINDS,
        **per_layer("layer_types", "mlp_layer_types"),
        "topk_group is None if n_group is None"
        " else n_routed_experts % n_group == 0 and topk_group <= n_group": (
            "n_group that divides the experts and topk_group of them, or neither"
        ),
    },
    lines=decoder(
        [
            *under(
                "self_attn",
                [
                    *linear("q_a_proj", "q_lora_rank", "hidden_size", "attention_bias"),
                    *norm("q_a_layernorm", "q_lora_rank"),
                    *linear("q_gate_proj", "heads * (head_dim + v_head_dim)", "2 * q_lora_rank"),
                    *latent_values(),
                    *indexer(),
                ],
            ),
            *dense_or(moe()),
            *gated_norm("input_layernorm"),
            *when("is_moe", gated_norm("post_attention_layernorm")),
            *when("not is_moe", norm("post_attention_layernorm", "hidden_size")),
        ],
        let=PERIODIC,
    ),
)

LONGCAT_FLASH = (
    Blueprint(  # modeling_longcat_flash.py: a layer has two attentions and two MLPs beside its experts;
        # zero experts are routed to but do nothing, yet the fused gate_up_proj has room for them
        types=("longcat_flash",),
        let={
            **MLA_HEADS,
            "head_dim": "qk_nope_head_dim + qk_rope_head_dim if qk_head_dim is None else qk_head_dim",
            "layers": "num_layers if num_hidden_layers is None else num_hidden_layers // 2",
            "experts": "n_routed_experts",
            "top_k": "moe_topk",
            "slots": "n_routed_experts + zero_expert_num",
            "width": "expert_ffn_hidden_size",
        },
        keys={"num_hidden_layers": ("i", None), "router_bias": ("b", False)},
        checks=ANY_HEADS,
        lines=decoder(
            [
                *stack("self_attn", "2", [*low_rank_query(), *latent_values()], index=INNER),
                *under("mlp.router", linear("classifier", "slots", "hidden_size", "router_bias")),
                *tensor("mlp.experts.gate_up_proj", "slots, 2 * width, hidden_size"),
                *tensor("mlp.experts.down_proj", "experts, hidden_size, width"),
                *stack("mlps", "2", gated_mlp("ffn_hidden_size"), index=INNER),
                *stack("input_layernorm", "2", tensor("weight", "hidden_size"), index=INNER),
                *stack("post_attention_layernorm", "2", tensor("weight", "hidden_size"), index=INNER),
            ],
            layers="layers",
        ),
    )
)

ENTRIES = (
    DEEPSEEK_V2, DEEPSEEK_V3, MISTRAL4, GLM4_MOE_LITE, DEEPSEEK_V32, GLM_MOE_DSA, AXK1, AXK2, LONGCAT_FLASH,
)  # fmt: skip
