# Written by hand for the tests, in the shape of llama-models between 2024-07-31 and 2024-09.

from typing import List

from .datatypes import (
    CheckpointQuantizationFormat,
    CoreModelId,
    HardwareRequirements,
    Model,
    SamplingParams,
    SamplingStrategy,
)

CONTEXT_LENGTH = 128 * 1024
VOCAB_SIZE = 128256


def all_registered_models() -> List[Model]:
    return base_models() + safety_models()


def recommended_sampling_params() -> SamplingParams:
    return SamplingParams(strategy=SamplingStrategy.top_p, temperature=1.0)


def big() -> dict:
    return {
        "dim": 16384,
        "n_layers": 126,
        "n_heads": 128,
        "n_kv_heads": 8,
        "vocab_size": VOCAB_SIZE,
        "ffn_dim_multiplier": 1.2,
        "multiple_of": 4096,
        "norm_eps": 1e-05,
        "rope_theta": 500000.0,
        "use_scaled_rope": True,
    }


def base_models() -> List[Model]:
    return [
        Model(
            core_model_id=CoreModelId.meta_llama3_1_405b,
            is_default_variant=True,
            description_markdown="default, quantized",
            max_seq_length=CONTEXT_LENGTH,
            huggingface_repo="meta-llama/Meta-Llama-3.1-405B-FP8",
            hardware_requirements=HardwareRequirements(gpu_count=8, memory_gb_per_gpu=70),
            quantization_format=CheckpointQuantizationFormat.fp8_mixed,
            recommended_sampling_params=recommended_sampling_params(),
            model_args=big(),
        ),
        Model(
            core_model_id=CoreModelId.meta_llama3_1_405b,
            is_default_variant=False,
            description_markdown="sixteen files",
            max_seq_length=CONTEXT_LENGTH,
            huggingface_repo=None,
            hardware_requirements=HardwareRequirements(
                gpu_count=16,
                memory_gb_per_gpu=70,
            ),
            model_args={**big(), "n_kv_heads": 16},
        ),
    ]


def safety_models() -> List[Model]:
    return [
        Model(
            core_model_id=CoreModelId.prompt_guard_86m,
            is_default_variant=True,
            description_markdown="no dimensions",
            max_seq_length=CONTEXT_LENGTH,
            huggingface_repo="meta-llama/Prompt-Guard-86M",
            hardware_requirements=HardwareRequirements(gpu_count=1, memory_gb_per_gpu=1),
            model_args={},
        ),
    ]


def llama_meta_folder(model: Model) -> str:
    if model.huggingface_repo is None:
        raise ValueError(f"{model.core_model_id} has no repository")
    return "/".join(part for part in model.huggingface_repo.split("/")[1:])
