"""The record's shape: columns, ownership, strictness, JSON."""

import pytest
from pydantic import ValidationError

from schemas.evidence import MAX_EXACT_INT, Value
from schemas.record import BASE_COLUMN, COLUMNS, FIELDS, Kind, ModelRecord, Own, field_type


def test_the_columns_are_those_of_the_table_in_its_order():
    required = [column.name for column in COLUMNS.values() if not column.optional]
    assert required == [
        "Registry Key",
        "Model Name",
        "Model Family",
        "Model Type",
        "Core Model ID",
        "HuggingFace Repo",
        "Variant",
        "d_hidden",
        "d_ff",
        "d_ff / d_hidden Ratio",
        "Gated MLP",
        "n_layers",
        "n_heads",
        "n_kv_heads",
        "head_dim",
        "Multiple Of",
        "Norm Eps",
        "Tokenizer",
        "Vocab Size",
        "Is MoE",
        "Num Experts",
        "Top K Experts",
        "MoE Routing",
        "Has Shared Expert",
        "Total Params (B)",
        "Activated Params (B)",
        "RoPE Theta",
        "Use Scaled RoPE",
        "RoPE Freq Base",
        "Quantization Format",
        "PTH File Count",
        "Max Context Size",
        "Main",
        "Notes",
    ]
    assert BASE_COLUMN.name == "Registry Base"


def test_only_title_main_and_notes_are_left_to_people_after_creation():
    assert {name for name, c in COLUMNS.items() if c.own is Own.FILL} == {"model_name", "main", "notes"}
    assert {name for name, c in COLUMNS.items() if c.own is Own.MACHINE} == {"key"}


def test_column_kinds_fit_the_field_types():
    of = {
        Kind.NUMBER: {int, float},
        Kind.CHECKBOX: {bool},
        Kind.TEXT: {str},
        Kind.SELECT: {str},
        Kind.TITLE: {str},
    }
    assert all(field_type(name) in of[column.kind] for name, column in COLUMNS.items())


def test_column_names_are_unique():
    assert len({column.name for column in COLUMNS.values()}) == len(COLUMNS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"d_ff": "11008"},
        {"d_ff": 11008.0},
        {"d_ff": True},
        {"is_moe": 1},
        {"colour": "red"},
        {"model_name": 7},
    ],
    ids=["text", "float", "bool", "int for a box", "unknown field", "int for text"],
)
def test_a_record_takes_no_value_of_another_type(wrong):
    with pytest.raises(ValidationError):
        ModelRecord(key="hf:a/b", **wrong)


def test_a_record_survives_json_and_keeps_unknown_as_null():
    record = ModelRecord(key="hf:a/b", d_ff=11008, rope_theta=10000.0, main=False)
    assert ModelRecord.model_validate_json(record.model_dump_json()) == record
    document = record.model_dump(mode="json")
    assert list(document) == list(FIELDS)
    assert document["d_hidden"] is None
    assert document["main"] is False


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), MAX_EXACT_INT + 1, -MAX_EXACT_INT - 1, None, [1]]
)
def test_a_value_is_finite_exact_and_scalar(value):
    with pytest.raises(ValidationError):
        Value(value=value, source="s", where="w")


@pytest.mark.parametrize("value", [True, 1, 1.5, "x", MAX_EXACT_INT], ids=repr)
def test_a_value_keeps_its_type_through_json(value):
    read = Value.model_validate_json(Value(value=value, source="s", where="w").model_dump_json())
    assert read.value == value
    assert type(read.value) is type(value)
