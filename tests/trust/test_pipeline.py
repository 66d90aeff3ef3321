"""A pipeline whose build is scanned, attested and signed, in real pods.

Needs the cluster of `make e2e`:

    PODWRIGHT_E2E_KEEP=1 tests/e2e/run -k test_bodies
    pytest -m 'trust and cluster' tests/trust
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import harness
import layout
import levels
import pytest
import requests
import standins
from hostimages import blob, manifest, repository
from test_attest import PLAIN, Workspace
from test_scan import STATUS, UNFIXED, database

from podwright import strategies
from podwright.distribution.client import Login
from podwright.distribution.repository import MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["database"]  # a fixture

pytestmark = pytest.mark.cluster
LOGIN = (layout.REGISTRY_USER, layout.REGISTRY_PASSWORD)
MEMBERS = {"syft": "syft", "grype": "grype", "cosign": "ko-app/cosign"}
JENKINSFILE = """\
@Library('podwright') _
def made = buildImage(
  image: "${params.REGISTRY}/trust/${params.BUILDER}", tags: [params.TAG], builder: params.BUILDER,
  credentials: 'registry-login', scan: [databaseDir: 'db', failOn: params.FAIL_ON],
  sbom: true, provenance: true, sign: [key: 'cosign-key', password: 'cosign-password'],
) { checkout scm }
echo "reference: ${made.reference}"
"""


@pytest.fixture(scope="module")
def organisation(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An organisation's library, whose config names a mirror of the programs' images."""
    folder = tmp_path_factory.mktemp("acme")
    images = {}
    for name, member in MEMBERS.items():
        mirror = repository(layout.PLAIN_REGISTRY, f"mirror/{name}", Login(*LOGIN))
        packed = folder / f"{name}.tar.gz"
        with tarfile.open(packed, "w:gz", compresslevel=1) as made:
            made.add(tools[name], member)
        layer = blob(mirror, "application/vnd.oci.image.layer.v1.tar+gzip", packed.read_bytes())
        config = blob(mirror, "application/vnd.oci.image.config.v1+json", b"{}")
        mirror.put(manifest(MANIFESTS[0], {"config": config, "layers": [layer]}), "1")
        images[name] = f"{layout.PLAIN_REGISTRY}/mirror/{name}:1"
        packed.unlink()
    pods = folder / "resources" / "acme-podwright" / "pods"
    pods.mkdir(parents=True)
    (folder / "vars").mkdir()
    (folder / "vars" / "acme.txt").write_text("Jenkins wants src/ or vars/ in each library.\n")
    settings = {"registries": {layout.PLAIN_REGISTRY: {"http": True}}, "images": images}
    (folder / "acme.yaml").write_text(json.dumps(settings))
    words = ["generate", "--presets", str(pods), "--config", str(folder / "acme.yaml")]
    subprocess.run([sys.executable, "-I", str(harness.BUNDLE), *words], check=True)
    return folder


@pytest.fixture
def place(tmp_path: Path, tools: dict[str, str], database: Path) -> Workspace:
    """A repository of an image with two vulnerable packages, and a key."""
    made = Workspace(tmp_path, layout.PLAIN_REGISTRY, tools)
    source = tmp_path / "source"
    shutil.copytree(database, source / "db", ignore=shutil.ignore_patterns("write"))
    (source / "status").write_text(STATUS)
    (source / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (source / ".dockerignore").write_text("db\n")
    (source / "Dockerfile").write_text(
        "FROM scratch\nCOPY status /var/lib/dpkg/status\nCOPY os-release /etc/os-release\n"
    )
    (source / "Jenkinsfile").write_text(JENKINSFILE)
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "An image"]):
        subprocess.run([*git, *words], check=True)
    made.tool(tools["cosign"], "generate-key-pair")
    return made


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> Iterator[None]:
    """The namespaces of the end-to-end tests, for as long as these tests run."""
    cluster = harness.Cluster(harness.site())
    for level in ("privileged", "baseline", "restricted"):
        cluster.namespace(f"e2e-{level}", level)
    yield
    harness.clean(cluster)


def run(place: Workspace, organisation: Path, builder: str, tag: str, level: str) -> str:
    """Run the pipeline with a threshold; gives its log."""
    credentials = {
        "registry-login": dict(zip(("username", "password"), LOGIN), type="usernamePassword"),
        "cosign-key": {
            "type": "file",
            "content": (place.folder / "cosign.key").read_text(),
            "fileName": "cosign.key",
        },
        "cosign-password": {"type": "string", "secret": place.env["COSIGN_PASSWORD"]},
    }
    (place.folder / "credentials.json").write_text(json.dumps(credentials))
    namespace = f"e2e-{json.loads(levels.DATA.read_text())['presets'][builder]['level']}"
    parameters = {"REGISTRY": layout.PLAIN_REGISTRY, "BUILDER": builder, "TAG": tag}
    parameters["FAIL_ON"] = level
    command = [str(harness.ROOT / "tests/runner/run-pipeline"), "--kubernetes"]
    command += ["--library", f"podwright={harness.ROOT}"]
    command += ["--implicit-library", f"acme={organisation}"]
    command += ["--env", "PODWRIGHT_RESOURCES=acme-podwright"]
    command += ["--env", f"PODWRIGHT_CONFIG={organisation / 'acme.yaml'}"]
    command += ["--namespace", namespace, "--agent-image", standins.AGENT, "--restricted-agent"]
    command += ["--scm", str(place.folder / "source")]
    command += ["--credentials", str(place.folder / "credentials.json")]
    command += ["--workspace-root", str(place.folder / "agent")]
    for name, value in parameters.items():
        command += ["--param", f"{name}={value}"]
    done = subprocess.run(
        [*command, str(place.folder / "source" / "Jenkinsfile")],
        env=harness.environment(str(layout.KUBECONFIG)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.stdout


def digest_of(repository_path: str, tag: str) -> str | None:
    """Ask the registry for an image."""
    accept = ", ".join(MANIFESTS)
    url = f"http://{layout.PLAIN_REGISTRY}/v2/{repository_path}/manifests/{tag}"
    answer = requests.head(url, headers={"Accept": accept}, auth=LOGIN, timeout=10)
    return answer.headers["Docker-Content-Digest"] if answer.ok else None


@pytest.mark.parametrize("builder", strategies.names())
def test_what_passes_the_scan_is_pushed_and_signed(
    place: Workspace, organisation: Path, builder: str
) -> None:
    log = run(place, organisation, builder, "bad", "high")
    assert UNFIXED in log, log[-4000:]
    assert log.rstrip().endswith("Finished: FAILURE")
    assert digest_of(f"trust/{builder}", "bad") is None

    log = run(place, organisation, builder, "good", "never")
    assert log.rstrip().endswith("Finished: SUCCESS"), log[-4000:]
    reference = f"{layout.PLAIN_REGISTRY}/trust/{builder}@{digest_of(f'trust/{builder}', 'good')}"
    assert f"reference: {reference}" in log
    key = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", *PLAIN]
    auths = {"auths": {layout.PLAIN_REGISTRY: dict(zip(("username", "password"), LOGIN))}}
    (place.folder / ".docker" / "config.json").write_text(json.dumps(auths))
    place.tool(place.tools["cosign"], "verify", *key, reference)
    for kind in ("spdxjson", "cyclonedx", "slsaprovenance1"):
        words = ["verify-attestation", "--type", kind, *key, reference]
        place.tool(place.tools["cosign"], *words)
