"""Every example is run, by the real bridge and bundle, through the local runner, with Buildah."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostrig import PASSWORD, USER

if TYPE_CHECKING:
    from hostservers import Registry

ROOT = Path(__file__).parents[2]
# What the folders' pipelines build, by repository below `examples/`.
EXPECTED = {
    "declarative": ["declarative"],
    "several-images": ["api", "web", "last"],
    "secrets": ["secrets"],
    "parallel": ["parallel-one", "parallel-two"],
    "planned-pod": ["planned-pod"],
}
# These have tests of their own.
ELSEWHERE = {"hello", "seed"}
TOKEN = "examples-t0ken"
SETTINGS = "examples-s3ttings"


def test_every_example_is_run() -> None:
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/Jenkinsfile")}
    assert folders - ELSEWHERE == set(EXPECTED)


# Sandboxed runs take the same steps; one of them has all forms of calls.
CASES = [(name, []) for name in sorted(EXPECTED)] + [("several-images", ["--sandbox"])]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_example_builds_and_pushes(
    name: str, options: list[str], tmp_path: Path, registry: Registry
) -> None:
    log, report = run_example(name, tmp_path, registry, options)
    assert report["result"] == "SUCCESS", log
    found = sorted(
        re.findall(r"^(?:\[\w+\] )?reference: \S+/examples/([a-z-]+)@sha256:", log, re.MULTILINE)
    )
    assert found == sorted(EXPECTED[name]), log
    for secret in (TOKEN, SETTINGS, PASSWORD):
        assert secret not in log
    if name == "declarative":
        # The smallest one; without its stage and script (as in hello) it is eight lines less.
        assert len(log.splitlines()) <= 45 + 8, log


def run_example(
    name: str, work: Path, registry: Registry, options: list[str]
) -> tuple[str, dict[str, object]]:
    """Run one example; gives its log and the runner's report."""
    source = work / "source"
    shutil.copytree(ROOT / "examples" / name, source)
    shutil.copy("/bin/busybox", source / "app" / "busybox")
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The example"]):
        subprocess.run([*git, *words], check=True)
    credentials = {
        "registry-login": {"type": "usernamePassword", "username": USER, "password": PASSWORD},
        "api-token": {"type": "string", "secret": TOKEN},
        "settings-file": {"type": "file", "content": SETTINGS, "fileName": "settings.xml"},
    }
    (work / "credentials.json").write_text(json.dumps(credentials))
    storage = work / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{work}/run"\ngraphroot = "{work}/storage"\n'
    )
    command = [str(ROOT / "tests/runner/run-pipeline"), "--library", f"podwright={ROOT}"]
    command += ["--workspace-root", str(work / "agent"), "--scm", str(source)]
    command += ["--credentials", str(work / "credentials.json")]
    command += ["--param", f"REGISTRY={registry.host}", "--param", "BUILDER=buildah"]
    command += ["--env", f"CONTAINERS_STORAGE_CONF={storage}"]
    command += ["--report", str(work / "report.json"), *options]
    done = subprocess.run(
        [*command, str(source / "Jenkinsfile")],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout, json.loads((work / "report.json").read_text())
