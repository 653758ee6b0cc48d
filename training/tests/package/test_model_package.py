import hashlib
import json
from pathlib import Path

import pytest

from training.package.model_package import fingerprint, read_manifest, revision, verify, write_manifest

ROLES = {"plug.safetensors": "weights", "LICENSE": "licence", "MODEL_CARD.md": "card"}


def write_package(folder: Path, roles: dict[str, str] = ROLES) -> dict:
    for path in roles:
        (folder / path).write_text(f"content of {path}")
    return write_manifest(
        folder,
        kind="plug",
        name="plug",
        version="0.1.0",
        licence="Apache-2.0",
        description="A plug.",
        roles=roles,
        training_data=[{"name": "d", "licence": "CC0-1.0", "source": "https://example.org"}],
        results={"lift": 0.1},
        block={"dim": 384},
    )


def test_lists_files_with_size_hash_and_role(tmp_path: Path) -> None:
    manifest = write_package(tmp_path)
    assert manifest == read_manifest(tmp_path)
    assert [file["path"] for file in manifest["files"]] == sorted(ROLES)
    weights = next(file for file in manifest["files"] if file["role"] == "weights")
    assert weights["sha256"] == hashlib.sha256(b"content of plug.safetensors").hexdigest()
    assert weights["bytes"] == len("content of plug.safetensors")
    assert manifest["plug"] == {"dim": 384}


def test_fingerprint_covers_only_what_decides_the_outputs(tmp_path: Path) -> None:
    before = write_package(tmp_path)["fingerprint"]
    line = f"plug.safetensors {hashlib.sha256(b'content of plug.safetensors').hexdigest()}\n"
    assert before == hashlib.sha256(line.encode()).hexdigest()
    (tmp_path / "MODEL_CARD.md").write_text("another card")
    files = [{"path": path, "sha256": "0", "role": role} for path, role in ROLES.items()]
    assert fingerprint("plug", files) == fingerprint("plug", files[:1])


def test_fingerprint_of_a_language_model_leaves_out_graph_and_library() -> None:
    files = [{"path": role, "sha256": role, "role": role} for role in ("weights", "tokenizer", "graph", "library")]
    assert fingerprint("language-model", files) == fingerprint("language-model", files[:2])
    assert fingerprint("embedder", files) != fingerprint("embedder", files[:2])


def test_revision_is_the_start_of_the_manifests_hash(tmp_path: Path) -> None:
    write_package(tmp_path)
    expected = hashlib.sha256((tmp_path / "manifest.json").read_bytes()).hexdigest()[:16]
    assert revision(tmp_path) == expected


def test_verify_names_each_damage(tmp_path: Path) -> None:
    write_package(tmp_path)
    assert verify(tmp_path) == []
    (tmp_path / "LICENSE").write_text("CONTENT of LICENSE")
    (tmp_path / "MODEL_CARD.md").unlink()
    (tmp_path / "stray.bin").write_text("")
    (tmp_path / "plug.safetensors").write_text("short")
    problems = "\n".join(verify(tmp_path))
    for fact in ("LICENSE has SHA-256", "MODEL_CARD.md is missing", "stray.bin is not in the manifest", "has 5 bytes"):
        assert fact in problems
    assert "not a model package" in verify(tmp_path / "none")[0]


def test_verify_sees_an_edited_fingerprint(tmp_path: Path) -> None:
    manifest = write_package(tmp_path) | {"fingerprint": "0"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "fingerprint" in verify(tmp_path)[0]


@pytest.mark.parametrize(
    ("roles", "fact"),
    [
        ({**ROLES, "stray": "secret"}, "role 'secret'"),
        ({"plug.safetensors": "weights", "LICENSE": "licence"}, "role 'card'"),
        ({"LICENSE": "licence", "MODEL_CARD.md": "card"}, "needs a file of role weights"),
    ],
)
def test_refuses_roles_that_do_not_fit(tmp_path: Path, roles: dict[str, str], fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        write_package(tmp_path, roles)


def test_refuses_a_file_without_a_role(tmp_path: Path) -> None:
    (tmp_path / "stray.bin").write_text("")
    with pytest.raises(ValueError, match="stray.bin"):
        write_package(tmp_path)
