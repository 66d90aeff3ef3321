# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204 - fixtures and parameters
from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time

import pytest

import podwright.authz.gate as gate_module
from podwright.authz.gate import Doors, Gate
from podwright.authz.limits import limits
from podwright.authz.mounts import keep, read_create, subpath, volume_names, written
from podwright.docker_api.http import Head, parse_head, render_head, serve
from podwright.docker_api.listening import listen
from podwright.docker_api.strict import Refused
from podwright.records import replace

RUN = limits({})
CREATE = "/v1.50/containers/create?name=x"


def translated(host, target=CREATE):
    body = json.dumps({"Image": "a", "HostConfig": host}).encode()
    target, body = written(read_create(body, RUN), target)
    return target, json.loads(body)["HostConfig"]


def test_a_path_below_the_workspace_becomes_a_sub_path_of_its_volume():
    assert translated({"Binds": ["/home/jenkins/agent/a/b:/src:ro", "cache:/c"]})[1] == {
        "Binds": ["cache:/c"],
        "Mounts": [
            {
                "Type": "volume",
                "Source": "workspace",
                "Target": "/src",
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True, "Subpath": "a/b"},
            }
        ],
    }


def test_the_workspace_itself_becomes_its_volume():
    assert translated({"Binds": ["/home/jenkins/agent:/w"]})[1]["Mounts"] == [
        {
            "Type": "volume",
            "Source": "workspace",
            "Target": "/w",
            "VolumeOptions": {"NoCopy": True},
        }
    ]


@pytest.mark.parametrize("options", [{}, None, {"CreateMountpoint": False, "NonRecursive": False}])
def test_options_of_a_bind_that_say_nothing_are_left_out(options):
    bind = {"Type": "bind", "Source": "/home/jenkins/agent/x", "Target": "/x"}
    assert translated({"Mounts": [{**bind, "BindOptions": options}]})[1]["Mounts"] == [
        {
            "Type": "volume",
            "Source": "workspace",
            "Target": "/x",
            "VolumeOptions": {"NoCopy": True, "Subpath": "x"},
        }
    ]


def test_a_bind_in_the_long_form_is_translated_too_and_others_stay():
    tmpfs = {"Type": "tmpfs", "Target": "/t"}
    bind = {"Type": "bind", "Source": "/home/jenkins/agent/x/", "Target": "/x", "ReadOnly": True}
    assert translated({"Mounts": [tmpfs, bind]})[1]["Mounts"] == [
        tmpfs,
        {
            "Type": "volume",
            "Source": "workspace",
            "Target": "/x",
            "ReadOnly": True,
            "VolumeOptions": {"NoCopy": True, "Subpath": "x"},
        },
    ]


BIND = {"Type": "bind", "Source": "/home/jenkins/agent/a", "Target": "/x"}


@pytest.mark.parametrize(
    ("host", "rule"),
    [
        ({"Binds": ["/etc:/x"]}, "container.bind"),
        ({"Binds": ["/home/jenkins/agent/../../etc:/x"]}, "container.bind"),
        ({"Binds": ["/home/jenkins/agent2:/x"]}, "container.bind"),
        ({"Binds": ["/home/jenkins/agent/a:/x:rshared"]}, "container.workspace"),
        ({"Binds": "text"}, "body.type"),
        ({"Binds": [1]}, "body.type"),
        ({"Binds": ["v"]}, "container.bind"),
        ({"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/x"}]}, "container.bind"),
        (
            {"Mounts": [{**BIND, "BindOptions": {"Propagation": "rshared"}}]},
            "container.propagation",
        ),
        ({"Mounts": [{**BIND, "BindOptions": {"CreateMountpoint": True}}]}, "container.bind"),
        ({"Mounts": [{**BIND, "BindOptions": {"createmountpoint": False}}]}, "body.case"),
        ({"Mounts": [{**BIND, "BindOptions": {"CreateMountpoint": 0}}]}, "container.workspace"),
        ({"Mounts": [{**BIND, "BindOptions": "text"}]}, "body.type"),
        ({"Mounts": ["text"]}, "body.type"),
        ({"Mounts": [{"Type": "volume", "source": "v", "Target": "/x"}]}, "body.case"),
        (1, "body.type"),
    ],
    ids=str,
)
def test_what_cannot_be_made_safe_is_refused_as_the_plugin_would(gate, host, rule):
    gate[1].act = daemon = Daemon()
    assert f"podwright: [{rule}] ".encode() in created(gate, {"Image": "a", "HostConfig": host})
    assert daemon.heads == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "body.absent"),
        (b"[]", "body.root"),
        (b"null", "body.root"),
        (b"{", "body.json"),
        (b'{"hostconfig":{}}', "body.case"),
        (b'{"HostConfig":{},"HostConfig":{}}', "body.duplicate"),
    ],
)
def test_an_unreadable_body_is_refused(gate, body, rule):
    gate[1].act = daemon = Daemon()
    assert f"podwright: [{rule}] ".encode() in created(gate, body)
    typeless = created(gate, body, b"POST /containers/create HTTP/1.1\r\nHost: d\r\n")
    assert b"podwright: [request.content-type] " in typeless
    assert daemon.heads == []


