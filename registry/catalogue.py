"""The catalogue: which models there are, what they are called, and where their config.json really is.

`catalogue.toml` is bundled; the `[models]` table of a person's `registry.toml` adds models and pins values.
Names are compared case-folded and never guessed: a name that two models share is refused with both keys.
"""

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path

from schemas.errors import BadSettings, BadUsage, Refused, UnknownModel
from schemas.evidence import MAX_EXACT_INT, Scalar
from schemas.record import FIELDS, field_type

TYPES = {"instruct": "instruct", "it": "instruct", "chat": "chat", "base": "base"}
"""A part of a hub name, case-folded -> the model type it says. No part: the type stays unknown."""

SETTINGS: dict[str, type] = {"family": str, "config": str, "revision": str}
"""What a `[models."KEY"]` table may hold besides the fields of a record."""

PINNABLE: tuple[str, ...] = tuple(name for name in FIELDS if name not in ("key", "model_family"))
"""Fields a person may pin. `model_family` is pinned as `family`."""

ATTRIBUTES = {
    "family": "family",
    "model_name": "name",
    "model_type": "model_type",
    "main": "main",
    "config_repo": "config_repo",
    "huggingface_repo": "huggingface_repo",
    "revision": "revision",
}
"""Setting -> the attribute of `Entry` it also sets."""

HUB_ID = re.compile(r"\w(?:[\w.-]*\w)?/\w(?:[\w.-]*\w)?", re.ASCII)
LOCAL_NAME = re.compile(r"\w(?:[\w .:+-]*[\w+])?")
ODD = re.compile(r"[^A-Za-z0-9_.-]+")
"""What a file name of ours never has: separators, spaces, control characters."""
KEY_FORMS = "want sku:DESCRIPTOR, hf:ORG/NAME or file:NAME"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. `pins` are the values a person wrote, by field of the record; they are not yet evidence.

    `huggingface_repo` is the hub's name where sku_list has another; `sku_repo` is sku_list's where it is not
    `config_repo`. `config` is a local file; `revision` pins the commit that is asked of the hub.
    """

    key: str
    family: str | None
    name: str | None = None
    model_type: str | None = None
    config_repo: str | None = None
    huggingface_repo: str | None = None
    sku_repo: str | None = None
    main: bool = False
    config: Path | None = None
    revision: str | None = None
    pins: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def short_key(self) -> str:
        """The key without its prefix: the SKU's descriptor, the hub id or the file's name."""
        return self.key.partition(":")[2]

    @property
    def own_repos(self) -> tuple[str, ...]:
        """Hub ids of the model itself; the one that holds its config.json only if no other is known."""
        own = tuple(repo for repo in (self.huggingface_repo, self.sku_repo) if repo)
        return own or ((self.config_repo,) if self.config_repo else ())

    @property
    def repos(self) -> tuple[str, ...]:
        """Every hub id that leads to this model."""
        return (*self.own_repos, *((self.config_repo,) if self.config_repo else ()))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models in their order. Raises Refused when two config repositories would share one layer file."""

    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        _refuse_shared_layer_files(self.entries)

    @property
    def families(self) -> tuple[str, ...]:
        """Family names, in the order of their first model."""
        return tuple(dict.fromkeys(entry.family for entry in self.entries if entry.family))

    def family(self, name: str) -> str:
        """The family that `name` means: `llama3.1`, `Llama-3.1` and `llama31` are all `llama3_1`.

        Raises BadUsage when there is none.
        """
        for family in self.families:
            if _letters(family) == _letters(name):
                return family
        near = _nearest(name, self.families)
        raise BadUsage(f"family: want one of {', '.join(near)}, got {name!r}", fix=f"--family {near[0]}")

    def find(self, name: str) -> list[Entry]:
        """The models that answer to `name`, by the first kind of name that any of them has.

        In this order: key, key without its prefix, display name, hub id, id of the config repository, and the
        last part of either. Several may: the shards of one checkpoint share a repository.
        """
        wanted = name.casefold()
        for kind in zip(*map(_names, self.entries), strict=True):
            found = [e for e, names in zip(self.entries, kind, strict=True) if wanted in _folded(names)]
            if found:
                return found
        return []

    def one(self, name: str) -> Entry:
        """The model that answers to `name`. Raises UnknownModel for none, BadUsage for several."""
        found = self.find(name)
        if not found:
            raise UnknownModel(f"model: no model is called {name!r}", fix=self._suggestion(name))
        if len(found) > 1:
            keys = ", ".join(entry.key for entry in found)
            raise BadUsage(f"model: {name!r} is the name of {len(found)} models", fix=f"give one key: {keys}")
        return found[0]

    def select(
        self, families: Sequence[str] = (), models: Sequence[str] = (), everything: bool = False
    ) -> list[Entry]:
        """The models of these families and names, in catalogue order; all of them when nothing is named.

        Raises BadUsage or UnknownModel for a name that means nothing.
        """
        wanted = {self.family(name) for name in families}
        keys = {self.one(name).key for name in models}
        if everything or not (families or models):
            return list(self.entries)
        return [entry for entry in self.entries if entry.family in wanted or entry.key in keys]

    def _suggestion(self, name: str) -> str:
        by_fold = {alias.casefold(): entry.key for entry in self.entries for alias in _aliases(entry)}
        near = difflib.get_close_matches(name.casefold(), list(by_fold), n=9)
        keys = list(dict.fromkeys(by_fold[alias] for alias in near))[:3]
        known = f"did you mean {', '.join(keys)}?" if keys else "`registry list` shows every model;"
        return f"{known} `registry add ORG/NAME` adds one of the hub"


