# ruff: noqa: ANN001, ANN002, ANN201 - fixtures and parameters
"""What daemon.json hardens, seen from inside containers."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import engines
import pytest


def shown(pod, *words):
    done = pod.docker("run", "--rm", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_containers_gain_no_privileges_by_setuid_programs(pod):
    status = shown(pod, pod.image, "cat", "/proc/self/status")
    assert "NoNewPrivs:\t1" in status


def test_containers_hold_no_capability_beyond_the_default_set(pod):
    status = shown(pod, pod.image, "cat", "/proc/self/status")
    bounding = int(next(line for line in status.splitlines() if "CapBnd" in line).split()[1], 16)
    assert bounding == 0x00000000A80425FB  # chown ... setfcap: Docker's default set


def test_a_seccomp_filter_is_in_force(pod):
    assert "Seccomp:\t2" in shown(pod, pod.image, "cat", "/proc/self/status")


def test_published_ports_listen_on_loopback_unless_asked_otherwise(pod):
    made = pod.docker("run", "-d", "-p", "8099:80", pod.image, "sleep", "1000").stdout.decode()
    port = pod.docker("port", made.strip()).stdout.decode()
    pod.docker("rm", "-f", made.strip())
    assert port.strip() == "80/tcp -> 127.0.0.1:8099"


def test_containers_of_the_default_bridge_do_not_see_each_other(pod):
    server = pod.docker(
        "run", "-d", pod.image, "busybox", "nc", "-ll", "-p", "80", "-e", "true"
    ).stdout.decode().strip()  # fmt: skip
    address = pod.json("GET", f"/containers/{server}/json")["NetworkSettings"]["Networks"]
    ip = address["bridge"]["IPAddress"]
    words = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{ip}/80'"
    listens = partial(pod.run_inside, "bash", "-c", words)
    engines.wait_for(lambda: listens().returncode == 0, lambda: "nobody listens", 20)
    # The shell stays process 1, which signals do not end; busybox's timeout becomes its command.
    outside = pod.docker("run", "--rm", pod.image, "sh", "-c", f"busybox {words}; exit $?")
    pod.docker("rm", "-f", server)
    assert outside.returncode != 0


def test_the_engine_cannot_write_its_programs_or_settings_of_the_nodes_kernel(pod):
    """What dockerd could be made to write by a path would not become a program or a handler."""
    outer = pod.processes["engine"].pid
    inner = Path(f"/proc/{outer}/task/{outer}/children").read_text(encoding="ascii").split()[0]
    lines = Path(f"/proc/{inner}/mounts").read_text(encoding="utf-8").splitlines()
    mounts = {words[1]: words[3].split(",") for words in map(str.split, lines)}
    programs = [shutil.which(name, path=pod.engine.path) for name in ("dockerd", "runc", "sh")]
    places = [str(Path(program).parent.resolve()) for program in programs]
    kernels = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger"]
    for place in (*places, *filter(os.path.exists, kernels)):
        assert "ro" in mounts[place], place
    assert ("/proc/kcore" in mounts) is Path("/proc/kcore").exists()
    assert "stays writable" not in (pod.place / "engine.log").read_text("utf-8")


@pytest.mark.parametrize("uri", ["/v1.44/info", "/info"])
def test_the_engine_says_which_plugin_guards_it(pod, uri):
    if pod.engine.old and "v1.44" in uri:
        pytest.skip("the old engine does not know this version")
    assert pod.json("GET", uri)["Plugins"]["Authorization"] == ["podwright"]
