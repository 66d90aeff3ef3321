"""What the tests of the proxy need: a node's engine, and pods that share it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "host"))

from hostservers import Engine, wait_for

from podwright import dood

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podwright" / "bin"
MEBI = 1024 * 1024
IMAGE = "busybox:test"
APPLETS = [
    "cat",
    "dd",
    "echo",
    "false",
    "head",
    "httpd",
    "ls",
    "mkdir",
    "sh",
    "sha256sum",
    "sleep",
    "touch",
    "true",
    "wc",
    "wget",
]


def cached(*programs: str) -> list[str]:
    """Give the folders of programs that `tests/e2e/binaries.py` built; [] when one is missing."""
    found = [sorted(CACHE.glob(f"{name}-[0-9]*/{name}")) for name in programs]
    return [str(paths[-1].parent) for paths in found if paths] if all(found) else []


NO_FORWARDING = "WARNING: IPv4 forwarding is disabled. Networking will not work.\n"
CURRENT = cached("dockerd", "containerd", "containerd-shim-runc-v2", "runc", "docker-proxy")


@contextlib.contextmanager
def engine(folder: Path, version: str) -> Iterator[Engine]:
    """Run an engine: Debian's, or the current one."""
    before = os.environ["PATH"]
    if version == "current":
        os.environ["PATH"] = os.pathsep.join([*CURRENT, before])
    try:
        made = Engine(folder)
    finally:
        os.environ["PATH"] = before
    try:
        load(folder / "image", made)
        yield made
    finally:
        made.close()


def load(folder: Path, made: Engine) -> None:
    """Give the engine an image with a shell."""
    (folder / "bin").mkdir(parents=True)
    (folder / "tmp").mkdir()
    program = shutil.which("busybox")
    assert program
    shutil.copy(program, folder / "bin" / "busybox")
    for applet in APPLETS:
        (folder / "bin" / applet).symlink_to("busybox")
    tar = subprocess.run(["tar", "-C", str(folder), "-c", "."], check=True, capture_output=True)
    subprocess.run(
        ["docker", "import", "-", IMAGE],
        check=True,
        input=tar.stdout,
        capture_output=True,
        env={**os.environ, **made.env},
    )


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


def docker(host: Path, *words: str, given: bytes = b"", client: str = "docker", **env: str) -> Said:
    """Run a Docker client."""
    done = subprocess.run(
        [client, *words],
        check=False,
        input=given,
        capture_output=True,
        timeout=120,
        env={**os.environ, "DOCKER_HOST": f"unix://{host}", **env},
    )
    # The engine of the tests changes no setting of the machine, and tells each client of this one.
    err = done.stderr.decode().replace(NO_FORWARDING, "").strip()
    return Said(done.returncode, done.stdout.decode().strip(), err)


@dataclass
class Pod:
    """A pod with the proxy, as its container runs it."""

    folder: Path
    node: Path
    uid: str
    memory: int = 1024 * MEBI
    cpu: int = 1500
    process: subprocess.Popen[bytes] | None = None
    words: list[str] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.folder / f"{self.uid}.sock"

    @property
    def log(self) -> str:
        return (self.folder / f"{self.uid}.log").read_text(encoding="utf-8")

    def start(self) -> Pod:
        """Start the proxy, and wait for its startup probe."""
        self.run()
        wait_for("the proxy", self.is_ready)
        return self

    def run(self) -> subprocess.Popen[bytes]:
        """Start the proxy."""
        program = self.folder / dood.SOURCE
        program.write_text(dood.source(), encoding="utf-8")
        environment = {
            "PODWRIGHT_POD_UID": self.uid,
            "PODWRIGHT_POD": f"builds/{self.uid}",
            "PODWRIGHT_MEMORY": str(self.memory),
            "PODWRIGHT_CPU": str(self.cpu),
        }
        words = ["/usr/bin/python3", "-I", "-B", str(program)]
        words += [f"--node-socket={self.node}", f"--client-socket={self.socket}"]
        with (self.folder / f"{self.uid}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*words, *self.words], stdout=log, stderr=log, env=environment
            )
        return self.process

    def is_ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        return self.docker("version").code == 0

    def docker(self, *words: str, given: bytes = b"", client: str = "docker", **env: str) -> Said:
        """Run a client in the pod's container `builder`."""
        return docker(self.socket, *words, given=given, client=client, **env)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the proxy as the kubelet does; gives the exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(30)

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.end()


def described(host: Path, *names: str) -> list[Any]:
    """Give what the engine says of containers."""
    import json  # noqa: PLC0415

    return list(json.loads(docker(host, "inspect", *names).out))
