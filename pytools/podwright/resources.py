"""Texts that travel inside the package: found next to the modules and inside the bundle alike."""

from __future__ import annotations

import pkgutil


def text(name: str) -> str:
    """Read a text file of the package.

    Raises:
        FileNotFoundError: it is missing, which is a defect of the bundle.
    """
    data = pkgutil.get_data("podwright", name)
    if data is None:
        raise FileNotFoundError(name)
    return data.decode("utf-8")
