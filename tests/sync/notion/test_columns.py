"""Columns in Notion: followed by id through everything people do to them, never confused, never mistyped."""

from typing import Any

import pytest

from schemas.errors import BadSettings
from schemas.record import COLUMNS
from sync.base import Agreed, format_base
from sync.notion.cells import TYPES, Property
from sync.notion.columns import OWNED, Binding, agreed_ids, bind, properties
from sync.table import BASE, Refusal

TITLE = "LLM config table"


def standard(**changed: Property | None) -> dict[str, Property]:
    """Property id -> column of a table with every owned column;

    the id is the field's name, the title's `title`.
    """
    found: dict[str, Property | None] = {}
    for name, column in OWNED.items():
        property_id = "title" if name == "model_name" else name
        found[name] = Property(
            property_id, column.name, TYPES[column.kind][0], {"llama2": "o1", "Llama 3": "o2"}
        )
    found |= changed
    return {column.id: column for column in found.values() if column is not None}


def remembered() -> dict[str, tuple[str, str]]:
    return {name: (column.id, column.name) for name, column in bind(standard()).columns.items()}


def ids(binding: Binding) -> dict[str, str]:
    return {name: column.id for name, column in binding.columns.items()}


def refusal(column: Property, name: str, value: Any) -> Refusal | None:
    refused = (
        bind({"title": Property("title", "Model Name", "title"), column.id: column}).schema(TITLE).refusal
    )
    assert refused is not None
    return refused(name, value)


def test_a_table_of_ours_is_bound_by_name_and_nothing_is_said() -> None:
    binding = bind(standard())
    assert ids(binding) == {name: name for name in OWNED} | {"model_name": "title"}
    assert (binding.warnings, binding.missing) == ((), [])


def test_the_base_is_no_field_of_the_schema() -> None:
    assert BASE in bind(standard()).columns
    assert set(bind(standard()).schema(TITLE).bound) == set(COLUMNS)


def test_the_title_is_bound_whatever_it_is_called() -> None:
    there = standard(model_name=Property("title", "Name", "title"))
    assert ids(bind(there))["model_name"] == "title"


def test_a_renamed_column_is_followed_by_what_is_remembered() -> None:
    there = standard(d_ff=Property("d_ff", "Feed-forward", "number"))
    binding = bind(there, remembered=remembered())
    assert ids(binding)["d_ff"] == "d_ff"
    assert binding.warnings == ('column "d_ff" was renamed to "Feed-forward": followed',)


def test_a_renamed_column_is_followed_by_what_the_rows_say() -> None:
    there = standard(d_ff=Property("d_ff", "Feed-forward", "number"))
    assert "d_ff" not in bind(there).columns
    binding = bind(there, agreed={"d_ff": "d_ff"})
    assert ids(binding)["d_ff"] == "d_ff"
    assert binding.warnings == ('column "d_ff" was renamed to "Feed-forward": followed',)


def test_columns_whose_names_were_swapped_keep_their_fields() -> None:
    there = standard(
        n_heads=Property("n_heads", "n_kv_heads", "number"),
        n_kv_heads=Property("n_kv_heads", "n_heads", "number"),
    )
    binding = bind(there, remembered=remembered())
    assert (ids(binding)["n_heads"], ids(binding)["n_kv_heads"]) == ("n_heads", "n_kv_heads")


def test_a_pin_goes_before_everything_by_name_or_by_id() -> None:
    mine = Property("mine", "My width", "number")
    for wanted in ("My width", "mine"):
        binding = bind(
            standard(d_ff=mine, n_heads=Property("d_ff", "d_ff", "number")),
            pinned={"d_ff": wanted},
            remembered=remembered(),
        )
        assert ids(binding)["d_ff"] == "mine"


def test_a_pin_of_no_column_is_refused_with_the_columns_there_are() -> None:
    with pytest.raises(BadSettings, match='the table has no column "Nowhere"') as caught:
        bind(standard(), pinned={"d_ff": "Nowhere"})
    assert "Norm Eps" in str(caught.value)


def test_a_pin_of_no_field_is_refused() -> None:
    with pytest.raises(BadSettings, match="width: no field with a column"):
        bind(standard(), pinned={"width": "d_ff"})


def test_one_column_is_never_two_fields() -> None:
    binding = bind(standard(), pinned={"d_ff": "n_heads"})
    assert ids(binding)["d_ff"] == "n_heads"
    assert "n_heads" not in binding.columns


