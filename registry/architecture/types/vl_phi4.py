"""Phi-4 multimodal: one decoder, SigLIP for images and a Conformer for sound."""

from registry.architecture.blueprint import Blueprint, Lines, Part, linear, norm, stack, tensor, under, when
from registry.architecture.idioms import EVEN, FLOOR_HEADS, WHOLE_HEAD_DIM, decoder, two_norms
from registry.architecture.idioms_vision import clip_layers, patches, projections
from registry.architecture.idioms_vl import conv2d, fused_gated_mlp, norms, two_linears

MOST_HALVINGS = 8


def pointwise(name: str, out: str, into: str) -> Lines:
    """nn.Conv1d of kernel 1."""
    return [*tensor(f"{name}.weight", f"{out}, {into}, 1"), *tensor(f"{name}.bias", out)]


def halvings() -> Lines:
    """Strided convolutions, each halving time and frequency; all but the first depthwise and pointwise."""
    d = "nemo_conv_channels"
    found = conv2d("conv.0", d, "1", "3")
    for n in range(1, MOST_HALVINGS):
        first = 3 * n - 1
        later = [*conv2d(f"conv.{first}", d, "1", "3"), *conv2d(f"conv.{first + 1}", d, d, "1")]
        found += when(f"halvings > {n}", later)
    return found


def half_step(name: str) -> Lines:
    """A feed-forward of the Conformer."""
    return under(
        name,
        [
            *norm("layer_norm", "hidden_size", bias=True),
            *linear("gate_up_proj", "2 * intermediate_size", "hidden_size", True),
            *linear("down_proj", "hidden_size", "intermediate_size", True),
        ],
    )


CONFORMER_LAYER = [
    *half_step("feed_forward_in"),
    *under("self_attn", projections("o_proj", inner="inner")),
    *under(
        "conv",
        [
            *norm("layer_norm", "hidden_size", bias=True),
            *tensor("glu.b1", "1, ext_pw_out_channel, 1"),
            *tensor("glu.b2", "1, ext_pw_out_channel, 1"),
            *pointwise("glu.ext_pw_conv_1d", "2 * ext_pw_out_channel", "hidden_size"),
            *tensor("dw_sep_conv_1d.dw_conv.weight", "hidden_size * depthwise_multiplier, 1, kernel_size"),
            *tensor("dw_sep_conv_1d.dw_conv.bias", "hidden_size * depthwise_multiplier"),
            *pointwise(
                "dw_sep_conv_1d.pw_conv",
                "depthwise_separable_out_channel",
                "hidden_size * depthwise_multiplier",
            ),
            *pointwise("ext_pw_conv_1d", "ext_pw_out_channel", "hidden_size"),
        ],
    ),
    *half_step("feed_forward_out"),
    *norms("layer_norm_att layer_norm", bias=True),
]

PHI4_VISION = Blueprint(  # modeling_phi4_multimodal.py: SigLIP with its pooling head
    types=("phi4_multimodal_vision",),
    base="",
    checks=EVEN,
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *clip_layers(),
        *norm("post_layernorm", "hidden_size", bias=True),
        *under("head", [
            *tensor("probe", "1, 1, hidden_size"),
            *tensor("attention.in_proj_weight", "3 * hidden_size, hidden_size"),
            *tensor("attention.in_proj_bias", "3 * hidden_size"),
            *linear("attention.out_proj", "hidden_size", "hidden_size", True),
            *norm("layernorm", "hidden_size", bias=True),
            *under("mlp", two_linears("fc1", "fc2")),
        ]),
    ],
)  # fmt: skip

PHI4_AUDIO = Blueprint(  # modeling_phi4_multimodal.py: a Conformer (arXiv:2005.08100)
    types=("phi4_multimodal_audio",),
    base="",
    keys={**WHOLE_HEAD_DIM, "depthwise_multiplier": ("i", 1)},
    let={
        "share": "hidden_size // num_attention_heads",
        "inner": "num_attention_heads * (share if head_dim is None else head_dim)",
        "halvings": lambda scope: scope["time_reduction"].bit_length() - 1,
        "bands": "-(-input_size // 2 ** halvings)",
    },
    checks={
        "time_reduction % 2 == 0": "an even time_reduction",
        f"1 <= halvings <= {MOST_HALVINGS}": f"time_reduction from 2 to {2**MOST_HALVINGS}",
    },
    lines=[
        *under("embed", halvings()),
        *linear("embed.out", "hidden_size", "nemo_conv_channels * bands", True),
        *tensor(
            "relative_attention_bias_layer.bias_values.weight",
            "bias_max_distance if bias_symmetric else 2 * bias_max_distance, num_attention_heads",
        ),
        *stack("encoders", "num_blocks", CONFORMER_LAYER),
    ],
)

PHI4_MULTIMODAL = Blueprint(  # modeling_phi4_multimodal.py: both towers live beside the embedding
    types=("phi4_multimodal",),
    keys=WHOLE_HEAD_DIM,
    let={
        **FLOOR_HEADS,
        "window": "sliding_window",
        "d_image": "vision_config.hidden_size",
        "d_sound": "audio_config.hidden_size * audio_config.downsample_rate",
    },
    lines=[
        *decoder([
            *linear("self_attn.o_proj", "hidden_size", "heads * head_dim"),
            *linear("self_attn.qkv_proj", "(heads + 2 * kv_heads) * head_dim", "hidden_size"),
            *under("mlp", fused_gated_mlp()),
            *two_norms(),
        ]),
        *under("model.embed_tokens_extend.image_embed", [
            *tensor("global_img_feature_extensor", "1, 1, d_image"),
            *tensor("sub_img_feature_extensor", "1, 1, 1, d_image"),
            Part("img_processor", "vision_config"),
            *linear("img_projection_up", "hidden_size", "d_image", True),
            *linear("img_projection_down", "hidden_size", "hidden_size", True),
        ]),
        *under("model.embed_tokens_extend.audio_embed", [
            Part("encoder", "audio_config"),
            *linear("up_proj_for_speech", "hidden_size", "d_sound", True),
            *linear("down_proj_for_speech", "hidden_size", "hidden_size", True),
            *linear("up_proj_for_vision_speech", "hidden_size", "d_sound", True),
            *linear("down_proj_for_vision_speech", "hidden_size", "hidden_size", True),
        ]),
    ],
)  # fmt: skip

ENTRIES = (PHI4_VISION, PHI4_AUDIO, PHI4_MULTIMODAL)
