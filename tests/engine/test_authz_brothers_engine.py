# ruff: noqa: ANN001, ANN002, ANN201, ANN202 - fixtures and parameters
"""What else the engine does as root with paths in places that a pipeline writes, raced.

Everywhere a directory is swapped with a link to :data:`outside.OUTSIDE`, whose files say ``leak``.
Either nothing of the engine's is read or written because of how the engine does it, or a guard of
ours is in the way; the table in docs/explanation/dind-sidecar.md says which.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import time
from pathlib import Path

import engines
import pytest
from engines import WORKSPACE
from outside import OUTSIDE, TRIES, call, fresh, image, open_pods, remove, start

FILES = 200
#: Files are made once: it may be started again in the middle of a swap.
SWAP = (
    f"cd {{place}}; if [ ! -e e ] && [ ! -e d/v ]; then mkdir -p d; i=0; while [ $i -lt {FILES} ];"
    " do echo fine >d/f$i; i=$((i+1)); done; mkdir d/v; fi; echo ready; while :; do mv d e;"
    f" ln -s {OUTSIDE} d; sleep {{rest}}; rm d; mv e d; sleep {{rest}}; done"
)
open_pod = open_pods()


def ready(pod, *, bare=False):
    """A place outside whose files say leak, and an image."""
    pod.bare = bare
    lines = f"mkdir -p {OUTSIDE}; rm -rf {OUTSIDE}/*; cd {OUTSIDE}; i=0;"
    loop = f"while [ $i -lt {FILES} ]; do echo leak >f$i; i=$((i+1)); done; ls | wc -l"
    pod.inside("sh", "-c", lines + loop)
    image(pod, "small", files=1)
    return pod


@pytest.fixture(scope="module")
def policed(pod):
    return ready(pod)


def untouched(pod):
    """Nothing outside has become more, less or other, and nothing was mounted there."""
    said = pod.inside("sh", "-c", f"ls {OUTSIDE} | wc -l; cat {OUTSIDE}/* | sort -u")
    mounts = Path(f"/proc/{pod.processes['engine'].pid}/mounts").read_text("utf-8")
    return said == f"{FILES}\nleak\n".encode() and OUTSIDE not in mounts


def seen_outside(pod):
    """What is there, for the message of a test that fails."""
    mounts = Path(f"/proc/{pod.processes['engine'].pid}/mounts").read_text("utf-8")
    return pod.inside("ls", "-la", OUTSIDE)[:2000], [
        line for line in mounts.splitlines() if OUTSIDE in line
    ]


def swapper(pod, *binds, place="/", rest="0.001"):
    """A container that swaps a directory with a link outside."""
    one = start(pod, "small", SWAP.format(place=place, rest=rest), *binds)
    logs = f"/containers/{one}/logs?stdout=1&stderr=1"
    engines.wait_for(
        lambda: b"ready" in pod.call("GET", logs, direct=pod.bare).body, lambda: "not ready", 30
    )
    return one


def read(pod, target):
    return pod.call("GET", target, direct=pod.bare).body


def shown(pod, name):
    """What the files of an image say."""
    one = call(pod, "POST", "/containers/create", {"Image": name, "Cmd": ["true"]})["Id"]
    said = b"".join(read(pod, f"/containers/{one}/archive?path=/{place}") for place in "de")
    remove(pod, one)
    return said


def committed(pod, container, pause):
    """Whether an image of the container has something of the engine's."""
    made = call(pod, "POST", f"/commit?container={container}&repo=made&pause={pause}")
    leaks = "Id" in made and b"leak" in shown(pod, "made")
    pod.call("DELETE", "/images/made?force=1", direct=pod.bare)
    return leaks


def test_without_guards_a_commit_reads_files_of_the_engine(open_pod):
    """With the storage drivers of old engines; containerd's own keeps what it has looked up."""
    pod = ready(open_pod, bare=True)
    one = swapper(pod)
    leaks = any(committed(pod, one, 0) for _ in range(60 if pod.engine.old else TRIES))
    remove(pod, one)
    assert leaks is pod.engine.old


def test_the_gate_alone_commits_only_what_stands_still(open_pod):
    pod = ready(open_pod)
    one = swapper(pod)
    leaks = any(committed(pod, one, 0) for _ in range(TRIES))
    state = call(pod, "GET", f"/containers/{one}/json")["State"]
    remove(pod, one)
    assert not leaks
    assert (state["Running"], state["Paused"]) == (True, False)


