"""Engines for the tests: one of each kind for a whole run, more where a test breaks its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import engines
import pytest
from engines import KINDS, create, engine_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs an engine; nothing here runs without root and the programs."""
    here = str(Path(__file__).parent)
    lacking = _lacking()
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.engine)
            if lacking:
                item.add_marker(pytest.mark.skip(reason=lacking))


def _lacking() -> str:
    if os.geteuid() != 0:
        return "an engine needs root"
    programs = ["unshare", "nsenter", "setpriv", "docker", "busybox", "ip", "go"]
    missing = [name for name in programs if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else ""


@pytest.fixture(scope="session")
def places() -> Iterator[Path]:
    """A directory that the plugin's user may enter; pytest closes its own ones to others."""
    with tempfile.TemporaryDirectory(prefix="podwright-") as name:
        yield Path(name)


@pytest.fixture(scope="session", params=KINDS)
def pod(request: pytest.FixtureRequest, places: Path) -> Iterator[engines.Pod]:
    """A pod with an engine behind plugin and gate, an image, a running container and an exec."""
    with engines.Pod(places / request.param, engine_of(request.param)) as made:
        with engines.busybox_image(made) as image:
            made.image = image
        made.container = create(made, Cmd=["sleep", "1000000"])
        made.call("POST", f"/containers/{made.container}/start")
        answer = made.json(
            "POST", f"/containers/{made.container}/exec", {"Cmd": ["true"], "AttachStdout": True}
        )
        made.exec = answer["Id"]
        yield made


@pytest.fixture
def make_pod(places: Path) -> Iterator[Callable[..., engines.Pod]]:
    """Pods of a test's own, entered; they end with the test."""
    made: list[engines.Pod] = []

    def make(kind: str = "new", **more: object) -> engines.Pod:
        one = engines.Pod(places / f"own{len(made)}", engine_of(kind), **more)
        made.append(one)
        return one.__enter__()

    yield make
    for one in made:
        one.__exit__()
