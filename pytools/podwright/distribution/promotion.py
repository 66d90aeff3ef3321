"""Promotion: an image goes to another repository as it is, by its digest, with what belongs to it.

Nothing is rebuilt and nothing is repacked. What is there already is not sent again, so a copy that
was broken off goes on when it is run again; a tag moves only when all is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from podwright.distribution.repository import MANIFESTS, Manifest, Repository, fallback_tag
from podwright.errors import PodwrightError
from podwright.records import record

# Blobs of one manifest that travel at the same time.
_AT_ONCE = 4
# Tags by which cosign before 3.0 attached signatures, attestations and SBOMs
# (sigstore/cosign specs/SIGNATURE_SPEC.md).
_COSIGN = (".sig", ".att", ".sbom")


@record
class Promoted:
    """What was done.

    Attributes:
        image: the repository it is in now.
        digest: the same as where it came from.
        tags: which name it there.
        manifests: how many manifests belong to it, referrers included.
        referrers: how many of these refer to it: attestations, SBOMs, signatures.
        sent: how many bytes had to be sent.
    """

    image: str
    digest: str
    tags: tuple[str, ...]
    manifests: int
    referrers: int
    sent: int

    def as_json(self) -> dict[str, Any]:
        """Give it as the step's result."""
        names = ("image", "digest", "manifests", "referrers", "sent")
        return {
            **{name: getattr(self, name) for name in names},
            "tags": list(self.tags),
            "reference": f"{self.image}@{self.digest}",
        }


def promote(origin: Repository, target: Repository, image: Manifest, tags: list[str]) -> Promoted:
    """Copy an image, all that it lists and all that refers to it; the tags come last.

    Args:
        origin: where it is.
        target: where it shall be.
        image: its manifest or index.
        tags: what names it there; none for the digest alone.

    Raises:
        PodwrightError: something is refused or missing; the tags have not moved.
    """
    copy = _Copy(origin, target)
    copy.take(image)
    copy.take_referrers()
    if not target.has(image.digest):
        raise PodwrightError(f"{target}: {image.digest} is gone again; is something pruning there?")
    for tag in tags:
        target.put(image, tag)
    there = {tag: target.get(tag).digest for tag in tags}
    wrong = sorted(tag for tag, digest in there.items() if digest != image.digest)
    if wrong:
        raise PodwrightError(f"{target}: {', '.join(wrong)} were moved by somebody else meanwhile")
    return Promoted(
        image=str(target),
        digest=image.digest,
        tags=tuple(tags),
        manifests=len(copy.taken),
        referrers=copy.referrers,
        sent=copy.sent,
    )


class _Copy:
    """The state of one copy: what was taken, how much was sent."""

    def __init__(self, origin: Repository, target: Repository) -> None:
        self.origin = origin
        self.target = target
        self.taken: list[str] = []
        self.referrers = 0
        self.sent = 0

    def take(self, manifest: Manifest, subject: str = "") -> None:
        """Copy a manifest, from the leaves up: nothing ever points to what is not there."""
        if manifest.digest in self.taken:
            return
        for child in manifest.children:
            self.take(self.origin.get(child["digest"]))
        if manifest.media in MANIFESTS:
            self._take_blobs(item for item in manifest.blobs if _travels(item))
        if subject:
            self.target.refer(subject, manifest)
        else:
            self.target.put(manifest, manifest.digest)
        self.taken.append(manifest.digest)

    def _take_blobs(self, blobs: Iterable[dict[str, Any]]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            sent = pool.map(lambda blob: self.target.take_blob(self.origin, blob), blobs)
            self.sent += sum(sent)

    def take_referrers(self) -> None:
        """Copy what refers to anything taken, and to these referrers again (signed SBOMs)."""
        for digest in self.taken:  # grows meanwhile
            for item in self.origin.referrers(digest):
                before = len(self.taken)
                self.take(self.origin.get(item["digest"]), subject=digest)
                self.referrers += len(self.taken) - before
            self._take_cosign_tags(digest)

    def _take_cosign_tags(self, digest: str) -> None:
        for end in _COSIGN:
            tag = fallback_tag(digest) + end
            found = self.origin.find(tag)
            if found:
                self.take(found)
                self.target.put(found, tag)
                self.referrers += 1


def _travels(blob: dict[str, Any]) -> bool:
    """Say whether a registry keeps a blob; foreign layers are at their own addresses."""
    media = str(blob.get("mediaType", ""))
    return not ((".foreign." in media or ".nondistributable." in media) and blob.get("urls"))
