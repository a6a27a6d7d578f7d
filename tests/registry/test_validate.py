"""Layer configs of anyone's: each fault is found, at its place, with the number; a right file has none."""

import copy
import json

import pytest

from registry.catalogue import Entry, load
from registry.estimator import BUILT_IN
from registry.layer_checks import Finding
from registry.layer_file import build
from registry.model import settle
from registry.validate import check_content, check_file, check_files
from sources import configs, snapshot
from tests.registry.layer_configs import GONE, LLAMA_70B, MODEL, SMALL, findings


def test_a_right_file_has_no_findings():
    assert findings() == []


ERRORS = {
    "no model_id": ([("model_id", GONE)], "model_id", "missing; want text", "write model_id"),
    "blank name": ([("name", " ")], "name", "want text, got ' '", "mend name"),
    "hf_model_id is a number": ([("hf_model_id", 3)], "hf_model_id", "want text, got 3", "mend hf_model_id"),
    "another model_id": (
        [("model_id", "other")],
        "model_id",
        "want the file's name without .json, 'org_small', got 'other'",
        "mend model_id or rename the file",
    ),
    "no vocab_size": (
        [("vocab_size", GONE)],
        "vocab_size",
        "missing; want an integer >= 1",
        "write vocab_size",
    ),
    "hidden_size is a float": (
        [("hidden_size", 16.0)],
        "hidden_size",
        "want an integer >= 1, got 16.0",
        "mend hidden_size",
    ),
    "num_layers is true": (
        [("num_layers", True)],
        "num_layers",
        "want an integer from 1 to 100,000, got true",
        "mend num_layers",
    ),
    "no layer_types": (
        [("layer_types", GONE)],
        "layer_types",
        "missing; want a list of layers",
        "write layer_types",
    ),
    "layer_types is an object": (
        [("layer_types", {})],
        "layer_types",
        "want a list of layers, got an object",
        "mend layer_types",
    ),
    "layer_types is empty": (
        [("layer_types", [])],
        "layer_types",
        "want at least one layer, got none",
        "write the layers",
    ),
    "too many layers": (
        [("layer_types", [{}] * 1001)],
        "layer_types",
        "want at most 1,000 layers, got 1,001; none was checked",
        "give each kind of layer once, with its count",
    ),
    "unsupported_layers is null": (
        [("unsupported_layers", None)],
        "unsupported_layers",
        "want a list of layers, got null",
        "mend unsupported_layers",
    ),
    "two layers of one name": (
        [("layer_types", 1, "name", "attention")],
        "layer_types[1].name",
        "'attention' is the name of layer_types[0] too; the estimator refuses the file",
        "give every layer a name of its own",
    ),
    "total_params is text": (
        [("total_params", "7B")],
        "total_params",
        "want an integer >= 1, got '7B'; the estimator lists no model at all then",
        "mend total_params",
    ),
    "n_params is another": (
        [("n_params", 7000)],
        "n_params",
        "the layers sum to 7,056, n_params says 7,000: -56",
        "write 7056 if the layers are right, else mend count or parameter_count",
    ),
    "two totals and no counts of layers": (
        [("n_params", 7000), *[("layer_types", i, "specs", "parameter_count", GONE) for i in range(4)]],
        "n_params",
        "n_params says 7,000, total_params 7,056: -56",
        "mend one of them",
    ),
    "validated is text": (
        [("validated", "yes")],
        "validated",
        "want true or false, got 'yes'",
        "mend validated",
    ),
}


