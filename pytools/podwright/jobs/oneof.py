"""Kinds of values that the schema of jobs needs beyond those of ``podwright.schema``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from podwright.errors import Problem, guess, shown
from podwright.records import field, record
from podwright.schema import Flag, Invalid, Kind, RecordOf, Text, describe

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        if not isinstance(value, dict):
            raise Invalid(f"expected a map with one {self.what}, got {describe(value)}")
        unknown = [key for key in value if key not in self.variants]
        if unknown:
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


@record
class Lines(Text):
    """A text that ends up in XML: control characters cannot be written there."""

    def parse(self, value: Any) -> str:
        """Return the text; numbers are taken as they are written, other types are refused."""
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
class Plain(Lines):
    """A :class:`Lines` that also takes booleans: defaults and values of parameters."""

    def parse(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return super().parse(value)


# XML 1.0, section 2.2 "Characters", minus the carriage return, which every parser turns into a
# line feed, so that what comes back would differ from what was sent.
ALLOWED = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))


def illegal(text: str) -> str | None:
    """Find the first character that XML 1.0 cannot carry unchanged."""
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        code = ord(char)
        if char not in "\t\n" and not any(low <= code <= high for low, high in ALLOWED):
            return char
    return None


TEXT = Lines()
FLAG = Flag()


@record
class Short(RecordOf):
    """A :class:`RecordOf` that a number may stand for as well: ``keep: 20``."""

    def parse(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
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
