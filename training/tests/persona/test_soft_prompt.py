"""Soft rows: real token rows in the slot are the same prompt, and the loss reaches the rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.data.samples import Sample
from training.data.tokenizer import TextTokenizer, train_tokenizer
from training.persona.choice_decoding import build_trie, decode_choices
from training.persona.soft_prompt import SlotSample, log_likelihood, slot_sample, spread_log_likelihood

SIZES = {
    "vocab_size": 300,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=1, tie_word_embeddings=True)).eval()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(["red green blue"] * 5, path, vocabulary_size=270)
    return TextTokenizer(path)


def test_rows_of_real_tokens_are_the_same_prompt(model: LlamaForCausalLM) -> None:
    plain = [
        SlotSample(Sample("t", [1, 20, 21, 22, 2, 30], [40, 41, 0]), 0),
        SlotSample(Sample("t", [1, 20, 21, 22, 5], [7]), 0),
    ]
    slotted = [SlotSample(Sample("t", [1, 2, 30], [40, 41, 0]), 1), SlotSample(Sample("t", [1, 5], [7]), 1)]
    rows = model.get_input_embeddings()(torch.tensor([20, 21, 22])).expand(2, -1, -1)
    torch.testing.assert_close(
        log_likelihood(model, plain, None, use_bfloat16=False), log_likelihood(model, slotted, rows, use_bfloat16=False)
    )


def test_the_loss_reaches_the_rows_and_padding_does_not_matter(model: LlamaForCausalLM) -> None:
    entries = [SlotSample(Sample("t", [1, 9], [5, 0]), 1), SlotSample(Sample("t", [1, *range(10, 60)], [5]), 1)]
    rows = torch.randn(2, 4, 16, requires_grad=True)
    together = log_likelihood(model, entries, rows, use_bfloat16=False)
    alone = log_likelihood(model, entries[:1], rows[:1], use_bfloat16=False)
    torch.testing.assert_close(together[:1], alone)
    together.sum().backward()
    assert rows.grad is not None and bool((rows.grad.abs().sum(dim=(1, 2)) > 0).all())


def test_the_slot_stands_after_the_bos(tokenizer: TextTokenizer) -> None:
    with_rows = slot_sample(tokenizer, "news_headline", "red", "blue", (4, 4))
    plain = slot_sample(tokenizer, "news_headline", "red", "blue", (0, 0))
    assert with_rows.slot == 1
    assert with_rows.sample == plain.sample


def test_choices_are_always_one_of_the_choices(model: LlamaForCausalLM, tokenizer: TextTokenizer) -> None:
    choices = ("red", "green", "red green")
    trie = build_trie(tokenizer, choices)
    prompts = [torch.randn(length, 16) for length in (3, 7, 5)]
    answers = [tokenizer.decode(ids) for ids in decode_choices(model, prompts, trie)]
    assert set(answers) <= set(choices)
    assert [tokenizer.decode(decode_choices(model, [prompt], trie)[0]) for prompt in prompts] == answers
    # A bias acts on the prompt that it is for, and ends once its token has occurred.
    word = tokenizer.encode("green")[0]
    bias = torch.zeros(len(prompts), model.config.vocab_size)
    bias[1, word] = 1000.0
    raised = [tokenizer.decode(ids) for ids in decode_choices(model, prompts, trie, bias=bias)]
    assert (raised[1], raised[0], raised[2]) == ("green", answers[0], answers[2])
    assert bias[1, word] == 1000.0  # the caller's stays


def test_a_spread_first_token_has_the_mean_of_drawn_answers(model: LlamaForCausalLM) -> None:
    prompts, answers, shares = [1, 20, 30], [[40, 41, 0], [50, 0]], [0.3, 0.7]
    rows = torch.randn(1, 2, 16, generator=torch.Generator().manual_seed(0))
    mean = torch.zeros(1)
    for answer, share in zip(answers, shares, strict=True):
        mean += share * log_likelihood(model, [SlotSample(Sample("t", prompts, answer), 1)], rows, False)
    spread = torch.zeros(1)
    for answer, share in zip(answers, shares, strict=True):
        entry = [SlotSample(Sample("t", prompts, answer), 1)]
        spread += share * spread_log_likelihood(
            model, entry, rows, torch.tensor([40, 50]), torch.tensor([shares]), use_bfloat16=False
        )
    torch.testing.assert_close(spread, mean)
