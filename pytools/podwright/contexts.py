"""What a build's context holds: how much, and its digest.

What an ignore file certainly leaves out does not count; in doubt a file counts, so that a digest
covers at least what a builder is sent. Sources of the rules: moby/patternmatcher
(patternmatcher.go, ignorefile/ignorefile.go), tonistiigi/fsutil (what travels of a file).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import stat
import time
from pathlib import Path

from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# From here on it takes a builder longer to be sent a context than to compare it: bytes, and files.
LARGE = 64 << 20
MANY = 10_000
_CHUNK = 1 << 20
# What builders strip is more.
_BLANKS = " \t\v\f\r"
# What SELinux says of a file is another thing in each pod.
_NOT_SENT = ("security.selinux",)


class Ignores:
    """Which paths are certainly not sent to any builder.

    Builders differ where an ignore file takes some of it back (`!src`): then a path that any such
    line names counts, whatever the order, and `**` leaves nothing out.

    Args:
        text: of the ignore file, '' for none.
    """

    def __init__(self, text: str) -> None:
        lines = [
            line.strip(_BLANKS) for line in text.lstrip("\ufeff").split("\n") if line[:1] != "#"
        ]
        again = [line[1:] for line in lines if line.startswith("!")]
        # A comment that is indented is one for some builders.
        out = [line for line in lines if line and line[0] not in "!#"]
        self._out = _any(_pattern(line) for line in out if not (again and "**" in line))
        self._again = _any(_pattern(line) or "(?s:.*)" for line in again)
        self._starts = [
            re.split(r"[*?]", _clean(line))[0] if _pattern(line) else "" for line in again
        ]

    def leaves_out(self, path: str) -> bool:
        """Say whether a path is left out, by itself or with a folder that it is in."""
        names = [path]
        while "/" in names[-1]:
            names.append(names[-1].rpartition("/")[0])
        return any(map(self._out, names)) and not any(map(self._again, names))

    def takes_back(self, folder: str) -> bool:
        """Say whether something in a folder that is left out may be taken back."""
        below = f"{folder}/"
        return any(start.startswith(below) or below.startswith(start) for start in self._starts)


def _any(patterns: Iterable[str]) -> Callable[[str], object]:
    """Give what matches any of some patterns."""
    return re.compile("|".join(filter(None, patterns)) or "(?!)").fullmatch


def _clean(line: str) -> str:
    return posixpath.normpath(line.strip(_BLANKS)).lstrip("/")


def _pattern(line: str) -> str:
    """Give the pattern of a line; '' where it is of a kind that builders read in their ways.

    Containers' own library makes regular expressions of them without quoting all that is special.
    """
    clean = _clean(line)
    if re.search(r"[][\\(){}|+^$]|\*\*\*", clean):
        return ""
    forms = {"**/": "(?:.*/)?", "**": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/?|\*|\?)", clean.removesuffix("**"))
    end = ".*" if clean.endswith("**") else ""
    return "".join(forms.get(part) or re.escape(part) for part in parts) + end


@record
class Tree:
    """What a build is sent of a folder.

    Attributes:
        root: its path.
        ignores: what it is not sent.
    """

    root: str
    ignores: Ignores

    def is_large(self) -> bool:
        """Say whether it is large; looks no further than that takes."""
        size = 0
        try:
            for number, (_, state) in enumerate(self._members("")):
                size += _bytes(state)
                if size >= LARGE or number >= MANY:
                    return True
        except OSError:
            pass  # what it is, the builder will say
        return False

    def look(self) -> tuple[str, str]:
        """Give its size, and what changes whenever anything is written to, moved or replaced.

        Raises:
            OSError: a folder of it cannot be read.
        """
        number = size = 0
        stamp = hashlib.sha256()
        for path, state in self._all():
            number, size = number + 1, size + _bytes(state)
            times = (state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_dev)
            stamp.update(f"{_head(path, state)}{times}\0".encode(errors="surrogateescape"))
        return f"{number}.{size}", stamp.hexdigest()

    def digest(self, seconds: float) -> str:
        """Give the digest of names, modes, owners, links, attributes and contents.

        Args:
            seconds: how long it may take.

        Raises:
            OSError: it takes longer, something cannot be read, has changed meanwhile, or is of a
                kind that builders treat in their own ways: a device, a link to what they are not
                sent.
        """
        found, until = hashlib.sha256(), time.monotonic() + seconds
        names: dict[tuple[int, int], str] = {}
        for name, state in self._all():
            if time.monotonic() > until:
                raise OSError(f"{self.root} takes longer to read than {seconds:.0f} s")
            path = f"{self.root}/{name}"
            found.update(_head(name, state).encode(errors="surrogateescape"))
            for key in sorted(os.listxattr(path, follow_symlinks=False)):
                if key not in _NOT_SENT:
                    value = os.getxattr(path, key, follow_symlinks=False)
                    found.update(f"{key}\0{len(value)}\0".encode() + value)
            if stat.S_ISREG(state.st_mode):
                # Two names of one file; names outside of the context are nobody's business.
                is_one = state.st_nlink == 1
                first = name if is_one else names.setdefault((state.st_dev, state.st_ino), name)
                found.update(f"{first}\0".encode(errors="surrogateescape"))
                _read(path, state.st_size, found)
            elif stat.S_ISLNK(state.st_mode):
                self._check_link(path)
                # A Path would leave out './', which the image has.
                found.update(os.fsencode(os.readlink(path)) + b"\0")  # noqa: PTH115
            elif not stat.S_ISDIR(state.st_mode):
                raise OSError(f"{path} is no file")
        return found.hexdigest()

    def _check_link(self, path: str) -> None:
        """Refuse links to what is not counted: some builders copy what they lead to."""
        base, target = os.path.realpath(self.root), os.path.realpath(path)
        if target != base and not target.startswith(f"{base}/"):
            raise OSError(f"{path} leads out of the context")
        if self.ignores.leaves_out(target[len(base) + 1 :]):
            raise OSError(f"{path} leads to what is left out of the context")

    def _all(self) -> Iterator[tuple[str, os.stat_result]]:
        yield "", Path(self.root).stat()
        yield from self._members("")

    def _members(self, below: str) -> Iterator[tuple[str, os.stat_result]]:
        """Give what counts of a folder; one that is left out counts by what is taken back."""
        with os.scandir(f"{self.root}/{below}") as found:
            items = sorted(found, key=lambda item: item.name)
        for item in items:
            path = f"{below}/{item.name}" if below else item.name
            folder = item.is_dir(follow_symlinks=False)
            if not self.ignores.leaves_out(path):
                yield path, item.stat(follow_symlinks=False)
                yield from self._members(path) if folder else ()
            elif folder and self.ignores.takes_back(path):
                inner = self._members(path)
                first = next(inner, None)
                if first:
                    yield path, item.stat(follow_symlinks=False)
                    yield first
                    yield from inner


def _bytes(state: os.stat_result) -> int:
    return state.st_size if stat.S_ISREG(state.st_mode) else 0


def _head(path: str, state: os.stat_result) -> str:
    return f"{path}\0{state.st_mode:o} {state.st_uid} {state.st_gid} {_bytes(state)}\0"


def _read(path: str, size: int, found: hashlib._Hash) -> None:
    """Add a file's bytes to a digest: as many as were told, or two files could be read as one."""
    left = size
    # A link or a FIFO could have taken the file's place.
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while chunk := os.read(number, _CHUNK):
            found.update(chunk)
            left -= len(chunk)
    finally:
        os.close(number)
    if left:
        raise OSError(f"{path} has changed while it was read")
