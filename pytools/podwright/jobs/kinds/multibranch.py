"""A multibranch pipeline: one job for each branch that has a Jenkinsfile."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Chosen, Codec, Fixed, Inside, Part, Value, write_all
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT
from podwright.jobs.parts.common import (
    HEAD,
    PROPERTIES,
    REST,
    Described,
    Library,
    Orphans,
    libraries_codec,
    orphans_codec,
)
from podwright.jobs.parts.sources import SOURCES
from podwright.jobs.parts.triggers import NEVER, Interval, scan_kind
from podwright.records import record
from podwright.schema import ListOf, RecordOf, option

PROJECT = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"


def owner(java: str) -> Fixed:
    """Give the reference to the item itself, which XStream expects in its parts."""
    return Fixed("owner", attributes={"class": java, "reference": "../.."})


ICON = "jenkins.branch.MetadataActionFolderIcon"
STRATEGY = (
    Inside(
        "strategy",
        (Fixed("properties", attributes={"class": "empty-list"}),),
        {"class": "jenkins.branch.DefaultBranchPropertyStrategy"},
    ),
)


class _Sources(Codec):
    """The list of branch sources."""

    TAG = "jenkins.branch.BranchSource"

    def write(self, part: Any, parent: Element) -> None:
        for value in part.sources:
            branch_source = SubElement(parent, self.TAG)
            Chosen("source", "source", SOURCES).write(_Holder(value), branch_source)
            write_all(_Strategy(), branch_source)

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        chosen = Chosen("source", "source", SOURCES)
        found = [
            value
            for element in parent.findall(self.TAG)
            for value in chosen.read(record, element).values()
        ]
        return {"sources": found}

    def tags(self) -> set[str]:
        return {self.TAG}


@record
class _Holder:
    source: Any


@record
class _Strategy(Part):
    XML: ClassVar[tuple[Codec, ...]] = STRATEGY


@record
class Multibranch(Described, JobKind):
    """A multibranch pipeline: one job for each branch that has a Jenkinsfile."""

    JAVA: ClassVar[str] = PROJECT
    ROOT: ClassVar[str] = PROJECT
    PLUGIN: ClassVar[str] = "workflow-multibranch"
    XML: ClassVar[tuple[Codec, ...]] = (
        *HEAD,
        Inside("properties", (libraries_codec(), REST)),
        Inside(
            "folderViews",
            (owner(PROJECT),),
            {"class": "jenkins.branch.MultiBranchProjectViewHolder"},
        ),
        Fixed("healthMetrics"),
        Inside("icon", (owner(PROJECT),), {"class": ICON}),
        orphans_codec(),
        Inside("triggers", (Interval(),)),
        Value("disabled"),
        Inside(
            "sources",
            (Inside("data", (_Sources(),)), owner(PROJECT)),
            {"class": "jenkins.branch.MultiBranchProject$BranchSourceList"},
        ),
        Inside(
            "factory",
            (owner(PROJECT), Value("scriptPath")),
            {"class": "org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory"},
        ),
    )
    sources: tuple[Any, ...] = option(
        ListOf(SOURCES), "where branches come from", (), required=True
    )
    scriptPath: str = option(TEXT, "the Jenkinsfile in each branch", "Jenkinsfile")
    scan: str = option(scan_kind(), "scan for branches so often when no webhook came", NEVER)
    orphans: Orphans = option(RecordOf(Orphans), "what becomes of deleted branches", Orphans())
    libraries: tuple[Library, ...] = option(
        ListOf(RecordOf(Library)), "shared libraries of the branches", ()
    )
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(PROPERTIES, "further properties, as XML", ())


KIND = Multibranch
