"""Experts in a config: how many, how many a token uses, which layers have them, and what d_ff then means."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.evidence import MAX_EXACT_INT
from sources.config_keys import EXPERT_FFN, EXPERTS, FFN, SHARED, TOP_K

if TYPE_CHECKING:
    from sources.hf_config import Reading

ALL_LAYERS = frozenset({
    "mixtral", "gpt_oss", "phimoe", "olmoe", "granitemoe", "granitemoeshared", "minimax", "minimax_m2",
    "dbrx", "qwen3_5_moe_text",
})  # fmt: skip
"""Types whose every layer is MoE, without a key that says so (transformers 5.23, modeling files)."""

NO_SHARED = frozenset({
    "mixtral", "gpt_oss", "phimoe", "olmoe", "granitemoe", "minimax", "minimax_m2", "qwen3_moe", "jamba",
    "dbrx",
})  # fmt: skip
"""Types whose MoE block has no shared expert (transformers 5.23, modeling files)."""

FOUR_TIMES = frozenset({"bloom", "falcon", "gpt_neox", "gptj", "gpt_neo", "gpt_bigcode", "codegen"})
"""Types whose MLP is 4 x the width when the config names no width (transformers 5.23, modeling files)."""


HALVED = frozenset({"qwen", "molmo"})
"""Types whose intermediate_size is gate and up projection together (QWenMLP in Qwen's own
modeling_qwen.py).
"""


def is_count(got: object) -> bool:
    """A positive integer that a table holds exactly."""
    return type(got) is int and 1 <= got <= MAX_EXACT_INT


def moe_facts(reading: "Reading") -> None:
    """d_ff, and for MoE models the expert fields. A dense model has none of these: they stay unknown."""
    key = reading.key_of(EXPERTS)
    experts = reading.get(key) if key else None
    if key and not is_count(experts) and not (type(experts) is int and experts == 0):
        reading.refuse("num_experts", "int >= 0", experts, key)
        return
    if key and type(experts) is int and experts > 1:
        _moe(reading, key, experts)
        return
    if key:
        reading.put("is_moe", False, key, f"{key} is {experts}")
    elif reading.class_of:
        reading.default("is_moe", False, f"no expert key for {reading.class_of.name}")
    _dense_d_ff(reading)


def _dense_d_ff(reading: "Reading", keys: Sequence[str] = FFN) -> None:
    key = reading.key_of(keys)
    if key and reading.model_type in HALVED and is_count(reading.get(key)):
        rule = f"{key} // 2: in {reading.model_type} it counts gate and up projection together"
        reading.put("d_ff", int(reading.get(key)) // 2, key, rule)  # type: ignore[call-overload]
        return
    if reading.get("block_auto_adjust_ff_dim") is True:
        return  # LFM2 scales and rounds the width of the file; what comes out is not in the file
    if key:
        _width(reading, "d_ff", key)
        return
    known = reading.class_of.values if reading.class_of else {}
    width = reading.values.get("d_hidden") or reading.defaults.get("d_hidden")
    if reading.model_type in FOUR_TIMES and width and is_count(4 * width.value):
        reading.default("d_ff", 4 * int(width.value), f"4 * d_hidden in the MLP of {reading.model_type}")
    elif "intermediate_size" in known:
        reading.default("d_ff", int(known["intermediate_size"]), reading.class_rule("intermediate_size"))


def _width(reading: "Reading", name: str, key: str, rule: str | None = None) -> None:
    got = reading.get(key)
    if isinstance(got, list) and got and is_count(got[0]) and got.count(got[0]) == len(got):
        got, rule = got[0], "; ".join(part for part in ("the same in every layer", rule) if part)
    if is_count(got):
        reading.put(name, got, key, rule)  # type: ignore[arg-type]
    else:
        reading.refuse(name, "int >= 1", got, key)


def _moe(reading: "Reading", key: str, experts: int) -> None:
    reading.put("is_moe", True, key, f"{key} is {experts}")
    reading.put("num_experts", experts, key)
    top = reading.key_of(TOP_K)
    if top:
        _width(reading, "top_k_experts", top)
        reading.put("moe_routing", "Token Choice", top, "each token takes its top-k experts by router score")
    _shared(reading)
    layers = moe_layers(reading)
    total = reading.values.get("n_layers")
    if layers is not None:
        reading.put("n_moe_layers", layers, key, "counted from the layer keys")
    expert_key = reading.key_of(EXPERT_FFN) or reading.key_of(FFN)
    if expert_key:
        _width(reading, "d_ff_expert", expert_key)
    if layers is None or total is None or expert_key is None:
        return
    if layers == total.value:
        _width(reading, "d_ff", expert_key, "width of one routed expert: every layer is MoE")
    elif "E" in _pattern(reading) and "-" not in _pattern(reading):
        _width(reading, "d_ff", expert_key, "width of one routed expert: every MLP is MoE")
    else:
        dense = reading.key_of(("intermediate_size_mlp", "dense_intermediate_size", *FFN))
        if dense:
            _width(reading, "d_ff", dense, "width of the dense layers")


def _shared(reading: "Reading") -> None:
    key = next((key for key in SHARED if reading.get(key) is not None), None)
    got = reading.get(key) if key else None
    if key and type(got) is int and got >= 0:
        reading.put("has_shared_expert", got > 0, key, f"{key} is {got}")
    elif key:
        reading.refuse("has_shared_expert", "int >= 0", got, key)
    elif reading.model_type == "llama4_text":
        reading.put("has_shared_expert", True, "model_type", "Llama4TextMoe always adds a shared expert")
    elif reading.model_type in NO_SHARED:
        reading.put(
            "has_shared_expert", False, "model_type", f"the MoE block of {reading.model_type} has none"
        )


def moe_layers(reading: "Reading") -> int | None:
    """How many layers have experts, where the keys say it; else None."""
    layers = reading.values.get("n_layers")
    if layers is None:
        return None
    n = int(layers.value)
    kinds = reading.get("mlp_layer_types")
    if isinstance(kinds, list) and len(kinds) == n:
        return kinds.count("sparse")
    if reading.model_type in ALL_LAYERS:
        return n
    for rule in (_patterned, _listed, _after_dense, _every, _stepped, _periodic):
        found = rule(reading, n)
        if found is not None:
            return found
    return None


def _int(reading: "Reading", key: str) -> int | None:
    got = reading.get(key)
    return got if isinstance(got, int) and not isinstance(got, bool) and got >= 0 else None


def _indices(listed: list[object], n: int) -> set[int]:
    """The layers that a list names, each once."""
    return {i for i in listed if isinstance(i, int) and not isinstance(i, bool) and 0 <= i < n}


def _pattern(reading: "Reading") -> str:
    """Nemotron-H: one letter a layer, M mamba, * attention, - MLP, E experts."""
    pattern = reading.get("hybrid_override_pattern")
    return pattern if isinstance(pattern, str) else ""


def _patterned(reading: "Reading", n: int) -> int | None:
    """Nemotron-H: the letters E."""
    pattern = _pattern(reading)
    return pattern.count("E") if pattern and len(pattern) == n else None


def _listed(reading: "Reading", n: int) -> int | None:
    """Llama 4 `moe_layers`, and `moe_layer_freq` as a list of zeros and ones."""
    listed = reading.get("moe_layers")
    if isinstance(listed, list):
        return len(_indices(listed, n))
    freq = reading.get("moe_layer_freq")
    return sum(bool(one) for one in freq) if isinstance(freq, list) and len(freq) == n else None


def _after_dense(reading: "Reading", n: int) -> int | None:
    """DeepSeek: the first k layers are dense, then every `moe_layer_freq`-th has experts."""
    first = _int(reading, "first_k_dense_replace")
    if first is None:
        return None
    freq = _int(reading, "moe_layer_freq") or 1
    return sum(1 for i in range(n) if i >= first and i % freq == 0)


def _every(reading: "Reading", n: int) -> int | None:
    """Llama 4: every `interleave_moe_layer_step`-th layer."""
    step = _int(reading, "interleave_moe_layer_step")
    return len(range(step - 1, n, step)) if step else None


def _stepped(reading: "Reading", n: int) -> int | None:
    """Qwen: every `decoder_sparse_step`-th layer that is not in `mlp_only_layers`."""
    step, plain = _int(reading, "decoder_sparse_step"), reading.get("mlp_only_layers")
    if not step or not (plain is None or isinstance(plain, list)):
        return None
    dense = _indices(plain or [], n)
    return sum(1 for i in range(n) if i not in dense and (i + 1) % step == 0)


def _periodic(reading: "Reading", n: int) -> int | None:
    """Jamba: layers at `expert_layer_offset` of each period."""
    period, offset = _int(reading, "expert_layer_period"), _int(reading, "expert_layer_offset")
    return sum(1 for i in range(n) if i % period == offset) if period and offset is not None else None
