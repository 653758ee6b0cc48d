"""Distillation's prompts, and a plug that starts from another one."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.data.samples import Sample
from training.data.tokenizer import TextTokenizer
from training.data.users import Item, User
from training.persona.histories import UserVectors
from training.persona.plug import Plug
from training.persona.soft_prompt import SlotSample, slot_sample
from training.steps.distill.distill import average_with_before
from training.steps.distill.prompt_streams import DistillConfig, cut, with_earlier_items
from training.steps.plug.start import average_with_start, start_from
from training.steps.plug.user_samples import UserSamples

TOKENIZER = Path(__file__).parents[3] / "models" / "nano-llm" / "tokenizer.json"


def test_a_cut_prompt_keeps_its_frame_and_its_order() -> None:
    entry = SlotSample(Sample("t", list(range(100, 140)), [7, 8]), slot=1)
    found = cut(entry, 0.6, random.Random(0))
    prompt = found.sample.prompt
    assert prompt[:2] == [100, 101] and prompt[-1] == 139
    assert prompt == sorted(prompt) and len(prompt) < 40
    assert found.sample.answer == [7, 8] and found.slot == 1
    assert cut(entry, 1.0, random.Random(0)).sample.prompt == [100, 101, 139]


@pytest.mark.skipif(not TOKENIZER.exists(), reason="models/nano-llm is not there")
def test_prompts_with_earlier_items_show_what_came_before_and_fit() -> None:
    tokenizer, rows = TextTokenizer(TOKENIZER), (4, 4)
    items = tuple(Item(f"i{n}", f"2024-01-0{n + 1}", f"tram line {n} " * 12, f"Stop {n}") for n in range(5))
    user = User("u", "news_headline", items)
    samples = tuple(slot_sample(tokenizer, user.task, item.input, item.output, rows) for item in items)
    none = np.zeros((5, 6), np.float32)
    entry = UserSamples(user, UserVectors(none, none, np.zeros(5)), samples, samples)
    config = DistillConfig(maximum_length=300)
    (found,) = with_earlier_items([entry], tokenizer, rows, config)
    assert found.with_rows[0] == samples[0]  # nothing came before
    shown = []
    for index in range(1, 5):
        sample = found.with_rows[index].sample
        text = tokenizer.decode(sample.prompt)
        assert sample.answer == samples[index].sample.answer and found.with_rows[index].slot == samples[index].slot
        assert len(sample) + sum(rows) <= config.maximum_length
        assert f"Stop {index}" not in text
        shown.append([n for n in range(5) if f"Stop {n}" in text])
        assert all(n < index for n in shown[-1]) and shown[-1]
    assert found.plain == samples


def test_a_plug_starts_from_the_tasks_that_both_know() -> None:
    def plug(tasks: tuple[str, ...], seed: int) -> Plug:
        torch.manual_seed(seed)
        made = Plug(6, 8, 5, 2, 3, tasks, temperature=7.0 + seed, instruction_rank=2)
        made.start_from_embeddings(torch.randn(40, 8), torch.Generator().manual_seed(seed))
        return made

    first, second = plug(("a", "b"), 1), plug(("c", "b"), 2)
    own = second.instruction[0].detach().clone()
    saved = {"plug": first.state_dict(), "config": {"tasks": ("a", "b")}}
    assert "instruction" in start_from(second, saved)
    assert torch.equal(second.instruction[1], first.instruction[1])
    assert torch.equal(second.instruction[0], own)
    assert torch.equal(second.query.weight, first.query.weight)
    assert torch.equal(second.temperature()[1], first.temperature()[1])


def test_a_mean_with_the_start_leaves_tasks_without_a_head_alone() -> None:
    torch.manual_seed(0)
    plug = Plug(6, 8, 5, 2, 3, ("distilled", "other"), temperature=7.0, instruction_rank=2)
    start = {name: value.clone() for name, value in plug.state_dict().items()}
    with torch.no_grad():
        for parameter in plug.parameters():
            parameter += 1
    average_with_start(plug, start, 0.25, {"distilled"})
    after = plug.state_dict()
    for name in ("query.weight", "projector_out.bias", "instruction_in.weight"):
        torch.testing.assert_close(after[name], start[name] + 0.75)
    torch.testing.assert_close(after["instruction"][0], start["instruction"][0] + 0.75)
    torch.testing.assert_close(after["instruction"][1], start["instruction"][1] + 1)
    torch.testing.assert_close(after["gate_in.bias"], start["gate_in.bias"] + 1)


def test_a_mean_with_the_model_of_before_takes_its_share_of_every_weight() -> None:
    sizes = {"vocab_size": 20, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True}
    models = []
    for seed in range(2):
        torch.manual_seed(seed)
        models.append(LlamaForCausalLM(LlamaConfig(**sizes, **heads)))
    before, tuned = (copy.deepcopy(model.state_dict()) for model in models)
    average_with_before(models[1], before, 0.25)
    for name, value in models[1].state_dict().items():
        torch.testing.assert_close(value, 0.75 * tuned[name] + 0.25 * before[name])
