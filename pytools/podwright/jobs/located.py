"""YAML with the position of every key and value, so that each mistake is told with its place.

Scalars are read more plainly than YAML 1.1 does: ``true`` and ``false`` are booleans, whole numbers
are numbers, and everything else is text: ``NO`` is no boolean, ``12:30`` no number of seconds and
``1.10`` keeps its zero.
"""

from __future__ import annotations

import contextlib
import gc
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

# An alias costs nothing here, but its content counts again wherever a job is expanded.
MOST_NODES = 2_000_000
MOST_BYTES = 32 * 1024 * 1024
TAG = "tag:yaml.org,2002:"
PLAIN = TAG + "plain"
MERGE = TAG + "merge"
CORE_TAGS = frozenset(TAG + name for name in ("plain", "str", "merge", "map", "seq"))
WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

Node = Union[yaml.ScalarNode, yaml.MappingNode, yaml.SequenceNode]


class Mark(NamedTuple):
    """A place in a file; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Write the place as compilers do."""
        return f"{self.file}:{self.line}:{self.column}"


# A mark as PyYAML makes it, or a Mark. Hundreds of thousands are kept and few are ever told, which
# is why they are turned into a Mark only then.
Place = Any


def mark_at(place: Place) -> Mark:
    """Say where a place is."""
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

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}
        self.values_at: dict[str, Place] = {}
        self.nodes = 1

    def put(self, key: str, value: object, key_at: Place, value_at: Place) -> None:
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

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.at: list[Place] = []
        self.nodes = 1

    def put(self, value: object, at: Place) -> None:
        """Append an element with its place."""
        self.append(value)
        self.at.append(at)


def one_line(text: str) -> str:
    """Make a sentence printable that may quote what somebody wrote."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


@dataclass
class Problems:
    """Sentences about a description, gathered so that all of them are told at once."""

    found: dict[tuple[Mark, str], None] = field(default_factory=dict)

    def add(self, place: Place, sentence: str) -> None:
        """Note one problem; the same one at the same place counts once."""
        self.found[mark_at(place), sentence] = None

    def sentences(self, most: int = 100) -> list[str]:
        """Give the problems in the order of the files, and how many more there are."""
        told = [one_line(f"{mark}: {sentence}") for mark, sentence in sorted(self.found)]
        rest = len(told) - most
        return told if rest <= 0 else [*told[:most], f"and {rest} problems more"]


_CYCLE = object()


@dataclass
class _Reader:
    """Turns the nodes of one file into values."""

    problems: Problems
    made: dict[int, Any] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def value(self, node: Node) -> Any:
        """Make the value of a node; the same object for each of its aliases."""
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        key = id(node)
        if key in self.open:
            self.problems.add(
                node.start_mark, "this value contains itself through an alias; remove the cycle"
            )
            return _CYCLE
        if key not in self.made:
            self.open.add(key)
            made: Any = self.map(node) if isinstance(node, yaml.MappingNode) else self.seq(node)
            self.made[key] = made
            self.open.discard(key)
        return self.made[key]

    def scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag not in CORE_TAGS:
            self.problems.add(
                node.start_mark, f"the tag '{node.tag}' is not known here; write a plain value"
            )
        text: str = node.value
        if node.tag != PLAIN:
            return text
        word = text.lower()
        if word in WORDS:
            return WORDS[word]
        return int(text) if WHOLE_NUMBER.fullmatch(text) else text

    def seq(self, node: yaml.SequenceNode) -> Seq:
        made = Seq(node.start_mark)
        for child in node.value:
            element = self.value(child)
            if element is _CYCLE:
                continue
            made.put(element, child.start_mark)
            made.nodes += _nodes(element)
        self.bounded(node, made.nodes)
        return made

    def map(self, node: yaml.MappingNode) -> Map:
        made = Map(node.start_mark)
        merged: list[Map] = []
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                merged += self.merged(value_node)
                continue
            key = self.key(key_node)
            if key is None:
                continue
            if key in made:
                self.problems.add(key_node.start_mark, f"'{key}' is given twice; keep one of them")
                continue
            value = self.value(value_node)
            if value is _CYCLE:
                continue
            made.put(key, value, key_node.start_mark, value_node.start_mark)
            made.nodes += _nodes(value)
        for source in merged:
            for key in source:
                if key not in made:
                    made.put(key, source[key], source.keys_at[key], source.values_at[key])
                    made.nodes += _nodes(source[key])
        self.bounded(node, made.nodes)
        return made

    def key(self, node: Node) -> str | None:
        """Make a key; numbers and words are taken as they are written."""
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self.problems.add(node.start_mark, "a key must be a plain text")
        return None

    def merged(self, node: Node) -> list[Map]:
        """Give the mappings that ``<<`` names."""
        value = self.value(node)
        sources = value if isinstance(value, Seq) else [value]
        if all(isinstance(source, Map) for source in sources):
            return list(sources)
        self.problems.add(node.start_mark, "'<<' takes a map or a list of maps")
        return []

    def bounded(self, node: Node, nodes: int) -> None:
        """Refuse aliases that multiply (`billion laughs`)."""
        if nodes > MOST_NODES:
            raise _TooLarge(mark_at(node.start_mark))


class _TooLarge(Exception):  # noqa: N818 - never leaves this module
    """The aliases of a file stand for too much."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark


