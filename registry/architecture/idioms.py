"""Groups of lines that many architectures share: grouped-query and latent attention, gated MLP, experts.

Each takes the names of the config's keys or of an entry's `let`; nothing here reads a config.
"""

from registry.architecture.blueprint import Lines, linear, norm, stack, tensor, tied, when

HEADS = {
    "heads": "num_attention_heads",
    "kv_heads": "num_attention_heads if num_key_value_heads is None else num_key_value_heads",
    "head_dim": "head_dim or hidden_size / num_attention_heads",
}
"""The usual `let` of attention: key/value heads default to query heads, head_dim to an even share."""

HEAD_DIM = {"head_dim": ("in", None)}
"""`keys` of an entry whose modeling file reads head_dim though its config class does not declare it."""

WHOLE_HEAD_DIM = {"head_dim": ("i", None)}
"""The same where the modeling file takes head_dim if the file has it, and refuses null."""

EVEN_HEADS = {**HEADS, "head_dim": "hidden_size / num_attention_heads"}
"""The same for a class without the key head_dim."""


FLOOR_HEADS = {**HEADS, "head_dim": "hidden_size // num_attention_heads if head_dim is None else head_dim"}
"""HEADS of modeling files that round an even share down."""

EVEN = {"hidden_size % num_attention_heads == 0": "hidden_size divisible by num_attention_heads"}
"""`checks` of attention whose heads share the width evenly."""

FULL_OR_SLIDING = ("full_attention", "attention", "sliding_attention")


def kinds(*allowed: str, key: str = "layer_types", layers: str = "num_hidden_layers") -> dict[str, str]:
    """`checks` of a list with one kind per layer: each of these, or the list absent."""
    return {
        f"subset({key}, {[*allowed]})": f"{key} of {' or '.join(allowed)}",
        **per_layer(key, layers=layers),
    }


def per_layer(*keys: str, layers: str = "num_hidden_layers") -> dict[str, str]:
    """`checks` of lists that must have one value per layer."""
    return {f"{key} is None or len({key}) == {layers}": f"{key} with one value per layer" for key in keys}


def sliding_where(otherwise: str, window: str = "sliding_window") -> dict[str, str]:
    """`let` of a stack with sliding layers: layer_types says which, or where there is none, an expression."""
    return {
        "sliding": f"({otherwise}) if layer_types is None else layer_types[layer] == 'sliding_attention'",
        "window": f"({window}) if sliding else None",
    }


def gqa(bias: str | bool = False, out_bias: str | bool | None = None, qk_norm: str = "") -> Lines:
    """Query, key, value and output projection; grouped, multi-query or multi-head by `kv_heads`.

    `qk_norm`: size of the q_norm and k_norm weights: "head" (head_dim each), "all" (all heads of each), or
    none.
    """
    q, kv = "heads * head_dim", "kv_heads * head_dim"
    lines = [
        *linear("q_proj", q, "hidden_size", bias),
        *linear("k_proj", kv, "hidden_size", bias),
        *linear("v_proj", kv, "hidden_size", bias),
        *linear("o_proj", "hidden_size", q, bias if out_bias is None else out_bias),
    ]
    if qk_norm:
        sizes = ("head_dim", "head_dim") if qk_norm == "head" else (q, kv)
        lines += [*norm("q_norm", sizes[0]), *norm("k_norm", sizes[1])]
    return lines


def mla(bias: str | bool = "attention_bias") -> Lines:
    """Multi-head latent attention of DeepSeek (arXiv:2405.04434): keys and values through one latent.

    `q_lora_rank` null means a plain query projection.
    """
    q = "heads * (qk_nope_head_dim + qk_rope_head_dim)"
    low_rank_query = [
        *linear("q_a_proj", "q_lora_rank", "hidden_size", bias),
        *norm("q_a_layernorm", "q_lora_rank"),
        *linear("q_b_proj", q, "q_lora_rank"),
    ]
    return [
        *when("q_lora_rank is None", linear("q_proj", q, "hidden_size")),
        *when("q_lora_rank is not None", low_rank_query),
        *linear("kv_a_proj_with_mqa", "kv_lora_rank + qk_rope_head_dim", "hidden_size", bias),
        *norm("kv_a_layernorm", "kv_lora_rank"),
        *linear("kv_b_proj", "heads * (qk_nope_head_dim + v_head_dim)", "kv_lora_rank"),
        *linear("o_proj", "hidden_size", "heads * v_head_dim", bias),
    ]


def gated_mlp(width: str = "intermediate_size", bias: str | bool = False, d: str = "hidden_size") -> Lines:
    """Gate, up and down projection (SwiGLU and its relatives, arXiv:2002.05202)."""
    return [
        *linear("gate_proj", width, d, bias),
        *linear("up_proj", width, d, bias),
        *linear("down_proj", d, width, bias),
    ]


def plain_mlp(up: str, down: str, width: str = "intermediate_size", bias: str | bool = True) -> Lines:
    """Two projections, under the names the type gives them."""
    return [*linear(up, width, "hidden_size", bias), *linear(down, "hidden_size", width, bias)]


def fused_experts(width: str, experts: str = "experts", d: str = "hidden_size") -> Lines:
    """Gated experts as transformers 5 holds them: `[experts, 2 * width, d]` and `[experts, d, width]`."""
    return [
        *tensor("experts.gate_up_proj", f"{experts}, 2 * ({width}), {d}"),
        *tensor("experts.down_proj", f"{experts}, {d}, {width}"),
    ]


def router(name: str = "gate", experts: str = "experts", bias: str | bool = False) -> Lines:
    """The linear that scores experts."""
    return linear(name, experts, "hidden_size", bias)


def decoder(layer: Lines, layers: str = "num_hidden_layers", let: dict[str, str] | None = None) -> Lines:
    """A Llama-shaped model: embedding, layers, final norm, output head."""
    return [
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("model.layers", layers, layer, let),
        *norm("model.norm", "hidden_size"),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
    ]


def two_norms(bias: str | bool = False) -> Lines:
    """The norms before attention and before the MLP, under Llama's names."""
    return [
        *norm("input_layernorm", "hidden_size", bias),
        *norm("post_attention_layernorm", "hidden_size", bias),
    ]
