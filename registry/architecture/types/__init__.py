"""One module per kind of architecture; `INDEX` says which module describes a model type.

A new architecture is an entry in the module of its kind and its name here. Modules are imported when a config
of theirs is met: 300 types cost nothing until then.
"""

from functools import cache
from importlib import import_module

from registry.architecture.blueprint import Blueprint

INDEX = {
    "decoders": (
        "cohere cohere2 ernie4_5 exaone4 gemma gemma2 glm glm4 granite hunyuan_v1_dense "
        "internlm3 iquestcoder ministral ministral3 nemotron olmo olmo2 olmo3 phi phi3 "
        "seed_oss smollm3 stablelm starcoder2"
    ),
    "decoders_more": (
        "apertus arcee beam bitnet cohere_compass_text cwm diffllama flint fuyu granite_swa "
        "helium hrm_text hyperclovax jais2 mellum minicpm3 modernbert-decoder "
        "moss_transcribe_diarize moss_transcribe_diarize_audio nanochat persimmon vaultgemma "
        "youtu"
    ),
    "dense": "llama mistral qwen2 qwen3",
    "encoders": (
        "bert bert-generation big_bird camembert data2vec-text electra ernie git "
        "git_vision_model megatron-bert rembert roberta roberta-prelayernorm roc_bert "
        "roformer xlm-roberta xlm-roberta-xl xmod"
    ),
    "gemma": "gemma3 gemma3_text shieldgemma2",
    "gemma4": "gemma3n gemma3n_text gemma4 gemma4_text gemma4_unified gemma4_unified_text",
    "gemma4_towers": "gemma4_audio gemma4_vision",
    "glm_vl": (
        "glm46v glm4v glm4v_moe glm4v_moe_text glm4v_moe_vision glm4v_text glm4v_vision "
        "glm_ocr glm_ocr_text glm_ocr_vision glmga"
    ),
    "gpt": ("biogpt bloom cpmant ctrl falcon gpt-sw3 gpt2 gpt_bigcode mpt openai-gpt opt xglm xlm xlnet"),
    "gpt_neo": "codegen gpt_neo gpt_neox gpt_neox_japanese gptj",
    "hybrid": "bamba falcon_h1 granitemoehybrid jamba nemotron_h recurrent_gemma zamba zamba2",
    "latent": (
        "axk1 axk2 deepseek_v2 deepseek_v3 deepseek_v32 glm4_moe_lite glm_moe_dsa longcat_flash mistral4"
    ),
    "latent_dots": "dots3_note dots3_note_audio_encoder dots3_note_text dots3_note_vision_encoder",
    "latent_hybrid": "bailing_hybrid deepseek_v4 hy_v4 kimi_linear minimax",
    "latent_inkling": "inkling2_text inkling_text",
    "latent_moe": (
        "afmoe dots1 ernie4_5_moe exaone_moe glm4_moe hy_v3 kolibri1 laguna mimo_v2_flash "
        "minimax_m2 minimax_m3_vl_text solar_open"
    ),
    "linear": "lfm2 lfm2_moe lfm3 olmo_hybrid qwen3_5_moe_text qwen3_5_text qwen3_next reformer",
    "llama_vision": "llama4 llama4_vision_model mllama mllama_text_model mllama_vision_model",
    "llava": (
        "fast_vlm lighton_ocr llava llava_next llava_next_video llava_onevision mistral3 "
        "perception_lm video_llava vipllava"
    ),
    "moe": (
        "aria_text cohere2_moe dbrx flex_olmo gpt_oss granitemoe granitemoe_swa "
        "granitemoeshared hunyuan_v1_moe llama4_text mixtral olmoe phimoe qwen2_moe qwen3_moe"
    ),
    "moe_qwen4": "qwen4_exp_text",
    "moe_routed": "doge jetmoe zaya",
    "moe_streams": "blt moshi",
    "paligemma": "aya_vision cohere2_vision idefics2 idefics3 paligemma smolvlm",
    "qwen_vl": (
        "qwen2_5_omni_audio_encoder qwen2_5_omni_text qwen2_5_omni_thinker "
        "qwen2_5_omni_vision_encoder qwen2_5_vl qwen2_5_vl_text qwen2_5_vl_vision qwen2_vl "
        "qwen2_vl_text qwen2_vl_vision qwen3_5 qwen3_5_moe qwen3_5_moe_vision qwen3_5_vision "
        "qwen3_omni_moe_audio_encoder qwen3_omni_moe_text qwen3_omni_moe_thinker "
        "qwen3_omni_moe_vision_encoder qwen3_vl qwen3_vl_moe qwen3_vl_moe_text "
        "qwen3_vl_moe_vision qwen3_vl_text qwen3_vl_vision qwen4_exp qwen4_exp_vision"
    ),
    "seq2seq": (
        "bart bigbird_pegasus blenderbot blenderbot-small marian mbart musicgen_decoder "
        "musicgen_melody_decoder mvp pegasus plbart prophetnet trocr whisper"
    ),
    "ssm": "falcon_mamba mamba mamba2 rwkv xlstm",
    "towers": (
        "clip_vision_model idefics2_vision idefics3_vision pixtral siglip2_vision_model "
        "siglip_vision_model smolvlm_vision"
    ),
    "vl_aligned": (
        "aria ernie4_5_vl_moe ernie4_5_vl_moe_text ernie4_5_vl_moe_vision hunyuan_vl "
        "hunyuan_vl_text hunyuan_vl_vision ovis2 ovis2_vision"
    ),
    "vl_generate": (
        "chameleon chameleon_vqgan emu3 emu3_text_model emu3_vqgan janus janus_vision_model janus_vqgan"
    ),
    "vl_intern": (
        "exaone4_5 exaone4_5_vision internvl internvl_vision lfm2_vl lfm3_vl lfm3_vl_vision "
        "paddleocr_vl paddleocr_vl_text paddleocr_vl_vision qianfan_ocr qianfan_ocr_vision "
        "video_llama_3 video_llama_3_vision"
    ),
    "vl_moonshot_minimax": "kimi_k25 kimi_k25_vision minimax_m3_vl minimax_m3_vl_vision",
    "vl_more": (
        "granite_docling granite_docling_text granite_docling_vision hyperclovax_vision_v2 "
        "inkling2 inkling2_vision inkling_audio inkling_mm_model inkling_vision minicpm_ocr "
        "minicpm_ocr_vision minicpmv4_6 minicpmv4_6_vision minicpmv4_7 minicpmv4_7_vision "
        "unlimited_ocr unlimited_ocr_sam_vision_model unlimited_ocr_text unlimited_ocr_vision "
        "unlimited_ocr_vision_encoder"
    ),
    "vl_older": (
        "blip-2 blip_2_qformer blip_2_vision_model kosmos-2 kosmos_2_text_model kosmos_2_vision_model"
    ),
    "vl_phi4": "phi4_multimodal phi4_multimodal_audio phi4_multimodal_vision",
    "vl_sam": (
        "deepseek_ocr2 deepseek_ocr2_encoder deepseek_ocr2_sam_vision_model "
        "deepseek_ocr2_text deepseek_ocr2_vision deepseek_vl deepseek_vl_hybrid got_ocr2 "
        "got_ocr2_vision pp_chart2table pp_chart2table_vision sam_vision_model"
    ),
    "vl_small": (
        "blip blip_text_model blip_vision_model idefics idefics_perciever idefics_vision "
        "instructblip instructblip_qformer instructblip_vision_model instructblipvideo "
        "instructblipvideo_qformer instructblipvideo_vision_model"
    ),
    "vl_step_molmo": "molmo2 molmo2_adapter molmo2_text molmo2_vision step3p5 step3p5_vision step3p7",
}
"""Module -> the model types it has entries for, separated by blanks."""

MODULES = {name: module for module, names in INDEX.items() for name in names.split()}


@cache
def find(model_type: str) -> Blueprint | None:
    """The blueprint of a model type, or None where there is none."""
    module = MODULES.get(model_type)
    if module is None:
        return None
    entries: tuple[Blueprint, ...] = import_module(f"{__name__}.{module}").ENTRIES
    return next(entry for entry in entries if model_type in entry.types)
