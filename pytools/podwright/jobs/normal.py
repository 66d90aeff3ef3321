"""Comparing XML that was written with XML that came back.

Jenkins stores what was posted until something makes it save the job; then XStream writes it anew:
other layout, versions in ``plugin`` attributes, default elements added. Two trees are the same when
their normal forms are.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
from xml.etree.ElementTree import Element

from podwright.jobs import marker, secrets, xmltree

# Elements that XStream adds with these texts when it saves a job that lacks them.
ADDED = {
    **dict.fromkeys(
        ("keepDependencies", "disabled", "concurrentBuild", "blockBuildWhenDownstreamBuilding",
         "blockBuildWhenUpstreamBuilding", "filterExecutors", "filterQueue", "recurse",
         "removeLastBuild", "doGenerateSubmoduleConfigurations", "ignorePostCommitHooks",
         "userBoost", "abortBuilds", "limitOneJobWithMatchingParams", "stopTriggerOnFailure",
         "followSymlinks", "abortPrevious", "trim", "keepLongStdio", "latestOnly",
         "onlyIfSuccessful", "fingerprint"),
        "false",
    ),
    **dict.fromkeys(("canRoam", "defaultExcludes", "caseSensitive", "includeInChangesets"), "true"),
    "configVersion": "2",
    "unstableReturn": "0",
    "jdk": "(System)",
    "healthScaleFactor": "1.0",
    "serverUrl": "https://bitbucket.org",
}  # fmt: skip
# Classes of empty elements that are there by themselves.
USUAL = {
    *("", "empty-list", "vector", "list", "hudson.model.View$PropertyList"),
    "jenkins.branch.DefaultBranchPropertyStrategy",
    "com.cloudbees.hudson.plugins.folder.icons.StockFolderIcon",
}
# The plugin moved its traits and writes the new package when it saves.
MOVED = "com.cloudbees.jenkins.plugins.bitbucket.trait."
LISTS = frozenset({"triggers", "categories"})
NO_SCM = "hudson.scm.NullSCM"
# Lists whose order means something although their elements have different names.
ORDERED = frozenset(
    {"builders", "publishers", "buildWrappers", "prebuilders", "postbuilders", "traits", "columns",
     "parameterDefinitions", "extensions", "navigators", "projectFactories", "a", "choices",
     "conditionalbuilders", "chain", "strategies", "jobFilters", "buildStrategies"}
)  # fmt: skip


def normal(root: Element) -> Element:
    """Bring a tree into its normal form.

    Args:
        root: the tree; it is changed in place.

    Returns:
        The same tree: without marker, versions, layout, and what is said by being absent too.
    """
    described = root.find("description")
    if described is not None:
        described.text = marker.strip(described.text)
    for scm in root.findall("scm"):
        # A job without repository says so or not; a pipeline has none at this place.
        if scm.get("class") == NO_SCM and not len(scm):
            root.remove(scm)
    _normalise(root)
    root.tail = None
    return root


def copied(element: Element) -> Element:
    """Give a tree of its own to somebody who will change it."""
    return copy.deepcopy(element)


def tag(name: str) -> str:
    """Give the name of an element in the package where its class was first."""
    return name.replace(MOVED, MOVED[: -len("trait.")])


def _normalise(element: Element) -> None:
    element.attrib.pop("plugin", None)
    if "reference" in element.attrib:  # its class stands where it refers to
        element.attrib.pop("class", None)
    element.tag = tag(str(element.tag))
    if element.tag == "jobNames":  # always a set without case, which Jenkins sorts
        element.text = None
        strings = [child for child in element if child.tag != "comparator"]
        element[:] = sorted(strings, key=lambda child: (child.text or "").lower())
    if element.tag in LISTS:  # of one kind in the class, whatever it was once written as
        element.attrib.pop("class", None)
    if len(element) and not (element.text or "").strip():
        element.text = None
    for child in list(element):
        _normalise(child)
        child.tail = None
        if _means_nothing(child):
            element.remove(child)
    if len(element):
        element.text = None
        if element.tag not in ORDERED and len({child.tag for child in element}) == len(element):
            element[:] = sorted(element, key=lambda child: str(child.tag))
    elif element.text is not None:
        element.text = element.text.replace("\r\n", "\n")


def _means_nothing(element: Element) -> bool:
    """Say whether an element could as well be absent.

    Elements named like classes (with a point) mean something by being there, and so does an empty
    element of a list of texts.
    """
    if len(element) or "." in element.tag or element.tag in {"string", "hudson"}:
        return False
    text = element.text or ""
    if ADDED.get(element.tag) == text:
        return not element.attrib
    if text:
        return False
    return set(element.attrib) <= {"class", "reference"} and element.get("class", "") in USUAL


def lines(root: Element) -> list[str]:
    """Lay out a normal form for people: one element per line, secrets hidden."""
    secrets.redact_tree(root)
    out: list[str] = []
    _lay_out(root, 0, out)
    return out


def _lay_out(element: Element, level: int, out: list[str]) -> None:
    attributes = "".join(f' {key}="{text}"' for key, text in sorted(element.items()))
    pad = "  " * level
    if len(element):
        out.append(f"{pad}<{element.tag}{attributes}>")
        for child in element:
            _lay_out(child, level + 1, out)
        out.append(f"{pad}</{element.tag}>")
        return
    text = xmltree.escaped(element.text or "")
    first, *rest = text.split("\n")
    if not text:
        out.append(f"{pad}<{element.tag}{attributes}/>")
    elif not rest:
        out.append(f"{pad}<{element.tag}{attributes}>{first}</{element.tag}>")
    else:
        out.append(f"{pad}<{element.tag}{attributes}>")
        out += [f"{pad}  | {line}" for line in (first, *rest)]
        out.append(f"{pad}</{element.tag}>")


def same_trees(one: Element, other: Element) -> bool:
    """Say whether two trees mean the same job; they are brought into their normal form."""
    return _laid_out(one) == _laid_out(other)


def _laid_out(root: Element) -> list[str]:
    """Lay out what a tree means, secrets as they are; it is brought into its normal form."""
    out: list[str] = []
    _lay_out(normal(root), 0, out)
    return out


def digest(root: Element) -> str:
    """Hash what a tree means; it is brought into its normal form."""
    return hashlib.sha256("\n".join(_laid_out(root)).encode()).hexdigest()[:16]


def diff(before: Element | None, after: Element) -> list[str]:
    """Give the differing lines of two trees, with three lines around them, both redacted."""
    old = [] if before is None else lines(normal(before))
    return list(difflib.unified_diff(old, lines(normal(after)), lineterm="", n=3))[2:]
