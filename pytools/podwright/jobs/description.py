"""The description of a Jenkins: files in a folder, read and checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from podwright import located, sources, yamlreader
from podwright.errors import UsageError, guess
from podwright.jobs import kinds, names, secrets
from podwright.jobs.expand import Entry, ExpansionContext, expand, without_collector
from podwright.jobs.kinds import JobKind
from podwright.jobs.marker import OWNER, SLOT
from podwright.jobs.parts.triggers import UPSTREAM
from podwright.located import Map, Mark, Problems, Seq
from podwright.records import field, fields, record
from podwright.schema import (
    Anything,
    Choice,
    Invalid,
    ListOf,
    MapOf,
    Number,
    Text,
    option,
    parse_fields,
)

REMOVALS = ("keep", "disable", "delete")
SUFFIXES = (".yaml", ".yml")


@record
class DescriptionFile:
    """One file of a description."""

    owner: str = option(
        Text(OWNER.pattern, "a name of letters, digits, '.', '_' and '-', at most 63 long"),
        "whose jobs these are; stands in the marker of each job, in exactly one file",
        "",
    )
    folders: tuple[str, ...] = option(
        ListOf(Text()),
        "where jobs that are no longer described may be disabled or deleted; `/` is the top. "
        "Without it: the top folders that are described with `kind: folder`",
        (),
    )
    removal: str = option(
        Choice(words=lambda: REMOVALS, what="way of removal"),
        "what `apply --prune` does with jobs that are no longer described",
        "keep",
    )
    removalShare: int = option(
        Number(0, 100),
        "largest share of jobs, in percent, that one apply may remove without --allow-removals",
        20,
    )
    defaults: dict[str, Any] = option(
        MapOf(Anything()),
        "fields for all jobs of a kind (or `all`): of this file, or of every file when they stand "
        "in the file with the owner",
        {},
    )
    templates: dict[str, Any] = option(
        MapOf(Anything()), "jobs by name, to be used by `template:` in any file", {}
    )
    jobs: tuple[Any, ...] = option(ListOf(Anything()), "the jobs, folders and views", ())


@record
class Job:
    """One described item.

    Attributes:
        name: full name.
        kind: the word behind ``kind:``.
        spec: its fields.
        values: what ``{{name}}`` stands for.
        formerly: the name it had before.
        mark: where it stands in the description (None for folders nobody described).
    """

    name: str
    kind: str
    spec: JobKind
    values: Mapping[str, Any] = field(default_factory=dict)
    formerly: str = ""
    mark: Mark | None = None

    @property
    def key(self) -> tuple[bool, str]:
        """Tell views from jobs, which may have the same name."""
        return (self.spec.VIEW, self.name)

    @property
    def container(self) -> bool:
        """Say whether other described jobs may stand in it."""
        return self.spec.holds_jobs()


@record
class Description:
    """All of it.

    Attributes:
        owner: whose jobs these are.
        folders: where removal is allowed (``/`` is the top).
        removal: keep, disable or delete.
        removal_share: in percent.
        jobs: parents before children, then by name.
        notes: what may be a slip.
    """

    owner: str
    folders: tuple[str, ...]
    removal: str
    removal_share: int
    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _File:
    """One file: its name, its content, and the templates that could not be read."""

    path: Path
    shown: str
    root: Map
    document: DescriptionFile
    broken: frozenset[str] = frozenset()


def find_files(where: Path) -> list[Path]:
    """List the YAML files of a description: a file, or a folder with everything below.

    Raises:
        UsageError: when there is nothing.
    """
    if where.is_file():
        return [where]
    if not where.is_dir():
        raise UsageError(f"{where}: there is no such file or folder; give the description's folder")
    found = sorted(
        path
        for path in where.rglob("*")
        if path.suffix in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(where).parts)
    )
    if not found:
        raise UsageError(
            f"{where}: the folder has no .yaml file; write one, or give another folder"
        )
    return found


def read(where: Path) -> Description:
    """Read and check a description.

    Raises:
        UsageError: with all problems, each with file, line and column.
    """
    with without_collector():
        return _read_all(where)


def _read_all(where: Path) -> Description:
    problems = Problems()
    files = [
        made
        for path in find_files(where)
        for made in [_read_file(path, _shown_path(path, where), problems)]
        if made
    ]
    settings = _owner_file(files, problems)
    entries = _expand_jobs(files, settings, problems)
    jobs = _checked_jobs(entries, where if where.is_dir() else where.parent, problems)
    jobs += _implied_folders(jobs, settings)
    _check_cases(jobs, problems)
    _check_former_names(jobs, problems)
    _check_circles(jobs, problems)
    if problems.found:
        raise UsageError(problems.sentences())
    if settings is None:
        first = _shown_path(find_files(where)[0], where)
        raise UsageError(f"{first}:1:1: the description is empty; write `owner:` and `jobs:`")
    return Description(
        settings.document.owner,
        settings.document.folders or _top_folders(jobs),
        settings.document.removal,
        settings.document.removalShare,
        tuple(sorted(jobs, key=lambda job: (job.name.count("/"), job.name))),
        tuple(problems.sentences()),
    )


def _shown_path(path: Path, where: Path) -> str:
    return str(path if where.is_file() else Path(where.name) / path.relative_to(where))


def _read_file(path: Path, shown: str, problems: Problems) -> _File | None:
    start = Mark(shown, 1, 1)
    try:
        text = sources.read_text(path, shown)
    except UsageError as error:
        problems.add(start, f"the file {error.found[0].text}")
        return None
    _find_secrets(text, shown, problems)
    root = yamlreader.load(text, shown, problems)
    if root is None:
        return None
    if not isinstance(root, Map):
        problems.add(start, "expected a map with `jobs:`; a description is not a list or a text")
        return None
    return _checked_file(path, shown, root, problems)


def _checked_file(path: Path, shown: str, root: Map, problems: Problems) -> _File:
    """Check the top level; wrong parts are left out, so that the others are checked too."""
    good = Map(root.place)
    good.copy_from(root)
    if isinstance(root.get("jobs"), Map):
        problems.add(
            root.mark_of("jobs"), "jobs: expected a list, got a map; begin each job with `- name:`"
        )
        del good["jobs"], root["jobs"]
    try:
        parsed = parse_fields(DescriptionFile, good)
    except Invalid as error:
        for problem in error.problems:
            problems.add(located.place_of(root, problem.place), str(problem))
        parsed = error.rest
        for key in good.keys() - parsed.keys():
            del good[key]
    broken = root.get("templates") if "templates" not in good else None
    names_of = frozenset(broken) if isinstance(broken, Map) else frozenset()
    return _File(path, shown, good, DescriptionFile(**parsed), names_of)


def _find_secrets(text: str, shown: str, problems: Problems) -> None:
    def mark(offset: int) -> Mark:
        return Mark(shown, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))

    remedy = "store it as a credential in Jenkins and"
    command = f"this looks like a password in a command; {remedy} give it by withCredentials"
    for offset, what in secrets.look_alikes(text):
        problems.add(mark(offset), f"this looks like {what}; {remedy} name its id")
    for found in secrets.GIVEN.finditer(text):
        problems.note(mark(found.start()), command)


def _owner_file(files: list[_File], problems: Problems) -> _File | None:
    """Find the one file that says whose jobs these are; its defaults hold everywhere."""
    owners = [file for file in files if file.root.get("owner") is not None]
    if not owners:
        if files and not problems.found:
            problems.add(
                files[0].root.place,
                "no file says `owner:`; add it to one, for example owner: team-a",
            )
        return files[0] if files else None
    for folder in owners[0].document.folders:
        for sentence in names.problems(folder.strip("/")) if folder != "/" else ():
            problems.add(owners[0].root.mark_of("folders"), f"folders: {sentence}")
    for extra in owners[1:]:
        problems.add(
            extra.root.mark_of("owner"),
            f"a description has one owner, and {owners[0].shown} names it; remove this line",
        )
    for file in files:
        if file is owners[0]:
            continue
        for key in ("folders", "removal", "removalShare"):
            if key in file.root:
                problems.add(
                    file.root.mark_of(key),
                    f"`{key}` belongs into the file with the owner, {owners[0].shown}",
                )
    return owners[0]


def _expand_jobs(files: list[_File], settings: _File | None, problems: Problems) -> list[Entry]:
    templates: dict[str, Map] = {}
    known = {
        name: frozenset(item.name for item in fields(kinds.load(name))) for name in kinds.names()
    }
    for file in files:
        for name, template in (file.root.get("templates") or {}).items():
            if name in templates:
                problems.add(
                    file.root["templates"].mark_of(name),
                    f"the template '{name}' exists already, at "
                    f"{located.mark_at(templates[name].place)}; rename one",
                )
                continue
            templates[name] = template
        _check_defaults(file.root.get("defaults"), known, problems)
    shared = (settings.root.get("defaults") or {}) if settings else {}
    broken = frozenset().union(*(file.broken for file in files))
    context = ExpansionContext(templates, shared, known, problems, broken=broken)
    return [
        job
        for file in files
        for entry in file.root.get("jobs") or ()
        for job in expand(entry, file.root.get("defaults") or {}, context)
    ]


def _check_defaults(
    defaults: Map | None, known: Mapping[str, frozenset[str]], problems: Problems
) -> None:
    anything = frozenset().union(*known.values())
    for section, values in (defaults or {}).items():
        allowed = anything if section == "all" else known.get(section)
        if defaults is None or allowed is None:
            problems.add(
                defaults.mark_of(section) if defaults else Mark("", 1, 1),
                f"defaults: unknown kind '{section}'{guess(section, [*known, 'all'])}",
            )
            continue
        for key in values:
            if key not in allowed:
                problems.add(
                    values.mark_of(key),
                    f"defaults.{section}: unknown parameter '{key}'{guess(key, allowed)}",
                )


def _checked_jobs(entries: Iterable[Entry], base: Path, problems: Problems) -> list[Job]:
    found: dict[tuple[bool, str], Entry] = {}
    jobs = []
    contents: dict[str, str | None] = {}
    for entry in entries:
        spec = _job_spec(entry, base, contents, problems)
        for sentence in names.problems(entry.name):
            problems.add(entry.name_at, f"name: {sentence}")
        is_view = kinds.load(entry.kind).VIEW
        # many versions of Jenkins compare names of jobs without case
        key = (is_view, entry.name if is_view else entry.name.lower())
        if key in found:
            other = found[key]
            what = "differ only in case" if other.name != entry.name else "have one name"
            problems.add(
                entry.name_at,
                f"two {'views' if is_view else 'jobs'} {what}: {names.printable(entry.name)} is "
                f"described at {other.name_at} too; rename or remove one",
            )
            continue
        found[key] = entry
        if spec is not None:
            jobs.append(Job(entry.name, entry.kind, spec, entry.values, entry.formerly, entry.mark))
    _check_parents(jobs, found, problems)
    return jobs


def _job_spec(
    entry: Entry, base: Path, contents: dict[str, str | None], problems: Problems
) -> JobKind | None:
    kind = kinds.load(entry.kind)
    _read_scripts(entry, base, contents, problems)
    try:
        spec = kind(**parse_fields(kind, entry.fields))
    except Invalid as error:
        for problem in error.problems:
            problems.add(located.place_of(entry.fields, problem.place), str(problem))
        return None
    if SLOT in getattr(spec, "description", ""):
        problems.add(entry.mark, f"description: '{SLOT}' is reserved; remove it")
    if hasattr(spec, "loaded"):
        at = entry.fields.values_at.get("file", entry.mark)
        content = _file_content(str(entry.fields["file"]), at, base, contents, problems)
        return None if content is None else spec.loaded(content)
    return spec


def _read_scripts(
    entry: Entry, base: Path, contents: dict[str, str | None], problems: Problems
) -> None:
    """Put the content of files in the place of scripts that name one: ``script: {file: x}``."""

    def text_of(value: Any, at: Any) -> Any:
        if isinstance(value, Map) and list(value) == ["file"]:
            return _file_content(str(value["file"]), at, base, contents, problems) or "#"
        return value

    given = entry.fields
    for key in ("script", "steps"):
        parts = given.get(key)
        steps = (step for step in parts if isinstance(step, Map)) if isinstance(parts, Seq) else ()
        # Most steps are plain, and jobs of one template share them.
        deep = any(isinstance(inner, Map) for step in steps for inner in step.values())
        if deep or (key == "script" and isinstance(parts, Map)):
            at = given.values_at[key]
            given.put(key, located.rebuilt(parts, at, text_of), given.keys_at[key], at)


def _file_content(
    name: str, place: Any, base: Path, contents: dict[str, str | None], problems: Problems
) -> str | None:
    """Read a file that a job names, which must lie in the description's folder."""
    at = located.mark_at(place)
    folder = base if "/" not in at.file else base.parent / Path(at.file).parent
    path = folder / name
    key = str(path)
    if key not in contents:
        contents[key] = None
        try:
            inside = base.resolve() in path.resolve().parents
            text = sources.read_text(path, name) if inside else ""
        except UsageError as error:
            problems.add(at, f"file: '{name}' {error.found[0].text}")
        except (OSError, RuntimeError, ValueError):
            problems.add(at, f"file: '{name}' leads nowhere; correct the name")
        else:
            if inside:
                _find_secrets(text, name, problems)
                contents[key] = text
            else:
                problems.add(at, f"file: '{name}' lies outside the description's folder")
    return contents[key]


