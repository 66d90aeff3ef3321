"""A pipeline: its script stands in the description or comes from an SCM."""

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import (
    Chosen,
    Codec,
    Fixed,
    Inside,
    Items,
    Nested,
    Value,
    defaults,
    read_codecs,
)
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT, Script, Switch
from podwright.jobs.parts import common
from podwright.jobs.parts.parameters import PARAMETERS, refuse_doubles
from podwright.jobs.parts.rows import made
from podwright.jobs.parts.scm import SCM
from podwright.jobs.parts.triggers import TRIGGERS
from podwright.records import record
from podwright.schema import Choice, Invalid, ListOf, Number, option

CPS = "org.jenkinsci.plugins.workflow.cps"
JOB = "org.jenkinsci.plugins.workflow.job.properties"
DURABILITY = ("PERFORMANCE_OPTIMIZED", "SURVIVABLE_NONATOMIC", "MAX_SURVIVABILITY")


class _Definition(Codec):
    """The script itself, or where it comes from."""

    tag = "definition"
    INLINE = (Value("script"), Value("sandbox"))
    FROM_SCM = (Chosen("scm", "scm", SCM), Value("scriptPath"), Value("lightweight"))

    def write(self, part: Any, parent: Element) -> None:
        inline = part.scm is None
        name = "CpsFlowDefinition" if inline else "CpsScmFlowDefinition"
        element = SubElement(parent, "definition", {"class": f"{CPS}.{name}"})
        for codec in self.INLINE if inline else self.FROM_SCM:
            codec.write(part, element)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        element = parent.find("definition")
        if element is None or not element.get("class", "").startswith(f"{CPS}.Cps"):
            return {}
        codecs = self.INLINE if element.find("scm") is None else self.FROM_SCM
        return read_codecs(codecs, cls, element)


NO_CONCURRENCY = Switch(
    made(
        "One build at a time.", "NoConcurrency", "",
        ("abortPrevious", "abortPrevious", FLAG, False,
         "stop the running build instead of waiting"),
    )
)  # fmt: skip


@record
class _Empty(Codec):
    """A property without content whose presence is a boolean that is false."""

    field: str
    tag: str

    def write(self, part: Any, parent: Element) -> None:
        if not getattr(part, self.field):
            SubElement(parent, self.tag)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        value = parent.find(self.tag) is None
        return {} if value == defaults(cls)[self.field] else {self.field: value}


@record
class Pipeline(common.Described, JobKind):
    """A pipeline: its script stands in the description or comes from an SCM."""

    JAVA: ClassVar[str] = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
    ROOT: ClassVar[str] = "flow-definition"
    PLUGIN: ClassVar[str] = "workflow-job"
    XML: ClassVar[tuple[Codec, ...]] = (
        *common.HEAD,
        Fixed("keepDependencies", "false"),
        Inside(
            "properties",
            (
                common.KEEP_XML,
                Nested(
                    "disableConcurrentBuilds",
                    f"{JOB}.DisableConcurrentBuildsJobProperty",
                    NO_CONCURRENCY,
                ),
                _Empty("resume", f"{JOB}.DisableResumeJobProperty"),
                Inside(
                    f"{JOB}.DurabilityHintJobProperty",
                    (Value("durability", "hint"),),
                    only_if=lambda part: part.durability,
                ),
                common.THROTTLE_XML,
                Inside(
                    f"{JOB}.PipelineTriggersJobProperty",
                    (Inside("triggers", (Items("triggers", TRIGGERS),)),),
                    only_if=lambda part: part.triggers,
                ),
                common.PARAMETERS_XML,
                common.REST,
            ),
        ),
        _Definition(),
        Fixed("triggers"),
        Value("quietPeriod", always=False),
        Value("disabled"),
    )
    script: str = option(Script(), "the pipeline itself; `scm` takes it from a repository", "")
    scm: Any = option(SCM, "repository that holds the Jenkinsfile", None)
    scriptPath: str = option(TEXT, "the Jenkinsfile in the repository", "Jenkinsfile")
    lightweight: bool = option(FLAG, "fetch the Jenkinsfile alone before it starts", default=True)
    sandbox: bool = option(FLAG, "run the script in the Groovy sandbox", default=True)
    parameters: tuple[Any, ...] = option(ListOf(PARAMETERS), "what a build asks for", ())
    triggers: tuple[Any, ...] = option(ListOf(TRIGGERS), "what starts a build", ())
    keep: Any = option(common.KEEP, "how many builds are kept", None)
    disableConcurrentBuilds: Any = option(
        NO_CONCURRENCY, "one build at a time; `true`, or a map with `abortPrevious`", None
    )
    throttle: Any = option(common.THROTTLE, "share limits with other jobs", None)
    resume: bool = option(FLAG, "go on after a restart of the controller", default=True)
    durability: str = option(
        Choice(words=lambda: DURABILITY, what="durability"), "speed against safety", ""
    )
    quietPeriod: int | None = option(Number(0, 86_400), "seconds to wait before a build", None)
    disabled: bool = option(FLAG, "refuse to build", default=False)
    properties: tuple[Any, ...] = option(common.PROPERTIES, "further properties, as XML", ())

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        refuse_doubles(self.parameters)
        if bool(self.script) == (self.scm is not None):
            raise Invalid("give either `script` or `scm`" + (", not both" if self.script else ""))


KIND = Pipeline
