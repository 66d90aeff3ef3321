"""Indexes: images of one platform each as one image (image-spec 1.1, image-index.md)."""

from __future__ import annotations

import json
import os

from podwright.distribution.repository import INDEXES, MANIFESTS, Manifest, manifest_of
from podwright.errors import PodwrightError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from podwright.distribution.repository import Repository

# What the kernel calls a machine, and what an image's platform does (Go's GOARCH).
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def joined(repository: Repository, parts: Mapping[str, str]) -> Manifest:
    """Give the index of images that are there, each by the platform that it must be of.

    Raises:
        PodwrightError: one is not there, or is of another platform.
    """
    listed = []
    for platform, reference in parts.items():
        part = repository.get(reference)
        own = _listed(repository, part)
        built = [shown_platform(item["platform"]) for item in own if not is_about_another(item)]
        if not any(_is_same(platform, one) for one in built):
            raise PodwrightError(
                f"{repository}@{part.digest} is for {', '.join(built)}, and should be for "
                f"{platform}; was it built on such a node?"
            )
        listed += own
    return _index(listed)


def index_of(repository: Repository, parts: Iterable[Manifest]) -> Manifest:
    """Give the index of images that are there; of indexes what they list."""
    return _index([item for part in parts for item in _listed(repository, part)])


def _index(listed: list[dict[str, Any]]) -> Manifest:
    # Docker's own kind where all of it is Docker's: its older engines read no other.
    kind = int(all(item["mediaType"] == MANIFESTS[1] for item in listed))
    return manifest_of({"mediaType": INDEXES[kind], "manifests": listed})


def _listed(repository: Repository, part: Manifest) -> list[dict[str, Any]]:
    if part.media in INDEXES:
        return part.children
    known = config(repository, part)
    names = ("architecture", "os", "variant")
    platform = {name: known[name] for name in names if known.get(name)}
    about = {"mediaType": part.media, "digest": part.digest, "size": len(part.content)}
    return [{**about, "platform": platform}]


def own_image(repository: Repository, image: Manifest) -> Manifest:
    """Give the image for this machine's architecture, of an index the one that it lists.

    Raises:
        PodwrightError: there is none.
    """
    machine = os.uname().machine
    wanted = _ARCHITECTURES.get(machine, machine)
    for child in image.children:
        if (child.get("platform") or {}).get("architecture") == wanted:
            return repository.get(child["digest"])
    if image.children:
        raise PodwrightError(f"it is not there for {wanted}")
    return image


def config(repository: Repository, manifest: Manifest) -> dict[str, Any]:
    """Give what an image says of itself (image-spec, config.md)."""
    found: dict[str, Any] = json.loads(repository.blob(manifest.value["config"]["digest"]))
    return found


def is_about_another(item: Mapping[str, Any]) -> bool:
    """Say whether a manifest of an index is no image, but tells of one."""
    return "vnd.docker.reference.type" in (item.get("annotations") or {})


def shown_platform(value: Mapping[str, Any]) -> str:
    """Write a platform as os/architecture/variant."""
    names = (value.get("os"), value.get("architecture"), value.get("variant"))
    return "/".join(str(name) for name in names if name)


def _is_same(wanted: str, built: str) -> bool:
    """Compare platforms: builders leave out the variant that is usual."""
    return built == wanted or wanted.startswith(f"{built}/") or built.startswith(f"{wanted}/")
