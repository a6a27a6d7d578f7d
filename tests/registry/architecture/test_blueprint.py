"""The engine: lines of an entry become tensors, and a config that cannot be built is refused, never bent."""

import pytest

from registry.architecture.blueprint import (
    Blueprint,
    conv1d,
    linear,
    norm,
    split,
    stack,
    tensor,
    tensors,
    tied,
    under,
    when,
)
from registry.architecture.config_view import ConfigView
from registry.architecture.tensors import Tensor
from schemas.errors import BadModel, UnknownArchitecture


def build(lines, config=None, find=lambda _: None, refused=None, **entry):
    view = ConfigView(config or {}, "llama", "some.json")
    return tensors(Blueprint(types=("llama",), lines=lines, **entry), view, find, refused)


def test_lines_become_tensors_with_their_biases():
    lines = [
        *linear("a", "8", "4", True), *conv1d("b", "4", "8", "attention_bias"), *norm("n", "4"),
        *tensor("s", ""),
    ]  # fmt: skip
    assert build(lines) == [
        Tensor("a.weight", (8, 4)),
        Tensor("a.bias", (8,)),
        Tensor("b.weight", (4, 8)),
        Tensor("n.weight", (4,)),
        Tensor("s", ()),
    ]


def test_a_stack_is_one_pattern_for_all_layers():
    (found,) = build(stack("h", "3", norm("n", "hidden_size")), {"hidden_size": 4})
    assert (found.name, found.shape, found.count, tuple(found.layers)) == (
        "h.{i}.n.weight",
        (4,),
        3,
        (0, 1, 2),
    )
    assert list(found.names()) == ["h.0.n.weight", "h.1.n.weight", "h.2.n.weight"]


def test_layers_that_differ_are_patterns_of_their_own():
    lines = stack("h", "4", linear("a", "width", "2"), let={"width": "8 if layer % 2 else 4"})
    assert [(t.shape, t.layers, t.count) for t in build(lines)] == [((4, 2), (0, 2), 2), ((8, 2), (1, 3), 2)]


def test_a_condition_picks_layers_and_sizes_stay_unread_where_it_fails():
    lines = stack("h", "3", when("layer > 0", tensor("w", "8 / layer")))
    assert [(t.shape, t.layers) for t in build(lines)] == [((8,), (1,)), ((4,), (2,))]
    assert build(stack("h", "3", when("layer > 5", tensor("w", "8 / 0")))) == []


def test_lines_share_a_condition_and_each_has_its_own_size():
    lines = stack("h", "4", when("layer != 2", [*tensor("a", "3"), *tensor("b", "layer + 1")]))
    assert [(t.name, t.shape, t.layers) for t in build(lines)] == [
        ("h.{i}.a", (3,), (0, 1, 3)),
        ("h.{i}.b", (1,), (0,)),
        ("h.{i}.b", (2,), (1,)),
        ("h.{i}.b", (4,), (3,)),
    ]


def test_experts_are_counted_within_the_layer():
    lines = stack("h", "2", stack("experts", "3", tensor("w", "5"), index="{j}"))
    (found,) = build(lines)
    assert (found.name, found.count, found.per_layer) == ("h.{i}.experts.{j}.w", 6, 3)


def test_an_owner_may_be_another_layer():
    rule = "layer > 0"
    lines = stack("h", "3", tied("w", "4", "h.{owner}.w", rule), let={"owner": "0"})
    assert [(t.tied_to, t.layers) for t in build(lines)] == [(None, (0,)), ("h.0.w", (1, 2))]


def test_a_let_hides_the_key_of_its_name_and_may_read_it():
    assert build(tensor("w", "head_dim"), {"head_dim": None}, let={"head_dim": "head_dim or 7"}) == [
        Tensor("w", (7,))
    ]


