"""Dense decoders in wide use: Gemma, Phi, Command R, OLMo, Granite, GLM and the relatives of Llama."""

from registry.architecture.blueprint import (
    INNER,
    Blueprint,
    Line,
    Lines,
    linear,
    norm,
    stack,
    tensor,
    tied,
    under,
    when,
)
from registry.architecture.idioms import (
    EVEN,
    FLOOR_HEADS,
    FULL_OR_SLIDING,
    WHOLE_HEAD_DIM,
    decoder,
    gated_mlp,
    gqa,
    kinds,
    plain_mlp,
    sliding_where,
    two_norms,
)
from registry.architecture.idioms_gpt import layer_norm

GIVEN_HEADS = {"heads": "num_attention_heads", "kv_heads": "num_key_value_heads"}
"""`let` of a class whose head_dim and key/value heads are what its keys say; null is refused."""

OWN_HEADS = {**FLOOR_HEADS, "head_dim": "head_dim"}
"""FLOOR_HEADS of a class that never computes head_dim."""

OR_EVEN_HEADS = {**FLOOR_HEADS, "head_dim": "head_dim or hidden_size // num_attention_heads"}
WINDOW = {"window": "sliding_window"}
KINDS = kinds(*FULL_OR_SLIDING)


def block(attention: Lines, mlp: Lines, norms: Lines) -> Lines:
    """A layer: attention, MLP and the norms around them."""
    return [*under("self_attn", attention), *under("mlp", mlp), *norms]


def norms(*names: str) -> Lines:
    """RMS norms of the model's width."""
    return [line for name in names for line in norm(name, "hidden_size")]


def fused_mlp() -> Lines:
    """A gated MLP with gate and up projection in one."""
    return [
        *linear("gate_up_proj", "2 * intermediate_size", "hidden_size"),
        *linear("down_proj", "hidden_size", "intermediate_size"),
    ]


GEMMA2 = Blueprint(  # modeling_gemma2.py: norms before and after each block, every second layer slides
    types=("gemma2",),
    let=GIVEN_HEADS,
    checks={**EVEN, **KINDS},
    lines=decoder(
        block(
            gqa(bias="attention_bias"),
            gated_mlp(),
            [*two_norms(), *norms("pre_feedforward_layernorm", "post_feedforward_layernorm")],
        ),
        let=sliding_where("(layer + 1) % 2 != 0"),
    ),
)

GEMMA = Blueprint(  # modeling_gemma.py
    types=("gemma",),
    let=GIVEN_HEADS,
    lines=decoder(block(gqa(bias="attention_bias"), gated_mlp(), two_norms())),
)

FUSED_QKV = [
    *linear("qkv_proj", "(heads + 2 * kv_heads) * head_dim", "hidden_size"),
    *linear("o_proj", "hidden_size", "heads * head_dim"),
]

PHI3 = Blueprint(  # modeling_phi3.py: q, k and v in one projection, gate and up in another
    types=("phi3",),
    let={**FLOOR_HEADS, **WINDOW},
    keys=WHOLE_HEAD_DIM,
    lines=decoder(block(FUSED_QKV, fused_mlp(), two_norms())),
)

PHI = Blueprint(  # modeling_phi.py: attention and MLP beside each other after one norm, a bias everywhere
    types=("phi",),
    let={**FLOOR_HEADS, "even": "hidden_size // num_attention_heads"},
    keys=WHOLE_HEAD_DIM,
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack("model.layers", "num_hidden_layers", block(
            [
                *linear("q_proj", "heads * head_dim", "hidden_size", True),
                *linear("k_proj", "kv_heads * head_dim", "hidden_size", True),
                *linear("v_proj", "kv_heads * head_dim", "hidden_size", True),
                *linear("dense", "hidden_size", "heads * head_dim", True),
                *layer_norm("q_layernorm", "even", "qk_layernorm"),
                *layer_norm("k_layernorm", "even", "qk_layernorm"),
            ],
            plain_mlp("fc1", "fc2"),
            layer_norm("input_layernorm"),
        )),
        *layer_norm("model.final_layernorm"),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
        *tensor("lm_head.bias", "vocab_size"),
    ],
)  # fmt: skip

