"""A user's pins written into a config, so that totals are of the model the user describes. Pure."""

from collections.abc import Mapping
from typing import Any

from registry.architecture.config_view import known_keys
from sources.config_keys import COUNTS, FLAGS, TEXT_PARTS

KEYS = {**COUNTS, **FLAGS, "d_ff": ("intermediate_size", "n_inner", "ffn_dim")}
"""Field of the record -> the keys that may spell it in a config."""


def pinned(config: Mapping[str, Any], pins: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config with each pinned field as the config spells it, else under a key of its class; in the text
    part where there is one.

    A pin without a key in this type changes the record alone.
    """
    wanted = {field: value for field, value in pins.items() if field in KEYS}
    if not wanted:
        return config
    part = next((name for name in TEXT_PARTS if isinstance(config.get(name), dict)), None)
    if part:
        return {**config, part: pinned(config[part], pins)}
    known = known_keys(str(config.get("model_type")))
    declared = {*known.get("keys", {}), *known.get("aliases", {})}
    changed = dict(config)
    for field, value in wanted.items():
        spelled = [key for key in KEYS[field] if key in config]
        changed |= dict.fromkeys(spelled or [key for key in KEYS[field] if key in declared][:1], value)
    return changed