def test_names_get_their_prefix_and_dimensions_split_outside_parentheses():
    assert build(under("a.b", tensor("w", "max(1, 2), 3"))) == [Tensor("a.b.w", (2, 3))]
    assert split("") == ()
    assert split("f(a, b), c[1, 2], d") == ("f(a, b)", "c[1, 2]", "d")


REFUSALS = [
    (
        tensor("w", "hidden_size / 3"),
        {"hidden_size": 10},
        "w: hidden_size / 3: 10 is not divisible by 3 (hidden_size 10)\n"
        "  from  some.json\n  fix   correct hidden_size",
    ),
    (
        tensor("w", "hidden_size"),
        {"hidden_size": 0},
        "w: hidden_size: want a size of at least 1, got 0 (hidden_size 0)\n"
        "  from  some.json\n  fix   correct hidden_size in the config",
    ),
    (
        tensor("w", "head_dim * 2"),
        {"head_dim": None},
        "w: head_dim * 2: no such size exists (head_dim None)\n  from  some.json\n  fix   correct head_dim",
    ),
    (
        tensor("w", "hidden_size * hidden_size"),
        {"hidden_size": 2**40},
        f"w: hidden_size * hidden_size: want a size of at least 1, got {2**80} (hidden_size {2**40})\n"
        "  from  some.json\n  fix   correct hidden_size in the config",
    ),
    (
        stack("h", "num_hidden_layers", norm("n", "1")),
        {"num_hidden_layers": 10**12},
        "num_hidden_layers: want at most 10,000 layers, got 1000000000000\n"
        "  from  some.json\n  fix   correct num_hidden_layers in the config",
    ),
    (
        stack("h", "hidden_size", norm("n", "1")),
        {"hidden_size": 10**12},
        "hidden_size: want at most 10,000 layers, got 1000000000000\n"
        "  from  some.json\n  fix   correct hidden_size in the config",
    ),
]


@pytest.mark.parametrize(
    ("lines", "config", "text"),
    REFUSALS,
    ids=["a remainder", "nothing", "null", "larger than exact", "10^12 layers", "10^12 of another key"],
)
def test_a_size_that_no_model_has_is_refused_with_the_values_read(lines, config, text):
    with pytest.raises(BadModel) as raised:
        build(lines, config)
    assert str(raised.value) == text


def test_what_transformers_refuses_is_refused_with_what_is_wanted():
    checks = {"hidden_size % num_attention_heads == 0": "hidden_size divisible by num_attention_heads"}
    with pytest.raises(BadModel) as raised:
        build([], {"hidden_size": 10, "num_attention_heads": 3}, checks=checks)
    assert str(raised.value) == (
        "want hidden_size divisible by num_attention_heads, got hidden_size 10, num_attention_heads 3\n"
        "  from  some.json\n  fix   correct hidden_size or num_attention_heads in the config"
    )


@pytest.mark.parametrize("rule", [lambda scope: scope["head_dim"].bit_length(), lambda scope: [][1]])
def test_a_rule_in_python_that_finds_no_value_is_the_configs_fault(rule):
    with pytest.raises(BadModel, match=r"^width: the keys it is computed from have values of another kind"):
        build(tensor("w", "width"), {"head_dim": None}, let={"width": rule})


def test_a_name_that_is_nowhere_is_our_mistake():
    with pytest.raises(NameError):
        build(tensor("w", "no_such_key"))


def test_a_part_without_an_entry_is_refused_or_named_as_the_caller_wants():
    from registry.architecture.blueprint import Part

    config = {"vision_config": {"model_type": "x\x1b" + "y" * 200}}
    parts = {"vision_config": "clip_vision_model"}
    with pytest.raises(UnknownArchitecture) as raised:
        build([Part("tower", "vision_config")], config, parts=parts)
    assert len(raised.value.what) < 160
    assert "\x1b" not in str(raised.value)
    refused = []
    build([Part("tower", "vision_config")], config, parts=parts, refused=refused)
    assert len(refused) == 1
    assert refused[0].startswith("vision_config (x")
