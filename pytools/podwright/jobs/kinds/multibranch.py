"""A multibranch pipeline: one job for each branch that has a Jenkinsfile."""

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Fixed, Inside, Value
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT, SomeOf
from podwright.jobs.parts import common
from podwright.jobs.parts.branches import BRANCH_SOURCES, Sources, refuse_twins
from podwright.jobs.parts.triggers import NEVER, SCAN, Interval
from podwright.records import record
from podwright.schema import ListOf, option

PROJECT = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"


def owner(java: str) -> Fixed:
    """Give the reference to the item itself, which XStream expects in its parts."""
    return Fixed("owner", attributes={"class": java, "reference": "../.."})


def computed(java: str, holder: str) -> tuple[Codec, ...]:
    """Give how what makes its own jobs begins: by its class, and that of what holds its views."""
    icon = "jenkins.branch.MetadataActionFolderIcon"
    return (
        *common.HEAD,
        Inside("properties", (common.LIBRARIES_XML, common.REST)),
        Inside("folderViews", (owner(java),), {"class": f"jenkins.branch.{holder}"}),
        Fixed("healthMetrics"),
        Inside("icon", (owner(java),), {"class": icon}),
        common.ORPHANS_XML,
        Inside("triggers", (Interval(),)),
        Value("disabled"),
    )


@record
class Multibranch(common.Described, JobKind):
    """A multibranch pipeline: one job for each branch that has a Jenkinsfile."""

    JAVA: ClassVar[str] = PROJECT
    ROOT: ClassVar[str] = PROJECT
    PLUGIN: ClassVar[str] = "workflow-multibranch"
    XML: ClassVar[tuple[Codec, ...]] = (
        *computed(PROJECT, "MultiBranchProjectViewHolder"),
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
    scan: str = option(SCAN, "scan for branches so often when no webhook came", NEVER)
    orphans: Any = option(common.ORPHANS, "what becomes of deleted branches", common.ORPHANS.of())
    libraries: tuple[Any, ...] = option(
        ListOf(common.LIBRARY), "shared libraries of the branches", ()
    )
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(common.PROPERTIES, "further properties, as XML", ())

    def __post_init__(self) -> None:
        """Refuse two sources that Jenkins could not tell apart."""
        refuse_twins(self.sources)


KIND = Multibranch
