"""GPT-J, GPT-Neo, GPT-NeoX and CodeGen: the open decoders after GPT-2, most with rotary positions."""

from registry.architecture.blueprint import (
    MAX_LAYERS,
    Blueprint,
    Lines,
    Scope,
    linear,
    stack,
    tensor,
    tied,
    under,
)
from registry.architecture.idioms import plain_mlp
from registry.architecture.idioms_gpt import divides, even_heads, layer_norm, squares


def gptj_like(attention: Lines) -> Lines:
    """One norm before attention and MLP, which stand beside each other; a bias on the output head."""
    return [
        *tensor("transformer.wte.weight", "vocab_size, n_embd"),
        *stack("transformer.h", "n_layer", [
            *layer_norm("ln_1", "n_embd"),
            *under("attn", [*attention, *squares("out_proj", "n_embd", False)]),
            *linear("mlp.fc_in", "width", "n_embd", True),
            *linear("mlp.fc_out", "n_embd", "width", True),
        ]),
        *layer_norm("transformer.ln_f", "n_embd"),
        *tied("lm_head.weight", "vocab_size, n_embd", "transformer.wte.weight"),
        *tensor("lm_head.bias", "vocab_size"),
    ]  # fmt: skip


GPTJ_LET = {**even_heads("n_head", "n_embd"), "width": "4 * n_embd if n_inner is None else n_inner"}

GPTJ = Blueprint(  # modeling_gptj.py
    types=("gptj",),
    base="transformer.",
    let=GPTJ_LET,
    checks=divides("n_head", "n_embd"),
    lines=gptj_like(squares("k_proj v_proj q_proj", "n_embd", False)),
)

CODEGEN = Blueprint(  # modeling_codegen.py: GPT-J with q, k and v in one projection
    types=("codegen",),
    base="transformer.",
    let=GPTJ_LET,
    checks=divides("n_head", "n_embd"),
    lines=gptj_like(linear("qkv_proj", "3 * n_embd", "n_embd")),
)


def attention_layers(scope: Scope) -> list[str]:
    """The kind of each layer, from `attention_types`: [[kinds, how often], ...], else local every second."""
    pattern = scope["attention_types"]
    if pattern is None:
        pattern = [[["global", "local"], 12]]
    try:
        return [kind for kinds, n in pattern for _ in range(min(n, MAX_LAYERS)) for kind in kinds]
    except (TypeError, ValueError):
        raise scope.config.bad("attention_types", "[[kinds, how often], ...]", pattern) from None


GPT_NEO = Blueprint(  # modeling_gpt_neo.py: local attention in some layers, a bias on its output only
    types=("gpt_neo",),
    base="transformer.",
    let={
        **even_heads("num_heads"),
        "attention_layers": attention_layers,
        "width": "4 * hidden_size if intermediate_size is None else intermediate_size",
    },
    checks={
        **divides("num_heads"),
        "len(attention_layers) == num_layers": "attention_types for num_layers layers",
        "subset(attention_layers, ['global', 'local'])": "attention_types of global or local",
    },
    lines=[
        *tensor("transformer.wte.weight", "vocab_size, hidden_size"),
        *tensor("transformer.wpe.weight", "max_position_embeddings, hidden_size"),
        *stack(
            "transformer.h",
            "num_layers",
            [
                *layer_norm("ln_1"),
                *squares("attn.attention.k_proj attn.attention.v_proj attn.attention.q_proj", bias=False),
                *squares("attn.attention.out_proj"),
                *layer_norm("ln_2"),
                *under("mlp", plain_mlp("c_fc", "c_proj", "width")),
            ],
            let={"window": "window_size if attention_layers[layer] == 'local' else None"},
        ),
        *layer_norm("transformer.ln_f"),
        *tied("lm_head.weight", "vocab_size, hidden_size", "transformer.wte.weight"),
    ],
)

GPT_NEOX = Blueprint(  # modeling_gpt_neox.py: attention beside the MLP or before it, with the same tensors
    types=("gpt_neox",),
    base="gpt_neox.",
    let=even_heads(),
    checks=divides(),
    lines=[
        *tensor("gpt_neox.embed_in.weight", "vocab_size, hidden_size"),
        *stack("gpt_neox.layers", "num_hidden_layers", [
            *layer_norm("input_layernorm"),
            *layer_norm("post_attention_layernorm"),
            *linear("attention.query_key_value", "3 * hidden_size", "hidden_size", "attention_bias"),
            *squares("attention.dense", bias="attention_bias"),
            *under("mlp", plain_mlp("dense_h_to_4h", "dense_4h_to_h")),
        ]),
        *layer_norm("gpt_neox.final_layer_norm"),
        *tied("lm_head.weight", "vocab_size, hidden_size", "gpt_neox.embed_in.weight"),
    ],
)  # fmt: skip

GPT_NEOX_JAPANESE = Blueprint(  # modeling_gpt_neox_japanese.py: no bias but in the last layer's attention
    types=("gpt_neox_japanese",),
    base="gpt_neox_japanese.",
    let={**even_heads(), "width": "hidden_size * intermediate_multiple_size"},
    lines=[
        *tensor("gpt_neox_japanese.embed_in.weight", "vocab_size, hidden_size"),
        *stack("gpt_neox_japanese.layers", "num_hidden_layers", [
            *layer_norm("input_layernorm"),
            *layer_norm("post_attention_layernorm"),
            *linear("attention.query_key_value", "3 * hidden_size", "hidden_size"),
            *squares("attention.dense", bias=False),
            *tensor("attention.dense_bias", "hidden_size", "layer == num_hidden_layers - 1"),
            *under("mlp", plain_mlp("dense_h_to_4h", "dense_4h_to_h", "width", False)),
        ]),
        *layer_norm("gpt_neox_japanese.final_layer_norm"),
        *tied("embed_out.weight", "vocab_size, hidden_size", "gpt_neox_japanese.embed_in.weight"),
    ],
)  # fmt: skip

ENTRIES = (GPTJ, CODEGEN, GPT_NEO, GPT_NEOX, GPT_NEOX_JAPANESE)
