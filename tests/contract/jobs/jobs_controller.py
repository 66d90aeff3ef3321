"""A controller to test against: Jenkins 2.479's answers to everything that jobs as code asks.

Built from recorded answers of a real one: status codes, redirects, crumbs bound to sessions,
``tree`` filtering with its depth, folders, rules of names, XML that is rewritten when something
saves the job, pages of HTML as errors, one create at a time in each folder. Faults can be injected.

    python tests/contract/jobs/jobs_controller.py --port 8080 --create-ms 8

serves ``admin`` with the token ``token`` and the password ``password``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import gzip
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator

    from typing_extensions import Self

VERSION = "2.479.3"
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
    "cloudbees-folder": "6.980.v5a_cc0cb_25881",
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
    parent: Item | None = None
    lock: asyncio.Lock | None = None

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


@dataclass
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: ``status``, ``reset``, ``reset-after`` (the work is done, the answer lost),
            ``truncate``, ``page`` (HTML with 200), ``login`` (302), ``redirect``.
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
    """One answer."""

    status: int
    body: bytes = b""
    kind: str = "text/html;charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


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
        self.reply = Reply(status, page(title or error or f"Error {status}"))
        if error:
            self.reply.headers["X-Error"] = error


def page(title: str) -> bytes:
    """Make an error page as large as Jenkins' own."""
    filler = "<!-- " + "x" * 8000 + " -->"
    return f"<html><head><title>{title}</title></head><body>{filler}</body></html>".encode()


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


