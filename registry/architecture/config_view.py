"""A config.json as its class reads it: aliases, class defaults for absent keys, and strict kinds. Pure.

Kinds, defaults and aliases come from `class_keys.json`, made from transformers' own config classes by
`tests/make/class_keys.py`. Like those classes it refuses "4096" for 4096, true for 1 and null where a number
is needed: a number that was bent into shape is a guess.
"""

import json
import pkgutil
import re
import reprlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from schemas.errors import BadModel

KINDS: dict[str, tuple[type, ...]] = {
    "i": (int,), "b": (bool,), "f": (float, int), "s": (str,), "l": (list,), "d": (dict,), "n": (type(None),),
}  # fmt: skip
WORDS = {
    "i": "int >= 0", "b": "true or false", "f": "number", "s": "string", "l": "list", "d": "object",
    "n": "null",
}  # fmt: skip
LARGEST = 2**53
"""No dimension is larger: beyond it a table's numbers are no longer exact."""

MAX_LAYERS = 10_000
LAYER_COUNT = re.compile(r"\w*(layers?|blocks|depth)")
"""Keys that say how often something is repeated: refused when read, before anything is made that often."""


@cache
def _text() -> str:
    return (pkgutil.get_data(__name__, "class_keys.json") or b"").decode()


@cache
def class_keys() -> Mapping[str, Any]:
    """Model type -> what its config class accepts: {"class", "keys", "aliases", "parts"}."""
    types: Mapping[str, Any] = json.loads(_text())["types"]
    return types


@cache
def known_keys(model_type: str) -> Mapping[str, Any]:
    """What the config class of one type accepts; empty for a type without one.

    The document has hundreds of types and a config needs one to four: only their entries are parsed.
    """
    name = re.escape(json.dumps(model_type))
    found = re.search(name + r':(?=\{"(?:aliases":\{|class":"|keys":\{))', _text())
    entry: Mapping[str, Any] = json.JSONDecoder().raw_decode(_text(), found.end())[0] if found else {}
    return entry


SHORT = reprlib.Repr()
SHORT.maxlevel, SHORT.maxlist, SHORT.maxdict, SHORT.maxstring, SHORT.maxlong = 2, 4, 4, 50, 50


def shown(value: object) -> str:
    """A value for an error's text: short however long or deep it is, control characters escaped."""
    return SHORT.repr(value)


class ConfigView(Mapping[str, Any]):
    """Keys of one config. Absent keys have the default of the class; an unknown key raises KeyError.

    `where` names the file, with the path to a nested part. `extra` adds keys that a modeling file reads
    though its config class does not declare them. `parts` gives the type of a nested config where neither
    the class nor the config itself says it, `part_defaults` what the outer class puts in the place of an
    absent one. `defaulted` collects the numbers that were read and are the class's, by their path.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        model_type: str,
        where: str,
        *,
        extra: Mapping[str, tuple[str, Any]] | None = None,
        parts: Mapping[str, str] | None = None,
        part_defaults: Mapping[str, Mapping[str, Any]] | None = None,
        defaulted: dict[str, int] | None = None,
        path: str = "",
    ):
        known = known_keys(model_type)
        self.raw = raw
        self.model_type = model_type
        self.where = where
        self._keys: dict[str, Any] = {**known.get("keys", {}), **(extra or {})}
        self._aliases: dict[str, str] = {}
        for alias, name in known.get("aliases", {}).items():
            pair = (alias, name) if name in self._keys else (name, alias)
            self._aliases[pair[0]] = pair[1]
        self.parts: Mapping[str, str | None] = {**known.get("parts", {}), **(parts or {})}
        self._fixed: Mapping[str, str | None] = known.get("parts", {})
        self._part_defaults = part_defaults or {}
        self._read: dict[str, Any] = {}
        self.path = path
        self.defaulted: dict[str, int] = {} if defaulted is None else defaulted

    def __getitem__(self, key: str) -> Any:
        """The value of a key, checked once; the nested view of a part."""
        if key not in self._read:
            self._read[key] = self._value(key)
        return self._read[key]

    def _value(self, key: str) -> Any:
        if key in self.parts:
            return self.part(key)
        name = self._aliases.get(key, key)
        if name not in self._keys:
            raise KeyError(key)
        kinds, default = self._keys[name]
        spelled = self._spelling(name)
        if spelled is None:
            if type(default) is int:
                self.defaulted[f"{self.path}{name}"] = default
            return default
        return self._checked(spelled, self.raw[spelled], kinds)

    def _spelling(self, name: str) -> str | None:
        """How the file spells a key: an alias of the class, which transformers sets last, or its name."""
        spellings = (*(alias for alias, real in self._aliases.items() if real == name), name)
        return next((spelled for spelled in spellings if spelled in self.raw), None)

    def _checked(self, key: str, value: Any, kinds: str) -> Any:
        fits = any(type(value) in KINDS[kind] for kind in kinds)
        if type(value) is int and value > MAX_LAYERS and LAYER_COUNT.fullmatch(key):
            raise self.bad(key, f"at most {MAX_LAYERS:,} layers", value)
        if fits and (type(value) is not int or 0 <= value <= LARGEST or "f" in kinds):
            return value
        raise self.bad(key, " or ".join(WORDS[kind] for kind in kinds), value)

    def bad(self, key: str, want: str, got: object) -> BadModel:
        """The error for a key whose value cannot be built."""
        return BadModel(
            f"{key}: want {want}, got {shown(got)}", where=self.where, fix=f"correct {key} in the config"
        )

    def part(self, key: str) -> "ConfigView":
        """The nested config of a part, with the type its class fixes, its own, or the usual one."""
        nested = self.raw.get(key)
        if nested is None:
            nested = self._part_defaults.get(key, {})
        if not isinstance(nested, dict):
            raise self.bad(key, "object", nested)
        chosen = self._fixed.get(key) or nested.get("model_type") or self.parts.get(key)
        return ConfigView(
            nested, str(chosen), f"{self.where}:{key}", defaulted=self.defaulted, path=f"{self.path}{key}."
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
