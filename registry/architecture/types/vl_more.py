"""More towers before text models: Granite Docling, HyperCLOVA X Vision, MiniCPM-V, Unlimited-OCR, Inkling."""

import math
from collections.abc import Mapping
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
from registry.architecture.config_view import ConfigView
from registry.architecture.idioms import (
    EVEN,
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    gated_mlp,
    gqa,
    per_layer,
    two_norms,
)
from registry.architecture.idioms_vision import clip_layers, fc, patches, projections, tower_known, vlm
from registry.architecture.idioms_vl import norms, text_and_head, text_model
from registry.architecture.types.vl_sam import DEEPSEEK_OCR2_SAM, DEEPSEEK_OCR2_TEXT, GRID

Raw = Mapping[str, Any]

# Granite Docling.


def route(name: str, factor: str) -> Lines:
    """Patches merged by a factor; features of some layers join the text."""
    merged = f"hidden_size * ({factor}) ** 2"
    return [
        *linear(f"connector.{name}.projection", "out_hidden_size", merged),
        *stack(f"connector.{name}.deepstack_mergers", "joined", [
            *norm("layer_norm", merged, True),
            *linear("linear_1", "out_hidden_size", merged, True),
            *linear("linear_2", "out_hidden_size", "out_hidden_size", True),
        ]),
    ]  # fmt: skip


DOCLING_VISION = Blueprint(  # modeling_granite_docling.py: SigLIP, and patches merged coarsely and finely
    types=("granite_docling_vision",),
    base="",
    let={"joined": "3 if deepstack_visual_indexes is None else len(deepstack_visual_indexes)"},
    checks=EVEN,
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
        *norm("connector.ln_in", "hidden_size", True),
        *route("coarse", "scale_factor"),
        *when("use_fine_route", route("fine", "scale_factor // 2")),
        *norms("connector.ln_mid connector.ln_out", "out_hidden_size", bias=True),
        *linear("connector.mlp_fc2", "out_hidden_size", "out_hidden_size"),
    ],
)

DOCLING_TEXT = Blueprint(  # modeling_granite_docling.py
    types=("granite_docling_text",),
    base="",
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=text_model([
        *under("self_attn", gqa(bias="attention_bias")),
        *under("mlp", gated_mlp(bias="mlp_bias")),
        *two_norms(),
    ]),
)  # fmt: skip

DOCLING = Blueprint(  # modeling_granite_docling.py: a router may choose the finer route
    types=("granite_docling",),
    let={"d": "vision_config.hidden_size"},
    checks={
        "vision_config.out_hidden_size == text_config.hidden_size": "out_hidden_size of the text's width",
        "density_router_hidden_size is None or vision_config.use_fine_route": "use_fine_route for a router",
    },
    lines=[
        Part("model.vision_model", "vision_config"),
        *when("density_router_hidden_size is not None", under("model.density_router", [
            *linear("att", "1", "d", True),
            *norm("norm", "d", True),
            *linear("fc1", "density_router_hidden_size", "d", True),
            *linear("fc2", "1", "density_router_hidden_size", True),
        ])),
        *text_and_head("model.text_model"),
    ],
)  # fmt: skip

# HyperCLOVA X Vision and GLM-GA.


def hyperclovax(raw: Raw) -> Raw:
    """HyperCLOVAXVisionV2Config: the tower under the name of the whole model it comes from."""
    tower = raw.get("vision_config")
    if isinstance(tower, dict) and tower.get("model_type") == "qwen2_5_vl":
        return {**raw, "vision_config": {**tower, "model_type": "qwen2_5_vl_vision"}}
    return raw


HYPERCLOVAX = Blueprint(  # modeling_hyperclovax_vision_v2.py: one linear between
    types=("hyperclovax_vision_v2",),
    let={"tower_known": tower_known},
    parts={"vision_config": "qwen2_5_vl_vision", "text_config": "hyperclovax"},
    prepare=hyperclovax,
    lines=vlm(
        linear("model.projector", "text_config.hidden_size", "vision_config.out_hidden_size", True),
        tower="model.vision_model",
    ),
)

# MiniCPM-V.

MERGE = [
    *norm("pre_norm", "merged", True),
    *linear("linear_1", "merged", "merged", True),
    *linear("linear_2", "out", "merged", True),
]

MINICPM_VISION = Blueprint(  # modeling_minicpmv4_6.py: SigLIP; attention in windows, then each becomes one
    types=("minicpmv4_6_vision", "minicpmv4_7_vision", "minicpm_ocr_vision"),
    base="",
    let={
        "window_area": "window_kernel_size[0] * window_kernel_size[1]",
        "merged": "hidden_size * window_area",
        "merged_width": "intermediate_size * window_area",
    },
    checks=EVEN,
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", True),
        *under("vit_merger", [
            *under("self_attn", projections()),
            *norm("layer_norm1", "hidden_size", True),
            *norm("pre_norm", "merged", True),
            *linear("linear_1", "merged_width", "merged", True),
            *linear("linear_2", "hidden_size", "merged_width", True),
        ]),
    ],
)  # fmt: skip

