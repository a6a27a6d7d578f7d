"""Models that write images as tokens of a VQGAN (arXiv:2012.09841): Chameleon, Emu3 and Janus."""

from collections.abc import Callable
from dataclasses import replace

from registry.architecture.blueprint import (
    Blueprint,
    Line,
    Lines,
    Part,
    linear,
    norm,
    stack,
    tensor,
    under,
    when,
)
from registry.architecture.idioms import (
    EVEN,
    EVEN_HEADS,
    FLOOR_HEADS,
    WHOLE_HEAD_DIM,
    decoder,
    gated_mlp,
    gqa,
    two_norms,
)
from registry.architecture.idioms_vision import patches
from registry.architecture.idioms_vl import conv2d, norms, square, text_and_head, two_linears

NormLines = Callable[[str, str], Lines]
MOST_BLOCKS = 8
LATENT = "2 * latent_channels if double_latent else latent_channels"
LETS = {"first": "base_channels * channel_multiplier[0]", "last": "base_channels * channel_multiplier[-1]"}
CHECKS = {
    f"1 <= num_res_blocks < {MOST_BLOCKS}": f"num_res_blocks from 1 to {MOST_BLOCKS - 1}",
    "base_channels % 32 == 0": "base_channels as a multiple of 32, the groups of its norms",
}
HAS_VOCABULARY = {"vocabulary_map is not None": "vocabulary_map, which says what the image tokens are"}
DOWN = {
    "before": "base_channels * (channel_multiplier[layer - 1] if layer > 0 else 1)",
    "here": "base_channels * channel_multiplier[layer]",
    "is_last": "layer == len(channel_multiplier) - 1",
}
UP = {
    "before": "base_channels * channel_multiplier[min(level + 1, len(channel_multiplier) - 1)]",
    "here": "base_channels * channel_multiplier[level]",
}


def group_norm(name: str, size: str) -> Lines:
    return norm(name, size, bias=True)


def spatial_norm(name: str, size: str) -> Lines:
    """A norm whose scale and shift are convolutions of the code (arXiv:2209.09002)."""
    sides = [line for side in ("conv_y", "conv_b") for line in conv2d(side, size, "embed_dim", "1")]
    return under(name, [*group_norm("norm_layer", size), *sides])


def resnet(name: str, into: str, out: str, of: NormLines = group_norm) -> Lines:
    """Two convolutions with norms before them, and a third one past them where the width changes."""
    return under(
        name,
        [
            *of("norm1", into),
            *conv2d("conv1", out, into, "3"),
            *of("norm2", out),
            *conv2d("conv2", out, out, "3"),
            *when(f"{into} != {out}", conv2d("nin_shortcut", out, into, "1")),
        ],
    )


def blocks(more: int = 0, of: NormLines = group_norm) -> Lines:
    """The blocks of a resolution, `more` than num_res_blocks; the first has the width of the one before."""
    numbered = [
        when(f"num_res_blocks + {more} > {n}", resnet(f"block.{n}", "here" if n else "before", "here", of))
        for n in range(MOST_BLOCKS)
    ]
    return [line for block in numbered for line in block]


def conv_attention(size: str) -> Lines:
    """Attention over pixels, its projections written as convolutions."""
    parts = [line for part in ("q", "k", "v", "proj_out") for line in conv2d(part, size, size, "1")]
    return [*group_norm("norm", size), *parts]


def conv_middle(attention: str = "True") -> Lines:
    """The narrowest resolution: two blocks around one attention."""
    return [
        *resnet("mid.block_1", "last", "last"),
        *when(attention, under("mid.attn_1", conv_attention("last"))),
        *resnet("mid.block_2", "last", "last"),
    ]


def conv_encoder(attention: str, middle: str = "True") -> Lines:
    """The encoder of Chameleon and Janus, with attention where it says so."""
    return [
        *conv2d("conv_in", "base_channels", "in_channels", "3"),
        *stack("down", "len(channel_multiplier)", [
            *blocks(),
            *when(attention, stack("attn", "num_res_blocks", conv_attention("here"), index="{j}")),
            *when("not is_last", conv2d("downsample.conv", "here", "here", "3")),
        ], DOWN),
        *conv_middle(middle),
        *group_norm("norm_out", "last"),
        *conv2d("conv_out", LATENT, "last", "3"),
    ]  # fmt: skip


CODES = [
    *tensor("quantize.embedding.weight", "num_embeddings, embed_dim"),
    *conv2d("quant_conv", "embed_dim", "latent_channels", "1"),
    *conv2d("post_quant_conv", "latent_channels", "embed_dim", "1"),
]
SEEN = "attn_resolutions is not None and resolution // 2 ** layer in attn_resolutions"

