"""Models that see through the encoder of Segment Anything (arXiv:2304.02643): GOT, DeepSeek."""

from registry.architecture.blueprint import Blueprint, Part, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import (
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    fused_experts,
    gated_mlp,
    gqa,
    router,
    two_norms,
)
from registry.architecture.idioms_vl import (
    LAYER_KINDS,
    QWEN2_LAYER,
    QWEN2_WINDOW,
    conv2d,
    fused_qkv,
    key_of_part,
    norms,
    text_and_head,
    text_model,
    two_linears,
    where_absent,
)

CHANNELS = {"output_channels": ("i", 256)}
NECK = [
    *conv2d("conv1", "output_channels", "hidden_size", "1", bias=False),
    *norm("layer_norm1", "output_channels", bias=True),
    *conv2d("conv2", "output_channels", "output_channels", "3", bias=False),
    *norm("layer_norm2", "output_channels", bias=True),
]
SAM_LINES = [
    *tensor("pos_embed", "1, grid, grid, hidden_size", when="use_abs_pos"),
    *conv2d("patch_embed.projection", "hidden_size", "num_channels", "patch_size"),
    *stack(
        "layers",
        "num_hidden_layers",
        [
            *norms("layer_norm1 layer_norm2", bias=True),
            *under(
                "attn",
                [
                    *tensor("rel_pos_h", "2 * side - 1, hidden_size // num_attention_heads", "use_rel_pos"),
                    *tensor("rel_pos_w", "2 * side - 1, hidden_size // num_attention_heads", "use_rel_pos"),
                    *fused_qkv(bias="qkv_bias"),
                ],
            ),
            *under("mlp", two_linears("lin1", "lin2", "mlp_width")),
        ],
        let={
            "reach": "0 if layer in global_attn_indexes else window_size",
            "side": "reach if reach > 0 else grid",
        },
    ),
    *under("neck", NECK),
]
GRID = {"grid": "image_size // patch_size"}
RATIO = {"mlp_width": "int(hidden_size * mlp_ratio) if mlp_dim is None else mlp_dim"}

GOT_OCR2_VISION = Blueprint(  # modeling_got_ocr2.py: windows but for the layers of global_attn_indexes
    types=("got_ocr2_vision", "pp_chart2table_vision"),
    base="",
    keys=CHANNELS,
    let={**GRID, "mlp_width": "mlp_dim"},
    lines=SAM_LINES,
)

SAM_VISION = Blueprint(  # modeling_sam.py, SamVisionModel
    types=("sam_vision_model",),
    base="",
    keys=CHANNELS,
    let={**GRID, **RATIO},
    lines=under("vision_encoder", SAM_LINES),
)

DEEPSEEK_OCR2_SAM = Blueprint(  # modeling_deepseek_ocr2.py: two strided convolutions after it
    types=("deepseek_ocr2_sam_vision_model",),
    base="",
    keys=CHANNELS,
    let={
        **GRID,
        **RATIO,
        "downsample": "[512, 896] if downsample_channels is None else downsample_channels",
    },
    lines=[
        *SAM_LINES,
        *conv2d("proj.conv1", "downsample[0]", "output_channels", "3", bias=False),
        *conv2d("proj.conv2", "downsample[1]", "downsample[0]", "3", bias=False),
    ],
)

DEEPSEEK_OCR2_ENCODER = Blueprint(  # modeling_deepseek_ocr2.py: a small Qwen2 that reorders what SAM saw
    types=("deepseek_ocr2_encoder",),
    base="",
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks=LAYER_KINDS,
    lines=[
        *stack("layers", "num_hidden_layers", QWEN2_LAYER, QWEN2_WINDOW),
        *norm("norm", "hidden_size"),
    ],
)

DEEPSEEK_OCR2_VISION = Blueprint(  # modeling_deepseek_ocr2.py: learned queries for two image sizes
    types=("deepseek_ocr2_vision",),
    base="",
    lines=[
        Part("sam_encoder", "sam_config"),
        Part("vision_encoder", "encoder_config"),
        *tensor("query_768_resolution.weight", "144, encoder_config.hidden_size"),
        *tensor("query_1024_resolution.weight", "256, encoder_config.hidden_size"),
    ],
)

