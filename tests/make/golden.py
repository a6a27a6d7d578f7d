"""What transformers builds, as data for tests without torch: `python -m tests.make.golden zoo|real|random`.

Each writes `tests/data/golden/NAME.jsonl`, one line per config: the config (or the type whose defaults it
is), the number of tensors, of parameters, and a digest of the whole table: every name, shape and tie. A
config that transformers does not build has its error instead. Needs the extra `dryrun`; made with
transformers 5.23.0 and torch 2.13.0. Random configs come from a seeded generator
(`tests/make/variations.py`).

Real configs: `python -m tests.make.golden real FOLDER...`, with INDEX.json or the files themselves; where
each was found is kept beside it.
"""

import json
import math
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.make import meta
from tests.make.digests import digest
from tests.make.variations import variation

OUT = Path("tests/data/golden")
PER_TYPE, PER_FAMILY = 8, 50
FAMILIES = (
    "llama", "mllama", "mllama_text_model", "llama4", "llama4_text", "gpt2", "mistral", "mixtral", "qwen2",
    "qwen3", "qwen3_moe", "deepseek_v3", "gemma2", "gemma3", "gemma3_text", "phi3", "gpt_oss",
)  # fmt: skip
"""The model types of the catalogue's families."""

NOT_SHAPES = (
    "architectures", "auto_map", "transformers_version", "_name_or_path", "id2label", "label2id",
    "torch_dtype", "use_cache", "initializer_range", "task_specific_params", "rope_scaling", "bad_words_ids",
    "pruned_heads",
)  # fmt: skip


def total(table: meta.Table) -> int:
    return sum(math.prod(shape) for shape, tied in table.values() if not tied)


def answer(config: Mapping[str, Any]) -> dict[str, Any]:
    """What transformers builds from a config, or why it does not."""
    try:
        table = meta.table(config)
    except Exception as error:  # whatever it raises, there is no witness
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"}
    return {"tensors": len(table), "n_params": total(table), "digest": digest(table)}


def zoo() -> Iterator[dict[str, Any]]:
    """The default config of every causal-LM type and of every image-text type, as each of its classes."""
    for model_type in sorted({*meta.CAUSAL, *meta.CONDITIONAL} & set(meta.CONFIG_MAPPING_NAMES)):
        text, whole = meta.CAUSAL.get(model_type), meta.CONDITIONAL.get(model_type)
        for name in dict.fromkeys(filter(None, (text, whole))):
            config = {"model_type": model_type, "architectures": [name]}
            yield {"type": model_type, "class": name, "causal": name == text, **answer(config)}


def drawn() -> Iterator[dict[str, Any]]:
    """Random configs of every type that has a blueprint and that transformers builds."""
    from registry.architecture.types import find

    for model_type in sorted({*meta.CAUSAL, *meta.CONDITIONAL}):
        if find(model_type) is None:
            continue
        rng, wanted = (
            random.Random(f"golden-{model_type}"),
            PER_FAMILY if model_type in FAMILIES else PER_TYPE,
        )
        built = 0
        for _ in range(14 * wanted):
            config = variation(model_type, rng)
            found = answer(config)
            if "error" in found:
                continue
            built += 1
            yield {"config": config, **found}
            if built == wanted:
                break


def real(folders: list[str]) -> Iterator[dict[str, Any]]:
    """Real configs, cut down to what a tensor could depend on."""
    for folder in map(Path, folders):
        index = json.loads((folder / "INDEX.json").read_text("utf-8"))
        for entry in index["entries"] if isinstance(index, dict) else index:
            config = json.loads((folder / entry["file"]).read_text("utf-8"))
            commit = f"@{entry['source_commit'][:12]}" if entry["source_commit"] else ""
            origin = f"{entry['source_repo']}{commit}:{entry['source_path']}"
            found = answer(config) if "model_type" in config else {"error": "no model_type"}
            named = {"name": entry["hf_model_id"], "grade": entry["grade"], "origin": origin}
            yield {**named, "config": compact(config), **found}


def compact(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without what says nothing about tensors; `architectures` stays, it names the class."""
    kept = {}
    for key, value in config.items():
        if key == "quantization_config":
            value = {k: v for k, v in value.items() if k in ("quant_method", "weight_block_size")}
        if key not in NOT_SHAPES[1:] and not key.endswith(("_token_id", "_token", "dropout")):
            kept[key] = compact(value) if isinstance(value, dict) else value
    return kept


def write(name: str, lines: Iterator[dict[str, Any]]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / f"{name}.jsonl").open("w", encoding="utf-8") as file:
        for n, line in enumerate(lines, 1):
            file.write(json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n")
            print(f"\r{name}: {n}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def main() -> None:
    what, *rest = sys.argv[1:]
    write(what, {"zoo": zoo, "random": drawn, "real": lambda: real(rest)}[what]())


if __name__ == "__main__":
    main()
