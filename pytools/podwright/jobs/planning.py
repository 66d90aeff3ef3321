"""What would have to change: desired jobs on one side, a snapshot of the controller on the other.

Pure: nothing here asks or tells a controller. Whoever needs the XML of the controller (``--deep``,
differences) fetches it and hands it in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from podwright.jobs import kinds, marker, merging, renames
from podwright.jobs.description import Description
from podwright.jobs.rendering import Rendered
from podwright.jobs.snapshot import Found, Snapshot

ADD, CHANGE, ADOPT, RENAME = "add", "change", "adopt", "rename"
DISABLE, DELETE = "disable", "delete"
REMOVALS = (DISABLE, DELETE)
ALL_VIEW = "hudson.model.AllView"
Key = tuple[bool, str]


@dataclass(frozen=True)
class Change:
    """One thing to do.

    Attributes:
        action: add, change, adopt, rename, disable or delete.
        name: full name.
        kind: the word of the description (empty for removals).
        view: whether it is a view.
        folder: whether it must exist before what stands in it.
        why: in a few words.
        claim: whose marker it bears before the change; empty for nobody's.
        expected: the hash in the marker before the change (empty without marker).
        digest: the hash afterwards.
        xml: what is sent.
        old: the former name of a renamed job.
        step: the place of a renaming in the order of all.
        size: how many jobs are removed with it, itself included.
        seen: the hash of what the plan saw of it on the controller; empty when it did not look.
        diff: lines of the difference, when they were asked for.
    """

    action: str
    name: str
    kind: str = ""
    view: bool = False
    folder: bool = False
    why: str = ""
    claim: str = ""
    expected: str = ""
    digest: str = ""
    xml: bytes = b""
    old: str = ""
    step: int = 0
    size: int = 1
    seen: str = ""
    diff: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Tell views from jobs, which may have the same name."""
        return (self.view, self.name)


@dataclass(frozen=True)
class ChangePlan:
    """All that would change.

    Attributes:
        owner: whose jobs they are.
        changes: in the order of names.
        unchanged: how many described jobs are as described.
        kept: sentences about jobs that are no longer described and stay.
        problems: sentences about what stands in the way.
        owned: how many jobs on the controller carry the owner's marker.
        share: most removals that need no question, in percent of those.
    """

    owner: str
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    kept: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    owned: int = 0
    share: int = 0

    def of(self, *actions: str) -> list[Change]:
        """List the changes of some kinds."""
        return [change for change in self.changes if change.action in actions]


@dataclass(frozen=True)
class FolderContents:
    """What a folder or project that may be removed holds besides described jobs.

    Attributes:
        jobs: how many jobs it has made by itself.
        people: what it keeps for people, in words; empty for nothing.
    """

    jobs: int = 0
    people: str = ""


@dataclass
class Options:
    """What the user allows.

    Attributes:
        adopt: take over jobs that nobody's marker claims.
        prune: remove what is no longer described, in the way the description says.
        heir: take over jobs of this other owner too.
        only: full names; nothing but these and what stands in them. Empty for all.
        deep: the controller's XML of all described jobs that exist; None compares hashes only.
        inside: what folders hold that may be removed, by their present names.
    """

    adopt: bool = False
    prune: bool = False
    heir: str = ""
    only: tuple[str, ...] = ()
    deep: Mapping[Key, str] | None = None
    inside: Mapping[str, FolderContents] = field(default_factory=dict)

    def covers(self, name: str) -> bool:
        """Say whether the user speaks of a job."""
        return not self.only or any(name == one or name.startswith(one + "/") for one in self.only)

    def needs(self, name: str) -> bool:
        """Say whether a folder has to be there for what the user speaks of."""
        return any(one.startswith(name + "/") for one in self.only)


@dataclass
class _Making:
    """The state while a plan is made; its server is as if all renames had been done."""

    description: Description
    server: Snapshot
    options: Options
    changes: list[Change] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unchanged: int = 0
    renamed: dict[Key, renames.Rename] = field(default_factory=dict)


