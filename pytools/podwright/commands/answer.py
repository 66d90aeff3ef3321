"""Answer one request of a pipeline, inside its pod.

The script of the Groovy bridge, in the builder's container, writes
JOB/request.json, JOB/env (KEY=value lines) and JOB/config (when
PODWRIGHT_CONFIG is set), and asks. The answer is JOB/build.sh, or
JOB/answer.json with an error sentence, the defaults whose credentials Jenkins
must bind, or what is to be done around the build; JOB/answered says that it is
there. A build that runs asks as well: why a step failed (JOB/failed), for its
logins (JOB/logins), what a registry says of its image (JOB/pushed), whether
anything of a large context has changed (JOB/unchanged), and to keep what was
built of one (JOB/built).

In the tools container (listen.py) the process stays: it reads jobs from the
pipe PODWRIGHT_STAYS and answers each in a child, which has all modules. JOB
is '' there when none has asked yet.
"""

from __future__ import annotations

import json
import os
import select
import signal
from pathlib import Path

from podwright import __version__, inputs, workspace
from podwright import request as requests
from podwright.errors import Findings, PodwrightError, UsageError
from podwright.plan import is_alone, plan_script, pushed_apart
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import traceback
    from collections.abc import Callable, Iterator
    from typing import Any

    from podwright import described, loginfiles, sequence, unchanged
    from podwright.console import Console
    from podwright.doctor import failed

if not TYPE_CHECKING:
    # Most builds do not fail, and log in by user and password.
    traceback = LazyModule("traceback")
    failed = LazyModule("podwright.doctor.failed")
    loginfiles = LazyModule("podwright.loginfiles")
    described = LazyModule("podwright.described")
    sequence = LazyModule("podwright.sequence")
    unchanged = LazyModule("podwright.unchanged")

# What a build that runs asks for, by the file that it leaves; the answer may have a rest for later.
_KINDS: dict[str, tuple[Any, str]] = {
    "logins": (loginfiles, "answer"),
    "pushed": (described, "answer"),
    "unchanged": (unchanged, "answer"),
    "built": (unchanged, "keep"),
}
# Seconds without a job until what can be done later is done.
PAUSE = 1.0
SUMMARY = "answer one request of a pipeline inside its pod (used by the library itself)"
OPTIONS = """
job  directory with the request
"""


def run(options: argparse.Namespace, console: Console) -> int:
    """Write the answer; a defect is answered as well, so that nobody waits for it."""
    job, stays = Path(options.job), console.env.get("PODWRIGHT_STAYS", "")
    if stays and not options.job:
        _stay(None, console, int(stays))
        return 0
    if not job.is_dir():
        raise UsageError(f"there is no directory '{job}'; this command is for the library itself")
    if stays:
        _stay(job, console, int(stays))
    else:
        _answer(job, console)
    return 0


def _stay(first: Path | None, console: Console, pipe: int) -> None:
    """Answer a job, when there is one already, and those that come after it."""
    children: dict[int, Path] = {}

    def reap(*_: object) -> None:
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            job = children.pop(pid)
            if status and not (job / "answered").exists() and job.exists():
                _write_error(job, "the planner was ended from outside; raise the memory of 'tools'")
                _tell(job)

    if first:
        os.waitpid(_in_child(first, console), 0)
    signal.signal(signal.SIGCHLD, reap)
    # What the end of a build asks a registry with is loaded while nobody waits: behind the first
    # job, or when none has come for a while, for until then a checkout has the processor.
    later: list[Callable[[], object]] = [lambda: described.answer, described.prepare]
    if not first:
        select.select([pipe], [], [], PAUSE)
    for job in _jobs(pipe, later):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        children[_in_child(job, console)] = job
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _jobs(pipe: int, later: list[Callable[[], object]]) -> Iterator[Path]:
    """Give the jobs that come through the pipe; between them is done what can be done later."""
    while True:
        while later and not select.select([pipe], [], [], 0)[0]:
            later.pop(0)()
        lines = os.read(pipe, 1 << 20)  # whole ones: each was written at once
        if not lines:
            return
        yield from (Path(os.fsdecode(line)) for line in lines.splitlines())


