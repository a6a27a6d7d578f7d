"""Kosmos-2 and BLIP-2: learned queries between a CLIP-like tower and a decoder."""

from collections.abc import Mapping
from typing import Any

from registry.architecture.blueprint import (
    Blueprint,
    Lines,
    Part,
    linear,
    norm,
    stack,
    tensor,
    tied,
    under,
    when,
)
from registry.architecture.config_view import ConfigView
from registry.architecture.idioms import EVEN
from registry.architecture.idioms_vision import clip_layers, patches
from registry.architecture.idioms_vl import norms, square, tie_of_either, two_linears

EMBEDDING = "text_model.model.embed_tokens.weight"
PROJECTIONS = "k_proj v_proj q_proj out_proj"

KOSMOS2_VISION = Blueprint(  # modeling_kosmos2.py: CLIP's tower
    types=("kosmos_2_vision_model",),
    base="",
    checks=EVEN,
    lines=under("model", [
        *tensor("embeddings.class_embedding", "hidden_size"),
        *patches("embeddings.patch_embedding", bias=False),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2 + 1, hidden_size"),
        *norms("pre_layrnorm post_layernorm", bias=True),
        *clip_layers(),
    ]),
)  # fmt: skip

KOSMOS2_TEXT = Blueprint(  # modeling_kosmos2.py: norms inside attention and MLP, fixed positions
    types=("kosmos_2_text_model",),
    let={
        "heads": "attention_heads",
        "kv_heads": "attention_heads",
        "head_dim": "embed_dim / attention_heads",
    },
    checks={"embed_dim % attention_heads == 0": "embed_dim as a multiple of attention_heads"},
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, embed_dim"),
        *stack("model.layers", "layers", [
            *under("self_attn", square(PROJECTIONS, "embed_dim")),
            *norms("self_attn.inner_attn_ln self_attn_layer_norm final_layer_norm", "embed_dim", bias=True),
            *when("add_cross_attention", [
                *under("encoder_attn", square(PROJECTIONS, "embed_dim")),
                *norm("encoder_attn_layer_norm", "embed_dim", bias=True),
            ]),
            *under("ffn", two_linears("fc1", "fc2", "ffn_dim", "embed_dim")),
            *norm("ffn.ffn_layernorm", "ffn_dim", bias=True),
        ]),
        *norm("model.layer_norm", "embed_dim", bias=True),
        *tied("lm_head.weight", "vocab_size, embed_dim", "model.embed_tokens.weight"),
    ],
)  # fmt: skip

KOSMOS2 = Blueprint(  # modeling_kosmos2.py
    types=("kosmos-2",),
    let={"tie_word_embeddings": tie_of_either, "d": "text_config.embed_dim"},
    lines=[
        Part("text_model.model", "text_config"),
        *tied("text_model.lm_head.weight", "text_config.vocab_size, d", EMBEDDING),
        Part("vision_model", "vision_config"),
        *under("image_to_text_projection", [
            *tensor("latent_query", "latent_query_num, d"),
            *linear("dense", "d", "vision_config.hidden_size", True),
            *under("x_attn", square(PROJECTIONS, "d")),
        ]),
    ],
)  # fmt: skip

BLIP2_VISION = Blueprint(  # modeling_blip_2.py
    types=("blip_2_vision_model",),
    base="",
    checks=EVEN,
    let={"num_channels": "3"},
    lines=[
        *tensor("embeddings.class_embedding", "1, 1, hidden_size"),
        *tensor("embeddings.position_embedding", "1, (image_size // patch_size) ** 2 + 1, hidden_size"),
        *patches("embeddings.patch_embedding"),
        *stack("encoder.layers", "num_hidden_layers", [
            *linear("self_attn.qkv", "3 * hidden_size", "hidden_size", "qkv_bias"),
            *square("self_attn.projection"),
            *norms("layer_norm1 layer_norm2", bias=True),
            *under("mlp", two_linears("fc1", "fc2")),
        ]),
        *norm("post_layernorm", "hidden_size", bias=True),
    ],
)  # fmt: skip


def bert_attention(name: str, into: str) -> Lines:
    """Attention of BERT, with keys and values from `into`."""
    d = "hidden_size"
    return under(name, [
        *linear("attention.query", d, d, True),
        *linear("attention.key", d, into, True),
        *linear("attention.value", d, into, True),
        *linear("output.dense", d, d, True),
        *norm("output.LayerNorm", d, bias=True),
    ])  # fmt: skip


def bert_mlp(suffix: str = "") -> Lines:
    return [
        *two_linears(f"intermediate{suffix}.dense", f"output{suffix}.dense"),
        *norm(f"output{suffix}.LayerNorm", "hidden_size", bias=True),
    ]


BLIP2_QFORMER = Blueprint(  # modeling_blip_2.py: BERT over the queries; some layers look at the image
    types=("blip_2_qformer",),
    base="",
    checks=EVEN,
    lines=[
        *norm("layernorm", "hidden_size", bias=True),
        *stack("encoder.layer", "num_hidden_layers", [
            *bert_attention("attention", "hidden_size"),
            *when("looks", bert_attention("crossattention", "encoder_hidden_size")),
            *when("use_qformer_text_input", bert_mlp()),
            *bert_mlp("_query"),
        ], {"looks": "layer % cross_attention_frequency == 0"}),
    ],
)  # fmt: skip


def blip2(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Blip2Config: the queries look at vectors of the tower's width, whatever their config says."""
    queries, tower = raw.get("qformer_config") or {}, raw.get("vision_config") or {}
    if not isinstance(queries, dict) or not isinstance(tower, dict):
        return raw
    width = ConfigView(tower, "blip_2_vision_model", "vision_config")["hidden_size"]
    return {**raw, "qformer_config": {**queries, "encoder_hidden_size": width}}


BLIP2 = Blueprint(  # modeling_blip_2.py: any language model, with its head
    types=("blip-2",),
    base="",
    prepare=blip2,
    parts={"text_config": "opt"},
    let={"d": "qformer_config.hidden_size"},
    lines=[
        *tensor("query_tokens", "1, num_query_tokens, d"),
        Part("vision_model", "vision_config"),
        Part("qformer", "qformer_config"),
        *linear("language_projection", "text_config.hidden_size", "d", True),
        Part("language_model", "text_config", whole=True),
    ],
)

ENTRIES = (KOSMOS2_VISION, KOSMOS2_TEXT, KOSMOS2, BLIP2_VISION, BLIP2_QFORMER, BLIP2)
