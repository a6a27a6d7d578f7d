"""Values with their origin, and what one source says of one model.

Precedence (2026-11-21): the lower `Rank` wins. `SNAPSHOT` exists because a live or cached hub answer outranks
every bundled copy of the same file, the class defaults behind that answer included.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from pydantic import BaseModel, ConfigDict, field_validator

from schemas.errors import RegistryError

MAX_EXACT_INT = 2**53
"""Largest integer that a double, and so a Notion number, still holds exactly."""

Scalar = bool | int | float | str


class Rank(IntEnum):
    """How close a source stands to the checkpoint itself; the lowest known one is chosen."""

    USER = 0
    CHECKPOINT = 10
    CLASS_DEFAULT = 20
    SNAPSHOT = 30
    SIBLING = 40
    SKU_LIST = 50
    PUBLISHED = 60


class Value(BaseModel):
    """A value and why it is believed: `where` is the place it was read, `rule` the formula or default that
    gave it.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    value: Scalar
    unit: str | None = None
    source: str
    where: str
    rule: str | None = None

    @field_validator("value")
    @classmethod
    def _exact(cls, value: Scalar) -> Scalar:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("not a finite number")
        if type(value) is int and abs(value) > MAX_EXACT_INT:
            raise ValueError(f"an integer above 2^53 = {MAX_EXACT_INT} is not exact in a table")
        return value


@dataclass(frozen=True, slots=True)
class Observation:
    """What one source says of one model, at one rank.

    `values` are fields of the record; `inputs` are facts without a column that a derivation needs (for
    example
    `ffn_dim_multiplier`). `config` is the whole config.json behind them, for the architecture. `problems` are
    the values that had to be refused, each already an error with its text.
    """

    source: str
    rank: Rank
    values: Mapping[str, Value]
    inputs: Mapping[str, Value] = field(default_factory=dict)
    config: Mapping[str, object] | None = None
    config_where: str | None = None
    problems: tuple[RegistryError, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The chosen value of a field and the different ones it overruled, best first.

    `chosen` is None where a source said something that cannot be true together with a better one; `why` then
    tells.
    """

    chosen: Value | None
    overruled: tuple[Value, ...] = ()
    why: str | None = None
