"""A vision tower, a projector and a text model: LLaVA (arXiv:2304.08485) and the types built like it."""

from registry.architecture.blueprint import Blueprint, Part, linear, norm, tensor, under, when
from registry.architecture.idioms_vision import (
    NOT_FLAT,
    feature_layers,
    is_flat,
    tower_known,
    two_layers,
    vlm,
)

PROJECTOR = "model.multi_modal_projector"
SIDE_BY_SIDE = "vision_config.hidden_size * feature_layers"
FEATURES = {"feature_layers": feature_layers, "is_flat": is_flat, "tower_known": tower_known}
NEWLINE = tensor("model.image_newline", "text_config.hidden_size")
EITHER_TIE = "tie_word_embeddings or text_config.tie_word_embeddings"

CLIP_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "patch_size": 14,
    "image_size": 336,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
SIGLIP_LARGE = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "patch_size": 14,
    "image_size": 384,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "vision_use_head": False,
}
CLIP_AND_LLAMA = {"vision_config": "clip_vision_model", "text_config": "llama"}
LLAVA_PROJECTOR = under(PROJECTOR, two_layers(SIDE_BY_SIDE, "multimodal_projector_bias"))


def feature_keys(default: int | list[int]) -> dict[str, tuple[str, int | list[int]]]:
    """`keys`: layers of the tower, counted from its end where negative; an int or a list of them."""
    return {"vision_feature_layer": ("fil", default)}


LLAVA = Blueprint(  # modeling_llava.py
    types=("llava",),
    let=FEATURES,
    checks=NOT_FLAT,
    keys=feature_keys(-2),
    parts=CLIP_AND_LLAMA,
    part_defaults={"vision_config": CLIP_LARGE},
    lines=vlm(LLAVA_PROJECTOR, tie=EITHER_TIE),
)

LLAVA_NEXT = Blueprint(  # modeling_llava_next.py: a vector that ends each row of patches
    types=("llava_next",),
    let=FEATURES,
    checks=NOT_FLAT,
    keys=feature_keys(-2),
    parts=CLIP_AND_LLAMA,
    part_defaults={"vision_config": CLIP_LARGE},
    lines=vlm([*LLAVA_PROJECTOR, *NEWLINE]),
)

LLAVA_NEXT_VIDEO = Blueprint(  # modeling_llava_next_video.py: frames are pooled, by a convolution if asked
    types=("llava_next_video",),
    let={
        **FEATURES,
        "pooled": "vision_config.hidden_size if spatial_pool_out_channels is None "
        "else spatial_pool_out_channels",
    },
    checks={**NOT_FLAT, "spatial_pool_mode in ['average', 'max', 'conv']": "average, max or conv"},
    keys={**feature_keys(-2), "spatial_pool_out_channels": ("i", None)},
    parts=CLIP_AND_LLAMA,
    part_defaults={"vision_config": CLIP_LARGE},
    lines=vlm(
        [
            *LLAVA_PROJECTOR,
            *NEWLINE,
            *when(
                "spatial_pool_mode == 'conv'",
                [
                    *tensor(
                        "model.vision_resampler.pool.weight",
                        "pooled, vision_config.hidden_size, spatial_pool_stride, spatial_pool_stride",
                    ),
                    *tensor("model.vision_resampler.pool.bias", "pooled"),
                ],
            ),
        ],
        tie=EITHER_TIE,
    ),
)

LLAVA_ONEVISION = Blueprint(  # modeling_llava_onevision.py
    types=("llava_onevision",),
    let=FEATURES,
    checks=NOT_FLAT,
    keys=feature_keys(-1),
    parts={"vision_config": "siglip_vision_model", "text_config": "qwen2"},
    part_defaults={"vision_config": SIGLIP_LARGE},
    lines=vlm([*LLAVA_PROJECTOR, *NEWLINE], tie=EITHER_TIE),
)

VIPLLAVA = Blueprint(  # modeling_vipllava.py: five layers of the tower, normed together
    types=("vipllava",),
    let=FEATURES,
    checks=NOT_FLAT,
    keys=feature_keys([-2, -5, -8, -11, 6]),
    parts=CLIP_AND_LLAMA,
    part_defaults={"vision_config": CLIP_LARGE},
    lines=vlm(
        under(PROJECTOR, [*norm("projector_layernorm", SIDE_BY_SIDE, True), *two_layers(SIDE_BY_SIDE, True)])
    ),
)

