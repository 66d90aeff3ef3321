"""Reads `.git` without git, because the planner's image is a plain python one.

Sources: gitrepository-layout(5) for HEAD, refs, packed-refs, worktrees (`commondir`), submodules
and `objects/info/alternates`; gitformat-pack(5) for packed objects and their index.
"""

from __future__ import annotations

import re
import struct
import zlib

from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_COMMIT = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_INDEX_MAGIC = b"\xfftOc\x00\x00\x00\x02"
_FANOUT = 256 * 4
_COMMIT_TYPE, _OFFSET_DELTA, _REFERENCE_DELTA = 1, 6, 7
_LARGE = 1 << 31  # an offset with this bit is that of a longer one


@record
class Checkout:
    """What is checked out.

    Attributes:
        commit: hash of HEAD; of a merge that only this checkout has, that of the merged branch.
        branch: '' when HEAD is detached.
        origin: URL of the remote `origin`, '' for none.
        date: seconds since 1970 at which the commit was made, None when it cannot be read.
    """

    commit: str
    branch: str
    origin: str
    date: int | None


def repository(folder: Path) -> Checkout | None:
    """Read the repository that holds a folder; None when there is none."""
    git = _git_dir(folder)
    if not git:
        return None
    shared = _shared_git_dir(git)
    head, branch = _head_of(git)
    commit = _published(shared, head)
    _, date = _parents_and_date(shared, commit)
    return Checkout(commit, branch, _origin_url(shared), date)


def _published(git: Path, head: str) -> str:
    """Give the commit that others can look up.

    Jenkins builds a pull request as the merge of its head and its target: a commit that no other
    repository has. One of its parents is what a remote branch was at when it was fetched, and so
    would be HEAD itself if it came from there.
    """
    parents, _ = _parents_and_date(git, head)
    if len(parents) < 2:  # noqa: PLR2004 - a merge has two
        return head
    remote = set(_remote_refs(git).values())
    if head in remote or parents[0] not in remote:
        return head
    return parents[0]


def _remote_refs(git: Path) -> dict[str, str]:
    """Give the commits of the remote branches, by name."""
    packed = re.findall(
        rf"^({_COMMIT}) (refs/remotes/.+)$", read_text(git / "packed-refs"), re.MULTILINE
    )
    found = {name: commit for commit, name in packed}
    for path in (git / "refs" / "remotes").rglob("*"):
        if path.is_file():
            found[str(path.relative_to(git))] = read_text(path)
    return found


def _parents_and_date(git: Path, commit: str) -> tuple[list[str], int | None]:
    """Give a commit's parents and when it was made; nothing when it cannot be read."""
    try:
        text = _commit_text(git, commit).decode("utf-8", "replace")
    except (OSError, ValueError, zlib.error, struct.error, RecursionError):
        return [], None
    head = text.partition("\n\n")[0]
    date = re.search(r"^committer .*> (\d+) [+-]\d{4}$", head, re.MULTILINE)
    return re.findall(r"^parent (\w+)$", head, re.MULTILINE), int(date[1]) if date else None