@pytest.mark.parametrize(("changes", "where", "text", "fix"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_found_at_its_place(changes, where, text, fix):
    assert ("error", where, text, fix) in findings(*changes)


HIDING = {"no layer_types", "layer_types is an object", "layer_types is empty", "too many layers"}
HIDING |= {"two totals and no counts of layers", "hidden_size is a float"}
"""Faults with more than one consequence."""


@pytest.mark.parametrize("name", sorted(set(ERRORS) - HIDING))
def test_one_fault_is_one_finding(name):
    changes, *_ = ERRORS[name]
    assert len(findings(*changes)) == 1


WARNINGS = {
    "no total": (
        [("total_params", GONE), ("n_params", GONE), ("total_params_formatted", GONE)],
        ("total_params", "missing; nothing to compare the layers with", "write total_params"),
    ),
    "another vocabulary": (
        [("vocab_size", 64)],
        (
            "layer_types[3].specs.vocab_size",
            "50 is not the model's vocab_size, 64",
            "mend one of them unless the layer has another vocab_size",
        ),
    ),
    "formatted otherwise": (
        [("total_params_formatted", "7.0K")],
        ("total_params_formatted", "total_params is 7,056, this says '7.0K'", "write 7.1K"),
    ),
    "formatted in words": (
        [("total_params_formatted", "seven thousand")],
        ("total_params_formatted", "want a number like 69.5B, got 'seven thousand'", "mend it"),
    ),
    "more attention than layers": (
        [("num_layers", 1)],
        ("num_layers", "2 attention layers, but num_layers is 1", "mend num_layers or the counts"),
    ),
    "a known model of another size": (
        [("validated", False)],
        (
            "total_params",
            "org/small has 7,100 parameters, total_params says 7,056: -44",
            "take the layers from registry build org/small",
        ),
    ),
}


@pytest.mark.parametrize(("changes", "expected"), WARNINGS.values(), ids=WARNINGS)
def test_what_a_person_may_judge_is_a_warning_and_nothing_else(changes, expected):
    known = {"org/small": (7100, 7200)} if "7,100" in expected[1] else {}
    found = findings(*changes, counts=lambda repo: known.get(repo, ()))
    assert found == [("warning", *expected)]


def test_a_known_model_of_this_size_is_right_by_any_of_its_counts():
    assert findings(counts=lambda repo: {"org/small": (7100, 7056)}[repo]) == []


def test_a_wrong_total_that_is_called_validated_is_an_error():
    found = findings(counts=lambda repo: {"org/small": (7100,)}[repo])
    what = "org/small has 7,100 parameters, total_params says 7,056: -44, yet validated is true"
    assert found == [("error", "total_params", what, "take the layers from registry build org/small")]


def test_layers_that_do_not_add_up_are_told_with_the_number():
    [found] = findings(("total_params", 7000), ("n_params", GONE), ("total_params_formatted", GONE))[:1]
    assert found == (
        "error",
        "total_params",
        "the layers sum to 7,056, total_params says 7,000: -56",
        "write 7056 if the layers are right, else mend count or parameter_count",
    )


REPO = "meta-llama/Llama-3.3-70B-Instruct"


def of_70b(n_norms, n_embeddings, total):
    content = copy.deepcopy(LLAMA_70B)
    content["layer_types"][2]["count"], content["layer_types"][3]["count"] = n_norms, n_embeddings
    content["total_params"] = total
    found = check_content(
        content, f"{LLAMA_70B['model_id']}.json", BUILT_IN, {REPO: (70_553_706_496,)}.__getitem__
    )
    return [(str(one.severity), one.where, one.text) for one in found]


def test_the_estimators_70b_adds_up_and_is_still_short_of_its_model():
    """It has no output head and no 81 of its norms: 1,050,673,152 + 81 * 8,192 = 1,051,336,704."""
    assert of_70b(80, 1, 69_502_369_792) == [
        (
            "error",
            "total_params",
            f"{REPO} has 70,553,706,496 parameters, total_params says 69,502,369,792: -1,051,336,704,"
            " yet validated is true",
        ),
        ("warning", "layer_types", "80 norms for 80 layers leave none for the end"),
    ]


def test_the_right_layers_do_not_add_up_to_the_estimators_70b_total():
    found = of_70b(161, 2, 69_502_369_792)
    assert found[0] == (
        "error",
        "total_params",
        "the layers sum to 70,553,706,496, total_params says 69,502,369,792: -1,051,336,704",
    )


def test_the_estimators_layers_do_not_add_up_to_the_right_70b_total():
    content_errors = [one for one in of_70b(80, 1, 70_553_706_496) if one[0] == "error"]
    assert content_errors == [
        (
            "error",
            "total_params",
            "the layers sum to 69,502,369,792, total_params says 70,553,706,496: +1,051,336,704",
        )
    ]


def own_layer_files():
    for entry in load().entries:
        built = build(settle(entry, snapshot.read().observe(entry.key)), ())
        if built:
            yield pytest.param(built.content, id=entry.key)


@pytest.mark.parametrize("content", list(own_layer_files()))
def test_the_registrys_own_files_have_no_errors(tmp_path, content):
    path = tmp_path / f"{content['model_id']}.json"
    path.write_text(json.dumps(content))
    assert [one for one in check_file(path, BUILT_IN) if one.severity == "error"] == []


@pytest.mark.parametrize("name", ["sku:Llama-2-7b", "sku:Llama3.2-1B", "sku:Llama3.3-70B-Instruct"])
def test_the_registrys_own_files_of_dense_llamas_have_no_findings(tmp_path, name):
    entry = load().one(name)
    content = build(settle(entry, snapshot.read().observe(entry.key)), ()).content
    path = tmp_path / f"{content['model_id']}.json"
    path.write_text(json.dumps(content))
    assert check_file(path, BUILT_IN) == []


def test_a_file_of_ours_with_biases_the_estimator_has_no_place_for_has_warnings_alone(tmp_path):
    config = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "mlp_bias": True}
    entry = Entry(key="hf:org/name", family=None, config_repo="org/name")
    content = build(settle(entry, configs.parse(entry.key, config, "test")), ()).content
    path = tmp_path / "org_name.json"
    path.write_text(json.dumps(content))
    found = check_file(path, BUILT_IN)
    assert {str(one.severity) for one in found} == {"warning"}
    assert f"-{96 + 96 + 64} a layer, -{3 * (96 + 96 + 64)} in all" in found[0].text


UNREADABLE = {
    "nested 100,000 deep": (b'{"a":' + b"[" * 100_000, "file", "nested too deep"),
    "NaN": (b'{"total_params": NaN}', "file", "NaN is no number of JSON"),
    "a key twice": (b'{"a": 1, "a": 1}', "file", "the key 'a' stands twice in one object"),
    "an array": (b"[]", "file", "want an object, got an array"),
    "bytes": (b"\x89PNG\r\n", "file", "not UTF-8: byte 0x89 at 0"),
    "empty": (b"", "line 1, column 1", "not JSON: expecting value"),
    "too large": (b" " * (4 * 2**20 + 1), "file", "want at most 4,194,304 bytes, got more"),
    "comments": (
        b'{\n  "count": 80 // layers\n}',
        "line 2, column 15",
        "not JSON: expecting ',' delimiter",
    ),
    "a number past 2^53": (
        b'{"count": 9007199254740993}',
        "file",
        "the integer 9007199254740993 is above 2^53 and not exact in a table",
    ),
}


@pytest.mark.parametrize(("content", "where", "text"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_error(tmp_path, content, where, text):
    path = tmp_path / f"{MODEL}.json"
    path.write_bytes(content)
    [found] = check_file(path, BUILT_IN)
    assert (str(found.severity), found.where, found.text) == ("error", where, text)
    if b"//" in content:
        assert found.fix == "take comments and trailing commas out: the estimator reads plain JSON"


def test_a_folder_a_pipe_and_a_missing_file_are_one_error_each(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.json")
    found = [check_file(path, BUILT_IN) for path in (tmp_path, tmp_path / "pipe.json", tmp_path / "no.json")]
    assert [[(one.where, one.text) for one in each] for each in found] == [
        [("file", "want a regular file")],
        [("file", "want a regular file")],
        [("file", "cannot read it: No such file or directory")],
    ]


def test_hostile_texts_are_shown_short_and_on_one_line(tmp_path):
    path = tmp_path / f"{MODEL}.json"
    wild = "\x1b[2J\n" + "x" * 100_000
    layer = {"name": wild, "class": wild, "count": wild, "specs": {wild: 1, "parameter_count": wild}}
    path.write_text(json.dumps({**SMALL, "model_id": wild, "name": [[[]]] * 9, "layer_types": [layer, wild]}))
    found = check_file(path, BUILT_IN)
    assert len(found) > 5
    for one in found:
        assert len(one.text) < 250
        assert (one.text + one.where + one.fix).isprintable()


def test_two_files_with_one_model_id_are_an_error_in_both(tmp_path):
    paths = [tmp_path / folder / f"{MODEL}.json" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(json.dumps(SMALL))
    other = tmp_path / "b" / "other.json"
    other.write_text(json.dumps({**SMALL, "model_id": "other"}))
    first, second, third = check_files([*paths, other], BUILT_IN)
    fix = "keep one of them"
    assert first.findings == (
        Finding("error", "model_id", f"also that of {paths[1]}; the estimator loads one of them", fix),
    )
    assert [one.text for one in second.findings] == [
        f"also that of {paths[0]}; the estimator loads one of them"
    ]
    assert third.findings == ()
    assert [one.is_valid for one in (first, second, third)] == [False, False, True]


def test_the_errors_come_first():
    changes = [("total_params_formatted", "9K"), ("layer_types", 0, "name", "x"), ("validated", 1)]
    severities = [one[0] for one in findings(*changes, ("layer_types", 3, "count", 0))]
    assert severities == ["error", "error", "warning", "warning"]