MINICPMV = Blueprint(  # modeling_minicpmv4_6.py: four neighbours become one, as often as merger_times says
    types=("minicpmv4_6", "minicpmv4_7", "minicpm_ocr"),
    parts={"text_config": "qwen3_5_text"},
    let={"merged": "4 * vision_config.hidden_size", "mergers": "max(merger_times, 1)"},
    lines=[
        Part("model.vision_tower", "vision_config"),
        *stack("model.merger.mlp", "mergers", MERGE, {
            "out": "text_config.hidden_size if layer == mergers - 1 else vision_config.hidden_size"
        }),
        *text_and_head(),
    ],
)  # fmt: skip

# Unlimited-OCR.

UNLIMITED_SAM = Blueprint(  # modeling_unlimited_ocr.py: DeepSeek-OCR 2's
    types=("unlimited_ocr_sam_vision_model",),
    base="",
    let={**GRID, "mlp_width": "mlp_dim", "downsample": "downsample_channels"},
    lines=DEEPSEEK_OCR2_SAM.lines,
)

UNLIMITED_ENCODER = (
    Blueprint(  # modeling_unlimited_ocr.py: CLIP over what SAM saw, without patches of its own
        types=("unlimited_ocr_vision_encoder",),
        base="",
        checks=EVEN,
        lines=[
            *tensor("embeddings.class_embedding", "hidden_size"),
            *tensor(
                "embeddings.position_embedding.weight", "(image_size // patch_size) ** 2 + 1, hidden_size"
            ),
            *norm("pre_layrnorm", "hidden_size", True),
            *clip_layers(),
        ],
    )
)

UNLIMITED_VISION = Blueprint(
    types=("unlimited_ocr_vision",),
    base="",
    lines=[Part("sam_encoder", "sam_config"), Part("vision_encoder", "encoder_config")],
)

UNLIMITED_TEXT = Blueprint(  # modeling_unlimited_ocr.py: what is written slides, the image stays in sight
    types=("unlimited_ocr_text",),
    base="",
    let={
        **DEEPSEEK_OCR2_TEXT.let,
        "mlp_layer_types": "['dense'] * min(first_k_dense_replace, num_hidden_layers)"
        " + ['sparse'] * max(num_hidden_layers - first_k_dense_replace, 0)"
        " if mlp_layer_types is None else mlp_layer_types",
    },
    keys={"first_k_dense_replace": ("i", 1)},
    checks={
        **EVEN,
        **per_layer("mlp_layer_types"),
        "sliding_window is not None": "a sliding_window",
    },
    lines=DEEPSEEK_OCR2_TEXT.lines,
)


def unlimited(raw: Raw) -> Raw:
    """UnlimitedOcrConfig: the text part under its older name, and the window at the top level."""
    if raw.get("text_config") is not None:
        return raw
    older = raw.get("language_config") or {}
    window = {"sliding_window": raw["sliding_window"]} if "sliding_window" in raw else {}
    return {**raw, "text_config": {**older, **window}} if isinstance(older, dict) else raw


UNLIMITED_OCR = Blueprint(  # modeling_unlimited_ocr.py: DeepSeek-OCR
    types=("unlimited_ocr",),
    let={
        "d": "text_config.hidden_size",
        "seen": "vision_config.sam_config.downsample_channels[-1] + vision_config.encoder_config.hidden_size",
    },
    prepare=unlimited,
    keys={"language_config": ("dn", None)},
    lines=[
        *tensor("model.view_separator", "d"),
        *tensor("model.image_newline", "d"),
        Part("model.vision_tower", "vision_config"),
        *linear("model.multi_modal_projector", "d", "seen", True),
        *text_and_head(),
    ],
)

# Inkling.

INKLING2_VISION = Blueprint(  # modeling_inkling2.py: a learned scale on each block
    types=("inkling2_vision",),
    base="",
    let={
        "merged": "spatial_merge_size ** 2 * hidden_size",
        "intermediate_size": "int(hidden_size * mlp_ratio)"
        " if intermediate_size is None else intermediate_size",
    },
    checks=EVEN,
    lines=[
        *tensor("embeddings.class_embedding", "hidden_size"),
        *tensor("embeddings.cls_position_embedding", "hidden_size"),
        *linear("embeddings.patch_embedding", "hidden_size", "num_channels * patch_size ** 2"),
        *tensor("embeddings.position_embedding.weight", "posemb_grid_size ** 2, hidden_size"),
        *norm("pre_layernorm", "hidden_size", True),
        *stack("layers", "num_hidden_layers", [
            *tensor("lambda_1", "hidden_size"),
            *tensor("lambda_2", "hidden_size"),
            *under("self_attn", projections()),
            *under("mlp", fc()),
            *norms("layernorm_before layernorm_after", bias=True),
        ]),
        *linear("merger.linear_1", "projection_hidden_dim", "merged", "projector_bias"),
        *linear("merger.linear_2", "text_hidden_size", "projection_hidden_dim", "projector_bias"),
    ],
)  # fmt: skip

