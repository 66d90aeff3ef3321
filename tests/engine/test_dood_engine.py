"""Two pods on one node: every trouble of Docker out of Docker, first without the proxy, then with.

Each test runs against real engines: Debian's, and the current one where it was built.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dood_node import CURRENT, IMAGE, MEBI, Pod, Said, cached, described, docker, engine
from hostservers import wait_for

from podwright.builders.dood import FUNCTIONS
from podwright.dood.keeper import STALE, WATCH, Keeper
from podwright.dood.naming import Naming
from podwright.dood.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostservers import Engine

pytestmark = [pytest.mark.engine, pytest.mark.slow]

VERSIONS = ["debian", *(["current"] if CURRENT else [])]
MEMORY = (
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
)
BIG = os.urandom(8 * MEBI)


@pytest.fixture(scope="module", params=VERSIONS)
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The node's engine."""
    with engine(tmp_path_factory.mktemp("node") / "engine", request.param) as made:
        yield made


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing of a test stays on the node."""
    yield
    if "node" not in request.fixturenames:
        return
    host = request.getfixturevalue("node").socket
    for kind, listing, remove in (
        ("container", ("ps", "-aq"), ("rm", "-fv")),
        ("network", ("network", "ls", "-q", "--filter", "type=custom"), ("network", "rm")),
        ("volume", ("volume", "ls", "-q"), ("volume", "rm", "-f")),
    ):
        found = docker(host, *listing).out.split()
        assert not found or docker(host, *remove, *found).code == 0, kind


@pytest.fixture
def pods(node: Engine, tmp_path: Path) -> Iterator[tuple[Pod, Pod]]:
    """Two pods on the node."""
    both = (Pod(tmp_path, node.socket, "uid-a"), Pod(tmp_path, node.socket, "uid-b"))
    try:
        for pod in both:
            pod.start()
        yield both
    finally:
        for pod in both:
            pod.close()


@pytest.fixture
def pod(node: Engine, tmp_path: Path) -> Iterator[Pod]:
    """One pod on the node."""
    made = Pod(tmp_path, node.socket, "uid-a")
    try:
        yield made.start()
    finally:
        made.close()


SERVER = "echo {0} >/tmp/index.html; httpd -f -p 80 -h /tmp"


def test_without_the_proxy_names_volumes_and_networks_of_two_pipelines_collide(
    node: Engine,
) -> None:
    first = docker(node.socket, "run", "-d", "--name", "db", "-v", "data:/d", IMAGE, "sleep", "99")
    second = docker(node.socket, "run", "-d", "--name", "db", IMAGE, "sleep", "99")
    assert (first.code, second.code) == (0, 125)
    assert 'Conflict. The container name "/db" is already in use by container' in second.err
    docker(node.socket, "exec", "db", "touch", "/d/mine")
    assert docker(node.socket, "run", "--rm", "-v", "data:/d", IMAGE, "ls", "/d").out == "mine"
    assert docker(node.socket, "network", "create", "net").code == 0
    assert (
        "network with name net already exists"
        in docker(node.socket, "network", "create", "net").err
    )
    assert docker(node.socket, "rm", "-f", "db").code == 0  # the other pipeline's


def test_two_pods_use_the_same_names_and_each_meets_its_own(pods: tuple[Pod, Pod]) -> None:
    for pod in pods:
        assert pod.docker("network", "create", "net").code == 0
        serve = SERVER.format(pod.uid)
        words = ("--name", "db", "--network", "net", "-v", "data:/d", IMAGE, "sh", "-c", serve)
        done = pod.docker("run", "-d", *words)
        assert (done.code, done.err) == (0, "")
    for pod in pods:
        pod.docker("exec", "db", "touch", f"/d/{pod.uid}")
        wget = ("wget", "-qO-", "http://db/index.html")
        assert pod.docker("run", "--rm", "--network", "net", IMAGE, *wget).out == pod.uid
        assert pod.docker("run", "--rm", "--volumes-from", "db", IMAGE, "ls", "/d").out == pod.uid
        shared = pod.docker(
            "run", "--rm", "--network", "container:db", IMAGE, "wget", "-qO-", "localhost"
        )
        assert shared.out == pod.uid
        assert pod.docker("ps", "--format", "{{.Names}} {{.Mounts}}").out == "db data"
        assert pod.docker("volume", "ls", "-q").out == "data"
        networks = pod.docker("network", "ls", "--format", "{{.Name}}").out.split()
        assert sorted(networks) == ["bridge", "host", "net", "none"]


def test_inspect_and_filters_speak_of_the_names_that_the_pipeline_chose(pod: Pod) -> None:
    pod.docker("network", "create", "net")
    pod.docker(
        "run", "-d", "--name", "db", "--network", "net", "-v", "data:/d", IMAGE, "sleep", "99"
    )
    found = described(pod.socket, "db")[0]
    assert found["Name"] == "/db"
    assert found["HostConfig"]["NetworkMode"] == "net"
    assert found["HostConfig"]["Binds"] == ["data:/d"]
    assert list(found["NetworkSettings"]["Networks"]) == ["net"]
    assert "pw" not in json.dumps(found["Mounts"][0]["Name"])
    short = found["Id"][:12]
    for text in ("name=^db$", "name=^/db$", "name=d", "network=net", "volume=data", "id=" + short):
        assert pod.docker("ps", "-q", "--filter", text).out == short, text
    assert pod.docker("ps", "-q", "--filter", "name=^b").out == ""
    assert pod.docker("ps", "-q", "--filter", "network=other").err == (
        "Error response from daemon: network other not found"
    )
    network = json.loads(pod.docker("network", "inspect", "net").out)[0]
    assert network["Name"] == "net"
    assert [end["Name"] for end in network["Containers"].values()] == ["db"]
    assert json.loads(pod.docker("volume", "inspect", "data").out)[0]["Name"] == "data"


def test_a_pod_can_neither_see_nor_change_nor_remove_what_is_anothers(
    pods: tuple[Pod, Pod],
) -> None:
    mine, other = pods
    other.docker("network", "create", "net")
    made = other.docker(
        "run", "-d", "--name", "db", "--network", "net", "-v", "data:/d", IMAGE, "sleep", "99"
    )
    node_name = Naming(other.uid).own("db")
    for name in ("db", made.out, made.out[:12], node_name):
        for words in (
            ("inspect", "--type=container", name),
            ("rm", name),
            ("stop", name),
            ("exec", name, "true"),
            ("rename", name, "x"),
            ("commit", name, "x"),
            ("cp", f"{name}:/bin/sh", "-"),
            ("update", "-m", "32m", name),
        ):
            said = mine.docker(*words)
            assert said.code != 0, words
            assert f"no such container: {name}" in said.err.lower(), words
        said = mine.docker("run", "--rm", "--network", f"container:{name}", IMAGE, "true")
        assert f"No such container: {name}" in said.err
    assert mine.docker("network", "rm", "net").code == 1
    assert mine.docker("volume", "rm", "data").code == 1
    assert mine.docker("ps", "-aq").out == ""
    assert mine.docker("container", "prune", "-f").code == 0
    assert mine.docker("system", "prune", "-af", "--volumes").code == 0
    assert other.docker("ps", "--format", "{{.Names}}").out == "db"
    assert other.docker("volume", "ls", "-q").out == "data"


def test_prune_removes_what_is_the_pods_and_keeps_images_that_others_use(pod: Pod) -> None:
    pod.docker("run", "--name", "old", IMAGE, "true")
    pod.docker("network", "create", "net")
    pod.docker("volume", "create", "data")
    said = pod.docker("system", "prune", "-af")
    assert said.code == 0
    assert "net" in said.out
    assert pod.docker("ps", "-aq").out == ""
    assert pod.docker("image", "inspect", "--format", "{{.RepoTags}}", IMAGE).out == f"[{IMAGE}]"


def test_what_docker_workflow_asks_is_answered_and_what_it_cannot_have_ends_in_a_sentence(
    pod: Pod,
) -> None:
    """Jenkins' plugin asks for a container of the image's name first, and mounts the workspace."""
    name = "registry.example/team/app:1"
    pod.docker("tag", IMAGE, name)
    assert pod.docker("inspect", "-f", ".", name).out == "."
    said = pod.docker("inspect", "-f", ".", "registry.example/team/none:1")
    assert said.code == 1
    assert "no such object" in said.err.lower()
    work = "/home/jenkins/agent/workspace/job"
    said = pod.docker("run", "-t", "-d", "-w", work, "-v", f"{work}:{work}:rw,z", name, "cat")
    assert said.code != 0
    assert f"'{work}' cannot be mounted: with the strategy dood a path is the node's" in said.err
    one = pod.docker("run", "-t", "-d", "-u", "1000:1000", "-e", "A=b", name, "cat").out
    assert "cat" in pod.docker("top", one, "-eo", "pid,comm").out
    assert pod.docker("exec", one, "sh", "-c", "echo $A").out == "b"
    assert pod.docker("stop", "--time=1", one).code == 0
    assert pod.docker("rm", "-f", "--volumes", one).code == 0
    assert pod.docker("rmi", name).code == 0


def test_without_the_proxy_a_container_outlives_its_client_and_knows_no_limit(node: Engine) -> None:
    client = subprocess.Popen(
        ["docker", "run", "--name", "long", IMAGE, "sleep", "999"], env={**os.environ, **node.env}
    )
    wait_for("the container", lambda: docker(node.socket, "ps", "-q").out)
    client.kill()
    client.wait()
    assert docker(node.socket, "ps", "--format", "{{.Names}}").out == "long"
    assert described(node.socket, "long")[0]["HostConfig"]["Memory"] == 0


def test_everything_goes_with_the_pod_also_when_its_client_was_killed(
    pod: Pod, node: Engine
) -> None:
    pod.docker("network", "create", "net")
    pod.docker(
        "run", "-d", "--name", "db", "--network", "net", "-v", "data:/d", IMAGE, "sleep", "99"
    )
    stubborn = (
        "run",
        "--name",
        "stubborn",
        "-v",
        "/anonymous",
        IMAGE,
        "sh",
        "-c",
        "trap '' TERM; sleep 999",
    )
    client = subprocess.Popen(
        ["docker", *stubborn], env={**os.environ, "DOCKER_HOST": f"unix://{pod.socket}"}
    )
    wait_for("both", lambda: len(pod.docker("ps", "-q").out.split()) == 2)
    client.kill()
    client.wait()
    assert pod.end() == 0
    assert pod.log.splitlines()[-1] == "podwright: removed 4 things that this pod made on the node"
    assert docker(node.socket, "ps", "-aq").out == ""
    assert docker(node.socket, "volume", "ls", "-q").out == ""
    assert docker(node.socket, "network", "ls", "-q", "--filter", "type=custom").out == ""


def test_what_a_killed_pod_left_goes_when_it_was_silent_and_watched_long_enough(
    pods: tuple[Pod, Pod], node: Engine
) -> None:
    dead, living = pods
    for pod in pods:
        pod.docker("run", "-d", "--name", "db", "-v", "data:/d", IMAGE, "sleep", "999")
    dead.end(signal.SIGKILL)
    said: list[str] = []
    now, watched = time.time(), 0.0
    keeper = Keeper(
        Node(str(node.socket)), Naming("uid-c"), said.append, lambda: now, lambda: watched
    )
    names = lambda: sorted(docker(node.socket, "ps", "--format", "{{.Names}}").out.split())  # noqa: E731
    both = sorted(Naming(pod.uid).own("db") for pod in pods)
    keeper.beat()
    assert names() == both  # its last sign is young
    now += STALE + 60
    keeper.beat()
    assert names() == both  # nobody has watched it yet
    # The clock jumped for all; the living pod says so as soon as it runs again.
    Keeper(Node(str(node.socket)), Naming(living.uid), said.append, lambda: now).lease()
    watched += WATCH
    keeper.beat()
    assert names() == [Naming(living.uid).own("db")]
    assert len(said) == 1
    assert said[0] == (
        "removed 3 of 3 things that the pod uid-a left on this node; it gave no sign of life any "
        "more"
    )
    assert keeper.clear(10)


def test_a_proxy_that_was_killed_and_started_again_knows_its_pods_things(pod: Pod) -> None:
    pod.docker("run", "-d", "--name", "db", IMAGE, "sleep", "999")
    pod.end(signal.SIGKILL)
    pod.start()
    assert pod.docker("ps", "--format", "{{.Names}}").out == "db"
    assert pod.docker("exec", "db", "echo", "there").out == "there"


def test_a_container_gets_half_of_what_is_free_of_the_pods_memory(pod: Pod) -> None:
    seen = []
    for name in ("one", "two"):
        pod.docker("run", "-d", "--name", name, IMAGE, "sleep", "99")
        seen.append(int(pod.docker("exec", name, "sh", "-c", MEMORY).out))
    assert seen == [512 * MEBI, 256 * MEBI]
    pod.docker("rm", "-f", "one")
    pod.docker("restart", "-t", "0", "two")
    pod.docker("stop", "-t", "0", "two")
    assert pod.docker("start", "two").code == 0
    assert int(pod.docker("exec", "two", "sh", "-c", MEMORY).out) == 512 * MEBI
    host = described(pod.socket, "two")[0]["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (512 * MEBI, 512 * MEBI)


def test_more_memory_than_the_pod_has_is_refused_alone_and_in_sum(pod: Pod) -> None:
    said = pod.docker("run", "-d", "--name", "big", "-m", "2g", IMAGE, "sleep", "99")
    assert said.code == 125
    assert said.err.splitlines()[0] == (
        "docker: Error response from daemon: podwright: the container 'big' asks for 2 GiB of "
        "memory, but the pod's limit is 1 GiB; ask for less, or raise "
        "pod.resources.builder.limits.memory"
    )
    assert pod.docker("run", "-d", "--name", "one", "-m", "600m", IMAGE, "sleep", "99").code == 0
    said = pod.docker("run", "-d", "--name", "two", "-m", "600m", IMAGE, "sleep", "99")
    assert said.code == 125
    assert said.err.splitlines()[0] == (
        "docker: Error response from daemon: podwright: the container 'two' cannot start: what "
        "runs already has 600 MiB of the pod's 1 GiB of memory, and it needs 600 MiB; end a "
        "container first, give containers less (--memory), or raise "
        "pod.resources.builder.limits.memory"
    )
    said = pod.docker("update", "-m", "1100m", "one")
    assert "asks for 1.074 GiB of memory, but the pod's limit is 1 GiB" in said.err
    pod.docker("rm", "-f", "one")
    assert pod.docker("start", "two").code == 0


def test_containers_that_start_at_once_do_not_exceed_the_sum(pod: Pod) -> None:
    def run(number: int) -> int:
        return pod.docker(
            "run", "-d", "--name", f"c{number}", "-m", "300m", IMAGE, "sleep", "99"
        ).code

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(run, range(6)))
    assert codes == [0, 0, 0, 125, 125, 125]


def test_cpu_is_cut_down_to_the_pods_with_a_warning(pod: Pod) -> None:
    said = pod.docker("run", "-d", "--name", "busy", "--cpus", "1.9", IMAGE, "sleep", "99")
    assert said.err == "WARNING: podwright: the CPU limit was cut down to the pod's, 1.5"
    pod.docker("run", "-d", "--name", "plain", IMAGE, "sleep", "99")
    found = described(pod.socket, "busy", "plain")
    assert [item["HostConfig"]["NanoCpus"] for item in found] == [1_500_000_000, 1_500_000_000]


def test_a_memory_hog_is_ended_at_its_share_and_not_the_node(pod: Pod) -> None:
    hog = "x=0123456789abcdef; while :; do x=$x$x; done"
    said = pod.docker("run", "--name", "hog", "-m", "32m", IMAGE, "sh", "-c", hog)
    assert said.code == 137
    assert described(pod.socket, "hog")[0]["State"]["OOMKilled"] is True


NO_PATHS = (
    "cannot be mounted: with the strategy dood a path is the node's, and the pod's files are not "
    "there; copy with `docker cp`, put the files into the image by its build context, or use the "
    "strategy dind-sidecar, which mounts the workspace"
)
NO_SOCKET = (
    "the node's docker.sock is not given to containers, because what they start would have no "
    "limits and nobody would remove it; everything of this pod is removed with it (for "
    "Testcontainers set TESTCONTAINERS_RYUK_DISABLED=true), or use the strategy dind-sidecar"
)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-v", "/home/jenkins/agent/x:/x"), f"'/home/jenkins/agent/x' {NO_PATHS}"),
        (("--mount", "type=bind,src=/etc,dst=/x"), f"'/etc' {NO_PATHS}"),
        (("-v", "/var/run/docker.sock:/var/run/docker.sock"), NO_SOCKET),
    ],
)
def test_paths_of_the_node_are_refused_with_what_to_do(
    pod: Pod, words: tuple[str, ...], sentence: str
) -> None:
    said = pod.docker("run", "--rm", *words, IMAGE, "true")
    assert said.code == 125
    assert said.err.splitlines()[0] == f"docker: Error response from daemon: podwright: {sentence}"


def test_a_fixed_port_becomes_a_free_one_so_that_two_pods_can_publish_it(
    pods: tuple[Pod, Pod],
) -> None:
    for pod in pods:
        said = pod.docker(
            "run", "-d", "--name", "web", "-p", "127.0.0.1:18080:80", IMAGE, "sleep", "99"
        )
        assert said.code == 0
        assert said.err == (
            "WARNING: podwright: instead of the node's port 18080, which others may want as well, "
            "a free one is published; `docker port` tells it"
        )
    ports = [pod.docker("port", "web", "80").out.rpartition(":")[2] for pod in pods]
    assert len(set(ports)) == 2


def test_a_stream_goes_both_ways_and_its_end_is_passed_on(pod: Pod) -> None:
    for words in (("run", "--rm", "-i", IMAGE), ("exec", "-i", "db")):
        if words[0] == "exec":
            pod.docker("run", "-d", "--name", "db", IMAGE, "sleep", "99")
        assert (
            pod.docker(*words, "sha256sum", given=BIG).out.split()[0]
            == hashlib.sha256(BIG).hexdigest()
        )
        count = pod.docker(
            *words, "sh", "-c", "head -c 8388608 /dev/zero; wc -c >&2", given=b"12345"
        )
        assert (len(count.out), count.err) == (8 * MEBI, "5")
    assert pod.docker("exec", "db", "sh", "-c", "exit 7").code == 7


def test_large_bodies_stream_up_and_down(pod: Pod, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(BIG)
    pod.docker("run", "-d", "--name", "db", IMAGE, "sleep", "99")
    assert pod.docker("cp", str(tmp_path / "big"), "db:/big").code == 0
    assert pod.docker("cp", "db:/big", str(tmp_path / "back")).code == 0
    assert (tmp_path / "back").read_bytes() == BIG
    assert pod.docker("commit", "db", "big:test").code == 0
    assert pod.docker("save", "-o", str(tmp_path / "image.tar"), "big:test").code == 0
    assert pod.docker("load", "-i", str(tmp_path / "image.tar")).code == 0
    assert pod.docker("rmi", "big:test").code == 0


def test_container_commands_of_every_day_work(pod: Pod) -> None:
    pod.docker("run", "-d", "--name", "db", IMAGE, "sh", "-c", "echo started; sleep 99")
    wait_for("the log", lambda: pod.docker("logs", "db").out == "started")
    assert pod.docker("rename", "db", "data").code == 0
    assert "sleep" in pod.docker("top", "data").out
    assert pod.docker("stats", "--no-stream", "--format", "{{.Name}}").out == "data"
    assert pod.docker("diff", "data").code == 0
    assert pod.docker("pause", "data").code == 0
    assert pod.docker("unpause", "data").code == 0
    assert pod.docker("kill", "data").code == 0
    assert pod.docker("wait", "data").out == "137"
    assert pod.docker("network", "create", "net").code == 0
    assert pod.docker("network", "connect", "--alias", "other", "net", "data").code == 0
    assert pod.docker("start", "data").code == 0
    for name in ("data", "other"):
        found = ("run", "--rm", "--network", "net", IMAGE, "sh", "-c", f"wget -qO- {name} || true")
        assert "bad address" not in pod.docker(*found).err
    missing = pod.docker("run", "--rm", "--network", "net", IMAGE, "wget", "-qO-", "absent")
    assert "bad address" in missing.err
    assert pod.docker("network", "disconnect", "net", "data").code == 0
    assert pod.docker("system", "df").code == 0
    assert pod.docker("rm", "-f", "data").code == 0


def test_events_are_the_pods_own_under_its_own_names(pods: tuple[Pod, Pod]) -> None:
    begin = str(int(time.time()) - 1)
    for pod in pods:
        pod.docker("network", "create", f"net-{pod.uid}")
        pod.docker("run", "--name", f"c-{pod.uid}", "-v", f"v-{pod.uid}:/d", IMAGE, "true")
    end = f"{time.time() + 1:.0f}"
    form = "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}"
    said = pods[0].docker("events", "--since", begin, "--until", end, "--format", form).out
    assert "container start" in said
    assert "c-uid-a" in said
    assert "network create" in said
    assert "volume create v-uid-a" in said
    assert "uid-b" not in said
    assert Naming("uid-a").prefix not in said


DOCKERFILE = f"""FROM {IMAGE}
COPY big /big
RUN sha256sum /big; {MEMORY}
"""


@pytest.mark.parametrize("way", ["classic", "buildkit", "buildx"])
def test_images_are_built_by_all_three_builders(pod: Pod, tmp_path: Path, way: str) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "big").write_bytes(BIG)
    (context / "Dockerfile").write_text(DOCKERFILE)
    client, env = "/usr/bin/docker", {"DOCKER_BUILDKIT": "0" if way == "classic" else "1"}
    if way == "buildx":
        programs = cached("docker", "docker-buildx")
        if not programs:
            pytest.skip("no docker with buildx was built")
        client = f"{programs[0]}/docker"
        (tmp_path / "config" / "cli-plugins").mkdir(parents=True)
        plugin = tmp_path / "config" / "cli-plugins" / "docker-buildx"
        plugin.symlink_to(f"{programs[1]}/docker-buildx")
        env = {"DOCKER_CONFIG": str(tmp_path / "config")}
    plain = [] if way == "classic" else ["--progress", "plain"]
    said = pod.docker(
        "build", "--no-cache", *plain, "-t", "built:test", str(context), client=client, **env
    )
    assert said.code == 0, said.err
    assert hashlib.sha256(BIG).hexdigest() in said.out + said.err
    if way == "classic":
        # Half of the pod's memory, as for a container.
        assert str(512 * MEBI) in said.out.splitlines()
    assert pod.docker("run", "--rm", "built:test", "ls", "/big").out == "/big"
    labels = json.loads(pod.docker("image", "inspect", "built:test").out)[0]["Config"].get("Labels")
    assert not labels  # they would travel to the registry
    assert pod.docker("rmi", "built:test").code == 0


def test_what_buildx_asks_by_its_own_connection_is_everybodys(
    pods: tuple[Pod, Pod], node: Engine, tmp_path: Path
) -> None:
    """Records of builds and the build cache: as the page says, and no more is promised."""
    server = docker(node.socket, "version", "--format", "{{.Server.Version}}").out
    if server.startswith("20."):
        pytest.skip("older engines keep no records of builds")
    mine, other = pods
    programs = cached("docker", "docker-buildx")
    (tmp_path / "config" / "cli-plugins").mkdir(parents=True)
    plugin = tmp_path / "config" / "cli-plugins" / "docker-buildx"
    plugin.symlink_to(f"{programs[1]}/docker-buildx")

    def buildx(pod: Pod, *words: str) -> Said:
        client, config = f"{programs[0]}/docker", str(tmp_path / "config")
        return pod.docker("buildx", *words, client=client, DOCKER_CONFIG=config)

    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nARG A\nRUN echo said-$A\n")
    said = buildx(other, "build", "--no-cache", "--build-arg", "A=argument", str(tmp_path))
    assert said.code == 0, said.err
    record = buildx(mine, "history", "ls", "--no-trunc").out.splitlines()[1].split()[0]
    assert "said-argument" in buildx(mine, "history", "logs", "--progress", "plain", record).err
    assert buildx(mine, "du").out.splitlines()[-1].split()[-1] != "0B"
    assert buildx(mine, "prune", "-af").code == 0
    assert buildx(other, "du").out.splitlines()[-1].split()[-1] == "0B"


def test_an_aborted_classic_build_leaves_no_container(
    pod: Pod, node: Engine, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN sleep 999\n")
    client = subprocess.Popen(
        ["/usr/bin/docker", "build", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_HOST": f"unix://{pod.socket}"},
    )
    wait_for("the step", lambda: docker(node.socket, "ps", "-q").out)
    client.kill()
    client.wait()
    wait_for("its end", lambda: not docker(node.socket, "ps", "-aq").out)


def test_calls_that_are_not_known_are_refused_and_swarms_are_not_there(pod: Pod) -> None:
    said = pod.docker("swarm", "init")
    assert said.err == (
        "Error response from daemon: podwright: the call POST /swarm/init is not known, and "
        "only what is understood is passed on to the node's engine; use the strategy dind-sidecar, "
        "whose engine is the pod's own"
    )
    assert "This node is not a swarm manager" in pod.docker("service", "ls").err


class TestStart:
    """What the proxy says when it cannot do its work; the startup probe fails at once."""

    def run(self, tmp_path: Path, node: Path, *words: str) -> str:
        pod = Pod(tmp_path, node, "uid-a", words=list(words))
        process = pod.run()
        try:
            code = process.wait(30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        assert code == 1
        return pod.log

    def test_a_node_without_the_socket(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, tmp_path / "docker.sock") == (
            "podwright: ERROR: this node has no docker.sock, so it does not run Docker; use a "
            "strategy without the node's engine (podwright builders lists them)\n"
        )

    def test_a_directory_in_the_place_of_the_socket(self, tmp_path: Path) -> None:
        (tmp_path / "docker.sock").mkdir()
        assert self.run(tmp_path, tmp_path / "docker.sock") == (
            "podwright: ERROR: what is mounted as docker.sock is no socket; use a strategy "
            "without the node's engine (podwright builders lists them)\n"
        )

    def test_a_socket_that_nobody_listens_at(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(tmp_path / "docker.sock"))
        assert self.run(tmp_path, tmp_path / "docker.sock", "--patience=0.5") == (
            "podwright: ERROR: nobody listens at the node's docker.sock: its Docker Engine has "
            "ended, or was restarted after this pod began; begin the build again\n"
        )

    def test_an_engine_that_does_not_answer(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "docker.sock"))
            silent.listen()
            log = self.run(tmp_path, tmp_path / "docker.sock", "--patience=0.5")
        assert log == (
            "podwright: ERROR: the node's Docker Engine does not answer within 0.5 s (timed out); "
            "look at dockerd's log on the node\n"
        )

    def test_an_engine_that_is_late(self, node: Engine, tmp_path: Path) -> None:
        late = tmp_path / "docker.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(late))
        pod = Pod(tmp_path, late, "uid-a")
        process = pod.run()
        try:
            assert process.poll() is None
            late.unlink()
            late.symlink_to(node.socket)
            wait_for("the proxy", pod.is_ready)
        finally:
            pod.close()

    def test_something_else_that_answers(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(tmp_path / "docker.sock"))
            other.listen()
            thread = threading.Thread(target=_answer, args=(other,))
            thread.start()
            log = self.run(tmp_path, tmp_path / "docker.sock", "--patience=0.5")
            other.shutdown(socket.SHUT_RDWR)
            thread.join()
        assert log == (
            "podwright: ERROR: what answers at docker.sock is no Docker Engine (status 404); use a "
            "strategy without the node's engine (podwright builders lists them)\n"
        )

    @pytest.mark.parametrize(("groups", "code"), [("4242", 0), ("4243", 1)])
    def test_the_sockets_group_lets_an_unprivileged_user_in(
        self, node: Engine, groups: str, code: int
    ) -> None:
        os.chown(node.socket, 0, 4242)
        said = as_user(node.socket, "1000", groups)
        expected = (
            ""
            if code == 0
            else "the node's docker.sock belongs to others (srw-rw----, user 0, group 4242), and "
            "this container runs as user 1000 with the groups [4243]; set pod.socketGroup to 4242"
        )
        assert said == expected

    def test_user_0_needs_no_capability(self, node: Engine) -> None:
        assert as_user(node.socket, "0", "0") == ""


def _answer(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def as_user(path: Path, user: str, groups: str) -> str:
    """Say what keeps a user without any capability from the engine."""
    package = Path(__file__).parents[2] / "pytools"
    program = (
        f"import sys; sys.path.insert(0, {str(package)!r})\n"
        "from podwright.dood.program import engine_problem\n"
        f"print(engine_problem({str(path)!r}, 5.0)[0])"
    )
    drop = ["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]
    words = ["setpriv", "--reuid", user, "--regid", user, "--groups", groups, *drop]
    # The directories above the socket are the tests' own.
    for folder in [*path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(
        [*words, "/usr/bin/python3", "-I", "-c", program],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def talk(pod: Pod, *parts: bytes) -> bytes:
    """Send bytes to the proxy, and read all that it says."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(pod.socket))
        for part in parts:
            client.sendall(part)
        answer = b""
        while more := client.recv(65536):
            answer += more
        return answer