def _commit_text(git: Path, commit: str) -> bytes:
    """Read a commit, loose or packed, here or in the repositories that this one borrows from.

    Raises:
        ValueError: there is none, or it is none.
        OSError: a file cannot be read.
    """
    for objects in _object_dirs(git):
        loose = objects / commit[:2] / commit[2:]
        if loose.is_file():
            kind, _, body = zlib.decompress(loose.read_bytes()).partition(b"\0")
            if not kind.startswith(b"commit "):
                raise ValueError(kind)
            return body
        for index in sorted((objects / "pack").glob("*.idx")):
            offset = _offset_in_pack(index, bytes.fromhex(commit))
            if offset is not None:
                with index.with_suffix(".pack").open("rb") as pack:
                    return _unpacked(git, pack, offset, len(commit) // 2)
    raise ValueError(commit)


def _object_dirs(git: Path) -> list[Path]:
    """Give the places of objects; reference clones borrow from others (`alternates`)."""
    own = git / "objects"
    borrowed = read_text(own / "info" / "alternates").split("\n")
    return [own, *((own / line).resolve() for line in borrowed if line)]


def _offset_in_pack(index: Path, commit: bytes) -> int | None:
    """Look a commit up in a pack's index; None when it is not there."""
    size = len(commit)
    with index.open("rb") as file:
        if file.read(8) != _INDEX_MAGIC:
            return None
        fanout = struct.unpack(">256I", file.read(_FANOUT))
        first, after, total = (
            (fanout[commit[0] - 1] if commit[0] else 0),
            fanout[commit[0]],
            fanout[-1],
        )
        names = 8 + _FANOUT
        file.seek(names + first * size)
        block = file.read((after - first) * size)
        place = next(
            (n for n in range(after - first) if block[n * size : (n + 1) * size] == commit), None
        )
        if place is None:
            return None
        offsets = names + total * (size + 4)
        file.seek(offsets + (first + place) * 4)
        (offset,) = struct.unpack(">I", file.read(4))
        if offset < _LARGE:
            return int(offset)
        file.seek(offsets + total * 4 + (offset - _LARGE) * 8)
        return int(struct.unpack(">Q", file.read(8))[0])


def _unpacked(git: Path, pack: BinaryIO, offset: int, size: int) -> bytes:
    """Read an object at an offset of a pack; those stored as differences are put together."""
    pack.seek(offset)
    byte = pack.read(1)[0]
    kind = byte >> 4 & 7
    while byte & 0x80:
        byte = pack.read(1)[0]
    if kind == _COMMIT_TYPE:
        return _inflated(pack)
    if kind == _OFFSET_DELTA:
        base_at = offset - _distance(pack)
        delta = _inflated(pack)
        return _patched(_unpacked(git, pack, base_at, size), delta)
    if kind == _REFERENCE_DELTA:
        base = pack.read(size).hex()
        delta = _inflated(pack)
        return _patched(_commit_text(git, base), delta)
    raise ValueError(kind)


def _inflated(pack: BinaryIO) -> bytes:
    """Decompress what begins here; its length is in the data."""
    reader = zlib.decompressobj()
    parts = []
    while not reader.eof:
        data = pack.read(4096)
        if not data:
            raise ValueError("the pack is cut short")
        parts.append(reader.decompress(data))
    return b"".join(parts)


def _distance(pack: BinaryIO) -> int:
    """Read how far before a difference its base lies."""
    byte = pack.read(1)[0]
    value = byte & 0x7F
    while byte & 0x80:
        byte = pack.read(1)[0]
        value = (value + 1 << 7) | (byte & 0x7F)
    return value


def _patched(base: bytes, delta: bytes) -> bytes:
    """Apply a difference: pieces of its base, and new bytes."""
    at = 0
    for _ in range(2):  # the two sizes
        while delta[at] & 0x80:
            at += 1
        at += 1
    parts = []
    while at < len(delta):
        code = delta[at]
        at += 1
        if not code & 0x80:
            parts.append(delta[at : at + code])
            at += code
            continue
        numbers = []
        for bits in ((1, 2, 4, 8), (16, 32, 64)):
            number = 0
            for place, bit in enumerate(bits):
                if code & bit:
                    number |= delta[at] << 8 * place
                    at += 1
            numbers.append(number)
        start, length = numbers[0], numbers[1] or 0x10000
        parts.append(base[start : start + length])
    return b"".join(parts)


def work_tree(folder: Path) -> Path | None:
    """Find the top of the checkout that a folder belongs to; None for none."""
    above = (folder.resolve(), *folder.resolve().parents)
    return next((place for place in above if (place / ".git").exists()), None)


def _git_dir(root: Path) -> Path | None:
    """Find `.git`, in this directory or above; follows the `gitdir:` file of a worktree."""
    top = work_tree(root)
    if not top or (top / ".git").is_dir():
        return top and top / ".git"
    text = read_text(top / ".git")
    return (top / text[8:]).resolve() if text.startswith("gitdir: ") else None


def _head_of(git: Path) -> tuple[str, str]:
    """Give commit and branch of HEAD; '' for what cannot be told."""
    head = read_text(git / "HEAD")
    if not head.startswith("ref: "):
        return (head if re.fullmatch(_COMMIT, head) else ""), ""
    ref = head[5:]
    # Repositories with reftable have a HEAD that leads nowhere (gitformat-reftable).
    branch = ref[11:] if ref.startswith("refs/heads/") and ref != "refs/heads/.invalid" else ""
    for folder in (git, _shared_git_dir(git)):
        commit = read_text(folder / ref)
        if re.fullmatch(_COMMIT, commit):
            return commit, branch
    packed = re.search(
        rf"^({_COMMIT}) {re.escape(ref)}$",
        read_text(_shared_git_dir(git) / "packed-refs"),
        re.MULTILINE,
    )
    return (packed[1] if packed else ""), branch


def _shared_git_dir(git: Path) -> Path:
    """Give the directory with the refs that all worktrees share."""
    text = read_text(git / "commondir")
    return (git / text).resolve() if text else git


def _origin_url(git: Path) -> str:
    """Give the URL of the remote `origin`; configparser would cost more than all other reading."""
    section = ""
    for line in map(str.strip, read_text(git / "config").split("\n")):
        if line.startswith("["):
            section = line
        elif section == '[remote "origin"]':
            name, _, value = line.partition("=")
            if name.strip() == "url":
                # git quotes values that hold a '#' or a ';'.
                return value.strip().strip('"')
    return ""


def read_text(path: Path) -> str:
    """Read a small file; '' when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