def test_the_first_thing_that_is_wrong_is_told_of_what_the_engine_would_get(gate):
    body = {"HostConfig": {"Binds": ["/home/jenkins/agent/a:/x"], "Privileged": True}}
    assert b"podwright: [container.privileged] " in created(gate, body)


def test_the_workspace_is_never_filled_from_an_image():
    host = {
        "Binds": ["workspace:/a", "workspace:/b:ro", "workspace:/c:nocopy", "data:/d"],
        "Mounts": [
            {"Type": "volume", "Source": "workspace", "Target": "/e"},
            {
                "Type": "volume",
                "Source": "workspace",
                "Target": "/f",
                "VolumeOptions": {"Subpath": "f", "NoCopy": False},
            },
            {"Type": "volume", "Source": "data", "Target": "/g"},
            {"Type": "volume", "Target": "/h"},
        ],
    }
    assert translated(host)[1] == {
        "Binds": [
            "workspace:/a:nocopy",
            "workspace:/b:ro,nocopy",
            "workspace:/c:nocopy",
            "data:/d",
        ],
        "Mounts": [
            {**host["Mounts"][0], "VolumeOptions": {"NoCopy": True}},
            {**host["Mounts"][1], "VolumeOptions": {"Subpath": "f", "NoCopy": True}},
            *host["Mounts"][2:],
        ],
    }


def test_volumes_are_named_by_binds_and_mounts():
    mounts = [
        {"Type": "volume", "Source": "w", "Target": "/a"},
        {"Type": "volume", "Target": "/b"},
        {"Type": "image", "Source": "i", "Target": "/c"},
    ]
    request = {"HostConfig": {"Binds": ["data:/d:ro", "/home/jenkins/agent:/e"], "Mounts": mounts}}
    assert volume_names(request) == {"data", "w"}
    keep(request, {"data", "w"})
    assert request["HostConfig"]["Binds"] == ["data:/d:ro,nocopy", "/home/jenkins/agent:/e"]
    assert request["HostConfig"]["Mounts"] == [
        {**mounts[0], "VolumeOptions": {"NoCopy": True}},
        *mounts[1:],
    ]
    assert volume_names({}) == volume_names({"HostConfig": None}) == frozenset()


@pytest.mark.parametrize("modes", ["rw,z", "Z", "cached,rw", "nocopy"])
def test_modes_that_change_nothing_in_the_workspace_are_left_out(modes):
    plain = translated({"Binds": ["/home/jenkins/agent/a:/x"]})
    assert translated({"Binds": [f"/home/jenkins/agent/a:/x:{modes}"]}) == plain


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1.44/containers/create?name=x", "/v1.45/containers/create?name=x"),
        ("/v1.40/containers/create", "/v1.45/containers/create"),
        ("/v1.39/containers/create", "/v1.39/containers/create"),
        ("/v1.45/containers/create", "/v1.45/containers/create"),
        ("/containers/create", "/containers/create"),
    ],
)
def test_an_api_version_a_little_too_old_for_sub_paths_is_raised(target, expected):
    assert translated({"Binds": ["/home/jenkins/agent/a:/x"]}, target)[0] == expected
    assert translated({"Binds": ["/home/jenkins/agent:/x"]}, target)[0] == target


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/home/jenkins/agent", ""),
        ("/home/jenkins/agent/", ""),
        ("/home/jenkins/agent/a/./b//c", "a/b/c"),
        ("/home/jenkins/agent/a/../b", "b"),
        ("/home/jenkins/agent/..", None),
        ("/home/jenkins", None),
        ("agent", None),
        ("", None),
    ],
)
def test_the_place_inside_the_workspace(source, expected):
    assert subpath(source, RUN) == expected


def test_a_plain_head_is_read_and_written_for_one_request_only():
    head = parse_head(b"GET /info HTTP/1.1\r\nHost: d\r\nConnection: keep-alive\r\nX-A:  b ")
    assert head == Head(
        b"GET", b"/info", ((b"host", b"d"), (b"connection", b"keep-alive"), (b"x-a", b"b"))
    )
    assert render_head(head) == (
        b"GET /info HTTP/1.1\r\nhost: d\r\nx-a: b\r\nconnection: close\r\n\r\n"
    )


def test_an_upgrade_stays_one_and_still_closes():
    head = parse_head(b"POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c")
    assert render_head(head).endswith(b"upgrade: h2c\r\nconnection: Upgrade, close\r\n\r\n")


def test_headers_that_lists_of_values_need_may_repeat():
    line = b"X-Docker-Expose-Session-Grpc-Method: /a"
    head = parse_head(b"POST /session HTTP/1.1\r\n" + line + b"\r\n" + line)
    assert len(head.headers) == 2


