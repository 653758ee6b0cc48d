"""Numbers of Google's rouge-score for made-up pairs of text: `python -m training.golden.rouge OUTPUT.json`.

The TypeScript metric is compared with them. Needs `pip install --group rouge`. No stemming:
LaMP's evaluation calls Hugging Face's `rouge` with its default, which does not stem.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

PAIRS = 200
WORDS = (
    "the a of in on for how why what when new old city council river bridge harbour garden teacher Teacher TEACHER "
    "morning evening coffee bread winter summer 2024 7th 3.5 re-opens re opens don't won't café naïve Zürich "
    "Straße İstanbul ﬁnal co-operate e-mail (again) 'quoted' “curly” well-known U.S. O'Hara 10,000 100% under_score "
    "emoji🙂joined привет 東京 half½ tab\tbed line\nbreak Kelvin K … — - !"
).split(" ")


def made_up_pair(source: random.Random) -> tuple[str, str]:
    """A reference, and a prediction that keeps, swaps, drops and repeats some of its words."""
    reference = [source.choice(WORDS) for _ in range(source.randrange(0, 16))]
    prediction = [word for word in reference if source.random() < 0.7]
    prediction += [source.choice(WORDS) for _ in range(source.randrange(0, 5))]
    if source.random() < 0.3:
        source.shuffle(prediction)
    if source.random() < 0.1:
        prediction = []
    return " ".join(reference), " ".join(prediction)


def main() -> None:
    """Command line."""
    from rouge_score.rouge_scorer import RougeScorer

    source = random.Random(0)
    scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=False)
    cases = []
    for _ in range(PAIRS):
        reference, prediction = made_up_pair(source)
        scores = scorer.score(reference, prediction)
        cases.append(
            {
                "reference": reference,
                "prediction": prediction,
                "rouge1": scores["rouge1"].fmeasure,
                "rougeL": scores["rougeL"].fmeasure,
            }
        )
    rows = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    Path(sys.argv[1]).write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
