"""mlc-chat-config.json: what WebLLM reads beside the weights."""

from __future__ import annotations

from typing import Any

from training.package.webgpu_library.llama_config import LlamaConfig


def end_tokens(raw: dict[str, Any]) -> list[int]:
    """eos_token_id of config.json as a list."""
    eos = raw.get("eos_token_id")
    return [] if eos is None else eos if isinstance(eos, list) else [eos]


def conversation_template(raw: dict[str, Any]) -> dict[str, Any]:
    """`<|bos|>` [system message] `<|user|>` prompt `<|assistant|>` answer: the layout of manifest.json's
    promptTemplate.

    A persona goes into the system message. No text stands between the parts, so each is tokenized by itself as in
    training.
    """
    bos = raw.get("bos_token_id")
    return {
        "name": "persona-plug",
        "system_template": "{system_message}",
        "system_message": "",
        "system_prefix_token_ids": None if bos is None else [bos],
        "add_role_after_system_message": True,
        "roles": {"user": "<|user|>", "assistant": "<|assistant|>"},
        "role_templates": {"user": "{user_message}", "assistant": "{assistant_message}", "tool": "{tool_message}"},
        "messages": [],
        "seps": ["", "<|end|>"],  # after a question, after an answer
        "role_content_sep": "",
        "role_empty_sep": "",
        "stop_str": [],
        "stop_token_ids": end_tokens(raw),
        "function_string": "",
        "use_function_calling": False,
    }


def chat_config(
    config: LlamaConfig, raw: dict[str, Any], overrides: dict[str, Any] | None = None, quantization: str = "bf16"
) -> dict[str, Any]:
    """The whole document; `raw` is config.json, `overrides` replace top-level fields (conv_template as a whole)."""
    return {
        "version": "0.1.0",
        "model_type": "llama",
        "quantization": "q0f32" if quantization == "bf16" else quantization,
        "model_config": {},
        "vocab_size": config.vocab_size,
        "context_window_size": config.context_window_size,
        "sliding_window_size": -1,  # the library has no sliding-window kernels
        "prefill_chunk_size": config.prefill_chunk_size,
        "attention_sink_size": -1,
        "tensor_parallel_shards": 1,
        "temperature": 0.0,  # greedy unless a request asks for more
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "tokenizer_files": ["tokenizer.json"],
        "tokenizer_info": {
            "token_postproc_method": "byte_level",
            "prepend_space_in_encode": False,
            "strip_space_in_decode": False,
        },
        "conv_template": conversation_template(raw),
        "pad_token_id": raw.get("pad_token_id") or 0,
        "bos_token_id": raw.get("bos_token_id") or 0,
        "eos_token_id": end_tokens(raw),
    } | (overrides or {})
