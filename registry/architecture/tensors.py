"""The tensor table: the one currency of architecture. Counts, layers and layer configs are computed from it.

Definitions: a parameter is counted once (a tied tensor counts where it is stored, not where it is used
again); buffers and the multi-token-prediction module are not parameters.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tensor:
    """A name pattern (`{i}` is the layer index), the shape of one tensor, and how many tensors the pattern
    stands for.

    `layers` is the half-open range of indices for `{i}`; None for a tensor outside the stack. `tied_to` names
    the tensor whose storage this one shares; such a tensor adds no parameters.
    """

    name: str
    shape: tuple[int, ...]
    count: int = 1
    layers: range | None = None
    tied_to: str | None = None

    @property
    def n_params(self) -> int:
        """Parameters of all tensors of the pattern; 0 when tied."""
        return 0 if self.tied_to else self.count * math.prod(self.shape)


def count_params(tensors: Iterable[Tensor]) -> int:
    """Parameters in all, each counted once."""
    return sum(tensor.n_params for tensor in tensors)
