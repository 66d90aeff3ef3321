"""The parameters of ``promoteImage`` and ``pruneImages``, and the repositories they name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from podwright import config as configs
from podwright.distribution.client import Client
from podwright.distribution.logins import login_for
from podwright.distribution.repository import Manifest, Repository
from podwright.errors import Problem, UsageError, shown
from podwright.records import record
from podwright.references import DIGEST, TAG, Name, parse_name
from podwright.request import PLATFORM, REGISTRIES, Credential, Host, Registry
from podwright.schema import (
    Anything,
    Flag,
    Invalid,
    ListOf,
    MapOf,
    Number,
    RecordOf,
    Text,
    option,
    parse_fields,
)

T = TypeVar("T")
_TAG = Text(TAG, "a tag (letters, digits, '_', '.', '-')", numbers=True)


@record
class Repositories:
    """What both steps share: how to reach registries."""

    credentials: tuple[Credential, ...] = option(
        ListOf(RecordOf(of=Credential, shorthand="credentialsId")),
        "logins: Jenkins credential ids, or maps",
        (),
    )
    registries: dict[str, Registry] = option(
        MapOf(RecordOf(of=Registry), keys=Host()), REGISTRIES, {}
    )


@record
class Copy:
    """One image to copy."""

    image: str = option(Text(), "what to copy: a name with a tag or a digest", required=True)
    to: str = option(Text(), "the repository to copy to, with a tag if you like", "")
    tags: tuple[str, ...] = option(
        ListOf(_TAG), "what names it there; default: the tag that it has", ()
    )


@record
class Promotion(Repositories, Copy):
    """The parameters of ``promoteImage``."""

    images: tuple[Copy, ...] = option(
        ListOf(RecordOf(of=Copy)), "several images: maps of image, to and tags", ()
    )


_RESULT = Anything(types=(list, str, bool, int))


@record
class Pushing(Repositories):
    """The parameters of ``pushImage``: what ``buildImage`` returned, and how to log in."""

    image: str = option(Text(), "name with registry, and a tag if you like", required=True)
    output: str = option(Text(), "the OCI archive that the build wrote", required=True)
    tags: tuple[str, ...] = option(ListOf(_TAG), "tags to push", ())
    digest: str = option(
        Text(DIGEST, "a digest (sha256:...)"), "what must be in the archive, if it is known", ""
    )
    discard: bool = option(Flag(), "remove the archive when it was pushed", default=False)
    # What a result has beside.
    platforms: Any = option(_RESULT, "what was built", None, internal=True)
    pushed: Any = option(_RESULT, "whether it was pushed", None, internal=True)
    reference: Any = option(_RESULT, "name with digest", None, internal=True)
    cachedSteps: Any = option(_RESULT, "of the build", None, internal=True)
    seconds: Any = option(_RESULT, "of the build", None, internal=True)
    daemons: Any = option(_RESULT, "of a pool that have built it", None, internal=True)


@record
class Indexing(Repositories):
    """The parameters of `podwright index`."""

    image: str = option(
        Text(), "name with registry: where the parts are, with a tag if you like", required=True
    )
    tags: tuple[str, ...] = option(ListOf(_TAG), "tags of the index", ())
    parts: dict[str, str] = option(
        MapOf(
            Text(f"{TAG}|{DIGEST}", "a tag or a digest"),
            key=PLATFORM,
            key_is="a platform such as 'linux/arm64'",
        ),
        "an image for each platform: its tag or digest",
        {},
        flag="--part",
    )
    platform: str = option(Text(), "whose name the tags end with", "", internal=True)


@record
class Pruning(Repositories):
    """The parameters of ``pruneImages``."""

    repository: str = option(Text(), "the repository to look through", required=True)
    keep: int = option(Number(0), "so many of the newest images stay", 10)
    olderThan: int | None = option(Number(0), "days: what is younger stays", None)
    protect: tuple[str, ...] = option(
        ListOf(Text()), "patterns of tags that stay, such as 'v*'", ("latest",)
    )
    match: tuple[str, ...] = option(
        ListOf(Text()), "patterns of the tags to look at; an image with another one stays", ("*",)
    )
    remove: bool = option(
        Flag(), "really remove; without it the step only says what would go", default=False
    )


@record
class ImageSource:
    """Where an image is: its repository, and its tag or digest."""

    name: Name
    tag: str
    digest: str


def parse(cls: type[T], value: Any) -> T:
    """Check parameters.

    Raises:
        UsageError: with all problems.
    """
    if not isinstance(value, dict):
        raise UsageError("expected named parameters")
    try:
        return cls(**parse_fields(cls, {k: v for k, v in value.items() if v is not None}))
    except Invalid as error:
        raise UsageError(error.problems) from None


def copies(promotion: Promotion) -> list[Copy]:
    """Give what is to be copied: `image`, or each of `images`."""
    if promotion.images:
        return list(promotion.images)
    return [Copy(image=promotion.image, to=promotion.to, tags=promotion.tags)]


def read_source(text: str) -> ImageSource:
    """Take the name of an image apart.

    Raises:
        UsageError: it is not a name, or has neither tag nor digest.
    """
    rest, mark, digest = text.partition("@")
    if mark and not re.fullmatch(DIGEST, digest):
        raise UsageError([Problem(f"{shown(digest)} is not a digest (sha256:...)", "image")])
    name, tag = read_name(rest, "image")
    if not tag and not digest:
        sentence = f"{shown(text)} has no tag; add one, or a digest: what 'latest' is may change"
        raise UsageError([Problem(sentence, "image")])
    return ImageSource(name, tag, digest)


def read_name(text: str, parameter: str) -> tuple[Name, str]:
    """Take the name of a repository apart.

    Raises:
        UsageError: it is not one.
    """
    try:
        return parse_name(text)
    except ValueError as error:
        sentence = f"{shown(text)} is not a valid image name: {error}"
        raise UsageError([Problem(sentence, parameter)]) from None


class Registries:
    """The repositories of one run; those of one registry and login share a client.

    Args:
        given: logins and settings of registries; certificates are looked for in this directory.
        env: variables of logins, PODWRIGHT_CONFIG, and where docker's config file is.
    """

    def __init__(self, given: Repositories, env: Mapping[str, str]) -> None:
        root = Path.cwd()
        config = configs.load(env.get("PODWRIGHT_CONFIG", ""), root, root)
        try:
            own = configs.with_certificates(given.registries, root)
        except Invalid as error:
            raise UsageError(error.problems) from None
        self.settings = {**config.registries, **own}
        self.images = config.images
        self.credentials = given.credentials
        self.env = env
        self._clients: dict[tuple[str, str], Client] = {}

    def image(self, reference: str) -> tuple[Repository, Manifest]:
        """Give an image that is to be read, and the repository that it is in.

        Raises:
            UsageError: it has no tag or digest, or a login is not there.
            PodwrightError: it is not there.
        """
        source = read_source(reference)
        repository = self.repository(source.name, "pull")
        return repository, repository.get(source.digest or source.tag)

    def repository(self, name: Name, use: str) -> Repository:
        """Give a repository, for use 'pull' or 'push'.

        Raises:
            UsageError: a login is not there.
        """
        login = login_for(name, self.credentials, self.env, use)
        key = (name.registry, f"{login.basic}{login.identity}")
        if key not in self._clients:
            setting = self.settings.get(name.registry, Registry())
            self._clients[key] = Client(name.registry, setting, login)
        return Repository(self._clients[key], name.path, write=use == "push")