CHAMELEON_VQGAN = Blueprint(  # modeling_chameleon.py: the encoder alone
    types=("chameleon_vqgan",),
    base="",
    keys={"channel_multiplier": ("l", [1, 1, 2, 2, 4])},
    let=LETS,
    checks=CHECKS,
    lines=[
        *under("encoder", conv_encoder(f"{SEEN} and attn_type == 'vanilla'", "attn_type == 'vanilla'")),
        *CODES,
    ],
)

CHAMELEON = Blueprint(  # modeling_chameleon.py: a norm for each query and key head
    types=("chameleon",),
    let=EVEN_HEADS,
    checks=HAS_VOCABULARY,
    lines=[
        *decoder([
            *under("self_attn", gqa(bias="attention_bias")),
            *tensor("self_attn.q_norm.weight", "heads, head_dim"),
            *tensor("self_attn.q_norm.bias", "heads, head_dim"),
            *tensor("self_attn.k_norm.weight", "kv_heads, head_dim"),
            *tensor("self_attn.k_norm.bias", "kv_heads, head_dim"),
            *under("mlp", gated_mlp(bias="mlp_bias")),
            *two_norms(),
        ]),
        Part("model.vqmodel", "vq_config"),
    ],
)  # fmt: skip


def conv_3d(name: str, out: str, into: str, kernel: str) -> Lines:
    return [*tensor(f"{name}.weight", f"{out}, {into}, {kernel}"), *tensor(f"{name}.bias", out)]


def square_conv_3d(name: str, size: str, kernel: str) -> Lines:
    return conv_3d(name, size, size, kernel)


def temporal(size: str) -> Lines:
    """A block of convolutions over time, height and width."""
    return [
        *group_norm("norm1", size),
        *conv_3d("conv1.conv", size, size, "3, 3, 3"),
        *group_norm("norm2", size),
        *conv_3d("conv2.conv", size, size, "3, 3, 3"),
    ]


def bare(lines: Lines) -> Lines:
    """The lines of a module that is itself the element of a list: no name, no dot."""
    return [replace(line, name=line.name.removeprefix(".")) for line in lines if isinstance(line, Line)]


def linear_attention(of: NormLines) -> Lines:
    """Attention over pixels with linears as wide as hidden_size, and a norm as wide as the resolution."""
    return when(
        "level in attn_resolutions",
        [
            *stack("attn", "count", square("k_proj v_proj q_proj out_proj"), index="{j}"),
            *stack("attn_norms", "count", bare(of("", "here")), index="{j}"),
        ],
    )


def linear_middle(of: NormLines) -> Lines:
    return under(
        "middle_block",
        [
            *resnet("block_1", "last", "last", of),
            *under("attn_1", square("k_proj v_proj q_proj out_proj")),
            *of("attn_norm", "last"),
            *resnet("block_2", "last", "last", of),
        ],
    )


EMU3_VQGAN = Blueprint(  # modeling_emu3.py: a VQGAN for video, its decoder normed by the code
    types=("emu3_vqgan",),
    base="",
    keys={"channel_multiplier": ("l", [1, 2, 2, 4])},
    let={
        **LETS,
        "latent": LATENT,
        "halvings": lambda scope: scope["temporal_downsample_factor"].bit_length() - 1,
    },
    checks={
        **CHECKS,
        **EVEN,
        "temporal_downsample_factor > 0": "a temporal_downsample_factor of at least 1",
    },
    lines=[
        *under("encoder", [
            *conv2d("conv_in", "base_channels", "in_channels", "3"),
            *stack("down_block.down", "len(channel_multiplier)", [
                *blocks(),
                *linear_attention(group_norm),
                *when("not is_last", conv2d("downsample.conv", "here", "here", "3")),
            ], {**DOWN, "level": "layer", "count": "num_res_blocks"}),
            *linear_middle(group_norm),
            *group_norm("norm_out", "last"),
            *conv2d("conv_out", "latent", "last", "3"),
            *stack("time_conv", "halvings", conv_3d("conv.conv", "latent", "latent", "4, 3, 3")),
            *stack("time_res_stack", "num_res_blocks", temporal("latent")),
        ]),
        *under("decoder", [
            *stack("time_res_stack", "num_res_blocks", temporal("latent_channels")),
            *stack("time_conv", "halvings", square_conv_3d("conv.conv", "latent_channels", "3, 3, 3")),
            *conv2d("conv_in", "last", "latent_channels", "3"),
            *linear_middle(spatial_norm),
            *stack("up_block.up", "len(channel_multiplier)", [
                *blocks(1, spatial_norm),
                *linear_attention(spatial_norm),
                *when("level > 0", conv2d("upsample.conv", "here", "here", "3")),
            ], {**UP, "level": "layer", "count": "num_res_blocks + 1"}),
            *spatial_norm("norm_out", "first"),
            *conv2d("conv_out", "out_channels", "first", "3"),
        ]),
        *tensor("quantize.embedding.weight", "codebook_size, embed_dim"),
        *conv_3d("quant_conv.conv", "embed_dim", "latent_channels", "3, 1, 1"),
        *conv_3d("post_quant_conv.conv", "latent_channels", "embed_dim", "3, 1, 1"),
    ],
)  # fmt: skip

