"""Creates, loads and saves the causal language model, and its training loss.

Any Hugging Face causal LM goes through here; nothing below knows that the nano model is a Llama.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.utils import logging

logging.disable_progress_bar()  # one bar for each of a few files says nothing


def create_language_model(config_path: Path, attention: str = "sdpa") -> PreTrainedModel:
    """A freshly initialised Llama of the given config.json, float32; `attention`: "sdpa" or "eager"."""
    config = LlamaConfig.from_dict(json.loads(config_path.read_text()))
    config._attn_implementation = attention
    return LlamaForCausalLM(config).float()


def load_language_model(path: str | Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """A causal LM from a local folder or by name."""
    config = AutoConfig.from_pretrained(path)
    return AutoModelForCausalLM.from_pretrained(path, config=config, dtype=dtype, attn_implementation="sdpa")


def embedding_table(model: PreTrainedModel) -> nn.Embedding:
    """The module that embeds ids."""
    return cast(nn.Embedding, model.get_input_embeddings())


def decoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """The layers of the model's body."""
    return cast(nn.ModuleList, model.base_model.layers)


def round_to_bfloat16(model: PreTrainedModel) -> PreTrainedModel:
    """The model with every weight rounded to bfloat16 but kept in float32: what every runtime computes with."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16).to(parameter.dtype))
    return model


def sequence_loss(model: PreTrainedModel, ids: Tensor, use_bfloat16: bool) -> Tensor:
    """Mean next-token loss of packed sequences, ids [batch, length + 1]."""
    with torch.autocast("cpu" if ids.device.type == "cpu" else ids.device.type, torch.bfloat16, enabled=use_bfloat16):
        hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state  # [batch, length, hidden]
        logits = model.lm_head(hidden)  # [batch, length, vocabulary]
    return functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
