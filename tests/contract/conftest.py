"""Shells and fake builder programs, to run build scripts as a pod would."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE = Path(__file__).with_name("fake_builder.py").read_text(encoding="utf-8")


@dataclass
class Outcome:
    """How a script ended: exit code, result (stdout) and log (stderr)."""

    code: int
    out: str
    log: str

    @property
    def value(self) -> Any:
        """The result, without the seconds, which no test can know."""
        value = json.loads(self.out)["value"]
        for item in value if isinstance(value, list) else [value]:
            assert isinstance(item.pop("seconds"), int)
        return value


@dataclass
class Sandbox:
    """A place to run scripts in: a shell, its programs, fakes, and a directory for temporary files.

    Attributes:
        shell: the words that start the shell.
        path: directories with the programs that the shell may use.
        home: where the fakes keep rules and records.
        cwd: the workspace.
    """

    shell: list[str]
    path: list[str]
    home: Path
    cwd: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def fake(self, *programs: str) -> None:
        """Put fakes of these programs on PATH."""
        for name in ("calls", "rules", "bin", "tmp"):
            (self.home / name).mkdir(exist_ok=True)
        for name in programs:
            path = self.home / "bin" / name
            # The path of the interpreter itself: in front of it a version manager may sit.
            python = os.path.realpath(sys.executable)
            path.write_text(f"#!{python} -I\n{FAKE}", encoding="utf-8")
            path.chmod(0o755)

    def rule(self, **rule: Any) -> None:
        """Plan what the fakes do at calls that have the word `when` among their arguments."""
        number = len(list((self.home / "rules").iterdir()))
        text = json.dumps({"times": 1000, **rule})
        (self.home / "rules" / f"{number:03d}").write_text(text)

    def calls(self, *words: str) -> list[dict[str, Any]]:
        """The recorded calls whose arguments begin with these words."""
        records = [json.loads(p.read_text()) for p in sorted((self.home / "calls").iterdir())]
        return [record for record in records if record["argv"][: len(words)] == list(words)]

    def start(self, script: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a script as the bridge does: as a file, in the workspace."""
        script = script.replace("/kaniko/executor", "executor")
        (self.home / "build.sh").write_text(script, encoding="utf-8")
        environment = {
            "PATH": os.pathsep.join([str(self.home / "bin"), *self.path]),
            "TMPDIR": str(self.home / "tmp"),
            "HOME": str(self.home),
            **(env or {}),
        }
        process = subprocess.Popen(
            [*self.shell, str(self.home / "build.sh")],
            cwd=self.cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            # A group of its own: what a test leaves behind can be ended with it.
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> Outcome:
        """Wait for a script."""
        out, log = process.communicate(timeout=15)
        return Outcome(process.returncode, out, log)

    def run(self, script: str, env: dict[str, str] | None = None) -> Outcome:
        """Run a script to its end."""
        return self.finish(self.start(script, env))

    def leftovers(self) -> list[str]:
        """Temporary files that scripts left behind."""
        return sorted(str(path) for path in (self.home / "tmp").rglob("*"))

    def close(self) -> None:
        """End what is still running."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with busybox under all of its names and no other program."""
    program = shutil.which("busybox")
    if not program:
        pytest.fail("busybox is missing; `make setup` installs it")
    folder = tmp_path_factory.mktemp("busybox")
    for name in subprocess.check_output([program, "--list"], text=True).split():
        (folder / name).symlink_to(program)
    return folder


@pytest.fixture(params=["busybox", "dash"])
def sandbox(
    request: pytest.FixtureRequest, busybox: Path, tmp_path: Path, workspace: Path
) -> Iterator[Sandbox]:
    """Each of the shells that scripts must run under, with the programs that come with it."""
    home = tmp_path / "fakes"
    home.mkdir()
    if request.param == "busybox":
        made = Sandbox([str(busybox / "sh")], [str(busybox)], home, workspace)
    else:
        made = Sandbox(["dash"], ["/usr/bin", "/bin"], home, workspace)
    made.fake()
    yield made
    made.close()
