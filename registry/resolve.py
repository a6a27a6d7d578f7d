"""Which source is right, per field, and what it overruled.

Precedence is `schemas.evidence.Rank`, the same for every model: there is no list of corrections. A wrong
value of sku_list is found because the checkpoint's own config contradicts it. Declared exceptions
(2026-11-21):

- what only Meta names (descriptor, core id, variant, quantization, file count) and the context length of a
  SKU come
  from sku_list first, because public copies of Llama 2 configs say 2,048;
- quantization_format is a chain of fallbacks (SKU format, quant_method, dtype) in three vocabularies, so a
  lower one
  is not a contradiction and is not kept;
- multiple_of is true only together with the chosen d_ff (`check_multiple_of`).
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.evidence import Evidence, Observation, Rank, Scalar, Value
from schemas.record import FIELDS
from sources.sku_list import llama_d_ff

SKU_FIRST = frozenset(
    {"model_name", "core_model_id", "variant", "quantization_format", "pth_file_count", "max_context_size"}
)
FALLBACK_ONLY = frozenset({"quantization_format"})


def resolve(observations: Sequence[Observation]) -> dict[str, Evidence]:
    """Evidence of every field some source knows. A silent source clears nothing."""
    found: dict[str, Evidence] = {}
    for field in FIELDS:
        ranked = sorted((o for o in observations if field in o.values), key=lambda o: _standing(field, o))
        if ranked:
            found[field] = _settle(field, [observation.values[field] for observation in ranked])
    return check_multiple_of(found, observations)


def _standing(field: str, observation: Observation) -> int:
    if field in SKU_FIRST and observation.rank is Rank.SKU_LIST:
        return Rank.USER + 1
    return observation.rank


def _settle(field: str, values: Sequence[Value]) -> Evidence:
    chosen = values[0]
    if field in FALLBACK_ONLY:
        return Evidence(chosen)
    return Evidence(chosen, tuple(_distinct(chosen, values[1:])))


def _distinct(chosen: Value, others: Iterable[Value]) -> Iterable[Value]:
    """Those that say something else; one that only repeats a source's value through another path is left
    out.
    """
    seen: set[tuple[Scalar, str]] = set()
    for other in others:
        if other.value == chosen.value or (other.value, other.where) in seen:
            continue
        seen.add((other.value, other.where))
        yield other


def check_multiple_of(
    found: Mapping[str, Evidence], observations: Sequence[Observation]
) -> dict[str, Evidence]:
    """`found`, with multiple_of made unknown where the Llama d_ff formula with it does not give the chosen
    d_ff.

    The formula is tried with the SKU's ffn_dim_multiplier and without one: sku_list states a multiplier for
    checkpoints that were made without it.
    """
    settled = dict(found)
    evidence, d_ff, d_hidden = (found.get(name) for name in ("multiple_of", "d_ff", "d_hidden"))
    if evidence is None or evidence.chosen is None or evidence.chosen.source == "user":
        return settled
    if d_ff is None or d_ff.chosen is None or d_hidden is None or d_hidden.chosen is None:
        return settled
    m = evidence.chosen.value
    stated = [o.inputs["ffn_dim_multiplier"].value for o in observations if "ffn_dim_multiplier" in o.inputs]
    given = {multiplier: llama_d_ff(d_hidden.chosen.value, m, multiplier) for multiplier in [*stated, None]}  # type: ignore[arg-type]
    if d_ff.chosen.value in given.values():
        return settled
    shown = ", ".join(f"{got} with ffn_dim_multiplier {multiplier}" for multiplier, got in given.items())
    why = f"the Llama d_ff formula with multiple_of {m} gives {shown}; the chosen d_ff is {d_ff.chosen.value}"
    settled["multiple_of"] = Evidence(None, (evidence.chosen, *evidence.overruled), why)
    return settled
