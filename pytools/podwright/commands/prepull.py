"""Print a DaemonSet that has each node pull what builds need.

The images of the strategies that the organisation's config allows, as it
names them, and of those given by --image. A node that has them starts a pod
without waiting for a registry. The pods need no right and pass `restricted`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from podwright import config as configs
from podwright import generate, pod
from podwright.console import Console
from podwright.errors import UsageError
from podwright.images import resolve

SUMMARY = "print a DaemonSet that pulls the images of builds to each node"
OPTIONS = """
--config FILE          the organisation's config (PODWRIGHT_CONFIG)
--namespace NAME!      where its pods run
--builder STRATEGY...  these strategies only (default: all that the config allows)
--image IMAGE...       what else builds use, with a shell: bases of pipelines, the agent's image
"""
NAME = "podwright-prepull"
_RESOURCES = {
    "requests": {"cpu": "1m", "memory": "8Mi"},
    "limits": {"cpu": "100m", "memory": "32Mi"},
}
# By the program that a pod's own container runs: what it can be told to end at once.
_ENDINGS = {"sh": ["-c", "exit 0"], "python3": ["-I", "-c", "pass"]}


def run(options: argparse.Namespace, console: Console) -> int:
    text = options.config or console.env.get("PODWRIGHT_CONFIG", "")
    config = configs.load(text, None, Path(options.config or ".").parent)
    pods = generate.pods(config)
    for name in options.builder or ():
        if name not in pods:
            known = ", ".join(pods)
            raise UsageError(f"--builder: '{name}' has no pod by this config; there are {known}")
    commands = {image: ["sh", *_ENDINGS["sh"]] for image in options.image or ()}
    for name in options.builder or pods:
        for item in pod.containers_of(pods[name]):
            commands.setdefault(item["image"], _ending(item))
    console.result(None, _daemon_set(config, options.namespace, commands))
    return 0


def _ending(item: dict[str, Any]) -> list[str]:
    """Give a command that ends at once: by the shell or Python that the pod itself begins with."""
    program = (item.get("command") or ["sh"])[0]
    name = program.rpartition("/")[2]
    return [program, *_ENDINGS[name]] if name in _ENDINGS else ["sh", *_ENDINGS["sh"]]


def _daemon_set(config: Any, namespace: str, commands: dict[str, list[str]]) -> dict[str, Any]:
    images = [
        pod.container(f"image-{n}", image, command=command, **_BOUNDS)
        for n, (image, command) in enumerate(sorted(commands.items()))
    ]
    keep = pod.container("keep", resolve(config.images)["tools"], command=pod.KEEP_ALIVE, **_BOUNDS)
    spec = {**pod.SPEC, "initContainers": images, "containers": [keep]}
    labels = {**pod.LABELS, "app.kubernetes.io/name": NAME}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            # All nodes at once after an upgrade of the images.
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


_BOUNDS: dict[str, Any] = {"resources": _RESOURCES, "security": pod.RESTRICTED}
