"""`registry adopt` and `resolve`: what a person decides about the rows of a table that exists."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli import common
from registry.cli.common import formatting, reading, selecting
from registry.cli.sync import full, to

if TYPE_CHECKING:
    from registry.adopting import Adopted
    from registry.pipeline import Outcome
    from sync.table import Table

dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done, write nothing.")


@click.command()
@selecting
@to
@reading
@dry_run
@click.option("--main", is_flag=True, help="Tick Main on our representative models, if no row is ticked.")
@full
@formatting
def adopt(
    families: tuple[str, ...],
    model_names: tuple[str, ...],
    everything: bool,
    to: str | None,
    refresh: bool,
    sku_list: Path | None,
    config: Path | None,
    dry_run: bool,
    main: bool,
    full: bool,
    form: str,
) -> int:
    """Take the rows of a table that people made into the registry: find out which row is which model.

    Rows are known by hub repository, core id with variant, or title, exactly and one to one. Only Registry
    Key and Registry Base are written; what could not be placed is listed with the reason.
    """
    from registry import adopting

    selection = common.select(families, model_names, everything, refresh=refresh, sku_list=sku_list)
    world = common.world(config)
    table = common.table(world, to)
    adopted = adopting.run(world, selection, table, main=main, dry_run=dry_run, to=to)
    return _show_adopted(adopted, table, form, full=full)


def _show_adopted(adopted: "Adopted", table: "Table", form: str, *, full: bool) -> int:
    from registry.adopting import adoption_document, adoption_text

    for warning in adopted.warnings:
        common.say(f"warning: {warning}")
    common.report_problems(list(adopted.problems))
    if form == "json":
        common.emit_json(adoption_document(adopted, table))
    else:
        click.echo(adoption_text(adopted, table, full=full))
    return adopted.exit_code


@click.command()
@click.argument("model", required=False)
@click.option("--field", metavar="F", help="Only this field, such as d_ff.")
@click.option("--family", "families", multiple=True, metavar="G", help="Only this family; repeatable.")
@click.option("--all", "everything", is_flag=True, help="Every model.")
@click.option(
    "--take",
    type=click.Choice(["table", "source"]),
    required=True,
    help="table: what stands there stays, and is not reported again. source: the source's value is written.",
)
@to
@reading
@dry_run
@full
@formatting
def resolve(
    model: str | None,
    field: str | None,
    families: tuple[str, ...],
    everything: bool,
    take: str,
    to: str | None,
    refresh: bool,
    sku_list: Path | None,
    config: Path | None,
    dry_run: bool,
    full: bool,
    form: str,
) -> int:
    """Settle cells on which table and source differ: of MODEL, of a family, of one field, or of all.

    A row that a person took out of the table is made again by naming its MODEL with --take source.
    """
    from registry import settlement
    from schemas.errors import BadUsage

    if not (model or field or families or everything):
        raise BadUsage("resolve: want to know which cells", fix="name a MODEL, --family, --field or --all")
    names = (model,) if model else ()
    selection = common.select(families, names, everything, refresh=refresh, sku_list=sku_list)
    world = common.world(config)
    table = common.table(world, to)
    outcome = settlement.resolve(world, selection, table, field=field, take=take, dry_run=dry_run)
    return _show_settled(outcome, table, form, take, full=full)


def _show_settled(outcome: "Outcome", table: "Table", form: str, take: str, *, full: bool) -> int:
    from sync.plan import plan_document
    from sync.render import render_settled

    common.report(outcome)
    document = plan_document(
        outcome.plan, requests=table.requests, exit_code=outcome.exit_code, applied=outcome.applied
    )
    if form == "json":
        common.emit_json(document)
    else:
        click.echo(render_settled(document, outcome.applied, take=take, full=full))
    return outcome.exit_code


COMMANDS = (adopt, resolve)
