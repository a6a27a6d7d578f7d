"""Groups of lines of DeepSeek-like models: latent attention in parts, indexer, experts with shared ones.

Each takes the names of the config's keys or of an entry's `let`; nothing here reads a config.
"""

from registry.architecture.blueprint import INNER, Line, Lines, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import fused_experts, gated_mlp, router

MLA_HEADS = {
    "heads": "num_attention_heads",
    "kv_heads": "heads",
    "head_dim": "qk_nope_head_dim + qk_rope_head_dim",
    "v_dim": "v_head_dim",
}
"""The usual `let` of latent attention: every query head has its own key and value, made from the latent."""

ROUTED = {
    "experts": "n_routed_experts",
    "top_k": "num_experts_per_tok",
    "shared": "moe_intermediate_size * n_shared_experts",
}
"""The usual `let` of DeepSeek's experts; the shared ones are one MLP, as wide as all of them."""

FIRST_DENSE = {"is_moe": "layer >= first_k_dense_replace"}
"""`let` of a stack whose first layers have a plain MLP."""

MLP_KINDS = {
    "subset(mlp_layer_types, ['dense', 'sparse'])": "mlp_layer_types of dense or sparse",
}


def mlp_types(default: str = "layer >= first_k_dense_replace") -> dict[str, str]:
    """`let` of a stack: MoE where mlp_layer_types says sparse, or, where there is none, by the default."""
    return {"is_moe": f"{default} if mlp_layer_types is None else mlp_layer_types[layer] == 'sparse'"}


def low_rank_query(q: str = "heads * head_dim", bias: str | bool = "attention_bias") -> Lines:
    """Queries through a latent of q_lora_rank."""
    return [
        *linear("q_a_proj", "q_lora_rank", "hidden_size", bias),
        *norm("q_a_layernorm", "q_lora_rank"),
        *linear("q_b_proj", q, "q_lora_rank"),
    ]


def latent_values(bias: str | bool = "attention_bias") -> Lines:
    """Keys and values through one latent of kv_lora_rank, and the output projection."""
    return [
        *linear("kv_a_proj_with_mqa", "kv_lora_rank + qk_rope_head_dim", "hidden_size", bias),
        *norm("kv_a_layernorm", "kv_lora_rank"),
        *linear("kv_b_proj", "heads * (qk_nope_head_dim + v_head_dim)", "kv_lora_rank"),
        *linear("o_proj", "hidden_size", "heads * v_head_dim", bias),
    ]


def indexer() -> Lines:
    """The indexer of DeepSeek sparse attention (arXiv:2512.02556): it picks the positions a query sees."""
    return under(
        "indexer",
        [
            *linear("wq_b", "index_n_heads * index_head_dim", "q_lora_rank"),
            *linear("wk", "index_head_dim", "hidden_size"),
            *norm("k_norm", "index_head_dim", bias=True),
            *linear("weights_proj", "index_n_heads", "hidden_size"),
        ],
    )


def moe(shared: str = "shared", bias: str | bool = False, fused: bool = True) -> Lines:
    """Router, experts and shared experts. Not `fused`: one MLP per expert, as the hub stores them."""
    width = "moe_intermediate_size"
    experts = fused_experts(width) if fused else stack("experts", "experts", gated_mlp(width), index=INNER)
    return [*router(), *experts, *under("shared_experts", gated_mlp(shared, bias))]


def dense_or(experts: Lines, bias: str | bool = False) -> Lines:
    """A plain MLP, or experts where `is_moe`."""
    return [*under("mlp", when("not is_moe", gated_mlp(bias=bias))), *under("mlp", when("is_moe", experts))]


def next_token(layer: Lines) -> list[Line]:
    """A multi-token-prediction module as DeepSeek-V3 stores it (arXiv:2412.19437): one more layer at the end.

    The stored copies of embedding and head are left out: their values are the model's own.
    """
    d = "hidden_size"
    joined = [
        *linear("eh_proj", d, f"2 * {d}"),
        *norm("enorm", d),
        *norm("hnorm", d),
        *norm("shared_head.norm", d),
    ]
    lines = stack(
        "model.layers",
        "num_hidden_layers + (num_nextn_predict_layers or 0)",
        when("layer >= num_hidden_layers", [*joined, *layer]),
        {"is_moe": "True"},
    )
    return [one for one in lines if isinstance(one, Line)]


def untied_decoder(layer: Lines, let: dict[str, str] | None = None) -> Lines:
    """A Llama-shaped model whose head has its own weight whatever tie_word_embeddings says."""
    return [
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("model.layers", "num_hidden_layers", layer, let),
        *norm("model.norm", "hidden_size"),
        *linear("lm_head", "vocab_size", "hidden_size"),
    ]
