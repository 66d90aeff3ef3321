"""Run builds in pods as Jenkins does, without Jenkins.

Takes the pods from `podwright pod`, adds what the kubernetes plugin adds, writes request and
planner into the workspace as the Groovy bridge does, and executes the bridge's constant script.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
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
REQUESTS = {"cpu": "40m", "memory": "64Mi"}
# Seconds; pods are waited for as long as they may become ready, so only what hangs takes them all.
PATIENCE = 300


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


def clean(cluster: Cluster) -> None:
    """Remove the tests' namespaces with all that is in them."""
    cluster.run("delete", "namespace", "-l", f"{MARK}=yes", "--wait=true", check=False)


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


def environment(kubeconfig: str) -> dict[str, str]:
    """Give the variables for programs that call kubectl: where it is, and the cluster.

    The tests' own cluster is asked by its own kubectl, not by whichever the machine has: before
    1.34 it reads an exec's streams while it still makes them, loses what comes too early, and puts
    a line about that among the command's (kubernetes/kubernetes#131189).
    """
    made = {**layout.ENVIRONMENT, "KUBECONFIG": kubeconfig}
    if kubeconfig == str(layout.KUBECONFIG) or not shutil.which("kubectl"):
        made["PATH"] = f"{binaries.path('kubectl').parent}:{made['PATH']}"
    # A pod that is planned on this machine would inherit it.
    made.pop("TMPDIR", None)
    return made


class Failed(Exception):  # noqa: N818 - it says what happened, not what went wrong in here
    """A build or a pod failed; the message is complete."""


