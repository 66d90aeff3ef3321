# ruff: noqa: ANN001, ANN002, ANN201, ANN202 - fixtures and parameters
"""The engine fills volumes from images as root: nobody else may write them meanwhile.

Each way out is first shown at an engine without plugin and gate, so that no test can pass for a
wrong reason. A way out is a file of the image that appears in a directory of the engine, to which
only links in a volume lead.
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import threading

import engines
import pytest
from outside import (
    DIRECTORIES,
    LINKS,
    OUTSIDE,
    PLANT,
    TRIES,
    WAIT,
    call,
    create,
    escaped,
    fresh,
    open_pods,
    prepare,
    remove,
    start,
)

# -- the ways out: each is tried once, and leaves nothing but what is outside -----------------
# The turn says who comes first: the attacker, or both at once.


@contextlib.contextmanager
def aside(function):
    """Do something beside; gives an event that is set when it is done."""
    done = threading.Event()

    def run():
        try:
            function()
        finally:
            done.set()

    thread = threading.Thread(target=run)
    thread.start()
    yield done
    thread.join()


def shared(pod, turn, host):
    """A container writes the volume while another one that names it is created."""
    volume, both = fresh(), []

    def attack():
        both.append(start(pod, "small", WAIT, f"{volume}:/v:nocopy"))

    with aside(attack) if turn % 2 else contextlib.nullcontext(attack()):
        both.append(create(pod, "big", **host(volume)))
    remove(pod, *both)
    call(pod, "DELETE", f"/volumes/{volume}")


def by_name(pod, turn):
    """The volume is named in the short form."""
    shared(pod, turn, lambda volume: {"Binds": [f"{volume}:/data"]})


def by_mount(pod, turn):
    """The same with the long form."""
    mount = {"Type": "volume", "Target": "/data"}
    shared(pod, turn, lambda volume: {"Mounts": [{**mount, "Source": volume}]})


def names(pod):
    return {one["Name"] for one in call(pod, "GET", "/volumes")["Volumes"] or ()}


def attack_new(pod, before, done):
    """Mount a volume as soon as it is listed."""
    while not done.is_set():
        for name in names(pod) - before:
            attacker = start(pod, "small", WAIT, f"{name}:/v:nocopy")
            done.wait()
            remove(pod, attacker)
            return
        done.wait(0.005)  # else asking is all that happens


def nameless(pod, _):
    """The image's VOLUME, whose name is read while it is being filled."""
    before, made = names(pod), []
    with aside(lambda: made.append(create(pod, "big-volume"))) as done:
        attack_new(pod, before, done)
    remove(pod, *made)


def workspace(pod, _):
    """The pipeline's own shell writes in the workspace; no second container is needed."""
    place, stop = pod.place / "workspace", threading.Event()
    mount = {"Type": "volume", "Source": "workspace", "Target": "/data"}
    if not pod.engine.old:  # which knows no sub-paths
        place /= "ws"
        mount["VolumeOptions"] = {"Subpath": "ws"}
    engines.shutil.rmtree(pod.place / "workspace" / "ws")
    place.mkdir(exist_ok=True)
    place.chmod(0o777)

    def plant():
        while not stop.is_set() and not any(place.iterdir()):
            pass
        for one in DIRECTORIES:
            with contextlib.suppress(FileExistsError):
                (place / one).symlink_to(OUTSIDE)

    thread = threading.Thread(target=plant)
    thread.start()
    victim = create(pod, "big", Mounts=[mount])
    stop.set()
    thread.join()
    remove(pod, victim)
    for one in place.iterdir():
        one.unlink() if one.is_symlink() else engines.shutil.rmtree(one)
    (pod.place / "workspace" / "ws").mkdir(exist_ok=True)


def context():
    buffer, text = io.BytesIO(), b'FROM big-volume\nRUN ["true"]\n'
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    return buffer.getvalue()


def classic(pod, _):
    """The classic builder makes containers of an image with a VOLUME."""
    before = names(pod)
    headers = {"Content-Type": "application/x-tar"}

    def build():
        answer = pod.call("POST", "/build?nocache=1", context(), headers, direct=pod.bare)
        assert answer.status == 200, answer
        assert pod.bare or b"Successfully built" in answer.body, answer

    with aside(build) as done:
        attack_new(pod, before, done)


WAYS = (by_name, by_mount, nameless, workspace, classic)
TITLES = [way.__name__ for way in WAYS]


open_pod = open_pods()


@pytest.mark.parametrize("way", WAYS, ids=TITLES)
def test_without_guards_there_is_a_way_out(open_pod, way):
    open_pod.bare = True
    for turn in range(0, 20, 2):
        way(open_pod, turn)
        if escaped(open_pod):
            break
    assert escaped(open_pod)
    open_pod.inside("sh", "-c", f"rm -rf {OUTSIDE}/*")


