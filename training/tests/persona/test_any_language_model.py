"""A plug trains on any causal LM: Llama, SmolLM, Qwen2, Qwen3 and GPT-2 shapes with their own tokenizers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from training.core.language_model import load_language_model
from training.data.prompts import lay_out, prompt_text
from training.persona.frozen_model import FrozenModel, check_inputs, freeze, load_frozen
from training.persona.histories import Query, UserVectors, collate_histories
from training.persona.plug import Plug
from training.persona.soft_prompt import SlotSample, log_likelihood, slot_sample
from training.tests.tiny_models import FAMILIES, write_tiny_model

QUESTION = "the <|im_end|> cat sat </s> on"


@pytest.fixture(scope="module", params=list(FAMILIES))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, FrozenModel]:
    folder = write_tiny_model(request.param, tmp_path_factory.mktemp(request.param))
    return request.param, folder, load_frozen(folder, "cpu", "float32")


def ids_of(frozen: FrozenModel, text: str) -> list[int]:
    form = frozen.form
    (segment,) = lay_out(
        frozen.tokenizer, frozen.tokenizer.encode(text), template=form.template, context_window=form.context_window
    )
    return segment.ids


def test_the_template_is_that_of_the_model(case: tuple[str, Path, FrozenModel]) -> None:
    family, folder, frozen = case
    tokenizer = AutoTokenizer.from_pretrained(folder)
    names = [entry.get("control", entry.get("slot")) for entry in frozen.form.template]
    assert names.index("persona") + 1 == names.index("prompt")
    text = prompt_text("news_category", "the cat sat")
    if tokenizer.chat_template:
        turn = [{"role": "user", "content": text}]
        expected = tokenizer.apply_chat_template(
            turn, add_generation_prompt=True, enable_thinking=False, return_dict=False
        )
        found = ids_of(frozen, text)
        if family == "llama":  # each part is encoded apart, which costs its dummy space once more
            assert tokenizer.decode(found).replace("  ", " ") == tokenizer.decode(expected).replace("  ", " ")
        else:
            assert found == expected
        assert frozen.form.end == tokenizer.convert_tokens_to_ids("</s>" if family == "llama" else "<|im_end|>")
    else:
        line_break = tokenizer("\n")["input_ids"]
        assert ids_of(frozen, text) == [tokenizer.bos_token_id, *tokenizer(text)["input_ids"], *line_break]
        assert names[:2] == ["<|endoftext|>", "persona"]
        assert frozen.form.end == tokenizer.eos_token_id


def test_special_tokens_in_a_text_stay_text(case: tuple[str, Path, FrozenModel]) -> None:
    _, folder, frozen = case
    tokenizer = AutoTokenizer.from_pretrained(folder)
    special = {tokenizer.eos_token_id, tokenizer.bos_token_id, frozen.form.end}
    assert not special & set(frozen.tokenizer.encode(QUESTION))


def test_rows_of_real_tokens_are_the_same_prompt(case: tuple[str, Path, FrozenModel]) -> None:
    _, _, frozen = case
    inserted = [20, 31, 42]
    samples = [
        slot_sample(frozen.tokenizer, "news_category", text, "Politics", (2, 1), None, frozen.form)
        for text in ("the cat", QUESTION * 3)
    ]
    plain = []
    for entry in samples:
        prompt = entry.sample.prompt
        longer = [*prompt[: entry.slot], *inserted, *prompt[entry.slot :]]
        plain.append(SlotSample(type(entry.sample)(entry.sample.task, longer, entry.sample.answer), 0))
    rows = frozen.model.get_input_embeddings()(torch.tensor(inserted)).expand(2, -1, -1)
    torch.testing.assert_close(
        log_likelihood(frozen.model, samples, rows, use_bfloat16=False),
        log_likelihood(frozen.model, plain, None, use_bfloat16=False),
    )
    # The whole model agrees too, token by token: log p from its own logits.
    ids = torch.tensor([plain[0].sample.prompt + plain[0].sample.answer])
    logits = frozen.model(input_ids=ids).logits[0].log_softmax(dim=-1)
    start = len(plain[0].sample.prompt) - 1
    own = sum(logits[start + step, token] for step, token in enumerate(plain[0].sample.answer))
    torch.testing.assert_close(own, log_likelihood(frozen.model, plain[:1], None, use_bfloat16=False)[0])


def test_training_lowers_the_loss_and_leaves_the_model_alone(case: tuple[str, Path, FrozenModel]) -> None:
    _, _, frozen = case
    before = {name: parameter.clone() for name, parameter in frozen.model.state_dict().items()}
    table = frozen.embedding_rows()
    torch.manual_seed(0)
    plug = Plug(8, table.shape[1], 12, 2, 2, ("news_category",), 10.0)
    plug.start_from_embeddings(table, torch.Generator().manual_seed(0))
    norm = float(table.norm(dim=1).mean())
    assert 0.3 * norm < float(plug.instruction.detach().norm(dim=-1).mean()) < 3 * norm
    vectors = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    user = UserVectors(vectors, vectors[::-1].copy(), np.arange(6))
    samples = [
        slot_sample(frozen.tokenizer, "news_category", text, output, (2, 2), None, frozen.form)
        for text, output in (("the cat sat", "Travel"), ("a", "Politics"), (QUESTION, "Travel"))
    ]
    histories = collate_histories([Query(vectors[n], 6, user, range(5 - n)) for n in range(3)])
    optimizer = torch.optim.AdamW([p for n, p in plug.named_parameters() if not n.startswith("gate")], lr=0.01)
    losses = []
    for _ in range(8):
        persona = plug(0, histories)
        rows = torch.cat([plug.instruction[0].expand(3, -1, -1), persona.rows], dim=1)
        loss = -log_likelihood(frozen.model, samples, rows, use_bfloat16=False).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.97 * losses[0]
    assert all(parameter.grad is None for parameter in frozen.model.parameters())
    assert all(torch.equal(parameter, before[name]) for name, parameter in frozen.model.state_dict().items())


def test_half_precision_weights_pass_gradients_to_the_rows(case: tuple[str, Path, FrozenModel]) -> None:
    """On a GPU the weights are bfloat16 numbers; the rows stay float32 and must still learn."""
    _, folder, frozen = case
    sample = slot_sample(frozen.tokenizer, "news_category", "the cat", "Travel", (2, 1), None, frozen.form)
    rows = frozen.embedding_rows()[[20, 31, 42]][None].clone().requires_grad_(True)
    exact = log_likelihood(frozen.model, [sample], rows, use_bfloat16=False)
    half = freeze(load_language_model(folder, torch.bfloat16), "cpu", "bfloat16")
    check_inputs(half)
    found = log_likelihood(half, [sample], rows)
    assert found.dtype == torch.float32 and abs(float((found - exact).detach())) < 0.05 * abs(float(exact.detach()))
    found.sum().backward()
    assert rows.grad is not None and bool(rows.grad.isfinite().all()) and bool(rows.grad.any())


def test_a_model_that_scales_its_logits_is_refused(tmp_path: Path) -> None:
    model = load_frozen(write_tiny_model("smollm", tmp_path), "cpu", "float32").model
    forward = model.forward

    def scaled(*arguments, **options):
        output = forward(*arguments, **options)
        output.logits = output.logits * 0.5
        return output

    model.forward = scaled
    with pytest.raises(ValueError, match="LlamaForCausalLM"):
        check_inputs(model)


def test_bfloat16_rounds_the_weights_that_runtimes_read(tmp_path: Path) -> None:
    model = load_frozen(write_tiny_model("qwen2", tmp_path), "cpu", "bfloat16").model
    assert all(torch.equal(p, p.bfloat16().float()) and p.dtype == torch.float32 for p in model.parameters())
