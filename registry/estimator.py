"""What the performance estimator ("Mantile") can hold: its layer classes, their specs and their own counts.

The classes, specs, parallelism and count formulas of `BUILT_IN` are those of gminneci/mantile@72ff84e,
`backend/layers/`. A newer checkout is read as text with `ast`: nothing of it is imported or run.
"""

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import BadSource

MAX_FILE_BYTES = 2**20
MAX_FILES = 200
MAX_TOTAL_BYTES = 2 * 2**20
"""`ast` takes half a gigabyte of memory for a megabyte of source at worst, and seconds."""
LAYERS = Path("backend/layers")
FILLED_IN = ("self", "layer_idx", "dtype", "parallelism")
"""Constructor parameters that the estimator fills in by itself: no specs."""


@dataclass(frozen=True, slots=True)
class LayerClass:
    """A class of the estimator, as a layer config has to name and feed it.

    `optional`: spec -> its default, `...` where the default is no literal. `parallelism` is empty where it
    is not known. `docstring` is its first line, `module` the file's name without `.py`.
    """

    name: str
    required: tuple[str, ...]
    optional: Mapping[str, object]
    parallelism: tuple[str, ...]
    docstring: str
    module: str

    @property
    def specs(self) -> tuple[str, ...]:
        """Every spec it takes; the estimator drops all others without a word."""
        return (*self.required, *self.optional)


def _attention(*, hidden_size: int, **_: int) -> int:
    """Four square matrices, whatever head_dim is: wrong unless num_heads * head_dim == hidden_size."""
    return 4 * hidden_size**2


def _grouped(*, hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int) -> int:
    """Q, K and V by their heads, O square: wrong unless num_heads * head_dim == hidden_size. No bias."""
    return hidden_size * head_dim * (num_heads + 2 * num_kv_heads) + hidden_size**2


def _sliding(
    *, hidden_size: int, num_query_heads: int, num_kv_heads: int, head_dim: int, has_bias: int, **_: object
) -> int:
    """Exact for any head_dim; biases of Q, K, V and O. Sinks count nothing."""
    q, kv = num_query_heads * head_dim, num_kv_heads * head_dim
    return 2 * hidden_size * (q + kv) + has_bias * (q + 2 * kv + hidden_size)


def _mlp(*, hidden_size: int, intermediate_size: int, num_projections: int) -> int:
    """Matrices alone: it has no place for a bias."""
    return num_projections * hidden_size * intermediate_size


def _gated_mlp(*, hidden_size: int, intermediate_size: int) -> int:
    """Gate, up and down, without bias."""
    return 3 * hidden_size * intermediate_size


def _moe(
    *,
    hidden_size: int,
    intermediate_size: int,
    num_experts: int,
    num_shared_experts: int,
    num_projections: int,
    has_bias: int,
    **_: int,
) -> int:
    """The router, and every routed and shared expert in full; all have biases or none has."""
    bias = has_bias * ((num_projections - 1) * intermediate_size + hidden_size)
    expert = num_projections * hidden_size * intermediate_size + bias
    return (hidden_size + has_bias) * num_experts + (num_experts + num_shared_experts) * expert


def _norm(*, hidden_size: int, has_bias: int) -> int:
    """A scale, and a shift where it has a bias."""
    return hidden_size * (1 + has_bias)


def _embedding(*, vocab_size: int, hidden_size: int) -> int:
    """One matrix; count 2 holds the output head of an untied model too."""
    return vocab_size * hidden_size


_FORMULAS: Mapping[str, Callable[..., int]] = {
    "AttentionLayer": _attention,
    "GroupedQueryAttentionLayer": _grouped,
    "SlidingWindowAttentionLayer": _sliding,
    "MLPLayer": _mlp,
    "GatedMLPLayer": _gated_mlp,
    "MoELayer": _moe,
    "NormLayer": _norm,
    "EmbeddingLayer": _embedding,
}
_MLP_PARALLELISM = ("tensor_parallel", "pipeline_parallel", "sequence_parallel")

