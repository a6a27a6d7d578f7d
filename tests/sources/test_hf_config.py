"""What a config says is read key by key; what only its class says ranks lower; nothing is made up."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.evidence import Observation, Rank, Value
from sources import configs, hf_config
from sources.config_keys import COUNTS, EXPERTS, FFN, NUMBERS, TOP_K

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
WHERE = "org/model@0123456:config.json"
VERSION = "transformers 5.23.0"


def real(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{name}.json").read_text("utf-8"))


def parse(config: dict[str, Any], **options: Any) -> list[Observation]:
    return configs.parse("org-model", config, WHERE, **options)


def fields(config: dict[str, Any]) -> dict[str, Value]:
    """Every field, the keys of the file over the defaults of the class."""
    found: dict[str, Value] = {}
    for observation in reversed(parse(config)):
        found |= observation.values
    return found


def values(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value.value for name, value in fields(config).items()}


def llama(**keys: Any) -> dict[str, Any]:
    return {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, **keys}


def problems(config: dict[str, Any]) -> list[str]:
    return [str(problem) for observation in parse(config) for problem in observation.problems]


def test_keys_come_first_with_the_config_behind_them():
    config = real("Llama-2-7b-hf")
    first, second = parse(config)
    assert (first.source, first.rank) == ("hf_config", Rank.CHECKPOINT)
    assert (first.config, first.config_where) == (config, WHERE)
    assert (second.source, second.rank, second.config) == ("hf_config", Rank.CLASS_DEFAULT, None)
    assert first.values["n_kv_heads"] == Value(
        value=32, unit="heads", source="hf_config", where=f"{WHERE}#num_key_value_heads"
    )


def test_an_absent_key_is_a_default_that_names_class_and_version():
    default = parse(real("Llama-2-7b-hf"))[1].values["rope_theta"]
    assert default.value == 10000.0
    assert default.rule == f"default of LlamaConfig.rope_theta in {VERSION}"


def test_absent_kv_heads_equal_the_query_heads_and_say_so():
    found = parse(llama())[1].values["n_kv_heads"]
    assert (found.value, found.rule) == (4, f"equals num_attention_heads (LlamaConfig, {VERSION})")


def test_the_source_and_rank_of_the_caller_hold_for_both():
    found = parse(real("Llama-2-7b-hf"), source="snapshot", rank=Rank.SNAPSHOT)
    assert [(one.source, one.rank) for one in found] == [("snapshot", Rank.SNAPSHOT)] * 2
    assert {value.source for one in found for value in one.values.values()} == {"snapshot"}


def test_a_nested_key_is_placed_in_its_part():
    where = {field: value.where for field, value in fields(real("gemma-3-27b-it")).items()}
    assert where["n_layers"] == f"{WHERE}#text_config.num_hidden_layers"


@pytest.mark.parametrize(
    "part", ["text_config", "language_config", "llm_config", "thinker_config.text_config"]
)
def test_the_text_part_is_found_and_the_vision_part_is_not_read(part):
    inner: dict[str, Any] = {"hidden_size": 96, "model_type": "llama"}
    for step in reversed(part.split(".")):
        inner = {step: inner}
    found = fields({"model_type": "some_vl", "vision_config": {"hidden_size": 7, "num_heads": 3}, **inner})
    assert (found["d_hidden"].value, found["d_hidden"].where) == (96, f"{WHERE}#{part}.hidden_size")
    assert "n_heads" not in found or found["n_heads"].rule


def test_text_keys_at_the_top_win_over_a_nested_copy():
    both = {"model_type": "qwen2_vl", "hidden_size": 96, "text_config": {"hidden_size": 64}}
    assert fields(both)["d_hidden"].where == f"{WHERE}#hidden_size"


@pytest.mark.parametrize(
    ("outer", "inner", "tied", "key"),
    [
        (True, None, True, "tie_word_embeddings"),
        (False, True, False, "tie_word_embeddings"),
        (None, True, True, "text_config.tie_word_embeddings"),
    ],
)
def test_tied_embeddings_are_read_at_both_levels(outer, inner, tied, key):
    text = {"model_type": "llama", "hidden_size": 8, "tie_word_embeddings": inner}
    found = fields({"model_type": "llava", "tie_word_embeddings": outer, "text_config": text})
    assert (found["tied_embeddings"].value, found["tied_embeddings"].where) == (tied, f"{WHERE}#{key}")


YARN = {"rope_type": "yarn", "factor": 4.0}
ROPES: dict[str, tuple[dict[str, Any], float | None, bool | None]] = {
    "flat": ({"rope_theta": 5e5, "rope_scaling": None}, 5e5, False),
    "flat, scaled, old name": (
        {"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}},
        5e5,
        True,
    ),
    "mrope is no scaling": ({"rope_theta": 5e5, "rope_scaling": {"type": "mrope"}}, 5e5, False),
    "new": ({"rope_parameters": {"rope_type": "default", "rope_theta": 3e4}}, 3e4, False),
    "new, scaled": ({"rope_parameters": {**YARN, "rope_theta": 3e4}}, 3e4, True),
    "per layer type": (
        {
            "rope_parameters": {
                "full_attention": {**YARN, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
            }
        },
        1e6,
        True,
    ),
    "a kind that nobody knows": ({"rope_theta": 5e5, "rope_scaling": {"rope_type": "wavy"}}, 5e5, None),
}


@pytest.mark.parametrize(("keys", "theta", "scaled"), ROPES.values(), ids=ROPES)
def test_rope_is_read_in_its_three_shapes(keys, theta, scaled):
    found = values(llama(**keys))
    assert (found["rope_theta"], found.get("use_scaled_rope"), found["position"]) == (theta, scaled, "rope")


def test_a_model_with_alibi_has_no_default_rotary_base():
    falcon = {"model_type": "falcon", "hidden_size": 64, "alibi": True}
    assert {"rope_theta", "use_scaled_rope"}.isdisjoint(values(falcon))
    assert fields(falcon)["position"].where == f"{WHERE}#alibi"
    assert values({**falcon, "alibi": False})["rope_theta"] == 10000.0


KV = {
    "falcon-7b": ({"multi_query": True}, 1, Rank.CHECKPOINT),
    "falcon, silent": ({}, 1, Rank.CLASS_DEFAULT),
    "falcon-rw": ({"multi_query": False}, 8, Rank.CLASS_DEFAULT),
    "falcon-40b": ({"new_decoder_architecture": True, "num_kv_heads": 2}, 2, Rank.CHECKPOINT),
    "ignored without the new decoder": ({"multi_query": True, "num_kv_heads": 2}, 1, Rank.CHECKPOINT),
}


@pytest.mark.parametrize(("keys", "heads", "rank"), KV.values(), ids=KV)
def test_falcon_shares_its_key_and_value_heads_by_its_own_rules(keys, heads, rank):
    config = {"model_type": "falcon", "hidden_size": 64, "num_attention_heads": 8, **keys}
    saying = [one for one in parse(config) if "n_kv_heads" in one.values]
    assert [(one.rank, one.values["n_kv_heads"].value) for one in saying] == [(rank, heads)]


WINDOWS = {
    "mistral": ({"model_type": "mistral", "sliding_window": 4096}, 4096),
    "null": ({"model_type": "mistral", "sliding_window": None}, None),
    "qwen, switched off": (
        {"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False},
        None,
    ),
    "qwen, switched on": ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": True}, 4096),
    "qwen, off by its class": ({"model_type": "qwen2", "sliding_window": 4096}, None),
}


@pytest.mark.parametrize(("config", "window"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_counts_only_when_it_is_on(config, window):
    assert values(config).get("sliding_window") == window


@pytest.mark.parametrize(
    ("keys", "head_dim"),
    [({}, None), ({"head_dim": 128}, 128), ({"head_dim": 64}, None)],
    ids=["absent", "given", "its rotated part under another name"],
)
def test_under_latent_attention_a_head_width_is_only_what_the_file_gives(keys, head_dim):
    mla = {"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64}
    found = values({**mla, **keys})
    assert (found["attention"], found.get("head_dim")) == ("MLA", head_dim)


@pytest.mark.parametrize("model_type", ["mixtral", "qwen3_moe", "deepseek_v3", "nemotron_h", "gpt_oss"])
def test_a_class_that_fills_in_experts_does_not_make_them_facts(model_type):
    found = values({"model_type": model_type, "hidden_size": 64, "intermediate_size": 128})
    assert {"is_moe", "num_experts", "d_ff", "d_ff_expert"}.isdisjoint(found)


def test_a_nemotron_h_whose_layers_name_no_expert_is_dense():
    pattern = {"hybrid_override_pattern": "M-M*-"}
    found = values({"model_type": "nemotron_h", "hidden_size": 64, "intermediate_size": 128, **pattern})
    assert (found["is_moe"], found["d_ff"]) == (False, 128)
    assert "num_experts" not in found


MOE_LAYERS: dict[str, tuple[dict[str, Any], int | None]] = {
    "first k dense": ({"first_k_dense_replace": 3}, 9),
    "every second, after the dense": ({"first_k_dense_replace": 3, "moe_layer_freq": 2}, 4),
    "a list of zeros and ones": ({"moe_layer_freq": [0] * 4 + [1] * 8}, 8),
    "listed": ({"moe_layers": [1, 3, 5]}, 3),
    "every second": ({"interleave_moe_layer_step": 2}, 6),
    "every fifth": ({"interleave_moe_layer_step": 5}, 2),
    "stepped, some dense": ({"decoder_sparse_step": 2, "mlp_only_layers": [1, 3]}, 4),
    "the new form": ({"mlp_layer_types": ["dense"] * 5 + ["sparse"] * 7}, 7),
    "periodic": ({"expert_layer_period": 5, "expert_layer_offset": 2}, 2),
    "a letter a layer": ({"hybrid_override_pattern": "MEMEM*EM-E*E"}, 5),
    "said by no key": ({}, None),
}


@pytest.mark.parametrize(("keys", "layers"), MOE_LAYERS.values(), ids=MOE_LAYERS)
def test_moe_layers_are_counted_from_the_keys(keys, layers):
    config = {"model_type": "x", "num_hidden_layers": 12, "n_routed_experts": 8, **keys}
    assert values(config).get("n_moe_layers") == layers


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Llama-4-Scout-17B-16E-Instruct", "width of one routed expert: every layer is MoE"),
        ("Llama-4-Maverick-17B-128E-Instruct", "width of the dense layers"),
        ("Mixtral-8x7B-v0.1", "width of one routed expert: every layer is MoE"),
        ("DeepSeek-V3", "width of the dense layers"),
        ("Llama-2-7b-hf", None),
    ],
)
def test_the_rule_of_d_ff_says_which_width_it_is(name, rule):
    assert fields(real(name))["d_ff"].rule == rule


GATED = {"llama": True, "phi3": True, "gemma2": True, "gpt_oss": True, "moshi": True, "phi": False,
         "gpt_neox": False, "nemotron": False, "starcoder2": False, "mpt": False, "internvl": None,
         "never_heard_of": None}  # fmt: skip


@pytest.mark.parametrize(("model_type", "gated"), GATED.items())
def test_whether_an_mlp_is_gated_comes_from_the_class_or_is_unknown(model_type, gated):
    assert values({"model_type": model_type}).get("gated_mlp") is gated


def test_an_unknown_type_has_its_keys_and_nothing_else():
    (only,) = parse({"model_type": "never_heard_of", "hidden_size": 64, "auto_map": {"AutoConfig": "x.y"}})
    assert {field: value.value for field, value in only.values.items()} == {"d_hidden": 64}
    assert only.notes == (
        "custom code is named by auto_map; it is never run",
        "model_type 'never_heard_of' is not one that transformers knows: no class defaults",
    )


@pytest.mark.parametrize(
    ("keys", "kept", "key"),
    [
        ({"torch_dtype": "float16"}, "float16", "torch_dtype"),
        ({"dtype": "bfloat16", "torch_dtype": None}, "bfloat16", "dtype"),
        ({"dtype": None, "torch_dtype": "float16"}, "float16", "torch_dtype"),
        ({"dtype": "bfloat16", "quantization_config": {"quant_method": "awq"}}, "awq",
         "quantization_config.quant_method"),
        ({"dtype": "bfloat16", "quantization_config": {}}, "bfloat16", "dtype"),
        ({"torch_dtype": "auto"}, None, None),
        ({"torch_dtype": 4}, None, None),
    ],
)  # fmt: skip
def test_the_format_is_the_quantization_method_else_the_dtype(keys, kept, key):
    found = fields(llama(**keys)).get("quantization_format")
    assert (found and found.value, found and found.where) == (kept, key and f"{WHERE}#{key}")


def test_the_activation_is_an_input_with_its_own_key():
    first = parse({"model_type": "gemma2", "hidden_activation": "gelu"})[0]
    assert first.inputs["hidden_act"].where == f"{WHERE}#hidden_activation"
    assert parse(llama(hidden_act=3))[0].inputs == {}


BAD: dict[str, tuple[str, str, Any, str]] = {
    "text": ("num_hidden_layers", "n_layers", "32", "int >= 1, got '32'"),
    "fraction": ("num_key_value_heads", "n_kv_heads", 8.5, "int >= 1, got 8.5"),
    "true is no count": ("num_attention_heads", "n_heads", True, "int >= 1, got True"),
    "negative": ("vocab_size", "vocab_size", -1, "int >= 1, got -1"),
    "zero heads": ("num_key_value_heads", "n_kv_heads", 0, "int >= 1, got 0"),
    "list": ("hidden_size", "d_hidden", [64], "int >= 1, got [64]"),
    "not exact": ("max_position_embeddings", "max_context_size", 2**53 + 1, f"int >= 1, got {2**53 + 1}"),
    "no end of layers": ("num_hidden_layers", "n_layers", 100_001, "at most 100000 layers, got 100001"),
    "nan": ("rms_norm_eps", "norm_eps", float("nan"), "a number above 0, got nan"),
    "theta": ("rope_theta", "rope_theta", "1e4", "a number above 0, got '1e4'"),
    "width": ("intermediate_size", "d_ff", 0, "int >= 1, got 0"),
    "tied": ("tie_word_embeddings", "tied_embeddings", 1, "true or false, got 1"),
    "scaling": ("rope_scaling", "use_scaled_rope", 8, "an object, got 8"),
    "window": ("sliding_window", "sliding_window", "4096", "int >= 1 or null, got '4096'"),
    "latent": ("kv_lora_rank", "attention", 0, "a kv_lora_rank >= 1, got 0"),
    "experts": ("num_experts", "num_experts", True, "int >= 0, got True"),
    "experts, none": ("num_experts", "num_experts", False, "int >= 0, got False"),
    "experts, not exact": ("num_experts", "num_experts", 2**53 + 1, f"int >= 0, got {2**53 + 1}"),
}


@pytest.mark.parametrize(("key", "field", "got", "text"), BAD.values(), ids=BAD)
def test_a_value_that_cannot_be_true_makes_its_field_unknown(key, field, got, text):
    config = llama(**{key: got})
    assert problems(config) == [
        f"org-model: {field}: want {text}\n  from  {WHERE}#{key}\n"
        f'  fix   set {field} under [models."org-model"] in registry.toml'
    ]
    assert field not in values(config)
    assert key == "hidden_size" or values(config)["d_hidden"] == 64


def test_a_rotary_base_refused_in_the_new_form_has_no_default_either():
    rope = {"rope_type": ["yarn"], "rope_theta": "500000"}
    found = parse(llama(rope_parameters=rope))
    assert [str(problem).splitlines()[:2] for problem in found[0].problems] == [
        ["org-model: rope_theta: want a number above 0, got '500000'",
         f"  from  {WHERE}#rope_parameters.rope_theta"],
        ["org-model: use_scaled_rope: want a rope_type, got ['yarn']",
         f"  from  {WHERE}#rope_parameters.rope_type"],
    ]  # fmt: skip
    assert {"rope_theta", "use_scaled_rope"}.isdisjoint(values(llama(rope_parameters=rope)))


def test_as_many_layers_as_can_be_counted_are_read():
    assert values(llama(num_hidden_layers=100_000))["n_layers"] == 100_000


def test_a_refused_key_is_not_made_good_by_another():
    rope = {"rope_theta": 0, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
    assert "rope_theta" not in values(llama(**rope))
    falcon = {"model_type": "falcon", "num_attention_heads": 8, "multi_query": True, "num_kv_heads": 0}
    assert "n_kv_heads" not in values(falcon)


def test_code_named_within_the_text_part_is_noted_too():
    config = {"text_config": {"model_type": "llama", "auto_map": {"AutoConfig": "x.y"}}}
    assert parse(config)[0].notes == ("custom code is named by auto_map; it is never run",)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    *sorted({key for keys in (COUNTS | NUMBERS).values() for key in keys} | {*EXPERTS, *TOP_K, *FFN}),
    "rope_scaling", "rope_parameters", "alibi", "multi_query", "tie_word_embeddings", "text_config",
    "quantization_config", "torch_dtype", "sliding_window", "kv_lora_rank", "mlp_layer_types", "moe_layers",
    "moe_layer_freq", "first_k_dense_replace", "decoder_sparse_step", "mlp_only_layers", "head_dim",
    "position_embedding_type", "hybrid_override_pattern", "hidden_act", "n_shared_experts",
    "use_sliding_window", "new_decoder_architecture", "interleave_moe_layer_step", "expert_layer_period",
    "expert_layer_offset", "block_auto_adjust_ff_dim",
]  # fmt: skip
TYPES = ["llama", "gpt2", "falcon", "mixtral", "deepseek_v3", "llama4", "qwen", "bloom", "nemotron_h"]


@settings(max_examples=300, deadline=None)
@given(
    model_type=st.sampled_from(TYPES) | ODD,
    keys=st.dictionaries(st.sampled_from(NAMES), ODD | st.sampled_from([1, 8, 64, {"rope_type": ["yarn"]}])),
)
def test_no_config_however_odd_raises_or_gives_what_it_refused_or_gives_it_twice(model_type, keys):
    observations = parse({"model_type": model_type, **keys})
    refused = {problem.field for one in observations for problem in one.problems}
    for observation in observations:
        assert refused.isdisjoint(observation.values)
        for name, value in observation.values.items():
            assert value.where.startswith(WHERE), name
    said = [name for one in observations for name in one.values]
    assert len(said) == len(set(said))


def test_the_bundled_defaults_are_small_and_name_their_version():
    path = Path(hf_config.__file__).with_name("class_defaults.json")
    document = json.loads(path.read_text("utf-8"))
    assert path.stat().st_size < 120 * 1024
    assert document["transformers"] == "5.23.0"
    read = {*hf_config.DEFAULTED}
    assert {key for known in document["types"].values() for key in known.get("defaults", {})} <= read
    assert read.isdisjoint({*EXPERTS, *TOP_K})
