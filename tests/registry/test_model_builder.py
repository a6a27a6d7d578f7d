"""The model builder functions: the estimator's own snippets run, and what they say of a model is right."""

import csv
import json
import re
from pathlib import Path

import pytest

from registry import model_builder
from registry.model_builder import (
    analyze_layer_structure,
    count_parameters,
    estimate_memory,
    get_model_config,
    get_supported_layers,
    inspect_model_structure,
    save_tensor_inspection,
    validate_config,
)
from schemas.errors import BadSource, BadUsage, UnknownArchitecture, UnknownModel

CONFIGS = Path(__file__).parents[1] / "data" / "configs"

# The snippets of the estimator's plan for building models, as they are written there.
EXTRACT = """
from model_builder.utils import (
    get_model_config,
    inspect_model_structure,
    save_tensor_inspection,
    analyze_layer_structure,
    count_parameters,
    estimate_memory,
    validate_config,
    get_supported_layers
)

# 1. Get high-level config (hidden_size, num_layers, etc.)
config = get_model_config("meta-llama/Llama-3.3-70B-Instruct")

# 2. Dry-run tensor inspection (no weight download)
tensors = inspect_model_structure("meta-llama/Llama-3.3-70B-Instruct")

# 3. Save for reference
save_tensor_inspection(tensors, "output/tensors.csv")

# 4. Analyze layer patterns
structure = analyze_layer_structure(tensors)

# 5. Compute totals for validation
params = count_parameters(tensors)
memory = estimate_memory(tensors, dtype="float16")

print(f"Parameters: {params['total_formatted']} ({params['total']:,})")
print(f"Memory (fp16): {memory['gb']:.1f} GB")
"""
VALIDATE = """
# Validate against expected values from public sources
result = validate_config(
    tensors,
    expected_params=70_000_000_000,  # From model card
    expected_layers=80                # From paper
)

if result['valid']:
    print("✓ Validation passed")
else:
    for disc in result['discrepancies']:
        print(f"⚠️ {disc}")
"""
DISCOVER = """
from model_builder.utils import get_supported_layers

# Get current supported layers (reads from backend/layers/)
supported = get_supported_layers()

for class_name, info in supported.items():
    print(f"{class_name}: {info['docstring']}")
    print(f"  Source: {info['module']}")
"""


@pytest.fixture(scope="module")
def rows():
    """The tensors of each committed config, listed once."""
    found = {}

    def of(name):
        if name not in found:
            found[name] = inspect_model_structure(str(CONFIGS / f"{name}.json"))
        return found[name]

    return of


