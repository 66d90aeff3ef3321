"""A multibranch pipeline: one job for each branch that has a Jenkinsfile."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Fixed, Inside, Value
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT, SomeOf
from podwright.jobs.parts.branches import BRANCH_SOURCES, Sources, refuse_twins
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
from podwright.jobs.parts.triggers import NEVER, Interval, scan_kind
from podwright.records import record
from podwright.schema import ListOf, RecordOf, option

PROJECT = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"


def owner(java: str) -> Fixed:
    """Give the reference to the item itself, which XStream expects in its parts."""
    return Fixed("owner", attributes={"class": java, "reference": "../.."})


ICON = "jenkins.branch.MetadataActionFolderIcon"


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
            (Inside("data", (Sources(),)), owner(PROJECT)),
            {"class": "jenkins.branch.MultiBranchProject$BranchSourceList"},
        ),
        Inside(
            "factory",
            (owner(PROJECT), Value("scriptPath")),
            {"class": "org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory"},
        ),
    )
    sources: tuple[Any, ...] = option(
        SomeOf(BRANCH_SOURCES), "where branches come from", (), required=True
    )
    scriptPath: str = option(TEXT, "the Jenkinsfile in each branch", "Jenkinsfile")
    scan: str = option(scan_kind(), "scan for branches so often when no webhook came", NEVER)
    orphans: Orphans = option(RecordOf(Orphans), "what becomes of deleted branches", Orphans())
    libraries: tuple[Library, ...] = option(
        ListOf(RecordOf(Library)), "shared libraries of the branches", ()
    )
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(PROPERTIES, "further properties, as XML", ())

    def __post_init__(self) -> None:
        """Refuse two sources that Jenkins could not tell apart."""
        refuse_twins(self.sources)


KIND = Multibranch
