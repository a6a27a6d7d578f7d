"""Step 3.7 and Molmo 2: configs whose older spellings their classes still read."""

from collections.abc import Mapping
from typing import Any

from registry.architecture.blueprint import Blueprint, Part, Scope, linear, norm, stack, tensor, under, when
from registry.architecture.config_view import ConfigView
from registry.architecture.idioms import fused_experts, gated_mlp, gqa, router, two_norms
from registry.architecture.idioms_vision import fc, patches
from registry.architecture.idioms_vl import (
    conv2d,
    key_of_part,
    norms,
    renamed,
    square,
    text_and_head,
    text_model,
    two_linears,
)
from schemas.errors import BadModel

Raw = Mapping[str, Any]


def step_text(raw: Raw) -> Raw:
    """Step3p7TextConfig: aliases win over the keys they stand for, and num_local_experts is not read."""
    older = renamed(
        num_attention_groups="num_key_value_heads",
        moe_num_experts="n_routed_experts",
        moe_top_k="num_experts_per_tok",
        share_expert_dims="share_expert_dim",
    )
    return {key: value for key, value in older(raw).items() if key != "num_local_experts"}


def moe_layers(scope: Scope) -> list[str]:
    """Kinds of MLPs: mlp_layer_types, or from moe_layers_enum ("3,4,5" or a list), or all but three."""
    given, n = scope["mlp_layer_types"], scope["num_hidden_layers"]
    if given is not None:
        return list(given)
    named = scope["moe_layers_enum"]
    if named is None:
        sparse = set(range(3, n))
    else:
        items = named.split(",") if isinstance(named, str) else named
        sparse = {int(item) for item in items if str(item).strip()}
    return ["sparse" if layer in sparse else "dense" for layer in range(n)]


STEP_VISION = Blueprint(  # modeling_step3p7.py: layers scaled by a vector, then two convolutions
    types=("step3p5_vision",),
    base="",
    prepare=renamed(width="hidden_size", layers="num_hidden_layers", heads="num_attention_heads"),
    let={"mlp_width": "int(hidden_size * mlp_ratio)"},
    lines=[
        *patches("embeddings.patch_embedding", bias=False),
        *tensor("embeddings.position_embedding.weight", "(image_size // patch_size) ** 2, hidden_size"),
        *norm("pre_layernorm", "hidden_size", bias=True),
        *stack("layers", "num_hidden_layers", [
            *tensor("lambda_1", "hidden_size"),
            *tensor("lambda_2", "hidden_size"),
            *under("self_attn", square("k_proj v_proj q_proj out_proj")),
            *under("mlp", two_linears("fc1", "fc2", "mlp_width")),
            *norms("layernorm_before layernorm_after", bias=True),
        ]),
        *conv2d("downsampler1", "2 * hidden_size", "hidden_size", "3"),
        *conv2d("downsampler2", "4 * hidden_size", "2 * hidden_size", "3"),
    ],
)  # fmt: skip

STEP_TEXT = Blueprint(  # modeling_step3p7.py: heads are gated; sliding layers can have another number of them
    types=("step3p5",),
    base="",
    prepare=step_text,
    keys={
        "gating": ("bs", True),
        "moe_layers_enum": ("lsn", None),
        "attention_other_setting": ("dn", None),
        "num_nextn_predict_layers": ("i", 0),
        "per_layer_config": ("dl", None),
    },
    checks={
        "per_layer_config is None": "no per_layer_config, which is not described here",
        "len(kinds) == num_hidden_layers": "a kind for each layer",
        "subset(kinds, ['full_attention', 'sliding_attention'])": "full_attention or sliding_attention",
    },
    let={
        "kv_heads": "num_key_value_heads",
        "head_dim": "head_dim",
        "experts": "n_routed_experts",
        "top_k": "num_experts_per_tok",
        "sliding_heads": lambda scope: (
            scope["num_sliding_attention_heads"]
            if scope["num_sliding_attention_heads"] is not None
            else (scope["attention_other_setting"] or {}).get(
                "num_attention_heads", scope["num_attention_heads"]
            )
        ),
        "padded": "layer_types is not None and"
        " len(layer_types) == num_hidden_layers + num_nextn_predict_layers",
        "kinds": "['full_attention'] * num_hidden_layers if layer_types is None"
        " else layer_types[:num_hidden_layers] if padded else layer_types",
        "mlps": moe_layers,
    },
    lines=text_model(
        [
            *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
            *linear("self_attn.g_proj", "heads if per_head else heads * head_dim", "hidden_size"),
            *under("mlp", when("not is_moe", gated_mlp(bias="mlp_bias"))),
            *under("mlp", when("is_moe", [
                *router(),
                *fused_experts("moe_intermediate_size"),
                *under("shared_experts", gated_mlp("share_expert_dim", bias="mlp_bias")),
            ])),
            *two_norms(),
        ],
        let={
            "slides": "kinds[layer] == 'sliding_attention'",
            "heads": "sliding_heads if slides else num_attention_heads",
            "window": "sliding_window if slides else None",
            "per_head": "gating is True or gating == 'per-head'",
            "is_moe": "mlps[layer] == 'sparse'",
        },
    ),
)  # fmt: skip

STEP3P7 = Blueprint(  # modeling_step3p7.py
    types=("step3p7",),
    keys={"tie_word_embeddings": ("b", False)},
    let={
        "older": key_of_part("vision_config", "width", "i", None),
        "seen": "vision_config.hidden_size if older is None else older",
    },
    lines=[
        Part("model.vision_model", "vision_config"),
        *linear("model.multi_modal_projector", "text_config.hidden_size", "4 * seen", "projector_bias"),
        *text_and_head(),
    ],
)

