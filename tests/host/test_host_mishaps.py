"""What goes wrong on a machine ends in one clear sentence, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import USER, WAYS, Place, Way, command_line, marked, request_for
from hostservers import Engine, Fault, FaultProxy, Registry, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.engine
COPY_ONLY = "FROM scratch\nCOPY busybox /bin/busybox\n"
NEVER = "127.0.0.1:1"  # a registry that is not there


def sleeper(place: Place) -> str:
    """Make a build that hangs in a step; gives what nobody else's command line has."""
    nap = str(random.randrange(10**6, 10**7))  # noqa: S311 - a name, not a secret
    place.fill(
        f'{COPY_ONLY}RUN ["/bin/busybox", "sh", "-c", '
        f'"echo started-$((40+2)); /bin/busybox sleep {nap}; exit 3"]\n'
    )
    return nap


def runs(text: str) -> list[str]:
    """Give the command lines on the whole machine that hold a text."""
    lines = [command_line(int(path.name)) for path in Path("/proc").glob("[0-9]*")]
    return [line for line in lines if text in line]


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a misspelt parameter": (
        {"buildArg": {"A": "1"}},
        ["unknown parameter 'buildArg'; did you mean 'buildArgs'?"],
    ),
    "an empty name": ({"image": ""}, ["image: '' is not a valid image name: it is empty"]),
    "a name with capitals": (
        {"image": f"{NEVER}/Team/App"},
        [
            (
                f"image: '{NEVER}/Team/App' is not a valid image name: repositories are lower "
                f"case; "
                f"'{NEVER}/team/app' would be one"
            )
        ],
    ),
    "a branch as a tag": (
        {"tags": ["feature/$(reboot)"]},
        [
            (
                "tags[0]: 'feature/$(reboot)' is not a valid tag (1 to 128 letters, digits, "
                "'_', '.' and "
                "'-', not beginning with '.' or '-'); 'feature-reboot' would be one"
            )
        ],
    ),
    "a tag twice": ({"tags": ["1", "1"]}, ["tags: '1' is given twice"]),
    "no Dockerfile": (
        {"dockerfile": "nowhere/Dockerfile"},
        [
            (
                "dockerfile: there is no file 'nowhere/Dockerfile' in the workspace; check out "
                "first, or name it with 'dockerfile'"
            )
        ],
    ),
    "a context above the workspace": (
        {"context": ".."},
        ["context: '..' lies outside the workspace; name a folder below it"],
    ),
    "a context behind a link": (
        {"context": "link"},
        ["context: 'link' lies outside the workspace; name a folder below it"],
    ),
    "an unknown builder": (
        {"builder": "buildha"},
        ["builder: unknown builder 'buildha'; did you mean 'buildah'?"],
    ),
    "a builder that lives in its own container": (
        {"builder": "kaniko"},
        None,  # type: ignore[dict-item] # its sentence names all others, which grow
    ),
    "a build argument that is no identifier": (
        {"buildArgs": {"A-B": "1"}},
        ["buildArgs: 'A-B' is not an identifier (letters, digits, '_')"],
    ),
    "a megabyte of build arguments": (
        {"buildArgs": {"A": "x" * 2**20}},
        [
            (
                "buildArgs.A: is 1048578 bytes long, a command line takes at most 131071; "
                "put it into a file of the context"
            )
        ],
    ),
    "a Jenkins credential outside Jenkins": (
        {"credentials": ["my-login"]},
        [
            (
                "credentials[0]: a Jenkins credential exists in Jenkins only; outside it give "
                "'variable' (the prefix of <it>_USR and <it>_PSW), or log in beforehand"
            )
        ],
    ),
    "two mistakes at once": (
        {"tags": ["-"], "context": "gone"},
        [
            (
                "tags[0]: '-' is not a valid tag (1 to 128 letters, digits, '_', '.' and '-', "
                "not beginning "
                "with '.' or '-'); 'latest' would be one"
            ),
            (
                "context: there is no folder 'gone' in the workspace; check out first, or correct "
                "the path"
            ),
        ],
    ),
}


