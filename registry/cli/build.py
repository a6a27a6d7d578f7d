"""`registry build`: layer configs for the performance estimator, with their reports."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.cli import common
from registry.cli.common import FILE

if TYPE_CHECKING:
    from registry.builder import Documents
    from registry.estimator import LayerClass
    from registry.model import Model
    from registry.pipeline import World
    from schemas.errors import RegistryError
    from sync.files import FileChange

KEPT = "kept"


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--out", type=FILE, metavar="DIR", help="Where to write; default: the layer folder of sync.")
@click.option("--dry-run", is_flag=True, help="Print the reports and the config; write nothing.")
@click.option("--all-layers", is_flag=True, help="Put layers without a class into layer_types as well.")
@click.option(
    "--estimator", type=FILE, metavar="DIR", help="A checkout whose layer classes to check against."
)
@click.option("--index", is_flag=True, help="Write the folder's README of configurations.")
@click.option("--config", type=FILE, metavar="FILE", help="registry.toml to use.")
@common.formatting
def build(
    targets: Sequence[str],
    out: Path | None,
    dry_run: bool,
    all_layers: bool,
    estimator: Path | None,
    index: bool,
    config: Path | None,
    form: str,
) -> int:
    """Write the layer config of each TARGET, its validation report and its gap reports.

    TARGET is a config file or folder, a model of the registry, or a hub id. Layers that the estimator has no
    class for get a gap report instead of a guess. A file that a person changed is kept: ours lands beside it.
    """
    import registry
    from registry import builder
    from registry.estimator import read_checkout
    from sync.files import plan_files, write_files

    world = common.world(config)
    classes = read_checkout(estimator) if estimator else None
    made, problems = _made(targets, world, all_layers)
    if classes is not None:
        made, missing = _checked(made, classes, str(estimator))
        problems += missing
    folder = (out or world.layer_folder).expanduser()
    wants = builder.wanted(made, folder, index=index) if made else []
    changes = plan_files(wants, version=registry.__version__)
    if not dry_run:
        changes = write_files(changes)
        problems += [change.problem for change in changes if change.problem]
    exit_code = _exit_code(problems, [] if dry_run else changes)
    if form == "json":
        common.emit_json(_document(made, changes, problems, folder, dry_run=dry_run, exit_code=exit_code))
    else:
        _print(made, changes, folder, dry_run=dry_run)
    common.report_problems(problems)
    return exit_code


def _exit_code(problems: "Sequence[RegistryError]", changes: "Sequence[FileChange]") -> int:
    """6 and 7 say more than 5; any other problem, and a file that was kept, needs a person."""
    code = common.gravest(list(problems))
    if code in (6, 7):
        return code
    return 5 if problems or any(change.action == KEPT for change in changes) else 0


def _made(
    targets: Sequence[str], world: "World", all_layers: bool
) -> "tuple[list[Documents], list[RegistryError]]":
    """The documents of each target, and what could not be built."""
    from registry.builder import documents
    from registry.pipeline import compared
    from schemas.errors import RegistryError

    problems: list[RegistryError] = []
    shared: dict[str, list[Model]] = {}
    for model in _models(targets, world, problems):
        shared.setdefault(model.record.config_repo or f"{model.record.key} {len(shared)}", []).append(model)
    made = []
    for group in shared.values():
        comparisons = {one.citation: one for model in group for one in compared(model)}
        try:
            made.append(documents(group[0], list(comparisons.values()), all_layers=all_layers))
        except RegistryError as problem:
            problems.append(problem)
    return made, problems


def _models(targets: Sequence[str], world: "World", problems: "list[RegistryError]") -> "Iterator[Model]":
    """The settled model of each target; one that cannot be read is a problem, the others go on."""
    from registry.targets import expand, model_of
    from schemas.errors import RegistryError

    step = common.Bars().step("building")
    for done, target in enumerate(targets, 1):
        try:
            names = list(expand([target]))
        except RegistryError as problem:
            problems.append(problem)
            continue
        for name in names:
            try:
                yield model_of(name, world)
            except RegistryError as problem:
                problems.append(problem)
        step(done, len(targets))


def _checked(
    made: "list[Documents]", classes: "dict[str, LayerClass]", estimator: str
) -> "tuple[list[Documents], list[RegistryError]]":
    """Those that this checkout of the estimator can load, and what the others ask of it that it has not."""
    from schemas.errors import BadModel

    problems: list[RegistryError] = []
    loadable = []
    for one in made:
        missing = [
            BadModel(
                f"{one.built.content['model_id']}: {layer['name']}: {found}",
                where=estimator,
                fix="use the estimator's newest version, or report the change",
                wrote="nothing of this model",
            )
            for layer in one.built.content["layer_types"]
            if layer["supported"] and (found := _missing(layer, classes))
        ]
        problems += missing
        if not missing:
            loadable.append(one)
    return loadable, problems


def _missing(layer: dict[str, Any], classes: "dict[str, LayerClass]") -> str | None:
    known = classes.get(layer["class"])
    if known is None:
        return f"this estimator has no {layer['class']}"
    specs = [name for name in known.required if name not in layer["specs"]]
    return f"its {layer['class']} wants {', '.join(specs)} too" if specs else None


def _document(
    made: "Sequence[Documents]",
    changes: "Sequence[FileChange]",
    problems: "Sequence[RegistryError]",
    folder: Path,
    *,
    dry_run: bool,
    exit_code: int,
) -> dict[str, Any]:
    """The JSON document. With `dry_run` each model has its files' content."""
    return {
        "folder": str(folder),
        "dry_run": dry_run,
        "models": [_model(one) | ({"files": dict(one.files)} if dry_run else {}) for one in made],
        "files": [{"path": str(change.path), "action": str(change.action)} for change in changes],
        "problems": [
            {"code": one.exit_code, "message": one.what, "where": one.where, "fix": one.fix}
            for one in problems
        ],
        "exit_code": exit_code,
    }


