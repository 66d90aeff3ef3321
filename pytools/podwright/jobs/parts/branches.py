"""What a multibranch project says of one of its sources: which heads are built by themselves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from podwright.errors import Problem, repeated, shown
from podwright.jobs import normal
from podwright.jobs.codec import Chosen, Codec, Fixed, Inside, Items, Part, Raw, source_of
from podwright.jobs.oneof import FLAG, OneOf, Short
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, kind_of, made
from podwright.jobs.parts.sources import SOURCES, natural_id
from podwright.records import record
from podwright.schema import Invalid, ListOf, Number, RecordOf, option

BASIC = "jenkins.branch.buildstrategies.basic"
BASIC_PLUGIN = "basic-branch-build-strategies"


AGE = Number(-1, 10**12)


def _strategy(doc: str, java: str, *rows: Row) -> Short:
    return kind_of(made(doc, f"{BASIC}.{java}", BASIC_PLUGIN, *rows), rows)


STRATEGIES = OneOf(
    {
        "branches": _strategy("Branches.", "BranchBuildStrategyImpl"),
        "tags": _strategy(
            "Tags.", "TagBuildStrategyImpl",
            ("atLeastMillis", "atLeastMillis", AGE, -1, "not younger than that; -1 for any"),
            ("atMostMillis", "atMostMillis", AGE, -1, "not older than that; -1 for any"),
        ),
        "changeRequests": _strategy(
            "Pull requests.", "ChangeRequestBuildStrategyImpl",
            ("ignoreTargetOnlyChanges", "ignoreTargetOnlyChanges", FLAG, False,
             "not when the target alone has changed"),
            ("ignoreUntrustedChanges", "ignoreUntrustedChanges", FLAG, False,
             "not those of strangers"),
        ),
        "skipInitial": _strategy(
            "Not when a branch is seen for the first time.", "SkipInitialBuildOnFirstBranchIndexing"
        ),
        "xml": RawXml(),
    },
    "build strategy",
)  # fmt: skip
NO_TRIGGER = made(
    "No build starts by itself.", "jenkins.branch.NoTriggerBranchProperty", "branch-api"
)
PROPERTIES = OneOf({"noTrigger": RecordOf(NO_TRIGGER), "xml": RawXml()}, "branch property")
STRATEGY = "jenkins.branch.DefaultBranchPropertyStrategy"
NONE = (
    Inside(
        "strategy", (Fixed("properties", attributes={"class": "empty-list"}),), {"class": STRATEGY}
    ),
)
LIST = Inside(
    "a", (Items("branchProperties", PROPERTIES),), {"class": "jenkins.branch.BranchProperty-array"}
)
SOME = (
    Inside(
        "strategy",
        (Inside("properties", (LIST,), {"class": "java.util.Arrays$ArrayList"}),),
        {"class": STRATEGY},
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
    joined = type(source.__name__, (source,), {**about, **beside})
    return RecordOf(record(joined), kind.shorthand)


BRANCH_SOURCES = OneOf(
    {
        word: _with_branches(kind) if isinstance(kind, RecordOf) else kind
        for word, kind in SOURCES.variants.items()
    },
    SOURCES.what,
)
TAG = "jenkins.branch.BranchSource"
STRATEGY_LIST = Inside("buildStrategies", (Items("buildStrategies", STRATEGIES),))


class Sources(Codec):
    """The list of branch sources."""

    tag = TAG
    CHOSEN = Chosen("source", "source", BRANCH_SOURCES)

    def write(self, part: Any, parent: Element) -> None:
        for value in part.sources:
            if isinstance(value, Raw) and value.element().tag == TAG:
                parent.append(value.element())
            else:
                self._write_source(value, SubElement(parent, TAG))

    def _write_source(self, value: Any, element: Element) -> None:
        self.CHOSEN.write(SimpleNamespace(source=value), element)
        for codec in SOME if getattr(value, "branchProperties", ()) else NONE:
            codec.write(value, element)
        if getattr(value, "buildStrategies", ()):
            STRATEGY_LIST.write(value, element)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        return {"sources": [self._read_source(element) for element in parent.findall(TAG)]}

    def _read_source(self, element: Element) -> Any:
        """Read one; its XML when words do not bring it back."""
        ((key, words),) = self.CHOSEN.read(Part, element).get("source", {"xml": ""}).items()
        if key != "xml":
            words = words if isinstance(words, dict) else {"url": words}
            for codec in (*SOME, STRATEGY_LIST):
                words.update(codec.read(BRANCH_SOURCES.variants[key].of, element))  # type: ignore[attr-defined]
        try:
            source = BRANCH_SOURCES.parse({key: words})
        except Invalid:
            return {"xml": source_of(element)}
        again = Element(TAG)
        self._write_source(source, again)
        if not normal.same_trees(normal.copied(element), again):
            return {"xml": source_of(element)}
        if key != "xml" and words.get("id") == natural_id(source):
            del words["id"]
        return {key: words["url"] if list(words) == ["url"] and key == "git" else words}


def refuse_twins(sources: tuple[Any, ...]) -> None:
    """Refuse sources of one id, whose branches Jenkins would mix up.

    Raises:
        Invalid: with the ids.
    """
    known = [source for source in sources if not isinstance(source, Raw)]
    doubles = repeated(source.id or natural_id(source) for source in known)
    if doubles:
        raise Invalid(
            *(
                Problem(f"two have the id {shown(one)}; give one an `id` of its own", "sources")
                for one in doubles
            )
        )