def _in_child(job: Path, console: Console) -> int:
    """Answer a job in a process of its own; gives its id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        if job.is_dir():
            _answer(job, console)
        status = 0
    except Exception:  # noqa: BLE001 - it is answered, and the process ends here
        console.say(traceback.format_exc())
    finally:
        os._exit(status)


def _answer(job: Path, console: Console) -> None:
    later = None
    try:
        room = next((job / name for name in _KINDS if (job / name).exists()), None)
        if (job / "failed").exists():
            failed.explain(job)
        elif room:
            place = Path(room.read_text(encoding="utf-8").rstrip("\n"))
            module, name = _KINDS[room.name]
            later = getattr(module, name)(place, console.env)
        else:
            _answer_build(job, console)
    except PodwrightError as error:
        _write_error(job, "\n".join(error.problems))
    except Exception:
        _write_error(job, "podwright has a defect; please report this:\n" + traceback.format_exc())
        raise
    finally:
        _tell(job)
    if later:
        later()


def _tell(job: Path) -> None:
    """Say that the answer is there, when somebody still waits for it."""
    try:
        (job / "answered").touch()
    except FileNotFoundError:
        return


def _write_script(job: Path, script: str) -> None:
    """Write the script."""
    path = job / "build.sh"
    try:
        path.write_text(script, encoding="utf-8")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise PodwrightError(
            f"the build script cannot be written into the workspace: {error.strerror}; "
            "make room there"
        ) from None


def _answer_build(job: Path, console: Console) -> None:
    """Answer with a script, or with the defaults that Jenkins has to bind for it first."""
    told = read_env((job / "env").read_bytes().decode("utf-8", "replace"))
    config_file = job / "config"
    if config_file.exists():
        told["PODWRIGHT_CONFIG"] = config_file.read_bytes().decode("utf-8", "replace")
    env = {**told, **console.env}
    root = Path(told["PWD"])
    _check_version(env.get("PODWRIGHT_VERSION", __version__))
    value = inputs.read_request(str(job / "request.json"), console.stdin).value
    found = Findings()
    request, config = inputs.load(value, root, env, found)
    done = requests.AROUND if request.common.alone else ()
    unbound = {k: v for k, v in config.bound.items() if value.get(k) is None and k not in done}
    if unbound:
        (job / "answer.json").write_text(json.dumps({"defaults": unbound}), encoding="utf-8")
        return
    facts = workspace.inspect(root, env)
    request = pushed_apart(request, config, facts)
    script = plan_script(request, config, facts, found, str(job))
    if is_alone(request, config):
        _write_script(job, script)
    else:
        made = sequence.turns(value, request, config)
        (job / "answer.json").write_text(json.dumps({"turns": made}), encoding="utf-8")


def _check_version(rendered: str) -> None:
    """Refuse a pod of presets that another version rendered; one of its patches is the same."""
    if rendered.split(".")[:2] != __version__.split(".")[:2]:
        raise UsageError(
            f"the presets were rendered by podwright {rendered}, and this is {__version__}; render "
            "them again with `podwright generate --presets`, or pin the library's version"
        )


def read_env(text: str) -> dict[str, str]:
    """Read KEY=value lines; what is none is dropped.

    Only a line feed ends a line, and the script writes no value that has one: a branch's name may
    hold what Unicode calls a line separator, and must not bring variables of its own.
    """
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: value for name, mark, value in pairs if name and mark}


def _write_error(job: Path, sentence: str) -> None:
    text = json.dumps({"error": f"buildImage: {sentence}"})
    (job / "answer.json").write_text(text + "\n", encoding="utf-8")
