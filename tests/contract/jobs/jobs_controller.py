"""A controller to test against: Jenkins 2.504's answers to everything that jobs as code asks.

Built from recorded answers of a real one: status codes, redirects, crumbs bound to sessions,
``tree`` filtering with its depth, folders, rules of names, XML that is rewritten when something
saves the job, pages of HTML as errors, one create at a time in each folder. Faults can be injected.

    python tests/contract/jobs/jobs_controller.py --port 8080 --recorded-costs

serves ``admin`` with the token ``token`` and the password ``password``; with the option it uses as
much of the processor for each request as the recorded controller did (see ``RECORDED_COSTS``).

A thread serves each connection. What a request does is done in one step under one lock; then the
time that it costs is spent, beside others as on a real controller, and only then comes the answer.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import gzip
import hashlib
import json
import re
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Self

VERSION = "2.504.3"
PROLOG = re.compile(r"^\s*<\?xml[^>]*\?>")
UNSAFE = "?*/\\%!@#$^&|<>[]:;"
ROOTS = {
    "flow-definition": "org.jenkinsci.plugins.workflow.job.WorkflowJob",
    "project": "hudson.model.FreeStyleProject",
    "com.cloudbees.hudson.plugins.folder.Folder": "com.cloudbees.hudson.plugins.folder.Folder",
    "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject": (
        "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
    ),
    "jenkins.branch.OrganizationFolder": "jenkins.branch.OrganizationFolder",
    "hudson.model.ExternalJob": "hudson.model.ExternalJob",
}
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
COMPUTED = {
    "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
    "jenkins.branch.OrganizationFolder",
}
PLUGINS = {
    "workflow-job": "1498.v33a_0c6f3a_4b_4",
    "workflow-cps": "4007.vd705fc76a_34e",
    "workflow-multibranch": "803.v08103b_87c280",
    "cloudbees-folder": "6.1036.vcf1d3f4f5b_c5",
    "branch-api": "2.1208.vf528356feca_4",
    "scm-api": "703.v72ff4b_259600",
    "git": "5.7.0",
    "github": "1.43.0",
    "github-branch-source": "1815.v9152b_2ff7a_1b_",
    "cloudbees-bitbucket-branch-source": "936.4.3",
    "gitlab-branch-source": "718.v40b_5f0e67cd3",
    "pipeline-groovy-lib": "752.vdddedf804e72",
    "throttle-concurrents": "2.16",
    "credentials": "1415.v831096eb_5534",
    "credentials-binding": "687.v619cb_15e923f",
    "mailer": "489.vd4b_25144138f",
    "timestamper": "1.28",
    "build-timeout": "1.35",
    "basic-branch-build-strategies": "81.v05e333931c7d",
    "junit": "1312.v1a_235a_b_94a_31",
}
# Elements that a save adds when they are missing, by the root of the job.
SAVED_DEFAULTS = {
    "flow-definition": (("keepDependencies", "false"), ("triggers", ""), ("disabled", "false")),
    "project": (
        ("keepDependencies", "false"),
        ("canRoam", "true"),
        ("disabled", "false"),
        ("blockBuildWhenDownstreamBuilding", "false"),
        ("blockBuildWhenUpstreamBuilding", "false"),
        ("concurrentBuild", "false"),
        ("buildWrappers", ""),
    ),
    FOLDER: (("healthMetrics", ""),),
}


# Fields of the classes, by the root of the job; a save drops every other element.
KNOWN = {
    "flow-definition": {
        "actions",
        "description",
        "displayName",
        "keepDependencies",
        "properties",
        "definition",
        "triggers",
        "quietPeriod",
        "authToken",
        "disabled",
        "logRotator",
    }
}


# Milliseconds of processor time that a request costs the controller, from recorded rows of clients
# that send one request after the other (Jenkins 2.479.3, 500 jobs, two cores shared by client and
# server). What is added by the client and by this file (0.6 ms, for a create 0.9) is left out. The
# other recorded rows, of several threads and other clients, follow from these and the two cores:
# `python tests/bench/jobs_bench.py` prints all of them, recorded and here.
RECORDED_COSTS = {
    # Every request (connection, login, filters): GET config.xml took 1.6.
    "request": 1.0,
    # More for a create, one at a time in each folder: createItem took 10.0.
    "create": 8.1,
    # More for an update, any number at once: POST config.xml took 3.6.
    "update": 1.9,
    # More for the page (73 kB) that says 404: python-jenkins' create_job took 16.8 for a GET that
    # finds nothing, the create and a GET; less 10.0 and twice 1.6 for these, and less what
    # python-jenkins itself takes for three requests (reconfig_job took 4.2, the bare POST 3.6).
    "missing": 1.8,
}


VIEW_PATH = re.compile(r"/view/([^/]+)(/.*)")
# The last part of a path, by method: what answers it.
ROUTES = {
    "/api/json": {"GET": "_api"},
    "/config.xml": {"GET": "_get_config", "POST": "_post_config"},
    "/createItem": {"POST": "_create_item"},
    "/createView": {"POST": "_create_view"},
    "/view/*/config.xml": {"GET": "_get_view", "POST": "_post_view"},
    "/view/*/doDelete": {"POST": "_delete_view"},
    "/view/*/api/json": {"GET": "_view_api"},
    "/submitDescription": {"POST": "_describe"},
    "/disable": {"POST": "_disable"},
    "/enable": {"POST": "_enable"},
    "/doDelete": {"POST": "_delete"},
    "/": {"DELETE": "_delete"},
    "/confirmRename": {"POST": "_rename"},
    "/move/move": {"POST": "_move"},
    "/build": {"POST": "_build"},
    "/crumbIssuer/api/json": {"GET": "_crumb"},
    "/whoAmI/api/json": {"GET": "_whoami"},
    "/pluginManager/api/json": {"GET": "_plugins"},
}


@dataclass
class Item:
    """A job, folder or the top."""

    name: str
    java: str = "hudson.model.Hudson"
    text: str = ""
    description: str | None = None
    items: dict[str, Item] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    builds: list[bool] = field(default_factory=list)
    disabled: bool = False
    waits: bool = False
    parent: Item | None = None
    creating: threading.Lock = field(default_factory=threading.Lock)

    @property
    def full(self) -> str:
        above = self.parent.full if self.parent else ""
        return f"{above}/{self.name}" if above else self.name


@dataclass
class View:
    """A view."""

    name: str
    text: str
    description: str | None
    java: str = "hudson.model.ListView"


@dataclass
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: ``status``, ``reset``, ``reset-after`` (the work is done, the answer lost),
            ``truncate`` (less than was announced), ``cut`` (half a body, announced as such),
            ``page`` (HTML with 200), ``login`` (302), ``redirect``.
        times: how often.
        until: or until this instant of ``time.monotonic``.
        status: for ``status``.
        method: only these requests; empty is any.
        path: a regular expression for the path.
        location: for ``redirect``.
        every: only every so-and-so-many-th of these requests.
    """

    kind: str
    times: int = 1
    until: float = 0.0
    status: int = 502
    method: str = ""
    path: str = ""
    location: str = ""
    every: int = 1
    seen: int = 0

    def hits(self, method: str, path: str) -> bool:
        if (self.method and method != self.method) or not re.search(self.path, path):
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        if self.until:
            return time.monotonic() < self.until
        if self.times <= 0:
            return False
        self.times -= 1
        return True


