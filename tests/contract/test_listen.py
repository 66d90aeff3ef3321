"""The planner's loop in the `tools` container: a real process, a real FIFO, the real bundle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podwright import bundle, generate
from podwright.resources import text

if TYPE_CHECKING:
    from collections.abc import Iterator

FIFO = "/run/podwright/ask"


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the sources here."""
    path = tmp_path_factory.mktemp("bundle") / "podwright.pyz"
    path.write_bytes(bundle.archive(bundle.hot_members(generate.package())))
    return path


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    return tmp_path / "ask"


@pytest.fixture
def loop(fifo: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The loop, exactly as it stands in a pod but for the path of its FIFO."""
    source = text("listen.py")
    assert source.count(FIFO) == 1
    # As process 1 of its container it becomes the parent of whatever loses its own.
    adopts = "__import__('ctypes').CDLL(None).prctl(36, 1, 0, 0, 0)\n"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", adopts + source.replace(FIFO, str(fifo))],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    until(fifo.exists)
    yield process
    process.kill()
    process.communicate()


def until(condition: object) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def make_job(folder: Path, pyz: Path, workspace: Path, name: str, **request: object) -> Path:
    """Put a job where the bridge does: in a directory beside the bundle."""
    folder.mkdir(exist_ok=True)
    link = folder / "podwright.pyz"
    if not link.exists():
        link.symlink_to(pyz)
    job = folder / name
    job.mkdir()
    (job / "request.json").write_text(json.dumps(request), encoding="utf-8")
    (job / "env").write_text(f"PWD={workspace}\n", encoding="utf-8")
    return job


def ask(fifo: Path, *lines: bytes) -> None:
    """Write lines as the script in the builder's container does."""
    with fifo.open("wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))


def test_several_jobs_at_once_are_each_answered(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    jobs = [
        make_job(
            tmp_path / "pod wright", pyz, workspace, f"{n}", image=f"r.example/a{n}", tags=["1"]
        )
        for n in range(4)
    ]
    for job in jobs:
        ask(fifo, str(job).encode())

    until(lambda: all((job / "answered").exists() for job in jobs))

    for number, job in enumerate(jobs):
        assert f"r.example/a{number}:1" in (job / "build.sh").read_text(encoding="utf-8")
        assert not (job / "answer.json").exists()
    assert loop.poll() is None


def test_a_job_that_comes_while_the_loop_does_something_else_is_answered(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    """Such as loading modules in a handler: one of ten failures stayed without its cause."""
    jobs = [
        make_job(tmp_path / "jobs", pyz, workspace, name, image="r.example/app", tags=[name])
        for name in ("1", "2")
    ]
    ask(fifo, str(jobs[0]).encode())
    until((jobs[0] / "answered").exists)

    loop.send_signal(signal.SIGSTOP)
    until(lambda: "\nState:\tT" in Path(f"/proc/{loop.pid}/status").read_text())
    ask(fifo, str(jobs[1]).encode())
    loop.send_signal(signal.SIGCONT)

    until((jobs[1] / "answered").exists)
    assert (jobs[1] / "build.sh").exists()


def test_without_its_place_for_temporary_files_it_takes_another(fifo: Path) -> None:
    env = {**os.environ, "TMPDIR": str(fifo.parent / "nowhere")}
    source = text("listen.py").replace(FIFO, str(fifo))
    begun = subprocess.Popen([sys.executable, "-I", "-c", source], env=env)
    try:
        until(lambda: fifo.exists() or begun.poll() is not None)
        assert begun.poll() is None
    finally:
        begun.kill()
        begun.wait()


def test_garbage_is_survived(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    job = make_job(tmp_path / "jobs", pyz, workspace, "1", image="r.example/app", tags=["1"])

    ask(fifo, b"", b"\xff\xfe\x00\x01", b"/no/such/job", b"a" * 300_000, b"$(reboot)")
    ask(fifo, str(job).encode())

    until((job / "answered").exists)
    assert (job / "build.sh").exists()
    assert loop.poll() is None


def test_a_wrong_request_is_answered_with_its_sentences(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    job = make_job(tmp_path / "jobs", pyz, workspace, "1", image="r.example/a", tgas=["1"])

    ask(fifo, str(job).encode())

    until((job / "answered").exists)
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "buildImage: unknown parameter 'tgas'; did you mean 'tags'?"
    }


def test_the_pod_can_end_it_at_once(loop: subprocess.Popen[str], fifo: Path) -> None:
    loop.send_signal(signal.SIGTERM)

    # With 0 the container would be "Completed", and Jenkins would not retry a lost pod.
    assert loop.wait(timeout=10) == 143


def test_any_user_of_the_pod_may_ask(loop: subprocess.Popen[str], fifo: Path) -> None:
    assert loop.poll() is None
    assert oct(os.stat(fifo).st_mode & 0o777) == "0o666"  # noqa: PTH116 - Path.stat is the same


def test_what_the_bundle_cannot_answer_is_answered_with_its_last_line(
    loop: subprocess.Popen[str], fifo: Path, tmp_path: Path, workspace: Path
) -> None:
    broken = tmp_path / "broken.pyz"
    too_old = "import sys\nsys.stderr.write('noise\\nthis python3 is too old\\n')\nsys.exit(2)\n"
    broken.write_bytes(bundle.archive({"__main__.py": too_old.encode()}))
    job = make_job(tmp_path / "jobs", broken, workspace, "one", image="a/b")
    ask(fifo, str(job).encode())
    until((job / "answered").exists)
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "the planner failed: this python3 is too old"
    }
    assert loop.poll() is None


def children(process: subprocess.Popen[str]) -> list[int]:
    """Give the processes that the loop has started."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    return [int(pid) for pid in listed.split()]


def test_a_bundle_that_has_answered_stays_for_further_jobs(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    seen = []
    for name in ("1", "2", "3"):
        job = make_job(tmp_path / "jobs", pyz, workspace, name, image="r.example/app", tags=[name])
        ask(fifo, str(job).encode())
        until((job / "answered").exists)
        assert f"r.example/app:{name}" in (job / "build.sh").read_text(encoding="utf-8")
        seen.append(children(loop))
    assert len(seen[0]) == 1
    assert seen == [seen[0]] * 3


def test_a_planner_that_is_killed_is_told_and_the_next_job_has_a_new_one(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    hangs = tmp_path / "hangs.pyz"
    hangs.write_bytes(bundle.archive({"__main__.py": b"import time\ntime.sleep(600)\n"}))
    job = make_job(tmp_path / "hanging", hangs, workspace, "1", image="a/b")
    ask(fifo, str(job).encode())
    until(lambda: children(loop))
    os.kill(children(loop)[0], signal.SIGKILL)
    until((job / "answered").exists)
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "the planner failed: it was ended by signal 9"
    }
    after = make_job(tmp_path / "jobs", pyz, workspace, "2", image="r.example/app", tags=["2"])
    ask(fifo, str(after).encode())
    until((after / "answered").exists)
    assert (after / "build.sh").exists()


def test_an_older_bundle_answers_each_job_in_a_process_of_its_own(
    loop: subprocess.Popen[str], fifo: Path, workspace: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.pyz"
    answers = b"import pathlib, sys\n(pathlib.Path(sys.argv[2]) / 'answered').touch()\n"
    old.write_bytes(bundle.archive({"__main__.py": answers}))
    jobs = [make_job(tmp_path / "jobs", old, workspace, str(n), image="a/b") for n in range(5)]
    ask(fifo, *(str(job).encode() for job in jobs))
    until(lambda: all((job / "answered").exists() for job in jobs))
    assert not [job for job in jobs if (job / "answer.json").exists()]
    until(lambda: children(loop) == [])


LEAVING = """import os, sys, time
if not os.fork():
    if not os.fork():
        time.sleep(0.3)
        os._exit(3)
    os._exit(0)
os.wait()
open(sys.argv[2] + "/answered", "w").close()
"""


def test_what_a_command_leaves_in_the_container_does_not_end_it(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    """Each `sh` of a pipeline in this container leaves a process to process 1."""
    planned = make_job(tmp_path / "jobs", pyz, workspace, "1", image="r.example/app", tags=["1"])
    other = tmp_path / "other.py"
    other.write_text(LEAVING)
    leaving = make_job(tmp_path / "others", other, workspace, "1")
    children = Path(f"/proc/{loop.pid}/task/{loop.pid}/children")
    ask(fifo, str(planned).encode())
    until((planned / "answered").exists)
    planner = children.read_text().split()

    ask(fifo, str(leaving).encode())
    until((leaving / "answered").exists)
    until(lambda: len(children.read_text().split()) == 2)
    until(lambda: loop.poll() is not None or children.read_text().split() == planner)

    again = make_job(tmp_path / "jobs", pyz, workspace, "2", image="r.example/app", tags=["1"])
    assert loop.poll() is None
    ask(fifo, str(again).encode())
    until((again / "answered").exists)
    assert (again / "build.sh").exists()


def test_a_planner_that_cannot_begin_is_told(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    job = make_job(tmp_path / "jobs", pyz, workspace, "1", image="r.example/app", tags=["1"])
    # None is left for the pipe to a new process, and one for an answer.
    open_ones = len(list(Path(f"/proc/{loop.pid}/fd").iterdir()))
    subprocess.run(["prlimit", f"--pid={loop.pid}", f"--nofile={open_ones + 1}"], check=True)

    ask(fifo, str(job).encode())

    until((job / "answered").exists)
    assert json.loads((job / "answer.json").read_text())["error"].startswith("the planner failed: ")
    assert loop.poll() is None
