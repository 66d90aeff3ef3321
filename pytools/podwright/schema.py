"""The kinds of values that requests and config files are made of.

A field of a record is declared once, with :func:`option`: its kind, its default and its one-line
documentation. Parsing (all problems at once, with a guess for misspelt names), JSON Schema, the
``--help`` texts and the pages of the steps come from that declaration.
"""

from __future__ import annotations

import re
from importlib import import_module

from podwright.errors import Problem, guess, nearest, repeated, shown
from podwright.records import field, fields, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, ClassVar


class Invalid(Exception):  # noqa: N818 - never leaves this module's callers
    """A value that a kind refuses.

    Attributes:
        problems: what is wrong; their places begin at the value.
        rest: what could be read all the same, None for nothing.
    """

    def __init__(self, *problems: str | Problem, rest: Any = None) -> None:
        self.problems = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        self.rest = rest
        super().__init__(*map(str, self.problems))


def describe(value: object) -> str:
    """Name the type of a JSON value as a pipeline author calls it."""
    names: list[tuple[type, str]] = [
        (bool, "a boolean"),
        (int, "a number"),
        (float, "a number"),
        (str, "a text"),
        (list, "a list"),
        (dict, "a map"),
    ]
    if value is None:
        return "nothing (null)"
    return next((name for kind, name in names if isinstance(value, kind)), f"{value!r}")


def told(value: object) -> str:
    """Tell a value as an author wrote it; of a list or a map what it is."""
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return shown(value) if isinstance(value, str) else describe(value)


def passable(text: str) -> bool:
    """Say whether a text can be an argument and a part of a UTF-8 file."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


@record
class Kind:
    """One kind of value.

    Attributes:
        name: what the documentation calls it.
    """

    name: ClassVar[str] = "value"

    def parse(self, value: Any) -> Any:
        """Check and convert a JSON value.

        Raises:
            Invalid: with all that is wrong.
        """
        raise NotImplementedError


@record
class Text(Kind):
    """A text; numbers and booleans are taken as YAML and Groovy make them of 1.2 and true."""

    name: ClassVar[str] = "text"
    pattern: str = ""
    expected: str = ""
    numbers: bool = False
    booleans: bool = False

    def parse(self, value: Any) -> str:
        if isinstance(value, bool):
            value = str(value).lower() if self.booleans else value
        elif self.numbers and isinstance(value, (int, float)):
            value = str(value)
        if not isinstance(value, str):
            raise Invalid(f"expected a text, got {describe(value)}")
        if not passable(value):
            raise Invalid("contains a NUL character or an unpaired surrogate; remove it")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise Invalid(f"{shown(value)} is not {self.expected}")
        return value


@record
class Flag(Kind):
    """True or false."""

    name: ClassVar[str] = "boolean"

    def parse(self, value: Any) -> bool:
        """Return the boolean; texts such as 'false' are refused, since they would count as true."""
        if not isinstance(value, bool):
            raise Invalid(f"expected true or false, got {told(value)}")
        return value


@record
class Number(Kind):
    """A whole number within bounds."""

    name: ClassVar[str] = "number"
    least: int = 0
    most: int = 1_000_000

    def parse(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            hint = "; write it without quotes" if str(value).isdecimal() else ""
            raise Invalid(f"expected a whole number, got {told(value)}{hint}")
        if not self.least <= value <= self.most:
            raise Invalid(f"{value} is not between {self.least} and {self.most}")
        return value


SECONDS = {"s": 1, "m": 60, "h": 3600}


@record
class Duration(Kind):
    """A time: '90s', '15m', '2h', or a number of minutes as in Jenkins' own timeout step."""

    name: ClassVar[str] = "duration"

    def parse(self, value: Any) -> int:
        """Return whole seconds."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value * 60
        found = re.fullmatch(r"(\d{1,6})([smh])", value) if isinstance(value, str) else None
        if not found:
            raise Invalid(
                f"expected minutes as a number, or a text such as '90s', '15m' or '2h', "
                f"got {shown(value)}"
            )
        return int(found[1]) * SECONDS[found[2]]


@record
class Choice(Kind):
    """One of a few words; they may be known only at run time (strategies are discovered)."""

    name: ClassVar[str] = "text"
    words: Callable[[], Iterable[str]] = list
    what: str = "value"
    booleans: ClassVar[tuple[bool, ...]] = ()

    def parse(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(f"expected a text, got {describe(value)}")
        if value not in self.words():
            raise Invalid(f"unknown {self.what} {shown(value)}{self.guess(value)}")
        return value

    def guess(self, word: str) -> str:
        """Say what an unknown word may have meant."""
        return guess(word, self.words())


@record
class ListOf(Kind):
    """A list; a single value stands for a list of one, as in docker/build-push-action."""

    item: Kind = field(default_factory=Text)
    name: ClassVar[str] = "list"
    unique: bool = False

    def parse(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            number = getattr(self.item, "numbers", False) and type(value) in (int, float)
            if not number and not isinstance(value, (str, dict)):
                raise Invalid(f"expected a list, got {describe(value)}")
            value = [value]
        items: list[Any] = []
        problems: list[Problem] = []
        for number, element in enumerate(value):
            try:
                items.append(self.item.parse(element))
            except Invalid as error:
                problems += [problem.below(number) for problem in error.problems]
        if self.unique:
            doubles = repeated(map(str, items))
            problems += [Problem(f"{shown(item)} is given twice") for item in doubles]
        if problems:
            raise Invalid(*problems)
        return tuple(items)


@record
class MapOf(Kind):
    """A map with free keys of one form and values of one kind."""

    item: Kind = field(default_factory=Text)
    name: ClassVar[str] = "map"
    key: str = r"[\s\S]+"
    key_is: str = "a name"
    nulls: bool = False  # whether a null stands for "without this one"
    keys: Kind | None = None  # what keys are, where that is more than a form

    def parse(self, value: Any) -> dict[str, Any]:
        """Return the map in the order that it was given."""
        if not isinstance(value, dict):
            raise Invalid(f"expected a map (NAME: value), got {describe(value)}")
        items: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, element in value.items():
            if not isinstance(name, str) or not re.fullmatch(self.key, name) or not passable(name):
                problems.append(Problem(f"{shown(name)} is not {self.key_is}", name, named=True))
                continue
            try:
                key = self.keys.parse(name) if self.keys else name
            except Invalid as error:
                problems += [Problem(problem.text, name, named=True) for problem in error.problems]
                continue
            if key in items:
                sentence = f"{shown(name)} is {key}, which is given twice"
                problems.append(Problem(sentence, name, named=True))
            try:
                null = self.nulls and element is None
                items[key] = None if null else self.item.parse(element)
            except Invalid as error:
                problems += [problem.below(name) for problem in error.problems]
        if problems:
            raise Invalid(*problems)
        return items


@record
class Anything(Kind):
    """A piece of somebody else's schema, passed on as it is (parts of a pod)."""

    name: ClassVar[str] = "map"
    types: tuple[type, ...] = (dict,)

    def parse(self, value: Any) -> Any:
        if not isinstance(value, self.types):
            expected = " or ".join(describe(kind()) for kind in self.types)
            raise Invalid(f"expected {expected}, got {describe(value)}")
        return value


