"""What belongs to others in the XML of a job: kept when it is changed, and no difference.

One function says what would be sent; what the controller has is as it should be when it is that.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import cache
from xml.etree.ElementTree import Element

from podwright.jobs import kinds, marker, normal, xmltree

FOLDER = "com.cloudbees.hudson.plugins.folder."
CREDENTIALS = f"{FOLDER}properties.FolderCredentialsProvider_-FolderCredentialsProperty"
CONFIG_FILES = "org.jenkinsci.plugins.configfiles.folder.FolderConfigFileProperty"
# What each folder has that was made in a browser.
WORST_CHILD = f"{FOLDER}health.WorstChildHealthMetric"
ALL_VIEW = "hudson.model.AllView"
# Properties in which people keep what cannot be described: never ours.
PEOPLES = {CREDENTIALS: "credentials that people made", CONFIG_FILES: "config files"}
PARAMETERS = "hudson.model.ParametersDefinitionProperty"
TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
# What says which properties, triggers and parameters a Jenkinsfile has declared.
DECLARED = (
    "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"
)
STEP = "org.jenkinsci.plugins.workflow.multibranch.JobPropertyTrackerAction"
# Elements that are the controller's as soon as it has them, and those that are where we say nothing
THEIRS = ("actions", "folderViews", "views", "viewsTabBar", "primaryView")
UNSAID = ("healthMetrics", "icon", "authToken")


def merged(actual: str, wanted: bytes, kind: str) -> bytes:
    """Put what belongs to others on the controller into the XML that is sent.

    Raises:
        xmltree.NotXmlError: when the controller's XML is none.
    """
    ours = xmltree.parse(wanted)
    return xmltree.serialise(ours) if merge(xmltree.parse(actual), ours, kind) else wanted


def merge(theirs: Element, ours: Element, kind: str) -> bool:
    """Put what belongs to others in one tree into the other; say whether there was anything."""
    if kind and kinds.load(kind).VIEW:
        return False
    changed = [_keep_element(tag, theirs, ours, always=True) for tag in THEIRS]
    changed += [_keep_element(tag, theirs, ours, always=kind != "xml") for tag in UNSAID]
    return any([*changed, _keep_properties(theirs, ours, kind)])


def is_as_wanted(actual: str, wanted: bytes, kind: str) -> bool:
    """Say whether the controller has what is wanted, but for what belongs to others."""
    try:
        theirs, ours = xmltree.parse(actual), xmltree.parse(wanted)
        merge(theirs, ours, kind)
        return normal.same_trees(theirs, ours)
    except xmltree.NotXmlError:
        return False


def _keep_element(tag: str, theirs: Element, ours: Element, *, always: bool) -> bool:
    there, here = theirs.find(tag), ours.find(tag)
    if there is None:
        return False
    if here is None:
        ours.append(there)
        return True
    if tag in UNSAID and (not always or _has_text([here])):
        return False
    ours[list(ours).index(here)] = there
    return True


def _keep_properties(theirs: Element, ours: Element, kind: str) -> bool:
    there = theirs.find("properties")
    if there is None or not len(there):
        return False
    found = marker.find(theirs.findtext("description"))
    own = set(found.own) if found else set()
    here = ours.find("properties")
    if here is None:
        here = Element("properties")
        ours.append(here)
    said = {str(element.tag) for element in here}
    words = worded(kind)
    declared = _declared(theirs)
    kept = False
    for element in there:
        tag = str(element.tag)
        if tag in PEOPLES:
            here[:] = [node for node in here if node.tag != tag]
        elif tag in {PARAMETERS, TRIGGERS} and tag not in declared["jobProperties"]:
            kept = _keep_declared(element, here, declared) or kept
            continue
        elif tag in said or (
            _class_of(tag) not in declared["jobProperties"]
            and (tag in words or marker.short(tag) in own)
        ):
            continue
        here.append(element)
        kept = True
    return kept


def without_theirs(root: Element) -> Element:
    """Remove from a job that is imported what stays with the controller; in place."""
    for tag in THEIRS:
        for element in root.findall(tag):
            # Computed folders have a holder of their own, which they need when they are made.
            if tag != "folderViews" or root.tag == f"{FOLDER}Folder":
                root.remove(element)
    for metrics in root.findall("healthMetrics"):
        if [str(node.tag) for node in metrics] == [WORST_CHILD]:
            root.remove(metrics)
    for properties in root.findall("properties"):
        properties[:] = [node for node in properties if node.tag not in PEOPLES]
    return root


@cache
def worded(kind: str) -> frozenset[str]:
    """Name the properties that a kind has words for: without these words they go."""
    return frozenset(kinds.load(kind).property_tags())


def _class_of(tag: str) -> str:
    return tag.replace("_-", "$").replace("__", "_")


def _declared(theirs: Element) -> dict[str, set[str]]:
    """Read what a Jenkinsfile has declared, from the notes of the plugins that did it."""
    found: dict[str, set[str]] = {"jobProperties": set(), "triggers": set(), "parameters": set()}
    for note in theirs.iterfind(f"actions/{DECLARED}"):
        for what, words in found.items():
            words.update(item.text or "" for item in note.iterfind(f"{what}/string"))
    for note in theirs.iterfind(f"actions/{STEP}"):
        found["jobProperties"].update(item.text or "" for item in note.iter("string"))
    return found


def _keep_declared(element: Element, here: Element, declared: dict[str, set[str]]) -> bool:
    """Keep the triggers and parameters of a property that a Jenkinsfile has declared."""
    inner = "parameterDefinitions" if element.tag == PARAMETERS else "triggers"
    there = element.find(inner)
    target = here.find(f"{element.tag}/{inner}")
    said = {_name_of(item) for item in target} if target is not None else set()
    words = declared["parameters" if element.tag == PARAMETERS else "triggers"]
    due = [item for item in (there if there is not None else ()) if _name_of(item) in words - said]
    if not due:
        return False
    if target is None:
        new = copy.deepcopy(element)
        here.append(new)
        target = new.find(inner)
        assert target is not None  # noqa: S101 - there is one in the original
        target[:] = []
    target.extend(due)
    return True


def _name_of(item: Element) -> str:
    """Name a parameter, or the class of a trigger."""
    return item.findtext("name") if item.find("name") is not None else _class_of(str(item.tag))  # type: ignore[return-value]


def peoples(text: str) -> str:
    """Say what people keep in a folder; empty for nothing."""
    try:
        root = xmltree.parse(text)
    except xmltree.NotXmlError:
        return "what cannot be read"
    held = [
        words for tag, words in PEOPLES.items() if _has_text(root.iterfind(f"properties/{tag}"))
    ]
    views = [view for view in root.iterfind("folderViews/views/*") if view.tag != ALL_VIEW]
    names = [
        view.findtext("name", "") for view in views if not marker.find(view.findtext("description"))
    ]
    held += [f"the view {name}" for name in names]
    return " and ".join(held)


def _has_text(elements: Iterable[Element]) -> bool:
    return any((node.text or "").strip() for element in elements for node in element.iter())
