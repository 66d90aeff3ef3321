"""What a build is at, and for how long, in the last line of a terminal below its talk."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import time
from typing import TextIO

from podwright import resources

_PHASE = re.compile(r"\[podwright\] ((?:building|pushing|loading|writing) .*)")
_TICK = 0.5


class Progress:
    """Shows the talk of a script as it comes, and the line below it.

    Args:
        out: a terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._begun = self._since = time.monotonic()
        self._phase = self._step = ""
        self._forms = json.loads(resources.text("data/steps.json"))["begins"]

    def follow(self, stream: int) -> None:
        """Show what comes through a pipe, until its end."""
        rest = b""
        while True:
            ready = select.select([stream], [], [], _TICK)[0]
            chunk = os.read(stream, 65536) if ready else None
            if chunk == b"":
                break
            *lines, rest = (rest + (chunk or b"")).split(b"\n")
            for line in lines:
                self._show(line.decode("utf-8", "replace"))
            self._write(self._line())
        self._write(rest.decode("utf-8", "replace"))

    def _show(self, text: str) -> None:
        phase = _PHASE.match(text)
        if phase:
            self._phase, self._step, self._since = phase[1], "", time.monotonic()
        for form in self._forms:
            found = re.search(form, text)
            self._step = found["text"] if found else self._step
        self._write(f"{text}\n")

    def _line(self) -> str:
        now = time.monotonic()
        told = f"{self._phase}, {now - self._since:.0f} s" if self._phase else "preparing"
        step = f": {self._step}" if self._step else ""
        width = shutil.get_terminal_size().columns - 1
        return f"[{now - self._begun:.0f} s] {told}{step}"[:width]

    def _write(self, text: str) -> None:
        """Write in the place of the last line."""
        self._out.write(f"\r\033[K{text}")
        self._out.flush()
