"""InternVL and other pairs of a tower and a decoder: LFM-VL, VideoLLaMA 3, EXAONE 4.5, PaddleOCR-VL."""

from collections.abc import Callable, Mapping
from typing import Any

from registry.architecture.blueprint import (
    Blueprint,
    Lines,
    Part,
    Scope,
    linear,
    norm,
    stack,
    tensor,
    under,
    when,
)
from registry.architecture.idioms import EVEN, HEADS, gated_mlp, gqa, kinds, two_norms
from registry.architecture.idioms_vision import clip_layers, fc, patches, tower_known, vlm
from registry.architecture.idioms_vl import (
    norms,
    patches_3d,
    renamed,
    text_and_head,
    text_model,
    tie_of_either,
)

PROJECTOR = "model.multi_modal_projector"
Raw = Mapping[str, Any]


def pair(key: str) -> Callable[[Scope], Any]:
    """A `let`: a size for height and width, given once for both or as a list."""

    def read(scope: Scope) -> Any:
        value = scope.config[key]
        return value if isinstance(value, list) else [value, value]

    return read


def one_tower(tower: str, middle: Lines, text: str = "model.language_model") -> Lines:
    """A tower whose class is fixed, what is between it and the text, the text and its head."""
    return [Part(tower, "vision_config"), *middle, *text_and_head(text)]


def intern_projector(into: str) -> Lines:
    """A norm over merged patches and two linears."""
    width = "text_config.hidden_size"
    return under(PROJECTOR, [
        *norm("layer_norm", into, True),
        *linear("linear_1", width, into, True),
        *linear("linear_2", width, width, True),
    ])  # fmt: skip


def projector_of_width(norm_size: str, into: str, when_normed: str = "True") -> Lines:
    """Two linears with a width of their own."""
    return under(PROJECTOR, [
        *when(when_normed, norm("layer_norm", norm_size, True)),
        *linear("linear_1", "projector_hidden_size", into, "projector_bias"),
        *linear("linear_2", "text_config.hidden_size", "projector_hidden_size", "projector_bias"),
    ])  # fmt: skip


# Towers.


def intern_vision(model_type: str, layers: str) -> Blueprint:
    """BEiT with a learned scale on each block."""
    return Blueprint(
    types=(model_type,),
    base="",
    let={"image": pair("image_size"), "patch": pair("patch_size"), "normed": "norm_type == 'layer_norm'"},
    checks={
        **EVEN,
        "len(patch) == 2": "one or two patch sizes",
        "norm_type in ['layer_norm', 'rms_norm']": "layer_norm or rms_norm",
    },
    lines=[
        *tensor("embeddings.cls_token", "1, 1, hidden_size"),
        *tensor("embeddings.mask_token", "1, 1, hidden_size", "use_mask_token"),
        *tensor(
            "embeddings.position_embeddings",
            "1, (image[0] // patch[0]) * (image[1] // patch[1]) + 1, hidden_size",
            "use_absolute_position_embeddings",
        ),
        *tensor(
            "embeddings.patch_embeddings.projection.weight", "hidden_size, num_channels, patch[0], patch[1]"
        ),
        *tensor("embeddings.patch_embeddings.projection.bias", "hidden_size"),
        *stack(layers, "num_hidden_layers", [
            *tensor("lambda_1", "hidden_size"),
            *tensor("lambda_2", "hidden_size"),
            *under("attention", [
                *linear("q_proj", "hidden_size", "hidden_size", "attention_bias"),
                *linear("k_proj", "hidden_size", "hidden_size", "attention_bias"),
                *linear("v_proj", "hidden_size", "hidden_size", "attention_bias"),
                *linear("projection_layer", "hidden_size", "hidden_size", True),
                *when("use_qk_norm", norms("q_norm k_norm")),
            ]),
            *under("mlp", fc()),
            *norms("layernorm_before layernorm_after", bias="normed"),
        ]),
        *when("not use_mean_pooling", norm("layernorm", "hidden_size", True)),
    ],
)  # fmt: skip


