"""Qwen4-Exp: DeltaNet and sparse indexed attention, experts, four residual streams, n-gram embeddings."""

from functools import lru_cache

from registry.architecture.blueprint import (
    Blueprint,
    Lines,
    Scope,
    linear,
    norm,
    stack,
    tensor,
    tied,
    under,
    when,
)
from registry.architecture.idioms import HEADS, fused_experts, gated_mlp, kinds, router
from registry.architecture.idioms_moe import OWN_EXPERTS

MAX_NGRAM_HEADS = 4096
"""N-gram tables of all layers together; each has a prime number of rows that must be found."""


def ngram_rows(scope: Scope) -> int:
    """Rows of a layer's n-gram embedding: its heads have the next primes after the base, in order."""
    heads, first = scope["ngram_heads"], scope["ple_index"] * scope["ngram_heads"]
    primes = primes_from(scope["ngram_vocab_size_base"], scope["ngram_heads_of_all"])
    return sum(primes[first : first + heads])


@lru_cache(maxsize=8)
def primes_from(start: int, count: int) -> list[int]:
    """The first `count` primes that are at least `start`."""
    found: list[int] = []
    while len(found) < count:
        if is_prime(start):
            found.append(start)
        start += 1
    return found


def is_prime(n: int) -> bool:
    """Miller-Rabin with the witnesses that decide it for every number below 3.3e24."""
    witnesses = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    if n < 2 or any(n % p == 0 for p in witnesses):
        return n in witnesses
    shift = ((n - 1) & (1 - n)).bit_length() - 1
    return all(_passes(pow(a, (n - 1) >> shift, n), n, shift) for a in witnesses)


def _passes(x: int, n: int, shift: int) -> bool:
    if x in (1, n - 1):
        return True
    return any((x := x * x % n) == n - 1 for _ in range(shift - 1))


def streams(inject: bool) -> Lines:
    """Gated mixing of the residual streams into one block's input, and back."""
    lines = [
        *norm("hc_norm", "streams"),
        *linear("input_mix_weight_down", "hc_lowrank", "streams"),
        *linear("input_mix_weight_up", "streams", "hc_lowrank"),
    ]
    return [*lines, *linear("block_inject_weight", "hc_count", "streams")] if inject else lines


DELTANET = [
    *linear("in_proj_qkv", "2 * linear_k + linear_v", "hidden_size"),
    *linear("in_proj_z", "linear_v", "hidden_size"),
    *linear("in_proj_b", "linear_num_value_heads", "hidden_size"),
    *linear("in_proj_a", "linear_num_value_heads", "hidden_size"),
    *tensor("conv1d.weight", "2 * linear_k + linear_v, 1, linear_conv_kernel_dim"),
    *tensor("dt_bias", "linear_num_value_heads"),
    *tensor("A_log", "linear_num_value_heads"),
    *norm("norm", "linear_value_head_dim"),
    *linear("out_proj", "hidden_size", "linear_v"),
]

INDEXED_ATTENTION = [
    *linear("q_proj", "2 * heads * head_dim", "hidden_size", "attention_bias"),
    *linear("k_proj", "kv_heads * head_dim", "hidden_size", "attention_bias"),
    *linear("v_proj", "kv_heads * head_dim", "hidden_size", "attention_bias"),
    *linear("o_proj", "hidden_size", "heads * head_dim", "attention_bias"),
    *norm("q_norm", "head_dim"),
    *norm("k_norm", "head_dim"),
    *linear(
        "indexer.index_qk_proj", "(indexer_n_heads + indexer_kv_heads) * indexer_head_dim", "hidden_size"
    ),
    *norm("indexer.q_layernorm", "indexer_head_dim"),
    *norm("indexer.k_layernorm", "indexer_head_dim"),
]

LAYER_EMBEDDING = [
    *tensor(
        "ple_embedding.ngram_embedding.weight",
        "round_up(ngram_rows, make_ngram_vocab_size_divisible_by), ple_width // ngram_heads",
    ),
    *linear("key_proj", "streams", "ple_width"),
    *linear("value_proj", "hidden_size", "ple_width"),
    *norm("norm_key", "streams"),
    *norm("norm_query", "streams"),
    *norm("norm_conv", "streams"),
    *tensor("conv1d.weight", "streams, 1, ple_conv_kernel_size"),
]

