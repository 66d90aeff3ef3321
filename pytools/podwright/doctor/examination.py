"""Says which strategies can run in a namespace: yes, no and the remedy, unknown and whom to ask.

Admission is asked by a dry run on the server, the node by a probe that tries; a real build proves
it. Nothing is inferred from the names of platforms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from podwright import strategies
from podwright.config import Config
from podwright.doctor import proof
from podwright.doctor.cluster import Api
from podwright.errors import UsageError
from podwright.plan import plan_pod
from podwright.records import field, record
from podwright.request import parse_pod
from podwright.schema import Anything, Choice, Flag, ListOf, Text, option

BASE = "docker.io/library/busybox:1"


@record
class DoctorParameters:
    """All parameters of the step ``doctor``."""

    cloud: str = option(Text(), "the Kubernetes cloud of Jenkins; its first when left out", "")
    namespace: str = option(Text(), "where builds run; the cloud's when left out", "")
    serviceAccount: str = option(
        Text(), "an account that may read namespace and nodes, and create pods there", ""
    )
    builders: tuple[str, ...] = option(
        ListOf(Choice(words=strategies.names, what="builder")), "only these; all when left out", ()
    )
    deep: bool = option(Flag(), "build a tiny image with each", default=False)
    base: str = option(Text(), "what the tiny image begins with", BASE)
    push: str = option(Text(), "a repository: the registry is tried, and images are pushed", "")
    credentials: Any = option(Anything(), "id of the login for `push`", None)


USER_NAMESPACES = "user namespaces"
NODE_ENGINE = "the node's Docker Engine"
ADMINISTRATOR = "ask the cluster's administrator"


@record
class Wish:
    """What is to be found out.

    Attributes:
        builders: the strategies, the safest first.
        agent: the image of the agent that Jenkins adds.
        deep: whether to build.
        base: the image that a tiny build begins with.
        push: the repository that it is pushed to, '' for none.
        variable: the prefix of the login's variables, '' for none.
        login: user and password.
    """

    builders: tuple[str, ...]
    agent: str
    deep: bool = False
    base: str = ""
    push: str = ""
    variable: str = ""
    login: tuple[str, str] = ("", "")


@record
class Requirement:
    """One thing that a strategy needs: state is yes, no or unknown."""

    name: str
    state: str
    why: str = ""
    remedy: str = ""


@record
class Report:
    """What was found.

    Attributes:
        namespace: which was asked.
        facts: of cluster, namespace and node, as far as they may be seen.
        found: the requirements by strategy.
    """

    namespace: str
    facts: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[Requirement]] = field(default_factory=dict)

    def can(self, builder: str) -> str:
        """Give the verdict for a strategy: a build is proof."""
        states = {item.name: item.state for item in self.found[builder]}
        if "build" in states:
            return states["build"]
        return next((state for state in ("no", "unknown") if state in states.values()), "yes")

    def reason(self, builder: str) -> Requirement | None:
        """Give the requirement that decides, None for yes."""
        can = self.can(builder)
        return next((item for item in self.found[builder] if item.state == can != "yes"), None)


def examine(api: Api, config: Config, wish: Wish, say: Callable[[str], None]) -> Report:
    """Ask the cluster; with `deep` also build."""
    say(f"asking about namespace {api.namespace}")
    facts = _facts(api)
    found = {name: [_admission(api, config, name, wish.agent)] for name in wish.builders}
    if any(_needs_probe(name, found[name]) for name in wish.builders):
        say("starting a pod that tries user namespaces")
        facts.update(_probed(api, config))
    for name in wish.builders:
        found[name] += _node(api, config, name, found[name][0], facts)
    report = Report(api.namespace, facts, found)
    if wish.deep:
        _build_all(api, config, wish, report, say)
    return report


# -- what can be seen ----------------------------------------------------------------------------


def _facts(api: Api) -> dict[str, str]:
    """Give what the API tells, each as a text."""
    release = api.call("GET", "/version")
    space = api.call("GET", f"/api/v1/namespaces/{api.namespace}")
    if release.refusal and release.refusal == space.refusal:
        raise UsageError(f"no cluster answers ({space.refusal}); check KUBECONFIG and --context")
    if space.refusal.endswith("not found"):
        raise UsageError(f"there is no namespace '{api.namespace}'; correct --namespace")
    labels = ((space.value or {}).get("metadata") or {}).get("labels") or {}
    levels = [
        f"{key.rpartition('/')[2]}={value}"
        for key, value in sorted(labels.items())
        if key.startswith("pod-security.kubernetes.io/")
    ]
    return {
        "kubernetes": str((release.value or {}).get("gitVersion", "unknown")),
        "Pod Security": space.refusal or ", ".join(levels) or "no label: the cluster's default",
        "quotas": _bounds(api, "resourcequotas", "hard"),
        "limit ranges": _bounds(api, "limitranges", "limits"),
        **_nodes(api),
    }


def _bounds(api: Api, kind: str, key: str) -> str:
    answer = api.call("GET", proof.path(api, kind))
    found = [f"{i['metadata']['name']} {json.dumps(i['spec'].get(key))}" for i in answer.items()]
    return answer.refusal or "; ".join(found) or "none"


def _nodes(api: Api) -> dict[str, str]:
    """Give what kinds of nodes there are, and their kubelets' default for seccomp."""
    answer = api.call("GET", "/api/v1/nodes")
    if answer.refusal:
        return {"nodes": f"unknown ({answer.refusal}); {ADMINISTRATOR}"}
    keys = ("architecture", "kernelVersion", "osImage", "containerRuntimeVersion")
    kinds: dict[str, int] = {}
    for item in answer.items():
        info = item["status"]["nodeInfo"]
        handlers = item["status"].get("runtimeHandlers") or []
        able = any((h.get("features") or {}).get("userNamespaces") for h in handlers)
        words = [info[key] for key in keys] + [f"hostUsers: false {'works' if able else 'fails'}"]
        kinds[", ".join(words)] = kinds.get(", ".join(words), 0) + 1
    names = [item["metadata"]["name"] for item in answer.items()]
    defaults = {_seccomp_default(api, name) for name in names[:3]}
    return {
        "nodes": "; ".join(f"{count} x {words}" for words, count in sorted(kinds.items())),
        "seccompDefault of kubelets": ", ".join(sorted(defaults)) or "unknown",
        NODE_ENGINE: _engine(item["status"]["nodeInfo"][keys[-1]] for item in answer.items()),
    }


