"""Who moved? Three-way comparison of a cell: what the source wants, what the table holds, what was agreed.

The base is known by its hash alone. A cell that a person changed is theirs: it is never written, whatever the
source says later, until they settle it. There is no flag that overrides this for a whole table.

    desired D, current C, base B                       shared
    D unknown                                          unchanged
    C == D                                             unchanged
    C == B                                             update (fill where C is empty)
    D == B                                             held
    B, C and D differ                                  conflict
    no B, C empty (an unticked box is empty)           fill
    no B, C not empty                                  conflict

machine: the source wins, whatever B is. fill: only when the row is created; of an existing row never again.
"""

from enum import StrEnum

from schemas.evidence import Scalar
from schemas.record import Own
from sync.cells import cell_hash, is_empty, same


class Action(StrEnum):
    """What is done with a cell; a row's is its gravest. Only add, fill and update are ever written."""

    UNCHANGED = "unchanged"
    ADD = "add"
    FILL = "fill"
    UPDATE = "update"
    HELD = "held"
    CONFLICT = "conflict"


WRITTEN = frozenset({Action.ADD, Action.FILL, Action.UPDATE})


def classify(
    desired: Scalar | None, current: Scalar | None, base: str | None, own: Own = Own.SHARED
) -> Action:
    """The action for one cell of an existing row. `base` is the hash last agreed, or None without one."""
    if desired is None or own is Own.FILL or same(current, desired):
        return Action.UNCHANGED
    if own is Own.MACHINE:
        return Action.FILL if is_empty(current) else Action.UPDATE
    if base is None:
        return Action.FILL if is_empty(current) else Action.CONFLICT
    if cell_hash(current) == base:
        return Action.FILL if current is None else Action.UPDATE
    return Action.HELD if cell_hash(desired) == base else Action.CONFLICT
