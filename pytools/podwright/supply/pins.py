"""Pins: names of images in Dockerfiles with the digests that their tags have today.

Written as Renovate and Docker write them, `name:tag@sha256:...`, so that either can go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from podwright import dockerfile
from podwright.distribution.parameters import read_source
from podwright.references import Name

# Gives the digest of a tag.
Resolve = Callable[[Name, str], str]
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def tagged(reference: str) -> str:
    """Give a reference with the tag that is meant by none."""
    if "@" in reference or ":" in reference.rsplit("/", 1)[-1]:
        return reference
    return f"{reference}:latest"


def pinned_reference(reference: str, resolve: Resolve) -> str:
    """Give a reference with the digest of its tag; one of a digest alone stays as it is."""
    plain = _DIGEST.sub("", reference)
    if plain != reference and tagged(plain) != plain:
        return reference
    source = read_source(tagged(plain))
    return f"{plain}@{resolve(source.name, source.tag)}"


def pinned_dockerfile(text: str, resolve: Resolve) -> str:
    """Pin what a Dockerfile begins with and copies from, as far as it can be told.

    What a build argument names stays: its default is the place to pin. What is a stage's name as
    well stays too, for it stands for both.
    """
    found = dockerfile.read(text, {})
    for name in (*found.bases, *found.sources):
        if name.lower() in found.names:
            continue
        # In FROM and `--from=` the name stands as a word of its own.
        word = rf"(?im)(^\s*FROM\s+(?:--\S+\s+)*|(?:--from=|[, ]from=)){re.escape(name)}(?=[\s,]|$)"
        if re.search(word, text):
            pinned = pinned_reference(name, resolve)
            text = re.sub(word, lambda match: match[1] + pinned, text)  # noqa: B023 - used at once
    return text
