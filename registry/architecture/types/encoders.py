"""BERT and its relatives as decoders: the ...ForCausalLM and ...LMHeadModel classes, masked or causal."""

from registry.architecture.blueprint import (
    Blueprint,
    Line,
    Lines,
    Part,
    Stack,
    linear,
    stack,
    tensor,
    tied,
    under,
    when,
)
from registry.architecture.idioms_gpt import (
    LANGUAGE_MODEL,
    TASK,
    divides,
    even_heads,
    layer_norm,
    squares,
    without,
)

LANGUAGES = [
    "af_ZA", "am_ET", "ar_AR", "az_AZ", "be_BY", "bg_BG", "bn_IN", "ca_ES", "cs_CZ", "cy_GB",
    "da_DK", "de_DE", "el_GR", "en_XX", "eo_EO", "es_XX", "et_EE", "eu_ES", "fa_IR", "fi_FI",
    "fr_XX", "ga_IE", "gl_ES", "gu_IN", "ha_NG", "he_IL", "hi_IN", "hr_HR", "hu_HU", "hy_AM",
    "id_ID", "is_IS", "it_IT", "ja_XX", "ka_GE", "kk_KZ", "km_KH", "kn_IN", "ko_KR", "ku_TR",
    "ky_KG", "la_VA", "lo_LA", "lt_LT", "lv_LV", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "ms_MY",
    "my_MM", "ne_NP", "nl_XX", "no_XX", "or_IN", "pa_IN", "pl_PL", "ps_AF", "pt_XX", "ro_RO",
    "ru_RU", "sa_IN", "si_LK", "sk_SK", "sl_SI", "so_SO", "sq_AL", "sr_RS", "sv_SE", "sw_KE",
    "ta_IN", "te_IN", "th_TH", "tl_XX", "tr_TR", "uk_UA", "ur_PK", "uz_UZ", "vi_VN", "zh_CN",
    "zh_TW",
]  # fmt: skip
"""The languages that X-MOD (arXiv:2205.06266) has adapters for."""


def attention(name: str, norm: str, bias: str | bool = True) -> Lines:
    """Query, key, value and output, with the norm where the type keeps it."""
    return under(name, [
        *[line for one in ("query", "key", "value")
          for line in linear(f"self.{one}", "heads * head_dim", "hidden_size", bias)],
        *squares("output.dense"),
        *layer_norm(norm),
    ])  # fmt: skip


def layer(
    attention_norm: str = "output.LayerNorm",
    mlp_norm: str = "output.LayerNorm",
    bias: str | bool = True,
    cross: str = "add_cross_attention",
) -> Lines:
    """A layer of BERT (arXiv:1810.04805): attention, cross attention in a decoder, plain MLP."""
    return [
        *attention("attention", attention_norm, bias),
        *when(cross, attention("crossattention", attention_norm, bias)),
        *linear("intermediate.dense", "intermediate_size", "hidden_size", True),
        *linear("output.dense", "hidden_size", "intermediate_size", True),
        *layer_norm(mlp_norm),
    ]


def embeddings(d: str = "hidden_size", owner: str | None = None) -> Lines:
    """Words, positions, token types and their norm. `owner`: the output head, where the tie points to it."""
    word = "embeddings.word_embeddings.weight"
    return [
        *(tied(word, f"vocab_size, {d}", owner) if owner else tensor(word, f"vocab_size, {d}")),
        *tensor("embeddings.position_embeddings.weight", f"max_position_embeddings, {d}"),
        *tensor("embeddings.token_type_embeddings.weight", f"type_vocab_size, {d}"),
        *layer_norm("embeddings.LayerNorm", d),
    ]


def cls_head(base: str, d: str = "hidden_size") -> Lines:
    """BERT's output head: transform, then a decoder whose weight and bias are both tied."""
    word = f"{base}.embeddings.word_embeddings.weight"
    return [
        *tensor("cls.predictions.bias", "vocab_size"),
        *linear("cls.predictions.transform.dense", d, "hidden_size", True),
        *layer_norm("cls.predictions.transform.LayerNorm", d),
        *tied("cls.predictions.decoder.weight", f"vocab_size, {d}", word),
        *tied("cls.predictions.decoder.bias", "vocab_size", "cls.predictions.bias"),
    ]


def lm_head(base: str | None, transform: bool = True) -> Lines:
    """RoBERTa's output head. Without `base` its decoder owns the weight that the embedding shares."""
    decoder = "lm_head.decoder.weight"
    word = f"{base}.embeddings.word_embeddings.weight"
    return [
        *tensor("lm_head.bias", "vocab_size"),
        *(squares("lm_head.dense") + layer_norm("lm_head.layer_norm") if transform else []),
        *(
            tied(decoder, "vocab_size, hidden_size", word)
            if base
            else tensor(decoder, "vocab_size, hidden_size")
        ),
        *tied("lm_head.decoder.bias", "vocab_size", "lm_head.bias"),
    ]


def encoder(base: str, inner: Lines, head: Lines, one: Lines | None = None) -> Lines:
    """The model `base` of embeddings and layers, and its head."""
    layers = stack(f"{base}.encoder.layer", "num_hidden_layers", layer() if one is None else one)
    return [*under(base, inner), *layers, *head]


