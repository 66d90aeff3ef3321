"""Questions of the proxy's own to the node's engine, and finding what the pipeline names."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import quote, urlencode

from podwright.docker_api.http import BrokenError, Stream
from podwright.docker_api.strict import Refused
from podwright.dood import wire
from podwright.dood.naming import BUILD, PREDEFINED, Naming
from podwright.dood.refusal import Refusal, missing
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

OK, MISSING = 200, 404
_WITHOUT_BODY = (204, 304)  # RFC 9112, 6.3
_ANONYMOUS = re.compile(r"[0-9a-f]{64}\Z")


@record
class Node:
    """The node's engine.

    Attributes:
        path: of its socket.
        timeout: seconds until a question counts as unanswered.
    """

    path: str
    timeout: float = 30.0

    def ask(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """Ask the engine; gives status and JSON value (None when the answer is none).

        Raises:
            OSError: it cannot be reached.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
            engine.settimeout(self.timeout)
            engine.connect(self.path)
            engine.sendall(wire.question(method, target, body))
            stream = Stream(engine)
            try:
                answer = wire.read_answer(stream)
                empty = answer.status in _WITHOUT_BODY
                data = b"" if empty else b"".join(wire.body_of(stream, answer.headers))
            except (BrokenError, Refused) as error:
                raise ConnectionError(str(error)) from None
        try:
            return answer.status, json.loads(data)
        except ValueError:
            return answer.status, None

    def get(self, target: str, **filters: dict[str, bool]) -> Any:
        """Read something; None when the engine does not give it."""
        if filters:
            target += ("&" if "?" in target else "?") + urlencode({"filters": json.dumps(filters)})
        status, value = self.ask("GET", target)
        return value if status == OK else None


@record
class Finder:
    """Finds what the pipeline names, by the name that it chose or by id; never what is others'."""

    node: Node
    naming: Naming

    def container(self, name: str) -> dict[str, Any]:
        """Give the engine's description of one of the pod's containers.

        Raises:
            Refusal: there is none.
        """
        return self._find(
            "container",
            name,
            lambda found: self.naming.owns((found.get("Config") or {}).get("Labels")),
        )

    def network(self, name: str) -> dict[str, Any]:
        """Give the description of one of the pod's networks, or of one that all engines have.

        Raises:
            Refusal: there is none.
        """
        return self._find(
            "network",
            name,
            lambda found: self.naming.owns(found.get("Labels")) or found.get("Name") in PREDEFINED,
        )

    def volume(self, name: str) -> dict[str, Any]:
        """Give the description of one of the pod's volumes.

        Raises:
            Refusal: there is none.
        """
        return self._find("volume", name, self._owns_volume)

    def is_anonymous(self, name: str) -> bool:
        """Whether a volume has no name but its hash, and one of the pod's containers uses it."""
        if not _ANONYMOUS.match(name):
            return False
        return bool(
            self.node.get(
                "/containers/json?all=1",
                volume={name: True},
                label={f"{BUILD}={self.naming.uid}": True},
            )
        )

    def exec_owner(self, name: str) -> None:
        """Check that a command runs in one of the pod's containers.

        Raises:
            Refusal: it does not.
        """
        found = self.node.get(f"/exec/{quote(name, safe='')}/json")
        owner = found.get("ContainerID") if isinstance(found, dict) else None
        try:
            self.container(owner or "-")
        except Refusal:
            raise missing("exec", name) from None

    def _owns_container(self, found: dict[str, Any]) -> bool:
        return self.naming.owns((found.get("Config") or {}).get("Labels"))

    def _owns_volume(self, found: dict[str, Any]) -> bool:
        return self.naming.owns(found.get("Labels")) or self.is_anonymous(found["Name"])

    def _find(self, kind: str, name: str, owns: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = "/json" if kind == "container" else ""
        for reference in filter(None, (self.naming.own(name), name.lstrip("/"))):
            found = self.node.get(f"/{kind}s/{quote(reference, safe='')}{end}")
            if isinstance(found, dict) and owns(found):
                return found
        raise missing(kind, name)
