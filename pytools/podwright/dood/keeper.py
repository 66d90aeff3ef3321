"""The end of what a pod made: at the pod's end, and for pods that ended without a chance to do it.

Everything carries its pod's label. While a pod lives, a volume that is made anew every half minute
(its lease) says so. What is left of a pod is removed by the proxy of another pod on the same node
only when both are true:

* its last sign of life (lease, or the making of anything) is a quarter of an hour old;
* and another pod has watched it for longer than two leases last, by its own monotonic clock and
  while its own leases went well, and saw no new sign.

The second rule is for nodes that were asleep, whose clock jumped, or whose engine was away: the
living then have time to say so first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from podwright.dood.naming import BUILD, LEASE, SINCE, Naming
from podwright.dood.node import Node
from podwright.records import field, record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Say = Callable[[str], None]

BEAT = 30.0  # seconds between leases
STALE = 900.0  # seconds without a sign of life after which a pod may be gone
WATCH = 75.0  # seconds that it is watched then
_DONE = frozenset({200, 204, 404})
_CREATED = 201


@record
class Thing:
    """Something that a pod made.

    Attributes:
        kind: containers, networks or volumes.
        id: what the engine calls it.
        uid: the pod's.
        sign: when it was made, in seconds since 1970; 0 when nobody knows.
        is_lease: whether it is only a sign of life.
    """

    kind: str
    id: str
    uid: str
    sign: int
    is_lease: bool

    @property
    def target(self) -> str:
        """The request target that removes it."""
        query = {"containers": "?force=1&v=1", "volumes": "?force=1"}.get(self.kind, "")
        return f"/{self.kind}/{quote(self.id, safe='')}{query}"


def things(node: Node, label: str) -> list[Thing]:
    """Find what carries a label, containers first: they hold the others.

    Raises:
        OSError: the engine does not answer.
    """
    containers = _listed(node, "/containers/json?all=1", label)
    networks = _listed(node, "/networks", label)
    volumes = _listed(node, "/volumes", label)["Volumes"]
    found = [_thing("containers", item["Id"], item) for item in containers]
    found += [_thing("networks", item["Id"], item) for item in networks]
    return found + [_thing("volumes", item["Name"], item) for item in volumes or []]


def _listed(node: Node, target: str, label: str) -> Any:
    found = node.get(target, label={label: True})
    if found is None:
        raise ConnectionError("the node's Docker Engine gives no listing")
    return found


def _thing(kind: str, name: str, item: Mapping[str, Any]) -> Thing:
    labels = item.get("Labels") or {}
    sign = str(labels.get(LEASE) or labels.get(SINCE) or "0")
    number = int(sign) if sign.isdigit() else 0
    return Thing(kind, name, labels.get(BUILD, ""), number, LEASE in labels)


def remove(node: Node, found: Iterable[Thing], deadline: float) -> int:
    """Remove things, each kind at once; gives how many are gone.

    Args:
        node: where they are.
        found: containers first.
        deadline: of the monotonic clock.
    """
    # At the end of a pod, or for what others left; at its start its loading would be waited for.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    kinds: dict[str, list[Thing]] = {}
    for item in found:
        kinds.setdefault(item.kind, []).append(item)

    def one(item: Thing) -> bool:
        if time.monotonic() > deadline:
            return False
        try:
            return node.ask("DELETE", item.target)[0] in _DONE
        except OSError:
            return False

    with ThreadPoolExecutor(8) as pool:
        return sum(sum(pool.map(one, members)) for members in kinds.values())


@record
class Keeper:
    """Keeps the pod's lease, and removes what is left of others.

    Attributes:
        node: the node's engine.
        naming: of the pod.
        say: writes a sentence to the log.
        clock: seconds since 1970.
        watch: a clock that only goes on while the node does.
        seen: by uid of a silent pod, its last sign and since when it is watched.
    """

    node: Node
    naming: Naming
    say: Say
    clock: Callable[[], float] = time.time
    watch: Callable[[], float] = time.monotonic
    seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def lease(self) -> bool:
        """Say that the pod is alive; gives whether the engine took it."""
        now = int(self.clock())
        # Outside the pod's own names: the pipeline can neither see nor meet it.
        name = f"podwright-lease-{self.naming.prefix}{now}"
        labels = {**self.naming.labels({}, now), LEASE: str(now)}
        status, _ = self.node.ask("POST", "/volumes/create", {"Name": name, "Labels": labels})
        if status != _CREATED:
            return False
        old = things(self.node, f"{BUILD}={self.naming.uid}")
        gone = [item for item in old if item.is_lease and item.id != name]
        remove(self.node, gone, time.monotonic() + BEAT)
        return True

    def beat(self) -> None:
        """Renew the lease, then look after what is left of others."""
        try:
            if not self.lease():
                self.seen.clear()
                return
            self.sweep()
        except OSError:
            self.seen.clear()

    def sweep(self) -> int:
        """Remove what is left of pods that are gone; gives how many things."""
        now, watched = self.clock(), self.watch()
        others: dict[str, list[Thing]] = {}
        for item in things(self.node, BUILD):
            if item.uid != self.naming.uid:
                others.setdefault(item.uid, []).append(item)
        signs = {uid: max(item.sign for item in members) for uid, members in others.items()}
        silent = {uid: sign for uid, sign in signs.items() if 0 < sign < now - STALE}
        known = dict(self.seen)
        self.seen.clear()
        for uid, sign in silent.items():
            same = known.get(uid, (0, 0))[0] == sign
            self.seen[uid] = known[uid] if same else (sign, watched)
        gone = [uid for uid, (_, since) in self.seen.items() if watched - since >= WATCH]
        return sum(self._remove_all(uid, others[uid]) for uid in gone)

    def _remove_all(self, uid: str, members: list[Thing]) -> int:
        count = remove(self.node, members, time.monotonic() + BEAT)
        self.say(
            f"removed {count} of {len(members)} things that the pod {uid} left on this node; it "
            "gave no sign of life any more"
        )
        return count

    def clear(self, patience: float) -> bool:
        """Remove all that the pod made; gives whether nothing is left.

        Args:
            patience: seconds that it may take.
        """
        deadline = time.monotonic() + patience
        # One thing that the engine cannot remove must not cost the others their turn.
        node = replace(self.node, timeout=max(patience / 3, 1.0))
        count = 0
        while True:
            try:
                left = things(node, f"{BUILD}={self.naming.uid}")
            except OSError:
                left = None
            if left == []:
                self.say(f"removed {count} things that this pod made on the node")
                return True
            if time.monotonic() > deadline:
                break
            kept = [item for item in left or [] if not item.is_lease]
            # The lease goes last: with it, others may finish what this pod cannot.
            gone = remove(node, kept or left or [], deadline)
            count += gone if kept else 0
            time.sleep(0 if gone else 0.1)
        self.say(
            f"ERROR: {len(left or [])} things that this pod made are still on the node; the next "
            f"pod there removes them after {STALE / 60:.0f} minutes"
        )
        return False
