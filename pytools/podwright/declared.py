"""Options of commands, declared by the lines that their help shows.

``[name]`` and ``file`` are arguments, ``--flag`` is a switch, ``--one VALUE`` has a value, and
``...`` says that there may be several. ``N`` is a whole number, ``S`` seconds, ``{a,b}`` a choice,
``=x`` a default, and ``!`` says that it must be there. Two spaces begin the help; an indented line
goes on with it, and a line that ends with a colon begins a group.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TYPES = {"N": int, "S": float}


def add(parser: Any, text: str) -> None:
    """Add what the lines of a text declare, and the option that each command has."""
    group = parser
    for line in re.sub(r"\n +", "  ", text).split("\n"):
        head, _, words = line.partition("  ")
        if line.endswith(":"):
            group = parser.add_argument_group(line[:-1])
        elif head.startswith("-"):
            _add_option(group, head, re.sub(" +", " ", words.strip()))
        elif line:
            name, _, choices = head.strip("[].").partition(" {")
            about: dict[str, Any] = (
                {"nargs": "*" if "..." in head else "?"} if head[0] == "[" else {}
            )
            if choices:
                about["choices"] = choices[:-1].split(",")
                about["metavar"] = choices[:-1] if "," not in choices else name.upper()
            group.add_argument(name, help=words.strip(), **about)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_option(group: Any, head: str, words: str) -> None:
    found = re.fullmatch(r"((?:-[\w-]+(?:, )?)+)(?: ([^\s=.!]+)(=.*)?(\.\.\.)?(!)?)?", head)
    names, value, default, several, must = found.groups() if found else [""] * 5
    flags = names.split(", ")
    if not value:
        group.add_argument(*flags, action="store_true", help=words)
        return
    kind = _TYPES.get(value, str)
    nothing = "" if kind is str else None
    about: dict[str, Any] = {"type": kind, "default": nothing, "required": bool(must)}
    if default:
        about["default"] = kind(default[1:])
        words += f" (default: {default[1:]})"
    if several:
        about.update(action="append", default=[])
        words += " (may be repeated)"
    named = {"choices": value[1:-1].split(",")} if value[0] == "{" else {"metavar": value}
    group.add_argument(*flags, help=words, **about, **named)
