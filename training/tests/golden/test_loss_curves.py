"""The golden loss curves: learning rate, order of items, and that our adapters train as peft's do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.golden.loss_curves import CASES, FILE, STEPS, curve, has_peft, item_order, rate_factor
from training.package.model_package import read_manifest

MODELS = Path("models")
FEW = 8
ADAPTERS = [case for case in CASES if case[0] != "prompt"]


def test_the_rate_rises_over_a_tenth_and_falls_to_nothing() -> None:
    factors = [rate_factor(step, 50) for step in range(50)]
    assert factors[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert factors[-1] == pytest.approx(1 / 45)


def test_every_pass_goes_over_every_item_once() -> None:
    order = item_order(10, STEPS)
    assert all(sorted(order[start : start + 10]) == list(range(10)) for start in range(0, STEPS, 10))
    assert order[:10] != order[10:20]


@pytest.mark.skipif(not has_peft(), reason="peft is not installed")
@pytest.mark.parametrize(("kind", "rate", "decay"), ADAPTERS)
def test_our_adapters_train_as_those_of_peft(kind: str, rate: float, decay: float) -> None:
    package = MODELS / "nano-llm"
    ours = curve(package, kind, rate, decay, steps=FEW, use_peft=False)
    assert ours == pytest.approx(curve(package, kind, rate, decay, steps=FEW, use_peft=True), rel=1e-6)


@pytest.mark.parametrize(("kind", "rate", "decay"), CASES)
def test_the_committed_curves_are_those_of_the_shipped_model(kind: str, rate: float, decay: float) -> None:
    file = Path("research-models") / "golden" / FILE
    if not file.exists():
        pytest.skip(f"there is no {file}: make it with training.golden.loss_curves")
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["languageModel"] == read_manifest(MODELS / "nano-llm")["fingerprint"]
    (case,) = [case for case in document["cases"] if case["kind"] == kind]
    assert case["losses"][:FEW] == pytest.approx(
        curve(MODELS / "nano-llm", kind, rate, decay, steps=FEW, use_peft=False), rel=1e-6
    )
