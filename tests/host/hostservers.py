"""The servers of the host tests: a registry, a proxy that injects faults, and a Docker Engine.

All are real programs or real sockets on loopback, each with a free port and a directory of its own,
and each ends with the test or the session that started it.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable

PATIENCE = 60.0  # seconds until something that should happen counts as never happening


def wait_for(what: str, done: Callable[[], object], patience: float = PATIENCE) -> object:
    """Wait for a condition; gives its value, or fails with what was awaited."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        value = done()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"waited {patience:.0f} s for {what}")


def stop(process: subprocess.Popen[bytes], patience: float = 20) -> None:
    """End a server politely, or for good when it does not."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Authority:
    """A certificate authority with one certificate for 127.0.0.1 and localhost."""

    ca: Path
    cert: Path
    key: Path


def own_address() -> str:
    """Give an address of this machine that no client takes for the machine itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.254", 9))  # nothing is sent
        return str(probe.getsockname()[0])


def make_authority(folder: Path, *addresses: str) -> Authority:
    """Make an authority and a server certificate of it, which clients may show as well."""
    folder.mkdir(parents=True)
    extensions = folder / "san.cnf"
    known = ",".join(f"IP:{address}" for address in ("127.0.0.1", own_address(), *addresses))
    extensions.write_text(f"subjectAltName=DNS:localhost,{known}\n")
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)  # noqa: E731
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca, ca_key = str(folder / "ca.pem"), str(folder / "ca.key")
    run("req", "-x509", *key, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=test CA")
    made = Authority(Path(ca), folder / "server.pem", folder / "server.key")
    request = str(folder / "server.csr")
    run("req", *key, "-keyout", str(made.key), "-out", request, "-subj", "/CN=registry")
    signed = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2")
    extra = ("-extfile", str(extensions), "-out", str(made.cert))
    run("x509", "-req", "-in", request, *signed, *extra)
    return made


class Registry:
    """Debian's docker-registry, with a password."""

    def __init__(
        self,
        folder: Path,
        users: dict[str, str],
        authority: Authority | None = None,
        *,
        delete: bool = False,
        address: str = "127.0.0.1",
        clients: bool = False,
    ) -> None:
        folder.mkdir(parents=True)
        self.storage = folder / "storage"
        self.log = folder / "log"
        self.tls = authority
        self.users = users
        passwords = folder / "htpasswd"
        passwords.touch()
        for user, password in users.items():
            words = ["htpasswd", "-bB", "-C", "4", str(passwords), user, password]
            subprocess.run(words, check=True, capture_output=True)
        tls = ""
        if authority:
            wanted = f", clientcas: [{authority.ca}]" if clients else ""
            tls = f", tls: {{certificate: {authority.cert}, key: {authority.key}{wanted}}}"
        config = folder / "config.yml"
        auth = f"auth: {{htpasswd: {{realm: test, path: {passwords}}}}}\n" if users else ""
        config.write_text(
            "version: 0.1\n"
            "log: {level: info, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.storage}}}, "
            f"delete: {{enabled: {str(delete).lower()}}}}}\n"
            f"http: {{addr: '{address}:0', secret: x{tls}}}\n{auth}"
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdout=log, stderr=log
            )
        found = wait_for("the registry", self._listening)
        self.host = str(found)

    def _listening(self) -> str:
        found = re.search(r"listening on ([0-9.]+:\d+)", self.log.read_text())
        return found[1] if found else ""

    def blobs(self) -> list[Path]:
        """Give the files of all blobs that were ever pushed."""
        return sorted(self.storage.glob("docker/registry/v2/blobs/*/*/*/data"))

    def repositories(self) -> list[str]:
        """Give the names of all repositories with a tag."""
        root = self.storage / "docker/registry/v2/repositories"
        found = root.glob("**/_manifests/tags/*")
        return sorted({str(path.parents[2].relative_to(root)) for path in found})

    def tags(self, repository: str) -> list[str]:
        """Give the tags of a repository."""
        root = self.storage / "docker/registry/v2/repositories" / repository
        return sorted(path.name for path in (root / "_manifests/tags").glob("*"))

    def close(self) -> None:
        """End the registry."""
        stop(self.process)


@dataclass
class Fault:
    """What the proxy does to some requests instead of passing them on.

    Attributes:
        status: answer with this status; 0 for other kinds of faults.
        headers: headers of that answer.
        body: body of that answer.
        seconds: the fault lasts so long from the first request that it met.
        times: the fault ends after it met so many requests.
        methods: only these; all when empty.
        path: only paths that match this regular expression.
        reset: break the TCP connection after so many bytes of the request's body.
        lose_reply: pass the request on, then break the connection instead of answering.
        delay: seconds to wait before each request is passed on.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0
    times: int = 0
    methods: tuple[str, ...] = ()
    path: str = ""
    reset: int = -1
    lose_reply: bool = False
    delay: float = 0
    met: list[float] = field(default_factory=list)

    def meets(self, method: str, path: str) -> bool:
        """Say whether the fault strikes this request, and note that it did."""
        if self.methods and method not in self.methods:
            return False
        if self.path and not re.search(self.path, path):
            return False
        if self.times and len(self.met) >= self.times:
            return False
        now = time.monotonic()
        if self.seconds and self.met and now - self.met[0] > self.seconds:
            return False
        self.met.append(now)
        return True


class FaultProxy:
    """An HTTP proxy in front of one registry; it notes every request and injects one fault."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.fault = Fault()
        self.requests: list[tuple[str, str, int]] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(_Handler):
            proxy = outer

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def statuses(self, method: str, path: str = "") -> list[int]:
        """Give the answers to requests of one kind; 0 where the connection was broken."""
        return [s for m, p, s in list(self.requests) if m == method and re.search(path, p)]

    def close(self) -> None:
        """End the proxy."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A client that was killed leaves its thread waiting for a next request on the connection.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: broken connections are the point."""


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _note(self, status: int) -> None:
        with self.proxy.lock:
            self.proxy.requests.append((self.command, self.path, status))

    def _break(self) -> None:
        """Send a TCP reset instead of an orderly end."""
        self._note(0)
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def _body(self, most: int = -1) -> bytes:
        """Read the request's body, of known length or chunked."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts: list[bytes] = []
            while True:
                size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if size == 0 or 0 <= most <= sum(map(len, parts)):
                    return b"".join(parts)
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length if most < 0 else min(length, most))

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().handle_one_request()
            return
        self.close_connection = True

    def _any(self) -> None:
        fault = self.proxy.fault
        with self.proxy.lock:
            struck = fault.meets(self.command, self.path)
        if struck and fault.reset >= 0:
            self._body(fault.reset)
            self._break()
            return
        body = self._body()
        if struck and fault.status:
            self._answer(fault.status, list(fault.headers.items()), fault.body)
            return
        if struck and fault.delay:
            time.sleep(fault.delay)
        status, headers, reply = self._pass_on(body)
        if struck and fault.lose_reply:
            self._break()
            return
        self._answer(status, headers, reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        with contextlib.closing(connection):
            skip = {"transfer-encoding", "content-length", "connection"}
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():  # some, such as Accept, come several times
                if name.lower() not in skip:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            kept = [(k, v) for k, v in reply.getheaders() if k.lower() not in skip]
            if self.command == "HEAD" and reply.getheader("Content-Length"):
                kept.append(("Content-Length", reply.getheader("Content-Length") or "0"))
            return reply.status, kept, reply.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self._note(status)
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class WayOut:
    """A proxy as an organisation has one; whatever the name, the registry behind it is one.

    Port 5000 is reached with TLS as well, as clients try it; the registry has none.

    Attributes:
        asked: the hosts that it was asked for, with or without TLS.
    """

    def __init__(self, upstream: str, address: str) -> None:
        self.upstream, self.asked = upstream, set[str]()
        outer = self

        class Handler(_Handler):
            proxy = outer  # type: ignore[assignment]

            def _any(self) -> None:
                _, _, rest = self.path.partition("://")
                host, _, target = rest.partition("/")
                outer.asked.add(host)
                self.path = f"/{target}"
                status, headers, reply = self._pass_on(self._body())
                self._answer(status, headers, reply)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _any  # noqa: N815

            def do_CONNECT(self) -> None:
                outer.asked.add(self.path)
                if not self.path.endswith(":5000"):
                    self._answer(403, [], b"")
                    return
                host, port = outer.upstream.split(":")
                with socket.create_connection((host, int(port)), 30) as there:
                    self.send_response_only(200)
                    self.end_headers()
                    back = threading.Thread(target=_pump, args=(there, self.connection))
                    back.start()
                    _pump(self.connection, there)
                    back.join()
                self.close_connection = True

            def _note(self, status: int) -> None:
                """What was asked for is known already."""

        self.server = _Server((address, 0), Handler)
        self.address = f"http://{address}:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        """End the proxy."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Engine:
    """A Docker Engine with storage, sockets and a network bridge of its own."""

    def __init__(
        self,
        folder: Path,
        trusted: Path | None = None,
        *,
        config: Path | None = None,
        variables: dict[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            folder: for all that it has.
            trusted: authorities that it trusts, a file.
            config: a folder for the place of /etc/docker; it has a daemon.json.
            variables: more of its environment.
        """
        folder.mkdir(parents=True)
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.log = folder / "log"
        self.bridge = f"pw{os.getpid() % 100000}x{abs(hash(folder)) % 1000}"[:15]
        _bridge(_ADD, self.bridge)
        words = ["dockerd", f"--data-root={folder}/root", f"--exec-root={folder}/exec"]
        words += [f"--host=unix://{self.socket}", f"--pidfile={folder}/pid"]
        # A bridge of its own, and no changes to the machine's firewall.
        words += [f"--bridge={self.bridge}", "--iptables=false", "--ip6tables=false"]
        words += ["--ip-masq=false", "--ip-forward=false", "--userland-proxy=false"]
        # By the name of their control group its containers are found when it is gone.
        words.append(f"--cgroup-parent=/{self.bridge}")
        words += ["--max-concurrent-uploads=16"]
        if config:
            inside = 'mount --bind "$0" /etc/docker && exec "$@"'
            words = ["unshare", "--mount", "sh", "-c", inside, str(config), *words]
        else:
            words.append("--insecure-registry=127.0.0.0/8")
        env = {**os.environ, **(variables or {})}
        if trusted:
            env["SSL_CERT_FILE"] = str(trusted)
        with self.log.open("wb") as log:
            # A session of its own, so that Ctrl-C at the tests does not reach it before they end.
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, env=env, start_new_session=True
            )
        try:
            wait_for("the Docker Engine", self._answers)
        except TimeoutError:
            self.close()
            raise RuntimeError(f"dockerd did not start:\n{self.log.read_text()}") from None

    @property
    def env(self) -> dict[str, str]:
        """Give the environment by which a client finds it."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"dockerd did not start:\n{self.log.read_text()}")
        return b"OK" in self.get("/_ping")

    def get(self, path: str) -> bytes:
        """Ask the engine's API; b'' when it does not answer."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.socket))
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            parts = []
            while part := client.recv(65536):
                parts.append(part)
            return b"".join(parts)
        return b""

    def containers(self) -> int:
        """Count all containers, running or not."""
        return self.get("/v1.41/containers/json?all=1").count(b'"Image":')

    def processes(self) -> list[int]:
        """Give what it started: containerd and shims by folder, containers by control group."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = f"/{self.bridge}/".encode() in (path / "cgroup").read_bytes()
                if ours or bytes(self.folder) + b"/" in (path / "cmdline").read_bytes():
                    found.append(int(path.name))
        return [process for process in found if process != os.getpid()]

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it, with all that it started, mounted and added."""
        stop(self.process)
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_for("the end of all of the engine's processes", lambda: not self.processes())
        for mount in reversed(mounts_below(self.folder)):
            subprocess.run(["umount", "--lazy", mount], check=False)
        wait_for("the removal of the bridge", lambda: _bridge(_REMOVE, self.bridge))


def mounts_below(folder: Path, process: int | str = "self") -> list[str]:
    """Give the mount points below a folder, as a process sees them, the oldest first."""
    lines = Path(f"/proc/{process}/mounts").read_text().splitlines()
    points = [line.split()[1] for line in lines]
    return [point for point in points if Path(point) != folder and folder in Path(point).parents]


# linux/sockios.h
_ADD, _REMOVE, _FLAGS = 0x89A0, 0x89A1, 0x8914


def _bridge(request: int, name: str) -> bool:
    """Add or remove a network bridge, as brctl does; says whether it worked."""
    with socket.socket() as control:
        if request == _REMOVE:
            with contextlib.suppress(OSError):
                fcntl.ioctl(control, _FLAGS, struct.pack("16sH14x", name.encode(), 0))
        try:
            fcntl.ioctl(control, request, name.encode() + b"\0")
        except FileNotFoundError:
            return request == _REMOVE
        except OSError:
            return request == _REMOVE and not Path("/sys/class/net", name).exists()
    return True
