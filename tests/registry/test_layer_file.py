"""Layer configs against the estimator's own counting rules, which know nothing of our tensor table."""

import re

import pytest

from registry.catalogue import model_id
from registry.estimator import BUILT_IN
from registry.layer_file import Built, build, formatted
from registry.pipeline import compared
from registry.validate import check_content
from tests.registry.settled import LLAMA, all_layers, catalogue, real, real_configs, settled

# What each class counts by itself from its specs, written down from the estimator's classes
# (gminneci/mantile 72ff84e, backend/layers), not from our code.
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
    "MLPLayer": lambda s: s["num_projections"] * s["hidden_size"] * s["intermediate_size"],
    "GatedMLPLayer": lambda s: 3 * s["hidden_size"] * s["intermediate_size"],
    "MoELayer": lambda s: (
        s["num_experts"] * (s["hidden_size"] + s["has_bias"])
        + (s["num_experts"] + s["num_shared_experts"])
        * (
            s["num_projections"] * s["hidden_size"] * s["intermediate_size"]
            + s["has_bias"] * ((s["num_projections"] - 1) * s["intermediate_size"] + s["hidden_size"])
        )
    ),
    "NormLayer": lambda s: (1 + s["has_bias"]) * s["hidden_size"],
    "EmbeddingLayer": lambda s: s["vocab_size"] * s["hidden_size"],
}
NOTE = re.compile(r"(\w+) itself counts ([\d,]+) for (\w+): ([+-][\d,]+) a layer, ([+-][\d,]+) in all\.")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def built(model, **options: bool) -> Built | None:
    return build(model, compared(model), **options)


def check(content: dict) -> None:
    """What must hold of every layer config."""
    noted = {found[2]: [number(part) for part in (found[1], *found[3:])] for found in told(content)}
    for layer in content["layer_types"]:
        assert layer["class"] in BUILT_IN
        assert layer["supported"] is True
        specs, truth = layer["specs"], layer["specs"]["parameter_count"]
        own = COUNTED[layer["class"]](specs)
        each = own - truth
        assert noted.pop(layer["name"], [truth, 0, 0]) == [own, each, each * layer["count"]], layer["name"]
    assert noted == {}
    names = [layer["name"] for layer in all_layers(content)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names), names
    total = sum(layer["count"] * layer["specs"]["parameter_count"] for layer in all_layers(content))
    assert content["total_params"] == content["n_params"] == total
    assert not (content["unsupported_layers"] and content["validated"])
    findings = check_content(content, f"{content['model_id']}.json", BUILT_IN, lambda _: ())
    assert [str(one) for one in findings if str(one.severity) == "error"] == []


def told(content: dict) -> list[tuple[str, ...]]:
    return NOTE.findall(content["validation_notes"])


@pytest.mark.parametrize("key", list(catalogue()))
def test_every_model_of_the_catalogue_sums_and_says_where_the_estimator_counts_otherwise(key):
    model = catalogue()[key]
    found = built(model)
    assert found is not None
    check(found.content)
    assert found.content["total_params"] == model.record.n_params


@pytest.mark.parametrize("repo", sorted(real_configs()))
def test_real_configs_sum_and_say_where_the_estimator_counts_otherwise(repo):
    model = real(repo)
    found = built(model)
    if found is None:
        assert not model.record.n_params
        return
    check(found.content)
    assert found.content["total_params"] == model.record.n_params


def shown(content: dict) -> list[tuple[str, str, int]]:
    return [(layer["name"], layer["class"], layer["count"]) for layer in all_layers(content)]


