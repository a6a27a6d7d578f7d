"""A fingerprint of a tensor table: every name, shape and tie. The same for both sides of a comparison."""

import hashlib
from collections.abc import Mapping

Table = Mapping[str, tuple[tuple[int, ...], str | None]]


def digest(table: Table) -> str:
    """96 bits of SHA-256 over the sorted lines `name shape tied-to`."""
    lines = (f"{name} {list(shape)} {tied or ''}" for name, (shape, tied) in sorted(table.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:24]
