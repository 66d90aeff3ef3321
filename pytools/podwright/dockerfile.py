"""Reads of a Dockerfile what must be known before a builder does: instructions and base images.

Source of the rules: moby/buildkit frontend/dockerfile/parser (continued lines, the directive
`escape`, here-documents) and frontend/dockerfile/shell (variables in FROM).
"""

from __future__ import annotations

import re
from operator import length_hint

from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Compiled by those that have a use for it, which most Dockerfiles have not: that takes longer than
# to read one.
_ESCAPE = r"(?im)^#[ \t]*escape[ \t]*=[ \t]*(\S)[ \t]*$"
# As moby/buildkit frontend/dockerfile/parser/directives.go finds it, in each of its three forms.
_SYNTAX = (
    r"(?i)\A\ufeff?(?:#!.*\n)?(?:[ \t]*(?:#|//).*\n)*?[ \t]*(?:#|//)[ \t]*syntax[ \t]*=[ \t]*(\S+)"
    r'|\A\s*\{[^}]*"syntax"\s*:\s*"([^"]+)"'
)
_HEREDOC = r"<<-?[ \t]*([\"']?)([A-Za-z0-9_.-]+)\1"
_WORDS = r"(?s)[ \t]*([A-Za-z]+)[ \t]+(.*)"
_VARIABLE = r"\$(?:(\w+)|\{(\w+)(?::([-+])([^{}]*))?\})"


@record
class Dockerfile:
    """What a Dockerfile says.

    Attributes:
        instructions: all that it uses, in upper case.
        bases: the images that its stages begin with, each once, as far as they can be told.
        sources: further images that it copies or mounts from.
        certain: whether bases and sources are all that there are.
        stages: how many it has; 0 when they cannot be told.
        cut: the text up to the end of the target stage, '' when there are no stages behind it.
        syntax: the image that `# syntax=` names, '' for none.
    """

    instructions: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    certain: bool = True
    syntax: str = ""
    cut: str = ""
    stages: int = 0


def read(text: str, arguments: Mapping[str, str]) -> Dockerfile:
    """Read a Dockerfile.

    Args:
        text: its content.
        arguments: the values of build arguments, by name.
    """
    known: dict[str, str] = {}
    stages: set[str] = set()
    found: dict[str, list[str]] = {"bases": [], "sources": []}
    used: set[str] = set()
    for _, word, rest in _instructions(text):
        if word == "ARG" and "FROM" not in used:
            name, _, default = rest.strip().partition("=")
            known[name] = arguments.get(name, default.strip("\"'"))
        elif word == "FROM":
            found["bases"].append(_image_of(rest, known))
        used.add(word)
        if "from=" in rest:
            named = re.findall(r"(?:--from=|[, ]from=)([^\s,]+)", rest)
            found["sources"] += [_expanded(name, known) for name in named]
        words = rest.lower().split() if word == "FROM" else []
        if words[1:-1][-1:] == ["as"]:
            stages.add(words[-1])
    bases, sources = (_images(found[kind], stages) for kind in ("bases", "sources"))
    certain = not any("$" in name for name in (*bases, *sources)) and "ONBUILD" not in used
    syntax = _syntax(text)
    return Dockerfile(
        frozenset(used),
        tuple(name for name in bases if "$" not in name),
        tuple(name for name in sources if "$" not in name),
        certain,
        syntax,
        # What another frontend makes of it, nobody knows here.
        stages=0 if syntax and "docker/dockerfile" not in syntax else len(found["bases"]),
    )


def _syntax(text: str) -> str:
    found = re.search(_SYNTAX, text) if "syntax" in text.lower() else None
    return found[1] or found[2] if found else ""


def _images(names: list[str], stages: set[str]) -> list[str]:
    """Give what are images among names: stages have names or numbers, and `scratch` is nothing."""
    others = [name for name in names if name.lower() not in stages and not name.isdecimal()]
    return list(dict.fromkeys(name for name in others if name and name != "scratch"))


def _image_of(rest: str, known: Mapping[str, str]) -> str:
    words = [word for word in rest.split() if not word.startswith("--")]
    return _expanded(words[0], known) if words else ""


def _expanded(word: str, known: Mapping[str, str]) -> str:
    """Put values into a word; what has none stays, with its '$'."""

    def value(found: re.Match[str]) -> str:
        name, operator, other = found[1] or found[2], found[3], found[4] or ""
        given = known.get(name, "")
        if operator == "+":
            return other if given else ""
        return given or (other if operator else found[0])

    plain = word.strip("\"'")
    return re.sub(_VARIABLE, value, plain) if "$" in plain else plain


def through(text: str, target: str) -> str:
    """Give a Dockerfile up to the end of its target stage; '' when that is the last one anyway.

    Buildah and Podman look for the labels of a cached image in the last stage, whatever the target.
    """
    stages, there = 0, False
    for line, word, rest in _instructions(text):
        if word != "FROM":
            continue
        if there:
            return "\n".join(text.split("\n")[:line])
        there = rest.split()[-1].lower() == target.lower() or str(stages) == target
        stages += 1
    return ""


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Give the line of each instruction, its word in upper case, and what follows it."""
    escape = re.search(_ESCAPE, text) if "escape" in text.lower() else None
    mark = escape[1] if escape and escape[1] in "\\`" else "\\"
    everything = text.lstrip("\ufeff").split("\n")
    lines = iter(everything)
    for line in lines:
        number = len(everything) - length_hint(lines) - 1  # some lines are taken further below
        whole = line.rstrip("\r")
        while (cut := whole.rstrip(" \t")).endswith(mark) and not whole.lstrip().startswith("#"):
            following = next((more for more in lines if not re.match(r"\s*(#|$)", more)), "")
            whole = cut[:-1] + following.rstrip("\r")
            if not following:
                break
        found = re.fullmatch(_WORDS, whole)
        if not found or whole.lstrip().startswith("#"):
            continue
        yield number, found[1].upper(), found[2]
        for document in re.finditer(_HEREDOC, found[2]) if "<<" in whole else ():
            next((more for more in lines if more.strip("\t\r") == document[2]), "")
