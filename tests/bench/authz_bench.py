"""What the plugin and the gate cost: the same engine with and without them, side by side.

    python tests/bench/authz_bench.py [rounds] [--alone]

Needs root and the engine's programs (tests/e2e/binaries.py). Where there is a C compiler, a third
engine has the least that can stand in the place of plugin and gate (`authz_floor.c`): what that
costs is spent by the engine and the kernel, and nobody can save it.

Each round runs an action on every engine, in an order of its own, so that all see the same machine.
The ratio is the median of the rounds' own ratios, with its 95 % confidence interval; no figure is
compared with a fixed one. With ``--alone`` everything here runs before all others on the machine
(SCHED_RR), which takes most of their noise out; that is for `docker info` only, since the processes
of containers cannot run so.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import engines

from podwright.authz.limits import limits
from podwright.authz.policy import decide, read_request
from podwright.authz.server import Exchange, answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CREATE = {
    "Image": "team/app:1",
    "Cmd": ["make", "test"],
    "Env": [f"NAME{n}=value" for n in range(20)],
    "Labels": {f"label{n}": "value" for n in range(10)},
    "HostConfig": {
        "Binds": ["cache:/cache", "data:/data:ro"],
        "NetworkMode": "default",
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "LogConfig": {"Type": "", "Config": {}},
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
        "Privileged": False,
        "Devices": [],
        "Memory": 1 << 28,
        "MaskedPaths": None,
        "ReadonlyPaths": None,
    },
    "NetworkingConfig": {"EndpointsConfig": {}},
}


def question(method: str, uri: str, body: object = None) -> bytes:
    """What the engine asks."""
    asked = {"RequestMethod": method, "RequestUri": uri, "RequestHeaders": {"User-Agent": "Docker"}}
    if body is not None:
        asked["RequestHeaders"]["Content-Type"] = "application/json"
        asked["RequestBody"] = base64.b64encode(json.dumps(body).encode()).decode()
    return json.dumps(asked).encode()


def median(action: Callable[[], object], rounds: int) -> float:
    """The median time of an action, in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def decisions(pod: engines.Pod) -> None:
    """Median per decision: the policy alone, and through the plugin's socket."""
    policy = limits({})
    rows = (
        ("GET /info", question("GET", "/v1.50/info")),
        ("POST /containers/create", question("POST", "/v1.50/containers/create?name=x", CREATE)),
    )
    print(f"{'per decision (median ms)':34}{'policy':>9}{'policy+JSON':>13}{'by socket':>11}")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(pod.place / "plugins" / "podwright.sock"))
        for name, asked in rows:
            pure = median(partial(decide, read_request(asked), policy), 2000)
            exchange = Exchange("/AuthZPlugin.AuthZReq", asked)
            whole = median(partial(answer, exchange, policy, str), 2000)
            by_socket = median(partial(ask, connection, asked), 2000)
            print(f"{name:34}{pure:9.3f}{whole:13.3f}{by_socket:11.3f}")


def ask(connection: socket.socket, asked: bytes) -> None:
    """One question over the plugin's socket."""
    head = b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(asked)
    connection.sendall(head + asked)
    connection.recv(4096)


def build_context(place: Path, image: str) -> Path:
    """Thirty steps, none of them from the cache: each round has another argument."""
    place.mkdir(exist_ok=True)
    steps = [f"FROM {image}", "ARG ROUND", *[f"RUN echo $ROUND {n} > /f{n}" for n in range(29)]]
    (place / "Dockerfile").write_text("\n".join(steps), encoding="utf-8")
    return place


def docker(host: str, *words: str, **env: str) -> None:
    """A docker command that must succeed."""
    subprocess.run(
        ["docker", "-H", f"unix://{host}", *words], check=True, capture_output=True, env=env or None
    )


