"""Models without attention: state spaces (Mamba) and the recurrent networks RWKV and xLSTM."""

from registry.architecture.blueprint import Blueprint, linear, norm, stack, tensor, tied, under, when
from registry.architecture.idioms_hybrid import mamba, mamba2, model

MAMBA = Blueprint(  # modeling_mamba.py; FalconMamba adds norms without weights
    types=("mamba", "falcon_mamba"),
    base="backbone.",
    keys={"time_step_rank": ("is", "auto")},
    let={
        "mixer": "'mamba'",
        "inner": "expand * hidden_size",
        "state": "state_size",
        "rank": "(hidden_size + 15) // 16 if time_step_rank == 'auto' else int(time_step_rank)",
        "kernel": "conv_kernel",
    },
    lines=model(
        [*norm("norm", "hidden_size"), *under("mixer", mamba("use_bias", "use_conv_bias"))],
        {}, "norm_f", "embeddings", "backbone",
    ),
)  # fmt: skip

MAMBA2 = Blueprint(  # modeling_mamba2.py
    types=("mamba2",),
    base="backbone.",
    let={
        "mixer": "'mamba'",
        "inner": "expand * hidden_size",
        "ssm_heads": "num_heads",
        "conv_dim": "inner + 2 * n_groups * state_size",
        "kernel": "conv_kernel",
    },
    lines=model(
        [
            *norm("norm", "hidden_size"),
            *under("mixer", [*mamba2("use_bias", "use_conv_bias"), *norm("norm", "inner")]),
        ],
        {}, "norm_f", "embeddings", "backbone",
    ),
    checks={"expand * hidden_size == num_heads * head_dim": "expand * hidden_size = num_heads * head_dim"},
)  # fmt: skip

RWKV = Blueprint(  # modeling_rwkv.py: RWKV-4, a recurrence per channel; the first layer norms the embedding
    types=("rwkv",),
    base="rwkv.",
    let={
        "mixer": "'rwkv'",
        "inner": "hidden_size if attention_hidden_size is None else attention_hidden_size",
        "width": "4 * hidden_size if intermediate_size is None else intermediate_size",
    },
    lines=[
        *tensor("rwkv.embeddings.weight", "vocab_size, hidden_size"),
        *stack("rwkv.blocks", "num_hidden_layers", [
            *when("layer == 0", norm("pre_ln", "hidden_size", bias=True)),
            *norm("ln1", "hidden_size", bias=True),
            *norm("ln2", "hidden_size", bias=True),
            *under("attention", [
                *tensor("time_decay", "inner"),
                *tensor("time_first", "inner"),
                *tensor("time_mix_key", "1, 1, hidden_size"),
                *tensor("time_mix_value", "1, 1, hidden_size"),
                *tensor("time_mix_receptance", "1, 1, hidden_size"),
                *linear("key", "inner", "hidden_size"),
                *linear("value", "inner", "hidden_size"),
                *linear("receptance", "inner", "hidden_size"),
                *linear("output", "hidden_size", "inner"),
            ]),
            *under("feed_forward", [
                *tensor("time_mix_key", "1, 1, hidden_size"),
                *tensor("time_mix_receptance", "1, 1, hidden_size"),
                *linear("key", "width", "hidden_size"),
                *linear("receptance", "hidden_size", "hidden_size"),
                *linear("value", "hidden_size", "width"),
            ]),
        ]),
        *norm("rwkv.ln_out", "hidden_size", bias=True),
        *tied("head.weight", "vocab_size, hidden_size", "rwkv.embeddings.weight"),
    ],
)  # fmt: skip

XLSTM = Blueprint(  # modeling_xlstm.py: mLSTM layers (arXiv:2405.04517); the head is never tied
    types=("xlstm",),
    base="backbone.",
    let={
        "mixer": "'xlstm'",
        "qk": "int(hidden_size * qk_dim_factor)",
        "v": "int(hidden_size * v_dim_factor)",
        "step": "ffn_round_up_to_multiple_of",
        "embed": "hidden_size if embedding_dim is None else embedding_dim",
        "width": "int((hidden_size * ffn_proj_factor + step - 1) // step * step)",
    },
    lines=[
        *tensor("backbone.embeddings.weight", "vocab_size, embed"),
        *stack("backbone.blocks", "num_hidden_layers if num_blocks is None else num_blocks", [
            *norm("norm_mlstm", "hidden_size", "use_bias"),
            *under("mlstm_layer", [
                *when("weight_mode == 'single'", [
                    *linear("q", "qk", "hidden_size", "use_bias"),
                    *linear("k", "qk", "hidden_size", "use_bias"),
                    *linear("v", "v", "hidden_size", "use_bias"),
                    *linear("ogate_preact", "v", "hidden_size", "use_bias"),
                    *linear("igate_preact", "num_heads", "hidden_size", bias=True),
                    *linear("fgate_preact", "num_heads", "hidden_size", bias=True),
                ]),
                *when("weight_mode == 'fused'", [
                    *linear("qkv_opreact", "2 * qk + 2 * v", "hidden_size", "use_bias"),
                    *linear("ifgate_preact", "2 * num_heads", "hidden_size", bias=True),
                ]),
                *norm("multihead_norm", "v // num_heads * num_heads", "use_bias"),
                *linear("out_proj", "hidden_size", "v", "use_bias"),
            ]),
            *norm("norm_ffn", "hidden_size", "use_bias"),
            *under("ffn", [
                *when("weight_mode == 'single'", [
                    *linear("proj_up_gate", "width", "hidden_size", "use_bias"),
                    *linear("proj_up", "width", "hidden_size", "use_bias"),
                ]),
                *when("weight_mode == 'fused'", [
                    *linear("proj_up_gate_z", "2 * width", "hidden_size", "use_bias"),
                ]),
                *linear("proj_down", "hidden_size", "width", "use_bias"),
            ]),
        ]),
        *norm("backbone.out_norm", "hidden_size"),
        *linear("lm_head", "vocab_size", "hidden_size"),
    ],
    checks={"weight_mode in ['single', 'fused']": "weight_mode single or fused"},
)  # fmt: skip

ENTRIES = (MAMBA, MAMBA2, RWKV, XLSTM)