DECODER = {"is_decoder or not add_cross_attention": "is_decoder true where add_cross_attention is"}
CHECKS = {**divides(), **DECODER, **LANGUAGE_MODEL}
FREE = {**DECODER, **LANGUAGE_MODEL}
LET = even_heads()


def bert_like(model_type: str, base: str, inner: Lines | None = None, one: Lines | None = None) -> Blueprint:
    """An entry with BERT's output head."""
    lines = encoder(base, embeddings() if inner is None else inner, cls_head(base), one)
    return Blueprint((model_type,), lines, LET, f"{base}.", CHECKS, keys=TASK)


def roberta_like(
    model_type: str, base: str, inner: Lines | None = None, one: Lines | None = None
) -> Blueprint:
    """An entry with RoBERTa's output head."""
    lines = encoder(base, embeddings() if inner is None else inner, lm_head(base), one)
    return Blueprint((model_type,), lines, LET, f"{base}.", CHECKS, keys=TASK)


BERT = bert_like("bert", "bert")  # modeling_bert.py
ERNIE = bert_like(  # modeling_ernie.py: an embedding of the task
    "ernie",
    "ernie",
    [
        *embeddings(),
        *tensor("embeddings.task_type_embeddings.weight", "task_type_vocab_size, hidden_size", "use_task_id"),
    ],
)
ROC_BERT = bert_like(  # modeling_roc_bert.py: how a Chinese character sounds and looks, beside what it is
    "roc_bert",
    "roc_bert",
    [
        *embeddings(),
        *tensor("embeddings.pronunciation_embed.weight", "pronunciation_vocab_size, pronunciation_embed_dim"),
        *tensor("embeddings.shape_embed.weight", "shape_vocab_size, shape_embed_dim"),
        *when(
            "concat_input",
            linear(
                "embeddings.map_inputs_layer",
                "hidden_size",
                "hidden_size + (pronunciation_embed_dim if enable_pronunciation else 0)"
                " + (shape_embed_dim if enable_shape else 0)",
                True,
            ),
        ),
    ],
)
MEGATRON_BERT = bert_like(  # modeling_megatron_bert.py: norms before the blocks and after the last
    "megatron-bert",
    "bert",
    [*without(embeddings(), "LayerNorm"), *layer_norm("encoder.ln")],
    layer("ln", "ln"),
)

BIG_BIRD = Blueprint(  # modeling_big_bird.py: sparse attention; the pooler stays in the language model
    types=("big_bird",),
    base="bert.",
    let=LET,
    keys=TASK,
    checks={
        **CHECKS,
        "attention_type in ['original_full', 'block_sparse']": "attention_type original_full or block_sparse",
    },
    lines=encoder("bert", [*embeddings(), *squares("pooler")], cls_head("bert"), layer(bias="use_bias")),
)

BERT_GENERATION = Blueprint(  # modeling_bert_generation.py: no token types, no transform before the output
    types=("bert-generation",),
    base="bert.",
    let=LET,
    keys=TASK,
    checks={**divides(), **DECODER},
    lines=encoder("bert", without(embeddings(), "token_type"), lm_head("bert", transform=False)),
)

ROBERTA = roberta_like("roberta", "roberta")  # modeling_roberta.py
DATA2VEC_TEXT = roberta_like("data2vec-text", "data2vec_text")  # modeling_data2vec_text.py
XLM_ROBERTA_XL = roberta_like(  # modeling_xlm_roberta_xl.py: norms before the blocks and after the last
    "xlm-roberta-xl",
    "roberta",
    [*without(embeddings(), "LayerNorm"), *layer_norm("encoder.LayerNorm")],
    layer("self_attn_layer_norm", "LayerNorm"),
)
ROBERTA_PRELAYERNORM = roberta_like(  # modeling_roberta_prelayernorm.py
    "roberta-prelayernorm",
    "roberta_prelayernorm",
    [*embeddings(), *layer_norm("LayerNorm")],
    layer("LayerNorm", "intermediate.LayerNorm"),
)

CAMEMBERT = Blueprint(  # modeling_camembert.py, modeling_xlm_roberta.py: RoBERTa, its head made before it
    types=("camembert", "xlm-roberta"),
    base="roberta.",
    let=LET,
    keys=TASK,
    checks=CHECKS,
    lines=encoder("roberta", embeddings(owner="lm_head.decoder.weight"), lm_head(None)),
)

XMOD = Blueprint(  # modeling_xmod.py: an adapter for each language in each layer
    types=("xmod",),
    base="roberta.",
    let={**LET, "narrow": "hidden_size // adapter_reduction_factor"},
    keys=TASK,
    checks={**CHECKS, f"subset(languages, {LANGUAGES})": "languages of X-MOD"},
    lines=encoder(
        "roberta",
        [*embeddings(), *layer_norm("encoder.LayerNorm", affine="pre_norm")],
        lm_head("roberta"),
        [
            *layer(),
            *layer_norm("output.adapter_layer_norm", affine="adapter_layer_norm"),
            *[
                line
                for language in LANGUAGES
                for line in when(f"'{language}' in languages", under(f"output.adapter_modules.{language}", [
                    *linear("dense1", "narrow", "hidden_size", True),
                    *linear("dense2", "hidden_size", "narrow", True),
                ]))
            ],
        ],
    ),
)  # fmt: skip

