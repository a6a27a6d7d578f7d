"""The index of model types against the modules that describe them."""

import pkgutil
from importlib import import_module
from pathlib import Path

from registry.architecture import types
from registry.architecture.expressions import compiled
from tests import architectures


def entries():
    for module in pkgutil.iter_modules(types.__path__):
        for entry in import_module(f"{types.__name__}.{module.name}").ENTRIES:
            yield module.name, entry


def test_the_index_names_every_type_of_every_module_once():
    described = [(name, module) for module, entry in entries() for name in entry.types]
    assert len(described) == len({name for name, _ in described})
    assert dict(described) == types.MODULES


def test_every_expression_is_in_the_closed_part_of_python():
    n = 0
    for _, entry in entries():
        for line in (*entry.lines, *entry.mtp):
            shape = getattr(line, "shape", ())
            conditions = getattr(line, "when", ())
            for text in (*shape, *(conditions if isinstance(conditions, tuple) else (conditions,))):
                assert compiled(text)
                n += 1
    assert n > 5_000


def test_the_table_of_architectures_is_the_one_the_code_makes():
    made = (Path(__file__).parents[2] / "architectures.md").read_text("utf-8")
    assert made == architectures.table() + "\n"
