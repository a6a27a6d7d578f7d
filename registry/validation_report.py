"""The validation report of a layer config: published counts beside ours, facts across sources, layers summed.

Pure. Every discrepancy has a number; a published figure without an explanation says so.
"""

from collections.abc import Sequence

from registry.architecture.counts import DEFINITIONS, count
from registry.layer_file import Built, own_count_note
from registry.markdown import code, plain, row
from registry.model import Model
from registry.published import Comparison
from registry.views import shown
from schemas.record import FIELDS, UNITS

FACTS = (
    "d_hidden", "d_ff", "d_ff_expert", "n_layers", "n_moe_layers", "n_heads", "n_kv_heads", "head_dim",
    "vocab_size", "num_experts", "top_k_experts", "max_context_size", "tied_embeddings", "attention",
    "position", "sliding_window", "rope_theta", "norm_eps",
)  # fmt: skip


def validation_report(model: Model, built: Built) -> str:
    """The report, as markdown."""
    sections = (
        _head(model, built),
        _counts(model),
        _published(built.compared),
        _facts(model),
        _layers(built),
        _discrepancies(model, built),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(model: Model, built: Built) -> str:
    content = built.content
    state = "yes" if content["validated"] else "no"
    return "\n".join([
        f"# Validation report: {plain(content['hf_model_id'])}",
        "",
        f"Layer config: {code(content['model_id'] + '.json')}. Validated: {state}. {_reason(built)}",
        f"Tensors: {_origin(model)}.",
    ])  # fmt: skip


def _reason(built: Built) -> str:
    """Why the file is validated, or why it is not."""
    if built.unsupported:
        names = ", ".join(one.name for one in built.unsupported)
        return f"The estimator has no class for {names}."
    if any(one.terms is not None for one in built.compared):
        return "A published parameter count equals ours, every difference explained to the unit."
    if built.compared:
        return "No published parameter count equals ours to the unit."
    return "No published parameter count was at hand."


def _origin(model: Model) -> str:
    found = model.architecture
    if found is None:
        return "unknown"
    n = sum(tensor.count for tensor in found.tensors)
    blueprint = f"the blueprint of {code(found.model_type)}"
    return f"{n:,}, from {blueprint}, by the names and shapes of transformers 5.23"


def _counts(model: Model) -> str:
    if model.architecture is None:
        return ""
    found = count(model.architecture)
    rows = [
        ("total", found.total, DEFINITIONS["n_params"]),
        ("text", found.text, DEFINITIONS["n_params_text"]),
        ("active", found.active, DEFINITIONS["n_active_params"]),
        ("active, no input embedding", found.active_no_input_embedding, "active without the input embedding"),
        ("MTP", found.mtp or None, DEFINITIONS["n_params_mtp"]),
    ]
    lines = ["## Parameter counts", "", "| count | parameters | definition |", "|---|---:|---|"]
    lines += [row((name, f"{n:,}", told)) for name, n, told in rows if n is not None]
    return "\n".join(lines)


def _published(compared: Sequence[Comparison]) -> str:
    lines = ["## Published counts", ""]
    if not compared:
        return "\n".join([*lines, "None was at hand. Nothing is concluded from that."])
    lines += ["| published | ours | difference | explained by | citation |", "|---:|---:|---:|---|---|"]
    for one in compared:
        figures = (f"{one.published:,}", f"{one.ours:,}", f"{one.difference:+,}")
        lines.append(row((*figures, _terms(one), plain(one.citation))))
    return "\n".join(lines)


def _terms(one: Comparison) -> str:
    if one.equal:
        return "equal"
    if one.rounded:
        return "rounding of the published figure"
    if one.terms is None:
        return "unexplained"
    return "; ".join(f"{term.what}: {term.formula} = {term.n_params:,}" for term in one.terms)


def _facts(model: Model) -> str:
    """Architecture facts with their source, and what other sources say."""
    lines = [
        "## Architecture facts across sources",
        "",
        "| field | value | unit | source | other sources |",
        "|---|---:|---|---|---|",
    ]
    for name in (name for name in FIELDS if name in FACTS):
        evidence = model.evidence.get(name)
        if evidence is None or evidence.chosen is None:
            continue
        others = plain("; ".join(f"{value.source}: {shown(value.value)}" for value in evidence.overruled))
        value = plain(shown(evidence.chosen.value))
        cells = (name, value, UNITS.get(name, ""), evidence.chosen.source, others or "agree or silent")
        lines.append(row(cells))
    return "\n".join(lines)


def _layers(built: Built) -> str:
    content = built.content
    lines = [
        "## Layers",
        "",
        "| layer | class | count | parameters of one | of all |",
        "|---|---|---:|---:|---:|",
    ]
    layers = content["layer_types"] + [
        one for one in content["unsupported_layers"] if one not in content["layer_types"]
    ]
    for layer in layers:
        n, each = layer["count"], layer["specs"]["parameter_count"]
        named = layer["class"] if layer["supported"] else f"none (proposed: {layer['class']})"
        lines.append(row((layer["name"], named, f"{n:,}", f"{each:,}", f"{n * each:,}")))
    lines.append(row(("sum", "", "", "", f"{content['total_params']:,}")))
    return "\n".join(lines)


def _discrepancies(model: Model, built: Built) -> str:
    """Every disagreement, each with its number; one line where there is none."""
    found = [
        note
        for layer in built.content["layer_types"]
        if layer["supported"] and (note := own_count_note(layer))
    ]
    found += [f"Count: {one}." for one in built.compared if not one.equal]
    for name in FACTS:
        evidence = model.evidence.get(name)
        if evidence and evidence.chosen and evidence.overruled:
            said = "; ".join(f"{shown(v.value)} ({v.source}, {v.where})" for v in evidence.overruled)
            found.append(plain(f"{name}: {shown(evidence.chosen.value)} is used; overruled: {said}."))
    lines = ["## Discrepancies", ""]
    return "\n".join([*lines, *(f"- {one}" for one in found)] if found else [*lines, "None."])
