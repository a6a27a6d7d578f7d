"""dots 3: sliding layers with latent attention of their own sizes, towers for images and sound."""

from collections.abc import Callable, Mapping
from typing import Any

from registry.architecture.blueprint import (
    Blueprint,
    Lets,
    Lines,
    Part,
    Scope,
    linear,
    norm,
    stack,
    tensor,
    tied,
    under,
    when,
)
from registry.architecture.idioms import fused_experts, gated_mlp, per_layer, two_norms
from registry.architecture.idioms_latent import (
    MLP_KINDS,
    dense_or,
    indexer,
    latent_values,
    low_rank_query,
    moe,
)

OWN = (
    "num_attention_heads", "num_key_value_heads", "q_lora_rank", "kv_lora_rank", "head_dim",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
)  # fmt: skip
"""What a layer may have in place of the model's own value."""

SWA = {
    f"swa_{key}": ("i", default)
    for key, default in zip(OWN, (64, 64, 1024, 1024, 256, 192, None, 128), strict=True)
}


def written(scope: Scope) -> dict[str, Any] | None:
    """What per_layer_config says of a layer; null where there is no per_layer_config."""
    given = scope["per_layer_config"]
    if given is None:
        return None
    return next((own for key, own in given.items() if str(key).lstrip("0") == str(scope["layer"] or "")), {})


def own_sizes(scope: Scope) -> dict[str, Any]:
    """A layer's own values: those of per_layer_config, or, in a sliding layer, those of the swa_ keys."""
    given = written(scope)
    if given is not None or not scope["sliding"]:
        return given or {}
    sizes = {key: scope[f"swa_{key}"] for key in OWN}
    if sizes["qk_rope_head_dim"] is None:
        sizes["qk_rope_head_dim"] = sizes["head_dim"] - sizes["qk_nope_head_dim"]
    return sizes


def foreign(*known: str) -> Callable[[Scope], list[str]]:
    """Keys of per_layer_config that an entry does not know."""

    def found(scope: Scope) -> list[str]:
        layers = (scope["per_layer_config"] or {}).values()
        return sorted({key for own in layers for key in (own if isinstance(own, dict) else "?")} - {*known})

    return found


TEXT_KEYS: dict[str, tuple[str, Any]] = {
    **SWA,
    "per_layer_config": ("d", None),
    "use_dsa": ("bn", "absent"),
    "use_sliding_window": ("b", True),
    "sliding_window_size": ("i", 512),
    "first_k_dense_replace": ("i", 1),
    "moe_layer_freq": ("il", 1),
    "moe_shared_expert_intermediate_size": ("i", None),
}

TEXT_CHECKS = {
    **MLP_KINDS,
    **per_layer("layer_types", "mlp_layer_types"),
    "subset(layer_types, ['full_attention', 'indexed_attention', 'deepseek_sparse_attention',"
    " 'sliding_attention'])": "layer_types of full_attention, indexed_attention or sliding_attention",
    "not foreign": f"per_layer_config of {', '.join(OWN)}",
    "q_lora_rank is not None": "q_lora_rank",
    "n_shared_experts >= 1": "n_shared_experts of at least 1",
    "n_group >= 1 and n_routed_experts % n_group == 0 and n_routed_experts // n_group >= 2"
    " and 1 <= topk_group <= n_group": "groups of at least 2 experts, and topk_group of them",
}

LAYER_LET: Lets = {
    "own": own_sizes,
    **{key: f"own['{key}'] if '{key}' in own else {key}" for key in OWN},
    "heads": "num_attention_heads",
    "kv_heads": "heads",
    "head_dim": "qk_nope_head_dim + qk_rope_head_dim",
    "v_dim": "v_head_dim",
    "is_moe": "mlp_layer_types[layer] == 'sparse' if mlp_layer_types is not None else"
    " layer >= first_k_dense_replace and"
    " (moe_layer_freq[layer] if listed_freq else layer % moe_layer_freq == 0)",
    "sliding": "layer_types[layer] == 'sliding_attention' if layer_types is not None"
    " else use_sliding_window and layer >= 2 and layer % 4 != 1",
    "written_kind": "layer_types[layer] if layer_types is not None else 'indexed_attention'",
    "indexed": "not sliding and (written_kind == 'deepseek_sparse_attention'"
    " or (dsa is not False if written_kind == 'indexed_attention' else dsa))",
    "window": "(sliding_window_size if sliding_window is None else sliding_window) if sliding else None",
}


