"""`registry build` as its users run it: what is printed, what is written, what is kept, what is refused."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry.cli.build import COMMANDS
from registry.estimator import BUILT_IN
from registry.validate import check_file
from schemas.errors import BadSource, Refused
from tests.registry.settled import LLAMA

(build,) = COMMANDS
CONFIGS = Path(__file__).parents[1] / "data" / "configs"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with small.json and deep.json (four layers of DeepSeek-V3)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path / "home"))
    write(tmp_path / "small.json", LLAMA)
    v3 = json.loads((CONFIGS / "DeepSeek-V3.json").read_text())
    write(tmp_path / "deep.json", {**v3, "num_hidden_layers": 4, "num_nextn_predict_layers": 0})
    return tmp_path


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def run(*argv):
    """Exit code, stdout and stderr, as `registry` turns them into."""
    result = CliRunner().invoke(build, list(map(str, argv)), standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout, result.stderr


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# small: 100*64 + 3*(2*64*64 + 2*32*64 + 3*64*96 + 2*64) + 64 = 99,008. deep: 4*187,107,328 + 3*3*7168*18432 +
# (257*3*7168*2048 + 256*7168) + 9*7168 + 2*129280*7168 = 15,111,101,440.
DEEP = ["deep.json", "deep.validation.md", "gaps/README.md", "gaps/deep/attention.md"]


def test_two_targets_are_written_and_listed(place):
    assert run("small.json", "deep.json", "--out", "out", "--index") == (
        0,
        "written    README.md\n"
        "written    deep.json\n"
        "written    deep.validation.md\n"
        "written    gaps/README.md\n"
        "written    gaps/deep/attention.md\n"
        "written    small.json\n"
        "written    small.validation.md\n"
        "\n"
        "small          99,008 parameters  not validated  every layer has a class\n"
        "deep   15,111,101,440 parameters  not validated  no class for attention\n"
        "\n"
        "folder     out\n"
        "next       registry validate out\n",
        "",
    )
    assert files(place / "out") == ["README.md", *DEEP, "small.json", "small.validation.md"]
    for name in ("small", "deep"):
        found = check_file(place / "out" / f"{name}.json", BUILT_IN)
        assert [one for one in found if str(one.severity) == "error"] == []


def test_a_second_run_changes_nothing(place):
    run("deep.json", "--out", "out")
    before = {name: (place / "out" / name).read_bytes() for name in DEEP}
    code, out, _ = run("deep.json", "--out", "out")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["unchanged"] * 4
    assert {name: (place / "out" / name).read_bytes() for name in files(place / "out")} == before


def test_a_dry_run_prints_report_config_and_gaps_and_writes_nothing(place):
    code, out, err = run("deep.json", "--out", "out", "--dry-run")
    assert (code, err, (place / "out").exists(), (place / "home").exists()) == (0, "", False, False)
    heads = [line for line in out.splitlines() if line.startswith("--- ")]
    assert heads == ["--- deep.validation.md", "--- deep.json", "--- gaps/deep/attention.md"]
    assert (
        out.index("# Validation report: deep")
        < out.index('"model_id": "deep"')
        < out.index("# Layer gap report")
    )
    assert out.endswith(
        "written    deep.json\n"
        "written    deep.validation.md\n"
        "written    gaps/README.md\n"
        "written    gaps/deep/attention.md\n"
        "\n"
        "deep  15,111,101,440 parameters  not validated  no class for attention\n"
        "\n"
        "folder     out\n"
        "Nothing written (--dry-run).\n"
    )


def test_json_is_one_document_with_and_without_writing(place):
    code, out, _ = run("deep.json", "missing.json", "--out", "out", "--dry-run", "--format", "json")
    planned = json.loads(out)
    assert (code, planned["exit_code"], planned["dry_run"]) == (5, 5, True)
    contents = planned["models"][0].pop("files")
    assert sorted(contents) == ["deep.json", "deep.validation.md", "gaps/deep/attention.md"]
    code, out, _ = run("deep.json", "missing.json", "--out", "out", "--format", "json")
    assert (code, json.loads(out)) == (5, {**planned, "dry_run": False})
    assert planned == {
        "folder": "out",
        "dry_run": True,
        "models": [
            {
                "model_id": "deep",
                "hf_model_id": "deep",
                "total_params": 15_111_101_440,
                "validated": False,
                "unsupported_layers": ["attention"],
            }
        ],
        "files": [{"path": f"out/{name}", "action": "written"} for name in DEEP],
        "problems": [
            {
                "code": 3,
                "message": "config: want a readable file, met No such file or directory",
                "where": "missing.json",
                "fix": "give the path of a .json or .jsonc file",
            }
        ],
        "exit_code": 5,
    }
    written = json.loads((place / "out" / "deep.json").read_text())
    written.pop("generated_by")
    assert written == contents["deep.json"]


def test_all_layers_are_inline_and_the_report_stays(place):
    run("deep.json", "--out", "out", "--all-layers")
    content = json.loads((place / "out" / "deep.json").read_text())
    assert [layer["name"] for layer in content["layer_types"] if not layer["supported"]] == ["attention"]
    assert content["unsupported_layers"] == []
    assert files(place / "out") == DEEP


def test_one_refused_target_does_not_stop_the_others(place):
    write(place / "unknown.json", {**LLAMA, "model_type": "no_such_type"})
    code, out, err = run("unknown.json", "small.json", "nothing.json", "--out", "out")
    assert code == 5
    assert files(place / "out") == ["small.json", "small.validation.md"]
    assert "small  99,008 parameters  not validated  every layer has a class\n" in out
    assert [line for line in err.splitlines() if line.startswith("problem: ")] == [
        "problem: config: want a readable file, met No such file or directory",
        "problem: file:unknown: no layer config: no blueprint for model_type 'no_such_type': its tensors are "
        "not known here",
    ]


def test_nothing_built_is_said(place):
    code, out, _ = run("nothing.json", "--out", "out")
    assert (code, out, (place / "out").exists()) == (5, "Nothing written.\n", False)


def test_the_estimators_own_folder_keeps_what_is_its_own(place):
    out = place / "model_configs"
    out.mkdir()
    theirs = {
        "README.md": "# Mine\n",
        "small.json": '{"model_id": "small"}',
        "other.json": "{not json",
        "a.bin": "\0",
    }
    for name, content in theirs.items():
        write(out / name, content)
    code, printed, err = run("small.json", "--out", out, "--index")
    assert (code, err) == (5, "")
    assert printed == (
        "kept       README.md; ours beside it as README.md.new\n"
        "kept       small.json; ours beside it as small.json.new\n"
        "written    small.validation.md\n"
        "\n"
        "small  99,008 parameters  not validated  every layer has a class\n"
        "\n"
        f"folder     {out}\n"
        f"next       registry validate {out}\n"
    )
    assert {name: (out / name).read_text() for name in theirs} == theirs
    assert "| `small.json` | small | 3 | 99,008 | no | none |" in (out / "README.md.new").read_text()
    assert run("small.json", "--out", out, "--index")[0] == 5


def test_the_index_lists_what_lies_there_already(place):
    run("deep.json", "--out", "out")
    write(place / "out" / "theirs.json", {"model_id": "theirs", "layer_types": [], "hf_model_id": "a|b\n<c>"})
    run("small.json", "--out", "out", "--index")
    rows = [row for row in (place / "out" / "README.md").read_text().splitlines() if row.startswith("| `")]
    assert rows == [
        "| `deep.json` | deep | 4 | 15,111,101,440 | no | attention |",
        "| `small.json` | small | 3 | 99,008 | no | none |",
        "| `theirs.json` | a\\|b &lt;c&gt; |  | unknown | no | none |",
    ]
    assert "deep/attention.md" in (place / "out" / "gaps" / "README.md").read_text()


def test_skus_of_one_repository_are_one_file(place):
    code, out, err = run("Llama3.1-405B:bf16-mp8", "Llama3.1-405B:bf16-mp16", "--out", "out")
    assert (code, err) == (0, "")
    assert files(place / "out") == [
        "meta-llama_Llama-3.1-405B.json",
        "meta-llama_Llama-3.1-405B.validation.md",
    ]
    assert out.count("405,853,388,800 parameters  validated") == 1


def test_two_different_models_of_one_name_are_refused_and_nothing_is_written(place):
    for folder, vocabulary in (("a", 100), ("b", 200)):
        (place / folder).mkdir()
        write(place / folder / "same.json", {**LLAMA, "vocab_size": vocabulary})
    with pytest.raises(Refused) as refused:
        run("a/same.json", "b/same.json", "--out", "out")
    assert str(refused.value) == (
        "same.json: two different contents want this file\n"
        "  from  out/same.json, out/same.json\n"
        "  fix   select the models of one of them at a time, with different folders\n"
        "  wrote nothing"
    )
    assert not (place / "out").exists()


ESTIMATOR = """
class NormLayer(Layer):
    def __init__(self, layer_idx, hidden_size, has_bias=False, dtype=None, parallelism=None): ...
