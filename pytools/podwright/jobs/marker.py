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
SENTENCE = (
    r"Managed as code by podwright for (?P<owner>[A-Za-z0-9][A-Za-z0-9._-]{0,62}) "
    r"\(content (?P<digest>[0-9a-f]{16})(?P<own>(?: \+[0-9a-f]{6})*)\): "
    r"changes made here are overwritten\."
)
FORM = re.compile(rf"\s*{SENTENCE}\s*\Z")
IN_XML = re.compile(SENTENCE.encode("ascii"))
# The content of a job that was disabled because nobody describes it any more.
DISABLED = "0" * 16


@dataclass(frozen=True)
class Marker:
    """Whose job it is, and what was written last.

    Attributes:
        owner: of the description.
        digest: the hash of the XML.
        own: short hashes of the properties that the description gave as XML, in order to know them
            from those of others when they are described no longer.
    """

    owner: str
    digest: str
    own: tuple[str, ...] = ()

    def __str__(self) -> str:
        content = " +".join((self.digest, *self.own))
        return (
            f"Managed as code by podwright for {self.owner} (content {content}): "
            "changes made here are overwritten."
        )


def digest(content: bytes) -> str:
    """Hash the XML of a job without its marker: 64 bits, as 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]


def find(description: str | None) -> Marker | None:
    """Read the marker of a description; None when nobody claims the job."""
    # The form in the browser sends carriage returns.
    found = FORM.search((description or "").replace("\r", ""))
    if found is None:
        return None
    return Marker(found["owner"], found["digest"], tuple(found["own"].replace("+", "").split()))


def of_sent(xml: bytes) -> Marker | None:
    """Read the marker of XML that would be sent, when its hash is that of the XML; else None."""
    for found in IN_XML.finditer(xml):
        bare = xml[: found.start()] + SLOT.encode("ascii") + xml[found.end() :]
        made = find(found[0].decode("ascii"))
        if made and made.digest == digest(bare):
            return made
    return None


def short(tag: str) -> str:
    """Hash the name of a property for :attr:`Marker.own`."""
    return hashlib.sha256(tag.encode()).hexdigest()[:6]


def strip(description: str | None) -> str:
    """Give a description without its marker."""
    return FORM.sub("", (description or "").replace("\r", ""))
