"""As much of Groovy's surface as a proposal needs: strings, comments, brackets, arguments. Pure."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SKIPPED = re.compile(
    r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|//[^\n]*|/\*.*?\*/",
    re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"


def plain(text: str) -> str:
    """Give the text with strings and comments blanked, at the same places."""
    return SKIPPED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def closing(text: str, start: int) -> int:
    """Give the place of the bracket that closes the one at ``start``; -1 for none."""
    blank, depth = plain(text), 0
    for place in range(start, len(text)):
        depth += (blank[place] in _OPEN) - (blank[place] in _CLOSE)
        if depth == 0:
            return place
    return -1


def arguments(text: str) -> list[str]:
    """Split what stands in the brackets of a call."""
    blank, depth, parts, begin = plain(text), 0, [], 0
    for place, char in enumerate(blank):
        depth += (char in _OPEN) - (char in _CLOSE)
        if char == "," and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [part for part in [*parts, text[begin:].strip()] if part]


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


class Call:
    """A call with its arguments, and its closure when it has one.

    Attributes:
        start: where its match begins, and ``end`` where it ends.
        given: its arguments.
        body: what is in its closure, None for no closure.
    """

    def __init__(self, text: str, found: re.Match[str]) -> None:
        self.found = found
        self.start, place = found.start(), found.end() - 1
        self.given: list[str] = []
        if text[place] == "(":
            end = closing(text, place)
            self.given = arguments(text[place + 1 : end])
            place = end
        brace = re.compile(r"\s*\{" if text[place] != "{" else r"\{").match(
            text, place + (text[place] != "{")
        )
        self.body = None
        self.end = place + 1
        if brace:
            self.end = closing(text, brace.end() - 1) + 1
            self.body = text[brace.end() : self.end - 1]


def calls(text: str, pattern: str) -> Iterator[Call]:
    """Give the calls whose beginning, to the bracket, a pattern finds outside strings."""
    for found in re.compile(pattern).finditer(plain(text)):
        call = Call(text, found)
        if call.end > call.start:
            yield call


def indented(text: str, indent: str) -> str:
    """Indent lines that are not empty."""
    return "\n".join(indent + line if line.strip() else line for line in text.split("\n"))
