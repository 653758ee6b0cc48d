"""The reference answer engine in torch: persona, gate, prompt and greedy decoding as the product defines them.

Golden cases come from here. The persona is computed in float64; the language model in float32 on bf16-rounded weights.
"""

from __future__ import annotations

import copy
import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.data.prompts import TASK_PROMPTS, UNKNOWN_TASK, Segment, answer_ids, lay_out, prompt_text
from training.data.tokenizer import END, TextTokenizer
from training.data.users import Item
from training.persona.choice_decoding import build_trie
from training.persona.gate import GATE_THRESHOLD
from training.persona.history_batch import HistoryBatch
from training.persona.plug import Plug
from training.persona.unigram_adaptation import UnigramAdaptation

NO_REPEAT = 3  # an answer in free text holds no n-gram of so many tokens twice, as in the engine


@dataclass(frozen=True)
class HistoryItem:
    """An item with its vectors and its output; the date of an undated item is None."""

    id: str
    date: str | None
    h: np.ndarray
    o: np.ndarray
    output: str = ""


@dataclass(frozen=True)
class PersonaResult:
    """float64: rows [k, hidden], instruction [i, hidden], weights [n] in the order of `items`, gate, features [6]."""

    items: list[HistoryItem]
    rows: Tensor
    instruction: Tensor
    weights: Tensor
    gate: float
    features: Tensor


@dataclass
class Greedy:
    """Greedy tokens (end token excluded), each choice's margin over the runner-up, and the first steps' raw logits."""

    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)


def days_between(date: str | None, at: str) -> float:
    """Fractional days from an item's date to `at`, UTC, not below 0; 0 for an undated item."""
    if date is None:
        return 0.0

    def moment(text: str) -> datetime.datetime:
        parsed = datetime.datetime.fromisoformat(text)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)

    return max(0.0, (moment(at) - moment(date)).total_seconds() / 86_400)


def persona_of(plug: Plug, task: str, x: np.ndarray, items: Sequence[HistoryItem], at: str) -> PersonaResult:
    """Persona of one query, float64; items are sorted by date (undated first), then id by UTF-16 code units."""
    ordered = sorted(items, key=lambda item: (item.date or "", item.id.encode("utf-16-be")))
    exact = with_default_task(plug).double()
    index = exact.tasks.index(task) if task in exact.tasks else len(exact.tasks) - 1
    batch = HistoryBatch(
        x=torch.tensor(x, dtype=torch.float64)[None],
        h=torch.tensor(np.stack([item.h for item in ordered]), dtype=torch.float64)[None],
        o=torch.tensor(np.stack([item.o for item in ordered]), dtype=torch.float64)[None],
        age=torch.tensor([[math.log1p(days_between(item.date, at)) for item in ordered]], dtype=torch.float64),
        mask=torch.ones(1, len(ordered), dtype=torch.bool),
    )
    with torch.no_grad():
        persona = exact(index, batch)
    return PersonaResult(
        ordered,
        persona.rows[0],
        persona.instruction[0],
        persona.weights[0],
        float(persona.gate[0]),
        persona.features[0],
    )


def with_default_task(plug: Plug) -> Plug:
    """A copy that knows one more task, `default`: the means that plug.safetensors stores for unknown tasks.

    Goes through the stored float32 tensors, so that the reference reads what the runtime reads.
    """
    tensors = plug.export_tensors()
    wide = copy.deepcopy(plug).eval()
    wide.tasks = (*plug.tasks, "default")
    stored = {
        kind: [tensors[f"{kind}.{task}"].double() for task in wide.tasks]
        for kind in ("instruction", "temperature", "decay")
    }
    wide.instruction = torch.nn.Parameter(torch.stack(stored["instruction"]))
    if plug.instruction_out is not None:
        names = [f"instruction_query.{task}" for task in wide.tasks]
        wide.instruction_out = torch.nn.Parameter(torch.stack([tensors[name].double() for name in names]))
    centers = [tensors.get(f"center.{task}", torch.zeros(plug.center.shape[1])) for task in wide.tasks]
    wide.center = torch.stack(centers)
    wide.decay = torch.cat(stored["decay"])
    temperature = torch.cat(stored["temperature"])
    wide.temperature = lambda: temperature  # type: ignore[method-assign] # exp(log τ) would not be the stored number
    return wide


def repeating(answer: Sequence[int], size: int) -> list[int]:
    """Tokens that would repeat an n-gram of the answer."""
    start = len(answer) - size + 1
    last = list(answer[max(0, start) :])
    return [answer[i + size - 1] for i in range(start) if list(answer[i : i + size - 1]) == last]


