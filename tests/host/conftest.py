"""Fixtures of the tests that really build and push on this machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostrig import PASSWORD, USER, WALKED, WAYS, Place, Way
from hostservers import Authority, Engine, FaultProxy, Registry, make_authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs root and the packages of `make setup`."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker("host")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how long each walk-through took."""
    for name, seconds in config.stash.get(WALKED, []):
        terminalreporter.write_line(f"{seconds:5.0f} s  {name}")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a password, over plain HTTP."""
    made = Registry(tmp_path_factory.mktemp("registry") / "r", {USER: PASSWORD})
    yield made
    made.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that nobody knows."""
    return make_authority(tmp_path_factory.mktemp("authority") / "a")


@pytest.fixture(scope="session")
def tls_registry(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Registry]:
    """A registry with a password, over TLS with an authority of its own."""
    made = Registry(tmp_path_factory.mktemp("tls") / "r", {USER: PASSWORD}, authority)
    yield made
    made.close()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Engine]:
    """A Docker Engine of the tests' own."""
    made = Engine(tmp_path_factory.mktemp("engine") / "e", authority.ca)
    yield made
    made.close()


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    """A proxy before the registry, without a fault so far."""
    made = FaultProxy(registry.host)
    yield made
    made.close()


@pytest.fixture
def places() -> Iterator[Callable[[str], Place]]:
    """Make workspaces; afterwards nothing of them runs, is mounted or is there."""
    # A short path: addresses of sockets, such as an ssh agent's, have 107 characters.
    root = Path(tempfile.mkdtemp(prefix="pw-"))
    made: list[Place] = []

    def make(name: str) -> Place:
        made.append(Place(root / name, {"REG_USR": USER, "REG_PSW": PASSWORD}))
        return made[-1]

    yield make
    for place in made:
        place.close()
    shutil.rmtree(root)


@pytest.fixture
def place(places: Callable[[str], Place]) -> Place:
    """A workspace with a Dockerfile."""
    made = places("place")
    made.fill()
    return made


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each way to build that this machine has: Buildah, and the Docker Engine by each client."""
    chosen: Way = request.param
    if chosen.builder != "dood":
        return chosen
    return chosen.with_engine(request.getfixturevalue("engine"))
