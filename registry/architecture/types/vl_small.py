"""BLIP, InstructBLIP and Idefics: decoders that look at an image across, or at learned queries of it."""

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
from registry.architecture.idioms import EVEN, gated_mlp, gqa
from registry.architecture.idioms_vision import clip_layers, patches
from registry.architecture.idioms_vl import norms, tie_of_either
from registry.architecture.types.vl_older import BLIP2_VISION, bert_attention, bert_mlp, blip2

# InstructBLIP.

INSTRUCTBLIP_VISION = Blueprint(  # modeling_instructblip.py: the tower of BLIP-2
    types=("instructblip_vision_model", "instructblipvideo_vision_model"),
    base="",
    checks=EVEN,
    let=BLIP2_VISION.let,
    lines=BLIP2_VISION.lines,
)

INSTRUCTBLIP_QFORMER = Blueprint(  # modeling_instructblip.py: BERT over the queries and the instruction
    types=("instructblip_qformer", "instructblipvideo_qformer"),
    base="",
    checks=EVEN,
    lines=[
        *tensor("embeddings.word_embeddings.weight", "vocab_size, hidden_size"),
        *tensor("embeddings.position_embeddings.weight", "max_position_embeddings, hidden_size"),
        *norm("embeddings.layernorm", "hidden_size", bias=True),
        *stack("encoder.layer", "num_hidden_layers", [
            *bert_attention("attention", "hidden_size"),
            *when("looks", bert_attention("crossattention", "encoder_hidden_size")),
            *bert_mlp(),
            *bert_mlp("_query"),
        ], {"looks": "layer % cross_attention_frequency == 0"}),
    ],
)  # fmt: skip

