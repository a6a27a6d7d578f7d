"""`registry init` and `doctor`: the table in Notion, made and looked after."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli import common
from registry.cli.common import FILE, formatting

if TYPE_CHECKING:
    from registry.notion_changes import Added
    from registry.notion_doctor import Check, Health
    from registry.notion_setup import Made
    from registry.pipeline import World

configuring = click.option("--config", type=FILE, metavar="FILE", help="registry.toml to use.")


@click.command()
@click.option("--parent", required=True, metavar="PAGE", help="Page the table goes on: its link or its id.")
@click.option("--title", metavar="T", help='Title of the table. Default: "LLM config table".')
@click.option(
    "--optional",
    multiple=True,
    metavar="F",
    help="Field of an optional column, such as n_params; repeatable.",
)
@configuring
@formatting
def init(parent: str, title: str | None, optional: tuple[str, ...], config: Path | None, form: str) -> int:
    """Make the table in Notion, with its columns and the view Main.

    Run again, it finds what is there and completes it; it never makes a second table.
    """
    from registry import notion_setup
    from registry.credentials import object_id
    from registry.pipeline import LOCK_FOLDER
    from sync.lock import hold
    from sync.table import TableRef

    world = common.world(config)
    page = object_id(parent, "--parent")
    asked = tuple(dict.fromkeys([*world.settings.optional_columns, *optional]))
    notion_setup.wanted_fields(asked)
    home = world.settings.home.expanduser()
    with notion_setup.connected(world) as (api, place, guard):
        notion_setup.check_none_named(api, place, home)
        wish = notion_setup.wish(page, title, asked, _options(world))
        ref = TableRef("notion", f"init {page}", wish.title)
        with hold(home / LOCK_FOLDER, ref), guard.schema_changes():
            made = notion_setup.init(api, home, wish)
    for note in [*made.notes, *_other_table(world, made)]:
        common.say(f"note: {note}")
    if form == "json":
        common.emit_json(_made_document(made))
    else:
        click.echo("\n".join(_made_text(world, made)))
    return 0


@click.command()
@click.option("--fix", is_flag=True, help="Add the columns, options and view that are missing.")
@configuring
@formatting
def doctor(fix: bool, config: Path | None, form: str) -> int:
    """Look at token, table, columns, options and view in Notion, and say how to mend what is wrong.

    --fix only ever adds: nothing is dropped, renamed or retyped, and columns of your own are not touched.
    """
    from registry import notion_doctor, notion_setup

    world = common.world(config)
    fields = notion_setup.wanted_fields(world.settings.optional_columns)
    with notion_setup.connected(world) as (api, place, guard):
        want = notion_doctor.Want(fields, _options(world), world.settings.notion.columns)
        home = world.settings.home.expanduser()
        health = notion_doctor.examine(api, place, home, want)
        if form == "text":
            click.echo("\n".join(_health_text(health.checks)))
        added = None
        if fix and health.problems and health.source:
            with _held(world, health.source["id"]), guard.schema_changes():
                added = notion_doctor.mend(api, home, health, want)
            health = notion_doctor.examine(api, place, home, want)
    if form == "json":
        common.emit_json(_health_document(health, added))
    elif added is not None:
        click.echo("\n".join(["", *_added_text(added), *_left_text(health)]))
    return health.exit_code


def _held(world: "World", source_id: str) -> AbstractContextManager[None]:
    """The lock that a sync of the table holds too."""
    from registry.pipeline import LOCK_FOLDER
    from sync.lock import hold
    from sync.table import TableRef

    ref = TableRef("notion", source_id, "the table")
    return hold(world.settings.home.expanduser() / LOCK_FOLDER, ref)


def _options(world: "World") -> dict[str, list[str]]:
    """The options that the catalogue's models need, as far as their sources can be read."""
    from registry import notion_setup, pipeline

    models, _ = pipeline.read_models(world, pipeline.Selection(everything=True))
    return notion_setup.options_of(model.record for model in models)


def _other_table(world: "World", made: "Made") -> list[str]:
    """What to say when a stronger setting names another table than the one made."""
    place = world.settings.place()
    if made.source["id"] == place.data_source_id:
        return []
    named = place.data_source_id or place.database_id
    return [f"{place.where} names another table ({named}): registry sync uses that one"]


def _made_text(world: "World", made: "Made") -> list[str]:
    from registry.credentials import REMEMBERED
    from registry.notion_changes import title_of

    title, source = title_of(made.source), made.source
    if made.is_new:
        first = [f'made the table "{title}": {made.n_columns} columns and the view Main']
    elif made.anything:
        first = [f'completed the table "{title}"', *_added_text(made.added)]
    else:
        first = [f'nothing to do: the table "{title}" is complete']
    command = "registry sync" if world.settings.to in ("", "notion") else "registry sync --to notion"
    return [
        *first,
        "",
        f"url             {source.get('url')}",
        f"data source     {source['id']}",
        f"database        {source['parent']['database_id']}",
        f"remembered in   {world.settings.home.expanduser() / REMEMBERED}",
        f"other machines  NOTION_DATA_SOURCE_ID={source['id']}",
        f"next            {command}",
    ]


def _made_document(made: "Made") -> dict[str, object]:
    from registry.notion_changes import title_of

    return {
        "title": title_of(made.source),
        "url": made.source.get("url"),
        "data_source_id": made.source["id"],
        "database_id": made.source["parent"]["database_id"],
        "made": made.is_new,
        "added": _added_document(made.added),
        "notes": list(made.notes),
    }


def _added_text(added: "Added") -> list[str]:
    """One line for each kind of thing that was added."""
    lines = [f"added    the columns {', '.join(added.columns)}"] if added.columns else []
    lines += [f"added    to {name} the options {', '.join(names)}" for name, names in added.options.items()]
    lines += ["added    the view Main"] if added.view else []
    return lines or ["added    nothing: what is left is a person's to do"]


def _added_document(added: "Added") -> dict[str, object]:
    return {"columns": added.columns, "options": added.options, "view": added.view}


def _health_text(checks: "Sequence[Check]") -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"{check.name:<9}{check.state:<9}{check.said}")
        lines += [f"{'':<9}{'fix':<9}{check.fix}"] if check.fix else []
    return lines


def _left_text(health: "Health") -> list[str]:
    """What is still to be done after --fix."""
    if not health.problems:
        return ["well     nothing is left to do"]
    return ["", "left to you:", *_health_text(health.problems)]


def _health_document(health: "Health", added: "Added | None") -> dict[str, object]:
    return {
        "checks": [
            {"check": one.name, "state": one.state.value, "said": one.said, "fix": one.fix}
            for one in health.checks
        ],
        "added": _added_document(added) if added else None,
        "exit_code": health.exit_code,
    }


COMMANDS = (init, doctor)
