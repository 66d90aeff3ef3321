"""Runs `podwright build` as a person would, and sees what it printed and what it left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hostservers import Engine, Registry, mounts_below, wait_for

# The user of every registry here. Its password has everything that shells, JSON and Basic
# authentication stumble over.
USER = "ci"
PASSWORD = "pw \"q\" 'a' $HOME \\ `id` %s {} é£漢:/@+="
MARK = "PODWRIGHT_HOST_TEST"
# What was walked through, and how many seconds it took.
WALKED = pytest.StashKey[list[tuple[str, float]]]()
# Directories that programs use whatever TMPDIR says. Each workspace has its own in their places, by
# a mount namespace, because the machine is not the tests' alone.
SHARED = {"shm": "/dev/shm", "vartmp": "/var/tmp"}  # noqa: S108

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]
ARG GREETING=hello
ARG NASTY
RUN /bin/busybox printf '%s\\n%s\\n' "$GREETING" "$NASTY" > /greeting
RUN /bin/busybox seq 1 40000 | /bin/busybox sha256sum > /sum
WORKDIR /srv
ENV COLOUR="light blue"
EXPOSE 8080
CMD ["/bin/busybox", "cat", "/greeting"]
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: its exit code, negative for a signal.
        out: all of stdout.
        log: all of stderr.
    """

    code: int
    out: str
    log: str

    @property
    def value(self) -> Any:
        """Give the result that it printed."""
        return json.loads(self.out)

    @property
    def last(self) -> str:
        """Give the last line of its talk."""
        lines = [line for line in self.log.splitlines() if line]
        return lines[-1] if lines else ""

    @property
    def said(self) -> list[str]:
        """Give podwright's own lines of the log."""
        return [line[12:] for line in self.log.splitlines() if line.startswith("[podwright] ")]


@dataclass
class Running:
    """A command under way."""

    process: subprocess.Popen[bytes]
    out: Path
    log: Path
    mark: str

    def talk(self) -> str:
        """Give what stderr has so far."""
        return self.log.read_text(errors="replace")

    def until(self, text: str) -> None:
        """Wait until the log holds a text; fails at once when the command ended before."""

        def seen() -> bool:
            if text in self.talk():
                return True
            if self.process.poll() is not None and text not in self.talk():
                raise AssertionError(f"ended without {text!r}:\n{self.talk()}")
            return False

        wait_for(f"{text!r} in the log", seen)

    def end(self, patience: float = 110) -> Outcome:
        """Wait for its end."""
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            for pid in marked(self.mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"took longer than {patience} s:\n{self.talk()}") from None
        return Outcome(code, self.out.read_text(), self.talk())