COHERE = Blueprint(  # modeling_cohere.py: one norm without bias per layer, a q and k norm for each head
    types=("cohere",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=decoder(block(
        [
            *gqa(bias="attention_bias"),
            *tensor("q_norm.weight", "heads, head_dim", "use_qk_norm"),
            *tensor("k_norm.weight", "kv_heads, head_dim", "use_qk_norm"),
        ],
        gated_mlp(),
        norms("input_layernorm"),
    )),
)  # fmt: skip

COHERE2 = Blueprint(  # modeling_cohere2.py: one norm per layer, every fourth layer sees all positions
    types=("cohere2",),
    let=FLOOR_HEADS,
    keys={**WHOLE_HEAD_DIM, "sliding_window_pattern": ("i", 4)},
    checks={
        **KINDS,
        "layer_types is not None or sliding_window_pattern": "sliding_window_pattern of at least 1",
    },
    lines=decoder(
        block(gqa(bias="attention_bias"), gated_mlp(), norms("input_layernorm")),
        let=sliding_where("(layer + 1) % sliding_window_pattern != 0"),
    ),
)

NORMS_AFTER = norms("post_attention_layernorm", "post_feedforward_layernorm")
OLMO2_LAYER = block(gqa(bias="attention_bias", qk_norm="all"), gated_mlp(), NORMS_AFTER)

OLMO2 = Blueprint(  # modeling_olmo2.py: norms after each block, and over all query and key heads at once
    types=("olmo2",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=decoder(OLMO2_LAYER),
)

OLMO3 = Blueprint(  # modeling_olmo3.py: OLMo 2, every fourth layer sees all positions
    types=("olmo3",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks=KINDS,
    lines=decoder(OLMO2_LAYER, let=sliding_where("(layer + 1) % 4 != 0")),
)

OLMO = Blueprint(  # modeling_olmo.py: norms without weights
    types=("olmo",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=[
        line
        for line in decoder(block(gqa(bias="attention_bias"), gated_mlp(), []))
        if isinstance(line, Line) and line.name != "model.norm.weight"
    ],
)

STARCODER2 = Blueprint(  # modeling_starcoder2.py: LayerNorm, a plain MLP, one switch for every bias
    types=("starcoder2",),
    let={**OR_EVEN_HEADS, **WINDOW},
    keys={"head_dim": ("in", None)},
    lines=[
        *decoder(block(
            gqa(bias="use_bias"), plain_mlp("c_fc", "c_proj", bias="use_bias"), two_norms(bias=True)
        )),
        *tensor("model.norm.bias", "hidden_size"),
    ],
)  # fmt: skip

STABLELM = Blueprint(  # modeling_stablelm.py: LayerNorm; a list of norms, one for each query and key head
    types=("stablelm",),
    let={**GIVEN_HEADS, "head_dim": "hidden_size // num_attention_heads"},
    checks=EVEN,
    lines=[
        *decoder(block(
            [
                *gqa(bias="use_qkv_bias", out_bias=False),
                *when("qk_layernorm", [
                    *stack("q_layernorm.norms", "heads", tensor("weight", "head_dim"), index=INNER),
                    *stack("k_layernorm.norms", "kv_heads", tensor("weight", "head_dim"), index=INNER),
                ]),
            ],
            gated_mlp(),
            [
                *layer_norm("input_layernorm"),
                *layer_norm("post_attention_layernorm", affine="not use_parallel_residual"),
            ],
        )),
        *tensor("model.norm.bias", "hidden_size"),
    ],
)  # fmt: skip

LLAMA_LINES = decoder(block(gqa(bias="attention_bias"), gated_mlp(bias="mlp_bias"), two_norms()))

GRANITE = Blueprint(  # modeling_granite.py: Llama with scaled embeddings, residuals and logits
    types=("granite",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    lines=LLAMA_LINES,
)

SMOLLM3 = Blueprint(  # modeling_smollm3.py: no rotary positions in every fourth layer, which may then slide
    types=("smollm3",),
    let=FLOOR_HEADS,
    keys=WHOLE_HEAD_DIM,
    checks={
        **KINDS,
        "no_rope_layer_interval if no_rope_layers is None else len(no_rope_layers) >= num_hidden_layers":
            "no_rope_layers with one value per layer, or no_rope_layer_interval of at least 1",
    },
    lines=decoder(
        block(gqa(bias="attention_bias"), gated_mlp(bias="mlp_bias"), two_norms()),
        let={
            "rotary": "(layer + 1) % no_rope_layer_interval if no_rope_layers is None"
            " else no_rope_layers[layer]",
            "sliding": "not rotary if layer_types is None else layer_types[layer] == 'sliding_attention'",
            "window": "sliding_window if use_sliding_window and sliding else None",
        },
    ),
)  # fmt: skip

SEED_OSS = Blueprint(  # modeling_seed_oss.py: the output projection has a bias switch of its own
    types=("seed_oss",),
    let=FLOOR_HEADS,
    lines=decoder(block(
        gqa(bias="attention_bias", out_bias="attention_out_bias"), gated_mlp(bias="mlp_bias"), two_norms()
    )),
)  # fmt: skip

EXAONE4 = Blueprint(  # modeling_exaone4.py: norms after each block, and on each query and key head
    types=("exaone4",),
    let={**FLOOR_HEADS, "pattern": "0 if sliding_window is None else sliding_window_pattern"},
    keys=WHOLE_HEAD_DIM,
    checks={**KINDS, "layer_types is not None or 1 % pattern >= 0": "layer_types or sliding_window_pattern"},
    lines=decoder(
        block(gqa(qk_norm="head"), gated_mlp(), NORMS_AFTER),
        let=sliding_where("(layer + 1) % pattern != 0"),
    ),
)

HUNYUAN_V1_DENSE = Blueprint(  # modeling_hunyuan_v1_dense.py: a norm on each query and key head
    types=("hunyuan_v1_dense",),
    let=OWN_HEADS,
    lines=decoder(block(
        [
            *gqa(bias="attention_bias"),
            *norm("query_layernorm", "head_dim"),
            *norm("key_layernorm", "head_dim"),
        ],
        gated_mlp(),
        two_norms(),
    )),
)  # fmt: skip

MISTRAL_LAYER = block(gqa(), gated_mlp(), two_norms())

MINISTRAL3 = Blueprint(  # modeling_ministral3.py: every layer slides, or none
    types=("ministral3",),
    let={**OR_EVEN_HEADS, **WINDOW},
    keys={"text_config": ("dn", None)},
    checks={"text_config is None": "no text_config: a model with a nested text_config is of type mistral3"},
    lines=decoder(MISTRAL_LAYER),
)

MINISTRAL = Blueprint(  # modeling_ministral.py: every layer slides unless layer_types says otherwise
    types=("ministral",),
    let=OWN_HEADS,
    checks=KINDS,
    lines=decoder(MISTRAL_LAYER, let=sliding_where("sliding_window is not None")),
)

INTERNLM3 = Blueprint(  # modeling_llama.py: one setting for every bias
    types=("internlm3",),
    let=FLOOR_HEADS,
    checks={**EVEN, "attention_bias == mlp_bias": "qkv_bias equal to bias"},
    lines=LLAMA_LINES,
)

IQUESTCODER = Blueprint(  # modeling_llama.py
    types=("iquestcoder",),
    let=FLOOR_HEADS,
    keys={"clip_qkv": ("fn", None), "use_sliding_window": ("bn", False)},
    checks={
        **EVEN,
        "clip_qkv is None": "no clip_qkv",
        "not use_sliding_window": "use_sliding_window false",
    },
    lines=LLAMA_LINES,
)

NEMOTRON = Blueprint(  # modeling_nemotron.py: LayerNorm, a plain MLP with squared ReLU
    types=("nemotron",),
    let={**FLOOR_HEADS, **GIVEN_HEADS},
    lines=[
        *decoder(block(
            gqa(bias="attention_bias"),
            plain_mlp("up_proj", "down_proj", bias="mlp_bias"),
            two_norms(bias=True),
        )),
        *tensor("model.norm.bias", "hidden_size"),
    ],
)  # fmt: skip

GLM = Blueprint(  # modeling_glm.py: gate and up projection in one
    types=("glm",),
    let=GIVEN_HEADS,
    lines=decoder(block(gqa(bias="attention_bias", out_bias=False), fused_mlp(), two_norms())),
)

GLM4 = Blueprint(  # modeling_glm4.py: norms before and after each block
    types=("glm4",),
    let=GIVEN_HEADS,
    lines=decoder(block(
        gqa(bias="attention_bias", out_bias=False),
        fused_mlp(),
        [*two_norms(), *norms("post_self_attn_layernorm", "post_mlp_layernorm")],
    )),
)  # fmt: skip

ERNIE4_5 = Blueprint(  # modeling_ernie4_5.py: one switch for every bias
    types=("ernie4_5",),
    let=FLOOR_HEADS,
    lines=decoder(block(gqa(bias="use_bias"), gated_mlp(bias="use_bias"), two_norms())),
)

ENTRIES = (
    GEMMA2, GEMMA, PHI3, PHI, COHERE, COHERE2, OLMO2, OLMO3, OLMO, STARCODER2, STABLELM, GRANITE, SMOLLM3,
    SEED_OSS, EXAONE4, HUNYUAN_V1_DENSE, MINISTRAL3, MINISTRAL, INTERNLM3, IQUESTCODER, NEMOTRON, GLM, GLM4,
    ERNIE4_5,
)  # fmt: skip
