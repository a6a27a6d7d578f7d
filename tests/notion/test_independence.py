"""The emulator knows nothing of what it judges: no module of it imports the product."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests" / "notion_emulator").rglob("*.py"))
PRODUCT = {"schemas", "sources", "sync", "registry"}
OURS = "tests.notion_emulator"
OTHERS = {"httpx", "__future__"} | sys.stdlib_module_names
"""`httpx`: the transport in process."""


def imported(source: str) -> Iterator[str]:
    """The full names a module imports, wherever it does, and those it has imported by name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "tests")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield ast.unparse(node.args[0]).lstrip("f").strip("'\"")


def foreign(source: str) -> list[str]:
    """What a module of the emulator imports although it is neither the emulator's nor anybody else's."""
    names = [name for name in imported(source) if name != "tests"]
    return [
        name
        for name in names
        if name.partition(".")[0] not in OTHERS and name != OURS and not name.startswith(f"{OURS}.")
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_module_of_the_emulator_imports_nothing_of_the_product_or_of_other_tests(file):
    assert foreign(file.read_text(encoding="utf-8")) == []


def test_all_modules_are_looked_at():
    assert len(FILES) > 50
    assert {"app", "pages", "query", "server"} <= {file.stem for file in FILES}


@pytest.mark.parametrize(
    "line",
    [
        "import sync",
        "import json, schemas.record as r",
        "from registry.cli import main",
        "def late():\n    from sources import hf_config",
        "if True:\n    from sync.notion.api import Api",
        "from ..sync.notion import making",
        "from tests.sync.notion.making import World",
        "from tests import conftest",
        "importlib.import_module('sync.notion')",
        "importlib.import_module(name)",
        "__import__('registry')",
    ],
)
def test_an_import_of_the_product_or_of_other_tests_is_noticed(line):
    assert len(foreign(line)) == 1


@pytest.mark.parametrize(
    "line", ["import json", f"from {OURS} import state", f"from {OURS}.state import Json"]
)
def test_its_own_modules_and_the_standard_library_are_not(line):
    assert foreign(line) == []


def test_a_process_that_has_loaded_the_emulator_has_loaded_nothing_of_the_product():
    program = "\n".join(
        [
            "import importlib, pathlib, sys",
            *(f"importlib.import_module('{OURS}.{file.stem}')" for file in FILES),
            "print(*sorted({name.partition('.')[0] for name in sys.modules}))",
        ]
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(ended.stdout.split())
    assert "tests" in loaded
    assert loaded & PRODUCT == set()