PROJECTED = linear("embeddings_project", "hidden_size", "embedding_size", True)

ELECTRA = Blueprint(  # modeling_electra.py: embeddings of their own width; the generator's head
    types=("electra",),
    base="electra.",
    let=LET,
    keys=TASK,
    checks=FREE,
    lines=encoder(
        "electra",
        [*embeddings("embedding_size"), *when("embedding_size != hidden_size", PROJECTED)],
        [
            *layer_norm("generator_predictions.LayerNorm", "embedding_size"),
            *linear("generator_predictions.dense", "embedding_size", "hidden_size", True),
            *tied(
                "generator_lm_head.weight",
                "vocab_size, embedding_size",
                "electra.embeddings.word_embeddings.weight",
            ),
            *tensor("generator_lm_head.bias", "vocab_size"),
        ],
    ),
)

REMBERT = Blueprint(  # modeling_rembert.py: narrow embeddings in, wide out, never tied
    types=("rembert",),
    base="rembert.",
    let=LET,
    keys={**TASK, "output_embedding_size": ("i", 1664)},
    checks=CHECKS,
    lines=encoder(
        "rembert",
        [
            *embeddings("input_embedding_size"),
            *linear("encoder.embedding_hidden_mapping_in", "hidden_size", "input_embedding_size", True),
        ],
        under("cls.predictions", [
            *linear("dense", "output_embedding_size", "hidden_size", True),
            *linear("decoder", "vocab_size", "output_embedding_size", True),
            *layer_norm("LayerNorm", "output_embedding_size"),
        ]),
    ),
)  # fmt: skip

ROFORMER = Blueprint(  # modeling_roformer.py: rotary positions (arXiv:2104.09864), stored as a table
    types=("roformer",),
    base="roformer.",
    let={**LET, "embedding_size": "hidden_size if embedding_size is None else embedding_size"},
    keys=TASK,
    checks=FREE,
    lines=encoder(
        "roformer",
        [
            *without(embeddings("embedding_size"), "position"),
            *when("embedding_size != hidden_size", PROJECTED),
            *tensor("encoder.embed_positions.weight", "max_position_embeddings, head_dim"),
        ],
        cls_head("roformer", "embedding_size"),
    ),
)

GIT_VISION = Blueprint(  # modeling_git.py: CLIP's vision tower
    types=("git_vision_model",),
    base="vision_model.",
    let=LET,
    checks=divides(),
    lines=[
        *tensor("vision_model.embeddings.class_embedding", "hidden_size"),
        *tensor(
            "vision_model.embeddings.patch_embedding.weight",
            "hidden_size, num_channels, patch_size, patch_size",
        ),
        *tensor(
            "vision_model.embeddings.position_embedding.weight",
            "(image_size // patch_size) * (image_size // patch_size) + 1, hidden_size",
        ),
        *layer_norm("vision_model.pre_layrnorm"),
        *stack("vision_model.encoder.layers", "num_hidden_layers", [
            *under("self_attn", squares("k_proj v_proj q_proj out_proj")),
            *layer_norm("layer_norm1"),
            *linear("mlp.fc1", "intermediate_size", "hidden_size", True),
            *linear("mlp.fc2", "hidden_size", "intermediate_size", True),
            *layer_norm("layer_norm2"),
        ]),
        *layer_norm("vision_model.post_layernorm"),
    ],
)  # fmt: skip

GIT = Blueprint(  # modeling_git.py: image patches in front of the text
    types=("git",),
    base="git.",
    let=LET,
    checks=divides(),
    lines=[
        *encoder(
            "git",
            [
                *without(embeddings(), "token_type"),
                *under("visual_projection.visual_projection", [
                    *linear("0", "hidden_size", "vision_config.hidden_size", True),
                    *layer_norm("1"),
                ]),
            ],
            [
                *tied("output.weight", "vocab_size, hidden_size", "git.embeddings.word_embeddings.weight"),
                *tensor("output.bias", "vocab_size"),
            ],
            layer(cross="False"),
        ),
        Line(
            "git.img_temporal_embedding.{i}",
            ("1", "1", "vision_config.hidden_size"),
            stacks=(Stack("num_image_with_embedding or 0"),),
        ),
        Part("git.image_encoder.vision_model", "vision_config"),
    ],
)  # fmt: skip

ENTRIES = (
    BERT, ERNIE, ROC_BERT, MEGATRON_BERT, BIG_BIRD, BERT_GENERATION, ROBERTA, DATA2VEC_TEXT, XLM_ROBERTA_XL,
    ROBERTA_PRELAYERNORM, CAMEMBERT, XMOD, ELECTRA, REMBERT, ROFORMER, GIT_VISION, GIT,
)  # fmt: skip
