"""From jobs on a controller to a description, so that people start with what they have.

Each job is read back by its kind, rendered again and compared. Only what comes out the same is
written in words; everything else becomes a job of kind ``xml`` with its XML in a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from podwright.errors import EXIT_DONE, EXIT_FAILED, PodwrightError, UsageError
from podwright.jobs import actions, kinds, marker, names, normal, secrets, snapshot, xmltree
from podwright.jobs.expand import PLACEHOLDER
from podwright.schema import Invalid, parse_fields

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

    from podwright.console import Console
    from podwright.jobs.client import Controller
    from podwright.jobs.kinds import JobKind

DEPTH = 10


@dataclass
class Imported:
    """What an import makes.

    Attributes:
        files: YAML entries by file.
        xml: XML by file name.
        skipped: sentences about jobs that were left out.
        words: how many jobs are said in words.
    """

    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    xml: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    words: int = 0


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
    write(made, out, options.owner)
    for sentence in made.skipped:
        console.say(f"  ! {sentence}")
    console.say(
        f"{out}: {made.words} jobs as YAML, {len(made.xml)} as raw XML, "
        f"{len(made.skipped)} left out"
    )
    console.say("Next: look at it, then take the jobs over with `podwright jobs apply --adopt`")
    return EXIT_FAILED if made.skipped else EXIT_DONE


def _items_to_import(controller: Controller, wanted: Iterable[str]) -> list[snapshot.Found]:
    seen = snapshot.take(controller, ["/".join("x" * DEPTH)], ["/"])
    every = sorted(seen.items.values(), key=lambda item: (item.name.count("/"), item.name))
    chosen = list(wanted)
    if not chosen:
        return [item for item in every if not item.view or item.java != "hudson.model.AllView"]
    missing = [name for name in chosen if seen.get((False, name)) is None]
    if missing:
        raise PodwrightError([f"{name}: there is no such job or folder" for name in missing])
    return [item for item in every if _is_chosen(item.name, chosen)]


def _is_chosen(name: str, chosen: list[str]) -> bool:
    """Say whether an item is wanted: itself, something below it, or a folder above it."""
    return any(
        name == one or name.startswith(one + "/") or one.startswith(name + "/") for one in chosen
    )


def _import_item(item: snapshot.Found, text: str, made: Imported) -> None:
    try:
        root = xmltree.parse(text)
    except xmltree.NotXmlError as error:
        made.skipped.append(f"{item.name}: its XML cannot be read: {error}")
        return
    if item.view and str(root.tag) != "hudson.model.ListView":
        return  # the view of all jobs, and those of plugins
    wrong = names.problems(item.name)
    if wrong:
        made.skipped.append(f"{item.name}: {wrong[0]}")
        return
    kind = kind_for(str(root.tag))
    _remove_foreign(root, ())
    bare = xmltree.serialise(root).decode("utf-8")
    leak = next(secrets.look_alikes(bare), None)
    if leak:
        made.skipped.append(
            f"{item.name}: it holds what looks like {leak[1]}; make that a credential first"
        )
        return
    fields = in_words(kind, item.name, root) if kind else None
    entries = made.files.setdefault(_file_of(item), [])
    if kind is None or fields is None:
        file = f"xml/{item.name}.xml"
        made.xml[file] = _escaped_xml(root)
        entries.append({"name": item.name, "kind": "xml", "file": file})
        return
    made.words += 1
    entries.append({"name": item.name, "kind": _kind_word(kind), **fields})


def _file_of(item: snapshot.Found) -> str:
    top = names.segments(item.name)[0]
    return "jobs" if "/" not in item.name and not item.is_folder else top


def _kind_word(kind: type[JobKind]) -> str:
    return next(name for name in kinds.names() if kinds.load(name) is kind)


def kind_for(root: str) -> type[JobKind] | None:
    """Find the kind whose XML has a root element of that name."""
    every = [kinds.load(name) for name in kinds.names()]
    # some versions write the class where others write its alias
    return next((kind for kind in every if root in {kind.ROOT, kind.JAVA} and kind.ROOT), None)


def _remove_foreign(root: Element, kept: Iterable[str]) -> None:
    """Remove the marker, versions and what belongs to others."""
    described = root.find("description")
    if described is not None:
        described.text = marker.strip(described.text)
    for node in root.iter():
        node.attrib.pop("plugin", None)
    for path in kept:
        above, _, tag = path.rpartition("/")
        parent = root.find(above) if above else root
        for element in parent.findall(tag) if parent is not None else []:
            parent.remove(element)  # type: ignore[union-attr]


def in_words(kind: type[JobKind], name: str, root: Element) -> dict[str, Any] | None:
    """Say a job in the words of its kind; None when they would not bring the same XML back."""
    try:
        fields = plain(kind.fields_of(root))
        again = kind(**parse_fields(kind, fields)).element(name, {})
    except (Invalid, xmltree.NotXmlError, KeyError, TypeError, ValueError):
        return None
    same = normal.same(xmltree.serialise(root), xmltree.serialise(again))
    return fields if same else None


def plain(value: Any) -> Any:
    """Turn what codecs read into what YAML can write."""
    if isinstance(value, dict):
        return {key: plain(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    return value


def _escaped_xml(root: Element) -> str:
    """Write XML for a job of kind ``xml``: nothing in it may be taken for a value's name."""
    text = xmltree.pretty(xmltree.serialise(root))
    return re.sub(PLACEHOLDER.pattern, lambda found: "\\" + found[0], text)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Indent lists below their key."""
        del indentless
        return super().increase_indent(flow, False)  # noqa: FBT003

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        del data
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
