"""Lines that vision and audio towers share, and the shape of a text model with a tower beside it."""

from collections.abc import Callable
from typing import Any

from registry.architecture.blueprint import Lines, Part, Scope, linear, norm, stack, tensor, tied, under, when
from registry.architecture.config_view import ConfigView

TOWER = {"heads": "num_attention_heads", "kv_heads": "heads", "head_dim": "hidden_size // heads"}
"""`let` of a tower: every head has its own keys and values."""

NOT_FLAT = {"not is_flat": "the text model under text_config"}
"""`checks` that no text model is described at the top, where transformers would not see it."""


def projections(out: str = "out_proj", bias: bool = True, inner: str = "hidden_size") -> Lines:
    """Query, key, value and output projection of a tower, all heads side by side in `inner`."""
    return [
        *linear("q_proj", inner, "hidden_size", bias),
        *linear("k_proj", inner, "hidden_size", bias),
        *linear("v_proj", inner, "hidden_size", bias),
        *linear(out, "hidden_size", inner, bias),
    ]


def fc(d: str = "hidden_size", width: str = "intermediate_size") -> Lines:
    """fc1 and fc2 with biases."""
    return [*linear("fc1", width, d, True), *linear("fc2", d, width, True)]


def patches(name: str, bias: bool = True) -> Lines:
    """The convolution that turns square patches into vectors."""
    weight = tensor(f"{name}.weight", "hidden_size, num_channels, patch_size, patch_size")
    return [*weight, *(tensor(f"{name}.bias", "hidden_size") if bias else [])]


def clip_layers(prefix: str = "encoder.layers") -> Lines:
    """The layers of CLIP (arXiv:2103.00020), kept by SigLIP and its relatives."""
    layer = [
        *under("self_attn", projections()),
        *norm("layer_norm1", "hidden_size", True),
        *under("mlp", fc()),
        *norm("layer_norm2", "hidden_size", True),
    ]
    return stack(prefix, "num_hidden_layers", layer)


def vlm(
    middle: Lines,
    tower: str = "model.vision_tower",
    text: str = "model.language_model",
    tie: str = "tie_word_embeddings",
) -> Lines:
    """A tower, a text model, what is between them, and the output head. Needs `tower_known`: where the tower
    is refused, what leads from it to the text is left out with it.
    """
    return [
        Part(tower, "vision_config"),
        Part(text, "text_config"),
        *when("tower_known", middle),
        *text_head(f"{text}.embed_tokens.weight", tie),
    ]


def text_head(embedding: str, tie: str = "tie_word_embeddings") -> Lines:
    """The output head over the text part's vocabulary."""
    return tied("lm_head.weight", "text_config.vocab_size, text_config.hidden_size", embedding, tie)


def two_layers(into: str, bias: str | bool, width: str = "text_config.hidden_size") -> Lines:
    """linear_1 and linear_2, the second one of the text part's width."""
    return [
        *linear("linear_1", width, into, bias),
        *linear("linear_2", "text_config.hidden_size", width, bias),
    ]


def given(part: str) -> Callable[[Scope], bool]:
    """A `let`: whether the config describes a part at all."""
    return lambda scope: scope.config.raw.get(part) is not None


def nested(part: str, key: str, kinds: str, default: Any = None) -> Callable[[Scope], Any]:
    """A `let`: a key of a part that its config class does not list."""

    def read(scope: Scope) -> Any:
        inner = scope.config.part(part)
        return ConfigView(inner.raw, inner.model_type, inner.where, extra={key: (kinds, default)})[key]

    return read


def feature_layers(scope: Scope) -> int:
    """A `let`: how many layers of the tower the projector reads side by side."""
    chosen = scope["vision_feature_layer"]
    return len(chosen) if isinstance(chosen, list) else 1


def tower_known(scope: Scope) -> bool:
    """A `let`: whether the tower's type has a blueprint."""
    from registry.architecture.types import find  # not above: it imports the modules that use this one

    return find(scope.config.part("vision_config").model_type) is not None


def is_flat(scope: Scope) -> bool:
    """A `let`: whether dimensions of a text model stand at the top instead of under text_config."""
    return "text_config" not in scope.config.raw and "num_hidden_layers" in scope.config.raw
