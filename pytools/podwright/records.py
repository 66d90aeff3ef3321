"""Frozen records: what the hot path needs of the standard library's dataclasses, without the wait.

``dataclasses`` imports ``inspect`` and compiles the methods of each class anew at every start,
which together was half of the time of ``podwright plan`` (docs/decisions/0007). Here all records
share their methods, so that declaring one costs a look at its annotations. Names and meanings are
those of the standard library, and type checkers see frozen dataclasses (PEP 681).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object) -> object:
        """Stand for typing's decorator, which only type checkers look at."""
        return lambda decorator: decorator


MISSING = type("Missing", (), {"__repr__": lambda _: "MISSING"})()


class Field:
    """One field of a record.

    Attributes:
        name: as it is declared; set by :func:`record`.
        default: :data:`MISSING` when there is none.
        default_factory: makes a default for each instance; :data:`MISSING` when there is none.
        metadata: whatever the declaration attaches.
    """

    __slots__ = ("default", "default_factory", "metadata", "name")

    def __init__(self, default: Any, default_factory: Any, metadata: Mapping[str, Any]) -> None:
        self.name = ""
        self.default = default
        self.default_factory = default_factory
        self.metadata = metadata

    def initial(self) -> Any:
        """Give the value of an instance that was made without one; MISSING when there is none."""
        return self.default if self.default_factory is MISSING else self.default_factory()


def field(
    *,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | Any = MISSING,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a field whose default must be made for each instance, or that carries metadata."""
    return Field(default, default_factory, metadata or {})


def fields(owner: Any) -> tuple[Field, ...]:
    """Give the fields of a record (the class or an instance), the bases' first."""
    return tuple(owner.__record_fields__.values())


def replace(instance: T, **changes: Any) -> T:
    """Give a copy with other values for some fields.

    Raises:
        TypeError: there is no such field.
    """
    return type(instance)(**{**_values_of(instance), **changes})


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class a record: its annotations become the fields, as in a frozen dataclass.

    A ``__post_init__`` of the class is called when an instance has its values.

    Raises:
        TypeError: a default is a list, a map or a set, which all instances would share.
    """
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update(getattr(base, "__record_fields__", {}))
    for name, annotation in getattr(cls, "__annotations__", {}).items():
        # Python 3.9 gives a base's annotations when the class has none of its own.
        inherited = name in found and name not in cls.__dict__
        if not inherited and not annotation.startswith("ClassVar"):
            found[name] = _field_of(cls, name)
    cls.__record_fields__ = found  # type: ignore[attr-defined]
    for name, method in _METHODS.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return cls


def _field_of(cls: type, name: str) -> Field:
    """Read one declaration: a plain default, a :func:`field`, or nothing."""
    value = cls.__dict__.get(name, MISSING)
    made = value if isinstance(value, Field) else Field(value, MISSING, {})
    made.name = name
    if isinstance(made.default, (list, dict, set)):
        raise TypeError(f"{cls.__name__}.{name}: a mutable default needs a default_factory")
    if isinstance(value, Field):
        delattr(cls, name)
    return made


def _init(self: Any, *given: Any, **named: Any) -> None:
    declared = self.__record_fields__
    if given:
        values = dict(zip(declared, given))
        if len(given) > len(declared) or not values.keys().isdisjoint(named):
            raise TypeError(f"{type(self).__name__}: a field is given twice, or there are too many")
        named.update(values)
    for name, item in declared.items():
        if name not in named:
            named[name] = value = item.initial()
            if value is MISSING:
                raise TypeError(f"{type(self).__name__}: the field {name} is missing")
    if len(named) > len(declared):
        unknown = sorted(named.keys() - declared.keys())
        raise TypeError(f"{type(self).__name__} has no field {', '.join(unknown)}")
    vars(self).update(named)
    self.__post_init__()


def _post_init(_: Any) -> None:
    pass


def _refuse_change(self: Any, name: str, *_: Any) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen; {name} cannot be set or deleted")


def _values_of(self: Any) -> dict[str, Any]:
    return {name: getattr(self, name) for name in self.__record_fields__}


def _eq(self: Any, other: object) -> Any:
    return _values_of(self) == _values_of(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash((type(self), *_values_of(self).values()))


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={value!r}" for name, value in _values_of(self).items())
    return f"{type(self).__qualname__}({values})"


_METHODS = {
    "__init__": _init,
    "__post_init__": _post_init,
    "__setattr__": _refuse_change,
    "__delattr__": _refuse_change,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
}
