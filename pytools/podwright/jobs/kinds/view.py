"""A list view: a page that shows some of the jobs of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import (
    Codec,
    Fixed,
    Inside,
    Raw,
    Rest,
    Strings,
    Value,
    source_of,
    write_all,
)
from podwright.jobs.kinds import JobKind
from podwright.jobs.oneof import FLAG, TEXT, Pattern
from podwright.jobs.parts.raw import RawXml
from podwright.records import record
from podwright.schema import Choice, ListOf, option

COLUMNS = {
    "status": "hudson.views.StatusColumn",
    "weather": "hudson.views.WeatherColumn",
    "name": "hudson.views.JobColumn",
    "lastSuccess": "hudson.views.LastSuccessColumn",
    "lastFailure": "hudson.views.LastFailureColumn",
    "lastDuration": "hudson.views.LastDurationColumn",
    "buildButton": "hudson.views.BuildButtonColumn",
}


WORDS = {java: word for word, java in COLUMNS.items()}


class Column(Choice):
    """A word for a column, or a column of a plugin as XML."""

    def parse(self, value: Any) -> Any:
        if isinstance(value, dict) and list(value) == ["xml"]:
            return RawXml().parse(value["xml"])
        return super().parse(value)


class _Columns(Codec):
    """The columns, one element each."""

    def write(self, part: Any, parent: Element) -> None:
        for column in part.columns:
            if isinstance(column, Raw):
                parent.append(column.element())
            else:
                SubElement(parent, COLUMNS[column])

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        found: list[Any] = [
            WORDS[str(element.tag)]
            if element.tag in WORDS and not len(element)
            else {"xml": source_of(element)}
            for element in parent
        ]
        return {} if found == list(COLUMNS) else {"columns": found}


@record
class View(JobKind):
    """A list view: a page that shows some of the jobs of its folder."""

    JAVA: ClassVar[str] = "hudson.model.ListView"
    ROOT: ClassVar[str] = "hudson.model.ListView"
    VIEW: ClassVar[bool] = True
    XML: ClassVar[tuple[Codec, ...]] = (
        Fixed("name"),
        Value("description"),
        Value("onlyTheirAgents", "filterExecutors"),
        Value("onlyTheirQueue", "filterQueue"),
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
        Inside("jobFilters", (Rest("filters"),)),
        Inside("columns", (_Columns(),)),
        Value("regex", "includeRegex", always=False),
        Value("recurse"),
        Value("enabled", "statusFilter", always=False),
    )
    description: str = option(TEXT, "shown above the list", "")
    jobs: tuple[str, ...] = option(ListOf(TEXT), "names of the jobs, seen from the folder", ())
    regex: str = option(Pattern(), "show all jobs whose names match", "")
    recurse: bool = option(FLAG, "look into folders", default=False)
    columns: tuple[Any, ...] = option(
        ListOf(Column(words=lambda: COLUMNS, what="column")),
        "columns of the list, each a word or `xml:`",
        tuple(COLUMNS),
    )
    filters: tuple[Any, ...] = option(ListOf(RawXml()), "job filters of plugins, as XML", ())
    enabled: bool | None = option(FLAG, "only jobs that may build, or (false) may not", None)
    onlyTheirAgents: bool = option(FLAG, "show only agents that may build them", default=False)
    onlyTheirQueue: bool = option(FLAG, "show only their builds in the queue", default=False)
    xml: tuple[Any, ...] = option(ListOf(RawXml()), "further elements of the view, as XML", ())

    def element(self, name: str, values: Mapping[str, Any]) -> Element:
        root = write_all(self, Element(self.ROOT))
        root[0].text = name.rpartition("/")[2]
        return self.with_own_xml(root)


KIND = View
