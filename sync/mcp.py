"""A plan as calls of Notion's MCP server, for people who apply it through an agent. Pure.

The server takes columns by name, ticked boxes as `__YES__` and `__NO__`, numbers as numbers, everything else
as text. Held cells and conflicts are not among the calls: the plan writes them neither.
"""

from collections.abc import Sequence
from typing import Any

from schemas.errors import BadUsage
from schemas.evidence import Scalar
from sync.apply import write_of
from sync.changes import Plan
from sync.table import BASE, Schema

CREATE, UPDATE = "notion-create-pages", "notion-update-page"
PAGES_PER_CALL = 100
_RESERVED = ("id", "url")
"""Column names that mean the page itself there; one of these gets a prefix."""

Call = dict[str, Any]


def mcp_document(plan: Plan, schema: Schema) -> Call:
    """The calls that apply a plan, rows to create first, at most 100 to a call.

    Raises BadUsage for a plan of another table: which rows Notion has would be a guess.
    """
    if plan.ref.kind != "notion":
        raise BadUsage(
            f"plan: the calls go to a table in Notion, and this plan is for {plan.ref.title}",
            fix="registry plan --to notion --format mcp",
        )
    writes = [write_of(change, schema, change.row_base) for change in plan.changes if change.is_written]
    pages, updates = [], []
    for write in writes:
        properties = {**schema.spelled(write.set), **schema.spelled({BASE: write.base})}
        properties = {_name(column): _value(value) for column, value in properties.items()}
        if write.row_id is None:
            pages.append({"properties": properties})
        else:
            updates.append(
                {"page_id": write.row_id, "command": "update_properties", "properties": properties}
            )

    calls = [_call(CREATE, _creation(part, plan.ref.id)) for part in _parts(pages)]
    calls += [_call(UPDATE, update) for update in updates]
    return {"digest": plan.digest, "table": plan.ref._asdict(), "calls": calls, "summary": dict(plan.summary)}


def _creation(pages: Sequence[Call], data_source_id: str) -> Call:
    return {"parent": {"data_source_id": data_source_id}, "pages": list(pages)}


def _name(column: str) -> str:
    return f"userDefined:{column}" if column.casefold() in _RESERVED else column


def _value(value: Scalar) -> Scalar:
    if isinstance(value, bool):
        return "__YES__" if value else "__NO__"
    return value


def _call(tool: str, arguments: Call) -> Call:
    return {"tool": tool, "arguments": arguments}


def _parts(pages: Sequence[Call]) -> list[Sequence[Call]]:
    return [pages[start : start + PAGES_PER_CALL] for start in range(0, len(pages), PAGES_PER_CALL)]