BUILT_IN: Mapping[str, LayerClass] = {
    known.name: known
    for known in (
        LayerClass(
            "AttentionLayer",
            ("hidden_size", "num_heads", "head_dim"),
            {},
            ("tensor_parallel",),
            "Attention in which every head has its own keys and values.",
            "attention",
        ),
        LayerClass(
            "GroupedQueryAttentionLayer",
            ("hidden_size", "num_heads", "num_kv_heads", "head_dim"),
            {},
            ("tensor_parallel", "context_parallel"),
            "Attention in which groups of heads share keys and values.",
            "attention",
        ),
        LayerClass(
            "SlidingWindowAttentionLayer",
            ("hidden_size", "num_query_heads", "num_kv_heads", "head_dim"),
            {"sliding_window": None, "num_sinks": 0, "has_bias": False},
            ("tensor_parallel", "context_parallel"),
            "Grouped attention with a window, or without one where sliding_window is null.",
            "swa",
        ),
        LayerClass(
            "MLPLayer",
            ("hidden_size", "intermediate_size"),
            {"num_projections": 2},
            _MLP_PARALLELISM,
            "Feed-forward layer of two or three matrices.",
            "mlp",
        ),
        LayerClass(
            "GatedMLPLayer",
            ("hidden_size", "intermediate_size"),
            {},
            _MLP_PARALLELISM,
            "Feed-forward layer of three matrices (SwiGLU).",
            "mlp",
        ),
        LayerClass(
            "MoELayer",
            ("hidden_size", "intermediate_size", "num_experts", "top_k"),
            {"num_shared_experts": 0, "num_projections": 2, "has_bias": False},
            ("expert_parallel", "tensor_parallel", "context_parallel"),
            "Router, routed experts and shared experts.",
            "moe",
        ),
        LayerClass(
            "NormLayer",
            ("hidden_size",),
            {"has_bias": False},
            ("tensor_parallel", "pipeline_parallel", "expert_parallel"),
            "RMSNorm, or LayerNorm where it has a bias.",
            "norm",
        ),
        LayerClass(
            "EmbeddingLayer",
            ("vocab_size", "hidden_size"),
            {},
            ("tensor_parallel", "pipeline_parallel"),
            "Token embedding.",
            "embedding",
        ),
    )
}


def own_params(class_name: str, specs: Mapping[str, object]) -> int:
    """Parameters the estimator itself counts for one layer of a built-in class.

    `specs` may hold more than the class takes; a missing optional spec has its default. Raises KeyError for
    another class or a missing required spec.
    """
    known = BUILT_IN[class_name]
    taken = {name: specs[name] for name in known.required}
    taken |= {name: specs.get(name, default) for name, default in known.optional.items()}
    return _FORMULAS[class_name](**taken)


def counted(known: LayerClass, specs: Mapping[str, object]) -> int | None:
    """As `own_params`, for a class of a checkout too, with the defaults of that checkout.

    None where the count is not known: a class that is not built in or requires other specs, a spec that is
    missing, or a default that is no literal. Specs are taken as checked: integers and booleans.
    """
    twin = BUILT_IN.get(known.name)
    if twin is None or set(known.required) != set(twin.required):
        return None
    taken = {**known.optional, **{name: specs[name] for name in known.specs if name in specs}}
    if any(taken.get(name, ...) is ... for name in twin.specs):
        return None
    return _FORMULAS[known.name](**{name: taken[name] for name in twin.specs})


def read_checkout(folder: Path) -> dict[str, LayerClass]:
    """The layer classes of an estimator checkout: class name -> class, read from `backend/layers/*.py`.

    A layer is a class whose name ends in "Layer" and that is not abstract. What it does not say itself (its
    constructor, its parallelism) is taken from its base class where the checkout has that. Raises BadSource
    for a folder without such files, and for a file that cannot be read as Python.
    """
    definitions: dict[str, _Definition] = {}
    for path in _files(folder):
        for definition in _definitions(path):
            other = definitions.setdefault(definition.name, definition)
            if other is not definition and definition.is_layer:
                raise _bad(
                    f"{definition.name} is in {other.path.name} too",
                    f"{path}:{definition.node.lineno}",
                    "leave one of them in backend/layers",
                )
    found = {name: _layer_class(one, definitions) for name, one in definitions.items() if one.is_layer}
    if not found:
        raise _bad("no layer class in it", str(folder / LAYERS), "give the folder that holds backend/layers")
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True, eq=False)
class _Definition:
    """A class statement at the top level of a module."""

    path: Path
    node: ast.ClassDef

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(_last_name(base) for base in self.node.bases)

    @property
    def is_layer(self) -> bool:
        abstract = self.name == "Layer" or "ABC" in self.bases or any(map(_is_abstract, self.node.body))
        return self.name.endswith("Layer") and not abstract


def _files(folder: Path) -> list[Path]:
    """The modules, in order of name. Raises BadSource where there are none, or too many."""
    place = folder / LAYERS
    try:
        files = sorted(path for path in place.iterdir() if path.suffix == ".py" and not path.is_dir())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        what = f"want a folder with {LAYERS.as_posix()}, met {getattr(error, 'strerror', None) or error}"
        raise _bad(what, str(place), "give the top folder of an estimator checkout") from None
    if not files or len(files) > MAX_FILES:
        what = f"want 1 to {MAX_FILES} Python files, got {len(files)}"
        raise _bad(what, str(place), "give the top folder of an estimator checkout")
    _refuse_large(files)
    return files


