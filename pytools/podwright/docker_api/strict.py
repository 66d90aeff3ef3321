"""Reading a request in the one way that leaves no second reading: URI, query, headers and JSON.

The engine is written in Go. Where Go is generous (JSON names in any case, the last of two equal
names wins, parameters from a form body, path segments that contain slashes), this module refuses,
so that what the policy judged is what the engine will do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_URI = 32 * 1024
MAX_BODY = 4 * 1024 * 1024  # the engine forwards no more (moby pkg/authorization, maxBodySize)
MAX_DEPTH = 24
OLDEST_API = (1, 24)  # before it, /containers/{id}/start took a HostConfig

_VERSION = re.compile(r"/v([1-9])\.([1-9][0-9]{0,2}|0)(?=/)")
_PRINTABLE = re.compile(r"[!-~]+\Z")
_ODD_VERSION = re.compile(r"v[0-9.]+\Z")  # which the engine takes for a version
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]*\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# Clients may escape these in names (docker-py writes %40); anything else escaped is a trick.
_ESCAPED_OK = frozenset("@:+")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Refused(Exception):  # noqa: N818  it is a decision, not an error
    """A request that is not allowed.

    Attributes:
        rule: stable name of the rule, for logs and tests.
        message: a sentence for the user: what is wrong, what to do; never contains the body.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"[{rule}] {message}")
        self.rule = rule
        self.message = message


@record
class Target:
    """A request target, taken apart.

    Attributes:
        version: API version of the path's prefix, or None when it has none.
        segments: the path behind the prefix, decoded.
        query: parameter names to all their values, decoded, in order.
    """

    version: tuple[int, int] | None
    segments: tuple[str, ...]
    query: Mapping[str, tuple[str, ...]]

    @property
    def path(self) -> str:
        """The path without the version's prefix."""
        return "/" + "/".join(self.segments)


def parse_target(uri: str) -> Target:
    """Take a request target (RequestUri) apart.

    Raises:
        Refused: absolute form, fragments, empty or dot segments, escapes that hide something,
            unprintable characters, a version that the engine would read otherwise.
    """
    if len(uri) > MAX_URI:
        raise Refused("request.uri", f"the request target is longer than {MAX_URI} characters")
    if not _PRINTABLE.match(uri):
        raise Refused("request.uri", "the request target has characters that need no escaping here")
    if not uri.startswith("/") or "#" in uri or "\\" in uri:
        raise Refused("request.uri", "the request target must be a path that starts with one slash")
    path, question, query = uri.partition("?")
    match = _VERSION.match(path)
    version = None
    if match:
        version = (int(match[1]), int(match[2]))
        path = path[match.end() :]
        if version < OLDEST_API:
            raise Refused(
                "request.version", "API versions before 1.24 are refused; update the client"
            )
    segments = tuple(_segment(part) for part in path[1:].split("/"))
    if _ODD_VERSION.match(segments[0]):
        raise Refused("request.version", "the API version is oddly written; write it as v1.44")
    return Target(version, segments, parse_query(query) if question else {})


def _segment(part: str) -> str:
    """Decode one path segment once, and only what clients really escape."""
    for escape in _ESCAPE.findall(part):
        if chr(int(escape, 16)) not in _ESCAPED_OK:
            raise Refused("request.uri", "the path hides characters behind percent escapes")
    decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), part)
    if not _SEGMENT.match(decoded):
        raise Refused(
            "request.uri",
            "the path has an empty, dotted or oddly written segment; write it plainly",
        )
    return decoded


def parse_query(text: str) -> dict[str, tuple[str, ...]]:
    """Decode a query as Go's url.ParseQuery does, and refuse what the two could read differently.

    Raises:
        Refused: semicolons, broken escapes, invalid UTF-8, escaped or odd parameter names.
    """
    found: dict[str, tuple[str, ...]] = {}
    if not text:
        return found
    if ";" in text:
        raise Refused("request.query", "the query has a semicolon; escape it as %3B")
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if not re.match(r"[A-Za-z][A-Za-z0-9_-]*\Z", name):
            raise Refused("request.query", "a parameter's name is escaped or oddly written")
        found[name] = (*found.get(name, ()), _decode(value))
    return found


def _decode(value: str) -> str:
    """One query value: plus is a space, escapes must be whole, the result must be UTF-8."""
    if value.count("%") != len(_ESCAPE.findall(value)):
        raise Refused("request.query", "a parameter's value has a broken percent escape")
    try:
        text = unquote_to_bytes(value.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("request.query", "a parameter's value is no UTF-8") from None
    if "\0" in text:
        raise Refused("request.query", "a parameter's value has a zero character")
    return text


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; two names that Go could take for one are refused."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused("body.duplicate", "the body names a field twice; name each field once")
    return result


def _constant(_: str) -> NoReturn:
    raise Refused("body.json", "the body has NaN or Infinity, which is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, strict=True)


def parse_json(body: bytes) -> Any:
    """Read exactly one JSON value, without any of the liberties that readers take.

    Raises:
        Refused: too large, invalid UTF-8, a byte order mark, trailing data, names given twice,
            lone surrogates, nesting beyond MAX_DEPTH.
    """
    if len(body) > MAX_BODY:
        raise Refused("body.size", f"the body is larger than {MAX_BODY} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("body.json", "the body is no UTF-8") from None
    return parse_json_text(text)


def parse_json_text(text: str) -> Any:
    """As :func:`parse_json`, for text that is decoded already (values of query parameters)."""
    if "\0" in text or text.startswith("\ufeff"):
        raise Refused("body.json", "the body has zero characters or a byte order mark")
    stripped = text.strip(" \t\r\n")
    try:
        value, end = _DECODER.raw_decode(stripped)
    except (ValueError, RecursionError):
        raise Refused("body.json", "the body is not valid JSON") from None
    if end != len(stripped):
        raise Refused("body.json", "the body goes on after its JSON value; send one value")
    if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
        _walk(value, 0)
    return value


def _walk(value: Any, depth: int) -> None:
    """Refuse lone surrogates (Go replaces them, Python keeps them) and deep nesting."""
    if depth > MAX_DEPTH:
        raise Refused("body.json", f"the body is nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise Refused("body.json", "the body has half of a character (lone surrogate)")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _walk(name, depth)
            _walk(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _walk(inner, depth + 1)


def cannot_be(method: str, segments: tuple[str, ...]) -> str:
    """What the engine says about a thing that cannot be there; empty for all others.

    ``docker inspect team/app:1`` asks for a container first, goes on when there is none, and asks
    for a plugin last, of which there never is one here.
    """
    kind, *name = segments
    if method != "GET" or len(name) < 2:  # noqa: PLR2004
        return ""
    called = "/".join(name[:-1])
    if kind == "plugins" and name[-1] == "json":
        return f"plugin {called} not found"
    if kind == "containers" and name[-1] == "json" and "/" in called:
        return f"No such container: {called}"
    return "page not found" if kind in ("networks", "volumes") else ""


def fold(name: str) -> str:
    """As Go compares the names of fields: by case, where a long s and the Kelvin sign count too."""
    return name.replace("\u017f", "s").lower()


def header(headers: Mapping[str, str], name: str) -> str | None:
    """One header by its name in any case; None when absent.

    Raises:
        Refused: present twice under different spellings.
    """
    wanted = name.lower()
    found = [value for key, value in headers.items() if key.lower() == wanted]
    if len(found) > 1:
        raise Refused("request.header", f"the header {name} is there twice; send it once")
    return found[0] if found else None