@pytest.mark.parametrize("pause", [0, 1])
def test_a_commit_reads_nothing_of_the_engine_though_others_let_the_container_go(policed, pause):
    one, stop = swapper(policed), threading.Event()

    def wake():
        while not stop.is_set():
            for word in ("unpause", "start", "restart?t=0"):
                policed.call("POST", f"/containers/{one}/{word}")

    thread = threading.Thread(target=wake)
    thread.start()
    leaks = any(committed(policed, one, pause) for _ in range(TRIES))
    stop.set()
    thread.join()
    remove(policed, one)
    assert not leaks


def archive(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        info = tarfile.TarInfo(name)
        if content is None:
            info.type, info.linkname = tarfile.SYMTYPE, OUTSIDE
        elif content == b"":
            info.type, info.mode = tarfile.DIRTYPE, 0o755
        else:
            info.size = len(content)
        made.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


def put(pod, container, path, data):
    kind = {"Content-Type": "application/x-tar"}
    return pod.call("PUT", f"/containers/{container}/archive?path={path}", data, kind)


def test_files_copied_in_stay_inside(policed):
    one = swapper(policed, rest="0")
    data = archive("new", b"new")
    done = {put(policed, one, "/d", data).status for _ in range(TRIES)}
    remove(policed, one)
    assert 200 in done
    assert untouched(policed), seen_outside(policed)


def test_files_copied_out_are_the_containers(policed):
    one = swapper(policed, rest="0")
    found = [read(policed, f"/containers/{one}/archive?path=/d") for _ in range(TRIES)]
    remove(policed, one)
    assert any(b"fine" in data for data in found)
    assert not any(b"leak" in data for data in found)


def test_an_export_has_the_containers_files_only(policed):
    one = swapper(policed)
    found = [read(policed, f"/containers/{one}/export") for _ in range(TRIES)]
    remove(policed, one)
    assert not any(b"leak\n" in data for data in found)


def test_a_diff_names_files_of_the_container_only(policed):
    policed.inside("touch", f"{OUTSIDE}/only-outside")
    one = swapper(policed, rest="0")
    found = [read(policed, f"/containers/{one}/changes") for _ in range(TRIES)]
    remove(policed, one)
    policed.inside("rm", f"{OUTSIDE}/only-outside")
    assert any(b"/d/f1" in data for data in found)
    assert not any(b"only-outside" in data for data in found)


def test_mounts_of_a_copy_stay_inside(policed):
    """A volume's place in the container is swapped while the engine mounts it for a copy."""
    if policed.engine.old:
        pytest.skip("engines before 29.5.1 are known for it (CVE-2026-42306), and refused")
    volume = fresh()
    one = swapper(policed, f"{volume}:/d/v", rest="0")
    for _ in range(TRIES):
        policed.call("HEAD", f"/containers/{one}/archive?path=/etc")
    remove(policed, one)
    assert untouched(policed), seen_outside(policed)


def test_sub_paths_of_the_workspace_stay_inside(policed):
    """The pipeline's shell swaps a directory of the workspace while the engine mounts it."""
    if policed.engine.old:
        pytest.skip("sub-paths of volumes came with engine 26")
    place, stop = policed.place / "workspace" / "sub", threading.Event()
    place.mkdir(exist_ok=True)

    def swap():
        while not stop.is_set():
            place.rename(place.with_name("away"))
            place.symlink_to(OUTSIDE)
            place.unlink()
            place.with_name("away").rename(place)

    body = {"Image": "small", "Cmd": ["true"]}
    body["HostConfig"] = {"Binds": [f"{WORKSPACE}/sub:/data"]}
    one = call(policed, "POST", "/containers/create", body)["Id"]
    thread = threading.Thread(target=swap)
    thread.start()
    found = [read(policed, f"/containers/{one}/archive?path=/data") for _ in range(TRIES)]
    stop.set()
    thread.join()
    remove(policed, one)
    assert not any(b"leak" in data for data in found)
    assert untouched(policed), seen_outside(policed)


def test_mounts_inside_a_volume_stay_inside_at_each_start(policed):
    """runc makes places for mounts in a volume that another container swaps meanwhile."""
    volume, other = fresh(), fresh()
    attacker = swapper(policed, f"{volume}:/v", place="/v", rest="0")
    host = {"Binds": [f"{volume}:/v", f"{other}:/v/d/v"], "Tmpfs": {"/v/d/t": ""}}
    body = {"Image": "small", "Cmd": ["sh", "-c", "cat /v/d/f1"], "HostConfig": host}
    one = call(policed, "POST", "/containers/create", body)["Id"]
    for _ in range(TRIES):
        policed.call("POST", f"/containers/{one}/start")
        policed.call("POST", f"/containers/{one}/wait")
    said = read(policed, f"/containers/{one}/logs?stdout=1&stderr=1")
    remove(policed, one, attacker)
    assert b"leak" not in said
    if policed.engine.old:  # runc before 1.1.14 leaves an empty directory there (CVE-2024-45310)
        policed.run_inside("sh", "-c", f"rmdir {OUTSIDE}/*/")
    assert untouched(policed), seen_outside(policed)


def test_the_working_directory_is_made_inside(policed):
    """It is made at the start, while files are copied into the container."""
    body = {"Image": "small", "Cmd": ["true"], "WorkingDir": "/d/w"}
    one = call(policed, "POST", "/containers/create", body)["Id"]
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            put(policed, one, "/", archive("d", None))
            put(policed, one, "/", archive("d", b""))

    thread = threading.Thread(target=swap)
    thread.start()
    for _ in range(TRIES):
        policed.call("POST", f"/containers/{one}/start")
        policed.call("POST", f"/containers/{one}/wait")
    stop.set()
    thread.join()
    remove(policed, one)
    assert untouched(policed), seen_outside(policed)


def test_processes_begin_inside(policed):
    """exec and health checks enter a working directory that is swapped meanwhile."""
    one = swapper(policed, rest="0")
    said = []
    for _ in range(TRIES):
        body = {"Cmd": ["cat", "f1"], "WorkingDir": "/d", "AttachStdout": True}
        made = call(policed, "POST", f"/containers/{one}/exec", body)
        answer = policed.call(
            "POST",
            f"/exec/{made['Id']}/start",
            b'{"Detach": false, "Tty": false}',
            {"Content-Type": "application/json"},
        )
        said.append(answer.body)
    remove(policed, one)
    assert any(b"fine" in words for words in said)
    assert not any(b"leak" in words for words in said)


def test_health_checks_run_inside(policed):
    health = {"Test": ["CMD", "cat", "f1"], "Interval": 20_000_000, "Timeout": 9_000_000_000}
    body = {"Image": "small", "Cmd": ["sh", "-c", SWAP.format(place="/", rest="0")]}
    body.update(WorkingDir="/d", Healthcheck=health)
    one = call(policed, "POST", "/containers/create", body)["Id"]
    call(policed, "POST", f"/containers/{one}/start")
    said = {}

    def enough():
        state = call(policed, "GET", f"/containers/{one}/json")["State"]
        said.update({log["Start"]: log["Output"] for log in state["Health"]["Log"] or ()})
        return len(said) >= TRIES

    engines.wait_for(enough, lambda: f"only {len(said)} checks", 60 + TRIES)
    remove(policed, one)
    assert any("fine" in words for words in said.values())
    assert not any("leak" in words for words in said.values())


@pytest.mark.parametrize("way", ["import", "load"])
def test_files_of_an_archive_stay_in_the_layer_that_is_made_of_it(policed, way):
    """A link of the archive comes first, and then files behind it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        link = tarfile.TarInfo("d")
        link.type, link.linkname = tarfile.SYMTYPE, OUTSIDE
        made.addfile(link)
        made.addfile(tarfile.TarInfo("d/new"))
    layer, kind = buffer.getvalue(), {"Content-Type": "application/x-tar"}
    target = "/images/create?fromSrc=-&repo=made" if way == "import" else "/images/load?quiet=1"
    policed.call("POST", target, layer if way == "import" else saved(layer), kind)
    body = {"Image": "made", "Cmd": ["true"]}
    made = call(policed, "POST", "/containers/create", body).get("Id")  # unpacks it
    remove(policed, made)
    policed.call("DELETE", "/images/made?force=1")
    assert untouched(policed), seen_outside(policed)


def saved(layer):
    """An archive of ``docker save`` with one layer."""
    digest = hashlib.sha256(layer).hexdigest()
    config = {"architecture": "amd64", "os": "linux", "config": {}}
    config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    manifest = [{"Config": "c.json", "RepoTags": ["made:latest"], "Layers": ["l/layer.tar"]}]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (
            ("c.json", json.dumps(config).encode()),
            ("l/layer.tar", layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_a_volume_is_removed_without_following_links(policed):
    """A process that kept the directory open swaps in it while the engine removes the volume."""
    volume = fresh()
    attacker = swapper(policed, f"{volume}:/v", place="/v", rest="0")
    directory = policed.place / "data" / "volumes" / volume / "_data"
    for _ in range(TRIES):
        policed.call("DELETE", f"/volumes/{volume}?force=1")
    remove(policed, attacker)
    time.sleep(0.1)
    policed.call("DELETE", f"/volumes/{volume}?force=1")
    assert not directory.exists()
    assert untouched(policed), seen_outside(policed)
