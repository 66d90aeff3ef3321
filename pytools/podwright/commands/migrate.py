"""Propose how a Jenkinsfile builds with podwright, as a diff.

Knows docker.build, withRegistry, push, image(...).inside and withRun, agents
made of a Dockerfile, and kaniko in a pod template. What it is not sure of it
leaves alone, and says so. Nothing is written without --write.

Exit codes: 0 nothing to change or written, 3 changes are proposed.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from podwright.desk.migrating import Proposal
from podwright.errors import EXIT_DONE, EXIT_PENDING
from podwright.sources import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from podwright.console import Console

SUMMARY = "propose how a Jenkinsfile builds with podwright"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="Jenkinsfile", help="(default: Jenkinsfile)")
    parser.add_argument("--write", action="store_true", help="write the change")


def run(options: argparse.Namespace, console: Console) -> int:
    before = read_text(Path(options.file), options.file)
    made = Proposal(before)
    old, new = before.splitlines(keepends=True), made.text.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(old, new, f"a/{options.file}", f"b/{options.file}"))
    if diff:
        console.result(diff)
    for note in dict.fromkeys(made.notes):
        console.say(f"note: {note}")
    for sentence in made.left():
        console.say(sentence)
    if not diff:
        console.say("nothing to change was found")
    if options.write:
        Path(options.file).write_text(made.text, encoding="utf-8")
    return EXIT_PENDING if diff and not options.write else EXIT_DONE
