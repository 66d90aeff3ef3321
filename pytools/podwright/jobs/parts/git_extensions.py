"""What a Git checkout does besides: extensions of an SCM, and traits with them for sources."""

from __future__ import annotations

from podwright.jobs.oneof import FLAG, TEXT, OneOf
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, kind_of, made
from podwright.schema import Number

IMPL = "hudson.plugins.git.extensions.impl"
TRAITS = "jenkins.plugins.git.traits"
MINUTES = Number(1, 10_000)
# word: documentation, class of the extension, class of the trait ('' for none), fields
TABLE: dict[str, tuple[str, str, str, tuple[Row, ...]]] = {
    "cleanBefore": (
        "Removes what no commit has, before.", "CleanBeforeCheckout", "CleanBeforeCheckoutTrait", ()
    ),
    "cleanAfter": (
        "Removes what no commit has, afterwards.", "CleanCheckout", "CleanAfterCheckoutTrait", ()
    ),
    "wipe": ("Begins with an empty workspace.", "WipeWorkspace", "WipeWorkspaceTrait", ()),
    "prune": ("Forgets branches that are gone.", "PruneStaleBranch", "PruneStaleBranchTrait", ()),
    "lfs": ("Fetches large files (Git LFS).", "GitLFSPull", "GitLFSPullTrait", ()),
    "authorInChangelog": (
        "Names authors, not committers.", "AuthorInChangelog", "AuthorInChangelogTrait", ()
    ),
    "subdirectory": (
        "Checks out into a folder of the workspace.", "RelativeTargetDirectory", "",
        (("folder", "relativeTargetDir", TEXT, ..., "the folder"),),
    ),
    "localBranch": (
        "Checks out as a branch in place of a detached head.", "LocalBranch", "LocalBranchTrait",
        (("name", "localBranch", TEXT, "**", "its name; ** takes that of the remote branch"),),
    ),
    "submodules": (
        "How submodules are checked out.", "SubmoduleOption", "SubmoduleOptionTrait",
        (
            ("disable", "disableSubmodules", FLAG, False, "leave them out"),
            ("recursive", "recursiveSubmodules", FLAG, True, "also those of submodules"),
            ("tracking", "trackingSubmodules", FLAG, False, "the tip of the branch in .gitmodules"),
            ("reference", "reference", TEXT, "", "a local repository to copy from"),
            ("timeout", "timeout", MINUTES, None, "minutes"),
            ("parentCredentials", "parentCredentials", FLAG, False, "use its credential"),
            ("shallow", "shallow", FLAG, False, "fetch only some commits"),
            ("depth", "depth", Number(1, 1_000_000), None, "commits to fetch"),
            ("threads", "threads", Number(1, 100), None, "how many are fetched at once"),
        ),
    ),
    "checkoutTimeout": (
        "How long a checkout may take.", "CheckoutOption", "CheckoutOptionTrait",
        (("minutes", "timeout", MINUTES, ..., "minutes"),),
    ),
    "identity": (
        "Who commits.", "UserIdentity", "UserIdentityTrait",
        (("name", "name", TEXT, "", "name"), ("email", "email", TEXT, "", "address")),
    ),
}  # fmt: skip
EXTENSIONS = OneOf(
    {
        **{
            word: kind_of(made(doc, f"{IMPL}.{java}", "git", *rows), rows)
            for word, (doc, java, _, rows) in TABLE.items()
        },
        "xml": RawXml(),
    },
    "extension",
)
EXTENSION_TRAITS = {
    word: kind_of(
        made(doc, f"{TRAITS}.{trait}", "git", *rows, inside=("extension", f"{IMPL}.{java}")), rows
    )
    for word, (doc, java, trait, rows) in TABLE.items()
    if trait
}
