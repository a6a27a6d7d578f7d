"""Blueprints: the tensors a config describes, in pure Python. A blueprint reads the config and nothing else.

Each entry says which keys carry which field of the record, so that a value settled against the config (a pin
of the user) counts in the totals too. Names and shapes are those of transformers 5.23 (`modeling_llama.py`,
`modeling_gpt2.py`). A type that is not listed has no totals here: unknown, never guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from registry.architecture.tensors import Tensor

Config = Mapping[str, int | bool]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How one `model_type` becomes tensors. `fields`: field of the record -> its key in the config."""

    fields: Mapping[str, str]
    flags: tuple[str, ...]
    tensors: Callable[[Config], list[Tensor]]


def _stack(prefix: str, layers: int, shapes: Mapping[str, tuple[int, ...]]) -> list[Tensor]:
    return [Tensor(f"{prefix}.{name}", shape, layers, range(layers)) for name, shape in shapes.items()]


def llama(config: Config) -> list[Tensor]:
    """Dense Llama: RMSNorm, attention with `num_key_value_heads`, gated MLP, untied or tied head."""
    h, ff, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    q = config["num_attention_heads"] * config["head_dim"]
    kv = config["num_key_value_heads"] * config["head_dim"]
    weights = {"q_proj": (q, h), "k_proj": (kv, h), "v_proj": (kv, h), "o_proj": (h, q)}
    mlp = {"gate_proj": (ff, h), "up_proj": (ff, h), "down_proj": (h, ff)}
    shapes: dict[str, tuple[int, ...]] = {}
    shapes |= _linears("self_attn", weights, bias=bool(config.get("attention_bias", False)))
    shapes |= _linears("mlp", mlp, bias=bool(config.get("mlp_bias", False)))
    shapes |= {"input_layernorm.weight": (h,), "post_attention_layernorm.weight": (h,)}
    tied = "model.embed_tokens.weight" if config["tie_word_embeddings"] else None
    return [
        Tensor("model.embed_tokens.weight", (vocab, h)),
        *_stack("model.layers.{i}", config["num_hidden_layers"], shapes),
        Tensor("model.norm.weight", (h,)),
        Tensor("lm_head.weight", (vocab, h), tied_to=tied),
    ]


def _linears(
    module: str, weights: Mapping[str, tuple[int, int]], *, bias: bool
) -> dict[str, tuple[int, ...]]:
    """Weight `[out, in]` of each linear, and its bias `[out]` where there is one."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (out, into) in weights.items():
        shapes[f"{module}.{name}.weight"] = (out, into)
        if bias:
            shapes[f"{module}.{name}.bias"] = (out,)
    return shapes


def gpt2(config: Config) -> list[Tensor]:
    """GPT-2: learned positions, LayerNorm with bias, Conv1D weights `[in, out]`, head tied to the
    embedding.
    """
    h, ff = config["n_embd"], config["n_inner"]
    weights = {"attn.c_attn": (h, 3 * h), "attn.c_proj": (h, h), "mlp.c_fc": (h, ff), "mlp.c_proj": (ff, h)}
    shapes: dict[str, tuple[int, ...]] = {}
    for norm in ("ln_1", "ln_2"):
        shapes |= {f"{norm}.weight": (h,), f"{norm}.bias": (h,)}
    for name, (into, out) in weights.items():
        shapes |= {f"{name}.weight": (into, out), f"{name}.bias": (out,)}
    tied = "transformer.wte.weight" if config["tie_word_embeddings"] else None
    return [
        Tensor("transformer.wte.weight", (config["vocab_size"], h)),
        Tensor("transformer.wpe.weight", (config["n_positions"], h)),
        *_stack("transformer.h.{i}", config["n_layer"], shapes),
        Tensor("transformer.ln_f.weight", (h,)),
        Tensor("transformer.ln_f.bias", (h,)),
        Tensor("lm_head.weight", (config["vocab_size"], h), tied_to=tied),
    ]


BLUEPRINTS: dict[str, Blueprint] = {
    "llama": Blueprint(
        {
            "d_hidden": "hidden_size",
            "d_ff": "intermediate_size",
            "n_layers": "num_hidden_layers",
            "n_heads": "num_attention_heads",
            "n_kv_heads": "num_key_value_heads",
            "head_dim": "head_dim",
            "vocab_size": "vocab_size",
            "tied_embeddings": "tie_word_embeddings",
        },
        ("attention_bias", "mlp_bias"),
        llama,
    ),
    "gpt2": Blueprint(
        {
            "d_hidden": "n_embd",
            "d_ff": "n_inner",
            "n_layers": "n_layer",
            "vocab_size": "vocab_size",
            "max_context_size": "n_positions",
            "tied_embeddings": "tie_word_embeddings",
        },
        (),
        gpt2,
    ),
}


def tensor_table(config: Mapping[str, object], settled: Mapping[str, object]) -> list[Tensor] | None:
    """Tensors of a config, with the settled value of each field in place of the config's own.

    None when no blueprint knows the type, when a field it needs is unknown, or when the config asks for
    something the blueprint does not describe (cross-attention in GPT-2).
    """
    blueprint = BLUEPRINTS.get(str(config.get("model_type")))
    if blueprint is None or config.get("add_cross_attention") or config.get("is_decoder") is False:
        return None
    effective: dict[str, int | bool] = {}
    for field, key in blueprint.fields.items():
        value = settled.get(field)
        if not isinstance(value, int):
            return None
        effective[key] = value
    for flag in blueprint.flags:
        value = config.get(flag, False)
        if not isinstance(value, bool):
            return None
        effective[flag] = value
    return blueprint.tensors(effective)
