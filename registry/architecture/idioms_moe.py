"""What mixture-of-experts entries share: names of the expert counts, kinds of layers, transposed experts."""

from registry.architecture.blueprint import Lines, tensor

LOCAL_EXPERTS = {"experts": "num_local_experts", "top_k": "num_experts_per_tok"}
OWN_EXPERTS = {"experts": "num_experts", "top_k": "num_experts_per_tok"}
"""The usual `let` of routed experts, under either name."""


def input_first_experts(width: str) -> Lines:
    """Gated experts held the other way round: `[experts, d, 2 * width]` and `[experts, width, d]`."""
    return [
        *tensor("experts.gate_up_proj", f"experts, hidden_size, 2 * ({width})"),
        *tensor("experts.down_proj", f"experts, {width}, hidden_size"),
    ]
