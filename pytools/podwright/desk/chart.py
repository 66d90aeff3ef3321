"""The Helm chart of a pool, made from the files for Kustomize: one source for both. Pure.

Comments of those files say what stands in the chart: `key: value # chart: TEMPLATE` instead of the
value (and of what is below it, when the key has none), `# chart: TEMPLATE` as a line of its own,
and `# chart-only: TEXT` a line that the chart alone has.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"( *)# chart(?:-only)?: (.*)")
_VALUE = re.compile(r"( *(?:- )?(?:[\w./-]+:(?= ))?) ?(.*?) ?# chart: (.*)")


def template(text: str) -> str:
    """Give the template of a file."""
    made: list[str] = []
    below = -1  # lines that are indented deeper belong to a value that was replaced
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if 0 <= below < indent:
            continue
        below = -1
        if whole := _LINE.fullmatch(line):
            made.append(whole[1] + whole[2])
        elif found := _VALUE.fullmatch(line):
            below = -1 if found[2] else indent
            head = found[1] if found[1].endswith((" ", "- ")) or not found[1] else f"{found[1]} "
            made.append(head + found[3])
        else:
            made.append(line)
    return "\n".join(made) + "\n"
