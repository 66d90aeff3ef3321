"""From jobs on a controller to a description, so that people start with what they have.

Each job is read back by its kind, rendered again and compared. Only what comes out the same is
written in words; everything else becomes a job of kind ``xml`` with its XML in a file.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import yaml

from podwright.console import Console
from podwright.errors import EXIT_DONE, EXIT_FAILED, PodwrightError, UsageError
from podwright.jobs import (
    actions,
    kinds,
    marker,
    merging,
    names,
    normal,
    rendering,
    secrets,
    snapshot,
    xmltree,
)
from podwright.jobs import description as describing
from podwright.jobs.client import Controller
from podwright.jobs.expand import PLACEHOLDER
from podwright.jobs.kinds import JobKind
from podwright.schema import Invalid, parse_fields

LONGEST = 120


@dataclass
class Imported:
    """What an import makes.

    Attributes:
        files: YAML entries by file.
        xml: XML by file name.
        skipped: sentences about jobs that were left out.
        words: how many jobs are said in words.
        reasons: sentences about those that are not.
        roots: what was imported.
        tops: the file of each top folder.
    """

    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    xml: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    words: int = 0
    reasons: list[str] = field(default_factory=list)
    roots: dict[tuple[bool, str], Element] = field(default_factory=dict)
    tops: dict[str, str] = field(default_factory=dict)
    _cases: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=lambda: {"jobs"})

    def clash(self, item: snapshot.Found) -> str:
        """Say which job before has this name in another case; a description takes one of them."""
        if item.view:
            return ""
        other = self._cases.setdefault(item.name.lower(), item.name)
        if other == item.name:
            return ""
        return f"differs only in case from {other}, which many versions of Jenkins take for one"

    def unused(self, name: str, suffix: str = "") -> str:
        """Give a file's name that no other has, whatever the case."""
        made, number = name, 1
        while made.lower() in self._used:
            number += 1
            made = f"{name}~{number}"
        self._used.add(made.lower())
        return made + suffix


def import_jobs(options: argparse.Namespace, console: Console) -> int:
    """Write a description of jobs that exist."""
    if not marker.OWNER.fullmatch(options.owner):
        raise UsageError(
            f"--owner: '{options.owner}' is not a name of letters, digits, '.', '_', '-'"
        )
    out = Path(options.out)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"--out: {out} is not empty; give a new folder, nothing is overwritten")
    controller = actions.connect(options, console)
    found = _items_to_import(controller, options.names)
    texts = actions.Texts()
    texts.fetch(controller, [item.key for item in found], options.workers)
    made = Imported()
    for item in found:
        text = texts.found.get(item.key)
        if text is not None:
            _import_item(item, text, made)
        else:
            why = texts.refused.get(item.key, "it is gone")
            made.skipped.append(f"{item.name}: it cannot be read: {why}")
    write(made, out, options.owner)
    made.skipped += read_back(made, out)
    for sentence in made.skipped:
        console.say(f"  ! {sentence}")
    console.say(
        f"{out}: {made.words} jobs as YAML, {len(made.xml)} as raw XML, "
        f"{len(made.skipped)} left out"
    )
    for sentence in made.reasons:
        console.say(f"  . {sentence}")
    counts = {"yaml": made.words, "xml": len(made.xml), "left": list(made.skipped)}
    console.result("", {"out": str(out), **counts})
    console.say("Next: look at it, then take the jobs over with `podwright jobs apply --adopt`")
    return EXIT_FAILED if made.skipped else EXIT_DONE


def _items_to_import(controller: Controller, wanted: Iterable[str]) -> list[snapshot.Found]:
    seen = snapshot.take(controller, ["x/x/x"], [], everything=True)
    every = sorted(seen.items.values(), key=lambda item: (item.name.count("/"), item.name))
    chosen = {name: seen.get((False, name)) for name in wanted}
    missing = [name for name, found in chosen.items() if found is None]
    if missing:
        raise PodwrightError([f"{name}: there is no such job or folder" for name in missing])
    full = [found.name for found in chosen.values() if found]
    return [item for item in every if not full or _is_chosen(item.name, full)]


def _is_chosen(name: str, chosen: list[str]) -> bool:
    """Say whether an item is wanted: itself, something below it, or a folder above it."""
    return any(
        name == one or name.startswith(one + "/") or one.startswith(name + "/") for one in chosen
    )


def _import_item(item: snapshot.Found, text: str, made: Imported) -> None:
    try:
        root = own_part(xmltree.parse(text))
    except xmltree.NotXmlError as error:
        made.skipped.append(f"{item.name}: its XML cannot be read: {error}")
        return
    if item.view and _is_everybodys(root):
        return
    problem = _why_left_out(item, root) or made.clash(item)
    if problem:
        made.skipped.append(f"{item.name}: {problem}")
        return
    kind = kind_for(str(root.tag))
    fields, why = in_words(kind, item.name, root) if kind else (None, "no word for its class")
    entries = made.files.setdefault(_file_of(item, made), [])
    made.roots[item.key] = root
    name = PLACEHOLDER.sub(lambda found: "\\" + found[0], item.name)
    if kind is None or fields is None:
        file = made.unused("xml/" + "/".join(map(_safe, names.segments(item.name))), ".xml")
        made.xml[file] = _escaped_xml(root)
        word = "xmlview" if item.view else "xml"
        entries.append({"name": name, "kind": word, "file": file})
        made.reasons.append(f"{item.name}: as raw XML: {why}")
        return
    made.words += 1
    entries.append({"name": name, "kind": kind_word(kind), **fields})


