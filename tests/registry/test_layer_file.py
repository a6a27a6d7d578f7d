"""Layer configs against the estimator's own counting rules, which know nothing of our tensor table."""

import pytest

from registry.catalogue import Entry, load
from registry.layer_file import layer_config
from registry.model import settle
from sources import configs, snapshot

# What each class counts by itself from its specs (the estimator: gminneci/mantile 72ff84e, backend/layers).
COUNTED = {
    "AttentionLayer": lambda s: 4 * s["hidden_size"] ** 2,
    "GroupedQueryAttentionLayer": lambda s: (
        s["hidden_size"] * s["num_heads"] * s["head_dim"]
        + 2 * s["hidden_size"] * s["num_kv_heads"] * s["head_dim"]
        + s["hidden_size"] ** 2
    ),
    "SlidingWindowAttentionLayer": lambda s: (
        2 * s["hidden_size"] * s["num_query_heads"] * s["head_dim"]
        + 2 * s["hidden_size"] * s["num_kv_heads"] * s["head_dim"]
        + s["has_bias"] * ((s["num_query_heads"] + 2 * s["num_kv_heads"]) * s["head_dim"] + s["hidden_size"])
    ),
    "GatedMLPLayer": lambda s: 3 * s["hidden_size"] * s["intermediate_size"],
    "NormLayer": lambda s: (1 + s["has_bias"]) * s["hidden_size"],
    "EmbeddingLayer": lambda s: s["vocab_size"] * s["hidden_size"],
}
REQUIRED = {
    "AttentionLayer": {"hidden_size", "num_heads", "head_dim"},
    "GroupedQueryAttentionLayer": {"hidden_size", "num_heads", "num_kv_heads", "head_dim"},
    "SlidingWindowAttentionLayer": {"hidden_size", "num_query_heads", "num_kv_heads", "head_dim"},
    "GatedMLPLayer": {"hidden_size", "intermediate_size"},
    "NormLayer": {"hidden_size"},
    "EmbeddingLayer": {"vocab_size", "hidden_size"},
}


def catalogue_layers():
    for entry in load().entries:
        model = settle(entry, snapshot.read().observe(entry.key))
        content = layer_config(model, {})
        if content:
            yield pytest.param(model.record, content, id=entry.key)


@pytest.mark.parametrize(("record", "content"), list(catalogue_layers()))
def test_the_estimator_counts_every_layer_of_the_catalogue_as_we_do(record, content):
    total = 0
    for layer in content["layer_types"]:
        specs = layer["specs"]
        assert specs.keys() >= REQUIRED[layer["class"]]
        assert COUNTED[layer["class"]](specs) == specs["parameter_count"]
        total += layer["count"] * specs["parameter_count"]
    assert total == content["total_params"] == record.n_params
    assert [layer["name"] for layer in content["layer_types"]] == [
        "attention",
        "feedforward",
        "norm",
        "embedding",
    ]


LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "tie_word_embeddings": True,
}


def built(**changes):
    entry = Entry(key="hf:org/name", family=None, config_repo="org/name")
    model = settle(entry, configs.parse(entry.key, LLAMA | changes, "test"))
    return model.record, layer_config(model, {})


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "GroupedQueryAttentionLayer"),
        ({"num_key_value_heads": 4}, "AttentionLayer"),
        ({"head_dim": 32}, "SlidingWindowAttentionLayer"),
        ({"attention_bias": True}, "SlidingWindowAttentionLayer"),
    ],
    ids=["grouped heads", "plain heads", "heads wider than the model", "biases"],
)
def test_attention_gets_the_class_whose_count_is_right(changes, kind):
    _, content = built(**changes)
    layer = content["layer_types"][0]
    assert layer["class"] == kind
    assert COUNTED[kind](layer["specs"]) == layer["specs"]["parameter_count"]


def test_a_tied_model_has_one_embedding_and_an_untied_one_two():
    assert built()[1]["layer_types"][3]["count"] == 1
    assert built(tie_word_embeddings=False)[1]["layer_types"][3]["count"] == 2


def test_what_the_estimator_cannot_count_is_said_with_the_number():
    record, content = built(mlp_bias=True)
    layer = content["layer_types"][1]["specs"]
    missing = layer["parameter_count"] - COUNTED["GatedMLPLayer"](layer)
    assert missing == 96 + 96 + 64
    assert f"{missing} bias parameters have no place in it" in content["validation_notes"]
    assert record.n_params == content["n_params"]


@pytest.mark.parametrize(
    ("published", "validated", "note"),
    [
        ({"card": 0}, True, "Equal to a published count."),
        ({"hub": 3 * 8}, True, "Equal to a published count without its 24 stored rotary inv_freq values"),
        ({"card": 5}, False, "Published counts differ: "),
        ({}, False, "No published count was at hand to compare with."),
    ],
    ids=["equal", "equal but for rotary buffers", "different", "none"],
)
def test_validated_means_equal_to_a_count_of_somebody_else(published, validated, note):
    entry = Entry(key="hf:org/name", family=None, config_repo="org/name")
    model = settle(entry, configs.parse(entry.key, LLAMA, "test"))
    content = layer_config(model, {c: model.record.n_params + more for c, more in published.items()})
    assert content["validated"] is validated
    assert note in content["validation_notes"]
    assert content["validation_sources"] == list(published)


def test_a_model_that_is_no_dense_llama_gets_no_file():
    gpt2 = load().one("openai-community/gpt2")
    assert layer_config(settle(gpt2, snapshot.read().observe(gpt2.key)), {}) is None
