"""The layout of the table in Notion: what is asked for, what is seen to lack, what is never taken."""

import pytest

from schemas.record import COLUMNS, UNITS, Kind
from sync.notion import columns, layout

OPTIONS = {"model_family": ["llama2", "llama3_1"], "model_type": ["base", "chat"]}

GOLDEN = """
Registry Key | rich_text | The row's identity, such as sku:Llama3.2-1B or hf:Qwen/Qwen3-8B. Kept as given, \
compared case-folded. Written by registry sync: leave it as it is.
Model Name | title | SKU descriptor, hub name, or the name people use ("GPT-2 Medium").
Model Family | select llama2, llama3_1 | llama2, llama3_1, safety, gpt2, qwen3, ...
d_hidden | number | Width of the model. Unit: elements.
d_ff / d_hidden Ratio | number | round(d_ff / d_hidden, 3).
Gated MLP | checkbox | Three matrices (SwiGLU, GeGLU) instead of two.
Vocab Size | number_with_commas | Unit: tokens.
Total Params (B) | number | n_params in billions, 3 decimals; towers included.
Main | checkbox | Representative model. Set when the row is created, then the person's.
Parameters | number_with_commas | Each parameter once (tied weights once; no buffers, no MTP module), towers \
included. Unit: params.
Registry Base | rich_text | What was last agreed with the sources: how your edits are told from theirs. \
Written by registry sync: leave it as it is.
"""


def source(**more):
    """A data source with every column that is not optional, as Notion shows it.

    `more`: name -> shown, or None.
    """
    wanted = layout.columns(layout.wanted(), OPTIONS)
    shown = {}
    for number, (name, form) in enumerate(wanted.items()):
        type_ = form["type"]
        property_id = "title" if type_ == "title" else f"p{number:02d}"
        shown[name] = column(property_id, name, type_, form[type_])
    shown |= more
    return {
        "id": "source",
        "parent": {"type": "database_id", "database_id": "database"},
        "properties": {name: one for name, one in shown.items() if one},
    }


def column(property_id, name, type_, details=None):
    if "options" in (details or {}):
        details = {"options": [option(one["name"]) for one in details["options"]]}
    return {"id": property_id, "name": name, "type": type_, "description": None, type_: details or {}}


def option(name, color="blue"):
    return {"id": f"id-{name}", "name": name, "color": color, "description": None}


def bound(shown, **known):
    return columns.bind(columns.properties(shown), **known)


def test_what_a_person_reads_of_a_column():
    lines = []
    for line in GOLDEN.strip().splitlines():
        name = line.partition(" | ")[0]
        field = next(field for field, owned in columns.OWNED.items() if owned.name == name)
        form = layout.column(field, OPTIONS)
        details = form[form["type"]]
        options = ", ".join(one["name"] for one in details.get("options", ()))
        shown = details.get("format") or f"{form['type']} {options}".strip()
        lines.append(f"{name} | {shown} | {form['description']}")
    assert "\n".join(lines) == GOLDEN.strip()


@pytest.mark.parametrize("field", columns.OWNED)
def test_a_description_is_one_line_that_notion_takes_and_names_the_unit_once(field):
    about = layout.description(field) or "absent"
    assert "\n" not in about
    assert "`" not in about
    assert len(about) <= 280
    assert about.count(UNITS.get(field, "absent")) >= (field in UNITS)
    assert ("Unit:" in about) <= (field in UNITS)


def test_every_field_but_the_optional_ones_has_a_column_and_the_base_too():
    assert set(layout.wanted()) == {f for f, one in COLUMNS.items() if not one.optional} | {"base"}
    assert set(layout.wanted(["n_params"])) - set(layout.wanted()) == {"n_params"}


def test_a_column_is_made_of_the_type_that_is_read_back():
    made = layout.columns(layout.wanted(), OPTIONS)
    assert len(made) == len(layout.wanted())
    binding = bound(source())
    assert not layout.missing(binding, layout.wanted())
    assert not binding.unusable
    for field, one in binding.columns.items():
        assert made[one.name]["type"] == columns.usable_types(field)[0]


def test_a_removed_column_is_missing_and_can_be_added():
    shown = source(d_ff=None)
    assert layout.missing(bound(shown), layout.wanted()) == ["d_ff"]
    assert layout.addable(shown, bound(shown), layout.wanted()) == ["d_ff"]


def test_a_column_of_a_wrong_type_is_not_missing():
    shown = source(d_ff=column("p08", "d_ff", "checkbox"))
    assert layout.missing(bound(shown), layout.wanted()) == []
    assert bound(shown).unusable == {"d_ff"}
    assert layout.addable(shown, bound(shown), layout.wanted()) == []


