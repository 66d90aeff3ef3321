"""The ``podwright`` command: the only place that prints, reads the environment or exits."""

from __future__ import annotations

import argparse
import os
import sys

from podwright import __version__, commands
from podwright.console import Console
from podwright.errors import EXIT_USAGE, PodwrightError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = "Container image builds for Jenkins on Kubernetes, by any strategy, from one step."


class Help(argparse.RawDescriptionHelpFormatter):
    """Help of one width everywhere, so that the reference page is the same on each machine."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=96)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser.

    Args:
        only: configure this subcommand alone, which spares the start-up time of all others.
    """
    top = argparse.ArgumentParser(
        prog="podwright", description=DESCRIPTION, formatter_class=Help, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"podwright {__version__}")
    sub = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in [only] if only else commands.names():
        command = commands.load(name)
        child = sub.add_parser(
            name,
            help=command.SUMMARY,
            description=getattr(command, "__doc__", None) or command.SUMMARY,
            formatter_class=Help,
            # A beginning such as `--imag` would be another option as soon as there is one.
            allow_abbrev=False,
        )
        command.configure(child)
    return top


def subparser(name: str) -> argparse.ArgumentParser:
    """Build the parser of one subcommand alone, for its page."""
    command = commands.load(name)
    alone = argparse.ArgumentParser(
        prog=f"podwright {name}",
        description=getattr(command, "__doc__", None) or command.SUMMARY,
        formatter_class=Help,
    )
    command.configure(alone)
    return alone


def run(arguments: Sequence[str], console: Console) -> int:
    """Run one command line and give its exit code; problems become sentences on stderr."""
    first = arguments[0] if arguments and arguments[0] in commands.names() else None
    options = parser(first).parse_args(arguments)
    try:
        return commands.load(options.command).run(options, console)
    except PodwrightError as error:
        for problem in error.problems:
            console.say(f"podwright {options.command}: {problem}")
        return error.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script and of the bundle."""
    console = Console(sys.stdout, sys.stderr, sys.stdin, os.environ)
    try:
        return run(sys.argv[1:] if arguments is None else arguments, console)
    except KeyboardInterrupt:
        console.say("podwright: interrupted")
        return 130
    except BrokenPipeError:
        # The reader went away (`podwright builders | head`): not an error worth a trace.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
