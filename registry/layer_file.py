"""Layer configs for the performance estimator: the layers of a dense Llama, with sums that are exact.

Format of the estimator's `backend/data/model_configs/`. It has eight layer classes; what each counts by
itself is below, and where that differs from the truth `validation_notes` says so with the number. There is no
class for the output head: an EmbeddingLayer with count 2 holds both matrices of an untied model.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from registry.architecture.tensors import Tensor, count_params
from schemas.record import ModelRecord

if TYPE_CHECKING:
    from registry.model import Model

Layer = dict[str, object]


def layer_config(model: "Model", published: Mapping[str, int]) -> Layer | None:
    """The layer config of a dense Llama model, or None where this version builds none.

    `published`: citation -> a count published elsewhere, the second witness behind `validated`. Raises
    AssertionError when the layers do not sum to the model's parameters: such a file is never written.
    """
    record = model.record
    if (
        model.tensors is None
        or not model.config
        or model.config.get("model_type") != "llama"
        or not record.n_params
    ):
        return None
    layers = [
        _attention(model, _params_of(model.tensors, "self_attn")),
        _feedforward(model, _params_of(model.tensors, ".mlp.")),
        _norm(model),
        _embedding(model),
    ]
    total = sum(int(layer["count"]) * int(layer["specs"]["parameter_count"]) for layer in layers)  # type: ignore[call-overload, index]
    if total != record.n_params:
        raise AssertionError(f"{record.key}: layers sum to {total}, the tensor table to {record.n_params}")
    repo = str(record.config_repo)
    return {
        "model_id": repo.replace("/", "_"),
        "hf_model_id": repo,
        "name": repo.rpartition("/")[2].replace("-", " "),
        "hidden_size": record.d_hidden,
        "num_layers": record.n_layers,
        "vocab_size": record.vocab_size,
        "total_params": record.n_params,
        "n_params": record.n_params,
        "total_params_formatted": f"{record.n_params / 1e9:.1f}B",
        "layer_types": layers,
        "unsupported_layers": [],
        **_validation(record, layers, published),
    }


def _params_of(tensors: list[Tensor], part: str) -> int:
    """Parameters of one layer's share of a module."""
    matching = [tensor for tensor in tensors if part in tensor.name]
    return count_params(matching) // matching[0].count


def _layer(name: str, layer_class: str, count: int, specs: Mapping[str, object], n_params: int) -> Layer:
    return {
        "name": name,
        "class": layer_class,
        "count": count,
        "supported": True,
        "specs": {**specs, "parameter_count": n_params},
    }


def _attention(model: "Model", n_params: int) -> Layer:
    """The class whose own count is right: the plain ones assume n_heads * head_dim == hidden_size and no
    bias.
    """
    r = model.record
    assert r.n_layers
    assert r.n_heads
    assert r.head_dim
    bias = bool(model.config and model.config.get("attention_bias", False))
    specs: dict[str, object] = {"layer_idx": 0, "hidden_size": r.d_hidden, "num_heads": r.n_heads}
    if bias or r.n_heads * r.head_dim != r.d_hidden:
        specs = {"layer_idx": 0, "hidden_size": r.d_hidden, "num_query_heads": r.n_heads}
        specs |= {"num_kv_heads": r.n_kv_heads}
        specs |= {"head_dim": r.head_dim, "sliding_window": None, "has_bias": bias}
        return _layer("attention", "SlidingWindowAttentionLayer", r.n_layers, specs, n_params)
    if r.n_kv_heads == r.n_heads:
        return _layer("attention", "AttentionLayer", r.n_layers, specs | {"head_dim": r.head_dim}, n_params)
    specs |= {"num_kv_heads": r.n_kv_heads, "head_dim": r.head_dim}
    return _layer("attention", "GroupedQueryAttentionLayer", r.n_layers, specs, n_params)


def _feedforward(model: "Model", n_params: int) -> Layer:
    r = model.record
    assert r.n_layers
    specs = {"layer_idx": 0, "hidden_size": r.d_hidden, "intermediate_size": r.d_ff}
    return _layer("feedforward", "GatedMLPLayer", r.n_layers, specs, n_params)


def _norm(model: "Model") -> Layer:
    """Two norms a layer and the final one."""
    r = model.record
    assert r.n_layers
    assert r.d_hidden
    specs = {"layer_idx": 0, "hidden_size": r.d_hidden, "has_bias": False}
    return _layer("norm", "NormLayer", 2 * r.n_layers + 1, specs, r.d_hidden)


def _embedding(model: "Model") -> Layer:
    r = model.record
    assert r.vocab_size
    assert r.d_hidden
    specs = {"vocab_size": r.vocab_size, "hidden_size": r.d_hidden}
    return _layer(
        "embedding", "EmbeddingLayer", 1 if r.tied_embeddings else 2, specs, r.vocab_size * r.d_hidden
    )


def _validation(record: ModelRecord, layers: list[Layer], published: Mapping[str, int]) -> Layer:
    """`validated` is true when a count published elsewhere equals ours to the unit, stored buffers left
    out.
    """
    assert record.n_params
    equal = {
        c: _buffers(record, n)
        for c, n in published.items()
        if n - record.n_params in (0, _buffers(record, n))
    }
    notes = [f"Layers sum to {record.n_params:,} parameters, each counted once."]
    if layers[3]["count"] == 2:
        notes.append("embedding has count 2: input embedding and output head.")
    notes += [note for note in (_mlp_note(layers[1]),) if note]
    if equal:
        buffers = next(iter(equal.values()))
        without = (
            f" without its {buffers:,} stored rotary inv_freq values, which are buffers" if buffers else ""
        )
        notes.append(f"Equal to a published count{without}.")
    elif published:
        shown = "; ".join(f"{n:,} ({n - record.n_params:+,})" for n in published.values())
        notes.append(f"Published counts differ: {shown}.")
    else:
        notes.append("No published count was at hand to compare with.")
    sources = list(equal) or list(published)
    return {"validated": bool(equal), "validation_notes": " ".join(notes), "validation_sources": sources}


def _buffers(record: ModelRecord, published: int) -> int:
    """Rotary inv_freq values an early checkpoint stores: head_dim / 2 a layer. 0 when the count has none of
    them.
    """
    assert record.n_layers
    assert record.head_dim
    assert record.n_params
    stored = record.n_layers * record.head_dim // 2
    return stored if published - record.n_params == stored else 0


def _mlp_note(layer: Layer) -> str | None:
    """GatedMLPLayer counts three matrices and no bias."""
    specs = layer["specs"]
    assert isinstance(specs, dict)
    counted = 3 * specs["hidden_size"] * specs["intermediate_size"]
    missing = specs["parameter_count"] - counted
    if not missing:
        return None
    return (
        f"GatedMLPLayer itself counts {counted:,} a layer: {missing:,} bias parameters have no place in it."
    )
