"""Help made of the parser and of ``help.json``: screens, the man page, completion.

Nothing of it is loaded before somebody asks for help.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from typing import Any

from podwright import resources

_WIDTH = 79


def known() -> dict[str, Any]:
    """Give what the parser does not know: groups of commands, main options, examples."""
    found: dict[str, Any] = json.loads(resources.text("help.json"))
    return found


def _commands_listed(main: list[str] | None = None) -> str:
    """Give the commands by what one wants to do, or the main ones."""
    from podwright import commands  # noqa: PLC0415 - all of them are loaded

    there, lines = [*filter(main.__contains__ if main else None, commands.names())], []
    for title, names in known()["groups"].items():
        lines += [] if main else ["", f"{title}:"]
        lines += [f"  {name:<12}{commands.load(name).SUMMARY}" for name in names if name in there]
    return "\n".join(lines).lstrip("\n")


def _examples(prog: str, most: int = 99) -> str:
    found = known()["examples"].get(prog.partition(" ")[2], [])[:most]
    return "\n".join(["examples:", *(f"  {line}" for line in found)]) if found else ""


def footer(prog: str) -> str:
    """Give the end of a long help: examples and notes; of the whole command its commands."""
    if " " not in prog:
        return f"{_commands_listed()}\n\n`podwright help COMMAND` tells more of one."
    notes = "\n".join(known()["notes"].get(prog.partition(" ")[2], []))
    return "\n\n".join(part for part in (_examples(prog), notes) if part)


def screen(parser: Any) -> str:
    """Give a short help: what it does, the main options, examples; 24 lines at most."""
    words = parser.prog.partition(" ")[2]
    main = known()["main"].get(words)
    about = parser.description or ""
    parts = [about.split("\n\n")[0].strip()]
    if not words:
        parts.append(_commands_listed(main))
        return "\n\n".join(parts) + "\n\nAll commands: podwright --help\n"
    shown = [a for a in parser._actions if main is None or set(main) & {*a.option_strings, a.dest}]
    parts.append("\n".join(line for action in shown for line in _short_lines(action)))
    if _examples(parser.prog):
        parts.append(_examples(parser.prog, 4))
    rest = f"\n\nAll of it: {parser.prog} --help" if main or "\n\n" in about else ""
    text = "\n\n".join(part for part in parts if part.strip())
    return f"usage: {_usage(parser)}\n\n{text}{rest}\n"


def _usage(parser: Any) -> str:
    """Give the words of a call, all options as one."""
    places = [a for a in parser._actions if not a.option_strings and a.help != argparse.SUPPRESS]
    words = [str(a.metavar or a.dest).upper() for a in places]
    marks = [f"[{w}]" if a.nargs in ("?", "*") else w for a, w in zip(places, words)]
    return " ".join([parser.prog, "[OPTIONS]", *marks])


def _short_lines(action: Any) -> Iterator[str]:
    """Give the line of an option, of an argument, or of each verb."""
    if isinstance(action, argparse._SubParsersAction):
        for choice in action._choices_actions:
            yield f"  {choice.dest:<25}{choice.help}"[:_WIDTH]
    elif action.dest not in ("help", "machine") and action.help:
        names = sorted(action.option_strings, key=len)[:2] or [str(action.metavar or action.dest)]
        value = f" {action.metavar or action.dest.upper()}" if action.nargs is None else ""
        value = value if action.option_strings else ""
        text = re.split(r"[;:(]|, (?:e\.g\.|without|such)", action.help)[0].strip()
        head = f"  {', '.join(names)}{value}"
        line = f"{head:<26} {text}"
        yield line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def tree(parser: Any) -> Iterator[Any]:
    """Give a parser with those of its commands, each after the one that it belongs to."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from tree(child)


def man_page(top: Any, version: str) -> str:
    """Give the manual as one page for `man`."""
    lines = [f'.TH PODWRIGHT 1 "" "podwright {version}" "User Commands"', ".SH NAME"]
    lines += ["podwright \\- container images from Jenkins on Kubernetes"]
    for parser in tree(top):
        if parser.prog not in [f"podwright {name}" for name in known()["internal"]]:
            text = parser.format_help().rstrip().replace("\\", "\\\\").replace("-", "\\-")
            body = [f"\\&{line}" if line[:1] in ".'" else line for line in text.split("\n")]
            lines += [f".SH {parser.prog.upper()}", ".nf", *body, ".fi"]
    return "\n".join(lines) + "\n"


def completion(top: Any, shell: str) -> str:
    """Give the script that completes commands, options and known values for a shell."""
    rows = [row for parser in tree(top) for row in _rows(parser)]
    if shell == "fish":
        return _fish(rows)
    arms = []
    for path in dict.fromkeys(path for path, _, _ in rows):
        words = [(word, text) for where, word, text in rows if where == path]
        if shell == "zsh":
            listed = " ".join(_quoted(f"{word}:{text}") for word, text in words)
        else:
            listed = _quoted(" ".join(word for word, _ in words))
        arms.append(f"    {_quoted(path)}) choices=({listed}) ;;")
    paths = "|".join(_quoted(parser.prog.partition(" ")[2]) for parser in list(tree(top))[1:])
    text = resources.text(f"data/completion.{shell}")
    return text.replace("@paths@", paths).replace("@arms@", "\n".join(arms))


def _rows(parser: Any) -> Iterator[tuple[str, str, str]]:
    """Give where a word may stand, the word, and what it means."""
    path = parser.prog.partition(" ")[2]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                if choice.dest not in known()["internal"]:
                    yield path, choice.dest, str(choice.help)
        for word in action.option_strings or action.choices or ():
            if not isinstance(action, argparse._SubParsersAction):
                yield path, word, re.split(r"[;:,]", str(action.help or ""))[0]


def _fish(rows: list[tuple[str, str, str]]) -> str:
    lines = ["complete -c podwright -e"]
    for path, word, text in rows:
        seen = [f"__fish_seen_subcommand_from {part}" for part in path.split()]
        where = " && ".join(seen) or "__fish_use_subcommand"
        form = f"-f -a {_quoted(word)}"
        if word.startswith("-"):
            form = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
        lines.append(f"complete -c podwright -n {_quoted(where)} {form} -d {_quoted(text)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "") + "'"
