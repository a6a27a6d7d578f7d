"""`registry sync --refresh` against a hub on a real socket: each answer has its text, nothing is cleared."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub_emulator import COMMIT, HubEmulator

KEY = "sku:Llama-2-7b"
REPO = "meta-llama/Llama-2-7b-hf"
ROOT = Path(__file__).parents[2]
CONFIG = json.dumps(
    {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
        "intermediate_size": 11008, "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 32, "max_position_embeddings": 4096, "vocab_size": 32000,
        "tie_word_embeddings": False, "rms_norm_eps": 1e-05,
    }
).encode()  # fmt: skip


@pytest.fixture
def emulator():
    with HubEmulator() as running:
        running.put(REPO, CONFIG)
        yield running


@pytest.fixture
def sync(emulator, tmp_path):
    """Runs the command in a process of its own and gives what it ended with."""

    def run(**environment):
        known = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "REGISTRY_", "NOTION_"))}
        home = {"HF_HOME": f"{tmp_path}/hf", "REGISTRY_HOME": f"{tmp_path}/home", "PYTHONPATH": str(ROOT)}
        argv = [sys.executable, "-m", "registry", "sync", "--model", KEY, "--refresh", "--format", "json"]
        return subprocess.run(
            argv, env=known | {"HF_ENDPOINT": emulator.url} | home | environment,
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


def evidence(ended):
    changes = json.loads(ended.stdout)["changes"]
    return {cell["field"]: cell for change in changes for cell in change["cells"]}


def row(tmp_path):
    with sqlite3.connect(tmp_path / "home/table.sqlite") as table:
        table.row_factory = sqlite3.Row
        (found,) = table.execute("SELECT * FROM llm_config_table").fetchall()
    table.close()
    return dict(found)


def test_a_live_config_is_the_source_and_its_commit_is_recorded(sync, emulator, tmp_path):
    ended = sync()
    assert (ended.returncode, ended.stderr) == (0, "")
    d_ff = evidence(ended)["d_ff"]
    assert (d_ff["to"], d_ff["source"]) == (11008, "hf_config")
    assert d_ff["where"] == f"{REPO}@{COMMIT[:7]}:config.json#intermediate_size"
    assert emulator.methods() == ["HEAD", "GET"]
    assert (tmp_path / f"hf/hub/models--meta-llama--Llama-2-7b-hf/snapshots/{COMMIT}/config.json").is_file()
    again = sync()
    assert (again.returncode, json.loads(again.stdout)["changes"]) == (0, [])
    assert emulator.methods() == ["HEAD", "GET", "HEAD"]


WHERE = "{url}/meta-llama/Llama-2-7b-hf/resolve/main/config.json"
AGAIN = "run again later; HF_ENDPOINT names another hub, HF_HUB_OFFLINE=1 reads the cache only"
ANSWERS = [
    ("gated", 5, f"{REPO}: gated: its licence is not accepted by this account", WHERE,
     f"accept the licence at https://huggingface.co/{REPO} and set HF_TOKEN to that account's"),
    ("missing", 5, f"{REPO}: missing or private: the hub answers alike for both", WHERE,
     "check the name, or set HF_TOKEN"),
    ("retry after", 7, f"{REPO}: the hub asks to wait 300 s, and a run waits 60 s at most", WHERE,
     "run again in 300 s; with HF_TOKEN set the limit is higher"),
    ("503", 7, f"{REPO}: hub: answered 503", WHERE, AGAIN),
    ("offline", 0, f"{REPO}: offline, and the cache has no config.json of it",
     "{tmp}/hf/hub/models--meta-llama--Llama-2-7b-hf", "unset HF_HUB_OFFLINE and run again"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "code", "what", "where", "fix"), ANSWERS, ids=[answer[0] for answer in ANSWERS]
)
def test_a_hub_without_an_answer_clears_nothing_and_says_why(
    sync, emulator, tmp_path, kind, code, what, where, fix
):
    emulator.outcome(REPO, "ok" if kind == "offline" else kind)
    ended = sync(**({"HF_HUB_OFFLINE": "1"} if kind == "offline" else {}))
    where = where.format(url=emulator.url, tmp=tmp_path)
    assert f"problem: {what}\n  from  {where}\n  fix   {fix}\n" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == code
    stored = row(tmp_path)
    assert (stored["d_ff"], stored["n_layers"], stored["d_hidden"]) == (11008, 32, 4096)
    assert evidence(ended)["d_ff"]["source"] == "snapshot"
    assert (emulator.requests == []) == (kind == "offline")


@pytest.mark.parametrize("kind", ["gated", "missing", "retry after", "503", "offline"])
def test_what_the_hub_said_yesterday_stays_when_it_says_nothing_today(sync, emulator, tmp_path, kind):
    assert sync().returncode == 0
    before = row(tmp_path)
    emulator.outcome(REPO, "ok" if kind == "offline" else kind)
    ended = sync(**({"HF_HUB_OFFLINE": "1"} if kind == "offline" else {}))
    assert json.loads(ended.stdout)["changes"] == []
    assert row(tmp_path) == before
