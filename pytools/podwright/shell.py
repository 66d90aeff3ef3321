"""Words of the shell: data is quoted, and only podwright's own words name variables."""

from __future__ import annotations

import re
import shlex

# What an Expand word may consist of: nothing that ends a double-quoted word or runs a command.
_EXPANDABLE = r'(?:[^"`\\$]|\$[A-Za-z_][A-Za-z0-9_]*|\$\(date -u \+%[A-Za-z:%-]+\))*'


class Expand(str):
    """A word of a command whose variables the shell expands, such as ``$PW_TMP/digest``.

    Only for words that podwright itself makes; all other words are quoted.
    """

    __slots__ = ()


def quote(word: str) -> str:
    """Quote one word for the shell.

    Raises:
        ValueError: an Expand word holds something that it must not (a defect of a strategy).
    """
    if not isinstance(word, Expand):
        return shlex.quote(word)
    if not re.fullmatch(_EXPANDABLE, word):
        raise ValueError(f"not a safe word to expand: {str(word)!r}")
    return f'"{word}"'
