"""Manifests by which the API server enforces an organisation's limits on the pods of builds. Pure.

Whoever writes a pipeline may send any pod. So the pod is judged by what it is, not by what it says
of itself: images, levels, and for what runs with the rights of the node (privileged containers,
host paths) the very commands, mounts and files that podwright makes. What those are is rendered
here from the same strategies; long texts are in a ConfigMap, which the policy reads.
"""

from __future__ import annotations

import json
from typing import Any

from podwright import plan, rules
from podwright.config import Config
from podwright.limits import LEVELS, Rules
from podwright.pod import containers_of
from podwright.request import parse_pod

NAME = "podwright-limits"
KIND = "ValidatingAdmissionPolicy"
GROUP = "admissionregistration.k8s.io/v1"
LABEL = "podwright.dev/limits"
_WORKSPACE = "workspace-volume"
_FILE = "podwright.dev/"


def manifests(
    config: Config, limits: Rules, namespace: str, images: list[str], accounts: list[str]
) -> list[dict[str, Any]]:
    """Give everything for one namespace.

    Args:
        config: the organisation's.
        limits: those that hold there.
        namespace: where builds run.
        images: what pods may have beside podwright's own: agents, tools; as places (`limits.pull`).
        accounts: the service accounts that pods may have beside the default one.
    """
    pods = _pods(config, limits)
    level = max((rules.level_of(made) for made in pods.values()), key=LEVELS.index)
    name = f"{NAME}-{namespace}"
    return [
        _namespace(namespace, level),
        *_bounds(limits, namespace),
        _object("v1", "ConfigMap", name, namespace, data=_texts(pods)),
        _object(GROUP, KIND, name, spec=_policy(pods, limits, images, accounts)),
        _object(GROUP, f"{KIND}Binding", name, spec=_binding(name, namespace)),
    ]


