"""Published counts beside ours: each difference explained to the unit, or not at all.

Figures: the hub's own counts (`safetensors.total` of its API, `total_parameters` of weight indices), as
quoted in public files; what each holds was found by counting the stored tensors by name.
"""

import math

import pytest

from registry.architecture.blueprints import describe
from registry.architecture.counts import count
from registry.published import Comparison, Term, compare, terms
from tests.registry.settled import catalogue, documents_of, real_configs

# Independent of our tensor table: from each config's own numbers.
D, EXPERT = 7168, 3 * 2048 * 7168  # DeepSeek-V3: width, one expert
MLA = D * 1536 + 1536 + 1536 * 128 * 192 + D * 576 + 512 + 512 * 128 * 256 + 128 * 128 * D
MTP = MLA + 257 * EXPERT + 256 * D + 2 * D + 2 * D * D + 2 * D + D  # a layer; eh_proj; enorm, hnorm, norm
COPIES = 2 * 129280 * D


def blocks(out: int, into: int) -> int:
    return math.ceil(out / 128) * math.ceil(into / 128)


MLA_SCALES = (
    blocks(1536, D) + blocks(24576, 1536) + blocks(576, D) + blocks(32768, 512) + blocks(D, 16384)
)  # fmt: skip
SCALES = 62 * MLA_SCALES + 3 * 3 * blocks(18432, D) + 59 * 257 * 3 * blocks(2048, D)

FACTS = {
    "deepseek-ai/DeepSeek-V3": (671_026_404_352, 684_531_386_000, [MTP + COPIES, 59 * 256, SCALES]),
    "zai-org/GLM-4.5-Air": (106_852_245_504, 110_468_824_832, [2_375_059_456 + 2 * 151552 * 4096, 46 * 128]),
    "Qwen/Qwen3-Next-80B-A3B-Instruct": (79_674_391_296, 81_324_862_720, [1_650_471_424]),
    "Qwen/Qwen3.5-27B": (27_356_728_560, 27_781_427_952, [424_699_392]),
    "Qwen/Qwen3-0.6B": (596_049_920, 751_632_384, [151936 * 1024]),
    "tiiuae/falcon-180B-chat": (178_557_088_768, 179_522_565_120, [65024 * 14848]),
    "google/medgemma-27b-it": (27_432_406_640, 28_842_036_848, [262208 * 5376]),
    "MiniMaxAI/MiniMax-M2.5": (228_689_748_992, 228_689_764_864, [62 * 256]),
    "meta-llama/Llama-2-7b-hf": (6_738_415_616, 6_738_417_664, [32 * 64]),
    "meta-llama/Llama-2-13b-hf": (13_015_864_320, 13_015_866_880, [40 * 64]),
    "openai-community/gpt2": (124_439_808, 137_022_720, [12 * 1024 * 1024]),
    "openai/gpt-oss-120b": (116_829_156_672, 120_412_337_472, [36 * 128 * 3 * 2880 * 2880 // 32]),
    "google/gemma-3-27b-it": (27_432_406_640, 27_009_346_304, [-423_060_336]),  # as if of the text alone
    "mistralai/Mixtral-8x7B-v0.1": (46_702_792_704, 46_702_792_704, []),
}


def compared(repo: str, published: int) -> Comparison:
    config = real_configs()[repo]
    architecture = describe(config, repo)
    total = count(architecture).total
    assert total is not None
    return compare(published, "the hub", total, architecture, config)


@pytest.mark.parametrize("repo", list(FACTS))
def test_a_published_count_is_explained_to_the_unit(repo):
    ours, published, parts = FACTS[repo]
    found = compared(repo, published)
    assert (found.ours, found.difference) == (ours, published - ours)
    assert found.terms is not None
    assert [term.n_params for term in found.terms] == parts
    assert sum(parts) == published - ours
    assert found.equal is (published == ours)


def test_the_sentence_has_every_number():
    assert str(compared("deepseek-ai/DeepSeek-V3", 684_531_386_000)) == (
        "published 684,531,386,000 (+13,504,981,648): "
        "multi-token-prediction module with copies of embedding and head "
        "11,610,067,968 + 2 x 129,280 x 7,168 = 13,463,426,048 + "
        "router correction bias, a buffer, MTP layer included (58 + 1) x 256 = 15,104 + "
        "FP8 scales, MTP layer included one per 128 x 128 block = 41,540,496"
    )


@pytest.mark.parametrize(
    ("repo", "published"),
    [
        ("Qwen/Qwen3-0.6B", 596_049_921),
        ("Qwen/Qwen3-0.6B", 596_049_920 + 28 * 64),
        ("mistralai/Mixtral-8x7B-v0.1", 46_702_792_704 + 32 * 8),
        ("ibm-granite/granite-3b-code-instruct-128k", 10**9),
        ("deepseek-ai/DeepSeek-V3", 671_026_404_352 + MTP + MTP + COPIES),
        ("deepseek-ai/DeepSeek-V3", 671_026_404_352 + MTP + 58 * 256),
        ("deepseek-ai/DeepSeek-V3", 671_026_404_352 + 59 * 256),
    ],
    ids=[
        "one more", "inv_freq, which no Qwen3 stores", "a router bias, which Mixtral has not", "another",
        "the MTP module twice", "MTP, but router biases without its own", "its router bias, but no MTP",
    ],
)  # fmt: skip
def test_what_no_checkpoint_can_hold_is_no_explanation(repo, published):
    found = compared(repo, published)
    assert (found.terms, found.rounded) == (None, False)
    assert str(found).endswith(": unexplained")


def test_a_rounded_figure_is_equal_at_its_precision_and_does_not_validate():
    content = documents_of(catalogue()["sku:Llama-Guard-3-1B:int4"]).built.content
    assert content["validated"] is False
    assert (
        "Count: published 1,123,000,000 (-76,096): equal at the precision of the published figure."
        in content["validation_notes"]
    )


@pytest.mark.parametrize(
    ("published", "rounded"),
    [
        (600_000_000, True),
        (596_000_000, True),
        (597_000_000, False),
        (596_049_000, False),
        (500_000_000, False),
    ],
)
def test_rounding_needs_five_zeros_and_the_nearest_figure(published, rounded):
    assert compared("Qwen/Qwen3-0.6B", published).rounded is rounded


@pytest.mark.parametrize("key", [key for key, model in catalogue().items() if model.record.n_params])
def test_each_figure_of_the_catalogue_says_equal_why_or_unexplained(key):
    for one in documents_of(catalogue()[key]).built.compared:
        if one.equal:
            assert one.terms == ()
        elif one.terms is not None:
            assert sum(term.n_params for term in one.terms) == one.difference
        else:
            assert str(one).endswith((": unexplained", "equal at the precision of the published figure"))


def test_a_quantization_that_makes_no_sense_gives_no_terms():
    config = real_configs()["deepseek-ai/DeepSeek-V3"]
    odd = {**config, "quantization_config": {"weight_block_size": [0, True], "quant_method": ["fp8"]}}
    assert [term.what for term in terms(describe(odd, "x"), odd)] == [
        "multi-token-prediction module",
        "multi-token-prediction module with copies of embedding and head",
        "router correction bias, a buffer",
        "router correction bias, a buffer, MTP layer included",
    ]


def test_terms_name_what_they_are():
    config = real_configs()["Qwen/Qwen3-0.6B"]
    assert list(terms(describe(config, "x"), config)) == [
        Term("tied output head, stored", "151,936 x 1,024", 155_582_464)
    ]
