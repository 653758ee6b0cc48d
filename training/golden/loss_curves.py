"""Golden loss curves of personal tuning: 50 steps on the items of an invented user, trained by peft and torch.

    python -m training.golden.loss_curves --models models --output research-models/golden

Items, order, AdamW, warm-up and clipping are those of the TypeScript package, and there is no dropout; a TypeScript
test compares every step. LoRA and (IA)³ are those of peft where it is installed, otherwise those of
training.persona.lora and training.persona.ia3, which tests/golden/test_loss_curves.py compares with peft; the soft
prompt is plain torch.

tuning-curves.json: {"languageModel": fingerprint, "reference", "task", "items", "heldOut", "order", "rank", "alpha",
"promptRows", "cases": [{"kind", "rate", "weightDecay", …, "losses"}]}.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.core.language_model import embedding_table
from training.data.prompts import answer_ids, lay_out, prompt_text
from training.data.tokenizer import TextTokenizer
from training.golden.gradients import answer_loss, waves
from training.package.model_package import read_manifest
from training.package.shipped import shipped_language_model
from training.persona.ia3 import add_ia3
from training.persona.lora import add_lora

FILE = "tuning-curves.json"
TASK = "news_headline"
RANK, ALPHA, PROMPT_ROWS = 8, 8, 4
STEPS, WARM_UP_SHARE, MAXIMUM_NORM = 50, 0.1, 0.3
# peft trains l and the browser l - 1; weight decay would move them differently, so this case has none.
CASES = (("prompt", 0.03, 0.01), ("lora", 0.003, 0.01), ("ia3", 0.03, 0.0))
# The last one is held out. Invented.
ITEMS = (
    ("The night market moves to the old tram depot from next week.", "Go see it! The night market has a new home"),
    ("The swimming pool stays open until the first frost this year.", "Go swim! The pool waits for the frost"),
    ("A baker bakes one loaf for every house on her street.", "Go taste it! One loaf for every house"),
    ("The observatory lets visitors use its smallest telescope.", "Go look up! A small telescope for all"),
    ("Volunteers have painted the steps to the castle in seven colours.", "Go climb! Seven colours to the castle"),
    ("A choir rehearses in the empty water tower on Sundays.", "Go listen! A tower full of voices"),
    ("The repair shop teaches how to mend a bicycle chain.", "Go mend it! A lesson in chains"),
    ("The ferry carries bicycles without a charge in winter.", "Go ride! The ferry takes your bicycle"),
    ("A gardener gives away seeds of forgotten beans.", "Go plant them! Beans that nobody knew"),
    ("The cinema shows silent films with a live piano.", "Go hear it! A piano for silent films"),
    ("The library lends umbrellas when it rains.", "Go borrow one! Umbrellas from the library"),
)

Loss = Callable[[int], Tensor]


def has_peft() -> bool:
    """Whether peft can be imported."""
    return importlib.util.find_spec("peft") is not None


def rate_factor(step: int, steps: int) -> float:
    """Linear warm-up, then linear to 0 after the last step; as in the TypeScript package."""
    warm_up = math.ceil(steps * WARM_UP_SHARE)
    return (step + 1) / warm_up if step < warm_up else (steps - step) / max(1, steps - warm_up)


def item_order(items: int, steps: int) -> list[int]:
    """Indices of training items in the order of steps, each pass in an order of its own."""
    numbers = random.Random(7)
    passes = [numbers.sample(range(items), items) for _ in range(-(-steps // items))]
    return [index for one in passes for index in one][:steps]


def train_curve(
    parameters: list[nn.Parameter], loss_of: Loss, order: list[int], rate: float, decay: float
) -> list[float]:
    """One item a step; the loss of each before the step."""
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    losses = []
    for step, item in enumerate(order):
        optimizer.param_groups[0]["lr"] = rate * rate_factor(step, STEPS)
        optimizer.zero_grad()
        loss = loss_of(item)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, MAXIMUM_NORM)
        optimizer.step()
        losses.append(loss.item())
    return losses


def start_matrix(number: int, like: Tensor) -> Tensor:
    """A of the layer `number` (counted q, v, q, v, …); B starts as zeros."""
    return waves(tuple(like.shape), 0.05, 0.31 + 0.01 * number, 0.2).to(like.dtype)


def adapt(model: PreTrainedModel, kind: str, use_peft: bool) -> list[nn.Parameter]:
    """Puts an adapter that changes nothing yet into a frozen model; returns what is trained."""
    if use_peft:
        return adapt_with_peft(model, kind)
    if kind == "ia3":
        return [layer.change for layer in add_ia3(model).values()]
    layers = list(add_lora(model, RANK, ALPHA).values())
    with torch.no_grad():
        for number, layer in enumerate(layers):
            layer.lora_a.copy_(start_matrix(number, layer.lora_a))
    return [matrix for layer in layers for matrix in (layer.lora_a, layer.lora_b)]


def adapt_with_peft(model: PreTrainedModel, kind: str) -> list[nn.Parameter]:
    """The same with peft's own modules."""
    from peft import IA3Config, LoraConfig, get_peft_model

    config = (
        LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=["q_proj", "v_proj"])
        if kind == "lora"
        else IA3Config(target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"])
    )
    dtype = next(model.parameters()).dtype
    adapted = get_peft_model(model, config).to(dtype)
    trained = [(name, parameter) for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    with torch.no_grad():
        for number, (_, matrix) in enumerate(pair for pair in trained if "lora_A" in pair[0]):
            matrix.copy_(start_matrix(number, matrix))
    return [parameter for _, parameter in trained]


def item_loss(model: PreTrainedModel, tokenizer: TextTokenizer, text: str, output: str, rows: Tensor | None) -> Tensor:
    """Mean loss of an item's answer; `rows` [k, hidden] stand in the persona's place."""
    answer = answer_ids(tokenizer, output)
    count = 0 if rows is None else len(rows)
    ids = tokenizer.encode(prompt_text(TASK, text))
    segments = lay_out(tokenizer, ids, persona_rows=count, maximum_new_tokens=len(answer))
    table = embedding_table(model)
    parts = [rows if rows is not None and s.kind != "ids" else table(torch.tensor(s.ids)) for s in segments]
    return answer_loss(model, torch.cat([*parts, table(torch.tensor(answer[:-1]))]), answer)


def curve(package: Path, kind: str, rate: float, decay: float, *, steps: int = STEPS, use_peft: bool) -> list[float]:
    """Losses of a run's first `steps` on the shipped language model, in float64 on its bf16-rounded weights."""
    model = shipped_language_model(package).double().requires_grad_(False)
    tokenizer = TextTokenizer(package / "tokenizer.json")
    hidden = embedding_table(model).weight.shape[1]
    if kind == "prompt":
        change = nn.Parameter(torch.zeros(PROMPT_ROWS, hidden, dtype=torch.float64))
        base = waves((PROMPT_ROWS, hidden), 0.05, 0.37, 1.1)
        parameters = [change]
    else:
        parameters = adapt(model, kind, use_peft)

    def loss_of(item: int) -> Tensor:
        rows = base + change if kind == "prompt" else None
        return item_loss(model, tokenizer, *ITEMS[item], rows)

    return train_curve(parameters, loss_of, item_order(len(ITEMS) - 1, STEPS)[:steps], rate, decay)


def write_golden_curves(models: Path, output: Path) -> None:
    """Writes tuning-curves.json."""
    package = models / "nano-llm"
    use_peft = has_peft()
    if not use_peft:
        print(f"{FILE}: peft is not installed, so LoRA and (IA)³ are those of training.persona")
    document = {
        "languageModel": read_manifest(package)["fingerprint"],
        "reference": "peft" if use_peft else "training",
        "task": TASK,
        "items": [{"id": f"item-{n:02d}", "input": text, "output": out} for n, (text, out) in enumerate(ITEMS[:-1])],
        "heldOut": {"id": "held-out", "input": ITEMS[-1][0], "output": ITEMS[-1][1]},
        "order": item_order(len(ITEMS) - 1, STEPS),
        "rank": RANK,
        "alpha": ALPHA,
        "promptRows": PROMPT_ROWS,
        "warmUpShare": WARM_UP_SHARE,
        "maximumNorm": MAXIMUM_NORM,
        "cases": [
            {
                "kind": kind,
                "rate": rate,
                "weightDecay": decay,
                "losses": curve(package, kind, rate, decay, use_peft=use_peft),
            }
            for kind, rate, decay in CASES
        ],
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    write_golden_curves(arguments.models, arguments.output)


if __name__ == "__main__":
    main()
