"""Row tuning's prompts, and a plug that starts from another one."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from training.persona import Plug
from training.plug_start import keep_of_start, start_from
from training.row_streams import cut
from training.row_tune import keep_of_before
from training.samples import Sample
from training.soft_prompt import SlotSample


def test_a_cut_prompt_keeps_its_frame_and_its_order() -> None:
    entry = SlotSample(Sample("t", list(range(100, 140)), [7, 8]), slot=1)
    found = cut(entry, 0.6, random.Random(0))
    prompt = found.sample.prompt
    assert prompt[:2] == [100, 101] and prompt[-1] == 139
    assert prompt == sorted(prompt) and len(prompt) < 40
    assert found.sample.answer == [7, 8] and found.slot == 1
    assert cut(entry, 1.0, random.Random(0)).sample.prompt == [100, 101, 139]


def test_a_plug_starts_from_the_tasks_that_both_know(tmp_path: Path) -> None:
    def plug(tasks: tuple[str, ...], seed: int) -> Plug:
        torch.manual_seed(seed)
        made = Plug(6, 8, 5, 2, 3, tasks, temperature=7.0 + seed, instruction_rank=2)
        made.start_from_embeddings(torch.randn(40, 8), torch.Generator().manual_seed(seed))
        return made

    first, second = plug(("a", "b"), 1), plug(("c", "b"), 2)
    own = second.instruction[0].detach().clone()
    torch.save({"plug": first.state_dict(), "config": {"tasks": ("a", "b")}}, tmp_path / "plug.pt")
    assert "instruction" in start_from(second, tmp_path / "plug.pt")
    assert torch.equal(second.instruction[1], first.instruction[1])
    assert torch.equal(second.instruction[0], own)
    assert torch.equal(second.query.weight, first.query.weight)
    assert torch.equal(second.temperature()[1], first.temperature()[1])


def test_a_mean_with_the_start_leaves_tasks_without_a_head_alone() -> None:
    torch.manual_seed(0)
    plug = Plug(6, 8, 5, 2, 3, ("drilled", "other"), temperature=7.0, instruction_rank=2)
    start = {name: value.clone() for name, value in plug.state_dict().items()}
    with torch.no_grad():
        for parameter in plug.parameters():
            parameter += 1
    keep_of_start(plug, start, 0.25, {"drilled"})
    after = plug.state_dict()
    for name in ("query.weight", "projector_out.bias", "instruction_in.weight"):
        torch.testing.assert_close(after[name], start[name] + 0.75)
    torch.testing.assert_close(after["instruction"][0], start["instruction"][0] + 0.75)
    torch.testing.assert_close(after["instruction"][1], start["instruction"][1] + 1)
    torch.testing.assert_close(after["gate_in.bias"], start["gate_in.bias"] + 1)


def test_a_mean_with_the_model_of_before_takes_its_share_of_every_weight(tmp_path: Path) -> None:
    sizes = {"vocab_size": 20, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True}
    for seed, name in enumerate(("before", "tuned")):
        torch.manual_seed(seed)
        LlamaForCausalLM(LlamaConfig(**sizes, **heads)).save_pretrained(tmp_path / name)
    before, tuned = (load_file(tmp_path / name / "model.safetensors") for name in ("before", "tuned"))
    tuned = {name: value.clone() for name, value in tuned.items()}  # the file is written anew
    keep_of_before(tmp_path / "tuned", tmp_path / "before", 0.25)
    after = load_file(tmp_path / "tuned" / "model.safetensors")
    for name, value in after.items():
        torch.testing.assert_close(value, 0.75 * tuned[name] + 0.25 * before[name])
