"""Layers of a layer config: each fault is found at its place, with the number of parameters it is about."""

import copy
from dataclasses import replace

import pytest

from registry.estimator import BUILT_IN, LayerClass
from registry.validate import check_content
from tests.registry.layer_configs import GONE, MODEL, ROUTER, SMALL, changed, findings

A, F, N, E = (("layer_types", i) for i in range(4))
AT, FF, NO = "layer_types[0]", "layer_types[1]", "layer_types[2]"
ERRORS = {
    "a layer is text": (
        [(*A, "attention")],
        AT,
        "want an object, got 'attention'",
        "write name, class, count and specs",
    ),
    "a layer without name": ([(*A, "name", GONE)], f"{AT}.name", "missing; want text", "write name"),
    "a layer without class": ([(*A, "class", GONE)], f"{AT}.class", "missing; want text", "write class"),
    "a layer without specs": (
        [(*A, "specs", GONE)],
        f"{AT}.specs",
        "missing; want an object",
        "write the specs of the layer",
    ),
    "specs are a list": (
        [(*A, "specs", [1])],
        f"{AT}.specs",
        "want an object, got a list of 1",
        "write the specs of the layer",
    ),
    "a layer without count": (
        [(*A, "count", GONE)],
        f"{AT}.count",
        "missing; want an integer from 1 to 100,000",
        "write count",
    ),
    "count 0": ([(*A, "count", 0)], f"{AT}.count", "want an integer from 1 to 100,000, got 0", "mend count"),
    "count 10^12": (
        [(*A, "count", 10**12)],
        f"{AT}.count",
        "want an integer from 1 to 100,000, got 1000000000000",
        "mend count",
    ),
    "supported is text": (
        [(*A, "supported", "no")],
        f"{AT}.supported",
        "want true or false, got 'no'",
        "mend supported",
    ),
    "an unknown class": (
        [(*A, "class", "GroupedAttentionLayer")],
        f"{AT}.class",
        "the estimator has no class 'GroupedAttentionLayer' and fails for the whole model",
        "did you mean GroupedQueryAttentionLayer or AttentionLayer? If not, list it under unsupported_layers",
    ),
    "a class like no other": (
        [(*A, "class", "Xyz")],
        f"{AT}.class",
        "the estimator has no class 'Xyz' and fails for the whole model",
        "list it under unsupported_layers",
    ),
    "a missing spec": (
        [(*A, "specs", "head_dim", GONE)],
        f"{AT}.specs.head_dim",
        "missing; GroupedQueryAttentionLayer requires it",
        "write head_dim into specs",
    ),
    "a spec of 0": (
        [(*A, "specs", "head_dim", 0)],
        f"{AT}.specs.head_dim",
        "want an integer >= 1, got 0",
        "mend head_dim",
    ),
    "has_bias is 0": (
        [(*N, "specs", "has_bias", 0)],
        f"{NO}.specs.has_bias",
        "want true or false, got 0",
        "mend has_bias",
    ),
    "specs with a dtype": (
        [(*A, "specs", "dtype", "bf16")],
        f"{AT}.specs.dtype",
        "the estimator passes dtype itself and fails with a TypeError on a second one",
        "take dtype out of specs",
    ),
    "specs with parallelism": (
        [(*A, "specs", "parallelism", {})],
        f"{AT}.specs.parallelism",
        "the estimator passes parallelism itself and fails with a TypeError on a second one",
        "take parallelism out of specs",
    ),
    "a negative parameter_count": (
        [(*A, "specs", "parameter_count", -1)],
        f"{AT}.specs.parameter_count",
        "want an integer >= 0, got -1",
        "mend parameter_count",
    ),
    "heads that do not divide": (
        [(*A, "specs", "num_kv_heads", 3), (*A, "specs", "parameter_count", GONE)],
        f"{AT}.specs.num_kv_heads",
        "num_heads 4 is no multiple of num_kv_heads 3",
        "mend num_heads or num_kv_heads",
    ),
    "an unknown strategy": (
        [(*A, "parallelism", ["expert_parallel", "tensor_parallel"])],
        f"{AT}.parallelism",
        "GroupedQueryAttentionLayer does not know expert_parallel; the estimator refuses it",
        "it knows tensor_parallel, context_parallel",
    ),
    "a degree of 0": (
        [(*A, "parallelism", {"tensor_parallel": 0})],
        f"{AT}.parallelism.tensor_parallel",
        "want an integer >= 1, got 0",
        "mend it",
    ),
    "parallelism is a number": (
        [(*A, "parallelism", 8)],
        f"{AT}.parallelism",
        "want an object of strategies, got 8",
        "write tensor_parallel: 8, say",
    ),
}