molmo_vision = renamed(
    image_default_input_size="image_size",
    image_patch_size="patch_size",
    image_num_pos="num_position_embeddings",
)
molmo_adapter = renamed(vit_layers="vision_feature_layer")


def molmo(raw: Raw) -> Raw:
    """Molmo2Config: a tower under vit_config keeps only the layers that the adapter reads."""
    adapter, older = raw.get("adapter_config") or {}, raw.get("vit_config")
    tower = (raw.get("vision_config") if raw.get("vision_config") is not None else older) or {}
    if not isinstance(adapter, dict) or not isinstance(tower, dict):
        return raw
    adapter = dict(molmo_adapter(adapter))
    if older is not None:
        layers = ConfigView(tower, "molmo2_vision", "vision_config")["num_hidden_layers"]
        read = adapter.get("vision_feature_layer") or [24, 18]
        if not isinstance(read, list) or not layers or not all(type(layer) is int for layer in read):
            raise BadModel(
                "vit_layers: want indices of layers", where="adapter_config", fix="correct vit_layers"
            )
        adapter["vision_feature_layer"] = [layer % layers for layer in read]
        tower = {**tower, "num_hidden_layers": max(adapter["vision_feature_layer"]) + 1}
    return {**raw, "adapter_config": adapter, "vision_config": tower}


FEATURES = "[24, 18] if vision_feature_layer is None else vision_feature_layer"
MOLMO2_VISION = Blueprint(  # modeling_molmo2.py: patches come flat, positions are learned
    types=("molmo2_vision",),
    base="",
    prepare=molmo_vision,
    keys={"num_channels": ("i", 3)},
    let={
        "inner": "num_attention_heads * head_dim",
        "kv": "num_key_value_heads * head_dim",
        "image": "[378, 378] if image_size is None else image_size",
        "grid": "(image[0] // patch_size) * (image[1] // patch_size)",
        "positions": "grid if num_position_embeddings is None else num_position_embeddings",
    },
    lines=[
        *tensor("positional_embedding", "positions, hidden_size"),
        *linear("patch_embedding", "hidden_size", "patch_size * patch_size * num_channels", True),
        *stack("layers", "num_hidden_layers", [
            *norms("layer_norm1 layer_norm2", bias=True),
            *under("self_attn", [
                *linear("q_proj", "inner", "hidden_size", "attention_bias"),
                *linear("k_proj", "kv", "hidden_size", "attention_bias"),
                *linear("v_proj", "kv", "hidden_size", "attention_bias"),
                *linear("o_proj", "hidden_size", "inner", "attention_bias"),
            ]),
            *under("mlp", fc()),
        ]),
    ],
)  # fmt: skip

MOLMO2_ADAPTER = Blueprint(  # modeling_molmo2.py: attention over the patches of some layers at once
    types=("molmo2_adapter",),
    base="",
    prepare=molmo_adapter,
    let={
        "inner": "num_attention_heads * head_dim",
        "kv": "num_key_value_heads * head_dim",
        "features": FEATURES,
        "seen": "hidden_size * (len(features) or 1)",
    },
    lines=[
        *under("image_pooling_2d", [
            *linear("q_proj", "inner", "seen", "attention_bias"),
            *linear("k_proj", "kv", "seen", "attention_bias"),
            *linear("v_proj", "kv", "seen", "attention_bias"),
            *linear("o_proj", "hidden_size", "inner", "attention_bias"),
        ]),
        *under("image_projector", [
            *linear("gate_proj", "intermediate_size", "hidden_size", "mlp_bias"),
            *linear("up_proj", "intermediate_size", "hidden_size", "mlp_bias"),
            *linear("down_proj", "text_hidden_size", "intermediate_size"),
        ]),
    ],
)  # fmt: skip

MOLMO2_TEXT = Blueprint(  # modeling_molmo2.py: Qwen3 or OLMo norms on queries and keys, a second vocabulary
    types=("molmo2_text",),
    base="",
    let={
        "heads": "num_attention_heads",
        "kv_heads": "num_key_value_heads",
        "head_dim": "head_dim",
        "per_head": "qk_norm_type == 'qwen3'",
    },
    checks={"qk_norm_type in ['qwen3', 'olmo']": "qk_norm_type qwen3 or olmo"},
    lines=[
        *tensor("embed_tokens.weight", "vocab_size + additional_vocab_size, hidden_size"),
        *text_model([
            *under("self_attn", gqa(bias="attention_bias", out_bias=False)),
            *norm("self_attn.q_norm", "head_dim if per_head else heads * head_dim"),
            *norm("self_attn.k_norm", "head_dim if per_head else kv_heads * head_dim"),
            *under("mlp", gated_mlp()),
            *two_norms(),
        ])[1:],
    ],
)  # fmt: skip

MOLMO2 = Blueprint(  # modeling_molmo2.py
    types=("molmo2",),
    prepare=molmo,
    let={
        "vision_feature_layer": "adapter_config.vision_feature_layer",
        "features": FEATURES,
        "n": "vision_config.num_hidden_layers",
    },
    checks={"not features or -n <= min(features) and max(features) < n": "vision_feature_layer in the tower"},
    lines=[
        Part("model.vision_tower", "vision_config"),
        Part("model.multi_modal_projector", "adapter_config"),
        Part("model.language_model", "text_config"),
        *linear("lm_head", "text_config.vocab_size", "text_config.hidden_size"),
    ],
)

ENTRIES = (STEP_VISION, STEP_TEXT, STEP3P7, MOLMO2_VISION, MOLMO2_ADAPTER, MOLMO2_TEXT, MOLMO2)
