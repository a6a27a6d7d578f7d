"""A config on this machine as an object: JSON or JSONC, strictly read. No pydantic: `analyze` starts fast.

A config without `model_type` that has the fields of a Llama-style decoder is read as one, and a note says so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.errors import BadSource
from sources.config_keys import text_part
from sources.strict_json import loads

MAX_BYTES = 4 * 2**20
LLAMA_STYLE = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def read(path: Path) -> dict[str, Any]:
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


def completed(config: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The config with a model_type, and a note where it had none. Raises BadSource for no model config."""
    if config.get("model_type") or text_part(config)[0]:
        return config, ()
    missing = [key for key in LLAMA_STYLE if key not in config]
    if missing:
        raise BadSource(
            f"config: no model_type, and no {', '.join(missing)}",
            where=where,
            fix="name the model_type, or give the fields of a Llama-style decoder",
        )
    return {**config, "model_type": "llama"}, ("no model_type: read as a Llama-style decoder",)
