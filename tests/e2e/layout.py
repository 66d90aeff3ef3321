"""Names and addresses of the test cluster, shared by its programs."""

from __future__ import annotations

import os
from pathlib import Path

STATE = Path("/var/lib/podwright-e2e")
KUBECONFIG = STATE / "kubeconfig"
NODE = "podwright-e2e"
CGROUP = "podwright-e2e"
# One /30 between the host and the node, one /24 for pods.
LINK, PEER, BRIDGE = "pwe2e0", "pwe2e1", "pwe2e-pods"
HOST_IP, NODE_IP = "10.231.1.1", "10.231.1.2"
POD_NET, GATEWAY = "10.231.0.0/24", "10.231.0.1"
API_PORT, REGISTRY_PORT = 6443, 5000
REGISTRY = f"{GATEWAY}:{REGISTRY_PORT}"
# A second one without TLS, for examples; the same password.
PLAIN_REGISTRY = f"{GATEWAY}:5001"
# Names by which pods and the host may call the registry.
NAMES = (REGISTRY, f"registry.podwright.test:{REGISTRY_PORT}")
REGISTRY_USER, REGISTRY_PASSWORD = "builder", "s3cret with spaces & $igns"
# Group of the node's docker.sock: none of those in the images.
SOCKET_GROUP = 4242
PAUSE = "podwright.test/pause:1"
TOKENS = {
    "admin": ("admin", "system:masters"),
    "controller": ("system:kube-controller-manager", "system:masters"),
    "scheduler": ("system:kube-scheduler", "system:masters"),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
}
# The variables of programs, as they were at the start. pytest changes its own before and after each
# test, and a program that a thread starts meanwhile may get torn ones: execve says "Bad address".
ENVIRONMENT = dict(os.environ)


def temporary(kind: str) -> str:
    """Give the beginning of a temporary directory's name; it tells whose process it is."""
    return f"podwright-{kind}-{os.getpid()}-"