INTERNVL_VISION = intern_vision("internvl_vision", "encoder.layer")  # modeling_internvl.py
QIANFAN_VISION = intern_vision("qianfan_ocr_vision", "layers")  # modeling_qianfan_ocr.py

LFM3_VISION = Blueprint(  # modeling_lfm3_vl.py: depthwise convolutions over the patch grid, attention between
    types=("lfm3_vl_vision",),
    base="",
    let={
        "heads": "num_attention_heads",
        "kv_heads": "num_key_value_heads",
        "head_dim": "hidden_size // num_attention_heads",
    },
    checks=kinds("conv", "full_attention"),
    lines=[
        *linear("patch_embed", "hidden_size", "in_channels * temporal_patch_size * patch_size ** 2"),
        *norm("embedding_norm", "hidden_size"),
        *stack("layers", "num_hidden_layers", [
            *when("not attends", under("conv", [
                *linear("in_proj", "3 * hidden_size", "hidden_size"),
                *tensor("spatial_conv.weight", "hidden_size, 1, conv_kernel_size, conv_kernel_size"),
                *linear("out_proj", "hidden_size", "hidden_size"),
            ])),
            *linear("feed_forward.w1", "intermediate_size", "hidden_size"),
            *linear("feed_forward.w3", "intermediate_size", "hidden_size"),
            *linear("feed_forward.w2", "hidden_size", "intermediate_size"),
            *norms("operator_norm ffn_norm"),
            *when("attends", under("self_attn", [
                *linear("q_proj", "heads * head_dim", "hidden_size"),
                *linear("k_proj", "kv_heads * head_dim", "hidden_size"),
                *linear("v_proj", "kv_heads * head_dim", "hidden_size"),
                *linear("out_proj", "hidden_size", "heads * head_dim"),
                *norms("q_norm k_norm", "head_dim"),
            ])),
        ], {
            "attends": "layer_types[layer] != 'conv' if layer_types is not None"
            " else layer >= 2 and layer % 2 == 0",
        }),
    ],
)  # fmt: skip

