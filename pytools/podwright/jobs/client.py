"""The one client of a Jenkins controller: python-jenkins' addresses, fewer requests.

python-jenkins asks whether a job exists, creates it and asks again; here a create is one request,
and what its answer leaves open is cleared only when there is doubt. On top come what a controller
needs that is slow, restarting or behind a proxy: pooled connections, gzip, retries within a stated
patience, crumbs only where they are asked for, bounded answers, and no redirects at all.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import jenkins
import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.cookies import RequestsCookieJar

from podwright.errors import PodwrightError, UsageError
from podwright.jobs import names

XML = "application/xml; charset=utf-8"
FORM = "application/x-www-form-urlencoded"
# A controller with 100,000 jobs answers a tree query with about 20 MB.
MOST_BYTES = 256 * 2**20
BUSY = frozenset({429, 502, 503, 504})
CRUMB_TRIES = 4
FIRST_WAIT = 0.25
LONGEST_WAIT = 8.0
MOVED = range(300, 400)
DENIED = 403
MISSING = 404
CHUNK = 1 << 16
JOB = "%(folder_url)sjob/%(short_name)s"
_BROKEN = (
    *(exceptions.ConnectionError, exceptions.Timeout),
    *(exceptions.ChunkedEncodingError, exceptions.ContentDecodingError),
)


class ControllerError(PodwrightError):
    """The controller, or the way to it, is at fault."""


class Fatal(ControllerError):  # noqa: N818 - says what it means
    """Nothing else needs to be tried: no access, no controller, patience at its end."""


class RequestRefused(ControllerError):  # noqa: N818 - says what it means
    """The controller refused one request; others may go well.

    Attributes:
        status: the HTTP status.
        reason: what the controller said, in one line.
    """

    def __init__(self, sentence: str, status: int, reason: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Access:
    """How to reach a controller.

    Attributes:
        url: its root address.
        user: a user's name; empty for anonymous access.
        secret: an API token or password; never shown.
        ca: file with certificates of an own authority; empty for those of the system.
        timeout: seconds to wait for one answer.
        patience: seconds to go on trying while the controller is down or overloaded.
        first_patience: the same for the very first request, unless it answers that it starts up.
        workers: how many requests run at the same time at most.
        headers: further headers of each request, one a line; some proxies want them.
    """

    url: str
    user: str = ""
    secret: str = field(default="", repr=False)
    ca: str = ""
    timeout: float = 60.0
    patience: float = 120.0
    first_patience: float = 10.0
    workers: int = 8
    headers: str = field(default="", repr=False)


@dataclass(frozen=True)
class ControllerAnswer:
    """One answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people."""
        return "html" in self.headers.get("Content-Type", "").lower()

    def reason(self) -> str:
        """Give the controller's words in one line: its header, else the title of its page."""
        said = self.headers.get("X-Error", "")
        if not said and self.is_html:
            page = self.body[:100_000].decode("utf-8", "replace")
            begin, end = page.lower().find("<title>"), page.lower().find("</title>")
            said = page[begin + 7 : end] if 0 <= begin < end else ""
        return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:300]


