"""Bodies of `withBuilderPod` that use the strategy's engine."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import binaries
import harness
import pytest
import standins

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ["dind", "dind-sidecar", "dood", "podman"]
LOAD = "$D load -i busybox.tar >/dev/null"
TALK = """
$D network create net
$D run -d --name web --network net {image} sh -c 'echo hello > /index.html && httpd -f -h / -p 80'
for try in 1 2 3 4 5 6 7 8 9 10; do
  $D run --rm --network net {image} wget -qO- http://web/index.html && break
  sleep 1
done
$D rm -f web
$D network rm net
"""

# Networks of its own need /dev/net/tun, which no pod has; one container's network can be shared.
SHARE = """
$D run -d --name web {image} sh -c 'echo hello > /index.html && httpd -f -h / -p 80'
for try in 1 2 3 4 5 6 7 8 9 10; do
  $D run --rm --network container:web {image} wget -qO- http://127.0.0.1/index.html && break
  sleep 1
done
$D rm -f web
"""

# A project by docker compose: two services that meet by name, and a volume that they share.
COMPOSE = """
mkdir shop
cat > shop/compose.yaml <<'END'
services:
  web:
    image: {image}
    command: [sh, -c, "echo from-compose > /data/index.html; exec httpd -f -h /data -p 80"]
    volumes: ["data:/data"]
    stop_grace_period: 0s
  ask:
    image: {image}
    volumes: ["data:/seen:ro"]
    depends_on: [web]
volumes: {{data: {{}}}}
END
cd shop
docker compose up -d web
for try in 1 2 3 4 5 6 7 8 9 10; do
  docker compose run --rm -T ask wget -qO- http://web/index.html && break
  sleep 1
done
docker compose exec -T web cat /data/index.html | sed s/^/exec:/
docker compose down -v
docker ps -aq --filter label=com.docker.compose.project=shop | sed s/^/left:/
"""


def body(pod: harness.Pod, script: str, folder: Path) -> list[str]:
    """Run a pipeline's own shell step in the builder's container; give its lines."""
    archive = folder / "busybox.tar"
    images = standins.ensure() / "layout"
    command = ["skopeo", "--insecure-policy", "copy", f"oci:{images}:{standins.BUSYBOX}"]
    command.append(f"docker-archive:{archive}:localhost/e2e:1")
    subprocess.run(command, check=True, capture_output=True)
    pod.upload(folder)
    remote = pod.builder == "podman"
    client = "podman --remote --url $DOCKER_HOST" if remote else "docker"
    text = script.replace("$D", client).format(image="localhost/e2e:1")
    return pod.shell(f"set -e\ncd {harness.WORKSPACE}\n{text}").splitlines()


def _namespace(builder: str) -> str:
    return "e2e-baseline" if builder == "podman" else "e2e-privileged"


def pod_of(cluster: harness.Cluster, builder: str) -> dict[str, Any]:
    """Give the pod; Podman's engine needs an unmasked /proc, in a user namespace of the pod's own.

    That is admitted at `baseline` from Kubernetes 1.35 on.
    """
    request = harness.pod_request(cluster.site)
    if builder == "podman":
        request["pod"] = {"userNamespace": True}
    return harness.render(builder, request)


def test_podmans_engine_runs_no_container_where_proc_is_masked(
    cluster: harness.Cluster, tmp_path: Path
) -> None:
    with harness.pod(cluster, "podman", "e2e-baseline") as pod:
        said = body(pod, LOAD + '\n$D run --rm {image} true 2>&1 || echo "code $?"', tmp_path)
    assert said[-1] == "code 126"
    assert "mount `proc` to `proc`: Operation not permitted" in said[-2]


def test_podmans_service_comes_back_when_it_is_killed(cluster: harness.Cluster) -> None:
    asks = "podman --remote --url $DOCKER_HOST version"
    again = f"for n in 1 2 3 4 5 6 7 8 9; do sleep 1; {asks} && exit 0; done; exit 1"
    kill = "kill -9 $(grep -lsx 'podman' /proc/[0-9]*/comm | cut -d / -f 3)"
    with harness.pod(cluster, "podman", "e2e-baseline") as pod:
        pod.shell(asks)
        pod.shell(kill, "engine")
        pod.shell(again)


@pytest.mark.parametrize("builder", ENGINES)
def test_a_pipeline_runs_containers_that_talk_to_each_other(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    with harness.pod(cluster, builder, _namespace(builder), pod_of(cluster, builder)) as pod:
        talk = SHARE if builder == "podman" else TALK
        assert "hello" in body(pod, LOAD + talk, tmp_path)


@pytest.mark.parametrize("builder", ["dind", "dind-sidecar"])
def test_a_pipeline_runs_a_project_with_docker_compose(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    with harness.pod(cluster, builder, _namespace(builder), pod_of(cluster, builder)) as pod:
        said = body(pod, LOAD + COMPOSE, tmp_path)
    assert {"from-compose", "exec:from-compose"} <= set(said)
    assert not [line for line in said if line.startswith("left:")]


@pytest.mark.parametrize("builder", ENGINES)
def test_a_container_gives_its_output_and_exit_code(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    run = "\n$D run --rm {image} sh -c 'echo out; exit 7' || echo \"code $?\""
    with harness.pod(cluster, builder, _namespace(builder), pod_of(cluster, builder)) as pod:
        said = body(pod, LOAD + run, tmp_path)
    assert {"out", "code 7"} <= set(said)


def test_the_root_of_the_policed_engine_writes_volumes_alone(cluster: harness.Cluster) -> None:
    """Neither its programs and libraries nor what the node's kernel runs or listens to."""
    places = "/etc/x /lib/x /usr/local/bin/x /usr/local/bin/runc /x /proc/sysrq-trigger"
    places += " /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe"
    script = f"for f in {places}; do (: >>$f) 2>/dev/null && echo $f; done;"
    script += " cat /proc/kcore 2>/dev/null | wc -c"
    with harness.pod(cluster, "dind-sidecar", "e2e-privileged") as pod:
        assert pod.shell(script, "engine").split() == ["0"]
        assert pod.shell("touch /run/x /tmp/x /var/lib/docker/x", "engine") == ""


