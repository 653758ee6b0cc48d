"""Runs a frozen causal LM over prompts with soft rows in the persona slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.data.prompts import (
    NANO_FORMAT,
    TASK_PROMPTS,
    UNKNOWN_TASK,
    PromptFormat,
    answer_ids,
    lay_out,
    prompt_text,
)
from training.data.samples import IGNORED, Sample, answer_log_likelihood, collate
from training.data.tokenizer import TextTokenizer
from training.data.users import Item


@dataclass(frozen=True)
class SlotSample:
    """A sample whose soft rows go before position `slot` of the prompt."""

    sample: Sample
    slot: int


def slot_sample(
    tokenizer: TextTokenizer,
    task: str,
    text: str,
    output: str,
    rows: tuple[int, int],
    maximum_prompt: int | None = None,
    form: PromptFormat = NANO_FORMAT,
    retrieved: Sequence[Item] = (),
) -> SlotSample:
    """Lays a prompt out with `rows` = (instruction, persona) rows and answer; (0, 0) is the prompt of "none"."""
    template = TASK_PROMPTS.get(task, UNKNOWN_TASK)
    segments = lay_out(
        tokenizer,
        tokenizer.encode(prompt_text(task, text, retrieved))[:maximum_prompt],
        instruction_rows=rows[0],
        persona_rows=rows[1],
        maximum_new_tokens=template.maximum_new_tokens,
        context_window=form.context_window,
        template=form.template,
    )
    ids: list[int] = []
    slot = 0
    for segment in segments:
        if segment.kind == "ids":
            ids += segment.ids
        else:
            slot = len(ids)
    return SlotSample(Sample(task, ids, answer_ids(tokenizer, output, form.end)), slot)


def answer_states(
    model: PreTrainedModel, samples: Sequence[SlotSample], rows: Tensor | None, use_bfloat16: bool
) -> tuple[Tensor, Tensor]:
    """Last hidden states [batch, length, hidden] and targets [batch, length]; rows are [batch, r, hidden]."""
    ids, targets = (tensor.to(model.device) for tensor in collate([entry.sample for entry in samples]))
    embeddings = model.get_input_embeddings()(ids)
    if rows is not None:
        slot = samples[0].slot  # the template puts the slot at the same place in every prompt
        embeddings = torch.cat([embeddings[:, :slot], rows.to(embeddings), embeddings[:, slot:]], dim=1)
        padding = torch.full(rows.shape[:2], IGNORED, dtype=targets.dtype, device=targets.device)
        targets = torch.cat([targets[:, :slot], padding, targets[:, slot:]], dim=1)
        # Padding must not push a batch beyond the positions that the model has.
        longest = max(len(entry.sample) for entry in samples) + rows.shape[1]
        limit = max(longest, getattr(model.config, "max_position_embeddings", None) or embeddings.shape[1])
        embeddings, targets = embeddings[:, :limit], targets[:, :limit]
        if slot and bool((targets[:, slot - 1] != IGNORED).any()):
            raise ValueError("the persona slot stands inside the answer. Put it before the end of the prompt template.")
    with torch.autocast(embeddings.device.type, torch.bfloat16, enabled=use_bfloat16):
        return model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state, targets


def log_likelihood(
    model: PreTrainedModel,
    samples: Sequence[SlotSample],
    rows: Tensor | None,
    use_bfloat16: bool = True,
    bias: Tensor | None = None,
) -> Tensor:
    """log p(answer | prompt, rows) of each sample, [batch]; rows [batch, r, hidden] or None. Differentiable in rows.

    `bias` [batch, vocabulary] is added to the logits of the sample's answer, of each token until it occurs in the
    answer. The model may be on a GPU; the plug, the rows and the results stay on the CPU.
    """
    hidden, targets = answer_states(model, samples, rows, use_bfloat16)
    with torch.autocast(hidden.device.type, torch.bfloat16, enabled=use_bfloat16):
        return answer_log_likelihood(model.get_output_embeddings(), hidden, targets, bias).cpu()


def spread_log_likelihood(
    model: PreTrainedModel,
    samples: Sequence[SlotSample],
    rows: Tensor,
    tokens: Tensor,
    shares: Tensor,
    use_bfloat16: bool = True,
) -> Tensor:
    """Like `log_likelihood` where the first answer token is Σ shares [batch, t] · log p(tokens [t]) instead, [batch].

    Over drawn answers both have the same mean. This one varies less, since the first token nearly decides a choice.
    """
    hidden, targets = answer_states(model, samples, rows, use_bfloat16)
    is_answer = targets != IGNORED
    with torch.autocast(hidden.device.type, torch.bfloat16, enabled=use_bfloat16):
        logits = model.get_output_embeddings()(hidden[is_answer])
    scores = logits.float().log_softmax(dim=-1)  # [answer tokens, vocabulary]
    sample_of = is_answer.nonzero()[:, 0]
    is_first = torch.cat([torch.ones(1, dtype=torch.bool, device=sample_of.device), sample_of[1:] != sample_of[:-1]])
    own = scores.gather(1, targets[is_answer][:, None])[:, 0].masked_fill(is_first, 0.0)
    rest = torch.zeros(hidden.shape[0], device=scores.device).index_add(0, sample_of, own)
    first = (scores[is_first][:, tokens.to(scores.device)] * shares.to(scores.device)).sum(dim=1)
    return (first + rest).cpu()


def divergence(model: PreTrainedModel, before: PreTrainedModel, samples: Sequence[SlotSample]) -> Tensor:
    """Σ over a sample's answer tokens of KL(before ‖ model) of plain prompts, [batch]."""
    hidden, targets = answer_states(model, samples, None, True)
    is_answer = targets != IGNORED
    with torch.no_grad():
        states, _ = answer_states(before, samples, None, True)
        with torch.autocast(states.device.type, torch.bfloat16):
            was = before.get_output_embeddings()(states[is_answer]).float().log_softmax(dim=-1)
    with torch.autocast(hidden.device.type, torch.bfloat16):
        logits = model.get_output_embeddings()(hidden[is_answer])
    moved = (was.exp() * (was - logits.float().log_softmax(dim=-1))).sum(dim=-1)
    sample_of = is_answer.nonzero()[:, 0]
    return torch.zeros(hidden.shape[0], device=moved.device).index_add(0, sample_of, moved).cpu()
