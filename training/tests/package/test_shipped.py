"""What is exported is what is read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from training.package.model_package import write_manifest
from training.package.shipped import shipped_language_model, shipped_plug
from training.persona.plug import Plug

MODELS = Path(__file__).parents[3] / "models"


@pytest.mark.parametrize("rank", [0, 4])  # without and with the optional tensors
def test_a_plug_survives_its_package(tmp_path: Path, rank: int) -> None:
    torch.manual_seed(0)
    plug = Plug(6, 8, 5, 2, 3, ("a", "b"), temperature=7.0, instruction_rank=rank, normalizes_query=rank == 0)
    plug.start_from_embeddings(torch.randn(40, 8), torch.Generator().manual_seed(1))
    plug.round_to_half()
    plug.decay.copy_(torch.tensor([0.02, 0.3]))
    if rank:
        plug.center.normal_()
    save_file(plug.export_tensors(), tmp_path / "plug.safetensors")
    for name in ("LICENSE", "MODEL_CARD.md"):
        (tmp_path / name).write_text("-")
    sizes = {
        "dim": 6,
        "hiddenSize": 8,
        "projectorWidth": 5,
        "personaRows": 2,
        "instructionRows": 3,
        "instructionRank": rank,
    }
    write_manifest(
        tmp_path,
        kind="plug",
        name="plug",
        version="0",
        licence="Apache-2.0",
        description="",
        roles={"plug.safetensors": "weights", "LICENSE": "licence", "MODEL_CARD.md": "card"},
        training_data=[],
        results={},
        block={**sizes, "normalizesQuery": rank == 0, "tasks": ["a", "b"], "weights": "plug.safetensors"},
    )
    read = shipped_plug(tmp_path)
    assert read.normalizes_query == plug.normalizes_query
    before, after = plug.export_tensors(), read.export_tensors()
    assert before.keys() == after.keys()
    assert ("center.default" in before) == bool(rank)
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, msg=name)


@pytest.mark.skipif(not (MODELS / "nano-llm" / "manifest.json").exists(), reason="models/nano-llm is not there")
def test_the_shipped_language_model_computes() -> None:
    model = shipped_language_model(MODELS / "nano-llm")
    with torch.no_grad():
        logits = model(torch.tensor([[1, 2, 3]])).logits
    assert logits.shape == (1, 3, 8192) and bool(torch.isfinite(logits).all())
    weight = model.model.layers[0].self_attn.q_proj.weight
    assert torch.equal(weight, weight.to(torch.bfloat16).float())