@pytest.mark.parametrize(
    ("head", "rule", "message"),
    [
        (
            b"PRI * HTTP/2.0",
            "gate.request",
            "only HTTP/1.1 requests with a plain path are passed on",
        ),
        (
            b"get / HTTP/1.1",
            "gate.request",
            "only HTTP/1.1 requests with a plain path are passed on",
        ),
        (
            b"GET  / HTTP/1.1",
            "gate.request",
            "only HTTP/1.1 requests with a plain path are passed on",
        ),
        (
            b"GET / HTTP/1.1\n",
            "gate.request",
            "only HTTP/1.1 requests with a plain path are passed on",
        ),
        (
            b"GET / HTTP/1.1\r\nContent-Type: a\r\ncontent-type: a",
            "gate.header",
            "the header content-type is there twice; send it once",
        ),
        (
            b"GET / HTTP/1.1\r\nTrailer: X",
            "gate.header",
            "the header trailer is not passed on",
        ),
        (
            b"GET / HTTP/1.1\r\nno colon",
            "gate.header",
            "a header is oddly written; one header per line",
        ),
        (
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            "gate.header",
            "the length of the body is given in two ways",
        ),
        (
            b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip",
            "gate.header",
            "bodies come plain or chunked",
        ),
        (
            b"GET / HTTP/1.1\r\nUpgrade: websocket",
            "gate.header",
            "connections become tcp or h2c only",
        ),
    ],
)
def test_a_head_with_two_readings_is_refused(head, rule, message):
    with pytest.raises(Refused) as caught:
        parse_head(head)
    assert (caught.value.rule, caught.value.message) == (rule, message)


# -- on real sockets, with an engine that only listens --------------------------------


class Engine:
    """Takes one connection at a time, reads a head, answers as told."""

    def __init__(self, path):
        self.seen, self.act = [], self.echo
        self.server = listen(path, 0o600)
        self.thread = threading.Thread(target=serve, args=(self.server, self.handle))
        self.thread.start()

    def handle(self, connection):
        with contextlib.suppress(OSError):  # a connection opened ahead may end unused
            self.act(connection)

    def echo(self, connection):
        with connection:
            data = b""
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                data += part
                self.seen.append(part)
            connection.sendall(b"got %d" % len(data))

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join()


@pytest.fixture
def gate(tmp_path):
    engine = Engine(str(tmp_path / "e.sock"))
    server = listen(str(tmp_path / "g.sock"), 0o666)
    doors = engine.doors = Doors(str(tmp_path / "e.sock"))
    thread = threading.Thread(target=serve, args=(server, Gate(doors, RUN).serve))
    thread.start()
    yield str(tmp_path / "g.sock"), engine
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    doors.close()
    engine.close()


