"""What `podwright doctor` says is what builds prove, on simulated profiles of namespaces and nodes.

A node's `seccompDefault` and a node that lets nobody mount are simulated by policies that set the
pod's profile where a pod says nothing: to containers it is the same.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
import layout
import levels
import pytest
import standins
from test_pipelines import credentials

from podwright import config as configs
from podwright import plan, request
from podwright.doctor import cluster as asking
from podwright.doctor import examination

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "admissionregistration.k8s.io/v1"
ROOTLESS = ["buildah", "buildkit", "podman"]
LIMITS = {"hard": {"limits.cpu": "40", "limits.memory": "64Gi"}}
DEFAULTS = {"type": "Container", "default": {"cpu": "1", "memory": "512Mi"}}


@dataclass(frozen=True)
class Profile:
    """A namespace, as its nodes and its administrator make it.

    Attributes:
        able: the strategies that can run.
        level: that the namespace enforces.
        seccomp: what a pod has that says nothing.
        objects: kind and spec of what else is in the namespace.
        says: words of the report, by strategy.
    """

    able: list[str]
    level: str = "baseline"
    seccomp: str = ""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)


NO_NAMESPACES = "unshare: Operation not permitted"
UNCONFINED = "say pod: [confinement: 'unconfined'], which this namespace admits"
PROFILES = {
    "privileged": Profile(levels.builders(), "privileged"),
    "baseline": Profile(
        ["buildah", "buildkit", "kaniko", "podman"],
        says={
            "dind": "admits only pods at the level 'baseline:latest'",
            "dood": "hostPath volumes",
        },
    ),
    "restricted": Profile([], "restricted", says={"kaniko": "'restricted:latest'"}),
    "seccomp-default": Profile(
        ["kaniko"],
        seccomp="RuntimeDefault",
        says=dict.fromkeys(ROOTLESS, NO_NAMESPACES),
    ),
    "seccomp-default-privileged": Profile(
        [name for name in levels.builders() if name not in ROOTLESS],
        "privileged",
        seccomp="RuntimeDefault",
        says=dict.fromkeys(ROOTLESS, UNCONFINED),
    ),
    "no-mounts": Profile(
        ["kaniko"], seccomp="Localhost", says={"buildkit": "mount: Operation not permitted"}
    ),
    "quota": Profile([], objects={"ResourceQuota": LIMITS}, says={"kaniko": "must specify limits"}),
    "quota-with-defaults": Profile(
        ["buildah", "buildkit", "kaniko", "podman"],
        objects={"ResourceQuota": LIMITS, "LimitRange": {"limits": [DEFAULTS]}},
    ),
    "limit-range": Profile(
        [],
        objects={"LimitRange": {"limits": [{"type": "Container", "max": {"memory": "2Gi"}}]}},
        says={"kaniko": "the maximum of memory is 2Gi, but limit is 4Gi"},
    ),
}


def _space(name: str) -> str:
    return f"e2e-doctor-{name}"


def _policies(cluster: harness.Cluster) -> None:
    """Set the profile of pods that say nothing, where a namespace's label wants it."""
    folder = layout.STATE / "kubelet" / "seccomp"
    folder.mkdir(exist_ok=True)
    calls = {"names": ["mount", "move_mount"], "action": "SCMP_ACT_ERRNO"}
    closed = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [calls]}
    (folder / "podwright-no-mounts.json").write_text(json.dumps(closed))
    for kind, more in (
        ("RuntimeDefault", ""),
        ("Localhost", ', localhostProfile: "podwright-no-mounts.json"'),
    ):
        at = "Object.spec.securityContext"
        profile = f'{at}.seccompProfile{{type: "{kind}"{more}}}'
        expression = (
            f"Object{{spec: Object.spec{{securityContext: {at}{{seccompProfile: {profile}}}}}}}"
        )
        name = {"name": f"podwright-e2e-{kind.lower()}"}
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
        context = "object.spec.securityContext"
        silent = f"!has({context}) || !has({context}.seccompProfile)"
        spec: dict[str, Any] = {
            "matchConstraints": {"resourceRules": [{**rule, "resources": ["pods"]}]},
            "matchConditions": [{"name": "silent", "expression": silent}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {"expression": expression},
                }
            ],
        }
        selector = {"namespaceSelector": {"matchLabels": {"podwright.test/seccomp": kind}}}
        binding = {"policyName": name["name"], "matchResources": selector}
        for what, content in (("", spec), ("Binding", binding)):
            made = cluster.apply(
                {
                    "apiVersion": GROUP,
                    "kind": f"MutatingAdmissionPolicy{what}",
                    "metadata": name,
                    "spec": content,
                }
            )
            assert not made.returncode or "AlreadyExists" in made.stderr, made.stderr


