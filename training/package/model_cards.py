# ruff: noqa: E501 (card prose)
"""The texts of a package: licence, training data, and model cards with the measured numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SOURCES = {
    "wikipedia": {
        "name": "English Wikipedia, 25,888 articles (2015)",
        "licence": "CC BY-SA 3.0",
        "source": "https://en.wikipedia.org",
    },
    "huffpost": {
        "name": "News Category Dataset (HuffPost headlines 2012-2022), slices by author",
        "licence": "CC BY 4.0",
        "source": "https://www.kaggle.com/datasets/rmisra/news-category-dataset",
    },
    "acl": {
        "name": "ACL Anthology 2016-2021, abstracts and titles by author",
        "licence": "CC BY 4.0",
        "source": "https://aclanthology.org",
    },
    "rotten-tomatoes": {
        "name": "Rotten Tomatoes critics' reviews; a model trained on them may not be distributed",
        "licence": "none stated",
        "source": "https://www.rottentomatoes.com",
    },
    "movielens": {
        "name": "MovieLens 10M tags with Wikipedia extracts; a model trained on them may not be distributed",
        "licence": "research use only",
        "source": "https://grouplens.org/datasets/movielens/10m/",
    },
}
SOURCE_OF_TASK = {
    "news_category": "huffpost",
    "news_headline": "huffpost",
    "paper_title": "acl",
    "movie_rating": "rotten-tomatoes",
    "movie_tag": "movielens",
}
# Apache-2.0 covers our weights only where their sources let them be passed on.
UNDISTRIBUTABLE = ("rotten-tomatoes", "movielens")
NO_LICENCE = "none: not to be distributed"


def licence_of(sources: Iterable[str]) -> str:
    """The licence of weights that were trained on these sources."""
    return NO_LICENCE if set(sources) & set(UNDISTRIBUTABLE) else "Apache-2.0"


def sources_of(tasks: Iterable[str]) -> tuple[str, ...]:
    """The sources of tasks, each once, in the order of SOURCES."""
    found = {SOURCE_OF_TASK[task] for task in tasks}
    return tuple(name for name in SOURCES if name in found)


def training_data(names: tuple[str, ...]) -> list[dict[str, str]]:
    """The manifest's entries of these sources."""
    return [SOURCES[name] for name in names]


def licence_text() -> str:
    """Apache-2.0: the repository's own LICENSE."""
    path = Path("LICENSE")
    if not path.exists():
        raise FileNotFoundError("LICENSE is not in the working directory. Run the export from the repository's root.")
    return path.read_text(encoding="utf-8")


def language_model_card(results: dict) -> str:
    """Card of the nano language model."""
    lines = [
        "# Nano language model",
        "",
        "A Llama of 6.8 million parameters (6 layers, hidden size 256, 4 heads, 2 key-value heads, tied byte-level BPE of 8,192",
        "tokens, context 1,024), trained from scratch: pre-training on Wikipedia and the training users' texts,",
        "tuning on three tasks (news category, news headline, paper title) with and without retrieved items, and last",
        "distillation: together with a first plug, from which the plug's own training starts, the model learned to read",
        "prompts with soft rows and to answer them for news category as a linear head on the same vectors does. The weights",
        "are a mean of those before and after that last step.",
        "",
        "It exists so that a personalized answer can be shown in a browser tab without a download of gigabytes. It knows",
        "little of the world, invents freely, and its answers outside these three tasks mean nothing. Its texts come from",
        "sources with their biases: one news site and papers of computational linguistics.",
        "",
        "It was tuned on the plug's users too, except an eighth of them. No text of a user who is measured was seen in",
        "training, and no measured query occurs in any training text.",
        "",
        "## Measured",
    ]
    if "pretrain" in results:
        measured = results["pretrain"]
        lines.append(
            f"- pre-training: {measured['tokens'] / 1e6:.1f} M tokens in {measured['steps']} steps; "
            f"{measured['held_out_bits_per_byte']:.3f} bits per byte on held-out Wikipedia"
        )
    if "task-tune" in results:
        kept = results["task-tune"].get("kept", {})
        losses = ", ".join(f"{task} {loss:.3f}" for task, loss in kept.items())
        lines.append(
            f"- task tuning: {results['task-tune']['steps']} steps; loss of a held-out answer token: {losses} nats"
        )
    lines += ["", *data_section(("wikipedia", "huffpost", "acl"))]
    return "\n".join(lines) + "\n"


