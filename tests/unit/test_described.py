"""What a registry says of an image becomes a part of the result."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

from podwright.described import _join, describe, prepare
from podwright.distribution.client import _tls
from podwright.distribution.repository import Manifest, digest_of
from podwright.request import Registry

if TYPE_CHECKING:
    from pathlib import Path


class Kept:
    """A repository in memory."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.blobs: dict[str, bytes] = {}

    def add(self, media: str, value: dict[str, Any]) -> str:
        """Keep a manifest; gives its digest."""
        content = json.dumps({"mediaType": media, **value}).encode()
        made = Manifest(digest_of(content), media, content)
        self.manifests[made.digest] = made
        return made.digest

    def get(self, reference: str) -> Manifest:
        """Give a manifest."""
        return self.manifests[reference]

    def put(self, manifest: Manifest, reference: str) -> None:
        """Keep a manifest under a tag."""
        self.manifests[reference] = manifest

    def blob(self, digest: str) -> bytes:
        """Give a blob."""
        return self.blobs[digest]


MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def test_an_index_is_told_by_its_platforms_without_its_attestations() -> None:
    kept: Any = Kept()
    parts = [
        kept.add(
            MANIFEST,
            {"config": {"digest": "c", "size": 5}, "layers": [{"digest": "l", "size": size}]},
        )
        for size in (100, 20, 7)
    ]
    platforms = [
        {"os": "linux", "architecture": "arm", "variant": "v7"},
        {"os": "linux", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    listed = [{"digest": d, "platform": p} for d, p in zip(parts, platforms)]
    listed[2]["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}

    assert describe(kept, kept.add(INDEX, {"manifests": listed})) == {
        "platforms": ["linux/amd64", "linux/arm/v7"],
        "mediaType": INDEX,
        "size": 130,
        "manifests": [
            {"platform": "linux/amd64", "digest": parts[1], "size": 25},
            {"platform": "linux/arm/v7", "digest": parts[0], "size": 105},
        ],
    }


def test_a_single_manifest_is_told_by_its_config() -> None:
    kept: Any = Kept()
    kept.blobs["c"] = b'{"os": "linux", "architecture": "arm64"}'
    digest = kept.add(MANIFEST, {"config": {"digest": "c", "size": 5}, "layers": []})

    assert describe(kept, digest)["manifests"] == [
        {"platform": "linux/arm64", "digest": digest, "size": 5}
    ]


def test_images_of_one_platform_each_become_an_index(tmp_path: Path) -> None:
    kept: Any = Kept()
    kept.blobs["a"] = b'{"os": "linux", "architecture": "amd64", "config": {}}'
    kept.blobs["b"] = b'{"os": "linux", "architecture": "arm", "variant": "v7"}'
    parts = [
        kept.add(MANIFEST, {"config": {"digest": name, "size": 5}, "layers": []}) for name in "ab"
    ]
    (tmp_path / "parts").write_text("".join(f"{digest}\n" for digest in parts))

    _join(tmp_path, kept, ["1", "latest"])

    digest = (tmp_path / "digest").read_text()
    assert kept.manifests["1"] == kept.manifests["latest"]
    assert (kept.manifests["1"].digest, kept.manifests["1"].media) == (digest, INDEX)
    size = len(kept.manifests[parts[0]].content)
    assert kept.manifests["1"].value["manifests"] == [
        {
            "mediaType": MANIFEST,
            "digest": parts[0],
            "size": size,
            "platform": {"architecture": "amd64", "os": "linux"},
        },
        {
            "mediaType": MANIFEST,
            "digest": parts[1],
            "size": size,
            "platform": {"architecture": "arm", "os": "linux", "variant": "v7"},
        },
    ]


def test_authorities_are_judged_as_builders_judge_them() -> None:
    assert not _tls(Registry()).verify_flags & ssl.VERIFY_X509_STRICT


def test_what_one_client_trusts_no_other_one_does_though_it_was_prepared_before() -> None:
    prepare()
    first, second = _tls(Registry(skipTlsVerify=True)), _tls(Registry())

    assert (first.verify_mode, second.verify_mode) == (ssl.CERT_NONE, ssl.CERT_REQUIRED)
    assert not second.verify_flags & ssl.VERIFY_X509_STRICT
