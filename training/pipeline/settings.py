"""The settings of a run: a TOML file with a table for each step, which may extend another file."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from training.core.run_directory import STEPS

Config = TypeVar("Config")

# The name of a step in older files, whose fields are still the same.
FORMER_NAMES = {"marginals": "unigram_adaptation"}
KNOWN = {*STEPS, "run_directory", "models", "threads", "steps", "base"}


def load_settings(path: Path) -> dict[str, Any]:
    """The settings of a file over those of the file that its `extends` names, beside it; tables are merged by key."""
    own = with_present_names(tomllib.loads(path.read_text(encoding="utf-8")))
    settings = load_settings(path.parent / own.pop("extends")) if "extends" in own else {}
    for name, value in own.items():
        is_table = isinstance(value, dict) and isinstance(settings.get(name), dict)
        settings[name] = {**settings[name], **value} if is_table else value
    if unknown := sorted(set(settings) - KNOWN):
        raise ValueError(f"{path} sets {', '.join(unknown)}. Known: {', '.join(sorted(KNOWN))}.")
    return settings


def with_present_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with steps under their present names, as tables and in lists of steps."""
    renamed = {FORMER_NAMES.get(name, name): value for name, value in settings.items()}
    for table in (renamed, renamed.get("base", {})):
        if "steps" in table:
            table["steps"] = [FORMER_NAMES.get(step, step) for step in table["steps"]]
    return renamed


def config_of(kind: type[Config], table: Mapping[str, Any]) -> Config:
    """A step's dataclass from its table; an unknown key is an error, not a silent default."""
    known = sorted(field.name for field in fields(kind))  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {unknown}. Known: {known}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def settings_hash(step: str, settings: Mapping[str, Any]) -> str:
    """Hash of a step's table and, through `reads`, of every step before it; of a step of the base, the base's hash."""
    base = settings.get("base", {})
    if step in base.get("steps", ()) and step not in settings.get("steps", ()):
        return base.get("done", {}).get(step, f"{step} of {base['run_directory']}")
    before = [settings_hash(dependency, settings) for dependency in STEPS[step].reads]
    text = json.dumps([step, settings.get(step, {}), settings.get("scale", 1.0), before], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
