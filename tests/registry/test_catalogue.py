"""Which models the catalogue lists, what names they answer to, and what it refuses of a `[models]` table."""

from pathlib import Path

import pytest

from registry.catalogue import Catalogue, Entry, layer_file, load, model_type, valid_hub_id
from schemas.errors import BadSettings, BadUsage, Refused, RegistryError, UnknownModel

# Written out by hand from the wish list the project started from: "7b chat, 70b chat; 8b, 70b, 405b (FP8)
# instruct; 1b, 3b, 11b vision instruct; 70b instruct; Scout and Maverick instruct; all GPT-2".
MAIN = [
    "sku:Llama-2-7b-chat",
    "sku:Llama-2-70b-chat",
    "sku:Llama3.1-8B-Instruct",
    "sku:Llama3.1-70B-Instruct",
    "sku:Llama3.1-405B-Instruct",
    "sku:Llama3.2-1B-Instruct",
    "sku:Llama3.2-3B-Instruct",
    "sku:Llama3.2-11B-Vision-Instruct",
    "sku:Llama3.3-70B-Instruct",
    "sku:Llama-4-Scout-17B-16E-Instruct",
    "sku:Llama-4-Maverick-17B-128E-Instruct",
    "hf:openai-community/gpt2",
    "hf:openai-community/gpt2-medium",
    "hf:openai-community/gpt2-large",
    "hf:openai-community/gpt2-xl",
]

