"""Widths and experts by the rules of each type; what fits no rule is refused or unknown."""

from typing import Any

import pytest

from schemas.evidence import Observation
from sources import configs

WHERE = "org/model@0123456:config.json"
TWELVE = {"num_hidden_layers": 12, "num_experts": 8}


def parse(**config: Any) -> list[Observation]:
    return configs.parse("org-model", config, WHERE)


def values(**config: Any) -> dict[str, Any]:
    return {name: value.value for one in reversed(parse(**config)) for name, value in one.values.items()}


@pytest.mark.parametrize("model_type", [
    "mixtral", "gpt_oss", "phimoe", "olmoe", "granitemoe", "granitemoeshared", "minimax", "minimax_m2",
    "dbrx", "qwen3_5_moe_text",
])  # fmt: skip
def test_types_whose_every_layer_is_moe_need_no_layer_key(model_type):
    found = values(model_type=model_type, **TWELVE, intermediate_size=96, moe_intermediate_size=32)
    assert (found["n_moe_layers"], found["d_ff"], found["d_ff_expert"]) == (12, 32, 32)


@pytest.mark.parametrize("model_type", [
    "mixtral", "gpt_oss", "phimoe", "olmoe", "granitemoe", "minimax", "minimax_m2", "qwen3_moe", "jamba",
    "dbrx",
])  # fmt: skip
def test_types_without_a_shared_expert_say_so(model_type):
    found = parse(model_type=model_type, **TWELVE)[0].values["has_shared_expert"]
    assert (found.value, found.rule) == (False, f"the MoE block of {model_type} has none")


def test_llama_4_always_has_a_shared_expert():
    found = parse(model_type="llama4_text", **TWELVE)[0].values["has_shared_expert"]
    assert (found.value, found.rule) == (True, "Llama4TextMoe always adds a shared expert")


def test_shared_experts_stay_unknown_where_neither_key_nor_type_tells():
    assert "has_shared_expert" not in values(model_type="x", **TWELVE)


DENSE_WIDTHS: dict[str, tuple[dict[str, Any], int | None, str]] = {
    "mixed": ({"first_k_dense_replace": 3}, 96, "width of the dense layers"),
    "llama 4 names it apart": (
        {"interleave_moe_layer_step": 2, "intermediate_size_mlp": 192}, 192, "width of the dense layers",
    ),
    "all MoE": ({"first_k_dense_replace": 0}, 32, "width of one routed expert: every layer is MoE"),
    "a letter a layer, some of them MLPs": (
        {"hybrid_override_pattern": "MEMEM*EM-E*E"}, 96, "width of the dense layers",
    ),
    "a letter a layer, no MLP": (
        {"hybrid_override_pattern": "MEMEM*EMME*E"}, 32, "width of one routed expert: every MLP is MoE",
    ),
    "layers unknown": ({}, None, ""),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "d_ff", "rule"), DENSE_WIDTHS.values(), ids=DENSE_WIDTHS)
def test_d_ff_is_the_dense_width_unless_there_is_no_dense_layer(keys, d_ff, rule):
    first = parse(model_type="x", **TWELVE, intermediate_size=96, moe_intermediate_size=32, **keys)[0]
    assert first.values["d_ff_expert"].value == 32
    found = first.values.get("d_ff")
    assert (found and found.value, found.rule if found else "") == (d_ff, rule)


@pytest.mark.parametrize(("experts", "why"), [(0, "num_experts is 0"), (1, "num_experts is 1")])
def test_no_expert_or_one_is_a_dense_model(experts, why):
    first = parse(model_type="x", num_experts=experts, intermediate_size=96, num_experts_per_tok=1)[0]
    assert (first.values["is_moe"].value, first.values["is_moe"].rule) == (False, why)
    assert first.values["d_ff"].value == 96
    assert {"num_experts", "top_k_experts", "moe_routing", "d_ff_expert"}.isdisjoint(first.values)


def test_two_experts_are_a_model_of_experts():
    found = values(model_type="x", num_experts=2)
    assert (found["is_moe"], found["num_experts"]) == (True, 2)


