"""`registry validate` as its users run it: files, folders, a checkout; text, JSON, exit codes."""

import json

import pytest
from click.testing import CliRunner

from registry.cli.validate import COMMANDS
from schemas.errors import BadSource, BadUsage
from tests.registry.layer_configs import LLAMA_70B, MODEL, SMALL

(validate,) = COMMANDS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with `configs/`, and a function that writes files there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()

    def write(**files):
        for name, content in files.items():
            path = tmp_path / "configs" / f"{name}.json"
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return tmp_path

    return write


def run(*argv):
    """Exit code and output, as `registry` turns them into."""
    result = CliRunner().invoke(validate, argv, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.output


def test_a_right_file_says_so_and_what_to_do_with_it(folder):
    folder(**{MODEL: SMALL})
    assert run(f"configs/{MODEL}.json") == (
        0,
        "configs/org_small.json: valid, 7,056 parameters\n"
        "\n"
        "1 file, 1 valid, 0 errors, 0 warnings.\n"
        "next   copy them to backend/data/model_configs/ of the estimator; it reads them on every request\n",
    )


def test_a_folder_is_checked_file_by_file_and_the_worst_comes_out(folder):
    wrong = {**SMALL, "model_id": "b_wrong", "num_layers": 0, "total_params_formatted": "8K"}
    root = folder(c_broken=b"{", b_wrong=wrong, **{MODEL: SMALL})
    (root / "configs" / "notes.txt").write_text("no layer config")
    (root / "configs" / "deeper.json").mkdir()
    assert run("configs") == (
        5,
        "configs/b_wrong.json: not valid, 7,056 parameters\n"
        "  error    num_layers              want an integer from 1 to 100,000, got 0\n"
        "                                   fix: mend num_layers\n"
        "  warning  total_params_formatted  total_params is 7,056, this says '8K'\n"
        "                                   fix: write 7K\n"
        "\n"
        "configs/c_broken.json: not valid\n"
        "  error    line 1, column 2  not JSON: expecting property name enclosed in double quotes\n"
        "                             fix: mend the file, or take it from its source again\n"
        "\n"
        "configs/org_small.json: valid, 7,056 parameters\n"
        "\n"
        "3 files, 1 valid, 2 errors, 1 warning.\n"
        "next   mend the errors, then: registry validate configs/b_wrong.json\n",
    )


def test_warnings_alone_leave_a_file_valid(folder):
    folder(**{MODEL: {**SMALL, "total_params_formatted": "8K"}})
    code, out = run("configs")
    assert code == 0
    assert "  warning  total_params_formatted  " in out


def test_json_is_one_document_with_every_finding(folder):
    folder(c_broken=b"[1]", **{MODEL: SMALL})
    code, out = run("configs", "--format", "json")
    assert code == 5
    assert json.loads(out) == [
        {
            "path": "configs/c_broken.json",
            "valid": False,
            "findings": [
                {
                    "severity": "error",
                    "where": "file",
                    "text": "want an object, got an array",
                    "fix": "mend the file, or take it from its source again",
                }
            ],
            "n_params": None,
        },
        {"path": "configs/org_small.json", "valid": True, "findings": [], "n_params": 7056},
    ]


def test_a_model_of_the_catalogue_is_compared_with_its_checkpoint(folder):
    """The estimator's own file is short by the output head and 81 norms."""
    folder(**{LLAMA_70B["model_id"]: LLAMA_70B})
    code, out = run("configs")
    assert code == 5
    assert (
        "  error    total_params  meta-llama/Llama-3.3-70B-Instruct has 70,553,706,496 parameters,"
        " total_params says 69,502,369,792: -1,051,336,704, yet validated is true\n"
    ) in out


def test_a_file_named_twice_is_checked_once(folder):
    folder(**{MODEL: SMALL})
    code, out = run("configs", f"configs/{MODEL}.json", f"./configs/../configs/{MODEL}.json")
    assert code == 0
    assert "1 file, 1 valid" in out


def test_a_checkout_decides_which_classes_there_are(folder):
    root = folder(**{MODEL: SMALL})
    layers = root / "estimator" / "backend" / "layers"
    layers.mkdir(parents=True)
    (layers / "all.py").write_text(
        "class NormLayer:\n"
        "    def __init__(self, layer_idx, hidden_size, has_bias=False, dtype='bf16', **rest): ...\n"
    )
    code, out = run("configs", "--estimator", "estimator")
    assert code == 5
    assert out.count("the estimator has no class") == 3
    assert "NormLayer" not in out


@pytest.mark.parametrize(
    ("argv", "kind", "text"),
    [
        (
            ["nowhere.json"],
            BadUsage,
            "validate: cannot read nowhere.json: No such file or directory\n  from  nowhere.json\n"
            "  fix   give a layer config, or a folder that holds some",
        ),
        (
            ["configs"],
            BadUsage,
            "validate: no *.json file in the folder\n  from  configs\n"
            "  fix   give a layer config, or a folder that holds some",
        ),
        (
            [".", "--estimator", "nowhere"],
            BadSource,
            "estimator: want a folder with backend/layers, met No such file or directory\n"
            "  from  nowhere/backend/layers\n  fix   give the top folder of an estimator checkout",
        ),
    ],
    ids=["no such path", "an empty folder", "no checkout"],
)
def test_a_path_that_leads_nowhere_ends_with_3(folder, argv, kind, text):
    (folder() / "x.json").write_text(json.dumps(SMALL))
    with pytest.raises(kind) as refused:
        run(*argv)
    assert refused.value.exit_code == 3
    assert str(refused.value) == text


def test_odd_file_names_are_shown_and_not_run_by_the_terminal(folder):
    root = folder()
    (root / "configs" / "a b\x1b.json").write_bytes(b"{")
    (root / "configs" / "gone.json").symlink_to("nowhere")
    code, out = run("configs")
    assert code == 5
    assert "configs/a b\\x1b.json: not valid" in out
    assert "  error    file  cannot read it: No such file or directory\n" in out
    assert out.endswith("registry validate 'configs/a b\\x1b.json'\n")
    assert json.loads(run("configs", "--format", "json")[1])[0]["path"] == "configs/a b\x1b.json"
