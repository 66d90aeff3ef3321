"""An OCI archive as the origin of a copy: what was built and tested is pushed as it is.

Source: OCI image-spec image-layout.md; archives are tar files of such a layout.
"""

from __future__ import annotations

import json
import posixpath
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

from podwright.distribution.client import Response
from podwright.distribution.repository import LARGEST_MANIFEST, Manifest, Repository, digest_of
from podwright.errors import PodwrightError, UsageError


class Archive(Repository):
    """What a copy asks of its origin, from a file.

    Args:
        path: the archive.

    Raises:
        UsageError: it is not there, or is no OCI archive with one image.
    """

    def __init__(self, path: Path) -> None:
        # It is its own client: what a copy asks of one is to open a blob.
        self.client: Any = self
        self.file, self.origin, self.host, self.path, self.scope = path, "", str(path), "", ""
        try:
            with tarfile.open(path, "r:") as tar:
                self.members = {
                    posixpath.normpath(item.name): (item.offset_data, item.size)
                    for item in tar
                    if item.isfile()
                }
            listed = json.loads(self._read("index.json"))["manifests"]
        except OSError as error:
            raise UsageError(f"output: '{path}' cannot be read: {error.strerror}") from None
        except (tarfile.TarError, KeyError, ValueError, TypeError):
            listed = []
        if len(listed) != 1:
            raise UsageError(
                f"output: '{path}' is not an OCI archive with one image; write it with "
                "buildImage(output: '...')"
            )
        self.image = self._manifest(listed[0])

    def __str__(self) -> str:
        return self.host

    def _read(self, name: str) -> bytes:
        start, size = self.members[name]
        with self.file.open("rb") as file:
            file.seek(start)
            return file.read(min(size, LARGEST_MANIFEST))

    def _manifest(self, entry: dict[str, Any]) -> Manifest:
        digest = str(entry["digest"])
        name = f"blobs/{digest.replace(':', '/')}"
        content = self._read(name) if name in self.members else b""
        if digest_of(content) != digest:
            raise PodwrightError(f"{self}: the bytes of {digest} are others; build the image anew")
        media = json.loads(content).get("mediaType") or entry["mediaType"]
        return Manifest(digest, str(media), content)

    def get(self, reference: str) -> Manifest:
        """Give a manifest that the image's index lists."""
        entries = [item for item in self.image.children if item["digest"] == reference]
        return self._manifest(entries[0]) if entries else self.image

    def find(self, reference: str) -> Manifest | None:
        """There are no tags in it."""
        return None

    def referrers(self, digest: str) -> list[dict[str, Any]]:
        """Nothing in it refers to the image."""
        return []

    def open(self, method: str, address: str, scope: str) -> Response:
        """Open a blob; the copy compares its bytes with its digest."""
        name = f"blobs/{address.rpartition('/')[2].replace(':', '/')}"
        if name not in self.members:
            return Response(404, {}, BytesIO(b"it is not in the archive"))
        file = self.file.open("rb")
        file.seek(self.members[name][0])
        return Response(200, {}, file, file.close)
