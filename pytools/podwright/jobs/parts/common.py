"""What several kinds of jobs share: rotation, throttling, orphans, libraries."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import (
    Chosen,
    Codec,
    Fixed,
    Inside,
    Items,
    Nested,
    Part,
    Rest,
    Strings,
    Value,
)
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Short
from podwright.jobs.parts.parameters import PARAMETERS
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.sources import GitHubSource, GitSource
from podwright.records import record
from podwright.schema import Choice, ListOf, Number, RecordOf, option

ANY_NUMBER = Number(-1, 100_000)


@record
class Keep(Part):
    """How many builds are kept; -1 keeps all."""

    XML: ClassVar[tuple[Codec, ...]] = (
        Inside(
            "strategy",
            (
                Value("days", "daysToKeep"),
                Value("builds", "numToKeep"),
                Value("artifactDays", "artifactDaysToKeep"),
                Value("artifactBuilds", "artifactNumToKeep"),
            ),
            {"class": "hudson.tasks.LogRotator"},
        ),
    )
    builds: int = option(ANY_NUMBER, "number of builds", -1)
    days: int = option(ANY_NUMBER, "days", -1)
    artifactBuilds: int = option(ANY_NUMBER, "number of builds whose artifacts are kept", -1)
    artifactDays: int = option(ANY_NUMBER, "days that artifacts are kept", -1)


@record
class Throttle(Part):
    """How many builds run at once, together with other jobs (throttle-concurrents plugin)."""

    PLUGIN: ClassVar[str] = "throttle-concurrents"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("perNode", "maxConcurrentPerNode"),
        Value("total", "maxConcurrentTotal"),
        Inside(
            "categories",
            (Strings("categories"),),
            {"class": "java.util.concurrent.CopyOnWriteArrayList"},
        ),
        Fixed("throttleEnabled", "true"),
        Value("by", "throttleOption"),
        Fixed("limitOneJobWithMatchingParams", "false"),
    )
    by: str = option(
        Choice(words=lambda: ("project", "category"), what="way to throttle"),
        "project counts this job alone, category all jobs of its categories",
        "project",
    )
    total: int = option(Number(0, 10_000), "most builds at once; 0 is no limit", 0)
    perNode: int = option(Number(0, 10_000), "most builds on one node; 0 is no limit", 0)
    categories: tuple[str, ...] = option(ListOf(TEXT), "names of categories", ())


@record
class Orphans(Part):
    """What becomes of jobs whose branch or repository is gone."""

    XML: ClassVar[tuple[Codec, ...]] = (
        Value("prune", "pruneDeadBranches"),
        Value("days", "daysToKeep"),
        Value("number", "numToKeep"),
        Value("abortBuilds"),
    )
    prune: bool = option(FLAG, "delete them", default=True)
    days: int = option(ANY_NUMBER, "keep them for days; -1 is no limit", -1)
    number: int = option(ANY_NUMBER, "keep at most so many; -1 is no limit", -1)
    abortBuilds: bool = option(FLAG, "stop their running builds", default=False)


def orphans_codec() -> Nested:
    """Give the codec of the orphan strategy."""
    return Nested(
        "orphans",
        "orphanedItemStrategy",
        RecordOf(Orphans),
        {"class": "com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy"},
    )


@record
class Caching(Part):
    """How long a library is kept on the controller."""

    XML: ClassVar[tuple[Codec, ...]] = (
        Value("refreshTimeMinutes"),
        Value("excluded", "excludedVersionsStr"),
        Value("included", "includedVersionsStr"),
    )
    refreshTimeMinutes: int = option(
        Number(0, 10_000_000), "refresh after so many minutes; 0 never refreshes", 0
    )
    excluded: str = option(TEXT, "versions never cached: parts of names, separated by blanks", "")
    included: str = option(TEXT, "only these versions are cached", "")


LIBRARY_SOURCES = OneOf(
    {
        "git": RecordOf(GitSource, "url"),
        "github": RecordOf(GitHubSource),
        "xml": RawXml(root="scm"),
    },
    "kind of source",
)


@record
class Library(Part):
    """A shared library that the jobs of a folder may load."""

    PLUGIN: ClassVar[str] = "pipeline-groovy-lib"
    JAVA: ClassVar[str] = "org.jenkinsci.plugins.workflow.libs.LibraryConfiguration"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("name"),
        Inside(
            "retriever",
            (
                Value("libraryPath", always=False),
                Fixed("clone", "false"),
                Chosen("source", "scm", LIBRARY_SOURCES),
            ),
            {"class": "org.jenkinsci.plugins.workflow.libs.SCMSourceRetriever"},
        ),
        Value("version", "defaultVersion"),
        Value("implicit"),
        Value("allowVersionOverride"),
        Value("includeInChangesets"),
        Nested("caching", "cachingConfiguration", RecordOf(Caching)),
    )
    name: str = option(TEXT, "what `@Library` calls it", "", required=True)
    source: Any = option(LIBRARY_SOURCES, "where it comes from", None, required=True)
    version: str = option(TEXT, "tag or branch; pin a tag", "")
    implicit: bool = option(FLAG, "load it without `@Library`", default=False)
    allowVersionOverride: bool = option(FLAG, "let pipelines choose the version", default=True)
    includeInChangesets: bool = option(FLAG, "show its commits as changes", default=True)
    libraryPath: str = option(TEXT, "folder of the library in its repository", "")
    caching: Caching | None = option(RecordOf(Caching), "keep it on the controller", None)


LIBRARIES = OneOf({"library": RecordOf(Library)}, "library")


class LibraryList(Items):
    """The libraries of a folder; their map has no key that names a variant."""

    def read(self, record: type, parent: Any) -> dict[str, Any]:
        found = super().read(record, parent)
        if not found:
            return {}
        known = [item["library"] for item in found[self.field] if "library" in item]
        return {self.field: known}


def libraries_codec() -> Inside:
    """Give the codec of a folder's libraries, for its ``<properties>``."""
    return Inside(
        "org.jenkinsci.plugins.workflow.libs.FolderLibraries",
        (Inside("libraries", (LibraryList("libraries", LIBRARIES),)),),
        only_if=lambda part: part.libraries,
    )


def keep_codec() -> Nested:
    """Give the codec of the log rotation, for ``<properties>``."""
    return Nested("keep", "jenkins.model.BuildDiscarderProperty", Short(Keep, "builds"))


def throttle_codec() -> Nested:
    """Give the codec of the throttling, for ``<properties>``."""
    return Nested(
        "throttle", "hudson.plugins.throttleconcurrents.ThrottleJobProperty", RecordOf(Throttle)
    )


def parameters_codec() -> Inside:
    """Give the codec of the parameters, for ``<properties>``."""
    return Inside(
        "hudson.model.ParametersDefinitionProperty",
        (Inside("parameterDefinitions", (Items("parameters", PARAMETERS),)),),
        only_if=lambda part: part.parameters,
    )


@record
class Described(Part):
    """What everything in Jenkins has."""

    description: str = option(TEXT, "what the job is for; shown on its page", "")
    displayName: str = option(TEXT, "name that is shown in place of the real one", "")
    xml: tuple[Any, ...] = option(
        ListOf(RawXml()), "further elements of the job itself, or in place of others, as XML", ()
    )


HEAD: tuple[Codec, ...] = (
    Fixed("actions"),
    Value("description"),
    Value("displayName", always=False),
)
PROPERTIES = ListOf(RawXml())
REST = Rest("properties")