@dataclass
class Reply:
    """One answer.

    Attributes:
        cost: what the request costs beyond any other (a key of ``RECORDED_COSTS``).
        folder: where only one request of this cost is served at a time.
    """

    status: int
    body: bytes = b""
    kind: str = "text/html;charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    cost: str = ""
    folder: Item | None = None


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class Refuse(Exception):  # noqa: N818
    """A request that Jenkins refuses."""

    def __init__(self, status: int, error: str = "", title: str = "") -> None:
        super().__init__(error)
        missing = status == 404
        body = page(title or error or f"Error {status}", 73_000 if missing else 8_000)
        self.reply = Reply(status, body, cost="missing" if missing else "")
        if error:
            self.reply.headers["X-Error"] = error


@functools.lru_cache(maxsize=100)
def page(title: str, size: int = 8_000) -> bytes:
    """Make an error page as large as Jenkins' own."""
    filler = "<!-- " + "x" * size + " -->"
    return f"<html><head><title>{title}</title></head><body>{filler}</body></html>".encode()


@functools.lru_cache(maxsize=100)
def packed_page(body: bytes) -> bytes:
    """Compress a page; there are few of them."""
    return gzip.compress(body, 1)


@functools.cache
def rounds_per_second() -> float:
    """Measure how many rounds of a hash a second of processor time holds."""
    rounds = 20_000
    best = 1.0
    for _ in range(3):
        started = time.thread_time()
        hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
        best = min(best, time.thread_time() - started)
    return rounds / best


