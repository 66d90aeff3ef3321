"""What the Docker strategies ask before they build: with a fake client, and nothing else faked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podwright.paths import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "r.example/team/app"
PUSHED = "sha256:" + "ab" * 32  # what the fake's metadata and a push tell
BUILT = "sha256:" + "12" * 32
# What BuildKit in an engine says before it pushes, with containerd's store and without it.
MADE = {
    "containerd": f"#7 exporting manifest {BUILT} 0.0s done\n#7 pushing layers 0.1s done\n",
    "list": f"#7 exporting manifest {PUSHED} done\n#7 exporting manifest list {BUILT} done\n"
    "#7 pushing layers\n",
    "tags": f"#7 writing image {BUILT} done\n#8 pushing {IMAGE}:1 with docker\n",
}
FAILED = "#7 ERROR: failed to push: 401 Unauthorized\n"


@pytest.fixture
def run(planned: Callable[..., Any], sandbox: Any) -> Callable[..., Any]:
    """Build an image.

    `waited`: in a pod whose engine has answered; `system`: in place of /usr, where docker looks.
    """
    sandbox.fake("docker")

    def build(*, waited: bool, system: str = "", env: Any = None, **more: Any) -> Any:
        asked = {"image": IMAGE, "tags": ["1"], "builder": "dind", "push": False, **more}
        script = planned(asked).script
        assert ANSWERS in script
        assert "/usr | /usr/local)" in script
        script = script.replace("/usr | /usr/local)", f"{system or sandbox.home})")
        mark = "/dev/null" if waited else "/nonexistent"
        return sandbox.run(script.replace(ANSWERS, mark), env)

    return build


def _asked(sandbox: Any) -> list[str]:
    """Give the calls before the build, in an order that does not depend on what is quicker."""
    calls = [" ".join(record["argv"]) for record in sandbox.calls()]
    return sorted(call for call in calls if " build " not in f" {call} ")


def _plugin(sandbox: Any, place: str, mode: int = 0o755) -> None:
    sandbox.fake("docker-buildx")
    path = sandbox.home / place / "docker/cli-plugins/docker-buildx"
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nexec "{sandbox.home}/bin/docker-buildx" "$@"\n')
    path.chmod(mode)


def _steps(sandbox: Any) -> list[str]:
    """Give what was called: its program, and the words that tell one use from another."""
    words = "buildx build --push push tag image inspect"
    return [
        " ".join([call["program"], *(word for word in call["argv"] if word in words.split())])
        for call in sandbox.calls()
    ]


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


# Pushing: by the call that builds, where the client can


@pytest.mark.parametrize("name", ["dind", "dind-sidecar", "dood"])
def test_one_process_builds_and_pushes(name: str, run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    done = run(waited=True, builder=name, push=True, tags=["1", "2"])
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    assert _steps(sandbox) == ["docker buildx build --push"]


def test_where_the_engine_is_a_socket_buildx_is_started_without_docker(
    run: Any, sandbox: Any
) -> None:
    _plugin(sandbox, "libexec")
    made = {"waited": True, "push": True}
    assert run(env={"DOCKER_HOST": "unix:///run/engine.sock"}, **made).code == 0
    assert run(env={"DOCKER_HOST": "tcp://engine.example:2376"}, **made).code == 0
    assert _steps(sandbox) == ["docker-buildx build --push", "docker buildx build --push"]


def test_without_buildx_each_tag_is_pushed(run: Any, sandbox: Any) -> None:
    sandbox.rule(when="version", code=1)
    done = run(waited=True, push=True, tags=["1", "2"])
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    assert _steps(sandbox)[-3:] == ["docker build", "docker push", "docker push"]


@pytest.mark.parametrize("said", MADE.values(), ids=MADE)
@pytest.mark.parametrize("name", ["dind", "dood"])
def test_what_was_built_and_not_pushed_is_pushed_without_building_again(
    name: str, said: str, run: Any, sandbox: Any
) -> None:
    _plugin(sandbox, "libexec")
    sandbox.rule(when="build", code=1, text=said + FAILED)
    sandbox.rule(when="push", times=1, code=1, text="503 Service Unavailable\n")
    done = run(waited=True, builder=name, push=True)
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    claims = [["docker", "tag", BUILT, f"{IMAGE}:1"]] if name == "dood" else []
    looks = ["docker image inspect"] if name == "dood" else []
    build, *rest = sandbox.calls()
    assert "--push" in build["argv"]
    assert [["docker", *call["argv"]] for call in rest[: len(claims)]] == claims
    pushes = ["docker push", "docker push"]
    assert _steps(sandbox)[1 + len(claims) :] == [*pushes, *looks]
    assert f"[podwright] pushing {IMAGE}:1\n" in done.log


def test_a_build_that_fails_before_it_pushes_has_failed(run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    text = "#5 [2/3] RUN make\n#5 0.1 pushing layers\n#5 ERROR: did not complete successfully\n"
    sandbox.rule(when="build", code=1, text=text)
    done = run(waited=True, push=True)
    assert done.code == 1
    assert f"[podwright] ERROR: building {IMAGE}: failed with exit code 1" in done.log
    assert _steps(sandbox) == ["docker buildx build --push"]


@pytest.mark.parametrize("known", [PUSHED, BUILT])
def test_a_digest_counts_when_the_engine_knows_it_as_that_of_this_image(
    known: str, run: Any, sandbox: Any
) -> None:
    """An engine without containerd's store pushes tags; the digest is what the registry says."""
    _plugin(sandbox, "libexec")
    (sandbox.home / "iid").write_text(BUILT)
    sandbox.rule(when="inspect", text=f"other.example/app@{BUILT}\n{IMAGE}@{known}\n")
    done = run(waited=True, push=True)
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    again = [] if known == PUSHED else ["docker push"]
    assert _steps(sandbox) == ["docker buildx build --push", "docker image inspect", *again]


@pytest.mark.parametrize("cache", [None, "r.example/team/cache"])
def test_a_login_for_pushing_alone_is_there_while_pushing_alone(
    cache: str | None, run: Any, sandbox: Any
) -> None:
    """But where a cache is written: that is a part of the build."""
    _plugin(sandbox, "libexec")
    login = {"variable": "OWN", "use": "push"}
    env = {"OWN_USR": "u", "OWN_PSW": "p"}
    done = run(waited=True, push=True, credentials=login, cache=cache, env=env)
    assert done.code == 0, done.log
    build, *rest = sandbox.calls()
    assert ("DOCKER_CONFIG" in build["files"], len(rest)) == ((True, 0) if cache else (False, 1))
