"""Llama that sees: 3.2 Vision through cross attention layers, Llama 4 with image tokens among the others."""

from registry.architecture.blueprint import Blueprint, Part, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import gated_mlp, gqa, two_norms
from registry.architecture.idioms_vision import TOWER, fc, projections

CROSS_ATTENTION = [
    *under("cross_attn", gqa(qk_norm="head")),
    *tensor("cross_attn_attn_gate", "1"),
    *tensor("cross_attn_mlp_gate", "1"),
]

MLLAMA_TEXT = Blueprint(  # modeling_mllama.py: gated layers with keys and values of the image; never tied
    types=("mllama_text_model",),
    let={
        "heads": "num_attention_heads",
        "kv_heads": "num_key_value_heads",
        "head_dim": "hidden_size // heads",
        "usual": "[3, 8, 13, 18, 23, 28, 33, 38]",
        "cross": "usual if cross_attention_layers is None else cross_attention_layers",
    },
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size + 8, hidden_size"),
        *stack(
            "model.layers",
            "num_hidden_layers",
            [
                *when("layer not in cross", under("self_attn", gqa())),
                *when("layer in cross", CROSS_ATTENTION),
                *under("mlp", gated_mlp()),
                *two_norms(),
            ],
            let={"mixer": "'cross' if layer in cross else 'attention'"},
        ),
        *norm("model.norm", "hidden_size"),
        *linear("lm_head", "vocab_size", "hidden_size"),
    ],
)

VISION_LAYER = [
    *under("self_attn", projections("o_proj", bias=False, inner="heads * head_dim")),
    *under("mlp", fc()),
    *two_norms(bias=True),
]
GATES = [*tensor("gate_attn", "1"), *tensor("gate_ffn", "1")]
TILE_EMBEDDING = [
    *tensor("embedding.weight", "aspect_ratios + 1, max_num_tiles * hidden_size"),
    *tensor("gate", "1"),
]

MLLAMA_VISION = Blueprint(  # modeling_mllama.py: positions per arrangement of tiles, gated layers last
    types=("mllama_vision_model",),
    base="",
    let={
        **TOWER,
        "aspect_ratios": "8 if supported_aspect_ratios is None else len(supported_aspect_ratios)",
        "patches": "(image_size // patch_size) ** 2 + 1",
        "has_usual_ratios": "supported_aspect_ratios is None or supported_aspect_ratios == "
        "[[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]]",
    },
    checks={"max_num_tiles == 4 or not has_usual_ratios": "max_num_tiles 4 for the usual aspect ratios"},
    lines=[
        *tensor("patch_embedding.weight", "hidden_size, num_channels, patch_size, patch_size"),
        *tensor("class_embedding", "hidden_size"),
        *under(
            "gated_positional_embedding",
            [
                *tensor("gate", "1"),
                *tensor("embedding", "patches, hidden_size"),
                *tensor("tile_embedding.weight", "aspect_ratios + 1, max_num_tiles * patches * hidden_size"),
            ],
        ),
        *under("pre_tile_positional_embedding", TILE_EMBEDDING),
        *under("post_tile_positional_embedding", TILE_EMBEDDING),
        *norm("layernorm_pre", "hidden_size", True),
        *norm("layernorm_post", "hidden_size", True),
        *stack("transformer.layers", "num_hidden_layers", VISION_LAYER),
        *stack("global_transformer.layers", "num_global_layers", [*VISION_LAYER, *GATES]),
    ],
)

MLLAMA = Blueprint(  # modeling_mllama.py, MllamaForConditionalGeneration
    types=("mllama",),
    causal="text_config",
    lines=[
        Part("model.vision_model", "vision_config"),
        Part("model.language_model", "text_config"),
        *linear(
            "model.multi_modal_projector",
            "text_config.hidden_size",
            "vision_config.vision_output_dim",
            True,
        ),
        *linear("lm_head", "text_config.vocab_size", "text_config.hidden_size"),
    ],
)

LLAMA4_VISION = Blueprint(  # modeling_llama4.py: rotary positions beside learned ones
    types=("llama4_vision_model",),
    base="",
    let=TOWER,
    lines=[
        *linear("patch_embedding.linear", "hidden_size", "num_channels * patch_size ** 2"),
        *tensor("class_embedding", "hidden_size"),
        *tensor("positional_embedding_vlm", "(image_size // patch_size) ** 2 + 1, hidden_size"),
        *norm("layernorm_pre", "hidden_size", True),
        *norm("layernorm_post", "hidden_size", True),
        *stack(
            "model.layers",
            "num_hidden_layers",
            [
                *under("self_attn", projections("o_proj", inner="heads * head_dim")),
                *under("mlp", fc()),
                *two_norms(bias=True),
            ],
        ),
        *linear("vision_adapter.mlp.fc1", "projector_input_dim", "intermediate_size"),
        *linear("vision_adapter.mlp.fc2", "projector_output_dim", "projector_output_dim"),
    ],
)

LLAMA4 = Blueprint(  # modeling_llama4.py, Llama4ForConditionalGeneration
    types=("llama4",),
    base="",
    causal="text_config",
    lines=[
        Part("vision_model", "vision_config"),
        Part("language_model", "text_config", whole=True),
        *linear(
            "multi_modal_projector.linear_1", "text_config.hidden_size", "vision_config.vision_output_dim"
        ),
    ],
)

ENTRIES = (MLLAMA_TEXT, MLLAMA_VISION, MLLAMA, LLAMA4_VISION, LLAMA4)
