"""As much of Groovy's surface as a proposal needs: strings, comments, brackets, arguments. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

SKIPPED = re.compile(
    r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|//[^\n]*|/\*.*?\*/",
    re.DOTALL,
)


def plain(text: str) -> str:
    """Give the text with strings and comments blanked, at the same places."""
    return SKIPPED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _parts(text: str, start: int) -> tuple[int, list[str]]:
    """Give where the bracket at ``start`` closes, -1 for nowhere, and what its commas part."""
    blank, depth, begin = plain(text), 0, start + 1
    parts: list[str] = []
    for place in range(start, len(text)):
        depth += (blank[place] in "([{") - (blank[place] in ")]}")
        if depth == 0 or (depth == 1 and blank[place] == ","):
            parts.append(text[begin:place].strip())
            begin = place + 1
        if depth == 0:
            return place, [part for part in parts if part]
    return -1, []


def inner(expression: str) -> str | None:
    """Give the inside of a string, None for any other expression."""
    found = SKIPPED.fullmatch(expression)
    if not found or expression[:1] not in "'\"":
        return None
    width = 3 if expression[:3] in ("'''", '"""') else 1
    return expression[width:-width]


def quoted(text: str) -> str:
    """Write a string; with variables in it as a GString."""
    return f'"{text}"' if re.search(r"\$[\w{]", text) else f"'{text}'"


class GroovyCall:
    """A call with its arguments, and its closure when it has one.

    Attributes:
        start: where its match begins, and ``end`` where it ends.
        given: its arguments.
        body: what is in its closure, None for no closure.
    """

    given: list[str]
    body: str | None

    def __init__(self, text: str, found: re.Match[str]) -> None:
        self.found, self.start, self.body = found, found.start(), None
        place, self.given = found.end() - 1, []
        if text[place] == "(":
            place, self.given = _parts(text, place)
            brace = re.compile(r"\s*\{").match(text, place + 1)
            place = brace.end() - 1 if brace else place
        self.end = place + 1
        if text[place] == "{":
            self.end = _parts(text, place)[0] + 1
            self.body = text[place + 1 : self.end - 1]


def calls(text: str, pattern: str) -> Iterator[GroovyCall]:
    """Give the calls whose beginning, to the bracket, a pattern finds outside strings."""
    for found in re.compile(pattern).finditer(plain(text)):
        call = GroovyCall(text, found)
        if call.end > call.start:
            yield call


def indented(text: str, indent: str) -> str:
    """Indent lines that are not empty."""
    return "\n".join(indent + line if line.strip() else line for line in text.split("\n"))
