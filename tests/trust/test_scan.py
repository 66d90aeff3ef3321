"""A planted vulnerability fails a scan, unless somebody accepts it until a day."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import binaries
import pytest
from hostimages import blob, manifest, repository
from hostrig import PASSWORD, USER
from test_attest import Workspace

from podwright.distribution.client import Login
from podwright.distribution.repository import MANIFESTS

TODAY = dt.datetime.now(dt.timezone.utc).date()
STATUS = """\
Package: planted
Status: install ok installed
Version: 1.2-3
Architecture: all

Package: unfixed
Status: install ok installed
Version: 9
Architecture: all
"""
PLANTED = "CVE-2026-0001 (high) in planted 1.2-3, fixed in 1.3"
UNFIXED = "CVE-2026-0002 (critical) in unfixed 9, no fix yet"
REMEDY = (
    "update these packages, or accept them for a while: ignore: [[id: ..., owner: ..., until: ...]]"
)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of vulnerabilities, written by Grype's own writer."""
    module = next(item for item in binaries.MODULES if item.path.endswith("/grype"))
    tree = binaries.source(module, tmp_path_factory.mktemp("source"))
    shutil.copytree(Path(__file__).parent / "grypedb", tree / "cmd" / "grypedb")
    folder = tmp_path_factory.mktemp("database")
    words = ["go", "build", "-mod=mod", "-trimpath", "-o", f"{folder}/write", "./cmd/grypedb"]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    subprocess.run(words, check=True, cwd=tree, env=env)
    subprocess.run([f"{folder}/write", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI archive of an image with two vulnerable packages; nothing was pushed."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "status").write_text(STATUS)
    (folder / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (folder / "Dockerfile").write_text(
        "FROM scratch\nCOPY status /var/lib/dpkg/status\nCOPY os-release /etc/os-release\n"
    )
    words = ["buildah", "bud", "--isolation", "chroot", "-q", "-t", "localhost/planted", "."]
    subprocess.run(words, check=True, cwd=folder, capture_output=True)
    target = f"oci-archive:{folder}/app.tar:app"
    subprocess.run(["buildah", "push", "-q", "localhost/planted", target], check=True, cwd=folder)
    return folder / "app.tar"


@pytest.fixture
def place(tmp_path: Path, tools: dict[str, str], archive: Path, database: Path) -> Workspace:
    """A workspace with the archive and the database."""
    made = Workspace(tmp_path, "127.0.0.1:1", tools)
    shutil.copy(archive, tmp_path / "app.tar")
    (tmp_path / "db").symlink_to(database)
    return made


def scan(place: Workspace, **more: Any) -> tuple[int, Any, str]:
    """Scan the archive; gives exit code, result and the last line."""
    value = {"archive": "app.tar", "databaseDir": "db", **more}
    code, result, said = place.podwright("scan", value)
    return code, result, said.splitlines()[-1]


def accepted(until: dt.date, **more: str) -> dict[str, str]:
    """Accept the planted vulnerability until a day."""
    return {"id": "CVE-2026-0001", "owner": "ann", "until": until.isoformat(), **more}


def test_what_is_as_bad_as_the_threshold_fails(place: Workspace) -> None:
    code, result, last = scan(place)
    assert (code, result) == (1, None)
    assert last == f"podwright scan: app.tar: 2 vulnerabilities: {UNFIXED}; {PLANTED}; {REMEDY}"
    assert scan(place, failOn="critical")[2] == (
        f"podwright scan: app.tar: 1 vulnerabilities: {UNFIXED}; {REMEDY}"
    )
    assert scan(place, onlyFixed=True)[2] == (
        f"podwright scan: app.tar: 1 vulnerabilities: {PLANTED}; {REMEDY}"
    )
    code, result, last = scan(place, failOn="never")
    assert (code, result["vulnerabilities"]) == (0, {"critical": 1, "high": 1})
    assert last == "[podwright] app.tar: 2 vulnerabilities, none of them fails (0 accepted)"


def test_an_acceptance_holds_until_its_day(place: Workspace) -> None:
    code, result, _ = scan(place, onlyFixed=True, ignore=[accepted(TODAY)])
    assert (code, result["accepted"]) == (0, [PLANTED])
    yesterday = TODAY - dt.timedelta(days=1)
    code, _, last = scan(place, onlyFixed=True, ignore=[accepted(yesterday)])
    assert code == 1
    assert last == (
        f"podwright scan: app.tar: 1 vulnerabilities: {PLANTED}; the acceptance of CVE-2026-0001 "
        f"by ann ended on {yesterday}; {REMEDY}"
    )
    code, _, _ = scan(place, onlyFixed=True, ignore=[accepted(TODAY, package="another")])
    assert code == 1


def test_acceptances_are_read_from_a_file(place: Workspace) -> None:
    path = place.folder / "accepted.yaml"
    path.write_text(f"ignore:\n- id: CVE-2026-0001\n  owner: ann\n  until: {TODAY}\n")
    code, _, last = scan(place, onlyFixed=True, ignoreFile="accepted.yaml")
    assert code == 0, last
    path.write_text("ignore:\n- id: CVE-2026-0001\n  until: soon\n")
    code, _, last = scan(place, onlyFixed=True, ignoreFile="accepted.yaml")
    assert code == 2
    said = place.podwright("scan", {"archive": "app.tar", "ignoreFile": "accepted.yaml"})[2]
    day = "ignore[0].until: 'soon' is not a day such as '2026-12-31'"
    assert said.splitlines() == [
        "podwright scan: accepted.yaml:2:3: ignore[0].owner: is missing; who answers for it",
        f"podwright scan: accepted.yaml:3:3: {day}",
    ]


def test_reports_are_what_jenkins_reads(place: Workspace) -> None:
    scan(place, failOn="never", report="out/scan")
    sarif = json.loads((place.folder / "out" / "scan.sarif").read_text())
    assert sarif["version"] == "2.1.0"
    rules = {result["ruleId"] for result in sarif["runs"][0]["results"]}
    assert rules == {"CVE-2026-0001-planted", "CVE-2026-0002-unfixed"}
    sbom = json.loads((place.folder / "out" / "scan.sbom.json").read_text())
    assert sbom["bomFormat"] == "CycloneDX"
    assert len(json.loads((place.folder / "out" / "scan.json").read_text())["matches"]) == 2


def test_mistakes_are_sentences(place: Workspace) -> None:
    assert scan(place, archive="nothing.tar") == (
        2,
        None,
        "podwright scan: archive: there is no file 'nothing.tar'",
    )
    code, _, last = scan(place, image="r.example/a:1")
    assert (code, last) == (2, "podwright scan: name either an image or an archive")
    code, _, last = scan(place, failOn="bad")
    assert code == 2
    assert last == (
        f"podwright scan: {place.where('failOn')}failOn: unknown level 'bad'; known are "
        "critical, high, low, medium, negligible, never"
    )
    code, _, last = scan(place, databaseDir="nowhere")
    assert code == 1
    assert last.startswith("podwright scan: grype sbom:"), last


def test_a_program_that_is_not_installed_is_taken_out_of_its_image(
    place: Workspace, host: str, tools: dict[str, str], tmp_path: Path
) -> None:
    mirror = repository(host, "mirror/syft", Login(USER, PASSWORD))
    packed = tmp_path / "layer.tar.gz"
    with tarfile.open(packed, "w:gz") as made:
        made.add(tools["syft"], "syft", filter=lambda item: item)
    layer = blob(mirror, "application/vnd.oci.image.layer.v1.tar+gzip", packed.read_bytes())
    config = blob(mirror, "application/vnd.oci.image.config.v1+json", b"{}")
    made_of = manifest(MANIFESTS[0], {"config": config, "layers": [layer]})
    mirror.put(made_of, "1")
    (place.folder / "programs" / "syft").unlink()
    (place.folder / "org.yaml").write_text(
        f"images: {{syft: '{host}/mirror/syft:1'}}\nregistries: {{'{host}': {{http: true}}}}\n"
    )
    place.env["PODWRIGHT_CONFIG"] = str(place.folder / "org.yaml")
    credentials = [{"variable": "REG", "registry": host}]
    code, _, last = scan(place, failOn="never", credentials=credentials)
    assert code == 0, last
    kept = list((place.folder / ".cache" / "podwright" / "programs").iterdir())
    assert [path.name for path in kept] == [f"syft-{made_of.digest[7:19]}"]


def test_without_a_program_and_its_image_one_sentence_tells(place: Workspace) -> None:
    (place.folder / "programs" / "grype").unlink()
    (place.folder / "org.yaml").write_text("images: {grype: 'mirror.invalid/grype:1'}\n")
    place.env["PODWRIGHT_CONFIG"] = str(place.folder / "org.yaml")
    assert scan(place)[2] == (
        "podwright scan: 'grype' is not installed here, and its image cannot be read: "
        "mirror.invalid: there is no such host; check its spelling, and the DNS; install it, or "
        "name a mirror: images: {grype: ...} in the organisation's config"
    )


def test_verification_trusts_one_key(tmp_path: Path, host: str, tools: dict[str, str]) -> None:
    place = Workspace(tmp_path, host, tools)
    reference = place.image("team/signed:1", "FROM scratch\nCOPY busybox /bin/busybox\n")
    place.tool(tools["cosign"], "generate-key-pair")
    sign = {"key": {"src": "cosign.key"}, "password": {"env": "COSIGN_PASSWORD"}}
    code, _, said = place.podwright("attest", {"image": reference, "sbom": True, "sign": sign})
    assert code == 0, said
    value = {"image": f"{host}/team/signed:1", "key": "cosign.pub", "attestations": ["spdx"]}
    code, result, said = place.podwright("verify", value)
    assert (code, result["reference"], result["verified"]) == (
        0,
        reference,
        ["signature", "spdx"],
    ), said
    (tmp_path / "Dockerfile").write_text(f"FROM {host}/team/signed:1\nFROM scratch\n")
    bases = {"dockerfile": "Dockerfile", "key": "cosign.pub"}
    code, result, said = place.podwright("verify", bases)
    assert (code, result["bases"]) == (0, {f"{host}/team/signed:1": reference}), said
    code, _, said = place.podwright("verify", {**value, "attestations": ["provenance"]})
    assert code == 1
    assert said.startswith(
        f"podwright verify: {reference} has no provenance of those who are trusted: "
    ), said
    for name in ("cosign.key", "cosign.pub"):
        (tmp_path / name).unlink()
    place.tool(tools["cosign"], "generate-key-pair")
    code, _, said = place.podwright("verify", value)
    assert code == 1
    assert said.startswith(
        f"podwright verify: {reference} has no signature of those who are trusted: "
    ), said
    code, _, said = place.podwright("verify", {"image": reference})
    assert (code, said) == (
        2,
        "podwright verify: name whom to trust: key, kms, or identity with issuer\n",
    )
