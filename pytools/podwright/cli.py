"""The ``podwright`` command: the only place that prints, reads the environment or exits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

from podwright import commands
from podwright.console import Console
from podwright.errors import EXIT_USAGE, PodwrightError
from podwright.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO


def _options(arguments: Sequence[str]) -> Any:
    """Parse a command line; what a waiting build asks is taken as it is."""
    first = arguments[0] if arguments and arguments[0] in commands.names() else None
    if first == "answer" and len(arguments) == 2 and arguments[1][:1] != "-":  # noqa: PLR2004
        return SimpleNamespace(command=first, job=arguments[1], json=False)
    from podwright import parsers  # noqa: PLC0415 - it loads argparse

    return parsers.parser(first).parse_args(arguments)


def run(arguments: Sequence[str], console: Console) -> int:
    """Run one command line and give its exit code; problems become sentences on stderr."""
    options = _options(arguments)
    if not options.command:
        from podwright import parsers  # noqa: PLC0415 - as above

        console.say(parsers.parser().short_help().rstrip())
        return EXIT_USAGE
    try:
        return commands.run(options, replace(console, json=options.json))
    except PodwrightError as error:
        for problem in error.problems:
            console.say(f"{console.paint(f'podwright {options.command}:', 'bad')} {problem}")
        return error.exit_code


def _open_streams() -> tuple[TextIO, TextIO, TextIO]:
    """Give stdout, stderr and stdin; what the caller has closed leads to nowhere.

    Without that the next file that is opened would get a closed one's number, and the talk.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stdin, stdout, stderr
        pass
    os.close(number)
    streams = (sys.stdout, sys.stderr, sys.stdin)
    out, err, into = (stream or open(os.devnull, "r+") for stream in streams)  # noqa: SIM115, PTH123
    return out, err, into


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script and of the bundle."""
    console = Console(*_open_streams(), os.environ)
    try:
        Path.cwd()
    except OSError:
        console.say("podwright: the current directory is gone; change to one that exists")
        return EXIT_USAGE
    try:
        return run(sys.argv[1:] if arguments is None else arguments, console)
    except KeyboardInterrupt:
        console.say("podwright: interrupted")
        return 130
    except BrokenPipeError:
        # The reader went away (`podwright builders | head`): not an error worth a trace.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
