"""Nobody else may write what the engine reads or writes by its paths as root: two cases.

**Volumes.** The engine fills an empty volume when a container is created. It does so with plain
paths in its own file system: whoever can write the volume meanwhile plants a link, and the engine
follows it to its own programs. So a volume is filled only when nobody else can have it:

* it is not there yet, or was made through this gate and never given to a container. Whether
  containers refer to it is not enough: a process may keep a directory open after its container.
* containers are created one after the other, so that nobody is given a volume that is being filled;
* a volume without a name that a build of the classic builder makes can be given to a container only
  by its name, 64 hexadecimal digits: such creations wait until no build runs.

**Images of containers.** ``docker commit`` reads a container's files by their paths (with storage
drivers other than containerd's), and so does the classic builder after each step. Containers stand
still meanwhile: none is started or written to, and those of a build never are.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager

from podwright.docker_api.strict import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_NAMELESS = re.compile(r"[0-9a-f]{64}\Z")
_MOST = 10_000  # names that are remembered; volumes beyond are not filled


class Volumes:
    """Who may be given which volume, and whether it may be filled.

    Args:
        exists: asks the engine whether a volume is there.
        in_use: asks the engine whether a container refers to a volume.
        late: the engine was at work before this gate, so creations may still be under way.
    """

    def __init__(
        self, exists: Callable[[str], bool], in_use: Callable[[str], bool], *, late: bool = False
    ) -> None:
        self._exists, self._in_use, self._late = exists, in_use, late
        self._changed = threading.Condition()
        self._under_way = {"turn": 0, "build": 0, "still": 0, "moving": 0}
        self._fresh: set[str] = set()
        self._known: set[str] = set()

    @contextmanager
    def _under(self, name: str, may_begin: Callable[[], bool]) -> Iterator[None]:
        """Wait until something may begin, and count it until it ends."""
        with self._changed:
            self._changed.wait_for(may_begin)
            self._under_way[name] += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way[name] -= 1
                self._changed.notify_all()

    def turn(self, names: frozenset[str] = frozenset()) -> AbstractContextManager[None]:
        """Wait until nobody else creates anything, and for builds if these names need it."""
        count, nameless = self._under_way, any(_NAMELESS.match(name) for name in names)
        return self._under("turn", lambda: not count["turn"] and not (nameless and count["build"]))

    def build(self) -> AbstractContextManager[None]:
        """A build runs: it may fill volumes of its own."""
        return self._under("build", lambda: True)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Wait until nobody wakes containers or writes to them; others wait for the end of this."""
        count = self._under_way
        with self._under("still", lambda: not count["still"]):
            with self._changed:
                self._changed.wait_for(lambda: not count["moving"])
            yield

    def moving(self, is_own: Callable[[], bool]) -> AbstractContextManager[None]:
        """A container is woken or written to; one that is not the client's own waits for builds."""
        count = self._under_way
        own = not count["build"] or is_own()
        return self._under("moving", lambda: not count["still"] and (own or not count["build"]))

    def kept(self, names: frozenset[str]) -> frozenset[str]:
        """Those of the volumes that must not be filled; asked during one's turn.

        Raises:
            Refused: a volume may still be being filled by a creation that this gate has not seen.
        """
        return frozenset(name for name in names if not self._is_fresh(name))

    def _is_fresh(self, name: str) -> bool:
        if name in self._fresh or not self._exists(name):
            return True
        if self._late and name not in self._known and not self._in_use(name):
            raise Refused(
                "gate.volume",
                f"the volume {name!r} was there before the gate was started again, and may still "
                "be being filled; use a new volume",
            )
        return False

    def made(self, *names: str) -> None:
        """Volumes were made, and no container has them."""
        if len(self._fresh) < _MOST:
            self._fresh.update(names)

    def given(self, names: frozenset[str]) -> frozenset[str]:
        """A container gets these volumes; gives those that nobody had before."""
        fresh = self._fresh & names
        self._fresh -= names
        if self._late and len(self._known) < _MOST:
            self._known |= names
        return frozenset(fresh)

    def is_new(self, name: str) -> bool:
        """Whether making a volume of this name makes a new one; asked during one's turn."""
        return not name or not self._exists(name)
