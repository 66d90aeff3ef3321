"""What becomes of the bodies of requests that create something."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwright.dood.bodies import Maker
from podwright.dood.budget import MEBI, Budget
from podwright.dood.naming import Naming
from podwright.dood.refusal import Refusal, missing
from podwright.records import replace

NAMING = Naming("uid-a", "builds/pod-a")
PREFIX = NAMING.prefix
ID = "c" * 64
HASH = "0123456789abcdef" * 4


class Known:
    """A node with a container `db`, a network `net` and an anonymous volume of the pod."""

    def container(self, name: str) -> dict[str, Any]:
        if name.lstrip("/") not in ("db", ID):
            raise missing("container", name)
        return {"Id": ID, "Name": f"/{PREFIX}db"}

    def network(self, name: str) -> dict[str, Any]:
        if name != "net":
            raise missing("network", name)
        return {"Id": "n" * 64, "Name": f"{PREFIX}net"}

    def is_anonymous(self, name: str) -> bool:
        return name == HASH


MAKER = Maker(NAMING, Budget(1024 * MEBI, 2 * 10**9), Known(), lambda: 1_700_000_000, lambda: 0)
LABELS = {
    "podwright.dev/build": "uid-a",
    "podwright.dev/pod": "builds/pod-a",
    "podwright.dev/since": "1700000000",
}
LIMITS = {"Memory": 512 * MEBI, "MemorySwap": 512 * MEBI, "NanoCpus": 2 * 10**9}


def made(body: dict[str, Any], name: str = "web") -> dict[str, Any]:
    MAKER.container(body, name)
    return body


def test_a_container_gets_labels_limits_and_a_name_of_the_pods() -> None:
    body: dict[str, Any] = {"Image": "app", "Labels": {"mine": "1"}}
    created = MAKER.container(body, "/web")
    assert created.name == f"{PREFIX}web"
    assert created.volumes == ()
    assert created.warnings == ()
    assert body == {
        "Image": "app",
        "Labels": {"mine": "1", **LABELS, "podwright.dev/memory": "share"},
        "HostConfig": LIMITS,
    }


def test_a_container_without_a_name_gets_one_of_the_pods() -> None:
    first, second = (MAKER.container({}, "").name for _ in range(2))
    assert first.startswith(PREFIX)
    assert first != second


def test_labels_of_podwright_cannot_be_chosen() -> None:
    body = made({"Labels": {"podwright.dev/build": "uid-b", "podwright.dev/lease": "9"}})
    assert body["Labels"] == {**LABELS, "podwright.dev/memory": "share"}


def test_memory_that_is_asked_for_is_kept_and_not_labelled_as_a_share() -> None:
    body = made({"HostConfig": {"Memory": 64 * MEBI, "MemorySwap": -1}})
    assert body["HostConfig"] == {**LIMITS, "Memory": 64 * MEBI, "MemorySwap": 64 * MEBI}
    assert body["Labels"] == LABELS


def test_a_share_that_few_programs_can_live_with_is_told() -> None:
    crowded = replace(MAKER, used=lambda: 900 * MEBI)
    assert list(crowded.container({}, "web").warnings) == [
        (
            "podwright: the container 'web' gets 62 MiB of memory, half of what is free; give the "
            "others less (--memory, mem_limit), or raise pod.resources.builder.limits.memory"
        )
    ]


def test_volumes_are_renamed_and_made_with_labels_beforehand() -> None:
    host = {
        "Binds": ["data:/d:ro", f"{HASH}:/h", "/anonymous"],
        "VolumeDriver": "local",
        "Mounts": [
            {
                "Type": "volume",
                "Source": "more",
                "Target": "/m",
                "VolumeOptions": {
                    "Labels": {"mine": "1"},
                    "DriverConfig": {"Name": "local", "Options": {"type": "tmpfs"}},
                },
            },
            {"Type": "volume", "Target": "/a"},
            {"Type": "tmpfs", "Target": "/t"},
        ],
    }
    body: dict[str, Any] = {"HostConfig": host}
    created = MAKER.container(body, "web")
    assert body["HostConfig"]["Binds"] == [f"{PREFIX}data:/d:ro", f"{HASH}:/h", "/anonymous"]
    mounts = body["HostConfig"]["Mounts"]
    assert [mount.get("Source") for mount in mounts] == [f"{PREFIX}more", None, None]
    assert created.volumes == (
        {"Name": f"{PREFIX}data", "Driver": "local", "Labels": LABELS},
        {
            "Name": f"{PREFIX}more",
            "Labels": {"mine": "1", **LABELS},
            "Driver": "local",
            "DriverOpts": {"type": "tmpfs"},
        },
    )


def test_names_of_containers_are_resolved_wherever_they_stand() -> None:
    host = {
        "NetworkMode": "container:db",
        "PidMode": "container:db",
        "IpcMode": f"container:{ID}",
        "VolumesFrom": ["db:ro", "db"],
        "Links": ["db", "/db:database"],
    }
    assert made({"HostConfig": host})["HostConfig"] == {
        **LIMITS,
        "NetworkMode": f"container:{ID}",
        "PidMode": f"container:{ID}",
        "IpcMode": f"container:{ID}",
        "VolumesFrom": [f"{ID}:ro", ID],
        "Links": [f"{PREFIX}db:db", f"{PREFIX}db:database"],
    }


@pytest.mark.parametrize("mode", ["bridge", "host", "none", "default"])
def test_the_engines_own_networks_keep_their_names(mode: str) -> None:
    body = made({"HostConfig": {"NetworkMode": mode}})
    assert body["HostConfig"]["NetworkMode"] == mode
    assert "NetworkingConfig" not in body


def test_on_a_network_with_names_a_container_has_the_one_it_was_given() -> None:
    ends = {"net": {"Aliases": ["other"], "Links": ["db:d"]}}
    body = {"HostConfig": {"NetworkMode": "net"}, "NetworkingConfig": {"EndpointsConfig": ends}}
    made(body)
    assert body["HostConfig"]["NetworkMode"] == f"{PREFIX}net"
    assert body["NetworkingConfig"]["EndpointsConfig"] == {
        f"{PREFIX}net": {"Aliases": ["other", "web"], "Links": [f"{PREFIX}db:d"]}
    }


def test_a_network_that_only_the_mode_names_gets_the_name_as_well() -> None:
    body = made({"HostConfig": {"NetworkMode": "net"}})
    assert body["NetworkingConfig"] == {"EndpointsConfig": {f"{PREFIX}net": {"Aliases": ["web"]}}}


def test_ports_of_the_node_become_free_ones_with_a_warning() -> None:
    ports = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "81/tcp": [{"HostPort": ""}]}
    body: dict[str, Any] = {"HostConfig": {"PortBindings": ports}}
    created = MAKER.container(body, "web")
    assert body["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}],
        "81/tcp": [{"HostPort": ""}],
    }
    assert list(created.warnings) == [
        (
            "podwright: instead of the node's port 8080, which others may want as well, a free one "
            "is published; `docker port` tells it"
        )
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"hostconfig": {}}, "the field 'hostconfig' must be spelt 'HostConfig'"),
        ({"HostConfig": {"binds": []}}, "the field 'binds' must be spelt 'Binds'"),
        ({"Ho\u017ftConfig": {}}, "the field 'Ho\u017ftConfig' must be spelt 'HostConfig'"),
        ({"Label\u017f": {}}, "the field 'Label\u017f' must be spelt 'Labels'"),
        ({"HostConfig": {"Bind\u017f": []}}, "the field 'Bind\u017f' must be spelt 'Binds'"),
        (
            {"HostConfig": {"Networ\u212aMode": ""}},
            "the field 'Networ\u212aMode' must be spelt 'NetworkMode'",
        ),
        (
            {"NetworkingConfig": {"Endpoint\u017fConfig": {}}},
            "the field 'Endpoint\u017fConfig' must be spelt 'EndpointsConfig'",
        ),
        ({"HostConfig": []}, "HostConfig must be an object"),
        ({"Labels": "x"}, "Labels must be an object"),
        ({"HostConfig": {"Binds": "data:/d"}}, "Binds must be a list of texts"),
        ({"HostConfig": {"Binds": [1]}}, "Binds must be a list of texts"),
        ({"HostConfig": {"Mounts": ["x"]}}, "Mounts must be a list of objects"),
        ({"HostConfig": {"NetworkMode": 1}}, "NetworkMode must be a text"),
        ({"HostConfig": {"Memory": "1g"}}, "Memory must be an integer"),
        (
            {"HostConfig": {"Mounts": [{"Type": "npipe", "Source": "x", "Target": "/x"}]}},
            "mounts of the type 'npipe' are not known; use a volume or tmpfs",
        ),
        ({"HostConfig": {"NetworkMode": "other"}}, "network other not found"),
        ({"HostConfig": {"NetworkMode": "container:other"}}, "No such container: other"),
        ({"HostConfig": {"VolumesFrom": ["other"]}}, "No such container: other"),
        (
            {"NetworkingConfig": {"EndpointsConfig": {"net": "x"}}},
            "an endpoint's settings must be an object",
        ),
    ],
)
def test_what_is_not_understood_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as refused:
        MAKER.container(body, "web")
    assert refused.value.message == message


@pytest.mark.parametrize("source", ["/", "/home/jenkins/agent", "./x", "~/x", "../x"])
def test_binds_of_paths_are_refused(source: str) -> None:
    with pytest.raises(Refusal) as refused:
        made({"HostConfig": {"Binds": [f"{source}:/x"]}})
    assert refused.value.message.startswith(f"'{source}' cannot be mounted: with the strategy dood")


@pytest.mark.parametrize(
    "options",
    [
        {"type": "none", "device": "/etc", "o": "bind"},
        {"device": "/etc", "o": "ro,rbind"},
        {"type": "none", "device": "/etc"},
        {"type": "ext4", "device": "/etc"},
        {"type": "overlay", "device": "/etc", "o": "lowerdir=/etc:/usr"},
    ],
)
def test_volumes_that_are_paths_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        MAKER.volume({"Name": "data", "DriverOpts": options})
    assert refused.value.message.startswith("'/etc' cannot be mounted")


def test_a_volume_without_a_name_is_marked_as_anonymous() -> None:
    body = MAKER.volume({"Labels": None})
    assert body["Name"].startswith(PREFIX)
    assert body["Labels"] == {"com.docker.volume.anonymous": "", **LABELS}


def test_a_network_gets_a_name_and_labels() -> None:
    assert MAKER.network({"Name": "net", "Driver": "bridge", "ConfigFrom": {"Network": "net"}}) == {
        "Name": f"{PREFIX}net",
        "Driver": "bridge",
        "ConfigFrom": {"Network": f"{PREFIX}net"},
        "Labels": LABELS,
    }
    with pytest.raises(Refusal, match=r"^a network needs a name$"):
        MAKER.network({})


def test_new_limits_stay_within_the_pods() -> None:
    body = {"Memory": 64 * MEBI, "MemorySwap": -1, "NanoCpus": 9 * 10**9}
    assert MAKER.update(body, "it") == ["podwright: the CPU limit was cut down to the pod's, 2"]
    assert body == {"Memory": 64 * MEBI, "MemorySwap": 64 * MEBI, "NanoCpus": 2 * 10**9}
    body = {"MemorySwap": -1, "PidsLimit": 9}
    assert MAKER.update(body, "it") == []
    assert body == {"PidsLimit": 9}


NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,30}", fullmatch=True)


@given(NAMES, st.uuids(), st.uuids())
def test_names_come_back_as_they_were_and_never_meet_those_of_other_pods(
    name: str, one: object, two: object
) -> None:
    first, second = Naming(str(one)), Naming(str(two))
    assert first.strip(first.own(name)) == name
    assert first.strip(f"/{first.own(name)}") == f"/{name}"
    if one != two:
        assert first.own(name) != second.own(name)
        assert second.strip(first.own(name)) == first.own(name)


def test_names_are_taken_off_in_whole_answers() -> None:
    answer = {
        "Name": f"/{PREFIX}db",
        "Networks": {f"{PREFIX}net": {"Aliases": [f"{PREFIX}db", "db"]}},
        "Links": [f"/{PREFIX}db:/{PREFIX}web/database"],
        "Size": 1,
        "Word": f"x{PREFIX}db",
        "Labels": {**LABELS, "mine": "1"},
    }
    assert NAMING.strip(answer) == {
        "Name": "/db",
        "Networks": {"net": {"Aliases": ["db", "db"]}},
        "Links": ["/db:/web/database"],
        "Size": 1,
        "Word": f"x{PREFIX}db",
        "Labels": {"mine": "1"},
    }
