"""A freestyle job: shell steps, enough to keep old jobs as code."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Chosen, Codec, Fixed, Inside, Items, Joined, Part, Value
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Script, Short, SomeOf
from podwright.jobs.parts.common import (
    HEAD,
    PROPERTIES,
    REST,
    Described,
    Keep,
    Throttle,
    keep_codec,
    parameters_codec,
    throttle_codec,
)
from podwright.jobs.parts.parameters import PARAMETERS, refuse_doubles
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, made
from podwright.jobs.parts.scm import SCM
from podwright.jobs.parts.triggers import RESULTS, TRIGGERS, Threshold
from podwright.jobs.parts.wrappers import WRAPPERS
from podwright.records import record
from podwright.schema import Choice, ListOf, Number, RecordOf, option

COMMAND: Row = ("command", "command", Script(), ..., "the script")
SHELL = made("A shell script.", "hudson.tasks.Shell", "", COMMAND)
BATCH = made("A Windows batch script.", "hudson.tasks.BatchFile", "", COMMAND)
STEPS = OneOf(
    {"shell": RecordOf(SHELL, "command"), "batch": RecordOf(BATCH, "command"), "xml": RawXml()},
    "kind of step",
)
FILES: Row = ("files", "testResults", TEXT, ..., "patterns, separated by commas")


@record
class Artifacts(Part):
    """Files to keep."""

    JAVA: ClassVar[str] = "hudson.tasks.ArtifactArchiver"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("files", "artifacts"),
        Value("excludes", always=False),
        Value("allowEmpty", "allowEmptyArchive"),
        Value("onlyIfSuccessful"),
        Value("fingerprint"),
        Fixed("defaultExcludes", "true"),
        Fixed("caseSensitive", "true"),
        Fixed("followSymlinks", "false"),
    )
    files: str = option(TEXT, "patterns, separated by commas", "", required=True)
    excludes: str = option(TEXT, "patterns that are left out", "")
    allowEmpty: bool = option(FLAG, "do not fail when there is none", default=False)
    onlyIfSuccessful: bool = option(FLAG, "only of good builds", default=False)
    fingerprint: bool = option(FLAG, "record checksums", default=False)


JUNIT = made(
    "Results of tests.",
    "hudson.tasks.junit.JUnitResultArchiver",
    "junit",
    FILES,
    ("allowEmpty", "allowEmptyResults", FLAG, False, "do not fail when there is none"),
    ("keepLongOutput", "keepLongStdio", FLAG, None, "keep all of the tests' output"),
)
MAIL = made(
    "Mail about builds that fail or are unstable.",
    "hudson.tasks.Mailer",
    "mailer",
    ("to", "recipients", TEXT, "", "addresses, separated by blanks"),
    ("onlyFirstUnstable", "dontNotifyEveryUnstableBuild", FLAG, False,
     "one mail for unstable builds in turn"),
    ("culprits", "sendToIndividuals", FLAG, False, "also to who broke the build"),
)  # fmt: skip


@record
class Downstream(Part):
    """Builds of other jobs afterwards."""

    JAVA: ClassVar[str] = "hudson.tasks.BuildTrigger"
    XML: ClassVar[tuple[Codec, ...]] = (Joined("jobs", "childProjects"), Threshold())
    jobs: tuple[str, ...] = option(SomeOf(TEXT), "full names of the jobs", (), required=True)
    threshold: str = option(
        Choice(words=lambda: RESULTS, what="result"),
        "worst result that still starts them",
        "SUCCESS",
    )


PUBLISHERS = OneOf(
    {
        "artifacts": RecordOf(Artifacts, "files"),
        "junit": RecordOf(JUNIT, "files"),
        "mail": RecordOf(MAIL, "to"),
        "downstream": RecordOf(Downstream),
        "xml": RawXml(),
    },
    "kind of publisher",
)


class _Scm(Codec):
    """The repository; a job without one says so explicitly."""

    CHOSEN = Chosen("scm", "scm", SCM)

    def write(self, part: Any, parent: Element) -> None:
        if part.scm is None:
            SubElement(parent, "scm", {"class": "hudson.scm.NullSCM"})
        else:
            self.CHOSEN.write(part, parent)

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        element = parent.find("scm")
        if element is None or element.get("class") == "hudson.scm.NullSCM":
            return {}
        return self.CHOSEN.read(record, parent)

    def tags(self) -> set[str]:
        return {"scm"}


class _Roam(Codec):
    """Whether any agent may build it: the opposite of having a label."""

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "canRoam").text = "false" if part.label else "true"

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record, parent
        return {}

    def tags(self) -> set[str]:
        return {"canRoam"}


@record
class Freestyle(Described, JobKind):
    """A freestyle job: shell steps, enough to keep old jobs as code."""

    JAVA: ClassVar[str] = "hudson.model.FreeStyleProject"
    ROOT: ClassVar[str] = "project"
    XML: ClassVar[tuple[Codec, ...]] = (
        *HEAD,
        Fixed("keepDependencies", "false"),
        Inside("properties", (keep_codec(), throttle_codec(), parameters_codec(), REST)),
        _Scm(),
        Value("quietPeriod", always=False),
        Value("label", "assignedNode", always=False),
        _Roam(),
        Value("disabled"),
        Value("waitForDownstream", "blockBuildWhenDownstreamBuilding"),
        Value("waitForUpstream", "blockBuildWhenUpstreamBuilding"),
        Value("jdk", always=False),
        Inside("triggers", (Items("triggers", TRIGGERS),)),
        Value("concurrentBuild"),
        Value("customWorkspace", always=False),
        Inside("builders", (Items("steps", STEPS),)),
        Inside("publishers", (Items("publishers", PUBLISHERS),)),
        Inside("buildWrappers", (Items("wrappers", WRAPPERS),)),
        Value("retryCount", "scmCheckoutRetryCount", always=False),
    )
    scm: Any = option(SCM, "repository to check out", None)
    label: str = option(TEXT, "label of the agents that may build it", "")
    steps: tuple[Any, ...] = option(ListOf(STEPS), "what a build does", ())
    publishers: tuple[Any, ...] = option(ListOf(PUBLISHERS), "what happens afterwards", ())
    wrappers: tuple[Any, ...] = option(
        ListOf(WRAPPERS), "what surrounds the steps; a text is taken as XML", ()
    )
    retryCount: int | None = option(Number(0, 1000), "more tries of a failed checkout", None)
    parameters: tuple[Any, ...] = option(ListOf(PARAMETERS), "what a build asks for", ())
    triggers: tuple[Any, ...] = option(ListOf(TRIGGERS), "what starts a build", ())
    keep: Keep | None = option(Short(Keep, "builds"), "how many builds are kept", None)
    throttle: Throttle | None = option(RecordOf(Throttle), "share limits with other jobs", None)
    concurrentBuild: bool = option(FLAG, "several builds at once", default=False)
    waitForDownstream: bool = option(FLAG, "no build while later jobs build", default=False)
    waitForUpstream: bool = option(FLAG, "no build while earlier jobs build", default=False)
    jdk: str = option(TEXT, "name of a JDK in Jenkins' configuration", "")
    quietPeriod: int | None = option(Number(0, 86_400), "seconds to wait before a build", None)
    customWorkspace: str = option(TEXT, "a fixed directory on the agent", "")
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(PROPERTIES, "further properties, as XML", ())

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        refuse_doubles(self.parameters)


KIND = Freestyle
