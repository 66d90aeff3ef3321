"""A freestyle job: shell steps, enough to keep old jobs as code."""

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Chosen, Codec, Fixed, Inside, Items, Joined, Value
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Script
from podwright.jobs.parts import common
from podwright.jobs.parts.parameters import PARAMETERS, refuse_doubles
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, made
from podwright.jobs.parts.scm import SCM
from podwright.jobs.parts.triggers import JOBS, RESULT, TRIGGERS, Threshold
from podwright.jobs.parts.wrappers import WRAPPERS
from podwright.records import record
from podwright.schema import ListOf, Number, RecordOf, option

COMMAND: Row = ("command", "command", Script(), ..., "the script")
SHELL = made("A shell script.", "hudson.tasks.Shell", "", COMMAND)
BATCH = made("A Windows batch script.", "hudson.tasks.BatchFile", "", COMMAND)
STEPS = OneOf(
    {"shell": RecordOf(SHELL, "command"), "batch": RecordOf(BATCH, "command"), "xml": RawXml()},
    "kind of step",
)
FILES: Row = ("files", "testResults", TEXT, ..., "patterns, separated by commas")


ARTIFACTS = made(
    "Files to keep.", "hudson.tasks.ArtifactArchiver", "",
    ("files", "artifacts", TEXT, ..., "patterns, separated by commas"),
    ("excludes", "excludes?", TEXT, "", "patterns that are left out"),
    ("allowEmpty", "allowEmptyArchive", FLAG, False, "do not fail when there is none"),
    ("onlyIfSuccessful", "onlyIfSuccessful", FLAG, False, "only of good builds"),
    ("fingerprint", "fingerprint", FLAG, False, "record checksums"),
    Fixed("defaultExcludes", "true"),
    Fixed("caseSensitive", "true"),
    Fixed("followSymlinks", "false"),
)  # fmt: skip
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


DOWNSTREAM = made(
    "Builds of other jobs afterwards.", "hudson.tasks.BuildTrigger", "",
    ("jobs", Joined("jobs", "childProjects"), JOBS, ..., "full names of the jobs"),
    ("threshold", Threshold(), RESULT, "SUCCESS", "worst result that still starts them"),
)  # fmt: skip
PUBLISHERS = OneOf(
    {
        "artifacts": RecordOf(ARTIFACTS, "files"),
        "junit": RecordOf(JUNIT, "files"),
        "mail": RecordOf(MAIL, "to"),
        "downstream": RecordOf(DOWNSTREAM),
        "xml": RawXml(),
    },
    "kind of publisher",
)


class _Roam(Codec):
    """Whether any agent may build it: the opposite of having a label."""

    tag = "canRoam"

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "canRoam").text = "false" if part.label else "true"


@record
class Freestyle(common.Described, JobKind):
    """A freestyle job: shell steps, enough to keep old jobs as code."""

    JAVA: ClassVar[str] = "hudson.model.FreeStyleProject"
    ROOT: ClassVar[str] = "project"
    XML: ClassVar[tuple[Codec, ...]] = (
        *common.HEAD,
        Fixed("keepDependencies", "false"),
        Inside("properties", (*common.BUILD_PROPERTIES, common.REST)),
        Chosen("scm", "scm", SCM, none="hudson.scm.NullSCM"),
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
    keep: Any = option(common.KEEP, "how many builds are kept", None)
    throttle: Any = option(common.THROTTLE, "share limits with other jobs", None)
    concurrentBuild: bool = option(FLAG, "several builds at once", default=False)
    waitForDownstream: bool = option(FLAG, "no build while later jobs build", default=False)
    waitForUpstream: bool = option(FLAG, "no build while earlier jobs build", default=False)
    jdk: str = option(TEXT, "name of a JDK in Jenkins' configuration", "")
    quietPeriod: int | None = option(Number(0, 86_400), "seconds to wait before a build", None)
    customWorkspace: str = option(TEXT, "a fixed directory on the agent", "")
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(common.PROPERTIES, "further properties, as XML", ())

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        refuse_doubles(self.parameters)


KIND = Freestyle
