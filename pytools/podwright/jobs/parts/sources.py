"""Where branches (multibranch) and repositories (organization) are discovered."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Codec, Inside, Items, Raw
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Pattern
from podwright.jobs.parts.git_extensions import EXTENSION_TRAITS
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, made
from podwright.records import record
from podwright.schema import Choice, Invalid, ListOf, Number, RecordOf

# What `strategyId` says in the branch sources of GitHub, Bitbucket and GitLab alike.
BRANCHES = {"exceptPullRequests": 1, "onlyPullRequests": 2, "all": 3}
PULL_REQUESTS = {"merge": 1, "head": 2, "both": 3}


@record
class _DiscoveryStrategy(Codec):
    """A word in place of the number that the plugins store."""

    words: Any

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "strategyId").text = str(self.words[part.strategy])

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        numbers = {str(number): word for word, number in self.words.items()}
        return {"strategy": numbers.get(parent.findtext("strategyId", ""), "")}


@record
class _Trust(Codec):
    """Whose forks may change the Jenkinsfile: a nested class of the trait."""

    java: str

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "trust", {"class": f"{self.java}$Trust{part.trust}"})

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        element = parent.find("trust")
        name = "" if element is None else element.get("class", "").rpartition("$Trust")[2]
        return {"trust": name}


def _discovery(words: dict[str, int], doc: str, default: str) -> Row:
    """Give the row of what a trait discovers."""
    kind = Choice(words=lambda: words, what="strategy")
    return ("strategy", _DiscoveryStrategy(words), kind, default, doc)


BRANCH_STRATEGY = _discovery(
    BRANCHES,
    "all, exceptPullRequests (those that are not filed as one) or onlyPullRequests",
    "exceptPullRequests",
)
REQUEST_STRATEGY = _discovery(
    PULL_REQUESTS, "what is built: the merge with the target, the head, or both", "merge"
)
NAMES: tuple[Row, ...] = (
    ("includes", "includes", TEXT, "*", "names separated by blanks; * stands for anything"),
    ("excludes", "excludes", TEXT, "", "names that are left out"),
)
FILTERS = "jenkins.scm.impl.trait"
HEAD_FILTER = made(
    "Names of branches, by wildcards.", f"{FILTERS}.WildcardSCMHeadFilterTrait", "scm-api", *NAMES
)
REGEX_FILTER = made(
    "Names of branches, by a Java regular expression.",
    f"{FILTERS}.RegexSCMHeadFilterTrait",
    "scm-api",
    ("regex", "regex", Pattern(), ..., "the expression"),
)
SOURCE_FILTER = made(
    "Names of repositories, by wildcards (organizations only).",
    f"{FILTERS}.WildcardSCMSourceFilterTrait",
    "scm-api",
    *NAMES,
)
CLONE = made(
    "A shallow clone.",
    "jenkins.plugins.git.traits.CloneOptionTrait",
    "git",
    ("shallow", "shallow", FLAG, True, "fetch only some commits"),
    ("noTags", "noTags", FLAG, True, "do not fetch tags"),
    ("reference", "reference", TEXT, "", "a local repository to copy from"),
    ("depth", "depth", Number(0, 1_000_000), 1, "commits to fetch"),
    ("honorRefspec", "honorRefspec", FLAG, True, "fetch only what is asked for"),
    inside=("extension", "hudson.plugins.git.extensions.impl.CloneOption"),
)


COMMON = {
    "filter": RecordOf(HEAD_FILTER),
    "regex": RecordOf(REGEX_FILTER, "regex"),
    "repositories": RecordOf(SOURCE_FILTER),
    "clone": RecordOf(CLONE),
    **EXTENSION_TRAITS,
    "xml": RawXml(),
}


def _forge_traits(package: str, plugin: str, request: str, words: tuple[str, ...]) -> OneOf:
    """Give the traits of one plugin; each has its own words of trust for forks."""

    def trait(doc: str, name: str, *rows: Row) -> Any:
        return made(doc, f"{package}.{name}DiscoveryTrait", plugin, *rows)

    fork = f"Fork{request}"
    trust: Row = (
        "trust", _Trust(f"{package}.{fork}DiscoveryTrait"),
        Choice(words=lambda: words, what="trust"), words[0],
        "whose forks may bring their own Jenkinsfile",
    )  # fmt: skip
    origin = trait("Requests from branches.", f"Origin{request}", REQUEST_STRATEGY)
    return OneOf(
        {
            "branches": RecordOf(trait("Branches.", "Branch", BRANCH_STRATEGY), "strategy"),
            "pullRequests": RecordOf(origin, "strategy"),
            "forks": RecordOf(trait("Requests from forks.", fork, REQUEST_STRATEGY, trust)),
            "tags": RecordOf(trait("Tags.", "Tag")),
            **COMMON,
        },
        "trait",
    )


GIT = "jenkins.plugins.git"
GIT_TRAITS = OneOf(
    {
        "branches": RecordOf(made("Branches.", f"{GIT}.traits.BranchDiscoveryTrait", "git")),
        "tags": RecordOf(made("Tags.", f"{GIT}.traits.TagDiscoveryTrait", "git")),
        **COMMON,
    },
    "trait",
)
GITHUB = "org.jenkinsci.plugins.github_branch_source"
BITBUCKET = "com.cloudbees.jenkins.plugins.bitbucket"
GITLAB = "io.jenkins.plugins.gitlabbranchsource"
GITHUB_PLUGIN = "github-branch-source"
BITBUCKET_PLUGIN = "cloudbees-bitbucket-branch-source"
GITLAB_PLUGIN = "gitlab-branch-source"
GITHUB_TRAITS = _forge_traits(
    GITHUB, GITHUB_PLUGIN, "PullRequest", ("Permission", "Contributors", "Nobody", "Everyone")
)
BITBUCKET_TRAITS = _forge_traits(
    BITBUCKET, BITBUCKET_PLUGIN, "PullRequest", ("TeamForks", "Nobody", "Everyone")
)
GITLAB_TRAITS = _forge_traits(
    GITLAB, GITLAB_PLUGIN, "MergeRequest", ("Permission", "Members", "Nobody", "Everyone")
)


class _Id(Codec):
    """The id of a source: given, or made of what it points to, so that it never changes by itself.

    Jenkins recognises the branches of a source by its id; a new id builds every branch again.
    """

    tag = "id"

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "id").text = part.id or natural_id(part)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        return {"id": parent.findtext("id", "")}


def natural_id(source: Any) -> str:
    """Make an id of where a source points to."""
    words = [source.FORGE, *(getattr(source, name) for name in source.ADDRESS)]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(word for word in words if word)).strip("-")


@record
class Traits(ListOf):
    """The traits of a source, of which one must discover something; of XML nobody knows."""

    def parse(self, value: Any) -> tuple[Any, ...]:
        traits = super().parse(value)
        if not any(isinstance(trait, Raw) or "Discovery" in trait.JAVA for trait in traits):
            raise Invalid("nothing is discovered; add branches, pullRequests, forks or tags")
        return traits


def _discovered(traits: OneOf, *usual: str) -> Row:
    """Give the row of the traits, with what the plugins' own forms begin with."""
    default = tuple(traits.parse(word) for word in usual or ("branches", "pullRequests", "forks"))
    xml = Inside("traits", (Items("traits", traits),))
    return ("traits", xml, Traits(traits), default, "what is discovered")