def work(seconds: float) -> None:
    """Use the processor for a time.

    A controller does not sleep while it makes a job, it competes with its clients for the cores:
    recorded rows of four and of eight threads show two cores in full use. The hash is computed
    without the interpreter's lock, so that other threads are served meanwhile.
    """
    end = time.thread_time() + seconds
    while (left := end - time.thread_time()) > 0:
        rounds = max(int(left * rounds_per_second()), 1)
        hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)


def parse_tree(text: str) -> dict[str, Any]:
    """Parse a ``tree`` parameter into nested filters; ``None`` inside means all.

    Raises:
        ValueError: when it is malformed.
    """
    position = 0

    def level() -> dict[str, Any]:
        nonlocal position
        found: dict[str, Any] = {}
        while True:
            match = re.compile(r"[A-Za-z_*]+").match(text, position)
            if not match:
                raise ValueError(text)
            position = match.end()
            inner: Any = None
            if text[position : position + 1] == "[":
                position += 1
                inner = level()
                if text[position : position + 1] != "]":
                    raise ValueError(text)
                position += 1
            bounds = re.compile(r"\{(\d*),?(\d*)\}").match(text, position)
            if bounds:
                position = bounds.end()
            found[match[0]] = (inner, bounds)
            if text[position : position + 1] != ",":
                return found
            position += 1

    made = level()
    if position != len(text):
        raise ValueError(text)
    return made


class Link:
    """One connection: what was read too much is kept for the next request."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def encrypt(self, tls: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._socket = tls.wrap_socket(self._socket, server_side=True)

    def until(self, mark: bytes) -> bytes:
        """Read up to and without a mark."""
        while mark not in self._read:
            self._more()
        found, _, self._read = self._read.partition(mark)
        return found

    def exactly(self, size: int) -> bytes:
        """Read some bytes."""
        while len(self._read) < size:
            self._more()
        found, self._read = self._read[:size], self._read[size:]
        return found

    def _more(self) -> None:
        part = self._socket.recv(1 << 18)
        if not part:
            raise EOFError
        self._read += part

    def send(self, data: bytes) -> None:
        """Send an answer in one piece."""
        self._socket.sendall(data)

    def abort(self) -> None:
        """Close so that the client sees a reset."""
        linger = struct.pack("ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def stop(self) -> None:
        """End it from another thread; the one that serves it wakes."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go."""
        with contextlib.suppress(OSError):
            self._socket.close()


