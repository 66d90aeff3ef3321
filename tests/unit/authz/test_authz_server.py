# ruff: noqa: ANN001, ANN002, ANN003, ANN201 - fixtures and parameters
from __future__ import annotations

import ast
import base64
import io
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from podwright import authz, dood
from podwright.authz import early, server
from podwright.authz.early import answers
from podwright.authz.limits import limits
from podwright.authz.plugin import _options, main, make_audit, read_config, taken
from podwright.authz.server import Exchange, answer, serve_connection
from podwright.docker_api.http import serve
from podwright.docker_api.listening import listen

RUN = limits({})


def question(**fields):
    asked = {"RequestMethod": "GET", "RequestUri": "/info", **fields}
    return json.dumps(asked).encode()


@pytest.fixture
def plugin(tmp_path):
    """A plugin on a real socket; gives its path and the audit lines."""
    path, lines = str(tmp_path / "p.sock"), []
    server = listen(path, 0o600)
    thread = threading.Thread(
        target=serve, args=(server, lambda c: serve_connection(c, RUN, lines.append))
    )
    thread.start()
    yield path, lines
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def talk(path, *requests):
    """Send requests on one connection; returns what comes back until the plugin hangs up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        for data in requests:
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while True:
            part = connection.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)


def post(path, body):
    return b"POST %s HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n%s" % (path, len(body), body)


def test_the_handshake_and_questions_go_over_one_connection(plugin):
    path, lines = plugin
    said = talk(
        path,
        post(b"/Plugin.Activate", b""),
        post(b"/AuthZPlugin.AuthZReq", question()),
        post(b"/AuthZPlugin.AuthZReq", question(RequestUri="/swarm")),
        post(b"/AuthZPlugin.AuthZRes", b"anything at all"),
    )
    bodies = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [json.loads(body) for body in bodies] == [
        {"Implements": ["authz"]},
        {"Allow": True},
        {
            "Allow": False,
            "Msg": "[engine.swarm] swarm is not for builds; use containers and networks",
        },
        {"Allow": True},
    ]
    assert said.count(b"Content-Type: application/vnd.docker.plugins.v1.2+json\r\n") == 4
    assert [json.loads(line)["rule"] for line in lines] == ["look", "engine.swarm"]


def test_an_audit_line_has_these_fields_and_no_more(plugin):
    path, lines = plugin
    asked = question(
        RequestMethod="POST",
        RequestUri="/v1.44/build?buildargs=secret",
        RequestHeaders={"X": "secret"},
        RequestBody=base64.b64encode(b"secret").decode(),
        User="secret",
    )
    talk(path, post(b"/AuthZPlugin.AuthZReq", asked))
    line = json.loads(lines[0])
    assert len(line.pop("time")) == len("2026-01-01T00:00:00.000Z")
    assert line == {
        "allow": False,
        "rule": "body.json",
        "method": "POST",
        "path": "/build",
        "message": "[body.json] the body is not valid JSON",
        "profile": "run",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"null",
        b'{"RequestMethod":1,"RequestUri":"/info"}',
        b'{"RequestMethod":"GET","RequestUri":"/info","RequestHeaders":[]}',
        b'{"RequestMethod":"GET","RequestUri":"/info","RequestHeaders":{"a":1}}',
        b'{"RequestMethod":"GET","RequestUri":"/info","RequestBody":"not base64!"}',
        b'{"RequestMethod":"GET","RequestUri":"/info","RequestBody":1}',
        b'{"RequestMethod":"GET","RequestMethod":"GET","RequestUri":"/info"}',
    ],
    ids=str,
)
def test_a_broken_question_is_a_refusal(body):
    lines = []
    said = json.loads(answer(Exchange("/AuthZPlugin.AuthZReq", body), RUN, lines.append))
    assert said["Allow"] is False
    assert said["Msg"].startswith("[")
    assert json.loads(lines[0])["allow"] is False


def test_a_question_that_comes_again_is_audited_again_and_answered_by_its_own_limits():
    lines = []
    start = question(RequestMethod="POST", RequestUri="/containers/a/start")
    asked = Exchange("/AuthZPlugin.AuthZReq", start)
    strict = limits({"profile": "build-only"})
    said = [json.loads(answer(asked, each, lines.append)) for each in (RUN, RUN, strict, RUN)]
    assert [one["Allow"] for one in said] == [True, True, False, True]
    assert [json.loads(line)["allow"] for line in lines] == [True, True, False, True]


def test_no_question_with_a_body_is_remembered():
    body = base64.b64encode(b'{"Image":"a","Env":["PASSWORD=x"]}').decode()
    headers = {"Content-Type": "application/json"}
    fields = {"RequestMethod": "POST", "RequestUri": "/containers/create"}
    asked = question(**fields, RequestHeaders=headers, RequestBody=body)
    before = server._remembered.cache_info().currsize
    assert answer(Exchange("/AuthZPlugin.AuthZReq", asked), RUN, [].append) == b'{"Allow":true}'
    assert server._remembered.cache_info().currsize == before


def test_an_audit_line_has_the_time_in_utc():
    assert (
        server._timed('"a": 1}', 1795629599.0625) == '{"time": "2026-11-25T17:59:59.062Z", "a": 1}'
    )


def test_an_unknown_call_is_a_refusal():
    said = json.loads(answer(Exchange("/VolumeDriver.Mount", b""), RUN, [].append))
    assert said == {"Allow": False, "Msg": "[plugin.protocol] this call is not known to the plugin"}


@pytest.mark.parametrize(
    "data",
    [
        b"GET /info HTTP/1.1\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
    ids=lambda data: data[:60].decode("latin-1"),
)
def test_what_an_engine_would_not_send_is_answered_with_a_refusal(plugin, data):
    said = talk(plugin[0], data)
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["Allow"] is False


def test_a_plugin_that_failed_does_not_take_the_next_connection_with_it(plugin):
    talk(plugin[0], b"\0\0\0\n")
    assert answers(plugin[0])


def test_a_huge_response_is_read_and_allowed(plugin):
    said = talk(plugin[0], post(b"/AuthZPlugin.AuthZRes", b"x" * 3_000_000))
    assert said.endswith(b'{"Allow":true}')


def test_the_socket_is_for_its_owner_only_and_a_dead_one_is_replaced(tmp_path):
    path = tmp_path / "s.sock"
    listen(str(path), 0o600).close()
    assert path.stat().st_mode & 0o777 == 0o600
    listen(str(path), 0o666).close()
    assert path.stat().st_mode & 0o777 == 0o666


def test_a_file_in_the_sockets_place_is_not_removed(tmp_path):
    path = tmp_path / "s.sock"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(OSError, match="in use"):
        listen(str(path), 0o600)
    assert path.read_text(encoding="utf-8") == "precious"


# -- the program --------------------------------


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    return main(arguments, out, err), out.getvalue(), err.getvalue()


def test_a_right_config_passes_the_check():
    assert run("check", "--config", '{"profile": "compose"}') == (0, "", "")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "policy config: it is not valid JSON; nothing is allowed without a config\n"),
        ("[]", "policy config: it must be a JSON object\n"),
        ('{"buildkit": 1}', "policy config: it is not one that podwright writes; correct it\n"),
    ],
)
def test_nothing_starts_with_a_wrong_config(config, words, tmp_path):
    socket_path = tmp_path / "p.sock"
    done = run("serve", "--config", config, "--plugin-socket", str(socket_path))
    assert done == (2, "", words)
    assert not socket_path.exists()


def test_the_config_is_read():
    assert read_config('{"profile": "run"}') == ({"profile": "run"}, [])


def test_a_probe_tells_whether_the_plugin_answers(plugin, tmp_path, monkeypatch):
    path, lines = plugin
    monkeypatch.setattr(early, "PLUGIN_SOCKET", str(tmp_path / "none"))
    with pytest.raises(SystemExit) as ended:
        early.begin(["probe"])
    assert ended.value.code == 1
    monkeypatch.setattr(early, "PLUGIN_SOCKET", path)
    with pytest.raises(SystemExit) as ended:
        early.begin(["probe"])
    assert (ended.value.code, lines) == (0, [])


def test_a_probe_loads_nothing_of_the_policy(tmp_path):
    tells = "print(*sorted(name for name in sys.modules if name.startswith('podwright')))"
    text = f"import atexit, sys; atexit.register(lambda: {tells})\n{authz.source()}"
    (tmp_path / "authz.py").write_text(text, encoding="utf-8")
    words = [sys.executable, "-I", "-B", str(tmp_path / "authz.py"), *authz.probe()[4:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    modules = "podwright podwright.authz podwright.authz.early podwright.authz.places"
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        f"{modules} podwright.docker_api\n",
        "",
    )


def test_a_pods_command_is_read_as_any_other():
    config = '{"profile": "build-only"}'
    words = authz.command(json.loads(config))[4:]
    assert vars(_options(words)) == vars(_options([words[0], f"--config={config}"]))
    assert vars(_options(words)) == {
        "action": "serve",
        "config": config,
        "plugin_socket": "/run/docker/plugins/podwright.sock",
        "client_socket": "/run/podwright-client/docker.sock",
        "engine_socket": "/run/podwright-engine/docker.sock",
    }
    assert run("serve", "--config", "[]") == (2, "", "policy config: it must be a JSON object\n")


@pytest.mark.parametrize("words", ["probe", "serve --config", "serve --config {} more"])
def test_a_wrong_command_ends_with_its_usage(words, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*words.split())
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: authz [-h]")


def test_the_audit_goes_to_the_log_and_if_asked_to_a_file(tmp_path):
    log, file = tmp_path / "log", tmp_path / "audit.jsonl"
    with log.open("w", encoding="utf-8") as out:
        make_audit(out, str(file))("line")
        make_audit(out, None)("other")
    assert log.read_text(encoding="utf-8") == "line\nother\n"
    assert file.read_text(encoding="utf-8") == "line\n"


# -- what travels in the pod --------------------------------


def test_the_source_is_one_file_below_the_limit_of_annotations():
    text = authz.source()
    assert len(text.encode()) < 200_000
    assert text == authz.source()
    compile(text, "authz.py", "exec")


def test_the_source_runs_alone_and_serves(tmp_path):
    (tmp_path / "authz.py").write_text(authz.source(), encoding="utf-8")
    command = authz.command({"profile": "build-only"})
    assert command[:4] == ["python3", "-I", "-B", "/etc/podwright/authz.py"]
    path = str(tmp_path / "p.sock")
    sockets = ["--plugin-socket", path, "--client-socket", str(tmp_path / "c.sock")]
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(tmp_path / "authz.py"), *command[4:], *sockets],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    )
    try:
        for _ in range(1000):
            if answers(path):
                break
            threading.Event().wait(0.01)
        body = base64.b64encode(b'{"Image":"a"}').decode()
        asked = question(
            RequestMethod="POST",
            RequestUri="/containers/create",
            RequestBody=body,
            RequestHeaders={"Content-Type": "application/json"},
        )
        assert b"[profile.container]" in talk(path, post(b"/AuthZPlugin.AuthZReq", asked))
        nobody = talk(str(tmp_path / "c.sock"), b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        assert b"[gate.engine] the engine is not there; see the log of container engine" in nobody
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


@pytest.mark.parametrize("program", [authz, dood], ids=["authz", "dood"])
def test_what_travels_imports_the_standard_library_and_what_travels_before_it(program):
    package, before = Path(program.__file__).parent.parent, set()
    for name in program._MODULES:
        text = (package / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
        found = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= names & before or {node.module}
        ours = {module for module in found if module.startswith("podwright")}
        assert ours <= before, name
        before.add(f"podwright.{name}")
        known = getattr(sys, "stdlib_module_names", None)  # since Python 3.10
        if known:
            assert {module.partition(".")[0] for module in found - ours} <= known


ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 0102A8C0 0003 0 0 0 00000000 0 0 0
eth0 0002A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
eth0 0102A8C0 00000000 0005 0 0 0 FFFFFFFF 0 0 0
"""


def test_addresses_are_taken_by_routes_dns_and_the_api(tmp_path, monkeypatch):
    for name, text in (
        ("proc/net/route", ROUTES),
        ("etc/resolv.conf", "search a b\nnameserver 10.43.0.10\nnameserver fe80::1%eth0\n\n"),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.43.0.1")
    swapped = taken(str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert [one for one in swapped if "%" not in one] == [
        "10.43.0.1",
        "10.43.0.10",
        "192.168.2.1",
        "192.168.2.0/255.255.255.0",
        "192.168.2.1/255.255.255.255",
    ]
    assert taken(str(tmp_path / "none")) == ()
