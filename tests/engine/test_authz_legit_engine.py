# ruff: noqa: ANN001, ANN201, ANN202 - fixtures and parameters
"""What pipelines do every day must work through plugin and gate."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import uuid
from pathlib import Path

import engines
import pytest


def ok(done):
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode()


def name(prefix="t"):
    return f"{prefix}{uuid.uuid4().hex[:8]}"


def test_version_info_and_lists(pod):
    for words in ("version", "info", "ps -a", "images", "volume ls", "network ls", "system df"):
        ok(pod.docker(*words.split()))


def test_run_shows_output_and_exit_code_and_passes_input_through(pod):
    assert ok(pod.docker("run", "--rm", pod.image, "echo", "hello")) == "hello\n"
    assert pod.docker("run", "--rm", pod.image, "sh", "-c", "exit 7").returncode == 7
    done = pod.docker("run", "--rm", "-i", pod.image, "cat", stdin=b"x" * 300_000)
    assert done.stdout == b"x" * 300_000


def test_run_with_the_usual_options(pod):
    words = (
        "run --rm --name {n} --hostname h -e A=b -w /tmp -u 1000:1000 --memory 64m --cpus 1 "
        "--pids-limit 64 --cap-drop ALL --cap-add CHOWN --security-opt no-new-privileges "
        "--read-only --tmpfs /scratch:size=1m,mode=1777 --ulimit nofile=64:64 --init --label l=v "
        "--add-host x:127.0.0.1 --dns 127.0.0.1 --log-driver json-file --log-opt max-size=1m "
        "--restart no --stop-timeout 1 --shm-size 1m --network none --health-cmd true "
        "--sysctl net.ipv4.ip_unprivileged_port_start=0 --oom-score-adj 100 -p 0:80"
    )
    done = pod.docker(*words.format(n=name()).split(), pod.image, "sh", "-c", "id -u; echo $A")
    assert ok(done) == "1000\nb\n"


def test_the_life_of_a_container(pod):
    one = name()
    ok(pod.docker("run", "-d", "--name", one, "-p", "8080", pod.image, "sleep", "1000"))
    assert ok(pod.docker("exec", one, "echo", "inside")) == "inside\n"
    assert ok(pod.docker("exec", "-i", one, "cat")) == ""
    ok(pod.docker("logs", one))
    ok(pod.docker("inspect", one))
    ok(pod.docker("top", one))
    ok(pod.docker("stats", "--no-stream", one))
    ok(pod.docker("diff", one))
    ok(pod.docker("pause", one))
    ok(pod.docker("unpause", one))
    two = name()
    ok(pod.docker("rename", one, two))
    ok(pod.docker("restart", "-t", "0", two))
    ok(pod.docker("kill", two))
    ok(pod.docker("wait", two))
    ok(pod.docker("start", two))
    ok(pod.docker("stop", "-t", "0", two))
    ok(pod.docker("rm", "-f", "-v", two))


def test_attach_passes_input_and_its_end(pod):
    one = name()
    ok(pod.docker("create", "-i", "--name", one, pod.image, "cat"))
    assert ok(pod.docker("start", "-a", "-i", one, stdin=b"by attach")) == "by attach"
    ok(pod.docker("rm", one))


def test_files_are_copied_in_and_out(pod, tmp_path):
    (tmp_path / "f").write_bytes(b"y" * 2_000_000)
    one = name()
    ok(pod.docker("create", "--name", one, pod.image, "true"))
    ok(pod.docker("cp", str(tmp_path / "f"), f"{one}:/tmp/f"))
    ok(pod.docker("cp", f"{one}:/tmp/f", str(tmp_path / "g")))
    assert (tmp_path / "g").read_bytes() == b"y" * 2_000_000
    ok(pod.docker("export", "-o", str(tmp_path / "e.tar"), one))
    ok(pod.docker("rm", one))


DOCKERFILE = """FROM {image}
ARG A=1
ENV B=$A
RUN echo $B > /built
COPY given /given
LABEL l=v
"""


@pytest.fixture
def context(pod, tmp_path):
    (tmp_path / "given").write_text("given", encoding="utf-8")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(image=pod.image), encoding="utf-8")
    return tmp_path


def test_the_classic_builder_builds(pod, context):
    tag = name("classic")
    words = ["build", "--no-cache", "-t", tag, "--build-arg", "A=2", "--label", "x=y", str(context)]
    ok(pod.docker(*words, DOCKER_BUILDKIT="0"))
    assert ok(pod.docker("run", "--rm", tag, "cat", "/built", "/given")) == "2\ngiven"


def test_buildkit_builds_by_the_engine_with_the_older_client(pod, context):
    if not Path("/usr/bin/docker").exists():
        pytest.skip("Debian's docker command is not installed")
    tag = name("kit")
    words = ["build", "-t", tag, "--build-arg", "A=3", str(context)]
    done = pod.docker(*words, program="/usr/bin/docker", DOCKER_BUILDKIT="1")
    ok(done)
    assert b"#1 [internal]" in done.stderr
    assert ok(pod.docker("run", "--rm", tag, "cat", "/built", "/given")) == "3\ngiven"


@pytest.fixture
def buildx(pod):
    try:
        program = Path(engines.program_dir("docker-buildx")) / "docker-buildx"
    except StopIteration:
        pytest.skip("buildx is not to be built here")
    if not program.exists():
        subprocess.run(
            [engines.sys.executable, str(engines.BINARIES), "docker-buildx"],
            check=True,
            capture_output=True,
        )
    plugins = pod.place / "cli" / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    if not (plugins / "docker-buildx").exists():
        shutil.copy(program, plugins / "docker-buildx")


@pytest.mark.usefixtures("buildx")
def test_buildkit_builds_by_buildx(pod, context):
    tag = name("buildx")
    words = ["buildx", "build", "--progress=plain", "-t", tag, "--build-arg", "A=4", str(context)]
    done = pod.docker(*words)
    ok(done)
    assert ok(pod.docker("run", "--rm", tag, "cat", "/built", "/given")) == "4\ngiven"


@pytest.mark.usefixtures("buildx")
@pytest.mark.parametrize("words", [("buildx", "build", "--progress=plain"), ("build",)], ids=len)
def test_a_build_step_has_the_filter_and_the_default_capabilities(pod, context, words):
    lines = f"FROM {pod.image}\nRUN cat /proc/self/status\n"
    (context / "Dockerfile").write_text(lines, encoding="utf-8")
    kit = "1" if len(words) > 1 else "0"
    done = pod.docker(*words, "--no-cache", str(context), DOCKER_BUILDKIT=kit)
    ok(done)
    shown = (done.stdout + done.stderr).decode()
    assert "CapBnd:\t00000000a80425fb" in shown
    assert "Seccomp:\t2" in shown


@pytest.mark.usefixtures("buildx")
@pytest.mark.parametrize(
    ("line", "flag", "words"),
    [
        ("RUN --network=host true", "network.host", "network.host is not allowed"),
        ("RUN --security=insecure true", "security.insecure", "security.insecure is not allowed"),
    ],
)
def test_buildkit_refuses_entitlements_itself(pod, context, line, flag, words):
    if pod.engine.old and flag == "network.host":
        pytest.skip("the old engine has no such switch")
    text = f"# syntax=docker/dockerfile:1-labs\nFROM {pod.image}\n{line}\n"
    if flag == "network.host":
        text = text.partition("\n")[2]
    (context / "Dockerfile").write_text(text, encoding="utf-8")
    done = pod.docker("buildx", "build", "--progress=plain", "--allow", flag, str(context))
    assert done.returncode != 0
    if flag == "network.host":
        assert words in done.stderr.decode()


def test_buildx_containers_are_refused_with_the_remedy(pod, context):
    body = {"Image": pod.image, "HostConfig": {"Privileged": True}}
    answer = pod.json("POST", "/containers/create?name=buildx_buildkit_x0", body)
    assert answer["message"].endswith(
        "[container.privileged] HostConfig.Privileged: a privileged container is root on the node; "
        "build without it, and with buildx's default driver 'docker'"
    )


def test_images_are_tagged_saved_loaded_committed_and_removed(pod, tmp_path):
    tag = name("img") + ":1"
    ok(pod.docker("tag", pod.image, tag))
    ok(pod.docker("save", "-o", str(tmp_path / "i.tar"), tag))
    ok(pod.docker("history", tag))
    ok(pod.docker("image", "inspect", tag))
    ok(pod.docker("rmi", tag))
    ok(pod.docker("load", "-i", str(tmp_path / "i.tar")))
    one, made = name(), name("c")
    ok(pod.docker("create", "--name", one, tag, "true"))
    ok(pod.docker("commit", "-m", "m", "--change", "ENV A=b", one, made))
    ok(pod.docker("rm", one))
    ok(pod.docker("rmi", tag, made))


def test_own_things_are_pruned(pod):
    for words in ("container prune -f", "image prune -f", "network prune -f"):
        ok(pod.docker(*words.split()))
    ok(pod.docker("builder", "prune", "-f", program="/usr/bin/docker"))
    volume = name("v")
    ok(pod.docker("volume", "create", "--label", "mine=1", volume))
    ok(pod.docker("volume", "prune", "-f", "--filter", "label=mine=1"))


def test_networks_and_volumes_as_compose_makes_them(pod):
    """The requests that docker compose v2 sends for two services, by their fields."""
    project = name("p")
    network, volume = f"{project}_default", f"{project}_data"
    labels = {"com.docker.compose.project": project}
    pod.json("POST", "/networks/create", _compose_network(network, labels))
    pod.json("POST", "/volumes/create", {"Name": volume, "Driver": "", "Labels": labels})
    made = []
    for service in ("db", "web"):
        body = _compose_container(pod, service, network, volume, labels)
        answer = pod.json("POST", f"/containers/create?name={project}-{service}-1", body)
        assert "Id" in answer, answer
        made.append(answer["Id"])
        assert pod.call("POST", f"/containers/{answer['Id']}/start").status == 204
    other = name("n")
    pod.json("POST", "/networks/create", {"Name": other, "Driver": "bridge"})
    joined = pod.call(
        "POST",
        f"/networks/{other}/connect",
        json.dumps({"Container": made[0], "EndpointConfig": {"Aliases": ["db2"]}}).encode(),
        {"Content-Type": "application/json"},
    )
    assert joined.status == 200, joined
    assert "ok" in ok(pod.docker("exec", made[1], "sh", "-c", "echo ok > /data/f; cat /data/f"))
    ok(pod.docker("rm", "-f", *made))
    ok(pod.docker("network", "rm", network, other))
    ok(pod.docker("volume", "rm", volume))


def _compose_network(name, labels):
    return {
        "CheckDuplicate": True,
        "Name": name,
        "Driver": "bridge",
        "Scope": "",
        "IPAM": {"Driver": "", "Options": None, "Config": None},
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigOnly": False,
        "ConfigFrom": None,
        "Options": None,
        "Labels": labels,
    }


def _compose_container(pod, service, network, volume, labels):
    return {
        "Hostname": "",
        "Image": pod.image,
        "Cmd": ["sleep", "100000"],
        "Env": ["A=b"],
        "Labels": {**labels, "com.docker.compose.service": service},
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {
            "Binds": [f"{volume}:/data:rw"],
            "NetworkMode": network,
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]},
            "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
            "LogConfig": {"Type": "", "Config": None},
            "Mounts": [{"Type": "volume", "Source": volume, "Target": "/data2"}],
            "VolumesFrom": None,
            "CapAdd": None,
            "Privileged": False,
            "ReadonlyPaths": None,
        },
        "NetworkingConfig": {
            "EndpointsConfig": {network: {"Aliases": [service], "IPAMConfig": None, "Links": None}}
        },
    }


def test_pull_push_and_login_talk_to_a_registry(pod, tmp_path):
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    config = tmp_path / "registry.yml"
    config.write_text(
        "version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\n"
        "http: {addr: '127.0.0.1:5000'}\nlog: {level: error}\n" % (tmp_path / "registry"),
        encoding="utf-8",
    )
    server = subprocess.Popen(
        pod._inside("docker-registry", "serve", str(config)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ask = ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5000"]
        engines.wait_for(lambda: pod.run_inside(*ask).returncode == 0, lambda: "no registry", 20)
        tag = "127.0.0.1:5000/team/app:1"
        ok(pod.docker("tag", pod.image, tag))
        ok(pod.docker("push", tag))
        ok(pod.docker("rmi", tag))
        ok(pod.docker("pull", tag))
        ok(pod.docker("login", "-u", "u", "--password-stdin", "127.0.0.1:5000", stdin=b"p"))
        ok(pod.docker("rmi", tag))
    finally:
        server.terminate()
        server.wait()


def test_events_come_as_they_happen_and_the_stream_ends_with_its_client(pod):
    watcher = subprocess.Popen(
        ["docker", "-H", f"unix://{pod.socket}", "events", "--filter", "event=create"],
        stdout=subprocess.PIPE,
    )
    lines = []
    reader = threading.Thread(target=lambda: lines.append(watcher.stdout.readline()))
    reader.start()

    def seen():
        ok(pod.docker("volume", "create", volume))
        ok(pod.docker("volume", "rm", volume))
        return lines

    volume = name("ev")
    engines.wait_for(seen, lambda: "no event came", 20)
    reader.join()
    watcher.kill()
    watcher.wait()
    watcher.stdout.close()
    assert volume.encode() in lines[0]
