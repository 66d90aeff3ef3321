"""A pool of daemons on the cluster: affinity, deaths, updates, new authorities, strangers."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import binaries
import harness
import pytest
import standins
import yaml
from daemons import BUILDS, FOLDER, NAMESPACE, Daemons
from test_pipelines import credentials

from podwright import pools
from podwright.pools import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator

LOST = "was lost in mid-build"
# Objects of two projects are checked against their own schemas, which their modules carry.
SCHEMAS = {
    "github.com/kedacore/keda/v2@v2.21.0": ["config/crd/bases/keda.sh_scaledobjects.yaml"],
    "github.com/cert-manager/cert-manager@v1.21.2": [
        "deploy/crds/cert-manager.io_certificates.yaml",
        "deploy/crds/cert-manager.io_issuers.yaml",
    ],
}
VARIANTS = {
    "base": ([], []),
    "without-queue": (["without-queue"], ["queue=false"]),
    "scratch": (["scratch"], ["disk.size="]),
    "keda": (["keda"], ["scaling.enabled=true"]),
    "cert-manager": (["cert-manager"], ["certManager.enabled=true"]),
}


@pytest.fixture(scope="module")
def daemons(
    cluster: harness.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemons]:
    made = Daemons(cluster, tmp_path_factory.mktemp("pool"))
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def folder(tmp_path: Path, site: harness.Site) -> Any:
    """Give a folder with a Dockerfile that takes so many seconds and is like no other."""

    def make(name: str, seconds: int) -> Path:
        made = tmp_path / name
        made.mkdir()
        text = (
            f"FROM {site.registry}/base/busybox:1\nRUN echo {name} {time.time()}; sleep {seconds}\n"
        )
        (made / "Dockerfile").write_text(text)
        return made

    return make


def favourite(daemons: Daemons, image: str) -> str:
    """Give the daemon that an image goes to."""
    pool = Pool(name="zone-a", **_records(daemons.config["pools"]["zone-a"]))
    return pools.addresses(pool, image, "")[0].partition("//")[2].partition(".")[0]


def _records(value: dict[str, Any]) -> dict[str, Any]:
    kinds = tuple(pools.Daemons(**item) for item in value["daemons"])
    return {**value, "daemons": kinds}


def images(daemons: Daemons, site: harness.Site) -> dict[str, str]:
    """Give an image for each daemon, by the daemon."""
    found: dict[str, str] = {}
    for number in range(50):
        image = f"{site.registry}/pool/app{number}"
        found.setdefault(favourite(daemons, image), image)
    assert len(found) == 3
    return found


def request(site: harness.Site, image: str, **more: Any) -> dict[str, Any]:
    login = [{"variable": "REGISTRY", "registry": site.registry}]
    return {"image": image, "tags": ["1"], "pool": "zone-a", "credentials": login, **more}


def built(
    daemons: Daemons, image: str, source: Path, zone: str = "zone-a", **more: Any
) -> harness.Outcome:
    """Build in a pod of its own."""
    site = daemons.cluster.site
    with harness.pod(daemons.cluster, "pool", BUILDS, daemons.pod(zone)) as pod:
        return pod.build(request(site, image, pool=zone, **more), site.login, source, seconds=280)


# -- manifests -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schemas(cluster: harness.Cluster) -> Iterator[None]:
    """Teach the API server the kinds of KEDA and cert-manager."""
    files = []
    for module, names in SCHEMAS.items():
        done = subprocess.run(
            ["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True
        )
        files += [Path(json.loads(done.stdout)["Dir"]) / name for name in names]
    for file in files:
        cluster.run("apply", "--server-side", "-f", str(file))
    words = (
        "crd",
        "scaledobjects.keda.sh",
        "certificates.cert-manager.io",
        "issuers.cert-manager.io",
    )
    cluster.run("wait", "--for=condition=Established", *words, "--timeout=60s")
    time.sleep(2)  # kinds are served a moment later
    yield
    cluster.run("delete", *words)


def kustomized(cluster: harness.Cluster, work: Path, components: list[str]) -> str:
    """Give the manifests of a variant."""
    whole = {
        "resources": [os.path.relpath(FOLDER / "base", work)],
        "components": [os.path.relpath(FOLDER / name, work) for name in components],
        # What a component brings has no namespace yet.
        "namespace": NAMESPACE,
    }
    (work / "kustomization.yaml").write_text(json.dumps(whole))
    return cluster.run("kustomize", str(work)).stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_api_server_takes_each_variant_and_the_chart_is_the_same(
    cluster: harness.Cluster, schemas: None, tmp_path: Path, variant: str
) -> None:
    components, values = VARIANTS[variant]
    made = kustomized(cluster, tmp_path, components)
    binaries.ensure({"helm"})
    words = [word for value in [*values, "createNamespace=true"] for word in ("--set", value)]
    command = [str(binaries.path("helm")), "template", "pool", str(FOLDER / "chart")]
    rendered = subprocess.run(
        [*command, "--namespace", NAMESPACE, *words], capture_output=True, text=True, check=True
    ).stdout

    assert _objects(rendered) == _objects(made)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.apply(namespace)  # a dry run makes none
    cluster.run("apply", "--server-side", "--dry-run=server", "-f", "-", input=made)


def _objects(text: str) -> dict[tuple[str, str], Any]:
    """Give objects by kind and name; without what only tells how they were made."""
    text = re.sub(r"(?m) *# chart.*$", "", text)
    found = {}
    for item in yaml.safe_load_all(text):
        if item:
            item["metadata"].pop("namespace", None)
            for key, value in (item.get("data") or {}).items():
                plain = re.sub(r"(?m) *# chart.*\n?", "", value).strip()
                item["data"][key] = "\n".join(line for line in plain.splitlines() if line.strip())
            found[item["kind"], item["metadata"]["name"]] = item
    return found


# -- builds --------------------------------------------------------------------------------------


def test_an_image_goes_to_its_daemon_and_finds_its_layers_there(
    daemons: Daemons, site: harness.Site, folder: Any
) -> None:
    image, source = f"{site.registry}/pool/first", folder("first", 1)

    first, again = built(daemons, image, source), built(daemons, image, source)

    assert first.value["daemons"] == again.value["daemons"] == [favourite(daemons, image)]
    assert f"built by {favourite(daemons, image)} of pool 'zone-a'" in first.log
    assert (first.value["cachedSteps"], again.value["cachedSteps"]) == (0, 1)
    assert harness.pulled(site, f"{image}@{again.value['digest']}")


def test_doctor_says_what_a_pool_lacks(daemons: Daemons, tmp_path: Path) -> None:
    cluster = daemons.cluster
    kinds = [{"service": "nobody", "replicas": 1}, {"service": "buildkit", "replicas": 2}]
    zone = {**daemons.config["pools"]["zone-a"], "certificates": "lost", "daemons": kinds}
    config = {"pools": {**daemons.config["pools"], "zone-c": zone}}
    (tmp_path / "org.json").write_text(json.dumps(config))
    env = {**cluster.environment, "PODWRIGHT_CONFIG": str(tmp_path / "org.json")}
    command = [sys.executable, "-I", str(harness.BUNDLE), "doctor", "--json", "--builder", "kaniko"]

    done = subprocess.run(
        [*command, "--namespace", BUILDS], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr  # the namespace admits no engine and no builder

    found = json.loads(done.stdout)
    names = ["certificates", "service buildkit", "daemons buildkit"]
    assert found["pool zone-a"] == [{"name": name, "state": "yes"} for name in names]
    certificates, service, lost, _, more = found["pool zone-c"]
    assert [item["why"] for item in (certificates, service, lost)] == [
        'secrets "lost" not found',
        'services "nobody" not found',
        'statefulsets.apps "nobody" not found',
    ]
    assert more["why"] == "there are 3, and 'replicas' of the config says 2 at most"


def test_platforms_are_built_apart_and_joined_to_one_index(
    daemons: Daemons, site: harness.Site, tmp_path: Path
) -> None:
    image, source = f"{site.registry}/pool/platforms", tmp_path
    (source / "Dockerfile").write_text("FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /program\n")
    for name in ("amd64", "386"):
        (source / name).write_text(f"{name}\n")

    outcome = built(daemons, image, source, platforms=["linux/amd64", "linux/386"])

    value = outcome.value
    assert value["mediaType"] == "application/vnd.oci.image.index.v1+json", outcome.log
    assert [item["platform"] for item in value["manifests"]] == ["linux/386", "linux/amd64"]
    assert len({item["digest"] for item in value["manifests"]}) == 2
    for platform in ("linux/amd64", "linux/386"):
        assert f"[{platform}] built by buildkit-" in outcome.log


def test_a_daemon_that_has_no_room_is_passed_over_and_a_full_pool_is_waited_for(
    daemons: Daemons, site: harness.Site, folder: Any
) -> None:
    """Seven builds of one image that begin at once: two fit on a daemon."""
    image = f"{site.registry}/pool/popular"
    sources = [folder(f"popular{number}", 25) for number in range(7)]
    with ThreadPoolExecutor(7) as crowd:
        running = [crowd.submit(built, daemons, image, source, tags=[s.name]) for s in sources
                   for source in [s]]  # fmt: skip
        found = [one.result() for one in running]

    used = [outcome.value["daemons"][0] for outcome in found]
    assert len(set(used)) == 3
    waited = [outcome for outcome in found if "are busy; waiting for one" in outcome.log]
    assert waited
    assert not [outcome for outcome in found if LOST in outcome.log]


def test_builds_of_two_daemons_that_are_killed_end_on_others(
    daemons: Daemons, site: harness.Site, folder: Any
) -> None:
    found = images(daemons, site)
    killed = sorted(found)[:2]
    with ThreadPoolExecutor(2) as crowd:
        running = [
            crowd.submit(built, daemons, found[name], folder(f"killed-{name}", 20))
            for name in killed
        ]
        for name in killed:
            daemons.busy(name)
        for name in killed:
            daemons.kill(name)
        ended = [one.result() for one in running]

    for name, outcome in zip(killed, ended):
        assert outcome.value["digest"]
        assert f"{name} {LOST}; building anew on" in outcome.log
    daemons.ready()


def test_a_client_of_another_zone_is_refused(
    daemons: Daemons, site: harness.Site, folder: Any
) -> None:
    outcome = built(daemons, f"{site.registry}/pool/stranger", folder("stranger", 1), zone="zone-b")

    assert "do not trust each other's certificates" in outcome.answer["error"]
    assert "a pool takes nobody of another zone" in outcome.answer["error"]


class Builds:
    """Builds that go on while daemons are changed: long ones, and short ones after another."""

    def __init__(self, daemons: Daemons, folder: Any, mark: str) -> None:
        self.daemons, self.done = daemons, threading.Event()
        self._crowd = ThreadPoolExecutor(3)
        site = daemons.cluster.site
        found = images(daemons, site)
        self.long: list[Future[harness.Outcome]] = [
            self._crowd.submit(built, daemons, image, folder(f"{mark}-{name}", 20))
            for name, image in sorted(found.items())[-2:]
        ]
        for name in sorted(found)[-2:]:
            daemons.busy(name)
        self._pods: list[harness.Pod] = []
        self._short = self._crowd.submit(self._go_on, folder(f"{mark}-short", 1))

    def wait_for(self, authorities: str) -> None:
        """Wait until the pod that goes on has these: the kubelet renews its secret."""
        until = time.monotonic() + 150
        while (
            not self._pods or self._pods[0].shell("cat /run/podwright-pool/ca.crt") != authorities
        ):
            assert time.monotonic() < until
            time.sleep(2)

    def _go_on(self, source: Path) -> list[harness.Outcome]:
        site = self.daemons.cluster.site
        found = []
        with harness.pod(self.daemons.cluster, "pool", BUILDS, self.daemons.pod()) as pod:
            self._pods.append(pod)
            while not self.done.is_set():
                image = f"{site.registry}/pool/short{len(found)}"
                found.append(pod.build(request(site, image), site.login, source))
        return found

    def assert_all_ended_well(self) -> int:
        """Wait for all; none was lost, and none began anew. Gives how many there were."""
        self.done.set()
        found = [*(one.result() for one in self.long), *self._short.result()]
        self._crowd.shutdown()
        for outcome in found:
            assert outcome.value["digest"]
            assert LOST not in outcome.log
        return len(found)


def test_a_rolling_update_loses_no_build(daemons: Daemons, folder: Any) -> None:
    running = Builds(daemons, folder, "update")
    daemons.restart()
    daemons.ready()

    assert running.assert_all_ended_well() > 3


def test_scaling_down_loses_no_build(daemons: Daemons, folder: Any) -> None:
    running = Builds(daemons, folder, "scale")
    scale = ("-n", NAMESPACE, "scale", "statefulset/buildkit")
    daemons.cluster.run(*scale, "--replicas=1")
    gone = ("pod/buildkit-1", "pod/buildkit-2")
    daemons.cluster.run("-n", NAMESPACE, "wait", "--for=delete", *gone, "--timeout=200s")

    assert running.assert_all_ended_well() > 2
    daemons.cluster.run(*scale, "--replicas=3")
    daemons.ready()


def test_a_new_authority_loses_no_build(daemons: Daemons, folder: Any) -> None:
    running = Builds(daemons, folder, "rotate")
    for step in (1, 2, 3):
        said = daemons.certificates("zone-a", "--rotate")
        assert f"step {step} of 3" in said
        client = json.loads((daemons.work / "zone-a" / "client.yaml").read_text())["items"][0]
        running.wait_for(base64.b64decode(client["data"]["ca.crt"]).decode())
        daemons.restart()
        daemons.ready()

    assert running.assert_all_ended_well() > 4


def test_the_example_runs_as_its_page_says(
    daemons: Daemons, site: harness.Site, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(harness.ROOT / "examples" / "pool", source)
    shutil.copy("/bin/busybox", source / "app" / "busybox")
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The example"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "credentials.json").write_text(json.dumps(credentials(site)))
    command = [str(harness.ROOT / "tests/runner/run-pipeline"), "--kubernetes"]
    command += ["--library", f"podwright={harness.ROOT}", "--namespace", BUILDS]
    command += ["--env", f"PODWRIGHT_CONFIG={json.dumps(daemons.config)}"]
    command += ["--agent-image", standins.AGENT, "--restricted-agent", "--scm", str(source)]
    command += ["--credentials", str(tmp_path / "credentials.json")]
    command += ["--param", f"REGISTRY={site.registry}", "--param", "POOL=zone-a"]
    command += ["--env", "PODWRIGHT_PLANNER=any", "--workspace-root", str(tmp_path / "agent")]

    done = subprocess.run(
        [*command, str(source / "Jenkinsfile")],
        env=daemons.cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )

    assert re.search(
        r"(?m)^reference: \S+/examples/pool@sha256:[0-9a-f]{64}, built by buildkit-[0-2]$",
        done.stdout,
    ), done.stdout[-3000:]
