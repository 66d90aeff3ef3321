"""The problems that each strategy is known for: first shown without the measure, then with it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import cluster as own_cluster
import harness
import layout
import levels
import pytest
from harness import MARK

sys.path.append(str(harness.ROOT / "pytools"))
from podwright import strategies
from podwright.images import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSYBOX = "base/busybox:1"


def raw(image: str, *, command: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Give a plain pod, as one writes it without podwright."""
    container = {
        "name": "main",
        "image": image,
        "securityContext": {"privileged": True},
        "volumeMounts": more.pop("mounts", []),
        **({"command": command} if command else {}),
        **more.pop("container", {}),
    }
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        **more,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {MARK: "yes"}}, "spec": spec}


@contextmanager
def running(
    cluster: harness.Cluster, pod: dict[str, Any], namespace: str = "e2e-privileged"
) -> Iterator[str]:
    """Create a pod as it is and remove it at the end; give its name."""
    name = f"raw-{uuid.uuid4().hex[:8]}"
    pod["metadata"].update(name=name, namespace=namespace)
    done = cluster.apply(pod)
    assert not done.returncode, done.stderr
    try:
        yield name
    finally:
        cluster.run("-n", namespace, "delete", "pod", name, "--wait", check=False)


def wait(ready: Any, what: str, seconds: float = harness.PATIENCE) -> Any:
    """Wait until something is true; give it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = ready()
        if found:
            return found
        time.sleep(0.5)  # most questions are a kubectl each
    raise AssertionError(f"not within {seconds} s: {what}")


def phase(cluster: harness.Cluster, name: str) -> str:
    status = cluster.get("-n", "e2e-privileged", "pod", name)["status"]
    return str(status.get("phase"))


def log(cluster: harness.Cluster, name: str, container: str = "main") -> str:
    done = cluster.run(
        "-n", "e2e-privileged", "logs", name, "-c", container, "--tail=200", check=False
    )
    return done.stdout


def in_pod(
    cluster: harness.Cluster, name: str, *command: str, container: str = "main"
) -> subprocess.CompletedProcess[str]:
    return cluster.run(
        "-n", "e2e-privileged", "exec", name, "-c", container, "--", *command, check=False
    )


def planned(cluster: harness.Cluster, builder: str, **options: Any) -> dict[str, Any]:
    """Give a strategy's pod with options of `pod:`."""
    request = {**harness.pod_request(cluster.site), "pod": options}
    return harness.render(builder, request)


@pytest.fixture
def node(cluster: harness.Cluster) -> Any:
    """Give a way to run commands on the node; only the tests' own cluster has it."""
    assert cluster
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("needs the tests' own cluster: it changes the node")
    return own_cluster.inside


@pytest.fixture
def claim(cluster: harness.Cluster, node: Any) -> Iterator[str]:
    """Give a claim with a volume on the node that any number of pods can mount."""
    name = f"claim-{uuid.uuid4().hex[:8]}"
    place = layout.STATE / "claims" / name
    node("install", "-d", "-m", "0777", str(place))  # engines are user 1000
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": name,
            "hostPath": {"path": str(place), "type": "DirectoryOrCreate"},
        },
    }
    wanted = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "e2e-privileged"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": name,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    for item in (volume, wanted):
        assert not cluster.apply(item).returncode
    yield name
    cluster.run("-n", "e2e-privileged", "delete", "pvc", name, check=False)
    cluster.run("delete", "pv", name, check=False)
    node("rm", "-rf", str(place))


STORAGE = {"name": "storage", "mountPath": "/var/lib/docker"}
DOCKERD = ["dockerd-entrypoint.sh", "dockerd", "--host=unix:///var/run/docker.sock"]


