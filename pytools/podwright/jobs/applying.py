"""Carrying out a plan: parents before children, several requests at once, one outcome per change.

Every step can be repeated: what was done is seen in the controller's own state, so that a run which
was killed is continued by the next one without any file of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from podwright.jobs import marker, merging, names, normal, xmltree
from podwright.jobs.client import Controller, Fatal, RequestRefused
from podwright.jobs.planning import ADD, CHANGE, DELETE, DISABLE, REMOVALS, RENAME, Change

DONE, FAILED, SKIPPED = "done", "failed", "not tried"
EXISTS = 400
MISSING = 404
SERVER_ERROR = 500
CHANGED_SINCE = "was changed since; plan again"
# An organization holds projects, and these hold branches.
BUILDS = "name,description,inQueue,allBuilds[building]"
BUILDS = f"{BUILDS},jobs[{BUILDS},jobs[{BUILDS}]]"


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
        owner: whose jobs they are.
        progress: told after each change, with the number done and of all.
    """

    target: Controller
    workers: int = 8
    force: bool = False
    owner: str = ""
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


def unread(key: tuple[bool, str], why: str) -> ChangeOutcome:
    """Give the outcome for a job whose XML may not be read."""
    return ChangeOutcome(Change(CHANGE, key[1], view=key[0]), FAILED, f"cannot be read: {why}")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM, as Jenkins ends a build with, stop the work as Ctrl-C does: with a report."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(name, signal.default_int_handler) for name in names]
    try:
        yield
    finally:
        for name, handler in zip(names, before):
            signal.signal(name, handler)


