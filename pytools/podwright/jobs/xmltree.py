"""Reading and writing XML, by the element API only, without DTDs.

Jenkins stores XML 1.1 and says so in the prolog, which expat refuses; the prolog is replaced before
parsing. A character reference that only XML 1.1 allows is an error sentence, not a crash.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.parsers import expat

PROLOG = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>")
DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
MOST_LEVELS = 200
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class NotXmlError(ValueError):
    """A text that is no XML, or XML with a DTD; the message says which and where."""


def parse(text: str | bytes) -> Element:
    """Parse a job's XML.

    Raises:
        NotXmlError: malformed, or with a document type (which could name files).
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            raise NotXmlError("it is not UTF-8") from None
    body = PROLOG.sub("", text, count=1)
    if DOCTYPE.search(body):
        raise NotXmlError("it has a document type, which is not allowed")
    try:
        root = _with_prefixes(body) if "xmlns" in body else ET.fromstring(body)  # noqa: S314 - without a document type there are no entities
    except (ET.ParseError, expat.ExpatError) as error:
        line, column = getattr(error, "position", (error.lineno or 1, error.offset or 0))
        lines = text[: len(text) - len(body)].count("\n")
        reason = str(error).split(":", 1)[0]
        raise NotXmlError(f"{reason} (line {line + lines}, column {column + 1})") from None
    if body.count("<") > MOST_LEVELS and _is_deep(root):
        raise NotXmlError(f"it is nested deeper than {MOST_LEVELS} levels")
    return root


def _with_prefixes(body: str) -> Element:
    """Parse XML whose names have prefixes; Jenkins takes them for a part of the names."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.Parse(body.encode("utf-8"), True)  # noqa: FBT003 - expat's own
    return builder.close()


def _is_deep(root: Element) -> bool:
    level = [root]
    for _ in range(MOST_LEVELS):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def serialise(root: Element) -> bytes:
    """Write a tree as a file: prolog, UTF-8, no added whitespace inside values.

    The trees here have no namespaces, which is why this takes half the time of ``ET.tostring``; a
    test compares both.
    """
    out: list[str] = []
    _write_element(root, out)
    return HEAD + "".join(out).encode("utf-8")


def _write_element(element: Element, out: list[str]) -> None:
    tag, text = element.tag, element.text
    start = tag
    for key, value in element.items():
        start += f' {key}="{_quoted_attribute(value)}"'
    if len(element):
        out.append(f"<{start}>{escaped(text) if text else ''}")
        for child in element:
            _write_element(child, out)
        out.append(f"</{tag}>")
    else:
        out.append(f"<{start}>{escaped(text)}</{tag}>" if text else f"<{start}/>")
    if element.tail:
        out.append(escaped(element.tail))


def compact(root: Element) -> Element:
    """Remove the layout between elements, in place, so that it never counts as a change."""
    for node in root.iter():
        if len(node) and not (node.text or "").strip():
            node.text = None
        if not (node.tail or "").strip():
            node.tail = None
    return root


def pretty(xml: bytes) -> str:
    """Lay XML out for people, two blanks per level."""
    root = parse(xml)
    ET.indent(root, "  ")
    text = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")
    return HEAD.decode("ascii") + text + "\n"


def escaped(text: str) -> str:
    """Escape a text for the content of an element."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if "\r" in text:  # a parser makes a line feed of a bare one
        text = text.replace("\r", "&#13;")
    return text.replace(">", "&gt;") if ">" in text else text


def _quoted_attribute(text: str) -> str:
    """Escape a text for an attribute; line breaks would else be read as blanks."""
    text = escaped(text).replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#09;")


def tag_of(java: str) -> str:
    """Write a Java class name as XStream names its element: ``_`` doubled, ``$`` as ``_-``."""
    return java.replace("_", "__").replace("$", "_-")
