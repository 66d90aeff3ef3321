"""After all other tests: nothing of theirs is left in the cluster or on its node."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

import cluster as own_cluster  # noqa: E402 - after the path is set
import layout  # noqa: E402
import pytest  # noqa: E402

if TYPE_CHECKING:
    import harness


def _empty(look: Callable[[], list[str]], seconds: float = 300) -> list[str]:
    """Wait until nothing is found; give what is found at last.

    The kubelet removes the sandboxes of pods that have ended once a minute.
    """
    until = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < until:
        time.sleep(0.5)
    return found


@pytest.fixture
def node(site: harness.Site) -> None:
    if site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("needs the tests' own cluster: it looks at the node")


def _lines(*command: str) -> list[str]:
    return own_cluster.inside(*command).stdout.splitlines()


def test_no_pod_and_no_namespace_of_the_tests_is_left(cluster_alone: harness.Cluster) -> None:
    def look() -> list[str]:
        label = "podwright.test/run=yes"
        found = cluster_alone.run("get", "pods,namespaces", "-A", "-l", label, "-o", "name").stdout
        return found.split()

    assert _empty(look) == []


@pytest.mark.usefixtures("node")
def test_no_container_is_left_in_containerd() -> None:
    assert _empty(lambda: _lines("ctr", "-n", "k8s.io", "containers", "ls", "-q")) == []
    assert _empty(lambda: _lines("ctr", "-n", "k8s.io", "tasks", "ls", "-q")) == []


@pytest.mark.usefixtures("node")
def test_nothing_of_a_build_is_left_in_the_nodes_engine() -> None:
    assert _empty(lambda: _lines("docker", "ps", "-aq")) == []
    label = "label=podwright.dev/build"
    assert _empty(lambda: _lines("docker", "network", "ls", "-q", "--filter", label)) == []
    assert _empty(lambda: _lines("docker", "volume", "ls", "-q", "--filter", label)) == []


@pytest.mark.usefixtures("node")
def test_no_mount_network_namespace_cgroup_or_process_of_a_pod_is_left() -> None:
    def mounts() -> list[str]:
        pods = ("/kubelet/pods/", "io.containerd.runtime.v2.task/k8s.io", "/run/netns/cni-")
        return [line for line in _lines("cat", "/proc/mounts") if any(p in line for p in pods)]

    def cgroups() -> list[str]:
        places = [str(root / layout.CGROUP / "kubepods") for root in own_cluster.cgroups()]
        return _lines("find", *places, "-maxdepth", "3", "-name", "pod*", "-type", "d")

    def shims() -> list[str]:
        return [line for line in _lines("ps", "-eo", "args") if "containerd-shim" in line]

    assert _empty(mounts) == []
    assert _empty(lambda: _lines("find", "/run", "-maxdepth", "2", "-path", "/run/netns/*")) == []
    assert _empty(cgroups) == []
    assert _empty(shims) == []


def test_no_temporary_file_of_the_tests_is_left() -> None:
    assert [str(p) for p in Path(tempfile.gettempdir()).glob("podwright-e2e-*")] == []
