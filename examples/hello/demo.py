"""The demo: a registry, a source repository, the pipeline, and the proof.

Usage: demo.py ROOT (the repository's directory); `make demo` calls it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "demo"


def say(text: str = "") -> None:
    """Print a line at once, between those of the pipeline."""
    print(text, flush=True)  # noqa: T201 - a script for people


def fail(sentence: str) -> NoReturn:
    """End with a sentence."""
    sys.exit(f"demo: {sentence}")


def free_port() -> int:
    """Ask the kernel for a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def program(command: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    """Run a program in the background, and end it in every outcome."""
    with log.open("w") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=sink, env=env, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def wait_for(port: int, log: Path) -> None:
    """Wait until something listens."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    fail(f"the registry did not start:\n{log.read_text()}")


def start_registry(stack: ExitStack, work: Path, password: str) -> str:
    """Start Debian's registry with a password; gives host and port."""
    port = free_port()
    users = subprocess.run(
        ["htpasswd", "-Bbin", USER], input=password, capture_output=True, text=True, check=False
    )
    if users.returncode:  # -i with -b is refused by some versions: -i alone reads stdin
        users = subprocess.run(
            ["htpasswd", "-Bin", USER], input=password, capture_output=True, text=True, check=True
        )
    (work / "htpasswd").write_text(users.stdout)
    (work / "registry.yml").write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "warn"},
                "storage": {"filesystem": {"rootdirectory": str(work / "registry")}},
                "http": {"addr": f"127.0.0.1:{port}"},
                "auth": {"htpasswd": {"realm": "demo", "path": str(work / "htpasswd")}},
            }
        )
    )
    log = work / "registry.log"
    stack.enter_context(program(["docker-registry", "serve", str(work / "registry.yml")], log))
    wait_for(port, log)
    return f"127.0.0.1:{port}"


def make_source(example: Path, work: Path) -> Path:
    """Make the repository that `checkout scm` checks out."""
    source = work / "source"
    shutil.copytree(example, source, ignore=shutil.ignore_patterns("demo*"))
    shutil.copy("/bin/busybox", source / "app" / "busybox")
    git = ["git", "-C", str(source), "-c", "user.name=demo", "-c", "user.email=demo@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The hello example"]):
        subprocess.run([*git, *words], check=True)
    return source


def storage_of(work: Path) -> dict[str, str]:
    """Give Buildah and Podman a storage of their own, so that nothing is left on this machine."""
    storage = work / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{work}/run"\ngraphroot = "{work}/storage"\n'
    )
    return {"CONTAINERS_STORAGE_CONF": str(storage)}


def no_engine(stack: ExitStack, work: Path, registry: str) -> dict[str, str]:  # noqa: ARG001
    """Buildah and Podman need no engine."""
    return {}


def docker_engine(stack: ExitStack, work: Path, registry: str) -> dict[str, str]:
    """Start a Docker Engine for this demo alone."""
    if not shutil.which("dockerd"):
        fail("this strategy needs a Docker Engine here: apt-get install docker.io")
    address = f"unix://{work}/docker.sock"
    command = ["dockerd", "--host", address, "--data-root", str(work / "docker")]
    command += ["--exec-root", str(work / "exec"), "--pidfile", str(work / "docker.pid")]
    command += ["--bridge=none", "--iptables=false", "--storage-driver=vfs"]
    command += ["--insecure-registry", registry]
    stack.enter_context(program(command, work / "docker.log"))
    answers(["docker", "--host", address, "version"], {}, work / "docker.log")
    return {"DOCKER_HOST": address}


def buildkit_daemon(stack: ExitStack, work: Path, registry: str) -> dict[str, str]:
    """Start a BuildKit daemon for this demo alone, built from its Go modules when it is missing."""
    root = Path(__file__).resolve().parents[2]
    if not shutil.which("buildkitd"):
        if not shutil.which("go"):
            fail("this strategy needs buildkitd and buildctl here, or Go to build them")
        say("demo: building BuildKit from its Go modules, once; this takes some minutes")
        binaries = [sys.executable, str(root / "tests/e2e/binaries.py")]
        subprocess.run([*binaries, "buildkitd", "buildctl", "runc"], check=True)
        listed = subprocess.run([*binaries, "--list"], check=True, capture_output=True, text=True)
        for line in listed.stdout.splitlines():
            name, path, _ = line.split(" ")
            if name in ("buildkitd", "buildctl", "runc"):
                os.environ["PATH"] = f"{Path(path).parent}:{os.environ['PATH']}"
    config = work / "buildkitd.toml"
    config.write_text(f'[registry."{registry}"]\n  http = true\n')
    env = {"BUILDKIT_HOST": f"unix://{work}/buildkitd.sock", "PATH": os.environ["PATH"]}
    command = ["buildkitd", "--root", str(work / "buildkit"), "--addr", env["BUILDKIT_HOST"]]
    command += ["--config", str(config), "--oci-worker-net=host"]
    stack.enter_context(program(command, work / "buildkitd.log"))
    answers(["buildctl", "debug", "workers"], env, work / "buildkitd.log")
    return env