def stages(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Group changes so that each group needs only what the groups before it did.

    Folders level by level, then renames, jobs, views, and removals with folders last.
    """
    rest = list(changes)
    removals = [change for change in rest if change.action in REMOVALS]
    rest = [change for change in rest if change.action not in REMOVALS]
    folders = [change for change in rest if change.folder]
    for _, level in itertools.groupby(sorted(folders, key=_depth_of), key=_depth_of):
        these = list(level)
        yield from _in_turn([change for change in these if change.action == RENAME])
        yield [change for change in these if change.action != RENAME]
    jobs = [change for change in rest if not change.folder]
    yield from _in_turn([change for change in jobs if change.action == RENAME])
    yield spread([change for change in jobs if change.action != RENAME and not change.view])
    yield [change for change in jobs if change.view]
    yield [change for change in removals if not change.folder]
    gone = [change for change in removals if change.folder]
    for _, level in itertools.groupby(sorted(gone, key=_depth_of, reverse=True), key=_depth_of):
        yield list(level)


def _in_turn(moves: list[Change]) -> Iterator[list[Change]]:
    """Group renames: one whose new name is another's old one waits for that one."""
    group: list[Change] = []
    olds: set[str] = set()
    for change in sorted(moves, key=lambda change: change.step):
        if change.name.lower() in olds or change.folder:
            yield group
            group, olds = [], set()
        group.append(change)
        olds.add(change.old.lower())
    yield group


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
        # What words need was looked up before; what XML needs nobody knows.
        why = f"most likely a plugin for this {change.kind} is missing"
        why = why if change.kind.startswith("xml") else "perhaps a class that it names is missing"
        return f"the controller could not read it (500): {why}{other}; see the controller's log"
    if error.status == MISSING:
        return "it is gone, or its folder is, or you may not see it (404); plan again"
    return f"{error.status or ''} {error.reason}".strip()


def _add_item(change: Change, run: Run) -> str:
    try:
        run.target.create(change.name, change.xml, view=change.view)
    except RequestRefused as error:
        if error.status != EXISTS or "already exists" not in error.reason:
            raise
        # Its answer may have been lost and the request sent again; then the job is ours.
        if not _is_written(change, run):
            raise RequestRefused(
                str(error), error.status, "somebody else created it meanwhile; plan again"
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
    run.target.update(change.name, with_kept(change, run, change.name), view=change.view)
    return ""


def with_kept(change: Change, run: Run, name: str) -> bytes:
    """Put what belongs to others into the XML, as it is at this moment.

    Raises:
        RequestRefused: when somebody else has changed the job since the plan was made.
    """
    actual = run.target.config(name, view=change.view)
    if actual is None:
        raise RequestRefused(f"{name}: is gone", MISSING)
    try:
        described = xmltree.parse(actual).findtext("description")
        form = normal.digest(xmltree.parse(actual)) if change.seen else ""
        made = merging.merged(actual, change.xml, change.kind)
    except xmltree.NotXmlError:
        raise RequestRefused(
            f"{name}: the controller's XML cannot be read", 0, "unreadable XML; look at it"
        ) from None
    if not _is_as_planned(change, described) or form != change.seen:
        raise RequestRefused(f"{name}: was changed", 0, CHANGED_SINCE)
    return made


def _is_as_planned(change: Change, description: str | None) -> bool:
    """Say whether a job is whose it was and what it was when the plan was made."""
    found = marker.find(description)
    return (change.claim, change.expected) == ((found.owner, found.digest) if found else ("", ""))


def _rename_item(change: Change, run: Run) -> str:
    """Move to the new folder, rename, and write the new content; builds go along."""
    try:
        made = with_kept(change, run, change.old)
    except RequestRefused as error:
        if error.status == MISSING:
            raise RequestRefused(str(error), 0, "it is gone; plan again") from None
        raise

    def is_there(name: str) -> bool:
        found = run.target.config(name)
        return found is not None and _is_as_planned(
            change, xmltree.parse(found).findtext("description")
        )

    try:
        _relocate(change.old, change.name, run.target, is_there)
    except RequestRefused as error:
        # The answer may have been lost and the request sent again: then it stands there already.
        if error.status != MISSING or not is_there(change.name):
            raise
    run.target.update(change.name, made)
    return ""


def _relocate(old: str, new: str, target: Controller, is_there: Callable[[str], bool]) -> None:
    """Move and rename, in the order in which names are free; half of it is taken back."""
    above, last, old_last = names.parent(new), names.segments(new)[-1], names.segments(old)[-1]
    if names.parent(old) == above:
        target.rename(old, new)
        return
    moved = "/".join(filter(None, (above, old_last)))
    try:
        target.move(old, above)
    except RequestRefused as error:
        if error.status == EXISTS and old_last != last:
            here = "/".join(filter(None, (names.parent(old), last)))
            target.rename(old, here)
            _or_back(lambda: target.move(here, above), lambda: target.rename(here, old))
            return
        if error.status != MISSING or not is_there(moved):
            raise
    if old_last != last:
        back = names.parent(old)
        _or_back(lambda: target.rename(moved, new), lambda: target.move(moved, back))


def _or_back(step: Callable[[], None], back: Callable[[], None]) -> None:
    """Do a step; when that is refused, undo the one before, since nobody would find the job."""
    try:
        step()
    except RequestRefused:
        back()
        raise


def _why_not_removed(change: Change, data: dict[str, Any], run: Run) -> str:
    """Look once more right before: whose is it, does a build run, and what would go with it."""
    if data and not _is_as_planned(change, data.get("description")):
        return CHANGED_SINCE
    if not run.force and _is_building(data):
        return "a build runs or waits; try later, or use --force"
    if not change.folder or not data:
        return ""
    # Whatever came in meanwhile is somebody's work; it would go with the folder.
    inside = data.get("jobs") or []
    if inside:
        return f"it still holds {inside[0]['name']}; delete that first, or keep the folder"
    held = merging.peoples(run.target.config(change.name) or "<none/>")
    return f"it holds {held}" if held else ""


def _is_building(item: dict[str, Any]) -> bool:
    """Say whether a build of a job, or of one at any depth below it, runs or waits."""
    builds = item.get("allBuilds") or []
    return (
        bool(item.get("inQueue"))
        or any(build.get("building") for build in builds)
        or any(map(_is_building, item.get("jobs") or []))
    )


def _disable_job(change: Change, run: Run) -> str:
    data = run.target.tree(BUILDS, change.name)
    problem = _why_not_removed(change, data, run)
    if not problem:
        run.target.disable(change.name)
        made = marker.Marker(change.claim, marker.DISABLED)
        text = f"{marker.strip(data.get('description'))}\n\n{made}"
        run.target.describe(change.name, text.strip())
    return problem


def _delete_item(change: Change, run: Run) -> str:
    if change.view:
        text = run.target.config(change.name, view=True)
        described = None if text is None else xmltree.parse(text).findtext("description")
        problem = "" if text is None or _is_as_planned(change, described) else CHANGED_SINCE
    else:
        problem = _why_not_removed(change, run.target.tree(BUILDS, change.name), run)
    if not problem:
        run.target.delete(change.name, view=change.view)
    return problem


ACTIONS: dict[str, Callable[[Change, Run], str]] = {
    ADD: _add_item,
    RENAME: _rename_item,
    DISABLE: _disable_job,
    DELETE: _delete_item,
}


def looked_at(change: Change, actual: str | None, *, exactly: bool) -> Change:
    """Add the difference that a change would make and, for a plan's file, what there is now."""
    if actual is None or not change.xml:
        return change
    try:
        theirs, ours = xmltree.parse(actual), xmltree.parse(change.xml)
    except xmltree.NotXmlError as error:
        return replace(change, diff=(f"the controller's XML cannot be read: {error}",))
    merging.merge(theirs, ours, change.kind)
    seen = normal.digest(xmltree.parse(actual)) if exactly else ""
    return replace(change, seen=seen, diff=tuple(normal.diff(theirs, ours)))
