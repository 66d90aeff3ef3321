# ruff: noqa: ANN001, ANN003, ANN201 - fixtures and parameters
from __future__ import annotations

import json

import pytest

from podwright.authz.limits import CAPABILITIES, PROFILES, limits, problems
from podwright.authz.policy import EngineRequest, decide
from podwright.records import replace


def test_no_config_is_the_profile_run():
    assert problems({}) == []
    policy = limits({})
    assert (policy.profile, policy.groups) == ("run", PROFILES["run"].groups)
    assert policy.capabilities == frozenset(CAPABILITIES)


def test_profiles_grow_from_one_to_the_next():
    assert PROFILES["build-only"].groups < PROFILES["run"].groups
    assert PROFILES["run"].groups == PROFILES["compose"].groups
    assert [PROFILES[name].join_network for name in ("build-only", "run", "compose")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "config",
    [
        {"profil": "run"},
        {"profile": "open"},
        {"profile": []},
        {"buildkit": "no"},
        {"imports": 0},
        {"workspace": 1},
        {"capabilities": ["NET_ADMIN"]},
        {"capabilities": "CHOWN"},
        {"sysctls": ["kernel.msgmax"]},
        {"widen": []},
        {"widen": {"binds": ["/"]}},
        {"widen": {"sysctls": 1}},
        {"widen": {"capabilities": ["cap_sys_admin"]}},
    ],
)
def test_without_a_proper_config_nothing_is_allowed(config):
    assert problems(config) == ["policy config: it is not one that podwright writes; correct it"]


def create(policy, **host):
    body = json.dumps({"Image": "a", "HostConfig": host}).encode()
    headers = {"Content-Type": "application/json"}
    return decide(EngineRequest("POST", "/containers/create", headers, body), policy)


def test_a_config_narrows():
    assert create(limits({}), CapAdd=["CHOWN"]).allow
    assert create(limits({"capabilities": []}), CapAdd=["CHOWN"]).rule == "container.capability"
    sysctl = {"net.ipv4.tcp_syncookies": "1"}
    assert create(limits({}), Sysctls=sysctl).allow
    assert create(limits({"sysctls": []}), Sysctls=sysctl).rule == "container.sysctl"
    tar = {"Content-Type": "application/x-tar"}
    for uri in ("/images/load", "/images/create?fromSrc=-"):
        assert decide(EngineRequest("POST", uri, tar), limits({})).allow
        assert (
            decide(EngineRequest("POST", uri, tar), limits({"imports": False})).rule
            == "image.import"
        )
    assert (
        decide(EngineRequest("POST", "/commit", {}), limits({"imports": False})).rule
        == "image.import"
    )


def test_a_config_widens_only_by_the_word_for_it():
    config = {"widen": {"capabilities": ["IPC_LOCK"], "sysctls": ["kernel.msgmax"]}}
    assert problems(config) == []
    assert create(limits(config), CapAdd=["cap_ipc_lock"]).allow
    assert create(limits(config), Sysctls={"kernel.msgmax": "1"}).allow
    assert create(limits({}), CapAdd=["IPC_LOCK"]).rule == "container.capability"


def test_only_the_profile_compose_shares_a_network_between_containers():
    assert create(limits({"profile": "compose"}), NetworkMode="container:abc").allow
    assert (
        create(limits({"profile": "compose"}), NetworkMode="container:host").rule == "network.host"
    )
    assert create(limits({}), NetworkMode="container:abc").rule == "network.container"


def test_the_whole_workspace_may_be_mounted_by_its_path_and_what_is_below_by_sub_path():
    policy = limits({"workspace": "/work", "volume": "ws"})
    assert create(policy, Binds=["/work:/x"]).allow
    assert create(policy, Binds=["/work/:/x:ro"]).allow
    assert create(policy, Binds=["/home/jenkins/agent:/x"]).rule == "container.bind"
    assert create(policy, Binds=["/work/job:/x"]).message == (
        "[container.workspace] HostConfig.Binds: a path below the workspace can become a link "
        "after this check; use --mount type=volume,source=ws,volume-nocopy,volume-subpath=... or "
        "the pod's own Docker socket, which does that for -v"
    )
    options = {"NoCopy": True, "Subpath": "a/b"}
    mount = {"Type": "volume", "Source": "ws", "Target": "/x", "VolumeOptions": options}
    assert create(policy, Mounts=[mount]).allow


FILLS = (
    "the engine would fill the workspace from the image as root, while the pipeline writes there"
)