def _refuse_large(files: Iterable[Path]) -> None:
    total = 0
    for path in files:
        if not path.is_file():
            raise _bad("want a regular file", str(path), "move it out of backend/layers")
        size = path.stat().st_size
        total += size
        if size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
            limit = f"at most {MAX_FILE_BYTES:,} bytes a file and {MAX_TOTAL_BYTES:,} in all"
            raise _bad(f"want {limit}, got more", str(path), "move it out of backend/layers")


def _definitions(path: Path) -> Iterator[_Definition]:
    """The classes of one module; of two with one name the last, as Python takes it."""
    try:
        with path.open("rb") as file:
            source = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise _bad(f"cannot read it: {error.strerror}", str(path), "make it readable") from None
    classes = (node for node in _tree(source, path).body if isinstance(node, ast.ClassDef))
    yield from {node.name: _Definition(path, node) for node in classes}.values()


def _tree(source: bytes, path: Path) -> ast.Module:
    fix = "mend the file, or take the checkout from its source again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a text there is no matter of ours
            return ast.parse(source)
    except SyntaxError as error:
        where = f"{path}:{error.lineno}" if error.lineno else str(path)
        raise _bad(f"not Python: {error.msg}", where, fix) from None
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes; nested too deep
        raise _bad(f"not Python: {error or 'nested too deep'}", str(path), fix) from None


def _layer_class(definition: _Definition, definitions: Mapping[str, _Definition]) -> LayerClass:
    lineage = _lineage(definition, definitions)
    found = (node for one in lineage for node in one.node.body if _is_constructor(node))
    constructor = next(found, None)
    required, optional = _signature(constructor) if isinstance(constructor, ast.FunctionDef) else ((), {})
    said = next(filter(None, (list(_said_parallelism(one.node)) for one in lineage)), [])
    docstring = (ast.get_docstring(definition.node) or "").strip().partition("\n")[0].strip()
    parallelism = next(filter(None, said), ())
    return LayerClass(definition.name, required, optional, parallelism, docstring, definition.path.stem)


def _lineage(definition: _Definition, definitions: Mapping[str, _Definition]) -> list[_Definition]:
    """The class and those it inherits from within the checkout, nearest first."""
    found: dict[str, _Definition] = {}
    pending = [definition]
    while pending:
        one = pending.pop(0)
        if found.setdefault(one.name, one) is one:
            pending += [definitions[base] for base in one.bases if base in definitions and base not in found]
    return list(found.values())


def _signature(constructor: ast.FunctionDef) -> tuple[tuple[str, ...], dict[str, object]]:
    """Specs without a default, and those with one and what it is."""
    given = constructor.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    pairs = zip(
        [*positional, *given.kwonlyargs], [*defaults, *given.defaults, *given.kw_defaults], strict=True
    )
    specs = [(argument.arg, default) for argument, default in pairs if argument.arg not in FILLED_IN]
    required = tuple(name for name, default in specs if default is None)
    return required, {name: _literal(default) for name, default in specs if default is not None}


def _literal(node: ast.expr) -> object:
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...
    return value


def _said_parallelism(layer: ast.ClassDef) -> Iterator[tuple[str, ...]]:
    """What the class itself says it supports, once for each place; empty where that cannot be read."""
    for node in layer.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_is_about_parallelism(_last_name(target)) for target in targets):
                yield _strategies(node.value)
        if isinstance(node, ast.FunctionDef) and _is_about_parallelism(node.name):
            returned = (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)
            yield next(filter(None, map(_strategies, returned)), ())


def _is_about_parallelism(name: str) -> bool:
    name = name.casefold()
    return "parallel" in name and ("support" in name or "available" in name)


def _strategies(node: ast.expr) -> tuple[str, ...]:
    """The names of a literal collection, also within `frozenset(...)` and its like; of a dict those not
    False.
    """
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        node = node.args[0]
    found = _literal(node)
    if isinstance(found, dict):
        found = [name for name, held in found.items() if held is not False]
    if not isinstance(found, list | tuple | set):
        return ()
    names = [name for name in found if isinstance(name, str) and name.endswith("_parallel")]
    return tuple(sorted(names) if isinstance(found, set) else names)


def _is_constructor(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _is_abstract(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    return any(_last_name(decorator) == "abstractmethod" for decorator in node.decorator_list)


def _last_name(node: ast.expr) -> str:
    """`name` of `name`, `module.name` and `name[...]`."""
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _bad(what: str, where: str, fix: str) -> BadSource:
    return BadSource(f"estimator: {what}", where=where, fix=fix)