SWA = "SlidingWindowAttentionLayer"
LAYERS = {
    "meta-llama/Llama-3.2-1B": [
        ("attention", "GroupedQueryAttentionLayer", 16), ("feedforward", "GatedMLPLayer", 16),
        ("norm", "NormLayer", 33), ("embedding", "EmbeddingLayer", 1),
    ],
    "openai-community/gpt2": [
        ("attention", SWA, 12), ("feedforward", "MLPLayer", 12), ("norm", "NormLayer", 25),
        ("embedding", "EmbeddingLayer", 1), ("embedding_position", "EmbeddingLayer", 1),
    ],
    "openai/gpt-oss-120b": [
        ("attention_sliding", SWA, 18), ("attention_full", SWA, 18), ("moe", "MoELayer", 36),
        ("norm", "NormLayer", 73), ("embedding", "EmbeddingLayer", 2),
    ],
    "deepseek-ai/DeepSeek-V3": [
        ("feedforward", "GatedMLPLayer", 3), ("moe", "MoELayer", 58), ("norm", "NormLayer", 123),
        ("embedding", "EmbeddingLayer", 2), ("attention", "MultiHeadLatentAttentionLayer", 61),
    ],
    "meta-llama/Llama-3.2-11B-Vision-Instruct": [
        ("attention_full", "GroupedQueryAttentionLayer", 32), ("feedforward", "GatedMLPLayer", 40),
        ("norm", "NormLayer", 81), ("embedding", "EmbeddingLayer", 1), ("output_head", "EmbeddingLayer", 1),
        ("attention_cross", "CrossAttentionLayer", 8), ("vision_tower", "VisionTowerLayer", 1),
        ("projector", "ProjectorLayer", 1),
    ],
    "Qwen/Qwen3-Next-80B-A3B-Instruct": [
        ("moe", "MoELayer", 48), ("norm", "NormLayer", 97), ("embedding", "EmbeddingLayer", 2),
        ("linear", "LinearAttentionLayer", 36), ("attention", "GatedAttentionLayer", 12),
    ],
    "ai21labs/AI21-Jamba-1.5-Mini": [
        ("attention", "GroupedQueryAttentionLayer", 4), ("feedforward", "GatedMLPLayer", 16),
        ("moe", "MoELayer", 16), ("norm", "NormLayer", 65), ("embedding", "EmbeddingLayer", 2),
        ("mamba", "MambaLayer", 28),
    ],
    "google/gemma-4-26B-A4B": [
        ("attention_sliding", SWA, 25), ("moe", "MoELayer", 30), ("feedforward", "GatedMLPLayer", 30),
        ("norm", "NormLayer", 211), ("embedding", "EmbeddingLayer", 1),
        ("attention_full", "SharedKeyValueAttentionLayer", 5), ("vision_tower", "VisionTowerLayer", 1),
        ("projector", "ProjectorLayer", 1),
    ],
    "EleutherAI/gpt-j-6b": [
        ("attention", "AttentionLayer", 28), ("feedforward", "MLPLayer", 28), ("norm", "NormLayer", 29),
        ("embedding", "EmbeddingLayer", 1), ("output_head", "EmbeddingLayer", 1),
    ],
}  # fmt: skip


@pytest.mark.parametrize("repo", list(LAYERS))
def test_layers_have_the_class_that_holds_them_and_the_name_of_their_kind(repo):
    config = real_configs().get(repo)
    found = built(catalogue()["sku:Llama3.2-11B-Vision-Instruct"] if "11B" in repo else settled(repo, config))
    assert shown(found.content) == LAYERS[repo]


def test_llama_4_is_exact_in_the_estimators_own_count():
    """16 routed experts and a shared one, each 3 x 5120 x 8192; Maverick has them in every other layer."""
    content = {
        name: built(catalogue()[f"sku:Llama-4-{name}"]).content
        for name in ("Scout-17B-16E", "Maverick-17B-128E")
    }
    layers = {name: {layer["name"]: layer for layer in one["layer_types"]} for name, one in content.items()}
    scout, maverick = layers["Scout-17B-16E"], layers["Maverick-17B-128E"]
    moe = scout["moe"]
    assert moe["specs"] == {
        "layer_idx": 0, "hidden_size": 5120, "intermediate_size": 8192, "num_experts": 16, "top_k": 1,
        "num_shared_experts": 1, "num_projections": 3, "has_bias": False,
        "parameter_count": 17 * 3 * 5120 * 8192 + 16 * 5120,
    }  # fmt: skip
    assert (moe["count"], maverick["moe"]["count"], maverick["feedforward"]["count"]) == (48, 24, 24)
    assert maverick["feedforward"]["class"] == "GatedMLPLayer"
    for one, text in zip(layers.values(), (107_769_861_120, 400_711_848_960), strict=True):
        assert sum(layer["count"] * COUNTED[layer["class"]](layer["specs"]) for layer in one.values()) == text
    assert [told(one) for one in content.values()] == [[], []]


