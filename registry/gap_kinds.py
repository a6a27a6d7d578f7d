"""What is known of each kind of layer that the estimator has no class for: text of gap reports, numbers apart.

One entry per kind. `unit` is what passes through the layer once (a token, an image patch), `cached` what a
cache grows with; with `compares` the report names what sets this model's layer apart from the classes.
"""

# ruff: noqa: E501 - a sentence of a report is not broken where an editor would break it

from dataclasses import dataclass, replace

from registry.architecture.layers import LayerType

Strategy = tuple[str, str, str]

DATA: Strategy = (
    "Data parallel",
    "the batch; weights are copied",
    "none in inference; all-reduce of gradients in training",
)
PIPELINE: Strategy = (
    "Pipeline parallel",
    "layers, whole",
    "activations of `hidden_size` per token between stages",
)
TORCH_SDPA = "PyTorch: `torch.nn.functional.scaled_dot_product_attention`"
MODELING = "{modeling}"
"""Stands for the modeling file of the model's own type."""
VLLM, SGLANG = "https://docs.vllm.ai/en/latest/", "https://docs.sglang.ai/"


@dataclass(frozen=True, slots=True)
class GapKind:
    """The text of one kind. `tests` are those that need more than the counts every report has."""

    title: str
    unusual: str
    misfit: str
    flops: str
    cache: str
    strategies: tuple[Strategy, ...]
    references: tuple[str, ...]
    advice: str
    tests: tuple[str, ...] = ()
    unit: str = "token"
    cached: str = "token"
    compares: bool = False


MLA = GapKind(
    "multi-head latent attention",
    "Keys and values of all heads are produced from one low-rank latent per token. The query may pass through a "
    "low rank of its own. Each head has a part without positions (nope) and a part with rotary positions (rope); the "
    "rotary key is one vector shared by all heads. `num_key_value_heads` in the config is nominal.",
    "GroupedQueryAttentionLayer counts full key and value projections and caches `2 x kv_heads x head_dim`; here "
    "there are down- and up-projections with norms between them, and value heads may be narrower than query heads.",
    "In decoding the up-projections can be absorbed into the query and the output, "
    "which trades these FLOPs for attention over the latent itself; an estimate has to say which form it means.",
    "That is the latent and the shared rotary key, once for all heads; splitting over heads does not split it.",
    (
        ("Tensor parallel", "heads of the query, up- and output projections; the latent projections are copied", "all-reduce of `hidden_size` per token after the output projection; the latent cache is on every device"),
        ("Context parallel", "the cached latents over devices by position", "all-gather of partial attention with log-sum-exp"),
        ("Data parallel attention", "requests over devices, experts split elsewhere", "all-to-all at the MoE layers"),
        PIPELINE,
    ),
    (
        "DeepSeek-V2, section 2.1: arXiv:2405.04434; DeepSeek-V3: arXiv:2412.19437",
        f"transformers: {MODELING}, the attention",
        f"vLLM: `vllm/model_executor/layers/mla.py` and the MLA attention backends; {VLLM}",
        f"SGLang: `python/sglang/srt/layers/attention/` (MLA backends); {SGLANG}",
        TORCH_SDPA,
    ),
    "Derive it from the attention base class; take the ranks as parameters of their own, and the cache from "
    "`kv_lora_rank + qk_rope_head_dim`, never from heads.",
    (
        "Doubling the query heads leaves the KV cache unchanged.",
        "Absorbed and plain form give the same parameter count.",
    ),
)  # fmt: skip

