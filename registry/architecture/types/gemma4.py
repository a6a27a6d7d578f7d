"""Gemma 3n and 4: layers that reuse keys and values of earlier ones, an embedding for each layer."""

from collections.abc import Callable
from typing import Any

from registry.architecture.blueprint import (
    Blueprint,
    Lets,
    Part,
    Scope,
    linear,
    norm,
    stack,
    tensor,
    under,
    when,
)
from registry.architecture.idioms import EVEN, decoder, fused_experts, gated_mlp
from registry.architecture.idioms_vision import given, nested, text_head


def kinds(every: int) -> Callable[[Scope], list[str]]:
    """A `let`: the kind of each layer; where none is given, every so many layers see all positions."""

    def read(scope: Scope) -> list[str]:
        names = ("full_attention", "sliding_attention")
        chosen = scope["layer_types"]
        if chosen is not None:
            return list(chosen)
        return [names[(i + 1) % every > 0] for i in range(scope["num_hidden_layers"])]

    return read


def full_at_last(scope: Scope) -> list[str]:
    """A `let`: the kind of each layer of Gemma 4, whose last one always sees all positions."""
    return [*kinds(6)(scope)[:-1], "full_attention"]


def overrides(scope: Scope) -> dict[int, dict[str, Any]]:
    """A `let`: layer -> its head_dim and num_key_value_heads where they are not the common ones.

    Configs that transformers 5 wrote list them; others give all full layers a global_head_dim.
    """
    if "per_layer_config" in scope.config.raw:
        written = scope["per_layer_config"] or {}
        count = scope["num_hidden_layers"]
        if all(key.isdecimal() and int(key) < count and isinstance(written[key], dict) for key in written):
            return {int(key): value for key, value in written.items()}
        raise scope.config.bad("per_layer_config", "layer -> its keys", written)
    full = {"head_dim": scope["global_head_dim"]}
    if scope["attention_k_eq_v"] and scope["num_global_key_value_heads"] is not None:
        full["num_key_value_heads"] = scope["num_global_key_value_heads"]
    return {i: full for i, kind in enumerate(scope["kinds"]) if kind == "full_attention"}


def overridden(scope: Scope) -> list[str]:
    """A `let`: the keys that any layer has for itself."""
    return sorted({key for one in scope["overrides"].values() for key in one})


def widths(scope: Scope) -> list[int]:
    """A `let`: the MLP width of each layer, where one number stands for all."""
    width = scope["intermediate_size"]
    return list(width) if isinstance(width, list) else [width] * int(scope["num_hidden_layers"])


CHECKS = {
    "len(kinds) == num_hidden_layers": "one of layer_types per layer",
    "subset(kinds, ['full_attention', 'sliding_attention'])": "full_attention or sliding_attention",
    "num_kv_shared_layers == 0 or num_kv_shared_layers < num_hidden_layers"
    " and subset(kinds, kinds[:first_shared])": "keys and values of each kind of layer to reuse",
}
KINDS = {
    "kind": "kinds[layer]",
    "reuses": "layer >= first_shared",
    "window": "reach if kind == 'sliding_attention' else None",
}
SHARED_LAYERS = {"heads": "num_attention_heads", "first_shared": "num_hidden_layers - num_kv_shared_layers"}

ATTENTION = [
    *linear("q_proj", "heads * head_dim", "hidden_size", "attention_bias"),
    *norm("q_norm", "head_dim"),
    *when("not reuses", linear("k_proj", "kv_heads * head_dim", "hidden_size", "attention_bias")),
    *when("not reuses", norm("k_norm", "head_dim")),
    *when("not reuses and has_v", linear("v_proj", "kv_heads * head_dim", "hidden_size", "attention_bias")),
    *linear("o_proj", "hidden_size", "heads * head_dim", "attention_bias"),
]
LAYER = [
    *under("self_attn", ATTENTION),
    *under("mlp", gated_mlp("width")),
    *norm("input_layernorm", "hidden_size"),
    *norm("post_attention_layernorm", "hidden_size"),
    *norm("pre_feedforward_layernorm", "hidden_size"),
    *norm("post_feedforward_layernorm", "hidden_size"),
]
PER_LAYER_INPUT = [
    *linear("per_layer_input_gate", "hidden_size_per_layer_input", "hidden_size"),
    *linear("per_layer_projection", "hidden_size", "hidden_size_per_layer_input"),
    *norm("post_per_layer_input_norm", "hidden_size"),
]
PER_LAYER_EMBEDDINGS = [
    *tensor("model.embed_tokens_per_layer.weight", "vocab_size_per_layer_input, per_layer_width"),
    *linear("model.per_layer_model_projection", "per_layer_width", "hidden_size"),
    *norm("model.per_layer_projection_norm", "hidden_size_per_layer_input"),
]
PER_LAYER_WIDTH = {"per_layer_width": "num_hidden_layers * hidden_size_per_layer_input"}

