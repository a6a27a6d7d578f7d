"""Groups of lines that multimodal architectures share: patches, blocks of towers, text parts, the head.

The entry of a tower or of a text part has the names of its own module (`base=""`); the model that holds it
puts its prefix before them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from registry.architecture.blueprint import Lines, Part, Scope, linear, norm, stack, tensor, tied, under
from registry.architecture.config_view import ConfigView
from registry.architecture.idioms import gated_mlp, gqa, two_norms

TIED_HEAD = "text_config.vocab_size, text_config.hidden_size"
LAYER_KINDS = {"layer_types is None or len(layer_types) == num_hidden_layers": "a kind for each layer"}
SLIDES = (
    "layer_types[layer] == 'sliding_attention' if layer_types is not None else layer >= max_window_layers"
)
QWEN2_WINDOW = {"window": f"sliding_window if use_sliding_window and ({SLIDES}) else None"}
QWEN2_LAYER = [*under("self_attn", gqa(bias=True, out_bias=False)), *under("mlp", gated_mlp()), *two_norms()]


def tie_of_either(scope: Scope) -> bool:
    """`let` of a class that takes tie_word_embeddings from its text part where its own is false."""
    text = scope.config.part("text_config")
    declared = "tie_word_embeddings" in text
    own = text["tie_word_embeddings"] if declared else text.raw.get("tie_word_embeddings")
    return bool(scope["tie_word_embeddings"] or own)


Raw = Mapping[str, Any]


def where_absent(**parts: Raw | None) -> Callable[[Raw], Raw]:
    """`prepare` of a class that has a nested config of its own where the file has none. None stands for the
    file itself, with the keys of that config at its top level.
    """

    def prepare(raw: Raw) -> Raw:
        missing = {key: given for key, given in parts.items() if raw.get(key) is None}
        return {**raw, **{key: dict(raw) if given is None else given for key, given in missing.items()}}

    return prepare


def renamed(**older: str) -> Callable[[Raw], Raw]:
    """`prepare` of a class that lets an older name of a key win over its own."""

    def prepare(raw: Raw) -> Raw:
        return {**raw, **{new: raw[old] for old, new in older.items() if old in raw}}

    return prepare


def text_model(layer: Lines, let: dict[str, str] | None = None, index: str = "num_hidden_layers") -> Lines:
    """The text part of a multimodal model: a Llama-shaped one without a head."""
    return [
        *tensor("embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("layers", index, layer, let),
        *norm("norm", "hidden_size"),
    ]


def text_and_head(prefix: str = "model.language_model", embedding: str = "embed_tokens.weight") -> Lines:
    """The text part, and the output head of the whole model."""
    return [
        Part(prefix, "text_config"),
        *tied("lm_head.weight", TIED_HEAD, f"{prefix}.{embedding}"),
    ]


def patches_3d(bias: bool = False, width: str = "hidden_size", name: str = "patch_embed.proj") -> Lines:
    """Patches of a video as a convolution over time, height and width."""
    shape = f"{width}, in_channels, temporal_patch_size, patch_size, patch_size"
    return [*tensor(f"{name}.weight", shape), *([*tensor(f"{name}.bias", width)] if bias else [])]


def conv2d(name: str, out: str, into: str, kernel: str, bias: bool = True) -> Lines:
    """nn.Conv2d with a square kernel."""
    return [
        *tensor(f"{name}.weight", f"{out}, {into}, {kernel}, {kernel}"),
        *([*tensor(f"{name}.bias", out)] if bias else []),
    ]


def fused_qkv(d: str = "hidden_size", bias: str | bool = True, out_bias: str | bool = True) -> Lines:
    """Query, key and value as one projection `qkv`, and `proj`."""
    return [*linear("qkv", f"3 * {d}", d, bias), *linear("proj", d, d, out_bias)]


def square(names: str, d: str = "hidden_size", bias: str | bool = True) -> Lines:
    """Several linears of the same width in and out, names separated by spaces."""
    return [line for name in names.split() for line in linear(name, d, d, bias)]


def norms(names: str, d: str = "hidden_size", bias: str | bool = False) -> Lines:
    """Several norms of the same width, names separated by spaces."""
    return [line for name in names.split() for line in norm(name, d, bias)]


def two_linears(
    first: str, second: str, width: str = "intermediate_size", d: str = "hidden_size", bias: str | bool = True
) -> Lines:
    """The plain MLP of a tower, under the names the type gives it."""
    return [*linear(first, width, d, bias), *linear(second, d, width, bias)]


def fused_gated_mlp(width: str = "intermediate_size", d: str = "hidden_size") -> Lines:
    """Gate and up projection as one matrix, and the down projection."""
    return [*linear("gate_up_proj", f"2 * {width}", d), *linear("down_proj", d, width)]


def whisper_layer(d: str = "d_model", width: str = "encoder_ffn_dim", key_bias: bool = False) -> Lines:
    """A layer of Whisper's encoder."""
    return [
        *under("self_attn", [*linear("k_proj", d, d, key_bias), *square("v_proj q_proj out_proj", d)]),
        *norms("self_attn_layer_norm final_layer_norm", d, bias=True),
        *two_linears("fc1", "fc2", width, d),
    ]


def key_of_part(part: str, key: str, kinds: str, default: Any) -> Callable[[Scope], Any]:
    """`let` for a key of a nested config that only the entry of that config declares."""

    def read(scope: Scope) -> Any:
        inner = scope.config.part(part)
        return ConfigView(inner.raw, inner.model_type, inner.where, extra={key: (kinds, default)})[key]

    return read
