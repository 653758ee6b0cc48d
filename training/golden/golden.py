"""Golden cases, which every runtime must reproduce. The TypeScript tests read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.embedder import Embedder
from training.data.prompts import Segment, answer_ids
from training.data.users import Item
from training.golden.reference import Embed, HistoryItem, PersonaResult, Reference, persona_of
from training.golden.texts import (
    ABSTRACTS,
    HISTORY,
    PROMPT_INPUTS,
    RETRIEVED,
    SENTENCES,
    SMALL_HISTORY,
    SMALL_HISTORY_QUERIES,
)
from training.golden.unigram_adaptation import golden_unigram_adaptation
from training.golden.writer import GoldenWriter
from training.package.onnx_embedder import OnnxEmbedder
from training.persona.gate import GATE_THRESHOLD

AT = "2024-03-31"
GATE_MARGIN = 0.03  # vectors of another 8-bit kernel move an undecided gate by up to half of it


def golden_embedder(writer: GoldenWriter, embedder: Embedder) -> None:
    """Token ids and float32 vectors of sentences in several scripts; long texts are in long_texts.py."""
    writer.write_cases(
        "embedder.json",
        [
            {"text": text, "ids": ids, "vector": writer.array(embedder.embed(text))}
            for text in SENTENCES
            for ids in embedder.chunks(text)
        ],
    )


def golden_prompts(writer: GoldenWriter, reference: Reference) -> None:
    """Segments of prompts of every task, with and without persona, plain and with retrieved items."""
    cases = []
    for task, inputs in PROMPT_INPUTS.items():
        retrieved = [Item(str(n), "", text, output) for n, (text, output) in enumerate(RETRIEVED.get(task, ()))]
        for number, text in enumerate(inputs):
            for has_persona in (False, True):
                for items in ([], retrieved) if number == 0 and retrieved else ([],):
                    segments = reference.segments(task, text, items, has_persona)
                    answer = "Food & Drink" if task == "news_category" else "An answer, naïve <|end|> 🙂"
                    name = f"{task} {number}{' persona' if has_persona else ''}{' retrieved' if items else ''}"
                    cases.append(
                        {
                            "name": name,
                            "task": task,
                            "input": text,
                            "retrieved": [{"input": item.input, "output": item.output} for item in items],
                            "persona": has_persona,
                            "segments": [{"ids": s.ids} if s.kind == "ids" else {"rows": s.kind} for s in segments],
                            "answer": answer,
                            "answerIds": answer_ids(reference.tokenizer, answer),
                        }
                    )
    writer.write_cases("prompts.json", cases)


def history_items(entries: Sequence[tuple[str, str | None, str, str]], embed: Embed) -> list[HistoryItem]:
    """Embeds (id, date, input, output) entries."""
    return [HistoryItem(id, date, embed(text), embed(output), output) for id, date, text, output in entries]


def long_history() -> list[tuple[str, str | None, str, str]]:
    """The twenty-item history as (id, date, input, output)."""
    return [(f"bike-{n:02d}", date, text, output) for n, (date, text, output) in enumerate(HISTORY)]


def golden_persona(writer: GoldenWriter, reference: Reference, embed: Embed) -> dict[str, PersonaResult]:
    """Weights, gate, features and rows of histories of several sizes; returns the personas by case name."""
    entries = long_history()
    undated = [(id, None if n % 2 else date, text, output) for n, (id, date, text, output) in enumerate(entries[:6])]
    timed: list[tuple[str, str | None, str, str]] = [
        (id, f"{date}T18:30:00Z", text, output) for id, date, text, output in entries[:4]
    ]
    histories: dict[str, tuple[str, list[tuple[str, str | None, str, str]], str]] = {
        "one item": ("news_headline", entries[:1], AT),
        "three items": ("news_headline", list(SMALL_HISTORY), AT),
        "twenty items": ("news_headline", entries, AT),
        "twenty items, category": ("news_category", entries, AT),
        "undated items": ("paper_title", undated, AT),
        "unknown task": ("recipe_note", entries[:3], AT),
        "times of day, some after the query": ("news_headline", timed, "2023-02-10T06:00:00Z"),
    }
    cases, personas = [], {}
    query = embed("The city builds a new bicycle bridge over the river.")
    for name, (task, history, at) in histories.items():
        result = persona_of(reference.plug, task, query, history_items(history, embed), at)
        personas[name] = result
        cases.append(
            {
                "name": name,
                "task": task,
                "at": at,
                "x": writer.array(query),
                "items": [
                    {"id": i.id, "date": i.date, "h": writer.array(i.h), "o": writer.array(i.o)} for i in result.items
                ],
                "weights": writer.array(result.weights),
                "gate": result.gate,
                "gateFeatures": writer.array(result.features),
                "rows": writer.array(result.rows),
                "instruction": writer.array(result.instruction),
            }
        )
    writer.write_cases("persona.json", cases)
    return personas


def golden_language_model(writer: GoldenWriter, reference: Reference, personas: dict[str, PersonaResult]) -> None:
    """Greedy tokens, margins and first logits: pairs with and without persona, long prompts, rows over position 256."""
    prompts: list[tuple[str, list[Segment | np.ndarray]]] = []
    for task, name in (("news_category", "twenty items, category"), ("news_headline", "twenty items")):
        persona = personas[name]
        text = PROMPT_INPUTS[task][0]
        prompts.append((f"{task} none", list(reference.segments(task, text))))
        prompts.append((f"{task} persona", with_rows(reference.segments(task, text, has_persona=True), persona)))
    paper = PROMPT_INPUTS["paper_title"][0]
    long_text = " ".join([paper] * 7)
    persona = personas["undated items"]
    prompts.append(("longer than 256 tokens, none", list(reference.segments("paper_title", long_text))))
    prompts.append(
        (
            "longer than 256 tokens, persona",
            with_rows(reference.segments("paper_title", long_text, has_persona=True), persona),
        )
    )
    ids = reference.segments("paper_title", long_text)[0].ids
    rows = np.concatenate([persona.instruction.detach().numpy(), persona.rows.detach().numpy()])
    prompts.append(("rows across position 256", [Segment("ids", ids[:252]), rows, Segment("ids", ids[252:])]))

    cases = []
    for name, segments in prompts:
        result = reference.greedy(reference.embeddings(segments), 16, kept_logits=3)
        written = [{"ids": s.ids} if isinstance(s, Segment) else {"rows": writer.array(s)} for s in segments]
        logits = writer.array(np.stack([step.numpy() for step in result.logits]))
        cases.append(
            {"name": name, "segments": written, "tokens": result.tokens, "margins": result.margins, "logits": logits}
        )
    writer.write_cases("language-model.json", cases)


def with_rows(segments: list[Segment], persona: PersonaResult) -> list[Segment | np.ndarray]:
    """Segments with the persona's rows in place of their names."""
    rows = {"instruction": persona.instruction, "persona": persona.rows}
    return [s if s.kind == "ids" else rows[s.kind].detach().float().numpy() for s in segments]


