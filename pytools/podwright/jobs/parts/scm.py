"""Where a job's Jenkinsfile or source comes from, when it is one repository and one branch."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs import normal
from podwright.jobs.codec import (
    Codec,
    Fixed,
    Inside,
    Items,
    Part,
    Rest,
    Value,
    read_all,
    write_all,
)
from podwright.jobs.oneof import TEXT, OneOf
from podwright.jobs.parts.git_extensions import EXTENSIONS
from podwright.jobs.parts.raw import RawXml
from podwright.records import record
from podwright.schema import ListOf, Number, RecordOf, option


class _Branches(Codec):
    """The branches to build."""

    TAG = "hudson.plugins.git.BranchSpec"

    def write(self, part: Any, parent: Element) -> None:
        for branch in part.branches:
            SubElement(SubElement(parent, self.TAG), "name").text = branch

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        found = [item.text or "" for item in parent.iterfind(f"{self.TAG}/name")]
        return {} if found == ["*/main"] else {"branches": found}


class _Shallow(Codec):
    """The clone option of a shallow clone, in the list of extensions."""

    TAG = "hudson.plugins.git.extensions.impl.CloneOption"

    def write(self, part: Any, parent: Element) -> None:
        if not part.depth:
            return
        extension = SubElement(parent, self.TAG)
        for name, text in (
            ("shallow", "true"),
            ("noTags", "true"),
            ("reference", ""),
            ("depth", str(part.depth)),
            ("honorRefspec", "true"),
        ):
            SubElement(extension, name).text = text

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        found = [int(item.findtext("depth", "0")) for item in parent if _is_plain_shallow(item)]
        return {"depth": found[0]} if found else {}

    def tags(self) -> set[str]:
        return {self.TAG}


class _Extensions(Items):
    """The extensions, but for the shallow clone that has a word of its own."""

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        fake = Element("extensions")
        fake.extend(element for element in parent if not _is_plain_shallow(element))
        return super().read(record, fake)


def _is_plain_shallow(element: Element) -> bool:
    """Say whether an element is what `depth` writes."""
    if element.tag != _Shallow.TAG:
        return False
    made = Element("extensions")
    _Shallow().write(_Depth(element.findtext("depth", "0")), made)
    return len(made) == 1 and normal.same_trees(normal.copied(element), made[0])


@record
class _Depth:
    depth: str


@record
class Remote(Part):
    """One of several remotes."""

    XML: ClassVar[tuple[Codec, ...]] = (
        Value("name", always=False),
        Value("refspec", always=False),
        Value("url"),
        Value("credentialsId", always=False),
    )
    JAVA: ClassVar[str] = "hudson.plugins.git.UserRemoteConfig"
    url: str = option(TEXT, "the repository", "", required=True)
    name: str = option(TEXT, "what Git calls the remote", "")
    refspec: str = option(TEXT, "what to fetch", "")
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")


class _Remotes(Codec):
    """The remotes after the first, which has the fields of the repository itself."""

    TAG = Remote.JAVA

    def write(self, part: Any, parent: Element) -> None:
        for remote in part.remotes:
            write_all(remote, SubElement(parent, self.TAG))

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        found = [read_all(Remote, element) for element in parent.findall(self.TAG)[1:]]
        return {"remotes": found} if found else {}

    def tags(self) -> set[str]:
        return {self.TAG}


@record
class GitScm(Part):
    """A Git repository."""

    JAVA: ClassVar[str] = "hudson.plugins.git.GitSCM"
    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (
        Fixed("configVersion", "2"),
        Inside(
            "userRemoteConfigs",
            (
                Inside(
                    "hudson.plugins.git.UserRemoteConfig",
                    (
                        Value("remoteName", "name", always=False),
                        Value("refspec", always=False),
                        Value("url"),
                        Value("credentialsId", always=False),
                    ),
                ),
                _Remotes(),
            ),
        ),
        Inside("branches", (_Branches(),)),
        Fixed("doGenerateSubmoduleConfigurations", "false"),
        Fixed("submoduleCfg", attributes={"class": "empty-list"}),
        Inside("extensions", (_Shallow(), _Extensions("extensions", EXTENSIONS))),
        Rest("xml"),
    )
    url: str = option(TEXT, "the repository", "", required=True)
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")
    branches: tuple[str, ...] = option(ListOf(TEXT), "branches to build", ("*/main",))
    depth: int = option(Number(0, 1_000_000), "commits to fetch; 0 fetches all", 0)
    remoteName: str = option(TEXT, "what Git calls the remote", "")
    refspec: str = option(TEXT, "what to fetch", "")
    remotes: tuple[Remote, ...] = option(ListOf(RecordOf(Remote, "url")), "further remotes", ())
    extensions: tuple[Any, ...] = option(
        ListOf(EXTENSIONS), "what a checkout does besides; a text is taken as XML", ()
    )
    xml: tuple[Any, ...] = option(
        ListOf(RawXml()), "further elements, such as a browser, as XML", ()
    )


SCM = OneOf({"git": RecordOf(GitScm, "url"), "xml": RawXml(root="scm")}, "kind of SCM")