def own_part(root: Element) -> Element:
    """Remove the marker, versions and what stays with the controller."""
    described = root.find("description")
    if described is not None:
        described.text = marker.strip(described.text)
    for node in root.iter():
        node.attrib.pop("plugin", None)
    for owner in root.findall("owner"):
        if "reference" in owner.attrib:
            root.remove(owner)
    return merging.without_theirs(root)


def _is_everybodys(root: Element) -> bool:
    """Say whether it is the view of all jobs that Jenkins makes by itself."""
    if root.tag != merging.ALL_VIEW:
        return False
    return {str(node.tag) for node in normal.normal(normal.copied(root))} <= {"name"}


def _why_left_out(item: snapshot.Found, root: Element) -> str:
    wrong = names.problems(item.name)
    if wrong:
        return wrong[0]
    leak = next(secrets.look_alikes(xmltree.serialise(root).decode("utf-8")), None)
    secret = f"what looks like {leak[1]}" if leak else secrets.held(root)
    return f"it holds {secret}; make that a credential first" if secret else ""


def _file_of(item: snapshot.Found, made: Imported) -> str:
    """Choose the YAML file of an item: one for each top folder."""
    top = names.segments(item.name)[0]
    if "/" not in item.name and not item.is_folder:
        return "jobs"
    if top not in made.tops:
        made.tops[top] = made.unused(_safe(top))
    return made.tops[top]


def _safe(name: str) -> str:
    """Make a name that each file system takes, and that is read: not hidden, not too long."""
    name = name.replace(".xml", "_xml")
    name = f"_{name}" if name.startswith(".") else name
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[:LONGEST].decode('utf-8', 'ignore')}~{marker.short(name)}"


def read_back(made: Imported, out: Path) -> list[str]:
    """Read what was written, and name what does not bring the same XML back."""
    try:
        found = describing.read(out)
        items = {item.job.key: item for item in rendering.render_all(found.jobs)}
    except UsageError as error:
        return [f"what was written is not valid yet: {problem}" for problem in error.problems]
    wrong = []
    for key, root in made.roots.items():
        again = xmltree.parse(items[key].bare()) if key in items else None
        if again is None or not normal.same_trees(own_part(again), root):
            wrong.append(f"{key[1]}: what was written does not bring the same XML back")
    return wrong


def kind_word(kind: type[JobKind]) -> str:
    return next(name for name in kinds.names() if kinds.load(name) is kind)


def kind_for(root: str) -> type[JobKind] | None:
    """Find the kind whose XML has a root element of that name."""
    every = [kinds.load(name) for name in kinds.names()]
    # some versions write the class where others write its alias
    return next((kind for kind in every if root in {kind.ROOT, kind.JAVA} and kind.ROOT), None)


def in_words(kind: type[JobKind], name: str, root: Element) -> tuple[dict[str, Any] | None, str]:
    """Say a job in the words of its kind, or why they would not bring the same XML back.

    Elements of the job that words cannot say are given as XML beside the others.
    """
    root = merging.without_theirs(normal.copied(root))
    raw: set[str] = set()
    while True:
        try:
            fields = kind.fields_of(root, raw)
            again = kind(**parse_fields(kind, fields)).element(name, {})
        except (Invalid, xmltree.NotXmlError, KeyError, TypeError, ValueError) as error:
            return None, str(error)
        before = normal.normal(normal.copied(root))
        after = normal.normal(merging.without_theirs(again))
        if normal.lines(normal.copied(before)) == normal.lines(normal.copied(after)):
            return fields, ""
        more = {str(one.tag) for one in before if not _stands_in(one, after)} - raw
        if not more:
            return None, _first_difference(before, after)
        raw |= more


def _stands_in(element: Element, root: Element) -> bool:
    """Say whether a tree has an element just like that one."""
    there = root.find(str(element.tag))
    return there is not None and normal.lines(normal.copied(there)) == normal.lines(
        normal.copied(element)
    )


def _first_difference(before: Element, after: Element) -> str:
    lost = difflib.unified_diff(normal.lines(before), normal.lines(after), lineterm="", n=0)
    return next(line for line in lost if re.match(r"[+-][^+-]", line))


def _escaped_xml(root: Element) -> str:
    """Write XML for a job of kind ``xml``: nothing in it may be taken for a value's name."""
    text = xmltree.pretty(xmltree.serialise(root))
    return re.sub(PLACEHOLDER.pattern, lambda found: "\\" + found[0], text)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Indent lists below their key."""
        return super().increase_indent(flow, False)  # noqa: FBT003

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dump(entries: list[dict[str, Any]], owner: str = "") -> str:
    """Write one file of a description."""
    data: dict[str, Any] = {"owner": owner} if owner else {}
    data["jobs"] = entries
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def write(made: Imported, out: Path, owner: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    made.files.setdefault("jobs", [])
    for name, entries in made.files.items():
        text = dump(entries, owner if name == "jobs" else "")
        (out / f"{name}.yaml").write_text(text, encoding="utf-8")
    for file, text in made.xml.items():
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