def dial(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(path)
    return connection


def test_a_body_of_any_size_is_streamed_and_its_end_is_passed_on(gate):
    path, _engine = gate
    head = b"POST /build HTTP/1.1\r\nHost: d\r\n\r\n"
    with dial(path) as client:
        client.sendall(head)
        for _ in range(50):
            client.sendall(b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(100)
    sent = b"POST /build HTTP/1.1\r\nhost: d\r\nconnection: close\r\n\r\n"
    assert answer == b"got %d" % (len(sent) + 5_000_000)


def test_an_answer_reaches_the_client_though_the_engine_stopped_reading(gate):
    path, engine = gate

    def refuse(connection):
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    engine.act = refuse
    with dial(path) as client:
        client.sendall(b"POST /build HTTP/1.1\r\nHost: d\r\n\r\n")
        try:
            for _ in range(100):
                client.sendall(b"x" * 100_000)
        except OSError:
            pass
        assert client.recv(100).startswith(b"HTTP/1.1 403 Forbidden\r\n")


MADE = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n"


class Daemon:
    """An engine that knows volumes, and tells what containers it was to create."""

    def __init__(self, volumes=(), used=()):
        self.volumes, self.used = set(volumes), used
        self.heads, self.created, self.answer = [], [], MADE
        self.hold = threading.Event()
        self.hold.set()
        self.busy = self.most = 0

    def __call__(self, connection):
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                part = connection.recv(65536)
                if not part:
                    return
                data += part
            head, _, body = data.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
            while length and len(body) < int(length[0].split(b":")[1]):
                body += connection.recv(65536)
            connection.sendall(self.answered(head, body))

    def answered(self, head, body):
        self.heads.append(head)
        words = head.split(b" ")[1].decode().partition("?")[0].split("/")
        if words[-1] == "create" and words[-2] == "containers":
            return self.create(json.loads(body).get("HostConfig") or {})
        if words[-1] == "create":
            name = json.loads(body).get("Name") or "f" * 64
            self.volumes.add(name)
            return MADE + b'{"CreatedAt":"","Name":"%s","Scope":"local"}' % name.encode()
        if words[-1] == "json":
            found = any(name in head.decode() for name in self.used)
            return b"HTTP/1.1 200 OK\r\n\r\n" + (b'[{"Id":"1"}]' if found else b"[]")
        return PONG if words[-1] in self.volumes else GONE

    def create(self, host):
        self.busy += 1
        self.most = max(self.most, self.busy)
        self.hold.wait(10)
        self.created.append(host)
        for bind in host.get("Binds") or ():
            self.volumes.add(bind.partition(":")[0])
        self.busy -= 1
        return self.answer


TYPED = b"POST %s HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"


def created(gate, body, head=TYPED % b"/containers/create"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with dial(gate[0]) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        return everything(client)


def bound(*binds):
    return {"Image": "a", "HostConfig": {"Binds": list(binds)}}


def make(gate, **body):
    return created(gate, body, TYPED % b"/v1.47/volumes/create")


def test_a_client_that_asks_before_sending_its_body_is_answered(gate):
    path, engine = gate
    engine.act = daemon = Daemon()
    body = b'{"HostConfig":{"Binds":["/home/jenkins/agent/a:/x"]}}'
    with dial(path) as client:
        client.sendall(
            TYPED % b"/containers/create" + b"Expect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert everything(client) == MADE
    assert daemon.created[0]["Mounts"][0]["VolumeOptions"]["Subpath"] == "a"
    assert b"expect" not in daemon.heads[-1]


def test_a_creation_in_chunks_is_read_and_passed_on_in_one_piece(gate):
    path, engine = gate
    engine.act = daemon = Daemon()
    body = json.dumps(bound("data:/d")).encode()
    head = TYPED % b"/containers/create" + b"Transfer-Encoding: chunked\r\n\r\n"
    parts = [body[:7], body[7:]]
    with dial(path) as client:
        client.sendall(head)
        for part in parts:
            client.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        assert everything(client) == MADE
    assert daemon.created == [{"Binds": ["data:/d"]}]
    assert b"transfer-encoding" not in daemon.heads[-1]
    assert b"content-length: " in daemon.heads[-1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"zz\r\n", b"[gate.body] the body is not chunked as announced"),
        (b"-1\r\n", b"[gate.body] the body is not chunked as announced"),
        (b"1 x\r\n", b"[gate.body] the body is not chunked as announced"),
        (b"x" * 70_000, b"[gate.body] no end within 8192 bytes"),
        (b"400001\r\n", b"[body.size] the body is larger than 4194304 bytes"),
        (b"0\r\n\r\n", b"[body.absent] the body is absent or was not shown; send it as JSON"),
    ],
    ids=lambda value: value[:20].decode(),
)
def test_a_creation_that_cannot_be_read_is_refused(gate, data, words):
    path, engine = gate
    engine.act = daemon = Daemon()
    with dial(path) as client:
        client.sendall(TYPED % b"/containers/create" + b"Transfer-Encoding: chunked\r\n\r\n" + data)
        assert words in everything(client)
    assert daemon.heads == []


@pytest.mark.parametrize(
    "target",
    [
        b"/containers/%63reate",
        b"//containers/create",
        b"/containers/create/",
        b"/./containers/create",
    ],
)
def test_a_creation_by_another_spelling_is_refused(gate, target):
    path, engine = gate
    engine.act = daemon = Daemon()
    with dial(path) as client:
        client.sendall(b"POST " + target + b" HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert b"[request.uri]" in everything(client)
    assert daemon.heads == []


def test_a_new_volume_is_filled_by_its_first_container_only(gate):
    engine = gate[1]
    engine.act = daemon = Daemon(volumes=["old"])
    for bind in ("new:/a", "new:/b", "old:/c", "old:/d:ro"):
        assert created(gate, bound(bind)) == MADE
    assert [host["Binds"] for host in daemon.created] == [
        ["new:/a"],
        ["new:/b:nocopy"],
        ["old:/c:nocopy"],
        ["old:/d:ro,nocopy"],
    ]


def test_a_volume_made_before_is_filled_by_its_first_container_only(gate):
    engine = gate[1]
    engine.act = daemon = Daemon()
    assert make(gate, Name="data", Driver="local").startswith(MADE)
    assert created(gate, bound("data:/a")) == MADE
    assert make(gate, Name="data").startswith(
        MADE
    )  # it is there already, and this makes no new one
    assert created(gate, bound("data:/b")) == MADE
    assert make(gate).startswith(MADE)
    nameless = "f" * 64
    assert created(gate, bound(f"{nameless}:/c")) == MADE
    assert created(gate, bound(f"{nameless}:/d")) == MADE
    assert [host["Binds"][0] for host in daemon.created] == [
        "data:/a",
        "data:/b:nocopy",
        f"{nameless}:/c",
        f"{nameless}:/d:nocopy",
    ]


@pytest.mark.parametrize("answer", [GONE, BUSY])
def test_a_creation_that_did_not_begin_leaves_the_volume_new(gate, answer):
    engine = gate[1]
    engine.act = daemon = Daemon()
    make(gate, Name="data")
    daemon.answer = answer
    assert created(gate, bound("data:/a")) == answer
    daemon.answer = MADE
    created(gate, bound("data:/a"))
    created(gate, bound("data:/a"))
    assert [host["Binds"][0] for host in daemon.created[1:]] == ["data:/a", "data:/a:nocopy"]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 E\r\n\r\n", b"HTTP/1.1 403 F\r\n\r\n"])
def test_a_creation_of_unknown_end_has_the_volume(gate, answer):
    engine = gate[1]
    engine.act = daemon = Daemon()
    make(gate, Name="data")
    daemon.answer = answer
    words = b"[gate.engine] the engine gave no answer; see the log of container engine"
    assert created(gate, bound("data:/a")) == answer or words in created(gate, bound("data:/a"))
    daemon.answer = MADE
    created(gate, bound("data:/a"))
    assert daemon.created[-1]["Binds"] == ["data:/a:nocopy"]


def test_creations_come_one_after_the_other_though_their_clients_leave(gate):
    path, engine = gate
    engine.act = daemon = Daemon()
    daemon.hold.clear()
    body = json.dumps(bound("data:/a")).encode()
    head = TYPED % b"/containers/create" + b"Content-Length: %d\r\n\r\n" % len(body)
    for _ in range(5):
        with dial(path) as client:  # it leaves at once
            client.sendall(head + body)
    for _ in range(100):
        time.sleep(0.01)
        if daemon.busy:
            break
    time.sleep(0.1)
    daemon.hold.set()
    assert created(gate, bound("data:/a")) == MADE
    assert daemon.most == 1
    assert sum(host["Binds"] == ["data:/a"] for host in daemon.created) == 1


def test_a_volume_of_a_build_is_given_to_nobody_while_it_runs(gate):
    path, engine = gate
    daemon, nameless = Daemon(volumes=["a" * 64]), "a" * 64
    building, going = threading.Event(), threading.Event()

    def act(connection):
        first = connection.recv(65536, socket.MSG_PEEK)
        if not first.startswith(b"POST /build"):
            daemon(connection)
            return
        building.set()
        with connection:  # an engine ends a build when its client has left, in its own time
            while connection.recv(65536):
                pass
            going.wait(60)

    engine.act = act
    with dial(path) as client:
        client.sendall(b"POST /build?version=2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert building.wait(60)
    assert created(gate, bound("data:/a")) == MADE  # no build can be filling this one
    waiting = threading.Thread(target=created, args=(gate, bound(f"{nameless}:/a")))
    waiting.start()
    time.sleep(0.3)
    assert len(daemon.created) == 1
    going.set()
    waiting.join()
    assert daemon.created[1] == {"Binds": [f"{nameless}:/a:nocopy"]}


def test_beside_an_engine_at_work_a_new_gate_gives_nothing_away_that_may_be_being_filled(tmp_path):
    engine = Engine(str(tmp_path / "e.sock"))
    engine.act = daemon = Daemon(volumes=["workspace", "filling", "in-use"], used=["in-use"])
    gate = Gate(Doors(str(tmp_path / "e.sock")), RUN, late=True)
    server = listen(str(tmp_path / "g.sock"), 0o666)
    thread = threading.Thread(target=serve, args=(server, gate.serve))
    thread.start()
    place = (str(tmp_path / "g.sock"), engine)
    assert (
        b"[gate.volume] the volume 'filling' was there before the gate was started again, and may "
        b"still be being filled; use a new volume"
    ) in created(place, bound("filling:/a"))
    for name in ("in-use", "workspace", "new", "new"):
        assert created(place, bound(f"{name}:/a")) == MADE
    assert [host["Binds"][0] for host in daemon.created] == [
        "in-use:/a:nocopy",
        "workspace:/a:nocopy",
        "new:/a",
        "new:/a:nocopy",
    ]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    gate._doors.close()
    engine.close()


def test_the_seal_is_on_what_the_plugin_takes_from_the_gate_alone(tmp_path):
    engine = Engine(str(tmp_path / "e.sock"))
    engine.act = daemon = Daemon()
    gate = Gate(Doors(str(tmp_path / "e.sock")), replace(RUN, seal="word"))
    server = listen(str(tmp_path / "g.sock"), 0o666)
    thread = threading.Thread(target=serve, args=(server, gate.serve))
    thread.start()
    place = (str(tmp_path / "g.sock"), engine)
    created(place, bound("new:/a"))
    created(place, b"", b"POST /build HTTP/1.1\r\nHost: d\r\n")
    created(place, b"", b"POST /images/prune HTTP/1.1\r\nHost: d\r\n")
    seals = {head.split(b" ")[1]: b"x-podwright-gate: word" in head for head in daemon.heads}
    assert seals == {
        b"/volumes/new": False,
        b"/containers/create": True,
        b"/build": True,
        b"/images/prune": False,
    }
    forged = created(
        place, b"{}", b"POST /containers/create HTTP/1.1\r\nX-Podwright-Gate: word\r\n"
    )
    assert b"[gate.header] the header x-podwright-gate is not passed on" in forged
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    gate._doors.close()
    engine.close()


PING = b"HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
PONG = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
INFO = b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n"
LAST_INFO = b"GET /info HTTP/1.1\r\nhost: d\r\nconnection: close\r\n\r\n"


def pongs(answer=PONG):
    """An engine that answers every head; gives what each of its connections has heard."""
    heard = []

    def act(connection):
        mine = []
        heard.append(mine)
        with connection:
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                mine.append(data)
                connection.sendall(answer)
                if b"close\r\n\r\n" in data or answer != PONG:
                    return

    return act, heard


def everything(client):
    parts = []
    while True:
        part = client.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def said(heard):
    """Only the connections on which something was said: one is opened ahead."""
    return [mine for mine in heard if mine]


def test_after_a_bare_question_both_connections_go_on_and_the_next_request_is_the_last(gate):
    path, engine = gate
    engine.act, heard = pongs()
    with dial(path) as client:
        for _ in range(2):
            client.sendall(PING)
            assert client.recv(1000) == PONG
        client.sendall(INFO + INFO)
        assert everything(client) == PONG
    sent = b"HEAD /_ping HTTP/1.1\r\nhost: d\r\n\r\n"
    assert said(heard) == [[sent, sent, LAST_INFO + INFO]]


def test_what_comes_with_a_bare_question_waits_its_turn_and_is_judged(gate):
    path, engine = gate
    engine.act, heard = pongs()
    with dial(path) as client:
        client.sendall(PING + b"POST /grpc HTTP/2.0\r\nHost: d\r\n\r\n")
        answer = everything(client)
    assert answer.startswith(PONG + b"HTTP/1.1 403 Forbidden\r\n")
    assert b"[gate.request]" in answer
    assert said(heard) == [[b"HEAD /_ping HTTP/1.1\r\nhost: d\r\n\r\n"]]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PONG + b"more", PONG),
        (PONG + PONG, PONG),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",) * 2,
        (b"HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\n\r\n",) * 2,
        (b"HTTP/1.0 200 OK\r\n\r\n",) * 2,
    ],
    ids=lambda value: value[:60].decode(),
)
def test_an_answer_of_doubtful_end_ends_the_connection(gate, answer, expected):
    path, engine = gate
    engine.act, heard = pongs(answer)
    with dial(path) as client:
        client.sendall(PING + INFO)
        assert everything(client) == expected
    assert b"/info" not in b"".join(b"".join(mine) for mine in heard)


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 0",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: Upgrade\r\nUpgrade: tcp",
        b"Expect: 100-continue",
    ],
)
def test_a_head_that_says_more_is_the_last_request_of_its_connection(gate, line):
    path, engine = gate
    engine.act, heard = pongs()
    with dial(path) as client:
        client.sendall(b"HEAD /_ping HTTP/1.1\r\nHost: d\r\n" + line + b"\r\n\r\n")
        assert everything(client) == PONG
    [[sent]] = said(heard)
    assert sent.endswith(b"close\r\n\r\n")


