# Written by hand for the tests, in the shape of llama-models between 2024-07-31 and 2024-09.

from enum import Enum

from .schema_utils import json_schema_type


@json_schema_type
class SamplingStrategy(Enum):
    greedy = "greedy"
    top_p = "top_p"


class CheckpointQuantizationFormat(Enum):
    # default format
    bf16 = "bf16"
    fp8_mixed = "fp8-mixed"


@json_schema_type
class CoreModelId(Enum):
    """Each is a unique SKU."""

    meta_llama3_1_405b = "Meta-Llama3.1-405B"
    prompt_guard_86m = "Prompt-Guard-86M"