def _check_parents(
    jobs: list[Job], found: Mapping[tuple[bool, str], Entry], problems: Problems
) -> None:
    """What is above a job must be a folder."""
    by_name = {name: entry for (view, name), entry in found.items() if not view}
    for job in jobs:
        for above in names.parents(job.name):
            entry = by_name.get(above.lower())
            if entry and entry.kind != "xml" and not kinds.load(entry.kind).CONTAINER:
                problems.add(
                    job.mark or entry.mark,
                    f"name: '{above}' is not a folder but a {entry.kind} ({entry.name_at}), so "
                    f"that "
                    f"'{job.name}' cannot be in it",
                )
                break


def _implied_folders(jobs: list[Job], settings: _File | None) -> list[Job]:
    """Make the folders that jobs stand in and nobody describes."""
    known = {job.name for job in jobs if not job.spec.VIEW}
    shared = (settings.root.get("defaults") or {}) if settings else {}
    made = []
    kind = kinds.load("folder")
    for job in jobs:
        for above in names.parents(job.name):
            if above in known:
                continue
            known.add(above)
            values = {**shared.get("all", {}), **shared.get("folder", {})}
            allowed = {item.name for item in fields(kind)}
            try:
                parsed = parse_fields(
                    kind, {key: value for key, value in values.items() if key in allowed}
                )
            except Invalid:
                parsed = {}  # told already, where the defaults stand
            made.append(Job(above, "folder", kind(**parsed)))
    return made


