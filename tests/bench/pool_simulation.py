"""How often a build finds its layers, and how long it waits: pools of 10, 100 and 1,000 daemons.

    .venv/bin/python tests/bench/pool_simulation.py     # the table of docs/reference/performance.md
    .venv/bin/python tests/bench/pool_simulation.py --builds 20000 --replicas 10

A day's builds reach the pool at random moments, more of them in working hours. Images are asked for
as repositories are: a few very often, most seldom (Zipf). How long a build takes is drawn from
recorded ones, cold and warm (RECORDED); a daemon holds two builds at once, and the layers of so
many images as its disk has room for, the least recently built go first. Rendezvous asks podwright's
own function (`podwright.pools.ranked`), with its spill-over, and so do the others: who finds no
room goes to the next daemon of its order. `--changes`: each hour one daemon in twenty is replaced
by an empty one, and one in twenty is away for an hour.
"""

from __future__ import annotations

import argparse
import bisect
import functools
import heapq
import itertools
import random
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "pytools")]

from podwright import pools  # noqa: E402 - after the path is set

DAY = 86_400
SLOTS = 2  # builds at once on a daemon
DISK = 40  # images whose layers a disk holds
IMAGES = 20_000
PAUSE = 5.0  # seconds for which a queue lets a build wait before it is sent on
# By how often they come, seconds of builds: cold, and with the layers of the last one there.
# BuildKit with ten and with 30 steps (docs/reference/performance.md), AkihiroSuda/buildbench#1,
# earthly#11 on one machine, Suda and Vass at KubeCon 2019, earthly#11 with a cache in a registry.
RECORDED = [
    *((30, 6.1, 1.0), (25, 12.7, 5.6), (20, 10.0, 1.2)),
    *((10, 137.0, 8.0), (10, 170.0, 36.0), (5, 841.0, 131.0)),
]


@dataclass
class Daemon:
    """A daemon: what it builds, who waits, and whose layers it has."""

    alive: bool = True
    ends: list[float] = field(default_factory=list)
    layers: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def running(self, now: float) -> int:
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
        return len(self.ends)

    def has(self, image: int) -> bool:
        found = image in self.layers
        self.layers[image] = None
        self.layers.move_to_end(image)
        if len(self.layers) > DISK:
            self.layers.popitem(last=False)
        return found


class Policies:
    """Each gives the order in which an image's build tries the daemons."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self.names = [f"buildkit-{number}" for number in range(count)]
        self.place = {name: number for number, name in enumerate(self.names)}
        self.count, self.chance = count, chance

    @functools.cache  # noqa: B019 - it lives as long as the simulation
    def _ranked(self, image: int) -> list[int]:
        found = pools.ranked(f"r.example/team/app{image} linux/amd64", self.names)
        return [self.place[name] for name in found[: pools.TRIED]]

    def rendezvous(self, image: int, _: list[Daemon], __: float) -> list[int]:
        return self._ranked(image)

    def random(self, _: int, __: list[Daemon], ___: float) -> list[int]:
        return [self.chance.randrange(self.count) for _ in range(pools.TRIED)]

    def least_loaded(self, _: int, daemons: list[Daemon], now: float) -> list[int]:
        """Ask a few at random and take the emptiest: nobody can ask a thousand for each build."""
        asked = self.random(0, daemons, now) if self.count > 2 * pools.TRIED else range(self.count)
        return sorted(asked, key=lambda n: (daemons[n].running(now), self.chance.random()))

    def modulo(self, image: int, daemons: list[Daemon], _: float) -> list[int]:
        """Count those that are there, as a client does that looks a service up."""
        there = [number for number, daemon in enumerate(daemons) if daemon.alive]
        first = hash((image, 0)) % len(there)
        return [there[(first + step) % len(there)] for step in range(pools.TRIED)]


def arrivals(builds: int, chance: random.Random) -> list[float]:
    """Give the moments of a day's builds: three times as many from 8 to 18 as at night."""
    hours = [3 if 8 <= hour < 18 else 1 for hour in range(24)]
    begin = chance.choices(range(24), weights=hours, k=builds)
    return sorted(3600 * hour + chance.random() * 3600 for hour in begin)


def simulate(
    policy: str, replicas: int, builds: int, *, changes: bool
) -> tuple[float, float, float, float]:
    """Run a day; gives the share of hits, the mean wait, its 99th percentile, and the mean time."""
    chance = random.Random(1)  # noqa: S311 - a model
    daemons = [Daemon() for _ in range(replicas)]
    order = getattr(Policies(replicas, chance), policy)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, IMAGES + 1)))
    kinds = [(cold, warm) for often, cold, warm in RECORDED for _ in range(often)]
    hits, waits, times, hour = 0, [], 0.0, 0
    for now in arrivals(builds, chance):
        if changes and now // 3600 > hour:
            hour = int(now // 3600)
            _change(daemons, chance)
        image = bisect.bisect(weights, chance.random() * weights[-1])
        cold, warm = kinds[image % len(kinds)]
        daemon, waited = _place(order, image, daemons, now)
        hit = daemon.has(image)
        seconds = warm if hit else cold
        heapq.heappush(daemon.ends, now + waited + seconds)
        hits += hit
        waits.append(waited)
        times += waited + seconds
    waits.sort()
    return hits / builds, sum(waits) / builds, waits[int(0.99 * builds)], times / builds


def _change(daemons: list[Daemon], chance: random.Random) -> None:
    """Bring back who was away; replace some daemons by empty ones, take others away."""
    some = max(1, len(daemons) // 20)
    for daemon in daemons:
        daemon.alive = True
    for daemon in chance.sample(daemons, some):
        daemon.layers.clear()
    for daemon in chance.sample(daemons, some):
        daemon.alive = False


def _place(order: object, image: int, daemons: list[Daemon], now: float) -> tuple[Daemon, float]:
    """Give the daemon that takes a build, and how long it waited: podwright's spill-over."""
    moment = now
    while True:
        tried = [daemons[n] for n in order(image, daemons, moment)]  # type: ignore[operator]
        for daemon in [one for one in tried if one.alive] or [d for d in daemons if d.alive][:1]:
            if daemon.running(moment) < SLOTS:
                return daemon, moment - now
            free = heapq.nsmallest(len(daemon.ends) - SLOTS + 1, daemon.ends)[-1]
            if free <= moment + PAUSE:
                return daemon, free - now
            moment += PAUSE


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--builds", type=int, default=1_000_000, help="builds in a day on 1,000")
    parser.add_argument("--replicas", type=int, nargs="*", default=[10, 100, 1000])
    options = parser.parse_args()
    sys.stdout.write(
        "| daemons | builds a day | | layers found | mean wait | wait, 99 % | mean of a build |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    for replicas in options.replicas:
        builds = options.builds * replicas // 1000
        for changes in (False, True):
            for policy in ("rendezvous", "modulo", "least_loaded", "random"):
                hits, mean, late, whole = simulate(policy, replicas, builds, changes=changes)
                name = policy.replace("_", " ") + (", daemons come and go" if changes else "")
                row = f"{100 * hits:.0f} % | {mean:.1f} s | {late:.0f} s | {whole:.1f} s"
                sys.stdout.write(f"| {replicas} | {builds:,} | {name} | {row} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