def test_a_bare_question_is_heard_by_a_new_engine_when_the_old_one_hung_up(gate):
    path, engine = gate
    heard = queue.Queue()

    def act(connection):
        with connection:
            data = connection.recv(65536)
            connection.sendall(PONG)
        if data:  # else it was opened ahead
            heard.put(data)

    engine.act = act
    with dial(path) as client:
        for _ in range(3):
            client.sendall(PING)
            assert client.recv(1000) == PONG
            assert b"_ping" in heard.get()  # the engine has hung up


SENT_PING = b"HEAD /_ping HTTP/1.1\r\nhost: d\r\n\r\n"


def ask(gate, question=PING, answer=PONG):
    """One short client; returns when the next connection to the engine is open."""
    path, engine = gate
    with dial(path) as client:
        client.sendall(question)
        assert client.recv(1000) == answer
    late = time.monotonic() + 60  # a test that hangs says less than one that fails
    while not engine.doors._ahead:
        assert time.monotonic() < late
        time.sleep(0.01)


def test_a_ping_is_answered_as_the_engine_answered_the_last_one(gate):
    path, engine = gate
    engine.act, heard = pongs()
    ask(gate)
    with dial(path) as client:
        for _ in range(2):
            client.sendall(PING)
            assert client.recv(1000) == PONG
        client.sendall(INFO)
        assert everything(client) == PONG
    assert said(heard) == [[SENT_PING], [LAST_INFO]]