def own_container(stack: ExitStack, work: Path, registry: str) -> NoReturn:  # noqa: ARG001
    """Some strategies exist inside their image only."""
    fail("this strategy runs in its own container only, on Kubernetes; choose another one here")


def answers(command: list[str], env: dict[str, str], log: Path) -> None:
    """Wait until a command succeeds."""
    for _ in range(300):
        if not subprocess.run(
            command, capture_output=True, check=False, env={**os.environ, **env}
        ).returncode:
            return
        time.sleep(0.1)
    fail(f"the engine did not start:\n{log.read_text()[-2000:]}")


ENGINES = {
    "buildah": no_engine,
    "podman": no_engine,
    "buildkit": buildkit_daemon,
    "dind": docker_engine,
    "dind-sidecar": docker_engine,
    "dood": docker_engine,
    "kaniko": own_container,
}


def run_pipeline(root: Path, work: Path, registry: str, env: dict[str, str]) -> dict[str, Any]:
    """Run the Jenkinsfile; gives the runner's report."""
    (work / "credentials.json").touch(mode=0o600)
    password = (work / "password").read_text()
    login = {"type": "usernamePassword", "username": USER, "password": password}
    (work / "credentials.json").write_text(json.dumps({"registry-login": login}))
    command = [str(root / "tests/runner/run-pipeline"), "--library", f"podwright={root}"]
    command += ["--workspace-root", str(work / "agent"), "--scm", str(work / "source")]
    command += ["--credentials", str(work / "credentials.json")]
    command += ["--param", f"REGISTRY={registry}", "--report", str(work / "report.json")]
    for name, value in env.items():
        command += ["--env", f"{name}={value}"]
    code = subprocess.run([*command, str(root / "examples/hello/Jenkinsfile")], check=False)
    if code.returncode:
        fail("the pipeline failed; the reason is above")
    report: dict[str, Any] = json.loads((work / "report.json").read_text())
    return report


def pull(reference: str, work: Path, env: dict[str, str]) -> str:
    """Pull the image by its digest with a login of its own, run it, and give what it says."""
    auth = work / "proof.json"
    password = (work / "password").read_text()
    login = ["buildah", "login", "--authfile", str(auth), "--tls-verify=false", "--username", USER]
    quiet = {**os.environ, **env}
    host = reference.split("/", 1)[0]
    subprocess.run(
        [*login, "--password-stdin", host],
        input=password,
        text=True,
        env=quiet,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    made = subprocess.run(
        ["buildah", "from", "--quiet", "--authfile", str(auth), "--tls-verify=false", reference],
        env=quiet,
        check=True,
        capture_output=True,
        text=True,
    )
    container = made.stdout.strip()
    said = subprocess.run(
        ["buildah", "run", "--isolation", "chroot", container, "/bin/cat", "/greeting"],
        env=quiet,
        check=True,
        capture_output=True,
        text=True,
    )
    subprocess.run(["buildah", "rm", container], env=quiet, check=True, capture_output=True)
    return said.stdout.strip()


def main(root: Path) -> None:
    """Run the demo."""
    started = time.monotonic()
    jenkinsfile = (root / "examples/hello/Jenkinsfile").read_text()
    builder = (re.search(r"builder: *'([a-z-]+)'", jenkinsfile) or ["", "auto"])[1]
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podwright-demo.")))
        (work / "password").touch(mode=0o600)
        (work / "password").write_text(secrets.token_urlsafe(12))
        registry = start_registry(stack, work, (work / "password").read_text())
        make_source(root / "examples/hello", work)
        if builder not in ENGINES:
            fail(f"builder '{builder}' is not one of {', '.join(ENGINES)}")
        env = {**storage_of(work), **ENGINES[builder](stack, work, registry)}
        report = run_pipeline(root, work, registry, env)
        digest = re.search(r"sha256:[0-9a-f]{64}", json.dumps(report))
        if not digest:
            fail("the pipeline gave no digest")
        reference = f"{registry}/demo/hello@{digest[0]}"
        said = pull(reference, work, {"CONTAINERS_STORAGE_CONF": env["CONTAINERS_STORAGE_CONF"]})
        summary(report, builder, reference, said, time.monotonic() - started)


def summary(
    report: dict[str, Any], builder: str, reference: str, said: str, seconds: float
) -> None:
    """Say what happened, for a person."""
    say()
    say("  podwright ----------------------------------------------------------------")
    say(f"  strategy   {builder}")
    image, _, digest = reference.partition("@")
    say(f"  image      {image}")
    say(f"  digest     {digest}")
    say("  pulled     back by that digest and run: it says")
    say(f"             {said!r}")
    nodes = report["nodes"]["total"]
    say(f"  cost       {report['sh']} sh step, {nodes} flow nodes in the whole pipeline")
    say(f"  time       {seconds:.0f} s from start to proof")
    say()
    say("  Next: change builder: in examples/hello/Jenkinsfile (say to 'dood'), `make demo` again;")
    say("        `.venv/bin/podwright builders` tells what each strategy needs and costs.")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
