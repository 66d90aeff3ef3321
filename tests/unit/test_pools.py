"""Pools: which daemons an image is built on, what is refused, and what the pod is then."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from podwright import config as configs
from podwright import generate, inputs, pools, rules
from podwright.config import Config
from podwright.plan import plan_pod, plan_script
from podwright.pools import Daemons, Pool
from podwright.records import replace
from podwright.request import Registry, parse_build, parse_pod

if TYPE_CHECKING:
    from pathlib import Path

    from podwright.workspace import Facts

POOL = Pool(
    namespace="pool-a",
    certificates="pool-a-client",
    daemons=(
        Daemons(service="amd64", replicas=3, platforms=("linux/amd64", "linux/386")),
        Daemons(service="arm64", replicas=20, platforms=("linux/arm64",)),
    ),
    name="team-a",
)
CONFIG = Config(pools={"team-a": POOL})
IMAGE = {"image": "r.example/team/app", "tags": ["1"]}


def test_an_image_has_its_favourite_among_the_daemons() -> None:
    names = [f"d-{number}" for number in range(5)]

    assert pools.ranked("r.example/a linux/amd64", names) == ["d-2", "d-3", "d-4", "d-0", "d-1"]
    assert pools.ranked("r.example/b linux/amd64", names) == ["d-3", "d-1", "d-4", "d-0", "d-2"]


def test_a_daemon_that_comes_or_goes_moves_its_own_images_alone() -> None:
    names = [f"d-{number}" for number in range(10)]
    keys = [f"r.example/team/{number}" for number in range(1000)]
    before = {key: pools.ranked(key, names)[0] for key in keys}
    after = {key: pools.ranked(key, names[:-1])[0] for key in keys}
    moved = [key for key in keys if before[key] != after[key]]

    assert {before[key] for key in moved} == {"d-9"}
    assert len(moved) == sum(1 for key in keys if before[key] == "d-9") == 103


def test_a_small_pool_is_tried_whole() -> None:
    assert pools.addresses(POOL, "r.example/app", "linux/386") == [
        "tcp://amd64-0.amd64.pool-a.svc:1234",
        "tcp://amd64-2.amd64.pool-a.svc:1234",
        "tcp://amd64-1.amd64.pool-a.svc:1234",
    ]


def test_of_a_large_pool_the_favourites_are_tried_and_then_any() -> None:
    found = pools.addresses(POOL, "r.example/app", "linux/arm64")

    assert len(found) == 9
    assert found[-1] == "tcp://arm64.pool-a.svc:1234"


def test_without_platforms_the_first_daemons_build() -> None:
    assert pools.able(POOL, "") == [POOL.daemons[0]]


def test_certificates_know_the_daemons_by_these_names() -> None:
    assert pools.host_names(replace(POOL, daemons=POOL.daemons[:1])) == [
        "amd64.pool-a.svc",
        "*.amd64.pool-a.svc",
        "amd64.pool-a.svc.cluster.local",
        "*.amd64.pool-a.svc.cluster.local",
    ]


def test_a_config_declares_pools() -> None:
    text = (
        "pools:\n  team-a:\n    namespace: pool-a\n    certificates: pool-a-client\n"
        "    daemons: [{service: amd64, replicas: 3, platforms: [linux/amd64, linux/386]},"
        " {service: arm64, replicas: 20, platforms: [linux/arm64]}]\n"
    )

    assert configs.load(text, None).pools == {"team-a": POOL}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "pools: {a: {namespace: b, certificates: c}}",
            "PODWRIGHT_CONFIG:1:9: pools.a.daemons: is missing; its daemons, by kind of node",
        ),
        (
            "pools: {a: {namespace: b, certificates: c, daemons: [{service: d, replicas: 0}]}}",
            "PODWRIGHT_CONFIG:1:67: pools.a.daemons[0].replicas: 0 is not between 1 and 1000",
        ),
        (
            "pools: {A: {}}",
            "PODWRIGHT_CONFIG:1:9: pools: 'A' is not a pool's name (lower case, digits and '-')",
        ),
    ],
)
def test_a_wrong_pool_is_told_with_its_place(problems: Any, text: str, said: str) -> None:
    assert problems(configs.load, text, None) == [said]


def test_a_pod_for_a_pool_has_no_engine_and_passes_restricted() -> None:
    name, pod = plan_pod(parse_pod({"pool": "team-a"}), CONFIG)

    assert name == "buildkit"
    assert rules.level_of(pod) == "restricted"
    assert "initContainers" not in pod["spec"]
    assert [item["name"] for item in pod["spec"]["containers"]] == ["tools", "builder"]
    secret = {"name": "pool", "secret": {"secretName": "pool-a-client"}}
    assert secret in pod["spec"]["volumes"]
    mount = {"name": "pool", "mountPath": "/run/podwright-pool", "readOnly": True}
    assert mount in pod["spec"]["containers"][1]["volumeMounts"]
    env = {item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]}
    assert env["PODWRIGHT_POOL"] == "team-a"


def test_a_pool_that_is_not_declared_is_refused(problems: Any, planned: Any) -> None:
    found = problems(planned, {**IMAGE, "pool": "team-b"}, CONFIG)

    assert found == [
        "pool: 'team-b' is not declared in the organisation's config; declared: team-a"
    ]


def test_an_index_is_pushed_by_logins_that_are_there_then(planned: Any) -> None:
    asked = {**IMAGE, "pool": "team-a", "platforms": ["linux/amd64", "linux/arm64"]}
    asked |= {"credentials": [{"variable": "OWN", "use": "push"}]}
    script = planned(asked, CONFIG).script
    (used,) = re.findall(r"^pw_join (\w+) ", script, re.MULTILINE)
    assert f"\npw_login {used} r.example OWN\n" in script


def test_a_strategy_without_pools_is_refused(problems: Any, planned: Any) -> None:
    found = problems(planned, {**IMAGE, "pool": "team-a", "builder": "kaniko"}, CONFIG)

    assert found == [
        "pool: builder 'kaniko' cannot build on a pool of daemons; builders that can: buildkit"
    ]


def test_what_a_pool_is_not_for_is_refused_at_once(problems: Any, planned: Any) -> None:
    asked = {
        **IMAGE,
        "pool": "team-a",
        "platforms": ["linux/amd64", "linux/s390x"],
        "output": "app.tar",
        "pod": {"cacheClaim": "layers"},
    }

    assert problems(planned, asked, CONFIG) == [
        (
            "pod.cacheClaim: is for an engine of the pod's own; a pool's daemons have disks: "
            "leave it out"
        ),
        (
            "platforms: pool 'team-a' has no daemons for 'linux/s390x'; it has for: linux/amd64, "
            "linux/386, linux/arm64"
        ),
        "output: is one archive, and a pool builds each platform apart; leave one of both out",
    ]


def test_in_a_pod_its_pool_builds(facts: Facts) -> None:
    known = replace(facts, pod_builder="buildkit", pod_pool="team-a")

    script = plan_script(parse_build(IMAGE), CONFIG, known)

    assert "\npw_pool team-a tcp://amd64-2.amd64.pool-a.svc:1234 " in script
    assert 'buildctl --tlsdir "$pw_keys" build ' in script


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("", "pool: this pod was started without a pool; name the pool where the pod is made"),
        (
            "team-b",
            "pool: this pod was started for pool 'team-b'; name the pool where the pod is made",
        ),
    ],
)
def test_another_pool_than_the_pods_is_refused(
    problems: Any, facts: Facts, there: str, said: str
) -> None:
    known = replace(facts, pod_builder="buildkit", pod_pool=there)
    both = Config(pools={"team-a": POOL, "team-b": POOL})

    assert problems(plan_script, parse_build({**IMAGE, "pool": "team-a"}), both, known) == [said]


def test_settings_of_registries_that_the_daemons_do_not_know_are_refused(
    problems: Any, facts: Facts
) -> None:
    own = {"r.example": Registry(skipTlsVerify=True)}
    config = replace(CONFIG, registries=own)
    asked = {**IMAGE, "pool": "team-a", "registries": {"other.example": {"skipTlsVerify": True}}}
    _, pod = plan_pod(parse_build(asked), config)
    env = {item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]}
    known = replace(
        facts,
        pod_builder="buildkit",
        pod_pool="team-a",
        engine_registries=env["PODWRIGHT_ENGINE_REGISTRIES"],
    )

    assert problems(plan_script, parse_build(asked), config, known) == [
        (
            "registries.other.example: is a setting of the pool's daemons, which run already; put "
            "it into their configuration and into the organisation's"
        )
    ]


def test_a_default_pool_is_for_strategies_that_can_use_it(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    declared = {"namespace": "p", "certificates": "c", "daemons": [{"service": "d", "replicas": 1}]}
    text = json.dumps({"defaults": {"pool": "a"}, "pools": {"a": declared}})
    env = {"PODWRIGHT_CONFIG": text}

    def pool(value: dict[str, Any], **more: str) -> str:
        return inputs.load({**IMAGE, **value}, tmp_path, {**env, **more})[0].common.pool

    assert pool({}) == "a"
    assert pool({"builder": "buildkit"}) == "a"
    assert pool({"builder": "kaniko"}) == ""
    assert pool({"pool": ""}) == ""
    assert pool({}, PODWRIGHT_BUILDER="kaniko") == ""


def test_presets_have_a_pod_for_each_pool() -> None:
    made = generate.presets(replace(CONFIG, defaults={"pool": "team-a"}))

    assert made["pool-team-a.json"] == made["buildkit.json"] == made["default.json"]
    assert b"pool-a-client" in made["pool-team-a.json"]
    assert b"pool-a-client" not in made["kaniko.json"]