class EmbeddingLayer(Layer):
    def __init__(self, vocab_size, hidden_size, dtype=None, parallelism=None): ...
class GroupedQueryAttentionLayer(Layer):
    def __init__(self, layer_idx, hidden_size, num_heads, num_kv_heads, head_dim, rope, dtype=None): ...
"""


def test_a_checkout_that_cannot_load_the_file_gets_none(place):
    layers = place / "checkout" / "backend" / "layers"
    layers.mkdir(parents=True)
    write(layers / "all.py", ESTIMATOR)
    code, out, err = run("small.json", "--out", "out", "--estimator", "checkout")
    assert (code, out, (place / "out").exists()) == (5, "Nothing written.\n", False)
    assert err == (
        "problem: small: attention: its GroupedQueryAttentionLayer wants rope too\n"
        "  from  checkout\n"
        "  fix   use the estimator's newest version, or report the change\n"
        "  wrote nothing of this model\n"
        "problem: small: feedforward: this estimator has no GatedMLPLayer\n"
        "  from  checkout\n"
        "  fix   use the estimator's newest version, or report the change\n"
        "  wrote nothing of this model\n"
    )


def test_a_folder_that_is_no_checkout_stops_before_anything_is_built(place):
    with pytest.raises(BadSource, match="want a folder with backend/layers"):
        run("small.json", "--out", "out", "--estimator", "nowhere")
    assert not (place / "out").exists()


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


HOSTILE = {
    "a missing key": ({"model_type": "llama", "hidden_size": 64, "vocab_size": None}, "vocab_size"),
    "no model": ({"a": 1}, "config: no model_type, and no hidden_size"),
    "a string for a number": ({**LLAMA, "hidden_size": "64"}, "want int >= 1, got '64'"),
    "true for a number": ({**LLAMA, "num_hidden_layers": True}, "want int >= 1, got True"),
    "zero heads": ({**LLAMA, "num_attention_heads": 0}, "n_heads: want int >= 1, got 0"),
    "heads that do not divide": (
        {**LLAMA, "num_key_value_heads": 3},
        "want query heads that are a multiple of the key/value heads, got 4 and 3",
    ),
    "10^12 layers": ({**LLAMA, "num_hidden_layers": 10**12}, "want at most 100000 layers, got 1000000000000"),
    "more than a double holds": ({**LLAMA, "vocab_size": 2**60}, "is above 2^53"),
    "not a number": ('{"model_type": "llama", "rope_theta": NaN}', "NaN is no number of JSON"),
    "nested 100,000 deep": (nested(100_000), "nested too deep"),
    "a path as model type": ({**LLAMA, "model_type": "../../etc/passwd"}, "no blueprint for model_type"),
    "a NUL in the model type": (
        {**LLAMA, "model_type": "llama\0"},
        "no blueprint for model_type 'llama\\x00'",
    ),
    "an array": ("[]", "want an object, got an array"),
    "nothing": ("", "not JSON"),
    "more experts per token than experts": (
        {**LLAMA, "model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 5},
        "want at most 4 experts per token, got 5",
    ),
}


@pytest.mark.parametrize("case", list(HOSTILE))
def test_a_hostile_config_is_a_clear_error_and_leaves_nothing(place, case):
    content, said = HOSTILE[case]
    write(place / "config.json", content)
    code, out, err = run("config.json", "--out", "out")
    assert (code, out) == (5, "Nothing written.\n")
    assert said in err
    assert "  fix   " in err or "  from  " in err
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("name", "model_id"),
    [("a b;$(x)`y`|z", "a-b-x-y-z"), ("..x", "..x"), ("\u2028caf\u00e9", "-u2028caf-")],
)
def test_a_file_name_of_any_characters_stays_in_the_folder(place, name, model_id):
    write(place / f"{name}.json", LLAMA)
    code, _, err = run(f"./{name}.json", "--out", "out")
    assert (code, err) == (0, "")
    assert files(place / "out") == [f"{model_id}.json", f"{model_id}.validation.md"]


def test_a_name_too_long_for_the_disk_is_said_and_nothing_is_half_written(place):
    name = "x" * 245
    write(place / f"{name}.json", LLAMA)
    code, _, err = run(f"{name}.json", "--out", "out")
    assert code == 5
    assert f"{name}.json: cannot write it: File name too long\n" in err
    assert "  fix   give it a shorter name\n" in err
    assert files(place / "out") == []


def test_a_folder_that_cannot_be_written_is_said_per_file(place):
    write(place / "out", "a file, no folder")
    code, out, err = run("small.json", "--out", "out")
    assert code == 5
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["kept", "kept"]
    assert "problem: small.json: cannot write it: " in err
    assert (place / "out").read_text() == "a file, no folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_said(place):
    (place / "out").mkdir(mode=0o500)
    code, _, err = run("small.json", "--out", "out")
    assert code == 5
    assert "cannot write it: Permission denied" in err


def test_without_out_the_layer_folder_of_sync_is_used(place):
    assert run("small.json")[0] == 0
    assert files(place / "home") == ["layers/small.json", "layers/small.validation.md"]
