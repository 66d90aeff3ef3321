"""The limits of an organisation as its config has them, and those that hold for a job. Pure.

What they mean for a pod and an image is in :mod:`podwright.rules`, which is loaded where there are
any.
"""

from __future__ import annotations

from podwright import strategies
from podwright.errors import Problem
from podwright.records import field, record
from podwright.schema import Choice, Flag, LateRecordOf, ListOf, Text, option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

LEVELS = ("restricted", "baseline", "privileged")
AMOUNT = r"[0-9]+(?:\.[0-9]+)?(?:[KMGT]i|[mkMGT])?"


@record
class Limit:
    """What some jobs may ask for; what is left out is not limited."""

    jobs: tuple[str, ...] = option(
        ListOf(Text()), "names of jobs with their folders, with `*`; all when left out", ()
    )
    builders: tuple[str, ...] = option(
        ListOf(Choice(words=strategies.names, what="builder")), "the strategies", ()
    )
    level: str = option(Choice(lambda: LEVELS, "level"), "the highest Pod Security level", "")
    pull: tuple[str, ...] = option(
        ListOf(Text()),
        "registries, or repositories below one, of base images, mirrors and caches that are read",
        (),
    )
    push: tuple[str, ...] = option(
        ListOf(Text()), "registries, or repositories below one, for images and caches", ()
    )
    labels: tuple[str, ...] = option(ListOf(Text()), "labels that each image must have", ())
    cpu: str = option(Text(AMOUNT, "a quantity"), "the most that a pod may use", "")
    memory: str = option(Text(AMOUNT, "a quantity"), "the most that a pod may use", "")
    pinned: bool = option(Flag(), "base images must be named with their digests", default=False)
    frontends: tuple[str, ...] = option(
        ListOf(Text()), "images that `# syntax=` may name; an empty list for none", None
    )
    verify: Any = option(
        LateRecordOf(where="podwright.supply.parameters:Trust", shorthand="key"),
        "whose signatures base images must have: a public key, or a map as of verifyImage",
        None,
    )


@record
class Rules:
    """The limits of one job.

    Attributes:
        items: each with its name, e.g. ``limits[0]``.
        owner: who is asked about them, '' for nobody.
    """

    items: tuple[tuple[str, Limit], ...] = field(default_factory=tuple)
    owner: str = ""

    def of(self, name: str) -> Iterator[tuple[str, Any]]:
        """Give the values of one limit, with the name of each."""
        for place, limit in self.items:
            value = getattr(limit, name)
            if value not in ((), "", False, None) or (name == "frontends" and value == ()):
                yield f"{place}.{name}", value

    def refused(self, rule: str) -> str:
        """Give the words that every refusal has: the rule, and whom to ask."""
        where = ", ".join([rule, *([f"ask {self.owner}"] if self.owner else [])])
        plain = rule == "builders" and not self.owner
        return "is not allowed by the organisation" + ("" if plain else f" ({where})")


def of_job(limits: Iterable[Limit], owner: str, job: str) -> Rules:
    """Give the limits that hold for a job; without its name those of all jobs."""
    from fnmatch import fnmatchcase  # noqa: PLC0415 - most organisations have none

    applying = [
        (f"limits[{number}]", limit)
        for number, limit in enumerate(limits)
        if not limit.jobs or any(fnmatchcase(job, pattern) for pattern in limit.jobs)
    ]
    return Rules(tuple(applying), owner)


def builder(name: str, allowed: tuple[str, ...], rules: Rules) -> Problem | None:
    """Refuse a strategy; `allowed` is the organisation's own list."""
    for rule, words in [("builders", allowed), *rules.of("builders")]:
        if words and name not in words:
            others = ", ".join(sorted(words))
            return Problem(f"'{name}' {rules.refused(rule)}; allowed are {others}", "builder")
    return None
