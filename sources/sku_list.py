"""Source: Meta's `sku_list.py` and the types file beside it, read as data in a child process, never imported.

Found in the installed `llama-models` package, or given as a file or a checkout, any revision since
2024-07-31. What is code there and not data (family, context length, feed-forward width) is carried here as
rules of our own, each with its place in the original; tests compare them with what the real packages answer.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from schemas.errors import BadSource, BadValue, RefusedSyntax, RegistryError
from schemas.evidence import MAX_EXACT_INT, Observation, Rank, Scalar, Value
from schemas.record import UNITS
from sources import sku_parser
from sources.sku_records import FIX, Sku, records

__all__ = ["NAME", "Sku", "SkuFiles", "find", "llama_d_ff", "max_seq_length", "model_family", "model_type"]
__all__ += ["observe", "parse", "read"]

NAME = "sku_list"
PACKAGE = "llama-models"
FOLDERS = ("models", "llama_models", "llama_stack/models/llama", ".")
TYPES_FILES = ("sku_types.py", "datatypes.py")
MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may use. A file of 10 MB takes 5.9 GiB and 38 s in `ast.parse` without them."""

    memory_bytes: int = 512 * 2**20
    seconds: int = 10


@dataclass(frozen=True, slots=True)
class SkuFiles:
    """The two files, and the labels that every place in them is shown with."""

    sku_list: Path
    types: Path
    label: str
    types_label: str


def find(path: Path | None) -> SkuFiles | None:
    """The files at `path` (a file, or a folder or checkout with one), else those of the installed package.

    None without a path when llama-models is not installed or has no sku_list.py (0.1.3 to 0.2.0 have none).
    Raises BadSource with the places tried when a path was given and there is none.
    """
    if path is None:
        return _installed()
    if path.is_dir():
        places = [path / folder / "sku_list.py" for folder in FOLDERS]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise _missing("sku_list.py", places)
        return _beside(found, str(found))
    if not path.is_file():
        raise _missing("a file or a folder", [path])
    return _beside(path, str(path))


def _installed() -> SkuFiles | None:
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        return None
    found = Path(str(package.locate_file("llama_models/sku_list.py")))
    if not found.is_file():
        return None
    return _beside(found, f"{PACKAGE} {package.version}:llama_models/sku_list.py")


def _beside(sku_list: Path, label: str) -> SkuFiles:
    places = [sku_list.with_name(name) for name in TYPES_FILES]
    types = next((place for place in places if place.is_file()), None)
    if types is None:
        raise _missing("the types file beside sku_list.py", places)
    return SkuFiles(sku_list, types, label, label.removesuffix(sku_list.name) + types.name)


def _missing(wanted: str, places: Sequence[Path]) -> BadSource:
    tried = ", ".join(map(str, places))
    return BadSource(f"{NAME}: want {wanted}, found none", where=tried, fix=FIX)


def read(path: Path | None) -> list[Sku]:
    """All records, in the file's order; none when no path is given and the package is not installed.

    Raises BadSource, and RefusedSyntax for code outside the allow-list of `sku_parser`.
    """
    files = find(path)
    if files is None:
        return []
    texts = _text(files.sku_list, files.label), _text(files.types, files.types_label)
    return parse(*texts, files.label, files.types_label)


