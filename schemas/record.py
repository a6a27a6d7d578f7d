"""The record of one model. A column exists because a field here carries one.

`None` is unknown: never written, never compared. It is not empty, not false and not 0.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What a column holds."""

    TITLE = "title"
    TEXT = "text"
    SELECT = "select"
    NUMBER = "number"
    CHECKBOX = "checkbox"


class Own(StrEnum):
    """Who may change a cell after it was written."""

    MACHINE = "machine"
    """The source wins."""
    SHARED = "shared"
    """Three-way: a person's change is kept."""
    FILL = "fill"
    """Written when the row is created, then the person's."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its name there, what it holds, who owns it. `optional`: only where the table has
    it.
    """

    name: str
    kind: Kind
    own: Own
    unit: str | None = None
    optional: bool = False


def _column(
    name: str, kind: Kind, own: Own = Own.SHARED, unit: str | None = None, *, optional: bool = False
) -> Column:
    return Column(name, kind, own, unit, optional)


class ModelRecord(BaseModel):
    """One model, normalised. Field names are the JSON keys everywhere."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    key: Annotated[str, _column("Registry Key", Kind.TEXT, Own.MACHINE)]
    """The row's identity, such as `sku:Llama3.2-1B` or `hf:Qwen/Qwen3-8B`. Kept as given, compared case-
    folded.
    """
    model_name: Annotated[str | None, _column("Model Name", Kind.TITLE, Own.FILL)] = None
    """SKU descriptor, hub name, or the name people use ("GPT-2 Medium")."""
    model_family: Annotated[str | None, _column("Model Family", Kind.SELECT)] = None
    """llama2, llama3_1, safety, gpt2, qwen3, ..."""
    model_type: Annotated[str | None, _column("Model Type", Kind.SELECT)] = None
    """base, instruct, chat or safety."""
    core_model_id: Annotated[str | None, _column("Core Model ID", Kind.TEXT)] = None
    """`core_model_id.value` of sku_list."""
    huggingface_repo: Annotated[str | None, _column("HuggingFace Repo", Kind.TEXT)] = None
    """sku_list's id, unless the hub has none of that name."""
    variant: Annotated[str | None, _column("Variant", Kind.TEXT)] = None
    """SKU variant."""
    d_hidden: Annotated[int | None, _column("d_hidden", Kind.NUMBER, unit="elements")] = None
    """Width of the model."""
    d_ff: Annotated[int | None, _column("d_ff", Kind.NUMBER, unit="elements")] = None
    """Feed-forward width of the dense layers; in an all-MoE model of one routed expert (the rule says
    which).
    """
    d_ff_ratio: Annotated[float | None, _column("d_ff / d_hidden Ratio", Kind.NUMBER)] = None
    """round(d_ff / d_hidden, 3)."""
    gated_mlp: Annotated[bool | None, _column("Gated MLP", Kind.CHECKBOX)] = None
    """Three matrices (SwiGLU, GeGLU) instead of two."""
    n_layers: Annotated[int | None, _column("n_layers", Kind.NUMBER, unit="layers")] = None
    n_heads: Annotated[int | None, _column("n_heads", Kind.NUMBER, unit="heads")] = None
    n_kv_heads: Annotated[int | None, _column("n_kv_heads", Kind.NUMBER, unit="heads")] = None
    head_dim: Annotated[int | None, _column("head_dim", Kind.NUMBER, unit="elements")] = None
    """Width of one head: read when given, derived only when absent."""
    multiple_of: Annotated[int | None, _column("Multiple Of", Kind.NUMBER)] = None
    """Written only if the Llama d_ff formula with it gives the chosen d_ff."""
    norm_eps: Annotated[float | None, _column("Norm Eps", Kind.NUMBER)] = None
    """Epsilon of the layers' normalisation."""
    tokenizer: Annotated[str | None, _column("Tokenizer", Kind.SELECT)] = None
    """The tokenizer that models of this family share."""
    vocab_size: Annotated[int | None, _column("Vocab Size", Kind.NUMBER, unit="tokens")] = None
    is_moe: Annotated[bool | None, _column("Is MoE", Kind.CHECKBOX)] = None
    """Whether some layers route tokens to experts."""
    num_experts: Annotated[int | None, _column("Num Experts", Kind.NUMBER, unit="experts")] = None
    """Routed experts of one MoE layer; unknown for dense models."""
    top_k_experts: Annotated[int | None, _column("Top K Experts", Kind.NUMBER, unit="experts")] = None
    """Routed experts a token uses; unknown for dense models."""
    moe_routing: Annotated[str | None, _column("MoE Routing", Kind.SELECT)] = None
    """Whether tokens choose experts or experts tokens."""
    has_shared_expert: Annotated[bool | None, _column("Has Shared Expert", Kind.CHECKBOX)] = None
    """Whether one expert sees every token; unknown for dense models."""
    total_params_b: Annotated[float | None, _column("Total Params (B)", Kind.NUMBER, unit="billions")] = None
    """`n_params` in billions, 3 decimals; towers included."""
    activated_params_b: Annotated[
        float | None, _column("Activated Params (B)", Kind.NUMBER, unit="billions")
    ] = None
    """`n_active_params` in billions, 3 decimals; text only."""
    rope_theta: Annotated[float | None, _column("RoPE Theta", Kind.NUMBER)] = None
    """Base of the rotary position embedding."""
    use_scaled_rope: Annotated[bool | None, _column("Use Scaled RoPE", Kind.CHECKBOX)] = None
    """Whether rotary frequencies are scaled for longer contexts."""
    rope_freq_base: Annotated[float | None, _column("RoPE Freq Base", Kind.NUMBER)] = None
    """Only where the source uses that key."""
    quantization_format: Annotated[str | None, _column("Quantization Format", Kind.SELECT)] = None
    """How the stored weights are quantized, else their dtype."""
    pth_file_count: Annotated[int | None, _column("PTH File Count", Kind.NUMBER, unit="files")] = None
    max_context_size: Annotated[int | None, _column("Max Context Size", Kind.NUMBER, unit="tokens")] = None
    main: Annotated[bool | None, _column("Main", Kind.CHECKBOX, Own.FILL)] = None
    """Representative model. Set when the row is created, then the person's."""
    notes: Annotated[str | None, _column("Notes", Kind.TEXT, Own.FILL)] = None
    """A remark, such as learned positions. Set when the row is created, then the person's."""

    n_params: Annotated[int | None, _column("Parameters", Kind.NUMBER, unit="params", optional=True)] = None
    """Each parameter once (tied weights once; no buffers, no MTP module), towers included."""
    n_active_params: Annotated[
        int | None, _column("Active Parameters", Kind.NUMBER, unit="params", optional=True)
    ] = None
    """All text tensors with top-k of the routed experts, embedding and head included."""
    d_ff_expert: Annotated[
        int | None, _column("d_ff Expert", Kind.NUMBER, unit="elements", optional=True)
    ] = None
    """Width of one routed expert."""
    n_moe_layers: Annotated[int | None, _column("MoE Layers", Kind.NUMBER, unit="layers", optional=True)] = (
        None
    )
    attention: Annotated[str | None, _column("Attention", Kind.SELECT, optional=True)] = None
    """MHA, GQA, MQA or MLA."""
    position: Annotated[str | None, _column("Position Embedding", Kind.SELECT, optional=True)] = None
    """rope, learned, alibi or none."""
    tied_embeddings: Annotated[bool | None, _column("Tied Embeddings", Kind.CHECKBOX, optional=True)] = None
    """Whether the output head is the input embedding."""
    sliding_window: Annotated[
        int | None, _column("Sliding Window", Kind.NUMBER, unit="tokens", optional=True)
    ] = None
    source: Annotated[str | None, _column("Source", Kind.TEXT, optional=True)] = None
    """The sources that the chosen values come from."""

    n_params_text: int | None = None
    """`n_params` without vision and audio towers."""
    n_params_stored: int | None = None
    """What the hub reports: buffers, scales and copies counted."""
    n_params_mtp: int | None = None
    config_repo: str | None = None
    """The hub repository that really holds `config.json`; it names the layer config."""
    hf_revision: str | None = None
    """The commit the hub's config.json was read at."""
    layer_config: str | None = None
    """File name of the layer config."""


BASE_COLUMN = Column("Registry Base", Kind.TEXT, Own.MACHINE)
"""What was last agreed, see `sync/base.py`. A column of the table, not a field of the record."""


def _declared() -> dict[str, Column]:
    found = {}
    for name, field in ModelRecord.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Column):
                found[name] = mark
    return found


COLUMNS: dict[str, Column] = _declared()
"""Field name -> its column, in the table's order."""

FIELDS: tuple[str, ...] = tuple(ModelRecord.model_fields)
"""Every field of the record, those without a column included."""


@cache
def field_type(name: str) -> type:
    """The Python type of a field when known: int, float, bool or str."""
    annotation = ModelRecord.model_fields[name].annotation
    return next((t for t in get_args(annotation) if t is not type(None)), annotation)  # type: ignore[return-value]


UNITS: dict[str, str] = {name: column.unit for name, column in COLUMNS.items() if column.unit}