@dataclass
class Place:
    """A workspace with the directories that programs leave things in: all of its own.

    Attributes:
        root: everything is below it.
        env: further environment for every command.
    """

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        for name in ("work", "tmp", "home", "run", "storage", "logs", *SHARED):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.conf = self.root / "storage.conf"
        # overlay is what the sandbox and Debian's kernel can; vfs would copy every layer.
        self.conf.write_text(
            '[storage]\ndriver = "overlay"\n'
            f'graphroot = "{self.root}/storage/root"\nrunroot = "{self.root}/storage/run"\n'
        )
        self.count = 0
        binds = [f"mount --bind {self.root}/{name} {path}" for name, path in SHARED.items()]
        script = " && ".join([*binds, "echo ready", "exec sleep infinity"])
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        if not self.holder.stdout or self.holder.stdout.readline() != b"ready\n":
            raise RuntimeError("no mount namespace can be made here")

    def inside(self, *words: str) -> list[str]:
        """Give a command line that runs with the workspace's own shared directories."""
        enter = ["nsenter", f"--target={self.holder.pid}", "--mount"]
        return [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(self.work), *words]

    @property
    def work(self) -> Path:
        """Give the workspace."""
        return self.root / "work"

    def fill(self, dockerfile: str = DOCKERFILE, folder: str = ".") -> None:
        """Put a Dockerfile and the only program of the images into the workspace."""
        target = self.work / folder
        target.mkdir(parents=True, exist_ok=True)
        (target / "Dockerfile").write_text(dockerfile)
        with contextlib.suppress(FileExistsError):
            os.link(shutil.which("busybox") or "/bin/busybox", target / "busybox")

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """Give the whole environment of a command: nothing of the machine's but PATH."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "CONTAINERS_STORAGE_CONF": str(self.conf),
            "LANG": "C.UTF-8",
            MARK: self.mark,
            **self.env,
            **(extra or {}),
        }

    def start(
        self, request: dict[str, Any], *words: str, env: dict[str, str] | None = None
    ) -> Running:
        """Start `podwright build` with a request."""
        self.count += 1
        file = self.root / "logs" / f"{self.count}.json"
        file.write_text(json.dumps(request))
        return self.command("build", "--request", str(file), *words, env=env)

    def command(self, *words: str, env: dict[str, str] | None = None) -> Running:
        """Start a podwright command."""
        self.count += 1
        out, log = (self.root / "logs" / f"{self.count}.{name}" for name in ("out", "log"))
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                self.inside(sys.executable, "-m", "podwright", *words),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=self.environment(env),
                # A process group of its own, like that of a terminal: Ctrl-C goes to all of it.
                start_new_session=True,
            )
        return Running(process, out, log, self.mark)

    def build(
        self, request: dict[str, Any], *words: str, env: dict[str, str] | None = None
    ) -> Outcome:
        """Run `podwright build` to its end."""
        return self.start(request, *words, env=env).end()

    def tool(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Run another program in the same surroundings; gives its stdout."""
        done = subprocess.run(
            self.inside(*words),
            capture_output=True,
            text=True,
            env=self.environment(env),
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """End what a failed test left, and unmount what it mounted."""
        for pid in marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # The namespace and all mounts of it end with their last process.
        self.holder.kill()
        self.holder.wait()
        wait_for("the end of all processes", lambda: not marked(self.mark))
        if self.holder.stdout:
            self.holder.stdout.close()

    def leftovers(self, patience: float = 20) -> list[str]:
        """Give what a build left: processes, mounts, files, working containers; [] for nothing.

        Waits a little for processes that are on their way out.
        """
        until = time.monotonic() + patience
        while time.monotonic() < until and self._left():
            time.sleep(0.1)
        return self._left()

    def _left(self) -> list[str]:
        left = [f"process: {command_line(pid)}" for pid in marked(self.mark)]
        # The overlay driver keeps its own root mounted while it is in use by nobody, too.
        own = {str(self.root / "storage/root/overlay"), str(self.root / "work")}
        mounts = mounts_below(self.root, self.holder.pid)
        left += [f"mount: {point}" for point in mounts if point not in own]
        for name in ("tmp", "home", *SHARED):
            left += [f"file: {path}" for path in sorted((self.root / name).rglob("*"))]
        # Podman's locks are one file for all of its processes, for ever.
        left = [line for line in left if not line.endswith("/shm/libpod_lock")]
        containers = self.root / "storage/root/overlay-containers/containers.json"
        if containers.exists():
            names = [name for item in json.loads(containers.read_text()) for name in item["names"]]
            left += [f"container: {name}" for name in names]
        return left


def marked(mark: str) -> list[int]:
    """Give the processes that began in a place: their environment has its mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def command_line(pid: int) -> str:
    """Give the command line of a process; '' when it has ended."""
    with contextlib.suppress(OSError):
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return raw.replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


@dataclass(frozen=True)
class Way:
    """A way to build on this machine.

    Attributes:
        name: what the tests call it.
        builder: the strategy.
        env: what its programs need to be found.
        buildkit: whether BuildKit builds; it has its own exit codes and mounts.
    """

    name: str
    builder: str
    env: dict[str, str] = field(default_factory=dict)
    buildkit: bool = False

    def with_engine(self, engine: Engine) -> Way:
        """Give the way with an engine to talk to."""
        return replace(self, env={**self.env, **engine.env})


def _ways() -> list[Way]:
    """Find the ways: both of Docker's clients without buildx, when both are installed."""
    found = [Way(name, name) for name in ("buildah", "podman") if shutil.which(name)]
    seen = set()
    for folder in os.environ["PATH"].split(":"):
        client = Path(folder) / "docker"
        if not client.exists():
            continue
        words = [str(client), "--version"]
        version = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[
            2
        ]
        if version in seen:
            continue
        seen.add(version)
        major = int(version.split(".")[0])
        # Engines of the tests are Debian's; the clients' own BuildKit ended with version 23.
        buildkit = 18 < major < 23
        env = {"PATH": f"{folder}:{os.environ['PATH']}"}
        found.append(Way(f"docker-{major}", "dood", env, buildkit))
    return found


WAYS = _ways()


def request_for(registry: Registry | str, **more: Any) -> dict[str, Any]:
    """Give a request for an image of a registry over plain HTTP, with its password."""
    host = registry if isinstance(registry, str) else registry.host
    return {
        "image": f"{host}/team/app",
        "tags": ["1"],
        "registries": {host: {"http": True}},
        "credentials": [{"variable": "REG"}],
        **more,
    }
