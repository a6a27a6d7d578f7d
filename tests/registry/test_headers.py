"""`--tensors headers`: what the hub stores as patterns, its MTP module apart; a local file is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.architecture.blueprints import describe
from registry.architecture.counts import count
from registry.architecture.tensors import count_params, expanded
from registry.cli.common import Bars
from registry.headers import architecture, joined
from schemas.errors import BadUsage
from sources.safetensors_headers import Stored
from tests.hub_emulator import COMMIT, HubEmulator
from tests.safetensors_files import file_of, sharded

ROOT = Path(__file__).parents[2]
REPO = "org/small"
LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 48,
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 64,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-05, "tie_word_embeddings": False,
}  # fmt: skip
DEEPSEEK = {
    "model_type": "deepseek_v3", "num_hidden_layers": 2, "first_k_dense_replace": 1, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "num_nextn_predict_layers": 1, "hidden_size": 32, "vocab_size": 64,
}  # fmt: skip
LAYER = {"self_attn.o_proj.weight": (32, 32), "input_layernorm.weight": (32,)}
EXPERTS = {f"mlp.experts.{j}.up_proj.weight": (16, 32) for j in range(4)} | {"mlp.gate.weight": (4, 32)}
PREDICTOR = {
    "eh_proj.weight": (32, 64), "enorm.weight": (32,), "embed_tokens.weight": (64, 32),
    "shared_head.head.weight": (64, 32),
}  # fmt: skip


def stored(names, dtype="BF16"):
    return {name: Stored(dtype, shape) for name, shape in names.items()}


def layer(i, *parts):
    return {f"model.layers.{i}.{name}": shape for part in parts for name, shape in part.items()}


def deepseek():
    names = {"model.embed_tokens.weight": (64, 32), "lm_head.weight": (64, 32)}
    names |= layer(0, LAYER, {"mlp.up_proj.weight": (96, 32)}) | layer(1, LAYER, EXPERTS)
    return stored(names | layer(2, LAYER, EXPERTS, PREDICTOR))


def llama():
    """The tensors a small llama stores, from its blueprint."""
    found = expanded(describe(LLAMA, "x").tensors)
    return {name: ("BF16", shape) for name, (shape, _) in found.items()}


def test_a_multi_token_prediction_module_is_apart_and_without_its_copies():
    found = joined(DEEPSEEK, deepseek(), "x")
    assert {tensor.name for tensor in found.tensors if "experts" in tensor.name} == {
        "model.layers.{i}.mlp.experts.{j}.up_proj.weight"
    }
    assert max(i for tensor in found.tensors for i in tensor.layers or ()) == 1
    # o_proj and norm, four experts and their router, eh_proj and enorm
    assert count_params(found.mtp) == 1024 + 32 + 4 * 512 + 128 + 2048 + 32


def test_active_parameters_are_those_of_the_experts_that_a_token_uses():
    counts = count(joined(DEEPSEEK, deepseek(), "x"))
    assert counts.total == 2 * 2048 + 2 * (1024 + 32) + 3072 + 4 * 512 + 128
    assert counts.active == counts.total - 2 * 512


def test_a_module_named_mtp_is_one_too():
    found = joined(LLAMA, stored({"model.norm.weight": (32,), "mtp.fc.weight": (32, 64)}), "x")
    assert [tensor.name for tensor in found.tensors] == ["model.norm.weight"]
    assert count_params(found.mtp) == 2048


def test_a_layer_behind_the_last_is_a_layer_where_the_config_declares_no_prediction():
    config = {key: value for key, value in DEEPSEEK.items() if key != "num_nextn_predict_layers"}
    assert max(i for tensor in joined(config, deepseek(), "x").tensors for i in tensor.layers or ()) == 2


def test_a_type_without_a_blueprint_has_the_facts_of_its_config():
    config = {"model_type": "nobody_knows", "num_attention_heads": 8, "n_routed_experts": 4, "moe_topk": 1}
    found = joined(config, stored(layer(0, LAYER, EXPERTS) | layer(1, LAYER, EXPERTS)), "x")
    assert (found.model_type, found.layers) == ("nobody_knows", "model.layers.{i}")
    assert found.facts == {"heads": [8, 8], "experts": [4, 4], "top_k": [1, 1]}


def test_dtypes_are_those_that_are_stored():
    tensors = stored({"w.weight": (2, 2)}, "F8_E4M3") | stored({"w.weight_scale_inv": (1, 1)}, "F32")
    found = joined(LLAMA, tensors, "x").tensors
    assert {tensor.name: tensor.dtype for tensor in found} == {
        "w.weight": "F8_E4M3", "w.weight_scale_inv": "F32",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["folder/config.json", "./x", "file:mine", "sku:Llama-2-7b"])
def test_what_is_not_on_the_hub_is_refused_by_name(where):
    with pytest.raises(BadUsage) as raised:
        architecture(Bars(quiet=True))(LLAMA, where)
    assert str(raised.value) == (
        f"--tensors headers: want a model of the hub, got {where}\n"
        "  fix   give a hub id such as org/name; for a file, leave --tensors out or use --dry-run"
    )


# The command, in a process of its own.


@pytest.fixture
def emulator():
    with HubEmulator() as running:
        running.put(REPO, json.dumps(LLAMA).encode())
        yield running


@pytest.fixture
def registry(emulator, tmp_path):
    def run(*argv, **environment):
        known = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "REGISTRY_", "NOTION_"))}
        home = {"HF_HOME": f"{tmp_path}/hf", "REGISTRY_HOME": f"{tmp_path}/home", "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "registry", *argv],
            env=known | {"HF_ENDPOINT": emulator.url} | home | environment,
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


def test_the_command_lists_what_the_hub_stores_as_the_blueprint_does(registry, emulator):
    split = {"1.safetensors": {}, "2.safetensors": {}}
    for n, (name, tensor) in enumerate(llama().items()):
        split[f"{n % 2 + 1}.safetensors"][name] = tensor
    for file, text in sharded(split).items():
        emulator.put_file(REPO, file, text)
    ended = registry("inspect", REPO, "--tensors", "headers", "--format", "json")
    assert (ended.returncode, ended.stderr) == (0, "")
    theirs = {row["name"]: row for row in json.loads(ended.stdout)}
    by_blueprint = json.loads(registry("inspect", REPO, "--format", "json").stdout)
    assert theirs == {row["name"]: row | {"dtype": "BF16"} for row in by_blueprint}


def test_the_command_counts_what_the_hub_stores(registry, emulator):
    emulator.put_file(REPO, "model.safetensors", file_of(llama()))
    ended = registry("analyze", REPO, "--tensors", "headers", "--format", "json")
    (found,) = json.loads(ended.stdout)
    per_layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32 + 2 * 32
    assert found["params"]["total"] == 2 * 64 * 32 + 3 * per_layer + 32
    assert (ended.returncode, ended.stderr) == (0, "")


FAILURES = [
    ("gated", {}, 5, f"{REPO}: gated: its licence is not accepted by this account"),
    ("ok", {"HF_HUB_OFFLINE": "1"}, 5, f"{REPO}: offline, and headers are not kept in the cache"),
    ("ok", {}, 5, f"{REPO}: the repository has neither model.safetensors nor model.safetensors.index.json"),
]


@pytest.mark.parametrize(
    ("kind", "environment", "code", "what"), FAILURES, ids=["gated", "offline", "no safetensors"]
)
def test_the_command_says_why_there_is_nothing_to_read(registry, emulator, kind, environment, code, what):
    assert registry("inspect", REPO).returncode == 0  # the config is in the cache from here on
    emulator.outcome(REPO, kind)
    ended = registry("inspect", REPO, "--tensors", "headers", **environment)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert f": {what}\n  from  " in ended.stderr


def test_the_command_refuses_a_damaged_header_at_its_place(registry, emulator):
    emulator.put_file(REPO, "model.safetensors", b"\xff" * 8)
    ended = registry("inspect", REPO, "--tensors", "headers")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert ended.stderr.splitlines()[1] == f"  from  {REPO}@{COMMIT[:7]}:model.safetensors"
