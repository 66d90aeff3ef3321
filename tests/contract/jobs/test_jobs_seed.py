"""The step provisionJobs: examples/seed run by the pipeline runner, with the real bundle."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podwright import bundle
from podwright.console import Console
from podwright.jobs import bundle_contents, generated, seeding

if TYPE_CHECKING:
    from jobs_controller import JobsController

    from conftest import Target

ROOT = Path(__file__).parents[3]
SEED = ROOT / "examples" / "seed"
RUNNER = ROOT / "tests" / "runner" / "run-pipeline"
needs_java = pytest.mark.skipif(not shutil.which("java"), reason="the pipeline runner needs Java")


class Seed:
    """One build of the seed job in a workspace of its own."""

    def __init__(self, target: Target, jenkinsfile: str | None = None) -> None:
        self.target = target
        self.scm = target.home / "scm"
        shutil.copytree(SEED, self.scm)
        if jenkinsfile is not None:
            (self.scm / "Jenkinsfile").write_text(jenkinsfile)
        self.credentials = target.home / "credentials.json"
        entry = {"type": "usernamePassword", "username": "admin", "password": target.secret}
        self.credentials.write_text(json.dumps({"jenkins-seed": entry}))

    def run(self, *options: str, **env: str) -> tuple[int, str, dict[str, object]]:
        """Run it; gives exit code, log and report."""
        report = self.target.home / "report.json"
        arguments = [
            str(RUNNER),
            "--library", f"podwright={ROOT}",
            "--workspace-root", str(self.target.home / "runner"),
            "--scm", str(self.scm),
            "--credentials", str(self.credentials),
            "--report", str(report),
            "--env", f"JENKINS_URL={self.target.url}/",
            *options,
        ]  # fmt: skip
        for name, value in env.items():
            arguments += ["--env", f"{name}={value}"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [*arguments, str(self.scm / "Jenkinsfile")],
            env={**os.environ, "PATH": path},
            cwd=self.target.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        data = json.loads(report.read_text()) if report.exists() else {}
        return done.returncode, done.stdout, data


@needs_java
@pytest.mark.slow
@pytest.mark.parametrize("sandbox", [(), ("--sandbox",)], ids=["trusted", "sandbox"])
def test_the_main_branch_applies_and_a_pull_request_plans(
    target: Target, fake: JobsController, sandbox: tuple[str, ...]
) -> None:
    seed = Seed(target)
    code, log, _ = seed.run(*sandbox, CHANGE_ID="7", BRANCH_NAME="PR-7")
    assert code == 0, log
    assert "  + add     folder team-a" in log
    assert "6 to add; 0 unchanged." in log
    assert fake.writes() == []
    archived = list((target.home / "runner").rglob("podwright-plan.txt"))
    assert any("6 to add; 0 unchanged." in file.read_text() for file in archived)
    code, log, _ = seed.run(*sandbox, BRANCH_NAME="main")
    assert code == 0, log
    assert "6 added. 0 unchanged." in log
    assert fake.names() == [
        "team-a", "team-a/billing", "team-a/nightly", "team-a/search", "team-a/shop",
    ]  # fmt: skip
    assert not list((target.home / "runner").rglob("*.pyz")), "nothing is left behind"
    assert f"TOKEN={target.secret}" not in log


@needs_java
@pytest.mark.slow
def test_mistakes_end_the_build_with_a_sentence(target: Target, fake: JobsController) -> None:
    step = "provisionJobs(credentials: 'jenkins-seed', descripton: 'x', workers: 0)"
    seed = Seed(target, f"@Library('podwright') _\nnode {{ checkout scm\n{step} }}\n")
    code, log, _ = seed.run()
    assert code == 1
    assert (
        "provisionJobs: unknown parameter 'descripton'; did you mean 'description'?; "
        "provisionJobs: workers: 0 is not between 1 and 64"
    ) in log
    assert fake.log == []


@needs_java
@pytest.mark.slow
@pytest.mark.parametrize(
    ("jenkinsfile", "sentence"),
    [
        (
            "node { provisionJobs() }",
            (
                "provisionJobs: credentials: is missing; name the credential that holds user name "
                "and API token."
            ),
        ),
        (
            "provisionJobs(credentials: 'jenkins-seed')",
            "provisionJobs: call the step inside node, on an agent with python3.",
        ),
        (
            "node { provisionJobs(credentials: 'nope') }",
            (
                "provisionJobs: credentials: there is no credential with the id 'nope' that this "
                "job may use; correct the id, or create the credential."
            ),
        ),
    ],
)
def test_what_python_cannot_see_is_told_too(
    target: Target, jenkinsfile: str, sentence: str
) -> None:
    code, log, _ = Seed(target, f"@Library('podwright') _\n{jenkinsfile}\n").run()
    assert code == 1
    assert sentence in log


def answered(target: Target, request: dict[str, object], **env: str) -> dict[str, object]:
    """Run the step's Python alone; gives its answer."""
    file = target.home / "request.json"
    file.write_text(json.dumps({"patience": 0, "credentials": "seed", **request}))
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), env)
    assert seeding.seed(Namespace(request=str(file)), console) == 0
    made: dict[str, object] = json.loads((target.home / "answer.json").read_text())
    return made


