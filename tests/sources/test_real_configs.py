"""Real configs: the values written by hand from each file, and what transformers' own object says of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.evidence import Observation
from sources import configs

DATA = Path(__file__).parents[1] / "data"
CONFIGS = DATA / "configs"
WHERE = "org/model@0123456:config.json"


def real(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{name}.json").read_text("utf-8"))


def parse(config: dict[str, Any]) -> list[Observation]:
    return configs.parse("org-model", config, WHERE)


def values(config: dict[str, Any]) -> dict[str, Any]:
    """Every field, the keys of the file over the defaults of the class."""
    return {name: value.value for one in reversed(parse(config)) for name, value in one.values.items()}


def problems(config: dict[str, Any]) -> list[str]:
    return [str(problem) for observation in parse(config) for problem in observation.problems]


DENSE = {
    "is_moe": False, "num_experts": None, "top_k_experts": None, "moe_routing": None, "d_ff_expert": None,
    "n_moe_layers": None, "has_shared_expert": None,
}  # fmt: skip
ROUTED = {"is_moe": True, "moe_routing": "Token Choice", "gated_mlp": True}
EXPECTED: dict[str, dict[str, Any]] = {
    "Llama-2-7b-hf": {
        "d_hidden": 4096, "d_ff": 11008, "gated_mlp": True, "n_layers": 32, "n_heads": 32, "n_kv_heads": 32,
        "head_dim": None, "norm_eps": 1e-5, "vocab_size": 32000, "rope_theta": 10000.0,
        "use_scaled_rope": False, "quantization_format": "float16", "max_context_size": 4096,
        "tied_embeddings": False, "sliding_window": None, "attention": None, "position": "rope", **DENSE,
    },
    "Llama-3.2-1B": {
        "d_hidden": 2048, "d_ff": 8192, "n_layers": 16, "n_heads": 32, "n_kv_heads": 8, "head_dim": 64,
        "vocab_size": 128256, "rope_theta": 500000.0, "use_scaled_rope": True, "max_context_size": 131072,
        "tied_embeddings": True, "quantization_format": "bfloat16", **DENSE,
    },
    "Llama-4-Scout-17B-16E-Instruct": {
        "d_hidden": 5120, "d_ff": 8192, "d_ff_expert": 8192, "n_layers": 48, "n_moe_layers": 48,
        "n_heads": 40, "n_kv_heads": 8, "head_dim": 128, "vocab_size": 202048, "num_experts": 16,
        "top_k_experts": 1, "has_shared_expert": True, "rope_theta": 500000.0, "use_scaled_rope": True,
        "max_context_size": 10485760, "position": "rope", **ROUTED,
    },
    "Llama-4-Maverick-17B-128E-Instruct": {
        "d_hidden": 5120, "d_ff": 16384, "d_ff_expert": 8192, "n_layers": 48, "n_moe_layers": 24,
        "num_experts": 128, "top_k_experts": 1, "has_shared_expert": True, "use_scaled_rope": False,
        "max_context_size": 1048576, "tied_embeddings": False, **ROUTED,
    },
    "Llama-3.2-90B-Vision-Instruct": {
        "d_hidden": 8192, "d_ff": 28672, "n_layers": 100, "n_heads": 64, "n_kv_heads": 8,
        "vocab_size": 128256, "rope_theta": 500000.0, "use_scaled_rope": True, "is_moe": False,
    },
    "Mixtral-8x7B-v0.1": {
        "d_hidden": 4096, "d_ff": 14336, "d_ff_expert": 14336, "n_layers": 32, "n_moe_layers": 32,
        "n_heads": 32, "n_kv_heads": 8, "num_experts": 8, "top_k_experts": 2, "has_shared_expert": False,
        "rope_theta": 1000000.0, "max_context_size": 32768, "sliding_window": None, **ROUTED,
    },
    "DeepSeek-V3": {
        "d_hidden": 7168, "d_ff": 18432, "d_ff_expert": 2048, "n_layers": 61, "n_moe_layers": 58,
        "n_heads": 128, "n_kv_heads": 128, "head_dim": None, "num_experts": 256, "top_k_experts": 8,
        "has_shared_expert": True, "attention": "MLA", "vocab_size": 129280, "use_scaled_rope": True,
        "quantization_format": "fp8", "max_context_size": 163840, **ROUTED,
    },
    "DeepSeek-V2-Lite": {
        "d_ff": 10944, "d_ff_expert": 1408, "n_layers": 27, "n_moe_layers": 26, "num_experts": 64,
        "top_k_experts": 6, "attention": "MLA", "head_dim": None, "has_shared_expert": True, **ROUTED,
    },
    "GLM-5": {
        "d_hidden": 6144, "d_ff": 12288, "d_ff_expert": 2048, "n_moe_layers": 75, "attention": "MLA",
        "head_dim": None, "rope_theta": 1000000.0, "use_scaled_rope": False,
        "quantization_format": "bfloat16", "norm_eps": 1e-5, **ROUTED,
    },
    "Kimi-K2-Instruct": {
        "d_ff": 18432, "d_ff_expert": 2048, "n_layers": 61, "n_moe_layers": 60, "num_experts": 384,
        "top_k_experts": 8, "attention": "MLA", "gated_mlp": None, "is_moe": True,
    },
    "Qwen3-30B-A3B": {
        "d_hidden": 2048, "d_ff": 768, "d_ff_expert": 768, "n_layers": 48, "n_moe_layers": 48, "n_heads": 32,
        "n_kv_heads": 4, "head_dim": 128, "num_experts": 128, "top_k_experts": 8, "has_shared_expert": False,
        **ROUTED,
    },
    "Qwen3-0.6B": {
        "d_hidden": 1024, "d_ff": 3072, "n_layers": 28, "n_heads": 16, "n_kv_heads": 8, "head_dim": 128,
        "tied_embeddings": True, "gated_mlp": True, **DENSE,
    },
    "Qwen2-7B-Instruct": {"d_ff": 18944, "n_kv_heads": 4, "sliding_window": None, "rope_theta": 1000000.0},
    "Qwen2.5-VL-7B-Instruct": {
        "d_hidden": 3584, "d_ff": 18944, "n_layers": 28, "n_heads": 28, "n_kv_heads": 4,
        "use_scaled_rope": False, "max_context_size": 128000, "gated_mlp": True, **DENSE,
    },
    "gemma-2-9b-it": {
        "d_hidden": 3584, "d_ff": 14336, "n_layers": 42, "head_dim": 256, "sliding_window": 4096,
        "tied_embeddings": True, "gated_mlp": True, "vocab_size": 256000, "is_moe": False,
    },
    "gemma-3-27b-it": {
        "d_hidden": 5376, "d_ff": 21504, "n_layers": 62, "n_heads": 32, "n_kv_heads": 16, "head_dim": 128,
        "rope_theta": 1000000.0, "use_scaled_rope": True, "sliding_window": 1024, "vocab_size": 262208,
        "tied_embeddings": True, "is_moe": False,
    },
    "phi-4": {
        "d_hidden": 5120, "d_ff": 17920, "gated_mlp": True, "n_heads": 40, "n_kv_heads": 10,
        "rope_theta": 250000.0, "head_dim": None, "max_context_size": 16384, **DENSE,
    },
    "gpt-oss-20b": {
        "d_hidden": 2880, "d_ff": 2880, "d_ff_expert": 2880, "n_layers": 24, "n_moe_layers": 24,
        "head_dim": 64, "num_experts": 32, "top_k_experts": 4, "quantization_format": "mxfp4",
        "sliding_window": 128, "rope_theta": 150000.0, "use_scaled_rope": True, "has_shared_expert": False,
        **ROUTED,
    },
    "falcon-40b": {
        "d_hidden": 8192, "d_ff": 32768, "gated_mlp": False, "n_layers": 60, "n_heads": 128,
        "n_kv_heads": 8, "norm_eps": 1e-5, "tied_embeddings": True, "position": "rope", **DENSE,
    },
    "TinyLlama-1.1B-Chat-v1.0": {
        "d_hidden": 2048, "d_ff": 5632, "n_layers": 22, "n_heads": 32, "n_kv_heads": 4, "vocab_size": 32000,
        "quantization_format": "float32", "max_context_size": 2048,
    },
    "bloom": {
        "d_hidden": 14336, "d_ff": 57344, "gated_mlp": False, "n_layers": 70, "n_heads": 112,
        "n_kv_heads": 112, "vocab_size": 250880, "position": "alibi", "rope_theta": None,
        "use_scaled_rope": None, "max_context_size": None, "tied_embeddings": True,
    },
    "NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4": {
        "d_hidden": 2688, "n_layers": 52, "n_heads": 32, "n_kv_heads": 2, "head_dim": 128,
        "num_experts": 128, "top_k_experts": 6, "d_ff_expert": 1856, "has_shared_expert": True,
        "gated_mlp": False, "position": "none", "norm_eps": 1e-5, "is_moe": True,
        "n_moe_layers": 23, "d_ff": 1856,
    },
}  # fmt: skip
"""Written by hand from the files; None is a field that must stay unknown."""


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_config_gives_the_values_written_in_it(name):
    found = values(real(name))
    assert {field: found.get(field) for field in EXPECTED[name]} == EXPECTED[name]


WITNESS = json.loads((DATA / "config_answers.json").read_text("utf-8"))["answers"]


FILLED_IN = {
    "DeepSeek-V2-Lite": ("qk_rope_head_dim", 64),
    "DeepSeek-V3": ("qk_rope_head_dim", 64),
    "GLM-5": ("qk_rope_head_dim", 64),
    "Llama-2-7b-hf": ("hidden_size / num_attention_heads", 128),
}
"""Where transformers' object has a head_dim that the file does not give, and what it made it from. Under
latent attention that is only the rotated part of a head; a quotient is for the derivation to say.
"""


@pytest.mark.parametrize("name", WITNESS)
def test_transformers_own_object_says_the_same(name):
    found = values(real(name))
    left_out = {"class", "rope_type"} | ({"head_dim"} if name in FILLED_IN else set())
    said = {field: value for field, value in WITNESS[name].items() if field not in left_out}
    assert {field: found.get(field) for field in said} == said


@pytest.mark.parametrize(("name", "made"), FILLED_IN.items())
def test_a_head_width_that_transformers_fills_in_stays_unknown(name, made):
    of, width = made
    keys = real(name)
    keys["hidden_size / num_attention_heads"] = keys["hidden_size"] // keys["num_attention_heads"]
    assert (WITNESS[name]["head_dim"], keys[of]) == (width, width)
    assert "head_dim" not in values(real(name))


@pytest.mark.parametrize("name", [name for name in WITNESS if "rope_type" in WITNESS[name]])
def test_transformers_agrees_on_what_is_scaled(name):
    scaled = WITNESS[name]["rope_type"] != "default"
    assert values(real(name))["use_scaled_rope"] is scaled


def test_every_real_config_has_an_expected_row_or_is_gpt2():
    assert {path.stem for path in CONFIGS.glob("*.json")} == {*EXPECTED, "gpt2-medium", "gpt2-xl"}


@pytest.mark.parametrize("name", EXPECTED)
def test_no_real_config_has_a_problem(name):
    assert problems(real(name)) == []


@pytest.mark.parametrize("name", EXPECTED)
def test_each_place_names_a_key_that_is_in_the_file(name):
    config = real(name)
    for field, value in parse(config)[0].values.items():
        file, _, key = value.where.partition("#")
        found: Any = config
        for step in key.split("."):
            assert step in found, (field, value.where)
            found = found[step]
        assert file == WHERE
