# ruff: noqa: ANN001, ANN003, ANN201, ANN204 - fixtures and parameters
"""When the plugin is missing, dead, silent or talks rubbish, the engine does nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time

import engines
import pytest
from engines import KINDS, engine_of

from podwright import authz

MISSING = (
    "podwright: the engine is not started: the authorization plugin podwright is not there "
    "(no socket in /run/docker/plugins); see the log of container authz\n"
)
OLD = (
    "podwright: the engine is not started: containers can leave Docker Engine 20.10.24 by way of "
    "docker cp (CVE-2026-42306, CVE-2026-41568); use 29.5.1 or newer, or accept it knowingly in "
    "the config\n"
)


@contextlib.contextmanager
def sandbox(places, kind, **more):
    """A pod in which nothing has been started yet."""
    pod = engines.Pod(places / f"bare-{kind}", engine_of(kind), **more)
    try:
        pod._make_directories()
        pod._start_sandbox()
        yield pod
    finally:
        pod.__exit__()


def ends(pod):
    pod.start_engine(wait=False)
    code = pod.processes["engine"].wait(60)
    return code, pod.log("engine")


@pytest.mark.parametrize("kind", KINDS)
def test_the_guard_starts_no_engine_without_the_plugin(places, kind):
    with sandbox(places, kind) as pod:
        code, log = ends(pod)
        assert code == 78
        assert log.endswith(MISSING)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_itself_does_not_start_without_the_plugin_either(places, kind):
    with sandbox(places, kind) as pod:
        done = pod.run_inside(
            "unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--",
            "env", f"PATH={pod.engine.path}", "dockerd",
            "--config-file", str(pod.place / "daemon.json"),
        )  # fmt: skip
        assert done.returncode == 1
        assert b"podwright" in done.stderr.splitlines()[-1]


def test_an_engine_before_29_5_1_is_not_started(places):
    with sandbox(places, "old", options={"accept_old": False}) as pod:
        pod.start_authz()
        assert ends(pod) == (78, OLD)


def test_an_accepted_old_engine_says_so_in_its_log(pod):
    words = "podwright: Docker Engine 20.10.24 is older than 29.5.1 and was accepted by the config"
    log = (pod.place / "engine.log").read_text("utf-8")
    assert (words in log) is pod.engine.old


def test_an_engine_with_another_plugin_missing_is_not_started(places):
    with sandbox(places, "new", options={"plugins": ("other",)}) as pod:
        pod.start_authz()
        code, log = ends(pod)
        assert code == 78
        assert "the authorization plugin other is not there" in log


def test_an_engine_whose_config_names_no_plugin_is_not_started(places):
    with sandbox(places, "new", plugged=False) as pod:
        pod.start_authz()
        code, log = ends(pod)
        assert code == 78
        assert "daemon.json names no authorization plugin; without one the API would be open" in log


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", ["{", '{"profile": "open"}', "[]"])
def test_no_plugin_and_so_no_engine_starts_with_a_broken_policy_config(places, kind, config):
    with sandbox(places, kind) as pod:
        command = ["python3", "-I", "-B", str(pod.place / "authz.py"), "serve", "--config", config]
        done = pod.run_inside(*command)
        assert done.returncode == 2
        assert done.stderr.startswith(b"policy config: ")
        assert ends(pod)[0] == 78


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_plugin_means_refusal_and_a_new_one_means_work(make_pod, kind):
    pod = make_pod(kind)
    process = pod.processes["authz"]
    process.kill()
    process.wait()
    # The gate goes with the plugin, so the client finds nobody at all...
    engines.wait_for(
        lambda: not engines.reachable(pod.socket), lambda: "the gate outlived the plugin", 10
    )
    # ...and the engine, asked at its own socket, gives up asking and refuses.
    answer = pod.call("GET", "/info", direct=True)
    assert answer.status == 500
    assert answer.message.startswith("plugin podwright failed with error: ")
    del pod.processes["authz"]
    pod.start_authz()
    assert pod.call("GET", "/info").status == 200


def test_a_stopped_plugin_means_waiting_and_nothing_done(make_pod):
    pod = make_pod("new")
    os.kill(pod.processes["authz"].pid, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(pod.engine_socket)
        body = b'{"Name": "made-in-silence"}'
        connection.sendall(
            b"POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        connection.settimeout(3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        volumes = {entry.name for entry in (pod.place / "data" / "volumes").iterdir()}
        assert "made-in-silence" not in volumes
        os.kill(pod.processes["authz"].pid, signal.SIGCONT)
        connection.settimeout(20)
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 Created")


RUBBISH = {
    "bytes": b"\x00\xff\x00\xff\r\n\r\n",
    "nothing": b"",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "empty object": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "wrong type": b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"Allow":"yes"}',
    "null": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    "cut short": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"Allow":',
    "an error": b'HTTP/1.1 500 Oops\r\nContent-Length: 14\r\n\r\n{"Allow":true}',
}


class Impostor:
    """A plugin at the real one's socket that activates and then talks rubbish."""

    ACTIVE = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.plugins.v1.2+json\r\n"
        b'Content-Length: 24\r\nConnection: close\r\n\r\n{"Implements":["authz"]}'
    )

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.rubbish = b""
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection:
                asked = connection.recv(1 << 20)
                with contextlib.suppress(OSError):
                    connection.sendall(self.ACTIVE if b"Activate" in asked else self.rubbish)


