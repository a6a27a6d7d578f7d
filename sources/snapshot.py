"""Source: facts bundled with the package, so that everything works with no network, token or llama-models.

Per model: its sku_list record, its config.json with the origin of every key, the name the hub has it under,
and parameter counts that others published. `tests/make/snapshot.py` makes the file; none of it is typed.

A key read in a copy of the model's own file ranks as the checkpoint; one from the model it was tuned or
quantized from as a sibling, and so does a copy that may be of its base; one from a model card as published.
An absent key is the default of the config's class, unless that part of the file was never seen: then nothing
is said.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from schemas.evidence import Observation, Rank, Value
from sources import configs, sku_list

NAME = "snapshot"

RANKS = {"copy": Rank.CHECKPOINT, "twin": Rank.SIBLING, "sibling": Rank.SIBLING, "published": Rank.PUBLISHED}
"""Kind of an origin -> how close it stands to the checkpoint."""


FILE = "config.json"
DEFAULT_OF = re.compile(r"default of \w+\.(\w+) in ")
"""How `configs` says that a value is the default of an absent key."""

HIDDEN_BY = {"quantization_format": "quantization_config"}
"""Field -> a key that would decide it over the one it was read from."""


OF_THE_HUB = re.compile(r"safetensors|\bHF (API|parameter)|\b[hH]ub (API|parameter)")
OF_ANOTHER = re.compile(r"\btwin\b|\bparent\b|mirror|recomputed|\balias\b|unquantized")
"""What a citation says of a count that the hub reports, and of one that is another model's."""


class Published(NamedTuple):
    """A parameter count of others. `difference` is our count less theirs, `remark` what explains it."""

    n_params: int
    citation: str
    difference: int
    remark: str


@dataclass(frozen=True, slots=True)
class Model:
    """What the snapshot has of one model. `origin` holds for every key of `config` but those in `keys`."""

    repo: str
    config: Mapping[str, object]
    origin: Mapping[str, str]
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    sku: sku_list.Sku | None = None
    hub: tuple[str, str, str] | None = None
    published: tuple[Published, ...] = ()

    def origin_of(self, key: str) -> Mapping[str, str]:
        """Origin of a key such as `text_config.hidden_size`: its own, its part's, or the file's."""
        while key:
            if key in self.keys:
                return self.keys[key]
            key = key.rpartition(".")[0]
        return self.origin

    def hides(self, name: str, value: Value) -> bool:
        """Whether a value rests on the absence of a key that is absent here because nobody saw it."""
        unseen = {key.rpartition(".")[2] for key in self.unseen}
        default = DEFAULT_OF.match(value.rule or "")
        return (default is not None and default[1] in unseen) or HIDDEN_BY.get(name) in unseen


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it. `made` is the date of the facts, `transformers` the version behind the class defaults."""

    made: str
    transformers: str
    models: Mapping[str, Model]

    def observe(self, key: str) -> list[Observation]:
        """What is known of a model: sku_list, then its config, the surest first. Empty for an unknown one."""
        model = self.models.get(key)
        if model is None:
            return []
        listed = [sku_list.observe(model.sku)] if model.sku else []
        return [*listed, *self._config_observations(key, model), *self._stored(model)]

    def _stored(self, model: Model) -> Iterator[Observation]:
        """What the hub reports for this very repository, where somebody wrote it down."""
        for count in model.published:
            said = f"{count.citation} {count.remark}"
            if OF_THE_HUB.search(said) and not OF_ANOTHER.search(said):
                place = f"{count.citation} (snapshot {self.made})"
                value = Value(value=count.n_params, unit="params", source=NAME, where=place)
                yield Observation(NAME, Rank.PUBLISHED, {"n_params_stored": value})

    def _config_observations(self, key: str, model: Model) -> list[Observation]:
        """One observation per rank, each value at the rank and place of its own key."""
        values: dict[Rank, dict[str, Value]] = defaultdict(dict)
        inputs: dict[Rank, dict[str, Value]] = defaultdict(dict)
        parsed = configs.parse(key, model.config, FILE, source=NAME)
        for observation in parsed:
            for found, ranked in ((observation.values, values), (observation.inputs, inputs)):
                for name, value in found.items():
                    if not model.hides(name, value):
                        ranked[self._rank(model, value)][name] = self._placed(key, value)
        ranks = sorted({*values, *inputs})
        first, *rest = (Observation(NAME, rank, values[rank], inputs[rank]) for rank in ranks)
        place, problems, notes = self.where(key), parsed[0].problems, parsed[0].notes
        return [
            replace(first, config=model.config, config_where=place, problems=problems, notes=notes),
            *rest,
        ]

    def _rank(self, model: Model, value: Value) -> Rank:
        """A reading ranks as its key does; a class default as its file, one step below a checkpoint."""
        path = value.where.partition("#")[2]
        rank = RANKS[model.origin_of(path)["kind"]]
        return Rank.CLASS_DEFAULT if rank is Rank.CHECKPOINT and not path else rank

    def _placed(self, key: str, value: Value) -> Value:
        path = value.where.partition("#")[2]
        return value.model_copy(update={"where": self.where(key, path)})

    def published(self, key: str) -> list[Published]:
        """Parameter counts of a model that others published; none for a model that is not here."""
        return list(self.models[key].published) if key in self.models else []

    def hub_name(self, key: str) -> Value | None:
        """The name the hub has a model under, with the evidence for it; None where only the key says it."""
        model = self.models.get(key)
        if model is None or model.hub is None:
            return None
        name, evidence, certainty = model.hub
        return Value(value=name, source=NAME, where=f"{evidence} (snapshot {self.made}; {certainty})")

    def where(self, model: str, key: str = "") -> str:
        """The place of a config key, or of the file, and the copy through which it was read."""
        known = self.models[model]
        origin = known.origin_of(key)
        place = f"{FILE}#{key}" if key else FILE
        match origin["kind"]:
            case "sibling":
                return f"sibling of {origin['of']}: {self.where(origin['of'], key)}"
            case "published":
                return f"{origin['citation']} (snapshot {self.made}, for {place})"
            case "twin":
                copy = f"{origin['copy']}, of this model or its base"
            case _:
                copy = origin["copy"]
        return f"{known.repo}:{place} (snapshot {self.made}, {copy})"


@cache
def read() -> Snapshot:
    """The bundled snapshot."""
    text = resources.files("sources").joinpath("snapshot.json").read_text(encoding="utf-8")
    return parse(json.loads(text))


def parse(document: Mapping[str, Any]) -> Snapshot:
    """A snapshot from its JSON document."""
    models = {key: _model(model, document["sku_list"]) for key, model in document["models"].items()}
    return Snapshot(document["made"], document["transformers"], models)


def _model(known: Mapping[str, Any], file: str) -> Model:
    sku = known.get("sku")
    return Model(
        repo=known["repo"],
        config=known["config"],
        origin=known["origin"],
        keys=known.get("keys", {}),
        unseen=tuple(known.get("unseen", ())),
        sku=sku_list.Sku.from_json({"notes": (), **sku, "file": file}) if sku else None,
        hub=tuple(known["hub"]) if "hub" in known else None,
        published=tuple(Published(*count) for count in known.get("published", ())),
    )
