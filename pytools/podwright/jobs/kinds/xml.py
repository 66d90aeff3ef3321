"""Anything else: the job's XML from a file, with values filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

from podwright.errors import shown
from podwright.jobs import xmltree
from podwright.jobs.expand import fill_text, why_not_filled
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import TEXT, illegal
from podwright.records import record, replace
from podwright.schema import Invalid, option

FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
FIRST_TAG = re.compile(r"<([A-Za-z][^\s/>]*)")


@record
class XmlJob(JobKind):
    """Anything else: the job's XML from a file, with values filled in.

    ``{{name}}`` is replaced in texts and attributes after parsing, so that no value can become
    markup.
    """

    file: str = option(TEXT, "the XML, relative to the description's file", "", required=True)
    description: str = option(TEXT, "replaces the description in the file", "")
    content: ClassVar[str] = ""

    def loaded(self, content: str) -> XmlJob:
        """Return the kind with the content of its file."""
        copy = replace(self)
        object.__setattr__(copy, "content", content)
        return copy

    def element(self, name: str, values: Mapping[str, Any]) -> Element:
        """Parse the file and fill in the values.

        Raises:
            Invalid: when the file is no XML, or a value is missing or not allowed in XML.
        """
        try:
            root = xmltree.parse(self.content)
        except xmltree.NotXmlError as error:
            raise Invalid(f"file: {shown(self.file)} is not valid XML: {error}") from None
        known = {**values, "name": name, "shortName": name.rpartition("/")[2]}
        missing: list[str] = []
        xmltree.compact(root)
        for node in root.iter():
            node.attrib.pop("plugin", None)
            node.text = _fill_values(node.text, known, missing)
            node.tail = _fill_values(node.tail, known, missing)
            for key, text in node.attrib.items():
                node.attrib[key] = _fill_values(text, known, missing) or ""
        if missing:
            raise Invalid(
                *(
                    f"file: {shown(self.file)}: {why_not_filled(word, known)}"
                    if word in known
                    else f"file: {shown(self.file)} uses {{{{{word}}}}}, but no value has that "
                    "name; add it to `values`"
                    for word in sorted(set(missing))
                )
            )
        self._ensure_description(root)
        return root

    def _ensure_description(self, root: Element) -> None:
        """Make sure that there is a description, because the marker stands in it."""
        described = root.find("description")
        if described is None:
            described = Element("description")
            root.insert(0, described)
        if self.description:
            described.text = self.description

    def holds_jobs(self) -> bool:
        """Say whether the file is that of a folder."""
        found = FIRST_TAG.search(self.content)
        return found is not None and found[1] == FOLDER

    def plugins(self) -> set[str]:
        """Name no plugin: what a file needs is not known here."""
        return set()


def _fill_values(text: str | None, values: Mapping[str, Any], missing: list[str]) -> str | None:
    if text is None or "{{" not in text:
        return text
    filled = fill_text(text, values, missing)
    bad = illegal(filled)
    if bad is not None:
        raise Invalid(f"values: the control character U+{ord(bad):04X} cannot be part of a job")
    return filled


KIND = XmlJob