EMU3_TEXT = Blueprint(  # modeling_emu3.py, Emu3ForCausalLM
    types=("emu3_text_model",),
    keys={**WHOLE_HEAD_DIM, "attention_bias": ("b", False), "mlp_bias": ("b", False)},
    let={**FLOOR_HEADS, "kv_heads": "num_key_value_heads"},
    lines=decoder([
        *under("self_attn", gqa(bias="attention_bias")),
        *under("mlp", gated_mlp(bias="mlp_bias")),
        *two_norms(),
    ]),
)  # fmt: skip

EMU3 = Blueprint(  # modeling_emu3.py
    types=("emu3",),
    causal="text_config",
    checks=HAS_VOCABULARY,
    lines=[*text_and_head("model.text_model"), Part("model.vqmodel", "vq_config")],
)

JANUS_VISION = Blueprint(  # modeling_janus.py
    types=("janus_vision_model",),
    base="",
    checks=EVEN,
    let={"mlp_width": "int(hidden_size * mlp_ratio)"},
    lines=[
        *patches("embeddings.patch_embedding"),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *stack("encoder.layers", "num_hidden_layers", [
            *norms("layer_norm1 layer_norm2", bias=True),
            *under("self_attn", square("q_proj k_proj v_proj", bias="attention_bias")),
            *square("self_attn.projection_layer"),
            *when("use_qk_norm", under("self_attn", norms("q_norm k_norm", bias=True))),
            *under("mlp", two_linears("fc1", "fc2", "mlp_width")),
        ]),
        *norm("post_layernorm", "hidden_size", bias=True),
    ],
)  # fmt: skip

JANUS_VQGAN = Blueprint(  # modeling_janus.py: attention at the narrowest resolution
    types=("janus_vqgan",),
    base="",
    keys={"channel_multiplier": ("l", [1, 1, 2, 2, 4])},
    let=LETS,
    checks=CHECKS,
    lines=[
        *under("encoder", conv_encoder("is_last")),
        *CODES,
        *under("decoder", [
            *conv2d("conv_in", "last", "latent_channels", "3"),
            *conv_middle(),
            *stack("up", "len(channel_multiplier)", [
                *blocks(1),
                *when("layer == 0", stack("attn", "num_res_blocks + 1", conv_attention("here"), index="{j}")),
                *when("level > 0", conv2d("upsample.conv", "here", "here", "3")),
            ], {**UP, "level": "len(channel_multiplier) - 1 - layer"}),
            *group_norm("norm_out", "first"),
            *conv2d("conv_out", "out_channels", "first", "3"),
        ]),
    ],
)  # fmt: skip


def aligner(name: str, into: str, out: str, depth: str) -> Lines:
    """Linears into the width of the text, the first from another width."""
    return [
        *linear(f"{name}.fc1", out, into, True),
        *stack(f"{name}.hidden_layers", f"max({depth} - 1, 0)", [
            *tensor("weight", f"{out}, {out}"),
            *tensor("bias", out),
        ]),
    ]  # fmt: skip


JANUS = Blueprint(  # modeling_janus.py: one tower to understand images, a VQGAN to write them
    types=("janus",),
    parts={"text_config": "llama"},
    let={"seen": "vision_config.projection_dim", "written": "vq_config.projection_dim"},
    lines=[
        Part("model.vision_model", "vision_config"),
        *aligner("model.aligner", "vision_config.hidden_size", "seen", "vision_config.depth"),
        Part("model.vqmodel", "vq_config"),
        *tensor("model.generation_embeddings.weight", "vq_config.num_embeddings, vq_config.embed_dim"),
        *aligner("model.generation_aligner", "vq_config.embed_dim", "written", "vq_config.num_hidden_layers"),
        *linear("model.generation_head.proj_out", "written", "vq_config.image_token_embed_dim", True),
        *linear("model.generation_head.vision_head", "vq_config.num_embeddings", "written", True),
        *text_and_head(),
    ],
)

ENTRIES = (
    CHAMELEON_VQGAN, CHAMELEON, EMU3_VQGAN, EMU3_TEXT, EMU3, JANUS_VISION, JANUS_VQGAN, JANUS,
)  # fmt: skip
