"""The program of the container `engine`: the proxy in front of the node's Docker Engine."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from podwright.docker_api.http import serve
from podwright.dood.budget import MINIMUM, Budget, shown
from podwright.dood.desk import Desk
from podwright.dood.early import server_at, withdraw
from podwright.dood.keeper import BEAT, Keeper
from podwright.dood.naming import Naming
from podwright.dood.node import OK, Node
from podwright.dood.places import CLIENT_SOCKET, NODE_SOCKET
from podwright.dood.proxy import NodeProxy
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from podwright.dood.keeper import Say

#: Seconds until an engine that does not answer counts as none.
PATIENCE = 10.0
#: Seconds for removing everything; less than the pod's grace period of 15.
CLEAR = 12.0
_ELSE = "use a strategy without the node's engine (podwright builders lists them)"


@record
class Settings:
    """What the pod says about itself.

    Attributes:
        naming: from the pod's uid, namespace and name.
        memory: bytes.
        cpu: thousandths.
    """

    naming: Naming
    memory: int
    cpu: int


def main(arguments: Sequence[str], env: Mapping[str, str], out: TextIO) -> int:
    """Run; gives the exit code: 0 done, 1 failed, 2 the pod is wrong."""
    options = _options(arguments)
    try:
        return _serve(options, env, out)
    finally:
        withdraw(options.client_socket)


def _options(arguments: Sequence[str]) -> Any:
    """Parse the words of the command; a pod's has none, and waits for argparse in vain."""
    options: Any = SimpleNamespace(
        node_socket=NODE_SOCKET, client_socket=CLIENT_SOCKET, patience=PATIENCE
    )
    if arguments:
        import argparse  # noqa: PLC0415 - for tests and attempts by hand

        parser = argparse.ArgumentParser(prog="engine", description="proxy to the node's engine")
        parser.add_argument("--node-socket")
        parser.add_argument("--client-socket")
        parser.add_argument("--patience", type=float, metavar="SECONDS")
        # What is not named keeps its value.
        options = parser.parse_args(arguments, argparse.Namespace(**vars(options)))
    return options


def _serve(options: Any, env: Mapping[str, str], out: TextIO) -> int:
    def say(sentence: str) -> None:
        out.write(f"podwright: {sentence}\n")
        out.flush()

    settings, problems = read_settings(env)
    if problems or settings is None:
        for problem in problems:
            say(f"ERROR: {problem}")
        return 2
    # Process 1 ignores signals that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    problem = wait_for_engine(options.node_socket, options.patience)
    if problem:
        say(f"ERROR: {problem}")
        return 1
    return _run(settings, options, say)


def read_settings(env: Mapping[str, str]) -> tuple[Settings | None, list[str]]:
    """Read the environment that the pod sets; gives sentences about what is wrong with it."""
    problems = []
    uid = env.get("PODWRIGHT_POD_UID", "")
    if not uid:
        problems.append("PODWRIGHT_POD_UID is missing; set it from metadata.uid")
    numbers = {}
    for name, source in (
        ("PODWRIGHT_MEMORY", "limits.memory"),
        ("PODWRIGHT_CPU", "limits.cpu with the divisor 1m"),
    ):
        text = env.get(name, "")
        if not text.isdigit() or not int(text):
            problems.append(f"{name} is no number: {text!r}; set it from {source} of the builder")
        numbers[name] = int(text) if text.isdigit() else 0
    if not problems and numbers["PODWRIGHT_MEMORY"] < MINIMUM:
        problems.append(
            f"the memory limit of the builder is {shown(numbers['PODWRIGHT_MEMORY'])}; "
            f"containers need at least {shown(MINIMUM)}"
        )
    if problems:
        return None, problems
    naming = Naming(uid, env.get("PODWRIGHT_POD", ""))
    return Settings(naming, numbers["PODWRIGHT_MEMORY"], numbers["PODWRIGHT_CPU"]), []


def wait_for_engine(path: str, patience: float) -> str:
    """Wait for the engine to answer; gives a sentence when it does not, '' when it does.

    Args:
        path: of its socket.
        patience: seconds; what no waiting can mend is told at once.
    """
    until = time.monotonic() + patience
    while True:
        problem, final = engine_problem(path, patience)
        if not problem or final or time.monotonic() > until:
            return problem
        time.sleep(0.2)


def engine_problem(path: str, patience: float) -> tuple[str, bool]:
    """Say what keeps the engine from answering, and whether it stays so; '' when it answers."""
    try:
        found = Path(path).stat()
        if not stat.S_ISSOCK(found.st_mode):
            return f"what is mounted as docker.sock is no socket; {_ELSE}", True
    except FileNotFoundError:
        return f"this node has no docker.sock, so it does not run Docker; {_ELSE}", True
    try:
        status, _ = Node(path, patience).ask("GET", "/_ping")
    except PermissionError:
        return _denied(found), True
    except OSError as error:
        return _silent(error, patience), False
    if status != OK:
        return f"what answers at docker.sock is no Docker Engine (status {status}); {_ELSE}", False
    return "", True


def _silent(error: OSError, patience: float) -> str:
    """Explain why nobody answers."""
    if isinstance(error, ConnectionRefusedError):
        return (
            "nobody listens at the node's docker.sock: its Docker Engine has ended, or was "
            "restarted after this pod began; begin the build again"
        )
    return (
        f"the node's Docker Engine does not answer within {patience:g} s "
        f"({error.strerror or error}); look at dockerd's log on the node"
    )


def _denied(found: os.stat_result) -> str:
    """Explain why the socket may not be opened."""
    who = f"this container runs as user {os.geteuid()} with the groups {sorted(os.getgroups())}"
    mode = stat.filemode(found.st_mode)
    owner = f"{mode}, user {found.st_uid}, group {found.st_gid}"
    if found.st_gid in {*os.getgroups(), os.getegid()} or os.geteuid() == found.st_uid:
        return (
            f"the node's docker.sock ({owner}) may not be opened although {who}; SELinux or "
            "AppArmor forbids it: allow it on the node, or use another strategy"
        )
    return (
        f"the node's docker.sock belongs to others ({owner}), and {who}; set pod.socketGroup to "
        f"{found.st_gid}"
    )


def _run(settings: Settings, options: Any, say: Say) -> int:
    """Serve until SIGTERM, then remove everything."""
    node = Node(options.node_socket)
    known = node.get("/info") or {}
    # An engine refuses more CPUs than it has.
    cpu = min(settings.cpu * 10**6, (known.get("NCPU") or 10**6) * 10**9)
    keeper = Keeper(node, settings.naming, say)
    if not keeper.lease():
        say("ERROR: the node's Docker Engine makes no volumes; look at dockerd's log on the node")
        return 1
    proxy = NodeProxy(Desk(settings.naming, Budget(settings.memory, cpu), node))
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    server = server_at(options.client_socket)
    threading.Thread(target=serve, args=(server, proxy.serve), daemon=True).start()
    say(
        f"the node's Docker Engine {known.get('ServerVersion', '')} answers; containers of this "
        f"pod may use {shown(settings.memory)} of memory and {cpu / 10**9:g} CPUs"
    )
    while not end.wait(BEAT):
        keeper.beat()
    proxy.ending = True
    server.close()
    proxy.wait(1.0)
    return 0 if keeper.clear(CLEAR) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, sys.stdout))