INDEXED = replace(
    MLA,
    title="multi-head latent attention with an indexer",
    unusual=f"{MLA.unusual} The indexer is a small attention of its own: a few light heads (`index_n_heads` of "
    "`index_head_dim`) score every earlier position against one key per token, weighted by head after a ReLU, and "
    "only the `index_topk` best positions are attended to.",
    misfit=f"{MLA.misfit} No class attends to chosen positions or caches keys of an indexer.",
    flops=f"{MLA.flops} Attention runs over min(S, index_topk) of S positions, the scores of the indexer over all S.",
    cache="That is the latent and the shared rotary key, and the indexer's key, once for all heads; splitting over "
    "heads does not split it.",
    strategies=(
        ("Tensor parallel", "heads of the query, up- and output projections; the latent projections and the indexer are copied", "all-reduce of `hidden_size` per token after the output projection; the latent cache is on every device"),
        *MLA.strategies[1:],
    ),
    references=("DeepSeek-V3.2-Exp, DeepSeek sparse attention: github.com/deepseek-ai/DeepSeek-V3.2-Exp", *MLA.references),
    advice=f"{MLA.advice} The indexer's heads, width and top k are parameters too; its key is cached beside the latent.",
    tests=(*MLA.tests, "Beyond index_topk positions, FLOPs of scores and values stay the same; those of the indexer grow."),
)  # fmt: skip

CROSS = GapKind(
    "cross attention",
    "Queries come from the text, keys and values from the image features. The keys and values of an image are "
    "computed once and do not grow with the generated text; gates scale what is added to the residual stream.",
    "GroupedQueryAttentionLayer projects every token to keys and values and caches them; here text tokens have "
    "none, and the projections run over image positions.",
    "Scores run over the image positions instead of the context.",
    "Per image position, not per text token; constant during decoding.",
    (
        ("Tensor parallel", "heads", "all-reduce of `hidden_size` per token after the output projection"),
        DATA, PIPELINE,
    ),
    (
        "The Llama 3 herd, section 7: arXiv:2407.21783",
        f"transformers: {MODELING}, the cross attention",
        f"vLLM: encoder-decoder attention, `vllm/attention/`; {VLLM}",
        TORCH_SDPA,
    ),
    "Give it the number of encoder positions as a request parameter of its own.",
    ("A request without an image costs nothing in this layer.", "The cache does not change between the first and the last generated token."),
    cached="image position",
)  # fmt: skip

MAMBA = GapKind(
    "selective state space (Mamba)",
    "Positions are mixed by a recurrence with a state of fixed size and a short causal convolution, not by "
    "attention. Step size, input and output matrices of the recurrence depend on the token.",
    "No class has a state, a convolution or a scan; an attention class would add a cache that grows and scores that "
    "do not exist.",
    "The scan adds 6 FLOPs per state value and token: decay and input are a multiply-add each, so is the read-out.",
    "Neither depends on the length of the context.",
    (
        ("Tensor parallel", "heads or channels of the inner width; state and convolution with them", "all-reduce of `hidden_size` per token after the output projection"),
        ("Sequence parallel", "chunks of the sequence", "the state, passed from chunk to chunk"),
        DATA, PIPELINE,
    ),
    (
        "Mamba: arXiv:2312.00752; Mamba-2: arXiv:2405.21060",
        f"transformers: {MODELING}, the mixer",
        f"vLLM: `vllm/model_executor/layers/mamba/`; {VLLM}",
        "state-spaces/mamba: `mamba_ssm/ops`",
    ),
    "Derive it from the layer base class, not from attention: prefill is linear in the sequence, decoding is constant.",
    ("Prefill FLOPs at 8,192 tokens are twice those at 4,096.", "Decode FLOPs do not depend on the context length."),
)  # fmt: skip

