"""The tensor table as the hub stores it: safetensors headers as patterns, with the facts of the layers."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from registry.architecture.assemble import assemble
from registry.architecture.blueprints import Architecture
from registry.architecture.fold import fold
from registry.targets import is_file
from schemas.errors import BadModel, BadUsage, HubError
from sources import safetensors_headers
from sources.config_keys import COUNTS, text_part
from sources.hub import Hub
from sources.hub_request import REPO
from sources.safetensors_headers import Stored

if TYPE_CHECKING:
    from registry.cli.common import Bars

LAYER = re.compile(r"(?:^|\.)layers\.([0-9]{1,6})\.")
PREDICTORS = re.compile(r"(?:model\.)?mtp(?:_layers)?\.")
"""A multi-token-prediction module with a name of its own."""
COPIES = re.compile(r"\.(embed_tokens|shared_head\.head)\.weight$")
"""In such a module: the model's own embedding and output head, stored again."""
SCALES = re.compile(r"(scale|scales|scale_inv|scale_2|zeros|qzeros|zero_point)$")
WHOLE = frozenset({"F64", "F32", "F16", "BF16"})
"""Dtypes of which one stored element is one parameter."""
Table = dict[str, Stored]


def architecture(bars: "Bars", hub: Hub | None = None) -> Callable[[Mapping[str, Any], str], Architecture]:
    """A producer of (config, hub id). It raises BadUsage for what is not on the hub, else as `read` does."""

    def stored(config: Mapping[str, Any], where: str) -> Architecture:
        if is_file(where) or not REPO.fullmatch(where):
            fix = "give a hub id such as org/name; for a file, leave --tensors out or use --dry-run"
            raise BadUsage(f"--tensors headers: want a model of the hub, got {where}", fix=fix)
        return joined(config, _read(where, bars.step("reading headers"), hub or Hub()), where)

    return stored


def _read(repo: str, progress: Callable[[int, int], None], hub: Hub) -> Table:
    """The stored tensors. An answer that a sync passes over is a failure here: there is nothing to show."""
    try:
        return dict(safetensors_headers.read(repo, progress, hub).tensors)
    except HubError as error:
        if error.exit_code:
            raise
        raise BadModel(error.what, where=error.where, fix=error.fix) from None


def joined(config: Mapping[str, Any], tensors: Table, where: str) -> Architecture:
    """The stored tensors as an architecture, the multi-token-prediction module apart."""
    extra = {name for name in tensors if _predicts(name, config)}
    found = assemble(config, _folded({n: t for n, t in tensors.items() if n not in extra}), where)
    mtp = _folded({n: t for n, t in tensors.items() if n in extra and not COPIES.search(n)})
    return replace(found, mtp=mtp, assumed=(), notes=_as_stored(tensors))


def _as_stored(tensors: Table) -> tuple[str, ...]:
    """What a stored count holds besides parameters: scales, and values packed into bytes."""
    packed = sorted({t.dtype for t in tensors.values() if t.dtype not in WHOLE})
    scales = sum(math.prod(t.shape) for name, t in tensors.items() if SCALES.search(name))
    notes = []
    if packed:
        notes.append(f"stored in {', '.join(packed)}: packed values count once per stored element")
    if scales:
        notes.append(f"{scales:,} of the stored values are quantization scales")
    return tuple(notes)


def _folded(tensors: Table) -> list[Any]:
    return fold(
        {name: (tensor.shape, None) for name, tensor in tensors.items()},
        {name: tensor.dtype for name, tensor in tensors.items()},
    )


def _predicts(name: str, config: Mapping[str, Any]) -> bool:
    """Whether a tensor is of the multi-token-prediction module: named so, or in a layer behind the last."""
    if PREDICTORS.match(name):
        return True
    _, part = text_part(config)
    declared = part.get("num_nextn_predict_layers")
    n_layers = next((part[key] for key in COUNTS["n_layers"] if key in part), None)
    if not (isinstance(declared, int) and declared > 0 and isinstance(n_layers, int)):
        return False
    found = LAYER.search(name)
    return found is not None and int(found[1]) >= n_layers
