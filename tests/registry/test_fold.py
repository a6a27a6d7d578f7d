"""Single tensors fold into patterns that expand to the same tensors, whatever their names are like."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.architecture.blueprints import table
from registry.architecture.fold import fold
from registry.architecture.tensors import Tensor, expanded

CONFIGS = Path(__file__).parents[1] / "data" / "configs"


def repeated(stem, n, shape=(2,)):
    return {stem.replace("#", str(i)): (shape, None) for i in range(n)}


def names_of(found):
    return [tensor.name for tensor in found]


STEPS = st.sampled_from(
    ["0", "1", "2", "3", "10", "01", "007", "mlp", "layers", "weight", "experts", "bias", "1a", ""]
)
NAMES = st.lists(STEPS, min_size=1, max_size=6).map(".".join)
SHAPES = st.lists(st.integers(1, 2), max_size=2).map(tuple)


@st.composite
def anything(draw):
    """Names of any steps, some tied to any other."""
    names = draw(st.lists(NAMES.filter(bool), unique=True, max_size=14))
    owners = st.none() | st.sampled_from([*names, "elsewhere.3.w"]) if names else st.none()
    return {name: (draw(SHAPES), draw(owners)) for name in names}


@st.composite
def models(draw):
    """Stacks of layers with lists inside, each tensor here or not, of one shape or another, tied or not."""
    found = {}
    for stack in draw(st.lists(st.sampled_from(["layers", "tower.blocks", "0.h"]), unique=True, max_size=2)):
        for i in range(draw(st.integers(1, 4))):
            for inner in ("norm.weight", "mlp.0.weight", "mlp.2.weight"):
                if draw(st.booleans()):
                    found[f"{stack}.{i}.{inner}"] = draw(SHAPES), None
            for j in range(draw(st.integers(0, 3))):
                owner = draw(
                    st.sampled_from([None, f"{stack}.{i}.a.{j}.k", f"{stack}.0.a.{j}.k", f"{stack}.{i}.n"])
                )
                found[f"{stack}.{i}.a.{j}.w"] = draw(SHAPES), owner
                found[f"{stack}.{i}.a.{j}.k"] = draw(SHAPES), None
    return found


@given(anything() | models())
@example({"a.{i}": ((1,), None)})
@example({"w.0": ((), "w.1"), "w.1": ((), "w.0")})
@example({f"a.{i}.b.{j}.w.x": ((1,), f"c.{j}.b.{i}.w") for i in range(2) for j in range(2)})
def test_what_was_folded_expands_to_what_it_was(found):
    assert expanded(fold(found)) == found


@given(models(), st.data())
def test_each_tensor_keeps_its_dtype(found, data):
    dtypes = {name: data.draw(st.sampled_from(["BF16", "F8_E4M3", "U8"])) for name in found}
    kept = {name: tensor.dtype for tensor in fold(found, dtypes) for name in tensor.names()}
    assert kept == dtypes


TYPES = [
    ("llama", {"model_type": "llama"}),
    ("deepseek_v3", {"model_type": "deepseek_v3"}),
    ("gemma3", {"model_type": "gemma3"}),
    *((name, json.loads((CONFIGS / f"{name}.json").read_text("utf-8"))) for name in (
        "DeepSeek-V3", "gemma-3-27b-it", "Llama-4-Scout-17B-16E-Instruct", "Qwen2.5-VL-7B-Instruct",
        "gpt-oss-20b", "Llama-3.2-90B-Vision-Instruct", "gpt2-xl", "NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4",
    )),
]  # fmt: skip


def facts(tensor):
    layers = None if tensor.layers is None else tuple(tensor.layers)
    return tensor.name, tensor.shape, tensor.count, layers, tensor.tied_to


@pytest.mark.parametrize("config", [case[1] for case in TYPES], ids=[case[0] for case in TYPES])
def test_the_tensors_of_a_blueprint_fold_into_its_patterns(config):
    ours = table(config, "x")
    assert {facts(tensor) for tensor in fold(expanded(ours))} == {facts(tensor) for tensor in ours}


def test_the_steps_of_a_sequential_stay_numbers():
    found = {f"merger.mlp.{i}.{name}": ((4,), None) for i in (0, 2) for name in ("weight", "bias")}
    assert names_of(fold(found)) == list(found)


def test_steps_without_a_gap_stay_numbers_where_they_differ():
    found = {"head.0.weight": ((4, 2), None), "head.1.weight": ((2, 4), None)}
    assert names_of(fold(found)) == list(found)


def test_a_list_of_the_same_matrix_is_a_pattern():
    assert fold(repeated("lm_heads.#.weight", 3)) == [Tensor("lm_heads.{i}.weight", (2,), 3, range(3))]


def test_layers_of_two_shapes_are_two_entries_of_one_pattern():
    found = {f"layers.{i}.mlp.w": ((4 if i % 2 else 2,), None) for i in range(4)}
    assert fold(found) == [
        Tensor("layers.{i}.mlp.w", (2,), 2, (0, 2)),
        Tensor("layers.{i}.mlp.w", (4,), 2, (1, 3)),
    ]


def test_experts_are_the_inner_index_in_layers_that_have_as_many():
    found = {
        f"layers.{i}.mlp.experts.{j}.up.weight": ((2,), None)
        for i, n in enumerate((2, 3, 2))
        for j in range(n)
    }
    assert fold(found) == [
        Tensor("layers.{i}.mlp.experts.{j}.up.weight", (2,), 4, (0, 2)),
        Tensor("layers.{i}.mlp.experts.{j}.up.weight", (2,), 3, range(1, 2)),
    ]


def test_experts_with_a_gap_keep_their_numbers():
    found = {f"layers.{i}.experts.{j}.up.weight": ((2,), None) for i in range(2) for j in (0, 2)}
    assert names_of(fold(found)) == ["layers.{i}.experts.0.up.weight", "layers.{i}.experts.2.up.weight"]


def test_each_tower_has_its_own_stack():
    found = repeated("text.layers.#.attn.q", 3) | repeated("vision.layers.#.attn.q", 2)
    assert fold(found) == [
        Tensor("text.layers.{i}.attn.q", (2,), 3, range(3)),
        Tensor("vision.layers.{i}.attn.q", (2,), 2, range(2)),
    ]


def test_a_tie_within_the_layer_moves_with_it_and_one_across_layers_names_its_owner():
    found = {f"layers.{i}.a.k": ((2,), None) for i in range(3)}
    found |= {f"layers.{i}.a.v": ((2,), f"layers.{i}.a.k") for i in range(3)}
    found |= {f"layers.{i}.b.k": ((2,), "layers.0.a.k") for i in range(1, 3)}
    assert [(t.name, t.tied_to, t.layers) for t in fold(found)][1:] == [
        ("layers.{i}.a.v", "layers.{i}.a.k", range(3)),
        ("layers.{i}.b.k", "layers.0.a.k", range(1, 3)),
    ]
