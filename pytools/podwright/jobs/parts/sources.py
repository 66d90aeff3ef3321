"""Where branches (multibranch) and repositories (organization) are discovered."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

import re
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.jobs.codec import Codec, Inside, Items, Part, Raw, Value
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Pattern
from podwright.jobs.parts.git_extensions import EXTENSION_TRAITS
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, made
from podwright.records import record
from podwright.schema import Choice, Invalid, ListOf, Number, RecordOf, option

# What `strategyId` says in the branch sources of GitHub, Bitbucket and GitLab alike.
BRANCHES = {"exceptPullRequests": 1, "onlyPullRequests": 2, "all": 3}
PULL_REQUESTS = {"merge": 1, "head": 2, "both": 3}


@record
class _DiscoveryStrategy(Codec):
    """A word in place of the number that the plugins store."""

    words: Any

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "strategyId").text = str(self.words[part.strategy])

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        numbers = {str(number): word for word, number in self.words.items()}
        return {"strategy": numbers.get(parent.findtext("strategyId", ""), "")}


@record
class _Trust(Codec):
    """Whose forks may change the Jenkinsfile: a nested class of the trait."""

    java: str

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "trust", {"class": f"{self.java}$Trust{part.trust}"})

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        element = parent.find("trust")
        name = "" if element is None else element.get("class", "").rpartition("$Trust")[2]
        return {"trust": name}


@record
class PlainTrait(Part):
    """A trait without settings."""


@record
class BranchTrait(Part):
    """Which branches are built."""

    XML: ClassVar[tuple[Codec, ...]] = (_DiscoveryStrategy(BRANCHES),)
    strategy: str = option(
        Choice(words=lambda: BRANCHES, what="strategy"),
        "all, exceptPullRequests (those that are not filed as one) or onlyPullRequests",
        "exceptPullRequests",
    )


@record
class OriginTrait(Part):
    """Requests from branches of the repository itself."""

    XML: ClassVar[tuple[Codec, ...]] = (_DiscoveryStrategy(PULL_REQUESTS),)
    strategy: str = option(
        Choice(words=lambda: PULL_REQUESTS, what="strategy"),
        "what is built: the merge with the target, the head, or both",
        "merge",
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


def _trait_class(base: type, java: str, plugin: str, doc: str, **extra: Any) -> type:
    """Make the trait of one plugin from a common form."""
    trait = type(java.rpartition(".")[2], (base,), {"JAVA": java, "PLUGIN": plugin, **extra})
    trait.__doc__ = doc
    return record(trait)


def _fork_trait(java: str, plugin: str, words: tuple[str, ...]) -> type:
    """Make the trait for requests from forks; each plugin has its own words of trust."""
    return _trait_class(
        OriginTrait,
        java,
        plugin,
        "Requests from forks.",
        XML=(_DiscoveryStrategy(PULL_REQUESTS), _Trust(java)),
        __annotations__={"trust": "str"},
        trust=option(
            Choice(words=lambda: words, what="trust"),
            "whose forks may bring their own Jenkinsfile",
            words[0],
        ),
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
    branch = _trait_class(BranchTrait, f"{package}.BranchDiscoveryTrait", plugin, "Branches.")
    origin = _trait_class(
        OriginTrait, f"{package}.Origin{request}DiscoveryTrait", plugin, "Requests from branches."
    )
    tag = _trait_class(PlainTrait, f"{package}.TagDiscoveryTrait", plugin, "Tags.")
    return OneOf(
        {
            "branches": RecordOf(branch, "strategy"),
            "pullRequests": RecordOf(origin, "strategy"),
            "forks": RecordOf(_fork_trait(f"{package}.Fork{request}DiscoveryTrait", plugin, words)),
            "tags": RecordOf(tag),
            **COMMON,
        },
        "trait",
    )


GIT_TRAITS = OneOf(
    {
        "branches": RecordOf(
            _trait_class(
                PlainTrait, "jenkins.plugins.git.traits.BranchDiscoveryTrait", "git", "Branches."
            )
        ),
        "tags": RecordOf(
            _trait_class(PlainTrait, "jenkins.plugins.git.traits.TagDiscoveryTrait", "git", "Tags.")
        ),
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

    def write(self, part: Any, parent: Element) -> None:
        SubElement(parent, "id").text = part.id or part.natural_id()

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        return {"id": parent.findtext("id", "")}


def _joined_id(*words: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(word for word in words if word)).strip("-")


@record
class Traits(ListOf):
    """The traits of a source, of which one must discover something; of XML nobody knows."""

    def parse(self, value: Any) -> tuple[Any, ...]:
        traits = super().parse(value)
        if not any(isinstance(trait, Raw) or "Discovery" in trait.JAVA for trait in traits):
            raise Invalid("nothing is discovered; add branches, pullRequests, forks or tags")
        return traits


def _usual(traits: OneOf) -> tuple[Any, ...]:
    """Give what the plugins' own forms begin with."""
    return tuple(traits.parse(word) for word in ("branches", "pullRequests", "forks"))