def _engine(runtimes: Iterable[str]) -> str:
    """Say what the nodes' runtimes tell of an engine beside them: no more than that."""
    names = sorted({runtime.partition(":")[0] for runtime in runtimes})
    there = "there" if names == ["docker"] else "on some" if "docker" in names else "on none"
    return f"most likely {there}, the nodes' runtime is {' and '.join(names) or 'unknown'}"


def _seccomp_default(api: Api, node: str) -> str:
    answer = api.call("GET", f"/api/v1/nodes/{node}/proxy/configz")
    value = ((answer.value or {}).get("kubeletconfig") or {}).get("seccompDefault", False)
    return f"unknown ({ADMINISTRATOR})" if answer.refusal else str(value).lower()


# -- what is required ----------------------------------------------------------------------------


def _admission(
    api: Api, config: Config, name: str, agent: str, pod: dict[str, Any] | None = None
) -> Requirement:
    """Ask the server by a dry run; quotas, limit ranges, webhooks and policies answer as well."""
    _, made = plan_pod(parse_pod({"builder": name, "pod": pod}, config.defaults), config)
    words = api.call(
        "POST", f"{proof.path(api, 'pods')}?dryRun=All", proof.with_agent(made, agent)
    ).refusal
    if not words:
        return Requirement("admission", "yes")
    cause = proof.refused(words).cause
    if cause is None or cause.layer != "admission":
        return Requirement("admission", "unknown", words, ADMINISTRATOR)
    state = "unknown" if cause.id == "pod-forbidden" else "no"
    return Requirement("admission", state, cause.sentence, cause.remedy)