def test_a_column_that_was_made_anew_is_bound_and_told() -> None:
    there = standard(d_ff=Property("new", "d_ff", "number"))
    binding = bind(there, remembered=remembered(), agreed={"d_ff": "d_ff"})
    assert ids(binding)["d_ff"] == "new"
    (warning,) = binding.warnings
    assert warning.startswith('column "d_ff" is not the one that was written before')


def test_a_column_that_is_gone_is_missing_and_its_field_unbound() -> None:
    binding = bind(standard(d_ff=None), remembered=remembered())
    assert "d_ff" not in binding.columns
    assert binding.missing == ["d_ff"]


def test_an_optional_column_that_is_not_there_is_not_missed() -> None:
    assert bind(standard(n_params=None)).missing == []


def test_a_table_without_the_base_column_says_so() -> None:
    assert bind(standard(base=None)).missing == ["Registry Base"]


@pytest.mark.parametrize("type_", ["formula", "rollup", "people", "date", "multi_select", "rich_text"])
def test_a_column_that_cannot_hold_its_field_is_left_out_and_told(type_: str) -> None:
    binding = bind(standard(is_moe=Property("is_moe", "Is MoE", type_)), remembered=remembered())
    assert "is_moe" not in binding.columns
    (warning,) = binding.warnings
    for said in ('"Is MoE"', type_, "is_moe", "checkbox"):
        assert said in warning
    assert binding.missing == []


@pytest.mark.parametrize(
    ("name", "type_"), [("huggingface_repo", "url"), ("model_family", "status"), ("d_ff", "rich_text")]
)
def test_a_column_made_by_hand_may_be_of_another_type_that_fits(name: str, type_: str) -> None:
    assert name in bind(standard(**{name: Property(name, OWNED[name].name, type_)})).columns


@pytest.mark.parametrize(
    "column",
    [
        Property("d_ff2", "d_ff", "number"),
        Property("d_ff", "d_ff", "rich_text"),
    ],
    ids=["another id", "another type"],
)
def test_the_fingerprint_changes_with_a_column(column: Property) -> None:
    before = bind(standard()).schema(TITLE)
    assert bind(standard(d_ff=column)).schema(TITLE).fingerprint != before.fingerprint


def test_the_fingerprint_changes_with_an_option_and_not_with_a_name() -> None:
    before = bind(standard()).schema(TITLE)
    more = Property("model_family", "Model Family", "select", {"llama2": "o1", "Llama 3": "o2", "new": "o3"})
    assert bind(standard(model_family=more)).schema(TITLE).fingerprint != before.fingerprint
    renamed = Property("d_ff", "Feed-forward", "number", {"llama2": "o1", "Llama 3": "o2"})
    assert (
        bind(standard(d_ff=renamed), remembered=remembered()).schema(TITLE).fingerprint == before.fingerprint
    )


def test_what_most_rows_say_is_believed() -> None:
    def base(property_id: str) -> str:
        return format_base({"d_ff": Agreed(property_id, "00000000")})

    assert agreed_ids([base("a"), base("b"), base("b"), "damaged", None]) == {"d_ff": "b"}


def test_columns_are_read_as_notion_shows_them() -> None:
    option = {"id": "o1", "name": "cafe\u0301", "color": "default", "description": None}
    shown = {
        "Name": {"id": "title", "name": "Name", "type": "title", "title": {}},
        "Family": {"id": "%5ChEf", "name": "Family", "type": "select", "select": {"options": [option]}},
        "State": {
            "id": "s",
            "name": "State",
            "type": "status",
            "status": {"options": [option], "groups": []},
        },
        "B": {"id": "b", "name": "B", "type": "button", "button": None},
    }
    assert properties({"properties": shown}) == {
        "title": Property("title", "Name", "title"),
        "%5ChEf": Property("%5ChEf", "Family", "select", {"caf\u00e9": "o1"}),
        "s": Property("s", "State", "status", {"caf\u00e9": "o1"}),
        "b": Property("b", "B", "button"),
    }


