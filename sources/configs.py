"""Any config.json: the adapter is chosen by its `model_type`. A new type that needs its own adapter is
one line.
"""

from collections.abc import Mapping

from schemas.evidence import Observation, Rank
from sources import gpt2, hf_config

ADAPTERS = {"gpt2": gpt2.parse}


def parse(
    model: str,
    config: Mapping[str, object],
    where: str,
    *,
    source: str | None = None,
    rank: Rank = Rank.CHECKPOINT,
) -> list[Observation]:
    """What a config says of a model: its keys first, then the class defaults of absent ones.

    `where` is the file; each value adds its key. `source` names who read it, by default the adapter.
    """
    adapter = ADAPTERS.get(str(config.get("model_type")), hf_config.parse)
    return adapter(model, config, where, source=source, rank=rank)
