"""Write and read OCI images with the standard library: an image is JSON and tar files, no more.

Writing needs no root, no engine and no registry, and the same input gives the same bytes. Reading
gives what the conformance suite compares: the configuration and the file tree.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NAME = "io.containerd.image.name"
REF = "org.opencontainers.image.ref.name"


class Layer:
    """Collects the entries of one layer."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(  # noqa: SIM115 - closed by data()
            fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT
        )

    def _add(self, info: tarfile.TarInfo, data: BinaryIO | None = None) -> Layer:
        self._seen.add(info.name)
        info.mtime = 1_700_000_000
        self._tar.addfile(info, data)
        return self

    def _info(self, path: str, mode: int, owner: tuple[int, int]) -> tarfile.TarInfo:
        info = tarfile.TarInfo(path.strip("/"))
        info.mode = mode
        info.uid, info.gid = owner
        return info

    def folder(self, path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Layer:
        """Add a directory."""
        info = self._info(path, mode, owner)
        info.type = tarfile.DIRTYPE
        return self._add(info)

    def file(
        self,
        path: str,
        content: str | bytes | Path,
        mode: int = 0o644,
        owner: tuple[int, int] = (0, 0),
        capabilities: int = 0,
    ) -> Layer:
        """Add a file; `capabilities` are set as effective and permitted file capabilities."""
        info = self._info(path, mode, owner)
        if capabilities:
            # struct vfs_cap_data, revision 2, with the effective bit (linux/capability.h).
            words = (0x02000001, capabilities, 0, 0, 0)
            value = b"".join(word.to_bytes(4, "little") for word in words)
            text = value.decode("utf-8", "surrogateescape")
            info.pax_headers = {"SCHILY.xattr.security.capability": text}
        if isinstance(content, Path):
            info.size = content.stat().st_size
            with content.open("rb") as data:
                return self._add(info, data)
        raw = content.encode() if isinstance(content, str) else content
        info.size = len(raw)
        return self._add(info, io.BytesIO(raw))

    def link(self, path: str, target: str) -> Layer:
        """Add a symbolic link."""
        info = self._info(path, 0o777, (0, 0))
        info.type = tarfile.SYMTYPE
        info.linkname = target
        return self._add(info)

    def data(self) -> bytes:
        """Give the layer as a tar file."""
        self._tar.close()
        return self._buffer.getvalue()


@dataclass(frozen=True)
class Blob:
    """A blob of a layout."""

    digest: str
    size: int


class Layout:
    """An OCI image layout in a directory, being written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._manifests: list[dict[str, Any]] = []
        (root / "blobs" / "sha256").mkdir(parents=True)

    def blob(self, data: bytes) -> Blob:
        """Store bytes."""
        digest = hashlib.sha256(data).hexdigest()
        (self.root / "blobs" / "sha256" / digest).write_bytes(data)
        return Blob(f"sha256:{digest}", len(data))

    def blob_file(self, file: Path) -> Blob:
        """Store a file by a hard link when that is possible."""
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        place = self.root / "blobs" / "sha256" / digest.hexdigest()
        if not place.exists():
            try:
                os.link(file, place)
            except OSError:
                shutil.copyfile(file, place)
        return Blob(f"sha256:{digest.hexdigest()}", file.stat().st_size)

    def image(self, name: str, layers: list[Blob], config: dict[str, Any]) -> None:
        """Add an image of uncompressed layers under a full name."""
        whole = {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
            "history": [{"created_by": "podwright tests"} for _ in layers],
        }
        made = self.blob(_json(whole))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": made.digest, "size": made.size},
            "layers": [
                {"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers
            ],
        }
        stored = self.blob(_json(manifest))
        self._manifests.append(
            {
                "mediaType": MANIFEST,
                "digest": stored.digest,
                "size": stored.size,
                "annotations": {NAME: name, REF: name},
            }
        )

    def close(self) -> None:
        """Write the index."""
        (self.root / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
        index = {"schemaVersion": 2, "manifests": self._manifests}
        (self.root / "index.json").write_bytes(_json(index))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass
class Entry:
    """One path of an image's file tree."""

    kind: str  # file, dir, link, fifo, char, block
    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""  # of symbolic links
    sha256: str = ""
    text: str = ""  # of small files
    same_as: str = ""  # first name of the same inode (hard links)
    xattrs: dict[str, str] = field(default_factory=dict)


@dataclass
class Image:
    """An image as the conformance suite sees it."""

    config: dict[str, Any]  # the whole configuration object
    tree: dict[str, Entry]
    media_type: str = ""


def read(folder: Path) -> Image:
    """Read an image of one platform as `skopeo copy ... dir:DIR` leaves it."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    config = json.loads(_blob(folder, manifest["config"]["digest"]).read_bytes())
    tree: dict[str, Entry] = {}
    for layer in manifest["layers"]:
        _apply(tree, _blob(folder, layer["digest"]))
    return Image(config, tree, manifest.get("mediaType", ""))


def _blob(folder: Path, digest: str) -> Path:
    return folder / digest.partition(":")[2]


KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
}


def _apply(tree: dict[str, Entry], blob: Path) -> None:
    """Lay one layer over the tree, with its whiteouts."""
    with blob.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        stream: Any = gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            added: set[str] = set()
            for info in tar:
                _place(tree, tar, info, added)


def _place(
    tree: dict[str, Entry], tar: tarfile.TarFile, info: tarfile.TarInfo, added: set[str]
) -> None:
    """Put one tar entry into the tree."""
    path = "/" + info.name.removeprefix("./").strip("/")
    parent, _, name = path.rpartition("/")
    if name == ".wh..wh..opq":
        _remove(tree, parent + "/", added)
        return
    if name.startswith(".wh."):
        gone = f"{parent}/{name[4:]}"
        if gone not in added:
            tree.pop(gone, None)
        _remove(tree, gone + "/", added)
        return
    added.add(path)
    if path in {"/", "/."}:
        return
    if info.islnk():
        first = "/" + info.linkname.removeprefix("./").strip("/")
        known = tree[first]
        tree[path] = Entry(**{**vars(known), "same_as": known.same_as or first})
        return
    if not info.isdir():
        _remove(tree, path + "/", set())
    tree[path] = _entry(tar, info)


def _entry(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Entry:
    """Read one tar entry; small texts are kept, for expectations and for showing differences."""
    entry = Entry(KINDS[info.type], info.mode & 0o7777, info.uid, info.gid)
    prefix = "SCHILY.xattr."
    for key, value in info.pax_headers.items():
        if key.startswith(prefix):
            raw = value.encode("utf-8", "surrogateescape")
            entry.xattrs[key[len(prefix) :]] = raw.hex()
    if entry.kind == "link":
        entry.target = info.linkname
    elif entry.kind == "file":
        stream = tar.extractfile(info)
        digest = hashlib.sha256()
        head = b""
        while stream and (chunk := stream.read(1 << 20)):
            digest.update(chunk)
            entry.size += len(chunk)
            if len(head) < 4096:
                head += chunk[: 4096 - len(head)]
        entry.sha256 = digest.hexdigest()
        if entry.size <= 4096:
            entry.text = head.decode("utf-8", "backslashreplace")
    return entry


def _remove(tree: dict[str, Entry], prefix: str, keep: set[str]) -> None:
    """Remove everything below a path, but for what this layer itself has added."""
    for path in [p for p in tree if p.startswith(prefix) and p not in keep]:
        del tree[path]
