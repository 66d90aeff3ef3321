"""The bundle, the generated files, and what adding a strategy by one file changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from podwright import bundle, commands, generate
from podwright.doctor import symptoms
from podwright.documents import everything as pages
from podwright.documents import request_schema

OLDEST = (3, 9)


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the sources here."""
    path = tmp_path_factory.mktemp("bundle") / "podwright.pyz"
    path.write_bytes(bundle.archive(bundle.hot_members(generate.package())))
    return path


def run(python: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an interpreter apart from everything that is installed for it."""
    return subprocess.run(
        [python, "-I", *words], capture_output=True, text=True, check=False, cwd=cwd, env={}
    )


def interpreters() -> dict[tuple[int, int], str]:
    """Find the interpreters of this machine, by version."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    places = [Path(folder) for folder in folders if "shims" not in folder]
    places += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    found = {}
    for place in places:
        for minor in range(5, 20):
            program = place / f"python3.{minor}"
            if program.exists():
                found.setdefault((3, minor), str(program))
    return found


def test_the_bundle_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    copy = tmp_path / "podwright"
    shutil.copytree(generate.package(), copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))

    assert bundle.archive(bundle.hot_members(copy)) == bundle.archive(
        bundle.hot_members(generate.package())
    )


def test_the_bundle_holds_every_module_but_those_of_a_desk(pyz: Path) -> None:
    members = bundle.members_of(pyz.read_bytes())

    package = generate.package()
    desk = {f"{name.replace('-', '_')}.py" for name in ("jobs", *commands.INSTALLED)}
    wanted = {
        f"podwright/{path.relative_to(package)}"
        for path in package.rglob("*.py")
        if not {"jobs", "desk"} & set(path.relative_to(package).parts) and path.name not in desk
    }
    assert {name for name in members if name.startswith("podwright/") and name.endswith(".py")} == (
        wanted
    )
    assert "podwright/prelude.sh" in members
    assert not [name for name in members if "__pycache__" in name or name.startswith("/")]


def test_the_bundle_plans_alone(pyz: Path, workspace: Path) -> None:
    (workspace / ".podwright.yaml").write_text("defaults: {retries: 1}\n")

    words = ("plan", "--image", "a", "--tag", "1", "--json")
    done = run(sys.executable, str(pyz), *words, cwd=workspace)

    assert (done.returncode, done.stderr) == (0, "")
    assert "\nPW_RETRIES=1\n" in json.loads(done.stdout)["script"]