@pytest.mark.parametrize(("changes", "where", "text", "fix"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_found_at_its_place(changes, where, text, fix):
    assert ("error", where, text, fix) in findings(*changes)


def test_a_count_that_cannot_be_is_one_error_and_enters_no_sum():
    assert [one[1] for one in findings((*A, "count", 10**12))] == [f"{AT}.count"]


def test_a_class_whose_strategies_are_not_known_refuses_none():
    known = BUILT_IN["GroupedQueryAttentionLayer"]
    classes = {**BUILT_IN, known.name: replace(known, parallelism=())}
    content = changed((*A, "parallelism", {"ring_parallel": 4}))
    assert check_content(content, f"{MODEL}.json", classes) == []


WARNINGS = {
    "a name of its own": (
        [(*A, "name", "attention_full")],
        (
            f"{AT}.name",
            "'attention_full' loads, but the estimator's own file validator refuses it",
            "it accepts attention, feedforward, norm, embedding; keep the name where there are several of a"
            " kind",
        ),
    ),
    "a known class called unsupported": (
        [(*A, "supported", False), ("validated", False)],
        (
            f"{AT}.class",
            "the estimator does not read supported: it counts this layer as a GroupedQueryAttentionLayer",
            "list it under unsupported_layers unless GroupedQueryAttentionLayer is right",
        ),
    ),
    "specs that are ignored": (
        [(*A, "specs", "has_bias", True), (*A, "specs", "sliding_window", 128)],
        (
            f"{AT}.specs",
            "GroupedQueryAttentionLayer ignores has_bias, sliding_window",
            "it takes hidden_size, num_heads, num_kv_heads, head_dim",
        ),
    ),
}


@pytest.mark.parametrize(("changes", "expected"), WARNINGS.values(), ids=WARNINGS)
def test_what_a_person_may_judge_is_a_warning_and_nothing_else(changes, expected):
    assert findings(*changes) == [("warning", *expected)]


def test_what_the_class_counts_otherwise_is_told_per_layer_and_in_all():
    """Biases of the feed-forward layer: 40 + 40 + 16 = 96 in each of two layers."""
    total = 7056 + 2 * 96
    found = findings(
        (*F, "specs", "parameter_count", 2016),
        ("total_params", total),
        ("n_params", total),
        ("total_params_formatted", "7.2K"),
    )
    assert found == [
        (
            "warning",
            "layer_types[1].specs.parameter_count",
            "GatedMLPLayer itself counts 1,920, parameter_count says 2,016: -96 a layer, -192 in all",
            "mend parameter_count or the specs; say in validation_notes what the class has no place for",
        ),
        (
            "warning",
            "layer_types",
            "the estimator itself counts 7,056 parameters for this model, the file says 7,248: -192"
            " (-2.65 %)",
            "see the layers it counts otherwise; memory and times are estimated with its own count",
        ),
    ]


EXPERTS = {
    "name": "feedforward",
    "class": "MoELayer",
    "count": 2,
    "specs": {
        "hidden_size": 16,
        "intermediate_size": 40,
        "num_experts": 4,
        "top_k": 2,
        "num_projections": 3,
        "parameter_count": 16 * 4 + 4 * 1920,
    },
}
MOE_TOTAL = 7056 + 2 * (64 + 3 * 1920)


def experts(*changes):
    given = [(*F, copy.deepcopy(EXPERTS)), ("total_params", MOE_TOTAL), ("n_params", MOE_TOTAL)]
    return findings(*given, ("total_params_formatted", "18.7K"), *changes)


def test_experts_without_num_projections_lose_a_third_and_are_told_so():
    assert experts() == []
    [layer, _] = experts((*F, "specs", "num_projections", GONE))
    assert layer == (
        "warning",
        f"{FF}.specs.parameter_count",
        "MoELayer itself counts 5,184, parameter_count says 7,744: -2,560 a layer, -5,120 in all",
        "write num_projections, 2 where it is missing and 3 when gated",
    )


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("num_projections", 4, "want 2 or 3, got 4"),
        ("num_projections", True, "want 2 or 3, got true"),
        ("num_shared_experts", -1, "want an integer >= 0, got -1"),
        ("has_bias", None, "want true or false, got null"),
        ("top_k", 5, "top_k 5 is above num_experts 4; the estimator refuses that"),
    ],
)
def test_experts_the_constructor_refuses_are_errors(name, value, text):
    found = experts((*F, "specs", name, value))
    assert ("error", f"{FF}.specs.{name}", text) in [one[:3] for one in found]


