"""The manifests of `podwright policy` on a real API server: only podwright's pods pass."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Callable

import harness
import layout
import pytest
import standins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNER = "platform@acme.example"
CONFIGS: dict[str, dict[str, Any]] = {
    "e2e-policy-baseline": {
        "builders": ["kaniko", "buildkit"],
        "limits": [{"memory": "12Gi", "cpu": "16"}],
    },
    "e2e-policy-engine": {"builders": ["kaniko", "dind-sidecar"]},
    "e2e-policy-node": {"builders": ["kaniko", "dood"]},
}
PASSES = [(where, name) for where, told in CONFIGS.items() for name in told["builders"]]
Change = Callable[[dict[str, Any]], None]


def _pod(builder: str, config: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
    """Give a strategy's pod as Jenkins sends it; without a config, as one makes who evades it."""
    done = subprocess.run(
        [sys.executable, "-I", str(harness.BUNDLE), "pod", "--builder", builder, "-"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        env={"PODWRIGHT_CONFIG": json.dumps(config)} if config else {},
    )
    return harness.jenkins(json.loads(done.stdout), f"policy-{builder}", "none")


def _named(pod: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in harness.containers(pod) if item["name"] == name)


def _set(name: str, **fields: Any) -> Change:
    """Give a change of a container."""
    return lambda pod: _named(pod, name).update(fields)


def _secure(name: str, **fields: Any) -> Change:
    return lambda pod: _named(pod, name)["securityContext"].update(fields)


def _spec(**fields: Any) -> Change:
    return lambda pod: pod["spec"].update(fields)


def _mount(name: str, volume: str, path: str, source: dict[str, Any] | None = None) -> Change:
    """Mount a volume in a container, one of the pod's or a new one."""

    def change(pod: dict[str, Any]) -> None:
        if source:
            pod["spec"]["volumes"].append({"name": volume, **source})
        _named(pod, name)["volumeMounts"].append({"name": volume, "mountPath": path})

    return change


def _extra(pod: dict[str, Any]) -> None:
    pod["spec"]["containers"].append({"name": "mine", "image": "docker.io/library/alpine:3"})


def _open_plugin(pod: dict[str, Any]) -> None:
    """Let the engine ask a plugin that allows everything."""
    pod["metadata"]["annotations"]["podwright.dev/authz.py"] = "print('allow')"


def _no_guard(pod: dict[str, Any]) -> None:
    sidecars = pod["spec"]["initContainers"]
    pod["spec"]["initContainers"] = [item for item in sidecars if item["name"] != "authz"]


def _other_file(pod: dict[str, Any]) -> None:
    """Put another file in the place of the plugin's source."""
    volume = next(v for v in pod["spec"]["volumes"] if v["name"] == "files")
    for item in volume["downwardAPI"]["items"]:
        item["fieldRef"]["fieldPath"] = "metadata.annotations['mine']"


def _storage_twice(pod: dict[str, Any]) -> None:
    claim = {"persistentVolumeClaim": {"claimName": "cache"}}
    storage = next(v for v in pod["spec"]["volumes"] if v["name"] == "storage")
    storage.pop("emptyDir")
    storage.update(claim)
    _mount("builder", "mine", "/engine", claim)(pod)


def _argument(pod: dict[str, Any]) -> None:
    _named(pod, "engine")["args"] += ["--host=tcp://0.0.0.0:2375"]


def _environment(pod: dict[str, Any]) -> None:
    _named(pod, "engine")["env"].append({"name": "LD_PRELOAD", "value": "/var/lib/docker/x.so"})


HOOK = {"postStart": {"exec": {"command": ["sh", "-c", "id"]}}}
ROOT = {"hostPath": {"path": "/"}}
SOCKET = {"hostPath": {"path": "/var/run/docker.sock"}}
FIELD = [{"name": "a", "hostPort": 80, "containerPort": 80}]
# By name: the namespace, the strategy and what is changed; words of the refusal.
ENGINE, NODE, BASE = "e2e-policy-engine", "e2e-policy-node", "e2e-policy-baseline"
BYPASSES: dict[str, tuple[str, str, Change, str]] = {
    "own privileges": (
        ENGINE,
        "kaniko",
        _secure("builder", privileged=True, allowPrivilegeEscalation=True),
        "a privileged container",
    ),
    "the node's root": (ENGINE, "kaniko", _mount("builder", "r", "/r", ROOT), "a host path"),
    "the node's socket": (ENGINE, "kaniko", _mount("builder", "s", "/s", SOCKET), "a host path"),
    "the socket past the proxy": (
        NODE,
        "dood",
        _mount("builder", "docker-socket", "/s"),
        "a host path",
    ),
    "all of the node beside the proxy": (
        NODE,
        "dood",
        _mount("engine", "r", "/r", ROOT),
        "host path",
    ),
    "a capability": (
        *(ENGINE, "kaniko"),
        _secure("builder", capabilities={"add": ["SYS_ADMIN"]}),
        "a capability",
    ),
    "no seccomp": (
        *(ENGINE, "kaniko"),
        _secure("builder", seccompProfile={"type": "Unconfined"}),
        "a profile",
    ),
    "another image": (BASE, "kaniko", _extra, "an image that is neither"),
    "another image in the engine's place": (
        *(ENGINE, "dind-sidecar"),
        _set("engine", image="docker.io/library/docker:dind"),
        "an image that is neither",
    ),
    "an engine that listens": (ENGINE, "dind-sidecar", _argument, "a sidecar beside them"),
    "a hook in the engine": (ENGINE, "dind-sidecar", _set("engine", lifecycle=HOOK), "a sidecar"),
    "a library for the engine": (ENGINE, "dind-sidecar", _environment, "a sidecar"),
    "a plugin that allows all": (ENGINE, "dind-sidecar", _open_plugin, "a sidecar"),
    "no plugin": (ENGINE, "dind-sidecar", _no_guard, "a sidecar"),
    "a plugin that sleeps": (
        ENGINE,
        "dind-sidecar",
        _set("authz", command=["sleep", "9"]),
        "a sidecar",
    ),
    "another file for the plugin": (ENGINE, "dind-sidecar", _other_file, "a sidecar"),
    "the engine's socket past the gate": (
        *(ENGINE, "dind-sidecar"),
        _mount("builder", "engine-socket", "/e"),
        "a sidecar",
    ),
    "the engine's storage": (ENGINE, "dind-sidecar", _storage_twice, "mounted under two names"),
    "the engine's processes": (
        *(ENGINE, "dind-sidecar"),
        _spec(shareProcessNamespace=True),
        "shares processes",
    ),
    "the node's network": (ENGINE, "kaniko", _spec(hostNetwork=True), "of the host"),
    "a port of the node": (ENGINE, "kaniko", _set("builder", ports=FIELD), "of the host"),
    "another account": (BASE, "kaniko", _spec(serviceAccountName="deployer"), "a service account"),
    "a node by name": (BASE, "kaniko", _spec(nodeName=layout.NODE), "a node that is named"),
    "more memory": (
        *(BASE, "kaniko"),
        _set("builder", resources={"limits": {"cpu": "2", "memory": "90Gi"}}),
        "maximum memory usage per Pod is 12Gi",
    ),
}


def _config(where: str) -> dict[str, Any]:
    return {"owner": OWNER, **CONFIGS[where]}


@pytest.fixture(scope="module")
def policies(
    cluster: harness.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[harness.Cluster]:
    """Give the cluster with the manifests of each config."""
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("needs a cluster of its own: it makes admission policies")
    made: list[Path] = []
    for where in CONFIGS:
        file = tmp_path_factory.mktemp(where) / "acme.json"
        file.write_text(json.dumps(_config(where)))
        command = [sys.executable, "-I", str(harness.BUNDLE), "policy", "manifests"]
        command += ["--namespace", where, "--config", str(file), "--image", standins.AGENT]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        made.append(file.with_name("manifests.yaml"))
        made[-1].write_text(done.stdout)
        cluster.run("apply", "--server-side", "-f", str(made[-1]))
        cluster.run("label", "namespace", where, f"{harness.MARK}=yes")
        cluster.namespace(where, "ignored")  # waits for its account
        account = {"name": "deployer", "namespace": where}
        cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    time.sleep(2)  # the API server reads policies a moment later
    yield cluster
    for file in made:
        cluster.run("delete", "-f", str(file), "--wait=false", check=False)


def _refusal(cluster: harness.Cluster, pod: dict[str, Any], where: str) -> str:
    """Give why a pod is refused, '' when it is not."""
    pod = copy.deepcopy(pod)
    pod["metadata"]["namespace"] = where
    return cluster.apply(pod, "--dry-run=server").stderr


@pytest.mark.parametrize(("where", "builder"), PASSES)
def test_pods_of_allowed_strategies_are_admitted(
    where: str, builder: str, policies: harness.Cluster
) -> None:
    assert _refusal(policies, _pod(builder, _config(where)), where) == ""


@pytest.mark.parametrize("where", CONFIGS)
def test_a_strategy_that_is_not_allowed_is_refused_however_its_pod_was_made(
    where: str, policies: harness.Cluster
) -> None:
    # Its own presets, a planned pod, an empty config: what a pipeline can have without its owner.
    for pod in (_pod("dind"), _pod("dind", pod={"labels": {"a": "b"}}), _pod("dind", {})):
        said = _refusal(policies, pod, where)
        assert "violates PodSecurity" in said or f"(admission, ask {OWNER})" in said


@pytest.mark.parametrize("name", BYPASSES)
def test_a_bypass_is_refused(name: str, policies: harness.Cluster) -> None:
    where, builder, change, words = BYPASSES[name]
    pod = _pod(builder, _config(where))
    change(pod)
    said = _refusal(policies, pod, where)
    assert words in said, said
    assert (
        f"is not allowed by the organisation (admission, ask {OWNER})" in said or "maximum" in said
    )


def test_a_pod_that_was_admitted_cannot_be_changed_into_another(policies: harness.Cluster) -> None:
    pod = _pod("dind-sidecar", _config(ENGINE))
    pod["metadata"]["namespace"] = ENGINE
    pod["spec"]["schedulingGates"] = [{"name": "podwright.test/never"}]
    made = policies.apply(pod)
    assert not made.returncode, made.stderr
    where = ("-n", ENGINE)
    name = pod["metadata"]["name"]
    image = {"spec": {"containers": [{"name": "builder", "image": "docker.io/library/alpine:3"}]}}
    text = {"metadata": {"annotations": {"podwright.dev/authz.py": "print('allow')"}}}
    debug = {"name": "debug", "image": "docker.io/library/python:3.14.2-slim-trixie"}
    changes = (
        (("patch", "pod", name, "-p", json.dumps(image)), "an image that is neither"),
        (("patch", "pod", name, "-p", json.dumps(text)), "a sidecar beside them"),
        (
            (
                *("patch", "pod", name, "--subresource=ephemeralcontainers"),
                *("-p", json.dumps({"spec": {"ephemeralContainers": [debug]}})),
            ),
            "another container beside a privileged one",
        ),
    )
    for words, refusal in changes:
        said = policies.run(*where, *words, check=False).stderr
        assert refusal in said, said
    policies.run(*where, "delete", "pod", name, "--wait=false", check=False)