VIDEO_LLAVA = Blueprint(  # modeling_video_llava.py: a tower for images and one for videos, of the same config
    types=("video_llava",),
    let=FEATURES,
    checks=NOT_FLAT,
    keys=feature_keys(-2),
    parts=CLIP_AND_LLAMA,
    part_defaults={"vision_config": {**CLIP_LARGE, "image_size": 224}},
    lines=[Part("model.video_tower", "vision_config"), *vlm(LLAVA_PROJECTOR, tower="model.image_tower")],
)

FAST_VLM = Blueprint(  # modeling_fast_vlm.py: the usual tower is a FastViT that only timm describes
    types=("fast_vlm",),
    let=FEATURES,
    checks={
        **NOT_FLAT,
        "vision_feature_select_strategy == 'full'": "vision_feature_select_strategy full",
        "vision_feature_layer == -1": "vision_feature_layer -1",
    },
    keys=feature_keys(-1),
    parts={"vision_config": "timm_wrapper", "text_config": "qwen2"},
    part_defaults={
        "text_config": {
            "hidden_size": 3584,
            "vocab_size": 152128,
            "intermediate_size": 18944,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "num_hidden_layers": 28,
        }
    },
    lines=vlm(LLAVA_PROJECTOR, tie=EITHER_TIE),
)

PERCEPTION_LM = Blueprint(  # modeling_perception_lm.py: only timm describes the tower
    types=("perception_lm",),
    let={"tower_known": tower_known},
    checks={"not tower_known": "a vision_config of timm_wrapper"},
    parts={"vision_config": "timm_wrapper", "text_config": "llama"},
    lines=vlm(
        [], tie="text_config.tie_word_embeddings if tie_word_embeddings is None else tie_word_embeddings"
    ),
)

PATCH_MERGER = [
    *norm("norm", "vision_config.hidden_size"),
    *linear(
        "patch_merger.merging_layer",
        "vision_config.hidden_size",
        "vision_config.hidden_size * spatial_merge_size ** 2",
    ),
]
PIXTRAL_LARGE = {**CLIP_LARGE, "image_size": 1540}

MISTRAL3 = Blueprint(  # modeling_mistral3.py: neighbouring patches become one
    types=("mistral3",),
    let=FEATURES,
    keys=feature_keys(-1),
    parts={"vision_config": "pixtral", "text_config": "mistral"},
    part_defaults={
        "vision_config": PIXTRAL_LARGE,
        "text_config": {
            "head_dim": 128,
            "hidden_size": 5120,
            "intermediate_size": 32768,
            "num_attention_heads": 32,
            "num_hidden_layers": 40,
            "num_key_value_heads": 8,
            "sliding_window": None,
            "vocab_size": 131072,
        },
    },
    lines=vlm([*under(PROJECTOR, PATCH_MERGER), *LLAVA_PROJECTOR]),
)

LIGHTON_OCR = Blueprint(  # modeling_lighton_ocr.py: Mistral 3's tower and projector on Qwen 3
    types=("lighton_ocr",),
    let={"tower_known": tower_known},
    parts={"vision_config": "pixtral", "text_config": "qwen3"},
    part_defaults={
        "vision_config": PIXTRAL_LARGE,
        "text_config": {
            "head_dim": 128,
            "hidden_size": 1024,
            "intermediate_size": 3072,
            "num_attention_heads": 16,
            "num_hidden_layers": 28,
            "num_key_value_heads": 8,
            "sliding_window": None,
            "vocab_size": 151936,
        },
    },
    lines=vlm(
        under("model.vision_projection", [*PATCH_MERGER, *two_layers("vision_config.hidden_size", False)]),
        tower="model.vision_encoder",
    ),
)

ENTRIES = (
    LLAVA, LLAVA_NEXT, LLAVA_NEXT_VIDEO, LLAVA_ONEVISION, VIPLLAVA, VIDEO_LLAVA, FAST_VLM, PERCEPTION_LM,
    MISTRAL3, LIGHTON_OCR,
)  # fmt: skip