INSTRUCTBLIP = Blueprint(  # modeling_instructblip.py: any language model, with its head
    types=("instructblip", "instructblipvideo"),
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

# Idefics.

IDEFICS_VISION = Blueprint(  # modeling_idefics.py: CLIP
    types=("idefics_vision",),
    base="",
    checks=EVEN,
    lines=[
        *tensor("embeddings.class_embedding", "hidden_size"),
        *patches("embeddings.patch_embedding", bias=False),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2 + 1, hidden_size"),
        *norms("pre_layrnorm post_layernorm", bias=True),
        *clip_layers(),
    ],
)

IDEFICS_LAYER = [
    *under("self_attn", gqa()),
    *under("mlp", gated_mlp()),
    *norms("input_layernorm post_attention_layernorm"),
]
IDEFICS_JOIN = Blueprint(  # modeling_idefics.py: a resampler if asked, gated cross attention between layers
    types=("idefics_perciever",),
    base="",
    let={"latent": "resampler_n_heads * resampler_head_dim", "head_dim": "hidden_size / num_attention_heads"},
    keys={
        "seen": ("i", 768),
        "hidden_size": ("i", 4096),
        "intermediate_size": ("i", 11008),
        "num_attention_heads": ("i", 32),
        "cross_layers": ("i", 32),
        "alpha_type": ("s", "float"),
        "qk_layer_norms": ("b", False),
    },
    checks={"alpha_type in ['vector', 'float']": "alpha_type vector or float"},
    lines=[
        *when("use_resampler", under("perceiver_resampler", [
            *tensor("latents", "resampler_n_latents, seen"),
            *stack("blocks", "resampler_depth", [
                *norms("0.context_layer_norm 0.latents_layer_norm", "seen", bias=True),
                *when(
                    "qk_layer_norms_perceiver",
                    norms("0.q_layer_norm 0.k_layer_norm", "resampler_head_dim", bias=True),
                ),
                *linear("0.q_proj", "latent", "seen"),
                *linear("0.k_proj", "latent", "seen"),
                *linear("0.v_proj", "latent", "seen"),
                *linear("0.output_proj", "seen", "latent"),
                *norm("1.ln", "seen", bias=True),
                *linear("1.fc", "4 * seen", "seen"),
                *linear("1.c_proj", "seen", "4 * seen"),
            ]),
            *norm("layer_norm", "seen", bias=True),
        ])),
        *stack("gated_cross_attn_layers", "cross_layers", [
            *when("alpha_type == 'float'", [*tensor("alpha_cross_attn", "1"), *tensor("alpha_dense", "1")]),
            *when("alpha_type == 'vector'", [
                *tensor("alpha_cross_attn", "1, 1, hidden_size"),
                *tensor("alpha_dense", "1, 1, hidden_size"),
            ]),
            *under("cross_attn", [
                *linear("q_proj", "hidden_size", "hidden_size"),
                *linear("k_proj", "hidden_size", "seen"),
                *linear("v_proj", "hidden_size", "seen"),
                *linear("o_proj", "hidden_size", "hidden_size"),
                *when("qk_layer_norms", norms("q_layer_norm k_layer_norm", "head_dim")),
            ]),
            *under("mlp", gated_mlp()),
            *norms("input_layernorm post_attention_layernorm"),
        ]),
    ],
)  # fmt: skip

OF_THE_TEXT = (
    "hidden_size", "intermediate_size", "num_attention_heads", "alpha_type", "qk_layer_norms",
    "use_resampler",
)  # fmt: skip


def idefics(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What joins image and text as a part of its own: perceiver_config with the sizes of both."""
    given, tower = raw.get("perceiver_config") or {}, raw.get("vision_config") or {}
    if not isinstance(given, dict) or not isinstance(tower, dict):
        return raw
    view = ConfigView({**raw, "perceiver_config": {}}, "idefics", "config.json")
    joined = {key: view[key] for key in OF_THE_TEXT}
    if not view["cross_layer_interval"]:
        raise view.bad("cross_layer_interval", "at least 1", 0)
    joined["cross_layers"] = view["num_hidden_layers"] // view["cross_layer_interval"]
    joined["seen"] = ConfigView(tower, "idefics_vision", "config.json:vision_config")["embed_dim"]
    return {**raw, "perceiver_config": {**given, **joined}}


IDEFICS = Blueprint(  # modeling_idefics.py: Flamingo (arXiv:2204.14198) on Llama
    types=("idefics",),
    let={
        "heads": "num_attention_heads",
        "kv_heads": "num_attention_heads",
        "head_dim": "hidden_size / num_attention_heads",
    },
    checks=EVEN,
    prepare=idefics,
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *when(
            "additional_vocab_size > 0",
            tensor("model.embed_tokens.additional_embedding.weight", "additional_vocab_size, hidden_size"),
        ),
        *stack("model.layers", "num_hidden_layers", IDEFICS_LAYER),
        *norm("model.norm", "hidden_size"),
        Part("model.vision_model", "vision_config"),
        Part("model", "perceiver_config"),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
        *when("additional_vocab_size > 0", tied(
            "lm_head.additional_fc.weight",
            "additional_vocab_size, hidden_size",
            "model.embed_tokens.additional_embedding.weight",
        )),
    ],
)  # fmt: skip

# BLIP.

BLIP_VISION = Blueprint(  # modeling_blip.py
    types=("blip_vision_model",),
    base="",
    checks=EVEN,
    let={**BLIP2_VISION.let, "qkv_bias": "True"},
    lines=BLIP2_VISION.lines,
)


def self_attention(name: str, into: str) -> Lines:
    """Attention of BERT under its older names."""
    return under(name, [
        *linear("self.query", "hidden_size", "hidden_size", True),
        *linear("self.key", "hidden_size", into, True),
        *linear("self.value", "hidden_size", into, True),
        *linear("output.dense", "hidden_size", "hidden_size", True),
        *norm("output.LayerNorm", "hidden_size", bias=True),
    ])  # fmt: skip


BLIP_TEXT = Blueprint(  # modeling_blip_text.py: BERT that writes, and looks at the image in every layer
    types=("blip_text_model",),
    base="",
    let={
        "heads": "num_attention_heads",
        "kv_heads": "num_attention_heads",
        "head_dim": "hidden_size / num_attention_heads",
    },
    checks=EVEN,
    lines=[
        *under("bert.embeddings", [
            *tensor("word_embeddings.weight", "vocab_size, hidden_size"),
            *tensor("position_embeddings.weight", "max_position_embeddings, hidden_size"),
            *norm("LayerNorm", "hidden_size", bias=True),
        ]),
        *stack("bert.encoder.layer", "num_hidden_layers", [
            *self_attention("attention", "hidden_size"),
            *when("is_decoder", self_attention("crossattention", "encoder_hidden_size")),
            *bert_mlp(),
        ]),
        *under("cls.predictions", [
            *tensor("bias", "vocab_size"),
            *linear("transform.dense", "hidden_size", "hidden_size", True),
            *norm("transform.LayerNorm", "hidden_size", bias=True),
        ]),
    ],
)  # fmt: skip


def blip(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """BlipConfig: the text looks at vectors of the tower's width, whatever its config says."""
    text, tower = raw.get("text_config") or {}, raw.get("vision_config") or {}
    if not isinstance(text, dict) or not isinstance(tower, dict):
        return raw
    width = ConfigView(tower, "blip_vision_model", "vision_config")["hidden_size"]
    return {**raw, "text_config": {**text, "encoder_hidden_size": width}}


HEAD = "text_decoder.cls.predictions"

BLIP = Blueprint(  # modeling_blip.py
    types=("blip",),
    base="",
    prepare=blip,
    let={"tie_word_embeddings": tie_of_either},
    keys={"architectures": ("ln", None)},
    checks={
        "not architectures or architectures[0] == 'BlipForConditionalGeneration'": (
            "architectures of BlipForConditionalGeneration"
        )
    },
    lines=[
        Part("vision_model", "vision_config"),
        Part("text_decoder", "text_config"),
        *tied(
            f"{HEAD}.decoder.weight",
            "text_config.vocab_size, text_config.hidden_size",
            "text_decoder.bert.embeddings.word_embeddings.weight",
        ),
        *tied(f"{HEAD}.decoder.bias", "text_config.vocab_size", f"{HEAD}.bias"),
    ],
)

ENTRIES = (
    INSTRUCTBLIP_VISION, INSTRUCTBLIP_QFORMER, INSTRUCTBLIP, IDEFICS_VISION, IDEFICS_JOIN, IDEFICS,
    BLIP_VISION, BLIP_TEXT, BLIP,
)  # fmt: skip
