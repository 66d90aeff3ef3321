"""Records behave as frozen dataclasses do: each promise is held against the standard library's."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, ClassVar, NamedTuple

import pytest

from podwright import records


def declare(make: Any, field: Any) -> tuple[type, type]:
    """Declare the same two classes with records, or with dataclasses."""

    class Base:
        """A base with a field that needs a value and one that has one."""

        kind: ClassVar[str] = "base"
        name: str
        size: int = 3

    class Child(Base):
        """Adds fields, and gives one of the base's another default."""

        size: int = 4
        tags: list[str] = field(default_factory=list)
        note: str = field(default="", metadata={"doc": "a note"})

        @property
        def loud(self) -> str:
            return self.name.upper()

    made = make(Base), make(Child)
    for cls in made:
        cls.__qualname__ = cls.__name__
    return made


class World(NamedTuple):
    """The two classes as one of the libraries makes them."""

    base: Any
    child: Any
    lib: Any


OURS = World(*declare(records.record, records.field), records)
THEIRS = World(*declare(dataclasses.dataclass(frozen=True), dataclasses.field), dataclasses)

USES: dict[str, Callable[[World], Any]] = {
    "the values": lambda w: vars(w.child("a", tags=["x"])),
    "positions": lambda w: vars(w.child("a", 1, ["t"], "n")),
    "what is printed": lambda w: repr(w.child("a", note="it's")),
    "same values are equal": lambda w: w.child("a") == w.child("a"),
    "other values are not": lambda w: w.child("a") == w.child("b"),
    "a base is no child": lambda w: w.base("a", 4) == w.child("a"),
    "no other type is equal": lambda w: w.base("a") == ("a", 3),
    "hashes agree": lambda w: hash(w.base("a")) == hash(w.base("a")),
    "hashes differ": lambda w: len({w.base("a"), w.base("b"), w.base("a")}),
    "each instance has its own list": lambda w: w.child("a").tags is w.child("a").tags,
    "names of the fields": lambda w: [item.name for item in w.lib.fields(w.child)],
    "fields of an instance": lambda w: [i.name for i in w.lib.fields(w.base("a"))],
    "defaults": lambda w: [
        None if item.default is w.lib.MISSING else item.default for item in w.lib.fields(w.child)
    ],
    "metadata": lambda w: [dict(item.metadata) for item in w.lib.fields(w.child)],
    "a default is an attribute of the class": lambda w: (w.base.size, w.child.size),
    "a factory is not": lambda w: hasattr(w.child, "tags"),
    "a copy": lambda w: vars(w.lib.replace(w.child("a", note="n"), size=9)),
    "properties": lambda w: w.child("a").loud,
    "class variables are no fields": lambda w: w.child.kind,
}


@pytest.mark.parametrize("use", USES)
def test_a_record_does_as_a_frozen_dataclass(use: str) -> None:
    assert USES[use](OURS) == USES[use](THEIRS)


MISUSES: dict[str, tuple[Callable[[World], Any], str]] = {
    "missing": (lambda w: w.base(), "Base: the field name is missing"),
    "unknown": (lambda w: w.base("a", colour=1), "Base has no field colour"),
    "twice": (
        lambda w: w.base("a", name="b"),
        "Base: a field is given twice, or there are too many",
    ),
    "too many": (
        lambda w: w.base("a", 1, 2),
        "Base: a field is given twice, or there are too many",
    ),
    "a copy with an unknown field": (
        lambda w: w.lib.replace(w.base("a"), colour=1),
        "Base has no field colour",
    ),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_record_refuses_what_a_dataclass_refuses(misuse: str) -> None:
    action, sentence = MISUSES[misuse]
    with pytest.raises(TypeError):
        action(THEIRS)
    with pytest.raises(TypeError) as caught:
        action(OURS)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("cls", [OURS.child, THEIRS.child])
def test_nothing_of_an_instance_can_be_changed(cls: type) -> None:
    made = cls("a")
    with pytest.raises(AttributeError):
        made.name = "b"
    with pytest.raises(AttributeError):
        del made.name
    assert made.name == "a"


def test_a_default_that_all_instances_would_share_is_refused() -> None:
    class Shared:
        items: list[str] = []  # noqa: RUF012 - what is to be refused

    with pytest.raises(TypeError) as caught:
        records.record(Shared)
    assert str(caught.value) == "Shared.items: a mutable default needs a default_factory"


def test_a_class_may_look_at_its_values_when_it_has_them() -> None:
    @records.record
    class Even:
        number: int = 0

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError(self.number)

    assert Even(2).number == 2
    with pytest.raises(ValueError, match=r"^3$"):
        Even(3)
