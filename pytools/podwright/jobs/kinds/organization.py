"""An organization: a multibranch pipeline for each repository of a group."""

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Inside, Items, Value
from podwright.jobs.kinds import JobKind
from podwright.jobs.kinds.multibranch import computed
from podwright.jobs.oneof import FLAG, TEXT, SomeOf
from podwright.jobs.parts.branches import NONE, STRATEGIES
from podwright.jobs.parts.common import LIBRARY, ORPHANS, PROPERTIES, Described
from podwright.jobs.parts.sources import NAVIGATORS
from podwright.jobs.parts.triggers import SCAN
from podwright.records import record
from podwright.schema import ListOf, option

FOLDER = "jenkins.branch.OrganizationFolder"
FACTORY = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProjectFactory"


@record
class Organization(Described, JobKind):
    """A multibranch pipeline for each repository of a GitHub, Bitbucket or GitLab group."""

    JAVA: ClassVar[str] = FOLDER
    ROOT: ClassVar[str] = FOLDER
    PLUGIN: ClassVar[str] = "branch-api"
    XML: ClassVar[tuple[Codec, ...]] = (
        *computed(FOLDER, "OrganizationFolderViewHolder"),
        Inside("navigators", (Items("navigators", NAVIGATORS),)),
        Inside("projectFactories", (Inside(FACTORY, (Value("scriptPath"),)),)),
        Inside("buildStrategies", (Items("buildStrategies", STRATEGIES),)),
        *NONE,
    )
    navigators: tuple[Any, ...] = option(
        SomeOf(NAVIGATORS), "where repositories come from", (), required=True
    )
    scriptPath: str = option(TEXT, "the Jenkinsfile in each branch", "Jenkinsfile")
    scan: str = option(SCAN, "scan for repositories so often", "1d")
    orphans: Any = option(ORPHANS, "what becomes of deleted repositories", ORPHANS.of())
    buildStrategies: tuple[Any, ...] = option(
        ListOf(STRATEGIES), "what is built by itself; without it everything", ()
    )
    libraries: tuple[Any, ...] = option(ListOf(LIBRARY), "shared libraries of all jobs below", ())
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(PROPERTIES, "further properties, as XML", ())


KIND = Organization