@pytest.mark.parametrize("bind", ["ws:/x", "ws:/x:ro", "ws:/x:", "ws:/x:rw,ro"])
def test_the_workspace_is_never_filled_from_an_image_by_a_bind(bind):
    policy = limits({"volume": "ws"})
    assert create(policy, Binds=["vol:/y", bind]).message in (
        f"[container.copy] HostConfig.Binds: {FILLS}; add the mode nocopy",
        # a mode that is there and empty is none
        "[container.bind] HostConfig.Binds: of a mount's modes only ro, rw and nocopy are allowed",
    )
    assert create(policy, Binds=["vol:/y", "ws:/x:ro,nocopy"]).allow
    assert create(policy, Binds=["other:/x"]).allow


@pytest.mark.parametrize("options", [None, {}, {"NoCopy": False}, {"Subpath": "a"}])
def test_the_workspace_is_never_filled_from_an_image_by_a_mount(options):
    policy = limits({"volume": "ws"})
    mount = {"Type": "volume", "Source": "ws", "Target": "/x", "VolumeOptions": options}
    assert create(policy, Mounts=[mount]).message == (
        f"[container.copy] HostConfig.Mounts: {FILLS}; add volume-nocopy"
    )
    assert create(policy, Mounts=[{**mount, "Source": "other"}]).allow
    assert create(policy, Mounts=[{"Type": "volume", "Target": "/x"}]).allow


@pytest.mark.parametrize(
    ("uri", "kind", "body"),
    [
        ("/containers/create", "application/json", b"{}"),
        ("/v1.47/build?version=2", None, b""),
        ("/commit?container=a", "application/json", b"null"),
    ],
)
def test_what_the_gate_alone_makes_safe_is_taken_from_the_gate_alone(uri, kind, body):
    policy = replace(limits({}), seal="word")
    headers = {"Content-Type": kind} if kind else {}
    refused = decide(EngineRequest("POST", uri, headers, body), policy)
    assert refused.message == (
        "[gate.seal] this is done by way of the gate alone; use the pod's own Docker socket"
    )
    wrong = {**headers, "X-Podwright-Gate": "wor"}
    assert decide(EngineRequest("POST", uri, wrong, body), policy).rule == "gate.seal"
    right = {**headers, "X-Podwright-Gate": "word"}
    assert decide(EngineRequest("POST", uri, right, body), policy).allow
    assert decide(EngineRequest("GET", "/info", {}), policy).allow


def network(policy, **config):
    body = json.dumps({"Name": "net", "IPAM": {"Config": [config]}}).encode()
    kind = {"Content-Type": "application/json"}
    return decide(EngineRequest("POST", "/networks/create", kind, body), policy)


@pytest.mark.parametrize(
    "config",
    [
        {"Subnet": "198.18.7.0/24", "Gateway": "198.18.7.1", "IPRange": "198.18.7.128/25"},
        {"Subnet": "198.18.0.1/16", "AuxiliaryAddresses": {"a": "198.18.0.2"}},
        {"Subnet": ""},
        {},
    ],
)
def test_networks_have_addresses_of_their_own(config):
    assert network(limits({}), **config).allow


OTHERS = (
    "the pod may need these addresses to reach others; leave them out, or take them from "
    "198.18.0.0/15"
)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("Subnet", "10.96.0.0/16", OTHERS),
        ("Subnet", "198.16.0.0/14", OTHERS),
        ("Subnet", "0.0.0.0/0", OTHERS),
        ("Subnet", "fd00::/64", OTHERS),
        ("Subnet", "::ffff:198.18.0.0/120", OTHERS),
        ("Gateway", "10.96.0.1", OTHERS),
        ("IPRange", "10.96.0.0/24", OTHERS),
        ("Subnet", "198.18.0.0/33", "this is not an address or a subnet"),
        ("Subnet", "somewhere", "this is not an address or a subnet"),
    ],
)
def test_networks_have_no_addresses_of_others(field, value, message):
    decision = network(limits({}), **{field: value})
    assert decision.message == f"[network.subnet] IPAM.Config.{field}: {message}"


def test_networks_never_have_what_the_pod_has():
    policy = replace(limits({"subnets": ["10.0.0.0/8"]}), taken=("10.42.0.7/24", "10.43.0.10"))
    assert network(policy, Subnet="10.44.0.0/16").allow
    for subnet in ("10.42.0.0/28", "10.43.0.0/16", "10.43.0.10/32"):
        assert network(policy, Subnet=subnet).message == (
            "[network.subnet] IPAM.Config.Subnet: the pod has these addresses; take others"
        )


def test_a_container_has_no_address_of_others():
    for config in ({"IPv4Address": "10.96.0.10"}, {"LinkLocalIPs": ["169.254.169.254"]}):
        ends = {"net": {"IPAMConfig": config}}
        body = json.dumps({"NetworkingConfig": {"EndpointsConfig": ends}}).encode()
        kind = {"Content-Type": "application/json"}
        decision = decide(EngineRequest("POST", "/containers/create", kind, body), limits({}))
        assert decision.rule == "network.subnet"
