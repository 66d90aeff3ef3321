"""What the containers of one pod may use: memory and CPU of the pod's own limits. Pure.

Kubernetes neither sees nor limits what a node's engine runs for a pod, so the limits of the pod's
container `builder` are passed on. Memory is kept as a sum: a container that asks for none gets half
of what is free when it starts, so that there is always something left for the next one. CPU is
passed on to each container; the kernel shares it out.
"""

from __future__ import annotations

from podwright.dood.refusal import Refusal
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEBI = 1024 * 1024
#: Less than this is no use: the engine itself refuses less than 6 MB.
MINIMUM = 16 * MEBI
#: A share below this is told: few programs can live with it.
SCARCE = 128 * MEBI
_PERIOD = 100_000  # the kernel's default, in microseconds
_LEAST = 1_000  # the kernel's smallest quota, in microseconds; zero would be no limit
_HINT = "ask for less, or raise pod.resources.builder.limits.memory"


@record
class Budget:
    """The limits of a pod.

    Attributes:
        memory: bytes for all containers together.
        cpu: billionths of a CPU for each container.
    """

    memory: int
    cpu: int

    def share(self, used: int) -> int:
        """Memory for a container that asks for none: half of what is free, in whole MiB.

        Args:
            used: bytes that others have.
        """
        return max((self.memory - used) // 2 // MEBI * MEBI, 0)

    def wanted(self, host: dict[str, Any], name: str) -> int:
        """Give the memory that a request asks for; 0 when it does not.

        Raises:
            Refusal: it is more than the pod has.
        """
        asked = max(number(host, "Memory"), 0)  # -1 would be no limit
        if asked > self.memory:
            raise Refusal(
                409,
                f"{name} asks for {shown(asked)} of memory, but the pod's limit is "
                f"{shown(self.memory)}; {_HINT}",
            )
        return asked

    def fits(self, memory: int, used: int, name: str) -> int:
        """Check the sum when something starts; gives its memory.

        Raises:
            Refusal: the running ones leave too little.
        """
        if memory < MINIMUM or memory + used > self.memory:
            raise Refusal(
                409,
                f"{name} cannot start: what runs already has {shown(used)} of the pod's "
                f"{shown(self.memory)} of memory, and it needs {shown(max(memory, MINIMUM))}; end "
                "a container first, give containers less (--memory), or raise "
                "pod.resources.builder.limits.memory",
            )
        return memory

    def cut_cpu(self, host: dict[str, Any]) -> list[str]:
        """Put the CPU limit into a request; gives warnings about what was cut down."""
        period, quota = max(number(host, "CpuPeriod"), 0), number(host, "CpuQuota")
        nanos = number(host, "NanoCpus")
        if period or quota:
            most = max((period or _PERIOD) * self.cpu // 10**9, _LEAST)
            host["CpuQuota"] = min(quota, most) if quota > 0 else most
            return [self._cut()] if quota > most else []
        host["NanoCpus"] = min(nanos, self.cpu) if nanos > 0 else self.cpu
        return [self._cut()] if nanos > self.cpu else []

    def _cut(self) -> str:
        return f"podwright: the CPU limit was cut down to the pod's, {self.cpu / 10**9:g}"


def set_memory(host: dict[str, Any], memory: int) -> None:
    """Write a memory limit; swap would escape it, and Kubernetes does not count it."""
    host["Memory"] = host["MemorySwap"] = memory
    if number(host, "MemoryReservation") > memory:
        host["MemoryReservation"] = memory


def number(values: dict[str, Any], name: str) -> int:
    """Give an integer of a request; 0 when it is missing.

    Raises:
        Refusal: it is something else.
    """
    value = values.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal(400, f"{name} must be an integer")
    return value


def shown(size: int) -> str:
    """Write an amount of memory for people."""
    if size >= 1024 * MEBI:
        return f"{size / 1024 / MEBI:.4g} GiB"
    return f"{size / MEBI:.4g} MiB"
