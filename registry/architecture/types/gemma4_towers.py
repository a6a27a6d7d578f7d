"""The towers of Gemma 4: a vision transformer with rotary positions, a conformer for audio."""

from registry.architecture.blueprint import Blueprint, Lines, linear, norm, stack, tensor, under
from registry.architecture.idioms_vision import TOWER


def clipped(name: str, out: str, into: str) -> Lines:
    """A linear whose inputs and outputs are clipped; the limits are buffers."""
    return linear(f"{name}.linear", out, into)


GEMMA4_VISION = Blueprint(  # modeling_gemma4.py, Gemma4VisionModel
    types=("gemma4_vision",),
    base="",
    let={"heads": "num_attention_heads", "kv_heads": "num_key_value_heads"},
    lines=[
        *linear("patch_embedder.input_proj", "hidden_size", "3 * patch_size ** 2"),
        *tensor("patch_embedder.position_embedding_table", "2, position_embedding_size, hidden_size"),
        *stack(
            "encoder.layers",
            "num_hidden_layers",
            [
                *clipped("self_attn.q_proj", "heads * head_dim", "hidden_size"),
                *clipped("self_attn.k_proj", "kv_heads * head_dim", "hidden_size"),
                *clipped("self_attn.v_proj", "kv_heads * head_dim", "hidden_size"),
                *clipped("self_attn.o_proj", "hidden_size", "heads * head_dim"),
                *norm("self_attn.q_norm", "head_dim"),
                *norm("self_attn.k_norm", "head_dim"),
                *clipped("mlp.gate_proj", "intermediate_size", "hidden_size"),
                *clipped("mlp.up_proj", "intermediate_size", "hidden_size"),
                *clipped("mlp.down_proj", "hidden_size", "intermediate_size"),
                *norm("input_layernorm", "hidden_size"),
                *norm("post_attention_layernorm", "hidden_size"),
                *norm("pre_feedforward_layernorm", "hidden_size"),
                *norm("post_feedforward_layernorm", "hidden_size"),
            ],
        ),
    ],
)

FEED_FORWARD = [
    *clipped("ffw_layer_1", "4 * hidden_size", "hidden_size"),
    *clipped("ffw_layer_2", "hidden_size", "4 * hidden_size"),
    *norm("pre_layer_norm", "hidden_size"),
    *norm("post_layer_norm", "hidden_size"),
]

CONVOLUTION = [
    *clipped("linear_start", "2 * hidden_size", "hidden_size"),
    *clipped("linear_end", "hidden_size", "hidden_size"),
    *tensor("depthwise_conv1d.weight", "hidden_size, 1, conv_kernel_size"),
    *norm("pre_layer_norm", "hidden_size"),
    *norm("conv_norm", "hidden_size"),
]

GEMMA4_AUDIO = Blueprint(  # modeling_gemma4.py, Gemma4AudioModel: two convolutions shorten the sequence first
    types=("gemma4_audio",),
    base="",
    let={
        **TOWER,
        "inner": "heads * head_dim",
        "channels": "subsampling_conv_channels",
    },
    keys={"output_proj_dims": ("i", 1536)},
    lines=[
        *tensor("subsample_conv_projection.layer0.conv.weight", "channels[0], 1, 3, 3"),
        *norm("subsample_conv_projection.layer0.norm", "channels[0]"),
        *tensor("subsample_conv_projection.layer1.conv.weight", "channels[1], channels[0], 3, 3"),
        *norm("subsample_conv_projection.layer1.norm", "channels[1]"),
        *linear(
            "subsample_conv_projection.input_proj_linear", "hidden_size", "channels[0] // 4 * channels[1]"
        ),
        *stack(
            "layers",
            "num_hidden_layers",
            [
                *under("feed_forward1", FEED_FORWARD),
                *under("feed_forward2", FEED_FORWARD),
                *clipped("self_attn.q_proj", "inner", "hidden_size"),
                *clipped("self_attn.k_proj", "inner", "hidden_size"),
                *clipped("self_attn.v_proj", "inner", "hidden_size"),
                *clipped("self_attn.post", "hidden_size", "hidden_size"),
                *linear("self_attn.relative_k_proj", "inner", "hidden_size"),
                *tensor("self_attn.per_dim_scale", "head_dim"),
                *under("lconv1d", CONVOLUTION),
                *norm("norm_pre_attn", "hidden_size"),
                *norm("norm_post_attn", "hidden_size"),
                *norm("norm_out", "hidden_size"),
            ],
        ),
        *linear("output_proj", "output_proj_dims", "hidden_size", True),
    ],
)

ENTRIES = (GEMMA4_VISION, GEMMA4_AUDIO)
