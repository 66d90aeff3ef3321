"""Retention: which images of a repository may go, by age, count and protected tags."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import re
from collections.abc import Iterator, Sequence

from podwright.distribution.parameters import Pruning
from podwright.distribution.repository import MANIFESTS, Manifest, Repository, fallback_tag
from podwright.records import record

# Tags that list referrers or attach signatures; they go with their image.
_BELONGS = re.compile(r"sha256-[0-9a-f]{64}(?:\.\w+)?")
_ANNOTATION = "org.opencontainers.image.created"
DAY = 86400  # seconds


@record
class Tagged:
    """An image with all its tags.

    Attributes:
        manifest: of the image.
        tags: all of them.
        created: seconds since 1970; None when nobody says.
    """

    manifest: Manifest
    tags: tuple[str, ...]
    created: float | None


@record
class Verdict:
    """A decision on an image; `why` is empty when it may go."""

    image: Tagged
    why: str


def inventory(repository: Repository) -> list[Tagged]:
    """Give all tagged images, the newest first."""
    tags_of: dict[str, list[str]] = {}
    manifests: dict[str, Manifest] = {}
    for tag in repository.tags():
        found = None if _BELONGS.fullmatch(tag) else repository.find(tag)
        if found:
            manifests[found.digest] = found
            tags_of.setdefault(found.digest, []).append(tag)
    made = [
        Tagged(manifest, tuple(tags_of[digest]), _created(repository, manifest))
        for digest, manifest in manifests.items()
    ]
    return sorted(made, key=lambda image: (-(image.created or 0.0), image.tags))


def judge(images: Sequence[Tagged], rule: Pruning, now: float) -> list[Verdict]:
    """Decide on each image; `images` begin with the newest."""
    made, looked_at = [], 0
    for image in images:
        why = _why_spared(image, rule)
        if not why:  # what is spared does not use up a place among the newest
            looked_at += 1
            why = f"one of the {rule.keep} newest" if looked_at <= rule.keep else ""
        made.append(Verdict(image, why or _why_young(image, rule, now)))
    return made


def _why_spared(image: Tagged, rule: Pruning) -> str:
    for tag in image.tags:
        if not any(fnmatch.fnmatchcase(tag, pattern) for pattern in rule.match):
            return f"tag '{tag}' is not among those to look at"
        for pattern in rule.protect:
            if fnmatch.fnmatchcase(tag, pattern):
                return f"tag '{tag}' is protected by '{pattern}'"
    return "" if image.created is not None else "nobody says when it was made"


def _why_young(image: Tagged, rule: Pruning, now: float) -> str:
    """Say that an image is too young; nobody asks one without a date."""
    if rule.olderThan is None or now - (image.created or now) >= rule.olderThan * DAY:
        return ""
    return f"younger than {rule.olderThan} days"


def remove(repository: Repository, judged: Sequence[Verdict]) -> None:
    """Remove what may go, with what it lists and what refers to it, unless that stays elsewhere.

    Raises:
        PodwrightError: the registry refuses.
    """
    kept = {
        digest for one in judged if one.why for digest in _family(repository, one.image.manifest)
    }
    for one in judged:
        if not one.why:
            for digest in _family(repository, one.image.manifest):
                if digest not in kept:
                    _remove_with_referrers(repository, digest)


def _remove_with_referrers(repository: Repository, digest: str) -> None:
    for item in repository.referrers(digest):
        repository.remove(item["digest"])
    for end in ("", ".sig", ".att", ".sbom"):
        found = repository.find(fallback_tag(digest) + end)
        if found:
            repository.remove(found.digest)
    repository.remove(digest)


def _family(repository: Repository, manifest: Manifest) -> Iterator[str]:
    """Give the digests of an image: the index first, so that nothing ever points to a hole."""
    yield manifest.digest
    for child in manifest.children:
        found = repository.find(child["digest"])
        if found:
            yield from _family(repository, found)


def _created(repository: Repository, manifest: Manifest) -> float | None:
    """Give when an image was made: by its annotation, its config, or the newest that it lists."""
    said = _seconds((manifest.value.get("annotations") or {}).get(_ANNOTATION))
    if said is not None:
        return said
    if manifest.media in MANIFESTS:
        config = manifest.value.get("config") or {}
        return _seconds(_config_date(repository, config.get("digest", "")))
    found = (repository.find(child["digest"]) for child in manifest.children)
    dates = [_created(repository, child) for child in found if child]
    return max((date for date in dates if date is not None), default=None)


def _config_date(repository: Repository, digest: str) -> object:
    if not digest:
        return None
    try:
        config = json.loads(repository.blob(digest))
    except ValueError:
        return None
    return config.get("created") if isinstance(config, dict) else None


def _seconds(text: object) -> float | None:
    """Read a date of RFC 3339; None for anything else."""
    # Python 3.9 reads neither 'Z' nor nanoseconds.
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", str(text))
    if not found:
        return None
    date = f"{found[1]}{found[2].replace('Z', '+00:00')}"
    try:
        return dt.datetime.fromisoformat(date).timestamp()
    except ValueError:
        return None
