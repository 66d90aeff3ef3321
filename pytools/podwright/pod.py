"""Small functions that make and merge pods as dicts. Pure.

What the kubernetes plugin adds (most of the `jnlp` container, the workspace volume at
/home/jenkins/agent in each container, restartPolicy Never) is not here. Every security field is
stated, because a cloud with `restrictedPssSecurityContext` fills in those that are not.
"""

from __future__ import annotations

import functools
import json
import re
from json import encoder

from podwright import __version__, images
from podwright import registries as registry_settings
from podwright.errors import Findings, Problem, UsageError, nearest, repeated, shown
from podwright.paths import ANSWERS, FILES_DIR, RUN_DIR, SECRETS_DIR
from podwright.resources import LazyModule, program, text
from podwright.schema import unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from podwright import yaml11
    from podwright.builders._base import PodContext, PodParts
    from podwright.request import Pod, Registry
else:
    yaml11 = LazyModule("podwright.yaml11")

AGENT, BUILDER = "jnlp", "builder"
WORKING_DIR = "/home/jenkins/agent"
TMP = "/tmp"  # noqa: S108 - a path inside containers
REASONS = "podwright.dev/privileges"
# Where the agent is the builder: the container that withBuilderPod adds (Requests.held).
KEPT = "podwright.dev/builder"

# `sleep` alone, as process 1, ignores SIGTERM: every pod would take its whole grace period to end.
# With 0 the container would be "Completed", and Jenkins does not retry what was on such a pod.
KEEP_ALIVE = ["sh", "-c", "trap 'exit 143' TERM; sleep 99d & wait"]
# Why an engine does not start is then part of the pod's status, not of a log that nobody sees.
TELLS_WHY = {"terminationMessagePolicy": "FallbackToLogsOnError"}

