"""What README and site promise, step by step, from a clone: each walk is timed and has an end."""

from __future__ import annotations

import fnmatch
import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hostrig import WALKED
from hostservers import stop, wait_for
from test_examples import run_example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostservers import Registry

ROOT = Path(__file__).parents[2]
# How a page names the file that a block is: in its first line.
NAMED = re.compile(r"(?:#|//) (\S+)\n")


@dataclass
class Walk:
    """One shell, in which what pages say is typed as it stands there.

    Attributes:
        clone: a clone of the repository.
        folder: where the walk is.
        env: what the person has in the environment.
        swaps: what the page says, and what stands for it here: addresses that tests may use.
        said: what the last commands said.
    """

    clone: Path
    folder: Path
    env: dict[str, str]
    swaps: dict[str, str] = field(default_factory=dict)
    said: str = ""
    beside: subprocess.Popen[bytes] | None = None

    def page(self, name: str, *headings: str) -> list[tuple[str, str]]:
        """Give language and text of the blocks below some headings of a page."""
        text = (self.clone / name).read_text()
        parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
        sections = dict(zip(parts[1::2], parts[2::2]))
        found = "\n".join(sections[heading] for heading in headings)
        return re.findall(r"^```(\w*)\n(.*?)^```", found, re.DOTALL | re.MULTILINE)

    def follow(self, name: str, *headings: str) -> None:
        """Write the files, type the commands, and see what a page says that one sees."""
        for language, block in self.page(name, *headings):
            text = block
            for old, new in self.swaps.items():
                text = text.replace(old, new)
            if language == "text":
                assert fnmatch.fnmatchcase(self.said, seen(text)), f"{text}---\n{self.said}"
            elif "docker-registry serve" in text:
                self.second_terminal(text)
            elif language in ("", "sh"):
                self.type(text)
            elif file := NAMED.match(text):
                (self.folder / file[1]).write_text(text)

    def type(self, commands: str) -> None:
        """Type some commands; folder and variables are those of the commands before."""
        state = self.clone.parent / "state"
        after = 'printf "%s\\0" "$PWD" >"$STATE" && env -0 >>"$STATE"'
        done = subprocess.run(
            ["sh", "-c", f"set -e\n{commands}\n{after}"],
            cwd=self.folder,
            env={**self.env, "STATE": str(state)},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = done.stdout
        assert done.returncode == 0, f"{commands}---\n{self.said}"
        folder, *pairs = state.read_text().split("\0")[:-1]
        self.folder, self.env = Path(folder), dict(pair.split("=", 1) for pair in pairs)

    def second_terminal(self, commands: str) -> None:
        """Start what the page wants to have in a second terminal; waits until it listens."""
        first, last = commands.rstrip().rsplit("\n", 1)
        log = self.clone.parent / "second-terminal"
        with log.open("wb") as sink:
            script = ["sh", "-c", f"{first}\nexec {last}"]
            self.beside = subprocess.Popen(script, env=self.env, stdout=sink, stderr=sink)
        wait_for("the second terminal", lambda: "listening on" in log.read_text())


def seen(text: str) -> str:
    """Give the pattern of what a page shows: three points stand for anything."""
    return re.sub(r"([\[?*])", r"[\1]", text).replace("...", "*").rstrip("\n") + "*"


@pytest.fixture(autouse=True)
def clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note how long a walk takes; the summary of the run has it."""
    begun = time.monotonic()
    yield
    note(request, time.monotonic() - begun)


def note(request: pytest.FixtureRequest, seconds: float, what: str = "") -> None:
    name = request.node.name.removeprefix("test_").replace("_", " ")
    request.config.stash.setdefault(WALKED, []).append((what or name, seconds))


@pytest.fixture(scope="module")
def newcomer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Somebody with a clone and nothing else, who has installed it as the tutorial says."""
    begun = time.monotonic()
    root = tmp_path_factory.mktemp("newcomer")
    (root / "home").mkdir()
    storage = root / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{root}/run"\ngraphroot = "{root}/storage"\n'
    )
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(root / "home"),
        "CONTAINERS_STORAGE_CONF": str(storage),
    }
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "x", f"GIT_{role}_EMAIL": "x@example.org"}
    walk = Walk(root / "clone", root, env)
    walk.type(f"git clone -q file://{ROOT} clone && cd clone")
    walk.follow("docs/tutorial/image.md", "1. Install")
    note(request, time.monotonic() - begun, "cloned and installed")
    return walk


@pytest.fixture
def walk(newcomer: Walk, tmp_path: Path) -> Iterator[Walk]:
    """Start a walk where the installation has ended: in a clone, with the command in PATH."""
    made = Walk(tmp_path / "clone", tmp_path, newcomer.env)
    made.type(f"git clone -q file://{ROOT} clone && cd clone")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made.swaps["localhost:5000"] = f"localhost:{probe.getsockname()[1]}"
    made.swaps["/tmp/registry.yml"] = str(tmp_path / "registry.yml")  # noqa: S108
    yield made
    if made.beside:
        stop(made.beside)