def make(
    description: Description, rendered: Iterable[Rendered], server: Snapshot, options: Options
) -> ChangePlan:
    """Compare a description with a controller.

    Args:
        description: owner, managed folders, way of removal.
        rendered: all described jobs.
        server: what the controller has.
        options: what the user allows.
    """
    wanted = list(rendered)
    moves = renames.follow(description.owner, [item.job for item in wanted], server, options)
    making = _Making(description, moves.server, options, problems=list(moves.problems))
    making.renamed = moves.done
    for item in wanted:
        if item.job.key not in moves.refused:
            _plan_job(item, making)
    _plan_removals({item.job.key for item in wanted} | moves.refused, making)
    owned = sum(_is_ours(found, description) for found in server.items.values())
    return ChangePlan(
        description.owner,
        tuple(sorted(making.changes, key=lambda change: (change.name, change.view))),
        making.unchanged,
        tuple(making.kept),
        tuple(making.problems),
        owned + sum(change.size - 1 for change in making.changes),
        description.removal_share,
    )


def _is_ours(found: Found, description: Description) -> bool:
    """Say whether a job is ours; what was disabled when it was removed is done with."""
    if found.marker is None or found.marker.owner != description.owner:
        return False
    return found.marker.digest != marker.DISABLED or description.removal == DELETE


def _plan_job(item: Rendered, making: _Making) -> None:
    job = item.job
    found = making.server.get(job.key)
    rename = making.renamed.get(job.key)
    if not making.options.covers(job.name):
        is_missing = found is None or rename is not None
        if not (is_missing and job.container and making.options.needs(job.name)):
            return
    what = Change(
        ADD,
        job.name,
        job.kind,
        view=job.spec.VIEW,
        folder=job.container,
        digest=item.digest,
        xml=item.xml(making.description.owner),
    )
    if found is None:
        making.changes.append(what)
        return
    problem = _in_the_way(item, found, making)
    claim, expected = (found.marker.owner, found.marker.digest) if found.marker else ("", "")
    what = replace(what, claim=claim, expected=expected)
    if problem == "shared":
        making.unchanged += 1
    elif problem:
        making.problems.append(problem)
    elif rename:
        making.changes.append(
            replace(what, action=RENAME, old=rename.old, step=rename.step, why=rename.why)
        )
    elif claim != making.description.owner:
        why = f"until now of {claim}" if claim else "not managed by anyone yet"
        making.changes.append(replace(what, action=ADOPT, why=why))
    else:
        _plan_existing(what, item, found, making)


def _in_the_way(item: Rendered, found: Found, making: _Making) -> str:
    """Say why a job that exists cannot be changed; ``shared`` for folders others describe."""
    job = item.job
    if found.name != job.name:
        return (
            f"{job.name}: exists as {found.name}, which differs only in case and is the same name "
            "for Jenkins; write it as it is there"
        )
    java = job.spec.JAVA
    if java and found.java and not found.view and found.java != java:
        return (
            f"{job.name}: is a {kind_of(found.java)} on the controller and cannot become a "
            f"{job.kind}; its builds would be lost: rename it or delete it there first"
        )
    return _foreign_owner(item, found, making)


def _foreign_owner(item: Rendered, found: Found, making: _Making) -> str:
    """Say whose job it is when it is not ours."""
    job, owner = item.job, making.description.owner
    if found.marker is not None and found.marker.owner == owner:
        return ""
    # a folder that nobody described here only has to be there
    if job.mark is None:
        return "shared"
    return renames.not_allowed(job.name, found, making.options)


def _plan_existing(what: Change, item: Rendered, found: Found, making: _Making) -> None:
    actual = (making.options.deep or {}).get((found.view, found.real))
    if what.expected == marker.DISABLED:
        why = "described again"
    elif what.expected != what.digest:
        why = "YAML changed"
    elif actual is not None and not merging.is_as_wanted(actual, what.xml, item.job.kind):
        why = "edited on the controller"
    else:
        making.unchanged += 1
        return
    making.changes.append(replace(what, action=CHANGE, why=why))


def kind_of(java: str) -> str:
    """Name a class on the controller as descriptions do."""
    for name in kinds.names():
        if java == kinds.load(name).JAVA:
            return name
    return java.rpartition(".")[2] or "job of another kind"


# -- removal -------------------------------------------------------------------------------------


