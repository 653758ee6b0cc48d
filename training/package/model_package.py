"""Model packages: a folder of files and the manifest.json that lists them with sizes, SHA-256, licences and results.

    python -m training.package.model_package verify models/nano-llm …      checks folders against their manifests
    python -m training.package.model_package revision models/nano-llm      prints the revision in the package's URL

docs/model-format.md describes the format; src/model-package/ reads it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
UNLISTED = {MANIFEST, "package.json"}  # package.json is npm's, and decides nothing that a package computes
ROLES = ("weights", "graph", "tokenizer", "library", "config", "golden", "licence", "card")
# Which files decide a package's outputs, by kind; another graph of the same LLM weights computes the same function.
FINGERPRINT_ROLES = {
    "embedder": ("weights", "graph", "tokenizer"),
    "language-model": ("weights", "tokenizer"),
    "plug": ("weights",),
    "golden": ("golden",),
}
BLOCKS = {"embedder": "embedder", "language-model": "languageModel", "plug": "plug"}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(
    folder: str | Path,
    *,
    kind: str,
    name: str,
    version: str,
    licence: str,
    description: str,
    roles: Mapping[str, str],
    training_data: Sequence[Mapping[str, str]],
    results: Mapping[str, Any],
    block: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes manifest.json of a package folder and returns it.

    `roles` names the role of each file, by its path in the folder; `block` is what the kind adds, with the keys of
    docs/model-format.md. Raises ValueError where a file is missing, unlisted, or named by a role or a block that does
    not fit.
    """
    folder = Path(folder)
    if kind not in FINGERPRINT_ROLES:
        raise ValueError(f"kind {kind!r} is unknown: use one of {', '.join(FINGERPRINT_ROLES)}")
    if (kind in BLOCKS) != (block is not None):
        raise ValueError(f"a package of kind {kind!r} {'needs' if kind in BLOCKS else 'takes no'} block")
    for path, role in roles.items():
        if role not in ROLES:
            raise ValueError(f"role {role!r} of {path} is unknown: use one of {', '.join(ROLES)}")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - UNLISTED
    if missing := sorted(set(roles) - present):
        raise ValueError(f"{folder} lacks {', '.join(missing)}: write these files before the manifest")
    if unlisted := sorted(present - set(roles)):
        raise ValueError(f"{folder} holds {', '.join(unlisted)} without a role: name one or delete the file")
    for role in ("licence", "card"):
        if role not in roles.values():
            raise ValueError(f"{folder} has no file of role {role!r}: every package ships LICENSE and MODEL_CARD.md")

    files = [
        {"path": path, "bytes": (folder / path).stat().st_size, "sha256": sha256_of(folder / path), "role": roles[path]}
        for path in sorted(roles)
    ]
    manifest: dict[str, Any] = {
        "schemaVersion": 1,
        "kind": kind,
        "name": name,
        "version": version,
        "licence": licence,
        "description": description,
        "files": files,
        "fingerprint": fingerprint(kind, files),
        "trainingData": [dict(entry) for entry in training_data],
        "results": dict(results),
    }
    if block is not None:
        manifest[BLOCKS[kind]] = dict(block)
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / MANIFEST).write_bytes(text.encode())
    return manifest


def fingerprint(kind: str, files: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of the lines "<path> <sha256>\\n" of the files that decide the outputs, sorted by path."""
    deciding = [file for file in files if file["role"] in FINGERPRINT_ROLES[kind]]
    if not deciding:
        roles = " or ".join(FINGERPRINT_ROLES[kind])
        raise ValueError(
            f"a package of kind {kind!r} needs a file of role {roles}: nothing would decide its fingerprint"
        )
    lines = [f"{file['path']} {file['sha256']}\n" for file in sorted(deciding, key=lambda file: file["path"])]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """manifest.json of a package folder."""
    return json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))


def revision(folder: str | Path) -> str:
    """The first 16 hex digits of the manifest's SHA-256: the part of the package's URL that changes with any file."""
    return sha256_of(Path(folder) / MANIFEST)[:16]


def verify(folder: str | Path) -> list[str]:
    """What is wrong with a package folder, a sentence each; empty where all files are there with their sizes and
    hashes.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        return [f"{folder} has no {MANIFEST}: it is not a model package"]
    manifest = read_manifest(folder)
    problems = []
    for file in manifest["files"]:
        path = folder / file["path"]
        if not path.is_file():
            problems.append(f"{path} is missing")
        elif path.stat().st_size != file["bytes"]:
            problems.append(f"{path} has {path.stat().st_size} bytes, the manifest says {file['bytes']}")
        elif (found := sha256_of(path)) != file["sha256"]:
            problems.append(f"{path} has SHA-256 {found}, the manifest says {file['sha256']}")
    listed = {file["path"] for file in manifest["files"]} | UNLISTED
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    problems += [f"{folder / path} is not in the manifest" for path in sorted(present - listed)]
    if fingerprint(manifest["kind"], manifest["files"]) != manifest["fingerprint"]:
        problems.append(f"{folder / MANIFEST} has a fingerprint that does not follow from its files")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("verify", "revision"))
    parser.add_argument("folders", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.action == "revision":
        for folder in arguments.folders:
            print(revision(folder))
        return
    problems = [problem for folder in arguments.folders for problem in verify(folder)]
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
