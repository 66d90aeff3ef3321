"""Names of images, as the distribution specification and Docker write them. Pure.

Source: github.com/distribution/reference (grammar in reference.go), OCI distribution-spec
"pulling manifests": names and tags.
"""

from __future__ import annotations

import re

from podwright.errors import shown
from podwright.records import record

DOCKER_HUB = "docker.io"
# Docker writes its Hub's credentials under this key since its first registry (docker/cli
# cli/registry.IndexServer); every builder's library looks there for docker.io.
DOCKER_HUB_AUTH_KEY = "https://index.docker.io/v1/"
# Docker Hub's other names: what its client, its API and its documentation call it.
_HUB_NAMES = frozenset(
    {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)

# The parts of a name, and what may stand between them, in one: compiling them takes milliseconds.
HOST = r"(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9]+(?:(?:\.|-+)[a-zA-Z0-9]+)*)(?::[0-9]{1,5})?"
PATH = r"[a-z0-9]+(?:(?:[./]|__?|-+)[a-z0-9]+)*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
LONGEST_TAG = 128
DIGEST = r"sha256:[0-9a-f]{64}"


@record
class Name:
    """A repository: registry host and path.

    Attributes:
        registry: host with its port, ``docker.io`` when none was written.
        path: the repository's path, with Docker Hub's ``library/`` in place.
    """

    registry: str
    path: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


def parse_name(text: str) -> tuple[Name, str]:
    """Split an image name into repository and tag ('' when it has none).

    Raises:
        ValueError: with the sentence that follows "is not a valid image name: ".
    """
    if not text:
        raise ValueError("it is empty")
    if "@" in text:
        raise ValueError(
            "an image is pushed to a tag, not to a digest; remove '@' and what follows"
        )
    if "://" in text:
        raise ValueError("leave out the scheme")
    rest, tag = _split_tag(text)
    first, _, path = rest.partition("/")
    if not names_registry(rest):
        first, path = DOCKER_HUB, rest
    first = canonical(first)
    _check_grammar(first, path, rest)
    if first == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return Name(first, path), tag


def _split_tag(text: str) -> tuple[str, str]:
    """Split off the tag; a colon before the last slash belongs to the registry's port."""
    if ":" not in text.rsplit("/", 1)[-1]:
        return text, ""
    rest, tag = text.rsplit(":", 1)
    if not re.fullmatch(TAG, tag):
        raise ValueError(f"{shown(tag)} is not a tag")
    return rest, tag


def _check_grammar(first: str, path: str, rest: str) -> None:
    """Check registry host and path against the grammar."""
    if path != path.lower():
        raise ValueError(f"repositories are lower case; {shown(rest.lower(), 255)} would be one")
    if not re.fullmatch(HOST, first):
        raise ValueError(f"{shown(first)} is not a registry host")
    if not re.fullmatch(PATH, path):
        raise ValueError(
            f"{shown(path)} is not a repository "
            "(letters, digits, single '.', '_', '-' and '/' between)"
        )
    if len(first) + len(path) > 255:  # noqa: PLR2004 - NameTotalLengthMax of the grammar
        raise ValueError("it is longer than 255 characters")


def names_registry(text: str) -> bool:
    """Say whether an image's name begins with a registry: reference.splitDockerDomain."""
    first, slash, _ = text.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def registry_of(text: str) -> str:
    """Give the registry of an image's name, of whatever form."""
    return canonical(text.partition("/")[0]) if names_registry(text) else DOCKER_HUB


def tag_like(text: str) -> str:
    """Turn any text (a branch name, say) into the nearest valid tag."""
    tag = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:128]
    return tag or "latest"


def platform_suffix(platform: str) -> str:
    """Give what stands behind a tag that has an image of one platform."""
    return f"-{platform.replace('/', '-')}"


def canonical(registry: str) -> str:
    """Give a registry's one name: Docker Hub has several, in parameters as in files."""
    host = DOCKER_HUB if registry.rstrip("/") == DOCKER_HUB_AUTH_KEY.rstrip("/") else registry
    return DOCKER_HUB if host in _HUB_NAMES else host


def auth_key(registry: str) -> str:
    """Give the key under which a docker config file keeps a registry's credentials."""
    return DOCKER_HUB_AUTH_KEY if registry == DOCKER_HUB else registry