def head(first: str, *headers: str) -> bytes:
    """Write the head of a request."""
    return "\r\n".join([first, "Host: docker", *headers, "", ""]).encode()


def test_chunked_bodies_are_read_and_rewritten(pod: Pod) -> None:
    body = json.dumps({"Image": IMAGE, "Cmd": ["true"]}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    kind = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    answer = talk(
        pod, head("POST /v1.41/containers/create?name=x HTTP/1.1", *kind), chunks, b"0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 201 ")
    found = described(pod.node, Naming(pod.uid).own("x"))[0]
    assert found["Config"]["Labels"]["podwright.dev/build"] == pod.uid
    assert described(pod.socket, "x")[0]["Config"]["Labels"] == {}


def test_a_client_that_waits_for_leave_to_send_gets_it(pod: Pod) -> None:
    body = json.dumps({"Image": IMAGE, "Cmd": ["true"]}).encode()
    headers = ("Expect: 100-continue", f"Content-Length: {len(body)}")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(pod.socket))
        client.sendall(head("POST /containers/create HTTP/1.1", *headers))
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(4096).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    ("request_bytes", "status", "message"),
    [
        (
            head("POST /containers/create HTTP/1.1", "Content-Length: 2") + b"[]",
            400,
            "podwright: the body must be a JSON object",
        ),
        (
            head("POST /containers/create HTTP/1.1", "Content-Length: 1") + b"{",
            400,
            "podwright: the body is not valid JSON",
        ),
        (
            head("POST /containers/create HTTP/1.1", "Content-Length: 5000000"),
            413,
            "podwright: the body is larger than 4194304 bytes",
        ),
        (
            head("POST /containers/create HTTP/1.1", "Transfer-Encoding: chunked") + b"zz\r\n",
            502,
            "podwright: the body is not chunked as announced",
        ),
        (
            head("GET /_ping HTTP/1.0"),
            400,
            "podwright: only HTTP/1.1 requests with a plain path are passed on",
        ),
        (
            head("GET /containers/%2e%2e/json HTTP/1.1"),
            400,
            "podwright: the path hides characters behind percent escapes",
        ),
        (head("GET /containers/none/json HTTP/1.1"), 404, "No such container: none"),
        (head("POST /exec/none/start HTTP/1.1"), 404, "No such exec instance: none"),
        (head("GET /volumes/none HTTP/1.1"), 404, "get none: no such volume"),
        (
            head("GET /containers/json?filters=%5B%5D HTTP/1.1"),
            400,
            "podwright: filters must be an object of lists",
        ),
        (
            head("POST /build?memory=much HTTP/1.1", "Content-Length: 0"),
            400,
            "podwright: the parameter memory must be an integer",
        ),
    ],
)
def test_what_is_badly_said_is_answered_with_a_sentence(
    pod: Pod, request_bytes: bytes, status: int, message: str
) -> None:
    answer = talk(pod, request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"message": message}