VIDEO_LLAMA3_VISION = Blueprint(  # modeling_video_llama_3.py: SigLIP with rotary positions
    types=("video_llama_3_vision",),
    base="",
    checks=EVEN,
    lines=[
        *patches("embeddings.patch_embedding"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
    ],
)

EXAONE_VISION = Blueprint(  # modeling_exaone4_5.py: Qwen2.5-VL's tower with grouped queries
    types=("exaone4_5_vision",),
    base="",
    let={
        "head_dim": "hidden_size // num_heads",
        "merged": "hidden_size * spatial_merge_size ** 2",
    },
    lines=[
        *patches_3d(),
        *stack("blocks", "depth", [
            *norms("norm1 norm2"),
            *linear("attn.qkv", "(num_heads + 2 * num_key_value_heads) * head_dim", "hidden_size", True),
            *linear("attn.proj", "hidden_size", "hidden_size", True),
            *under("mlp", gated_mlp(bias=True)),
        ]),
        *norm("merger.ln_q", "hidden_size"),
        *linear("merger.mlp.0", "merged", "merged", True),
        *linear("merger.mlp.2", "out_hidden_size", "merged", True),
    ],
)  # fmt: skip

PADDLE_VISION = Blueprint(  # modeling_paddleocr_vl.py: SigLIP, rotary and learned positions together
    types=("paddleocr_vl_vision",),
    base="",
    checks=EVEN,
    lines=under("vision_model", [
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
    ]),
)  # fmt: skip

# Text parts.

PADDLE_TEXT = Blueprint(  # modeling_paddleocr_vl.py: ERNIE 4.5
    types=("paddleocr_vl_text",),
    base="",
    let={**HEADS, "head_dim": "hidden_size // num_attention_heads if head_dim is None else head_dim"},
    lines=text_model(
        [*under("self_attn", gqa(bias="use_bias")), *under("mlp", gated_mlp(bias="use_bias")), *two_norms()]
    ),
)

# Models.

INTERNVL = Blueprint(  # modeling_internvl.py: neighbouring patches are put side by side
    types=("internvl",),
    parts={"text_config": "qwen2"},
    lines=one_tower(
        "model.vision_tower",
        intern_projector("vision_config.hidden_size * int(downsample_ratio ** -1) ** 2"),
    ),
)

QIANFAN_OCR = Blueprint(  # modeling_qianfan_ocr.py: InternVL on Qwen 3
    types=("qianfan_ocr",), parts={"text_config": "qwen3"}, lines=INTERNVL.lines
)

LFM2_VL = Blueprint(  # modeling_lfm2_vl.py
    types=("lfm2_vl",),
    let={"tower_known": tower_known, "merged": "vision_config.hidden_size * downsample_factor ** 2"},
    parts={"vision_config": "siglip2_vision_model", "text_config": "lfm2"},
    prepare=renamed(tie_embedding="tie_word_embeddings"),
    lines=vlm(projector_of_width("merged", "merged", "projector_use_layernorm")),
)

LFM3_VL = Blueprint(  # modeling_lfm3_vl.py
    types=("lfm3_vl",),
    let={"merged": "vision_config.hidden_size * vision_config.spatial_merge_size ** 2"},
    parts={"text_config": "lfm3"},
    lines=one_tower("model.vision_tower", projector_of_width("vision_config.hidden_size", "merged")),
)

VIDEO_LLAMA3 = Blueprint(  # modeling_video_llama_3.py
    types=("video_llama_3",),
    let={"tie_word_embeddings": tie_of_either},
    parts={"text_config": "qwen2"},
    lines=one_tower(
        "model.vision_model",
        [
            *linear(
                "model.projector.readout.0", "text_config.hidden_size", "vision_config.hidden_size", True
            ),
            *linear("model.projector.readout.2", "text_config.hidden_size", "text_config.hidden_size", True),
        ],
    ),
)


def exaone(raw: Raw) -> Raw:
    """Exaone4_5_Config: a text part by its older name."""
    text = raw.get("text_config")
    if isinstance(text, dict) and text.get("model_type") == "exaone4_5_text":
        return {**raw, "text_config": {**text, "model_type": "exaone4"}}
    return raw


EXAONE4_5 = Blueprint(  # modeling_exaone4_5.py
    types=("exaone4_5",),
    parts={"text_config": "exaone4"},
    prepare=exaone,
    lines=one_tower("model.visual", []),
)


def paddle(raw: Raw) -> Raw:
    """PaddleOCRVLConfig: text keys at the top level, apart from the tie, which that part then has."""
    if raw.get("text_config") is not None:
        return raw
    return {**raw, "text_config": {key: raw[key] for key in raw if key != "tie_word_embeddings"}}


MERGED = "vision_config.hidden_size * vision_config.spatial_merge_size ** 2"

PADDLEOCR_VL = Blueprint(  # modeling_paddleocr_vl.py
    types=("paddleocr_vl",),
    let={"tie_word_embeddings": tie_of_either},
    prepare=paddle,
    lines=one_tower(
        "model.visual",
        [
            *norm("model.projector.pre_norm", "vision_config.hidden_size", True),
            *linear("model.projector.linear_1", MERGED, MERGED, True),
            *linear("model.projector.linear_2", "text_config.hidden_size", MERGED, True),
        ],
    ),
)

ENTRIES = (
    INTERNVL_VISION, QIANFAN_VISION, LFM3_VISION, VIDEO_LLAMA3_VISION, EXAONE_VISION, PADDLE_VISION,
    PADDLE_TEXT, INTERNVL, QIANFAN_OCR, LFM2_VL, LFM3_VL, VIDEO_LLAMA3, EXAONE4_5, PADDLEOCR_VL,
)  # fmt: skip
