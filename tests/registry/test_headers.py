"""`--tensors headers`: what the hub stores as patterns, its MTP module apart; a local file is refused."""

import json
import math
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
from schemas.errors import BadModel, BadUsage
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


EMBEDDING = {"model.embed_tokens.weight": (64, 32)}
PLAIN = {"model_type": "nobody_knows"}
"""A type without a blueprint, of any number of layers."""


@pytest.mark.parametrize(
    "module", ["mtp.fc", "model.mtp.fc", "model.mtp_block.0.fc", "model.language_model.mtp.fc"]
)
def test_a_module_named_mtp_is_one_too(module):
    found = joined(PLAIN, stored(EMBEDDING | {f"{module}.weight": (32, 64)}), "x")
    assert [tensor.name for tensor in found.tensors] == ["model.embed_tokens.weight"]
    assert count_params(found.mtp) == 2048


def test_a_type_without_a_blueprint_has_the_facts_of_its_config():
    config = PLAIN | {"num_attention_heads": 8, "n_routed_experts": 4, "moe_topk": 1}
    found = joined(config, stored(EMBEDDING | layer(0, LAYER, EXPERTS) | layer(1, LAYER, EXPERTS)), "x")
    assert (found.model_type, found.layers) == ("nobody_knows", "model.layers.{i}")
    assert found.facts == {"heads": [8, 8], "experts": [4, 4], "top_k": [1, 1]}


def test_dtypes_are_those_that_are_stored():
    tensors = stored({"w.weight": (2, 2)}, "F8_E4M3") | stored({"w.weight_scale_inv": (1, 1)}, "F32")
    found = joined(PLAIN, stored(EMBEDDING) | tensors, "x").tensors
    assert {tensor.name: tensor.dtype for tensor in found} == {
        "model.embed_tokens.weight": "BF16", "w.weight": "F8_E4M3", "w.weight_scale_inv": "F32",
    }  # fmt: skip


# What is no parameter count.

QUANTIZED = [
    ("packed 4-bit", "x.weight", "U8", (4, 8), "BF16, U8", 0),
    ("GPTQ words", "x.qweight", "I32", (4, 8), "BF16, I32", 0),
    ("8-bit", "x.weight", "I8", (4, 8), "BF16, I8", 0),
    ("FP8", "x.weight", "F8_E4M3", (4, 8), "BF16, F8_E4M3", 0),
    ("a scale left behind", "x.weight_scale_inv", "F32", (4,), "BF16, F32", 4),
    ("fused scales", "x.gate_up_proj_scales", "BF16", (4, 3), "BF16", 12),
    ("GPTQ scales", "x.scales", "F16", (5,), "BF16, F16", 5),
    ("zero points", "x.qzeros", "F16", (5,), "BF16, F16", 5),
    ("a zero point", "x.weight_zero_point", "F32", (3,), "BF16, F32", 3),
    ("group indices", "x.g_idx", "I32", (7,), "BF16, I32", 7),
]


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "dtypes", "scales"),
    [case[1:] for case in QUANTIZED],
    ids=[case[0] for case in QUANTIZED],
)
def test_a_sum_of_packed_or_scaled_values_is_no_parameter_count(name, dtype, shape, dtypes, scales):
    found = joined(PLAIN, stored(EMBEDDING) | stored({name: shape}, dtype), "x")
    counts = count(found)
    assert (counts.total, counts.text, counts.active, counts.active_no_input_embedding) == (None,) * 4
    n = 2048 + math.prod(shape)
    said = [f"stored: {n:,} values in {dtypes}; packed or scaled values are no parameter count"]
    if scales:
        said.append(f"{scales} of the stored values are quantization scales, zero points and indices")
    assert found.notes == tuple(said)


@pytest.mark.parametrize("name", ["x.layer_scale", "x.router.scale", "x.per_expert_scale", "x.logit_scale"])
def test_a_scale_that_is_a_parameter_is_counted(name):
    found = joined(PLAIN, stored(EMBEDDING | {name: (4,)}), "x")
    assert (count(found).total, found.notes) == (2052, ())


def test_a_packed_prediction_module_is_not_counted_either():
    found = joined(PLAIN, stored(EMBEDDING) | stored({"mtp.fc.weight": (4, 8)}, "F8_E4M3"), "x")
    assert (found.stored_only, found.mtp) == (True, ())


BUFFERS = [
    ("rotary", {"model.layers.0.self_attn.rotary_emb.inv_freq": (16,)}, "F32", 16),
    ("one rotary for all", {"model.rotary_emb.inv_freq": (16,)}, "F32", 16),
    ("a mask", {"h.0.attn.bias": (1, 1, 8, 8), "h.0.attn.masked_bias": ()}, "F32", 65),
    ("a mask of bytes", {"gpt_neox.layers.0.attention.bias": (1, 1, 8, 8)}, "U8", 64),
    ("positions", {"model.embeddings.position_ids": (1, 512)}, "I64", 512),
    ("a router's correction", {"model.layers.0.mlp.gate.e_score_correction_bias": (4,)}, "F32", 4),
]


@pytest.mark.parametrize(
    ("names", "dtype", "n"), [case[1:] for case in BUFFERS], ids=[case[0] for case in BUFFERS]
)
def test_buffers_are_left_out_and_said(names, dtype, n):
    found = joined(PLAIN, stored(EMBEDDING) | stored(names, dtype), "x")
    assert [tensor.name for tensor in found.tensors] == ["model.embed_tokens.weight"]
    assert found.notes == (f"{n:,} stored values are buffers, not parameters: left out",)
    assert count(found).total == 2048


