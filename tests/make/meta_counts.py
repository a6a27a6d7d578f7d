"""Parameters of small Llama and GPT-2 shapes on torch's meta device: `python -m tests.make.meta_counts >
tests/data/meta_counts.json`.

Needs the extra `dryrun` (transformers, torch). Dimensions come from a seeded generator, none from a real
model.
"""

import json
import random
import sys

import torch
import transformers


def llama_config(rng: random.Random) -> dict[str, object]:
    heads, dim = rng.choice([2, 4, 6]), rng.choice([8, 16])
    return {
        "model_type": "llama",
        "hidden_size": heads * rng.choice([dim, 2 * dim]),
        "intermediate_size": rng.randrange(30, 90),
        "num_hidden_layers": rng.randrange(1, 4),
        "num_attention_heads": heads,
        "num_key_value_heads": rng.choice([1, heads]),
        "head_dim": dim,
        "vocab_size": rng.randrange(50, 120),
        "tie_word_embeddings": rng.random() < 0.5,
        "attention_bias": rng.random() < 0.5,
        "mlp_bias": rng.random() < 0.5,
    }


def gpt2_config(rng: random.Random) -> dict[str, object]:
    heads = rng.choice([2, 4])
    return {
        "model_type": "gpt2",
        "n_embd": heads * rng.choice([8, 12]),
        "n_head": heads,
        "n_layer": rng.randrange(1, 4),
        "n_inner": rng.randrange(30, 90),
        "n_positions": rng.randrange(20, 60),
        "vocab_size": rng.randrange(50, 120),
        "tie_word_embeddings": rng.random() < 0.5,
    }


def counted(name: str, config: dict[str, object]) -> dict[str, object]:
    kinds = {"llama": transformers.LlamaForCausalLM, "gpt2": transformers.GPT2LMHeadModel}
    kind = kinds[str(config["model_type"])]
    with torch.device("meta"):
        model = kind(kind.config_class.from_dict(config))
    parameters = {name: list(p.shape) for name, p in model.named_parameters()}
    return {
        "name": name,
        "config": config,
        "parameters": parameters,
        "n_params": sum(p.numel() for p in model.parameters()),
    }


def main() -> None:
    rng = random.Random(20261121)
    cases = [counted(f"llama-{i}", llama_config(rng)) for i in range(12)]
    cases += [counted(f"gpt2-{i}", gpt2_config(rng)) for i in range(6)]
    origin = f"transformers {transformers.__version__}, torch {torch.__version__}, meta device"
    json.dump({"origin": origin, "cases": cases}, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