def test_a_ping_is_answered_for_a_minute(gate, monkeypatch):
    _, engine = gate
    engine.act, heard = pongs()
    clock = [1000.0]
    monkeypatch.setattr(gate_module, "_now", lambda: clock[0])
    ask(gate)
    clock[0] += 60
    ask(gate)
    assert said(heard) == [[SENT_PING]]
    clock[0] += 1
    ask(gate)
    assert said(heard) == [[SENT_PING], [SENT_PING]]


def test_no_ping_is_answered_for_an_engine_that_hung_up(gate):
    _, engine = gate
    heard, connections = [], queue.Queue()

    def act(connection):
        connections.put(connection)
        with connection:
            while data := connection.recv(65536):
                heard.append(data)
                connection.sendall(PONG)

    engine.act = act
    ask(gate)
    connections.get()  # on which the question came
    connections.get().shutdown(socket.SHUT_RDWR)  # the one that was opened ahead, when it is taken
    ask(gate)
    assert heard == [SENT_PING, SENT_PING]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (PING, PONG.replace(b"200 OK", b"403 Forbidden")),
        (PING.replace(b"/_ping", b"/_ping?a=b"), PONG),
        (PING.replace(b"/_ping", b"/_ping/a"), PONG),
        (PING.replace(b"/_ping", b"/containers/a/archive"), PONG),
        (PING.replace(b"HEAD", b"GET"), PONG),
    ],
)
def test_nothing_but_a_ping_that_was_allowed_is_answered_from_memory(gate, question, answer):
    _, engine = gate
    heard = []

    def act(connection):
        with connection:
            while data := connection.recv(65536):
                heard.append(data)
                connection.sendall(answer)
                if b"close\r\n\r\n" in data:
                    return

    engine.act = act
    ask(gate, question, answer)
    ask(gate, question, answer)
    assert len(heard) == 2


