"""The files of a release: made from a clean checkout, and verified as a user does."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

from test_attest import Workspace

ROOT = Path(__file__).parents[2]


def test_a_release_is_verified_from_outside(tmp_path: Path, tools: dict[str, str]) -> None:
    (tmp_path / "user").mkdir()
    place = Workspace(tmp_path / "user", "127.0.0.1:1", tools)
    place.folder = clone(tmp_path / "checkout")
    place.env["COSIGN_KEY"] = str(tmp_path / "cosign.key")
    words = [tools["cosign"], "generate-key-pair"]
    subprocess.run(words, check=True, cwd=tmp_path, env=place.env, capture_output=True)

    place.tool("deploy/release", "0.1.0")

    place.folder /= "dist"
    assert sorted(path.name for path in place.folder.iterdir()) == [
        "SHA256SUMS",
        "SHA256SUMS.bundle",
        "podwright-0.1.0-py3-none-any.whl",
        "podwright-jobs.pyz",
        "podwright-library-0.1.0.tar.gz",
        "podwright.cdx.json",
        "podwright.pyz",
        "podwright.spdx.json",
        "provenance.json",
    ]
    place.tool("sha256sum", "--check", "--quiet", "SHA256SUMS")
    key = ["--key", str(tmp_path / "cosign.pub"), "--insecure-ignore-tlog=true"]
    bundle = ["--bundle", "SHA256SUMS.bundle", "SHA256SUMS"]
    place.tool(tools["cosign"], "verify-blob", *key, *bundle)
    provenance = json.loads((place.folder / "provenance.json").read_text())
    assert len(provenance["subject"]) == 4
    with tarfile.open(place.folder / "podwright-library-0.1.0.tar.gz") as library:
        tops = {Path(name).parts[1] for name in library.getnames() if "/" in name}
    assert tops == {"vars", "src", "resources", "LICENSE"}


def test_what_is_not_ready_is_not_released(tmp_path: Path) -> None:
    folder = clone(tmp_path / "checkout")
    for version, sentence in (
        ("9.9.9", "release: pyproject.toml says 0.1.0, not 9.9.9; change it first\n"),
        ("", "release: expected one argument, the version; e.g. deploy/release 1.2.0\n"),
    ):
        words = ["deploy/release", *([version] if version else [])]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, sentence)
    (folder / "stray").touch()
    done = subprocess.run(
        ["deploy/release", "0.1.0"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stderr == "release: the checkout has changes; commit or remove them\n"


def clone(folder: Path) -> Path:
    """Clone this repository as it is, with a section for the version in the changelog."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    (folder / "deploy" / "release").write_bytes((ROOT / "deploy" / "release").read_bytes())
    changes = folder / "CHANGELOG.md"
    changes.write_text(changes.read_text().replace("## Unreleased", "## 0.1.0", 1))
    identity = ["-c", "user.name=x", "-c", "user.email=x@example"]
    subprocess.run(["git", *identity, "commit", "-qam", "Version 0.1.0"], check=True, cwd=folder)
    return folder
