"""The tools of the supply chain, and registries with and without the referrers API."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "host"), str(ROOT / "tests" / "e2e")]

import binaries  # noqa: E402 - after the path is set
from hostrig import PASSWORD, USER  # noqa: E402
from hostservers import Registry, stop, wait_for  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs the tools, which are built when they are not there."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker("trust")


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """Give the path of each tool."""
    names = ("olareg", "oras", "syft", "cosign", "grype")
    binaries.ensure(set(names))
    return {name: str(binaries.path(name)) for name in names}


def free_port() -> int:
    """Give a port that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Olareg:
    """A registry with the referrers API, and without logins."""

    def __init__(self, program: str, folder: Path) -> None:
        self.host = f"127.0.0.1:{free_port()}"
        words = [program, "serve", "--dir", str(folder), "--addr", "127.0.0.1", "--api-delete"]
        words += ["--port", self.host.rpartition(":")[2]]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)

    def close(self) -> None:
        """End the registry."""
        stop(self.process)


@pytest.fixture(scope="session", params=["with referrers", "without referrers"])
def host(
    request: pytest.FixtureRequest,
    tools: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Give a registry's host."""
    folder = tmp_path_factory.mktemp("registry")
    if request.param == "with referrers":
        made: Olareg | Registry = Olareg(tools["olareg"], folder)
        wait_for("the registry", lambda: answers(made.host))
    else:
        made = Registry(folder / "r", {USER: PASSWORD})
    yield made.host
    made.close()


def answers(host: str) -> bool:
    """Say whether somebody listens."""
    words = ["curl", "-sf", f"http://{host}/v2/"]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0