INKLING2 = Blueprint(  # modeling_inkling2.py
    types=("inkling2",),
    causal="text_config",
    checks={
        "vision_config.text_hidden_size == text_config.hidden_size": "text_hidden_size of the text's width"
    },
    lines=[
        Part("model.language_model", "text_config"),
        Part("model.vision_tower", "vision_config"),
        *linear("lm_head", "text_config.vocab_size", "text_config.hidden_size"),
    ],
)


def prime_factors(number: int) -> list[int]:
    """The prime factors of a patch's size, the largest first."""
    found, factor = [], 2
    while number > 1:
        if number % factor:
            factor += 1
        else:
            found.append(factor)
            number //= factor
    return found[::-1]


def scales(scope: Scope) -> list[tuple[int, int]]:
    """A `let`: how many values each layer of Inkling's tower has folded into one, and its width.

    A layer takes the step that is nearest to an even growth; first height and width grow, then time.
    """
    patch, frames, layers = scope["patch_size"], scope["temporal_patch_size"], scope["num_hidden_layers"]
    colours = scope["num_channels"]
    sides: list[int] = []
    times: list[int] = []
    for key in ("patch_size", "temporal_patch_size"):
        if not 1 < scope[key] <= 4096:
            raise scope.config.bad(key, "2 to 4096", scope[key])
    for factor in prime_factors(patch):
        sides.append(factor * (sides[-1] if sides else 1))
    for factor in prime_factors(frames):
        times.append(factor * (times[-1] if times else 1))
    steps = [(1, colours)]
    steps += [(side**2, 64 * math.ceil(side**2 * colours / 64)) for side in sides]
    steps += [(patch**2 * time, 64 * patch**2 * colours * time) for time in times]
    if layers < len(steps):
        raise scope.config.bad("num_hidden_layers", f"at least {len(steps)}: one for each step", layers)
    chosen = [steps[0]]
    for layer in range(1, layers):
        ideal = layer / layers * math.log(patch * patch * frames * colours)
        near = sorted((abs(ideal - math.log(step[0])), step) for step in steps)
        if near[1][0] - near[0][0] < 1e-5:
            raise scope.config.bad(
                "num_hidden_layers", "a number where no two steps are equally near", layers
            )
        chosen.append(near[0][1])
    return [*chosen, steps[-1]]


INKLING_VISION = Blueprint(  # modeling_inkling.py: a patch is folded into one vector step by step
    types=("inkling_vision",),
    base="",
    let={"scales": scales},
    lines=[
        *stack("encoder_layers", "num_hidden_layers", [
            *linear("projection", "width", "scales[layer][1] * (scales[layer + 1][0] // scales[layer][0])"),
            *when("layer < num_hidden_layers - 1", norm("layer_norm", "width")),
        ], {
            "width": "scales[layer + 1][1] if layer < num_hidden_layers - 1 else text_hidden_size",
        }),
        *norm("final_norm", "text_hidden_size"),
    ],
)  # fmt: skip

INKLING_AUDIO = Blueprint(  # modeling_inkling.py: an embedding of each band's loudness
    types=("inkling_audio",),
    base="",
    lines=[
        *tensor(
            "embed_audio_tokens.embed_audio_tokens.weight", "n_mel_bins * mel_vocab_size, text_hidden_size"
        ),
        *norm("norm", "text_hidden_size"),
    ],
)


def inkling(raw: Raw) -> Raw:
    """InklingConfig: both towers end in the text's width, whatever their configs say."""
    text, seen, heard = (raw.get(key) or {} for key in ("text_config", "vision_config", "audio_config"))
    if not (isinstance(text, dict) and isinstance(seen, dict) and isinstance(heard, dict)):
        return raw
    width = {"text_hidden_size": ConfigView(text, "inkling_text", "text_config")["hidden_size"]}
    return {**raw, "vision_config": {**seen, **width}, "audio_config": {**heard, **width}}


INKLING = Blueprint(  # modeling_inkling.py
    types=("inkling_mm_model",),
    causal="text_config",
    prepare=inkling,
    lines=[
        Part("model.language_model", "text_config"),
        Part("model.audio_tower", "audio_config"),
        Part("model.vision_tower", "vision_config"),
        *linear("lm_head", "text_config.vocab_size", "text_config.hidden_size"),
    ],
)

ENTRIES = (
    DOCLING_VISION, DOCLING_TEXT, DOCLING, HYPERCLOVAX, MINICPM_VISION, MINICPMV, UNLIMITED_SAM,
    UNLIMITED_ENCODER, UNLIMITED_VISION, UNLIMITED_TEXT, UNLIMITED_OCR, INKLING2_VISION, INKLING2,
    INKLING_VISION, INKLING_AUDIO, INKLING,
)  # fmt: skip
