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
PUSHING = ["#7 pushing layers 0.1s done\n", f"#8 pushing {IMAGE}:1 with docker\n"]
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
    assert build["argv"][:3] == ["build", "--progress", "plain"]


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
    (build,) = sandbox.calls()
    assert _steps(sandbox) == ["docker-buildx build --push"]
    words = build["argv"]
    tags = [words[number + 1] for number, word in enumerate(words) if word == "--tag"]
    assert tags == [f"{IMAGE}:1", f"{IMAGE}:2"]


def test_outside_of_a_pod_docker_says_which_buildx_it_is(run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    assert run(waited=False, push=True).code == 0
    assert _steps(sandbox)[-1] == "docker buildx build --push"


def test_without_buildx_each_tag_is_pushed(run: Any, sandbox: Any) -> None:
    sandbox.rule(when="version", code=1)
    done = run(waited=True, push=True, tags=["1", "2"])
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    assert _steps(sandbox)[-3:] == ["docker build", "docker push", "docker push"]


@pytest.mark.parametrize("said", PUSHING)
@pytest.mark.parametrize("name", ["dind", "dood"])
def test_when_pushing_fails_each_tag_of_what_the_engine_has_is_pushed(
    name: str, said: str, run: Any, sandbox: Any
) -> None:
    _plugin(sandbox, "libexec")
    sandbox.rule(when="--push", code=1, text=said + FAILED)
    sandbox.rule(when="push", times=1, code=1, text="503 Service Unavailable\n")
    done = run(waited=True, builder=name, push=True, tags=["1", "2"])
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    claim = ["docker tag"] if name == "dood" else []
    builds = ["docker-buildx build --push", "docker-buildx build"]
    pushes = [*claim, "docker push", "docker push", *claim, "docker push"]
    assert _steps(sandbox) == [*builds, *pushes]
    claimed = [["tag", PUSHED, f"{IMAGE}:{tag}"] for tag in ("1", "2")] if claim else []
    assert [call["argv"] for call in sandbox.calls("tag")] == claimed
    assert f"[podwright] pushing {IMAGE}:1\n" in done.log


def test_what_a_step_says_is_not_taken_for_pushing(run: Any, sandbox: Any) -> None:
    """The name of a step may hold any text, that of other lines too."""
    _plugin(sandbox, "libexec")
    text = f"#5 [2/3] RUN echo a\n#9 exporting manifest {BUILT}\n#9 pushing layers\n"
    sandbox.rule(when="build", code=1, text=f"{text}#5 ERROR: did not complete successfully\n")
    done = run(waited=True, builder="dood", push=True)
    assert done.code == 1
    assert f"[podwright] ERROR: building {IMAGE}: failed with exit code 1" in done.log
    assert _steps(sandbox) == ["docker-buildx build --push", "docker-buildx build"]


def test_a_build_that_fails_before_it_pushes_has_failed(run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    text = "#5 [2/3] RUN make\n#5 0.1 pushing layers\n#5 ERROR: did not complete successfully\n"
    sandbox.rule(when="build", code=1, text=text)
    done = run(waited=True, push=True)
    assert done.code == 1
    assert f"[podwright] ERROR: building {IMAGE}: failed with exit code 1" in done.log
    assert _steps(sandbox) == ["docker-buildx build --push"]


def test_pushing_that_fails_after_a_cache_did_is_tried_again(run: Any, sandbox: Any) -> None:
    _plugin(sandbox, "libexec")
    refused = "ERROR: Cache export is not supported for the docker driver.\n"
    sandbox.rule(when="--push", times=1, code=1, text=refused)
    sandbox.rule(when="--push", times=1, code=1, text=PUSHING[0] + "503 Service Unavailable\n")
    done = run(waited=True, push=True, cache="r.example/team/cache")
    assert (done.code, done.value["digest"]) == (0, PUSHED)
    build = "docker-buildx build"
    assert _steps(sandbox) == [f"{build} --push", f"{build} --push", build, "docker push"]


@pytest.mark.parametrize("more", [{"output": "app.tar"}, {"cache": False}])
def test_what_must_not_be_pushed_yet_or_built_twice_is_pushed_apart(
    more: dict[str, Any], run: Any, sandbox: Any
) -> None:
    _plugin(sandbox, "libexec")
    sandbox.rule(when="--output", code=1, text="no space left on device\n")
    done = run(waited=True, push=True, **more)
    fails = "output" in more
    assert done.code == (1 if fails else 0)
    last = "docker buildx build" if fails else "docker push"
    assert _steps(sandbox) == ["docker-buildx build", last]


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
    assert _steps(sandbox) == ["docker-buildx build --push", "docker image inspect", *again]


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


@pytest.mark.parametrize(("registry", "then"), [("docker.io", []), ("r.example", ["docker push"])])
def test_a_login_for_pulling_from_elsewhere_parts_nothing(
    registry: str, then: list[str], run: Any, sandbox: Any
) -> None:
    _plugin(sandbox, "libexec")
    logins = [{"variable": "OWN"}, {"variable": "HUB", "registry": registry, "use": "pull"}]
    env = {"OWN_USR": "u", "OWN_PSW": "p", "HUB_USR": "h", "HUB_PSW": "q"}
    done = run(waited=True, push=True, credentials=logins, env=env)
    assert done.code == 0, done.log
    assert _steps(sandbox)[1:] == then