# The `restricted` Pod Security level in full.
LABELS = {"app.kubernetes.io/managed-by": "podwright"}
SPEC: dict[str, Any] = {
    # No container of a build talks to Kubernetes.
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "terminationGracePeriodSeconds": 15,
}
RESTRICTED: dict[str, Any] = {
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _amounts_of(
    cpu: str, memory: str, storage: str, limits: tuple[str, str, str]
) -> dict[str, Any]:
    """Give requests and limits; without a storage request a pod is the first to be evicted."""
    names = ("cpu", "memory", "ephemeral-storage")
    return {
        "requests": dict(zip(names, (cpu, memory, storage))),
        "limits": dict(zip(names, limits)),
    }


TOOLS = _amounts_of("20m", "64Mi", "64Mi", ("1", "256Mi", "256Mi"))
# Scanners unpack images and a database of vulnerabilities.
COMMANDS = _amounts_of("50m", "128Mi", "256Mi", ("2", "2Gi", "20Gi"))
CLIENT = _amounts_of("50m", "128Mi", "256Mi", ("2", "1Gi", "4Gi"))
BUILD = _amounts_of("250m", "512Mi", "2Gi", ("4", "4Gi", "20Gi"))
ENGINE = BUILD
# What the kubernetes plugin gives the agent that it adds: no limits. That is room for planning.
AGENT_REQUESTS = {"requests": {"cpu": "100m", "memory": "256Mi"}}


def container(  # noqa: PLR0913 - each is given by its name
    name: str,
    image: str,
    *,
    resources: Mapping[str, Any],
    security: Mapping[str, Any],
    command: Sequence[str] | None = None,
    args: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    mounts: Mapping[str, str] | None = None,
    read_only: Mapping[str, str] | None = None,
    more_mounts: Sequence[Mapping[str, Any]] = (),
    awaited: bool = False,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make a container.

    ``env`` has plain values; ``mounts`` and ``read_only`` paths by volume; ``awaited`` says that
    the command awaits an engine; ``more_mounts`` and ``more`` are as Kubernetes has them.
    """
    listed: list[Any] = [{"name": n, "mountPath": path} for n, path in (mounts or {}).items()]
    for volume, path in (read_only or {}).items():
        listed.append({"name": volume, "mountPath": path, "readOnly": True})
    fields = {
        "name": name,
        "image": image,
        "command": command,
        "args": args,
        "workingDir": WORKING_DIR,
        "env": [variable(key, value) for key, value in (env or {}).items()],
        "resources": resources,
        "volumeMounts": [*listed, *more_mounts],
        "readinessProbe": answers() if awaited else None,
        "securityContext": security,
    }
    given = {key: value for key, value in fields.items() if value}
    return {**given, **more} if more else given


def variable(name: str, value: str) -> dict[str, str]:
    """Make a variable of a container; Kubernetes would read `$(NAME)` and halve each `$$`."""
    return {"name": name, "value": value.replace("$", "$$")}


def sidecar(name: str, image: str, **fields: Any) -> dict[str, Any]:
    """Make a native sidecar: an init container that goes on (Kubernetes >= 1.29).

    It is started before the containers and ended after them. It has no startup probe, for which the
    agent would have to wait: the builder, its client, keeps the pod from being ready.
    The working directory of the agent is not mounted there.
    """
    made = container(name, image, **fields)
    del made["workingDir"]
    return {"name": name, "image": image, "restartPolicy": "Always", **made, **TELLS_WHY}


# Beside what a client's container does: asks the engine, and leaves a mark when that answers.
# `$$` would be halved by Kubernetes, and who waits for another pod's claim waits for longer.
_AWAITS = """(
  end=$(($(date +%s) + 120 + ${{PODWRIGHT_LOCK_WAIT:-0}})) said='there is no {0}'
  until [ -S {0} ] && said=$({1} 2>&1); do
    [ "$(date +%s)" -lt "$end" ] ||
      {{ echo "podwright: the engine does not answer: $said" >&2; kill 1; exit 1; }}
    sleep 0.1 || sleep 1
  done
  : >{2}
) &
"""


@functools.cache
def awaits(socket: str, *asks: str) -> str:
    """Give what begins the command of an engine's client; asks it by a command of its own.

    When the engine does not answer within two minutes, the container ends, and the pod with it.
    """
    return _AWAITS.format(socket.rpartition("://")[2], " ".join(asks), ANSWERS)


def answers() -> dict[str, Any]:
    """Give the probe of such a container: Jenkins gives no step to a pod that is not ready.

    The kubelet asks when the container has started, and waits for the answer. After a startup probe
    the pod would be ready at the next look at it, of one a second; so this one goes on. Now and
    then the kubelet asks before it has noted that the container runs, and then a period later
    (pkg/kubelet/prober/worker.go): that must be short. Each look takes 0.04 s of processor time, so
    those after the first take their time.
    """
    wait = f"until [ -e {ANSWERS} ]; do sleep 0.05 || sleep 1; done"
    later = f"[ -e {ANSWERS}.told ] && exec sleep 20"
    command = ["sh", "-c", f"{wait}; {later}; : >{ANSWERS}.told"]
    return {"exec": {"command": command}, "periodSeconds": 1, "timeoutSeconds": 25}


def scratch(name: str, limit: str = "") -> dict[str, Any]:
    """Make an emptyDir volume."""
    return {"name": name, "emptyDir": {"sizeLimit": limit} if limit else {}}


def memory(name: str) -> dict[str, Any]:
    """Make an emptyDir volume that is never on a disk, for logins."""
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}


def profiles(options: Pod) -> dict[str, Any]:
    """Give seccomp and AppArmor for a container that makes user namespaces and mounts.

    By default both are left to the node: `baseline` admits that, and it is unconfined unless the
    kubelet sets `seccompDefault` or the node has AppArmor. 'unconfined' says so explicitly, which
    works on those nodes too and needs a namespace at `privileged`.
    """
    if options.confinement != "unconfined":
        return {}
    return {"seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}}


def claim_security(options: Pod) -> dict[str, Any]:
    """Let user 1000 write to a volume claim, whose root belongs to user 0.

    Only then: `fsGroup` sets the setgid bit on a volume, directories below inherit it, and it would
    end up in the image. Storage on a claim therefore lies in a directory without that bit.
    """
    if not options.cacheClaim:
        return {}
    # Applied once: a second time it would set the bit on the layers that are there by then.
    return {"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"}


def alone_on_claim(folder: str, command: str) -> list[str]:
    """Give a command that begins alone in a directory of a claim, without the setgid bit.

    The directory stands in "$0"; an engine waits there for those of other pods.
    """
    return ["sh", "-c", text("claim.sh") + command, folder]


def ca_file(host: str) -> str:
    """Name the file of a registry's certificates inside a pod."""
    return "ca-" + re.sub(r"[^a-zA-Z0-9.-]", "-", host) + ".crt"


def certificate_mounts(registries: Mapping[str, Registry], folder: str) -> list[dict[str, Any]]:
    """Put each registry's certificates where an engine looks: `<folder>/<host>/ca.crt`."""
    return [
        {
            "name": "files",
            "mountPath": f"{folder}/{host}/ca.crt",
            "subPath": ca_file(host),
            "readOnly": True,
        }
        for host, item in sorted(registries.items())
        if item.ca
    ]


def assemble(name: str, parts: PodParts, context: PodContext, config_text: str) -> dict[str, Any]:
    """Make the complete pod of a strategy, with the options of the request.

    Args:
        name: the strategy; the planner in the pod must know which it is.
        parts: what the strategy wants.
        context: images, registries and options.
        config_text: the organisation's config, which the planner reads inside the pod.

    Raises:
        UsageError: the user's own YAML clashes with the pod.
    """
    options = context.options
    config_env, config_files = _carried(config_text)
    env = {"PODWRIGHT_BUILDER": name, **config_env}
    env.update({"PODWRIGHT_POOL": context.pool.name} if context.pool else {})
    files = {**parts.files, **_certificate_files(parts, context), **config_files}
    _check_sizes(files)
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _pod_metadata(parts.reasons, options, files),
        "spec": _pod_spec(parts, context, env, files),
    }
    _use_claim(made, parts, options)
    _show_clients(made, parts, context)
    _add_proxy(made, context)
    for item in containers_of(made) if options.assignedUser else ():
        if item.get("securityContext") == RESTRICTED:
            user_ids = ("runAsUser", "runAsGroup")
            item["securityContext"] = {k: v for k, v in RESTRICTED.items() if k not in user_ids}
    if parts.builder["name"] == AGENT:  # the last container, complete like the others by now
        kept = made["spec"]["containers"].pop()
        made["metadata"].setdefault("annotations", {})[KEPT] = json.dumps(kept)
    found = Findings()
    with found:
        _apply_resources(name, made, options)
    with found:
        made = merge(made, user_yaml(options.yaml)) if options.yaml else made
    found.raise_if_any()
    if options.yaml:
        _check_unique_names(made)
    return made


# Well below the kernel's MAX_ARG_STRLEN: beyond it no program of the container would start.
LONGEST_VARIABLE = 65_536
# k8s.io/apimachinery api/validation, TotalAnnotationSizeLimitB, with room for other annotations.
LARGEST_FILES = 262_144 - 4_096


def _check_sizes(files: Mapping[str, str]) -> None:
    """Refuse files that Kubernetes would: they travel as annotations."""
    texts = files.values()
    size = sum(len(text if text.isascii() else text.encode()) for text in texts)
    if size > LARGEST_FILES:
        raise UsageError(
            [
                Problem(
                    f"the files that the pod carries, certificates ('ca') most of all, are {size} "
                    f"bytes large, and Kubernetes takes {LARGEST_FILES}; give the authority's own "
                    "certificate instead of a bundle",
                    "registries",
                )
            ]
        )


def _show_clients(made: dict[str, Any], parts: PodParts, context: PodContext) -> None:
    """Mount the certificates of this side, a secret for each registry, where programs look."""
    clients = {host: item.client for host, item in sorted(context.registries.items())}
    if not parts.clients and any(clients.values()):
        sentence = "is a setting of the node's engine, which no pod can change"
        raise UsageError(
            Problem(sentence, "registries", host, "client") for host in clients if clients[host]
        )
    for number, (host, secret) in enumerate(clients.items()):
        if not secret:
            continue
        volume = f"client-{number}"
        made["spec"]["volumes"].append({"name": volume, "secret": {"secretName": secret}})
        for item in containers_of(made):
            folder = parts.clients.get(item["name"])
            for name, key in (("client.cert", "tls.crt"), ("client.key", "tls.key")):
                if folder:
                    path = f"{folder}/{host}/{name}"
                    mount = {"name": volume, "mountPath": path, "subPath": key, "readOnly": True}
                    item["volumeMounts"] = [*item.get("volumeMounts", ()), mount]


def containers_of(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give all containers of a pod."""
    return [*made["spec"].get("initContainers", []), *made["spec"]["containers"]]


def worker(made: Mapping[str, Any]) -> str:
    """Name the container in which the script of a build runs; of no pod as well."""
    names = {item["name"] for item in containers_of(made)} if made else {BUILDER}
    return BUILDER if BUILDER in names else AGENT


def without_agent(made: Mapping[str, Any], image: str) -> dict[str, Any]:
    """Give a pod without the agent of the organisation, which no strategy answers for."""
    others = [
        item
        for item in made["spec"]["containers"]
        if (item["name"], item.get("image")) != (AGENT, image)
    ]
    return {**made, "spec": {**made["spec"], "containers": others}}


def judged(made: Mapping[str, Any], image: str) -> dict[str, Any]:
    """Give a pod as limits see it: with the agent, where it builds and bounds what is started.

    With the container that withBuilderPod adds, too: the API server adds that up as well.
    """
    kept = (made["metadata"].get("annotations") or {}).get(KEPT)
    found = without_agent(made, image)
    if not kept:
        return found
    agent = next(item for item in made["spec"]["containers"] if item["name"] == AGENT)
    bounds = [agent] if "memory" in agent["resources"].get("limits", {}) else []
    containers = [*bounds, *found["spec"]["containers"], json.loads(kept)]
    return {**found, "spec": {**found["spec"], "containers": containers}}


def _add_proxy(made: dict[str, Any], context: PodContext) -> None:
    """Tell every container the way out."""
    extra = [variable(name, value) for name, value in context.proxy.items()]
    for item in containers_of(made) if extra else ():
        item["env"] = [*item.get("env", []), *extra]


def _carried(config_text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Give the variable and the file by which the organisation's config gets into a pod."""
    if len(config_text) <= LONGEST_VARIABLE:
        return ({"PODWRIGHT_CONFIG": config_text} if config_text else {}), {}
    return {"PODWRIGHT_CONFIG": f"{FILES_DIR}/config.yaml"}, {"config.yaml": config_text}


def of_commands(context: PodContext, config_text: str) -> dict[str, Any]:
    """Make the pod of steps that run a command and no builder; it passes `restricted`.

    Args:
        context: images and options.
        config_text: the organisation's config, which the commands read inside the pod.
    """
    env, files = _carried(config_text)
    _check_sizes(files)
    if agent := context.images.get(images.AGENT):
        tools = container(AGENT, agent, env=env, resources=AGENT_REQUESTS, security={})
    else:
        tools = container(
            "tools",
            context.images["tools"],
            command=KEEP_ALIVE,
            env=env,
            resources=COMMANDS,
            security=RESTRICTED,
        )
    spec = {
        **SPEC,
        "containers": [_with_files(tools, files)],
        "volumes": _file_volume(files),
        **_requested_spec(context.options),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _pod_metadata({}, context.options, files),
        "spec": {key: value for key, value in spec.items() if value or value is False},
    }


def _certificate_files(parts: PodParts, context: PodContext) -> dict[str, str]:
    """Give the files with the authorities of registries, for pods whose engine pulls and pushes."""
    if not parts.files:
        return {}
    return {ca_file(host): item.ca for host, item in context.registries.items() if item.ca}


def _pod_metadata(
    reasons: Mapping[str, str], options: Pod, files: Mapping[str, str]
) -> dict[str, Any]:
    """Give labels and annotations; files travel as annotations (at most 256 KiB in all)."""
    annotations = dict(options.annotations)
    if reasons:
        annotations[REASONS] = "; ".join(f"{name}: {why}" for name, why in reasons.items())
    for name, content in files.items():
        annotations[f"podwright.dev/{name}"] = content
    labels = {**LABELS, **options.labels}
    return {"labels": labels, **({"annotations": annotations} if annotations else {})}


def _pod_spec(
    parts: PodParts, context: PodContext, env: Mapping[str, str], files: Mapping[str, str]
) -> dict[str, Any]:
    options = context.options
    spec = dict(SPEC)
    if parts.engines:
        spec["initContainers"] = [_with_files(item, files) for item in parts.engines]
    planner = _planner_container(context, env)
    planner = _with_files(planner, files) if "config.yaml" in files else planner
    services = [_with_files(item, files) for item in parts.services]
    builder = parts.builder
    if builder["name"] == AGENT:
        planner = _with_client(planner, builder)
        # The agent has the room for what is built, and waits for the engine.
        builder = {**builder, "name": BUILDER, "resources": CLIENT, "command": KEEP_ALIVE}
        del builder["readinessProbe"]
    spec["containers"] = [planner, *services, _mounting(builder, "podwright", RUN_DIR)]
    # In memory: logins go through it.
    spec["volumes"] = [memory("podwright"), *parts.volumes, *_file_volume(files)]
    for volume, name in _secret_names(context).items():
        spec["volumes"].append({"name": volume, "secret": {"secretName": name}})
    if parts.security:
        spec["securityContext"] = dict(parts.security)
    spec.update(parts.spec)
    spec.update(_requested_spec(options))
    return spec


def _requested_spec(options: Pod) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "nodeSelector": dict(options.nodeSelector),
        "tolerations": [yaml11.as_pod(item) for item in options.tolerations],
        "serviceAccountName": options.serviceAccount,
        "imagePullSecrets": [{"name": name} for name in options.imagePullSecrets],
        "runtimeClassName": options.runtimeClass,
        "activeDeadlineSeconds": options.deadline,
    }
    if options.userNamespace:
        spec["hostUsers"] = False
    return {key: value for key, value in spec.items() if value or key == "hostUsers"}


def _secret_names(context: PodContext) -> dict[str, str]:
    """Give the secrets with docker logins, by volume; names of volumes are shorter than theirs."""
    return {f"registry-auth-{n}": name for n, name in enumerate(filter(None, context.secrets))}


# jenkinsci/docker-agent's entrypoint stays process 1. Planning can wait for Java, not Java for it.
_BESIDE = 'nice python3 -I -c "$0" & exec "$@"'


def _planner_container(context: PodContext, env: Mapping[str, str]) -> dict[str, Any]:
    """Make the container that plans: it waits for requests on a FIFO and answers them in files.

    An agent that has python3 does so beside Jenkins' program, and one container less is started.
    Secrets are mounted here alone: what the builder runs reads its logins, never the secret. The
    agent's container runs what the pipeline runs, so it gets none.
    """
    registries = registry_settings.signature(context.registries)
    secrets = {volume: f"{SECRETS_DIR}/{name}" for volume, name in _secret_names(context).items()}
    env = {
        "PODWRIGHT_ENGINE_REGISTRIES": registries,
        "PODWRIGHT_VERSION": __version__,
        "PODWRIGHT_SUM": "@sum@",  # Bridge.inPod puts that of its bundle there
        **env,
    }
    listener, agent = program("listen.py"), context.images.get(images.AGENT)
    if agent and not secrets:
        return container(
            AGENT,
            agent,
            command=["sh", "-c", _BESIDE, listener, "jenkins-agent"],
            env=env,
            mounts={"podwright": RUN_DIR},
            resources=AGENT_REQUESTS,
            security={},  # the plugin's business, as where no image is named
        )
    return container(
        "tools",
        context.images["tools"],
        command=["python3", "-I", "-c", listener],
        env=env,
        mounts={"podwright": RUN_DIR},
        read_only=secrets,
        resources=COMMANDS if context.roomy else TOOLS,
        security=RESTRICTED,
    )


def client_of(context: PodContext, image: str) -> str:
    """Name the container of an engine's client, whose only right is to reach the engine's socket.

    It is the agent's own where both have one image: a container less is started, and a step there
    is no exec. Who says what one of both is to have keeps them apart; a user that the cluster
    assigns has no home in the agent, and secrets keep that from planning. The body of
    withBuilderPod may be in `container('builder')`: there it is added again.
    """
    options = context.options
    said = {AGENT, BUILDER} & options.resources.keys()
    apart = said or options.yaml or options.assignedUser or any(context.secrets)
    return BUILDER if apart or context.images.get(images.AGENT) != image else AGENT


def _with_client(agent: dict[str, Any], client: dict[str, Any]) -> dict[str, Any]:
    """Give the agent's container what an engine's client has, but its home."""
    shell, flag, script, *words = agent["command"]
    begin = client["command"][2].removesuffix(KEEP_ALIVE[2])
    room = client["resources"]
    if room is CLIENT:  # which holds nothing else; what builds take on the disk counts for the pod
        disk = CLIENT["limits"]["ephemeral-storage"]
        room = {**AGENT_REQUESTS, "limits": {"ephemeral-storage": disk}}
    return {
        **agent,
        "command": [shell, flag, begin + script, *words],
        "env": [*agent["env"], *(item for item in client["env"] if item["name"] != "HOME")],
        "volumeMounts": [*agent["volumeMounts"], *client["volumeMounts"]],
        "readinessProbe": client["readinessProbe"],
        "resources": room,
        **TELLS_WHY,
    }


def _mounting(item: dict[str, Any], volume: str, path: str, **more: Any) -> dict[str, Any]:
    """Give a container with one mount more; what two pods share is never changed in its place."""
    mount = {"name": volume, "mountPath": path, **more}
    return {**item, "volumeMounts": [*item.get("volumeMounts", ()), mount]}


def _with_files(engine: dict[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    return _mounting(engine, "files", FILES_DIR, readOnly=True) if files else dict(engine)


def _file_volume(files: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make the volume that turns annotations into files."""
    if not files:
        return []
    items = [
        {"path": name, "fieldRef": {"fieldPath": f"metadata.annotations['podwright.dev/{name}']"}}
        for name in files
    ]
    return [{"name": "files", "downwardAPI": {"items": items}}]


def _use_claim(made: dict[str, Any], parts: PodParts, options: Pod) -> None:
    """Put the request's volume claim in the place of the storage volume.

    An engine waits ten minutes for another pod that uses it, and its client has to let it.
    """
    if not options.cacheClaim:
        return
    for item in containers_of(made):
        if "readinessProbe" in item:
            longer = variable("PODWRIGHT_LOCK_WAIT", "600")
            item["env"] = merge(item.get("env", []), [longer], "env")
    volumes = made["spec"]["volumes"]
    claim = {"persistentVolumeClaim": {"claimName": options.cacheClaim}}
    made["spec"]["volumes"] = [
        {"name": item["name"], **claim} if item["name"] == parts.storage else item
        for item in volumes
    ]


def _apply_resources(strategy: str, made: dict[str, Any], options: Pod) -> None:
    spec = made["spec"]
    known = {item["name"]: item for item in [*spec.get("initContainers", []), *spec["containers"]]}
    problems: list[Problem] = []
    for name, wanted in options.resources.items():
        wrong = [problem.below("pod", "resources", name) for problem in _resource_problems(wanted)]
        problems += wrong
        if name in known and not wrong:
            resources = copied(known[name]["resources"])
            known[name]["resources"] = merge(resources, yaml11.as_pod(wanted))
            problems += _fit_bounds(known[name], wanted, spec)
        elif name not in known:
            problems.append(
                Problem(
                    f"the pod of '{strategy}' has no container '{name}'; "
                    f"it has {', '.join(sorted(known))}",
                    *("pod", "resources", name),
                    named=True,
                )
            )
    if problems:
        raise UsageError(problems)


def _fit_bounds(
    container: dict[str, Any], wanted: Mapping[str, Any], spec: Mapping[str, Any]
) -> list[Problem]:
    """Have podwright's own bounds follow what the user wants of a container.

    Kubernetes refuses a request above its limit, and evicts a pod whose emptyDir outgrows its
    `sizeLimit`, whatever the limit of the container says.
    """
    resources, problems = container["resources"], []
    given = (wanted.get("limits") or {}).keys()
    for name, amount in (resources.get("requests") or {}).items():
        limit = (resources.get("limits") or {}).get(name)
        if limit is None or amount is None or quantity(amount) <= quantity(limit):
            continue
        if name in given:
            sentence = f"{amount} is more than the limit, {limit}; request less, or raise it"
            problems.append(
                Problem(sentence, "pod", "resources", container["name"], "requests", name)
            )
        else:
            resources["limits"][name] = amount
    room = (resources.get("limits") or {}).get("ephemeral-storage")
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    for volume in spec.get("volumes", []):
        folder = volume.get("emptyDir") or {}
        bound = folder.get("sizeLimit")
        if volume["name"] in mounted and room and bound and "medium" not in folder:
            folder["sizeLimit"] = max(bound, room, key=quantity)
    return problems


_SUFFIXES = {f"{name}i": 1024.0**power for power, name in enumerate("KMGTPE", 1)}
_SUFFIXES.update((name, 1000.0**n) for n, name in enumerate(("", "k", "M", "G", "T", "P", "E")))
_SUFFIXES.update({"m": 1e-3, "u": 1e-6, "n": 1e-9})


def quantity(amount: Any) -> float:
    """Give the value of a quantity; 0 of what is none."""
    text = str(amount)
    number = text.rstrip("kmunKMGTPEi")
    try:
        return float(number) * _SUFFIXES[text[len(number) :]]
    except (ValueError, KeyError):
        return 0.0


# A Kubernetes quantity (k8s.io/apimachinery, api/resource/quantity.go).
_QUANTITY = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[EPTGMK]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
_RESOURCES = ("requests", "limits", "claims")


def _resource_problems(wanted: Mapping[str, Any]) -> Iterator[Problem]:
    """Check what Jenkins' plugin would drop without a word; a null takes the strategy's away."""
    for group, amounts in wanted.items():
        if group not in _RESOURCES:
            yield unknown("parameter", group, _RESOURCES)
        elif group == "claims" or amounts is None:
            continue
        elif not isinstance(amounts, dict):
            yield Problem("expected a map, such as [memory: '2Gi', cpu: '1']", group)
        else:
            for name, amount in amounts.items():
                if not re.fullmatch(_QUANTITY, "0" if amount is None else str(amount)):
                    sentence = (
                        f"{shown(amount)} is not a valid quantity; write e.g. '2Gi' or '500m'"
                    )
                    yield Problem(sentence, group, name)


def user_yaml(value: Any) -> dict[str, Any]:
    """Read the user's own pod.

    Raises:
        UsageError: it is no YAML, no pod, or names a container twice.
    """
    if isinstance(value, str):
        from podwright import yamlreader  # noqa: PLC0415 - only for texts

        value = yamlreader.read(value, "pod.yaml")
    value = yaml11.as_pod(value)
    if not isinstance(value, dict) or value.get("kind", "Pod") != "Pod":
        raise UsageError([Problem("expected a Pod (a map with 'spec')", *_YAML)])
    _check_shape(value)
    _check_unique_names(value)
    return value


_YAML = ("pod", "yaml")


def _check_shape(value: Mapping[str, Any]) -> None:
    """Refuse what could not be merged by name; all the rest is for Kubernetes to judge."""
    problems = [
        Problem(f"'{part}' must be a map", *_YAML)
        for part in ("metadata", "spec")
        if not isinstance(value.get(part, {}), dict)
    ]
    spec = value.get("spec")
    for name in ("containers", "initContainers", "volumes"):
        items = spec.get(name, []) if isinstance(spec, dict) else []
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and isinstance(item.get("name"), str) for item in items
        ):
            problems.append(Problem(f"'spec.{name}' must be a list of maps with names", *_YAML))
        elif name != "volumes":
            problems += [p for item in items for p in _container_problems(name, item)]
    problems += _slips("", value, "apiVersion kind metadata spec")
    for where, fields in (("metadata", _METADATA_FIELDS), ("spec", _SPEC_FIELDS)):
        part = value.get(where)
        problems += _slips(f"{where}.", part, fields) if isinstance(part, dict) else []
    if problems:
        raise UsageError(problems)


# Fields that people write, of k8s.io/api core/v1: a slip near one of them is told; others pass.
_METADATA_FIELDS = "name generateName namespace labels annotations finalizers ownerReferences"
_SPEC_FIELDS = """
containers initContainers volumes nodeSelector tolerations affinity serviceAccountName
securityContext imagePullSecrets hostNetwork hostUsers hostAliases hostPID hostIPC runtimeClassName
priorityClassName schedulerName activeDeadlineSeconds restartPolicy nodeName dnsPolicy dnsConfig
hostname subdomain shareProcessNamespace topologySpreadConstraints overhead serviceAccount
automountServiceAccountToken enableServiceLinks resources
"""
_CONTAINER_FIELDS = """
name image imagePullPolicy command args workingDir env envFrom ports resources volumeMounts
volumeDevices securityContext livenessProbe readinessProbe startupProbe lifecycle stdin tty
stdinOnce restartPolicy resizePolicy terminationMessagePath terminationMessagePolicy
"""


def _slips(where: str, given: Mapping[str, Any], fields: str) -> Iterator[Problem]:
    known = fields.split()
    for name in given:
        meant = nearest(str(name), known) if name not in known else ""
        if meant:
            yield Problem(f"unknown field '{where}{name}'; did you mean '{meant}'?", *_YAML)


def _container_problems(where: str, item: Mapping[str, Any]) -> Iterator[Problem]:
    """Check a container's name, as Jenkins' plugin and Kubernetes want it, and its fields."""
    if not re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", item["name"]):
        sentence = f"{shown(item['name'])} is not a valid name of a container"
        yield Problem(f"{sentence} (lower case, digits and '-'; 63 at most)", *_YAML)
    yield from _slips(f"{where}.", item, _CONTAINER_FIELDS)


# The field that identifies an element, by list (Kubernetes' own patchMergeKey).
KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


# Of each of these fields an object may have one alone (k8s.io/api core/v1: VolumeSource, EnvVar,
# EnvVarSource, the handlers of probes and hooks). What the user gives takes the other's place.
_VOLUME_SOURCES = """
emptyDir persistentVolumeClaim hostPath configMap secret projected downwardAPI csi ephemeral image
nfs iscsi fc rbd cephfs cinder glusterfs flexVolume flocker gcePersistentDisk azureDisk azureFile
gitRepo quobyte awsElasticBlockStore photonPersistentDisk portworxVolume scaleIO storageos
vsphereVolume
"""
_UNIONS = tuple(
    frozenset(fields.split())
    for fields in (
        "value valueFrom",
        "fieldRef resourceFieldRef configMapKeyRef secretKeyRef fileKeyRef",
        "exec httpGet tcpSocket grpc sleep",
        _VOLUME_SOURCES,
    )
)


def _others_of_unions(over: Mapping[str, Any]) -> set[str]:
    given = {key for key, value in over.items() if value is not None}
    return {other for union in _UNIONS if union & given for other in union - given}


def merge(base: Any, over: Any, name: str = "") -> Any:
    """Merge two parts of a pod: maps by key, lists by the name of their elements; nothing is lost.

    Lists whose elements have no name (commands, arguments, capabilities) are replaced; tolerations
    are appended.
    """
    if isinstance(base, dict) and isinstance(over, dict):
        replaced = _others_of_unions(over)
        merged = {key: value for key, value in base.items() if key not in replaced}
        for key, value in over.items():
            merged[key] = merge(base[key], value, key) if key in base else copied(value)
        return merged
    if isinstance(base, list) and isinstance(over, list):
        if name in KEYS:
            return _merge_named(base, over, KEYS[name])
        if name == "tolerations":
            return base + [item for item in over if item not in base]
    return copied(over)


def _merge_named(base: list[Any], over: list[Any], key: str) -> list[Any]:
    """Merge lists of maps by the value of one key; new elements come last."""
    merged = list(base)
    places = {item.get(key): number for number, item in enumerate(base) if isinstance(item, dict)}
    for item in over:
        name = item.get(key) if isinstance(item, dict) else None
        if name in places:
            merged[places[name]] = merge(merged[places[name]], item)
        else:
            merged.append(copied(item))
    return merged


def _check_unique_names(made: Mapping[str, Any]) -> None:
    """Refuse a pod in which two containers or two volumes have one name."""
    spec = made.get("spec")
    if not isinstance(spec, dict):
        return
    containers = [*_names_of(spec.get("initContainers")), *_names_of(spec.get("containers"))]
    problems = [
        f"the container name '{name}' clashes: it stands twice among containers and "
        "initContainers; rename yours"
        for name in repeated(containers)
    ]
    problems += [
        f"the volume name '{name}' clashes: it stands twice; rename yours"
        for name in repeated(_names_of(spec.get("volumes")))
    ]
    if problems:
        raise UsageError(Problem(sentence, *_YAML) for sentence in problems)


def _names_of(items: Any) -> list[str]:
    found = items if isinstance(items, list) else []
    return [str(item.get("name")) for item in found if isinstance(item, dict)]


def as_yaml(made: Mapping[str, Any]) -> str:
    """Write a pod for Jenkins; JSON is YAML, keeps the order, and needs no library.

    The kubelet starts containers one after the other, and Jenkins' plugin puts its agent last,
    whose Java needs seconds to connect. One that is named here keeps its place, and the plugin
    fills it in (its PodTemplateBuilder): the others are started in these seconds.
    """
    containers = made["spec"]["containers"]
    agent = next((item for item in containers if item["name"] == AGENT), {"name": AGENT})
    others = [item for item in containers if item is not agent]
    spec = {**made["spec"], "containers": [agent, *others]}
    return written({**made, "spec": spec}) + "\n"


_KEPT = 500  # the texts of a few pods


class _Texts(dict[str, str]):
    """Texts as JSON has them; programs that travel and names of fields are the same in all pods."""

    def __init__(self, escape: Callable[[str], str]) -> None:
        self.escape = escape

    def __missing__(self, text: str) -> str:
        if len(self) > _KEPT:
            self.clear()
        escaped = self[text] = self.escape(text)
        return escaped


def _line_writer() -> Callable[[Any], str]:
    """Give what writes JSON on one line, for programs, as `json.dumps` does."""
    plain = json.JSONEncoder(check_circular=False)  # nothing here holds itself
    text_of = _Texts(encoder.encode_basestring_ascii).__getitem__
    try:
        # As JSONEncoder calls it, but for the function that escapes.
        pieces: Any = vars(encoder)["c_make_encoder"](
            markers=None, default=plain.default, encoder=text_of, indent=None, key_separator=": ",
            item_separator=", ", sort_keys=False, skipkeys=False, allow_nan=True,
        )  # fmt: skip
    except (KeyError, TypeError):  # another Python than CPython
        return plain.encode
    return lambda value: "".join(pieces(value, 0))


as_line = _line_writer()
_text = _Texts(encoder.encode_basestring).__getitem__


def written(value: Any) -> str:
    """Write JSON on lines, in a third of the time that `json.dumps(indent=2)` takes."""
    pieces: list[str] = []
    _write(value, "\n", pieces.append)
    return "".join(pieces)


def _write(value: Any, break_: str, add: Callable[[str], None]) -> None:
    deeper = f"{break_}  "
    if isinstance(value, str):
        add(_text(value))
    elif isinstance(value, dict) and value:
        before = "{" + deeper
        for key, item in value.items():
            add(f"{before}{_text(key)}: ")
            _write(item, deeper, add)
            before = "," + deeper
        add(break_ + "}")
    elif isinstance(value, (list, tuple)) and value:
        before = "[" + deeper
        for item in value:
            add(before)
            _write(item, deeper, add)
            before = "," + deeper
        add(break_ + "]")
    else:
        add(as_line(value))


def copied(value: Any) -> Any:
    """Copy a part of a pod: maps and lists alone can be changed, so `deepcopy` need not look."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value