def _needs_probe(name: str, found: list[Requirement]) -> bool:
    return found[0].state == "yes" and strategies.get(name).requires == USER_NAMESPACES


def _probed(api: Api, config: Config) -> dict[str, str]:
    """Start the probe and give what it found."""
    made = proof.probe_pod(config)
    ended = proof.start(api, made) or proof.finished(api, made["metadata"]["name"], "probe", 120)
    if not ended.done:
        why = ended.cause.sentence if ended.cause else "it did not end"
        return {USER_NAMESPACES: f"unknown (the probe's pod: {why})"}
    told = json.loads(ended.log)
    return {
        "kernel": told["kernel"],
        "cgroups": f"version {told['cgroup']}",
        "seccomp where a pod says nothing": "a filter" if told["seccomp"] else "none",
        "AppArmor or SELinux": told["lsm"] or "none",
        "proxy variables": ", ".join(told["proxy"]) or "none",
        "limits of user namespaces": f"user.max_user_namespaces={told['max_user_namespaces']}"
        + (
            f", apparmor_restrict_unprivileged_userns={told['restrict_userns']}"
            if told["restrict_userns"]
            else ""
        ),
        USER_NAMESPACES: f"refused ({told['refused']})" if told["refused"] else "allowed",
    }


def _node(
    api: Api, config: Config, name: str, admitted: Requirement, facts: dict[str, str]
) -> list[Requirement]:
    """Say whether the node has what the strategy needs there."""
    required = strategies.get(name).requires
    if not required or admitted.state != "yes":
        return []
    told = facts.get(required, "")
    if told == "allowed":
        return [Requirement(required, "yes")]
    if not told.startswith("refused"):
        sure = "only a pod that mounts its socket can tell" if required == NODE_ENGINE else ""
        why = "; ".join(filter(None, (told, sure)))
        return [Requirement(required, "unknown", why, f"run with --deep, or {ADMINISTRATOR}")]
    open_pod = {"confinement": "unconfined"}
    remedy = "take a strategy that needs none, or have the node's profiles changed"
    if _admission(api, config, name, "x", open_pod).state == "yes":
        remedy = "say pod: [confinement: 'unconfined'], which this namespace admits"
    return [Requirement(required, "no", f"where a pod says nothing they are {told}", remedy)]


# -- proof ---------------------------------------------------------------------------------------


def _build_all(
    api: Api, config: Config, wish: Wish, report: Report, say: Callable[[str], None]
) -> None:
    """Build with each strategy that admission does not refuse; all pods are started first."""
    begun = {}
    for name in wish.builders:
        if report.found[name][0].state != "no":
            say(f"building with {name}")
            begun[name] = _begin(api, config, wish, name)
    for name, begin in begun.items():
        ended = begin if isinstance(begin, proof.Ended) else proof.finished(api, begin, "builder")
        cause = ended.cause
        why, remedy = (cause.sentence, cause.remedy) if cause else ("", "")
        state = "yes" if ended.done else "no"
        report.found[name].append(Requirement("build", state, why, remedy))


def _begin(api: Api, config: Config, wish: Wish, name: str) -> proof.Ended | str:
    """Start a build; gives the pod's name, or how it ended at once."""
    request: dict[str, Any] = {
        "builder": name,
        "image": wish.push or "podwright-doctor",
        "push": bool(wish.push),
        "tags": [f"doctor-{name}"],
        "retries": 0,
        "timeout": "4m",
    }
    if wish.variable:
        request["credentials"] = [{"variable": wish.variable}]
    made = proof.build_pod(request, f"FROM {wish.base}\nRUN echo doctor >/doctor\n", config)
    if wish.variable:
        words = proof.with_login(api, made, wish.variable, wish.login)
        if words:
            return proof.refused(words)
    return proof.start(api, made) or str(made["metadata"]["name"])
