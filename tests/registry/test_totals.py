"""Totals and active parameters of the whole catalogue.

Witness: each model built on torch 2.13.0's meta device with transformers 5.23.0, counted there (tied weights
once, no buffers); active: all text parameters with top-k of the routed experts. Guard-3-1B and
Guard-3-1B:int4 untied, as their files are stored.
"""

import pytest

from registry.catalogue import load
from registry.model import Model, settle
from sources import snapshot

TOTALS = (
    ("sku:Llama-2-7b", 6738415616, 6738415616),
    ("sku:Llama-2-13b", 13015864320, 13015864320),
    ("sku:Llama-2-70b", 68976648192, 68976648192),
    ("sku:Llama-2-7b-chat", 6738415616, 6738415616),
    ("sku:Llama-2-13b-chat", 13015864320, 13015864320),
    ("sku:Llama-2-70b-chat", 68976648192, 68976648192),
    ("sku:Llama-3-8B", 8030261248, 8030261248),
    ("sku:Llama-3-70B", 70553706496, 70553706496),
    ("sku:Llama-3-8B-Instruct", 8030261248, 8030261248),
    ("sku:Llama-3-70B-Instruct", 70553706496, 70553706496),
    ("sku:Llama3.1-8B", 8030261248, 8030261248),
    ("sku:Llama3.1-70B", 70553706496, 70553706496),
    ("sku:Llama3.1-405B:bf16-mp8", 405853388800, 405853388800),
    ("sku:Llama3.1-405B", 405853388800, 405853388800),
    ("sku:Llama3.1-405B:bf16-mp16", 405853388800, 405853388800),
    ("sku:Llama3.1-8B-Instruct", 8030261248, 8030261248),
    ("sku:Llama3.1-70B-Instruct", 70553706496, 70553706496),
    ("sku:Llama3.1-405B-Instruct:bf16-mp8", 405853388800, 405853388800),
    ("sku:Llama3.1-405B-Instruct", 405853388800, 405853388800),
    ("sku:Llama3.1-405B-Instruct:bf16-mp16", 405853388800, 405853388800),
    ("sku:Llama3.2-1B", 1235814400, 1235814400),
    ("sku:Llama3.2-3B", 3212749824, 3212749824),
    ("sku:Llama3.2-11B-Vision", 10670220835, 9775192080),
    ("sku:Llama3.2-90B-Vision", 88593355323, 87666865192),
    ("sku:Llama3.2-1B-Instruct", 1235814400, 1235814400),
    ("sku:Llama3.2-3B-Instruct", 3212749824, 3212749824),
    ("sku:Llama3.2-1B-Instruct:int4-qlora-eo8", 1235814400, 1235814400),
    ("sku:Llama3.2-1B-Instruct:int4-spinquant-eo8", 1235814400, 1235814400),
    ("sku:Llama3.2-3B-Instruct:int4-qlora-eo8", 3212749824, 3212749824),
    ("sku:Llama3.2-3B-Instruct:int4-spinquant-eo8", 3212749824, 3212749824),
    ("sku:Llama3.2-11B-Vision-Instruct", 10670220835, 9775192080),
    ("sku:Llama3.2-90B-Vision-Instruct", 88593355323, 87666865192),
    ("sku:Llama3.3-70B-Instruct", 70553706496, 70553706496),
    ("sku:Llama-4-Scout-17B-16E", 108641793536, 17172894720),
    ("sku:Llama-4-Maverick-17B-128E", 401583781376, 17184691200),
    ("sku:Llama-4-Scout-17B-16E-Instruct", 108641793536, 17172894720),
    ("sku:Llama-4-Maverick-17B-128E-Instruct", 401583781376, 17184691200),
    ("sku:Llama-4-Maverick-17B-128E-Instruct:fp8", 401583781376, 17184691200),
    ("sku:Llama-Guard-4-12B", 12001097216, 11129164800),
    ("sku:Llama-Guard-3-11B-Vision", 10670220835, 9775192080),
    ("sku:Llama-Guard-3-1B:int4", 1123076096, 1123076096),
    ("sku:Llama-Guard-3-1B", 1498482688, 1498482688),
    ("sku:Llama-Guard-3-8B", 8030261248, 8030261248),
    ("sku:Llama-Guard-3-8B:int8", 8030261248, 8030261248),
    ("sku:Llama-Guard-2-8B", 8030261248, 8030261248),
    ("hf:openai-community/gpt2", 124439808, 124439808),
    ("hf:openai-community/gpt2-medium", 354823168, 354823168),
    ("hf:openai-community/gpt2-large", 774030080, 774030080),
    ("hf:openai-community/gpt2-xl", 1557611200, 1557611200),
    ("hf:TinyLlama/TinyLlama-1.1B-Chat-v0.4", 1100060672, 1100060672),
    ("hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0", 1100048384, 1100048384),
    ("hf:mistralai/Mistral-7B-v0.1", 7241732096, 7241732096),
    ("hf:mistralai/Mistral-7B-Instruct-v0.3", 7248023552, 7248023552),
    ("hf:mistralai/Devstral-Small-2507", 23572403200, 23572403200),
    ("hf:mistralai/Mixtral-8x7B-v0.1", 46702792704, 12879925248),
    ("hf:Qwen/Qwen2.5-3B", 3085938688, 3085938688),
    ("hf:Qwen/Qwen2.5-3B-Instruct", 3085938688, 3085938688),
    ("hf:Qwen/Qwen2.5-7B", 7615616512, 7615616512),
    ("hf:Qwen/Qwen2.5-14B", 14770033664, 14770033664),
    ("hf:Qwen/Qwen2.5-32B", 32763876352, 32763876352),
    ("hf:Qwen/Qwen3-0.6B", 596049920, 596049920),
    ("hf:Qwen/Qwen3-4B", 4022468096, 4022468096),
    ("hf:Qwen/Qwen3-8B", 8190735360, 8190735360),
    ("hf:Qwen/Qwen3-14B", 14768307200, 14768307200),
    ("hf:Qwen/Qwen3-32B", 32762123264, 32762123264),
    ("hf:Qwen/Qwen3-30B-A3B", 30532122624, 3353032704),
    ("hf:Qwen/Qwen3-30B-A3B-Base", 30532122624, 3353032704),
    ("hf:Qwen/Qwen3-30B-A3B-Instruct-2507", 30532122624, 3353032704),
    ("hf:Qwen/Qwen3-30B-A3B-Thinking-2507", 30532122624, 3353032704),
    ("hf:Qwen/Qwen3-235B-A22B-Thinking-2507", 235093634560, 22190763520),
    ("hf:Qwen/Qwen3-Coder-480B-A35B-Instruct", 480154875392, 35474765312),
    ("hf:deepseek-ai/DeepSeek-V3", 671026404352, 37552282624),
    ("hf:deepseek-ai/DeepSeek-R1", 671026404352, 37552282624),
    ("hf:deepseek-ai/DeepSeek-V3.1", 671026404352, 37552282624),
    ("hf:google/gemma-2-2b-it", 2614341888, 2614341888),
    ("hf:google/gemma-2-2b-jpn-it", 2614341888, 2614341888),
    ("hf:google/gemma-2-9b-it", 9241705984, 9241705984),
    ("hf:google/gemma-2-27b-it", 27227128320, 27227128320),
    ("hf:google/gemma-3-1b-it", 999885952, 999885952),
    ("hf:google/gemma-3-27b-it", 27432406640, 27009346304),
    ("hf:microsoft/phi-4", 14659507200, 14659507200),
    ("hf:microsoft/Phi-4-mini-instruct", 3836021760, 3836021760),
    ("hf:microsoft/Phi-4-mini-reasoning", 3836021760, 3836021760),
    ("hf:openai/gpt-oss-20b", 20914757184, 4187440704),
    ("hf:openai/gpt-oss-120b", 116829156672, 5711982912),
)
NOT_CHECKED: set[str] = set()


