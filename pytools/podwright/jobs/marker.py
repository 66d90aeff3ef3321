"""The sentence at the end of a description that says whose job it is and what it holds.

One ``tree`` query brings the descriptions of all jobs, hence owner and content of each: what did
not change costs no request. It is a sentence, because whoever opens the job reads it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

# Written into the XML before its hash is known, then replaced; no description may contain it.
SLOT = "@@podwright-marker@@"
OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
FORM = re.compile(
    r"\s*Managed as code by podwright for (?P<owner>[A-Za-z0-9][A-Za-z0-9._-]{0,62}) "
    r"\(content (?P<digest>[0-9a-f]{16})\): changes made here are overwritten\.\s*\Z"
)


@dataclass(frozen=True)
class Marker:
    """Whose job it is, and the hash of what was written last."""

    owner: str
    digest: str

    def __str__(self) -> str:
        return (
            f"Managed as code by podwright for {self.owner} (content {self.digest}): "
            "changes made here are overwritten."
        )


def digest(content: bytes) -> str:
    """Hash the XML of a job without its marker: 64 bits, as 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]


def find(description: str | None) -> Marker | None:
    """Read the marker of a description; None when nobody claims the job."""
    # The form in the browser sends carriage returns.
    found = FORM.search((description or "").replace("\r", ""))
    return Marker(found["owner"], found["digest"]) if found else None


def strip(description: str | None) -> str:
    """Give a description without its marker."""
    return FORM.sub("", (description or "").replace("\r", ""))
