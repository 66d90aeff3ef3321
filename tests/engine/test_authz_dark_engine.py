# ruff: noqa: ANN001, ANN201, ANN202 - fixtures and parameters
"""What an engine does not show to any plugin, and that the gate closes it.

Each test first shows the hole at the engine's own socket (which no pipeline sees), so that it
cannot pass for a wrong reason, and then the same bytes at the gate.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest
from engines import KINDS, WORKSPACE, create, wait_for

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


def frame(kind, flags, stream, payload):
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def literal(name, value):
    """An HPACK field without compression."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def grpc_call(path):
    """A gRPC call with an empty message over HTTP/2 with prior knowledge (h2c)."""
    head = b"".join(
        literal(name, value)
        for name, value in (
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path),
            (b":authority", b"docker"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        )
    )
    return PREFACE + SETTINGS + frame(1, 4, 1, head) + frame(0, 1, 1, b"\0\0\0\0\0")


def ask_h2(pod, *, direct):
    call = grpc_call(b"/moby.buildkit.v1.Control/ListWorkers")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(pod.engine_socket if direct else pod.socket)
        connection.sendall(call)
        answer = b""
        while b"linux" not in answer:
            part = connection.recv(65536)
            if not part:
                break
            answer += part
        return answer


def audited(pod):
    return (pod.place / "authz.log").read_text("utf-8").count("\n")


def test_grpc_over_http2_goes_past_the_plugin_and_is_stopped_by_the_gate(pod):
    if pod.engine.old:
        pytest.skip("engines before 29 speak no HTTP/2 here")
    before = audited(pod)
    assert b"linux" in ask_h2(pod, direct=True)  # BuildKit answered, and nobody was asked
    assert audited(pod) == before
    answer = ask_h2(pod, direct=False)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"[gate.request] only HTTP/1.1 requests with a plain path are passed on" in answer


