"""A plan, and what became of it, as text for a person. A view of the plan document, which decides. Pure."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.record import UNITS
from sync.apply import Applied
from sync.changes import SHOWN_DIGITS
from sync.table import Outcome

Document = Mapping[str, Any]

SYMBOLS = {"add": "+", "fill": "~", "update": "~", "conflict": "!", "held": "?", "unchanged": "="}
CELLS_SHOWN = 4
NAME_WIDTH = 40
EMPTY = "(empty)"
_WRITTEN = ("add", "fill", "update")
_NOT_DONE = {
    Outcome.STALE: "; not written, run again",
    Outcome.FAILED: "; not written",
    Outcome.UNKNOWN: "; run again, it looks first",
}


def render_plan(
    document: Document, *, heading: str = "", full: bool, dry_run: bool, to: str | None = None
) -> str:
    """The plan: each row with its cells, what is left to a person, files, and a summary of fixed shape.

    `heading`: lines for the top. One line alone when nothing differs. `full`: every cell, not four a row.
    `to`: how the table was named, for the commands it shows.
    """
    summary = document["summary"]
    if not document["changes"] and all(file["action"] == "unchanged" for file in document["files"]):
        return _no_changes(summary["unchanged"], document)
    blocks = ["\n".join([*heading.splitlines(), f"plan {document['digest'][:SHOWN_DIGITS]}"])]
    blocks += ["\n".join(_row(change, full, to)) for change in document["changes"]]
    if summary["unchanged"]:
        blocks.append(f"= unchanged: {count(summary['unchanged'], 'model')}")
    if files := [_file(file) for file in document["files"] if file["action"] != "unchanged"]:
        blocks.append("\n".join(files))
    last = [_plan_summary(document)]
    if dry_run:
        last.append("Nothing written.")
    return "\n\n".join([*blocks, "\n".join(last)])


def render_applied(document: Document, applied: Applied) -> str:
    """What became of each row and file that was to be written, and a summary of fixed shape."""
    changes = {change["key"]: change for change in document["changes"]}
    lines = [f"apply {document['digest'][:SHOWN_DIGITS]}"]
    for result in applied.results:
        done = result.outcome in (Outcome.CREATED, Outcome.UPDATED)
        change = changes[result.key]
        says = _done(change) if done else f"{escaped(result.detail)}{_NOT_DONE[result.outcome]}"
        lines.append(_applied_line("ok" if done else result.outcome, _symbol(change), _name(change), says))
    for file in document["files"]:
        if file["problem"] is not None:
            lines.append(_applied_line("failed", "+", escaped(file["path"]), escaped(file["problem"])))
        elif file["action"] == "written":
            lines.append(_applied_line("ok", "+", escaped(file["path"]), ""))
    return "\n".join([*lines, _applied_summary(document, applied)])


def render_settled(document: Document, applied: Applied | None, *, take: str, full: bool) -> str:
    """The cells that a decision of a person settled, and whether each row took it."""
    changes = document["changes"]
    if not changes:
        return "Nothing to settle: no such cell differs."
    cells = sum(len(change["cells"]) for change in changes)
    lines = ["\n".join(_row(change, full)) for change in changes]
    if applied is None:
        return "\n".join([*lines, f"{count(cells, 'cell')} to settle. Nothing written."])
    lines += [
        _applied_line(result.outcome, "!", result.key, escaped(result.detail))
        for result in applied.unfinished
    ]
    says = "kept as in the table, no longer reported" if take == "table" else "set to the source's value"
    rows = len(applied.results) - len(applied.unfinished)
    return "\n".join([*lines, f"Settled: {count(rows, 'row')}; {count(cells, 'cell')} {says}."])


def escaped(text: str) -> str:
    """Text as printable ASCII: what a person typed cannot move the cursor or look like our own lines."""
    shown = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


def shown(value: object) -> str:
    """A cell: thousands separators, yes and no, `(empty)`."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{int(value):,}" if value.is_integer() else repr(value)
    return escaped(str(value))


def _no_changes(n_models: int, document: Document) -> str:
    verb = "matches its" if n_models == 1 else "match their"
    return f"No changes. {count(n_models, 'model')} {verb} sources and {escaped(document['table']['title'])}."


def _row(change: Document, full: bool, to: str | None = None) -> list[str]:
    """A header with the counts, the cells that are written, then those left to a person."""
    cells = change["cells"]
    written = [cell for cell in cells if cell["action"] in _WRITTEN]
    most = len(written) if full else CELLS_SHOWN
    lines = [f"{_symbol(change)} {_name(change):<{NAME_WIDTH}} {_row_counts(change)}"]
    lines += _aligned([_cell_columns(cell) for cell in _preview(written, most)])
    if len(written) > most:
        lines.append(f"    ... {count(len(written) - most, 'more cell')} (--full)")
    lines += [
        line for cell in cells if cell["action"] == "conflict" for line in _conflict(change["key"], cell, to)
    ]
    held = [cell for cell in cells if cell["action"] == "held"]
    most = len(held) if full else CELLS_SHOWN
    lines += [_held(cell) for cell in held[:most]]
    if len(held) > most:
        lines.append(f"    ... {len(held) - most} more held (--full)")
    return lines


