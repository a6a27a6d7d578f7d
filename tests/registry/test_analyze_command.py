"""`registry analyze`: exact counts of configs of anybody's, and a clear refusal of what is none."""

import copy
import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.analysis import COMPONENTS, analysis
from registry.architecture.blueprints import describe
from registry.architecture.config_view import known_keys
from registry.targets import Target
from schemas.errors import RegistryError
from tests.hub_emulator import HubEmulator

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "tests" / "data" / "configs"
LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}  # fmt: skip
TOTAL = 2 * 100 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 96 + 2 * 64) + 64


@pytest.fixture
def write(registry_home):
    """Writes a config into the working folder and gives its name."""

    def config(name="c.json", **keys):
        Path(name).write_text(json.dumps({**LLAMA, **keys}))
        return name

    return config


def test_the_json_document_has_the_keys_others_rely_on(run, write):
    ended = run("analyze", write(), "--format", "json")
    (document,) = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert (document["target"], document["architecture"]) == ("c.json", "llama")
    counts = ["total", "text", "active", "active_no_input_embedding"]
    assert list(document["params"]) == [*counts, *COMPONENTS, "mtp"]
    assert [document["params"][name] for name in counts] == [TOTAL, TOTAL, TOTAL, TOTAL - 6400]
    assert sum(document["params"][name] for name in COMPONENTS) == TOTAL
    assert sum(layer["params"] for layer in document["layers"]) == TOTAL


def test_the_text_says_what_each_number_means(run, write):
    ended = run("analyze", write(tie_word_embeddings=True))
    assert ended.out == (
        "c.json  (llama)\n"
        "\n"
        "  count                               parameters\n"
        "  total                                   68,160  every parameter once; tied weights once, no "
        "buffers, no MTP module\n"
        "  text                                    68,160  total without vision and audio towers and "
        "projectors\n"
        "  active                                  68,160  text with top-k of the routed experts; embeddings "
        "and head in\n"
        "  active no input embedding               68,160  active without the input embedding; a tied one "
        "stays, as head\n"
        "\n"
        "  component                           parameters  share\n"
        "  embedding                                6,400    9.4 %  embeddings of tokens, token types "
        "and layers\n"
        "  attention                               24,576   36.1 %\n"
        "  mlp                                     36,864   54.1 %\n"
        "  norm                                       320    0.5 %\n"
        "\n"
        "  layer                               parameters  count x each\n"
        "  attention                               24,576  2 x 12,288  GQA  layers 0-1\n"
        "  feedforward                             36,864  2 x 18,432  gated MLP  layers 0-1\n"
        "  norm                                       320  5 x 64  norm without bias\n"
        "  embedding                                6,400  1 x 6,400\n"
        "\n"
        "  note: lm_head.weight is model.embed_tokens.weight: counted once, as embedding\n"
    )
    assert ended.err == "\ntensors: registry inspect c.json; layer config: registry build c.json\n"


def test_several_targets_stand_side_by_side_and_a_refused_one_does_not_stop_them(run, write):
    write("a.json")
    write("much longer.json", num_hidden_layers=20)
    write("bad.json", hidden_size="64")
    ended = run("analyze", "a.json", "bad.json", "much longer.json")
    assert ended.code == 5
    assert ended.out.splitlines()[:3] == [
        "target            architecture    total     text   active  without input embedding",
        "a.json            llama          74,560   74,560   74,560                   68,160",
        "much longer.json  llama         629,824  629,824  629,824                  623,424",
    ]
    assert ended.err == (
        "problem: bad.json: hidden_size: want int >= 0, got '64'\n"
        "  from  bad.json\n"
        "  fix   correct hidden_size in the config\n"
        "\ncomponents and layers: registry analyze a.json, or --format md for all\n"
    )


