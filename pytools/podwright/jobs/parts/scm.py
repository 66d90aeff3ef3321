"""Where a job's Jenkinsfile or source comes from, when it is one repository and one branch."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Codec, Fixed, Inside, Items, Part, Value
from podwright.jobs.oneof import TEXT, OneOf
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
        text = parent.findtext(f"{self.TAG}/depth", "")
        return {"depth": int(text)} if text.isdigit() and text != "0" else {}

    def tags(self) -> set[str]:
        return {self.TAG}


class _Extensions(Codec):
    """The extensions without words of their own."""

    def write(self, part: Any, parent: Element) -> None:
        for raw in part.extensions:
            parent.append(raw.element())

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        others = [element for element in parent if element.tag != _Shallow.TAG]
        fake = Element("extensions")
        fake.extend(others)
        found = Items("extensions", OneOf()).read(record, fake)
        return {"extensions": [item["xml"] for item in found["extensions"]]} if found else {}


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
            ),
        ),
        Inside("branches", (_Branches(),)),
        Fixed("doGenerateSubmoduleConfigurations", "false"),
        Fixed("submoduleCfg", attributes={"class": "empty-list"}),
        Inside("extensions", (_Shallow(), _Extensions())),
    )
    url: str = option(TEXT, "the repository", "", required=True)
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")
    branches: tuple[str, ...] = option(ListOf(TEXT), "branches to build", ("*/main",))
    depth: int = option(Number(0, 1_000_000), "commits to fetch; 0 fetches all", 0)
    remoteName: str = option(TEXT, "what Git calls the remote", "")
    refspec: str = option(TEXT, "what to fetch", "")
    extensions: tuple[Any, ...] = option(ListOf(RawXml()), "further extensions, as XML", ())


SCM = OneOf({"git": RecordOf(GitScm, "url"), "xml": RawXml()}, "kind of SCM")
