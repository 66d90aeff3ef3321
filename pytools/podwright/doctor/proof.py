"""Pods that doctor starts, and what became of them: the probe, and a tiny build per strategy."""

from __future__ import annotations

import base64
import copy
import json
import shlex
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from podwright import pod as pods
from podwright import resources, workspace
from podwright.config import Config
from podwright.doctor import context, diagnosis, matching
from podwright.doctor.cluster import Api
from podwright.images import AGENT, resolve
from podwright.plan import plan
from podwright.records import record
from podwright.request import parse_build

PATIENCE = 300  # seconds for a pod to end
# What a pod is refused or kept waiting for and will not get, however long one waits.
_HOPELESS = {
    *("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
}
# What the container does in a pipeline goes on behind the build; an engine in it must answer first.
# One that does not is waited for as in a pipeline, and then this shell is told to end (pod.awaits).
_BUILD = """\
trap 'exit 1' TERM
"$0" "$@" >&2 &
[ -z "$DOCTOR_READY" ] || {
  sh -c "$DOCTOR_READY" >/dev/null 2>&1 &
  wait $!
}
(exec 3>&1 1>&2
mkdir -p doctor && cd doctor && printf %s "$DOCTOR_DOCKERFILE" >Dockerfile && eval "$DOCTOR_SCRIPT")
exit $?
"""
_LABEL = {"app.kubernetes.io/managed-by": "podwright", "podwright.dev/doctor": "yes"}


@record
class Ended:
    """What became of a pod.

    Attributes:
        done: whether its container ended with 0.
        log: what that container said.
        cause: why not, as far as it is known.
    """

    done: bool
    log: str = ""
    cause: diagnosis.Cause | None = None


def path(api: Api, kind: str, name: str = "") -> str:
    """Give the path of objects of the namespace."""
    return f"/api/v1/namespaces/{api.namespace}/{kind}{f'/{name}' if name else ''}"


def with_agent(made: dict[str, Any], image: str) -> dict[str, Any]:
    """Give a pod as the kubernetes plugin sends it: with the agent and the workspace volume."""
    whole = copy.deepcopy(made)
    agent = {"name": pods.AGENT, "image": image, "resources": pods.AGENT_REQUESTS}
    containers = whole["spec"]["containers"]
    containers += [] if any(item["name"] == pods.AGENT for item in containers) else [agent]
    return _as_job(whole)


def _as_job(whole: dict[str, Any]) -> dict[str, Any]:
    spec = whole["spec"]
    spec["restartPolicy"] = "Never"
    volumes = spec.setdefault("volumes", [])
    if not any(item["name"] == "workspace-volume" for item in volumes):
        volumes.append({"name": "workspace-volume", "emptyDir": {}})
    for item in spec["containers"]:
        mounts = item.setdefault("volumeMounts", [])
        if not any(mount["mountPath"] == pods.WORKING_DIR for mount in mounts):
            mounts.append({"name": "workspace-volume", "mountPath": pods.WORKING_DIR})
    name = f"podwright-doctor-{uuid.uuid4().hex[:8]}"
    labels = {**whole["metadata"].get("labels", {}), **_LABEL}
    whole["metadata"] = {**whole["metadata"], "name": name, "labels": labels}
    return whole


def probe_pod(config: Config) -> dict[str, Any]:
    """Give the pod that tries what the node allows where a pod says nothing."""
    container = pods.container(
        "probe",
        resolve(config.images)["tools"],
        command=["python3", "-I", "-c", resources.text("doctor/probe.py")],
        resources=pods.TOOLS,
        security={"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True},
    )
    spec = {"automountServiceAccountToken": False, "containers": [container]}
    return _as_job({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec})


def asking_pod() -> dict[str, Any]:
    """Give the pod in which the step `doctor` runs: it asks the API by its service account."""
    container = pods.container(
        "tools",
        resolve({})["tools"],
        command=pods.KEEP_ALIVE,
        resources=pods.TOOLS,
        security=pods.RESTRICTED,
    )
    # The bridge puts the account's name in.
    spec = {"serviceAccountName": "@account@", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec}


def build_pod(request: dict[str, Any], dockerfile: str, config: Config) -> dict[str, Any]:
    """Give a strategy's pod whose builder runs the script of a build, and ends."""
    with tempfile.TemporaryDirectory(prefix="podwright-doctor-") as folder:
        (Path(folder) / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        facts = workspace.inspect(Path(folder), {})
        made = plan(parse_build(request, config.defaults), config, facts)
        if pods.worker(made.pod) == pods.AGENT:
            made = plan(parse_build(_apart(request, config), config.defaults), config, facts)
        script = made.script.replace(folder, f"{pods.WORKING_DIR}/doctor")
    # What is planned already needs no planner, and no agent has a Jenkins to go to.
    alone = pods.without_agent(made.pod, config.images.get(AGENT, ""))
    whole = _as_job(copy.deepcopy(alone))
    builder = next(item for item in whole["spec"]["containers"] if item["name"] == pods.BUILDER)
    usual = [*builder["command"], *builder.pop("args", [])]
    builder["command"] = [usual[0], "-c", _BUILD, *usual]
    ready = builder.pop("readinessProbe", {}).get("exec", {}).get("command", [])
    values = {"DOCKERFILE": dockerfile, "SCRIPT": script, "READY": shlex.join(ready)}
    # The planner of the pod knows nothing of this build: what it would add is planned already.
    builder.setdefault("env", []).append({"name": "PODWRIGHT_PLANNER_FIFO", "value": "none"})
    builder["env"].extend(pods.variable(f"DOCTOR_{name}", value) for name, value in values.items())
    return whole


def _apart(request: dict[str, Any], config: Config) -> dict[str, Any]:
    """Give a request whose builder is not the agent: no agent is there."""
    given = request.get("pod") or config.defaults.get("pod") or {}
    resources = {pods.BUILDER: {}, **(given.get("resources") or {})}
    return {**request, "pod": {**given, "resources": resources}}


def with_login(api: Api, whole: dict[str, Any], variable: str, login: tuple[str, str]) -> str:
    """Give a pod its login by a secret that lives as long as the pod; gives the refusal or ''."""
    name = whole["metadata"]["name"]
    keys = (f"{variable}_USR", f"{variable}_PSW")
    data = {key: base64.b64encode(text.encode()).decode() for key, text in zip(keys, login)}
    made = {"metadata": {"name": name, "labels": _LABEL}, "data": data, "type": "Opaque"}
    secret = {"apiVersion": "v1", "kind": "Secret", **made}
    builder = next(item for item in whole["spec"]["containers"] if item["name"] == pods.BUILDER)
    for key in keys:
        reference = {"secretKeyRef": {"name": name, "key": key}}
        builder.setdefault("env", []).append({"name": key, "valueFrom": reference})
    return api.call("POST", path(api, "secrets"), secret).refusal


def start(api: Api, whole: dict[str, Any]) -> Ended | None:
    """Create a pod; gives what became of it when it is refused."""
    refusal = api.call("POST", path(api, "pods"), whole).refusal
    return refused(refusal) if refusal else None


def refused(words: str) -> Ended:
    """Explain a refusal of the API."""
    return Ended(done=False, log=words, cause=explained(f"ERROR: Unable to create pod\n{words}"))


def explained(log: str) -> diagnosis.Cause:
    """Give the first cause that a log shows, or its most telling line."""
    import io  # noqa: PLC0415 - only here

    findings = matching.scan(io.BytesIO(log.encode()))
    causes = diagnosis.decide(findings, context.Context())
    told = (findings.telling or (findings.last or log,))[-1]
    return causes[0] if causes else diagnosis.unknown(diagnosis.shortened(told))


def finished(api: Api, name: str, container: str, seconds: float = PATIENCE) -> Ended:
    """Wait for a pod's container to end, then take the pod away."""
    until = time.monotonic() + seconds
    state: dict[str, Any] = {}
    try:
        while time.monotonic() < until:
            status = (api.call("GET", path(api, "pods", name)).value or {}).get("status", {})
            state = _state(status, container)
            if "terminated" in state or _is_hopeless(api, name, status):
                break
            time.sleep(1)
        log = api.call("GET", f"{path(api, 'pods', name)}/log?container={container}").value
        said = log if isinstance(log, str) else json.dumps(log or "")
        if state.get("terminated", {}).get("exitCode") == 0:
            return Ended(done=True, log=said)
        return Ended(done=False, log=said, cause=explained(story(api, name) + said))
    finally:
        api.call("DELETE", f"{path(api, 'pods', name)}?gracePeriodSeconds=0")
        api.call("DELETE", path(api, "secrets", name))


def _state(status: dict[str, Any], container: str) -> dict[str, Any]:
    found = [s["state"] for s in status.get("containerStatuses", []) if s["name"] == container]
    return found[0] if found else {}


def _is_hopeless(api: Api, name: str, status: dict[str, Any]) -> bool:
    both = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    waiting = [item["state"].get("waiting", {}).get("reason") for item in both]
    if status.get("phase") in ("Failed", "Succeeded") or _HOPELESS.intersection(waiting):
        return True
    conditions = {item["type"]: item for item in status.get("conditions", [])}
    scheduled = conditions.get("PodScheduled", {})
    return scheduled.get("reason") == "Unschedulable" or "FailedMount" in _events(api, name)


def _events(api: Api, name: str) -> str:
    """Give the pod's events as Jenkins prints them."""
    found = api.call("GET", path(api, "events") + f"?fieldSelector=involvedObject.name={name}")
    where = f"{api.namespace}/{name}"
    return "".join(
        f"[{item.get('type')}][{where}][{item.get('reason')}] {item.get('message')}\n"
        for item in found.items()
    )


def story(api: Api, name: str) -> str:
    """Give all that the API tells of a pod that fails, as lines of a log."""
    status = (api.call("GET", path(api, "pods", name)).value or {}).get("status", {})
    lines = [f"Pod just failed. Reason: {status['reason']},"] if status.get("reason") else []
    for item in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        ended = {**item.get("lastState", {}), **item["state"]}.get("terminated", {})
        if ended.get("exitCode") and (ended.get("message") or ended.get("reason") != "Error"):
            words = f"Reason: {ended.get('reason')}, Message: {ended.get('message', '')}"
            lines.append(f"Container {item['name']} was terminated. {words}")
    return _events(api, name) + "".join(f"{line}\n" for line in lines)
