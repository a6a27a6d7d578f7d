"""GPT-2's own spelling, and what its architecture settles without a key."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.evidence import Rank
from sources import configs, gpt2

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
WHERE = "openai-community/gpt2@0123456:config.json"
MODELING = "transformers 5.23.0 modeling_gpt2.py"
SMALL = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "n_ctx": 512,
         "vocab_size": 50257, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}  # fmt: skip


def parse(config: dict[str, Any], **options: Any):
    return gpt2.parse("gpt2", config, WHERE, **options)


def values(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value.value for name, value in parse(config)[0].values.items()}


ARCHITECTURE = {
    "gated_mlp": False, "is_moe": False, "position": "learned", "tokenizer": "BPE",
    "notes": "Learned positional embeddings (no RoPE)",
}  # fmt: skip
# d_hidden, d_ff, n_layers, n_heads: by hand, as in the table of the GPT-2 paper (d_ff = 4 x width)
SIZES = {"gpt2-medium": (1024, 4096, 24, 16), "gpt2-xl": (1600, 6400, 48, 25)}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_a_real_config_gives_the_published_shape(name, size):
    config = json.loads((CONFIGS / f"{name}.json").read_text("utf-8"))
    observations = configs.parse(name, config, WHERE)
    found = values(config)
    assert observations[0].source == "gpt2"
    assert tuple(found[field] for field in ("d_hidden", "d_ff", "n_layers", "n_heads")) == size
    assert (found["n_kv_heads"], found["max_context_size"], found["norm_eps"]) == (size[3], 1024, 1e-5)
    known = {name: value.value for one in observations for name, value in one.values.items()}
    assert (known["vocab_size"], known["tied_embeddings"]) == (50257, True)
    assert {field: found[field] for field in ARCHITECTURE} == ARCHITECTURE


def test_the_architecture_has_no_rotary_field_head_width_or_expert():
    unknown = {"rope_theta", "use_scaled_rope", "head_dim", "num_experts", "sliding_window"}
    assert unknown.isdisjoint({name for one in parse(SMALL) for name in one.values})


def test_each_key_is_named_and_each_conclusion_has_its_rule():
    found = parse(SMALL)[0].values
    assert found["d_hidden"].where == f"{WHERE}#n_embd"
    assert found["max_context_size"].where == f"{WHERE}#n_positions"
    assert (found["d_ff"].where, found["d_ff"].rule) == (
        f"{WHERE}#n_embd", f"4 * n_embd, n_inner is null ({MODELING})"
    )  # fmt: skip
    assert found["n_kv_heads"].rule == f"equals n_head: no grouped heads ({MODELING})"
    assert found["gated_mlp"].rule == f"two matrices, c_fc and c_proj ({MODELING})"
    assert found["tokenizer"].rule == f"byte-level BPE of GPT-2 ({MODELING})"


@pytest.mark.parametrize(("inner", "d_ff"), [(None, 3072), (2048, 2048)])
def test_d_ff_is_n_inner_or_four_times_the_width(inner, d_ff):
    assert values({**SMALL, "n_inner": inner})["d_ff"] == d_ff


def test_n_ctx_is_read_when_n_positions_is_absent():
    config = {key: value for key, value in SMALL.items() if key != "n_positions"}
    assert parse(config)[0].values["max_context_size"].where == f"{WHERE}#n_ctx"
    assert values(config)["max_context_size"] == 512


def test_tied_embeddings_are_the_files_else_the_classs():
    keys, default = parse(SMALL)
    assert (default.rank, default.values["tied_embeddings"].value) == (Rank.CLASS_DEFAULT, True)
    assert default.values["tied_embeddings"].rule == (
        "default of GPT2Config.tie_word_embeddings in transformers 5.23.0"
    )
    assert "tied_embeddings" not in keys.values
    assert values({**SMALL, "tie_word_embeddings": False})["tied_embeddings"] is False


def test_absent_keys_are_defaults_of_the_class():
    keys, default = parse({"model_type": "gpt2"})
    assert {"d_hidden", "n_layers", "vocab_size"}.isdisjoint(keys.values)
    assert {name: value.value for name, value in default.values.items()} == {
        "d_hidden": 768, "n_layers": 12, "n_heads": 12, "vocab_size": 50257, "max_context_size": 1024,
        "norm_eps": 1e-5, "tied_embeddings": True,
    }  # fmt: skip


def test_source_and_rank_of_the_caller_hold():
    found = parse(SMALL, source="config_file", rank=Rank.SNAPSHOT)
    assert {(one.source, one.rank) for one in found} == {("config_file", Rank.SNAPSHOT)}


@pytest.mark.parametrize(("key", "place"), [("torch_dtype", "torch_dtype"), ("dtype", "dtype")])
def test_the_dtype_is_the_format(key, place):
    found = parse({**SMALL, key: "float16"})[0].values["quantization_format"]
    assert (found.value, found.where) == ("float16", f"{WHERE}#{place}")


@pytest.mark.parametrize(
    ("key", "field", "got", "want"),
    [
        ("n_embd", "d_hidden", "768", "int >= 1, got '768'"),
        ("n_layer", "n_layers", 0, "int >= 1, got 0"),
        ("n_inner", "d_ff", -1, "int >= 1 or null, got -1"),
        ("layer_norm_epsilon", "norm_eps", 0.0, "a number above 0, got 0.0"),
        ("layer_norm_epsilon", "norm_eps", float("nan"), "a number above 0, got nan"),
        ("tie_word_embeddings", "tied_embeddings", "yes", "true or false, got 'yes'"),
    ],
)
def test_a_value_that_cannot_be_true_makes_its_field_unknown(key, field, got, want):
    found = parse({**SMALL, key: got})
    assert [str(problem) for one in found for problem in one.problems] == [
        f"gpt2: {field}: want {want}\n  from  {WHERE}#{key}\n"
        "  fix   set " + field + ' under [models."gpt2"] in registry.toml'
    ]
    assert all(field not in one.values for one in found)
