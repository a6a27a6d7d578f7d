"""Pins: what a user says of a model is what its totals are of."""

import pytest

from registry.architecture.blueprints import describe
from registry.architecture.counts import count
from registry.architecture.pins import pinned

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 100, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "pins", "changed"),
    [
        (LLAMA, {"n_kv_heads": 2}, {"num_key_value_heads": 2}),
        (LLAMA, {"d_ff": 128, "n_layers": 3}, {"intermediate_size": 128, "num_hidden_layers": 3}),
        (LLAMA, {"tied_embeddings": True}, {"tie_word_embeddings": True}),
        ({"model_type": "gpt2", "n_layer": 2}, {"n_layers": 3, "d_ff": 96}, {"n_layer": 3, "n_inner": 96}),
    ],
    ids=["kv heads", "width and layers", "tied", "gpt2 spells its own"],
)
def test_a_pin_is_written_under_a_key_of_the_type(config, pins, changed):
    assert pinned(config, pins) == {**config, **changed}


def test_a_pin_counts():
    plain, more = (count(describe(pinned(LLAMA, pins), "x")).total for pins in ({}, {"n_layers": 3}))
    assert more - plain == 4 * 64 * 64 + 3 * 64 * 96 + 2 * 64
    spelled = {
        "model_type": "gpt2",
        "n_embd": 48,
        "n_head": 4,
        "n_layer": 2,
        "vocab_size": 10,
        "n_positions": 8,
    }
    assert count(describe(pinned(spelled, {"n_layers": 3}), "x")).total == (
        count(describe({**spelled, "n_layer": 3}, "x")).total
    )


def test_a_pin_goes_into_the_text_part_where_there_is_one():
    config = {"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 64}}
    assert pinned(config, {"n_layers": 3}) == {
        **config, "text_config": {**config["text_config"], "num_hidden_layers": 3},
    }  # fmt: skip


@pytest.mark.parametrize(
    "pins", [{}, {"notes": "x"}, {"pth_file_count": 8}], ids=["none", "a text", "no tensor"]
)
def test_a_pin_without_a_key_changes_the_record_alone(pins):
    assert pinned(LLAMA, pins) is LLAMA
