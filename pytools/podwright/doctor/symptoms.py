"""Symptoms: what logs say when something fails, one file for each below ``symptoms/``.

The files are YAML for people, with samples that are their tests. ``make generate`` checks them and
packs what matching needs into ``symptoms.json``, which the bundle carries: a failed build must not
wait for YAML.
"""

from __future__ import annotations

import json
import re

from podwright import resources
from podwright.records import fields, record
from podwright.schema import Choice, Flag, ListOf, Text, option, parse_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

PACKED = "doctor/symptoms.json"
LAYERS = ("registry", "builder", "dockerfile", "engine", "pod", "node", "admission", "jenkins")
# Whose failures end a pod, or let it never start.
POD_LAYERS = ("engine", "pod", "node", "admission", "jenkins")
_OF_PODS = ("id", "layer", "cause", "remedy", "wrapper", "transient", "unless")
# What must be known of the build for a symptom to be meant; see context.Context.
CONDITIONS = ("login", "no-login")
# `…` is any text; `<start>` and `<end>` are those of the line; `<n>` is a number, `<host>` a
# registry's host, `<rest>` all up to the end of the line, any other `<name>` one word. What stands
# for a name can be used in cause and remedy.
_PARTS = re.compile(r"(…|<[a-z_]+>)")
_EDGES = {"<start>": "^", "<end>": "$"}
_FORMS = {"n": r"\d+", "host": r"[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-f:]+\](?::\d+)?", "rest": r".*\S"}
_WORD = r"[^\s\"'`<>]+?"
_SHORTEST = 4  # letters of a word that is rare enough
# What may stand at a word's beginning and end in a log, where a text does not say it.
_OPENING, _CLOSING = (
    ("", "(", '"', "'", "[", '\\"'),
    ("", ":", ",", ".", ";", ")", '"', "'", "]", "!"),
)


@record
class Symptom:
    """One cause of failures, and how logs show it."""

    id: str = option(Text(), "its name, that of its file", required=True)
    layer: str = option(Choice(lambda: LAYERS, "layer"), "where the cause is", required=True)
    texts: tuple[str, ...] = option(
        ListOf(Text()), "lines that show it, with … for any text", required=True
    )
    cause: str = option(Text(), "what is wrong, as a part of a sentence", required=True)
    remedy: str = option(Text(), "what to do, as a part of a sentence", required=True)
    source: str = option(Text(), "where the texts were found", required=True)
    samples: tuple[str, ...] = option(
        ListOf(Text()), "pieces of logs that show it, its tests", required=True
    )
    wrapper: bool = option(Flag(), "only the outside of another cause", default=False)
    step: bool = option(Flag(), "says that a RUN step failed", default=False)
    run: bool = option(Flag(), "also meant in the output of a RUN step", default=False)
    transient: bool = option(
        Flag(), "the same build may succeed when it is tried again", default=False
    )
    when: tuple[str, ...] = option(
        ListOf(Choice(lambda: CONDITIONS, "condition")), "what must be known of the build", ()
    )
    unless: tuple[str, ...] = option(ListOf(Text()), "symptoms that explain this one", ())
    instead: tuple[str, ...] = option(ListOf(Text()), "strategies that do not have this cause", ())


def read(name: str, value: Mapping[str, Any]) -> Symptom:
    """Make a symptom of what its file holds.

    Raises:
        Invalid: a key or a value is wrong.
    """
    return Symptom(**parse_fields(Symptom, {**value, "id": name}))


def pieces(text: str) -> list[str]:
    """Give the parts of a text that stand in the log as they are written."""
    return [part for part in _PARTS.split(text) if part and not _PARTS.fullmatch(part)]


