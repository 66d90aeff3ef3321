"""A repository of a registry: manifests, blobs, tags, referrers (distribution-spec 1.1)."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse

from podwright.distribution import client as wire
from podwright.distribution.client import Client, Transient, refused
from podwright.errors import PodwrightError
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
)
_ACCEPT = ", ".join([*INDEXES, *MANIFESTS])
_OK, _CREATED, _ACCEPTED, _NOT_FOUND = 200, 201, 202, 404
# A manifest has at most 4 MiB (distribution-spec, "pushing manifests").
LARGEST_MANIFEST = 4 << 20


@record
class Manifest:
    """A manifest as it was stored; its digest is that of exactly these bytes.

    Attributes:
        digest: sha256 of the content.
        media: its media type.
        content: the bytes.
    """

    digest: str
    media: str
    content: bytes

    @property
    def value(self) -> dict[str, Any]:
        """Give what it says.

        Raises:
            PodwrightError: it is no JSON object.
        """
        try:
            value = json.loads(self.content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise PodwrightError(f"the manifest {self.digest} is not valid; push the image anew")
        return value

    @property
    def children(self) -> list[dict[str, Any]]:
        """Give the descriptors of an index's manifests."""
        return list(self.value.get("manifests") or []) if self.media in INDEXES else []

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """Give the descriptors of config and layers, each once."""
        value = self.value
        found = [value.get("config"), *(value.get("layers") or []), *(value.get("blobs") or [])]
        return list({item["digest"]: item for item in found if item}.values())

    @property
    def descriptor(self) -> dict[str, Any]:
        """Give the descriptor of a referrer."""
        value = self.value
        config = (value.get("config") or {}).get("mediaType", "")
        made = {
            "mediaType": self.media,
            "digest": self.digest,
            "size": len(self.content),
            "artifactType": value.get("artifactType") or config,
            "annotations": value.get("annotations"),
        }
        return {key: item for key, item in made.items() if item}


