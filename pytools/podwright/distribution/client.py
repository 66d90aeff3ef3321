"""A registry over HTTP: logins, tokens, retries, redirects.

Sources: OCI distribution-spec 1.1 (routes, errors), distribution/distribution
docs/spec/auth/token.md and oauth.md (tokens), RFC 9110 (Retry-After).
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import ssl
import sys
import time
import urllib.parse
from _thread import allocate_lock  # threading loads much more, and nothing else here needs it

from podwright.errors import PodwrightError
from podwright.records import field, record
from podwright.references import DOCKER_HUB
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    import urllib.request as proxies
    from collections.abc import Callable, Iterable, Mapping
    from typing import BinaryIO, TypeVar, Union

    from podwright.request import Registry

    T = TypeVar("T")
    Body = Union[bytes, Iterable[bytes], None]
else:
    proxies = LazyModule("urllib.request")

# Docker Hub's API is not at the address that its names carry.
_HUB_API = "registry-1.docker.io"
_TRANSIENT = {429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
TIMEOUT = 60.0  # seconds without a byte until a connection counts as lost
PATIENCE = 120.0  # seconds for which transient failures are tried again
CHUNK = 1 << 20


@record
class Login:
    """Who one is at a registry.

    Attributes:
        user: '' for nobody.
        password: of the user.
        identity: a refresh token (docker's `identitytoken`), in place of both.
    """

    user: str = ""
    password: str = ""
    identity: str = ""

    @property
    def basic(self) -> str:
        """Give the value of the header Authorization; '' for nobody."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}" if self.user else ""


class Transient(Exception):  # noqa: N818 - an answer, rather than a fault
    """What may be gone at the next try.

    Attributes:
        wait: seconds that the registry asks for.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


@record
class Response:
    """An answer whose body is yet to be read.

    Attributes:
        status: of HTTP.
        headers: with names in lower case.
        stream: the body.
        close: ends the connection.
    """

    status: int
    headers: Mapping[str, str]
    stream: BinaryIO
    close: Callable[[], None] = field(default=lambda: None)

    def body(self) -> bytes:
        """Read all of it.

        Raises:
            Transient: the connection broke.
        """
        try:
            return self.stream.read()
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"the connection broke: {error}") from None
        finally:
            self.close()


class Client:
    """One registry; threads may share it.

    Args:
        host: as image names have it.
        setting: plain HTTP, TLS.
        login: who asks; nobody when it is empty.
        patience: seconds for which transient failures are tried again.
        timeout: seconds without a byte until a connection counts as lost.
    """

    def __init__(
        self,
        host: str,
        setting: Registry,
        login: Login,
        patience: float = PATIENCE,
        timeout: float = TIMEOUT,
    ) -> None:
        self.host = host
        self.login = login
        self.patience = patience
        self.timeout = timeout
        self.scheme = "http" if setting.http else "https"
        self.address = _HUB_API if host == DOCKER_HUB else host
        self.tls = _tls(setting)
        self._tokens: dict[str, str] = {}
        self._lock = allocate_lock()

    @property
    def origin(self) -> str:
        """Give the address as a URL without a path."""
        return f"{self.scheme}://{self.address}"

    def patiently(self, action: Callable[[], T]) -> T:
        """Try an action again while its failures are transient.

        Raises:
            PodwrightError: they did not end.
        """
        until, pause = time.monotonic() + self.patience, 1.0
        while True:
            try:
                return action()
            except Transient as error:
                wait = max(pause, error.wait)
                if time.monotonic() + wait > until:
                    raise PodwrightError(
                        f"{self.host}: {error}, also after {self.patience:.0f} s of tries; "
                        "run the same again later: what is there already is not sent again"
                    ) from None
                time.sleep(wait)
                pause = min(2 * pause, 16.0)

    def ask(
        self,
        method: str,
        path: str,
        scope: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Give status, headers and body of an answer, tried again as need be.

        Args:
            method: of HTTP.
            path: from `/v2/` on, or a URL that the registry gave.
            scope: what the token must allow.
            headers: beside those of login.
            body: what is sent.
        """

        def once() -> tuple[int, Mapping[str, str], bytes]:
            answer = self.open(method, path, scope, headers, body)
            return answer.status, answer.headers, answer.body()

        return self.patiently(once)

    def open(
        self,
        method: str,
        path: str,
        scope: str,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
    ) -> Response:
        """Send one request, with a token as the registry wants it, and follow redirects.

        A body that is no bytes is sent once: who gives it tries again by itself.

        Raises:
            Transient: the connection broke, or the registry is busy.
        """
        url = urllib.parse.urljoin(self.origin, path)
        used = proof = self._tokens.get(scope, "")
        answer = self._send(method, url, headers or {}, body, proof)
        if answer.status == http.client.UNAUTHORIZED:
            proof = self._proof(answer.headers.get("www-authenticate", ""), scope, used)
            if proof:
                answer.close()
            if proof and (body is None or isinstance(body, bytes)):
                answer = self._send(method, url, headers or {}, body, proof)
            elif proof:
                raise Transient("the token has run out")
        for _ in range(5):
            target = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or method not in ("GET", "HEAD") or not target:
                break
            answer.close()
            url = urllib.parse.urljoin(url, target)
            answer = self._send(method, url, headers or {}, None, proof)
        if answer.status in _TRANSIENT:
            answer.close()
            raise Transient(f"answered {answer.status}", _retry_after(answer.headers))
        return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, proof: str
    ) -> Response:
        """Send one request; the login goes to the registry's own origin alone."""
        parts = urllib.parse.urlsplit(url)
        own = f"{parts.scheme}://{parts.netloc}" == self.origin
        all_headers = {**headers, **({"Authorization": proof} if own and proof else {})}
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        link = self._connect(parts.scheme, parts.netloc)
        try:
            link.request(method, target, body, all_headers)
            got = link.getresponse()
        except (OSError, http.client.HTTPException) as error:
            link.close()
            if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
                raise PodwrightError(
                    f"{parts.netloc}: there is no such host; check its spelling, and the DNS"
                ) from None
            if isinstance(error, ssl.SSLCertVerificationError):
                raise PodwrightError(
                    f"{parts.netloc}: the certificate is not trusted ({error.verify_message}); "
                    f"give its authority: registries: ['{self.host}': [ca: 'ca.pem']]"
                ) from None
            raise Transient(f"cannot be reached: {error}") from None
        return Response(got.status, {k.lower(): v for k, v in got.getheaders()}, got, link.close)

    def _connect(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        """Open a connection; with TLS by the proxy of the environment (HTTPS_PROXY, NO_PROXY)."""
        if scheme != "https":
            return http.client.HTTPConnection(netloc, timeout=self.timeout)
        proxy = _proxy(netloc)
        link = http.client.HTTPSConnection(proxy or netloc, timeout=self.timeout, context=self.tls)
        if proxy:
            link.set_tunnel(netloc)
        return link

    def _proof(self, challenge: str, scope: str, used: str) -> str:
        """Give what a registry's challenge wants in Authorization; '' when there is nothing new.

        Another thread may have asked for it meanwhile.
        """
        kind, _, rest = challenge.partition(" ")
        with self._lock:
            known = self._tokens.get(scope, "")
            if known != used:
                return known
            proof = self.login.basic
            if kind.lower() == "bearer":
                asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
                proof = f"Bearer {self._token(asked, scope)}"
            self._tokens[scope] = proof
        return "" if proof == used else proof

    def _token(self, asked: Mapping[str, str], scope: str) -> str:
        realm = asked.get("realm", "")
        query = {"service": asked.get("service", ""), "scope": scope}
        headers, body, method = {}, None, "GET"
        if self.login.identity:
            form = {**query, "grant_type": "refresh_token", "client_id": "podwright"}
            body = urllib.parse.urlencode({**form, "refresh_token": self.login.identity}).encode()
            headers["Content-Type"], method = "application/x-www-form-urlencoded", "POST"
        elif self.login.user:
            headers["Authorization"] = self.login.basic
        url = realm if body else f"{realm}?{urllib.parse.urlencode(query)}"
        answer = self._send(method, url, headers, body, "")
        if answer.status in _TRANSIENT:
            answer.close()
            raise Transient(f"{realm} answered {answer.status}", _retry_after(answer.headers))
        text = answer.body()
        try:
            found = json.loads(text) if answer.status == http.client.OK else {}
        except ValueError:
            found = {}
        token = found.get("token") or found.get("access_token") or ""
        if not token:
            raise PodwrightError(refused(self.host, answer.status, text, "logging in"))
        return str(token)


_prepared: list[ssl.SSLContext] = []


def prepare() -> None:
    """Read the system's authorities for the next client: it takes as long as a question does."""
    _prepared.append(ssl.create_default_context())


def _tls(setting: Registry) -> ssl.SSLContext:
    # Each client has one of its own: what it trusts is no other one's business.
    context = _prepared.pop() if _prepared else ssl.create_default_context()
    # Python 3.13 began to refuse authorities without a key usage, which builders take.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if setting.ca:
        context.load_verify_locations(cadata=setting.ca)
    if setting.skipTlsVerify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy(netloc: str) -> str:
    """Give the address of the proxy to a host, as the environment or the system names it."""
    named = any(name.lower().endswith("_proxy") for name in os.environ)
    if not named and sys.platform == "linux":
        return ""  # a system of another kind has settings of its own
    address = proxies.getproxies().get("https", "")
    proxy = urllib.parse.urlsplit(address).netloc.rpartition("@")[2]
    return "" if proxy and proxies.proxy_bypass(netloc) else proxy


def _retry_after(headers: Mapping[str, str]) -> float:
    """Give the seconds that a busy server asks for; a date counts as none."""
    text = headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,4}", text) else 0.0


_REMEDIES = {
    401: "the registry refused the login; check user, password and rights",
    403: "this login may not do it; give it the right, or use another",
    404: "there is no such thing; correct the name",
    405: "the registry does not allow it; its administrator can switch it on",
    413: "a proxy before it limits sizes; raise the limit",
}


def refused(host: str, status: int, body: bytes, doing: str) -> str:
    """Give the sentence for an answer that is a refusal.

    Args:
        host: the registry.
        status: of HTTP.
        body: the registry's own words, as the specification's `errors` or any text.
        doing: what was tried.
    """
    try:
        first = json.loads(body)["errors"][0]
        words = f"{first.get('code', '')}: {first.get('message', '')}".strip(": ")
    except (ValueError, LookupError, TypeError, AttributeError):
        words = ""
    said = f" ({words[:200]})" if words else ""
    remedy = _REMEDIES.get(status, "look at the registry's log")
    return f"{doing}: {host} answered {status}{said}; {remedy}"
