"""Texts that travel inside the package: found next to the modules and inside the bundle alike."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any


def text(name: str) -> str:
    """Read a text file of the package.

    Raises:
        FileNotFoundError: it is missing, which is a defect of the bundle.
    """
    data = pkgutil.get_data("podwright", name)
    if data is None:
        raise FileNotFoundError(name)
    return data.decode("utf-8")


class Later:
    """Stands for a module and imports it when it is first used.

    Choosing a strategy looks at all of them, and most of what they are made of is for one pod.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Give what the module has."""
        return getattr(importlib.import_module(self._name), attribute)