def test_each_module_of_the_bundle_is_compiled_once(pyz: Path, workspace: Path) -> None:
    """Told by the interpreter's own event; what comes before podwright's importer is small."""
    program = """
import atexit, collections, runpy, sys
seen = collections.Counter()
def hear(event, values):
    if event == "compile" and ".pyz/" in str(values[1]):
        seen[str(values[1]).partition(".pyz/")[2]] += 1
sys.addaudithook(hear)
atexit.register(lambda: print(len(seen), sorted(x for x in seen if seen[x] > 1), file=sys.stderr))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    words = [str(pyz), "plan", "--image", "a", "--tag", "1"]
    start = f"import sys; sys.argv = {words!r}\n{program}"
    done = run(sys.executable, "-c", start, cwd=workspace)

    number, _, twice = done.stderr.partition(" ")
    assert done.returncode == 0
    assert int(number) > 30
    assert twice == "['__main__.py', 'podwright/__init__.py', 'podwright/bundled.py']\n"


def test_the_bundle_says_where_the_commands_are_that_it_leaves_out(
    pyz: Path, tmp_path: Path
) -> None:
    for name, where in (
        ("jobs", "it is in podwright-jobs.pyz"),
        ("init", "it comes with `pipx install .`, not with the bundle"),
    ):
        done = run(sys.executable, str(pyz), name, cwd=tmp_path)
        told = f"podwright: unknown command '{name}'; {where}\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_the_bundle_of_jobs_runs_alone(repository: Path, tmp_path: Path) -> None:
    bundle = repository / "resources/podwright/podwright-jobs.pyz"
    (tmp_path / "jobs.yaml").write_text("owner: a\njobs: [{name: a, kind: folder}]\n")
    done = run(sys.executable, "-I", str(bundle), "jobs", "validate", "jobs.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "jobs.yaml: 1 job, no problems\n")


def test_the_oldest_supported_python_is_enough(pyz: Path, workspace: Path) -> None:
    able = {version: path for version, path in interpreters().items() if version >= OLDEST}
    python = able[min(able)]

    for words in (["plan", "--image", "a", "--tag", "1"], ["pod"], ["builders"], ["plan", "-h"]):
        done = run(python, str(pyz), *words, cwd=workspace)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_older_python_gets_one_sentence(pyz: Path, workspace: Path) -> None:
    old = {version: path for version, path in interpreters().items() if version < OLDEST}
    if not old:
        pytest.skip("no older interpreter on this machine")
    for (major, minor), python in old.items():
        done = run(python, str(pyz), "plan", cwd=workspace)

        assert (done.returncode, done.stdout) == (2, "")
        sentence = done.stderr.replace(done.stderr.split()[4], "VERSION", 1)
        assert done.stderr.split()[4].startswith(f"{major}.{minor}.")
        assert sentence == (
            "podwright: this python3 is VERSION podwright needs 3.9 or newer; use the default "
            "'tools' image or name one with a newer python3 in `images: {tools: ...}`\n"
        )


def test_no_generated_file_is_stale(repository: Path) -> None:
    stale = generate.stale(repository)

    assert stale == [], f"{', '.join(stale)}: run `make generate`"


def test_a_stale_file_would_be_noticed(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "resources", tmp_path / "resources")
    shutil.copytree(repository / "docs/reference", tmp_path / "docs/reference")
    shutil.copytree(repository / "vars", tmp_path / "vars")
    shutil.copy(repository / "README.md", tmp_path)
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []

    pods = tmp_path / "resources/podwright/pods"
    (pods / "kaniko.json").write_text("{}\n")
    (pods / "gone.json").write_text("{}\n")
    (tmp_path / "vars/buildImage.txt").unlink()
    pyz = tmp_path / "resources/podwright/podwright.pyz"
    members = bundle.members_of(pyz.read_bytes())
    pyz.write_bytes(bundle.archive({**members, "podwright/plan.py": b"# older\n"}))

    assert sorted(generate.stale(tmp_path)) == [
        "resources/podwright/pods/gone.json",
        "resources/podwright/pods/kaniko.json",
        "resources/podwright/podwright.pyz",
        "vars/buildImage.txt",
    ]


def test_the_json_schema_is_one(repository: Path) -> None:
    import jsonschema  # noqa: PLC0415 - 100 ms

    jsonschema.Draft202012Validator.check_schema(request_schema())
    committed = repository / "docs/reference/request.schema.json"
    assert json.loads(committed.read_text(encoding="utf-8")) == request_schema()


def test_the_steps_pages_are_plain_text() -> None:
    for name, text in pages().items():
        if name.endswith(".txt"):
            # As HTML such a word would be a tag, which Jenkins' sanitizer takes away.
            assert not re.search(r"<(?!pre>)\w", text)
            assert "\n  * " in text
            assert max(len(line) for line in text.splitlines()) < 200


MADE_UP = '''
"""A strategy that exists in a test only."""

from podwright import pod
from podwright.builders._base import PodParts, Recipe, Step, Strategy


class MadeUp(Strategy):
    """Builds images by wishing.

    Costs: wishes.
    """

    features = frozenset({"ssh"})
    level = "restricted"
    needs = "a well"
    rank = 5

    def pod(self, setting):
        """One container."""
        return PodParts(
            builder=pod.container(
                "builder", "wish:1", command=pod.KEEP_ALIVE, resources=pod.BUILD,
                security=pod.RESTRICTED,
            )
        )

    def recipe(self, build):
        """One wish."""
        return Recipe(steps=(Step("wishing", ("wish", build.image.context), "build"),))


STRATEGY = MadeUp()
'''


def test_a_strategy_is_added_by_one_file(tmp_path: Path, workspace: Path, repository: Path) -> None:
    package = tmp_path / "pytools" / "podwright"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(generate.package(), package, ignore=ignored)
    (package / "builders" / "made_up.py").write_text(MADE_UP)
    # The bundle of jobs keeps the libraries that it was released with.
    jobs = Path("resources/podwright/podwright-jobs.pyz")
    (tmp_path / jobs.parent).mkdir(parents=True)
    shutil.copy(repository / jobs, tmp_path / jobs)
    (tmp_path / "README.md").write_text(
        "<!-- builders: generated by `make generate` -->\n<!-- /builders -->\n"
    )
    env = {"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin", "COLUMNS": "300"}

    def podwright(*words: str) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "podwright", *words],
            capture_output=True, text=True, check=False, cwd=workspace, env=env,
        )  # fmt: skip

    assert podwright("builders", "made-up").stdout.startswith(
        "made-up  (restricted)\n    Builds images by wishing. Costs: wishes.\n    needs: a well\n"
        "    can:   mount ssh keys\n"
    )
    assert "made-up" in podwright("plan", "--help").stdout
    assert "made-up" in podwright("pod", "--help").stdout
    assert podwright("plan", "--image", "a:1", "--builder", "mad-up").stderr == (
        "podwright plan: builder: unknown builder 'mad-up'; did you mean 'made-up'?\n"
    )
    refused = podwright("plan", "--image", "a", "--builder", "kaniko", "--ssh", "default").stderr
    assert "made-up" in refused.partition("builders that can: ")[2].strip().split(", ")

    words = ("plan", "--image", "a", "--builder", "made-up", "--cache", "r.example/cache")
    assert (
        "cache: builder 'made-up' cannot read and write a registry cache"
        in podwright(*words).stderr
    )

    made = podwright("plan", "-t", "a:1", "--builder", "made-up", "--json")
    assert json.loads(made.stdout)["builder"] == "made-up"
    assert "pw_step build wishing wish .\n" in json.loads(made.stdout)["script"]
    auto = podwright("plan", "-t", "a:1", "--json")
    assert json.loads(auto.stdout)["builder"] == "made-up"

    assert podwright("generate", "--root", str(tmp_path)).returncode == 0
    pods = tmp_path / "resources/podwright/pods"
    assert json.loads((pods / "made-up.json").read_text())["kind"] == "Pod"
    assert "made-up" in (pods / "names.txt").read_text()
    for page in (
        "docs/reference/strategies.md",
        "docs/reference/request.schema.json",
        "vars/buildImage.txt",
        "vars/withBuilderPod.txt",
        "README.md",
    ):
        assert "made-up" in (tmp_path / page).read_text(encoding="utf-8"), page


EXTERNAL = '''
"""A job that runs elsewhere."""

from __future__ import annotations

from typing import ClassVar

from podwright.jobs.codec import Codec, Fixed
from podwright.jobs.kinds import JobKind
from podwright.jobs.parts.common import HEAD, Described
from podwright.records import record


@record
class External(Described, JobKind):
    """A job that runs elsewhere and reports its results."""

    JAVA: ClassVar[str] = "hudson.model.ExternalJob"
    ROOT: ClassVar[str] = "hudson.model.ExternalJob"
    PLUGIN: ClassVar[str] = "external-monitor-job"
    XML: ClassVar[tuple[Codec, ...]] = (*HEAD, Fixed("keepDependencies", "false"))


KIND = External
'''


def test_a_job_kind_is_added_by_one_file(tmp_path: Path, repository: Path) -> None:
    package = tmp_path / "pytools" / "podwright"
    shutil.copytree(
        generate.package(), package, ignore=shutil.ignore_patterns("__pycache__", "symptoms")
    )
    (package / "jobs" / "kinds" / "external.py").write_text(EXTERNAL)
    (tmp_path / "jobs.yaml").write_text(
        "owner: a\njobs:\n  - {name: nightly, kind: external, description: At night}\n"
    )
    env = {"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin"}

    def jobs(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "podwright", "jobs", *words],
            capture_output=True, text=True, check=False, cwd=tmp_path, env=env,
        )  # fmt: skip
        return done.stdout + done.stderr

    assert jobs("validate", "jobs.yaml") == "jobs.yaml: 1 job, no problems\n"
    assert "<hudson.model.ExternalJob>\n  <actions />\n  <description>At night\n" in jobs(
        "render", "jobs.yaml"
    )
    assert '"external-fields": {' in jobs("schema")
    page = jobs("schema", "--page")
    assert "## kind: external\n\nA job that runs elsewhere and reports its results.\n" in page
    (tmp_path / "jobs.yaml").write_text("owner: a\njobs: [{name: a, kind: externl}]\n")
    assert jobs("validate", "jobs.yaml") == (
        "podwright jobs: jobs.yaml:2:18: kind: unknown kind 'externl'; did you mean 'external'?\n"
    )


SYMPTOM = """\
layer: builder
texts: ['the flux capacitor needs <n> gigawatts']
cause: the flux capacitor lacks {n} gigawatts
remedy: wait for a thunderstorm
source: a film
samples: ["ERROR: the flux capacitor needs 1 gigawatts"]
"""


def test_a_symptom_is_added_by_one_file(tmp_path: Path) -> None:
    package = tmp_path / "pytools" / "podwright"
    shutil.copytree(generate.package(), package, ignore=shutil.ignore_patterns("__pycache__"))
    folder = package / "doctor" / "symptoms"
    (folder / "no-power.yaml").write_text(SYMPTOM)
    (folder.parent / "symptoms.json").write_text(symptoms.packed(folder))  # as `make generate` does
    (tmp_path / "log").write_text("#7 ERROR: the flux capacitor needs 12 gigawatts\n")
    done = subprocess.run(
        [sys.executable, "-m", "podwright", "diagnose", "log"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert done.stdout == (
        "the flux capacitor lacks 12 gigawatts\n  do:     wait for a thunderstorm\n"
        "  layer:  builder\n  line:   ERROR: the flux capacitor needs 12 gigawatts\n"
    )


def test_no_strategy_is_named_outside_of_its_file() -> None:
    package = generate.package()
    names = [path.stem for path in (package / "builders").glob("[a-z]*.py")]
    core = [*package.glob("*.py"), *(package / "commands").glob("*.py")]

    found = [
        f"{path.name}: {name}"
        for path in core
        for name in {*names, *(n.replace("_", "-") for n in names)}
        for quote in "'\""
        if f"== {quote}{name}{quote}" in path.read_text(encoding="utf-8")
    ]

    assert found == []
