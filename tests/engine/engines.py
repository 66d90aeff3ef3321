"""Real Docker Engines behind the real plugin and gate, each in namespaces of its own.

A :class:`Pod` is what a Kubernetes pod is to its containers: one network namespace, and directories
shared between the containers. The plugin runs without root and without capabilities, from the one
file that a pod carries; the engine is started by the guard. Nothing of the machine's own Docker is
touched, and everything ends with the pod.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import Self

from podwright import authz
from podwright.authz.server import read_exchange, reply
from podwright.docker_api.http import Stream, serve
from podwright.docker_api.listening import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]
BINARIES = ROOT / "tests" / "e2e" / "binaries.py"
WORKSPACE = "/home/jenkins/agent"
KINDS = ("new", "old")
_DIE = ("setpriv", "--pdeathsig", "KILL")  # nothing outlives the tests, however they end
PYTHON = "/usr/bin/python3"  # any user may run it
_MOUNTS = """
set -e
place=$1
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /home
bind() { mkdir -p "$2"; mount --bind "$place/$1" "$2"; }
bind plugins {plugins}
bind client {client}
bind engine {engine}
bind workspace {workspace}
# Engines write keys and users into /etc: let them, into a layer that goes with the pod.
mkdir "$place/etc/up" "$place/etc/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$place/etc/up,workdir=$place/etc/work" /etc
ip link set lo up
echo ready
exec sleep infinity
""".replace("{plugins}", authz.PLUGIN_DIR).replace("{client}", authz.CLIENT_DIR)
_MOUNTS = _MOUNTS.replace("{engine}", authz.ENGINE_DIR).replace("{workspace}", WORKSPACE)


@dataclass(frozen=True)
class Engine:
    """A Docker Engine by its programs.

    Attributes:
        name: for test ids.
        path: PATH with dockerd, containerd, its shim and runc.
        api: the newest API version it speaks.
        old: whether the guard has to be told to accept it.
    """

    name: str
    path: str
    api: str
    old: bool = False


def new_engine() -> Engine:
    """The newest engine, built from Go modules by the end-to-end tests' own script."""
    programs = ["dockerd", "containerd", "containerd-shim-runc-v2", "runc", "docker-proxy"]
    subprocess.run([sys.executable, str(BINARIES), *programs], check=True, capture_output=True)
    return Engine("new", ":".join([*map(program_dir, programs), os.environ["PATH"]]), "1.56")


def old_engine() -> Engine:
    """Debian's engine."""
    return Engine("old", "/usr/sbin:/usr/bin:/sbin:/bin", "1.41", old=True)


def engine_of(kind: str) -> Engine:
    """An engine by its kind; the old one only where the distribution's is installed."""
    if kind == "old":
        if not Path("/usr/sbin/dockerd").exists():
            pytest.skip("Debian's docker.io is not installed")
        return old_engine()
    return new_engine()


