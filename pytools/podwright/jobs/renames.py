"""Jobs and folders that get other names, with all that they hold, before anything else is compared.

Renames are followed in the order in which they will be carried out: folders level by level, then
jobs, each when its new name is free. What the controller has is looked at as it will be then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podwright.jobs.snapshot import Found, Snapshot

if TYPE_CHECKING:
    from podwright.jobs.description import Job
    from podwright.jobs.planning import Key, Options


@dataclass(frozen=True)
class Rename:
    """One renaming.

    Attributes:
        old: the name at the moment when it is carried out.
        step: its place in the order of all.
        why: in a few words.
    """

    old: str
    step: int
    why: str


@dataclass
class Moves:
    """What renames make of a controller.

    Attributes:
        server: the controller as it will be.
        done: renames by the key of what they make.
        refused: keys of what cannot be renamed.
        problems: sentences about those.
    """

    server: Snapshot
    done: dict[Key, Rename] = field(default_factory=dict)
    refused: set[Key] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    _order: list[tuple[str, str]] = field(default_factory=list)

    def follow(self, job: Job, old: Found, why: str) -> None:
        """Do one renaming."""
        self.done[job.key] = Rename(old.name, len(self._order) + 1, why)
        self._order.append((old.name, job.name))
        self.server.move(old, job.name)

    def source_of(self, job: Job) -> Found | None:
        """Find what a job was formerly, wherever earlier renames have brought it."""
        name = job.formerly
        for old, new in self._order:
            if name == old or name.startswith(old + "/"):
                name = new + name[len(old) :]
        found = self.server.items.get((False, name))
        return None if found is None or found.name == job.name else found


def follow(owner: str, jobs: list[Job], server: Snapshot, options: Options) -> Moves:
    """Carry out in mind all renames that are due.

    Args:
        owner: whose jobs these are.
        jobs: all described jobs.
        server: what the controller has.
        options: what the user allows.
    """
    moves = Moves(Snapshot(dict(server.items)))
    named = [
        job
        for job in jobs
        if job.formerly and (options.covers(job.name) or options.needs(job.name))
    ]
    folders = sorted({job.name.count("/") for job in named if job.container})
    described = {job.name: job for job in jobs if not job.spec.VIEW}
    for level in folders:
        due = [job for job in named if job.container and job.name.count("/") == level]
        _follow_all(due, described, owner, moves, options)
    _follow_all([job for job in named if not job.container], described, owner, moves, options)
    return moves


def _follow_all(
    waiting: list[Job], described: dict[str, Job], owner: str, moves: Moves, options: Options
) -> None:
    """Follow renames, each as soon as its new name is free."""
    progress = True
    while progress:
        progress = False
        for job in list(waiting):
            old = moves.source_of(job)
            there = moves.server.get(job.key)
            if old is None or (there is not None and there is not old):
                continue
            waiting.remove(job)
            problem = _why_not(job, old, described, owner, moves, options)
            if problem:
                moves.problems.append(f"{job.name}: {problem}")
                moves.refused |= {job.key, (False, old.name)}
                continue
            progress = True
            moves.follow(job, old, f"formerly {old.real}{_company(old, owner, moves.server)}")


def _why_not(
    job: Job, old: Found, described: dict[str, Job], owner: str, moves: Moves, options: Options
) -> str:
    """Say why something cannot be renamed; empty when it can."""
    if (old.marker.owner if old.marker else "") != owner:
        name = f"was formerly {old.name}, and that"
        problem = not_allowed(name, old, options)
        if problem:
            return problem.replace(f"{name}:", name, 1)
    if job.spec.JAVA and old.java and old.java != job.spec.JAVA:
        return f"was formerly {old.name}, which is of another kind; a job keeps its kind"
    if job.name.startswith(old.name + "/"):
        return f"was formerly {old.name}, which cannot be moved into itself"
    heir = described.get(old.name)
    if heir is not None and moves.source_of(heir) is None:
        return (
            f"was formerly {old.name}, which is described too; apply the renaming first, and then "
            f"a description with a new {old.name}; or remove `formerly`"
        )
    strangers = [
        item.name
        for item in moves.server.below(old.name)
        if item.marker is not None and item.marker.owner not in {owner, options.heir}
    ]
    if strangers:
        return f"was formerly {old.name}, and that holds {strangers[0]}, which is not {owner}'s"
    return ""


def _company(old: Found, owner: str, server: Snapshot) -> str:
    """Say how many jobs that are not ours move along."""
    others = [
        item
        for item in server.below(old.name)
        if not item.view and (item.marker is None or item.marker.owner != owner)
    ]
    plural = "s"[: len(others) != 1]
    return f", with {len(others)} job{plural} that nobody here describes" if others else ""


def not_allowed(name: str, found: Found, options: Options) -> str:
    """Say why a job that is not ours may not be taken over; empty when it may."""
    if found.marker is not None:
        other = found.marker.owner
        if other == options.heir:
            return ""
        return (
            f"{name}: belongs to {other}; remove it from one of the two descriptions, or take it "
            f"over with --from {other}"
        )
    if not options.adopt:
        return (
            f"{name}: exists, but no description owns it; look at it, then take it over with "
            "--adopt"
        )
    return ""
