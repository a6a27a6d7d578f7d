"""TARGET arguments: a config file, a folder of them, a model of the registry, or a hub id.

A local file is read without settings, catalogue or pydantic: `analyze` of one file starts in a fraction of a
second. One target that cannot be read is its own problem; the others go on.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.architecture.blueprints import Architecture, describe
from schemas.errors import BadModel, BadSource, BadUsage, RegistryError
from sources.local_file import completed, read

if TYPE_CHECKING:
    from registry.model import Model
    from registry.pipeline import World

SUFFIXES = (".json", ".jsonc")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
Worlds = Callable[[], "World"]


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to look at: what was typed, its config, its tensors. `model` where the registry knows it."""

    name: str
    where: str
    config: Mapping[str, Any]
    architecture: Architecture
    notes: tuple[str, ...] = ()
    model: "Model | None" = None


Named = str | tuple[str, RegistryError]
"""A target, or one that is none and why."""


def expand(names: Iterable[str]) -> Iterator[str]:
    """The targets that were typed, folders replaced by the configs in them. Raises BadUsage."""
    for name in names:
        yield from _expanded(name)


def expand_each(names: Iterable[str]) -> Iterator[Named]:
    """As `expand`; a folder that holds no config comes with its error, and the others go on."""
    for name in names:
        try:
            yield from _expanded(name)
        except RegistryError as error:
            yield name, error


def single(name: str) -> str:
    """The one config a target means, in a folder too. Raises BadUsage for a folder of several."""
    found = _expanded(name)
    if len(found) > 1:
        raise BadUsage(
            f"want one config, found {len(found)} in the folder", where=name, fix=f"as in {found[0]}"
        )
    return found[0]


def _expanded(name: str) -> list[str]:
    """The configs of one target. Raises BadUsage for a folder that has none or cannot be read."""
    path = _path(name)
    try:
        if not path.is_dir():
            return [name]
        found = [path / "config.json"] if (path / "config.json").is_file() else sorted(_in_folder(path))
    except OSError as error:
        raise BadUsage(f"want a file or folder, met {error.strerror}", where=name, fix=FOLDER) from None
    if not found:
        raise BadUsage("want configs in the folder, found none", where=name, fix=FOLDER)
    return list(map(str, found))


def _path(name: str) -> Path:
    """The path a target means, ~ replaced. Raises BadUsage for the home of nobody."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise BadUsage(f"want a file or folder, met {error}", where=name, fix=FOLDER) from None


NO_COUNTS = "no parameter counts: "
"""How a model's note begins when its blueprint gave none; other tensors may give them all the same."""

FOLDER = "give a config, or a folder with .json or .jsonc files"


def _in_folder(path: Path) -> set[Path]:
    return {file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file()} | set(
        path.glob("*/config.json")
    )


def is_file(name: str) -> bool:
    """Whether a target means a file on this machine: it exists, or is spelled like one."""
    if name.endswith(SUFFIXES) or name.startswith(("./", "../", "/", "~")):
        return True
    try:
        return Path(name).is_file()
    except OSError:  # longer than a path may be
        return False


def printable(text: str) -> str:
    """The text with every character escaped that a terminal would act on rather than show."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def load(name: str, worlds: Worlds, tensors: "Tensors | None" = None) -> Target:
    """One target with its tensors. `worlds` is called only for a target that is no file.

    `tensors` gives the architecture of (config, where) in another way than by blueprint. Raises
    RegistryError.
    """
    make = tensors or describe
    if is_file(name):
        path = _path(name)
        config, notes = completed(read(path), str(path))
        return Target(name, str(path), config, make(config, str(path)), notes)
    model = find_model(name, worlds())
    if model.config is None:
        raise BadModel(
            f"{model.record.key}: no source has its config.json",
            where=name,
            fix="give a local config file, or ask the hub: registry sync --refresh",
        )
    place = model.record.config_repo or model.record.key
    found = model.architecture if tensors is None else make(model.config, place)
    if found is None:
        found = make(model.config, place)
    notes = model.notes if tensors is None else tuple(n for n in model.notes if not n.startswith(NO_COUNTS))
    return Target(name, place, model.config, found, notes, model)


Tensors = Callable[[Mapping[str, Any], str], Architecture]


def find_model(name: str, world: "World") -> "Model":
    """The model of the registry, or the hub's, that a name means. Raises RegistryError."""
    from registry.catalogue import Entry
    from registry.pipeline import Selection, read_models, settled

    found = world.catalogue.find(name)
    if found or not HUB_ID.fullmatch(name):
        shared = len({entry.config_repo for entry in found}) == 1  # shards of one checkpoint: one config
        entry = found[0] if shared else world.catalogue.one(name)
        models, readings = read_models(world, Selection(models=(entry.key,)))
    else:
        models, readings = settled(world, [Entry(f"hf:{name}", None, config_repo=name)])
    if models:
        return models[0]
    if readings.problems:
        raise readings.problems[0]
    raise BadSource(f"{name}: nothing could be read", where=name, fix="give a local config file")


def model_of(name: str, world: "World") -> "Model":
    """A target as a settled model; a local file gets the key `file:` and its name. Raises RegistryError."""
    if not is_file(name):
        return find_model(name, world)
    from registry.catalogue import Entry
    from registry.model import settle
    from sources import config_file

    path = _path(name)
    stem = printable(path.parent.name if path.stem == "config" else path.stem)
    entry = Entry(f"file:{stem}", None, config=path)
    model = settle(entry, config_file.parse(entry.key, read(path), printable(str(path))))
    if model.problems:
        raise model.problems[0]
    return model


def each(
    names: Iterable[Named], worlds: Worlds, tensors: Tensors | None = None
) -> Iterator[tuple[str, Target | RegistryError]]:
    """Each target with what was read of it, or with what went wrong: none stops the others."""
    for name in names:
        if isinstance(name, tuple):
            yield name[0], shown(name[1])
            continue
        try:
            yield name, load(name, worlds, tensors)
        except RegistryError as error:
            yield name, shown(error)


def shown(error: RegistryError) -> RegistryError:
    """The error with its texts made printable: they quote files and arguments of anybody's."""
    error.what = printable(error.what)
    error.where = error.where and printable(error.where)
    error.fix = printable(error.fix) if error.fix else "correct the config"
    return error
