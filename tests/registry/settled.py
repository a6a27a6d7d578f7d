"""Settled models to build from: the catalogue, and real configs (origins in `tests/data/golden`)."""

import json
from functools import cache
from pathlib import Path

from registry.builder import Documents, documents
from registry.catalogue import Entry, load
from registry.model import Model, settle
from registry.pipeline import compared
from sources import config_file, snapshot

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "real.jsonl"


@cache
def real_configs() -> dict[str, dict]:
    """Hub id -> config.json; of several copies the last."""
    lines = map(json.loads, GOLDEN.read_text("utf-8").splitlines())
    return {line["name"]: line["config"] for line in lines if "error" not in line}


@cache
def catalogue() -> dict[str, Model]:
    """Key -> model, from the bundled facts alone."""
    return {entry.key: settle(entry, snapshot.read().observe(entry.key)) for entry in load().entries}


def settled(repo: str, config: dict) -> Model:
    entry = Entry(f"hf:{repo}", None, config_repo=repo)
    return settle(entry, config_file.parse(entry.key, config, f"{repo}:config.json"))


@cache
def real(repo: str) -> Model:
    """The model of a real config."""
    return settled(repo, real_configs()[repo])


def documents_of(model: Model, **options: bool) -> Documents:
    return documents(model, compared(model), **options)


def all_layers(content: dict) -> list[dict]:
    return [*content["layer_types"], *content["unsupported_layers"]]


LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "tie_word_embeddings": True,
}
"""A small dense model."""