LINEAR = GapKind(
    "linear attention",
    "Keys and values are folded into a matrix state per head by a gated update (a delta rule or a decay) instead of "
    "being kept; short convolutions may precede the projections and a gated norm follows.",
    "GroupedQueryAttentionLayer would cache every position and charge scores that grow with the context.",
    "The state update and read-out add a few FLOPs per state value and token (a gated delta rule: 8, four "
    "multiply-adds for decay, prediction, correction and read-out).",
    "Neither depends on the length of the context.",
    (
        ("Tensor parallel", "heads, each with its state", "all-reduce of `hidden_size` per token after the output projection"),
        ("Sequence parallel", "chunks of the sequence", "the state, passed from chunk to chunk"),
        DATA, PIPELINE,
    ),
    (
        "Gated delta networks: arXiv:2412.06464; linear attention: arXiv:2006.16236",
        f"transformers: {MODELING}, the linear attention",
        f"vLLM: `vllm/model_executor/layers/fla/`; {VLLM}",
        "flash-linear-attention: `fla/ops`",
    ),
    "Derive it from the layer base class; the state is `value heads x key width x value width`.",
    ("Prefill FLOPs at 8,192 tokens are twice those at 4,096.", "The state has the same size at 1 and at 100,000 tokens."),
)  # fmt: skip

CONV = GapKind(
    "gated short convolution",
    "Positions are mixed by a causal depthwise convolution over a few neighbours, between two gates.",
    "No class has a convolution; there are no scores and no keys.",
    "The convolution itself is among them: kernel x channels weights, each used once per token.",
    "None that grows: the last kernel - 1 inputs per channel are all it needs.",
    (("Tensor parallel", "channels", "all-reduce of `hidden_size` per token after the output projection"), DATA, PIPELINE),
    (f"transformers: {MODELING}, the short convolution", "PyTorch: `torch.nn.Conv1d` with groups", f"vLLM: `vllm/model_executor/layers/mamba/short_conv.py`; {VLLM}"),
    "Derive it from the layer base class; its cost does not depend on the context.",
    ("Decode FLOPs are the same at context 16 and 131,072.",),
)  # fmt: skip

RECURRENT = GapKind(
    "gated linear recurrence",
    "Positions are mixed by an element-wise recurrence with learned gates and a short convolution.",
    "No class has a recurrence; there are no scores and no keys.",
    "The recurrence adds a multiply-add and the gates per channel and token.",
    "None that grows: one state value per channel and the last inputs of the convolution.",
    (("Tensor parallel", "channels; gates are block-diagonal by head", "all-reduce of `hidden_size` per token after the output projection"), DATA, PIPELINE),
    ("Griffin: arXiv:2402.19427", f"transformers: {MODELING}, the recurrence", "RWKV: arXiv:2305.13048; xLSTM: arXiv:2405.04517"),
    "Derive it from the layer base class; prefill is linear in the sequence.",
    ("Decode FLOPs are the same at context 16 and 131,072.",),
)  # fmt: skip

VISION = GapKind(
    "vision tower",
    "A transformer of its own over image patches, with its own width, heads and norms, run once per image before the "
    "text model.",
    "The classes describe text layers of one width and one sequence; patches, positions in two dimensions and "
    "bidirectional attention have no place there.",
    "Attention scores between patches come on top.",
    "None: the tower keeps nothing between tokens. Its outputs become input positions of the text model.",
    (
        ("Data parallel", "images over devices; weights are copied", "gather of image features"),
        ("Tensor parallel", "heads and MLP width of the tower", "two all-reduces of the tower's width per patch and layer"),
    ),
    (
        "Vision transformer: arXiv:2010.11929; SigLIP: arXiv:2303.15343",
        f"transformers: {MODELING}, the vision model",
        f"vLLM: multimodal encoders, `vllm/multimodal/`; {VLLM}",
        "PyTorch: `torch.nn.MultiheadAttention`, `torch.nn.Conv2d`",
    ),
    "Model it as a separate stage with its own request parameters: images, patches per image.",
    ("A request without images costs no FLOPs here and the full weight memory.",),
    unit="patch",
)  # fmt: skip

AUDIO = GapKind(
    "audio tower",
    "An encoder of its own over audio frames, run once per clip before the text model.",
    "The classes describe text layers; frames, convolutions over time and bidirectional attention have no place.",
    "Attention scores between frames come on top.",
    "None: the tower keeps nothing between tokens. Its outputs become input positions of the text model.",
    (("Data parallel", "clips over devices; weights are copied", "gather of audio features"),),
    ("Whisper: arXiv:2212.04356; Conformer: arXiv:2005.08100", f"transformers: {MODELING}, the audio model", f"vLLM: `vllm/multimodal/`; {VLLM}"),
    "Model it as a separate stage with its own request parameters: clips, frames per clip.",
    ("A request without audio costs no FLOPs here and the full weight memory.",),
    unit="frame",
)  # fmt: skip

