"""XML given as text, for what has no word of its own."""

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element

from podwright.jobs import xmltree
from podwright.jobs.codec import Raw
from podwright.jobs.oneof import Lines
from podwright.records import record
from podwright.schema import Invalid


@record
class RawXml(Lines):
    """One XML element as text.

    Its ``class`` attributes say which Java classes Jenkins makes, which is why whoever writes a
    description is trusted as much as somebody who may configure jobs. ``plugin`` attributes are
    dropped: they name versions, and Jenkins ignores them.

    Attributes:
        root: what the element must be, with a ``class``; empty for any.
        beside: another element that may stand there.
    """

    name: ClassVar[str] = "XML text"
    root: str = ""
    beside: str = ""

    def parse(self, value: Any) -> Any:
        text = super().parse(value)
        try:
            root = xmltree.parse(text)
        except xmltree.NotXmlError as error:
            raise Invalid(f"this is not a valid XML element: {error}") from None
        found = str(root.tag)
        if self.root and not (found == self.root and root.get("class")) and found != self.beside:
            raise Invalid(
                f"the element is <{found}>, which Jenkins would ignore here; write "
                f'<{self.root} class="{found.replace("_-", "$").replace("__", "_")}">'
            )
        return Raw(_without_versions(root, text))


def _without_versions(root: Element, text: str) -> str:
    if not any("plugin" in node.attrib for node in root.iter()):
        return xmltree.PROLOG.sub("", text, count=1).strip()
    for node in root.iter():
        node.attrib.pop("plugin", None)
    return xmltree.serialise(root)[len(xmltree.HEAD) :].decode("utf-8")