@dataclass(frozen=True)
class Reference:
    """Language model (float32, bf16-rounded), tokenizer, plug and its unigram adaptation by task."""

    model: PreTrainedModel
    tokenizer: TextTokenizer
    plug: Plug
    context_window: int = 1024
    adaptations: Mapping[str, UnigramAdaptation] = field(default_factory=dict)

    def segments(
        self, task: str, text: str, retrieved: Sequence[Item] = (), has_persona: bool = False
    ) -> list[Segment]:
        """The laid-out prompt."""
        return lay_out(
            self.tokenizer,
            self.tokenizer.encode(prompt_text(task, text, retrieved)),
            instruction_rows=self.plug.instruction_rows if has_persona else 0,
            persona_rows=self.plug.persona_rows if has_persona else 0,
            maximum_new_tokens=TASK_PROMPTS.get(task, UNKNOWN_TASK).maximum_new_tokens,
            context_window=self.context_window,
        )

    def embeddings(
        self, segments: Sequence[Segment | np.ndarray | Tensor], persona: PersonaResult | None = None
    ) -> Tensor:
        """Input embeddings [length, hidden] of segments; arrays among them are rows as they are."""
        table = self.model.get_input_embeddings()
        parts = []
        for segment in segments:
            if not isinstance(segment, Segment):
                parts.append(torch.as_tensor(segment, dtype=torch.float32))
            elif segment.kind == "ids":
                parts.append(table(torch.tensor(segment.ids)))
            elif persona is not None:
                parts.append((persona.instruction if segment.kind == "instruction" else persona.rows).float())
            else:
                raise ValueError(f"the prompt has {segment.kind} rows, and there is no persona. Lay it out without.")
        return torch.cat(parts).detach()

    def logit_bias(self, task: str, persona: PersonaResult | None) -> Tensor | None:
        """What unigram adaptation adds to the logits [vocabulary]; None without a persona or without adaptation."""
        if persona is None or task not in self.adaptations:
            return None
        answers = [answer_ids(self.tokenizer, item.output) for item in persona.items]
        return self.adaptations[task].bias_of_history(answers, persona.weights.tolist())

    @torch.no_grad()
    def greedy(
        self,
        prompt: Tensor,
        maximum: int,
        choices: Sequence[str] = (),
        kept_logits: int = 0,
        bias: Tensor | None = None,
        no_repeat: int = 0,
    ) -> Greedy:
        """Greedy continuation up to the end token; with choices, under their trie.

        `bias` [vocabulary] is added to the logits, of each token until it occurs in the answer; the kept logits are
        without it. No n-gram of `no_repeat` tokens occurs in the answer twice (0: no such rule).
        """
        trie = build_trie(self.tokenizer, choices) if choices else None
        result = Greedy()
        bias = None if bias is None else bias.clone()
        embeddings = prompt
        for _ in range(maximum):
            output = self.model.base_model(inputs_embeds=embeddings[None], use_cache=False).last_hidden_state[0, -1]
            logits = self.model.get_output_embeddings()(output).float()
            if len(result.logits) < kept_logits:
                result.logits.append(logits)
            logits = logits if bias is None else logits + bias
            if no_repeat:
                said = torch.tensor(repeating(result.tokens, no_repeat), dtype=torch.long)
                logits = logits.index_fill(0, said, -torch.inf)
            allowed = sorted(trie) if trie is not None else None
            values = logits if allowed is None else logits[allowed]
            best = int(values.argmax())
            if len(values) > 1:  # the only allowed token has no runner-up
                top = values.topk(2).values
                result.margins.append(float(top[0] - top[1]))
            token = best if allowed is None else allowed[best]
            trie = trie[token] if trie is not None else None
            if bias is not None:
                bias[token] = 0.0
            if token == END:
                break
            result.tokens.append(token)
            embeddings = torch.cat([embeddings, self.model.get_input_embeddings()(torch.tensor([token]))])
        return result

    def answer(self, task: str, text: str, persona: PersonaResult | None) -> tuple[str, float]:
        """Greedy answer with unigram adaptation, and the smallest margin of its choices; a closed gate answers like
        none.
        """
        if persona is not None and persona.gate < GATE_THRESHOLD:
            persona = None
        template = TASK_PROMPTS.get(task, UNKNOWN_TASK)
        prompt = self.embeddings(self.segments(task, text, has_persona=persona is not None), persona)
        bias = self.logit_bias(task, persona)
        no_repeat = NO_REPEAT if task in TASK_PROMPTS and not template.choices else 0
        result = self.greedy(prompt, template.maximum_new_tokens, template.choices, bias=bias, no_repeat=no_repeat)
        return self.tokenizer.decode(result.tokens), min(result.margins)


Embed = Callable[[str], np.ndarray]
