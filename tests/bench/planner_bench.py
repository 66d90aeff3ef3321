"""Processor time of plans and of programs that pods start with, beside an earlier commit.

    tests/bench/planner_bench.py                     # of these files
    tests/bench/planner_bench.py --against 496bf28   # and of a commit, in turns
    tests/bench/planner_bench.py --uncompiled        # in docker.io/library/python

The commands are installed, with compiled modules. In a pod the container `tools` listens, and a
build asks it: the first one has its bundle loaded, which then loads what the end of a build needs,
while the builder works. Medians, in milliseconds.

Debian compiles the modules of the standard library when it installs them; the Dockerfile of
docker.io/library/python removes all .pyc, so each start there compiles what it imports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import ROOT, in_turns, say

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = ["/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable]
UNCOMPILED = ["-B", "-X", "pycache_prefix=/nonexistent"]
NAMES = (
    "plan, as a command",
    "pod, as a command",
    "start of a pod's planner",
    "its first answer",
    "and then, for a build's end",
    "its second answer",
    "start of dood's proxy",
    "start of dind-sidecar's policy",
    "its liveness probe",
)
PLAN = ["plan", "--image", "registry.example/app", "--tag", "1"]
REQUEST = {"image": "registry.example/app", "tags": ["1"]}
FIFO = "/run/podwright/ask"
MILLISECONDS_PER_TICK = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Version:
    """A podwright.

    Attributes:
        title: for the table.
        root: where its files are.
        builder: the strategy that is planned.
    """

    title: str
    root: Path
    builder: str

    def samples(self) -> list[float]:
        """Give one sample of each name."""
        # A planner whose parent was killed may write a last word.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            folder = Path(place)
            (folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
            commands = [self._command(folder, words) for words in (PLAN, ["pod"])]
            starts = [self._starts(folder, package) for package in ("dood", "authz")]
            probe = _spent(["-I", "-B", str(folder / "authz.py"), "probe"], folder, 1)
            return [*commands, *self._pod(folder), *starts, probe]

    def _command(self, folder: Path, arguments: list[str]) -> float:
        start = f"{self._here()}from podwright.__main__ import main; sys.exit(main())"
        return _spent(["-c", start, *arguments, "--builder", self.builder], folder)

    def _starts(self, folder: Path, package: str) -> float:
        """Write a program that travels in a pod, and load it, up to where it would begin."""
        write = f"{self._here()}from podwright import {package}; print({package}.source())"
        text = subprocess.check_output([*PYTHON, "-c", write], text=True)
        (folder / f"{package}.py").write_text(text, encoding="utf-8")
        loads = text.rpartition("sys.exit(")[0].replace(".begin(sys.argv[1:])", "")
        program = folder / "loads.py"
        program.write_text(loads, encoding="utf-8")
        return _spent(["-I", "-B", str(program)], folder)

    def _here(self) -> str:
        return f"import sys; sys.path.insert(0, {str(self.root / 'pytools')!r})\n"

    def _pod(self, folder: Path) -> list[float]:
        text = (self.root / "pytools/podwright/listen.py").read_text("utf-8")
        bundle = (self.root / "resources/podwright/podwright.pyz").read_bytes()
        (folder / "podwright.pyz").write_bytes(bundle)
        used = [0.0]
        with _planner(text.replace(FIFO, str(folder / "ask"))) as process:
            _wait(folder / "ask")
            time.sleep(0.5)  # modules are loaded
            used.append(_used(process.pid))
            for number in range(2):
                _ask(folder, number, self.builder, hashlib.sha256(bundle).hexdigest())
                used.append(_used(process.pid))
                time.sleep(0.5)  # it goes on loading
                used.append(_used(process.pid))
        start, first, then, second, rest = (after - before for before, after in zip(used, used[1:]))
        return [start, first, then, second + rest]


def _spent(words: list[str], folder: Path, code: int = 0) -> float:
    """Give what a Python that ends with an exit code has used, in milliseconds."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*PYTHON, *words], cwd=folder, env=env, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode != code:
        raise SystemExit(f"{words[-1]} has ended with {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


@contextmanager
def _planner(text: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*PYTHON, "-I", "-c", text], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _ask(folder: Path, number: int, builder: str, digest: str) -> None:
    """Ask for a plan, as the script of a build does."""
    job = folder / f"job-{number}"
    job.mkdir()
    (job / "request.json").write_text(json.dumps({**REQUEST, "builder": builder}), encoding="utf-8")
    (job / "env").write_text(f"PWD={folder}\nWORKSPACE={folder}\n", encoding="utf-8")
    (job / "bundle").write_text(digest, encoding="utf-8")
    with (folder / "ask").open("w", encoding="utf-8") as fifo:
        fifo.write(f"{job}\n")
    _wait(job / "answered")
    if not (job / "build.sh").exists():
        raise SystemExit((job / "answer.json").read_text("utf-8"))


def _wait(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        if time.monotonic() > end:
            raise SystemExit(f"{path} does not appear")
        time.sleep(0.001)


def _used(pid: int | str) -> float:
    """Give what a process, its living children and its ended ones have used, in milliseconds."""
    try:
        own = Path(f"/proc/{pid}/schedstat").read_text("utf-8").split()
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        tasks = Path(f"/proc/{pid}/task").glob("*/children")  # a thread's are its own
        children = [child for task in tasks for child in task.read_text("utf-8").split()]
    except (FileNotFoundError, ProcessLookupError):  # it has just ended, and is now its parent's
        return 0.0
    ended = sum(map(int, fields[13:15])) * MILLISECONDS_PER_TICK  # cutime, cstime (proc(5))
    return int(own[0]) / 1e6 + ended + sum(map(_used, children))


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", metavar="COMMIT", help="measure it in turns with these files")
    parser.add_argument("--builder", default="buildah", help="default: buildah")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--uncompiled", action="store_true", help="as docker's Python is")
    options = parser.parse_args(arguments)
    PYTHON.extend(UNCOMPILED if options.uncompiled else [])
    with tempfile.TemporaryDirectory() as place:
        versions = [Version("now", ROOT, options.builder)]
        if options.against:
            git = ["git", "-C", str(ROOT), "archive", options.against, "pytools", "resources"]
            archive = subprocess.run(git, check=True, capture_output=True).stdout
            subprocess.run(["tar", "-x", "-C", place], input=archive, check=True)
            versions.append(Version(options.against, Path(place), options.builder))
        for version in versions:
            version.samples()  # compiles modules
        columns = in_turns(options.runs, *(version.samples for version in versions))
        medians = [[statistics.median(x) for x in zip(*column)] for column in columns]
    say(f"{'ms':32}" + "".join(f"{version.title:>12}" for version in versions))
    for name, *values in zip(NAMES, *medians):
        say(f"{name:32}" + "".join(f"{value:12.0f}" for value in values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