def golden_end_to_end(writer: GoldenWriter, reference: Reference, embed: Embed, sample: Sequence[dict]) -> None:
    """Whole answers with the shipped 8-bit embedder; of several queries those with the widest margins are kept."""
    small = [
        {"id": id, "date": date, "task": "news_headline", "input": text, "output": output}
        for id, date, text, output in SMALL_HISTORY
    ]
    large = [
        {"id": id, "date": date, "task": "news_headline", "input": text, "output": output}
        for id, date, text, output in long_history()
    ]
    by_category = [
        {**item, "task": "news_category", "output": "Environment" if n % 3 else "Politics"}
        for n, item in enumerate(large)
    ]
    small_category = [{**item, "task": "news_category", "output": "Weird News"} for item in small]
    candidates: list[tuple[str, list[dict], list[str]]] = [
        ("three items", small, list(SMALL_HISTORY_QUERIES)),
        ("three items, category", small_category, list(SMALL_HISTORY_QUERIES)),
        ("twenty items", large, list(SMALL_HISTORY_QUERIES)),
        ("twenty items, category", by_category, [f"{text} Read the whole story." for text in SMALL_HISTORY_QUERIES]),
    ]
    if len(sample) > 20:
        candidates.append(
            ("a sample history", list(sample[:-4]), [*ABSTRACTS, *(item["input"] for item in sample[-4:])])
        )
    cases = [best_case(reference, embed, name, history, queries) for name, history, queries in candidates]
    if all(case["answers"]["none"] == case["answers"]["persona"] for case in cases):
        print("warning: no golden answer differs with its persona; train longer before shipping these", flush=True)
    writer.write_cases("end-to-end.json", cases)


def best_case(reference: Reference, embed: Embed, name: str, history: list[dict], queries: list[str]) -> dict:
    """The query whose answers have the widest margins, if any among those with a clearly open gate that differ."""
    task = history[0]["task"]
    items = history_items([(item["id"], item.get("date"), item["input"], item["output"]) for item in history], embed)
    ranked = []
    for text in queries:
        persona = persona_of(reference.plug, task, embed(text), items, AT)
        none, none_margin = reference.answer(task, text, None)
        answer, margin = reference.answer(task, text, persona)
        case = {
            "name": name,
            "task": task,
            "history": history,
            "input": text,
            "at": AT,
            "answers": {"none": none, "persona": answer},
            "minimumMargin": {"none": none_margin, "persona": margin},
            "gate": persona.gate,
        }
        is_open = persona.gate >= GATE_THRESHOLD + GATE_MARGIN
        ranked.append(((is_open and none != answer, min(none_margin, margin)), case))
    return max(ranked, key=lambda entry: entry[0])[1]


def read_sample(path: Path | None) -> list[dict]:
    """A sample history (JSON lines), of one task; empty when there is none."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_golden(directory: Path, reference: Reference, embedder_package: Path, sample: Path | None) -> None:
    """Writes every golden file into `directory`."""
    writer = GoldenWriter(directory)
    embedder = Embedder()
    golden_embedder(writer, embedder)
    golden_prompts(writer, reference)
    personas = golden_persona(writer, reference, embedder.embed)
    golden_unigram_adaptation(writer, reference, personas)
    golden_language_model(writer, reference, personas)
    golden_end_to_end(writer, reference, OnnxEmbedder.of_package(embedder_package).embed, read_sample(sample))
    writer.close()