def _preview(cells: list[Document], most: int) -> list[Document]:
    """The first few cells, numbers before names: those a person checks. All of them in their own order."""
    if len(cells) <= most:
        return cells
    numbers = [
        cell for cell in cells if isinstance(cell["to"], int | float) and not isinstance(cell["to"], bool)
    ]
    return [*numbers, *(cell for cell in cells if cell not in numbers)][:most]


def _row_counts(change: Document) -> str:
    actions = [cell["action"] for cell in change["cells"]]
    counts = [(name, actions.count(name)) for name in ("add", "update", "fill", "held", "conflict")]
    if change["action"] == "add":
        return f"add, {count(len(actions), 'cell')}"
    return "; ".join(f"{name}, {count(n, 'cell')}" for name, n in counts if n)


def _cell_columns(cell: Document) -> tuple[str, str, str, str, str]:
    """Field, `from ->` (nothing for a new row), value, unit, source."""
    before = "" if cell["action"] == "add" else f"{shown(cell['from'])} -> "
    unit = UNITS.get(cell["field"], "")
    return cell["field"], before, shown(cell["to"]), unit, escaped(cell["source"] or "")


def _aligned(rows: Sequence[tuple[str, str, str, str, str]]) -> list[str]:
    """Values flush right so that digits stand below digits; the rest flush left."""
    if not rows:
        return []
    field, before, value, unit, _ = (max(len(part) for part in column) for column in zip(*rows, strict=True))
    return [
        f"    {f:<{field}}  {b:>{before}}{v:>{value}}  {u:<{unit}}  {s}".rstrip() for f, b, v, u, s in rows
    ]


def _conflict(key: str, cell: Document, to: str | None) -> Iterable[str]:
    """The three values of a cell that both sides changed, and the two ways out."""
    field, source = cell["field"], escaped(cell["source"] or "source")
    yield f"  ! {field}"
    if cell["base"] is not None:
        yield f"        last agreed  {shown(cell['base'])}"
    yield f"        table now    {shown(cell['from'])}"
    yield f"        source now   {shown(cell['to'])}  ({source})"
    yield "        kept as it is in the table; to settle:"
    model, at = shlex.quote(escaped(key)), f" --to {shlex.quote(to)}" if to else ""
    yield f"          registry resolve {model} --field {field} --take table, or --take source{at}"


def _held(cell: Document) -> str:
    values = f"table {shown(cell['from'])}, source {shown(cell['to'])}"
    return f"  ? held {cell['field']}: {values}; kept as it is in the table"


def _file(file: Document) -> str:
    path = escaped(file["path"])
    if file["action"] == "written":
        return f"+ {path}"
    return f"? {path}  kept: changed by hand or not ours; ours goes beside it as .new"


def _plan_summary(document: Document) -> str:
    summary, cells = document["summary"], 0
    for change in document["changes"]:
        cells += sum(cell["action"] in _WRITTEN for cell in change["cells"])
    files = sum(file["action"] == "written" for file in document["files"])
    sizes = f"{count(cells, 'cell')}, {count(files, 'layer file')}"
    rows = f"{summary['add']} to add, {summary['update']} to update, {summary['unchanged']} unchanged"
    return f"Plan: {rows} ({sizes}). Held: {summary['held']}. Conflicts: {summary['conflict']}."


def _applied_summary(document: Document, applied: Applied) -> str:
    counts, summary = applied.counts, document["summary"]
    files = sum(file["action"] == "written" for file in document["files"])
    done = f"{counts[Outcome.CREATED]} added, {counts[Outcome.UPDATED]} updated, {count(files, 'layer file')}"
    left = f"{counts[Outcome.STALE]} stale, {counts[Outcome.FAILED]} failed"
    if counts[Outcome.UNKNOWN]:
        left += f", {counts[Outcome.UNKNOWN]} unknown"
    return f"Applied: {done}. Not written: {left}. Held: {summary['held']}. Conflicts: {summary['conflict']}."


def _applied_line(outcome: str, symbol: str, name: str, says: str) -> str:
    return f"  {outcome:<7} {symbol} {name:<{NAME_WIDTH}} {says}".rstrip()


def _done(change: Document) -> str:
    if change["row_id"] is None:
        return "created"
    return count(sum(cell["action"] in _WRITTEN for cell in change["cells"]), "cell")


def _symbol(change: Document) -> str:
    return SYMBOLS[change["action"]]


def _name(change: Document) -> str:
    return escaped(change["model_name"] or change["key"])


def count(n: int, noun: str) -> str:
    """A number with its noun."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
