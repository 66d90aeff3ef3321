"""The program of the container ``authz``: plugin and gate, one process each, one life together."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
from ipaddress import ip_network
from types import SimpleNamespace

from podwright.authz.gate import Doors, Gate
from podwright.authz.limits import Limits, limits, problems
from podwright.authz.places import CLIENT_SOCKET, ENGINE_SOCKET, PLUGIN_SOCKET
from podwright.authz.server import serve_connection
from podwright.docker_api.http import serve
from podwright.docker_api.listening import listen
from podwright.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

    from podwright.authz.server import Audit

_NOWHERE = "0.0.0.0"  # noqa: S104  a route without a gateway
MAX_AUDIT = 64 * 1024 * 1024  # an emptyDir is node disk: the log must end somewhere


def main(arguments: Sequence[str], out: TextIO, err: TextIO) -> int:
    """Run; returns the exit code: 0 done, 1 failed, 2 the config is wrong."""
    options = _options(arguments)
    config, wrong = read_config(options.config)
    err.writelines(sentence + "\n" for sentence in wrong)
    if wrong:
        return 2
    if options.action == "check":
        return 0
    audit = make_audit(out, config.get("audit"))
    return run(options, limits(config), audit)


def _options(arguments: Sequence[str]) -> Any:
    """Parse the words of the command; a pod's are few, and would wait for argparse in vain.

    The one of the liveness probe is not among them: see early.py.
    """
    options: Any = SimpleNamespace(
        action="serve",
        config="{}",
        plugin_socket=PLUGIN_SOCKET,
        client_socket=CLIENT_SOCKET,
        engine_socket=ENGINE_SOCKET,
    )
    words, more = list(arguments[:2]), arguments[2:]
    if words == ["serve", "--config"] and len(more) == 1:
        options.config = more[0]
        return options
    import argparse  # noqa: PLC0415 - for tests and attempts by hand

    parser = argparse.ArgumentParser(
        prog="authz", description="Docker authorization plugin and gate"
    )
    parser.add_argument("action", choices=("serve", "check"))
    parser.add_argument("--config", help="the policy config as JSON")
    parser.add_argument("--plugin-socket")
    parser.add_argument("--client-socket", help="empty: no gate")
    parser.add_argument("--engine-socket")
    # What is not named keeps its value.
    return parser.parse_args(arguments, argparse.Namespace(**vars(options)))


def read_config(text: str) -> tuple[dict[str, Any], list[str]]:
    """Read the policy config; without a proper one nothing starts."""
    try:
        config = json.loads(text)
    except ValueError:
        return {}, ["policy config: it is not valid JSON; nothing is allowed without a config"]
    if not isinstance(config, dict):
        return {}, ["policy config: it must be a JSON object"]
    return config, problems(config)


def make_audit(out: TextIO, path: str | None) -> Audit:
    """A function that writes one line to the container's log and, if asked, to a file."""
    lock = threading.Lock()
    log = out.fileno()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if path else -1

    def audit(line: str) -> None:
        data = line.encode() + b"\n"
        with lock:
            _write(log, data)
            if file >= 0 and os.fstat(file).st_size < MAX_AUDIT:
                _write(file, data)

    return audit


def _write(file: int, data: bytes) -> None:
    """Without the layers of Python's streams: the engine waits while this is done."""
    while data:
        data = data[os.write(file, data) :]


def run(options: Any, policy: Limits, audit: Audit) -> int:
    """Serve until told to stop; the gate lives in a process of its own and dies with this one."""
    plugin = listen(options.plugin_socket, 0o600)
    policy = replace(policy, taken=taken())
    if options.client_socket:
        policy = replace(policy, seal=os.urandom(16).hex())
        gate = listen(options.client_socket, 0o666)
        _start_gate(gate, plugin, options.engine_socket, policy)
        gate.close()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGCHLD, _stop)
    gc.freeze()  # what is there now stays: collecting need not look at it
    serve(plugin, lambda connection: serve_connection(connection, policy, audit))
    return 1


def _stop(*_: object) -> None:
    os._exit(0 if _[0] == signal.SIGTERM else 1)


def _start_gate(gate: socket.socket, plugin: socket.socket, engine: str, policy: Limits) -> None:
    """Fork: streams of images must not hold up decisions."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)  # the other end stays open here; its end tells the gate to go
        return
    os.close(writing)
    plugin.close()
    gc.freeze()
    threading.Thread(target=_leave_with_parent, args=(reading,), daemon=True).start()
    serve(gate, Gate(Doors(engine), policy, late=is_reachable(engine)).serve)
    os._exit(1)


def _leave_with_parent(reading: int) -> None:
    os.read(reading, 1)
    os._exit(0)


def taken(root: str = "") -> tuple[str, ...]:
    """What the pod's network needs: its routes but the default one, its DNS, and the API.

    Args:
        root: the directory that /proc and /etc are in.
    """
    found = [os.environ.get("KUBERNETES_SERVICE_HOST", "")]
    with contextlib.suppress(OSError):
        lines = _lines(f"{root}/etc/resolv.conf")
        found += [words[1] for words in map(str.split, lines) if words[:1] == ["nameserver"]]
    with contextlib.suppress(OSError):
        for line in _lines(f"{root}/proc/net/route")[1:]:
            _, target, gateway, *_, mask = line.split()[:8]
            found.append(_address(gateway))
            if int(mask, 16):
                found.append(f"{_address(target)}/{_address(mask)}")
    return tuple(one for one in found if one != _NOWHERE and _is_network(one))


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - see listening.py
        return file.read().splitlines()


def _address(word: str) -> str:
    """An address as /proc/net/route has it: a number in the machine's own order of bytes."""
    return socket.inet_ntoa(int(word, 16).to_bytes(4, sys.byteorder))


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


def is_reachable(path: str) -> bool:
    """Whether somebody listens at this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return not connection.connect_ex(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
