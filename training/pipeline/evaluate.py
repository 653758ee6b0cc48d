"""Measures what ships, or a run, on users who were held out: `python -m training.pipeline.evaluate [--check]`.

`--check` exits 1 unless, over at least 300 queries of news_category, the persona beats both "none" and another user's
history with 95 % intervals of the paired differences below zero.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from training.core.machine import prepare_machine
from training.core.run_directory import RunDirectory
from training.data.tokenizer import TextTokenizer
from training.package.model_package import read_manifest
from training.package.shipped import OnDemandVectors, shipped_language_model, shipped_plug, shipped_unigram_adaptation
from training.steps.evaluate import Evaluator, evaluate, evaluator_of_run

CHECKED_TASK = "news_category"
MINIMUM_QUERIES = 300


def evaluator_of_packages(models: Path, plug_package: Path) -> tuple[Evaluator, OnDemandVectors]:
    """The language model that ships and the plug of a package, with the 8-bit embedder."""
    tokenizer = TextTokenizer(models / "nano-llm" / "tokenizer.json")
    plug = shipped_plug(plug_package)
    evaluator = Evaluator(
        shipped_language_model(models / "nano-llm"),
        plug,
        tokenizer,
        (plug.instruction_rows, plug.persona_rows),
        tuple(read_manifest(plug_package)["plug"].get("withoutOutputs", ())),
        shipped_unigram_adaptation(plug_package),
    )
    return evaluator, OnDemandVectors(models / "all-minilm-l6-v2")


def failures(results: dict) -> list[str]:
    """Why the check fails; empty when it holds."""
    result = results[CHECKED_TASK]
    found = []
    if result["queries"] < MINIMUM_QUERIES:
        found.append(f"{result['queries']} queries of {CHECKED_TASK}, at least {MINIMUM_QUERIES} are needed")
    for name in ("persona - none", "persona - shuffled"):
        if result["difference"][name]["high"] >= 0:
            mean, high = result["difference"][name]["mean"], result["difference"][name]["high"]
            found.append(f"{name} is {mean:.4f} and its interval reaches {high:.4f}; it must stay below 0")
    return found


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="the packages to measure")
    parser.add_argument("--plug", type=Path, default=None, help="the plug's package, if not that in --models")
    parser.add_argument("--run-directory", type=Path, default=None, help="measure a training run instead of packages")
    parser.add_argument("--output", type=Path, default=None, help="a JSON file for the numbers")
    parser.add_argument("--tasks", nargs="+", default=[CHECKED_TASK])
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--check", action="store_true", help="exit 1 unless the persona helps (see above)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    prepare_machine(arguments.threads)
    evaluator, vectors = (
        evaluator_of_run(RunDirectory(arguments.run_directory))
        if arguments.run_directory
        else evaluator_of_packages(arguments.models, arguments.plug or arguments.models / "plug")
    )
    results = evaluate(evaluator, vectors, arguments.tasks, arguments.split)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=1))
    if not arguments.check:
        return 0
    found = failures(results)
    for reason in found:
        print(f"check failed: {reason}", file=sys.stderr)
    if not found:
        print("check passed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