INDEXER = (
    "indexer_n_heads",
    "indexer_kv_heads",
    "indexer_head_dim",
    "indexer_budget",
    "indexer_compress_ratio",
)
LINEAR = ("linear_attention", "mamba")
INDEXED = ("indexed_attention", "full_attention", "qwen_sparse_attention", "deepseek_sparse_attention")


def kinds_of_layers(scope: Scope) -> list[str]:
    """The kind of each layer: layer_types, or linear attention but for every fourth."""
    if scope["layer_types"] is not None:
        return list(scope["layer_types"])
    every, layers = scope["full_attention_interval"], range(1, scope["num_hidden_layers"] + 1)
    return ["linear_attention" if i % every else "indexed_attention" for i in layers]


QWEN4_EXP_TEXT = Blueprint(  # modeling_qwen4_exp.py: norms around blocks are of the streams
    types=("qwen4_exp_text",),
    let={
        **HEADS,
        **OWN_EXPERTS,
        "streams": "hc_count * hidden_size",
        "linear_k": "linear_key_head_dim * linear_num_key_heads",
        "linear_v": "linear_value_head_dim * linear_num_value_heads",
        "ple_width": "hidden_size if ple_embed_dim is None else ple_embed_dim",
        "ple_layers": lambda scope: sorted(set(scope["ple_layer_ids"] or [])),
        "kinds": kinds_of_layers,
        "ple_is_linear": lambda scope: all(scope["kinds"][i - 1] in LINEAR for i in scope["ple_layers"]),
        "ngram_heads": "(ngram_size - 1) * heads_per_ngram",
        "ngram_heads_of_all": "ngram_heads * len(ple_layers)",
        "indexer": " and ".join(f"{key} is not None" for key in INDEXER),
        "any_indexer": " or ".join(f"{key} is not None" for key in INDEXER),
    },
    keys={"full_attention_interval": ("i", 4), "eos_token_id": ("iln", None)},
    checks={
        **kinds(*LINEAR, *INDEXED),
        "hc_count > 1": "hc_count above 1",
        "0 < top_k <= experts": "num_experts_per_tok of at most num_experts",
        "indexer or not any_indexer": f"all of {', '.join(INDEXER)}",
        "not indexer or indexer_kv_heads == 1": "indexer_kv_heads of 1",
        "not indexer or indexer_budget % indexer_compress_ratio == 0": "a budget of whole compressed blocks",
        "not ple_layers or ngram_heads > 0 and ple_width % ngram_heads == 0": "ple_embed_dim per n-gram head",
        "not ple_layers or 1 <= min(ple_layers) and max(ple_layers) <= num_hidden_layers": "ple_layer_ids",
        "ple_is_linear": "ple_layer_ids of linear attention layers",
        f"ngram_heads_of_all <= {MAX_NGRAM_HEADS}": f"at most {MAX_NGRAM_HEADS} n-gram heads",
        "not ple_layers or eos_token_id not in (None, [])": "eos_token_id",
    },
    lines=[
        *tensor("model.embed_tokens.weight", "vocab_size, hidden_size"),
        *stack(
            "model.layers",
            "num_hidden_layers",
            [
                *under("linear_attn", when("mixer == 'linear'", DELTANET)),
                *under("self_attn", when("mixer == 'attention'", INDEXED_ATTENTION)),
                *under("mlp", [
                    *router(),
                    *fused_experts("moe_intermediate_size"),
                    *under("shared_expert", gated_mlp("shared_expert_intermediate_size")),
                    *linear("shared_expert_gate", "1", "hidden_size"),
                ]),
                *under("ple", when("layer + 1 in ple_layers", LAYER_EMBEDDING)),
                *under("attn_hyper_connection", streams(inject=True)),
                *under("mlp_hyper_connection", streams(inject=True)),
            ],
            let={
                "mixer": f"'linear' if kinds[layer] in {LINEAR} else 'attention'",
                "ple_index": lambda scope: scope["ple_layers"].index(scope["layer"] + 1),
                "ngram_rows": ngram_rows,
            },
        ),
        *under("model.hyper_connection_mixer", streams(inject=False)),
        *tied("lm_head.weight", "vocab_size, hidden_size", "model.embed_tokens.weight"),
    ],
)  # fmt: skip

ENTRIES = (QWEN4_EXP_TEXT,)