def llama(**changes):
    return settled("org/name", LLAMA | changes)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "GroupedQueryAttentionLayer"),
        ({"num_key_value_heads": 4}, "AttentionLayer"),
        ({"head_dim": 32}, SWA),
        ({"attention_bias": True}, SWA),
        ({"model_type": "mistral", "sliding_window": 16}, SWA),
    ],
    ids=["grouped heads", "plain heads", "heads wider than the model", "biases", "a window"],
)
def test_attention_gets_the_class_whose_count_is_right(changes, kind):
    layer = built(llama(**changes)).content["layer_types"][0]
    assert layer["class"] == kind
    assert COUNTED[kind](layer["specs"]) == layer["specs"]["parameter_count"]


def test_a_layer_config_whole():
    assert built(llama(mlp_bias=True)).content == {
        "model_id": "org_name",
        "hf_model_id": "org/name",
        "name": "name",
        "hidden_size": 64,
        "num_layers": 3,
        "vocab_size": 100,
        # 100*64 + 3*(2*64*64 + 2*32*64 + 3*64*96 + 96 + 96 + 64 + 2*64) + 64
        "total_params": 99_776,
        "n_params": 99_776,
        "total_params_formatted": "99.8K",
        "layer_types": [
            {
                "name": "attention",
                "class": "GroupedQueryAttentionLayer",
                "count": 3,
                "supported": True,
                "specs": {
                    "layer_idx": 0,
                    "hidden_size": 64,
                    "num_heads": 4,
                    "num_kv_heads": 2,
                    "head_dim": 16,
                    "parameter_count": 12_288,
                },
            },
            {
                "name": "feedforward",
                "class": "GatedMLPLayer",
                "count": 3,
                "supported": True,
                "specs": {
                    "layer_idx": 0,
                    "hidden_size": 64,
                    "intermediate_size": 96,
                    "parameter_count": 18_688,
                },
            },
            {
                "name": "norm",
                "class": "NormLayer",
                "count": 7,
                "supported": True,
                "specs": {"layer_idx": 0, "hidden_size": 64, "has_bias": False, "parameter_count": 64},
            },
            {
                "name": "embedding",
                "class": "EmbeddingLayer",
                "count": 1,
                "supported": True,
                "specs": {"vocab_size": 100, "hidden_size": 64, "parameter_count": 6_400},
            },
        ],
        "unsupported_layers": [],
        "validated": False,
        "validation_notes": (
            "Layers sum to 99,776 parameters, each counted once. "
            "GatedMLPLayer itself counts 18,432 for feedforward: -256 a layer, -768 in all. "
            "No published count was at hand to compare with."
        ),
        "validation_sources": [],
    }


def test_an_untied_head_is_a_second_embedding():
    tied, untied = built(llama()), built(llama(tie_word_embeddings=False))
    assert [one.content["layer_types"][3]["count"] for one in (tied, untied)] == [1, 2]
    assert "embedding has count 2: input embedding and output head." in untied.content["validation_notes"]


def test_a_head_with_a_bias_is_an_embedding_of_its_own():
    content = built(real("EleutherAI/gpt-j-6b")).content
    head = content["layer_types"][-1]
    assert head["specs"] == {"vocab_size": 50400, "hidden_size": 4096, "parameter_count": 50400 * 4097}
    assert "itself counts 206,438,400 for output_head: -50,400 a layer" in content["validation_notes"]


def test_a_gate_beside_each_query_is_no_attention_of_the_estimator():
    """Qwen3-Next's q_proj has twice the rows: a class would count 8,388,608 weights too few."""
    attention = built(real("Qwen/Qwen3-Next-80B-A3B-Instruct")).content["unsupported_layers"][-1]
    assert attention["specs"]["parameter_count"] == 2048 * (2 * 4096 + 512 + 512 + 4096) + 2 * 256
    assert attention["gap_report"] == "gaps/Qwen_Qwen3-Next-80B-A3B-Instruct/attention.md"


def test_norms_by_head_are_no_matrices():
    """Command R+: norms of 96 x 128 and 8 x 128 beside the four projections of grouped heads."""
    config = {
        "model_type": "cohere", "hidden_size": 12288, "intermediate_size": 33792, "num_hidden_layers": 64,
        "num_attention_heads": 96, "num_key_value_heads": 8, "use_qk_norm": True, "vocab_size": 256000,
        "tie_word_embeddings": True,
    }  # fmt: skip
    content = built(settled("org/command", config)).content
    attention = content["layer_types"][0]
    assert attention["class"] == "GroupedQueryAttentionLayer"
    assert attention["specs"]["parameter_count"] - COUNTED[attention["class"]](attention["specs"]) == 13_312
    assert "for attention: -13,312 a layer, -851,968 in all." in content["validation_notes"]


