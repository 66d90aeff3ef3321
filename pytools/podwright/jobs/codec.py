"""Writing records as XML and reading them back, from one table for both directions.

A record class of the schema has an ``XML`` tuple of codecs beside its fields. Rendering writes with
it, ``import`` reads with it, so neither can know what the other does not. Reading is best effort:
whoever imports renders again and compares, and takes the XML as it is when something was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs import normal, xmltree
from podwright.jobs.oneof import OneOf, Switch
from podwright.records import fields, record
from podwright.schema import Flag, Invalid, RecordOf, kinds_of


class Part:
    """A record with a table of codecs; the base of everything in ``kinds`` and ``parts``.

    Attributes:
        JAVA: the class that Jenkins knows it by.
        XML: how its fields are written.
        PLUGIN: the short name of the plugin that brings the class; empty for Jenkins itself.
    """

    JAVA: ClassVar[str] = ""
    XML: ClassVar[tuple[Codec, ...]] = ()
    PLUGIN: ClassVar[str] = ""


class Codec:
    """One piece of XML."""

    def write(self, part: Any, parent: Element) -> None:
        """Append the piece to its parent."""
        raise NotImplementedError

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        """Give the fields that the piece tells, as YAML would; defaults are left out."""
        return {}

    def tags(self) -> set[str]:
        """Name the children of the parent that this piece accounts for."""
        name = getattr(self, "tag", "") or getattr(self, "item", "")
        return {name} if name else set()

    def says(self, parent: Element) -> bool:
        """Say whether the piece can say what stands there."""
        return True


@cache
def defaults(cls: Any) -> dict[str, Any]:
    """Give the defaults of a record's fields."""
    return {item.name: item.initial() for item in fields(cls)}


def write_all(part: Any, parent: Element) -> Element:
    """Write a record's codecs into an element."""
    for codec in part.XML:
        codec.write(part, parent)
    return parent


def read_all(cls: type, parent: Element) -> dict[str, Any]:
    """Read a record's codecs from an element."""
    return read_codecs(cls.XML, cls, parent)  # type: ignore[attr-defined]


def read_codecs(codecs: Iterable[Codec], cls: type, parent: Element) -> dict[str, Any]:
    """Read codecs; what none of them says goes to the one that collects the rest."""
    rest = [codec for codec in codecs if isinstance(codec, Rest)]
    good = [codec for codec in codecs if not rest or codec.says(parent)]
    found: dict[str, Any] = {}
    for codec in good:
        found.update(codec.read(cls, parent))
    known = {tag for codec in good for tag in codec.tags()}
    for codec in rest:
        found.update(codec.collect(parent, known))
    return found


