"""`registry add`: the user's file keeps every byte it had, and what was added can be synced and shown."""

import json
import tomllib

import pytest

LLAMA = {
    "model_type": "llama",
    "hidden_size": 2304,
    "intermediate_size": 6144,
    "num_hidden_layers": 18,
    "num_attention_heads": 18,
    "vocab_size": 32000,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "llama_1.36b.json"
    path.write_text(json.dumps(LLAMA), "utf-8")
    return path


def test_a_local_config_gets_a_key_and_its_exact_count(run, registry_home, config):
    result = run("add", str(config), "--family", "mine")
    assert (result.code, result.err) == (0, "")
    record = json.loads(run("show", "file:llama_1.36b", "--format", "json").out)["record"]
    assert record["n_params"] == 1294159104
    assert (record["model_family"], record["model_name"], record["head_dim"]) == ("mine", "llama_1.36b", 128)
    assert run("sync", "--family", "mine").code == 0


def test_the_working_folders_file_is_used_and_kept_byte_for_byte(run, registry_home, config):
    path = registry_home.parent / "work" / "registry.toml"
    before = '# mine\n[models."sku:Llama-2-7b"]\nmax_context_size = 2048'
    path.write_text(before, "utf-8")
    assert run("add", str(config)).code == 0
    after = path.read_text("utf-8")
    assert after.startswith(before)
    assert tomllib.loads(after)["models"]["file:llama_1.36b"] == {"family": "llama", "config": str(config)}


def test_a_second_add_is_refused_with_the_key(run, config):
    run("add", str(config))
    result = run("add", str(config))
    assert result.code == 3
    assert "file:llama_1.36b is already in " in result.err


def test_a_bad_target_does_not_stop_the_others(run, config):
    result = run("add", "none.json", str(config), "--format", "json")
    assert result.code == 3
    assert [added["key"] for added in json.loads(result.out)] == ["file:llama_1.36b"]


def test_a_hub_model_that_cannot_be_read_is_not_listed(run, registry_home, tmp_path):
    result = run("add", "some/model")
    assert result.code == 7
    assert not (tmp_path / "config").exists()


def test_a_config_of_no_model_is_refused(run, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text('{"version": "1.0"}', "utf-8")
    result = run("add", str(path))
    assert result.code == 3
    assert result.err == (
        "problem: config: no model_type, and no hidden_size, intermediate_size, num_hidden_layers, "
        "num_attention_heads, vocab_size\n"
        f"  from  {path}\n"
        "  fix   name the model_type, or give the fields of a Llama-style decoder\n"
    )


def test_a_model_of_the_catalogue_is_not_added_again(run, tmp_path):
    result = run("add", "qwen/qwen3-0.6b")
    assert result.code == 3
    assert result.err == (
        "problem: add: hf:Qwen/Qwen3-0.6B is already in the catalogue\n"
        '  fix   pin values of it under [models."hf:Qwen/Qwen3-0.6B"] in registry.toml\n'
        "  wrote nothing\n"
    )
    assert not (tmp_path / "config").exists()


def test_a_model_nobody_can_read_makes_no_row_and_says_so(run, registry_home):
    (registry_home.parent / "work" / "registry.toml").write_text('[models."hf:some/model"]\n', "utf-8")
    result = run("sync", "--model", "some/model")
    assert result.code == 7
    assert result.out == "Nothing to compare: no selected model could be read.\n"
    assert not (registry_home / "table.sqlite").exists()