def program_dir(name: str) -> str:
    """Where binaries.py keeps a program."""
    listed = subprocess.run(
        [sys.executable, str(BINARIES), "--list"], check=True, capture_output=True, text=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return str(Path(next(row[1] for row in rows if row[0] == name)).parent)


def wait_for(what: Callable[[], object], words: Callable[[], str], seconds: float = 60) -> None:
    """Wait until something is true; fail with words otherwise."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(words())
        time.sleep(0.02)


def reachable(path: str) -> bool:
    """Whether anybody listens at a unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
        return True


def allow(connection: socket.socket) -> None:
    """Answer as a plugin that allows everything."""
    stream = Stream(connection)
    with connection:
        while exchange := read_exchange(stream):
            starts = exchange.path == "/Plugin.Activate"
            connection.sendall(reply(b'{"Implements":["authz"]}' if starts else b'{"Allow":true}'))


@dataclass
class Pod:
    """One pod: namespaces, shared directories, and the processes in it."""

    place: Path
    engine: Engine
    config: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    plugged: bool = True
    gated: bool = True
    judged: bool = True  # else the engine's plugin allows everything
    engine_words: tuple[str, ...] = ()  # instead of the guard

    def __post_init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.cgroup = f"podwright-{uuid.uuid4().hex[:8]}"

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._make_directories()
            self._start_sandbox()
            self.start_authz()
            self.start_engine()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("engine", "authz", "sandbox"):
            self.stop(name)
        self._remove_cgroups()
        shutil.rmtree(self.place, ignore_errors=True)

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a process, gently first."""
        process = self.processes.pop(name, None)
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        # The engine is the first process of its namespace: killing it ends all of its containers.
        process.send_signal(signal.SIGKILL if name == "engine" else number)
        process.wait(20)

    def _make_directories(self) -> None:
        for name in ("plugins", "client", "engine", "workspace", "data", "etc"):
            directory = self.place / name
            directory.mkdir(parents=True)
            directory.chmod(0o777 if name != "data" else 0o711)
        (self.place / "authz.py").write_text(authz.source(), encoding="utf-8")
        config = authz.daemon_config(self.engine_options())
        if self.engine.old:  # a key that came later
            config["builder"]["Entitlements"].pop("device")
        if not self.plugged:
            del config["authorization-plugins"]
        (self.place / "daemon.json").write_text(json.dumps(config), encoding="utf-8")
        for parent in (self.place, *self.place.parents):
            if parent.stat().st_uid == os.getuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)

    def engine_options(self) -> authz.EngineOptions:
        """What the guard and daemon.json are made from."""
        given = {
            "config": str(self.place / "daemon.json"),
            "data_root": str(self.place / "data"),
            "accept_old": self.engine.old,
            "launcher": "podwright-no-such-launcher",
            "extra": (("cgroup-parent", f"/{self.cgroup}"), ("exec-root", "/run/dockerd")),
        }
        return authz.EngineOptions(**{**given, **self.options})

    def _start_sandbox(self) -> None:
        process = subprocess.Popen(
            [
                *_DIE,
                "unshare",
                "--mount",
                "--net",
                "--propagation",
                "private",
                "sh",
                "-c",
                _MOUNTS,
                "pod",
                str(self.place),
            ],
            stdout=subprocess.PIPE,
        )
        self.processes["sandbox"] = process
        with process.stdout as words:
            line = words.readline()
        assert line == b"ready\n", "the pod's namespaces could not be made"

    def _inside(self, *words: str) -> list[str]:
        return [*_DIE, "nsenter", "-t", str(self.processes["sandbox"].pid), "-m", "-n", *words]

    def run_inside(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """A program in the pod's namespaces."""
        return subprocess.run(self._inside(*words), capture_output=True, check=False, timeout=60)

    def inside(self, *words: str) -> bytes:
        """The same, which must succeed; returns its output."""
        done = self.run_inside(*words)
        assert done.returncode == 0, done
        return done.stdout

    def start_authz(self, *, wait: bool = True) -> None:
        """Start plugin and gate as the pod does: not root, no capability, read-only source."""
        command = [PYTHON, *authz.command(self.config)[1:]]
        command[command.index(authz.SOURCE_PATH)] = str(self.place / "authz.py")
        command += [] if self.gated else ["--client-socket", ""]
        asked = self.place / "plugins" / "podwright.sock"
        if not self.judged:
            threading.Thread(
                target=serve, args=(listen(str(asked), 0o666), allow), daemon=True
            ).start()
            command += ["--plugin-socket", str(self.place / "client" / "unasked.sock")]
        user = str(authz.AUTHZ_UID)
        setpriv = [*_DIE, "--reuid", user, "--regid", user, "--clear-groups"]
        setpriv += ["--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all"]
        log = (self.place / "authz.log").open("ab")
        self.processes["authz"] = subprocess.Popen(
            self._inside(*setpriv, *command), stdout=log, stderr=subprocess.STDOUT
        )
        log.close()
        if wait:
            paths = [self.socket] if self.gated else []
            for path in (*paths, str(asked)):
                wait_for(lambda path=path: reachable(path), lambda: self.log("authz"), 10)

    def start_engine(self, *, wait: bool = True) -> None:
        """Start the engine by its guard, and wait for its API."""
        log = (self.place / "engine.log").open("ab")
        command = self._inside(
            "unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--"
        )
        command += self.engine_words or authz.engine_command(self.engine_options())
        self.processes["engine"] = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": self.engine.path, "DOCKER_TMPDIR": str(self.place / "data")},
        )
        log.close()
        if wait:
            wait_for(self._ready, lambda: "not ready: " + self.log("engine"), 60)

    def _ready(self) -> bool:
        if self.processes["engine"].poll() is not None:
            raise AssertionError("the engine ended: " + self.log("engine"))
        try:
            return self.call("GET", "/_ping", direct=not self.gated).status == 200
        except OSError:
            return False

    def log(self, name: str) -> str:
        """The last lines of a process's log."""
        path = self.place / f"{name}.log"
        return path.read_text("utf-8", "replace")[-4000:] if path.exists() else ""

    def _remove_cgroups(self) -> None:
        """Killed processes leave their cgroups a moment later."""
        with contextlib.suppress(AssertionError):
            wait_for(self._cgroups_gone, lambda: "cgroups stay", 10)

    def _cgroups_gone(self) -> bool:
        tops = [*Path("/sys/fs/cgroup").glob(self.cgroup)]
        tops += Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}")
        for top in tops:
            for directory, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()
        return not any(top.exists() for top in tops)

    # -- use ----------------------------------------------------------------------------------

    @property
    def socket(self) -> str:
        """What the builder sees: the gate's socket."""
        return str(self.place / "client" / "docker.sock")

    @property
    def engine_socket(self) -> str:
        """What only plugin and engine see."""
        return str(self.place / "engine" / "docker.sock")

    def call(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        direct: bool = False,
    ) -> Answer:
        """One plain request, to the gate or (direct) to the engine itself."""
        connection = _Connection(self.engine_socket if direct else self.socket)
        try:
            connection.putrequest(method, target, skip_host=False, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            with contextlib.suppress(BrokenPipeError):  # refused before all of it was read
                connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

    def json(self, method: str, target: str, value: Any = None, *, direct: bool = False) -> Any:
        """One request with JSON both ways."""
        body = None if value is None else json.dumps(value).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        answer = self.call(method, target, body, headers, direct=direct)
        return json.loads(answer.body) if answer.body.strip() else None

    def raw(self, data: bytes, *, direct: bool = False, seconds: float = 20) -> bytes:
        """Bytes in, bytes out, until the other side hangs up."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(self.engine_socket if direct else self.socket)
            connection.sendall(data)
            parts = []
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while True:
                    part = connection.recv(65536)
                    if not part:
                        break
                    parts.append(part)
            return b"".join(parts)

    def docker(
        self, *arguments: str, program: str = "docker", stdin: bytes = b"", **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        """The docker command, as the builder runs it."""
        return subprocess.run(
            [program, "-H", f"unix://{self.socket}", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=180,
            env={**os.environ, "DOCKER_CONFIG": str(self.place / "cli"), **env},
        )


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes

    @property
    def message(self) -> str:
        """The engine's words about an error."""
        try:
            return str(json.loads(self.body)["message"])
        except (ValueError, KeyError, TypeError):
            return ""


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket, without opinions about targets."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=120)
        self.unix_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)

    def _validate_path(self, url: str) -> None:
        """Tests send what clients would not."""


