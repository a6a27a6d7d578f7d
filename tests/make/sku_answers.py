"""Answers of the real packages for every SKU, written to tests/data/sku_list/answers-NAME.json.

Run by hand; it imports the packages, which the registry itself never does:

    pip download --no-deps llama-models==0.1.0 llama-models==0.3.0 llama-stack==0.2.12   # and unzip each
    python tests/make/sku_answers.py llama-models-0.1.0=FOLDER/llama_models ...

One argument per package, NAME=FOLDER with the folder that holds sku_list.py. Parent packages are stubbed, so
that only sku_list, the types file and what these import are loaded. Needs pydantic and typing_extensions.
"""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

OUT = Path(__file__).parents[1] / "data" / "sku_list"


def imported(folder: Path, name: str) -> ModuleType:
    """sku_list of one package, under a parent of its own so that several can be loaded."""
    parent = ModuleType(name)
    parent.__path__ = [str(folder)]
    sys.modules[name] = parent
    return importlib.import_module(f"{name}.sku_list")


def answer(model: Any) -> dict[str, object]:
    return {
        "core_model_id": model.core_model_id.value,
        "variant": model.variant,
        "descriptor": model.descriptor(),
        "huggingface_repo": model.huggingface_repo,
        "quantization_format": model.quantization_format.value,
        "pth_file_count": model.pth_file_count,
        "arch_args": model.arch_args,
        "model_family": model.model_family.value,
        "max_seq_length": model.max_seq_length,
    }


def main(arguments: list[str]) -> None:
    for number, argument in enumerate(arguments):
        name, _, folder = argument.partition("=")
        models = imported(Path(folder), f"package_{number}").all_registered_models()
        lines = ",\n".join(json.dumps(answer(model)) for model in models)
        (OUT / f"answers-{name}.json").write_text(f"[\n{lines}\n]\n")
        print(f"{name}: {len(models)} SKUs")


if __name__ == "__main__":
    main(sys.argv[1:])
