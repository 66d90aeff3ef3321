"""What the Docker strategies ask before they build: with a fake client, and nothing else faked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podwright.paths import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "r.example/team/app"


@pytest.fixture
def run(planned: Callable[..., Any], sandbox: Any) -> Callable[..., Any]:
    """Build an image.

    `waited`: in a pod whose engine has answered; `system`: in place of /usr, where docker looks.
    """
    sandbox.fake("docker")

    def build(*, waited: bool, system: str = "", **more: Any) -> Any:
        asked = {"image": IMAGE, "tags": ["1"], "builder": "dind", "push": False, **more}
        script = planned(asked).script
        assert ANSWERS in script
        assert "/usr | /usr/local)" in script
        script = script.replace("/usr | /usr/local)", f"{system or sandbox.home})")
        return sandbox.run(script.replace(ANSWERS, "/dev/null" if waited else "/nonexistent"))

    return build


def _asked(sandbox: Any) -> list[str]:
    """Give the calls before the build, in an order that does not depend on what is quicker."""
    calls = [" ".join(record["argv"]) for record in sandbox.calls()]
    return sorted(call for call in calls if " build " not in f" {call} ")


def _plugin(sandbox: Any, place: str, mode: int = 0o755) -> None:
    path = sandbox.home / place / "docker/cli-plugins/docker-buildx"
    path.parent.mkdir(parents=True)
    path.write_text("")
    path.chmod(mode)


@pytest.mark.parametrize("place", ["lib", "libexec"])
def test_a_pod_that_has_waited_for_its_engine_starts_the_build_alone(
    place: str, run: Any, sandbox: Any
) -> None:
    _plugin(sandbox, place)
    done = run(waited=True)
    assert (done.code, _asked(sandbox)) == (0, [])
    (build,) = sandbox.calls()
    assert build["argv"][:4] == ["buildx", "build", "--progress", "plain"]


@pytest.mark.parametrize(("mode", "system"), [(None, ""), (0o644, ""), (0o755, "/usr")])
def test_buildx_that_lies_elsewhere_or_cannot_run_is_asked_for(
    mode: int | None, system: str, run: Any, sandbox: Any
) -> None:
    if mode:
        _plugin(sandbox, "libexec", mode)
    sandbox.rule(when="version", code=1, text="docker: 'buildx' is not a docker command\n")
    done = run(waited=True, system=system)
    assert done.code == 0, done.log
    asked = ["buildx version", "version --format {{.Client.Version}}"]
    assert _asked(sandbox) == asked
    assert sandbox.calls("build")[0]["env"]["DOCKER_BUILDKIT"] == "0"


def test_an_engine_that_nobody_has_waited_for_is_asked_once(run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    images = [{"image": IMAGE, "tags": [tag]} for tag in ("1", "2")]
    done = run(waited=False, image=None, tags=None, images=images)
    assert done.code == 0, done.log
    assert _asked(sandbox) == ["version"]


def test_an_engine_that_does_not_answer_is_named_before_the_build(run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    sandbox.rule(when="version", code=1)
    done = run(waited=False)
    assert (done.code, done.log.splitlines()[-1]) == (
        1,
        (
            "[podwright] ERROR: no Docker Engine answers at unix:///var/run/docker.sock; start "
            "one, or use a strategy without an engine"
        ),
    )
    assert sandbox.calls("buildx") == []
