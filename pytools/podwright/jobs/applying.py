"""Carrying out a plan: parents before children, several requests at once, one outcome per change.

Every step can be repeated: what was done is seen in the controller's own state, so that a run which
was killed is continued by the next one without any file of its own.
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree.ElementTree import Element

from podwright.jobs import kinds, marker, names, normal, xmltree
from podwright.jobs.client import Fatal, RequestRefused
from podwright.jobs.planning import ADD, DELETE, DISABLE, REMOVALS, RENAME, Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

DONE, FAILED, SKIPPED = "done", "failed", "not tried"
EXISTS = 400
SERVER_ERROR = 500


class JobsTarget(Protocol):
    """What applying needs of a controller."""

    def config(self, name: str, *, view: bool = False) -> str | None:
        """Read XML."""

    def create(self, name: str, xml: bytes, *, view: bool = False) -> None:
        """Create."""

    def update(self, name: str, xml: bytes, *, view: bool = False) -> None:
        """Replace the XML."""

    def disable(self, name: str) -> None:
        """Refuse builds."""

    def delete(self, name: str, *, view: bool = False) -> None:
        """Delete."""

    def rename(self, old: str, new: str) -> None:
        """Rename within a folder."""

    def move(self, old: str, folder: str) -> None:
        """Move to another folder."""

    def tree(self, query: str, name: str = "") -> dict[str, Any]:
        """Answer a tree query."""

    def is_building(self, name: str) -> bool:
        """Say whether a build runs."""


@dataclass(frozen=True)
class ChangeOutcome:
    """What became of one change."""

    change: Change
    state: str
    sentence: str = ""


@dataclass
class Run:
    """How a plan is applied.

    Attributes:
        target: the controller.
        workers: how many requests run at the same time at most.
        force: remove jobs whose builds run.
        progress: told after each change, with the number done and of all.
    """

    target: JobsTarget
    workers: int = 8
    force: bool = False
    progress: Callable[[int, int, ChangeOutcome], None] = lambda _done, _all, _outcome: None
    outcomes: list[ChangeOutcome] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)
    fatal: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


def apply(changes: Sequence[Change], run: Run) -> list[ChangeOutcome]:
    """Carry out changes.

    Args:
        changes: all of a plan.
        run: the controller and how to treat it; collects the outcomes.

    Returns:
        One outcome for each change, in the order in which they ended.
    """
    total = len(changes)
    with ThreadPoolExecutor(max_workers=max(run.workers, 1)) as pool:
        try:
            for stage in stages(changes):
                _apply_stage(stage, run, pool, total)
        except KeyboardInterrupt:
            run.stop.set()
            run.fatal = run.fatal or "interrupted"
            pool.shutdown(wait=True)
    told = {outcome.change.key for outcome in run.outcomes}
    for change in changes:
        if change.key not in told:
            run.outcomes.append(ChangeOutcome(change, SKIPPED, run.fatal))
    return run.outcomes


def stages(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Group changes so that each group needs only what the groups before it did.

    Folders level by level, then renames, jobs, views, and removals with folders last.
    """
    rest = list(changes)
    removals = [change for change in rest if change.action in REMOVALS]
    rest = [change for change in rest if change.action not in REMOVALS]
    folders = [change for change in rest if change.folder]
    for _, level in itertools.groupby(sorted(folders, key=_depth_of), key=_depth_of):
        yield list(level)
    jobs = [change for change in rest if not change.folder]
    yield [change for change in jobs if change.action == RENAME]
    yield spread([change for change in jobs if change.action != RENAME and not change.view])
    yield [change for change in jobs if change.view]
    yield [change for change in removals if not change.folder]
    gone = [change for change in removals if change.folder]
    for _, level in itertools.groupby(sorted(gone, key=_depth_of, reverse=True), key=_depth_of):
        yield list(level)


def _depth_of(change: Change) -> int:
    return change.name.count("/")


def spread(changes: Sequence[Change]) -> list[Change]:
    """Deal changes round the folders: the controller creates one job at a time in each."""
    by_folder: dict[str, list[Change]] = {}
    for change in changes:
        by_folder.setdefault(names.parent(change.name), []).append(change)
    rounds = itertools.zip_longest(*by_folder.values())
    return [change for row in rounds for change in row if change is not None]


def _apply_stage(stage: list[Change], run: Run, pool: ThreadPoolExecutor, total: int) -> None:
    """Carry out one group: each worker takes the next change until there is none."""
    waiting = iter(stage)

    def work() -> None:
        while True:
            with run.lock:
                change = next(waiting, None)
            if change is None:
                return
            outcome = _apply_change(change, run)
            with run.lock:
                run.outcomes.append(outcome)
                if outcome.state != DONE and change.folder:
                    run.broken.add(change.name)
                run.progress(len(run.outcomes), total, outcome)

    for future in [pool.submit(work) for _ in range(min(run.workers, len(stage)))]:
        future.result()