def test_csv_has_a_row_for_each_target_and_md_a_column(run, write):
    write("a.json")
    write("b|x.json", vocab_size="many")
    rows = list(csv.DictReader(io.StringIO(run("analyze", "a.json", "b|x.json", "--format", "csv").out)))
    assert [row["total"] for row in rows] == [str(TOTAL), ""]
    assert [row["error"] for row in rows] == ["", "vocab_size: want int >= 0, got 'many'"]
    write("b|x.json")
    shown = run("analyze", "a.json", "b|x.json", "--format", "md").out
    assert shown.splitlines()[:3] == [
        "| parameters | a.json | b\\|x.json |",
        "|---|---:|---:|",
        "| total | 74,560 | 74,560 |",
    ]


def test_a_folder_is_its_configs(run, write):
    Path("all").mkdir()
    write("all/a.json")
    write("all/b.json")
    assert [d["target"] for d in json.loads(run("analyze", "all", "--format", "json").out)] == [
        "all/a.json", "all/b.json",
    ]  # fmt: skip


def test_per_layer_embeddings_are_named_where_they_are_counted(run, registry_home):
    Path("g.json").write_text(json.dumps({"model_type": "gemma4_text"}))
    (document,) = json.loads(run("analyze", "g.json", "--format", "json").out)
    (note,) = [note for note in document["notes"] if "per-layer" in note]
    assert note.startswith("embedding has ")
    assert note.endswith(" of per-layer embeddings: looked up, active in full")


def test_a_tower_of_an_unknown_type_refuses_the_total_and_never_the_text(run, registry_home):
    config = json.loads((CONFIGS / "Llama-4-Scout-17B-16E-Instruct.json").read_text())
    config["vision_config"] = {"model_type": "no_such_tower"}
    Path("c.json").write_text(json.dumps({**config, "model_type": "llava", "architectures": []}))
    ended = run("analyze", "c.json", "--format", "json")
    (document,) = json.loads(ended.out)
    assert document["params"]["total"] is None
    assert document["params"]["text"] == 107769861120
    assert document["notes"][0].startswith("vision_config (no_such_tower) has no blueprint")


# Hostile input.

HOSTILE = {
    "no type": {"model_type": None, "hidden_size": None},
    "a type that is a number": {"model_type": 3},
    "a type nobody has": {"model_type": "no_such_type"},
    "a type with control characters": {"model_type": "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"},
    "a type with markup": {"model_type": "[bold red]x[/] <script>"},
    "a string for a number": {"num_hidden_layers": "2"},
    "true for a number": {"num_attention_heads": True},
    "a number for a flag": {"tie_word_embeddings": 1},
    "null for a number": {"hidden_size": None},
    "no heads": {"num_attention_heads": 0},
    "no key heads": {"num_key_value_heads": 0},
    "heads that do not divide": {"num_attention_heads": 7},
    "a negative size": {"intermediate_size": -96},
    "a size of zero": {"vocab_size": 0},
    "a float for a size": {"hidden_size": 64.0},
    "a trillion layers": {"num_hidden_layers": 10**12},
    "a trillion of each": {"hidden_size": 10**12, "intermediate_size": 10**12, "head_dim": 10**12},
    "a list for a number": {"hidden_size": [64]},
    "an object for a number": {"hidden_size": {"value": 64}},
    "a million layer types": {"model_type": "qwen2", "layer_types": ["full_attention"] * 200_000},
    "text_config null": {"model_type": "llama4", "text_config": [1]},
    "text_config a list": {"model_type": "gemma3", "text_config": [{"hidden_size": 8}]},
    "vision_config a string": {"model_type": "llama4", "vision_config": "siglip"},
    "a nested type with control characters": {
        "model_type": "llava",
        "text_config": {"model_type": "\x1b[2J"},
    },
}


