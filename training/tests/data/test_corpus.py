"""A corpus of two invented articles: what is trained on, what is held out, and how much of each."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from training.core.run_directory import RunDirectory
from training.data.corpus import CorpusConfig, build_corpus, is_held_out
from training.data.tokenizer import TextTokenizer
from training.tests.tiny_run import used_data, write_data

FERRY = (
    "The ferry crosses the river {n} times a day. It carries cars and bicycles. Nobody has counted the gulls on {n}. "
)


def title_of_slice(held_out: bool) -> str:
    """The first title of its slice."""
    return next(f"Ferry {n}" for n in range(10_000) if is_held_out(f"Ferry {n}") == held_out)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "data"
    write_data(folder)
    (folder / "text").mkdir()
    with lzma.open(folder / "text" / "wiki-00.jsonl.xz", "wt", encoding="utf-8") as lines:
        for held_out in (False, True):
            title = title_of_slice(held_out)
            paragraphs = [
                FERRY.format(n=n) + f"They call it {title} all the same." + " It runs." * 12 for n in range(5)
            ]
            lines.write(json.dumps({"title": title, "text": "\n".join(paragraphs)}) + "\n")
    with used_data(folder):
        yield


@pytest.mark.usefixtures("data")
def test_articles_are_cut_and_excerpts_come_from_the_training_slice_alone(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    build_corpus(run, CorpusConfig(characters_per_article=700, beginning_characters=300, excerpts_per_article=2))
    told = json.loads((run.corpus.path / "corpus.json").read_text())
    assert told["excerpts"] == 4  # two titled passages and two gap sentences of one article
    assert told["train"]["documents"] == 1 + 4 + 3 * told["task_documents"]
    tokenizer = TextTokenizer(run.tokenizer)
    train, held_out = (
        tokenizer.decode(np.fromfile(run.corpus.path / f"{name}.u16", dtype=np.uint16).tolist())
        for name in ("train", "held-out")
    )
    assert held_out.count("Nobody has counted") == 2 and "on 2." not in held_out  # the beginning: two paragraphs
    assert f"call it {title_of_slice(True)} " not in train
    assert f"\n{title_of_slice(False)}" in train and "\nNobody has counted" not in held_out
    assert "on 4." not in train  # cut there
    assert told["held-out"]["documents"] == 1