@pytest.mark.parametrize("way", WAYS, ids=TITLES)
def test_the_gate_alone_closes_it(open_pod, way):
    """No plugin is asked: it could as well allow everything."""
    open_pod.bare = False
    for turn in range(max(2, TRIES // 10)):
        way(open_pod, turn)
    assert not escaped(open_pod)


@pytest.fixture(scope="module")
def policed(pod):
    yield prepare(pod)
    for name in ("big", "small", "big-volume", "small-volume"):
        pod.docker("rmi", "-f", name)


@pytest.mark.parametrize("way", WAYS, ids=TITLES)
def test_plugin_and_gate_close_it(policed, way):
    for turn in range(TRIES):
        way(policed, turn)
    assert not escaped(policed)


def test_the_plugin_alone_takes_no_creation_but_from_the_gate(policed):
    body = {"Image": "small", "HostConfig": {"Binds": ["some:/v"]}}
    commit = "/commit?container=small&repo=a"
    for target, value in (("/containers/create", body), ("/build", None), (commit, {})):
        data = b"" if value is None else json.dumps(value).encode()
        kind = {"Content-Type": "application/x-tar" if value is None else "application/json"}
        for headers in (kind, {**kind, "X-Podwright-Gate": "0" * 32}):
            answer = policed.call("POST", target, data, headers, direct=True)
            assert "[gate.seal]" in answer.message


def test_the_plugin_alone_lets_nobody_fill_the_workspace(policed):
    mount = {"Type": "volume", "Source": "workspace", "Target": "/data"}
    for host in ({"Binds": ["workspace:/data"]}, {"Mounts": [mount]}):
        body = {"Image": "small", "HostConfig": host}
        answer = policed.json("POST", "/containers/create", body, direct=True)
        assert "[container.copy]" in answer["message"]


def test_a_writer_that_never_rests_gets_nothing_out(policed):
    """Volumes are new, then old; the image is small, so that the tries are quick."""
    volume = fresh()
    attacker = start(policed, "small", PLANT, f"{volume}:/v:nocopy")
    made = []
    for number in range(TRIES):
        mount = {"Type": "volume", "Source": volume, "Target": "/data"}
        host = {"Binds": [f"{volume}:/data"]} if number % 2 else {"Mounts": [mount]}
        made.append(create(policed, "small", **host))
    remove(policed, attacker, *made)
    assert not escaped(policed)


def test_names_read_while_containers_are_created_get_nothing_out(policed):
    """Two clients: one creates, the other one mounts each volume that it sees."""
    seen, made, stop = names(policed), [], threading.Event()

    def follow():
        while not stop.is_set():
            for name in names(policed) - seen:
                seen.add(name)
                made.append(start(policed, "small", LINKS, f"{name}:/v:nocopy"))

    thread = threading.Thread(target=follow)
    thread.start()
    for _ in range(TRIES):
        remove(policed, create(policed, "small-volume"))
    stop.set()
    thread.join()
    remove(policed, *made)
    assert not escaped(policed)


def test_a_directory_kept_open_after_its_container_is_no_way_out(policed):
    """A process may hand an open directory on, so a volume that somebody had is never filled."""
    volume = fresh()
    one = start(policed, "small", "sleep 1000", f"{volume}:/v:nocopy")
    remove(policed, one)
    victim = create(policed, "small", Binds=[f"{volume}:/data"])
    mounts = call(policed, "GET", f"/containers/{victim}/json")["HostConfig"]["Binds"]
    remove(policed, victim)
    assert mounts == [f"{volume}:/data:nocopy"]


# -- what pipelines do must go on -------------------------------------------------------------


def listing(pod, *binds, name="small"):
    body = {"Image": name, "Cmd": ["ls", "/data"], "HostConfig": {"Binds": list(binds)}}
    one = call(pod, "POST", "/containers/create", body)["Id"]
    call(pod, "POST", f"/containers/{one}/start")
    call(pod, "POST", f"/containers/{one}/wait")
    shown = pod.docker("logs", one).stdout.decode()
    call(pod, "DELETE", f"/containers/{one}?force=1")
    return shown.split()


def test_a_new_volume_is_filled_from_the_image_and_kept(policed):
    volume = fresh()
    assert listing(policed, f"{volume}:/data") == sorted(DIRECTORIES)
    assert listing(policed, f"{volume}:/data") == sorted(DIRECTORIES)


def test_a_volume_made_first_is_filled_from_the_image(policed):
    """As compose does it."""
    volume = fresh()
    for _ in range(2):
        call(policed, "POST", "/volumes/create", {"Name": volume, "Labels": {"a": "b"}})
    missing = {"Image": "no-such-image", "HostConfig": {"Binds": [f"{volume}:/data"]}}
    assert "No such image" in call(policed, "POST", "/containers/create", missing)["message"]
    assert listing(policed, f"{volume}:/data") == sorted(DIRECTORIES)


def test_volumes_without_a_name_are_filled(policed):
    assert listing(policed, name="small-volume") == sorted(DIRECTORIES)


def test_several_containers_share_a_volume(policed):
    volume = fresh()
    writer = start(policed, "small", "echo x >/v/f; sleep 1000", f"{volume}:/v")
    engines.wait_for(lambda: listing(policed, f"{volume}:/data") == ["f"], lambda: "no file", 20)
    remove(policed, writer)


def test_containers_may_be_created_by_many_clients_at_once(policed):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(listing(policed, f"{fresh()}:/data")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [sorted(DIRECTORIES)] * 8


def test_a_build_of_the_classic_builder_and_containers_go_on_side_by_side(policed):
    def build():
        headers = {"Content-Type": "application/x-tar"}
        made.append(policed.call("POST", "/build?nocache=1", context(), headers))

    made = []
    with aside(build):
        assert listing(policed, f"{fresh()}:/data") == sorted(DIRECTORIES)
    assert b"Successfully built" in made[0].body