def test_questions_without_a_body_have_none_in_their_answers(pod: Pod) -> None:
    answer = talk(pod, head("HEAD /v1.41/_ping HTTP/1.1"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_without_the_claim_the_tag_of_two_builds_names_the_last_one(
    node: Engine, tmp_path: Path
) -> None:
    """The functions of the strategy's script, on a real engine."""
    images = []
    for name in ("mine", "theirs"):
        (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nENV WHO={name}\n")
        iid = tmp_path / f"{name}-iid"
        docker(node.socket, "build", "-t", "team/app:1", "--iidfile", str(iid), str(tmp_path))
        images.append(iid.read_text())
    shown = ("image", "inspect", "--format", "{{range .Config.Env}}{{.}} {{end}}", "team/app:1")
    assert "WHO=theirs" in docker(node.socket, *shown).out
    (tmp_path / "iid").write_text(images[0])
    functions = 'pw_digest=; pw_fail() { shift; echo "$*"; exit 1; }\n' + FUNCTIONS
    env = {**os.environ, **node.env, "PW_TMP": str(tmp_path)}

    def run(command: str) -> tuple[int, str]:
        words = ["sh", "-euc", f"{functions}\n{command}"]
        done = subprocess.run(words, check=False, capture_output=True, text=True, env=env)
        return done.returncode, done.stdout

    assert run("pw_docker_claim team/app:1; pw_docker_kept team/app:1") == (0, "")
    assert "WHO=mine" in docker(node.socket, *shown).out
    docker(node.socket, "tag", images[1], "team/app:1")
    code, sentence = run("pw_docker_kept team/app:1")
    assert code == 1
    assert sentence == (
        "team/app:1: another build on this node gave the tag to its own image while this one was "
        "pushed; give each build a tag of its own\n"
    )
    docker(node.socket, "rmi", "-f", *images)
