"""What the estimator can hold: counts against tensors laid out by hand and published totals; a checkout is
read and never run.
"""

import math

import pytest

from registry.estimator import BUILT_IN, LayerClass, counted, own_params, read_checkout
from schemas.errors import BadSource

# Shapes of the tensors that each class has in mind, written out: the second witness of the formulas.
LAID_OUT = {
    "plain attention": (
        "AttentionLayer",
        {"hidden_size": 12, "num_heads": 3, "head_dim": 4},
        [(12, 12)] * 4,
    ),
    "plain attention ignores wider heads": (
        "AttentionLayer",
        {"hidden_size": 12, "num_heads": 3, "head_dim": 64},
        [(12, 12)] * 4,
    ),
    "grouped heads": (
        "GroupedQueryAttentionLayer",
        {"hidden_size": 12, "num_heads": 6, "num_kv_heads": 2, "head_dim": 2},
        [(12, 12), (4, 12), (4, 12), (12, 12)],
    ),
    "grouped heads that are wider keep a square output": (
        "GroupedQueryAttentionLayer",
        {"hidden_size": 12, "num_heads": 6, "num_kv_heads": 2, "head_dim": 8},
        [(48, 12), (16, 12), (16, 12), (12, 12)],
    ),
    "window": (
        "SlidingWindowAttentionLayer",
        {"hidden_size": 12, "num_query_heads": 6, "num_kv_heads": 2, "head_dim": 8},
        [(48, 12), (16, 12), (16, 12), (12, 48)],
    ),
    "window with biases, sinks for nothing": (
        "SlidingWindowAttentionLayer",
        {
            "hidden_size": 12,
            "num_query_heads": 6,
            "num_kv_heads": 2,
            "head_dim": 8,
            "has_bias": True,
            "num_sinks": 6,
            "sliding_window": 128,
        },
        [(48, 12), (48,), (16, 12), (16,), (16, 12), (16,), (12, 48), (12,)],
    ),
    "two matrices": ("MLPLayer", {"hidden_size": 12, "intermediate_size": 30}, [(30, 12), (12, 30)]),
    "three matrices": (
        "MLPLayer",
        {"hidden_size": 12, "intermediate_size": 30, "num_projections": 3},
        [(30, 12), (30, 12), (12, 30)],
    ),
    "gated": (
        "GatedMLPLayer",
        {"hidden_size": 12, "intermediate_size": 30},
        [(30, 12), (30, 12), (12, 30)],
    ),
    "experts of two matrices": (
        "MoELayer",
        {"hidden_size": 12, "intermediate_size": 30, "num_experts": 5, "top_k": 2},
        [(5, 12), *[(30, 12), (12, 30)] * 5],
    ),
    "gated experts with biases, one shared": (
        "MoELayer",
        {
            "hidden_size": 12,
            "intermediate_size": 30,
            "num_experts": 5,
            "top_k": 2,
            "num_shared_experts": 1,
            "num_projections": 3,
            "has_bias": True,
        },
        [(5, 12), (5,), *[(30, 12), (30,), (30, 12), (30,), (12, 30), (12,)] * 6],
    ),
    "scale": ("NormLayer", {"hidden_size": 12}, [(12,)]),
    "scale and shift": ("NormLayer", {"hidden_size": 12, "has_bias": True}, [(12,), (12,)]),
    "embedding": ("EmbeddingLayer", {"vocab_size": 50, "hidden_size": 12}, [(50, 12)]),
}


@pytest.mark.parametrize(("name", "specs", "shapes"), LAID_OUT.values(), ids=LAID_OUT)
def test_a_class_counts_the_tensors_it_has_in_mind(name, specs, shapes):
    assert own_params(name, specs) == sum(math.prod(shape) for shape in shapes)
    assert counted(BUILT_IN[name], {**specs, "layer_idx": 0}) == own_params(name, specs)


def test_every_built_in_class_is_laid_out():
    assert {name for name, _, _ in LAID_OUT.values()} == set(BUILT_IN)


