"""The ``podwright`` command: the only place that prints, reads the environment or exits."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from podwright import __version__, commands
from podwright.console import Console
from podwright.errors import EXIT_USAGE, PodwrightError, guess
from podwright.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn, TextIO

DESCRIPTION = """\
Build container images from Jenkins on Kubernetes: one step, seven strategies.
This command plans and builds without Jenkins, and keeps Jenkins jobs as code.

Exit codes: 0 done, 1 failed, 2 a mistake in what you wrote, 3 changes pending.
"""


# Commands that a bundle leaves out.
ELSEWHERE = {
    "jobs": "; it is in podwright-jobs.pyz",
    **dict.fromkeys(commands.INSTALLED, "; it comes with `pipx install .`, not with the bundle"),
}


# Its own few words need no translation, which is looked for on the disk at each start.
setattr(argparse, "_", str)  # noqa: B010 - argparse declares no such name to type checkers


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that fits a terminal, of one width so that its page is the same on each machine."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=79)

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Wrap between words alone: `dind-sidecar` is one."""
        import textwrap  # noqa: PLC0415 - only for help

        return textwrap.wrap(text, width, break_on_hyphens=False)


class ShowHelp(argparse.Action):
    """`-h` shows one screen, `--help` all there is."""

    def __call__(self, parser: Any, _: Any, values: Any, option: Any = None) -> None:
        parser.exit(message=parser.short_help() if option == "-h" else parser.format_help())


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, with a guess, as all others are."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", Help)
        # A beginning such as `--imag` would be another option as soon as there is one.
        options.setdefault("allow_abbrev", False)
        super().__init__(add_help=False, **options)
        text = "show this on one screen (-h), or all of it (--help)"
        self.add_argument("-h", "--help", nargs=0, action=ShowHelp, help=text)

    def format_help(self) -> str:
        """Give the long help, with the examples."""
        from podwright import manual  # noqa: PLC0415 - only for help

        self.epilog = self.epilog or manual.footer(self.prog)
        return super().format_help()

    def short_help(self) -> str:
        """Give the help that fits one screen."""
        from podwright import manual  # noqa: PLC0415 - only for help

        return manual.screen(self)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End; help is a result, and all else is talk."""
        if message:
            (sys.stderr if status else sys.stdout).write(message)
        sys.exit(status)

    def error(self, message: str) -> NoReturn:
        """End with a sentence and the exit code of a wrong command line."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; see `{self.prog} --help`\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; what is left over is told here, where the options that exist are known."""
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            self._refuse_word(rest[0].partition("=")[0])
        return parsed, rest

    def _refuse_word(self, word: str) -> NoReturn:
        """End with a sentence about a word that nothing wanted."""
        if word.startswith("-"):
            known = guess(word, self._option_string_actions)
            self.exit(EXIT_USAGE, f"{self.prog}: unknown option '{word}'{known}\n")
        self.error(f"unexpected argument '{word}'")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse an unknown word as podwright's own sentences do."""
        if action.choices is not None and value not in action.choices:
            what = str(action.metavar or action.dest).lower()
            where = ELSEWHERE.get(value) or guess(value, action.choices)
            self.exit(EXIT_USAGE, f"{self.prog}: unknown {what} '{value}'{where}\n")


def parser(only: str | None = None) -> Parser:
    """Build the parser.

    Args:
        only: configure this subcommand alone, which spares the start-up time of all others.
    """
    top = Parser(prog="podwright", usage="podwright COMMAND [OPTIONS]", description=DESCRIPTION)
    version = f"podwright {__version__}"
    top.add_argument("-V", "--version", action="version", version=version, help="show the version")
    sub = top.add_subparsers(
        dest="command", metavar="COMMAND", prog="podwright", help=argparse.SUPPRESS
    )
    for name in [only] if only else commands.names():
        command = commands.load(name)
        text = getattr(command, "__doc__", None) or command.SUMMARY
        made = sub.add_parser(name, help=command.SUMMARY, description=text)
        commands.configure(made, command)
    return top


def run(arguments: Sequence[str], console: Console) -> int:
    """Run one command line and give its exit code; problems become sentences on stderr."""
    first = arguments[0] if arguments and arguments[0] in commands.names() else None
    options = parser(first).parse_args(arguments)
    if not options.command:
        console.say(parser().short_help().rstrip())
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