def test_heads_wider_than_the_model_are_sent_to_the_class_that_can_hold_them():
    found = findings((*A, "specs", "head_dim", 8), (*A, "specs", "parameter_count", GONE))
    assert (
        "warning",
        f"{AT}.specs.head_dim",
        "num_heads x head_dim is 32, hidden_size 16: GroupedQueryAttentionLayer counts the output projection"
        " as if they were equal",
        "use SlidingWindowAttentionLayer with sliding_window null",
    ) in found
    specs = {
        "hidden_size": 16,
        "num_query_heads": 4,
        "num_kv_heads": 2,
        "head_dim": 8,
        "sliding_window": None,
    }
    specs["parameter_count"] = 32 * 16 + 2 * 16 * 16 + 16 * 32
    total = 7056 + 2 * (specs["parameter_count"] - 768)
    layer = {"name": "attention", "class": "SlidingWindowAttentionLayer", "count": 2, "specs": specs}
    changes = [(*A, layer), ("total_params", total), ("n_params", total), ("total_params_formatted", "8.6K")]
    assert findings(*changes) == []


def test_a_spec_of_another_class_is_named_as_the_one_that_was_meant():
    found = findings((*A, "class", "SlidingWindowAttentionLayer"))
    assert (
        "error",
        f"{AT}.specs.num_query_heads",
        "missing; SlidingWindowAttentionLayer requires it",
        "rename num_heads to num_query_heads",
    ) in found


def test_an_unknown_class_breaks_the_model_even_when_it_is_called_unsupported():
    found = findings(("layer_types", [*SMALL["layer_types"], ROUTER]), ("validated", False))
    assert (
        "error",
        "layer_types[4].class",
        "the estimator has no class 'MoERouterLayer' and fails for the whole model, supported: false or not",
        "list it under unsupported_layers",
    ) in found


WITH_ROUTER = [
    ("unsupported_layers", [ROUTER]),
    ("total_params", 7312),
    ("n_params", 7312),
    ("total_params_formatted", "7.3K"),
    ("validated", False),
]


def test_a_layer_beside_the_others_is_counted_and_told_but_breaks_nothing():
    assert findings(*WITH_ROUTER) == [
        (
            "warning",
            "layer_types",
            "the estimator itself counts 7,056 parameters for this model, the file says 7,312: -256"
            " (-3.50 %)",
            "see the layers it counts otherwise; memory and times are estimated with its own count",
        )
    ]


@pytest.mark.parametrize(
    ("change", "where", "text"),
    [
        (("validated", True), "validated", "true, but 1 layer is unsupported"),
        (
            ("unsupported_layers", 0, "supported", True),
            "unsupported_layers[0].supported",
            "want false, got true",
        ),
        (
            ("unsupported_layers", 0, "supported", GONE),
            "unsupported_layers[0].supported",
            "want false, it is missing",
        ),
        (
            ("unsupported_layers", 0, "gap_report", GONE),
            "unsupported_layers[0].gap_report",
            "want text, it is missing",
        ),
        (
            ("unsupported_layers", 0, "gap_report", ""),
            "unsupported_layers[0].gap_report",
            "want text, got ''",
        ),
        (
            ("unsupported_layers", 0, "name", "norm"),
            "unsupported_layers[0].name",
            "'norm' is the name of layer_types[2] too",
        ),
        (("unsupported_layers", 0, 7), "unsupported_layers[0]", "want an object, got 7"),
    ],
    ids=["validated", "supported", "not said", "no gap report", "empty gap report", "name", "no object"],
)
def test_an_unsupported_layer_has_the_same_shape_and_a_reason(change, where, text):
    changes = [*copy.deepcopy(WITH_ROUTER), change]
    assert ("error", where, text) in [one[:3] for one in findings(*changes)]


def test_a_class_of_a_checkout_is_judged_by_its_own_specs():
    norm = LayerClass("NormLayer", ("hidden_size", "eps"), {}, (), "", "norm")
    found = check_content(changed(), f"{MODEL}.json", {**BUILT_IN, "NormLayer": norm})
    assert [(str(one.severity), one.where) for one in found] == [
        ("error", f"{NO}.specs.eps"),
        ("warning", f"{NO}.specs"),
    ]


@pytest.mark.parametrize("specs", [{f"s{i}": 1 for i in range(20_000)}], ids=["20,000 specs"])
def test_many_ignored_specs_are_named_in_part(specs):
    found = findings((*F, "specs", {**SMALL["layer_types"][1]["specs"], **specs}))
    assert found[0][2] == "GatedMLPLayer ignores s0, s1, s2, s3, s4, s5 and 19,994 more"
