"""Where a build's cache is when nobody says where: beside the image, by branch. Pure."""

from __future__ import annotations

import re

from podwright.errors import Problem, UsageError
from podwright.records import replace
from podwright.references import DOCKER_HUB, platform_suffix, tag_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.builders._base import Strategy
    from podwright.references import Name
    from podwright.request import Cache, Image, Pod, Request
    from podwright.workspace import Facts

# Branches that others begin from, where Jenkins does not tell which one it is.
_MAIN = ("", "main", "master")
# In the name of a claim: the name of the image.
PATTERN = "{image}"
_SECRET = ("key", "secret", "token", "password")


def located(image: Image, name: Name, facts: Facts, strategy: Strategy) -> Cache | None:
    """Give a cache its place, when it has none.

    Where a cache is one tag, a branch reads its own and the main branch's, and writes its own;
    what is kept by layers is found by its content. Pull requests and tags write none: the code of
    a pull request is anybody's, and what it could put there would be in the next image. Who does
    not push the image pushes no cache.
    """
    cache = image.cache
    if not cache or not cache.enabled or cache.ref or cache.read:
        return cache
    if cache.type not in ("", "registry"):
        return cache
    write = cache.write and image.push and not facts.change_id and not facts.tag_name
    if not strategy.cache_in_tag:
        # Docker Hub has two levels.
        end = "-cache" if name.registry == DOCKER_HUB else "/cache"
        return replace(cache, ref=f"{name}{end}", write=write)
    common = f"{name}:cache"
    if not write or is_main(facts):
        return replace(cache, ref=common, write=write)
    own = f"{name}:{tag_like(f'cache-{facts.ref_name}')}"
    return replace(cache, ref=own, read=(common,))


def is_main(facts: Facts) -> bool:
    """Say whether a build is of the branch that others begin from."""
    return facts.primary or facts.ref_name in _MAIN


def of_platform(cache: Cache, platform: str) -> Cache:
    """Give one platform's cache, which must not take the place of another one's."""

    def own(ref: str) -> str:
        tag = "" if ":" in ref.rsplit("/", 1)[-1] else ":cache"
        return f"{ref}{tag}{platform_suffix(platform)}" if ref else ""

    return replace(cache, ref=own(cache.ref), read=(*map(own, cache.read), *cache.read))


def own_claim(request: Request, options: Pod, name: Name | None) -> Pod:
    """Give the wishes for a pod with the claim of its image in the place of a pattern.

    Raises:
        UsageError: there is no image.
    """
    if name is None:
        sentence = f"has '{PATTERN}', and this pod is for no certain image; name a claim"
        raise UsageError([Problem(sentence, "pod", "cacheClaim")])
    # Volumes of one node cannot be those of two platforms' pods.
    end = platform_suffix(request.images[0].platforms[0]) if request.common.part else ""
    path = name.path.removeprefix("library/") if name.registry == DOCKER_HUB else name.path
    own = re.sub("[^a-z0-9]+", "-", path + end).strip("-")
    return replace(options, cacheClaim=options.cacheClaim.replace(PATTERN, own))


def problems(cache: Cache, builder: str, strategy: Strategy) -> Iterator[Problem]:
    """Refuse a kind of cache that a strategy does not know, and secrets among its attributes."""
    if cache.type and cache.type not in strategy.cache_types:
        known = ", ".join(strategy.cache_types)
        sentence = f"builder '{builder}' has no cache of type '{cache.type}'; it has: {known}"
        yield Problem(sentence, "cache", "type")
    for name in cache.options:
        if name.rpartition("_")[2] in (*_SECRET, "id"):
            sentence = "is a login, and arguments are seen by all; give the builder an identity"
            yield Problem(sentence, "cache", "options", name)
