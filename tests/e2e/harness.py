"""Run builds in pods as Jenkins does, without Jenkins.

Takes the pods from `podwright pod`, adds what the kubernetes plugin adds, writes request and
planner into the workspace as the Groovy bridge does, and executes the bridge's constant script.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import binaries
import layout
import oci
import standins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent.parent
BUNDLE = ROOT / "resources" / "podwright" / "podwright.pyz"
HOME = "/home/jenkins/agent"
WORKSPACE = f"{HOME}/workspace/job"
MARK = "podwright.test/run"  # label of everything the tests make


@dataclass(frozen=True)
class Site:
    """Where the tests run: a cluster and a registry."""

    kubeconfig: str
    registry: str
    user: str
    password: str
    ca: str  # file with the registry's authority, '' for the system's

    @property
    def login(self) -> dict[str, str]:
        """Give the variables that Jenkins' credentials binding would set."""
        return {"REGISTRY_USR": self.user, "REGISTRY_PSW": self.password}

    def request(self, **more: Any) -> dict[str, Any]:
        """Give a request with what every build at this site needs."""
        registry = {"ca": Path(self.ca).read_text()} if self.ca else {}
        return {
            "credentials": [{"variable": "REGISTRY", "registry": self.registry}],
            "registries": {self.registry: registry} if registry else {},
            **more,
        }


def site() -> Site:
    """Read the environment: a cluster and registry of the caller's, or those of `cluster.py`."""
    env = os.environ
    return Site(
        kubeconfig=env.get("KUBECONFIG") or str(layout.KUBECONFIG),
        registry=env.get("PODWRIGHT_E2E_REGISTRY") or layout.REGISTRY,
        user=env.get("PODWRIGHT_E2E_USER") or layout.REGISTRY_USER,
        password=env.get("PODWRIGHT_E2E_PASSWORD") or layout.REGISTRY_PASSWORD,
        ca=env.get("PODWRIGHT_E2E_CA", str(layout.STATE / "pki" / "ca.crt")),
    )


class Failed(Exception):  # noqa: N818 - it says what happened, not what went wrong in here
    """A build or a pod failed; the message is complete."""


@dataclass
class Outcome:
    """What a build answered."""

    code: int
    log: str
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        """Give the result.

        Raises:
            Failed: there is none.
        """
        if self.code or "value" not in self.answer:
            raise Failed(f"exit {self.code}, answer {self.answer}\n{self.log[-3000:]}")
        return self.answer["value"]


