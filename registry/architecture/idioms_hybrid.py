"""Groups of lines of state-space, linear-attention and hybrid models. Nothing here reads a config."""

from dataclasses import replace

from registry.architecture.blueprint import Line, Lines, linear, norm, stack, tensor, tied, under

LINEAR_KINDS = ["linear_attention", "mamba"]
FULL_KINDS = ["full_attention", "attention"]
"""Kinds of layers in `layer_types`, today's name first."""


def where(condition: str, let: dict[str, str]) -> dict[str, str]:
    """The definitions in the layers where a condition holds; null in the others."""
    return {name: f"({text}) if {condition} else None" for name, text in let.items()}


def model(
    layer: Lines, let: dict[str, str], final: str, embed: str = "embed_tokens", base: str = "model"
) -> Lines:
    """A decoder under its type's names for the embedding and the final norm. `let` is per layer."""
    return [
        *tensor(f"{base}.{embed}.weight", "vocab_size, hidden_size"),
        *stack(f"{base}.layers", "num_hidden_layers", layer, let),
        *norm(f"{base}.{final}", "hidden_size"),
        *tied("lm_head.weight", "vocab_size, hidden_size", f"{base}.{embed}.weight"),
    ]


def depthwise(name: str, channels: str, kernel: str, bias: str | bool = False) -> Lines:
    """A causal convolution over positions, each channel by itself."""
    lines = tensor(f"{name}.weight", f"{channels}, 1, {kernel}")
    if bias is not False:
        lines += tensor(f"{name}.bias", channels, None if bias is True else bias)
    return lines


def mamba(bias: str, conv_bias: str) -> Lines:
    """The selective state space of Mamba (arXiv:2312.00752). Reads `inner`, `state`, `rank` and `kernel`."""
    return [
        *tensor("A_log", "inner, state"),
        *tensor("D", "inner"),
        *depthwise("conv1d", "inner", "kernel", conv_bias),
        *linear("in_proj", "2 * inner", "hidden_size", bias),
        *linear("x_proj", "rank + 2 * state", "inner"),
        *linear("dt_proj", "inner", "rank", bias=True),
        *linear("out_proj", "hidden_size", "inner", bias),
    ]


def mamba2(bias: str, conv_bias: str | bool, out_bias: str | None = None) -> Lines:
    """Mamba-2 (arXiv:2405.21060), its norm left out. Reads `inner`, `ssm_heads`, `conv_dim` and `kernel`."""
    return [
        *tensor("dt_bias", "ssm_heads"),
        *tensor("A_log", "ssm_heads"),
        *tensor("D", "ssm_heads"),
        *depthwise("conv1d", "conv_dim", "kernel", conv_bias),
        *linear("in_proj", "inner + conv_dim + ssm_heads", "hidden_size", bias),
        *linear("out_proj", "hidden_size", "inner", out_bias or bias),
    ]


def delta_net(projections: Lines) -> Lines:
    """Gated DeltaNet (arXiv:2412.06464) with its type's own projections. Reads `keys` and `values`, the
    widths of all key and of all value heads.
    """
    return [
        *tensor("dt_bias", "linear_num_value_heads"),
        *tensor("A_log", "linear_num_value_heads"),
        *depthwise("conv1d", "2 * keys + values", "linear_conv_kernel_dim"),
        *projections,
    ]


def short_conv(bias: str = "conv_bias") -> Lines:
    """The gated short convolution of LFM2."""
    return [
        *depthwise("conv", "hidden_size", "conv_L_cache", bias),
        *linear("in_proj", "3 * hidden_size", "hidden_size", bias),
        *linear("out_proj", "hidden_size", "hidden_size", bias),
    ]


def shared(name: str, lines: Lines, layer: str, condition: str) -> Lines:
    """A module whose weights are those of another layer, named as `model.layers.{owner}`, where a condition
    holds.
    """
    return [
        replace(one, tied_to=f"{layer}.{one.name}", tied_when=condition)
        for one in under(name, lines)
        if isinstance(one, Line)
    ]
