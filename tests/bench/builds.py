"""Builds in pods of a real cluster: beside the builder alone, with caches, and how pods start.

Overhead: podwright and the builder's own words build one image in one pod, in turns: unchanged,
with one line changed, and with nothing cached. Caches: an image is built, then built again
unchanged, then with a line changed in a late step, each on a fresh pod. Starts: from a pod's
creation to its first line, beside a minimal pod written by hand.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import shlex
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import ROOT, Row, say, timed

sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "pytools")]

import harness  # noqa: E402 - after the path is set
import layout  # noqa: E402
import standins  # noqa: E402
from controller import Controller  # noqa: E402

from podwright import pools  # noqa: E402
from podwright.config import Config  # noqa: E402
from podwright.images import IMAGES  # noqa: E402
from podwright.plan import plan_pod  # noqa: E402
from podwright.request import parse_pod  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "podwright-bench"
AUTH = f"{harness.HOME}/auth"  # a volume
# The builder's own words for a context in the workspace; $REF is the image. All of them look for a
# newer base, as podwright does.
CONTAINERS = (
    "export REGISTRY_AUTH_FILE=$DOCKER_CONFIG/config.json; "
    "{0} build --isolation chroot --layers --pull=newer --tls-verify=false $MORE -t $REF . >&2 && "
    "{0} push --tls-verify=false $REF >&2"
)
BUILDKIT = (
    "buildctl build --progress plain --frontend dockerfile.v0 $MORE --local context=. "
    "--local dockerfile=. --output type=image,name=$REF,push=true,oci-mediatypes=true"
)
KANIKO = (
    "KANIKO_PRE_CLEANUP=true /kaniko/executor --context dir://$PWD --cleanup "
    "--skip-tls-verify --skip-tls-verify-registry $HOST --destination $REF"
)
DOCKER = "docker build $MORE -t $REF . && docker push $REF"
BARE = {
    "buildkit": BUILDKIT,
    "kaniko": KANIKO,
    "buildah": CONTAINERS.format("buildah"),
    "podman": CONTAINERS.format("podman"),
    **dict.fromkeys(("dind", "dind-sidecar", "dood"), DOCKER),
}


@dataclass(frozen=True)
class Shape:
    """An image that is built.

    Attributes:
        steps: RUN steps behind the COPY.
        work: what each does.
        files: how many files the context has beside the Dockerfile.
        size: of each of them, in bytes.
    """

    steps: int
    work: str
    files: int = 1
    size: int = 10

    def fill(self, folder: Path, base: str, mark: str) -> None:
        """Write the context; the mark is in the last step."""
        lines = [f"FROM {base}", "COPY data /data"]
        lines += [f"RUN {self.work} > /step{n}" for n in range(self.steps)]
        for number in range(self.files):
            place = folder / "data" / str(number % 100)
            place.mkdir(parents=True, exist_ok=True)
            (place / str(number)).write_bytes(f"{number:010d}".encode() * (self.size // 10))
        text = "\n".join([*lines, f"RUN echo {mark} > /mark", ""])
        (folder / "Dockerfile").write_text(text, encoding="utf-8")


SHAPES = {
    "small": Shape(2, "date"),
    # A second in each, by the clock: a faster machine must not make caches look worse.
    "ten": Shape(10, "sleep 1; date"),
    "layered": Shape(30, "sleep 1; date"),
    "large": Shape(2, "date", files=20_000, size=50_000),
}


class Bench:
    """Builds on one cluster."""

    def __init__(self) -> None:
        self.site = harness.site()
        self.cluster = harness.Cluster(self.site)
        # Without the tests' label: their end would be this one's.
        labels = {"pod-security.kubernetes.io/enforce": "privileged"}
        made = {"metadata": {"name": NAMESPACE, "labels": labels}}
        self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", **made})
        self.base = f"{self.site.registry}/base/busybox:1"
        self.last = harness.Outcome(0, "")

    @functools.cached_property
    def controller(self) -> Controller:
        """Give what agents connect to."""
        address = os.environ.get("PODWRIGHT_BENCH_ADDRESS") or layout.HOST_IP
        return Controller(address)

    def request(self, builder: str, name: str, **more: Any) -> dict[str, Any]:
        """Give the request for one image of the bench."""
        image = f"{self.site.registry}/bench/{name}"
        return self.site.request(builder=builder, image=image, tags=["1"], timeout=1500, **more)

    def build(self, pod: harness.Pod, folder: Path, request: dict[str, Any]) -> float:
        """Build by podwright; gives the seconds of the one exec."""
        self.last = pod.build(request, self.site.login, folder, fresh=True, seconds=1500)
        assert self.last.value
        return self.last.seconds

    def bare(self, pod: harness.Pod, folder: Path, more: str = "") -> float:
        """Build by the builder alone."""
        pod.upload(folder)
        host = self.site.registry
        known = f"export DOCKER_CONFIG={AUTH} HOST={host} REF={host}/bench/alone:1 MORE={more}"
        script = f"{self.login()}; {known}; cd {harness.WORKSPACE} && {BARE[pod.builder]}"
        return timed(lambda: pod.shell(script, seconds=1500))

    def login(self) -> str:
        """Give the commands that leave a login for the builder alone; kaniko empties its root."""
        pair = base64.b64encode(f"{self.site.user}:{self.site.password}".encode()).decode()
        config = shlex.quote(json.dumps({"auths": {self.site.registry: {"auth": pair}}}))
        return f"mkdir -p {AUTH} && echo {config} > {AUTH}/config.json"


def overhead(bench: Bench, builders: list[str], runs: int) -> Iterator[Row]:
    """Measure what podwright adds, in one pod per builder; the first round fills caches."""
    for builder in builders:
        names = ("no change", "one line", "cold")
        rows = [Row("overhead", f"{builder}, {name}", partner="alone") for name in names]
        with harness.pod(bench.cluster, builder, NAMESPACE) as pod:
            # How layers are stored is tried while the container begins (storage.sh).
            pod.shell('while [ -e "${CONTAINERS_STORAGE_CONF-}.trying" ]; do sleep 0.1; done')
            for number in range(runs + 1):
                for name, row in zip(names, rows):
                    ours, alone = _pair(bench, pod, name, swap=bool(number % 2))
                    row.values += [ours] if number else []
                    row.beside += [alone] if number else []
        for row in rows:
            row.judged, row.goal = "difference", max(0.3, 0.01 * row.median)
            yield row


def _pair(bench: Bench, pod: harness.Pod, name: str, *, swap: bool) -> tuple[float, float]:
    """Build both ways; who is first changes, because the second finds files in memory."""
    request = bench.request(pod.builder, "ours")
    more = ""
    if name == "cold" and pod.builder != "kaniko":  # which has no cache of its own
        request["cache"], more = False, "--no-cache"
    with tempfile.TemporaryDirectory() as place:
        times: dict[bool, float] = {}
        for ours in (swap, not swap):
            folder = Path(place) / str(ours)
            mark = uuid.uuid4().hex if name == "one line" else "same"
            SHAPES["small"].fill(folder, bench.base, mark)
            times[ours] = (
                bench.build(pod, folder, request) if ours else bench.bare(pod, folder, more)
            )
    return times[True], times[False]


def caches(
    bench: Bench, builders: list[str], runs: int, shape: str, cache: object
) -> Iterator[Row]:
    """Measure builds on fresh pods: cold, unchanged, and with one late line changed."""
    for builder in builders:
        group = f"cache, {shape}"
        same = Row(group, f"{builder}, no change", partner="cold", goal=0.15)
        line = Row(group, f"{builder}, one line", partner="cold", goal=0.3)
        for _ in range(runs):
            request = bench.request(builder, f"{builder}-{uuid.uuid4().hex[:8]}", cache=cache)
            cold, again, changed = (
                _on_fresh_pod(bench, request, shape, mark) for mark in ("one", "one", "two")
            )
            same.values.append(again)
            line.values.append(changed)
            for row in (same, line):
                row.beside.append(cold)
        yield from (same, line)


def _on_fresh_pod(bench: Bench, request: dict[str, Any], shape: str, mark: str) -> float:
    builder = request["builder"]
    with (
        tempfile.TemporaryDirectory() as place,
        harness.pod(bench.cluster, builder, NAMESPACE) as pod,
    ):
        folder = Path(place) / "context"
        SHAPES[shape].fill(folder, bench.base, mark)
        seconds = bench.build(pod, folder, request)
    say(f"  {builder}, {shape}: {seconds:.1f} s, cached {bench.last.value['cachedSteps']}")
    return seconds


def side_by_side(bench: Bench, builders: list[str], runs: int) -> Iterator[Row]:
    """Measure strategies beside each other: a small image, nothing cached, each on a fresh pod."""
    whole = [Row("strategies", name) for name in builders]
    memory = [Row("memory", name, unit="MiB") for name in builders]
    for _ in range(runs):
        for builder, seconds, peak in zip(builders, whole, memory):
            request = bench.request(builder, builder, cache=False)
            begin = time.monotonic()
            with (
                tempfile.TemporaryDirectory() as place,
                harness.pod(bench.cluster, builder, NAMESPACE) as pod,
            ):
                folder = Path(place) / "context"
                SHAPES["small"].fill(folder, bench.base, "one")
                bench.build(pod, folder, request)
                seconds.values.append(time.monotonic() - begin)
                peak.values.append(_peak(bench, pod))
    yield from (*whole, *memory)


def _peak(bench: Bench, pod: harness.Pod) -> float:
    """Give the peak memory of a pod's containers but the agent's, with files kept in memory."""
    made = bench.cluster.get("-n", NAMESPACE, "pod", pod.name)
    names = [item["name"] for item in harness.containers(made) if item["name"] != "jnlp"]
    own = "/sys/fs/cgroup"
    look = f"cat {own}/memory.peak 2>/dev/null || cat {own}/memory/memory.max_usage_in_bytes"
    return sum(int(pod.shell(look, name)) for name in names) / 2**20


@dataclass(frozen=True)
class Agents:
    """Which agents the pods have, ours and the one by hand.

    Attributes:
        image: of a real agent, which must have connected; '': one that only sleeps.
        planner: of ours, when that is another one, made as docs/how-to/install.md has it.
        plans: whether ours plans, so that the pod has no container for that.
        docker: whether ours has docker's client, for which the pod has no container either.
    """

    image: str = ""
    planner: str = ""
    plans: bool = False
    docker: bool = False

    def of(self, *, ours: bool) -> str:
        """Give the image of a real agent, or ''."""
        return self.planner if ours and self.planner else self.image

    @property
    def config(self) -> dict[str, Any]:
        """Give what the organisation's config says of it."""
        planner = self.of(ours=True) or standins.AGENT
        roles = ("agent", *(("docker-cli",) if self.docker else ()))
        named = self.plans or self.planner
        return {"images": dict.fromkeys(roles, planner)} if named else {}

    def named(self, group: str) -> str:
        """Give the name of a group of rows."""
        real = ", agent" if self.image else ""
        return group + real + (", planner" if self.planner else ", tuned" if self.plans else "")

    def row(self, builder: str) -> str:
        """Give the name of a row."""
        return builder + (", docker in the agent" if self.docker else "")


