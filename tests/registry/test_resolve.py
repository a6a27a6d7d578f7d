"""Which source wins, per field, and what is kept of the others."""

import pytest

from registry.resolve import resolve
from schemas.evidence import Observation, Rank, Value
from sources.sku_list import llama_d_ff


def observation(source, rank, inputs=None, **values):
    def valued(given):
        return {n: Value(value=v, source=source, where=f"{source}#{n}") for n, v in given.items()}

    return Observation(source, rank, valued(values), valued(inputs or {}))


USER = observation("user", Rank.USER, d_ff=1)
CONFIG = observation("hf_config", Rank.CHECKPOINT, d_ff=2)
DEFAULT = observation("hf_config", Rank.CLASS_DEFAULT, d_ff=3)
BUNDLED = observation("snapshot", Rank.SNAPSHOT, d_ff=4)
SIBLING = observation("snapshot", Rank.SIBLING, d_ff=5)
SKU = observation("sku_list", Rank.SKU_LIST, d_ff=6)
CARD = observation("snapshot", Rank.PUBLISHED, d_ff=7)
ORDER = [USER, CONFIG, DEFAULT, BUNDLED, SIBLING, SKU, CARD]


@pytest.mark.parametrize("n_best_missing", range(len(ORDER)), ids=lambda n: f"{n} best sources taken away")
def test_the_best_source_that_is_left_wins_and_the_rest_is_kept_in_order(n_best_missing):
    left = ORDER[n_best_missing:]
    found = resolve(list(reversed(left)))["d_ff"]
    assert found.chosen == left[0].values["d_ff"]
    assert list(found.overruled) == [o.values["d_ff"] for o in left[1:]]


def test_a_silent_source_clears_nothing():
    assert resolve([observation("hf_config", Rank.CHECKPOINT), SKU])["d_ff"].chosen.value == 6
    assert "d_ff" not in resolve([observation("hf_config", Rank.CHECKPOINT)])


def test_sources_that_agree_overrule_nothing():
    same = observation("sku_list", Rank.SKU_LIST, rope_theta=10000.0)
    found = resolve([observation("hf_config", Rank.CHECKPOINT, rope_theta=10000), same])
    assert found["rope_theta"].overruled == ()


@pytest.mark.parametrize(
    "field", ["model_name", "core_model_id", "variant", "pth_file_count", "max_context_size"]
)
def test_what_only_meta_names_comes_from_sku_list_first(field):
    config = observation("hf_config", Rank.CHECKPOINT, **{field: 2048})
    sku = observation("sku_list", Rank.SKU_LIST, **{field: 4096})
    found = resolve([config, sku])[field]
    assert (found.chosen.value, found.overruled[0].value) == (4096, 2048)
    assert resolve([config, sku, observation("user", Rank.USER, **{field: 1})])[field].chosen.value == 1


def test_a_dtype_does_not_contradict_a_sku_format():
    config = observation("hf_config", Rank.CHECKPOINT, quantization_format="float16")
    sku = observation("sku_list", Rank.SKU_LIST, quantization_format="bf16")
    found = resolve([config, sku])["quantization_format"]
    assert (found.chosen.value, found.overruled) == ("bf16", ())
    assert resolve([config])["quantization_format"].chosen.value == "float16"


@pytest.mark.parametrize(
    ("d_hidden", "d_ff", "multiplier", "multiple_of", "known"),
    [
        (4096, 11008, 1.3, 256, True),
        (8192, 28672, 1.3, 4096, True),
        (8192, 28672, 1.3, 256, False),
        (4096, 14336, None, 1024, False),
    ],
    ids=[
        "7B: right without the multiplier",
        "70B: right with it",
        "70B chat: neither",
        "no multiplier stated",
    ],
)
def test_multiple_of_is_kept_only_where_its_formula_gives_the_chosen_d_ff(
    d_hidden, d_ff, multiplier, multiple_of, known
):
    inputs = {"ffn_dim_multiplier": multiplier} if multiplier else {}
    sku = observation("sku_list", Rank.SKU_LIST, inputs, multiple_of=multiple_of)
    found = resolve([sku, observation("hf_config", Rank.CHECKPOINT, d_hidden=d_hidden, d_ff=d_ff)])[
        "multiple_of"
    ]
    assert (found.chosen is not None) is known
    if not known:
        assert [value.value for value in found.overruled] == [multiple_of]


def test_a_refused_multiple_of_says_what_the_formula_gives():
    sku = observation("sku_list", Rank.SKU_LIST, {"ffn_dim_multiplier": 1.3}, multiple_of=256)
    found = resolve([sku, observation("hf_config", Rank.CHECKPOINT, d_hidden=8192, d_ff=28672)])[
        "multiple_of"
    ]
    assert found.why == (
        "the Llama d_ff formula with multiple_of 256 gives 28416 with ffn_dim_multiplier 1.3, "
        "22016 with ffn_dim_multiplier None; the chosen d_ff is 28672"
    )
    assert llama_d_ff(8192, 256, 1.3) == 28416


def test_a_multiple_of_pinned_by_the_user_is_not_argued_with():
    pinned = observation("user", Rank.USER, multiple_of=1)
    found = resolve([pinned, observation("hf_config", Rank.CHECKPOINT, d_hidden=8192, d_ff=28672)])
    assert found["multiple_of"].chosen.value == 1