def test_two_plain_engines_on_one_storage_fail_without_saying_why(
    cluster: harness.Cluster, claim: str
) -> None:
    volumes = [{"name": "storage", "persistentVolumeClaim": {"claimName": claim}}]
    engine = IMAGES["docker-engine"]
    first = raw(engine, command=DOCKERD, mounts=[STORAGE], volumes=volumes)
    second = raw(engine, command=DOCKERD, mounts=[STORAGE], volumes=volumes)
    with running(cluster, first) as one:
        wait(lambda: not in_pod(cluster, one, "docker", "version").returncode, "the first engine")
        with running(cluster, second) as two:
            wait(lambda: phase(cluster, two) == "Failed", "the second engine's end")
            said = log(cluster, two)
    assert "timeout waiting for containerd to start" in said
    assert "another engine" not in said


@pytest.mark.parametrize(
    ("builder", "container"), [("dind", "builder"), ("dind-sidecar", "engine")]
)
def test_a_second_engine_waits_for_the_storage_and_says_so(
    builder: str, container: str, cluster: harness.Cluster, claim: str, tmp_path: Path
) -> None:
    first = planned(cluster, builder, cacheClaim=claim)
    second = planned(cluster, builder, cacheClaim=claim)
    name = f"second-{uuid.uuid4().hex[:8]}"
    with harness.pod(cluster, builder, "e2e-privileged", first) as one:
        build(one, tmp_path, "kept")
        whole = harness.fitted(harness.jenkins(second, name, "e2e-privileged"))
        assert not cluster.apply(whole).returncode
        wait(
            lambda: "another engine uses this storage; waiting" in log(cluster, name, container),
            "the second engine's message",
        )
    # The first is gone: the second takes over, and finds what the first has built.
    two = harness.Pod(cluster, builder, "e2e-privileged", name)
    try:
        harness.wait_ready(two)
        outcome = build(two, tmp_path, "kept")
    finally:
        two.delete()
    assert outcome.value["cachedSteps"] >= 1


@pytest.mark.parametrize(
    "builder", [name for name in levels.builders() if "cacheClaim" in strategies.get(name).features]
)
def test_a_claim_keeps_what_a_cache_mount_has_for_the_next_pod(
    builder: str, cluster: harness.Cluster, claim: str, tmp_path: Path
) -> None:
    pod = planned(cluster, builder, cacheClaim=claim)
    site = cluster.site
    said = []
    for number in range(2):
        text = f"FROM {site.registry}/{BUSYBOX}\nRUN --mount=type=cache,id=kept,target=/kept "
        text += f'echo build-{number} >> /kept/file; echo "kept:" $(cat /kept/file)\n'
        with harness.pod(cluster, builder, "e2e-privileged", pod) as one:
            outcome = build(one, tmp_path, "mounted", text)
        assert outcome.value
        said.append("kept: build-0 build-1" in outcome.log)
    assert said == [False, True]


def test_a_plain_engine_with_an_impossible_storage_driver_fails_late(
    cluster: harness.Cluster,
) -> None:
    command = [*DOCKERD, "--storage-driver=zfs"]
    with running(cluster, raw(IMAGES["docker-engine"], command=command)) as name:
        wait(lambda: phase(cluster, name) == "Failed", "the engine's end")
        said = log(cluster, name)
    assert "Starting up" in said
    assert "leave the driver out" not in said


@pytest.mark.parametrize(
    ("builder", "container"), [("dind", "builder"), ("dind-sidecar", "engine")]
)
def test_an_impossible_storage_driver_is_refused_before_the_engine_starts(
    builder: str, container: str, cluster: harness.Cluster
) -> None:
    pod = planned(cluster, builder)
    _set(pod, container, "PODWRIGHT_STORAGE_DRIVER", "zfs")
    name = f"driver-{uuid.uuid4().hex[:8]}"
    assert not cluster.apply(harness.jenkins(pod, name, "e2e-privileged")).returncode
    try:
        said = wait(lambda: log(cluster, name, container), "the engine's words")
    finally:
        harness.Pod(cluster, builder, "e2e-privileged", name).delete()
    assert said.startswith(
        "podwright: ERROR: the storage driver 'zfs' cannot work on /var/lib/docker"
    )
    assert "Starting up" not in said


