"""Takes a page apart into what it says: sentences of its text, rows of its tables."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`*(])")


def sentences(text: str) -> list[str]:
    """What a page says, each as one line; headings, fences and the heads of tables say nothing."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\|.*\|\n\|[-|]+\|$", "", text, flags=re.MULTILINE)
    found = []
    for block in re.split(r"\n\s*\n|\n(?=\||\* |[0-9]\. )", text):
        line = re.sub(r"^(?:\* |[0-9]\. )", "", " ".join(block.split()))
        found += [line] if line.startswith("|") else _END.split(line)
    return [one for one in found if one]
