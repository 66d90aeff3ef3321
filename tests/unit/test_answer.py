"""The command that answers a job of the bridge."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from podwright import __version__, cli, strategies
from podwright.commands import answer
from podwright.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = {"image": "r.example/team/app", "tags": ["1"], "builder": "buildah"}


def ask(job: Path, env: dict[str, str] | None = None) -> int:
    """Run `podwright answer`."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), env or {})
    return cli.run(["answer", str(job)], console)


@pytest.fixture
def job(tmp_path: Path, workspace: Path) -> Path:
    folder = tmp_path / "job"
    folder.mkdir()
    write(folder, workspace)
    return folder


def write(folder: Path, workspace: Path, request: Any = None, env: str = "") -> None:
    """Put what the bridge puts there."""
    value = REQUEST if request is None else request
    (folder / "request.json").write_text(json.dumps(value), encoding="utf-8")
    (folder / "env").write_text(f"PWD={workspace}\n{env}", encoding="utf-8")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_good_request_is_answered_with_a_script_that_removes_the_job(job: Path) -> None:
    assert ask(job) == 0

    assert files(job) == ["answered", "build.sh", "env", "request.json"]
    script = (job / "build.sh").read_text(encoding="utf-8")
    assert script.startswith(f"#!/bin/sh\nPW_JOB={job}\n")


def test_all_problems_are_answered_in_one_sentence_each(job: Path, workspace: Path) -> None:
    write(job, workspace, {"image": "App", "tags": ["a b"], "builder": "buildah"})

    assert ask(job) == 0

    assert files(job) == ["answer.json", "answered", "env", "request.json"]
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "buildImage: image: 'App' is not a valid image name: repositories are lower "
        "case; 'app' would be one\ntags[0]: 'a b' is not a valid tag (1 to 128 letters, "
        "digits, '_', '.' and '-', not beginning with '.' or '-'); 'a-b' would be one"
    }


def test_a_defect_is_answered_with_its_trace_and_fails(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(answer, "_answer_build", broken)

    with pytest.raises(ZeroDivisionError):
        ask(job)

    error = json.loads((job / "answer.json").read_text(encoding="utf-8"))["error"]
    assert error.startswith(
        "buildImage: podwright has a defect; please report this:\nTraceback (most recent call last)"
    )
    assert error.endswith("ZeroDivisionError: a defect\n")
    assert (job / "answered").exists()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of sixteen kilobytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k,nr_inodes=20", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this machine allows no mounts")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence(tiny: Path, workspace: Path) -> None:
    write(tiny, workspace)
    with (tiny / "filler").open("wb", buffering=0) as file:
        file.write(b"x" * 4096)

    assert ask(tiny) == 0

    assert json.loads((tiny / "answer.json").read_text(encoding="utf-8")) == {
        "error": "buildImage: the build script cannot be written into the workspace: No space left "
        "on device; make room there"
    }
    assert (tiny / "answered").exists()
    assert not (tiny / "build.sh").exists()


def test_the_environment_of_the_build_gives_labels(job: Path, workspace: Path) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git/HEAD").write_text("c" * 40)
    # Jenkins leaves the commit of the library there.
    env = "BRANCH_NAME=feature/$(reboot)\nGIT_COMMIT=" + "1" * 40 + "\nBUILD_URL=http://j/1/\n"
    write(job, workspace, env=env)

    ask(job)

    script = (job / "build.sh").read_text(encoding="utf-8")
    assert "--label 'org.opencontainers.image.ref.name=feature/$(reboot)'" in script
    assert f"--label org.opencontainers.image.revision={'c' * 40}" in script


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e", "\r"])
def test_a_branch_name_cannot_bring_variables_of_its_own(character: str) -> None:
    text = f"PWD=/workspace\nBRANCH_NAME=x{character}PWD=/\nGIT_URL=u\n"

    assert answer.read_env(text) == {
        "PWD": "/workspace",
        "BRANCH_NAME": f"x{character}PWD=/",
        "GIT_URL": "u",
    }


