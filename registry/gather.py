"""Reading the sources of the selected models: sku_list, the hub (cache or network), local configs, the
snapshot.

Without `refresh` the hub is asked only for a model that neither the cache nor the snapshot knows; with it,
for all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from registry.catalogue import Entry
from registry.model import demote
from schemas.errors import BadModel, RegistryError
from schemas.evidence import Observation, Rank, Value
from sources import config_file, configs, hf_config, sku_list, snapshot
from sources.hub import Hub, HubConfig, fetch_all

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Readings:
    """Observations per model key, and what could not be read. `read_from` counts models per source."""

    observations: Mapping[str, list[Observation]]
    problems: list[RegistryError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    read_from: Mapping[str, int] = field(default_factory=dict)


def gather(
    entries: Sequence[Entry], *, hub: Hub, sku_path: Path | None, refresh: bool, progress: Progress
) -> Readings:
    """Observations of each entry. One model that cannot be read is a problem; the others go on."""
    skus = {sku.key.casefold(): sku for sku in sku_list.read(sku_path)}
    bundled = snapshot.read()
    answers = _ask_hub(entries, bundled, hub, refresh=refresh, progress=progress)
    found: dict[str, list[Observation]] = {}
    problems: list[RegistryError] = []
    counts: dict[str, int] = {}
    for entry in entries:
        own, failed = _configs_of(entry, answers.get(entry.key), hub)
        kept = _without_sku_list(bundled.observe(entry.key), entry.key.casefold() in skus)
        if any(observation.source == hf_config.NAME or observation.config for observation in own):
            kept = demote(kept)
        if entry.key.casefold() in skus:
            own.append(sku_list.observe(skus[entry.key.casefold()]))
        found[entry.key] = [*own, *kept]
        problems += failed
        if not found[entry.key] and not entry.pins and not failed:
            problems.append(_unknown(entry))
        for name in {observation.source for observation in found[entry.key]}:
            counts[name] = counts.get(name, 0) + 1
    warnings = [*_not_in_catalogue(skus, entries, sku_path), *_stood_in(answers, found, bundled.made)]
    return Readings(found, problems, warnings, dict(sorted(counts.items())))


def _stood_in(
    answers: Mapping[str, HubConfig | RegistryError], found: Mapping[str, list[Observation]], made: str
) -> list[str]:
    """Says for how many models older facts are used because the hub gave none."""
    n = sum(isinstance(answer, RegistryError) and bool(found[key]) for key, answer in answers.items())
    told = f"{n} of {len(answers)} models: the hub gave no config; cached facts or those of {made} are used"
    return [told] if n else []


def _without_sku_list(observations: Iterable[Observation], live: bool) -> list[Observation]:
    """The bundled copy of sku_list stands in only where the file itself was not read."""
    return [o for o in observations if not (live and o.source == sku_list.NAME)]


def _ask_hub(
    entries: Sequence[Entry], bundled: "snapshot.Snapshot", hub: Hub, *, refresh: bool, progress: Progress
) -> dict[str, HubConfig | RegistryError]:
    """Model key -> what the cache or the hub has. A repository shared by several models is asked once."""
    with_repo = [entry for entry in entries if entry.config_repo and entry.config is None]
    cached = (
        {} if refresh else {e.key: hub.cached(str(e.config_repo), e.revision or "main") for e in with_repo}
    )
    found: dict[str, HubConfig | RegistryError] = {
        key: config for key, config in cached.items() if config is not None
    }
    wanted = [e for e in with_repo if refresh or (e.key not in found and not _has_config(bundled, e))]
    by_revision: dict[str, list[Entry]] = {}
    for entry in wanted:
        by_revision.setdefault(entry.revision or "main", []).append(entry)
    for revision, group in by_revision.items():
        repos = list(dict.fromkeys(str(entry.config_repo) for entry in group))
        answers = fetch_all(hub, repos, progress, revision=revision)
        found |= {entry.key: answers[str(entry.config_repo)] for entry in group}
    return found


def _has_config(bundled: "snapshot.Snapshot", entry: Entry) -> bool:
    return any(observation.config is not None for observation in bundled.observe(entry.key))


def _configs_of(
    entry: Entry, answer: HubConfig | RegistryError | None, hub: Hub
) -> tuple[list[Observation], list[RegistryError]]:
    """Observations of the model's own config: a local file, or the hub's answer.

    Where the hub gave none, what it said last time still stands; the error is a problem all the same.
    """
    path = entry.config
    if path is not None:
        return _parsed(lambda: config_file.parse(entry.key, config_file.read(path), str(path)))
    if isinstance(answer, RegistryError):
        cached = hub.cached(str(entry.config_repo), entry.revision or "main")
        return (_hub_observations(entry, cached) if cached else []), [answer]
    return _parsed(lambda: _hub_observations(entry, answer) if answer else [])


def _parsed(read: Callable[[], list[Observation]]) -> tuple[list[Observation], list[RegistryError]]:
    try:
        return read(), []
    except RegistryError as error:
        return [], [error]


def _hub_observations(entry: Entry, answer: HubConfig) -> list[Observation]:
    rank = Rank.CHECKPOINT if is_own_config(entry) else Rank.SIBLING
    commit = Value(value=answer.commit, source=hf_config.NAME, where=answer.where)
    found = configs.parse(entry.key, answer.config, answer.where, rank=rank)
    notes = (
        (f"{answer.where}: from the cache, confirmed {_age(answer.age_s)} ago",) if answer.age_s > 60 else ()
    )
    return [*found, Observation(hf_config.NAME, rank, {"hf_revision": commit}, notes=notes)]


def _age(seconds: float) -> str:
    """An age in its largest whole unit: 5 min, 3 h, 12 days."""
    for unit, size in (("days", 86_400), ("h", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} min"


def is_own_config(entry: Entry) -> bool:
    """Whether `config_repo` is the model itself or its `-hf` conversion, not what it was quantized from."""
    own = entry.own_repos
    return entry.config_repo in own or entry.config_repo in {f"{repo}-hf" for repo in own}


def _unknown(entry: Entry) -> BadModel:
    return BadModel(
        f"{entry.key}: no source knows this model",
        where=f'registry.toml [models."{entry.key}"]',
        fix=f'name a config_repo or a config file there, or take [models."{entry.key}"] out',
    )


def _not_in_catalogue(
    skus: Mapping[str, sku_list.Sku], entries: Sequence[Entry], path: Path | None
) -> list[str]:
    """Models of a given sku_list that the catalogue does not name: said, not dropped in silence."""
    if path is None:
        return []
    from registry.catalogue import load

    known = {entry.key.casefold() for entry in [*load().entries, *entries]}
    new = [sku.descriptor for key, sku in skus.items() if key not in known]
    if not new:
        return []
    return [f"{path}: {len(new)} models are not in the catalogue and were left out: {', '.join(new)}"]