ALTUP = [
    *tensor("altup.correct_output_scale", "hidden_size"),
    *linear("altup.correction_coefs", "altup_num_inputs", "altup_num_inputs"),
    *linear("altup.prediction_coefs", "altup_num_inputs ** 2", "altup_num_inputs"),
    *linear("altup.modality_router", "altup_num_inputs", "hidden_size"),
    *norm("altup.router_norm", "hidden_size"),
    *linear("laurel.linear_left", "laurel_rank", "hidden_size"),
    *linear("laurel.linear_right", "hidden_size", "laurel_rank"),
    *norm("laurel.post_laurel_norm", "hidden_size"),
]

GEMMA3N_TEXT = Blueprint(  # modeling_gemma3n.py: several hidden states (AltUp), low-rank residuals (LAuReL)
    types=("gemma3n_text",),
    let={
        **SHARED_LAYERS,
        **PER_LAYER_WIDTH,
        "kv_heads": "num_key_value_heads",
        "kinds": kinds(5),
        "reach": "sliding_window",
        "widths": widths,
        "has_v": "True",
    },
    checks={
        **EVEN,
        **CHECKS,
        "len(widths) == num_hidden_layers": "one intermediate_size, or one per layer",
        "activation_sparsity_pattern is None or len(activation_sparsity_pattern) == num_hidden_layers": (
            "one of activation_sparsity_pattern per layer"
        ),
    },
    lines=[
        *decoder([*LAYER, *ALTUP, *PER_LAYER_INPUT], let={**KINDS, "width": "widths[layer]"}),
        *PER_LAYER_EMBEDDINGS,
        *stack(
            "model.altup_projections",
            "altup_num_inputs - 1",
            tensor("weight", "hidden_size, hidden_size"),
        ),
        *stack(
            "model.altup_unembed_projections",
            "altup_num_inputs - 1",
            tensor("weight", "hidden_size, hidden_size"),
        ),
    ],
)

GEMMA3N = Blueprint(  # modeling_gemma3n.py: the vision tower is a MobileNet that only timm describes
    types=("gemma3n",),
    causal="text_config",
    lines=[
        Part("model.vision_tower", "vision_config"),
        Part("model.audio_tower", "audio_config"),
        Part("model.language_model", "text_config"),
        *text_head("model.language_model.embed_tokens.weight"),
    ],
)

GEMMA4_LET: Lets = {
    **SHARED_LAYERS,
    "kinds": full_at_last,
    "overrides": overrides,
    "overridden": overridden,
    "reach": "sliding_window // 2 + 1 if use_bidirectional_attention == 'all' else sliding_window",
}
GEMMA4_LAYER_LET = {
    **KINDS,
    "own": "overrides[layer] if layer in overrides else {}",
    "head_dim": "own.head_dim if 'head_dim' in own else head_dim",
    "kv_heads": "own.num_key_value_heads if 'num_key_value_heads' in own else num_key_value_heads",
    "has_v": "kind == 'sliding_attention' or not attention_k_eq_v",
    "width": "intermediate_size * (2 if use_double_wide_mlp and reuses else 1)",
}
GEMMA4_CHECKS = {
    **CHECKS,
    "subset(overridden, ['head_dim', 'num_key_value_heads'])": (
        "no keys but head_dim and num_key_value_heads in per_layer_config"
    ),
}
GEMMA4_KEYS = {
    "global_head_dim": ("i", 512),
    "num_global_key_value_heads": ("in", None),
    "per_layer_config": ("dn", None),
}

GEMMA4_MOE = [
    *linear("router.proj", "experts", "hidden_size"),
    *tensor("router.scale", "hidden_size"),
    *tensor("router.per_expert_scale", "experts"),
    *fused_experts("moe_intermediate_size"),
    *norm("post_feedforward_layernorm_1", "hidden_size"),
    *norm("post_feedforward_layernorm_2", "hidden_size"),
    *norm("pre_feedforward_layernorm_2", "hidden_size"),
]

