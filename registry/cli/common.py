"""Options and the set-up that commands share."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from registry.pipeline import Outcome, Selection, World
    from schemas.errors import RegistryError
    from sync.table import Table

LONG_S = 90
"""A wait that is worth a line in a log: longer than a window of Notion's limit."""
NAMES_SHOWN = 6
"""Models named under a problem they share."""

Command = Callable[..., Any]
FILE = click.Path(path_type=Path)


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several click options as one decorator, in the order they are listed."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


selecting = options(
    click.option(
        "--family", "families", multiple=True, metavar="F", help="A family, such as llama2; repeatable."
    ),
    click.option(
        "--model", "model_names", multiple=True, metavar="M", help="A model by key, name or hub id."
    ),
    click.option("--all", "everything", is_flag=True, help="All models (the default when nothing is named)."),
)
reading = options(
    click.option("--refresh", is_flag=True, help="Ask the hub for every model, not only for unknown ones."),
    click.option("--sku-list", type=FILE, metavar="PATH", help="sku_list.py, or a checkout that has it."),
    click.option("--config", type=FILE, metavar="FILE", help="registry.toml to use."),
)
formatting = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Default: text."
)


class Bars:
    """Progress on stderr: bars on a terminal, silence elsewhere."""

    def __init__(self, quiet: bool = False):
        self.shown = not quiet and sys.stderr.isatty()
        self.quiet = quiet

    def step(self, name: str) -> Callable[[int, int], None]:
        """A function to call with (done, total)."""
        if not self.shown:
            return lambda _done, _total: None
        from registry.cli.bars import bar

        return bar(name)

    @property
    def at_terminal(self) -> bool:
        """Whether a person sees what is asked of them."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def waiting(self, seconds: float, why: str) -> None:
        """Says on the running bar that a wait is a wait; off a terminal a line for a long one."""
        if self.shown:
            from registry.cli.bars import wait

            wait(seconds, why)
        elif not self.quiet and seconds >= LONG_S:
            say(f"waiting {seconds:.0f} s: {why}")


def select(
    families: tuple[str, ...], model_names: tuple[str, ...], everything: bool, **rest: Any
) -> "Selection":
    """What the options ask for. Raises BadUsage for --all together with names."""
    from registry.pipeline import Selection
    from schemas.errors import BadUsage

    if everything and (families or model_names):
        raise BadUsage("--all: want it alone, got --family or --model too", fix="leave one of them out")
    return Selection(families, model_names, everything, **rest)


def world(config: Path | None, *, quiet: bool = False) -> "World":
    """Settings, catalogue and hub of this run."""
    from registry import catalogue, settings
    from registry.credentials import take_hub_token
    from registry.pipeline import World
    from sources.hub import Hub

    take_hub_token()
    loaded, path = settings.load(config)
    return World(loaded, catalogue.load(loaded.models, str(path or "registry.toml")), Hub(), Bars(quiet))


def emit_json(document: object) -> None:
    """One JSON document on stdout."""
    import json

    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def say(line: str) -> None:
    """A line for the person, on stderr."""
    click.echo(line, err=True)


def report(outcome: "Outcome") -> None:
    """Warnings and problems, on stderr."""
    for warning in outcome.warnings:
        say(f"warning: {warning}")
    report_problems(outcome.problems)


def report_problems(problems: "list[RegistryError]") -> None:
    """Each different problem once; models that share one are named after the first of them."""
    groups: dict[tuple[str, str | None], list[RegistryError]] = {}
    for problem in problems:
        said = problem.what.partition(": ")[2] or problem.what
        groups.setdefault((said, problem.fix), []).append(problem)
    for first, *others in groups.values():
        say(f"problem: {first}")
        names = list(
            dict.fromkeys(other.what.partition(": ")[0] for other in others if other.what != first.what)
        )
        if names:
            more = f", and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            say(f"  also  {', '.join(names[:NAMES_SHOWN])}{more}")


def gravest(problems: "list[RegistryError]") -> int:
    """Exit code of a command that went on past these problems."""
    codes = {problem.exit_code for problem in problems}
    return next((code for code in (6, 7, 3, 5) if code in codes), 0)


def table(world: "World", to: str | None, *, patient: bool = False) -> "Table":
    """The table of this run, and a line where a token alone does not say that it is Notion's."""
    found = world.table(to, patient=patient)
    click.get_current_context().call_on_close(found.close)
    if not (to or world.settings.to):
        place = world.settings.place()
        for warning in place.warnings:
            say(f"warning: {warning}")
        if place.token and not place.has_id:
            say("NOTION_TOKEN is set but no table id: the local table is used")
    return found