def llama(hidden_size, n_layers, n_heads, n_kv_heads, vocab_size, n_embeddings, *feedforward):
    specs = {"hidden_size": hidden_size, "num_heads": n_heads, "num_kv_heads": n_kv_heads}
    yield n_layers, "GroupedQueryAttentionLayer", specs | {"head_dim": hidden_size // n_heads}
    for count, name, more in feedforward:
        yield count, name, {"hidden_size": hidden_size, **more}
    yield 2 * n_layers + 1, "NormLayer", {"hidden_size": hidden_size}
    yield n_embeddings, "EmbeddingLayer", {"vocab_size": vocab_size, "hidden_size": hidden_size}


EXPERTS = {"intermediate_size": 8192, "top_k": 1, "num_shared_experts": 1, "num_projections": 3}
# Totals of the published checkpoints, each parameter once (Llama 4: text part).
WHOLE = {
    "Llama 3.3 70B": (
        llama(8192, 80, 64, 8, 128256, 2, (80, "GatedMLPLayer", {"intermediate_size": 28672})),
        70_553_706_496,
    ),
    "Llama 3.2 1B, tied": (
        llama(2048, 16, 32, 8, 128256, 1, (16, "GatedMLPLayer", {"intermediate_size": 8192})),
        1_235_814_400,
    ),
    "Llama 4 Scout": (
        llama(5120, 48, 40, 8, 202048, 2, (48, "MoELayer", {"num_experts": 16, **EXPERTS})),
        107_769_861_120,
    ),
    "Llama 4 Maverick": (
        llama(
            5120,
            48,
            40,
            8,
            202048,
            2,
            (24, "MoELayer", {"num_experts": 128, **EXPERTS}),
            (24, "GatedMLPLayer", {"intermediate_size": 16384}),
        ),
        400_711_848_960,
    ),
}


@pytest.mark.parametrize(("layers", "total"), WHOLE.values(), ids=WHOLE)
def test_whole_models_come_out_exact(layers, total):
    assert sum(count * own_params(name, specs) for count, name, specs in layers) == total


@pytest.mark.parametrize(
    ("name", "specs", "missing"),
    [
        ("MoERouterLayer", {}, "MoERouterLayer"),
        ("NormLayer", {}, "hidden_size"),
        ("AttentionLayer", {"hidden_size": 12, "num_heads": 3}, "head_dim"),
    ],
    ids=["another class", "no spec", "a spec the formula ignores"],
)
def test_nothing_is_counted_without_class_and_required_specs(name, specs, missing):
    with pytest.raises(KeyError, match=f"^'{missing}'$"):
        own_params(name, specs)


BASE = '''
from abc import ABC, abstractmethod

class Layer(ABC):
    """The base."""
    SUPPORTED_PARALLELISM: set[str] = set()

    def __init__(self, layer_idx, dtype, parallelism=None): ...

    @classmethod
    def get_supported_parallelism(cls): return sorted(cls.SUPPORTED_PARALLELISM)

class SparseLayer(Layer):
    @abstractmethod
    def route(self): ...

class LayerMetrics:
    pass
'''
FEEDFORWARD = '''
"""Feed-forward layers."""
from .base import Layer

class MLPLayer(Layer):
    """
    Two matrices, or three.

    More of it.
    """
    SUPPORTED_PARALLELISM = {"tensor_parallel", "sequence_parallel"}

    def __init__(self, layer_idx: int, hidden_size: int, intermediate_size: int, num_projections: int = 3,
                 dtype="bf16", parallelism=None): ...

class GatedMLPLayer(MLPLayer):
    def __init__(self, layer_idx, hidden_size, intermediate_size, dtype="bf16", parallelism=None): ...

class WideMLPLayer(MLPLayer):
    """Takes all of its base class."""

class MambaLayer(Layer):
    "State space."

    def __init__(self, layer_idx, d_state, /, d_conv, *rest, dt_rank="auto", scale=2 ** 0.5, **more): ...

    def available_parallelism(self):
        if self.wide:
            return self.other()
        return ["tensor_parallel", "context_parallel", "other"]

class RouterLayer(Layer):
    PARALLELISM_SUPPORTED = {"expert_parallel": True, "tensor_parallel": False, "pipeline_parallel": 8}

    def __init__(self, hidden_size, *, num_experts=-1, dtype, parallelism): ...

class FrozenLayer(Layer):
    supported_parallelism = frozenset(("tensor_parallel",))

class UnknownLayer(MLPLayer):
    SUPPORTED_PARALLELISM = MLPLayer.SUPPORTED_PARALLELISM | {"context_parallel"}
'''


@pytest.fixture
def checkout(tmp_path):
    """Writes `backend/layers` of a checkout: file name -> source."""

    def write(**sources):
        folder = tmp_path / "estimator" / "backend" / "layers"
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in sources.items():
            path = folder / f"{name}.py"
            path.write_bytes(source) if isinstance(source, bytes) else path.write_text(source, "utf-8")
        return tmp_path / "estimator"

    return write


def test_a_checkout_tells_its_classes_specs_and_parallelism(checkout):
    two = ("hidden_size", "intermediate_size")
    expected = [
        LayerClass("FrozenLayer", (), {}, ("tensor_parallel",), "", "mlp"),
        LayerClass("GatedMLPLayer", two, {}, ("sequence_parallel", "tensor_parallel"), "", "mlp"),
        LayerClass(
            "MLPLayer",
            two,
            {"num_projections": 3},
            ("sequence_parallel", "tensor_parallel"),
            "Two matrices, or three.",
            "mlp",
        ),
        LayerClass(
            "MambaLayer",
            ("d_state", "d_conv"),
            {"dt_rank": "auto", "scale": ...},
            ("tensor_parallel", "context_parallel"),
            "State space.",
            "mlp",
        ),
        LayerClass(
            "RouterLayer",
            ("hidden_size",),
            {"num_experts": -1},
            ("expert_parallel", "pipeline_parallel"),
            "",
            "mlp",
        ),
        LayerClass("UnknownLayer", two, {"num_projections": 3}, (), "", "mlp"),
        LayerClass(
            "WideMLPLayer",
            two,
            {"num_projections": 3},
            ("sequence_parallel", "tensor_parallel"),
            "Takes all of its base class.",
            "mlp",
        ),
    ]
    found = read_checkout(checkout(__init__="from .mlp import *", base=BASE, mlp=FEEDFORWARD))
    assert list(found) == [known.name for known in expected]
    assert list(found.values()) == expected


def test_a_class_of_a_checkout_counts_with_the_defaults_of_that_checkout(checkout):
    classes = read_checkout(checkout(mlp=FEEDFORWARD))
    specs = {"hidden_size": 10, "intermediate_size": 40}
    assert counted(classes["MLPLayer"], specs) == 3 * 10 * 40
    assert (
        counted(classes["MLPLayer"], {**specs, "num_projections": 2}) == own_params("MLPLayer", specs) == 800
    )
    assert counted(classes["GatedMLPLayer"], specs) == own_params("GatedMLPLayer", specs) == 1200
    assert counted(classes["MambaLayer"], {"d_state": 16, "d_conv": 4}) is None


@pytest.mark.parametrize(
    ("known", "specs"),
    [
        (LayerClass("NormLayer", ("width",), {"has_bias": False}, (), "", "norm"), {"width": 8}),
        (LayerClass("NormLayer", ("hidden_size",), {"has_bias": ...}, (), "", "norm"), {"hidden_size": 8}),
        (LayerClass("NormLayer", ("hidden_size",), {}, (), "", "norm"), {"hidden_size": 8, "has_bias": True}),
        (BUILT_IN["NormLayer"], {}),
    ],
    ids=["other specs", "a default that is no literal", "a spec it no longer takes", "a missing spec"],
)
def test_a_count_that_is_not_known_is_not_guessed(known, specs):
    assert counted(known, specs) is None


def test_a_checkout_is_never_run(checkout, tmp_path):
    trap = f"""
import pathlib
pathlib.Path({str(tmp_path / "ran")!r}).write_text("module")
def touch(*_): pathlib.Path({str(tmp_path / "ran")!r}).write_text("call")
@touch
class TrapLayer(touch(), metaclass=touch()):
    SUPPORTED_PARALLELISM = set(touch())
    def __init__(self, hidden_size, size=touch(), name=f"{{touch()}}"): touch()
    def supported_parallelism(self): return touch(["tensor_parallel"])
"""
    found = read_checkout(checkout(__init__=trap, trap=trap.replace("TrapLayer", "OtherLayer")))
    assert found["TrapLayer"].optional == {"size": ..., "name": ...}
    assert set(found) == {"TrapLayer", "OtherLayer"}
    assert not (tmp_path / "ran").exists()


MEND = "mend the file, or take the checkout from its source again"
HOSTILE = {
    "broken": (b"class MLPLayer(:\n", ":1", "not Python: invalid syntax", MEND),
    "NUL bytes": (b"x = 1\0", "", "not Python: source code string cannot contain null bytes", MEND),
    "not text": (b"\xff\xfe\x00", None, "not Python: ", MEND),
    "deep brackets": (b"x = " + b"(" * 100_000, None, "not Python: ", MEND),
    "deep signs": (b"x = " + b"-" * 200_000 + b"1", None, "not Python: ", MEND),
    "deep sum": (b"x = " + b"1+" * 200_000 + b"1", None, "not Python: ", MEND),
    "too large": (
        b"#" * (2**20 + 1),
        "",
        "want at most 1,048,576 bytes a file and 2,097,152 in all, got more",
        "move it out of backend/layers",
    ),
}


@pytest.mark.parametrize(("source", "place", "what", "fix"), HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_is_no_python_is_refused_with_its_place(checkout, source, place, what, fix):
    folder = checkout(mlp=FEEDFORWARD, zoo=source)
    with pytest.raises(BadSource) as refused:
        read_checkout(folder)
    assert refused.value.what.startswith(f"estimator: {what}")
    assert refused.value.fix == fix
    assert str(refused.value.where).startswith(f"{folder / 'backend' / 'layers' / 'zoo.py'}{place or ''}")


def test_odd_escapes_and_deep_defaults_are_no_reason_to_refuse(checkout):
    deep = "-" * 60 + "1"
    source = f"class OddLayer:\n    '\\d'\n    def __init__(self, a={deep}, b={{[]: 1}}, c={{1: [2]}}): ..."
    assert read_checkout(checkout(odd=source))["OddLayer"].optional == {"a": ..., "b": ..., "c": {1: [2]}}


def test_a_class_that_inherits_from_itself_ends(checkout):
    source = "class ALayer(BLayer): ...\nclass BLayer(ALayer): ..."
    assert set(read_checkout(checkout(loop=source))) == {"ALayer", "BLayer"}


def test_a_class_in_two_files_is_refused(checkout):
    folder = checkout(mlp="class MLPLayer: ...", old="\n\nclass MLPLayer: ...")
    with pytest.raises(BadSource) as refused:
        read_checkout(folder)
    place = folder / "backend" / "layers" / "old.py"
    assert str(refused.value) == (
        f"estimator: MLPLayer is in mlp.py too\n  from  {place}:3\n"
        "  fix   leave one of them in backend/layers"
    )


@pytest.mark.parametrize(
    ("sources", "what"),
    [
        (None, "want a folder with backend/layers, met No such file or directory"),
        ({}, "want 1 to 200 Python files, got 0"),
        ({f"f{i}": "" for i in range(201)}, "want 1 to 200 Python files, got 201"),
    ],
    ids=["no such folder", "empty", "too many"],
)
def test_a_folder_that_is_no_checkout_is_refused(checkout, tmp_path, sources, what):
    folder = tmp_path / "estimator" if sources is None else checkout(**sources)
    with pytest.raises(BadSource) as refused:
        read_checkout(folder)
    assert str(refused.value) == (
        f"estimator: {what}\n  from  {folder / 'backend' / 'layers'}\n"
        "  fix   give the top folder of an estimator checkout"
    )


def test_a_checkout_without_a_layer_is_refused(checkout):
    with pytest.raises(BadSource, match=r"^estimator: no layer class in it\n"):
        read_checkout(checkout(base=BASE))


def test_much_source_in_many_files_is_refused(checkout):
    with pytest.raises(BadSource, match="and 2,097,152 in all, got more"):
        read_checkout(checkout(**{f"f{i}": "#" * 2**20 for i in range(3)}))
