"""Each error says what, where and what to do, and its class alone fixes the exit code."""

import re

import pytest

from schemas import errors
from schemas.errors import BadValue, RegistryError, StalePlan


def test_the_text_is_what_then_from_then_fix_then_what_was_written():
    error = StalePlan("plan: the row moved", where="row 3", fix="registry plan again", wrote="nothing")
    assert str(error) == ("plan: the row moved\n  from  row 3\n  fix   registry plan again\n  wrote nothing")


def test_a_bad_value_names_model_field_wanted_and_found_and_the_place_to_pin_it():
    error = BadValue(
        "sku:Llama-2-70b", "n_kv_heads", want="int >= 1", got=8.5, where="config.json#num_key_value_heads"
    )
    assert str(error) == (
        "sku:Llama-2-70b: n_kv_heads: want int >= 1, got 8.5\n"
        "  from  config.json#num_key_value_heads\n"
        '  fix   set n_kv_heads under [models."sku:Llama-2-70b"] in registry.toml'
    )


def test_a_huge_value_is_shown_cut_with_its_length():
    error = BadValue("m", "d_ff", want="int", got="9" * 5000, where="x")
    assert "(5002 characters)" in error.what
    assert len(error.what) < 200


TREE = re.findall(
    r"^\s*(?:[|`]\s*)*-? ?(?:\|- |`- )?(\w+)\s+(\d|-)\s+(yes|no|-)", errors.__doc__, re.MULTILINE
)


@pytest.mark.parametrize(("name", "code", "retry"), TREE, ids=[row[0] for row in TREE])
def test_the_tree_in_the_docstring_is_the_tree(name, code, retry):
    kind = getattr(errors, name)
    assert issubclass(kind, RegistryError)
    if code != "-":
        assert kind.exit_code == int(code)
        assert kind.retryable == (retry == "yes")


def test_every_class_is_in_the_drawn_tree():
    kinds = {
        n for n, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, RegistryError)
    }
    assert kinds - {"RegistryError"} == {row[0] for row in TREE}