@pytest.fixture(scope="module")
def profiles(cluster: harness.Cluster) -> Iterator[harness.Cluster]:
    """Give the cluster with a namespace for each profile."""
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("needs a cluster of its own: it makes admission policies")
    _policies(cluster)
    for name, profile in PROFILES.items():
        cluster.namespace(_space(name), profile.level)
        label = f"podwright.test/seccomp={profile.seccomp}"
        cluster.run("label", "--overwrite", "namespace", _space(name), label)
        for kind, spec in profile.objects.items():
            meta = {"name": "bounds", "namespace": _space(name)}
            cluster.apply({"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec})
    yield cluster
    for what in ("runtimedefault", "localhost"):
        kinds = "mutatingadmissionpolicies,mutatingadmissionpolicybindings"
        cluster.run("delete", kinds, f"podwright-e2e-{what}", check=False)


def doctor(
    cluster: harness.Cluster, name: str, work: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run `podwright doctor` in the namespace of a profile, and build."""
    site = cluster.site
    text = {"registries": {site.registry: {"ca": Path(site.ca).read_text()}}}
    (work / "acme.json").write_text(json.dumps(text))
    env = {
        **cluster.environment,
        "PODWRIGHT_CONFIG": str(work / "acme.json"),
        **site.login,
    }
    command = [sys.executable, "-I", str(harness.BUNDLE), "doctor", "--namespace", _space(name)]
    command += ["--deep", "--base", f"{site.registry}/base/busybox:1", "--agent", standins.AGENT]
    command += ["--push", f"{site.registry}/doctor/{name}", "--credential", "REGISTRY", *words]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=500, cwd=work
    )


@pytest.mark.parametrize("name", PROFILES)
def test_what_doctor_says_is_what_builds_prove(
    name: str, profiles: harness.Cluster, tmp_path: Path
) -> None:
    profile = PROFILES[name]
    done = doctor(profiles, name, tmp_path, "--json", "--write", str(tmp_path / "written.json"))
    found = json.loads(done.stdout)
    assert sorted(found["able"]) == profile.able, done.stdout
    assert done.returncode == (0 if profile.able else 1)
    for builder, told in found["strategies"].items():
        states = {item["name"]: item["state"] for item in told["requirements"]}
        proof = states.pop("build", "no")
        said = [state for state in states.values() if state != "unknown"]
        # What was told before building is what building proves.
        assert proof == ("no" if "no" in said else "yes"), (builder, told)
    for builder, words in profile.says.items():
        assert words in json.dumps(found["strategies"][builder]), found["strategies"][builder]
    assert [item["state"] for item in found["registry"]] == ["yes"] * 4
    _auto_obeys(tmp_path, profile.able)
    left = profiles.run("-n", _space(name), "get", "pods,secrets", "-o", "name").stdout
    assert left == ""


def _auto_obeys(work: Path, able: list[str]) -> None:
    """Check that `auto` takes what can run: with what was recorded, and without when any can."""
    recorded = configs.load((work / "written.json").read_text(), None)
    asked = request.parse_build({"image": "registry.example/team/app"})
    if able:
        assert plan.choose(asked, recorded) in able
        assert plan.choose(asked, configs.Config()) in able
    else:
        with pytest.raises(plan.UsageError, match="no allowed strategy can run here: kaniko"):
            plan.choose(asked, recorded)


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.able])
def test_the_first_example_of_the_readme_builds_where_anything_does(
    name: str, profiles: harness.Cluster, tmp_path: Path
) -> None:
    text = (harness.ROOT / "README.md").read_text()
    example = text.partition("```groovy\n")[2].partition("```")[0]
    example = example.replace("registry.example/team/app", f"{layout.PLAIN_REGISTRY}/readme/{name}")
    (tmp_path / "Jenkinsfile").write_text(example)
    source = tmp_path / "source"
    source.mkdir()
    base = f"{layout.PLAIN_REGISTRY}/readme/base:1"
    pushed = f"docker://{base}"
    login = f"{profiles.site.user}:{profiles.site.password}"
    origin = f"docker://{profiles.site.registry}/base/busybox:1"
    copied = subprocess.run(
        [
            *("skopeo", "--insecure-policy", "copy", "--src-creds", login, "--dest-creds", login),
            *("--src-tls-verify=false", "--dest-tls-verify=false", origin, pushed),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not copied.returncode, copied.stderr
    (source / "Dockerfile").write_text(f"FROM {base}\nRUN echo built > /built\n")
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The example"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "credentials.json").write_text(json.dumps(credentials(profiles.site)))
    settings = json.dumps({"registries": {layout.PLAIN_REGISTRY: {"http": True}}})
    command = [str(harness.ROOT / "tests/runner/run-pipeline"), "--kubernetes"]
    command += ["--library", f"podwright={harness.ROOT}", "--env", f"PODWRIGHT_CONFIG={settings}"]
    command += ["--namespace", _space(name), "--agent-image", standins.AGENT, "--restricted-agent"]
    command += ["--credentials", str(tmp_path / "credentials.json"), "--scm", str(source)]
    command += ["--workspace-root", str(tmp_path / "agent"), str(tmp_path / "Jenkinsfile")]
    done = subprocess.run(
        command, env=profiles.environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert not done.returncode, said[-3000:]
    assert "[podwright] strategy: kaniko (auto); pod: " in said
    assert f"pushed {layout.PLAIN_REGISTRY}/readme/{name}@sha256:" in said


def test_the_account_of_the_page_sees_what_doctor_asks_for_from_inside_a_pod(
    profiles: harness.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pods of this cluster cannot reach its API: the account's token is used from here.
    space, name = _space("baseline"), "podwright-doctor"
    page = (harness.ROOT / "docs/how-to/doctor.md").read_text()
    roles = re.findall(r"```yaml\n(apiVersion: rbac.*?)```", page, re.DOTALL)[0]
    made = profiles.run(
        "apply", "-f", "-", input=roles.replace("namespace: builds", f"namespace: {space}")
    )
    assert "clusterrole" in made.stdout
    here = ("-n", space, "create")
    profiles.run(*here, "serviceaccount", name, check=False)
    account = f"--serviceaccount={space}:{name}"
    profiles.run(*here, "rolebinding", name, f"--role={name}", account, check=False)
    profiles.run(
        "create", "clusterrolebinding", name, f"--clusterrole={name}", account, check=False
    )
    (tmp_path / "token").write_text(profiles.run(*here, "token", name).stdout)
    (tmp_path / "ca.crt").write_text(Path(profiles.site.ca).read_text())
    (tmp_path / "namespace").write_text(space)
    monkeypatch.setattr(asking, "ACCOUNT", tmp_path)
    env = {
        "KUBERNETES_SERVICE_HOST": layout.NODE_IP,
        "KUBERNETES_SERVICE_PORT": str(layout.API_PORT),
    }
    api = asking.connect(env, "", "")
    wish = examination.Wish(tuple(levels.builders()), standins.AGENT)
    report = examination.examine(api, configs.Config(), wish, lambda _: None)
    assert [n for n in sorted(report.found) if report.can(n) == "yes"] == PROFILES["baseline"].able
    assert report.facts["Pod Security"] == "enforce=baseline"
    assert report.facts["nodes"].startswith("1 x amd64, ")
    assert report.facts["seccompDefault of kubelets"] == "false"
    assert report.facts["user namespaces"] == "allowed"
    profiles.run("delete", "clusterrole,clusterrolebinding", name)
