"""What README and site promise, step by step, from a clone: each walk is timed and has an end."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hostrig import PASSWORD, USER
from test_examples import run_example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostservers import Registry

ROOT = Path(__file__).parents[2]
DOCKERFILE = 'FROM scratch\nCOPY busybox /bin/busybox\nCMD ["/bin/busybox", "true"]\n'
# How many seconds a walk may take, also on a machine with other work.
PATIENCE = 180
MIGRATED = """\
node {
  checkout scm
  docker.withRegistry('http://HOST', 'registry-login') {
    def app = docker.build("examples/migrated:${env.BUILD_ID}", '-f app/Dockerfile app')
    app.push()
    app.push('latest')
  }
}
"""


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """No walk may take longer than a person waits."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < PATIENCE


@pytest.fixture
def project(tmp_path: Path, registry: Registry) -> Path:
    """A repository with a Dockerfile and a commit, for a registry without TLS."""
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    (root / "app" / "Dockerfile").write_text(DOCKERFILE)
    shutil.copy("/bin/busybox", root / "app" / "busybox")
    config = {"builder": "buildah", "registries": {registry.host: {"http": True}}}
    (root / ".podwright.yaml").write_text(json.dumps(config))
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*git, *words], check=True)
    return root


def podwright(root: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, with storage of its own."""
    storage = root.parent / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{root.parent}/run"\n'
        f'graphroot = "{root.parent}/storage"\n'
    )
    env = {**os.environ, "REG_USR": USER, "REG_PSW": PASSWORD}
    env["CONTAINERS_STORAGE_CONF"] = str(storage)
    command = [sys.executable, "-m", "podwright", *words]
    return subprocess.run(
        command, cwd=root, env=env, input=stdin, capture_output=True, text=True, check=False
    )


def test_an_image_is_pushed(project: Path, registry: Registry) -> None:
    image = f"{registry.host}/walk/app"
    begun = podwright(project, "init", "-t", image)
    assert "wrote    Jenkinsfile\n" in begun.stderr
    planned = podwright(project, "plan", "-t", f"{image}:1", "app")
    assert planned.stdout.splitlines()[1] == f"image     {image}:1"

    built = podwright(project, "build", "-t", f"{image}:1", "--credential", "variable=REG", "app")

    assert built.returncode == 0, built.stderr
    result = json.loads(built.stdout)
    assert (result["pushed"], result["tags"]) == (True, ["1"])
    (project / "result.json").write_text(built.stdout)
    (project / "build.log").write_text(built.stderr)
    page = podwright(project, "report", "result.json", "--log", "build.log")
    assert f"<h1>Build of {image}</h1>" in page.stdout


REPORTED = """\
@Library('podwright') _
def image = "${params.REGISTRY}/examples/reported"
withBuilderPod(builder: 'buildah') {
  checkout scm
  buildImage(image: image, context: 'app', credentials: 'registry-login', report: true)
  writeFile(file: 'app/Dockerfile', text: 'FROM scratch\\nCOPY busybox /bin/\\nCOPY nothing /\\n')
  buildImage(image: image + '2', context: 'app', credentials: 'registry-login', report: true)
}
"""


@pytest.mark.parametrize("options", [["--sandbox"], ["--without", "publishHTML"]])
def test_a_build_has_its_page_also_when_it_fails(
    project: Path, tmp_path: Path, registry: Registry, options: list[str]
) -> None:
    (project / "Jenkinsfile").write_text(REPORTED)

    log, report = run_example(project, tmp_path / "run", registry, options)

    assert report["result"] == "FAILURE", log
    pages = {path.parent.name: path for path in (tmp_path / "run/agent").rglob("index.html")}
    host = re.sub("[^A-Za-z0-9]+", "_", registry.host)
    dotted = re.sub("[^A-Za-z0-9.]+", "-", registry.host)
    names = [f"Build_of_{host}_examples_reported{end}" for end in ("", "2")]
    if options[0] == "--without":
        names = [f"podwright-report-{dotted}-examples-reported{end}" for end in ("", "2")]
    good, bad = (pages[name].read_text() for name in names)
    assert "<h1>Build of " in good
    assert '<p class="good">Pushed.</p>' in good
    assert "COPY busybox /bin/busybox" in good
    assert "<h2>Layers</h2>" in good
    assert "building, all of it" in good
    assert "examples/reported2 failed</h1>" in bad
    assert "<h2>Why it failed</h2>" in bad
    assert "COPY or ADD names '/nothing', which is not in the build context" in html.unescape(bad)


def test_a_failure_is_diagnosed(project: Path, registry: Registry) -> None:
    (project / "app" / "Dockerfile").write_text(DOCKERFILE + "COPY nothing /\n")
    image = f"{registry.host}/walk/failed:1"

    built = podwright(project, "build", "-t", image, "app")
    told = podwright(project, "diagnose", "-", stdin=built.stderr)

    assert built.returncode == 1
    assert "COPY" in built.stderr.splitlines()[-1]
    assert told.returncode == 0
    assert "nothing" in told.stdout.splitlines()[0]
    assert "\n  do:     " in told.stdout


def test_a_jenkinsfile_of_docker_workflow_is_migrated_and_builds(
    tmp_path: Path, project: Path, registry: Registry
) -> None:
    text = MIGRATED.replace("HOST", registry.host)
    (project / "Jenkinsfile").write_text(text)
    (project / "Jenkinsfile").write_text(text)
    assert podwright(project, "migrate", "--write").returncode == 0
    # One word: this machine has no kaniko.
    changed = (project / "Jenkinsfile").read_text()
    changed = changed.replace("credentials:", "builder: 'buildah',\n      credentials:")
    (project / "Jenkinsfile").write_text(changed)

    log, report = run_example(project, tmp_path / "run", registry, [])

    assert report["result"] == "SUCCESS", log
    assert "tags: 1, latest" in log
    assert f"pushed {registry.host}/examples/migrated@sha256:" in log


def test_presets_and_values_are_made_and_valid(project: Path) -> None:
    config = "builders: [kaniko, buildkit]\nimages: {tools: m.example/python:3.14}\n"
    (project / "acme.yaml").write_text(config)

    made = podwright(project, "generate", "--presets", "pods", "--config", "acme.yaml")
    values = podwright(project, "helm-values", "--config", "acme.yaml")
    policy = podwright(project, "policy", "manifests", "--config", "acme.yaml", "--namespace", "b")

    assert (made.returncode, values.returncode, policy.returncode) == (0, 0, 0)
    pods = {path.stem for path in (project / "pods").glob("*.json")}
    assert pods == {"auto", "buildkit", "commands", "default", "kaniko"}
    script = yaml.safe_load(values.stdout)["controller"]["JCasC"]["configScripts"]["podwright"]
    env: list[dict[str, Any]] = yaml.safe_load(script)["jenkins"]["globalNodeProperties"]
    assert env[0]["envVars"]["env"][0] == {"key": "PODWRIGHT_CONFIG", "value": config}
    assert json.loads(policy.stdout)["kind"] == "List"


def test_a_job_is_applied_by_a_clone_and_the_tutorial_alone(tmp_path: Path) -> None:
    clone, own = tmp_path / "clone", tmp_path / "own"
    own.mkdir()
    subprocess.run(["git", "clone", "-q", f"file://{ROOT}", str(clone)], check=True)
    assert "(docs/tutorial/jobs.md)" in (clone / "README.md").read_text()
    page = (clone / "docs/tutorial/jobs.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    server = next(text for _, text in blocks if "--port 8080" in text).replace("8080", "0")
    # The page's way for those who have nothing but python3.
    command = f"python3 {clone}/resources/podwright/podwright-jobs.pyz jobs"
    with subprocess.Popen(
        ["sh", "-c", f"exec {server}"], cwd=clone, stdout=subprocess.PIPE, text=True
    ) as controller:
        assert controller.stdout
        port = re.findall(r":(\d+)", controller.stdout.readline())[0]
        login = next(text for _, text in blocks if "127.0.0.1:8080" in text)
        login = login.replace("8080", port)
        try:
            walk(own, blocks, login, command)
        finally:
            controller.terminate()


def test_the_recording_in_the_readme_is_what_the_demo_says() -> None:
    sys.path.insert(0, str(ROOT / "tests" / "pages"))
    import recording  # noqa: PLC0415 - a script

    assert "(docs/pictures/demo.svg)" in (ROOT / "README.md").read_text()
    shown = recording.told((ROOT / "docs" / "pictures" / "demo.svg").read_text())

    said = [
        text for _, text in recording.wrapped(recording.record([f"{ROOT}/examples/hello/demo"]))
    ]

    assert shown[0] == "$ make demo"
    assert recording.phases(shown) == recording.phases(said)
    # Nothing of the machine that recorded it.
    assert not [
        line for line in shown if re.search(r"/(?:home|root|work|tmp/(?!podwright-demo))", line)
    ]


def walk(own: Path, blocks: list[tuple[str, str]], login: str, command: str) -> None:
    """Type what the tutorial says, and see what it says that one sees."""
    (own / "jobs").mkdir()
    described = next(text for kind, text in blocks if kind == "yaml")
    (own / "jobs" / "hello.yaml").write_text(described)
    shown = ""
    compared = 0
    for kind, text in blocks[[kind for kind, _ in blocks].index("yaml") + 1 :]:
        if kind == "sh":
            line = text.replace("podwright jobs", command)
            done = subprocess.run(
                ["sh", "-c", login + line],
                cwd=own,
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            shown = re.sub(r"^\d+ requests?, .*\n", "", done.stdout, flags=re.MULTILINE)
        elif kind == "text" and "unknown parameter" not in text:
            assert shown.rstrip() == text.rstrip()
            compared += 1
            if "nothing to do" in text:
                changed = described.replace("Hello, world", "Good morning")
                (own / "jobs" / "hello.yaml").write_text(changed)
    assert compared == 5
