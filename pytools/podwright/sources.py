"""Texts that people wrote: requests and configs, in JSON or YAML."""

from __future__ import annotations

import json

from podwright.errors import Problem, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from podwright.located import Map, Mark

MOST_BYTES = 32 * 1024 * 1024


class SourceFloat(float):
    """A number with a point, which as a text is what was written: the tag 1.10 is not 1.1."""

    text: str

    def __new__(cls, text: str) -> SourceFloat:  # noqa: PYI034 - Self needs Python 3.11
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


class Document:
    """A request or a config that was read from a text.

    Attributes:
        value: what it holds; JSON has no places, so it is read once more when a place is asked for.
        origin: the name of its file for sentences.
        overridden: keys whose values come from elsewhere, as from options.
    """

    def __init__(self, text: str, origin: str) -> None:
        """Read a text.

        Raises:
            UsageError: it is neither JSON nor YAML.
        """
        self.origin = origin
        self.overridden: set[str] = set()
        self._text = text
        self.value = _json_or_none(text)
        if self.value is None:
            self.value = _read_yaml(text, origin)

    def locate(self, problem: Problem) -> Problem:
        """Give the problem with its mark; without one when it is about something else."""
        root = self._root()
        first = problem.place[0] if problem.place else None
        if root is None or first not in root or first in self.overridden:
            return problem
        return problem.at(self._mark(problem))

    def locate_setting(self, problem: Problem) -> Problem:
        """Give the problem of a config with its mark, in a config's own words."""
        text = problem.text
        if problem.named:
            text = text.replace("unknown parameter", "unknown setting", 1)
        found = Problem(text, *problem.place, named=problem.named)
        return found.at(self._mark(problem))

    def _mark(self, problem: Problem) -> Mark:
        """Say where the innermost part of a problem's place stands."""
        from podwright import located  # noqa: PLC0415 - only for the mistaken

        root = self._root() or located.Map(located.Mark(self.origin, 1, 1))
        return located.place_of(root, problem.place)

    def _root(self) -> Map | None:
        """Give the value with its places; JSON is YAML."""
        if type(self.value) is dict:
            try:
                self.value = _read_yaml(self._text, self.origin)
            except UsageError:
                return None
        root: Map | None = self.value
        return root


def _json_or_none(text: str) -> Any:
    """Read JSON, which needs no library; None for what is none: YAML may begin the same way."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text, parse_float=SourceFloat, object_pairs_hook=_unique_map)
    except (ValueError, RecursionError):
        return None


def _unique_map(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a map of JSON."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError
    return made


def _read_yaml(text: str, origin: str) -> Any:
    """Read YAML."""
    try:
        from podwright import yamlreader  # noqa: PLC0415 - PyYAML takes 20 ms, YAML alone needs it
    except ImportError:
        raise UsageError(
            f"{origin}: YAML cannot be read here, because PyYAML is missing; write JSON, or "
            "use the bundle, which carries it"
        ) from None
    return yamlreader.read(text, origin)


def read_text(path: Path, name: str) -> str:
    """Read a file that a person wrote.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            problem = f"is larger than {MOST_BYTES // 2**20} MB; split it up"
        else:
            return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start}); save it as UTF-8"
    raise UsageError([Problem(problem, mark=name)])