DOTS3_NOTE_TEXT = Blueprint(  # modeling_dots3_note.py: gate per head, indexer in layers that do not slide
    types=("dots3_note_text",),
    let={
        "experts": "n_routed_experts",
        "top_k": "num_experts_per_tok",
        "shared_width": "shared_experts_intermediate_size if moe_shared_expert_intermediate_size is None"
        " else moe_shared_expert_intermediate_size",
        "shared": "shared_width * n_shared_experts",
        "dsa": "use_dsa if use_dsa != 'absent' else None if per_layer_config is not None else True",
        "listed_freq": lambda scope: isinstance(scope["moe_layer_freq"], list),
        "foreign": foreign(*OWN),
    },
    keys=TEXT_KEYS,
    checks=TEXT_CHECKS,
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack(
            "model.layers",
            "num_hidden_layers",
            [
                *under("self_attn", [*low_rank_query(), *latent_values()]),
                *norm("self_attn.k_rope_only_layernorm", "qk_rope_head_dim"),
                *linear("self_attn.g_proj", "heads", "hidden_size"),
                *under("self_attn", when("indexed", indexer())),
                *dense_or(moe()),
                *two_norms(),
            ],
            LAYER_LET,
        ),
        *norm("model.norm", "hidden_size"),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
    ],
)

PYRAMID = [-1] * 25 + list(range(4, 65, 4)) + [64]

VISION = Blueprint(  # modeling_dots3_note.py: later layers have experts, more in each
    types=("dots3_note_vision_encoder",),
    base="",
    let={
        "d": "embed_dim or hidden_size",
        "heads": "num_heads or num_attention_heads",
        "kv_heads": "heads",
        "head_dim": "d / heads",
        "top_k": "num_experts_per_tok or capacity_factor",
        "bias": "attention_bias if use_bias is None else use_bias",
        "merged": "adapter_in_dim * adapter_merge_size * adapter_merge_size",
        "pyramid": f"{PYRAMID} if pyramid_num_routed is None and mlp_layer_types is None"
        " else pyramid_num_routed",
        "foreign": foreign("num_local_experts", "num_experts_per_tok"),
    },
    keys={
        "pyramid_num_routed": ("l", None),
        "per_layer_config": ("d", None),
        "embed_dim": ("i", None),
        "num_heads": ("i", None),
        "use_bias": ("b", None),
        "capacity_factor": ("i", 2),
    },
    checks={
        **MLP_KINDS,
        **per_layer("pyramid"),
        "pyramid is not None or len(mlp_layer_types) >= num_hidden_layers": "mlp_layer_types for each layer",
        "not foreign": "per_layer_config of num_local_experts and num_experts_per_tok",
        "adapter_in_dim == d": "adapter_in_dim equal to the width",
        "adapter_merge_size == spatial_merge_size": "adapter_merge_size equal to spatial_merge_size",
        "not mlp_bias or (pyramid is None and 'sparse' not in mlp_layer_types)": "no mlp_bias beside experts",
    },
    lines=[
        *tensor("patch_embed.proj.weight", "d, num_channels, patch_size, patch_size"),
        *tensor("patch_embed.proj.bias", "d"),
        *norm("patch_embed.norm", "d"),
        *stack(
            "blocks",
            "num_hidden_layers",
            [
                *norm("norm1", "d"),
                *linear("attn.qkv", "3 * d", "d", "bias"),
                *linear("attn.proj", "d", "d", "bias"),
                *norm("attn.q_norm", "head_dim"),
                *norm("attn.k_norm", "head_dim"),
                *norm("norm2", "d"),
                *when("not is_moe", under("mlp", gated_mlp(bias="mlp_bias", d="d"))),
                *when(
                    "is_moe",
                    under(
                        "mlp",
                        [
                            *linear("gate", "experts", "d"),
                            *fused_experts("moe_intermediate_size", d="d"),
                        ],
                    ),
                ),
            ],
            {
                "written": written,
                "is_moe": "mlp_layer_types[layer] == 'sparse' if pyramid is None else pyramid[layer] > 0",
                "experts": "written['num_local_experts'] if written and 'num_local_experts' in written"
                " else num_local_experts if pyramid is None or written is not None else pyramid[layer]",
            },
        ),
        *norm("merger.ln_q", "adapter_in_dim", bias=True),
        *linear("merger.mlp.0", "merged", "merged", bias=True),
        *linear("merger.mlp.2", "adapter_out_dim", "merged", bias=True),
        *norm("norm", "d"),
    ],
)