def test_layers_wider_than_the_embedding_have_a_class():
    """OPT-350m: embeddings of 512 are projected to layers of 1024."""
    config = {
        "model_type": "opt", "hidden_size": 1024, "word_embed_proj_dim": 512, "ffn_dim": 4096,
        "num_hidden_layers": 24, "num_attention_heads": 16, "vocab_size": 50272,
        "max_position_embeddings": 2048, "do_layer_norm_before": False, "tie_word_embeddings": True,
    }  # fmt: skip
    content = built(settled("org/opt", config)).content
    layers = {layer["name"]: layer for layer in content["layer_types"]}
    assert content["total_params"] == 331_196_416
    assert layers["attention"]["specs"] == {
        "layer_idx": 0, "hidden_size": 1024, "num_query_heads": 16, "num_kv_heads": 16, "head_dim": 64,
        "sliding_window": None, "has_bias": True, "parameter_count": 4 * 1024 * 1025,
    }  # fmt: skip
    assert layers["feedforward"]["class"] == "MLPLayer"
    assert layers["feedforward"]["specs"]["parameter_count"] == 2 * 1024 * 4096 + 4096 + 1024
    assert layers["embedding"]["specs"]["hidden_size"] == 512


def test_all_layers_puts_everything_into_one_list_and_is_not_validated():
    model = real("deepseek-ai/DeepSeek-V3")
    apart, together = built(model).content, built(model, all_layers=True).content
    assert together["layer_types"] == all_layers(apart)
    assert (together["unsupported_layers"], together["validated"]) == ([], False)
    assert together["total_params"] == apart["total_params"]


def test_a_window_of_chunks_is_said():
    content = built(catalogue()["sku:Llama-4-Scout-17B-16E"]).content
    assert (
        "attention_chunked attends within chunks of 8,192 positions: the window of its class is an upper "
        "bound." in content["validation_notes"]
    )


@pytest.mark.parametrize(
    ("key", "validated", "note"),
    [
        ("hf:Qwen/Qwen3-8B", True, "Count: equal to the published 8,190,735,360."),
        ("sku:Llama-2-7b", True, "stored rotary inv_freq, a buffer 32 x 64 = 2,048."),
        ("sku:Llama-Guard-3-1B:int4", False, "equal at the precision of the published figure."),
        ("hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0", False, "No published count was at hand to compare with."),
        ("hf:deepseek-ai/DeepSeek-V3", False, "see gaps/deepseek-ai_DeepSeek-V3/attention.md."),
    ],
    ids=["equal", "equal but for buffers", "equal when rounded", "none", "equal, but a layer has no class"],
)
def test_validated_means_equal_to_the_unit_and_every_layer_held(key, validated, note):
    content = built(catalogue()[key]).content
    assert content["validated"] is validated
    assert note in content["validation_notes"]


def test_a_model_without_a_total_gets_no_file():
    """The text part of this Llama 4 is known, its vision tower is not in the config."""
    config = {
        k: v for k, v in real_configs()["meta-llama/Llama-4-Scout-17B-16E"].items() if k != "vision_config"
    }
    assert built(settled("meta-llama/Llama-4-Scout-17B-16E", config)) is None


@pytest.mark.parametrize(
    ("repo", "name"),
    [
        ("meta-llama/Llama-2-7b-hf", "meta-llama_Llama-2-7b-hf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("a b;$(x)`y`\n|z\0", "a-b-x-y-z-"),
        ("..", "model"),
        ("", "model"),
    ],
    ids=["a hub id", "a path upwards", "odd characters", "the folder above", "nothing"],
)
def test_a_model_id_is_a_file_name_and_no_path(repo, name):
    assert model_id(repo) == name


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (999, "999"),
        (7_056, "7.1K"),
        (124_439_808, "124.4M"),
        (8_030_261_248, "8.0B"),
        (1_026_879_353_328, "1.0T"),
    ],
)
def test_a_total_in_words(n, text):
    assert formatted(n) == text