def to_text(value: Any) -> str:
    """Write a scalar as Jenkins does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_text(text: str, like: Any) -> Any:
    """Read a scalar; its type is that of the default."""
    if isinstance(like, bool):
        return {"true": True, "false": False}.get(text.strip(), text)
    if like is None or isinstance(like, int):
        return int(text) if text.strip().lstrip("-").isdigit() else text
    return text


@record
class Value(Codec):
    """A field as the text of an element.

    Attributes:
        field: the field's name.
        tag: the element's name when it differs.
        always: write it even when it has its default.
    """

    field: str
    tag: str = ""
    always: bool = True

    def write(self, part: Any, parent: Element) -> None:
        value = getattr(part, self.field)
        if value is None or (not self.always and value == defaults(part.__class__)[self.field]):
            return
        SubElement(parent, self.tag or self.field).text = to_text(value)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        element = parent.find(self.tag or self.field)
        if element is None:
            return {}
        default = defaults(cls)[self.field]
        is_flag = isinstance(kinds_of(cls)[self.field], Flag)
        text = (element.text or "").replace("\r\n", "\n")
        value = from_text(text, False if is_flag else default)
        return {} if value == default else {self.field: value}

    def tags(self) -> set[str]:
        return {self.tag or self.field}


@record
class Fixed(Codec):
    """An element that is always the same; ``path`` may name several levels (``a/b``)."""

    path: str
    text: str = ""
    attributes: Mapping[str, str] | None = None

    def write(self, part: Any, parent: Element) -> None:
        for tag in self.path.split("/"):
            parent = SubElement(parent, tag)
        parent.text = self.text or None
        parent.attrib.update(self.attributes or {})

    def tags(self) -> set[str]:
        return {self.path.split("/")[0]}


@record
class Inside(Codec):
    """An element that holds other codecs of the same record.

    Attributes:
        tag: the element's name.
        codecs: what stands in it.
        attributes: its attributes.
        only_if: write it only when the record says so.
    """

    tag: str
    codecs: tuple[Codec, ...]
    attributes: Mapping[str, str] | None = None
    only_if: Callable[[Any], Any] | None = None

    def write(self, part: Any, parent: Element) -> None:
        if self.only_if is not None and not self.only_if(part):
            return
        element = SubElement(parent, self.tag, dict(self.attributes or {}))
        for codec in self.codecs:
            codec.write(part, element)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        """Read the content; what no codec knows goes to the codec that collects the rest."""
        element = parent.find(self.tag)
        if element is None:
            return {}
        return read_codecs(self.codecs, cls, element)


@record
class Nested(Codec):
    """A field that holds one record (or None), in an element of its own."""

    field: str
    tag: str
    kind: RecordOf
    attributes: Mapping[str, str] | None = None

    def write(self, part: Any, parent: Element) -> None:
        value = getattr(part, self.field)
        if value is not None:
            write_all(value, SubElement(parent, self.tag, dict(self.attributes or {})))

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        element = parent.find(self.tag)
        if element is None:
            return {}
        found = read_record(self.kind, element)
        if not found and isinstance(self.kind, Switch):
            return {self.field: True}
        return {self.field: found} if found or defaults(cls)[self.field] is None else {}

    def says(self, parent: Element) -> bool:
        element = parent.find(self.tag)
        return element is None or in_words(self.kind, element) is not None


@record
class Chosen(Codec):
    """A field with one of several records, told apart by the ``class`` attribute.

    Attributes:
        field: the field's name.
        tag: the element's name.
        choice: the records.
        none: the class that says that there is none; empty when no element does.
    """

    field: str
    tag: str
    choice: OneOf
    none: str = ""

    def write(self, part: Any, parent: Element) -> None:
        value = getattr(part, self.field)
        if isinstance(value, Raw):
            parent.append(value.element())
        elif value is not None:
            write_all(value, SubElement(parent, self.tag, {"class": value.JAVA}))
        elif self.none:
            SubElement(parent, self.tag, {"class": self.none})

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        element = parent.find(self.tag)
        if element is None or (self.none and element.get("class") == self.none):
            return {}
        for key, kind in self.choice.variants.items():
            if isinstance(kind, RecordOf) and element.get("class") == kind.of.JAVA:  # type: ignore[attr-defined]
                words = in_words(kind, element)
                if words is not None:
                    return {self.field: {key: words}}
        return {self.field: {"xml": source_of(element)}}


@record
class Items(Codec):
    """A field with a list of records, each in the element of its class."""

    field: str
    choice: OneOf

    def write(self, part: Any, parent: Element) -> None:
        for value in getattr(part, self.field):
            if isinstance(value, Raw):
                parent.append(value.element())
            else:
                write_all(value, SubElement(parent, xmltree.tag_of(value.JAVA)))

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        """Read all elements; unknown ones stay XML."""
        kinds = {
            normal.tag(xmltree.tag_of(kind.of.JAVA)): (key, kind)  # type: ignore[attr-defined]
            for key, kind in self.choice.variants.items()
            if isinstance(kind, RecordOf) and kind.of.JAVA  # type: ignore[attr-defined]
        }
        found: list[Any] = []
        for element in parent:
            key, kind = kinds.get(normal.tag(str(element.tag)), ("", None))
            words = in_words(kind, element) if kind else None
            # a word alone stands for what needs no further ones
            item = {key: words} if words else key
            found.append({"xml": source_of(element)} if words is None else item)
        default = defaults(cls)[self.field]
        if default and tuple(map(self.choice.parse, found)) == default:
            return {}
        return {self.field: found} if found or default else {}


@record
class Rest(Codec):
    """A field with a list of XML texts: whatever the codecs beside it do not know."""

    field: str

    def write(self, part: Any, parent: Element) -> None:
        for raw in getattr(part, self.field):
            parent.append(raw.element())

    def collect(self, parent: Element, known: set[str]) -> dict[str, Any]:
        """Give all elements that nobody else accounts for."""
        rest = [source_of(element) for element in parent if element.tag not in known]
        return {self.field: rest} if rest else {}


@record
class Strings(Codec):
    """A field with a list of texts, each in an element ``item``."""

    field: str
    item: str = "string"

    def write(self, part: Any, parent: Element) -> None:
        for text in getattr(part, self.field):
            SubElement(parent, self.item).text = text

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        found = [element.text or "" for element in parent.findall(self.item)]
        return {self.field: found} if found else {}


@record
class Joined(Codec):
    """A field with a list of texts in one element, separated by commas or blanks."""

    field: str
    tag: str
    separator: str = ", "

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, self.tag).text = self.separator.join(getattr(part, self.field))

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        element = parent.find(self.tag)
        text = "" if element is None else element.text or ""
        found = [part.strip() for part in text.split(self.separator.strip() or None)]
        value = [part for part in found if part]
        return {} if tuple(value) == tuple(defaults(cls)[self.field]) else {self.field: value}


@record
class Raw:
    """XML that a description gives as text, because no other word says it.

    Attributes:
        source: one element.
    """

    source: str

    def element(self) -> Element:
        """Parse it anew, so that no two jobs share an element."""
        return xmltree.compact(xmltree.parse(self.source))


def source_of(element: Element) -> str:
    """Write an element as the text of a :class:`Raw`, laid out for people, without versions."""
    copy = normal.copied(element)
    for node in copy.iter():
        node.attrib.pop("plugin", None)
    copy.tail = None
    ET.indent(copy, "  ")
    return ET.tostring(copy, encoding="unicode") + "\n"


def read_record(kind: RecordOf, element: Element) -> Any:
    """Read a record as YAML would write it: the shorthand when nothing else is said."""
    found = read_all(kind.of, element)
    if kind.shorthand and set(found) == {kind.shorthand}:
        return found[kind.shorthand]
    return found


def in_words(kind: RecordOf, element: Element) -> Any:
    """Read a record when its words bring the same XML back; None when they do not."""
    try:
        words = read_record(kind, element)
        part = kind.parse(words)
    except (Invalid, ValueError):
        return None
    again = write_all(part, Element(str(element.tag), element.attrib))
    return words if normal.same_trees(normal.copied(element), again) else None


def plugins_of(part: Any) -> set[str]:
    """Name the plugins that a record and everything in it need."""
    found = {part.PLUGIN} if isinstance(part, Part) and part.PLUGIN else set()
    if isinstance(part, Part):
        for item in fields(part):
            found |= plugins_of(getattr(part, item.name))
    elif isinstance(part, tuple):
        for value in part:
            found |= plugins_of(value)
    return found
