"""Kinds of values that the schema of jobs needs beyond those of ``podwright.schema``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from podwright.errors import Problem, guess, shown
from podwright.records import field, fields, record
from podwright.schema import Flag, Invalid, Kind, ListOf, RecordOf, Text, describe


@record
class OneOf(Kind):
    """A map with exactly one key, which says what the value is: ``{cron: "H 2 * * *"}``.

    Attributes:
        variants: what each key takes.
        what: what the alternatives are called in sentences.
    """

    name: ClassVar[str] = "one of"
    variants: Mapping[str, Kind] = field(default_factory=dict)
    what: str = "value"

    def parse(self, value: Any) -> Any:
        if isinstance(value, str) and value in self.variants:
            # `- gitlabPush` alone: a variant that needs no further words
            value = {value: {}}
        if isinstance(value, str) and value.lstrip().startswith("<") and "xml" in self.variants:
            value = {"xml": value}
        if not isinstance(value, dict):
            raise Invalid(f"expected a map with one {self.what}, got {describe(value)}")
        unknown = [key for key in value if key not in self.variants]
        if unknown:
            self._refuse_fields(value, unknown)
            raise Invalid(
                *(
                    Problem(
                        f"{shown(key)} is not a {self.what}{guess(key, self.variants)}",
                        key,
                        named=True,
                    )
                    for key in unknown
                )
            )
        if len(value) != 1:
            given = ", ".join(value) or "none"
            raise Invalid(f"give exactly one {self.what}, not {given}")
        ((key, content),) = value.items()
        try:
            return self.variants[key].parse({} if content is None else content)
        except Invalid as error:
            raise Invalid(*(problem.below(key) for problem in error.problems)) from None

    def _refuse_fields(self, value: Mapping[str, Any], unknown: list[str]) -> None:
        """Refuse fields that stand beside their variant and not in it."""
        for key, kind in self.variants.items():
            inner = [word for word in unknown if word in _fields_of(kind)]
            if key in value and inner:
                word = getattr(kind, "shorthand", "") or "..."
                raise Invalid(
                    Problem(
                        f"{shown(inner[0])} belongs into '{key}'; write {key}: {{{word}: ..., "
                        f"{inner[0]}: ...}}",
                        inner[0],
                        named=True,
                    )
                )


def _fields_of(kind: Kind) -> set[str]:
    return {item.name for item in fields(kind.of)} if isinstance(kind, RecordOf) else set()


@record
class Lines(Text):
    """A text that ends up in XML: control characters cannot be written there."""

    def parse(self, value: Any) -> str:
        """Return the text; numbers are taken as they are written, other types are refused."""
        if isinstance(value, str) and value.isascii() and value.isprintable():
            return value  # as nearly all are
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        text = super().parse(value)
        bad = illegal(text)
        if bad is not None:
            raise Invalid(
                f"the control character U+{ord(bad):04X} cannot be part of a job; remove it"
            )
        return text


@record
class Script(Lines):
    """A :class:`Lines` that may stand in a file: ``{file: build.sh}``; the description reads it."""

    name: ClassVar[str] = "text, or {file: PATH}"


# What is wrong in Java's regular expressions too; the rest of the two dialects differs.
BROKEN = re.compile(
    r"missing \)|unbalanced parenthesis|unterminated character set|nothing to repeat"
)


@record
class Pattern(Lines):
    """A Java regular expression."""

    name: ClassVar[str] = "regular expression"

    def parse(self, value: Any) -> str:
        text = super().parse(value)
        plain = re.sub(r"\\Q.*?(\\E|\Z)", "x", text, flags=re.DOTALL).replace("(?<", "(?:")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what Python may mean otherwise one day
                re.compile(plain)
        except re.error as error:
            if BROKEN.search(error.msg):
                raise Invalid(
                    f"{shown(text)} is not a valid regular expression: {error.msg}"
                ) from None
        return text


@record
class SomeOf(ListOf):
    """A list that must not be empty."""

    def parse(self, value: Any) -> tuple[Any, ...]:
        items = super().parse(value)
        if not items:
            raise Invalid("the list is empty; write at least one")
        return items


@record
class ScalarLines(Lines):
    """A :class:`Lines` that also takes booleans: defaults and values of parameters."""

    def parse(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return super().parse(value)


# XML 1.0, section 2.2 "Characters", minus the carriage return, which no script wants.
ILLEGAL = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def illegal(text: str) -> str | None:
    """Find the first character that XML 1.0 cannot carry unchanged."""
    found = ILLEGAL.search(text)
    return found[0] if found else None


TEXT = Lines()
FLAG = Flag()


@record
class Short(RecordOf):
    """A :class:`RecordOf` that a number or a list may stand for: ``keep: 20``."""

    def parse(self, value: Any) -> Any:
        if isinstance(value, (int, list)) and not isinstance(value, bool):
            value = {self.shorthand: value}
        return super().parse(value)


@record
class Switch(RecordOf):
    """A :class:`RecordOf` that ``true`` stands for when it needs no further words."""

    def parse(self, value: Any) -> Any:
        """Return an instance of the record; None for ``false``."""
        if isinstance(value, bool):
            return self.of() if value else None
        return super().parse(value)
