"""SBOM, provenance and signature, verified from outside by the standard tools."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import PASSWORD, USER

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "keep-this-to-yourself"
PLAIN = ["--allow-http-registry", "--allow-insecure-registry"]


class Workspace:
    """A checkout with a Dockerfile, and what works on its image."""

    def __init__(self, folder: Path, host: str, tools: dict[str, str]) -> None:
        self.folder = folder
        self.host = host
        self.tools = tools
        programs = folder / "programs"
        programs.mkdir()
        for name in ("syft", "cosign", "grype"):
            (programs / name).symlink_to(tools[name])
        self.env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "COSIGN_PASSWORD": "pass word",
            "REG_USR": USER,
            "REG_PSW": PASSWORD,
        }
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (folder / ".docker").mkdir()
        auths = json.dumps({"auths": {host: {"auth": login}}})
        (folder / ".docker" / "config.json").write_text(auths)

    def tool(self, *words: str) -> str:
        """Run a program; gives its stdout."""
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=self.folder, env=self.env
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def podwright(self, verb: str, value: dict[str, Any]) -> tuple[int, Any, str]:
        """Run a command with a request; gives exit code, result and talk."""
        asked = {"registries": {self.host: {"http": True}}, **value}
        (self.folder / "request.json").write_text(json.dumps(asked))
        done = subprocess.run(
            [sys.executable, "-m", "podwright", verb, "--request", "request.json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self.env,
        )
        return done.returncode, json.loads(done.stdout or "null"), done.stderr

    def where(self, text: str) -> str:
        """Give the place of a text in the last request, as sentences tell it; '' for none."""
        written = (self.folder / "request.json").read_text()
        return f"request.json:1:{written.index(json.dumps(text)) + 1}: " if text else ""

    def image(self, name: str, dockerfile: str) -> str:
        """Build and push an image; gives its reference."""
        (self.folder / "Dockerfile").write_text(dockerfile)
        shutil.copy("/bin/busybox", self.folder)
        target = f"{self.host}/{name}"
        words = ["--isolation", "chroot", "--tls-verify=false", "-q", "-t", target, "."]
        self.tool("buildah", "bud", *words)
        digest = self.folder / "digest"
        self.tool("buildah", "push", "--tls-verify=false", "--digestfile", str(digest), target)
        return f"{target.rpartition(':')[0]}@{digest.read_text()}"

    def attached(self, reference: str) -> dict[str, list[str]]:
        """Give the digests of what refers to an image, by type, as `oras discover` tells."""
        words = ["discover", "--plain-http", "--format", "json", reference]
        found = json.loads(self.tool(self.tools["oras"], *words))
        made: dict[str, list[str]] = {}
        for item in found["referrers"]:
            made.setdefault(item["artifactType"], []).append(item["digest"])
        return made


@pytest.fixture
def place(tmp_path: Path, host: str, tools: dict[str, str]) -> Workspace:
    """A workspace with a commit."""
    made = Workspace(tmp_path, host, tools)
    made.tool("git", "init", "-q", ".")
    made.tool("git", "remote", "add", "origin", "https://u:p@git.example/team/app.git")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example"]
    made.tool("git", *identity, "commit", "-q", "--allow-empty", "-m", "first")
    return made


def test_all_of_it_is_verified_by_the_standard_tools(place: Workspace) -> None:
    base = place.image("team/base:1", "FROM scratch\nCOPY busybox /bin/busybox\n")
    reference = place.image("team/app:1", f"FROM {place.host}/team/base:1\nLABEL a=b\n")
    place.tool(place.tools["cosign"], "generate-key-pair")
    build = {
        "image": "team/app",
        "builder": "buildah",
        "buildArgs": {"TOKEN": SECRET},
        "secrets": [{"id": "npm", "credentialsId": "x"}],
        "credentials": [{"credentialsId": SECRET}],
    }

    code, result, said = place.podwright(
        "attest",
        {
            "image": reference,
            "sbom": True,
            "provenance": True,
            "build": build,
            "sign": {"key": {"src": "cosign.key"}, "password": {"env": "COSIGN_PASSWORD"}},
        },
    )

    assert code == 0, said
    assert said.splitlines()[-1] == (
        f"[podwright] {reference}: attached 2 SBOMs, provenance, a signature"
    )
    found = place.attached(reference)
    assert {kind: len(digests) for kind, digests in found.items()} == {
        "application/spdx+json": 1,
        "application/vnd.cyclonedx+json": 1,
        "application/vnd.in-toto+json": 1,
        "application/vnd.dev.sigstore.bundle.v0.3+json": 4,
    }
    assert result["provenance"] == found["application/vnd.in-toto+json"][0]
    cosign = place.tools["cosign"]
    key = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", *PLAIN]
    place.tool(cosign, "verify", *key, reference)
    for kind in ("spdxjson", "cyclonedx"):
        place.tool(cosign, "verify-attestation", "--type", kind, *key, reference)
    words = ["verify-attestation", "--type", "slsaprovenance1", *key, reference]
    statement = json.loads(
        base64.b64decode(json.loads(place.tool(cosign, *words).splitlines()[0])["payload"])
    )
    assert statement["subject"][0]["digest"] == {"sha256": reference.rpartition(":")[2]}
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "image": "team/app",
        "builder": "buildah",
        "buildArgs": ["TOKEN"],
        "secrets": ["npm"],
    }
    commit = place.tool("git", "rev-parse", "HEAD").strip()
    assert definition["resolvedDependencies"] == [
        {"uri": "git+https://git.example/team/app@master", "digest": {"gitCommit": commit}},
        {
            "uri": f"docker://{place.host}/team/base:1",
            "digest": {"sha256": base.rpartition(":")[2]},
        },
    ]
    assert SECRET not in json.dumps(statement)


def test_the_sbom_names_what_is_in_the_image(place: Workspace) -> None:
    status = "Package: planted\nStatus: install ok installed\nVersion: 1.2-3\nArchitecture: all\n"
    (place.folder / "status").write_text(status)
    (place.folder / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    reference = place.image(
        "team/deb:1",
        "FROM scratch\nCOPY status /var/lib/dpkg/status\nCOPY os-release /etc/os-release\n",
    )
    code, result, said = place.podwright("attest", {"image": reference, "sbom": True})
    assert code == 0, said
    spdx = place.attached(reference)["application/spdx+json"][0]
    assert spdx in result["sbom"]
    name = reference.partition("@")[0]
    pulled = json.loads(
        place.tool(place.tools["oras"], "manifest", "fetch", "--plain-http", f"{name}@{spdx}")
    )
    layer = pulled["layers"][0]["digest"]
    document = json.loads(
        place.tool(
            place.tools["oras"], "blob", "fetch", "--plain-http", "--output", "-", f"{name}@{layer}"
        )
    )
    names = {(item["name"], item.get("versionInfo")) for item in document["packages"]}
    assert ("planted", "1.2-3") in names


def test_promotion_takes_the_attestations_along(place: Workspace) -> None:
    reference = place.image("team/go:1", "FROM scratch\nCOPY busybox /bin/busybox\n")
    place.tool(place.tools["cosign"], "generate-key-pair")
    sign = {"key": {"src": "cosign.key"}, "password": {"env": "COSIGN_PASSWORD"}}
    code, _, said = place.podwright("attest", {"image": reference, "sbom": True, "sign": sign})
    assert code == 0, said
    target = f"{place.host}/prod/go"
    code, result, said = place.podwright("promote", {"image": reference, "to": f"{target}:7"})
    assert code == 0, said
    assert result["referrers"] == 5
    key = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", *PLAIN]
    place.tool(place.tools["cosign"], "verify", *key, f"{target}:7")
    words = ["verify-attestation", "--type", "spdxjson", *key, f"{target}:7"]
    place.tool(place.tools["cosign"], *words)


@pytest.mark.parametrize(
    ("value", "key", "sentence"),
    [
        ({}, "", "nothing is asked for; say sbom, provenance or sign"),
        ({"sign": {}}, "sign", "sign: name one of key, kms and token"),
        (
            {"sign": {"key": {"src": "nowhere"}}},
            "",
            "sign.key: is empty; name a credential, a file (src) or a variable (env)",
        ),
        (
            {"provenance": "all"},
            "provenance",
            "provenance: expected true, false, 'min' or 'max', got 'all'",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    place: Workspace, value: dict[str, Any], key: str, sentence: str
) -> None:
    reference = place.image("team/wrong:1", "FROM scratch\nCOPY busybox /bin/busybox\n")
    code, _, said = place.podwright("attest", {"image": reference, **value})
    assert (code, said) == (2, f"podwright attest: {place.where(key)}{sentence}\n")


def test_a_wrong_password_of_a_key_is_told(place: Workspace) -> None:
    reference = place.image("team/wrong:1", "FROM scratch\nCOPY busybox /bin/busybox\n")
    place.tool(place.tools["cosign"], "generate-key-pair")
    place.env["COSIGN_PASSWORD"] = "another"
    sign = {"key": {"src": "cosign.key"}, "password": {"env": "COSIGN_PASSWORD"}}
    code, _, said = place.podwright("attest", {"image": reference, "sign": sign})
    assert code == 1
    assert said.startswith("podwright attest: cosign sign failed: "), said
    assert "decrypt" in said
