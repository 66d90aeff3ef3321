# ruff: noqa: ANN001, ANN002, ANN201 - fixtures and parameters
"""Two clients do what comes to their minds, at the same time; a model says what must hold.

Each step is two requests at once: containers, volumes, networks, execs, builds, commits and copies,
some of them harmless and some not. After each step the engine's own records are looked at. A writer
that plants links runs in every container.
"""

from __future__ import annotations

import io
import ipaddress
import json
import tarfile
import threading
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from outside import LINKS, OUTSIDE, TRIES, escaped, prepare

VOLUMES, NETWORKS, CONTAINERS = ("m-v0", "m-v1"), ("m-n0", "m-n1"), ("m-c0", "m-c1", "m-c2")
POOL = ipaddress.ip_network("198.18.0.0/15")
#: What a creation may ask for besides its volumes: mostly nothing.
WISHES = (
    *[{}] * 20,
    {"Privileged": True},
    {"PidMode": "host"},
    {"NetworkMode": "host"},
    {"CapAdd": ["SYS_ADMIN"]},
    {"Binds": ["/:/h"]},
    {"Binds": ["/home/jenkins/agent/../..:/h"]},
    {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x"}]},
    {"SecurityOpt": ["seccomp=unconfined"]},
    {"VolumesFrom": ["m-c0"]},
    {"NetworkMode": "container:m-c0"},
)


def archive(name, text=b""):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        made.addfile(info, io.BytesIO(text))
    return buffer.getvalue()


containers, volumes, networks = map(st.sampled_from, (CONTAINERS, VOLUMES, NETWORKS))
TAR = {"Content-Type": "application/x-tar"}


@st.composite
def creations(draw):
    """A container with volumes, in one of the ways to name them."""
    name, image = draw(containers), draw(st.sampled_from(["small", "small-volume"]))
    host = dict(draw(st.sampled_from(WISHES)))
    binds, mounts = list(host.get("Binds", ())), []
    for volume in draw(st.lists(volumes, max_size=2, unique=True)):
        place = f"/data{len(binds) + len(mounts) or ''}"
        if draw(st.booleans()):
            binds.append(f"{volume}:{place}{draw(st.sampled_from(['', ':rw', ':nocopy']))}")
        else:
            mounts.append({"Type": "volume", "Source": volume, "Target": place})
    plant = LINKS.replace("/v/", "/data/")
    script = f"while :; do rm -rf /data/* /data1/*; {plant}; sleep 0.1; done"
    body = {"Image": image, "Cmd": ["sh", "-c", script], "HostConfig": {**host}}
    body["HostConfig"].update(Binds=binds, Mounts=mounts)
    return "POST", f"/containers/create?name={name}", body


def plain(method, pattern, *parts, body=None):
    return st.tuples(*parts).map(lambda names: (method, pattern.format(*names), body))


ACTIONS = st.one_of(
    creations(),
    creations(),
    creations(),
    creations(),
    plain("POST", "/containers/{}/start", containers),
    plain("POST", "/containers/{}/{}", containers, st.sampled_from(["start", "pause", "unpause"])),
    plain("POST", "/containers/{}/restart?t=0", containers),
    plain("POST", "/containers/{}/kill", containers),
    plain("DELETE", "/containers/{}?force=1&v=1", containers),
    plain("POST", "/volumes/create", body={"Name": "m-v0"}),
    plain("POST", "/volumes/create", body={"Name": "m-v1", "DriverOpts": {"type": "none"}}),
    plain("DELETE", "/volumes/{}", volumes),
    plain("DELETE", "/volumes/workspace?force=1"),
    plain("POST", "{}/volumes/prune", st.sampled_from(["", "/v1.41", "/v1.44"])),
    plain("POST", "/networks/create", body={"Name": "m-n0"}),
    plain(
        "POST",
        "/networks/create",
        body={"Name": "m-n1", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}},
    ),
    plain("POST", "/networks/{}/connect", networks, body={"Container": "m-c0"}),
    plain("POST", "/networks/host/connect", body={"Container": "m-c1"}),
    plain("DELETE", "/networks/{}", networks),
    plain("POST", "/containers/{}/exec", containers, body={"Cmd": ["true"]}),
    plain("POST", "/containers/{}/exec", containers, body={"Cmd": ["true"], "Privileged": True}),
    plain("POST", "/commit?container={}&repo=m-i", containers, body={}),
    plain("POST", "/build?nocache=1&{}", st.sampled_from(["q=1", "networkmode=host"]), body=TAR),
    plain("PUT", "/containers/{}/archive?path=/", containers, body=TAR),
    plain("GET", "/containers/{}/archive?path=/data", containers),
    plain("POST", "/containers/{}/update", containers, body={"CpuShares": 2}),
)
POD = []  # the one that the machine works on
#: What did not hold, with the steps before: what happens at the same time cannot be repeated, as
#: hypothesis would do it with a failure.
PROBLEMS = []
MADE = set()


