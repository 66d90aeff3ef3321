"""No secret leaves a trace: not in logs, plans, process lists, layers, histories or files."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostrig import PASSWORD, USER, WAYS, Outcome, Place, Way, marked, request_for
from hostservers import Engine, Registry, wait_for
from marks import Marks, leaks_in, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

pytestmark = pytest.mark.engine
COPY_ONLY = "FROM scratch\nCOPY busybox /bin/busybox\n"
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]
RUN --mount=type=secret,id=from-env --mount=type=secret,id=from-file \\
    /bin/busybox cat /run/secrets/from-env /run/secrets/from-file | /bin/busybox wc -c > /seen
RUN --mount=type=ssh /bin/busybox test -S "$SSH_AUTH_SOCK"
"""


class Watch:
    """Reads the command lines of all processes, as often as it can."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.seen: set[bytes] = set()
        self.leaks: set[str] = set()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        own = str(os.getpid())
        while not self.done.is_set():
            for name in os.listdir("/proc"):  # noqa: PTH208 - twice as fast, and speed counts here
                if name.isdigit() and name != own:
                    with (
                        contextlib.suppress(OSError),
                        Path(f"/proc/{name}/cmdline").open("rb") as f,
                    ):
                        self._check(f.read())

    def _check(self, line: bytes) -> None:
        if line and line not in self.seen:
            self.seen.add(line)
            self.leaks |= {f"{name} in {line!r}" for name in self.marks.found(line)}

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


SECRET_WAYS = [way for way in WAYS if way.builder != "dood" or way.buildkit]


@pytest.mark.parametrize("chosen", SECRET_WAYS, ids=lambda way: way.name)
def test_no_secret_of_a_build_is_found_anywhere_afterwards(
    tmp_path: Path, places: Callable[[str], Place], engine: Engine, chosen: Way
) -> None:
    marks = Marks()
    registry = Registry(tmp_path / "registry", {USER: marks.password})
    place = places("place")
    place.fill(DOCKERFILE)
    given = tmp_path / "given"
    given.mkdir()
    (given / "token").write_text(marks.file)
    (given / "key").write_text(marks.key)
    (given / "key").chmod(0o600)
    asked = request_for(
        registry,
        builder=chosen.builder,
        secrets=[
            {"id": "from-env", "env": "TOKEN"},
            {"id": "from-file", "src": str(given / "token")},
        ],
        ssh=[{"src": str(given / "key")}],
    )
    env = {**engine.env, **chosen.env, "REG_PSW": marks.password, "TOKEN": marks.env}
    build, plan, watch = _run(place, asked, env, marks)
    registry.close()

    assert build.code == 0, build.log
    assert plan.code == 0, plan.log
    size = len(marks.env.encode()) + len(marks.file.encode())
    assert f"{size}\n".encode() in b"".join(unpacked(b.read_bytes()) for b in registry.blobs())
    assert any(b"\0push\0" in line for line in watch.seen), "the watch saw no process of the build"
    assert watch.leaks == set()
    for text in (build.log, build.out, plan.log, plan.out):
        assert marks.found(text.encode()) == set()
    # The registry's storage: layers, configs with their histories, manifests.
    assert len(registry.blobs()) >= 4
    assert leaks_in(marks, registry.storage) == []
    # What the build had in hand: workspace, home, /dev/shm, temporary files, all storages.
    assert leaks_in(marks, place.root) == []
    assert leaks_in(marks, engine.folder) == []
    assert leaks_in(marks, Path("/dev/shm")) == []  # noqa: S108
    assert place.leftovers() == []


def _run(
    place: Place, asked: dict[str, object], env: dict[str, str], marks: Marks
) -> tuple[Outcome, Outcome, Watch]:
    """Build and plan under watch."""
    with Watch(marks) as watch:
        build = place.build(asked, env=env)
        file = place.root / "logs/1.json"
        plan = place.command("plan", "--request", str(file), env=env).end()
    return build, plan, watch


def test_a_failing_build_with_secrets_leaves_none(
    tmp_path: Path, places: Callable[[str], Place], way: Way
) -> None:
    marks = Marks()
    registry = Registry(tmp_path / "registry", {USER: "another"})
    place = places("place")
    place.fill("FROM scratch\nCOPY busybox /bin/busybox\n")
    env = {**way.env, "REG_PSW": marks.password, "TOKEN": marks.env}
    with Watch(marks) as watch:
        done = place.build(request_for(registry, builder=way.builder), env=env)
    registry.close()
    assert done.code != 0
    assert (watch.leaks, marks.found(done.log.encode())) == (set(), set())
    assert leaks_in(marks, place.root, registry.storage) == []
    assert place.leftovers() == []


ENDINGS = {
    "abort": signal.SIGTERM,
    "interrupt": signal.SIGINT,
    "hangup": signal.SIGHUP,
    "killed": signal.SIGKILL,
    "timeout": None,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_no_ending_leaves_a_login_of_any_form(
    tmp_path: Path, places: Callable[[str], Place], builder: str, ending: str
) -> None:
    """Logins by password, token, file and of the person, while a step runs; then a next build."""
    marks, place = Marks(), places("place")
    registry = Registry(tmp_path / "registry", {USER: "another"})
    place.fill(f'{COPY_ONLY}RUN ["/bin/busybox", "sleep", "300"]\n')
    given = place.root / "logs" / "config.json"
    token = base64.b64encode(f"u:{marks.file}".encode()).decode()
    given.write_text(json.dumps({"auths": {"file.example": {"auth": token}}}))
    logins = [
        {"variable": "REG"},
        {"type": "string", "variable": "TOKEN", "username": "u", "registry": "token.example"},
        {"type": "file", "variable": "FILE"},
    ]
    asked = request_for(registry, builder=builder, credentials=logins)
    if ending == "timeout":
        asked["timeout"] = "10s"
    env = {"REG_PSW": marks.password, "TOKEN": marks.env, "FILE": str(given)}
    with Watch(marks) as watch:
        running = place.start(asked, env=env)
        running.until("sleep")
        number = ENDINGS[ending]
        if number == signal.SIGKILL:
            for pid in marked(place.mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif number:
            os.killpg(running.process.pid, number)
        done = running.end()
        if number == signal.SIGKILL:  # nobody could clear up: the next build does
            place.fill("FROM scratch\nCOPY busybox /bin/busybox\n")
            place.build(request_for(registry, builder=builder, credentials=[], retries=0))
    registry.close()
    assert done.code != 0
    assert (watch.leaks, marks.found(done.log.encode())) == (set(), set())
    found = leaks_in(marks, place.root, registry.storage, known=(given,))
    assert found == []


def test_the_search_finds_each_secret_in_each_form(tmp_path: Path) -> None:
    marks = Marks()
    for name, text in marks.plain.items():
        quoted = urllib.parse.quote(text, safe="").encode()
        login = base64.b64encode(f"user:{text}".encode())
        for data in (text.encode(), quoted, login, gzip.compress(b"x" + text.encode())):
            (tmp_path / "file").write_bytes(b"before" + data if data[:2] != b"\x1f\x8b" else data)
            assert leaks_in(marks, tmp_path) == [f"{name} in {tmp_path / 'file'}"]
    program = shutil.which("sleep") or "sleep"
    with Watch(marks) as watch:
        subprocess.run([program, "0.3", "--help", marks.env], capture_output=True, check=False)
        subprocess.run(["sh", "-c", "sleep 0.5; :", marks.env], check=False)
    assert len(watch.leaks) >= 1


LOOK_AROUND = (
    'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /dev/shm/podwright.*/*/config.json '
    "/run/podwright*/*/config.json /run/podwright.*/*/config.json /proc/[0-9]*/environ; "
    '/bin/busybox true"]\n'
)


def test_a_step_cannot_read_the_logins(place: Place, registry: Registry, way: Way) -> None:
    place.fill(f"{COPY_ONLY}{LOOK_AROUND}")
    done = place.build(request_for(registry, builder=way.builder, cache=False), env=way.env)
    assert done.code == 0, done.log
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert token not in done.log
    assert PASSWORD not in done.log


def test_a_reader_that_goes_away_leaves_no_login_behind(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(f'{COPY_ONLY}RUN ["/bin/busybox", "seq", "1", "20000"]\n')
    file = place.root / "logs" / "request.json"
    asked = request_for(registry, builder=way.builder, cache=False)
    file.write_text(json.dumps(asked))
    words = [sys.executable, "-m", "podwright", "build", "--request", str(file)]
    script = f"{shlex.join(words)} 2>&1 | head -2"
    place.tool("sh", "-c", script, env=way.env)
    wait_for("the end of the build", lambda: not place.leftovers(0))
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    for path in place.root.rglob("config.json"):
        assert token not in path.read_bytes()
    assert not list((place.root / "run").glob("podwright.*"))