@record
class BranchSource(Part):
    """What all sources have."""

    id: str = option(TEXT, "identity of the source; made of its address when left empty", "")
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")

    def natural_id(self) -> str:
        """Make an id of the source's address."""
        raise NotImplementedError


@record
class GitSource(BranchSource):
    """The branches of a Git repository."""

    JAVA: ClassVar[str] = "jenkins.plugins.git.GitSCMSource"
    PLUGIN: ClassVar[str] = "git"
    XML: ClassVar[tuple[Codec, ...]] = (
        _Id(),
        Value("url", "remote"),
        Value("credentialsId"),
        Inside("traits", (Items("traits", GIT_TRAITS),)),
    )
    url: str = option(TEXT, "the repository", "", required=True)
    traits: tuple[Any, ...] = option(
        Traits(GIT_TRAITS), "what is discovered", (GIT_TRAITS.parse("branches"),)
    )

    def natural_id(self) -> str:
        """Make an id of the repository's address."""
        return _joined_id("git", self.url)


@record
class GitHubSource(BranchSource):
    """The branches and pull requests of a GitHub repository."""

    JAVA: ClassVar[str] = f"{GITHUB}.GitHubSCMSource"
    PLUGIN: ClassVar[str] = GITHUB_PLUGIN
    XML: ClassVar[tuple[Codec, ...]] = (
        _Id(),
        Value("apiUri", always=False),
        Value("credentialsId"),
        Value("owner", "repoOwner"),
        Value("repository"),
        Value("url", "repositoryUrl", always=False),
        Inside("traits", (Items("traits", GITHUB_TRAITS),)),
    )
    owner: str = option(TEXT, "organization or user", "", required=True)
    repository: str = option(TEXT, "name of the repository", "", required=True)
    url: str = option(TEXT, "its address, for GitHub Enterprise", "")
    apiUri: str = option(TEXT, "API of GitHub Enterprise", "")
    traits: tuple[Any, ...] = option(
        Traits(GITHUB_TRAITS), "what is discovered", _usual(GITHUB_TRAITS)
    )

    def natural_id(self) -> str:
        """Make an id of owner and repository."""
        return _joined_id("github", self.apiUri, self.owner, self.repository)


@record
class BitbucketSource(BranchSource):
    """The branches and pull requests of a Bitbucket repository."""

    JAVA: ClassVar[str] = f"{BITBUCKET}.BitbucketSCMSource"
    PLUGIN: ClassVar[str] = BITBUCKET_PLUGIN
    XML: ClassVar[tuple[Codec, ...]] = (
        _Id(),
        Value("serverUrl"),
        Value("credentialsId"),
        Value("owner", "repoOwner"),
        Value("repository"),
        Inside("traits", (Items("traits", BITBUCKET_TRAITS),)),
    )
    owner: str = option(TEXT, "workspace or project key", "", required=True)
    repository: str = option(TEXT, "slug of the repository", "", required=True)
    serverUrl: str = option(TEXT, "the server", "https://bitbucket.org")
    traits: tuple[Any, ...] = option(
        Traits(BITBUCKET_TRAITS), "what is discovered", _usual(BITBUCKET_TRAITS)
    )

    def natural_id(self) -> str:
        """Make an id of server, owner and repository."""
        return _joined_id("bitbucket", self.serverUrl, self.owner, self.repository)