SKU_FAMILIES = {
    "llama2": 6,
    "llama3": 4,
    "llama3_1": 10,
    "llama3_2": 12,
    "llama3_3": 1,
    "llama4": 5,
    "safety": 7,
}
"""Models per family that llama-models 0.3.0 registers (its sku_types.model_family)."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def keys(entries: list[Entry]) -> list[str]:
    return [entry.key for entry in entries]


def text_of(error: type[RegistryError], models: dict[str, object]) -> str:
    with pytest.raises(error) as caught:
        load(models)
    return str(caught.value)


def test_the_sku_families_have_as_many_models_as_meta_registers(catalogue: Catalogue) -> None:
    skus = [entry for entry in catalogue.entries if entry.key.startswith("sku:")]
    assert len(skus) == 45
    assert {family: sum(entry.family == family for entry in skus) for family in SKU_FAMILIES} == SKU_FAMILIES


def test_the_families_stand_in_their_order(catalogue: Catalogue) -> None:
    assert catalogue.families == (
        *SKU_FAMILIES,
        *("gpt2", "tinyllama", "mistral", "mixtral", "qwen2_5", "qwen3", "deepseek_v3"),
        *("gemma2", "gemma3", "phi4", "gpt_oss"),
    )


def test_the_main_models_are_exactly_the_wished_ones(catalogue: Catalogue) -> None:
    assert keys([entry for entry in catalogue.entries if entry.main]) == MAIN


def test_the_gpt2_models_have_the_names_people_use(catalogue: Catalogue) -> None:
    named = {entry.name: entry.model_type for entry in catalogue.entries if entry.family == "gpt2"}
    assert named == {"GPT-2": "base", "GPT-2 Medium": "base", "GPT-2 Large": "base", "GPT-2 XL": "base"}


def test_every_key_and_repository_is_one_the_hub_could_have(catalogue: Catalogue) -> None:
    assert [repo for entry in catalogue.entries for repo in entry.repos if not valid_hub_id(repo)] == []
    assert len({entry.key.casefold() for entry in catalogue.entries}) == len(catalogue.entries)
    assert [e.key for e in catalogue.entries if e.key.startswith("hf:") and e.key[3:] != e.config_repo] == []


def test_only_the_pruned_guard_has_no_config_repository(catalogue: Catalogue) -> None:
    assert [e.key for e in catalogue.entries if e.config_repo is None] == ["sku:Llama-Guard-3-1B:int4"]


def test_the_hub_names_of_five_models_are_not_those_of_sku_list(catalogue: Catalogue) -> None:
    renamed = {e.sku_repo: e.huggingface_repo for e in catalogue.entries if e.huggingface_repo and e.sku_repo}
    assert renamed == {
        "meta-llama/Llama-3-8B": "meta-llama/Meta-Llama-3-8B",
        "meta-llama/Llama-3-70B": "meta-llama/Meta-Llama-3-70B",
        "meta-llama/Llama-3-8B-Instruct": "meta-llama/Meta-Llama-3-8B-Instruct",
        "meta-llama/Llama-3-70B-Instruct": "meta-llama/Meta-Llama-3-70B-Instruct",
        "meta-llama/Llama-Guard-2-8B": "meta-llama/Meta-Llama-Guard-2-8B",
    }


@pytest.mark.parametrize(
    ("repo", "want"),
    [
        ("Qwen/Qwen2.5-3B-Instruct", "instruct"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "instruct"),
        ("microsoft/Phi-4-mini-instruct", "instruct"),
        ("google/gemma-3-27b-it", "instruct"),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "chat"),
        ("Qwen/Qwen3-30B-A3B-Base", "base"),
        ("Qwen/Qwen3-8B", None),
        ("deepseek-ai/DeepSeek-R1", None),
        ("instruct/model", None),
        ("some/chat", None),
    ],
)
def test_the_type_of_a_hub_model_is_what_a_part_of_its_name_says(repo: str, want: str | None) -> None:
    assert model_type(repo) == want


@pytest.mark.parametrize(
    ("said", "family"),
    [
        ("llama3.1", "llama3_1"),
        ("Llama-3.1", "llama3_1"),
        ("llama31", "llama3_1"),
        ("LLAMA 3.3", "llama3_3"),
        ("llama3", "llama3"),
        ("gpt-2", "gpt2"),
        ("GPT2", "gpt2"),
        ("qwen2.5", "qwen2_5"),
        ("GPT-OSS", "gpt_oss"),
        ("deepseek-v3", "deepseek_v3"),
    ],
)
def test_a_family_is_known_by_its_letters_and_digits(catalogue: Catalogue, said: str, family: str) -> None:
    assert catalogue.family(said) == family


def test_an_unknown_family_is_refused_with_all_families_the_nearest_first(catalogue: Catalogue) -> None:
    with pytest.raises(BadUsage) as caught:
        catalogue.family("qwen35")
    assert str(caught.value) == (
        "family: want one of qwen3, qwen2_5, gemma3, deepseek_v3, llama3, safety, gemma2, llama3_1, "
        "llama3_2, llama3_3, tinyllama, llama2, llama4, gpt2, mistral, mixtral, phi4, gpt_oss, got 'qwen35'\n"
        "  fix   --family qwen3"
    )


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("sku:Llama3.2-1B", ["sku:Llama3.2-1B"]),
        ("SKU:llama3.2-1b", ["sku:Llama3.2-1B"]),
        ("Llama3.2-1B", ["sku:Llama3.2-1B"]),
        ("qwen/qwen3-8b", ["hf:Qwen/Qwen3-8B"]),
        ("gpt-2 medium", ["hf:openai-community/gpt2-medium"]),
        ("gpt2", ["hf:openai-community/gpt2"]),
        ("meta-llama/Llama-2-7b", ["sku:Llama-2-7b"]),
        ("meta-llama/Llama-2-7b-hf", ["sku:Llama-2-7b"]),
        ("llama-2-7b-hf", ["sku:Llama-2-7b"]),
        ("meta-llama/Meta-Llama-3-8B", ["sku:Llama-3-8B"]),
        ("meta-llama/Llama-3-8B", ["sku:Llama-3-8B"]),
        ("Llama-3.1-8B", ["sku:Llama3.1-8B"]),
        ("meta-llama/Llama-3.2-1B-Instruct", ["sku:Llama3.2-1B-Instruct"]),
        ("Llama-3.2-1B-Instruct", ["sku:Llama3.2-1B-Instruct"]),
        ("Llama-3.2-1B-Instruct-QLORA_INT4_EO8", ["sku:Llama3.2-1B-Instruct:int4-qlora-eo8"]),
        ("meta-llama/Llama-3.1-405B", ["sku:Llama3.1-405B:bf16-mp8", "sku:Llama3.1-405B:bf16-mp16"]),
        ("Llama-Guard-3-1B-INT4", ["sku:Llama-Guard-3-1B:int4"]),
        ("Llama-5", []),
        ("", []),
    ],
)
def test_a_model_is_found_by_each_of_its_names(catalogue: Catalogue, name: str, want: list[str]) -> None:
    assert keys(catalogue.find(name)) == want


def test_every_model_is_found_by_its_key_and_its_hub_id(catalogue: Catalogue) -> None:
    assert [e.key for e in catalogue.entries if catalogue.one(e.key) != e] == []
    assert [e.key for e in catalogue.entries for repo in e.repos if not catalogue.find(repo)] == []


def test_a_name_of_two_models_is_refused_with_both_keys(catalogue: Catalogue) -> None:
    with pytest.raises(BadUsage) as caught:
        catalogue.one("meta-llama/Llama-3.1-405B")
    assert str(caught.value) == (
        "model: 'meta-llama/Llama-3.1-405B' is the name of 2 models\n"
        "  fix   give one key: sku:Llama3.1-405B:bf16-mp8, sku:Llama3.1-405B:bf16-mp16"
    )


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        (
            "Lama-2-7b-chat",
            "did you mean sku:Llama-2-7b-chat, sku:Llama-2-70b-chat, sku:Llama-2-13b-chat? "
            "`registry add ORG/NAME` adds one of the hub",
        ),
        ("zzz", "`registry list` shows every model; `registry add ORG/NAME` adds one of the hub"),
    ],
)
def test_an_unknown_model_is_refused_with_the_nearest(catalogue: Catalogue, name: str, fix: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        catalogue.one(name)
    assert str(caught.value) == f"model: no model is called {name!r}\n  fix   {fix}"


def test_a_selection_keeps_the_order_of_the_catalogue(catalogue: Catalogue) -> None:
    chosen = catalogue.select(["gpt-2", "llama3.3"], ["Qwen/Qwen3-8B", "Llama-2-13b"])
    assert keys(chosen) == [
        "sku:Llama-2-13b",
        "sku:Llama3.3-70B-Instruct",
        *(key for key in MAIN if key.startswith("hf:")),
        "hf:Qwen/Qwen3-8B",
    ]


@pytest.mark.parametrize("everything", [False, True], ids=["nothing-named", "everything"])
def test_naming_nothing_selects_every_model(catalogue: Catalogue, everything: bool) -> None:
    assert catalogue.select(everything=everything) == list(catalogue.entries)


def test_everything_beside_a_family_is_everything_but_a_wrong_name_is_still_refused(
    catalogue: Catalogue,
) -> None:
    assert catalogue.select(["gpt2"], everything=True) == list(catalogue.entries)
    with pytest.raises(UnknownModel):
        catalogue.select(models=["Llama-5"], everything=True)


def test_a_new_hub_model_takes_its_repository_and_type_from_its_key() -> None:
    entry = load({"hf:allenai/OLMo-2-0425-1B-Instruct": {}}).entries[-1]
    assert entry == Entry(
        "hf:allenai/OLMo-2-0425-1B-Instruct",
        family=None,
        model_type="instruct",
        config_repo="allenai/OLMo-2-0425-1B-Instruct",
        huggingface_repo="allenai/OLMo-2-0425-1B-Instruct",
    )


def test_settings_of_a_new_model_are_kept_and_its_record_fields_are_pins() -> None:
    settings = {
        "family": "Qwen 3",
        "model_name": "Ours",
        "model_type": "chat",
        "main": True,
        "config": "configs/ours.json",
        "revision": "v2",
        "config_repo": "acme/base",
        "d_ff": 11008,
        "rope_theta": 10000,
    }
    added = load({"file:ours": settings})
    assert added.entries[-1] == Entry(
        "file:ours",
        family="qwen3",
        name="Ours",
        model_type="chat",
        config_repo="acme/base",
        main=True,
        config=Path("configs/ours.json"),
        revision="v2",
        pins={
            "model_family": "qwen3",
            "model_name": "Ours",
            "model_type": "chat",
            "main": True,
            "config_repo": "acme/base",
            "d_ff": 11008,
            "rope_theta": 10000.0,
        },
    )
    assert type(added.entries[-1].pins["rope_theta"]) is float
    assert keys(added.find("ours")) == ["file:ours"]


def test_a_family_of_a_person_is_listed_after_the_bundled_ones() -> None:
    assert load({"hf:acme/tiny": {"family": "acme"}}).families[-1] == "acme"


def test_pins_of_a_listed_model_change_nothing_else_of_it(catalogue: Catalogue) -> None:
    pinned = load({"sku:Llama-2-70b": {"n_kv_heads": 8, "notes": "checked"}}).one("sku:Llama-2-70b")
    plain = catalogue.one("sku:Llama-2-70b")
    assert pinned.pins == {"n_kv_heads": 8, "notes": "checked"}
    assert (pinned.family, pinned.repos, pinned.main) == (plain.family, plain.repos, plain.main)
    assert plain.pins == {}


REFUSED_SETTINGS = [
    (
        "near-name",
        {"hf:acme/tiny": {"d_hiden": 64}},
        "hf:acme/tiny: d_hiden: no such setting or field\n"
        "  from  registry.toml\n"
        "  fix   did you mean d_hidden?",
    ),
    (
        "no-near-name",
        {"hf:acme/tiny": {"zzz": 64}},
        "hf:acme/tiny: zzz: no such setting or field\n"
        "  from  registry.toml\n"
        "  fix   `registry list --format json` shows the fields",
    ),
    (
        "key-is-no-setting",
        {"hf:acme/tiny": {"key": "hf:acme/other"}},
        "hf:acme/tiny: key: no such setting or field\n"
        "  from  registry.toml\n"
        "  fix   `registry list --format json` shows the fields",
    ),
    (
        "text-for-int",
        {"sku:Llama-2-7b": {"d_ff": "x"}},
        "sku:Llama-2-7b: d_ff: want int, got 'x'\n"
        "  from  registry.toml\n"
        '  fix   set d_ff under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "bool-for-int",
        {"sku:Llama-2-7b": {"d_ff": True}},
        "sku:Llama-2-7b: d_ff: want int, got True\n"
        "  from  registry.toml\n"
        '  fix   set d_ff under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "float-for-int",
        {"sku:Llama-2-7b": {"n_kv_heads": 8.0}},
        "sku:Llama-2-7b: n_kv_heads: want int, got 8.0\n"
        "  from  registry.toml\n"
        '  fix   set n_kv_heads under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "int-for-bool",
        {"sku:Llama-2-7b": {"main": 1}},
        "sku:Llama-2-7b: main: want bool, got 1\n"
        "  from  registry.toml\n"
        '  fix   set main under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "inexact-int",
        {"sku:Llama-2-7b": {"n_params": 2**53 + 1}},
        "sku:Llama-2-7b: n_params: want int, got 9007199254740993\n"
        "  from  registry.toml\n"
        '  fix   set n_params under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "nan",
        {"sku:Llama-2-7b": {"norm_eps": float("nan")}},
        "sku:Llama-2-7b: norm_eps: want float, got nan\n"
        "  from  registry.toml\n"
        '  fix   set norm_eps under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "blank-text",
        {"sku:Llama-2-7b": {"notes": " "}},
        "sku:Llama-2-7b: notes: want str, got ' '\n"
        "  from  registry.toml\n"
        '  fix   set notes under [models."sku:Llama-2-7b"] in registry.toml',
    ),
    (
        "config_repo-of-no-hub",
        {"file:ours": {"config_repo": "../secret"}},
        "file:ours: config_repo: want ORG/NAME of the hub, got '../secret'\n"
        "  from  registry.toml\n"
        '  fix   set config_repo under [models."file:ours"] in registry.toml',
    ),
    (
        "not-a-table",
        {"hf:acme/tiny": 3},
        'hf:acme/tiny: want a table, got 3\n  from  registry.toml\n  fix   write [models."hf:acme/tiny"]',
    ),
    (
        "other-spelling",
        {"sku:llama-2-7B": {"d_ff": 11008}},
        "sku:llama-2-7B: already there as sku:Llama-2-7b\n"
        "  from  registry.toml\n"
        '  fix   write [models."sku:Llama-2-7b"]',
    ),
    (
        "own-other-spelling",
        {"file:ours": {}, "file:Ours": {}},
        'file:Ours: already there as file:ours\n  from  registry.toml\n  fix   write [models."file:ours"]',
    ),
    (
        "config-repo-of-a-sku",
        {"hf:meta-llama/Llama-2-7b-HF": {}},
        "hf:meta-llama/Llama-2-7b-HF: meta-llama/Llama-2-7b-HF is already there as sku:Llama-2-7b\n"
        "  from  registry.toml\n"
        '  fix   write [models."sku:Llama-2-7b"]',
    ),
    (
        "hub-name-of-a-sku",
        {"hf:meta-llama/Meta-Llama-Guard-2-8B": {}},
        "hf:meta-llama/Meta-Llama-Guard-2-8B: meta-llama/Meta-Llama-Guard-2-8B is already there as "
        "sku:Llama-Guard-2-8B\n"
        "  from  registry.toml\n"
        '  fix   write [models."sku:Llama-Guard-2-8B"]',
    ),
    (
        "hub-id-without-prefix",
        {"acme/tiny": {}},
        "acme/tiny: want sku:DESCRIPTOR, hf:ORG/NAME or file:NAME\n"
        "  from  registry.toml\n"
        '  fix   write [models."hf:acme/tiny"]',
    ),
]


@pytest.mark.parametrize(
    ("models", "text"), [case[1:] for case in REFUSED_SETTINGS], ids=[case[0] for case in REFUSED_SETTINGS]
)
def test_settings_that_cannot_be_used_are_refused(models: dict[str, object], text: str) -> None:
    assert text_of(BadSettings, models) == text


@pytest.mark.parametrize(
    "key",
    [
        *(
            "hf:gpt2",
            "hf:a/b/c",
            "hf:../x",
            "hf:acme/a..b",
            "hf:acme/a--b",
            "hf:acme/-a",
            "hf:acme/a b",
            "hf:",
        ),
        *("sku:", "sku: x", "sku:a/b", "file:", "file:../x", "file:a/b", "file:..", "HF:acme/tiny", "model"),
        f"hf:acme/{'a' * 92}",
    ],
)
def test_a_key_of_no_form_is_refused(key: str) -> None:
    assert text_of(BadSettings, {key: {}}) == (
        f"{key}: want sku:DESCRIPTOR, hf:ORG/NAME or file:NAME\n  from  registry.toml"
    )


@pytest.mark.parametrize("key", ["hf:acme/tiny", "hf:acme/a.b_c-d", "sku:Llama-5-1B:int4", "file:llama_9m"])
def test_a_key_of_a_known_form_is_taken(key: str) -> None:
    assert load({key: {}}).entries[-1].key == key


def test_the_place_of_the_settings_is_named() -> None:
    with pytest.raises(BadSettings) as caught:
        load({"sku:Llama-2-7b": {"d_ff": "x"}}, where="ours.toml")
    assert str(caught.value) == (
        "sku:Llama-2-7b: d_ff: want int, got 'x'\n"
        "  from  ours.toml\n"
        '  fix   set d_ff under [models."sku:Llama-2-7b"] in ours.toml'
    )


def test_two_repositories_with_one_layer_file_are_refused() -> None:
    assert text_of(Refused, {"hf:a/b_c": {}, "hf:a_b/c": {}}) == (
        "hf:a_b/c: the layer config of a_b/c would be a_b_c.json, as that of a/b_c\n"
        "  fix   take one of the two out of [models] in registry.toml"
    )


def test_models_of_one_repository_share_a_layer_file(catalogue: Catalogue) -> None:
    shards = catalogue.find("meta-llama/Llama-3.1-405B")
    assert {layer_file(e.config_repo or "") for e in shards} == {"meta-llama_Llama-3.1-405B.json"}
