"""Values that know where they stand in a file, so that each mistake is told with its place.

:mod:`podwright.yamlreader` makes them; nothing here needs PyYAML.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class Mark(namedtuple("Mark", "file line column")):  # noqa: PYI024 - typing costs milliseconds
    """A place in a file; line and column count from 1, as editors do."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def mark_at(place: Any) -> Mark:
    """Say where a place is: a Mark, or what PyYAML makes and few of hundreds of thousands need."""
    if isinstance(place, Mark):
        return place
    return Mark(place.name, place.line + 1, place.column + 1)


class Map(dict):  # type: ignore[type-arg]
    """A mapping that knows where it, its keys and its values stand.

    Attributes:
        place: where the mapping begins.
        keys_at: the places of the keys.
        values_at: the places of the values.
        nodes: how many nodes it holds, aliases counted each time.
    """

    __slots__ = ("keys_at", "nodes", "place", "values_at")

    def __init__(self, place: Any) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Any] = {}
        self.values_at: dict[str, Any] = {}
        self.nodes = 1

    def put(self, key: str, value: object, key_at: Any, value_at: Any) -> None:
        """Set a key together with its places."""
        self[key] = value
        self.keys_at[key] = key_at
        self.values_at[key] = value_at

    def twin(self) -> Map:
        """Return an empty mapping at the same place."""
        return Map(self.place)

    def copy_from(self, source: Map, *but: str) -> None:
        """Take over keys that are not there yet, with their places."""
        for key, value in source.items():
            if key not in self and key not in but:
                self.put(key, value, source.keys_at[key], source.values_at[key])

    def mark_of(self, key: str) -> Mark:
        """Say where a key stands (the mapping's own place when it has no such key)."""
        return mark_at(self.keys_at.get(key, self.place))


class Seq(list):  # type: ignore[type-arg]
    """A list that knows where it and its elements stand."""

    __slots__ = ("at", "nodes", "place")

    def __init__(self, place: Any) -> None:
        super().__init__()
        self.place = place
        self.at: list[Any] = []
        self.nodes = 1

    def put(self, value: object, at: Any) -> None:
        """Append an element with its place."""
        self.append(value)
        self.at.append(at)


def rebuilt(value: Any, at: Any, change: Callable[[Any, Any], Any]) -> Any:
    """Give a value anew.

    Args:
        value: maps and lists with their places, or a plain value.
        at: where it stands.
        change: gives another value for a part of it and its place, or the part itself.
    """
    other = change(value, at)
    if other is not value:
        return other
    if isinstance(value, Map):
        made = value.twin()
        for key, part in value.items():
            where = value.values_at[key]
            made.put(key, rebuilt(part, where, change), value.keys_at[key], where)
        return made
    if isinstance(value, Seq):
        listed = Seq(value.place)
        for part, where in zip(value, value.at):
            listed.put(rebuilt(part, where, change), where)
        return listed
    return value


class Plain(str):
    """A text that stands without quotes; in a pod's YAML it may be a number (YAML 1.1)."""

    __slots__ = ()


def one_line(text: str) -> str:
    """Make a sentence printable that may quote what somebody wrote."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


class Problems:
    """Sentences about files, gathered so that all of them are told at once."""

    def __init__(self) -> None:
        self.found: dict[tuple[Mark, str], None] = {}
        self.notes: dict[tuple[Mark, str], None] = {}

    def add(self, place: Any, sentence: str) -> None:
        """Note one problem; the same one at the same place counts once."""
        self.found[mark_at(place), sentence] = None

    def note(self, place: Any, sentence: str) -> None:
        """Note what may be meant as it is, and may be a slip."""
        self.notes[mark_at(place), f"note: {sentence}"] = None

    def sentences(self, most: int = 100) -> list[str]:
        """Give the problems in the order of the files, and how many more there are."""
        told = [one_line(f"{mark}: {text}") for mark, text in sorted(self.found or self.notes)]
        rest = len(told) - most
        return told if rest <= 0 else [*told[:most], f"and {rest} problems more"]


def place_of(root: Map, place: Iterable[str | int]) -> Mark:
    """Find where a problem's place stands: the innermost part of it that the document has."""
    current: Any = root
    mark = mark_at(root.place)
    for step in place:
        if isinstance(current, Map) and step in current:
            mark, current = current.mark_of(str(step)), current[step]
        elif isinstance(current, Seq) and isinstance(step, int) and step < len(current):
            mark, current = mark_at(current.at[step]), current[step]
        elif step != 0:  # a single value stands for a list of one
            break
    return mark
