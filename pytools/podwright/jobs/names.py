"""Names of jobs and folders: what Jenkins accepts, checked before it is asked.

The rules are those of ``Jenkins.checkGoodName``; where Jenkins would store another name than the
one that was asked for (blanks at the ends are trimmed), the name is refused as well.
"""

from __future__ import annotations

import unicodedata

UNSAFE = "?*/\\%!@#$^&|<>[]:;"
# A name becomes a directory; Linux file systems allow 255 bytes.
MOST_BYTES = 255


def segments(name: str) -> list[str]:
    """Split a full name into its folders and the last name."""
    return name.split("/")


def parent(name: str) -> str:
    """Give the folder that holds a name; empty for the top."""
    return name.rpartition("/")[0]


def parents(name: str) -> list[str]:
    """Give all folders above a name, outermost first."""
    parts = segments(name)
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def problems(name: str) -> list[str]:
    """Say what is wrong with a full name such as ``team/app``; empty when it is good."""
    if not name:
        return ["a name must not be empty"]
    return [sentence for part in segments(name) for sentence in _segment_problems(part, name)]


def _segment_problems(part: str, name: str) -> list[str]:
    shown = printable(name)
    if not part:
        return [f"the name {shown} has an empty part; write folder/job with single slashes"]
    if part in {".", ".."}:
        return [f"'{part}' is not a valid name for a job or folder, in {shown}"]
    found = []
    if part != part.strip():
        found.append(f"the name {shown} begins or ends with a blank; Jenkins would drop it")
    if part.endswith("."):
        found.append(f"the name {shown} ends with a point, which Jenkins refuses")
    unsafe = sorted(set(part) & set(UNSAFE))
    if unsafe:
        found.append(f"the name {shown} has {' '.join(unsafe)}, which Jenkins refuses in names")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in part):
        found.append(f"the name {shown} has a control character; remove it")
    size = len(part.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        found.append(
            f"the name {shown} is {size} bytes long; it becomes a directory, which may have "
            f"{MOST_BYTES}"
        )
    return found


def printable(text: str, most: int = 60) -> str:
    """Quote a text for a sentence: printable and shortened."""
    flat = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return f"'{flat[: most - 1]}…'" if len(flat) > most else f"'{flat}'"