def test_a_schema_tells_the_names_and_spellings_that_are_not_the_usual_ones() -> None:
    there = standard(
        d_ff=Property("d_ff", "Feed-forward", "number"),
        huggingface_repo=Property("huggingface_repo", "HuggingFace Repo", "url"),
        n_layers=Property("n_layers", "n_layers", "rich_text"),
        base=Property("base", "Base", "rich_text"),
    )
    schema = bind(there, remembered=remembered()).schema(TITLE)
    assert schema.names == {"d_ff": "Feed-forward", "base": "Base"}
    assert schema.spelled({"huggingface_repo": "a/b", "n_layers": 32, "d_ff": 11008}) == {
        "HuggingFace Repo": "https://huggingface.co/a/b",
        "n_layers": "32",
        "Feed-forward": 11008,
    }
    assert bind(standard()).schema(TITLE).spelled({"huggingface_repo": "a/b"}) == {"HuggingFace Repo": "a/b"}


FAMILY = Property("f", "Model Family", "select", {"Llama 2": "o1", "llama3_1": "o2"})


def test_an_option_that_is_there_is_no_refusal() -> None:
    assert refusal(FAMILY, "model_family", "llama3_1") is None


def test_an_unknown_option_is_refused_with_the_nearest_and_the_way_to_add_it() -> None:
    assert refusal(FAMILY, "model_family", "llama3_2") == Refusal(
        'one of the column\'s options; nearest is "llama3_1"',
        'column "Model Family" of LLM config table',
        'registry doctor --fix adds the option "llama3_2"',
    )


@pytest.mark.parametrize("value", ["llama 2", "Llama\u00a02", "LLAMA  2"])
def test_an_option_that_people_would_take_for_the_same_is_never_made_twice(value: str) -> None:
    refused = refusal(FAMILY, "model_family", value)
    assert refused is not None
    assert 'it has "Llama 2"' in refused.want
    assert refused.fix == f'rename the option "Llama 2" to "{value}" in Notion'


def test_an_option_far_from_all_others_names_none() -> None:
    refused = refusal(FAMILY, "model_family", "qwen")
    assert refused is not None
    assert refused.want == "one of the column's options"


def test_a_comma_is_refused_because_notion_refuses_it() -> None:
    refused = refusal(FAMILY, "model_family", "a, b")
    assert refused is not None
    assert refused.want == "an option without a comma"


def test_an_option_of_a_status_is_added_by_a_person() -> None:
    refused = refusal(Property("f", "Model Family", "status", {"x": "1"}), "model_family", "new")
    assert refused is not None
    assert refused.fix == 'add the option "new" in Notion: options of a status are made there'


@pytest.mark.parametrize(
    ("type_", "text", "is_refused"),
    [
        ("url", "a" * 2000, False),
        ("url", "a" * 2001, True),
        ("url", "\U0001f5fc" * 1001, True),
        ("email", "a" * 201, True),
        ("rich_text", "a" * 200_000, False),
        ("rich_text", "a" * 200_001, True),
        ("rich_text", ("a" + "\U0001f5fc" * 1000) * 99 + "a" * 1901, True),  # cut between pairs: 101 pieces
    ],
    ids=lambda value: value[:3] + str(len(value)) if isinstance(value, str) else str(value),
)
def test_a_text_that_is_too_long_is_refused(type_: str, text: str, is_refused: bool) -> None:
    refused = refusal(Property("n", "Notes", type_), "notes", text)
    assert (refused is not None) is is_refused


def test_the_address_of_a_repository_counts_in_full() -> None:
    column = Property("r", "HuggingFace Repo", "url")
    assert refusal(column, "huggingface_repo", "a" * 1977) is None
    refused = refusal(column, "huggingface_repo", "a" * 1978)
    assert refused is not None
    assert refused.want == "text of at most 2000 UTF-16 units for a column of type url, not of 2001"


def test_a_number_that_is_not_exact_in_notion_is_refused() -> None:
    column = Property("v", "Vocab Size", "number")
    assert refusal(column, "vocab_size", 2**53) is None
    assert refusal(column, "vocab_size", 2**53 + 1) is not None


def test_a_box_refuses_nothing() -> None:
    assert refusal(Property("m", "Main", "checkbox"), "main", True) is None


def test_one_column_is_not_pinned_for_two_fields() -> None:
    with pytest.raises(BadSettings) as refused:
        bind(standard(), pinned={"n_layers": "n_heads", "n_heads": "n_heads"})
    assert str(refused.value) == (
        'columns: n_heads: the column "n_heads" is pinned for n_layers already\n'
        "  fix   pin another column, or none\n"
        "  wrote nothing"
    )