def whisper(legacy: str, name: str) -> str:
    """A key that released checkpoints store in a Whisper-like dictionary."""
    return f"whisper_config['{legacy}'] if '{legacy}' in (whisper_config or {{}}) else {name}"


def convolution(name: str, into: str) -> Lines:
    return [
        *tensor(f"{name}.weight", f"downsample_hidden_size, {into}, 3, 3"),
        *tensor(f"{name}.bias", "downsample_hidden_size"),
    ]


AUDIO = Blueprint(  # modeling_dots3_note.py: rotary encoder behind three convolutions
    types=("dots3_note_audio_encoder",),
    base="",
    let={
        "d": whisper("d_model", "hidden_size"),
        "heads": whisper("encoder_attention_heads", "num_attention_heads"),
        "kv_heads": "heads",
        "head_dim": "d / heads",
        "layers": whisper("encoder_layers", "num_hidden_layers"),
        "width": whisper("encoder_ffn_dim", "intermediate_size"),
        "mels": whisper("num_mel_bins", "feature_size"),
        "into": "whisper_adapter_in_dim or adapter_input_size",
        "out": "whisper_adapter_out_dim or adapter_output_size or adapter_out_dim",
    },
    keys={
        "whisper_config": ("dn", None),
        "whisper_adapter_in_dim": ("i", None),
        "whisper_adapter_out_dim": ("i", None),
        "adapter_output_size": ("i", None),
    },
    checks={"into == d": "adapter_input_size equal to the width"},
    lines=[
        *convolution("conv_stem.convs.0", "1"),
        *convolution("conv_stem.convs.1", "downsample_hidden_size"),
        *convolution("conv_stem.convs.2", "downsample_hidden_size"),
        *linear("conv_stem.conv_out", "d", "downsample_hidden_size * ((mels + 7) // 8)"),
        *stack(
            "layers",
            "layers",
            [
                *linear("self_attn.q_proj", "d", "d", "attention_bias"),
                *linear("self_attn.k_proj", "d", "d"),
                *linear("self_attn.v_proj", "d", "d", "attention_bias"),
                *linear("self_attn.o_proj", "d", "d", "attention_bias"),
                *norm("input_layernorm", "d"),
                *linear("mlp.gate_up_proj", "2 * width", "d", bias=True),
                *linear("mlp.down_proj", "d", "width", bias=True),
                *norm("post_attention_layernorm", "d"),
            ],
        ),
        *norm("layer_norm", "d"),
        *norm("adapter.norm", "into", bias=True),
        *linear("adapter.fc1", "out", "into", bias=True),
        *linear("adapter.fc2", "out", "out", bias=True),
    ],
)


def with_text(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config with a text_config: published ones have the language model's keys on top."""
    if raw.get("text_config") is not None:
        return raw
    apart = ("model_type", "architectures", "text_config", "vision_config", "audio_config")
    return {**raw, "text_config": {key: value for key, value in raw.items() if key not in apart}}


DOTS3_NOTE = Blueprint(  # modeling_dots3_note.py
    types=("dots3_note",),
    causal="text_config",
    prepare=with_text,
    lines=[
        Part("model.language_model", "text_config"),
        Part("model.vision_tower", "vision_config"),
        Part("model.audio_tower", "audio_config"),
        *tied(
            "lm_head.weight",
            "text_config.vocab_size, text_config.hidden_size",
            "model.language_model.embed_tokens.weight",
        ),
    ],
)

ENTRIES = (DOTS3_NOTE_TEXT, VISION, AUDIO, DOTS3_NOTE)
