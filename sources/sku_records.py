"""Records of sku_list: `Model(...)` of any revision since 2024-07-31, under the names of today."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from schemas.errors import BadSource

FIX = "give an unchanged sku_list.py: pip install llama-models==0.3.0, or --sku-list PATH"

DIRECT = ("core_model_id", "huggingface_repo", "variant", "quantization_format")
UNUSED = ("description", "metadata")
UNTIL_2025 = ("recommended_sampling_params",)
UNTIL_2024 = (
    "description_markdown",
    "model_args",
    "is_default_variant",
    "hardware_requirements",
    "max_seq_length",
)
KNOWN = frozenset((*DIRECT, "pth_file_count", "arch_args", *UNUSED, *UNTIL_2025, *UNTIL_2024))


@dataclass(frozen=True, slots=True)
class Sku:
    """One record, as the file says it: types are what they should be, `sku_list.observe` judges.

    `lines` has the line of each argument ("huggingface_repo", "arch_args.dim", ...) and of the record ("").
    A key of arch_args that was spread from a function has the line on which it stands in that function.
    """

    core_model_id: str
    variant: str
    huggingface_repo: str | None
    quantization_format: str
    pth_file_count: int | None
    arch_args: dict[str, object]
    lines: dict[str, int]
    file: str
    notes: tuple[str, ...] = ()

    @property
    def descriptor(self) -> str:
        """`Llama3.2-1B`, with a variant `Llama-Guard-3-1B:int4` (sku_types.py, Model.descriptor)."""
        return f"{self.core_model_id}:{self.variant}" if self.variant else self.core_model_id

    @property
    def key(self) -> str:
        return f"sku:{self.descriptor}"

    def where(self, argument: str) -> str:
        """`FILE:LINE` of an argument; of the record when the argument is not written."""
        return f"{self.file}:{self.lines.get(argument, self.lines[''])}"

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {"notes": list(self.notes)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "notes": tuple(document["notes"])})


@dataclass(frozen=True, slots=True)
class Model:
    """A constructor call `Model(...)` of the file: its arguments and where each stands."""

    values: Mapping[str, Any]
    lines: Mapping[str, int]
    line: int
    file: str

    def bad(self, argument: str, want: str) -> BadSource:
        line = self.lines.get(argument, self.line)
        return BadSource(f"sku_list: want {want}, met something else", where=f"{self.file}:{line}", fix=FIX)

    def member(self, argument: str, enum: str) -> str:
        """The value of an enum's member. Raises BadSource when it is anything else."""
        match self.values.get(argument):
            case {"enum": name, "value": str(value)} if name == enum:
                return value
        raise self.bad(argument, f"{argument}={enum}.NAME in Model(...)")


def records(answer: Mapping[str, Any], file: str) -> list[Sku]:
    """The records of an answer of `sku_parser`, in the file's order. `file` is the label of every place.

    Raises BadSource when it is not a list of models, or when two records have one key.
    """
    found = []
    for call in answer["models"] if isinstance(answer["models"], list) else [None]:
        match call:
            case {"call": "Model", "values": values, "lines": lines, "line": line}:
                found.append(record(Model(values, lines, line, file)))
            case _:
                what = "sku_list: want all_registered_models() to list only Model(...), met something else"
                raise BadSource(what, where=f"{file}:{answer['line']}", fix=FIX)
    _check_unique(found)
    return found


def record(model: Model) -> Sku:
    """One record. Raises BadSource when a part of its key or the shape of its dimensions cannot be told."""
    quantization_format = "bf16"  # default of Model.quantization_format in sku_types.py
    if "quantization_format" in model.values:
        quantization_format = model.member("quantization_format", "CheckpointQuantizationFormat")
    pth_file_count, pth_line = _pth_file_count(model)
    arch_args, arch_lines, notes = _arch_args(model)
    lines = {name: model.lines[name] for name in DIRECT if name in model.lines}
    return Sku(
        core_model_id=model.member("core_model_id", "CoreModelId"),
        variant=_variant(model, quantization_format, pth_file_count),
        huggingface_repo=plain(model.values.get("huggingface_repo")),
        quantization_format=quantization_format,
        pth_file_count=plain(pth_file_count),
        arch_args=arch_args,
        lines={"": model.line, **lines, "pth_file_count": pth_line, **arch_lines},
        file=model.file,
        notes=(*notes, *_ignored(model)),
    )


def _ignored(model: Model) -> list[str]:
    unknown = [name for name in model.values if name not in KNOWN]
    return [f"{model.file}:{model.lines[name]}: unknown argument {name} ignored" for name in unknown]


def _pth_file_count(model: Model) -> tuple[Any, int]:
    """Until 2024-09 it is `hardware_requirements.gpu_count`: that many consolidated.NN.pth were fetched."""
    match model.values:
        case {"pth_file_count": count}:
            return count, model.lines["pth_file_count"]
        case {"hardware_requirements": {"call": _, "values": {"gpu_count": count}, "lines": lines}}:
            return count, lines["gpu_count"]
    return None, model.line


def _arch_args(model: Model) -> tuple[dict[str, object], dict[str, int], list[str]]:
    """The dimensions, their lines under `arch_args.KEY`, and a note when the record has none at all."""
    name = next((each for each in ("arch_args", "model_args") if each in model.values), None)
    if name is None:
        return {}, {}, [f"{model.file}:{model.line}: no arch_args, so the dimensions are unknown"]
    value = model.values[name]
    if not isinstance(value, dict) or "values" not in value or "call" in value:
        raise model.bad(name, f"{name} to be a dict")
    keyed = {f"arch_args.{key}": line for key, line in value["lines"].items()}
    return plain(value), {"arch_args": model.lines[name], **keyed}, []


def _variant(model: Model, quantization_format: str, pth_file_count: object) -> str:
    """Until 2024-10 not written but computed: `fp8-mixed-mp8`, none for the default one (Model.variant)."""
    match model.values:
        case {"is_default_variant": True}:
            return ""
        case {"is_default_variant": False} if type(pth_file_count) is int:
            return f"{quantization_format}-mp{pth_file_count}"
        case {"is_default_variant": _}:
            raise model.bad("is_default_variant", "is_default_variant to be a bool beside a file count")
        case {"variant": str(variant)} if variant.isprintable():
            return variant
        case {"variant": _}:
            raise model.bad("variant", "variant to be one line of text")
    return ""


def plain(value: Any) -> Any:
    """A value without its lines: a call or a dict is a dict, a member of an enum its value."""
    match value:
        case {"values": values, "lines": _}:
            return {key: plain(each) for key, each in values.items()}
        case {"enum": _, "value": member}:
            return member
        case list():
            return [plain(each) for each in value]
    return value


def _check_unique(found: list[Sku]) -> None:
    """Keys are compared case-folded, as in the table."""
    first: dict[str, Sku] = {}
    for sku in found:
        known = first.setdefault(sku.key.casefold(), sku)
        if known is not sku:
            where = f"{known.where('')} and {sku.where('')}"
            raise BadSource(f"sku_list: want one record of {sku.descriptor}, met two", where=where, fix=FIX)