@pytest.mark.parametrize("name", ["D_FF", "d ff", "dff", "D-ff", "\uff44_ff"])
def test_a_column_of_nearly_the_name_is_suggested_and_gets_no_twin(name):
    shown = source(d_ff=None, **{name: column("mine", name, "number")})
    assert layout.near_names(shown, bound(shown), ["d_ff"]) == {"d_ff": name}
    assert layout.addable(shown, bound(shown), layout.wanted()) == []


def test_a_column_that_is_another_fields_is_not_suggested():
    shown = source(d_ff=None, D_FF=column("mine", "D_FF", "number"))
    binding = bound(shown, pinned={"d_hidden": "D_FF"})
    assert layout.near_names(shown, binding, ["d_ff"]) == {}


def test_the_title_is_never_added():
    shown = source(**{"Model Name": None})
    assert layout.addable(shown, bound(shown), layout.wanted()) == []


@pytest.mark.parametrize(
    ("names", "there", "want"),
    [
        (["a", "b"], [], (["a", "b"], [], {})),
        (["a", "b"], ["a"], (["b"], [], {})),
        (["a", "a"], [], (["a"], [], {})),
        (["a,b"], [], ([], ["a,b"], {})),
        (["bf16"], ["BF16"], ([], [], {"bf16": "BF16"})),
        (["Llama 2"], ["llama\u00a0 2"], ([], [], {"Llama 2": "llama\u00a0 2"})),
        (["caf\u00e9"], ["cafe\u0301"], ([], [], {})),
        (["llama3_1"], ["llama31"], (["llama3_1"], [], {})),
        (["new"], [str(n) for n in range(100)], ([], ["new"], {})),
        (["x", "y"], [str(n) for n in range(99)], (["x"], ["y"], {})),
    ],
    ids=["all", "rest", "once", "comma", "case", "spaces", "nfc", "other word", "full", "one place"],
)  # fmt: skip
def test_which_options_a_column_can_take(names, there, want):
    assert layout.fitting(names, there) == want


def test_an_option_that_is_refused_as_a_twin_when_a_row_is_written_is_not_added_either():
    shown = source(**{"Model Type": column("pt", "Model Type", "select", {"options": [{"name": "Base"}]})})
    refusal = columns.refusals(bound(shown).columns, "t")
    assert refusal("model_type", "base").fix == 'rename the option "Base" to "base" in Notion'
    assert layout.missing_options(bound(shown), {"model_type": ["base"]})["model_type"].twins == {
        "base": "Base"
    }


def test_adding_options_sends_every_option_that_was_read_as_it_was_read():
    shown = column("pf", "Model Family", "select")
    shown["select"] = {"options": [option("mine", "red"), option("llama2")]}
    assert layout.with_options(shown, ["gpt2"]) == {
        "select": {
            "options": [
                {"id": "id-mine", "name": "mine", "color": "red"},
                {"id": "id-llama2", "name": "llama2", "color": "blue"},
                {"name": "gpt2"},
            ]
        }
    }


def test_options_are_added_to_a_select_and_left_to_people_in_a_status():
    status = column("ps", "Model Type", "status", {"options": [{"name": "base"}], "groups": []})
    shown = source(**{"Model Type": status})
    options = {"model_family": ["llama2", "gpt2"], "model_type": ["base", "chat"]}
    gaps = layout.missing_options(bound(shown), options)
    assert gaps == {
        "model_family": (["gpt2"], [], {}),
        "model_type": ([], ["chat"], {}),
    }
    family = shown["properties"]["Model Family"]["id"]
    assert list(layout.new_options(shown, bound(shown), options)) == [family]


def test_a_select_kept_as_text_needs_no_options():
    shown = source(Tokenizer=column("pk", "Tokenizer", "rich_text"))
    assert layout.missing_options(bound(shown), {"tokenizer": ["BPE"]}) == {}


def test_the_view_main_shows_the_ticked_rows_by_name_and_hides_what_is_the_machines():
    shown = source()
    view = layout.main_view(shown, bound(shown))
    ids = {name: one["id"] for name, one in shown["properties"].items()}
    assert (view["database_id"], view["data_source_id"], view["name"]) == ("database", "source", "Main")
    assert view["filter"] == {"property": ids["Main"], "checkbox": {"equals": True}}
    assert view["sorts"] == [{"property": "title", "direction": "ascending"}]
    arranged = view["configuration"]["properties"]
    assert arranged[0] == {"property_id": "title", "visible": True, "width": 280}
    assert arranged[-2:] == [
        {"property_id": ids["Registry Key"], "visible": False},
        {"property_id": ids["Registry Base"], "visible": False},
    ]
    assert all(one["width"] >= 32 for one in arranged[:-2])
    assert len({one["property_id"] for one in arranged}) == len(arranged) == len(layout.wanted())


def test_every_kind_has_a_width():
    assert set(layout.WIDTHS) == set(Kind)