CONTROLS = {
    "plug-instruction": (
        "# Control: constant instruction rows",
        "As many rows as the plug has, constant for a task, trained alone on the plug's users. It shows what a soft prompt",
        "brings without any history (method `instruction` of the evaluation); it personalizes nothing.",
    ),
    "plug-pplug": (
        "# Control: PPlug as published",
        "One persona row and one instruction row, weights softmax(x·h) without temperature or decay, no gate, labels not in",
        "the values (arXiv 2409.11901). Trained on the plug's users, for the evaluation (method `persona-pplug`).",
    ),
}


def plug_card(results: dict, name: str = "plug") -> str:
    """Card of the plug, or of a control in its form."""
    if name in CONTROLS:
        title, *text = CONTROLS[name]
        return "\n".join([title, "", *text, "", *data_section(("huffpost", "acl"))]) + "\n"
    lines = [
        "# Plug of the nano language model",
        "",
        "Turns the vectors of a history into four persona rows and four instruction rows (PPlug, arXiv 2409.11901, with",
        "a learned temperature, a recency decay, instruction rows that follow the query, and a gate). It started at a linear",
        "head over news categories and was trained with the language model frozen: news categories on the head's answers,",
        "titles and headlines on those of users whom the language model has been tuned on too. It fits exactly the embedder",
        "and the language model whose fingerprints its manifest names.",
        "",
        "Query head, projector and gate are shared by all tasks; temperature, decay and instruction rows are per task, and",
        "a task unknown to the plug uses their means (`default`).",
        *unigram_adaptation_section(results.get("unigram-adaptation", {}).get("tasks", {})),
        "",
        "Results are on LaMP-shaped tasks rebuilt from public sources, on dev users; intervals resample users.",
        "",
        "## Measured",
    ]
    for task, result in results.get("evaluate-dev", {}).items():
        lines += [
            "",
            f"{task}: {result['queries']} queries of {result['users']} users",
            "",
            "| condition | loss of the gold answer (nats) | accuracy |",
            "|---|---|---|",
        ]
        for condition, loss in result["loss"].items():
            accuracy = result["accuracy"].get(condition)
            shown = f"{accuracy['mean']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]" if accuracy else "-"
            lines.append(f"| {condition} | {loss['mean']:.3f} [{loss['low']:.3f}, {loss['high']:.3f}] | {shown} |")
        for conditions, difference in result["difference"].items():
            lines.append(
                f"\n{conditions}: {difference['mean']:.3f} [{difference['low']:.3f}, {difference['high']:.3f}]"
            )
        lines += ["", verdict(result)]
    lines += ["", *data_section(("huffpost", "acl"))]
    return "\n".join(lines) + "\n"


def unigram_adaptation_section(fitted: dict) -> list[str]:
    """The parameters of the unigram adaptation and what it gains, by task."""
    if not fitted:
        return []
    return [
        "",
        "Unigram adaptation (Kneser, Peters, Klakow 1997) raises the tokens that the user writes: β · ln(1 + c / (μ · p)) is",
        "added to the logit of a token that occurs c times in the user's weighted outputs, until it occurs in the answer; p is",
        "its share in the outputs of all training users. β and μ of each task are fitted on dev users:",
        "",
        "| task | β | μ | loss of the gold answer without → with (nats) | queries |",
        "|---|---|---|---|---|",
        *(
            f"| {task} | {found['strength']:g} | {found['mass']:g} | {found['before']:.2f} → {found['after']:.2f} | "
            f"{found['queries']} of {found['users']} users |"
            for task, found in fitted.items()
        ),
    ]


def verdict(result: dict) -> str:
    """The paired differences in a sentence: personalization is a gain over another user's history.

    That gain is measured with the gate open, since a gate that closes for other users makes a difference of its own.
    """
    helps = result["difference"]["persona - none"]["high"] < 0
    is_personal = result["difference"]["persona, gate open - shuffled, gate open"]["high"] < 0
    if helps and is_personal:
        return "The persona helps, and another user's history does not help as much: this is personalization."
    if helps:
        return "The persona helps, but another user's history helps as much: this gain is adaptation to the task, not to the user."
    return "The persona does not help here."


def data_section(names: tuple[str, ...]) -> list[str]:
    """The training data with their licences."""
    return ["## Training data", "", *(f"- {SOURCES[name]['name']}: {SOURCES[name]['licence']}" for name in names)]


GOLDEN_CARD = """# Golden vectors

Small files that hold every runtime to the training code: embedder vectors (float32 model), also of texts of several
chunks, token ids of prompt segments, persona weights, rows and gates (float64), what unigram adaptation adds to the
logits (float64), greedy tokens and logits of the language model (torch float32 on the bfloat16-rounded weights), and
whole answers computed with the shipped 8-bit embedder. Arrays lie in `golden.f32` (little-endian float32) and are
addressed by offset and shape. All texts were written for this project, but for a sample history of paper titles (ACL
Anthology, CC BY 4.0), where one is used.
"""