@pytest.mark.parametrize("shape", [(96,), (1, 1, 8, 4), (2, 1, 8, 8)])
def test_the_bias_of_a_projection_is_no_mask(shape):
    found = joined(PLAIN, stored(EMBEDDING | {"h.attn.bias": shape}), "x")
    assert count(found).total == 2048 + math.prod(shape)


def test_a_correction_that_its_class_has_as_a_parameter_is_one():
    config = {"model_type": "ernie4_5_moe"}
    (own,) = (t for t in describe(config, "x").tensors if t.name.endswith("e_score_correction_bias"))
    tensors = {name: shape for name, (shape, _) in expanded(describe(config, "x").tensors).items()}
    found = joined(config, stored(tensors), "x")
    assert own.name in {tensor.name for tensor in found.tensors}


# The output head.

TIED = {"tie_word_embeddings": True}
HEAD = {"lm_head.weight": (64, 32)}


def small(tied, *left_out):
    """Config and stored tensors of a small llama."""
    config = LLAMA | {"tie_word_embeddings": tied}
    return config, stored({n: s for n, (_, s) in llama().items() if n not in left_out})


def test_a_tied_head_that_is_stored_is_counted_once():
    found = joined(*small(True), "x")
    assert found.notes == ("lm_head.weight is stored, and tied to model.embed_tokens.weight",)
    assert count(found) == count(describe(LLAMA | TIED, "x"))


def test_a_tied_head_that_is_not_stored_keeps_the_embedding_active():
    found = joined(*small(True, "lm_head.weight"), "x")
    assert found.notes == ("lm_head.weight is not stored: tied to model.embed_tokens.weight",)
    assert count(found) == count(describe(LLAMA | TIED, "x"))
    assert count(found).active == count(found).active_no_input_embedding


def test_a_head_of_its_own_stays_so():
    found = joined(*small(False), "x")
    assert (found.notes, count(found)) == ((), count(describe(LLAMA | {"tie_word_embeddings": False}, "x")))


TIES = [
    ("the config says", PLAIN | TIED, 2048),
    ("the nested config says", PLAIN | {"text_config": TIED | {"hidden_size": 32}}, 2048),
    ("the class says", {"model_type": "bert", "hidden_size": "unreadable"}, 2048),
    ("the config says no", PLAIN | {"tie_word_embeddings": False}, 4096),
    ("nobody says", PLAIN, 4096),
]


@pytest.mark.parametrize(("config", "total"), [case[1:] for case in TIES], ids=[case[0] for case in TIES])
def test_a_head_is_tied_where_config_or_class_says_so(config, total):
    assert count(joined(config, stored(EMBEDDING | HEAD), "x")).total == total


def test_a_head_of_another_shape_is_not_tied():
    found = joined(PLAIN | TIED, stored(EMBEDDING | {"lm_head.weight": (60, 32)}), "x")
    assert (count(found).total, found.notes) == (2048 + 60 * 32, ())


# What is no model.

WHOLE = "name a repository that stores the whole model, or use --tensors blueprint"
TWO = PLAIN | {"num_hidden_layers": 2}
NO_MODEL = [
    ("empty", PLAIN, {}, "the files store no tensors", WHOLE),
    ("adapter", PLAIN, {"base_model.model.layers.0.q_proj.lora_A.weight": (8, 32)},
     "the stored tensors are an adapter's, such as base_model.model.layers.0.q_proj.lora_A.weight",
     "name the model that the adapter was made for"),
    ("no embedding", PLAIN, {"lm_head.weight": (64, 32)}, "no token embedding among the 1 stored tensors",
     WHOLE),
    ("one layer of two", TWO, EMBEDDING | layer(0, LAYER),
     "the config says 2 layers, the stored tensors have layers 0", WHOLE),
    ("a layer too many", TWO, EMBEDDING | layer(0, LAYER) | layer(1, LAYER) | layer(2, LAYER),
     "the config says 2 layers, the stored tensors have layers 0-2", WHOLE),
    ("another layer", TWO, EMBEDDING | layer(0, LAYER) | layer(2, LAYER),
     "the config says 2 layers, the stored tensors have layers 0,2", WHOLE),
    ("a layer behind the predicted", TWO | {"num_nextn_predict_layers": 1},
     EMBEDDING | {name: shape for i in range(4) for name, shape in layer(i, LAYER).items()},
     "the config says 2 layers, the stored tensors have layers 0-1,3", WHOLE),
    ("no layers", TWO, EMBEDDING, "the config says 2 layers, the stored tensors have no layers", WHOLE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "names", "what", "fix"), [case[1:] for case in NO_MODEL], ids=[case[0] for case in NO_MODEL]
)
def test_tensors_that_are_not_the_model_of_the_config_are_refused(config, names, what, fix):
    with pytest.raises(BadModel) as raised:
        joined(config, stored(names), "org/x")
    assert str(raised.value) == f"{what}\n  from  org/x\n  fix   {fix}"


@pytest.mark.parametrize("key", ["num_nextn_predict_layers", "num_mtp_layers", "mtp_num_hidden_layers"])
def test_layers_behind_the_last_are_of_the_declared_prediction_module(key):
    names = EMBEDDING | layer(0, LAYER) | layer(1, LAYER) | layer(2, LAYER)
    found = joined(TWO | {key: 1}, stored(names), "x")
    assert (count_params(found.mtp), count(found).total) == (1056, 2048 + 2 * 1056)


def test_an_encoder_may_have_another_number_of_layers():
    names = {f"encoder.{name}": shape for i in range(3) for name, shape in layer(i, LAYER).items()}
    assert count(joined(TWO, stored(EMBEDDING | names | layer(0, LAYER) | layer(1, LAYER)), "x")).total == (
        2048 + 5 * 1056
    )


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
