"""Whose things are whose on a node: labels, and names that no other pod's can meet. Pure."""

from __future__ import annotations

import hashlib
import re

from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What all labels of podwright begin with; the pipeline neither gives nor sees them.
LABELS = "podwright.dev/"
#: Label of everything that a pod made: the pod's uid.
BUILD = "podwright.dev/build"
#: Label for people: namespace and name of the pod.
OWNER = "podwright.dev/pod"
#: Label of everything: when it was made, in seconds since 1970.
SINCE = "podwright.dev/since"
#: Label of a volume that only says that its pod is alive: when it said so, in seconds since 1970.
LEASE = "podwright.dev/lease"
#: Label of containers whose memory podwright chose, and chooses anew whenever they start.
SHARE = "podwright.dev/memory"
#: The networks that every engine has.
PREDEFINED = frozenset({"", "default", "bridge", "host", "none"})


@record
class Naming:
    """The names of one pod.

    Attributes:
        uid: the pod's uid; it never comes again.
        owner: namespace and name of the pod.
    """

    uid: str
    owner: str = ""

    @property
    def prefix(self) -> str:
        """What stands before every name on the node; 40 bits of the uid, so short names stay so."""
        return f"pw{hashlib.sha256(self.uid.encode()).hexdigest()[:10]}-"

    def own(self, name: str) -> str:
        """The name on the node of what the pipeline calls so."""
        return self.prefix + name.lstrip("/")

    def is_own(self, name: str) -> bool:
        """Whether a name on the node is this pod's."""
        return name.lstrip("/").startswith(self.prefix)

    def strip(self, value: Any) -> Any:
        """Give a JSON value in which all names are the pipeline's own again.

        The labels of podwright are left out: Compose takes labels that it did not give for a change
        of what it made.
        """
        if isinstance(value, str):
            return re.sub(rf"(?<![A-Za-z0-9]){self.prefix}", "", value)
        if isinstance(value, list):
            return [self.strip(item) for item in value]
        if isinstance(value, dict):
            return {
                self.strip(key): self.strip(item)
                for key, item in value.items()
                if not key.startswith(LABELS)
            }
        return value

    def labels(self, given: Any, now: int) -> dict[str, str]:
        """Add the pod's labels to those that the pipeline gave.

        Args:
            given: labels of a request; may be missing.
            now: seconds since 1970.
        """
        kept = {
            key: value for key, value in (given or {}).items() if not str(key).startswith(LABELS)
        }
        return {**kept, BUILD: self.uid, OWNER: self.owner, SINCE: str(now)}

    def owns(self, labels: Any) -> bool:
        """Whether something with these labels was made by this pod."""
        return isinstance(labels, dict) and labels.get(BUILD) == self.uid
