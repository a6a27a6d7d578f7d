"""Totals and active counts: equal to transformers on the meta device, and to sums worked out by hand."""

import json
from pathlib import Path

import pytest

from registry.architecture.blueprints import Architecture, describe
from registry.architecture.components import TOWERS, Component
from registry.architecture.counts import by_component, count
from registry.architecture.tensors import Tensor, count_params
from sources.local_file import read

DATA = Path(__file__).parents[2] / "data"
SHAPES = {
    one["name"].partition("/")[2]: one["config"]
    for one in json.loads((DATA / "shapes.json").read_text("utf-8"))["models"]
}


def config(name):
    return SHAPES[name] if name in SHAPES else read(DATA / "configs" / f"{name}.json")


def counts(name):
    return count(describe(config(name), name))


TOTALS = {
    "Meta-Llama-3.1-8B": 8030261248,
    "Meta-Llama-3.1-405B": 405853388800,
    "Llama-3.2-1B": 1235814400,
    "Llama-4-Scout-17B-16E-Instruct": 108641793536,
    "Llama-4-Maverick-17B-128E-Instruct": 401583781376,
    "Mixtral-8x7B-v0.1": 46702792704,
    "DeepSeek-V3": 671026404352,
    "Qwen3-30B-A3B": 30532122624,
    "Qwen3-0.6B": 596049920,
    "gpt-oss-20b": 20914757184,
    "gpt-oss-120b": 116829156672,
    "gemma-3-27b-it": 27432406640,
    "gemma-4-26B-A4B": 25805933872,
    "Qwen3-Next-80B-A3B-Instruct": 79674391296,
    "AI21-Jamba-1.5-Mini": 51570323328,
    "NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4": 31577937344,
    "falcon-40b": 41303293952,
    "bloom": 176247271424,
    "phi-1": 1414562935,
    "phi-4": 14659507200,
    "aya-23-8B": 8028033024,
    "dbrx-base": 131596523520,
    "gpt2-medium": 354823168,
    "gpt2-xl": 1557611200,
}
"""From `sum(p.numel() for p in model.parameters())` of transformers 5.23 on the meta device, tied once."""


@pytest.mark.parametrize(("name", "total"), TOTALS.items(), ids=TOTALS)
def test_the_total_is_what_transformers_builds(name, total):
    assert counts(name).total == total


TEXT = {
    "Llama-4-Scout-17B-16E-Instruct": 107769861120,
    "Llama-4-Maverick-17B-128E-Instruct": 400711848960,
    "gemma-3-27b-it": 27009346304,
    "gemma-4-26B-A4B": 25233141760,
    "Mixtral-8x7B-v0.1": 46702792704,
}


@pytest.mark.parametrize(("name", "text"), TEXT.items(), ids=TEXT)
def test_the_text_count_leaves_towers_and_projectors_out(name, text):
    found = counts(name)
    assert found.text == text
    assert found.total - found.text == sum(found.components.get(tower, 0) for tower in TOWERS)


ACTIVE = {  # all text tensors with top-k of the routed experts; the same without the input embedding
    "Llama-4-Scout-17B-16E-Instruct": (17172894720, 16138408960),
    "Llama-4-Maverick-17B-128E-Instruct": (17184691200, 16150205440),
    "Mixtral-8x7B-v0.1": (12879925248, 12748853248),
    "DeepSeek-V3": (37552282624, 36625603584),
    "Qwen3-30B-A3B": (3353032704, 3041867776),
    "Qwen3-Next-80B-A3B-Instruct": (3874929408, 3563764480),
    "gpt-oss-20b": (4187440704, 3608307264),
    "gpt-oss-120b": (5711982912, 5132849472),
    "dbrx-base": (36469708800, 35853146112),
    "AI21-Jamba-1.5-Mini": (12110311296, 11841875840),
    "gemma-4-26B-A4B": (3822530560, 3822530560),
    "NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4": (3580073408, 3227751872),
    "Llama-3.2-1B": (1235814400, 1235814400),
    "Meta-Llama-3.1-8B": (8030261248, 8030261248 - 128256 * 4096),
}


@pytest.mark.parametrize(("name", "active"), ACTIVE.items(), ids=ACTIVE)
def test_active_under_both_conventions_is_the_measured_one(name, active):
    found = counts(name)
    assert (found.active, found.active_no_input_embedding) == active
    assert found.why == ()


def decoder(d, vocab, per_layer, final=1):
    """Untied embedding and head, the layers' parameters with their two norms, the last norm."""
    return 2 * vocab * d + sum(per_layer) + len(per_layer) * 2 * d + final * d


def grouped(d, heads, kv, head):
    return 2 * heads * head * d + 2 * kv * head * d


def gated(d, width):
    return 3 * d * width


def mixtral():
    return decoder(4096, 32000, [grouped(4096, 32, 8, 128) + 8 * 4096 + 2 * gated(4096, 14336)] * 32)


def deepseek_v3():
    d, heads = 7168, 128
    query = d * 1536 + 1536 + 1536 * heads * (128 + 64)
    latent = d * (512 + 64) + 512 + 512 * heads * (128 + 128)
    attention = query + latent + heads * 128 * d
    moe = 256 * d + (8 + 1) * gated(d, 2048)
    return decoder(d, 129280, [attention + gated(d, 18432)] * 3 + [attention + moe] * 58)


def qwen3_30b():
    layer = grouped(2048, 32, 4, 128) + 2 * 128 + 128 * 2048 + 8 * gated(2048, 768)
    return decoder(2048, 151936, [layer] * 48)


def llama4(experts, dense_layers):
    attention, one = grouped(5120, 40, 8, 128), gated(5120, 8192)
    moe = attention + experts * 5120 + one + one
    dense = attention + gated(5120, 16384)
    return decoder(5120, 202048, [moe] * (48 - dense_layers) + [dense] * dense_layers)


