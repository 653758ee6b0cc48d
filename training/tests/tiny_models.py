"""Tiny random language models of four families with tokenizers of their own, as folders that transformers can load."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

TEXTS = ["Which category does this article relate to? article: the cat sat", "Politics Travel naïve café <|x|>"] * 4
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe brief.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
LLAMA_CHAT = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] | trim }} [/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
SIZES = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA = {**SIZES, "num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": 512}
FAMILIES: dict[str, dict] = {
    "llama": {"model_type": "llama", **LLAMA, "tie_word_embeddings": False},
    "smollm": {"model_type": "llama", **LLAMA, "tie_word_embeddings": True},
    "qwen2": {"model_type": "qwen2", **LLAMA, "tie_word_embeddings": True},
    "qwen3": {"model_type": "qwen3", **LLAMA, "head_dim": 16, "tie_word_embeddings": False},
    "gpt2": {"model_type": "gpt2", "vocab_size": 400, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 250},
}


def byte_level(special: list[str]) -> Tokenizer:
    """A byte-level BPE as GPT-2, Qwen and SmolLM have it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def sentence_piece() -> Tokenizer:
    """A BPE as Llama 2 has it: a dummy space in front, spaces as ▁, bytes as fallback, BOS by the post-processor."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=390, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def write_tokenizer(family: str, folder: Path) -> None:
    """tokenizer.json and its config, with the family's special tokens and chat template."""
    if family == "llama":
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=sentence_piece(), bos_token="<s>", eos_token="</s>", chat_template=LLAMA_CHAT
        )
    elif family == "gpt2":
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=byte_level(["<|endoftext|>"]), bos_token="<|endoftext|>", eos_token="<|endoftext|>"
        )
    else:
        special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=byte_level(special),
            eos_token="<|endoftext|>",
            extra_special_tokens=special[1:],
            chat_template=CHATML,
        )
    wrapped.save_pretrained(folder)


def write_tiny_model(family: str, folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """A folder with random weights, config and tokenizer of the family."""
    torch.manual_seed(0)
    config = dict(FAMILIES[family])
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config.pop("model_type"), **config))
    with torch.no_grad():
        for parameter in model.parameters():  # wider than the usual start: else every logit is nearly the same
            if parameter.ndim == 2:
                parameter.normal_(std=0.15)
    model.to(dtype).save_pretrained(folder)
    write_tokenizer(family, folder)
    return folder