def test_a_build_step_stays_below_the_engines_cgroup_whatever_it_asks_for(
    cluster: harness.Cluster, tmp_path: Path
) -> None:
    build = """
printf 'FROM {image}\\nRUN grep :memory: /proc/self/cgroup\\n' >Dockerfile
for parent in /mine /../../mine; do
  docker buildx build --no-cache --progress=plain --cgroup-parent $parent . 2>&1 | grep memory:/
done
"""
    with harness.pod(cluster, "dind-sidecar", "e2e-privileged") as pod:
        own = pod.shell("grep :memory: /proc/self/cgroup", "engine").strip().rpartition(":")[2]
        said = [line.rpartition(":")[2] for line in body(pod, LOAD + build, tmp_path)]
    assert len(own) > len("/kubepods/")
    assert len(said) == 2
    assert all(line.startswith(own + "/") for line in said)


# What Jenkins' plugin docker-workflow does by `withRegistry`, `push`, `pull` and `inside`; without
# nohup, which busybox may lack.
WORKFLOW = """
work=$PWD; mkdir -p "$work@tmp"; export DOCKER_CONFIG="$work@tmp/home"
name={registry}/flow/{builder}:1
$D tag {image} $name
$D inspect -f . $name | sed s/^/inspect:/
$D inspect -f . {registry}/flow/none:1 2>&1 >/dev/null | tail -n 1 | sed s/^/none:/
printf %s '{password}' | $D login -u {user} --password-stdin {registry} 2>&1 | grep -o Succeeded
$D push $name >/dev/null && $D rmi $name >/dev/null && $D pull $name >/dev/null && echo pulled
flow() {{ $D run -t -d -u "$(id -u):$(id -g)" -w "$work" "$@" -e A=b $name cat; }}
mounts="-v $work:$work:rw,z -v $work@tmp:$work@tmp:rw,z"
if ! one=$(flow $mounts 2>said); then
  sed s/^/refused:/ said
  one=$(flow)
fi
$D top $one -eo pid,comm 2>&1 | grep -oE 'cat|no cgroup|does not have a cgroup'
$D exec $one sh -c 'echo "exec:$A $(pwd)"'
$D exec $one sh -c "trap '' HUP; sh -c 'sleep 0.2; echo done > $work@tmp/later' >/dev/null 2>&1 &"
for try in 1 2 3 4 5; do grep done "$work@tmp/later" 2>/dev/null && break; sleep 1; done
$D stop --time=1 $one >/dev/null; $D rm -f --volumes $one >/dev/null
$D ps -aq | sed s/^/left:/
"""


_RUNS = ["cat", f"exec:b {harness.WORKSPACE}"]
_REFUSED = "refused:docker: Error response from daemon: "
_HELP = ["refused:", "refused:Run 'docker run --help' for more information"]
#: What `inside` gets: its container with the workspace, or a sentence (and then one without it).
INSIDE = {
    "dind": [*_RUNS, "done"],
    "dind-sidecar": [*_RUNS, "done"],
    "dood": [
        (
            f"{_REFUSED}podwright: '{harness.WORKSPACE}' cannot be mounted: with the strategy dood "
            "a path is the node's, and the pod's files are not there; copy with `docker cp`, put "
            "the files into the image by its build context, or use the strategy dind-sidecar, "
            "which mounts the workspace"
        ),
        *_HELP,
        *_RUNS,
    ],
    # Its containers have no cgroup, so there is no `top`, which `inside` asks first; and their user
    # 1000 is another one than the workspace's.
    "podman": ["does not have a cgroup", _RUNS[1]],
}


@pytest.mark.parametrize("builder", ENGINES)
def test_the_docker_pipeline_plugin_finds_what_it_asks_for(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    site = cluster.site
    shutil.copy(binaries.path("docker"), tmp_path / "docker")  # Podman's image has none
    script = WORKFLOW.replace("$D", "./docker")
    for word in ("registry", "user", "password"):
        script = script.replace("{" + word + "}", getattr(site, word))
    script = script.replace("{builder}", builder)
    with harness.pod(cluster, builder, _namespace(builder), pod_of(cluster, builder)) as pod:
        said = [
            # Which of the two mounts is refused first is nobody's promise.
            line.replace("@tmp' cannot", "' cannot").replace("@tmp: mkdir", ": mkdir")
            for line in body(pod, LOAD + script, tmp_path)
        ]
    asked = ["inspect:.", f"none:error: no such object: {site.registry}/flow/none:1"]
    assert said == [*asked, "Succeeded", "pulled", *INSIDE[builder]]
