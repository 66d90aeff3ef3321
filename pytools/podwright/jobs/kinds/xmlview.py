"""A view of any class: its XML from a file, with values filled in."""

from __future__ import annotations

from typing import ClassVar

from podwright.jobs.kinds.xml import XmlJob
from podwright.records import record


@record
class XmlView(XmlJob):
    """A view of any class: its XML from a file, with values filled in."""

    VIEW: ClassVar[bool] = True


KIND = XmlView