@pytest.fixture(scope="module", params=KINDS)
def impostor(request, places):
    with sandbox(places, request.param) as pod:
        other = Impostor(pod.place / "plugins" / "podwright.sock")
        pod.start_engine(wait=False)
        direct = pod.place / "engine" / "docker.sock"
        engines.wait_for(direct.is_socket, lambda: pod.log("engine"), 30)
        yield pod, other
        other.server.close()


#: These end the connection early, and the engine asks again for some 15 seconds before it gives up.
SLOW = ("bytes", "nothing")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] if k in SLOW else []) for k in RUBBISH]
)
def test_rubbish_from_the_plugin_means_refusal(impostor, kind):
    pod, other = impostor
    other.rubbish = RUBBISH[kind]
    body = json.dumps({"Name": "made-by-rubbish"}).encode()
    headers = {"Content-Type": "application/json"}
    answer = pod.call("POST", "/volumes/create", body, headers, direct=True)
    assert answer.status in (403, 500), answer
    assert not (pod.place / "data" / "volumes" / "made-by-rubbish").exists()


def test_a_probe_fails_before_the_plugin_is_there_and_succeeds_afterwards(places):
    with sandbox(places, "new") as pod:
        probe = authz.probe()
        probe[probe.index(authz.SOURCE_PATH)] = str(pod.place / "authz.py")
        assert pod.run_inside(*probe).returncode == 1
        pod.start_authz()
        assert pod.run_inside(*probe).returncode == 0


@pytest.mark.slow
def test_the_probe_is_patient_on_a_busy_node(places):
    """With 16 busy processes it answers well within what the pod's liveness probe allows."""
    preset = engines.ROOT / "resources" / "podwright" / "pods" / "dind-sidecar.json"
    containers = json.loads(preset.read_text("utf-8"))["spec"]["initContainers"]
    liveness = next(one["livenessProbe"] for one in containers if one["name"] == "authz")
    assert (liveness["timeoutSeconds"], liveness["failureThreshold"]) == (20, 6)
    with sandbox(places, "new") as pod, contextlib.ExitStack() as busy:
        pod.start_authz()
        probe = authz.probe()
        probe[probe.index(authz.SOURCE_PATH)] = str(pod.place / "authz.py")
        for _ in range(16):
            # One process each, which ends by itself and with the test.
            code = "import time; end = time.time() + 40\nwhile time.time() < end: pass"
            loop = busy.enter_context(subprocess.Popen([engines.PYTHON, "-I", "-c", code]))
            busy.callback(loop.kill)
        for _ in range(5):
            before = time.monotonic()
            assert pod.run_inside(*probe).returncode == 0
            assert time.monotonic() - before < liveness["timeoutSeconds"]