def _text(path: Path, label: str) -> str:
    """One file. Raises BadSource above 1 MiB, before anything parses it, and when it is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadSource(f"{NAME}: want a readable file, met {error.strerror}", where=label, fix=FIX) from None
    if len(content) > MAX_BYTES:
        raise BadSource(f"{NAME}: want at most {MAX_BYTES} bytes, met more", where=label, fix=FIX)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        met = f"byte 0x{content[error.start]:02x} at {error.start}"
        raise BadSource(f"{NAME}: want UTF-8, met {met}", where=label, fix=FIX) from None


def parse(
    sku_list: str,
    types: str,
    label: str,
    types_label: str,
    limits: Limits = Limits(),
    parser: Sequence[str] = (sys.executable, "-I", "-S", sku_parser.__file__),
) -> list[Sku]:
    """The records of two texts, by a child process. Raises BadSource whatever the texts do to it."""
    command = [*parser, str(limits.memory_bytes), str(limits.seconds)]
    request = json.dumps({sku_parser.SKU_LIST: sku_list, sku_parser.TYPES: types})
    try:
        child = subprocess.run(
            command,
            input=request.encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds,
            check=False,
        )
    except OSError as error:
        raise _no_answer(f"{error.strerror} on starting it", label) from None
    except subprocess.TimeoutExpired:
        raise _no_answer(f"none in {limits.seconds} s", label) from None
    if child.returncode:
        raise _no_answer(_end(child.returncode, limits), label)
    answer = json.loads(child.stdout)
    if "error" in answer:
        raise _error(answer["error"], {sku_parser.SKU_LIST: label, sku_parser.TYPES: types_label})
    return records(answer, label)


def _end(returncode: int, limits: Limits) -> str:
    if -returncode in (getattr(signal, "SIGXCPU", None), getattr(signal, "SIGKILL", None)):
        return f"none in {limits.seconds} s"
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"


def _no_answer(met: str, label: str) -> BadSource:
    return BadSource(f"{NAME}: want an answer of the parser, met {met}", where=label, fix=FIX)


def _error(parts: Mapping[str, Any], labels: Mapping[str, str]) -> BadSource:
    label = labels[parts["file"]]
    where = " and ".join(f"{label}:{line}" for line in parts["lines"]) or label
    kind = RefusedSyntax if parts["syntax"] else BadSource
    return kind(f"{NAME}: {parts['what']}", where=where, fix=FIX)


FAMILIES = (
    (r"Llama-2-\d+b(-chat)?", "llama2"),
    (r"Llama-3-\d+B(-Instruct)?", "llama3"),
    (r"(Meta-)?Llama3\.1-\d+B(-Instruct)?", "llama3_1"),
    (r"Llama3\.2-\d+B(-Vision)?(-Instruct)?", "llama3_2"),
    (r"Llama3\.3-\d+B(-Instruct)?", "llama3_3"),
    (r"Llama-4-[A-Z][a-z]+-\d+B-\d+E(-Instruct)?", "llama4"),
    (r"Llama-Guard-\d+-\d+B(-Vision)?", "safety"),
    (r"Prompt-Guard-(\d+-)?\d+M", "safety"),
)
CONTEXT_OF_FAMILY = {
    "llama2": 4096,
    "llama3": 8192,
    "llama3_1": 131072,
    "llama3_2": 131072,
    "llama3_3": 131072,
}
CONTEXT_OF_MODEL = {
    "Llama-4-Scout-17B-16E": 262144,
    "Llama-4-Scout-17B-16E-Instruct": 10485760,
    "Llama-4-Maverick-17B-128E": 262144,
    "Llama-4-Maverick-17B-128E-Instruct": 1048576,
    "Llama-Guard-2-8B": 4096,
    "Llama-Guard-3-1B": 131072,
    "Llama-Guard-3-8B": 131072,
    "Llama-Guard-3-11B-Vision": 131072,
    "Llama-Guard-4-12B": 8192,
}


def model_family(core_model_id: str) -> str | None:
    """Family of a core id, None for a name of no known pattern (sku_types.py, `model_family`, lists the ids).

    By the pattern of the name, so that a new size of a known family is placed and a new family is not.
    """
    return next((family for name, family in FAMILIES if re.fullmatch(name, core_model_id)), None)


def max_seq_length(core_model_id: str, family: str | None, quantization_format: str) -> int | None:
    """Context in tokens (sku_types.py, `Model.max_seq_length`), None where that has no branch.

    Prompt-Guard is left unknown: revisions until 2024-09 say 131072, which its 512 positions cannot hold.
    """
    if core_model_id in CONTEXT_OF_MODEL:
        return CONTEXT_OF_MODEL[core_model_id]
    if family == "llama3_2" and quantization_format == "int4":
        return 8192
    return CONTEXT_OF_FAMILY.get(family or "")


def model_type(core_model_id: str, family: str | None) -> str | None:
    """safety, instruct, chat or base; None when neither family nor suffix says.

    Not `Model.is_instruct_model` of sku_types.py: it looks for "instruct" in "...-Instruct", so it is false.
    """
    if family == "safety":
        return "safety"
    suffixes = {"-Instruct": "instruct", "-chat": "chat"}
    by_suffix = next((kind for suffix, kind in suffixes.items() if core_model_id.endswith(suffix)), None)
    return by_suffix or ("base" if family else None)


def llama_d_ff(dim: int, multiple_of: int, ffn_dim_multiplier: float | None) -> int:
    """Feed-forward width: 2/3 of 4 * dim, scaled, up to a multiple (llama-models 0.3.0, llama3/model.py:214).

    Both roundings go down, as there.
    """
    d_ff = int(2 * (4 * dim) / 3)
    if ffn_dim_multiplier is not None:
        d_ff = int(ffn_dim_multiplier * d_ff)
    return multiple_of * ((d_ff + multiple_of - 1) // multiple_of)


def _count(got: object) -> int | None:
    return got if type(got) is int and 1 <= got <= MAX_EXACT_INT else None


def _positive(got: object) -> float | None:
    """Infinity, NaN and integers that a double cannot hold are not numbers here."""
    number = type(got) in (int, float)
    return float(got) if number and 0 < got <= MAX_EXACT_INT else None  # type: ignore[arg-type, operator]


def _flag(got: object) -> bool | None:
    return got if isinstance(got, bool) else None


def _line(got: object) -> str | None:
    return got if isinstance(got, str) and got and got.isprintable() else None


COUNT = (_count, "an integer from 1 to 2^53")
POSITIVE = (_positive, "a number above 0 and at most 2^53")
FLAG = (_flag, "true or false")
LINE = (_line, "one line of text")
ARCH_ARGS = {  # our field -> (their key, what it must be)
    "d_hidden": ("dim", COUNT),
    "n_layers": ("n_layers", COUNT),  # of vision models: without the cross-attention layers
    "n_heads": ("n_heads", COUNT),
    "n_kv_heads": ("n_kv_heads", COUNT),
    "multiple_of": ("multiple_of", COUNT),
    "norm_eps": ("norm_eps", POSITIVE),
    "vocab_size": ("vocab_size", COUNT),
    "rope_theta": ("rope_theta", POSITIVE),
    "rope_freq_base": ("rope_freq_base", POSITIVE),
    "use_scaled_rope": ("use_scaled_rope", FLAG),
}


class _Reading:
    """Values of one record as they are taken, and an error for each that is not what it must be."""

    def __init__(self, sku: Sku) -> None:
        self.sku = sku
        self.values: dict[str, Value] = {}
        self.problems: list[RegistryError] = []

    def put(self, field: str, value: Scalar | None, argument: str, rule: str | None = None) -> None:
        """A value at the place of `argument`; None is unknown and leaves the field out."""
        if value is not None:
            where = self.sku.where(argument)
            self.values[field] = Value(
                value=value, unit=UNITS.get(field), source=NAME, where=where, rule=rule
            )

    def refuse(self, field: str, got: object, want: str, argument: str, fix: str | None = None) -> None:
        problem = BadValue(self.sku.key, field, want=want, got=got, where=self.sku.where(argument), fix=fix)
        self.problems.append(problem)

    def take(
        self, field: str, got: object, kind: tuple[Any, str], argument: str, fix: str | None = None
    ) -> None:
        """A value as the file says it, if it is what the field must be. None: the key is absent."""
        check, want = kind
        if got is not None and check(got) is None:
            self.refuse(field, got, want, argument, fix)
        elif got is not None:
            self.put(field, check(got), argument)


def observe(sku: Sku) -> Observation:
    """What the record says of its model. A value that cannot be true is left out and is in `problems`."""
    reading = _Reading(sku)
    _identity(reading)
    for field, (key, kind) in ARCH_ARGS.items():
        reading.take(field, sku.arch_args.get(key), kind, f"arch_args.{key}")
    if sku.arch_args:
        rule = "SwiGLU: w2(silu(w1 x) * w3 x), models/llama3/model.py"
        reading.put("gated_mlp", True, "arch_args", rule)
    inputs = _ffn_dim_multiplier(reading)
    _d_ff(reading, inputs)
    return Observation(
        source=NAME,
        rank=Rank.SKU_LIST,
        values=reading.values,
        inputs=inputs,
        problems=tuple(reading.problems),
        notes=sku.notes,
    )


def _identity(reading: _Reading) -> None:
    sku, core = reading.sku, reading.sku.core_model_id
    family = model_family(core)
    reading.put("model_name", sku.descriptor, "core_model_id")
    reading.put("model_family", family, "core_model_id", f"model_family({core})")
    reading.put("model_type", model_type(core, family), "core_model_id", f"model_type({core})")
    reading.put("core_model_id", core, "core_model_id")
    reading.take("huggingface_repo", sku.huggingface_repo, LINE, "huggingface_repo")
    reading.put("variant", sku.variant or None, "variant")
    default = None if "quantization_format" in sku.lines else "default of Model.quantization_format"
    reading.put("quantization_format", sku.quantization_format, "quantization_format", default)
    reading.take("pth_file_count", sku.pth_file_count, COUNT, "pth_file_count")
    context = max_seq_length(core, family, sku.quantization_format)
    reading.put("max_context_size", context, "", f"max_seq_length({core}, {sku.quantization_format})")


def _ffn_dim_multiplier(reading: _Reading) -> dict[str, Value]:
    """An input of the formula below, not a field."""
    got, argument = reading.sku.arch_args.get("ffn_dim_multiplier"), "arch_args.ffn_dim_multiplier"
    number = _positive(got)
    if number is not None:
        where = reading.sku.where(argument)
        return {"ffn_dim_multiplier": Value(value=number, source=NAME, where=where)}
    if got is not None:
        fix = f'set d_ff under [models."{reading.sku.key}"] in registry.toml'
        reading.refuse("ffn_dim_multiplier", got, POSITIVE[1], argument, fix)
    return {}


def _d_ff(reading: _Reading, inputs: Mapping[str, Value]) -> None:
    """`hidden_dim` when given, else the Llama formula; nothing when a part of either was refused."""
    arch_args = reading.sku.arch_args
    if arch_args.get("hidden_dim") is not None:
        reading.take("d_ff", arch_args["hidden_dim"], COUNT, "arch_args.hidden_dim")
        return
    dim, multiple_of = _count(arch_args.get("dim")), _count(arch_args.get("multiple_of"))
    given = arch_args.get("ffn_dim_multiplier") is not None
    if dim is None or multiple_of is None or (given and not inputs):
        return
    multiplier = float(inputs["ffn_dim_multiplier"].value) if given else None
    d_ff = llama_d_ff(dim, multiple_of, multiplier)
    rule = f"llama_d_ff(dim={dim}, multiple_of={multiple_of}, ffn_dim_multiplier={multiplier})"
    if _count(d_ff) is None:
        reading.refuse("d_ff", d_ff, COUNT[1], "arch_args.dim")
    else:
        reading.put("d_ff", d_ff, "arch_args.dim", rule)