@pytest.mark.parametrize("keys", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("command", ["analyze", "inspect"])
def test_a_hostile_config_is_refused_with_place_and_fix(run, write, command, keys):
    started = time.process_time()
    ended = run(command, write(**keys))
    assert time.process_time() - started < 2
    assert ended.code == 5
    assert ended.out == ""
    first, *rest = ended.err.splitlines()
    assert first.startswith("problem: ")
    assert [line[:8].strip() for line in rest[:2]] == ["from", "fix"]
    assert "c.json" in rest[0]
    assert "Traceback" not in ended.err
    assert ended.err.replace("\n", "").isprintable()
    assert len(ended.err) < 1000


TEXTS = {
    "nested 100,000 deep": '{"model_type": "llama", "a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "not a number": '{"model_type": "llama", "hidden_size": NaN}',
    "a key twice": '{"model_type": "llama", "hidden_size": 8, "hidden_size": 9}',
    "an int of 5,000 digits": '{"model_type": "llama", "hidden_size": ' + "9" * 5000 + "}",
    "no JSON": '{"model_type": ',
    "a list": "[]",
    "nothing": "",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_file_that_is_no_config_has_its_error_in_the_json_and_the_others_their_counts(run, write, text):
    Path("bad.json").write_text(text)
    ended = run("analyze", "bad.json", write(), "gone.json", "--format", "json")
    bad, good, gone = json.loads(ended.out)
    assert ended.code == 5
    assert good["params"]["total"] == TOTAL
    for document in (bad, gone):
        assert set(document) == {"target", "error"}
        assert set(document["error"]) == {"code", "message", "where", "fix"}
        assert document["error"]["message"].startswith("config: ")
        assert document["error"]["where"]
        assert document["error"]["fix"]
        assert type(document["error"]["code"]) is int


def test_json_holds_no_character_that_a_terminal_acts_on(run, write):
    name = "\x1b[31m\x7f\x9b\u202e größe.json"
    write(name)
    ended = run("analyze", name, "--format", "json")
    assert ended.out.replace("\n", "").isprintable()
    assert "größe" in ended.out
    assert json.loads(ended.out)[0]["target"] == name


@pytest.mark.parametrize("command", ["analyze", "inspect"])
def test_ten_thousand_layers_are_counted_at_once(run, write, command):
    started = time.process_time()
    ended = run(command, write(num_hidden_layers=9999), "--format", "json")
    assert time.process_time() - started < 1
    assert ended.code == 0


# Mutations of real configs: an answer or a RegistryError, quickly.

REAL = [
    config
    for path in sorted(CONFIGS.glob("*.json"))
    if known_keys((config := json.loads(path.read_text("utf-8")))["model_type"])
]
VALUES = st.sampled_from([
    None, True, False, 0, 1, -1, 3, 7, 9999, 10**6, 10**12, 2**53, 0.5, -1.5, 1e308, "", "4096",
    "full_attention", "a" * 1000, "\x1b[31m", [], [1], [None] * 5, ["full_attention"] * 10**4, {}, {"a": 1},
    [[[]]], [10**9] * 40, {"model_type": "llama"}, [True], "M*-E" * 30,
])  # fmt: skip


@st.composite
def mutated(draw):
    """A real config, or the defaults of its type, with up to four keys changed or taken away."""
    real = draw(st.sampled_from(REAL))
    config = json.loads(json.dumps(real)) if draw(st.booleans()) else {"model_type": real["model_type"]}
    known = known_keys(config["model_type"])
    for _ in range(draw(st.integers(1, 4))):
        keys = sorted(
            {"hidden_size", *config, *known.get("keys", {}), *known.get("parts", {})} - {"model_type"}
        )
        at, key = config, draw(st.sampled_from(keys))
        if isinstance(config.get(key), dict) and config[key] and draw(st.booleans()):
            at, key = config[key], draw(st.sampled_from(sorted(config[key])))
        if draw(st.integers(0, 6)):
            at[key] = copy.deepcopy(draw(VALUES))
        elif len(config) > 1:
            at.pop(key, None)
    return config


def answered(config):
    """The counts of a config, or why there are none."""
    try:
        return analysis(Target("c.json", "c.json", config, describe(config, "c.json")))["params"]
    except RegistryError as error:
        return error


@given(mutated())
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_config_is_answered_or_refused_quickly(config):
    started = time.process_time()
    answer = answered(config)
    if isinstance(answer, RegistryError):
        assert answer.what
        assert answer.where
    else:
        assert answer["text"] == sum(
            answer[name] for name in COMPONENTS if name not in ("vision", "audio", "projector")
        )
    assert time.process_time() - started < 2


# The whole process.


LAUNCHER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(child.pid, 0)
cpu_s, peak_mib = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(os.waitstatus_to_exitcode(status), cpu_s, peak_mib, file=sys.stderr)
"""
"""Starts a command from a small process: a child's peak counts what its parent was before it."""


def measured(*argv, cwd):
    """What a command printed, its CPU seconds and its peak MiB, from start to exit."""
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, *argv]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(cwd / "bytecode")
    for _ in range(2):  # the first run compiles, as an installation does
        ended = subprocess.run(
            launched, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
    code, cpu_s, peak_mib = ended.stderr.splitlines()[-1].split()
    assert code == "0"
    return ended.stdout, float(cpu_s), float(peak_mib)


def test_one_local_config_takes_a_fifth_of_a_second_and_45_mib(tmp_path):
    """Twice the CPU is allowed: a busy machine must not fail it. `python -m tests.bench` has the figure."""
    out, cpu_s, peak_mib = measured(
        "-m", "registry", "analyze", str(CONFIGS / "Llama-3.2-1B.json"), "--format", "json", cwd=tmp_path
    )
    assert json.loads(out)[0]["params"]["total"] == 1235814400
    assert cpu_s < 0.4
    assert peak_mib < 45


def test_json_of_a_local_file_imports_neither_pydantic_nor_rich_nor_settings_nor_hub():
    code = (
        "import sys\n"
        "from registry.cli import main\n"
        "try:\n    main(['analyze', sys.argv[1], '--format', 'json'])\n"
        "except SystemExit as ended:\n"
        "    heavy = {'pydantic', 'rich', 'registry.settings', 'registry.catalogue', 'huggingface_hub',\n"
        "        'sqlalchemy', 'torch', 'transformers', 'importlib.metadata', 'registry.pipeline', 'json5'}\n"
        "    print(ended.code, sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    argv = [sys.executable, "-c", code, str(CONFIGS / "Mixtral-8x7B-v0.1.json")]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == "0 []\n"
    assert json.loads(ended.stdout)[0]["params"]["active"] == 12879925248


def test_a_thousand_configs_in_one_call_take_at_most_five_seconds(tmp_path):
    names = ["Mixtral-8x7B-v0.1", "Llama-3.2-1B", "DeepSeek-V3", "gpt2-xl", "Qwen3-30B-A3B"]
    many = tmp_path / "configs"
    many.mkdir()
    for i in range(1000):
        (many / f"{i:04}.json").write_text((CONFIGS / f"{names[i % len(names)]}.json").read_text())
    out, cpu_s, peak_mib = measured("-m", "registry", "analyze", str(many), "--format", "json", cwd=tmp_path)
    assert len(json.loads(out)) == 1000
    assert cpu_s < 5
    assert peak_mib < 100


# From the hub.


def test_a_hub_id_is_read_through_the_hub(tmp_path):
    with HubEmulator() as hub:
        hub.put("someone/model", json.dumps(LLAMA).encode())
        environment = {
            **os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": f"{tmp_path}/hf",
            "REGISTRY_HOME": f"{tmp_path}/home",
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        argv = [
            sys.executable,
            "-m",
            "registry",
            "analyze",
            "someone/model",
            "someone/none",
            "--format",
            "json",
        ]
        ended = subprocess.run(
            argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    good, missing = json.loads(ended.stdout)
    assert (good["target"], good["params"]["total"]) == ("someone/model", TOTAL)
    assert missing["error"]["message"] == "someone/none: missing or private: the hub answers alike for both"
    assert missing["error"]["fix"] == "check the name, or set HF_TOKEN"
    assert ended.returncode == 5


def test_a_model_of_the_registry_is_known_by_name_offline(run):
    (document,) = json.loads(run("analyze", "Llama-3.2-1B", "--format", "json").out)
    assert document["params"]["total"] == 1235814400