def test_pings_of_two_versions_are_two_questions(gate):
    _, engine = gate
    engine.act, heard = pongs()
    ask(gate)
    ask(gate, PING.replace(b"/_ping", b"/v1.44/_ping"))
    ask(gate, PING.replace(b"/_ping", b"/v1.44/_ping"))
    assert said(heard) == [[SENT_PING], [SENT_PING.replace(b"/_ping", b"/v1.44/_ping")]]


def test_a_connection_opened_ahead_is_taken_once_and_not_when_the_engine_left_it(tmp_path):
    path = str(tmp_path / "e.sock")
    server = listen(path, 0o600)
    doors = Doors(path)
    doors.prepare()
    doors.prepare()
    first = doors.take()
    with server.accept()[0] as theirs, first:
        first.sendall(b"first")
        assert theirs.recv(10) == b"first"
    doors.prepare()
    server.accept()[0].close()
    second = doors.take()
    with server.accept()[0] as theirs, second:
        second.sendall(b"second")
        assert theirs.recv(10) == b"second"
    server.settimeout(0)
    with pytest.raises(BlockingIOError):
        server.accept()
    server.close()
    doors.prepare()  # an engine that is not there is no reason to fail
    doors.close()


def test_no_head_with_credentials_is_remembered():
    head = b"GET /distribution/a/json HTTP/1.1\r\nHost: d\r\nX-Registry-AUTH: c2VjcmV0"
    before = gate_module._remembered.cache_info().currsize
    gate_module._understood(head)
    assert gate_module._remembered.cache_info().currsize == before


def test_a_client_that_goes_away_early_harms_nobody(gate):
    path, _engine = gate
    for data in (
        b"",
        b"GET /info HTTP/1.1\r\n",
        TYPED % b"/containers/create" + b"Content-Length: 9\r\n\r\n{",
    ):
        with dial(path) as client:
            client.sendall(data)
    with dial(path) as client:
        client.sendall(b"GET /info HTTP/1.1\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b"got %d" % len(
            b"GET /info HTTP/1.1\r\nconnection: close\r\n\r\n"
        )


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_that_is_too_large_is_refused_with_and_without_its_end(gate, end):
    with dial(gate[0]) as client:
        client.sendall(b"GET /info HTTP/1.1\r\nA: " + b"a" * 70_000 + end)
        answer = client.recv(1000)
    assert b"[gate.header] the head is larger than 65536 bytes" in answer


def test_a_missing_engine_is_told(tmp_path):
    ours, theirs = socket.socketpair()
    with theirs:
        gate = Gate(Doors(str(tmp_path / "none")), RUN)
        thread = threading.Thread(target=gate.serve, args=(ours,))
        thread.start()
        theirs.sendall(b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n")
        answer = theirs.recv(1000)
        theirs.close()
        thread.join()
    assert answer.endswith(
        b'{"message": "podwright: [gate.engine] the engine is not there; '
        b'see the log of container engine"}'
    )


class Yard(Daemon):
    """An engine with one container, which can be paused, woken and committed."""

    def __init__(self, state="running", policy="no", *, obeys=True):
        super().__init__()
        self.state, self.policy, self.obeys = state, policy, obeys
        self.done, self.committing, self.go = [], threading.Event(), threading.Event()
        self.go.set()

    def answered(self, head, _body):
        words = head.split(b" ")[1].decode().partition("?")[0].split("/")
        self.done.append(words[-1] if words[-1] != "commit" else f"commit {self.state}")
        if words[-1] == "json":
            record = {
                "Id": "c" * 64,
                "State": {"Status": self.state},
                "HostConfig": {"RestartPolicy": {"Name": self.policy}},
            }
            return b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(record).encode().replace(b": ", b":")
        if words[-1] == "pause":
            if not self.obeys:
                return BUSY
            self.state = "paused"
        if words[-1] in ("unpause", "start"):
            self.state = "running"
        if words[-1] == "commit":
            self.committing.set()
            self.go.wait(10)
            return MADE
        return b"HTTP/1.0 204 No Content\r\n\r\n"


def commit(gate, container="one"):
    return created(gate, b"null", TYPED % f"/commit?container={container}&pause=0".encode())


def test_a_running_container_is_committed_while_it_stands_still(gate):
    gate[1].act = yard = Yard()
    assert commit(gate) == MADE
    assert yard.done == ["json", "pause", "commit paused", "unpause"]


@pytest.mark.parametrize("state", ["created", "exited", "paused"])
def test_a_container_that_stands_still_is_left_as_it_is(gate, state):
    gate[1].act = yard = Yard(state, "always")
    assert commit(gate) == MADE
    assert yard.done == ["json", f"commit {state}"]


@pytest.mark.parametrize(
    "yard", [Yard(obeys=False), Yard("restarting", obeys=False), Yard("running", "always")]
)
def test_a_container_that_cannot_be_made_to_stand_still_is_not_committed(gate, yard):
    gate[1].act = yard
    assert (
        b"[image.awake] only a container that stands still can be committed, and this one may be "
        b"restarted at any time; stop it first"
    ) in commit(gate)
    assert not [word for word in yard.done if word.startswith("commit")]


def test_a_container_of_an_odd_name_is_not_committed(gate):
    gate[1].act = yard = Yard()
    assert b"[image.container] " in commit(gate, "a%2F..%2Fb")
    assert yard.done == []


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST /containers/two/start",
        b"POST /v1.41/containers/two/restart",
        b"POST /containers/one/unpause",
        b"PUT /containers/one/archive?path=/",
    ],
)
def test_nothing_is_woken_or_written_to_while_a_container_is_committed(gate, request_line):
    gate[1].act = yard = Yard()
    yard.go.clear()
    first = threading.Thread(target=commit, args=(gate,))
    first.start()
    assert yard.committing.wait(10)
    second = threading.Thread(target=created, args=(gate, b"", request_line + b" HTTP/1.1\r\n"))
    second.start()
    time.sleep(0.2)
    assert yard.done[-1] == "commit paused"
    yard.go.set()
    first.join()
    second.join()
    assert len(yard.done) == 5


