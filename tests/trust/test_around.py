"""What one build asks for around itself, done on this machine for real."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hostrig import PASSWORD, USER
from test_attest import PLAIN, Workspace
from test_scan import STATUS, TODAY, UNFIXED, accepted, database

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["database"]  # a fixture

KEY = {"key": {"src": "cosign.key"}, "password": {"env": "COSIGN_PASSWORD"}}
DOCKERFILE = "FROM {}/team/base:1\nCOPY status /var/lib/dpkg/status\n"


@pytest.fixture
def place(tmp_path: Path, host: str, tools: dict[str, str], database: Path) -> Workspace:
    """A workspace with an unsigned base, an image with two vulnerable packages, and a key."""
    made = Workspace(tmp_path, host, tools)
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    made.image("team/base:1", "FROM scratch\nCOPY os-release /etc/os-release\n")
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(host))
    (tmp_path / "db").symlink_to(database)
    made.tool(tools["cosign"], "generate-key-pair")
    return made


def build(place: Workspace, name: str, **more: Any) -> tuple[int, Any, str]:
    """Build the image; gives exit code, result and the last line."""
    value = {
        "image": f"{place.host}/team/{name}",
        "tags": ["1"],
        "builder": "buildah",
        "credentials": [{"registry": place.host, "variable": "REG"}],
        **more,
    }
    code, result, said = place.podwright("build", value)
    return code, result, said.splitlines()[-1]


def is_pushed(place: Workspace, name: str) -> bool:
    """Ask the registry for an image."""
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    url = f"http://{place.host}/v2/team/{name}/manifests/1"
    login = (USER.encode(), PASSWORD.encode())
    answer = requests.get(url, headers=accept, auth=login, timeout=10)
    assert answer.status_code in (200, 404)
    return answer.status_code == 200


def test_what_fails_the_scan_is_never_pushed(place: Workspace) -> None:
    code, result, last = build(place, "bad", scan={"databaseDir": "db", "onlyFixed": False})
    assert (code, result) == (1, None)
    assert UNFIXED in last
    assert not is_pushed(place, "bad")

    ignore = [accepted(TODAY), {**accepted(TODAY), "id": "CVE-2026-0002"}]
    code, result, last = build(place, "good", scan={"databaseDir": "db", "ignore": ignore})
    assert code == 0, last
    assert is_pushed(place, "good")
    assert (result["pushed"], result["output"], len(result["scan"]["accepted"])) == (True, None, 2)
    assert sorted(path.name for path in place.folder.glob("*.tar")) == []
    report = json.loads((place.folder / "podwright-scan.sarif").read_text())
    assert report["version"] == "2.1.0"


def test_an_image_is_attested_and_signed_by_its_build(place: Workspace) -> None:
    code, result, last = build(place, "signed", sbom=True, provenance="max", sign=KEY)
    assert code == 0, last
    reference = result["reference"]
    assert {kind: len(found) for kind, found in place.attached(reference).items()} == {
        "application/spdx+json": 1,
        "application/vnd.cyclonedx+json": 1,
        "application/vnd.in-toto+json": 1,
        "application/vnd.dev.sigstore.bundle.v0.3+json": 4,
    }
    key = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", *PLAIN]
    place.tool(place.tools["cosign"], "verify", *key, reference)
    assert result["attested"]["signed"] is True


def test_a_base_that_nobody_signed_ends_the_build_before_it_begins(place: Workspace) -> None:
    base = f"{place.host}/team/base"
    code, _, last = build(place, "unverified", verify="cosign.pub")
    assert code == 1
    assert last.startswith(f"podwright build: {base}@sha256:")
    assert "has no signature of those who are trusted" in last
    assert not is_pushed(place, "unverified")

    assert place.podwright("attest", {"image": f"{base}:1", "sign": KEY})[0] == 0
    (place.folder / "policy.yaml").write_text("owner: ann\nlimits: [{verify: cosign.pub}]\n")
    place.env["PODWRIGHT_CONFIG"] = "policy.yaml"
    code, _, last = build(place, "verified", verify="cosign.pub")
    assert code == 0, last
    assert is_pushed(place, "verified")


def test_a_limit_refuses_a_base_and_names_its_owner(place: Workspace) -> None:
    (place.folder / "policy.yaml").write_text("owner: ann\nlimits: [{verify: cosign.pub}]\n")
    place.env["PODWRIGHT_CONFIG"] = "policy.yaml"
    code, _, last = build(place, "refused", verify=False)
    assert code == 1
    assert "is not allowed by the organisation (limits[0].verify, ask ann): it has no" in last
    (place.folder / "Dockerfile").write_text("ARG BASE\nFROM $BASE\n")
    code, _, last = build(place, "uncertain")
    assert code == 2
    assert last.endswith(
        "Dockerfile: not all base images can be told, so they cannot be verified; write them "
        "without variables that have no value"
    )


def test_a_mistake_in_what_is_asked_for_is_told_with_the_others(place: Workspace) -> None:
    shutil.rmtree(place.folder / "programs")
    code, _, _ = build(place, "x", scan={"failOn": "worst"}, sign={"keys": 1}, tags=["a b"])
    assert code == 2
    code, _, last = build(place, "x", sign={})
    assert (code, last) == (2, "podwright build: sign: name one of key, kms and token")