class Controller:
    """A Jenkins controller; may be used by several threads.

    Attributes:
        access: how it is reached.
        requests: how many requests were sent.
    """

    def __init__(self, access: Access, say: Callable[[str], None] = lambda _: None) -> None:
        self.access = access
        self.requests = 0
        self._say = say
        self._lock = threading.Lock()
        self._crumb_lock = threading.Lock()
        self._crumb: dict[str, str] = {}
        self._answered = False
        self._is_jenkins = False
        self._told: dict[str, float] = {}
        self._checked_url()
        self._server = access.url.rstrip("/") + "/"
        self._session = self._make_session()
        self._blank = self._session.prepare_request(requests.Request("GET", self._server))
        self._settings = self._session.merge_environment_settings(
            self._server, {}, stream=True, verify=access.ca or None, cert=None
        )

    def _checked_url(self) -> None:
        parts = urlsplit(self.access.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(
                f"the address {names.printable(self.access.url)} is not a URL; "
                "write https://host/ with the path that Jenkins has there"
            )
        if parts.username or parts.password:
            raise UsageError(
                "the controller's address holds a user or password; give them as JENKINS_USER and "
                "JENKINS_TOKEN instead"
            )

    def _make_session(self) -> requests.Session:
        """Set up a session: pool, gzip, no cookies of its own, TLS verified."""
        session = requests.Session()
        adapter = HTTPAdapter(
            pool_connections=1, pool_maxsize=max(self.access.workers, 1), pool_block=True
        )
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        session.verify = self.access.ca or True
        session.auth = None
        # Cookies are sent only together with the crumb that belongs to them.
        session.cookies = _NoCookies()
        if self.access.user:
            session.auth = HTTPBasicAuth(self.access.user.encode(), self.access.secret.encode())
        session.headers["Accept-Encoding"] = "gzip, deflate"
        for line in self.access.headers.split("\n"):
            name, mark, text = line.partition(":")
            if mark:
                session.headers[name] = text.strip()
        return session

    # -- addresses ---------------------------------------------------------------------------

    def _address_of(self, form: str, name: str, **more: str) -> str:
        """Fill a name into one of python-jenkins' forms of addresses."""
        *folders, short = names.segments(name)
        words = {"folder_url": "".join(f"job/{part}/" for part in folders), "short_name": short}
        words = {**words, "name": name, **more}
        return self._server + form % {key: quote(word) for key, word in words.items()}

    # -- requests ----------------------------------------------------------------------------

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        *,
        kind: str = XML,
        redirect_is_fine: bool = False,
    ) -> ControllerAnswer:
        """Send one request; tries again while the controller is down or busy.

        Args:
            method: HTTP method.
            url: the whole address, on the controller's own host.
            body: what to post.
            kind: its type of content.
            redirect_is_fine: a redirect is a good answer (as of ``disable``).

        Raises:
            Fatal: without access, without a controller, or at the end of patience.
            Refused: the controller said no to this request.
        """
        crumbs = 0
        started = time.monotonic()
        wait = FIRST_WAIT
        while True:
            crumb = self._crumb
            trouble, answer = self._send_once(method, url, body, {**crumb, "Content-Type": kind})
            if answer is not None:
                if not _wants_crumb(method, answer):
                    self._answered = True
                    return self._check_answer(
                        answer, method, url, redirect_is_fine=redirect_is_fine
                    )
                crumbs += 1
                if crumbs > CRUMB_TRIES:
                    raise Fatal(
                        f"{self._path_of(url)}: the controller accepts no crumb; log in with an "
                        "API token, which needs none"
                    )
                self._fetch_crumb(crumb)
                continue
            self._pause(trouble, url, started, wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _pause(self, trouble: tuple[str, bool, str], url: str, started: float, wait: float) -> None:
        """Wait before the next try, unless patience is at its end."""
        patience = self.access.patience
        if not self._answered and trouble[1]:
            patience = min(patience, self.access.first_patience)
        if time.monotonic() - started + wait > patience:
            raise Fatal(f"{self._path_of(url)}: {trouble[0]} for {patience:g} s; {trouble[2]}")
        self._say_once(f"{trouble[0]}; trying again")
        time.sleep(wait * random.uniform(0.75, 1.25))  # noqa: S311 - spreads the workers

    def _send_once(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[tuple[str, bool, str], ControllerAnswer | None]:
        """Send once.

        Returns:
            What is wrong (sentence, whether the way is at fault, remedy) and, if good, the answer.
        """
        if body is None:
            del headers["Content-Type"]
        try:
            answer = self._round_trip(method, url, body, headers)
        except exceptions.SSLError as error:
            raise Fatal(
                f"{self._path_of(url)}: the certificate is not trusted ({_root_cause(error)}); "
                "give the authority's file with --ca"
            ) from None
        except _BROKEN as error:
            what = f"cannot reach the controller ({_root_cause(error)})"
            host = urlsplit(self.access.url).netloc.rpartition("@")[2]  # without a login
            return (what, True, f"check the address {host}, and whether Jenkins runs"), None
        except exceptions.RequestException as error:
            raise Fatal(f"{self._path_of(url)}: {_root_cause(error)}") from None
        if answer.status in BUSY:
            what = f"the controller answers {answer.status}"
            starting = answer.status == 503  # noqa: PLR2004 - what Jenkins says while it starts
            what += " (it is starting up)" if starting and _is_starting(answer) else ""
            return (what, False, "try later, or give it more --patience"), None
        return ("", False, ""), answer

    def _round_trip(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> ControllerAnswer:
        # Preparing each anew would take as long as a third of sending it.
        prepared = self._blank.copy()
        prepared.method, prepared.url, prepared.body = method, url, body
        prepared.headers.update(headers)
        if body is not None:
            prepared.headers["Content-Length"] = str(len(body))
        with self._lock:
            self.requests += 1
        response = self._session.send(
            prepared, timeout=self.access.timeout, allow_redirects=False, **self._settings
        )
        try:
            return ControllerAnswer(
                response.status_code, response.headers, self._read_bounded(response)
            )
        finally:
            response.close()

    def _read_bounded(self, response: requests.Response) -> bytes:
        """Read an answer up to a bound, also when it is compressed."""
        parts, size = [], 0
        for part in response.iter_content(CHUNK):
            size += len(part)
            if size > MOST_BYTES:
                raise Fatal(
                    f"{self._path_of(response.url)}: the answer is larger than "
                    f"{MOST_BYTES // 2**20} MB; is this the controller?"
                )
            parts.append(part)
        return b"".join(parts)

    def _check_answer(
        self, answer: ControllerAnswer, method: str, url: str, *, redirect_is_fine: bool
    ) -> ControllerAnswer:
        """Turn bad answers into sentences."""
        status, path = answer.status, self._path_of(url)
        self._is_jenkins = self._is_jenkins or "X-Jenkins" in answer.headers
        if status in MOVED:
            return self._check_redirect(answer, path, redirect_is_fine=redirect_is_fine)
        if status == 401:  # noqa: PLR2004
            raise Fatal(
                f"{self.access.url}: the controller does not know user "
                f"'{self.access.user or 'anonymous'}' with this token or password; check "
                "JENKINS_USER and JENKINS_TOKEN"
            )
        if status == DENIED and not self.access.user:
            raise Fatal(
                f"{self.access.url}: the controller refuses anonymous access; set JENKINS_USER and "
                "JENKINS_TOKEN"
            )
        if status >= 400:  # noqa: PLR2004
            reason = answer.reason()
            raise RequestRefused(f"{method} {path}: {status} {reason}".rstrip(), status, reason)
        # Jenkins answers a POST with nothing, or with the way to a page.
        if answer.is_html and answer.body.strip():
            raise Fatal(
                f"{path}: this is a web page, not an answer of Jenkins' interface; is there a "
                "login page in front of it, or is the address wrong?"
            )
        return answer

    def _check_redirect(
        self, answer: ControllerAnswer, path: str, *, redirect_is_fine: bool
    ) -> ControllerAnswer:
        """Accept redirects as answers of actions; never follow one."""
        target = urlsplit(answer.headers.get("Location", ""))
        if target.path.rstrip("/").endswith(("/login", "/securityRealm/commenceLogin")):
            raise Fatal(f"{path}: the controller wants a login; set JENKINS_USER and JENKINS_TOKEN")
        # Behind a proxy Jenkins names itself by its configured address; the action was done.
        if redirect_is_fine:
            return answer
        where = f"{target.scheme}://{target.netloc}" if target.netloc else target.path
        raise Fatal(
            f"{path}: the controller redirects to {names.printable(where)}, and credentials are "
            "never sent after a redirect; give that address as JENKINS_URL if it is the right one"
        )

    def _path_of(self, url: str) -> str:
        """Name a request without its host and query."""
        parts = urlsplit(url)
        return parts.path or "/"

    def _say_once(self, sentence: str) -> None:
        """Say what is being waited for, but not for every worker and every try."""
        now = time.monotonic()
        with self._lock:
            due = now - self._told.get(sentence, -60.0) > 5.0  # noqa: PLR2004 - seconds
            if due:
                self._told[sentence] = now
        if due:
            self._say(sentence)

    def _fetch_crumb(self, used: dict[str, str]) -> None:
        """Fetch a crumb and the session that it belongs to; one thread does it for all.

        Args:
            used: the crumb that was refused; when it is not the current one, another thread has
                fetched a new one meanwhile.
        """
        with self._crumb_lock:
            if self._crumb is not used:
                return
            self._crumb = {}
            try:
                answer = self.send("GET", self._server + jenkins.CRUMB_URL)
            except RequestRefused:
                return  # no crumbs are issued there; the request will say why it was refused
            data = parsed_json(answer, "/crumbIssuer")
            crumb = {str(data["crumbRequestField"]): str(data["crumb"])}
            cookie = _session_cookie(answer)
            if cookie:
                crumb["Cookie"] = cookie
            self._crumb = crumb

    # -- what the rest of the program asks for ---------------------------------------------

    def tree(self, query: str, name: str = "") -> dict[str, Any]:
        """Ask for some properties of the top or of a folder.

        Args:
            query: the ``tree`` parameter.
            name: full name of a folder; empty for the top.

        Raises:
            Fatal: when what answers is not Jenkins.
        """
        base = self._address_of(f"{JOB}/", name) if name else self._server
        try:
            answer = self.send("GET", f"{base}api/json?tree={query}")
        except RequestRefused as error:
            if error.status == MISSING and name and self._is_jenkins:
                return {}
            if error.status == MISSING and not self._is_jenkins:
                raise self._no_jenkins() from None
            raise
        if not self._is_jenkins:
            raise self._no_jenkins()
        return parsed_json(answer, "/api/json")

    def _no_jenkins(self) -> Fatal:
        return Fatal(
            f"{self.access.url}: this server is not Jenkins (the header X-Jenkins is missing); "
            "check the address"
        )

    def config(self, name: str, *, view: bool = False) -> str | None:
        """Read the XML of a job or view; None when there is none."""
        form = jenkins.CONFIG_VIEW if view else jenkins.CONFIG_JOB
        try:
            answer = self.send("GET", self._address_of(form, name))
        except RequestRefused as error:
            if error.status == MISSING:
                return None
            raise
        # The header names no charset; the file is UTF-8.
        return answer.body.decode("utf-8", "replace")

    def create(self, name: str, xml: bytes, *, view: bool = False) -> None:
        """Create a job or view."""
        self.send(
            "POST", self._address_of(jenkins.CREATE_VIEW if view else jenkins.CREATE_JOB, name), xml
        )

    def update(self, name: str, xml: bytes, *, view: bool = False) -> None:
        """Replace the XML of a job or view; builds stay."""
        self.send(
            "POST", self._address_of(jenkins.CONFIG_VIEW if view else jenkins.CONFIG_JOB, name), xml
        )

    def disable(self, name: str) -> None:
        """Make a job refuse builds."""
        self.send("POST", self._address_of(jenkins.DISABLE_JOB, name), b"", redirect_is_fine=True)

    def describe(self, name: str, text: str) -> None:
        """Replace the description of a job alone."""
        url = self._address_of(f"{JOB}/submitDescription", name)
        body = f"description={quote(text)}".encode("ascii")
        self.send("POST", url, body, kind=FORM, redirect_is_fine=True)

    def delete(self, name: str, *, view: bool = False) -> None:
        """Delete a job, folder or view; done when it is gone already."""
        form = jenkins.DELETE_VIEW if view else jenkins.DELETE_JOB
        try:
            self.send("POST", self._address_of(form, name), b"", redirect_is_fine=True)
        except RequestRefused as error:
            if error.status != MISSING:
                raise

    def rename(self, old: str, new: str) -> None:
        """Rename within a folder; builds stay."""
        form = f"{JOB}/confirmRename?newName=%(new)s"
        url = self._address_of(form, old, new=names.segments(new)[-1])
        self.send("POST", url, b"", redirect_is_fine=True)

    def move(self, old: str, folder: str) -> None:
        """Move into another folder (empty for the top); builds stay."""
        url = self._address_of(f"{JOB}/move/move?destination=%(to)s", old, to=f"/{folder}")
        self.send("POST", url, b"", redirect_is_fine=True)

    def plugins(self) -> dict[str, str] | None:
        """List the active plugins with their versions; None without the right to see them."""
        url = f"{self._server}pluginManager/api/json?tree=plugins[shortName,version,active]"
        try:
            answer = self.send("GET", url)
        except RequestRefused:
            return None
        found = parsed_json(answer, "/pluginManager").get("plugins") or []
        return {item["shortName"]: str(item["version"]) for item in found if item.get("active")}


class _NoCookies(RequestsCookieJar):
    """A jar that keeps nothing: with a token no session is wanted, with a crumb it is explicit."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep nothing."""

    def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""


def _session_cookie(answer: ControllerAnswer) -> str:
    raw = answer.headers.get("Set-Cookie", "")
    pairs = [part.strip().split(";", 1)[0] for part in raw.split(",")]
    return "; ".join(pair for pair in pairs if "=" in pair and "session" in pair.lower())


def _wants_crumb(method: str, answer: ControllerAnswer) -> bool:
    return method == "POST" and answer.status == DENIED and b"crumb" in answer.body[:20_000].lower()


def _is_starting(answer: ControllerAnswer) -> bool:
    return b"getting ready" in answer.body or b"starting" in answer.body.lower()


def _root_cause(error: BaseException) -> str:
    """Find the innermost reason of a library's exception, in one line, without addresses."""
    inner: Any = error
    while True:
        reason = getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(reason, BaseException) or reason is inner:
            break
        inner = reason
    text = " ".join(str(getattr(inner, "strerror", None) or inner).split())
    text = re.sub(r" ?\(_ssl\.c:[0-9]+\)", "", text)
    return text.rsplit(": ", 1)[-1][:200] or type(inner).__name__


def parsed_json(answer: ControllerAnswer, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        Fatal: when it is none.
    """
    try:
        data = json.loads(answer.body)
    except ValueError:
        raise Fatal(
            f"{what}: the answer is no JSON ({len(answer.body)} bytes); it may have been cut "
            "short, or the address is not that of a controller"
        ) from None
    if not isinstance(data, dict):
        raise Fatal(f"{what}: the answer is no JSON object; check the address")
    return data
