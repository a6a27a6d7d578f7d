"""Validation reports: what was published beside what we count, and every discrepancy with its number."""

import re

import pytest

from registry.validation_report import validation_report
from tests.registry.settled import catalogue, documents_of, real, real_configs, settled


def report(model) -> str:
    return validation_report(model, documents_of(model).built)


LLAMA_2 = """\
# Validation report: meta-llama/Llama-2-7b-hf

Layer config: `meta-llama_Llama-2-7b-hf.json`. Validated: yes. A published parameter count equals ours, every difference explained to the unit.
Tensors: 291, from the blueprint of `llama`, by the names and shapes of transformers 5.23.

## Parameter counts

| count | parameters | definition |
|---|---:|---|
| total | 6,738,415,616 | sum over the tensor table: tied weights once, no buffers, no MTP module, towers included |
| text | 6,738,415,616 | n_params without vision and audio towers and their projectors |
| active | 6,738,415,616 | text tensors, top-k of the routed experts, embedding and output head included |
| active, no input embedding | 6,607,343,616 | active without the input embedding |

## Published counts

| published | ours | difference | explained by | citation |
|---:|---:|---:|---|---|
| 6,738,417,664 | 6,738,415,616 | +2,048 | stored rotary inv_freq, a buffer: 32 x 64 = 2,048 | CITATION |

## Architecture facts across sources

| field | value | unit | source | other sources |
|---|---:|---|---|---|
| d_hidden | 4,096 | elements | snapshot | agree or silent |
| d_ff | 11,008 | elements | snapshot | sku_list: 14,336 |
| n_layers | 32 | layers | snapshot | agree or silent |
| n_heads | 32 | heads | snapshot | agree or silent |
| n_kv_heads | 32 | heads | snapshot | sku_list: 8 |
| head_dim | 128 | elements | derived | agree or silent |
| norm_eps | 1e-05 |  | snapshot | agree or silent |
| vocab_size | 32,000 | tokens | snapshot | agree or silent |
| rope_theta | 10,000 |  | snapshot | sku_list: 500,000 |
| max_context_size | 4,096 | tokens | sku_list | agree or silent |
| attention | MHA |  | derived | agree or silent |
| position | rope |  | snapshot | agree or silent |
| tied_embeddings | no |  | snapshot | agree or silent |

## Layers

| layer | class | count | parameters of one | of all |
|---|---|---:|---:|---:|
| attention | AttentionLayer | 32 | 67,108,864 | 2,147,483,648 |
| feedforward | GatedMLPLayer | 32 | 135,266,304 | 4,328,521,728 |
| norm | NormLayer | 65 | 4,096 | 266,240 |
| embedding | EmbeddingLayer | 2 | 131,072,000 | 262,144,000 |
| sum |  |  |  | 6,738,415,616 |

## Discrepancies

- Count: published 6,738,417,664 (+2,048): stored rotary inv_freq, a buffer 32 x 64 = 2,048.
- d_ff: 11,008 is used; overruled: 14,336 (sku_list, SKU_LIST:136).
- n_kv_heads: 32 is used; overruled: 8 (sku_list, SKU_LIST:139).
- rope_theta: 10,000 is used; overruled: 500,000 (sku_list, SKU_LIST:144).
"""  # noqa: E501 - the report as it is written


def test_the_report_whole():
    model = catalogue()["sku:Llama-2-7b"]
    (citation,) = documents_of(model).built.content["validation_sources"]
    wanted = LLAMA_2.replace("CITATION", citation).replace(
        "SKU_LIST", "llama-models 0.3.0:llama_models/sku_list.py"
    )
    assert report(model) == wanted


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (
            "hf:Qwen/Qwen3-8B",
            "yes. A published parameter count equals ours, every difference explained to the unit.",
        ),
        ("sku:Llama-Guard-3-1B:int4", "no. No published parameter count equals ours to the unit."),
        ("hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0", "no. No published parameter count was at hand."),
        ("hf:deepseek-ai/DeepSeek-V3", "no. The estimator has no class for attention."),
        ("sku:Llama-Guard-4-12B", "no. The estimator has no class for vision_tower, projector."),
    ],
)
def test_validated_or_not_and_why(key, reason):
    assert f"Validated: {reason}\n" in report(catalogue()[key])


def test_nothing_published_and_nothing_found_is_said():
    text = report(real("Qwen/Qwen3-1.7B-MLX-bf16"))
    assert "## Published counts\n\nNone was at hand. Nothing is concluded from that.\n" in text
    assert "- SlidingWindowAttentionLayer itself counts" in text or "itself counts" in text
    tiny = report(catalogue()["hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0"])
    assert tiny.endswith("## Discrepancies\n\nNone.\n")


def test_where_the_estimator_counts_otherwise_is_a_discrepancy():
    """GPT-2's MLP biases: 3072 + 768 in each of 12 layers."""
    assert (
        "- MLPLayer itself counts 4,718,592 for feedforward: -3,840 a layer, -46,080 in all."
        in report(catalogue()["hf:openai-community/gpt2"]).splitlines()
    )


def test_a_mixture_of_experts_has_its_active_and_mtp_counts():
    text = report(catalogue()["hf:deepseek-ai/DeepSeek-V3"])
    for row in (
        "| active | 37,552,282,624 |",
        "| active, no input embedding | 36,625,603,584 |",
        "| MTP | 11,610,067,968 |",
    ):
        assert row in text


@pytest.mark.parametrize("key", list(catalogue()))
def test_the_layers_of_every_report_sum_to_its_total(key):
    text = report(catalogue()[key])
    layers = text.partition("## Layers")[2].partition("## Discrepancies")[0]
    counts = [int(n.replace(",", "")) for n in re.findall(r"\| ([\d,]+) \|$", layers, re.M)]
    assert sum(counts[:-1]) == counts[-1] == catalogue()[key].record.n_params


def test_what_a_config_says_cannot_break_the_report():
    config = {**real_configs()["Qwen/Qwen3-0.6B"]}
    text = report(settled("org|x/<b>\nname", config))
    assert text.startswith(
        "# Validation report: org\\|x/&lt;b&gt; name\n\nLayer config: `org-x_-b-name.json`."
    )
