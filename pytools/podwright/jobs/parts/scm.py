"""Where a job's Jenkinsfile or source comes from, when it is one repository and one branch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs import normal
from podwright.jobs.codec import Codec, Fixed, Inside, Items, Rest, Value, read_all, write_all
from podwright.jobs.oneof import TEXT, OneOf
from podwright.jobs.parts.git_extensions import EXTENSIONS
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, made
from podwright.schema import ListOf, Number, RecordOf


class _Branches(Codec):
    """The branches to build."""

    tag = "hudson.plugins.git.BranchSpec"

    def write(self, part: Any, parent: Element) -> None:
        for branch in part.branches:
            SubElement(SubElement(parent, self.tag), "name").text = branch

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        found = [item.text or "" for item in parent.iterfind(f"{self.tag}/name")]
        return {} if found == ["*/main"] else {"branches": found}


class _Shallow(Codec):
    """The clone option of a shallow clone, in the list of extensions."""

    tag = "hudson.plugins.git.extensions.impl.CloneOption"

    def write(self, part: Any, parent: Element) -> None:
        if not part.depth:
            return
        extension = SubElement(parent, self.tag)
        for name, text in (
            ("shallow", "true"),
            ("noTags", "true"),
            ("reference", ""),
            ("depth", str(part.depth)),
            ("honorRefspec", "true"),
        ):
            SubElement(extension, name).text = text

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        found = [int(item.findtext("depth", "0")) for item in parent if _is_plain_shallow(item)]
        return {"depth": found[0]} if found else {}


class _Extensions(Items):
    """The extensions, but for the shallow clone that has a word of its own."""

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        fake = Element("extensions")
        fake.extend(element for element in parent if not _is_plain_shallow(element))
        return super().read(cls, fake)


def _is_plain_shallow(element: Element) -> bool:
    """Say whether an element is what `depth` writes."""
    if element.tag != _Shallow.tag:
        return False
    again = Element("extensions")
    _Shallow().write(SimpleNamespace(depth=element.findtext("depth", "0")), again)
    return len(again) == 1 and normal.same_trees(normal.copied(element), again[0])


ADDRESS: Row = ("url", "url", TEXT, ..., "the repository")
REFSPEC: Row = ("refspec", "refspec?", TEXT, "", "what to fetch")
CREDENTIAL: Row = (
    "credentialsId", "credentialsId?", TEXT, "", "id of the credential that may read it"
)  # fmt: skip
REMOTE = made(
    "One of several remotes.", "hudson.plugins.git.UserRemoteConfig", "",
    ("name", "name?", TEXT, "", "what Git calls the remote"), REFSPEC, ADDRESS, CREDENTIAL,
)  # fmt: skip


class _Remotes(Codec):
    """The remotes after the first, which has the fields of the repository itself."""

    tag = REMOTE.JAVA

    def write(self, part: Any, parent: Element) -> None:
        for remote in part.remotes:
            write_all(remote, SubElement(parent, self.tag))

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        found = [read_all(REMOTE, element) for element in parent.findall(self.tag)[1:]]
        return {"remotes": found} if found else {}


FIRST_REMOTE = Inside(
    REMOTE.JAVA,
    (
        Value("remoteName", "name", always=False),
        Value("refspec", always=False),
        Value("url"),
        Value("credentialsId", always=False),
    ),
)
EXTENSION_LIST = Inside("extensions", (_Shallow(), _Extensions("extensions", EXTENSIONS)))
GIT_SCM = made(
    "A Git repository.", "hudson.plugins.git.GitSCM", "git",
    Fixed("configVersion", "2"),
    ("url", Inside("userRemoteConfigs", (FIRST_REMOTE, _Remotes())), TEXT, ..., "the repository"),
    ("credentialsId", "", TEXT, "", CREDENTIAL[-1]),
    ("branches", Inside("branches", (_Branches(),)), ListOf(TEXT), ("*/main",),
     "branches to build"),
    ("depth", "", Number(0, 1_000_000), 0, "commits to fetch; 0 fetches all"),
    ("remoteName", "", TEXT, "", "what Git calls the remote"),
    ("refspec", "", TEXT, "", "what to fetch"),
    ("remotes", "", ListOf(RecordOf(REMOTE, "url")), (), "further remotes"),
    Fixed("doGenerateSubmoduleConfigurations", "false"),
    Fixed("submoduleCfg", attributes={"class": "empty-list"}),
    ("extensions", EXTENSION_LIST, ListOf(EXTENSIONS), (),
     "what a checkout does besides; a text is taken as XML"),
    ("xml", Rest("xml"), ListOf(RawXml()), (), "further elements, such as a browser, as XML"),
)  # fmt: skip
SCM = OneOf({"git": RecordOf(GIT_SCM, "url"), "xml": RawXml(root="scm")}, "kind of SCM")