@record
class GitLabSource(BranchSource):
    """The branches and merge requests of a GitLab project."""

    JAVA: ClassVar[str] = f"{GITLAB}.GitLabSCMSource"
    PLUGIN: ClassVar[str] = GITLAB_PLUGIN
    XML: ClassVar[tuple[Codec, ...]] = (
        _Id(),
        Value("serverName"),
        Value("owner", "projectOwner"),
        Value("project", "projectPath"),
        Value("credentialsId"),
        Inside("traits", (Items("traits", GITLAB_TRAITS),)),
    )
    serverName: str = option(TEXT, "name of the server in Jenkins' configuration", "default")
    owner: str = option(TEXT, "group or user", "", required=True)
    project: str = option(TEXT, "full path, such as group/project", "", required=True)
    traits: tuple[Any, ...] = option(
        Traits(GITLAB_TRAITS), "what is discovered", _usual(GITLAB_TRAITS)
    )

    def natural_id(self) -> str:
        """Make an id of server and project."""
        return _joined_id("gitlab", self.serverName, self.project)


SOURCES = OneOf(
    {
        "git": RecordOf(GitSource, "url"),
        "github": RecordOf(GitHubSource),
        "bitbucket": RecordOf(BitbucketSource),
        "gitlab": RecordOf(GitLabSource),
        "xml": RawXml(root="source", beside="jenkins.branch.BranchSource"),
    },
    "kind of source",
)


@record
class GitHubNavigator(Part):
    """All repositories of a GitHub organization."""

    JAVA: ClassVar[str] = f"{GITHUB}.GitHubSCMNavigator"
    PLUGIN: ClassVar[str] = GITHUB_PLUGIN
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("owner", "repoOwner"),
        Value("apiUri", always=False),
        Value("credentialsId"),
        Inside("traits", (Items("traits", GITHUB_TRAITS),)),
    )
    owner: str = option(TEXT, "organization or user", "", required=True)
    apiUri: str = option(TEXT, "API of GitHub Enterprise", "")
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")
    traits: tuple[Any, ...] = option(
        Traits(GITHUB_TRAITS), "what is discovered", _usual(GITHUB_TRAITS)
    )


@record
class BitbucketNavigator(Part):
    """All repositories of a Bitbucket workspace or project."""

    JAVA: ClassVar[str] = f"{BITBUCKET}.BitbucketSCMNavigator"
    PLUGIN: ClassVar[str] = BITBUCKET_PLUGIN
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("serverUrl"),
        Value("credentialsId"),
        Value("owner", "repoOwner"),
        Inside("traits", (Items("traits", BITBUCKET_TRAITS),)),
    )
    owner: str = option(TEXT, "workspace or project key", "", required=True)
    serverUrl: str = option(TEXT, "the server", "https://bitbucket.org")
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")
    traits: tuple[Any, ...] = option(
        Traits(BITBUCKET_TRAITS), "what is discovered", _usual(BITBUCKET_TRAITS)
    )


@record
class GitLabNavigator(Part):
    """All projects of a GitLab group."""

    JAVA: ClassVar[str] = f"{GITLAB}.GitLabSCMNavigator"
    PLUGIN: ClassVar[str] = GITLAB_PLUGIN
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("serverName"),
        Value("owner", "projectOwner"),
        Value("credentialsId"),
        Inside("traits", (Items("traits", GITLAB_TRAITS),)),
    )
    serverName: str = option(TEXT, "name of the server in Jenkins' configuration", "default")
    owner: str = option(TEXT, "group or user", "", required=True)
    credentialsId: str = option(TEXT, "id of the credential that may read it", "")
    traits: tuple[Any, ...] = option(
        Traits(GITLAB_TRAITS), "what is discovered", _usual(GITLAB_TRAITS)
    )


NAVIGATORS = OneOf(
    {
        "github": RecordOf(GitHubNavigator),
        "bitbucket": RecordOf(BitbucketNavigator),
        "gitlab": RecordOf(GitLabNavigator),
        "xml": RawXml(),
    },
    "kind of organization",
)