IDENTITY: Row = (
    "id", _Id(), TEXT, "", "identity of the source; made of its address when left empty"
)  # fmt: skip
CREDENTIAL: Row = (
    "credentialsId", "credentialsId", TEXT, "", "id of the credential that may read it"
)  # fmt: skip
API: Row = ("apiUri", "apiUri?", TEXT, "", "API of GitHub Enterprise")
BITBUCKET_SERVER: Row = ("serverUrl", "serverUrl", TEXT, "https://bitbucket.org", "the server")
GITLAB_SERVER: Row = (
    "serverName", "serverName", TEXT, "default", "name of the server in Jenkins' configuration"
)  # fmt: skip


def _owner(tag: str, doc: str) -> Row:
    return ("owner", tag, TEXT, ..., doc)


GITHUB_OWNER = _owner("repoOwner", "organization or user")
BITBUCKET_OWNER = _owner("repoOwner", "workspace or project key")
GIT_SOURCE = made(
    "The branches of a Git repository.", f"{GIT}.GitSCMSource", "git",
    IDENTITY,
    ("url", "remote", TEXT, ..., "the repository"),
    CREDENTIAL,
    _discovered(GIT_TRAITS, "branches"),
    FORGE="git", ADDRESS=("url",),
)  # fmt: skip
GITHUB_SOURCE = made(
    "The branches and pull requests of a GitHub repository.",
    f"{GITHUB}.GitHubSCMSource", GITHUB_PLUGIN,
    IDENTITY,
    API,
    CREDENTIAL,
    GITHUB_OWNER,
    ("repository", "repository", TEXT, ..., "name of the repository"),
    ("url", "repositoryUrl?", TEXT, "", "its address, for GitHub Enterprise"),
    _discovered(GITHUB_TRAITS),
    FORGE="github", ADDRESS=("apiUri", "owner", "repository"),
)  # fmt: skip
BITBUCKET_SOURCE = made(
    "The branches and pull requests of a Bitbucket repository.",
    f"{BITBUCKET}.BitbucketSCMSource", BITBUCKET_PLUGIN,
    IDENTITY,
    BITBUCKET_SERVER,
    CREDENTIAL,
    BITBUCKET_OWNER,
    ("repository", "repository", TEXT, ..., "slug of the repository"),
    _discovered(BITBUCKET_TRAITS),
    FORGE="bitbucket", ADDRESS=("serverUrl", "owner", "repository"),
)  # fmt: skip
GITLAB_SOURCE = made(
    "The branches and merge requests of a GitLab project.",
    f"{GITLAB}.GitLabSCMSource", GITLAB_PLUGIN,
    IDENTITY,
    GITLAB_SERVER,
    _owner("projectOwner", "group or user"),
    ("project", "projectPath", TEXT, ..., "full path, such as group/project"),
    CREDENTIAL,
    _discovered(GITLAB_TRAITS),
    FORGE="gitlab", ADDRESS=("serverName", "project"),
)  # fmt: skip
SOURCES = OneOf(
    {
        "git": RecordOf(GIT_SOURCE, "url"),
        "github": RecordOf(GITHUB_SOURCE),
        "bitbucket": RecordOf(BITBUCKET_SOURCE),
        "gitlab": RecordOf(GITLAB_SOURCE),
        "xml": RawXml(root="source", beside="jenkins.branch.BranchSource"),
    },
    "kind of source",
)
GITHUB_NAVIGATOR = made(
    "All repositories of a GitHub organization.", f"{GITHUB}.GitHubSCMNavigator", GITHUB_PLUGIN,
    GITHUB_OWNER, API, CREDENTIAL, _discovered(GITHUB_TRAITS),
)  # fmt: skip
BITBUCKET_NAVIGATOR = made(
    "All repositories of a Bitbucket workspace or project.",
    f"{BITBUCKET}.BitbucketSCMNavigator", BITBUCKET_PLUGIN,
    BITBUCKET_SERVER, CREDENTIAL, BITBUCKET_OWNER, _discovered(BITBUCKET_TRAITS),
)  # fmt: skip
GITLAB_NAVIGATOR = made(
    "All projects of a GitLab group.", f"{GITLAB}.GitLabSCMNavigator", GITLAB_PLUGIN,
    GITLAB_SERVER, _owner("projectOwner", "group or user"), CREDENTIAL,
    _discovered(GITLAB_TRAITS),
)  # fmt: skip
NAVIGATORS = OneOf(
    {
        "github": RecordOf(GITHUB_NAVIGATOR),
        "bitbucket": RecordOf(BITBUCKET_NAVIGATOR),
        "gitlab": RecordOf(GITLAB_NAVIGATOR),
        "xml": RawXml(),
    },
    "kind of organization",
)
