"""Safetensors files for tests: a header as asked for, zeros for values."""

import json
import math
from collections.abc import Mapping

from sources.safetensors_headers import BITS

Tensors = Mapping[str, tuple[str, tuple[int, ...]]]


def entries(tensors: Tensors) -> dict[str, object]:
    """The header of these tensors, (dtype, shape) each, their values one behind the other."""
    found: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + BITS[dtype] * math.prod(shape) // 8
        found[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    return found


def packed(header: object, data_bytes: int, length: int | None = None) -> bytes:
    """A file. `length` pads the header with spaces, as the format allows."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text = text.ljust(length or 0)
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


def file_of(tensors: Tensors, length: int | None = None) -> bytes:
    n = sum(BITS[dtype] * math.prod(shape) // 8 for dtype, shape in tensors.values())
    return packed(entries(tensors), n, length)


def sharded(shards: Mapping[str, Tensors]) -> dict[str, bytes]:
    """Files by name, and the index of them."""
    weight_map = {name: file for file, tensors in shards.items() for name in tensors}
    index = json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}).encode()
    return {file: file_of(tensors) for file, tensors in shards.items()} | {
        "model.safetensors.index.json": index
    }