def test_sentences_name_what_the_step_knows(
    target: Target, fake: JobsController, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SEED)
    login = {"JENKINS_USER": "admin", "JENKINS_TOKEN": target.secret}
    wrong = {**login, "JENKINS_TOKEN": "wrong"}
    assert answered(target, {}, JENKINS_URL=target.url, **wrong)["error"] == (
        f"provisionJobs: {target.url}: the controller does not know user 'admin' with this token "
        "or password; check the credential in 'credentials'"
    )
    assert answered(target, {}, **login)["error"] == (
        "provisionJobs: no controller is named; give 'url'"
    )
    assert answered(target, {"description": "nodir"}, JENKINS_URL=target.url, **login)["error"] == (
        "provisionJobs: nodir: there is no such file or folder; give the description's folder"
    )


def test_paths_of_the_controller_are_told_with_their_host() -> None:
    assert seeding.worded("/ci/job/a/api/json: 500 no", "https://jenkins.example/ci/") == (
        "provisionJobs: https://jenkins.example/ci/job/a/api/json: 500 no"
    )


def test_each_description_has_an_artifact_of_its_own_and_none_when_there_is_nothing_to_say(
    target: Target, fake: JobsController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SEED / "jobs", tmp_path / "team/a")
    monkeypatch.chdir(tmp_path)
    env = {"JENKINS_URL": target.url, "JENKINS_USER": "admin", "JENKINS_TOKEN": target.secret}
    first = answered(target, {"description": "team/a"}, **env)
    assert first["artifact"] == "podwright-plan-team-a.txt"
    assert "6 added." in (tmp_path / "podwright-plan-team-a.txt").read_text()
    (tmp_path / "team/a/more.yaml").write_text("jobs: [{name: team-a/new, script: x}]\n")
    planned = answered(target, {"description": "team/a", "mode": "plan"}, **env)
    assert planned["artifact"] == "podwright-plan-team-a.txt,podwright-plan-team-a.html"
    silent = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    assert seeding.write_plan("\n", seeding.Parameters(credentials="seed"), silent) is None
    assert not (tmp_path / "podwright-plan.txt").exists()


@pytest.mark.parametrize(
    ("env", "mode"),
    [
        ({}, "apply"),
        ({"BRANCH_NAME": "main"}, "apply"),
        ({"BRANCH_NAME": "feature"}, "plan"),
        ({"BRANCH_NAME": "PR-1", "CHANGE_ID": "1"}, "plan"),
        ({"CHANGE_ID": "1"}, "plan"),
    ],
)
def test_the_build_decides_between_plan_and_apply(env: dict[str, str], mode: str) -> None:
    parameters = seeding.parse({"credentials": "x"})
    assert seeding.mode_of(parameters, env) == mode
    assert seeding.mode_of(seeding.parse({"credentials": "x", "mode": "plan"}), env) == "plan"


def test_generated_files_are_not_stale() -> None:
    for name, data in generated.everything().items():
        committed = (ROOT / name).read_bytes()
        if name.endswith(".pyz"):
            assert bundle.members_of(committed) == bundle.members_of(data), f"{name} is stale"
        else:
            assert committed == data, f"{name} is stale"


def test_the_bundle_has_every_module_and_fixed_dates() -> None:
    with zipfile.ZipFile(ROOT / bundle_contents.RESOURCE) as archive:
        names = archive.namelist()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    package = ROOT / "pytools" / "podwright"
    for path in (package / "jobs").rglob("*.py"):
        assert f"podwright/{path.relative_to(package).as_posix()}" in names
    assert not [name for name in names if name.endswith(".so")]


def test_the_bundle_applies_with_plain_python(target: Target) -> None:
    folder = target.write("owner: a\njobs:\n  - {name: TOP/app, script: echo}\n")
    command = [sys.executable, "-I", str(ROOT / bundle_contents.RESOURCE), "jobs", "apply"]
    done = subprocess.run(
        [*command, str(folder)],
        env=target.env(),
        cwd=target.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "2 added. 0 unchanged."
    assert target.jobs() == ["app"]