def form_build(pod, *, kinds):
    """A build whose network comes by a form body, with the header in two values."""
    body = b"networkmode=host&remote=http%3A%2F%2F127.0.0.1%3A1%2Fx"
    lines = [f"POST /v{pod.engine.api}/build HTTP/1.1".encode(), b"Host: docker"]
    lines += [b"Content-Type: " + kind for kind in kinds]
    lines += [b"Content-Length: %d" % len(body), b"Connection: close", b"", body]
    return b"\r\n".join(lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_media_type_hides_parameters_from_a_plugin(make_pod, kind):
    pod = make_pod(kind, gated=False)
    twice = form_build(pod, kinds=[b"application/x-www-form-urlencoded", b"application/x-tar"])
    shown = pod.raw(twice, direct=True)
    assert b"authorization denied" not in shown
    if not pod.engine.old:  # the engine went for the address that only the form named
        assert b"127.0.0.1:1" in shown


def test_a_repeated_media_type_is_stopped_by_the_gate_and_by_the_plugin_beside_a_gate(pod):
    twice = form_build(pod, kinds=[b"application/x-www-form-urlencoded", b"application/x-tar"])
    answer = pod.raw(twice)
    assert b"[gate.header] the header content-type is there twice; send it once" in answer
    assert b"[gate.seal]" in pod.raw(twice, direct=True)


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([b"GET /info HTTP/1.0"], "gate.request"),
        ([b"GET http://docker/info HTTP/1.1"], "gate.request"),
        ([b"GET /info HTTP/1.1", b" folded: x"], "gate.header"),
        ([b"GET /info HTTP/1.1", b"A : x"], "gate.header"),
        ([b"GET /info HTTP/1.1", b"Host: a", b"host: b"], "gate.header"),
        (
            [b"POST /build HTTP/1.1", b"Content-Length: 1", b"Transfer-Encoding: chunked"],
            "gate.header",
        ),
        ([b"POST /build HTTP/1.1", b"Content-Length: +1"], "gate.header"),
        ([b"POST /build HTTP/1.1", b"Transfer-Encoding: gzip, chunked"], "gate.header"),
        ([b"GET /info HTTP/1.1", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"], "gate.header"),
        ([b"GET /info HTTP/1.1", b"Upgrade: websocket"], "gate.header"),
        ([b"GET /info HTTP/1.1", b"A: \x00"], "gate.header"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-1].decode("latin-1"),
)
def test_a_head_with_two_readings_is_stopped_by_the_gate(pod, lines, rule):
    assert f"podwright: [{rule}]".encode() in pod.raw(b"\r\n".join(lines) + b"\r\n\r\n")


def test_a_second_request_behind_the_first_is_never_passed_on(pod):
    first = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    answer = pod.raw(first + b"GET /version HTTP/1.1\r\nHost: d\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    upgraded = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    answer = pod.raw(upgraded + b"GET /version HTTP/1.1\r\nHost: d\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_request_behind_a_bare_question_goes_the_same_way_as_any_other(pod):
    """HEAD without a body keeps its connections open, for the gate knows where it ends."""
    ping = b"HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    look = f"HEAD /containers/{pod.container}/archive?path=/ HTTP/1.1\r\nHost: d\r\n\r\n".encode()
    before = audited(pod)
    version = b"GET /version HTTP/1.1\r\nHost: d\r\n\r\n"
    answer = pod.raw(look + look + version + version)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b"\r\nOstype: ") == 3  # what follows the last request is dropped
    assert audited(pod) - before == 3
    answer = pod.raw(ping + b"POST /swarm/init HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n")
    assert b"authorization denied by plugin podwright: [engine.swarm]" in answer
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    assert b"podwright: [gate.request]" in pod.raw(ping + preface)
    body = ping.replace(b"Host: d", b"Host: d\r\nContent-Length: %d" % len(version)) + version
    assert pod.raw(body).count(b"HTTP/1.1 ") == 1  # a body, not a second request


def test_a_ping_is_answered_from_memory_and_only_that(pod):
    """The gate repeats what the engine said, which is what the engine says to others."""
    ping = b"HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    lines = set()
    for _ in range(2):
        [answer] = pod.raw(ping).split(b"\r\n\r\n")[:-1]
        lines.add(b"\r\n".join(line for line in answer.split(b"\r\n") if b"Date: " not in line))
        time.sleep(0.2)  # until the gate has opened the next connection

    def is_remembered():
        before = audited(pod)
        assert pod.raw(ping + ping).count(b"HTTP/1.1 200 OK\r\n") == 2
        return audited(pod) == before

    wait_for(is_remembered, lambda: "each ping is asked of the engine", 10)
    assert len(lines) == 1
    assert b"\r\nApi-Version: " in lines.pop()


def test_a_head_of_another_route_is_decided_by_the_plugin_too(pod):
    archives = [f"/containers/{name}/archive?path=/" for name in (pod.container, "_odd")]
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(pod.socket)
        for target, status in zip(archives, ("200 OK", "403 Forbidden")):
            client.sendall(f"HEAD {target} HTTP/1.1\r\nHost: d\r\n\r\n".encode())
            assert client.recv(65536).startswith(f"HTTP/1.1 {status}\r\n".encode())


def test_the_hosts_network_is_not_to_be_had_by_its_id_either(pod):
    host = next(n["Id"] for n in pod.json("GET", "/networks") if n["Name"] == "host")
    ours = str(Path(f"/proc/{pod.processes['sandbox'].pid}/ns/net").readlink())
    for name in (host, host[:12]):
        done = pod.docker(
            "run", "--rm", "--network", name, pod.image, "ls", "-l", "/proc/self/ns/net"
        )
        assert ours not in done.stdout.decode(), done
        made = pod.json("POST", "/containers/create", {"Image": pod.image, "Cmd": ["sleep", "9"]})[
            "Id"
        ]
        pod.json("POST", f"/networks/{name}/connect", {"Container": made})
        pod.call("POST", f"/containers/{made}/start")
        state = pod.json("GET", f"/containers/{made}/json")["State"]
        if state["Pid"]:
            seen = pod.docker("exec", made, "ls", "-l", "/proc/self/ns/net").stdout.decode()
            assert ours not in seen
        pod.call("DELETE", f"/containers/{made}?force=1")


# -- the workspace --------------------------------


@pytest.fixture
def job(pod):
    if pod.engine.old:
        pytest.skip("sub-paths of volumes came with engine 26")
    place = pod.place / "workspace" / "job"
    place.mkdir(exist_ok=True)
    (place / "file").write_text("from the workspace", encoding="utf-8")
    yield place
    for entry in place.iterdir():
        if entry.is_symlink() or entry.is_file():
            entry.unlink()


def test_v_with_a_path_of_the_workspace_works_as_users_write_it(pod, job):
    mount = f"{WORKSPACE}/job:/src"
    done = pod.docker("run", "--rm", "-v", mount, pod.image, "cat", "/src/file")
    assert (done.returncode, done.stdout) == (0, b"from the workspace")
    done = pod.docker("run", "--rm", "-v", mount, pod.image, "touch", "/src/new")
    assert done.returncode == 0
    assert (job / "new").exists()
    done = pod.docker("run", "--rm", "-v", mount + ":ro", pod.image, "touch", "/src/other")
    assert b"Read-only file system" in done.stderr
    done = pod.docker("run", "--rm", "-v", f"{WORKSPACE}/job/file:/f:ro", pod.image, "cat", "/f")
    assert (done.returncode, done.stdout) == (0, b"from the workspace")
    done = pod.docker("run", "--rm", "-v", f"{WORKSPACE}:/w", pod.image, "cat", "/w/job/file")
    assert (done.returncode, done.stdout) == (0, b"from the workspace")
    by_mount = f"type=bind,source={WORKSPACE}/job,target=/src,readonly"
    done = pod.docker("run", "--rm", "--mount", by_mount, pod.image, "cat", "/src/file")
    assert (done.returncode, done.stdout) == (0, b"from the workspace")


def test_what_a_sub_path_cannot_do(pod, job):
    """It must be there when the container starts, and absolute links are those of the volume."""
    done = pod.docker("run", "--rm", "-v", f"{WORKSPACE}/job/none:/x", pod.image, "true")
    assert done.returncode != 0
    assert not (job / "none").exists()
    (job / "back").symlink_to(f"{WORKSPACE}/job")
    done = pod.docker("run", "--rm", "-v", f"{WORKSPACE}/job/back:/x", pod.image, "true")
    assert done.returncode != 0
    mount = f"{WORKSPACE}/job:{WORKSPACE}/job"
    shown = pod.docker("run", "--rm", "-v", mount, pod.image, "cat", f"{WORKSPACE}/job/back/file")
    assert shown.stdout == b"from the workspace"


@pytest.mark.parametrize("target", ["/", "/etc", "/run/docker/plugins", "../../../../etc", ".."])
def test_a_link_out_of_the_workspace_leads_nowhere(pod, job, target):
    (job / "link").symlink_to(target)
    secret = pod.place / "data"  # what a followed link to / would show
    done = pod.docker("run", "--rm", "-v", f"{WORKSPACE}/job/link:/x", pod.image, "ls", "-a", "/x")
    shown = done.stdout.decode().split()
    assert "passwd" not in shown
    assert "podwright.sock" not in shown
    assert "var" not in shown
    if target == "..":  # stays inside: the workspace itself
        assert "job" in shown
    else:
        assert done.returncode != 0
    assert secret.exists()


def test_a_directory_that_becomes_a_link_after_the_decision_leads_nowhere(pod, job):
    (job / "dir").mkdir()
    made = create(
        pod,
        Cmd=["ls", "/x"],
        HostConfig={"Binds": [f"{WORKSPACE}/job/dir:/x"]},
    )
    (job / "dir").rmdir()
    (job / "dir").symlink_to("/")
    started = pod.call("POST", f"/containers/{made}/start")
    assert started.status >= 400, started
    # docker cp mounts a container's volumes too, without any runtime: the same must hold there.
    copied = pod.call("GET", f"/containers/{made}/archive?path=/x")
    assert b"etc/passwd" not in copied.body
    pod.call("DELETE", f"/containers/{made}?force=1")


def test_a_thousand_swaps_of_a_directory_and_a_link_never_show_the_engines_files(pod, job):
    real, link, name = job / "real", job / "link", job / "swap"
    real.mkdir(exist_ok=True)
    (real / "mine").write_text("", encoding="utf-8")
    ending = threading.Event()

    def swap():
        while not ending.is_set():
            for _ in range(2):
                spare = job / "spare"
                spare.symlink_to("/etc" if _ else f"{job}/real")
                spare.replace(name)

    name.symlink_to("/etc")
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(12):
            made = create(pod, Cmd=["ls", "/x"], HostConfig={"Binds": [f"{WORKSPACE}/job/swap:/x"]})
            pod.call("POST", f"/containers/{made}/start")
            pod.call("POST", f"/containers/{made}/wait")
            shown = pod.call("GET", f"/containers/{made}/logs?stdout=1").body
            copied = pod.call("GET", f"/containers/{made}/archive?path=/x").body
            assert b"passwd" not in shown + copied
            pod.call("DELETE", f"/containers/{made}?force=1")
    finally:
        ending.set()
        swapper.join()
        link.unlink(missing_ok=True)
        (real / "mine").unlink()
        real.rmdir()


def test_the_workspaces_volume_survives_pruning_and_cannot_be_removed(pod):
    marker = pod.place / "workspace" / "marker"
    marker.write_text("kept", encoding="utf-8")
    done = pod.docker("system", "prune", "--volumes", "-f")
    assert done.returncode == 0 or b"[volume.prune]" in done.stderr
    pod.docker("volume", "prune", "-f")
    assert b"[volume.workspace]" in pod.docker("volume", "rm", "workspace").stderr
    every = [] if pod.engine.old else ["-a"]  # the old engine always prunes named volumes too
    assert b"[volume.prune]" in pod.docker("volume", "prune", *every, "-f").stderr
    assert "[volume.prune]" in pod.json("POST", "/volumes/prune")["message"]
    names = [v["Name"] for v in pod.json("GET", "/volumes")["Volumes"]]
    assert "workspace" in names
    assert marker.read_text(encoding="utf-8") == "kept"
    marker.unlink()


# -- the network --------------------------------


def listening(pod):
    """Addresses on which anything listens in the pod's network."""
    rows = []
    for table in ("tcp", "tcp6"):
        text = pod.inside("cat", f"/proc/net/{table}").decode()
        rows += [row.split()[1] for row in text.splitlines()[1:] if row.split()[3] == "0A"]
    return rows


def test_nothing_of_the_engine_listens_on_any_network(pod):
    assert listening(pod) == []


def test_a_started_container_and_a_run_step_cannot_reach_the_api(pod):
    config = pod.json("GET", "/networks/bridge")["IPAM"]["Config"][0]
    gateway = config.get("Gateway") or config["Subnet"].replace(".0/24", ".1")
    for port in ("2375", "2376"):
        words = f"exec 3<>/dev/tcp/{gateway}/{port}"
        done = pod.docker("run", "--rm", pod.image, "bash", "-c", words)
        assert done.returncode != 0
        assert b"Connection refused" in done.stderr, done.stderr
        dockerfile = f"FROM {pod.image}\nRUN bash -c '{words}'\n".encode()
        built = pod.docker("build", "--no-cache", "-", stdin=dockerfile, DOCKER_BUILDKIT="0")
        assert built.returncode != 0
        assert b"Connection refused" in built.stdout + built.stderr
    sockets = pod.docker("run", "--rm", pod.image, "ls", "/run", "/var/run")
    assert b"docker" not in sockets.stdout


def test_the_clients_directory_is_the_only_one_it_needs_and_may_be_read_only(pod):
    directory = str(pod.place / "client")
    script = (
        f"mount --bind {directory} {directory} && mount -o remount,bind,ro {directory} && "
        f"docker -H unix://{pod.socket} version >/dev/null && ! rm -f {pod.socket} 2>/dev/null"
    )
    assert pod.inside("unshare", "--mount", "sh", "-ec", script) == b""


def test_an_unprivileged_user_may_use_the_gate_but_not_the_engine_or_the_plugin(pod):
    for path, word in (
        (pod.socket, True),
        (pod.engine_socket, False),
        (str(pod.place / "plugins" / "podwright.sock"), False),
    ):
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({path!r})"
        user = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
        done = pod.run_inside(*user, "/usr/bin/python3", "-I", "-c", code)
        assert (done.returncode == 0) is word, done.stderr


def test_audit_lines_name_rule_and_path_and_hold_no_secret(pod):
    mark = f"s3cret{time.time_ns()}"
    create_body = {"Image": "none", "Env": [f"TOKEN={mark}"], "HostConfig": {"Privileged": True}}
    pod.json("POST", f"/containers/create?name={mark}", create_body)
    pod.call("POST", "/build?buildargs=" + "%7B%22T%22%3A%22" + mark + "%22%7D&networkmode=host")
    log = (pod.place / "authz.log").read_text("utf-8")
    assert mark not in log
    last = json.loads(log.splitlines()[-1])
    assert (last["allow"], last["rule"], last["method"], last["path"], last["profile"]) == (
        False,
        "network.host",
        "POST",
        "/build",
        "run",
    )
