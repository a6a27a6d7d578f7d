"""sku_list: what is read from three published packages, from an older shape, and what is observed of it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BadSource
from schemas.evidence import Rank, Value
from sources import sku_list
from sources.sku_list import Sku, find, llama_d_ff, max_seq_length, model_family, model_type, observe, read

DATA = Path(__file__).parents[1] / "data" / "sku_list"
PACKAGES = {"llama-models-0.1.0": 39, "llama-models-0.3.0": 45, "llama-stack-0.2.12": 45}
FIX = "\n  fix   give an unchanged sku_list.py: pip install llama-models==0.3.0, or --sku-list PATH"


@pytest.fixture(scope="module")
def skus() -> dict[str, Sku]:
    return {sku.descriptor: sku for sku in read(DATA / "llama-models-0.3.0")}


@pytest.mark.parametrize(("package", "count"), PACKAGES.items(), ids=str)
def test_the_reader_says_what_the_imported_package_says(package: str, count: int) -> None:
    answers = json.loads((DATA / f"answers-{package}.json").read_text())
    found = [
        {
            "core_model_id": sku.core_model_id,
            "variant": sku.variant,
            "descriptor": sku.descriptor,
            "huggingface_repo": sku.huggingface_repo,
            "quantization_format": sku.quantization_format,
            "pth_file_count": sku.pth_file_count,
            "arch_args": sku.arch_args,
            "model_family": model_family(sku.core_model_id),
            "max_seq_length": max_seq_length(
                sku.core_model_id, model_family(sku.core_model_id), sku.quantization_format
            ),
        }
        for sku in read(DATA / package)
    ]
    assert found == answers
    assert repr(found) == repr(answers)  # 1 == 1.0 == True, but not here
    assert len(found) == count


@pytest.mark.parametrize("package", PACKAGES)
def test_every_line_is_where_the_argument_stands(package: str) -> None:
    text = (DATA / package / "sku_list.py").read_text().splitlines()
    for sku in read(DATA / package):
        for name, line in sku.lines.items():
            key = name.removeprefix("arch_args.")
            shown = "Model(" if name == "" else f'"{key}":' if key != name else f"{name}="
            assert text[line - 1].lstrip().startswith(shown), (sku.descriptor, name)


def test_a_key_spread_from_a_function_has_its_line_there(skus: dict[str, Sku]) -> None:
    lines = skus["Llama3.2-1B-Instruct:int4-qlora-eo8"].lines
    assert (lines["arch_args.dim"], lines["arch_args"], lines["arch_args.lora_args"]) == (610, 646, 651)


def test_an_observation_says_where_each_value_was_read(skus: dict[str, Sku]) -> None:
    file = str(DATA / "llama-models-0.3.0" / "sku_list.py")
    seen = observe(skus["Llama-2-7b"])

    def value(got: object, line: int, rule: str | None = None, unit: str | None = None) -> Value:
        return Value(value=got, unit=unit, source="sku_list", where=f"{file}:{line}", rule=rule)  # type: ignore[arg-type]

    assert seen.values == {
        "model_name": value("Llama-2-7b", 132),
        "model_family": value("llama2", 132, "model_family(Llama-2-7b)"),
        "model_type": value("base", 132, "model_type(Llama-2-7b)"),
        "core_model_id": value("Llama-2-7b", 132),
        "huggingface_repo": value("meta-llama/Llama-2-7b", 134),
        "quantization_format": value("bf16", 131, "default of Model.quantization_format"),
        "pth_file_count": value(1, 147, unit="files"),
        "max_context_size": value(4096, 131, "max_seq_length(Llama-2-7b, bf16)", "tokens"),
        "d_hidden": value(4096, 136, unit="elements"),
        "n_layers": value(32, 137, unit="layers"),
        "n_heads": value(32, 138, unit="heads"),
        "n_kv_heads": value(8, 139, unit="heads"),
        "vocab_size": value(32000, 140, unit="tokens"),
        "multiple_of": value(256, 142),
        "norm_eps": value(1e-05, 143),
        "rope_theta": value(500000.0, 144),
        "use_scaled_rope": value(False, 145),
        "gated_mlp": value(True, 135, "SwiGLU: w2(silu(w1 x) * w3 x), models/llama3/model.py"),
        "d_ff": value(
            14336, 136, "llama_d_ff(dim=4096, multiple_of=256, ffn_dim_multiplier=1.3)", "elements"
        ),
    }
    assert seen.inputs == {"ffn_dim_multiplier": value(1.3, 141)}
    assert (seen.source, seen.rank, seen.problems, seen.notes) == ("sku_list", Rank.SKU_LIST, (), ())


def test_a_record_without_dimensions_yields_only_its_identity(skus: dict[str, Sku]) -> None:
    seen = observe(skus["Llama-4-Maverick-17B-128E-Instruct:fp8"])
    assert {field: value.value for field, value in seen.values.items()} == {
        "model_name": "Llama-4-Maverick-17B-128E-Instruct:fp8",
        "model_family": "llama4",
        "model_type": "instruct",
        "core_model_id": "Llama-4-Maverick-17B-128E-Instruct",
        "huggingface_repo": "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
        "variant": "fp8",
        "quantization_format": "fp8-mixed",
        "pth_file_count": 8,
        "max_context_size": 1048576,
    }


def test_a_shape_with_hidden_dim_is_taken_as_written(skus: dict[str, Sku]) -> None:
    seen = observe(skus["Llama-Guard-3-1B:int4"])
    values = {field: value.value for field, value in seen.values.items()}
    assert (values["d_ff"], values["rope_freq_base"], seen.inputs) == (6400, 500000.0, {})
    assert seen.values["d_ff"].rule is None
    assert not {"multiple_of", "rope_theta"} & values.keys()


# d_ff of the checkpoint's tensors where sku_list is right (7B, 13B and 70b-chat: what its own numbers give).
D_FF = {
    "Llama-2-7b": 14336,
    "Llama-2-7b-chat": 14336,
    "Llama-2-13b": 17920,
    "Llama-2-13b-chat": 17920,
    "Llama-2-70b": 28672,
    "Llama-2-70b-chat": 28416,
    "Llama-3-8B": 14336,
    "Llama3.1-405B": 53248,
    "Llama3.2-1B": 8192,
    "Llama3.2-3B": 8192,
    "Llama3.2-90B-Vision": 28672,
    "Llama3.3-70B-Instruct": 28672,
    "Llama-Guard-3-1B": 8192,
}


@pytest.mark.parametrize(("descriptor", "d_ff"), D_FF.items(), ids=str)
def test_d_ff_is_what_the_record_gives(skus: dict[str, Sku], descriptor: str, d_ff: int) -> None:
    assert observe(skus[descriptor]).values["d_ff"].value == d_ff


@pytest.mark.parametrize(
    ("dim", "multiple_of", "multiplier", "d_ff"),
    [
        pytest.param(4096, 256, None, 11008, id="Llama-2-7b checkpoint"),
        pytest.param(5120, 256, None, 13824, id="Llama-2-13b checkpoint"),
        pytest.param(8192, 4096, 1.3, 28672, id="Llama-2-70b checkpoint"),
        pytest.param(16384, 4096, 1.2, 53248, id="405B checkpoint"),
        pytest.param(2, 1, None, 5, id="both roundings go down"),
        pytest.param(3, 8, 1.0, 8, id="already a multiple"),
        pytest.param(3, 8, 1.5, 16, id="scaled before the multiple"),
    ],
)
def test_llama_d_ff(dim: int, multiple_of: int, multiplier: float | None, d_ff: int) -> None:
    assert llama_d_ff(dim, multiple_of, multiplier) == d_ff


@pytest.mark.parametrize(
    ("core_model_id", "family", "kind", "context"),
    [
        ("Llama-2-7b-chat", "llama2", "chat", 4096),
        ("Llama-3-70B-Instruct", "llama3", "instruct", 8192),
        ("Meta-Llama3.1-405B", "llama3_1", "base", 131072),
        ("Llama3.2-90B-Vision-Instruct", "llama3_2", "instruct", 131072),
        ("Llama-Guard-3-8B", "safety", "safety", 131072),
        ("Prompt-Guard-86M", "safety", "safety", None),
        ("Prompt-Guard-2-22M", "safety", "safety", None),
        ("Llama-Guard-5-12B", "safety", "safety", None),
        ("Llama-4-Behemoth-288B-16E", "llama4", "base", None),
        ("Llama-5-8B", None, None, None),
        ("Llama-5-8B-Instruct", None, "instruct", None),
        ("Llama3.4-8B", None, None, None),
        ("Llama3x2-8B", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_new_family_is_unknown_and_a_new_size_is_not(
    core_model_id: str, family: str | None, kind: str | None, context: int | None
) -> None:
    assert model_family(core_model_id) == family
    assert model_type(core_model_id, family) == kind
    assert max_seq_length(core_model_id, family, "bf16") == context


def test_a_snapshot_of_a_sku_gives_the_same_observation(skus: dict[str, Sku]) -> None:
    for sku in skus.values():
        copy = Sku.from_json(json.loads(json.dumps(sku.to_json())))
        assert copy == sku
        assert observe(copy) == observe(sku)


def sku(**changes: Any) -> Sku:
    """Llama-3-8B with one thing changed; `arch_args` are merged."""
    arch_args: dict[str, Any] = {"dim": 4096, "multiple_of": 1024, "ffn_dim_multiplier": 1.3, "n_layers": 32}
    record = {
        "core_model_id": "Llama-3-8B",
        "variant": "",
        "huggingface_repo": "meta-llama/Llama-3-8B",
        "quantization_format": "bf16",
        "pth_file_count": 1,
        "arch_args": arch_args | changes.pop("arch_args", {}),
        "lines": {"": 10, "arch_args": 20, "arch_args.dim": 21},
        "file": "sku_list.py",
    }
    return Sku(**(record | changes))


BAD_ARCH_ARGS = [
    ("n_layers", "n_layers", True, "an integer from 1 to 2^53", "True"),
    ("n_heads", "n_heads", 8.0, "an integer from 1 to 2^53", "8.0"),
    ("n_kv_heads", "n_kv_heads", -8, "an integer from 1 to 2^53", "-8"),
    ("n_heads", "n_heads", 0, "an integer from 1 to 2^53", "0"),
    ("d_hidden", "dim", "4096", "an integer from 1 to 2^53", "'4096'"),
    ("vocab_size", "vocab_size", 2**53 + 1, "an integer from 1 to 2^53", "9007199254740993"),
    ("multiple_of", "multiple_of", [256], "an integer from 1 to 2^53", "[256]"),
    ("norm_eps", "norm_eps", float("nan"), "a number above 0 and at most 2^53", "nan"),
    ("rope_theta", "rope_theta", float("inf"), "a number above 0 and at most 2^53", "inf"),
    ("rope_freq_base", "rope_freq_base", 0, "a number above 0 and at most 2^53", "0"),
    ("use_scaled_rope", "use_scaled_rope", 1, "true or false", "1"),
    ("d_ff", "hidden_dim", 6400.5, "an integer from 1 to 2^53", "6400.5"),
]


@pytest.mark.parametrize(("field", "key", "got", "want", "shown"), BAD_ARCH_ARGS, ids=str)
def test_a_value_that_cannot_be_true_is_left_out_and_reported(
    field: str, key: str, got: object, want: str, shown: str
) -> None:
    seen = observe(sku(arch_args={key: got}))
    line = 21 if key == "dim" else 10
    assert [str(problem) for problem in seen.problems] == [
        f"sku:Llama-3-8B: {field}: want {want}, got {shown}\n"
        f"  from  sku_list.py:{line}\n"
        f'  fix   set {field} under [models."sku:Llama-3-8B"] in registry.toml'
    ]
    assert [problem.exit_code for problem in seen.problems] == [5]
    assert field not in seen.values
    assert seen.values["model_name"].value == "Llama-3-8B"


@pytest.mark.parametrize(
    ("field", "got", "want", "shown"),
    [
        ("pth_file_count", True, "an integer from 1 to 2^53", "True"),
        ("huggingface_repo", 7, "one line of text", "7"),
        ("huggingface_repo", "a/b\nc", "one line of text", r"'a/b\nc'"),
    ],
)
def test_a_bad_argument_beside_arch_args_is_left_out_too(
    field: str, got: object, want: str, shown: str
) -> None:
    seen = observe(sku(**{field: got}))
    (problem,) = seen.problems
    assert problem.what == f"sku:Llama-3-8B: {field}: want {want}, got {shown}"
    assert field not in seen.values


def test_a_bad_multiplier_leaves_d_ff_unknown() -> None:
    seen = observe(sku(arch_args={"ffn_dim_multiplier": "1.3"}))
    assert [str(problem) for problem in seen.problems] == [
        "sku:Llama-3-8B: ffn_dim_multiplier: want a number above 0 and at most 2^53, got '1.3'\n"
        "  from  sku_list.py:10\n"
        '  fix   set d_ff under [models."sku:Llama-3-8B"] in registry.toml'
    ]
    assert "d_ff" not in seen.values
    assert seen.inputs == {}


@pytest.mark.parametrize("key", ["dim", "multiple_of"])
def test_d_ff_needs_both_its_parts(key: str) -> None:
    seen = observe(sku(arch_args={key: None}))
    assert ("d_ff" in seen.values, seen.problems) == (False, ())


def test_a_d_ff_too_large_to_be_exact_is_refused() -> None:
    seen = observe(sku(arch_args={"dim": 2**53, "ffn_dim_multiplier": None, "multiple_of": 1}))
    assert [problem.what for problem in seen.problems] == [
        "sku:Llama-3-8B: d_ff: want an integer from 1 to 2^53, got 24019198012642644"
    ]


def test_a_whole_number_is_a_float_where_the_field_is_one() -> None:
    value = observe(sku(arch_args={"rope_theta": 500000})).values["rope_theta"].value
    assert (value, type(value)) == (500000.0, float)


def test_the_shape_of_2024_is_read_under_the_names_of_today() -> None:
    default, sixteen, guard = read(DATA / "older-shape")
    assert [each.key for each in (default, sixteen, guard)] == [
        "sku:Meta-Llama3.1-405B",
        "sku:Meta-Llama3.1-405B:bf16-mp16",
        "sku:Prompt-Guard-86M",
    ]
    assert (default.quantization_format, default.pth_file_count) == ("fp8-mixed", 8)
    assert (sixteen.huggingface_repo, sixteen.pth_file_count) == (None, 16)
    assert (default.arch_args["n_kv_heads"], sixteen.arch_args["n_kv_heads"]) == (8, 16)
    assert (default.lines["arch_args.n_kv_heads"], sixteen.lines["arch_args.n_kv_heads"]) == (31, 64)
    assert (default.lines["pth_file_count"], sixteen.lines["pth_file_count"]) == (49, 61)
    assert (guard.arch_args, guard.notes) == ({}, ())
    values = observe(sixteen).values
    assert (values["d_ff"].value, values["max_context_size"].value) == (53248, 131072)
    assert "gated_mlp" not in observe(guard).values


# Where files are found


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, *, with_list: bool = True) -> None:
    """A llama-models 0.3.0 in `folder`, on sys.path, that fails when anything imports it."""
    package = folder / "llama_models"
    package.mkdir()
    (folder / "llama_models-0.3.0.dist-info").mkdir()
    (folder / "llama_models-0.3.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: llama-models\nVersion: 0.3.0\n"
    )
    (package / "__init__.py").write_text("raise AssertionError('imported')\n")
    if with_list:
        for source in (DATA / "llama-models-0.3.0").iterdir():
            (package / source.name).write_bytes(source.read_bytes())
    monkeypatch.syspath_prepend(folder)


def test_the_installed_package_is_found_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch)
    before = set(sys.modules)
    found = read(None)
    assert len(found) == 45
    assert observe(found[0]).values["model_name"].where == ("llama-models 0.3.0:llama_models/sku_list.py:132")
    assert not [name for name in set(sys.modules) - before if name.startswith("llama_models")]


def test_an_installed_package_without_the_list_is_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, with_list=False)
    assert find(None) is None


def test_without_path_and_package_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert find(None) is None
    assert read(None) == []


@pytest.mark.parametrize("folder", ["models", "llama_models", "llama_stack/models/llama", "."])
def test_a_checkout_is_searched_where_the_list_has_been(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / "sku_list.py").touch()
    (place / "datatypes.py").touch()
    found = find(tmp_path)
    assert found is not None
    assert (found.sku_list, found.types) == (place / "sku_list.py", place / "datatypes.py")
    assert (found.label, found.types_label) == (str(place / "sku_list.py"), str(place / "datatypes.py"))


def test_a_file_is_labelled_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    assert read(Path("llama-models-0.3.0/sku_list.py"))[0].file == "llama-models-0.3.0/sku_list.py"


def test_a_missing_file_names_the_places_tried(tmp_path: Path) -> None:
    with pytest.raises(BadSource) as nowhere:
        read(tmp_path / "gone")
    assert (
        str(nowhere.value) == f"sku_list: want a file or a folder, found none\n  from  {tmp_path}/gone{FIX}"
    )
    with pytest.raises(BadSource) as empty:
        read(tmp_path)
    places = ("models/", "llama_models/", "llama_stack/models/llama/", "")
    tried = ", ".join(f"{tmp_path}/{place}sku_list.py" for place in places)
    assert str(empty.value) == f"sku_list: want sku_list.py, found none\n  from  {tried}{FIX}"


def test_a_list_without_its_types_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sku_list.py").touch()
    with pytest.raises(BadSource) as caught:
        read(tmp_path / "sku_list.py")
    assert str(caught.value) == (
        "sku_list: want the types file beside sku_list.py, found none\n"
        f"  from  {tmp_path}/sku_types.py, {tmp_path}/datatypes.py{FIX}"
    )
    assert caught.value.exit_code == 3


def test_the_name_of_the_source_is_in_every_value(skus: dict[str, Sku]) -> None:
    values = [value for each in skus.values() for value in observe(each).values.values()]
    assert {value.source for value in values} == {sku_list.NAME}
    assert len(values) > 45 * 9
