"""A plug's training as a whole, on invented users: processes, resumption, dry run, controls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.core.checkpoint import Checkpoint
from training.core.processes import Processes
from training.core.run_directory import RunDirectory
from training.steps.plug.plug_config import fix_parts, optimizer_of
from training.steps.plug.saved_plug import load_plug
from training.steps.plug.train_plug import prepare, train, train_plug
from training.tests.tiny_models import write_tiny_model
from training.tests.tiny_run import used_data, write_data, write_vectors
from training.tests.two_processes import config_of, gradients

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunDirectory, str]]:
    """A run and a language model, with invented users as the data while the module runs."""
    root = tmp_path_factory.mktemp("tiny")
    run = RunDirectory(root / "run")
    write_data(root / "data")
    write_vectors(root / "data", run, "news_category")
    llm = str(write_tiny_model("smollm", root / "llm"))
    with used_data(root / "data"):
        yield run, llm


def test_two_processes_have_the_gradients_of_one(tiny: tuple[RunDirectory, str]) -> None:
    run, llm = tiny
    # The launcher of several GPUs (`--cpu` would need MPI); the processes themselves stay on the CPU and use gloo.
    # fmt: off
    launch = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu",
        "--num_processes", "2", "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1",
        "--main_process_port", "29517", "-m", "training.tests.two_processes", str(run.path), llm,
    ]
    # fmt: on
    result = subprocess.run(launch, cwd=REPOSITORY, capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    together = torch.load(run.path / "gradients.pt", weights_only=True)
    alone = gradients(prepare(run, config_of(llm)))
    assert set(alone) <= set(together) and int(alone["samples"]) > 3
    for name, gradient in together.items():
        expected = alone.get(name, torch.zeros_like(gradient))  # the gate has no gradient here: summed, that is zero
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5, msg=name)
    digests = [(run.path / f"digest-{index}-of-2").read_text() for index in range(2)]
    assert digests[0] == digests[1]
    assert result.stdout.count("users, held out") == 1  # only the main process speaks
    assert not (run.path / "plug.checkpoint.pt").exists() and run.plug.exists()


def test_shares_are_disjoint_and_cover_all() -> None:
    entries = list(range(11))
    shares = [Processes(index, 4).share(entries) for index in range(4)]
    assert sorted(entry for share in shares for entry in share) == entries
    assert Processes(3, 4).share(entries[:2]) == []


def test_a_fixed_query_head_is_the_identity_and_stays(tiny: tuple[RunDirectory, str]) -> None:
    run, llm = tiny
    config = replace(config_of(llm), fixed_query=True)
    plug = prepare(run, config).plug
    torch.nn.init.normal_(plug.query.weight)  # as the plug that it starts from may have it
    fix_parts(plug, config)
    assert torch.equal(plug.query.weight, torch.eye(len(plug.query.weight)))
    trained = {id(parameter) for group in optimizer_of(plug, config).param_groups for parameter in group["params"]}
    assert id(plug.query.weight) not in trained and id(plug.projector_in.weight) in trained


def test_rows_start_at_the_size_of_embeddings_unless_told(tiny: tuple[RunDirectory, str]) -> None:
    run, llm = tiny
    sized, unsized = (prepare(run, replace(config_of(llm), calibrates_rows=is_so)) for is_so in (True, False))
    size = sized.frozen.embedding_rows().std()
    torch.testing.assert_close(unsized.plug.instruction * size, sized.plug.instruction)
    torch.testing.assert_close(unsized.plug.projector_out.bias * size, sized.plug.projector_out.bias)


def test_a_checkpoint_of_other_settings_is_left_aside(
    tiny: tuple[RunDirectory, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, llm = tiny
    config = replace(config_of(llm), has_gate=False)
    monkeypatch.setattr("training.core.checkpoint.INTERVAL_SECONDS", 0.0)

    def interrupted(self: Checkpoint, state: object) -> bool:
        save_if_due(self, state)
        raise KeyboardInterrupt

    save_if_due = Checkpoint.save_if_due
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Checkpoint, "save_if_due", interrupted)
        train(prepare(run, config), run)
    train(prepare(run, replace(config, rate=1.0)), run)
    assert "other settings" in capsys.readouterr().out
    assert run.plug_report.read()["steps"] == config.steps


def test_a_dry_run_tells_the_cost_and_trains_nothing(
    tiny: tuple[RunDirectory, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run, llm = tiny
    run.plug.remove()
    train_plug(run, replace(config_of(llm), steps=70), is_dry_run=True)
    told = capsys.readouterr().out
    for expected in ("M parameters", "tokens/s", "memory so far", "70 steps", "tokens a pass"):
        assert expected in told
    assert not run.plug.exists()


@pytest.mark.parametrize("rank", [0, 16])
def test_the_instruction_control_trains_instruction_rows_alone(tiny: tuple[RunDirectory, str], rank: int) -> None:
    run, llm = tiny
    config = replace(config_of(llm), persona_rows=0, instruction_rows=8, instruction_rank=rank, has_gate=False)
    trained = {"instruction", "instruction_in.weight", "instruction_out"} if rank else {"instruction"}
    training = prepare(run, config)
    before = {name: tensor.clone() for name, tensor in training.plug.state_dict().items()}
    assert set(gradients(training)) - {"loss", "samples"} == trained
    train(training, run)
    after = load_plug(run)[0].state_dict()
    assert {name for name in after if not torch.equal(after[name], before[name])} == trained


def test_published_pplug_has_one_row_each_and_no_temperature_decay_or_gate(tiny: tuple[RunDirectory, str]) -> None:
    run, llm = tiny
    config = replace(
        config_of(llm),
        persona_rows=1,
        instruction_rows=1,
        temperature=1.0,
        fixed_temperature=True,
        has_gate=False,
        without_outputs=("news_category",),
        intact_share=1 / 11,
    )
    training = prepare(run, config)
    found = gradients(training)
    assert "log_temperature" not in found
    assert not found["projector_in.weight"][:, training.plug.query.in_features :].any()
    train(training, run)
    plug = load_plug(run)[0]
    assert not plug.projector_in.weight[:, plug.query.in_features :].any()  # so no runtime can let outputs in
    assert plug.temperature().tolist() == [1.0] and plug.decay.tolist() == [0.0]
    features = torch.randn(5, 6)
    assert (torch.sigmoid(plug.gate_out(torch.tanh(plug.gate_in(features)))) >= 0.999).all()