def _top_folders(jobs: list[Job]) -> tuple[str, ...]:
    """Name the folders that a description manages when it does not say."""
    described = {job.name for job in jobs if job.spec.CONTAINER and job.mark is not None}
    return tuple(
        sorted(name for name in described if not any(up in described for up in names.parents(name)))
    )


def _check_cases(jobs: list[Job], problems: Problems) -> None:
    """Refuse names that are one in some versions of Jenkins and two in others."""
    written: dict[str, Job] = {}
    for job in jobs:
        if job.spec.VIEW:
            continue
        other = written.setdefault(job.name.lower(), job)
        if other.name != job.name:
            one, two = (job, other) if job.mark is not None else (other, job)
            problems.add(
                one.mark or Mark("", 1, 1),
                f"name: {names.printable(one.name)} and {names.printable(two.name)} differ only "
                "in case, which is one name in many versions of Jenkins; write them alike",
            )


def _check_former_names(jobs: list[Job], problems: Problems) -> None:
    """Refuse former names that no order of renames can do right."""
    named = {job.name: job for job in jobs if job.formerly}
    origins: dict[str, Job] = {}
    for job in named.values():
        mark = job.mark or Mark("", 1, 1)
        if job.spec.VIEW:
            problems.add(mark, "formerly: a view has no builds to keep; remove this line")
            continue
        for sentence in names.problems(job.formerly):
            problems.add(mark, f"formerly: {sentence}")
        twin = origins.setdefault(job.formerly, job)
        if twin is not job:
            problems.add(mark, f"formerly: {twin.name} has this former name too; remove one")
        path = [job.name]
        while path[-1] in named and len(path) < len(named) + 2:
            path.append(named[path[-1]].formerly)
            if path[-1] == job.name:
                problems.add(
                    mark,
                    f"formerly: the names {' <- '.join(path)} go in a circle; remove one, or "
                    "rename by a third name",
                )
                break


def _check_circles(jobs: list[Job], problems: Problems) -> None:
    """Refuse jobs that start each other for ever by their upstream triggers."""
    graph = {
        job.name: [
            _absolute_name(name, job.name)
            for trigger in getattr(job.spec, "triggers", ())
            if isinstance(trigger, UPSTREAM)
            for name in trigger.jobs
        ]
        for job in jobs
    }
    marks = {job.name: job.mark for job in jobs}
    while circle := _find_circle(graph):
        problems.add(
            marks[circle[0]] or Mark("", 1, 1),
            f"jobs start each other in a circle: {' -> '.join(circle)}; "
            "remove one of the upstream triggers",
        )
        graph = {name: before for name, before in graph.items() if name not in circle}


def _absolute_name(name: str, job: str) -> str:
    """Resolve a name as Jenkins does: relative to the folder of the job, or from the top."""
    if name.startswith("/"):
        return name[1:]
    parts = names.parent(job).split("/") if names.parent(job) else []
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _find_circle(graph: Mapping[str, list[str]]) -> list[str]:
    """Find jobs each of which waits for the next, and the last for the first; none for none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1][:0:-1]
        first = circle.index(min(circle, key=[*graph].index))
        return [*circle[first:], *circle[: first + 1]]
    return []
