"""`registry list`, `show`, `verify` and `add`: the models as the sources give them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli import common
from registry.cli.common import FILE, formatting, reading, selecting

if TYPE_CHECKING:
    from schemas.errors import RegistryError


@click.command(name="list")
@selecting
@click.option("--main", "main_only", is_flag=True, help="Only the models marked Main.")
@click.option(
    "--where", "conditions", multiple=True, metavar="FIELD=VALUE", help="Only models with this value."
)
@reading
@formatting
def list_models(
    families: tuple[str, ...],
    model_names: tuple[str, ...],
    everything: bool,
    main_only: bool,
    conditions: tuple[str, ...],
    refresh: bool,
    sku_list: Path | None,
    config: Path | None,
    form: str,
) -> int:
    """List models as the sources give them."""
    from registry import pipeline, views

    selection = common.select(families, model_names, everything, refresh=refresh, sku_list=sku_list)
    wanted = views.conditions(conditions)
    models, readings = pipeline.read_models(common.world(config), selection)
    records = [model.record for model in models if views.matches(model.record, wanted)]
    records = [record for record in records if record.main or not main_only]
    _report(readings.problems, readings.warnings)
    if form == "json":
        common.emit_json([record.model_dump(mode="json") for record in records])
    else:
        click.echo(views.list_text(records))
    return common.gravest(readings.problems)


@click.command()
@click.argument("model")
@reading
@formatting
def show(model: str, refresh: bool, sku_list: Path | None, config: Path | None, form: str) -> int:
    """Show one MODEL with the evidence of every value and what it overruled."""
    from registry import pipeline, views

    world = common.world(config)
    entry = pipeline.entry_of(world, model)
    selection = pipeline.Selection(models=(entry.key,), refresh=refresh, sku_list=sku_list)
    models, readings = pipeline.read_models(world, selection)
    _report(readings.problems, readings.warnings)
    if not models:
        return common.gravest(readings.problems)
    if form == "json":
        common.emit_json(views.show_document(models[0], pipeline.compared(models[0])))
    else:
        click.echo(views.show_text(models[0], pipeline.compared(models[0])))
    return common.gravest(readings.problems)


@click.command()
@selecting
@reading
@formatting
def verify(
    families: tuple[str, ...],
    model_names: tuple[str, ...],
    everything: bool,
    refresh: bool,
    sku_list: Path | None,
    config: Path | None,
    form: str,
) -> int:
    """List every value on which sources disagree, with both places, and published counts that differ."""
    from registry import pipeline, views

    selection = common.select(families, model_names, everything, refresh=refresh, sku_list=sku_list)
    models, readings = pipeline.read_models(common.world(config), selection)
    _report(readings.problems, readings.warnings)
    counts = {model.record.key: pipeline.compared(model) for model in models}
    if form == "json":
        common.emit_json(views.verify_document(models, counts))
    else:
        click.echo(views.verify_text(models, counts))
    return common.gravest(readings.problems)


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="HUB_ID|CONFIG...")
@click.option("--family", metavar="F", help="Family to list it under; default: the config's model_type.")
@click.option("--config", type=FILE, metavar="FILE", help="registry.toml to add to.")
@formatting
def add(targets: Sequence[str], family: str | None, config: Path | None, form: str) -> int:
    """Add hub models or local configs to your catalogue (registry.toml)."""
    from registry import additions

    world = common.world(config)
    added, problems = additions.add(world, targets, family, config)
    _report(problems, [])
    if form == "json":
        common.emit_json([{"key": one.key, "family": one.family, "path": str(one.path)} for one in added])
    else:
        for one in added:
            click.echo(f"added {one.key} (family {one.family or 'unknown'}) to {one.path}")
        if added:
            click.echo(f"next   registry sync --model {added[0].key}")
    return common.gravest(problems)


def _report(problems: "list[RegistryError]", warnings: list[str]) -> None:
    for warning in warnings:
        common.say(f"warning: {warning}")
    common.report_problems(problems)


COMMANDS = (list_models, show, verify, add)