PROJECTOR = GapKind(
    "projector",
    "Linear maps and norms that bring the features of a tower to the width of the text model.",
    "MLPLayer and GatedMLPLayer return the width they take; here input and output differ.",
    "They run once per feature, not per generated token.",
    "None.",
    (("Data parallel", "images or clips; weights are copied", "none"), ("Tensor parallel", "the inner width, where there is one", "one all-reduce per feature")),
    ("LLaVA: arXiv:2304.08485", f"transformers: {MODELING}, the projector", f"vLLM: `vllm/multimodal/`; {VLLM}"),
    "Part of the tower's stage; `input_dim` and `output_dim` are its parameters.",
    ("A request without images or audio costs no FLOPs here.",),
    unit="feature",
)  # fmt: skip

HEAD = GapKind(
    "output head",
    "The projection to the vocabulary is not one matrix of the embedding's shape: it has a bias, more layers or another "
    "size, so that it cannot be counted as a second embedding.",
    "EmbeddingLayer counts `vocab_size x hidden_size` and no FLOPs; the head multiplies every generated token.",
    "In prefill only the last position needs it.",
    "None.",
    (("Vocabulary parallel", "rows of the matrix", "all-gather of logits, or of the top candidates"), DATA),
    ("Megatron-LM, section 3: arXiv:1909.08053", "PyTorch: `torch.nn.Linear`", f"vLLM: `vllm/model_executor/layers/vocab_parallel_embedding.py`; {VLLM}"),
    "A linear layer with `vocab_size` outputs and an optional bias.",
    ("With tensor parallel 8 each device holds an eighth of the rows, rounded up.",),
)  # fmt: skip

ATTENTION = GapKind(
    "attention of another shape",
    "Attention with other matrices than the query, key, value and output projections that the classes count.",
    "The attention classes have one `head_dim` for queries, keys and values, and exactly four projections in every "
    "layer; given this layer's heads they count other weights, and so other FLOPs and memory.",
    "",
    "",
    (("Tensor parallel", "heads", "all-reduce of `hidden_size` per token after the output projection"), DATA, PIPELINE),
    (TORCH_SDPA, f"transformers: {MODELING}, the attention", f"vLLM: `vllm/attention/`; {VLLM}", f"SGLang: `python/sglang/srt/layers/attention/`; {SGLANG}"),
    "Derive it from the attention base class; let the constructor take what section 2 names, the shapes below are the "
    "check.",
    compares=True,
)  # fmt: skip

COMPRESSED = replace(
    ATTENTION,
    title="attention over compressed positions",
    unusual="A compressor folds runs of positions into one entry; queries attend to the entries, and to the last "
    "`sliding_window` positions as they are. Where there is an indexer, its light heads score every entry, and only "
    "the `index_topk` best are attended to.",
    flops="Entries are S / ratio for S positions; those of the window come on top, at the same price each.",
    cache="The last `sliding_window` positions are kept uncompressed on top.",
    strategies=(
        ("Tensor parallel", "heads of the query and output projections; key, compressor and indexer are copied", "all-reduce of `hidden_size` per token after the output projection"),
        DATA, PIPELINE,
    ),
)  # fmt: skip

