"""What a Git checkout does besides: extensions of an SCM, and traits with them for sources.

Each is a row of a table: its word, its class, the class of its trait and its fields.
"""

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Inside, Part, Value
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Short
from podwright.jobs.parts.raw import RawXml
from podwright.records import record
from podwright.schema import Number, option

IMPL = "hudson.plugins.git.extensions.impl"
TRAITS = "jenkins.plugins.git.traits"


@record
class Plain(Part):
    """Needs no further words."""

    PLUGIN: ClassVar[str] = "git"


@record
class Subdirectory(Part):
    """Checks out into a folder of the workspace."""

    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (Value("folder", "relativeTargetDir"),)
    folder: str = option(TEXT, "the folder", "", required=True)


@record
class LocalBranch(Part):
    """Checks out as a branch in place of a detached head."""

    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (Value("name", "localBranch"),)
    name: str = option(TEXT, "its name; ** takes that of the remote branch", "**")


@record
class Timeout(Part):
    """How long a checkout may take."""

    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (Value("minutes", "timeout"),)
    minutes: int = option(Number(1, 10_000), "minutes", 10, required=True)


@record
class Identity(Part):
    """Who commits."""

    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (Value("name"), Value("email"))
    name: str = option(TEXT, "name", "")
    email: str = option(TEXT, "address", "")


@record
class Submodules(Part):
    """How submodules are checked out."""

    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("disable", "disableSubmodules"),
        Value("recursive", "recursiveSubmodules"),
        Value("tracking", "trackingSubmodules"),
        Value("reference"),
        Value("timeout", always=False),
        Value("parentCredentials"),
        Value("shallow"),
        Value("depth", always=False),
        Value("threads", always=False),
    )
    disable: bool = option(FLAG, "leave them out", default=False)
    recursive: bool = option(FLAG, "also those of submodules", default=True)
    tracking: bool = option(FLAG, "the tip of the branch that .gitmodules names", default=False)
    reference: str = option(TEXT, "a local repository to copy from", "")
    timeout: int | None = option(Number(1, 10_000), "minutes", None)
    parentCredentials: bool = option(  # noqa: N815 - as Jenkins calls it
        FLAG, "use the credential of the repository", default=False
    )
    shallow: bool = option(FLAG, "fetch only some commits", default=False)
    depth: int | None = option(Number(1, 1_000_000), "commits to fetch", None)
    threads: int | None = option(Number(1, 100), "how many are fetched at once", None)


# word: (class of the extension, class of the trait, its fields, the field that stands for it alone)
TABLE: dict[str, tuple[str, str, type, str]] = {
    "cleanBefore": ("CleanBeforeCheckout", "CleanBeforeCheckoutTrait", Plain, ""),
    "cleanAfter": ("CleanCheckout", "CleanAfterCheckoutTrait", Plain, ""),
    "wipe": ("WipeWorkspace", "WipeWorkspaceTrait", Plain, ""),
    "prune": ("PruneStaleBranch", "PruneStaleBranchTrait", Plain, ""),
    "lfs": ("GitLFSPull", "GitLFSPullTrait", Plain, ""),
    "authorInChangelog": ("AuthorInChangelog", "AuthorInChangelogTrait", Plain, ""),
    "subdirectory": ("RelativeTargetDirectory", "", Subdirectory, "folder"),
    "localBranch": ("LocalBranch", "LocalBranchTrait", LocalBranch, "name"),
    "submodules": ("SubmoduleOption", "SubmoduleOptionTrait", Submodules, ""),
    "checkoutTimeout": ("CheckoutOption", "CheckoutOptionTrait", Timeout, "minutes"),
    "identity": ("UserIdentity", "UserIdentityTrait", Identity, ""),
}


def _made(base: type, name: str, java: str, **more: Any) -> type:
    made = type(name, (base,), {"JAVA": java, "__doc__": base.__doc__, **more})
    return record(made)


def _trait(row: tuple[str, str, type, str]) -> type:
    """Make the trait that holds an extension."""
    java, trait, base, _ = row
    inside = Inside("extension", base.XML, {"class": f"{IMPL}.{java}"})  # type: ignore[attr-defined]
    return _made(base, trait, f"{TRAITS}.{trait}", XML=(inside,))


EXTENSIONS = OneOf(
    {
        **{
            word: Short(_made(row[2], row[0], f"{IMPL}.{row[0]}"), row[3])
            for word, row in TABLE.items()
        },
        "xml": RawXml(),
    },
    "extension",
)
EXTENSION_TRAITS = {word: Short(_trait(row), row[3]) for word, row in TABLE.items() if row[1]}
