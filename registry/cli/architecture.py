"""`registry inspect` and `registry analyze`: the tensors of a config, and what is counted from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.cli import common
from registry.cli.common import FILE

if TYPE_CHECKING:
    from registry.pipeline import World
    from registry.targets import Tensors, Worlds
    from schemas.errors import RegistryError

NEEDS_A_PERSON = 5
PRODUCERS = ("blueprint", "dry-run", "headers")

producing = common.options(
    click.option(
        "--tensors",
        "producer",
        type=click.Choice(PRODUCERS),
        default="blueprint",
        help="Where the tensors come from: our blueprint of the architecture (default), transformers on "
        "torch's meta device (extra dryrun), or the safetensors headers on the hub.",
    ),
    click.option("--dry-run", is_flag=True, help="The same as --tensors dry-run."),
    click.option("--config", type=FILE, metavar="FILE", help="registry.toml to use."),
)


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@producing
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "md"]),
    default="text",
    help="Default: text; json, csv and md hold components of several targets too.",
)
def analyze(targets: Sequence[str], producer: str, dry_run: bool, config: Path | None, form: str) -> int:
    """Count the parameters of each TARGET: a config file or folder, a model, or a hub id.

    Totals, active parameters, components and layers, each exact: from the list of the model's tensors, made
    from its config in milliseconds, without torch. An architecture that is not known is refused.
    """
    from registry import analysis
    from registry.targets import each, expand_each, printable
    from schemas.errors import RegistryError

    documents = []
    problems: list[RegistryError] = []
    names = list(expand_each(targets))
    step = common.Bars().step("analysing")
    for done, (name, found) in enumerate(each(names, _worlds(config), _tensors(producer, dry_run)), 1):
        step(done, len(names))
        if isinstance(found, RegistryError):
            documents.append(analysis.refusal(name, found))
            if len(names) > 1:
                found.what = f"{printable(name)}: {found.what}"
            problems.append(found)
        else:
            documents.append(analysis.analysis(found))
    common.report_problems(problems)
    forms = {
        "json": analysis.json_text,
        "text": analysis.analysis_text,
        "csv": analysis.analysis_csv,
        "md": analysis.analysis_md,
    }
    shown = forms[form](documents)
    if shown:
        click.echo(shown)
    if form == "text" and len(documents) > len(problems):
        _hint([document["target"] for document in documents if "error" not in document], len(documents))
    return _code(problems)


def _hint(counted: Sequence[str], asked: int) -> None:
    """The next step, for a person."""
    from registry.targets import printable

    first = printable(counted[0])
    one = f"tensors: registry inspect {first}; layer config: registry build {first}"
    many = f"components and layers: registry analyze {first}, or --format md for all"
    common.say(f"\n{one if asked == 1 else many}")


@click.command()
@click.argument("target", metavar="TARGET")
@producing
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", help="Default: text."
)
def inspect(target: str, producer: str, dry_run: bool, config: Path | None, form: str) -> int:
    """List the tensors of TARGET: name, shape, how many, in which layers, tied to what.

    json keeps one line per pattern, with {i} for the layer; csv has a line for each single tensor.
    """
    from registry import analysis
    from registry.targets import load, printable, shown, single
    from schemas.errors import RegistryError

    try:
        found = load(single(target), _worlds(config), _tensors(producer, dry_run))
    except RegistryError as error:
        common.report_problems([shown(error)])
        if form == "json":
            click.echo(analysis.json_text(analysis.refusal(printable(target), shown(error))))
        return _code([error])
    for note in found.notes:
        common.say(f"note: {printable(note)}")
    forms = {
        "json": lambda target: analysis.json_text(analysis.inspection(target)),
        "csv": analysis.inspection_csv,
        "text": analysis.inspection_text,
    }
    click.echo(forms[form](found))
    return 0


def _worlds(config: Path | None) -> "Worlds":
    """The settings, catalogue and hub, made when the first target needs them."""
    made: list[World] = []

    def world() -> "World":
        if not made:
            made.append(common.world(config))
        return made[0]

    return world


def _tensors(producer: str, dry_run: bool) -> "Tensors | None":
    """The producer that was asked for; None is the blueprint."""
    from schemas.errors import BadUsage

    if dry_run and producer == "headers":
        raise BadUsage("--dry-run: want it alone, got --tensors headers too", fix="leave one of them out")
    if dry_run or producer == "dry-run":
        from registry.architecture.dry_run import architecture

        return architecture
    if producer == "headers":
        from registry.headers import architecture as from_headers

        return from_headers(common.Bars())
    return None


def _code(problems: "list[RegistryError]") -> int:
    """A target that is refused is a matter for a person; the gravest of the others first."""
    if any(problem.exit_code in (6, 7) for problem in problems):
        return common.gravest(problems)
    return NEEDS_A_PERSON if problems else 0


COMMANDS = (analyze, inspect)