class JobsController:
    """The server; starts on a free port of the loopback device."""

    def __init__(
        self,
        *,
        port: int = 0,
        create: float = 0.0,
        update: float = 0.0,
        read: float = 0.0,
        cores: int = 2,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.prefix = prefix
        self.tls = tls
        self.cost = {"create": create, "update": update, "read": read}
        self.cores = cores
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.AbstractServer | None = None
        self._capacity: asyncio.Semaphore | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- life ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}{self.prefix}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the controller did not start")
        return self

    def __exit__(self, *error: object) -> None:
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
        self._ready.clear()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._capacity = asyncio.Semaphore(self.cores)
        for item in self._all(self.top):
            item.lock = None
        self._server = await asyncio.start_server(
            self._connection, "127.0.0.1", self.port, limit=2**24, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _all(self, item: Item) -> Iterator[Item]:
        yield item
        for child in item.items.values():
            yield from self._all(child)

    # -- for tests -------------------------------------------------------------------------------

    def find(self, name: str) -> Item | None:
        """Find an item by its full name."""
        item: Item | None = self.top
        for part in name.split("/") if name else []:
            item = item.items.get(part.lower()) if item else None
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

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            if task:
                self._tasks.discard(task)
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, found, value = line.partition(":")
            if found:
                headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        path = parts.path
        asked = Asked(method, path, parse_qs(parts.query, keep_blank_values=True), headers, body)
        self.log.append((method, target))
        self.headers.append(headers)
        if self.before:
            self.before(asked)
        fault = next((fault for fault in self.faults if fault.hits(method, path)), None)
        if fault and fault.kind == "reset":
            writer.transport.abort()
            return False
        reply = self._faulty(fault) if fault else None
        if reply is None:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            reply = await self._answer(asked)
            self.at_once -= 1
        if fault and fault.kind == "reset-after":
            writer.transport.abort()
            return False
        data = self._encode(reply, asked)
        if fault and fault.kind == "truncate":
            writer.write(data[: -max(len(reply.body) // 2, 1)])
            await writer.drain()
            return False
        writer.write(data)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    def _faulty(self, fault: Fault) -> Reply | None:
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
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        reply.body = body
        lines = [f"HTTP/1.1 {reply.status} x"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + body

    # -- who asks -------------------------------------------------------------------------------

    async def _answer(self, asked: Asked) -> Reply:
        try:
            cookie = self._who(asked)
            reply = await self._route(asked, asked.path)
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

    async def _route(self, asked: Asked, path: str) -> Reply:
        if not path.startswith(self.prefix + "/"):
            raise Refuse(404)
        item, rest = self._walk(path[len(self.prefix) :])
        routes: list[tuple[str, str, Callable[..., Awaitable[Reply]]]] = [
            ("GET", r"/api/json", self._api),
            ("GET", r"/config\.xml", self._get_config),
            ("POST", r"/config\.xml", self._post_config),
            ("POST", r"/createItem", self._create_item),
            ("POST", r"/createView", self._create_view),
            ("GET", r"/view/([^/]+)/config\.xml", self._get_view),
            ("POST", r"/view/([^/]+)/config\.xml", self._post_view),
            ("POST", r"/view/([^/]+)/doDelete", self._delete_view),
            ("GET", r"/view/([^/]+)/api/json", self._view_api),
            ("POST", r"/disable", self._disable),
            ("POST", r"/enable", self._enable),
            ("POST", r"/doDelete", self._delete),
            ("DELETE", r"/", self._delete),
            ("POST", r"/confirmRename", self._rename),
            ("POST", r"/move/move", self._move),
            ("POST", r"/build", self._build),
            ("GET", r"/crumbIssuer/api/json", self._crumb),
            ("GET", r"/whoAmI/api/json", self._whoami),
            ("GET", r"/pluginManager/api/json", self._plugins),
        ]
        known = False
        for method, form, function in routes:
            match = re.fullmatch(form, rest)
            if match:
                known = True
                if method == asked.method:
                    return await function(item, asked, *map(unquote, match.groups()))
        raise Refuse(405 if known else 404)

    def _walk(self, path: str) -> tuple[Item, str]:
        item = self.top
        while True:
            match = re.match(r"/job/([^/]+)(?=/|$)", path)
            if not match:
                return item, path or "/"
            child = item.items.get(unquote(match[1]).lower())
            if child is None:
                raise Refuse(404, title="Not Found")
            item, path = child, path[match.end() :]

    async def _spend(self, what: str, item: Item | None = None) -> None:
        """Take the time that a controller takes; creates hold their folder."""
        cost = self.cost[what]
        if not cost or self._capacity is None:
            return
        if item is None:
            async with self._capacity:
                await asyncio.sleep(cost)
            return
        if item.lock is None:
            item.lock = asyncio.Lock()
        async with item.lock, self._capacity:
            await asyncio.sleep(cost)

    async def _crumb(self, item: Item, asked: Asked) -> Reply:
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

    async def _whoami(self, item: Item, asked: Asked) -> Reply:
        del item, asked
        return as_json({"_class": "hudson.security.WhoAmI", "anonymous": False, "name": "admin"})

    async def _plugins(self, item: Item, asked: Asked) -> Reply:
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

    async def _api(self, item: Item, asked: Asked) -> Reply:
        tree = (asked.query.get("tree") or [""])[0]
        fields = parse_tree(tree) if tree else None
        await self._spend("read")
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
                        "_class": "hudson.model.ListView",
                        "name": v.name,
                        "description": v.description,
                    }
                    for v in item.views.values()
                ]
                wanted = set(inner or {}) | {"_class"}
                data[name] = [{k: v for k, v in view.items() if k in wanted} for view in every]
            elif name == "builds" and item.java not in COMPUTED | {FOLDER}:
                builds = [{"building": running} for running in reversed(item.builds)]
                data[name] = cut(builds, bounds)
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
            "inQueue": False,
        }
        if item is self.top and name in {"name", "color", "inQueue"}:
            return ...
        return known.get(name, ...)

    async def _get_config(self, item: Item, asked: Asked) -> Reply:
        del asked
        if item is self.top:
            raise Refuse(404)
        await self._spend("read")
        self._allowed(item, "Job/ExtendedRead")
        return Reply(200, item.text.encode("utf-8"), "application/xml")

    async def _post_config(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Configure")
        await self._spend("update")
        text, java, description = self._stored(asked.body)
        if java != item.java:
            raise Refuse(500, title="Oops!")
        item.text, item.description = text, description
        item.disabled = "<disabled>true</disabled>" in text
        return Reply(200)

    def _stored(self, body: bytes) -> tuple[str, str, str | None]:
        """Check posted XML; stored as posted but for the prolog."""
        try:
            root = parse_stored(body.decode("utf-8"))
        except (ET.ParseError, UnicodeDecodeError):
            raise Refuse(500, title="Oops!") from None
        java = ROOTS.get(str(root.tag))
        if java is None:
            raise Refuse(500, title="Oops!")
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", body.decode("utf-8"))
        return '<?xml version="1.1" encoding="UTF-8"?>' + text, java, root.findtext("description")

    async def _create_item(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Create")
        if item is not self.top and item.java != FOLDER:
            raise Refuse(404)
        name = (asked.query.get("name") or [""])[0]
        if not asked.headers.get("content-type", "").startswith(("application/xml", "text/xml")):
            raise Refuse(400, "No mode given")
        check_name(name)
        await self._spend("create", item)
        self._create(item, name.strip(), asked.body)
        return Reply(200)

    def _create(self, item: Item, name: str, body: bytes) -> None:
        if name.lower() in item.items:
            raise Refuse(
                400,
                f"A job already exists with the name \u2018{name}\u2019".encode().decode("latin-1"),
            )
        if len(name.encode()) > 255:
            raise Refuse(500, title="Oops!")
        text, java, description = self._stored(body)
        made = Item(name, java, text, description, parent=item)
        made.disabled = "<disabled>true</disabled>" in text
        item.items[name.lower()] = made

    async def _create_view(self, item: Item, asked: Asked) -> Reply:
        name = (asked.query.get("name") or [""])[0]
        check_name(name)
        await self._spend("create", item)
        if name.lower() in item.views:
            raise Refuse(400, f'A view already exists with the name "{name}"')
        item.views[name.lower()] = self._view(name, asked.body)
        return Reply(200)

    def _view(self, name: str, body: bytes) -> View:
        try:
            root = parse_stored(body.decode("utf-8"))
        except ET.ParseError:
            raise Refuse(500, title="Oops!") from None
        text = saved(root)
        return View(name, text, root.findtext("description"))

    def _named_view(self, item: Item, name: str) -> View:
        view = item.views.get(name.lower())
        if view is None:
            raise Refuse(404)
        return view

    async def _get_view(self, item: Item, asked: Asked, name: str) -> Reply:
        del asked
        return Reply(200, self._named_view(item, name).text.encode(), "application/xml")

    async def _view_api(self, item: Item, asked: Asked, name: str) -> Reply:
        del asked
        return as_json({"name": self._named_view(item, name).name})

    async def _post_view(self, item: Item, asked: Asked, name: str) -> Reply:
        old = self._named_view(item, name)
        await self._spend("update")
        item.views[name.lower()] = self._view(old.name, asked.body)
        return Reply(200)

    async def _delete_view(self, item: Item, asked: Asked, name: str) -> Reply:
        del asked
        self._named_view(item, name)
        del item.views[name.lower()]
        return Reply(302, headers={"Location": f"{self.url}/"})

    async def _disable(self, item: Item, asked: Asked) -> Reply:
        return self._switch(item, asked, disabled=True)

    async def _enable(self, item: Item, asked: Asked) -> Reply:
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

    async def _delete(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Delete")
        if item is self.top or item.parent is None:
            raise Refuse(404)
        del item.parent.items[item.name.lower()]
        if asked.method == "DELETE":
            return Reply(204)
        return Reply(302, headers={"Location": ".."})

    async def _rename(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Configure")
        new = (asked.query.get("newName") or [""])[0]
        check_name(new)
        assert item.parent is not None
        if new.lower() in item.parent.items:
            raise Refuse(400, f"The name {new} is already in use.")
        del item.parent.items[item.name.lower()]
        item.name = new
        item.parent.items[new.lower()] = item
        return Reply(302, headers={"Location": "."})

    async def _move(self, item: Item, asked: Asked) -> Reply:
        self._allowed(item, "Job/Move")
        destination = (asked.query.get("destination") or [""])[0].strip("/")
        target = self.find(destination)
        if target is None or item.parent is None:
            raise Refuse(400, "No such destination")
        if item.name.lower() in target.items:
            raise Refuse(400, f"{item.name} exists in the destination")
        del item.parent.items[item.name.lower()]
        item.parent = target
        target.items[item.name.lower()] = item
        return Reply(302, headers={"Location": "."})

    async def _build(self, item: Item, asked: Asked) -> Reply:
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
    return ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))  # noqa: S314


def saved(root: ET.Element) -> str:
    """Write a job as XStream does when Jenkins saves it."""
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
    parser.add_argument("--create-ms", type=float, default=0)
    parser.add_argument("--update-ms", type=float, default=0)
    parser.add_argument("--read-ms", type=float, default=0)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    controller = JobsController(
        port=options.port,
        create=options.create_ms / 1000,
        update=options.update_ms / 1000,
        read=options.read_ms / 1000,
        cores=options.cores,
    )
    with controller:
        print(controller.url, flush=True)  # noqa: T201 - tells the port
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
