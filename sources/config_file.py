"""Source: a config on this machine, JSON or JSONC, in the spelling of the hub.

A config without `model_type` that has the fields of a Llama-style decoder is read as one, and a note says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from schemas.errors import BadSource
from schemas.evidence import Observation, Rank
from sources import configs
from sources.hf_config import text_part
from sources.strict_json import loads

NAME = "config_file"
MAX_BYTES = 4 * 2**20
LLAMA_STYLE = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def read(path: Path) -> dict[str, object]:
    """The object in the file. Raises BadSource for a file that is missing, too large or malformed."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        what = f"config: want a readable file, met {getattr(error, 'strerror', None) or error}"
        raise BadSource(what, where=str(path), fix="give the path of a .json or .jsonc file") from None
    if len(text) > MAX_BYTES:
        what = f"config: want at most {MAX_BYTES} bytes, met more"
        raise BadSource(what, where=str(path), fix="give a config.json, not weights")
    return loads(text, str(path), jsonc=path.suffix == ".jsonc")


def parse(
    model: str,
    config: Mapping[str, object],
    where: str,
    *,
    source: str | None = None,
    rank: Rank = Rank.CHECKPOINT,
) -> list[Observation]:
    """As `configs.parse`. Raises BadSource for an object that is no model config."""
    note = None
    if not config.get("model_type") and not text_part(config)[0]:
        missing = [key for key in LLAMA_STYLE if key not in config]
        if missing:
            raise BadSource(
                f"config: no model_type, and no {', '.join(missing)}",
                where=where,
                fix="name the model_type, or give the fields of a Llama-style decoder",
            )
        note = "no model_type: read as a Llama-style decoder"
        config = {**config, "model_type": "llama"}
    first, *rest = configs.parse(model, config, where, source=source or NAME, rank=rank)
    return [replace(first, notes=(note, *first.notes)) if note else first, *rest]