def starts(bench: Bench, builders: list[str], runs: int, agents: Agents) -> Iterator[Row]:
    """Measure from a pod's creation to its first line, beside a minimal one written by hand.

    With the image of an agent, Jenkins is waited for as well: the agent must have connected.
    """
    config = json.dumps(agents.config)
    for name in builders:
        row = Row(agents.named("pod start"), agents.row(name), partner="by hand", goal=1.0)
        builder = name.partition("+")[0]
        for number in range(runs):
            for ours in (True, False) if number % 2 else (False, True):
                request = harness.pod_request(bench.site)
                made = harness.render(builder, request, config) if ours else by_hand(name)
                (row.values if ours else row.beside).append(
                    _first_line(bench, builder, made, agents.of(ours=ours))
                )
        yield row


def pool_starts(bench: Bench, runs: int) -> Iterator[Row]:
    """Measure the pod of a build on a pool beside a minimal one by hand, which has an engine."""
    held = dict.fromkeys(("ca.crt", "tls.crt", "tls.key"), "")
    secret = {"metadata": {"name": "pool", "namespace": NAMESPACE}, "data": held}
    bench.cluster.apply({"apiVersion": "v1", "kind": "Secret", **secret})
    kinds = (pools.Daemons(service="buildkit", replicas=1),)
    pool = pools.Pool(namespace="p", certificates="pool", daemons=kinds, name="a")
    _, made = plan_pod(parse_pod({"pool": "a"}), Config(pools={"a": pool}))
    row = Row("pod start", "with a pool", partner="by hand", goal=0.7)
    for number in range(runs):
        for ours in (True, False) if number % 2 else (False, True):
            pod = made if ours else by_hand("buildkit")
            seconds = _first_line(bench, "buildkit", pod)
            (row.values if ours else row.beside).append(seconds)
    yield row


