"""Layer configs to check: a small one that is right, and the estimator's own of Llama 3.3 70B."""

import copy

from registry.estimator import BUILT_IN
from registry.validate import check_content

MODEL = "org_small"
# 2 layers, width 16, 4 heads of 4, 2 for keys and values, vocabulary 50, untied:
# attention 16*16 + 2*8*16 + 16*16 = 768; feed-forward 3*16*40 = 1920; 5 norms of 16; 2 * 800.
SMALL = {
    "model_id": MODEL,
    "hf_model_id": "org/small",
    "name": "Small",
    "hidden_size": 16,
    "num_layers": 2,
    "vocab_size": 50,
    "total_params": 7056,
    "n_params": 7056,
    "total_params_formatted": "7.1K",
    "layer_types": [
        {
            "name": "attention",
            "class": "GroupedQueryAttentionLayer",
            "count": 2,
            "supported": True,
            "parallelism": {"tensor_parallel": 2},
            "specs": {
                "layer_idx": 0,
                "hidden_size": 16,
                "num_heads": 4,
                "num_kv_heads": 2,
                "head_dim": 4,
                "input_dim": 16,
                "parameter_count": 768,
            },
        },
        {
            "name": "feedforward",
            "class": "GatedMLPLayer",
            "count": 2,
            "specs": {"hidden_size": 16, "intermediate_size": 40, "parameter_count": 1920},
        },
        {
            "name": "norm",
            "class": "NormLayer",
            "count": 5,
            "specs": {"hidden_size": 16, "has_bias": False, "parameter_count": 16},
        },
        {
            "name": "embedding",
            "class": "EmbeddingLayer",
            "count": 2,
            "specs": {"vocab_size": 50, "hidden_size": 16, "parameter_count": 800},
        },
    ],
    "unsupported_layers": [],
    "validated": True,
}
GONE = object()
ROUTER = {
    "name": "router",
    "class": "MoERouterLayer",
    "count": 2,
    "supported": False,
    "gap_report": "no class for a router",
    "specs": {"num_experts": 8, "parameter_count": 128},
}


def changed(*changes):
    """SMALL with values put at JSON paths such as ("layer_types", 0, "count"); GONE takes one out."""
    content = copy.deepcopy(SMALL)
    for *path, last, value in changes:
        holder = content
        for step in path:
            holder = holder[step]
        if value is GONE:
            del holder[last]
        else:
            holder[last] = value
    return content


def findings(*changes, counts=lambda _: ()):
    found = check_content(changed(*changes), f"{MODEL}.json", BUILT_IN, counts)
    return [(str(one.severity), one.where, one.text, one.fix) for one in found]


# Sizes and counts of the estimator's own file for this model (gminneci/mantile 72ff84e).
LLAMA_70B = {
    "model_id": "meta-llama_Llama-3.3-70B-Instruct",
    "hf_model_id": "meta-llama/Llama-3.3-70B-Instruct",
    "name": "Llama-3.3-70B-Instruct",
    "hidden_size": 8192,
    "num_layers": 80,
    "vocab_size": 128256,
    "total_params": 69_502_369_792,
    "total_params_formatted": "69.5B",
    "layer_types": [
        {
            "name": "attention",
            "class": "GroupedQueryAttentionLayer",
            "count": 80,
            "specs": {
                "layer_idx": 0,
                "hidden_size": 8192,
                "num_heads": 64,
                "num_kv_heads": 8,
                "head_dim": 128,
                "parameter_count": 150_994_944,
            },
        },
        {
            "name": "feedforward",
            "class": "GatedMLPLayer",
            "count": 80,
            "specs": {"hidden_size": 8192, "intermediate_size": 28672, "parameter_count": 704_643_072},
        },
        {
            "name": "norm",
            "class": "NormLayer",
            "count": 80,
            "specs": {"hidden_size": 8192, "has_bias": False, "parameter_count": 8192},
        },
        {
            "name": "embedding",
            "class": "EmbeddingLayer",
            "count": 1,
            "specs": {"vocab_size": 128256, "hidden_size": 8192, "parameter_count": 1_050_673_152},
        },
    ],
    "validated": True,
}
