"""What several kinds of jobs share: rotation, throttling, orphans, libraries."""

from __future__ import annotations

from typing import Any

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
from podwright.jobs.parts.rows import made
from podwright.jobs.parts.sources import GIT_SOURCE, GITHUB_SOURCE
from podwright.records import record
from podwright.schema import Choice, ListOf, Number, RecordOf, option

ANY_NUMBER = Number(-1, 100_000)
COUNT = Number(0, 10_000)
KEEP = Short(
    made(
        "How many builds are kept; -1 keeps all.", "Keep", "",
        ("days", "daysToKeep", ANY_NUMBER, -1, "days"),
        ("builds", "numToKeep", ANY_NUMBER, -1, "number of builds"),
        ("artifactDays", "artifactDaysToKeep", ANY_NUMBER, -1, "days that artifacts are kept"),
        ("artifactBuilds", "artifactNumToKeep", ANY_NUMBER, -1,
         "number of builds whose artifacts are kept"),
        inside=("strategy", "hudson.tasks.LogRotator"),
    ),
    "builds",
)  # fmt: skip
CATEGORIES = Inside(
    "categories", (Strings("categories"),), {"class": "java.util.concurrent.CopyOnWriteArrayList"}
)
BY = Choice(words=lambda: ("project", "category"), what="way to throttle")
THROTTLE = RecordOf(
    made(
        "How many builds run at once, together with other jobs (throttle-concurrents plugin).",
        "Throttle", "throttle-concurrents",
        ("perNode", "maxConcurrentPerNode", COUNT, 0, "most builds on one node; 0 is no limit"),
        ("total", "maxConcurrentTotal", COUNT, 0, "most builds at once; 0 is no limit"),
        ("categories", CATEGORIES, ListOf(TEXT), (), "names of categories"),
        Fixed("throttleEnabled", "true"),
        ("by", "throttleOption", BY, "project",
         "project counts this job alone, category all jobs of its categories"),
        Fixed("limitOneJobWithMatchingParams", "false"),
    )
)  # fmt: skip
ORPHANS = RecordOf(
    made(
        "What becomes of jobs whose branch or repository is gone.", "Orphans", "",
        ("prune", "pruneDeadBranches", FLAG, True, "delete them"),
        ("days", "daysToKeep", ANY_NUMBER, -1, "keep them for days; -1 is no limit"),
        ("number", "numToKeep", ANY_NUMBER, -1, "keep at most so many; -1 is no limit"),
        ("abortBuilds", "abortBuilds", FLAG, False, "stop their running builds"),
    )
)  # fmt: skip
CACHING = RecordOf(
    made(
        "How long a library is kept on the controller.", "Caching", "",
        ("refreshTimeMinutes", "refreshTimeMinutes", Number(0, 10_000_000), 0,
         "refresh after so many minutes; 0 never refreshes"),
        ("excluded", "excludedVersionsStr", TEXT, "",
         "versions never cached: parts of names, separated by blanks"),
        ("included", "includedVersionsStr", TEXT, "", "only these versions are cached"),
    )
)  # fmt: skip
LIBRARY_SOURCES = OneOf(
    {
        "git": RecordOf(GIT_SOURCE, "url"),
        "github": RecordOf(GITHUB_SOURCE),
        "xml": RawXml(root="scm"),
    },
    "kind of source",
)
RETRIEVER = Inside(
    "retriever",
    (
        Value("libraryPath", always=False),
        Fixed("clone", "false"),
        Chosen("source", "scm", LIBRARY_SOURCES),
    ),
    {"class": "org.jenkinsci.plugins.workflow.libs.SCMSourceRetriever"},
)
LIBRARY = RecordOf(
    made(
        "A shared library that the jobs of a folder may load.",
        "org.jenkinsci.plugins.workflow.libs.LibraryConfiguration", "pipeline-groovy-lib",
        ("name", "name", TEXT, ..., "what `@Library` calls it"),
        ("source", RETRIEVER, LIBRARY_SOURCES, ..., "where it comes from"),
        ("version", "defaultVersion", TEXT, "", "tag or branch; pin a tag"),
        ("implicit", "implicit", FLAG, False, "load it without `@Library`"),
        ("allowVersionOverride", "allowVersionOverride", FLAG, True,
         "let pipelines choose the version"),
        ("includeInChangesets", "includeInChangesets", FLAG, True, "show its commits as changes"),
        ("libraryPath", "", TEXT, "", "folder of the library in its repository"),
        ("caching", Nested("caching", "cachingConfiguration", CACHING), CACHING, None,
         "keep it on the controller"),
    )
)  # fmt: skip


class LibraryList(Items):
    """The libraries of a folder; their map has no key that names a variant."""

    def read(self, cls: type, parent: Any) -> dict[str, Any]:
        found = super().read(cls, parent)
        if not found:
            return {}
        known = [item["library"] for item in found[self.field] if "library" in item]
        return {self.field: known}


# How fields that several kinds have are written, most of them in ``<properties>``.
LIBRARIES_XML = Inside(
    "org.jenkinsci.plugins.workflow.libs.FolderLibraries",
    (Inside("libraries", (LibraryList("libraries", OneOf({"library": LIBRARY}, "library")),)),),
    only_if=lambda part: part.libraries,
)
KEEP_XML = Nested("keep", "jenkins.model.BuildDiscarderProperty", KEEP)
THROTTLE_XML = Nested(
    "throttle", "hudson.plugins.throttleconcurrents.ThrottleJobProperty", THROTTLE
)
PARAMETERS_XML = Inside(
    "hudson.model.ParametersDefinitionProperty",
    (Inside("parameterDefinitions", (Items("parameters", PARAMETERS),)),),
    only_if=lambda part: part.parameters,
)
BUILD_PROPERTIES = (KEEP_XML, THROTTLE_XML, PARAMETERS_XML)
ORPHANS_XML = Nested(
    "orphans",
    "orphanedItemStrategy",
    ORPHANS,
    {"class": "com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy"},
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
