"""Targets: files, folders, models and hub ids; one that cannot be read is its own problem."""

import json

import pytest

from registry.architecture.blueprints import describe
from registry.architecture.counts import count
from registry.targets import each, expand, expand_each, is_file, load, printable, single
from schemas.errors import BadModel, BadSource, BadUsage, UnknownArchitecture

LLAMA = {
    "model_type": "llama", "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
    "num_attention_heads": 2, "vocab_size": 10,
}  # fmt: skip


def no_world():
    raise AssertionError("a file needs no settings, catalogue or hub")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.json", "a.json", "c.jsonc", "inner/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(LLAMA))
    (tmp_path / "notes.txt").write_text("no config")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_folder_means_its_configs_in_order_of_name(folder):
    assert list(expand(["."])) == ["a.json", "b.json", "c.jsonc", "inner/config.json"]


def test_a_checkout_means_its_config_alone(folder):
    (folder / "inner" / "tokenizer.json").write_text("{}")
    assert list(expand(["inner", "x/y", "a.json"])) == ["inner/config.json", "x/y", "a.json"]


def test_a_folder_without_a_config_does_not_stop_the_others(folder):
    first, (name, error), last = expand_each(["a.json", "empty", "b.json"])
    assert (first, name, last) == ("a.json", "empty", "b.json")
    assert str(error) == (
        "want configs in the folder, found none\n"
        "  from  empty\n  fix   give a config, or a folder with .json or .jsonc files"
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a" * 5000, "want a file or folder, met File name too long"),
        ("~nobody-of-this-name/x.json", "want a file or folder, met Could not determine home directory."),
    ],
    ids=["a name too long", "the home of nobody"],
)
def test_a_path_that_is_none_is_refused(name, what):
    with pytest.raises(BadUsage) as raised:
        list(expand([name]))
    assert raised.value.what == what


def test_one_target_means_one_config(folder):
    assert single("inner") == "inner/config.json"
    with pytest.raises(BadUsage, match="want one config, found 4 in the folder") as raised:
        single(".")
    assert raised.value.fix == "as in a.json"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a.json", True), ("nope.json", True), ("x.jsonc", True), ("./x", True), ("/x", True), ("~/x", True),
        ("notes.txt", True), ("org/name", False), ("llama", False), ("a" * 5000, False),
    ],
)  # fmt: skip
def test_what_is_spelled_like_a_file_or_is_one_is_a_file(folder, name, answer):
    assert is_file(name) is answer


def test_a_file_is_read_with_no_settings_and_no_hub(folder):
    target = load("a.json", no_world)
    assert (target.name, target.where, target.config, target.model) == ("a.json", "a.json", LLAMA, None)
    assert target.architecture.model_type == "llama"


def test_a_file_in_the_home_folder_is_found(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert load("~/a.json", no_world).where == str(folder / "a.json")


def test_another_producer_of_tensors_gets_the_config_and_its_place(folder):
    asked = []
    load("a.json", no_world, lambda config, where: asked.append((config, where)))
    assert asked == [(LLAMA, "a.json")]


def test_each_target_is_read_or_refused_on_its_own(folder):
    (folder / "bad.json").write_text('{"model_type": "llama", "hidden_size": "8"}')
    (folder / "new.json").write_text('{"model_type": "no_such_type"}')
    (folder / "broken.json").write_text("{")
    names = list(
        expand_each(["bad.json", "a.json", "new.json", "empty", "broken.json", "gone.json", "b.json"])
    )
    kinds = [type(found) for _, found in each(names, no_world)]
    assert [kind.__name__ for kind in kinds] == [
        "BadModel", "Target", "UnknownArchitecture", "BadUsage", "BadSource", "BadSource", "Target",
    ]  # fmt: skip
    assert issubclass(UnknownArchitecture, BadModel)
    assert kinds[4] is BadSource


def test_every_refusal_names_place_and_fix_and_holds_nothing_a_terminal_acts_on(folder):
    hostile = "\x1b[31mred\x9b\x7f\u202e"
    (folder / "bad.json").write_text(json.dumps({"model_type": hostile}))
    (folder / "worse.json").write_text(json.dumps({**LLAMA, "hidden_size": hostile}))
    for name, error in each(["bad.json", "worse.json", f"{hostile}.json"], no_world):
        assert error.what
        assert error.where
        assert error.fix
        assert str(error).replace("\n", "").isprintable(), name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.json", "plain name.json"),
        ("größe", "größe"),
        ("a\x1b[0mb", "a\\x1b[0mb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x7f\x9b\u202e\u2028", "\\x7f\\x9b\\u202e\\u2028"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (
            {"model_type": "llama", "hidden_size": 64},
            "num_hidden_layers: the number of layers is not in the config",
        ),
        (
            {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100},
            "hidden_size: the width is not in the config",
        ),
        (
            {"model_type": "mamba", "d_model": 2560, "n_layer": 64},
            "hidden_size: the width is not in the config, and d_model is no key of mamba",
        ),
    ],
    ids=["no layers", "no width", "another tool's spelling"],
)
def test_a_config_that_leaves_out_a_size_is_refused_not_filled_in(config, what):
    with pytest.raises(BadModel) as refused:
        describe(config, "config.json")
    assert refused.value.what == what


def test_a_config_without_any_size_is_the_default_model_of_its_class_and_says_so():
    found = describe({"model_type": "llama"}, "config.json")
    assert found.defaulted["hidden_size"] == 4096
    assert found.defaulted["num_hidden_layers"] == 32


def test_a_tower_that_the_config_does_not_describe_is_not_in_a_total():
    config = {
        "model_type": "gemma3",
        "text_config": {"hidden_size": 64, "num_hidden_layers": 2, "head_dim": 8},
    }
    counts = count(describe(config, "config.json"))
    assert counts.total is None
    assert counts.text is not None
    assert counts.why == ("vision_config is not in the config: the total is not known",)


def test_a_hub_id_that_shards_of_one_checkpoint_share_is_one_target(tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path))
    from registry.cli.common import world

    assert load("meta-llama/Llama-3.1-405B", lambda: world(None)).model.record.n_params == 405853388800