def expression(text: str) -> re.Pattern[str]:
    """Compile a text: what is between its literal parts is matched lazily."""
    written: list[str] = []
    names: set[str] = set()
    for part in filter(None, _PARTS.split(text)):
        name = part[1:-1]
        if part == "…":
            written.append(".*?")
        elif part in _EDGES:
            written.append(_EDGES[part])
        elif not _PARTS.fullmatch(part):
            written.append(re.escape(part))
        else:
            form = _FORMS.get(name, _WORD)
            written.append(f"(?:{form})" if name in names else f"(?P<{name}>{form})")
            names.add(name)
    # A word at the end would be one letter long, being lazy.
    tail = r"(?![^\s\"'`<>])" if written[-1].endswith(f"{_WORD})") else ""
    return re.compile("".join(written) + tail)


def key_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Choose the word by which lines that may show a text are found.

    Splitting a log into words is fast, and so is asking which of them are there; only lines with
    a text's word are compared with it. The longest word is the rarest.

    Returns:
        the word, and the forms in which it may stand between blanks.
    """
    found: list[tuple[bool, int, str, tuple[str, ...]]] = []
    parts = [part for part in _PARTS.split(text) if part and part not in _EDGES]
    for place, part in enumerate(parts):
        words = [] if _PARTS.fullmatch(part) else part.split()
        for number, word in enumerate(words):
            opens = number == 0 and not part[0].isspace()
            closes = number == len(words) - 1 and not part[-1].isspace()
            if (opens and place) or (closes and place < len(parts) - 1):
                continue  # what is beside it in a log is not known
            opening, closing = _OPENING if opens else ("",), _CLOSING if closes else ("",)
            forms = tuple(f"{a}{word}{b}" for a in opening for b in closing)
            found.append((len(word) >= _SHORTEST, len(word), word, forms))
    if not found:
        raise ValueError(f"{text!r} has no word that a log could be searched for")
    _, _, word, forms = max(found)
    return word, forms


def packed(folder: Path) -> str:
    """Give the content of ``symptoms.json``: all symptoms without samples and sources."""
    found = from_files(folder)
    kept = [item.name for item in fields(Symptom) if item.name not in ("samples", "source")]
    values = [
        {name: getattr(item, name) for name in kept if getattr(item, name) not in ((), False)}
        for item in found
    ]
    return json.dumps(values, ensure_ascii=True, indent=1) + "\n"


def from_files(folder: Path) -> list[Symptom]:
    """Read all files of a folder, sorted by name.

    Raises:
        ValueError: one of them is wrong.
    """
    from podwright import yamlreader  # noqa: PLC0415 - only who generates or tests reads the files

    found = []
    for path in sorted(folder.glob("*.yaml")):
        value = yamlreader.read(path.read_text(encoding="utf-8"), path.name)
        try:
            found.append(read(path.stem, value))
        except Exception as error:
            raise ValueError(f"{path.name}: {error}") from error
    return found


def for_pods(found: list[Symptom]) -> str:
    """Give what the bridge needs to explain a pod that is no more, with Java's expressions.

    Python, which knows all symptoms, was in that pod.
    """
    meant = {item.id: item for item in found if item.layer in POD_LAYERS and not item.when}
    others = {name for item in meant.values() for name in item.unless}
    meant.update({item.id: item for item in found if item.id in others})
    values = [
        {
            **{name: getattr(item, name) for name in _OF_PODS},
            "texts": [_for_java(expression(text)) for text in item.texts],
        }
        for item in meant.values()
    ]
    return json.dumps(values, ensure_ascii=True, indent=1) + "\n"


def _for_java(pattern: re.Pattern[str]) -> dict[str, Any]:
    return {"pattern": pattern.pattern.replace("(?P<", "(?<"), "names": [*pattern.groupindex]}


def load() -> list[Symptom]:
    """Give the symptoms as they are packed: without samples and sources."""
    found = []
    for item in json.loads(resources.text(PACKED)):
        made: dict[str, Any] = {
            key: tuple(it) if isinstance(it, list) else it for key, it in item.items()
        }
        found.append(Symptom(**made, samples=(), source=""))
    return found