def _plan_removals(wanted: set[Key], making: _Making) -> None:
    gone = {
        key: found
        for key, found in making.server.items.items()
        if _is_ours(found, making.description)
        and key not in wanted
        and making.options.covers(found.name)
    }
    for key in sorted(gone, key=lambda key: key[1]):
        _removal_of(gone[key], set(gone), making)


def _removal_of(found: Found, gone: set[Key], making: _Making) -> None:
    why_kept = _reason_to_keep(found, gone, making)
    if why_kept:
        making.kept.append(f"{found.name}: no longer described; {why_kept}")
        return
    assert found.marker is not None  # noqa: S101 - only marked jobs come here
    inside = making.options.inside.get(found.real, FolderContents())
    making.changes.append(
        Change(
            making.description.removal,
            found.name,
            "view" if found.view else kind_of(found.java),
            view=found.view,
            folder=found.is_folder,
            why="no longer described" + (f", with {inside.jobs} jobs in it" * (inside.jobs > 0)),
            claim=found.marker.owner,
            expected=found.marker.digest,
            size=1 + inside.jobs,
        )
    )


def _reason_to_keep(found: Found, gone: set[Key], making: _Making) -> str:
    """Say why a job stays although nobody describes it any more; empty when it goes."""
    way = making.description.removal
    if not is_managed(found.name, making.description.folders):
        return (
            "kept, since it stands outside the managed folders: list its folder under `folders:` "
            "to have it removed"
        )
    if way == "keep":
        return "kept (`removal: keep`)"
    if not making.options.prune:
        return f"kept (--prune would {way} it)"
    if way == DISABLE and (found.is_folder or found.view):
        return "kept, since only jobs can be disabled"
    return _held_by(found, gone, making) if way == DELETE else ""


def _held_by(found: Found, gone: set[Key], making: _Making) -> str:
    """Say what would be lost with a folder that is somebody else's."""
    people = making.options.inside.get(found.real, FolderContents()).people
    if people:
        return f"kept, since it holds {people}"
    others = [item for item in making.server.below(found.name) if item.key not in gone]
    jobs = [item.name for item in others if not item.view]
    if found.is_folder and jobs:
        more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        return f"kept, since it still holds {jobs[0]}{more}"
    views = [item.name for item in others if item.view and item.java != ALL_VIEW]
    return f"kept, since it holds the view {views[0]}" if found.is_folder and views else ""


def is_managed(name: str, folders: Iterable[str]) -> bool:
    """Say whether removal is allowed there: at or below a managed folder, or at the top."""
    roots = (folder.strip("/") for folder in folders)
    return any(
        name == root or name.startswith(f"{root}/") if root else "/" not in name for root in roots
    )


def removed_jobs(plan: ChangePlan) -> int:
    """Count what is removed, with what goes with it."""
    return sum(change.size for change in plan.of(*REMOVALS))


def too_many(plan: ChangePlan, allowed: int | None) -> str:
    """Say why a plan removes too much; empty when it does not.

    Args:
        plan: with its removals.
        allowed: most removals that the user allowed by number.
    """
    count = removed_jobs(plan)
    if allowed is not None:
        if count <= allowed:
            return ""
        return (
            f"{count} jobs would be removed, more than the {allowed} allowed by --allow-removals; "
            "nothing was changed"
        )
    if not count or count * 100 <= plan.share * max(plan.owned, 1):
        return ""
    return (
        f"{count} of {plan.owned} jobs would be removed, more than {plan.share} %; look at the "
        f"plan, then allow it with --allow-removals {count}. Nothing was changed"
    )


def hints(plan: ChangePlan) -> list[str]:
    """Say what may be meant otherwise: renamed jobs, and sources whose id changes."""
    new_ids = [
        f"{change.name}: a source gets another id, so that all its branches are built again; the "
        "old one stays with `id:`"
        for change in plan.of(CHANGE, RENAME)
        if any(re.match(r"- +<id>", line) for line in change.diff)
    ]
    coming = {change.digest: change for change in plan.of(ADD) if not change.view}
    return new_ids + [
        f"{change.name} has the content of the new {coming[change.expected].name}; if it was "
        f"renamed, add `formerly: {change.name}` to keep its builds"
        for change in plan.of(*REMOVALS)
        if change.expected in coming
    ]
