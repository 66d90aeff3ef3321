"""What a multibranch project says of one of its sources: which heads are built by themselves."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.errors import Problem, repeated, shown
from podwright.jobs import normal
from podwright.jobs.codec import Chosen, Codec, Fixed, Inside, Items, Part, Raw, Value, source_of
from podwright.jobs.oneof import FLAG, OneOf
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.sources import SOURCES
from podwright.records import record
from podwright.schema import Invalid, ListOf, Number, RecordOf, option

BASIC = "jenkins.branch.buildstrategies.basic"
BASIC_PLUGIN = "basic-branch-build-strategies"


@record
class Plain(Part):
    """Needs no further words."""

    PLUGIN: ClassVar[str] = BASIC_PLUGIN


@record
class RegularBranches(Plain):
    """Branches."""

    JAVA: ClassVar[str] = f"{BASIC}.BranchBuildStrategyImpl"


@record
class SkipInitial(Plain):
    """Not when a branch is seen for the first time."""

    JAVA: ClassVar[str] = f"{BASIC}.SkipInitialBuildOnFirstBranchIndexing"


@record
class ChangeRequests(Plain):
    """Pull requests."""

    JAVA: ClassVar[str] = f"{BASIC}.ChangeRequestBuildStrategyImpl"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("ignoreTargetOnlyChanges"),
        Value("ignoreUntrustedChanges"),
    )
    ignoreTargetOnlyChanges: bool = option(
        FLAG, "not when the target alone has changed", default=False
    )
    ignoreUntrustedChanges: bool = option(FLAG, "not those of strangers", default=False)


@record
class Tags(Plain):
    """Tags."""

    JAVA: ClassVar[str] = f"{BASIC}.TagBuildStrategyImpl"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("atLeastMillis"),
        Value("atMostMillis"),
    )
    atLeastMillis: int = option(Number(-1, 10**12), "not younger than that; -1 for any", -1)
    atMostMillis: int = option(Number(-1, 10**12), "not older than that; -1 for any", -1)


STRATEGIES = OneOf(
    {
        "branches": RecordOf(RegularBranches),
        "tags": RecordOf(Tags),
        "changeRequests": RecordOf(ChangeRequests),
        "skipInitial": RecordOf(SkipInitial),
        "xml": RawXml(),
    },
    "build strategy",
)


@record
class NoTrigger(Part):
    """No build starts by itself."""

    JAVA: ClassVar[str] = "jenkins.branch.NoTriggerBranchProperty"


PROPERTIES = OneOf({"noTrigger": RecordOf(NoTrigger), "xml": RawXml()}, "branch property")
NONE = (
    Inside(
        "strategy",
        (Fixed("properties", attributes={"class": "empty-list"}),),
        {"class": "jenkins.branch.DefaultBranchPropertyStrategy"},
    ),
)
SOME = (
    Inside(
        "strategy",
        (
            Inside(
                "properties",
                (
                    Inside(
                        "a",
                        (Items("branchProperties", PROPERTIES),),
                        {"class": "jenkins.branch.BranchProperty-array"},
                    ),
                ),
                {"class": "java.util.Arrays$ArrayList"},
            ),
        ),
        {"class": "jenkins.branch.DefaultBranchPropertyStrategy"},
    ),
)


def _with_branches(kind: RecordOf) -> RecordOf:
    """Give a source the fields for what holds for its branches."""
    source = kind.of
    beside = {
        "buildStrategies": option(
            ListOf(STRATEGIES), "what is built by itself; without it everything", ()
        ),
        "branchProperties": option(ListOf(PROPERTIES), "what holds for all its branches", ()),
    }
    about = {
        "__doc__": source.__doc__,
        "__annotations__": dict.fromkeys(beside, "tuple[Any, ...]"),
        "SCHEMA": f"{source.JAVA}-of-branches",  # type: ignore[attr-defined]
    }
    made = type(source.__name__, (source,), {**about, **beside})
    return RecordOf(record(made), kind.shorthand)


BRANCH_SOURCES = OneOf(
    {
        word: _with_branches(kind) if isinstance(kind, RecordOf) else kind
        for word, kind in SOURCES.variants.items()
    },
    SOURCES.what,
)
TAG = "jenkins.branch.BranchSource"
STRATEGY_LIST = Inside("buildStrategies", (Items("buildStrategies", STRATEGIES),))


@record
class _Holder:
    source: Any


class Sources(Codec):
    """The list of branch sources."""

    CHOSEN = Chosen("source", "source", BRANCH_SOURCES)

    def write(self, part: Any, parent: Element) -> None:
        for value in part.sources:
            if isinstance(value, Raw) and value.element().tag == TAG:
                parent.append(value.element())
            else:
                self._write_source(value, SubElement(parent, TAG))

    def _write_source(self, value: Any, element: Element) -> None:
        self.CHOSEN.write(_Holder(value), element)
        for codec in SOME if getattr(value, "branchProperties", ()) else NONE:
            codec.write(value, element)
        if getattr(value, "buildStrategies", ()):
            STRATEGY_LIST.write(value, element)

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        return {"sources": [self._read_source(element) for element in parent.findall(TAG)]}

    def _read_source(self, element: Element) -> Any:
        """Read one; its XML when words do not bring it back."""
        ((key, words),) = self.CHOSEN.read(Part, element).get("source", {"xml": ""}).items()
        if key != "xml":
            words = words if isinstance(words, dict) else {"url": words}
            for codec in (*SOME, STRATEGY_LIST):
                words.update(codec.read(BRANCH_SOURCES.variants[key].of, element))  # type: ignore[attr-defined]
        try:
            made = BRANCH_SOURCES.parse({key: words})
        except Invalid:
            return {"xml": source_of(element)}
        again = Element(TAG)
        self._write_source(made, again)
        if not normal.same_trees(normal.copied(element), again):
            return {"xml": source_of(element)}
        if key != "xml" and words.get("id") == made.natural_id():
            del words["id"]
        return {key: words["url"] if list(words) == ["url"] and key == "git" else words}

    def tags(self) -> set[str]:
        return {TAG}


def refuse_twins(sources: tuple[Any, ...]) -> None:
    """Refuse sources of one id, whose branches Jenkins would mix up.

    Raises:
        Invalid: with the ids.
    """
    known = [source for source in sources if not isinstance(source, Raw)]
    doubles = repeated(source.id or source.natural_id() for source in known)
    if doubles:
        raise Invalid(
            *(
                Problem(f"two have the id {shown(one)}; give one an `id` of its own", "sources")
                for one in doubles
            )
        )
