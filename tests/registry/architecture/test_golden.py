"""Every blueprint against what transformers built on torch's meta device (`tests/make/golden.py`).

The digests cover every tensor's name, shape and tie. To see a difference tensor by tensor:
`python -m tests.make.compare TYPE` with the extra `dryrun`.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from registry.architecture.blueprints import table
from registry.architecture.tensors import count_params, expanded
from registry.architecture.types import find
from schemas.errors import RegistryError, UnknownArchitecture
from tests.make.digests import digest

GOLDEN = Path(__file__).parents[2] / "data" / "golden"


def lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text("utf-8").splitlines()]


ZOO, REAL, RANDOM = lines("zoo"), lines("real"), lines("random")
BUILT = [line for line in ZOO if "error" not in line]
DRAWN: dict[str, list[dict]] = defaultdict(list)
for drawn in RANDOM:
    DRAWN[drawn["config"]["model_type"]].append(drawn)


def same(config: dict, line: dict) -> None:
    tensors = table(config, "config.json")
    found = expanded(tensors)
    assert (len(found), count_params(tensors)) == (line["tensors"], line["n_params"])
    assert digest(found) == line["digest"]


@pytest.mark.parametrize("line", BUILT, ids=[line["class"] for line in BUILT])
def test_defaults_of_a_type_are_what_transformers_builds_or_are_refused_by_name(line):
    config = {"model_type": line["type"], "architectures": [line["class"]]}
    if find(line["type"]) is not None:
        same(config, line)
        return
    with pytest.raises(UnknownArchitecture, match=f"no blueprint for model_type '{line['type']}'") as refused:
        table(config, "config.json")
    assert refused.value.exit_code == 5
    assert "--tensors dry-run" in str(refused.value.fix)


def test_at_least_120_of_the_causal_types_that_build_have_a_blueprint():
    causal = sorted({line["type"] for line in BUILT if line["causal"]})
    known = [name for name in causal if find(name)]
    assert len(known) >= 120
    assert len(causal) - len(known) <= 5  # and no entry is lost by accident


@pytest.mark.parametrize("line", REAL, ids=[line["name"] for line in REAL])
def test_real_configs_are_what_transformers_builds(line):
    if "error" not in line:
        same(line["config"], line)
        return
    with pytest.raises(RegistryError) as refused:
        table(line["config"], line["name"])
    assert refused.value.exit_code == 5
    assert refused.value.fix


@pytest.mark.parametrize("model_type", sorted(DRAWN))
def test_random_dimensions_are_what_transformers_builds(model_type):
    for line in DRAWN[model_type]:
        same(line["config"], line)


FAMILIES = (
    "llama", "mllama", "llama4", "llama4_text", "gpt2", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe",
    "deepseek_v3", "gemma2", "gemma3", "gemma3_text", "phi3", "gpt_oss",
)  # fmt: skip


@pytest.mark.parametrize("model_type", FAMILIES)
def test_each_family_of_the_catalogue_has_50_random_variations(model_type):
    assert len({line["digest"] for line in DRAWN[model_type]}) >= 45
    assert len(DRAWN[model_type]) == 50


def renamed(config: dict) -> dict:
    """The same model under another name, in every key that could carry one."""
    return {**config, "_name_or_path": "someone/else", "name": "x", "transformers_version": "0.0.1"}


WITNESSED = [line for line in REAL if "error" not in line][::4]


@pytest.mark.parametrize("line", WITNESSED, ids=[line["name"] for line in WITNESSED])
def test_a_blueprint_reads_nothing_that_names_the_model(line):
    same(renamed(line["config"]), line)
