"""What the plugin and the gate cost: the same engine with and without them, side by side.

    python tests/bench/authz_bench.py [rounds]

Needs root and the engine's programs (tests/e2e/binaries.py). Prints medians of one run, with and
without in turn, so that both see the same machine; no figure is compared with a fixed one.
"""

from __future__ import annotations

import base64
import json
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


def pods(place: Path) -> Iterator[tuple[str, engines.Pod, str]]:
    """The same engine twice; the plain one has neither plugin nor gate in its way."""
    engine = engines.new_engine()
    yield "with", engines.Pod(place / "with", engine), ""
    words = ("dockerd", "--config-file", str(place / "without" / "daemon.json"))
    yield "without", engines.Pod(place / "without", engine, plugged=False, engine_words=words), ""


def compare(hosts: dict[str, str], context: Path, image: str, rounds: int) -> None:
    """Run each action with and without in turn."""
    env = {"PATH": engines.os.environ["PATH"], "HOME": str(context), "DOCKER_BUILDKIT": "0"}

    def build(host: str, n: int) -> None:
        docker(host, "build", "--build-arg", f"ROUND={n}{time.time()}", str(context), **env)

    actions: Sequence[tuple[str, int, Callable[[str, int], None]]] = (
        ("docker info", 20 * rounds, lambda host, _: docker(host, "info")),
        ("docker run --rm", 5 * rounds, lambda host, _: docker(host, "run", "--rm", image, "true")),
        ("docker build, 30 steps (classic)", rounds, build),
    )
    print(f"{'wall time (median ms)':34}{'without':>9}{'with':>13}{'ratio':>11}{'rounds':>9}")
    for name, count, action in actions:
        times: dict[str, list[float]] = {"with": [], "without": []}
        for n in range(count):
            for key in ("without", "with") if n % 2 else ("with", "without"):
                start = time.perf_counter()
                action(hosts[key], n)
                times[key].append((time.perf_counter() - start) * 1e3)
        ratio = statistics.median(a / b for a, b in zip(times["with"], times["without"]))
        plain, policed = statistics.median(times["without"]), statistics.median(times["with"])
        print(f"{name:34}{plain:9.1f}{policed:13.1f}{ratio:11.3f}{count:9}")


def main(rounds: int) -> None:
    """Start both, measure, end both."""
    place = Path(tempfile.mkdtemp(prefix="podwright-bench-"))
    started: list[engines.Pod] = []
    try:
        hosts = {}
        for key, pod, _ in pods(place):
            started.append(pod.__enter__())
            with engines.busybox_image(pod) as image:
                hosts[key] = pod.socket if key == "with" else pod.engine_socket
        decisions(started[0])
        compare(hosts, build_context(place / "context", image), image, rounds)
    finally:
        for pod in started:
            pod.__exit__()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