def load(extra: Mapping[str, object] | None = None, where: str = "registry.toml") -> Catalogue:
    """The bundled catalogue with the models and pins of `extra`, the `[models]` table of `where`.

    Raises BadSettings for a table that cannot be used and Refused for two repositories with one layer file.
    """
    entries = {entry.key: entry for entry in _bundled()}
    extra = extra or {}
    families = Catalogue(_bundled()).families
    for key, table in extra.items():
        if not isinstance(table, Mapping):
            fix = f'write [models."{key}"]'
            raise BadSettings(f"{key}: want a table, got {table!r}", where=where, fix=fix)
        known = entries.get(key) or _new(key, entries.values(), where)
        entries[key] = _with_settings(known, table, where, families)
    for key in extra:
        _refuse_second_key(entries[key], entries.values(), where)
    return Catalogue(tuple(entries.values()))


@cache
def _bundled() -> tuple[Entry, ...]:
    import tomllib

    text = resources.files("registry").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(parse(tomllib.loads(text)))


def parse(families: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Iterator[Entry]:
    """The models of a catalogue: family -> key -> what is known of the model."""
    for family, models in families.items():
        for key, known in models.items():
            blank = _blank(key, family)
            given = {("model_type" if name == "type" else name): value for name, value in known.items()}
            yield replace(blank, **given)  # type: ignore[arg-type]  # our own file, held by its test


def _blank(key: str, family: str | None) -> Entry:
    """What a key alone says: an `hf:` key names its repository, and its name may say its type."""
    repo = key.removeprefix("hf:") if key.startswith("hf:") else None
    return Entry(
        key, family, model_type=model_type(repo) if repo else None, config_repo=repo, huggingface_repo=repo
    )


def model_type(repo: str) -> str | None:
    """The type that a part of a hub name says (`-Instruct`, `-it`, `-Chat`, `-Base`), or unknown."""
    parts = repo.rpartition("/")[2].casefold().split("-")[1:]
    return next((TYPES[part] for part in parts if part in TYPES), None)


def valid_hub_id(repo: str) -> bool:
    """Whether the hub could have a repository of this name (its rule: `ORG/NAME`, no `..`, no `--`)."""
    return bool(HUB_ID.fullmatch(repo)) and ".." not in repo and "--" not in repo and len(repo) <= 96


def model_id(repo: str) -> str:
    """The estimator's name of a model, and its file's: the hub id with / as _, nothing a path could mean."""
    name = ODD.sub("-", repo.replace("/", "_"))
    return name if name.strip(".") else "model"


def layer_file(repo: str) -> str:
    """Name of the layer config that the models of one config repository share."""
    return f"{model_id(repo)}.json"


def _new(key: str, known: Iterable[Entry], where: str) -> Entry:
    """A model that only registry.toml has. Raises BadSettings for a key of no form, or one already there."""
    if not _valid_key(key):
        fix = f'write [models."hf:{key}"]' if valid_hub_id(key) else None
        raise BadSettings(f"{key}: {KEY_FORMS}", where=where, fix=fix)
    twin = next((entry.key for entry in known if entry.key.casefold() == key.casefold()), None)
    if twin:
        raise BadSettings(f"{key}: already there as {twin}", where=where, fix=f'write [models."{twin}"]')
    return _blank(key, None)


def _valid_key(key: str) -> bool:
    prefix, _, rest = key.partition(":")
    if prefix == "hf":
        return valid_hub_id(rest)
    return prefix in ("sku", "file") and bool(LOCAL_NAME.fullmatch(rest))


def _refuse_second_key(entry: Entry, known: Iterable[Entry], where: str) -> None:
    """Raises BadSettings for an `hf:` model whose repository another key already carries."""
    if not entry.key.startswith("hf:"):
        return
    repo = entry.short_key.casefold()
    twin = next((e.key for e in known if e.key != entry.key and repo in _folded(e.repos)), None)
    if twin:
        what = f"{entry.key}: {entry.short_key} is already there as {twin}"
        raise BadSettings(what, where=where, fix=f'write [models."{twin}"]')


def _with_settings(entry: Entry, table: Mapping[str, object], where: str, families: Iterable[str]) -> Entry:
    """The entry with one table of registry.toml over it; a field of the record becomes a pin as well."""
    values = {name: _checked(entry.key, name, value, where) for name, value in table.items()}
    if "family" in values:
        family = str(values["family"])
        values["family"] = next((known for known in families if _letters(known) == _letters(family)), family)
    attributes: dict[str, object] = {ATTRIBUTES[n]: v for n, v in values.items() if n in ATTRIBUTES}
    if "config" in values:
        attributes["config"] = Path(str(values["config"]))
    pins = {name: value for name, value in values.items() if name in PINNABLE}
    if "family" in values:
        pins["model_family"] = values["family"]
    return replace(entry, pins={**entry.pins, **pins}, **attributes)  # type: ignore[arg-type]  # typed by _checked


def _checked(key: str, name: str, value: object, where: str) -> Scalar:
    """One setting in its type; a whole number is accepted where a float is wanted. Raises BadSettings."""
    if name not in SETTINGS and name not in PINNABLE:
        near = difflib.get_close_matches(name, [*SETTINGS, *PINNABLE], n=3)
        fix = f"did you mean {', '.join(near)}?" if near else "`registry list --format json` shows the fields"
        raise BadSettings(f"{key}: {name}: no such setting or field", where=where, fix=fix)
    want = SETTINGS.get(name) or field_type(name)
    if want is float and type(value) is int:
        value = float(value)
    if type(value) is not want or not _storable(value):
        raise _bad_setting(key, name, want.__name__, value, where)
    if name in ("config_repo", "huggingface_repo") and not valid_hub_id(str(value)):
        raise _bad_setting(key, name, "ORG/NAME of the hub", value, where)
    return value  # type: ignore[return-value]  # its type is `want`, one of Scalar's


def _bad_setting(key: str, name: str, want: str, value: object, where: str) -> BadSettings:
    fix = f'set {name} under [models."{key}"] in {where}'
    return BadSettings(f"{key}: {name}: want {want}, got {value!r}", where=where, fix=fix)


def _storable(value: object) -> bool:
    """Whether a table can hold it: text that is not blank, a finite number, an integer exact in a double."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) <= MAX_EXACT_INT


def _refuse_shared_layer_files(entries: Iterable[Entry]) -> None:
    repos: dict[str, str] = {}
    for entry in entries:
        if entry.config_repo is None:
            continue
        name = layer_file(entry.config_repo)
        other = repos.setdefault(name.casefold(), entry.config_repo)
        if other.casefold() != entry.config_repo.casefold():
            what = f"{entry.key}: the layer config of {entry.config_repo} would be {name}, as that of {other}"
            raise Refused(what, fix="take one of the two out of [models] in registry.toml")


def _names(entry: Entry) -> tuple[tuple[str, ...], ...]:
    """The names of a model by kind, the surest first."""
    own, holder = entry.own_repos, (entry.config_repo,) if entry.config_repo else ()
    display = (entry.name,) if entry.name else ()
    return ((entry.key,), (entry.short_key,), display, own, holder, _last_parts(own), _last_parts(holder))


def _aliases(entry: Entry) -> Iterator[str]:
    return (name for names in _names(entry) for name in names)


def _last_parts(repos: Iterable[str]) -> tuple[str, ...]:
    return tuple(repo.rpartition("/")[2] for repo in repos)


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """The known names, the one most like `name` first; equals keep their order."""
    wanted = _letters(name)
    return sorted(known, key=lambda k: -difflib.SequenceMatcher(None, wanted, _letters(k)).ratio())