def test_a_container_of_a_build_is_not_woken_while_it_runs(gate):
    path, engine = gate
    yard, building, going = Yard("exited"), threading.Event(), threading.Event()

    def act(connection):
        first = connection.recv(65536, socket.MSG_PEEK)
        if not first.startswith(b"POST /build"):
            yard(connection)
            return
        building.set()
        with connection:
            while connection.recv(65536):
                pass
            going.wait(60)

    engine.act = act
    with dial(path) as client:
        client.sendall(b"POST /build HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert building.wait(60)
    woken = threading.Thread(
        target=created, args=(gate, b"", b"POST /containers/two/start HTTP/1.1\r\n")
    )
    woken.start()
    time.sleep(0.2)
    assert yard.done == ["json"]
    going.set()
    woken.join()
    assert yard.done == ["json", "start"]


def get(gate, target, method=b"GET"):
    with dial(gate[0]) as client:
        client.sendall(method + b" " + target + b" HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        return everything(client)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (b"/containers/registry/team/app:1/json", "No such container: registry/team/app:1"),
        (b"/v1.47/containers/team/app/json?size=1", "No such container: team/app"),
        (b"/networks/team/app:1", "page not found"),
        (b"/v1.47/volumes/team/app:1", "page not found"),
        (b"/plugins/team/app:1/json", "plugin team/app:1 not found"),
    ],
)
def test_what_no_such_thing_can_be_called_is_not_found(gate, target, message):
    gate[1].act = daemon = Daemon()
    head, _, body = get(gate, target).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert json.loads(body) == {"message": message}
    assert daemon.heads == []


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"/containers/one/json"),
        (b"GET", b"/containers/one/archive"),
        (b"GET", b"/networks/one"),
        (b"GET", b"/plugins"),
        (b"GET", b"/plugins/json"),
        (b"GET", b"/images/team/app:1/json"),
        (b"DELETE", b"/containers/team/app/json"),
    ],
)
def test_the_engine_is_asked_about_all_others(gate, method, target):
    gate[1].act = daemon = Daemon()
    get(gate, target, method)
    assert len(daemon.heads) == 1


class Netted(Daemon):
    """An engine whose own network has an id."""

    def answered(self, head, body):
        if head.startswith(b"GET /networks/host "):
            return b'HTTP/1.0 200 OK\r\n\r\n{"Name":"host","Id":"' + b"ab12" * 16 + b'"}'
        return super().answered(head, body)


HOST_ID = "ab12" * 16


@pytest.mark.parametrize("name", [HOST_ID, HOST_ID[:12], "ab", "a"])
def test_the_engines_own_network_is_not_joined_by_its_id(gate, name):
    gate[1].act = daemon = Netted()
    words = f"podwright: [network.host] {name[:12]}: the engine's own network is not to be joined"
    for answer in (
        created(gate, {"HostConfig": {"NetworkMode": name}}),
        created(gate, {"NetworkingConfig": {"EndpointsConfig": {name: {}}}}),
        created(gate, {}, TYPED % f"/networks/{name}/connect".encode()),
        created(gate, b"", b"POST /build?networkmode=%s HTTP/1.1\r\n" % name.encode()),
    ):
        assert words.encode() in answer
    assert daemon.created == []


@pytest.mark.parametrize("name", ["ab13", "front", "abc", "AB12"])
def test_other_networks_are_joined(gate, name):
    gate[1].act = daemon = Netted()
    ends = {"front": {}, name: {}}
    body = {"HostConfig": {"NetworkMode": name}, "NetworkingConfig": {"EndpointsConfig": ends}}
    assert created(gate, body) == MADE
    assert daemon.created == [{"NetworkMode": name}]
