"""Every spelling of every field is read, in its order; the table is written by hand."""

from typing import Any

import pytest

from schemas.evidence import Value
from sources import configs
from sources.config_keys import COUNTS, EXPERT_FFN, EXPERTS, FFN, NUMBERS, SHARED, TOP_K

WHERE = "org/model@0123456:config.json"

SPELLINGS = {
    "d_hidden": "hidden_size d_model n_embd n_embed model_dim",
    "n_layers": "num_hidden_layers n_layer n_layers num_layers",
    "n_heads": "num_attention_heads n_head n_heads num_heads",
    "n_kv_heads": "num_key_value_heads num_kv_heads n_head_kv multi_query_group_num attn_config.kv_n_heads",
    "head_dim": "head_dim kv_channels attention_head_dim",
    "vocab_size": "vocab_size padded_vocab_size",
    "max_context_size": "max_position_embeddings n_positions n_ctx max_seq_len seq_length"
    " max_sequence_length",
    "norm_eps": "rms_norm_eps layer_norm_epsilon layer_norm_eps norm_epsilon layernorm_epsilon norm_eps"
    " rms_norm_epsilon",
    "rope_theta": "rope_theta rotary_emb_base",
    "d_ff": "intermediate_size ffn_hidden_size ffn_dim n_inner ffn_config.ffn_hidden_size",
}
MOE_SPELLINGS = {
    "num_experts": "n_routed_experts num_experts num_local_experts moe_num_experts ffn_config.moe_num_experts"
    " num_routed_experts",
    "top_k_experts": "num_experts_per_tok moe_topk num_experts_per_token top_k_experts moe_top_k moe_k"
    " ffn_config.moe_top_k experts_per_token",
    "d_ff_expert": "moe_intermediate_size expert_ffn_hidden_size expert_intermediate_size",
}
SHARED_SPELLINGS = (
    "n_shared_experts num_shared_experts shared_expert_intermediate_size shared_intermediate_size"
    " moe_num_shared_experts moe_shared_expert_intermediate_size share_expert_dim"
)
PAIRS = [(field, key) for field, keys in SPELLINGS.items() for key in keys.split()]
MOE_PAIRS = [(field, key) for field, keys in MOE_SPELLINGS.items() for key in keys.split()]


def nested(key: str, value: object) -> dict[str, Any]:
    for step in reversed(key.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def read(config: dict[str, Any]) -> dict[str, Value]:
    (only,) = configs.parse("org-model", {"model_type": "never_heard_of", **config}, WHERE)
    assert only.problems == ()
    return dict(only.values)


@pytest.mark.parametrize(("field", "key"), PAIRS, ids=[key for _, key in PAIRS])
def test_each_spelling_gives_its_field_and_is_named(field, key):
    found = read(nested(key, 12))[field]
    assert (found.value, found.where, found.rule) == (12, f"{WHERE}#{key}", None)


@pytest.mark.parametrize(("field", "key"), MOE_PAIRS, ids=[key for _, key in MOE_PAIRS])
def test_each_spelling_of_experts_gives_its_field_and_is_named(field, key):
    config = nested(key, 12) if field == "num_experts" else {"num_experts": 64, **nested(key, 12)}
    found = read(config)[field]
    assert (found.value, found.where) == (12, f"{WHERE}#{key}")


@pytest.mark.parametrize(("got", "has"), [(2, True), (0, False)])
@pytest.mark.parametrize("key", SHARED_SPELLINGS.split())
def test_each_spelling_of_shared_experts_says_whether_there_are_any(key, got, has):
    found = read({"num_experts": 64, key: got})["has_shared_expert"]
    assert (found.value, found.where, found.rule) == (has, f"{WHERE}#{key}", f"{key} is {got}")


@pytest.mark.parametrize("field", [field for field, keys in SPELLINGS.items() if " " in keys])
def test_of_two_spellings_the_first_holds_and_null_is_absent(field):
    first, second, *_ = SPELLINGS[field].split()
    assert read({**nested(second, 7), **nested(first, 12)})[field].value == 12
    assert read({**nested(second, 7), **nested(first, None)})[field].value == 7


def test_every_key_that_is_read_stands_in_these_tables():
    ours = {field: " ".join(keys) for field, keys in (COUNTS | NUMBERS | {"d_ff": FFN}).items()}
    assert ours == SPELLINGS
    moe = {"num_experts": EXPERTS, "top_k_experts": TOP_K, "d_ff_expert": EXPERT_FFN}
    assert {field: " ".join(keys) for field, keys in moe.items()} == MOE_SPELLINGS
    assert " ".join(SHARED) == SHARED_SPELLINGS
