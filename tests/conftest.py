"""What all tests share: options of the test run, a workspace, and the way to plan a request."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podwright import request as requests
from podwright.config import Config
from podwright.errors import PodwrightError
from podwright.plan import plan
from podwright.workspace import Facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.plan import Plan

ROOT = Path(__file__).parent.parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-golden", action="store_true", help="write the golden files instead of comparing"
    )


def pytest_configure() -> None:
    """Take signals as usual: what nohup or a background job ignores, its children ignore too."""
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of podwright's own repository."""
    return ROOT


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with a Dockerfile, apart from everything else that a test keeps."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    return folder


@pytest.fixture
def facts(workspace: Path) -> Facts:
    """What is known of the workspace: a commit and nothing else."""
    (workspace / ".git").mkdir()
    (workspace / ".git" / "HEAD").write_text(COMMIT, encoding="utf-8")
    return Facts(root=str(workspace))


@pytest.fixture
def planned(facts: Facts) -> Callable[..., Plan]:
    """Plan a request given by its parameters; `config` and `facts` may be given as well."""

    def run(
        value: dict[str, Any], config: Config | None = None, known: Facts | None = None
    ) -> Plan:
        return plan(requests.parse_build(value), config or Config(), known or facts)

    return run


@pytest.fixture
def problems() -> Callable[..., list[str]]:
    """Call something that must be refused, and give the sentences."""

    def refused(function: Callable[..., object], *arguments: object) -> list[str]:
        with pytest.raises(PodwrightError) as caught:
            function(*arguments)
        assert caught.value.exit_code == 2
        return list(caught.value.problems)

    return refused
