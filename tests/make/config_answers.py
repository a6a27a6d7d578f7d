"""What transformers' own config objects say of the configs in tests/data/configs, as a second witness.

`python -m tests.make.config_answers tests/data/configs > tests/data/config_answers.json`. Needs transformers
(extra `dryrun`), not torch. Attributes are read from the text part. A class may fill in a number that the
model does not have: the test lists those by name. A type it does not know has no answers.
"""

import json
import sys
from pathlib import Path
from typing import Any

import transformers
from transformers import CONFIG_MAPPING, AutoConfig

ATTRIBUTES = {
    "d_hidden": ("hidden_size",),
    "n_layers": ("num_hidden_layers",),
    "n_heads": ("num_attention_heads",),
    "n_kv_heads": ("num_key_value_heads", "num_kv_heads"),
    "head_dim": ("head_dim",),
    "vocab_size": ("vocab_size",),
    "norm_eps": ("rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps"),
    "max_context_size": ("max_position_embeddings",),
    "num_experts": ("n_routed_experts", "num_local_experts", "num_experts"),
    "top_k_experts": ("num_experts_per_tok",),
}


def answers(path: Path) -> dict[str, Any]:
    """The attributes of one config after transformers has read it."""
    config = json.loads(path.read_text("utf-8"))
    whole = AutoConfig.for_model(**config)
    text = whole.get_text_config()
    found = {name: _first(text, keys) for name, keys in ATTRIBUTES.items()}
    rope = getattr(text, "rope_parameters", None) or {}
    rope = rope.get("full_attention", rope)
    found["rope_theta"] = rope.get("rope_theta")
    found["rope_type"] = rope.get("rope_type")
    found["tied_embeddings"] = getattr(whole, "tie_word_embeddings", None)
    found["class"] = type(text).__name__
    return {name: value for name, value in found.items() if value is not None}


def _first(config: Any, keys: tuple[str, ...]) -> Any:
    """The first of these that the object has; attribute_map makes it answer to other spellings too."""
    written = config.to_dict()
    mapped = type(config).attribute_map or {}
    key = next((key for key in keys if key in written or key in mapped), None)
    if key in written:
        return written[key]
    return getattr(config, key, None) if key else None


def main(folder: str) -> None:
    paths = sorted(Path(folder).glob("*.json"))
    known = [path for path in paths if json.loads(path.read_text("utf-8"))["model_type"] in CONFIG_MAPPING]
    found = {path.stem: answers(path) for path in known}
    document = {"transformers": transformers.__version__, "answers": found}
    json.dump(document, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