DEEPSEEK_OCR2_TEXT = Blueprint(  # modeling_deepseek_ocr2.py: DeepSeek-V2 without latent attention
    types=("deepseek_ocr2_text",),
    base="",
    let={
        **FLOOR_HEADS,
        "head_dim": "hidden_size / num_attention_heads",
        "experts": "n_routed_experts",
        "top_k": "num_experts_per_tok",
        "shared": "moe_intermediate_size * n_shared_experts",
    },
    checks={"hidden_size % num_attention_heads == 0": "hidden_size as a multiple of num_attention_heads"},
    lines=text_model(
        [
            *under("self_attn", gqa(bias="attention_bias")),
            *under("mlp", when("not is_moe", gated_mlp(bias="mlp_bias"))),
            *under("mlp", when("is_moe", [
                *router(),
                *fused_experts("moe_intermediate_size"),
                *under("shared_experts", gated_mlp("shared", bias="mlp_bias")),
            ])),
            *two_norms(),
        ],
        let={"is_moe": "mlp_layer_types[layer] == 'sparse'"},
    ),
)  # fmt: skip

GOT_OCR2 = Blueprint(  # modeling_got_ocr2.py: a Qwen2 of its own size where the config has no text part
    types=("got_ocr2", "pp_chart2table"),
    parts={"text_config": "qwen2"},
    prepare=where_absent(
        text_config={
            "vocab_size": 151860,
            "hidden_size": 1024,
            "intermediate_size": 2816,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "max_position_embeddings": 32768,
            "sliding_window": 4096,
            "max_window_layers": 21,
            "tie_word_embeddings": True,
        }
    ),
    let={"seen": key_of_part("vision_config", "output_channels", "i", 256), "d": "text_config.hidden_size"},
    lines=[
        Part("model.vision_tower", "vision_config"),
        *under("model.multi_modal_projector", [
            *conv2d("conv_upsampler1", "2 * seen", "seen", "3", bias=False),
            *conv2d("conv_upsampler2", "d", "2 * seen", "3", bias=False),
            *linear("multimodal_projector", "d", "d", True),
        ]),
        *text_and_head(),
    ],
)  # fmt: skip

DEEPSEEK_VL = Blueprint(  # modeling_deepseek_vl.py
    types=("deepseek_vl",),
    parts={"text_config": "llama", "vision_config": "siglip_vision_model"},
    let={"d": "text_config.hidden_size"},
    lines=[
        Part("model.vision_model", "vision_config"),
        *linear("model.aligner.linear1", "d", "vision_config.hidden_size", True),
        *linear("model.aligner.linear2", "d", "d", True),
        *text_and_head(),
    ],
)

DEEPSEEK_VL_HYBRID = Blueprint(  # modeling_deepseek_vl_hybrid.py: SAM for high resolution beside SigLIP
    types=("deepseek_vl_hybrid",),
    parts={
        "text_config": "llama",
        "vision_config": "siglip_vision_model",
        "high_res_vision_config": "sam_vision_model",
    },
    checks={"len(high_res_vision_config.global_attn_indexes) > 0": "a layer in global_attn_indexes"},
    let={
        "d": "text_config.hidden_size",
        "hidden_size": "high_res_vision_config.hidden_size",
        "output_channels": key_of_part("high_res_vision_config", "output_channels", "i", 256),
    },
    lines=[
        *tensor("model.high_res_vision_alpha", "1"),
        Part("model.high_res_vision_model", "high_res_vision_config"),
        *under("model.high_res_vision_neck", NECK),
        *conv2d("model.high_res_vision_proj.conv1", "2 * output_channels", "output_channels", "3", False),
        *conv2d("model.high_res_vision_proj.conv2", "4 * output_channels", "2 * output_channels", "3", False),
        Part("model.vision_model", "vision_config"),
        *linear("model.aligner.vision_proj", "d // 2", "vision_config.hidden_size", True),
        *linear("model.aligner.high_res_vision_proj", "d // 2", "4 * output_channels", True),
        *linear("model.aligner.proj", "d", "d", True),
        *text_and_head(),
    ],
)

DEEPSEEK_OCR2 = Blueprint(  # modeling_deepseek_ocr2.py
    types=("deepseek_ocr2",),
    let={"d": "text_config.hidden_size"},
    lines=[
        *tensor("model.view_separator", "d"),
        Part("model.vision_tower", "vision_config"),
        *linear("model.multi_modal_projector", "d", "vision_config.encoder_config.hidden_size", True),
        *text_and_head(),
    ],
)

ENTRIES = (
    GOT_OCR2_VISION, SAM_VISION, DEEPSEEK_OCR2_SAM, DEEPSEEK_OCR2_ENCODER, DEEPSEEK_OCR2_VISION,
    DEEPSEEK_OCR2_TEXT, GOT_OCR2, DEEPSEEK_VL, DEEPSEEK_VL_HYBRID, DEEPSEEK_OCR2,
)  # fmt: skip
