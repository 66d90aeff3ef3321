"""An organization: a multibranch pipeline for each repository of a group."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Fixed, Inside, Items, Value
from podwright.jobs.kinds import JobKind
from podwright.jobs.kinds.multibranch import ICON, owner
from podwright.jobs.oneof import FLAG, TEXT, SomeOf
from podwright.jobs.parts.branches import NONE, STRATEGIES
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
from podwright.jobs.parts.sources import NAVIGATORS
from podwright.jobs.parts.triggers import Interval, scan_kind
from podwright.records import record
from podwright.schema import ListOf, RecordOf, option

FOLDER = "jenkins.branch.OrganizationFolder"
FACTORY = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProjectFactory"


@record
class Organization(Described, JobKind):
    """A multibranch pipeline for each repository of a GitHub, Bitbucket or GitLab group."""

    JAVA: ClassVar[str] = FOLDER
    ROOT: ClassVar[str] = FOLDER
    PLUGIN: ClassVar[str] = "branch-api"
    XML: ClassVar[tuple[Codec, ...]] = (
        *HEAD,
        Inside("properties", (libraries_codec(), REST)),
        Inside(
            "folderViews",
            (owner(FOLDER),),
            {"class": "jenkins.branch.OrganizationFolderViewHolder"},
        ),
        Fixed("healthMetrics"),
        Inside("icon", (owner(FOLDER),), {"class": ICON}),
        orphans_codec(),
        Inside("triggers", (Interval(),)),
        Value("disabled"),
        Inside("navigators", (Items("navigators", NAVIGATORS),)),
        Inside("projectFactories", (Inside(FACTORY, (Value("scriptPath"),)),)),
        Inside("buildStrategies", (Items("buildStrategies", STRATEGIES),)),
        *NONE,
    )
    navigators: tuple[Any, ...] = option(
        SomeOf(NAVIGATORS), "where repositories come from", (), required=True
    )
    scriptPath: str = option(TEXT, "the Jenkinsfile in each branch", "Jenkinsfile")
    scan: str = option(scan_kind(), "scan for repositories so often", "1d")
    orphans: Orphans = option(RecordOf(Orphans), "what becomes of deleted repositories", Orphans())
    buildStrategies: tuple[Any, ...] = option(
        ListOf(STRATEGIES), "what is built by itself; without it everything", ()
    )
    libraries: tuple[Library, ...] = option(
        ListOf(RecordOf(Library)), "shared libraries of all jobs below", ()
    )
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(PROPERTIES, "further properties, as XML", ())


KIND = Organization
