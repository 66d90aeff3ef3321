"""What becomes of each call of the Docker API: who is meant, what is changed, who may not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from podwright.docker_api.strict import Target, cannot_be, parse_json
from podwright.dood.bodies import Maker
from podwright.dood.budget import Budget, number
from podwright.dood.naming import BUILD, Naming
from podwright.dood.node import MISSING, Finder, Node
from podwright.dood.refusal import Refusal
from podwright.records import field, record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: How an answer of the engine is passed on: as it is, as one JSON value, or as lines of JSON.
RAW, JSON, LINES = "raw", "json", "lines"


@record
class Call:
    """One request.

    Attributes:
        method: of HTTP.
        target: taken apart.
        read: reads the body.
        name: of what the path names; '' for nothing.
    """

    method: str
    target: Target
    read: Callable[[], bytes]
    name: str = ""

    def value(self, name: str) -> str:
        """A parameter of the query; '' when absent. The engine takes the first one, too."""
        return (self.target.query.get(name) or ("",))[0]

    def body(self) -> dict[str, Any]:
        """Read the body, which must be a JSON object.

        Raises:
            Refusal: it is not.
        """
        value = parse_json(self.read() or b"{}")
        if not isinstance(value, dict):
            raise Refusal(400, "the body must be a JSON object")
        return value


@record
class Outcome:
    """What the proxy does with a call.

    Attributes:
        target: for the engine; None for the client's own.
        body: for the engine; None to pass the client's on.
        kind: RAW, JSON or LINES.
        edit: changes the JSON value of the answer; None of a line's drops it.
        done: is called when all is over.
        reply: the answer when the engine is not asked at all.
    """

    target: Target | None = None
    body: Any = None
    kind: str = RAW
    edit: Callable[[Any], Any] | None = None
    done: Callable[[], None] | None = None
    reply: Any = None


@record
class Desk:
    """Knows the pod; the calls in this module and in `calls.py` use it.

    Attributes:
        naming: of the pod.
        budget: of the pod.
        node: its engine.
    """

    naming: Naming
    budget: Budget
    node: Node
    lock: threading.Lock = field(default_factory=threading.Lock)
    reserved: dict[str, int] = field(default_factory=dict)

    @property
    def find(self) -> Finder:
        """Finds what the pipeline names."""
        return Finder(self.node, self.naming)

    @property
    def maker(self) -> Maker:
        """Rewrites bodies."""
        return Maker(self.naming, self.budget, self.find, lambda: int(time.time()), self.used)

    def used(self, but: str = "") -> int:
        """Bytes of memory of the pod's running containers and of what is about to run.

        Args:
            but: id of a container that does not count.
        """
        counted = {key: memory for key, memory in self.reserved.items() if key != but}
        running = self.node.get("/containers/json", label={f"{BUILD}={self.naming.uid}": True})
        if running is None:
            raise ConnectionError("it does not list what runs")
        for item in running:
            found = self.node.get(f"/containers/{item['Id']}/json")
            if found and item["Id"] != but:
                counted[item["Id"]] = number(found["HostConfig"], "Memory")
        return sum(counted.values())

    def reserve(self, key: str, choose: Callable[[int], int]) -> Callable[[], None]:
        """Set memory aside while something starts or builds; gives what ends that.

        Args:
            key: the container's id, or another name.
            choose: from the bytes that are used to the bytes that are needed; may refuse.
        """
        with self.lock:
            self.reserved[key] = choose(self.used(key))

        def release() -> None:
            with self.lock:
                self.reserved.pop(key, None)

        return release


def retarget(
    call: Call, query: Mapping[str, str], segments: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> Target:
    """Change a target.

    Args:
        call: whose.
        query: parameters to set.
        segments: of the path, when it becomes another.
        drop: parameters to leave out.
    """
    kept = {k: v for k, v in call.target.query.items() if k not in (*drop, *query)}
    kept.update({name: (value,) for name, value in query.items()})
    return replace(call.target, segments=segments or call.target.segments, query=kept)


def render_target(target: Target) -> bytes:
    """Write a target for the request line."""
    version = "/v{}.{}".format(*target.version) if target.version else ""
    path = "/".join(quote(part, safe="@:+") for part in target.segments)
    pairs = [(name, value) for name, values in target.query.items() for value in values]
    return f"{version}/{path}{'?' + urlencode(pairs) if pairs else ''}".encode()


if TYPE_CHECKING:
    Handler = Callable[[Desk, Call], Outcome]


def decide(
    desk: Desk, call: Call, routes: tuple[tuple[str, re.Pattern[str], Handler], ...]
) -> Outcome:
    """Find the call's handler and ask it.

    Raises:
        Refusal: nobody knows the call, or its handler refuses.
    """
    path = call.target.path
    for method, pattern, handler in routes:
        match = pattern.fullmatch(path)
        if match and call.method in method.split("|"):
            return handler(desk, replace(call, name=match.groupdict().get("name", "")))
    missing = cannot_be(call.method, call.target.segments)
    if missing:
        raise Refusal(MISSING, missing, is_engines=True)
    raise Refusal(
        403,
        f"the call {call.method} {path} is not known, and only what is understood is passed on to "
        "the node's engine; use the strategy dind-sidecar, whose engine is the pod's own",
    )