class FloorPod(engines.Pod):
    """A pod with `authz_floor.c` in the place of plugin and gate."""

    def start_authz(self, *, wait: bool = True) -> None:
        """Start both; the plugin must be there before the engine is."""
        sockets = ((self.place / "plugins" / "podwright.sock",), (self.socket, self.engine_socket))
        for name, paths in zip(("plugin", "gate"), sockets):
            words = [str(self.place / "floor"), name, *map(str, paths)]
            self.processes[name] = subprocess.Popen([*engines._DIE, *words])
        if wait:
            for path, *_ in sockets:
                engines.wait_for(partial(engines.reachable, str(path)), lambda: "no floor", 10)

    def _make_directories(self) -> None:
        super()._make_directories()
        source = str(Path(__file__).with_name("authz_floor.c"))
        command = ["cc", "-O2", "-pthread", "-o", str(self.place / "floor"), source]
        subprocess.run(command, check=True)

    def __exit__(self, *words: object) -> None:
        for name in ("gate", "plugin"):
            self.stop(name)
        super().__exit__(*words)


def pods(place: Path) -> Iterator[tuple[str, engines.Pod]]:
    """The same engine each time; the plain one has neither plugin nor gate in its way."""
    engine = engines.new_engine()
    yield "with", engines.Pod(place / "with", engine)
    words = ("dockerd", "--config-file", str(place / "without" / "daemon.json"))
    yield "without", engines.Pod(place / "without", engine, plugged=False, engine_words=words)
    if shutil.which("cc"):
        yield "floor", FloorPod(place / "floor", engine)


def compare(hosts: dict[str, str], context: Path, image: str, rounds: int, *, alone: bool) -> None:
    """Run each action on all engines in turn."""
    env = {"PATH": os.environ["PATH"], "HOME": str(context), "DOCKER_BUILDKIT": "0"}

    def build(host: str, n: int) -> None:
        docker(host, "build", "--build-arg", f"ROUND={n}{time.time()}", str(context), **env)

    actions: Sequence[tuple[str, int, Callable[[str, int], None]]] = (
        ("docker info", 60 * rounds, lambda host, _: docker(host, "info")),
        ("docker run --rm", 5 * rounds, lambda host, _: docker(host, "run", "--rm", image, "true")),
        ("docker build, 30 steps (classic)", rounds, build),
    )
    print(f"{'wall time (median ms)':34}{'without':>9}{'with':>9}{'ratio (95 %)':>22}{'rounds':>8}")
    for name, count, action in actions[: 1 if alone else None]:
        times: dict[str, list[float]] = {key: [] for key in hosts}
        for n in range(count):
            for key in random.sample(list(hosts), len(hosts)):
                start = time.perf_counter()
                action(hosts[key], n)
                times[key].append((time.perf_counter() - start) * 1e3)
        for key in sorted(set(hosts) - {"without"}, reverse=True):
            show(name if key == "with" else f"  {key}", times[key], times["without"])


def show(name: str, times: list[float], plain: list[float]) -> None:
    """One line: medians, the median of the paired ratios, and its interval."""
    ratios = sorted(a / b for a, b in zip(times, plain))
    low, high = interval(ratios)
    before, after = statistics.median(plain), statistics.median(times)
    ratio = f"{statistics.median(ratios):.3f} ({low:.3f}-{high:.3f})"
    print(f"{name:34}{before:9.1f}{after:9.1f}{ratio:>22}{len(ratios):8}")


def interval(ordered: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of a median by order statistics (normal approximation)."""
    half = 0.98 * len(ordered) ** 0.5
    first = max(0, math.floor(len(ordered) / 2 - half))
    last = min(len(ordered) - 1, math.ceil(len(ordered) / 2 + half))
    return ordered[first], ordered[last]


def main(rounds: int, *, alone: bool) -> None:
    """Start all, measure, end all."""
    place = Path(tempfile.mkdtemp(prefix="podwright-bench-"))
    started: list[engines.Pod] = []
    try:
        hosts = {}
        for key, pod in pods(place):
            started.append(pod.__enter__())
            with engines.busybox_image(pod) as image:
                hosts[key] = pod.engine_socket if key == "without" else pod.socket
        decisions(started[0])
        compare(hosts, build_context(place / "context", image), image, rounds, alone=alone)
    finally:
        for pod in started:
            pod.__exit__()
        shutil.rmtree(place, ignore_errors=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="run before everything else here")
    return parser.parse_args()


if __name__ == "__main__":
    options = arguments()
    if options.alone:  # what is started from here inherits it
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    main(options.rounds, alone=options.alone)