@pytest.mark.parametrize(
    ("builder", "container"), [("dind", "builder"), ("dind-sidecar", "engine")]
)
def test_where_overlay_is_impossible_the_engine_falls_back_and_says_so(
    builder: str, container: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    # The container's own root is an overlay already: the kernel lays none upon it. It
    # is read-only in a policed engine's container, so this mount of it is made writable.
    upon = "mount --bind /var/lib /var/lib/docker && mount -o remount,bind,rw /var/lib/docker"
    upon = f'{upon} && exec "$@"'
    pod = planned(cluster, builder)
    for item in harness.containers(pod):
        if item["name"] == container:
            item["command"] = ["sh", "-c", upon, "upon", *item["command"]]
    with harness.pod(cluster, builder, "e2e-privileged", pod) as made:
        said = log(cluster, made.name, container)
        assert "WARNING: overlay cannot work on /var/lib/docker" in said
        assert build(made, tmp_path, "vfs").value["pushed"] is True


def _set(pod: dict[str, Any], container: str, name: str, value: str) -> None:
    """Set a variable of a container."""
    for item in harness.containers(pod):
        if item["name"] == container:
            item["env"] = [e for e in item["env"] if e["name"] != name]
            item["env"].append({"name": name, "value": value})


def build(pod: harness.Pod, folder: Path, name: str, text: str = "") -> harness.Outcome:
    """Build a small image."""
    site = pod.cluster.site
    context = folder / f"{pod.name}-{uuid.uuid4().hex[:6]}"
    context.mkdir()
    dockerfile = text or f"FROM {site.registry}/{BUSYBOX}\nRUN echo {name} > /{name}\n"
    (context / "Dockerfile").write_text(dockerfile)
    request = site.request(
        builder=pod.builder, image=f"{site.registry}/e2e/{name}", tags=[pod.builder]
    )
    return pod.build(request, site.login, context)


# DooD: the node's engine is everyone's

SOCKET_MOUNT = [{"name": "socket", "mountPath": "/var/run/docker.sock"}]


def plain_dood(socket: str = "/var/run/docker.sock") -> dict[str, Any]:
    """Give a pod with the node's socket, as it is found everywhere."""
    return raw(
        IMAGES["docker-cli"],
        command=["sleep", "99d"],
        mounts=SOCKET_MOUNT,
        volumes=[{"name": "socket", "hostPath": {"path": socket}}],
        container={
            "resources": {
                "requests": {"memory": "16Mi", "cpu": "10m"},
                "limits": {"memory": "256Mi", "cpu": "1"},
            },
            "env": [{"name": "DOCKER_HOST", "value": "unix:///var/run/docker.sock"}],
        },
    )


@pytest.fixture
def image(node: Any) -> str:
    """Load an image into the node's engine; give its name."""
    if not node("docker", "images", "-q", "e2e-busybox").stdout:
        images = own_cluster.standins.ensure()
        archive = layout.STATE / "busybox.tar"
        subprocess.run(
            [
                *("skopeo", "--insecure-policy", "copy"),
                f"oci:{images}/layout:{own_cluster.standins.BUSYBOX}",
                f"docker-archive:{archive}:e2e-busybox:1",
            ],
            check=True,
            capture_output=True,
        )
        node("docker", "load", "-i", str(archive))
        archive.unlink()
    return "e2e-busybox:1"


def ready(cluster: harness.Cluster, name: str) -> None:
    wait(lambda: phase(cluster, name) == "Running", "the pod")


def test_plain_dood_names_collide_between_pipelines(
    cluster: harness.Cluster, image: str, node: Any
) -> None:
    with running(cluster, plain_dood()) as one, running(cluster, plain_dood()) as two:
        ready(cluster, one), ready(cluster, two)
        try:
            run = ["docker", "run", "-d", "--name", "database", image, "sleep", "99"]
            first, second = in_pod(cluster, one, *run), in_pod(cluster, two, *run)
        finally:
            node("docker", "rm", "-f", "database")
    assert first.returncode == 0
    assert 'The container name "/database" is already in use' in second.stderr


def test_dood_pipelines_use_the_same_names_side_by_side(
    cluster: harness.Cluster, image: str
) -> None:
    script = (
        f"docker network create net && docker volume create data && docker run -d --name database "
        f"--network net -v data:/data {image} sleep 99 && docker exec database hostname"
    )
    with (
        harness.pod(cluster, "dood", "e2e-privileged") as one,
        harness.pod(cluster, "dood", "e2e-privileged") as two,
    ):
        one.shell(script)
        two.shell(script)
        names = one.shell("docker ps --format '{{.Names}}'").split()
    assert names == ["database"]


def test_plain_dood_containers_outlive_their_pod(
    cluster: harness.Cluster, image: str, node: Any
) -> None:
    with running(cluster, plain_dood()) as name:
        ready(cluster, name)
        in_pod(cluster, name, "docker", "run", "-d", "--name", "orphan", image, "sleep", "99")
    left = node("docker", "ps", "--format", "{{.Names}}").stdout.split()
    node("docker", "rm", "-f", "orphan")
    assert "orphan" in left


def test_what_a_dood_pod_started_ends_with_it_however_it_ends(
    cluster: harness.Cluster, image: str, node: Any
) -> None:
    with harness.pod(cluster, "dood", "e2e-privileged") as pod:
        pod.shell(
            f"docker network create n && docker volume create v && "
            f"docker run -d --network n -v v:/v {image} sleep 99"
        )
        uid = cluster.get("-n", "e2e-privileged", "pod", pod.name)["metadata"]["uid"]
        assert len(_things(node, uid)) == 3
        # As when a build is aborted: Jenkins deletes the pod.
    wait(lambda: not _things(node, uid), "the end of what the pod made in the node's engine")


def _things(node: Any, uid: str) -> list[str]:
    """List what a pod has made in the node's engine; leases are no things."""
    label = f"--filter=label=podwright.dev/build={uid}"
    found = node("docker", "ps", "-aq", label).stdout.split()
    found += node("docker", "network", "ls", "-q", label).stdout.split()
    volumes = node("docker", "volume", "ls", label, "--format", "{{json .}}").stdout.splitlines()
    return found + [v for v in volumes if "podwright.dev/lease" not in json.loads(v)["Labels"]]


def test_plain_dood_siblings_know_nothing_of_the_pods_limits(
    cluster: harness.Cluster, image: str, node: Any
) -> None:
    with running(cluster, plain_dood()) as name:
        ready(cluster, name)
        in_pod(
            cluster, name, "docker", "run", "-d", "--name", "big", "-m", "2g", image, "sleep", "99"
        )
        memory = node("docker", "inspect", "-f", "{{.HostConfig.Memory}}", "big").stdout
        node("docker", "rm", "-f", "big")
    assert int(memory) == 2 << 30  # the pod's own limit is 256 Mi


def test_dood_siblings_stay_below_the_pods_limits(cluster: harness.Cluster, image: str) -> None:
    limits = {"builder": {"limits": {"memory": "256Mi", "cpu": "1"}, "requests": {"memory": "1Mi"}}}
    pod = planned(cluster, "dood", resources=limits)
    with harness.pod(cluster, "dood", "e2e-privileged", pod) as made:
        made.shell(f"docker run -d --name modest {image} sleep 99")
        memory = made.shell("docker inspect -f '{{.HostConfig.Memory}}' modest")
        with pytest.raises(harness.Failed) as refused:
            made.shell(f"docker run -d --name big -m 2g {image} sleep 99")
    assert 0 < int(memory) <= 256 << 20
    assert "the pod's limit is" in str(refused.value)


def without_socket(pod: dict[str, Any], place: str) -> dict[str, Any]:
    """Let a pod look for the node's socket where there is none: tests beside this one need it."""
    (mounted,) = (
        volume["hostPath"]
        for volume in pod["spec"]["volumes"]
        if volume.get("hostPath", {}).get("path") == "/var/run/docker.sock"
    )
    mounted["path"] = place
    return pod


def test_a_node_without_docker_sock_is_named_in_the_pods_events(
    cluster: harness.Cluster, node: Any
) -> None:
    folder = f"/run/nothing-{uuid.uuid4().hex[:8]}"
    place = f"{folder}/docker.sock"
    name = f"socket-{uuid.uuid4().hex[:8]}"
    made = harness.jenkins(planned(cluster, "dood"), name, "e2e-privileged")
    assert not cluster.apply(without_socket(harness.fitted(made), place)).returncode
    pod = harness.Pod(cluster, "dood", "e2e-privileged", name)
    try:
        wait(lambda: "is not a socket file" in pod.events(), "the pod's events")
        events = pod.events()
        status = cluster.get("-n", "e2e-privileged", "pod", name)["status"]
    finally:
        pod.delete()
    # Without `type: Socket` Kubernetes mounts whatever is there, an empty directory even.
    try:
        with running(cluster, plain_dood(place)) as name:
            ready(cluster, name)
            answer = in_pod(cluster, name, "docker", "version")
        made_there = node("stat", "-c", "%F", place).stdout.strip()
    finally:
        node("rm", "-rf", folder)
    assert f"{place} is not a socket file" in events
    assert status["phase"] == "Pending"
    assert answer.returncode != 0
    assert made_there == "directory"


def test_a_socket_of_another_group_is_reached_by_its_group_and_explained_without(
    cluster: harness.Cluster, node: Any
) -> None:
    assert node("stat", "-c", "%g", "/run/docker.sock").stdout.strip() == str(layout.SOCKET_GROUP)
    right = planned(cluster, "dood", socketGroup=layout.SOCKET_GROUP)
    with harness.pod(cluster, "dood", "e2e-privileged", right) as pod:
        assert pod.shell("docker version --format '{{.Server.Version}}'").strip()
    wrong = planned(cluster, "dood", socketGroup=4243)
    with (
        pytest.raises(harness.Failed) as failed,
        harness.pod(cluster, "dood", "e2e-privileged", wrong),
    ):
        pass
    assert str(layout.SOCKET_GROUP) in str(failed.value)


# Engines beside the client


# Nobody waits for this engine: on a slow machine, too, it must come after the client.
SLOW = "sleep 60; exec dockerd-entrypoint.sh dockerd --host=unix:///run/e/docker.sock"


def test_a_plain_second_container_is_not_ready_when_the_client_is(
    cluster: harness.Cluster,
) -> None:
    pod = raw(
        IMAGES["docker-cli"],
        command=["sleep", "99d"],
        mounts=[{"name": "e", "mountPath": "/run/e"}],
        volumes=[{"name": "e", "emptyDir": {}}],
        container={"env": [{"name": "DOCKER_HOST", "value": "unix:///run/e/docker.sock"}]},
    )
    pod["spec"]["containers"].append(
        {
            "name": "engine",
            "image": IMAGES["docker-engine"],
            "command": ["sh", "-c", SLOW],
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "e", "mountPath": "/run/e"}],
        }
    )
    with running(cluster, pod) as name:
        ready(cluster, name)
        first = in_pod(cluster, name, "docker", "version")
    assert first.returncode != 0
    assert "docker.sock" in first.stderr


