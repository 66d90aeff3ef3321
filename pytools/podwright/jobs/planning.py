"""What would have to change: desired jobs on one side, a snapshot of the controller on the other.

Pure: nothing here asks or tells a controller. Whoever needs the XML of the controller (``--deep``,
differences) fetches it and hands it in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podwright.jobs import kinds, names, normal, xmltree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podwright.jobs.description import Description
    from podwright.jobs.rendering import Rendered
    from podwright.jobs.snapshot import Found, Snapshot

ADD, CHANGE, ADOPT, RENAME = "add", "change", "adopt", "rename"
DISABLE, DELETE = "disable", "delete"
REMOVALS = (DISABLE, DELETE)
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
        expected: the hash in the marker before the change (empty without marker).
        digest: the hash afterwards.
        xml: what is sent.
        old: the former name of a renamed job.
        diff: lines of the difference, when they were asked for.
    """

    action: str
    name: str
    kind: str = ""
    view: bool = False
    folder: bool = False
    why: str = ""
    expected: str = ""
    digest: str = ""
    xml: bytes = b""
    old: str = ""
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


@dataclass
class Options:
    """What the user allows.

    Attributes:
        adopt: take over jobs that nobody's marker claims.
        prune: remove what is no longer described, in the way the description says.
        deep: the controller's XML of all described jobs that exist; None compares hashes only.
    """

    adopt: bool = False
    prune: bool = False
    deep: Mapping[Key, str] | None = None


@dataclass
class _Making:
    """The state while a plan is made."""

    description: Description
    server: Snapshot
    options: Options
    changes: list[Change] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unchanged: int = 0
    renamed: set[Key] = field(default_factory=set)


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
    making = _Making(description, server, options)
    wanted = list(rendered)
    for item in wanted:
        _plan_job(item, making)
    _plan_removals({(item.job.key[0], item.job.name.lower()) for item in wanted}, making)
    owned = [found for found in server.items.values() if _is_ours(found, description.owner)]
    return ChangePlan(
        description.owner,
        tuple(sorted(making.changes, key=lambda change: (change.name, change.view))),
        making.unchanged,
        tuple(making.kept),
        tuple(making.problems),
        len(owned),
        description.removal_share,
    )


def _is_ours(found: Found, owner: str) -> bool:
    return found.marker is not None and found.marker.owner == owner


def _plan_job(item: Rendered, making: _Making) -> None:
    job, spec = item.job, item.job.spec
    found = making.server.get(job.key)
    what = Change(
        ADD,
        job.name,
        job.kind,
        view=spec.VIEW,
        folder=spec.CONTAINER,
        digest=item.digest,
        xml=item.xml(making.description.owner),
    )
    if found is None:
        _plan_new(what, item, making)
        return
    problem = _in_the_way(item, found, making)
    if problem == "shared":
        making.unchanged += 1
    elif problem:
        making.problems.append(problem)
    elif found.marker is None:
        making.changes.append(replace(what, action=ADOPT, why="not managed by anyone yet"))
    else:
        _plan_existing(what, item, found, making)


def _plan_new(what: Change, item: Rendered, making: _Making) -> None:
    job = item.job
    old = making.server.get((False, job.formerly)) if job.formerly else None
    if old is None:
        making.changes.append(what)
        return
    owner = making.description.owner
    if not _is_ours(old, owner) and not making.options.adopt:
        making.problems.append(
            f"{job.name}: was formerly {old.name}, which is not marked as {owner}'s; "
            "rename it by hand, or allow it with --adopt"
        )
        return
    making.renamed.add((False, old.name.lower()))
    making.changes.append(
        replace(
            what,
            action=RENAME,
            old=old.name,
            why=f"formerly {old.name}",
            expected=old.marker.digest if old.marker else "",
        )
    )


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
    if found.marker is not None:
        return (
            f"{job.name}: belongs to {found.marker.owner}, which another description also manages; "
            "remove it from one of the two"
        )
    if not making.options.adopt:
        return (
            f"{job.name}: exists, but no description owns it; look at it, then take it over with "
            "--adopt"
        )
    return ""


def _plan_existing(what: Change, item: Rendered, found: Found, making: _Making) -> None:
    assert found.marker is not None  # noqa: S101 - the caller looked
    if found.marker.digest != item.digest:
        making.changes.append(
            replace(what, action=CHANGE, why="YAML changed", expected=found.marker.digest)
        )
        return
    actual = making.options.deep.get(item.job.key) if making.options.deep is not None else None
    if actual is not None and not _same_content(actual, what.xml, item.job.spec.KEPT):
        making.changes.append(
            replace(
                what,
                action=CHANGE,
                why="edited on the controller",
                expected=found.marker.digest,
            )
        )
        return
    making.unchanged += 1


def _same_content(actual: str, wanted: bytes, kept: tuple[str, ...]) -> bool:
    try:
        return normal.same(actual, wanted, kept)
    except xmltree.NotXmlError:
        return False


def kind_of(java: str) -> str:
    """Name a class on the controller as descriptions do."""
    for name in kinds.names():
        if java == kinds.load(name).JAVA:
            return name
    return java.rpartition(".")[2] or "job of another kind"


# -- removal -------------------------------------------------------------------------------------


def _plan_removals(wanted: set[Key], making: _Making) -> None:
    owner = making.description.owner
    gone = {
        key: found
        for key, found in making.server.items.items()
        if _is_ours(found, owner) and key not in wanted and key not in making.renamed
    }
    for key in sorted(gone, key=lambda key: key[1]):
        _removal_of(gone[key], set(gone), making)


def _removal_of(found: Found, gone: set[Key], making: _Making) -> None:
    why_kept = _reason_to_keep(found, gone, making)
    if why_kept:
        making.kept.append(f"{found.name}: no longer described; {why_kept}")
        return
    assert found.marker is not None  # noqa: S101 - only marked jobs come here
    making.changes.append(
        Change(
            making.description.removal,
            found.name,
            "view" if found.view else kind_of(found.java),
            view=found.view,
            folder=found.is_folder,
            why="no longer described",
            expected=found.marker.digest,
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
    others = [
        item.name
        for item in making.server.below(found.name)
        if not item.view and (False, item.name.lower()) not in gone
    ]
    if found.is_folder and others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        return f"kept, since it still holds {others[0]}{more}"
    return ""


def is_managed(name: str, folders: Iterable[str]) -> bool:
    """Say whether removal is allowed there: at or below a managed folder, or at the top."""
    for folder in folders:
        clean = folder.strip("/")
        if not clean and "/" not in name:
            return True
        if clean and (name == clean or name.startswith(clean + "/")):
            return True
    return False


def too_many(plan: ChangePlan, allowed: int | None) -> str:
    """Say why a plan removes too much; empty when it does not.

    Args:
        plan: with its removals.
        allowed: most removals that the user allowed by number.
    """
    count = len(plan.of(*REMOVALS))
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
    """Guess renamed jobs: one that goes and one that comes with the same content."""
    coming = {change.digest: change for change in plan.of(ADD) if not change.view}
    return [
        f"{change.name} has the content of the new {coming[change.expected].name}; if it was "
        f"renamed, add `formerly: {change.name}` to keep its builds"
        for change in plan.of(*REMOVALS)
        if change.expected in coming
    ]


def parents_first(changes: Iterable[Change]) -> list[Change]:
    """Order changes so that folders come before what stands in them."""
    return sorted(changes, key=lambda change: (len(names.segments(change.name)), change.name))
