"""Derived fields: small pure functions whose name is the field and whose parameters are its inputs.

`derive` calls one only when every input is known and the field itself is not; what it stores says which
formula gave it and where that formula comes from. A function answers None where its rule does not apply.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.evidence import Scalar, Value

NAME = "derived"


@dataclass(frozen=True, slots=True)
class Derivation:
    """One formula: the field it gives, what it needs, where it comes from."""

    field: str
    inputs: tuple[str, ...]
    unit: str | None
    ref: str
    compute: Callable[..., Scalar | None]

    @property
    def rule(self) -> str:
        return f"{self.field}({', '.join(self.inputs)})"


DERIVATIONS: list[Derivation] = []
"""In the order they run: a later one may use what an earlier one gave."""

Formula = Callable[..., Scalar | None]


def derived(ref: str, unit: str | None = None) -> Callable[[Formula], Formula]:
    """Registers a formula under its function's name."""

    def register(formula: Formula) -> Formula:
        inputs = tuple(inspect.signature(formula).parameters)
        DERIVATIONS.append(Derivation(formula.__name__, inputs, unit, ref, formula))
        return formula

    return register


def derive(known: Mapping[str, Value]) -> dict[str, Value]:
    """`known` and everything that follows from it. A known field is never derived again."""
    found = dict(known)
    for formula in DERIVATIONS:
        if formula.field in found or any(name not in found for name in formula.inputs):
            continue
        value = formula.compute(**{name: found[name].value for name in formula.inputs})
        if value is not None:
            found[formula.field] = Value(
                value=value, unit=formula.unit, source=NAME, where=formula.ref, rule=formula.rule
            )
    return found


@derived("arXiv:1911.02150 (MQA), arXiv:2305.13245 (GQA)")
def attention(n_heads: int, n_kv_heads: int) -> str:
    """How queries share keys and values. A config with latent attention is read as MLA before this is
    asked.
    """
    if n_kv_heads == n_heads:
        return "MHA"
    return "MQA" if n_kv_heads == 1 else "GQA"


@derived("transformers modeling_llama.py, LlamaAttention.__init__", unit="elements")
def head_dim(d_hidden: int, n_heads: int, attention: str) -> int | None:
    """Width of one head when the config does not give it. None when it is no whole number, or under MLA."""
    return None if attention == "MLA" or d_hidden % n_heads else d_hidden // n_heads


@derived("definition: round(d_ff / d_hidden, 3)")
def d_ff_ratio(d_ff: int, d_hidden: int) -> float:
    """Feed-forward width over model width, 3 decimals."""
    return round(d_ff / d_hidden, 3)


TOKENIZERS = {
    ("llama2", 32000): "Llama 2 Tokenizer",
    ("llama3", 128256): "Llama 3 Tokenizer",
    ("llama3_1", 128256): "Llama 3 Tokenizer",
    ("llama3_2", 128256): "Llama 3 Tokenizer",
    ("llama3_3", 128256): "Llama 3 Tokenizer",
    ("llama4", 202048): "Llama 4 Tokenizer",
    ("safety", 128256): "Llama 3 Tokenizer",
    ("safety", 202048): "Llama 4 Tokenizer",
}


@derived("llama-models: tokenizer.model of llama2, llama3 and llama4, told apart by vocabulary")
def tokenizer(model_family: str, vocab_size: int) -> str | None:
    """Meta's tokenizer of a family. Another vocabulary is another tokenizer: unknown."""
    return TOKENIZERS.get((model_family, vocab_size))


@derived("definition: n_params / 10^9, 3 decimals, towers included", unit="billions")
def total_params_b(n_params: int) -> float:
    """Parameters in billions."""
    return round(n_params / 1e9, 3)


@derived("definition: n_active_params / 10^9, 3 decimals, text only", unit="billions")
def activated_params_b(n_active_params: int) -> float:
    """Parameters one token uses, in billions; for a dense model the text total."""
    return round(n_active_params / 1e9, 3)
