"""YAML with the position of every key and value; the only reader of YAML.

Scalars are read more plainly than YAML 1.1 does: ``true`` and ``false`` are booleans, whole numbers
are numbers, and everything else is text: ``NO`` is no boolean, ``12:30`` no number of seconds and
``1.10`` keeps its zero. Of a user's pod :mod:`podwright.yaml11` makes more.
"""

from __future__ import annotations

import io
import re

import yaml

from podwright.errors import UsageError
from podwright.located import Map, Mark, Plain, Problems, Seq, mark_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    Node = Union[yaml.ScalarNode, yaml.MappingNode, yaml.SequenceNode]

# An alias costs nothing here, but its content counts again wherever a job is expanded.
MOST_NODES = 2_000_000
MOST_LEVELS = 100
MOST_INDENTATION = 1000
TAG = "tag:yaml.org,2002:"
PLAIN = TAG + "plain"
MERGE = TAG + "merge"
CORE_TAGS = frozenset(TAG + name for name in ("plain", "str", "merge", "map", "seq"))
WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


_CYCLE = object()


class _Reader:
    """Turns the nodes of one file into values."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.made: dict[int, Any] = {}
        self.open: set[int] = set()

    def value(self, node: Node) -> Any:
        """Make the value of a node; the same object for each of its aliases."""
        if node.tag not in CORE_TAGS:
            self.problems.add(
                node.start_mark, f"the tag '{node.tag}' is not known here; write a plain value"
            )
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        key = id(node)
        if key in self.open:
            self.problems.add(
                node.start_mark, "this value contains itself through an alias; remove the cycle"
            )
            return _CYCLE
        if key not in self.made:
            if len(self.open) > MOST_LEVELS:
                raise RecursionError
            self.open.add(key)
            made: Any = self.map(node) if isinstance(node, yaml.MappingNode) else self.seq(node)
            self.made[key] = made
            self.open.discard(key)
        return self.made[key]

    def scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.tag != PLAIN:
            return text
        word = text.lower()
        if word in WORDS:
            return WORDS[word]
        return int(text) if WHOLE_NUMBER.fullmatch(text) else Plain(text)

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


def _composed(text: str, file: str) -> Node | None:
    """Compose the nodes with libyaml when PyYAML has it, 10 times as fast as Python.

    Of a mistake Python's parser says more, and the same on all machines.
    """
    _check_depth(text)
    if yaml.__with_libyaml__:
        base: Any = getattr(yaml.cyaml, "CParser")  # noqa: B009 - its stubs do not export it
        loader = type("FastLoader", (base, _Tags), {"__init__": _start_fast})(_Named(text, file))
        try:
            return loader.get_single_node()  # type: ignore[no-any-return]
        except yaml.YAMLError:
            pass
        finally:
            loader.dispose()
    parts = yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer
    plain = type("PlainLoader", (*parts, _Tags), {"__init__": _start_plain})(_Named(text, file))
    return plain.get_single_node()  # type: ignore[no-any-return]


def _check_depth(text: str) -> None:
    """Refuse nesting that would overrun the stack of libyaml, which has no bound of its own.

    What brackets and indentation allow at most is nearly always enough to know.
    """
    flow = deepest = 0
    for bracket in re.findall(r"[][{}]", text):
        flow += 1 if bracket in "[{" else -1
        deepest = max(deepest, flow)
    indentation = max(map(len, re.findall(r"^[ ?:-]+", text, re.MULTILINE)), default=0)
    if deepest + indentation < MOST_INDENTATION:
        return
    level = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise RecursionError


def _start_fast(loader: Any, text: _Named) -> None:
    yaml.cyaml.CParser.__init__(loader, text)  # type: ignore[attr-defined]
    _Tags.__init__(loader)


def _start_plain(loader: Any, text: _Named) -> None:
    yaml.reader.Reader.__init__(loader, text)
    for part in (yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Tags):
        part.__init__(loader)


def read(text: str, file: str) -> Any:
    """Read one YAML document; as :func:`load` does.

    Raises:
        UsageError: with all mistakes.
    """
    problems = Problems()
    value = load(text, file, problems)
    if problems.found:
        raise UsageError(problems.sentences())
    return value


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
        node = _composed(text, file)
        return None if node is None else _Reader(problems).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(error.problem or "bad syntax")
        # "but found ..." is the second half of a sentence.
        what = f"{error.context}, {what}" if what.startswith("but ") else what
        problems.add(Mark(file, line, column), f"not valid YAML: {what}")
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