def _apply_change(change: Change, run: Run) -> ChangeOutcome:
    if run.stop.is_set():
        return ChangeOutcome(change, SKIPPED, run.fatal)
    above = next((name for name in names.parents(change.name) if name in run.broken), "")
    if above and change.action not in REMOVALS:
        return ChangeOutcome(change, SKIPPED, f"its folder {above} could not be made")
    try:
        sentence = ACTIONS.get(change.action, _update_item)(change, run)
    except Fatal as error:
        run.fatal = run.fatal or error.problems[0]
        run.stop.set()
        return ChangeOutcome(change, FAILED, error.problems[0])
    except RequestRefused as error:
        return ChangeOutcome(change, FAILED, _with_advice(error, change))
    return ChangeOutcome(change, SKIPPED if sentence else DONE, sentence)


def _with_advice(error: RequestRefused, change: Change) -> str:
    if error.status == 403:  # noqa: PLR2004
        return f"no permission ({error.reason or 'the controller refuses it'})"
    if error.status == SERVER_ERROR:
        other = "" if change.action == ADD else ", or the job there is of another kind"
        return (
            "the controller could not read it (500): most likely a plugin for this "
            f"{change.kind or 'job'} is missing{other}; see the controller's log"
        )
    if error.status == 404:  # noqa: PLR2004
        return "it is gone, or its folder is, or you may not see it (404); plan again"
    return f"{error.status} {error.reason}".strip()


def _add_item(change: Change, run: Run) -> str:
    try:
        run.target.create(change.name, change.xml, view=change.view)
    except RequestRefused as error:
        if error.status != EXISTS or "already exists" not in error.reason:
            raise
        # Its answer may have been lost and the request sent again; then the job is ours.
        if not _is_written(change, run):
            raise RequestRefused(
                str(error),
                error.status,
                "somebody else created it meanwhile; plan again",
            ) from None
    return ""


def _is_written(change: Change, run: Run) -> bool:
    """Say whether the controller holds what the change wants."""
    actual = run.target.config(change.name, view=change.view)
    if actual is None:
        return False
    try:
        found = marker.find(xmltree.parse(actual).findtext("description"))
    except xmltree.NotXmlError:
        return False
    wanted = marker.find(xmltree.parse(change.xml).findtext("description"))
    return found is not None and found == wanted


def _update_item(change: Change, run: Run) -> str:
    run.target.update(change.name, with_kept(change, run), view=change.view)
    return ""


def with_kept(change: Change, run: Run) -> bytes:
    """Put what belongs to others into the XML: a folder's credentials, and views people made.

    Posting a folder without them would delete them.
    """
    kept = kinds.load(change.kind).KEPT if change.kind else ()
    if not kept:
        return change.xml
    actual = run.target.config(change.name, view=change.view)
    if actual is None:
        return change.xml
    try:
        return keep(actual, change.xml, kept)
    except xmltree.NotXmlError:
        raise RequestRefused(
            f"{change.name}: the controller's XML cannot be read", 0, "unreadable XML; look at it"
        ) from None


def keep(actual: str, wanted: bytes, paths: Iterable[str]) -> bytes:
    """Copy elements from the controller's XML into ours.

    Args:
        actual: the controller's XML.
        wanted: ours.
        paths: of the elements.

    Raises:
        xmltree.NotXmlError: when the controller's XML is none.
    """
    theirs, ours = xmltree.parse(actual), xmltree.parse(wanted)
    found = False
    for path in paths:
        above, _, _ = path.rpartition("/")
        elements = theirs.findall(path)
        if not elements:
            continue
        found = True
        parent = ours.find(above) if above else ours
        if parent is None:
            parent = Element(above)
            ours.append(parent)
        for old in ours.findall(path):
            parent.remove(old)
        parent.extend(elements)
    return xmltree.serialise(ours) if found else wanted


def _rename_item(change: Change, run: Run) -> str:
    """Move to the new folder, rename, and write the new content; builds go along."""
    old = change.old
    if names.parent(old) != names.parent(change.name):
        run.target.move(old, names.parent(change.name))
        old = "/".join(filter(None, (names.parent(change.name), names.segments(old)[-1])))
    if old != change.name:
        run.target.rename(old, change.name)
    return _update_item(change, run)


def _disable_job(change: Change, run: Run) -> str:
    if not run.force and run.target.is_building(change.name):
        return "a build runs or waits; try later, or use --force"
    run.target.disable(change.name)
    return ""


def _delete_item(change: Change, run: Run) -> str:
    if not change.view and not run.force and run.target.is_building(change.name):
        return "a build runs or waits; try later, or use --force"
    if change.folder:
        # Whatever came in meanwhile is somebody's work; it would go with the folder.
        inside = run.target.tree("jobs[name]", change.name).get("jobs") or []
        if inside:
            return f"it still holds {inside[0]['name']}; delete that first, or keep the folder"
    run.target.delete(change.name, view=change.view)
    return ""


ACTIONS: dict[str, Callable[[Change, Run], str]] = {
    ADD: _add_item,
    RENAME: _rename_item,
    DISABLE: _disable_job,
    DELETE: _delete_item,
}


def normal_diff(change: Change, actual: str | None) -> tuple[str, ...]:
    """Give the difference that a change would make."""
    kept = kinds.load(change.kind).KEPT if change.kind else ()
    if not change.xml:
        return ()
    try:
        return tuple(normal.diff(actual, change.xml, kept))
    except xmltree.NotXmlError as error:
        return (f"the controller's XML cannot be read: {error}",)
