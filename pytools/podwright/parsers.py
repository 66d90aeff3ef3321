"""The command line: its parser, whose errors and help are podwright's own.

No part of :mod:`podwright.cli`, for a build in a pod does without: argparse and this take longer to
load than its plan takes, most of all where an image has no compiled modules.
"""

from __future__ import annotations

import argparse
import sys

from podwright import __version__, commands
from podwright.errors import EXIT_USAGE, guess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

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