@pytest.mark.parametrize("model_type", ["qwen", "molmo"])
def test_a_width_that_counts_gate_and_up_together_is_halved(model_type):
    found = parse(model_type=model_type, intermediate_size=22016)[0].values["d_ff"]
    assert found.value == 11008
    assert found.rule == f"intermediate_size // 2: in {model_type} it counts gate and up projection together"


@pytest.mark.parametrize(
    "model_type", ["bloom", "falcon", "gpt_neox", "gptj", "gpt_neo", "gpt_bigcode", "codegen"]
)
def test_an_absent_width_is_four_times_the_models_where_its_mlp_says_so(model_type):
    default = parse(model_type=model_type, hidden_size=64)[1].values["d_ff"]
    assert (default.value, default.rule) == (256, f"4 * d_hidden in the MLP of {model_type}")


def test_a_width_that_the_model_adjusts_itself_stays_unknown():
    assert "d_ff" not in values(model_type="lfm2", intermediate_size=12288, block_auto_adjust_ff_dim=True)
    assert values(model_type="lfm2", intermediate_size=12288, block_auto_adjust_ff_dim=False)["d_ff"] == 12288


def test_a_width_given_once_per_layer_is_one_width_if_they_are_equal():
    found = parse(model_type="gemma3n_text", intermediate_size=[8192] * 30)[0].values["d_ff"]
    assert (found.value, found.rule) == (8192, "the same in every layer")


NO_LAYERS: dict[str, tuple[dict[str, Any], int | None]] = {
    "a layer listed twice counts once": ({"moe_layers": [1, 1, 3]}, 2),
    "a layer that is not there does not count": ({"moe_layers": [1, 12, -1, True, "2", [3]]}, 1),
    "dense layers beyond the last do not count": ({"decoder_sparse_step": 1, "mlp_only_layers": [0, 99]}, 11),
    "a list of another length says nothing": ({"moe_layer_freq": [1, 1]}, None),
    "kinds of another length say nothing": ({"mlp_layer_types": ["sparse"]}, None),
    "a pattern of another length says nothing": ({"hybrid_override_pattern": "ME"}, None),
    "no step": ({"decoder_sparse_step": 0}, None),
    "no step of a list": ({"decoder_sparse_step": 1, "mlp_only_layers": 3}, None),
    "no period": ({"expert_layer_period": 0, "expert_layer_offset": 0}, None),
    "text": ({"first_k_dense_replace": "3"}, None),
    "true": ({"interleave_moe_layer_step": True}, None),
    "more dense layers than layers": ({"first_k_dense_replace": 99}, 0),
}


@pytest.mark.parametrize(("keys", "layers"), NO_LAYERS.values(), ids=NO_LAYERS)
def test_layer_keys_never_count_what_is_not_there(keys, layers):
    assert values(model_type="x", **TWELVE, **keys).get("n_moe_layers") == layers


@pytest.mark.parametrize("model_type", ["bloom", "gpt2"])
def test_a_width_that_is_no_longer_exact_when_multiplied_stays_unknown(model_type):
    found = values(model_type=model_type, n_embd=2**53)
    assert (found["d_hidden"], found.get("d_ff")) == (2**53, None)


REFUSED: dict[str, tuple[str, str, Any, str]] = {
    "top k": ("num_experts_per_tok", "top_k_experts", "2", "int >= 1, got '2'"),
    "expert width": ("moe_intermediate_size", "d_ff_expert", 0, "int >= 1, got 0"),
    "unequal widths": ("moe_intermediate_size", "d_ff_expert", [32, 64], "int >= 1, got [32, 64]"),
    "shared experts": ("n_shared_experts", "has_shared_expert", "one", "int >= 0, got 'one'"),
    "shared below zero": ("n_shared_experts", "has_shared_expert", -1, "int >= 0, got -1"),
}


@pytest.mark.parametrize(("key", "field", "got", "text"), REFUSED.values(), ids=REFUSED)
def test_a_value_of_experts_that_cannot_be_true_makes_its_field_unknown(key, field, got, text):
    first = parse(model_type="x", **TWELVE, **{key: got})[0]
    assert [str(problem) for problem in first.problems] == [
        f"org-model: {field}: want {text}\n  from  {WHERE}#{key}\n"
        f'  fix   set {field} under [models."org-model"] in registry.toml'
    ]
    assert field not in first.values
    assert first.values["num_experts"].value == 8