@record
class RecordOf(Kind):
    """A map with fixed keys: the fields of a record.

    Attributes:
        of: the record.
        shorthand: the field that a plain text stands for.
        flag: the field that a plain boolean stands for.
    """

    of: type = object
    name: ClassVar[str] = "map"
    shorthand: str = ""
    flag: str = ""

    def parse(self, value: Any) -> Any:
        if self.shorthand and isinstance(value, str):
            value = {self.shorthand: value}
        if self.flag and isinstance(value, bool):
            value = {self.flag: value}
        if not isinstance(value, dict):
            raise Invalid(f"expected a map, got {describe(value)}")
        try:
            parsed = parse_fields(self.of, value)
        except Invalid as error:
            raise Invalid(*error.problems, rest=self.of(**error.rest)) from None
        return self.of(**parsed)


@record
class LateRecordOf(RecordOf):
    """A map whose record is loaded when somebody gives one: most callers do not.

    Attributes:
        where: the record's module and name, ``package.module:Name``.
    """

    where: str = ""

    @property  # type: ignore[misc]
    def of(self) -> type:
        """The record."""
        module, _, name = self.where.partition(":")
        found: type = getattr(import_module(module), name)
        return found

    def parse(self, value: Any) -> Any:
        """Check a map; true stands for one with nothing in it, false for none."""
        return super().parse({} if value is True else value) if value is not False else None


def option(  # noqa: PLR0913 - each is given by its name
    kind: Kind,
    doc: str,
    default: Any = None,
    *,
    required: bool = False,
    internal: bool = False,
    flag: str = "",
    help: str = "",  # noqa: A002 - as argparse calls it
) -> Any:
    """Declare a field, all of it in one place.

    Args:
        kind: what it takes.
        doc: its one-line documentation.
        default: what it is when nobody gives it.
        required: whether somebody must give it.
        internal: whether the steps set it, so that no page shows it.
        flag: its option on the command line, when that is not its name.
        help: its help there, when the documentation speaks of Jenkins.
    """
    metadata = {
        "kind": kind,
        "doc": doc,
        "required": required,
        "internal": internal,
        "flag": flag,
        "help": help or doc,
    }
    if isinstance(default, (list, dict)):
        made = type(default)
        return field(default_factory=lambda: made(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def kinds_of(cls: type) -> dict[str, Kind]:
    """Give the kinds of a record's options by name."""
    return {item.name: item.metadata["kind"] for item in fields(cls)}


def parse_fields(cls: type, value: dict[str, Any]) -> dict[str, Any]:
    """Parse a map by a record's options; what is absent or null keeps its default.

    Raises:
        Invalid: all problems of the map; its rest has the values that could be read.
    """
    options = {item.name: item.metadata for item in fields(cls)}
    problems = [
        _meant_inside(name, options) or unknown("parameter", name, options)
        for name in value
        if name not in options
    ]
    parsed = {}
    for name, meta in options.items():
        if value.get(name) is None:
            if meta["required"]:
                problems.append(Problem(f"is missing; {meta['doc']}", name))
            continue
        try:
            parsed[name] = meta["kind"].parse(value[name])
        except Invalid as error:
            problems += [problem.below(name) for problem in error.problems]
            if error.rest is not None:
                parsed[name] = error.rest
    if problems:
        raise Invalid(*problems, rest=parsed)
    return parsed


def _meant_inside(name: object, options: dict[str, Any]) -> Problem | None:
    """Give the problem of a key that one option takes inside."""
    word = str(name)
    if nearest(word, options):
        return None
    inside = re.compile(rf"\[{re.escape(word)}:")
    found = [option for option, meta in options.items() if inside.search(meta["doc"])]
    if len(found) != 1:
        return None
    sentence = f"unknown parameter {shown(word)}; see '{found[0]}': {options[found[0]]['doc']}"
    return Problem(sentence, word, named=True)


def unknown(what: str, name: object, known: Iterable[str]) -> Problem:
    """Give the problem of a key that does not exist."""
    word = str(name)
    sentence = f"unknown {what} {shown(word)}{guess(word, known)}"
    return Problem(sentence, word, named=True, meant=nearest(word, known))