@dataclass
class Outcome:
    """What a build answered."""

    code: int
    log: str
    seconds: float = 0.0
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
        self.environment = environment(here.kubeconfig)
        found = shutil.which("kubectl", path=self.environment["PATH"])
        self.program = found or str(binaries.path("kubectl"))  # which says that it is not there

    def command(self, *words: str) -> list[str]:
        """Give a kubectl command."""
        return [self.program, f"--kubeconfig={self.site.kubeconfig}", *words]

    def run(self, *words: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run kubectl.

        Raises:
            Failed: with its output.
        """
        done = subprocess.run(
            self.command(*words),
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
            **more,
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


def render(
    builder: str, request: Mapping[str, Any] | None = None, config: str = ""
) -> dict[str, Any]:
    """Give a strategy's pod, from the bundle that users load, by an organisation's config."""
    made: dict[str, Any] = json.loads(_rendered(builder, json.dumps(request or {}), config))
    return made


@functools.cache
def _rendered(builder: str, request: str, config: str) -> str:
    """Give a pod as JSON text; the same for the same request, so the bundle is asked once."""
    done = subprocess.run(
        [sys.executable, "-I", str(BUNDLE), "pod", "--machine", "--builder", builder, "-"],
        input=request,
        env={**layout.ENVIRONMENT, **({"PODWRIGHT_CONFIG": config} if config else {})},
        text=True,
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise Failed(answer["error"])
    return json.dumps(answer["pod"])


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
    agent = next((item for item in spec["containers"] if item["name"] == "jnlp"), None)
    if agent is None:
        agent = {"name": "jnlp"}
        spec["containers"].append(agent)
    agent.setdefault("image", standins.AGENT)
    agent.setdefault("resources", {"requests": {"cpu": "100m", "memory": "256Mi"}})
    agent.setdefault("securityContext", _same_as_cloud_flag())
    for container in spec["containers"]:
        mounts = container.setdefault("volumeMounts", [])
        if not any(mount["mountPath"] == HOME for mount in mounts):
            mounts.append({"name": "workspace-volume", "mountPath": HOME})
    return made


def _same_as_cloud_flag() -> dict[str, Any]:
    """Give the security context that `restrictedPssSecurityContext: true` gives to `jnlp`."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def fitted(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Let many pods fit on a node of two processors: smaller requests, the same limits."""
    made: dict[str, Any] = json.loads(json.dumps(pod))
    for container in containers(made):
        container.setdefault("resources", {}).setdefault("requests", {}).update(REQUESTS)
    return made


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give all containers of a pod, native sidecars first."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


class Pod:
    """A running pod of a strategy."""

    def __init__(self, cluster: Cluster, builder: str, namespace: str, name: str) -> None:
        self.cluster, self.builder, self.namespace, self.name = cluster, builder, namespace, name
        self.owner = 1000  # whom the agent's files belong to
        self.worker = "builder"  # whose container builds

    def exec(
        self, container: str, *command: str, stdin: bytes | None = None, seconds: float = 600
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a container."""
        words = ["exec", "-n", self.namespace, self.name, "-c", container]
        if stdin is not None:
            words.append("-i")
        return subprocess.run(
            self.cluster.command(*words, "--", *command),
            env=self.cluster.environment,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=seconds,
        )

    def shell(self, script: str, container: str = "", seconds: float = 600) -> str:
        """Run a script and give all it says.

        Raises:
            Failed: it failed.
        """
        done = self.exec(container or self.worker, "sh", "-c", script + "\n", seconds=seconds)
        said = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode:
            raise Failed(f"{self.builder}: exit {done.returncode}: {script}\n{said}")
        return said

    def upload(self, folder: Path) -> None:
        """Copy a folder into the workspace, as a checkout by the agent would leave it."""
        with _Tar() as tar:
            tar.folder(folder, "job", self.owner)
        self._unpack(tar)

    def _unpack(self, tar: _Tar, container: str = "jnlp", before: str = "") -> None:
        """Unpack a tar file beside the workspace."""
        to = f"{HOME}/workspace"
        # Standard input is always read to its end: an exec whose input is left unread may hang.
        unpack = f"mkdir -p {to} && tar -C {to} -xpf - || {{ cat >/dev/null; exit 1; }}"
        command = ("sh", "-c", before + unpack)
        done = self.exec(container, *command, stdin=tar.data, seconds=PATIENCE)
        if done.returncode:
            raise Failed(f"upload to {to}: {done.stderr.decode()}\n{self.state()}")

    def build(
        self,
        request: Mapping[str, Any],
        env: Mapping[str, str],
        folder: Path | None = None,
        *,
        fresh: bool = False,
        rooted: bool = False,
        seconds: float = 600,
    ) -> Outcome:
        """Run `buildImage` as the bridge does.

        Each exec costs the node as much as a small build does, so what can go in one goes in one.

        Args:
            request: the parameters.
            env: variables, those of credentials among them.
            folder: what a checkout would leave in the workspace, None for what is there.
            fresh: empty the workspace first.
            rooted: let the folder's files belong to root.
            seconds: after which it has failed.
        """
        job = str(uuid.uuid4())
        with _Tar() as tar:
            if folder and not rooted:
                tar.folder(folder, "job", self.owner)
            else:
                tar.add("job", None, self.owner)
            place = "job@tmp/podwright"
            tar.add(f"{place}/podwright.pyz", BUNDLE.read_bytes(), self.owner)
        clear = f"chmod -R u+rwX {WORKSPACE} 2>/dev/null; rm -rf {WORKSPACE}; "
        self._unpack(tar, before=clear if fresh else "")
        if folder and rooted:
            with _Tar() as tar:
                for item in sorted(folder.iterdir()):  # the workspace itself stays the agent's
                    tar.folder(item, f"job/{item.name}", 0)
            self._unpack(tar, self.worker)
        known = {"WORKSPACE": WORKSPACE, "WORKSPACE_TMP": f"{WORKSPACE}@tmp", **env}
        # Environment and script by stdin: no value stands in an argument.
        lines = [f"export {name}={_quoted(value)}" for name, value in known.items()]
        script = "\n".join([*lines, f"cd '{WORKSPACE}'", bridge_script(job, json.dumps(request))])
        stdin = f"sh -s <<'PODWRIGHT-END'\n{script}\nPODWRIGHT-END\n".encode()
        begin = time.monotonic()
        try:
            done = self.exec(self.worker, "sh", stdin=stdin, seconds=seconds)
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode(errors="replace")
            raise Failed(
                f"{self.builder}: no end after {seconds} s\n{said}\n{self.state()}"
            ) from None
        outcome = Outcome(done.returncode, done.stderr.decode(errors="replace"))
        outcome.seconds = time.monotonic() - begin
        outcome.log += f"\n[{outcome.seconds:.1f} s]"
        with contextlib.suppress(ValueError):
            outcome.answer = json.loads(done.stdout or b"{}")
        return outcome

    def events(self) -> str:
        """Give what Kubernetes says about the pod."""
        return self.cluster.run(
            *("-n", self.namespace, "get", "events", "--no-headers"),
            f"--field-selector=involvedObject.name={self.name}",
            *("-o", "custom-columns=T:.type,R:.reason,M:.message"),
            check=False,
        ).stdout

    def state(self) -> str:
        """Give the pod's events and the last lines of each container, for a failure's message."""
        where = ["-n", self.namespace]
        spec = self.cluster.get(*where, "pod", self.name)["spec"]
        logs = []
        for item in containers({"spec": spec}):
            words = ("logs", self.name, "-c", item["name"], "--tail=15")
            said = self.cluster.run(*where, *words, check=False).stdout
            if not said:  # a sidecar that was just begun again
                said = self.cluster.run(*where, *words, "--previous", check=False).stdout
            logs.append(f"[{item['name']}] {said.strip()}")
        return "\n".join(["--- events", self.events(), "--- containers", *logs])

    def delete(self) -> None:
        """Ask for the pod's end, as Jenkins does; nobody waits for it here."""
        self.cluster.run(
            "-n", self.namespace, "delete", "pod", self.name, "--wait=false", check=False
        )

    def states(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Give the pod's status whenever it changes, for so many seconds."""
        words = ("-n", self.namespace, "get", "pod", self.name, "-o", "json", "--watch")
        command = self.cluster.command(*words, f"--request-timeout={max(1, int(seconds))}s")
        with subprocess.Popen(
            command,
            env=self.cluster.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as watch:
            try:
                lines: list[str] = []
                for line in watch.stdout or ():
                    lines.append(line)
                    if line.startswith("}"):
                        yield json.loads("".join(lines))["status"]
                        lines.clear()
            finally:
                watch.kill()


class _Tar:
    """A tar file in memory."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> _Tar:  # noqa: PYI034 - Self is younger than Python 3.9
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    @property
    def data(self) -> bytes:
        """Give the whole file."""
        return self._buffer.getvalue()

    def add(self, name: str, data: bytes | None, owner: int) -> None:
        """Add a file, or a directory when there is no data."""
        info = tarfile.TarInfo(name)
        info.mode = 0o755 if data is None else 0o644
        info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
        info.size = len(data or b"")
        info.uid = info.gid = owner
        self._tar.addfile(info, io.BytesIO(data or b""))

    def folder(self, folder: Path, name: str, owner: int) -> None:
        """Add a folder with all that is in it, as one owner's."""

        def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
            info.uid = info.gid = owner
            info.uname = info.gname = ""
            return info

        self._tar.add(folder, arcname=name, filter=owned)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def bridge_script(job: str, request: str) -> str:
    """Take the script for a request out of the bridge's source, as Groovy reads it."""
    source = (ROOT / "src" / "podwright" / "Scripts.groovy").read_text()
    parts = [r"String JOB = '''\n(.*?)'''", r"static String build\(.*? \+ '''\n(.*?)'''"]
    texts = [found[1] for part in parts if (found := re.search(part, source, re.DOTALL))]
    assert len(texts) == len(parts), "Scripts.groovy is written otherwise than it was"
    total = hashlib.sha256(BUNDLE.read_bytes()).hexdigest()
    begin, rest = (text.replace("\\\\", "\\") for text in texts)
    return f"pw_sum={total}\npw_call={job}\n{begin}{request}\nEND OF THE REQUEST\n{rest}"


@contextlib.contextmanager
def pod(
    cluster: Cluster,
    builder: str,
    namespace: str,
    made: Mapping[str, Any] | None = None,
    seconds: float = PATIENCE,
) -> Iterator[Pod]:
    """Create a strategy's pod, wait until it is ready, and remove it."""
    name = f"{builder}-{uuid.uuid4().hex[:8]}"
    whole = fitted(jenkins(made or render(builder, pod_request(cluster.site)), name, namespace))
    created = cluster.apply(whole)
    running = Pod(cluster, builder, namespace, name)
    agent = next(item for item in whole["spec"]["containers"] if item["name"] == "jnlp")
    if not any(item["name"] == "builder" for item in whole["spec"]["containers"]):
        running.worker = "jnlp"
    running.owner = agent.get("securityContext", {}).get("runAsUser", 1000)
    try:
        if created.returncode:
            raise Failed(f"{builder}: the API server refuses the pod: {created.stderr}")
        wait_ready(running, seconds)
        yield running
    finally:
        running.delete()


def pod_request(here: Site) -> dict[str, Any]:
    """Give the part of the site's request that a pod takes."""
    request = here.request()
    request.pop("credentials")
    return request


def wait_ready(running: Pod, seconds: float = PATIENCE) -> None:
    """Wait for the condition Ready.

    Raises:
        Failed: the pod cannot become ready any more, or it took too long.
    """
    until = time.monotonic() + seconds
    status: dict[str, Any] = {}
    while (left := until - time.monotonic()) > 0 and not hopeless(status):
        for status in running.states(left):
            conditions = {item["type"]: item["status"] for item in status.get("conditions", [])}
            if conditions.get("Ready") == "True":
                return
            if hopeless(status):
                break
        else:
            time.sleep(0.2)  # a watch may end early: then there is another
    raise Failed(
        f"{running.builder}: the pod is not ready ({status.get('phase')})\n{running.state()}"
    )


def hopeless(status: Mapping[str, Any]) -> bool:
    """Say whether a pod that is never restarted will not become ready, whatever one waits."""
    if status.get("phase") in {"Failed", "Succeeded"}:
        return True
    if any("terminated" in item["state"] for item in status.get("containerStatuses", [])):
        return True
    # Native sidecars are begun again and again.
    waiting = [item["state"].get("waiting", {}) for item in status.get("initContainerStatuses", [])]
    return any(item.get("reason") == "CrashLoopBackOff" for item in waiting)


def pulled(here: Site, reference: str) -> oci.Image:
    """Pull an image from the registry and read it, byte for byte as it was pushed.

    Into a directory: an OCI layout would convert docker's format and drop HEALTHCHECK and others.
    """
    login = f"{here.user}:{here.password}"
    command = ["skopeo", "--insecure-policy", "copy", "--src-creds", login]
    with tempfile.TemporaryDirectory(prefix="podwright-e2e-") as folder:
        into, trust = Path(folder) / "image", Path(folder) / "trust"
        if here.ca:
            trust.mkdir()
            shutil.copy(here.ca, trust / "ca.crt")
            command += ["--src-cert-dir", str(trust)]
        done = subprocess.run(
            [*command, f"docker://{reference}", f"dir:{into}"],
            env=layout.ENVIRONMENT,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"pulling {reference}: {done.stderr}")
        return oci.read(into)