@pytest.fixture
def project(tmp_path: Path, registry: Registry) -> Path:
    """A repository with a Dockerfile and a commit, for a registry without TLS."""
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    (root / "app" / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
    shutil.copy("/bin/busybox", root / "app" / "busybox")
    config = {"builder": "buildah", "registries": {registry.host: {"http": True}}}
    (root / ".podwright.yaml").write_text(json.dumps(config))
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*git, *words], check=True)
    return root


TUTORIAL = "docs/tutorial/image.md"
BEGUN = "2. A repository and a registry"


def test_an_image_is_pushed_by_a_clone_and_the_tutorial_alone(walk: Walk) -> None:
    assert f"({TUTORIAL})" in (walk.clone / "README.md").read_text()

    walk.follow(TUTORIAL, BEGUN, "3. Build and push")

    host = walk.swaps["localhost:5000"]
    result = json.loads((walk.folder / "result.json").read_text())
    assert (result["image"], result["pushed"], result["tags"]) == (f"{host}/hello", True, ["1"])
    walk.type(f"skopeo inspect --tls-verify=false --raw docker://{result['reference']}")
    assert json.loads(walk.said)["layers"]
    assert f"<h1>Build of {host}/hello</h1>" in (walk.folder / "report.html").read_text()


def test_a_failure_is_diagnosed_by_a_clone_and_the_tutorial_alone(walk: Walk) -> None:
    walk.follow(TUTORIAL, BEGUN, "4. See a build fail")

    last = (walk.folder / "build.log").read_text().splitlines()[-1]
    assert last.startswith(
        f"[podwright] ERROR: building {walk.swaps['localhost:5000']}/hello: COPY"
    )


def test_a_jenkinsfile_is_migrated_by_a_clone_and_the_tutorial_alone(walk: Walk) -> None:
    walk.follow(TUTORIAL, BEGUN, "5. In a pipeline")

    host = walk.swaps["localhost:5000"]
    digests = set()
    for tag in ("1", "latest"):
        walk.type(f"skopeo inspect --tls-verify=false docker://{host}/hello:{tag}")
        digests.add(json.loads(walk.said)["Digest"])
    assert len(digests) == 1


def test_presets_and_values_are_made_and_valid_by_a_clone_and_the_page_alone(walk: Walk) -> None:
    assert "(docs/how-to/install.md)" in (walk.clone / "README.md").read_text()
    walk.follow("docs/how-to/install.md", "3. Set limits and defaults for all teams")
    walk.follow("docs/how-to/install.md", "1. Add the library")

    sys.path.insert(0, str(ROOT / "tests" / "unit"))
    from test_controller_config import known, leaves  # noqa: PLC0415 - a test of its own

    config = (walk.folder / "acme.yaml").read_text()
    values = yaml.safe_load((walk.folder / "podwright-values.yaml").read_text())
    jenkins = yaml.safe_load((walk.folder / "podwright-jenkins.yaml").read_text())
    scripts = values["controller"]["JCasC"]["configScripts"]["podwright"]
    for made in (yaml.safe_load(scripts), jenkins):
        assert set(leaves(made)) <= known("jcasc-keys.txt")
        env: list[dict[str, Any]] = made["jenkins"]["globalNodeProperties"]
        assert env[0]["envVars"]["env"][0] == {"key": "PODWRIGHT_CONFIG", "value": config}
    paths = {path.replace(".podwright", "") for path in leaves(values)}
    assert paths <= known("helm-chart-keys.txt")
    # The presets count in a pipeline: what the organisation does not allow has none.
    (walk.folder / "Try").write_text("buildImage(image: 'r.example/app:1', builder: 'dind')\n")
    library = "--implicit-library podwright=. --implicit-library acme=acme-library"
    run = f"{walk.clone}/tests/runner/run-pipeline {library} --scm ."
    walk.type(f"! {run} --env PODWRIGHT_RESOURCES=acme-podwright Try")
    assert "ERROR: buildImage: builder: 'dind' is not allowed by the organisation" in walk.said


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
    marked = '<td>3/6: COPY nothing /</td><td><span class="bad">failed</span></td>'
    assert marked in bad
    assert (bad.count('"bad">failed<'), good.count('"bad">failed<')) == (1, 0)


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
            type_jobs(own, blocks, login, command)
        finally:
            controller.terminate()


def test_the_demo_says_in_one_line_that_there_is_no_home() -> None:
    script = str(ROOT / "tests/setup/machine.sh")
    env = {**os.environ, "HOME": "/nonexistent"}
    done = subprocess.run([script, "demo"], env=env, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "podwright: root cannot write to its home folder (HOME=/nonexistent), which pip, Maven and "
        "Buildah need; set HOME to another one\n"
    )


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


def type_jobs(own: Path, blocks: list[tuple[str, str]], login: str, command: str) -> None:
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
