"""The verbs of ``podwright jobs``: what reads files and talks to the user."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from podwright.errors import EXIT_DONE, EXIT_FAILED, EXIT_PENDING, PodwrightError, UsageError, guess
from podwright.jobs import description as describing
from podwright.jobs import kinds, merging, names, rendering, xmltree
from podwright.jobs.expand import without_collector

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping
    from typing import Any

    from podwright.console import Console
    from podwright.jobs.applying import ChangeOutcome
    from podwright.jobs.client import Controller
    from podwright.jobs.description import Description
    from podwright.jobs.planning import Change, ChangePlan, FolderContents, Key
    from podwright.jobs.rendering import Rendered
    from podwright.jobs.snapshot import Snapshot

MOST_WORKERS = 64
BAR = 30
BAR_SECONDS = 0.1
LOG_SECONDS = 5.0


def validate(options: argparse.Namespace, console: Console) -> int:
    """Check a description as far as that goes without a controller."""
    found = describing.read(Path(options.description))
    rendering.render_all(found.jobs)
    count = len(found.jobs)
    for note in found.notes:
        console.say(note)
    console.say(f"{options.description}: {count} job{'s'[: count != 1]}, no problems")
    console.result("", {"jobs": count})
    return EXIT_DONE


def schema(options: argparse.Namespace, console: Console) -> int:
    """Print the JSON Schema of a description, or the reference page made of the same records."""
    from podwright.jobs import schemas  # noqa: PLC0415 - needed by this verb alone

    console.result(schemas.reference() if options.page else None, schemas.json_schema())
    return EXIT_DONE


def render_files(items: Iterable[Rendered], owner: str, out: Path) -> int:
    """Write one file per job, in folders like those of the jobs."""
    written: set[Path] = set()
    for item in items:
        suffix = ".view.xml" if item.job.spec.VIEW else ".xml"
        path = out / (item.job.name + suffix)
        while path in written:
            path = path.with_name("~" + path.name)
        written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(item.xml(owner))
    return len(written)


def render(options: argparse.Namespace, console: Console) -> int:
    """Write the XML of all jobs."""
    found = describing.read(Path(options.description))
    items = rendering.render_all(found.jobs)
    if options.out:
        try:
            count = render_files(items, found.owner, Path(options.out))
        except OSError as error:
            raise UsageError(
                f"--out: {error.filename} cannot be written: {error.strerror}"
            ) from None
        console.say(f"{options.out}: {count} files written")
        console.result("", {"out": options.out, "files": count})
        return EXIT_DONE
    made = {item.job.name: xmltree.pretty(item.xml(found.owner)) for item in items}
    console.result("".join(f"# {name}\n{text.rstrip()}\n" for name, text in made.items()), made)
    return EXIT_DONE


# -- with a controller ---------------------------------------------------------------------------


def connect(options: argparse.Namespace, console: Console) -> Controller:
    """Make the client from options, environment and files.

    Raises:
        UsageError: when the address is missing or the secret cannot be read.
    """
    from podwright.jobs.client import Access, Controller  # noqa: PLC0415 - slow to import

    problems = []
    url = options.url or console.env.get("JENKINS_URL", "")
    if not url:
        problems.append("no controller is named; set JENKINS_URL or give --url")
    if not 1 <= options.workers <= MOST_WORKERS:
        problems.append(f"--workers: {options.workers} is not between 1 and {MOST_WORKERS}")
    user = options.user or console.env.get("JENKINS_USER", "")
    secret = _read_secret(options, console, problems)
    if bool(user) != bool(secret):
        problems.append(
            "no API token; set JENKINS_TOKEN or give --token-file"
            if user
            else "no user for the API token; set JENKINS_USER or give --user"
        )
    if options.ca and not Path(options.ca).is_file():
        problems.append(f"--ca: there is no file {options.ca}")
    if problems:
        raise UsageError(problems)
    access = Access(
        url,
        user,
        secret,
        options.ca,
        options.timeout,
        options.patience,
        min(10.0, options.patience),
        options.workers,
        console.env.get("JENKINS_API_EXTRA_HEADERS", ""),
    )
    return Controller(access, console.say)


def _read_secret(options: argparse.Namespace, console: Console, problems: list[str]) -> str:
    if options.token_file:
        try:
            return Path(options.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            problems.append(f"--token-file: {options.token_file} cannot be read: {reason}")
    return console.env.get("JENKINS_TOKEN", "") or console.env.get("JENKINS_PASSWORD", "")


@dataclass
class _Work:
    """A description compared with a controller."""

    description: Description
    rendered: dict[Key, Rendered]
    server: Snapshot
    plan: ChangePlan
    actual: Texts

    @cached_property
    def moves(self) -> list[Change]:
        """Give the renames, the last first."""
        return sorted(self.plan.of("rename"), key=lambda one: -one.step)

    @property
    def unread(self) -> list[str]:
        """Give sentences about jobs whose XML may not be read."""
        return [f"{name}: cannot be read: {why}" for (_, name), why in self.actual.refused.items()]


@dataclass
class Texts:
    """The XML of jobs by their present names, and why some may not be read."""

    found: dict[Key, str] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)

    def fetch(self, controller: Controller, keys: Iterable[Key], workers: int) -> None:
        """Read more of them, several at once; jobs that are gone are left out."""
        from podwright.jobs.client import RequestRefused  # noqa: PLC0415 - slow to import

        wanted = [key for key in keys if key not in self.found and key not in self.refused]

        def read(key: Key) -> str | None:
            try:
                return controller.config(key[1], view=key[0])
            except RequestRefused as error:
                self.refused[key] = f"{error.status} {error.reason}".strip()
                return None

        with ThreadPoolExecutor(max_workers=workers) as pool:
            for key, text in zip(wanted, pool.map(read, wanted)):
                if text is not None:
                    self.found[key] = text


def compare(options: argparse.Namespace, controller: Controller) -> _Work:
    """Read, render, ask and plan.

    Raises:
        UsageError: about the description.
        PodwrightError: about the controller, or what stands in the way of the plan.
    """
    from podwright.jobs import planning, renames, snapshot  # noqa: PLC0415 - needed here alone

    found = describing.read(Path(options.description))
    items = {item.job.key: item for item in rendering.render_all(found.jobs)}
    before = [job.formerly for job in found.jobs if job.formerly]
    server = snapshot.take(
        controller,
        [*(job.name for job in found.jobs), *before],
        [*found.folders, *(job.formerly for job in found.jobs if job.formerly and job.container)],
        top_views=any(job.spec.VIEW and "/" not in job.name for job in found.jobs),
    )
    allowed = planning.Options(
        options.adopt,
        options.prune,
        getattr(options, "from"),
        checked_names(options.only, items, server),
    )
    texts = Texts()
    if options.deep:
        moved = renames.follow(found.owner, list(found.jobs), server, allowed).server
        there = [moved.get(key) for key in items if allowed.covers(key[1])]
        texts.fetch(controller, [(one.view, one.real) for one in there if one], options.workers)
        allowed.deep = texts.found
    made = planning.make(found, items.values(), server, allowed)
    holders = [change for change in made.of(planning.DELETE) if not change.view]
    if holders:
        allowed.inside = look_inside(controller, holders, server)
        made = planning.make(found, items.values(), server, allowed)
    return _Work(found, items, server, made, texts)


def checked_names(
    only: Iterable[str] | None, items: Mapping[Key, Rendered], server: Snapshot
) -> tuple[str, ...]:
    """Check what ``--only`` names.

    Raises:
        UsageError: when nothing is called so.
    """
    names_given = tuple(only or ())
    known = {name for _, name in (*items, *server.items)}
    unknown = [
        f"--only: no job or folder is called '{name}'{guess(name, known)}"
        for name in names_given
        if not any(one == name or one.startswith(name + "/") for one in known)
    ]
    if unknown:
        raise UsageError(unknown)
    return names_given


def look_inside(
    controller: Controller, changes: Iterable[Change], server: Snapshot
) -> dict[str, FolderContents]:
    """See what goes with folders and projects that would be deleted."""
    from podwright.jobs import planning  # noqa: PLC0415 - needed here alone
    from podwright.jobs.client import RequestRefused  # noqa: PLC0415 - slow to import

    held = {}
    for change in changes:
        found = server.get(change.key)
        java = found.java if found else ""
        if found is None or java in {kinds.load("pipeline").JAVA, kinds.load("freestyle").JAVA}:
            continue
        try:
            held[found.real] = _look_into(controller, change.name, is_folder=found.is_folder)
        except RequestRefused:
            held[found.real] = planning.FolderContents(people="what you may not see")
    return held


def _look_into(controller: Controller, name: str, *, is_folder: bool) -> FolderContents:
    from podwright.jobs import planning  # noqa: PLC0415 - needed here alone

    if is_folder:
        return planning.FolderContents(people=merging.peoples(controller.config(name) or "<none/>"))
    data = controller.tree("jobs[name,jobs[name,jobs[name]]]", name)
    return planning.FolderContents(_count_jobs(data))


def _count_jobs(data: Mapping[str, Any]) -> int:
    jobs = data.get("jobs") or []
    return len(jobs) + sum(map(_count_jobs, jobs))


def with_diffs(work: _Work, controller: Controller, options: argparse.Namespace) -> ChangePlan:
    """Add to a plan what changed jobs are now, and the differences."""
    from podwright.jobs import applying  # noqa: PLC0415 - needed here alone

    before = {
        change.key: _key_before(change, work)
        for change in work.plan.changes
        if change.xml and change.action != "add"
    }
    work.actual.fetch(controller, before.values(), options.workers)
    with without_collector():
        changes = tuple(
            applying.looked_at(
                change, work.actual.found.get(before[change.key]), exactly=bool(options.out)
            )
            if change.key in before
            else change
            for change in work.plan.changes
        )
    return replace(work.plan, changes=changes)


def _key_before(change: Change, work: _Work) -> Key:
    """Find the present name of what is changed, whatever renames come before."""
    name = change.old or change.name
    for step in work.moves:
        if name.startswith(step.name + "/") and (not change.step or step.step < change.step):
            name = step.old + name[len(step.name) :]
    return (change.view, name)


def check_plugins(work: _Work, controller: Controller, console: Console) -> None:
    """Refuse to write jobs that the controller could not read.

    Raises:
        PodwrightError: one sentence for each missing plugin.
    """
    from podwright.jobs import plugins  # noqa: PLC0415 - needed here alone

    written = [change.key for change in work.plan.of("add", "change", "adopt", "rename")]
    if not written:
        return
    installed = controller.plugins()
    if installed is None:
        console.say("the controller's plugins cannot be seen without Overall/SystemRead: unchecked")
        return
    problems = plugins.missing([work.rendered[key] for key in written], installed)
    if problems:
        raise PodwrightError([*problems, "nothing was changed"])


def plan(options: argparse.Namespace, console: Console) -> int:
    """Show what would change; exit code 3 when something would."""
    from podwright.jobs import plan_page, planfile, report  # noqa: PLC0415 - needed here alone

    controller = connect(options, console)
    work = compare(options, controller)
    made = work.plan
    if options.out or not options.no_diff:
        made = with_diffs(work, controller, options)
    show(report.plan_text(made), console, report.plan_json(made))
    if options.html:
        save(Path(options.html), plan_page.page(made), "--html")
    if made.problems or work.unread:
        raise PodwrightError([*made.problems, *work.unread])
    check_plugins(work, controller, console)
    if options.out:
        save(Path(options.out), planfile.dump(made, controller.access.url))
    return EXIT_PENDING if made.changes else EXIT_DONE


def show(text: str, console: Console, value: Any) -> None:
    """Print a result, with colours when a person reads it."""
    from podwright.jobs import report  # noqa: PLC0415 - needed here alone

    is_read = console.stdout.isatty() and not console.env.get("NO_COLOR")
    console.result(report.coloured(text) if is_read else text, value)


def save(path: Path, text: str, option: str = "--out") -> None:
    """Write a file that the user asked for.

    Raises:
        UsageError: when that cannot be done.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}") from None


