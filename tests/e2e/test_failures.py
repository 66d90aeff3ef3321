"""Real failures on the cluster: the last line of the build says what was wrong and what to do.

Builds fail in pods of the strategies; pods that do not start, or are lost, fail in a pipeline that
the local runner runs in real pods. `PODWRIGHT_RECORD=1` keeps all sentences; read what it wrote.
What they say is in failures.json; the table of docs/reference/failures.md is made of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import harness
import layout
import pytest
import standins
from test_pipelines import credentials

from podwright.doctor import symptoms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORD = bool(os.environ.get("PODWRIGHT_RECORD"))
FILE = harness.ROOT / "pytools" / "podwright" / "data" / "failures.json"
EXPECTED: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
MEASURED = harness.ROOT / "build" / "failures.json"
BASE = "FROM @R@/base/busybox:1\n"
NOWHERE = "registry.nowhere.invalid/x/app"
IMAGE = "@R@/failures/app"
# What fails inside a builder: the Dockerfile, and what the request says otherwise.
BUILDS: dict[str, tuple[str, dict[str, Any]]] = {
    "push without a login": (BASE, {"credentials": []}),
    "push with a wrong password": (BASE, {"wrong": True}),
    "push to an unknown authority": (BASE, {"registries": {}}),
    "push without TLS": (BASE, {"image": f"{layout.PLAIN_REGISTRY}/failures/app"}),
    "push where nothing listens": (BASE, {"image": f"{layout.GATEWAY}:1/x/app"}),
    "push to a host without address": (BASE, {"image": NOWHERE}),
    "base that is not there": ("FROM @R@/base/nothere:9\n", {}),
    "base on a host without address": ("FROM registry.nowhere.invalid/x/base:1\n", {}),
    "a file that is not there": (f"{BASE}COPY nope.jar /app.jar\n", {}),
    "an unknown instruction": (f"{BASE}RUNN true\n", {}),
    "an unknown stage": (f"{BASE}COPY --from=other /a /b\n", {}),
    "an unknown target": (BASE, {"target": "nosuch"}),
    "a step fails": (f"{BASE}RUN echo no semicolon >&2; exit 3\n", {}),
    "a step's program is not there": (f"{BASE}RUN apt-get update\n", {}),
    "a step is killed": (f"{BASE}RUN kill -9 $$\n", {}),
    "a step finds no address": (f"{BASE}RUN wget http://deb.nowhere.invalid/x\n", {}),
    "a build that takes too long": (f"{BASE}RUN sleep 300\n", {"timeout": "12s"}),
}
# Others fail otherwise or not at all: BuildKit's daemon knows the authority that its pod was told,
# and an image without a registry is Docker Hub's, which the cluster cannot reach.
ONLY = {
    "push to an unknown authority": ("buildah", "kaniko"),
    "an unknown stage": ("buildah",),
}
BUILDERS = ("buildkit", "buildah", "kaniko")


def _request(name: str, builder: str, site: harness.Site) -> dict[str, Any]:
    """Give the request of a case."""
    changes = json.loads(json.dumps(BUILDS[name][1]).replace("@R@", site.registry))
    changes.pop("wrong", None)
    image = changes.pop("image", IMAGE.replace("@R@", site.registry))
    named = {"builder": builder, "image": image, "tags": ["1"], "retries": 0}
    return {**site.request(), **named, **changes}


def _layer(said: str) -> str:
    """Give the layer of the symptom whose sentence it is."""
    for symptom in symptoms.load():
        parts = [re.escape(part) for part in re.split(r"\{[a-z]+\}", symptom.cause)]
        if re.search(".*?".join(parts), said):
            return symptom.layer
    return ""


def _is(name: str, said: str, seconds: float) -> None:
    """Compare what was said with what is expected; keeps it for the table."""
    plain = re.sub(r"sha256:[0-9a-f]{64}", "sha256:...", said)
    known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    known[name] = {"said": plain, "layer": _layer(plain), "seconds": round(seconds)}
    MEASURED.parent.mkdir(exist_ok=True)
    MEASURED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    assert known[name]["layer"], plain
    if not RECORD:
        # The runner's watch or a running `sh` may be the first to see that a pod is lost.
        plain = re.sub(
            r"Pod <pod>: (.*?) *; Jenkins gives up the agent",
            r"the pod <pod> cannot be reached: \1",
            plain,
        )
        # A slow node may have a pod's agent connect before or after its container ends.
        either = ("the pod was lost", "the pod did not start")
        assert plain.replace(*either) == EXPECTED[name]["said"].replace(*either)


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_build_that_fails_ends_with_the_cause(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    site = cluster.site
    pods: list[Any] = []
    wrong: list[str] = []
    for number, name in enumerate(n for n in BUILDS if builder in ONLY.get(n, BUILDERS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "Dockerfile").write_text(BUILDS[name][0].replace("@R@", site.registry))
        login = dict(site.login)
        if "wrong" in BUILDS[name][1]:
            login["REGISTRY_PSW"] = "wrong"
        if not pods or builder == "kaniko":  # a kaniko's container is good for one build
            for open_pod in pods:
                open_pod.__exit__(None, None, None)
            pods = [harness.pod(cluster, builder, "e2e-privileged")]
            made = pods[0].__enter__()
        begin = time.monotonic()
        outcome = made.build(_request(name, builder, site), login, folder, fresh=True)
        try:
            said = str(outcome.answer.get("error") or outcome.log[-800:])
            _is(f"{name}, {builder}", said, time.monotonic() - begin)
        except (AssertionError, KeyError) as error:
            wrong.append(f"{name}: {error}")
    pods[0].__exit__(None, None, None)
    assert wrong == []


# Pods that do not start or do not stay, by namespace: parameters of buildImage, in Groovy.
PODS: dict[str, dict[str, str]] = {
    "e2e-failing": {
        "the level is too high": "builder: 'dind'",
        "hostPath is not admitted": "builder: 'dood'",
        "a policy of the cluster refuses": "builder: 'kaniko', pod: [labels: [refused: 'yes']]",
        "a service account is missing": "builder: 'kaniko', pod: [serviceAccount: 'nobody']",
        "the pod is not valid": """builder: 'kaniko',
            pod: [yaml: [spec: [containers: [[name: 'x']]]]]""",
        "the pod's image is not there": """builder: 'kaniko', pod: [yaml: [spec: [containers: [[
            name: 'builder', image: '10.231.0.1:5000/base/nothere:1']]]]]""",
        "no node takes the pod": "builder: 'kaniko', pod: [nodeSelector: [disk: 'none']]",
        "no node has so much memory": """builder: 'kaniko', pod: [resources: [builder: [requests: [
            memory: '900Gi']]]]""",
        "a volume claim is missing": "builder: 'buildah', pod: [cacheClaim: 'nothere']",
        "a secret is missing": """builder: 'kaniko', pod: [yaml: [spec: [volumes: [[name: 's',
            secret: [secretName: 'nothere']]], containers: [[name: 'builder', volumeMounts: [[
            name: 's', mountPath: '/s']]]]]]]""",
        "the engine needs user namespaces": """builder: 'buildkit', pod: [yaml: [spec: [
            initContainers: [[name: 'engine', securityContext: [seccompProfile: [
              type: 'RuntimeDefault']]]]]]]""",
        "a container ends at once": """builder: 'kaniko', pod: [yaml: [spec: [containers: [[
            name: 'builder', command: ['/busybox/sh', '-c', 'echo no license; exit 7']]]]]]""",
        "a container's program is missing": """builder: 'kaniko', pod: [yaml: [spec: [containers: [[
            name: 'builder', command: ['/nothere']]]]]]""",
        "a container runs out of memory": """builder: 'kaniko', pod: [yaml: [spec: [containers: [[
            name: 'builder', command: ['/busybox/sh', '-c', 'x=a; while :; do x=$x$x; done'],
            readinessProbe: [exec: [command: ['/busybox/false']]],
            resources: [requests: [memory: '16Mi'], limits: [memory: '32Mi']]]]]]]""",
        "the pod reaches its deadline": "builder: 'kaniko', pod: [deadline: '40s']",
        "the pod is evicted": """builder: 'buildah', pod: [resources: [builder: [requests: [
            'ephemeral-storage': '1Mi'], limits: ['ephemeral-storage': '48Mi']]]]""",
        "the pod is deleted": "builder: 'kaniko', pod: [labels: [deleted: 'yes']]",
    },
    "e2e-bounds": {
        "the limit range is smaller": "builder: 'kaniko'",
        "the quota is used up": """builder: 'kaniko', pod: [resources: [
            builder: [requests: [cpu: '2'], limits: [cpu: '2', memory: '1Gi']],
            tools: [limits: [cpu: '1', memory: '256Mi']]]]""",
    },
}
# What runs in the pod until it is lost: the closure of the step.
LOST = {
    "the pod reaches its deadline": "sleep 120",
    "the pod is evicted": """container('builder') {
          sh 'head -c 99000000 /dev/zero >/var/tmp/x; sleep 120'
        }""",
    "the pod is deleted": "sleep 120",
}


def _pipeline(cases: dict[str, str], site: harness.Site) -> str:
    """Give a pipeline that runs all cases, as many at a time as fit, and tells the end of each."""
    parts = [
        f"""
  '{name.replace("'", "")}': {{
    long begin = System.currentTimeMillis()
    String said = 'no failure'
    try {{
      buildImage(image: '{site.registry}/failures/app', tags: ['1'], {text}) {{
        {LOST.get(name, "echo 'it started'")}
      }}
    }} catch (e) {{
      said = e.message
    }}
    long took = (System.currentTimeMillis() - begin).intdiv(1000)
    echo 'TOLD ' + took + ' {name.replace("'", "")}: ' + said.replace('\\n', ' ')
  }},"""
        for name, text in cases.items()
    ]
    groups = ["".join(parts[at : at + 4]).rstrip(",") for at in range(0, len(parts), 4)]
    return "node {\n" + "".join(f"parallel({group})\n" for group in groups) + "}\n"


def _prepare(cluster: harness.Cluster) -> None:
    """Make the namespaces, a policy, a limit range and a quota."""
    cluster.namespace("e2e-failing", "baseline")
    cluster.namespace("e2e-bounds", "privileged")
    expression = "!has(object.metadata.labels.refused)"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    policy = {
        "matchConstraints": {"resourceRules": [{**rule, "resources": ["pods"]}]},
        "validations": [{"expression": expression, "message": "label refused"}],
    }
    group = "admissionregistration.k8s.io/v1"
    name = {"name": "podwright-e2e-refused"}
    binding = {"policyName": name["name"], "validationActions": ["Deny"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "e2e-failing"}}
    binding["matchResources"] = {"namespaceSelector": selector}
    kind = "ValidatingAdmissionPolicy"
    cluster.apply({"apiVersion": group, "kind": kind, "metadata": name, "spec": policy})
    cluster.apply(
        {"apiVersion": group, "kind": f"{kind}Binding", "metadata": name, "spec": binding}
    )
    where = {"namespace": "e2e-bounds", "name": "bounds"}
    most = {"type": "Container", "max": {"memory": "2Gi"}, "default": {"memory": "256Mi"}}
    spec: dict[str, Any] = {"limits": [most]}
    cluster.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": where, "spec": spec})
    spec = {"hard": {"requests.cpu": "1"}}
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": where, "spec": spec})


def _run(cluster: harness.Cluster, where: str, work: Path) -> subprocess.Popen[str]:
    """Start the pipeline of a namespace."""
    work.mkdir()
    (work / "credentials.json").write_text(json.dumps(credentials(cluster.site)))
    (work / "Jenkinsfile").write_text(_pipeline(PODS[where], cluster.site))
    command = [str(harness.ROOT / "tests/runner/run-pipeline")]
    command += ["--library", f"podwright={harness.ROOT}", "--implicit-library"]
    command += [f"podwright={harness.ROOT}", "--kubernetes", "--namespace", where]
    command += ["--agent-image", standins.AGENT, "--restricted-agent", "--pod-timeout", "60"]
    command += ["--credentials", str(work / "credentials.json")]
    command += ["--workspace-root", str(work / "agent"), str(work / "Jenkinsfile")]
    return subprocess.Popen(
        command,
        env=cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _deleted(cluster: harness.Cluster, process: subprocess.Popen[str]) -> None:
    """Delete the pod that wants it, as soon as it runs."""
    where = ("-n", "e2e-failing")
    chosen = ("pods", "-l", "deleted=yes")
    while process.poll() is None:
        phase = cluster.run(*where, "get", *chosen, "-o", "jsonpath={..phase}", check=False).stdout
        if phase == "Running":
            time.sleep(6)
            cluster.run(*where, "delete", *chosen, "--wait=false", check=False)
            return
        time.sleep(1)


@pytest.fixture(scope="module")
def told(
    cluster: harness.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[float, str]]]:
    """Give seconds and sentence of each pod that failed."""
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("needs a cluster of its own: it makes an admission policy")
    _prepare(cluster)
    found: dict[str, tuple[float, str]] = {}
    logs = []
    for where in PODS:
        process = _run(cluster, where, tmp_path_factory.mktemp("failing") / where)
        if where == "e2e-failing":
            _deleted(cluster, process)
        log, _ = process.communicate(timeout=550)
        logs.append(log)
        for seconds, name, said in re.findall(r"TOLD (\d+) ([^:]+): (.*)", log):
            # What a retry may be about ends as Jenkins words it, below the sentence.
            own = re.search(rf"^\[{re.escape(name)}\] \[podwright\] ERROR: (.*)", log, re.MULTILINE)
            found[name] = (float(seconds), own[1] if own else said)
    (harness.ROOT / "build").mkdir(exist_ok=True)
    (harness.ROOT / "build" / "failures.log").write_text("\n".join(logs))
    yield found
    kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings"
    cluster.run("delete", kinds, "podwright-e2e-refused", check=False)


@pytest.mark.parametrize("name", [name for cases in PODS.values() for name in cases])
def test_a_pod_that_fails_ends_the_build_with_the_cause(
    name: str, told: dict[str, tuple[float, str]]
) -> None:
    seconds, said = told[name.replace("'", "")]
    # Names of pods, and what depends on the node's state.
    said = re.sub(r"pipeline-1-[a-z0-9]+-[a-z0-9]+", "<pod>", said)
    _is(name, said, seconds)
