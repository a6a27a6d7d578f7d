"""The tensor table: the one currency of architecture. Counts, layers and layer configs are computed from it.

Definitions: a parameter is counted once (a tied tensor counts where it is stored, not where it is used
again); buffers and the multi-token-prediction module are not parameters.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LAYER, INNER = "{i}", "{j}"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A name pattern, the shape of one tensor, and how many tensors the pattern stands for.

    `{i}` in the name is the layer index and takes the values of `layers`; `{j}` is an index within the layer
    (an expert, a codebook) and runs from 0. `layers` is None for a tensor outside a stack. `tied_to` is the
    pattern whose storage this one shares; such a tensor adds no parameters. `dtype` is the one it is stored
    in, as safetensors spells it (BF16), where that is known.
    """

    name: str
    shape: tuple[int, ...]
    count: int = 1
    layers: tuple[int, ...] | range | None = None
    tied_to: str | None = None
    dtype: str | None = None

    @property
    def size(self) -> int:
        """Elements of one tensor, tied or not."""
        return math.prod(self.shape)

    @property
    def n_params(self) -> int:
        """Parameters of all tensors of the pattern; 0 when tied."""
        return 0 if self.tied_to else self.count * self.size

    @property
    def per_layer(self) -> int:
        """How many tensors of the pattern one layer has."""
        return self.count // len(self.layers) if self.layers else self.count

    def names(self) -> Iterator[str]:
        """Every single tensor's name."""
        for i in self.layers if self.layers is not None else (None,):
            outer = self.name if i is None else self.name.replace(LAYER, str(i))
            if INNER in outer:
                yield from (outer.replace(INNER, str(j)) for j in range(self.per_layer))
            else:
                yield outer


def count_params(tensors: Iterable[Tensor]) -> int:
    """Parameters in all, each counted once."""
    return sum(tensor.n_params for tensor in tensors)


def expanded(tensors: Iterable[Tensor]) -> dict[str, tuple[tuple[int, ...], str | None]]:
    """Name of every single tensor -> its shape and the name of the tensor it is tied to."""
    found: dict[str, tuple[tuple[int, ...], str | None]] = {}
    for tensor in tensors:
        owners: Iterable[str | None] = [None] * tensor.count
        if tensor.tied_to:
            owners = Tensor(tensor.tied_to, (), tensor.count, tensor.layers).names()
            owners = owners if LAYER in tensor.tied_to else [tensor.tied_to] * tensor.count
        for name, owner in zip(tensor.names(), owners, strict=True):
            found[name] = (tensor.shape, owner)
    return found


def layer_ranges(layers: Iterable[int]) -> str:
    """Layer indices as people write them: 0-2,5."""
    runs: list[list[int]] = []
    for i in layers:
        if runs and runs[-1][1] == i - 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