def apply(options: argparse.Namespace, console: Console) -> int:
    """Make the controller as it is described, or as a plan says."""
    from podwright.jobs import planning  # noqa: PLC0415 - needed here alone

    if bool(options.plan) == bool(options.description):
        raise UsageError("give either the description's folder or --plan FILE")
    controller = connect(options, console)
    started = time.monotonic()
    made, refused = _due_plan(options, controller, console)
    refusal = planning.too_many(made, options.allow_removals)
    if refusal:
        raise PodwrightError(refusal)
    _ask(made, options, console)
    code = _carry_out(made, refused, options, controller, console)
    plural = "s"[: controller.requests != 1]
    console.say(f"{controller.requests} request{plural}, {time.monotonic() - started:.1f} s")
    return code


def _ask(made: ChangePlan, options: argparse.Namespace, console: Console) -> None:
    """Ask whoever sits at a terminal before something is removed.

    Raises:
        PodwrightError: when the answer is no.
    """
    from podwright.jobs import planning  # noqa: PLC0415 - needed here alone

    gone = made.of(*planning.REMOVALS)
    if not gone or options.yes or not console.stdin.isatty():
        return
    for change in gone:
        console.say(f"  - {change.action} {change.name}")
    count = planning.removed_jobs(made)
    plural = "s"[: count != 1]
    console.stderr.write(f"{count} job{plural} will be removed; go on? [y/N] ")
    console.stderr.flush()
    if console.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise PodwrightError("nothing was changed")