def _first_line(bench: Bench, builder: str, made: dict[str, Any], agent: str = "") -> float:
    """Give the seconds from a pod's creation to its first line; its end is not measured."""
    name = bench.controller.agent(made, agent) if agent else ""
    begin = time.perf_counter()
    with harness.pod(bench.cluster, builder, NAMESPACE, made) as pod:
        if name:
            bench.controller.wait(name)
        pod.shell("echo first line")
        seconds = time.perf_counter() - begin
    # What ends shall not slow down what is measured next.
    words = ("wait", "--for=delete", f"pod/{pod.name}", "--timeout=60s")
    bench.cluster.run("-n", NAMESPACE, *words, check=False)
    return seconds


def by_hand(builder: str) -> dict[str, Any]:
    """Give the pod that the author of a pipeline writes, with an engine where there is one.

    `podman+socket` has Podman's socket, which ours has always.

    The builder's container, the engines beside it, and a probe that waits for the engine: without,
    the first step would fail.
    """
    shell = "/busybox/sh" if builder == "kaniko" else "sh"
    keep = [shell, "-c", "trap 'exit 143' TERM; sleep 99d & wait"]
    client = "docker-cli" if builder in ("dind-sidecar", "dood") else builder
    image = IMAGES.get(client.partition("+")[0], IMAGES["docker-engine"])
    item: dict[str, Any] = {"name": "builder", "image": image, "command": keep}
    spec: dict[str, Any] = {"containers": [item]}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec}
    probe = {"exec": {"command": ["docker", "version"]}, "periodSeconds": 1, "failureThreshold": 60}
    if builder == "buildkit":
        # moby/buildkit examples/kubernetes/pod.rootless.yaml, as a sidecar
        address = "--addr=unix:///run/buildkit/buildkitd.sock"
        engine = {
            "args": [address, "--oci-worker-no-process-sandbox"],
            "startupProbe": {
                **probe,
                "exec": {"command": ["buildctl", address, "debug", "workers"]},
            },
            "securityContext": {
                "runAsUser": 1000,
                "runAsGroup": 1000,
                "seccompProfile": {"type": "Unconfined"},
            },
        }
        storage = "/home/user/.local/share/buildkit"
        _add_engine(spec, IMAGES[builder], engine, "/run/buildkit", storage)
    elif builder == "dind-sidecar":
        engine = {
            "args": ["dockerd", "--host=unix:///var/run/docker.sock"],
            "startupProbe": probe,
            "securityContext": {"privileged": True},
        }
        _add_engine(spec, IMAGES["docker-engine"], engine, "/var/run", "/var/lib/docker")
    elif builder == "podman+socket":
        socket = "/run/podman/podman.sock"
        engine = {
            "command": ["podman", "system", "service", "--time=0", f"unix://{socket}"],
            "startupProbe": {**probe, "exec": {"command": ["test", "-S", socket]}},
        }
        _add_engine(spec, image, engine, "/run/podman", "/var/lib/containers")
    elif builder == "dind":
        item.update(startupProbe=probe, securityContext={"privileged": True})
        item["command"] = ["dockerd-entrypoint.sh", "dockerd", "--host=unix:///var/run/docker.sock"]
        item["volumeMounts"] = [{"name": "storage", "mountPath": "/var/lib/docker"}]
        spec["volumes"] = [{"name": "storage", "emptyDir": {}}]
    elif builder == "dood":
        item["securityContext"] = {"runAsUser": 0}
        item["volumeMounts"] = [{"name": "socket", "mountPath": "/var/run/docker.sock"}]
        spec["volumes"] = [{"name": "socket", "hostPath": {"path": "/var/run/docker.sock"}}]
    return made


def _add_engine(
    spec: dict[str, Any], image: str, engine: dict[str, Any], run: str, storage: str
) -> None:
    """Put an engine beside the builder, as a sidecar that shares the folder of its socket."""
    shared = {"name": "run", "mountPath": run}
    mounts = [shared, {"name": "storage", "mountPath": storage}]
    sidecar = {"name": "engine", "image": image, "restartPolicy": "Always", **engine}
    spec["initContainers"] = [{**sidecar, "volumeMounts": mounts}]
    spec["containers"][0]["volumeMounts"] = [shared]
    spec["volumes"] = [{"name": name, "emptyDir": {}} for name in ("run", "storage")]
