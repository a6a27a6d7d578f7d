"""Which rows of a table that people made are which models."""

import pytest

from registry.adoption import adopt, recognised
from schemas.record import COLUMNS
from sync.base import parse_base
from sync.cells import cell_hash
from sync.table import Row, Schema, Stranger
from tests.registry.settled import catalogue

SCHEMA = Schema({name: f"id-{name}" for name, column in COLUMNS.items() if not column.optional}, "f")
CHAT, BASE = "sku:Llama-2-7b-chat", "sku:Llama-2-7b"


def row(row_id="r1", **cells):
    return Row(row_id, {**dict.fromkeys(SCHEMA.bound), **cells}, None)


def models(*keys):
    return [catalogue()[key] for key in keys] if keys else list(catalogue().values())


def placed(*rows, of=()):
    return {one.row.row_id: (one.model.record.key, one.by) for one in adopt(rows, models(*of)).placed}


def unplaced(*rows, of=()):
    return {one.row.row_id: one.why for one in adopt(rows, models(*of)).unplaced}


@pytest.mark.parametrize(
    ("cells", "by"),
    [
        ({"huggingface_repo": "meta-llama/Llama-2-7b-chat"}, "HuggingFace Repo"),
        ({"huggingface_repo": " META-LLAMA/llama-2-7B-chat-hf "}, "HuggingFace Repo"),
        ({"core_model_id": "Llama-2-7b-chat"}, "Core Model ID and Variant"),
        ({"model_name": "llama-2-7b-chat"}, "title"),
        ({"model_name": "sku:Llama-2-7b-chat"}, "title"),
        (
            {"model_name": "The small chat one", "huggingface_repo": "meta-llama/Llama-2-7b-chat"},
            "HuggingFace Repo",
        ),
    ],
    ids=["repo", "config repo in another case", "core id", "title", "key as title", "another title"],
)
def test_a_row_is_known_by_repo_core_id_or_title(cells, by):
    assert placed(row(**cells)) == {"r1": (CHAT, by)}


def test_every_catalogue_model_is_found_again_from_its_own_row():
    everything = models()
    rows = [
        row(model.record.key, **{n: getattr(model.record, n) for n in SCHEMA.bound if n != "key"})
        for model in everything
    ]
    found = placed(*rows)
    assert {row_id: key for row_id, (key, _) in found.items()} == {
        m.record.key: m.record.key for m in everything
    }


def test_likeness_is_no_match():
    assert unplaced(row(model_name="Llama 2 7B")) == {
        "r1": "no model without a row has this HuggingFace Repo, Core Model ID and Variant, title"
    }


def test_what_two_rows_say_places_neither():
    rows = row("a", model_name="Llama-2-7b"), row("b", model_name="LLAMA-2-7B")
    assert set(unplaced(*rows).values()) == {"title says sku:Llama-2-7b, as another row does"}


def test_two_rows_that_reach_one_model_by_different_ways_are_both_left():
    rows = row("a", model_name="Llama-2-7b"), row("b", huggingface_repo="meta-llama/Llama-2-7b")
    assert unplaced(*rows, of=(BASE, CHAT)) == {
        "a": "title says sku:Llama-2-7b, as another row does",
        "b": "HuggingFace Repo says sku:Llama-2-7b, as another row does",
    }


def test_the_last_model_of_a_shared_repository_is_told_by_it_when_the_others_are_placed():
    repo = "meta-llama/Llama-3.2-1B-Instruct"
    rows = [
        row("a", model_name="Llama3.2-1B-Instruct:int4-qlora-eo8", huggingface_repo=repo),
        row("b", model_name="mine", huggingface_repo=repo),
    ]
    of = ("sku:Llama3.2-1B-Instruct", "sku:Llama3.2-1B-Instruct:int4-qlora-eo8")
    assert placed(*rows, of=of) == {
        "a": ("sku:Llama3.2-1B-Instruct:int4-qlora-eo8", "title"),
        "b": ("sku:Llama3.2-1B-Instruct", "HuggingFace Repo"),
    }
    assert set(placed(*rows)) == {"a"}, "a third model of that repository is free: it may be this row as well"


def test_a_row_that_contradicts_itself_is_left():
    row_ = row(huggingface_repo="meta-llama/Llama-2-7b", model_name="Llama-2-7b-chat")
    assert unplaced(row_, of=(BASE, CHAT)) == {
        "r1": "HuggingFace Repo says sku:Llama-2-7b, title says sku:Llama-2-7b-chat"
    }


def test_a_repo_that_a_person_copied_to_another_row_places_the_first_by_title_and_leaves_the_other():
    rows = [
        row("a", huggingface_repo="meta-llama/Llama-2-7b", model_name="Llama-2-7b"),
        row("b", huggingface_repo="meta-llama/Llama-2-7b", model_name="Llama-2-13b"),
    ]
    assert placed(*rows) == {"a": (BASE, "title")}
    assert unplaced(*rows) == {"b": "HuggingFace Repo says sku:Llama-2-7b, title says sku:Llama-2-13b"}


