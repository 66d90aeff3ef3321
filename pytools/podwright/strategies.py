"""The strategies: one file each in ``builders/``, discovered; nothing else names one."""

from __future__ import annotations

import functools
import importlib

import podwright
from podwright import resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.builders._base import Strategy

_PACKAGE = "podwright.builders"


@functools.cache
def names() -> tuple[str, ...]:
    """All strategies, sorted; told by the files alone, without importing them."""
    modules = resources.modules(_PACKAGE, f"{podwright.__path__[0]}/builders")
    return tuple(sorted(name.replace("_", "-") for name in modules))


@functools.cache
def get(name: str) -> Strategy:
    """Give one strategy; only its own file is imported.

    Raises:
        KeyError: there is no such strategy.
    """
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"{_PACKAGE}.{name.replace('-', '_')}")
    strategy: Strategy = module.STRATEGY
    return strategy


def everything() -> dict[str, Strategy]:
    """All strategies by name, the safest first."""
    found = {name: get(name) for name in names()}
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


def summary(strategy: Strategy) -> str:
    """The strategy's line in help, tables and pages: the first line of its docstring."""
    return (type(strategy).__doc__ or "").strip().split("\n", 1)[0]
