"""What a command may know of the world outside: two streams and the environment.

Only ``cli.py`` makes a :class:`Console` from the real ones; tests make their own. This is how a
command prints (result on stdout, talk on stderr) without knowing of ``sys`` or ``os.environ``.
"""

from __future__ import annotations

import json

from podwright.errors import PodwrightError
from podwright.records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TextIO

_STYLES = {"bad": "31", "good": "32", "warn": "33", "strong": "1", "dim": "2"}


@record
class Console:
    """The streams and the environment of one command.

    Attributes:
        stdout: the result, and nothing else.
        stderr: progress, warnings and errors.
        stdin: where a request given as ``-`` is read.
        env: the environment variables.
        json: whether a program reads the result (--json).
    """

    stdout: TextIO
    stderr: TextIO
    stdin: TextIO
    env: Mapping[str, str] = field(default_factory=dict)
    json: bool = False

    def result(self, text: str | None, value: Any = None) -> None:
        """Write the result: for people a text, '' for none; for programs one value as JSON.

        Without a text people get the JSON as well, without a value programs the text in JSON.

        Raises:
            PodwrightError: there is no room for it.
        """
        if text is None or self.json:
            text = json.dumps(text if value is None else value, indent=2)
        try:
            self.stdout.write(text if not text or text.endswith("\n") else text + "\n")
            self.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise PodwrightError(f"the result cannot be written: {error.strerror}") from None

    def say(self, text: str) -> None:
        """Write one line of talk."""
        self.stderr.write(text + "\n")
        self.stderr.flush()

    def paint(self, text: str, style: str, *, result: bool = False) -> str:
        """Colour a piece of talk, or of the result, where somebody sees it (no-color.org)."""
        stream = self.stdout if result else self.stderr
        plain = self.env.get("NO_COLOR") or self.env.get("TERM") == "dumb" or not stream.isatty()
        return text if plain else f"\033[{_STYLES[style]}m{text}\033[0m"

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches: decides about colours and progress bars."""
        plain = self.env.get("NO_COLOR") or self.env.get("TERM") == "dumb"
        return self.stderr.isatty() and not plain
