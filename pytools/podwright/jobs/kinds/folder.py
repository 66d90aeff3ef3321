"""A folder: holds other jobs, and may bring shared libraries for them."""

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Fixed, Inside
from podwright.jobs.kinds import JobKind
from podwright.jobs.parts import common
from podwright.records import record
from podwright.schema import ListOf, option

ICON = "com.cloudbees.hudson.plugins.folder.icons.StockFolderIcon"


@record
class Folder(common.Described, JobKind):
    """Holds other jobs, and may bring shared libraries for them."""

    JAVA: ClassVar[str] = "com.cloudbees.hudson.plugins.folder.Folder"
    ROOT: ClassVar[str] = JAVA
    PLUGIN: ClassVar[str] = "cloudbees-folder"
    CONTAINER: ClassVar[bool] = True
    XML: ClassVar[tuple[Codec, ...]] = (
        *common.HEAD,
        Inside("properties", (common.LIBRARIES_XML, common.REST)),
        Fixed("healthMetrics"),
        Fixed("icon", attributes={"class": ICON}),
    )
    libraries: tuple[Any, ...] = option(
        ListOf(common.LIBRARY), "shared libraries of the jobs in the folder", ()
    )
    properties: tuple[Any, ...] = option(common.PROPERTIES, "further properties, as XML", ())


KIND = Folder
