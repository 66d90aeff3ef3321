"""One file per kind of job; the file's name is the word behind ``kind:``.

Each has a ``KIND``: a record of the schema that writes and reads its own XML. They are discovered;
no list of kinds exists anywhere else.
"""

from __future__ import annotations

import importlib
from collections.abc import Container, Mapping
from functools import cache
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

from podwright import resources
from podwright.jobs.codec import Inside, Part, plugins_of, source_of, write_all


class JobKind(Part):
    """A kind of item on the controller.

    Attributes:
        JAVA: its class, as ``_class`` in the answers of the controller.
        ROOT: the root element of its XML.
        CONTAINER: whether other described jobs may stand in it.
        VIEW: whether it is a view, which has requests of its own.
    """

    ROOT: ClassVar[str] = ""
    CONTAINER: ClassVar[bool] = False
    VIEW: ClassVar[bool] = False

    def element(self, name: str, values: Mapping[str, Any]) -> Element:
        """Write the whole item.

        Args:
            name: the full name.
            values: what ``{{name}}`` stands for, for kinds that fill in templates.
        """
        return self.with_own_xml(write_all(self, Element(self.ROOT)))

    def with_own_xml(self, root: Element) -> Element:
        """Put the elements that are given as XML in their places."""
        for raw in getattr(self, "xml", ()):
            element = raw.element()
            old = root.find(str(element.tag))
            if old is None:
                root.append(element)
            else:
                root[list(root).index(old)] = element
        return root

    def holds_jobs(self) -> bool:
        """Say whether other described jobs may stand in it."""
        return self.CONTAINER

    @classmethod
    def property_tags(cls) -> set[str]:
        """Name the properties that the kind has words for."""
        return {
            tag
            for codec in cls.XML
            if isinstance(codec, Inside) and codec.tag == "properties"
            for inner in codec.codecs
            for tag in inner.tags()
        }

    def plugins(self) -> set[str]:
        """Name the plugins without which the controller could not read the item."""
        return plugins_of(self)

    @classmethod
    def fields_of(cls, root: Element, raw: Container[str] = ()) -> dict[str, Any]:
        """Read the fields back, as YAML would say them; best effort.

        Args:
            root: the whole item.
            raw: names of elements that no words are looked for.
        """
        codecs = [codec for codec in cls.XML if not any(tag in raw for tag in codec.tags())]
        found = {key: value for codec in codecs for key, value in codec.read(cls, root).items()}
        known = {tag for codec in codecs for tag in codec.tags()}
        rest = [source_of(element) for element in root if element.tag not in known]
        return {**found, "xml": rest} if rest else found


@cache
def names() -> tuple[str, ...]:
    """All kinds, sorted."""
    return resources.modules(__name__, __path__[0])


@cache
def load(name: str) -> type[JobKind]:
    """Import one kind."""
    module = importlib.import_module(f"{__name__}.{name}")
    kind: type[JobKind] = module.KIND
    return kind