def digest_of(content: bytes) -> str:
    """Give the digest of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_of(value: dict[str, Any]) -> Manifest:
    """Give the manifest that says this."""
    content = json.dumps({"schemaVersion": 2, **value}).encode()
    return Manifest(digest_of(content), value["mediaType"], content)


class Repository:
    """A repository of a registry.

    Args:
        client: the registry.
        path: of the repository.
        write: whether its token must allow to push (and remove).
    """

    def __init__(self, client: Client, path: str, *, write: bool = False) -> None:
        self.client = client
        self.path = path
        self.scope = f"repository:{path}:{'pull,push,delete' if write else 'pull'}"

    def __str__(self) -> str:
        return f"{self.client.host}/{self.path}"

    # -- manifests and tags ----------------------------------------------------------------------

    def find(self, reference: str) -> Manifest | None:
        """Give the manifest of a tag or digest; None when there is none.

        Raises:
            PodwrightError: the registry refuses, or what it gives is not what was asked for.
        """
        headers = {"Accept": _ACCEPT}
        status, got, body = self._ask("GET", f"manifests/{reference}", headers)
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise self._refusal(status, body, f"reading {self._named(reference)}")
        digest = digest_of(body)
        if reference.startswith("sha256:") and digest != reference:
            raise PodwrightError(
                f"{self}: asked for {reference}, got {digest}; the registry, or a proxy before it, "
                "changes what it keeps: use another"
            )
        media = got.get("content-type", "").partition(";")[0].strip()
        if media not in (*INDEXES, *MANIFESTS):
            raise PodwrightError(
                f"{self._named(reference)} is no image manifest but '{media}'; push the image anew "
                "with a builder of today"
            )
        return Manifest(digest, media, body)

    def get(self, reference: str) -> Manifest:
        """Give the manifest of a tag or digest.

        Raises:
            PodwrightError: there is none.
        """
        found = self.find(reference)
        if found is None:
            raise PodwrightError(f"{self._named(reference)} is not there; correct name and tag")
        return found

    def digest(self, tag: str) -> str:
        """Give the digest of a tag, without what counts as a pull where pulls are counted.

        Raises:
            PodwrightError: there is none.
        """
        status, got, _ = self._ask("HEAD", f"manifests/{tag}", {"Accept": _ACCEPT})
        # A registry may leave the header out (distribution-spec, "checking if content exists").
        told = got.get("docker-content-digest", "") if status == _OK else ""
        return told or self.get(tag).digest

    def has(self, digest: str) -> bool:
        """Say whether a manifest is there."""
        status, _, _ = self._ask("HEAD", f"manifests/{digest}", {"Accept": _ACCEPT})
        return status == _OK

    def put(self, manifest: Manifest, reference: str) -> bool:
        """Write a manifest under a tag or its digest; says whether its subject was understood.

        Raises:
            PodwrightError: it is refused.
        """
        headers = {"Content-Type": manifest.media}
        status, got, body = self._ask("PUT", f"manifests/{reference}", headers, manifest.content)
        if status not in (_OK, _CREATED, _ACCEPTED):
            raise self._refusal(status, body, f"writing {self._named(reference)}")
        return "oci-subject" in got

    def remove(self, digest: str) -> None:
        """Remove a manifest with all its tags.

        Raises:
            PodwrightError: it is refused.
        """
        status, _, body = self._ask("DELETE", f"manifests/{digest}")
        if status not in (_OK, _ACCEPTED, 204, _NOT_FOUND):
            raise self._refusal(status, body, f"removing {self._named(digest)}")

    def tags(self) -> list[str]:
        """Give all tags, sorted; none when there is no such repository.

        Raises:
            PodwrightError: the registry refuses.
        """
        pages = self._pages("tags/list?n=1000")
        return sorted({tag for page in pages for tag in page.get("tags") or []})

    # -- blobs -----------------------------------------------------------------------------------

    def blob(self, digest: str) -> bytes:
        """Read a small blob, such as a config.

        Raises:
            PodwrightError: it is not there.
        """
        status, _, body = self._ask("GET", f"blobs/{digest}")
        if status != _OK:
            raise self._refusal(status, body, f"reading {self._named(digest)}")
        return body

    def has_blob(self, digest: str) -> bool:
        """Say whether a blob is there."""
        return self._ask("HEAD", f"blobs/{digest}")[0] == _OK

    def read_blob(self, digest: str, size: int) -> Iterator[bytes]:
        """Give a blob's bytes; the last ones come only when all of them are those of the digest."""
        answer = self.client.open("GET", f"/v2/{self.path}/blobs/{digest}", self.scope)
        if answer.status != _OK:
            sentence = refused(self.client.host, answer.status, answer.body(), f"reading {digest}")
            raise PodwrightError(sentence)
        found, left, held = hashlib.sha256(), size, b""
        try:
            while left > 0:
                chunk = answer.stream.read(min(wire.CHUNK, left))
                if not chunk:
                    raise Transient(f"{self.client.host} broke off a blob")
                found.update(chunk)
                left -= len(chunk)
                yield held
                held = chunk
        except OSError as error:
            raise Transient(f"{self.client.host} broke off a blob: {error}") from None
        finally:
            answer.close()
        if f"sha256:{found.hexdigest()}" != digest:
            raise PodwrightError(
                f"{self}: the bytes of {digest} are others; the registry's storage is damaged: "
                "push the image anew"
            )
        yield held

    def take_blob(self, origin: Repository, blob: dict[str, Any]) -> int:
        """Copy a blob from another repository, unless it is here; gives how many bytes were sent.

        Raises:
            PodwrightError: it is refused, or the origin's bytes are not those of its digest.
        """
        digest = str(blob["digest"])
        if self.has_blob(digest):
            return 0
        return self.client.patiently(lambda: self._take_once(origin, digest, int(blob["size"])))

    def put_blob(self, content: bytes) -> dict[str, Any]:
        """Send a small blob, unless it is here; gives digest and size.

        Raises:
            PodwrightError: it is refused.
        """
        digest = digest_of(content)
        if not self.has_blob(digest):
            self.client.patiently(lambda: self._upload(digest, len(content), content))
        return {"digest": digest, "size": len(content)}

    def _take_once(self, origin: Repository, digest: str, size: int) -> int:
        mount = ""
        if origin.client.origin == self.client.origin:
            mount = f"?{urllib.parse.urlencode({'mount': digest, 'from': origin.path})}"
        return self._upload(digest, size, origin.read_blob(digest, size), mount)

    def _upload(self, digest: str, size: int, content: wire.Body, mount: str = "") -> int:
        """Send a blob, unless it can be mounted; gives how many bytes were sent."""
        answer = self.client.open("POST", f"/v2/{self.path}/blobs/uploads/{mount}", self.scope)
        body = answer.body()
        if mount and answer.status == _CREATED:
            return 0
        if answer.status != _ACCEPTED:
            raise self._refusal(answer.status, body, f"sending to {self}")
        place = urllib.parse.urljoin(self.client.origin, answer.headers.get("location", ""))
        place += ("&" if "?" in place else "?") + urllib.parse.urlencode({"digest": digest})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        answer = self.client.open("PUT", place, self.scope, headers, content)
        body = answer.body()
        if answer.status != _CREATED:
            raise self._refusal(answer.status, body, f"sending {digest} to {self}")
        return size

    # -- what refers to an image -----------------------------------------------------------------

    def referrers(self, digest: str) -> list[dict[str, Any]]:
        """Give the descriptors of what refers to a manifest: by the API, or by the fallback tag.

        Source: distribution-spec "listing referrers" and "unavailable referrers API".
        """
        pages = list(self._pages(f"referrers/{digest}"))
        if pages:
            return [item for page in pages for item in page.get("manifests") or []]
        there = self.find(fallback_tag(digest))
        return there.children if there else []

    def refer(self, subject: str, referrer: Manifest) -> None:
        """Write a manifest that refers to another, also where the registry has no API for it."""
        if self.put(referrer, referrer.digest):
            return
        listed = self.referrers(subject)
        if any(item["digest"] == referrer.digest for item in listed):
            return
        value = {"mediaType": INDEXES[0], "manifests": [*listed, referrer.descriptor]}
        self.put(manifest_of(value), fallback_tag(subject))

    def _pages(self, what: str) -> Iterator[dict[str, Any]]:
        """Give the pages of a list; none when there is no such list."""
        while what:
            status, got, body = self._ask("GET", what)
            if status == _NOT_FOUND:
                return
            if status != _OK:
                raise self._refusal(status, body, f"listing {what.partition('?')[0]} of {self}")
            yield json.loads(body)
            # RFC 5988: `<...>; rel="next"`, a path from the registry's root on.
            found = re.search(r'<([^>]+)>\s*;\s*rel="?next"?', got.get("link", ""))
            what = found[1] if found else ""

    def _ask(
        self,
        method: str,
        what: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        path = urllib.parse.urljoin(f"/v2/{self.path}/", what)
        return self.client.ask(method, path, self.scope, headers, body)

    def _refusal(self, status: int, body: bytes, doing: str) -> PodwrightError:
        return PodwrightError(refused(self.client.host, status, body, doing))

    def _named(self, reference: str) -> str:
        return f"{self}{'@' if ':' in reference else ':'}{reference}"


def fallback_tag(digest: str) -> str:
    """Give the tag that lists a manifest's referrers where the API is not there."""
    return digest.replace(":", "-")
