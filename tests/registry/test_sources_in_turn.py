"""Take the best source away and the next is heard, down to sku_list; nothing is kept by hand."""

import json
from pathlib import Path

import pytest

from registry.catalogue import load
from registry.gather import gather, is_own_config
from registry.model import demote, settle
from schemas.evidence import Rank
from sources import configs, snapshot

KEY = "sku:Llama-2-7b-chat"
HUB = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11007, "num_attention_heads": 32,
       "num_hidden_layers": 32, "num_key_value_heads": 31}  # fmt: skip


def entry(key=KEY):
    return load().one(key)


def live():
    return configs.parse(KEY, HUB, "meta-llama/Llama-2-7b-chat-hf@0123456:config.json")


def bundled(key=KEY, *without):
    return [o for o in snapshot.read().observe(key) if o.rank not in without]


@pytest.mark.parametrize(
    ("observations", "d_ff", "overruled"),
    [
        ([*live(), *demote(bundled())], 11007, [11008, 14336]),
        (bundled(), 11008, [14336]),
        (bundled(KEY, Rank.CHECKPOINT, Rank.CLASS_DEFAULT), 14336, []),
    ],
    ids=["the hub answers", "the hub is taken away", "the checkpoint config is taken away"],
)
def test_d_ff_of_llama_2_7b_chat(observations, d_ff, overruled):
    model = settle(entry(), observations)
    assert model.record.d_ff == d_ff
    assert [value.value for value in model.evidence["d_ff"].overruled] == overruled


def test_a_pin_of_the_user_outranks_the_hub_and_moves_the_totals():
    catalogue = load({KEY: {"d_ff": 12000}})
    model = settle(catalogue.one(KEY), [*live(), *demote(bundled())])
    assert model.record.d_ff == 12000
    assert [value.value for value in model.evidence["d_ff"].overruled] == [11007, 11008, 14336]
    plain = settle(entry(), bundled())
    assert settle(catalogue.one(KEY), bundled()).record.n_params - plain.record.n_params == 3 * 32 * 4096 * (
        12000 - 11008
    )


def test_a_sibling_stands_in_where_the_models_own_config_was_never_seen():
    key = "sku:Llama-2-70b-chat"
    assert settle(entry(key), bundled(key)).record.d_ff == 28672
    assert settle(entry(key), bundled(key, Rank.SIBLING, Rank.CLASS_DEFAULT)).record.d_ff == 28416


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("sku:Llama-2-7b", True),
        ("sku:Llama-3-8B", True),
        ("sku:Llama3.1-405B-Instruct", True),
        ("sku:Llama3.2-1B-Instruct:int4-qlora-eo8", False),
        ("hf:openai-community/gpt2", True),
    ],
)
def test_a_config_of_the_model_it_was_quantized_from_is_a_siblings(key, own):
    assert is_own_config(entry(key)) is own


class NoHub:
    """A hub that must not be asked: the cache is empty and everything is bundled."""

    def cached(self, repo, revision="main"):
        return None

    def fetch(self, repo, revision="main"):
        raise AssertionError(f"the hub was asked for {repo}")


def test_the_hub_is_not_asked_for_what_is_bundled():
    entries = load().select(families=["llama2"])
    readings = gather(entries, hub=NoHub(), sku_path=None, refresh=False, progress=lambda done, total: None)
    assert readings.problems == []
    assert len(readings.observations) == 6


@pytest.mark.parametrize("version", ["llama-models-0.3.0", "llama-stack-0.2.12"])
def test_the_result_is_the_same_with_and_without_the_real_sku_list(version):
    folder = Path(__file__).parents[1] / "data" / "sku_list" / version
    entries = [e for e in load().entries if e.key.startswith("sku:")]

    def records(path):
        readings = gather(
            entries, hub=NoHub(), sku_path=path, refresh=False, progress=lambda done, total: None
        )
        return [json.loads(settle(e, readings.observations[e.key]).record.model_dump_json()) for e in entries]

    assert records(folder) == records(None)
