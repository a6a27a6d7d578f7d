"""SigLIP and its kin before other text models: PaliGemma, Aya Vision, Command A Vision, Idefics."""

from registry.architecture.blueprint import Blueprint, Scope, linear, norm, stack, tensor, under
from registry.architecture.idioms import gated_mlp
from registry.architecture.idioms_vision import tower_known, vlm

PROJECTOR = "model.multi_modal_projector"
DOWNSAMPLED = "vision_config.hidden_size * downsample_factor ** 2"
SIGLIP_SO = {"hidden_size": 1152, "patch_size": 14, "image_size": 224, "num_hidden_layers": 27}


def text_type(scope: Scope) -> str:
    """A `let`: the type of the text part."""
    return scope.config.part("text_config").model_type


PALIGEMMA = Blueprint(  # modeling_paligemma.py
    types=("paligemma",),
    let={"text_type": text_type, "tower_known": tower_known},
    checks={"text_type in ['gemma', 'gemma2', 'gemma3_text']": "a text_config of Gemma"},
    parts={"vision_config": "siglip_vision_model", "text_config": "gemma"},
    part_defaults={
        "vision_config": {
            **SIGLIP_SO,
            "intermediate_size": 4096,
            "num_attention_heads": 16,
            "vision_use_head": False,
        },
        "text_config": {
            "hidden_size": 2048,
            "num_hidden_layers": 18,
            "intermediate_size": 16384,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "vocab_size": 257152,
        },
    },
    lines=vlm(linear(f"{PROJECTOR}.linear", "projection_dim", "vision_config.hidden_size", True)),
)

AYA_VISION = Blueprint(  # modeling_aya_vision.py: a gated projector, so the second layer has half its input
    types=("aya_vision",),
    let={
        "tower_known": tower_known,
        "width": "text_config.hidden_size if alignment_intermediate_size is None "
        "else alignment_intermediate_size",
    },
    checks={"vision_feature_select_strategy in ['default', 'full']": "default or full"},
    keys={"alignment_intermediate_size": ("i", None)},
    parts={"vision_config": "siglip_vision_model", "text_config": "cohere2"},
    part_defaults={
        "vision_config": {
            **SIGLIP_SO,
            "intermediate_size": 4304,
            "image_size": 384,
            "num_hidden_layers": 26,
            "num_attention_heads": 14,
            "vision_use_head": False,
        }
    },
    lines=vlm(
        under(
            PROJECTOR,
            [
                *norm("layernorm", DOWNSAMPLED, True),
                *linear("linear_1", "width", DOWNSAMPLED, True),
                *linear("linear_2", "text_config.hidden_size", "width // 2", True),
            ],
        )
    ),
)

COHERE2_VISION = Blueprint(  # modeling_cohere2_vision.py
    types=("cohere2_vision",),
    let={"width": "alignment_intermediate_size", "tower_known": tower_known},
    parts={"vision_config": "siglip_vision_model", "text_config": "cohere2"},
    part_defaults={
        "vision_config": {
            "hidden_size": 1152,
            "intermediate_size": 3072,
            "image_size": 512,
            "num_hidden_layers": 27,
            "num_attention_heads": 12,
        }
    },
    lines=vlm(
        under(
            PROJECTOR,
            [
                *linear("linear_1", "width", DOWNSAMPLED, True),
                *linear("linear_2", "text_config.hidden_size", "width // 2", True),
            ],
        )
    ),
)

PERCEIVER_LAYER = [
    *norm("input_latents_norm", "d"),
    *norm("input_context_norm", "d"),
    *linear("self_attn.q_proj", "resampled", "d"),
    *linear("self_attn.k_proj", "resampled_kv", "d"),
    *linear("self_attn.v_proj", "resampled_kv", "d"),
    *linear("self_attn.o_proj", "d", "resampled"),
    *norm("post_attention_layernorm", "d"),
    *under("mlp", gated_mlp("4 * d", d="d")),
]

IDEFICS2 = Blueprint(  # modeling_idefics2.py: a perceiver, as wide as the text model, sums up the patches
    types=("idefics2",),
    let={
        "tower_known": tower_known,
        "d": "text_config.hidden_size",
        "width": "text_config.intermediate_size",
        "resampled": "perceiver_config.resampler_n_heads * perceiver_config.resampler_head_dim",
        "resampled_kv": "perceiver_config.num_key_value_heads * perceiver_config.resampler_head_dim",
    },
    checks={
        "perceiver_config.num_key_value_heads <= perceiver_config.resampler_n_heads": (
            "at most resampler_n_heads key and value heads"
        )
    },
    parts={"text_config": "mistral"},
    lines=vlm(
        under(
            "model.connector",
            [
                *linear("modality_projection.gate_proj", "width", "vision_config.hidden_size"),
                *linear("modality_projection.up_proj", "width", "vision_config.hidden_size"),
                *linear("modality_projection.down_proj", "d", "width"),
                *tensor("perceiver_resampler.latents", "perceiver_config.resampler_n_latents, d"),
                *stack("perceiver_resampler.layers", "perceiver_config.resampler_depth", PERCEIVER_LAYER),
                *norm("perceiver_resampler.norm", "d"),
            ],
        ),
        tower="model.vision_model",
        text="model.text_model",
    ),
)

IDEFICS3 = Blueprint(  # modeling_idefics3.py: shuffled patches through one linear
    types=("idefics3", "smolvlm"),
    let={"tower_known": tower_known},
    parts={"text_config": "llama"},
    lines=vlm(
        linear(
            "model.connector.modality_projection.proj",
            "text_config.hidden_size",
            "vision_config.hidden_size * scale_factor ** 2",
        ),
        tower="model.vision_model",
        text="model.text_model",
    ),
)

ENTRIES = (PALIGEMMA, AYA_VISION, COHERE2_VISION, IDEFICS2, IDEFICS3)
