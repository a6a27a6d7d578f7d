"""Groups of lines of the GPT era: even heads, LayerNorm with bias, square projections, the layer of BART."""

from registry.architecture.blueprint import Line, Lines, linear, norm, under, when


def even_heads(heads: str = "num_attention_heads", d: str = "hidden_size") -> dict[str, str]:
    """The `let` of multi-head attention: the width in equal shares, a key and a value head per query head."""
    return {"heads": heads, "kv_heads": heads, "head_dim": f"{d} // {heads}"}


def divides(heads: str = "num_attention_heads", d: str = "hidden_size") -> dict[str, str]:
    """The check of attention classes that refuse a width which is not a multiple of the heads."""
    return {f"{d} % {heads} == 0": f"{d} as a multiple of {heads}"}


def squares(names: str, d: str = "hidden_size", bias: str | bool = True) -> Lines:
    """Linears of the model's width, under the names the type gives them."""
    return [line for name in names.split() for line in linear(name, d, d, bias)]


def layer_norm(name: str, size: str = "hidden_size", affine: str = "") -> Lines:
    """LayerNorm: weight and bias, both only where `affine` holds."""
    lines = norm(name, size, bias=True)
    return when(affine, lines) if affine else lines


def without(lines: Lines, *words: str) -> Lines:
    """The lines whose name has none of the words."""
    return [one for one in lines if isinstance(one, Line) and not any(word in one.name for word in words)]


def bart_layer(
    d: str = "d_model",
    width: str = "decoder_ffn_dim",
    cross: str | None = "True",
    bias: str | bool = True,
    mlp_bias: str | bool = True,
    affine: str = "",
) -> Lines:
    """A decoder layer of BART (arXiv:1910.13461) and its relatives: attention, cross attention, plain MLP.

    `cross`: where cross attention exists; None for a class that never has it.
    """
    lines = [
        *under("self_attn", squares("k_proj v_proj q_proj out_proj", d, bias)),
        *layer_norm("self_attn_layer_norm", d, affine),
        *linear("fc1", width, d, mlp_bias),
        *linear("fc2", d, width, mlp_bias),
        *layer_norm("final_layer_norm", d, affine),
    ]
    if cross is None:
        return lines
    attention = [
        *under("encoder_attn", squares("k_proj v_proj q_proj out_proj", d, bias)),
        *layer_norm("encoder_attn_layer_norm", d),
    ]
    return [*lines, *(attention if cross == "True" else when(cross, attention))]


TASK = {"architectures": ("ln", None)}
"""`keys` of a type whose checkpoints are often of other tasks: what the config says it is."""

LANGUAGE_MODEL = {
    "'For' not in (architectures or [''])[0]"
    " or architectures[0][-11:] in ['ForCausalLM', 'ForMaskedLM']": "architectures of a language model"
}
"""Their check: another task has another head, which the entry does not describe."""