@pytest.mark.parametrize("builder", ["dind", "dind-sidecar", "buildkit", "podman"])
def test_a_slow_engine_is_waited_for_before_the_pod_is_ready(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    pod = planned(cluster, builder)
    engine = next(
        (c for c in harness.containers(pod) if c["name"] == "engine"),
        next(c for c in pod["spec"]["containers"] if c["name"] == "builder"),
    )
    started = engine.get("command") or ["rootlesskit", "buildkitd"]
    engine["command"] = ["sh", "-c", 'sleep 4; exec "$@"', "slow", *started]
    with harness.pod(cluster, builder, "e2e-privileged", pod) as made:
        assert build(made, tmp_path, "slow").value["pushed"] is True


def open_ports(cluster: harness.Cluster, address: str) -> list[int]:
    """Try the usual ports of engines from another pod."""
    script = (
        "import socket, sys\n"
        "for port in (1234, 2375, 2376, 8080, 8888):\n"
        "    with socket.socket() as end:\n"
        "        end.settimeout(2)\n"
        "        if not end.connect_ex((sys.argv[1], port)): print(port)\n"
    )
    with running(cluster, raw(IMAGES["tools"], command=["sleep", "99d"])) as name:
        ready(cluster, name)
        found = in_pod(cluster, name, "python3", "-c", script, address)
        assert not found.returncode, found.stderr
        return [int(port) for port in found.stdout.split()]


def address(cluster: harness.Cluster, name: str) -> str:
    return str(cluster.get("-n", "e2e-privileged", "pod", name)["status"]["podIP"])


def test_a_plain_engine_with_tls_switched_off_is_everyones(cluster: harness.Cluster) -> None:
    # As most examples on the net have it.
    engine = {"env": [{"name": "DOCKER_TLS_CERTDIR", "value": ""}]}
    with running(cluster, raw(IMAGES["docker-engine"], container=engine)) as name:
        wait(lambda: not in_pod(cluster, name, "docker", "version").returncode, "the engine")
        found = open_ports(cluster, address(cluster, name))
    assert found == [2375]


@pytest.mark.parametrize("builder", ["dind", "dind-sidecar", "buildkit", "podman", "dood"])
def test_no_engine_of_podwright_can_be_reached_from_another_pod(
    builder: str, cluster: harness.Cluster
) -> None:
    with harness.pod(cluster, builder, "e2e-privileged") as pod:
        assert open_ports(cluster, address(cluster, pod.name)) == []
        sockets = pod.shell("cat /proc/net/tcp /proc/net/tcp6")
    listening = [line.split()[1] for line in sockets.splitlines() if line.split()[3:4] == ["0A"]]
    assert [end for end in listening if not end.startswith("0100007F")] == []


@pytest.mark.parametrize("builder", levels.builders())
def test_a_pod_evicted_in_mid_build_leaves_nothing_and_the_next_one_succeeds(
    builder: str, cluster: harness.Cluster, node: Any, tmp_path: Path
) -> None:
    asleep = f"sleep {1000 + levels.builders().index(builder)}"  # tells whose step it is
    slow = f"FROM {cluster.site.registry}/{BUSYBOX}\nRUN echo building; {asleep}\n"
    outcomes: list[harness.Outcome] = []
    with harness.pod(cluster, builder, "e2e-privileged") as pod:
        runner = threading.Thread(
            target=lambda: outcomes.append(build(pod, tmp_path, "evicted", slow))
        )
        runner.start()
        wait(lambda: asleep in node("ps", "-eo", "args").stdout, "the RUN step")
        evict(cluster, pod.name)
        runner.join(harness.PATIENCE)
    assert not runner.is_alive()
    assert outcomes[0].code != 0
    wait(lambda: asleep not in node("ps", "-eo", "args").stdout, "the end of the RUN step")
    with harness.pod(cluster, builder, "e2e-privileged") as pod:
        assert build(pod, tmp_path, "again").value["pushed"] is True


def evict(cluster: harness.Cluster, name: str) -> None:
    """Evict a pod by the eviction API, as `kubectl drain` does."""
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": "e2e-privileged"},
    }
    where = f"/api/v1/namespaces/e2e-privileged/pods/{name}/eviction"
    cluster.run("create", "--raw", where, "-f", "-", input=json.dumps(eviction))
