"""Tables and texts of the pages, made from the records that declare the options."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from podwright import json_schemas
from podwright.records import MISSING, Field, fields
from podwright.schema import Choice, Duration, Kind, ListOf, RecordOf

MOST_WORDS = 6


def kind_name(kind: Kind) -> str:
    """Name the type of an option as an author would."""
    words: list[str] = []
    if isinstance(kind, Choice):
        words = [word for word in kind.words() if word]
    elif hasattr(kind, "variants"):
        words = [f"{{{word}: ...}}" for word in kind.variants]
    if words and len(words) <= MOST_WORDS:
        return " or ".join(words)
    return f"list of {kind_name(kind.item)}s" if isinstance(kind, ListOf) else kind.name


def default_of(item: Field) -> str:
    """Write an option's default as an author would."""
    kind, value = item.metadata["kind"], item.default
    if item.metadata["required"]:
        return "required"
    if value is MISSING or value in (None, "", ()) or (isinstance(kind, Duration) and not value):
        return "none"
    if isinstance(kind, Duration):
        return f"{value // 60} minutes"
    parts = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(part, (str, int)) for part in parts):
        return "see below"
    return ", ".join(str(part).lower() if isinstance(part, bool) else str(part) for part in parts)


def options_of(cls: type) -> list[Field]:
    """Give the options that a person writes; some are set by the steps themselves."""
    return [item for item in fields(cls) if not item.metadata["internal"]]


def table(cls: type, word: str = "parameter") -> list[str]:
    """Give a Markdown table of a record's options, with an empty line at its end."""
    rows = [
        f"| `{item.name}` | {kind_name(item.metadata['kind'])} | {default_of(item)} "
        f"| {cell(item.metadata['doc'])} |"
        for item in options_of(cls)
    ]
    head = [f"| {word} | type | default | meaning |", "|---|---|---|---|"]
    return [*head, *rows, ""] if rows else []


def cell(text: str) -> str:
    """Escape a text for a cell of a table."""
    return text.replace("|", "\\|")


def sections(cls: type, heading: str, seen: list[type], word: str = "parameter") -> list[str]:
    """Describe the records that a record's options hold, each once, with those in them."""
    lines: list[str] = []
    for item in options_of(cls):
        for key, part in _records_in(item.metadata["kind"]):
            if part not in seen:
                seen.append(part)
                title = f"`{item.name}`" + (f": `{key}`" if key else "")
                lines += [f"{heading} {title}", "", first_line(part), "", *table(part, word)]
                lines += sections(part, heading, seen, word)
    return lines


def _records_in(kind: Kind, key: str = "") -> Iterator[tuple[str, type]]:
    """Give the records that a value may be, each with the key that tells it from others."""
    if isinstance(kind, RecordOf):
        yield key, kind.of
    else:
        for name, part in json_schemas.parts(kind).items():
            yield from _records_in(part, name)


def first_line(cls: type) -> str:
    """Give the first line of a record's docstring."""
    return (cls.__doc__ or "").strip().split("\n", maxsplit=1)[0]


def entries(cls: type) -> list[str]:
    """Give a line for each parameter, with type, default and meaning, for Jenkins' plain texts."""
    lines = []
    for item in options_of(cls):
        lines += _wrapped("  * ", _entry(item))
        for _, part in _records_in(item.metadata["kind"]):
            for inner in options_of(part):
                lines += _wrapped("      .", _entry(inner))
    return lines


def _wrapped(head: str, text: str) -> list[str]:
    others = " " * len(head)
    return textwrap.wrap(
        text, 100, initial_indent=head, subsequent_indent=others, break_on_hyphens=False
    )


def page(name: str, **parts: list[str]) -> str:
    """Fill the lines that are generated into a page of ``data/pages``."""
    text = (Path(__file__).parent / "data" / "pages" / name).read_text(encoding="utf-8")
    for mark, lines in parts.items():
        text = text.replace(f"@{mark}@", "\n".join(lines).rstrip())
    # Jenkins' formatter "Safe HTML" makes one paragraph of all that is not marked; the plain one,
    # its default, shows the mark.
    return f"<pre>\n{text}</pre>\n" if name.endswith(".txt") else text


def _entry(item: Field) -> str:
    kind, default = kind_name(item.metadata["kind"]), default_of(item)
    given = {"none": "", "required": ", required"}.get(default, f", default {default}")
    return f"{item.name} ({kind}{given}): {item.metadata['doc']}"