def _nodes(value: object) -> int:
    return value.nodes if isinstance(value, (Map, Seq)) else 1


class _Named(io.StringIO):
    """A text with the name that its marks shall bear."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


class _Tags(yaml.resolver.BaseResolver):
    """Tells plain scalars from quoted ones and leaves their types to this module."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """Give the tag of a node that has none in the file."""
        if kind is yaml.ScalarNode:
            if not implicit[0]:
                return TAG + "str"
            return MERGE if value == "<<" else PLAIN
        return TAG + "map" if kind is yaml.MappingNode else TAG + "seq"

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Do nothing: no tag here depends on a path."""

    def ascend_resolver(self) -> None:
        """Do nothing, as above."""


def _loader(text: _Named) -> Any:
    """Make libyaml's parser when PyYAML has it, else the one in Python, 10 times slower."""
    if yaml.__with_libyaml__:
        base: Any = getattr(yaml.cyaml, "CParser")  # noqa: B009 - its stubs do not export it
        return type("FastLoader", (base, _Tags), {"__init__": _start_fast})(text)
    bases = (
        yaml.reader.Reader,
        yaml.scanner.Scanner,
        yaml.parser.Parser,
        yaml.composer.Composer,
        _Tags,
    )
    return type("PlainLoader", bases, {"__init__": _start_plain})(text)


def _start_fast(loader: Any, text: _Named) -> None:
    yaml.cyaml.CParser.__init__(loader, text)  # type: ignore[attr-defined]
    _Tags.__init__(loader)


def _start_plain(loader: Any, text: _Named) -> None:
    yaml.reader.Reader.__init__(loader, text)
    for part in (yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Tags):
        part.__init__(loader)


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Stop the collector of cycles while many objects without cycles are made.

    It would look at all of them again and again: a third of the time of 5,000 jobs.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def load(text: str, file: str, problems: Problems) -> Any:
    """Read one YAML document.

    Args:
        text: the file's content.
        file: its name as it is shown in problems.
        problems: receives a sentence for each mistake.

    Returns:
        Map, Seq, text, number, boolean or None; None also after a mistake of syntax.
    """
    try:
        loader = _loader(_Named(text, file))
        try:
            node = loader.get_single_node()
        finally:
            if hasattr(loader, "dispose"):
                loader.dispose()
        return None if node is None else _Reader(problems).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        context = f" {error.context}" if error.context else ""
        problems.add(
            Mark(file, line, column), f"this is not YAML: {error.problem or 'bad syntax'}{context}"
        )
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        problems.add(
            Mark(file, line, column),
            f"the control character {_code(error.character)} is not allowed; remove it",
        )
    except RecursionError:
        problems.add(Mark(file, 1, 1), "the values are nested too deeply; write them flatter")
    except _TooLarge as error:
        problems.add(
            error.mark,
            f"the aliases here stand for more than {MOST_NODES} values; write fewer of them",
        )
    return None


def _code(character: object) -> str:
    if isinstance(character, bytes):
        character = character.decode("latin-1")
    number = character if isinstance(character, int) else ord(str(character)[:1] or "\0")
    return f"U+{number:04X}"


def place_of(root: Map, sentence: str) -> Mark:
    """Find the place that a sentence of the schema talks about.

    The schema's sentences begin with a path such as ``scm.git.url`` or ``parameters[2]``, followed
    by a colon; an unknown parameter is quoted behind it.

    Returns:
        The most exact place known: a key of a map, an element of a list, or the root.
    """
    current: Any = root
    mark = mark_at(root.place)
    rest = sentence
    while True:
        step = _next_step(current, rest)
        if step is None:
            break
        current, mark, rest = step
    found = re.match(r"(?:: )?unknown parameter '(.*?)'", rest)
    if found and isinstance(current, Map) and found[1] in current:
        return current.mark_of(found[1])
    return mark


def _next_step(current: Any, rest: str) -> tuple[Any, Mark, str] | None:
    """Follow one step of a path: a key of a map or the number of an element."""
    if isinstance(current, Map):
        rest = rest.removeprefix(".")
        keys = [key for key in current if rest.startswith(key) and rest[len(key) : len(key) + 1]]
        keys = [key for key in keys if rest[len(key)] in ".[:"]
        if not keys:
            return None
        key = max(keys, key=len)
        return current[key], current.mark_of(key), rest[len(key) :]
    found = re.match(r"\[(\d+)\]", rest)
    if isinstance(current, Seq) and found and int(found[1]) < len(current):
        number = int(found[1])
        return current[number], mark_at(current.at[number]), rest[found.end() :]
    return None
