"""Gemma 3: tied embeddings, norms around each block, sliding layers between full ones, SigLIP for images."""

from registry.architecture.blueprint import Blueprint, norm, tensor, under
from registry.architecture.idioms import EVEN, decoder, gated_mlp, gqa
from registry.architecture.idioms_vision import tower_known, vlm

GEMMA3_TEXT = Blueprint(  # modeling_gemma3.py: a two-sided window counts positions on both sides
    types=("gemma3_text",),
    let={"heads": "num_attention_heads", "kv_heads": "num_key_value_heads"},
    checks={
        **EVEN,
        "layer_types is None or len(layer_types) == num_hidden_layers": "one of layer_types per layer",
        "subset(layer_types, ['full_attention', 'sliding_attention'])": "full_attention or sliding_attention",
    },
    keys={"sliding_window_pattern": ("i", 6)},
    lines=decoder(
        [
            *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
            *under("mlp", gated_mlp()),
            *norm("input_layernorm", "hidden_size"),
            *norm("post_attention_layernorm", "hidden_size"),
            *norm("pre_feedforward_layernorm", "hidden_size"),
            *norm("post_feedforward_layernorm", "hidden_size"),
        ],
        let={
            "kind": "layer_types[layer] if layer_types is not None else "
            "('sliding_attention' if (layer + 1) % sliding_window_pattern else 'full_attention')",
            "reach": "sliding_window // 2 + 1 if use_bidirectional_attention else sliding_window",
            "window": "reach if kind == 'sliding_attention' else None",
        },
    ),
)

GEMMA3_PROJECTOR = [
    *tensor("mm_input_projection_weight", "vision_config.hidden_size, text_config.hidden_size"),
    *norm("mm_soft_emb_norm", "vision_config.hidden_size"),
]

GEMMA3 = Blueprint(  # modeling_gemma3.py, Gemma3ForConditionalGeneration
    types=("gemma3",),
    causal="text_config",
    let={"tower_known": tower_known},
    parts={"vision_config": "siglip_vision_model"},
    lines=vlm(under("model.multi_modal_projector", GEMMA3_PROJECTOR)),
)

SHIELDGEMMA2 = Blueprint(  # modeling_shieldgemma2.py: Gemma 3 that answers yes or no
    types=("shieldgemma2",),
    let={"tower_known": tower_known},
    parts={"vision_config": "siglip_vision_model", "text_config": "gemma3_text"},
    lines=vlm(
        under("model.multi_modal_projector", GEMMA3_PROJECTOR),
        tie="tie_word_embeddings or text_config.tie_word_embeddings",
    ),
)

ENTRIES = (GEMMA3_TEXT, GEMMA3, SHIELDGEMMA2)
