"""A sample of the blueprints beside transformers itself, built anew. Needs the extra `dryrun`.

The whole comparison: `python -m tests.make.compare TYPE...`.
"""

import random

import pytest

pytest.importorskip("torch", reason="needs the extra dryrun")
pytest.importorskip("transformers", reason="needs the extra dryrun")

from tests.make import meta
from tests.make.compare import difference
from tests.make.variations import variation

SAMPLE = (
    "llama", "gpt2", "qwen2", "qwen3", "qwen3_moe", "mixtral", "deepseek_v3", "deepseek_v2", "gemma3_text",
    "gemma2", "phi3", "gpt_oss", "llama4_text", "falcon", "bloom", "cohere2", "jamba", "nemotron_h",
    "qwen3_next", "mamba2", "opt", "olmo2", "glm4_moe", "starcoder2", "qwen2_vl", "mllama_text_model",
)  # fmt: skip


@pytest.mark.parametrize("model_type", SAMPLE)
def test_defaults_are_equal_tensor_by_tensor(model_type):
    config = {"model_type": model_type}
    if model_type == "mllama_text_model":
        config = {"model_type": "mllama", "architectures": ["MllamaForConditionalGeneration"]}
    assert difference(config) == []


@pytest.mark.parametrize("model_type", SAMPLE[:16])
def test_new_random_configs_are_equal_tensor_by_tensor(model_type):
    rng, built = random.Random(model_type), 0
    for _ in range(60):
        config = variation(model_type, rng)
        try:
            theirs = meta.table(config)
        except Exception:  # a random config that transformers refuses is no witness
            continue
        assert difference(config, theirs) == [], config
        built += 1
        if built == 4:
            return
    pytest.fail(f"transformers built only {built} of 60 random configs of {model_type}")
