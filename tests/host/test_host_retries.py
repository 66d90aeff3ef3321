"""Pushes to a registry that is in trouble for a while, and to one that refuses for good.

A real registry stands behind a proxy that injects the faults. The builds with long outages run side
by side: they mostly wait.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import PASSWORD, USER, WAYS, Outcome, Place, Way, request_for
from hostservers import Engine, Fault, FaultProxy, Registry

from podwright.builders._base import shell_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.append(str(Path(__file__).parents[1] / "e2e"))
import binaries

pytestmark = pytest.mark.engine
UPLOADS = r"/blobs/uploads/"
# Ten seconds, as the requirement says; the short ones only have to be seen once or twice.
LONG, SHORT = 10.0, 1.5
DENIED = b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
LIMIT = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"too many requests"}]}'

TROUBLES = {
    "500": Fault(status=500, seconds=LONG),
    "502": Fault(status=502, seconds=SHORT),
    "503": Fault(status=503, seconds=LONG, body=b"<html>Service Unavailable</html>"),
    "429-with-retry-after": Fault(
        status=429, seconds=LONG, headers={"Retry-After": "4"}, body=LIMIT
    ),
    "429": Fault(status=429, seconds=LONG, body=LIMIT),
    "reset-in-mid-layer": Fault(
        reset=100_000, seconds=LONG, methods=("PATCH", "PUT"), path=UPLOADS
    ),
    "reply-to-the-manifest-lost": Fault(
        lose_reply=True, times=1, methods=("PUT",), path=r"/manifests/"
    ),
    "slow": Fault(delay=0.4, seconds=60),
}
# One client of the engine is enough: it is the engine that pushes.
PUSHERS = [way for way in WAYS if way.builder == "buildah"] + [
    way for way in WAYS if way.builder == "dood"
][-1:]


@dataclass
class Push:
    """How a push through a proxy went."""

    outcome: Outcome
    proxy: FaultProxy
    left: list[str]
    asked: dict[str, Any]


def push(root: Path, registry: Registry, way: Way, fault: Fault, **more: Any) -> Push:
    """Build an image with a layer that no registry has, and push it through a fault."""
    proxy = FaultProxy(registry.host)
    place = Place(root, {"REG_USR": USER, "REG_PSW": PASSWORD})
    try:
        proxy.fault = fault
        place.fill("FROM scratch\nCOPY layer /layer\n")
        (place.work / "layer").write_bytes(os.urandom(600_000))
        name = f"{proxy.host}/trouble/{root.name}"
        asked = request_for(proxy.host, image=name, builder=way.builder, **more)
        outcome = place.build(asked, env=way.env)
        return Push(outcome, proxy, place.leftovers(), asked)
    finally:
        place.close()
        proxy.close()


@pytest.fixture(scope="module")
def pushes(
    tmp_path_factory: pytest.TempPathFactory, registry: Registry, engine: Engine
) -> Iterator[dict[tuple[str, str], Push]]:
    """All pushes through trouble, by name of the trouble and of the way."""
    root = tmp_path_factory.mktemp("pushes")
    with ThreadPoolExecutor(len(TROUBLES) * len(PUSHERS)) as pool:
        waiting = {
            (name, way.name): pool.submit(
                push,
                root / f"{name}-{way.name}",
                registry,
                way.with_engine(engine) if way.builder == "dood" else way,
                Fault(**{**vars(fault), "met": []}),
            )
            for way in PUSHERS
            for name, fault in TROUBLES.items()
        }
        yield {key: future.result() for key, future in waiting.items()}


@pytest.mark.slow
@pytest.mark.parametrize("way", PUSHERS, ids=lambda way: way.name)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_push_survives(
    pushes: dict[tuple[str, str], Push], registry: Registry, trouble: str, way: Way
) -> None:
    done = pushes[trouble, way.name]
    assert done.outcome.code == 0, done.outcome.log
    assert done.proxy.fault.met, "the fault was never met"
    repository = f"trouble/{trouble}-{way.name}"
    assert registry.tags(repository) == ["1"]
    assert (
        done.outcome.value["reference"] == f"{done.asked['image']}@{done.outcome.value['digest']}"
    )
    assert done.left == []


def test_an_accepted_manifest_whose_reply_is_lost_is_pushed_again(
    pushes: dict[tuple[str, str], Push],
) -> None:
    for way in PUSHERS:
        done = pushes["reply-to-the-manifest-lost", way.name]
        assert done.proxy.statuses("PUT", "/manifests/") == [0, 201]


def test_a_slow_registry_costs_no_second_try(pushes: dict[tuple[str, str], Push]) -> None:
    for way in PUSHERS:
        assert "looks transient" not in pushes["slow", way.name].outcome.log


@pytest.mark.parametrize("way", PUSHERS, ids=lambda way: way.name)
def test_a_wrong_password_is_not_tried_again(
    tmp_path: Path, registry: Registry, engine: Engine, way: Way
) -> None:
    chosen = way.with_engine(engine) if way.builder == "dood" else way
    wrong = Way(way.name, way.builder, {**chosen.env, "REG_PSW": "wrong"})
    done = push(tmp_path / f"wrong-{way.name}", registry, wrong, Fault())
    image = f"{done.asked['image']}:1"
    *said, error = done.outcome.said
    assert said == [f"building {done.asked['image']}", f"pushing {image}"]
    assert error == (
        f"ERROR: pushing {image}: the registry {done.proxy.host} refused the login 'REG' (401); "
        "check its user name, its password and whether it may be used for this repository"
    )
    assert (done.outcome.code, done.outcome.out) == (1, "")
    assert set(done.proxy.statuses("POST")) <= {401}
    assert done.proxy.statuses("PATCH") + done.proxy.statuses("PUT") == []
    assert done.left == []


@pytest.mark.parametrize("way", PUSHERS, ids=lambda way: way.name)
def test_a_login_that_may_not_push_is_not_tried_again(
    tmp_path: Path, registry: Registry, engine: Engine, way: Way
) -> None:
    chosen = way.with_engine(engine) if way.builder == "dood" else way
    # Only the tag is forbidden: a forbidden layer the engine itself tries for 50 s.
    fault = Fault(status=403, body=DENIED, methods=("PUT",), path=r"/manifests/")
    done = push(tmp_path / f"denied-{way.name}", registry, chosen, fault)
    image = f"{done.asked['image']}:1"
    _, said, error = done.outcome.said
    assert said == f"pushing {image}"
    assert error == (
        f"ERROR: pushing {image}: the registry {done.proxy.host} does not allow this to the login "
        "'REG' (403); give the login the right to pull from or push to the repository, and check "
        "the repository's name"
    )
    assert done.proxy.statuses("PUT", "/manifests/") == [403]
    assert done.left == []


def test_trouble_that_lasts_ends_after_the_retries_that_were_asked_for(
    tmp_path: Path, registry: Registry
) -> None:
    fault = Fault(status=503, seconds=600)
    done = push(tmp_path / "lasting", registry, PUSHERS[0], fault, retries=1)
    image = f"{done.asked['image']}:1"
    waited = done.outcome.said[2].split()[-2]
    *said, error = done.outcome.said[1:]
    assert said == [
        f"pushing {image}",
        f"that looks transient; try 1 of 1 in {waited} s",
        f"pushing {image}",
    ]
    assert error == (
        f"ERROR: pushing {image}: the registry {done.proxy.host} has trouble of its own (a 5xx "
        "answer); try again later, or look at the registry's log"
    )
    assert done.left == []


@pytest.fixture(scope="module", params=["buildah", "podman", "buildah-new", "podman-new"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Way:
    """Buildah and Podman, this system's and those of podwright's images."""
    builder, new, _ = request.param.partition("-new")
    if not new:
        return next(way for way in WAYS if way.builder == builder)
    binaries.ensure({builder})
    folder = tmp_path_factory.mktemp(builder)
    # They look for it, and with chroot isolation have nothing for it to do.
    (folder / "netavark").write_text("#!/bin/sh\nexit 1\n")
    (folder / "netavark").chmod(0o755)
    (folder / "containers.conf").write_text(f'[engine]\nhelper_binaries_dir = ["{folder}"]\n')
    path = f"{binaries.path(builder).parent}:{os.environ['PATH']}"
    conf = str(folder / "containers.conf")
    return Way(request.param, builder, {"PATH": path, "CONTAINERS_CONF": conf})


# What a registry that answers nothing but 503 is asked by one push, by the first look at a base
# image, and by one build. The system's versions never try again by themselves, and look for two
# forms of login; Buildah's push of today cannot be told not to, but it does so at once.
ASKED = {
    "buildah": (2, 2, 2),
    "podman": (2, 2, 2),
    "buildah-new": (4, 4, 1),
    "podman-new": (1, 4, 1),
}


def test_a_dead_registry_is_asked_as_often_as_podwright_tries(
    tmp_path: Path, registry: Registry, library: Way
) -> None:
    pushing, looking, building = ASKED[library.name]
    dead = Fault(status=503, seconds=600)
    pushed = push(tmp_path / "push", registry, library, dead, retries=2)
    assert pushed.outcome.code == 1
    assert pushed.outcome.said[-1].endswith("try again later, or look at the registry's log")
    assert pushed.proxy.statuses("GET") == [503] * 3 * pushing

    proxy = FaultProxy(registry.host)
    place = Place(tmp_path / "pull", {"REG_USR": USER, "REG_PSW": PASSWORD})
    place.fill(f"FROM {proxy.host}/trouble/base:1\n")
    proxy.fault = Fault(status=503, seconds=600)
    asked = request_for(proxy.host, builder=library.builder, push=False, retries=2)
    done = place.build(asked, env=library.env)
    place.close()
    proxy.close()
    assert done.code == 1
    assert proxy.statuses("GET") == [503] * (looking + 3 * building)


def test_a_container_finds_out_while_it_starts_whether_its_program_can_be_told(
    tmp_path: Path, library: Way
) -> None:
    """So that no build waits for that."""
    place = Place(tmp_path, library.env)
    conf = tmp_path / "storage.conf"
    words = ("sh", "-c", shell_functions("storage"), str(tmp_path / "store"), library.builder)
    place.tool(*words, env={"CONTAINERS_STORAGE_CONF": str(conf)})
    place.close()
    assert Path(f"{conf}.once").exists() == (library.name != "podman")
    assert not Path(f"{conf}.trying").exists()


def test_a_base_image_is_pulled_again_after_trouble(
    tmp_path: Path, registry: Registry, engine: Engine
) -> None:
    name = "trouble/base"
    first = push(tmp_path / "base", registry, PUSHERS[0], Fault())
    assert first.outcome.code == 0, first.outcome.log
    for way in PUSHERS:
        chosen = way.with_engine(engine) if way.builder == "dood" else way
        proxy = FaultProxy(registry.host)
        place = Place(tmp_path / f"pull-{way.name}", {"REG_USR": USER, "REG_PSW": PASSWORD})
        place.fill(f"FROM {proxy.host}/{name}:1\nCOPY Dockerfile /own\n")
        proxy.fault = Fault(status=503, seconds=1, methods=("GET",))
        asked = request_for(proxy.host, builder=way.builder, push=False)
        done = place.build(asked, env=chosen.env)
        place.close()
        proxy.close()
        assert done.code == 0, done.log
        assert proxy.fault.met


def test_a_failing_step_that_speaks_of_the_network_is_not_tried_again(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(
        "FROM scratch\nCOPY busybox /bin/busybox\n"
        'RUN ["/bin/busybox", "sh", "-c", "echo pull blob: connection reset by peer; exit 7"]\n'
    )
    done = place.build(request_for(registry, builder=way.builder), env=way.env)
    assert done.code == 1
    assert "looks transient" not in done.log