def _object(version: str, kind: str, name: str, space: str = "", **more: Any) -> dict[str, Any]:
    meta = {"name": name, **({"namespace": space} if space else {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def _pods(config: Config, limits: Rules) -> dict[str, dict[str, Any]]:
    """Give the pods of all strategies that are allowed, and whose level is."""
    found = {}
    for name in plan.allowed_strategies(config):
        _, made = plan.plan_pod(parse_pod({"builder": name}, config.defaults), config)
        if not list(rules.level(name, rules.level_of(made), limits)):
            found[name] = made
    return found


def _namespace(name: str, level: str) -> dict[str, Any]:
    labels = {
        LABEL: name,
        "pod-security.kubernetes.io/enforce": level,
        "pod-security.kubernetes.io/enforce-version": "latest",
    }
    made = _object("v1", "Namespace", name)
    made["metadata"]["labels"] = labels
    return made


def _bounds(limits: Rules, namespace: str) -> list[dict[str, Any]]:
    """Bound the sum of a pod; the agent, which the plugin gives no limits, gets some."""
    most = {key: value for key in ("cpu", "memory") for _, value in limits.of(key)}
    if not most:
        return []
    default = {"cpu": "1", "memory": "512Mi"}
    spec = {"limits": [{"type": "Pod", "max": most}, {"type": "Container", "default": default}]}
    return [_object("v1", "LimitRange", NAME, namespace, spec=spec)]


def _binding(policy: str, namespace: str) -> dict[str, Any]:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {
        "policyName": policy,
        "paramRef": {"name": policy, "namespace": namespace, "parameterNotFoundAction": "Deny"},
        "matchResources": {"namespaceSelector": selector},
        "validationActions": ["Deny"],
    }


# -- what has the rights of the node -------------------------------------------------------------


def _strong(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the containers with the rights of the node, and what stands guard beside them."""
    spec = made["spec"]
    host = {item["name"] for item in spec["volumes"] if "hostPath" in item}
    strong = [
        item
        for item in containers_of(made)
        if item.get("securityContext", {}).get("privileged")
        or host & {mount["name"] for mount in item["volumeMounts"]}
    ]
    guards = [item for item in spec.get("initContainers", []) if item not in strong]
    return [*strong, *guards] if strong else []


def _texts(pods: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Give what the policy compares with: commands, and files that travel as annotations."""
    found = {}
    for name, made in pods.items():
        strong = _strong(made)
        for item in strong:
            for part in ("command", "args"):
                found[f"{name}.{item['name']}.{part}"] = "\n".join(item.get(part, []))
        for key, text in made["metadata"].get("annotations", {}).items() if strong else ():
            if key.startswith(_FILE) and "." in key.removeprefix(_FILE):
                found[f"{name}.{key.removeprefix(_FILE)}"] = text
    return found


def _shape(builder: str, item: dict[str, Any]) -> str:
    """Give an expression that holds for a container `c` that is just this one."""
    key = f"{builder}.{item['name']}"
    mounts = [f"{m['name']}:{m['mountPath']}" for m in item["volumeMounts"]]
    mounts.append(f"{_WORKSPACE}:/home/jenkins/agent")
    names = [variable["name"] for variable in item.get("env", [])]
    parts = [
        f"c.name == {_text(item['name'])}",
        f"c.image == {_text(item['image'])}",
        f"(has(c.command) ? c.command.join('\\n') : '') == params.data[{_text(f'{key}.command')}]",
        f"(has(c.args) ? c.args.join('\\n') : '') == params.data[{_text(f'{key}.args')}]",
        "!has(c.lifecycle) && !has(c.envFrom)",
        *(_probe(item, name) for name in ("startupProbe", "livenessProbe", "readinessProbe")),
        f"(!has(c.env) || c.env.all(e, e.name in {_list(names)}))",
        (
            f"(!has(c.volumeMounts) || c.volumeMounts.all(m, (m.name + ':' + m.mountPath) in "
            f"{_list(mounts)}))"
        ),
    ]
    return "(" + " && ".join(parts) + ")"


def _probe(item: dict[str, Any], name: str) -> str:
    """Give an expression: a probe runs what podwright's runs, for it runs with all rights."""
    command = item.get(name, {}).get("exec", {}).get("command")
    if command is None:
        return f"!has(c.{name})"
    return f"(!has(c.{name}) || has(c.{name}.exec) && c.{name}.exec.command == {_list(command)})"


def _is_strategy(builder: str, made: dict[str, Any]) -> str:
    """Give an expression that holds for a pod whose strong containers are those of a strategy."""
    strong = _strong(made)
    shapes = " || ".join(_shape(builder, item) for item in strong)
    files = [
        key
        for key in made["metadata"].get("annotations", {})
        if f"{builder}.{key.removeprefix(_FILE)}" in _texts({builder: made})
    ]
    parts = [
        f"variables.guarded.all(c, {shapes})",
        # Whoever guards is there.
        *(f"variables.all.exists(c, c.name == {_text(item['name'])})" for item in strong),
        *(
            f"has(object.metadata.annotations) && {_text(key)} in object.metadata.annotations && "
            f"object.metadata.annotations[{_text(key)}] == "
            f"params.data[{_text(f'{builder}.{key.removeprefix(_FILE)}')}]"
            for key in files
        ),
        _volumes(made, strong),
    ]
    return "(" + " && ".join(parts) + ")"


def _volumes(made: dict[str, Any], strong: list[dict[str, Any]]) -> str:
    """Give an expression: what strong containers mount is what it is, and theirs alone."""
    spec = made["spec"]
    used = {mount["name"] for item in strong for mount in item["volumeMounts"]}
    weak = [item for item in spec["containers"] if item not in strong]
    shared = {mount["name"] for item in weak for mount in item["volumeMounts"]} | {_WORKSPACE}
    host = [v["hostPath"]["path"] for v in spec["volumes"] if "hostPath" in v]
    item = "'metadata.annotations[\\'podwright.dev/' + i.path + '\\']'"
    kinds = (
        "has(v.emptyDir) || has(v.persistentVolumeClaim) || "
        f"has(v.hostPath) && v.hostPath.path in {_list(host)} || "
        f"has(v.downwardAPI) && v.downwardAPI.items.all(i, has(i.fieldRef) && "
        f"i.fieldRef.fieldPath == {item})"
    )
    own = _list(sorted(used - shared))
    names = _list([item["name"] for item in strong])
    return (
        f"object.spec.volumes.all(v, !(v.name in {_list(sorted(used))}) || {kinds}) && "
        f"object.spec.containers.all(c, c.name in {names} || !has(c.volumeMounts) || "
        f"c.volumeMounts.all(m, !(m.name in {own})))"
    )


# -- the policy ----------------------------------------------------------------------------------


def _policy(
    pods: dict[str, dict[str, Any]], limits: Rules, images: list[str], accounts: list[str]
) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    resources = ["pods", "pods/ephemeralcontainers"]
    checks = [*_images(pods, images), *_rights(pods), *_places(accounts)]
    said = limits.refused("admission")
    return {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [{**rule, "resources": resources}]},
        "variables": _VARIABLES,
        "validations": [
            {"expression": expression, "message": f"{what} {said}"} for what, expression in checks
        ],
    }


_PRIVILEGED = (
    "has(c.securityContext) && has(c.securityContext.privileged) && c.securityContext.privileged"
)
_VARIABLES = [
    {"name": name, "expression": expression}
    for name, expression in {
        "all": "object.spec.containers + "
        "(has(object.spec.initContainers) ? object.spec.initContainers : [])",
        "extra": "has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : []",
        "host": "has(object.spec.volumes) ? object.spec.volumes.filter(v, has(v.hostPath))"
        ".map(v, v.name) : []",
        "strong": f"variables.all.filter(c, {_PRIVILEGED} || has(c.volumeMounts) && "
        "c.volumeMounts.exists(m, m.name in variables.host))",
        # Beside them each sidecar counts: it may be the one that guards.
        "guarded": "variables.strong.size() == 0 ? [] : variables.strong + "
        "(has(object.spec.initContainers) ? object.spec.initContainers : [])",
        "claims": "has(object.spec.volumes) ? object.spec.volumes.filter(v, "
        "has(v.persistentVolumeClaim)).map(v, v.persistentVolumeClaim.claimName) : []",
    }.items()
]


def _images(pods: dict[str, dict[str, Any]], places: list[str]) -> list[tuple[str, str]]:
    """Say which images a pod's containers may have."""
    own = {item["image"] for made in pods.values() for item in containers_of(made)}
    below = " || ".join(
        f"c.image == {_text(place)} || "
        + " || ".join(f"c.image.startsWith({_text(place + end)})" for end in "/:@")
        for place in places
    )
    test = f"c.image in {_list(sorted(own))}" + (f" || {below}" if below else "")
    expression = f"variables.all.all(c, {test}) && variables.extra.all(c, {test})"
    return [("an image that is neither podwright's nor listed", expression)]


def _rights(pods: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Say what a container may be allowed by the node."""
    strategies = [_is_strategy(name, made) for name, made in pods.items() if _strong(made)]
    known = " || ".join(strategies) or "false"
    open_ones = any(
        "Unconfined" in json.dumps(item.get("securityContext", {}))
        for made in pods.values()
        for item in containers_of(made)
    )
    baseline = _list(sorted(rules.BASELINE))
    profiles = " && ".join(
        f"(!has(c.securityContext.{name}) || c.securityContext.{name}.type != 'Unconfined')"
        for name in ("seccompProfile", "appArmorProfile")
    )
    return [
        (
            "a privileged container, a host path, or a sidecar beside them that is not podwright's",
            f"variables.strong.size() == 0 || {known}",
        ),
        (
            "another container beside a privileged one (ephemeral, or one that shares processes)",
            (
                "variables.strong.size() == 0 || variables.extra.size() == 0 && "
                "!(has(object.spec.shareProcessNamespace) && object.spec.shareProcessNamespace)"
            ),
        ),
        (
            "a volume claim that is mounted under two names",
            "variables.claims.all(n, variables.claims.exists_one(m, m == n))",
        ),
        (
            "a capability, a profile or an unmasked /proc beyond the level 'baseline'",
            "variables.all.all(c, variables.strong.exists(s, s.name == c.name) || "
            "!has(c.securityContext) || "
            "(!has(c.securityContext.capabilities) || !has(c.securityContext.capabilities.add) || "
            f"c.securityContext.capabilities.add.all(n, n in {baseline})) && "
            "(!has(c.securityContext.procMount) || c.securityContext.procMount == 'Default' || "
            "has(object.spec.hostUsers) && !object.spec.hostUsers)"
            + ("" if open_ones else f" && {profiles}")
            + ")",
        ),
    ]


def _places(accounts: list[str]) -> list[tuple[str, str]]:
    """Say where a pod may run, and as whom."""
    flags = " && ".join(
        f"!(has(object.spec.{name}) && object.spec.{name})"
        for name in ("hostNetwork", "hostPID", "hostIPC")
    )
    ports = "variables.all.all(c, !has(c.ports) || c.ports.all(p, !has(p.hostPort)))"
    sysctls = "!has(object.spec.securityContext) || !has(object.spec.securityContext.sysctls)"
    names = _list(["", "default", *accounts])
    return [
        ("a namespace or port of the host, or a sysctl,", f"{flags} && {ports} && ({sysctls})"),
        (
            "a service account that is not listed",
            f"!has(object.spec.serviceAccountName) || object.spec.serviceAccountName in {names}",
        ),
        (
            "a node that is named instead of scheduled",
            "request.operation != 'CREATE' || !has(object.spec.nodeName)",
        ),
    ]


def _text(value: str) -> str:
    """Write a text for CEL, whose escapes JSON's are."""
    return json.dumps(value, ensure_ascii=True)


def _list(values: list[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"
