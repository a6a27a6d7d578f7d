"""`--dry-run`: transformers in a child process, watched; whatever becomes of the child, the text says it."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from registry import dry_run_child, watched
from registry.architecture import dry_run
from registry.architecture.blueprints import describe
from registry.architecture.tensors import count_params, expanded
from schemas.errors import BadModel, BadUsage, RegistryError

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
ROOT = Path(__file__).parents[2]
LLAMA = {"model_type": "llama", "num_hidden_layers": 2}
CORRECT = "correct the config, or --tensors headers reads what the hub stores"
QUICK = watched.Limits(time_s=20, memory_bytes=256 * 2**20, output_bytes=2**20)

needs_extra = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("transformers") is None,
    reason="the extra dryrun (torch, transformers) is not installed",
)


@pytest.fixture
def child(tmp_path):
    """A stand-in for the process that builds models, from its source."""

    def written(source: str) -> tuple[str, ...]:
        script = tmp_path / "child.py"
        script.write_text(source)
        return sys.executable, "-P", str(script)

    return written


def refusal(child, limits=QUICK, config=LLAMA) -> RegistryError:
    with pytest.raises(RegistryError) as raised:
        dry_run.table(config, "config.json", limits, child)
    return raised.value


ECHO = """
import json, sys
config = json.load(sys.stdin)
rows = [["a.0.w.x", [2, 3], None], ["a.1.w.x", [2, 3], "a.0.w.x"]] * config["rows"]
json.dump({"class": "Any", "tensors": rows}, sys.stdout)
"""


def test_the_answer_is_every_tensor_with_its_shape_and_owner(child):
    assert dry_run.table({"rows": 1}, "config.json", QUICK, child(ECHO)) == {
        "a.0.w.x": ((2, 3), None),
        "a.1.w.x": ((2, 3), "a.0.w.x"),
    }


ENDS = [
    ("refused", "raise ValueError('first line\\nwant 3 heads, got 4')", "want 3 heads, got 4"),
    ("nothing said", "raise SystemExit(3)", "the process ended with code 3"),
    ("a signal", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
     "the process was ended by signal 11"),
    ("a terminal's language", "import sys; sys.exit('\\x1b[2J gone')", "?[2J gone"),
    ("a long line", "import sys; sys.exit('x' * 1000)", "x" * 300 + "..."),
    ("memory refused", "raise MemoryError", "it takes more than 0.25 GiB of memory"),
    ("no memory for torch", "raise RuntimeError('DefaultCPUAllocator: not enough memory: you tried to')",
     "it takes more than 0.25 GiB of memory"),
    ("memory", "x = []\nwhile True: x.append(bytearray(b'1') * 2**22)",
     "it takes more than 0.25 GiB of memory"),
    ("output", "while True: print('x' * 2**16)", "its list of tensors is longer than 1 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "why"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_a_child_that_ends_early_is_a_model_that_cannot_be_read(child, source, why):
    found = refusal(child(source))
    assert type(found) is BadModel
    assert str(found) == f"transformers did not build it: {why}\n  from  config.json\n  fix   {CORRECT}"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tensors": [1]}', '{"tensors": [["w", 1, null]]}'])
def test_an_answer_that_is_no_list_of_tensors_is_refused(child, text):
    found = refusal(child(f"print({text!r})"))
    assert (found.what, found.exit_code) == ("the process that builds the model gave no list of tensors", 5)


def test_a_missing_extra_is_said_with_its_command(child):
    source = (
        f"import sys; print('torch is not installed', file=sys.stderr); sys.exit({dry_run_child.MISSING})"
    )
    found = refusal(child(source))
    assert type(found) is BadUsage
    assert str(found) == (
        "--dry-run needs torch and transformers: torch is not installed\n"
        f"  from  {sys.executable}\n  fix   pip install 'llm-config-registry[dryrun]'"
    )


def test_the_command_that_installs_the_extra_names_this_distribution():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"pip install '{project['name']}[dryrun]'" == dry_run.INSTALL
    assert "dryrun" in project["optional-dependencies"]


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_without_torch_the_command_says_what_to_install(run, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA))
    ended = run("inspect", str(path), "--dry-run")
    assert "--dry-run needs torch and transformers: torch is not installed\n" in ended.err
    assert "fix   pip install 'llm-config-registry[dryrun]'" in ended.err
    assert (ended.code, ended.out) == (5, "")


PARENT_OF_OTHERS = """
import subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[-2], "w").write(str(other.pid))
time.sleep(60)
"""


def is_gone(pid: int) -> bool:
    """Ended, whether or not someone has asked for its code."""
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        if not status.is_file() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_child_out_of_time_is_ended_with_its_children(child, tmp_path):
    note = tmp_path / "pid"
    found = refusal((*child(PARENT_OF_OTHERS), str(note)), watched.Limits(time_s=2))
    assert found.what == "transformers did not build it: not done after 2 s"
    assert is_gone(int(note.read_text()))


def test_an_interrupted_command_ends_its_child(child, tmp_path, monkeypatch):
    note = tmp_path / "pid"

    def interrupted(*_):
        while not (note.is_file() and note.read_text()):
            time.sleep(0.02)
        raise KeyboardInterrupt

    monkeypatch.setattr(watched, "_watched", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dry_run.table(LLAMA, "x", QUICK, (*child(PARENT_OF_OTHERS), str(note)))
    assert is_gone(int(note.read_text()))


def test_a_child_whose_parent_was_killed_ends_itself(tmp_path):
    imports = "import sys, threading, os, time; sys.path.insert(0, sys.argv[1])"
    imports += "; from registry.dry_run_child import end_with"
    waits = f"{imports}; threading.Thread(target=end_with, args=(os.getppid(),)).start(); time.sleep(60)"
    starts = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', *sys.argv[1:]]); "
        "print(p.pid, flush=True); p.wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starts, waits, str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.communicate()
    assert is_gone(pid)


def test_a_child_is_offline_and_sees_no_secret(child, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    source = "import json, os, sys; sys.exit(json.dumps([os.environ.get(n) for n in "
    names = "['HF_TOKEN', 'OPENAI_API_KEY', 'HF_HUB_OFFLINE']]))"
    found = refusal(child(source + names))
    assert found.what.endswith('[null, null, "1"]')


def test_a_file_of_the_working_folder_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise SystemExit('imported from the working folder')")
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RegistryError) as raised:
        dry_run.table({"model_type": "nobody_knows"}, "x")
    assert "working folder" not in raised.value.what


def test_keys_that_name_code_or_weights_are_dropped_at_any_depth():
    config = {
        "model_type": "llama", "trust_remote_code": True, "auto_map": {"AutoModel": "org/other--modeling.M"},
        "quantization_config": {"quant_method": "fp8"},
        "text_config": {"auto_map": {}, "hidden_size": 8, "_attn_implementation": "org/kernel"},
        "parts": [{"use_pretrained_backbone": True, "depth": 2}],
    }  # fmt: skip
    assert dry_run_child.without_code(config) == {
        "model_type": "llama",
        "text_config": {"hidden_size": 8},
        "parts": [{"depth": 2}],
    }


TOO_LARGE = [
    ("layers", LLAMA | {"num_hidden_layers": 10**12},
     "num_hidden_layers: want at most 10,000 layers, got 1000000000000", "x", "num_hidden_layers"),
    ("one layer too many", {"model_type": "gpt2", "n_layer": 10_001},
     "n_layer: want at most 10,000 layers, got 10001", "x", "n_layer"),
    ("layers of an unknown type", {"model_type": "nobody_knows", "num_layers": 10**12},
     "num_layers: want at most 10,000 layers, got 1000000000000", "x", "num_layers"),
    ("layers of a tower", {"model_type": "gemma3", "vision_config": {"num_hidden_layers": 10**12}},
     "num_hidden_layers: want at most 10,000 layers, got 1000000000000", "x:vision_config",
     "num_hidden_layers"),
    ("a size", LLAMA | {"vocab_size": 2**53 + 1},
     "vocab_size: want at most 2^53, got 9007199254740993", "x", "vocab_size"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "what", "where", "key"), [case[1:] for case in TOO_LARGE], ids=[case[0] for case in TOO_LARGE]
)
def test_sizes_beyond_a_blueprints_are_refused_before_a_child_starts(config, what, where, key):
    with pytest.raises(BadModel) as raised:
        dry_run.table(config, "x", QUICK, ("/no/such/program",))
    assert str(raised.value) == f"{what}\n  from  {where}\n  fix   correct {key} in the config"


def test_the_largest_sizes_reach_the_child(child):
    config = LLAMA | {"rows": 1, "num_hidden_layers": 10_000, "vocab_size": 2**53, "max_length": 10**30}
    assert len(dry_run.table(config, "x", QUICK, child(ECHO))) == 2


def test_more_parameters_than_can_be_told_are_refused(monkeypatch):
    monkeypatch.setattr(dry_run, "table", lambda *_: {"w": ((2**53, 3), None)})
    with pytest.raises(BadModel) as raised:
        dry_run.architecture(LLAMA, "x")
    assert str(raised.value) == (
        "want at most 2^53 parameters, got 27,021,597,764,222,976\n"
        "  from  x\n  fix   correct the sizes in the config"
    )


# With torch and transformers.

BUILT = ["Llama-3.2-1B", "DeepSeek-V3", "gemma-3-27b-it", "gpt2-medium"]


@needs_extra
@pytest.mark.parametrize("name", BUILT)
def test_transformers_builds_what_the_blueprint_says(name):
    config = json.loads((CONFIGS / f"{name}.json").read_text("utf-8"))
    built, known = dry_run.architecture(config, name), describe(config, name)
    assert expanded(built.tensors) == expanded(known.tensors)
    assert (built.layers, built.facts, built.assumed) == (known.layers, known.facts, known.assumed)
    assert count_params(built.mtp) == count_params(known.mtp)


@needs_extra
def test_code_that_a_config_names_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "modeling.py").write_text("raise SystemExit('run')")
    config = LLAMA | {"auto_map": {"AutoModelForCausalLM": "modeling.Model"}, "architectures": ["Model"]}
    assert len(dry_run.table(config, "x")) == 2 * 9 + 3


REFUSED = [
    ({"model_type": "nobody_knows"}, "transformers {} builds no language model of model_type 'nobody_knows'"),
    ({"model_type": "vit"}, "transformers {} builds no language model of model_type 'vit'"),
    (LLAMA | {"num_hidden_layers": "7"},
     "transformers did not build it: TypeError: Field 'num_hidden_layers' expected int, got str (value:"),
    (LLAMA | {"vocab_size": 2**53, "hidden_size": 2**45}, "transformers did not build it: "),
]  # fmt: skip


@needs_extra
@pytest.mark.parametrize(
    ("config", "what"), REFUSED, ids=["unknown type", "no language model", "a text", "too large"]
)
def test_what_transformers_does_not_build_is_refused_in_its_words(config, what):
    from importlib.metadata import version

    with pytest.raises(BadModel) as raised:
        dry_run.table(config, "x")
    assert raised.value.what.startswith(what.format(version("transformers")))
    assert raised.value.where == "x"


@needs_extra
def test_a_model_of_too_many_modules_is_ended_at_its_memory():
    with pytest.raises(BadModel) as raised:
        dry_run.table(LLAMA | {"num_hidden_layers": 10**4}, "x", watched.Limits(memory_bytes=400 * 2**20))
    assert raised.value.what == "transformers did not build it: it takes more than 0.390625 GiB of memory"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_the_cap_lets_an_allocation_fail_that_the_parent_would_see_too_late():
    source = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from registry.dry_run_child import cap_memory\n"
    source += "cap_memory(2**28); bytearray(2**29)"
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert ended.stderr.splitlines()[-1] == "MemoryError"


def test_the_environment_of_this_process_is_left_alone(child):
    before = dict(os.environ)
    dry_run.table({"rows": 1}, "x", QUICK, child(ECHO))
    assert dict(os.environ) == before
