"""Images made by hand in a real registry: manifests, indexes, attestations, byte by byte."""

from __future__ import annotations

import json
import os
from typing import Any

from podwright.distribution.client import Client, Login
from podwright.distribution.repository import INDEXES, MANIFESTS, Manifest, Repository, digest_of
from podwright.request import Registry as Setting

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


def repository(host: str, path: str, login: Login, patience: float = 60) -> Repository:
    """Give a repository that may be written to."""
    return Repository(Client(host, Setting(http=True), login, patience), path, write=True)


def blob(repo: Repository, media: str, content: bytes) -> dict[str, Any]:
    """Send a blob; gives its descriptor."""
    return {"mediaType": media, **repo.put_blob(content)}


def manifest(media: str, value: dict[str, Any]) -> Manifest:
    """Give a manifest of a value."""
    content = json.dumps({"schemaVersion": 2, "mediaType": media, **value}).encode()
    return Manifest(digest_of(content), media, content)


def image(
    repo: Repository, *tags: str, created: str = "2026-01-01T00:00:00Z", size: int = 3000
) -> Manifest:
    """Put an image with a layer of its own into a repository."""
    config = {"architecture": "amd64", "os": "linux", "created": created, "n": os.urandom(4).hex()}
    made = manifest(
        MANIFESTS[0],
        {
            "config": blob(repo, CONFIG, json.dumps(config).encode()),
            "layers": [blob(repo, LAYER, os.urandom(size))],
        },
    )
    for reference in tags or (made.digest,):
        repo.put(made, reference)
    return made


def index(repo: Repository, tag: str, *children: Manifest) -> Manifest:
    """Put an index of images into a repository."""
    listed = [
        {"mediaType": child.media, "digest": child.digest, "size": len(child.content)}
        for child in children
    ]
    made = manifest(INDEXES[0], {"manifests": listed})
    repo.put(made, tag)
    return made


def attestation(repo: Repository, subject: Manifest, kind: str) -> Manifest:
    """Put a manifest that refers to another into a repository."""
    made = manifest(
        MANIFESTS[0],
        {
            "artifactType": kind,
            "config": blob(repo, EMPTY, b"{}"),
            "layers": [blob(repo, kind, os.urandom(200))],
            "subject": {
                "mediaType": subject.media,
                "digest": subject.digest,
                "size": len(subject.content),
            },
        },
    )
    repo.refer(subject.digest, made)
    return made
