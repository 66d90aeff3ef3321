"""The small checks that the tables are made of.

A check is a function of (value, where, limits): it returns nothing, or raises :class:`Refused`.
``null`` is what Go takes for "not given" and every check accepts it. Types are exact, because a
value of the wrong type means that sender and policy do not speak of the same thing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

from podwright.docker_api.strict import Refused, fold, parse_json_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podwright.authz.limits import Limits

Check = Callable[[Any, str, "Limits"], None]

_INT64 = 1 << 63
_EMPTY: tuple[Any, ...] = (None, False, 0, "", [], {})


def _type(value: Any, kind: type, where: str, word: str) -> None:
    if type(value) is not kind:
        raise Refused("body.type", f"{where} must be {word}")


def text(value: Any, where: str, limits: Limits) -> None:  # noqa: ARG001
    """Any string."""
    if value is not None:
        _type(value, str, where, "a string")


def boolean(value: Any, where: str, limits: Limits) -> None:  # noqa: ARG001
    """True or false."""
    if value is not None:
        _type(value, bool, where, "true or false")


def number(value: Any, where: str, limits: Limits) -> None:  # noqa: ARG001
    """A whole number that fits 64 bits."""
    if value is not None:
        _type(value, int, where, "a whole number")
        if not -_INT64 <= value < _INT64:
            raise Refused("body.type", f"{where} is out of range")


def each(check: Check) -> Check:
    """A list, every item of which passes ``check``."""

    def run(value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, list, where, "a list")
        for item in value:
            if item is None:
                raise Refused("body.type", f"{where} has an empty item (null)")
            check(item, where, limits)

    return run


def mapping(check: Check) -> Check:
    """An object with free names; every value passes ``check``."""

    def run(value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, dict, where, "an object")
        for item in value.values():
            check(item, where, limits)

    return run


def fields(table: Mapping[str, Check]) -> Check:
    """An object with exactly these names, each with its check; other names are refused."""
    folded = {fold(name): name for name in table}

    def run(value: Any, where: str, limits: Limits) -> None:
        if value is None:
            return
        _type(value, dict, where or "the body", "an object")
        for name, inner in value.items():
            check = table.get(name)
            if check is None:
                raise _unknown(name, where, folded)
            check(inner, f"{where}.{name}" if where else name, limits)

    return run


def _unknown(name: str, where: str, folded: Mapping[str, str]) -> Refused:
    """Say what is wrong about a name; an unknown one is quoted only when it is a plain word."""
    right = folded.get(fold(name))
    place = f" in {where}" if where else ""
    if right:
        return Refused("body.case", f"a field{place} must be spelt {right}")
    shown = f" '{name}'" if re.match(r"[A-Za-z][A-Za-z0-9]{0,40}\Z", name) else ""
    return Refused(
        "body.unknown", f"the field{shown}{place} is not known to the policy; leave it out"
    )


def unset(rule: str, message: str) -> Check:
    """Only Go's zero values (what a client sends when nothing was asked for)."""

    def run(value: Any, where: str, limits: Limits) -> None:  # noqa: ARG001
        if not any(value == empty and type(value) is type(empty) for empty in _EMPTY):
            raise Refused(rule, f"{where}: {message}")

    return run


def null(rule: str, message: str) -> Check:
    """Only null: an empty list would already mean something."""

    def run(value: Any, where: str, limits: Limits) -> None:  # noqa: ARG001
        if value is not None:
            raise Refused(rule, f"{where}: {message}")

    return run


def one_of(rule: str, message: str, allowed: Sequence[str]) -> Check:
    """One of some strings."""

    def run(value: Any, where: str, limits: Limits) -> None:
        text(value, where, limits)
        if value is not None and value not in allowed:
            raise Refused(rule, f"{where}: {message}")

    return run


def between(rule: str, message: str, low: int, high: int) -> Check:
    """A whole number from ``low`` to ``high``."""

    def run(value: Any, where: str, limits: Limits) -> None:
        number(value, where, limits)
        if value is not None and not low <= value <= high:
            raise Refused(rule, f"{where}: {message}")

    return run


def matching(rule: str, message: str, pattern: str) -> Check:
    """A string that a pattern matches as a whole."""
    compiled = re.compile(rf"(?:{pattern})\Z")

    def run(value: Any, where: str, limits: Limits) -> None:
        text(value, where, limits)
        if value is not None and not compiled.match(value):
            raise Refused(rule, f"{where}: {message}")

    return run


def names_in(rule: str, message: str, allowed: Sequence[str]) -> Check:
    """An object of strings with names from a list."""

    def run(value: Any, where: str, limits: Limits) -> None:
        mapping(text)(value, where, limits)
        for name in value or ():
            if name not in allowed:
                raise Refused(rule, f"{where}: {message}")

    return run


def json_text(check: Check) -> Check:
    """A query parameter that carries JSON (the empty text means: not given)."""

    def run(value: Any, where: str, limits: Limits) -> None:
        if value:
            check(parse_json_text(value), where, limits)

    return run
