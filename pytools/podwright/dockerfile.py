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
    from collections.abc import Iterable, Iterator, Mapping

# Compiled by those that have a use for it, which most Dockerfiles have not: that takes longer than
# to read one.
_DIRECTIVE = r"[ \t]*#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.*?)[ \t\r]*"
# As moby/buildkit frontend/dockerfile/parser/directives.go finds it, in each of its three forms.
_SYNTAX = (
    r"(?i)\A\ufeff?(?:#!.*\n)?(?:[ \t]*(?:#|//).*\n)*?[ \t]*(?:#|//)[ \t]*syntax[ \t]*=[ \t]*(\S+)"
    r'|\A\s*\{[^}]*"syntax"\s*:\s*"([^"]+)"'
)
# moby/buildkit frontend/dockerfile/parser/parser.go, reHeredoc: a word that is in no quotes.
_HEREDOC = (
    r"(?:(?<=\s)|^)\d*<<-?([\"']?)([^<\s\"']+)\1(?=\s|$)"
    r"|\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'"
)
_DOCUMENTS = ("RUN", "COPY", "ADD")
# The same, extractBuilderFlags: a flag may have quotes and escapes in it.
_FLAG = r"[ \t]*(--(?:\\.|\"[^\"]*\"|'[^']*'|\S)*)"
_SHELL_WORD = r"(?:\\.|\"[^\"]*\"|'[^']*'|\S)+"
_WORDS = r"(?s)[ \t]*([A-Za-z]+)[ \t]+(.*)"
_CHANGING = ("RUN", "COPY", "ADD", "WORKDIR")
# An address, git's short form of one, or what only its build arguments tell.
_REMOTE = r"://|@|\$"
# A copy of the usual frontend has its name.
_FRONTEND = r"(?:[\w.:-]+/)*docker/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@\S+)?"
# Older parsers go on behind two marks as well.
_UNSURE = r"(?m)(?:\\\\|``)[ \t\r]*$"
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
        steps: how many instructions change files.
        fetches: whether ADD may fetch what is neither in the context nor in an image.
        cut: the text up to the end of the target stage, '' when there are no stages behind it.
        syntax: the image that `# syntax=` names, '' for none.
        names: of its stages, in lower case.
        plain: whether all builders read it as it is read here, as far as is known.
    """

    instructions: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    certain: bool = True
    syntax: str = ""
    cut: str = ""
    stages: int = 0
    steps: int = 0
    fetches: bool = False
    names: frozenset[str] = frozenset()
    plain: bool = True


def read(text: str, arguments: Mapping[str, str]) -> Dockerfile:
    """Read a Dockerfile.

    Args:
        text: its content.
        arguments: the values of build arguments, by name.
    """
    known: dict[str, str] = {}
    stages: dict[str, None] = {}
    bases: dict[str, None] = {}
    copied: list[str] = []
    used: set[str] = set()
    counted = steps = 0
    fetches = False
    for _, word, rest in _instructions(text):
        if word == "ARG" and "FROM" not in used:
            for name, default in _defaults(rest):
                known[name] = arguments.get(name, default)
        elif word == "FROM":
            bases.update(_images([_image_of(rest, known)], stages))
            stages.update(_stage(rest))
            counted += 1
        elif "--" in rest:
            copied += [name for name in _sources(rest) if name.lower() not in stages]
        used.add(word)
        steps += word in _CHANGING
        fetches = fetches or (word == "ADD" and re.search(_REMOTE, rest) is not None)
    sources = _images([_expanded(name, known) for name in copied], stages)
    syntax = _syntax(text)
    return Dockerfile(
        frozenset(used),
        tuple(name for name in bases if "$" not in name),
        tuple(name for name in sources if "$" not in name),
        not any("$" in name for name in (*bases, *sources)) and "ONBUILD" not in used,
        syntax,
        # What another frontend makes of it, nobody knows here.
        stages=0 if syntax and not re.fullmatch(_FRONTEND, syntax) else counted,
        steps=steps,
        fetches=fetches,
        names=frozenset(stages),
        # What is a stage behind, or has a variable of the stage, is not the same to all.
        plain=not re.search(_UNSURE, text)
        and not any("$" in name or name.lower() in stages for name in copied),
    )


def _syntax(text: str) -> str:
    found = re.search(_SYNTAX, text) if "syntax" in text.lower() else None
    return found[1] or found[2] if found else ""


def _images(names: Iterable[str], stages: Mapping[str, None]) -> dict[str, None]:
    """Give what are images among names: stages have names or numbers, and `scratch` is nothing."""
    others = [name for name in names if name.lower() not in stages and not name.isdecimal()]
    return {name: None for name in others if name and name != "scratch"}


def _stage(rest: str) -> dict[str, None]:
    words = rest.lower().split()
    return {words[-1]: None} if words[1:-1][-1:] == ["as"] else {}


def _sources(rest: str) -> Iterator[str]:
    """Give what flags copy or mount from; they stand before all else."""
    for flag in re.findall(_FLAG, re.match(f"(?:{_FLAG})*", rest)[0]):  # type: ignore[index] # of ''
        name, _, value = re.sub(r"[\"']|\\(.)", r"\1", flag).partition("=")
        if name == "--from":
            yield value
        for item in value.split(",") if name == "--mount" else ():
            key, _, source = item.partition("=")
            if key.strip().lower() == "from":
                yield source


def _defaults(rest: str) -> Iterator[tuple[str, str]]:
    """Give names and defaults of an ARG, which may have several; '$' for what cannot be told."""
    for word in re.findall(_SHELL_WORD, rest):
        name, _, value = word.partition("=")
        plain = value[1:-1] if re.fullmatch(r"(?s)([\"']).*\1", value) else value
        yield name, "$" if re.search(r"[\"'\\]", plain) else plain


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
    mark = _escape(text)
    everything = text.lstrip("\ufeff").split("\n")
    lines = iter(everything)
    ends = {line.strip("\t\r") for line in everything} if "<<" in text else set()
    for line in lines:
        number = len(everything) - length_hint(lines) - 1  # some lines are taken further below
        whole = line.rstrip("\r")
        while _goes_on(cut := whole.rstrip(" \t"), mark) and not whole.lstrip().startswith("#"):
            following = next((more for more in lines if not re.match(r"\s*(#|$)", more)), "")
            whole = cut[:-1] + following.rstrip("\r")
            if not following:
                break
        found = re.fullmatch(_WORDS, whole)
        if not found or whole.lstrip().startswith("#"):
            continue
        yield number, found[1].upper(), found[2]
        for end in _documents(found[1].upper(), found[2]) if "<<" in whole else ():
            if end in ends:
                next((more for more in lines if more.strip("\t\r") == end), "")


def _documents(word: str, rest: str) -> list[str]:
    """Give the marks that end the here-documents of an instruction."""
    own = rest.split(maxsplit=1)[0].upper() if word == "ONBUILD" and rest.strip() else word
    found = re.finditer(_HEREDOC, rest) if own in _DOCUMENTS else ()
    return [mark[2] for mark in found if mark[2]]


def _escape(text: str) -> str:
    """Give the mark of continued lines: directives stand above everything else."""
    for line in text.lstrip("\ufeff").split("\n") if "escape" in text.lower() else ():
        found = re.fullmatch(_DIRECTIVE, line)
        if not found:
            break
        if found[1].lower() == "escape" and found[2] in ("\\", "`"):
            return found[2]
    return "\\"


def _goes_on(line: str, mark: str) -> bool:
    """Say whether a line goes on in the next one: by one mark, for two are the mark itself."""
    return line.endswith(mark) and not line.endswith(2 * mark)