GEMMA4_TEXT = Blueprint(  # modeling_gemma4.py: wider heads in full layers, experts beside the dense MLP
    types=("gemma4_text",),
    let={
        **GEMMA4_LET,
        **PER_LAYER_WIDTH,
        "experts": "num_experts if enable_moe_block else 0",
        "top_k": "top_k_experts",
    },
    checks=GEMMA4_CHECKS,
    keys=GEMMA4_KEYS,
    lines=[
        *decoder(
            [
                *LAYER,
                *when("hidden_size_per_layer_input > 0", PER_LAYER_INPUT),
                *when("enable_moe_block", GEMMA4_MOE),
            ],
            let=GEMMA4_LAYER_LET,
        ),
        *when("hidden_size_per_layer_input > 0", PER_LAYER_EMBEDDINGS),
    ],
)

GEMMA4_UNIFIED_TEXT = Blueprint(  # modeling_gemma4_unified.py: without per-layer embeddings and experts
    types=("gemma4_unified_text",),
    let=GEMMA4_LET,
    checks=GEMMA4_CHECKS,
    keys=GEMMA4_KEYS,
    lines=decoder(LAYER, let=GEMMA4_LAYER_LET),
)

GEMMA4 = Blueprint(  # modeling_gemma4.py, Gemma4ForConditionalGeneration: either tower can be missing
    types=("gemma4",),
    causal="text_config",
    let={
        "has_vision": given("vision_config"),
        "has_audio": given("audio_config"),
        "vision_out": nested("vision_config", "output_proj_dims", "i"),
        "audio_out": nested("audio_config", "output_proj_dims", "i", 1536),
    },
    lines=[
        Part("model.vision_tower", "vision_config", "has_vision"),
        Part("model.language_model", "text_config"),
        Part("model.audio_tower", "audio_config", "has_audio"),
        *when(
            "has_vision",
            linear(
                "model.embed_vision.embedding_projection",
                "text_config.hidden_size",
                "vision_config.hidden_size if vision_out is None else vision_out",
            ),
        ),
        *when(
            "has_audio",
            linear("model.embed_audio.embedding_projection", "text_config.hidden_size", "audio_out"),
        ),
        *text_head("model.language_model.embed_tokens.weight"),
    ],
)


def audio_width(scope: Scope) -> int:
    """A `let`: the width of an audio frame, which the class knows by four names."""
    inner = scope.config.part("audio_config")
    names = ("hidden_size", "output_proj_dims", "audio_samples_per_token")
    width: int = inner["audio_embed_dim"]
    spelled = [inner.raw[name] for name in ("audio_embed_dim", *names) if name in inner.raw]
    if any(type(value) is not int or value != spelled[0] for value in spelled):
        raise inner.bad("audio_embed_dim", "one width", spelled)
    return spelled[0] if spelled else width


GEMMA4_UNIFIED = Blueprint(  # modeling_gemma4_unified.py: no towers, pixels and audio frames are projected
    types=("gemma4_unified",),
    causal="text_config",
    let={
        "has_vision": given("vision_config"),
        "has_audio": given("audio_config"),
        "patch": "3 * (vision_config.patch_size * vision_config.pooling_kernel_size) ** 2",
        "width": "vision_config.mm_embed_dim",
        "vision_out": nested("vision_config", "output_proj_dims", "i", 3840),
        "audio_width": audio_width,
    },
    lines=[
        Part("model.language_model", "text_config"),
        *when(
            "has_vision",
            under(
                "model.embed_vision",
                [
                    *norm("patch_ln1", "patch", True),
                    *linear("patch_dense", "width", "patch", True),
                    *norm("patch_ln2", "width", True),
                    *tensor("pos_embedding", "vision_config.mm_posemb_size, 2, width"),
                    *norm("pos_norm", "width", True),
                    *linear(
                        "multimodal_embedder.embedding_projection", "text_config.hidden_size", "vision_out"
                    ),
                ],
            ),
        ),
        *when(
            "has_audio",
            linear("model.embed_audio.embedding_projection", "text_config.hidden_size", "audio_width"),
        ),
        *text_head("model.language_model.embed_tokens.weight"),
    ],
)

ENTRIES = (GEMMA3N_TEXT, GEMMA3N, GEMMA4_TEXT, GEMMA4_UNIFIED_TEXT, GEMMA4, GEMMA4_UNIFIED)
