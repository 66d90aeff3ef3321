"""Pools: daemons that run all the time, each with a disk of its own, and the choice among them.

Pure. An image goes to the daemon that has built it before, because its layers lie there. Each
client works that out alone, from names: by rendezvous hashing (Thaler and Ravishankar, 1996), with
which a daemon that comes or goes moves its own images and nobody else's.
"""

from __future__ import annotations

import hashlib

from podwright.errors import Problem
from podwright.records import record, replace
from podwright.request import KUBERNETES_NAME, PLATFORM
from podwright.schema import ListOf, Number, RecordOf, Text, option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# So many of its favourites a build tries before it takes any daemon that is there.
TRIED = 8

_LABEL = Text(r"[a-z]([a-z0-9-]{0,51}[a-z0-9])?", "a name of 53 characters at most")
_SECRET = Text(KUBERNETES_NAME, "the name of a secret")


@record
class Daemons:
    """Daemons on nodes of one kind: a StatefulSet with its headless service, of one name."""

    service: str = option(_LABEL, "name of the StatefulSet and of its service", required=True)
    replicas: int = option(Number(1, 1000), "how many there are at most", required=True)
    platforms: tuple[str, ...] = option(
        ListOf(Text(PLATFORM, "a platform such as 'linux/arm64'"), unique=True),
        "what they build natively (or by emulation, where their nodes have it)",
        (),
    )


@record
class Pool:
    """A pool of daemons for one trust zone: who may use it shares its cache."""

    namespace: str = option(_LABEL, "where its daemons run", required=True)
    certificates: str = option(
        _SECRET, "secret of the builds' namespace: ca.crt, tls.crt and tls.key", required=True
    )
    daemons: tuple[Daemons, ...] = option(
        ListOf(RecordOf(of=Daemons)), "its daemons, by kind of node", required=True
    )
    port: int = option(Number(1, 65535), "of all daemons", 1234)
    name: str = option(Text(), "the key of the map", "", internal=True)


def named(pools: Mapping[str, Pool]) -> dict[str, Pool]:
    """Give each pool its name."""
    return {name: replace(pool, name=name) for name, pool in pools.items()}


def ranked(key: str, names: Iterable[str]) -> list[str]:
    """Give names in the order in which they are tried for a key, the favourite first."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{key} {name}".encode()).digest())


def able(pool: Pool, platform: str) -> list[Daemons]:
    """Give the daemons for a platform; for none the first ones, so that all builds are alike."""
    if not platform:
        return list(pool.daemons[:1])
    return [daemons for daemons in pool.daemons if platform in daemons.platforms]


def addresses(pool: Pool, image: str, platform: str) -> list[str]:
    """Give where an image is built for a platform: its favourites, then any that is there."""
    kinds = able(pool, platform)
    where = f"{pool.namespace}.svc:{pool.port}"
    every = [f"{d.service}-{n}.{d.service}" for d in kinds for n in range(d.replicas)]
    found = ranked(f"{image} {platform}", every)[:TRIED]
    if len(every) > TRIED:
        # Names of a service without an address of its own lead to all that are ready.
        found += [daemons.service for daemons in kinds]
    return [f"tcp://{name}.{where}" for name in found]


def host_names(pool: Pool) -> list[str]:
    """Give the names by which certificates know the daemons."""
    services = [f"{daemons.service}.{pool.namespace}.svc" for daemons in pool.daemons]
    full = [f"{name}{end}" for name in services for end in ("", ".cluster.local")]
    return [name for one in full for name in (one, f"*.{one}")]


def problem(name: str, pools: Mapping[str, Pool], platforms: Sequence[str]) -> Iterator[Problem]:
    """Refuse a pool that is not declared, and platforms that its daemons are not for."""
    pool = pools.get(name)
    if not pool:
        known = ", ".join(sorted(pools)) or "none"
        sentence = f"'{name}' is not declared in the organisation's config; declared: {known}"
        yield Problem(sentence, "pool")
        return
    for platform in platforms:
        if not able(pool, platform):
            known = ", ".join(p for daemons in pool.daemons for p in daemons.platforms) or "none"
            sentence = f"pool '{name}' has no daemons for '{platform}'; it has for: {known}"
            yield Problem(sentence, "platforms")