class JobsController:
    """The server; starts on a free port of the loopback device."""

    def __init__(
        self,
        *,
        port: int = 0,
        costs: Mapping[str, float] | None = None,
        prefix: str = "",
        folds: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.prefix = prefix
        self.folds = folds  # names in folders too, as cloudbees-folder did before 6.1036
        self.tls = tls
        self.cost = {**dict.fromkeys(RECORDED_COSTS, 0.0), **(costs or {})}  # seconds
        self.top = Item("")
        self.users = {"admin": ("token", "password")}
        self.denied: set[str] = set()
        self.plugins = dict(PLUGINS)
        self.is_administrator = True
        self.plain = False  # a server that is no Jenkins
        self.sessions: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.at_once = 0
        self.most_at_once = 0
        self.before: Callable[[Asked], None] | None = None
        self._state = threading.RLock()
        self._listener: socket.socket | None = None
        self._links: dict[threading.Thread, Link] = {}

    # -- life ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}{self.prefix}"

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop as a process does: whatever is in flight loses its answer."""
        assert self._listener is not None
        # Closing alone does not wake the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._state:
            links = dict(self._links)
        for link in links.values():
            link.stop()
        for thread in links:
            thread.join(10)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            link = Link(connection)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            with self._state:
                self.connections += 1
                self._links[thread] = link
            thread.start()

    def _all(self, item: Item) -> Iterator[Item]:
        yield item
        for child in item.items.values():
            yield from self._all(child)

    # -- for tests -------------------------------------------------------------------------------

    def key(self, parent: Item, name: str) -> str:
        """Give the key of a name: without case at the top and in folders before 6.1036."""
        return name.lower() if parent is self.top or self.folds else name

    def find(self, name: str) -> Item | None:
        """Find an item by its full name."""
        item: Item | None = self.top
        for part in name.split("/") if name else []:
            item = item.items.get(self.key(item, part)) if item else None
        return item

    def names(self) -> list[str]:
        """Name all items."""
        return sorted(item.full for item in self._all(self.top) if item is not self.top)

    def writes(self) -> list[str]:
        """List the requests that changed something."""
        return [path for method, path in self.log if method == "POST"]

    def put(self, name: str, xml: str) -> None:
        """Create an item as a person would, without a request."""
        above, _, last = name.rpartition("/")
        parent = self.find(above)
        assert parent is not None
        self._create(parent, last, xml.encode())

    def edit(self, name: str, change: Callable[[ET.Element], None]) -> None:
        """Change a job as in the browser, which saves it."""
        item = self.find(name)
        assert item is not None
        root = parse_stored(item.text)
        change(root)
        item.text = saved(root)
        item.description = root.findtext("description")

    def save(self, name: str) -> None:
        """Make Jenkins save a job without any change."""
        self.edit(name, lambda _: None)

    # -- HTTP --------------------------------------------------------------------------------

    def _serve(self, link: Link) -> None:
        # A client that goes away, in whatever state, is no matter of the controller's.
        with contextlib.suppress(OSError, EOFError):
            if self.tls:
                link.encrypt(self.tls)
            while self._exchange(link):
                pass
        link.close()
        with self._state:
            self._links.pop(threading.current_thread(), None)

    def _exchange(self, link: Link) -> bool:
        """Answer one request; says whether the connection stays."""
        head = link.until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, found, value = line.partition(":")
            if found:
                headers[name.strip().lower()] = value.strip()
        body = link.exactly(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        values = parse_qs(query, keep_blank_values=True) if query else {}
        asked = Asked(method, path, values, headers, body)
        with self._state:
            fault, reply = self._decide(asked, target)
        if fault and fault.kind == "reset":
            link.abort()
            return False
        self._take_time(reply)
        if fault and fault.kind == "reset-after":
            link.abort()
            return False
        if fault and fault.kind == "cut":
            reply.body = reply.body[: len(reply.body) // 2]
        data = self._encode(reply, asked)
        if fault and fault.kind == "truncate":
            link.send(data[: -max(len(reply.body) // 2, 1)])
            return False
        link.send(data)
        return headers.get("connection", "").lower() != "close"

    def _decide(self, asked: Asked, target: str) -> tuple[Fault | None, Reply]:
        """Do what a request asks for, or what a fault makes of it."""
        self.log.append((asked.method, target))
        self.headers.append(asked.headers)
        if self.before:
            self.before(asked)
        fault = next((one for one in self.faults if one.hits(asked.method, asked.path)), None)
        reply = self._faulty(fault) if fault else None
        return fault, reply or self._answer(asked)

    def _take_time(self, reply: Reply) -> None:
        with self._state:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self._spend("request")
        with reply.folder.creating if reply.folder else contextlib.nullcontext():
            self._spend(reply.cost)
        with self._state:
            self.at_once -= 1

    def _spend(self, what: str) -> None:
        seconds = self.cost.get(what, 0.0)
        if seconds:
            work(seconds)

    def _faulty(self, fault: Fault) -> Reply | None:
        if fault.kind == "reset":
            return Reply(0)
        if fault.kind == "status":
            title = "Starting Jenkins" if fault.status == 503 else "Bad Gateway"
            text = (
                "Please wait while Jenkins is getting ready to work" if fault.status == 503 else ""
            )
            return Reply(fault.status, page(title) + text.encode())
        if fault.kind == "page":
            return Reply(200, page("Sign in"))
        if fault.kind == "login":
            return Reply(302, b"", headers={"Location": f"{self.url}/login?from=%2F"})
        if fault.kind == "redirect":
            return Reply(302, b"", headers={"Location": fault.location})
        return None

    def _encode(self, reply: Reply, asked: Asked) -> bytes:
        body = reply.body
        headers = {"Content-Type": reply.kind, **reply.headers}
        if not self.plain:
            headers.update({"X-Jenkins": VERSION, "X-Jenkins-Session": "5c1a7b02"})
        if "gzip" in asked.headers.get("accept-encoding", "") and len(body) > 1000:
            body = packed_page(body) if "html" in reply.kind else gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        reply.body = body
        lines = [f"HTTP/1.1 {reply.status} x"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + body

    # -- who asks -------------------------------------------------------------------------------

    def _answer(self, asked: Asked) -> Reply:
        try:
            cookie = self._who(asked)
            reply = self._route(asked, asked.path)
        except Refuse as refused:
            return refused.reply
        except ValueError:
            return Reply(500, page("Oops!"))
        if cookie:
            reply.headers.setdefault("Set-Cookie", f"JSESSIONID.x={cookie}; Path=/; HttpOnly")
        return reply

    def _who(self, asked: Asked) -> str:
        """Check login and crumb; gives a new session for the answer's cookie, or nothing."""
        given = asked.headers.get("authorization", "")
        if not given.startswith("Basic "):
            raise Refuse(403, title="Authentication required")
        user, _, secret = base64.b64decode(given[6:]).decode("utf-8", "replace").partition(":")
        token, password = self.users.get(user, ("", ""))
        if not secret or secret not in {token, password}:
            refused = Refuse(401, title="Invalid password/token for user: " + user)
            refused.reply.headers["WWW-Authenticate"] = 'Basic realm="Jenkins"'
            raise refused
        found = re.search(r"JSESSIONID\.x=([0-9a-f]+)", asked.headers.get("cookie", ""))
        session = found[1] if found and found[1] in self.sessions else ""
        if asked.method == "POST" and secret == password:
            crumb = asked.headers.get("jenkins-crumb", "")
            if not session or self.sessions[session] != crumb:
                raise Refuse(403, title="Error 403 No valid crumb was included in the request")
        if session:
            return ""
        new = secrets.token_hex(16)
        self.sessions[new] = secrets.token_hex(32)
        if asked.path.endswith("/crumbIssuer/api/json"):
            asked.headers["session"] = new
        return new

    def expire_crumbs(self) -> None:
        """Forget all sessions, as after a time or a restart."""
        self.sessions.clear()

    def _allowed(self, item: Item, what: str) -> None:
        walk: Item | None = item
        while walk is not None:
            if walk.full in self.denied and walk is not self.top:
                raise Refuse(403, f"admin is missing the {what} permission", "Access Denied")
            walk = walk.parent

    # -- routes ---------------------------------------------------------------------------------

    def _route(self, asked: Asked, path: str) -> Reply:
        if not path.startswith(self.prefix + "/"):
            raise Refuse(404)
        item, rest = self._walk(path[len(self.prefix) :])
        view = VIEW_PATH.fullmatch(rest)
        names = (unquote(view[1]),) if view else ()
        known = ROUTES.get("/view/*" + view[2] if view else rest)
        if known is None:
            raise Refuse(404)
        if asked.method not in known:
            raise Refuse(405)
        function: Callable[..., Reply] = getattr(self, known[asked.method])
        return function(item, asked, *names)

    def _walk(self, path: str) -> tuple[Item, str]:
        item = self.top
        while True:
            match = re.match(r"/job/([^/]+)(?=/|$)", path)
            if not match:
                return item, path or "/"
            child = item.items.get(self.key(item, unquote(match[1])))
            if child is None:
                raise Refuse(404, title="Not Found")
            item, path = child, path[match.end() :]

    def _crumb(self, item: Item, asked: Asked) -> Reply:
        del item
        found = re.search(r"JSESSIONID\.x=([0-9a-f]+)", asked.headers.get("cookie", ""))
        session = asked.headers.get("session") or (found[1] if found else "")
        return as_json(
            {
                "_class": "hudson.security.csrf.DefaultCrumbIssuer",
                "crumb": self.sessions.get(session, ""),
                "crumbRequestField": "Jenkins-Crumb",
            }
        )

    def _whoami(self, item: Item, asked: Asked) -> Reply:
        del item, asked
        return as_json({"_class": "hudson.security.WhoAmI", "anonymous": False, "name": "admin"})

    def _plugins(self, item: Item, asked: Asked) -> Reply:
        del item, asked
        if not self.is_administrator:
            raise Refuse(403, "admin is missing the Overall/SystemRead permission")
        plugins = [
            {
                "active": True,
                "enabled": True,
                "shortName": name,
                "longName": name,
                "version": version,
            }
            for name, version in self.plugins.items()
        ]
        return as_json({"_class": "hudson.LocalPluginManager", "plugins": plugins})

    def _api(self, item: Item, asked: Asked) -> Reply:
        tree = (asked.query.get("tree") or [""])[0]
        fields = parse_tree(tree) if tree else None
        return as_json(self._data(item, fields))

    def _data(self, item: Item, fields: dict[str, Any] | None) -> dict[str, Any]:
        """Give the asked properties of an item; without a ``tree`` those of depth 0."""
        if fields is None:
            inner = parse_tree("name,url,color")
            fields = dict.fromkeys(("name", "description", "url", "fullName"), (None, None))
            fields["jobs"] = fields["views"] = (inner, None)
        data: dict[str, Any] = {"_class": item.java}
        for name, (inner, bounds) in fields.items():
            if name == "jobs" and (item.java in COMPUTED | {FOLDER} or item is self.top):
                children = [self._data(child, inner or {}) for child in item.items.values()]
                data[name] = cut(children, bounds)
            elif name == "views" and (item.java == FOLDER or item is self.top):
                every = [{"_class": "hudson.model.AllView", "name": "all", "description": None}]
                every += [
                    {
                        "_class": v.java,
                        "name": v.name,
                        "description": v.description,
                    }
                    for v in item.views.values()
                ]
                wanted = set(inner or {}) | {"_class"}
                data[name] = [{k: v for k, v in view.items() if k in wanted} for view in every]
            elif name in {"builds", "allBuilds"} and item.java not in COMPUTED | {FOLDER}:
                builds = [{"building": running} for running in reversed(item.builds)]
                data[name] = cut(builds if name == "allBuilds" else builds[:100], bounds)
            else:
                value = self._property(item, name)
                if value is not ...:
                    data[name] = value
        return data

    def _property(self, item: Item, name: str) -> Any:
        path = "".join(f"job/{quote(part)}/" for part in item.full.split("/") if part)
        known = {
            "name": item.name,
            "fullName": item.full,
            "description": item.description,
            "url": f"{self.url}/{path}",
            "color": "disabled" if item.disabled else "notbuilt",
            "buildable": not item.disabled,
            "inQueue": item.waits,
        }
        if item is self.top and name in {"name", "color", "inQueue"}:
            return ...
        return known.get(name, ...)

    def _get_config(self, item: Item, asked: Asked) -> Reply:
        del asked
        if item is self.top:
            raise Refuse(404)
        self._allowed(item, "Job/ExtendedRead")
        return Reply(200, item.text.encode("utf-8"), "application/xml")

    def _post_config(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Configure")
        text, java, description = self._stored(asked.body)
        if java != item.java:
            raise Refuse(500, title="Oops!")
        item.text, item.description = text, description
        item.disabled = "<disabled>true</disabled>" in text
        return Reply(200, cost="update")

    def _stored(self, body: bytes) -> tuple[str, str, str | None]:
        """Check posted XML; stored as posted, with its prolog."""
        try:
            text = body.decode("utf-8")
            root = ET.fromstring(PROLOG.sub("", text))  # noqa: S314 - fed by tests
        except (ET.ParseError, UnicodeDecodeError):
            raise Refuse(500, title="Oops!") from None
        java = ROOTS.get(str(root.tag))
        if java is None:
            raise Refuse(500, title="Oops!")
        return text, java, root.findtext("description")

    def _create_item(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Create")
        if item is not self.top and item.java != FOLDER:
            raise Refuse(404)
        name = (asked.query.get("name") or [""])[0]
        if not asked.headers.get("content-type", "").startswith(("application/xml", "text/xml")):
            raise Refuse(400, "No mode given")
        check_name(name)
        self._create(item, name.strip(), asked.body)
        return Reply(200, cost="create", folder=item)

    def _create(self, item: Item, name: str, body: bytes) -> None:
        if self.key(item, name) in item.items:
            raise Refuse(
                400,
                f"A job already exists with the name \u2018{name}\u2019".encode().decode("latin-1"),
            )
        if len(name.encode()) > 255:
            raise Refuse(500, title="Oops!")
        text, java, description = self._stored(body)
        made = Item(name, java, text, description, parent=item)
        made.disabled = "<disabled>true</disabled>" in text
        item.items[self.key(item, name)] = made

    def _create_view(self, item: Item, asked: Asked) -> Reply:
        name = (asked.query.get("name") or [""])[0]
        check_name(name)
        if name in item.views:
            raise Refuse(400, f'A view already exists with the name "{name}"')
        item.views[name] = self._view(name, asked.body)
        return Reply(200, cost="create", folder=item)

    def _view(self, name: str, body: bytes) -> View:
        try:
            root = parse_stored(body.decode("utf-8"))
        except ET.ParseError:
            raise Refuse(500, title="Oops!") from None
        text = saved(root)
        return View(name, text, root.findtext("description"), str(root.tag))

    def _named_view(self, item: Item, name: str) -> View:
        view = item.views.get(name)
        if view is None:
            raise Refuse(404)
        return view

    def _get_view(self, item: Item, asked: Asked, name: str) -> Reply:
        del asked
        if name == "all" and name not in item.views:
            text = "<hudson.model.AllView><name>all</name></hudson.model.AllView>"
            return Reply(200, text.encode(), "application/xml")
        return Reply(200, self._named_view(item, name).text.encode(), "application/xml")

    def _view_api(self, item: Item, asked: Asked, name: str) -> Reply:
        del asked
        return as_json({"name": self._named_view(item, name).name})

    def _post_view(self, item: Item, asked: Asked, name: str) -> Reply:
        old = self._named_view(item, name)
        item.views[name] = self._view(old.name, asked.body)
        return Reply(200, cost="update")

    def _delete_view(self, item: Item, asked: Asked, name: str) -> Reply:
        del asked
        self._named_view(item, name)
        del item.views[name]
        return Reply(302, headers={"Location": f"{self.url}/"})

    def _describe(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Configure")
        text = parse_qs(asked.body.decode("ascii"), keep_blank_values=True)["description"][0]

        def change(root: ET.Element) -> None:
            element = root.find("description")
            if element is None:
                element = ET.SubElement(root, "description")
            element.text = text

        self.edit(item.full, change)
        return Reply(302, headers={"Location": "."})

    def _disable(self, item: Item, asked: Asked) -> Reply:
        return self._switch(item, asked, disabled=True)

    def _enable(self, item: Item, asked: Asked) -> Reply:
        return self._switch(item, asked, disabled=False)

    def _switch(self, item: Item, asked: Asked, *, disabled: bool) -> Reply:
        del asked
        self._allowed(item, "Job/Configure")
        if item.java == FOLDER:
            raise Refuse(404)
        item.disabled = disabled

        def change(root: ET.Element) -> None:
            element = root.find("disabled")
            if element is None:
                element = ET.SubElement(root, "disabled")
            element.text = "true" if disabled else "false"

        self.edit(item.full, change)
        return Reply(302, headers={"Location": "."})

    def _delete(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Delete")
        if item is self.top or item.parent is None:
            raise Refuse(404)
        del item.parent.items[self.key(item.parent, item.name)]
        if asked.method == "DELETE":
            return Reply(204)
        return Reply(302, headers={"Location": ".."})

    def _rename(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Configure")
        new = (asked.query.get("newName") or [""])[0]
        check_name(new)
        assert item.parent is not None
        there = item.parent.items.get(self.key(item.parent, new))
        if there is not None and there is not item:
            raise Refuse(400, f"The name {new} is already in use.")
        del item.parent.items[self.key(item.parent, item.name)]
        item.name = new
        item.parent.items[self.key(item.parent, new)] = item
        return Reply(302, headers={"Location": "."})

    def _move(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Move")
        destination = (asked.query.get("destination") or [""])[0].strip("/")
        target = self.find(destination)
        if target is None or item.parent is None:
            raise Refuse(400, "No such destination")
        if self.key(target, item.name) in target.items:
            raise Refuse(400, f"{item.name} exists in the destination")
        del item.parent.items[self.key(item.parent, item.name)]
        item.parent = target
        target.items[self.key(target, item.name)] = item
        return Reply(302, headers={"Location": "."})

    def _build(self, item: Item, asked: Asked) -> Reply:
        del asked
        if item.disabled:
            raise Refuse(409, f"{item.name} is not buildable")
        item.builds.append(False)
        return Reply(201, headers={"Location": f"{self.url}/queue/item/{len(item.builds)}/"})


def cut(values: list[Any], bounds: re.Match[str] | None) -> list[Any]:
    """Apply a range of a ``tree``."""
    if not bounds:
        return values
    low = int(bounds[1] or 0)
    return values[low : int(bounds[2]) if bounds[2] else None]


def check_name(name: str) -> None:
    """Refuse names as ``Jenkins.checkGoodName`` does; blanks at the ends are trimmed first."""
    name = name.strip()
    if not name:
        raise Refuse(400, "No name is specified")
    if name in {".", ".."}:
        raise Refuse(400, f"'{name}' is not an allowed name")
    if name.endswith("."):
        raise Refuse(400, "A name cannot end with '.'")
    for char in name:
        if ord(char) < 32:
            raise Refuse(400, "No control code is allowed")
        if char in UNSAFE:
            raise Refuse(400, f"'{char}' is an unsafe character")


def as_json(data: object) -> Reply:
    """Make a JSON answer."""
    return Reply(
        200, json.dumps(data, ensure_ascii=False).encode(), "application/json;charset=utf-8"
    )


def parse_stored(text: str) -> ET.Element:
    """Parse stored or posted XML, whatever its prolog says."""
    # The server side of tests, fed by tests.
    return ET.fromstring(PROLOG.sub("", text))  # noqa: S314


def saved(root: ET.Element) -> str:
    """Write a job as XStream does when Jenkins saves it: what no class knows is dropped."""
    known = KNOWN.get(str(root.tag), ())
    for element in list(root) if known else ():
        if element.tag not in known:
            root.remove(element)
    for tag, text in SAVED_DEFAULTS.get(str(root.tag), ()):
        if root.find(tag) is None:
            ET.SubElement(root, tag).text = text or None
    for element in root.iter():
        name = element.get("class", str(element.tag)).replace("__", "_")
        plugin = next((p for prefix, p in OWNERS if name.startswith(prefix)), "")
        if plugin:
            element.set("plugin", f"{plugin}@{PLUGINS[plugin]}")
    out = ["<?xml version='1.1' encoding='UTF-8'?>\n"]
    _save(root, 0, out)
    return "".join(out)


OWNERS = [
    ("flow-definition", "workflow-job"),
    ("org.jenkinsci.plugins.workflow.cps.", "workflow-cps"),
    ("org.jenkinsci.plugins.workflow.multibranch.", "workflow-multibranch"),
    ("com.cloudbees.hudson.plugins.folder.", "cloudbees-folder"),
    ("hudson.plugins.git.GitSCM", "git"),
    ("jenkins.plugins.git.GitSCMSource", "git"),
    ("jenkins.branch.", "branch-api"),
    ("org.jenkinsci.plugins.github_branch_source.", "github-branch-source"),
]


def _save(element: ET.Element, level: int, out: list[str]) -> None:
    pad = "  " * level
    attributes = "".join(f' {key}="{escape(text)}"' for key, text in element.items())
    text = element.text or ""
    if len(element):
        out.append(f"{pad}<{element.tag}{attributes}>\n")
        for child in element:
            _save(child, level + 1, out)
        out.append(f"{pad}</{element.tag}>\n")
    elif text:
        out.append(f"{pad}<{element.tag}{attributes}>{escape(text)}</{element.tag}>\n")
    else:
        out.append(f"{pad}<{element.tag}{attributes}/>\n")


def escape(text: str) -> str:
    """Escape a text as XStream does."""
    for char, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("'", "&apos;"),
        ('"', "&quot;"),
    ):
        text = text.replace(char, entity)
    return text


def main() -> None:
    """Serve until interrupted; prints the address first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--recorded-costs", action="store_true", help="take as long as the recorded controller"
    )
    options = parser.parse_args()
    costs = {what: ms / 1000 for what, ms in RECORDED_COSTS.items()}
    controller = JobsController(port=options.port, costs=costs if options.recorded_costs else {})
    with controller:
        print(controller.url, flush=True)  # noqa: T201 - tells the port
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
