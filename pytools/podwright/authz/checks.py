"""The small checks that the tables are made of: records, so that tests and pages can walk them.

A check is called with (value, where, limits): it returns nothing, or raises :class:`Refused`.
``null`` is what Go takes for "not given" and every check accepts it. Types are exact, because a
value of the wrong type means that sender and policy do not speak of the same thing.
"""

from __future__ import annotations

import re

from podwright.authz.limits import Limits
from podwright.docker_api.strict import Refused, fold, parse_json_text
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

_INT64 = 1 << 63
_EMPTY: tuple[Any, ...] = (None, False, 0, "", [], {})


@record
class Check:
    """What a value must be.

    Attributes:
        rule: by which a wrong value is refused; values of a wrong type are by ``body.type``.
        message: what to do instead.
    """

    rule: str = "body.type"
    message: str = ""

    # Fields of an object are no fields of the record: two such checks are not one.
    __eq__, __hash__ = object.__eq__, object.__hash__

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        """Check a value at its place.

        Raises:
            Refused: it is not allowed.
        """
        raise NotImplementedError

    def allows(self) -> str:
        """What is allowed, for people."""
        raise NotImplementedError

    def inner(self) -> Iterator[tuple[str, Check]]:
        """The checks of what is inside, by what their place adds to this one's."""
        yield from ()

    def refused(self, where: str) -> Refused:
        """What a wrong value means."""
        return Refused(self.rule, f"{where}: {self.message}")


def _type(value: Any, kind: type, where: str, word: str) -> None:
    if type(value) is not kind:
        raise Refused("body.type", f"{where} must be {word}")


@record
class _Plain(Check):
    """A value of one type; whole numbers must fit 64 bits."""

    kind: type = str
    word: str = "a string"
    what: str = "any text"

    def allows(self) -> str:
        return self.what

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, self.kind, where, self.word)
        if self.kind is int and not -_INT64 <= value < _INT64:
            raise Refused("body.type", f"{where} is out of range")


text = _Plain()
boolean = _Plain(kind=bool, word="true or false", what="true or false")
number = _Plain(kind=int, word="a whole number", what="any whole number")


@record
class Around(Check):
    """A check of what is inside a value."""

    item: Check = text
    place = "[]"

    def __init__(self, item: Check) -> None:
        super().__init__()
        object.__setattr__(self, "item", item)

    def allows(self) -> str:
        return self.item.allows()

    def inner(self) -> Iterator[tuple[str, Check]]:
        yield self.place, self.item


class EachItem(Around):
    """A list, every item of which passes a check."""

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, list, where, "a list")
        for item in value:
            if item is None:
                raise Refused("body.type", f"{where} has an empty item (null)")
            self.item(item, where, limits)


class EachValue(Around):
    """An object with free names; every value passes a check."""

    place = ".*"

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, dict, where, "an object")
        for item in value.values():
            self.item(item, where, limits)


class JsonText(Around):
    """A query parameter that carries JSON (the empty text means: not given)."""

    place = ""

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if value:
            self.item(parse_json_text(value), where, limits)


class Fields(Check):
    """An object with exactly these names, each with its check; other names are refused."""

    def allows(self) -> str:
        return "these fields"

    def __init__(self, table: Mapping[str, Check]) -> None:
        super().__init__("body.unknown")
        object.__setattr__(self, "table", dict(table))
        object.__setattr__(self, "_folded", {fold(name): name for name in table})

    table: Mapping[str, Check]
    _folded: Mapping[str, str]

    def inner(self) -> Iterator[tuple[str, Check]]:
        for name, check in self.table.items():
            yield f".{name}", check

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, dict, where or "the body", "an object")
        for name, inner in value.items():
            check = self.table.get(name)
            if check is None:
                raise self._unknown(name, where)
            check(inner, f"{where}.{name}" if where else name, limits)

    def _unknown(self, name: str, where: str) -> Refused:
        """Say what is wrong about a name; an unknown one is quoted only when it is a plain word."""
        right = self._folded.get(fold(name))
        place = f" in {where}" if where else ""
        if right:
            return Refused("body.case", f"a field{place} must be spelt {right}")
        shown = f" '{name}'" if re.match(r"[A-Za-z][A-Za-z0-9]{0,40}\Z", name) else ""
        return Refused(
            "body.unknown", f"the field{shown}{place} is not known to the policy; leave it out"
        )


@record
class Unset(Check):
    """Only Go's zero values (what a client sends when nothing was asked for)."""

    def allows(self) -> str:
        return "nothing"

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if not any(value == empty and type(value) is type(empty) for empty in _EMPTY):
            raise self.refused(where)


@record
class Null(Check):
    """Only null: an empty list would already mean something."""

    def allows(self) -> str:
        return "nothing, not even an empty list"

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        if value is not None:
            raise self.refused(where)


@record
class OneString(Check):
    """One of some strings."""

    words: Sequence[str] = ()

    def allows(self) -> str:
        return "one of " + ", ".join(f"`{word}`" for word in self.words if word)

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        text(value, where, limits)
        if value is not None and value not in self.words:
            raise self.refused(where)


@record
class Between(Check):
    """A whole number within limits."""

    low: int = 0
    high: int = 0

    def allows(self) -> str:
        return f"{self.low} to {self.high}"

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        number(value, where, limits)
        if value is not None and not self.low <= value <= self.high:
            raise self.refused(where)


@record
class Matching(Check):
    """A string that a pattern matches as a whole."""

    pattern: str = ""

    def allows(self) -> str:
        return f"`{self.pattern}`".replace("|", "\\|")

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        text(value, where, limits)
        if value is not None and not re.match(rf"(?:{self.pattern})\Z", value):
            raise self.refused(where)


@record
class NamesIn(Check):
    """An object of strings with names from a list."""

    words: Sequence[str] = ()

    def allows(self) -> str:
        return "the names " + ", ".join(f"`{word}`" for word in self.words)

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        EachValue(text)(value, where, limits)
        for name in value or ():
            if name not in self.words:
                raise self.refused(where)


@record
class Judged(Check):
    """What a function judges.

    Attributes:
        judge: raises :class:`Refused` by one of the rules.
        rules: all of them.
        what: what it allows, for people.
        parts: a check of what is inside, which the judge uses.
    """

    judge: Callable[[Any, str, Limits], None] = lambda *_: None
    rules: tuple[str, ...] = ()
    what: str = ""
    parts: Check | None = None

    def allows(self) -> str:
        return self.what

    def inner(self) -> Iterator[tuple[str, Check]]:
        if self.parts:
            yield "", self.parts

    def __call__(self, value: Any, where: str, limits: Limits) -> None:
        self.judge(value, where, limits)


def judged(
    what: str, *rules: str, parts: Check | None = None
) -> Callable[[Callable[[Any, str, Limits], None]], Judged]:
    """Make a check of a function."""
    return lambda judge: Judged(rules[0], what, judge, rules, what, parts)


def alike(check: Check, names: str) -> dict[str, Check]:
    """One check for each of some names."""
    return dict.fromkeys(names.split(), check)


def walk(check: Check, place: str = "") -> Iterator[tuple[str, Check]]:
    """A check and all that are inside it, by their places."""
    yield place, check
    for more, inner in check.inner():
        yield from walk(inner, place + more)
