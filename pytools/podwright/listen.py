# Runs in the container `tools`, or beside an agent that has python3, as `python3 -I -c`: one job
# directory per line comes in through a FIFO, the bundle beside it answers. Nothing of podwright is
# installed there, and the python3 may be too old for the bundle: what that cannot answer is
# answered here.
#
# A build waits for its plan, so what takes time is done before: modules of the standard library are
# loaded while the agent connects, and the bundle as soon as the library has written it, when it is
# the one whose sum the pod carries. It stays for all jobs (commands/answer.py).
import contextlib
import glob
import hashlib
import json
import os
import runpy
import signal
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

FIFO = "/run/podwright/ask"
# As tempfile would make it, which loads what an image may have to compile first.
OWN = b""
for place in (os.environ.get("TMPDIR") or "/tmp", "/tmp", "/var/tmp", "."):  # noqa: S108
    with contextlib.suppress(OSError):
        OWN = os.path.join(os.path.abspath(os.fsencode(place)), os.urandom(8).hex().encode())
        os.mkdir(OWN, 0o700)
        break
CHANGED = (
    "podwright.pyz in the workspace is not the one that the library wrote; "
    "who changed or removed it?"
)
MOST = 16 << 20  # bytes of a bundle
USED = "importlib.util pathlib shlex types"
# Where Jenkins has the workspaces of jobs, and of those in folders.
PLACES = [
    "/home/jenkins/agent/workspace/" + depth + "*@tmp/podwright" for depth in ("", "*/", "*/*/")
]
# What the library has put into the pod; no other bundle runs then.
SUM = os.environ.get("PODWRIGHT_SUM", "")
SUM = SUM if SUM.isalnum() else ""  # Jenkins has not made this pod


class Said:
    """Standard error; what a bundle that cannot start says last is the answer."""

    text = ""

    def write(self, text: str) -> None:
        os.write(2, text.encode("utf-8", "replace"))
        self.text += text

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


# By process: the bundle that it has loaded, the pipe to it, and its jobs, of which the first one is
# a part of how it was started.
servers = {}  # type: dict[int, tuple[tuple[bytes, float, int], int, list[bytes]]]
OWN_SIGNALS = (signal.SIGCHLD, signal.SIGALRM)


def is_open(job: bytes) -> bool:
    return os.path.isdir(job) and not os.path.exists(os.path.join(job, b"answered"))


def fail(job: bytes, why: str) -> None:
    """Answer a job that nobody has answered."""
    # Where nothing can be written, the script gives up by itself; the pod must not end.
    with contextlib.suppress(OSError):
        if is_open(job):
            with open(os.path.join(job, b"answer.json"), "w") as file:
                json.dump({"error": "the planner failed: " + why}, file)
            open(os.path.join(job, b"answered"), "w").close()


def serve(bundle: bytes, job: bytes, pipe: int) -> None:
    """Be the process of a bundle: as `python3 -I bundle answer job`."""
    for number in (signal.SIGTERM, *OWN_SIGNALS):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OWN_SIGNALS)
    said = Said()
    sys.stderr = said
    sys.argv = [os.fsdecode(bundle), "answer", os.fsdecode(job)]
    os.environ["PODWRIGHT_STAYS"] = str(pipe)  # where further jobs come from
    try:
        with contextlib.suppress(SystemExit):
            runpy.run_path(sys.argv[0], run_name="__main__")
    except BaseException:  # noqa: BLE001 - it becomes the answer
        sys.excepthook(*sys.exc_info())
    lines = said.text.strip().splitlines()
    fail(job, lines[-1] if lines else "it said nothing")
    os._exit(0)


def start(bundle: bytes, version: "tuple[float, int]", job: bytes) -> None:
    ends = ()  # type: tuple[int, ...]
    try:
        ends = os.pipe()
        pid = os.fork()
    except OSError as error:  # no memory, processes or files are left; the pod goes on without
        for end in ends:
            os.close(end)
        fail(job, str(error))
        return
    reader, writer = ends
    if not pid:
        try:
            for other in [fifo, writer] + [pipe for _, pipe, _ in servers.values()]:
                os.close(other)  # so that it ends with this process
            serve(bundle, job, reader)
        finally:
            os._exit(1)
    os.close(reader)
    servers[pid] = ((bundle, version[0], version[1]), writer, [job])


