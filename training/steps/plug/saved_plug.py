"""Plugs in the run directory: the trained one, and the one that its training starts from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from training.core.run_directory import RunDirectory
from training.persona.plug import Plug
from training.steps.plug.plug_config import PlugConfig, create_plug

GATE_PARTS = ("gate_in", "gate_out", "center")


def plug_content(plug: Plug, config: PlugConfig) -> dict[str, Any]:
    """What a plug's file holds."""
    return {"plug": plug.state_dict(), "config": asdict(config), "hidden": plug.hidden}


def plug_of(content: dict[str, Any]) -> tuple[Plug, PlugConfig]:
    """The plug of a file, with the config that it was trained with."""
    config = PlugConfig(**content["config"])
    plug = create_plug(config, content["hidden"])
    plug.load_state_dict(content["plug"])
    return plug.eval(), config


def gate_content(plug: Plug) -> dict[str, Any]:
    """The weights of a plug's gate alone."""
    return {name: value for name, value in plug.state_dict().items() if name.startswith(GATE_PARTS)}


def load_plug(run: RunDirectory) -> tuple[Plug, PlugConfig]:
    """The trained plug of a run, with the gate that was trained with its unigram adaptation where there is one."""
    plug, config = plug_of(run.plug.read())
    if run.gate.exists():
        plug.load_state_dict({**plug.state_dict(), **run.gate.read()})
    return plug, config
