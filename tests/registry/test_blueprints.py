"""Totals from blueprints, beside counts made elsewhere: published ones, and transformers on the meta device.

The small shapes were counted with `sum(p.numel() for p in model.parameters())` of transformers 5.23.0
(LlamaForCausalLM, GPT2LMHeadModel; torch 2.13.0, meta device) by `tests/make/meta_counts.py`.
"""

import json
from pathlib import Path

import pytest

from registry.architecture.blueprints import BLUEPRINTS, tensor_table
from registry.architecture.tensors import count_params

COUNTED = json.loads((Path(__file__).parents[1] / "data" / "meta_counts.json").read_text("utf-8"))


def settled(config):
    """The settled fields of a complete config, by the blueprint's own key table."""
    return {
        name: config[key] for name, key in BLUEPRINTS[config["model_type"]].fields.items() if key in config
    }


@pytest.mark.parametrize("case", COUNTED["cases"], ids=[case["name"] for case in COUNTED["cases"]])
def test_names_shapes_and_total_equal_the_meta_device(case):
    tensors = tensor_table(case["config"], settled(case["config"]))
    assert tensors is not None
    ours = {}
    for tensor in tensors:
        for i in tensor.layers or [None]:
            ours[tensor.name.replace("{i}", str(i))] = list(tensor.shape)
    tied = {tensor.name for tensor in tensors if tensor.tied_to}
    assert {name: shape for name, shape in ours.items() if name not in tied} == case["parameters"]
    assert count_params(tensors) == case["n_params"]


LLAMA = {"model_type": "llama", "head_dim": 128, "tie_word_embeddings": False, "vocab_size": 32000}
SHAPES = {
    "hidden_size": "d_hidden", "intermediate_size": "d_ff", "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads", "num_key_value_heads": "n_kv_heads",
}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "n_params"),
    [
        ((4096, 11008, 32, 32, 32), 6738415616),
        ((5120, 13824, 40, 40, 40), 13015864320),
        ((8192, 28672, 80, 64, 8), 68976648192),
    ],
    ids=["Llama-2-7B", "Llama-2-13B", "Llama-2-70B"],
)
def test_llama_2_totals_are_the_published_ones(shape, n_params):
    config = LLAMA | dict(zip(SHAPES, shape, strict=True))
    assert count_params(tensor_table(config, settled(config))) == n_params


@pytest.mark.parametrize(
    ("width", "layers", "n_params"),
    [(768, 12, 124439808), (1024, 24, 354823168), (1280, 36, 774030080), (1600, 48, 1557611200)],
    ids=["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"],
)
def test_gpt2_totals_are_the_published_ones(width, layers, n_params):
    config = {
        "model_type": "gpt2",
        "n_embd": width,
        "n_inner": 4 * width,
        "n_layer": layers,
        "vocab_size": 50257,
    }
    config |= {"n_positions": 1024, "tie_word_embeddings": True}
    assert count_params(tensor_table(config, settled(config))) == n_params


@pytest.mark.parametrize(
    "change",
    [{"model_type": "mamba"}, {"model_type": None}, {"attention_bias": "no"}, {"is_decoder": False}],
    ids=["another type", "no type", "a flag that is no flag", "an encoder"],
)
def test_what_no_blueprint_describes_has_no_table(change):
    config = LLAMA | dict(zip(SHAPES, (4096, 11008, 32, 32, 32), strict=True))
    fields = settled(config)
    assert tensor_table(config | change, fields) is None


def test_a_table_with_an_unknown_dimension_is_no_table():
    config = LLAMA | dict(zip(SHAPES, (4096, 11008, 32, 32, 32), strict=True))
    fields = settled(config)
    del fields["d_ff"]
    assert tensor_table(config, fields) is None
