"""Show the long help of a command, or the whole manual.

The manual as one page for `man`: podwright help --man >podwright.1
"""

from __future__ import annotations

import argparse

from podwright import __version__, manual, parsers
from podwright.console import Console
from podwright.errors import UsageError, guess

SUMMARY = "show the long help of a command, or the manual"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="such as: build; jobs plan")
    parser.add_argument("--man", action="store_true", help="print the manual for `man`")


def run(options: argparse.Namespace, console: Console) -> int:
    top = parsers.parser()
    if options.man:
        console.result(manual.man_page(top, __version__))
        return 0
    found = {parser.prog.partition(" ")[2]: parser for parser in manual.tree(top)}
    asked = " ".join(options.words)
    if asked not in found:
        raise UsageError(f"unknown command '{asked}'{guess(asked, filter(None, found))}")
    console.result(found[asked].format_help())
    return 0