def test_the_organisations_config_may_have_several_lines_and_the_pods_wins(job: Path) -> None:
    (job / "config").write_text("# Acme\nbuilders: [kaniko]\n", encoding="utf-8")
    assert ask(job) == 0
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "buildImage: builder: 'buildah' is not allowed by the organisation; allowed are "
        "kaniko"
    }
    assert ask(job, {"PODWRIGHT_CONFIG": "builders: [buildah]"}) == 0
    assert (job / "build.sh").exists()


def test_values_may_hold_equals_signs_and_lines_without_one_are_dropped() -> None:
    assert answer.read_env("A=b=c\nnothing\n=x\nB=\n") == {"A": "b=c", "B": ""}


def test_a_job_without_its_files_is_a_defect_that_is_answered(tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()

    with pytest.raises(FileNotFoundError):
        ask(job)

    assert (job / "answered").exists()


def test_no_secret_of_the_environment_gets_into_the_script(job: Path, workspace: Path) -> None:
    credentials = [{"credentialsId": "login", "variable": "PODWRIGHT_1"}]
    write(job, workspace, {**REQUEST, "credentials": credentials})

    ask(job, {"PODWRIGHT_1_USR": "me", "PODWRIGHT_1_PSW": "hunter2-and-more"})

    assert "hunter2" not in (job / "build.sh").read_text(encoding="utf-8")


SLOW = {
    "podwright.pod",
    "podwright.authz",
    "podwright.dood",
    "podwright.pools",
    "dataclasses",
    "hashlib",
    "inspect",
    "pkgutil",
    "typing",
    "yaml",
    "zipfile",
    "tempfile",
    "textwrap",
    "traceback",
}


@pytest.mark.parametrize("name", strategies.names())
def test_in_a_pod_no_pod_is_rendered(job: Path, workspace: Path, name: str) -> None:
    """Told by a process of its own: neither what makes pods nor slow modules are imported."""
    write(job, workspace, {**REQUEST, "builder": name})
    program = (
        "import sys; from podwright import cli; "
        f"code = cli.main(['answer', {str(job)!r}]); "
        f"print(code, sorted({SLOW} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, env={"PODWRIGHT_BUILDER": name},
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("0 []\n", "")
    assert (job / "build.sh").exists()


def test_answers_are_files_of_the_right_form_for_a_bare_interpreter(job: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "podwright", "answer", str(job)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


ORGANISATION = {
    "builder": "buildah",
    "builders": ["buildah", "kaniko"],
    "registries": {"localhost:5001": {"http": True}},
    "defaults": {
        "retries": 2,
        "credentials": "registry-login",
        "secrets": [{"id": "npm", "credentialsId": "npm-token"}],
    },
}


def test_credentials_of_the_organisations_defaults_are_asked_for_first(
    job: Path, workspace: Path
) -> None:
    write(job, workspace)
    ask(job, {"PODWRIGHT_CONFIG": json.dumps(ORGANISATION)})

    assert files(job) == ["answer.json", "answered", "env", "request.json"]
    asked = json.loads((job / "answer.json").read_text("utf-8"))
    wanted = {key: ORGANISATION["defaults"][key] for key in ("credentials", "secrets")}
    assert asked == {"defaults": wanted}


def test_with_the_bound_credentials_the_defaults_of_an_organisation_build(
    job: Path, workspace: Path
) -> None:
    login = {"credentialsId": "registry-login", "variable": "PODWRIGHT_1"}
    secret = {"id": "npm", "credentialsId": "npm-token", "variable": "PODWRIGHT_2"}
    write(job, workspace, {**REQUEST, "credentials": login, "secrets": [secret]})
    ask(job, {"PODWRIGHT_CONFIG": json.dumps(ORGANISATION)})

    script = (job / "build.sh").read_text("utf-8")
    assert "PODWRIGHT_1" in script
    assert "PODWRIGHT_2" in script


def test_credentials_that_a_repository_names_by_default_are_never_bound(
    job: Path, workspace: Path
) -> None:
    # Whoever may change the repository could have any credential of the job sent anywhere.
    (workspace / ".podwright.yaml").write_text("defaults: {credentials: production}\n")
    ask(job)

    assert json.loads((job / "answer.json").read_text("utf-8"))["error"].startswith(
        "buildImage: .podwright.yaml:1:12: defaults.credentials[0]: a Jenkins credential exists "
    )


def test_presets_of_another_version_are_refused_and_those_of_a_patch_are_not(job: Path) -> None:
    major, minor, _ = __version__.split(".")

    ask(job, {"PODWRIGHT_VERSION": f"{major}.{minor}.99"})
    assert "build.sh" in files(job)
    (job / "build.sh").unlink()
    ask(job, {"PODWRIGHT_VERSION": f"{major}.99.0"})

    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": f"buildImage: the presets were rendered by podwright {major}.99.0, and this is "
        f"{__version__}; render them again with `podwright generate --presets`, or pin the "
        "library's version"
    }


PUSHING = {"variable": "OUT", "use": "push"}


def turns_of(job: Path, workspace: Path, builder: str, **more: Any) -> list[str]:
    """Give what is done, in order, in a pod of a strategy: commands by name, `build`."""
    write(job, workspace, {**REQUEST, "builder": builder, **more}, f"PODWRIGHT_BUILDER={builder}\n")
    ask(job)
    if not (job / "answer.json").exists():
        return ["build"]
    answered = json.loads((job / "answer.json").read_text(encoding="utf-8"))
    (job / "answer.json").unlink()
    return [turn.get("command", "build") for turn in answered["turns"]]


def test_a_login_for_pushing_alone_is_kept_from_where_steps_would_see_it(
    job: Path, workspace: Path
) -> None:
    assert turns_of(job, workspace, "kaniko", credentials=[PUSHING]) == ["build", "push"]


@pytest.mark.parametrize("builder", [name for name in strategies.names() if name != "kaniko"])
def test_elsewhere_the_build_pushes_itself(job: Path, workspace: Path, builder: str) -> None:
    assert turns_of(job, workspace, builder, credentials=[PUSHING]) == ["build"]


@pytest.mark.parametrize(
    "more",
    [
        {"credentials": [{"variable": "BOTH"}]},
        {"credentials": [PUSHING], "push": False, "output": "a.tar"},
        {"credentials": [PUSHING], "cache": True},
        {"credentials": [PUSHING], "alone": True},
    ],
    ids=["for both", "nothing is pushed", "a cache is written", "in a turn"],
)
def test_it_is_the_builds_own_where_that_needs_it(
    job: Path, workspace: Path, more: dict[str, Any]
) -> None:
    assert turns_of(job, workspace, "kaniko", **more) == ["build"]


def test_a_cache_that_is_only_read_elsewhere_leaves_the_push_apart(
    job: Path, workspace: Path
) -> None:
    for host, turns in (("other.example", ["build", "push"]), ("r.example", ["build"])):
        cache = {"ref": f"{host}/team/cache", "write": False}
        assert turns_of(job, workspace, "kaniko", credentials=[PUSHING], cache=cache) == turns


@pytest.mark.parametrize(
    ("dockerfile", "turns"),
    [
        ("FROM r.example/team/base:1\n", ["build"]),
        ("FROM alpine\nCOPY --from=r.example/team/tool /a /a\n", ["build"]),
        ("ARG BASE\nFROM $BASE\n", ["build"]),
        ("FROM other.example/team/base:1\n", ["build", "push"]),
    ],
    ids=["its base", "a source", "nobody knows", "another registry's"],
)
def test_a_login_that_the_build_pulls_with_is_the_builds(
    job: Path, workspace: Path, dockerfile: str, turns: list[str]
) -> None:
    (workspace / "Dockerfile").write_text(dockerfile)
    assert turns_of(job, workspace, "kaniko", credentials=[PUSHING]) == turns


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def test_no_job_waits_for_what_is_loaded_later(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    done: list[str] = []

    def late() -> None:
        done.append("late")
        os.write(writer, b"/c\n")

    os.write(writer, b"/a\n/b\n")
    jobs = answer._jobs(reader, [late, lambda: done.append("later")])
    for job in jobs:
        done.append(str(job))
        if str(job) == "/c":
            os.close(writer)

    assert done == ["/a", "/b", "late", "/c"]


def test_what_is_loaded_later_is_there_before_a_job_that_comes_late(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    done: list[str] = []
    steps = [lambda: done.append("described"), lambda: os.write(writer, b"/a\n")]
    assert str(next(answer._jobs(reader, steps))) == "/a"
    assert done == ["described"]
    os.close(writer)