@pytest.fixture(scope="module")
def quiet_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A workspace in which nothing is ever built."""
    made = Place(tmp_path_factory.mktemp("quiet") / "p")
    made.fill()
    (made.work / "link").symlink_to("/etc")
    yield made
    made.close()


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_request_is_refused_before_anything_starts(quiet_place: Place, mistake: str) -> None:
    change, sentences = REFUSED[mistake]
    asked = request_for(NEVER, builder="buildah", credentials=[])
    done = quiet_place.build({**asked, **change})
    assert (done.code, done.out) == (2, "")
    if sentences is None:
        assert done.log.startswith("podwright build: builder: 'kaniko' runs in its own container")
        assert done.log.count("\n") == 1
    else:
        # Line and column of the request's file, where the mistake stands in it.
        said = re.sub(r"(podwright build: )\S+\.json:1:[0-9]+: ", r"\1", done.log)
        assert said.splitlines() == [f"podwright build: {line}" for line in sentences]
    assert quiet_place.leftovers() == []


def test_a_broken_config_file_is_told_with_line_and_column(place: Place) -> None:
    (place.work / ".podwright.yaml").write_text("defaults:\n  retries: [3\n")
    done = place.build(request_for(NEVER, builder="buildah", credentials=[]))
    assert (done.code, done.log.splitlines()) == (
        2,
        [
            (
                "podwright build: .podwright.yaml:3:1: not valid YAML: expected ',' or ']', but "
                "got '<stream end>'"
            )
        ],
    )


def test_a_missing_secret_ends_before_the_build(place: Place, way: Way) -> None:
    place.fill(COPY_ONLY)
    asked = request_for(NEVER, builder=way.builder, secrets=[{"id": "token", "env": "TOKEN"}])
    done = place.build(asked, env=way.env)
    assert (done.code, done.log.splitlines()) == (
        2,
        [
            f"podwright build: building with {way.builder}",
            (
                "[podwright] ERROR: secret 'token': the environment variable TOKEN is not set; set "
                "it, or name a credential"
            ),
        ],
    )
    assert place.leftovers() == []


def test_an_engine_that_is_not_there_is_named(place: Place) -> None:
    place.fill(COPY_ONLY)
    host = f"unix://{place.root}/gone.sock"
    done = place.build(request_for(NEVER, builder="dood"), env={"DOCKER_HOST": host})
    assert (done.code, done.last) == (
        1,
        (
            f"[podwright] ERROR: no Docker Engine answers at {host}; start one, or use a strategy "
            "without an engine"
        ),
    )
    assert place.leftovers() == []


def test_a_registry_that_is_not_there_is_named(place: Place, way: Way) -> None:
    place.fill(COPY_ONLY)
    done = place.build(request_for(NEVER, builder=way.builder, retries=0), env=way.env)
    assert (done.code, done.last) == (
        1,
        (
            f"[podwright] ERROR: pushing {NEVER}/team/app:1: nothing listens at {NEVER} "
            "(connection refused); check the registry's name and port, and whether it runs"
        ),
    )
    assert place.leftovers() == []


def test_a_password_with_a_newline_logs_in(
    tmp_path: Path, places: Callable[[str], Place], engine: Engine
) -> None:
    password = 'one\ntwo "three"\r\n\tfour'
    registry = Registry(tmp_path / "registry", {USER: password})
    place = places("newline")
    place.fill(COPY_ONLY)
    codes = []
    for way in WAYS:
        env = {**engine.env, **way.env, "REG_PSW": password}
        done = place.build(request_for(registry, builder=way.builder), env=env)
        codes.append((way.name, done.code))
        assert "three" not in done.log
    registry.close()
    assert codes == [(way.name, 0) for way in WAYS]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_an_aborted_build_leaves_nothing(
    place: Place, registry: Registry, way: Way, sent: signal.Signals, engine: Engine
) -> None:
    nap = sleeper(place)
    build = place.start(request_for(registry, builder=way.builder), env=way.env)
    build.until("started-42")
    # A terminal sends Ctrl-C to the whole group, `kill` its signal to the command alone.
    if sent == signal.SIGINT:
        os.killpg(build.process.pid, sent)
    else:
        build.process.send_signal(sent)
    done = build.end()
    code, sentence = {
        signal.SIGTERM: (143, "the build was aborted"),
        signal.SIGINT: (130, "the build was interrupted"),
    }[sent]
    assert (done.code, done.out) == (code, ""), done.log
    assert done.last == f"[podwright] ERROR: {sentence}"
    wait_for("the end of the step", lambda: not runs(nap))
    wait_for("the removal of the engine's container", lambda: not engine.containers())
    assert place.leftovers() == []


@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_an_abort_removes_the_working_containers_of_this_build_alone(
    place: Place, registry: Registry, builder: str
) -> None:
    theirs = place.tool("buildah", "from", "scratch").strip()
    sleeper(place)
    build = place.start(request_for(registry, builder=builder))
    build.until("started-42")
    build.process.send_signal(signal.SIGTERM)
    assert build.end().code == 143
    listed = place.tool("buildah", "containers", "--format", "{{.ContainerName}}")
    assert listed.split() == [theirs]


def test_a_push_that_is_aborted_leaves_nothing(place: Place, proxy: FaultProxy, way: Way) -> None:
    place.fill(COPY_ONLY)
    proxy.fault = Fault(delay=60, methods=("POST", "HEAD"))
    build = place.start(request_for(proxy.host, builder=way.builder), env=way.env)
    wait_for("the push", lambda: proxy.fault.met)
    build.process.send_signal(signal.SIGTERM)
    done = build.end()
    assert (done.code, done.last) == (143, "[podwright] ERROR: the build was aborted")
    assert place.leftovers() == []


def test_an_abort_ends_the_pause_before_a_next_try(place: Place, proxy: FaultProxy) -> None:
    place.fill(COPY_ONLY)
    proxy.fault = Fault(status=503, seconds=600)
    build = place.start(request_for(proxy.host, builder="buildah"))
    build.until("looks transient; try 2")
    build.process.send_signal(signal.SIGTERM)
    done = build.end()
    assert (done.code, done.last) == (143, "[podwright] ERROR: the build was aborted")
    assert place.leftovers() == []


def test_a_build_that_takes_too_long_is_ended(place: Place, registry: Registry, way: Way) -> None:
    nap = sleeper(place)
    done = place.build(request_for(registry, builder=way.builder, timeout="3s"), env=way.env)
    assert (done.code, done.last) == (
        124,
        (
            "[podwright] ERROR: the build took longer than its timeout of 3 s; raise 'timeout' or "
            "look above for what it waited for"
        ),
    )
    wait_for("the end of the step", lambda: not runs(nap))
    assert place.leftovers() == []


def builder_process(place: Place, program: str) -> int:
    """Find the process of the running step that does the work: the client itself."""
    found = [pid for pid in marked(place.mark) if Path(f"/proc/{pid}/comm").exists()]
    ours = [pid for pid in found if command_line(pid).split(" ")[0].endswith(program)]
    return min(ours)


def test_a_buildah_that_is_killed_is_told_and_leaves_no_process(
    place: Place, registry: Registry
) -> None:
    nap = sleeper(place)
    build = place.start(request_for(registry, builder="buildah"))
    build.until("started-42")
    os.kill(builder_process(place, "buildah"), signal.SIGKILL)
    done = build.end()
    image = f"{registry.host}/team/app"
    assert (done.code, done.last) == (
        137,
        (
            f"[podwright] ERROR: building {image}: was killed from outside, by the memory limit "
            "most of the time; raise the limit of the container or look at the pod's events"
        ),
    )
    wait_for("the end of the step", lambda: not runs(nap))
    assert place.leftovers() == []


@pytest.mark.parametrize("way", [w for w in WAYS if w.builder == "dood"], ids=lambda w: w.name)
def test_an_engine_that_is_killed_ends_the_build(
    tmp_path: Path, place: Place, registry: Registry, way: Way
) -> None:
    with contextlib.closing(Engine(tmp_path / "e")) as own:
        nap = sleeper(place)
        build = place.start(request_for(registry, builder="dood"), env=way.with_engine(own).env)
        build.until("started-42")
        own.kill()
        done = build.end()
    wait_for("the end of the engine's container", lambda: not runs(nap))
    image = f"{registry.host}/team/app"
    start = f"[podwright] ERROR: building {image}: the engine went away while it worked; "
    assert (done.code, done.last[: len(start)]) == (1, start)
    assert place.leftovers() == []


def test_a_full_workspace_is_told(places: Callable[[str], Place], registry: Registry) -> None:
    place = places("full")
    size = place.work.parent.joinpath("busybox")
    size.write_bytes(Path("/bin/busybox").read_bytes())
    mount = ("mount", "-t", "tmpfs", "-o", "size=2200k", "tmpfs", str(place.work))
    subprocess.run(place.inside(*mount), check=True)
    place.tool("sh", "-c", 'cp ../busybox . && printf "%s" "$0" >Dockerfile', COPY_ONLY)
    done = place.build(request_for(registry, builder="buildah", output="out.tar", push=False))
    start = "[podwright] ERROR: writing out.tar: a disk is full; "
    assert (done.code, done.last[: len(start)]) == (1, start)
    assert "no space left on device" in done.log
    assert place.leftovers() == []


def test_a_full_temporary_directory_is_told(place: Place, registry: Registry, way: Way) -> None:
    place.fill(COPY_ONLY)
    for target in (f"{place.root}/tmp", f"{place.root}/run", "/run", "/dev/shm"):  # noqa: S108
        mount = place.inside("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=2", "tmpfs", target)
        subprocess.run(mount, check=True)
        subprocess.run(place.inside("sh", "-c", f"echo full > {target}/full"), check=True)
    done = place.build(request_for(registry, builder=way.builder), env=way.env)
    assert (done.code, done.log.splitlines()) == (
        1,
        [
            f"podwright build: building with {way.builder}",
            (
                "[podwright] ERROR: no temporary directory can be made in "
                f"{place.root / 'tmp'}; is the disk full?"
            ),
        ],
    )


def test_a_storage_that_fills_up_is_told(place: Place, registry: Registry) -> None:
    place.fill(
        f'{COPY_ONLY}RUN ["/bin/busybox", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=40"]\n'
    )
    mount = ("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", f"{place.root}/storage")
    subprocess.run(place.inside(*mount), check=True)
    done = place.build(request_for(registry, builder="buildah"))
    image = f"{registry.host}/team/app"
    start = f"[podwright] ERROR: building {image}: a disk is full; "
    assert (done.code, done.last[: len(start)]) == (1, start)
    assert "No space left on device" in done.log
