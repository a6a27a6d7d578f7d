"""Llama and the dense decoders that differ from it by a bias, a norm or a window."""

from registry.architecture.blueprint import Blueprint, under
from registry.architecture.idioms import (
    FLOOR_HEADS,
    FULL_OR_SLIDING,
    WHOLE_HEAD_DIM,
    decoder,
    gated_mlp,
    gqa,
    kinds,
    sliding_where,
    two_norms,
)

LLAMA = Blueprint(  # modeling_llama.py
    types=("llama",),
    let=FLOOR_HEADS,
    checks={"hidden_size % num_attention_heads == 0": "hidden_size as a multiple of num_attention_heads"},
    lines=decoder([
        *under("self_attn", gqa(bias="attention_bias")),
        *under("mlp", gated_mlp(bias="mlp_bias")),
        *two_norms(),
    ]),
)  # fmt: skip

MISTRAL = Blueprint(  # modeling_mistral.py: every layer slides, or none
    types=("mistral",),
    let={
        **FLOOR_HEADS,
        "head_dim": "head_dim or hidden_size // num_attention_heads",
        "window": "sliding_window",
    },
    lines=decoder([*under("self_attn", gqa()), *under("mlp", gated_mlp()), *two_norms()]),
)

QWEN_WINDOW = {
    **sliding_where("layer >= max_window_layers"),
    "window": "sliding_window if use_sliding_window and sliding else None",
}
"""The upper layers of Qwen slide, where use_sliding_window says that any does."""

QWEN2 = Blueprint(  # modeling_qwen2.py: q, k and v have a bias, without any key that says so
    types=("qwen2",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks=kinds(*FULL_OR_SLIDING),
    lines=decoder(
        [
            *under("self_attn", gqa(bias=True, out_bias=False)),
            *under("mlp", gated_mlp()),
            *two_norms(),
        ],
        let=QWEN_WINDOW,
    ),
)

QWEN3 = Blueprint(  # modeling_qwen3.py: a norm on each query and key head
    types=("qwen3",),
    let={**FLOOR_HEADS, "head_dim": "head_dim"},
    checks=kinds(*FULL_OR_SLIDING),
    lines=decoder(
        [
            *under("self_attn", gqa(bias="attention_bias", qk_norm="head")),
            *under("mlp", gated_mlp()),
            *two_norms(),
        ],
        let=QWEN_WINDOW,
    ),
)

ENTRIES = (LLAMA, MISTRAL, QWEN2, QWEN3)