def bundle_for(job: bytes) -> bytes:
    """Give the bundle that answers: a copy, when the pod or the job has a sum."""
    path = os.path.join(os.path.dirname(job), b"podwright.pyz")
    try:
        with open(os.path.join(job, b"bundle"), "rb") as file:
            wanted = file.read().strip().decode()
    except FileNotFoundError:
        wanted = SUM
    if not wanted:
        return path  # the scripts of an older library name none
    if wanted != (SUM or wanted):
        raise ValueError(CHANGED)
    return copy(path, wanted)


def copy(path: bytes, wanted: str) -> bytes:
    """Give a copy of a bundle out of the workspace's reach; it must have the sum that is wanted."""
    own = os.path.join(OWN, os.path.basename(wanted).encode())
    if not os.path.isfile(own):
        content = b""
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would be waited for
            with open(descriptor, "rb") as file:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    content = file.read(MOST)
        if hashlib.sha256(content).hexdigest() != wanted:
            raise ValueError(CHANGED)
        with open(own + b".new", "wb") as file:
            file.write(content)
        os.replace(own + b".new", own)
    return own


def answer(job: bytes) -> None:
    """Have the bundle beside a job answer it."""
    try:
        bundle = bundle_for(job)
        known = os.stat(bundle)
    except (OSError, ValueError) as error:
        fail(job, str(error))
        return
    for loaded, pipe, jobs in servers.values():
        if loaded == (bundle, known.st_mtime, known.st_size):
            jobs[1:] = [other for other in jobs[1:] if is_open(other)] + [job]
            with contextlib.suppress(OSError):  # it has just ended: `reap` will know
                os.write(pipe, job + b"\n")
            return
    start(bundle, (known.st_mtime, known.st_size), job)


def alone(handler: "Callable[[], None]") -> "Callable[..., None]":
    """Make a handler of signals that no other one interrupts."""

    def handle(*_: object) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, OWN_SIGNALS)
        try:
            handler()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return handle


@alone
def reap() -> None:
    """Look after processes that have ended: those of older bundles do after one job."""
    # Process 1 is also the parent of what commands in this container leave.
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid not in servers:
            continue
        (bundle, changed, size), pipe, jobs = servers.pop(pid)
        os.close(pipe)
        fail(jobs[0], "it was ended by signal " + str(status & 127))
        for job in jobs[1:]:
            if is_open(job):
                start(bundle, (changed, size), job)


pause = 0.1  # seconds until the next look


@alone
def look() -> None:
    """Load what builds will need, once it is there; a job that comes before loads it itself."""
    global pause  # noqa: PLW0603 - this file has no other state of its own
    for name in USED.split():
        __import__(name)
    for folder in [path for place in PLACES for path in glob.glob(place) if SUM and not servers]:
        with contextlib.suppress(OSError, ValueError):  # not there yet, or another one
            bundle = copy(os.fsencode(folder) + b"/podwright.pyz", SUM)
            about = os.stat(bundle)
            start(bundle, (about.st_mtime, about.st_size), b"")
            return
    if SUM and not servers and pause < 10:  # noqa: PLR2004 - after three minutes no longer
        signal.setitimer(signal.ITIMER_REAL, pause)
        pause *= 1.05


# Process 1 ignores signals that it has no handler for, and the pod would end late. With 0 Jenkins
# would not retry what was on a pod that is lost.
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
signal.signal(signal.SIGCHLD, reap)
if not os.path.exists(FIFO):
    os.mkfifo(FIFO)
# The builder's container may run as another user.
os.chmod(FIFO, 0o666)
# Also for writing, so that it never ends: were it opened again for each job, one that is asked for
# while a handler runs would find the reader in a process of a bundle, and be waited for in vain.
fifo = os.open(FIFO, os.O_RDWR)
# Jenkins' agent starts at the same time, and what it takes the pod waits for.
signal.signal(signal.SIGALRM, look)
signal.setitimer(signal.ITIMER_REAL, 1)
while True:
    # More than a pipe holds, so that no line is cut: each is written at once (POSIX, write).
    # Bytes: whatever comes in, the loop goes on.
    for job in os.read(fifo, 1 << 20).split(b"\n"):
        if job.startswith(b"/"):
            signal.pthread_sigmask(signal.SIG_BLOCK, OWN_SIGNALS)
            answer(job)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, OWN_SIGNALS)