def gpt_oss(layers, experts):
    d, q, kv = 2880, 64 * 64, 8 * 64
    attention = grouped(d, 64, 8, 64) + q + 2 * kv + d + 64  # four biases, a sink per head
    expert = gated(d, 2880) + 2 * 2880 + d
    return decoder(d, 201088, [attention + experts * d + experts + 4 * expert] * layers)


def dbrx():
    return decoder(6144, 100352, [grouped(6144, 48, 8, 128) + 16 * 6144 + 4 * gated(6144, 10752)] * 40)


def jamba():
    d, inner, state, rank = 4096, 8192, 16, 256
    mamba = d * 2 * inner + inner * 4 + inner + inner * (rank + 2 * state) + rank * inner + inner
    mamba += inner * state + inner + inner * d + rank + 2 * state
    mixers = [grouped(d, 32, 8, 128) if i % 8 == 4 else mamba for i in range(32)]
    mlps = [16 * d + 2 * gated(d, 14336) if i % 2 == 1 else gated(d, 14336) for i in range(32)]
    return decoder(d, 65536, [mixer + mlp for mixer, mlp in zip(mixers, mlps, strict=True)])


BY_HAND = {
    "Mixtral-8x7B-v0.1": (mixtral(), 32000 * 4096),
    "DeepSeek-V3": (deepseek_v3(), 129280 * 7168),
    "Qwen3-30B-A3B": (qwen3_30b(), 151936 * 2048),
    "Llama-4-Scout-17B-16E-Instruct": (llama4(16, 0), 202048 * 5120),
    "Llama-4-Maverick-17B-128E-Instruct": (llama4(128, 24), 202048 * 5120),
    "gpt-oss-20b": (gpt_oss(24, 32), 201088 * 2880),
    "gpt-oss-120b": (gpt_oss(36, 128), 201088 * 2880),
    "dbrx-base": (dbrx(), 100352 * 6144),
    "AI21-Jamba-1.5-Mini": (jamba(), 65536 * 4096),
}


@pytest.mark.parametrize(("name", "hand"), BY_HAND.items(), ids=BY_HAND)
def test_active_equals_the_sum_worked_out_by_hand(name, hand):
    active, embedding = hand
    found = counts(name)
    assert (found.active, found.active_no_input_embedding) == (active, active - embedding)


@pytest.mark.parametrize("name", [*TOTALS])
def test_components_sum_to_the_total_and_none_is_other(name):
    found = counts(name)
    assert sum(found.components.values()) == found.total
    assert Component.OTHER not in found.components


def test_the_prediction_module_is_counted_apart():
    assert counts("DeepSeek-V3").mtp == 11610067968
    assert counts("Mixtral-8x7B-v0.1").mtp == 0


def test_a_tied_tensor_counts_where_it_is_stored():
    stored = Tensor("model.embed_tokens.weight", (10, 4))
    head = Tensor("lm_head.weight", (10, 4), tied_to="model.embed_tokens.weight")
    assert by_component([stored, head]) == {Component.EMBEDDING: 40}
    found = count(Architecture("x", [stored, head]))
    assert (found.total, found.active_no_input_embedding) == (40, 40)


def test_token_types_are_input_and_learned_positions_and_per_layer_embeddings_stay_active():
    kept = [
        Tensor("transformer.wpe.weight", (8, 4)),
        Tensor("model.embed_tokens_per_layer.weight", (10, 6)),
    ]
    lookups = [
        Tensor("model.embed_tokens.weight", (10, 4)),
        Tensor("bert.embeddings.token_type_embeddings.weight", (2, 4)),
    ]
    found = count(Architecture("x", [*lookups, *kept]))
    assert found.active == 40 + 8 + 32 + 60
    assert found.active_no_input_embedding == count_params(kept)


EXPERT = Tensor("model.layers.{i}.mlp.experts.down_proj", (8, 4, 4), 2, (0, 1))


@pytest.mark.parametrize(
    "facts",
    [{}, {"experts": [8, 8], "top_k": [None, None]}, {"experts": [8, 8], "top_k": [9, 9]}],
    ids=["no facts", "no top-k", "more than there are"],
)
def test_active_is_unknown_where_the_experts_a_token_uses_are(facts):
    found = count(Architecture("x", [EXPERT], facts=facts))
    assert (found.total, found.active, found.active_no_input_embedding) == (256, None, None)
    assert found.why == (f"{EXPERT.name}: how many of its experts a token uses is not known",)


def test_experts_a_token_uses_may_differ_by_layer():
    found = count(Architecture("x", [EXPERT], facts={"experts": [8, 8], "top_k": [1, 2]}))
    assert found.active == 16 * 1 + 16 * 2


def test_a_refused_tower_refuses_the_total_and_never_the_text():
    text = Tensor("model.embed_tokens.weight", (10, 4))
    found = count(Architecture("x", [text], refused=("vision_config (siglip9)",)))
    assert (found.total, found.text, found.active) == (None, 40, 40)
    assert found.why == ("vision_config (siglip9) has no blueprint: the total is not known",)


def test_slices_of_experts_that_compute_nothing_are_not_active():
    """LongCat-Flash: 512 experts, 256 that compute nothing, 12 chosen; gate_up_proj has slices for all."""
    found = describe({"model_type": "longcat_flash"}, "config.json")
    layers, width, expert = 28, 6144, 2048
    gate_up, down = 768 * 2 * expert * width, 512 * width * expert
    chosen = 12 * 3 * expert * width
    counts = count(found)
    assert counts.total - counts.active == layers * (gate_up + down - chosen)
