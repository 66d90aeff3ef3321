"""The strategies: one file each, discovered; nothing else names one."""

from __future__ import annotations

import functools
import importlib

from podwright import resources
from podwright.builders._base import Builder  # noqa: TC001 - users of the package expect it


def names() -> list[str]:
    """All strategies, sorted; told by the files alone, without importing them."""
    return list(_found())


@functools.cache
def _found() -> tuple[str, ...]:
    """Look for the files once."""
    return tuple(sorted(n.replace("_", "-") for n in resources.modules(__name__, __path__[0])))


def get(name: str) -> Builder:
    """Give one strategy; only its own file is imported.

    Raises:
        KeyError: there is no such strategy.
    """
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    strategy: Builder = module.STRATEGY
    return strategy


def everything() -> dict[str, Builder]:
    """All strategies by name, the safest first."""
    found = {name: get(name) for name in names()}
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


def summary(strategy: Builder) -> str:
    """The strategy's line in help, tables and pages: the first line of its docstring."""
    return (type(strategy).__doc__ or "").strip().split("\n", 1)[0]
