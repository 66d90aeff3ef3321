"""A list view: a page that shows some of the jobs of its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Codec, Fixed, Inside, Strings, Value, write_all
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT
from podwright.records import record
from podwright.schema import Choice, ListOf, option

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = {
    "status": "hudson.views.StatusColumn",
    "weather": "hudson.views.WeatherColumn",
    "name": "hudson.views.JobColumn",
    "lastSuccess": "hudson.views.LastSuccessColumn",
    "lastFailure": "hudson.views.LastFailureColumn",
    "lastDuration": "hudson.views.LastDurationColumn",
    "buildButton": "hudson.views.BuildButtonColumn",
}


class _Columns(Codec):
    """The columns, one empty element each."""

    def write(self, part: Any, parent: Element) -> None:
        for column in part.columns:
            SubElement(parent, COLUMNS[column])

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        words = {java: word for word, java in COLUMNS.items()}
        found = [words.get(str(element.tag), "") for element in parent]
        return {} if found == list(COLUMNS) else {"columns": found}


@record
class View(JobKind):
    """A list view: a page that shows some of the jobs of its folder."""

    JAVA: ClassVar[str] = "hudson.model.ListView"
    ROOT: ClassVar[str] = "hudson.model.ListView"
    VIEW: ClassVar[bool] = True
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("description"),
        Fixed("filterExecutors", "false"),
        Fixed("filterQueue", "false"),
        Fixed("properties", attributes={"class": "hudson.model.View$PropertyList"}),
        Inside(
            "jobNames",
            (
                Fixed(
                    "comparator", attributes={"class": "java.lang.String$CaseInsensitiveComparator"}
                ),
                Strings("jobs"),
            ),
        ),
        Fixed("jobFilters"),
        Inside("columns", (_Columns(),)),
        Value("regex", "includeRegex", always=False),
        Value("recurse"),
    )
    description: str = option(TEXT, "shown above the list", "")
    jobs: tuple[str, ...] = option(ListOf(TEXT), "names of the jobs, seen from the folder", ())
    regex: str = option(TEXT, "show all jobs whose names match", "")
    recurse: bool = option(FLAG, "look into folders", default=False)
    columns: tuple[str, ...] = option(
        ListOf(Choice(words=lambda: COLUMNS, what="column")), "columns of the list", tuple(COLUMNS)
    )

    def element(self, name: str, values: Mapping[str, Any]) -> Element:
        del values
        root = Element(self.ROOT)
        SubElement(root, "name").text = name.rpartition("/")[2]
        return write_all(self, root)


KIND = View