def settled(key: str) -> Model:
    return settle(load().one(key), snapshot.read().observe(key))


@pytest.mark.parametrize(("key", "n_params", "active"), TOTALS, ids=[row[0] for row in TOTALS])
def test_totals_of_the_catalogue_are_those_of_the_meta_device(key, n_params, active):
    record = settled(key).record
    assert (record.n_params, record.n_active_params) == (n_params, active)
    assert record.total_params_b == round(n_params / 1e9, 3)
    assert record.activated_params_b == round(active / 1e9, 3)


def test_every_model_of_the_catalogue_is_checked():
    assert {entry.key for entry in load().entries} - {row[0] for row in TOTALS} == NOT_CHECKED


@pytest.mark.parametrize(
    ("key", "experts", "moe_layers", "activated_b", "text"),
    [
        ("sku:Llama-4-Scout-17B-16E-Instruct", 16, 48, 17.173, 107769861120),
        ("sku:Llama-4-Maverick-17B-128E-Instruct", 128, 24, 17.185, 400711848960),
    ],
    ids=["Scout", "Maverick"],
)
def test_the_moe_columns_of_llama_4(key, experts, moe_layers, activated_b, text):
    r = settled(key).record
    found = (r.is_moe, r.num_experts, r.top_k_experts, r.has_shared_expert, r.moe_routing)
    assert found == (True, experts, 1, True, "Token Choice")
    assert (r.d_ff_expert, r.n_moe_layers, r.activated_params_b) == (8192, moe_layers, activated_b)
    assert r.n_params_text == text
