"""Texts that travel inside the package: found next to the modules and inside the bundle alike."""

from __future__ import annotations

import functools
import importlib
import os

import podwright

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# A bundle carries one in each package, because a folder inside it cannot be listed.
LIST = "MODULES"


@functools.cache
def text(name: str) -> str:
    """Read a text file of the package.

    Raises:
        OSError: it is missing, which is a defect of the bundle.
    """
    # What pkgutil.get_data does, without the millisecond that importing pkgutil takes.
    loader: Any = podwright.__loader__
    data: bytes = loader.get_data(f"{podwright.__path__[0]}/{name}")
    return data.decode("utf-8")


@functools.cache
def program(name: str) -> str:
    """Read a Python program that a pod carries, without what only its readers need.

    Jenkins saves the text of a pod with each step that runs in it. Comments and docstrings that
    have a line of their own are left out, and one space indents; the code stays as it is.
    """
    short = []
    for line in text(name).splitlines():
        code = line.lstrip(" ")
        if code and not code.startswith(("#", '"""')):
            short.append(" " * ((len(line) - len(code)) // 4) + code)
    return "\n".join(short) + "\n"


def filled(name: str, **parts: object) -> str:
    """Read a text, with parts in the places of their marks: `@name@`."""
    whole = text(name)
    for mark, part in parts.items():
        whole = whole.replace(f"@{mark}@", str(part).rstrip("\n"))
    return whole


def modules(package: str, folder: str) -> tuple[str, ...]:
    """Name the modules of a package, sorted; told by the files alone, without importing them.

    ``pkgutil.iter_modules`` tells the same and imports ``inspect`` for it, which would be an eighth
    of the time of ``podwright plan``.

    Args:
        package: a package inside podwright, e.g. ``podwright.builders``.
        folder: where it lies.
    """
    try:
        files = os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
    except NotADirectoryError:
        files = text(f"{package.partition('.')[2].replace('.', '/')}/{LIST}").split()
    return module_names(files)


def module_names(files: Iterable[str]) -> tuple[str, ...]:
    """Give the names of those files that are public modules, sorted."""
    return tuple(
        sorted(name[:-3] for name in files if name.endswith(".py") and not name.startswith("_"))
    )


class LazyModule:
    """Stands for a module and imports it when it is first used.

    Choosing a strategy looks at all of them, and most of what they are made of is for one pod.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        # Also when it is known: another thread may be loading it still, and is waited for.
        module = importlib.import_module(self._name)
        value = vars(self)[attribute] = getattr(module, attribute)
        return value