def test_the_snippets_run_with_only_the_import_line_changed(registry_home, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = {}
    for snippet in (EXTRACT, VALIDATE, DISCOVER):
        exec(snippet.replace("from model_builder.utils import", "from registry.model_builder import"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:3] == [
        "Parameters: 70.6B (70,553,706,496)",
        "Memory (fp16): 141.1 GB",
        "✓ Validation passed",
    ]
    assert "GroupedQueryAttentionLayer: Attention in which groups of heads share keys and values." in printed
    assert len(printed) == 3 + 2 * 8
    assert names["config"]["num_hidden_layers"] == 80
    assert (names["structure"]["num_layers"], names["structure"]["mlp_type"]) == (80, "gated")
    saved = Path("output/tensors.csv").read_text("utf-8").splitlines()
    assert saved[:2] == [
        "kind,name,shape,dtype",
        'param,model.embed_tokens.weight,"(128256, 8192)",torch.bfloat16',
    ]
    assert 'param,model.layers.0.input_layernorm.weight,"(8192,)",torch.bfloat16' in saved
    assert len(saved) == 1 + 3 + 80 * 9


STRUCTURE = {  # layers, attention by names alone, by the config, MLP, norms, positions, tied
    "gpt2-xl": (48, "MHA", "MHA", "standard", "LayerNorm", "learned", True),
    "bloom": (70, "MHA", "MHA", "standard", "LayerNorm", "none stored", True),
    "falcon-40b": (60, "GQA or MQA", "GQA", "standard", "LayerNorm", "none stored", True),
    "Llama-2-7b-hf": (32, "MHA", "MHA", "gated", "RMSNorm or no bias", "none stored", False),
    "Llama-3.2-1B": (16, "GQA or MQA", "GQA", "gated", "RMSNorm or no bias", "none stored", True),
    "phi-4": (40, "GQA or MQA", "GQA", "gated", "RMSNorm or no bias", "none stored", False),
    "Mixtral-8x7B-v0.1": (32, "GQA or MQA", "GQA", "MoE", "RMSNorm or no bias", "none stored", False),
    "DeepSeek-V3": (61, "MLA", "MLA", "MoE and gated", "RMSNorm or no bias", "none stored", False),
    "DeepSeek-V2-Lite": (27, "MLA", "MLA", "MoE and gated", "RMSNorm or no bias", "none stored", False),
    "Llama-4-Scout-17B-16E-Instruct": (
        48,
        "GQA or MQA",
        "GQA",
        "MoE",
        "RMSNorm or no bias",
        "none stored",
        False,
    ),
    "gemma-3-27b-it": (62, "GQA or MQA", "GQA", "gated", "RMSNorm or no bias", "none stored", True),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_the_structure_is_told_by_names_and_exactly_by_the_config(rows, name):
    keys = ("num_layers", "attention_type", "mlp_type", "norm_type", "positions", "tied_embeddings")
    layers, by_names, exact, *rest = STRUCTURE[name]
    plain = analyze_layer_structure(rows(name))
    told = analyze_layer_structure(rows(name), get_model_config(str(CONFIGS / f"{name}.json")))
    assert [plain[key] for key in keys] == [layers, by_names, *rest]
    assert told == {**plain, "attention_type": exact}


def row(name, *shape, kind="param"):
    return (kind, name, shape, "")


def fused(qkv, out, width=64):
    """A layer of falcon 7B's names: one query_key_value, one dense."""
    at = "transformer.h.0.self_attention"
    return [row(f"{at}.query_key_value.weight", qkv, width), row(f"{at}.dense.weight", width, out)]


@pytest.mark.parametrize(
    ("tensors", "kind"),
    [
        (fused(3 * 64, 64), "MHA"),
        (fused(64 + 2 * 16, 64), "GQA or MQA"),
        (fused(128 + 2 * 128, 128), "MHA"),
        ([row("h.0.attn.c_attn.weight", 64, 192), row("h.0.attn.c_proj.weight", 64, 64)], "MHA"),
        ([row("h.0.attn.c_attn.weight", 64 + 32, 64), row("h.0.attn.c_proj.weight", 64, 64)], "GQA or MQA"),
        (
            [
                row("layer.0.attention.self.query.weight", 8, 8),
                row("layer.0.attention.self.key.weight", 8, 8),
            ],
            "MHA",
        ),
        ([row("model.layers.0.self_attn.new_proj.weight", 8, 8)], "unknown"),
        ([row("backbone.layers.0.mixer.A_log", 8)], "none"),
    ],
    ids=["fused", "fused, few keys", "wide heads", "gpt2", "one key head", "bert", "another name", "mamba"],
)
def test_fused_and_unfused_attention_is_told_by_its_shapes(tensors, kind):
    assert analyze_layer_structure(tensors)["attention_type"] == kind


@pytest.mark.parametrize("name", STRUCTURE)
def test_parameters_count_each_tensor_once(rows, name):
    own = sum(_size(shape) for kind, _, shape, _ in rows(name) if kind == "param")
    counted = count_parameters(rows(name))
    assert counted["total"] == own == sum(counted["by_component"].values())


def _size(shape):
    size = 1
    for dimension in shape:
        size *= dimension
    return size


@pytest.mark.parametrize(
    ("name", "total", "formatted"),
    [
        ("gpt2-xl", 1557611200, "1.6B"),
        ("Llama-3.2-1B", 1235814400, "1.2B"),
        ("Mixtral-8x7B-v0.1", 46702792704, "46.7B"),
        ("DeepSeek-V3", 671026404352, "671.0B"),
    ],
)
def test_totals_are_the_published_ones(rows, name, total, formatted):
    counted = count_parameters(rows(name))
    assert (counted["total"], counted["total_formatted"]) == (total, formatted)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float16", 200), ("torch.bfloat16", 200), ("float32", 400), ("fp8", 100), ("int4", 50), ("mxfp4", 50)],
)
def test_memory_is_in_bytes_in_billions_and_in_gib(dtype, size):
    found = estimate_memory([row("a", 10, 10), row("b", 10, 10, kind="tied")], dtype)
    assert found == {
        "bytes": size, "gb": size / 10**9, "gib": size / 2**30, "dtype": dtype, "bits": size * 8 // 100,
    }  # fmt: skip


def test_half_a_byte_takes_a_whole_one():
    assert estimate_memory([row("a", 3)], "int4")["bytes"] == 2


def test_an_unknown_dtype_is_refused():
    with pytest.raises(BadUsage, match="want a known dtype, got 'float7'"):
        estimate_memory([], "float7")


@pytest.mark.parametrize(
    ("params", "layers", "found"),
    [
        (6_738_415_616, 32, []),
        (6_700_000_000, None, []),
        (6_000_000_000, None, ["parameters: expected 6,000,000,000, counted 6,738,415,616 (+12.31 %)"]),
        (None, 31, ["layers: expected 31, counted 32"]),
        (7_000_000_000, 33, [
            "parameters: expected 7,000,000,000, counted 6,738,415,616 (-3.74 %)",
            "layers: expected 33, counted 32",
        ]),
        (None, None, []),
    ],
)  # fmt: skip
def test_what_differs_from_published_figures_is_listed(rows, params, layers, found):
    result = validate_config(rows("Llama-2-7b-hf"), params, layers)
    assert (result["valid"], result["discrepancies"]) == (not found, found)
    assert (result["actual_params"], result["actual_layers"]) == (6738415616, 32)
    assert result["params_difference"] == (None if params is None else 6738415616 - params)


def test_no_tolerance_finds_a_single_parameter(rows):
    assert not validate_config(rows("Llama-2-7b-hf"), 6738415617, tolerance=0)["valid"]


def test_the_rows_are_saved_whole_as_csv_or_json(rows, tmp_path):
    tensors = rows("gpt2-xl")
    save_tensor_inspection(tensors, tmp_path / "deep" / "t.csv")
    save_tensor_inspection(tensors, tmp_path / "t.txt", format="json")
    with (tmp_path / "deep" / "t.csv").open(newline="") as file:
        read = [(r["kind"], r["name"], r["shape"], r["dtype"]) for r in csv.DictReader(file)]
    assert read == [(kind, name, str(shape), dtype) for kind, name, shape, dtype in tensors]
    stored = json.loads((tmp_path / "t.txt").read_text())
    assert [(r["kind"], r["name"], tuple(r["shape"]), r["dtype"]) for r in stored] == tensors


def test_another_suffix_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(BadUsage, match="want csv or json, got 'parquet'"):
        save_tensor_inspection([], tmp_path / "x" / "t.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "error"),
    [("no-such-model", UnknownModel), ("nope.json", BadSource), ("c.json", UnknownArchitecture)],
)
def test_what_is_not_known_raises_and_is_never_guessed(registry_home, name, error):
    Path("c.json").write_text('{"model_type": "no_such_type"}')
    with pytest.raises(error):
        inspect_model_structure(name)


def test_the_layer_classes_have_a_docstring_and_a_module():
    for info in get_supported_layers().values():
        assert set(info) == {"docstring", "module", "required", "optional", "parallelism"}
        assert info["docstring"]
        assert info["module"]


@pytest.mark.parametrize("name", model_builder.__all__)
def test_each_function_says_what_it_gives(name):
    described = getattr(model_builder, name).__doc__ or ""
    assert re.match(r"[A-Z].{20,}", described)