HYBRID = GapKind(
    "attention and a state space in one layer",
    "A layer has both attention and a selective state space. Their weights may be shared between layers: then they are stored once "
    "and multiplied at each use, and each use keeps keys and values of its own.",
    "GroupedQueryAttentionLayer has no state, convolution or scan; a layer whose weights lie elsewhere still computes.",
    "The scan adds 6 FLOPs per state value and token, the scores of attention grow with the context.",
    "The cache of attention grows with the context, the state does not; a shared block keeps one cache per use.",
    (("Tensor parallel", "heads of attention; heads or channels of the state", "all-reduce of `hidden_size` per token after each output projection"), DATA, PIPELINE),
    ("Zamba: arXiv:2405.16712; Zamba2: arXiv:2411.15242; Mamba-2: arXiv:2405.21060", f"transformers: {MODELING}, the hybrid layer", f"vLLM: `vllm/model_executor/layers/mamba/`; {VLLM}"),
    "Compose it of an attention and a state space; let the constructor say which weights are stored elsewhere.",
    ("The cache doubles with the context, the state stays as it is.",),
    compares=True,
)  # fmt: skip

TIED = GapKind(
    "a shared block, used again",
    "All weights of the layer are stored in an earlier one: it adds no parameters and no memory of weights, and computes like the first.",
    "The classes count their weights once per layer, so that a second use would add parameters that do not exist.",
    "", "It keeps none of its own.",
    (("Tensor parallel", "as in the layer that stores the weights", "all-reduce of `hidden_size` per token after the output projection"), DATA, PIPELINE),
    (f"transformers: {MODELING}",),
    "A reference to the layer that stores the weights, with its FLOPs and without its parameters.",
)  # fmt: skip

MOE = GapKind(
    "mixture of experts of another shape",
    "Experts whose weights are not `2` or `3 x hidden_size x width`: they work in a latent width, carry factors of "
    "their own, are shared in part, or have slices for experts that compute nothing.",
    "MoELayer multiplies `hidden_size x intermediate_size` by the number of projections.",
    "Of the experts only the chosen ones run: a token pays top_k of them, and less where some of these compute nothing.",
    "None.",
    (
        ("Expert parallel", "experts over devices", "two all-to-all of `hidden_size` per token and chosen expert"),
        ("Tensor parallel", "the width of each expert", "all-reduce of `hidden_size` per token"),
        DATA, PIPELINE,
    ),
    ("Switch Transformers: arXiv:2101.03961", f"transformers: {MODELING}, the MoE block", f"vLLM: `vllm/model_executor/layers/fused_moe/`; {VLLM}", "PyTorch: `torch.topk`, `torch.nn.functional.grouped_mm`"),
    "Derive it from MoELayer with the experts' input width as a parameter.",
    ("FLOPs of the experts are linear in top_k and do not depend on the number of experts.",),
)  # fmt: skip

OTHER = GapKind(
    "parameters outside the known layers",
    "Tensors that belong to none of attention, MLP, experts, norm, embedding, head or tower.",
    "There is no class whose specs give these shapes.",
    "Vectors and scalars among the tensors add one operation per value.",
    "",
    (DATA, PIPELINE),
    (f"transformers: {MODELING}", "PyTorch: `torch.nn.Parameter`"),
    "Where its FLOPs do not matter, count it with the layer it stands beside.",
)  # fmt: skip

BY_KIND = {
    "MLA": MLA, "MLA + indexer": INDEXED, "hybrid": HYBRID, "mamba": MAMBA, "mamba2": MAMBA, "ssm": MAMBA, "linear": LINEAR, "conv": CONV,
    "recurrent": RECURRENT, "rwkv": RECURRENT, "xlstm": RECURRENT, "vision tower": VISION, "audio tower": AUDIO,
    "projector": PROJECTOR, "output head": HEAD, "MHA": ATTENTION, "GQA": ATTENTION, "MQA": ATTENTION,
    "attention": ATTENTION, "MoE": MOE,
}  # fmt: skip


def kind_of(one: LayerType) -> GapKind:
    """The entry of a layer type."""
    if one.name.startswith("attention_cross"):
        return CROSS
    if any("compressor" in tensor.name for tensor in one.tensors):
        return COMPRESSED
    if one.tensors and not one.n_params and not one.facts.get("heads"):
        return TIED
    return BY_KIND.get(one.kind, OTHER)
