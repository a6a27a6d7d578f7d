"""Derived fields, each beside a figure found elsewhere."""

import pytest

from registry import derive
from schemas.evidence import Value


def known(**values):
    return {name: Value(value=value, source="test", where="here") for name, value in values.items()}


@pytest.mark.parametrize(
    ("d_ff", "d_hidden", "ratio"),
    [(11008, 4096, 2.688), (13824, 5120, 2.7), (28672, 8192, 3.5), (8192, 3072, 2.667), (53248, 16384, 3.25),
     (6400, 2048, 3.125), (3072, 768, 4.0)],
    ids=["Llama 2 7B", "Llama 2 13B", "70B", "Llama 3.2 3B", "405B", "Guard 3 1B int4", "GPT-2"],
)  # fmt: skip
def test_the_ratio_is_the_one_in_the_users_notes(d_ff, d_hidden, ratio):
    assert derive.d_ff_ratio(d_ff, d_hidden) == ratio


@pytest.mark.parametrize(
    ("d_hidden", "n_heads", "attention", "head_dim"),
    [(4096, 32, "MHA", 128), (1600, 25, "MHA", 64), (2432, 18, "MHA", None), (7168, 128, "MLA", None)],
    ids=["Llama 2 7B", "GPT-2 XL", "not a whole number", "MLA has no single head width"],
)
def test_head_dim_is_whole_or_unknown(d_hidden, n_heads, attention, head_dim):
    found = derive.derive(known(d_hidden=d_hidden, n_heads=n_heads, attention=attention))
    assert (found["head_dim"].value if "head_dim" in found else None) == head_dim


def test_a_head_dim_that_was_read_is_not_derived_again():
    found = derive.derive(known(d_hidden=2880, n_heads=64, attention="GQA", head_dim=64))
    assert found["head_dim"].value == 64
    assert found["head_dim"].source == "test"


@pytest.mark.parametrize(
    ("n_heads", "n_kv_heads", "attention"),
    [(32, 32, "MHA"), (32, 8, "GQA"), (71, 1, "MQA")],
    ids=["MHA", "GQA", "MQA"],
)
def test_attention_follows_from_the_heads(n_heads, n_kv_heads, attention):
    assert derive.attention(n_heads, n_kv_heads) == attention


@pytest.mark.parametrize(
    ("family", "vocab", "tokenizer"),
    [("llama2", 32000, "Llama 2 Tokenizer"), ("llama3_2", 128256, "Llama 3 Tokenizer"),
     ("llama4", 202048, "Llama 4 Tokenizer"), ("safety", 202048, "Llama 4 Tokenizer"),
     ("safety", 128256, "Llama 3 Tokenizer"), ("llama2", 32016, None), ("qwen3", 151936, None)],
)  # fmt: skip
def test_a_tokenizer_has_a_rule_or_is_unknown(family, vocab, tokenizer):
    assert derive.tokenizer(family, vocab) == tokenizer


def test_params_in_billions_have_three_decimals():
    assert derive.total_params_b(6738415616) == 6.738
    assert derive.activated_params_b(68976648192) == 68.977


def test_a_derived_value_names_its_formula_and_where_it_comes_from():
    value = derive.derive(known(d_ff=11008, d_hidden=4096))["d_ff_ratio"]
    assert (value.source, value.rule) == ("derived", "d_ff_ratio(d_ff, d_hidden)")
    assert value.where == "definition: round(d_ff / d_hidden, 3)"


def test_nothing_is_derived_from_an_unknown_input():
    assert "d_ff_ratio" not in derive.derive(known(d_ff=11008))