def _bash() -> list[str]:
    """bash and the libraries it needs."""
    listed = subprocess.run(["ldd", "/bin/bash"], check=True, capture_output=True, text=True)
    return ["/bin/bash", *re.findall(r"(/[^ ]+) \(0x", listed.stdout)]


@contextlib.contextmanager
def busybox_image(pod: Pod, name: str = "busybox:test") -> Iterator[str]:
    """Give the engine an image without any registry: the machine's static busybox."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory in ("bin", "tmp", "etc", "proc", "dev", "sys", "src"):
            info = tarfile.TarInfo(directory)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            archive.addfile(info)
        binary = Path("/bin/busybox")
        archive.add(binary, "bin/busybox")
        for file in _bash():  # the only program here that speaks TCP when linked dynamically
            archive.add(os.path.realpath(file), file.lstrip("/"))
        for applet in [
            "sh",
            "cat",
            "ls",
            "echo",
            "true",
            "false",
            "sleep",
            "id",
            "mount",
            "mkdir",
            "touch",
            "env",
        ]:
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(info)
    done = pod.docker("import", "-", name, stdin=buffer.getvalue())
    assert done.returncode == 0, done.stderr
    yield name


def create(pod: Pod, **config: object) -> str:
    """Make a container; returns its id."""
    answer = pod.json("POST", "/containers/create", {"Image": pod.image, **config})
    assert "Id" in answer, answer
    return answer["Id"]