class Cluster:
    """The API, by kubectl."""

    def __init__(self, here: Site) -> None:
        self.site = here
        self.program = shutil.which("kubectl") or str(binaries.path("kubectl"))

    def command(self, *words: str) -> list[str]:
        """Give a kubectl command."""
        return [self.program, f"--kubeconfig={self.site.kubeconfig}", *words]

    def run(self, *words: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run kubectl.

        Raises:
            Failed: with its output.
        """
        done = subprocess.run(
            self.command(*words), text=True, capture_output=True, check=False, **more
        )
        if check and done.returncode:
            raise Failed(f"kubectl {' '.join(words)}: {done.stdout}{done.stderr}")
        return done

    def get(self, *words: str) -> dict[str, Any]:
        """Get an object."""
        answer: dict[str, Any] = json.loads(self.run("get", *words, "-o", "json").stdout)
        return answer

    def apply(self, value: Mapping[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
        """Create an object."""
        return self.run("create", "-f", "-", *words, input=json.dumps(value), check=False)

    def namespace(self, name: str, level: str) -> None:
        """Make a namespace that enforces a Pod Security level, once."""
        labels = {"pod-security.kubernetes.io/enforce": level, MARK: "yes"}
        made = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        self.apply(made)
        until = time.monotonic() + 30
        while self.run("-n", name, "get", "serviceaccount", "default", check=False).returncode:
            if time.monotonic() > until:
                raise Failed(f"namespace {name} got no service account")
            time.sleep(0.1)


def render(builder: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give a strategy's pod, from the bundle that users load."""
    done = subprocess.run(
        [sys.executable, "-I", str(BUNDLE), "pod", "--machine", "--builder", builder, "-"],
        input=json.dumps(request or {}),
        text=True,
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise Failed(answer["error"])
    made: dict[str, Any] = answer["pod"]
    return made


def jenkins(pod: Mapping[str, Any], name: str, namespace: str) -> dict[str, Any]:
    """Add what the kubernetes plugin adds to a pod."""
    made: dict[str, Any] = json.loads(json.dumps(pod))
    made["metadata"].update(name=name, namespace=namespace)
    labels = made["metadata"].setdefault("labels", {})
    labels.update({"jenkins": "slave", "jenkins/label": name, MARK: "yes"})
    spec = made["spec"]
    spec["restartPolicy"] = "Never"
    spec.setdefault("nodeSelector", {}).setdefault("kubernetes.io/os", "linux")
    volumes = spec.setdefault("volumes", [])
    if "workspace-volume" not in {item["name"] for item in volumes}:
        volumes.append({"name": "workspace-volume", "emptyDir": {}})
    if "jnlp" not in {item["name"] for item in spec["containers"]}:
        spec["containers"].append(
            {
                "name": "jnlp",
                "image": standins.AGENT,
                "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
                **_same_as_cloud_flag(spec),
            }
        )
    for container in spec["containers"]:
        mounts = container.setdefault("volumeMounts", [])
        if not any(mount["mountPath"] == HOME for mount in mounts):
            mounts.append({"name": "workspace-volume", "mountPath": HOME})
    return made


def _same_as_cloud_flag(_: Mapping[str, Any]) -> dict[str, Any]:
    """Give the security context that `restrictedPssSecurityContext: true` gives to `jnlp`."""
    return {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    }


class Pod:
    """A running pod of a strategy."""

    def __init__(self, cluster: Cluster, builder: str, namespace: str, name: str) -> None:
        self.cluster, self.builder, self.namespace, self.name = cluster, builder, namespace, name
        self.owner = 1000  # whom the agent's files belong to

    def exec(
        self, container: str, *command: str, stdin: bytes | None = None, seconds: float = 600
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a container."""
        words = ["exec", "-n", self.namespace, self.name, "-c", container]
        if stdin is not None:
            words.append("-i")
        return subprocess.run(
            self.cluster.command(*words, "--", *command),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=seconds,
        )

    def shell(self, script: str, container: str = "builder", seconds: float = 600) -> str:
        """Run a script and give all it says.

        Raises:
            Failed: it failed.
        """
        done = self.exec(container, "sh", "-c", script + "\n", seconds=seconds)
        said = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode:
            raise Failed(f"{self.builder}: exit {done.returncode}: {script}\n{said}")
        return said

    def upload(self, folder: Path, container: str = "jnlp", owner: int | None = None) -> None:
        """Copy a folder into the workspace, as a checkout by the agent would leave it."""

        def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
            return _owned(info, self.owner if owner is None else owner)

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(folder, arcname=".", filter=owned)
        self.put(buffer.getvalue(), WORKSPACE, container)

    def put(self, tar: bytes, to: str, container: str = "jnlp") -> None:
        """Unpack a tar file in the workspace."""
        # Standard input is always read to its end: an exec whose input is left unread may hang.
        script = f"mkdir -p '{to}' && tar -C '{to}' -xpf - || {{ cat >/dev/null; exit 1; }}"
        done = self.exec(container, "sh", "-c", script, stdin=tar, seconds=60)
        if done.returncode:
            raise Failed(f"upload to {to}: {done.stderr.decode()}\n{self.state()}")

    def build(
        self, request: Mapping[str, Any], env: Mapping[str, str], seconds: float = 300
    ) -> Outcome:
        """Run `buildImage` as the bridge does."""
        job = str(uuid.uuid4())
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            _member(tar, "podwright.pyz", BUNDLE.read_bytes(), self.owner)
            _member(tar, f"{job}/request.json", json.dumps(request).encode(), self.owner)
        self.put(buffer.getvalue(), f"{WORKSPACE}@tmp/podwright")
        known = {"WORKSPACE": WORKSPACE, "WORKSPACE_TMP": f"{WORKSPACE}@tmp", **env}
        # Environment and script by stdin: no value stands in an argument.
        lines = [f"export {name}={_quoted(value)}" for name, value in known.items()]
        script = "\n".join([*lines, f"cd '{WORKSPACE}'", bridge_script(job)])
        stdin = f"sh -s <<'PODWRIGHT-END'\n{script}\nPODWRIGHT-END\n".encode()
        begin = time.monotonic()
        try:
            done = self.exec("builder", "sh", stdin=stdin, seconds=seconds)
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode(errors="replace")
            raise Failed(
                f"{self.builder}: no end after {seconds} s\n{said}\n{self.state()}"
            ) from None
        outcome = Outcome(done.returncode, done.stderr.decode(errors="replace"))
        outcome.log += f"\n[{time.monotonic() - begin:.1f} s]"
        with contextlib.suppress(ValueError):
            outcome.answer = json.loads(done.stdout or b"{}")
        return outcome

    def state(self) -> str:
        """Give the pod's events and the last lines of each container, for a failure's message."""
        where = ["-n", self.namespace]
        parts = [
            self.cluster.run(
                *where,
                "get",
                "events",
                f"--field-selector=involvedObject.name={self.name}",
                "-o",
                "custom-columns=T:.type,R:.reason,M:.message",
                "--no-headers",
                check=False,
            ).stdout
        ]
        spec = self.cluster.get(*where, "pod", self.name)["spec"]
        logs = []
        for item in [*spec.get("initContainers", []), *spec["containers"]]:
            words = ("logs", self.name, "-c", item["name"], "--tail=15")
            said = self.cluster.run(*where, *words, check=False).stdout
            logs.append(f"[{item['name']}] {said.strip()}")
        return "\n".join(["--- events", *parts, "--- containers", *logs])

    def delete(self) -> None:
        """Delete the pod, and wait until it is gone."""
        self.cluster.run(
            "-n", self.namespace, "delete", "pod", self.name, "--wait", "--timeout=60s", check=False
        )


def _owned(info: tarfile.TarInfo, owner: int) -> tarfile.TarInfo:
    info.uid = info.gid = owner
    info.uname = info.gname = ""
    return info


def _member(tar: tarfile.TarFile, name: str, data: bytes, owner: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(_owned(info, owner), io.BytesIO(data))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def bridge_script(job: str) -> str:
    """Take the constant script out of the bridge's source, as Groovy reads it."""
    source = (ROOT / "src" / "podwright" / "Scripts.groovy").read_text()
    found = re.search(r"static String build\(.*?'''\\?\n(.*?)'''", source, re.DOTALL)
    assert found is not None
    return f"pw_call={job}\n" + found[1].replace("\\\\", "\\")


@contextlib.contextmanager
def pod(
    cluster: Cluster,
    builder: str,
    namespace: str,
    made: Mapping[str, Any] | None = None,
    seconds: float = 120,
) -> Iterator[Pod]:
    """Create a strategy's pod, wait until it is ready, and remove it."""
    name = f"{builder}-{uuid.uuid4().hex[:8]}"
    whole = jenkins(made or render(builder, pod_request(cluster.site)), name, namespace)
    created = cluster.apply(whole)
    running = Pod(cluster, builder, namespace, name)
    agent = next(item for item in whole["spec"]["containers"] if item["name"] == "jnlp")
    running.owner = agent.get("securityContext", {}).get("runAsUser", 1000)
    try:
        if created.returncode:
            raise Failed(f"{builder}: the API server refuses the pod: {created.stderr}")
        _wait_ready(running, seconds)
        yield running
    finally:
        running.delete()


def pod_request(here: Site) -> dict[str, Any]:
    """Give the part of the site's request that a pod takes."""
    request = here.request()
    request.pop("credentials")
    return request


def _wait_ready(running: Pod, seconds: float) -> None:
    """Wait for the condition Ready; a pod that has failed is not waited for."""
    until = time.monotonic() + seconds
    while True:
        status = running.cluster.get("-n", running.namespace, "pod", running.name)["status"]
        conditions = {item["type"]: item["status"] for item in status.get("conditions", [])}
        if conditions.get("Ready") == "True":
            return
        if status.get("phase") in {"Failed", "Succeeded"} or time.monotonic() > until:
            raise Failed(
                f"{running.builder}: the pod is not ready "
                f"({status.get('phase')})\n{running.state()}"
            )
        time.sleep(0.3)


def pulled(here: Site, reference: str, into: Path) -> oci.Image:
    """Pull an image from the registry and read it, byte for byte as it was pushed.

    Into a directory: an OCI layout would convert docker's format and drop HEALTHCHECK and others.
    """
    command = ["skopeo", "--insecure-policy", "copy", "--src-creds", f"{here.user}:{here.password}"]
    if here.ca:
        command += ["--src-cert-dir", str(Path(here.ca).parent / "trust")]
    done = subprocess.run(
        [*command, f"docker://{reference}", f"dir:{into}"],
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"pulling {reference}: {done.stderr}")
    return oci.read(into)
