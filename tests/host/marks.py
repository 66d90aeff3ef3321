"""Random secrets, and how to find them however they were written down."""

from __future__ import annotations

import base64
import contextlib
import gzip
import secrets
import stat
import subprocess
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Marks:
    """Random values, and how to find them however they were written down."""

    def __init__(self) -> None:
        self.env = f"env {secrets.token_urlsafe(18)} 'q' \"d\" $x é"
        self.file = f"file/{secrets.token_urlsafe(18)}+&=\nsecond line\n"
        self.password = f'pw:{secrets.token_urlsafe(18)} "$HOME" é&+'
        words = ["openssl", "genrsa", "-traditional", "2048"]
        self.key = subprocess.run(words, capture_output=True, check=True, text=True).stdout
        body = self.key.splitlines()
        self.plain = {
            "the variable": self.env,
            "the file": self.file.splitlines()[0],
            "the password": self.password,
            "the ssh key": body[len(body) // 2],
        }
        self.forms: list[tuple[str, bytes]] = []
        for name, text in self.plain.items():
            self.add(name, text)

    def add(self, name: str, text: str) -> None:
        """Look for a secret that others have made as well."""
        self.forms += [(name, form) for form in _forms(text)]

    def found(self, data: bytes) -> set[str]:
        """Name the secrets that some bytes hold in any form."""
        return {name for name, form in self.forms if form in data}


def _forms(text: str) -> Iterator[bytes]:
    """Give a text as it is, quoted for URLs, JSON and shells, and in Base64 at each alignment."""
    raw = text.encode()
    yield raw
    yield urllib.parse.quote(text, safe="").encode()
    yield urllib.parse.quote_plus(text).encode()
    yield text.encode("unicode_escape")
    # The random part alone, which no quoting changes.
    yield max(raw.replace(b"/", b" ").replace(b":", b" ").replace(b"+", b" ").split(), key=len)
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        # Characters at both ends depend on their neighbours.
        yield encoded[4:-4]
        yield encoded[4:-4].replace(b"+", b"-").replace(b"/", b"_")


def unpacked(data: bytes) -> bytes:
    """Give a blob as it is, and its content when it is compressed."""
    with contextlib.suppress(OSError, EOFError):
        return data + gzip.decompress(data)
    return data


def files_below(*folders: Path) -> Iterator[Path]:
    """Give all regular files; what vanishes meanwhile is skipped."""
    for folder in folders:
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def leaks_in(marks: Marks, *folders: Path, known: tuple[Path, ...] = ()) -> list[str]:
    """Name the files that hold a secret."""
    found = []
    for path in files_below(*folders):
        with contextlib.suppress(OSError):
            names = marks.found(unpacked(path.read_bytes())) if path not in known else ()
            found += [f"{name} in {path}" for name in sorted(names)]
    return found