def _model(one: "Documents") -> dict[str, Any]:
    content = one.built.content
    return {
        "model_id": content["model_id"],
        "hf_model_id": content["hf_model_id"],
        "total_params": content["total_params"],
        "validated": content["validated"],
        "unsupported_layers": [layer.name for layer in one.built.unsupported],
    }


def _print(
    made: "Sequence[Documents]", changes: "Sequence[FileChange]", folder: Path, *, dry_run: bool
) -> None:
    """In a dry run the documents; what became of each file, each model in a line, the next step."""
    if not made:
        click.echo("Nothing written.")
        return
    if dry_run:
        for one in made:
            _preview(one)
    for change in changes:
        beside = f"; ours beside it as {change.path.name}.new" if _lands_beside(change) else ""
        click.echo(f"{change.action:<9}  {change.path.relative_to(folder)}{beside}")
    width = max(len(one.built.content["model_id"]) for one in made)
    digits = max(len(f"{one.built.content['total_params']:,}") for one in made)
    click.echo()
    for one in made:
        click.echo(_line(one, width, digits))
    click.echo(f"\nfolder     {folder}")
    click.echo("Nothing written (--dry-run)." if dry_run else f"next       registry validate {folder}")


def _lands_beside(change: "FileChange") -> bool:
    return change.action == KEPT and change.problem is None


def _preview(one: "Documents") -> None:
    """The validation report, the config, the gap reports."""
    import json

    order = ("validation.md", ".json", ".md")
    ranked = sorted(one.files, key=lambda path: [path.endswith(end) for end in order], reverse=True)
    for path in ranked:
        content = one.files[path]
        text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False)
        click.echo(f"--- {path}\n{text.rstrip()}\n")


def _line(one: "Documents", width: int, digits: int) -> str:
    """A model in one line: parameters, whether validated, and the layers that need a class."""
    content = one.built.content
    state = "validated" if content["validated"] else "not validated"
    gaps = ", ".join(layer.name for layer in one.built.unsupported)
    told = f"no class for {gaps}" if gaps else "every layer has a class"
    total = f"{content['total_params']:,}"
    return f"{content['model_id']:<{width}}  {total:>{digits}} parameters  {state:<13}  {told}"


COMMANDS = (build,)
