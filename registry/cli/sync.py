"""`registry sync`, `plan` and `apply`: one plan, shown as text or JSON."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli import common
from registry.cli.common import FILE, formatting, reading, selecting

if TYPE_CHECKING:
    from registry.pipeline import Outcome, World
    from sync.table import Table

PENDING = 2

to = click.option(
    "--to", metavar="TABLE", help="local, notion, or an SQLAlchemy URL; default: as set up, else local."
)
full = click.option("--full", is_flag=True, help="Show every cell, not four a row.")
quiet = click.option("--quiet", is_flag=True, help="Print only when something was written or needs a person.")
detailed = click.option(
    "--detailed-exitcode", is_flag=True, help="With a plan: exit 2 when changes are pending."
)
accept = click.option("--accept", metavar="DIGEST", help="Allow this one plan past the size rules.")


@click.command()
@selecting
@to
@reading
@click.option("--dry-run", is_flag=True, help="Show the plan, write nothing.")
@detailed
@accept
@click.option("--import", "bulk", is_flag=True, help="Allow many new rows at once.")
@quiet
@full
@formatting
def sync(
    families: tuple[str, ...],
    model_names: tuple[str, ...],
    everything: bool,
    to: str | None,
    refresh: bool,
    sku_list: Path | None,
    config: Path | None,
    dry_run: bool,
    detailed_exitcode: bool,
    accept: str | None,
    bulk: bool,
    quiet: bool,
    full: bool,
    form: str,
) -> int:
    """Bring the table in step with the sources; the cron job.

    Cells a person changed are kept. Rows are never deleted, cells never cleared. Run again: nothing is
    written twice.
    """
    from registry import pipeline

    selection = common.select(families, model_names, everything, refresh=refresh, sku_list=sku_list)
    world = common.world(config, quiet=quiet)
    table = common.table(world, to, patient=bulk)
    if dry_run:
        outcome = pipeline.plan_sync(world, selection, table, bulk=bulk)
        return _show(world, outcome, table, form, to=to, full=full, quiet=quiet, detailed=detailed_exitcode)
    outcome = pipeline.sync(world, selection, table, accept=accept, bulk=bulk)
    return _show(world, outcome, table, form, to=to, full=full, quiet=quiet)


@click.command()
@selecting
@to
@reading
@click.option("--out", type=FILE, metavar="FILE", help="Save the plan for `registry apply FILE`.")
@detailed
@quiet
@full
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "mcp"]),
    default="text",
    help="mcp: the calls of Notion's MCP server that apply it. Default: text.",
)
def plan(
    families: tuple[str, ...],
    model_names: tuple[str, ...],
    everything: bool,
    to: str | None,
    refresh: bool,
    sku_list: Path | None,
    config: Path | None,
    out: Path | None,
    detailed_exitcode: bool,
    quiet: bool,
    full: bool,
    form: str,
) -> int:
    """Show what sync would write, and save it if asked. Writes nothing to the table."""
    from registry import pipeline

    selection = common.select(families, model_names, everything, refresh=refresh, sku_list=sku_list)
    world = common.world(config, quiet=quiet)
    table = common.table(world, to)
    outcome = pipeline.plan_sync(world, selection, table)
    if form == "mcp":
        common.report(outcome)
        common.emit_json(pipeline.mcp_calls(outcome, table))
        return PENDING if detailed_exitcode and outcome.plan.writes else outcome.exit_code
    code = _show(world, outcome, table, form, to=to, full=full, quiet=quiet, detailed=detailed_exitcode)
    if out:
        _save(out, _document(outcome, table, code))
        common.say(f"plan saved; apply it with: registry apply {out}")
    return code


@click.command()
@click.argument("plan", type=FILE)
@to
@click.option("--config", type=FILE, metavar="FILE", help="registry.toml to use.")
@quiet
@full
@formatting
def apply(plan: Path, to: str | None, config: Path | None, quiet: bool, full: bool, form: str) -> int:
    """Write a saved PLAN; refused when the table is no longer what it was."""
    from registry import pipeline
    from schemas.errors import BadPlan
    from sync.plan import load_plan

    try:
        loaded = load_plan(plan.read_bytes(), str(plan))
    except OSError as error:
        fix = "make one with: registry plan --out FILE"
        raise BadPlan(f"apply: cannot read the plan: {error.strerror}", where=str(plan), fix=fix) from None
    world = common.world(config, quiet=quiet)
    table = common.table(world, to)
    outcome = pipeline.apply(world, loaded, table)
    return _show(world, outcome, table, form, to=to, full=full, quiet=quiet)


def _document(outcome: "Outcome", table: "Table", code: int) -> dict[str, object]:
    from sync.plan import plan_document

    files = [replace(change, content=None) for change in outcome.files] if outcome.applied else None
    return plan_document(
        outcome.plan, requests=table.requests, exit_code=code, files=files, applied=outcome.applied
    )


def _show(
    world: "World",
    outcome: "Outcome",
    table: "Table",
    form: str,
    *,
    to: str | None,
    full: bool,
    quiet: bool,
    detailed: bool = False,
) -> int:
    """The result on stdout, problems on stderr; the exit code."""
    pending = bool(outcome.plan.writes) and outcome.applied is None
    code = PENDING if detailed and pending and not outcome.exit_code else outcome.exit_code
    common.report(outcome)
    document = _document(outcome, table, code)
    if form == "json":
        common.emit_json(document)
    elif not (quiet and code == 0 and not outcome.plan.writes):
        click.echo(_text(world, outcome, document, to=to, full=full))
    return code


def _text(
    world: "World", outcome: "Outcome", document: dict[str, object], *, to: str | None, full: bool
) -> str:
    from sync.render import render_applied, render_plan

    if not outcome.n_models:
        return "Nothing to compare: no selected model could be read."
    dry_run = outcome.applied is None
    lines = [render_plan(document, heading=_heading(outcome), full=full, dry_run=dry_run, to=to)]
    if not outcome.plan.changes and not outcome.plan.writes and not outcome.problems:
        return lines[0]
    if outcome.applied and outcome.plan.writes:
        lines.append(render_applied(document, outcome.applied))
    lines.append(_places(world, outcome))
    return "\n".join(part for part in lines if part)


def _heading(outcome: "Outcome") -> str:
    read = ", ".join(f"{name} {count}/{outcome.n_models}" for name, count in outcome.read_from.items())
    models = "1 model" if outcome.n_models == 1 else f"{outcome.n_models} models"
    rows = "1 row" if len(outcome.rows) == 1 else f"{len(outcome.rows)} rows"
    lines = [f"{models} -> {outcome.plan.ref.title} ({rows})"]
    return "\n".join(lines + ([f"sources: {read}"] if read else []))


def _places(world: "World", outcome: "Outcome") -> str:
    """Where everything lies and what to do next."""
    shown = f"{outcome.plan.ref.title}  {outcome.url}" if outcome.url else outcome.plan.ref.title
    lines = ["", f"table          {shown}"]
    if outcome.files:
        lines.append(f"layer configs  {world.layer_folder}  ({len(outcome.files)})")
    if outcome.applied is None:
        next_step = "registry sync with the same options writes this"
    elif first := next((change for change in outcome.plan.changes), None):
        next_step = (
            f"registry show {first.model_name} explains every number; registry verify lists disagreements"
        )
    else:
        next_step = "registry list --main; registry verify lists where sources disagree"
    return "\n".join([*lines, f"next           {next_step}"])


def _save(path: Path, document: dict[str, object]) -> None:
    """The plan as a file, whole or not at all."""
    import json

    from schemas.errors import BadUsage
    from sync.files import write_atomically

    try:
        write_atomically(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadUsage(
            f"plan: cannot write {path}: {error.strerror}", fix="give --out a writable place"
        ) from None


COMMANDS = (sync, plan, apply)
