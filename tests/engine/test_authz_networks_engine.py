# ruff: noqa: ANN001, ANN201 - fixtures and parameters
"""Networks of the engine are in the pod's network: they must not stand for anything else in it."""

from __future__ import annotations

import json
import subprocess

import pytest
from engines import create

OTHERS = (
    "[network.subnet] IPAM.Config.Subnet: the pod may need these addresses to reach others; leave "
    "them out, or take them from 198.18.0.0/15"
)


def test_a_network_takes_no_addresses_of_others(pod):
    """The bridge would have a route in the pod, and a container the controller's address."""
    routes = pod.inside("ip", "route")
    words = ["network", "create", "--subnet", "10.96.0.0/16", "--gateway", "10.96.0.1", "mitm"]
    done = pod.docker(*words)
    assert done.returncode != 0
    assert OTHERS in done.stderr.decode()
    assert pod.inside("ip", "route") == routes


def test_networks_of_the_engines_own_pool_work(pod):
    assert pod.docker("network", "create", "chosen").returncode == 0
    words = ["network", "create", "--subnet", "198.18.200.0/24", "asked"]
    assert pod.docker(*words).returncode == 0
    for name in ("bridge", "chosen", "asked"):
        done = pod.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", name)
        assert done.stdout.startswith((b"198.18.", b"198.19.")), done
    words = ["run", "--rm", "--network", "asked", "--ip", "198.18.200.9", pod.image, "true"]
    done = pod.docker(*words)
    assert done.returncode == 0, done.stderr
    assert pod.docker("network", "rm", "chosen", "asked").returncode == 0


def test_a_published_port_does_not_take_the_place_of_a_port_of_the_pod(pod):
    """Nor of an address that is not the pod's."""
    listen = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 18080)); print('up', flush=1);"
        " time.sleep(60)"
    )
    words = pod._inside("/usr/bin/python3", "-c", listen)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
        assert server.stdout.readline() == b"up\n"
        for port in ("18080:80", "10.96.0.1:443:443"):
            done = pod.docker("run", "--rm", "-p", port, pod.image, "true")
            assert done.returncode != 0
        server.kill()


@pytest.mark.parametrize("size", [64, 12, 3])
def test_the_host_network_is_not_joined_by_its_id(pod, size):
    name = pod.json("GET", "/networks/host")["Id"][:size]
    one = create(pod, Cmd=["true"])
    body = json.dumps({"Container": one}).encode()
    kind = {"Content-Type": "application/json"}
    for answer in (
        pod.json(
            "POST", "/containers/create", {"Image": pod.image, "HostConfig": {"NetworkMode": name}}
        ),
        json.loads(pod.call("POST", f"/networks/{name}/connect", body, kind).body),
    ):
        assert answer["message"].startswith(f"podwright: [network.host] {name[:12]}: ")
    pod.call("DELETE", f"/containers/{one}")


# -- what Jenkins' plugin docker-workflow does -------------------------------------------------


def ok(done):
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode().strip()


def test_the_whole_set_of_docker_workflow_works(pod):
    """An image's name with slashes is asked for as a container first."""
    name, work = "registry.example/team/app:1", "/home/jenkins/agent/workspace/job"
    for directory in (work, work + "@tmp"):
        (pod.place / "workspace" / directory[20:]).mkdir(parents=True, exist_ok=True)
    ok(pod.docker("tag", pod.image, name))
    assert ok(pod.docker("inspect", "-f", ".", name)) == "."
    done = pod.docker("inspect", "-f", ".", "registry.example/team/none:1")
    assert done.returncode == 1
    assert b"no such object" in done.stderr.lower()
    if pod.engine.old:
        return  # engines before 26 have no sub-paths of volumes
    volumes = [f"-v{one}:{one}:rw,z" for one in (work, work + "@tmp")]
    words = ["run", "-t", "-d", "-u", "1000:1000", "-w", work, *volumes, "-e", "A=b", name, "cat"]
    one = ok(pod.docker(*words))
    assert "cat" in ok(pod.docker("top", one, "-eo", "pid,comm"))
    assert ok(pod.docker("exec", one, "sh", "-c", "echo $A; pwd")) == f"b\n{work}"
    ok(pod.docker("exec", "-d", one, "busybox", "nohup", "sh", "-c", "sleep 1"))
    ok(pod.docker("stop", "--time=1", one))
    ok(pod.docker("rm", "-f", "--volumes", one))
    ok(pod.docker("rmi", name))