def _due_plan(
    options: argparse.Namespace, controller: Controller, console: Console
) -> tuple[ChangePlan, list[ChangeOutcome]]:
    """Give the plan to be carried out, made now or read from a file, and what is refused of it."""
    from podwright.jobs import applying, planfile, snapshot  # noqa: PLC0415 - needed here alone

    if not options.plan:
        work = compare(options, controller)
        if work.plan.problems:
            raise PodwrightError([*work.plan.problems, "nothing was changed"])
        check_plugins(work, controller, console)
        tried = {_key_before(change, work) for change in work.plan.changes}
        unread = [
            applying.unread(key, why)
            for key, why in sorted(work.actual.refused.items())
            if key not in tried
        ]
        return work.plan, unread
    try:
        text = Path(options.plan).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{options.plan}: cannot be read: {reason}") from None
    stored, edited = planfile.load(text, options.plan, controller.access.url)
    known = [name for change in stored.changes for name in (change.name, change.old) if name]
    top_views = any(change.view and "/" not in change.name for change in stored.changes)
    server = snapshot.take(controller, known, [], top_views=top_views)
    due, changed = planfile.still_due(stored, server)
    return due, [
        applying.ChangeOutcome(change, applying.SKIPPED, why) for change, why in edited + changed
    ]


def _carry_out(
    made: ChangePlan,
    refused: list[ChangeOutcome],
    options: argparse.Namespace,
    controller: Controller,
    console: Console,
) -> int:
    from podwright.jobs import applying, report  # noqa: PLC0415 - needed here alone

    progress = ProgressBar(console)
    work = applying.Run(controller, options.workers, options.force, made.owner, progress.show)
    with applying.interruptible():
        outcomes = [*refused, *applying.apply(made.changes, work)]
    progress.end()
    for sentence in [] if console.json else made.kept:
        console.say(f"  . {sentence}")
    value = report.outcome_json(outcomes, made.unchanged)
    show(report.outcome_text(outcomes) + f" {made.unchanged} unchanged.", console, value)
    bad = [outcome for outcome in outcomes if outcome.state != applying.DONE]
    return EXIT_FAILED if bad else EXIT_DONE


@dataclass
class ProgressBar:
    """A bar on a terminal, a line now and then in a log."""

    console: Console
    started: float = field(default_factory=time.monotonic)
    shown: float = field(default_factory=time.monotonic)
    drawn: bool = False

    def show(self, done: int, total: int, outcome: ChangeOutcome) -> None:
        """Tell of one change more."""
        now = time.monotonic()
        if self.console.is_terminal:
            if now - self.shown > BAR_SECONDS or done == total:
                self.shown = now
                self.drawn = True
                self.console.stderr.write("\r" + self.bar(done, total, outcome.change.name))
                self.console.stderr.flush()
        elif now - self.shown > LOG_SECONDS and done < total:
            self.shown = now
            rate = done / max(now - self.started, 0.001)
            self.console.say(f"{done} of {total} done ({rate:.0f} per second)")

    def bar(self, done: int, total: int, name: str) -> str:
        """Draw the bar, as wide as a narrow terminal."""
        filled = BAR * done // total
        return f"[{'#' * filled:<{BAR}}] {done}/{total} {names.printable(name, 30):<32}"

    def end(self) -> None:
        """Leave the line of the bar."""
        if self.drawn:
            self.console.stderr.write("\n")