def test_rows_with_a_key_and_models_with_a_row_are_left_alone():
    rows = row("a", key="SKU:llama-2-7b"), row("b", model_name="Llama-2-7b")
    adoption = adopt(rows, models(BASE, CHAT))
    assert (adoption.placed, adoption.keyed) == ((), 1)
    assert [one.row.row_id for one in adoption.unplaced] == ["b"]


def test_key_and_base_of_agreeing_cells_are_all_that_is_written():
    found = row(model_name="Llama-2-7b", n_layers=32, d_ff=14336, main=True, notes="mine")
    (write,) = adopt([found], models(BASE)).writes(SCHEMA)
    assert (write.row_id, write.set, write.expect) == ("r1", {"key": BASE}, {"key": None})
    agreed = parse_base(write.base)
    assert set(agreed) == {"n_layers", "is_moe", "use_scaled_rope"}  # an unticked box says what false says
    assert agreed["n_layers"].hash == cell_hash(32)
    assert parse_base(write.base)["n_layers"].property_id == "id-n_layers"


def test_main_is_ticked_only_on_request_and_only_for_representative_models():
    rows = row("a", model_name="Llama-2-7b"), row("b", model_name="Llama-2-7b-chat")
    writes = adopt(rows, models(BASE, CHAT)).writes(SCHEMA, main=True)
    assert [write.set for write in writes] == [{"key": BASE}, {"key": CHAT, "main": True}]


def column(name, cells, property_id="x1"):
    return Stranger(property_id, name, lambda _: cells)


ROWS = [
    row(key, model_name=key.removeprefix("sku:"))
    for key in ("sku:Llama-2-7b", "sku:Llama-2-13b", "sku:Llama-2-70b")
]
WIDTHS = {"sku:Llama-2-7b": 4096, "sku:Llama-2-13b": 5120, "sku:Llama-2-70b": 8192}


def known(fields, *columns):
    return {
        field: one.name for field, one in recognised(adopt(ROWS, models()).placed, fields, columns).items()
    }


def test_a_column_of_another_name_is_known_by_saying_what_the_sources_say():
    assert known(["d_hidden"], column("Hidden size", WIDTHS)) == {"d_hidden": "Hidden size"}


@pytest.mark.parametrize(
    "cells",
    [
        {**WIDTHS, "sku:Llama-2-70b": 8193},
        {**WIDTHS, "sku:Llama-2-70b": None},
        dict.fromkeys(WIDTHS, 4096),
        {},
    ],
    ids=["one differs", "two alone", "all alike", "empty"],
)
def test_a_column_that_differs_or_says_too_little_is_not_taken(cells):
    assert known(["d_hidden"], column("Hidden size", cells)) == {}


def test_a_column_that_two_fields_or_a_field_that_two_columns_would_fit_is_left():
    heads = {"sku:Llama-2-7b": 32, "sku:Llama-2-13b": 40, "sku:Llama-2-70b": None}
    rows = [row(key, model_name=key.removeprefix("sku:")) for key in (BASE, "sku:Llama-2-13b", CHAT)]
    heads = {BASE: 32, "sku:Llama-2-13b": 40, CHAT: 32}
    found = adopt(rows, models()).placed
    assert recognised(found, ["n_heads", "n_kv_heads"], [column("Heads", heads)]) == {}
    assert known(["d_hidden"], column("A", WIDTHS), column("B", WIDTHS, "x2")) == {}


def test_a_column_that_few_rows_have_is_not_taken():
    keys = [model.record.key for model in models()][:12]
    rows = [row(key, model_name=key.partition(":")[2]) for key in keys]
    found = adopt(rows, models()).placed
    widths = {key: catalogue()[key].record.d_hidden for key in keys}
    assert len(found) == 12
    few = dict(list(widths.items())[:4])
    assert recognised(found, ["d_hidden"], [column("Width", few)]) == {}
    assert recognised(found, ["d_hidden"], [column("Width", widths)])


def test_a_column_whose_cells_fit_another_field_too_is_left_even_where_that_field_has_its_column():
    keys = ["hf:openai-community/gpt2", "hf:openai-community/gpt2-medium", "hf:openai-community/gpt2-large"]
    rows = [row(key, model_name=key.partition(":")[2]) for key in keys]
    heads = {key: catalogue()[key].record.n_heads for key in keys}
    assert recognised(adopt(rows, models()).placed, ["n_kv_heads"], [column("Heads I profiled", heads)]) == {}


def test_boxes_and_people_s_own_fields_are_never_recognised():
    titles = {key: key.removeprefix("sku:") for key in WIDTHS}
    assert known(["gated_mlp"], column("Checked", dict.fromkeys(WIDTHS, True))) == {}
    assert known(["notes", "model_name"], column("Title again", titles)) == {}