class TwoClients(RuleBasedStateMachine):
    """The model: which volumes have been filled, and what must never be."""

    def __init__(self) -> None:
        super().__init__()
        self.pod = POD[0]
        self.filled = Counter()
        self.execs = set()
        self.seen = set()
        self.steps = []

    def ask(self, action):
        method, target, body = action
        if body is TAR:
            data = archive("Dockerfile", b'FROM small-volume\nRUN ["true"]\n')
            return self.pod.call(method, target, data, TAR)
        if body is None:
            return self.pod.call(method, target)
        kind = {"Content-Type": "application/json"}
        answer = self.pod.call(method, target, json.dumps(body).encode(), kind)
        if target.endswith("/exec") and answer.status == 201:
            self.execs.add(json.loads(answer.body)["Id"])
        return answer

    @rule(first=ACTIONS, second=ACTIONS)
    def at_once(self, first, second):
        threads = [threading.Thread(target=self.ask, args=(one,)) for one in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gone = [words for method, words, _ in (first, second) if method == "DELETE"]
        if any("volumes/" in words or "v=1" in words for words in gone):
            self.filled.clear()  # a name may be a new volume's now
            self.seen = {one["Id"] for one in self.records()}
        self.steps.append((first, second))
        self.look()

    def look(self):
        try:
            self.nothing_is_outside()
            self.containers_are_what_they_may_be()
            self.a_volume_is_filled_once()
            self.execs_have_no_privileges()
            self.volumes_and_networks_are_the_pods_own()
        except AssertionError as error:
            PROBLEMS.append((str(error), self.steps))

    def get(self, target):
        return self.pod.json("GET", target, direct=True)

    def records(self):
        listed = self.get("/containers/json?all=1")
        found = (self.get(f"/containers/{one['Id']}/json") for one in listed)
        return [one for one in found if one.get("Name", "").startswith("/m-")]

    def nothing_is_outside(self):
        assert not escaped(self.pod)

    def containers_are_what_they_may_be(self):
        for one in self.records():
            host = one["HostConfig"]
            assert not host["Privileged"]
            assert not host["Devices"]
            assert not host["CapAdd"]
            assert not host["VolumesFrom"]
            assert not host["PidMode"]
            assert "seccomp=unconfined" not in (host["SecurityOpt"] or ())
            assert not host["NetworkMode"].startswith(("host", "container:"))
            assert "host" not in one["NetworkSettings"]["Networks"]
            place = str(self.pod.place / "data" / "volumes")
            assert all(mount["Source"].startswith(place) for mount in one["Mounts"])

    def a_volume_is_filled_once(self):
        for one in self.records():
            if one["Id"] in self.seen:
                continue
            self.seen.add(one["Id"])
            MADE.add(one["Id"])
            for bind in one["HostConfig"]["Binds"] or ():
                self.filled[bind.partition(":")[0]] += "nocopy" not in bind
            for mount in one["HostConfig"].get("Mounts") or ():
                self.filled[mount["Source"]] += not (mount.get("VolumeOptions") or {}).get("NoCopy")
        assert max(self.filled.values(), default=0) <= 1

    def execs_have_no_privileges(self):
        for one in self.execs:
            found = self.get(f"/exec/{one}/json")
            assert not found.get("ProcessConfig", {}).get("privileged")

    def volumes_and_networks_are_the_pods_own(self):
        listed = {one["Name"]: one for one in self.get("/volumes")["Volumes"]}
        assert "workspace" in listed
        assert not any(one["Options"] for name, one in listed.items() if name != "workspace")
        for one in self.get("/networks"):
            for config in (one["IPAM"]["Config"] or ()) if one["Name"].startswith("m-") else ():
                assert ipaddress.ip_network(config["Subnet"]).subnet_of(POOL)

    def teardown(self):
        for one in self.records():
            self.pod.call("DELETE", f"/containers/{one['Id']}?force=1&v=1")
        for name in VOLUMES:
            self.pod.call("DELETE", f"/volumes/{name}")
        for name in NETWORKS:
            self.pod.call("DELETE", f"/networks/{name}")
        self.pod.call("DELETE", "/images/m-i?force=1")


@pytest.fixture(scope="module")
def policed(pod):
    POD[:] = [prepare(pod)]
    PROBLEMS.clear()
    MADE.clear()
    yield pod
    POD.clear()


def test_what_two_clients_do_at_once_leaves_nothing_that_must_not_be(policed):
    assert policed.inside("ls", OUTSIDE) == b""
    examples = max(3, TRIES // 4)
    run_state_machine_as_test(
        TwoClients,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
    assert not PROBLEMS, PROBLEMS[0]
    assert len(MADE) > examples  # else nothing was tried
