"""`registry add`: hub models and local configs into the user's registry.toml, as text appended and then
checked.

The file is the user's: what stands in it stays byte for byte, new tables go to its end, and the result is
parsed and loaded before it replaces the old one.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from registry import catalogue
from registry.pipeline import World
from registry.settings import APP, FILE, config_path
from schemas.errors import BadModel, BadSettings, HubError, RegistryError
from sources import config_file
from sync.files import write_atomically

CONFIG_SUFFIXES = (".json", ".jsonc")


@dataclass(frozen=True, slots=True)
class Added:
    """A model that registry.toml now lists."""

    key: str
    family: str | None
    path: Path


def add(
    world: World, targets: Sequence[str], family: str | None, flag: Path | None
) -> tuple[list[Added], list[RegistryError]]:
    """Adds each target that can be read; one that cannot is a problem and changes nothing."""
    path = (config_path(flag) or user_config_path(APP) / FILE).resolve()
    added: list[Added] = []
    problems: list[RegistryError] = []
    for target in targets:
        try:
            key, stated = _described(world, target, family)
            _append(path, key, stated)
            added.append(Added(key, str(stated["family"]) if "family" in stated else None, path))
        except RegistryError as error:
            problems.append(error)
    return added, problems


def _described(world: World, target: str, family: str | None) -> tuple[str, dict[str, str]]:
    """Key and settings of a target, from its config: read before it is listed, so that no dead entry is
    made.
    """
    local = Path(target)
    if local.suffix in CONFIG_SUFFIXES or local.exists():
        config: Mapping[str, object] = config_file.read(local)
        config_file.parse(target, config, target)
        key, stated = f"file:{_slug(local.stem)}", {"config": str(local.resolve())}
    else:
        key, stated = f"hf:{target}", {}
        _refuse_known(world, key)
        catalogue.load({**world.settings.models, key: {}})
        config = _hub_config(world, target)
    kind = family or config.get("model_type")
    return key, {**({"family": str(kind)} if kind else {}), **stated}


def _refuse_known(world: World, key: str) -> None:
    """Raises BadSettings for a model that the catalogue has already; values of it are pinned, not added."""
    known = next((e.key for e in world.catalogue.entries if e.key.casefold() == key.casefold()), None)
    if known:
        fix = f'pin values of it under [models."{known}"] in registry.toml'
        raise BadSettings(f"add: {known} is already in the catalogue", fix=fix, wrote="nothing")


def _hub_config(world: World, repo: str) -> Mapping[str, object]:
    """The repository's config.json; without one there is nothing to list."""
    try:
        return (world.hub.cached(repo) or world.hub.fetch(repo)).config
    except HubError as error:
        if error.exit_code:
            raise
        raise BadModel(f"{error.what}; not added", where=error.where, fix=error.fix) from error


def _slug(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "model"


def _append(path: Path, key: str, stated: Mapping[str, str]) -> None:
    """`[models."KEY"]` at the end of the file. Raises BadSettings when the result would not load."""
    try:
        before = path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"add: cannot read {path}: {error}", fix="mend that file, or name another with --config"
        ) from None
    lines = [
        f"[models.{json.dumps(key)}]",
        *(f"{name} = {json.dumps(value)}" for name, value in stated.items()),
    ]
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    after = before + gap + "\n".join(lines) + "\n"
    try:
        models = tomllib.loads(before).get("models", {})
        if key.casefold() in {known.casefold() for known in models}:
            raise BadSettings(f"add: {key} is already in {path}", fix="edit its table there")
        catalogue.load(tomllib.loads(after)["models"], str(path))
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(
            f"add: {path} is not TOML that a table can be added to: {error}", fix="mend that line"
        ) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, after)
    except OSError as error:
        raise BadSettings(
            f"add: cannot write {path}: {error.strerror}", fix="give --config a writable file"
        ) from None
